//! The gates of `rules.md` 4.2: each says why it refused. What an indexer did not say is no refusal.

use types::search::{Decision, Gate, GateFinding, IdentityBand, ReleaseFacts};

use super::quality::known_bitrate;
use super::recording::Identification;
use super::{Offer, Profile, Target, derivative};
use crate::identity::shorten;
use crate::language::canonical_language;
use crate::normalise::search_key;

/// Every gate but the one for abridged releases, which needs the verdicts on all offers.
pub(super) fn check_gates(
    target: &Target,
    profile: &Profile,
    offer: &Offer,
    identification: &Identification,
) -> Vec<GateFinding> {
    let facts = &offer.facts;
    let given = |gate, sentence: &Option<String>| sentence.as_deref().map(|sentence| reject(gate, sentence.to_owned()));
    let findings = [
        check_category(facts),
        check_language(target, facts),
        check_identity(identification),
        check_derivative(target, facts),
        check_bitrate(profile, facts),
        check_size(profile, facts),
        check_seeders(profile, facts),
        given(Gate::Blocklist, &offer.blocklisted),
        check_snatched(facts),
        given(Gate::Owned, &offer.owned),
        given(Gate::Budget, &offer.budget),
    ];
    findings.into_iter().flatten().collect()
}

/// Refused if an unabridged release can be had; a person decides if not.
pub(super) fn check_abridged(facts: &ReleaseFacts, has_unabridged: bool) -> Option<GateFinding> {
    if abridged_flag(facts) != Some(true) {
        return None;
    }
    Some(if has_unabridged {
        reject(Gate::Abridged, "Abridged; an unabridged release was found.".into())
    } else {
        review(
            Gate::Abridged,
            "Abridged, and no unabridged release was found. A person decides.".into(),
        )
    })
}

/// What the indexer says, else what title and tags say.
pub(super) fn abridged_flag(facts: &ReleaseFacts) -> Option<bool> {
    let text = format!(" {} {} ", search_key(&facts.title), search_key(&facts.tags));
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(&format!(" {sign} ")));
    if facts.is_abridged.is_some() {
        return facts.is_abridged;
    }
    if says(&[
        "unabridged",
        "ungekurzt",
        "ungekurzte",
        "integrale",
        "несокращенная",
        "полная версия",
    ]) {
        return Some(false);
    }
    says(&[
        "abridged",
        "gekurzt",
        "gekurzte",
        "abrege",
        "abregee",
        "сокращенная",
        "в сокращении",
        "сокращение",
    ])
    .then_some(true)
}

fn check_category(facts: &ReleaseFacts) -> Option<GateFinding> {
    let category = facts
        .category
        .as_deref()
        .map(|name| format!(" ({})", shorten(name)))
        .unwrap_or_default();
    (facts.is_audiobook == Some(false))
        .then(|| reject(Gate::Category, format!("Not in an audiobook category{category}.")))
}

fn check_language(target: &Target, facts: &ReleaseFacts) -> Option<GateFinding> {
    let language = facts
        .language
        .as_deref()
        .filter(|language| !language.trim().is_empty())?;
    let wanted: Vec<String> = target
        .languages
        .iter()
        .map(|wanted| canonical_language(wanted))
        .collect();
    let is_wanted = wanted.is_empty() || wanted.contains(&canonical_language(language));
    (!is_wanted).then(|| {
        reject(
            Gate::Language,
            format!("In {}; wanted is {}.", shorten(language), target.languages.join(" or ")),
        )
    })
}

fn check_identity(identification: &Identification) -> Option<GateFinding> {
    match identification.band {
        IdentityBand::Different => Some(reject(Gate::Identity, identification.reason.clone())),
        IdentityBand::Doubtful => Some(review(Gate::Identity, identification.reason.clone())),
        IdentityBand::SameWork | IdentityBand::SameRecording => {
            let sentence = identification.other_narrator.as_ref()?;
            Some(review(Gate::Identity, format!("{sentence} A person decides.")))
        }
    }
}

fn check_derivative(target: &Target, facts: &ReleaseFacts) -> Option<GateFinding> {
    let sign = derivative::find_derivative(&facts.title, &facts.authors, &facts.tags, &target.identity.title)?;
    Some(reject(
        Gate::Derivative,
        format!("A summary, study guide or fan fiction: {sign}."),
    ))
}

fn check_bitrate(profile: &Profile, facts: &ReleaseFacts) -> Option<GateFinding> {
    let bitrate = known_bitrate(facts)?;
    let origin = if bitrate.is_derived { " by size and runtime" } else { "" };
    (bitrate.kbps < profile.min_bitrate_kbps).then(|| {
        let least = profile.min_bitrate_kbps;
        reject(
            Gate::Bitrate,
            format!("{} kbit/s{origin}; at least {least} are wanted.", bitrate.kbps),
        )
    })
}

fn check_size(profile: &Profile, facts: &ReleaseFacts) -> Option<GateFinding> {
    let size = facts.size_bytes?;
    let gib = |bytes: i64| bytes as f64 / f64::from(1 << 30);
    if size <= 0 {
        return Some(reject(Gate::Size, "It is empty: its size is 0.".into()));
    }
    (size > profile.max_size_bytes).then(|| {
        reject(
            Gate::Size,
            format!(
                "{:.1} GiB; at most {:.1} are allowed.",
                gib(size),
                gib(profile.max_size_bytes)
            ),
        )
    })
}

fn check_seeders(profile: &Profile, facts: &ReleaseFacts) -> Option<GateFinding> {
    let seeders = facts.seeders?;
    let least = profile.min_seeders;
    (seeders < least).then(|| match seeders {
        ..=0 => reject(Gate::Seeders, "Nobody seeds it.".into()),
        _ => reject(
            Gate::Seeders,
            format!("{seeders} seeding; at least {least} are wanted."),
        ),
    })
}

fn check_snatched(facts: &ReleaseFacts) -> Option<GateFinding> {
    facts
        .is_snatched
        .then(|| reject(Gate::Snatched, "This account has downloaded it before.".into()))
}

fn reject(gate: Gate, sentence: String) -> GateFinding {
    GateFinding {
        gate,
        decision: Decision::Rejected,
        sentence,
    }
}

fn review(gate: Gate, sentence: String) -> GateFinding {
    GateFinding {
        gate,
        decision: Decision::Review,
        sentence,
    }
}
