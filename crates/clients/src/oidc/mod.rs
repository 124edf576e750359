//! An OpenID Connect provider (`contracts/notifications_oidc.md`): discovery, authorization code with PKCE, checked ID
//! tokens, userinfo. Keeps nothing: what is cached, and for how long, is the caller's to know.

mod code_flow;
mod discovery;
mod error;
mod id_token;
mod territory;
mod userinfo;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::error::ClientError;
use crate::http::{HttpClient, HttpOptions, Network, Reach, SystemNetwork};

pub use code_flow::{AuthorizationRequest, Tokens, authorization_url};
#[doc(hidden)]
pub use discovery::{Document, read_configuration};
pub use discovery::{Metadata, check_issuer, clean_issuer};
pub use error::{OidcError, TokenFault};
pub use id_token::{Claims, Expected, Keys, verify_id_token};
#[doc(hidden)]
pub use userinfo::check_subject;

/// A person waits for these answers.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BODY_BYTES: u64 = 1024 * 1024;
pub(crate) const SERVICE: &str = "The sign-in provider";

/// Us, as the provider knows us.
#[derive(Clone)]
pub struct RelyingParty {
    pub client_id: String,
    /// `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// Compared by the provider letter by letter.
    pub redirect_uri: String,
}

/// Talks to one provider. A clone shares its connections.
#[derive(Clone)]
pub struct OidcClient {
    /// For the issuer's host alone, where an admin has it in a network of their own.
    private: HttpClient,
    /// For all other addresses, as the provider names them: see `territory`.
    public: HttpClient,
    network: Arc<dyn Network>,
}

impl OidcClient {
    /// Connects on first use.
    pub fn new() -> Result<Self, ClientError> {
        Self::with_network(Arc::new(SystemNetwork))
    }

    /// The same over another network.
    pub fn with_network(network: Arc<dyn Network>) -> Result<Self, ClientError> {
        let options = HttpOptions {
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            max_body_bytes: MAX_BODY_BYTES,
            ..HttpOptions::default()
        };
        let client = |reach| HttpClient::with_network(SERVICE, options, reach, Arc::clone(&network));
        Ok(Self {
            private: client(Reach::Admin)?,
            public: client(Reach::Public)?,
            network,
        })
    }
}
