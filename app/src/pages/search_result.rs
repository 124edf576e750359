//! What a search found: how each indexer did, each release with its verdict.

use leptos::prelude::*;
use types::SearchId;
use types::people::Role;
use types::search::{Candidate, Decision, IndexerOutcome, SearchForm, SearchResult, SearchStatus};

use crate::api::searches::{GrabCandidate, StartSearch, get_search};
use crate::api::wants::CreateWant;
use crate::components::confirm::Confirm;
use crate::components::fields::FormErrors;
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::notices::{Empty, Tone};
use crate::components::post_form::PostForm;
use crate::components::search_fields::{HiddenSearch, SearchFields};
use crate::components::states::{Badge, indexer_face};
use crate::components::verdicts::CandidateCard;
use crate::format;
use crate::pages::{fetch_by, use_id};
use crate::state::live::use_live;
use crate::state::load::load;
use crate::state::me::use_me;
use crate::state::post::Post;

/// What can be done with a result.
#[derive(Clone, Copy)]
struct Actions {
    grab: Post,
    want: Post,
    again: Post,
}

/// One search by its id; follows it while it runs.
#[component]
pub fn SearchResultPage() -> impl IntoView {
    let (id, live) = (use_id::<SearchId>(), use_live());
    let actions = Actions {
        grab: Post::to::<GrabCandidate>(),
        want: Post::to::<CreateWant>(),
        again: Post::to::<StartSearch>(),
    };
    let result = load(
        move || (id.get(), live.searches.get(), live.downloads.get()),
        |(id, ..)| fetch_by(id, "search", get_search),
    );
    view! {
        <FormErrors error=actions.grab.error />
        <FormErrors error=actions.want.error />
        <FormErrors error=actions.again.error />
        {show_loaded(result, move |result| view! { <Everything result=result actions=actions /> }.into_any())}
    }
}

#[component]
fn Everything(result: SearchResult, actions: Actions) -> impl IntoView {
    let is_running = result.status == SearchStatus::Running;
    let face = match result.status {
        SearchStatus::Running => ("Searching", Icon::Search, Tone::Plain),
        SearchStatus::Done => ("Done", Icon::Check, Tone::Good),
        SearchStatus::Failed => ("Failed", Icon::Stop, Tone::Bad),
    };
    let (rejected, open): (Vec<_>, Vec<_>) = result
        .candidates
        .into_iter()
        .partition(|candidate| candidate.verdict.decision == Decision::Rejected);
    let has_none = open.is_empty() && rejected.is_empty() && !is_running;
    view! {
        <PageHead title=result.form.title.clone()><Badge face=face /></PageHead>
        <p class="search-sentence" dir="auto" aria-live="polite">{result.sentence}</p>
        {is_running.then(|| view! { <progress class="progress-open" aria-label="Searching"></progress> })}
        <SearchActions form=result.form.clone() is_wanted=result.want_id.is_some() actions=actions />
        <Indexers outcomes=result.indexers />
        {has_none.then(|| view! {
            <Empty title="Nothing was found.">
                <p>"Try fewer words, or want it: it is searched again every few hours until it is there."</p>
            </Empty>
        })}
        <Candidates candidates=open actions=actions />
        <Rejected candidates=rejected actions=actions />
        <details class="section search-again">
            <summary>"Change the search"</summary>
            <PostForm action=actions.again>
                <SearchFields form=result.form />
                <button class="button button-primary" type="submit">"Search"</button>
            </PostForm>
        </details>
    }
}

#[component]
fn SearchActions(form: SearchForm, is_wanted: bool, actions: Actions) -> impl IntoView {
    let again = form.clone();
    view! {
        <div class="actions">
            {if is_wanted {
                view! { <a class="button" href="/wants">"It is wanted"</a> }.into_any()
            } else {
                view! {
                    <PostForm action=actions.want>
                        <HiddenSearch form=form />
                        <button class="button" type="submit">"Want it"</button>
                    </PostForm>
                }.into_any()
            }}
            <PostForm action=actions.again>
                <HiddenSearch form=again />
                <button class="button" type="submit">"Search again"</button>
            </PostForm>
        </div>
    }
}

