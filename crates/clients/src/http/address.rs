//! Addresses that people type, and paths below them.

use reqwest::Url;

use crate::error::{ClientError, Result};

/// Reads an address as typed. Without a scheme it is http; a sub-path is kept; query, fragment and a final slash go.
pub fn base_url(service: &str, text: &str) -> Result<Url> {
    let text = text.trim();
    let refused = |detail: &str| ClientError::Unreachable {
        service: service.into(),
        address: "the address given".into(),
        detail: detail.into(),
    };
    if text.is_empty() {
        return Err(refused("it is empty; enter one such as http://192.168.1.5:8080"));
    }
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let mut url = Url::parse(&full).map_err(|error| refused(&format!("it can't be read ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("only http and https work"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "it holds a user name or password; put these into their own fields",
        ));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// `path` below `base`: `http://host/qbt` and `api/v2` give `http://host/qbt/api/v2`. The query of `base` is dropped.
///
/// `?` and `#` in `path` are escaped; parameters belong in `RequestBuilder::query`.
pub fn join_url(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&format!(
        "{}/{}",
        base.path().trim_end_matches('/'),
        path.trim_start_matches('/')
    ));
    url
}

/// Scheme, host and port only: paths and queries may hold keys.
pub fn shown_address(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_addresses_become_base_addresses() {
        for (typed, expected) in [
            (" 192.168.1.5:8080 ", "http://192.168.1.5:8080/"),
            ("localhost:8080/qbt/", "http://localhost:8080/qbt"),
            ("https://box.example/qbt/?a=1#/", "https://box.example/qbt"),
            ("HTTP://Box.Example:80", "http://box.example/"),
        ] {
            assert_eq!(base_url("qBittorrent", typed).unwrap().as_str(), expected, "{typed}");
        }
    }

    #[test]
    fn other_schemes_credentials_and_nonsense_are_refused_without_repeating_them() {
        for typed in [
            "",
            "ftp://box",
            "file:///etc/passwd",
            "http://me:hunter2@box",
            "http://",
            "http://a b",
        ] {
            let sentence = base_url("qBittorrent", typed).unwrap_err().to_string();
            assert!(!sentence.contains("hunter2"), "{sentence}");
        }
    }

    #[test]
    fn paths_are_joined_below_a_proxys_prefix() {
        let base = base_url("x", "http://box/sub").unwrap();
        assert_eq!(
            join_url(&base, "/api/v2/app/version").as_str(),
            "http://box/sub/api/v2/app/version"
        );
        assert_eq!(
            join_url(&base_url("x", "box").unwrap(), "api").as_str(),
            "http://box/api"
        );
        assert_eq!(join_url(&base, "a?b#c").as_str(), "http://box/sub/a%3Fb%23c");
    }
}
