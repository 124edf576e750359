//! For tests only: databases, a clock that stands still, and real outside programs.

pub mod clock;
pub mod damage;
pub mod database;
pub mod oidc;
pub mod ports;
pub mod qbittorrent;
pub mod sandbox;
pub mod scripts;
pub mod torrents;

pub use clock::FakeClock;
pub use database::TestDatabase;
pub use oidc::OidcProvider;
pub use sandbox::Sandbox;
