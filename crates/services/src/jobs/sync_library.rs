//! Reads the library service: every item's head, and in full what changed since.

use std::collections::{HashMap, HashSet};

use clients::library::{ItemHead, Library, LibraryRoot};
use db::books::BookHead;
use db::library_syncs::SyncSuccess;
use jobs::{JobError, Outcome, RunContext};
use types::events::LiveEvent;
use types::integrations::Integration;
use types::jobs::LogLevel;

use crate::error::{Result, ServiceError};
use crate::import::shelve::choose_root;
use crate::{Services, connected, library_sync};

/// Heads per page of the list.
const PAGE: u64 = 500;
/// Items per call in full; the service's own limit for a batch is higher.
const BATCH: usize = 100;

/// The job: reads every item in full.
pub async fn sync_full(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    sync(services, ctx, true).await
}

/// The job: reads what is new or changed. The list of heads is read whole, as the service can't sort by change.
pub async fn sync_incremental(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    sync(services, ctx, false).await
}

async fn sync(services: &Services, ctx: &RunContext, is_full: bool) -> std::result::Result<Outcome, JobError> {
    let Some((integration, library)) = connected::find_library(services).await? else {
        return Ok(Outcome::NothingToDo("No Audiobookshelf is connected.".into()));
    };
    match read_library(services, ctx, &integration, library.as_ref(), is_full).await {
        Ok(sentence) => Ok(Outcome::Done(sentence)),
        Err(Failure::Stopped(stopped)) => Err(stopped),
        Err(Failure::Service(error)) => {
            let mut conn = services.connection().await?;
            db::library_syncs::record_unreadable_library(&mut conn, integration.id, &error.message, services.now())
                .await
                .map_err(ServiceError::from)?;
            db::events::notify(&mut conn, &LiveEvent::Library)
                .await
                .map_err(ServiceError::from)?;
            Err(error.into())
        }
    }
}

enum Failure {
    Stopped(JobError),
    Service(ServiceError),
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

async fn read_library(
    services: &Services,
    ctx: &RunContext,
    integration: &Integration,
    library: &dyn Library,
    is_full: bool,
) -> std::result::Result<String, Failure> {
    let started_at = services.now();
    let root = choose_root(integration, library).await?;
    let heads = read_heads(ctx, library, &root).await?;
    ctx.log(LogLevel::Info, format!("\"{}\" has {} items.", root.name, heads.len()))
        .await;
    let known = known_books(services, integration).await?;
    let (changed, same): (Vec<&ItemHead>, Vec<&ItemHead>) =
        heads.iter().partition(|head| is_full || has_changed(&known, head));
    mark_seen(services, integration, &same).await?;
    let mut read = 0;
    let mut new = 0;
    for batch in changed.chunks(BATCH) {
        ctx.check_cancelled().map_err(Failure::Stopped)?;
        let ids: Vec<String> = batch.iter().map(|head| head.id.clone()).collect();
        let items = library.items_by_id(&ids).await.map_err(ServiceError::from)?;
        for item in &items {
            library_sync::store_item(services, integration, item, None).await?;
            new += i64::from(!known.contains_key(&item.id));
        }
        read += items.len();
        ctx.progress(
            u64::try_from(read).unwrap_or(0),
            u64::try_from(changed.len()).unwrap_or(0),
        );
    }
    ctx.count("read", i64::try_from(read).unwrap_or(i64::MAX));
    ctx.count("new", new);
    let success = SyncSuccess {
        is_full,
        newest_updated_ms: newest(&heads),
        now: started_at,
    };
    let missing = end_sync(services, integration, success).await?;
    ctx.count("missing", i64::try_from(missing).unwrap_or(i64::MAX));
    Ok(format!(
        "{} items; {read} read, {new} new, {missing} newly missing.",
        heads.len()
    ))
}

/// Every head once, whatever moves between two pages.
async fn read_heads(
    ctx: &RunContext,
    library: &dyn Library,
    root: &LibraryRoot,
) -> std::result::Result<Vec<ItemHead>, Failure> {
    let mut heads: Vec<ItemHead> = Vec::new();
    let mut seen = HashSet::new();
    for page in 0.. {
        ctx.check_cancelled().map_err(Failure::Stopped)?;
        let answer = library.items(&root.id, page, PAGE).await.map_err(ServiceError::from)?;
        let is_last = answer.items.is_empty() || (page + 1) * PAGE >= answer.total;
        heads.extend(answer.items.into_iter().filter(|head| seen.insert(head.id.clone())));
        if is_last {
            break;
        }
    }
    Ok(heads)
}

async fn known_books(services: &Services, integration: &Integration) -> Result<HashMap<String, BookHead>> {
    let mut conn = services.connection().await?;
    let heads = db::books::list_book_heads(&mut conn, integration.id).await?;
    Ok(heads.into_iter().map(|head| (head.external_id.clone(), head)).collect())
}

fn has_changed(known: &HashMap<String, BookHead>, head: &ItemHead) -> bool {
    known.get(&head.id).is_none_or(|book| {
        book.source_updated_ms != head.updated_ms
            || book.path != head.path
            || book.missing_since.is_some() != head.is_missing
    })
}

async fn mark_seen(services: &Services, integration: &Integration, same: &[&ItemHead]) -> Result<()> {
    let mut conn = services.connection().await?;
    let present: Vec<String> = same
        .iter()
        .filter(|head| !head.is_missing)
        .map(|head| head.id.clone())
        .collect();
    for ids in present.chunks(10_000) {
        db::books::mark_books_seen(&mut conn, integration.id, ids, services.now()).await?;
    }
    Ok(())
}

async fn end_sync(services: &Services, integration: &Integration, success: SyncSuccess) -> Result<usize> {
    let mut conn = services.connection().await?;
    let missing = db::books::mark_unseen_books_missing(&mut conn, integration.id, success.now, services.now()).await?;
    db::library_syncs::record_sync_success(&mut conn, integration.id, success).await?;
    db::events::notify(&mut conn, &LiveEvent::Library).await?;
    Ok(missing)
}

fn newest(heads: &[ItemHead]) -> i64 {
    heads.iter().map(|head| head.updated_ms).max().unwrap_or(0)
}
