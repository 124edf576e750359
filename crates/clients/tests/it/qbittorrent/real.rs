//! Against a real qbittorrent-nox.

use std::path::Path;
use std::time::Duration;

use clients::ClientError;
use clients::qbittorrent::{QbittorrentConfig, connect};
use clients::torrent_client::{AddTorrent, Added, ClientState, TorrentClient, TorrentStatus};
use clients::torrent_file::TorrentFile;
use testing::qbittorrent::{API_KEY, Qbittorrent};
use testing::torrents::{TorrentVersion, build_torrent};
use types::integrations::Health;

const PATIENCE: Duration = Duration::from_secs(60);

fn client_of(qbittorrent: &Qbittorrent) -> clients::qbittorrent::Qbittorrent {
    client_with(qbittorrent, &qbittorrent.password)
}

fn client_with(qbittorrent: &Qbittorrent, password: &str) -> clients::qbittorrent::Qbittorrent {
    connect(&QbittorrentConfig::new(
        &qbittorrent.url,
        &qbittorrent.username,
        password.to_owned().into(),
    ))
    .expect("a valid address")
}

fn adding(torrent: Vec<u8>, save_path: &Path) -> AddTorrent {
    let save_path = save_path.to_str().expect("temporary paths are UTF-8").to_owned();
    AddTorrent {
        torrent,
        category: "audiobooks".into(),
        tags: vec!["a".into(), "b".into()],
        save_path,
    }
}

/// A book of two discs; its bytes repeat in no piece.
fn write_book(folder: &Path) -> std::path::PathBuf {
    let book = folder.join("Dune");
    for (disc, length) in [("CD1", 300_000_u32), ("CD2", 170_000)] {
        std::fs::create_dir_all(book.join(disc)).expect("the temporary folder is writable");
        let bytes: Vec<u8> = (0..length)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        std::fs::write(book.join(disc).join("01.mp3"), bytes).expect("the temporary folder is writable");
    }
    book
}

