//! Whether downloaded files are what the torrent promised, and a whole book.

use crate::payload::{PayloadFile, is_audio};

/// What measuring one file gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeasuredFile {
    /// As in the torrent's file list.
    pub path: String,
    pub size_bytes: i64,
    /// Of audio files; `None` when the container tells none.
    pub duration_seconds: Option<f64>,
    pub decode_error: Option<String>,
    /// Start and end in seconds.
    pub chapters: Vec<(f64, f64)>,
}

/// The verdict on a download's files, with a sentence for everything that is wrong or odd.
#[derive(Debug, Clone, PartialEq)]
pub enum Verification {
    Passed {
        runtime_seconds: i64,
        warnings: Vec<String>,
    },
    Failed {
        reasons: Vec<String>,
    },
}

/// Deviation of the total runtime that is said nothing about; up to twice as much warns; more fails.
const RUNTIME_TOLERANCE: f64 = 0.01;
/// Expected runtimes are whole seconds and encoders pad each file: this much never counts as a deviation.
const RUNTIME_GRACE_SECONDS: f64 = 2.0;
/// Chapters may overhang their file by this much: marks are rounded.
const CHAPTER_GRACE_SECONDS: f64 = 2.0;

/// Judges measured files against the selected files of the torrent and the expected runtime (in seconds).
pub fn judge_files(expected: &[PayloadFile], measured: &[MeasuredFile], expected_runtime: Option<i64>) -> Verification {
    let mut reasons: Vec<String> = expected
        .iter()
        .filter_map(|file| find_size_fault(file, measured))
        .collect();
    let mut warnings = Vec::new();
    let selected = |file: &&MeasuredFile| expected.iter().any(|wanted| wanted.path == file.path);
    let audio: Vec<&MeasuredFile> = measured
        .iter()
        .filter(selected)
        .filter(|file| is_audio(&file.path))
        .collect();
    if audio.is_empty() {
        reasons.push("There is no audio file in the download.".to_owned());
    }
    let mut runtime = 0.0;
    for file in audio {
        match read_duration(file) {
            Ok(duration) => {
                runtime += duration;
                judge_chapters(file, duration, &mut reasons, &mut warnings);
            }
            Err(reason) => reasons.push(reason),
        }
    }
    // Of a set with broken files the sum says nothing.
    if reasons.is_empty() {
        judge_runtime(runtime, expected_runtime, &mut reasons, &mut warnings);
    }
    if reasons.is_empty() {
        Verification::Passed {
            runtime_seconds: runtime.round() as i64,
            warnings,
        }
    } else {
        Verification::Failed { reasons }
    }
}

fn find_size_fault(expected: &PayloadFile, measured: &[MeasuredFile]) -> Option<String> {
    let PayloadFile { path, size_bytes } = expected;
    let Some(found) = measured.iter().find(|file| file.path == *path) else {
        return Some(format!("\"{path}\" is missing."));
    };
    let has = found.size_bytes;
    (has != *size_bytes).then(|| format!("\"{path}\" has {has} bytes; the torrent says {size_bytes}."))
}

fn read_duration(file: &MeasuredFile) -> Result<f64, String> {
    let path = &file.path;
    if let Some(error) = &file.decode_error {
        return Err(format!(
            "\"{path}\" does not decode: {}.",
            error.trim().trim_end_matches('.')
        ));
    }
    match file.duration_seconds {
        Some(duration) if duration.is_finite() && duration > 0.0 => Ok(duration),
        _ => Err(format!("\"{path}\" has no duration: its container is not whole.")),
    }
}

fn judge_chapters(file: &MeasuredFile, duration: f64, reasons: &mut Vec<String>, warnings: &mut Vec<String>) {
    let path = &file.path;
    let is_sane =
        |(start, end): &(f64, f64)| *start >= 0.0 && start <= end && *start <= duration + CHAPTER_GRACE_SECONDS;
    if let Some(number) = file.chapters.iter().position(|chapter| !is_sane(chapter)) {
        reasons.push(format!(
            "Chapter {} of \"{path}\" does not lie within the file: it seems cut short.",
            number + 1
        ));
        return;
    }
    let overlaps = file
        .chapters
        .windows(2)
        .any(|pair| pair[1].0 + CHAPTER_GRACE_SECONDS < pair[0].1);
    if overlaps {
        warnings.push(format!("Chapters of \"{path}\" overlap or are out of order."));
    }
    if file
        .chapters
        .iter()
        .any(|(_, end)| *end > duration + CHAPTER_GRACE_SECONDS)
    {
        warnings.push(format!("The last chapter of \"{path}\" ends after the file does."));
    }
}

fn judge_runtime(runtime: f64, expected: Option<i64>, reasons: &mut Vec<String>, warnings: &mut Vec<String>) {
    let Some(expected) = expected.filter(|seconds| *seconds > 0) else {
        return;
    };
    let difference = (runtime - expected as f64).abs();
    let share = difference / expected as f64;
    if difference <= RUNTIME_GRACE_SECONDS || share <= RUNTIME_TOLERANCE {
        return;
    }
    let side = if runtime < expected as f64 { "shorter" } else { "longer" };
    let (is, should) = (format_duration(runtime), format_duration(expected as f64));
    let sentence = format!(
        "It runs {is}, which is {:.1} % {side} than the expected {should}.",
        share * 100.0
    );
    if share <= RUNTIME_TOLERANCE * 2.0 {
        warnings.push(sentence)
    } else {
        reasons.push(sentence)
    }
}

