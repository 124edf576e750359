//! Wants: one open want a work, which others join.

use db::Connection;
use db::downloads::{DownloadRow, NewDownload};
use db::wants::NewWant;
use diesel_async::AsyncConnection;
use jobs::NewRun;
use serde_json::json;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::jobs::JobKind;
use types::people::Role;
use types::search::SearchForm;
use types::wants::{Want, WantReason, WantStatus};
use types::{DownloadId, Page, PageRequest, RunId, WantId, WorkId};

use crate::actor::{Actor, require, require_user};
use crate::audit::record_action;
use crate::downloads::stop_unfinished;
use crate::error::{Result, ServiceError};
use crate::ownership::{Ownership, find_owned, identity_of_form};
use crate::transition::{Step, new_event, note_event, take_step};
use crate::works::resolve_work;
use crate::{Services, searches};

/// Wants with where they stand, newest first.
pub async fn list_wants(
    services: &Services,
    actor: &Actor,
    status: Option<WantStatus>,
    page: PageRequest,
) -> Result<Page<Want>> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    Ok(db::wants::list_wants(&mut conn, status, &page).await?)
}

/// A want with where it stands.
pub async fn get_want(services: &Services, actor: &Actor, id: WantId) -> Result<Want> {
    require(actor, Role::Viewer)?;
    let want = db::wants::find_want(&mut *services.connection().await?, id).await?;
    want.ok_or_else(|| ServiceError::not_found("want"))
}

/// Notes that the actor wants a work. An open want of the same work is joined; an owned work is refused with the reason.
///
/// A manager's want is searched for at once, anybody else's waits for approval.
pub async fn create_want(services: &Services, actor: &Actor, form: SearchForm, reason: WantReason) -> Result<WantId> {
    require(actor, Role::User)?;
    let form = searches::check_form(form)?;
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let identity = identity_of_form(&form);
        if let Ownership::Owned(_, sentence) = find_owned(conn, &identity).await? {
            return Err(ServiceError::conflict(sentence));
        }
        let work = resolve_work(services, conn, &identity).await?;
        // Two people who want the same work at once take turns here.
        db::works::lock_work(conn, work).await?;
        let want = open_want(services, conn, actor, work, &form, reason).await?;
        begin_download(services, conn, actor, want, work).await?;
        let about = (Some(form.title.clone()), json!({ "author": form.author, "want": want }));
        record_action(conn, services, actor, "create_want", about).await?;
        Ok(want)
    })
    .await
}

/// Ends the want and what is on its way for it, unless the client has finished it.
pub async fn cancel_want(services: &Services, actor: &Actor, id: WantId) -> Result<()> {
    require(actor, Role::User)?;
    let mut conn = services.connection().await?;
    let cancelled = conn
        .transaction(async |conn| {
            let want = db::wants::find_want_row(conn, id)
                .await?
                .ok_or_else(|| ServiceError::not_found("want"))?;
            require_share(conn, actor, id).await?;
            if want.status()? != WantStatus::Open {
                return Err(ServiceError::conflict("This want has ended already."));
            }
            let cancelled = cancel_active_download(services, conn, actor, want.work_id.into()).await?;
            db::wants::close_want(conn, id, WantStatus::Cancelled, services.now()).await?;
            let about = (Some(want.form()?.title), json!({ "want": id }));
            record_action(conn, services, actor, "cancel_want", about).await?;
            Ok(cancelled)
        })
        .await?;
    // The client may take its time; connections are few.
    drop(conn);
    if let Some(download) = cancelled {
        stop_unfinished(services, &download).await;
    }
    Ok(())
}

async fn cancel_active_download(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    work: WorkId,
) -> Result<Option<DownloadRow>> {
    let Some(download) = db::downloads::find_active_download(conn, work).await? else {
        return Ok(None);
    };
    let sentence = format!("{} no longer wants it.", actor.name());
    let step = Step::new(DownloadState::Cancelled, EventCode::Cancelled, sentence);
    Ok(Some(take_step(services, conn, actor, &download, step).await?))
}

