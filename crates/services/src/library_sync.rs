//! Stores items of the library service as books, and knows which of them changed.

use clients::library::Item;
use db::books::{BookRow, NewBook};
use domain::identity::WorkIdentity;
use domain::normalise::{search_key, sort_key, title_key};
use types::integrations::Integration;
use types::library::BookFile;
use types::{BookId, WorkId};

use crate::Services;
use crate::error::Result;
use crate::works::{new_person, new_series_entry, new_work};

/// Stores one item. `work` is given when we imported it ourselves and so know what it is.
pub async fn store_item(
    services: &Services,
    integration: &Integration,
    item: &Item,
    work: Option<WorkId>,
) -> Result<BookId> {
    let mut conn = services.connection().await?;
    let now = services.now();
    let work = match work {
        Some(work) => work,
        None => match db::books::find_imported_work(&mut conn, integration.id, &item.id).await? {
            Some(work) => work,
            None => db::works::ensure_work(&mut conn, &new_work(&identity_of_item(item), now)).await?,
        },
    };
    let title = title_of(item);
    let author = item.authors.first().map(String::as_str).unwrap_or_default();
    let row = BookRow {
        search_text: search_text(item, &title),
        title_sort: sort_key(&title),
        author_sort: author_sort(author),
        language: item.language.clone(),
        published_year: item.published_year.as_deref().and_then(year_of),
        duration_seconds: item.duration_seconds.map(whole),
        added_at: item.added_at,
        missing_since: item.is_missing.then_some(now),
        has_cover: item.has_cover,
        asin: item.asin.clone(),
        work_id: work.0,
        integration_id: integration.id.0,
        external_id: item.id.clone(),
        path: item.path.clone(),
        title,
        subtitle: item.subtitle.clone(),
        publisher: item.publisher.clone(),
        published_date: item.published_date.clone(),
        isbn: item.isbn.clone(),
        genres: item.genres.clone(),
        tags: item.tags.clone(),
        is_abridged: item.is_abridged,
        is_explicit: item.is_explicit,
        size_bytes: item.size_bytes,
        chapters_count: i32::try_from(item.chapters).ok(),
        source_updated_ms: item.updated_ms,
        synced_at: now,
    };
    let book = NewBook {
        row,
        description: item.description.as_deref().map(plain_text),
        authors: item.authors.iter().map(|name| new_person(name)).collect(),
        narrators: item.narrators.iter().map(|name| new_person(name)).collect(),
        series: item
            .series
            .iter()
            .map(|series| new_series_entry(&series.name, series.sequence.as_deref()))
            .collect(),
        files: item.audio_files.iter().map(file_of).collect(),
    };
    Ok(db::books::upsert_book(&mut conn, &book).await?)
}

fn identity_of_item(item: &Item) -> WorkIdentity {
    let id = |kind: &str, value: &Option<String>| {
        value
            .clone()
            .map(|value| (kind.to_owned(), value.trim().to_uppercase()))
    };
    let sequence = item.series.iter().find_map(|series| series.sequence.clone());
    let title = title_of(item);
    WorkIdentity {
        authors: item.authors.clone(),
        series: item
            .series
            .iter()
            .map(|series| (series.name.clone(), series.sequence.clone()))
            .collect(),
        sequence: sequence.or_else(|| title_key(&title).sequence.map(|sequence| sequence.text)),
        external_ids: [id("asin", &item.asin), id("isbn", &item.isbn)]
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        title,
    }
}

/// An item without a title is called by its folder.
fn title_of(item: &Item) -> String {
    item.title
        .clone()
        .filter(|title| !title.trim().is_empty())
        .unwrap_or_else(|| item.path.rsplit('/').next().unwrap_or_default().to_owned())
}

fn search_text(item: &Item, title: &str) -> String {
    let series = item.series.iter().map(|series| series.name.as_str());
    let names = item.authors.iter().chain(&item.narrators).map(String::as_str);
    let words: Vec<&str> = [title]
        .into_iter()
        .chain(item.subtitle.as_deref())
        .chain(names)
        .chain(series)
        .collect();
    search_key(&words.join(" "))
}

/// By family name, which is the last word of a name, or what stands before its comma.
fn author_sort(name: &str) -> String {
    let key = search_key(name);
    if name.contains(',') {
        return key;
    }
    match key.rsplit_once(' ') {
        Some((given, family)) => format!("{family} {given}"),
        None => key,
    }
}

fn year_of(text: &str) -> Option<i32> {
    text.trim().get(..4)?.parse().ok()
}

#[expect(clippy::cast_possible_truncation, reason = "a runtime in seconds is far below 2^53")]
fn whole(seconds: f64) -> i64 {
    seconds.round() as i64
}

fn file_of(file: &clients::library::ItemFile) -> BookFile {
    BookFile {
        relative_path: file.relative_path.clone(),
        size_bytes: file.size_bytes,
        duration_seconds: file.duration_seconds.map(whole),
        codec: file.codec.clone(),
        bitrate_kbps: file.bitrate_bps.and_then(|bits| i32::try_from(bits / 1000).ok()),
        format: file.format.clone(),
    }
}

/// Descriptions may hold HTML: tags become spaces or line breaks, the common entities their characters.
fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let tail = &rest[start..];
        let is_tag = tail[1..]
            .starts_with(|character: char| character.is_ascii_alphabetic() || character == '/' || character == '!');
        let Some(end) = tail.find('>').filter(|_| is_tag) else {
            text.push('<');
            rest = &tail[1..];
            continue;
        };
        let name = tail[1..end].trim_start_matches('/').to_ascii_lowercase();
        let is_block = ["p", "br", "div", "li", "h"]
            .iter()
            .any(|block| name.starts_with(block));
        text.push(if is_block { '\n' } else { ' ' });
        rest = &tail[end + 1..];
    }
    text.push_str(rest);
    let decoded = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(text, |text, (entity, character)| text.replace(entity, character));
    let lines = decoded
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_become_plain_text() {
        for (html, expected) in [
            (
                "<p>One <b>bold</b> word.</p><p>Two &amp; three</p>",
                "One bold word.\nTwo & three",
            ),
            ("1 < 2 and <i>so</i> on", "1 < 2 and so on"),
            ("an unclosed <script alert(1)", "an unclosed <script alert(1)"),
            ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
            ("", ""),
        ] {
            assert_eq!(plain_text(html), expected);
        }
    }

    #[test]
    fn authors_sort_by_family_name() {
        assert_eq!(author_sort("Frank Herbert"), "herbert frank");
        assert_eq!(author_sort("Herbert, Frank"), "herbert frank");
        assert_eq!(author_sort("Homer"), "homer");
        assert_eq!(author_sort("夏目漱石"), "夏目漱石");
    }

    #[test]
    fn an_item_without_a_title_is_called_by_its_folder() {
        let item = Item {
            path: "/audiobooks/Anon/Lost Book".into(),
            ..Item::default()
        };
        assert_eq!(title_of(&item), "Lost Book");
    }
}
