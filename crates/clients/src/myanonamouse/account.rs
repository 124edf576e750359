//! The member's account, in the full layout and in the short one that the site documents.

use serde_json::Value;

use crate::flex;
use crate::indexer::AccountFacts;
use crate::text::{parse_size, parse_utc};

/// Reads the answer of `jsonLoad.php`. What is missing or unreadable stays `None`: never a guess.
pub(super) fn read_account(answer: &Value) -> AccountFacts {
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
    use serde_json::json;

    use super::*;

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
