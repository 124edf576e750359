//! The template's language: parsing it, and writing one folder of it.

use std::str::FromStr;

use super::safe::{MAX_COMPONENT_BYTES, safe_component};
use super::values::Values;

/// A parsed naming template; `naming` tells its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
}

/// What is wrong with a template, as a sentence for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error(
        "The template has no field {{{0}}}. Use author, title, subtitle, series, sequence, year, narrator or asin."
    )]
    UnknownField(String),
    #[error("A brace is not closed or not opened. Write {{field}}, or {{{{field}}}} for braces around the value.")]
    UnbalancedBrace,
    #[error("The template needs {{title}}: without it different books would share a folder. Add {{title}}.")]
    NoTitle,
    #[error("The template begins with '/'. Folders are made below the library: remove the '/'.")]
    AbsolutePath,
    #[error("The template leads out of the library with '{0}'. Remove it.")]
    Traversal(String),
    #[error("A folder name can't hold '{0}'. Remove it from the template.")]
    ForbiddenCharacter(char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Author,
    Title,
    Subtitle,
    Series,
    Sequence,
    Year,
    Narrator,
    Asin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    Pieces(Vec<Piece>),
}

/// A field with the text that belongs to it, and the text before the next field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    opening: String,
    field: Field,
    closing: String,
    separator: String,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// A sentence for the first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let text = text.trim();
        if text.starts_with('/') {
            return Err(TemplateError::AbsolutePath);
        }
        if let Some(forbidden) = text.chars().find(|c| c.is_control() || "<>:\"\\|?*".contains(*c)) {
            return Err(TemplateError::ForbiddenCharacter(forbidden));
        }
        let parts = text.split('/').map(str::trim).filter(|part| !part.is_empty());
        let template = Self {
            segments: parts.map(parse_segment).collect::<Result<_, _>>()?,
        };
        if template.uses(Field::Title) {
            Ok(template)
        } else {
            Err(TemplateError::NoTitle)
        }
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(super) fn uses(&self, field: Field) -> bool {
        let has_field = |segment: &Segment| segment.pieces().iter().any(|piece| piece.field == field);
        self.segments.iter().any(has_field)
    }
}

impl Segment {
    fn pieces(&self) -> &[Piece] {
        match self {
            Self::Literal(_) => &[],
            Self::Pieces(pieces) => pieces,
        }
    }

    /// The folder's safe name, or `None` when all its fields are missing.
    pub(super) fn fill(&self, values: &Values) -> Option<String> {
        let text = match self {
            Self::Literal(text) => text.clone(),
            Self::Pieces(pieces) => write_fitting(pieces, values),
        };
        Some(safe_component(&text)).filter(|name| !name.is_empty())
    }
}

/// Fields that give way in a folder name that is too long, first ones first.
const SHORTENED: [Field; 5] = [
    Field::Subtitle,
    Field::Title,
    Field::Series,
    Field::Author,
    Field::Narrator,
];
/// No field gives way beyond this many bytes.
const MIN_FIELD_BYTES: usize = 32;

fn write_fitting(pieces: &[Piece], values: &Values) -> String {
    let mut values = values.clone();
    for field in SHORTENED {
        let excess = write_pieces(pieces, &values).len().saturating_sub(MAX_COMPONENT_BYTES);
        if excess > 0 && pieces.iter().any(|piece| piece.field == field) {
            let limit = values.length(field).saturating_sub(excess);
            values.shorten(field, limit.max(MIN_FIELD_BYTES));
        }
    }
    write_pieces(pieces, &values)
}

fn write_pieces(pieces: &[Piece], values: &Values) -> String {
    let is_there = |piece: &Piece| values.has(piece.field);
    let title = pieces.iter().position(|piece| piece.field == Field::Title);
    let anchor = title.or_else(|| pieces.iter().position(is_there)).unwrap_or_default();
    let mut text = String::new();
    let mut previous: Option<usize> = None;
    for (index, piece) in pieces.iter().enumerate() {
        let Some(value) = values.text(piece.field) else {
            continue;
        };
        if let Some(previous) = previous {
            // Of the separators between two written fields, the one away from the anchor is left.
            let kept = if index <= anchor { previous } else { index - 1 };
            text.push_str(&pieces[kept].separator);
        }
        text.extend([piece.opening.as_str(), value.as_str(), piece.closing.as_str()]);
        previous = Some(index);
    }
    text
}

fn parse_segment(part: &str) -> Result<Segment, TemplateError> {
    if matches!(part, "." | "..") {
        return Err(TemplateError::Traversal(part.to_owned()));
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let mut literal = String::new();
    let mut rest = part;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let insert = parse_insert(&rest[at..])?;
        rest = &rest[at + insert.length..];
        let (closing, separator, opening) = match pieces.is_empty() {
            true => ("", "", literal.as_str()),
            false => split_run(&literal),
        };
        if let Some(previous) = pieces.last_mut() {
            previous.closing.push_str(closing);
            previous.separator = separator.to_owned();
        }
        let (open_brace, close_brace) = if insert.is_braced { ("{", "}") } else { ("", "") };
        pieces.push(Piece {
            opening: format!("{opening}{open_brace}"),
            field: insert.field,
            closing: close_brace.to_owned(),
            separator: String::new(),
        });
        literal.clear();
    }
    let Some(last) = pieces.last_mut() else {
        return Ok(Segment::Literal(part.to_owned()));
    };
    last.closing.push_str(rest);
    Ok(Segment::Pieces(pieces))
}

/// Splits the text between two fields into what closes the left one, the separator, and what opens the right one.
fn split_run(run: &str) -> (&str, &str, &str) {
    let closing = run.rfind([')', ']']).map_or(0, |at| at + 1);
    let opening = run[closing..].find(['(', '[']).map_or(run.len(), |at| closing + at);
    (&run[..closing], &run[closing..opening], &run[opening..])
}

struct Insert {
    field: Field,
    is_braced: bool,
    length: usize,
}

/// Reads the `{field}` or `{{field}}` that the text begins with.
fn parse_insert(text: &str) -> Result<Insert, TemplateError> {
    let is_braced = text.starts_with("{{");
    let (open, close) = if is_braced { ("{{", "}}") } else { ("{", "}") };
    let inner = text.strip_prefix(open).ok_or(TemplateError::UnbalancedBrace)?;
    let end = inner.find(['{', '}']).ok_or(TemplateError::UnbalancedBrace)?;
    if !inner[end..].starts_with(close) {
        return Err(TemplateError::UnbalancedBrace);
    }
    Ok(Insert {
        field: inner[..end].parse()?,
        is_braced,
        length: open.len() + end + close.len(),
    })
}

impl FromStr for Field {
    type Err = TemplateError;

    fn from_str(name: &str) -> Result<Self, TemplateError> {
        Ok(match name.trim() {
            "author" => Self::Author,
            "title" => Self::Title,
            "subtitle" => Self::Subtitle,
            "series" => Self::Series,
            "sequence" => Self::Sequence,
            "year" => Self::Year,
            "narrator" => Self::Narrator,
            "asin" => Self::Asin,
            _ => return Err(TemplateError::UnknownField(name.to_owned())),
        })
    }
}
