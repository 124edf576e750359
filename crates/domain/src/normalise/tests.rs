use proptest::prelude::*;

use super::*;

fn check(title: &str, key: &str, sequence: Option<&str>) {
    let found = title_key(title);
    let text = found.sequence.map(|sequence| sequence.text);
    assert_eq!((found.key.as_str(), text.as_deref()), (key, sequence), "{title}");
}

#[test]
fn noise_brackets_and_articles_leave_the_title() {
    check("Dune", "dune", None);
    check("Dune (Unabridged)", "dune", None);
    check("Dune [ENG / M4B] [VIP]", "dune", None);
    check("Dune Unabridged Audiobook MP3 64 kbps", "dune", None);
    check("Dune 64kbps m4b", "dune", None);
    check("Dune, 128 kbit/s", "dune", None);
    check("Dune 64 kbit s", "dune", None);
    check("The Hobbit", "hobbit", None);
    check("Hobbit, The", "hobbit", None);
    check("The A Team", "team", None);
    check("L'Étranger", "etranger", None);
    check("Der Prozeß", "prozess", None);
    check("Die Verwandlung", "verwandlung", None);
    check("Le Petit Prince", "petit prince", None);
    check(
        "El amor en los tiempos del cólera",
        "amor en los tiempos del colera",
        None,
    );
    check("Il nome della rosa", "nome della rosa", None);
    check("Het diner", "diner", None);
    check("O Alquimista", "alquimista", None);
    check("Ender's Game", "enders game", None);
    check("Ender’s Game", "enders game", None);
    check("Pride & Prejudice", "pride and prejudice", None);
    check("(500) Days of Summer", "days of summer", None);
    check("An unclosed (bracket", "unclosed bracket", None);
    check("Nested (a (b) c) brackets", "nested brackets", None);
}

#[test]
fn what_would_leave_nothing_is_kept() {
    check("It", "it", None);
    check("The", "the", None);
    check("The The", "the", None);
    check("A", "a", None);
    check("V", "v", None);
    check("1984", "1984", None);
    check("S.", "s", None);
    check("Audiobook", "audiobook", None);
    check("[REC]", "rec", None);
    check("The (Unabridged)", "the", None);
    check("It (Unabridged)", "it", None);
    check("Book 3", "book 3", Some("3"));
    check("Book 3 (Unabridged)", "book 3", Some("3"));
    check("#3", "3", Some("3"));
    check("???", "???", None);
    check("", "", None);
}

#[test]
fn volumes_become_the_sequence() {
    check("The Final Empire, Book 1", "final empire", Some("1"));
    check(
        "Mistborn: Book One: The Final Empire",
        "mistborn the final empire",
        Some("1"),
    );
    check("Eragon Vol. 3", "eragon", Some("3"));
    check("Eragon vol3", "eragon", Some("3"));
    check("Eragon #3", "eragon", Some("3"));
    check("Eragon № 3", "eragon", Some("3"));
    check("Eragon (Inheritance, Book 3)", "eragon", Some("3"));
    check("Eragon Book 1.5", "eragon", Some("1.5"));
    check("Eragon Books 1-3", "eragon", Some("1-3"));
    check("Eragon Book III", "eragon", Some("3"));
    check("Eragon Book 1 of 4", "eragon", Some("1"));
    check("Volume X: Foo", "foo", Some("10"));
    check("Der Herr der Ringe, Band 3", "herr der ringe", Some("3"));
    check("Les Misérables, Tome III", "miserables", Some("3"));
    check("Война и мир. Том 3", "война и мир", Some("3"));
    check("Книга вторая. Огонь", "огонь", Some("2"));
    check(
        "転生したらスライムだった件 第3巻",
        "転生したらスライムだった件",
        Some("3"),
    );
    check("薬屋のひとりごと第十二巻", "薬屋のひとりごと", Some("12"));
    check("薬屋のひとりごと3巻", "薬屋のひとりごと", Some("3"));
    check("나 혼자만 레벨업 제3권", "나 혼자만 레벨업", Some("3"));
    check("الأيام الجزء ٣", "الايام", Some("3"));
    check("El Quijote, libro primero", "quijote", Some("1"));
    check("The Book I Read", "book i read", None);
    check("The Jungle Book", "jungle book", None);
    check("Band of Brothers", "band of brothers", None);
    check("第一次世界", "第一次世界", None);
}

#[test]
fn parts_stay_in_the_title() {
    check("Warbreaker (Part 2)", "warbreaker part 2", None);
    check("Warbreaker (2 of 3)", "warbreaker 2 of 3", None);
    check("海辺のカフカ（上）", "海辺のカフカ 上", None);
    assert_ne!(title_key("海辺のカフカ（上）"), title_key("海辺のカフカ（下）"));
}

