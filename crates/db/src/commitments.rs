//! What is on its way through a tracker account: slots that it will take and bytes that it will cost.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use types::{DownloadId, IntegrationId, SearchId, WantId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;

/// Sums over the downloads that have a release of the account and are not complete, those included whose hold is being
/// looked at: several at once must not take the same slot.
///
/// The tracker may count some of them already; so it errs on the side of a free slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct CommittedRow {
    #[diesel(sql_type = BigInt)]
    pub in_flight: i64,
    #[diesel(sql_type = BigInt)]
    pub pending_paid_bytes: i64,
}

/// The commitments of an account, without the download that is being decided on.
pub async fn sum_commitments(
    conn: &mut Connection,
    account: IntegrationId,
    except: Option<DownloadId>,
    now: DateTime<Utc>,
) -> DbResult<CommittedRow> {
    let row = diesel::sql_query(
        "SELECT count(*) AS in_flight,
            COALESCE(sum((COALESCE(d.size_bytes, 0) * (1 - COALESCE(d.progress, 0)))::BIGINT)
                FILTER (WHERE NOT COALESCE((r.facts->>'is_free')::BOOLEAN, FALSE)), 0)::BIGINT AS pending_paid_bytes
         FROM downloads d JOIN releases r ON r.id = d.release_id
         WHERE r.integration_id = $1 AND d.id IS DISTINCT FROM $2 AND (d.state IN ('queued', 'sent', 'downloading')
            OR (d.state = 'hold' AND d.hold_reason <> 'approval' AND d.next_at <= $3))",
    )
    .bind::<SqlUuid, _>(account.0)
    .bind::<Nullable<SqlUuid>, _>(except.map(Uuid::from))
    .bind::<Timestamptz, _>(now);
    Ok(row.get_result(conn).await?)
}

#[derive(QueryableByName)]
struct Tries {
    #[diesel(sql_type = BigInt)]
    tries: i64,
}

/// How many releases of one search were tried for a want.
pub async fn count_tries(conn: &mut Connection, want: WantId, search: SearchId) -> DbResult<i64> {
    let row: Tries = diesel::sql_query("SELECT count(*) AS tries FROM downloads WHERE want_id = $1 AND search_id = $2")
        .bind::<SqlUuid, _>(want.0)
        .bind::<SqlUuid, _>(search.0)
        .get_result(conn)
        .await?;
    Ok(row.tries)
}
