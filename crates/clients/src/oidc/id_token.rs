//! Checking an ID token: signature, algorithm, issuer, audience, time, nonce.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKeySet};
use openidconnect::{
    ClaimsVerificationError as ClaimsFault, ClientId, IssuerUrl, Nonce, SignatureVerificationError as SignatureFault,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::discovery::Metadata;
use super::error::TokenFault;

/// What a provider says about a person.
pub type Claims = Map<String, Value>;

/// How far the provider's clock may be off.
const LEEWAY_SECONDS: i64 = 60;

/// The keys that a provider publishes; those of kinds that we don't know are left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Keys(CoreJsonWebKeySet);

/// What a token must say.
pub struct Expected<'a> {
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: DateTime<Utc>,
}

/// The claims of a token that is what it must be.
pub fn verify_id_token(
    metadata: &Metadata,
    keys: &Keys,
    id_token: &str,
    expected: &Expected<'_>,
) -> Result<Claims, TokenFault> {
    let token = CoreIdToken::from_str(id_token).map_err(|_| TokenFault::Unreadable)?;
    let issuer = IssuerUrl::new(metadata.issuer.clone()).map_err(|_| TokenFault::Issuer)?;
    let leeway = TimeDelta::seconds(LEEWAY_SECONDS);
    let (earliest, latest) = (expected.now - leeway, expected.now + leeway);
    // As a public client: the client secret is then not even tried as a key.
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(expected.client_id.into()), issuer, keys.0.clone())
            .set_allowed_algs(metadata.algorithms.iter().cloned())
            // Others may be named beside us; `check_party` then wants us to be the one it was made for.
            .set_other_audience_verifier_fn(|_| true)
            .set_time_fn(move || earliest)
            .set_issue_time_verifier_fn(move |issued| match issued <= latest {
                true => Ok(()),
                false => Err("issued in the future".into()),
            });
    let nonce = Nonce::new(expected.nonce.into());
    let claims = token.claims(&verifier, &nonce).map_err(name_fault)?;
    check_party(claims, expected.client_id)?;
    read_payload(id_token)
}

/// The library leaves the authorized party to its caller.
fn check_party(claims: &CoreIdTokenClaims, client_id: &str) -> Result<(), TokenFault> {
    match claims.authorized_party() {
        Some(party) if party.as_str() != client_id => Err(TokenFault::Audience),
        None if claims.audiences().len() > 1 => Err(TokenFault::Audience),
        _ => Ok(()),
    }
}

/// All claims of a token that was verified; the library's own type knows only the standard ones.
fn read_payload(id_token: &str) -> Result<Claims, TokenFault> {
    let payload = id_token.split('.').nth(1).ok_or(TokenFault::Unreadable)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenFault::Unreadable)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenFault::Unreadable)
}

fn name_fault(fault: ClaimsFault) -> TokenFault {
    match fault {
        ClaimsFault::Expired(_) => TokenFault::Time,
        ClaimsFault::InvalidAudience(_) => TokenFault::Audience,
        ClaimsFault::InvalidIssuer(_) => TokenFault::Issuer,
        ClaimsFault::InvalidNonce(_) => TokenFault::Nonce,
        ClaimsFault::InvalidSubject(_) => TokenFault::Subject,
        ClaimsFault::SignatureVerification(fault) => match fault {
            SignatureFault::NoMatchingKey => TokenFault::UnknownKey,
            SignatureFault::DisallowedAlg(_) | SignatureFault::UnsupportedAlg(_) | SignatureFault::NoSignature => {
                TokenFault::Algorithm
            }
            _ => TokenFault::Signature,
        },
        _ => TokenFault::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use testing::damage::{damaged, damaged_text};

    use super::super::discovery::read_configuration;
    use super::*;

    const KEYS: &[u8] = include_bytes!("fixtures/keys.json");
    const TOKENS: [&str; 3] = [
        include_str!("fixtures/token.ps256"),
        include_str!("fixtures/token.es256"),
        include_str!("fixtures/token.eddsa"),
    ];

    fn verify(keys: &[u8], token: &str, nonce: &str) -> Result<Claims, TokenFault> {
        let document = json!({
            "issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
            "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
            "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["PS256", "ES256", "EdDSA"]
        });
        let document = serde_json::from_value(document).unwrap();
        let metadata = read_configuration(document, "https://id.example", None).unwrap();
        let expected = Expected {
            client_id: "mamcrawler",
            nonce,
            now: DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
        };
        let keys: Keys = serde_json::from_slice(keys).map_err(|_| TokenFault::UnknownKey)?;
        verify_id_token(&metadata, &keys, token, &expected)
    }

    /// The claims of the token before anybody changed it.
    fn good_claims(token: &str) -> Claims {
        verify(KEYS, token.trim(), "0000").unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_damage_to_a_token_changes_what_is_believed(
            damaged in prop::sample::select(&TOKENS).prop_flat_map(|token| damaged_text(token.trim())
                .prop_map(move |damaged| (token, damaged)))
        ) {
            let (token, damaged) = damaged;
            if let Ok(claims) = verify(KEYS, &damaged, "0000") {
                prop_assert_eq!(claims, good_claims(token));
            }
        }

        #[test]
        fn no_damage_to_the_keys_changes_what_is_believed(keys in damaged(KEYS)) {
            for token in TOKENS {
                if let Ok(claims) = verify(&keys, token.trim(), "0000") {
                    prop_assert_eq!(claims, good_claims(token));
                }
            }
        }

        #[test]
        fn a_token_counts_for_its_own_sign_in_alone(nonce in "\\PC{0,20}") {
            prop_assert_eq!(verify(KEYS, TOKENS[2].trim(), &nonce).is_ok(), nonce == "0000");
        }

        #[test]
        fn keys_of_any_numbers_refuse_without_panic(
            n in prop::collection::vec(any::<u8>(), 0..80), e in prop::collection::vec(any::<u8>(), 0..9)
        ) {
            let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
            let keys = json!({"keys": [
                {"kty": "RSA", "kid": "r", "n": n, "e": e},
                {"kty": "EC", "kid": "c", "crv": "P-256", "x": n, "y": e},
                {"kty": "OKP", "kid": "e", "crv": "Ed25519", "x": n},
            ]});
            for token in TOKENS {
                prop_assert!(verify(keys.to_string().as_bytes(), token.trim(), "0000").is_err());
            }
        }

        #[test]
        fn no_text_is_a_token(text in "\\PC{0,60}|[A-Za-z0-9_.-]{0,80}") {
            prop_assert!(verify(KEYS, &text, "0000").is_err());
        }
    }
}
