//! What the database says of the system at one moment, for metrics: any process reads the same.

use chrono::{DateTime, Utc};
use db::operations::{self, DatabaseFacts, WordCount};
use types::dashboard::AccountView;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::health::{DiskHealth, IntegrationHealth, JobHealth, QueueHealth};
use types::library::{LibraryCounts, MissingField};
use types::wants::WantStatus;

use super::disks::measure_disks;
use super::facts;
use crate::Services;
use crate::account::read_accounts;
use crate::backups::read_backup_facts;
use crate::error::Result;
use crate::failures::count_failures;
use crate::ownership::find_library_obstacle;

/// The words of `imports.status`.
const IMPORT_STATUSES: [&str; 4] = ["planned", "linked", "undone", "done"];

/// What `count_import_events` counts.
const IMPORT_EVENTS: [EventCode; 4] = [
    EventCode::Imported,
    EventCode::ImportFailed,
    EventCode::VerifyFailed,
    EventCode::NotSeenByLibrary,
];

/// Figures by a word that is one of a fixed set.
pub type Tally = Vec<(&'static str, u64)>;

/// All of it.
#[derive(Debug, Clone)]
pub struct Readings {
    pub database: DatabaseFacts,
    /// When the first of today's people came, which is about when all of this began; `None` = nobody has set it up.
    pub begun_at: Option<DateTime<Utc>>,
    pub integrations: Vec<IntegrationHealth>,
    pub accounts: Vec<AccountView>,
    pub queue: Vec<QueueHealth>,
    pub jobs: Vec<JobHealth>,
    pub disks: Vec<DiskHealth>,
    pub downloads: Tally,
    pub held: Tally,
    pub imports: Tally,
    /// How often an import ended so; only grows.
    pub import_events: Tally,
    pub wants: Tally,
    pub library: LibraryCounts,
    /// What the Problems page lists.
    pub problems: u64,
    /// When the newest backup was made whose file is there and that no test found broken; `None` = there is none.
    pub last_backup: Option<DateTime<Utc>>,
    /// When everything was last brought back from one, to see that it can be.
    pub last_restore_test: Option<DateTime<Utc>>,
    /// Books by what their record lacks.
    pub lacking: Tally,
    /// Why nobody can tell what is owned.
    pub library_obstacle: Option<String>,
}

/// Reads it. Whoever calls sees to it that this is not done for anybody who asks, nor all the time.
pub async fn take_readings(services: &Services) -> Result<Readings> {
    let settings = crate::settings::read_settings(services).await?;
    let mut conn = services.connection().await?;
    let (stored, integrations) = facts::read_integrations(services, &mut conn).await?;
    Ok(Readings {
        database: operations::read_database_facts(&mut conn).await?,
        begun_at: db::users::find_oldest_time(&mut conn).await?,
        accounts: read_accounts(services, &mut conn).await?,
        queue: facts::read_queue(services, &mut conn).await?,
        jobs: facts::read_jobs(services, &mut conn).await?,
        disks: measure_disks((services, &settings), &mut conn, &stored).await?,
        downloads: tally(
            DownloadState::ALL.iter().map(|state| state.as_str()),
            &operations::count_downloads(&mut conn).await?,
        ),
        held: tally(
            HoldReason::ALL.iter().map(|reason| reason.as_str()),
            &operations::count_held_downloads(&mut conn).await?,
        ),
        imports: tally(IMPORT_STATUSES, &operations::count_imports(&mut conn).await?),
        import_events: tally(
            IMPORT_EVENTS.iter().map(|code| code.as_str()),
            &operations::count_import_events(&mut conn).await?,
        ),
        wants: tally(
            WantStatus::ALL.iter().map(|status| status.as_str()),
            &operations::count_wants(&mut conn).await?,
        ),
        problems: count_failures(services, &mut conn).await?,
        last_backup: read_backup_facts(services, &mut conn)
            .await?
            .last_sound
            .map(|backup| backup.made_at),
        last_restore_test: db::backups::last_proof(&mut conn).await?,
        library: db::book_facets::count_library(&mut conn).await?,
        lacking: tally(
            // Missing files are counted with the library: such a book is not one of those that are looked at.
            MissingField::ALL
                .iter()
                .filter(|field| **field != MissingField::Files)
                .map(|field| field.as_str()),
            &operations::count_lacking_books(&mut conn).await?,
        ),
        library_obstacle: find_library_obstacle(&mut conn).await?,
        integrations,
    })
}

/// Words that nothing has count zero: that is known.
fn tally(words: impl IntoIterator<Item = &'static str>, counts: &[WordCount]) -> Tally {
    let count_of = |word: &str| {
        counts
            .iter()
            .find(|one| one.word == word)
            .map_or(0, |one| one.count.unsigned_abs())
    };
    words.into_iter().map(|word| (word, count_of(word))).collect()
}
