use proptest::prelude::*;

use super::*;

fn files(paths: &[&str]) -> Vec<PayloadFile> {
    paths
        .iter()
        .map(|path| PayloadFile {
            path: (*path).to_owned(),
            size_bytes: 1000,
        })
        .collect()
}

fn plan(paths: &[&str]) -> PayloadPlan {
    plan_payload("Torrent", &files(paths))
}

fn targets(files: &[PlannedFile]) -> Vec<&str> {
    files.iter().map(|file| file.target.as_str()).collect()
}

/// The targets of a plan that must be one book.
#[track_caller]
fn check_book(paths: &[&str], expected: &[&str]) {
    match plan(paths) {
        PayloadPlan::SingleBook { files } => assert_eq!(targets(&files), expected),
        other => panic!("{other:?}"),
    }
}

/// The hints and targets of a plan that must be a pack.
#[track_caller]
fn check_pack(paths: &[&str], certain: bool, expected: &[(&str, &[&str])]) {
    match plan(paths) {
        PayloadPlan::Pack { parts, is_certain } => {
            let found: Vec<(&str, Vec<&str>)> = parts
                .iter()
                .map(|part| (part.title_hint.as_str(), targets(&part.files)))
                .collect();
            let expected: Vec<(&str, Vec<&str>)> =
                expected.iter().map(|(hint, files)| (*hint, files.to_vec())).collect();
            assert_eq!((found, is_certain), (expected, certain));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_single_file_is_a_book() {
    check_book(&["Dune.m4b"], &["Dune.m4b"]);
    check_book(
        &["Dune [2007]/Dune.M4B", "Dune [2007]/cover.jpg", "Dune [2007]/Dune.nfo"],
        &["Dune.M4B", "cover.jpg", "Dune.nfo"],
    );
}

#[test]
fn tracks_are_ordered_as_numbers() {
    check_book(
        &["Dune/10.mp3", "Dune/2.mp3", "Dune/1.mp3"],
        &["1.mp3", "2.mp3", "10.mp3"],
    );
}

#[test]
fn chapters_with_titles_are_one_book() {
    check_book(
        &["Moby/01 - Loomings.mp3", "Moby/02 - The Bag.mp3"],
        &["01 - Loomings.mp3", "02 - The Bag.mp3"],
    );
}

#[test]
fn disc_folders_stay_in_the_order_that_audiobookshelf_joins() {
    check_book(
        &[
            "Dune/CD10/01.mp3",
            "Dune/CD2/01.mp3",
            "Dune/CD2/02.mp3",
            "Dune/cover.jpg",
        ],
        &["CD2/01.mp3", "CD2/02.mp3", "CD10/01.mp3", "cover.jpg"],
    );
    check_book(
        &["Dune/Disc 1 of 2/a.mp3", "Dune/Disc 2 of 2/a.mp3"],
        &["CD1/a.mp3", "CD2/a.mp3"],
    );
    check_book(
        &["Dune/Part One/a.mp3", "Dune/Part Two/a.mp3"],
        &["CD1/a.mp3", "CD2/a.mp3"],
    );
    check_book(
        &["Dune/Dune (CD 1)/a.mp3", "Dune/Dune (CD 2)/a.mp3"],
        &["CD1/a.mp3", "CD2/a.mp3"],
    );
}

#[test]
fn deep_folders_are_flattened() {
    check_book(
        &[
            "Author/Series/Dune/audio/01.mp3",
            "Author/Series/Dune/audio/scans/back.png",
        ],
        &["01.mp3", "back.png"],
    );
}

#[test]
fn samples_hidden_empty_and_foreign_files_stay_out() {
    let mut list = files(&[
        "Dune/Dune.mp3",
        "Dune/Sample/Dune.mp3",
        "Dune/dune-sample.mp3",
        "Dune/.hidden.mp3",
        "Dune/__MACOSX/a.mp3",
        "Dune/setup.exe",
        "Dune/metadata.json",
        "noextension",
    ]);
    list.push(PayloadFile {
        path: "Dune/empty.mp3".into(),
        size_bytes: 0,
    });
    let expected = vec![PlannedFile {
        source: "Dune/Dune.mp3".into(),
        target: "Dune.mp3".into(),
    }];
    assert_eq!(plan_payload("Dune", &list), PayloadPlan::SingleBook { files: expected });
}

#[test]
fn the_only_audio_is_never_a_sample() {
    check_book(&["Sample/sample.m4b"], &["sample.m4b"]);
}

#[test]
fn parts_of_one_book_are_no_pack() {
    check_book(
        &["Dune/Dune Part 1 of 2.m4b", "Dune/Dune Part 2 of 2.m4b"],
        &["Dune Part 1 of 2.m4b", "Dune Part 2 of 2.m4b"],
    );
    check_book(
        &["Dune/01 - Dune.m4b", "Dune/02 - Dune.m4b"],
        &["01 - Dune.m4b", "02 - Dune.m4b"],
    );
    check_book(&["War/Book 1.mp3", "War/Book 2.mp3"], &["Book 1.mp3", "Book 2.mp3"]);
}

#[test]
fn numbered_books_in_one_folder_are_a_certain_pack() {
    check_pack(
        &[
            "Foundation/Book 2 - Empire.m4b",
            "Foundation/Book 1 - Foundation.m4b",
            "Foundation/Book 1 - Foundation.cue",
            "Foundation/cover.jpg",
        ],
        true,
        &[
            (
                "Book 1 - Foundation",
                &["Book 1 - Foundation.m4b", "Book 1 - Foundation.cue"],
            ),
            ("Book 2 - Empire", &["Book 2 - Empire.m4b"]),
        ],
    );
}

#[test]
fn m4b_files_that_merely_differ_are_an_uncertain_pack() {
    check_pack(
        &["F/01 - A.m4b", "F/02 - B.m4b"],
        false,
        &[("01 - A", &["01 - A.m4b"]), ("02 - B", &["02 - B.m4b"])],
    );
}

#[test]
fn folders_with_titles_are_a_certain_pack() {
    check_pack(
        &[
            "F/2 - Empire/CD1/1.mp3",
            "F/2 - Empire/CD2/1.mp3",
            "F/1 - Foundation/1.mp3",
            "F/1 - Foundation/cover.jpg",
            "F/all.jpg",
        ],
        true,
        &[
            ("1 - Foundation", &["1.mp3", "cover.jpg"]),
            ("2 - Empire", &["CD1/1.mp3", "CD2/1.mp3"]),
        ],
    );
}

#[test]
fn folders_told_apart_by_numbers_or_extras_are_uncertain() {
    check_pack(
        &["War/Book 1/a.mp3", "War/Book 2/a.mp3"],
        false,
        &[("Book 1", &["a.mp3"]), ("Book 2", &["a.mp3"])],
    );
    check_pack(
        &["Dune/Dune.m4b", "Dune/Bonus/talk.mp3"],
        false,
        &[("Bonus", &["talk.mp3"]), ("Torrent", &["Dune.m4b"])],
    );
    check_pack(
        &["D/Main/a.mp3", "D/Interview/b.mp3"],
        false,
        &[("Interview", &["b.mp3"]), ("Main", &["a.mp3"])],
    );
}

#[test]
fn a_torrent_without_audio_says_so() {
    assert_eq!(plan(&["Dune/Dune.epub", "Dune/readme.txt"]), PayloadPlan::NoAudio);
    assert_eq!(plan(&[]), PayloadPlan::NoAudio);
}

#[test]
fn clashing_and_unsafe_names_get_safe_and_different_targets() {
    check_book(
        &[
            "D/x/CD1/a.mp3",
            "D/x/Disc 1/A.mp3",
            "D/x/CON.nfo",
            "D/x/a?.nfo",
            "D/x/a.nfo",
        ],
        &["CD1/a.mp3", "CD1/A (2).mp3", "a.nfo", "a (2).nfo", "CON_.nfo"],
    );
}

#[test]
fn equal_names_without_end_are_numbered_and_folders_without_end_are_a_pack() {
    let list = |path: &dyn Fn(usize) -> String| -> Vec<PayloadFile> {
        (0..20_000)
            .map(|index| PayloadFile {
                path: path(index),
                size_bytes: 1,
            })
            .collect()
    };
    // What tells the names apart is dropped from them.
    let dropped = |index: usize| format!("{index:015b}").replace('0', "?").replace('1', "*");
    let PayloadPlan::SingleBook { files } = plan_payload("D", &list(&|index| format!("D/CD1/a{}.mp3", dropped(index))))
    else {
        panic!("one folder is a book");
    };
    let last = files.iter().any(|file| file.target == "CD1/a (20000).mp3");
    assert!(files.len() == 20_000 && last, "{:?}", files.last());
    let PayloadPlan::Pack { parts, .. } = plan_payload(
        "D",
        &list(&|index| match index % 2 {
            0 => format!("D/Title {index} x/a.mp3"),
            _ => format!("D/Title {} x/a.jpg", index - 1),
        }),
    ) else {
        panic!("several folders are a pack");
    };
    assert_eq!((parts.len(), parts[0].files.len()), (10_000, 2));
}

proptest! {
    #[test]
    fn no_list_of_files_panics_and_nothing_is_planned_twice(
        name in any::<String>(),
        files in prop::collection::vec(("\\PC{0,30}|([./]|CD1|Disc ٣|Book 2|of|#|é|\u{0}|(\\.mp3)){0,12}", any::<i64>()), 0..12),
    ) {
        let list: Vec<PayloadFile> = files
            .into_iter()
            .flat_map(|(path, size_bytes)| ["", ".m4b", ".jpg"].map(|end| PayloadFile { path: format!("{path}{end}"), size_bytes }))
            .collect();
        let planned: Vec<PlannedFile> = match plan_payload(&name, &list) {
            PayloadPlan::SingleBook { files } => files,
            PayloadPlan::Pack { parts, .. } => parts.into_iter().flat_map(|part| part.files).filter(|file| is_audio(&file.source)).collect(),
            PayloadPlan::NoAudio => vec![],
        };
        for source in planned.iter().map(|file| &file.source) {
            let known = list.iter().filter(|file| file.path == *source).count();
            prop_assert!((1..=known).contains(&planned.iter().filter(|file| file.source == *source).count()), "{:?}", source);
        }
    }

    #[test]
    fn targets_never_climb_out_and_never_clash(paths in proptest::collection::vec("(\\PC{0,6}/|\\.\\./|CD1/){0,3}\\PC{0,8}\\.(mp3|m4b|jpg)", 0..8)) {
        let list: Vec<PayloadFile> = paths.iter().map(|path| PayloadFile { path: path.clone(), size_bytes: 1 }).collect();
        let books = match plan_payload("name", &list) {
            PayloadPlan::SingleBook { files } => vec![files],
            PayloadPlan::Pack { parts, .. } => parts.into_iter().map(|part| part.files).collect(),
            PayloadPlan::NoAudio => vec![],
        };
        for book in books {
            let distinct: HashSet<String> = book.iter().map(|file| file.target.to_lowercase()).collect();
            prop_assert_eq!(distinct.len(), book.len());
            for file in &book {
                prop_assert!(file.target.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.len() <= 210));
                prop_assert!(file.target.split('/').count() <= 2);
            }
        }
    }
}
