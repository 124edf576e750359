//! The first page: what runs, what waits and why, what came in.

use leptos::prelude::*;
use types::dashboard::{AccountView, Dashboard, ServiceHealth};
use types::downloads::DownloadSummary;
use types::library::{BookSummary, LibraryCounts};
use types::people::Role;

use crate::api::dashboard::get_dashboard;
use crate::api::may;
use crate::components::books::BookGrid;
use crate::components::downloads::DownloadList;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, Notice, Tone};
use crate::components::runs::RunList;
use crate::components::states::{Badge, health_face};
use crate::format;
use crate::link::link_to;
use crate::pages::show;

/// Follows everything that changes.
#[component]
pub fn DashboardPage() -> impl IntoView {
    show(async {
        let dashboard = get_dashboard().await?;
        Ok(view! {
            <PageHead title="Home" topics="download run library integrations account wants failures" />
            <Everything dashboard=dashboard />
        }
        .into_any())
    })
}

#[component]
fn Everything(dashboard: Dashboard) -> impl IntoView {
    let is_quiet = dashboard.active.is_empty() && dashboard.waiting.is_empty() && dashboard.problems.is_empty();
    let has_services = !dashboard.services.is_empty();
    view! {
        <Alerts alerts=dashboard.alerts />
        <JobProblems count=dashboard.failures.unwrap_or(0) />
        <div class="dashboard">
            <div class="dashboard-main" aria-live="polite">
                {(is_quiet && has_services).then(|| view! { <Quiet /> })}
                {(!has_services).then(|| view! { <Unconnected /> })}
                <DownloadSection title="Under way" downloads=dashboard.active />
                <DownloadSection title="Waiting" downloads=dashboard.waiting />
                <DownloadSection title="Problems" downloads=dashboard.problems />
                <Arrived books=dashboard.arrived />
            </div>
            <aside class="dashboard-side">
                <CountsCard counts=dashboard.counts />
                <ServicesCard services=dashboard.services />
                {dashboard.accounts.into_iter().map(|account| view! { <AccountCard account=account /> }).collect_view()}
                {(!dashboard.runs.is_empty()).then(|| view! {
                    <section class="section">
                        <h2><a href=link_to("/jobs")>"Runs"</a></h2>
                        <RunList runs=dashboard.runs />
                    </section>
                })}
            </aside>
        </div>
    }
}

#[component]
fn Alerts(alerts: Vec<String>) -> impl IntoView {
    alerts
        .into_iter()
        .map(|alert| view! { <Notice tone=Tone::Warning>{alert}</Notice> })
        .collect_view()
}

#[component]
fn JobProblems(count: u64) -> impl IntoView {
    let told = match count {
        1 => "A job could not do something.".to_owned(),
        _ => format!("Jobs could not do {} things.", format::format_count(count)),
    };
    (count > 0).then(
        || view! { <Notice tone=Tone::Warning>{told}" "<a href=link_to("/problems")>"See the problems"</a></Notice> },
    )
}

#[component]
fn Quiet() -> impl IntoView {
    view! {
        <Empty title="Nothing is under way.">
            <p><a href=link_to("/search")>"Look for an audiobook"</a>", or browse "<a href=link_to("/library")>"the library"</a>"."</p>
        </Empty>
    }
}

#[component]
fn Unconnected() -> impl IntoView {
    view! {
        <Empty title="Nothing is connected yet.">
            {if may(Role::Admin) {
                view! {
                    <p>
                        "Connect Audiobookshelf, a download client and an indexer under "
                        <a href=link_to("/integrations")>"Integrations"</a>"."
                    </p>
                }.into_any()
            } else {
                view! { <p>"An admin connects the library, a download client and an indexer."</p> }.into_any()
            }}
        </Empty>
    }
}

