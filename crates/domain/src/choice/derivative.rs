//! Summaries, study guides and fan fiction, which carry the title of the work that they are about.

use crate::normalise::search_key;

/// What betrays it, or `None`. Words that the wanted title has itself prove nothing.
pub(super) fn find_derivative(title: &str, authors: &[String], tags: &str, wanted_title: &str) -> Option<String> {
    let (title, wanted) = (pad(title), pad(wanted_title));
    let by_title = TITLE_SIGNS
        .iter()
        .find(|sign| contains_words(&title, sign) && !contains_words(&wanted, sign));
    let by_start = START_SIGNS
        .iter()
        .find(|sign| title.starts_with(&pad(sign)) && !wanted.starts_with(&pad(sign)));
    let by_author = authors
        .iter()
        .find(|author| AUTHOR_SIGNS.contains(&search_key(author).replace(' ', "").as_str()));
    // Tags also praise and compare, so only those of fan fiction count.
    let by_tag = TAG_SIGNS
        .iter()
        .find(|sign| contains_words(&pad(tags), sign) && !contains_words(&wanted, sign));
    by_title
        .or(by_start)
        .map(|sign| format!("its title says “{sign}”"))
        .or_else(|| by_author.map(|author| format!("it is by {}", crate::identity::shorten(author))))
        .or_else(|| by_tag.map(|sign| format!("it is tagged “{sign}”")))
}

const TITLE_SIGNS: &[&str] = &[
    "summary of",
    "summary and analysis",
    "summary analysis",
    "book summary",
    "study guide",
    "sparknotes",
    "cliffsnotes",
    "cliffs notes",
    "analysis of",
    "key takeaways",
    "key insights",
    "conversation starters",
    "a guide to",
    "workbook for",
    "companion to",
    "unofficial guide",
    "reading guide",
    "in 15 minutes",
    "in 30 minutes",
    "book review",
    "trivia",
    "fan fiction",
    "fanfiction",
    "fanfic",
    "bookcaps",
    "blinkist",
    "lesson plan",
    "lektureschlussel",
    "lekturehilfe",
    "zusammenfassung",
    "interpretation zu",
    "resume et analyse",
    "fiche de lecture",
    "resumen de",
    "riassunto di",
    "краткое содержание",
    "краткии пересказ",
    "краткий пересказ",
    "фанфик",
    "要約",
    "解説",
    "二次創作",
    "ملخص",
];
const START_SIGNS: &[&str] = &["summary", "analysis", "resumen", "resume de", "summarized"];
const TAG_SIGNS: &[&str] = &[
    "fan fiction",
    "fanfiction",
    "fanfic",
    "фанфик",
    "study guide",
    "book summary",
];
const AUTHOR_SIGNS: &[&str] = &[
    "sparknotes",
    "cliffsnotes",
    "instaread",
    "instareadsummaries",
    "bookhabits",
    "blinkist",
    "getabstract",
    "shortform",
    "dailybooks",
    "readtrepreneur",
    "readtrepreneurpublishing",
    "bookcaps",
    "superreads",
    "quickread",
    "worthbooks",
    "supersummary",
    "brightsummaries",
    "litcharts",
    "fastreads",
    "speedyreads",
    "swiftreads",
    "wizbuzz",
    "12minreads",
];

fn pad(text: &str) -> String {
    format!(" {} ", search_key(text))
}

/// Whole words where the script has spaces; anywhere where it has none.
fn contains_words(padded: &str, sign: &str) -> bool {
    let is_spaceless = sign.chars().all(|letter| u32::from(letter) >= 0x3000);
    if is_spaceless {
        padded.contains(sign)
    } else {
        padded.contains(&pad(sign))
    }
}
