//! First start: making the admin.

use leptos::prelude::*;
use leptos_router::components::Redirect;

use crate::api::people::CompleteSetup;
use crate::api::shell::get_shell;
use crate::components::fields::TextField;
use crate::components::post_form::{Post, PostForm};
use crate::pages::show;

/// Asks for the token that the server printed, and makes the admin.
#[component]
pub fn SetupPage() -> impl IntoView {
    view! {
        <leptos_meta::Title text="Set up" />
        <main class="lone-page">
            <p class="brand">"mamcrawler"</p>
            <h1>"Make the admin account"</h1>
            {show(async {
                let shell = get_shell().await?;
                Ok(if shell.needs_setup {
                    view! { <SetupForm /> }.into_any()
                } else {
                    view! { <Redirect path="/login" /> }.into_any()
                })
            })}
        </main>
    }
}

#[component]
fn SetupForm() -> impl IntoView {
    view! {
        <p class="hint">"This happens once. The account can do everything here; more people can be added later."</p>
        <PostForm post={Post::to::<CompleteSetup>()}>
            <TextField
                label="Setup token" name="token" required=true autocomplete="off"
                hint="The server printed it to its log when it started. Started again, it prints a new one."
            />
            <TextField label="User name" name="username" required=true autocomplete="username" />
            <TextField
                label="Password" name="password" kind="password" required=true autocomplete="new-password"
                hint="At least 10 characters. A sentence is easy to keep."
            />
            <button class="button button-primary" type="submit">
                "Make the account"
            </button>
        </PostForm>
    }
}
