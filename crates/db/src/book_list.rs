//! Lists of books: search, filters, every order, keyset pages, exact totals.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use types::library::{BookQuery, BookSort, BookSummary, PersonRef, SeriesRef};
use types::{BookId, Page};
use uuid::Uuid;

use crate::book_filter::{Bind, Sql, push_filter, where_clause};
use crate::cursor::{SortValue, decode_cursor, encode_cursor};
use crate::error::{DbError, DbResult};
use crate::pool::Connection;

/// Up to here the count also answers which books they are, and only those are sorted; beyond, hits are so dense that
/// walking the order's index meets a page of them soon. Either way the library is scanned at most once.
const SPARSE_MAX: i64 = 2_000;

const COLUMNS: &str =
    "b.id, b.work_id, b.title, b.subtitle, b.language, b.published_year, b.duration_seconds, b.size_bytes,
    b.has_cover, b.source_updated_ms, b.missing_since IS NOT NULL AS is_missing, b.added_at,
    b.title_sort, b.author_sort";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    work_id: Uuid,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Nullable<Text>)]
    subtitle: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    language: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    published_year: Option<i32>,
    #[diesel(sql_type = Nullable<BigInt>)]
    duration_seconds: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size_bytes: Option<i64>,
    #[diesel(sql_type = Bool)]
    has_cover: bool,
    #[diesel(sql_type = BigInt)]
    source_updated_ms: i64,
    #[diesel(sql_type = Bool)]
    is_missing: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    added_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    title_sort: String,
    #[diesel(sql_type = Text)]
    author_sort: String,
}

#[derive(QueryableByName)]
struct PersonRow {
    #[diesel(sql_type = SqlUuid)]
    book_id: Uuid,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct SeriesRow {
    #[diesel(sql_type = SqlUuid)]
    book_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    sequence: Option<String>,
}

#[derive(QueryableByName)]
struct Hits {
    #[diesel(sql_type = BigInt)]
    total: i64,
    /// When they are few.
    #[diesel(sql_type = Nullable<Array<SqlUuid>>)]
    ids: Option<Vec<Uuid>>,
}

/// One page of the books that match. `filter.text` must be folded like `search_text` (`domain::normalise::search_key`);
/// each of its words must occur. Unknown sort values come last. `BadCursor` when the cursor is not of this order.
pub async fn list_books(conn: &mut Connection, query: &BookQuery) -> DbResult<Page<BookSummary>> {
    let mut filter = Sql::default();
    let conditions = push_filter(&mut filter, &query.filter);
    let order = Order::of(query.sort.unwrap_or(BookSort::Title));
    let after = query
        .page
        .cursor
        .as_deref()
        .map(|cursor| order.read_cursor(cursor))
        .transpose()?;
    let Hits { total, ids } = find_hits(conn, filter.clone(), &conditions).await?;
    if total == 0 {
        return Ok(Page::empty());
    }
    let limit = query.page.limit();
    let sql = match ids {
        Some(ids) => {
            let mut sql = Sql::default();
            let condition = format!("b.id = ANY({})", sql.bind(Bind::Ids(ids)));
            page_sql(sql, vec![condition], &order, after)
        }
        None => page_sql(filter, conditions, &order, after),
    };
    let rows: Vec<Row> = limited(sql, limit + 1).into_query().load(conn).await?;
    let page = Page::cut(rows, limit, total.unsigned_abs(), |row| order.cursor_after(row));
    Ok(Page {
        items: into_summaries(conn, page.items).await?,
        next_cursor: page.next_cursor,
        total: page.total,
    })
}

/// The newest arrivals, newest first.
pub async fn list_newest_books(conn: &mut Connection, limit: u32) -> DbResult<Vec<BookSummary>> {
    let page = types::PageRequest {
        limit: Some(limit),
        cursor: None,
    };
    let query = BookQuery {
        sort: Some(BookSort::AddedDesc),
        page,
        ..BookQuery::default()
    };
    Ok(list_books(conn, &query).await?.items)
}

/// One book as lists show it.
pub async fn find_book_summary(conn: &mut Connection, id: BookId) -> DbResult<Option<BookSummary>> {
    let query = format!("SELECT {COLUMNS} FROM books b WHERE b.id = $1");
    let row = diesel::sql_query(query)
        .bind::<SqlUuid, _>(id.0)
        .get_result(conn)
        .await
        .optional()?;
    Ok(into_summaries(conn, row.into_iter().collect()).await?.pop())
}

async fn find_hits(conn: &mut Connection, mut sql: Sql, conditions: &[String]) -> DbResult<Hits> {
    let ids = if conditions.is_empty() {
        "NULL::UUID[]".to_owned()
    } else {
        format!("CASE WHEN count(*) <= {SPARSE_MAX} THEN array_agg(b.id) END")
    };
    sql.text = format!(
        "SELECT count(*) AS total, {ids} AS ids FROM books b{}",
        where_clause(conditions)
    );
    Ok(sql.into_query().get_result(conn).await?)
}

/// The rows in order after the cursor, without a limit.
fn page_sql(mut sql: Sql, mut conditions: Vec<String>, order: &Order, after: Option<(SortValue, Uuid)>) -> Sql {
    let Order {
        expression, direction, ..
    } = order;
    if let Some((value, id)) = after {
        let value = order.bind_value(&mut sql, value);
        let id = sql.bind(Bind::Id(id));
        let comparison = if *direction == "ASC" { ">" } else { "<" };
        conditions.push(format!("({expression}, b.id) {comparison} ({value}, {id})"));
    }
    let filter = where_clause(&conditions);
    sql.text = format!("SELECT {COLUMNS} FROM books b{filter} ORDER BY {expression} {direction}, b.id {direction}");
    sql
}

fn limited(mut sql: Sql, rows: u32) -> Sql {
    sql.text += &format!(" LIMIT {rows}");
    sql
}

/// People and series of all books of a page in one query each.
async fn into_summaries(conn: &mut Connection, rows: Vec<Row>) -> DbResult<Vec<BookSummary>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let people: Vec<PersonRow> = diesel::sql_query(
        "SELECT b.book_id, b.role, p.id, p.name FROM book_people b JOIN people p ON p.id = b.person_id
         WHERE b.book_id = ANY($1) ORDER BY b.book_id, b.position",
    )
    .bind::<Array<SqlUuid>, _>(&ids)
    .load(conn)
    .await?;
    let series: Vec<SeriesRow> = diesel::sql_query(
        "SELECT b.book_id, s.id, s.name, b.sequence FROM book_series b JOIN series s ON s.id = b.series_id
         WHERE b.book_id = ANY($1) ORDER BY b.book_id, b.position",
    )
    .bind::<Array<SqlUuid>, _>(&ids)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.into_summary(&people, &series)).collect())
}

