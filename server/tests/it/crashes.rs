//! The server dies at the worst moments. After its restart the book arrives, once.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testing::sandbox::FaultSpan;
use types::downloads::{DownloadState, EventCode};

use crate::proxy::AddRule;
use crate::stage::{Stage, wait_until};

#[tokio::test]
async fn a_crash_before_or_right_after_the_hand_over_adds_the_torrent_once() {
    let mut stage = Stage::start().await;
    stage.proxy.set_rule(AddRule::Hold);
    let id = stage.want("Dune Messiah", "Frank Herbert").await;
    stage.proxy.wait_until_held().await;
    stage.server.kill9();
    let detail = stage.download(id).await;
    assert_eq!(detail.summary.state, DownloadState::Queued);
    assert!(
        detail
            .events
            .iter()
            .any(|event| event.code == EventCode::TorrentFetched),
        "{:#?}",
        detail.events
    );
    assert!(stage.torrents().await.is_empty());

    stage.proxy.set_rule(AddRule::HoldAnswer);
    stage.server.start().await;
    stage.proxy.wait_until_held().await;
    stage.server.kill9();
    assert_eq!(
        stage.download(id).await.summary.state,
        DownloadState::Queued,
        "it is there, but nobody wrote that down"
    );
    wait_until(async || {
        if stage.torrents().await.len() == 1 {
            Ok(())
        } else {
            Err("qBittorrent has no torrent".into())
        }
    })
    .await;

    stage.proxy.set_rule(AddRule::Pass);
    stage.server.start().await;
    let detail = stage.assert_arrived_once(id, "dune-messiah").await;
    assert!(
        detail
            .events
            .iter()
            .any(|event| event.code == EventCode::AlreadyInClient),
        "{:#?}",
        detail.events
    );
}

#[tokio::test]
async fn a_crash_while_verifying_or_importing_is_gone_over_again() {
    let mut stage = Stage::start_with(|server| {
        let script = server.scratch().join("ffmpeg");
        let marker = server.scratch().join("verifying");
        write_slow_ffmpeg(&script, &marker);
        server.set("MAMCRAWLER_FFMPEG", script.to_str().unwrap());
    })
    .await;
    stage.sandbox.fault("abs", "never_scans", FaultSpan::On).await.unwrap();
    let id = stage.want("Dune Messiah", "Frank Herbert").await;
    let marker = stage.server.scratch().join("verifying");
    wait_until(async || {
        if marker.exists() {
            Ok(())
        } else {
            Err("nothing is verified".into())
        }
    })
    .await;
    stage.server.kill9();
    end_decoder(&marker);
    assert_eq!(stage.download(id).await.summary.state, DownloadState::Verifying);

    // The files get placed, but the library does not show them.
    stage.server.start().await;
    stage.wait_for_event(id, EventCode::ScanRequested, 1).await;
    stage.server.kill9();
    assert_eq!(stage.download(id).await.summary.state, DownloadState::Importing);
    unplace_half(&stage, id).await;

    // Placed anew; the next crash comes before anybody saw them.
    stage.server.start().await;
    stage.wait_for_event(id, EventCode::FilesImported, 2).await;
    stage.server.kill9();
    stage.sandbox.clear_faults().await.unwrap();
    stage.server.start().await;
    let detail = stage.assert_arrived_once(id, "dune-messiah").await;
    let placed = detail
        .events
        .iter()
        .filter(|event| event.code == EventCode::FilesImported)
        .count();
    assert_eq!(
        placed, 2,
        "files that are there are not placed again: {:#?}",
        detail.events
    );
}

/// The first decoding says that it has begun, and then takes for ever.
fn write_slow_ffmpeg(script: &Path, marker: &Path) {
    let marker = marker.display();
    let begin = format!("echo $$ > '{marker}.new'; mv '{marker}.new' '{marker}'");
    let text = format!("#!/bin/sh\n[ -e '{marker}' ] && exec ffmpeg \"$@\"\n{begin}\nexec sleep 600\n");
    std::fs::write(script, text).unwrap();
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Nobody waits for it any more.
fn end_decoder(marker: &Path) {
    let process = std::fs::read_to_string(marker).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
}

/// As if the crash had come while the files were being placed: planned, half of them in the hidden folder.
async fn unplace_half(stage: &Stage, id: types::DownloadId) {
    let mut conn = stage.services.connection().await.unwrap();
    let import = db::imports::find_live_import(&mut conn, id, 0).await.unwrap().unwrap();
    let (import_id, now) = (types::ImportId(import.id), stage.services.now());
    db::imports::set_import_status(&mut conn, import_id, db::imports::ImportStatus::Planned, now)
        .await
        .unwrap();
    let folder = Path::new(&import.target_path);
    let draft = folder.with_file_name(format!(".mamcrawler-{import_id}"));
    std::fs::rename(folder, &draft).unwrap();
    let first = std::fs::read_dir(&draft).unwrap().next().unwrap().unwrap();
    std::fs::remove_file(first.path()).unwrap();
    std::fs::write(draft.join("half-written.m4b"), "half").unwrap();
}
