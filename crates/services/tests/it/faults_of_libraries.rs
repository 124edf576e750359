//! Reading the library service, and what waits while it can't be read, does not scan or takes no edits.

use chrono::TimeDelta;
use services::library;
use testing::Sandbox;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::integrations::IntegrationKind;
use types::jobs::{JobKind, RunStatus};

use crate::yard::{Yard, assert_stands};

const ONLY_MYANONAMOUSE: [IntegrationKind; 2] = [IntegrationKind::Torznab, IntegrationKind::Prowlarr];
const FULL_READS: &str = "abs POST /api/items/batch/get";

#[tokio::test(flavor = "multi_thread")]
async fn a_library_is_read_once_then_only_what_changed_and_what_goes_is_marked() {
    let yard = Yard::over(Sandbox::start_with_items(340).await.unwrap(), &ONLY_MYANONAMOUSE).await;
    let state = yard.sandbox.state().await.unwrap();
    let items = state["audiobookshelf"]["items"].as_u64().unwrap();
    let counts = library::get_counts(&yard.services, &yard.admin).await.unwrap();
    println!("{counts:?}");
    assert!(items >= 340);
    let books = yard.query_number("SELECT count(*) FROM books").await;
    assert_eq!(u64::try_from(books).unwrap(), items);
    assert_eq!(yard.count_requests(FULL_READS).await, items.div_ceil(100));

    let same = yard.run(JobKind::SyncLibraryIncremental).await;
    println!("{}", same.summary.sentence);
    assert_eq!(
        same.summary.sentence,
        format!("{items} items; 0 read, 0 new, 0 newly missing.")
    );
    assert_eq!(
        yard.count_requests(FULL_READS).await,
        items.div_ceil(100),
        "nothing changed, so nothing is read"
    );

    let longest = yard.query_number("SELECT max(length(title)) FROM books").await;
    assert!(longest >= 4_000, "{longest}");
    let right_to_left = yard
        .query_number("SELECT count(*) FROM books WHERE title LIKE '%\u{202e}%'")
        .await;
    let climbing = yard
        .query_number("SELECT count(*) FROM books WHERE title LIKE '%../%' OR path LIKE '%../%'")
        .await;
    assert!(right_to_left > 0 && climbing > 0, "{right_to_left} {climbing}");

    let want = yard.want("It", "Stephen King").await;
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    let folder = std::path::Path::new(&imported.files[0].target)
        .parent()
        .unwrap()
        .to_owned();
    let one = yard.run(JobKind::SyncLibraryIncremental).await;
    println!("{}", one.summary.sentence);
    assert_eq!(
        one.summary.sentence,
        format!("{} items; 0 read, 0 new, 0 newly missing.", items + 1)
    );
    std::fs::remove_dir_all(&folder).unwrap();
    yard.control("scan", &serde_json::json!({})).await;
    let shelved = imported.book_id.unwrap();
    yard.wait_until(
        "SELECT count(*) FROM books WHERE missing_since IS NOT NULL",
        1,
        JobKind::SyncLibraryIncremental,
    )
    .await;
    let kept = library::get_book(&yard.services, &yard.admin, shelved).await.unwrap();
    assert!(kept.summary.is_missing, "{kept:?}");
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_grabbed_while_the_library_cannot_be_read() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    for (fault, title, author, word) in [
        ("down", "It", "Stephen King", "502"),
        ("401", "Good Omens", "Terry Pratchett", "API key"),
        ("html", "Children of Dune", "Frank Herbert", "answer"),
    ] {
        yard.fault("abs", fault).await;
        let unread = yard.run(JobKind::SyncLibraryIncremental).await;
        assert_ne!(unread.summary.status, RunStatus::Succeeded, "{unread:?}");
        let want = yard.want(title, author).await;
        let held = yard.wait_for_state(want, DownloadState::Hold).await;
        let words = ["The library can't be read", word, "Automatic grabbing waits"];
        assert_stands(
            &held,
            DownloadState::Hold,
            Some(HoldReason::LibraryUnreadable),
            EventCode::Held,
            &words,
        );
        yard.lift("abs", fault).await;
        let read = yard.run(JobKind::SyncLibraryIncremental).await;
        assert_eq!(read.summary.status, RunStatus::Succeeded, "{}", read.summary.sentence);
        yard.skip(TimeDelta::minutes(26));
        yard.wait_for_state(want, DownloadState::Imported).await;
    }
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_scans_late_never_or_ignores_an_edit_ends_with_the_book_on_the_shelf() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    yard.fault_once("abs", "late_items").await;
    let late = yard.want("It", "Stephen King").await;
    yard.wait_for_state(late, DownloadState::Imported).await;

    yard.fault("abs", "ignore_patch").await;
    // The service takes the title from the files, so this one has to be written.
    let ignored = yard.want("edgedancer", "Brandon Sanderson").await;
    let stuck = yard
        .wait_for(ignored, |one| {
            one.events.iter().any(|event| event.code == EventCode::ImportFailed)
        })
        .await;
    assert_stands(
        &stuck,
        DownloadState::Importing,
        None,
        EventCode::ImportFailed,
        &["Audiobookshelf", "title"],
    );
    assert!(stuck.summary.next_at.is_some());
    yard.lift("abs", "ignore_patch").await;
    yard.skip(TimeDelta::minutes(11));
    yard.wait_for_state(ignored, DownloadState::Imported).await;

    yard.fault("abs", "never_scans").await;
    let unseen = yard.want("Children of Dune", "Frank Herbert").await;
    let stuck = yard
        .wait_for(unseen, |one| {
            one.events.iter().any(|event| event.code == EventCode::NotSeenByLibrary)
        })
        .await;
    let words = ["does not show the book at", "path maps", "it is looked for again"];
    assert_stands(
        &stuck,
        DownloadState::Importing,
        None,
        EventCode::NotSeenByLibrary,
        &words,
    );
    yard.lift("abs", "never_scans").await;
    yard.skip(TimeDelta::minutes(11));
    let imported = yard.wait_for_state(unseen, DownloadState::Imported).await;
    assert_eq!(
        imported
            .events
            .iter()
            .filter(|event| event.code == EventCode::FilesImported)
            .count(),
        1
    );
    yard.close().await;
}
