//! Every flavour of login and adding from 4.5 to 5.2, against the fake.

use clients::ClientError;
use clients::torrent_client::{AddTorrent, Added, TorrentClient};
use serde_json::json;
use types::integrations::Health;

use super::fake::*;

pub fn hash() -> String {
    "a1".repeat(20)
}

fn torrent() -> AddTorrent {
    AddTorrent {
        torrent: b"d4:infode".to_vec(),
        category: "audiobooks".into(),
        tags: vec!["mamcrawler".into(), "mam".into()],
        save_path: "/data/ab".into(),
    }
}

#[tokio::test]
async fn every_version_logs_in_and_gets_its_own_cookie_back() {
    for flavour in EVERY_FLAVOUR {
        let running = start(flavour, Mood::Normal).await;
        let client = running.connect("tester", PASSWORD);
        assert_eq!(client.poll().await, Ok(vec![]), "{}", flavour.api_version);
        assert_eq!(client.default_save_path().await.unwrap(), "/data/ab");
        assert_eq!(running.state().logins, 1);
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_once_and_never_sent_again() {
    for flavour in EVERY_FLAVOUR {
        let running = start(flavour, Mood::Normal).await;
        let client = running.connect("tester", "wrong");
        for _ in 0..3 {
            let refused = client.poll().await.unwrap_err();
            assert!(
                matches!(refused, ClientError::CredentialsRefused { .. }),
                "{}: {refused}",
                flavour.api_version
            );
        }
        assert_eq!(running.state().logins, 1, "{}", flavour.api_version);
    }
}

#[tokio::test]
async fn an_expired_cookie_logs_in_again_and_repeats_the_call() {
    let running = start(V5_2, Mood::Normal).await;
    let client = running.connect("tester", PASSWORD);
    client.poll().await.unwrap();
    running.state().session = None;
    assert_eq!(client.poll().await, Ok(vec![]));
    assert_eq!(running.state().logins, 2);
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_login() {
    let running = start(V4_5, Mood::Normal).await;
    let client = running.connect("tester", PASSWORD);
    let hashes = [hash()];
    let (free, path, found) = tokio::join!(client.free_bytes(), client.default_save_path(), client.find(&hashes));
    assert_eq!((free, path.is_ok(), found), (Ok(Some(2_147_483_648)), true, Ok(vec![])));
    assert_eq!(running.state().logins, 1);
}

#[tokio::test]
async fn a_cookie_that_is_never_accepted_ends_after_one_more_login() {
    let running = start(V5_1, Mood::ForgetsSessions).await;
    let client = running.connect("tester", PASSWORD);
    assert!(matches!(client.poll().await, Err(ClientError::Forbidden { .. })));
    assert_eq!(running.state().logins, 2);
}

#[tokio::test]
async fn a_ban_is_told_as_a_ban() {
    for (username, secret) in [("tester", PASSWORD), ("", API_KEY)] {
        let running = start(V5_2, Mood::Banning).await;
        let client = running.connect(username, secret);
        assert!(matches!(client.poll().await, Err(ClientError::Banned { .. })));
    }
}

#[tokio::test]
async fn a_failed_host_check_is_told_from_a_wrong_password() {
    for flavour in [V4_5, V5_2] {
        let running = start(flavour, Mood::WrongHost).await;
        let error = running.connect("tester", PASSWORD).poll().await.unwrap_err();
        assert!(
            matches!(&error, ClientError::Forbidden { advice, .. } if advice.contains("same port")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_api_key_needs_no_login() {
    let running = start(V5_2, Mood::Normal).await;
    assert_eq!(running.connect("", API_KEY).poll().await, Ok(vec![]));
    assert_eq!(running.connect("tester", API_KEY).poll().await, Ok(vec![]));
    assert_eq!(running.state().logins, 0);
}

#[tokio::test]
async fn a_refused_api_key_is_not_sent_again() {
    let running = start(V5_2, Mood::Normal).await;
    let client = running.connect("", "qbt_wrong");
    let first = client.poll().await.unwrap_err();
    assert!(
        matches!(&first, ClientError::CredentialsRefused { credential, .. } if credential == "API key"),
        "{first}"
    );
    running.state().mood = Mood::Bypassing;
    assert_eq!(client.poll().await, Err(first));
    assert!(running.calls().is_empty());
}

#[tokio::test]
async fn bypassed_authentication_works_with_and_without_a_user_and_keeps_one_session() {
    for (username, secret) in [("tester", "anything"), ("", "")] {
        for flavour in [V4_5, V5_2] {
            let running = start(flavour, Mood::Bypassing).await;
            let client = running.connect(username, secret);
            client.poll().await.unwrap();
            client.poll().await.unwrap();
            assert_eq!(running.state().sessions_started, 1);
        }
    }
}

#[tokio::test]
async fn stopping_and_starting_use_the_versions_names() {
    for (flavour, stop, start_name) in [
        (V4_5, "torrents/pause", "torrents/resume"),
        (V5_0, "torrents/stop", "torrents/start"),
    ] {
        let running = start(flavour, Mood::Normal).await;
        running
            .state()
            .torrents
            .insert(hash(), json!({"name": "Dune", "state": "stalledUP"}));
        let client = running.connect("tester", PASSWORD);
        client.stop(&hash()).await.unwrap();
        client.start(&hash()).await.unwrap();
        assert_eq!(running.body_of(stop), format!("hashes={}", hash()));
        assert_eq!(running.body_of(start_name), format!("hashes={}", hash()));
    }
}

#[tokio::test]
async fn a_change_to_a_torrent_that_is_not_there_is_an_error_and_sends_nothing() {
    let running = start(V5_0, Mood::Normal).await;
    let client = running.connect("tester", PASSWORD);
    for unknown in [hash(), "all".into()] {
        assert!(
            matches!(client.recheck(&unknown).await, Err(ClientError::NotFound { .. })),
            "{unknown}"
        );
    }
    assert!(!running.calls().contains(&"torrents/recheck".to_owned()));
}

#[tokio::test]
async fn an_accepted_torrent_is_confirmed_in_the_list() {
    let json_answer = r#"{"success_count":1,"pending_count":0,"failure_count":0,"added_torrent_ids":["a1"]}"#;
    let pending = r#"{"success_count":0,"pending_count":1,"failure_count":0,"added_torrent_ids":[]}"#;
    for (flavour, status, body) in [
        (V4_5, 200, "Ok."),
        (V5_2, 200, json_answer),
        (V5_2, 202, pending),
        (V5_2, 204, ""),
    ] {
        let running = start(flavour, Mood::Normal).await;
        running.state().add = AddScript {
            status,
            body,
            is_listed_after: true,
        };
        let client = running.connect("tester", PASSWORD);
        assert_eq!(client.add(&[hash()], &torrent()).await, Ok(Added::New), "{body}");
        let form = running.body_of("torrents/add");
        for (name, value) in [
            ("stopped", "false"),
            ("paused", "false"),
            ("autoTMM", "false"),
            ("contentLayout", "Original"),
            ("savepath", "/data/ab"),
            ("category", "audiobooks"),
            ("tags", "mamcrawler,mam"),
        ] {
            assert!(
                form.contains(&format!("name=\"{name}\"\r\n\r\n{value}\r\n")),
                "{name} in {form}"
            );
        }
        assert!(form.contains(&format!("filename=\"{}.torrent\"", hash())), "{form}");
    }
}

#[tokio::test]
async fn a_torrent_that_is_there_is_not_sent_again() {
    let running = start(V5_1, Mood::Normal).await;
    running
        .state()
        .torrents
        .insert(hash(), json!({"name": "Dune", "state": "stalledUP"}));
    let client = running.connect("tester", PASSWORD);
    assert_eq!(client.add(&[hash()], &torrent()).await, Ok(Added::AlreadyThere));
    assert!(!running.calls().contains(&"torrents/add".to_owned()));
}

#[tokio::test]
async fn a_refusal_means_already_there_only_if_it_is() {
    for (flavour, status, body) in [(V4_5, 200, "Fails."), (V5_2, 409, "")] {
        for is_listed_after in [true, false] {
            let running = start(flavour, Mood::Normal).await;
            running.state().add = AddScript {
                status,
                body,
                is_listed_after,
            };
            let added = running.connect("tester", PASSWORD).add(&[hash()], &torrent()).await;
            match is_listed_after {
                true => assert_eq!(added, Ok(Added::AlreadyThere)),
                false => assert!(matches!(added, Err(ClientError::Forbidden { .. })), "{added:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_invalid_file_and_an_unlisted_torrent_are_errors() {
    for (status, body, is_refused) in [(415, "Error: not a valid torrent file.", true), (200, "Ok.", false)] {
        let running = start(V4_5, Mood::Normal).await;
        running.state().add = AddScript {
            status,
            body,
            is_listed_after: false,
        };
        let error = running
            .connect("tester", PASSWORD)
            .add(&[hash()], &torrent())
            .await
            .unwrap_err();
        assert_eq!(matches!(error, ClientError::Forbidden { .. }), is_refused, "{error}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_hybrid_torrent_is_found_by_each_of_its_hashes() {
    let running = start(V4_5, Mood::Normal).await;
    let (v1, v2) = ("b2".repeat(20), "c3".repeat(32));
    let row = json!({"name": "Dune", "state": "stalledUP", "infohash_v1": v1, "infohash_v2": v2});
    running.state().torrents.insert(v2[..40].to_owned(), row);
    let client = running.connect("tester", PASSWORD);
    for form in [v1.clone(), v2.clone(), v2[..40].to_owned(), v1.to_uppercase()] {
        let found = client.find(std::slice::from_ref(&form)).await.unwrap();
        assert_eq!(found.len(), 1, "{form}");
    }
    assert_eq!(client.find(&[]).await, Ok(vec![]));
    assert_eq!(client.find(&["all".into()]).await, Ok(vec![]));
}

#[tokio::test]
async fn a_test_names_the_version_and_warns_of_removal_at_the_seeding_limit() {
    let running = start(V5_0, Mood::Normal).await;
    let outcome = running.connect("tester", PASSWORD).test().await.unwrap();
    assert_eq!(
        (outcome.health, outcome.version.as_deref()),
        (Health::Warning, Some("v5.0.0"))
    );
    assert!(outcome.sentence.contains("removes torrents"), "{}", outcome.sentence);
    assert!(
        outcome.facts.contains(&"2.0 GiB free there".to_owned()),
        "{:?}",
        outcome.facts
    );
}

#[tokio::test]
async fn another_service_at_the_address_is_told_as_such() {
    let running = start(V5_0, Mood::Normal).await;
    let url = running.address_of_nothing();
    let config = clients::qbittorrent::QbittorrentConfig::new(&url, "tester", PASSWORD.to_owned().into());
    let error = clients::qbittorrent::connect(&config)
        .unwrap()
        .poll()
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::UnexpectedAnswer { .. }), "{error}");
}
