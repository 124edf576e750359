//! Adding or editing one integration; it can be tested before it is saved.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use types::integrations::{Integration, IntegrationKind, TestOutcome};

use crate::api::integrations::{SaveIntegration, TestIntegration, list_integrations};
use crate::api::{Answer, AppError, no_such};
use crate::components::fields::{FormError, FormErrors};
use crate::components::integration_form::{IntegrationFields, purpose};
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::notices::{ErrorNotice, Notice, Tone};
use crate::components::post_form::PostForm;
use crate::state::load::load;
use crate::state::post::Post;
use types::integrations::Health;

/// `/integrations/new?kind=…` or `/integrations/{id}`.
#[component]
pub fn IntegrationPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let address = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        (id, query.with(|query| query.get("kind").unwrap_or_default()))
    });
    let integrations = load(move || address.get(), |_| list_integrations());
    show_loaded(integrations, move |all| {
        let (id, kind) = address.get_untracked();
        match find_subject(all, &id, &kind) {
            Ok((kind, stored)) => view! { <Editor kind=kind stored=stored /> }.into_any(),
            Err(error) => view! { <ErrorNotice error=error.0 /> }.into_any(),
        }
    })
}

/// What the page is about: a kind to add, or what is stored.
type Subject = (IntegrationKind, Option<Integration>);

fn find_subject(all: Vec<Integration>, id: &str, kind: &str) -> Result<Subject, AppError> {
    if id == "new" {
        let kind = kind.parse().map_err(|_| no_such("kind of integration"))?;
        return Ok((kind, None));
    }
    let stored = all.into_iter().find(|integration| integration.id.to_string() == id);
    let stored = stored.ok_or_else(|| no_such("integration"))?;
    Ok((stored.kind, Some(stored)))
}

#[component]
fn Editor(kind: IntegrationKind, stored: Option<Integration>) -> impl IntoView {
    let save = Post::to::<SaveIntegration>();
    let error = save.error;
    provide_context(FormError(error));
    let title = match &stored {
        Some(stored) => stored.name.clone(),
        None => format!("Connect {}", kind.label()),
    };
    let is_sandbox = stored.as_ref().is_some_and(|stored| stored.is_sandbox);
    view! {
        <PageHead title=title>
            {is_sandbox.then(|| view! { <span class="tag tag-sandbox">"Sandbox stand-in"</span> })}
        </PageHead>
        <section class="section">
            <p class="hint">{kind.label()}": "{purpose(kind)}</p>
            <PostForm action=save>
                <FormErrors error=error />
                <IntegrationFields kind=kind stored=stored />
                <div class="actions">
                    <button class="button button-primary" type="submit" disabled=move || save.pending.get()>"Save"</button>
                    <TestButton />
                    <a class="button button-quiet" href="/integrations">"Back"</a>
                </div>
            </PostForm>
        </section>
    }
}

/// Tests what the form holds, unsaved. It needs JavaScript, so it appears only with it; the list can test without.
#[component]
fn TestButton() -> impl IntoView {
    let test = Post::to::<TestIntegration>();
    let is_awake = RwSignal::new(false);
    Effect::new(move || is_awake.set(true));
    let send = move |event: leptos::ev::Targeted<leptos::ev::MouseEvent, web_sys::HtmlButtonElement>| {
        let data = event
            .target()
            .form()
            .and_then(|form| web_sys::FormData::new_with_form(&form).ok());
        if let Some(data) = data {
            test.send(&data);
        }
    };
    view! {
        <Show when=move || is_awake.get()>
            <button class="button" type="button" disabled=move || test.pending.get() on:click:target=send>
                {move || if test.pending.get() { "Testing…" } else { "Test" }}
            </button>
        </Show>
        <div class="test-outcome" aria-live="polite">
            {move || test.answer.get().and_then(|answer| read_outcome(&answer)).map(|outcome| view! { <Outcome outcome=outcome /> })}
            {move || test.error.get().map(|error| view! { <ErrorNotice error=error /> })}
        </div>
    }
}

fn read_outcome(answer: &str) -> Option<TestOutcome> {
    serde_json::from_str::<Answer<TestOutcome>>(answer).ok()?.read().ok()
}

#[component]
fn Outcome(outcome: TestOutcome) -> impl IntoView {
    let tone = match outcome.health {
        Health::Ok => Tone::Good,
        Health::Warning => Tone::Warning,
        Health::Failing => Tone::Bad,
        Health::Unknown => Tone::Plain,
    };
    let facts = outcome
        .facts
        .into_iter()
        .map(|fact| view! { <li dir="auto">{fact}</li> })
        .collect_view();
    view! { <Notice tone=tone><p>{outcome.sentence}</p><ul>{facts}</ul></Notice> }
}
