//! A row of MyAnonamouse's search answer.
#![no_main]

use clients::myanonamouse::read_row;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(row) = serde_json::from_slice(bytes) else { return };
    let base = "https://tracker.example".parse().expect("a plain address");
    for is_vip_member in [None, Some(true), Some(false)] {
        if let Some(release) = read_row(&row, &base, is_vip_member) {
            assert!(!release.facts.title.trim().is_empty());
            assert!(release.facts.files.is_none_or(|files| files >= 0));
        }
    }
});
