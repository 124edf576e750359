//! The session cookies: their names and attributes, in one place for server functions and middleware.

use http::header::{COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use types::BasePath;
use types::people::TokenPair;

/// Longest life of a sign-in that is not used, in seconds. The token itself says when it ends; this is the cookie's.
const REFRESH_MAX_AGE: u64 = 30 * 24 * 3600;

/// How this server writes its cookies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCookies {
    /// People reach the server over TLS: cookies get `Secure` and the prefix by which browsers insist on it.
    pub secure: bool,
    /// What else is on the host is not sent them.
    pub base: BasePath,
}

impl SessionCookies {
    /// Name of the cookie with the access token.
    pub const fn access_name(self) -> &'static str {
        self.pick([
            "mamcrawler_access",
            "__Secure-mamcrawler_access",
            "__Host-mamcrawler_access",
        ])
    }

    /// Name of the cookie with the refresh token.
    pub const fn refresh_name(self) -> &'static str {
        self.pick([
            "mamcrawler_refresh",
            "__Secure-mamcrawler_refresh",
            "__Host-mamcrawler_refresh",
        ])
    }

    /// What names of cookies begin with. `__Host-` is for cookies of the whole host alone.
    pub const fn prefix(self) -> &'static str {
        self.pick(["", "__Secure-", "__Host-"])
    }

    /// Of a name without TLS, with it, and with it on a host of our own.
    const fn pick(self, [plain, below, whole]: [&'static str; 3]) -> &'static str {
        match (self.secure, self.base.is_root()) {
            (false, _) => plain,
            (true, false) => below,
            (true, true) => whole,
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

    /// Name of the cookie that brings a new API key, sealed, to the page that shows it.
    pub const fn once_name(self) -> &'static str {
        if self.secure {
            "__Secure-mamcrawler_once"
        } else {
            "mamcrawler_once"
        }
    }

    /// The `Set-Cookie` value that brings it there; an empty one forgets it. No other page is sent it.
    fn once(self, value: &str, max_age: u64) -> HeaderValue {
        let (name, secure) = (self.once_name(), if self.secure { "; Secure" } else { "" });
        let path = self.base.at("/account");
        HeaderValue::from_str(&format!(
            "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
        ))
        .expect("what is sealed is base64url")
    }

    fn cookie(self, name: &str, value: &str, max_age: u64) -> HeaderValue {
        let (secure, path) = (if self.secure { "; Secure" } else { "" }, self.base.as_path());
        HeaderValue::from_str(&format!(
            "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"
        ))
        .expect("tokens are base64url with dots, and preferences words of our own")
    }
}

/// The value of a cookie by its name, in whichever `Cookie` header it stands.
pub fn find_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    // Bytes, as a cookie of another program on this host may hold any.
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok()
    });
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
    let cookies = use_context::<SessionCookies>().unwrap_or_default();
    send([cookies.cookie(name, value, 365 * 24 * 3600)]);
}

/// Gives the browser something sealed that the account page shows next, and only then.
pub fn set_once(sealed: &str) {
    let cookies = use_context::<SessionCookies>().unwrap_or_default();
    send([cookies.once(sealed, services::shown_once::SECONDS)]);
}

/// Takes what [`set_once`] gave: the browser forgets it with this answer.
pub fn take_once() -> Option<String> {
    let cookies = use_context::<SessionCookies>().unwrap_or_default();
    let found = find_cookie(&use_context::<Parts>()?.headers, cookies.once_name())?;
    send([cookies.once("", 0)]);
    Some(found)
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
    use proptest::prelude::*;

    use super::*;

    fn find(lines: &[Vec<u8>]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
            headers.append(COOKIE, line);
        }
        SessionCookies::default().access_token(&headers)
    }

    /// A pair of another program: any bytes that a header takes but the separator.
    fn foreign_pair() -> impl Strategy<Value = Vec<u8>> {
        let byte = any::<u8>().prop_filter("of a header", |byte| *byte >= b' ' && !matches!(*byte, b';' | 0x7f));
        prop::collection::vec(byte, 0..30).prop_map(|bytes| [b"x=".as_slice(), &bytes].concat())
    }

    proptest! {
        #[test]
        fn our_cookie_is_found_among_those_of_other_programs(
            before in prop::collection::vec(foreign_pair(), 0..3),
            after in prop::collection::vec(foreign_pair(), 0..3),
            token in "[A-Za-z0-9_.-]{1,60}",
            is_one_line in any::<bool>(),
        ) {
            let own = format!("{}={token}", SessionCookies::default().access_name()).into_bytes();
            let pairs = [before, vec![own], after].concat();
            let lines = if is_one_line { vec![pairs.join(b"; ".as_slice())] } else { pairs };
            prop_assert_eq!(find(&lines), Some(token));
        }

        #[test]
        fn no_line_makes_reading_panic_or_invents_a_value(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
            let name = SessionCookies::default().access_name().as_bytes();
            let is_there = lines.iter().any(|line| line.windows(name.len()).any(|window| window == name));
            prop_assert!(is_there || find(&lines).is_none());
        }
    }

    fn tokens() -> TokenPair {
        TokenPair {
            access_token: "a.b.c".into(),
            refresh_token: "r".into(),
            token_type: "Bearer".into(),
            expires_in: 900,
        }
    }

    fn over_tls(base: &str) -> SessionCookies {
        SessionCookies {
            secure: true,
            base: base.parse().unwrap(),
        }
    }

    #[test]
    fn below_a_path_nothing_else_on_the_host_is_sent_the_cookies() {
        let [access, refresh] = over_tls("/apps/books").sign_in(&tokens());
        assert_eq!(
            access,
            "__Secure-mamcrawler_access=a.b.c; Path=/apps/books; Max-Age=900; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(
            refresh
                .to_str()
                .unwrap()
                .starts_with("__Secure-mamcrawler_refresh=r; Path=/apps/books; ")
        );
        let once = over_tls("/apps/books").once("abc", 60);
        assert!(
            once.to_str().unwrap().contains("; Path=/apps/books/account; "),
            "{once:?}"
        );
    }

    #[test]
    fn cookies_over_tls_are_bound_to_the_host() {
        let [access, refresh] = over_tls("").sign_in(&tokens());
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
    fn what_is_shown_once_is_sent_to_its_page_alone() {
        let expected = "__Secure-mamcrawler_once=abc; Path=/account; Max-Age=60; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(over_tls("").once("abc", 60), expected);
        let forgotten = "mamcrawler_once=; Path=/account; Max-Age=0; HttpOnly; SameSite=Strict";
        assert_eq!(SessionCookies::default().once("", 0), forgotten);
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
