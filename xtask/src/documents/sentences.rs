//! Sentences of the programs, to hold quotations in documents to.

/// In place of what a program fills in, in quotations too.
const GAP: char = '…';
/// A quotation with less of its own than this could be anything.
const LEAST_LETTERS: usize = 8;

/// Every text in double quotation marks outside of unit tests and comments.
pub fn read_sentences(source: &str) -> Vec<String> {
    let product = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut sentences = Vec::new();
    let mut rest = product;
    while let Some(start) = rest.find(['"', '\'', '/', '#']) {
        let at = &rest[start..];
        let is_line_comment = at.starts_with("//") || (at.starts_with("# ") && !rest[..start].ends_with(' '));
        if is_line_comment {
            rest = at.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(after) = at.strip_prefix("'\"'").or_else(|| at.strip_prefix("'\\\"'")) {
            rest = after;
        } else if let Some(after) = at.strip_prefix("#\"").filter(|_| rest[..start].ends_with('r')) {
            let (text, behind) = after.split_once("\"#").unwrap_or((after, ""));
            sentences.push(fill_gaps(text));
            rest = behind;
        } else if let Some(after) = at.strip_prefix('"') {
            let end = find_end(after);
            sentences.push(fill_gaps(&unescape(&after[..end])));
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            rest = &at[1..];
        }
    }
    sentences.retain(|sentence| sentence.contains(' '));
    sentences
}

/// Whether a program can say this; `…` in it stands for what the program fills in.
pub fn is_said(quote: &str, sentences: &[String]) -> bool {
    let own = quote.chars().filter(|letter| letter.is_alphabetic()).count();
    own >= LEAST_LETTERS && sentences.iter().any(|sentence| sentence.contains(quote))
}

/// Where the text ends: at the first quotation mark without a backslash.
fn find_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (place, letter) in text.char_indices() {
        match letter {
            '"' if !is_escaped => return place,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            // The text goes on in the next line.
            ('\\', Some('\n')) => while letters.next_if(|next| next.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                letters.next();
                out.push(' ');
            }
            ('\\', Some(_)) => out.extend(letters.next()),
            _ => out.push(letter),
        }
    }
    out
}

/// `{name}` of Rust and `$name`, `${name}`, `$(command)` of the shell become `…`.
fn fill_gaps(text: &str) -> String {
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(['{', '$']) {
        out += &rest[..start];
        let at = &rest[start..];
        let inner = at.trim_start_matches('$');
        let length = match inner.chars().next() {
            Some('{') => inner.find('}').map_or(inner.len(), |end| end + 1),
            Some('(') => inner.find(')').map_or(inner.len(), |end| end + 1),
            _ => inner
                .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .unwrap_or(inner.len()),
        };
        out.push(GAP);
        rest = &inner[length..];
    }
    out += rest;
    out.replace('\u{1}', "{").replace('\u{2}', "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences() -> Vec<String> {
        let source = concat!(
            "/// A \"comment here\".\n",
            "bail!(\"{name} is \\\"{text}\\\"; it can be \\\n        pretty or json\");\n",
            "let quote = '\"'; \"has {{title}} inside\"; r#\"raw \"text\" here\"#;\n",
            "echo \"PUID is $PUID, but runs as $(id -u).\"\n",
            "#[cfg(test)]\nmod tests {\n\"only in a test\"",
        );
        read_sentences(source)
    }

    #[test]
    fn texts_are_read_with_gaps_where_something_is_filled_in() {
        let expected = [
            "… is \"…\"; it can be pretty or json",
            "has {title} inside",
            "raw \"text\" here",
            "PUID is …, but runs as ….",
        ];
        assert_eq!(sentences(), expected);
    }

    #[test]
    fn a_sentence_that_no_program_says_is_found_out() {
        let sentences = sentences();
        assert!(is_said("it can be pretty or json", &sentences));
        assert!(is_said("… is \"…\"; it can be pretty", &sentences));
        for wrong in ["it can be pretty or plain", "only in a test", "…", "is \"…\""] {
            assert!(!is_said(wrong, &sentences), "{wrong}");
        }
    }
}
