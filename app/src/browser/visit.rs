//! Asking the server for pages, and showing what it answers in place.

use std::cell::{Cell, RefCell};

use leptos::prelude::{GetUntracked, RwSignal, Set, document, window};
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Document, DomParser, Event, HtmlDetailsElement, HtmlElement, HtmlFormElement, PageTransitionEvent, SupportedType,
    Url, UrlSearchParams,
};

use super::{Trouble, clock, here, listen, morph, send};

/// How an answer enters the browser's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The browser went there already.
    Gone,
    /// In the place of this page.
    Replace,
    /// After this page, which Back leads to.
    Push,
}

thread_local! {
    /// What the page shows: the address with what a form complained about, which the browser's does not name.
    static SHOWN: RefCell<String> = RefCell::default();
    /// Counts what people did: an answer that was overtaken is dropped.
    static TURN: Cell<u32> = const { Cell::new(0) };
    /// Counts what was asked for without anybody doing something: the newest wins.
    static REFRESH: Cell<u32> = const { Cell::new(0) };
    /// Counts what was asked for a part of the page, in the same way.
    static PREVIEW: Cell<u32> = const { Cell::new(0) };
    static TROUBLE: Cell<Option<RwSignal<Option<Trouble>>>> = const { Cell::new(None) };
}

/// What came back.
struct Answer {
    address: Url,
    status: u16,
    page: Document,
}

/// Begins with the page as it was loaded, and follows the browser's Back.
pub fn start(trouble: RwSignal<Option<Trouble>>) {
    TROUBLE.set(Some(trouble));
    SHOWN.set(here());
    drop_complaint(&window().location().href().unwrap_or_default());
    listen(&window(), "popstate", |_: Event| {
        // The anchor of a skip link is no other page.
        if here() != without_complaint(&SHOWN.with_borrow(Clone::clone)) {
            reset_forms();
            visit(here(), Step::Gone);
        }
    });
    // A page out of the browser's drawer is as old as it was left.
    listen(&window(), "pageshow", |event: PageTransitionEvent| {
        if event.persisted() {
            reset_forms();
            refresh();
        }
    });
}

/// Asks for what is shown again. What the server shows once stays until the person goes on: it would not come again.
pub fn refresh() {
    if document()
        .query_selector("[data-once]")
        .is_ok_and(|shown| shown.is_some())
    {
        return;
    }
    let (turn, address) = (TURN.get(), SHOWN.with_borrow(Clone::clone));
    let newest = REFRESH.get().wrapping_add(1);
    REFRESH.set(newest);
    spawn_local(async move {
        if let Some(answer) = ask(&address, None).await
            && (TURN.get(), REFRESH.get()) == (turn, newest)
            // What is shown is worth more than an error that passes.
            && answer.status < 500
        {
            arrive(&answer, Step::Gone);
        }
    });
}

/// Shows what is at an address of the same page.
pub fn visit(address: String, step: Step) {
    let turn = next_turn();
    spawn_local(async move {
        let answer = ask(&address, None).await;
        if TURN.get() != turn {
            return;
        }
        report(answer.is_none());
        match answer {
            Some(answer) => {
                // What was asked of the page before is dropped.
                next_turn();
                arrive(&answer, step);
            }
            // Back must lead there even when nothing answers: the browser says why.
            None if step == Step::Gone => load(&address),
            None => {}
        }
    });
}

/// Sends a form as the browser would, and shows the page that it is answered with. Says whether this page goes on.
pub async fn post(form: &HtmlFormElement, address: &str, body: UrlSearchParams) -> bool {
    let turn = next_turn();
    let answer = ask(address, Some(body)).await;
    report(answer.is_none());
    let Some(answer) = answer.filter(|_| TURN.get() == turn) else {
        return true;
    };
    next_turn();
    let is_refused = answer.address.search_params().has("__err");
    if !is_refused {
        // What was typed was taken: the fields follow the server again.
        form.reset();
    }
    let stays = arrive(&answer, if is_refused { Step::Gone } else { Step::Replace });
    if is_refused {
        show_complaint(form);
    } else if stays {
        focus_shown_once();
    }
    stays
}

