//! Comparing people by name: order, initials and small spellings apart.

use std::collections::HashSet;

use crate::normalise::{name_key, name_words, similarity};

/// Best likeness of any two, 0.0..=1.0; `None` where one side names nobody.
pub(super) fn compare_people(a: &[String], b: &[String]) -> Option<f64> {
    let pairs = a.iter().flat_map(|ours| b.iter().map(move |theirs| (ours, theirs)));
    pairs
        .filter(|(ours, theirs)| !name_key(ours).is_empty() && !name_key(theirs).is_empty())
        .map(|(ours, theirs)| compare_names(ours, theirs))
        .max_by(f64::total_cmp)
}

/// Whether the same person is in both lists.
pub(crate) fn share_person(a: &[String], b: &[String]) -> bool {
    compare_people(a, b).is_some_and(|likeness| likeness >= IS_SAME_PERSON)
}

const IS_SAME_PERSON: f64 = 0.9;
/// A surname alone fits, yet says less than a name.
const SURNAME_ALONE: f64 = 0.70;
/// Letters of whole names that are alike enough to be one name.
const JOINED_ALIKE: f64 = 0.85;

fn compare_names(a: &str, b: &str) -> f64 {
    let (ours, theirs) = (name_words(a), name_words(b));
    let as_set = |words: &[String]| words.iter().cloned().collect::<HashSet<_>>();
    if name_key(a) == name_key(b) || ours.concat() == theirs.concat() || as_set(&ours) == as_set(&theirs) {
        return 1.0;
    }
    if are_initials_of(&ours, &theirs) {
        return 0.95;
    }
    let is_surname =
        |short: &[String], long: &[String]| short.len() == 1 && long.len() > 1 && short.last() == long.last();
    if is_surname(&ours, &theirs) || is_surname(&theirs, &ours) {
        return SURNAME_ALONE;
    }
    // "Ursula Le Guin", "Ursula K. LeGuin": what is a word differs, the letters hardly do.
    let joined = similarity(&ours.concat(), &theirs.concat());
    if joined >= JOINED_ALIKE {
        return joined;
    }
    match (ours.len(), theirs.len()) {
        // Middle names that one side leaves out say nothing.
        (2.., length) if length > ours.len() => compare_words(&ours, &theirs),
        (length, 2..) if length > theirs.len() => compare_words(&theirs, &ours),
        _ => compare_words(&ours, &theirs).min(compare_words(&theirs, &ours)),
    }
}

/// "J. R. R. Tolkien" and "John Ronald Tolkien": the same surname, and first names that do not contradict each other.
fn are_initials_of(ours: &[String], theirs: &[String]) -> bool {
    let (Some((our_last, ours)), Some((their_last, theirs))) = (ours.split_last(), theirs.split_last()) else {
        return false;
    };
    let (ours, theirs) = (split_initials(ours), split_initials(theirs));
    let fits = |(a, b): (&String, &String)| {
        let is_initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
        a == b || is_initial(a, b) || is_initial(b, a)
    };
    our_last == their_last && !ours.is_empty() && !theirs.is_empty() && ours.iter().zip(&theirs).all(fits)
}

/// "jrr" → "j", "r", "r": two or three consonants are no first name.
fn split_initials(names: &[String]) -> Vec<String> {
    let is_joined = |name: &str| {
        (2..=3).contains(&name.len())
            && name
                .bytes()
                .all(|letter| letter.is_ascii_lowercase() && !b"aeiouy".contains(&letter))
    };
    names
        .iter()
        .flat_map(|name| {
            if is_joined(name) {
                name.chars().map(String::from).collect()
            } else {
                vec![name.clone()]
            }
        })
        .collect()
}

/// Mean likeness of each word to its best partner, weighted by length. A word without a partner makes another person:
/// Frank and Brian Herbert are alike in most letters.
fn compare_words(ours: &[String], theirs: &[String]) -> f64 {
    const PARTNER: f64 = 0.6;
    const ANOTHER_PERSON: f64 = 0.5;
    let weight = |word: &String| word.chars().count() as f64;
    let best = |word: &String| theirs.iter().map(|other| similarity(word, other)).fold(0.0, f64::max);
    let likeness: Vec<(f64, f64)> = ours.iter().map(|word| (weight(word), best(word))).collect();
    let total: f64 = likeness.iter().map(|(weight, _)| weight).sum();
    let mean = likeness.iter().map(|(weight, best)| weight * best).sum::<f64>() / total.max(1.0);
    let has_partners = likeness.iter().all(|(_, best)| *best >= PARTNER);
    if has_partners { mean } else { mean.min(ANOTHER_PERSON) }
}
