//! Grabbing: hands a chosen release to the download's life, once.

use db::Connection;
use db::candidates::CandidateRow;
use db::downloads::{DownloadRow, NewDownload};
use diesel_async::AsyncConnection;
use domain::choice::holds_several;
use domain::normalise::title_key;
use jobs::NewRun;
use serde_json::json;
use types::downloads::{DownloadState, EventCode};
use types::jobs::JobKind;
use types::people::Role;
use types::search::{Decision, ReleaseFacts, SearchForm, Verdict};
use types::wants::WantReason;
use types::{CandidateId, DownloadId, RunId, WantId, WorkId};

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::record_action;
use crate::error::{Result, ServiceError};
use crate::ownership::{Ownership, find_library_obstacle, find_owned, identity_of_form};
use crate::transition::{Step, new_event, take_step};
use crate::wants::{new_download, open_want};
use crate::works::resolve_work;

/// How a grab is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrabOptions {
    /// A person grabs what the verdict or the ownership speaks against.
    pub is_forced: bool,
    /// The same key again gives the same download.
    pub idempotency_key: Option<String>,
}

/// Grabs a candidate for a person. The work's ownership is settled in the same transaction.
pub async fn grab_candidate(
    services: &Services,
    actor: &Actor,
    id: CandidateId,
    options: GrabOptions,
) -> Result<DownloadId> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    let grabbed = conn
        .transaction(async |conn| grab_in(services, conn, actor, id, &options).await)
        .await;
    match grabbed {
        // Somebody grabbed the same work at the same moment: theirs is ours.
        Err(error) if error.code == types::ErrorCode::Conflict && !options.is_forced => {
            find_grab_of(&mut conn, id).await?.ok_or(error)
        }
        other => other,
    }
}

async fn grab_in(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    id: CandidateId,
    options: &GrabOptions,
) -> Result<DownloadId> {
    if let Some(key) = &options.idempotency_key
        && let Some(download) = db::downloads::find_download_by_key(conn, key).await?
    {
        return Ok(download.id());
    }
    let candidate = load_candidate(conn, id).await?;
    let verdict = candidate.row.verdict()?;
    if verdict.decision == Decision::Rejected && !options.is_forced {
        return Err(ServiceError::conflict(format!(
            "This release was refused: {}",
            reasons(&verdict)
        )));
    }
    let (want, work) = find_want(services, conn, actor, &candidate).await?;
    refuse_owned(conn, &candidate, options.is_forced).await?;
    let chosen = Chosen {
        candidate: &candidate.row,
        verdict: &verdict,
        want,
        work,
        options,
        attempts: 0,
    };
    let before = db::downloads::find_active_download(conn, work).await?;
    let id = queue_chosen(services, conn, actor, &chosen).await?;
    // The same release again is on its way already, and nothing happened.
    if before.map(|download| is_in_flight(&download)).transpose()? != Some(true) {
        let detail = json!({ "download": id, "is_forced": options.is_forced });
        record_action(
            conn,
            services,
            actor,
            "grab_candidate",
            (Some(candidate.facts.title), detail),
        )
        .await?;
    }
    Ok(id)
}

/// A release that is about to be grabbed.
pub(crate) struct Chosen<'a> {
    pub candidate: &'a CandidateRow,
    pub verdict: &'a Verdict,
    pub want: WantId,
    pub work: WorkId,
    pub options: &'a GrabOptions,
    /// Retries by itself that led here; 0 when a person chose.
    pub attempts: i32,
}

/// Queues the release on the work's active download, or on a new one. A download in flight is never doubled.
pub(crate) async fn queue_chosen(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    chosen: &Chosen<'_>,
) -> Result<DownloadId> {
    let lead = match chosen.verdict.decision {
        Decision::Rejected => "Chosen all the same.",
        _ => "Chosen:",
    };
    let sentence = format!("{lead} {}.", chosen.verdict.summary.trim_end_matches('.'));
    let download = match db::downloads::find_active_download(conn, chosen.work).await? {
        Some(download) if is_in_flight(&download)? => {
            if download.release_id == Some(chosen.candidate.release_id) {
                return Ok(download.id());
            }
            return Err(ServiceError::conflict(
                "Another release of this work is on its way. Cancel that download first, or wait for it.",
            ));
        }
        Some(download) => download,
        None => {
            let new = NewDownload {
                idempotency_key: chosen.options.idempotency_key.clone(),
                ..new_download(services, chosen.want, chosen.work)
            };
            let event = new_event(
                services,
                actor,
                EventCode::Created,
                format!("{} chose a release.", actor.name()),
            );
            db::downloads::insert_download(conn, &new, &event).await?
        }
    };
    let former = download.release_id;
    let step = Step::new(DownloadState::Queued, EventCode::Chosen, sentence).with(|changes| {
        changes.candidate_id = Some(Some(chosen.candidate.id));
        changes.release_id = Some(Some(chosen.candidate.release_id));
        changes.search_id = Some(Some(chosen.candidate.search_id));
        changes.size_bytes = Some(None);
        changes.is_forced = Some(chosen.options.is_forced);
        changes.attempts = Some(chosen.attempts);
        changes.next_at = Some(None);
        // Another release has another torrent.
        changes.info_hash = Some(None);
        changes.info_hash_v2 = Some(None);
        changes.client_id = Some(None);
        changes.progress = Some(None);
        changes.completed_bytes = Some(None);
        changes.last_bytes_at = Some(None);
        changes.stall_step = Some(0);
    });
    let download = take_step(services, conn, actor, &download, step).await?;
    if former != Some(chosen.candidate.release_id) {
        db::imports::set_imports_former(conn, download.id()).await?;
    }
    db::download_parts::delete_parts(conn, download.id()).await?;
    enqueue_advance(services, conn, actor, download.id()).await?;
    Ok(download.id())
}

