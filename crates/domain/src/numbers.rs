//! Numbers as titles write them: roman, spelled, Japanese and Chinese.

/// A roman numeral of two letters and more up to 89, in folded text.
///
/// Single letters are words far too often ("I, Robot", "X-Men"), and longer alphabets make words of numbers ("mix", "dim").
pub(crate) fn parse_roman(word: &str) -> Option<u32> {
    // Liv is a name, li and xl are a name and a size.
    if word.len() < 2 || matches!(word, "liv" | "li" | "xl" | "lv" | "lx") {
        return None;
    }
    parse_roman_letters(word)
}

/// As [`parse_roman`], and the single letters i, v and x: for places where nothing but a number is expected.
pub(crate) fn parse_roman_letters(word: &str) -> Option<u32> {
    let value = |letter| match letter {
        'i' => Some(1),
        'v' => Some(5),
        'x' => Some(10),
        'l' => Some(50),
        _ => None,
    };
    if word.is_empty() || word.len() > 8 {
        return None;
    }
    let values = word.chars().map(value).collect::<Option<Vec<u32>>>()?;
    let total = values.iter().enumerate().fold(0i64, |total, (at, value)| {
        let is_subtracted = values.get(at + 1).is_some_and(|next| next > value);
        total
            + if is_subtracted {
                -i64::from(*value)
            } else {
                i64::from(*value)
            }
    });
    let total = u32::try_from(total).ok()?;
    (word != "l" && format_roman(total) == word).then_some(total)
}

