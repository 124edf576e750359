//! One search over all indexers: ask in parallel, say how each did, and have what was found so far judged.

use std::collections::BTreeMap;

use clients::ClientError;
use clients::indexer::{FoundRelease, Indexer, IndexerQuery};
use domain::choice::{Offer, Profile, Target, judge};
use domain::queries::search_queries;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use types::SearchId;
use types::integrations::Integration;
use types::search::{Decision, IndexerOutcome, IndexerStatus, SearchForm, SearchStatus};
use types::settings::Settings;

use crate::connect::{self, Connected};
use crate::error::Result;
use crate::search_judgement::{Aim, Find, SearchSummary, judge_finds, store_finds};
use crate::{Services, settings};

/// Asks every indexer, judges and shows what they have as each answers, and ends the search's row. An indexer that fails
/// shows so.
pub async fn run_search(services: &Services, id: SearchId, form: &SearchForm) -> Result<SearchSummary> {
    let settings = settings::read_settings(services).await?;
    let aim = Aim {
        target: Target::from_form(form, &settings.languages),
        profile: profile_of(&settings),
    };
    let question = Question {
        aim: &aim,
        queries: &search_queries(form),
        languages: &settings.languages,
    };
    let summary = ask_all(services, id, &question).await?;
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
    aim: &'a Aim,
    queries: &'a [String],
    languages: &'a [String],
}

/// All at once. With every answer the candidates so far are stored and pages are told.
async fn ask_all(services: &Services, id: SearchId, question: &Question<'_>) -> Result<SearchSummary> {
    let indexers = connect::connect_indexers(services).await?;
    let mut outcomes: Vec<IndexerOutcome> = indexers
        .iter()
        .map(|indexer| waiting_outcome(&indexer.integration))
        .collect();
    store_outcomes(services, id, &outcomes).await?;
    let mut asked: FuturesUnordered<_> = indexers
        .iter()
        .enumerate()
        .map(async |(place, indexer)| (place, ask_indexer(services, indexer, question).await))
        .collect();
    // By the indexers' priority and not by who was fastest: that order settles what is equal otherwise.
    let mut finds = Vec::new();
    let mut summary = None;
    while let Some((place, answer)) = asked.next().await {
        outcomes[place] = answer.outcome;
        finds.extend(store_finds(services, place, &indexers[place].integration, answer.releases).await?);
        finds.sort_by_key(|find: &Find<'_>| find.place);
        summary = Some(judge_finds(services, id, question.aim, &finds, &outcomes).await?);
        store_outcomes(services, id, &outcomes).await?;
    }
    match summary {
        Some(summary) => Ok(summary),
        None => judge_finds(services, id, question.aim, &finds, &outcomes).await,
    }
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
        0 => "Nothing found".to_owned(),
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
    judge(&question.aim.target, &question.aim.profile, &offers, services.now())
        .first()
        .is_some_and(|best| best.verdict.decision == Decision::Accepted)
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
