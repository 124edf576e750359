//! Splits a pack: what each of its books is, which is the wanted one, and which are in the library already.

use db::Connection;
use db::download_parts::DownloadPartRow;
use db::downloads::DownloadRow;
use domain::choice::claim_of_several;
use domain::identity::{WorkIdentity, WorkMatch, match_works};
use domain::naming::BookNames;
use domain::pack::{Wanted, find_doubt, find_wanted, identity_of_part, read_part, tell_parts};
use domain::payload::{PackPart, PayloadPlan, plan_payload};
use types::WorkId;
use types::downloads::{DownloadPart, DownloadState};
use types::search::{ReleaseFacts, SeriesClaim};

use super::plan::facts_of;
use super::verify::read_files;
use crate::Services;
use crate::error::{Result, ServiceError};
use crate::failover::find_blocklist_reason;
use crate::ownership::{Ownership, find_owned, identity_of_work, load_similar_works};
use crate::works::resolve_work;

/// How a pack would be split.
pub struct Proposal {
    pub parts: Vec<ProposedPart>,
    pub wanted: Wanted,
    is_certain: bool,
}

/// One book of a pack, as far as its names tell.
pub struct ProposedPart {
    pub part: PackPart,
    pub names: BookNames,
    pub is_wanted: bool,
    pub standing: Standing,
}

/// Whether a part has to come in.
pub enum Standing {
    New,
    /// It is owned or on its way; the sentence says so.
    Taken(String),
    /// Perhaps it is owned.
    Unsure(String),
}

impl ProposedPart {
    /// Whether it would be imported, once a person had looked at what is unsure.
    pub fn is_new(&self) -> bool {
        !matches!(self.standing, Standing::Taken(_))
    }
}

impl Proposal {
    /// The parts that would come in.
    pub fn count_new(&self) -> usize {
        self.parts.iter().filter(|part| part.is_new()).count()
    }

    /// What a person has to look at before the pack is split; `None` when nobody needs to.
    pub fn find_doubt(&self) -> Option<String> {
        let unsure = self.parts.iter().filter_map(|part| match &part.standing {
            Standing::Unsure(sentence) => Some(sentence.clone()),
            _ => None,
        });
        let doubt = find_doubt(self.is_certain, &self.wanted, &unsure.collect::<Vec<_>>())?;
        let parts = self
            .parts
            .iter()
            .map(|one| (one.names.title.as_str(), one.part.files.len()));
        let advice = match self.count_new() {
            0 => "All of them are owned or on their way: choose another, or cancel",
            _ => "Confirm the split, choose another, or cancel",
        };
        Some(format!(
            "It is a pack of {} books: {}. {doubt} {advice}; it goes on seeding.",
            self.parts.len(),
            tell_parts(parts)
        ))
    }
}

/// The parts by the torrent's stored file list; `None` when it holds one book or none.
pub async fn read_parts(conn: &mut Connection, download: &DownloadRow) -> Result<Option<(Vec<PackPart>, bool)>> {
    let stored = read_files(conn, download).await?;
    Ok(match plan_payload(&stored.name, &stored.files) {
        PayloadPlan::Pack { parts, is_certain } => Some((parts, is_certain)),
        PayloadPlan::SingleBook { .. } | PayloadPlan::NoAudio => None,
    })
}

/// How the download would be split by what is known now; `None` when it is no pack.
pub async fn propose_split(conn: &mut Connection, download: &DownloadRow) -> Result<Option<Proposal>> {
    let Some((parts, is_certain)) = read_parts(conn, download).await? else {
        return Ok(None);
    };
    let work = db::works::find_work(conn, download.work_id.into())
        .await?
        .ok_or_else(|| ServiceError::not_found("work"))?;
    let wanted_work = identity_of_work(work);
    let facts = facts_of(conn, download).await?;
    let pack = names_of_pack(&facts, &wanted_work);
    let names: Vec<BookNames> = parts.iter().map(|part| read_part(&part.title_hint, &pack)).collect();
    let identities: Vec<WorkIdentity> = names.iter().map(identity_of_part).collect();
    let wanted = find_wanted(&wanted_work, &identity_of_pack(&facts, &pack), &identities);
    let mut proposed = Vec::with_capacity(parts.len());
    for (index, ((part, names), identity)) in parts.into_iter().zip(names).zip(&identities).enumerate() {
        let is_insisted_on = download.is_forced && wanted == Wanted::Part(index);
        let standing = if is_insisted_on {
            Standing::New
        } else {
            doubt_double(
                find_standing(conn, download, identity).await?,
                identity,
                &identities[..index],
            )
        };
        proposed.push(ProposedPart {
            part,
            names,
            is_wanted: wanted.includes(index),
            standing,
        });
    }
    Ok(Some(Proposal {
        parts: proposed,
        wanted,
        is_certain,
    }))
}

