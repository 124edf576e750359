//! The people who may sign in, for admins.

use leptos::prelude::*;
use types::people::User;

use crate::api::people::{CreateUser, SetUserActive, list_users};
use crate::components::fields::{SelectField, TextField};
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::{ButtonForm, Post, PostErrors, PostForm};
use crate::components::roles::role_choices;
use crate::components::states::Badge;
use crate::link::link_to;
use crate::pages::{read_query, show};

/// A list, and a form for one more.
#[component]
pub fn UsersPage() -> impl IntoView {
    let set_active = Post::to::<SetUserActive>();
    let done = match read_query().get_str("done") {
        Some("created") => Some("The account was made."),
        Some("deleted") => Some("The account was deleted."),
        _ => None,
    };
    show(async move {
        let rows = list_users()
            .await?
            .into_iter()
            .map(|user| view! { <UserRow user=user set_active=set_active.clone() /> })
            .collect_view();
        Ok(view! {
            <PageHead title="Users" />
            {done.map(|sentence| view! { <Notice tone=Tone::Good>{sentence}</Notice> })}
            <PostErrors posts=vec![set_active.clone()] />
            <ul class="rows">{rows}</ul>
            <NewUserForm />
        }
        .into_any())
    })
}

#[component]
fn UserRow(user: User, set_active: Post) -> impl IntoView {
    let face = if user.is_active {
        ("Active", Icon::Check, Tone::Good)
    } else {
        ("Kept out", Icon::Minus, Tone::Plain)
    };
    view! {
        <li class="row row-tight" data-key=user.id.to_string()>
            <div class="row-head">
                <a class="row-title" href=link_to(format_args!("/users/{}", user.id))><bdi>{user.username}</bdi></a>
                <span class="tag">{user.role.as_str()}</span>
                <Badge face=face />
            </div>
            <p class="row-meta">
                <span>"Made " <Moment at=user.created_at /></span>
                {user.last_login_at.map(|at| view! { <span>"Last signed in " <Moment at=at /></span> })}
            </p>
            <div class="actions">
                <a class="button button-quiet" href=link_to(format_args!("/users/{}", user.id))>"Change"</a>
                <ButtonForm post=set_active>
                    <input type="hidden" name="id" value=user.id.to_string() />
                    <input type="hidden" name="is_active" value=(!user.is_active).to_string() />
                    <button class="button button-quiet" type="submit">
                        {if user.is_active { "Keep out" } else { "Let in again" }}
                    </button>
                </ButtonForm>
            </div>
        </li>
    }
}

#[component]
fn NewUserForm() -> impl IntoView {
    view! {
        <section class="section">
            <h2>"Add somebody"</h2>
            <PostForm post={Post::to::<CreateUser>()}>
                <TextField label="User name" name="username" required=true autocomplete="off" />
                <TextField
                    label="Password" name="password" kind="password" required=true autocomplete="new-password"
                    hint="At least 10 characters. They can change it later."
                />
                <SelectField label="May" name="role" choices=role_choices() value="user" />
                <button class="button button-primary" type="submit">"Add"</button>
            </PostForm>
        </section>
    }
}
