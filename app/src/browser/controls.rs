//! What people typed and chose, which outlives a change of the page around it.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, HtmlOptionElement, HtmlSelectElement};

/// What a control held before its page changed; nothing in `Some(_)` means that it held what the server had put there.
pub enum Typed {
    Text(Option<String>),
    Ticked(Option<bool>),
    Chosen(Option<String>),
}

impl Typed {
    /// Reads a control; other elements hold nothing.
    pub fn of(element: &Element) -> Option<Self> {
        if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
            return Some(match input.type_().as_str() {
                "checkbox" | "radio" => {
                    let is_changed = input.checked() != input.default_checked();
                    Self::Ticked(is_changed.then(|| input.checked()))
                }
                "hidden" => return None,
                _ => Self::Text(Some(input.value()).filter(|value| *value != input.default_value())),
            });
        }
        let select = element.dyn_ref::<HtmlSelectElement>()?;
        Some(Self::Chosen(
            Some(select.value()).filter(|value| *value != default_choice(select)),
        ))
    }

    /// Puts it back, or else what the server says now.
    pub fn restore(self, element: &Element) {
        match self {
            Self::Text(text) => {
                if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
                    let text = text.unwrap_or_else(|| input.default_value());
                    // Even the same text would move the cursor.
                    if input.value() != text {
                        input.set_value(&text);
                    }
                }
            }
            Self::Ticked(ticked) => {
                if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
                    input.set_checked(ticked.unwrap_or_else(|| input.default_checked()));
                }
            }
            Self::Chosen(chosen) => {
                if let Some(select) = element.dyn_ref::<HtmlSelectElement>() {
                    select.set_value(&chosen.unwrap_or_else(|| default_choice(select)));
                }
            }
        }
    }
}

/// The value that a choice has before anybody chose.
fn default_choice(select: &HtmlSelectElement) -> String {
    let options = select.options();
    let mut options =
        (0..options.length()).filter_map(|index| options.item(index)?.dyn_into::<HtmlOptionElement>().ok());
    let first = options.next();
    let marked = first
        .iter()
        .find(|option| option.default_selected())
        .cloned()
        .or_else(|| options.find(HtmlOptionElement::default_selected));
    marked.or(first).map(|option| option.value()).unwrap_or_default()
}

/// Whether a control holds something else than the server put there.
pub fn is_changed(element: &Element) -> bool {
    matches!(
        Typed::of(element),
        Some(Typed::Text(Some(_)) | Typed::Ticked(Some(_)) | Typed::Chosen(Some(_)))
    )
}
