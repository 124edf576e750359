//! Names of backup files, and which of them are kept: one of each of 7 days, and before those one of each of 4 weeks.
//!
//! Days and weeks (Monday to Sunday, UTC) without a backup don't count: after a pause nothing is lost by its length.
//! Of a day or week the newest one stays, or the newest that no test found broken. Whatever the calendar says, the newest
//! of all stays, and the newest that a test really restored: a row of bad ones can't push out the last good one. For a
//! month, so does the newest of each schema: the program from before an update can restore no other one.
//!
//! All of this is counted back from the backup just made. One that is dated later was made by a faster process, or while the
//! clock was ahead: it stays, and takes no other's place, until its time has come.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};

/// Days of which one backup is kept.
pub const DAYS: usize = 7;
/// Weeks before those days of which one backup is kept.
pub const WEEKS: usize = 4;
/// So long before the newest backup, the newest of each schema is kept.
pub const SCHEMA_KEPT: TimeDelta = TimeDelta::days(31);

const PATTERN: &str = "mamcrawler-%Y%m%dT%H%M%SZ.backup";

/// What is known about a backup besides its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// No test has looked at it.
    Untested,
    /// A test brought everything back from it.
    Restored,
    /// A test found that it is damaged or incomplete.
    Broken,
}

/// A backup, as far as it matters for keeping it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBackup {
    pub name: String,
    pub made_at: DateTime<Utc>,
    /// The newest migration in it; `None` = its header can't be read.
    pub schema: Option<String>,
    pub proof: Proof,
}

/// The file's name for a backup of this moment; names sort by time.
pub fn backup_name(made_at: DateTime<Utc>) -> String {
    made_at.format(PATTERN).to_string()
}

/// When the backup of this name was made; `None` = no name of ours, so not a file of ours.
pub fn read_backup_name(name: &str) -> Option<DateTime<Utc>> {
    let made_at = NaiveDateTime::parse_from_str(name, PATTERN).ok()?.and_utc();
    // Parsing takes spaces and signs that we never write.
    (backup_name(made_at) == name).then_some(made_at)
}

/// The backups that are no longer needed now that the one of the name `just_made` is there; none while it is not.
pub fn choose_removals<'a>(backups: &'a [KeptBackup], just_made: &str) -> Vec<&'a KeptBackup> {
    let Some(made) = backups.iter().find(|backup| backup.name == just_made) else {
        return Vec::new();
    };
    let mut newest_first: Vec<&KeptBackup> = backups.iter().filter(|one| one.made_at <= made.made_at).collect();
    newest_first.sort_by_key(|backup| Reverse((backup.made_at, &backup.name)));
    let daily = pick_one_of_each(&newest_first, DAYS, |at| at.date_naive());
    let first_day = daily.last().map(|backup| backup.made_at.date_naive());
    let before: Vec<&KeptBackup> = newest_first
        .iter()
        .filter(|backup| first_day.is_some_and(|day| backup.made_at.date_naive() < day))
        .copied()
        .collect();
    let weekly = pick_one_of_each(&before, WEEKS, |at| at.iso_week());
    let newest = newest_first.first().copied();
    let restored = newest_first.iter().find(|backup| backup.proof == Proof::Restored);
    let kept: BTreeSet<&str> = daily
        .into_iter()
        .chain(weekly)
        .chain(newest)
        .chain(restored.copied())
        .chain(pick_one_of_each_schema(&newest_first))
        .map(|backup| backup.name.as_str())
        .collect();
    newest_first.retain(|backup| !kept.contains(backup.name.as_str()));
    newest_first
}

/// The best of each schema, of the month before the newest backup.
fn pick_one_of_each_schema<'a>(newest_first: &[&'a KeptBackup]) -> Vec<&'a KeptBackup> {
    let oldest = newest_first.first().map(|newest| newest.made_at - SCHEMA_KEPT);
    let of_month: Vec<&KeptBackup> = newest_first
        .iter()
        .filter(|backup| oldest.is_some_and(|oldest| backup.made_at >= oldest))
        .copied()
        .collect();
    let schemas: BTreeSet<&str> = of_month.iter().filter_map(|backup| backup.schema.as_deref()).collect();
    let best_of = |schema: &str| {
        let group = of_month
            .iter()
            .filter(|backup| backup.schema.as_deref() == Some(schema));
        pick_sound(&group.copied().collect::<Vec<_>>())
    };
    schemas.into_iter().filter_map(best_of).collect()
}

/// The newest that no test found broken, or else the newest.
fn pick_sound<'a>(newest_first: &[&'a KeptBackup]) -> Option<&'a KeptBackup> {
    let sound = newest_first.iter().find(|backup| backup.proof != Proof::Broken);
    sound.or(newest_first.first()).copied()
}

