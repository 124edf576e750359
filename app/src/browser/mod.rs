//! What the browser adds to pages that the server renders: they follow changes, and their forms are sent without
//! loading the page anew.
//!
//! There is one way to change what a page shows: its address is asked for again, and [`morph`] brings what is shown to
//! what came back. What a page is about is not known here; it says what it wants by attributes:
//!
//! - `data-live-page="/events?after=…"`: the page follows the changes that are told there ([`stream`]).
//! - `data-topics="download:… wants"`: these changes concern the page ([`stream`]).
//! - `form[data-live]`: sends itself as one types or chooses ([`forms`]).
//! - `data-preview="id"`: what is typed in here is asked for, and the element with this id shows the answer.
//! - `button[data-busy="Testing…"]`: what the button says until the answer is here.
//! - `data-key`: the same thing before and after a change, wherever it stands.

mod clock;
mod controls;
mod forms;
mod morph;
mod stream;
mod visit;

use leptos::prelude::{RwSignal, window};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, EventTarget, FormData, Headers, RequestInit, Response, UrlSearchParams};

/// What stands in the way between page and server, for the notice that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The stream of changes is cut: what is shown may be old.
    Cut,
    /// Something that was sent got no answer.
    Unanswered,
}

/// Takes the page over for as long as it is open.
pub fn start(trouble: RwSignal<Option<Trouble>>) {
    visit::start(trouble);
    forms::start();
    clock::start();
    stream::start(trouble);
}

/// Calls for every such event for as long as the page is open.
fn listen<E: JsCast + 'static>(target: &EventTarget, name: &str, call: impl FnMut(E) + 'static) {
    let mut call = call;
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| call(event.unchecked_into()));
    // Refused for no kind of event that there is.
    let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// The path and query that the browser shows.
fn here() -> String {
    let location = window().location();
    let part = |part: Result<String, _>| part.unwrap_or_default();
    part(location.pathname()) + &part(location.search())
}

/// Posts fields as a form does, and reads an answer in JSON, be it good or bad.
pub async fn post_json(path: &str, fields: &FormData) -> Option<JsValue> {
    let response = send(path, "application/json", encode(fields).as_ref()).await?;
    JsFuture::from(response.json().ok()?).await.ok()
}

/// Asks for an address, or posts to it; nothing when no server answers.
async fn send(address: &str, accept: &str, body: Option<&UrlSearchParams>) -> Option<Response> {
    let (init, headers) = (RequestInit::new(), Headers::new().ok()?);
    headers.set("Accept", accept).ok()?;
    init.set_headers(&headers);
    if let Some(body) = body {
        init.set_method("POST");
        init.set_body(body);
    }
    let response = JsFuture::from(window().fetch_with_str_and_init(address, &init)).await;
    response.ok()?.dyn_into().ok()
}

/// Fields as the browser posts them.
fn encode(fields: &FormData) -> Option<UrlSearchParams> {
    UrlSearchParams::new_with_str_sequence_sequence(fields).ok()
}
