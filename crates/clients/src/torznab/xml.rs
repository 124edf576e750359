//! XML as feeds send it, read without DTDs, without entities of its own, and with limits.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader};

use crate::text::resolve_entity;

const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 200_000;

/// An element by its local name: prefixes differ between feeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children_named(name).next()
    }

    pub fn children_named(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Trimmed text of a child; `None` when it is missing or empty.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name)
            .map(|child| child.text.trim())
            .filter(|text| !text.is_empty())
    }
}

/// The root element. The error is a clause for people.
pub(super) fn parse_xml(bytes: &[u8]) -> Result<Element, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    let mut elements = 0;
    loop {
        match reader.read_event().map_err(|error| fault(&error, &reader))? {
            Event::Start(start) => {
                elements = count_element(elements, open.len())?;
                open.push(read_start(&start));
            }
            Event::Empty(start) => {
                elements = count_element(elements, open.len())?;
                let element = read_start(&start);
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
            Event::End(_) => {
                let Some(element) = open.pop() else {
                    return Err("XML that closes what it never opened".into());
                };
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
            Event::Text(text) => append(&mut open, &text),
            Event::CData(text) => append(&mut open, &text),
            Event::GeneralRef(name) => append(&mut open, &resolve_reference(&name)),
            Event::DocType(_) => return Err("XML with a document type definition, which is refused".into()),
            Event::Eof => return Err("XML that is cut off".into()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

/// Where it breaks, never what stands there: the parser's own sentence quotes names of any length, with whatever key is in them.
fn fault(error: &Error, reader: &Reader<&[u8]>) -> String {
    let fault = match error {
        Error::IllFormed(_) => "a tag is out of place",
        _ => "it breaks XML's grammar",
    };
    format!("XML that can't be read ({fault}, byte {})", reader.error_position())
}

fn count_element(elements: usize, depth: usize) -> Result<usize, String> {
    if depth >= MAX_DEPTH {
        return Err(format!("XML nested deeper than {MAX_DEPTH} levels"));
    }
    if elements >= MAX_ELEMENTS {
        return Err(format!("XML with more than {MAX_ELEMENTS} elements"));
    }
    Ok(elements + 1)
}

fn read_start(start: &BytesStart<'_>) -> Element {
    let mut attributes = start.html_attributes();
    let attributes = attributes.with_checks(false).flatten().map(|attribute| {
        let key = attribute.key.local_name().as_ref().to_owned();
        (key, crate::text::decode_entities(&attribute.value))
    });
    Element {
        name: start.local_name().as_ref().to_owned(),
        attributes: attributes.collect(),
        ..Element::default()
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// The character of a standard reference; others stay as they were written, never expanded.
fn resolve_reference(name: &str) -> String {
    resolve_entity(name).map_or_else(|| format!("&{name};"), String::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_comes_from_references_and_cdata_alike() {
        let root = parse_xml(b"\xef\xbb\xbf<?xml version=\"1.0\"?><a>R&amp;B &#233; &nope;<![CDATA[ <b> &amp;]]></a>")
            .unwrap();
        assert_eq!(root.text, "R&B é &nope; <b> &amp;");
    }

    #[test]
    fn prefixes_do_not_matter() {
        let root = parse_xml(b"<r xmlns:t='x'><t:attr name='a&amp;b' value=\"1\"/><n:attr/></r>").unwrap();
        assert_eq!(root.children_named("attr").count(), 2);
        assert_eq!(root.children[0].attribute("name"), Some("a&b"));
    }

    #[test]
    fn document_types_are_refused() {
        let attack = br#"<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>"#;
        assert!(parse_xml(attack).unwrap_err().contains("document type"));
    }

    #[test]
    fn depth_and_number_of_elements_are_limited() {
        assert!(parse_xml("<a>".repeat(40).as_bytes()).unwrap_err().contains("deeper"));
        let many = format!("<r>{}</r>", "<a/>".repeat(MAX_ELEMENTS));
        assert!(parse_xml(many.as_bytes()).unwrap_err().contains("more than"));
    }

    #[test]
    fn broken_xml_is_an_error_and_not_half_an_answer() {
        for text in ["", "plain", "<a>", "<a></b>", "</a>"] {
            assert!(parse_xml(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_fault_is_told_by_its_place_and_quotes_nothing() {
        let name = format!("apikey=s3cret{}", "x".repeat(5_000));
        for (text, place) in [
            (format!("<a></{name}>"), 3),
            (format!("<a><{name}></a>"), name.len() + 5),
            (format!("<a><!{name}>"), 3),
        ] {
            let sentence = parse_xml(text.as_bytes()).unwrap_err();
            assert!(sentence.starts_with("XML that can't be read ("), "{sentence}");
            assert!(sentence.ends_with(&format!(", byte {place})")), "{sentence}");
            assert!(sentence.len() < 100, "{sentence}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_xml(&bytes);
        }

        #[test]
        fn no_markup_makes_parsing_panic(text in "[<>/!?&;#='\"a-zé\\[\\]-]{0,80}") {
            let _ = parse_xml(text.as_bytes());
        }
    }
}
