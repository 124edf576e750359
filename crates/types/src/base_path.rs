//! Where the installation's addresses begin on its host.

use std::fmt::Display;
use std::str::FromStr;

/// First parts of paths that stay where they are, for monitors.
const FOR_MONITORS: [&str; 2] = ["health", "metrics"];
const LONGEST: usize = 100;

/// The path below which the installation is: none when it has its host name to itself, else such as `/mamcrawler`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BasePath(&'static str);

impl BasePath {
    /// A host name of its own.
    pub const ROOT: Self = Self("");

    /// Whether it has its host name to itself.
    pub const fn is_root(self) -> bool {
        self.0.is_empty()
    }

    /// Empty at the root, else without a slash at the end.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// What browsers call an address of ours: `/books` is `/mamcrawler/books`.
    pub fn at(self, path: impl Display) -> String {
        format!("{}{path}", self.0)
    }

    /// What we call an address that a browser names; `None` when it is not below. `/mamcrawler` itself is empty.
    pub fn strip(self, address: &str) -> Option<&str> {
        let rest = address.strip_prefix(self.0)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    /// `/` at the root: what the `Path` of cookies and the root of the API are called.
    pub const fn as_path(self) -> &'static str {
        if self.is_root() { "/" } else { self.0 }
    }
}

/// Why a text is no base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBasePath {
    #[error("a base path begins with / and does not end with it, such as /mamcrawler; leave it unset to have none")]
    Slashes,
    #[error("a base path is made of letters, digits, -, _, . and ~ between slashes, such as /apps/mamcrawler")]
    Parts,
    #[error("a base path can't begin with /health or /metrics, where monitors ask")]
    ForMonitors,
    #[error("a base path has at most {LONGEST} characters")]
    Long,
}

impl FromStr for BasePath {
    type Err = BadBasePath;

    fn from_str(text: &str) -> Result<Self, BadBasePath> {
        if text.is_empty() {
            return Ok(Self::ROOT);
        }
        let parts = text
            .strip_prefix('/')
            .filter(|rest| !rest.ends_with('/') && !rest.is_empty());
        let parts = parts.ok_or(BadBasePath::Slashes)?;
        if text.len() > LONGEST {
            return Err(BadBasePath::Long);
        }
        if !parts.split('/').all(is_plain) {
            return Err(BadBasePath::Parts);
        }
        if parts
            .split('/')
            .next()
            .is_some_and(|first| FOR_MONITORS.contains(&first))
        {
            return Err(BadBasePath::ForMonitors);
        }
        // A setting is read once and counts until the process ends.
        Ok(Self(Box::leak(text.into())))
    }
}

/// What no browser and no proxy writes in another way.
fn is_plain(part: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.~".contains(&letter);
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_plain_parts_behind_slashes() {
        let check = |text: &str, expected: Result<&str, BadBasePath>| {
            assert_eq!(text.parse().map(BasePath::as_str), expected, "{text:?}");
        };
        check("", Ok(""));
        check("/mamcrawler", Ok("/mamcrawler"));
        check("/apps/mam_crawler-2.0~x", Ok("/apps/mam_crawler-2.0~x"));
        check("/healthy", Ok("/healthy"));
        check("/", Err(BadBasePath::Slashes));
        check("mamcrawler", Err(BadBasePath::Slashes));
        check("/mamcrawler/", Err(BadBasePath::Slashes));
        check("https://home.example/mamcrawler", Err(BadBasePath::Slashes));
        for odd in [
            "//mamcrawler",
            "/a//b",
            "/a/../b",
            "/.",
            "/a b",
            "/é",
            "/a%20b",
            "/a?b",
            "/a#b",
            "/a;b",
            "/{id}",
        ] {
            check(odd, Err(BadBasePath::Parts));
        }
        check("/health", Err(BadBasePath::ForMonitors));
        check("/metrics/mamcrawler", Err(BadBasePath::ForMonitors));
        check(&format!("/{}", "a".repeat(LONGEST)), Err(BadBasePath::Long));
    }

    #[test]
    fn what_is_stripped_is_what_was_put_before() {
        let base: BasePath = "/mamcrawler".parse().unwrap();
        assert_eq!(base.at("/books"), "/mamcrawler/books");
        assert_eq!(base.strip("/mamcrawler/books"), Some("/books"));
        assert_eq!(base.strip("/mamcrawler/"), Some("/"));
        assert_eq!(base.strip("/mamcrawler"), Some(""));
        assert_eq!(base.strip("/mamcrawler2/books"), None);
        assert_eq!(base.strip("/books"), None);
        assert_eq!(BasePath::ROOT.at("/books"), "/books");
        assert_eq!(BasePath::ROOT.strip("/books"), Some("/books"));
        assert_eq!((base.as_path(), BasePath::ROOT.as_path()), ("/mamcrawler", "/"));
    }
}
