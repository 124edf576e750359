//! Forms are sent in place: what they post, what one looks for as one types, what a field would lead to.

use std::cell::RefCell;
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::{document, set_timeout_with_handle};
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, FormData, HtmlElement, HtmlFormElement, SubmitEvent, UrlSearchParams};

use super::visit::{self, Step};
use super::{controls, encode, listen};

/// Between the last key and the question.
const PAUSE: Duration = Duration::from_millis(250);

thread_local! {
    /// What happens once nobody typed for a while.
    static WAITING: RefCell<Option<TimeoutHandle>> = const { RefCell::new(None) };
}

/// Takes every form of the page, also those that come later.
pub fn start() {
    listen(&document(), "submit", submit);
    listen(&document(), "input", |event: Event| type_in(&event));
    listen(&document(), "change", |event: Event| {
        if let Some(form) = find_live(&event, "select") {
            look(&form, Step::Push);
        }
    });
    // Somebody was faster than the script.
    let typed = document()
        .query_selector("form[data-live] input[type=search]")
        .ok()
        .flatten();
    if let Some(field) = typed.filter(controls::is_changed)
        && let Some(form) = live_form(&field)
    {
        look(&form, Step::Replace);
    }
}

fn submit(event: SubmitEvent) {
    let form = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
    let Some(form) = form.filter(|_| !event.default_prevented()) else {
        return;
    };
    if form.has_attribute("data-live") {
        event.prevent_default();
        look(&form, Step::Push);
    } else if form.get_attribute("method").as_deref() == Some("post") && !form.has_attribute("data-leaves") {
        // One that leaves leads to another site, where only the browser itself can go.
        event.prevent_default();
        send(form, event.submitter());
    }
}

/// Posts a form. A second press while the first is under way is the same press.
fn send(form: HtmlFormElement, pressed: Option<HtmlElement>) {
    let address = form.get_attribute("action").unwrap_or_default();
    let Some(body) = FormData::new_with_form(&form).ok().and_then(|fields| encode(&fields)) else {
        return;
    };
    // The button is a field as well, if it has a name.
    if let Some((name, value)) = pressed
        .as_ref()
        .and_then(|button| Some((button.get_attribute("name")?, button.get_attribute("value")?)))
    {
        body.append(&name, &value);
    }
    if form.has_attribute("aria-busy") {
        return;
    }
    let _ = form.set_attribute("aria-busy", "true");
    let words = pressed.and_then(|button| {
        let busy = button.get_attribute("data-busy")?;
        let words = button.text_content();
        button.set_text_content(Some(&busy));
        Some((button, words))
    });
    spawn_local(async move {
        if !visit::post(&form, &address, body).await {
            return;
        }
        let _ = form.remove_attribute("aria-busy");
        // The answer's own words, if it brought others, are here already.
        if let Some((button, words)) = words
            && button.text_content() == button.get_attribute("data-busy")
        {
            button.set_text_content(words.as_deref());
        }
    });
}

fn type_in(event: &Event) {
    if let Some(form) = find_live(event, "input") {
        wait_then(move || look(&form, Step::Replace));
        return;
    }
    let field = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    if let Some(asking) = field.and_then(|field| field.closest("[data-preview]").ok().flatten()) {
        wait_then(move || ask_preview(&asking));
    }
}

/// The live form around what the event is about, if that is of this kind.
fn find_live(event: &Event, kind: &str) -> Option<HtmlFormElement> {
    let field = event.target()?.dyn_into::<Element>().ok()?;
    field.matches(kind).ok()?.then(|| live_form(&field))?
}

fn live_form(field: &Element) -> Option<HtmlFormElement> {
    field.closest("form[data-live]").ok()??.dyn_into().ok()
}

/// Shows what a form that only asks leads to. Fields that say nothing are left out of the address.
fn look(form: &HtmlFormElement, step: Step) {
    WAITING.set(None);
    let Some(query) = FormData::new_with_form(form).ok().and_then(|fields| encode(&fields)) else {
        return;
    };
    let path = form.get_attribute("action").unwrap_or_default();
    visit::visit(address_of(&path, &query), step);
}

fn ask_preview(asking: &Element) {
    let form = asking
        .closest("form")
        .ok()
        .flatten()
        .and_then(|form| form.dyn_into().ok());
    let fields = form.and_then(|form: HtmlFormElement| FormData::new_with_form(&form).ok());
    let id = asking.get_attribute("data-preview");
    if let (Some(query), Some(id)) = (fields.and_then(|fields| encode(&fields)), id) {
        visit::preview(address_of("", &query), id);
    }
}

fn address_of(path: &str, query: &UrlSearchParams) -> String {
    let query = query.to_string().as_string().unwrap_or_default();
    let said: Vec<&str> = query.split('&').filter(|pair| !pair.ends_with('=')).collect();
    if said.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", said.join("&"))
    }
}

fn wait_then(call: impl FnOnce() + 'static) {
    let waiting = set_timeout_with_handle(call, PAUSE).ok();
    if let Some(overtaken) = WAITING.replace(waiting) {
        overtaken.clear();
    }
}
