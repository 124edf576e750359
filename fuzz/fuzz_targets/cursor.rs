//! A page's cursor.
#![no_main]

use db::cursor::{decode_cursor, encode_cursor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok((value, id)) = decode_cursor("-title", text) else {
        return;
    };
    let again = decode_cursor("-title", &encode_cursor("-title", &value, id));
    assert_eq!(again.ok(), Some((value, id)));
});
