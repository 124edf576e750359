//! The releases of the catalogue: real titles, made-up files, and every kind of trouble.

mod fantasy;
mod general;
mod science_fiction;

use crate::catalogue::{Layout, LinkAnswer, Listing, Release};

fn book(
    key: &'static str,
    title: &'static str,
    author: &'static str,
    narrator: &'static str,
    layout: Layout,
) -> Release {
    Release {
        key,
        title,
        authors: author.split("; ").collect(),
        narrators: narrator.split("; ").filter(|name| !name.is_empty()).collect(),
        series: None,
        year: "",
        language: "ENG",
        asin: "",
        layout,
        kbps: 96,
        category: (47, "Audiobooks - Science Fiction"),
        listings: vec![Listing::MyAnonamouse],
        link_answer: LinkAnswer::File,
        seeders: 12,
        is_abridged: false,
        is_free: false,
        is_vip: false,
        is_hybrid: false,
        is_unseeded: false,
        has_media_info: true,
        claimed_size: None,
        same_files_as: None,
        description: "",
        days_old: 400,
    }
}

const FANTASY: (u32, &str) = (41, "Audiobooks - Fantasy");
const GENERAL: (u32, &str) = (39, "Audiobooks - Literary Classics");

#[rustfmt::skip]
impl Release {
    fn series(mut self, name: &'static str, number: &'static str) -> Self { self.series = Some((name, number)); self }
    fn facts(mut self, year: &'static str, asin: &'static str) -> Self { self.year = year; self.asin = asin; self }
    fn language(mut self, code: &'static str) -> Self { self.language = code; self }
    fn kbps(mut self, kbps: u32) -> Self { self.kbps = kbps; self }
    fn category(mut self, category: (u32, &'static str)) -> Self { self.category = category; self }
    fn seeders(mut self, seeders: u32) -> Self { self.seeders = seeders; self }
    fn age(mut self, days: i64) -> Self { self.days_old = days; self }
    fn also_on(mut self, listing: Listing) -> Self { self.listings.push(listing); self }
    fn only_on(mut self, listing: Listing) -> Self { self.listings = vec![listing]; self }
    fn link(mut self, answer: LinkAnswer) -> Self { self.link_answer = answer; self }
    fn abridged(mut self) -> Self { self.is_abridged = true; self }
    fn free(mut self) -> Self { self.is_free = true; self }
    fn vip(mut self) -> Self { self.is_vip = true; self }
    fn hybrid(mut self) -> Self { self.is_hybrid = true; self }
    fn unseeded(mut self) -> Self { self.is_unseeded = true; self }
    fn unmeasured(mut self) -> Self { self.has_media_info = false; self }
    fn claims(mut self, size: &'static str) -> Self { self.claimed_size = Some(size); self }
    fn files_of(mut self, key: &'static str) -> Self { self.same_files_as = Some(key); self }
    fn about(mut self, text: &'static str) -> Self { self.description = text; self }
}

fn dune_releases() -> Vec<Release> {
    vec![
        book("dune-messiah", "Dune Messiah", "Frank Herbert", "Scott Brick; Katherine Kellgren; Euan Morton; Simon Vance", Layout::M4b { seconds: 90, chapters: 6 })
            .series("Dune", "2").facts("1969", "B002V1CB2Q").kbps(128).seeders(41).also_on(Listing::OpenShelf)
            .about("Dune Messiah continues the story of Paul Atreides, better known, and feared, as the man christened Muad&#039;Dib."),
        book("dune-messiah-mp3", "Dune Messiah (Unabridged)", "Frank Herbert", "Scott Brick; Katherine Kellgren; Euan Morton; Simon Vance", Layout::Mp3 { parts: 6, seconds: 15 })
            .series("Dune", "2").facts("1969", "B002V1CB2Q").kbps(64).seeders(9).age(2_100),
        book("dune-messiah-abridged", "Dune Messiah", "Frank Herbert", "Connor Hale", Layout::Mp3 { parts: 2, seconds: 15 })
            .series("Dune", "2").facts("1993", "").abridged().seeders(55),
        book("dune-messiah-other-voice", "Dune Messiah", "Frank Herbert", "George Guidall", Layout::M4b { seconds: 70, chapters: 4 })
            .series("Dune", "2").facts("1998", "B000000D2G").seeders(80),
        book("children-of-dune", "Children of Dune", "Frank Herbert", "Simon Vance; Scott Brick", Layout::M4b { seconds: 80, chapters: 5 })
            .series("Dune", "3").facts("1976", "B002V08V6A").seeders(38),
        book("dune-other-asin", "Dune", "Frank Herbert", "Scott Brick; Orlagh Cassidy; Euan Morton; Simon Vance; Ilyana Kadushin", Layout::M4b { seconds: 75, chapters: 6 })
            .series("Dune", "1").facts("1965", "B08G9PRS1K").seeders(120).free(),
        book("dune-messiah-summary", "Summary and Analysis of Dune Messiah: A Study Guide", "QuickRead Notes", "Virtual Voice", Layout::M4b { seconds: 20, chapters: 1 })
            .facts("2021", "B0STUDY001").seeders(3),
    ]
}

/// Every release, in the order of its row ids.
pub fn list_releases() -> Vec<Release> {
    [
        dune_releases(),
        science_fiction::list_releases(),
        fantasy::list_releases(),
        general::list_releases(),
    ]
    .concat()
}