/// Queues the next step of a download in the caller's transaction.
pub(crate) async fn enqueue_advance(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    id: DownloadId,
) -> Result<()> {
    let now = services.now();
    let run = NewRun::about(
        services.new_id::<RunId>(),
        JobKind::AdvanceDownload,
        id.0,
        actor.name(),
        now,
    );
    jobs::enqueue(conn, NewRun { priority: 10, ..run }, now).await?;
    Ok(())
}

/// Queued with a release, or further: choosing something else would double it.
fn is_in_flight(download: &DownloadRow) -> Result<bool> {
    Ok(matches!(
        download.state()?,
        DownloadState::Queued
            | DownloadState::Sent
            | DownloadState::Downloading
            | DownloadState::Downloaded
            | DownloadState::Verifying
            | DownloadState::Importing
    ))
}

/// The want that the candidate's search was for, or one that this grab opens.
async fn find_want(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    candidate: &LoadedCandidate,
) -> Result<(WantId, WorkId)> {
    if let Some(want) = candidate.want {
        let want = db::wants::find_want_row(conn, want)
            .await?
            .ok_or_else(|| ServiceError::not_found("want"))?;
        return Ok((want.id.into(), want.work_id.into()));
    }
    let form = fill_form(candidate.form.clone(), &candidate.facts);
    let work = resolve_work(services, conn, &identity_of_form(&form)).await?;
    db::works::lock_work(conn, work).await?;
    let want = open_want(services, conn, actor, work, &form, WantReason::Manual).await?;
    Ok((want, work))
}

/// What the person typed, with the names that the chosen release has. A set's title is not that of the book in it.
fn fill_form(form: SearchForm, facts: &ReleaseFacts) -> SearchForm {
    if facts.authors.is_empty() {
        return form;
    }
    let is_set_around_it = holds_several(facts) && title_key(&form.title).key != title_key(&facts.title).key;
    let series = facts.series.first();
    let or_claimed = |typed: String, claimed: Option<String>| {
        if typed.is_empty() {
            claimed.unwrap_or_default()
        } else {
            typed
        }
    };
    let title = if is_set_around_it {
        form.title.clone()
    } else {
        facts.title.clone()
    };
    let sequence = series
        .filter(|_| !is_set_around_it)
        .and_then(|series| series.sequence.clone());
    SearchForm {
        title,
        author: facts.authors.join("; "),
        series: or_claimed(form.series, series.map(|series| series.name.clone())),
        sequence: or_claimed(form.sequence, sequence),
        ..form
    }
}

/// A candidate with the search that it came from and what its release says.
struct LoadedCandidate {
    row: CandidateRow,
    want: Option<WantId>,
    form: SearchForm,
    facts: ReleaseFacts,
}

async fn load_candidate(conn: &mut Connection, id: CandidateId) -> Result<LoadedCandidate> {
    let gone = || ServiceError::not_found("release");
    let row = db::candidates::find_candidate_row(conn, id).await?.ok_or_else(gone)?;
    let search = db::searches::find_search(conn, row.search_id.into())
        .await?
        .ok_or_else(gone)?;
    let release = db::releases::find_release(conn, row.release_id.into())
        .await?
        .ok_or_else(gone)?;
    Ok(LoadedCandidate {
        row,
        want: search.want_id.map(Into::into),
        form: search.form()?,
        facts: release.facts()?,
    })
}

/// Another edition of an owned work is not grabbed unless a person insists; nor is anything while nobody can tell.
async fn refuse_owned(conn: &mut Connection, candidate: &LoadedCandidate, is_forced: bool) -> Result<()> {
    if is_forced {
        return Ok(());
    }
    if let Some(sentence) = find_library_obstacle(conn).await? {
        let advice = "Nobody can tell whether this is owned: mend that first, or grab it anyway.";
        return Err(ServiceError::conflict(format!("{sentence} {advice}")));
    }
    let identity = identity_of_form(&fill_form(candidate.form.clone(), &candidate.facts));
    match find_owned(conn, &identity).await? {
        Ownership::Owned(_, sentence) => Err(ServiceError::conflict(sentence)),
        Ownership::Unsure(_) | Ownership::NotOwned => Ok(()),
    }
}

async fn find_grab_of(conn: &mut Connection, id: CandidateId) -> Result<Option<DownloadId>> {
    Ok(db::downloads::find_download_of_candidate(conn, id)
        .await?
        .map(|row| row.id()))
}

fn reasons(verdict: &Verdict) -> String {
    let sentences: Vec<&str> = verdict
        .findings
        .iter()
        .map(|finding| finding.sentence.as_str())
        .collect();
    if sentences.is_empty() {
        verdict.summary.clone()
    } else {
        sentences.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use types::search::SeriesClaim;

    use super::*;

    #[test]
    fn a_set_does_not_lend_its_title_to_the_book_that_was_looked_for() {
        let form = SearchForm {
            title: "rogue protocol".into(),
            ..SearchForm::default()
        };
        let release = |title: &str, sequence: &str| ReleaseFacts {
            title: title.into(),
            authors: vec!["Martha Wells".into()],
            series: vec![SeriesClaim {
                name: "The Murderbot Diaries".into(),
                sequence: Some(sequence.into()),
            }],
            ..ReleaseFacts::default()
        };
        let of_one = fill_form(form.clone(), &release("Rogue Protocol", "3"));
        assert_eq!(
            (of_one.title.as_str(), of_one.sequence.as_str()),
            ("Rogue Protocol", "3")
        );
        let of_set = fill_form(form, &release("The Murderbot Diaries", "1-3"));
        assert_eq!(
            (of_set.title.as_str(), of_set.sequence.as_str()),
            ("rogue protocol", "")
        );
    }
}
