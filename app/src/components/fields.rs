//! Form fields: a label on every input, a hint where one helps, the server's complaint where it belongs.

use leptos::prelude::*;
use types::ApiError;

use super::notices::ErrorNotice;

/// The error of the form around the fields.
#[derive(Clone, Copy)]
pub struct FormError(pub RwSignal<Option<ApiError>>);

/// The form's error above its fields; fields below show their own part.
#[component]
pub fn FormErrors(error: RwSignal<Option<ApiError>>) -> impl IntoView {
    view! {
        <div aria-live="assertive" class="form-errors">
            {move || error.get().map(|error| view! { <ErrorNotice error=error /> })}
        </div>
    }
}

/// One line of text.
#[component]
pub fn TextField(
    #[prop(into)] label: String,
    /// Name in the form; an error is found by its last part: `url` of `input[url]`.
    #[prop(into)]
    name: String,
    #[prop(optional, into)] value: String,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(optional, into)] hint: String,
    #[prop(optional)] required: bool,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] step: Option<&'static str>,
    #[prop(optional)] placeholder: Option<&'static str>,
) -> impl IntoView {
    let id = field_id(&name);
    let described = format!("{id}-more");
    let complaint = Complaint::about(&name);
    let invalid = complaint.clone();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                type=kind
                name=name.clone()
                value=value
                required=required
                autocomplete=autocomplete
                step=step
                min=(kind == "number").then_some("0")
                placeholder=placeholder
                dir="auto"
                spellcheck="false"
                aria-describedby=described.clone() aria-invalid=move || invalid.get().map(|_| "true")
            />
            <FieldMore id=described complaint=complaint hint=hint />
        </div>
    }
}

/// One of several.
#[component]
pub fn SelectField(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    /// Value and word of each choice.
    choices: Vec<(String, String)>,
    #[prop(into)] value: String,
    #[prop(optional, into)] hint: String,
) -> impl IntoView {
    let id = field_id(&name);
    let described = format!("{id}-more");
    let complaint = Complaint::about(&name);
    let invalid = complaint.clone();
    let options = choices
        .into_iter()
        .map(|(choice, word)| {
            let is_selected = choice == value;
            view! { <option value=choice selected=is_selected>{word}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id name=name.clone() aria-describedby=described.clone() aria-invalid=move || invalid.get().map(|_| "true")>{options}</select>
            <FieldMore id=described complaint=complaint hint=hint />
        </div>
    }
}

/// Yes or no.
#[component]
pub fn CheckField(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    value: bool,
    #[prop(optional, into)] hint: String,
) -> impl IntoView {
    let id = field_id(&name);
    let described = format!("{id}-more");
    let complaint = Complaint::about(&name);
    let invalid = complaint.clone();
    view! {
        <div class="field field-check">
            <input id=id.clone() type="checkbox" name=name.clone() value="true" checked=value aria-describedby=described.clone() aria-invalid=move || invalid.get().map(|_| "true") />
            <label for=id>{label}</label>
            <FieldMore id=described complaint=complaint hint=hint />
        </div>
    }
}

/// What the server says is wrong with one field of the form around it.
#[derive(Clone)]
struct Complaint {
    form: Option<FormError>,
    key: String,
}

impl Complaint {
    fn about(name: &str) -> Self {
        Self {
            form: use_context::<FormError>(),
            key: error_key(name).to_owned(),
        }
    }

    fn get(&self) -> Option<String> {
        self.form?
            .0
            .with(|error| error.as_ref()?.context.get(&self.key).cloned())
    }
}

/// The hint of a field, and what the server says is wrong with it.
#[component]
fn FieldMore(id: String, complaint: Complaint, hint: String) -> impl IntoView {
    view! {
        <div id=id class="field-more">
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
            {move || complaint.get().map(|text| view! { <p class="field-error" dir="auto">{text}</p> })}
        </div>
    }
}

fn field_id(name: &str) -> String {
    let word: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("field-{}", word.trim_end_matches('-'))
}

fn error_key(name: &str) -> &str {
    name.trim_end_matches(']').rsplit('[').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_by_the_last_part_of_the_name() {
        assert_eq!(error_key("input[url]"), "url");
        assert_eq!(error_key("username"), "username");
        assert_eq!(error_key("input[path_maps][0][local]"), "local");
    }

    #[test]
    fn ids_hold_no_brackets() {
        assert_eq!(
            field_id("input[path_maps][0][local]"),
            "field-input-path-maps--0--local"
        );
    }
}
