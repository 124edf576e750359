//! Series, one row a normalised name.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::series;
use crate::text::{KEY_MAX, clip, storable};

/// A place in a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeriesEntry {
    pub name: String,
    /// The key of `domain::normalise::title_key`.
    pub name_key: String,
    /// As people write it.
    pub sequence: Option<String>,
    /// `domain::sequence::Sequence::numeric_text`, for order.
    pub sequence_order: Option<String>,
}

/// A place with the series' id, ready to be stored: (id, sequence, sequence for order).
pub(crate) type PlacedEntry = (Uuid, Option<String>, Option<String>);

/// The ids of the series in their order, made where missing; a series named twice keeps its first place.
pub(crate) async fn ensure_series(conn: &mut Connection, entries: &[NewSeriesEntry]) -> DbResult<Vec<PlacedEntry>> {
    let by_key: BTreeMap<String, String> = entries
        .iter()
        .map(|entry| (clip(&entry.name_key, KEY_MAX), clip(&entry.name, KEY_MAX)))
        .collect();
    if by_key.is_empty() {
        return Ok(Vec::new());
    }
    let (keys, names): (Vec<String>, Vec<String>) = by_key.into_iter().unzip();
    diesel::sql_query(
        "INSERT INTO series (name_key, name) SELECT * FROM unnest($1, $2) ON CONFLICT (name_key) DO NOTHING",
    )
    .bind::<Array<Text>, _>(&keys)
    .bind::<Array<Text>, _>(names)
    .execute(conn)
    .await?;
    let found: Vec<(String, Uuid)> = series::table
        .filter(series::name_key.eq_any(keys))
        .select((series::name_key, series::id))
        .load(conn)
        .await?;
    let ids: BTreeMap<String, Uuid> = found.into_iter().collect();
    let mut placed: Vec<PlacedEntry> = Vec::new();
    for entry in entries {
        let Some(id) = ids.get(&clip(&entry.name_key, KEY_MAX)) else {
            continue;
        };
        if placed.iter().all(|(other, ..)| other != id) {
            let order = entry.sequence_order.clone().filter(|order| fits_numeric(order));
            placed.push((*id, entry.sequence.as_deref().map(storable), order));
        }
    }
    Ok(placed)
}

/// Whether the text is a number that `NUMERIC(6, 2)` takes; "20240131" as a volume is not.
fn fits_numeric(text: &str) -> bool {
    text.parse::<f64>()
        .is_ok_and(|number| number.is_finite() && number.abs() < 9999.0)
}
