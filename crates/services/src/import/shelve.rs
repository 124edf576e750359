//! Makes Audiobookshelf see a book that was placed: scan, wait for the item at the path, write what we know, read back.

use std::path::Path;
use std::time::Duration;

use clients::library::{Item, ItemHead, ItemPatch, ItemSeries, Library, LibraryRoot};
use domain::naming::BookNames;
use types::integrations::Integration;

use crate::error::{Result, ServiceError};
use crate::paths;

/// Looks at the library's newest items between two waits.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After this the job ends and looks again later.
const LOOK_FOR: Duration = Duration::from_secs(60);
/// A scan that is asked for while one runs is dropped, and that one may have passed the folder: so it is asked for again.
const LOOKS_PER_SCAN: u128 = 10;
const NEWEST: u64 = 50;

/// The library of the service that imports go to.
pub async fn choose_root(integration: &Integration, library: &dyn Library) -> Result<LibraryRoot> {
    let wanted = &integration.options.library_id;
    let roots = library.libraries().await?;
    roots
        .into_iter()
        .find(|root| {
            if wanted.is_empty() {
                root.is_books
            } else {
                &root.id == wanted
            }
        })
        .ok_or_else(|| {
            ServiceError::conflict(format!(
                "{} has no such book library. Choose one in Integrations.",
                integration.name
            ))
        })
}

/// Asks for a scan and waits for the item in `folder`; `None` when it did not appear in time.
pub async fn scan_for(
    integration: &Integration,
    library: &dyn Library,
    root: &LibraryRoot,
    folder: &Path,
) -> Result<Option<ItemHead>> {
    let path = paths::to_remote(&integration.options.path_maps, folder);
    if let Some(head) = find_by_path(library, root, &path).await? {
        return Ok(Some(head));
    }
    let looks = LOOK_FOR.as_millis() / LOOK_EVERY.as_millis();
    for look in 0..looks {
        if look % LOOKS_PER_SCAN == 0 {
            library.start_scan(&root.id).await?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(head) = find_by_path(library, root, &path).await? {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

async fn find_by_path(library: &dyn Library, root: &LibraryRoot, path: &str) -> Result<Option<ItemHead>> {
    let newest = library.newest_items(&root.id, NEWEST).await?;
    Ok(newest.into_iter().find(|item| item.path == path && !item.is_missing))
}

/// Writes what the service did not read from the folder, and reads it back.
pub async fn write_names(library: &dyn Library, id: &str, names: &BookNames) -> Result<Item> {
    let item = library.item(id).await?;
    let patch = missing_names(&item, names);
    if patch == ItemPatch::default() {
        return Ok(item);
    }
    Ok(library.update(id, &patch).await?)
}

/// Only what is empty or differs by our own naming; a person's edit there is newer than ours and stays.
fn missing_names(item: &Item, names: &BookNames) -> ItemPatch {
    let series = names
        .series
        .iter()
        .map(|name| ItemSeries {
            name: name.clone(),
            sequence: names.sequence.clone(),
        })
        .collect();
    ItemPatch {
        title: (item.title.as_deref() != Some(&names.title)).then(|| names.title.clone()),
        authors: (item.authors.is_empty() || item.authors != names.authors)
            .then(|| names.authors.clone())
            .filter(|authors| !authors.is_empty()),
        narrators: item
            .narrators
            .is_empty()
            .then(|| names.narrators.clone())
            .filter(|names| !names.is_empty()),
        series: item
            .series
            .is_empty()
            .then_some(series)
            .filter(|series: &Vec<ItemSeries>| !series.is_empty()),
        asin: if item.asin.is_none() { names.asin.clone() } else { None },
        ..ItemPatch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> BookNames {
        BookNames {
            authors: vec!["Frank Herbert".into()],
            title: "Dune: Messiah?".into(),
            subtitle: None,
            series: Some("Dune".into()),
            sequence: Some("2".into()),
            year: None,
            narrators: vec!["Scott Brick".into()],
            asin: Some("B000000001".into()),
        }
    }

    #[test]
    fn what_the_folder_could_not_say_is_written() {
        let item = Item {
            title: Some("Dune - Messiah".into()),
            authors: names().authors,
            ..Item::default()
        };
        let patch = missing_names(&item, &names());
        assert_eq!(patch.title.as_deref(), Some("Dune: Messiah?"));
        assert_eq!(patch.authors, None);
        assert_eq!(patch.narrators, Some(vec!["Scott Brick".into()]));
        assert_eq!(patch.series.unwrap()[0].sequence.as_deref(), Some("2"));
    }

    #[test]
    fn an_item_that_has_it_all_is_left_alone() {
        let names = names();
        let item = Item {
            title: Some(names.title.clone()),
            authors: names.authors.clone(),
            narrators: names.narrators.clone(),
            series: vec![ItemSeries {
                name: "Dune".into(),
                sequence: Some("2".into()),
            }],
            asin: names.asin.clone(),
            ..Item::default()
        };
        assert_eq!(missing_names(&item, &names), ItemPatch::default());
    }
}
