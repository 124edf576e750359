//! Reading the library.

use std::sync::Arc;

use services::{Keys, ServiceConfig, Services, SystemClock, SystemRandom, health, library};
use types::library::{BookFilter, BookQuery};
use types::people::Role;
use types::{BookId, ErrorCode};

use crate::shelf::{Book, connect_audiobookshelf, shelve};
use crate::support::TestApp;

const NOWHERE: &str = "http://127.0.0.1:1/abs";

fn look_for(text: &str) -> BookQuery {
    let filter = BookFilter {
        text: Some(text.into()),
        ..BookFilter::default()
    };
    BookQuery {
        filter,
        ..BookQuery::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_in_any_case_accent_and_script() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let abs = connect_audiobookshelf(&app, &admin, NOWHERE).await;
    for (external_id, title, author) in [
        ("li_1", "Les Misérables", "Victor Hugo"),
        ("li_2", "Дюна", "Фрэнк Герберт"),
        ("li_3", "Kokoro こころ", "夏目漱石"),
    ] {
        let book = Book {
            external_id,
            title,
            author,
            ..Book::default()
        };
        shelve(&app, abs, &book).await;
    }
    let viewer = app.person(&admin, "viewer", Role::Viewer).await;
    for (text, expected) in [
        ("MISERABLES hugo", "Les Misérables"),
        ("дюна", "Дюна"),
        ("こころ", "Kokoro こころ"),
    ] {
        let found = library::list_books(&app.services, &viewer, look_for(text))
            .await
            .unwrap();
        let titles: Vec<&str> = found.items.iter().map(|book| book.title.as_str()).collect();
        assert_eq!(titles, [expected], "{text}");
        let facets = library::get_facets(&app.services, &viewer, look_for(text).filter)
            .await
            .unwrap();
        assert_eq!(facets.authors.len(), 1, "{text}");
    }
    let nothing = library::list_books(&app.services, &viewer, look_for("dune hugo"))
        .await
        .unwrap();
    assert_eq!(nothing.total, 0);
    assert_eq!(library::get_counts(&app.services, &viewer).await.unwrap().books, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_says_where_it_comes_from() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let abs = connect_audiobookshelf(&app, &admin, NOWHERE).await;
    let id = shelve(&app, abs, &Book::default()).await;
    let book = library::get_book(&app.services, &admin, id).await.unwrap();
    assert_eq!(book.summary.title, "Dune");
    assert_eq!(book.source, "Audiobookshelf (Audiobookshelf)");
    assert_eq!(book.source_url.as_deref(), Some("http://127.0.0.1:1/abs/item/li_1"));
    assert_eq!(book.source_updated_at.unwrap().timestamp_millis(), 1);
    assert_eq!(book.download_id, None);
    let unknown = library::get_book(&app.services, &admin, BookId(uuid::Uuid::nil()))
        .await
        .unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_answers_is_healthy_and_one_that_is_gone_is_not() {
    let app = TestApp::new().await;
    health::check_ready(&app.services).await.unwrap();
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let gone = Services::new(
        db::connect(url, 1).unwrap(),
        url,
        ServiceConfig::new(app.data_dir()),
        &Keys::new([1; 32], [2; 32]),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    );
    let error = health::check_ready(&gone).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ServiceUnavailable);
}
