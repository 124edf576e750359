//! What the provider says about itself: its addresses, its algorithms, its keys.

use std::net::IpAddr;

use openidconnect::core::CoreJwsSigningAlgorithm as Algorithm;
use reqwest::{Method, Url};
use serde::Deserialize;
use url::Host;

use super::error::OidcError;
use super::id_token::Keys;
use super::{OidcClient, SERVICE};
use crate::http::{Answer, shown_address};
use crate::status::common_refusal;

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const MAX_REDIRECTS: usize = 3;
/// Characters of a strange issuer that are repeated.
const MAX_SHOWN: usize = 200;

/// Public keys only: with a shared secret whoever knows the client secret could sign, and `none` is no signature.
const ALLOWED: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// A provider's configuration that was checked to be of use.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The provider's own writing; `iss` must equal it exactly.
    pub issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) algorithms: Vec<Algorithm>,
    /// The client's id and secret go into the body, as the provider does not take them as Basic.
    pub(super) is_secret_in_body: bool,
    /// The callback must name the issuer (RFC 9207).
    pub names_issuer_in_callback: bool,
    /// What can be asked for, if the provider says so.
    pub scopes: Option<Vec<String>>,
    /// The issuer's host, if it is in a private network: the only one there that may be asked.
    pub(super) private_host: Option<Host>,
}

/// What a provider publishes about itself; nothing in it counts before [`read_configuration`] has looked at it.
#[derive(Deserialize)]
pub struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    response_types_supported: Vec<String>,
    id_token_signing_alg_values_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// The issuer as typed, without blanks and without the path of its configuration, should that have been pasted too.
pub fn clean_issuer(typed: &str) -> String {
    let text = typed.trim();
    text.strip_suffix(WELL_KNOWN).unwrap_or(text).trim_end().to_owned()
}

/// Refuses what can't be an issuer, with the reason.
pub fn check_issuer(issuer: &str) -> Result<(), OidcError> {
    let url = parse_secure(issuer, "issuer")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(OidcError::Configuration(
            "the issuer has a query or a fragment; enter it without".into(),
        ));
    }
    Ok(())
}

/// TLS, or this machine: everything else can be read and changed on its way.
fn is_loopback_or_https(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

impl OidcClient {
    /// The provider's configuration. Its `issuer` may differ from the one asked for by one slash at the end, no more, and
    /// its addresses lead no further than its own, see `territory`.
    pub async fn discover(&self, issuer: &str) -> Result<Metadata, OidcError> {
        check_issuer(issuer)?;
        let address = format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer));
        let start = parse_secure(&address, "issuer")?;
        let private_host = self.find_private_host(&start).await;
        let answer = self.get_followed(private_host.as_ref(), start).await?;
        let metadata = read_configuration(answer.json()?, issuer, private_host)?;
        self.check_endpoints(&metadata).await?;
        Ok(metadata)
    }

    /// The keys that the provider signs with now.
    pub async fn fetch_keys(&self, metadata: &Metadata) -> Result<Keys, OidcError> {
        let private_host = metadata.private_host.as_ref();
        let answer = self.get_followed(private_host, metadata.jwks_uri.clone()).await?;
        Ok(answer.json::<Keys>()?)
    }

    /// A GET that follows up to three redirects on the same host.
    async fn get_followed(&self, private_host: Option<&Host>, start: Url) -> Result<Answer, OidcError> {
        let http = self.http_for(private_host, &start);
        let mut url = start;
        for _ in 0..=MAX_REDIRECTS {
            let answer = http.send(http.request(Method::GET, url.clone())).await?;
            let next = redirect_target(&answer, &url);
            match next {
                Some(next) if next.host() == url.host() && is_loopback_or_https(&next) => url = next,
                _ if answer.is_success() => return Ok(answer),
                _ => return Err(refusal(&answer, &url)),
            }
        }
        Err(OidcError::Configuration(
            "it sends us from one address to the next without end".into(),
        ))
    }
}

