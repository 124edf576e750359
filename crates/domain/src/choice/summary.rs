//! Verdicts in words (`rules.md` 4.5).

use types::search::{Decision, GateFinding, IdentityBand, ReleaseFacts};

use super::gates::abridged_flag;
use super::quality::{BitrateBand, Cost, Standing, known_bitrate};
use super::recording::Identification;
use crate::identity::shorten;

/// "Same performance (Scott Brick, 21 h 02), unabridged, 64 kbit/s, free for VIP", or the reason against it first.
pub(super) fn write_summary(
    facts: &ReleaseFacts,
    identification: &Identification,
    decision: Decision,
    findings: &[GateFinding],
) -> String {
    let against = findings
        .iter()
        .find(|finding| finding.decision == decision)
        .map(|finding| finding.sentence.as_str());
    match (decision, against) {
        (Decision::Rejected, Some(sentence)) => format!("Rejected: {sentence}"),
        (Decision::Review, Some(sentence)) => {
            format!("For a person: {sentence} {}.", describe(facts, identification.band))
        }
        _ => describe(facts, identification.band),
    }
}

/// Why it stands where it stands, most important first.
pub(super) fn write_ranking(facts: &ReleaseFacts, identification: &Identification, standing: &Standing) -> Vec<String> {
    let mut clauses = vec![
        identification.reason.trim_end_matches('.').to_owned(),
        completeness_clause(facts).to_owned(),
        bitrate_clause(facts, standing),
        facts
            .format
            .as_deref()
            .map_or_else(|| "format unknown".to_owned(), shorten),
        files_clause(facts),
    ];
    if standing.has_asked_narrator {
        clauses.push("read by the narrator who was asked for".into());
    } else if facts.narrators.is_empty() {
        clauses.push("narrator unknown".into());
    }
    clauses.push(cost_clause(standing.cost).to_owned());
    clauses.push(
        facts
            .seeders
            .map_or_else(|| "seeders unknown".to_owned(), |seeders| format!("{seeders} seeding")),
    );
    clauses.push(standing.published_at.map_or_else(
        || "date unknown".to_owned(),
        |published| format!("published {}", published.format("%Y-%m-%d")),
    ));
    let unknown = [
        (facts.language.is_none(), "language unknown"),
        (facts.is_audiobook.is_none(), "category unknown"),
        (facts.size_bytes.is_none(), "size unknown"),
    ];
    clauses.extend(
        unknown
            .iter()
            .filter(|(is_unknown, _)| *is_unknown)
            .map(|(_, clause)| (*clause).to_owned()),
    );
    clauses
}

fn describe(facts: &ReleaseFacts, band: IdentityBand) -> String {
    let name = match band {
        IdentityBand::SameRecording => "Same performance",
        IdentityBand::SameWork => "Same work",
        IdentityBand::Doubtful | IdentityBand::Different => "Perhaps the same work",
    };
    let narrators = Some(shorten(&facts.narrators.join(", "))).filter(|names| !names.is_empty());
    let known: Vec<String> = narrators
        .into_iter()
        .chain(facts.runtime_seconds.and_then(format_runtime))
        .collect();
    let performance = if known.is_empty() {
        String::new()
    } else {
        format!(" ({})", known.join(", "))
    };
    let bitrate = known_bitrate(facts).map_or_else(
        || "bitrate unknown".to_owned(),
        |bitrate| format!("{} kbit/s", bitrate.kbps),
    );
    let cost = cost_clause(super::quality::cost_of(facts));
    format!("{name}{performance}, {}, {bitrate}, {cost}", completeness_clause(facts))
}

/// "21 h 02".
fn format_runtime(seconds: i64) -> Option<String> {
    let minutes = seconds.saturating_add(30) / 60;
    (seconds > 0).then(|| format!("{} h {:02}", minutes / 60, minutes % 60))
}

fn completeness_clause(facts: &ReleaseFacts) -> &'static str {
    match abridged_flag(facts) {
        Some(false) => "unabridged",
        Some(true) => "abridged",
        None => "not said whether abridged",
    }
}

fn bitrate_clause(facts: &ReleaseFacts, standing: &Standing) -> String {
    let band = match standing.bitrate {
        BitrateBand::Unknown => return "bitrate unknown".into(),
        BitrateBand::Low => "low",
        BitrateBand::Acceptable => "acceptable",
        BitrateBand::Good => "good",
        BitrateBand::Ideal => "ideal",
    };
    known_bitrate(facts).map_or_else(String::new, |bitrate| {
        let origin = if bitrate.is_derived { " by size and runtime" } else { "" };
        format!("{} kbit/s{origin}: {band}", bitrate.kbps)
    })
}

fn files_clause(facts: &ReleaseFacts) -> String {
    match (facts.files, facts.has_chapters) {
        (Some(1), _) => "one file".into(),
        (_, Some(true)) => "with chapters".into(),
        (Some(files), _) => format!("{files} files"),
        (None, _) => "number of files unknown".into(),
    }
}

fn cost_clause(cost: Cost) -> &'static str {
    match cost {
        Cost::Free => "free",
        Cost::VipFree => "free for VIP",
        Cost::Ratio => "costs ratio",
        Cost::Unknown => "cost unknown",
    }
}
