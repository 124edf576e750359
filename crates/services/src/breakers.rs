//! Leaves an integration alone that fails time and again (`domain::breaker`). Each process judges by its own calls and in
//! memory: a restart, an edit and a press of "Test" begin anew. The others are only told (`telling`).

mod telling;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use clients::ClientError;
use clients::error::Result;
use clients::indexer::{AccountFacts, Found, Indexer, IndexerQuery};
use clients::library::{CoverImage, Item, ItemHead, ItemPage, ItemPatch, Library, LibraryBackup, LibraryRoot};
use clients::torrent_client::{AddTorrent, Added, ClientFile, TorrentClient, TorrentStatus, TrackerReport};
use domain::breaker::{Breaker, Patience, Rest};
use secrecy::SecretString;
use types::IntegrationId;
use types::health::BreakerView;
use types::integrations::TestOutcome;

use crate::Services;
use telling::{News, Untold, tell_soon};
pub(crate) use telling::{find_rests, list_told, view_integration};

/// Calls in a row that fail before a service is left alone.
const FAILURES: u32 = 5;
/// How long it is left alone at first and at most, counted in looks at the torrent clients: 30 s to 150 s by default.
const FIRST_PAUSE_POLLS: i64 = 2;
const LONGEST_PAUSE_POLLS: i64 = 10;

/// The breakers of a process, by integration.
#[derive(Default)]
pub(crate) struct Breakers {
    watched: Mutex<HashMap<IntegrationId, Watched>>,
    untold: Untold,
}

struct Watched {
    /// Another address or secret is another service.
    revision: i32,
    breaker: Breaker,
    last: Option<ClientError>,
    /// It is stored as failing, so the first call that works says that it is over.
    is_told: bool,
}

/// Somebody acted on it, so this process asks it at once.
pub(crate) fn begin_anew(services: &Services, id: IntegrationId) {
    let forgotten = services.inner.breakers.lock().remove(&id);
    if forgotten.is_some_and(|watched| watched.breaker.rest().is_some()) {
        tell_soon(services, id, None);
    }
}

impl Breakers {
    /// How it stands now; `None` = this process has not called it.
    pub fn view(&self, id: IntegrationId, revision: i32, now: DateTime<Utc>) -> Option<BreakerView> {
        let watched = self.lock();
        let watched = watched.get(&id).filter(|watched| watched.revision == revision)?;
        let rest = watched.breaker.rest();
        let due = rest.filter(|_| watched.breaker.rest_at(now).is_none());
        Some(BreakerView {
            state: watched.breaker.state(now),
            failures: rest.map(|rest| rest.failures),
            asked_again_at: watched.breaker.rest_at(now).map(|rest| rest.until),
            // A clock that was set back ends a rest before its time.
            due_since: due.map(|rest| rest.until.min(now)),
            sentence: rest.and(watched.last.as_ref()).map(ToString::to_string),
        })
    }

    /// The rest of one that is not closed, be it over or not, with the revision and why the last call failed.
    fn find_rest(&self, id: IntegrationId) -> Option<(i32, Rest, String)> {
        let all = self.lock();
        let watched = all.get(&id)?;
        let said = watched.last.as_ref().map(ToString::to_string);
        Some((watched.revision, watched.breaker.rest()?, said.unwrap_or_default()))
    }

    /// Lets the change happen, and gives the breaker before and after it.
    fn change(&self, guard: &Guard, change: impl FnOnce(&mut Watched)) -> (Breaker, Breaker) {
        let mut all = self.lock();
        let watched = all.entry(guard.id).or_insert_with(|| Watched::new(guard.revision));
        if watched.revision != guard.revision {
            *watched = Watched::new(guard.revision);
        }
        let before = watched.breaker;
        change(watched);
        (before, watched.breaker)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IntegrationId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn new(revision: i32) -> Self {
        Self {
            revision,
            breaker: Breaker::default(),
            last: None,
            is_told: false,
        }
    }

    fn close(&mut self) {
        (self.breaker, self.last) = (Breaker::default(), None);
    }
}

/// The breaker in front of one integration's client.
pub(crate) struct Guard {
    pub services: Services,
    pub id: IntegrationId,
    pub name: String,
    pub revision: i32,
}

/// What an answer or its absence says about the service.
enum Sign {
    /// As we asked.
    Works,
    /// With something else, maybe a page of a proxy: it is there, but nobody knows whether it is well.
    Answers,
    Fails(ClientError),
    /// Nothing was sent, or it asks for patience itself.
    Nothing,
}

fn read_sign<T>(result: &Result<T>) -> Sign {
    match result {
        Err(
            error @ (ClientError::Unreachable { .. }
            | ClientError::TimedOut { .. }
            | ClientError::CredentialsRefused { .. }
            | ClientError::Banned { .. }),
        ) => Sign::Fails(error.clone()),
        Err(
            ClientError::Paused { .. }
            | ClientError::Resting { .. }
            | ClientError::Forbidden { .. }
            | ClientError::RateLimited { .. },
        ) => Sign::Nothing,
        Err(ClientError::NotFound { .. } | ClientError::UnexpectedAnswer { .. } | ClientError::TooLarge { .. }) => {
            Sign::Answers
        }
        Ok(_) => Sign::Works,
    }
}

impl Guard {
    /// The call, unless the service is left alone now.
    async fn call<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.pass(Breaker::admit)?;
        self.watch(call).await
    }

