//! Books: writing what a sync read, and one book with everything.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, RunQueryDsl};
use types::library::{BookFile, MissingField};
use types::{BookId, IntegrationId, WorkId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::people::{NewPerson, ensure_people};
use crate::pool::Connection;
use crate::schema::{book_files, book_texts, books, download_parts, downloads};
use crate::series::{NewSeriesEntry, ensure_series};
use crate::text::{KEY_MAX, clip, storable};

/// A row of `books`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = books, check_for_backend(Pg), treat_none_as_null = true)]
pub struct BookRow {
    pub search_text: String,
    pub title_sort: String,
    pub author_sort: String,
    pub language: Option<String>,
    pub published_year: Option<i32>,
    pub duration_seconds: Option<i64>,
    pub added_at: Option<DateTime<Utc>>,
    pub missing_since: Option<DateTime<Utc>>,
    pub has_cover: bool,
    pub asin: Option<String>,
    pub work_id: Uuid,
    pub integration_id: Uuid,
    pub external_id: String,
    pub path: String,
    pub title: String,
    pub subtitle: Option<String>,
    pub publisher: Option<String>,
    pub published_date: Option<String>,
    pub isbn: Option<String>,
    pub genres: Vec<String>,
    pub tags: Vec<String>,
    pub is_abridged: Option<bool>,
    pub is_explicit: Option<bool>,
    pub size_bytes: Option<i64>,
    pub chapters_count: Option<i32>,
    pub source_updated_ms: i64,
    pub synced_at: DateTime<Utc>,
}

/// A book as the library service tells it. `search_text`, `title_sort` and `author_sort` are folded by `domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBook {
    pub row: BookRow,
    /// Plain text.
    pub description: Option<String>,
    pub authors: Vec<NewPerson>,
    pub narrators: Vec<NewPerson>,
    pub series: Vec<NewSeriesEntry>,
    pub files: Vec<BookFile>,
}

/// What a sync compares to know what to read again.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = books, check_for_backend(Pg))]
pub struct BookHead {
    pub id: Uuid,
    pub external_id: String,
    pub path: String,
    pub source_updated_ms: i64,
    pub missing_since: Option<DateTime<Utc>>,
}

/// Stores the book with files, people and series in one transaction, replacing what was known.
pub async fn upsert_book(conn: &mut Connection, book: &NewBook) -> DbResult<BookId> {
    let row = storable_row(&book.row);
    let lacks = books::lacks.eq(find_lacks(book));
    conn.transaction(async |conn| {
        let id: Uuid = diesel::insert_into(books::table)
            .values((&row, lacks.clone()))
            .on_conflict((books::integration_id, books::external_id))
            .do_update()
            .set((&row, lacks))
            .returning(books::id)
            .get_result(conn)
            .await?;
        replace_description(conn, id, book.description.as_deref()).await?;
        replace_people(conn, id, "author", &book.authors).await?;
        replace_people(conn, id, "narrator", &book.narrators).await?;
        replace_series(conn, id, &book.series).await?;
        replace_files(conn, id, &book.files).await?;
        Ok(BookId(id))
    })
    .await
}

/// What is known of every book of a library.
pub async fn list_book_heads(conn: &mut Connection, integration: IntegrationId) -> DbResult<Vec<BookHead>> {
    let query = books::table
        .filter(books::integration_id.eq(integration.0))
        .select(BookHead::as_select());
    Ok(query.load(conn).await?)
}

/// Notes that a sync saw these books unchanged, with their files.
pub async fn mark_books_seen(
    conn: &mut Connection,
    integration: IntegrationId,
    external_ids: &[String],
    now: DateTime<Utc>,
) -> DbResult<usize> {
    let seen = books::table
        .filter(books::integration_id.eq(integration.0))
        .filter(books::external_id.eq_any(external_ids));
    let values = (books::synced_at.eq(now), books::missing_since.eq(None::<DateTime<Utc>>));
    Ok(diesel::update(seen).set(values).execute(conn).await?)
}

