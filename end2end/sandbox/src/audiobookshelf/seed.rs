//! The books that the library owns from the start: real titles, made-up records, a few of them dirty.

use std::path::Path;

use sha1::{Digest, Sha1};

use super::shelf::{AudioFile, Chapter, Item, Metadata, PlainFile, Shelf};
use crate::state::now_ms;

const BOOKS: &str = include_str!("../../data/library.txt");
const DAY: i64 = 86_400_000;

/// A shelf of about `count` books.
pub fn seed_shelf(library_path: &Path, count: usize) -> Shelf {
    let mut shelf = Shelf::create(library_path);
    let mut books = list_books();
    let dirty = list_dirty_books();
    let wanted = count.saturating_sub(dirty.len());
    if wanted < books.len() {
        // An even sample, with the books that the catalogue plays with.
        let total = books.len();
        books = books
            .into_iter()
            .enumerate()
            .filter(|(i, b)| b.asin.is_some() || (i + 1) * wanted / total > i * wanted / total)
            .map(|(_, b)| b)
            .collect();
    }
    let originals = books.clone();
    for number in books.len()..wanted {
        let mut book = originals[number % originals.len()].clone();
        book.title = book
            .title
            .map(|title| format!("{title}, printing {}", number / originals.len() + 1));
        book.asin = None;
        books.push(book);
    }
    for (index, metadata) in books.into_iter().enumerate() {
        shelf.items.push(make_item(index, metadata));
    }
    for (index, (quirk, metadata)) in dirty.into_iter().enumerate() {
        let mut item = make_item(10_000_000 + index, metadata);
        item.is_quirky = quirk == "types";
        item.has_cover = quirk != "no cover";
        if quirk == "no files" {
            item.audio.clear();
            item.chapters.clear();
        }
        shelf.items.push(item);
    }
    shelf.refresh_entities();
    shelf
}

fn list_books() -> Vec<Metadata> {
    let mut header: Vec<&str> = Vec::new();
    let mut books = Vec::new();
    for line in BOOKS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("@ ") {
            header = rest.split('|').map(str::trim).collect();
            continue;
        }
        let [authors, series, narrators, genre, publisher, language] = header[..] else {
            continue;
        };
        let (facts, asin) = line
            .split_once(" | ")
            .map_or((line, None), |(facts, asin)| (facts, Some(asin.to_owned())));
        let mut facts = facts.splitn(3, ' ');
        let (Some(year), Some(number), Some(title)) = (facts.next(), facts.next(), facts.next()) else {
            continue;
        };
        let split = |text: &str| {
            text.split("; ")
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        // Only the first series has a number.
        let numbers = std::iter::once((number != "-").then(|| number.to_owned())).chain(std::iter::repeat(None));
        books.push(Metadata {
            title: Some(title.to_owned()),
            authors: split(authors),
            narrators: split(narrators),
            series: split(series).into_iter().zip(numbers).collect(),
            genres: vec![genre.to_owned(), "Audiobook".to_owned()],
            published_year: Some(year.to_owned()),
            publisher: Some(publisher.to_owned()),
            language: Some(language.to_owned()),
            asin,
            ..Metadata::default()
        });
    }
    books
}

fn list_dirty_books() -> Vec<(&'static str, Metadata)> {
    let book = |title: &str, author: &str| Metadata {
        title: Some(title.to_owned()),
        authors: vec![author.to_owned()],
        language: Some("English".into()),
        ..Metadata::default()
    };
    let last_first = Metadata {
        narrators: vec!["Narrated by Tim Gerard Reynolds".into()],
        series: vec![("Red Rising Series".into(), Some("1".into()))],
        ..book("Red Rising (Unabridged)", "Brown, Pierce")
    };
    let bare = Metadata {
        title: Some("track01".into()),
        ..Metadata::default()
    };
    let html = Metadata { description: Some("<p>A <b>bold</b> tale &amp; a <i>slanted</i> one.</p><p>Second paragraph<br>with a break. <img src=x onerror=alert(1)></p>".into()), subtitle: Some("A Novel <em>of Sorts</em>".into()), ..book("Markup & <b>Mayhem</b>", "O'Connor & Sons") };
    let endless = book(&"An Endless Title That Goes On ".repeat(134)[..4_000], "Verbose Author");
    let override_marks = book(
        "\u{202e}skoob gnorw eht\u{202c} and the right ones",
        "Bidi \u{202e}rohtuA",
    );
    let climbing = Metadata {
        series: vec![("../../series".into(), Some("1".into()))],
        ..book("../../../etc/passwd", "..")
    };
    let odd_types = Metadata {
        published_year: Some("1999".into()),
        series: vec![("Numbers".into(), Some("007".into()))],
        asin: Some("1234567890".into()),
        ..book("2001", "1Q84 Press")
    };
    let control = Metadata {
        narrators: vec![" Spaced  Out ".into(), String::from("Tab\there")],
        genres: vec!["Fantasy/Sci-Fi".into(), "fantasy".into(), "FANTASY".into()],
        ..book("Nul\u{0001}l and\u{0007} Bell", "Control Character")
    };
    vec![
        ("", last_first),
        ("no cover", bare),
        ("", html),
        ("", endless),
        ("", override_marks),
        ("", climbing),
        ("types", odd_types),
        ("no files", control),
    ]
}

