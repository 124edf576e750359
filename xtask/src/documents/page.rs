//! A document taken apart as far as the checks need: prose, code, headings and quotations.

use std::collections::{BTreeMap, BTreeSet};

/// A Markdown file of the project.
pub struct Page {
    /// From the root, with slashes.
    pub path: String,
    /// Paragraphs without their code, for links.
    pub prose: Vec<String>,
    pub code: Vec<Code>,
    /// What `#` in a link may name.
    pub anchors: BTreeSet<String>,
    /// Headings without their marks.
    pub headings: Vec<String>,
    /// Lines that begin with `> `, without that.
    pub quotes: Vec<String>,
    pub text: String,
}

/// A code span, or a line of a code block.
pub struct Code {
    pub text: String,
    pub is_span: bool,
}

impl Page {
    pub fn read(path: &str, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            prose: Vec::new(),
            code: Vec::new(),
            anchors: BTreeSet::new(),
            headings: Vec::new(),
            quotes: Vec::new(),
            text: text.to_owned(),
        };
        let mut paragraph = String::new();
        let mut is_fenced = false;
        for line in text.lines() {
            let is_fence = line.trim_start().starts_with("```");
            let is_block = is_fenced || (paragraph.is_empty() && line.starts_with("    "));
            if is_fence {
                is_fenced = !is_fenced;
            } else if is_block {
                page.code.push(Code {
                    text: line.trim().to_owned(),
                    is_span: false,
                });
                continue;
            } else if !line.trim().is_empty() {
                page.read_line(line);
                paragraph += line;
                paragraph += "\n";
                continue;
            }
            page.read_paragraph(&std::mem::take(&mut paragraph));
        }
        page.read_paragraph(&paragraph);
        page.anchors = read_anchors(&page.headings);
        page
    }

    fn read_line(&mut self, line: &str) {
        if let Some(quote) = line.strip_prefix("> ") {
            self.quotes.push(quote.trim().to_owned());
        }
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            self.headings.push(heading.trim().to_owned());
        }
    }

    /// Takes the code spans out of it; a run of backticks ends at a run of the same length.
    fn read_paragraph(&mut self, paragraph: &str) {
        let mut prose = String::new();
        let mut rest = paragraph;
        while let Some(start) = rest.find('`') {
            let run = rest[start..].chars().take_while(|letter| *letter == '`').count();
            let fence = "`".repeat(run);
            let after = &rest[start + run..];
            prose += &rest[..start];
            let Some((span, behind)) = after.split_once(fence.as_str()) else {
                rest = after;
                continue;
            };
            self.code.push(Code {
                text: span.split_whitespace().collect::<Vec<_>>().join(" "),
                is_span: true,
            });
            // Something stays in its place: a link's text may be code alone.
            prose += "code";
            rest = behind;
        }
        prose += rest;
        if !prose.is_empty() {
            self.prose.push(prose);
        }
    }
}

/// As GitHub makes them; of two the same, the second gets a number.
fn read_anchors(headings: &[String]) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for heading in headings {
        let letters = heading.to_lowercase();
        let kept = letters
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
        let count = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *count == 0 {
            anchor
        } else {
            format!("{anchor}-{count}")
        });
        *count += 1;
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_prose_headings_and_quotations_are_told_apart() {
        let text = "# A `b` C\n\nSee `make\nup` and [that](x.md).\n\n```sh\nmake down\n```\n\n    make site\n\n> Said.\n\n# A b C\n";
        let page = Page::read("README.md", text);
        let code: Vec<_> = page
            .code
            .iter()
            .map(|code| (code.text.as_str(), code.is_span))
            .collect();
        let expected = [
            ("b", true),
            ("make up", true),
            ("make down", false),
            ("make site", false),
        ];
        assert_eq!(code, expected);
        assert_eq!(page.anchors, ["a-b-c", "a-b-c-1"].map(str::to_owned).into());
        assert_eq!(page.quotes, ["Said."]);
        assert!(
            page.prose.iter().any(|prose| prose.contains("[that](x.md)")),
            "{:?}",
            page.prose
        );
    }
}
