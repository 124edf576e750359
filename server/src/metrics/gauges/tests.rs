use chrono::TimeDelta;
use db::operations::DatabaseFacts;
use types::health::BreakerView;
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
            last_synced_at: None,
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
fn a_thousand_integrations_have_series_for_fifty() {
    let named = |number: usize| IntegrationHealth {
        kind: IntegrationKind::Torznab,
        name: format!("Feed \"{number}\"\n"),
        health: Health::Ok,
        sentence: None,
        checked_at: None,
        stopped: None,
        breaker: None,
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
fn a_breaker_is_a_number_and_absent_before_the_first_call() {
    let feed = |name: &str, breaker: Option<BreakerState>| IntegrationHealth {
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
            sentence: None,
        }),
        version: None,
    };
    let integrations = vec![
        feed("A", Some(BreakerState::Closed)),
        feed("B", Some(BreakerState::HalfOpen)),
        feed("C", Some(BreakerState::Open)),
        feed("D", None),
        feed("E", Some(BreakerState::Due)),
    ];
    let text = write(
        &Readings {
            integrations,
            ..readings()
        },
        now(),
    );
    for (name, value) in [("A", 0), ("B", 1), ("C", 2), ("E", 0)] {
        let line = format!("mamcrawler_breaker_state{{kind=\"torznab\",name=\"{name}\"}} {value}");
        assert!(has(&text, &line), "{text}");
    }
    assert!(
        !text.contains("mamcrawler_breaker_state{kind=\"torznab\",name=\"D\"}"),
        "{text}"
    );
}
