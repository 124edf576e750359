//! The three faces of something fetched: loading, an error, or the thing.

use leptos::prelude::*;

use super::notices::{ErrorNotice, Loading};
use crate::api::AppError;

/// Shows what a resource holds. What was there stays while it is fetched again.
pub fn show_loaded<T>(
    resource: Resource<Result<T, AppError>>,
    render: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=Loading>
            {move || {
                let render = render.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => render(value),
                        Err(error) => view! { <ErrorNotice error=error.0 /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}
