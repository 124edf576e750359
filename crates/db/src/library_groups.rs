//! Authors and series of the library, each with its number of books. Books whose files are gone do not count.

use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use types::Page;
use types::library::{BookGroup, GroupQuery, GroupSort};
use uuid::Uuid;

use crate::book_filter::{Bind, Sql, escape_like};
use crate::cursor::{SortValue, decode_cursor, encode_cursor};
use crate::error::{DbError, DbResult};
use crate::pool::Connection;
use crate::text::clip;

const WORDS_MAX: usize = 8;
const WORD_CHARS_MAX: usize = 100;

/// What books are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    Author,
    Series,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    name_key: String,
    #[diesel(sql_type = BigInt)]
    books: i64,
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

impl GroupKind {
    /// `g.id, g.name, g.name_key, g.books` of every group with a book.
    const fn rows(self) -> &'static str {
        match self {
            Self::Author => {
                "(SELECT p.id, p.name, p.name_key, c.books FROM (
                    SELECT x.person_id AS id, count(*) AS books FROM book_people x JOIN books b ON b.id = x.book_id
                    WHERE x.role = 'author' AND b.missing_since IS NULL GROUP BY x.person_id
                 ) c JOIN people p ON p.id = c.id) g"
            }
            Self::Series => {
                "(SELECT s.id, s.name, s.name_key, c.books FROM (
                    SELECT x.series_id AS id, count(*) AS books FROM book_series x JOIN books b ON b.id = x.book_id
                    WHERE b.missing_since IS NULL GROUP BY x.series_id
                 ) c JOIN series s ON s.id = c.id) g"
            }
        }
    }
}

/// One page. `query.text` must be folded like the keys (`domain::normalise::search_key`); each word must occur in the
/// name. `BadCursor` when the cursor is not of this order.
pub async fn list_groups(conn: &mut Connection, kind: GroupKind, query: &GroupQuery) -> DbResult<Page<BookGroup>> {
    let mut filter = Sql::default();
    let conditions = push_words(&mut filter, query.text.as_deref().unwrap_or_default());
    let mut count = filter.clone();
    count.text = format!("SELECT count(*) AS total FROM {} WHERE {conditions}", kind.rows());
    let total: Total = count.into_query().get_result(conn).await?;

    let sort = query.sort.unwrap_or(GroupSort::Name);
    let after = match &query.page.cursor {
        Some(cursor) => push_after(&mut filter, (kind, sort), cursor)?,
        None => "TRUE".into(),
    };
    let order = match sort {
        GroupSort::Name => "g.name_key, g.id",
        GroupSort::BooksDesc => "g.books DESC, g.id DESC",
    };
    let limit = query.page.limit() as usize;
    filter.text = format!(
        "SELECT g.* FROM {} WHERE {conditions} AND {after} ORDER BY {order} LIMIT {}",
        kind.rows(),
        limit + 1
    );
    let mut rows: Vec<Row> = filter.into_query().load(conn).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| has_more).map(|row| row.cursor(kind, sort));
    Ok(Page {
        items: rows.into_iter().map(Row::into_group).collect(),
        next_cursor,
        total: total.total.unsigned_abs(),
    })
}

/// One author or series that has a book.
pub async fn find_group(conn: &mut Connection, kind: GroupKind, id: Uuid) -> DbResult<Option<BookGroup>> {
    let query = format!("SELECT g.* FROM {} WHERE g.id = $1", kind.rows());
    let row: Option<Row> = diesel::sql_query(query)
        .bind::<SqlUuid, _>(id)
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(Row::into_group))
}

fn push_words(sql: &mut Sql, text: &str) -> String {
    let words = text.split_whitespace().take(WORDS_MAX);
    let conditions: Vec<String> = words
        .map(|word| {
            let pattern = format!("%{}%", escape_like(&clip(word, WORD_CHARS_MAX)));
            format!("g.name_key LIKE {}", sql.bind(Bind::Text(pattern)))
        })
        .collect();
    if conditions.is_empty() {
        "TRUE".into()
    } else {
        conditions.join(" AND ")
    }
}

/// Names the list and its order in a cursor.
fn order_of(kind: GroupKind, sort: GroupSort) -> String {
    match kind {
        GroupKind::Author => format!("{} authors", sort.as_str()),
        GroupKind::Series => format!("{} series", sort.as_str()),
    }
}

fn push_after(sql: &mut Sql, (kind, sort): (GroupKind, GroupSort), cursor: &str) -> DbResult<String> {
    let (value, id) = decode_cursor(&order_of(kind, sort), cursor)?;
    let (column, comparison, value) = match (sort, value) {
        (GroupSort::Name, SortValue::Text(text)) => ("g.name_key", ">", Bind::Text(text)),
        (GroupSort::BooksDesc, SortValue::Number(number)) => ("g.books", "<", Bind::Number(number)),
        _ => return Err(DbError::BadCursor),
    };
    let value = sql.bind(value);
    let id = sql.bind(Bind::Id(id));
    Ok(format!("({column}, g.id) {comparison} ({value}, {id})"))
}

impl Row {
    fn cursor(&self, kind: GroupKind, sort: GroupSort) -> String {
        let value = match sort {
            GroupSort::Name => SortValue::Text(self.name_key.clone()),
            GroupSort::BooksDesc => SortValue::Number(self.books),
        };
        encode_cursor(&order_of(kind, sort), &value, self.id)
    }

    fn into_group(self) -> BookGroup {
        BookGroup {
            id: self.id,
            name: self.name,
            books: self.books.unsigned_abs(),
        }
    }
}
