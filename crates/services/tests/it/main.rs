//! The use cases on a real PostgreSQL.

mod covers;
mod dashboard;
mod due_jobs;
mod integrations;
mod library;
mod people;
mod queue;
mod settings;
mod shelf;
mod support;
