//! Checking an ID token: signature, algorithm, issuer, audience, time, nonce.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKeySet};
use openidconnect::{
    ClaimsVerificationError as ClaimsFault, ClientId, IssuerUrl, Nonce, SignatureVerificationError as SignatureFault,
};
use serde_json::{Map, Value};

use super::discovery::Metadata;
use super::error::TokenFault;

/// What a provider says about a person.
pub type Claims = Map<String, Value>;

/// How far the provider's clock may be off.
const LEEWAY_SECONDS: i64 = 60;

/// The keys that a provider publishes; those of kinds that we don't know are left out.
#[derive(Debug, Clone)]
pub struct Keys(pub(super) CoreJsonWebKeySet);

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
