//! Who did what. The database refuses to change or remove a line (`migrations/*_audit`).

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::audit::AuditFilter;
use types::{Page, PageRequest};
use uuid::Uuid;

use crate::cursor::{SortValue, decode_cursor, encode_cursor};
use crate::error::{DbError, DbResult};
use crate::pool::Connection;
use crate::schema::{api_keys, audit_log};
use crate::text::{storable, storable_json};

const ORDER: &str = "-id audit_log";

/// By which credential; nothing = none, or unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Insertable, Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(diesel::pg::Pg))]
pub struct CredentialRow {
    pub session_id: Option<Uuid>,
    pub api_key_id: Option<Uuid>,
    /// As the key was called then; [`insert_audit_entry`] looks it up.
    pub api_key_name: Option<String>,
}

/// A line of the log. Never put a secret into `detail`.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = audit_log)]
pub struct NewAuditEntry {
    pub at: DateTime<Utc>,
    pub user_id: Option<Uuid>,
    /// A user name, or "mamcrawler".
    pub actor: String,
    pub address: Option<String>,
    /// "login", "save_integration".
    pub action: String,
    pub subject: Option<String>,
    pub detail: Value,
    #[diesel(embed)]
    pub credential: CredentialRow,
}

/// A stored line.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(diesel::pg::Pg))]
pub struct AuditRow {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub user_id: Option<Uuid>,
    pub actor: String,
    pub address: Option<String>,
    pub action: String,
    pub subject: Option<String>,
    pub detail: Value,
    #[diesel(embed)]
    pub credential: CredentialRow,
}

/// Adds a line.
pub async fn insert_audit_entry(conn: &mut Connection, entry: &NewAuditEntry) -> DbResult<()> {
    let credential = CredentialRow {
        api_key_name: find_key_name(conn, entry.credential.api_key_id).await?,
        ..entry.credential.clone()
    };
    let entry = NewAuditEntry {
        credential,
        actor: storable(&entry.actor),
        subject: entry.subject.as_deref().map(storable),
        detail: storable_json(&entry.detail),
        ..entry.clone()
    };
    diesel::insert_into(audit_log::table)
        .values(entry)
        .execute(conn)
        .await?;
    Ok(())
}

async fn find_key_name(conn: &mut Connection, key: Option<Uuid>) -> DbResult<Option<String>> {
    let Some(key) = key else {
        return Ok(None);
    };
    let name = api_keys::table.find(key).select(api_keys::name);
    Ok(name.first(conn).await.optional()?)
}

/// Lines that match, newest first. `BadCursor` when the cursor is not ours.
pub async fn list_audit_entries(
    conn: &mut Connection,
    filter: &AuditFilter,
    page: &PageRequest,
) -> DbResult<Page<AuditRow>> {
    let before = page.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = page.limit() as usize;
    let mut rows = list_audit_entries_before(conn, filter, before, limit as i64 + 1).await?;
    let total: i64 = matching(filter).count().get_result(conn).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows
        .last()
        .filter(|_| has_more)
        .map(|row| encode_cursor(ORDER, &SortValue::Number(row.id), Uuid::nil()));
    Ok(Page {
        items: rows,
        next_cursor,
        total: total.unsigned_abs(),
    })
}

/// At most `limit` matching lines older than the line `before`, newest first; for exports, which need no count.
pub async fn list_audit_entries_before(
    conn: &mut Connection,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: i64,
) -> DbResult<Vec<AuditRow>> {
    let mut query = matching(filter)
        .select(AuditRow::as_select())
        .order(audit_log::id.desc())
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(audit_log::id.lt(before));
    }
    Ok(query.load(conn).await?)
}

/// Removes lines from before `moment`, by the one way that the database leaves open; gives their number.
///
/// Lines of the last 30 days stay whatever `moment` is.
pub async fn delete_audit_entries_before(conn: &mut Connection, moment: DateTime<Utc>) -> DbResult<usize> {
    #[derive(QueryableByName)]
    struct Removed {
        #[diesel(sql_type = BigInt)]
        removed: i64,
    }
    let query = diesel::sql_query("SELECT remove_audit_log_before($1) AS removed").bind::<Timestamptz, _>(moment);
    let Removed { removed } = query.get_result(conn).await?;
    Ok(usize::try_from(removed).unwrap_or_default())
}

fn matching(filter: &AuditFilter) -> audit_log::BoxedQuery<'static, diesel::pg::Pg> {
    let mut query = audit_log::table.into_boxed();
    if let Some(actor) = &filter.actor {
        query = query.filter(audit_log::actor.eq(storable(actor)));
    }
    if let Some(id) = filter.user_id {
        query = query.filter(audit_log::user_id.eq(id.0));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_log::action.eq(storable(action)));
    }
    if let Some(since) = filter.since {
        query = query.filter(audit_log::at.ge(since));
    }
    if let Some(until) = filter.until {
        query = query.filter(audit_log::at.lt(until));
    }
    if let Some(text) = &filter.text {
        // `strpos` takes the words as they are: no pattern, so nothing to escape.
        let everything = "strpos(lower(concat_ws(' ', actor, address, subject, detail::text, api_key_name, api_key_id, \
                          session_id)), lower(";
        let contains = diesel::dsl::sql::<diesel::sql_types::Bool>(everything)
            .bind::<Text, _>(storable(text))
            .sql(")) > 0");
        query = query.filter(contains);
    }
    query
}

fn read_cursor(cursor: &str) -> DbResult<i64> {
    match decode_cursor(ORDER, cursor)? {
        (SortValue::Number(id), _) => Ok(id),
        (SortValue::Text(_), _) => Err(DbError::BadCursor),
    }
}
