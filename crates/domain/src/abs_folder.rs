//! How Audiobookshelf reads a book's folder: its own rules, told again in Rust (v2.36.0, `server/utils/scandir.js`).
//!
//! Only the last three folders count: author / series / title. The title folder may also hold, in this order of
//! reading: `[ASIN]`, `{narrators}` at its end, a sequence (only below a series folder) and a leading year.
//! Audiobookshelf's "parse subtitles" setting is off unless a person switches it on, so a subtitle stays in the title.

mod names;

pub use names::parse_names;

/// What Audiobookshelf takes from a folder's path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedFolder {
    pub authors: Vec<String>,
    pub series: Option<String>,
    pub sequence: Option<String>,
    pub published_year: Option<String>,
    pub title: String,
    pub narrators: Vec<String>,
    pub asin: Option<String>,
}

/// Reads a folder's path below the library, with '/' between its parts, as Audiobookshelf does.
pub fn parse_relative_folder(relative: &str) -> ParsedFolder {
    let mut parts: Vec<&str> = relative.split('/').collect();
    let folder = parts.pop().unwrap_or_default();
    let series = if parts.len() > 1 { parts.pop() } else { None };
    let author = parts.pop();

    let (folder, asin) = take_asin(folder);
    let (folder, narrators) = take_narrators(&folder);
    // An empty series folder name counts as none, like every empty text there.
    let (folder, sequence) = match series {
        Some(name) if !name.is_empty() => take_sequence(folder),
        _ => (folder.to_owned(), None),
    };
    let (title, published_year) = take_year(&folder);
    ParsedFolder {
        authors: author.map(parse_names).unwrap_or_default(),
        series: series.map(str::to_owned),
        sequence,
        published_year,
        title,
        narrators: narrators.map(parse_names).unwrap_or_default(),
        asin,
    }
}

/// Whether Audiobookshelf takes a folder of this name for a disc of the book above it ("CD1", "Disc 02").
pub fn is_disc_folder(name: &str) -> bool {
    let lower = name.to_lowercase();
    let Some(rest) = ["cd", "disc", "disk"].iter().find_map(|word| lower.strip_prefix(word)) else {
        return false;
    };
    let digits = rest.trim_start();
    (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The first ` [XXXXXXXXXX]` of ten capitals or digits that ends at a space or at the end.
fn take_asin(folder: &str) -> (String, Option<String>) {
    for (open, _) in folder.match_indices('[') {
        let is_apart = open == 0 || folder[..open].ends_with(' ');
        let Some(code) = folder.get(open + 1..open + 11).filter(|code| is_asin(code)) else {
            continue;
        };
        let Some(after) = folder[open + 11..].strip_prefix(']') else {
            continue;
        };
        if is_apart && (after.is_empty() || after.starts_with(' ')) {
            let found = if open == 0 {
                format!("[{code}]")
            } else {
                format!(" [{code}]")
            };
            // Audiobookshelf takes out the first such text, even where that one does not stand apart.
            return (folder.replacen(&found, "", 1).trim().to_owned(), Some(code.to_owned()));
        }
    }
    (folder.trim().to_owned(), None)
}

/// Ten capitals or digits: what Audiobookshelf accepts between brackets.
pub fn is_asin(code: &str) -> bool {
    code.len() == 10
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn take_narrators(folder: &str) -> (&str, Option<&str>) {
    let split = folder.strip_suffix('}').and_then(|inner| inner.rsplit_once(" {"));
    split.map_or((folder, None), |(title, narrators)| (title, Some(narrators)))
}

/// The first " - " part that is a volume: "3", "Vol. 3", "Book 3 Title", "3. Title"; but not "101 Dalmatians".
fn take_sequence(folder: &str) -> (String, Option<String>) {
    let mut parts: Vec<&str> = folder.split(" - ").collect();
    for index in 0..parts.len() {
        let Some((sequence, rest)) = read_volume(parts[index]) else {
            continue;
        };
        if rest.is_empty() {
            parts.remove(index);
        } else {
            parts[index] = rest;
        }
        return (parts.join(" - "), Some(sequence));
    }
    (folder.to_owned(), None)
}

/// Reads `[label ]digits[.digits][.][ rest]`; without label and dot there must be no rest.
fn read_volume(part: &str) -> Option<(String, &str)> {
    let label = ["vol. ", "vol ", "volume ", "book "]
        .into_iter()
        .find(|label| starts_with_ignoring_case(part, label));
    let after_label = &part[label.map_or(0, str::len)..];
    let whole = leading_digits(after_label);
    if whole.len() > 3 {
        return None;
    }
    let mut number = whole;
    let mut rest = &after_label[whole.len()..];
    if let Some(decimals) = rest
        .strip_prefix('.')
        .map(leading_digits)
        .filter(|digits| !digits.is_empty())
    {
        if decimals.len() > 2 {
            return None;
        }
        number = &after_label[..whole.len() + 1 + decimals.len()];
        rest = &after_label[number.len()..];
    }
    let after_dot = rest.strip_prefix('.');
    let rest = after_dot.unwrap_or(rest);
    let suffix = if rest.is_empty() { "" } else { rest.strip_prefix(' ')? };
    if !suffix.is_empty() && label.is_none() && after_dot.is_none() {
        return None;
    }
    Some((plain_number(number), suffix))
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

/// "007" is "7", "1.50" is "1.5", and no digit at all is "0" there.
fn plain_number(number: &str) -> String {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match decimals.trim_end_matches('0') {
        "" => whole.to_owned(),
        decimals => format!("{whole}.{decimals}"),
    }
}

/// "1965 - Dune" or "(1965) - Dune".
fn take_year(folder: &str) -> (String, Option<String>) {
    read_year(folder).map_or((folder.to_owned(), None), |(year, title)| {
        (title.to_owned(), Some(year.to_owned()))
    })
}

fn read_year(folder: &str) -> Option<(&str, &str)> {
    let start = folder.trim_start_matches(' ');
    let start = start.strip_prefix('(').unwrap_or(start);
    let year = start.get(..4).filter(|year| leading_digits(year).len() == 4)?;
    let after = start[4..].strip_prefix(')').unwrap_or(&start[4..]);
    let rest = after.strip_prefix(' ')?.trim_start_matches(' ').strip_prefix('-')?;
    let title = rest.trim_start_matches(' ');
    // Something has to be left over for the title, were it the last space.
    let title = if title.is_empty() {
        rest.get(rest.len().checked_sub(1)?..)?
    } else {
        title
    };
    Some((year, title))
}

#[cfg(test)]
mod tests;
