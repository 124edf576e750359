//! Where one is signed in, and ending that.

use leptos::prelude::*;
use types::Page;
use types::access::SessionView;

use super::Done;
use crate::api::account::{EndOtherSessions, EndSession, list_sessions};
use crate::components::confirm::Confirm;
use crate::components::icons::Icon;
use crate::components::moment::Moment;
use crate::components::notices::Tone;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::components::states::Badge;
use crate::pages::show;
use crate::user_agent::describe_user_agent;

/// The browsers and programs that are signed in.
#[component]
pub fn SignInsSection() -> impl IntoView {
    let (end, end_others) = (Post::to::<EndSession>(), Post::to::<EndOtherSessions>());
    view! {
        <section class="section" id="sign-ins">
            <h2>"Sign-ins"</h2>
            <Done word="ended" sentence="The sign-in was ended." />
            <Done word="others" sentence="All other sign-ins were ended." />
            <PostErrors posts=vec![end.clone(), end_others.clone()] />
            {show(async move {
                let page = list_sessions().await?;
                Ok(view! { <SignIns page=page end=end end_others=end_others /> }.into_any())
            })}
        </section>
    }
}

#[component]
fn SignIns(page: Page<SessionView>, end: Post, end_others: Post) -> impl IntoView {
    let has_others = page.total > 1;
    let is_cut = page.next_cursor.is_some();
    let rows = page
        .items
        .into_iter()
        .map(|session| view! { <SignInRow session=session end=end.clone() /> })
        .collect_view();
    view! {
        <ul class="rows">{rows}</ul>
        {is_cut.then(|| view! { <p class="hint">"Only the newest are shown. Ending all others ends the rest as well."</p> })}
        {has_others.then(|| view! {
            <Confirm
                label="End all others…"
                question="Every other browser and program has to sign in again. API keys stay good."
            >
                <ButtonForm post=end_others>
                    <button class="button button-danger" type="submit">"End all others"</button>
                </ButtonForm>
            </Confirm>
        })}
    }
}

#[component]
fn SignInRow(session: SessionView, end: Post) -> impl IntoView {
    view! {
        <li class="row row-tight" data-key=session.id.to_string()>
            <div class="row-head">
                <bdi class="row-title">{describe_user_agent(session.user_agent.as_deref())}</bdi>
                {session.is_current.then(|| view! { <Badge face=("This one", Icon::Check, Tone::Good) /> })}
            </div>
            <p class="row-meta">
                <span>"Signed in "<Moment at=session.created_at /></span>
                {session.address.map(|address| view! { <span>"from "<bdi class="wrap">{address}</bdi></span> })}
                <span>"last used "<Moment at=session.last_used_at /></span>
            </p>
            {(!session.is_current).then(|| view! {
                <ButtonForm post=end>
                    <input type="hidden" name="id" value=session.id.to_string() />
                    <button class="button button-quiet" type="submit">"End"</button>
                </ButtonForm>
            })}
        </li>
    }
}
