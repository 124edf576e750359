//! Folding of text to what two spellings of the same words have in common, in every script.
//!
//! Invariant: nothing is dropped because it is not ASCII. Only accents, vowel points and marks without a meaning of their
//! own go; kana voicing marks, Indic vowel signs and the breve of Cyrillic `й` stay, since they make other letters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// NFKD, case folded, diacritics off, native digits to ASCII, recomposed. Punctuation and spaces stay.
pub(crate) fn fold_text(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut base = ' ';
    for letter in text.chars().map(unify_sign).nfkd() {
        if is_combining_mark(letter) {
            if !is_diacritic(base, letter) {
                folded.push(letter);
            }
            continue;
        }
        base = letter;
        if !is_invisible(letter) {
            push_folded(&mut folded, letter);
        }
    }
    folded.nfc().collect()
}

/// Letters, digits and the marks that belong to them.
pub(crate) fn is_word_character(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter)
}

/// Signs that join a word instead of ending it: "Ender's".
pub(crate) fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | '`' | '＇' | '׳')
}

/// Upper case first: it is what unites `ß` with `ss`, `ς` with `σ` and `ı` with `i`.
fn push_folded(folded: &mut String, letter: char) {
    for lower in letter.to_uppercase().flat_map(char::to_lowercase) {
        match lower {
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ŧ' => folded.push('t'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            // Persian and Urdu keyboards write these for the Arabic kaf and yeh.
            '\u{6a9}' => folded.push('\u{643}'),
            '\u{6cc}' => folded.push('\u{64a}'),
            other => folded.push(fold_digit(other)),
        }
    }
}

/// NFKD would make "No" of the numero sign, which is a word of its own.
fn unify_sign(letter: char) -> char {
    match letter {
        '№' | '＃' | '♯' => '#',
        other => other,
    }
}

fn fold_digit(letter: char) -> char {
    const ZEROS: [u32; 12] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xe50,
    ];
    let code = u32::from(letter);
    ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&code))
        .and_then(|zero| char::from_digit(code - zero, 10))
        .unwrap_or(letter)
}

/// Tatweel, soft hyphen, joiners, direction overrides and other controls. White space is left alone.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{640}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || (letter.is_control() && !letter.is_whitespace())
}

fn is_diacritic(base: char, mark: char) -> bool {
    // й, ў and ї are letters of their own; ё is written е as often as not.
    let is_letter_of_its_own = matches!(
        (base, mark),
        ('и' | 'И' | 'у' | 'У', '\u{306}') | ('і' | 'І', '\u{308}')
    );
    !is_letter_of_its_own
        && matches!(mark,
            '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
            // Cyrillic titlo, Hebrew points, Arabic harakat and Koranic marks, Syriac points.
            | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
            | '\u{6d6}'..='\u{6ed}' | '\u{711}' | '\u{730}'..='\u{74a}' | '\u{8ca}'..='\u{8ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(fold_text(text), expected, "{text}");
    }

    #[test]
    fn accents_and_case_go_and_letters_stay() {
        check("Éléonore CAFÉ", "eleonore cafe");
        check("Straße STRASSE", "strasse strasse");
        check("Œuvre Ærø Łódź Þór Đorđe", "oeuvre aero lodz thor dorde");
        check("Ὀδυσσεύς", "οδυσσευσ");
        check("Istanbul ıİ", "istanbul ii");
        check("ﬁn Ｄｕｎｅ ½", "fin dune 1⁄2");
    }

    #[test]
    fn cyrillic_short_i_is_one_letter_however_it_is_written() {
        check("Войнa", "войнa");
        assert_eq!(fold_text("Йод"), fold_text("И\u{306}од"));
        assert_ne!(fold_text("мой"), fold_text("мои"));
        check("Ёлка Їжак", "елка їжак");
    }

    #[test]
    fn kana_keep_their_voicing_and_hangul_is_recomposed() {
        check("ガンダム", "ガンダム");
        check("カ\u{3099}ンタ\u{3099}ム", "ガンダム");
        check("ﾊﾟﾝ", "パン");
        check("해리 포터", "해리 포터");
        assert_ne!(fold_text("ガ"), fold_text("カ"));
    }

    #[test]
    fn arabic_and_hebrew_lose_points_and_indic_keeps_vowel_signs() {
        check("كِتَابُ", "كتاب");
        check("الـــكتاب", "الكتاب");
        check("أحمد إلى آخر", "احمد الى اخر");
        check("کتاب ی", "كتاب ي");
        check("שָׁלוֹם", "שלום");
        check("हिन्दी", "हिन्दी");
        check("ไทยน้ำ", fold_text("ไทยน้ำ").as_str());
        check("٣ ۴ ५ ３", "3 4 5 3");
    }

    #[test]
    fn invisible_characters_go() {
        check("Du\u{200b}ne\u{202e}\u{0}\u{ad}", "dune");
        check("№3", "#3");
    }
}
