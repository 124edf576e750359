//! One person's account, for admins: name, role, e-mail, password, and whether they may sign in.

use leptos::prelude::*;
use types::UserId;
use types::oidc::{Identity, UserIdentities};
use types::people::User;

use crate::api;
use crate::api::people::SetUserActive;
use crate::api::users::{DeleteUser, RenameUser, ResetUserPassword, SetUserEmail, SetUserRole, get_user};
use crate::components::confirm::Confirm;
use crate::components::fields::{SelectField, TextField};
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::{ButtonForm, Post, PostErrors, PostForm};
use crate::components::roles::role_choices;
use crate::link::link_to;
use crate::pages::{read_id, read_query, show};

/// Everything an admin can change about somebody.
#[component]
pub fn UserPage() -> impl IntoView {
    let set_active = Post::to::<SetUserActive>();
    let delete = Post::to::<DeleteUser>();
    let done = read_query().get_str("done").and_then(tell_done);
    show(async move {
        let (user, identities) = get_user(read_id::<UserId>("user")?).await?;
        Ok(view! {
            <PageHead title=user.username.clone()><a class="button" href=link_to("/users")>"All users"</a></PageHead>
            {done.map(|sentence| view! { <Notice tone=Tone::Good>{sentence}</Notice> })}
            <PostErrors posts=vec![set_active.clone(), delete.clone()] />
            <div class="sections">
                <RoleSection user=user.clone() />
                <NameSection user=user.clone() identities=identities />
                <PasswordSection user=user.clone() />
                <AccessSection user=user set_active=set_active delete=delete />
            </div>
        }
        .into_any())
    })
}

/// What the address says was done; other words say nothing.
fn tell_done(word: &str) -> Option<&'static str> {
    Some(match word {
        "name" => "The name was changed.",
        "role" => "The role was changed. It counts from their next request on.",
        "email" => "The e-mail was saved.",
        "password" => "The password was changed, and their sign-ins were ended.",
        _ => return None,
    })
}

#[component]
fn RoleSection(user: User) -> impl IntoView {
    view! {
        <section class="section">
            <h2>"Role"</h2>
            <PostForm post={Post::to::<SetUserRole>()}>
                <input type="hidden" name="id" value=user.id.to_string() />
                <SelectField label="May" name="role" choices=role_choices() value=user.role.as_str() />
                <button class="button" type="submit">"Change the role"</button>
            </PostForm>
        </section>
    }
}

#[component]
fn NameSection(user: User, identities: UserIdentities) -> impl IntoView {
    let connected = identities
        .identities
        .into_iter()
        .map(|identity| view! { <IdentityLine identity=identity /> })
        .collect_view();
    view! {
        <section class="section">
            <h2>"Name and e-mail"</h2>
            <PostForm post={Post::to::<RenameUser>()}>
                <input type="hidden" name="id" value=user.id.to_string() />
                <TextField label="User name" name="username" value=user.username required=true autocomplete="off" />
                <button class="button" type="submit">"Change the name"</button>
            </PostForm>
            <PostForm post={Post::to::<SetUserEmail>()}>
                <input type="hidden" name="id" value=user.id.to_string() />
                <TextField
                    label="E-mail" name="email" value=identities.email.unwrap_or_default() autocomplete="off"
                    hint="Single sign-on can find the account by it. Empty: there is none."
                />
                <button class="button" type="submit">"Save the e-mail"</button>
            </PostForm>
            <ul class="files">{connected}</ul>
        </section>
    }
}

/// Who they are at the provider.
#[component]
fn IdentityLine(identity: Identity) -> impl IntoView {
    view! {
        <li data-key=identity.id.to_string()>
            <span>"Connected with "<bdi class="wrap">{identity.issuer}</bdi></span>
            <span class="row-meta">
                "as "<bdi class="wrap">{identity.email.unwrap_or(identity.subject)}</bdi>
                {identity.last_login_at.map(|at| view! { <span>"last used "<Moment at=at /></span> })}
            </span>
        </li>
    }
}

/// Somebody else's password. One's own needs the current one, which the account page asks for.
#[component]
fn PasswordSection(user: User) -> impl IntoView {
    let is_own = api::user().is_some_and(|me| me.id == user.id);
    let form = if is_own {
        view! { <p>"This is your own account. "<a href=link_to("/account")>"Change your password there."</a></p> }
            .into_any()
    } else {
        view! {
            <PostForm post={Post::to::<ResetUserPassword>()}>
                <input type="hidden" name="id" value=user.id.to_string() />
                <TextField
                    label="New password" name="new_password" kind="password" required=true autocomplete="new-password"
                    hint="At least 10 characters. All their sign-ins end; their API keys stay."
                />
                <button class="button" type="submit">"Set the password"</button>
            </PostForm>
        }
        .into_any()
    };
    view! { <section class="section"><h2>"Password"</h2>{form}</section> }
}

#[component]
fn AccessSection(user: User, set_active: Post, delete: Post) -> impl IntoView {
    let id = user.id;
    let question = format!(
        "{} is deleted with their sign-ins, API keys and requests. Books and downloads stay. This can't be undone.",
        user.username
    );
    view! {
        <section class="section">
            <h2>"Access"</h2>
            <p>{if user.is_active {
                "They can sign in. Keeping them out ends their sign-ins and stops their API keys."
            } else {
                "They are kept out: nobody can sign in with this account, and its API keys don't work."
            }}</p>
            <div class="actions">
                <ButtonForm post=set_active>
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="is_active" value=(!user.is_active).to_string() />
                    <button class="button" type="submit">{if user.is_active { "Keep out" } else { "Let in again" }}</button>
                </ButtonForm>
                <Confirm label="Delete…" question=question>
                    <ButtonForm post=delete>
                        <input type="hidden" name="id" value=id.to_string() />
                        <button class="button button-danger" type="submit">"Delete"</button>
                    </ButtonForm>
                </Confirm>
            </div>
        </section>
    }
}
