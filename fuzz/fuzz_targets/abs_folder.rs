//! A folder's path as Audiobookshelf would read it.
#![no_main]

use domain::abs_folder::{is_disc_folder, parse_relative_folder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let folder = parse_relative_folder(text);
    assert!(folder.title.len() <= text.len());
    assert!(folder.asin.is_none_or(|asin| asin.len() == 10));
    assert!(folder.published_year.is_none_or(|year| year.len() == 4));
    let _ = is_disc_folder(text);
});
