//! Torrents with several books in them: split without asking when it is certain, after a manager's word when it isn't.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use services::grab::{GrabOptions, grab_candidate};
use services::{downloads, runs, searches, wants};
use types::downloads::{DownloadDetail, DownloadState, EventCode};
use types::integrations::IntegrationKind;
use types::jobs::JobKind;
use types::people::Role;
use types::search::SearchForm;
use types::wants::{WantReason, WantStatus};
use types::{ErrorCode, PageRequest, WantId};

use crate::yard::{Yard, assert_stands, book, candidate_of, tell};

const ONLY_MYANONAMOUSE: [IntegrationKind; 2] = [IntegrationKind::Torznab, IntegrationKind::Prowlarr];

/// Wants a volume of a series; its place there is what finds the pack.
async fn want_volume(yard: &Yard, title: &str, author: &str, series: (&str, &str)) -> WantId {
    let form = SearchForm {
        series: series.0.into(),
        sequence: series.1.into(),
        ..book(title, author)
    };
    wants::create_want(&yard.services, &yard.admin, form, WantReason::Request)
        .await
        .unwrap()
}

/// A person takes the pack for the want, though its title is another one.
async fn grab_pack(yard: &Yard, want: WantId, title: &str) {
    let searched = yard
        .wait_for(want, |one| one.search_id.is_some() && one.summary.state.is_waiting())
        .await;
    let search = searches::get_search(&yard.services, &yard.admin, searched.search_id.unwrap())
        .await
        .unwrap();
    let pack = candidate_of(&search, "MyAnonamouse", title).id;
    let forced = GrabOptions {
        is_forced: true,
        idempotency_key: None,
    };
    grab_candidate(&yard.services, &yard.admin, pack, forced).await.unwrap();
}

/// The pack as it waits in review, with its proposed parts.
async fn wait_for_proposal(yard: &Yard, want: WantId) -> DownloadDetail {
    let is_proposed = |one: &DownloadDetail| one.summary.state == DownloadState::Review && !one.parts.is_empty();
    yard.wait_for(want, is_proposed).await
}

/// Puts a copy of a book of the pack into the library, as if it had come another way.
async fn own_part(yard: &Yard, key: &str, part: &str, folder: &str) {
    let release = yard.sandbox.release(key).await.unwrap();
    let file = Path::new(release["payload"].as_str().unwrap()).join(part);
    let folder = yard.sandbox.facts.library_path.join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    let before = yard.query_number("SELECT count(*) FROM books").await;
    yard.control("scan", &serde_json::json!({})).await;
    yard.wait_until(
        "SELECT count(*) FROM books",
        before + 1,
        JobKind::SyncLibraryIncremental,
    )
    .await;
}

/// Every imported file is the torrent's own file on disk; answers the books' folders below the library.
fn folders_of(yard: &Yard, download: &DownloadDetail) -> BTreeSet<String> {
    let library = yard.sandbox.facts.library_path.clone();
    let folders = download.files.iter().map(|file| {
        assert_eq!(file.method, "hardlink", "{file:?}");
        let (source, target) = (
            std::fs::metadata(&file.source).unwrap(),
            std::fs::metadata(&file.target).unwrap(),
        );
        assert_eq!((source.dev(), source.ino()), (target.dev(), target.ino()), "{file:?}");
        let folder = Path::new(&file.target).parent().unwrap();
        folder.strip_prefix(&library).unwrap().to_string_lossy().into_owned()
    });
    folders.collect()
}

/// Folders that the library service shows and that begin so.
async fn shown_below(yard: &Yard, author: &str) -> BTreeSet<String> {
    let state = yard.sandbox.state().await.unwrap();
    let scanned = state["audiobookshelf"]["scanned"].as_array().unwrap();
    let paths = scanned.iter().map(|item| item["rel_path"].as_str().unwrap().to_owned());
    paths.filter(|path| path.starts_with(author)).collect()
}

fn count(download: &DownloadDetail, code: EventCode) -> usize {
    download.events.iter().filter(|event| event.code == code).count()
}

/// "title", "title (wanted)", "title (owned)".
fn parts_of(download: &DownloadDetail) -> Vec<String> {
    let word = |is: bool, word: &str| if is { format!(" ({word})") } else { String::new() };
    download
        .parts
        .iter()
        .map(|part| part.title.clone() + &word(part.is_wanted, "wanted") + &word(part.is_owned, "owned"))
        .collect()
}

