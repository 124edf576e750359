//! Books: writing and listing.

use std::collections::BTreeSet;

use db::DbError;
use db::book_facets::{count_library, list_facets};
use db::book_list::{find_book_summary, list_books};
use db::books::{
    find_book_description, list_book_files, list_book_heads, mark_books_seen, mark_unseen_books_missing, upsert_book,
};
use db::works::find_like_works;
use testing::TestDatabase;
use types::PageRequest;
use types::library::{BookFilter, BookQuery, BookSort, MissingField};

use crate::seed::{add_integration, add_work, at, book, person};

#[tokio::test]
async fn book_comes_back_as_it_was_written() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let integration = add_integration(&mut conn, 1).await;
    let work = add_work(&mut conn, "Dune").await;
    let mut dune = book(integration, work, "li_1", "Dune");
    dune.narrators.push(person("Euan Morton"));
    dune.narrators.push(person("euan morton"));
    let id = upsert_book(&mut conn, &dune).await.unwrap();
    assert_eq!(upsert_book(&mut conn, &dune).await.unwrap(), id);
    let summary = find_book_summary(&mut conn, id).await.unwrap().unwrap();
    let names = |people: &[types::library::PersonRef]| people.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&summary.authors), ["Frank Herbert"]);
    assert_eq!(names(&summary.narrators).len(), 2);
    assert_eq!(summary.series[0].sequence.as_deref(), Some("1.5"));
    assert_eq!(list_book_files(&mut conn, id).await.unwrap(), dune.files);
    let description = find_book_description(&mut conn, id).await.unwrap();
    assert_eq!(description.as_deref(), Some("Spice."));
    dune.description = None;
    dune.files.clear();
    dune.series.clear();
    upsert_book(&mut conn, &dune).await.unwrap();
    let summary = find_book_summary(&mut conn, id).await.unwrap().unwrap();
    assert_eq!(summary.series, []);
    assert_eq!(find_book_description(&mut conn, id).await.unwrap(), None);
    assert_eq!(list_book_files(&mut conn, id).await.unwrap(), []);
}

#[tokio::test]
async fn hostile_text_is_stored_and_found() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let integration = add_integration(&mut conn, 1).await;
    let title = format!("{}\0<script>\u{202e}", "ключ%_\\".repeat(600));
    let work = add_work(&mut conn, &title).await;
    let mut hostile = book(integration, work, "li_1", &title);
    hostile.authors.push(person(&"名".repeat(4000)));
    hostile.series[0].sequence_order = Some("20240131".into());
    upsert_book(&mut conn, &hostile).await.unwrap();
    for (text, found) in [
        ("%_\\", 1),
        ("ключ%_\\ключ", 1),
        ("<script>", 1),
        ("ключ_ключ", 0),
        ("%%", 0),
    ] {
        let filter = BookFilter {
            text: Some(text.into()),
            ..BookFilter::default()
        };
        let page = list_books(
            &mut conn,
            &BookQuery {
                filter,
                ..BookQuery::default()
            },
        )
        .await
        .unwrap();
        assert_eq!(page.total, found, "{text}");
    }
}

#[tokio::test]
async fn what_a_full_sync_did_not_see_is_marked_missing_and_kept() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let integration = add_integration(&mut conn, 1).await;
    let work = add_work(&mut conn, "Dune").await;
    for id in ["li_1", "li_2"] {
        upsert_book(&mut conn, &book(integration, work, id, id)).await.unwrap();
    }
    mark_books_seen(&mut conn, integration, &["li_2".into()], at(100))
        .await
        .unwrap();
    assert_eq!(
        mark_unseen_books_missing(&mut conn, integration, at(50), at(110))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        mark_unseen_books_missing(&mut conn, integration, at(50), at(120))
            .await
            .unwrap(),
        0
    );
    let heads = list_book_heads(&mut conn, integration).await.unwrap();
    let missing: Vec<_> = heads.iter().filter(|head| head.missing_since.is_some()).collect();
    assert_eq!(
        (missing.len(), missing[0].external_id.as_str(), missing[0].missing_since),
        (1, "li_1", Some(at(110)))
    );
    let counts = count_library(&mut conn).await.unwrap();
    assert_eq!((counts.books, counts.works, counts.missing_files), (1, 1, 1));
    mark_books_seen(&mut conn, integration, &["li_1".into()], at(130))
        .await
        .unwrap();
    assert_eq!(count_library(&mut conn).await.unwrap().missing_files, 0);
}

/// Two hundred books with only a few distinct sort values, some unknown.
async fn seed_ties(conn: &mut db::Connection) {
    let integration = add_integration(conn, 1).await;
    let work = add_work(conn, "Dune").await;
    for number in 0..200_i32 {
        let mut one = book(
            integration,
            work,
            &format!("li_{number}"),
            &format!("Title {}", number % 3),
        );
        one.row.author_sort = format!("author {}", number % 4);
        one.row.added_at = (number % 5 != 0).then(|| at(i64::from(number % 5)));
        one.row.duration_seconds = (number % 3 != 0).then(|| i64::from(number % 3));
        one.row.published_year = (number % 7 != 0).then_some(number % 7);
        one.row.asin = (number % 2 == 0).then(|| "B000000001".into());
        upsert_book(conn, &one).await.unwrap();
    }
}

