//! How Audiobookshelf splits a folder name into people (`parseNameString`, which leans on the parse-full-name library).
//!
//! Worth knowing: titles ("Dr.", "Sir"), suffixes ("Jr.", "III"), and nicknames in quotes or brackets are dropped; a
//! name in one case throughout is re-cased; a lone word before a comma is a last name.

/// The people that Audiobookshelf finds in a folder name or between the braces, as "First Last".
pub fn parse_names(text: &str) -> Vec<String> {
    let has_comma = text.contains(',');
    let separator = ["&", " and ", ";"]
        .into_iter()
        .find(|separator| text.contains(separator));
    let chunks = separator.map_or_else(|| vec![text], |separator| text.split(separator).collect());
    let chunks: Vec<&str> = chunks
        .into_iter()
        .flat_map(|chunk| chunk.split(','))
        .map(str::trim)
        .collect();

    if chunks[0].chars().any(is_kana_or_han) {
        return chunks.into_iter().map(str::to_owned).collect();
    }
    let names = match has_comma && is_last_name(chunks[0]) {
        true => chunks
            .chunks_exact(2)
            .map(|pair| join_name(pair[1], pair[0]))
            .collect::<Vec<_>>(),
        false => chunks.into_iter().map(read_name).collect(),
    };
    keep_distinct(names)
}

fn is_kana_or_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}')
}

/// No space at all, or only parts of a last name, like "von Mises".
fn is_last_name(name: &str) -> bool {
    !name.contains(' ') || split_name(name).first.is_empty()
}

