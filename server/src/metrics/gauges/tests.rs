use db::operations::DatabaseFacts;
use types::library::LibraryCounts;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap()
}

fn account() -> AccountView {
    AccountView {
        integration: "Tracker".into(),
        username: None,
        class: None,
        ratio: Some(1.8),
        unsatisfied_count: Some(0),
        unsatisfied_limit: None,
        points: None,
        wedges: None,
        vip_until: None,
        requests_today: 4,
        requests_limit: 500,
        taken_at: now(),
        is_stale: false,
    }
}

fn readings() -> Readings {
    Readings {
        database: DatabaseFacts {
            version: "15.8".into(),
            size_bytes: 1,
            connections: 1,
        },
        begun_at: None,
        integrations: Vec::new(),
        accounts: Vec::new(),
        queue: Vec::new(),
        jobs: Vec::new(),
        disks: Vec::new(),
        downloads: vec![("failed", 2), ("imported", 0)],
        held: Vec::new(),
        imports: Vec::new(),
        import_events: vec![("imported", 7)],
        wants: Vec::new(),
        library: LibraryCounts {
            books: 3,
            works: 3,
            authors: 1,
            series: 0,
            missing_files: 0,
            duration_seconds: 0,
            size_bytes: 0,
            last_synced_at: Some(now()),
        },
        problems: 0,
        last_backup: None,
        last_restore_test: None,
        lacking: Vec::new(),
        library_obstacle: None,
    }
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|known| known == line)
}

fn has_series(text: &str, name: &str) -> bool {
    text.lines().any(|line| line.starts_with(name))
}

#[test]
fn what_the_tracker_did_not_say_has_no_series_and_a_zero_that_it_said_has_one() {
    let text = write(
        &Readings {
            accounts: vec![account()],
            ..readings()
        },
        now(),
    );
    assert!(
        has(&text, "mamcrawler_tracker_ratio{account=\"Tracker\"} 1.8"),
        "{text}"
    );
    assert!(
        has(&text, "mamcrawler_tracker_unsatisfied{account=\"Tracker\"} 0"),
        "{text}"
    );
    for unknown in ["points", "wedges", "unsatisfied_limit", "vip_until"] {
        assert!(!has_series(&text, &format!("mamcrawler_tracker_{unknown}")), "{text}");
    }
}

#[test]
fn an_account_that_was_read_long_ago_has_only_the_time_of_that() {
    let stale = AccountView {
        is_stale: true,
        ..account()
    };
    let text = write(
        &Readings {
            accounts: vec![stale],
            ..readings()
        },
        now(),
    );
    assert!(has_series(&text, "mamcrawler_tracker_snapshot_timestamp_seconds"));
    assert!(!has_series(&text, "mamcrawler_tracker_ratio"), "{text}");
}

#[test]
fn a_state_that_no_download_has_is_zero_and_what_only_grows_is_a_counter() {
    let text = write(&readings(), now());
    assert!(has(&text, "mamcrawler_downloads{state=\"imported\"} 0"), "{text}");
    assert!(has(&text, "# TYPE mamcrawler_import_events_total counter"), "{text}");
    assert!(
        has(&text, "mamcrawler_import_events_total{outcome=\"imported\"} 7"),
        "{text}"
    );
}

#[test]
fn without_a_library_nothing_says_whether_it_is_readable() {
    assert!(!has_series(&write(&readings(), now()), "mamcrawler_library_readable"));
}

#[test]
fn nothing_is_said_of_how_much_there_is_before_a_library_was_read() {
    let unread = readings();
    let unread = Readings {
        library: LibraryCounts {
            last_synced_at: None,
            ..unread.library
        },
        lacking: vec![("isbn", 0)],
        ..unread
    };
    let text = write(&unread, now());
    assert!(!has_series(&text, "mamcrawler_library_"), "{text}");
    let read = Readings {
        lacking: vec![("isbn", 0)],
        ..readings()
    };
    let text = write(&read, now());
    assert!(has(&text, "mamcrawler_library_missing_books 0"), "{text}");
    assert!(
        has(&text, "mamcrawler_library_lacking_books{field=\"isbn\"} 0"),
        "{text}"
    );
}

#[test]
fn without_a_backup_there_is_no_time_of_one() {
    assert!(!has_series(&write(&readings(), now()), "mamcrawler_last_backup"));
}

