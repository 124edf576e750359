use types::health::{BreakerState, BreakerView};
use types::integrations::IntegrationKind;
use types::jobs::JobKind;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap()
}

fn integration() -> IntegrationHealth {
    IntegrationHealth {
        kind: IntegrationKind::Qbittorrent,
        name: "qBittorrent".into(),
        health: Health::Ok,
        sentence: Some("qBittorrent 5.0 answers.".into()),
        checked_at: Some(now() - TimeDelta::minutes(10)),
        stopped: None,
        breaker: None,
        left_alone_by: Vec::new(),
        version: None,
    }
}

fn job() -> JobHealth {
    let last_success_at = Some(now() - TimeDelta::minutes(10));
    JobHealth {
        kind: JobKind::SnapshotAccount,
        is_enabled: true,
        longest_pause_seconds: Some(900),
        late_from: find_late_from(Duration::from_secs(900), last_success_at, None),
        next_at: None,
        last_success_at,
        last_status: Some(RunStatus::Succeeded),
        last_sentence: Some("Read.".into()),
    }
}

#[track_caller]
fn check((health, sentence): Judgement, expected: Health, words: &str) {
    assert_eq!(health, expected, "{sentence}");
    assert!(sentence.contains(words), "{sentence}");
}

#[test]
fn a_well_integration_that_nobody_checks_any_more_is_a_warning() {
    check(judge_integration(&integration(), now()), Health::Ok, "5.0 answers");
    let old = now() + TimeDelta::hours(3);
    check(judge_integration(&integration(), old), Health::Warning, "3 hours ago");
}

fn rest(process: &str, seconds: i64, sentence: &str) -> BreakerRest {
    BreakerRest {
        process: process.into(),
        failures: 5,
        asked_again_at: now() + TimeDelta::seconds(seconds),
        sentence: sentence.into(),
    }
}

#[test]
fn an_integration_that_is_left_alone_fails_and_says_by_whom_and_until_when() {
    let left_alone_by = |rests: &[BreakerRest]| IntegrationHealth {
        left_alone_by: rests.to_vec(),
        ..integration()
    };
    let worker = rest("worker on attic (process 71)", 40, "It can't be reached.");
    check(
        judge_integration(&left_alone_by(std::slice::from_ref(&worker)), now()),
        Health::Failing,
        "The worker on attic (process 71) leaves it alone until 12:00:40 UTC: 5 calls in a row failed. It can't be \
         reached. Test under Integrations asks at once; each process",
    );
    let server = rest("server on attic (process 7)", 90, "It can't be reached.");
    check(
        judge_integration(&left_alone_by(&[server, worker]), now()),
        Health::Failing,
        "The server on attic (process 7) leaves it alone until 12:01:30 UTC: 5 calls in a row failed. The worker on \
         attic (process 71) leaves it alone until 12:00:40 UTC: 5 calls in a row failed. It can't be reached. Test",
    );
    check(judge_integration(&left_alone_by(&[]), now()), Health::Ok, "5.0 answers");
}

#[test]
fn an_integration_that_nobody_called_since_its_pause_is_judged_by_its_last_check() {
    let due = BreakerView {
        state: BreakerState::Due,
        failures: Some(5),
        asked_again_at: None,
        due_since: Some(now()),
        sentence: Some("It can't be reached.".into()),
    };
    let well = IntegrationHealth {
        breaker: Some(due),
        ..integration()
    };
    check(judge_integration(&well, now()), Health::Ok, "5.0 answers");
    let failing = IntegrationHealth {
        health: Health::Failing,
        sentence: Some("It refused the password.".into()),
        ..well
    };
    check(
        judge_integration(&failing, now()),
        Health::Failing,
        "refused the password",
    );
}

#[test]
fn a_stopped_integration_fails_whatever_its_last_check_found() {
    let stopped = IntegrationHealth {
        stopped: Some("It refused the password.".into()),
        ..integration()
    };
    check(
        judge_integration(&stopped, now()),
        Health::Failing,
        "refused the password",
    );
}

#[test]
fn an_integration_that_was_never_checked_is_unknown() {
    let unchecked = IntegrationHealth {
        health: Health::Unknown,
        checked_at: None,
        ..integration()
    };
    check(judge_integration(&unchecked, now()), Health::Unknown, "Press Test");
}

#[test]
fn a_queue_is_judged_by_the_oldest_that_is_due() {
    let queue = |lag_seconds| QueueHealth {
        kind: JobKind::SearchWant,
        running: 0,
        queued: 3,
        due: 2,
        lag_seconds,
    };
    check(judge_queue(&[queue(None)]), Health::Ok, "Nothing that is due waits");
    check(judge_queue(&[queue(None), queue(Some(40))]), Health::Ok, "40 seconds");
    check(
        judge_queue(&[queue(Some(40)), queue(Some(400))]),
        Health::Warning,
        "6 minutes",
    );
    check(judge_queue(&[queue(Some(7200))]), Health::Failing, "2 hours");
}