async fn status_of(yard: &Yard, want: WantId) -> WantStatus {
    let page = PageRequest {
        limit: Some(100),
        cursor: None,
    };
    let all = wants::list_wants(&yard.services, &yard.admin, None, page)
        .await
        .unwrap();
    all.items.iter().find(|one| one.id == want).unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_becomes_a_book_per_part_without_those_that_are_owned() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    own_part(
        &yard,
        "broken-earth-pack",
        "Book 2 - The Obelisk Gate/The Obelisk Gate.m4b",
        "N. K. Jemisin/The Obelisk Gate",
    )
    .await;
    let other = yard.want("The Stone Sky", "N. K. Jemisin").await;
    yard.wait_for_state(other, DownloadState::NotFound).await;
    let books = yard.query_number("SELECT count(*) FROM books").await;
    let want = want_volume(&yard, "The Fifth Season", "N. K. Jemisin", ("The Broken Earth", "1")).await;
    grab_pack(&yard, want, "Broken Earth").await;
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    println!("{}", tell(std::slice::from_ref(&imported)));
    assert_stands(
        &imported,
        DownloadState::Imported,
        None,
        EventCode::Imported,
        &[
            "2 books of the pack: The Fifth Season, The Stone Sky",
            "1 other book skipped",
            "goes on seeding",
        ],
    );

    let folders = folders_of(&yard, &imported);
    println!("{folders:#?}");
    assert_eq!(
        folders.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "N. K. Jemisin/The Broken Earth/1 - The Fifth Season {Robin Miles}",
            "N. K. Jemisin/The Broken Earth/3 - The Stone Sky {Robin Miles}",
        ]
    );
    let mut expected = folders.clone();
    expected.insert("N. K. Jemisin/The Obelisk Gate".into());
    assert_eq!(shown_below(&yard, "N. K. Jemisin").await, expected);
    assert_eq!(yard.query_number("SELECT count(*) FROM books").await, books + 2);

    let skipped = imported
        .events
        .iter()
        .find(|event| event.code == EventCode::PartSkipped)
        .unwrap();
    assert!(
        skipped.sentence.contains("Obelisk Gate") && skipped.sentence.contains("Owned already"),
        "{skipped:?}"
    );
    assert_eq!(count(&imported, EventCode::FilesImported), 2);
    assert_eq!(
        parts_of(&imported),
        ["The Fifth Season (wanted)", "The Obelisk Gate (owned)", "The Stone Sky"]
    );
    assert_eq!(imported.book_id, imported.parts[0].book_id);
    assert!(imported.parts[2].book_id.is_some() && imported.parts[1].book_id.is_none());
    said_in_run_log(&yard, "Obelisk Gate").await;

    // Whoever wanted another part has it too.
    assert_eq!(status_of(&yard, want).await, WantStatus::Fulfilled);
    assert_eq!(status_of(&yard, other).await, WantStatus::Fulfilled);
    let ended = yard.wait_for_state(other, DownloadState::Cancelled).await;
    assert_stands(
        &ended,
        DownloadState::Cancelled,
        None,
        EventCode::AlreadyOwned,
        &["came into the library with a pack"],
    );

    // What the library tells later does not make other works of them.
    yard.run(JobKind::SyncLibraryFull).await;
    let works = "SELECT count(*) FROM books b JOIN download_parts p ON p.book_id = b.id AND p.work_id = b.work_id";
    assert_eq!(yard.query_number(works).await, 2);
    yard.close().await;
}

