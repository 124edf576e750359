//! Small things that several tests need.

use chrono::{DateTime, Utc};
use db::books::{BookRow, NewBook};
use db::integrations::{IntegrationRow, insert_integration};
use db::people::NewPerson;
use db::series::NewSeriesEntry;
use db::works::{NewWork, ensure_work};
use types::library::BookFile;
use types::{IntegrationId, WorkId};
use uuid::Uuid;

/// A fixed time, `seconds` after noon.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800 + seconds, 0).unwrap()
}

pub fn person(name: &str) -> NewPerson {
    NewPerson {
        name: name.into(),
        name_key: name.to_lowercase(),
    }
}

pub async fn add_integration(conn: &mut db::Connection, number: u128) -> IntegrationId {
    let row = IntegrationRow {
        id: Uuid::from_u128(number),
        kind: "audiobookshelf".into(),
        name: format!("Home {number}"),
        url: "http://127.0.0.1:1".into(),
        is_enabled: true,
        priority: 0,
        options: serde_json::json!({}),
        secret: Some(vec![1]),
        session_secret: Some(vec![2]),
        revision: 1,
        refused_revision: None,
        health: "unknown".into(),
        health_sentence: None,
        checked_at: None,
        version: None,
        is_sandbox: false,
        created_at: at(0),
        updated_at: at(0),
    };
    insert_integration(conn, &row).await.unwrap();
    IntegrationId(row.id)
}

pub async fn add_work(conn: &mut db::Connection, title: &str) -> WorkId {
    let work = NewWork {
        title: title.into(),
        title_key: title.to_lowercase(),
        authors: vec![person("Frank Herbert")],
        series: vec![],
        sequence_key: String::new(),
        external_ids: vec![("asin".into(), format!("B0{title}"))],
        now: at(0),
    };
    ensure_work(conn, &work).await.unwrap()
}

pub fn book(integration: IntegrationId, work: WorkId, external_id: &str, title: &str) -> NewBook {
    NewBook {
        row: BookRow {
            search_text: title.to_lowercase(),
            title_sort: title.to_lowercase(),
            author_sort: "herbert frank".into(),
            language: Some("English".into()),
            published_year: Some(1965),
            duration_seconds: Some(75_720),
            added_at: Some(at(0)),
            missing_since: None,
            has_cover: true,
            asin: Some("B000000001".into()),
            work_id: work.0,
            integration_id: integration.0,
            external_id: external_id.into(),
            path: format!("/audiobooks/{title}"),
            title: title.into(),
            subtitle: None,
            publisher: None,
            published_date: None,
            isbn: None,
            genres: vec!["Science Fiction".into()],
            tags: vec![],
            is_abridged: Some(false),
            is_explicit: None,
            size_bytes: Some(1),
            chapters_count: Some(0),
            source_updated_ms: 1,
            synced_at: at(0),
        },
        description: Some("Spice.".into()),
        authors: vec![person("Frank Herbert")],
        narrators: vec![person("Scott Brick")],
        series: vec![NewSeriesEntry {
            name: "Dune".into(),
            name_key: "dune".into(),
            sequence: Some("1.5".into()),
            sequence_order: Some("1.50".into()),
        }],
        files: vec![BookFile {
            relative_path: "Dune.m4b".into(),
            size_bytes: 1,
            duration_seconds: Some(75_720),
            codec: Some("aac".into()),
            bitrate_kbps: Some(64),
            format: None,
        }],
    }
}
