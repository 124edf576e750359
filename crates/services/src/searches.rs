//! Interactive searches: started at once, filled while the page looks on.

use chrono::Duration;
use db::Connection;
use db::searches::NewSearch;
use tracing::Instrument;
use types::people::Role;
use types::search::{SearchForm, SearchResult, SearchStatus};
use types::{SearchId, WantId};

use crate::actor::{Actor, require};
use crate::error::{FieldErrors, Result, ServiceError};
use crate::{Services, search_run};

/// Longest text of one field; titles in the wild reach some hundred characters.
const FIELD_LIMIT: usize = 500;
/// A search that runs longer than this lost its process.
const SEARCH_LIMIT: Duration = Duration::minutes(10);

/// Starts a search and returns at once; `LiveEvent::Search` tells of every step.
///
/// Not in the audit log: it changes nothing, and the search itself says for 30 days who looked for what.
pub async fn start_search(services: &Services, actor: &Actor, form: SearchForm) -> Result<SearchId> {
    require(actor, Role::User)?;
    let form = check_form(form)?;
    let mut conn = services.connection().await?;
    let id = insert_search(services, &mut conn, actor, (&form, None)).await?;
    run_in_background(services, id, form);
    Ok(id)
}

/// Fills a stored search without waiting for it.
pub(crate) fn run_in_background(services: &Services, id: SearchId, form: SearchForm) {
    let services = services.clone();
    let searching = async move {
        if let Err(error) = search_run::run_search(&services, id, &form).await {
            fail_search(&services, id, &error).await;
        }
    };
    tokio::spawn(searching.in_current_span());
}

/// A search with its candidates, best first.
pub async fn get_search(services: &Services, actor: &Actor, id: SearchId) -> Result<SearchResult> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    let row = db::searches::find_search(&mut conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("search"))?;
    Ok(SearchResult {
        id,
        form: row.form()?,
        want_id: row.want_id.map(Into::into),
        status: row.status.parse().map_err(db::DbError::from)?,
        indexers: row.outcomes()?,
        candidates: db::candidates::list_candidates(&mut conn, id).await?,
        started_at: row.started_at,
        finished_at: row.finished_at,
        sentence: row.sentence,
    })
}

/// Ends searches whose process died with a sentence that says so.
pub async fn end_lost_searches(services: &Services) -> Result<u64> {
    let mut conn = services.connection().await?;
    let now = services.now();
    let sentence = "The server stopped during this search. Search again.";
    let lost = db::searches::list_stale_searches(&mut conn, now - SEARCH_LIMIT).await?;
    for search in &lost {
        db::searches::finish_search(&mut conn, search.id.into(), SearchStatus::Failed, sentence, now).await?;
    }
    Ok(u64::try_from(lost.len()).unwrap_or(u64::MAX))
}

/// The row that a search fills. What is grabbed from the search of a want is grabbed for that want.
pub(crate) async fn insert_search(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    (form, want): (&SearchForm, Option<WantId>),
) -> Result<SearchId> {
    let id = services.new_id::<SearchId>();
    let search = NewSearch {
        id,
        want_id: want,
        user_id: actor.user_id().map(Into::into),
        form: form.clone(),
        outcomes: Vec::new(),
        now: services.now(),
    };
    db::searches::insert_search(conn, &search).await?;
    Ok(id)
}

/// Ends a search that failed as a whole; what the database does not take is in the log.
pub(crate) async fn fail_search(services: &Services, id: SearchId, error: &ServiceError) {
    let sentence = format!("The search failed: {}", error.message);
    let stored = async {
        let mut conn = services.connection().await?;
        db::searches::finish_search(&mut conn, id, SearchStatus::Failed, &sentence, services.now()).await?;
        Ok::<_, ServiceError>(())
    };
    if let Err(unstored) = stored.await {
        tracing::error!(search.id = %id, "could not store that a search failed: {unstored} ({sentence})");
    }
}

/// Trims every field and refuses what can't be searched for.
pub(crate) fn check_form(form: SearchForm) -> Result<SearchForm> {
    let trim = |text: String| text.trim().to_owned();
    let form = SearchForm {
        title: trim(form.title),
        author: trim(form.author),
        series: trim(form.series),
        sequence: trim(form.sequence),
        narrator: trim(form.narrator),
        asin: trim(form.asin).to_uppercase(),
        language: trim(form.language),
        runtime_minutes: form.runtime_minutes,
    };
    let mut errors = FieldErrors::default();
    if form.title.is_empty() {
        errors.add("title", "Say which title to look for.");
    }
    let fields = [
        ("title", &form.title),
        ("author", &form.author),
        ("series", &form.series),
        ("sequence", &form.sequence),
        ("narrator", &form.narrator),
        ("asin", &form.asin),
        ("language", &form.language),
    ];
    for (name, text) in fields {
        if text.chars().count() > FIELD_LIMIT {
            errors.add(name, format!("This is longer than {FIELD_LIMIT} characters."));
        }
    }
    errors.into_result()?;
    Ok(form)
}