pub(super) fn refusal(answer: &Answer, url: &Url) -> OidcError {
    match common_refusal(answer, SERVICE, &shown_address(url)) {
        Some(error) => error.into(),
        None if answer.status == 404 => OidcError::Configuration(format!(
            "there is nothing at {}{}. Check the issuer",
            shown_address(url),
            url.path()
        )),
        None => answer.unexpected("it refused to say how to sign in").into(),
    }
}

fn redirect_target(answer: &Answer, from: &Url) -> Option<Url> {
    if !(300..400).contains(&answer.status) {
        return None;
    }
    from.join(answer.header("location")?).ok()
}

/// The configuration in a document that was asked for by `issuer`.
pub fn read_configuration(document: Document, issuer: &str, private_host: Option<Host>) -> Result<Metadata, OidcError> {
    let without_slash = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
    if without_slash(&document.issuer) != without_slash(issuer) {
        return Err(OidcError::OtherIssuer {
            entered: issuer.into(),
            found: document.issuer.chars().take(MAX_SHOWN).collect(),
        });
    }
    read_document(document, private_host)
}

fn read_document(document: Document, private_host: Option<Host>) -> Result<Metadata, OidcError> {
    if !document.response_types_supported.iter().any(|kind| kind == "code") {
        return Err(OidcError::Configuration(
            "it does not offer the authorization code flow. Allow it for this client at the provider".into(),
        ));
    }
    let offered = document.id_token_signing_alg_values_supported;
    let is_offered = |algorithm: &Algorithm| {
        serde_json::to_value(algorithm).is_ok_and(|word| offered.iter().any(|name| word == name.as_str()))
    };
    let algorithms: Vec<_> = ALLOWED
        .iter()
        .filter(|algorithm| is_offered(algorithm))
        .cloned()
        .collect();
    if algorithms.is_empty() {
        return Err(OidcError::Configuration(
            "it signs only in ways that are not accepted. Choose RS256 or ES256 for this client at the provider".into(),
        ));
    }
    let methods = document.token_endpoint_auth_methods_supported.unwrap_or_default();
    let takes_basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
    let userinfo = document.userinfo_endpoint.as_deref();
    Ok(Metadata {
        authorization_endpoint: parse_secure(&document.authorization_endpoint, "authorization endpoint")?,
        token_endpoint: parse_secure(&document.token_endpoint, "token endpoint")?,
        jwks_uri: parse_secure(&document.jwks_uri, "address of the keys")?,
        userinfo_endpoint: userinfo
            .map(|text| parse_secure(text, "userinfo endpoint"))
            .transpose()?,
        algorithms,
        is_secret_in_body: !takes_basic,
        names_issuer_in_callback: document.authorization_response_iss_parameter_supported,
        scopes: document.scopes_supported,
        private_host,
        issuer: document.issuer,
    })
}

