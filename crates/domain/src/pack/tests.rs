use super::*;

fn broken_earth() -> BookNames {
    BookNames {
        authors: vec!["N. K. Jemisin".into()],
        title: "The Broken Earth Trilogy".into(),
        series: Some("The Broken Earth".into()),
        narrators: vec!["Robin Miles".into()],
        ..BookNames::default()
    }
}

fn check(hint: &str, title: &str, sequence: Option<&str>, year: Option<&str>) {
    let names = read_part(hint, &broken_earth());
    assert_eq!(
        (names.title.as_str(), names.sequence.as_deref(), names.year.as_deref()),
        (title, sequence, year),
        "{hint}"
    );
    assert_eq!(names.authors, ["N. K. Jemisin"], "{hint}");
}

#[test]
fn a_part_is_named_by_its_folder_whatever_the_spelling() {
    check("Book 1 - The Fifth Season", "The Fifth Season", Some("1"), None);
    check("Vol. 2 - The Obelisk Gate", "The Obelisk Gate", Some("2"), None);
    check("03 - The Stone Sky", "The Stone Sky", Some("3"), None);
    check("01 The Fifth Season", "The Fifth Season", Some("1"), None);
    check("1. The Fifth Season", "The Fifth Season", Some("1"), None);
    check("2015 - The Fifth Season", "The Fifth Season", None, Some("2015"));
    check(
        "The Fifth Season (2015) (Unabridged)",
        "The Fifth Season",
        None,
        Some("2015"),
    );
    check(
        "The Obelisk Gate (Broken Earth #2)",
        "The Obelisk Gate",
        Some("2"),
        None,
    );
    check("N. K. Jemisin - The Stone Sky", "The Stone Sky", None, None);
    check(
        "N.K. Jemisin - The Broken Earth 03 - The Stone Sky",
        "The Stone Sky",
        Some("3"),
        None,
    );
    check("The_Fifth_Season", "The Fifth Season", None, None);
    check("The Stone Sky", "The Stone Sky", None, None);
}

#[test]
fn what_is_part_of_a_title_stays() {
    check("1984", "1984", None, None);
    check("The Fifth Season (A Novel)", "The Fifth Season (A Novel)", None, None);
    check("The Broken Earth", "The Broken Earth", None, None);
    check("101 Dalmatians", "101 Dalmatians", None, None);
    check("N. K. Jemisin", "N. K. Jemisin", None, None);
}

#[test]
fn a_part_without_a_title_keeps_its_name() {
    check("Book 2", "Book 2", Some("2"), None);
    assert!(!read_part("(Unabridged)", &broken_earth()).title.is_empty());
}

#[test]
fn narrator_and_asin_of_a_part_go_before_those_of_the_pack() {
    let names = read_part("Book 1 - The Fifth Season {Ann Other} [B00H25FCSQ]", &broken_earth());
    assert_eq!(names.narrators, ["Ann Other"]);
    assert_eq!(names.asin.as_deref(), Some("B00H25FCSQ"));
    assert_eq!(read_part("The Stone Sky", &broken_earth()).narrators, ["Robin Miles"]);
}

#[test]
fn a_number_without_a_series_only_orders_the_files() {
    let pack = BookNames {
        series: None,
        ..broken_earth()
    };
    let names = read_part("02 - How Long 'til Black Future Month", &pack);
    assert_eq!(
        (names.title.as_str(), names.sequence),
        ("How Long 'til Black Future Month", None)
    );
}

fn parts(hints: &[&str]) -> Vec<WorkIdentity> {
    let read = |hint: &&str| identity_of_part(&read_part(hint, &broken_earth()));
    hints.iter().map(read).collect()
}

fn wanted(title: &str) -> WorkIdentity {
    WorkIdentity {
        title: title.into(),
        authors: vec!["N.K. Jemisin".into()],
        ..WorkIdentity::default()
    }
}

fn find(title: &str, hints: &[&str]) -> Wanted {
    find_wanted(&wanted(title), &identity_of_part(&broken_earth()), &parts(hints))
}

const TRILOGY: [&str; 3] = [
    "Book 1 - The Fifth Season",
    "Book 2 - The Obelisk Gate",
    "Book 3 - The Stone Sky",
];

#[test]
fn the_wanted_book_is_found_by_its_title() {
    assert_eq!(find("The Obelisk Gate", &TRILOGY), Wanted::Part(1));
    assert_eq!(
        find("Obelisk Gate: The Broken Earth, Book 2", &TRILOGY),
        Wanted::Part(1)
    );
}

#[test]
fn a_want_for_the_set_takes_all_of_it() {
    let whole = find("The Broken Earth Trilogy", &TRILOGY);
    assert_eq!(whole, Wanted::Whole);
    assert!((0..3).all(|index| whole.includes(index)));
}

#[test]
fn a_book_that_lends_the_set_its_title_goes_before_the_set() {
    let pack = BookNames {
        title: "The Fifth Season".into(),
        ..broken_earth()
    };
    let found = find_wanted(&wanted("The Fifth Season"), &identity_of_part(&pack), &parts(&TRILOGY));
    assert_eq!(found, Wanted::Part(0));
}

#[test]
fn a_book_that_is_not_there_or_there_twice_is_for_a_person() {
    let nowhere = find("The City We Became", &TRILOGY);
    assert_eq!(nowhere, Wanted::Nowhere);
    assert!(!nowhere.includes(0));
    let twice = [
        "The Stone Sky {Robin Miles}",
        "The Stone Sky {Ann Other}",
        "The Fifth Season",
    ];
    let several = find("The Stone Sky", &twice);
    assert_eq!(several, Wanted::Several(vec![0, 1]));
    assert!(several.includes(1) && !several.includes(2));
}

#[test]
fn another_authors_book_of_the_same_title_is_not_the_wanted_one() {
    let other = WorkIdentity {
        authors: vec!["Mons Kallentoft".into()],
        ..wanted("The Fifth Season")
    };
    let pack = identity_of_part(&broken_earth());
    assert_eq!(find_wanted(&other, &pack, &parts(&TRILOGY)), Wanted::Nowhere);
}

#[test]
fn only_a_certain_split_around_the_wanted_book_needs_nobody() {
    assert_eq!(find_doubt(true, &Wanted::Part(0), &[]), None);
    assert_eq!(find_doubt(true, &Wanted::Whole, &[]), None);
    let doubt = |is_certain, wanted, unsure: &[String]| find_doubt(is_certain, &wanted, unsure).unwrap();
    assert!(doubt(false, Wanted::Part(0), &[]).contains("not certain"));
    assert!(doubt(true, Wanted::Nowhere, &[]).contains("None of them"));
    assert!(doubt(true, Wanted::Several(vec![0, 2]), &[]).starts_with("2 of them"));
    let owned = "Perhaps owned: \"The Stone Sky\".".to_owned();
    assert_eq!(doubt(true, Wanted::Part(0), std::slice::from_ref(&owned)), owned);
}

#[test]
fn parts_are_told_with_their_files() {
    let told = tell_parts([("The Fifth Season", 1), ("The Stone Sky", 12)].into_iter());
    assert_eq!(told, "The Fifth Season (1 file), The Stone Sky (12 files)");
}
