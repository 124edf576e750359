//! Passwords: what is accepted, argon2id, and the same work whether or not there is such a user.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
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
/// The most common ones that are long enough, in small letters, sorted: of Django's list, version 5.2 (BSD-3-Clause).
const COMMON: &str = include_str!("common_passwords.txt");
/// Whoever waits longer for a turn is sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Each hashing takes a core and 19 MiB, so a flood of sign-ins must not run at once.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(2, |cores| cores.get().max(2));
    Semaphore::new(cores)
});

/// A hash with the same costs as real ones, for names that don't exist. Written down, as making it would cost its first
/// use twice.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Argon2id. Counts, as refusals that cost different numbers of computations tell whose names exist.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hashing {
    computed: Arc<AtomicU64>,
}

impl Hashing {
    /// Computations since the start.
    pub fn count(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    fn hash(&self, password: &str, salt: &[u8]) -> Result<String> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let hash = Argon2::default()
            .hash_password_with_salt(password.as_bytes(), salt)
            .map_err(ServiceError::internal)?;
        Ok(hash.to_string())
    }

    fn verify(&self, password: &str, stored: &str) -> bool {
        self.computed.fetch_add(1, Ordering::Relaxed);
        Argon2::default().verify_password(password.as_bytes(), stored).is_ok()
    }
}

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
    if is_common(password) {
        let advice =
            "This is one of the passwords that are tried first. Choose another, such as four words of your own.";
        errors.add(field, advice);
    }
}

fn is_common(password: &str) -> bool {
    static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| COMMON.lines().collect());
    let small = password.trim().to_lowercase();
    SORTED.binary_search(&small.as_str()).is_ok()
}

/// The PHC string of argon2id with a new salt.
pub(crate) async fn hash_password(services: &Services, password: &str) -> Result<String> {
    let mut salt = [0_u8; 16];
    services.random().fill(&mut salt);
    let password = password.to_owned();
    let hashing = services.inner.hashing.clone();
    compute(move || hashing.hash(&password, &salt)).await
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
pub(crate) async fn verify_password(services: &Services, password: &str, stored: Option<&str>) -> Result<bool> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    let is_known = stored.is_some();
    let stored = stored.unwrap_or(NOBODYS_HASH).to_owned();
    let (password, hashing) = (password.to_owned(), services.inner.hashing.clone());
    compute(move || Ok(hashing.verify(&password, &stored) && is_known)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_exist_costs_as_much_hashing_as_one_that_does() {
        // Algorithm, version, memory, passes and lanes decide the time, and the lengths of salt and hash a little of it.
        let costs = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        let lengths = |hash: &str| hash.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        let hashing = Hashing::default();
        let real = hashing.hash("correct horse battery", &[7; 16]).unwrap();
        assert_eq!(costs(NOBODYS_HASH), costs(&real));
        assert_eq!(lengths(NOBODYS_HASH), lengths(&real));
        assert!(costs(&real).starts_with("$argon2id$v=19$m="));
        // One that can't be read would be refused without any work.
        argon2::password_hash::phc::PasswordHash::new(NOBODYS_HASH).unwrap();
    }

    #[test]
    fn common_passwords_are_refused_however_they_are_written() {
        let check = |password: &str, expected: bool| {
            let mut errors = FieldErrors::default();
            check_password(&mut errors, "password", password, "anna");
            assert_eq!(errors.into_result().is_err(), expected, "{password}");
        };
        for common in ["1234567890", "basketball", "BasketBall", " qwertyuiop ", "password123"] {
            check(common, true);
        }
        for other in ["correct horse battery", "basketball and tea", "1234567890x"] {
            check(other, false);
        }
        let list: Vec<_> = COMMON.lines().collect();
        assert!(list.len() > 1000 && list.is_sorted(), "the search needs it sorted");
        assert!(list.iter().all(|common| common.chars().count() >= MIN_CHARACTERS));
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
