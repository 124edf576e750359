use proptest::prelude::*;

use super::*;

/// "title | authors | series#place | kind:value": parts may be left out; lists are split at ';'.
fn work(text: &str) -> WorkIdentity {
    let mut parts = text.split('|').map(str::trim);
    let mut list = || -> Vec<String> {
        let part = parts.next().unwrap_or_default();
        part.split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let title = list().join(";");
    let authors = list();
    let mut identity = WorkIdentity {
        title,
        authors,
        ..WorkIdentity::default()
    };
    for place in list() {
        let (name, number) = place
            .split_once('#')
            .map_or((place.as_str(), None), |(name, number)| (name, Some(number)));
        if name.is_empty() {
            identity.sequence = number.map(str::to_owned);
        } else {
            identity
                .series
                .push((name.trim().to_owned(), number.map(str::to_owned)));
        }
    }
    identity.external_ids = list()
        .iter()
        .filter_map(|id| id.split_once(':'))
        .map(|(kind, value)| (kind.into(), value.into()))
        .collect();
    identity
}

fn verdict(found: &WorkMatch) -> &'static str {
    match found {
        WorkMatch::Same(_) => "same",
        WorkMatch::Unsure(_) => "unsure",
        WorkMatch::Different(_) => "different",
    }
}

fn check(a: &str, b: &str, expected: &str) {
    let (a, b) = (work(a), work(b));
    for found in [match_works(&a, &b), match_works(&b, &a)] {
        assert_eq!(verdict(&found), expected, "{a:?}\n{b:?}\n{found:?}");
    }
}

#[test]
fn the_same_external_id_is_the_same_work() {
    check(
        "Dune | | | asin:B002V1OF70",
        "Der Wüstenplanet | Frank Herbert | | ASIN:b002v1of70",
        "same",
    );
    check("A | | | isbn:978-0-441-17271-9", "B | | | isbn:9780441172719", "same");
    check(
        "Dune | Frank Herbert | | asin:",
        "Arrakis | Frank Herbert | | asin:",
        "different",
    );
    check("A | | | hardcover:12", "B | | | asin:12", "different");
    // A wrong id on a volume must not pass for another.
    check("A | X Y | S#1 | asin:B1", "A | X Y | S#2 | asin:B1", "unsure");
}

#[test]
fn equal_titles_need_an_author_in_common() {
    check("Dune | Frank Herbert", "Dune (Unabridged) | Herbert, Frank", "same");
    check("It | Stephen King", "It | Stephen King", "same");
    check("Dune | Frank Herbert", "Dune | Brian Herbert", "different");
    check("Dune | Frank Herbert", "Dune", "unsure");
    check("Dune", "Dune", "unsure");
    check(
        "Good Omens | Terry Pratchett; Neil Gaiman",
        "Good Omens | Neil Gaiman",
        "same",
    );
    check("The Hobbit | J.R.R. Tolkien", "Hobbit, The | J. R. R. Tolkien", "same");
    check(
        "The Hobbit | JRR Tolkien",
        "The Hobbit | John Ronald Reuel Tolkien",
        "same",
    );
    check("It | King", "It | Stephen King", "same");
    check("Dune | Frank Herbert", "Dune | ???", "unsure");
    check("It | Stephen King", "It | Stephan King", "same");
    check("It | Stephen King", "It | Owen King", "different");
    check(
        "Crime | Fyodor Dostoevsky",
        "Crime | Fyodor Mikhailovich Dostoyevsky",
        "same",
    );
    check("Kokoro | Natsume Soseki", "Kokoro | Soseki Natsume", "same");
    check(
        "The Dispossessed | Ursula Le Guin",
        "The Dispossessed | Ursula K. LeGuin",
        "same",
    );
}

