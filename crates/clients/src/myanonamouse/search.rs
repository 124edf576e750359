//! The question to the site and the frame of its answer.

use serde_json::{Value, json};

use super::SERVICE;
use super::languages::ids_of_names;
use super::row::AUDIOBOOKS;
use crate::error::{ClientError, Result};
use crate::flex;
use crate::indexer::IndexerQuery;
use crate::text::{decode_entities, quote_words};

/// Page size; the site's pages give 5 to 100 in their older copies.
const PAGE_SIZE: u32 = 100;
/// The "error" of an answer without a hit, followed by a number.
const NO_HIT: &str = "nothing returned, out of";

/// The search's JSON body; `None` when the text holds no word, which would list the newest torrents.
///
/// `searchType` is "all": releases without a seeder come too, so that they can be shown as refused with the reason.
/// `dlLink` is not asked for, as the hash link is a credential that we don't need.
pub(super) fn search_body(query: &IndexerQuery) -> Option<Value> {
    let text = clean_words(&query.text);
    if text.is_empty() {
        return None;
    }
    let mut body = json!({
        "tor": {
            "text": text, "srchIn": ["title", "author", "narrator", "series"], "searchType": "all",
            "searchIn": "torrents", "main_cat": [AUDIOBOOKS.to_string()], "cat": ["0"], "browseFlagsHideVsShow": "0",
            "startDate": "", "endDate": "", "hash": "", "sortType": "default", "startNumber": "0",
        },
        "perpage": PAGE_SIZE, "isbn": "true", "description": "true", "mediaInfo": "true",
    });
    let languages = ids_of_names(&query.languages);
    if !languages.is_empty() {
        body["tor"]["browse_lang"] = json!(languages);
    }
    Some(body)
}

/// Every run of characters that are no part of a word becomes one space. Marks that join letters in other scripts stay.
fn clean_words(text: &str) -> String {
    let separated: String = text.chars().map(|c| if is_word_part(c) { c } else { ' ' }).collect();
    separated.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_word_part(c: char) -> bool {
    let is_mark_of_punctuation = matches!(c,
        '\u{80}'..='\u{a9}' | '\u{ab}'..='\u{b4}' | '\u{b6}'..='\u{b9}' | '\u{bb}'..='\u{bf}' | '×' | '÷'
        | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3020}' | '\u{ff00}'..='\u{ff0f}'
        | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}');
    c.is_alphanumeric() || (!c.is_ascii() && !c.is_whitespace() && !c.is_control() && !is_mark_of_punctuation)
}

/// The rows of an answer. An error object that says "nothing returned" is an empty answer, any other a failure.
pub(super) fn read_answer(mut answer: Value) -> Result<Vec<Value>> {
    let error = flex::text(&answer["error"]).unwrap_or_default().to_lowercase();
    if error.starts_with(NO_HIT) {
        return Ok(Vec::new());
    }
    refuse_error(&answer)?;
    match answer["data"].take() {
        Value::Array(rows) => Ok(rows),
        Value::Null => Err(unexpected("neither results nor an error")),
        _ => Err(unexpected("results that are no list")),
    }
}

/// Fails with the site's own words when an answer is an error object.
pub(super) fn refuse_error(answer: &Value) -> Result<()> {
    let words = flex::text(&answer["error"]);
    let words = words.or_else(|| flex::text(&answer["message"]).filter(|_| answer["data"].is_null()));
    match words {
        Some(words) => Err(unexpected(&format!(
            "it says \"{}\"",
            quote_words(&decode_entities(&words))
        ))),
        None => Ok(()),
    }
}

fn unexpected(detail: &str) -> ClientError {
    ClientError::UnexpectedAnswer {
        service: SERVICE.into(),
        detail: detail.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(text: &str, languages: &[&str]) -> IndexerQuery {
        IndexerQuery {
            text: text.into(),
            languages: languages.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn the_question_is_as_the_contract_has_it() {
        insta::assert_json_snapshot!(search_body(&query(
            "Project: Hail-Mary!  (Weir)",
            &["English", "German"]
        )));
    }

    #[test]
    fn without_languages_none_are_named() {
        let body = search_body(&query("dune", &[])).unwrap();
        assert!(body["tor"].get("browse_lang").is_none());
    }

    #[test]
    fn words_of_every_script_stay_whole() {
        for (text, expected) in [
            ("Преступление — и наказание!", "Преступление и наказание"),
            ("「ノルウェイの森」 上", "ノルウェイの森 上"),
            ("हिन्दी, किताब", "हिन्दी किताब"),
            ("Ender's Game: “Book” #1", "Ender s Game Book 1"),
            ("...", ""),
        ] {
            assert_eq!(clean_words(text), expected);
        }
    }

    #[test]
    fn nothing_to_search_is_not_sent() {
        assert_eq!(search_body(&query(" -- ", &["English"])), None);
    }

    #[test]
    fn no_hit_is_an_empty_answer_and_other_errors_are_failures() {
        assert!(
            read_answer(json!({"error": "Nothing returned, out of 0"}))
                .unwrap()
                .is_empty()
        );
        assert!(
            read_answer(json!({"error": "nothing returned, out of 1234"}))
                .unwrap()
                .is_empty()
        );
        let words = read_answer(json!({"error": "Invalid search <br /> type"}))
            .unwrap_err()
            .to_string();
        assert!(words.contains("Invalid search"), "{words}");
        assert!(
            read_answer(json!({"message": "Maintenance"}))
                .unwrap_err()
                .to_string()
                .contains("Maintenance")
        );
        assert!(read_answer(json!({"total": 0})).is_err());
        assert_eq!(read_answer(json!({"data": [], "message": "fine"})).unwrap().len(), 0);
    }

    proptest! {
        #[test]
        fn cleaned_words_hold_no_ascii_punctuation(text in "\\PC{0,80}") {
            let cleaned = clean_words(&text);
            prop_assert!(cleaned.chars().all(|c| !c.is_ascii_punctuation()));
            prop_assert_eq!(clean_words(&cleaned), cleaned);
        }
    }
}
