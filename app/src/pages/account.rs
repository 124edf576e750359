//! One's own account: password, appearance, signing out.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::api::people::{ChangePassword, Logout, SetTheme};
use crate::components::fields::{FormError, FormErrors, TextField};
use crate::components::layout::PageHead;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::PostForm;
use crate::state::me::use_me;
use crate::state::post::Post;
use crate::theme::Theme;

/// Everything one can change about oneself.
#[component]
pub fn AccountPage() -> impl IntoView {
    let me = use_me();
    let logout = Post::to::<Logout>();
    let who = move || {
        me.get().map(|user| view! { <p>"Signed in as " <bdi><strong>{user.username}</strong></bdi>" ("{user.role.as_str()}")."</p> })
    };
    view! {
        <PageHead title="Account" />
        <div class="sections">
            <section class="section">
                {who}
                <PostForm action=logout><button class="button" type="submit">"Sign out"</button></PostForm>
            </section>
            <PasswordSection />
            <ThemeSection />
        </div>
    }
}

#[component]
fn PasswordSection() -> impl IntoView {
    let action = Post::to::<ChangePassword>();
    let error = action.error;
    provide_context(FormError(error));
    let query = use_query_map();
    let is_done = move || query.with(|query| query.get_str("done") == Some("password"));
    view! {
        <section class="section">
            <h2>"Password"</h2>
            {move || is_done().then(|| view! { <Notice tone=Tone::Good>"The password was changed."</Notice> })}
            <PostForm action=action>
                <FormErrors error=error />
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
    let action = Post::to::<SetTheme>();
    let buttons = Theme::ALL
        .into_iter()
        .map(|theme| {
            let word = theme.as_str();
            // The cookie is for the next page; this one changes at once.
            view! {
                <button class="button" type="submit" name="theme" value=word on:click=move |_| apply_theme(word)>
                    {theme.label()}
                </button>
            }
        })
        .collect_view();
    view! {
        <section class="section">
            <h2>"Colours"</h2>
            <PostForm action=action><div class="actions">{buttons}</div></PostForm>
        </section>
    }
}

fn apply_theme(word: &str) {
    if let Some(root) = document().document_element() {
        // An attribute of the document's own element can always be set.
        let _ = root.set_attribute("data-theme", word);
    }
}
