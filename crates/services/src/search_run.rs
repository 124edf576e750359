//! One search over all indexers: ask in parallel, judge, store, say how each indexer did.

use std::collections::BTreeMap;

use clients::ClientError;
use clients::indexer::{FoundRelease, Indexer, IndexerQuery};
use db::Connection;
use domain::choice::{Judged, Offer, Profile, Target, judge};
use domain::queries::search_queries;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use types::downloads::HoldReason;
use types::integrations::Integration;
use types::search::{Decision, IndexerOutcome, IndexerStatus, SearchForm, SearchStatus};
use types::settings::Settings;
use types::{IntegrationId, ReleaseId, SearchId};

use crate::budget::{self, BudgetView};
use crate::connect::{self, Connected};
use crate::error::Result;
use crate::ownership::{self, Ownership};
use crate::{Services, settings};

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

/// Asks every indexer, judges what they have, and ends the search's row. An indexer that fails shows so.
pub async fn run_search(services: &Services, id: SearchId, form: &SearchForm) -> Result<SearchSummary> {
    let settings = settings::read_settings(services).await?;
    let target = Target::from_form(form, &settings.languages);
    let indexers = connect::connect_indexers(services).await?;
    let mut outcomes: Vec<IndexerOutcome> = indexers
        .iter()
        .map(|indexer| waiting_outcome(&indexer.integration))
        .collect();
    store_outcomes(services, id, &outcomes).await?;

    let profile = profile_of(&settings);
    let queries = search_queries(form);
    let question = Question {
        target: &target,
        profile: &profile,
        queries: &queries,
        languages: &settings.languages,
    };
    let mut asked: FuturesUnordered<_> = indexers
        .iter()
        .enumerate()
        .map(|(place, indexer)| {
            let question = &question;
            async move { (place, ask_indexer(services, indexer, question).await) }
        })
        .collect();
    let mut found = Vec::new();
    while let Some((place, answer)) = asked.next().await {
        outcomes[place] = answer.outcome;
        found.extend(answer.releases.into_iter().map(|release| (place, release)));
        store_outcomes(services, id, &outcomes).await?;
    }
    drop(asked);
    // By the indexers' priority and not by who was fastest: that order settles what is equal otherwise.
    found.sort_by_key(|(place, _)| *place);
    let summary = judge_and_store(services, id, &question, &indexers, found, &outcomes).await?;
    let status = if summary.has_only_failures {
        SearchStatus::Failed
    } else {
        SearchStatus::Done
    };
    let mut conn = services.connection().await?;
    db::searches::finish_search(&mut conn, id, status, &summary.sentence, services.now()).await?;
    Ok(summary)
}

/// What is asked of each indexer.
struct Question<'a> {
    target: &'a Target,
    profile: &'a Profile,
    queries: &'a [String],
    languages: &'a [String],
}

struct Answer {
    outcome: IndexerOutcome,
    releases: Vec<FoundRelease>,
}

