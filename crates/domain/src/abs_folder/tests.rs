use super::*;

/// author | series | sequence | year | title | narrators | asin, '-' = none.
#[track_caller]
fn check(relative: &str, expected: &str) {
    let parsed = parse_relative_folder(relative);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let people = |names: Vec<String>| {
        if names.is_empty() {
            "-".to_owned()
        } else {
            names.join("+")
        }
    };
    let found = [
        people(parsed.authors),
        or_dash(parsed.series),
        or_dash(parsed.sequence),
        or_dash(parsed.published_year),
        parsed.title,
        people(parsed.narrators),
        or_dash(parsed.asin),
    ];
    assert_eq!(found.join(" | "), expected, "{relative}");
}

#[test]
fn only_the_last_three_folders_count() {
    check("Dune", "- | - | - | - | Dune | - | -");
    check("Frank Herbert/Dune", "Frank Herbert | - | - | - | Dune | - | -");
    check(
        "Frank Herbert/Dune Saga/Dune",
        "Frank Herbert | Dune Saga | - | - | Dune | - | -",
    );
    check(
        "Books/SF/Frank Herbert/Saga/Dune",
        "Frank Herbert | Saga | - | - | Dune | - | -",
    );
    check("", "- | - | - | - |  | - | -");
    check("A B//3 - Dune", "A B |  | - | - | 3 - Dune | - | -");
}

#[test]
fn every_field_is_read_from_the_title_folder() {
    check(
        "Frank Herbert/Dune/1 - 1965 - Dune {Scott Brick & Orlagh Cassidy} [B002V1OF70]",
        "Frank Herbert | Dune | 1 | 1965 | Dune | Scott Brick+Orlagh Cassidy | B002V1OF70",
    );
    check(
        "A B/S/[B002V1OF70] Vol. 2 - (1969) - Messiah",
        "A B | S | 2 | 1969 | Messiah | - | B002V1OF70",
    );
}

#[test]
fn sequences_are_read_in_all_their_spellings() {
    let cases = [
        ("Book 2 - Title - Subtitle", "2", "Title - Subtitle"),
        ("Title - Subtitle - Vol 12", "12", "Title - Subtitle"),
        ("Title - volume 9 - Subtitle", "9", "Title - Subtitle"),
        ("Vol. 3 Title Here - Subtitle", "3", "Title Here - Subtitle"),
        ("100 - Book Title", "100", "Book Title"),
        ("6. Title", "6", "Title"),
        ("0.5 - Book Title", "0.5", "Book Title"),
        ("007 - Title", "7", "Title"),
        ("1.50 - Title", "1.5", "Title"),
        (".5 - Title", "0.5", "Title"),
        ("101. Dalmatians", "101", "Dalmatians"),
        ("Foo -  - Bar", "0", "Foo - Bar"),
        ("101 Dalmatians", "-", "101 Dalmatians"),
        ("1-3 - Title", "-", "1-3 - Title"),
        ("1.125 - Title", "-", "1.125 - Title"),
        ("1000 - Title", "-", "Title"),
        ("Volume - Title", "-", "Volume - Title"),
    ];
    for (folder, sequence, title) in cases {
        let year = if folder.starts_with("1000") { "1000" } else { "-" };
        check(
            &format!("A B/S/{folder}"),
            &format!("A B | S | {sequence} | {year} | {title} | - | -"),
        );
    }
}

#[test]
fn a_sequence_counts_only_below_a_series() {
    check("A B/3 - Title", "A B | - | - | - | 3 - Title | - | -");
    check("A B/S/3", "A B | S | 3 | - |  | - | -");
}

#[test]
fn years_need_four_digits_and_a_dash_after_a_space() {
    check("A B/(1965) - Dune", "A B | - | - | 1965 | Dune | - | -");
    check("A B/1965 -Dune", "A B | - | - | 1965 | Dune | - | -");
    for title in [
        "1965- Dune",
        "1965 Dune",
        "19651 - Dune",
        "1965",
        "196 - Dune",
        "1965 – Dune",
        "1965 -",
    ] {
        check(&format!("A B/{title}"), &format!("A B | - | - | - | {title} | - | -"));
    }
}

