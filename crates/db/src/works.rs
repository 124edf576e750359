//! Works: a title by its authors, whatever the recording; and what is known of them for matching.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::Value;
use types::WorkId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::people::{NewPerson, ensure_people};
use crate::pool::Connection;
use crate::schema::works;
use crate::series::{NewSeriesEntry, ensure_series};
use crate::text::storable;

/// Longest id that another catalogue gives.
const EXTERNAL_ID_MAX: usize = 200;

/// A work as somebody describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWork {
    pub title: String,
    /// The key of `domain::normalise::title_key`.
    pub title_key: String,
    pub authors: Vec<NewPerson>,
    pub series: Vec<NewSeriesEntry>,
    /// Its number as it tells volumes of one title apart ("1.50"); empty = none.
    pub sequence_key: String,
    /// (kind, value); kinds are `asin`, `isbn`, `hardcover`, `mam`.
    pub external_ids: Vec<(String, String)>,
    pub now: DateTime<Utc>,
}

/// A stored work with what the match ladder compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkFacts {
    pub id: WorkId,
    pub title: String,
    pub title_key: String,
    pub sequence_key: String,
    pub authors: Vec<String>,
    /// (name, sequence)
    pub series: Vec<(String, Option<String>)>,
    /// (kind, value)
    pub external_ids: Vec<(String, String)>,
    /// A book of it is in the library and its files are there.
    pub is_owned: bool,
}

#[derive(QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    title_key: String,
    #[diesel(sql_type = Text)]
    sequence_key: String,
    #[diesel(sql_type = Array<Text>)]
    authors: Vec<String>,
    #[diesel(sql_type = Jsonb)]
    series: Value,
    #[diesel(sql_type = Jsonb)]
    external_ids: Value,
    #[diesel(sql_type = Bool)]
    is_owned: bool,
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The work with these keys, made when missing; series and ids that are new are added to it.
pub async fn ensure_work(conn: &mut Connection, work: &NewWork) -> DbResult<WorkId> {
    conn.transaction(async |conn| {
        let mut author_keys: Vec<&str> = work.authors.iter().map(|author| author.name_key.as_str()).collect();
        author_keys.sort_unstable();
        author_keys.dedup();
        let row: IdRow = diesel::sql_query(
            "INSERT INTO works (title, title_key, authors_key, sequence_key, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (md5(title_key), md5(authors_key), md5(sequence_key)) DO UPDATE SET title_key = works.title_key
             RETURNING id",
        )
        .bind::<Text, _>(storable(&work.title))
        .bind::<Text, _>(storable(&work.title_key))
        .bind::<Text, _>(storable(&author_keys.join("|")))
        .bind::<Text, _>(storable(&work.sequence_key))
        .bind::<Timestamptz, _>(work.now)
        .get_result(conn)
        .await?;
        let authors = ensure_people(conn, &work.authors).await?;
        insert_authors(conn, row.id, &authors).await?;
        insert_series(conn, row.id, &work.series).await?;
        insert_external_ids(conn, row.id, &work.external_ids).await?;
        Ok(WorkId(row.id))
    })
    .await
}

/// Works that may be the described one: by id, by title, or by a similar title. The caller's rules decide.
pub async fn find_like_works(
    conn: &mut Connection,
    title_key: &str,
    external_ids: &[(String, String)],
    limit: i32,
) -> DbResult<Vec<WorkFacts>> {
    let (kinds, values): (Vec<&String>, Vec<&String>) = external_ids.iter().map(|(kind, value)| (kind, value)).unzip();
    let rows: Vec<IdRow> = diesel::sql_query(
        "SELECT DISTINCT id FROM (
            (SELECT e.work_id AS id FROM external_ids e
                JOIN unnest($1, $2) AS wanted(kind, value) ON wanted.kind = e.kind AND wanted.value = e.value LIMIT $4)
            UNION ALL (SELECT id FROM works WHERE md5(title_key) = md5($3) AND title_key = $3 LIMIT $4)
            UNION ALL (SELECT id FROM works WHERE title_key % $3 ORDER BY similarity(title_key, $3) DESC LIMIT $4)
        ) AS found",
    )
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<Text>, _>(values)
    .bind::<Text, _>(storable(title_key))
    .bind::<Integer, _>(limit)
    .load(conn)
    .await?;
    load_works(conn, &rows.into_iter().map(|row| row.id).collect::<Vec<_>>()).await
}

