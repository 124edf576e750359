//! The site's language ids, and the codes that it and Prowlarr write into answers.

struct SiteLanguage {
    id: i64,
    /// English name. Variants that people don't tell apart in audiobooks share one.
    name: &'static str,
    /// ISO 639 codes and the site's own, in lower case.
    codes: &'static [&'static str],
}

const fn language(id: i64, name: &'static str, codes: &'static [&'static str]) -> SiteLanguage {
    SiteLanguage { id, name, codes }
}

/// Marks what is in none of the listed languages.
const OTHER: i64 = 47;

const LANGUAGES: &[SiteLanguage] = &[
    language(1, "English", &["eng", "en"]),
    language(2, "Chinese", &["chi", "zho", "zh", "cmn"]),
    language(3, "Gujarati", &["guj", "gu"]),
    language(4, "Spanish", &["spa", "es", "esp"]),
    language(5, "Kannada", &["kan", "kn"]),
    language(6, "Burmese", &["bur", "mya", "my"]),
    language(7, "Thai", &["tha", "th"]),
    language(8, "Hindi", &["hin", "hi"]),
    language(9, "Marathi", &["mar", "mr"]),
    language(10, "Telugu", &["tel", "te"]),
    language(11, "Tamil", &["tam", "ta"]),
    language(12, "Javanese", &["jav", "jv"]),
    language(13, "Vietnamese", &["vie", "vi"]),
    language(14, "Punjabi", &["pan", "pa"]),
    language(15, "Urdu", &["urd", "ur"]),
    language(16, "Russian", &["rus", "ru"]),
    language(17, "Afrikaans", &["afr", "af"]),
    language(18, "Bulgarian", &["bul", "bg"]),
    language(19, "Catalan", &["cat", "ca"]),
    language(20, "Czech", &["cze", "ces", "cs"]),
    language(21, "Danish", &["dan", "da"]),
    language(22, "Dutch", &["dut", "nld", "nl"]),
    language(23, "Finnish", &["fin", "fi"]),
    language(24, "Scottish Gaelic", &["gla", "gd"]),
    language(25, "Ukrainian", &["ukr", "uk"]),
    language(26, "Greek", &["gre", "ell", "el"]),
    language(27, "Hebrew", &["heb", "he"]),
    language(28, "Hungarian", &["hun", "hu"]),
    language(29, "Tagalog", &["tgl", "tl"]),
    language(30, "Romanian", &["rum", "ron", "ro"]),
    language(31, "Serbian", &["srp", "sr"]),
    language(32, "Arabic", &["ara", "ar"]),
    language(33, "Malay", &["may", "msa", "ms"]),
    language(34, "Portuguese", &["por", "pt"]),
    language(35, "Bengali", &["ben", "bn"]),
    language(36, "French", &["fre", "fra", "fr"]),
    language(37, "German", &["ger", "deu", "de"]),
    language(38, "Japanese", &["jpn", "ja", "jap"]),
    language(39, "Persian", &["per", "fas", "fa", "farsi"]),
    language(40, "Swedish", &["swe", "sv"]),
    language(41, "Korean", &["kor", "ko"]),
    language(42, "Turkish", &["tur", "tr"]),
    language(43, "Italian", &["ita", "it"]),
    language(44, "Cantonese", &["yue"]),
    language(45, "Polish", &["pol", "pl"]),
    language(46, "Latin", &["lat", "la"]),
    language(48, "Norwegian", &["nor", "no", "nob", "nno"]),
    language(49, "Croatian", &["hrv", "hr"]),
    language(50, "Lithuanian", &["lit", "lt"]),
    language(51, "Bosnian", &["bos", "bs"]),
    language(52, "Portuguese", &["bp", "brazilian", "brazilian portuguese"]),
    language(53, "Indonesian", &["ind", "id"]),
    language(54, "Slovenian", &["slv", "sl"]),
    language(55, "Spanish", &["castilian", "castilian spanish"]),
    language(56, "Irish", &["gle", "ga"]),
    language(57, "Manx", &["glv", "gv"]),
    language(58, "Malayalam", &["mal", "ml"]),
    language(59, "Ancient Greek", &["grc"]),
    language(60, "Sanskrit", &["san", "sa"]),
    language(61, "Estonian", &["est", "et"]),
    language(62, "Latvian", &["lav", "lv"]),
    language(63, "Icelandic", &["ice", "isl", "is"]),
];

/// English name of a site id; "Other" for the site's own "other".
pub(crate) fn name_of_id(id: i64) -> Option<&'static str> {
    if id == OTHER {
        return Some("Other");
    }
    LANGUAGES
        .iter()
        .find(|language| language.id == id)
        .map(|language| language.name)
}

/// English name of a code ("ENG", "de") or of a name in any case.
pub(crate) fn name_of_code(code: &str) -> Option<&'static str> {
    let code = code.trim().to_lowercase();
    let is_it =
        |language: &&SiteLanguage| language.codes.contains(&code.as_str()) || language.name.eq_ignore_ascii_case(&code);
    LANGUAGES.iter().find(is_it).map(|language| language.name)
}

/// Site ids for names, variants included. Empty, which means every language, when a name is not known to the site:
/// narrowing to the others would hide what is looked for.
pub(super) fn ids_of_names(names: &[String]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        let Some(name) = name_of_code(name) else {
            return Vec::new();
        };
        ids.extend(
            LANGUAGES
                .iter()
                .filter(|language| language.name == name)
                .map(|language| language.id.to_string()),
        );
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<String> {
        ids_of_names(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_and_codes_become_site_ids_with_their_variants() {
        assert_eq!(ids(&["English"]), ["1"]);
        assert_eq!(ids(&["german", "PT"]), ["37", "34", "52"]);
        assert_eq!(ids(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_language_that_the_site_does_not_list_widens_the_search() {
        assert_eq!(ids(&["English", "Esperanto"]), Vec::<String>::new());
    }

    #[test]
    fn answers_name_their_language_by_id_or_code() {
        assert_eq!(
            (name_of_id(38), name_of_id(47), name_of_id(9_999)),
            (Some("Japanese"), Some("Other"), None)
        );
        assert_eq!(
            (name_of_code("ENG"), name_of_code("rus"), name_of_code("")),
            (Some("English"), Some("Russian"), None)
        );
    }

    #[test]
    fn no_id_and_no_code_is_listed_twice() {
        let mut ids: Vec<_> = LANGUAGES.iter().map(|language| language.id).collect();
        let mut codes: Vec<_> = LANGUAGES.iter().flat_map(|language| language.codes).collect();
        let (id_count, code_count) = (ids.len(), codes.len());
        ids.sort_unstable();
        ids.dedup();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!((ids.len(), codes.len()), (id_count, code_count));
    }
}
