//! Tests on a real PostgreSQL.

#[cfg(test)]
mod acquisition;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod big_library;
#[cfg(test)]
mod breaker_rests;
#[cfg(test)]
mod candidates;
#[cfg(test)]
mod dumps;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod events;
#[cfg(test)]
mod library;
#[cfg(test)]
mod library_groups;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod people;
#[cfg(test)]
mod schema_page;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod seed;
#[cfg(test)]
mod upgrades;
