//! Page cursors: the sort order, the last row's sort value and its id, in hex. They are checked, as they come from outside.

use uuid::Uuid;

use crate::error::{DbError, DbResult};

/// What a list is sorted by, of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortValue {
    Text(String),
    Number(i64),
}

const SEPARATOR: char = '\u{1f}';

/// The cursor after the row with this value and id.
pub fn encode_cursor(order: &str, value: &SortValue, id: Uuid) -> String {
    let (kind, text) = match value {
        SortValue::Text(text) => ('t', text.clone()),
        SortValue::Number(number) => ('n', number.to_string()),
    };
    hex::encode(format!("{order}{SEPARATOR}{id}{SEPARATOR}{kind}{text}"))
}

/// What [`encode_cursor`] made for the same order.
pub fn decode_cursor(order: &str, cursor: &str) -> DbResult<(SortValue, Uuid)> {
    let bytes = hex::decode(cursor).map_err(|_| DbError::BadCursor)?;
    let text = String::from_utf8(bytes).map_err(|_| DbError::BadCursor)?;
    let mut parts = text.splitn(3, SEPARATOR);
    let (Some(stated), Some(id), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(DbError::BadCursor);
    };
    let id = Uuid::parse_str(id).map_err(|_| DbError::BadCursor)?;
    let value = match value.strip_prefix('n') {
        Some(number) => SortValue::Number(number.parse().map_err(|_| DbError::BadCursor)?),
        None => SortValue::Text(value.strip_prefix('t').ok_or(DbError::BadCursor)?.to_owned()),
    };
    if stated != order || matches!(&value, SortValue::Text(text) if text.contains('\0')) {
        return Err(DbError::BadCursor);
    }
    Ok((value, id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = SortValue> {
        prop_oneof![
            "[^\\x00]{0,60}".prop_map(SortValue::Text),
            any::<i64>().prop_map(SortValue::Number),
        ]
    }

    proptest! {
        #[test]
        fn every_row_has_a_cursor_that_leads_back_to_it(order in "-?[a-z]{1,12}", value in any_value(), id in any::<u128>()) {
            let id = Uuid::from_u128(id);
            let cursor = encode_cursor(&order, &value, id);
            prop_assert!(cursor.bytes().all(|byte| byte.is_ascii_hexdigit()));
            prop_assert_eq!(decode_cursor(&order, &cursor).unwrap(), (value, id));
        }

        #[test]
        fn a_damaged_cursor_is_refused_or_holds_what_the_database_takes(cursor in testing::damage::damaged_text(
            &encode_cursor("-title", &SortValue::Text("Dune é".into()), Uuid::from_u128(7))
        )) {
            match decode_cursor("-title", &cursor) {
                Ok((SortValue::Text(text), _)) => prop_assert!(!text.contains('\0') && text.len() <= cursor.len()),
                Ok((SortValue::Number(_), _)) => {}
                Err(error) => prop_assert!(matches!(error, DbError::BadCursor)),
            }
        }

        #[test]
        fn no_text_makes_reading_a_cursor_panic(text in "\\PC{0,80}|[0-9a-f]{0,120}", order in "\\PC{0,8}") {
            prop_assert!(decode_cursor(&order, &text).is_err() || text.len() % 2 == 0);
        }
    }

    #[test]
    fn cursor_round_trips() {
        for value in [
            SortValue::Text("Дюна\u{1f}'x".into()),
            SortValue::Text(String::new()),
            SortValue::Number(i64::MIN),
        ] {
            let id = Uuid::from_u128(7);
            assert_eq!(
                decode_cursor("-title", &encode_cursor("-title", &value, id)).unwrap(),
                (value, id)
            );
        }
    }

    #[test]
    fn foreign_cursor_is_refused() {
        let of_other_order = encode_cursor("title", &SortValue::Number(1), Uuid::nil());
        for cursor in ["", "zz", "00", "ff", &of_other_order] {
            assert!(
                matches!(decode_cursor("author", cursor), Err(DbError::BadCursor)),
                "{cursor}"
            );
        }
    }
}
