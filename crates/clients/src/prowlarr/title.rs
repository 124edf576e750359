//! The tail that Prowlarr's MyAnonamouse indexer adds to titles: `{title} by {authors} [{LANG} / {FORMAT}] [VIP]`.

use crate::myanonamouse::languages::name_of_code;
use crate::text::best_format;

/// A title without the tail, and what the tail said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReadTitle {
    pub title: String,
    pub authors: Vec<String>,
    pub language: Option<String>,
    pub format: Option<String>,
    pub is_vip: bool,
}

/// Reads a title. " by …" counts as authors only before a tail of language or format, or when `author` says the same.
pub(crate) fn read_title(written: &str, author: Option<&str>) -> ReadTitle {
    let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = written.as_str();
    let mut read = ReadTitle::default();
    if let Some(before) = rest.strip_suffix("[VIP]") {
        read.is_vip = true;
        rest = before.trim_end();
    }
    let tail = split_tail(rest);
    let has_tail = tail.is_some();
    if let Some((before, language, format)) = tail {
        (rest, read.language, read.format) = (before, language, format);
    }
    if let Some((title, names)) = rest.rsplit_once(" by ").filter(|(title, _)| !title.trim().is_empty()) {
        let is_named = author.is_some_and(|author| author.eq_ignore_ascii_case(names.trim()));
        if has_tail || is_named {
            read.authors = split_names(names);
            rest = title;
        }
    }
    read.title = if rest.trim().is_empty() {
        written.clone()
    } else {
        rest.trim().to_owned()
    };
    read
}

/// A last bracket that holds a language code, a file type, or both.
fn split_tail(text: &str) -> Option<(&str, Option<String>, Option<String>)> {
    let (before, inside) = text.strip_suffix(']')?.rsplit_once('[')?;
    let (first, second) = match inside.split_once(" / ") {
        Some((first, second)) => (first, Some(second)),
        None => (inside, None),
    };
    let language = name_of_code(first).filter(|_| first.len() <= 3).map(str::to_owned);
    let format = best_format(second.unwrap_or(first));
    let is_tail = match second {
        Some(_) => language.is_some() || format.is_some(),
        None => format.is_some() || (language.is_some() && first.chars().all(|c| c.is_ascii_uppercase())),
    };
    is_tail.then(|| (before.trim_end(), language, format))
}

/// Names of a comma list. "Herbert, Frank" is one name: commas part names only where each part has a first and a last
/// one, or where there are more than two.
pub(crate) fn split_names(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text
        .split(", ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    if parts.len() > 2 || parts.iter().all(|part| part.contains(' ')) {
        return parts.into_iter().map(str::to_owned).collect();
    }
    let whole = text.trim();
    if whole.is_empty() {
        Vec::new()
    } else {
        vec![whole.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> ReadTitle {
        read_title(text, None)
    }

    #[test]
    fn the_whole_tail_becomes_facts() {
        assert_eq!(
            read("Stand by Me by Stephen King, Peter Straub [ENG / M4B MP3] [VIP]"),
            ReadTitle {
                title: "Stand by Me".into(),
                authors: vec!["Stephen King".into(), "Peter Straub".into()],
                language: Some("English".into()),
                format: Some("m4b".into()),
                is_vip: true,
            }
        );
    }

    #[test]
    fn parts_of_the_tail_may_be_missing() {
        assert_eq!(read("Dune [M4B]").format.as_deref(), Some("m4b"));
        assert_eq!(read("Dune by Frank Herbert [GER]").language.as_deref(), Some("German"));
        assert_eq!(
            read("Dune [VIP]"),
            ReadTitle {
                title: "Dune".into(),
                is_vip: true,
                ..ReadTitle::default()
            }
        );
    }

    #[test]
    fn a_title_without_the_tail_is_left_alone() {
        for title in [
            "Stand by Me",
            "Dune [Unabridged]",
            "Step by Step [Book 1]",
            "[ENG / M4B]",
            " by ",
            "is [is]",
        ] {
            assert_eq!(read(title).title, title.trim(), "{title}");
            assert_eq!(read(title).authors, Vec::<String>::new(), "{title}");
        }
    }

    #[test]
    fn an_author_of_its_own_makes_by_certain() {
        assert_eq!(read_title("Dune by Frank Herbert", Some("frank herbert")).title, "Dune");
    }

    #[test]
    fn a_name_with_the_last_part_first_stays_whole() {
        assert_eq!(split_names("Herbert, Frank"), ["Herbert, Frank"]);
        assert_eq!(
            split_names("Frank Herbert, Brian Herbert"),
            ["Frank Herbert", "Brian Herbert"]
        );
        assert_eq!(split_names(" "), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_title_panics_or_becomes_empty(text in "\\PC{1,60}") {
            prop_assume!(!text.trim().is_empty() && text.split_whitespace().next().is_some());
            prop_assert!(!read(&text).title.is_empty());
        }

        #[test]
        fn a_damaged_title_gives_only_what_stands_in_it(
            text in testing::damage::damaged_text("Stand by Me by Stephen King, Peter Straub [ENG / M4B MP3] [VIP]")
        ) {
            let read = read(&text);
            let written = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert!(written.starts_with(&read.title) && read.title.trim() == read.title);
            prop_assert!(read.authors.iter().all(|name| !name.is_empty() && written.contains(name)));
            prop_assert_eq!(read.is_vip, written.ends_with("[VIP]"));
        }

        #[test]
        fn facts_of_a_whole_tail_come_back_however_it_is_spaced(
            title in "[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8}){0,3}", author in "[A-Z][a-z]{1,8} [A-Z][a-z]{1,8}", space in "[ \t]{1,3}"
        ) {
            let read = read(&format!("{title} by {author}{space}[ENG / M4B]{space}[VIP]{space}"));
            prop_assert_eq!(&read.title, &title);
            prop_assert_eq!(read.authors, [author]);
            prop_assert_eq!((read.language.as_deref(), read.format.as_deref(), read.is_vip), (Some("English"), Some("m4b"), true));
        }

        #[test]
        fn no_title_with_brackets_panics(text in "[\\[\\]/ byENGM4VIPé]{0,30}") {
            let _ = read(&text);
        }
    }
}