impl Row {
    /// `people` and `series` are of the whole page, sorted by book.
    fn into_summary(self, people: &[PersonRow], series: &[SeriesRow]) -> BookSummary {
        let start = people.partition_point(|person| person.book_id < self.id);
        let people = || people[start..].iter().take_while(|person| person.book_id == self.id);
        let with_role = |role: &str| {
            let named = people().filter(|person| person.role == role);
            named
                .map(|person| PersonRef {
                    id: person.id.into(),
                    name: person.name.clone(),
                })
                .collect()
        };
        let start = series.partition_point(|entry| entry.book_id < self.id);
        let entries = series[start..].iter().take_while(|entry| entry.book_id == self.id);
        let to_ref = |entry: &SeriesRow| SeriesRef {
            id: entry.id.into(),
            name: entry.name.clone(),
            sequence: entry.sequence.clone(),
        };
        BookSummary {
            authors: with_role("author"),
            narrators: with_role("narrator"),
            series: entries.map(to_ref).collect(),
            id: self.id.into(),
            work_id: self.work_id.into(),
            title: self.title,
            subtitle: self.subtitle,
            language: self.language,
            published_year: self.published_year,
            duration_seconds: self.duration_seconds,
            size_bytes: self.size_bytes,
            has_cover: self.has_cover,
            cover_version: self.source_updated_ms,
            is_missing: self.is_missing,
            added_at: self.added_at,
        }
    }
}

/// How a sort order reads in SQL; each expression has an index.
struct Order {
    sort: BookSort,
    expression: &'static str,
    direction: &'static str,
}

impl Order {
    fn of(sort: BookSort) -> Self {
        let (expression, direction) = match sort {
            BookSort::Title => ("b.title_sort", "ASC"),
            BookSort::TitleDesc => ("b.title_sort", "DESC"),
            BookSort::Author => ("b.author_sort", "ASC"),
            BookSort::AuthorDesc => ("b.author_sort", "DESC"),
            BookSort::Added => ("COALESCE(b.added_at, 'infinity'::TIMESTAMPTZ)", "ASC"),
            BookSort::AddedDesc => ("COALESCE(b.added_at, '-infinity'::TIMESTAMPTZ)", "DESC"),
            BookSort::Duration => ("COALESCE(b.duration_seconds, 9223372036854775807)", "ASC"),
            BookSort::DurationDesc => ("COALESCE(b.duration_seconds, -1)", "DESC"),
            BookSort::Year => ("COALESCE(b.published_year, 2147483647)", "ASC"),
            BookSort::YearDesc => ("COALESCE(b.published_year, -2147483648)", "DESC"),
        };
        Self {
            sort,
            expression,
            direction,
        }
    }

