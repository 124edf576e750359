//! What happens to downloads while the torrent client, its disk, the swarm or the tracker fail. A real qBittorrent.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::time::Duration;

use chrono::TimeDelta;
use services::integrations;
use testing::sandbox::http_client;
use types::downloads::{DownloadDetail, DownloadState, EventCode, HoldReason};
use types::integrations::IntegrationKind;

use crate::yard::{Yard, assert_stands, tell};

const ONLY_MYANONAMOUSE: [IntegrationKind; 2] = [IntegrationKind::Torznab, IntegrationKind::Prowlarr];

/// A held download is looked at again after ten minutes.
fn next_look() -> TimeDelta {
    TimeDelta::minutes(11)
}

/// One attempt with a wrong password, past the product.
async fn knock(yard: &Yard) -> String {
    let url = format!("{}/api/v2/auth/login", yard.sandbox.facts.qbittorrent.url);
    let form = [("username", "reader"), ("password", "wrong")];
    let answer = http_client().unwrap().post(url).form(&form).send().await.unwrap();
    answer.text().await.unwrap()
}

/// What a person does in qBittorrent: start every torrent.
async fn start_all(yard: &Yard) {
    let facts = &yard.sandbox.facts.qbittorrent;
    let http = http_client().unwrap();
    let login = [
        ("username", facts.username.as_str()),
        ("password", facts.password.as_str()),
    ];
    let answer = http
        .post(format!("{}/api/v2/auth/login", facts.url))
        .form(&login)
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    // "resume" is what it was called before version 5.
    for method in ["start", "resume"] {
        let url = format!("{}/api/v2/torrents/{method}", facts.url);
        http.post(url)
            .header("cookie", &cookie)
            .form(&[("hashes", "all")])
            .send()
            .await
            .unwrap();
    }
}

