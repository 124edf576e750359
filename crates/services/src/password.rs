//! Passwords: what is accepted, argon2id, and the same work whether or not there is such a user.

use std::sync::{LazyLock, OnceLock};
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::{Semaphore, SemaphorePermit};
use types::ErrorCode;

use crate::Services;
use crate::error::{FieldErrors, Result, ServiceError};

/// NIST SP 800-63B asks for 8; the product is open to the internet, so 10. No rules on kinds of characters.
const MIN_CHARACTERS: usize = 10;
/// Longer ones only cost hashing time.
const MAX_BYTES: usize = 1024;
/// Whoever waits longer for a turn is sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Each hashing takes a core and 19 MiB, so a flood of sign-ins must not run at once.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(2, |cores| cores.get().max(2));
    Semaphore::new(cores)
});

/// Notes what is wrong with a new password in `field`.
pub(crate) fn check_password(errors: &mut FieldErrors, field: &str, password: &str, username: &str) {
    if password.chars().count() < MIN_CHARACTERS {
        errors.add(
            field,
            format!("The password needs at least {MIN_CHARACTERS} characters."),
        );
    }
    if password.len() > MAX_BYTES {
        errors.add(field, format!("The password may have at most {MAX_BYTES} bytes."));
    }
    if !username.trim().is_empty() && password.trim().eq_ignore_ascii_case(username.trim()) {
        errors.add(field, "The password must not be the user name.");
    }
}

/// The PHC string of argon2id with a new salt.
pub(crate) async fn hash_password(services: &Services, password: &str) -> Result<String> {
    let mut salt = [0_u8; 16];
    services.random().fill(&mut salt);
    let password = password.to_owned();
    compute(move || hash_with_salt(&password, &salt)).await
}

/// Tens of milliseconds of pure computing, when it is its turn.
async fn compute<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let turn = take_turn(&TURNS, PATIENCE).await?;
    let done = tokio::task::spawn_blocking(move || {
        // Here, as the work goes on when nobody waits for it any more.
        let _turn = turn;
        work()
    });
    done.await.map_err(ServiceError::internal)?
}

async fn take_turn(turns: &Semaphore, patience: Duration) -> Result<SemaphorePermit<'_>> {
    let Ok(turn) = tokio::time::timeout(patience, turns.acquire()).await else {
        let sentence = "Too many people are signing in right now. Try again in a few seconds.";
        let mut error = ServiceError::new(ErrorCode::ServiceUnavailable, sentence);
        error
            .context
            .insert("retry_after".into(), PATIENCE.as_secs().to_string());
        return Err(error);
    };
    turn.map_err(ServiceError::internal)
}

/// Whether the password is right. `None` for the stored hash costs the same time and is always wrong.
pub(crate) async fn verify_password(password: &str, stored: Option<&str>) -> Result<bool> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    let (password, stored) = (password.to_owned(), stored.map(ToOwned::to_owned));
    compute(move || {
        let is_known = stored.is_some();
        let hash = match stored {
            Some(hash) => hash,
            None => dummy_hash()?,
        };
        Ok(Argon2::default()
            .verify_password(password.as_bytes(), hash.as_str())
            .is_ok()
            && is_known)
    })
    .await
}

/// A hash with the same costs as real ones, for names that don't exist.
fn dummy_hash() -> Result<String> {
    static HASH: OnceLock<String> = OnceLock::new();
    if let Some(hash) = HASH.get() {
        return Ok(hash.clone());
    }
    let hash = hash_with_salt("nobody has this password", &[0; 16])?;
    Ok(HASH.get_or_init(|| hash).clone())
}

fn hash_with_salt(password: &str, salt: &[u8]) -> Result<String> {
    let hash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), salt)
        .map_err(ServiceError::internal)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_exist_costs_as_much_hashing_as_one_that_does() {
        // Algorithm, version, memory, passes and lanes decide the time; salt and hash follow them.
        let costs = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        let real = hash_with_salt("correct horse battery", &[7; 16]).unwrap();
        assert_eq!(costs(&dummy_hash().unwrap()), costs(&real));
        assert!(costs(&real).starts_with("$argon2id$v=19$m="));
    }

    #[tokio::test]
    async fn whoever_gets_no_turn_is_told_when_to_come_back_and_a_finished_one_makes_room() {
        let turns = Semaphore::new(1);
        let taken = take_turn(&turns, Duration::ZERO).await.unwrap();
        let refused = take_turn(&turns, Duration::ZERO).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ServiceUnavailable);
        assert_eq!(refused.context["retry_after"], "5");
        drop(taken);
        assert!(take_turn(&turns, Duration::ZERO).await.is_ok());
    }
}
