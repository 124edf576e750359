//! A cell of the audit log's export.
#![no_main]

use libfuzzer_sys::fuzz_target;
use services::audit::write_csv_cell;

fuzz_target!(|text: &str| {
    let cell = write_csv_cell(text);
    let inner = cell
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .expect("always quoted");
    assert!(
        !inner.replace("\"\"", "").contains('"'),
        "a quotation mark that ends the cell"
    );
    assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "a formula");
});
