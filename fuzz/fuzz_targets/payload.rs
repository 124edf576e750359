//! A list of paths, one a line, as a torrent client may tell it.
#![no_main]

use std::collections::HashSet;

use domain::payload::{PayloadFile, PayloadPlan, plan_payload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let files = text.lines().map(|path| PayloadFile {
        path: path.to_owned(),
        size_bytes: 1,
    });
    let books = match plan_payload("name", &files.collect::<Vec<_>>()) {
        PayloadPlan::SingleBook { files } => vec![files],
        PayloadPlan::Pack { parts, .. } => parts.into_iter().map(|part| part.files).collect(),
        PayloadPlan::NoAudio => vec![],
    };
    for book in books {
        let targets: HashSet<String> = book.iter().map(|file| file.target.to_lowercase()).collect();
        assert_eq!(targets.len(), book.len(), "two files get one name");
        let is_safe = |part: &str| !part.is_empty() && !part.starts_with('.') && part.len() <= 210;
        assert!(book.iter().all(|file| file.target.split('/').all(is_safe)));
    }
});
