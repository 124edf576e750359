//! Verifies what the client downloaded: sizes, containers, decoding, runtime.

use std::path::PathBuf;
use std::sync::Arc;

use clients::torrent_client::TorrentClient;
use db::Connection;
use db::downloads::DownloadRow;
use domain::payload::{PayloadFile, is_audio};
use domain::verify::{MeasuredFile, Verification, judge_files};
use jobs::RunContext;
use types::integrations::Integration;
use types::jobs::LogLevel;

use super::media::{MediaError, MediaTools, measure_file};
use crate::error::{Result, ServiceError};
use crate::text::counted;
use crate::{Services, connected, paths};

/// The payload on this server's disk.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The folder that the file list is relative to.
    pub root: PathBuf,
    pub files: Vec<PayloadFile>,
}

/// The torrent's own name and file list, as they were stored when the .torrent was fetched.
pub struct StoredFiles {
    pub name: String,
    pub files: Vec<PayloadFile>,
}

/// What verifying came to.
pub enum Verified {
    Passed {
        sentence: String,
    },
    /// The files are not what the torrent promises; the reasons are sentences.
    Failed(String),
    /// Nothing can be said now: a program or a path is missing.
    Blocked(String),
}

/// Where the download's files are, by the client's word and the path maps.
pub async fn locate_payload(
    services: &Services,
    integration: &Integration,
    client: &dyn TorrentClient,
    download: &DownloadRow,
) -> Result<Payload> {
    let files = {
        let mut conn = services.connection().await?;
        read_files(&mut conn, download).await?.files
    };
    let hash = download.info_hash.clone().unwrap_or_default();
    let torrent = client.find(std::slice::from_ref(&hash)).await?.pop();
    let torrent =
        torrent.ok_or_else(|| ServiceError::conflict("The torrent client no longer has it. Retry adds it again."))?;
    let root = paths::to_local(&integration.options.path_maps, &torrent.save_path);
    Ok(Payload { root, files })
}

/// The client that has the download, with the integration it belongs to.
pub async fn client_of(services: &Services, download: &DownloadRow) -> Result<(Integration, Arc<dyn TorrentClient>)> {
    let id = download
        .client_id
        .ok_or_else(|| ServiceError::conflict("Its torrent client was removed. Connect it again, then retry."))?;
    connected::find_torrent_client(services, id.into()).await
}

/// What the torrent holds, by its stored .torrent.
pub async fn read_files(conn: &mut Connection, download: &DownloadRow) -> Result<StoredFiles> {
    #[derive(serde::Deserialize)]
    struct Stored {
        path: String,
        size_bytes: i64,
    }
    let torrent = db::downloads::find_torrent(conn, download.id()).await?;
    let torrent =
        torrent.ok_or_else(|| ServiceError::conflict("Its .torrent is not stored. Retry fetches it again."))?;
    let files: Vec<Stored> = serde_json::from_value(torrent.files).map_err(ServiceError::internal)?;
    let files = files
        .into_iter()
        .map(|file| PayloadFile {
            path: file.path,
            size_bytes: file.size_bytes,
        })
        .collect();
    Ok(StoredFiles {
        name: torrent.name,
        files,
    })
}

/// Measures every file, decodes the audio, and judges it all. Of a pack no runtime (in seconds) is expected: what a
/// release claims may be one book's or the sum.
pub async fn verify_payload(
    services: &Services,
    ctx: &RunContext,
    payload: &Payload,
    expected_runtime: Option<i64>,
) -> Result<Verified> {
    if !payload.root.is_dir() {
        return Ok(Verified::Blocked(format!(
            "This server does not see \"{}\". Add a path map to the torrent client in Integrations.",
            payload.root.display()
        )));
    }
    let config = services.config();
    let tools = MediaTools {
        ffmpeg: config.ffmpeg.clone(),
        ffprobe: config.ffprobe.clone(),
    };
    let total = u64::try_from(payload.files.len()).unwrap_or(0);
    let mut measured = Vec::with_capacity(payload.files.len());
    for (file, done) in payload.files.iter().zip(1..) {
        match measure(&tools, payload, file).await {
            Ok(file) => measured.extend(file),
            Err(error) => return Ok(Verified::Blocked(error.to_string())),
        }
        ctx.progress(done, total);
    }
    Ok(match judge_files(&payload.files, &measured, expected_runtime) {
        Verification::Passed {
            runtime_seconds,
            warnings,
        } => {
            for warning in &warnings {
                ctx.log(LogLevel::Warning, warning.clone()).await;
            }
            let minutes = runtime_seconds / 60;
            let all = format!(
                "Checked {}: whole and decoding; {} h {:02} min.",
                counted(measured.len(), "file"),
                minutes / 60,
                minutes % 60
            );
            Verified::Passed {
                sentence: [vec![all], warnings].concat().join(" "),
            }
        }
        Verification::Failed { reasons } => Verified::Failed(reasons.join(" ")),
    })
}

/// Audio is probed and decoded; of the rest only the size counts. A missing file is not in the answer.
async fn measure(
    tools: &MediaTools,
    payload: &Payload,
    file: &PayloadFile,
) -> std::result::Result<Option<MeasuredFile>, MediaError> {
    let path = payload.root.join(&file.path);
    let Ok(data) = tokio::fs::symlink_metadata(&path).await else {
        return Ok(None);
    };
    if is_audio(&file.path) {
        return measure_file(tools, &path, &file.path).await.map(Some);
    }
    Ok(Some(MeasuredFile {
        path: file.path.clone(),
        size_bytes: i64::try_from(data.len()).unwrap_or(i64::MAX),
        duration_seconds: None,
        decode_error: None,
        chapters: Vec::new(),
    }))
}
