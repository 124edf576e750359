//! What a row tells of the recording: runtime, bitrate, chapters, abridged or not.

use serde_json::Value;

use crate::flex;

/// Facts of the recording. What can't be told is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recording {
    pub runtime_seconds: Option<i64>,
    pub bitrate_kbps: Option<u32>,
    pub has_chapters: Option<bool>,
}

/// Reads MediaInfo's report, which describes one file. Its duration counts as the book's only when the torrent is one
/// file or when size and bitrate agree with it: the first of thirty mp3 files says nothing of the whole.
pub(super) fn read_recording(mediainfo: &Value, size_bytes: Option<i64>, files: Option<i32>) -> Recording {
    let report = flex::embedded(mediainfo);
    let (general, audio) = (field(&report, "General"), field(&report, "Audio1"));
    let bitrate_kbps = read_bitrate(field(audio, "BitRate")).or_else(|| read_bitrate(field(general, "OverallBitRate")));
    let duration = read_duration(field(general, "Duration")).or_else(|| read_duration(field(audio, "Duration")));
    let is_whole = |seconds: &i64| files == Some(1) || is_plausible(*seconds, size_bytes, bitrate_kbps);
    let menu = field(&report, "Menu");
    Recording {
        runtime_seconds: duration.filter(is_whole),
        bitrate_kbps,
        has_chapters: menu.as_object().map(|menu| !menu.is_empty()).filter(|has| *has),
    }
}

/// A field by its name in any case.
fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let found = value
        .as_object()
        .and_then(|map| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
    found.map_or(&Value::Null, |(_, value)| value)
}

/// Whether size ÷ runtime is near the stated bitrate; covers and mixed files leave some room.
fn is_plausible(seconds: i64, size_bytes: Option<i64>, bitrate_kbps: Option<u32>) -> bool {
    let (Some(size), Some(bitrate)) = (size_bytes, bitrate_kbps) else {
        return false;
    };
    let implied = size as f64 * 8.0 / 1000.0 / seconds as f64;
    (0.7..=1.6).contains(&(implied / f64::from(bitrate)))
}

/// kbit/s from 64000, "64 000", "64.0 kb/s", "128 Kbps".
fn read_bitrate(value: &Value) -> Option<u32> {
    let text = flex::text(value)?.to_lowercase().replace([' ', ','], "");
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let kbps = match text[digits..].starts_with('k') || number < 2_000.0 {
        true => number,
        false => number / 1_000.0,
    };
    (1.0..=10_000.0).contains(&kbps).then(|| kbps.round() as u32)
}

/// Seconds from 75720.1 (seconds), 75720123 (milliseconds), "21:02:00", "21 h 2 min", "1h 3mn 2s".
fn read_duration(value: &Value) -> Option<i64> {
    /// Longer than any recording in seconds: more than 27 days.
    const SURELY_MILLISECONDS: f64 = 2_400_000.0;
    if let Some(number) = flex::number(value) {
        let seconds = if number > SURELY_MILLISECONDS {
            number / 1_000.0
        } else {
            number
        };
        return (seconds >= 1.0).then(|| seconds.round() as i64);
    }
    let text = flex::text(value)?.to_lowercase();
    let seconds = if text.contains(':') {
        clock_seconds(&text)?
    } else {
        spelled_seconds(&text)?
    };
    (seconds >= 1.0).then(|| seconds.round() as i64)
}

fn clock_seconds(text: &str) -> Option<f64> {
    let parts: Vec<f64> = text
        .split(':')
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    (parts.len() <= 3).then(|| parts.iter().fold(0.0, |sum, part| sum * 60.0 + part))
}