/// The work with this id.
pub async fn find_work(conn: &mut Connection, id: WorkId) -> DbResult<Option<WorkFacts>> {
    Ok(load_works(conn, &[id.0]).await?.pop())
}

/// Locks the work until the end of the transaction: whoever grabs it must be alone.
pub async fn lock_work(conn: &mut Connection, id: WorkId) -> DbResult<()> {
    works::table
        .find(id.0)
        .select(works::id)
        .for_update()
        .first::<Uuid>(conn)
        .await?;
    Ok(())
}

async fn load_works(conn: &mut Connection, ids: &[Uuid]) -> DbResult<Vec<WorkFacts>> {
    let rows: Vec<FactsRow> = diesel::sql_query(
        "SELECT w.id, w.title, w.title_key, w.sequence_key,
            ARRAY(SELECT p.name FROM work_authors a JOIN people p ON p.id = a.person_id
                WHERE a.work_id = w.id ORDER BY a.position) AS authors,
            COALESCE((SELECT jsonb_agg(jsonb_build_array(s.name, e.sequence)) FROM series_entries e
                JOIN series s ON s.id = e.series_id WHERE e.work_id = w.id), '[]') AS series,
            COALESCE((SELECT jsonb_agg(jsonb_build_array(x.kind, x.value)) FROM external_ids x
                WHERE x.work_id = w.id), '[]') AS external_ids,
            EXISTS (SELECT FROM books b WHERE b.work_id = w.id AND b.missing_since IS NULL) AS is_owned
         FROM works w WHERE w.id = ANY($1) ORDER BY w.title_key, w.id",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .load(conn)
    .await?;
    rows.into_iter().map(FactsRow::into_facts).collect()
}

impl FactsRow {
    fn into_facts(self) -> DbResult<WorkFacts> {
        Ok(WorkFacts {
            id: self.id.into(),
            title: self.title,
            title_key: self.title_key,
            sequence_key: self.sequence_key,
            authors: self.authors,
            series: serde_json::from_value(self.series)?,
            external_ids: serde_json::from_value(self.external_ids)?,
            is_owned: self.is_owned,
        })
    }
}

async fn insert_authors(conn: &mut Connection, work: Uuid, authors: &[Uuid]) -> DbResult<()> {
    diesel::sql_query(
        "INSERT INTO work_authors (work_id, person_id, position)
         SELECT $1, person, place FROM unnest($2) WITH ORDINALITY AS given(person, place) ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(work)
    .bind::<Array<SqlUuid>, _>(authors)
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_series(conn: &mut Connection, work: Uuid, entries: &[NewSeriesEntry]) -> DbResult<()> {
    for (series, sequence, order) in ensure_series(conn, entries).await? {
        diesel::sql_query(
            "INSERT INTO series_entries (work_id, series_id, sequence, sequence_order) VALUES ($1, $2, $3, $4::NUMERIC)
             ON CONFLICT DO NOTHING",
        )
        .bind::<SqlUuid, _>(work)
        .bind::<SqlUuid, _>(series)
        .bind::<Nullable<Text>, _>(sequence)
        .bind::<Nullable<Text>, _>(order)
        .execute(conn)
        .await?;
    }
    Ok(())
}

async fn insert_external_ids(conn: &mut Connection, work: Uuid, ids: &[(String, String)]) -> DbResult<()> {
    // Longer ones are not ids but dirt.
    for (kind, value) in ids
        .iter()
        .filter(|(_, value)| (1..=EXTERNAL_ID_MAX).contains(&value.chars().count()))
    {
        diesel::sql_query("INSERT INTO external_ids (work_id, kind, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind::<SqlUuid, _>(work)
            .bind::<Text, _>(kind)
            .bind::<Text, _>(storable(value))
            .execute(conn)
            .await?;
    }
    Ok(())
}
