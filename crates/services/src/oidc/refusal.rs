//! Why somebody could not sign in through the provider: a sentence for them, a word for the audit log.

use clients::oidc::OidcError;
use db::DbError;
use db::audit_log::{CredentialRow, NewAuditEntry, insert_audit_entry};
use serde_json::json;
use types::ErrorCode;
use uuid::Uuid;

use crate::Services;
use crate::actor::Origin;
use crate::error::ServiceError;

/// A sign-in that ended without anybody signed in.
#[derive(Debug)]
pub(super) struct Refused {
    pub reason: &'static str,
    pub error: ServiceError,
    /// Whom it was about, as far as that was proven: an account here, or the provider's name for a person.
    pub who: Who,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    pub user_id: Option<Uuid>,
    pub name: Option<String>,
}

impl Refused {
    /// A refusal with its sentence: 401.
    pub fn new(reason: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            reason,
            error: ServiceError::unauthorized(sentence),
            who: Who::default(),
        }
    }

    /// An edit by an admin came between the beginning of a sign-in and its end.
    pub fn by_edit() -> Self {
        Self::new(
            "settings_changed",
            "An admin has just changed the settings of single sign-on. Start the sign-in again.",
        )
    }

    /// Somebody who connects their account is no longer signed in as when they began.
    pub fn by_sign_out() -> Self {
        Self::new(
            "signed_out",
            "The sign-in in which you began to connect your account has ended, or it is not the one of this browser. Sign in \
             and connect it again under Account.",
        )
    }

    /// The same, once it is known whom it is about.
    pub fn about(self, who: &Who) -> Self {
        Self {
            who: who.clone(),
            ..self
        }
    }
}

impl From<OidcError> for Refused {
    fn from(error: OidcError) -> Self {
        let code = match error {
            OidcError::BadToken(_) | OidcError::CodeRefused => ErrorCode::Unauthorized,
            _ => ErrorCode::ExternalApiError,
        };
        Self {
            reason: error.reason(),
            error: ServiceError::new(code, error.to_string()),
            who: Who::default(),
        }
    }
}

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        Self {
            reason: "failed_here",
            error,
            who: Who::default(),
        }
    }
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        ServiceError::from(error).into()
    }
}

/// For transactions.
impl From<diesel::result::Error> for Refused {
    fn from(error: diesel::result::Error) -> Self {
        ServiceError::from(error).into()
    }
}

/// Notes a refusal in the audit log, thinned out when there are many, and gives the sentence.
pub(super) async fn note_refusal(services: &Services, origin: &Origin, refused: Refused) -> ServiceError {
    tracing::info!(reason = refused.reason, "refused a single sign-on: {}", refused.error);
    let name = refused.who.name.as_deref().unwrap_or("nobody");
    let entry = NewAuditEntry {
        at: services.now(),
        user_id: refused.who.user_id,
        actor: name.chars().filter(|letter| !letter.is_control()).take(64).collect(),
        address: origin.address.clone(),
        action: "single_sign_on_refused".into(),
        subject: None,
        detail: json!({ "reason": refused.reason }),
        credential: CredentialRow::default(),
    };
    if let Some(entry) = services.inner.refusals.thin_out(entry) {
        let stored = async {
            let mut conn = services.connection().await?;
            crate::Result::Ok(insert_audit_entry(&mut conn, &entry).await?)
        };
        if let Err(error) = stored.await {
            tracing::warn!("a refused single sign-on could not be noted in the audit log: {error}");
        }
    }
    refused.error
}