fn keep_distinct(names: Vec<String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if !name.is_empty() && !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

fn join_name(first: &str, last: &str) -> String {
    if first.is_empty() {
        last.to_owned()
    } else {
        format!("{first} {last}")
    }
}

fn read_name(name: &str) -> String {
    let split = split_name(name);
    join_name(&split.first, &split.last)
}

const SUFFIXES: [&str; 19] = [
    "esq", "esquire", "jr", "jnr", "sr", "snr", "2", "ii", "iii", "iv", "md", "phd", "j.d.", "ll.m.", "m.d.", "d.o.",
    "d.c.", "p.c.", "ph.d.",
];
const TITLES: [&str; 19] = [
    "dr",
    "miss",
    "mr",
    "mrs",
    "ms",
    "prof",
    "sir",
    "frau",
    "herr",
    "hr",
    "monsieur",
    "captain",
    "doctor",
    "judge",
    "officer",
    "professor",
    "ind",
    "misc",
    "mx",
];
const PREFIXES: [&str; 25] = [
    "ab", "bar", "bin", "da", "dal", "de", "del", "della", "der", "di", "du", "ibn", "l'", "la", "le", "san", "st",
    "st.", "ste", "ter", "van", "vel", "ver", "vere", "von",
];
const CONJUNCTIONS: [&str; 8] = ["&", "and", "et", "e", "of", "the", "und", "y"];
/// Words that are written so in a re-cased name.
const FORCED_CASES: [&str; 25] = [
    "e", "y", "av", "af", "da", "dal", "de", "del", "der", "di", "la", "le", "van", "den", "vel", "von", "II", "III",
    "IV", "J.D.", "LL.M.", "M.D.", "D.O.", "D.C.", "Ph.D.",
];

#[derive(Default)]
struct SplitName {
    /// With the middle names.
    first: String,
    last: String,
}

/// Splits one name without commas into first (and middle) and last names.
fn split_name(name: &str) -> SplitName {
    let name = name.trim();
    let is_one_case = name == name.to_uppercase() || name == name.to_lowercase();
    let without_nicknames = drop_nicknames(name);
    if without_nicknames.is_empty() {
        return SplitName::default();
    }
    let mut words: Vec<String> = without_nicknames.split(' ').map(str::to_owned).collect();
    let mut position = 0;
    words.retain(|word| {
        position += 1;
        position == 1 || !is_listed(word, &SUFFIXES)
    });
    words.retain(|word| !is_listed(word, &TITLES));
    join_prefixes(&mut words);
    join_conjunctions(&mut words);
    let fix = |text: String| if is_one_case { fix_case(&text) } else { text };
    let Some(last) = words.pop() else {
        return SplitName::default();
    };
    let (first, middle) = match words.split_first() {
        Some((first, middle)) => (first.as_str(), middle.join(" ")),
        None => ("", String::new()),
    };
    // Two spaces in a row make an empty word: an empty first name drops what follows, an empty middle name counts as none.
    let given = if first.is_empty() || middle.is_empty() {
        first.to_owned()
    } else {
        format!("{first} {middle}")
    };
    SplitName {
        first: fix(given),
        last: fix(last),
    }
}

fn is_listed(word: &str, list: &[&str]) -> bool {
    let bare = word.strip_suffix('.').unwrap_or(word).to_lowercase();
    list.iter()
        .any(|entry| *entry == bare || entry.strip_suffix('.') == Some(&bare))
}

/// "Ludwig", "von", "Mises" → "Ludwig", "von Mises"; prefixes of prefixes join too ("de la Cruz").
fn join_prefixes(words: &mut Vec<String>) {
    for index in (0..words.len().saturating_sub(1)).rev() {
        if PREFIXES.contains(&words[index].to_lowercase().as_str()) {
            let next = words.remove(index + 1);
            words[index] = format!("{} {next}", words[index]);
        }
    }
}

/// "Simon", "And", "Schuster" → "Simon And Schuster".
fn join_conjunctions(words: &mut Vec<String>) {
    let mut end = words.len();
    while end >= 3 {
        let index = end - 3;
        if CONJUNCTIONS.contains(&words[index + 1].to_lowercase().as_str()) {
            let joined = words[index..index + 3].join(" ");
            words.splice(index..index + 3, [joined]);
            end -= 1;
        }
        end -= 1;
    }
}

/// Drops what stands, with space around, between quotes or brackets.
fn drop_nicknames(name: &str) -> String {
    let padded: Vec<char> = format!(" {name} ").chars().collect();
    let mut found = Vec::new();
    let mut start = 0;
    while start < padded.len() {
        match nickname_end(&padded, start) {
            Some(end) => {
                found.push(padded[start..end].iter().collect::<String>());
                start = end;
            }
            None => start += 1,
        }
    }
    let drop_one = |name: String, nickname: &String| format!(" {name} ").replacen(nickname, " ", 1).trim().to_owned();
    found.iter().fold(name.to_owned(), drop_one)
}

/// Where a nickname that begins with the space at `start` ends, its closing space included.
fn nickname_end(text: &[char], start: usize) -> Option<usize> {
    const SINGLE: &str = "‘’'";
    const DOUBLE: &str = "“”\"";
    if !text[start].is_whitespace() {
        return None;
    }
    let closing = match text.get(start + 1)? {
        open if SINGLE.contains(*open) => SINGLE,
        open if DOUBLE.contains(*open) => DOUBLE,
        '[' => "]",
        '(' => ")",
        _ => return None,
    };
    let length = text[start + 2..]
        .iter()
        .position(|c| closing.contains(*c))
        .filter(|length| *length > 0)?;
    let mut end = start + 2 + length + 1;
    if text.get(end) == Some(&',') {
        end += 1;
    }
    text.get(end).filter(|c| c.is_whitespace()).map(|_| end + 1)
}

fn fix_case(text: &str) -> String {
    text.split(' ').map(fix_word_case).collect::<Vec<_>>().join(" ")
}

fn fix_word_case(word: &str) -> String {
    let lower = word.to_lowercase();
    let forced = FORCED_CASES.iter().find(|forced| forced.to_lowercase() == lower);
    if let Some(forced) = forced {
        return (*forced).to_owned();
    }
    let chars: Vec<char> = word.chars().collect();
    let text = |range: &[char]| range.iter().collect::<String>();
    match chars.as_slice() {
        [] => String::new(),
        [only] => only.to_uppercase().collect(),
        [first, second, third, rest @ ..] if looks_like_mc_case(*first, *second, &chars[2..]) => {
            format!("{first}{second}{third}{}", text(rest).to_lowercase())
        }
        [first, rest @ ..] => format!("{}{}", first.to_uppercase(), text(rest).to_lowercase()),
    }
}

/// A capital, then a small letter, then capitals: "McCASE". In a script without case every word is so, and unchanged.
fn looks_like_mc_case(first: char, second: char, rest: &[char]) -> bool {
    let upper = |c: char| c.to_uppercase().eq([c]);
    upper(first) && second.to_lowercase().eq([second]) && rest.iter().all(|c| upper(*c))
}
