//! Books of every shape on their way from a want to the shelf, through real torrents and real files.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use services::grab::{GrabOptions, grab_candidate};
use types::ErrorCode;
use types::downloads::{DownloadDetail, DownloadState, EventCode};
use types::integrations::IntegrationKind;

use crate::yard::{Yard, assert_stands, book, candidate_of, tell};

fn targets(download: &DownloadDetail, yard: &Yard) -> Vec<String> {
    let library = format!("{}/", yard.sandbox.facts.library_path.display());
    download
        .files
        .iter()
        .map(|file| file.target.strip_prefix(&library).unwrap().to_owned())
        .collect()
}

/// The title that the library service shows for a folder.
async fn shelved_title(yard: &Yard, folder: &str) -> String {
    let state = yard.sandbox.state().await.unwrap();
    let scanned = state["audiobookshelf"]["scanned"].as_array().unwrap();
    let item = scanned.iter().find(|item| item["rel_path"] == folder);
    item.unwrap_or_else(|| panic!("{folder} is not among {scanned:#?}"))["title"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn books_of_every_shape_reach_the_shelf_or_a_person() {
    let yard = Yard::start(&[IntegrationKind::Torznab]).await;
    let discs = yard.want("The Count of Monte Cristo", "Alexandre Dumas").await;
    let russian = yard.want("Мастер и Маргарита", "Михаил Булгаков").await;
    let japanese = yard.want("吾輩は猫である", "夏目漱石").await;
    let hybrid = yard.want("Edgedancer", "Brandon Sanderson").await;
    let pack = yard.want("The Broken Earth Trilogy", "N. K. Jemisin").await;
    for want in [discs, russian, japanese, hybrid] {
        let download = yard.wait_for_state(want, DownloadState::Imported).await;
        assert_stands(
            &download,
            DownloadState::Imported,
            None,
            EventCode::Imported,
            &["On the shelf as", "goes on seeding"],
        );
        let files = targets(&download, &yard);
        let folder = files[0]
            .split('/')
            .take_while(|part| !part.contains(".m") && !part.starts_with("CD"))
            .collect::<Vec<_>>()
            .join("/");
        println!("    {files:?}");
        assert_eq!(shelved_title(&yard, &folder).await, download.summary.title);
    }
    let tracks = targets(&yard.wait_for_state(discs, DownloadState::Imported).await, &yard);
    let order: Vec<&str> = tracks
        .iter()
        .filter_map(|track| track.rsplit('/').nth(1))
        .filter(|part| part.starts_with("CD"))
        .collect();
    assert_eq!(
        order,
        ["CD1", "CD1", "CD1", "CD2", "CD2", "CD2", "CD3", "CD3", "CD3"],
        "{tracks:?}"
    );
    let unsure = yard.wait_for_state(pack, DownloadState::Review).await;
    assert_stands(
        &unsure,
        DownloadState::Review,
        None,
        EventCode::NeedsReview,
        &["The Broken Earth Trilogy", "wait for your decision"],
    );
    let search = yard.wait_for_search(unsure.search_id.unwrap()).await;
    let chosen = candidate_of(&search, "MyAnonamouse", "Trilogy").id;
    grab_candidate(&yard.services, &yard.admin, chosen, GrabOptions::default())
        .await
        .unwrap();
    let packed = yard.wait_for_state(pack, DownloadState::Imported).await;
    let words = ["3 books of the pack", "The Fifth Season", "goes on seeding"];
    assert_stands(&packed, DownloadState::Imported, None, EventCode::Imported, &words);
    for file in targets(&packed, &yard) {
        let (folder, _) = file.rsplit_once('/').unwrap();
        println!("    {file}");
        assert!(folder.contains(&shelved_title(&yard, folder).await), "{file}");
    }
    let state = yard.sandbox.state().await.unwrap();
    assert_eq!(state["member"]["most_in_flight"], 1);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_torrent_on_many_lists_is_fetched_once_and_a_hostile_title_stays_in_its_folder() {
    let yard = Yard::start(&[]).await;
    let search = yard.search(book("Piranesi", "Susanna Clarke")).await;
    let said: Vec<String> = search
        .candidates
        .iter()
        .map(|one| {
            format!(
                "{} {} {:?}",
                one.release.indexer, one.verdict.decision, one.verdict.ranking
            )
        })
        .collect();
    println!("{said:#?}\n{}", search.sentence);
    // Open Shelf (by Prowlarr) and Lantern tell the same hash.
    let merged: Vec<&String> = said
        .iter()
        .filter(|one| one.contains("The same torrent is on"))
        .collect();
    assert_eq!(merged.len(), 1, "{said:#?}");
    assert!(
        merged[0].starts_with("Lantern") && merged[0].contains("is on Prowlarr"),
        "{merged:?}"
    );
    let mine: Vec<_> = search
        .candidates
        .iter()
        .filter(|one| one.release.indexer.starts_with("MyAnonamouse"))
        .collect();
    assert!(mine.len() >= 2, "{said:#?}");
    let first = grab_candidate(&yard.services, &yard.admin, mine[0].id, GrabOptions::default())
        .await
        .unwrap();
    let again = grab_candidate(&yard.services, &yard.admin, mine[0].id, GrabOptions::default())
        .await
        .unwrap();
    assert_eq!(first, again);
    let lines = "SELECT count(*) FROM audit_log WHERE action = 'grab_candidate' AND actor = 'admin' AND subject <> ''";
    assert_eq!(yard.query_number(lines).await, 1, "the second one did nothing");
    let second = grab_candidate(&yard.services, &yard.admin, mine[1].id, GrabOptions::default())
        .await
        .unwrap_err();
    assert_eq!(second.code, ErrorCode::Conflict);
    println!("{second}");
    assert!(second.message.contains("Cancel that download first"), "{second}");
    let want = yard.download(first).await.summary.want_id;
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    let hash = imported.summary.info_hash.clone().unwrap();

    // Owned now; who insists finds out that it is the very same torrent.
    let refused = grab_candidate(&yard.services, &yard.admin, mine[1].id, GrabOptions::default())
        .await
        .unwrap_err();
    println!("{refused}");
    assert!(refused.message.contains("Owned already"), "{refused}");
    let mut twins = Vec::new();
    for candidate in search
        .candidates
        .iter()
        .filter(|one| Some(one.id) != imported.candidate_id)
    {
        let forced = GrabOptions {
            is_forced: true,
            idempotency_key: None,
        };
        let id = grab_candidate(&yard.services, &yard.admin, candidate.id, forced)
            .await
            .unwrap();
        let want = yard.download(id).await.summary.want_id;
        let ended = yard.wait_for(want, |one| !one.summary.state.is_active()).await;
        println!("{}", tell(std::slice::from_ref(&ended)));
        if ended.summary.state == DownloadState::Cancelled {
            assert_stands(
                &ended,
                DownloadState::Cancelled,
                None,
                EventCode::AlreadyInClient,
                &["very torrent already", "choose a different release"],
            );
            twins.push(ended);
        }
    }
    assert!(!twins.is_empty());
    let adds = yard.sandbox.state().await.unwrap();
    assert!(adds["swarms"][&hash]["member"].is_string(), "{hash}");

    let hostile = yard.search(book("script alert sandbox script etc passwd", "")).await;
    let candidate = candidate_of(&hostile, "MyAnonamouse", "alert");
    let forced = GrabOptions {
        is_forced: true,
        idempotency_key: None,
    };
    let id = grab_candidate(&yard.services, &yard.admin, candidate.id, forced)
        .await
        .unwrap();
    let want = yard.download(id).await.summary.want_id;
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    assert_stands(
        &imported,
        DownloadState::Imported,
        None,
        EventCode::Imported,
        &["On the shelf as"],
    );
    let library = yard.sandbox.facts.library_path.canonicalize().unwrap();
    for file in &imported.files {
        let path = std::path::Path::new(&file.target).canonicalize().unwrap();
        println!("    {}", path.display());
        assert!(path.starts_with(&library), "{}", path.display());
        assert!(
            !file.target.split('/').any(|part| part == "..") && !file.target.contains(['<', '>', '\u{202e}', '\u{7}'])
        );
    }
    yard.close().await;
}
