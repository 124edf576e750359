//! The member's account, in the full layout and in the short one that the site documents.

use serde_json::Value;

use crate::flex;
use crate::indexer::AccountFacts;
use crate::text::{parse_size, parse_utc};

/// Reads the answer of `jsonLoad.php`. What is missing or unreadable stays `None`: never a guess.
pub fn read_account(answer: &Value) -> AccountFacts {
    AccountFacts {
        username: flex::text(&answer["username"]),
        class: flex::text(&answer["classname"]),
        ratio: flex::number(&answer["ratio"]).filter(|ratio| *ratio >= 0.0),
        uploaded_bytes: read_bytes(answer, "uploaded_bytes", "uploaded"),
        downloaded_bytes: read_bytes(answer, "downloaded_bytes", "downloaded"),
        points: flex::integer(&answer["seedbonus"]),
        wedges: flex::integer(&answer["wedges"]),
        vip_until: flex::text(&answer["vip_until"]).and_then(|until| parse_utc(&until)),
        unsatisfied_count: flex::integer(&answer["unsat"]["count"]).filter(|count| *count >= 0),
        unsatisfied_limit: flex::integer(&answer["unsat"]["limit"]).filter(|limit| *limit >= 0),
        connectable: read_connectable(&answer["connectable"]),
    }
}

/// Whether "free for VIP" applies to a class: the VIP classes and the staff above them.
pub(super) fn is_vip_class(class: &str) -> bool {
    let class = class.to_lowercase();
    let is_staff = ["mod", "moderator", "administrator", "admin", "sysop", "staff"]
        .iter()
        .any(|title| class.split_whitespace().any(|word| word == *title));
    is_staff || class.split_whitespace().any(|word| word == "vip")
}

/// Exact bytes, else the rounded text ("5.125 TiB").
fn read_bytes(answer: &Value, exact: &str, rounded: &str) -> Option<i64> {
    let bytes = flex::integer(&answer[exact]).or_else(|| parse_size(&flex::text(&answer[rounded])?));
    bytes.filter(|bytes| *bytes >= 0)
}

fn read_connectable(value: &Value) -> Option<String> {
    match value {
        Value::Bool(is_connectable) => Some(if *is_connectable { "yes" } else { "no" }.into()),
        other => flex::text(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::text::is_plausible;

    /// Numbers that can be no such number are unknown, and nothing is more than the database takes.
    fn check_bounds(account: &AccountFacts) -> Result<(), TestCaseError> {
        prop_assert!(account.ratio.is_none_or(|ratio| ratio.is_finite() && ratio >= 0.0));
        let counts = [
            account.uploaded_bytes,
            account.downloaded_bytes,
            account.unsatisfied_count,
            account.unsatisfied_limit,
        ];
        prop_assert!(counts.iter().flatten().all(|count| *count >= 0));
        prop_assert!(account.vip_until.is_none_or(|until| is_plausible(&until)));
        let texts = [&account.username, &account.class, &account.connectable];
        prop_assert!(
            texts
                .into_iter()
                .flatten()
                .all(|text| !text.is_empty() && text.trim() == text && !text.contains('\0'))
        );
        Ok(())
    }

    proptest! {
        #[test]
        fn a_damaged_answer_gives_possible_facts_only(
            bytes in testing::damage::damaged(include_bytes!("fixtures/account.json"))
        ) {
            if let Ok(answer) = serde_json::from_slice(&bytes) {
                check_bounds(&read_account(&answer))?;
            }
        }

        #[test]
        fn any_text_in_any_field_gives_possible_facts_only(text in "[0-9.,+-]{0,30}( ?[KMGTP]i?B)?|[0-9: -]{0,24}|\\PC{0,20}") {
            let mut answer = json!({ "unsat": { "count": text, "limit": text } });
            for name in ["username", "classname", "ratio", "uploaded", "downloaded", "seedbonus", "wedges", "vip_until", "connectable"] {
                answer[name] = text.clone().into();
            }
            check_bounds(&read_account(&answer))?;
        }

        #[test]
        fn exact_bytes_are_read_exactly(bytes in 0_i64.., is_text in any::<bool>()) {
            let written = if is_text { json!(bytes.to_string()) } else { json!(bytes) };
            let account = read_account(&json!({ "uploaded_bytes": written }));
            prop_assert_eq!(account.uploaded_bytes, Some(bytes));
        }
    }

    #[test]
    fn the_full_layout_is_read_exactly() {
        let account = read_account(&serde_json::from_str(include_str!("fixtures/account.json")).unwrap());
        assert_eq!(
            account,
            AccountFacts {
                username: Some("mouse".into()),
                class: Some("VIP".into()),
                ratio: Some(26.7),
                uploaded_bytes: Some(5_635_036_489_461),
                downloaded_bytes: Some(210_957_629_456),
                points: Some(99_999),
                wedges: Some(207),
                vip_until: parse_utc("2026-06-10 06:44:38"),
                unsatisfied_count: Some(3),
                unsatisfied_limit: Some(150),
                connectable: Some("offline".into()),
            }
        );
    }

    #[test]
    fn the_short_layout_gives_rounded_bytes_and_leaves_the_rest_unknown() {
        let account = read_account(
            &json!({"uid": "1", "username": "mouse", "classname": "User", "ratio": "1,026.7",
            "uploaded": "5.125 TiB", "downloaded": "1 GiB", "seedbonus": "12.5", "vip_until": null}),
        );
        assert_eq!(
            (account.ratio, account.downloaded_bytes, account.points),
            (Some(1026.7), Some(1 << 30), Some(12))
        );
        assert_eq!(
            (account.unsatisfied_count, account.unsatisfied_limit, account.vip_until),
            (None, None, None)
        );
    }

    #[test]
    fn unreadable_values_are_unknown_and_not_zero() {
        let account = read_account(
            &json!({"ratio": "---", "uploaded_bytes": -5, "vip_until": "0000-00-00 00:00:00",
            "unsat": {"count": "?", "limit": null}}),
        );
        assert_eq!(account, AccountFacts::default());
    }

    #[test]
    fn vip_classes_and_staff_get_vip_torrents_free() {
        for class in ["VIP", "Elite VIP", "elite vip", "Torrent Mod"] {
            assert!(is_vip_class(class), "{class}");
        }
        for class in ["User", "Power User", "Mouse", "Modest User"] {
            assert!(!is_vip_class(class), "{class}");
        }
    }
}
