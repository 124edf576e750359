//! What must hold for any bytes of strangers, one function for each parser that meets them: it panics where it does not.
//!
//! `ops/fuzz.sh` calls them with inputs that are guided by the code they reach, the tests of this crate with the seeds
//! in `fuzz/seeds` and a fixed number of damaged ones.

use std::borrow::Cow;

mod indexers;
mod library;
mod lists;
mod sign_in;
mod torrents;

pub use indexers::{mam_account, mam_cookie, mam_row, prowlarr_hit, torznab_caps, torznab_feed};
pub use library::{abs_folder, abs_item, naming_template};
pub use lists::{csv_cell, cursor, run_cursor};
pub use sign_in::{access_token, api_key, oidc_claims, oidc_configuration, oidc_token};
pub use torrents::{payload, qbittorrent_details, qbittorrent_maindata, torrent_file};

/// Panics if something does not hold for these bytes.
pub type Check = fn(&[u8]);

/// Each one by its name, which its program in `fuzz/fuzz_targets` and its folder in `fuzz/seeds` have too.
pub const TARGETS: [(&str, Check); 21] = [
    ("abs_folder", abs_folder),
    ("abs_item", abs_item),
    ("access_token", access_token),
    ("api_key", api_key),
    ("csv_cell", csv_cell),
    ("cursor", cursor),
    ("mam_account", mam_account),
    ("mam_cookie", mam_cookie),
    ("mam_row", mam_row),
    ("naming_template", naming_template),
    ("oidc_claims", oidc_claims),
    ("oidc_configuration", oidc_configuration),
    ("oidc_token", oidc_token),
    ("payload", payload),
    ("prowlarr_hit", prowlarr_hit),
    ("qbittorrent_details", qbittorrent_details),
    ("qbittorrent_maindata", qbittorrent_maindata),
    ("run_cursor", run_cursor),
    ("torrent_file", torrent_file),
    ("torznab_caps", torznab_caps),
    ("torznab_feed", torznab_feed),
];

/// For parsers of text: what is no UTF-8 becomes the replacement character.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