/// What the release says of all its books.
fn names_of_pack(facts: &ReleaseFacts, wanted: &WorkIdentity) -> BookNames {
    let authors = [&facts.authors, &wanted.authors];
    BookNames {
        authors: authors
            .into_iter()
            .find(|names| !names.is_empty())
            .cloned()
            .unwrap_or_default(),
        title: facts.title.clone(),
        series: choose_series(&facts.series).map(|claim| claim.name.clone()),
        narrators: facts.narrators.clone(),
        ..BookNames::default()
    }
}

/// The only series, or the only one of which it claims several books ("1-3").
fn choose_series(claims: &[SeriesClaim]) -> Option<&SeriesClaim> {
    match claims {
        [only] => Some(only),
        _ => claim_of_several(claims),
    }
}

fn identity_of_pack(facts: &ReleaseFacts, pack: &BookNames) -> WorkIdentity {
    let series = facts
        .series
        .iter()
        .map(|claim| (claim.name.clone(), claim.sequence.clone()));
    WorkIdentity {
        title: pack.title.clone(),
        authors: pack.authors.clone(),
        series: series.collect(),
        ..WorkIdentity::default()
    }
}

/// Two parts that read as one book are two recordings of it, or two books whose names don't tell them apart.
fn doubt_double(standing: Standing, part: &WorkIdentity, earlier: &[WorkIdentity]) -> Standing {
    let is_double = earlier
        .iter()
        .any(|other| matches!(match_works(other, part), WorkMatch::Same(_)));
    match standing {
        Standing::New if is_double => Standing::Unsure(format!(
            "\"{}\" looks like the same book as another part of the pack.",
            part.title
        )),
        _ => standing,
    }
}

async fn find_standing(conn: &mut Connection, download: &DownloadRow, part: &WorkIdentity) -> Result<Standing> {
    match find_owned(conn, part).await? {
        Ownership::Owned(_, sentence) => return Ok(Standing::Taken(sentence)),
        Ownership::Unsure(sentence) => return Ok(Standing::Unsure(sentence)),
        Ownership::NotOwned => {}
    }
    for similar in load_similar_works(conn, part, false).await? {
        if !matches!(match_works(part, &similar.identity), WorkMatch::Same(_)) {
            continue;
        }
        let other = db::downloads::find_active_download(conn, similar.id).await?;
        if let Some(other) = other.filter(|other| other.id != download.id)
            && other.state()?.is_in_client()
        {
            let sentence = format!("\"{}\" is on its way by a download of its own.", part.title);
            return Ok(Standing::Taken(sentence));
        }
    }
    Ok(Standing::New)
}

/// Writes down what becomes of each part, in the caller's transaction; parts whose import has begun stay as they are.
pub async fn store_split(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    proposal: Proposal,
) -> Result<Vec<DownloadPartRow>> {
    let is_set = proposal.wanted == Wanted::Whole;
    let mut rows = Vec::with_capacity(proposal.parts.len());
    for (proposed, position) in proposal.parts.into_iter().zip(0..) {
        let work = if proposed.is_wanted && !is_set {
            WorkId(download.work_id)
        } else {
            resolve_work(services, conn, &identity_of_part(&proposed.names)).await?
        };
        rows.push(DownloadPartRow {
            download_id: download.id,
            position,
            hint: proposed.part.title_hint,
            work_id: work.0,
            is_wanted: proposed.is_wanted,
            skipped: match proposed.standing {
                Standing::Taken(sentence) => Some(sentence),
                Standing::New | Standing::Unsure(_) => None,
            },
            book_id: None,
        });
    }
    db::download_parts::replace_unbegun_parts(conn, download.id(), rows).await?;
    Ok(db::download_parts::list_parts(conn, download.id()).await?)
}

