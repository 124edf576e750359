//! A book: all fields, its files, and where it comes from.

use leptos::prelude::*;
use types::BookId;
use types::library::{BookDetail, BookFile, SeriesRef};

use crate::api::library::get_book;
use crate::components::books::PeopleLinks;
use crate::components::cover::Cover;
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::Tone;
use crate::components::states::Badge;
use crate::format;
use crate::link::link_to;
use crate::pages::{read_id, show};

/// One book by its id.
#[component]
pub fn BookPage() -> impl IntoView {
    show(async {
        let book = get_book(read_id::<BookId>("book")?).await?;
        Ok(view! { <Everything book=book /> }.into_any())
    })
}

#[component]
fn Everything(book: BookDetail) -> impl IntoView {
    let summary = book.summary.clone();
    let is_missing = summary.is_missing;
    view! {
        <article class="book">
            <div class="book-cover"><Cover book=summary.clone() width=320 is_first=true /></div>
            <div class="book-head">
                <PageHead title=summary.title.clone() topics="library" />
                {summary.subtitle.clone().map(|subtitle| view! { <p class="book-subtitle clamp-3"><bdi>{subtitle}</bdi></p> })}
                {is_missing.then(|| view! { <p><Badge face=("Files missing", Icon::Warning, Tone::Warning) /></p> })}
                <dl class="facts facts-wide">
                    <div><dt>"By"</dt><dd><PeopleLinks people=summary.authors.clone() filter="author" /></dd></div>
                    <div><dt>"Read by"</dt><dd><PeopleLinks people=summary.narrators.clone() filter="narrator" /></dd></div>
                    <SeriesFact series=summary.series.clone() />
                    <Facts book=book.clone() />
                </dl>
            </div>
            {book.description.clone().map(|text| view! {
                <section class="section book-about"><h2>"About"</h2><p class="prose" dir="auto">{text}</p></section>
            })}
            <Files files=book.files.clone() />
            <Source book=book />
        </article>
    }
}

#[component]
fn SeriesFact(series: Vec<SeriesRef>) -> impl IntoView {
    let links = series
        .into_iter()
        .map(|entry| {
            view! {
                <li>
                    <a href=link_to(format_args!("/library?series={}", entry.id))><bdi>{entry.name}</bdi></a>
                    {entry.sequence.map(|sequence| view! { <span class="num">", "<bdi>{sequence}</bdi></span> })}
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!links.is_empty()).then(|| view! { <div><dt>"Series"</dt><dd><ul class="inline-list">{links}</ul></dd></div> })
}

/// The plain fields; what nobody knows is left out, but for what a book should have.
#[component]
fn Facts(book: BookDetail) -> impl IntoView {
    fact_texts(&book)
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div> })
        .collect_view()
}

fn fact_texts(book: &BookDetail) -> Vec<(&'static str, String)> {
    let summary = &book.summary;
    let yes_no = |value: bool, yes: &str, no: &str| if value { yes } else { no }.to_owned();
    let joined = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    let published = book
        .published_date
        .clone()
        .or_else(|| summary.published_year.map(|year| year.to_string()));
    let unknown = || Some("not known".to_owned());
    [
        (
            "Length",
            summary.duration_seconds.map(format::format_duration).or_else(unknown),
        ),
        ("Size", summary.size_bytes.map(format::format_bytes)),
        ("Language", summary.language.clone().or_else(unknown)),
        ("Published", published.or_else(unknown)),
        ("Publisher", book.publisher.clone()),
        (
            "Version",
            book.is_abridged
                .map(|abridged| yes_no(abridged, "abridged", "unabridged")),
        ),
        (
            "Explicit",
            book.is_explicit.map(|explicit| yes_no(explicit, "yes", "no")),
        ),
        ("Chapters", book.chapters_count.map(|count| count.to_string())),
        ("Genres", joined(&book.genres)),
        ("Tags", joined(&book.tags)),
        ("ASIN", book.asin.clone()),
        ("ISBN", book.isbn.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

#[component]
fn Files(files: Vec<BookFile>) -> impl IntoView {
    let count = format::format_counted(files.len() as u64, "file", "files");
    let rows = files
        .into_iter()
        .map(|file| {
            let facts = [
                file.duration_seconds.map(format::format_duration),
                Some(format::format_bytes(file.size_bytes)),
                file.format.or(file.codec),
                file.bitrate_kbps.map(|rate| format!("{rate} kbit/s")),
            ];
            let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
            view! { <li><bdi class="path">{file.relative_path}</bdi><span class="row-meta num">{facts}</span></li> }
        })
        .collect_view();
    view! {
        <section class="section book-files">
            <h2>"Files"</h2>
            <details open>
                <summary class="num">{count}</summary>
                <ul class="files">{rows}</ul>
            </details>
        </section>
    }
}

#[component]
fn Source(book: BookDetail) -> impl IntoView {
    let url = book
        .source_url
        .filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    view! {
        <section class="section book-source">
            <h2>"Where it comes from"</h2>
            <dl class="facts facts-wide">
                <div><dt>"Source"</dt><dd>
                    <bdi>{book.source}</bdi>
                    {url.map(|url| view! { " · "<a href=url rel="external noreferrer noopener" target="_blank">"Open there"</a> })}
                </dd></div>
                <div><dt>"Folder"</dt><dd><bdi class="path">{book.path}</bdi></dd></div>
                {book.summary.added_at.map(|at| view! { <div><dt>"Added"</dt><dd><Moment at=at /></dd></div> })}
                {book.source_updated_at.map(|at| view! { <div><dt>"Changed there"</dt><dd><Moment at=at /></dd></div> })}
                <div><dt>"Read here"</dt><dd><Moment at=book.synced_at /></dd></div>
                {book.download_id.map(|id| view! {
                    <div><dt>"Download"</dt><dd><a href=link_to(format_args!("/downloads/{id}"))>"How it got here"</a></dd></div>
                })}
            </dl>
        </section>
    }
}
