//! "5 min ago" goes on while a page is open, told by the server's clock and, in full, by the reader's.

use std::time::Duration;

use js_sys::{Date, Object, Reflect};
use leptos::prelude::{document, set_interval_with_handle, window};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::span::tell_span;

const TICK: Duration = Duration::from_secs(5);

thread_local! {
    /// Milliseconds by which the server's clock is ahead of this device's.
    static AHEAD: std::cell::Cell<f64> = const { std::cell::Cell::new(0.0) };
}

/// Tells all times now and every few seconds.
pub fn start() {
    tell_all();
    // Lives as long as the page.
    let _ = set_interval_with_handle(tell_spans, TICK);
}

/// After the page changed: sets the clock by the answer, and tells all times in it.
pub fn tell_all() {
    let root = document().document_element();
    let server = root.and_then(|root| root.get_attribute("data-now")?.parse::<f64>().ok());
    if let Some(server) = server {
        AHEAD.set(server - Date::now());
    }
    let (language, options) = (window().navigator().language().unwrap_or_default(), Object::new());
    for (name, style) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // A plain object takes any property.
        let _ = Reflect::set(&options, &name.into(), &style.into());
    }
    for_each_moment(|element, at| {
        let local = Date::new(&at.into()).to_locale_string(&language, &options);
        let _ = element.set_attribute("title", &String::from(local));
    });
    tell_spans();
}

fn tell_spans() {
    let now = Date::now() + AHEAD.get();
    for_each_moment(|element, at| {
        // Further away stands a date, which does not move.
        if let Some(text) = tell_span(((at - now) / 1000.0) as i64)
            && element.text_content().as_deref() != Some(&text)
        {
            element.set_text_content(Some(&text));
        }
    });
}

fn for_each_moment(call: impl Fn(&Element, f64)) {
    let Ok(found) = document().query_selector_all("time.moment") else {
        return;
    };
    let elements = (0..found.length()).filter_map(|index| found.get(index)?.dyn_into::<Element>().ok());
    for element in elements {
        let at = Date::parse(&element.get_attribute("datetime").unwrap_or_default());
        if at.is_finite() {
            call(&element, at);
        }
    }
}
