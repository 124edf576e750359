//! Access tokens (JWT, HS256) and refresh tokens: making and reading, without a database.
//!
//! A refresh token is `session id (16) · secret (32) · tag (16)`, base64url. The first secret is random; the next one is
//! derived from the one before, so that two tabs, or an answer lost on the way, get the same next token. The tag proves
//! that a token is one of ours, so that a spent one is told apart from a guess.
//!
//! There may be several signing keys. The newest one signs and tags; what an older one signed or tagged stays good, and
//! each refresh tags anew, so that an older key is needed no longer than a session lasts unused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use types::{SessionId, UserId};
use uuid::Uuid;

/// How long an access token is good.
pub const ACCESS_MINUTES: i64 = 15;
/// Index of the key that signs.
const NEWEST: usize = 0;

/// Signs and reads tokens under the installation's signing keys.
pub struct Credentials {
    /// Never empty; the newest first.
    keys: Vec<SigningKey>,
}

struct SigningKey {
    bytes: [u8; 32],
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
    pub sid: SessionId,
    pub iat: i64,
    pub exp: i64,
}

/// A refresh token, parsed and proven to be one of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: SessionId,
    secret: [u8; 32],
    tag: [u8; 16],
    /// Index of the signing key that the tag was made with.
    key: usize,
}

impl Credentials {
    /// Over the newest key and older ones, newest first.
    pub fn new(newest: &[u8; 32], older: &[[u8; 32]]) -> Self {
        // An error means that it is installed already. Without this, a second backend in the build panics at the first token.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let keys = std::iter::once(newest).chain(older).map(SigningKey::new).collect();
        Self { keys }
    }

    /// A signed access token.
    pub fn sign_access(&self, user: UserId, session: SessionId, now: DateTime<Utc>) -> anyhow::Result<String> {
        let key = &self.keys[NEWEST];
        let header = Header {
            kid: Some(key.kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let exp = (now + TimeDelta::minutes(ACCESS_MINUTES)).timestamp();
        let claims = Claims {
            sub: user,
            sid: session,
            iat: now.timestamp(),
            exp,
        };
        Ok(jsonwebtoken::encode(&header, &claims, &key.encoding)?)
    }

    /// The claims of a token that we signed and that has not expired.
    pub fn read_access(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = self.keys.iter().find(|key| key.kid == kid)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // The library would ask the machine's clock.
        validation.validate_exp = false;
        let token = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation).ok()?;
        (token.claims.exp > now.timestamp()).then_some(token.claims)
    }

    /// The first refresh token of a session.
    pub fn first_refresh(&self, session: SessionId, secret: [u8; 32]) -> RefreshToken {
        self.tagged(NEWEST, session, secret)
    }

    /// The token after `token`: always the same one, also after a change of keys, as its secret comes from the key
    /// that `token` was made with. Only its tag is made with the newest.
    pub fn next_refresh(&self, token: &RefreshToken) -> RefreshToken {
        let key = &self.keys[token.key];
        self.first_refresh(token.session, digest(&[b"next", &key.bytes, &token.secret]))
    }

    /// Parses what a client sent; `None` if it is not one of ours.
    pub fn read_refresh(&self, text: &str) -> Option<RefreshToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        let bytes: [u8; 64] = bytes.try_into().ok()?;
        let session = SessionId(Uuid::from_slice(&bytes[..16]).ok()?);
        let secret: [u8; 32] = bytes[16..48].try_into().ok()?;
        let mut made = (0..self.keys.len()).map(|key| self.tagged(key, session, secret));
        // Comparing digests keeps the time independent of where the tags differ.
        made.find(|token| digest(&[&token.tag]) == digest(&[&bytes[48..]]))
    }

    fn tagged(&self, key: usize, session: SessionId, secret: [u8; 32]) -> RefreshToken {
        let full = digest(&[b"tag", &self.keys[key].bytes, session.0.as_bytes(), &secret]);
        RefreshToken {
            session,
            secret,
            tag: full[..16].try_into().expect("32 bytes hold 16"),
            key,
        }
    }
}

impl SigningKey {
    fn new(bytes: &[u8; 32]) -> Self {
        Self {
            bytes: *bytes,
            kid: hex::encode(&digest(&[b"kid", bytes])[..4]),
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
        }
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
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(parts.concat())).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testing::damage::damaged_text;

    use super::*;

    fn own() -> Credentials {
        Credentials::new(&[1; 32], &[[3; 32]])
    }

