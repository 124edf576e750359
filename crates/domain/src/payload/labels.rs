//! Reads numbers out of file and folder names: discs, parts, tracks, books of a series.

/// A folder that is a disc of a book.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disc {
    /// What stands before the mark: "Dune" of "Dune (CD 2)"; often nothing.
    pub title: String,
    pub number: u32,
}

/// What a name says beside its numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Folded, without numbers and part marks; empty when nothing else is there.
    pub title: String,
    /// Of "Book 2", "Vol. 2", "#2".
    pub book_number: Option<String>,
}

const DISC_WORDS: [&str; 6] = ["cd", "disc", "disk", "part", "pt", "side"];
const TRACK_WORDS: [&str; 4] = ["track", "chapter", "ch", "of"];
const BOOK_WORDS: [&str; 4] = ["book", "vol", "volume", "#"];

/// Orders "2" before "10", whatever the case.
pub(super) fn natural_key(text: &str) -> Vec<(u8, u128, String)> {
    split_tokens(text)
        .into_iter()
        .map(|token| natural_token(&token))
        .collect()
}

fn natural_token(token: &str) -> (u8, u128, String) {
    match token.parse::<u128>() {
        Ok(number) => (0, number, token.to_owned()),
        Err(_) => (1, 0, token.to_owned()),
    }
}

/// Reads "CD1", "Disc 02 of 10", "Part Three", "Part 1 - The Call", "Dune (Disc 2)", "03".
pub(super) fn read_disc(folder: &str) -> Option<Disc> {
    let tokens = split_tokens(folder);
    if let [only] = tokens.as_slice() {
        return only.parse().ok().filter(|number| *number < 100).map(|number| Disc {
            title: String::new(),
            number,
        });
    }
    let words = drop_totals(&tokens);
    let mark = words
        .windows(2)
        .position(|pair| DISC_WORDS.contains(&pair[0].as_str()) && read_number(&pair[1]).is_some())?;
    let number = read_number(&words[mark + 1])?;
    let is_first = mark == 0;
    let is_last = mark + 2 == words.len();
    // In the middle of a name it is part of a title.
    (is_first || is_last).then(|| Disc {
        title: words[..mark].join(" "),
        number,
    })
}

/// Reads a name's title and its number as a book.
pub(super) fn read_label(name: &str) -> Label {
    let tokens = split_tokens(name);
    let words = drop_totals(&tokens);
    let mut title: Vec<&str> = Vec::new();
    let mut book_number = None;
    let mut index = 0;
    while index < words.len() {
        let word = words[index].as_str();
        let number = words.get(index + 1).filter(|next| read_number(next).is_some());
        if let Some(number) = number.filter(|_| BOOK_WORDS.contains(&word)) {
            book_number.get_or_insert_with(|| number.clone());
            index += 2;
        } else if number.is_some() && (DISC_WORDS.contains(&word) || TRACK_WORDS.contains(&word)) {
            index += 2;
        } else {
            // A number by itself is a track or a part, unless it is long enough for a year or a title.
            let is_track = word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
            if !is_track {
                title.push(word);
            }
            index += 1;
        }
    }
    Label {
        title: title.join(" "),
        book_number,
    }
}

/// "3 of 10" → "3".
fn drop_totals(tokens: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let has_total = words.last().is_some_and(|word| read_number(word).is_some())
            && tokens[index] == "of"
            && tokens.get(index + 1).is_some_and(|next| read_number(next).is_some());
        if has_total {
            index += 2;
        } else {
            words.push(tokens[index].clone());
            index += 1;
        }
    }
    words
}

fn read_number(word: &str) -> Option<u32> {
    const WORDS: [&str; 12] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ];
    let spelled = WORDS
        .iter()
        .position(|spelled| *spelled == word)
        .and_then(|index| u32::try_from(index + 1).ok());
    word.parse().ok().filter(|number| *number < 1000).or(spelled)
}

/// Lower-case runs of letters, runs of digits, and '#'; all else separates.
fn split_tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut kind = Kind::Gap;
    for c in text.to_lowercase().chars() {
        let next = Kind::of(c);
        match next {
            Kind::Gap => {}
            Kind::Letter | Kind::Digit if next == kind => {
                if let Some(token) = tokens.last_mut() {
                    token.push(c);
                }
            }
            Kind::Letter | Kind::Digit | Kind::Mark => tokens.push(c.to_string()),
        }
        kind = next;
    }
    tokens
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Mark,
    Gap,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            '0'..='9' => Self::Digit,
            '#' => Self::Mark,
            '\'' | '’' => Self::Letter,
            c if c.is_alphabetic() || c.is_numeric() || is_combining(c) => Self::Letter,
            _ => Self::Gap,
        }
    }
}

/// Accents and vowel signs written as characters of their own belong to their word.
fn is_combining(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discs_are_read_in_all_their_spellings() {
        let cases = [
            ("CD1", "", 1),
            ("CD 01", "", 1),
            ("Disc 2 of 10", "", 2),
            ("disk-03", "", 3),
            ("Part Three", "", 3),
            ("Part 1 - The Call", "", 1),
            ("Dune (Disc 2)", "dune", 2),
            ("Война и мир CD4", "война и мир", 4),
            ("07", "", 7),
        ];
        for (folder, title, number) in cases {
            assert_eq!(
                read_disc(folder),
                Some(Disc {
                    title: title.into(),
                    number
                }),
                "{folder}"
            );
        }
    }

    #[test]
    fn books_and_titles_are_no_discs() {
        for folder in [
            "Book 1",
            "1984",
            "Dune",
            "1 - Foundation",
            "The Part 2 Story",
            "Vol 3",
            "",
            "Audio",
        ] {
            assert_eq!(read_disc(folder), None, "{folder}");
        }
    }

    #[test]
    fn labels_keep_titles_and_drop_tracks() {
        let cases = [
            ("Book 1 - Foundation", "foundation", Some("1")),
            ("Foundation #2 Empire", "foundation empire", Some("2")),
            ("01 - Dune", "dune", None),
            ("Dune Part 2 of 3", "dune", None),
            ("Dune - 003", "dune", None),
            ("1984", "1984", None),
            ("Chapter 12", "", None),
            ("Book Two", "", Some("two")),
        ];
        for (name, title, number) in cases {
            let label = Label {
                title: title.into(),
                book_number: number.map(str::to_owned),
            };
            assert_eq!(read_label(name), label, "{name}");
        }
    }

    #[test]
    fn ten_comes_after_two() {
        let mut names = ["Track 10", "track 2", "Track 1", "intro"];
        names.sort_by_key(|name| natural_key(name));
        assert_eq!(names, ["intro", "Track 1", "track 2", "Track 10"]);
    }
}
