//! Outside services: which are connected, and how each is.

use leptos::prelude::*;
use types::integrations::{Integration, IntegrationKind};

use crate::api::integrations::{CheckIntegration, DeleteIntegration, SetIntegrationEnabled, list_integrations};
use crate::components::confirm::Confirm;
use crate::components::fields::FormErrors;
use crate::components::icons::Icon;
use crate::components::integration_form::purpose;
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, Tone};
use crate::components::post_form::PostForm;
use crate::components::states::{Badge, health_face};
use crate::state::live::use_live;
use crate::state::load::load;
use crate::state::post::Post;

/// What can be done with an integration.
#[derive(Clone, Copy)]
struct Actions {
    check: Post,
    set_enabled: Post,
    delete: Post,
}

/// The list, and what can be added.
#[component]
pub fn IntegrationsPage() -> impl IntoView {
    let live = use_live();
    let actions = Actions {
        check: Post::to::<CheckIntegration>(),
        set_enabled: Post::to::<SetIntegrationEnabled>(),
        delete: Post::to::<DeleteIntegration>(),
    };
    let changes = move || {
        let done = [
            actions.check.version.get(),
            actions.set_enabled.version.get(),
            actions.delete.version.get(),
        ];
        (live.integrations.get(), done)
    };
    let integrations = load(changes, |_| list_integrations());
    view! {
        <PageHead title="Integrations" />
        <FormErrors error=actions.check.error />
        <FormErrors error=actions.set_enabled.error />
        <FormErrors error=actions.delete.error />
        {show_loaded(integrations, move |integrations| {
            if integrations.is_empty() {
                return view! {
                    <Empty title="Nothing is connected yet.">
                        <p>"A library, a download client and at least one indexer are needed."</p>
                    </Empty>
                }
                .into_any();
            }
            let rows = integrations
                .into_iter()
                .map(|integration| view! { <IntegrationRow integration=integration actions=actions /> })
                .collect_view();
            view! { <ul class="rows" aria-live="polite">{rows}</ul> }.into_any()
        })}
        <AddChoices />
    }
}

#[component]
fn IntegrationRow(integration: Integration, actions: Actions) -> impl IntoView {
    let face = if integration.is_enabled {
        health_face(integration.health)
    } else {
        ("Switched off", Icon::Pause, Tone::Plain)
    };
    view! {
        <li class="row">
            <div class="row-head">
                <a class="row-title" href=format!("/integrations/{}", integration.id)><bdi>{integration.name.clone()}</bdi></a>
                <Badge face=face />
                {integration.is_sandbox.then(|| view! { <span class="tag tag-sandbox">"Sandbox stand-in"</span> })}
            </div>
            <p class="row-sub clamp-2">
                {integration.kind.label()}
                {integration.version.clone().map(|version| view! { " "<bdi>{version}</bdi> })}
                " · "<bdi class="wrap">{integration.url.clone()}</bdi>
            </p>
            {integration.health_sentence.clone().map(|sentence| view! { <p class="row-sentence" dir="auto">{sentence}</p> })}
            {integration.checked_at.map(|at| view! { <p class="row-meta">"Tested "<Moment at=at /></p> })}
            <RowActions integration=integration actions=actions />
        </li>
    }
}

#[component]
fn RowActions(integration: Integration, actions: Actions) -> impl IntoView {
    let id = integration.id;
    let question = format!(
        "{} is forgotten with its secret. Books and downloads stay.",
        integration.name
    );
    view! {
        <div class="actions">
            <PostForm action=actions.check>
                <input type="hidden" name="id" value=id.to_string() />
                <button class="button" type="submit" disabled=move || actions.check.pending.get()>
                    {move || if actions.check.pending.get() { "Testing…" } else { "Test" }}
                </button>
            </PostForm>
            <a class="button button-quiet" href=format!("/integrations/{id}")>"Edit"</a>
            <PostForm action=actions.set_enabled>
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="is_enabled" value=(!integration.is_enabled).to_string() />
                <button class="button button-quiet" type="submit">
                    {if integration.is_enabled { "Switch off" } else { "Switch on" }}
                </button>
            </PostForm>
            <Confirm label="Delete…" question=question>
                <PostForm action=actions.delete>
                    <input type="hidden" name="id" value=id.to_string() />
                    <button class="button button-danger" type="submit">"Delete"</button>
                </PostForm>
            </Confirm>
        </div>
    }
}

#[component]
fn AddChoices() -> impl IntoView {
    let choices = IntegrationKind::ALL
        .iter()
        .map(|kind| {
            view! {
                <li>
                    <a class="choice" href=format!("/integrations/new?kind={kind}")>
                        <strong>{kind.label()}</strong>
                        <span>{purpose(*kind)}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! { <section class="section"><h2>"Connect another"</h2><ul class="choices">{choices}</ul></section> }
}
