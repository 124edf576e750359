//! Brings a backup back into an empty database, and looks whether everything is there.

use std::path::Path;

use db::dumps::{Running, find_pg_restore, is_empty, mark_restore, read_contents, unmark_restore};
use serde_json::json;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufReader};

use super::BackupError;
use super::archive::{BodyReader, CHECKSUM, Header, Manifest, Unreadable, check_checksum, read_header};
use super::facts::find_backups;
use super::notes::note_found;
use super::seal::Opener;
use crate::actor::Actor;
use crate::audit::record_action;
use crate::key_rotation::check_key;
use crate::{ServiceError, Services};

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub header: Header,
    pub manifest: Manifest,
    /// Migrations that the backup lacked and that were applied after.
    pub migrated: usize,
    /// Whether the present encryption key opens the secrets in it; else the sentence that says what to do.
    pub secrets: Result<(), ServiceError>,
}

/// Brings a backup back into the database of `services`, which must be empty, and up to this version's schema.
///
/// The database gets everything or nothing, and where a comparison afterwards finds a difference, or there was no time for
/// one, it is marked: nothing starts on it.
pub async fn restore_backup(services: &Services, file: &Path) -> Result<Restored, BackupError> {
    let backup = Backup::open(services, file).await?;
    let header = backup.header.clone();
    let url = services.database_url();
    backup.check_target(url).await?;
    mark_restore(url).await?;
    let restored = backup.restore_into(services, url).await;
    if restored.is_ok() || is_empty(url).await? {
        unmark_restore(url).await?;
    }
    let manifest = restored?;
    let migrated = db::migrate(url).await?;
    // The copy of the notes in a backup is older than the backup's own.
    note_found(services, &find_backups(services.config().backup_dir.clone()).await?).await?;
    let about = json!({ "file": tell_name(file), "made_at": header.made_at });
    let actor = Actor::System("restore");
    let mut conn = services.connection().await?;
    record_action(&mut conn, services, &actor, "restore_backup", (None, about)).await?;
    drop(conn);
    Ok(Restored {
        header,
        manifest,
        migrated,
        secrets: check_key(services).await,
    })
}

/// A backup whose checksum fits and that this version can read, to be brought back.
pub(super) struct Backup {
    pub header: Header,
    name: String,
    body: BodyReader<BufReader<File>>,
}

impl Backup {
    /// Looks at the whole file, and at the key and the versions that it asks for.
    pub async fn open(services: &Services, path: &Path) -> Result<Self, BackupError> {
        let name = tell_name(path);
        let unreadable = |source| BackupError::Read {
            file: path.display().to_string(),
            source,
        };
        let told = |reason| match reason {
            Unreadable::Foreign => BackupError::Foreign(name.clone()),
            Unreadable::NewerFormat => BackupError::NewerFormat(name.clone()),
            Unreadable::Damaged => BackupError::Damaged(name.clone()),
            Unreadable::Io(source) => unreadable(source),
        };
        let file = File::open(path).await.map_err(unreadable)?;
        let length = file.metadata().await.map_err(unreadable)?.len();
        let mut file = BufReader::with_capacity(256 * 1024, file);
        let (header, _) = read_header(&mut file).await.map_err(told)?;
        file.rewind().await.map_err(unreadable)?;
        check_checksum(&mut file, length).await.map_err(told)?;
        file.rewind().await.map_err(unreadable)?;
        let (_, bytes) = read_header(&mut file).await.map_err(told)?;
        let opener = find_opener(services, &header, (&name, &bytes))?;
        check_schema(&header, &name)?;
        let left = length
            .saturating_sub(bytes.len() as u64)
            .saturating_sub(CHECKSUM as u64);
        Ok(Self {
            header,
            name,
            body: BodyReader::new(file, left, opener),
        })
    }

    /// Refuses a database that is not empty, or of a server that can't hold it.
    pub async fn check_target(&self, url: &str) -> Result<(), BackupError> {
        if !is_empty(url).await? {
            return Err(BackupError::NotEmpty);
        }
        let server = read_contents(url).await?.server_major;
        if server < self.header.server {
            return Err(BackupError::OlderServer {
                file: self.name.clone(),
                made_by: self.header.server,
                server,
            });
        }
        Ok(())
    }

    /// Brings everything back into the database of `url`, which was looked at before, and compares it with what was.
    pub async fn restore_into(mut self, services: &Services, url: &str) -> Result<Manifest, BackupError> {
        let server = read_contents(url).await?.server_major;
        let pg_restore = find_pg_restore(services.config().postgres_bin.as_deref(), self.header.pg_dump, server)?;
        let mut restore = Running::start_restore(&pg_restore, url)?;
        // A body that breaks off here drops, and so kills, the program: nothing of it is committed.
        while let Some(bytes) = self.body.next_of_dump().await.map_err(|_| self.damaged())? {
            if restore.input().write_all(&bytes).await.is_err() {
                // It has ended early, and says why.
                break;
            }
        }
        restore.finish().await?;
        let (body, name) = (self.body, self.name);
        let manifest = body
            .read_manifest()
            .await
            .map_err(|_| BackupError::Damaged(name.clone()))?;
        let differences = manifest.find_differences(&read_contents(url).await?);
        match differences.is_empty() {
            true => Ok(manifest),
            false => Err(BackupError::Different {
                file: name,
                differences,
            }),
        }
    }

    fn damaged(&self) -> BackupError {
        BackupError::Damaged(self.name.clone())
    }
}

fn find_opener(
    services: &Services,
    header: &Header,
    (name, bytes): (&str, &[u8]),
) -> Result<Option<Opener>, BackupError> {
    let Some(seal) = &header.seal else { return Ok(None) };
    let key = services
        .backup_key()
        .ok_or_else(|| BackupError::KeyMissing(name.to_owned()))?;
    if key.name() != seal.key {
        return Err(BackupError::OtherKey(name.to_owned()));
    }
    let opener = Opener::new(key, &seal.nonce, bytes).ok_or_else(|| BackupError::Damaged(name.to_owned()))?;
    Ok(Some(opener))
}

/// An older schema is brought up to date after; a newer one can't be used here.
fn check_schema(header: &Header, name: &str) -> Result<(), BackupError> {
    if header.schema.is_empty() || db::is_known_migration(&header.schema)? {
        return Ok(());
    }
    Err(BackupError::NewerSchema {
        file: name.to_owned(),
        program: header.program.clone(),
        schema: header.schema.clone(),
    })
}

fn tell_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