fn format_duration(seconds: f64) -> String {
    let seconds = seconds.round() as i64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds:02} s"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(path: &str, seconds: f64) -> MeasuredFile {
        MeasuredFile {
            path: path.into(),
            size_bytes: 100,
            duration_seconds: Some(seconds),
            ..MeasuredFile::default()
        }
    }

    fn promised(files: &[MeasuredFile]) -> Vec<PayloadFile> {
        files
            .iter()
            .map(|file| PayloadFile {
                path: file.path.clone(),
                size_bytes: 100,
            })
            .collect()
    }

    fn judge(files: &[MeasuredFile], runtime: Option<i64>) -> Verification {
        judge_files(&promised(files), files, runtime)
    }

    fn reasons(verification: Verification) -> Vec<String> {
        match verification {
            Verification::Failed { reasons } => reasons,
            passed @ Verification::Passed { .. } => panic!("{passed:?}"),
        }
    }

    #[test]
    fn whole_files_pass_with_their_runtime() {
        let cover = MeasuredFile {
            path: "cover.jpg".into(),
            size_bytes: 100,
            ..MeasuredFile::default()
        };
        let files = [measured("1.mp3", 1800.4), measured("2.mp3", 1800.4), cover];
        let passed = Verification::Passed {
            runtime_seconds: 3601,
            warnings: vec![],
        };
        assert_eq!(judge(&files, Some(3600)), passed);
        assert_eq!(judge(&files, None), passed);
        assert_eq!(judge(&files, Some(0)), passed);
    }

    #[test]
    fn missing_and_short_files_fail() {
        let files = [MeasuredFile {
            size_bytes: 99,
            ..measured("1.mp3", 60.0)
        }];
        let expected = ["1.mp3", "2.mp3"].map(|path| PayloadFile {
            path: path.into(),
            size_bytes: 100,
        });
        let expected_reasons = ["\"1.mp3\" has 99 bytes; the torrent says 100.", "\"2.mp3\" is missing."];
        assert_eq!(reasons(judge_files(&expected, &files, None)), expected_reasons);
    }

    #[test]
    fn a_file_that_does_not_decode_fails() {
        let broken = MeasuredFile {
            decode_error: Some("invalid data.".into()),
            ..measured("1.mp3", 60.0)
        };
        assert_eq!(
            reasons(judge(&[broken], Some(9000))),
            ["\"1.mp3\" does not decode: invalid data."]
        );
    }

    #[test]
    fn a_file_without_duration_fails() {
        for duration in [None, Some(0.0), Some(f64::NAN)] {
            let file = MeasuredFile {
                duration_seconds: duration,
                ..measured("1.mp3", 1.0)
            };
            assert_eq!(
                reasons(judge(&[file], None)),
                ["\"1.mp3\" has no duration: its container is not whole."]
            );
        }
    }

    #[test]
    fn a_download_without_audio_fails() {
        assert_eq!(
            reasons(judge_files(&[], &[measured("1.mp3", 60.0)], None)),
            ["There is no audio file in the download."]
        );
    }

    #[test]
    fn runtime_is_judged_in_bands_of_one_and_two_percent() {
        let within = |seconds: f64| judge(&[measured("a.m4b", seconds)], Some(36_000));
        assert_eq!(
            within(35_640.0),
            Verification::Passed {
                runtime_seconds: 35_640,
                warnings: vec![]
            }
        );
        let warned = "It runs 9 h 50 min, which is 1.7 % shorter than the expected 10 h 00 min.".to_owned();
        assert_eq!(
            within(35_400.0),
            Verification::Passed {
                runtime_seconds: 35_400,
                warnings: vec![warned]
            }
        );
        let too_long = "It runs 10 h 15 min, which is 2.5 % longer than the expected 10 h 00 min.";
        assert_eq!(reasons(within(36_900.0)), [too_long]);
    }

    #[test]
    fn two_seconds_never_count() {
        assert!(matches!(
            judge(&[measured("a.m4b", 28.0)], Some(30)),
            Verification::Passed { .. }
        ));
        assert_eq!(
            reasons(judge(&[measured("a.m4b", 27.0)], Some(30))),
            ["It runs 27 s, which is 10.0 % shorter than the expected 30 s."]
        );
        let minutes = reasons(judge(&[measured("a.m4b", 65.0)], Some(130)));
        assert_eq!(
            minutes,
            ["It runs 1 min 05 s, which is 50.0 % shorter than the expected 2 min 10 s."]
        );
    }

    #[test]
    fn chapters_outside_their_file_fail_and_untidy_ones_warn() {
        let with = |chapters: &[(f64, f64)]| {
            judge(
                &[MeasuredFile {
                    chapters: chapters.to_vec(),
                    ..measured("a.m4b", 100.0)
                }],
                None,
            )
        };
        for insane in [
            [(0.0, 50.0), (110.0, 120.0)],
            [(0.0, 50.0), (60.0, 55.0)],
            [(0.0, 50.0), (-1.0, 55.0)],
        ] {
            let expected = ["Chapter 2 of \"a.m4b\" does not lie within the file: it seems cut short."];
            assert_eq!(reasons(with(&insane)), expected);
        }
        let passed = |warning: &str| Verification::Passed {
            runtime_seconds: 100,
            warnings: vec![warning.to_owned()],
        };
        assert_eq!(
            with(&[(0.0, 60.0), (40.0, 100.0)]),
            passed("Chapters of \"a.m4b\" overlap or are out of order.")
        );
        assert_eq!(
            with(&[(0.0, 60.0), (60.0, 130.0)]),
            passed("The last chapter of \"a.m4b\" ends after the file does.")
        );
        assert_eq!(
            with(&[(0.0, 60.0), (60.0, 100.5)]),
            Verification::Passed {
                runtime_seconds: 100,
                warnings: vec![]
            }
        );
    }
}
