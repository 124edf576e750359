//! Refusals in the audit log, thinned out so that a flood of them can't fill the disk.
//!
//! Within a minute and one process, the first ten refusals of one kind (who, from where, what) have a line each, then
//! the 100th, the 1,000th and so on, each with the count so far. Beyond 50 kinds, all further ones count as one.
//!
//! Kinds are counted apart for each action and each known person, so that nobody hides one refusal among others: junk
//! from strangers elsewhere leaves no sign-in and no insider untold.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use db::audit_log::{CredentialRow, NewAuditEntry, insert_audit_entry};
use domain::login_window::address_group;
use serde_json::{Value, json};
use types::{ErrorCode, UserId};
use uuid::Uuid;

use crate::Services;
use crate::actor::{Actor, Origin};
use crate::audit::{MAX_CHARACTERS, printable, row_of};

/// Each of them has a line.
const FIRST: u64 = 10;
const MAX_KINDS: usize = 50;
const SECONDS_PER_MINUTE: i64 = 60;

/// What is counted, wherever it is refused.
const COUNTED: [&str; 8] = [
    "api_key_refused",
    "login_refused",
    "password_refused",
    "refresh_token_refused",
    "refresh_token_reused",
    "request_refused",
    "setup_refused",
    "single_sign_on_refused",
];

/// Counts one of [`COUNTED`]; it has a place in the audit log besides.
pub(crate) fn count_refusal(what: &str) {
    debug_assert!(COUNTED.contains(&what), "{what} is not among what is counted");
    metrics::counter!("mamcrawler_refusals_total", "what" => what.to_owned()).increment(1);
}

/// Begins to count each at zero: one that were first seen at one would be no increase.
pub fn begin_counting() {
    for what in COUNTED {
        metrics::counter!("mamcrawler_refusals_total", "what" => what).increment(0);
    }
}

/// A request that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Who asked; `None` = nobody who is signed in.
    pub actor: Option<&'a Actor>,
    /// Where it came from, when the actor does not say.
    pub origin: &'a Origin,
    /// Method and route, with the names of its parameters rather than their values: "DELETE /api/v1/users/{id}".
    pub what: &'a str,
    pub code: ErrorCode,
    /// What the code leaves open, in a word: "another_site", "address".
    pub reason: Option<&'a str>,
}

/// Notes a refusal.
pub async fn record_refusal(services: &Services, refusal: Refusal<'_>) {
    let address = refusal.actor.and_then(Actor::address).map(ToOwned::to_owned);
    let mut detail = json!({ "code": refusal.code });
    if let Some(reason) = refusal.reason {
        detail["reason"] = reason.into();
    }
    let entry = NewAuditEntry {
        at: services.now(),
        user_id: refusal.actor.and_then(Actor::user_id).map(Uuid::from),
        actor: refusal.actor.map_or("nobody", Actor::name).into(),
        address: address.or_else(|| refusal.origin.address.clone()),
        action: "request_refused".into(),
        subject: Some(printable(refusal.what).chars().take(MAX_CHARACTERS).collect()),
        detail,
        credential: refusal
            .actor
            .map(|actor| row_of(actor.credential()))
            .unwrap_or_default(),
    };
    record_thinned(services, entry).await;
}

/// A secret that was shown and is not right, or not any more.
#[derive(Debug)]
pub(crate) struct WrongCredential<'a> {
    /// "setup_refused", "password_refused", "api_key_refused".
    pub action: &'static str,
    /// Whom it was to let in; `None` = nobody who is known.
    pub owner: Option<(UserId, &'a str)>,
    /// Where it came from.
    pub address: Option<&'a str>,
    /// Its name and what else is known about it, never the secret itself.
    pub about: (Option<String>, Value),
}

/// Notes a wrong credential.
pub(crate) async fn record_wrong_credential(services: &Services, wrong: WrongCredential<'_>) {
    let (subject, detail) = wrong.about;
    let entry = NewAuditEntry {
        at: services.now(),
        user_id: wrong.owner.map(|(id, _)| id.into()),
        actor: wrong.owner.map_or("nobody", |(_, name)| name).into(),
        address: wrong.address.map(ToOwned::to_owned),
        action: wrong.action.into(),
        subject,
        detail,
        // It was not accepted; which key it was is in the subject.
        credential: CredentialRow::default(),
    };
    record_thinned(services, entry).await;
}

/// Never fails: a log that can't be written does not turn a refusal into another answer.
async fn record_thinned(services: &Services, entry: NewAuditEntry) {
    let Some(entry) = services.inner.refusals.thin_out(entry) else {
        return;
    };
    let stored = async {
        let mut conn = services.connection().await?;
        crate::Result::Ok(insert_audit_entry(&mut conn, &entry).await?)
    };
    if let Err(error) = stored.await {
        tracing::warn!("a refusal could not be noted in the audit log: {error}");
    }
}

/// Counts the refusals of the running minute.
#[derive(Default)]
pub(crate) struct RefusalGate {
    minute: Mutex<Minute>,
}

#[derive(Default)]
struct Minute {
    number: i64,
    budgets: HashMap<(String, Option<Uuid>), Budget>,
}

/// The refusals of one action, of one person or of all whom nobody knows.
#[derive(Default)]
struct Budget {
    kinds: HashMap<String, u64>,
    beyond: u64,
}

