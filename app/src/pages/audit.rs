//! The audit log, for admins: who did what, before and after.

use chrono::{DateTime, Days, NaiveDate, Utc};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use types::audit::{AuditEntry, AuditFilter, AuditFormat};
use types::{ApiError, Page};

use crate::api::audit::list_audit_entries;
use crate::components::audit_words::{
    ACTIONS, is_refusal, tell_action, tell_change, tell_credential, tell_name, tell_value,
};
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, ErrorNotice, Tone};
use crate::components::pager::{Pager, link_with};
use crate::components::states::Badge;
use crate::format;
use crate::link::link_to;
use crate::pages::{read_page_request, read_query, show};

/// Lines by what the address asks for, newest first.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query = read_query();
    show(async move {
        let found = match read_filter(&query) {
            Ok(filter) => {
                let page = list_audit_entries(filter.clone(), read_page_request(&query)).await?;
                view! { <Found page=page filter=filter query=query.clone() /> }.into_any()
            }
            Err(error) => view! { <ErrorNotice error=error /> }.into_any(),
        };
        Ok(view! {
            <PageHead title="Audit log" />
            <FilterForm query=query />
            {found}
        }
        .into_any())
    })
}

/// What the address asks for. Days count in UTC, and the last one is included.
fn read_filter(query: &ParamsMap) -> Result<AuditFilter, ApiError> {
    let text = |name: &str| query.get(name).filter(|text| !text.trim().is_empty());
    let day = |name: &str| text(name).map(|day| read_day(name, &day)).transpose();
    let until = day("until")?.and_then(|last| last.checked_add_days(Days::new(1)));
    Ok(AuditFilter {
        actor: text("who"),
        user_id: None,
        action: text("action"),
        since: day("since")?,
        until,
        text: text("q"),
    })
}

fn read_day(name: &str, text: &str) -> Result<DateTime<Utc>, ApiError> {
    let day = text.trim().parse::<NaiveDate>().ok();
    let start = day
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|start| start.and_utc());
    start.ok_or_else(|| ApiError::field(name, format!("\"{text}\" is no date. Write it as 2026-11-22.")))
}

#[component]
fn FilterForm(query: ParamsMap) -> impl IntoView {
    let value = |name: &str| query.get(name).unwrap_or_default();
    let chosen = value("action");
    let is_listed = chosen.is_empty() || ACTIONS.iter().any(|(action, _)| *action == chosen);
    let unlisted =
        (!is_listed).then(|| view! { <option value=chosen.clone() selected=true>{tell_action(&chosen)}</option> });
    let actions = ACTIONS
        .iter()
        .map(|(action, words)| view! { <option value=*action selected={*action == chosen}>{*words}</option> })
        .collect_view();
    view! {
        <form method="get" action=link_to("/audit") class="library-form" role="search" autocomplete="off" data-live="">
            <div class="search-box">
                <label for="audit-search" class="visually-hidden">"Words in the log"</label>
                <input id="audit-search" type="search" name="q" value=value("q") dir="auto" spellcheck="false" placeholder="Words in the log" />
                <button class="button" type="submit">"Search"</button>
            </div>
            <div class="filters">
                <label class="filter"><span>"Who"</span><input type="text" name="who" value=value("who") dir="auto" spellcheck="false" /></label>
                <label class="filter">
                    <span>"What"</span>
                    <select name="action"><option value="">"Everything"</option>{unlisted}{actions}</select>
                </label>
                <label class="filter"><span>"From (UTC)"</span><input type="date" name="since" value=value("since") /></label>
                <label class="filter"><span>"To (UTC)"</span><input type="date" name="until" value=value("until") /></label>
            </div>
        </form>
    }
}

#[component]
fn Found(page: Page<AuditEntry>, filter: AuditFilter, query: ParamsMap) -> impl IntoView {
    if page.items.is_empty() {
        return view! {
            <Empty title="No line matches."><p><a href=link_to("/audit")>"Show everything"</a></p></Empty>
        }
        .into_any();
    }
    let count = format::format_counted(page.total, "line", "lines");
    let rows = page
        .items
        .into_iter()
        .map(|entry| view! { <EntryRow entry=entry query=query.clone() /> })
        .collect_view();
    view! {
        <p class="found" role="status">{count}", newest first"</p>
        <div class="actions">
            <a class="button button-quiet" href=export_address(AuditFormat::Csv, &filter) download="">"Export as CSV"</a>
            <a class="button button-quiet" href=export_address(AuditFormat::Ndjson, &filter) download="">"Export as NDJSON"</a>
        </div>
        <ul class="rows">{rows}</ul>
        <Pager path="/audit" query=query next_cursor=page.next_cursor />
    }
    .into_any()
}

