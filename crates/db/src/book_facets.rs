//! The choices that filters of the library offer, and the library's sizes.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use types::library::{BookFilter, Facet, Facets, LibraryCounts};

use crate::book_filter::{Sql, push_filter, where_clause};
use crate::error::DbResult;
use crate::pool::Connection;

const FACETS_MAX: u32 = 200;

#[derive(QueryableByName)]
struct FacetRow {
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = Text)]
    label: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct CountsRow {
    #[diesel(sql_type = BigInt)]
    books: i64,
    #[diesel(sql_type = BigInt)]
    works: i64,
    #[diesel(sql_type = BigInt)]
    authors: i64,
    #[diesel(sql_type = BigInt)]
    series: i64,
    #[diesel(sql_type = BigInt)]
    missing_files: i64,
    #[diesel(sql_type = BigInt)]
    duration_seconds: i64,
    #[diesel(sql_type = BigInt)]
    size_bytes: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_synced_at: Option<DateTime<Utc>>,
}

/// What the books of a filter can be narrowed to, each with its number of books.
pub async fn list_facets(conn: &mut Connection, filter: &BookFilter) -> DbResult<Facets> {
    let mut sql = Sql::default();
    let conditions = push_filter(&mut sql, filter);
    let authors = Grouped::of_people("author", &conditions);
    let narrators = Grouped::of_people("narrator", &conditions);
    let series = Grouped::of_series(&conditions);
    let languages = Grouped::of_books("b.language", "b.language <> ''", &conditions);
    let missing = Grouped::of_books(
        "unnest(CASE WHEN b.missing_since IS NULL THEN b.lacks ELSE b.lacks || 'files'::TEXT END)",
        "(b.lacks <> '{}' OR b.missing_since IS NOT NULL)",
        &conditions,
    );
    Ok(Facets {
        authors: load_facets(conn, sql.clone(), authors).await?,
        narrators: load_facets(conn, sql.clone(), narrators).await?,
        series: load_facets(conn, sql.clone(), series).await?,
        languages: load_facets(conn, sql.clone(), languages).await?,
        missing: load_facets(conn, sql, missing).await?,
    })
}

struct Grouped {
    value: &'static str,
    label: &'static str,
    /// Gives a row for each book and each `value` that it has.
    values: String,
    names: &'static str,
}

impl Grouped {
    fn of_people(role: &str, conditions: &[String]) -> Self {
        Self {
            value: "g.value::TEXT",
            label: "p.name",
            values: format!(
                "SELECT person_id AS value FROM book_people WHERE role = '{role}'{}",
                and_within(conditions)
            ),
            names: "JOIN people p ON p.id = g.value",
        }
    }

    fn of_series(conditions: &[String]) -> Self {
        Self {
            value: "g.value::TEXT",
            label: "s.name",
            values: format!(
                "SELECT series_id AS value FROM book_series WHERE TRUE{}",
                and_within(conditions)
            ),
            names: "JOIN series s ON s.id = g.value",
        }
    }

    /// What stands in the books' own rows. Narrowed right there: joined with the filter afterwards, what `unnest` gives
    /// is taken for so much that PostgreSQL starts processes to help, which costs more than all the rest.
    fn of_books(values: &str, has_some: &str, conditions: &[String]) -> Self {
        let narrowed = [conditions, &[has_some.to_owned()]].concat();
        Self {
            value: "g.value",
            label: "g.value",
            values: format!("SELECT {values} AS value FROM books b{}", where_clause(&narrowed)),
            names: "",
        }
    }
}

fn and_within(conditions: &[String]) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    format!(" AND book_id IN (SELECT b.id FROM books b{})", where_clause(conditions))
}

/// How large the library is; books whose files are gone count only as missing.
pub async fn count_library(conn: &mut Connection) -> DbResult<LibraryCounts> {
    let row: CountsRow = diesel::sql_query(
        // Authors and series are not joined with all books, but cleared of those that are gone, which are few.
        "SELECT count(*) FILTER (WHERE missing_since IS NULL) AS books,
            (SELECT count(*) FROM (SELECT DISTINCT work_id FROM books WHERE missing_since IS NULL) AS w) AS works,
            (SELECT count(*) FROM (SELECT DISTINCT p.person_id FROM book_people p WHERE p.role = 'author' AND NOT EXISTS
                (SELECT FROM books b WHERE b.id = p.book_id AND b.missing_since IS NOT NULL)) AS a) AS authors,
            (SELECT count(*) FROM (SELECT DISTINCT s.series_id FROM book_series s WHERE NOT EXISTS
                (SELECT FROM books b WHERE b.id = s.book_id AND b.missing_since IS NOT NULL)) AS s) AS series,
            count(*) FILTER (WHERE missing_since IS NOT NULL) AS missing_files,
            COALESCE(sum(duration_seconds) FILTER (WHERE missing_since IS NULL), 0)::BIGINT AS duration_seconds,
            COALESCE(sum(size_bytes) FILTER (WHERE missing_since IS NULL), 0)::BIGINT AS size_bytes,
            (SELECT max(last_success_at) FROM library_syncs) AS last_synced_at
         FROM books",
    )
    .get_result(conn)
    .await?;
    Ok(LibraryCounts {
        books: row.books.unsigned_abs(),
        works: row.works.unsigned_abs(),
        authors: row.authors.unsigned_abs(),
        series: row.series.unsigned_abs(),
        missing_files: row.missing_files.unsigned_abs(),
        duration_seconds: row.duration_seconds.unsigned_abs(),
        size_bytes: row.size_bytes.unsigned_abs(),
        last_synced_at: row.last_synced_at,
    })
}

async fn load_facets(conn: &mut Connection, mut sql: Sql, grouped: Grouped) -> DbResult<Vec<Facet>> {
    let Grouped {
        value,
        label,
        values,
        names,
    } = grouped;
    // Counted before names are looked up: only the largest are shown.
    sql.text = format!(
        "SELECT {value} AS value, {label} AS label, g.count FROM (
            SELECT value, count(*) AS count FROM ({values}) AS shown
            GROUP BY value ORDER BY count DESC, value LIMIT {FACETS_MAX}
         ) AS g {names} ORDER BY g.count DESC, label, value"
    );
    let rows: Vec<FacetRow> = sql.into_query().load(conn).await?;
    Ok(rows.into_iter().map(FacetRow::into_facet).collect())
}

impl FacetRow {
    fn into_facet(self) -> Facet {
        Facet {
            value: self.value,
            label: self.label,
            count: self.count.unsigned_abs(),
        }
    }
}