#[component]
fn DownloadSection(title: &'static str, downloads: Vec<DownloadSummary>) -> impl IntoView {
    (!downloads.is_empty()).then(|| {
        view! {
            <section class="section" data-key=title>
                <h2>{title}" "<span class="count num">{downloads.len()}</span></h2>
                <DownloadList downloads=downloads />
            </section>
        }
    })
}

#[component]
fn Arrived(books: Vec<BookSummary>) -> impl IntoView {
    (!books.is_empty()).then(|| {
        view! {
            <section class="section" data-key="arrived">
                <h2><a href=link_to("/library?sort=-added")>"New in the library"</a></h2>
                <BookGrid books=books />
            </section>
        }
    })
}

#[component]
fn CountsCard(counts: LibraryCounts) -> impl IntoView {
    let facts = [
        ("Books", format::format_count(counts.books)),
        ("Authors", format::format_count(counts.authors)),
        ("Series", format::format_count(counts.series)),
        ("Listening time", format::format_long_duration(counts.duration_seconds)),
        (
            "Size",
            format::format_bytes(i64::try_from(counts.size_bytes).unwrap_or(i64::MAX)),
        ),
    ];
    view! {
        <section class="section">
            <h2><a href=link_to("/library")>"Library"</a></h2>
            <FactList facts=facts.map(|(name, value)| (name, Some(value))).to_vec() />
            <p class="row-meta">
                {match counts.last_synced_at {
                    Some(at) => view! { "Read "<Moment at=at /> }.into_any(),
                    None => "Not read yet.".into_any(),
                }}
            </p>
        </section>
    }
}

#[component]
fn ServicesCard(services: Vec<ServiceHealth>) -> impl IntoView {
    let rows = services
        .into_iter()
        .map(|service| {
            view! {
                <li class="service">
                    <div class="row-head"><bdi class="row-title">{service.name}</bdi><Badge face=health_face(service.health) /></div>
                    <p class="row-sentence" dir="auto">{service.sentence}</p>
                    {service.checked_at.map(|at| view! { <p class="row-meta">"Checked "<Moment at=at /></p> })}
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!rows.is_empty())
        .then(|| view! { <section class="section"><h2>"Services"</h2><ul class="rows">{rows}</ul></section> })
}

#[component]
fn AccountCard(account: AccountView) -> impl IntoView {
    let slots = match (account.unsatisfied_count, account.unsatisfied_limit) {
        (Some(count), Some(limit)) => Some(format!("{count} of {limit}")),
        (count, _) => count.map(|count| count.to_string()),
    };
    let count = |count: Option<i64>| count.map(|count| format::format_count(count.unsigned_abs()));
    let facts = vec![
        ("Class", account.class),
        ("Ratio", account.ratio.map(|ratio| format!("{ratio:.3}"))),
        ("Unsatisfied", slots),
        ("Points", count(account.points)),
        ("Wedges", count(account.wedges)),
        ("VIP until", account.vip_until.map(format::format_date)),
        (
            "Requests today",
            Some(format!("{} of {}", account.requests_today, account.requests_limit)),
        ),
    ];
    view! {
        <section class="section">
            <h2><bdi>{account.integration}</bdi></h2>
            {account.username.map(|name| view! { <p class="row-sub"><bdi>{name}</bdi></p> })}
            <FactList facts=facts />
            {account.is_stale.then(|| view! {
                <Notice tone=Tone::Warning>"Too old to act on: grabs that cost ratio wait until it can be read again."</Notice>
            })}
            <p class="row-meta">"Read "<Moment at=account.taken_at /></p>
        </section>
    }
}

/// Names and figures; what is not known says so.
#[component]
fn FactList(facts: Vec<(&'static str, Option<String>)>) -> impl IntoView {
    let rows = facts
        .into_iter()
        .map(|(name, value)| {
            let value = value.unwrap_or_else(|| "not known".to_owned());
            view! { <div><dt>{name}</dt><dd class="num"><bdi>{value}</bdi></dd></div> }
        })
        .collect_view();
    view! { <dl class="facts">{rows}</dl> }
}
