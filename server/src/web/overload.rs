//! More requests than can be answered in time: who gets a place, who waits for one, who is refused at once.
//!
//! A server that takes on everything answers nothing: each request waits for all others, until those who asked have gone
//! and the work was for nobody. So only so many are worked on at once, about as many as there are connections to the
//! database; more would only wait within. Others wait in line for a place, and the line is bounded twice. By length:
//! beyond it somebody is refused at once, and an address that has half of the line too, so that no single one keeps the
//! others out. And by time: a burst may wait for [`EdgeConfig::request_wait`]. But a line that has been standing for that
//! long is no burst, and whoever joins it waits a quarter of that, so that what is answered under a lasting flood is
//! still answered fast (as CoDel does for packets, RFC 8289). Nobody is overtaken.
//!
//! A place is held from when the whole request is there until its answer begins: neither a body that comes slowly nor a
//! client that reads slowly holds one, nor an event stream. Who hangs up leaves the line. Files, covers and what monitors
//! ask need no place, so that an overloaded server still says that it lives.
//!
//! tower has parts for this. But `ConcurrencyLimit` waits without end, `LoadShed` in front of it refuses without a wait
//! what would be free a millisecond later, and `Buffer` between them has a line that time does not bound and in which
//! whoever hung up goes on standing. What is left is tokio's semaphore.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tokio::sync::{Semaphore, SemaphorePermit};
use types::ErrorCode;

#[cfg(doc)]
use crate::config::EdgeConfig;

use super::client::{ClientAddress, HOUSEHOLD, network_around};
use super::edge::Edge;
use super::error::JsonError;
use super::extract::read_body;
use super::rate::class::{Door, class_of};

/// So many wait for each place. It is mostly free again after some hundredths of a second, so that the last one would be
/// served in time too.
const WAITING_PER_PLACE: usize = 8;
/// One address may have this part of the line.
const ADDRESS_SHARE: usize = 2;
/// Whoever joins a line that is standing waits for this part of the time.
const STANDING_SHARE: u32 = 4;
/// Those who are refused together should not come back together: each is told another of so many seconds.
const RETRY_SPREAD_SECONDS: u64 = 5;
/// A flood of refusals is one line in the log, so often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What is counted for monitoring, by why.
pub const REFUSED: &str = "mamcrawler_http_requests_refused_total";

/// On an answer that only says that there is too much to do.
#[derive(Debug, Clone, Copy)]
pub struct TurnedAway;

/// Lets a request in once it has a place. Must be in front of all that asks the database.
pub async fn admit(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    if needs_no_place(&request) {
        return next.run(request).await;
    }
    let request = match read_whole(request).await {
        Ok(request) => request,
        Err(error) => return error.into_response(),
    };
    let client = request.extensions().get::<ClientAddress>();
    let client = client.map(|client| network_around(client.0, HOUSEHOLD));
    match edge.places.take(client).await {
        Ok(_place) => next.run(request).await,
        Err(refusal) => edge.places.refuse(refusal),
    }
}

fn needs_no_place(request: &Request) -> bool {
    let door = class_of(request.method(), request.uri().path()).door;
    matches!(door, Door::Static | Door::Health)
}

/// With its body in memory, which handlers take whole anyway.
async fn read_whole(request: Request) -> Result<Request, JsonError> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let body = read_body(Request::from_parts(parts.clone(), body)).await?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Why a request gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    LineFull,
    WaitedLong,
}

impl Refusal {
    pub const ALL: [Self; 2] = [Self::LineFull, Self::WaitedLong];

    /// Its word in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LineFull => "line_full",
            Self::WaitedLong => "waited_long",
        }
    }
}

/// The places of this process and the line in front of them.
pub struct Places {
    free: Semaphore,
    line: Mutex<Line>,
    refused: Mutex<Refused>,
}

impl Places {
    pub fn new(most: usize, longest_wait: Duration) -> Self {
        Self {
            free: Semaphore::new(most),
            line: Mutex::new(Line::new(most * WAITING_PER_PLACE, longest_wait)),
            refused: Mutex::default(),
        }
    }

