//! The web interface: rendered on the server; the browser gets the few parts that need one.
//!
//! On the server (`ssr`): `api` is the door to the use cases, `pages` read and arrange, `components` show what they are
//! given. In the browser (`hydrate`): `islands` are the components that run there, `browser` keeps every page up to date
//! and sends its forms. Everything reads and every form works without JavaScript.

// Views are deep types; the compiler counts every level.
#![recursion_limit = "256"]

#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "hydrate")]
mod browser;
#[cfg(feature = "ssr")]
mod components;
#[cfg(feature = "ssr")]
mod format;
#[cfg(feature = "ssr")]
mod forms;
pub mod islands;
#[cfg(feature = "ssr")]
mod link;
#[cfg(feature = "ssr")]
mod pages;
mod span;
#[cfg(feature = "ssr")]
mod theme;
#[cfg(feature = "ssr")]
mod user_agent;

#[cfg(feature = "ssr")]
mod document;
#[cfg(feature = "ssr")]
pub use components::audit_words;
#[cfg(feature = "ssr")]
pub use document::{App, shell};
