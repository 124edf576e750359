//! Searches while indexers fail: each says what is wrong with it, and the others still answer.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt;
use services::{downloads, events, integrations, searches};
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::events::LiveEvent;
use types::integrations::{Health, IntegrationKind};
use types::search::{IndexerStatus, SearchResult, SearchStatus};

use crate::yard::{Yard, assert_stands, book, outcome_of};

const SEARCHES: &str = "mam POST /tor/js/loadSearchJSONbasic.php";

async fn search_piranesi(yard: &Yard) -> SearchResult {
    yard.search(book("Piranesi", "Susanna Clarke")).await
}

/// One indexer fails with `words`, and the search as a whole went on with the others.
#[track_caller]
fn assert_fails(search: &SearchResult, name: &str, others: &[&str], words: &[&str]) {
    let outcome = outcome_of(search, name);
    println!("{name} {}: {}", outcome.status, outcome.sentence);
    assert_eq!(outcome.status, IndexerStatus::Failed, "{search:#?}");
    for word in words {
        assert!(
            outcome.sentence.contains(word),
            "\"{}\" does not say \"{word}\"",
            outcome.sentence
        );
    }
    for other in others {
        assert_eq!(outcome_of(search, other).status, IndexerStatus::Found, "{search:#?}");
    }
    assert_eq!(search.status, SearchStatus::Done);
    assert!(
        search.sentence.contains("can be grabbed") && search.sentence.contains(name),
        "{}",
        search.sentence
    );
}

