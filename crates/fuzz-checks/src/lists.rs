//! Where lists go on, and how they are written out.

use db::cursor::{decode_cursor, encode_cursor};
use jobs::{is_run_cursor, read_run_cursor, write_run_cursor};
use services::audit::write_csv_cell;

use crate::text;

/// A page's cursor.
pub fn cursor(bytes: &[u8]) {
    let Ok((value, id)) = decode_cursor("-title", &text(bytes)) else {
        return;
    };
    let again = decode_cursor("-title", &encode_cursor("-title", &value, id));
    assert_eq!(again.ok(), Some((value, id)));
}

/// The cursor of a page of runs.
pub fn run_cursor(bytes: &[u8]) {
    let text = text(bytes);
    let found = read_run_cursor(&text);
    assert_eq!(is_run_cursor(&text), found.is_some());
    if let Some((time, id)) = found {
        // The years that the database takes.
        assert!((0..253_402_300_800).contains(&time.timestamp()));
        assert_eq!(read_run_cursor(&write_run_cursor(time, id)), Some((time, id)));
    }
}

/// A cell of the audit log's export.
pub fn csv_cell(bytes: &[u8]) {
    let cell = write_csv_cell(&text(bytes));
    let inner = cell
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .expect("always quoted");
    assert!(
        !inner.replace("\"\"", "").contains('"'),
        "a quotation mark that ends the cell"
    );
    assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "a formula");
}