impl Budget {
    /// How many there are of this kind now, and whether the kind is told apart from others.
    fn count(&mut self, kind: String) -> (u64, bool) {
        let is_told_apart = self.kinds.len() < MAX_KINDS || self.kinds.contains_key(&kind);
        let count = match is_told_apart {
            true => self.kinds.entry(kind).or_default(),
            false => &mut self.beyond,
        };
        *count += 1;
        (*count, is_told_apart)
    }
}

impl RefusalGate {
    /// The line to write for this refusal, with the count so far in its detail; `None` = no line.
    pub fn thin_out(&self, entry: NewAuditEntry) -> Option<NewAuditEntry> {
        // The action is a word of ours. All are counted, those that get no line too.
        count_refusal(&entry.action);
        let number = entry.at.timestamp().div_euclid(SECONDS_PER_MINUTE);
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.number != number {
            *minute = Minute {
                number,
                budgets: HashMap::new(),
            };
        }
        // A stranger's line is counted without the name that it tells: else it would be stored sooner for a name that exists.
        let known = entry.user_id.map(|_| &entry.actor);
        let kind = format!(
            "{:?}",
            (
                known,
                address_group(entry.address.as_deref()),
                &entry.subject,
                &entry.detail
            )
        );
        let budget = minute.budgets.entry((entry.action.clone(), entry.user_id));
        let (count, is_told_apart) = budget.or_default().count(kind);
        let mut entry = match is_told_apart {
            true => entry,
            false => as_one_of_many(entry),
        };
        if count > 1 {
            entry.detail["count_in_this_minute"] = json!(count);
        }
        let is_told = count <= FIRST || is_power_of_ten(count);
        is_told.then_some(entry)
    }
}

fn as_one_of_many(entry: NewAuditEntry) -> NewAuditEntry {
    NewAuditEntry {
        actor: match entry.user_id {
            Some(_) => entry.actor,
            None => "many".into(),
        },
        address: None,
        action: "refused_many".into(),
        subject: None,
        detail: json!({ "what": entry.action, "kinds_told_apart": MAX_KINDS }),
        credential: CredentialRow::default(),
        ..entry
    }
}

fn is_power_of_ten(count: u64) -> bool {
    10_u64.checked_pow(count.ilog10()) == Some(count)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn refusal(second: i64, actor: &str) -> NewAuditEntry {
        NewAuditEntry {
            credential: CredentialRow::default(),
            at: DateTime::from_timestamp(second, 0).unwrap(),
            user_id: None,
            actor: actor.into(),
            address: Some("192.0.2.1".into()),
            action: "request_refused".into(),
            subject: None,
            detail: json!({}),
        }
    }

    #[test]
    fn a_flood_of_one_kind_leaves_a_few_lines_with_counts() {
        let gate = RefusalGate::default();
        let lines: Vec<_> = (0..5_000).filter_map(|_| gate.thin_out(refusal(0, "anna"))).collect();
        let counts: Vec<_> = lines.iter().map(|line| &line.detail["count_in_this_minute"]).collect();
        assert_eq!(lines.len(), 12);
        assert_eq!((counts[10], counts[11]), (&json!(100), &json!(1000)));
    }

    #[test]
    fn a_flood_of_many_kinds_leaves_a_bounded_number_of_lines() {
        let gate = RefusalGate::default();
        let of_kind = |number: u32| NewAuditEntry {
            subject: Some(format!("GET /{number}")),
            ..refusal(0, "nobody")
        };
        let lines = (0..100_000).filter_map(|number| gate.thin_out(of_kind(number)));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), MAX_KINDS + 13);
        assert_eq!(lines.last().unwrap().action, "refused_many");
    }

    #[test]
    fn a_flood_of_one_action_leaves_room_for_others_and_for_known_people() {
        let gate = RefusalGate::default();
        for number in 0..1_000 {
            let address = Some(format!("192.0.2.{}", number % 250));
            gate.thin_out(NewAuditEntry {
                address,
                ..refusal(0, "nobody")
            });
        }
        let login = NewAuditEntry {
            action: "login_refused".into(),
            ..refusal(0, "anna")
        };
        assert_eq!(gate.thin_out(login.clone()), Some(login));
        let insider = NewAuditEntry {
            user_id: Some(Uuid::from_u128(1)),
            ..refusal(0, "anna")
        };
        assert_eq!(gate.thin_out(insider.clone()), Some(insider));
    }

    #[test]
    fn whether_a_stranger_leaves_a_line_does_not_tell_whether_the_name_exists() {
        let gate = RefusalGate::default();
        let login = |actor: &str| NewAuditEntry {
            action: "login_refused".into(),
            ..refusal(0, actor)
        };
        let lines = (0..50).filter_map(|_| gate.thin_out(login("unknown name"))).count();
        assert_eq!(lines, 10);
        assert_eq!(gate.thin_out(login("anna")), None);
        assert_eq!(gate.thin_out(login("unknown name")), None);
    }

    #[test]
    fn addresses_of_one_line_are_one_kind() {
        let gate = RefusalGate::default();
        let from = |number: u32| NewAuditEntry {
            address: Some(format!("2001:db8::{number:x}")),
            ..refusal(0, "nobody")
        };
        let lines = (0..1_000).filter_map(|number| gate.thin_out(from(number))).count();
        assert_eq!(lines, 12);
    }

    #[test]
    fn each_minute_counts_anew() {
        let gate = RefusalGate::default();
        for _ in 0..50 {
            gate.thin_out(refusal(59, "anna"));
        }
        let line = gate.thin_out(refusal(60, "anna")).unwrap();
        assert_eq!(line.detail, json!({}));
    }
}
