//! Access tokens (JWT, HS256) and refresh tokens: making and reading, without a database.
//!
//! A refresh token is `session id (16) · secret (32) · tag (16)`, base64url. The first secret is random; the next one is
//! derived from the one before, so that two tabs, or an answer lost on the way, get the same next token. The tag proves
//! that a token is one of ours, so that a spent one is told apart from a guess.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use types::{SessionId, UserId};
use uuid::Uuid;

/// How long an access token is good.
pub(crate) const ACCESS_MINUTES: i64 = 15;

/// Signs and reads tokens under the installation's signing key.
pub(crate) struct Credentials {
    signing: [u8; 32],
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub sub: UserId,
    pub sid: SessionId,
    pub iat: i64,
    pub exp: i64,
}

/// A refresh token, parsed and proven to be one of ours.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub session: SessionId,
    secret: [u8; 32],
    tag: [u8; 16],
}

impl Credentials {
    pub fn new(signing: &[u8; 32]) -> Self {
        // An error means that it is installed already. Without this, a second backend in the build panics at the first token.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        Self {
            signing: *signing,
            kid: hex::encode(&digest(&[b"kid", signing])[..4]),
            encoding: EncodingKey::from_secret(signing),
            decoding: DecodingKey::from_secret(signing),
        }
    }

    /// A signed access token.
    pub fn sign_access(&self, user: UserId, session: SessionId, now: DateTime<Utc>) -> anyhow::Result<String> {
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let exp = (now + TimeDelta::minutes(ACCESS_MINUTES)).timestamp();
        let claims = Claims {
            sub: user,
            sid: session,
            iat: now.timestamp(),
            exp,
        };
        Ok(jsonwebtoken::encode(&header, &claims, &self.encoding)?)
    }

    /// The claims of a token that we signed and that has not expired.
    pub fn read_access(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The library would ask the machine's clock.
        validation.validate_exp = false;
        let token = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).ok()?;
        let is_ours = token.header.kid.as_deref() == Some(self.kid.as_str());
        (is_ours && token.claims.exp > now.timestamp()).then_some(token.claims)
    }

    /// The first refresh token of a session.
    pub fn first_refresh(&self, session: SessionId, secret: [u8; 32]) -> RefreshToken {
        RefreshToken {
            session,
            secret,
            tag: self.tag(session, &secret),
        }
    }

    /// The token after `token`: always the same one.
    pub fn next_refresh(&self, token: &RefreshToken) -> RefreshToken {
        self.first_refresh(token.session, digest(&[b"next", &self.signing, &token.secret]))
    }

    /// Parses what a client sent; `None` if it is not one of ours.
    pub fn read_refresh(&self, text: &str) -> Option<RefreshToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        let bytes: [u8; 64] = bytes.try_into().ok()?;
        let session = SessionId(Uuid::from_slice(&bytes[..16]).ok()?);
        let secret: [u8; 32] = bytes[16..48].try_into().ok()?;
        let token = self.first_refresh(session, secret);
        // Comparing digests keeps the time independent of where the tags differ.
        (digest(&[&token.tag]) == digest(&[&bytes[48..]])).then_some(token)
    }

    fn tag(&self, session: SessionId, secret: &[u8; 32]) -> [u8; 16] {
        let full = digest(&[b"tag", &self.signing, session.0.as_bytes(), secret]);
        full[..16].try_into().expect("32 bytes hold 16")
    }
}

impl RefreshToken {
    /// As sent to the client.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.session.0.as_bytes().as_slice(), &self.secret, &self.tag].concat())
    }

    /// As stored.
    pub fn hash(&self) -> Vec<u8> {
        digest(&[&self.secret]).to_vec()
    }
}

/// SHA-256 twice over parts of fixed length: as a keyed hash, safe from length extension.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(parts.concat())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800 + seconds, 0).unwrap()
    }

    #[test]
    fn an_access_token_is_good_for_15_minutes_and_only_under_its_key() {
        let (own, other) = (Credentials::new(&[1; 32]), Credentials::new(&[2; 32]));
        let (user, session) = (UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        let token = own.sign_access(user, session, at(0)).unwrap();
        assert_eq!(own.read_access(&token, at(899)).map(|claims| claims.sid), Some(session));
        assert_eq!(own.read_access(&token, at(900)), None);
        assert_eq!(other.read_access(&token, at(0)), None);
        assert_eq!(own.read_access("a.b.c", at(0)), None);
    }

    #[test]
    fn a_refresh_token_reads_back_and_leads_to_one_next_token() {
        let own = Credentials::new(&[1; 32]);
        let first = own.first_refresh(SessionId(Uuid::from_u128(2)), [7; 32]);
        assert!(own.read_refresh(&first.text()).is_some_and(|read| read == first));
        assert_eq!(own.next_refresh(&first).text(), own.next_refresh(&first).text());
        assert_ne!(own.next_refresh(&first).hash(), first.hash());
    }

    #[test]
    fn a_guessed_or_changed_refresh_token_is_not_ours() {
        let own = Credentials::new(&[1; 32]);
        let foreign = Credentials::new(&[2; 32]).first_refresh(SessionId(Uuid::from_u128(2)), [7; 32]);
        assert!(own.read_refresh(&foreign.text()).is_none());
        assert!(own.read_refresh("").is_none());
        assert!(own.read_refresh("AAAA").is_none());
    }
}