/// Polls until the one torrent is as wanted.
async fn wait_for(client: &dyn TorrentClient, is_wanted: impl Fn(&TorrentStatus) -> bool) -> TorrentStatus {
    let mut last = Vec::new();
    let waiting = async {
        loop {
            last = client.poll().await.expect("qBittorrent answers");
            if let Some(torrent) = last.iter().find(|torrent| is_wanted(torrent)) {
                return torrent.clone();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(torrent) => torrent,
        Err(_) => panic!("it did not get there; last seen: {last:?}"),
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_the_right_one_still_works() {
    let qbittorrent = Qbittorrent::start().await.unwrap();
    let wrong = client_with(&qbittorrent, "wrong");
    for _ in 0..2 {
        let refused = wrong.test().await.unwrap_err();
        assert!(matches!(refused, ClientError::CredentialsRefused { .. }), "{refused}");
    }
    let log = std::fs::read_to_string(qbittorrent.profile().join("qBittorrent/data/logs/qbittorrent.log")).unwrap();
    assert_eq!(log.matches("WebAPI login failure").count(), 1, "{log}");

    let outcome = client_of(&qbittorrent).test().await.unwrap();
    assert!(
        outcome
            .version
            .as_deref()
            .is_some_and(|version| version.starts_with('v')),
        "{outcome:?}"
    );
    assert_ne!(outcome.health, Health::Failing);
    assert!(
        outcome
            .facts
            .iter()
            .any(|fact| fact.contains(qbittorrent.save_path.to_str().unwrap())),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_api_key_signs_in_where_the_version_knows_it_and_is_explained_elsewhere() {
    let qbittorrent = Qbittorrent::start().await.unwrap();
    let by_password = client_of(&qbittorrent).test().await.unwrap();
    let version = by_password.version.expect("qBittorrent says its version");
    let with_key = connect(&QbittorrentConfig::new(&qbittorrent.url, "", API_KEY.to_owned().into())).unwrap();
    let by_key = with_key.test().await;
    let numbers: Vec<u32> = version
        .trim_start_matches('v')
        .split('.')
        .flat_map(str::parse)
        .collect();
    if numbers >= vec![5, 2] {
        assert_eq!(by_key.unwrap().version, Some(version));
        with_key.poll().await.unwrap();
    } else {
        let refused = by_key.unwrap_err();
        assert!(refused.to_string().contains("5.2 or newer"), "{refused}");
    }
}

#[tokio::test]
async fn a_stopped_program_is_unreachable() {
    let qbittorrent = Qbittorrent::start().await.unwrap();
    let client = client_of(&qbittorrent);
    client.poll().await.unwrap();
    drop(qbittorrent);
    let error = client.poll().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_torrent_travels_from_one_to_another_and_is_looked_after_on_the_way() {
    let (seeder, leecher) = tokio::join!(Qbittorrent::start_with_tracker(), Qbittorrent::start());
    let (seeder, leecher) = (seeder.unwrap(), leecher.unwrap());
    let book = write_book(&seeder.save_path);
    let torrent = build_torrent(&book, &seeder.announce_url(), TorrentVersion::V1).unwrap();
    let parsed = TorrentFile::parse(&torrent).unwrap();
    let (hash, hashes) = (parsed.client_hash(), parsed.hashes());

    let seeding = client_of(&seeder);
    assert_eq!(
        seeding.add(&hashes, &adding(torrent.clone(), &seeder.save_path)).await,
        Ok(Added::New)
    );
    wait_for(&seeding, TorrentStatus::is_complete).await;

    let client = client_of(&leecher);
    let target = leecher.save_path.join("mam");
    assert_eq!(
        client.add(&hashes, &adding(torrent.clone(), &target)).await,
        Ok(Added::New)
    );
    assert_eq!(
        client.add(&hashes, &adding(torrent.clone(), &target)).await,
        Ok(Added::AlreadyThere)
    );
    client.reannounce(&hash).await.unwrap();
    let done = wait_for(&client, TorrentStatus::is_complete).await;
    assert_eq!((done.size_bytes, done.completed_bytes), (470_000, 470_000));
    assert_eq!(
        (done.category.as_str(), &done.tags[..]),
        ("audiobooks", &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(done.content_path, target.join("Dune").to_str().unwrap());
    assert_eq!(
        std::fs::read(target.join("Dune/CD2/01.mp3")).unwrap(),
        std::fs::read(book.join("CD2/01.mp3")).unwrap()
    );

    let files = client.files(&hash).await.unwrap();
    let seen: Vec<_> = files.iter().map(|file| (file.path.clone(), file.size_bytes)).collect();
    let told: Vec<_> = parsed
        .files
        .iter()
        .map(|file| (file.path.clone(), file.size_bytes))
        .collect();
    assert_eq!(seen, told);
    let trackers = client.trackers(&hash).await.unwrap();
    assert_eq!(
        trackers.iter().map(|tracker| tracker.host.as_str()).collect::<Vec<_>>(),
        ["127.0.0.1"]
    );

    client.stop(&hash).await.unwrap();
    wait_for(&client, |torrent| torrent.state == ClientState::StoppedSeeding).await;
    client.start(&hash).await.unwrap();
    wait_for(&client, |torrent| torrent.state == ClientState::Seeding).await;

    // Stopped, or the damage would be mended before it is seen.
    client.stop(&hash).await.unwrap();
    wait_for(&client, |torrent| torrent.state == ClientState::StoppedSeeding).await;
    std::fs::write(target.join("Dune/CD1/01.mp3"), vec![0; 300_000]).unwrap();
    client.recheck(&hash).await.unwrap();
    wait_for(&client, |torrent| {
        torrent.progress < 1.0 && torrent.state == ClientState::StoppedDownloading
    })
    .await;

    client.remove(&hash, true).await.unwrap();
    assert_eq!(client.find(&hashes).await, Ok(vec![]));
    client.remove(&hash, true).await.unwrap();
    assert!(matches!(client.files(&hash).await, Err(ClientError::NotFound { .. })));
}

#[tokio::test]
async fn torrents_of_every_version_are_known_by_all_their_hashes() {
    let qbittorrent = Qbittorrent::start().await.unwrap();
    let client = client_of(&qbittorrent);
    let book = write_book(&qbittorrent.save_path);
    for version in [TorrentVersion::V1, TorrentVersion::V2, TorrentVersion::Hybrid] {
        let torrent = build_torrent(&book, "http://127.0.0.1:1/announce", version).unwrap();
        let parsed = TorrentFile::parse(&torrent).unwrap();
        assert_eq!(parsed.total_bytes, 470_000);
        let added = client
            .add(&parsed.hashes(), &adding(torrent, &qbittorrent.save_path))
            .await;
        assert_eq!(added, Ok(Added::New), "{version:?}");
        let complete = wait_for(&client, |torrent| {
            torrent.has_hash(&parsed.client_hash()) && torrent.is_complete()
        })
        .await;
        assert_eq!(complete.hash, parsed.client_hash(), "{version:?}");
        assert_eq!(
            (&complete.infohash_v1, &complete.infohash_v2),
            (&parsed.infohash_v1, &parsed.infohash_v2)
        );
        for form in parsed.hashes() {
            assert_eq!(
                client.find(std::slice::from_ref(&form)).await.unwrap().len(),
                1,
                "{version:?} by {form}"
            );
        }
        client.remove(&parsed.client_hash(), false).await.unwrap();
        assert!(book.exists());
    }
}

#[tokio::test]
async fn bytes_that_are_no_torrent_are_refused() {
    let qbittorrent = Qbittorrent::start().await.unwrap();
    let rubbish = adding(b"d4:infod4:name1:xee".to_vec(), &qbittorrent.save_path);
    let error = client_of(&qbittorrent)
        .add(&["a1".repeat(20)], &rubbish)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Forbidden { .. }), "{error}");
}
