//! A naming template on the first line, filled with the lines after it.
#![no_main]

use domain::naming::{BookNames, MAX_COMPONENT_BYTES, Template};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Ok(template) = Template::parse(lines.next().unwrap_or_default()) else {
        return;
    };
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let names = BookNames {
        authors: vec![next()],
        title: next(),
        subtitle: Some(next()),
        series: Some(next()),
        sequence: Some(next()),
        year: Some(next()),
        narrators: vec![next(), next()],
        asin: Some(next()),
    };
    for copy in [1, 2] {
        let Ok(folder) = template.render_copy(&names, copy) else {
            continue;
        };
        assert!(!folder.components().is_empty());
        for part in folder.components() {
            assert!(!part.is_empty() && part.len() <= MAX_COMPONENT_BYTES && !part.contains(['/', '\\', '\0']));
            assert!(!part.starts_with('.') && !part.ends_with('.'));
        }
    }
});
