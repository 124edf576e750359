//! The people who may sign in, for admins.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use types::people::{Role, User};

use crate::api::people::{CreateUser, SetUserActive, list_users};
use crate::components::fields::{FormError, FormErrors, SelectField, TextField};
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::moment::Moment;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::PostForm;
use crate::components::states::Badge;
use crate::state::load::load;
use crate::state::post::Post;

/// A list, and a form for one more.
#[component]
pub fn UsersPage() -> impl IntoView {
    let set_active = Post::to::<SetUserActive>();
    let create = Post::to::<CreateUser>();
    let users = load(
        move || (set_active.version.get(), create.version.get()),
        |_| list_users(),
    );
    let query = use_query_map();
    let is_done = move || query.with(|query| query.get_str("done") == Some("created"));
    view! {
        <PageHead title="Users" />
        {move || is_done().then(|| view! { <Notice tone=Tone::Good>"The account was made."</Notice> })}
        <FormErrors error=set_active.error />
        {show_loaded(users, move |users| {
            let rows = users.into_iter().map(|user| view! { <UserRow user=user action=set_active /> }).collect_view();
            view! { <ul class="rows">{rows}</ul> }.into_any()
        })}
        <NewUserForm action=create />
    }
}

#[component]
fn UserRow(user: User, action: Post) -> impl IntoView {
    let face = if user.is_active {
        ("Active", Icon::Check, Tone::Good)
    } else {
        ("Kept out", Icon::Minus, Tone::Plain)
    };
    view! {
        <li class="row row-tight">
            <div class="row-head">
                <bdi class="row-title">{user.username}</bdi>
                <span class="tag">{user.role.as_str()}</span>
                <Badge face=face />
            </div>
            <p class="row-meta">
                <span>"Made " <Moment at=user.created_at /></span>
                {user.last_login_at.map(|at| view! { <span>"Last signed in " <Moment at=at /></span> })}
            </p>
            <PostForm action=action>
                <input type="hidden" name="id" value=user.id.to_string() />
                <input type="hidden" name="is_active" value=(!user.is_active).to_string() />
                <button class="button button-quiet" type="submit">
                    {if user.is_active { "Keep out" } else { "Let in again" }}
                </button>
            </PostForm>
        </li>
    }
}

#[component]
fn NewUserForm(action: Post) -> impl IntoView {
    let error = action.error;
    provide_context(FormError(error));
    let roles = Role::ALL
        .iter()
        .map(|role| (role.to_string(), describe_role(*role).to_owned()))
        .collect();
    view! {
        <section class="section">
            <h2>"Add somebody"</h2>
            <PostForm action=action>
                <FormErrors error=error />
                <TextField label="User name" name="username" required=true autocomplete="off" />
                <TextField
                    label="Password" name="password" kind="password" required=true autocomplete="new-password"
                    hint="At least 10 characters. They can change it later."
                />
                <SelectField label="May" name="role" choices=roles value="user" />
                <button class="button button-primary" type="submit" disabled=move || action.pending.get()>"Add"</button>
            </PostForm>
        </section>
    }
}

const fn describe_role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer: read",
        Role::User => "user: browse, request, keep own wants",
        Role::Manager => "manager: approve, grab, edit",
        Role::Admin => "admin: users, settings, secrets, jobs",
    }
}
