//! Judging a search: all releases that were found so far, by every gate, stored as its candidates.
//!
//! It is done anew with each indexer's answer, as one more release may change the order of the others.

use clients::indexer::FoundRelease;
use db::Connection;
use db::blocklist::BlocklistEntry;
use domain::choice::{Judged, Offer, Profile, Target, judge};
use types::downloads::HoldReason;
use types::integrations::Integration;
use types::search::{Decision, IndexerOutcome, IndexerStatus, ReleaseFacts};
use types::{IntegrationId, ReleaseId, SearchId};

use crate::Services;
use crate::budget::{self, BudgetView};
use crate::error::Result;
use crate::ownership::{self, Ownership};

/// What a search came to.
pub struct SearchSummary {
    /// The candidates' verdicts, best first.
    pub judged: Vec<StoredCandidate>,
    /// No indexer could be asked at all.
    pub has_only_failures: bool,
    /// Some could not, or only in part: what was not found may be there.
    pub has_failures: bool,
    pub sentence: String,
}

/// A judged release as it was stored.
pub struct StoredCandidate {
    pub release_id: ReleaseId,
    pub verdict: types::search::Verdict,
    /// What the budget would hold it for.
    pub budget_hold: Option<HoldReason>,
}

/// What is looked for, and what is good enough.
pub struct Aim {
    pub target: Target,
    pub profile: Profile,
}

/// A release as an indexer answered it, stored.
pub struct Find<'a> {
    /// Its indexer's place in the order in which they are asked.
    pub place: usize,
    integration: &'a Integration,
    release_id: ReleaseId,
    facts: ReleaseFacts,
    info_hash: Option<String>,
}

/// Where a stored download address is bound to.
pub(crate) fn download_ref_context(integration: IntegrationId, external_id: &str) -> String {
    format!("releases/{integration}/{external_id}")
}

/// Stores what an indexer answered.
pub async fn store_finds<'a>(
    services: &Services,
    place: usize,
    integration: &'a Integration,
    releases: Vec<FoundRelease>,
) -> Result<Vec<Find<'a>>> {
    let mut conn = services.connection().await?;
    let mut finds = Vec::with_capacity(releases.len());
    for release in releases {
        let context = download_ref_context(integration.id, &release.external_id);
        let stored = db::releases::NewRelease {
            id: services.new_id(),
            integration_id: integration.id,
            external_id: release.external_id,
            facts: release.facts.clone(),
            download_ref: services.secrets().seal_text(&context, &release.download_ref),
            info_hash: release.info_hash.clone(),
            now: services.now(),
        };
        finds.push(Find {
            place,
            integration,
            release_id: db::releases::upsert_release(&mut conn, &stored).await?,
            facts: release.facts,
            info_hash: release.info_hash,
        });
    }
    Ok(finds)
}

