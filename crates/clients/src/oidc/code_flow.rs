//! Sending the browser to the provider, and the code that it brings back.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreErrorResponseType};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, JsonWebKeySet, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, TokenResponse, TokenUrl,
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use std::pin::Pin;

use super::discovery::Metadata;
use super::error::{OidcError, TokenFault};
use super::{OidcClient, RelyingParty, SERVICE};
use crate::error::ClientError;
use crate::http::{HttpClient, shown_address};
use crate::status::common_refusal;

/// What one sign-in sends along; all of it random but the scopes.
pub struct AuthorizationRequest<'a> {
    pub state: &'a str,
    pub nonce: &'a str,
    /// 43 to 128 characters of `A-Z a-z 0-9 - . _ ~`.
    pub code_verifier: &'a str,
    /// Beside "openid".
    pub scopes: &'a [String],
}

/// What a code was exchanged for. Not kept longer than the sign-in takes.
pub struct Tokens {
    pub(super) access_token: SecretString,
    /// As sent; nothing in it counts before it was verified.
    pub id_token: SecretString,
}

type Party = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointNotSet>;
type TokenError = RequestTokenError<ClientError, StandardErrorResponse<CoreErrorResponseType>>;

/// Where the browser is sent to sign in.
pub fn authorization_url(
    metadata: &Metadata,
    party: &RelyingParty,
    request: &AuthorizationRequest<'_>,
) -> Result<Url, OidcError> {
    let party = build_party(metadata, party)?;
    let (state, nonce) = (request.state.to_owned(), request.nonce.to_owned());
    let verifier = PkceCodeVerifier::new(request.code_verifier.to_owned());
    let scopes = request.scopes.iter().filter(|scope| *scope != "openid");
    let (url, _, _) = party
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .add_scopes(scopes.map(|scope| Scope::new(scope.clone())))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .url();
    Ok(url)
}

impl OidcClient {
    /// Exchanges the code of a callback. A code is good once, so this is never repeated.
    pub async fn exchange_code(
        &self,
        metadata: &Metadata,
        party: &RelyingParty,
        code: &str,
        code_verifier: &str,
    ) -> Result<Tokens, OidcError> {
        let party = build_party(metadata, party)?;
        let http = self.http_for(metadata.private_host.as_ref(), &metadata.token_endpoint);
        let sender = TokenSender { http };
        let response = party
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(code_verifier.to_owned()))
            .request_async(&sender)
            .await
            .map_err(token_refusal)?;
        let id_token = response.id_token().ok_or(TokenFault::Unreadable)?;
        Ok(Tokens {
            access_token: response.access_token().secret().clone().into(),
            id_token: id_token.to_string().into(),
        })
    }
}

/// Carries the library's one request over our own connections, which are guarded, limited and follow no redirects.
struct TokenSender<'a> {
    http: &'a HttpClient,
}

impl<'c> AsyncHttpClient<'c> for TokenSender<'_> {
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ClientError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let url = Url::parse(&parts.uri.to_string()).map_err(|_| ClientError::UnexpectedAnswer {
                service: SERVICE.into(),
                detail: "its token endpoint is no address".into(),
            })?;
            let address = shown_address(&url);
            let request = self.http.request(parts.method, url).headers(parts.headers).body(body);
            let answer = self.http.send(request).await?;
            if let Some(refusal) = common_refusal(&answer, SERVICE, &address) {
                return Err(refusal);
            }
            if answer.is_html() {
                return Err(answer.unexpected("a web page instead of a token"));
            }
            let mut response = HttpResponse::new(answer.body);
            *response.status_mut() =
                http::StatusCode::from_u16(answer.status).expect("the status came from an HTTP answer");
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

fn token_refusal(error: TokenError) -> OidcError {
    match error {
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                OidcError::ClientRefused
            }
            CoreErrorResponseType::InvalidGrant => OidcError::CodeRefused,
            // The word is the provider's own: only its letters are repeated.
            other => OidcError::TokenRefused(
                other
                    .as_ref()
                    .chars()
                    .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                    .take(40)
                    .collect(),
            ),
        },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => TokenFault::Unreadable.into(),
    }
}

fn build_party(metadata: &Metadata, party: &RelyingParty) -> Result<Party, OidcError> {
    let unusable = |_| OidcError::Configuration("one of its addresses, or the redirect address, can't be read".into());
    let issuer = IssuerUrl::new(metadata.issuer.clone()).map_err(unusable)?;
    let redirect = RedirectUrl::new(party.redirect_uri.clone()).map_err(unusable)?;
    // The library's client verifies nothing here: `verify_id_token` does, with the keys.
    let client = CoreClient::new(
        ClientId::new(party.client_id.clone()),
        issuer,
        JsonWebKeySet::new(Vec::new()),
    )
    .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
    .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
    .set_redirect_uri(redirect)
    .set_auth_type(match metadata.is_secret_in_body {
        true => AuthType::RequestBody,
        false => AuthType::BasicAuth,
    });
    Ok(match &party.client_secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
        None => client,
    })
}
