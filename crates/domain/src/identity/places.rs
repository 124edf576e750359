//! Comparing places in series. Different known numbers are never the same work.

use super::WorkIdentity;
use crate::normalise::{similarity, title_key};
use crate::sequence::Sequence;

/// What the places of two works say.
pub(super) enum Places {
    /// Equal, or unknown on a side.
    Agree,
    /// One is a pack that holds the other.
    Overlap(String),
    Differ(String),
}

/// A place and the key of the series, where it is known.
type Place = (Option<String>, Sequence);

pub(super) fn compare_places(a: &WorkIdentity, b: &WorkIdentity) -> Places {
    let (ours, theirs) = (known_places(a), known_places(b));
    let comparable: Vec<(&Sequence, &Sequence)> = ours
        .iter()
        .flat_map(|our| theirs.iter().map(move |their| (our, their)))
        .filter(|(our, their)| is_same_series(our.0.as_deref(), their.0.as_deref()))
        .map(|(our, their)| (&our.1, &their.1))
        .collect();
    let Some((our, their)) = comparable.first() else {
        return Places::Agree;
    };
    if comparable.iter().any(|(our, their)| our == their) {
        return Places::Agree;
    }
    match comparable
        .iter()
        .find(|(our, their)| our.is_range() || their.is_range())
    {
        Some((our, their)) => Places::Overlap(format!(
            "Numbered {their}, not {our}: several books in one. A person decides."
        )),
        None => Places::Differ(format!("Number {their} of the series, not {our}.")),
    }
}

fn known_places(work: &WorkIdentity) -> Vec<Place> {
    let parse = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Sequence>().ok());
    let loose = parse(&work.sequence);
    let mut places: Vec<Place> = work
        .series
        .iter()
        .filter_map(|(name, place)| Some((Some(series_key(name)), parse(place).or_else(|| loose.clone())?)))
        .collect();
    if places.is_empty() {
        places.extend(loose.map(|place| (None, place)));
    }
    if places.is_empty() {
        places.extend(title_key(&work.title).sequence.map(|place| (None, place)));
    }
    places
}

/// "The Stormlight Archive Series" → "stormlight archive".
pub(crate) fn series_key(name: &str) -> String {
    let key = title_key(name).key;
    let endings = [
        " series",
        " saga",
        " cycle",
        " trilogy",
        " chronicles",
        " novels",
        " reihe",
        " zyklus",
    ];
    let stem = endings.iter().find_map(|ending| key.strip_suffix(ending));
    stem.map(str::to_owned).unwrap_or(key)
}

fn is_same_series(a: Option<&str>, b: Option<&str>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return true };
    similarity(a, b) >= 0.85
}
