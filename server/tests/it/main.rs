//! The server as people run it: the real program on a real PostgreSQL, with real qBittorrents, a real swarm and real audio.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the environment of the machine that they run on"
)]

#[cfg(test)]
mod api;
#[cfg(test)]
mod api_access;
#[cfg(test)]
mod api_document;
#[cfg(test)]
mod api_editions;
#[cfg(test)]
mod api_foreign;
#[cfg(test)]
mod api_journey;
#[cfg(test)]
mod api_lists;
#[cfg(test)]
mod api_writes;
#[cfg(test)]
mod arrival;
#[cfg(test)]
mod audit_walk;
#[cfg(test)]
#[path = "../../src/web/audited.rs"]
mod audited;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod below_a_path;
#[cfg(test)]
mod callers;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod edge_connections;
#[cfg(test)]
mod edge_flood;
#[cfg(test)]
mod edge_rates;
#[cfg(test)]
mod edge_raw;
#[cfg(test)]
mod edge_sockets;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod health;
#[cfg(test)]
mod key_rotation;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod monitoring;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod ownership;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod page_doors;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod people;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod problems;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod seed;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod support;
#[cfg(test)]
mod together;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod workers;