/// Marks what a full sync that began at `started_at` did not see. Nothing is erased. Answers how many are newly missing.
pub async fn mark_unseen_books_missing(
    conn: &mut Connection,
    integration: IntegrationId,
    started_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DbResult<usize> {
    let unseen = books::table
        .filter(books::integration_id.eq(integration.0))
        .filter(books::synced_at.lt(started_at))
        .filter(books::missing_since.is_null());
    Ok(diesel::update(unseen)
        .set(books::missing_since.eq(now))
        .execute(conn)
        .await?)
}

/// The book with this id.
pub async fn find_book_row(conn: &mut Connection, id: BookId) -> DbResult<Option<BookRow>> {
    Ok(books::table
        .find(id.0)
        .select(BookRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Files of a book in order.
pub async fn list_book_files(conn: &mut Connection, id: BookId) -> DbResult<Vec<BookFile>> {
    type Columns = (String, i64, Option<i64>, Option<String>, Option<i32>, Option<String>);
    let rows: Vec<Columns> = book_files::table
        .filter(book_files::book_id.eq(id.0))
        .order(book_files::position)
        .select((
            book_files::relative_path,
            book_files::size_bytes,
            book_files::duration_seconds,
            book_files::codec,
            book_files::bitrate_kbps,
            book_files::format,
        ))
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(
            |(relative_path, size_bytes, duration_seconds, codec, bitrate_kbps, format)| BookFile {
                relative_path,
                size_bytes,
                duration_seconds,
                codec,
                bitrate_kbps,
                format,
            },
        )
        .collect())
}

/// The work of a book that we imported ourselves, which is surer than what its folder says.
pub async fn find_imported_work(
    conn: &mut Connection,
    integration: IntegrationId,
    external_id: &str,
) -> DbResult<Option<WorkId>> {
    // Of a pack, the download's own work is only one of several.
    let of_pack = books::table
        .inner_join(download_parts::table)
        .filter(books::integration_id.eq(integration.0))
        .filter(books::external_id.eq(external_id))
        .select(download_parts::work_id);
    if let Some(work) = of_pack.first::<Uuid>(conn).await.optional()? {
        return Ok(Some(WorkId(work)));
    }
    let query = books::table
        .inner_join(downloads::table)
        .filter(books::integration_id.eq(integration.0))
        .filter(books::external_id.eq(external_id))
        .select(downloads::work_id);
    Ok(query.first::<Uuid>(conn).await.optional()?.map(WorkId))
}

/// The description of a book.
pub async fn find_book_description(conn: &mut Connection, id: BookId) -> DbResult<Option<String>> {
    Ok(book_texts::table
        .find(id.0)
        .select(book_texts::description)
        .first(conn)
        .await
        .optional()?)
}

/// Kept with the book, so that lists need not look for absent rows.
fn find_lacks(book: &NewBook) -> Vec<&'static str> {
    let is_empty = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().is_empty();
    let lacks = |field: MissingField| match field {
        MissingField::Asin => is_empty(&book.row.asin),
        MissingField::Author => book.authors.is_empty(),
        MissingField::Cover => !book.row.has_cover,
        MissingField::Description => is_empty(&book.description),
        MissingField::Language => is_empty(&book.row.language),
        MissingField::Narrator => book.narrators.is_empty(),
        MissingField::Series => book.series.is_empty(),
        MissingField::Year => book.row.published_year.is_none(),
        MissingField::Files => false,
    };
    MissingField::ALL
        .iter()
        .filter(|field| lacks(**field))
        .map(|field| field.as_str())
        .collect()
}

fn storable_row(row: &BookRow) -> BookRow {
    let text = |text: &Option<String>| text.as_deref().map(storable);
    let texts = |texts: &[String]| texts.iter().map(|text| storable(text)).collect();
    BookRow {
        search_text: storable(&row.search_text),
        title_sort: clip(&row.title_sort, KEY_MAX),
        author_sort: clip(&row.author_sort, KEY_MAX),
        language: text(&row.language),
        asin: text(&row.asin),
        external_id: storable(&row.external_id),
        path: storable(&row.path),
        title: storable(&row.title),
        subtitle: text(&row.subtitle),
        publisher: text(&row.publisher),
        published_date: text(&row.published_date),
        isbn: text(&row.isbn),
        genres: texts(&row.genres),
        tags: texts(&row.tags),
        ..row.clone()
    }
}

async fn replace_description(conn: &mut Connection, id: Uuid, description: Option<&str>) -> DbResult<()> {
    let Some(description) = description.map(storable).filter(|text| !text.trim().is_empty()) else {
        diesel::delete(book_texts::table.find(id)).execute(conn).await?;
        return Ok(());
    };
    diesel::insert_into(book_texts::table)
        .values((book_texts::book_id.eq(id), book_texts::description.eq(&description)))
        .on_conflict(book_texts::book_id)
        .do_update()
        .set(book_texts::description.eq(&description))
        .execute(conn)
        .await?;
    Ok(())
}

async fn replace_people(conn: &mut Connection, id: Uuid, role: &str, persons: &[NewPerson]) -> DbResult<()> {
    let ids = ensure_people(conn, persons).await?;
    diesel::sql_query("DELETE FROM book_people WHERE book_id = $1 AND role = $2")
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(role)
        .execute(conn)
        .await?;
    diesel::sql_query(
        "INSERT INTO book_people (book_id, role, person_id, position)
         SELECT $1, $2, person, place FROM unnest($3) WITH ORDINALITY AS given(person, place)",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<Text, _>(role)
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(conn)
    .await?;
    Ok(())
}

async fn replace_series(conn: &mut Connection, id: Uuid, entries: &[NewSeriesEntry]) -> DbResult<()> {
    let placed = ensure_series(conn, entries).await?;
    diesel::sql_query("DELETE FROM book_series WHERE book_id = $1")
        .bind::<SqlUuid, _>(id)
        .execute(conn)
        .await?;
    for (position, (series, sequence, order)) in (1..).zip(placed) {
        diesel::sql_query(
            "INSERT INTO book_series (book_id, series_id, position, sequence, sequence_order)
             VALUES ($1, $2, $3, $4, $5::NUMERIC)",
        )
        .bind::<SqlUuid, _>(id)
        .bind::<SqlUuid, _>(series)
        .bind::<diesel::sql_types::Integer, _>(position)
        .bind::<Nullable<Text>, _>(sequence)
        .bind::<Nullable<Text>, _>(order)
        .execute(conn)
        .await?;
    }
    Ok(())
}

async fn replace_files(conn: &mut Connection, id: Uuid, files: &[BookFile]) -> DbResult<()> {
    diesel::delete(book_files::table.filter(book_files::book_id.eq(id)))
        .execute(conn)
        .await?;
    // A statement takes at most 65,535 values.
    for (chunk, files) in files.chunks(1000).enumerate() {
        let rows: Vec<_> = files
            .iter()
            .zip(i32::try_from(chunk * 1000).unwrap_or(i32::MAX)..)
            .map(|(file, position)| {
                (
                    book_files::book_id.eq(id),
                    book_files::position.eq(position),
                    book_files::relative_path.eq(storable(&file.relative_path)),
                    book_files::size_bytes.eq(file.size_bytes),
                    book_files::duration_seconds.eq(file.duration_seconds),
                    book_files::codec.eq(file.codec.as_deref().map(storable)),
                    book_files::bitrate_kbps.eq(file.bitrate_kbps),
                    book_files::format.eq(file.format.as_deref().map(storable)),
                )
            })
            .collect();
        diesel::insert_into(book_files::table)
            .values(rows)
            .execute(conn)
            .await?;
    }
    Ok(())
}
