use proptest::prelude::*;
use serde_json::json;

use super::*;

fn base() -> Url {
    Url::parse("https://www.myanonamouse.net").unwrap()
}

fn read(row: Value) -> ReleaseFacts {
    read_row(&row, &base(), Some(false)).unwrap().facts
}

fn sample() -> Value {
    serde_json::from_str(include_str!("fixtures/row.json")).unwrap()
}

#[test]
fn a_full_row_gives_every_fact() {
    insta::assert_json_snapshot!(read(sample()));
}

#[test]
fn the_download_reference_is_the_torrent_id_and_never_the_hash_link() {
    use secrecy::ExposeSecret;
    let release = read_row(&sample(), &base(), None).unwrap();
    assert_eq!(
        (release.external_id.as_str(), release.download_ref.expose_secret()),
        ("273200", "273200")
    );
}

#[test]
fn numbers_may_be_strings_and_texts_may_be_numbers() {
    let facts = read(
        json!({"id": "7", "title": 1984, "seeders": "3", "free": "1", "my_snatched": "yes",
        "language": "37", "size": "734003200", "numfiles": "2", "isbn": 9780451524935u64, "main_cat": "13"}),
    );
    assert_eq!(
        (facts.title.as_str(), facts.seeders, facts.files),
        ("1984", Some(3), Some(2))
    );
    assert_eq!(
        (facts.is_free, facts.is_snatched, facts.is_audiobook),
        (Some(true), true, Some(true))
    );
    assert_eq!(
        (facts.language.as_deref(), facts.size_bytes),
        (Some("German"), Some(734_003_200))
    );
    assert_eq!(facts.isbn.as_deref(), Some("9780451524935"));
}

#[test]
fn people_and_series_may_be_empty_in_every_way() {
    for empty in [
        json!(""),
        json!("[]"),
        json!(null),
        json!([]),
        json!("{}"),
        json!("not json"),
        json!(7),
    ] {
        let facts =
            read(json!({"id": 7, "title": "T", "author_info": empty, "narrator_info": empty, "series_info": empty}));
        assert_eq!(
            (facts.authors, facts.narrators, facts.series),
            (vec![], vec![], vec![]),
            "{empty}"
        );
    }
}

#[test]
fn people_and_series_may_be_objects_already() {
    let facts = read(
        json!({"id": 7, "title": "T", "author_info": {"1": "Flann O&#039;Brien"},
        "series_info": {"2": ["S &amp; T", "", 3.0]}}),
    );
    assert_eq!(facts.authors, ["Flann O'Brien"]);
    assert_eq!(
        facts.series,
        [SeriesClaim {
            name: "S & T".into(),
            sequence: None
        }]
    );
}

#[test]
fn what_a_vip_only_free_row_costs_depends_on_the_class() {
    let row = json!({"id": 7, "title": "T", "free": 0, "fl_vip": 1, "personal_freeleech": 0});
    let read = |member| {
        let facts = read_row(&row, &base(), member).unwrap().facts;
        (facts.is_free, facts.is_vip_free)
    };
    assert_eq!(read(Some(true)), (Some(true), true));
    assert_eq!(read(Some(false)), (Some(false), false));
    assert_eq!(read(None), (None, false));
}

#[test]
fn a_row_without_flags_does_not_claim_to_cost() {
    assert_eq!(read(json!({"id": 7, "title": "T"})).is_free, None);
    assert_eq!(read(json!({"id": 7, "title": "T", "free": false})).is_free, Some(false));
}

#[test]
fn book_ids_are_told_apart() {
    let ids = |text: &str| read_book_ids(&json!(text));
    assert_eq!(ids("ASIN:B002V1A0WE"), (Some("B002V1A0WE".into()), None));
    assert_eq!(ids("asin: 1234567890"), (Some("1234567890".into()), None));
    assert_eq!(
        ids("978-0-441-01359-3, B002V1A0WE"),
        (Some("B002V1A0WE".into()), Some("9780441013593".into()))
    );
    assert_eq!(ids("080442957X"), (None, Some("080442957X".into())));
    assert_eq!(ids("n/a"), (None, None));
}

#[test]
fn rows_without_id_or_title_are_left_out() {
    for row in [
        json!({"title": "T"}),
        json!({"id": 0, "title": "T"}),
        json!({"id": 1, "title": " "}),
        json!([]),
        json!(null),
    ] {
        assert!(read_row(&row, &base(), None).is_none(), "{row}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
        "[0-9.,:GMiBkbps hx\"{}\\[\\]-]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z0-9]{1,6}", inner.clone(), 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            inner.prop_map(|value| Value::String(value.to_string())),
        ]
    })
}

proptest! {
    #[test]
    fn a_damaged_row_is_read_without_inventing(bytes in testing::damage::damaged(include_bytes!("fixtures/row.json"))) {
        let Ok(row) = serde_json::from_slice::<Value>(&bytes) else { return Ok(()) };
        if let Some(release) = read_row(&row, &base(), None) {
            prop_assert!(release.external_id.parse::<i64>().is_ok_and(|id| id > 0));
            prop_assert!(!release.facts.title.trim().is_empty());
            prop_assert!([release.facts.files, release.facts.seeders].iter().flatten().all(|count| *count >= 0));
            let url = release.facts.info_url.unwrap();
            prop_assert!(url.starts_with("https://www.myanonamouse.net/t/"), "{}", url);
        }
    }

    #[test]
    fn no_row_makes_reading_panic(values in prop::collection::vec(any_value(), 14)) {
        let names = ["title", "size", "numfiles", "mediainfo", "tags", "isbn", "author_info", "narrator_info",
            "series_info", "language", "filetype", "added", "browseflags", "free"];
        let mut row = json!({"id": 1});
        for (name, value) in names.iter().zip(values) {
            row[*name] = value;
        }
        let _ = read_row(&row, &base(), None);
    }

    #[test]
    fn no_value_instead_of_a_row_makes_reading_panic(value in any_value()) {
        let _ = read_row(&value, &base(), Some(true));
    }
}
