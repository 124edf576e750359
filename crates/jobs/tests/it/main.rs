//! The engine on a real PostgreSQL.

mod queue;
mod recovery;
mod schedules;
mod support;
