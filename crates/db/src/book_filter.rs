//! The WHERE clause of lists of books.

use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use types::library::{BookFilter, MissingField};
use uuid::Uuid;

use crate::text::clip;

/// A longer text is no search but an accident.
const TOKENS_MAX: usize = 8;
const TOKEN_CHARS_MAX: usize = 100;

/// A value of a query made at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bind {
    Text(String),
    Number(i64),
    Id(Uuid),
    Ids(Vec<Uuid>),
}

/// SQL with its values; `$n` in the text is the n-th of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) binds: Vec<Bind>,
}

impl Sql {
    /// Adds a value and answers its placeholder.
    pub(crate) fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    /// Ready to be run.
    pub(crate) fn into_query(self) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        self.binds
            .into_iter()
            .fold(diesel::sql_query(self.text).into_boxed(), |query, bind| match bind {
                Bind::Text(text) => query.bind::<Text, _>(text),
                Bind::Number(number) => query.bind::<BigInt, _>(number),
                Bind::Id(id) => query.bind::<SqlUuid, _>(id),
                Bind::Ids(ids) => query.bind::<Array<SqlUuid>, _>(ids),
            })
    }
}

/// The conditions on `books b`, with their values added to `sql`.
pub(crate) fn push_filter(sql: &mut Sql, filter: &BookFilter) -> Vec<String> {
    let mut conditions = Vec::new();
    // Folded by the caller like `search_text`, so a plain comparison works in every script.
    let tokens = filter
        .text
        .as_deref()
        .unwrap_or_default()
        .split_whitespace()
        .take(TOKENS_MAX);
    for token in tokens {
        let pattern = format!("%{}%", escape_like(&clip(token, TOKEN_CHARS_MAX)));
        conditions.push(format!("b.search_text LIKE {}", sql.bind(Bind::Text(pattern))));
    }
    for (role, person) in [("author", filter.author), ("narrator", filter.narrator)] {
        if let Some(person) = person {
            let id = sql.bind(Bind::Id(person.0));
            conditions.push(format!(
                "b.id IN (SELECT book_id FROM book_people WHERE person_id = {id} AND role = '{role}')"
            ));
        }
    }
    if let Some(series) = filter.series {
        let id = sql.bind(Bind::Id(series.0));
        conditions.push(format!(
            "b.id IN (SELECT book_id FROM book_series WHERE series_id = {id})"
        ));
    }
    if let Some(language) = &filter.language {
        conditions.push(format!(
            "b.language = {}",
            sql.bind(Bind::Text(clip(language, TOKEN_CHARS_MAX)))
        ));
    }
    if let Some(missing) = filter.missing {
        conditions.push(missing_condition(missing));
    }
    conditions
}

/// " WHERE a AND b", or nothing.
pub(crate) fn where_clause(conditions: &[String]) -> String {
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    }
}

fn missing_condition(field: MissingField) -> String {
    match field {
        MissingField::Files => "b.missing_since IS NOT NULL".into(),
        // A word of ours, not outside text.
        known => format!("'{known}' = ANY (b.lacks)"),
    }
}

/// The text as itself within a LIKE pattern.
pub(crate) fn escape_like(token: &str) -> String {
    token.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
