//! Which release to take: gates, identity band and lexicographic choice (`rules.md` 4.2–4.5).
//!
//! Invariant: price, priority and seeders never lift a release over one of a better identity or a better recording.

mod derivative;
mod free_text;
mod gates;
mod quality;
mod recording;
mod summary;

use chrono::{DateTime, Utc};
use types::search::{Decision, Gate, GateFinding, IdentityBand, ReleaseFacts, SearchForm, Verdict};

use crate::identity::WorkIdentity;
use quality::Standing;
use recording::Identification;
pub use recording::{claim_of_several, holds_several};

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    pub identity: WorkIdentity,
    /// The recording that was asked for.
    pub narrator: Option<String>,
    pub asin: Option<String>,
    pub runtime_seconds: Option<i64>,
    /// English names or ISO 639 codes; empty = any.
    pub languages: Vec<String>,
}

impl Target {
    /// What a form asks for; an empty language means those of the settings.
    pub fn from_form(form: &SearchForm, default_languages: &[String]) -> Self {
        let text = |field: &str| Some(field.trim().to_owned()).filter(|field| !field.is_empty());
        let sequence = text(&form.sequence);
        let asin = text(&form.asin);
        Self {
            identity: WorkIdentity {
                title: form.title.trim().to_owned(),
                authors: text(&form.author).into_iter().collect(),
                series: text(&form.series)
                    .map(|name| (name, sequence.clone()))
                    .into_iter()
                    .collect(),
                sequence,
                external_ids: asin.iter().map(|asin| ("asin".to_owned(), asin.clone())).collect(),
            },
            narrator: text(&form.narrator),
            asin,
            runtime_seconds: Some(i64::from(form.runtime_minutes) * 60).filter(|seconds| *seconds > 0),
            languages: text(&form.language).map_or_else(|| default_languages.to_vec(), |language| vec![language]),
        }
    }
}

/// The limits of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub min_bitrate_kbps: u32,
    pub max_size_bytes: i64,
    pub min_seeders: i32,
}

/// A release with what the rest of the product knows of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Offer {
    pub facts: ReleaseFacts,
    /// Why it is on the blocklist.
    pub blocklisted: Option<String>,
    /// Why this work counts as owned.
    pub owned: Option<String>,
    /// Why the tracker's budget refuses it now.
    pub budget: Option<String>,
}

/// A verdict on the offer at `index`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Into the offers that were judged.
    pub index: usize,
    pub verdict: Verdict,
}

/// Judges every offer: best first, then those for a person, then those that only wait for budget, then the rejected.
pub fn judge(target: &Target, profile: &Profile, offers: &[Offer], now: DateTime<Utc>) -> Vec<Judged> {
    let opinions: Vec<Opinion> = offers
        .iter()
        .map(|offer| form_opinion(target, profile, offer, now))
        .collect();
    // Abridged releases are refused only if there is something better to wait for.
    let has_unabridged = opinions
        .iter()
        .any(|opinion| opinion.is_acceptable() && gates::abridged_flag(opinion.facts) == Some(false));
    let mut judged: Vec<(Rank, Judged)> = opinions
        .into_iter()
        .enumerate()
        .map(|(index, opinion)| rank_opinion(index, opinion, has_unabridged))
        .collect();
    judged.sort_by(|(a, _), (b, _)| b.cmp(a));
    judged.into_iter().map(|(_, judged)| judged).collect()
}

/// Whether nothing but the tracker's budget speaks against it, so that it can be held for.
pub fn is_only_budget(verdict: &Verdict) -> bool {
    !verdict.findings.is_empty() && verdict.findings.iter().all(|finding| finding.gate == Gate::Budget)
}

/// Everything about one offer that does not depend on the others.
struct Opinion<'a> {
    facts: &'a ReleaseFacts,
    identification: Identification,
    findings: Vec<GateFinding>,
    standing: Standing,
}

impl Opinion<'_> {
    /// Could be taken now or once the budget allows it.
    fn is_acceptable(&self) -> bool {
        self.findings.iter().all(|finding| finding.gate == Gate::Budget)
    }
}

/// The whole order, most important first; the offer's own order settles what is left.
type Rank = (u8, IdentityBand, Standing, std::cmp::Reverse<usize>);

fn form_opinion<'a>(target: &Target, profile: &Profile, offer: &'a Offer, now: DateTime<Utc>) -> Opinion<'a> {
    let identification = recording::identify(target, &offer.facts);
    let findings = gates::check_gates(target, profile, offer, &identification);
    let standing = quality::measure_standing(target, &offer.facts, now);
    Opinion {
        facts: &offer.facts,
        identification,
        findings,
        standing,
    }
}

fn rank_opinion(index: usize, opinion: Opinion<'_>, has_unabridged: bool) -> (Rank, Judged) {
    let Opinion {
        facts,
        identification,
        mut findings,
        standing,
    } = opinion;
    findings.extend(gates::check_abridged(facts, has_unabridged));
    findings.sort_by_key(|finding| finding.gate);
    let decision = findings
        .iter()
        .map(|finding| finding.decision)
        .max()
        .unwrap_or(Decision::Accepted);
    let ranking = summary::write_ranking(facts, &identification, &standing);
    let summary = summary::write_summary(facts, &identification, decision, &findings);
    let verdict = Verdict {
        decision,
        band: identification.band,
        summary,
        findings,
        ranking,
    };
    let class = match decision {
        Decision::Accepted => 3,
        Decision::Review => 2,
        Decision::Rejected if is_only_budget(&verdict) => 1,
        Decision::Rejected => 0,
    };
    (
        (class, identification.band, standing, std::cmp::Reverse(index)),
        Judged { index, verdict },
    )
}

#[cfg(test)]
mod tests;
