//! Names a book's folder so that people can read it, every file system takes it, and Audiobookshelf reads it back.
//!
//! # Templates
//! `{field}` inserts a value, `{{field}}` inserts it between braces, `/` begins the next folder. Fields: `author`,
//! `title`, `subtitle`, `series`, `sequence`, `year`, `narrator`, `asin`. Text around a missing field disappears:
//! - brackets around a field, and what stands between the bracket and the field, belong to it: ` [{asin}]`;
//! - text before a folder's first field, or after its last one, belongs to that field: `Book {sequence}`;
//! - all other text is a separator: a missing field takes the one on its side towards the title with it. In a folder
//!   without the title, the first field that is there stands for the title.
//!
//! A folder whose fields are all missing vanishes. A folder without fields stays as it is.
//!
//! # Substitutions
//! What a file system refuses, or Audiobookshelf would misread, is replaced:
//! - everywhere: `/ \ |` → `-`; `: ` → ` – `, another `:` → `-`; `"` → `'`; `< >` → `( )`; `?` and `*`, control
//!   characters, bidirectional overrides and zero-width characters are dropped; white space becomes one space;
//!   dots and spaces at both ends of a folder name are dropped; `CON`, `NUL`, … get a `_`;
//! - in titles and subtitles: `{ } [ ]` → `( )`; ` -` → ` –`; a title that would be taken for a number of the
//!   series, a year or a disc ("300", "Vol 2 …", "CD 1") is set in “ ”;
//! - in names of people: commas, semicolons, brackets and quotation marks around words are dropped; `&` and
//!   ` and ` → ` And `; several people are joined by ` & `, the one separator that is never ambiguous there;
//! - a sequence that Audiobookshelf can't read from a folder ("1-3", "1.125", "1000") is left out, as is a sequence
//!   without series, a year that is not four digits, and an ASIN that is not ten capitals and digits. They reach
//!   Audiobookshelf with the metadata, not with the folder.
//!
//! Not avoidable: Audiobookshelf drops titles and suffixes of people ("Dr.", "Jr.") and re-cases "bell hooks".

mod safe;
mod template;
mod values;

pub use safe::{MAX_COMPONENT_BYTES, safe_component, safe_file_name};
pub use template::{Template, TemplateError};

use crate::abs_folder::{is_disc_folder, parse_relative_folder};
use template::Field;
use values::Values;

/// What a folder name is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookNames {
    /// "First Last" each.
    pub authors: Vec<String>,
    pub title: String,
    pub subtitle: Option<String>,
    pub series: Option<String>,
    pub sequence: Option<String>,
    /// Four digits; of a date, its beginning is taken.
    pub year: Option<String>,
    pub narrators: Vec<String>,
    pub asin: Option<String>,
}

/// A folder below the library: safe components, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativeFolder(Vec<String>);

impl RelativeFolder {
    /// The folder names, outermost first.
    pub fn components(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Display for RelativeFolder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.join("/"))
    }
}

/// Why a book has no folder name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("The book has no title that can name a folder. Edit its title, then try again.")]
    NoTitle,
}

impl Template {
    /// The folder of this book.
    ///
    /// # Errors
    /// When nothing of the title is left after the substitutions.
    pub fn render(&self, names: &BookNames) -> Result<RelativeFolder, RenderError> {
        self.render_copy(names, 1)
    }

    /// The folder of this book where another book took the plain one: from 2 on, `copy` is written after the title.
    ///
    /// # Errors
    /// When nothing of the title is left after the substitutions.
    pub fn render_copy(&self, names: &BookNames, copy: u32) -> Result<RelativeFolder, RenderError> {
        let mut values = Values::new(names);
        if !values.has(Field::Title) {
            return Err(RenderError::NoTitle);
        }
        if copy > 1 {
            values.wrap_title("", &format!(" ({copy})"));
        }
        let plain = self.fill(&values);
        if self.is_read_back(&values, &plain) {
            return Ok(plain);
        }
        values.wrap_title("“", "”");
        let quoted = self.fill(&values);
        // A template of another shape than Audiobookshelf's is not mended by quotes.
        Ok(if self.is_read_back(&values, &quoted) {
            quoted
        } else {
            plain
        })
    }

    fn fill(&self, values: &Values) -> RelativeFolder {
        RelativeFolder(
            self.segments()
                .iter()
                .filter_map(|segment| segment.fill(values))
                .collect(),
        )
    }

    /// Whether Audiobookshelf takes no part of the title for a number, a year or a disc.
    fn is_read_back(&self, values: &Values, folder: &RelativeFolder) -> bool {
        let written = |field| if self.uses(field) { values.text(field) } else { None };
        let parsed = parse_relative_folder(&folder.to_string());
        parsed.sequence == written(Field::Sequence)
            && parsed.published_year == written(Field::Year)
            && !folder.0.last().is_some_and(|name| is_disc_folder(name))
    }
}

#[cfg(test)]
mod tests;
