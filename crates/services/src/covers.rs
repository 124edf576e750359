//! Covers of books, kept on disk: `covers/<book>/<width>-<version>.<type>`, one file a book and width.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clients::ClientError;
use clients::library::CoverImage;
use types::library::BookSummary;
use types::people::Role;
use types::{BookId, ErrorCode};

use crate::Services;
use crate::actor::{Actor, require};
use crate::connect::connect_library;
use crate::error::{Result, ServiceError};

/// Widths that are fetched and kept, in pixels; a request gets the next larger one.
const WIDTHS: [u32; 4] = [120, 240, 400, 800];
/// What a browser shows and what can't hold scripts, with the ending of its file.
const TYPES: [(&str, &str); 5] = [
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("image/gif", "gif"),
    ("image/avif", "avif"),
];

/// A picture ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    pub content_type: String,
    pub bytes: Vec<u8>,
    /// Of the book that this picture is of; an older one while the library is down.
    pub version: i64,
}

/// One fetch at a time for each book and width; the others wait and find it on disk.
#[derive(Default)]
pub(crate) struct CoverTurns {
    turns: Mutex<HashMap<(BookId, u32), Turn>>,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

impl CoverTurns {
    fn get(&self, key: (BookId, u32)) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for are held by this map alone.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(key).or_default())
    }
}

/// The cover of a book, at least `width` pixels wide where there is one; `None` = the book has no cover.
///
/// While the library can't be reached, whatever was kept is given.
pub async fn fetch_cover(services: &Services, actor: &Actor, id: BookId, width: u32) -> Result<Option<Cover>> {
    require(actor, Role::Viewer)?;
    let summary = {
        let mut conn = services.connection().await?;
        db::book_list::find_book_summary(&mut conn, id).await?
    };
    let book = summary.ok_or_else(|| ServiceError::not_found("book"))?;
    if !book.has_cover {
        return Ok(None);
    }
    let shelf = Shelf::new(services, id, width);
    if let Some(cover) = shelf.read(Some(book.cover_version)).await {
        return Ok(Some(cover));
    }
    let turn = services.inner.cover_turns.get((id, shelf.width));
    let _turn = turn.lock().await;
    // Somebody may have fetched it while we waited.
    if let Some(cover) = shelf.read(Some(book.cover_version)).await {
        return Ok(Some(cover));
    }
    match fetch_fresh(services, &book, shelf.width).await {
        Ok(None) => Ok(None),
        Ok(Some(image)) => keep(&shelf, image, book.cover_version).await.map(Some),
        Err(error) => match shelf.read(None).await {
            Some(kept) => {
                tracing::debug!(book.id = %id, "serving a kept cover, as a fresh one can't be had: {error}");
                Ok(Some(kept))
            }
            None => Err(error),
        },
    }
}

async fn fetch_fresh(services: &Services, book: &BookSummary, width: u32) -> Result<Option<CoverImage>> {
    let row = {
        let mut conn = services.connection().await?;
        db::books::find_book_row(&mut conn, book.id).await?
    };
    let row = row.ok_or_else(|| ServiceError::not_found("book"))?;
    let library = connect_library(services).await?;
    let Some(library) = library.filter(|library| library.integration.id.0 == row.integration_id) else {
        let sentence = "The library that this book is in is not connected. Switch it on under Integrations.";
        return Err(ServiceError::new(ErrorCode::ServiceUnavailable, sentence));
    };
    Ok(library.client?.cover(&row.external_id, width).await?)
}

/// A cover that can't be kept is still shown.
async fn keep(shelf: &Shelf, image: CoverImage, version: i64) -> Result<Cover> {
    let Some((content_type, ending)) = TYPES
        .iter()
        .find(|(content_type, _)| *content_type == image.content_type)
    else {
        return Err(ServiceError::from(ClientError::UnexpectedAnswer {
            service: "Audiobookshelf".into(),
            detail: format!("the cover is {}, which is not shown", image.content_type),
        }));
    };
    if let Err(error) = shelf.write(version, ending, &image.bytes).await {
        tracing::warn!("could not keep a cover in {}: {error}", shelf.folder.display());
    }
    Ok(Cover {
        content_type: (*content_type).into(),
        bytes: image.bytes,
        version,
    })
}

/// Where the covers of one book are.
struct Shelf {
    folder: PathBuf,
    width: u32,
    /// Tells the half-written files of several processes apart.
    draft: uuid::Uuid,
}

impl Shelf {
    fn new(services: &Services, id: BookId, width: u32) -> Self {
        let widest = WIDTHS[WIDTHS.len() - 1];
        Self {
            folder: services.config().data_dir.join("covers").join(id.to_string()),
            width: WIDTHS.into_iter().find(|bucket| *bucket >= width).unwrap_or(widest),
            draft: services.new_id(),
        }
    }

    /// The kept picture of this version, or of any. What can't be read counts as not kept.
    async fn read(&self, version: Option<i64>) -> Option<Cover> {
        for path in self.list().await {
            let Some((kept, content_type)) = parse_name(&path, self.width) else {
                continue;
            };
            if version.is_none_or(|version| version == kept)
                && let Ok(bytes) = tokio::fs::read(&path).await
            {
                return Some(Cover {
                    content_type: content_type.into(),
                    bytes,
                    version: kept,
                });
            }
        }
        None
    }

    /// Complete or not at all, and then instead of what was there.
    async fn write(&self, version: i64, ending: &str, bytes: &[u8]) -> std::io::Result<()> {
        tokio::fs::create_dir_all(&self.folder).await?;
        let draft = self.folder.join(format!("draft-{}", self.draft));
        let path = self.folder.join(format!("{}-{version}.{ending}", self.width));
        let written = write_through(&draft, bytes).await;
        let written = match written {
            Ok(()) => tokio::fs::rename(&draft, &path).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            // It may not even exist; the first error is the one to tell.
            let _ = tokio::fs::remove_file(&draft).await;
            return Err(error);
        }
        for other in self.list().await {
            if other != path && parse_name(&other, self.width).is_some() {
                tokio::fs::remove_file(&other).await?;
            }
        }
        Ok(())
    }

    async fn list(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let Ok(mut entries) = tokio::fs::read_dir(&self.folder).await else {
            return paths;
        };
        while let Ok(Some(entry)) = entries.next_entry().await {
            paths.push(entry.path());
        }
        paths
    }
}

/// On disk before it gets its name, so that a power cut leaves no empty picture.
async fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::write(path, bytes).await?;
    tokio::fs::File::open(path).await?.sync_all().await
}

/// Version and type of a kept picture of this width.
fn parse_name(path: &Path, width: u32) -> Option<(i64, &'static str)> {
    let ending = path.extension()?.to_str()?;
    let (stated, version) = path.file_stem()?.to_str()?.split_once('-')?;
    let (content_type, _) = TYPES.iter().find(|(_, known)| *known == ending)?;
    (stated == width.to_string()).then_some((version.parse().ok()?, *content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pictures_of_the_same_width_are_read() {
        for (name, expected) in [
            ("240-17.webp", Some((17, "image/webp"))),
            ("240--5.jpg", Some((-5, "image/jpeg"))),
            ("120-17.webp", None),
            ("240-17.svg", None),
            ("240-x.png", None),
            ("draft-240", None),
        ] {
            assert_eq!(parse_name(Path::new(name), 240), expected, "{name}");
        }
    }
}