fn spelled_seconds(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = &rest[start..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let unit_end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit_end] {
                "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
                "m" | "mn" | "min" | "mins" | "minute" | "minutes" => 60.0,
                "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    (seconds > 0.0).then_some(seconds)
}

/// Whether words call the recording abridged. "Unabridged" wins where both stand, as in "not abridged: unabridged".
pub(crate) fn read_abridged(text: &str) -> Option<bool> {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    if text.contains("unabridged") || text.contains("un-abridged") {
        return Some(false);
    }
    words.any(|word| word == "abridged").then_some(true)
}

/// kbit/s from free text such as "unabridged 64 Kbps".
pub(crate) fn read_tagged_bitrate(tags: &str) -> Option<u32> {
    let tags = tags.to_lowercase();
    for unit in ["kbps", "kb/s", "kbit/s", "kbits", "kbit", "kbs"] {
        for (at, _) in tags.match_indices(unit) {
            let before = tags[..at].trim_end();
            let start = before.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |index| {
                index + before[index..].chars().next().map_or(1, char::len_utf8)
            });
            if let Some(kbps) = before[start..].parse().ok().filter(|kbps| (8..=2_000).contains(kbps)) {
                return Some(kbps);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_single_files_report_gives_runtime_bitrate_and_chapters() {
        let report = json!({"General": {"Duration": "75720.123", "Format": "MPEG-4"},
            "Audio1": {"Format": "AAC", "BitRate": "64 000"}, "menu": {"extra": ["00:00:00 Opening"]}});
        let expected = Recording {
            runtime_seconds: Some(75_720),
            bitrate_kbps: Some(64),
            has_chapters: Some(true),
        };
        assert_eq!(read_recording(&json!(report.to_string()), None, Some(1)), expected);
        assert_eq!(read_recording(&report, None, Some(1)), expected);
    }

    #[test]
    fn the_first_of_many_files_says_nothing_of_the_books_runtime() {
        let report = json!({"General": {"Duration": "2400"}, "Audio1": {"BitRate": "64000"}});
        let read = read_recording(&report, Some(600_000_000), Some(30));
        assert_eq!((read.runtime_seconds, read.bitrate_kbps), (None, Some(64)));
    }

    #[test]
    fn a_total_that_agrees_with_size_and_bitrate_counts() {
        let report = json!({"General": {"Duration": "21 h 2 min"}, "Audio1": {"BitRate": "64 kb/s"}});
        assert_eq!(
            read_recording(&report, Some(610_000_000), Some(30)).runtime_seconds,
            Some(75_720)
        );
    }

    #[test]
    fn durations_are_read_in_every_spelling() {
        for (value, expected) in [
            (json!("21:02:00"), Some(75_720)),
            (json!("1h 3mn 2s"), Some(3_782)),
            (json!(75_720_123), Some(75_720)),
            (json!("90.4"), Some(90)),
            (json!("soon"), None),
            (json!("1:2:3:4"), None),
            (json!(0), None),
        ] {
            assert_eq!(read_duration(&value), expected, "{value}");
        }
    }

    #[test]
    fn words_tell_abridged_from_unabridged() {
        assert_eq!(read_abridged("Unabridged, 64 Kbps"), Some(false));
        assert_eq!(read_abridged("Dune (Abridged)"), Some(true));
        assert_eq!(read_abridged("A bridge too far"), None);
    }

    #[test]
    fn bitrates_are_found_in_tags() {
        assert_eq!(read_tagged_bitrate("unabridged 64 Kbps m4b"), Some(64));
        assert_eq!(read_tagged_bitrate("том128kb/s"), Some(128));
        assert_eq!(read_tagged_bitrate("kbps 1kbps 99999 kbps"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,60}", size in any::<Option<i64>>(), files in any::<Option<i32>>()) {
            let report = json!({"General": {"Duration": text.clone()}, "Audio1": {"BitRate": text.clone()}, "Menu": {}});
            let _ = (read_recording(&report, size, files), read_abridged(&text), read_tagged_bitrate(&text));
            let _ = read_recording(&json!(text), size, files);
        }

        #[test]
        fn no_number_with_a_unit_makes_reading_panic(text in "[0-9.:hmns kb/éж]{0,24}") {
            let _ = (read_duration(&json!(text.clone())), read_bitrate(&json!(text.clone())), read_tagged_bitrate(&text));
        }
    }
}
