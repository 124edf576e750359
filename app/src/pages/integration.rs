//! Adding or editing one integration; it can be tested before it is saved.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;
use types::integrations::{Integration, IntegrationKind};

use crate::api::integrations::{SaveIntegration, TestIntegration, list_integrations};
use crate::api::{AppError, no_such};
use crate::components::integration_form::{IntegrationFields, purpose};
use crate::components::layout::PageHead;
use crate::components::post_form::{Post, PostForm};
use crate::islands::test_button::TestButton;
use crate::link::link_to;
use crate::pages::{read_query, show};

/// `/integrations/new?kind=…` or `/integrations/{id}`.
#[component]
pub fn IntegrationPage() -> impl IntoView {
    show(async {
        let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
        let kind = read_query().get("kind").unwrap_or_default();
        let (kind, stored) = find_subject(list_integrations().await?, &id, &kind)?;
        Ok(view! { <Editor kind=kind stored=stored /> }.into_any())
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
            <PostForm post={Post::to::<SaveIntegration>()}>
                <IntegrationFields kind=kind stored=stored />
                <div class="actions" data-test=link_to(TestIntegration::PATH)>
                    <button class="button button-primary" type="submit">"Save"</button>
                    <TestButton />
                    <a class="button button-quiet" href=link_to("/integrations")>"Back"</a>
                </div>
            </PostForm>
        </section>
    }
}