#[test]
fn different_known_numbers_are_never_the_same_work() {
    check(
        "Dune | Frank Herbert | Dune#1",
        "Dune | Frank Herbert | Dune Saga#2",
        "different",
    );
    check("Dune | Frank Herbert | Dune#1", "Dune | Frank Herbert | Dune", "same");
    check(
        "Dune | Frank Herbert | Dune#1",
        "Dune | Frank Herbert | Greater Universe#7",
        "same",
    );
    check(
        "Dune | Frank Herbert | Dune#1",
        "Dune | Frank Herbert | Greater Universe#7; Dune#1",
        "same",
    );
    check("Dune | Frank Herbert | #1", "Dune | Frank Herbert | #01", "same");
    check(
        "Dune | Frank Herbert | #1",
        "Dune | Frank Herbert | Dune Chronicles#2",
        "different",
    );
    check("Eragon, Book 1 | C P", "Eragon, Book 2 | C P", "different");
    check("Eragon | C P | #1", "Eragon Book One | C P", "same");
    check("Eragon | C P | #1", "Eragon | C P | #1.5", "different");
    check("Eragon | C P | #1", "Eragon | C P | E#1-3", "unsure");
    check("Eragon | C P | #1", "Brisingr | C P | E#1-3", "different");
    check("Eragon | C P | #1", "Eragon | C P | E#whatever", "same");
    check(
        "The Kingkiller Chronicle | P R | #1",
        "The Kingkiller Chronicle | P R | #2",
        "different",
    );
}

#[test]
fn containment_is_no_evidence() {
    check("It | Stephen King", "It Follows | Stephen King", "different");
    check("Dune | Frank Herbert", "Dune Messiah | Frank Herbert", "different");
    check("Dune | Frank Herbert", "Children of Dune | Frank Herbert", "different");
    check(
        "Foundation | Isaac Asimov",
        "Foundation and Empire | Isaac Asimov",
        "different",
    );
    check(
        "The Stand | Stephen King",
        "The Stand: The Complete and Uncut Edition | Stephen King",
        "unsure",
    );
    check(
        "Sapiens | Yuval Noah Harari",
        "Sapiens: A Brief History of Humankind | Yuval Noah Harari",
        "unsure",
    );
    check(
        "Star Wars: Thrawn | Timothy Zahn",
        "Star Wars: Heir to the Empire | Timothy Zahn",
        "different",
    );
}

#[test]
fn series_author_and_genre_beside_the_title_are_no_part_of_it() {
    check(
        "The Way of Kings | B S | The Stormlight Archive#1",
        "The Way of Kings: The Stormlight Archive, Book 1 | B S",
        "same",
    );
    check(
        "The Final Empire | B S | Mistborn#1",
        "Mistborn: The Final Empire | B S",
        "same",
    );
    check(
        "Project Hail Mary | Andy Weir",
        "Project Hail Mary: A Novel | Andy Weir",
        "same",
    );
    check("Dune | Frank Herbert", "Dune - Frank Herbert | Frank Herbert", "same");
    check("Blutmond | Jo Nesbø", "Blutmond: Roman | Jo Nesbo", "same");
}

#[test]
fn similar_titles_match_or_go_to_a_person_by_threshold() {
    check(
        "The Fellowship of the Ring | J.R.R. Tolkien",
        "The Felowship of the Ring | J.R.R. Tolkien",
        "same",
    );
    check(
        "Harry Potter and the Philosopher's Stone | J.K. Rowling",
        "Harry Potter and the Sorcerer's Stone | J.K. Rowling",
        "unsure",
    );
    check("X-Men | Stan Lee", "XMen | Stan Lee", "same");
    check(
        "The Fellowship of the Ring | J.R.R. Tolkien",
        "The Felowship of the Ring | Somebody Else",
        "different",
    );
    check(
        "The Fellowship of the Ring | J.R.R. Tolkien",
        "The Felowship of the Ring",
        "unsure",
    );
    check("The Long Way Home | A B", "The Long Dark Home | A B", "unsure");
}

#[test]
fn numbers_in_titles_set_works_apart() {
    check("Catch-22 | Joseph Heller", "Catch Twenty-Two | Joseph Heller", "same");
    check("1984 | George Orwell", "Nineteen Eighty-Four | George Orwell", "same");
    check(
        "Henry IV | William Shakespeare",
        "Henry V | William Shakespeare",
        "different",
    );
    check("Henry V | William Shakespeare", "Henry 5 | William Shakespeare", "same");
    check(
        "The Collected Stories, Part 1 | A B",
        "The Collected Stories, Part 2 | A B",
        "different",
    );
    check(
        "The Collected Stories of the Sea | A B",
        "The Collected Stories of the Sea 2 | A B",
        "unsure",
    );
    check(
        "海辺のカフカ（上） | 村上春樹",
        "海辺のカフカ（下） | 村上 春樹",
        "different",
    );
    check("Malcolm X | Alex Haley", "Malcolm 10 | Alex Haley", "unsure");
    check("I, Robot | Isaac Asimov", "Robot | Isaac Asimov", "unsure");
}

