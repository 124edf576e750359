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
    let people = |role: &str| Grouped {
        value: "g.value::TEXT",
        label: "p.name",
        pairs: format!("SELECT person_id AS value, book_id FROM book_people WHERE role = '{role}'"),
        names: "JOIN people p ON p.id = g.value",
    };
    let series = Grouped {
        value: "g.value::TEXT",
        label: "s.name",
        pairs: "SELECT series_id AS value, book_id FROM book_series".into(),
        names: "JOIN series s ON s.id = g.value",
    };
    let plain = |pairs: &str| Grouped {
        value: "g.value",
        label: "g.value",
        pairs: pairs.into(),
        names: "",
    };
    let languages = plain("SELECT language AS value, id AS book_id FROM books WHERE language <> ''");
    let missing = plain(
        "SELECT unnest(lacks) AS value, id AS book_id FROM books
         UNION ALL SELECT 'files', id FROM books WHERE missing_since IS NOT NULL",
    );
    Ok(Facets {
        authors: load_facets(conn, sql.clone(), &conditions, people("author")).await?,
        narrators: load_facets(conn, sql.clone(), &conditions, people("narrator")).await?,
        series: load_facets(conn, sql.clone(), &conditions, series).await?,
        languages: load_facets(conn, sql.clone(), &conditions, languages).await?,
        missing: load_facets(conn, sql, &conditions, missing).await?,
    })
}

/// Where a facet's values come from.
struct Grouped {
    value: &'static str,
    label: &'static str,
    /// Rows of (value, book_id).
    pairs: String,
    names: &'static str,
}

/// How large the library is; books whose files are gone count only as missing.
pub async fn count_library(conn: &mut Connection) -> DbResult<LibraryCounts> {
    let row: CountsRow = diesel::sql_query(
        "SELECT count(*) AS books,
            (SELECT count(*) FROM (SELECT DISTINCT work_id FROM books WHERE missing_since IS NULL) AS w) AS works,
            (SELECT count(*) FROM (SELECT DISTINCT p.person_id FROM book_people p JOIN books b ON b.id = p.book_id
                WHERE p.role = 'author' AND b.missing_since IS NULL) AS a) AS authors,
            (SELECT count(*) FROM (SELECT DISTINCT s.series_id FROM book_series s JOIN books b ON b.id = s.book_id
                WHERE b.missing_since IS NULL) AS s) AS series,
            (SELECT count(*) FROM books WHERE missing_since IS NOT NULL) AS missing_files,
            COALESCE(sum(duration_seconds), 0)::BIGINT AS duration_seconds,
            COALESCE(sum(size_bytes), 0)::BIGINT AS size_bytes,
            (SELECT max(last_success_at) FROM library_syncs) AS last_synced_at
         FROM books WHERE missing_since IS NULL",
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

async fn load_facets(
    conn: &mut Connection,
    mut sql: Sql,
    conditions: &[String],
    grouped: Grouped,
) -> DbResult<Vec<Facet>> {
    let Grouped {
        value,
        label,
        pairs,
        names,
    } = grouped;
    let within = if conditions.is_empty() {
        String::new()
    } else {
        format!(
            " WHERE book_id IN (SELECT b.id FROM books b{})",
            where_clause(conditions)
        )
    };
    // Counted before names are looked up: only the largest are shown.
    sql.text = format!(
        "SELECT {value} AS value, {label} AS label, g.count FROM (
            SELECT value, count(*) AS count FROM ({pairs}) AS pairs{within}
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
