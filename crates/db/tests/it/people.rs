//! Users, sessions, settings, integrations, request budgets.

use std::time::Duration;

use db::integrations::{IntegrationEdit, find_integration, record_refusal, save_session_secret, update_integration};
use db::request_budgets::{Turn, clear_pause, find_newest_budget, pause_requests, record_request};
use db::sessions::{Rotation, SessionRow, insert_session, lock_session, revoke_user_sessions, rotate_session};
use db::settings::{read_setting, write_setting};
use db::users::{UserRow, find_user_by_key, insert_user, list_other_admins};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;
use testing::TestDatabase;
use types::{SessionId, UserId};
use uuid::Uuid;

use crate::seed::{add_integration, at};

pub async fn add_user(conn: &mut db::Connection, number: u128, name: &str) -> UserId {
    let user = UserRow {
        id: Uuid::from_u128(number),
        username: name.into(),
        username_key: name.to_lowercase(),
        password_hash: "x".into(),
        role: "admin".into(),
        is_active: true,
        created_at: at(0),
        last_login_at: None,
        has_password: true,
    };
    insert_user(conn, &user).await.unwrap();
    UserId(user.id)
}

#[tokio::test]
async fn replaced_token_is_kept_as_the_previous_one() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let user = add_user(&mut conn, 1, "Anna").await;
    assert!(list_other_admins(&mut conn, user).await.unwrap().is_empty());
    assert_eq!(list_other_admins(&mut conn, UserId(Uuid::nil())).await.unwrap(), [true]);
    assert!(find_user_by_key(&mut conn, "anna").await.unwrap().is_some());
    let session = SessionRow {
        id: Uuid::from_u128(9),
        user_id: user.0,
        refresh_hash: vec![1],
        previous_refresh_hash: None,
        rotated_at: at(0),
        created_at: at(0),
        expires_at: at(100),
        revoked_at: None,
        address: None,
        user_agent: None,
        rotated_address: None,
        rotated_user_agent: None,
    };
    insert_session(&mut conn, &session).await.unwrap();
    let rotation = Rotation {
        refresh_hash: vec![2],
        expires_at: at(200),
        rotated_at: at(1),
        rotated_address: Some("192.0.2.7".into()),
        rotated_user_agent: None,
    };
    rotate_session(&mut conn, SessionId(session.id), rotation)
        .await
        .unwrap();
    let row = conn
        .transaction(async |conn| lock_session(conn, SessionId(session.id)).await)
        .await
        .unwrap()
        .unwrap();
    assert!(row.is_newest(&[2]) && !row.is_newest(&[1]));
    assert_eq!(row.previous_refresh_hash, Some(vec![1]));
    assert_eq!(revoke_user_sessions(&mut conn, user, None, at(2)).await.unwrap(), 1);
    assert_eq!(revoke_user_sessions(&mut conn, user, None, at(3)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_setting_is_stored_without_nul_characters() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    write_setting(&mut conn, "key", &json!({"nul": "c\u{0}"}), None, at(1))
        .await
        .unwrap();
    assert_eq!(read_setting(&mut conn, "key").await.unwrap(), Some(json!({"nul": "c"})));
}

#[tokio::test]
async fn new_secret_forgets_the_session_and_the_refusal() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let id = add_integration(&mut conn, 1).await;
    record_refusal(&mut conn, id, 1, "Refused.", at(1)).await.unwrap();
    let row = find_integration(&mut conn, id).await.unwrap().unwrap();
    assert!(row.is_refused());
    let mut edit = IntegrationEdit {
        name: "Renamed".into(),
        url: row.url,
        is_enabled: true,
        priority: 1,
        options: row.options,
        secret: None,
        now: at(2),
    };
    update_integration(&mut conn, id, edit.clone()).await.unwrap();
    let row = find_integration(&mut conn, id).await.unwrap().unwrap();
    assert!(row.is_refused() && row.session_secret.is_some() && row.name == "Renamed");
    edit.secret = Some(vec![7]);
    update_integration(&mut conn, id, edit).await.unwrap();
    // An answer to the old secret comes too late to be kept.
    save_session_secret(&mut conn, id, 1, Some(&[9])).await.unwrap();
    let row = find_integration(&mut conn, id).await.unwrap().unwrap();
    assert_eq!(
        (row.is_refused(), row.session_secret, row.secret),
        (false, None, Some(vec![7]))
    );
}

#[tokio::test]
async fn pause_lasts_over_midnight_until_it_is_cleared() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let id = add_integration(&mut conn, 1).await;
    assert_eq!(record_request(&mut conn, id, at(0)).await.unwrap(), 1);
    assert_eq!(record_request(&mut conn, id, at(3)).await.unwrap(), 2);
    pause_requests(&mut conn, id, None, "Session refused.", at(4))
        .await
        .unwrap();
    assert_eq!(record_request(&mut conn, id, at(86_400)).await.unwrap(), 1);
    let budget = find_newest_budget(&mut conn, id).await.unwrap().unwrap();
    assert_eq!(budget.pause_sentence.as_deref(), Some("Session refused."));
    clear_pause(&mut conn, id).await.unwrap();
    assert_eq!(
        find_newest_budget(&mut conn, id).await.unwrap().unwrap().pause_sentence,
        None
    );
}

#[tokio::test]
async fn turn_is_held_by_one_at_a_time() {
    let database = TestDatabase::new().await;
    let id = add_integration(&mut *database.connection().await, 1).await;
    let first = Turn::wait(database.pool(), id).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(200), Turn::wait(database.pool(), id)).await;
    assert!(waiting.is_err());
    drop(first);
    let second = tokio::time::timeout(Duration::from_secs(20), Turn::wait(database.pool(), id)).await;
    assert!(second.unwrap().is_ok());
}

#[tokio::test]
async fn whoever_has_the_turn_leaves_the_pool_to_others() {
    let database = TestDatabase::new().await;
    let id = add_integration(&mut *database.connection().await, 1).await;
    let pool = db::connect(database.url(), 1).unwrap();
    let turn = Turn::wait(&pool, id).await.unwrap();
    let other = tokio::time::timeout(Duration::from_secs(5), db::get(&pool)).await;
    assert!(other.unwrap().is_ok());
    drop(turn);
}

#[derive(diesel::QueryableByName)]
struct Shown {
    #[diesel(sql_type = diesel::sql_types::Text)]
    statement_timeout: String,
}

#[tokio::test]
async fn a_statement_of_the_pool_is_given_up_after_a_minute() {
    let database = TestDatabase::new().await;
    let show = async || {
        let mut conn = database.connection().await;
        let shown: Shown = diesel::sql_query("SHOW statement_timeout")
            .get_result(&mut conn)
            .await
            .unwrap();
        shown.statement_timeout
    };
    assert_eq!(show().await, "1min");
    let id = add_integration(&mut *database.connection().await, 1).await;
    drop(Turn::wait(database.pool(), id).await.unwrap());
    assert_eq!(
        show().await,
        "1min",
        "a turn that may wait for ever leaves nothing behind"
    );
}