#[test]
fn a_silent_database_is_down_and_says_nothing_else() {
    let text = write_silence();
    let series: Vec<&str> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(series, ["mamcrawler_database_up 0"]);
}

#[test]
fn a_job_that_is_off_has_no_pause_to_be_late_by() {
    let job = JobHealth {
        kind: types::jobs::JobKind::CleanUp,
        is_enabled: false,
        longest_pause_seconds: Some(86_400),
        late_from: None,
        next_at: None,
        last_success_at: Some(now() - TimeDelta::days(3)),
        last_status: Some(RunStatus::Lost),
        last_sentence: None,
    };
    let text = write(
        &Readings {
            jobs: vec![job],
            ..readings()
        },
        now(),
    );
    assert!(!has_series(&text, "mamcrawler_job_longest_pause_seconds"), "{text}");
    assert!(
        has(&text, "mamcrawler_job_last_run_failed{kind=\"clean_up\"} 1"),
        "{text}"
    );
}

#[test]
fn a_job_says_from_when_on_it_is_late_and_without_that_nothing() {
    let job = |late_from| JobHealth {
        kind: types::jobs::JobKind::CleanUp,
        is_enabled: true,
        longest_pause_seconds: Some(86_400),
        late_from,
        next_at: None,
        last_success_at: None,
        last_status: None,
        last_sentence: None,
    };
    let tell = |late_from| {
        let jobs = vec![job(late_from)];
        write(&Readings { jobs, ..readings() }, now())
    };
    let text = tell(Some(now()));
    let line = "mamcrawler_job_late_from_timestamp_seconds{kind=\"clean_up\"} 1795348800";
    assert!(has(&text, line), "{text}");
    let series = "mamcrawler_job_late_from_timestamp_seconds";
    assert!(!has_series(&tell(None), series), "{text}");
}

#[test]
fn a_thousand_integrations_have_series_for_fifty() {
    let named = |number: usize| IntegrationHealth {
        kind: IntegrationKind::Torznab,
        name: format!("Feed \"{number}\"\n"),
        health: Health::Ok,
        sentence: None,
        checked_at: None,
        stopped: None,
        breaker: None,
        left_alone_by: Vec::new(),
        version: None,
    };
    let text = write(
        &Readings {
            integrations: (0..1000).map(named).collect(),
            ..readings()
        },
        now(),
    );
    let series = text
        .lines()
        .filter(|line| line.starts_with("mamcrawler_integration_up{"))
        .count();
    assert_eq!(series, MOST_INTEGRATIONS);
}

#[test]
fn a_breaker_is_a_number_and_absent_before_the_first_call_and_long_after_the_last() {
    let feed_due_for = |name: &str, breaker: Option<BreakerState>, due_for: TimeDelta| IntegrationHealth {
        kind: IntegrationKind::Torznab,
        name: name.into(),
        health: Health::Failing,
        sentence: None,
        checked_at: None,
        stopped: None,
        breaker: breaker.map(|state| BreakerView {
            state,
            failures: None,
            asked_again_at: None,
            due_since: (state == BreakerState::Due).then(|| now() - due_for),
            sentence: None,
        }),
        left_alone_by: Vec::new(),
        version: None,
    };
    let feed = |name: &str, breaker| feed_due_for(name, breaker, TimeDelta::minutes(20));
    let integrations = vec![
        feed("A", Some(BreakerState::Closed)),
        feed("B", Some(BreakerState::HalfOpen)),
        feed("C", Some(BreakerState::Open)),
        feed("D", None),
        feed("E", Some(BreakerState::Due)),
        feed_due_for("F", Some(BreakerState::Due), TimeDelta::minutes(21)),
    ];
    let text = write(
        &Readings {
            integrations,
            ..readings()
        },
        now(),
    );
    for (name, value) in [("A", 0), ("B", 1), ("C", 2), ("E", 3)] {
        let line = format!("mamcrawler_breaker_state{{kind=\"torznab\",name=\"{name}\"}} {value}");
        assert!(has(&text, &line), "{text}");
    }
    for name in ["D", "F"] {
        let series = format!("mamcrawler_breaker_state{{kind=\"torznab\",name=\"{name}\"}}");
        assert!(!text.contains(&series), "{text}");
    }
}
