//! Backs up the database and the library service, and tests that a backup can be brought back.

use chrono::{DateTime, Utc};
use clients::library::{Library, LibraryBackup};
use db::DbError;
use db::dumps::DumpError;
use jobs::{Complaint, JobError, Outcome, RunContext};
use types::jobs::LogLevel;

use crate::backups::{BackupError, clear_given_up, make_backup, prove_newest_backup};
use crate::error::ServiceError;
use crate::{Services, connected};

type JobResult = std::result::Result<Outcome, JobError>;

/// The job: a backup of the database into the backup folder.
pub async fn back_up(services: &Services, ctx: &RunContext) -> JobResult {
    let made = tokio::select! {
        made = make_backup(services, None) => made.map_err(|error| give_up("backup_failed", error))?,
        // What was written so far goes with the work.
        () = ctx.cancelled() => return Err(JobError::Stopped),
    };
    for name in &made.removed {
        ctx.log(LogLevel::Info, format!("Removed {name}, which is no longer needed."))
            .await;
    }
    let rows = made.manifest.rows();
    ctx.count("rows", rows);
    ctx.count("removed", i64::try_from(made.removed.len()).unwrap_or(i64::MAX));
    for left in &made.not_removed {
        ctx.log(
            LogLevel::Warning,
            format!("An older backup could not be removed: {left}"),
        )
        .await;
    }
    let encrypted = if made.is_encrypted { ", encrypted" } else { "" };
    Ok(Outcome::Done(format!(
        "Backed up {} tables with {rows} rows into {} ({}{encrypted}).{}",
        made.manifest.tables.len(),
        made.path.display(),
        tell_size(made.size_bytes),
        tell_not_removed(&made.not_removed)
    )))
}

/// A sentence more, if there is need of one.
fn tell_not_removed(left: &[String]) -> String {
    match left.is_empty() {
        true => String::new(),
        false => {
            let clauses = left.join("; ");
            let clauses = clauses.trim_end_matches('.');
            format!(" Older ones could not be removed: {clauses}. Look at the rights of the folder and the files.")
        }
    }
}

/// The job: the newest backup is brought back into a database of its own and compared.
pub async fn test_restore(services: &Services, ctx: &RunContext) -> JobResult {
    let proven = tokio::select! {
        proven = prove_newest_backup(services) => proven,
        () = ctx.cancelled() => {
            clear_given_up(services).await.map_err(|error| give_up("restore_test_failed", error))?;
            return Err(JobError::Stopped);
        }
    };
    let proven = match proven {
        Ok(proven) => proven,
        Err(error) => {
            if let BackupError::Different { differences, .. } = &error {
                for difference in differences {
                    ctx.log(LogLevel::Error, format!("Not as it was: {difference}.")).await;
                }
            }
            return Err(give_up("restore_test_failed", error));
        }
    };
    for table in &proven.manifest.tables {
        let line = format!("{}: {} rows, checksum as it was.", table.name, table.rows);
        ctx.log(LogLevel::Info, line).await;
    }
    let rows = proven.manifest.rows();
    ctx.count("rows", rows);
    Ok(Outcome::Done(format!(
        "Brought {} ({}) back in {:.1} s: {} tables with {rows} rows, all as they were.",
        proven.name,
        tell_size(proven.size_bytes),
        proven.took.as_secs_f64(),
        proven.manifest.tables.len()
    )))
}

/// The job: Audiobookshelf makes a backup of itself, and it is there.
pub async fn back_up_library(services: &Services, ctx: &RunContext) -> JobResult {
    let Some((integration, library)) = connected::find_library(services).await? else {
        return Ok(Outcome::NothingToDo("No Audiobookshelf is connected.".into()));
    };
    let name = integration.name;
    let before = newest_of(library.as_ref()).await?;
    ctx.check_cancelled()?;
    // It answers when it is done. What was made without an answer is seen by looking.
    let asked = library.make_backup().await;
    let after = newest_of(library.as_ref()).await?;
    let is_newer = |backup: &&LibraryBackup| before.as_ref().is_none_or(|before| backup.made_ms > before.made_ms);
    let Some(made) = after.as_ref().filter(is_newer) else {
        let why = match asked {
            Err(error) => error.to_string(),
            Ok(()) => format!("{name} said that it made a backup, but it lists no new one. Look into its log."),
        };
        // Not tried again today: it may have been made without being listed.
        return Err(JobError::Fail(complain(why)));
    };
    if made.size_bytes == 0 {
        let sentence = format!(
            "The new backup of {name}, {}, is empty. Look into its log.",
            made.file_name
        );
        return Err(JobError::Fail(complain(sentence)));
    }
    if let Some(before) = before.filter(|before| made.size_bytes < before.size_bytes / 2) {
        let sizes = (tell_size(made.size_bytes), tell_size(before.size_bytes));
        let line = format!(
            "It has {}, less than half of the {} before. Was something removed?",
            sizes.0, sizes.1
        );
        ctx.log(LogLevel::Warning, line).await;
    }
    let at = DateTime::<Utc>::from_timestamp_millis(made.made_ms).unwrap_or_else(|| services.now());
    Ok(Outcome::Done(format!(
        "{name} made {} ({}) at {}.",
        made.file_name,
        tell_size(made.size_bytes),
        at.format("%Y-%m-%d %H:%M UTC")
    )))
}

async fn newest_of(library: &dyn Library) -> std::result::Result<Option<LibraryBackup>, JobError> {
    let backups = library.backups().await.map_err(ServiceError::from)?;
    Ok(backups.into_iter().max_by_key(|backup| backup.made_ms))
}

fn complain(sentence: String) -> Complaint {
    Complaint {
        code: "library_backup_failed",
        sentence,
    }
}

/// What may pass is tried again, what a person must mend is not.
fn give_up(code: &'static str, error: BackupError) -> JobError {
    let is_passing = match &error {
        BackupError::Dump(
            DumpError::Failed { .. } | DumpError::Database(DbError::Unreachable(_) | DbError::Query(_)),
        ) => true,
        BackupError::Service(error) => matches!(JobError::from(error.clone()), JobError::Retry { .. }),
        _ => false,
    };
    if let BackupError::Dump(DumpError::Database(cause)) = &error {
        tracing::error!("a backup met a database error: {cause:?}");
    }
    let complaint = Complaint {
        code,
        sentence: error.to_string(),
    };
    match is_passing {
        true => JobError::retry(complaint),
        false => JobError::Fail(complaint),
    }
}

/// In binary units: "1.2 MiB".
fn tell_size(bytes: u64) -> String {
    const KIB: f64 = 1024.0;
    let bytes = bytes as f64;
    if bytes >= KIB * KIB * KIB {
        format!("{:.1} GiB", bytes / (KIB * KIB * KIB))
    } else if bytes >= KIB * KIB {
        format!("{:.1} MiB", bytes / (KIB * KIB))
    } else if bytes >= KIB {
        format!("{:.1} KiB", bytes / KIB)
    } else {
        format!("{bytes} B")
    }
}
