//! How sure it is that a release is the recording that is wanted (`rules.md` 4.3).

use types::search::{IdentityBand, ReleaseFacts, SeriesClaim};

use super::{Target, free_text};
use crate::identity::{WorkMatch, match_works, share_person, shorten};
use crate::normalise::search_key;
use crate::sequence::Sequence;

/// The band of a release, with what makes it certain or doubtful.
pub(super) struct Identification {
    pub band: IdentityBand,
    /// Why it is in its band.
    pub reason: String,
    /// Set if somebody else reads than was asked for.
    pub other_narrator: Option<String>,
}

pub(super) fn identify(target: &Target, facts: &ReleaseFacts) -> Identification {
    let work = best_match(target, facts);
    let doubt = match &work {
        WorkMatch::Different(reason) => return Identification::new(IdentityBand::Different, reason),
        WorkMatch::Unsure(reason) => Some(reason.clone()),
        WorkMatch::Same(_) => find_pack(target, facts),
    };
    if let Some(reason) = doubt {
        return Identification::new(IdentityBand::Doubtful, &reason);
    }
    if let Some(asin) = shared_asin(target, facts) {
        return Identification::new(IdentityBand::SameRecording, &format!("Same recording: ASIN {asin}"));
    }
    let asked: Vec<String> = target.narrator.iter().cloned().collect();
    let narrators: Vec<String> = facts
        .narrators
        .iter()
        .filter(|name| !search_key(name).is_empty())
        .cloned()
        .collect();
    let has_narrator = share_person(&asked, &narrators);
    if has_narrator && is_same_runtime(target.runtime_seconds, facts.runtime_seconds) {
        let reason = format!(
            "Same recording: narrator {} and a runtime within 2 %",
            shorten(&asked.join(", "))
        );
        return Identification::new(IdentityBand::SameRecording, &reason);
    }
    let other_narrator = (!asked.is_empty() && !narrators.is_empty() && !has_narrator).then(|| {
        format!(
            "Read by {}, not by {}.",
            shorten(&narrators.join(", ")),
            shorten(&asked.join(", "))
        )
    });
    let reason = match work {
        WorkMatch::Same(reason) => format!("Same work: {}", lower_first(reason.trim_end_matches('.'))),
        WorkMatch::Unsure(reason) | WorkMatch::Different(reason) => reason,
    };
    Identification {
        band: IdentityBand::SameWork,
        reason,
        other_narrator,
    }
}

impl Identification {
    fn new(band: IdentityBand, reason: &str) -> Self {
        Self {
            band,
            reason: reason.to_owned(),
            other_narrator: None,
        }
    }
}

/// Over every way to read the release, the reading that fits best.
fn best_match(target: &Target, facts: &ReleaseFacts) -> WorkMatch {
    let worth = |work: &WorkMatch| match work {
        WorkMatch::Same(_) => 2,
        WorkMatch::Unsure(_) => 1,
        WorkMatch::Different(_) => 0,
    };
    let mut best: Option<WorkMatch> = None;
    for reading in free_text::read_release(facts) {
        let found = match_works(&target.identity, &reading);
        if best.as_ref().is_none_or(|best| worth(&found) > worth(best)) {
            best = Some(found);
        }
    }
    best.unwrap_or_else(|| WorkMatch::Different("It has no title.".into()))
}

/// Several books in one release, where one was asked for.
fn find_pack(target: &Target, facts: &ReleaseFacts) -> Option<String> {
    let wanted = &target.identity;
    let asks_for_pack = wanted.sequence.as_deref().is_some_and(is_range)
        || wanted
            .series
            .iter()
            .any(|(_, place)| place.as_deref().is_some_and(is_range))
        || pack_words(&wanted.title).is_some();
    if asks_for_pack {
        return None;
    }
    let claimed = claim_of_several(&facts.series).map(|claim| {
        let places = claim.sequence.as_deref().unwrap_or_default();
        format!(
            "Holds {} {}: several books in one. A person decides.",
            shorten(&claim.name),
            shorten(places)
        )
    });
    claimed.or_else(|| {
        let words = pack_words(&facts.title)?;
        Some(format!(
            "Its title says “{words}”: several books in one. A person decides."
        ))
    })
}

/// Whether a release says of itself that it holds several books, so that its title need not be the title of one.
pub fn holds_several(facts: &ReleaseFacts) -> bool {
    claim_of_several(&facts.series).is_some() || pack_words(&facts.title).is_some()
}

/// The series of which a release claims several books ("1-3").
pub fn claim_of_several(claims: &[SeriesClaim]) -> Option<&SeriesClaim> {
    claims
        .iter()
        .find(|claim| claim.sequence.as_deref().is_some_and(is_range))
}

fn is_range(text: &str) -> bool {
    text.parse::<Sequence>().is_ok_and(|sequence| sequence.is_range())
}

/// Words of a title that promise several books.
fn pack_words(title: &str) -> Option<String> {
    const SIGNS: [&str; 14] = [
        "complete series",
        "complete collection",
        "box set",
        "boxed set",
        "boxset",
        "omnibus",
        "books 1",
        "books one",
        "complete trilogy",
        "volumes 1",
        "gesamtausgabe",
        "intégrale",
        "собрание сочинении",
        "全巻",
    ];
    let key = format!(" {} ", search_key(title));
    let range = crate::normalise::title_key(title).sequence.filter(Sequence::is_range);
    let sign = SIGNS.iter().find(|sign| {
        let sign = search_key(sign);
        key.contains(&format!(" {sign} ")) || (!sign.is_ascii() && key.contains(&sign))
    });
    range
        .map(|range| format!("Books {range}"))
        .or_else(|| sign.map(|sign| (*sign).to_owned()))
}

fn shared_asin(target: &Target, facts: &ReleaseFacts) -> Option<String> {
    let clean = |asin: &Option<String>| {
        asin.as_deref()
            .map(|asin| asin.trim().to_uppercase())
            .filter(|asin| !asin.is_empty())
    };
    clean(&target.asin).filter(|asin| clean(&facts.asin).as_ref() == Some(asin))
}

/// Within 2 % of what is expected.
fn is_same_runtime(expected: Option<i64>, stated: Option<i64>) -> bool {
    let (Some(expected), Some(stated)) = (expected, stated) else {
        return false;
    };
    expected > 0 && stated > 0 && expected.abs_diff(stated) as f64 <= expected as f64 * 0.02
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}
