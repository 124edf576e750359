//! How far a provider's addresses may lead us: to the public internet, and to the host of its issuer when an admin has that
//! one in a network of their own. A document from elsewhere must not send us into the house.

use std::time::Duration;

use reqwest::Url;
use url::Host;

use super::OidcClient;
use super::discovery::Metadata;
use super::error::OidcError;
use crate::http::{HttpClient, Reach, is_in_house, judge_url, shown_address};

/// A lookup that takes longer says nothing; the connection is judged in any case.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

impl OidcClient {
    /// The issuer's host, if it is in a private network or on this machine; `None` for a public one, whatever its port.
    pub(super) async fn find_private_host(&self, issuer: &Url) -> Option<Host> {
        let judged = is_in_house(&*self.network, issuer);
        let is_private = tokio::time::timeout(LOOKUP_TIMEOUT, judged).await.unwrap_or(false);
        let host = issuer.host().filter(|_| is_private)?;
        Some(host.to_owned())
    }

    /// The connections for an address that the provider names.
    pub(super) fn http_for(&self, private_host: Option<&Host>, url: &Url) -> &HttpClient {
        match is_on(private_host, url) {
            true => &self.private,
            false => &self.public,
        }
    }

    /// Refuses a configuration that names an address that we may not ask, or that no browser should be sent to.
    pub(super) async fn check_endpoints(&self, metadata: &Metadata) -> Result<(), OidcError> {
        let endpoints = [
            (Some(&metadata.authorization_endpoint), "authorization endpoint"),
            (Some(&metadata.token_endpoint), "token endpoint"),
            (Some(&metadata.jwks_uri), "address of the keys"),
            (metadata.userinfo_endpoint.as_ref(), "userinfo endpoint"),
        ];
        for (url, what) in endpoints {
            let foreign = url.filter(|url| !is_on(metadata.private_host.as_ref(), url));
            if let Some(url) = foreign
                && let Some(reason) = self.refuse_public(url).await
            {
                return Err(OidcError::Configuration(format!(
                    "the {what} is at {}, and {reason}. It must be on the public internet, or on the issuer's own host if \
                     that is in a private network",
                    shown_address(url)
                )));
            }
        }
        Ok(())
    }

    async fn refuse_public(&self, url: &Url) -> Option<&'static str> {
        let judged = judge_url(&*self.network, Reach::Public, url);
        tokio::time::timeout(LOOKUP_TIMEOUT, judged).await.ok().flatten()
    }
}