/// The best of each of the first `count` periods.
fn pick_one_of_each<'a, P: PartialEq>(
    newest_first: &[&'a KeptBackup],
    count: usize,
    period: impl Fn(DateTime<Utc>) -> P,
) -> Vec<&'a KeptBackup> {
    newest_first
        .chunk_by(|a, b| period(a.made_at) == period(b.made_at))
        .take(count)
        .filter_map(pick_sound)
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap() + TimeDelta::hours(hours)
    }

    fn backup(hours: i64, proof: Proof) -> KeptBackup {
        KeptBackup {
            name: backup_name(at(hours)),
            made_at: at(hours),
            schema: Some("1".into()),
            proof,
        }
    }

    fn of_schema(hours: i64, schema: &str) -> KeptBackup {
        KeptBackup {
            schema: Some(schema.into()),
            ..backup(hours, Proof::Untested)
        }
    }

    /// After the newest was made.
    fn choose_with_newest(backups: &[KeptBackup]) -> Vec<&KeptBackup> {
        let newest = backups.iter().max_by_key(|backup| backup.made_at);
        newest.map_or_else(Vec::new, |newest| choose_removals(backups, &newest.name))
    }

    fn rotate(backups: &mut Vec<KeptBackup>) {
        let gone: Vec<String> = choose_with_newest(backups)
            .iter()
            .map(|backup| backup.name.clone())
            .collect();
        backups.retain(|backup| !gone.contains(&backup.name));
    }

    fn backups() -> impl Strategy<Value = Vec<KeptBackup>> {
        let proof = prop_oneof![Just(Proof::Untested), Just(Proof::Restored), Just(Proof::Broken)];
        let schema = prop::option::weighted(0.9, "[1-3]");
        vec((0_i64..3000, proof, schema), 0..80).prop_map(|mut all| {
            all.sort_by_key(|(hours, ..)| *hours);
            all.dedup_by_key(|(hours, ..)| *hours);
            let kept = |(hours, proof, schema)| KeptBackup {
                schema,
                ..backup(hours, proof)
            };
            all.into_iter().map(kept).collect()
        })
    }

    #[test]
    fn a_year_of_daily_backups_leaves_seven_days_and_four_weeks() {
        let mut backups = Vec::new();
        for day in 0..365 {
            backups.push(backup(day * 24 + 3, Proof::Untested));
            rotate(&mut backups);
            if day < 40 {
                continue;
            }
            let ages: Vec<i64> = backups
                .iter()
                .rev()
                .map(|kept| day - (kept.made_at - at(3)).num_days())
                .collect();
            assert_eq!(ages[..7], [0, 1, 2, 3, 4, 5, 6]);
            assert_eq!(ages.len(), 11, "{ages:?}");
            assert!(
                ages.windows(2).all(|pair| pair[1] - pair[0] <= 7),
                "a week is missing: {ages:?}"
            );
            // The oldest is of the fourth week before.
            assert!((22..=28).contains(&ages[10]), "{ages:?}");
        }
    }

    #[test]
    fn broken_backups_do_not_push_out_the_last_one_that_was_restored() {
        let mut backups = vec![backup(0, Proof::Restored)];
        for day in 1..200 {
            backups.push(backup(day * 24, Proof::Broken));
            rotate(&mut backups);
        }
        assert!(backups.iter().any(|kept| kept.proof == Proof::Restored));
    }

    #[test]
    fn of_a_day_the_newest_that_is_not_broken_stays() {
        let day = [
            backup(1, Proof::Untested),
            backup(2, Proof::Untested),
            backup(3, Proof::Broken),
            backup(30, Proof::Untested),
        ];
        let gone: Vec<_> = choose_with_newest(&day).iter().map(|gone| gone.made_at).collect();
        assert_eq!(gone, [at(3), at(1)]);
    }

    #[test]
    fn a_clock_that_was_ahead_costs_no_backup_made_since() {
        let mut backups: Vec<_> = (0..30).map(|day| backup((day + 400) * 24, Proof::Untested)).collect();
        rotate(&mut backups);
        let of_the_future = backups.clone();
        // Later on the same day, as it was set back by an hour: by its name the one just made is the older one.
        backups.push(backup(2, Proof::Untested));
        for hour in [1, 24, 48, 72] {
            let made = backup(hour, Proof::Untested);
            let name = made.name.clone();
            backups.push(made);
            let gone: Vec<String> = choose_removals(&backups, &name)
                .iter()
                .map(|gone| gone.name.clone())
                .collect();
            assert!(!gone.contains(&name), "the one just made");
            assert!(of_the_future.iter().all(|future| !gone.contains(&future.name)));
            backups.retain(|kept| !gone.contains(&kept.name));
        }
        let of_now: Vec<_> = backups
            .iter()
            .map(|kept| kept.made_at)
            .filter(|made| *made < at(100))
            .collect();
        assert_eq!(of_now, [at(2), at(24), at(48), at(72)]);
    }

    #[test]
    fn nothing_is_removed_for_a_backup_that_is_not_there() {
        let day = [backup(1, Proof::Untested), backup(2, Proof::Untested)];
        assert_eq!(
            choose_removals(&day, "mamcrawler-20261122T160000Z.backup"),
            Vec::<&KeptBackup>::new()
        );
    }

    #[test]
    fn the_backup_from_before_an_update_stays_for_a_month() {
        let mut backups = vec![of_schema(0, "1"), of_schema(1, "1")];
        for day in 0..60 {
            backups.push(of_schema(day * 24 + 5, "2"));
            rotate(&mut backups);
            let before: Vec<_> = backups
                .iter()
                .filter(|kept| kept.schema.as_deref() == Some("1"))
                .map(|kept| kept.made_at)
                .collect();
            let expected = if day < 31 { vec![at(1)] } else { vec![] };
            assert_eq!(before, expected, "day {day}");
        }
    }

    #[test]
    fn only_names_of_our_pattern_are_ours() {
        assert_eq!(backup_name(at(0)), "mamcrawler-20261122T120000Z.backup");
        assert_eq!(read_backup_name("mamcrawler-20261122T120000Z.backup"), Some(at(0)));
        for foreign in [
            "",
            "mamcrawler.backup",
            "mamcrawler-20261122T120000Z.backup.part",
            ".mamcrawler-20261122T120000Z.backup",
            "mamcrawler-20261122T120000Z.backup/..",
            "mamcrawler- 20261122T120000Z.backup",
            "mamcrawler-20261322T120000Z.backup",
            "mamcrawler-+20261122T120000Z.backup",
            "mamcrawler-2026112T120000Z.backup",
            "Mamcrawler-20261122T120000Z.backup",
        ] {
            assert_eq!(read_backup_name(foreign), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn the_one_just_made_and_what_is_dated_later_are_never_removed(backups in backups(), pick in any::<prop::sample::Index>()) {
            prop_assume!(!backups.is_empty());
            let made = &backups[pick.index(backups.len())];
            for gone in choose_removals(&backups, &made.name) {
                prop_assert!(gone.made_at < made.made_at, "{}", gone.name);
            }
        }

        #[test]
        fn the_newest_and_the_newest_restored_are_never_removed(backups in backups()) {
            let gone = choose_with_newest(&backups);
            let newest = backups.iter().max_by_key(|backup| backup.made_at);
            let restored = backups.iter().filter(|backup| backup.proof == Proof::Restored);
            for kept in newest.into_iter().chain(restored.max_by_key(|backup| backup.made_at)) {
                prop_assert!(!gone.contains(&kept));
            }
        }

        #[test]
        fn at_most_thirteen_and_one_of_each_schema_stay_and_rotating_again_removes_nothing(mut backups in backups()) {
            rotate(&mut backups);
            prop_assert!(backups.len() <= DAYS + WEEKS + 2 + 3);
            prop_assert!(choose_with_newest(&backups).is_empty());
        }

        #[test]
        fn every_day_of_the_newest_seven_keeps_one_and_a_sound_one_if_it_has_one(backups in backups()) {
            let mut left = backups.clone();
            rotate(&mut left);
            let mut days: Vec<_> = backups.iter().map(|backup| backup.made_at.date_naive()).collect();
            days.dedup();
            for day in days.iter().rev().take(DAYS) {
                let of_day = |all: &[KeptBackup]| all.iter().filter(|b| b.made_at.date_naive() == *day).cloned().collect::<Vec<_>>();
                let is_sound = |all: &[KeptBackup]| all.iter().any(|backup| backup.proof != Proof::Broken);
                prop_assert!(!of_day(&left).is_empty());
                prop_assert_eq!(is_sound(&of_day(&left)), is_sound(&of_day(&backups)));
            }
        }

        #[test]
        fn every_schema_of_the_last_month_keeps_one_and_a_sound_one_if_it_has_one(backups in backups()) {
            let mut left = backups.clone();
            rotate(&mut left);
            let newest = backups.iter().map(|backup| backup.made_at).max();
            for schema in ["1", "2", "3"] {
                let of_schema = |all: &[KeptBackup]| -> Vec<(DateTime<Utc>, bool)> {
                    all.iter()
                        .filter(|backup| backup.schema.as_deref() == Some(schema))
                        .filter(|backup| newest.is_some_and(|newest| newest - backup.made_at <= SCHEMA_KEPT))
                        .map(|backup| (backup.made_at, backup.proof != Proof::Broken))
                        .collect()
                };
                let newest_of = |all: &[KeptBackup], sound: bool| {
                    let made = of_schema(all).into_iter().filter(|(_, is_sound)| *is_sound || !sound);
                    made.map(|(at, _)| at).max()
                };
                prop_assert_eq!(newest_of(&left, true), newest_of(&backups, true));
                prop_assert_eq!(of_schema(&left).is_empty(), of_schema(&backups).is_empty());
            }
        }

        #[test]
        fn names_are_read_back(seconds in 0_i64..4_000_000_000) {
            let made_at = DateTime::from_timestamp(seconds, 0).unwrap();
            prop_assert_eq!(read_backup_name(&backup_name(made_at)), Some(made_at));
        }

        #[test]
        fn any_text_that_is_read_is_the_name_that_we_would_write(name in ".{0,60}") {
            if let Some(made_at) = read_backup_name(&name) {
                prop_assert_eq!(backup_name(made_at), name);
            }
        }
    }
}
