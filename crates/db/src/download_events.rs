//! The append-only history of downloads. Events are written with the change that they tell, see `downloads`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::DownloadId;
use types::downloads::DownloadEvent;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::download_events;

/// The history of a download, newest last.
pub async fn list_events(conn: &mut Connection, id: DownloadId) -> DbResult<Vec<DownloadEvent>> {
    type Columns = (DateTime<Utc>, String, Option<String>, String, String, String);
    let rows: Vec<Columns> = download_events::table
        .filter(download_events::download_id.eq(id.0))
        .order(download_events::id)
        .select((
            download_events::at,
            download_events::actor,
            download_events::from_state,
            download_events::to_state,
            download_events::code,
            download_events::sentence,
        ))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(at, actor, from, to, code, sentence)| {
            let from_state = from.map(|word| word.parse()).transpose()?;
            Ok(DownloadEvent {
                at,
                actor,
                from_state,
                to_state: to.parse()?,
                code: code.parse()?,
                sentence,
            })
        })
        .collect()
}