/// The names of a part: what is known of its work first, then what its folder and the release say.
pub async fn names_of_part(conn: &mut Connection, download: &DownloadRow, row: &DownloadPartRow) -> Result<BookNames> {
    let work = db::works::find_work(conn, row.work_id.into())
        .await?
        .ok_or_else(|| ServiceError::not_found("work"))?;
    let facts = facts_of(conn, download).await?;
    let known = work.series.first().cloned();
    let (title, work) = (work.title.clone(), identity_of_work(work));
    let read = read_part(&row.hint, &names_of_pack(&facts, &work));
    let (series, sequence) = match known {
        Some((name, sequence)) => (Some(name), sequence.or(read.sequence)),
        None => (read.series, read.sequence),
    };
    Ok(BookNames {
        authors: if work.authors.is_empty() {
            read.authors
        } else {
            work.authors
        },
        title,
        series,
        sequence,
        ..read
    })
}

/// Whether a wanted book of the pack came in with it or is owned; of a whole set every book is wanted.
pub async fn has_wanted_part(conn: &mut Connection, download: &DownloadRow, parts: &[DownloadPartRow]) -> Result<bool> {
    let wanted = parts.iter().filter(|part| part.is_wanted);
    if wanted.clone().any(|part| part.skipped.is_none()) {
        return Ok(true);
    }
    // What was skipped may only be on its way: then it is not there yet.
    let work = db::works::find_work(conn, download.work_id.into())
        .await?
        .ok_or_else(|| ServiceError::not_found("work"))?;
    let pack = names_of_pack(&facts_of(conn, download).await?, &identity_of_work(work));
    for part in wanted {
        let identity = identity_of_part(&read_part(&part.hint, &pack));
        if matches!(find_owned(conn, &identity).await?, Ownership::Owned(..)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The books of a pack, for people: what is proposed while it waits in review, else what was decided.
pub async fn list_parts(conn: &mut Connection, download: &DownloadRow) -> Result<Vec<DownloadPart>> {
    if download.state()? == DownloadState::Review {
        return Ok(find_waiting_split(conn, download)
            .await?
            .map(show_proposal)
            .unwrap_or_default());
    }
    let rows = db::download_parts::list_parts(conn, download.id()).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (parts, _) = read_parts(conn, download).await?.unwrap_or_default();
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let work = db::works::find_work(conn, row.work_id.into()).await?;
        let part = parts.iter().find(|part| part.title_hint == row.hint);
        shown.push(DownloadPart {
            title: work.map_or(row.hint, |work| work.title),
            files: part.map(sources).unwrap_or_default(),
            is_wanted: row.is_wanted,
            is_owned: row.skipped.is_some(),
            sentence: row.skipped.unwrap_or_default(),
            book_id: row.book_id.map(Into::into),
        });
    }
    Ok(shown)
}

/// The split that a person may confirm: of a download in review whose files the client has.
pub async fn find_waiting_split(conn: &mut Connection, download: &DownloadRow) -> Result<Option<Proposal>> {
    if download.state()? != DownloadState::Review || !has_usable_files(conn, download).await? {
        return Ok(None);
    }
    propose_split(conn, download).await
}

/// Whether the client has all of it and nothing was found wrong with it: what was rejected stays out.
pub async fn has_usable_files(conn: &mut Connection, download: &DownloadRow) -> Result<bool> {
    let is_complete = download.client_id.is_some() && download.progress.is_some_and(|progress| progress >= 1.0);
    let Some(hash) = download.info_hash.as_deref().filter(|_| is_complete) else {
        return Ok(false);
    };
    let release = download.release_id.map(Into::into);
    Ok(find_blocklist_reason(conn, release, Some(hash)).await?.is_none())
}

fn show_proposal(proposal: Proposal) -> Vec<DownloadPart> {
    let show = |one: ProposedPart| DownloadPart {
        files: sources(&one.part),
        is_owned: !one.is_new(),
        title: one.names.title,
        is_wanted: one.is_wanted,
        sentence: match one.standing {
            Standing::New => String::new(),
            Standing::Taken(sentence) | Standing::Unsure(sentence) => sentence,
        },
        book_id: None,
    };
    proposal.parts.into_iter().map(show).collect()
}

fn sources(part: &PackPart) -> Vec<String> {
    part.files.iter().map(|file| file.source.clone()).collect()
}
