//! Settings that an admin changes while the server runs.

use db::Connection;
use diesel_async::AsyncConnection;
use domain::naming::{BookNames, Template};
use jobs::TimeZone;
use serde_json::json;
use types::events::LiveEvent;
use types::library::BookSummary;
use types::people::Role;
use types::settings::{NamingPreview, Settings};

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::{changes_between, record_action};
use crate::error::{FieldErrors, Result, ServiceError};
use crate::kept::keep_unknown;
use crate::runs::zone_of;
use crate::seen::{Edited, Edition, Seen};

const SETTING: &str = "settings";
/// Books that the preview shows.
const PREVIEW_BOOKS: u32 = 8;

/// The settings in force.
pub async fn get_settings(services: &Services, actor: &Actor) -> Result<Settings> {
    require(actor, Role::Manager)?;
    read_settings(services).await
}

/// The settings in force, to be edited.
pub async fn get_edited_settings(services: &Services, actor: &Actor) -> Result<Edited<Settings>> {
    let value = get_settings(services, actor).await?;
    Ok(Edited {
        edition: Edition::of(&to_json(&value)?),
        value,
    })
}

fn to_json(settings: &Settings) -> Result<serde_json::Value> {
    serde_json::to_value(settings).map_err(ServiceError::internal)
}

/// The same for use cases, whoever asks.
pub async fn read_settings(services: &Services) -> Result<Settings> {
    read_settings_over(&mut *services.connection().await?).await
}

/// The same for who holds a connection: a second one would have to be waited for.
pub(crate) async fn read_settings_over(conn: &mut Connection) -> Result<Settings> {
    parse_settings(db::settings::read_setting(conn, SETTING).await?)
}

fn parse_settings(stored: Option<serde_json::Value>) -> Result<Settings> {
    match stored {
        Some(value) => serde_json::from_value(value).map_err(ServiceError::internal),
        None => Ok(Settings::default()),
    }
}

/// Whether anybody saved settings yet.
pub(crate) async fn are_settings_saved(services: &Services) -> Result<bool> {
    Ok(db::settings::read_setting(&mut *services.connection().await?, SETTING)
        .await?
        .is_some())
}

/// Replaces the settings.
pub async fn save_settings(services: &Services, actor: &Actor, settings: impl Into<Seen<Settings>>) -> Result<()> {
    let Seen { it: settings, expected } = settings.into();
    require(actor, Role::Admin)?;
    let settings = check_settings(settings)?;
    let (zone, value) = (zone_of(&settings), to_json(&settings)?);
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let stored = db::settings::lock_setting(conn, SETTING).await?;
        let kept = keep_unknown(stored.as_ref(), value.clone());
        let old = to_json(&parse_settings(stored)?)?;
        expected.check(&Edition::of(&old))?;
        db::settings::write_setting(conn, SETTING, &kept, actor.user_id(), services.now()).await?;
        let changes = changes_between(&old, &value).into_value();
        // Jobs that go by the clock go by the new one from now on.
        jobs::set_time_zone(conn, zone, services.now()).await?;
        record_action(
            conn,
            services,
            actor,
            "save_settings",
            (None, json!({ "changes": changes })),
        )
        .await?;
        crate::events::publish(conn, &LiveEvent::Integrations).await
    })
    .await
}

/// What the templates make of the user's own books, newest first; of two well-known ones while the library is empty.
pub async fn preview_naming(
    services: &Services,
    actor: &Actor,
    series_template: String,
    standalone_template: String,
) -> Result<Vec<NamingPreview>> {
    require(actor, Role::Manager)?;
    let series = Template::parse(&series_template).map_err(|error| error.to_string());
    let standalone = Template::parse(&standalone_template).map_err(|error| error.to_string());
    let books = preview_books(services).await?;
    Ok(books
        .into_iter()
        .map(|names| {
            let template = if names.series.is_some() { &series } else { &standalone };
            let result = match template {
                Ok(template) => template
                    .render(&names)
                    .map(|folder| folder.to_string())
                    .map_err(|error| error.to_string()),
                Err(sentence) => Err(sentence.clone()),
            };
            NamingPreview {
                title: names.title,
                result,
            }
        })
        .collect())
}

