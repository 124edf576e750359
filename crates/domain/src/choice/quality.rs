//! What decides between releases of one identity band, in order of weight (`rules.md` 4.4).

use chrono::{DateTime, Utc};
use types::search::ReleaseFacts;

use super::{Target, gates};
use crate::identity::share_person;

/// Compared field by field from the top: more is better. The order of the fields is the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    /// 2 unabridged, 1 unknown, 0 abridged.
    pub completeness: u8,
    pub bitrate: BitrateBand,
    /// m4b, m4a, mp3, flac, other.
    pub format: u8,
    /// One file, or chapters.
    pub is_navigable: bool,
    pub has_asked_narrator: bool,
    pub cost: Cost,
    /// Logarithm to the base 2.
    pub seeders: u32,
    /// Newer is better; unknown is oldest.
    pub published_at: Option<DateTime<Utc>>,
}

/// More than 192 kbit/s sounds no better than 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BitrateBand {
    Low,
    Unknown,
    Acceptable,
    Good,
    Ideal,
}

/// What a grab costs this member. Wedges come between `Ratio` and `VipFree` once spending them is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    Unknown,
    Ratio,
    VipFree,
    Free,
}

/// kbit/s, stated or derived.
pub(super) struct Bitrate {
    pub kbps: u32,
    pub is_derived: bool,
}

pub(super) fn measure_standing(target: &Target, facts: &ReleaseFacts, now: DateTime<Utc>) -> Standing {
    Standing {
        completeness: match gates::abridged_flag(facts) {
            Some(false) => 2,
            None => 1,
            Some(true) => 0,
        },
        bitrate: band_of(facts),
        format: rank_format(facts),
        is_navigable: facts.files == Some(1) || facts.has_chapters == Some(true),
        has_asked_narrator: share_person(target.narrator.as_slice(), &facts.narrators),
        cost: cost_of(facts),
        seeders: u32::try_from(facts.seeders.unwrap_or(0))
            .unwrap_or(0)
            .saturating_add(1)
            .ilog2(),
        // A date in the future is a broken clock and no merit.
        published_at: facts.published_at.map(|at| at.min(now)),
    }
}

/// As stated, else size by runtime; 64 kbit/s are 0.46 MiB a minute.
pub(super) fn known_bitrate(facts: &ReleaseFacts) -> Option<Bitrate> {
    if let Some(kbps) = facts.bitrate_kbps.filter(|kbps| *kbps > 0) {
        return Some(Bitrate {
            kbps,
            is_derived: false,
        });
    }
    let size = facts.size_bytes.filter(|size| *size > 0)?;
    let runtime = facts.runtime_seconds.filter(|runtime| *runtime > 0)?;
    let kbps = size as f64 * 8.0 / 1000.0 / runtime as f64;
    Some(Bitrate {
        kbps: kbps.round() as u32,
        is_derived: true,
    })
}

fn band_of(facts: &ReleaseFacts) -> BitrateBand {
    match known_bitrate(facts).map(|bitrate| bitrate.kbps) {
        None => BitrateBand::Unknown,
        Some(..64) => BitrateBand::Low,
        Some(64..96) => BitrateBand::Acceptable,
        Some(96..128) => BitrateBand::Good,
        Some(128..) => BitrateBand::Ideal,
    }
}

fn rank_format(facts: &ReleaseFacts) -> u8 {
    match facts.format.as_deref().map(str::to_lowercase).as_deref() {
        Some("m4b") => 4,
        Some("m4a") => 3,
        Some("mp3") => 2,
        Some("flac") => 1,
        _ => 0,
    }
}

pub(super) fn cost_of(facts: &ReleaseFacts) -> Cost {
    match facts.is_free {
        Some(true) if facts.is_vip_free => Cost::VipFree,
        Some(true) => Cost::Free,
        Some(false) => Cost::Ratio,
        None => Cost::Unknown,
    }
}
