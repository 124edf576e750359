//! Decides where a book's files go: names, folder, and clashes with what is there.

use std::path::{Path, PathBuf};

use db::Connection;
use db::downloads::DownloadRow;
use domain::naming::{BookNames, Template};
use domain::payload::PlannedFile;
use types::search::ReleaseFacts;
use types::settings::Settings;

use super::place::{Placement, is_same_file};
use super::verify::Payload;
use crate::error::{Result, ServiceError};
use crate::ownership::split_authors;
use crate::wants::form_of_want;

/// Copies of one name that are tried before a person has to look.
const MOST_COPIES: u32 = 20;

/// What the download's release says of itself; nothing when it has none.
pub async fn facts_of(conn: &mut Connection, download: &DownloadRow) -> Result<ReleaseFacts> {
    let Some(id) = download.release_id else {
        return Ok(ReleaseFacts::default());
    };
    match db::releases::find_release(conn, id.into()).await? {
        Some(release) => Ok(release.facts()?),
        None => Ok(ReleaseFacts::default()),
    }
}

/// The names that the folder is made of: what is known of the work first, then what the release says.
pub async fn names_of(conn: &mut Connection, download: &DownloadRow) -> Result<BookNames> {
    let facts = facts_of(conn, download).await?;
    let work = db::works::find_work(conn, download.work_id.into())
        .await?
        .ok_or_else(|| ServiceError::not_found("work"))?;
    let form = form_of_want(conn, download.want_id.into()).await?;
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let claim = facts.series.first();
    let (series, sequence) = match work.series.first() {
        Some((name, sequence)) => (Some(name.clone()), sequence.clone()),
        None => (claim.map(|claim| claim.name.clone()), None),
    };
    let authors = [work.authors, split_authors(&form.author), facts.authors.clone()];
    Ok(BookNames {
        authors: authors.into_iter().find(|names| !names.is_empty()).unwrap_or_default(),
        title: work.title,
        subtitle: None,
        sequence: sequence
            .or_else(|| given(&form.sequence))
            .or_else(|| claim.and_then(|claim| claim.sequence.clone())),
        series,
        year: None,
        narrators: facts.narrators.clone(),
        asin: facts.asin.clone().or_else(|| given(&form.asin)),
    })
}

/// A folder in the library that is free, or holds exactly these files from an earlier try.
pub fn choose_folder(
    library: &Path,
    settings: &Settings,
    names: &BookNames,
    files: &[Placement],
    is_taken: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    let text = if names.series.is_some() {
        &settings.series_template
    } else {
        &settings.standalone_template
    };
    let template = Template::parse(text).map_err(|error| {
        ServiceError::conflict(format!(
            "The naming template is not valid: {error}. Mend it in Settings."
        ))
    })?;
    for copy in 1..=MOST_COPIES {
        let folder = template
            .render_copy(names, copy)
            .map_err(|error| ServiceError::conflict(error.to_string()))?;
        let path = folder
            .components()
            .iter()
            .fold(library.to_path_buf(), |path, component| path.join(component));
        if (!path.exists() && !is_taken(&path)) || holds_exactly(&path, files) {
            return Ok(path);
        }
    }
    Err(ServiceError::conflict(
        "The library has too many books of this very name. Rename one of them, then retry.",
    ))
}

/// Where each planned file comes from.
pub fn placements(payload: &Payload, files: &[PlannedFile]) -> Vec<Placement> {
    files
        .iter()
        .map(|file| Placement {
            source: payload.root.join(&file.source),
            target: file.target.clone(),
        })
        .collect()
}

fn holds_exactly(folder: &Path, files: &[Placement]) -> bool {
    folder.is_dir()
        && files
            .iter()
            .all(|file| is_same_file(&file.source, &folder.join(&file.target)))
}
