//! The only place with SQL: one file per noun, pool, migrations, change notices and the embedded PostgreSQL.
//!
//! Functions take `&mut Connection`, so that callers choose the transaction. Invariant: knows `types`, never `domain`.

pub mod account_snapshots;
pub mod api_keys;
pub mod audit_log;
pub mod backups;
pub mod blocklist;
pub mod book_facets;
pub mod book_list;
pub mod books;
pub mod breaker_rests;
pub mod candidates;
pub mod commitments;
pub mod download_events;
pub mod download_list;
pub mod download_parts;
pub mod downloads;
pub mod dumps;
pub mod embedded;
pub mod error;
pub mod events;
pub mod failed_items;
pub mod idempotency_keys;
pub mod identities;
pub mod imports;
pub mod integrations;
pub mod library_groups;
pub mod library_syncs;
pub mod login_attempts;
pub mod oidc;
pub mod operations;
pub mod people;
pub mod releases;
pub mod request_budgets;
pub mod schema;
pub mod schema_dump;
pub mod schema_page;
pub mod sealed;
pub mod searches;
pub mod series;
pub mod sessions;
pub mod settings;
pub mod users;
pub mod wants;
pub mod works;

mod book_filter;
pub mod cursor;
mod migrations;
mod newest_first;
mod pool;
mod text;

pub use error::{DbError, DbResult};
pub use migrations::{MIGRATIONS, SchemaState, is_known_migration, migrate, read_schema_state};
pub use pool::{Connection, Pool, PooledConnection, connect, get, ping};
