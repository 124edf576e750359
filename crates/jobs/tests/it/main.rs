//! The engine on a real PostgreSQL.

mod clocks;
mod failures;
mod figures;
mod queue;
mod recovery;
mod schedules;
mod starts;
mod support;