/// Shows the part with this id as it is at an address.
pub fn preview(address: String, id: String) {
    let turn = PREVIEW.get().wrapping_add(1);
    PREVIEW.set(turn);
    spawn_local(async move {
        if let Some(answer) = ask(&address, None).await
            && PREVIEW.get() == turn
        {
            morph::morph_part(&answer.page, &id);
        }
    });
}

/// Shows an answer. Another page, also that of the sign-in, is loaded as by a link: then this one ends.
fn arrive(answer: &Answer, step: Step) -> bool {
    let address = answer.address.pathname() + &answer.address.search();
    if answer.address.pathname() != window().location().pathname().unwrap_or_default() {
        load(&address);
        return false;
    }
    let plain = without_complaint(&address);
    if let Ok(history) = window().history() {
        let _ = match step {
            Step::Push if plain != here() => history.push_state_with_url(&JsValue::NULL, "", Some(&plain)),
            Step::Push | Step::Replace => history.replace_state_with_url(&JsValue::NULL, "", Some(&plain)),
            Step::Gone => Ok(()),
        };
    }
    SHOWN.set(address);
    morph::morph_page(&answer.page);
    clock::tell_all();
    true
}

async fn ask(address: &str, body: Option<UrlSearchParams>) -> Option<Answer> {
    let response = send(address, "text/html", body.as_ref()).await?;
    let kind = response
        .headers()
        .get("content-type")
        .ok()
        .flatten()
        .unwrap_or_default();
    if !kind.starts_with("text/html") {
        return None;
    }
    let html = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    let page = DomParser::new()
        .ok()?
        .parse_from_string(&html, SupportedType::TextHtml)
        .ok()?;
    Some(Answer {
        address: Url::new(&response.url()).ok()?,
        status: response.status(),
        page,
    })
}

/// Unfolds and focuses the first field that the server complained about.
fn show_complaint(form: &HtmlFormElement) {
    let Some(field) = form.query_selector("[aria-invalid=true]").ok().flatten() else {
        return;
    };
    if let Some(folded) = field
        .closest("details")
        .ok()
        .flatten()
        .and_then(|folded| folded.dyn_into().ok())
    {
        HtmlDetailsElement::set_open(&folded, true);
    }
    if let Ok(field) = field.dyn_into::<HtmlElement>() {
        let _ = field.focus();
    }
}

/// What the server shows only now is brought into view and read out.
fn focus_shown_once() {
    let shown = document().query_selector("[data-once]").ok().flatten();
    if let Some(shown) = shown.and_then(|shown| shown.dyn_into::<HtmlElement>().ok()) {
        let _ = shown.focus();
    }
}

/// Every form as the server wrote it.
fn reset_forms() {
    let Ok(forms) = document().query_selector_all("form") else {
        return;
    };
    (0..forms.length())
        .filter_map(|index| forms.get(index)?.dyn_into::<HtmlFormElement>().ok())
        .for_each(|form| form.reset());
}

/// A complaint is for now: a page that is loaded again or bookmarked does not repeat it.
fn drop_complaint(address: &str) {
    let plain = without_complaint(&here());
    if address.contains("__err=")
        && let Ok(history) = window().history()
    {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&plain));
    }
}

fn without_complaint(address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else {
        return address.to_owned();
    };
    let is_kept = |pair: &&str| !pair.starts_with("__err=") && !pair.starts_with("__path=");
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

fn next_turn() -> u32 {
    TURN.set(TURN.get().wrapping_add(1));
    TURN.get()
}

fn load(address: &str) {
    // Addresses of our own answers can always be gone to.
    let _ = window().location().assign(address);
}

fn report(is_unanswered: bool) {
    let Some(trouble) = TROUBLE.get() else { return };
    if is_unanswered {
        trouble.set(Some(Trouble::Unanswered));
    } else if trouble.get_untracked() == Some(Trouble::Unanswered) {
        trouble.set(None);
    }
}
