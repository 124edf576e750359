//! Pieces of pages. They show what they are given and fetch nothing.

pub mod audit_words;
pub mod books;
pub mod confirm;
pub mod cover;
pub mod downloads;
pub mod fields;
pub mod icons;
pub mod integration_form;
pub mod layout;
pub mod moment;
pub mod notices;
pub mod pager;
pub mod post_form;
pub mod roles;
pub mod runs;
pub mod search_fields;
pub mod states;
pub mod verdicts;
