//! Makes a backup, and removes those that are no longer needed.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use db::backups::BackupRow;
use db::dumps::{Running, Snapshot, find_pg_dump};
use domain::backup_rotation::{KeptBackup, Proof, choose_removals};
use tokio::fs::File;

use super::BackupError;
use super::archive::{ArchiveWriter, Header, Manifest, SealHeader};
use super::facts::find_backups;
use super::folder::{Draft, FoundBackup, open_header, refused, remove_if_there};
use super::seal::{Sealer, new_nonce};
use crate::Services;

/// Bytes that are read of the dump at once.
const READ: usize = 64 * 1024;
/// What is noted about a backup is forgotten so long after its file is gone, by whoever removed it.
const NOTES_KEPT: TimeDelta = TimeDelta::days(60);

/// A backup that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBackup {
    pub path: PathBuf,
    pub name: String,
    pub made_at: DateTime<Utc>,
    pub size_bytes: u64,
    pub is_encrypted: bool,
    pub manifest: Manifest,
    /// Names of older ones that were removed for it.
    pub removed: Vec<String>,
    /// What could not be removed, and why: a clause each.
    pub not_removed: Vec<String>,
}

/// Makes a backup of the database as it is at this moment, in the backup folder or in another one.
///
/// Only what is in the backup folder is noted, and makes older ones go.
pub async fn make_backup(services: &Services, to: Option<&Path>) -> Result<MadeBackup, BackupError> {
    let Some(elsewhere) = to else {
        let mut made = write_backup(services, &services.config().backup_dir).await?;
        let mut conn = services.connection().await?;
        if db::backups::record_backup(&mut conn, &tell_row(&made)).await?
            && let Err(error) = rotate(services, &mut conn, &mut made).await
        {
            // The new one is there all the same.
            made.not_removed.push(error.to_string());
        }
        for left in &made.not_removed {
            tracing::warn!("an older backup could not be removed: {left}");
        }
        return Ok(made);
    };
    write_backup(services, elsewhere).await
}

fn tell_row(made: &MadeBackup) -> BackupRow {
    BackupRow {
        name: made.name.clone(),
        made_at: made.made_at,
        size_bytes: i64::try_from(made.size_bytes).unwrap_or(i64::MAX),
        is_encrypted: made.is_encrypted,
        proven_at: None,
        fault: None,
    }
}

async fn write_backup(services: &Services, folder: &Path) -> Result<MadeBackup, BackupError> {
    let snapshot = Snapshot::take(services.database_url()).await?;
    let pg_dump = find_pg_dump(
        services.config().postgres_bin.as_deref(),
        snapshot.contents.server_major,
    )?;
    let mut header = make_header(services, &snapshot, pg_dump.major)?;
    let (place, moment) = (folder.to_owned(), header.made_at);
    let (draft, file) = on_thread(move || Draft::create(&place, moment)).await?;
    header.made_at = draft.made_at;
    let failed = |source| refused(folder, source);
    let out = File::from_std(file);
    let mut writer = ArchiveWriter::begin(out, &header, |bytes| make_sealer(services, &header, bytes))
        .await
        .map_err(failed)?;
    let mut dump = snapshot.start_dump(&pg_dump)?;
    copy_dump(&mut dump, &mut writer).await.map_err(|error| match error {
        Copying::Writing(source) => failed(source),
        Copying::Dumping(error) => error.into(),
    })?;
    // Only its status tells whether what came was everything.
    dump.finish().await?;
    let (out, manifest) = writer.finish(snapshot.contents).await.map_err(failed)?;
    out.sync_all().await.map_err(failed)?;
    let file = out.into_std().await;
    let (path, size) = on_thread(move || Ok((draft.keep(&file)?, file.metadata().map(|facts| facts.len())))).await?;
    Ok(MadeBackup {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        size_bytes: size.map_err(failed)?,
        is_encrypted: header.seal.is_some(),
        made_at: header.made_at,
        path,
        manifest,
        removed: Vec::new(),
        not_removed: Vec::new(),
    })
}

/// Where a folder that hangs stops nothing else.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("work on the folder does not panic")
}

/// A database without migrations is not ours: a backup of it would look like one of everything.
fn make_header(services: &Services, snapshot: &Snapshot, pg_dump: u32) -> Result<Header, BackupError> {
    Ok(Header {
        made_at: services.now(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: snapshot.contents.schema.clone().ok_or(BackupError::NoSchema)?,
        server: snapshot.contents.server_major,
        pg_dump,
        seal: services.backup_key().map(|key| SealHeader {
            key: key.name(),
            nonce: new_nonce(services.random()),
        }),
    })
}

fn make_sealer(services: &Services, header: &Header, bytes: &[u8]) -> Option<Sealer> {
    let (seal, key) = header.seal.as_ref().zip(services.backup_key())?;
    Some(Sealer::new(key, &seal.nonce, bytes).expect("a nonce that was just made is one"))
}

enum Copying {
    Dumping(db::dumps::DumpError),
    Writing(std::io::Error),
}

async fn copy_dump(dump: &mut Running, writer: &mut ArchiveWriter<File>) -> Result<(), Copying> {
    let mut piece = vec![0; READ];
    loop {
        let read = dump.read(&mut piece).await.map_err(Copying::Dumping)?;
        if read == 0 {
            return Ok(());
        }
        writer.write_dump(&piece[..read]).await.map_err(Copying::Writing)?;
    }
}

/// Removes the backups of the folder that are no longer needed, and what is noted about them. One that can't be removed
/// keeps no other one.
async fn rotate(services: &Services, conn: &mut db::Connection, made: &mut MadeBackup) -> Result<(), BackupError> {
    let folder = &services.config().backup_dir;
    let notes = db::backups::list_backups(conn).await?;
    let found = find_backups(folder.clone()).await?;
    let mut kept = Vec::with_capacity(found.len());
    for backup in &found {
        kept.push(tell_kept(backup, &notes).await);
    }
    for gone in choose_removals(&kept, &made.name) {
        let path = folder.join(&gone.name);
        match on_thread(move || Ok(remove_if_there(&path))).await? {
            Ok(true) => made.removed.push(gone.name.clone()),
            // Another rotation was faster.
            Ok(false) => {}
            Err(error) => {
                made.not_removed.push(format!("{}: {error}", gone.name));
                continue;
            }
        }
        db::backups::delete_backup(conn, &gone.name).await?;
    }
    let oldest = services.now() - NOTES_KEPT;
    for note in notes.iter().filter(|note| note.made_at < oldest) {
        if !found.iter().any(|file| file.name == note.name) {
            db::backups::delete_backup(conn, &note.name).await?;
        }
    }
    Ok(())
}

async fn tell_kept(backup: &FoundBackup, notes: &[BackupRow]) -> KeptBackup {
    KeptBackup {
        name: backup.name.clone(),
        made_at: backup.made_at,
        schema: open_header(&backup.path)
            .await
            .map(|header| header.schema)
            .filter(|schema| !schema.is_empty()),
        proof: tell_proof(notes.iter().find(|row| row.name == backup.name)),
    }
}

fn tell_proof(row: Option<&BackupRow>) -> Proof {
    match row {
        Some(row) if row.fault.is_some() => Proof::Broken,
        Some(row) if row.proven_at.is_some() => Proof::Restored,
        _ => Proof::Untested,
    }
}
