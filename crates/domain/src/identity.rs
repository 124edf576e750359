//! Whether two descriptions mean the same work: the match ladder of `rules.md` 2.3.

mod authors;
mod places;
mod titles;

pub(crate) use authors::share_person;
pub(crate) use places::series_key;

/// What is known of a work. Empty means unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkIdentity {
    pub title: String,
    pub authors: Vec<String>,
    /// Name and place of each series.
    pub series: Vec<(String, Option<String>)>,
    /// Place in the series, where it isn't told of which.
    pub sequence: Option<String>,
    /// Kind ("asin", "isbn", "hardcover") and value.
    pub external_ids: Vec<(String, String)>,
}

/// How sure it is that two descriptions mean the same work, with the sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkMatch {
    Same(String),
    /// A person decides.
    Unsure(String),
    Different(String),
}

/// Title similarity from which on two works match.
const TITLE_MATCH: f64 = 0.85;
/// Title similarity from which on a person decides.
const TITLE_UNSURE: f64 = 0.70;
/// Author similarity that a match needs.
const AUTHOR_MATCH: f64 = 0.70;

/// The ladder: same external id, equal title and author, similar title and author. Symmetrical in its verdict.
pub fn match_works(a: &WorkIdentity, b: &WorkIdentity) -> WorkMatch {
    let places = places::compare_places(a, b);
    if let Some(id) = shared_id(a, b) {
        return match places {
            places::Places::Differ(sentence) => {
                WorkMatch::Unsure(format!("Same {id}, yet other volumes: {sentence} A person decides."))
            }
            _ => WorkMatch::Same(format!("Same {id}.")),
        };
    }
    match places {
        places::Places::Differ(sentence) => WorkMatch::Different(sentence),
        places::Places::Overlap(sentence) => match match_names(a, b) {
            WorkMatch::Same(_) | WorkMatch::Unsure(_) => WorkMatch::Unsure(sentence),
            different => different,
        },
        places::Places::Agree => match_names(a, b),
    }
}

fn match_names(a: &WorkIdentity, b: &WorkIdentity) -> WorkMatch {
    let title = titles::compare_titles(a, b);
    let authors = authors::compare_people(&a.authors, &b.authors);
    if title.is_volume_conflict || title.similarity < TITLE_UNSURE && !title.is_subtitle_apart {
        return WorkMatch::Different(format!(
            "Another title: “{}”, not “{}”.",
            shorten(&b.title),
            shorten(&a.title)
        ));
    }
    match authors {
        Some(similarity) if similarity < AUTHOR_MATCH => WorkMatch::Different(format!(
            "Another author: {}, not {}.",
            shorten(&b.authors.join(", ")),
            shorten(&a.authors.join(", "))
        )),
        None => WorkMatch::Unsure("The author isn't known, so the title alone speaks for it. A person decides.".into()),
        Some(_) if title.similarity >= 1.0 => WorkMatch::Same("Same title and author.".into()),
        Some(_) if title.is_subtitle_apart => {
            WorkMatch::Unsure("One title has a subtitle that the other lacks. A person decides.".into())
        }
        Some(_) if title.similarity >= TITLE_MATCH && !title.is_number_apart => {
            WorkMatch::Same(format!("Title {:.0} % alike, same author.", title.similarity * 100.0))
        }
        Some(_) => WorkMatch::Unsure(format!(
            "Title only {:.0} % alike, same author. A person decides.",
            title.similarity * 100.0
        )),
    }
}

/// "ASIN B002V1OF70", if both carry it.
fn shared_id(a: &WorkIdentity, b: &WorkIdentity) -> Option<String> {
    let clean = |(kind, value): &(String, String)| {
        let value: String = value.chars().filter(|letter| letter.is_alphanumeric()).collect();
        (kind.trim().to_lowercase(), value.to_uppercase())
    };
    let ours: Vec<_> = a.external_ids.iter().map(clean).collect();
    let (kind, value) = b
        .external_ids
        .iter()
        .map(clean)
        .find(|id| !id.1.is_empty() && ours.contains(id))?;
    let kind = if matches!(kind.as_str(), "asin" | "isbn") {
        kind.to_uppercase()
    } else {
        kind
    };
    Some(format!("{kind} {value}"))
}

/// For sentences: hostile titles run to thousands of characters.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
