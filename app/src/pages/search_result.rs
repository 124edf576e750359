//! What a search found: how each indexer did, each release with its verdict.

use leptos::prelude::*;
use types::SearchId;
use types::people::Role;
use types::search::{Candidate, Decision, IndexerOutcome, SearchForm, SearchResult, SearchStatus};

use crate::api::may;
use crate::api::searches::{GrabCandidate, StartSearch, get_search};
use crate::api::wants::CreateWant;
use crate::components::confirm::Confirm;
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::notices::{Empty, Tone};
use crate::components::post_form::{ButtonForm, Post, PostErrors, PostForm};
use crate::components::search_fields::{HiddenSearch, SearchFields};
use crate::components::states::{Badge, indexer_face};
use crate::components::verdicts::CandidateCard;
use crate::format;
use crate::link::link_to;
use crate::pages::{read_id, show};

/// What can be done with a result.
#[derive(Clone)]
struct Posts {
    grab: Post,
    want: Post,
    again: Post,
}

/// One search by its id; follows it while it runs.
#[component]
pub fn SearchResultPage() -> impl IntoView {
    show(async {
        let result = get_search(read_id::<SearchId>("search")?).await?;
        let posts = Posts {
            grab: Post::to::<GrabCandidate>(),
            want: Post::to::<CreateWant>(),
            again: Post::to::<StartSearch>(),
        };
        Ok(view! {
            <PostErrors posts=vec![posts.grab.clone(), posts.want.clone()] />
            <Everything result=result posts=posts />
        }
        .into_any())
    })
}

#[component]
fn Everything(result: SearchResult, posts: Posts) -> impl IntoView {
    let is_refused = posts.again.error.is_some();
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
        <PageHead title=result.form.title.clone() topics=format!("search:{} download", result.id)><Badge face=face /></PageHead>
        <p class="search-sentence" dir="auto" aria-live="polite">{result.sentence}</p>
        {is_running.then(|| view! { <progress class="progress-open" aria-label="Searching"></progress> })}
        <SearchActions form=result.form.clone() is_wanted=result.want_id.is_some() posts=posts.clone() />
        <Indexers outcomes=result.indexers />
        {has_none.then(|| view! {
            <Empty title="Nothing was found.">
                <p>"Try fewer words, or want it: it is searched again every few hours until it is there."</p>
            </Empty>
        })}
        <Candidates candidates=open grab=posts.grab.clone() />
        <Rejected candidates=rejected grab=posts.grab />
        <details class="section search-again" open=is_refused>
            <summary>"Change the search"</summary>
            <PostForm post=posts.again>
                <SearchFields form=result.form />
                <button class="button button-primary" type="submit">"Search"</button>
            </PostForm>
        </details>
    }
}

#[component]
fn SearchActions(form: SearchForm, is_wanted: bool, posts: Posts) -> impl IntoView {
    let again = form.clone();
    view! {
        <div class="actions">
            {if is_wanted {
                view! { <a class="button" href=link_to("/wants")>"It is wanted"</a> }.into_any()
            } else {
                view! {
                    <ButtonForm post=posts.want>
                        <HiddenSearch form=form />
                        <button class="button" type="submit">"Want it"</button>
                    </ButtonForm>
                }.into_any()
            }}
            <ButtonForm post=posts.again>
                <HiddenSearch form=again />
                <button class="button" type="submit">"Search again"</button>
            </ButtonForm>
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
fn Candidates(candidates: Vec<Candidate>, grab: Post) -> impl IntoView {
    let cards = candidates
        .into_iter()
        .map(|candidate| view! { <Judged candidate=candidate grab=grab.clone() /> })
        .collect::<Vec<_>>();
    (!cards.is_empty())
        .then(|| view! { <section class="section"><h2>"Releases"</h2><ol class="candidates">{cards}</ol></section> })
}

#[component]
fn Rejected(candidates: Vec<Candidate>, grab: Post) -> impl IntoView {
    let count = format::format_counted(
        candidates.len() as u64,
        "release was rejected",
        "releases were rejected",
    );
    let cards = candidates
        .into_iter()
        .map(|candidate| view! { <Judged candidate=candidate grab=grab.clone() /> })
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
fn Judged(candidate: Candidate, grab: Post) -> impl IntoView {
    let (id, decision) = (candidate.id.to_string(), candidate.verdict.decision);
    let grabbed = candidate.download_id;
    let button = match (grabbed, decision) {
        (Some(download), _) => view! { <a class="button" href=link_to(format_args!("/downloads/{download}"))>"Grabbed: see the download"</a> }.into_any(),
        (None, _) if !may(Role::Manager) => ().into_any(),
        (None, Decision::Accepted) => view! { <GrabForm id=id.clone() is_forced=false post=grab /> }.into_any(),
        (None, _) => view! {
            <Confirm label="Grab anyway…" question="The reasons above stay true. It is grabbed on your word, and the history says so.">
                <GrabForm id=id.clone() is_forced=true post=grab />
            </Confirm>
        }
        .into_any(),
    };
    view! { <CandidateCard candidate=candidate>{button}</CandidateCard> }
}

#[component]
fn GrabForm(id: String, is_forced: bool, post: Post) -> impl IntoView {
    let word = if is_forced { "Grab anyway" } else { "Grab" };
    view! {
        <ButtonForm post=post>
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="is_forced" value=is_forced.to_string() />
            <button class="button button-primary" type="submit">{word}</button>
        </ButtonForm>
    }
}