/// Sends the queries in order until one brings an acceptable release.
async fn ask_indexer(services: &Services, connected: &Connected<dyn Indexer>, question: &Question<'_>) -> Answer {
    let began = services.now();
    let mut releases: BTreeMap<String, FoundRelease> = BTreeMap::new();
    let mut outcome = waiting_outcome(&connected.integration);
    let indexer = match &connected.client {
        Ok(indexer) => indexer,
        Err(error) => {
            describe(&mut outcome, &[], Some(error));
            return Answer {
                outcome,
                releases: Vec::new(),
            };
        }
    };
    let mut warnings = Vec::new();
    let mut failure: Option<ClientError> = None;
    for text in question.queries {
        let query = IndexerQuery {
            text: text.clone(),
            languages: question.languages.to_vec(),
        };
        outcome.queries.push(text.clone());
        match indexer.search(&query).await {
            Ok(found) => {
                warnings.extend(found.warnings);
                releases.extend(
                    found
                        .releases
                        .into_iter()
                        .map(|release| (release.external_id.clone(), release)),
                );
            }
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        if has_acceptable(question, releases.values(), services) {
            break;
        }
    }
    warnings.sort();
    warnings.dedup();
    outcome.releases = u32::try_from(releases.len()).unwrap_or(u32::MAX);
    outcome.duration_ms = u64::try_from((services.now() - began).num_milliseconds()).unwrap_or(0);
    describe(&mut outcome, &warnings, failure.as_ref());
    Answer {
        outcome,
        releases: releases.into_values().collect(),
    }
}

fn describe(outcome: &mut IndexerOutcome, warnings: &[String], failure: Option<&ClientError>) {
    let count = match outcome.releases {
        0 => "nothing found".to_owned(),
        1 => "1 release".to_owned(),
        many => format!("{many} releases"),
    };
    let troubles: Vec<String> = failure
        .map(ToString::to_string)
        .into_iter()
        .chain(warnings.iter().cloned())
        .collect();
    outcome.status = match (failure, outcome.releases, warnings.is_empty()) {
        (Some(_), 0, _) => IndexerStatus::Failed,
        (Some(_), _, _) | (None, _, false) => IndexerStatus::Partial,
        (None, 0, true) => IndexerStatus::Empty,
        (None, _, true) => IndexerStatus::Found,
    };
    outcome.sentence = if troubles.is_empty() {
        format!("{count}.")
    } else if outcome.status == IndexerStatus::Failed {
        troubles.join(" ")
    } else {
        format!("{count}. {}", troubles.join(" "))
    };
}

/// Where a stored download address is bound to.
pub(crate) fn download_ref_context(integration: IntegrationId, external_id: &str) -> String {
    format!("releases/{integration}/{external_id}")
}

/// Judged by its own facts alone; ownership and budget come later and don't make a release more findable.
fn has_acceptable<'a>(
    question: &Question<'_>,
    releases: impl Iterator<Item = &'a FoundRelease>,
    services: &Services,
) -> bool {
    let offers: Vec<Offer> = releases
        .map(|release| Offer {
            facts: release.facts.clone(),
            blocklisted: None,
            owned: None,
            budget: None,
        })
        .collect();
    judge(question.target, question.profile, &offers, services.now())
        .first()
        .is_some_and(|best| best.verdict.decision == Decision::Accepted)
}

async fn judge_and_store(
    services: &Services,
    id: SearchId,
    question: &Question<'_>,
    indexers: &[Connected<dyn Indexer>],
    found: Vec<(usize, FoundRelease)>,
    outcomes: &[IndexerOutcome],
) -> Result<SearchSummary> {
    let mut conn = services.connection().await?;
    let now = services.now();
    let owned = ownership::find_owned(&mut conn, &question.target.identity).await?;
    let budget = BudgetView::load(services, &mut conn, None).await?;
    let mut ids = Vec::with_capacity(found.len());
    let mut offers = Vec::with_capacity(found.len());
    for (place, release) in &found {
        let integration = &indexers[*place].integration;
        let context = download_ref_context(integration.id, &release.external_id);
        let stored = db::releases::NewRelease {
            id: services.new_id(),
            integration_id: integration.id,
            external_id: release.external_id.clone(),
            facts: release.facts.clone(),
            download_ref: services.secrets().seal_text(&context, &release.download_ref),
            info_hash: release.info_hash.clone(),
            now,
        };
        let release_id = db::releases::upsert_release(&mut conn, &stored).await?;
        let blocklisted = find_blocklist_reason(&mut conn, Some(release_id), release.info_hash.as_deref()).await?;
        let (size, is_free) = (
            release.facts.size_bytes.unwrap_or(0),
            release.facts.is_free.unwrap_or(false),
        );
        let refused = budget::refusal(&budget, integration, size, is_free, now);
        ids.push((release_id, refused.as_ref().map(|(reason, _)| *reason)));
        offers.push(Offer {
            facts: release.facts.clone(),
            blocklisted,
            owned: owned_reason(&owned),
            budget: refused.map(|(_, sentence)| sentence),
        });
    }
    let hashes: Vec<Option<&str>> = found.iter().map(|(_, release)| release.info_hash.as_deref()).collect();
    let names: Vec<&str> = found
        .iter()
        .map(|(place, _)| indexers[*place].integration.name.as_str())
        .collect();
    let judged = merge_same_torrents(judge(question.target, question.profile, &offers, now), &hashes, &names);
    let candidates: Vec<db::candidates::NewCandidate> = judged
        .iter()
        .zip(1..)
        .map(|(judged, rank)| db::candidates::NewCandidate {
            id: services.new_id(),
            release_id: ids[judged.index].0,
            rank,
            verdict: judged.verdict.clone(),
        })
        .collect();
    db::candidates::save_candidates(&mut conn, id, &candidates).await?;
    let sentence = summarize(outcomes, &judged, &offers);
    let judged = judged
        .into_iter()
        .map(|judged| {
            let (release_id, budget_hold) = ids[judged.index];
            StoredCandidate {
                release_id,
                verdict: judged.verdict,
                budget_hold,
            }
        })
        .collect();
    Ok(SearchSummary {
        judged,
        has_only_failures: are_all_failed(outcomes),
        has_failures: !list_troubled(outcomes).is_empty(),
        sentence,
    })
}

