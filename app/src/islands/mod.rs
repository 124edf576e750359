//! The components that run in the browser. They take no props, or few and plain ones: what they need travels in the page.

pub mod live;
pub mod test_button;