fn is_on(host: Option<&Host>, url: &Url) -> bool {
    host.is_some_and(|host| url.host().is_some_and(|named| named.to_owned() == *host))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::SecretString;
    use serde_json::{Value, json};
    use wiremock::matchers::{any, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::super::{RelyingParty, Tokens};
    use super::*;
    use crate::http::fake_network::FakeNetwork;

    const PUBLIC: &str = "93.184.216.34";

    /// A provider under the name `localhost`, the only one that needs no TLS, wherever the network has that.
    struct House {
        server: MockServer,
        network: Arc<FakeNetwork>,
        client: OidcClient,
    }

    impl House {
        async fn at(addresses: &[&[&str]]) -> Self {
            let network = FakeNetwork::new(&[
                ("localhost", addresses),
                ("router.lan", &[&["192.168.1.1"]]),
                ("id.example", &[&[PUBLIC]]),
            ]);
            Self {
                server: MockServer::start().await,
                client: OidcClient::with_network(network.clone()).unwrap(),
                network,
            }
        }

        fn issuer(&self) -> String {
            format!("http://localhost:{}", self.server.address().port())
        }

        async fn discover(&self, change: Value) -> Result<Metadata, OidcError> {
            let issuer = self.issuer();
            let mut document = json!({
                "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256"]
            });
            for (name, value) in change.as_object().unwrap() {
                document[name] = value.clone();
            }
            self.server.reset().await;
            // One answer a connection, so that each request looks the name up.
            let answer = |body: Value| {
                let answer = ResponseTemplate::new(200).set_body_json(body);
                answer.insert_header("connection", "close")
            };
            Mock::given(path("/.well-known/openid-configuration"))
                .respond_with(answer(document))
                .mount(&self.server)
                .await;
            Mock::given(any())
                .respond_with(answer(json!({ "keys": [] })))
                .mount(&self.server)
                .await;
            self.client.discover(&issuer).await
        }

        /// What each endpoint says when it lies there.
        async fn check_each_at(&self, address: &str, expected: &str) {
            for endpoint in [
                "authorization_endpoint",
                "token_endpoint",
                "jwks_uri",
                "userinfo_endpoint",
            ] {
                let refused = self.discover(json!({ endpoint: address })).await.unwrap_err();
                assert!(matches!(refused, OidcError::Configuration(_)), "{refused:?}");
                assert!(
                    refused.to_string().contains(expected),
                    "{endpoint} at {address}: {refused}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_public_provider_names_no_address_in_the_house() {
        let house = House::at(&[&[PUBLIC]]).await;
        assert_eq!(house.discover(json!({})).await.unwrap().private_host, None);
        for (address, expected) in [
            ("https://router.lan/token", "private network"),
            ("https://192.168.1.1/token", "private network"),
            ("https://169.254.169.254/token", "metadata service"),
            ("http://127.0.0.1:8443/token", "this server itself"),
            ("http://[::1]:8443/token", "this server itself"),
            ("https://id.example:25/token", "not one of the web"),
        ] {
            house.check_each_at(address, expected).await;
        }
    }

    #[tokio::test]
    async fn a_private_provider_may_name_its_own_host_and_the_internet_but_no_other_in_the_house() {
        for own in ["127.0.0.1", "192.168.1.5"] {
            let house = House::at(&[&[own]]).await;
            let metadata = house.discover(json!({})).await.unwrap();
            assert_eq!(metadata.private_host, Some(Host::Domain("localhost".into())));
            house.client.fetch_keys(&metadata).await.unwrap();
            assert_eq!(house.network.dialled(), [own, own]);
            house.check_each_at("https://router.lan/token", "private network").await;
            house
                .check_each_at("https://169.254.169.254/x", "metadata service")
                .await;
            let abroad = json!({"token_endpoint": "https://id.example/token"});
            assert!(house.discover(abroad).await.is_ok());
        }
    }

    #[tokio::test]
    async fn only_where_a_host_lies_makes_it_private() {
        let house = House::at(&[&[PUBLIC, "192.168.1.5"]]).await;
        for (address, is_private) in [
            ("https://id.example:25", false),
            ("https://93.184.216.34:25", false),
            ("https://169.254.169.254", false),
            ("https://nowhere.example", false),
            // Both here and there.
            ("http://localhost", false),
            ("https://router.lan:25", true),
            ("https://192.168.1.1:444", true),
            ("http://[::1]:8443", true),
        ] {
            let found = house.client.find_private_host(&Url::parse(address).unwrap()).await;
            assert_eq!(found.is_some(), is_private, "{address}");
        }
        let refused = house.client.discover("https://id.example:25").await.unwrap_err();
        assert!(refused.to_string().contains("not one of the web"), "{refused}");
        assert!(house.network.dialled().is_empty());
    }

    #[tokio::test]
    async fn a_public_providers_name_that_points_into_the_house_later_is_not_followed() {
        // Looked up for the judgement, the configuration and each of four endpoints; then it moves.
        let mut lookups = [[PUBLIC].as_slice(); 7];
        lookups[6] = &["192.168.1.1"];
        let house = House::at(&lookups).await;
        let metadata = house.discover(json!({})).await.unwrap();
        let party = RelyingParty {
            client_id: "mamcrawler".into(),
            client_secret: Some(SecretString::from("hunter2")),
            redirect_uri: "https://books.example/auth/oidc/callback".into(),
        };
        let tokens = Tokens {
            access_token: SecretString::from("a"),
            id_token: SecretString::from("b"),
        };
        let (client, verifier) = (&house.client, "v".repeat(43));
        for refused in [
            client.fetch_keys(&metadata).await.err(),
            client.exchange_code(&metadata, &party, "code", &verifier).await.err(),
            client.fetch_userinfo(&metadata, &tokens, "anna").await.err(),
        ] {
            let sentence = refused.unwrap().to_string();
            assert!(sentence.contains("private network"), "{sentence}");
        }
        assert_eq!(house.network.dialled(), [PUBLIC]);
    }
}
