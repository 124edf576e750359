//! Names and codes of languages to one word each.

/// English name in lower case of a language given as ISO 639-1/2 code, English or native name; an unknown word is folded.
///
/// Regional kinds ("Brazilian Portuguese", "Spanish (Latin)", "en-GB") count as their language.
pub(crate) fn canonical_language(text: &str) -> String {
    let folded = crate::normalise::search_key(text);
    folded
        .split(' ')
        .find_map(|word| LANGUAGES.iter().find(|names| names.contains(&word)))
        .map_or(folded.clone(), |names| names[0].to_owned())
}

/// English name first, then codes and native names as `search_key` folds them.
const LANGUAGES: &[&[&str]] = &[
    &["english", "en", "eng"],
    &["german", "de", "deu", "ger", "deutsch"],
    &["french", "fr", "fra", "fre", "francais"],
    &["spanish", "es", "spa", "espanol", "castellano", "castilian"],
    &["italian", "it", "ita", "italiano"],
    &["dutch", "nl", "nld", "dut", "nederlands"],
    &["portuguese", "pt", "por", "portugues", "brazilian"],
    &["russian", "ru", "rus", "русский"],
    &["ukrainian", "uk", "ukr", "украінська", "українська"],
    &["polish", "pl", "pol", "polski"],
    &["czech", "cs", "ces", "cze", "cestina"],
    &["hungarian", "hu", "hun", "magyar"],
    &["romanian", "ro", "ron", "rum", "romana"],
    &["greek", "el", "ell", "gre", "ελληνικα"],
    &["turkish", "tr", "tur", "turkce"],
    &["swedish", "sv", "swe", "svenska"],
    &["norwegian", "no", "nb", "nn", "nor", "norsk"],
    &["danish", "da", "dan", "dansk"],
    &["finnish", "fi", "fin", "suomi"],
    &["japanese", "ja", "jpn", "日本語"],
    &["chinese", "zh", "zho", "chi", "mandarin", "中文"],
    &["korean", "ko", "kor", "한국어"],
    &["arabic", "ar", "ara", "العربية"],
    &["hebrew", "he", "heb", "עברית"],
    &["hindi", "hi", "hin", "हिन्दी"],
    &["latin", "la", "lat"],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_of_a_language_are_one() {
        for (text, expected) in [
            ("English", "english"),
            ("ENG", "english"),
            ("en-GB", "english"),
            ("Deutsch", "german"),
            ("Français", "french"),
            ("Brazilian Portuguese", "portuguese"),
            ("Spanish (Latin)", "spanish"),
            ("Русский", "russian"),
            ("日本語", "japanese"),
            ("العربية", "arabic"),
            ("Klingon", "klingon"),
        ] {
            assert_eq!(canonical_language(text), expected, "{text}");
        }
    }
}
