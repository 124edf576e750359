//! The text of an API key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use services::api_keys::parse_key;

fuzz_target!(|text: &str| {
    if parse_key(text).is_some() {
        assert!(text.trim().starts_with("mamc_"));
    }
});
