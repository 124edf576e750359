//! Wants, searches, downloads and imports.

use db::download_events::list_events;
use db::download_list::{find_download_summary, list_downloads};
use db::downloads::{
    DownloadChanges, DownloadRow, NewDownload, NewEvent, find_download, insert_download, transition_download,
    update_download,
};
use db::imports::{ImportRow, ImportStatus, find_live_import, insert_import, set_import_status, set_imports_former};
use db::wants::{NewWant, insert_want, join_want, list_wants};
use db::{Connection, DbError};
use diesel_async::RunQueryDsl;
use testing::TestDatabase;
use types::downloads::{DownloadScope, DownloadState, EventCode, HoldReason};
use types::search::SearchForm;
use types::wants::WantReason;
use types::{DownloadId, ImportId, PageRequest, WantId, WorkId};
use uuid::Uuid;

use crate::people::add_user;
use crate::seed::{add_work, at};

pub fn event(code: EventCode, sentence: &str) -> NewEvent {
    NewEvent {
        at: at(1),
        user_id: None,
        actor: "mamcrawler".into(),
        code,
        sentence: sentence.into(),
    }
}

pub async fn add_want(conn: &mut db::Connection, number: u128, work: WorkId) -> db::DbResult<WantId> {
    let id = WantId(Uuid::from_u128(number));
    let target = SearchForm {
        title: "Dune".into(),
        ..SearchForm::default()
    };
    insert_want(
        conn,
        &NewWant {
            id,
            work_id: work,
            target,
            reason: WantReason::Request,
            now: at(0),
        },
    )
    .await?;
    Ok(id)
}

pub fn download(number: u128, want: WantId, work: WorkId) -> NewDownload {
    NewDownload {
        id: DownloadId(Uuid::from_u128(number)),
        want_id: want,
        work_id: work,
        search_id: None,
        candidate_id: None,
        release_id: None,
        state: DownloadState::Queued,
        hold_reason: None,
        size_bytes: Some(1),
        is_forced: false,
        replaces_id: None,
        idempotency_key: Some(format!("key {number}")),
    }
}

