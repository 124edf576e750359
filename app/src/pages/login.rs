//! Signing in.

use leptos::prelude::*;
use leptos_router::components::Redirect;

use crate::api::people::Login;
use crate::api::shell::get_shell;
use crate::components::fields::{FormError, FormErrors, TextField};
use crate::components::loaded::show_loaded;
use crate::components::post_form::PostForm;
use crate::state::load::load;
use crate::state::post::Post;

/// User name and password.
#[component]
pub fn LoginPage() -> impl IntoView {
    let shell = load(|| (), |()| get_shell());
    view! {
        <leptos_meta::Title text="Sign in" />
        <main class="lone-page">
            <p class="brand">"mamcrawler"</p>
            <h1>"Sign in"</h1>
            {show_loaded(shell, |shell| {
                if shell.needs_setup {
                    view! { <Redirect path="/setup" /> }.into_any()
                } else if shell.user.is_some() {
                    view! { <Redirect path="/" /> }.into_any()
                } else {
                    view! { <LoginForm /> }.into_any()
                }
            })}
        </main>
    }
}

#[component]
fn LoginForm() -> impl IntoView {
    let action = Post::to::<Login>();
    let error = action.error;
    provide_context(FormError(error));
    view! {
        <PostForm action=action>
            <FormErrors error=error />
            <TextField label="User name" name="username" required=true autocomplete="username" />
            <TextField label="Password" name="password" kind="password" required=true autocomplete="current-password" />
            <button class="button button-primary" type="submit" disabled=move || action.pending.get()>"Sign in"</button>
        </PostForm>
    }
}
