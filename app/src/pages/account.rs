//! One's own account: sign-ins, API keys, single sign-on, password, appearance.

mod connections;
mod keys;
mod sign_ins;

use leptos::prelude::*;

use crate::api;
use crate::api::people::{ChangePassword, Logout, SetTheme};
use crate::components::fields::TextField;
use crate::components::layout::PageHead;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::{ButtonForm, Post, PostForm};
use crate::pages::read_query;
use crate::theme::{Theme, read_theme};
use connections::ConnectionsSection;
use keys::KeysSection;
use sign_ins::SignInsSection;

/// Everything one can change about oneself.
#[component]
pub fn AccountPage() -> impl IntoView {
    let who = api::user().map(|user| {
        view! { <p>"Signed in as " <bdi><strong>{user.username}</strong></bdi>" ("{user.role.as_str()}")."</p> }
    });
    view! {
        <PageHead title="Account" />
        <div class="sections">
            <section class="section">
                {who}
                <ButtonForm post={Post::to::<Logout>()}><button class="button" type="submit">"Sign out"</button></ButtonForm>
            </section>
            <SignInsSection />
            <KeysSection />
            <ConnectionsSection />
            <PasswordSection />
            <ThemeSection />
        </div>
    }
}

/// Says that a form did its work, on the page that it was answered with.
#[component]
fn Done(
    /// What the address says behind `done`.
    word: &'static str,
    sentence: &'static str,
) -> impl IntoView {
    let is_done = read_query().get_str("done") == Some(word);
    is_done.then(|| view! { <Notice tone=Tone::Good>{sentence}</Notice> })
}

#[component]
fn PasswordSection() -> impl IntoView {
    view! {
        <section class="section" id="password">
            <h2>"Password"</h2>
            <Done word="password" sentence="The password was changed." />
            <PostForm post={Post::to::<ChangePassword>()}>
                <TextField
                    label="Password now" name="current_password" kind="password" required=true
                    autocomplete="current-password"
                />
                <TextField
                    label="New password" name="new_password" kind="password" required=true autocomplete="new-password"
                    hint="At least 10 characters."
                />
                <button class="button button-primary" type="submit">"Change the password"</button>
            </PostForm>
        </section>
    }
}

#[component]
fn ThemeSection() -> impl IntoView {
    let chosen = read_theme();
    let buttons = Theme::ALL
        .into_iter()
        .map(|theme| {
            let word = theme.as_str();
            let is_chosen = (theme == chosen).then_some("true");
            view! { <button class="button" type="submit" name="theme" value=word aria-pressed=is_chosen>{theme.label()}</button> }
        })
        .collect_view();
    view! {
        <section class="section" id="colours">
            <h2>"Colours"</h2>
            <ButtonForm post={Post::to::<SetTheme>()}><div class="actions">{buttons}</div></ButtonForm>
        </section>
    }
}
