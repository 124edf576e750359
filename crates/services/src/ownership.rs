//! Whether a work is owned already: the library is the truth, and another edition of an owned work counts.

use db::Connection;
use db::works::WorkFacts;
use domain::identity::{WorkIdentity, WorkMatch, match_works};
use domain::normalise::{name_key, title_key};
use types::WorkId;
use types::integrations::IntegrationKind;
use types::search::SearchForm;

use crate::error::Result;

/// Works by likeness that are compared; a title that more works share is met by its id or author.
const SIMILAR_WORKS: i32 = 50;

/// What the library holds of a work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Nothing that looks like it.
    NotOwned,
    /// It is there: the sentence says which book and why it counts.
    Owned(WorkId, String),
    /// A book is so much alike that a person should look.
    Unsure(String),
}

/// Looks for the work among everything owned: by external id, by title, then by likeness.
pub async fn find_owned(conn: &mut Connection, wanted: &WorkIdentity) -> Result<Ownership> {
    let mut unsure = Ownership::NotOwned;
    for candidate in load_similar_works(conn, wanted, true).await? {
        match match_works(wanted, &candidate.identity) {
            WorkMatch::Same(reason) => {
                let sentence = format!(
                    "Owned already: “{}”{}. {reason}",
                    candidate.identity.title,
                    by(&candidate.identity)
                );
                return Ok(Ownership::Owned(candidate.id, sentence));
            }
            WorkMatch::Unsure(reason) if unsure == Ownership::NotOwned => {
                let sentence = format!(
                    "Perhaps owned: “{}”{}. {reason}",
                    candidate.identity.title,
                    by(&candidate.identity)
                );
                unsure = Ownership::Unsure(sentence);
            }
            _ => {}
        }
    }
    Ok(unsure)
}

/// Why nobody can tell what is owned: a connected library that can't be read, or was never read.
pub async fn find_library_obstacle(conn: &mut Connection) -> Result<Option<String>> {
    for row in db::integrations::list_integrations(conn).await? {
        if !row.is_enabled || row.kind != IntegrationKind::Audiobookshelf.as_str() {
            continue;
        }
        let sync = db::library_syncs::find_library_sync(conn, row.id.into()).await?;
        let Some(sync) = sync.filter(|sync| sync.last_success_at.is_some() || sync.unreadable_since.is_some()) else {
            return Ok(Some(format!("{} has not been read yet.", row.name)));
        };
        if sync.unreadable_since.is_some() {
            let reason = sync.unreadable_sentence.unwrap_or_default();
            return Ok(Some(format!("The library can't be read: {reason}")));
        }
    }
    Ok(None)
}

/// A work in the database that may be the one that is meant.
pub struct SimilarWork {
    pub id: WorkId,
    pub identity: WorkIdentity,
}

/// Works whose title or external id is near; with `only_owned`, those with a book whose files are there.
pub async fn load_similar_works(
    conn: &mut Connection,
    wanted: &WorkIdentity,
    only_owned: bool,
) -> Result<Vec<SimilarWork>> {
    let key = title_key(&wanted.title).key;
    let works = db::works::find_like_works(conn, &key, &wanted.external_ids, SIMILAR_WORKS).await?;
    Ok(works
        .into_iter()
        .filter(|work| work.is_owned || !only_owned)
        .map(|work| SimilarWork {
            id: work.id,
            identity: identity_of_work(work),
        })
        .collect())
}

/// What the match ladder compares of a stored work.
pub fn identity_of_work(work: WorkFacts) -> WorkIdentity {
    WorkIdentity {
        sequence: sequence_of(&work.sequence_key, &work.series),
        title: work.title,
        authors: work.authors,
        series: work.series,
        external_ids: work.external_ids,
    }
}

/// The number that tells volumes of one title apart, else the one that all of its series agree on.
fn sequence_of(key: &str, series: &[(String, Option<String>)]) -> Option<String> {
    if !key.is_empty() {
        return Some(key.to_owned());
    }
    let mut numbers: Vec<&String> = series.iter().filter_map(|(_, sequence)| sequence.as_ref()).collect();
    numbers.dedup();
    if let [number] = numbers.as_slice() {
        Some((*number).clone())
    } else {
        None
    }
}

/// The identity that a search form or a want describes.
pub fn identity_of_form(form: &SearchForm) -> WorkIdentity {
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let sequence = text(&form.sequence).or_else(|| title_key(&form.title).sequence.map(|sequence| sequence.text));
    WorkIdentity {
        title: form.title.trim().to_owned(),
        authors: split_authors(&form.author),
        series: text(&form.series)
            .map(|name| (name, sequence.clone()))
            .into_iter()
            .collect(),
        sequence,
        external_ids: text(&form.asin)
            .map(|asin| ("asin".to_owned(), asin.to_uppercase()))
            .into_iter()
            .collect(),
    }
}

/// "A, B & C" as people type it; one comma after a single word is "Last, First".
pub fn split_authors(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text
        .split([';', '&'])
        .flat_map(|part| part.split(", "))
        .map(str::trim)
        .collect();
    let names = match parts.as_slice() {
        [last, first] if text.contains(',') && !last.contains(' ') => vec![format!("{first} {last}")],
        _ => parts.into_iter().map(str::to_owned).collect(),
    };
    names.into_iter().filter(|name| !name_key(name).is_empty()).collect()
}

fn by(identity: &WorkIdentity) -> String {
    if identity.authors.is_empty() {
        String::new()
    } else {
        format!(" by {}", identity.authors.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(split_authors(text), expected, "{text}");
    }

    #[test]
    fn authors_are_split_as_people_type_them() {
        check("", &[]);
        check("Frank Herbert", &["Frank Herbert"]);
        check("Herbert, Frank", &["Frank Herbert"]);
        check("Terry Pratchett & Neil Gaiman", &["Terry Pratchett", "Neil Gaiman"]);
        check("Terry Pratchett, Neil Gaiman", &["Terry Pratchett", "Neil Gaiman"]);
        check("夏目漱石", &["夏目漱石"]);
    }

    #[test]
    fn a_number_in_the_title_is_the_sequence() {
        let form = SearchForm {
            title: "Dune, Book 2".into(),
            ..SearchForm::default()
        };
        assert_eq!(identity_of_form(&form).sequence.as_deref(), Some("2"));
    }
}
