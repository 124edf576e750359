//! The three faces of something fetched: loading, an error, or the thing.

use std::sync::Arc;

use leptos::prelude::*;
use serde::de::DeserializeOwned;

use super::notices::{ErrorNotice, Loading};
use crate::api::AppError;
use crate::api::answer::Answer;
use crate::state::load::{Fetched, Load};

/// Shows what was fetched. What was there stays while it is fetched again.
pub fn show_loaded<T>(loaded: Load<T>, render: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView
where
    T: DeserializeOwned + 'static,
{
    let show = move |text: String| Answer::<T>::from_text(text).read().map(&render);
    show_text(loaded.resource, Arc::new(show))
}

/// Not generic: there is one of it in what the browser loads.
fn show_text(
    resource: Resource<Fetched>,
    show: Arc<dyn Fn(String) -> Result<AnyView, AppError> + Send + Sync>,
) -> AnyView {
    view! {
        <Transition fallback=Loading>
            {move || {
                let show = show.clone();
                Suspend::new(async move {
                    match resource.await.and_then(|text| show(text)) {
                        Ok(view) => view,
                        Err(error) => view! { <ErrorNotice error=error.0 /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}
