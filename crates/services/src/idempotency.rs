//! Writes that a program may send again: the first happens, the others get its answer.

use std::time::Duration;

use db::idempotency_keys::{IdempotencyKey, KeyAge, claim_key, find_answer, free_key, keep_answer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;
use types::people::Role;

use crate::Services;
use crate::actor::{Actor, require, require_user};
use crate::error::{Result, ServiceError};

/// How long an answer is kept.
pub const KEPT: chrono::Duration = chrono::Duration::hours(24);
/// No request runs longer than the server's limit of two minutes: what is older has died with its process.
const LOST_AFTER: chrono::Duration = chrono::Duration::seconds(150);
/// A twin of a running request waits this long for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// A write under a key that the program chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The kind of write: the same key for another kind is another key.
    pub route: &'static str,
    pub key: String,
    /// The role of the write, looked at before an answer is given again: whoever asks may have less than then.
    pub needed: Role,
    /// What is asked for, in one form: the same key with another body is refused.
    pub body: Vec<u8>,
}

/// What came of a keyed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedAnswer<T> {
    pub value: T,
    /// It was done before; this is the answer of then.
    pub is_replayed: bool,
}

/// Does `work` unless the actor's key was used for it within a day; then the answer of then is given again.
///
/// The work goes on when the caller hangs up, so that its answer is there for the next try. A failure is not kept.
///
/// The work commits by itself, then its answer is kept. A process that dies between the two leaves a key without answer,
/// which is free again after 150 s: the work is then done once more. `docs/API.md` says so to programs.
pub async fn run_once<T>(
    services: &Services,
    actor: &Actor,
    request: KeyedRequest,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<KeyedAnswer<T>>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    require(actor, request.needed)?;
    let key = IdempotencyKey {
        user_id: require_user(actor)?.id,
        route: request.route.into(),
        key: request.key,
    };
    if let Some(value) = claim_or_wait(services, &key, &services.secrets().hash(&request.body)).await? {
        let value = serde_json::from_value(value).map_err(ServiceError::internal)?;
        return Ok(KeyedAnswer {
            value,
            is_replayed: true,
        });
    }
    let services = services.clone();
    let running = tokio::spawn(
        async move {
            let result = work.await;
            let answer = result.as_ref().ok().map(serde_json::to_value).transpose();
            settle(&services, &key, answer.map_err(ServiceError::internal)?).await?;
            result
        }
        .in_current_span(),
    );
    let value = running.await.map_err(ServiceError::internal)??;
    Ok(KeyedAnswer {
        value,
        is_replayed: false,
    })
}

/// `None` = the key is ours and the work has to be done. `hash` is a keyed one: the body may hold a password.
async fn claim_or_wait(services: &Services, key: &IdempotencyKey, hash: &[u8]) -> Result<Option<serde_json::Value>> {
    let waited = async {
        loop {
            if let Some(outcome) = look(services, key, hash).await? {
                return Ok(outcome);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| {
        Err(ServiceError::conflict(
            "A request with this Idempotency-Key is still running. Send it again in a moment.",
        ))
    })
}

/// `None` = a twin is running, `Some(None)` = ours.
async fn look(services: &Services, key: &IdempotencyKey, hash: &[u8]) -> Result<Option<Option<serde_json::Value>>> {
    let now = services.now();
    let age = KeyAge {
        now,
        kept_since: now - KEPT,
        alive_since: now - LOST_AFTER,
    };
    let mut conn = services.connection().await?;
    if claim_key(&mut conn, key, hash, age).await? {
        return Ok(Some(None));
    }
    let Some(kept) = find_answer(&mut conn, key).await? else {
        return Ok(None);
    };
    if kept.request_hash != hash {
        return Err(ServiceError::conflict(
            "This Idempotency-Key was used for another request. Use a new key for each new request.",
        ));
    }
    Ok(kept.answer.map(Some))
}

async fn settle(services: &Services, key: &IdempotencyKey, answer: Option<serde_json::Value>) -> Result<()> {
    let mut conn = services.connection().await?;
    match answer {
        Some(answer) => keep_answer(&mut conn, key, &answer).await?,
        None => free_key(&mut conn, key).await?,
    }
    Ok(())
}
