//! What crosses the wire between browser, server and API clients: ids, enums, views and form inputs.
//!
//! Invariant: builds for wasm and knows nothing of databases, HTTP clients or runtimes.

pub mod access;
pub mod audit;
pub mod backups;
pub mod base_path;
pub mod dashboard;
pub mod downloads;
pub mod error;
pub mod events;
pub mod health;
pub mod ids;
pub mod integrations;
pub mod jobs;
pub mod library;
pub mod oidc;
pub mod paging;
pub mod people;
pub mod search;
pub mod settings;
pub mod wants;

mod text_enum;

pub use base_path::BasePath;
pub use error::{ApiError, ErrorCode};
pub use ids::*;
pub use paging::{Page, PageRequest};