async fn test_myanonamouse(yard: &Yard) {
    let form = yard.form_of(IntegrationKind::Myanonamouse, "").await;
    let tested = integrations::test_integration(&yard.services, &yard.admin, form)
        .await
        .unwrap();
    assert_eq!(tested.health, Health::Ok, "{}", tested.sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn myanonamouse_stops_pauses_or_recovers_by_what_it_says() {
    let yard = Yard::start(&[IntegrationKind::Torznab]).await;
    for fault in ["html", "403", "406"] {
        yard.fault_once("mam", fault).await;
        let others = ["Prowlarr"];
        assert_fails(
            &search_piranesi(&yard).await,
            "MyAnonamouse",
            &others,
            &["refused the mam_id", "mam_id"],
        );
        let asked = yard.count_requests(SEARCHES).await;
        let stopped = search_piranesi(&yard).await;
        assert_fails(
            &stopped,
            "MyAnonamouse",
            &others,
            &[
                "is paused",
                "Requests wait until you press Test or edit the integration",
            ],
        );
        assert_eq!(
            yard.count_requests(SEARCHES).await,
            asked,
            "a stopped queue sends nothing"
        );
        test_myanonamouse(&yard).await;
        assert_eq!(
            outcome_of(&search_piranesi(&yard).await, "MyAnonamouse").status,
            IndexerStatus::Found
        );
    }

    yard.fault_once("mam", "429").await;
    assert_fails(
        &search_piranesi(&yard).await,
        "MyAnonamouse",
        &["Prowlarr"],
        &["asks for a pause (60 s)"],
    );
    assert_fails(
        &search_piranesi(&yard).await,
        "MyAnonamouse",
        &["Prowlarr"],
        &["is paused", "Requests go on at"],
    );
    yard.skip(TimeDelta::seconds(61));
    assert_eq!(
        outcome_of(&search_piranesi(&yard).await, "MyAnonamouse").status,
        IndexerStatus::Found
    );

    // The cookie that came with the error is the only one that is good afterwards.
    for (fault, word) in [("500", "500"), ("down", "503"), ("rotate_on_error", "502")] {
        yard.fault_once("mam", fault).await;
        assert_fails(&search_piranesi(&yard).await, "MyAnonamouse", &["Prowlarr"], &[word]);
        assert_eq!(
            outcome_of(&search_piranesi(&yard).await, "MyAnonamouse").status,
            IndexerStatus::Found,
            "after {fault}"
        );
    }
    yard.fault_once("mam", "slow").await;
    assert_eq!(
        outcome_of(&search_piranesi(&yard).await, "MyAnonamouse").status,
        IndexerStatus::Found
    );

    yard.fault("mam", "empty_error").await;
    let empty = search_piranesi(&yard).await;
    let outcome = outcome_of(&empty, "MyAnonamouse");
    assert_eq!(
        (outcome.status, outcome.sentence.as_str()),
        (IndexerStatus::Empty, "Nothing found.")
    );
    yard.lift("mam", "empty_error").await;
    assert_eq!(yard.sandbox.state().await.unwrap()["member"]["most_in_flight"], 1);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fast_indexer_has_shows_while_a_slow_one_is_waited_for() {
    let yard = Yard::start(&[]).await;
    let mut events = events::subscribe(&yard.services, None).map(|change| change.event);
    yard.hear(&mut events).await;
    yard.fault_once("mam", "slow").await;
    let id = searches::start_search(&yard.services, &yard.admin, book("Piranesi", "Susanna Clarke"))
        .await
        .unwrap();
    let early = loop {
        let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
        if event.expect("the search tells of its steps") != Some(LiveEvent::Search(id)) {
            continue;
        }
        let search = searches::get_search(&yard.services, &yard.admin, id).await.unwrap();
        if ["Prowlarr", "Lantern"]
            .iter()
            .all(|name| search.indexers.len() == 3 && outcome_of(&search, name).status != IndexerStatus::Searching)
        {
            break search;
        }
    };
    assert_eq!(early.status, SearchStatus::Running);
    assert_eq!(outcome_of(&early, "MyAnonamouse").status, IndexerStatus::Searching);
    assert!(!early.candidates.is_empty(), "{early:#?}");
    assert!(
        early.candidates.iter().all(|one| one.release.indexer != "MyAnonamouse"),
        "{early:#?}"
    );

    let whole = yard.wait_for_search(id).await;
    assert_eq!(whole.status, SearchStatus::Done);
    assert!(whole.candidates.len() > early.candidates.len(), "{whole:#?}");
    for shown in &early.candidates {
        assert!(
            whole.candidates.iter().any(|one| one.id == shown.id),
            "a candidate that a page shows keeps its id: {shown:#?}"
        );
    }
    let ranks: Vec<u32> = whole.candidates.iter().map(|one| one.rank).collect();
    let expected: Vec<u32> = (1..).take(ranks.len()).collect();
    assert_eq!(ranks, expected);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_chosen_by_itself_keeps_the_count_of_retries_and_a_person_starts_it_anew() {
    let yard = Yard::start(&[IntegrationKind::Prowlarr, IntegrationKind::Torznab]).await;
    let mut counts = Vec::new();
    for (title, author, is_retried_by_person) in [
        ("Good Omens", "Terry Pratchett", false),
        ("Project Hail Mary", "Andy Weir", true),
    ] {
        yard.fault("mam", "500").await;
        let want = yard.want(title, author).await;
        let held = yard.wait_for_state(want, DownloadState::Hold).await;
        yard.run_sql("UPDATE downloads SET attempts = 2 WHERE state = 'hold'")
            .await;
        yard.lift("mam", "500").await;
        if is_retried_by_person {
            downloads::retry_download(&yard.services, &yard.admin, held.summary.id)
                .await
                .unwrap();
        } else {
            yard.skip(TimeDelta::minutes(26));
        }
        counts.push(yard.wait_for_state(want, DownloadState::Imported).await.attempts);
    }
    assert_eq!(counts, [2, 0]);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prowlarr_and_torznab_say_what_is_wrong_and_wants_wait_for_them() {
    let yard = Yard::start(&[]).await;
    yard.fault("prowlarr", "indexer_down").await;
    let partial = search_piranesi(&yard).await;
    let outcome = outcome_of(&partial, "Prowlarr");
    println!(
        "Prowlarr {}: {}\n{}",
        outcome.status, outcome.sentence, partial.sentence
    );
    assert_eq!(outcome.status, IndexerStatus::Partial, "{outcome:#?}");
    assert!(outcome.sentence.contains("Harbour Audio"), "{}", outcome.sentence);
    assert!(partial.sentence.contains("see Prowlarr"), "{}", partial.sentence);
    yard.lift("prowlarr", "indexer_down").await;

    yard.fault("prowlarr", "empty").await;
    assert_eq!(
        outcome_of(&search_piranesi(&yard).await, "Prowlarr").status,
        IndexerStatus::Empty
    );
    yard.lift("prowlarr", "empty").await;
    for (fault, words) in [
        ("401", ["API key", "Integrations"]),
        ("html", ["answer", "Prowlarr"]),
        ("429", ["asks for a pause (120 s)", "Prowlarr"]),
        ("500", ["Prowlarr", "Search failed"]),
        ("down", ["Prowlarr", "502"]),
    ] {
        yard.fault("prowlarr", fault).await;
        assert_fails(
            &search_piranesi(&yard).await,
            "Prowlarr",
            &["MyAnonamouse", "Lantern"],
            &words,
        );
        yard.lift("prowlarr", fault).await;
    }
    for (fault, words) in [
        ("error_100", ["API key", "Integrations"]),
        ("error_500", ["Lantern", "asks for a pause"]),
        ("html", ["Lantern", "answer"]),
        ("down", ["Lantern", "502"]),
    ] {
        yard.fault("torznab", fault).await;
        assert_fails(
            &search_piranesi(&yard).await,
            "Lantern",
            &["MyAnonamouse", "Prowlarr"],
            &words,
        );
        yard.lift("torznab", fault).await;
    }

    for (service, fault) in [("mam", "500"), ("prowlarr", "500"), ("torznab", "down")] {
        yard.fault(service, fault).await;
    }
    let want = yard.want("Moby-Dick; or, The Whale", "Herman Melville").await;
    let held = yard.wait_for_state(want, DownloadState::Hold).await;
    let words = ["No indexer could be searched", "tried again in 15 minutes"];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::IndexerDown),
        EventCode::Held,
        &words,
    );
    // Part of them back: what was not found may be where nobody could look.
    yard.lift("prowlarr", "500").await;
    yard.lift("torznab", "down").await;
    let elsewhere = yard.want("The Blade Itself", "Joe Abercrombie").await;
    let held = yard.wait_for_state(elsewhere, DownloadState::Hold).await;
    let words = [
        "Not everything could be searched: see MyAnonamouse",
        "tried again in 15 minutes",
    ];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::IndexerDown),
        EventCode::Held,
        &words,
    );
    yard.lift("mam", "500").await;
    yard.skip(TimeDelta::minutes(26));
    yard.wait_for_state(want, DownloadState::Imported).await;
    yard.wait_for_state(elsewhere, DownloadState::Imported).await;
    yard.close().await;
}
