//! Brings what a page shows to what the server answered, and leaves alone what is the same.
//!
//! Elements stay the elements that they were: focus, scrolled places, unfolded parts, typed text and running islands
//! survive. Children are matched by their key (`id` or `data-key`), the others by what kind they are, in their order.

use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, HtmlElement, Node};

use super::controls::Typed;

const ISLAND: &str = "LEPTOS-ISLAND";

/// Brings the whole page to `new`.
pub fn morph_page(new: &Document) {
    let (old_root, new_root) = (document().document_element(), new.document_element());
    if let (Some(old_root), Some(new_root)) = (old_root, new_root) {
        sync_attributes(&old_root, &new_root);
    }
    if document().title() != new.title() {
        document().set_title(&new.title());
    }
    if let (Some(old), Some(new)) = (document().body(), new.body()) {
        keep_focus(|| morph_element(&old, &new));
    }
}

/// Brings the element with this id to its namesake in `new`.
pub fn morph_part(new: &Document, id: &str) {
    if let (Some(old), Some(new)) = (document().get_element_by_id(id), new.get_element_by_id(id)) {
        keep_focus(|| morph_element(&old, &new));
    }
}

/// An element that was moved lost the focus: it gets it back. If it is gone, the page has it, not the window's top.
fn keep_focus(change: impl FnOnce()) {
    let focused = document().active_element();
    change();
    let Some(focused) = focused.and_then(|element| element.dyn_into::<HtmlElement>().ok()) else {
        return;
    };
    if document().active_element().as_ref() == Some(focused.as_ref()) {
        return;
    }
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    let page = document()
        .get_element_by_id("page")
        .and_then(|page| page.dyn_into().ok());
    let target = if focused.is_connected() { Some(focused) } else { page };
    if let Some(target) = target {
        let _ = target.focus_with_options(&options);
    }
}

fn morph_node(old: &Node, new: &Node) {
    match (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
        (Some(old), Some(new)) => morph_element(old, new),
        _ if old.node_value() != new.node_value() => old.set_node_value(new.node_value().as_deref()),
        _ => {}
    }
}

fn morph_element(old: &Element, new: &Element) {
    if old.is_equal_node(Some(new)) {
        return;
    }
    if old.tag_name() == ISLAND {
        // An island that was given the same goes on; what it shows by now is its own affair.
        let is_same = ["data-component", "data-props"]
            .iter()
            .all(|name| old.get_attribute(name) == new.get_attribute(name));
        if !is_same {
            replace(old, new);
        }
        return;
    }
    let typed = Typed::of(old);
    sync_attributes(old, new);
    morph_children(old, new);
    if let Some(typed) = typed {
        typed.restore(old);
    }
}

fn replace(old: &Element, new: &Element) {
    if let Some(fresh) = import(new)
        && old.replace_with_with_node_1(&fresh).is_ok()
    {
        wake_islands(&fresh);
    }
}

/// Attributes that are not the server's: what people unfolded, and what waits for an answer.
const OURS: [&str; 2] = ["open", "aria-busy"];

/// Attributes as the server wrote them.
fn sync_attributes(old: &Element, new: &Element) {
    for name in names(new) {
        let value = new.get_attribute(&name);
        if old.get_attribute(&name) != value {
            // The parser took the name from a document already.
            let _ = old.set_attribute(&name, &value.unwrap_or_default());
        }
    }
    for name in names(old) {
        if !new.has_attribute(&name) && !OURS.contains(&name.as_str()) {
            let _ = old.remove_attribute(&name);
        }
    }
}

fn names(element: &Element) -> Vec<String> {
    let names = element.get_attribute_names();
    names.iter().filter_map(|name| name.as_string()).collect()
}

fn morph_children(old: &Node, new: &Node) {
    let wanted = children(new);
    let wanted_keys: Vec<String> = wanted.iter().filter_map(key).collect();
    for child in children(old) {
        if key(&child).is_some_and(|key| !wanted_keys.contains(&key)) {
            let _ = old.remove_child(&child);
        }
    }
    let mut at = old.first_child();
    for node in &wanted {
        if let Some(found) = find_match(at.clone(), node) {
            if at.as_ref() != Some(&found) {
                let _ = old.insert_before(&found, at.as_ref());
            } else {
                at = found.next_sibling();
            }
            morph_node(&found, node);
        } else if let Some(fresh) = import(node)
            && old.insert_before(&fresh, at.as_ref()).is_ok()
        {
            wake_islands(&fresh);
        }
    }
    while let Some(rest) = at {
        at = rest.next_sibling();
        let _ = old.remove_child(&rest);
    }
}

/// The next sibling that is, or can become, `node`.
fn find_match(from: Option<Node>, node: &Node) -> Option<Node> {
    let (wanted, wanted_kind) = (key(node), kind(node));
    std::iter::successors(from, Node::next_sibling).find(|child| key(child) == wanted && kind(child) == wanted_kind)
}

/// What a node is: one kind never becomes another. A form that goes elsewhere is another, lest a button that somebody is
/// about to press does something else.
fn kind(node: &Node) -> (String, Option<String>) {
    let name = node.node_name();
    let element = node.dyn_ref::<Element>();
    let mark = if name == "FORM" { "action" } else { "class" };
    let marked = element.and_then(|element| element.get_attribute(mark));
    (
        name,
        marked.and_then(|words| words.split(' ').next().map(str::to_owned)),
    )
}

fn key(node: &Node) -> Option<String> {
    let element = node.dyn_ref::<Element>()?;
    let value = || {
        element
            .get_attribute("value")
            .filter(|_| element.tag_name() == "OPTION")
    };
    element
        .get_attribute("id")
        .or_else(|| element.get_attribute("data-key"))
        .or_else(value)
}

fn children(node: &Node) -> Vec<Node> {
    std::iter::successors(node.first_child(), Node::next_sibling).collect()
}

fn import(node: &Node) -> Option<Node> {
    document().import_node_with_deep(node, true).ok()
}

/// Leptos leaves a function behind for islands that come later.
fn wake_islands(fresh: &Node) {
    let Some(root) = fresh.dyn_ref::<Element>() else { return };
    let wake = js_sys::Reflect::get(&window(), &"__hydrateIsland".into()).ok();
    let Some(wake) = wake.and_then(|wake| wake.dyn_into::<js_sys::Function>().ok()) else {
        return;
    };
    let call = |island: &Element| {
        let component = island.get_attribute("data-component");
        let _ = wake.call2(&JsValue::NULL, island, &component.into());
    };
    if root.tag_name() == ISLAND {
        call(root);
    }
    let Ok(found) = root.query_selector_all("leptos-island") else {
        return;
    };
    (0..found.length())
        .filter_map(|index| found.get(index)?.dyn_into().ok())
        .for_each(|island: Element| call(&island));
}
