//! Finds the work that a form or a release means, or makes it.

use chrono::{DateTime, Utc};
use db::Connection;
use db::people::NewPerson;
use db::series::NewSeriesEntry;
use db::works::NewWork;
use domain::identity::{WorkIdentity, WorkMatch, match_works};
use domain::normalise::{name_key, title_key};
use domain::sequence::Sequence;
use types::WorkId;

use crate::Services;
use crate::error::Result;
use crate::ownership::load_similar_works;

/// The work with this identity; made when there is none that is surely the same.
pub async fn resolve_work(services: &Services, conn: &mut Connection, identity: &WorkIdentity) -> Result<WorkId> {
    for similar in load_similar_works(conn, identity, false).await? {
        if matches!(match_works(identity, &similar.identity), WorkMatch::Same(_)) {
            return Ok(similar.id);
        }
    }
    Ok(db::works::ensure_work(conn, &new_work(identity, services.now())).await?)
}

/// The row of a work; its three keys are what makes it unique.
pub fn new_work(identity: &WorkIdentity, now: DateTime<Utc>) -> NewWork {
    let title = title_key(&identity.title);
    let sequence = identity
        .sequence
        .clone()
        .or_else(|| title.sequence.map(|sequence| sequence.text));
    NewWork {
        title: identity.title.clone(),
        title_key: title.key,
        authors: identity.authors.iter().map(|name| new_person(name)).collect(),
        series: identity
            .series
            .iter()
            .map(|(name, sequence)| new_series_entry(name, sequence.as_deref()))
            .collect(),
        sequence_key: sequence.as_deref().map(sequence_key).unwrap_or_default(),
        external_ids: identity.external_ids.clone(),
        now,
    }
}

/// A person by name, with the key under which spellings meet.
pub fn new_person(name: &str) -> NewPerson {
    NewPerson {
        name: name.to_owned(),
        name_key: name_key(name),
    }
}

/// A place in a series, with the key under which spellings meet.
pub fn new_series_entry(name: &str, sequence: Option<&str>) -> NewSeriesEntry {
    NewSeriesEntry {
        name: name.to_owned(),
        name_key: title_key(name).key,
        sequence: sequence.map(str::to_owned),
        sequence_order: sequence.and_then(numeric_text),
    }
}

/// The number as PostgreSQL's NUMERIC reads it; `None` for what is not a number.
fn numeric_text(sequence: &str) -> Option<String> {
    sequence
        .parse::<Sequence>()
        .ok()
        .map(|sequence| sequence.numeric_text())
}

/// "1" and "01" are one place in a series; what is not a number stays as it is.
fn sequence_key(sequence: &str) -> String {
    numeric_text(sequence).unwrap_or_else(|| sequence.to_owned())
}
