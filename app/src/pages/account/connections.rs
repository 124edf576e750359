//! Single sign-on accounts that lead to this one.

use leptos::prelude::*;
use types::oidc::Identity;

use super::Done;
use crate::api::account::{DisconnectIdentity, find_provider, list_identities};
use crate::components::confirm::Confirm;
use crate::components::moment::Moment;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::link::link_to;
use crate::pages::show;

/// The connected accounts, and connecting one. Nothing where no provider is or ever was.
#[component]
pub fn ConnectionsSection() -> impl IntoView {
    let disconnect = Post::to::<DisconnectIdentity>();
    show(async move {
        let (provider, known) = (find_provider().await?, list_identities().await?);
        if provider.is_none() && known.identities.is_empty() {
            return Ok(().into_any());
        }
        let is_first = known.identities.is_empty();
        let rows = known
            .identities
            .into_iter()
            .map(|identity| view! { <ConnectionRow identity=identity disconnect=disconnect.clone() /> })
            .collect_view();
        Ok(view! {
            <section class="section" id="connections">
                <h2>"Single sign-on"</h2>
                <Done word="disconnected" sentence="The account was disconnected." />
                <PostErrors posts=vec![disconnect] />
                {is_first.then(|| view! { <p class="hint">"No account elsewhere leads to this one yet."</p> })}
                {(!is_first).then(|| view! { <ul class="rows">{rows}</ul> })}
                {provider.map(|name| view! { <ConnectForm name=name /> })}
            </section>
        }
        .into_any())
    })
}

#[component]
fn ConnectionRow(identity: Identity, disconnect: Post) -> impl IntoView {
    let title = identity.email.unwrap_or_else(|| identity.subject.clone());
    view! {
        <li class="row row-tight" data-key=identity.id.to_string()>
            <div class="row-head"><bdi class="row-title wrap">{title}</bdi></div>
            <p class="row-meta">
                <span>"at "<bdi class="wrap">{identity.issuer}</bdi></span>
                <span>"Connected "<Moment at=identity.created_at /></span>
                {identity.last_login_at.map(|at| view! { <span>"Last signed in "<Moment at=at /></span> })}
            </p>
            <Confirm
                label="Disconnect…"
                question="It no longer signs you in here. Be sure that you know your password, or ask an admin for one."
            >
                <ButtonForm post=disconnect>
                    <input type="hidden" name="id" value=identity.id.to_string() />
                    <button class="button button-danger" type="submit">"Disconnect"</button>
                </ButtonForm>
            </Confirm>
        </li>
    }
}

/// Leads to the provider: the browser has to go there itself.
#[component]
fn ConnectForm(name: String) -> impl IntoView {
    view! {
        <form method="post" action=link_to("/auth/oidc/link") data-leaves="">
            <input type="hidden" name="return_to" value="/account" />
            <button class="button" type="submit"><span>"Connect "<bdi>{name}</bdi></span></button>
        </form>
    }
}