fn has_event(download: &DownloadDetail, code: EventCode) -> bool {
    download.events.iter().any(|event| event.code == code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_away_refuses_or_bans_holds_downloads_until_it_works_again() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;

    yard.fault("client", "down").await;
    let want = yard.want("It", "Stephen King").await;
    let held = yard.wait_for_state(want, DownloadState::Hold).await;
    let words = [
        "qBittorrent can't be reached",
        "Check that it runs",
        "tried again in 10 minutes",
    ];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::ClientDown),
        EventCode::Held,
        &words,
    );
    assert!(held.summary.next_at.is_some());
    yard.lift("client", "down").await;
    yard.skip(next_look());
    yard.wait_for_state(want, DownloadState::Imported).await;

    // It bans an address at the fifth wrong password, so a refusal must not be tried again.
    let wrong = yard.form_of(IntegrationKind::Qbittorrent, "wrong password").await;
    integrations::save_integration(&yard.services, &yard.admin, wrong)
        .await
        .unwrap();
    let want = yard.want("Good Omens", "Terry Pratchett").await;
    let mut last_look = None;
    for _ in 0..7 {
        let held = yard
            .wait_for(want, |one| {
                one.summary.state == DownloadState::Hold && one.summary.next_at != last_look
            })
            .await;
        last_look = held.summary.next_at;
        let holds = held.events.iter().filter(|event| event.code == EventCode::Held).count();
        assert_eq!(
            holds,
            1,
            "the same again is no line: {}",
            tell(std::slice::from_ref(&held))
        );
        let words = ["qBittorrent", "refused the user name", "Integrations", "Then retry"];
        assert_stands(
            &held,
            DownloadState::Hold,
            Some(HoldReason::ClientDown),
            EventCode::Held,
            &words,
        );
        yard.skip(next_look());
    }
    let right = yard
        .form_of(IntegrationKind::Qbittorrent, &yard.sandbox.facts.qbittorrent.password)
        .await;
    integrations::save_integration(&yard.services, &yard.admin, right)
        .await
        .unwrap();
    yard.skip(next_look());
    yard.wait_for_state(want, DownloadState::Imported).await;

    // A restart ends the session, and somebody else's attempts get the address banned.
    yard.fault("client", "down").await;
    yard.lift("client", "down").await;
    let mut answer = String::new();
    for _ in 0..8 {
        answer = knock(&yard).await;
    }
    assert!(answer.contains("banned"), "{answer}");
    let want = yard.want("Project Hail Mary", "Andy Weir").await;
    let held = yard.wait_for_state(want, DownloadState::Hold).await;
    let words = ["qBittorrent has banned this address", "Wait for the ban to end"];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::ClientDown),
        EventCode::Held,
        &words,
    );
    yard.fault("client", "down").await;
    yard.lift("client", "down").await;
    yard.skip(next_look());
    yard.wait_for_state(want, DownloadState::Imported).await;
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_before_and_explains_itself_during_a_download() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;

    yard.change_settings(|settings| settings.min_free_gib = 100_000).await;
    let want = yard.want("It", "Stephen King").await;
    let held = yard.wait_for_state(want, DownloadState::Hold).await;
    let words = [
        "GiB free and 97.7 TiB are to stay free",
        "Free some space; it goes on by itself",
    ];
    assert_stands(
        &held,
        DownloadState::Hold,
        Some(HoldReason::DiskLow),
        EventCode::Held,
        &words,
    );
    yard.change_settings(|settings| settings.min_free_gib = 1).await;
    yard.skip(next_look());
    yard.wait_for_state(want, DownloadState::Imported).await;

    yard.fault("client", "disk_full").await;
    let want = yard.want("Children of Dune", "Frank Herbert").await;
    let stuck = yard.wait_for(want, |one| has_event(one, EventCode::Stalled)).await;
    let words = ["can't write", "full or unwritable disk", "then start the torrent"];
    assert_stands(&stuck, stuck.summary.state, None, EventCode::Stalled, &words);
    assert!(matches!(
        stuck.summary.state,
        DownloadState::Sent | DownloadState::Downloading
    ));
    // It stays said once, however often the client is looked at.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = yard.download(stuck.summary.id).await;
    assert_eq!(later.events.len(), stuck.events.len(), "{}", tell(&[later]));
    yard.lift("client", "disk_full").await;
    start_all(&yard).await;
    yard.wait_for_state(want, DownloadState::Imported).await;
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_torrent_climbs_the_ladder_and_gives_way_to_the_next_one() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    let want = yard.want("Hyperion", "Dan Simmons").await;
    yard.wait_for_state(want, DownloadState::Sent).await;
    for code in [EventCode::Reannounced, EventCode::Rechecked] {
        yard.skip(next_look());
        let stalled = yard.wait_for(want, |one| has_event(one, code)).await;
        assert_stands(
            &stalled,
            DownloadState::Sent,
            None,
            code,
            &["No byte came for", "nobody seeds it"],
        );
    }
    yard.skip(next_look());
    let imported = yard.wait_for_state(want, DownloadState::Imported).await;
    let all = yard.downloads_of(want).await;
    assert_eq!(all.len(), 2, "{}", tell(&all));
    assert_stands(
        &all[0],
        DownloadState::Failed,
        None,
        EventCode::Stalled,
        &["nobody seeds it", "The next release is tried."],
    );
    assert!(has_event(&all[0], EventCode::Blocklisted));
    assert_eq!(
        imported
            .files
            .iter()
            .filter(|file| file.target.ends_with(".mp3"))
            .count(),
        6
    );

    // A client that goes away in between does not leave its sentence behind.
    yard.fault("tracker", "no_peers").await;
    let want = yard.want("The Count of Monte Cristo", "Alexandre Dumas").await;
    yard.wait_for_state(want, DownloadState::Sent).await;
    yard.fault("client", "down").await;
    let away = yard
        .wait_for(want, |one| {
            one.summary.sentence.contains("as soon as the client answers")
        })
        .await;
    assert_stands(
        &away,
        DownloadState::Sent,
        None,
        EventCode::Sent,
        &["can't be reached", "goes on as soon as the client answers"],
    );
    yard.lift("tracker", "no_peers").await;
    yard.lift("client", "down").await;
    yard.wait_for_state(want, DownloadState::Imported).await;

    yard.fault("tracker", "failure").await;
    let want = yard.want("Project Hail Mary", "Andy Weir").await;
    yard.wait_for_state(want, DownloadState::Sent).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    yard.skip(next_look());
    yard.wait_for(want, |one| {
        one.events.iter().any(|event| event.code == EventCode::NextCandidate)
    })
    .await;
    let all = yard.downloads_of(want).await;
    let words = [
        "the tracker says",
        "Torrent not registered with this tracker",
        "The next release is tried.",
    ];
    assert_stands(&all[0], DownloadState::Failed, None, EventCode::Stalled, &words);
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_an_import_is_said_at_once() {
    let yard = Yard::start(&ONLY_MYANONAMOUSE).await;
    yard.fault("tracker", "no_peers").await;
    let want = yard.want("It", "Stephen King").await;
    yard.wait_for_state(want, DownloadState::Sent).await;
    yard.run_sql("DELETE FROM download_torrents").await;
    yard.lift("tracker", "no_peers").await;
    // The client may have been told that there are no peers, and asks again in a minute; the stall ladder makes it ask now.
    yard.skip(next_look());
    let sentence = "Its .torrent is not stored. Retry fetches it again.";
    let stopped = yard.wait_for(want, |one| one.summary.sentence == sentence).await;
    assert_eq!(stopped.summary.state, DownloadState::Verifying);
    assert!(stopped.summary.next_at.is_some(), "{stopped:?}");
    assert_eq!(
        stopped.events.last().map(|event| event.code),
        Some(EventCode::ImportFailed)
    );
    yard.close().await;
}
