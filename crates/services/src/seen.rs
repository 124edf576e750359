//! Edits of what somebody has read: they happen only if nobody edited it meanwhile.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Result, ServiceError};
use types::ErrorCode;

/// Field of the error's context that tells an edit of something else from any other conflict.
pub const CHANGED: &str = "if_match";
const NAME_BYTES: usize = 12;

/// Names a state of what people edit. It stays as long as nobody edits, whatever jobs find out meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition(String);

impl Edition {
    /// The edition with these editable values.
    pub fn of(editable: &Value) -> Self {
        let digest = Sha256::digest(editable.to_string());
        Self(digest[..NAME_BYTES].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Its name: hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What was read, and its edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited<T> {
    pub value: T,
    pub edition: Edition,
}

/// Which editions an edit may overwrite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// The last writer wins.
    #[default]
    Anything,
    /// One of these, by name.
    OneOf(Vec<String>),
}

impl Expected {
    /// To be called in the transaction that edits, once nobody else can edit the thing until its end.
    pub fn check(&self, present: &Edition) -> Result<()> {
        match self {
            Self::OneOf(names) if !names.iter().any(|name| name == present.as_str()) => {
                let message = "It was changed meanwhile. Read it again and decide anew.";
                let mut error = ServiceError::new(ErrorCode::Conflict, message);
                error.context.insert(CHANGED.into(), message.into());
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

/// What an edit is about, and in which state the editor has seen it. Anything converts to it, unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    pub it: T,
    pub expected: Expected,
}

impl<T> From<T> for Seen<T> {
    fn from(it: T) -> Self {
        Self {
            it,
            expected: Expected::Anything,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edit_needs_the_edition_that_was_seen() {
        let (old, new) = (Edition::of(&json!({ "a": 1 })), Edition::of(&json!({ "a": 2 })));
        let expected = Expected::OneOf(vec![old.as_str().into()]);
        assert_eq!(expected.check(&old), Ok(()));
        let refused = expected.check(&new).unwrap_err();
        assert_eq!(refused.code, ErrorCode::Conflict);
        assert!(refused.context.contains_key(CHANGED));
        assert_eq!(Expected::Anything.check(&new), Ok(()));
        assert!(Expected::OneOf(Vec::new()).check(&new).is_err());
    }
}
