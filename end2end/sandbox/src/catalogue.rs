//! What the indexers list: facts of each release and how its audio is laid out.

use crate::torrents::Metainfo;

/// Where a release is listed. A release may be on several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    MyAnonamouse,
    /// Prowlarr's indexer 1.
    Harbour,
    /// Prowlarr's indexer 2.
    OpenShelf,
    /// The Torznab feed that is not Prowlarr's.
    Lantern,
}

/// How Prowlarr's download link of a release answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkAnswer {
    File,
    RedirectToFile,
    RedirectToMagnet,
    Gone,
}

/// One book of a pack.
#[derive(Debug, Clone)]
pub struct PackBook {
    pub title: &'static str,
    /// Empty = the file lies beside the others, with nothing that says it is a book of its own.
    pub number: &'static str,
    pub seconds: u32,
}

/// The files of a release.
#[derive(Debug, Clone)]
pub enum Layout {
    /// One file in a folder with a cover.
    M4b {
        seconds: u32,
        chapters: u32,
    },
    /// One file, no folder.
    BareM4b {
        seconds: u32,
        chapters: u32,
    },
    Mp3 {
        parts: u32,
        seconds: u32,
    },
    Discs {
        discs: u32,
        tracks: u32,
        seconds: u32,
    },
    Pack(Vec<PackBook>),
    Epub,
    /// Right size and a whole container header, but the sound is garbage.
    CorruptM4b {
        seconds: u32,
    },
    CorruptMp3 {
        parts: u32,
        seconds: u32,
    },
}

impl Layout {
    pub fn file_type(&self) -> &'static str {
        match self {
            Self::M4b { .. } | Self::BareM4b { .. } | Self::Pack(_) | Self::CorruptM4b { .. } => "m4b",
            Self::Mp3 { .. } | Self::Discs { .. } | Self::CorruptMp3 { .. } => "mp3",
            Self::Epub => "epub",
        }
    }
}

/// A release: what is said of it and what it holds.
#[derive(Debug, Clone)]
pub struct Release {
    pub key: &'static str,
    pub title: &'static str,
    pub authors: Vec<&'static str>,
    pub narrators: Vec<&'static str>,
    pub series: Option<(&'static str, &'static str)>,
    pub year: &'static str,
    /// ISO 639-2/B in capitals, as MyAnonamouse writes it.
    pub language: &'static str,
    pub asin: &'static str,
    pub layout: Layout,
    pub kbps: u32,
    pub category: (u32, &'static str),
    pub listings: Vec<Listing>,
    pub link_answer: LinkAnswer,
    pub seeders: u32,
    pub is_abridged: bool,
    pub is_free: bool,
    pub is_vip: bool,
    pub is_hybrid: bool,
    /// Nobody has it, whatever the listing says.
    pub is_unseeded: bool,
    pub has_media_info: bool,
    /// What the listing says instead of the real size.
    pub claimed_size: Option<&'static str>,
    /// Takes the files of another release, so that two torrents hold the same bytes.
    pub same_files_as: Option<&'static str>,
    pub description: &'static str,
    pub days_old: i64,
}

/// A release whose files exist and whose torrent is made.
pub struct Listed {
    /// MyAnonamouse's torrent id; also the last part of guids elsewhere.
    pub id: u64,
    pub release: Release,
    pub torrent: Metainfo,
    pub seconds: f64,
    pub file_count: usize,
}

/// All releases. The row after the last repeats one: the same torrent listed twice.
pub struct Catalogue {
    pub rows: Vec<Listed>,
}

/// First row id.
pub const FIRST_ID: u64 = 912_001;
/// The row that lists the same torrent as "piranesi" again.
pub const REPEATED_ID: u64 = FIRST_ID + 900;

impl Catalogue {
    /// The row of an id; the repeated id leads to the row it repeats.
    pub fn find_id(&self, id: u64) -> Option<&Listed> {
        if id == REPEATED_ID {
            return self.find_key("piranesi");
        }
        self.rows.iter().find(|row| row.id == id)
    }

    pub fn find_key(&self, key: &str) -> Option<&Listed> {
        self.rows.iter().find(|row| row.release.key == key)
    }

    pub fn find_hash(&self, info_hash: &str) -> Option<&Listed> {
        self.rows.iter().find(|row| row.torrent.info_hash == info_hash)
    }

    /// Rows of one listing whose title, author, narrator or series hold every word of the query.
    pub fn search(&self, listing: Listing, query: &str) -> Vec<&Listed> {
        let words = fold_words(query);
        let on_listing = self.rows.iter().filter(|row| row.release.listings.contains(&listing));
        on_listing.filter(|row| row.release.has_words(&words)).collect()
    }
}

impl Release {
    /// How a tracker without fields writes the title.
    pub fn flat_title(&self) -> String {
        let vip = if self.is_vip { " [VIP]" } else { "" };
        let abridged = if self.is_abridged { " (Abridged)" } else { "" };
        format!(
            "{}{abridged} by {} [{} / {}]{vip}",
            self.title,
            self.authors.join(", "),
            self.language,
            self.layout.file_type().to_uppercase()
        )
    }

    fn has_words(&self, words: &[String]) -> bool {
        let series = self
            .series
            .map(|(name, number)| format!("{name} {number}"))
            .unwrap_or_default();
        let text = format!(
            "{} {} {} {series}",
            self.title,
            self.authors.join(" "),
            self.narrators.join(" ")
        );
        let own = fold_words(&text);
        words.iter().all(|word| own.iter().any(|other| is_hit(word, other)))
    }
}

/// Whole words, as a full-text index has them; scripts without spaces match inside.
fn is_hit(word: &str, own: &str) -> bool {
    let is_spaced = word.chars().all(|c| (c as u32) < 0x2E80);
    if is_spaced { own == word } else { own.contains(word) }
}

fn fold_words(text: &str) -> Vec<String> {
    let folded = text.to_lowercase().replace(['\'', '’'], "");
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::releases::list_releases;
    use std::collections::BTreeSet;

    #[test]
    fn every_release_has_a_key_of_its_own_and_copies_name_one() {
        let releases = list_releases();
        let keys: BTreeSet<_> = releases.iter().map(|release| release.key).collect();
        assert_eq!(keys.len(), releases.len());
        assert!(
            releases
                .iter()
                .filter_map(|release| release.same_files_as)
                .all(|key| keys.contains(key))
        );
    }

    #[test]
    fn a_query_matches_whole_words_in_any_field_and_parts_of_unspaced_scripts() {
        let find = |query: &str| -> Vec<&str> {
            list_releases()
                .into_iter()
                .filter(|release| release.has_words(&fold_words(query)))
                .map(|release| release.key)
                .collect()
        };
        assert_eq!(find("hail weir ray"), ["project-hail-mary", "project-hail-mary-mp3"]);
        assert_eq!(find("猫である"), ["wagahai"]);
        assert_eq!(find("МАРГАРИТА булгаков"), ["master-i-margarita"]);
        assert_eq!(find("messia"), Vec::<&str>::new());
    }
}
