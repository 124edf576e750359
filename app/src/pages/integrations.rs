//! Outside services: which are connected, and how each is.

use leptos::prelude::*;
use types::integrations::{Integration, IntegrationKind};

use crate::api::integrations::{CheckIntegration, DeleteIntegration, SetIntegrationEnabled, list_integrations};
use crate::components::confirm::Confirm;
use crate::components::icons::Icon;
use crate::components::integration_form::purpose;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, Tone};
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::components::states::{Badge, health_face};
use crate::link::link_to;
use crate::pages::show;

/// What can be done with an integration.
#[derive(Clone)]
struct Posts {
    check: Post,
    set_enabled: Post,
    delete: Post,
}

/// The list, and what can be added.
#[component]
pub fn IntegrationsPage() -> impl IntoView {
    let posts = Posts {
        check: Post::to::<CheckIntegration>(),
        set_enabled: Post::to::<SetIntegrationEnabled>(),
        delete: Post::to::<DeleteIntegration>(),
    };
    view! {
        <PageHead title="Integrations" topics="integrations" />
        <PostErrors posts=vec![posts.check.clone(), posts.set_enabled.clone(), posts.delete.clone()] />
        {show(async move {
            let integrations = list_integrations().await?;
            if integrations.is_empty() {
                return Ok(view! {
                    <Empty title="Nothing is connected yet.">
                        <p>"A library, a download client and at least one indexer are needed."</p>
                    </Empty>
                }
                .into_any());
            }
            let rows = integrations
                .into_iter()
                .map(|integration| view! { <IntegrationRow integration=integration posts=posts.clone() /> })
                .collect_view();
            Ok(view! { <ul class="rows" aria-live="polite">{rows}</ul> }.into_any())
        })}
        <AddChoices />
    }
}

#[component]
fn IntegrationRow(integration: Integration, posts: Posts) -> impl IntoView {
    let face = if integration.is_enabled {
        health_face(integration.health)
    } else {
        ("Switched off", Icon::Pause, Tone::Plain)
    };
    let key = integration.id.to_string();
    view! {
        <li class="row" data-key=key>
            <div class="row-head">
                <a class="row-title" href=link_to(format_args!("/integrations/{}", integration.id))><bdi>{integration.name.clone()}</bdi></a>
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
            <RowActions integration=integration posts=posts />
        </li>
    }
}

#[component]
fn RowActions(integration: Integration, posts: Posts) -> impl IntoView {
    let id = integration.id;
    let question = format!(
        "{} is forgotten with its secret. Books and downloads stay.",
        integration.name
    );
    view! {
        <div class="actions">
            <ButtonForm post=posts.check>
                <input type="hidden" name="id" value=id.to_string() />
                <button class="button" type="submit" data-busy="Testing…">"Test"</button>
            </ButtonForm>
            <a class="button button-quiet" href=link_to(format_args!("/integrations/{id}"))>"Edit"</a>
            <ButtonForm post=posts.set_enabled>
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="is_enabled" value=(!integration.is_enabled).to_string() />
                <button class="button button-quiet" type="submit">
                    {if integration.is_enabled { "Switch off" } else { "Switch on" }}
                </button>
            </ButtonForm>
            <Confirm label="Delete…" question=question>
                <ButtonForm post=posts.delete>
                    <input type="hidden" name="id" value=id.to_string() />
                    <button class="button button-danger" type="submit">"Delete"</button>
                </ButtonForm>
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
                    <a class="choice" href=link_to(format_args!("/integrations/new?kind={kind}"))>
                        <strong>{kind.label()}</strong>
                        <span>{purpose(*kind)}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! { <section class="section"><h2>"Connect another"</h2><ul class="choices">{choices}</ul></section> }
}