#[component]
fn Indexers(outcomes: Vec<IndexerOutcome>) -> impl IntoView {
    let rows = outcomes
        .into_iter()
        .map(|outcome| {
            let took = (outcome.duration_ms > 0).then(|| format!("{:.1} s", outcome.duration_ms as f64 / 1000.0));
            let queries = outcome
                .queries
                .into_iter()
                .map(|query| view! { <li><bdi>{query}</bdi></li> })
                .collect::<Vec<_>>();
            view! {
                <li class="service">
                    <div class="row-head">
                        <bdi class="row-title">{outcome.name}</bdi>
                        <Badge face=indexer_face(outcome.status) />
                        {took.map(|took| view! { <span class="row-meta num">{took}</span> })}
                    </div>
                    <p class="row-sentence" dir="auto">{outcome.sentence}</p>
                    {(!queries.is_empty()).then(|| view! {
                        <details class="ranking"><summary>"What was asked"</summary><ol>{queries}</ol></details>
                    })}
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="section" aria-live="polite">
            <h2>"Indexers"</h2>
            <ul class="services">{rows}</ul>
        </section>
    }
}

#[component]
fn Candidates(candidates: Vec<Candidate>, actions: Actions) -> impl IntoView {
    let cards = candidates
        .into_iter()
        .map(|candidate| view! { <Judged candidate=candidate actions=actions /> })
        .collect::<Vec<_>>();
    (!cards.is_empty())
        .then(|| view! { <section class="section"><h2>"Releases"</h2><ol class="candidates">{cards}</ol></section> })
}

#[component]
fn Rejected(candidates: Vec<Candidate>, actions: Actions) -> impl IntoView {
    let count = format::format_counted(
        candidates.len() as u64,
        "release was rejected",
        "releases were rejected",
    );
    let cards = candidates
        .into_iter()
        .map(|candidate| view! { <Judged candidate=candidate actions=actions /> })
        .collect::<Vec<_>>();
    (!cards.is_empty()).then(|| {
        view! {
            <details class="section rejected">
                <summary>{count}</summary>
                <ol class="candidates">{cards}</ol>
            </details>
        }
    })
}

/// A candidate with the button that its verdict allows.
#[component]
fn Judged(candidate: Candidate, actions: Actions) -> impl IntoView {
    let me = use_me();
    let (id, decision) = (candidate.id.to_string(), candidate.verdict.decision);
    let grabbed = candidate.download_id;
    let grab = actions.grab;
    let button = move || {
        match (grabbed, decision) {
        (Some(download), _) => view! { <a class="button" href=format!("/downloads/{download}")>"Grabbed: see the download"</a> }.into_any(),
        (None, _) if !me.includes(Role::Manager) => ().into_any(),
        (None, Decision::Accepted) => view! { <GrabForm id=id.clone() is_forced=false action=grab /> }.into_any(),
        (None, _) => view! {
            <Confirm label="Grab anyway…" question="The reasons above stay true. It is grabbed on your word, and the history says so.">
                <GrabForm id=id.clone() is_forced=true action=grab />
            </Confirm>
        }
        .into_any(),
    }
    };
    view! { <CandidateCard candidate=candidate>{button()}</CandidateCard> }
}

#[component]
fn GrabForm(id: String, is_forced: bool, action: Post) -> impl IntoView {
    let word = if is_forced { "Grab anyway" } else { "Grab" };
    view! {
        <PostForm action=action>
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="is_forced" value=is_forced.to_string() />
            <button class="button button-primary" type="submit" disabled=move || action.pending.get()>{word}</button>
        </PostForm>
    }
}