#[test]
fn every_script_matches() {
    check(
        "Мастер и Маргарита | Михаил Булгаков",
        "МАСТЕР И МАРГАРИТА (аудиокнига) | Булгаков, Михаил",
        "same",
    );
    check(
        "Чёрный обелиск | Эрих Ремарк",
        "Черный обелиск | Эрих Мария Ремарк",
        "same",
    );
    check(
        "Война и мир. Том 1 | Лев Толстой",
        "Война и мир. Том 2 | Лев Толстой",
        "different",
    );
    check("ノルウェイの森 | 村上春樹", "ノルウェイの森 | 村上 春樹", "same");
    check("ノルウェイの森 | 村上春樹", "海辺のカフカ | 村上春樹", "different");
    check(
        "薬屋のひとりごと 第1巻 | 日向夏",
        "薬屋のひとりごと 第2巻 | 日向夏",
        "different",
    );
    check("الأيام | طه حسين", "الايّام | طه حسين", "same");
    check(
        "Die unendliche Geschichte | Michael Ende",
        "Unendliche Geschichte (Ungekürzt) | Ende, Michael",
        "same",
    );
    check("L’Étranger | Albert Camus", "L'etranger | Camus, Albert", "same");
    check(
        "Le Comte de Monte-Cristo, Tome 1 | Alexandre Dumas",
        "Le Comte de Monte Cristo, tome II | Alexandre Dumas",
        "different",
    );
}

#[test]
fn sentences_are_short_whatever_the_title_is() {
    let long = format!("\u{7}{}", "x".repeat(4000));
    let WorkMatch::Different(sentence) = match_works(&work("Dune | A"), &work(&long)) else {
        panic!("must differ")
    };
    assert!(
        sentence.chars().count() < 200 && !sentence.contains('\u{7}'),
        "{sentence}"
    );
    assert_eq!(
        verdict(&match_works(&WorkIdentity::default(), &WorkIdentity::default())),
        "different"
    );
}

proptest! {
    #[test]
    fn matching_is_symmetrical(a in any_work(), b in any_work()) {
        prop_assert_eq!(verdict(&match_works(&a, &b)), verdict(&match_works(&b, &a)));
    }

    #[test]
    fn a_work_with_an_author_is_itself(title in "[A-Za-zА-Яа-я]{1,12}( [A-Za-z0-9:,]{1,8}){0,4}") {
        let work = WorkIdentity { title, authors: vec!["Frank Herbert".into()], ..WorkIdentity::default() };
        prop_assert_eq!(verdict(&match_works(&work, &work)), "same");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_survived(title in "\\PC{0,200}", other in "[\\s\\S]{0,200}") {
        let work = |title: &str| WorkIdentity { title: title.repeat(20), authors: vec![title.into()], ..WorkIdentity::default() };
        match_works(&work(&title), &work(&other));
    }
}

fn any_work() -> impl Strategy<Value = WorkIdentity> {
    let words = prop::sample::select(vec![
        "Dune", "Messiah", "Book", "1", "2", "The", ":", "(", ")", "It", " - ", "A Novel", "Herbert", "V", "Part",
        "Saga", ",",
    ]);
    let title = prop::collection::vec(words, 0..6).prop_map(|words| words.join(" "));
    let author = prop::sample::select(vec![
        "Frank Herbert",
        "F. Herbert",
        "Brian Herbert",
        "Herbert",
        "King, Stephen",
        "",
    ]);
    let place = prop::sample::select(vec![None, Some("1"), Some("2"), Some("1-3"), Some("x")]);
    let name = prop::sample::select(vec!["Dune", "Dune Saga", "Other"]);
    let id = prop::sample::select(vec!["", "B1", "b-1", "B2"]);
    (
        title,
        prop::collection::vec(author, 0..3),
        prop::collection::vec((name, place.clone()), 0..3),
        place,
        prop::collection::vec(id, 0..2),
    )
        .prop_map(|(title, authors, series, sequence, ids)| WorkIdentity {
            title,
            authors: authors.into_iter().map(str::to_owned).collect(),
            series: series
                .into_iter()
                .map(|(name, place)| (name.to_owned(), place.map(str::to_owned)))
                .collect(),
            sequence: sequence.map(str::to_owned),
            external_ids: ids.into_iter().map(|id| ("asin".to_owned(), id.to_owned())).collect(),
        })
}
