//! Signing in.

use leptos::prelude::*;
use leptos_router::components::Redirect;

use crate::api::account::find_provider;
use crate::api::people::Login;
use crate::api::shell::get_shell;
use crate::components::fields::TextField;
use crate::components::post_form::{Post, PostForm};
use crate::link::link_to;
use crate::pages::show;

/// User name and password, or the single sign-on provider.
#[component]
pub fn LoginPage() -> impl IntoView {
    view! {
        <leptos_meta::Title text="Sign in" />
        <main class="lone-page">
            <p class="brand">"mamcrawler"</p>
            <h1>"Sign in"</h1>
            {show(async {
                let shell = get_shell().await?;
                Ok(if shell.needs_setup {
                    view! { <Redirect path="/setup" /> }.into_any()
                } else if shell.user.is_some() {
                    view! { <Redirect path="/" /> }.into_any()
                } else {
                    let provider = find_provider().await?;
                    view! {
                        <LoginForm />
                        {provider.map(|name| view! { <ProviderLink name=name /> })}
                    }
                    .into_any()
                })
            })}
        </main>
    }
}

#[component]
fn LoginForm() -> impl IntoView {
    view! {
        <PostForm post={Post::to::<Login>()}>
            <TextField label="User name" name="username" required=true autocomplete="username" />
            <TextField label="Password" name="password" kind="password" required=true autocomplete="current-password" />
            <button class="button button-primary" type="submit">"Sign in"</button>
        </PostForm>
    }
}

#[component]
fn ProviderLink(name: String) -> impl IntoView {
    view! {
        <p class="other-way">
            <a class="button" href=link_to("/auth/oidc/start?return_to=/") rel="external">
                <span>"Sign in with "<bdi>{name}</bdi></span>
            </a>
        </p>
    }
}
