//! Audiobookshelf's own rules for folder names, written from the behaviour of its scanner (`server/utils/scandir.js`).

use std::collections::BTreeMap;

use anyhow::Result;
use regex::Regex;

use super::views::file_type;

/// What a folder below the library says about its book.
#[derive(Debug, Default, PartialEq)]
pub struct FolderFacts {
    pub authors: Vec<String>,
    pub series: Option<String>,
    pub sequence: Option<String>,
    pub year: Option<String>,
    pub title: String,
    pub narrators: Vec<String>,
    pub asin: Option<String>,
}

/// Groups media files into books: a folder that holds one, with its disc folders and whatever lies deeper.
pub fn group_files(files: &[String]) -> Result<BTreeMap<String, Vec<String>>> {
    let disc = Regex::new(r"(?i)^(cd|dis[ck])\s*\d{1,3}$")?;
    let is_media = |path: &&String| matches!(file_type(path), "audio" | "ebook");
    let mut media: Vec<&String> = files.iter().filter(is_media).collect();
    media.sort_by_key(|path| path.matches('/').count());
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in media {
        let mut folders: Vec<&str> = path.split('/').collect();
        folders.pop();
        if folders.is_empty() {
            groups.insert(path.clone(), vec![path.clone()]);
            continue;
        }
        let known = (1..=folders.len())
            .map(|depth| folders[..depth].join("/"))
            .find(|folder| groups.contains_key(folder));
        let is_disc = folders.len() > 1 && folders.last().is_some_and(|last| disc.is_match(last));
        let own = if is_disc {
            folders[..folders.len() - 1].join("/")
        } else {
            folders.join("/")
        };
        groups.entry(known.unwrap_or(own)).or_default().push(path.clone());
    }
    for path in files.iter().filter(|path| !is_media(path)) {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        if let Some(folder) = folders.map(str::to_owned).find(|folder| groups.contains_key(folder)) {
            groups.entry(folder).or_default().push(path.clone());
        }
    }
    Ok(groups)
}

/// Reads `Author/Series/Sequence - Year - Title {Narrator} [ASIN]` and its shorter forms.
pub fn parse_folder(rel_path: &str) -> Result<FolderFacts> {
    let mut parts: Vec<&str> = rel_path.split('/').collect();
    let folder = parts.pop().unwrap_or_default().to_owned();
    let series = if parts.len() > 1 {
        parts.pop().map(str::to_owned)
    } else {
        None
    };
    let authors = parts.pop().map(split_names).unwrap_or_default();
    let (folder, asin) = take_asin(folder)?;
    let (folder, narrators) = take_narrators(folder)?;
    let (folder, sequence) = if series.is_some() {
        take_sequence(&folder)?
    } else {
        (folder, None)
    };
    let (title, year) = take_year(folder)?;
    Ok(FolderFacts {
        authors,
        series,
        sequence,
        year,
        title,
        narrators,
        asin,
    })
}

fn take_asin(folder: String) -> Result<(String, Option<String>)> {
    let pattern = Regex::new(r"(?: |^)\[([A-Z0-9]{10})\](?: |$)")?;
    let Some(found) = pattern.captures(&folder) else {
        return Ok((folder, None));
    };
    let asin = found[1].to_owned();
    let bare = format!("[{asin}]");
    Ok((
        folder.replacen(&bare, "", 1).replace("  ", " ").trim().to_owned(),
        Some(asin),
    ))
}

fn take_narrators(folder: String) -> Result<(String, Vec<String>)> {
    let pattern = Regex::new(r"^(.*) \{(.*)\}$")?;
    Ok(match pattern.captures(&folder) {
        Some(found) => (found[1].to_owned(), split_names(&found[2])),
        None => (folder, Vec::new()),
    })
}