#[test]
fn asins_stand_apart_and_have_ten_capitals_or_digits() {
    check(
        "A B/Dune [B002V1OF70] {N M}",
        "A B | - | - | - | Dune | N M | B002V1OF70",
    );
    for title in [
        "Dune[B002V1OF70]",
        "Dune [b002v1of70]",
        "Dune [B002V1OF7]",
        "Dune [B002V1OF70]x",
        "Dune [ééééé]",
    ] {
        check(&format!("A B/{title}"), &format!("A B | - | - | - | {title} | - | -"));
    }
    check(
        "A B/X [B002V1OF70]y [B002V1OF70]",
        "A B | - | - | - | Xy [B002V1OF70] | - | B002V1OF70",
    );
    check(
        "A B/Dune [MP3] [0123456789]",
        "A B | - | - | - | Dune [MP3] | - | 0123456789",
    );
}

#[test]
fn narrators_are_the_last_braces_at_the_end() {
    check("A B/Dune {x} {N M}", "A B | - | - | - | Dune {x} | N M | -");
    check("A B/Dune {N M} x", "A B | - | - | - | Dune {N M} x | - | -");
    check("A B/Dune{N M}", "A B | - | - | - | Dune{N M} | - | -");
}

#[test]
fn people_are_split_as_audiobookshelf_does() {
    let cases: [(&str, &[&str]); 38] = [
        ("", &[]),
        ("John Smith", &["John Smith"]),
        ("Smith, John", &["John Smith"]),
        ("John Smith & Jane Doe", &["John Smith", "Jane Doe"]),
        ("John Smith and Jane Doe", &["John Smith", "Jane Doe"]),
        (
            "John Smith, Jane Doe and John Doe",
            &["John Smith", "Jane Doe", "John Doe"],
        ),
        ("John Smith; Jane Doe", &["John Smith", "Jane Doe"]),
        ("Smith, John, Doe, Jane", &["John Smith", "Jane Doe"]),
        (
            "Friedman, Milton & Friedman, Rose",
            &["Milton Friedman", "Rose Friedman"],
        ),
        (
            "John Smith, Jones, Ludwig von Mises",
            &["John Smith", "Jones", "Ludwig von Mises"],
        ),
        ("Jones; John Smith", &["Jones", "John Smith"]),
        ("Smith, John Jr.", &["John Jr. Smith"]),
        ("von Mises, Ludwig", &["Ludwig von Mises"]),
        ("张三, 李四", &["张三", "李四"]),
        ("村上春樹 & Jay Rubin", &["村上春樹", "Jay Rubin"]),
        ("John Smith & John Smith", &["John Smith"]),
        ("John Smith,", &["John Smith"]),
        ("Homer", &["Homer"]),
        ("Homer, Virgil, Ovid", &["Virgil Homer"]),
        ("Martin Luther King Jr.", &["Martin Luther King"]),
        ("Dr. Seuss", &["Seuss"]),
        ("Sir Arthur Conan Doyle", &["Arthur Conan Doyle"]),
        ("Doctor Mister", &["Mister"]),
        ("Dr. Mr.", &[]),
        ("John  Smith", &["John Smith"]),
        ("Judge  Smith", &["Smith"]),
        ("bell hooks", &["Bell Hooks"]),
        ("JOHN McDONALD III", &["JOHN McDONALD"]),
        ("JRR TOLKIEN", &["Jrr Tolkien"]),
        ("ludwig von mises", &["Ludwig von Mises"]),
        ("John (Jack) Smith", &["John Smith"]),
        ("John \"Jack\" \"Joe\" Smith", &["John \"Joe\" Smith"]),
        ("‘Jack’", &[]),
        ("Flann O'Brien", &["Flann O'Brien"]),
        ("Simon And Schuster", &["Simon And Schuster"]),
        ("Ralph de la Cruz", &["Ralph de la Cruz"]),
        ("Лев Толстой", &["Лев Толстой"]),
        ("نجيب محفوظ", &["نجيب محفوظ"]),
    ];
    for (text, names) in cases {
        assert_eq!(parse_names(text), names, "{text}");
    }
}

#[test]
fn disc_folders_are_those_of_audiobookshelf() {
    for name in ["CD1", "cd 01", "Disc 002", "DISK  3"] {
        assert!(is_disc_folder(name), "{name}");
    }
    for name in ["CD", "CD 1000", "Part 1", "Disc One", "My CD1", "CD-1", "CD1 Dune"] {
        assert!(!is_disc_folder(name), "{name}");
    }
}
