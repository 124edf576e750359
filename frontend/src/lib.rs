//! The browser's entry: wakes the islands in the page that the server rendered.

// Linked for the islands in it, each of which is an export of its own.
use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the script that the server puts into each page.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
