//! What somebody looks for, as fields to fill in and as hidden ones to send again.

use leptos::prelude::*;
use types::search::SearchForm;

use super::fields::TextField;

/// The fields of a search. What narrows it further is folded away until it is needed.
#[component]
pub fn SearchFields(form: SearchForm) -> impl IntoView {
    let runtime = if form.runtime_minutes == 0 {
        String::new()
    } else {
        form.runtime_minutes.to_string()
    };
    let has_more = [&form.series, &form.sequence, &form.narrator, &form.asin, &form.language]
        .iter()
        .any(|text| !text.is_empty())
        || form.runtime_minutes > 0;
    view! {
        <div class="field-row">
            <TextField label="Title" name="form[title]" value=form.title required=true kind="search" />
            <TextField label="Author" name="form[author]" value=form.author />
        </div>
        <details class="more-fields" open=has_more>
            <summary>"Series, narrator and more"</summary>
            <p class="hint">"Each of these makes the choice stricter. Leave open what you don't mind."</p>
            <div class="field-row">
                <TextField label="Series" name="form[series]" value=form.series />
                <TextField label="Number in the series" name="form[sequence]" value=form.sequence hint="1, 1.5, 0" />
            </div>
            <div class="field-row">
                <TextField label="Narrator" name="form[narrator]" value=form.narrator />
                <TextField label="Language" name="form[language]" value=form.language hint="Empty: those of the settings." />
            </div>
            <div class="field-row">
                <TextField label="ASIN" name="form[asin]" value=form.asin />
                <RuntimeField value=runtime />
            </div>
        </details>
    }
}

/// Minutes; an empty field must not be sent as text that is no number, so it is 0.
#[component]
fn RuntimeField(value: String) -> impl IntoView {
    let value = if value.is_empty() { "0".to_owned() } else { value };
    view! { <TextField label="Runtime in minutes" name="form[runtime_minutes]" value=value kind="number" hint="0: not known." /> }
}

/// The same search in a form of another button.
#[component]
pub fn HiddenSearch(form: SearchForm) -> impl IntoView {
    [
        ("form[title]", form.title),
        ("form[author]", form.author),
        ("form[series]", form.series),
        ("form[sequence]", form.sequence),
        ("form[narrator]", form.narrator),
        ("form[asin]", form.asin),
        ("form[language]", form.language),
        ("form[runtime_minutes]", form.runtime_minutes.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
    .collect_view()
}