    fn value_of(&self, row: &Row) -> SortValue {
        match self.sort {
            BookSort::Title | BookSort::TitleDesc => SortValue::Text(row.title_sort.clone()),
            BookSort::Author | BookSort::AuthorDesc => SortValue::Text(row.author_sort.clone()),
            BookSort::Added => SortValue::Text(write_time(row.added_at, "infinity")),
            BookSort::AddedDesc => SortValue::Text(write_time(row.added_at, "-infinity")),
            BookSort::Duration => SortValue::Number(row.duration_seconds.unwrap_or(i64::MAX)),
            BookSort::DurationDesc => SortValue::Number(row.duration_seconds.unwrap_or(-1)),
            BookSort::Year => SortValue::Number(row.published_year.unwrap_or(i32::MAX).into()),
            BookSort::YearDesc => SortValue::Number(row.published_year.unwrap_or(i32::MIN).into()),
        }
    }

    fn cursor_after(&self, row: &Row) -> String {
        encode_cursor(&order_of(self.sort), &self.value_of(row), row.id)
    }

    fn read_cursor(&self, cursor: &str) -> DbResult<(SortValue, Uuid)> {
        let (value, id) = decode_cursor(&order_of(self.sort), cursor)?;
        let is_valid = match (self.sort, &value) {
            (BookSort::Added | BookSort::AddedDesc, SortValue::Text(time)) => is_time(time),
            (BookSort::Duration | BookSort::DurationDesc, SortValue::Number(_)) => true,
            (BookSort::Year | BookSort::YearDesc, SortValue::Number(year)) => i32::try_from(*year).is_ok(),
            (BookSort::Title | BookSort::TitleDesc | BookSort::Author | BookSort::AuthorDesc, SortValue::Text(_)) => {
                true
            }
            _ => false,
        };
        if is_valid {
            Ok((value, id))
        } else {
            Err(DbError::BadCursor)
        }
    }

    fn bind_value(&self, sql: &mut Sql, value: SortValue) -> String {
        let placeholder = sql.bind(match value {
            SortValue::Text(text) => Bind::Text(text),
            SortValue::Number(number) => Bind::Number(number),
        });
        match self.sort {
            BookSort::Added | BookSort::AddedDesc => format!("{placeholder}::TIMESTAMPTZ"),
            BookSort::Year | BookSort::YearDesc => format!("{placeholder}::INTEGER"),
            _ => placeholder,
        }
    }
}

fn write_time(time: Option<DateTime<Utc>>, unknown: &str) -> String {
    time.map_or_else(
        || unknown.to_owned(),
        |time| time.to_rfc3339_opts(SecondsFormat::Micros, true),
    )
}

fn order_of(sort: BookSort) -> String {
    format!("{} books", sort.as_str())
}

/// In our own spelling only: the database reads the text again, and knows fewer spellings than we do.
fn is_time(text: &str) -> bool {
    let is_ours = |time: DateTime<Utc>| (1..=9999).contains(&time.year()) && write_time(Some(time), "") == text;
    matches!(text, "infinity" | "-infinity")
        || DateTime::parse_from_rfc3339(text).is_ok_and(|time| is_ours(time.to_utc()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_in_a_spelling_that_the_database_does_not_know_is_no_cursor() {
        for time in [
            "2026-01-01T00:00:00.000000\u{2212}01:00",
            "2026-01-01T00:00:00.000000+00:00",
            "2026-01-01T00:00:00Z",
            "0000-01-01T00:00:00.000000Z",
            "-2026-01-01T00:00:00.000000Z",
            "now",
            "",
        ] {
            assert!(!is_time(time), "{time}");
        }
        assert!(is_time("infinity") && is_time("-infinity"));
    }

    proptest! {
        #[test]
        fn the_time_of_any_book_is_one(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            prop_assert!(is_time(&write_time(DateTime::from_timestamp_micros(micros), "infinity")));
        }

        #[test]
        fn a_damaged_time_is_in_our_own_spelling_or_none(
            text in testing::damage::damaged_text("2026-01-01T00:00:00.000000Z")
        ) {
            if is_time(&text) {
                let time = DateTime::parse_from_rfc3339(&text).unwrap().to_utc();
                prop_assert_eq!(write_time(Some(time), ""), text);
            }
        }
    }
}
