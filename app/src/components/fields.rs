//! Form fields: a label on every input, a hint where one helps, the server's complaint where it belongs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use leptos::prelude::*;
use types::ApiError;

/// What the server complained about in the form around the fields, by field; each field takes its own.
#[derive(Debug, Clone)]
pub struct Complaints(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    by_field: BTreeMap<String, String>,
    /// The error is about no field at all.
    is_general: bool,
}

impl Complaints {
    /// Those of an error; none without one.
    pub fn of(error: Option<&ApiError>) -> Self {
        Self(Arc::new(Mutex::new(Open {
            by_field: error.map(|error| error.context.clone()).unwrap_or_default(),
            is_general: error.is_some_and(|error| error.context.is_empty()),
        })))
    }

    /// Whether anything is left that no field says.
    pub fn has_rest(&self) -> bool {
        let open = self.0.lock().expect("nobody panics while fields are made");
        open.is_general || !open.by_field.is_empty()
    }

    fn take(&self, name: &str) -> Option<String> {
        let mut open = self.0.lock().expect("nobody panics while fields are made");
        open.by_field.remove(error_key(name))
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
    let complaint = take_complaint(&name);
    let invalid = complaint.is_some().then_some("true");
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
                aria-describedby=described.clone() aria-invalid=invalid
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
    let complaint = take_complaint(&name);
    let invalid = complaint.is_some().then_some("true");
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
            <select id=id name=name.clone() aria-describedby=described.clone() aria-invalid=invalid>{options}</select>
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
    let complaint = take_complaint(&name);
    let invalid = complaint.is_some().then_some("true");
    view! {
        <div class="field field-check">
            <input id=id.clone() type="checkbox" name=name.clone() value="true" checked=value aria-describedby=described.clone() aria-invalid=invalid />
            <label for=id>{label}</label>
            <FieldMore id=described complaint=complaint hint=hint />
        </div>
    }
}

fn take_complaint(name: &str) -> Option<String> {
    use_context::<Complaints>()?.take(name)
}

/// The hint of a field, and what the server says is wrong with it.
#[component]
fn FieldMore(id: String, complaint: Option<String>, hint: String) -> impl IntoView {
    view! {
        <div id=id class="field-more">
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
            {complaint.map(|text| view! { <p class="field-error" role="alert" dir="auto">{text}</p> })}
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
    fn a_complaint_is_said_once_by_its_field_or_else_by_the_form() {
        let complaints = Complaints::of(Some(&ApiError::field("url", "No address.")));
        assert!(complaints.has_rest());
        assert_eq!(complaints.take("input[url]").as_deref(), Some("No address."));
        assert_eq!(complaints.take("input[url]"), None);
        assert!(!complaints.has_rest());
        let general = Complaints::of(Some(&ApiError::new(types::ErrorCode::Conflict, "It is there already.")));
        assert!(general.has_rest());
        assert!(!Complaints::of(None).has_rest());
    }

    #[test]
    fn ids_hold_no_brackets() {
        assert_eq!(
            field_id("input[path_maps][0][local]"),
            "field-input-path-maps--0--local"
        );
    }
}