/// One torrent that several indexers list is one candidate: the best of its listings, which names the others.
///
/// Only where the indexer tells the hash; other twins show when their .torrent is fetched.
fn merge_same_torrents(judged: Vec<Judged>, hashes: &[Option<&str>], names: &[&str]) -> Vec<Judged> {
    let mut merged: Vec<Judged> = Vec::with_capacity(judged.len());
    for one in judged {
        let hash = hashes[one.index];
        let first = merged
            .iter_mut()
            .find(|first| hash.is_some() && hashes[first.index] == hash);
        match first {
            Some(first) => first
                .verdict
                .ranking
                .push(format!("The same torrent is on {} too.", names[one.index])),
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

/// Why a release or a content is never grabbed again.
pub(crate) async fn find_blocklist_reason(
    conn: &mut Connection,
    release: Option<ReleaseId>,
    hash: Option<&str>,
) -> Result<Option<String>> {
    let (releases, hashes): (Vec<ReleaseId>, Vec<String>) = (
        release.into_iter().collect(),
        hash.map(str::to_owned).into_iter().collect(),
    );
    let entries = db::blocklist::list_blocklist_entries(conn, &releases, &hashes).await?;
    Ok(entries.into_iter().next().map(|entry| entry.reason))
}

fn owned_reason(owned: &Ownership) -> Option<String> {
    match owned {
        Ownership::Owned(_, sentence) => Some(sentence.clone()),
        Ownership::Unsure(_) | Ownership::NotOwned => None,
    }
}

fn summarize(outcomes: &[IndexerOutcome], judged: &[Judged], offers: &[Offer]) -> String {
    if outcomes.is_empty() {
        return "No indexer is connected. Add one in Integrations.".into();
    }
    if are_all_failed(outcomes) {
        return "No indexer could be searched; each says why. Put that right, then search again.".into();
    }
    let said = describe_finds(judged, offers);
    match list_troubled(outcomes).as_slice() {
        [] => said,
        names => format!("{said} Not everything could be searched: see {}.", names.join(", ")),
    }
}

fn describe_finds(judged: &[Judged], offers: &[Offer]) -> String {
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
            offers[best.index].facts.title,
            best.verdict.summary.trim_end_matches('.')
        ),
        (Some(best), 0, 1..) => format!(
            "Nothing is certain enough to be grabbed by itself; {review} of {} releases wait for your decision. The first is \
             \"{}\": {}.",
            judged.len(),
            offers[best.index].facts.title,
            best.verdict.summary.trim_end_matches('.')
        ),
        (Some(_), 0, 0) => format!("All {} releases were refused; each says why.", judged.len()),
    }
}

fn waiting_outcome(integration: &Integration) -> IndexerOutcome {
    IndexerOutcome {
        integration_id: integration.id,
        name: integration.name.clone(),
        status: IndexerStatus::Searching,
        releases: 0,
        duration_ms: 0,
        sentence: "Searching …".into(),
        queries: Vec::new(),
    }
}

fn profile_of(settings: &Settings) -> Profile {
    Profile {
        min_bitrate_kbps: settings.min_bitrate_kbps,
        max_size_bytes: i64::from(settings.max_size_gib) << 30,
        min_seeders: i32::try_from(settings.min_seeders).unwrap_or(i32::MAX),
    }
}

async fn store_outcomes(services: &Services, id: SearchId, outcomes: &[IndexerOutcome]) -> Result<()> {
    let mut conn = services.connection().await?;
    Ok(db::searches::update_outcomes(&mut conn, id, outcomes).await?)
}