#[tokio::test]
async fn download_life_is_told_in_its_events() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let work = add_work(&mut conn, "Dune").await;
    let want = add_want(&mut conn, 1, work).await.unwrap();
    let id = insert_download(
        &mut conn,
        &download(1, want, work),
        &event(EventCode::Created, "Queued."),
    )
    .await
    .unwrap()
    .id;
    let id = DownloadId(id);
    let held = DownloadChanges {
        hold_reason: Some(HoldReason::DiskLow),
        ..DownloadChanges::default()
    };
    let queued = [DownloadState::Queued];
    let row = transition_download(
        &mut conn,
        id,
        &queued,
        DownloadState::Hold,
        held,
        event(EventCode::Held, "Disk full."),
    );
    assert_eq!(row.await.unwrap().hold_reason.as_deref(), Some("disk_low"));
    let sent = DownloadChanges {
        info_hash: Some(Some("ab".into())),
        ..DownloadChanges::default()
    };
    let expected = [DownloadState::Hold];
    let row = transition_download(
        &mut conn,
        id,
        &expected,
        DownloadState::Sent,
        sent,
        event(EventCode::Sent, "Sent."),
    );
    let row = row.await.unwrap();
    assert_eq!(
        (
            row.hold_reason.as_deref(),
            row.info_hash.as_deref(),
            row.sentence.as_str()
        ),
        (None, Some("ab"), "Sent.")
    );
    let progress = DownloadChanges {
        progress: Some(Some(0.5)),
        ..DownloadChanges::default()
    };
    update_download(&mut conn, &row, progress, Some("Half of it is here."), at(2))
        .await
        .unwrap();
    let stale = DownloadRow {
        state: DownloadState::Queued.as_str().into(),
        ..row
    };
    let late = Some("A word about a state that is over.");
    update_download(&mut conn, &stale, DownloadChanges::default(), late, at(3))
        .await
        .unwrap();
    let now = find_download(&mut conn, id).await.unwrap().unwrap();
    assert_eq!(
        (now.sentence.as_str(), now.progress),
        ("Half of it is here.", Some(0.5))
    );
    let events = list_events(&mut conn, id).await.unwrap();
    let steps: Vec<_> = events.iter().map(|event| (event.from_state, event.to_state)).collect();
    assert_eq!(
        steps,
        [
            (None, DownloadState::Queued),
            (Some(DownloadState::Queued), DownloadState::Hold),
            (Some(DownloadState::Hold), DownloadState::Sent)
        ]
    );
    let summary = find_download_summary(&mut conn, id).await.unwrap().unwrap();
    assert_eq!((summary.title.as_str(), summary.progress), ("Dune", Some(0.5)));
    assert_eq!(summary.authors, ["Frank Herbert"]);
    let page = list_downloads(&mut conn, DownloadScope::Active, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(
        (page.total, page.items[0].sentence.as_str()),
        (1, "Half of it is here.")
    );
    let page = list_downloads(&mut conn, DownloadScope::Problems, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(page.total, 0);
}

#[tokio::test]
async fn of_two_transitions_at_once_one_wins_and_the_other_is_told() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let work = add_work(&mut conn, "Dune").await;
    let want = add_want(&mut conn, 1, work).await.unwrap();
    insert_download(
        &mut conn,
        &download(1, want, work),
        &event(EventCode::Created, "Queued."),
    )
    .await
    .unwrap();
    let id = DownloadId(Uuid::from_u128(1));
    let attempt = async |to: DownloadState| {
        let mut conn = database.connection().await;
        let changes = DownloadChanges::default();
        transition_download(
            &mut conn,
            id,
            &[DownloadState::Queued],
            to,
            changes,
            event(EventCode::Sent, "Gone on."),
        )
        .await
    };
    let results = tokio::join!(attempt(DownloadState::Sent), attempt(DownloadState::Cancelled));
    let (won, lost) = match results {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        other => panic!("both or none went through: {other:?}"),
    };
    let actual = won.state().unwrap();
    assert!(
        matches!(lost, DbError::StateConflict { actual: told } if told == actual),
        "{lost:?}"
    );
    assert_eq!(list_events(&mut conn, id).await.unwrap().len(), 2);
    assert_eq!(
        find_download(&mut conn, id).await.unwrap().unwrap().state().unwrap(),
        actual
    );
}

#[tokio::test]
async fn work_and_hash_have_one_active_download() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let (first, second) = (
        add_work(&mut conn, "Dune").await,
        add_work(&mut conn, "Dune Messiah").await,
    );
    let (want, other) = (
        add_want(&mut conn, 1, first).await.unwrap(),
        add_want(&mut conn, 2, second).await.unwrap(),
    );
    let created = event(EventCode::Created, "Queued.");
    insert_download(&mut conn, &download(1, want, first), &created)
        .await
        .unwrap();
    let twice = insert_download(&mut conn, &download(2, want, first), &created)
        .await
        .unwrap_err();
    assert!(twice.is_duplicate_of("downloads_one_active_per_work"), "{twice:?}");
    let mut same_key = download(3, other, second);
    same_key.idempotency_key = Some("key 1".into());
    let same_key = insert_download(&mut conn, &same_key, &created).await.unwrap_err();
    assert!(
        same_key.is_duplicate_of("downloads_idempotency_key_key"),
        "{same_key:?}"
    );
    insert_download(&mut conn, &download(4, other, second), &created)
        .await
        .unwrap();
    let hash = || DownloadChanges {
        info_hash: Some(Some("ab".into())),
        ..DownloadChanges::default()
    };
    let (one, four) = (DownloadId(Uuid::from_u128(1)), DownloadId(Uuid::from_u128(4)));
    let row_of = async |conn: &mut Connection, id| find_download(conn, id).await.unwrap().unwrap();
    let (first_row, other_row) = (row_of(&mut conn, one).await, row_of(&mut conn, four).await);
    update_download(&mut conn, &first_row, hash(), None, at(1))
        .await
        .unwrap();
    let same_hash = update_download(&mut conn, &other_row, hash(), None, at(1))
        .await
        .unwrap_err();
    assert!(same_hash.is_duplicate_of("downloads_one_per_hash"), "{same_hash:?}");
    // What ended makes room.
    let (from, ended) = ([DownloadState::Queued], event(EventCode::Cancelled, "Cancelled."));
    transition_download(
        &mut conn,
        one,
        &from,
        DownloadState::Cancelled,
        DownloadChanges::default(),
        ended,
    )
    .await
    .unwrap();
    update_download(&mut conn, &other_row, hash(), None, at(1))
        .await
        .unwrap();
    insert_download(&mut conn, &download(5, want, first), &created)
        .await
        .unwrap();
}

