//! Slows down guessing of passwords, tokens and keys, over all processes on one database.
//!
//! A guess is counted before it is checked and forgotten when it was right, so that many guesses at once get no more
//! tries than one after the other. A guess that has to wait is not even checked; one that the server answers with
//! any error of its own (5xx), mostly as the database or its turn to hash did not come, was none and is taken back.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use db::Connection;
use db::login_attempts::{About, Guess as GuessRow};
use diesel_async::AsyncConnection;
use domain::login_window::{GuessLimit, PER_ADDRESS, PER_NAME, address_group, seconds_to_wait};

use crate::Services;
use crate::credentials::digest;
use crate::error::{Result, ServiceError};

/// What somebody guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuessKind {
    Login,
    /// The current password, by somebody who is signed in and wants to change it.
    Password,
    Setup,
    Refresh,
    ApiKey,
}

impl GuessKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Password => "password",
            Self::Setup => "setup",
            Self::Refresh => "refresh",
            Self::ApiKey => "api_key",
        }
    }
}

/// A guess about somebody, from somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    kind: GuessKind,
    /// Empty where no name is guessed about.
    subject: String,
    address: String,
}

impl Guess {
    /// A guess at what `name` has: counted for the name from this address, and for the address.
    pub fn about(kind: GuessKind, name: &str, address: Option<&str>) -> Self {
        Self {
            subject: hash_name(name),
            ..Self::from_address(kind, address)
        }
    }

    /// A guess at a token or key, which belongs to nobody in particular: counted for the address only.
    pub fn from_address(kind: GuessKind, address: Option<&str>) -> Self {
        Self {
            kind,
            subject: String::new(),
            address: address_group(address),
        }
    }

    fn row(&self) -> GuessRow<'_> {
        GuessRow {
            kind: self.kind.as_str(),
            subject: &self.subject,
            address: &self.address,
        }
    }
}

/// Guesses that could not be taken back yet, for want of the database; kept no longer than the process.
#[derive(Default)]
pub(crate) struct UncheckedGuesses(Mutex<Vec<i64>>);

/// Beyond so many, guesses stay counted: they are forgotten with time.
const MAX_UNCHECKED: usize = 1_000;

/// Counts a guess and checks it, or refuses it with the seconds to wait. `check` must not hold a connection when it ends.
pub(crate) async fn check_guess<T>(
    services: &Services,
    guess: &Guess,
    check: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    let id = begin_guess(services, guess).await?;
    let checked = check.await;
    if checked.as_ref().is_err_and(ServiceError::is_ours) {
        services.inner.unchecked_guesses.add(&[id]);
        match services.connection().await {
            Ok(mut conn) => take_back_unchecked(&mut conn, services).await,
            Err(_) => tracing::warn!("a guess that was not checked stays counted until the next one"),
        }
    }
    checked
}

/// Counts a guess that is about to be checked; gives its id.
async fn begin_guess(services: &Services, guess: &Guess) -> Result<i64> {
    let now = services.now();
    let mut conn = services.connection().await?;
    take_back_unchecked(&mut conn, services).await;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::login_attempts::lock_guesses(conn, guess.row()).await?;
        if let Some(seconds) = find_wait(conn, services, guess).await? {
            return Err(too_many(guess.kind, seconds));
        }
        Ok(db::login_attempts::insert_failure(conn, guess.row(), now).await?)
    })
    .await
}

/// Counts a guess that was checked at no cost and was wrong; gives what to answer: `refusal`, or that it has to wait.
pub(crate) async fn count_guess(services: &Services, guess: &Guess, refusal: ServiceError) -> ServiceError {
    begin_guess(services, guess).await.err().unwrap_or(refusal)
}

/// Tries again at the next guess when the database refuses.
async fn take_back_unchecked(conn: &mut Connection, services: &Services) {
    let unchecked = &services.inner.unchecked_guesses;
    let ids = unchecked.take();
    if ids.is_empty() {
        return;
    }
    if let Err(error) = db::login_attempts::delete_failures(conn, &ids).await {
        tracing::warn!(
            "{} guesses that were not checked could not be taken back: {error}",
            ids.len()
        );
        unchecked.add(&ids);
    }
}

impl UncheckedGuesses {
    fn add(&self, ids: &[i64]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_UNCHECKED.saturating_sub(kept.len());
        kept.extend(ids.iter().take(room));
    }

    fn take(&self) -> Vec<i64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The guess was right: failures about the same name from the same address are forgotten, those about others stay.
pub(crate) async fn forgive_guesses(conn: &mut Connection, guess: &Guess) -> Result<()> {
    Ok(db::login_attempts::clear_failures(conn, guess.row()).await?)
}

/// An admin gave somebody a new password: they need not wait for what happened before, wherever they are.
pub(crate) async fn forgive_everywhere(conn: &mut Connection, name: &str) -> Result<()> {
    Ok(db::login_attempts::clear_subject_failures(conn, GuessKind::Login.as_str(), &hash_name(name)).await?)
}

/// Seconds until the next guess of this kind is checked.
pub(crate) async fn find_wait(conn: &mut Connection, services: &Services, guess: &Guess) -> Result<Option<u64>> {
    let now = services.now();
    let look = |limit: GuessLimit, times: &[_]| seconds_to_wait(limit, times, now);
    let mut wait = None;
    if !guess.subject.is_empty() {
        let times = db::login_attempts::list_failures(conn, guess.row(), About::Subject, PER_NAME.failures).await?;
        wait = look(PER_NAME, &times);
    }
    let times = db::login_attempts::list_failures(conn, guess.row(), About::Anybody, PER_ADDRESS.failures).await?;
    Ok(wait.max(look(PER_ADDRESS, &times)))
}

/// Names are not stored: what was typed may be a password in the wrong field.
fn hash_name(name: &str) -> String {
    hex::encode(&digest(&[b"guess", name.as_bytes()])[..16])
}

fn too_many(kind: GuessKind, seconds: u64) -> ServiceError {
    let what = match kind {
        GuessKind::Login => "failed sign-ins",
        GuessKind::Password => "wrong passwords",
        GuessKind::Setup => "wrong set-up tokens",
        GuessKind::Refresh => "refresh tokens that are not ours",
        GuessKind::ApiKey => "unknown API keys",
    };
    let minutes = seconds.div_ceil(60);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    ServiceError::rate_limited(
        seconds,
        format!("There were too many {what} from your address. Try again in {minutes} {unit}."),
    )
}
