//! The decisions of mamcrawler as pure functions over plain values (`rules.md`).
//!
//! Invariant: no I/O, no clock, no randomness; builds for wasm. What is unknown is `None`, never a guess.

pub mod abs_folder;
pub mod account;
pub mod backup_rotation;
pub mod breaker;
pub mod choice;
pub mod download_life;
pub mod health;
pub mod identity;
pub mod login_window;
pub mod naming;
pub mod normalise;
pub mod pack;
pub mod payload;
pub mod queries;
pub mod sequence;
pub mod single_sign_on;
pub mod stall;
pub mod verify;

mod fold;
mod language;
mod numbers;