    fn access_text() -> String {
        own()
            .sign_access(UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)), at(0))
            .unwrap()
    }

    fn refresh_text() -> String {
        own().first_refresh(SessionId(Uuid::from_u128(2)), [7; 32]).text()
    }

    proptest! {
        #[test]
        fn a_changed_access_token_is_nobodys(text in damaged_text(&access_text())) {
            prop_assert!(text == access_text() || own().read_access(&text, at(0)).is_none(), "{}", text);
        }

        #[test]
        fn a_changed_refresh_token_is_not_ours(text in damaged_text(&refresh_text())) {
            prop_assert!(text.trim() == refresh_text() || own().read_refresh(&text).is_none(), "{}", text);
        }

        #[test]
        fn no_text_is_a_token(text in "\\PC{0,200}|[A-Za-z0-9_-]{86}|(e[a-zA-Z0-9_-]{0,60}\\.){2}[a-zA-Z0-9_-]{43}") {
            prop_assert!(own().read_access(&text, at(0)).is_none());
            prop_assert!(own().read_refresh(&text).is_none());
        }

        #[test]
        fn tokens_of_any_session_read_back(user in any::<u128>(), session in any::<u128>(), secret in any::<[u8; 32]>()) {
            let (user, session) = (UserId(Uuid::from_u128(user)), SessionId(Uuid::from_u128(session)));
            let claims = own().read_access(&own().sign_access(user, session, at(0)).unwrap(), at(1)).unwrap();
            prop_assert_eq!((claims.sub, claims.sid), (user, session));
            let token = own().first_refresh(session, secret);
            prop_assert!(own().read_refresh(&token.text()).is_some_and(|read| read == token));
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800 + seconds, 0).unwrap()
    }

    #[test]
    fn an_access_token_is_good_for_15_minutes_and_only_under_its_key() {
        let (own, other) = (Credentials::new(&[1; 32], &[]), Credentials::new(&[2; 32], &[]));
        let (user, session) = (UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        let token = own.sign_access(user, session, at(0)).unwrap();
        assert_eq!(own.read_access(&token, at(899)).map(|claims| claims.sid), Some(session));
        assert_eq!(own.read_access(&token, at(900)), None);
        assert_eq!(other.read_access(&token, at(0)), None);
        assert_eq!(own.read_access("a.b.c", at(0)), None);
    }

    #[test]
    fn a_refresh_token_reads_back_and_leads_to_one_next_token() {
        let own = Credentials::new(&[1; 32], &[]);
        let first = own.first_refresh(SessionId(Uuid::from_u128(2)), [7; 32]);
        assert!(own.read_refresh(&first.text()).is_some_and(|read| read == first));
        assert_eq!(own.next_refresh(&first).text(), own.next_refresh(&first).text());
        assert_ne!(own.next_refresh(&first).hash(), first.hash());
    }

    #[test]
    fn a_guessed_or_changed_refresh_token_is_not_ours() {
        let own = Credentials::new(&[1; 32], &[]);
        let foreign = Credentials::new(&[2; 32], &[]).first_refresh(SessionId(Uuid::from_u128(2)), [7; 32]);
        assert!(own.read_refresh(&foreign.text()).is_none());
        assert!(own.read_refresh("").is_none());
        assert!(own.read_refresh("AAAA").is_none());
    }

    #[test]
    fn what_an_older_key_made_stays_good_and_the_newest_takes_over() {
        let (before, after) = (Credentials::new(&[1; 32], &[]), Credentials::new(&[2; 32], &[[1; 32]]));
        let (user, session) = (UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        let access = before.sign_access(user, session, at(0)).unwrap();
        assert!(after.read_access(&access, at(1)).is_some());
        let signed_after = after.sign_access(user, session, at(0)).unwrap();
        assert!(before.read_access(&signed_after, at(1)).is_none(), "the newest signs");

        let first = before.first_refresh(session, [7; 32]);
        let read = after.read_refresh(&first.text()).unwrap();
        let next = after.next_refresh(&read);
        // Two tabs, one of which was served before the restart with the new key.
        assert_eq!(next.hash(), before.next_refresh(&first).hash());
        let alone = Credentials::new(&[2; 32], &[]);
        assert!(
            alone.read_refresh(&next.text()).is_some(),
            "the older key is not needed any more"
        );
        assert!(alone.read_refresh(&first.text()).is_none());
    }

    #[test]
    fn a_token_without_signature_or_under_another_algorithm_is_not_read() {
        let own = Credentials::new(&[1; 32], &[]);
        let token = own
            .sign_access(UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)), at(0))
            .unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let kid = &own.keys[NEWEST].kid;
        for header in [
            format!(r#"{{"alg":"none","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"HS512","kid":"{kid}"}}"#),
        ] {
            let header = URL_SAFE_NO_PAD.encode(header);
            for signature in ["", parts[2]] {
                assert_eq!(
                    own.read_access(&format!("{header}.{}.{signature}", parts[1]), at(0)),
                    None
                );
            }
        }
    }
}