fn parse_secure(text: &str, what: &str) -> Result<Url, OidcError> {
    let refused = |detail: &str| OidcError::Configuration(format!("the {what} {detail}"));
    let url = Url::parse(text).map_err(|_| refused("is not a whole address such as https://id.example.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("holds a user name or a password"));
    }
    if !is_loopback_or_https(&url) {
        return Err(refused(
            "must begin with https://, or everybody on the way could sign in",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use testing::damage::{damaged, damaged_text};

    use super::*;

    const WHOLE: &str = r#"{"issuer":"https://id.example/","authorization_endpoint":"https://id.example/a",
        "token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k","userinfo_endpoint":"https://id.example/u",
        "response_types_supported":["code"],"id_token_signing_alg_values_supported":["RS256","HS256","none"],
        "token_endpoint_auth_methods_supported":["client_secret_post"],"scopes_supported":["openid"]}"#;

    proptest! {
        #[test]
        fn what_is_accepted_of_a_damaged_configuration_is_safe(bytes in damaged(WHOLE.as_bytes())) {
            let Ok(document) = serde_json::from_slice(&bytes) else { return Ok(()) };
            if let Ok(metadata) = read_configuration(document, "https://id.example", None) {
                let named = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
                for url in named.into_iter().chain(&metadata.userinfo_endpoint) {
                    prop_assert!(is_loopback_or_https(url) && url.username().is_empty() && url.password().is_none(), "{}", url);
                }
                prop_assert_eq!(metadata.issuer.trim_end_matches('/'), "https://id.example");
                prop_assert!(!metadata.algorithms.is_empty());
                prop_assert!(metadata.algorithms.iter().all(|algorithm| ALLOWED.contains(algorithm)));
            }
        }

        #[test]
        fn another_issuer_is_told_in_a_sentence_of_bounded_length(issuer in "https://[a-z]{1,9}\\PC{0,400}") {
            let whole = document_of(json!({ "issuer": issuer }));
            match read_configuration(whole, "https://id.example", None) {
                Err(OidcError::OtherIssuer { found, .. }) => prop_assert!(found.chars().count() <= MAX_SHOWN),
                other => prop_assert!(false, "{other:?}"),
            }
        }

        #[test]
        fn an_issuer_that_is_accepted_stays_so_when_it_is_cleaned_again(
            typed in damaged_text(" https://id.example/realms/a/.well-known/openid-configuration ")
        ) {
            let clean = clean_issuer(&typed);
            if check_issuer(&clean).is_ok() {
                prop_assert!(is_loopback_or_https(&Url::parse(&clean).unwrap()));
                prop_assert!(clean.len() <= typed.len() && clean.trim() == clean);
            }
        }
    }

    fn document_of(change: serde_json::Value) -> Document {
        let mut whole = json!({
            "issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
            "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
            "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]
        });
        for (name, value) in change.as_object().unwrap() {
            whole[name] = value.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    fn document(change: serde_json::Value) -> Result<Metadata, OidcError> {
        read_document(document_of(change), None)
    }

    #[test]
    fn a_pasted_configuration_address_is_cut_down_to_the_issuer() {
        for (typed, expected) in [
            (" https://id.example/realms/a ", "https://id.example/realms/a"),
            ("https://id.example/o/app/", "https://id.example/o/app/"),
            (
                "https://id.example/.well-known/openid-configuration",
                "https://id.example",
            ),
            (
                "https://id.example/a /.well-known/openid-configuration",
                "https://id.example/a",
            ),
        ] {
            assert_eq!(clean_issuer(typed), expected);
        }
    }

    #[test]
    fn an_issuer_is_reached_by_tls_or_on_this_machine() {
        for good in [
            "https://id.example",
            "http://127.0.0.1:9/x/",
            "http://[::1]:9",
            "http://localhost:9",
        ] {
            assert!(check_issuer(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example",
            "http://192.168.1.4",
            "id.example",
            "",
            "ftp://localhost",
            "https://a:b@id.example",
            "https://id.example?a=1",
            "https://id.example#a",
            "http://127.0.0.1.example",
        ] {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_signatures_with_public_keys_are_taken() {
        assert_eq!(
            document(json!({})).unwrap().algorithms,
            [Algorithm::RsaSsaPkcs1V15Sha256]
        );
        let weak = json!({"id_token_signing_alg_values_supported": ["HS256", "HS512", "none"]});
        assert!(document(weak).unwrap_err().to_string().contains("RS256 or ES256"));
        let modern = json!({"id_token_signing_alg_values_supported": ["ES256", "EdDSA", "future"]});
        assert_eq!(document(modern).unwrap().algorithms.len(), 2);
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        let methods = |list| document(json!({"token_endpoint_auth_methods_supported": list})).unwrap();
        assert!(!document(json!({})).unwrap().is_secret_in_body);
        assert!(!methods(json!(["client_secret_post", "client_secret_basic"])).is_secret_in_body);
        assert!(methods(json!(["client_secret_post"])).is_secret_in_body);
    }

    #[test]
    fn endpoints_without_tls_and_flows_without_code_are_refused() {
        let plain = document(json!({"token_endpoint": "http://id.example/t"})).unwrap_err();
        assert!(plain.to_string().contains("token endpoint"), "{plain}");
        assert!(document(json!({"jwks_uri": "/keys"})).is_err());
        assert!(document(json!({"userinfo_endpoint": "ftp://id.example"})).is_err());
        assert!(document(json!({"response_types_supported": ["id_token"]})).is_err());
    }
}
