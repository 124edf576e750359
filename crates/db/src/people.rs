//! Authors and narrators, one row a normalised name.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::people;
use crate::text::{KEY_MAX, clip};

/// A name with its key (`domain::normalise::name_key`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerson {
    pub name: String,
    pub name_key: String,
}

/// The ids of the people in their order, made where missing. Two spellings of one key are one person, named once.
pub async fn ensure_people(conn: &mut Connection, persons: &[NewPerson]) -> DbResult<Vec<Uuid>> {
    // In the order of keys, so that two transactions never wait for each other.
    let by_key: BTreeMap<String, String> = persons
        .iter()
        .map(|person| (clip(&person.name_key, KEY_MAX), clip(&person.name, KEY_MAX)))
        .collect();
    if by_key.is_empty() {
        return Ok(Vec::new());
    }
    let (keys, names): (Vec<String>, Vec<String>) = by_key.into_iter().unzip();
    diesel::sql_query(
        "INSERT INTO people (name_key, name) SELECT * FROM unnest($1, $2) ON CONFLICT (name_key) DO NOTHING",
    )
    .bind::<Array<Text>, _>(&keys)
    .bind::<Array<Text>, _>(names)
    .execute(conn)
    .await?;
    let found: Vec<(String, Uuid)> = people::table
        .filter(people::name_key.eq_any(keys))
        .select((people::name_key, people::id))
        .load(conn)
        .await?;
    let ids: BTreeMap<String, Uuid> = found.into_iter().collect();
    let mut ordered = Vec::new();
    for person in persons {
        if let Some(id) = ids.get(&clip(&person.name_key, KEY_MAX))
            && !ordered.contains(id)
        {
            ordered.push(*id);
        }
    }
    Ok(ordered)
}
