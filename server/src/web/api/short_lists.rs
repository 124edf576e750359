//! Lists that are read whole because they stay short: users, keys, integrations. They are paged like the long ones.

use types::{ApiError, Page, PageRequest};

use super::ApiResult;

/// One page of `items`, in the order of their keys. A key is unique; a cursor is the list's name and the last key seen.
pub fn page_of<T>(list: &str, items: Vec<T>, page: &PageRequest, key: impl Fn(&T) -> String) -> ApiResult<Page<T>> {
    let total = items.len() as u64;
    let mut keyed: Vec<(String, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    if let Some(cursor) = &page.cursor {
        let after = read_cursor(list, cursor)?;
        keyed.retain(|(key, _)| *key > after);
    }
    let has_more = keyed.len() > page.limit() as usize;
    keyed.truncate(page.limit() as usize);
    let next_cursor = keyed
        .last()
        .filter(|_| has_more)
        .map(|(key, _)| write_cursor(list, key));
    Ok(Page {
        items: keyed.into_iter().map(|(_, item)| item).collect(),
        next_cursor,
        total,
    })
}

const SEPARATOR: char = '\u{1f}';

fn write_cursor(list: &str, key: &str) -> String {
    hex::encode(format!("{list}{SEPARATOR}{key}"))
}

fn read_cursor(list: &str, cursor: &str) -> ApiResult<String> {
    let text = hex::decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once(SEPARATOR));
    let key = parts
        .filter(|(stated, _)| *stated == list)
        .map(|(_, key)| key.to_owned());
    key.ok_or_else(|| {
        ApiError::field(
            "cursor",
            "This page of the list can't be found. Start at the first page.",
        )
        .into()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_has_a_cursor_that_leads_back_to_it(key in ".{0,60}") {
            let cursor = write_cursor("books", &key);
            prop_assert!(cursor.bytes().all(|byte| byte.is_ascii_hexdigit()));
            prop_assert_eq!(read_cursor("books", &cursor).ok(), Some(key));
        }

        #[test]
        fn a_cursor_that_is_accepted_is_the_one_of_its_key(
            cursor in prop_oneof![
                testing::damage::damaged_text(&write_cursor("books", "Дюна a")),
                "[0-9a-fA-F]{0,40}",
                "\\PC{0,40}",
            ]
        ) {
            if let Ok(key) = read_cursor("books", &cursor) {
                prop_assert_eq!(write_cursor("books", &key), cursor.to_ascii_lowercase());
            }
        }

        #[test]
        fn pages_show_each_row_once_and_in_order(keys in prop::collection::btree_set(".{0,6}", 0..30), limit in 1_u32..9) {
            let mut shown: Vec<String> = Vec::new();
            let mut cursor = None;
            // Each page shows a row at least, or is the last one.
            for _ in 0..=keys.len() {
                let rows = keys.iter().rev().cloned().collect();
                let found = page_of("books", rows, &page(limit, cursor), Clone::clone).ok();
                let found = found.expect("the cursor is ours");
                prop_assert_eq!(found.total, keys.len() as u64);
                prop_assert!(found.items.len() <= limit as usize);
                shown.extend(found.items);
                cursor = found.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            prop_assert!(cursor.is_none());
            prop_assert_eq!(shown, keys.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_cursor_gives_the_rows_behind_it(after in "[a-z]{0,4}", keys in prop::collection::btree_set("[a-z]{1,3}", 0..9)) {
            let rows: Vec<String> = keys.into_iter().collect();
            let behind: Vec<String> = rows.iter().filter(|key| **key > after).cloned().collect();
            let found = page_of("books", rows, &page(100, Some(write_cursor("books", &after))), Clone::clone).ok();
            prop_assert_eq!(found.map(|found| found.items), Some(behind));
        }
    }

    fn page(limit: u32, cursor: Option<String>) -> PageRequest {
        PageRequest {
            limit: Some(limit),
            cursor,
        }
    }

    #[test]
    fn pages_follow_each_other_while_rows_go() {
        let names = ["Дюна", "b", "c", "a"];
        let first = page_of("books", names.to_vec(), &page(2, None), |name| (*name).to_owned()).unwrap();
        assert_eq!((first.items, first.total), (vec!["a", "b"], 4));
        let second = page_of(
            "books",
            vec!["a", "c", "Дюна"],
            &page(2, first.next_cursor),
            |name| (*name).to_owned(),
        )
        .unwrap();
        assert_eq!((second.items, second.next_cursor), (vec!["c", "Дюна"], None));
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        let of_another = write_cursor("jobs", "a");
        for cursor in ["zz", "abc", "ff", "é", &of_another] {
            assert!(
                page_of("books", vec!["a"], &page(2, Some(cursor.into())), |name| (*name)
                    .to_owned())
                .is_err(),
                "{cursor}"
            );
        }
    }
}