/// The file with every line that matches: the API gives it to the same cookies.
fn export_address(format: AuditFormat, filter: &AuditFilter) -> String {
    let moment = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
    let mut query = ParamsMap::new();
    query.insert("format", format.as_str().to_owned());
    for (name, value) in [
        ("actor", filter.actor.clone()),
        ("action", filter.action.clone()),
        ("since", moment(filter.since)),
        ("until", moment(filter.until)),
        ("text", filter.text.clone()),
    ] {
        if let Some(value) = value {
            query.insert(name, value);
        }
    }
    link_to(format_args!("/api/v1/audit/export{}", query.to_query_string()))
}

#[component]
fn EntryRow(entry: AuditEntry, query: ParamsMap) -> impl IntoView {
    let mut of_actor = query;
    of_actor.remove("cursor");
    let of_actor = link_with("/audit", &of_actor, "who", Some(&entry.actor));
    let is_refused = is_refusal(&entry.action);
    let credential = entry.credential.as_ref().map(tell_credential);
    view! {
        <li class="row row-tight" data-key=entry.id.to_string()>
            <div class="row-head">
                <span class="row-title">{tell_action(&entry.action)}</span>
                {is_refused.then(|| view! { <Badge face=("Refused", Icon::Stop, Tone::Bad) /> })}
            </div>
            {entry.subject.clone().map(|subject| view! { <p class="row-sub"><bdi class="wrap">{subject}</bdi></p> })}
            <Details entry=entry.clone() />
            <p class="row-meta">
                <span>"by "<a href=of_actor><bdi>{entry.actor}</bdi></a></span>
                {entry.address.map(|address| view! { <span>"from "<bdi>{address}</bdi></span> })}
                {credential.map(|told| view! { <span>"with "<bdi class="wrap">{told}</bdi></span> })}
                <span>{format::format_moment(entry.at)}</span>
                <Moment at=entry.at />
            </p>
        </li>
    }
}

/// Fields before and after, and what else is known.
#[component]
fn Details(entry: AuditEntry) -> impl IntoView {
    let changes = entry.changes.into_iter().map(|change| {
        let words = tell_change(&change);
        (change.field, words)
    });
    let facts = entry.facts.into_iter().map(|fact| {
        let words = tell_value(&fact.value).to_owned();
        (fact.name, words)
    });
    let lines = changes
        .chain(facts)
        .map(|(name, words)| view! { <div><dt>{tell_name(&name)}</dt><dd class="wrap" dir="auto">{words}</dd></div> })
        .collect::<Vec<_>>();
    (!lines.is_empty()).then(|| view! { <dl class="facts facts-wide">{lines}</dl> })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<AuditFilter, ApiError> {
        let pairs = pairs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        read_filter(&pairs.collect())
    }

    #[test]
    fn the_last_day_is_included_and_empty_fields_do_not_narrow() {
        let filter = read(&[("until", "2026-11-22"), ("since", "2026-11-20"), ("who", " ")]).unwrap();
        assert_eq!(filter.since.unwrap().to_rfc3339(), "2026-11-20T00:00:00+00:00");
        assert_eq!(filter.until.unwrap().to_rfc3339(), "2026-11-23T00:00:00+00:00");
        assert_eq!(filter.actor, None);
    }

    #[test]
    fn what_is_no_date_is_said() {
        let error = read(&[("since", "yesterday")]).unwrap_err();
        assert_eq!(error.message, "\"yesterday\" is no date. Write it as 2026-11-22.");
    }

    #[test]
    fn the_export_has_the_same_filter() {
        let filter = read(&[("since", "2026-11-20"), ("who", "anna b")]).unwrap();
        assert_eq!(
            export_address(AuditFormat::Ndjson, &filter),
            "/api/v1/audit/export?format=ndjson&actor=anna%20b&since=2026%2D11%2D20T00%3A00%3A00%2B00%3A00"
        );
    }
}