#[tokio::test]
async fn paging_meets_every_book_once_in_every_order() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    seed_ties(&mut conn).await;
    let with_asin = BookFilter {
        text: Some("title".into()),
        ..BookFilter::default()
    };
    let lacking = BookFilter {
        missing: Some(MissingField::Asin),
        ..BookFilter::default()
    };
    for (filter, expected) in [(BookFilter::default(), 200), (with_asin, 200), (lacking, 100)] {
        for sort in BookSort::ALL {
            let mut query = BookQuery {
                filter: filter.clone(),
                sort: Some(*sort),
                page: PageRequest::default(),
            };
            query.page.limit = Some(7);
            let (mut seen, mut count) = (BTreeSet::new(), 0);
            loop {
                let page = list_books(&mut conn, &query).await.unwrap();
                assert_eq!(page.total, expected);
                count += page.items.len();
                seen.extend(page.items.iter().map(|item| item.id));
                let Some(cursor) = page.next_cursor else { break };
                query.page.cursor = Some(cursor);
            }
            assert_eq!((seen.len() as u64, count as u64), (expected, expected), "{sort}");
        }
    }
}

#[tokio::test]
async fn unknown_values_come_last_in_either_direction() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    seed_ties(&mut conn).await;
    for sort in [BookSort::Year, BookSort::YearDesc] {
        let page = PageRequest {
            limit: Some(200),
            cursor: None,
        };
        let query = BookQuery {
            sort: Some(sort),
            page,
            ..BookQuery::default()
        };
        let years: Vec<_> = list_books(&mut conn, &query)
            .await
            .unwrap()
            .items
            .iter()
            .map(|it| it.published_year)
            .collect();
        let known = years.iter().take_while(|year| year.is_some()).count();
        assert!(years[known..].iter().all(Option::is_none), "{sort}");
        assert!(known > 0 && known < years.len());
    }
}

#[tokio::test]
async fn cursor_of_another_order_or_made_up_is_refused() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    seed_ties(&mut conn).await;
    let page = PageRequest {
        limit: Some(5),
        cursor: None,
    };
    let query = BookQuery {
        page,
        ..BookQuery::default()
    };
    let cursor = list_books(&mut conn, &query).await.unwrap().next_cursor.unwrap();
    // "added", an id, and a time that is none.
    let made_up =
        "61646465641f30303030303030302d303030302d303030302d303030302d3030303030303030303030301f746e6f7768656e";
    for cursor in [cursor.as_str(), made_up, "x'; DROP TABLE books"] {
        let page = PageRequest {
            limit: None,
            cursor: Some(cursor.into()),
        };
        let query = BookQuery {
            sort: Some(BookSort::Added),
            page,
            ..BookQuery::default()
        };
        assert!(
            matches!(list_books(&mut conn, &query).await, Err(DbError::BadCursor)),
            "{cursor}"
        );
    }
}

#[tokio::test]
async fn facets_count_within_the_filter() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    seed_ties(&mut conn).await;
    let facets = list_facets(&mut conn, &BookFilter::default()).await.unwrap();
    assert_eq!(
        (facets.authors[0].label.as_str(), facets.authors[0].count),
        ("Frank Herbert", 200)
    );
    assert_eq!(
        (facets.languages[0].value.as_str(), facets.languages[0].count),
        ("English", 200)
    );
    let asin = facets.missing.iter().find(|facet| facet.value == "asin").unwrap();
    assert_eq!(asin.count, 100);
    let narrow = BookFilter {
        text: Some("title 1".into()),
        ..BookFilter::default()
    };
    let facets = list_facets(&mut conn, &narrow).await.unwrap();
    assert_eq!(facets.series[0].count, 67);
}

#[tokio::test]
async fn similar_and_equal_works_are_found_in_any_script() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    for title in ["Dune Messiah", "Мастер и Маргарита", "銀河鉄道の夜", "It"] {
        add_work(&mut conn, title).await;
    }
    for (key, expected) in [
        ("dune messia", "Dune Messiah"),
        ("мастер и маргарит", "Мастер и Маргарита"),
        ("it", "It"),
        ("銀河鉄道の夜", "銀河鉄道の夜"),
    ] {
        let found = find_like_works(&mut conn, key, &[], 10).await.unwrap();
        assert!(found.iter().any(|work| work.title == expected), "{key}");
    }
    let by_id = find_like_works(&mut conn, "something else", &[("asin".into(), "B0It".into())], 10)
        .await
        .unwrap();
    assert_eq!(by_id.len(), 1);
    assert_eq!((by_id[0].title.as_str(), by_id[0].is_owned), ("It", false));
}