#[test]
fn a_job_fails_when_its_last_success_is_two_pauses_and_a_grace_ago() {
    check(judge_job(&job(), now()), Health::Ok, "10 minutes ago");
    check(
        judge_job(&job(), now() + TimeDelta::minutes(49)),
        Health::Ok,
        "59 minutes ago",
    );
    check(
        judge_job(&job(), now() + TimeDelta::minutes(51)),
        Health::Failing,
        "every 15 minutes",
    );
}

#[test]
fn a_job_is_late_by_its_last_success_or_by_when_it_was_switched_on_whichever_came_later() {
    let (week, day) = (Duration::from_secs(7 * 86_400), TimeDelta::days(1));
    let late_from = |success, since| find_late_from(week, success, since);
    let limit = day * 14 + JOB_GRACE;
    let (long_ago, yesterday) = (now() - day * 100, now() - day);
    assert_eq!(late_from(Some(long_ago), None), Some(long_ago + limit));
    assert_eq!(late_from(Some(long_ago), Some(yesterday)), Some(yesterday + limit));
    assert_eq!(late_from(Some(yesterday), Some(long_ago)), Some(yesterday + limit));
    assert_eq!(late_from(None, Some(yesterday)), Some(yesterday + limit));
    assert_eq!(late_from(None, None), None);

    let again = JobHealth {
        longest_pause_seconds: Some(week.as_secs()),
        last_success_at: Some(long_ago),
        late_from: late_from(Some(long_ago), Some(yesterday)),
        ..job()
    };
    check(judge_job(&again, now()), Health::Ok, "100 days ago");
    let later = now() + day * 14;
    check(
        judge_job(&again, later),
        Health::Failing,
        "It last succeeded 114 days ago",
    );
    let never = JobHealth {
        last_success_at: None,
        last_status: None,
        late_from: late_from(None, Some(yesterday)),
        ..again
    };
    check(judge_job(&never, now()), Health::Unknown, "not run yet");
    check(
        judge_job(&never, later),
        Health::Failing,
        "It has never succeeded, though",
    );
}

#[test]
fn a_job_whose_last_run_failed_is_a_warning_while_it_is_not_late() {
    let failed = JobHealth {
        last_status: Some(RunStatus::Failed),
        last_sentence: Some("No answer.".into()),
        ..job()
    };
    check(judge_job(&failed, now()), Health::Warning, "No answer.");
    let never = JobHealth {
        last_success_at: None,
        ..failed
    };
    check(judge_job(&never, now()), Health::Failing, "never succeeded");
}

#[test]
fn a_job_that_is_off_or_new_is_unknown() {
    let off = JobHealth {
        is_enabled: false,
        ..job()
    };
    check(judge_job(&off, now()), Health::Unknown, "switched off");
    let new = JobHealth {
        last_success_at: None,
        last_status: None,
        ..job()
    };
    check(judge_job(&new, now()), Health::Unknown, "not run yet");
}

#[test]
fn a_disk_warns_below_what_is_to_stay_free_and_fails_below_a_quarter_of_it() {
    let disk = |free_gib: Option<u64>| DiskHealth {
        place: "library".into(),
        path: "/srv/books".into(),
        free_bytes: free_gib.map(|gib| gib * GIB),
        size_bytes: Some(1000 * GIB),
    };
    check(
        judge_disk(&disk(Some(20)), 20),
        Health::Ok,
        "20 GiB are free at /srv/books",
    );
    check(judge_disk(&disk(Some(19)), 20), Health::Warning, "downloads wait");
    check(judge_disk(&disk(Some(4)), 20), Health::Failing, "add space");
    check(judge_disk(&disk(None), 20), Health::Unknown, "can't be seen");
}

#[test]
fn the_worst_counts_and_the_unknown_is_no_failure() {
    assert_eq!(find_worst([Health::Ok, Health::Unknown]), Health::Unknown);
    assert_eq!(
        find_worst([Health::Warning, Health::Unknown, Health::Ok]),
        Health::Warning
    );
    assert_eq!(find_worst([Health::Failing, Health::Warning]), Health::Failing);
    assert_eq!(find_worst([]), Health::Ok);
}

fn account() -> AccountView {
    AccountView {
        integration: "MyAnonamouse".into(),
        username: None,
        class: None,
        ratio: Some(2.0),
        unsatisfied_count: Some(3),
        unsatisfied_limit: Some(50),
        points: None,
        wedges: None,
        vip_until: Some(now() + TimeDelta::days(30)),
        requests_today: 0,
        requests_limit: 500,
        taken_at: now() - TimeDelta::minutes(5),
        is_stale: false,
    }
}