/// Judges all finds and stores them as the search's candidates. `finds` are in the indexers' order, which settles what is
/// equal otherwise.
pub async fn judge_finds(
    services: &Services,
    search: SearchId,
    aim: &Aim,
    finds: &[Find<'_>],
    outcomes: &[IndexerOutcome],
) -> Result<SearchSummary> {
    let mut conn = services.connection().await?;
    let (offers, holds) = make_offers(services, &mut conn, aim, finds).await?;
    let judged = merge_same_torrents(judge(&aim.target, &aim.profile, &offers, services.now()), finds);
    let candidates: Vec<db::candidates::NewCandidate> = judged
        .iter()
        .zip(1..)
        .map(|(judged, rank)| db::candidates::NewCandidate {
            id: services.new_id(),
            release_id: finds[judged.index].release_id,
            rank,
            verdict: judged.verdict.clone(),
        })
        .collect();
    db::candidates::save_candidates(&mut conn, search, &candidates).await?;
    let sentence = summarize(outcomes, &judged, finds);
    let judged = judged
        .into_iter()
        .map(|judged| StoredCandidate {
            release_id: finds[judged.index].release_id,
            verdict: judged.verdict,
            budget_hold: holds[judged.index],
        })
        .collect();
    Ok(SearchSummary {
        judged,
        has_only_failures: are_all_failed(outcomes),
        has_failures: !list_troubled(outcomes).is_empty(),
        sentence,
    })
}

/// What each find is judged by besides its own facts, and what the budget would hold it for.
async fn make_offers(
    services: &Services,
    conn: &mut Connection,
    aim: &Aim,
    finds: &[Find<'_>],
) -> Result<(Vec<Offer>, Vec<Option<HoldReason>>)> {
    let owned = owned_reason(&ownership::find_owned(conn, &aim.target.identity).await?);
    let budget = BudgetView::load(services, conn, None).await?;
    let releases: Vec<ReleaseId> = finds.iter().map(|find| find.release_id).collect();
    let hashes: Vec<String> = finds.iter().filter_map(|find| find.info_hash.clone()).collect();
    let blocklist = db::blocklist::list_blocklist_entries(conn, &releases, &hashes).await?;
    let offers = finds.iter().map(|find| {
        let size_bytes = find.facts.size_bytes.unwrap_or(0);
        let is_free = find.facts.is_free.unwrap_or(false);
        let (hold, sentence) = budget::refusal(&budget, find.integration, size_bytes, is_free, services.now()).unzip();
        let offer = Offer {
            facts: find.facts.clone(),
            blocklisted: blocklist_reason(&blocklist, find),
            owned: owned.clone(),
            budget: sentence,
        };
        (offer, hold)
    });
    Ok(offers.unzip())
}

fn blocklist_reason(blocklist: &[BlocklistEntry], find: &Find<'_>) -> Option<String> {
    let is_meant = |entry: &&BlocklistEntry| {
        entry.release_id == Some(find.release_id.0) || (entry.info_hash.is_some() && entry.info_hash == find.info_hash)
    };
    blocklist.iter().find(is_meant).map(|entry| entry.reason.clone())
}

fn owned_reason(owned: &Ownership) -> Option<String> {
    match owned {
        Ownership::Owned(_, sentence) => Some(sentence.clone()),
        Ownership::Unsure(_) | Ownership::NotOwned => None,
    }
}

/// One torrent that several indexers list is one candidate: the best of its listings, which names the others.
///
/// Only where the indexer tells the hash; other twins show when their .torrent is fetched.
fn merge_same_torrents(judged: Vec<Judged>, finds: &[Find<'_>]) -> Vec<Judged> {
    let mut merged: Vec<Judged> = Vec::with_capacity(judged.len());
    for one in judged {
        let find = &finds[one.index];
        let first = merged
            .iter_mut()
            .find(|first| find.info_hash.is_some() && finds[first.index].info_hash == find.info_hash);
        match first {
            Some(first) => first
                .verdict
                .ranking
                .push(format!("The same torrent is on {} too.", find.integration.name)),
            None => merged.push(one),
        }
    }
    merged
}

fn are_all_failed(outcomes: &[IndexerOutcome]) -> bool {
    outcomes.iter().all(|outcome| outcome.status == IndexerStatus::Failed)
}

/// Indexers that could not be searched, or not wholly.
fn list_troubled(outcomes: &[IndexerOutcome]) -> Vec<&str> {
    let is_troubled = |status| matches!(status, IndexerStatus::Failed | IndexerStatus::Partial);
    outcomes
        .iter()
        .filter(|outcome| is_troubled(outcome.status))
        .map(|outcome| outcome.name.as_str())
        .collect()
}

fn summarize(outcomes: &[IndexerOutcome], judged: &[Judged], finds: &[Find<'_>]) -> String {
    if outcomes.is_empty() {
        return "No indexer is connected. Add one in Integrations.".into();
    }
    if are_all_failed(outcomes) {
        return "No indexer could be searched; each says why. Put that right, then search again.".into();
    }
    let said = describe_finds(judged, finds);
    match list_troubled(outcomes).as_slice() {
        [] => said,
        names => format!("{said} Not everything could be searched: see {}.", names.join(", ")),
    }
}

fn describe_finds(judged: &[Judged], finds: &[Find<'_>]) -> String {
    let count = |decision| {
        judged
            .iter()
            .filter(|judged| judged.verdict.decision == decision)
            .count()
    };
    let (accepted, review) = (count(Decision::Accepted), count(Decision::Review));
    match (judged.first(), accepted, review) {
        (None, _, _) => "No indexer has anything like it.".into(),
        (Some(best), 1.., _) => format!(
            "{accepted} of {} releases can be grabbed; the best is \"{}\": {}.",
            judged.len(),
            finds[best.index].facts.title,
            best.verdict.summary.trim_end_matches('.')
        ),
        (Some(best), 0, 1..) => format!(
            "Nothing is certain enough to be grabbed by itself; {review} of {} releases wait for your decision. The first is \
             \"{}\": {}.",
            judged.len(),
            finds[best.index].facts.title,
            best.verdict.summary.trim_end_matches('.')
        ),
        (Some(_), 0, 0) if judged.len() == 1 => "The only release was refused; it says why.".to_owned(),
        (Some(_), 0, 0) => format!("All {} releases were refused; each says why.", judged.len()),
    }
}
