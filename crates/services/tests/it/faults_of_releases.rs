//! Releases that turn out to be no good: .torrents that are none, and files that don't decode.

use chrono::TimeDelta;
use services::grab::{GrabOptions, grab_candidate};
use services::{downloads, integrations};
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::integrations::{Health, IntegrationKind};
use types::search::{Decision, Gate};

use crate::yard::{Yard, assert_stands, candidate_of, tell};

const NOTHING_LEFT: &str = "No other release is acceptable: search again, choose another, or cancel.";

#[tokio::test(flavor = "multi_thread")]
async fn files_that_do_not_decode_are_checked_again_and_then_replaced() {
    let yard = Yard::start(&[IntegrationKind::Torznab, IntegrationKind::Prowlarr]).await;
    let want = yard.want("The Left Hand of Darkness", "Ursula K. Le Guin").await;
    let lonely = yard.want("The Fall of Hyperion", "Dan Simmons").await;
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    assert!(imported.files.iter().any(|file| file.target.ends_with(".mp3")));
    let all = yard.downloads_of(want).await;
    assert_eq!(all.len(), 2, "{}", tell(&all));
    assert_stands(
        &all[0],
        DownloadState::Failed,
        None,
        EventCode::VerifyFailed,
        &["decode", "The next release is tried."],
    );
    let codes: Vec<EventCode> = all[0].events.iter().map(|event| event.code).collect();
    let count = |code| codes.iter().filter(|one| **one == code).count();
    assert_eq!(
        (
            count(EventCode::Rechecked),
            count(EventCode::VerifyStarted),
            count(EventCode::Blocklisted)
        ),
        (1, 2, 1),
        "{}",
        tell(&all)
    );

    let failed = yard.wait_for_state(lonely, DownloadState::Failed).await;
    assert_stands(
        &failed,
        DownloadState::Failed,
        None,
        EventCode::VerifyFailed,
        &["decode", NOTHING_LEFT],
    );
    assert!(failed.actions.can_retry && failed.actions.can_choose_another && failed.actions.can_cancel);
    // The recheck was none of the three retries: the first of them is due after an hour, give or take a tenth.
    let retry_in = failed.summary.next_at.unwrap() - failed.summary.updated_at;
    assert!(
        (TimeDelta::minutes(54)..=TimeDelta::minutes(66)).contains(&retry_in),
        "{retry_in}"
    );
    assert_eq!(failed.attempts, 0);

    // A retry searches, as the release is on the blocklist; nothing else is there.
    downloads::retry_download(&yard.services, &yard.admin, failed.summary.id)
        .await
        .unwrap();
    let again = yard
        .wait_for(lonely, |one| {
            !matches!(one.summary.state, DownloadState::Failed | DownloadState::Searching)
        })
        .await;
    assert_stands(
        &again,
        DownloadState::NotFound,
        None,
        EventCode::NothingFound,
        &["refused", "next search is in 6 hours"],
    );
    let search = downloads::choose_another(&yard.services, &yard.admin, failed.summary.id)
        .await
        .unwrap();
    let search = yard.wait_for_search(search).await;
    let listed = candidate_of(&search, "MyAnonamouse", "Fall of Hyperion");
    assert_eq!(listed.verdict.decision, Decision::Rejected);
    let finding = listed
        .verdict
        .findings
        .iter()
        .find(|finding| finding.gate == Gate::Blocklist)
        .unwrap();
    println!("{}", finding.sentence);
    let refused = grab_candidate(&yard.services, &yard.admin, listed.id, GrabOptions::default())
        .await
        .unwrap_err();
    assert!(refused.message.contains("was refused"), "{refused}");
    downloads::cancel_download(&yard.services, &yard.admin, failed.summary.id)
        .await
        .unwrap();
    let ended = yard.download(failed.summary.id).await;
    assert_stands(
        &ended,
        DownloadState::Cancelled,
        None,
        EventCode::Cancelled,
        &["admin cancelled it"],
    );
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_file_that_is_none_is_refused_and_blocklisted() {
    let yard = Yard::start(&[IntegrationKind::Torznab]).await;
    yard.fault_once("torrent", "malformed").await;
    let want = yard.want("Project Hail Mary", "Andy Weir").await;
    yard.wait_for_state(want, DownloadState::Imported).await;
    let all = yard.downloads_of(want).await;
    assert_eq!(all.len(), 2, "{}", tell(&all));
    assert_stands(
        &all[0],
        DownloadState::Failed,
        None,
        EventCode::TorrentRefused,
        &["torrent", "The next release is tried."],
    );

    for (fault, title, author, word) in [
        (
            "oversized",
            "A Wizard of Earthsea",
            "Ursula K. Le Guin",
            "which is refused",
        ),
        (
            "climbing_path",
            "The Tombs of Atuan",
            "Ursula K. Le Guin",
            "escape its folder",
        ),
        (
            "404",
            "The Ocean at the End of the Lane",
            "Neil Gaiman",
            "no longer has it",
        ),
        // By Prowlarr, where a page does not mean that a session is over.
        ("html", "The Silmarillion", "J. R. R. Tolkien", "can't be used"),
    ] {
        yard.fault_once("torrent", fault).await;
        let want = yard.want(title, author).await;
        let failed = yard
            .wait_for(want, |one| {
                one.summary.state.is_terminal() || one.summary.state == DownloadState::Review
            })
            .await;
        assert_stands(
            &failed,
            DownloadState::Failed,
            None,
            EventCode::TorrentRefused,
            &[word, NOTHING_LEFT],
        );
        assert!(failed.events.iter().any(|event| event.code == EventCode::Blocklisted));
    }
    for (title, word) in [("Roverandom", "magnet"), ("The Children of Húrin", "")] {
        let want = yard.want(title, "J. R. R. Tolkien").await;
        let failed = yard.wait_for_state(want, DownloadState::Failed).await;
        assert_stands(
            &failed,
            DownloadState::Failed,
            None,
            EventCode::TorrentRefused,
            &[word, NOTHING_LEFT],
        );
    }

    // At the site itself a page means that the session is over: the release is not to blame.
    yard.fault_once("torrent", "html").await;
    let want = yard.want("Good Omens", "Terry Pratchett").await;
    let held = yard.wait_for_state(want, DownloadState::Hold).await;
    let words = [
        "The .torrent could not be fetched",
        "a page instead of a torrent",
        "Make a new session",
    ];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::IndexerDown),
        EventCode::Held,
        &words,
    );
    assert!(!held.events.iter().any(|event| event.code == EventCode::Blocklisted));
    let form = yard.form_of(IntegrationKind::Myanonamouse, "").await;
    let tested = integrations::test_integration(&yard.services, &yard.admin, form)
        .await
        .unwrap();
    assert_eq!(tested.health, Health::Ok, "{}", tested.sentence);
    yard.skip(TimeDelta::minutes(11));
    yard.wait_for_state(want, DownloadState::Imported).await;
    yard.close().await;
}
