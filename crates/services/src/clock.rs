//! Where time and randomness come from, so that tests can say what they are.

use chrono::{DateTime, Utc};
use rand::TryRngCore;
use rand::rngs::OsRng;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// Gives randomness fit for secrets.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the machine's clock is read"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        OsRng
            .try_fill_bytes(bytes)
            .expect("the operating system gives randomness");
    }
}

/// 32 random bytes: a key or a token.
pub fn random_32(random: &dyn Random) -> [u8; 32] {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    bytes
}

/// An id whose order is the order of creation (UUID version 7).
pub fn new_uuid(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_differ() {
        let (first, second) = (
            new_uuid(&SystemClock, &SystemRandom),
            new_uuid(&SystemClock, &SystemRandom),
        );
        assert_eq!(first.get_version_num(), 7);
        assert_ne!(first, second);
    }
}
