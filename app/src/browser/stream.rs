//! Changes pushed by the server: one `EventSource`, whose address the page names.
//!
//! An event says what changed, not how: a page that is about it is asked for again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use leptos::prelude::{GetUntracked, RwSignal, Set, document, set_timeout, window};
use wasm_bindgen::JsValue;
use web_sys::{Event, EventSource, MessageEvent, PageTransitionEvent, VisibilityState};

use super::{Trouble, listen, visit};

/// Events that come in a burst are one change.
const DEBOUNCE: Duration = Duration::from_millis(300);
/// Pause before a stream that the server ended is opened again.
const REOPEN_AFTER: Duration = Duration::from_secs(5);
/// A stream that is back sooner was not missed.
const MISSED_AFTER: Duration = Duration::from_secs(3);

thread_local! {
    static STREAM: RefCell<Option<EventSource>> = const { RefCell::new(None) };
    /// Something happened that the page does not show yet.
    static IS_STALE: Cell<bool> = const { Cell::new(false) };
    /// A refresh is arranged already.
    static IS_DUE: Cell<bool> = const { Cell::new(false) };
}

/// Follows the changes for as long as the page is open, if it is one that says where they are told.
pub fn start(trouble: RwSignal<Option<Trouble>>) {
    open(trouble);
    listen(&document(), "visibilitychange", |_: Event| {
        if IS_STALE.get() {
            arrange_refresh();
        }
    });
    // A page that the browser keeps for Back must not hold a connection.
    listen(&window(), "pagehide", |_: Event| close());
    listen(&window(), "pageshow", move |event: PageTransitionEvent| {
        if event.persisted() {
            open(trouble);
        }
    });
}

fn open(trouble: RwSignal<Option<Trouble>>) {
    let page = document().query_selector("[data-live-page]").ok().flatten();
    // The server repeats what came since the page was read, and what the browser says that it did not hear.
    let changes = page.and_then(|page| page.get_attribute("data-live-page"));
    let Some(source) = changes.and_then(|changes| EventSource::new(&changes).ok()) else {
        return;
    };
    listen(&source, "open", move |_: Event| {
        if trouble.get_untracked() == Some(Trouble::Cut) {
            trouble.set(None);
        }
    });
    listen(&source, "message", |message: MessageEvent| {
        if concerns_page(&message) {
            arrange_refresh();
        }
    });
    let watched = source.clone();
    listen(&source, "error", move |_: Event| mend(&watched, trouble));
    STREAM.set(Some(source));
}

fn close() {
    if let Some(source) = STREAM.take() {
        source.close();
    }
}

/// The browser reconnects by itself after a lost connection, but gives up when the server answers with an error.
fn mend(source: &EventSource, trouble: RwSignal<Option<Trouble>>) {
    let watched = source.clone();
    set_timeout(
        move || {
            if watched.ready_state() != EventSource::OPEN && is_current(&watched) {
                trouble.set(Some(Trouble::Cut));
            }
        },
        MISSED_AFTER,
    );
    if source.ready_state() != EventSource::CLOSED {
        return;
    }
    // Signed out elsewhere: the page itself is asked for, and leads to the sign-in.
    visit::refresh();
    let watched = source.clone();
    set_timeout(
        move || {
            if is_current(&watched) {
                open(trouble);
            }
        },
        REOPEN_AFTER,
    );
}

fn is_current(source: &EventSource) -> bool {
    STREAM.with_borrow(|current| current.as_ref() == Some(source))
}

/// Whether the page names what the event is about: its topic (`download`), or that one thing (`download:0190…`). What was
/// `missed` may be about any.
fn concerns_page(message: &MessageEvent) -> bool {
    let event = message
        .data()
        .as_string()
        .and_then(|text| js_sys::JSON::parse(&text).ok());
    let part = |name: &str| {
        let part = event.as_ref().map(|event| js_sys::Reflect::get(event, &name.into()));
        part.and_then(Result::ok).as_ref().and_then(JsValue::as_string)
    };
    let Some(topic) = part("topic") else { return false };
    let one = part("id").map(|id| format!("{topic}:{id}"));
    let page = document().query_selector("[data-topics]").ok().flatten();
    let topics = page.and_then(|page| page.get_attribute("data-topics"));
    topics.is_some_and(|topics| {
        let is_about = |wanted: &str| wanted == topic || Some(wanted) == one.as_deref();
        topic == "missed" || topics.split(' ').any(is_about)
    })
}

/// Asks for the page once the burst is over; a page that nobody looks at waits until somebody does.
fn arrange_refresh() {
    IS_STALE.set(true);
    if IS_DUE.replace(true) {
        return;
    }
    set_timeout(
        || {
            IS_DUE.set(false);
            if document().visibility_state() == VisibilityState::Visible && IS_STALE.replace(false) {
                visit::refresh();
            }
        },
        DEBOUNCE,
    );
}
