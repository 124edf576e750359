//! The session cookies: their names and attributes, in one place for server functions and middleware.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use types::people::TokenPair;

/// Longest life of a sign-in that is not used, in seconds. The token itself says when it ends; this is the cookie's.
const REFRESH_MAX_AGE: u64 = 30 * 24 * 3600;

/// How this server writes its cookies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCookies {
    /// People reach the server over TLS: cookies get `Secure` and the `__Host-` prefix.
    pub secure: bool,
}

impl SessionCookies {
    /// Name of the cookie with the access token.
    pub const fn access_name(self) -> &'static str {
        if self.secure {
            "__Host-mamcrawler_access"
        } else {
            "mamcrawler_access"
        }
    }

    /// Name of the cookie with the refresh token.
    pub const fn refresh_name(self) -> &'static str {
        if self.secure {
            "__Host-mamcrawler_refresh"
        } else {
            "mamcrawler_refresh"
        }
    }

    /// The access token that a request brings.
    pub fn access_token(self, headers: &HeaderMap) -> Option<String> {
        find_cookie(headers, self.access_name())
    }

    /// The refresh token that a request brings.
    pub fn refresh_token(self, headers: &HeaderMap) -> Option<String> {
        find_cookie(headers, self.refresh_name())
    }

    /// `Set-Cookie` values that keep a sign-in.
    pub fn sign_in(self, tokens: &TokenPair) -> [HeaderValue; 2] {
        [
            self.cookie(self.access_name(), &tokens.access_token, tokens.expires_in),
            self.cookie(self.refresh_name(), &tokens.refresh_token, REFRESH_MAX_AGE),
        ]
    }

    /// `Set-Cookie` values that end a sign-in.
    pub fn sign_out(self) -> [HeaderValue; 2] {
        [
            self.cookie(self.access_name(), "", 0),
            self.cookie(self.refresh_name(), "", 0),
        ]
    }

    fn cookie(self, name: &str, value: &str, max_age: u64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"
        ))
        .expect("tokens are base64url with dots")
    }
}

/// The value of a cookie by its name, in whichever `Cookie` header it stands.
pub fn find_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    values.next().filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Signs the browser in with the answer of this server function.
pub fn set_cookies(tokens: &TokenPair) {
    send(use_context::<SessionCookies>().unwrap_or_default().sign_in(tokens));
}

/// Signs the browser out with the answer of this server function.
pub fn clear_cookies() {
    send(use_context::<SessionCookies>().unwrap_or_default().sign_out());
}

/// Keeps a preference in the browser: no secret, and both words are our own.
pub fn set_preference(name: &'static str, value: &'static str) {
    let cookie = HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax"));
    send([cookie.expect("the words of preferences are plain")]);
}

fn send(cookies: impl IntoIterator<Item = HeaderValue>) {
    let Some(response) = use_context::<ResponseOptions>() else {
        return;
    };
    for cookie in cookies {
        response.append_header(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> TokenPair {
        TokenPair {
            access_token: "a.b.c".into(),
            refresh_token: "r".into(),
            token_type: "Bearer".into(),
            expires_in: 900,
        }
    }

    #[test]
    fn cookies_over_tls_are_bound_to_the_host() {
        let [access, refresh] = SessionCookies { secure: true }.sign_in(&tokens());
        assert_eq!(
            access,
            "__Host-mamcrawler_access=a.b.c; Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(refresh.to_str().unwrap().starts_with("__Host-mamcrawler_refresh=r; "));
    }

    #[test]
    fn signing_out_ends_both_cookies() {
        for cookie in SessionCookies::default().sign_out() {
            let cookie = cookie.to_str().unwrap().to_owned();
            assert!(cookie.contains("=; Path=/; Max-Age=0;"), "{cookie}");
            assert!(!cookie.contains("Secure"), "{cookie}");
        }
    }

    #[test]
    fn a_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(
            COOKIE,
            HeaderValue::from_static("mamcrawler_access2=x; mamcrawler_access=a.b.c"),
        );
        headers.append(COOKIE, HeaderValue::from_static("mamcrawler_refresh="));
        let cookies = SessionCookies::default();
        assert_eq!(cookies.access_token(&headers).as_deref(), Some("a.b.c"));
        assert_eq!(cookies.refresh_token(&headers), None);
    }
}
