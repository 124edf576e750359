//! The server as people run it: the real program on a real PostgreSQL, with real qBittorrents, a real swarm and real audio.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the environment of the machine that they run on"
)]

#[cfg(test)]
mod arrival;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod ownership;
#[cfg(test)]
mod people;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod support;
#[cfg(test)]
mod together;
