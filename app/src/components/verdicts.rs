//! Candidates with the reasons for and against each.

use leptos::prelude::*;
use types::search::{Candidate, Decision, ReleaseFacts, Verdict};

use super::moment::Moment;
use super::states::{Badge, band_label, decision_face};
use crate::format;

/// A release, what was decided about it, and why.
#[component]
pub fn CandidateCard(
    candidate: Candidate,
    /// Buttons for what can be done with it.
    children: Children,
) -> impl IntoView {
    let is_choice = candidate.rank == 1 && candidate.verdict.decision == Decision::Accepted;
    let facts = candidate.release.facts;
    let by = format::join_names(facts.authors.iter().map(String::as_str));
    let read_by = format::join_names(facts.narrators.iter().map(String::as_str));
    view! {
        <li class="candidate" data-key=candidate.id.to_string() data-choice=is_choice.then_some("")>
            <div class="row-head">
                <span class="candidate-rank num" aria-label=format!("Rank {}", candidate.rank)>{candidate.rank}</span>
                <h3 class="candidate-title clamp-3"><bdi>{facts.title.clone()}</bdi></h3>
                <Badge face=decision_face(candidate.verdict.decision) />
            </div>
            <p class="row-sub clamp-2">
                <bdi>{by}</bdi>
                {(!read_by.is_empty()).then(|| view! { " · read by " <bdi>{read_by}</bdi> })}
            </p>
            <VerdictText verdict=candidate.verdict />
            <FactLine facts=facts indexer=candidate.release.indexer />
            <div class="actions">{children()}</div>
        </li>
    }
}

/// The verdict as sentences: the summary, what speaks against it, why it stands where it stands.
#[component]
fn VerdictText(verdict: Verdict) -> impl IntoView {
    let findings = verdict
        .findings
        .into_iter()
        .map(|finding| {
            let kind = if finding.decision == Decision::Review {
                "finding finding-review"
            } else {
                "finding"
            };
            view! { <li class=kind dir="auto">{finding.sentence}</li> }
        })
        .collect_view();
    let ranking = verdict
        .ranking
        .into_iter()
        .map(|clause| view! { <li dir="auto">{clause}</li> })
        .collect_view();
    view! {
        <p class="verdict" dir="auto">{verdict.summary}</p>
        <ul class="findings">{findings}</ul>
        <details class="ranking">
            <summary>{format!("{}: why it stands here", band_label(verdict.band))}</summary>
            <ol>{ranking}</ol>
        </details>
    }
}

/// What the indexer says, figure by figure; what it did not say is left out.
#[component]
fn FactLine(facts: ReleaseFacts, indexer: String) -> impl IntoView {
    let published = facts.published_at;
    let info_url = facts
        .info_url
        .clone()
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let texts = fact_texts(&facts)
        .into_iter()
        .map(|fact| view! { <li>{fact}</li> })
        .collect_view();
    view! {
        <ul class="fact-line num">
            <li><bdi>{indexer}</bdi></li>
            {texts}
            {published.map(|at| view! { <li><Moment at=at /></li> })}
            {info_url.map(|url| view! { <li><a href=url rel="external noreferrer noopener" target="_blank">"Page at the indexer"</a></li> })}
        </ul>
    }
}

fn fact_texts(facts: &ReleaseFacts) -> Vec<String> {
    let count = |count: i32| u64::try_from(count).unwrap_or_default();
    let cost = if facts.is_vip_free {
        Some("free for VIP")
    } else if facts.is_free == Some(true) {
        Some("free")
    } else {
        None
    };
    [
        facts.format.as_ref().map(|format| format.to_uppercase()),
        facts.bitrate_kbps.map(|rate| format!("{rate} kbit/s")),
        facts.runtime_seconds.map(format::format_duration),
        facts.size_bytes.map(format::format_bytes),
        facts
            .files
            .map(|files| format::format_counted(count(files), "file", "files")),
        facts
            .seeders
            .map(|seeders| format::format_counted(count(seeders), "seeder", "seeders")),
        facts
            .is_abridged
            .map(|abridged| if abridged { "abridged" } else { "unabridged" }.to_owned()),
        facts.language.clone(),
        cost.map(str::to_owned),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_indexer_did_not_say_is_left_out() {
        assert!(fact_texts(&ReleaseFacts::default()).is_empty());
        let facts = ReleaseFacts {
            format: Some("m4b".into()),
            seeders: Some(1),
            is_abridged: Some(false),
            is_free: Some(true),
            ..ReleaseFacts::default()
        };
        assert_eq!(fact_texts(&facts), ["M4B", "1 seeder", "unabridged", "free"]);
    }
}
