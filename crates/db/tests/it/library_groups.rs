//! Authors and series with their numbers of books, and keys of repeated writes.

use chrono::TimeDelta;
use db::DbError;
use db::books::upsert_book;
use db::idempotency_keys::{IdempotencyKey, KeyAge, claim_key, delete_keys_before, find_answer, free_key, keep_answer};
use db::library_groups::{GroupKind, find_group, list_groups};
use db::users::{UserRow, insert_user};
use serde_json::json;
use testing::TestDatabase;
use types::library::{GroupQuery, GroupSort};
use types::{PageRequest, UserId};
use uuid::Uuid;

use crate::seed::{add_integration, add_work, at, book, person};

fn query(sort: GroupSort, cursor: Option<String>) -> GroupQuery {
    GroupQuery {
        text: None,
        sort: Some(sort),
        page: PageRequest { limit: Some(2), cursor },
    }
}

#[tokio::test]
async fn authors_are_paged_by_name_or_by_their_number_of_books() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let integration = add_integration(&mut conn, 1).await;
    let work = add_work(&mut conn, "Dune").await;
    for (number, author) in ["Ann", "Bob", "Bob", "Cleo", "Cleo", "Cleo"].iter().enumerate() {
        let mut one = book(integration, work, &format!("li_{number}"), &format!("Book {number}"));
        one.authors = vec![person(author)];
        upsert_book(&mut conn, &one).await.unwrap();
    }
    let mut gone = book(integration, work, "li_gone", "Gone");
    gone.authors = vec![person("Ann"), person("Dora")];
    gone.row.missing_since = Some(at(0));
    upsert_book(&mut conn, &gone).await.unwrap();

    for (sort, expected) in [
        (GroupSort::Name, [("Ann", 1), ("Bob", 2), ("Cleo", 3)]),
        (GroupSort::BooksDesc, [("Cleo", 3), ("Bob", 2), ("Ann", 1)]),
    ] {
        let first = list_groups(&mut conn, GroupKind::Author, &query(sort, None))
            .await
            .unwrap();
        let rest = query(sort, first.next_cursor);
        let second = list_groups(&mut conn, GroupKind::Author, &rest).await.unwrap();
        let all = first.items.iter().chain(&second.items);
        let seen: Vec<_> = all.map(|group| (group.name.as_str(), group.books)).collect();
        assert_eq!((seen, first.total, second.next_cursor), (expected.to_vec(), 3, None));
    }
    let narrowed = GroupQuery {
        text: Some("cl".into()),
        ..GroupQuery::default()
    };
    let found = list_groups(&mut conn, GroupKind::Author, &narrowed).await.unwrap();
    assert_eq!((found.items.len(), found.total), (1, 1));
    let same = find_group(&mut conn, GroupKind::Author, found.items[0].id)
        .await
        .unwrap();
    assert_eq!(same.as_ref(), found.items.first());
    let series = list_groups(&mut conn, GroupKind::Series, &GroupQuery::default())
        .await
        .unwrap();
    assert_eq!((series.items[0].name.as_str(), series.items[0].books), ("Dune", 6));
    let foreign = query(GroupSort::Name, Some("00".into()));
    assert!(matches!(
        list_groups(&mut conn, GroupKind::Author, &foreign).await,
        Err(DbError::BadCursor)
    ));
}

#[tokio::test]
async fn a_key_is_taken_once_until_it_is_freed_or_old() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let user = add_user(&mut conn).await;
    let key = IdempotencyKey {
        user_id: user,
        route: "wants".into(),
        key: "a".into(),
    };
    let age = |seconds| KeyAge {
        now: at(seconds),
        kept_since: at(seconds) - TimeDelta::hours(24),
        alive_since: at(seconds) - TimeDelta::seconds(150),
    };
    let (one, two) = ([1_u8; 32], [2_u8; 32]);
    assert!(claim_key(&mut conn, &key, &one, age(0)).await.unwrap());
    assert!(!claim_key(&mut conn, &key, &one, age(149)).await.unwrap());
    assert!(
        claim_key(&mut conn, &key, &one, age(151)).await.unwrap(),
        "its request has died"
    );
    keep_answer(&mut conn, &key, &json!({ "id": 1 })).await.unwrap();
    assert!(!claim_key(&mut conn, &key, &two, age(3_600)).await.unwrap());
    let kept = find_answer(&mut conn, &key).await.unwrap().unwrap();
    assert_eq!(
        (kept.request_hash, kept.answer),
        (one.to_vec(), Some(json!({ "id": 1 })))
    );
    assert!(
        claim_key(&mut conn, &key, &two, age(151 + 86_401)).await.unwrap(),
        "a day has passed"
    );
    free_key(&mut conn, &key).await.unwrap();
    assert_eq!(find_answer(&mut conn, &key).await.unwrap(), None);
    assert!(claim_key(&mut conn, &key, &one, age(0)).await.unwrap());
    assert_eq!(delete_keys_before(&mut conn, at(1)).await.unwrap(), 1);
}

async fn add_user(conn: &mut db::Connection) -> UserId {
    let user = UserRow {
        id: Uuid::from_u128(1),
        username: "anna".into(),
        username_key: "anna".into(),
        password_hash: "x".into(),
        role: "user".into(),
        is_active: true,
        created_at: at(0),
        last_login_at: None,
        has_password: true,
    };
    insert_user(conn, &user).await.unwrap();
    user.id.into()
}
