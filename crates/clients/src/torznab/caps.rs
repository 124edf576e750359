//! What a feed can do.

use super::xml::{Element, parse_xml};

/// What `t=caps` told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    pub title: Option<String>,
    /// `t=search` with `q`.
    pub has_search: bool,
    /// `t=book` with `q`.
    pub has_book_search: bool,
    /// Largest page, 1..=100.
    pub page_size: usize,
    pub categories: Vec<(u32, String)>,
}

/// The capabilities of an answer's bytes. The error is a clause for people.
pub fn read_capabilities(bytes: &[u8]) -> Result<Caps, String> {
    parse_xml(bytes).map(|root| read_caps(&root))
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
    use proptest::prelude::*;

    use super::*;

    const FULL: &str = r#"<caps><server title="P"/><limits max="50"/><searching>
        <search available="yes" supportedParams="q"/></searching>
        <categories><category id="3000" name="Audio"><subcat id="3030" name="Book"/></category></categories></caps>"#;

    fn caps(text: &str) -> Caps {
        read_capabilities(text.as_bytes()).unwrap()
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

    proptest! {
        #[test]
        fn damaged_capabilities_keep_the_page_within_bounds_and_invent_nothing(
            bytes in testing::damage::damaged(FULL.as_bytes())
        ) {
            if let Ok(caps) = read_capabilities(&bytes) {
                prop_assert!((1..=100).contains(&caps.page_size));
                let names = caps.categories.iter().map(|(_, name)| name.len()).sum::<usize>();
                prop_assert!(names + caps.title.map_or(0, |title| title.len()) <= 3 * bytes.len());
            }
        }

        #[test]
        fn whatever_a_feed_states_as_its_limit_a_page_holds_one_to_a_hundred(limit in "-?[0-9]{0,24}|\\PC{0,8}") {
            let attribute = limit.replace(['<', '&', '"'], "");
            let read = caps(&format!("<caps><limits max=\"{attribute}\"/></caps>"));
            let stated = attribute.parse::<usize>().ok();
            prop_assert_eq!(read.page_size, stated.map_or(100, |limit| limit.clamp(1, 100)));
        }

        #[test]
        fn every_category_with_a_number_is_listed_in_its_order(ids in prop::collection::vec(any::<u32>(), 0..12)) {
            let listed: String = ids.iter().map(|id| format!("<category id='{id}' name='n'/><category id='x{id}'/>")).collect();
            let read = caps(&format!("<caps><categories>{listed}</categories></caps>"));
            prop_assert_eq!(read.categories.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), ids);
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
