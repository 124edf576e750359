//! Text that every file system takes as one folder or file name.

use unicode_normalization::UnicodeNormalization;

/// Longest folder or file name, in bytes: below the 255 of common file systems, with room for what tools append.
pub const MAX_COMPONENT_BYTES: usize = 200;

/// A folder name of at most 200 bytes; empty when nothing of the text can stand in one.
pub fn safe_component(text: &str) -> String {
    let clean = clean_text(text);
    let free = avoid_reserved_name(trim_ends(&clean));
    trim_ends(cut_bytes(&free, MAX_COMPONENT_BYTES)).to_owned()
}

/// A file name of at most 200 bytes that keeps its extension.
pub fn safe_file_name(name: &str) -> String {
    let clean = clean_text(name);
    let trimmed = trim_ends(&clean);
    let (stem, extension) = match trimmed.rsplit_once('.') {
        Some((stem, extension)) if is_extension(extension) => (stem, format!(".{extension}")),
        _ => (trimmed, String::new()),
    };
    let stem = trim_ends(cut_bytes(trim_ends(stem), MAX_COMPONENT_BYTES - 1 - extension.len()));
    let stem = if stem.is_empty() { "file" } else { stem };
    format!("{}{extension}", avoid_reserved_name(stem))
}

fn is_extension(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The substitutions that hold everywhere; never holds a reserved, control or invisible character.
pub(super) fn clean_text(text: &str) -> String {
    let visible: String = text.chars().filter_map(visible_char).nfc().collect();
    let spaced = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let replaced: String = spaced
        .replace(": ", " – ")
        .chars()
        .filter_map(replace_reserved)
        .collect();
    replaced
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn visible_char(c: char) -> Option<char> {
    match c {
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() => None,
        // Soft hyphen, Arabic letter mark, Mongolian separator, zero-width and bidirectional marks, overrides and
        // isolates, byte order mark, interlinear marks, tags and non-characters.
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' => None,
        '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}' => None,
        c => Some(c),
    }
}

fn replace_reserved(c: char) -> Option<char> {
    match c {
        '/' | '\\' | '|' | ':' => Some('-'),
        '"' => Some('\''),
        '<' => Some('('),
        '>' => Some(')'),
        '?' | '*' => None,
        c => Some(c),
    }
}

/// Without dots and spaces at both ends.
pub(super) fn trim_ends(text: &str) -> &str {
    text.trim_matches(|c: char| c == '.' || c.is_whitespace())
}

/// The longest beginning of at most `limit` bytes that ends between two characters.
pub(super) fn cut_bytes(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Windows keeps some names for devices, whatever the extension and case.
fn avoid_reserved_name(name: &str) -> String {
    let stem = name.split('.').next().unwrap_or_default();
    if !is_device_name(stem.trim_end()) {
        return name.to_owned();
    }
    format!("{stem}_{}", &name[stem.len()..])
}

fn is_device_name(stem: &str) -> bool {
    let upper = stem.to_uppercase();
    let numbered = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
    matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered.is_some_and(|number| matches!(number, "0" | "¹" | "²" | "³") || is_device_digit(number))
}

fn is_device_digit(number: &str) -> bool {
    number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit())
}