/// Adds what a record has besides its titles; the same for the same book on each machine, but for the ids.
fn make_item(index: usize, mut metadata: Metadata) -> Item {
    let title = metadata.title.clone().unwrap_or_default();
    let author = metadata.authors.first().cloned().unwrap_or_default();
    let digest = Sha1::digest(format!("{title}/{author}"));
    let share = |at: usize| f64::from(digest[at]) / 255.0;
    let is_clean = index < 10_000_000;
    if is_clean {
        fill_metadata(index, &mut metadata, &digest);
    }
    let safe: String = title
        .chars()
        .filter(|c| !c.is_control() && !"/\\".contains(*c))
        .take(60)
        .collect();
    let folder = match metadata.series.first() {
        Some((series, number)) => format!(
            "{}/{}/{} - {safe}",
            path_part(&author),
            path_part(series),
            number.as_deref().unwrap_or("0")
        ),
        None => format!("{}/{safe}", path_part(&author)),
    };
    let mut item = Item::new(folder);
    item.added_at = now_ms() - (20.0 + share(0) * 900.0) as i64 * DAY - index as i64 % 1_000;
    item.updated_at = item.added_at + DAY;
    item.mtime_ms = item.added_at;
    item.has_cover = index % 29 != 28;
    item.tags = if index.is_multiple_of(7) {
        vec!["favourite".into()]
    } else {
        Vec::new()
    };
    let duration = (4.5 + share(1) * 24.0) * 3_600.0;
    let kbps = [64, 64, 96, 128][usize::from(digest[2] % 4)];
    add_sound(
        &mut item,
        &safe,
        duration,
        kbps,
        if digest[3].is_multiple_of(3) { 12 } else { 1 },
    );
    item.metadata = metadata;
    item
}

fn path_part(name: &str) -> String {
    let safe = name
        .replace(['/', '\\'], "_")
        .trim()
        .trim_end_matches('.')
        .replace("..", "_");
    if safe.is_empty() { "Unknown".to_owned() } else { safe }
}

fn fill_metadata(index: usize, metadata: &mut Metadata, digest: &[u8]) {
    let title = metadata.title.clone().unwrap_or_default();
    let missing = |every: usize, at: usize| index % every == at;
    if metadata.asin.is_none() && !missing(9, 4) {
        metadata.asin = Some(format!("B0{}", &hex::encode_upper(digest)[..8]));
    }
    if !missing(11, 6) {
        metadata.description = Some(format!(
            "<p><b>{title}</b> by {}, read by {}. A record of the sandbox: it stands for a book that somebody owns.</p>",
            metadata.authors.join(" and "),
            metadata.narrators.join(", ")
        ));
    }
    if missing(13, 7) {
        metadata.narrators.clear();
    }
    if missing(17, 9) {
        metadata.published_year = None;
    }
    if missing(19, 5) {
        metadata.publisher = None;
    }
    if missing(23, 12) {
        metadata.language = None;
    }
    if missing(31, 3) {
        metadata.isbn = Some(format!(
            "978{:010}",
            u64::from_be_bytes(digest[..8].try_into().unwrap_or_default()) % 10_000_000_000
        ));
    }
}

fn add_sound(item: &mut Item, stem: &str, duration: f64, kbps: u64, parts: usize) {
    let each = (duration / parts as f64 * 1_000.0).round() / 1_000.0;
    for part in 1..=parts {
        let extension = if parts == 1 { "m4b" } else { "mp3" };
        let name = if parts == 1 {
            format!("{stem}.m4b")
        } else {
            format!("{stem} - {part:02}.mp3")
        };
        item.audio.push(AudioFile {
            file: PlainFile {
                rel_path: name,
                size: (each * kbps as f64 * 125.0) as u64,
                mtime_ms: item.mtime_ms,
                ino: item.ino + part as u64,
            },
            duration: each,
            bit_rate: kbps * 1_000,
            codec: if parts == 1 { "aac" } else { "mp3" }.to_owned(),
            format: extension.to_owned(),
            channels: 2,
            tags: [("tagTitle".to_owned(), stem.to_owned())].into(),
            error: None,
        });
    }
    let chapters = (duration / 1_800.0).ceil() as usize;
    let length = duration / chapters as f64;
    item.chapters = (0..chapters)
        .map(|number| Chapter {
            start: number as f64 * length,
            end: (number + 1) as f64 * length,
            title: format!("Chapter {}", number + 1),
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_becomes_a_book() {
        let lines = BOOKS.lines().filter(|line| !line.starts_with(['#', '@'])).count();
        assert_eq!(list_books().len(), lines);
    }

    #[test]
    fn a_smaller_shelf_keeps_the_books_that_the_catalogue_plays_with() {
        let shelf = seed_shelf(Path::new("/library"), 60);
        let has = |title: &str| {
            shelf
                .items
                .iter()
                .any(|item| item.metadata.title.as_deref() == Some(title))
        };
        assert!(has("Dune") && has("Small Gods") && !has("Dune Messiah"));
        assert!((55..=65).contains(&shelf.items.len()));
    }

    #[test]
    fn a_larger_shelf_is_filled_up() {
        assert_eq!(seed_shelf(Path::new("/library"), 1_000).items.len(), 1_000);
    }
}