async fn preview_books(services: &Services) -> Result<Vec<BookNames>> {
    let mut conn = services.connection().await?;
    let mut names = Vec::new();
    for book in &db::book_list::list_newest_books(&mut conn, PREVIEW_BOOKS).await? {
        let asin = db::books::find_book_row(&mut conn, book.id)
            .await?
            .and_then(|row| row.asin);
        names.push(book_names(book, asin));
    }
    Ok(if names.is_empty() { example_books() } else { names })
}

fn book_names(book: &BookSummary, asin: Option<String>) -> BookNames {
    let series = book.series.first();
    BookNames {
        authors: book.authors.iter().map(|person| person.name.clone()).collect(),
        title: book.title.clone(),
        subtitle: book.subtitle.clone(),
        series: series.map(|series| series.name.clone()),
        sequence: series.and_then(|series| series.sequence.clone()),
        year: book.published_year.map(|year| year.to_string()),
        narrators: book.narrators.iter().map(|person| person.name.clone()).collect(),
        asin,
    }
}

fn example_books() -> Vec<BookNames> {
    let dune = BookNames {
        authors: vec!["Frank Herbert".into()],
        title: "Dune Messiah".into(),
        series: Some("Dune".into()),
        sequence: Some("2".into()),
        year: Some("1969".into()),
        narrators: vec!["Scott Brick".into()],
        ..BookNames::default()
    };
    let emma = BookNames {
        authors: vec!["Jane Austen".into()],
        title: "Emma".into(),
        year: Some("1815".into()),
        narrators: vec!["Juliet Stevenson".into()],
        ..BookNames::default()
    };
    vec![dune, emma]
}

fn check_settings(mut settings: Settings) -> Result<Settings> {
    let mut errors = FieldErrors::default();
    for (field, template) in [
        ("series_template", &settings.series_template),
        ("standalone_template", &settings.standalone_template),
    ] {
        if let Err(error) = Template::parse(template) {
            errors.add(field, error.to_string());
        }
    }
    settings.library_path = settings.library_path.trim().into();
    let path = &settings.library_path;
    if !path.is_empty() && (!path.starts_with('/') || path.split('/').any(|part| part == "..")) {
        errors.add(
            "library_path",
            "Enter an absolute path on this server, or leave it empty.",
        );
    }
    settings.languages = settings
        .languages
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if settings.languages.is_empty() {
        errors.add("languages", "Name at least one language, such as English.");
    }
    match settings.time_zone.parse::<TimeZone>() {
        Ok(zone) => settings.time_zone = zone.name().to_owned(),
        Err(sentence) => errors.add("time_zone", sentence),
    }
    check_figures(&mut errors, &settings);
    errors.into_result()?;
    Ok(settings)
}

fn check_figures(errors: &mut FieldErrors, settings: &Settings) {
    for (field, value, range) in [
        ("min_bitrate_kbps", settings.min_bitrate_kbps, 0..=512),
        ("max_size_gib", settings.max_size_gib, 1..=1024),
        ("min_seeders", settings.min_seeders, 0..=1000),
        ("unsatisfied_reserve", settings.unsatisfied_reserve, 0..=1000),
        ("min_free_gib", settings.min_free_gib, 1..=100_000),
        ("max_automatic_grabs", settings.max_automatic_grabs, 0..=100),
        ("stall_minutes", settings.stall_minutes, 1..=1440),
        // The database keeps the last 30 days in any case.
        ("audit_retention_days", settings.audit_retention_days, 30..=3650),
    ] {
        if !range.contains(&value) {
            errors.add(
                field,
                format!("Enter a number from {} to {}.", range.start(), range.end()),
            );
        }
    }
    // The site demands 1.0; below that, a grab would break its rules.
    if !(1.0..=100.0).contains(&settings.floor_buffer) {
        errors.add("floor_buffer", "Enter a ratio from 1.0 to 100.");
    }
}
