//! Fetching for pages.
//!
//! One kind of resource for all of them, holding text: every kind of its own would bring the browser a copy of the
//! machinery of resources. What the text holds is known where it was asked for and where it is shown.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use leptos::prelude::*;

use crate::api::AppError;
use crate::api::answer::Answer;

/// What a fetch brings: an [`Answer`] as text.
pub type Fetched = Result<String, AppError>;

type Fetching = Pin<Box<dyn Future<Output = Fetched> + Send>>;

/// Something that is fetched on the server, travels with the page, and is fetched again when what it depends on changes.
pub struct Load<T> {
    /// What was fetched, for `show_loaded`.
    pub resource: Resource<Fetched>,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Load<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Load<T> {}

/// Fetches by what `source` says, and again whenever that changes.
pub fn load<S, T, F>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> F + Send + Sync + 'static,
) -> Load<T>
where
    S: 'static,
    F: Future<Output = Result<Answer<T>, AppError>> + Send + 'static,
{
    let source = std::sync::Arc::new(source);
    let watched = source.clone();
    let start = move || -> Fetching {
        let fetching = fetch(untrack(|| source()));
        Box::pin(async move { fetching.await.map(Answer::into_text) })
    };
    Load {
        resource: make_resource(Box::new(move || drop(watched())), Box::new(start)),
        value: PhantomData,
    }
}

/// Not generic: there is one of it in what the browser loads.
fn make_resource(
    watch: Box<dyn Fn() + Send + Sync>,
    start: Box<dyn Fn() -> Fetching + Send + Sync>,
) -> Resource<Fetched> {
    let turns = AtomicU64::new(0);
    let next_turn = move || {
        watch();
        turns.fetch_add(1, Ordering::Relaxed)
    };
    Resource::new(next_turn, move |_| start())
}
