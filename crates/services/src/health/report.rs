//! How all of it stands, with what to do: for `mamcrawler doctor` and for the API.

use chrono::{DateTime, Utc};
use db::{Connection, SchemaState};
use domain::health::{
    Judgement, find_worst, judge_account, judge_backup, judge_disk, judge_integration, judge_job, judge_queue,
};
use types::dashboard::AccountView;
use types::health::{DiskHealth, HealthCheck, HealthReport, IntegrationHealth, JobHealth, Versions};
use types::integrations::{Health, IntegrationKind};
use types::people::Role;
use types::settings::Settings;

use super::disks::measure_disks;
use super::facts;
use crate::Services;
use crate::account::read_accounts;
use crate::actor::{Actor, require};
use crate::backups::{judge_pg_dump, read_backup_facts};
use crate::error::Result;
use crate::ownership::find_library_obstacle;

/// The data directory holds keys, covers and perhaps the database, and the backup folder a dozen of copies of that, but
/// neither holds books.
const DATA_FLOOR_GIB: u32 = 2;

/// Looks at everything that is stored about how it goes, and at the disks; asks no outside service.
pub async fn get_health(services: &Services, actor: &Actor) -> Result<HealthReport> {
    require(actor, Role::Manager)?;
    let settings = crate::settings::read_settings(services).await?;
    let mut conn = services.connection().await?;
    let now = services.now();
    let database = db::operations::read_database_facts(&mut conn).await?;
    let (schema, schema_check) = judge_schema(db::read_schema_state(&mut conn).await?);
    let (stored, integrations) = facts::read_integrations(services, &mut conn).await?;
    let queue = facts::read_queue(services, &mut conn).await?;
    let jobs = facts::read_jobs(services, &mut conn).await?;
    let disks = measure_disks((services, &settings), &mut conn, &stored).await?;
    let has_library = stored.iter().any(|one| one.kind == IntegrationKind::Audiobookshelf);
    let mut checks = vec![
        check("database", judge_connections(services)),
        check("schema", schema_check),
        check(
            "library",
            judge_library(find_library_obstacle(&mut conn).await?, has_library),
        ),
        check("queue", judge_queue(&queue)),
        check(
            "backup",
            judge_backup(&read_backup_facts(services, &mut conn).await?, now),
        ),
        check("program pg_dump", judge_pg_dump(services, &database.version).await),
    ];
    checks.extend(disks.iter().map(|disk| check_disk(disk, &settings)));
    checks.extend(integrations.iter().map(|one| check_integration(one, now)));
    checks.extend(check_accounts(services, &mut conn, &settings).await?);
    checks.extend(jobs.iter().map(|job| check_job(job, now)));
    Ok(HealthReport {
        health: find_worst(checks.iter().map(|check| check.health)),
        checked_at: now,
        versions: Versions {
            program: env!("CARGO_PKG_VERSION").into(),
            schema,
            postgresql: short_version(&database.version),
        },
        checks,
        integrations,
        queue: queue.into_iter().filter(|one| one.running + one.queued > 0).collect(),
        jobs,
        disks,
    })
}

fn check_integration(integration: &IntegrationHealth, now: DateTime<Utc>) -> HealthCheck {
    let name = format!("integration {}", integration.name);
    check(&name, judge_integration(integration, now))
}

fn check_job(job: &JobHealth, now: DateTime<Utc>) -> HealthCheck {
    check(&format!("job {}", job.kind), judge_job(job, now))
}

async fn check_accounts(services: &Services, conn: &mut Connection, settings: &Settings) -> Result<Vec<HealthCheck>> {
    let (reserve, now) = (i64::from(settings.unsatisfied_reserve), services.now());
    let accounts = read_accounts(services, conn).await?;
    let view = |account: &AccountView| {
        let name = format!("account {}", account.integration);
        check(&name, judge_account(account, reserve, now))
    };
    Ok(accounts.iter().map(view).collect())
}

fn check(name: &str, (health, sentence): Judgement) -> HealthCheck {
    HealthCheck {
        name: name.into(),
        health,
        sentence,
    }
}

/// "15.8" of "15.8 (Debian 15.8-0+deb12u1)".
fn short_version(version: &str) -> String {
    version.split_whitespace().next().unwrap_or(version).to_owned()
}

fn judge_schema(state: SchemaState) -> (String, Judgement) {
    match state {
        SchemaState::Current(newest) => {
            let sentence = format!("It is up to date (migration {newest}).");
            (newest, (Health::Ok, sentence))
        }
        SchemaState::Behind(missing) => {
            let sentence =
                format!("{missing} migrations are missing. Run `mamcrawler migrate`, or restart the server.");
            (format!("{missing} migrations behind"), (Health::Failing, sentence))
        }
        SchemaState::Ahead(version) => {
            let sentence = format!("Migration {version} is of a newer version of mamcrawler. Update this one soon.");
            (version, (Health::Warning, sentence))
        }
    }
}

/// That it was read says that it answers; what can still be short are connections.
fn judge_connections(services: &Services) -> Judgement {
    let pool = services.pool().status();
    let waiting = pool.waiting;
    match waiting {
        0 => (Health::Ok, "It answers.".into()),
        _ => (
            Health::Warning,
            format!(
                "{waiting} wait for one of {} connections. Raise MAMCRAWLER_DATABASE_CONNECTIONS.",
                pool.max_size
            ),
        ),
    }
}

fn judge_library(obstacle: Option<String>, has_library: bool) -> Judgement {
    match obstacle {
        Some(reason) => (
            Health::Failing,
            format!("{reason} Nothing is grabbed by itself until it is read. Test it under Integrations."),
        ),
        None if has_library => (Health::Ok, "It was read.".into()),
        None => (
            Health::Unknown,
            "No Audiobookshelf is connected. Connect one under Integrations.".into(),
        ),
    }
}

fn check_disk(disk: &DiskHealth, settings: &Settings) -> HealthCheck {
    let floor = match disk.place.as_str() {
        "data" | "backups" => DATA_FLOOR_GIB,
        _ => settings.min_free_gib,
    };
    check(&format!("disk {}", disk.place), judge_disk(disk, floor))
}
