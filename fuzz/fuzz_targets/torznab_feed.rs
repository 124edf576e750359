//! A Torznab answer: XML, RSS items and their attributes.
#![no_main]

use clients::torznab::read_feed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let base = "http://feed.example/api".parse().expect("a plain address");
    if let Ok(releases) = read_feed(bytes, &base, &[3030]) {
        for release in releases {
            assert!(release.external_id.len() <= 500);
            assert!(release.info_hash.is_none_or(|hash| hash.len() == 40));
        }
    }
});
