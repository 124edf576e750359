//! The clients against stand-ins and real services, all on loopback.

mod audiobookshelf;
mod http;
mod myanonamouse;
mod prowlarr;
mod qbittorrent;
mod torznab;
