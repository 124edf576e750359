//! Light, dark, or as the device says.

/// Cookie that keeps the choice, so that the server paints the first page right.
pub const COOKIE: &str = "mamcrawler_theme";

/// A colour scheme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// What the device prefers.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// Every choice, in the order in which it is offered.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// Reads a stored word; anything unknown is `Auto`.
    pub fn from_word(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|theme| theme.as_str() == word)
            .unwrap_or_default()
    }

    /// The stored word, and the value of `data-theme`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "As my device",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// The choice that the request's cookie holds.
pub fn read_theme() -> Theme {
    let parts = leptos::prelude::use_context::<http::request::Parts>();
    let word = parts.and_then(|parts| crate::api::session::find_cookie(&parts.headers, COOKIE));
    Theme::from_word(&word.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_theme_leaves_it_to_the_device() {
        assert_eq!(Theme::from_word("dark"), Theme::Dark);
        assert_eq!(Theme::from_word("<script>"), Theme::Auto);
    }
}
