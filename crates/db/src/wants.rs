//! Wants and who has them.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::events::LiveEvent;
use types::search::SearchForm;
use types::wants::{Want, WantReason, WantStatus};
use types::{Page, PageRequest, UserId, WantId, WorkId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::events::notify;
use crate::newest_first::{DatedRow, NewestFirst};
use crate::pool::Connection;
use crate::schema::{want_people, wants};
use crate::text::storable_json;

/// A row of `wants`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = wants, check_for_backend(Pg))]
pub struct WantRow {
    pub id: Uuid,
    pub work_id: Uuid,
    pub target: Value,
    pub reason: String,
    pub status: String,
    pub created_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
}

impl WantRow {
    /// What is looked for.
    pub fn form(&self) -> DbResult<SearchForm> {
        Ok(serde_json::from_value(self.target.clone())?)
    }

    /// Whether it is still open.
    pub fn status(&self) -> DbResult<WantStatus> {
        Ok(self.status.parse()?)
    }
}

/// A want that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWant {
    pub id: WantId,
    pub work_id: WorkId,
    pub target: SearchForm,
    pub reason: WantReason,
    pub now: DateTime<Utc>,
}

/// Stores a want; `Duplicate { "wants_one_open_per_work" }` when the work is wanted already: join that one.
pub async fn insert_want(conn: &mut Connection, want: &NewWant) -> DbResult<()> {
    diesel::insert_into(wants::table)
        .values(WantRow {
            id: want.id.0,
            work_id: want.work_id.0,
            target: storable_json(&serde_json::to_value(&want.target)?),
            reason: want.reason.as_str().into(),
            status: WantStatus::Open.as_str().into(),
            created_at: want.now,
            closed_at: None,
        })
        .execute(conn)
        .await?;
    notify(conn, &LiveEvent::Wants).await
}