    /// The call in any case: a person or the check of the integrations wants to know, or what was ended must stop.
    async fn watch<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let result = call.await;
        self.note(read_sign(&result));
        result
    }

    /// The call, unless the service is left alone. That it fails may be due to the thing that is asked for, so it is not
    /// the one call that looks.
    async fn call_for_one_thing<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.pass(|breaker, now| breaker.admit_aside(now).map(|()| breaker))?;
        let result = call.await;
        if let sign @ (Sign::Works | Sign::Answers) = read_sign(&result) {
            self.note(sign);
        }
        result
    }

    fn pass(&self, admit: impl FnOnce(Breaker, DateTime<Utc>) -> std::result::Result<Breaker, Rest>) -> Result<()> {
        let now = self.services.now();
        let mut refused = None;
        self.services
            .inner
            .breakers
            .change(self, |watched| match admit(watched.breaker, now) {
                Ok(next) => watched.breaker = next,
                Err(_) => refused.clone_from(&watched.last),
            });
        match refused {
            Some(last) => Err(ClientError::Resting { last: Box::new(last) }),
            None => Ok(()),
        }
    }

    fn note(&self, sign: Sign) {
        let now = self.services.now();
        let breakers = &self.services.inner.breakers;
        match sign {
            Sign::Nothing => {}
            // It is asked again; how it is, what is stored goes on telling until something works.
            Sign::Answers => {
                let (before, _) = breakers.change(self, Watched::close);
                if before.rest().is_some() {
                    tell_soon(&self.services, self.id, None);
                }
            }
            Sign::Works => {
                let mut was_told = false;
                breakers.change(self, |watched| {
                    was_told = std::mem::take(&mut watched.is_told);
                    watched.close();
                });
                if was_told {
                    tracing::info!(integration.id = %self.id, "{} answers again", self.name);
                    tell_soon(&self.services, self.id, Some(News::Recovered));
                }
            }
            Sign::Fails(error) => {
                let (patience, said) = (patience(&self.services), error.to_string());
                let (before, after) = breakers.change(self, |watched| {
                    watched.breaker = watched.breaker.fail(patience, now);
                    watched.is_told |= watched.breaker.rest().is_some();
                    watched.last = Some(error);
                });
                if let (Breaker::Open(rest), true) = (after, after != before) {
                    self.tell(rest, &said);
                }
            }
        }
    }

    /// What every process and person sees of it.
    fn tell(&self, rest: Rest, said: &str) {
        let (name, failures, until) = (&self.name, rest.failures, rest.until.format("%H:%M:%S UTC"));
        tracing::warn!(integration.id = %self.id, failures, "{name} is left alone until {until}: {said}");
        let sentence = format!("{said} {failures} calls in a row failed.");
        tell_soon(&self.services, self.id, Some(News::Fails(sentence)));
    }
}

fn patience(services: &Services) -> Patience {
    let poll = i64::from(services.config().poll_active_ms);
    Patience {
        failures: FAILURES,
        first_pause: TimeDelta::milliseconds(FIRST_PAUSE_POLLS * poll),
        longest_pause: TimeDelta::milliseconds(LONGEST_PAUSE_POLLS * poll),
    }
}

/// A client behind a breaker.
pub(crate) struct Guarded<C: ?Sized> {
    pub inner: Arc<C>,
    pub guard: Guard,
}

