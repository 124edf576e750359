//! Requests per service and day, pauses that a service asked for, and the one turn at a time.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use types::IntegrationId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::{self, Connection, Pool, PooledConnection};
use crate::schema::request_budgets;

/// A row of `request_budgets`. A pause with a sentence and no time lasts until a person acts.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = request_budgets, check_for_backend(Pg))]
pub struct RequestBudgetRow {
    pub integration_id: Uuid,
    pub day: NaiveDate,
    pub requests: i32,
    pub last_request_at: Option<DateTime<Utc>>,
    pub paused_until: Option<DateTime<Utc>>,
    pub pause_sentence: Option<String>,
}

/// The right to send a request to a service, held by one process at a time. Ends when dropped, or with the process.
pub struct Turn {
    /// The lock belongs to it and goes when it is closed.
    _conn: Connection,
}

impl Turn {
    /// Waits until nobody else has the turn, on a connection of its own: whoever has it needs others of the pool besides.
    pub async fn wait(pool: &Pool, id: IntegrationId) -> DbResult<Self> {
        let mut conn = PooledConnection::take(pool::get(pool).await?);
        // Those before us take as long as the services that they ask.
        pool::unbound_statements(&mut conn).await?;
        diesel::sql_query("SELECT pg_advisory_lock(hashtextextended('turn ' || $1, 0))")
            .bind::<Text, _>(id.to_string())
            .execute(&mut conn)
            .await?;
        Ok(Self { _conn: conn })
    }
}

/// The newest row of a service: the last request, and a pause that began on an earlier day.
pub async fn find_newest_budget(conn: &mut Connection, id: IntegrationId) -> DbResult<Option<RequestBudgetRow>> {
    let query = request_budgets::table
        .filter(request_budgets::integration_id.eq(id.0))
        .order(request_budgets::day.desc())
        .select(RequestBudgetRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// Counts a request and answers how many that makes today. A pause is carried over to a new day's row.
pub async fn record_request(conn: &mut Connection, id: IntegrationId, now: DateTime<Utc>) -> DbResult<i32> {
    let carried = find_newest_budget(conn, id).await?;
    let requests = diesel::insert_into(request_budgets::table)
        .values((
            request_budgets::integration_id.eq(id.0),
            request_budgets::day.eq(now.date_naive()),
            request_budgets::requests.eq(1),
            request_budgets::last_request_at.eq(now),
            request_budgets::paused_until.eq(carried.as_ref().and_then(|row| row.paused_until)),
            request_budgets::pause_sentence.eq(carried.and_then(|row| row.pause_sentence)),
        ))
        .on_conflict((request_budgets::integration_id, request_budgets::day))
        .do_update()
        .set((
            request_budgets::requests.eq(request_budgets::requests + 1),
            request_budgets::last_request_at.eq(now),
        ))
        .returning(request_budgets::requests)
        .get_result(conn)
        .await?;
    Ok(requests)
}

/// Stops requests until `until`, or until a person acts.
pub async fn pause_requests(
    conn: &mut Connection,
    id: IntegrationId,
    until: Option<DateTime<Utc>>,
    sentence: &str,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let pause = (
        request_budgets::paused_until.eq(until),
        request_budgets::pause_sentence.eq(sentence),
    );
    diesel::insert_into(request_budgets::table)
        .values((
            request_budgets::integration_id.eq(id.0),
            request_budgets::day.eq(now.date_naive()),
            pause,
        ))
        .on_conflict((request_budgets::integration_id, request_budgets::day))
        .do_update()
        .set(pause)
        .execute(conn)
        .await?;
    Ok(())
}

/// A person acted, or the pause is over.
pub async fn clear_pause(conn: &mut Connection, id: IntegrationId) -> DbResult<()> {
    diesel::update(request_budgets::table.filter(request_budgets::integration_id.eq(id.0)))
        .set((
            request_budgets::paused_until.eq(None::<DateTime<Utc>>),
            request_budgets::pause_sentence.eq(None::<String>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
