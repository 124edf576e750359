//! Forms that post to server functions: as they are without JavaScript, in place with it.

use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::ServerFnUrlError;
use types::ApiError;

use super::fields::Complaints;
use super::notices::ErrorNotice;
use crate::api::AppError;
use crate::link::link_to;

/// A form's way to its server function, and what that complained about when it was posted last.
#[derive(Debug, Clone)]
pub struct Post {
    path: &'static str,
    /// Comes back with the address that the form's answer led to.
    pub error: Option<ApiError>,
}

impl Post {
    /// The way to a server function.
    pub fn to<S: ServerFn<Error = AppError>>() -> Self {
        let returned = use_context::<ServerActionError>().filter(|error| error.path() == S::PATH);
        let error = returned.map(|error| ServerFnUrlError::<AppError>::decode_err(error.err()).0);
        Self { path: S::PATH, error }
    }
}

/// A form with fields. Each field says what is wrong with it; the form says what no field could.
#[component]
pub fn PostForm(post: Post, children: Children) -> impl IntoView {
    let complaints = Complaints::of(post.error.as_ref());
    provide_context(complaints.clone());
    // The fields take their complaints while they are made: what is left is known only then.
    let fields = children();
    let rest = post.error.filter(|_| complaints.has_rest());
    view! {
        <form method="post" action=link_to(post.path)>
            {rest.map(|error| view! { <ErrorNotice error=error /> })}
            {fields}
        </form>
    }
}

/// A form that is only a button. There may be one for each row, so the page says what went wrong, by [`PostErrors`].
#[component]
pub fn ButtonForm(post: Post, children: Children) -> impl IntoView {
    view! { <form method="post" action=link_to(post.path)>{children()}</form> }
}

/// What the buttons of a page were refused.
#[component]
pub fn PostErrors(posts: Vec<Post>) -> impl IntoView {
    let errors = posts.into_iter().filter_map(|post| post.error);
    errors.map(|error| view! { <ErrorNotice error=error /> }).collect_view()
}