/// The run of the import says it as well.
async fn said_in_run_log(yard: &Yard, word: &str) {
    let page = PageRequest {
        limit: Some(100),
        cursor: None,
    };
    let list = runs::list_runs(&yard.services, &yard.admin, Some(JobKind::ImportDownload), page)
        .await
        .unwrap();
    let mut lines = Vec::new();
    for run in list.items {
        let detail = runs::get_run(&yard.services, &yard.admin, run.id).await.unwrap();
        lines.extend(detail.log.into_iter().map(|line| line.sentence));
    }
    assert!(
        lines
            .iter()
            .any(|line| line.contains(word) && line.contains("is not imported")),
        "{lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_ends_within_a_part_or_between_two_is_finished_without_doubles() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    let books = yard.query_number("SELECT count(*) FROM books").await;
    // A sequence counts on when its transaction is taken back.
    yard.run_sql(
        "CREATE SEQUENCE ends;
         CREATE FUNCTION end_here() RETURNS TRIGGER LANGUAGE plpgsql AS
         $$ BEGIN PERFORM nextval('ends'); RAISE EXCEPTION 'ended here'; END $$",
    )
    .await;
    let ended = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ends";
    let end_at = |when: &str| format!("CREATE TRIGGER end_here BEFORE {when} EXECUTE FUNCTION end_here();");
    // Between two parts, within one, and when the library shows the book but nothing of that is written down.
    let ends = [
        (
            "imports",
            end_at("INSERT ON imports FOR EACH ROW WHEN (NEW.part = 1)"),
            1,
        ),
        (
            "imports",
            end_at("UPDATE ON imports FOR EACH ROW WHEN (NEW.part = 1 AND NEW.status = 'linked')"),
            1,
        ),
        (
            "download_parts",
            end_at("UPDATE ON download_parts FOR EACH ROW WHEN (NEW.position = 2)"),
            3,
        ),
    ];
    let want = want_volume(&yard, "The Stone Sky", "N. K. Jemisin", ("The Broken Earth", "3")).await;
    yard.run_sql(&ends[0].1).await;
    grab_pack(&yard, want, "Broken Earth").await;
    for (index, (table, _, placed)) in ends.iter().enumerate() {
        let times = i64::try_from(index + 1).unwrap();
        yard.wait_until(ended, times, JobKind::CheckImports).await;
        let stopped = yard.wait_for_state(want, DownloadState::Importing).await;
        let told = tell(std::slice::from_ref(&stopped));
        assert_eq!(count(&stopped, EventCode::FilesImported), *placed, "{told}");
        let next = ends.get(index + 1).map_or("", |(_, end, _)| end);
        yard.run_sql(&format!("DROP TRIGGER end_here ON {table}; {next}")).await;
        yard.skip(TimeDelta::minutes(11));
    }
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    let folders = folders_of(&yard, &imported);
    assert_eq!((folders.len(), imported.files.len()), (3, 3), "{folders:#?}");
    assert_eq!(shown_below(&yard, "N. K. Jemisin").await, folders);
    assert_eq!(yard.query_number("SELECT count(*) FROM books").await, books + 3);
    let unfinished = "SELECT count(*) FROM imports WHERE status NOT IN ('done', 'undone')";
    assert_eq!(yard.query_number(unfinished).await, 0);
    let series = yard.sandbox.facts.library_path.join("N. K. Jemisin/The Broken Earth");
    let there: Vec<PathBuf> = std::fs::read_dir(series)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(there.len(), 3, "no draft is left: {there:#?}");
    assert_eq!(
        parts_of(&imported),
        ["The Fifth Season", "The Obelisk Gate", "The Stone Sky (wanted)"]
    );
    assert_eq!(imported.book_id, imported.parts[2].book_id);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncertain_pack_waits_for_a_managers_word() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    let want = want_volume(&yard, "Rogue Protocol", "Martha Wells", ("The Murderbot Diaries", "3")).await;
    grab_pack(&yard, want, "Murderbot").await;
    let waiting = wait_for_proposal(&yard, want).await;
    assert_stands(
        &waiting,
        DownloadState::Review,
        None,
        EventCode::NeedsReview,
        &[
            "pack of 3 books: All Systems Red (1 file), Artificial Condition (1 file), Rogue Protocol (1 file)",
            "not certain",
            "Confirm the split",
        ],
    );
    assert_eq!(
        parts_of(&waiting),
        ["All Systems Red", "Artificial Condition", "Rogue Protocol (wanted)"]
    );
    assert!(
        waiting.parts[0].files[0].ends_with("All Systems Red.m4b"),
        "{:?}",
        waiting.parts
    );
    assert!(waiting.files.is_empty());
    assert!(waiting.actions.can_confirm_split && waiting.actions.can_cancel);

    let id = waiting.summary.id;
    for (name, role) in [("reader", Role::User), ("watcher", Role::Viewer)] {
        let person = yard.person(name, role).await;
        let refused = downloads::confirm_split(&yard.services, &person, id).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
        let seen = downloads::get_download(&yard.services, &person, id).await.unwrap();
        assert!(!seen.actions.can_confirm_split && seen.parts.len() == 3);
    }
    assert_eq!(yard.download(id).await.summary.state, DownloadState::Review);

    let manager = yard.person("manager", Role::Manager).await;
    downloads::confirm_split(&yard.services, &manager, id).await.unwrap();
    let again = downloads::confirm_split(&yard.services, &manager, id)
        .await
        .unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict, "{again}");
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    assert_stands(
        &imported,
        DownloadState::Imported,
        None,
        EventCode::Imported,
        &["3 books of the pack", "Rogue Protocol", "goes on seeding"],
    );
    let confirmed = imported
        .events
        .iter()
        .find(|event| event.code == EventCode::SplitConfirmed)
        .unwrap();
    assert_eq!(confirmed.actor, "manager");
    let lines = "SELECT count(*) FROM audit_log WHERE action = 'confirm_split' AND actor = 'manager' AND subject = 'Rogue Protocol'";
    assert_eq!(yard.query_number(lines).await, 1);
    let folders = folders_of(&yard, &imported);
    assert_eq!((folders.len(), imported.files.len()), (3, 3), "{folders:#?}");
    assert_eq!(shown_below(&yard, "Martha Wells").await, folders);
    assert_eq!(status_of(&yard, want).await, WantStatus::Fulfilled);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_want_stays_open_when_the_confirmed_pack_does_not_hold_its_book() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    let want = want_volume(&yard, "Network Effect", "Martha Wells", ("The Murderbot Diaries", "3")).await;
    grab_pack(&yard, want, "Murderbot").await;
    let waiting = wait_for_proposal(&yard, want).await;
    assert_eq!(
        parts_of(&waiting),
        ["All Systems Red", "Artificial Condition", "Rogue Protocol"],
        "none is the wanted one"
    );
    // What was rejected is not offered again, though the client has it.
    yard.run_sql(
        "INSERT INTO blocklist (release_id, info_hash, reason, created_at)
         SELECT release_id, info_hash, 'bad', now() FROM downloads WHERE state = 'review'",
    )
    .await;
    let rejected = yard.download(waiting.summary.id).await;
    assert!(rejected.parts.is_empty() && !rejected.actions.can_confirm_split);
    yard.run_sql("DELETE FROM blocklist").await;
    downloads::confirm_split(&yard.services, &yard.admin, waiting.summary.id)
        .await
        .unwrap();
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    assert_stands(
        &imported,
        DownloadState::Imported,
        None,
        EventCode::Imported,
        &["3 books of the pack", "did not come in with it", "want stays open"],
    );
    assert_eq!(imported.book_id, None);
    assert!(imported.parts.iter().all(|part| part.book_id.is_some()));
    assert_eq!(status_of(&yard, want).await, WantStatus::Open);
    // It can be searched for again, by a download of its own.
    wants::search_now(&yard.services, &yard.admin, want).await.unwrap();
    let again = yard.wait_for(want, |one| one.summary.id != imported.summary.id).await;
    assert_eq!(again.book_id, None);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_stuck_holds_up_no_other() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    yard.run_sql(
        "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'unique_violation'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON imports FOR EACH ROW WHEN (NEW.part = 0) EXECUTE FUNCTION refuse()",
    )
    .await;
    let want = want_volume(&yard, "The Stone Sky", "N. K. Jemisin", ("The Broken Earth", "3")).await;
    grab_pack(&yard, want, "Broken Earth").await;
    let stuck = yard
        .wait_for(want, |one| {
            one.events.iter().any(|event| event.code == EventCode::ImportFailed)
        })
        .await;
    let told = tell(std::slice::from_ref(&stuck));
    assert_eq!(stuck.summary.state, DownloadState::Importing, "{told}");
    assert_eq!(
        stuck
            .parts
            .iter()
            .map(|part| part.book_id.is_some())
            .collect::<Vec<_>>(),
        [false, true, true],
        "{told}"
    );
    yard.run_sql("DROP TRIGGER refuse ON imports").await;
    yard.skip(TimeDelta::minutes(11));
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    assert!(imported.parts.iter().all(|part| part.book_id.is_some()));
    assert_eq!(folders_of(&yard, &imported).len(), 3);
    yard.close().await;
}