#[tokio::test]
async fn history_can_not_be_rewritten() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let work = add_work(&mut conn, "Dune").await;
    let want = add_want(&mut conn, 1, work).await.unwrap();
    insert_download(
        &mut conn,
        &download(1, want, work),
        &event(EventCode::Created, "Queued."),
    )
    .await
    .unwrap();
    let error = diesel::sql_query("UPDATE download_events SET sentence = ''")
        .execute(&mut conn)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
}

#[tokio::test]
async fn work_has_one_open_want_that_others_join() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let work = add_work(&mut conn, "Dune").await;
    let want = add_want(&mut conn, 1, work).await.unwrap();
    let again = add_want(&mut conn, 2, work).await.unwrap_err();
    assert!(again.is_duplicate_of("wants_one_open_per_work"), "{again:?}");
    let (anna, berta) = (
        add_user(&mut conn, 1, "Anna").await,
        add_user(&mut conn, 2, "Berta").await,
    );
    assert!(join_want(&mut conn, want, berta, at(1)).await.unwrap());
    assert!(join_want(&mut conn, want, anna, at(2)).await.unwrap());
    assert!(!join_want(&mut conn, want, anna, at(3)).await.unwrap());
    let page = list_wants(&mut conn, None, &PageRequest::default()).await.unwrap();
    assert_eq!(page.items[0].wanted_by, ["Berta", "Anna"]);
    assert_eq!(page.items[0].title, "Dune");
}

#[tokio::test]
async fn target_folder_takes_one_import_until_it_is_undone() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let mut downloads = Vec::new();
    for (number, title) in [(1, "Dune"), (2, "Dune Messiah")] {
        let work = add_work(&mut conn, title).await;
        let want = add_want(&mut conn, number, work).await.unwrap();
        let (new, created) = (download(number, want, work), event(EventCode::Created, "Queued."));
        let row = insert_download(&mut conn, &new, &created);
        downloads.push(row.await.unwrap().id);
    }
    let import = |number: u128, download_id: Uuid| ImportRow {
        id: Uuid::from_u128(number),
        download_id,
        part: 0,
        status: ImportStatus::Planned.as_str().into(),
        target_path: "/library/Dune".into(),
        created_at: at(0),
        finished_at: None,
    };
    insert_import(&mut conn, &import(1, downloads[0]), &[]).await.unwrap();
    let clash = insert_import(&mut conn, &import(2, downloads[1]), &[])
        .await
        .unwrap_err();
    assert!(clash.is_duplicate_of("imports_one_live_per_target"), "{clash:?}");
    set_import_status(&mut conn, ImportId(Uuid::from_u128(1)), ImportStatus::Undone, at(1))
        .await
        .unwrap();
    insert_import(&mut conn, &import(2, downloads[1]), &[]).await.unwrap();

    // Another release begins anew, beside what the one before brought.
    let download = DownloadId(downloads[1]);
    assert!(find_live_import(&mut conn, download, 0).await.unwrap().is_some());
    set_imports_former(&mut conn, download).await.unwrap();
    assert!(find_live_import(&mut conn, download, 0).await.unwrap().is_none());
    let clash = insert_import(&mut conn, &import(3, downloads[1]), &[])
        .await
        .unwrap_err();
    assert!(clash.is_duplicate_of("imports_one_live_per_target"), "{clash:?}");
    let elsewhere = ImportRow {
        target_path: "/library/Dune (2)".into(),
        ..import(3, downloads[1])
    };
    insert_import(&mut conn, &elsewhere, &[]).await.unwrap();
}