#[test]
fn numbers_become_digits_and_words_stay_words() {
    check("Catch-22", "catch 22", None);
    check("Catch Twenty-Two", "catch 22", None);
    check("Nineteen Eighty-Four", "1984", None);
    check("20,000 Leagues Under the Sea", "20000 leagues under the sea", None);
    check(
        "Twenty Thousand Leagues Under the Sea",
        "20000 leagues under the sea",
        None,
    );
    check("One Hundred Years of Solitude", "100 years of solitude", None);
    check("Сто лет одиночества", "100 лет одиночества", None);
    check("Slaughterhouse-Five", "slaughterhouse 5", None);
    check("World War II", "world war 2", None);
    check("Henry V", "henry 5", None);
    check("Henry IV, Part 1", "henry 4 part 1", None);
    check("I, Robot", "i robot", None);
    check("X-Men", "x men", None);
    check("Malcolm X", "malcolm x", None);
    check("Roe v. Wade", "roe v wade", None);
    check("Metro 2033.5", "metro 2033.5", None);
    check("C++ Primer", "c plus plus primer", None);
    check("C# in Depth", "c sharp in depth", None);
    check("Once Upon a Time", "once upon a time", None);
}

#[test]
fn every_script_keeps_its_letters() {
    check("Мастер и Маргарита", "мастер и маргарита", None);
    check("Ёлки-палки", "елки палки", None);
    check("Война и Миръ (аудиокнига)", "война и миръ", None);
    check("ノルウェイの森", "ノルウェイの森", None);
    check("『ノルウェイの森』", "ノルウェイの森", None);
    check("ハリー・ポッターと賢者の石", "ハリー ポッターと賢者の石", None);
    check("三体", "三体", None);
    check("أَلْفُ لَيْلَةٍ وَلَيْلَة", "الف ليلة وليلة", None);
    check("गोदान", "गोदान", None);
    check("해리 포터와 마법사의 돌", "해리 포터와 마법사의 돌", None);
    check("שתיקת הכבשים", "שתיקת הכבשים", None);
    check("Die unendliche Geschichte (ungekürzt)", "unendliche geschichte", None);
}

#[test]
fn names_are_one_key_in_either_order() {
    for (name, key) in [
        ("J.R.R. Tolkien", "jrr tolkien"),
        ("J. R. R. Tolkien", "jrr tolkien"),
        ("Tolkien, J.R.R.", "jrr tolkien"),
        ("JRR Tolkien", "jrr tolkien"),
        ("Le Guin, Ursula K.", "ursula k le guin"),
        ("King, Jr.", "king jr"),
        ("Булгаков, Михаил", "михаил булгаков"),
        ("村上 春樹", "村上 春樹"),
        ("नि श", "नि श"),
        ("Neil Gaiman (editor)", "neil gaiman"),
        ("(Anonymous)", "anonymous"),
        ("Flannery O'Connor", "flannery oconnor"),
        ("A, B, C", "abc"),
        ("", ""),
    ] {
        assert_eq!(name_key(name), key, "{name}");
    }
}

#[test]
fn search_keeps_all_words_and_sort_moves_the_article() {
    assert_eq!(search_key("  The Café: (Book 3)!  "), "the cafe book 3");
    assert_eq!(search_key("Ender's"), "enders");
    assert_eq!(search_key("Чёрный обелиск"), "черный обелиск");
    assert_eq!(sort_key("The Hobbit"), "hobbit the");
    assert_eq!(sort_key("The"), "the");
    assert_eq!(sort_key("Dune"), "dune");
}

#[test]
fn similarity_is_blind_to_joined_words_and_not_to_content() {
    assert!(similarity("x men", "xmen") > 0.99);
    assert!(similarity("dune", "dune messiah") < 0.5);
    assert!(similarity("it", "if") < 0.6);
    assert_eq!(similarity("", ""), 1.0);
    let long = "a".repeat(300);
    assert!(similarity(&long, &format!("{long}b")) <= 0.8);
}

proptest! {
    #[test]
    fn a_key_is_its_own_key(title in any_title()) {
        let key = title_key(&title).key;
        prop_assert_eq!(&title_key(&key).key, &key);
        let name = name_key(&title);
        let search = search_key(&title);
        prop_assert_eq!(&search_key(&search), &search);
        prop_assert!(search_key(&name).len() <= name.len() + 8);
    }

    #[test]
    fn a_title_with_a_letter_keeps_one(title in any_title()) {
        let has_letter = search_key(&title).chars().any(char::is_alphanumeric);
        prop_assert!(!has_letter || title_key(&title).key.chars().any(char::is_alphanumeric), "{}", title);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn long_text_of_any_script_is_survived(title in "\\PC{0,400}") {
        let long = title.repeat(10).chars().take(4000).collect::<String>();
        title_key(&long);
        name_key(&long);
        prop_assert!((0.0..=1.0).contains(&similarity(&long, &title)));
    }
}

/// Any text, and text made of the words that the rules act on.
fn any_title() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "The",
        "A",
        "Book",
        "3",
        "1-3",
        "#",
        "(",
        ")",
        "[",
        "]",
        "Unabridged",
        ",",
        ":",
        " - ",
        "I",
        "V",
        "X",
        "One",
        "Twenty",
        "64",
        "kbps",
        "kbit/s",
        "Dune",
        "II",
        "第3巻",
        "第",
        "巻",
        "Том",
        "L'",
        "of",
        "Part",
        "v.",
        "+",
        "C#",
        "ガ",
        "й",
        "ß",
        "'",
    ]);
    let spaced = prop::collection::vec(words.clone(), 0..10).prop_map(|words| words.join(" "));
    let joined = prop::collection::vec(words, 0..8).prop_map(|words| words.concat());
    prop_oneof!["\\PC{0,60}", "[\\s\\S]{0,60}", spaced, joined]
}
