//! Adding or editing one integration; it can be tested before it is saved.

use leptos::form::FromFormData;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use types::integrations::{Integration, IntegrationKind, TestOutcome};

use crate::api::integrations::{SaveIntegration, TestIntegration, list_integrations};
use crate::api::{AppError, no_such};
use crate::components::fields::{FormError, FormErrors, action_error};
use crate::components::integration_form::{IntegrationFields, purpose};
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::notices::{Notice, Tone};
use types::integrations::Health;

/// What the page is about: a kind to add, or what is stored.
type Subject = (IntegrationKind, Option<Integration>);

/// `/integrations/new?kind=…` or `/integrations/{id}`.
#[component]
pub fn IntegrationPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let address = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        (id, query.with(|query| query.get("kind").unwrap_or_default()))
    });
    let subject = Resource::new(move || address.get(), |(id, kind)| find_subject(id, kind));
    show_loaded(subject, |(kind, stored)| {
        view! { <Editor kind=kind stored=stored /> }.into_any()
    })
}

async fn find_subject(id: String, kind: String) -> Result<Subject, AppError> {
    if id == "new" {
        let kind = kind.parse().map_err(|_| no_such("kind of integration"))?;
        return Ok((kind, None));
    }
    let all = list_integrations().await?;
    let stored = all.into_iter().find(|integration| integration.id.to_string() == id);
    let stored = stored.ok_or_else(|| no_such("integration"))?;
    Ok((stored.kind, Some(stored)))
}

#[component]
fn Editor(kind: IntegrationKind, stored: Option<Integration>) -> impl IntoView {
    let save = ServerAction::<SaveIntegration>::new();
    let error = action_error(save);
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
            <ActionForm action=save>
                <FormErrors error=error />
                <IntegrationFields kind=kind stored=stored />
                <div class="actions">
                    <button class="button button-primary" type="submit" disabled=move || save.pending().get()>"Save"</button>
                    <TestButton />
                    <a class="button button-quiet" href="/integrations">"Back"</a>
                </div>
            </ActionForm>
        </section>
    }
}

/// Tests what the form holds, unsaved. It needs JavaScript, so it appears only with it; the list can test without.
#[component]
fn TestButton() -> impl IntoView {
    let test = ServerAction::<TestIntegration>::new();
    let is_awake = RwSignal::new(false);
    Effect::new(move || is_awake.set(true));
    let send = move |event: leptos::ev::Targeted<leptos::ev::MouseEvent, web_sys::HtmlButtonElement>| {
        let Some(form) = event.target().form() else { return };
        let Ok(data) = web_sys::FormData::new_with_form(&form) else {
            return;
        };
        match TestIntegration::from_form_data(&data) {
            Ok(input) => {
                test.dispatch(input);
            }
            Err(_) => leptos::logging::warn!("the form could not be read for a test"),
        }
    };
    view! {
        <Show when=move || is_awake.get()>
            <button class="button" type="button" disabled=move || test.pending().get() on:click:target=send>
                {move || if test.pending().get() { "Testing…" } else { "Test" }}
            </button>
        </Show>
        <div class="test-outcome" aria-live="polite">
            {move || test.value().get().map(|outcome| match outcome {
                Ok(outcome) => view! { <Outcome outcome=outcome /> }.into_any(),
                Err(error) => view! { <Notice tone=Tone::Bad>{error.0.message}</Notice> }.into_any(),
            })}
        </div>
    }
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
