//! What reading server functions answer.

use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use types::ErrorCode;

use super::AppError;

/// A value on its way to a page: postcard, as text.
///
/// A JSON reader for every view, twice (one for answers, one for what hydration brings), was a third of what the browser
/// had to load. Postcard knows fields by their place: a wire type must not skip fields when it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Answer<T> {
    text: String,
    #[serde(skip)]
    value: PhantomData<fn() -> T>,
}

impl<T> Answer<T> {
    /// The text alone, for those who carry it and need not know what is in it.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The answer that a text carries.
    pub fn from_text(text: String) -> Self {
        Self {
            text,
            value: PhantomData,
        }
    }
}

impl<T: Serialize> Answer<T> {
    /// Writes a value.
    ///
    /// # Errors
    /// A value that postcard can't write, which is a mistake in its type.
    pub fn of(value: &T) -> Result<Self, AppError> {
        let bytes = postcard::to_stdvec(value).map_err(|error| {
            AppError::new(
                ErrorCode::InternalError,
                format!("The answer could not be written: {error}."),
            )
        })?;
        Ok(Self::from_text(STANDARD_NO_PAD.encode(bytes)))
    }
}

impl<T: DeserializeOwned> Answer<T> {
    /// Reads the value.
    ///
    /// # Errors
    /// The page is older or newer than the server.
    pub fn read(&self) -> Result<T, AppError> {
        decode(&self.text)
            .and_then(|bytes| postcard::from_bytes(&bytes).ok())
            .ok_or_else(|| {
                AppError::new(
                    ErrorCode::InternalError,
                    "The page and the server are of different versions. Reload the page.",
                )
            })
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use types::downloads::{DownloadState, DownloadSummary, HoldReason};
    use types::settings::{NamingPreview, Settings};
    use types::{DownloadId, WantId, WorkId};
    use uuid::Uuid;

    use super::*;

    fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
        let sent = serde_json::to_string(&Answer::of(&value).unwrap()).unwrap();
        let received: Answer<T> = serde_json::from_str(&sent).unwrap();
        assert_eq!(received.read().unwrap(), value);
    }

    #[test]
    fn values_arrive_as_they_were_sent() {
        let at = DateTime::from_timestamp(1_795_356_000, 0).unwrap();
        check(Settings {
            floor_buffer: 1.65,
            languages: vec!["日本語".into()],
            ..Settings::default()
        });
        check(vec![NamingPreview {
            title: "Dune".into(),
            result: Err("no {author}".into()),
        }]);
        check(DownloadSummary {
            id: DownloadId(Uuid::nil()),
            want_id: WantId(Uuid::nil()),
            work_id: WorkId(Uuid::nil()),
            title: "\u{202E}Dune".into(),
            authors: vec![],
            release_title: None,
            indexer: Some("MyAnonamouse".into()),
            state: DownloadState::Hold,
            hold_reason: Some(HoldReason::Ratio),
            sentence: "Waits.".into(),
            progress: Some(0.5),
            speed_bytes_per_second: None,
            eta_seconds: Some(-1),
            size_bytes: Some(i64::MAX),
            seeders: None,
            client_state: None,
            info_hash: None,
            next_at: Some(at),
            created_at: at,
            updated_at: at,
        });
    }

    #[test]
    fn an_answer_of_another_version_is_refused_with_a_way_out() {
        let error = Answer::<Settings>::from_text("AAAA".into()).read().unwrap_err();
        assert!(error.0.message.contains("Reload the page"));
        assert!(Answer::<Settings>::from_text("§".into()).read().is_err());
    }
}
