//! What people and programs prove who they are with, and what a provider says about them.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use clients::oidc::{
    AuthorizationRequest, Claims, Document, Expected, Keys, Metadata, RelyingParty, authorization_url, check_subject,
    read_configuration, verify_id_token,
};
use domain::single_sign_on::{choose_role, merge_userinfo, read_groups, suggest_username, verified_email};
use serde_json::json;
use services::api_keys::parse_key;
use services::credentials::Credentials;
use types::oidc::OidcSettings;

use crate::text;

static OWN: LazyLock<Credentials> = LazyLock::new(|| Credentials::new(&[1; 32], &[[2; 32]]));
static PROVIDER: LazyLock<Metadata> = LazyLock::new(|| {
    let document = json!({
        "issuer": ISSUER, "authorization_endpoint": "https://id.example/a",
        "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
    });
    let document = serde_json::from_value(document).expect("a whole document");
    read_configuration(document, ISSUER, None).expect("a usable configuration")
});
const ISSUER: &str = "https://id.example";
const CLIENT: &str = "mamcrawler";
const NONCE: &str = "0000";

/// Access tokens (JWT) and refresh tokens. None that is made up is one of ours.
pub fn access_token(bytes: &[u8]) {
    let text = text(bytes);
    // The seeds were signed with other keys: whatever is accepted here was forged.
    assert!(OWN.read_access(&text, DateTime::UNIX_EPOCH).is_none());
    assert!(OWN.read_refresh(&text).is_none());
}

/// The text of an API key.
pub fn api_key(bytes: &[u8]) {
    let text = text(bytes);
    if parse_key(&text).is_some() {
        assert!(text.trim().starts_with("mamc_"));
    }
}

/// What a provider publishes about itself. It sends nobody anywhere without TLS.
pub fn oidc_configuration(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Document>(bytes) else {
        return;
    };
    let Ok(metadata) = read_configuration(document, ISSUER, None) else {
        return;
    };
    assert_eq!(metadata.issuer.strip_suffix('/').unwrap_or(&metadata.issuer), ISSUER);
    let party = RelyingParty {
        client_id: CLIENT.into(),
        client_secret: None,
        redirect_uri: "https://books.example/auth/oidc/callback".into(),
    };
    let verifier = "v".repeat(43);
    let request = AuthorizationRequest {
        state: "s",
        nonce: NONCE,
        code_verifier: &verifier,
        scopes: &[],
    };
    let url = authorization_url(&metadata, &party, &request).expect("every address was checked");
    let is_here = matches!(url.host_str(), Some("localhost" | "[::1]"))
        || url.host_str().is_some_and(|host| host.starts_with("127."));
    assert!(url.scheme() == "https" || is_here, "{url}");
    assert!(url.query_pairs().any(|(name, _)| name == "code_challenge"));
}

/// A provider's keys on the first line, an ID token signed with one of them on the second.
pub fn oidc_token(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (keys, token) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Ok(keys) = serde_json::from_slice::<Keys>(keys) else {
        return;
    };
    let expected = Expected {
        client_id: CLIENT,
        nonce: NONCE,
        now: moment(),
    };
    if let Ok(claims) = verify_id_token(&PROVIDER, &keys, text(token).trim(), &expected) {
        assert_eq!((&claims["iss"], &claims["nonce"]), (&json!(ISSUER), &json!(NONCE)));
        let is_ours = |party: &serde_json::Value| party == CLIENT;
        let audience = &claims["aud"];
        assert!(is_ours(audience) || audience.as_array().is_some_and(|parties| parties.iter().any(is_ours)));
    }
}

/// The claims of a token on the first line, what the provider tells elsewhere on the second.
pub fn oidc_claims(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let mut next = || serde_json::from_slice::<Claims>(lines.next().unwrap_or_default()).ok();
    let (Some(token), userinfo) = (next(), next()) else {
        return;
    };
    let mut claims = token.clone();
    if let Some(userinfo) = userinfo.and_then(|userinfo| check_subject(userinfo, "anna").ok()) {
        merge_userinfo(&mut claims, userinfo, "groups");
    }
    for name in ["sub", "iss", "aud", "nonce"] {
        assert_eq!(
            claims.get(name),
            token.get(name),
            "userinfo changed what only a token may say"
        );
    }
    let name = suggest_username(&claims);
    assert!((1..=64).contains(&name.chars().count()) && !name.contains(char::is_whitespace));
    let email = verified_email(&claims);
    assert!(email.is_none_or(|email| email.contains('@') && email.len() <= 254));
    let _ = choose_role(&OidcSettings::default(), &read_groups(&claims, "realm_access.roles"));
}

/// When the seeds were signed.
fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("a moment of 2026")
}
