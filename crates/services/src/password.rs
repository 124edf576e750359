//! Passwords: what is accepted, argon2id, and the same work whether or not there is such a user.

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::Services;
use crate::error::{FieldErrors, Result, ServiceError};

/// NIST SP 800-63B asks for 8; the product is open to the internet, so 10. No rules on kinds of characters.
const MIN_CHARACTERS: usize = 10;
/// Longer ones only cost hashing time.
const MAX_BYTES: usize = 1024;

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
    // Tens of milliseconds of pure computing.
    let hashed = tokio::task::spawn_blocking(move || hash_with_salt(&password, &salt)).await;
    hashed.map_err(ServiceError::internal)?
}

/// Whether the password is right. `None` for the stored hash costs the same time and is always wrong.
pub(crate) async fn verify_password(password: &str, stored: Option<&str>) -> Result<bool> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    let (password, stored) = (password.to_owned(), stored.map(ToOwned::to_owned));
    let verified = tokio::task::spawn_blocking(move || {
        let is_known = stored.is_some();
        let hash = match stored {
            Some(hash) => hash,
            None => dummy_hash()?,
        };
        Ok(Argon2::default()
            .verify_password(password.as_bytes(), hash.as_str())
            .is_ok()
            && is_known)
    });
    verified.await.map_err(ServiceError::internal)?
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
