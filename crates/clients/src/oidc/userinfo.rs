//! What the provider tells about a person beside the ID token.

use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::OidcClient;
use super::code_flow::Tokens;
use super::discovery::{Metadata, refusal};
use super::error::{OidcError, TokenFault};
use super::id_token::Claims;

impl OidcClient {
    /// What the provider says elsewhere about the `subject` of a verified token; `None` without such a place. Nobody signed
    /// it, so it must not overrule the token.
    pub async fn fetch_userinfo(
        &self,
        metadata: &Metadata,
        tokens: &Tokens,
        subject: &str,
    ) -> Result<Option<Claims>, OidcError> {
        let Some(url) = &metadata.userinfo_endpoint else {
            return Ok(None);
        };
        let http = self.http_for(metadata.private_host.as_ref(), url);
        let request = http
            .request(Method::GET, url.clone())
            .bearer_auth(tokens.access_token.expose_secret());
        let answer = http.send(request).await?;
        if !answer.is_success() {
            return Err(refusal(&answer, url));
        }
        let claims: Claims = answer.json()?;
        // Anybody's token could have been swapped in for this call (OpenID Connect Core 5.3.2).
        match claims.get("sub").and_then(Value::as_str) == Some(subject) {
            true => Ok(Some(claims)),
            false => Err(TokenFault::Subject.into()),
        }
    }
}
