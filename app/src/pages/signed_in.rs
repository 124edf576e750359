//! The guard and the frame of every page that needs a person.

use leptos::prelude::*;
use leptos_router::components::{Outlet, Redirect};

use crate::api::shell::{ShellView, get_shell};
use crate::components::layout::Frame;
use crate::components::loaded::show_loaded;
use crate::state::clock::{Now, provide_now};
use crate::state::live::provide_live;
use crate::state::load::load;
use crate::state::me::{Me, provide_me};

/// Leads strangers to the sign-in and newcomers to the set-up; shows the page to everybody else.
#[component]
pub fn SignedIn() -> impl IntoView {
    let (now, me) = (provide_now(), provide_me());
    provide_live();
    let shell = load(|| (), |()| get_shell());
    show_loaded(shell, move |shell| show_frame(shell, now, me))
}

fn show_frame(shell: ShellView, now: Now, me: Me) -> AnyView {
    match shell.user {
        _ if shell.needs_setup => view! { <Redirect path="/setup" /> }.into_any(),
        None => view! { <Redirect path="/login" /> }.into_any(),
        Some(user) => {
            // Before the page below is rendered: it shows times and hides what its reader may not do.
            now.start(shell.now);
            me.set(user.clone());
            view! { <Frame user=user has_sandbox=shell.has_sandbox><Outlet /></Frame> }.into_any()
        }
    }
}
