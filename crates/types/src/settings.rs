//! Settings that an admin can change while the server runs. Defaults are those of the product rules.

use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

text_enum! {
    /// How files enter the library.
    ImportPolicy {
        /// Hardlink, else reflink, else copy.
        Any => "any",
        /// Hardlink or refuse with a sentence.
        HardlinkOnly => "hardlink_only",
    }
}

/// Every setting of the product that is not an integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Settings {
    /// Folder names of imports for books in a series.
    pub series_template: String,
    /// Folder names of imports for other books.
    pub standalone_template: String,
    pub import_policy: ImportPolicy,
    /// Where imports go, as this server sees it; empty = the first folder of the Audiobookshelf library, mapped.
    pub library_path: String,
    /// Languages that are grabbed automatically.
    pub languages: Vec<String>,
    /// kbit/s.
    pub min_bitrate_kbps: u32,
    /// GiB.
    pub max_size_gib: u32,
    pub min_seeders: u32,
    /// Unsatisfied slots kept free.
    pub unsatisfied_reserve: u32,
    /// Ratio below which no paid grab may bring the account.
    pub floor_buffer: f64,
    /// Disk kept free, GiB; twice the download's size if that is more.
    pub min_free_gib: u32,
    /// Grabs that automation may start in one run.
    pub max_automatic_grabs: u32,
    /// Automatic choice and grab for wants; off = every want goes to review.
    pub is_automatic: bool,
    /// Minutes without a byte before the stall ladder moves.
    pub stall_minutes: u32,
    /// Days that lines of the audit log are kept.
    pub audit_retention_days: u32,
    /// IANA name of the zone by whose clock scheduled jobs start.
    pub time_zone: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            series_template: "{author}/{series}/{sequence} - {year} - {title} {{narrator}} [{asin}]".into(),
            standalone_template: "{author}/{year} - {title} {{narrator}} [{asin}]".into(),
            import_policy: ImportPolicy::Any,
            library_path: String::new(),
            languages: vec!["English".into()],
            min_bitrate_kbps: 64,
            max_size_gib: 15,
            min_seeders: 1,
            unsatisfied_reserve: 10,
            floor_buffer: 1.65,
            min_free_gib: 20,
            max_automatic_grabs: 10,
            is_automatic: true,
            stall_minutes: 10,
            audit_retention_days: 365,
            time_zone: "UTC".into(),
        }
    }
}

/// What a naming template makes of one book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamingPreview {
    pub title: String,
    /// The folder below the library, or what is wrong with the template.
    pub result: Result<String, String>,
}
