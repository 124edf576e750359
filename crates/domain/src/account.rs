//! What the tracker's account allows to grab now (`rules.md` 9.2–9.4).

use chrono::{DateTime, TimeDelta, Utc};
use types::downloads::HoldReason;

/// The last reading of the account. What the site did not say is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub ratio: Option<f64>,
    pub uploaded_bytes: Option<i64>,
    pub downloaded_bytes: Option<i64>,
    pub unsatisfied_count: Option<i64>,
    pub unsatisfied_limit: Option<i64>,
    pub taken_at: DateTime<Utc>,
}

/// What we started and the account does not show yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commitments {
    /// Grabs that will take a slot.
    pub in_flight: i64,
    /// Bytes of paid grabs that are not downloaded yet.
    pub pending_paid_bytes: i64,
}

/// The user's limits.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetRules {
    /// Unsatisfied slots kept free.
    pub reserve: i64,
    /// Ratio below which no paid grab may bring the account; below 1 counts as 1.
    pub floor_buffer: f64,
}

/// Whether a grab may start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Budget {
    Allowed,
    Held(HoldReason, String),
}

/// A paid grab is frozen below this ratio, whatever the buffer is set to.
const PAID_FROZEN_BELOW: f64 = 1.5;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Slots first, for they bind free torrents too; then the ratio. An account older than 24 h is unknown: nothing is assumed.
pub fn check_budget(
    account: Option<&Account>,
    commitments: &Commitments,
    rules: &BudgetRules,
    size_bytes: i64,
    is_free: bool,
    now: DateTime<Utc>,
) -> Budget {
    let Some(account) = account.filter(|account| is_fresh(account, now)) else {
        return hold_unknown("The tracker account could not be read in the last 24 hours");
    };
    let slots = check_slots(account, commitments, rules);
    if slots != Budget::Allowed || is_free {
        return slots;
    }
    check_ratio(account, commitments, rules, size_bytes)
}

/// A reading from the future is a broken clock, not a fresh reading.
fn is_fresh(account: &Account, now: DateTime<Utc>) -> bool {
    (now - account.taken_at).abs() <= TimeDelta::hours(24)
}

fn check_slots(account: &Account, commitments: &Commitments, rules: &BudgetRules) -> Budget {
    let (Some(count), Some(limit)) = (account.unsatisfied_count, account.unsatisfied_limit) else {
        return hold_unknown("The tracker did not say how many unsatisfied torrents the account has");
    };
    let wanted = i128::from(count) + i128::from(commitments.in_flight) + 1;
    let allowed = i128::from(limit) - i128::from(rules.reserve);
    if wanted <= allowed {
        return Budget::Allowed;
    }
    Budget::Held(
        HoldReason::UnsatisfiedSlots,
        format!(
            "{count} of {limit} unsatisfied slots are taken, {} more are on their way and {} are kept free. It starts when a \
             torrent has seeded its 72 hours.",
            commitments.in_flight, rules.reserve
        ),
    )
}

fn check_ratio(account: &Account, commitments: &Commitments, rules: &BudgetRules, size_bytes: i64) -> Budget {
    let (Some(uploaded), Some(downloaded)) = (account.uploaded_bytes, account.downloaded_bytes) else {
        return hold_unknown("The tracker did not say how much the account has uploaded and downloaded");
    };
    if let Some(ratio) = account.ratio.filter(|ratio| *ratio < PAID_FROZEN_BELOW) {
        return hold_ratio(format!(
            "The ratio is {ratio:.2}; below {PAID_FROZEN_BELOW:.2} nothing that costs ratio is grabbed."
        ));
    }
    let floor = if rules.floor_buffer >= 1.0 {
        rules.floor_buffer
    } else {
        1.0
    };
    let allowed = uploaded as f64 / floor - downloaded as f64 - commitments.pending_paid_bytes as f64;
    if size_bytes > 0 && size_bytes as f64 <= allowed {
        return Budget::Allowed;
    }
    if size_bytes <= 0 {
        return hold_ratio("The size isn't known, so its cost in ratio isn't either.".into());
    }
    hold_ratio(format!(
        "It costs {:.1} GiB of ratio and {:.1} GiB are left above a ratio of {floor:.2}.",
        size_bytes as f64 / GIB,
        allowed.max(0.0) / GIB
    ))
}

fn hold_ratio(what: String) -> Budget {
    Budget::Held(
        HoldReason::Ratio,
        format!("{what} It waits for more upload or for a free release."),
    )
}