    /// A place for somebody from that address, which is free again when it is dropped.
    ///
    /// # Errors
    /// The line is full, or none became free in time.
    pub async fn take(&self, client: Option<IpNet>) -> Result<SemaphorePermit<'_>, Refusal> {
        if let Ok(place) = self.free.try_acquire() {
            return Ok(place);
        }
        let wait = self.line().join(client, Instant::now()).ok_or(Refusal::LineFull)?;
        let _waiting = Waiting { places: self, client };
        let place = tokio::time::timeout(wait, self.free.acquire()).await;
        place
            .map(|place| place.expect("the places are never closed"))
            .map_err(|_| Refusal::WaitedLong)
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        metrics::counter!(REFUSED, "why" => refusal.as_str()).increment(1);
        let noted = lock(&self.refused).note(Instant::now());
        if let Some(count) = noted.to_tell {
            tracing::warn!(
                refused = count,
                "refused {count} requests, as there is more to do than can be answered in time"
            );
        }
        let seconds = noted.retry_after;
        let message = format!("The server has more to do than it can answer in time. Try again in {seconds} s.");
        let error = JsonError::new(ErrorCode::ServiceUnavailable, message).retry_after(seconds);
        let mut response = error.into_response();
        response.extensions_mut().insert(TurnedAway);
        response
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        lock(&self.line)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Somebody in line, until they have a place, have waited long enough, or hung up.
struct Waiting<'a> {
    places: &'a Places,
    client: Option<IpNet>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.places.line().leave(self.client);
    }
}

/// How many wait, from where, and since when there was always somebody.
struct Line {
    most: usize,
    longest_wait: Duration,
    waiting: usize,
    clients: HashMap<IpNet, usize>,
    since: Option<Instant>,
}

impl Line {
    fn new(most: usize, longest_wait: Duration) -> Self {
        Self {
            most,
            longest_wait,
            waiting: 0,
            clients: HashMap::new(),
            since: None,
        }
    }

    /// How long somebody may wait who joins now; `None` = the line is full, or that address has its share of it.
    fn join(&mut self, client: Option<IpNet>, now: Instant) -> Option<Duration> {
        if self.waiting == self.most {
            return None;
        }
        if let Some(client) = client {
            let of_client = self.clients.entry(client).or_default();
            if *of_client == self.most / ADDRESS_SHARE {
                return None;
            }
            *of_client += 1;
        }
        self.waiting += 1;
        let since = *self.since.get_or_insert(now);
        let is_standing = now.duration_since(since) >= self.longest_wait;
        Some(if is_standing {
            self.longest_wait / STANDING_SHARE
        } else {
            self.longest_wait
        })
    }

    fn leave(&mut self, client: Option<IpNet>) {
        if let Some(client) = client
            && let Some(of_client) = self.clients.get_mut(&client)
        {
            *of_client -= 1;
            if *of_client == 0 {
                self.clients.remove(&client);
            }
        }
        self.waiting -= 1;
        if self.waiting == 0 {
            self.since = None;
        }
    }
}

/// How many were refused, and which of them the log knows.
#[derive(Default)]
struct Refused {
    count: u64,
    told: u64,
    told_at: Option<Instant>,
}

struct Noted {
    /// In seconds.
    retry_after: u64,
    /// For the log, when it is time.
    to_tell: Option<u64>,
}

impl Refused {
    fn note(&mut self, now: Instant) -> Noted {
        self.count += 1;
        let is_time = self.told_at.is_none_or(|at| now.duration_since(at) >= TELL_EVERY);
        let to_tell = is_time.then(|| {
            self.told_at = Some(now);
            self.count - std::mem::replace(&mut self.told, self.count)
        });
        Noted {
            retry_after: 1 + self.count % RETRY_SPREAD_SECONDS,
            to_tell,
        }
    }
}

#[cfg(test)]
mod tests;
