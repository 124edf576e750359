//! Access tokens (JWT) and refresh tokens. None that is made up is one of ours.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use services::credentials::Credentials;

static OWN: LazyLock<Credentials> = LazyLock::new(|| Credentials::new(&[1; 32], &[[2; 32]]));

fuzz_target!(|text: &str| {
    let now = chrono::DateTime::UNIX_EPOCH;
    // The seeds were signed with other keys: whatever is accepted here was forged.
    assert!(OWN.read_access(text, now).is_none());
    assert!(OWN.read_refresh(text).is_none());
});