fn hold_unknown(what: &str) -> Budget {
    Budget::Held(
        HoldReason::AccountUnknown,
        format!("{what}. Check the indexer under Integrations."),
    )
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    const ONE_GIB: i64 = 1 << 30;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap()
    }

    /// 165 GiB up and 90 down: 10 GiB are left above a ratio of 1.65.
    fn account() -> Account {
        Account {
            ratio: Some(1.83),
            uploaded_bytes: Some(165 * ONE_GIB),
            downloaded_bytes: Some(90 * ONE_GIB),
            unsatisfied_count: Some(100),
            unsatisfied_limit: Some(150),
            taken_at: now() - TimeDelta::minutes(15),
        }
    }

    fn check(account: Option<&Account>, commitments: (i64, i64), size: i64, is_free: bool) -> Option<HoldReason> {
        let commitments = Commitments {
            in_flight: commitments.0,
            pending_paid_bytes: commitments.1 * ONE_GIB,
        };
        let rules = BudgetRules {
            reserve: 10,
            floor_buffer: 1.65,
        };
        match check_budget(account, &commitments, &rules, size * ONE_GIB, is_free, now()) {
            Budget::Allowed => None,
            Budget::Held(reason, sentence) => {
                assert!(sentence.ends_with('.'), "{sentence}");
                Some(reason)
            }
        }
    }

    #[test]
    fn a_paid_grab_is_held_at_the_ratio_buffer() {
        assert_eq!(check(Some(&account()), (0, 0), 10, false), None);
        assert_eq!(check(Some(&account()), (0, 0), 11, false), Some(HoldReason::Ratio));
        assert_eq!(check(Some(&account()), (0, 1), 10, false), Some(HoldReason::Ratio));
        assert_eq!(check(Some(&account()), (0, 0), 11, true), None);
        assert_eq!(check(Some(&account()), (0, 0), 0, false), Some(HoldReason::Ratio));
    }

    #[test]
    fn slots_bind_paid_and_free_grabs() {
        assert_eq!(check(Some(&account()), (39, 0), 1, false), None);
        assert_eq!(
            check(Some(&account()), (40, 0), 1, false),
            Some(HoldReason::UnsatisfiedSlots)
        );
        assert_eq!(
            check(Some(&account()), (40, 0), 1, true),
            Some(HoldReason::UnsatisfiedSlots)
        );
    }

    #[test]
    fn paid_grabs_are_frozen_below_one_and_a_half() {
        let low = Account {
            ratio: Some(1.49),
            ..account()
        };
        assert_eq!(check(Some(&low), (0, 0), 1, false), Some(HoldReason::Ratio));
        assert_eq!(check(Some(&low), (0, 0), 1, true), None);
    }

    #[test]
    fn what_is_unknown_or_old_holds() {
        let unknown = Some(HoldReason::AccountUnknown);
        assert_eq!(check(None, (0, 0), 1, false), unknown);
        assert_eq!(check(None, (0, 0), 1, true), unknown);
        let at = |age| Account {
            taken_at: now() - age,
            ..account()
        };
        assert_eq!(check(Some(&at(TimeDelta::hours(24))), (0, 0), 1, false), None);
        assert_eq!(
            check(
                Some(&at(TimeDelta::hours(24) + TimeDelta::seconds(1))),
                (0, 0),
                1,
                false
            ),
            unknown
        );
        assert_eq!(check(Some(&at(TimeDelta::hours(-25))), (0, 0), 1, false), unknown);
        assert_eq!(
            check(
                Some(&Account {
                    unsatisfied_limit: None,
                    ..account()
                }),
                (0, 0),
                1,
                true
            ),
            unknown
        );
        assert_eq!(
            check(
                Some(&Account {
                    uploaded_bytes: None,
                    ..account()
                }),
                (0, 0),
                1,
                false
            ),
            unknown
        );
        assert_eq!(
            check(
                Some(&Account {
                    uploaded_bytes: None,
                    ..account()
                }),
                (0, 0),
                1,
                true
            ),
            None
        );
        assert_eq!(
            check(
                Some(&Account {
                    ratio: None,
                    ..account()
                }),
                (0, 0),
                1,
                false
            ),
            None
        );
    }

    #[test]
    fn a_broken_buffer_never_opens_the_account() {
        for floor_buffer in [0.0, -1.0, f64::NAN] {
            let rules = BudgetRules {
                reserve: 10,
                floor_buffer,
            };
            let answer = check_budget(
                Some(&account()),
                &Commitments::default(),
                &rules,
                76 * ONE_GIB,
                false,
                now(),
            );
            assert!(matches!(answer, Budget::Held(HoldReason::Ratio, _)), "{floor_buffer}");
        }
    }
}
