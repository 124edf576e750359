//! The guard and the frame of every page that needs a person.

use leptos::prelude::*;
use leptos_router::components::{Outlet, Redirect};

use crate::api::shell::get_shell;
use crate::components::layout::Frame;
use crate::pages::show;

/// Leads strangers to the sign-in and newcomers to the set-up; shows the page to everybody else.
#[component]
pub fn SignedIn() -> impl IntoView {
    show(async {
        let shell = get_shell().await?;
        Ok(match shell.user {
            _ if shell.needs_setup => view! { <Redirect path="/setup" /> }.into_any(),
            None => view! { <Redirect path="/login" /> }.into_any(),
            Some(user) => {
                view! { <Frame user=user has_sandbox=shell.has_sandbox changes=shell.changes><Outlet /></Frame> }
                    .into_any()
            }
        })
    })
}
