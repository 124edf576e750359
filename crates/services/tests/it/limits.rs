//! What the account allows, what people may do, and how they change their minds.

use chrono::TimeDelta;
use serde_json::json;
use services::{downloads, wants};
use types::ErrorCode;
use types::downloads::{DownloadDetail, DownloadEvent, DownloadState, EventCode, HoldReason};
use types::integrations::IntegrationKind;
use types::jobs::JobKind;
use types::people::Role;
use types::wants::WantReason;

use crate::yard::{Yard, assert_stands, book, candidate_of, tell, unsatisfied};

const ONLY_MYANONAMOUSE: [IntegrationKind; 2] = [IntegrationKind::Torznab, IntegrationKind::Prowlarr];

/// More than the hour after which a held download is looked at again at the latest, with the job's own ten minutes.
fn next_look() -> TimeDelta {
    TimeDelta::minutes(75)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_holds_what_it_cannot_bear_and_releases_it() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    yard.set_account(unsatisfied(149, 150)).await;
    yard.run(JobKind::SnapshotAccount).await;
    let want = yard.want("It", "Stephen King").await;
    let held = yard.wait_for_state(want, DownloadState::Hold).await;
    let words = [
        "149 of 150 unsatisfied slots",
        "10 are kept free",
        "looked at again by itself",
    ];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::UnsatisfiedSlots),
        EventCode::Held,
        &words,
    );
    yard.set_account(json!({ "unsat": null })).await;
    yard.run(JobKind::SnapshotAccount).await;
    yard.skip(next_look());
    yard.wait_for_state(want, DownloadState::Imported).await;

    // Low: what costs ratio waits, what is free does not.
    yard.set_account(
        json!({ "ratio": "1.20", "uploaded_bytes": 120_000_000_000_u64, "downloaded_bytes": 100_000_000_000_u64 }),
    )
    .await;
    yard.run(JobKind::SnapshotAccount).await;
    let paid = yard.want("Good Omens", "Terry Pratchett").await;
    let held = yard.wait_for_state(paid, DownloadState::Hold).await;
    let words = [
        "The ratio is 1.20",
        "more upload or for a free release",
        "looked at again by itself",
    ];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::Ratio),
        EventCode::Held,
        &words,
    );
    let free = yard.want("Project Hail Mary", "Andy Weir").await;
    yard.wait_for_state(free, DownloadState::Imported).await;
    yard.set_account(json!({ "ratio": null, "uploaded_bytes": null, "downloaded_bytes": null }))
        .await;
    yard.run(JobKind::SnapshotAccount).await;
    yard.skip(next_look());
    yard.wait_for_state(paid, DownloadState::Imported).await;

    // Not said, so not known.
    yard.set_account(json!({ "unsat": { "name": "Unsatisfied" } })).await;
    yard.run(JobKind::SnapshotAccount).await;
    let unknown = yard.want("Children of Dune", "Frank Herbert").await;
    let held = yard.wait_for_state(unknown, DownloadState::Hold).await;
    let words = [
        "did not say how many unsatisfied",
        "Check the indexer under Integrations",
    ];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::AccountUnknown),
        EventCode::Held,
        &words,
    );
    yard.set_account(json!({ "unsat": null })).await;
    yard.run(JobKind::SnapshotAccount).await;
    yard.skip(next_look());
    yard.wait_for_state(unknown, DownloadState::Imported).await;
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wants_are_approved_joined_cancelled_and_chosen_anew() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    let (viewer, reader) = (
        yard.person("viewer", Role::Viewer).await,
        yard.person("reader", Role::User).await,
    );
    let (services, admin) = (&yard.services, &yard.admin);
    let form = book("It", "Stephen King");
    let refused = wants::create_want(services, &viewer, form.clone(), WantReason::Request)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
    let want = wants::create_want(services, &reader, form.clone(), WantReason::Request)
        .await
        .unwrap();
    let held = yard.wait_for_state(want, DownloadState::Hold).await;
    let words = ["reader asked for it", "waits until a manager approves it"];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::Approval),
        EventCode::Held,
        &words,
    );
    assert_eq!(
        wants::search_now(services, &reader, want).await.unwrap_err().code,
        ErrorCode::Forbidden
    );
    // Time approves nothing.
    yard.skip(TimeDelta::hours(7));
    yard.run(JobKind::RetryDue).await;
    assert_eq!(
        yard.wait_for_state(want, DownloadState::Hold).await.summary.hold_reason,
        Some(HoldReason::Approval)
    );
    assert_eq!(
        wants::create_want(services, admin, form, WantReason::Request)
            .await
            .unwrap(),
        want
    );
    let joined = yard.wait_for_state(want, DownloadState::Hold).await;
    assert_eq!(joined.events.last().map(|event| event.code), Some(EventCode::Joined));
    assert_eq!(
        wants::cancel_want(services, &reader, want).await.unwrap_err().code,
        ErrorCode::Forbidden
    );
    wants::search_now(services, admin, want).await.unwrap();
    yard.wait_for_state(want, DownloadState::Imported).await;
    assert_eq!(
        wants::cancel_want(services, admin, want).await.unwrap_err().code,
        ErrorCode::Conflict
    );

    // On its way without a peer, so that there is time to change one's mind.
    yard.fault("tracker", "no_peers").await;
    let want = yard.want("Dune Messiah", "Frank Herbert").await;
    let sent = yard.wait_for_state(want, DownloadState::Sent).await;
    let busy = wants::search_now(services, admin, want).await.unwrap_err();
    assert!(busy.message.contains("on its way already"), "{busy}");
    let search = yard
        .wait_for_search(
            downloads::choose_another(services, admin, sent.summary.id)
                .await
                .unwrap(),
        )
        .await;
    assert_eq!(search.want_id, Some(want));
    let other = candidate_of(&search, "MyAnonamouse", "Unabridged").id;
    let conflict = services::grab::grab_candidate(services, admin, other, Default::default())
        .await
        .unwrap_err();
    assert!(conflict.message.contains("Cancel that download first"), "{conflict}");
    downloads::cancel_download(services, admin, sent.summary.id)
        .await
        .unwrap();
    let cancelled = yard.download(sent.summary.id).await;
    let words = ["admin cancelled it", "stays in the client: it may owe seeding"];
    assert_stands(&cancelled, DownloadState::Cancelled, None, EventCode::Cancelled, &words);
    yard.lift("tracker", "no_peers").await;
    let id = services::grab::grab_candidate(services, admin, other, Default::default())
        .await
        .unwrap();
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    assert_eq!(imported.summary.id, id);
    assert!(imported.files.iter().any(|file| file.target.ends_with(".mp3")));
    assert_is_read_as_of_one_moment(&yard, &imported).await;

    yard.fault("tracker", "no_peers").await;
    let want = yard.want("The Tombs of Atuan", "Ursula K. Le Guin").await;
    let sent = yard.wait_for_state(want, DownloadState::Sent).await;
    wants::cancel_want(services, admin, want).await.unwrap();
    let cancelled = yard.download(sent.summary.id).await;
    assert_stands(
        &cancelled,
        DownloadState::Cancelled,
        None,
        EventCode::Cancelled,
        &["no longer wants it"],
    );
    yard.lift("tracker", "no_peers").await;
    downloads::retry_download(services, admin, sent.summary.id)
        .await
        .unwrap();
    let again = yard.wait_for_state(want, DownloadState::Imported).await;
    assert_eq!(again.summary.id, sent.summary.id);
    let is_restart = |event: &DownloadEvent| {
        event.code == EventCode::AlreadyInClient && event.sentence.contains("it was told to go on")
    };
    assert!(
        again.events.iter().any(is_restart),
        "{}",
        tell(std::slice::from_ref(&again))
    );
    yard.close().await;
}

/// State and book change together, again and again; whoever reads meanwhile sees both or neither.
async fn assert_is_read_as_of_one_moment(yard: &Yard, download: &DownloadDetail) {
    let (id, book) = (download.summary.id, download.book_id.expect("it is imported"));
    let change = format!(
        "UPDATE downloads SET state = CASE state WHEN 'imported' THEN 'failed' ELSE 'imported' END, \
         book_id = CASE WHEN book_id IS NULL THEN '{book}'::uuid END WHERE id = '{id}'"
    );
    let is_over = std::cell::Cell::new(false);
    let changing = async {
        for _ in 0..200 {
            yard.run_sql(&change).await;
        }
        is_over.set(true);
    };
    let reading = async {
        while !is_over.get() {
            let seen = yard.download(id).await;
            let is_imported = seen.summary.state == DownloadState::Imported;
            assert_eq!(is_imported, seen.book_id.is_some(), "{seen:?}");
        }
    };
    tokio::join!(changing, reading);
}