fn take_sequence(folder: &str) -> Result<(String, Option<String>)> {
    let pattern = Regex::new(r"(?i)^(vol\.? |volume |book )?(\d{0,3}(?:\.\d{1,2})?)(\.?)(?: (.*))?$")?;
    let mut parts: Vec<String> = folder.split(" - ").map(str::to_owned).collect();
    for index in 0..parts.len() {
        let part = parts[index].clone();
        let Some(found) = pattern.captures(&part) else { continue };
        let suffix = found
            .get(4)
            .map(|suffix| suffix.as_str().to_owned())
            .filter(|suffix| !suffix.is_empty());
        let has_dot = found.get(3).is_some_and(|dot| !dot.as_str().is_empty());
        // "101 Dalmatians" has no volume number, "101. Dalmatians" has.
        if suffix.is_some() && found.get(1).is_none() && !has_dot {
            continue;
        }
        let number = found[2]
            .parse::<f64>()
            .map_or_else(|_| "0".to_owned(), |number| number.to_string());
        match suffix {
            Some(suffix) => parts[index] = suffix,
            None => drop(parts.remove(index)),
        }
        return Ok((parts.join(" - "), Some(number)));
    }
    Ok((folder.to_owned(), None))
}

fn take_year(folder: String) -> Result<(String, Option<String>)> {
    let pattern = Regex::new(r"^ *\(?([0-9]{4})\)? * - *(.+)")?;
    Ok(match pattern.captures(&folder) {
        Some(found) => (found[2].to_owned(), Some(found[1].to_owned())),
        None => (folder, None),
    })
}

/// "A, B & C" or "Last, First": a first part without a space is a last name.
pub fn split_names(text: &str) -> Vec<String> {
    let mut parts: Vec<&str> = text.split(['&', ',']).map(str::trim).collect();
    if parts.len() == 1 {
        return parts
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
    }
    if parts[0].contains(' ') {
        return parts
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
    }
    if !parts.len().is_multiple_of(2) {
        parts.pop();
    }
    parts.chunks(2).map(|pair| format!("{} {}", pair[1], pair[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_template_is_read_back() {
        let facts =
            parse_folder("Frank Herbert/Dune/2 - 1969 - Dune Messiah {Scott Brick, Simon Vance} [B002V1CB2Q]").unwrap();
        let expected = FolderFacts {
            authors: vec!["Frank Herbert".into()],
            series: Some("Dune".into()),
            sequence: Some("2".into()),
            year: Some("1969".into()),
            title: "Dune Messiah".into(),
            narrators: vec!["Scott Brick".into(), "Simon Vance".into()],
            asin: Some("B002V1CB2Q".into()),
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn a_title_that_starts_with_a_number_is_not_a_volume() {
        let facts = parse_folder("Dodie Smith/Dalmatians/101 Dalmatians").unwrap();
        assert_eq!((facts.title.as_str(), facts.sequence), ("101 Dalmatians", None));
        let facts = parse_folder("Dodie Smith/Dalmatians/Vol. 0.50 Twilight Barking").unwrap();
        assert_eq!(
            (facts.title.as_str(), facts.sequence.as_deref()),
            ("Twilight Barking", Some("0.5"))
        );
    }

    #[test]
    fn disc_folders_belong_to_the_book_above() {
        let files: Vec<String> = [
            "A/B/CD1/1.mp3",
            "A/B/Disc 2/1.mp3",
            "A/B/cover.jpg",
            "A/C/x.m4b",
            "lone.m4b",
            "A/readme.txt",
        ]
        .map(String::from)
        .into();
        let groups = group_files(&files).unwrap();
        assert_eq!(groups.keys().collect::<Vec<_>>(), ["A/B", "A/C", "lone.m4b"]);
        assert_eq!(groups["A/B"].len(), 3);
    }

    #[test]
    fn last_first_pairs_become_names() {
        assert_eq!(
            split_names("Herbert, Frank, Le Guin, Ursula"),
            ["Frank Herbert", "Ursula Le Guin"]
        );
        assert_eq!(
            split_names("Terry Pratchett & Neil Gaiman"),
            ["Terry Pratchett", "Neil Gaiman"]
        );
    }
}
