//! Releases that a search found, and what those on their way cost their account.

use db::candidates::{NewCandidate, list_candidates, save_candidates};
use db::commitments::sum_commitments;
use db::downloads::{DownloadChanges, NewDownload, find_download, insert_download, update_download};
use db::releases::{NewRelease, upsert_release};
use db::searches::{NewSearch, insert_search};
use testing::TestDatabase;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::search::{Decision, IdentityBand, ReleaseFacts, SearchForm, Verdict};
use types::{CandidateId, IntegrationId, ReleaseId, SearchId};
use uuid::Uuid;

use crate::acquisition::{add_want, download, event};
use crate::seed::{add_integration, add_work, at};

async fn add_release(conn: &mut db::Connection, indexer: IntegrationId, number: u128) -> ReleaseId {
    let release = NewRelease {
        id: ReleaseId(Uuid::from_u128(number)),
        integration_id: indexer,
        external_id: number.to_string(),
        facts: ReleaseFacts::default(),
        download_ref: vec![1],
        info_hash: None,
        now: at(0),
    };
    upsert_release(conn, &release).await.unwrap()
}

fn candidate(number: u128, release: ReleaseId, rank: i32) -> NewCandidate {
    NewCandidate {
        id: CandidateId(Uuid::from_u128(number)),
        release_id: release,
        rank,
        verdict: Verdict {
            decision: Decision::Accepted,
            band: IdentityBand::SameWork,
            summary: "Same work".into(),
            findings: Vec::new(),
            ranking: Vec::new(),
        },
    }
}

#[tokio::test]
async fn releases_judged_again_keep_their_ids_and_what_is_merged_away_goes_unless_it_was_grabbed() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let indexer = add_integration(&mut conn, 1).await;
    let search = SearchId(Uuid::from_u128(1));
    let new = NewSearch {
        id: search,
        want_id: None,
        user_id: None,
        form: SearchForm::default(),
        outcomes: Vec::new(),
        now: at(0),
    };
    insert_search(&mut conn, &new).await.unwrap();
    let mut releases = Vec::new();
    for number in 1..=4 {
        releases.push(add_release(&mut conn, indexer, number).await);
    }
    let first = [
        candidate(11, releases[0], 1),
        candidate(12, releases[1], 2),
        candidate(13, releases[2], 3),
    ];
    save_candidates(&mut conn, search, &first).await.unwrap();
    let work = add_work(&mut conn, "Dune").await;
    let want = add_want(&mut conn, 1, work).await.unwrap();
    let grabbed = NewDownload {
        candidate_id: Some(first[2].id.0),
        ..download(1, want, work)
    };
    insert_download(&mut conn, &grabbed, &event(EventCode::Created, "Chosen."))
        .await
        .unwrap();

    let again = [candidate(21, releases[3], 1), candidate(22, releases[0], 2)];
    save_candidates(&mut conn, search, &again).await.unwrap();
    let stored = list_candidates(&mut conn, search).await.unwrap();
    let ids: Vec<(CandidateId, u32)> = stored.iter().map(|one| (one.id, one.rank)).collect();
    assert_eq!(ids, [(again[0].id, 1), (first[0].id, 2), (first[2].id, 3)]);
}

#[tokio::test]
async fn a_hold_that_is_being_looked_at_counts_against_the_others() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let indexer = add_integration(&mut conn, 1).await;
    let mut held = Vec::new();
    for (number, reason, next_at) in [
        (1, HoldReason::UnsatisfiedSlots, Some(at(5))),
        (2, HoldReason::UnsatisfiedSlots, Some(at(5))),
        (3, HoldReason::UnsatisfiedSlots, Some(at(6))),
        (4, HoldReason::Approval, Some(at(5))),
        (5, HoldReason::UnsatisfiedSlots, None),
    ] {
        let work = add_work(&mut conn, &format!("Dune {number}")).await;
        let want = add_want(&mut conn, number, work).await.unwrap();
        let release = add_release(&mut conn, indexer, number).await;
        let new = NewDownload {
            release_id: Some(release.0),
            state: DownloadState::Hold,
            hold_reason: Some(reason),
            ..download(number, want, work)
        };
        insert_download(&mut conn, &new, &event(EventCode::Held, "No slot."))
            .await
            .unwrap();
        let changes = DownloadChanges {
            next_at: Some(next_at),
            ..DownloadChanges::default()
        };
        let row = find_download(&mut conn, new.id).await.unwrap().unwrap();
        update_download(&mut conn, &row, changes, None, at(1)).await.unwrap();
        held.push(new.id);
    }
    let mut counts = Vec::new();
    for (except, now) in [(None, 4), (None, 5), (Some(held[0]), 5)] {
        let row = sum_commitments(&mut conn, indexer, except, at(now)).await.unwrap();
        counts.push((row.in_flight, row.pending_paid_bytes));
    }
    assert_eq!(counts, [(0, 0), (2, 2), (1, 1)]);
}
