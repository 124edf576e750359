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
        Ok(Some(check_subject(answer.json()?, subject)?))
    }
}

/// Claims that speak of `subject`. Anybody's token could have been swapped in for this call (OpenID Connect Core 5.3.2).
pub fn check_subject(claims: Claims, subject: &str) -> Result<Claims, TokenFault> {
    match claims.get("sub").and_then(Value::as_str) == Some(subject) {
        true => Ok(claims),
        false => Err(TokenFault::Subject),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testing::damage::damaged;

    use super::*;

    const WHOLE: &[u8] = br#"{"sub":"anna","email":"anna@example.org","groups":["readers"]}"#;

    proptest! {
        #[test]
        fn damaged_claims_speak_of_the_asked_person_or_are_refused(bytes in damaged(WHOLE)) {
            let Ok(claims) = serde_json::from_slice::<Claims>(&bytes) else { return Ok(()) };
            let is_anna = claims.get("sub") == Some(&"anna".into());
            prop_assert_eq!(check_subject(claims.clone(), "anna").ok(), is_anna.then_some(claims));
        }
    }
}