/// Lower-case roman numeral of 1 to 89; empty for 0.
pub(crate) fn format_roman(number: u32) -> String {
    const STEPS: [(u32, &str); 7] = [
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    let mut rest = number;
    let mut roman = String::new();
    for (value, letters) in STEPS {
        while rest >= value {
            roman.push_str(letters);
            rest -= value;
        }
    }
    roman
}

/// A spelled cardinal at the start of `words`, with the number of words that it takes: "twenty one", "nineteen eighty four".
pub(crate) fn parse_spelled<S: AsRef<str>>(words: &[S]) -> Option<(u32, usize)> {
    let mut total = 0;
    let mut current = 0;
    let mut used = 0;
    for word in words.iter().take(8) {
        let Some(part) = spelled_part(word.as_ref()) else { break };
        let Some((next_total, next_current)) = add_part(part, total, current, used == 0) else {
            break;
        };
        (total, current) = (next_total, next_current);
        used += 1;
    }
    (used > 0).then_some((total + current, used))
}

#[derive(Clone, Copy)]
enum Part {
    Unit(u32),
    Ten(u32),
    Hundred,
    Thousand,
}

fn add_part(part: Part, total: u32, current: u32, is_first: bool) -> Option<(u32, u32)> {
    match part {
        Part::Unit(unit) if is_first => Some((total, unit)),
        Part::Unit(unit) if current % 100 >= 20 && current.is_multiple_of(10) && (1..10).contains(&unit) => {
            Some((total, current + unit))
        }
        Part::Unit(unit) if current.is_multiple_of(100) && current + total > 0 && unit > 0 => {
            Some((total, current + unit))
        }
        Part::Ten(ten) if is_first || (current.is_multiple_of(100) && current + total > 0) => {
            Some((total, current + ten))
        }
        // Years are read in pairs: nineteen eighty.
        Part::Ten(ten) if total == 0 && (10..100).contains(&current) => Some((total, current * 100 + ten)),
        Part::Hundred if is_first => Some((total, 100)),
        Part::Hundred if (1..100).contains(&current) => Some((total, current * 100)),
        Part::Thousand if is_first => Some((1000, 0)),
        Part::Thousand if total == 0 && current > 0 => Some((current * 1000, 0)),
        _ => None,
    }
}

/// Words that mean something else in another language are left out on purpose: "once", "elf", "due", "sei", "neuf", "cent".
fn spelled_part(word: &str) -> Option<Part> {
    let unit = match word {
        "zero" | "null" | "ноль" => 0,
        "one" | "eins" | "uno" | "один" | "одна" => 1,
        "two" | "zwei" | "deux" | "dos" | "два" | "две" => 2,
        "three" | "drei" | "trois" | "tres" | "drie" | "три" => 3,
        "four" | "vier" | "quatre" | "cuatro" | "quattro" | "quatro" | "четыре" => 4,
        "five" | "funf" | "cinq" | "cinco" | "cinque" | "vijf" | "пять" => 5,
        "six" | "sechs" | "seis" | "zes" | "шесть" => 6,
        "seven" | "sieben" | "sept" | "siete" | "sette" | "sete" | "zeven" | "семь" => 7,
        "eight" | "acht" | "huit" | "ocho" | "otto" | "oito" | "восемь" => 8,
        "nine" | "neun" | "nueve" | "negen" | "девять" => 9,
        "ten" | "zehn" | "dix" | "diez" | "dieci" | "десять" => 10,
        "eleven" | "onze" | "undici" | "одиннадцать" => 11,
        "twelve" | "zwolf" | "douze" | "doce" | "dodici" | "двенадцать" => 12,
        "thirteen" | "dreizehn" | "treize" | "trece" | "тринадцать" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        _ => return spelled_large(word),
    };
    Some(Part::Unit(unit))
}

fn spelled_large(word: &str) -> Option<Part> {
    Some(match word {
        "twenty" | "zwanzig" | "vingt" | "veinte" | "venti" | "двадцать" => Part::Ten(20),
        "thirty" | "dreissig" | "trente" | "treinta" | "trenta" | "тридцать" => Part::Ten(30),
        "forty" => Part::Ten(40),
        "fifty" => Part::Ten(50),
        "sixty" => Part::Ten(60),
        "seventy" => Part::Ten(70),
        "eighty" => Part::Ten(80),
        "ninety" => Part::Ten(90),
        "hundred" | "hundert" | "cien" | "сто" => Part::Hundred,
        "thousand" | "tausend" | "тысяча" => Part::Thousand,
        _ => return None,
    })
}

/// An ordinal after a word for "volume": "книга первая", "libro primero".
pub(crate) fn parse_ordinal(word: &str) -> Option<u32> {
    Some(match word {
        "first" | "1st" | "premier" | "primero" | "primo" | "первая" | "первый" | "الاول" => 1,
        "second" | "2nd" | "deuxieme" | "segundo" | "secondo" | "вторая" | "второй" | "الثاني" => 2,
        "third" | "3rd" | "troisieme" | "tercero" | "terzo" | "третья" | "третий" | "الثالث" => 3,
        "fourth" | "4th" | "quatrieme" | "cuarto" | "quarto" | "четвертая" | "четвертый" | "الرابع" => {
            4
        }
        "fifth" | "5th" | "cinquieme" | "quinto" | "пятая" | "пятыи" | "пятый" | "الخامس" => 5,
        _ => return None,
    })
}

/// 三, 十二, 二十一: numbers up to 99 in Chinese characters.
pub(crate) fn parse_han(text: &str) -> Option<u32> {
    let digit = |letter| "〇一二三四五六七八九".chars().position(|known| known == letter);
    let mut total = 0;
    let mut pending = None;
    for letter in text.chars() {
        if letter == '十' {
            total += 10 * pending.take().unwrap_or(1);
        } else if pending.is_none() {
            pending = Some(digit(letter)?);
        } else {
            return None;
        }
    }
    let total = total + pending.unwrap_or(0);
    (!text.is_empty()).then_some(u32::try_from(total).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roman_numerals_are_read_only_in_their_proper_form() {
        for (word, expected) in [
            ("ii", Some(2)),
            ("iv", Some(4)),
            ("xiv", Some(14)),
            ("xlii", Some(42)),
            ("iiii", None),
            ("mix", None),
            ("vx", None),
            ("liv", None),
            ("i", None),
            ("", None),
        ] {
            assert_eq!(parse_roman(word), expected, "{word}");
        }
        assert_eq!(parse_roman_letters("v"), Some(5));
        assert_eq!(parse_roman_letters("l"), None);
        assert_eq!(parse_roman_letters("xxxxxxxxx"), None);
        assert!((1..90).all(|number| parse_roman_letters(&format_roman(number)) == Some(number) || number == 50));
    }

    #[test]
    fn spelled_numbers_are_read_as_they_are_spoken() {
        for (text, expected) in [
            ("three men", Some((3, 1))),
            ("twenty one", Some((21, 2))),
            ("nineteen eighty four", Some((1984, 3))),
            ("twenty thousand leagues", Some((20_000, 2))),
            ("one hundred years", Some((100, 2))),
            ("hundred days", Some((100, 1))),
            ("thousand one nights", Some((1001, 2))),
            ("two hundred fifty six", Some((256, 4))),
            ("one two three", Some((1, 1))),
            ("сто лет", Some((100, 1))),
            ("sieben", Some((7, 1))),
            ("once upon", None),
            ("thirteen hundred", Some((1300, 2))),
            ("zero hundred", Some((0, 1))),
        ] {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(parse_spelled(&words), expected, "{text}");
        }
        for (number, word) in (14..20).zip(["fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]) {
            assert_eq!(parse_spelled(&[word]), Some((number, 1)));
        }
        for (number, word) in (4..10).zip(["forty", "fifty", "sixty", "seventy", "eighty", "ninety"]) {
            assert_eq!(parse_spelled(&[word]), Some((number * 10, 1)));
        }
    }

    #[test]
    fn ordinals_and_han_numbers_are_read() {
        assert_eq!(parse_ordinal("третья"), Some(3));
        assert_eq!(parse_ordinal("dritte"), None);
        for (text, expected) in [
            ("三", Some(3)),
            ("十", Some(10)),
            ("十二", Some(12)),
            ("二十一", Some(21)),
            ("体", None),
            ("", None),
            ("三三", None),
        ] {
            assert_eq!(parse_han(text), expected, "{text}");
        }
    }
}
