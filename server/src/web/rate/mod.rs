//! Rate limits: what a request counts against, and the answer when that is used up.

mod addresses;
pub mod class;
mod limiter;
#[cfg(test)]
mod tests;

pub use limiter::RateLimiter;

use std::num::NonZeroU32;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use services::actor::Credential;
use services::{Actor, Origin};
use types::people::Role;
use types::{ApiError, ErrorCode};

use crate::config::{Rate, RateClass};

use super::client::ClientAddress;
use super::edge::Edge;
use super::error::JsonError;
use class::{Door, Kind, RouteClass, class_of};
use limiter::{Exceeded, Key};

/// Before anything is done with a request: its address's own limit, which shields authentication too.
pub async fn limit_address(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let counted = match address_of(&request) {
        Some(address) => edge.limiter.count(RateClass::Address, &address),
        None => Ok(()),
    };
    match counted {
        Ok(()) => next.run(request).await,
        Err(exceeded) => refuse(RateClass::Address, exceeded).into_response(),
    }
}

/// Once it is known who asks: the limits of the route.
pub async fn limit_rate(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let route = class_of(request.method(), request.uri().path());
    let Some(asker) = Asker::of(&request) else {
        return next.run(request).await;
    };
    match asker.count(&edge.limiter, route) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Counts a request whose credential does not hold, against what its address may.
///
/// # Errors
/// That is used up.
pub fn count_stranger(edge: &Edge, request: &Request) -> Result<(), JsonError> {
    let Some(address) = address_of(request) else {
        return Ok(());
    };
    let counted = edge.limiter.count(RateClass::Public, &address);
    counted.map_err(|exceeded| refuse(RateClass::Public, exceeded))
}

fn address_of(request: &Request) -> Option<Key> {
    let client = request.extensions().get::<ClientAddress>();
    client.map(|client| Key::Address(client.0))
}

/// Who is counted.
struct Asker {
    address: Key,
    /// The person, also behind an API key; an address while nobody is known.
    person: Key,
    /// The API key, else the person, else the address.
    credential: Key,
    general: RateClass,
    /// The API key's own limit.
    own: Option<Rate>,
}

impl Asker {
    fn of(request: &Request) -> Option<Self> {
        let address = address_of(request)?;
        let Some(Actor::User(user, origin)) = request.extensions().get::<Actor>() else {
            return Some(Self {
                person: address.clone(),
                credential: address.clone(),
                address,
                general: general_class(None),
                own: None,
            });
        };
        let person = Key::Person(user.id);
        let (credential, own) = credential_of(origin, &person);
        Some(Self {
            address,
            person,
            credential,
            general: general_class(Some(user.role)),
            own,
        })
    }

    fn count(&self, limiter: &RateLimiter, route: RouteClass) -> Result<(), JsonError> {
        for (class, key) in self.counts(route) {
            limiter.count(class, key).map_err(|exceeded| refuse(class, exceeded))?;
        }
        match self.own {
            Some(rate) => limiter
                .count_own(rate, &self.credential)
                .map_err(|exceeded| refuse(self.general, exceeded)),
            None => Ok(()),
        }
    }

    fn counts(&self, route: RouteClass) -> Vec<(RateClass, &Key)> {
        let counts = counts_of(route, self.general).map(|(class, whose)| match whose {
            Whose::Address => (class, &self.address),
            Whose::Person => (class, &self.person),
            Whose::Credential => (class, &self.credential),
        });
        counts.collect()
    }
}

/// Whose count it is.
#[derive(Clone, Copy)]
enum Whose {
    Address,
    Person,
    Credential,
}

/// What a request counts against besides its address, by who asks. The narrowest comes last, so that a flood does not
/// use it up.
fn counts_of(route: RouteClass, general: RateClass) -> impl Iterator<Item = (RateClass, Whose)> {
    let door = match route.door {
        Door::Static => None,
        Door::Health => Some((RateClass::Health, Whose::Address)),
        Door::Page => Some((RateClass::Page, Whose::Person)),
        Door::Api => Some((general, Whose::Credential)),
    };
    let deed = match route.kind {
        // By the API, strangers count as public anyway.
        Some(Kind::SignIn) if route.door == Door::Api && general == RateClass::Public => None,
        Some(Kind::SignIn) => Some((RateClass::Public, Whose::Address)),
        None => None,
        Some(Kind::Download) => Some((RateClass::Download, Whose::Person)),
        Some(Kind::Search) => Some((RateClass::Search, Whose::Person)),
        Some(Kind::Metadata) => Some((RateClass::Metadata, Whose::Person)),
        Some(Kind::Upload) => Some((RateClass::Upload, Whose::Person)),
    };
    door.into_iter().chain(deed)
}

/// The narrowest rate that a request of somebody of this role counts against; `None` = nobody is signed in.
pub fn narrowest_class(route: RouteClass, role: Option<Role>) -> RateClass {
    let counts = counts_of(route, general_class(role));
    counts.last().map_or(RateClass::Address, |(class, _)| class)
}

fn general_class(role: Option<Role>) -> RateClass {
    match role {
        None => RateClass::Public,
        Some(role) if role.includes(Role::Admin) => RateClass::Admin,
        Some(_) => RateClass::Authenticated,
    }
}

/// An API key counts for itself; sign-ins of one person count together.
fn credential_of(origin: &Origin, person: &Key) -> (Key, Option<Rate>) {
    match origin.credential {
        Credential::ApiKey {
            id,
            requests_per_minute,
            ..
        } => {
            let own = requests_per_minute.and_then(NonZeroU32::new).map(Rate::per_minute);
            (Key::Program(id), own)
        }
        Credential::None | Credential::Session(_) => (person.clone(), None),
    }
}

fn refuse(class: RateClass, exceeded: Exceeded) -> JsonError {
    let Exceeded { rate, retry_after } = exceeded;
    let message = format!("Too many requests: {rate} is the most here. Try again in {retry_after} s.");
    let mut error = ApiError::new(ErrorCode::RateLimitExceeded, message);
    error.context.insert("class".into(), class.as_str().into());
    error.context.insert("limit".into(), rate.to_string());
    JsonError::from(error).retry_after(retry_after)
}
