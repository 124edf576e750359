//! API keys: what programs sign in with.

use leptos::prelude::*;
use types::access::{ApiKeyView, IssuedApiKey, Scope};

use super::Done;
use crate::api;
use crate::api::account::{CreateKey, RevokeKey, RotateKey, list_keys, take_issued_key};
use crate::components::confirm::Confirm;
use crate::components::fields::{SelectField, TextField};
use crate::components::icons::Icon;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, Notice, Tone};
use crate::components::post_form::{ButtonForm, Post, PostErrors, PostForm};
use crate::components::states::Badge;
use crate::format::{format_count, format_date};
use crate::link::link_to;
use crate::pages::show;

/// What a new key lasts unless one writes something else.
const DAYS: &str = "90";

/// What can be done with a key.
#[derive(Clone)]
struct Posts {
    rotate: Post,
    revoke: Post,
}

/// The keys, and a form for one more.
#[component]
pub fn KeysSection() -> impl IntoView {
    let posts = Posts {
        rotate: Post::to::<RotateKey>(),
        revoke: Post::to::<RevokeKey>(),
    };
    view! {
        <section class="section" id="keys">
            <h2>"API keys"</h2>
            <p class="hint">
                "A program that uses mamcrawler's API sends its key as a bearer token. See the "
                <a href=link_to("/api/docs")>"API's documentation"</a>"."
            </p>
            <Done word="revoked" sentence="The key was revoked. It is refused from now on." />
            <PostErrors posts=vec![posts.rotate.clone(), posts.revoke.clone()] />
            {take_issued_key().map(|issued| view! { <IssuedKey issued=issued /> })}
            {show(async move {
                let keys = list_keys().await?.items;
                if keys.is_empty() {
                    return Ok(view! { <Empty title="No API keys."><p>"Make one for each program, so that you can end it alone."</p></Empty> }.into_any());
                }
                let rows = keys.into_iter().map(|key| view! { <KeyRow key=key posts=posts.clone() /> }).collect_view();
                Ok(view! { <ul class="rows">{rows}</ul> }.into_any())
            })}
            <NewKeyForm />
        </section>
    }
}

/// The only place where a key's secret ever stands.
#[component]
fn IssuedKey(issued: IssuedApiKey) -> impl IntoView {
    let verb = if issued.key.rotated_at.is_some() {
        " has a new secret. "
    } else {
        " was made. "
    };
    let old = issued.key.old_secret_until.map(|at| {
        view! { <p class="hint">"The old secret is good until "<Moment at=at />", so that the program goes on meanwhile."</p> }
    });
    view! {
        <div class="issued-key" id="new-key" tabindex="-1" data-once="">
            <Notice tone=Tone::Good>
                <p><bdi><strong>{issued.key.name}</strong></bdi>{verb}"Copy the key now: it is not shown again."</p>
                <p><code>{issued.secret}</code></p>
                {old}
            </Notice>
        </div>
    }
}

#[component]
fn KeyRow(#[prop(name = "key")] row: ApiKeyView, posts: Posts) -> impl IntoView {
    let id = row.id.to_string();
    let (key, rotated_id) = (id.clone(), id.clone());
    view! {
        <li class="row row-tight" data-key=key>
            <div class="row-head">
                <bdi class="row-title">{row.name.clone()}</bdi>
                <span class="tag">{row.scope.as_str()}</span>
                {row.is_expired.then(|| view! { <Badge face=("Expired", Icon::Cross, Tone::Warning) /> })}
            </div>
            <KeyFacts row=row.clone() />
            <div class="actions">
                {(!row.is_expired).then(|| view! { <RotateQuestion id=rotated_id rotate=posts.rotate /> })}
                <Confirm
                    label="Revoke…"
                    question="Whatever uses this key is refused at once. It can't be undone."
                >
                    <ButtonForm post=posts.revoke>
                        <input type="hidden" name="id" value=id />
                        <button class="button button-danger" type="submit">"Revoke"</button>
                    </ButtonForm>
                </Confirm>
            </div>
        </li>
    }
}

#[component]
fn KeyFacts(row: ApiKeyView) -> impl IntoView {
    let word = if row.is_expired { "Ended " } else { "Ends " };
    let expiry = match row.expires_at {
        Some(at) => view! { <span>{word}<time datetime=at.to_rfc3339()>{format_date(at)}</time></span> }.into_any(),
        None => view! { <span>"Does not end"</span> }.into_any(),
    };
    let used = match row.last_used_at {
        Some(at) => {
            let from = row
                .last_used_address
                .map(|address| view! { " from "<bdi class="wrap">{address}</bdi> });
            view! { <span>"Last used "<Moment at=at />{from}</span> }.into_any()
        }
        None => view! { <span>"Never used"</span> }.into_any(),
    };
    view! {
        <p class="row-meta">
            <span>"Made "<Moment at=row.created_at /></span>
            {expiry}
            {used}
            {row.requests_per_minute.map(|most| view! { <span>{format_count(most.into())}" requests a minute"</span> })}
            {row.old_secret_until.map(|at| view! { <span>"Old secret ends "<Moment at=at /></span> })}
        </p>
    }
}

#[component]
fn RotateQuestion(id: String, rotate: Post) -> impl IntoView {
    view! {
        <Confirm
            label="Rotate…"
            question="The key gets a new secret, which is shown once. For 24 hours the old one stays good as well, so that the program goes on until you have given it the new one. If somebody else may know the old one, end it at once."
        >
            <ButtonForm post=rotate>
                <input type="hidden" name="id" value=id />
                <div class="actions">
                    <button class="button" type="submit" name="grace_hours" value="24">"Rotate, keep the old for 24 h"</button>
                    <button class="button button-danger" type="submit" name="grace_hours" value="0">"Rotate, end the old at once"</button>
                </div>
            </ButtonForm>
        </Confirm>
    }
}

#[component]
fn NewKeyForm() -> impl IntoView {
    let widest = api::user().map_or(Scope::Read, |user| Scope::widest_of(user.role));
    let scopes = Scope::ALL
        .iter()
        .filter(|scope| **scope <= widest)
        .map(|scope| (scope.to_string(), describe_scope(*scope).to_owned()))
        .collect();
    view! {
        <h3>"Make a key"</h3>
        <PostForm post={Post::to::<CreateKey>()}>
            <TextField label="Name" name="name" required=true autocomplete="off" hint="The program that uses it." />
            <SelectField label="May" name="scope" choices=scopes value="read" hint="Never more than you may yourself." />
            <TextField
                label="Days until it ends" name="expires_in_days" kind="number" value=DAYS autocomplete="off"
                hint="Empty: as long as this server allows."
            />
            <button class="button button-primary" type="submit">"Make the key"</button>
        </PostForm>
    }
}

const fn describe_scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "read: look at everything",
        Scope::Request => "request: search and request, too",
        Scope::Manage => "manage: approve, grab and edit, too",
        Scope::Admin => "admin: everything, also users, settings and keys",
    }
}
