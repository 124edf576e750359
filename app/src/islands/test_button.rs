//! Testing what a form holds before it is saved.

use leptos::ev::{MouseEvent, Targeted};
use leptos::prelude::*;

/// What a test came to: the tone of the notice, its sentence, and what was learnt on the way.
#[derive(Debug, Clone)]
struct Outcome {
    tone: &'static str,
    sentence: String,
    facts: Vec<String>,
}

/// Sends the form around it to be tested, unsaved, and shows what came of it. The element around it names the server
/// function that tests, as `data-test`. What is saved can be tested without JavaScript.
#[island]
pub fn TestButton() -> impl IntoView {
    // Until the button runs, pressing it would do nothing.
    let is_ready = RwSignal::new(false);
    let outcome = RwSignal::<Option<Outcome>>::new(None);
    Effect::new(move || is_ready.set(true));
    let press = move |event: Targeted<MouseEvent, web_sys::HtmlButtonElement>| {
        #[cfg(feature = "hydrate")]
        browser::test(&event.target(), is_ready, outcome);
        #[cfg(not(feature = "hydrate"))]
        drop(event);
    };
    view! {
        <button class="button needs-script" type="button" disabled=move || !is_ready.get() on:click:target=press>
            "Test"
        </button>
        <div class="test-outcome" aria-live="polite">{move || outcome.get().map(show_outcome)}</div>
    }
}

fn show_outcome(outcome: Outcome) -> impl IntoView {
    let facts = outcome
        .facts
        .into_iter()
        .map(|fact| view! { <li dir="auto">{fact}</li> })
        .collect::<Vec<_>>();
    let facts = (!facts.is_empty()).then(|| view! { <ul>{facts}</ul> });
    view! {
        <div class=format!("notice {}", outcome.tone)>
            <div class="notice-text" dir="auto"><p>{outcome.sentence}</p>{facts}</div>
        </div>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use js_sys::Reflect;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{FormData, HtmlButtonElement};

    use super::Outcome;
    use crate::browser::post_json;

    pub fn test(button: &HtmlButtonElement, is_ready: RwSignal<bool>, outcome: RwSignal<Option<Outcome>>) {
        let fields = button.form().and_then(|form| FormData::new_with_form(&form).ok());
        let around = button.closest("[data-test]").ok().flatten();
        let path = around.and_then(|around| around.get_attribute("data-test"));
        let (Some(fields), Some(path)) = (fields, path) else {
            return;
        };
        is_ready.set(false);
        spawn_local(async move {
            let answer = post_json(&path, &fields).await;
            outcome.set(Some(answer.map_or_else(unanswered, |answer| read(&answer))));
            is_ready.set(true);
        });
    }

    fn unanswered() -> Outcome {
        Outcome {
            tone: "tone-bad",
            sentence: "The server did not answer. Check that it runs and try again.".to_owned(),
            facts: Vec::new(),
        }
    }

    /// A `TestOutcome`, or the error of a form that could not be tested.
    fn read(answer: &JsValue) -> Outcome {
        let text = |name: &str| get(answer, name).as_string();
        let tone = match text("health").as_deref() {
            Some("ok") => "tone-good",
            Some("warning") => "tone-warning",
            Some("unknown") => "tone-plain",
            _ => "tone-bad",
        };
        let facts = get(answer, "facts").dyn_into::<js_sys::Array>().unwrap_or_default();
        Outcome {
            tone,
            sentence: text("sentence").or_else(|| text("message")).unwrap_or_default(),
            facts: facts.iter().filter_map(|fact| fact.as_string()).collect(),
        }
    }

    fn get(object: &JsValue, name: &str) -> JsValue {
        Reflect::get(object, &name.into()).unwrap_or_default()
    }
}
