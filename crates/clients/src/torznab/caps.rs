//! What a feed can do.

use super::xml::Element;

/// What `t=caps` told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caps {
    pub title: Option<String>,
    /// `t=search` with `q`.
    pub has_search: bool,
    /// `t=book` with `q`.
    pub has_book_search: bool,
    /// Largest page, 1..=100.
    pub page_size: usize,
    pub categories: Vec<(u32, String)>,
}

/// Reads `<caps>`. A feed that lists no searches is taken to know the plain one.
pub(super) fn read_caps(root: &Element) -> Caps {
    let searching = root.child("searching");
    let takes_words = |name: &str| {
        let search = searching?.child(name)?;
        let is_available = search
            .attribute("available")
            .is_some_and(|word| word.eq_ignore_ascii_case("yes"));
        let params = search.attribute("supportedParams").unwrap_or("q");
        Some(is_available && params.split(',').any(|param| param.trim() == "q"))
    };
    let limit = root
        .child("limits")
        .and_then(|limits| limits.attribute("max"))
        .and_then(|max| max.parse().ok());
    Caps {
        title: root
            .child("server")
            .and_then(|server| server.attribute("title"))
            .map(str::to_owned),
        has_search: takes_words("search").unwrap_or(searching.is_none()),
        has_book_search: takes_words("book-search").unwrap_or(false),
        page_size: limit.unwrap_or(100).clamp(1, 100),
        categories: root.child("categories").map(read_categories).unwrap_or_default(),
    }
}

fn read_categories(list: &Element) -> Vec<(u32, String)> {
    let read = |element: &Element| {
        Some((
            element.attribute("id")?.parse().ok()?,
            element.attribute("name").unwrap_or_default().to_owned(),
        ))
    };
    let with_children = |category: &Element| -> Vec<(u32, String)> {
        std::iter::once(category)
            .chain(category.children_named("subcat"))
            .filter_map(read)
            .collect()
    };
    list.children_named("category").flat_map(with_children).collect()
}

#[cfg(test)]
mod tests {
    use super::super::xml::parse_xml;
    use super::*;

    fn caps(text: &str) -> Caps {
        read_caps(&parse_xml(text.as_bytes()).unwrap())
    }

    #[test]
    fn only_listed_searches_are_used() {
        let full = caps(
            r#"<caps><server title="Prowlarr"/><limits default="100" max="50"/><searching><search available="yes"/>
            <book-search available="yes" supportedParams="author,title"/></searching><categories>
            <category id="3000" name="Audio"><subcat id="3030" name="Audio/Audiobook"/></category></categories></caps>"#,
        );
        assert_eq!(
            (full.has_search, full.has_book_search, full.page_size),
            (true, false, 50)
        );
        assert_eq!(full.categories[1], (3030, "Audio/Audiobook".into()));
    }

    proptest::proptest! {
        #[test]
        fn damaged_capabilities_keep_the_page_within_bounds(bytes in testing::damage::damaged(
            br#"<caps><server title="P"/><limits max="50"/><searching><search available="yes" supportedParams="q"/></searching>
            <categories><category id="3000" name="Audio"><subcat id="3030" name="Book"/></category></categories></caps>"#
        )) {
            if let Ok(root) = parse_xml(&bytes) {
                proptest::prop_assert!((1..=100).contains(&read_caps(&root).page_size));
            }
        }
    }

    #[test]
    fn a_feed_may_have_the_book_search_only() {
        let books = caps(
            r#"<caps><searching><search available="no"/><book-search available="yes" supportedParams="q"/></searching></caps>"#,
        );
        assert_eq!((books.has_search, books.has_book_search), (false, true));
        assert!(caps("<caps/>").has_search);
    }
}
