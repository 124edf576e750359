//! First start: making the admin.

use leptos::prelude::*;
use leptos_router::components::Redirect;

use crate::api::people::CompleteSetup;
use crate::api::shell::get_shell;
use crate::components::fields::{FormError, FormErrors, TextField};
use crate::components::loaded::show_loaded;
use crate::components::post_form::PostForm;
use crate::state::load::load;
use crate::state::post::Post;

/// Asks for the token that the server printed, and makes the admin.
#[component]
pub fn SetupPage() -> impl IntoView {
    let shell = load(|| (), |()| get_shell());
    view! {
        <leptos_meta::Title text="Set up" />
        <main class="lone-page">
            <p class="brand">"mamcrawler"</p>
            <h1>"Make the admin account"</h1>
            {show_loaded(shell, |shell| {
                if shell.needs_setup {
                    view! { <SetupForm /> }.into_any()
                } else {
                    view! { <Redirect path="/login" /> }.into_any()
                }
            })}
        </main>
    }
}

#[component]
fn SetupForm() -> impl IntoView {
    let action = Post::to::<CompleteSetup>();
    let error = action.error;
    provide_context(FormError(error));
    view! {
        <p class="hint">"This happens once. The account can do everything here; more people can be added later."</p>
        <PostForm action=action>
            <FormErrors error=error />
            <TextField
                label="Setup token" name="token" required=true autocomplete="off"
                hint="The server printed it to its log when it started. Started again, it prints a new one."
            />
            <TextField label="User name" name="username" required=true autocomplete="username" />
            <TextField
                label="Password" name="password" kind="password" required=true autocomplete="new-password"
                hint="At least 10 characters. A sentence is easy to keep."
            />
            <button class="button button-primary" type="submit" disabled=move || action.pending.get()>
                "Make the account"
            </button>
        </PostForm>
    }
}