#[async_trait]
impl Indexer for Guarded<dyn Indexer> {
    async fn test(&self) -> Result<TestOutcome> {
        self.guard.watch(self.inner.test()).await
    }
    async fn search(&self, query: &IndexerQuery) -> Result<Found> {
        self.guard.call(self.inner.search(query)).await
    }
    async fn fetch_torrent(&self, download_ref: &SecretString) -> Result<Vec<u8>> {
        self.guard
            .call_for_one_thing(self.inner.fetch_torrent(download_ref))
            .await
    }
    async fn account(&self) -> Result<Option<AccountFacts>> {
        self.guard.call(self.inner.account()).await
    }
}

#[async_trait]
impl TorrentClient for Guarded<dyn TorrentClient> {
    async fn test(&self) -> Result<TestOutcome> {
        self.guard.watch(self.inner.test()).await
    }
    async fn poll(&self) -> Result<Vec<TorrentStatus>> {
        self.guard.call(self.inner.poll()).await
    }
    /// As `stop` and `remove`: what goes on unwanted costs ratio, so it is tried whatever was tried before.
    async fn find(&self, hashes: &[String]) -> Result<Vec<TorrentStatus>> {
        self.guard.watch(self.inner.find(hashes)).await
    }
    async fn add(&self, hashes: &[String], torrent: &AddTorrent) -> Result<Added> {
        self.guard.call(self.inner.add(hashes, torrent)).await
    }
    async fn files(&self, hash: &str) -> Result<Vec<ClientFile>> {
        self.guard.call(self.inner.files(hash)).await
    }
    async fn trackers(&self, hash: &str) -> Result<Vec<TrackerReport>> {
        self.guard.call(self.inner.trackers(hash)).await
    }
    async fn reannounce(&self, hash: &str) -> Result<()> {
        self.guard.call(self.inner.reannounce(hash)).await
    }
    async fn recheck(&self, hash: &str) -> Result<()> {
        self.guard.call(self.inner.recheck(hash)).await
    }
    async fn start(&self, hash: &str) -> Result<()> {
        self.guard.call(self.inner.start(hash)).await
    }
    async fn stop(&self, hash: &str) -> Result<()> {
        self.guard.watch(self.inner.stop(hash)).await
    }
    async fn remove(&self, hash: &str, with_files: bool) -> Result<()> {
        self.guard.watch(self.inner.remove(hash, with_files)).await
    }
    async fn default_save_path(&self) -> Result<String> {
        self.guard.call(self.inner.default_save_path()).await
    }
    async fn free_bytes(&self) -> Result<Option<i64>> {
        self.guard.call(self.inner.free_bytes()).await
    }
}

#[async_trait]
impl Library for Guarded<dyn Library> {
    async fn test(&self) -> Result<TestOutcome> {
        self.guard.watch(self.inner.test()).await
    }
    async fn libraries(&self) -> Result<Vec<LibraryRoot>> {
        self.guard.call(self.inner.libraries()).await
    }
    async fn items(&self, library_id: &str, page: u64, limit: u64) -> Result<ItemPage> {
        self.guard.call(self.inner.items(library_id, page, limit)).await
    }
    async fn items_by_id(&self, ids: &[String]) -> Result<Vec<Item>> {
        self.guard.call(self.inner.items_by_id(ids)).await
    }
    async fn item(&self, id: &str) -> Result<Item> {
        self.guard.call_for_one_thing(self.inner.item(id)).await
    }
    async fn start_scan(&self, library_id: &str) -> Result<()> {
        self.guard.call(self.inner.start_scan(library_id)).await
    }
    async fn is_scanning(&self, library_id: &str) -> Result<bool> {
        self.guard.call(self.inner.is_scanning(library_id)).await
    }
    async fn newest_items(&self, library_id: &str, limit: u64) -> Result<Vec<ItemHead>> {
        self.guard.call(self.inner.newest_items(library_id, limit)).await
    }
    async fn update(&self, id: &str, patch: &ItemPatch) -> Result<Item> {
        self.guard.call_for_one_thing(self.inner.update(id, patch)).await
    }
    async fn cover(&self, id: &str, width: u32) -> Result<Option<CoverImage>> {
        self.guard.call_for_one_thing(self.inner.cover(id, width)).await
    }
    async fn backups(&self) -> Result<Vec<LibraryBackup>> {
        self.guard.call(self.inner.backups()).await
    }
    async fn make_backup(&self) -> Result<()> {
        self.guard.call(self.inner.make_backup()).await
    }
}
