//! Lists that are read whole because they stay short: users, keys, integrations. They are paged like the long ones.

use types::{ApiError, Page, PageRequest};

use super::ApiResult;

/// One page of `items`, in the order of their keys. A key is unique, and a cursor is the last key seen.
pub fn page_of<T>(items: Vec<T>, page: &PageRequest, key: impl Fn(&T) -> String) -> ApiResult<Page<T>> {
    let total = items.len() as u64;
    let mut keyed: Vec<(String, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    if let Some(cursor) = &page.cursor {
        let after = read_cursor(cursor)?;
        keyed.retain(|(key, _)| *key > after);
    }
    let has_more = keyed.len() > page.limit() as usize;
    keyed.truncate(page.limit() as usize);
    let next_cursor = keyed.last().filter(|_| has_more).map(|(key, _)| write_cursor(key));
    Ok(Page {
        items: keyed.into_iter().map(|(_, item)| item).collect(),
        next_cursor,
        total,
    })
}

fn write_cursor(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn read_cursor(cursor: &str) -> ApiResult<String> {
    let digits: Option<Vec<u8>> = cursor
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
    let bytes = digits.map(|digits| digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        ApiError::field(
            "cursor",
            "This page of the list can't be found. Start at the first page.",
        )
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: u32, cursor: Option<String>) -> PageRequest {
        PageRequest {
            limit: Some(limit),
            cursor,
        }
    }

    #[test]
    fn pages_follow_each_other_while_rows_go() {
        let names = ["Дюна", "b", "c", "a"];
        let first = page_of(names.to_vec(), &page(2, None), |name| (*name).to_owned()).unwrap();
        assert_eq!((first.items, first.total), (vec!["a", "b"], 4));
        let second = page_of(vec!["a", "c", "Дюна"], &page(2, first.next_cursor), |name| {
            (*name).to_owned()
        })
        .unwrap();
        assert_eq!((second.items, second.next_cursor), (vec!["c", "Дюна"], None));
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        for cursor in ["zz", "abc", "ff", "é"] {
            assert!(
                page_of(vec!["a"], &page(2, Some(cursor.into())), |name| (*name).to_owned()).is_err(),
                "{cursor}"
            );
        }
    }
}
