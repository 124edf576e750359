//! Measures audio files with ffprobe and decodes them with ffmpeg. Both read only.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use domain::verify::MeasuredFile;
use serde::Deserialize;
use tokio::process::Command;

/// Reading a header takes seconds even on a slow disk.
const PROBE_LIMIT: Duration = Duration::from_secs(120);
/// Decoding runs at some hundred times real time; this is for the slowest machine and the longest book.
const DECODE_LIMIT: Duration = Duration::from_secs(3 * 3600);
/// A message longer than this says nothing more.
const MESSAGE_CHARS: usize = 200;

/// The programs to call.
#[derive(Debug, Clone)]
pub struct MediaTools {
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
}

/// Why nothing could be measured at all; says nothing about the files.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("\"{0}\" can't be started: {1}. Install ffmpeg, or set MAMCRAWLER_FFMPEG and MAMCRAWLER_FFPROBE.")]
    ToolMissing(PathBuf, std::io::Error),
}

/// Reads and decodes one audio file. What is wrong with the file is in the answer, not an error.
pub async fn measure_file(tools: &MediaTools, path: &Path, relative: &str) -> Result<MeasuredFile, MediaError> {
    let size_bytes = tokio::fs::metadata(path)
        .await
        .map_or(0, |data| i64::try_from(data.len()).unwrap_or(i64::MAX));
    let mut measured = MeasuredFile {
        path: relative.to_owned(),
        size_bytes,
        duration_seconds: None,
        decode_error: None,
        chapters: Vec::new(),
    };
    let probe = run(&tools.ffprobe, probe_arguments(path), PROBE_LIMIT).await?;
    match probe.and_then(|output| read_probe(&output)) {
        Ok(facts) => {
            measured.duration_seconds = facts.duration();
            measured.chapters = facts.chapters();
        }
        Err(message) => {
            measured.decode_error = Some(message);
            return Ok(measured);
        }
    }
    let decode = run(&tools.ffmpeg, decode_arguments(path), DECODE_LIMIT).await?;
    measured.decode_error = decode.and_then(|output| read_decode(&output)).err();
    Ok(measured)
}

fn probe_arguments(path: &Path) -> Vec<std::ffi::OsString> {
    let words = [
        "-v",
        "error",
        "-of",
        "json",
        "-show_format",
        "-show_chapters",
        "-show_streams",
        "-select_streams",
        "a",
    ];
    words.iter().map(Into::into).chain([input(path)]).collect()
}

/// `-xerror` ends at the first damage; nothing is written.
fn decode_arguments(path: &Path) -> Vec<std::ffi::OsString> {
    let before = ["-nostdin", "-v", "error", "-xerror", "-threads", "1", "-i"];
    let after = ["-map", "0:a", "-f", "null", "-"];
    before
        .iter()
        .map(Into::into)
        .chain([input(path)])
        .chain(after.iter().map(Into::into))
        .collect()
}

/// With the protocol named, no file name is taken for an option or an address.
fn input(path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from("file:");
    text.push(path);
    text
}

/// The outer error is about the program, the inner one about the file.
async fn run(
    program: &Path,
    arguments: Vec<std::ffi::OsString>,
    limit: Duration,
) -> Result<Result<Output, String>, MediaError> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| MediaError::ToolMissing(program.to_path_buf(), error))?;
    match tokio::time::timeout(limit, child.wait_with_output()).await {
        Ok(Ok(output)) => Ok(Ok(output)),
        Ok(Err(error)) => Ok(Err(format!("it can't be read: {error}"))),
        Err(_) => Ok(Err(format!("reading it took longer than {} min", limit.as_secs() / 60))),
    }
}

#[derive(Deserialize)]
struct Probe {
    format: Option<Format>,
    #[serde(default)]
    streams: Vec<serde_json::Value>,
    #[serde(default)]
    chapters: Vec<Chapter>,
}

#[derive(Deserialize)]
struct Format {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Chapter {
    start_time: Option<String>,
    end_time: Option<String>,
}

impl Probe {
    fn duration(&self) -> Option<f64> {
        self.format.as_ref()?.duration.as_ref()?.parse().ok()
    }

    fn chapters(&self) -> Vec<(f64, f64)> {
        let seconds = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        self.chapters
            .iter()
            .filter_map(|chapter| Some((seconds(&chapter.start_time)?, seconds(&chapter.end_time)?)))
            .collect()
    }
}

fn read_probe(output: &Output) -> Result<Probe, String> {
    if !output.status.success() {
        return Err(first_message(&output.stderr, "its container can't be read"));
    }
    let probe: Probe =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("ffprobe's answer can't be read: {error}"))?;
    if probe.streams.is_empty() {
        return Err("it holds no audio".into());
    }
    Ok(probe)
}

fn read_decode(output: &Output) -> Result<(), String> {
    // ffmpeg also grumbles about what players don't mind; with `-xerror` its exit code is the verdict.
    if output.status.success() {
        Ok(())
    } else {
        Err(first_message(&output.stderr, "it does not decode to its end"))
    }
}

/// ffmpeg's first line without the file's path and the addresses of its parts.
fn first_message(stderr: &[u8], fallback: &str) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or(fallback);
    let line = line.rsplit_once("] ").map_or(line, |(_, rest)| rest);
    let line = if line.starts_with("file:") { fallback } else { line };
    line.chars()
        .filter(|character| !character.is_control())
        .take(MESSAGE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> MediaTools {
        MediaTools {
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
        }
    }

    async fn make_m4b(path: &Path) {
        let status = Command::new("ffmpeg")
            .args([
                "-nostdin",
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "sine=frequency=300:duration=12",
                "-c:a",
                "aac",
                "-f",
                "mp4",
            ])
            .arg(path)
            .status()
            .await
            .unwrap();
        assert!(status.success());
    }

    #[tokio::test]
    async fn a_whole_file_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("-Dune: http.m4b");
        make_m4b(&path).await;
        let measured = measure_file(&tools(), &path, "Dune.m4b").await.unwrap();
        assert_eq!(measured.decode_error, None);
        assert!((measured.duration_seconds.unwrap() - 12.0).abs() < 0.2);
    }

    #[tokio::test]
    async fn damage_in_the_middle_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Dune.m4b");
        make_m4b(&path).await;
        let mut bytes = std::fs::read(&path).unwrap();
        let (from, to) = (bytes.len() / 3, bytes.len() / 2);
        bytes[from..to].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        assert!(
            measure_file(&tools(), &path, "Dune.m4b")
                .await
                .unwrap()
                .decode_error
                .is_some()
        );
    }

    #[tokio::test]
    async fn a_file_that_is_no_audio_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Dune.mp3");
        std::fs::write(&path, "<html>not found</html>").unwrap();
        assert!(
            measure_file(&tools(), &path, "Dune.mp3")
                .await
                .unwrap()
                .decode_error
                .is_some()
        );
    }

    #[tokio::test]
    async fn a_missing_program_is_not_blamed_on_the_file() {
        let missing = MediaTools {
            ffmpeg: "/nowhere/ffmpeg".into(),
            ffprobe: "/nowhere/ffprobe".into(),
        };
        let error = measure_file(&missing, Path::new("/dev/null"), "x").await.unwrap_err();
        assert!(error.to_string().contains("Install ffmpeg"));
    }
}
