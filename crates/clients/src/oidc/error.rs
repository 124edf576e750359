//! Why a sign-in through a provider did not work, as sentences.

use crate::error::ClientError;

/// A refusal or a failure on the way through the provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// No answer, or none that can be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The provider calls itself by another name than the settings.
    #[error(
        "The issuer in the settings is \"{entered}\", but the provider calls itself \"{found}\". Enter the issuer exactly as the \
         provider writes it."
    )]
    OtherIssuer { entered: String, found: String },
    /// Its configuration, or the address of it, is of no use to us.
    #[error("The provider's configuration can't be used: {0}.")]
    Configuration(String),
    /// `invalid_client`.
    #[error(
        "The provider did not accept the client id or the client secret. Enter both again in the settings of single sign-on."
    )]
    ClientRefused,
    /// `invalid_grant`.
    #[error(
        "The provider did not accept its own code: it was used before, is too old, or belongs to another redirect address. Start \
         the sign-in again; if that does not help, register the redirect address that the settings show."
    )]
    CodeRefused,
    /// Another error word of the token endpoint.
    #[error("The provider refused to give a token ({0}). Check the client's settings at the provider.")]
    TokenRefused(String),
    /// The identity token is not good.
    #[error("{0} The sign-in was refused. Start it again; if that does not help, ask an admin to check the provider.")]
    BadToken(#[from] TokenFault),
}

/// What is wrong with an ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("The provider gave no identity token that can be read.")]
    Unreadable,
    #[error("The provider's identity token is not signed in a way that is accepted.")]
    Algorithm,
    #[error("The provider's identity token is signed by a key that the provider does not publish.")]
    UnknownKey,
    #[error("The signature of the provider's identity token is wrong.")]
    Signature,
    #[error("The identity token comes from another provider.")]
    Issuer,
    #[error("The identity token was made for another application.")]
    Audience,
    #[error("The identity token has expired, or its clock and ours differ by more than a minute.")]
    Time,
    #[error("The identity token belongs to another sign-in.")]
    Nonce,
    #[error("The provider speaks of two different people.")]
    Subject,
}

impl OidcError {
    /// One word for the audit log.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Client(_) => "provider_unavailable",
            Self::OtherIssuer { .. } => "other_issuer",
            Self::Configuration(_) => "provider_configuration",
            Self::ClientRefused => "client_refused",
            Self::CodeRefused => "code_refused",
            Self::TokenRefused(_) => "token_refused",
            Self::BadToken(fault) => fault.reason(),
        }
    }
}

impl TokenFault {
    fn reason(self) -> &'static str {
        match self {
            Self::Unreadable => "token_unreadable",
            Self::Algorithm => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Time => "token_time",
            Self::Nonce => "token_nonce",
            Self::Subject => "token_subject",
        }
    }
}
