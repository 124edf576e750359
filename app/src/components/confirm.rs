//! Asking twice, without a script: a button that unfolds the question.

use leptos::prelude::*;

/// A folded question with the real button inside.
#[component]
pub fn Confirm(
    /// On the button that asks.
    #[prop(into)]
    label: String,
    /// What happens, and whether it can be undone.
    #[prop(into)]
    question: String,
    /// The form that does it.
    children: Children,
) -> impl IntoView {
    view! {
        <details class="confirm">
            <summary class="button button-quiet">{label}</summary>
            <div class="confirm-body">
                <p dir="auto">{question}</p>
                {children()}
            </div>
        </details>
    }
}