#[test]
fn an_account_is_judged_by_ratio_vip_and_slots_and_says_all_of_it() {
    check(judge_account(&account(), 10, now()), Health::Ok, "5 minutes ago");
    let judged = |change: fn(&mut AccountView)| {
        let mut account = account();
        change(&mut account);
        judge_account(&account, 10, now())
    };
    check(judged(|account| account.ratio = Some(1.575)), Health::Warning, "1.57");
    check(judged(|account| account.ratio = Some(1.0)), Health::Failing, "1.00");
    check(
        judged(|account| account.vip_until = Some(now() + TimeDelta::days(13))),
        Health::Warning,
        "13 days",
    );
    check(
        judged(|account| account.vip_until = Some(now() + TimeDelta::days(6))),
        Health::Failing,
        "6 days",
    );
    check(
        judged(|account| account.vip_until = Some(now() - TimeDelta::days(1))),
        Health::Failing,
        "has ended",
    );
    check(
        judged(|account| account.unsatisfied_count = Some(40)),
        Health::Warning,
        "40 of 50",
    );
    check(judged(|account| account.is_stale = true), Health::Failing, "unknown");
    let both = judged(|account| {
        account.ratio = Some(1.5);
        account.unsatisfied_count = Some(50);
    });
    check(
        both,
        Health::Warning,
        "The ratio is 1.50. Paid grabs stop below 1.50. 50 of 50",
    );
}

#[test]
fn what_the_tracker_did_not_say_is_no_fault() {
    let silent = AccountView {
        ratio: None,
        unsatisfied_count: None,
        unsatisfied_limit: None,
        vip_until: None,
        ..account()
    };
    check(judge_account(&silent, 10, now()), Health::Ok, "read");
}

fn sound(hours_ago: i64, is_encrypted: bool) -> SoundBackup {
    SoundBackup {
        made_at: now() - TimeDelta::hours(hours_ago),
        is_encrypted,
    }
}

#[test]
fn whether_backups_are_encrypted_is_told_and_is_no_trouble_either_way() {
    for (is_encrypted, words) in [
        (true, "made 2 hours ago. It is encrypted."),
        (
            false,
            "made 2 hours ago. It is not encrypted: without MAMCRAWLER_BACKUP_KEY",
        ),
    ] {
        let facts = BackupFacts {
            last_sound: Some(sound(2, is_encrypted)),
            ..BackupFacts::default()
        };
        check(judge_backup(&facts, now()), Health::Ok, words);
    }
}

#[test]
fn a_backup_is_stale_after_a_day_and_a_half_and_none_is_a_warning() {
    let made = |hours| BackupFacts {
        last_sound: Some(sound(hours, true)),
        last_made: Some(now()),
        ..BackupFacts::default()
    };
    check(judge_backup(&made(36), now()), Health::Ok, "36 hours ago");
    check(judge_backup(&made(37), now()), Health::Failing, "37 hours ago");
    check(
        judge_backup(&BackupFacts::default(), now()),
        Health::Warning,
        "mamcrawler backup",
    );
}

#[test]
fn backups_that_are_gone_or_can_not_be_seen_are_none() {
    let gone = BackupFacts {
        last_made: Some(now() - TimeDelta::hours(2)),
        folder: "/srv/backups".into(),
        ..BackupFacts::default()
    };
    check(
        judge_backup(&gone, now()),
        Health::Failing,
        "No sound backup is in /srv/backups",
    );
    let hidden = BackupFacts {
        last_sound: Some(sound(0, true)),
        obstacle: Some("/srv/backups does not answer.".into()),
        ..gone
    };
    check(judge_backup(&hidden, now()), Health::Failing, "does not answer");
}

#[test]
fn what_is_dated_ahead_of_the_clock_is_a_warning_and_never_well() {
    let ahead = now() + TimeDelta::days(3);
    let job = JobHealth {
        last_success_at: Some(ahead),
        ..job()
    };
    check(judge_job(&job, now()), Health::Warning, "3 days ahead of the clock");
    let integration = IntegrationHealth {
        checked_at: Some(ahead),
        ..integration()
    };
    check(
        judge_integration(&integration, now()),
        Health::Warning,
        "3 days ahead of the clock",
    );
    let backup = BackupFacts {
        last_sound: Some(SoundBackup {
            made_at: ahead,
            is_encrypted: true,
        }),
        ..BackupFacts::default()
    };
    check(
        judge_backup(&backup, now()),
        Health::Warning,
        "3 days ahead of the clock",
    );
    let account = AccountView {
        taken_at: ahead,
        is_stale: true,
        ..account()
    };
    check(
        judge_account(&account, 10, now()),
        Health::Failing,
        "3 days ahead of the clock",
    );
}

#[test]
fn two_clocks_that_differ_a_little_are_no_trouble() {
    let job = JobHealth {
        last_success_at: Some(now() + TimeDelta::minutes(4)),
        ..job()
    };
    check(judge_job(&job, now()), Health::Ok, "0 seconds ago");
}