/// Adds a person to a want; whether they were not in it yet.
pub async fn join_want(conn: &mut Connection, id: WantId, user: UserId, now: DateTime<Utc>) -> DbResult<bool> {
    let joined = diesel::insert_into(want_people::table)
        .values((
            want_people::want_id.eq(id.0),
            want_people::user_id.eq(user.0),
            want_people::asked_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    notify(conn, &LiveEvent::Wants).await?;
    Ok(joined > 0)
}

/// The want with this id.
pub async fn find_want_row(conn: &mut Connection, id: WantId) -> DbResult<Option<WantRow>> {
    Ok(wants::table
        .find(id.0)
        .select(WantRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The open want of a work.
pub async fn find_open_want(conn: &mut Connection, work: WorkId) -> DbResult<Option<WantRow>> {
    let query = wants::table
        .filter(wants::work_id.eq(work.0))
        .filter(wants::status.eq(WantStatus::Open.as_str()));
    Ok(query.select(WantRow::as_select()).first(conn).await.optional()?)
}

/// Ends an open want; whether it was open.
pub async fn close_want(conn: &mut Connection, id: WantId, status: WantStatus, now: DateTime<Utc>) -> DbResult<bool> {
    let open = wants::table
        .filter(wants::id.eq(id.0))
        .filter(wants::status.eq(WantStatus::Open.as_str()));
    let values = (wants::status.eq(status.as_str()), wants::closed_at.eq(now));
    let closed = diesel::update(open).set(values).execute(conn).await? > 0;
    notify(conn, &LiveEvent::Wants).await?;
    Ok(closed)
}

/// Opens a cancelled want again; nothing happens to another. `Duplicate` when the work has another open want.
pub async fn reopen_want(conn: &mut Connection, id: WantId) -> DbResult<()> {
    let cancelled = wants::table
        .filter(wants::id.eq(id.0))
        .filter(wants::status.eq(WantStatus::Cancelled.as_str()));
    let values = (
        wants::status.eq(WantStatus::Open.as_str()),
        wants::closed_at.eq(None::<DateTime<Utc>>),
    );
    diesel::update(cancelled).set(values).execute(conn).await?;
    notify(conn, &LiveEvent::Wants).await
}

/// Everybody who asked for it, first asker first.
pub async fn list_want_people(conn: &mut Connection, id: WantId) -> DbResult<Vec<UserId>> {
    let query = want_people::table
        .filter(want_people::want_id.eq(id.0))
        .order((want_people::asked_at, want_people::user_id));
    let people: Vec<Uuid> = query.select(want_people::user_id).load(conn).await?;
    Ok(people.into_iter().map(UserId).collect())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    work_id: Uuid,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Array<Text>)]
    authors: Vec<String>,
    #[diesel(sql_type = Jsonb)]
    target: Value,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Array<Text>)]
    wanted_by: Vec<String>,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    download_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    search_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    sentence: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

/// With the newest download and search of each.
const SELECT: &str = "SELECT w.id, w.work_id, k.title, w.target, w.reason, w.status, w.created_at,
        ARRAY(SELECT p.name FROM work_authors a JOIN people p ON p.id = a.person_id
            WHERE a.work_id = w.work_id ORDER BY a.position) AS authors,
        ARRAY(SELECT u.username FROM want_people x JOIN users u ON u.id = x.user_id
            WHERE x.want_id = w.id ORDER BY x.asked_at, u.username) AS wanted_by,
        d.state, d.id AS download_id, s.id AS search_id, d.next_at,
        COALESCE(d.sentence, s.sentence, '') AS sentence
    FROM wants w JOIN works k ON k.id = w.work_id
        LEFT JOIN LATERAL (SELECT * FROM downloads WHERE want_id = w.id ORDER BY created_at DESC, id DESC LIMIT 1) d ON TRUE
        LEFT JOIN LATERAL (SELECT * FROM searches WHERE want_id = w.id ORDER BY started_at DESC, id DESC LIMIT 1) s ON TRUE";

const LIST: NewestFirst = NewestFirst {
    select: SELECT,
    table: "wants",
    alias: "w",
    column: "status",
};

impl DatedRow for Row {
    fn key(&self) -> (DateTime<Utc>, Uuid) {
        (self.created_at, self.id)
    }
}

/// Wants of a status, or all, newest first. `BadCursor` when the cursor is not ours.
pub async fn list_wants(conn: &mut Connection, status: Option<WantStatus>, page: &PageRequest) -> DbResult<Page<Want>> {
    let words: Vec<&str> = match status {
        Some(status) => vec![status.as_str()],
        None => WantStatus::ALL.iter().map(|status| status.as_str()).collect(),
    };
    let rows: Page<Row> = LIST.load_page(conn, &words, page).await?;
    rows.try_map(Row::into_want)
}

/// One want as lists show it.
pub async fn find_want(conn: &mut Connection, id: WantId) -> DbResult<Option<Want>> {
    let query = diesel::sql_query(format!("{SELECT} WHERE w.id = $1")).bind::<SqlUuid, _>(id.0);
    let row: Option<Row> = query.get_result(conn).await.optional()?;
    row.map(Row::into_want).transpose()
}

impl Row {
    fn into_want(self) -> DbResult<Want> {
        let form: SearchForm = serde_json::from_value(self.target)?;
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Want {
            id: self.id.into(),
            work_id: self.work_id.into(),
            title: self.title,
            authors: self.authors,
            series: given(form.series),
            sequence: given(form.sequence),
            narrator: given(form.narrator),
            reason: self.reason.parse()?,
            status: self.status.parse()?,
            wanted_by: self.wanted_by,
            state: self.state.map(|word| word.parse()).transpose()?,
            download_id: self.download_id.map(Into::into),
            search_id: self.search_id.map(Into::into),
            sentence: self.sentence,
            next_at: self.next_at,
            created_at: self.created_at,
        })
    }
}
