//! Free space of the file systems that the product writes to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use db::Connection;
use futures::future::{BoxFuture, FutureExt, Shared, join_all};
use types::IntegrationId;
use types::health::DiskHealth;
use types::integrations::{Integration, IntegrationKind};
use types::settings::Settings;

use crate::Services;
use crate::error::Result;
use crate::paths::to_local;

/// A network file system that hangs answers never.
const LIMIT: Duration = Duration::from_secs(2);
/// More are not looked at: each is a series of its own.
const MOST: usize = 16;

/// Everywhere that the product writes or is written for, and how much room there is.
pub(super) async fn measure_disks(
    (services, settings): (&Services, &Settings),
    conn: &mut Connection,
    integrations: &[Integration],
) -> Result<Vec<DiskHealth>> {
    let mut places = vec![
        ("data", services.config().data_dir.clone()),
        ("backups", services.config().backup_dir.clone()),
    ];
    if !settings.library_path.is_empty() {
        places.push(("library", PathBuf::from(&settings.library_path)));
    }
    for integration in integrations.iter().filter(|one| one.is_enabled) {
        let found = list_places(conn, integration).await?;
        places.extend(found.into_iter().filter(|(_, path)| !path.as_os_str().is_empty()));
    }
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|(_, path)| seen.insert(path.clone()));
    places.truncate(MOST);
    let measured = places.into_iter().map(|(place, path)| measure(services, place, path));
    Ok(join_all(measured).await)
}

/// Where a service's files lie as we see them.
async fn list_places(conn: &mut Connection, integration: &Integration) -> Result<Vec<(&'static str, PathBuf)>> {
    let maps = &integration.options.path_maps;
    let mapped = |place| maps.iter().map(move |map| (place, PathBuf::from(&map.local))).collect();
    Ok(match integration.kind {
        IntegrationKind::Audiobookshelf if !maps.is_empty() => mapped("library"),
        IntegrationKind::Audiobookshelf => find_shelf(conn, integration.id).await?.into_iter().collect(),
        IntegrationKind::Qbittorrent if !integration.options.save_path.is_empty() => {
            vec![("downloads", to_local(maps, &integration.options.save_path))]
        }
        IntegrationKind::Qbittorrent => mapped("downloads"),
        IntegrationKind::Myanonamouse | IntegrationKind::Prowlarr | IntegrationKind::Torznab => Vec::new(),
    })
}

/// The library's folders are not stored, but where its books are.
async fn find_shelf(conn: &mut Connection, id: IntegrationId) -> Result<Option<(&'static str, PathBuf)>> {
    let path = db::operations::find_book_path(conn, id).await?;
    let folder = path.as_deref().map(Path::new).and_then(Path::parent);
    Ok(folder.map(|folder| ("library", folder.to_path_buf())))
}

async fn measure(services: &Services, place: &'static str, path: PathBuf) -> DiskHealth {
    let read = match place {
        "backups" => read_future_room,
        _ => read_room,
    };
    let room = services.inner.disk_looks.ask(&path, LIMIT, read).await;
    DiskHealth {
        place: place.into(),
        path: path.display().to_string(),
        free_bytes: room.map(|room| room.free_bytes),
        size_bytes: room.map(|room| room.size_bytes),
    }
}

/// What a file system has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    free_bytes: u64,
    size_bytes: u64,
}

fn read_room(path: &Path) -> Option<Room> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(Room {
        // What root alone may use is not free for us.
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        size_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// The backup folder is made with the first backup; until then, its room is that of the folder where it will be.
fn read_future_room(path: &Path) -> Option<Room> {
    match (path.try_exists(), path.parent()) {
        (Ok(false), Some(parent)) => read_future_room(parent),
        _ => read_room(path),
    }
}

type Look = Shared<BoxFuture<'static, Option<Room>>>;
type Looks = Arc<Mutex<BTreeMap<PathBuf, Look>>>;

/// The places that are being looked at. A hung one keeps its thread for as long as it hangs, so it gets one thread, which
/// all who ask for it wait for, and not one each time that somebody asks.
#[derive(Default)]
pub(crate) struct DiskLooks(Looks);

impl DiskLooks {
    /// `None` = it can't be read, or does not answer within the limit.
    async fn ask(
        &self,
        path: &Path,
        limit: Duration,
        read: impl FnOnce(&Path) -> Option<Room> + Send + 'static,
    ) -> Option<Room> {
        let look = {
            let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = || self.begin(path.to_path_buf(), read);
            looks.entry(path.to_path_buf()).or_insert_with(begin).clone()
        };
        tokio::time::timeout(limit, look).await.ok().flatten()
    }

    fn begin(&self, path: PathBuf, read: impl FnOnce(&Path) -> Option<Room> + Send + 'static) -> Look {
        let ending = Ending(Arc::clone(&self.0), path);
        let thread = tokio::task::spawn_blocking(move || read(&ending.1));
        async move { thread.await.ok().flatten() }.boxed().shared()
    }
}

/// Makes the next one who asks look anew, however this look ends.
struct Ending(Looks, PathBuf);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;

    use super::*;

    const ROOM: Room = Room {
        free_bytes: 1,
        size_bytes: 2,
    };
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_place_that_hangs_takes_one_thread_however_often_it_is_asked_for() {
        let looks = DiskLooks::default();
        let (hung, other) = (Path::new("/hung"), Path::new("/other"));
        let mut release = Vec::new();
        let mut hang = || {
            let (sender, wait) = mpsc::channel::<()>();
            release.push(sender);
            move |_: &Path| {
                let _ = wait.recv();
                Some(ROOM)
            }
        };
        for _ in 0..5 {
            assert_eq!(looks.ask(hung, SHORT, hang()).await, None);
        }
        let answer = looks.ask(other, LIMIT, |_| Some(ROOM)).await;
        assert_eq!(answer, Some(ROOM), "the others are looked at");
        // Who asks before it comes back is told what it says then.
        let mut asked = pin!(looks.ask(hung, LIMIT, |_| None));
        assert_eq!(asked.as_mut().now_or_never(), None, "it still hangs");
        // A look that was not begun waits for nothing.
        let waiting = release.iter().filter(|look| look.send(()).is_ok());
        assert_eq!(waiting.count(), 1, "each look that was begun has a thread");
        assert_eq!(asked.await, Some(ROOM));
        let asked = looks.ask(hung, LIMIT, |_| None);
        assert_eq!(asked.await, None, "it is looked at anew");
    }

    #[tokio::test]
    async fn a_look_that_panics_is_no_answer_and_the_next_one_looks_anew() {
        let looks = DiskLooks::default();
        let place = Path::new("/odd");
        assert_eq!(looks.ask(place, LIMIT, |_| panic!("odd")).await, None);
        assert_eq!(looks.ask(place, LIMIT, |_| Some(ROOM)).await, Some(ROOM));
    }

    #[test]
    fn the_room_of_a_real_place_is_read_and_a_missing_one_has_none() {
        let room = read_room(Path::new("/")).unwrap();
        assert!(room.free_bytes <= room.size_bytes && room.size_bytes > 0, "{room:?}");
        assert_eq!(read_room(Path::new("/no such place")), None);
        assert!(read_future_room(Path::new("/no such place/yet")).is_some());
    }
}