/// Searches for an open want now, whatever it waits for. A manager's call also approves it.
pub async fn search_now(services: &Services, actor: &Actor, id: WantId) -> Result<()> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let want = db::wants::find_want_row(conn, id)
            .await?
            .ok_or_else(|| ServiceError::not_found("want"))?;
        if want.status()? != WantStatus::Open {
            return Err(ServiceError::conflict("This want has ended; ask for it anew."));
        }
        let work = WorkId(want.work_id);
        let download = match db::downloads::find_active_download(conn, work).await? {
            Some(download) => download,
            None => insert_download(services, conn, actor, id, work).await?,
        };
        let state = download.state()?;
        if state != DownloadState::Wanted && !state.is_waiting() {
            return Err(ServiceError::conflict("It is on its way already; see its download."));
        }
        enqueue_search(services, conn, actor, download.id()).await?;
        let is_approval = download.hold_reason.as_deref() == Some(HoldReason::Approval.as_str());
        let about = (
            Some(want.form()?.title),
            json!({ "want": id, "is_approval": is_approval }),
        );
        record_action(conn, services, actor, "search_want", about).await
    })
    .await
}

/// The open want of the work, with the actor among those who want it.
pub(crate) async fn open_want(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    work: WorkId,
    form: &SearchForm,
    reason: WantReason,
) -> Result<WantId> {
    let now = services.now();
    let id = match db::wants::find_open_want(conn, work).await? {
        Some(want) => want.id.into(),
        None => {
            let want = NewWant {
                id: services.new_id(),
                work_id: work,
                target: form.clone(),
                reason,
                now,
            };
            db::wants::insert_want(conn, &want).await?;
            want.id
        }
    };
    if let Some(user) = actor.user_id() {
        db::wants::join_want(conn, id, user, now).await?;
    }
    Ok(id)
}

/// What an existing want looks for.
pub(crate) async fn form_of_want(conn: &mut Connection, id: WantId) -> Result<SearchForm> {
    let want = db::wants::find_want_row(conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("want"))?;
    Ok(want.form()?)
}

/// One active download a work: joins it, or makes one that searches or waits for approval.
async fn begin_download(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    want: WantId,
    work: WorkId,
) -> Result<DownloadId> {
    if let Some(download) = db::downloads::find_active_download(conn, work).await? {
        let sentence = format!("{} wants it too.", actor.name());
        note_event(services, conn, actor, download.id(), EventCode::Joined, &sentence).await?;
        return Ok(download.id());
    }
    let download = insert_download(services, conn, actor, want, work).await?;
    if require(actor, Role::Manager).is_err() {
        let sentence = format!(
            "{} asked for it; it waits until a manager approves it.",
            require_user(actor)?.username
        );
        take_step(
            services,
            conn,
            actor,
            &download,
            Step::hold(HoldReason::Approval, sentence),
        )
        .await?;
    } else {
        enqueue_search(services, conn, actor, download.id()).await?;
    }
    Ok(download.id())
}

async fn insert_download(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    want: WantId,
    work: WorkId,
) -> Result<DownloadRow> {
    let sentence = format!("{} wants it. A search comes next.", actor.name());
    let event = new_event(services, actor, EventCode::Created, sentence);
    Ok(db::downloads::insert_download(conn, &new_download(services, want, work), &event).await?)
}

/// A download that begins as `wanted`.
pub(crate) fn new_download(services: &Services, want_id: WantId, work_id: WorkId) -> NewDownload {
    NewDownload {
        id: services.new_id(),
        want_id,
        work_id,
        search_id: None,
        candidate_id: None,
        release_id: None,
        state: DownloadState::Wanted,
        hold_reason: None,
        size_bytes: None,
        is_forced: false,
        replaces_id: None,
        idempotency_key: None,
    }
}

/// Queues the search of a download in the caller's transaction.
pub(crate) async fn enqueue_search(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    download: DownloadId,
) -> Result<()> {
    let run = services.new_id::<RunId>();
    let now = services.now();
    let run = NewRun::about(run, JobKind::SearchWant, download.0, actor.name(), now);
    jobs::enqueue(
        conn,
        NewRun {
            max_attempts: 2,
            priority: 5,
            ..run
        },
        now,
    )
    .await?;
    Ok(())
}

/// Only a manager ends what somebody else wants.
async fn require_share(conn: &mut Connection, actor: &Actor, want: WantId) -> Result<()> {
    if require(actor, Role::Manager).is_ok() {
        return Ok(());
    }
    let user = require_user(actor)?.id;
    if db::wants::list_want_people(conn, want).await? == [user] {
        return Ok(());
    }
    Err(ServiceError::forbidden(
        "Others want it too, so only a manager can end it.",
    ))
}
