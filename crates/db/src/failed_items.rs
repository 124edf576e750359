//! Names of the things that jobs fail at.

use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use types::jobs::{FailedItem, FailedItemKind};
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;

#[derive(diesel::QueryableByName)]
struct NamedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Each of these downloads and integrations by its name, in the order of `ids`; what is gone says so.
pub async fn name_items(conn: &mut Connection, ids: &[Uuid]) -> DbResult<Vec<FailedItem>> {
    let rows: Vec<NamedRow> = diesel::sql_query(
        "SELECT d.id, 'download' AS kind, w.title AS name FROM downloads AS d JOIN works AS w ON w.id = d.work_id
         WHERE d.id = ANY($1)
         UNION ALL SELECT id, 'integration', name FROM integrations WHERE id = ANY($1)",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .load(conn)
    .await?;
    let name = |id: &Uuid| {
        let row = rows.iter().find(|row| row.id == *id);
        FailedItem {
            kind: row
                .and_then(|row| row.kind.parse().ok())
                .unwrap_or(FailedItemKind::Gone),
            id: *id,
            name: row.map(|row| row.name.clone()).unwrap_or_default(),
        }
    };
    Ok(ids.iter().map(name).collect())
}
