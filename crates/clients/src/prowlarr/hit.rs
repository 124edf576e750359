//! A search hit as a release.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use types::search::ReleaseFacts;
use url::Url;

use super::title::read_title;
use super::wire::SearchHit;
use crate::indexer::FoundRelease;
use crate::myanonamouse::recording::{read_abridged, read_tagged_bitrate};
use crate::text::{best_format, decode_entities, is_plausible, page_url};
use crate::torznab::feed::{is_audiobook, read_hash, safe_guid};

/// The release of a hit's JSON; `None` for what [`read_hit`] leaves out and for what is no hit.
pub fn read_search_hit(hit: &Value, base: &Url, chosen: &[u32]) -> Option<FoundRelease> {
    read_hit(SearchHit::deserialize(hit).ok()?, base, chosen)
}

/// Reads a hit; `None` for usenet and for hits without a title or a link. `chosen` are the categories asked for.
pub(super) fn read_hit(hit: SearchHit, base: &Url, chosen: &[u32]) -> Option<FoundRelease> {
    let written = decode_entities(&hit.title).replace('\0', "");
    if hit.protocol == "usenet" || written.trim().is_empty() {
        return None;
    }
    let link = hit
        .download_url
        .filter(|link| !link.trim().is_empty())
        .map(|link| rebase_link(&link, base))
        .or(hit.magnet_url.filter(|link| !link.trim().is_empty()))?;
    let title = read_title(&written, None);
    let categories: Vec<u32> = hit.categories.iter().map(|category| category.id).collect();
    let is_count = |count: &i32| *count >= 0;
    let has_flag = |name: &str| hit.indexer_flags.iter().any(|flag| flag.eq_ignore_ascii_case(name));
    let facts = ReleaseFacts {
        authors: title.authors,
        language: title.language,
        format: title.format.or_else(|| best_format(&written)),
        bitrate_kbps: read_tagged_bitrate(&written),
        is_abridged: read_abridged(&written),
        size_bytes: hit.size.filter(|size| *size > 0),
        files: hit.files.filter(is_count),
        seeders: hit.seeders.filter(is_count),
        leechers: hit.leechers.filter(is_count),
        is_free: if has_flag("freeleech") {
            Some(true)
        } else {
            has_flag("halfleech").then_some(false)
        },
        is_vip: title.is_vip,
        is_audiobook: is_audiobook(&categories, chosen),
        category: hit.categories.iter().find_map(|category| category.name.clone()),
        tags: hit.indexer_flags.join(" "),
        info_url: hit.info_url.as_deref().or(Some(&hit.guid)).and_then(page_url),
        published_at: hit.publish_date.filter(is_plausible),
        title: title.title,
        ..ReleaseFacts::default()
    };
    Some(FoundRelease {
        external_id: format!("{}:{}", hit.indexer_id, safe_guid(&hit.guid)),
        facts,
        download_ref: SecretString::from(link),
        info_hash: hit.info_hash.as_deref().and_then(read_hash),
    })
}

/// Prowlarr writes its download links with the host it was asked by, which behind a proxy may not be ours: they are
/// moved to the configured one. Links of any other shape stay.
fn rebase_link(link: &str, base: &Url) -> String {
    let Ok(mut url) = Url::parse(link) else {
        return link.to_owned();
    };
    let is_own = url.path().ends_with("/download") && url.query_pairs().any(|(key, _)| key == "link");
    if is_own && matches!(url.scheme(), "http" | "https") && url.origin() != base.origin() {
        // The parts of an address that was parsed can't be refused.
        let _ = url.set_scheme(base.scheme());
        let _ = url.set_host(base.host_str());
        let _ = url.set_port(base.port());
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::text::has_key;

    fn base() -> Url {
        Url::parse("https://box.example/prowlarr").unwrap()
    }

    fn read(hit: Value) -> Option<FoundRelease> {
        read_search_hit(&hit, &base(), &[3030])
    }

    fn small(id: i64) -> Value {
        json!({"guid": "g", "indexerId": id, "title": "T", "magnetUrl": "magnet:?xt=urn:btih:x"})
    }

    #[test]
    fn a_full_hit_gives_every_fact() {
        let release = read(serde_json::from_str(include_str!("fixtures/hit.json")).unwrap()).unwrap();
        assert_eq!(release.external_id, "3:https://www.myanonamouse.net/t/123");
        assert_eq!(
            release.download_ref.expose_secret(),
            "https://box.example/3/download?apikey=s3cret&link=abc&file=Dune"
        );
        insta::assert_json_snapshot!(release.facts);
    }

    #[test]
    fn only_guid_indexer_and_title_are_needed_besides_a_link() {
        let release = read(json!({"guid": "g", "indexerId": 1, "title": "T (Unabridged) 64kbps", "magnetUrl": "magnet:?xt=urn:btih:x"})).unwrap();
        assert_eq!((release.facts.seeders, release.facts.is_free), (None, None));
        assert_eq!(
            (release.facts.is_abridged, release.facts.bitrate_kbps),
            (Some(false), Some(64))
        );
        assert!(read(json!({"guid": "g", "indexerId": 1, "title": "T"})).is_none());
    }

    #[test]
    fn an_empty_link_is_none_and_hides_no_other() {
        let mut hit = small(1);
        hit["downloadUrl"] = "".into();
        let link = read(hit.clone()).unwrap().download_ref;
        assert_eq!(link.expose_secret(), "magnet:?xt=urn:btih:x");
        hit["magnetUrl"] = " ".into();
        assert!(read(hit).is_none());
    }

    #[test]
    fn usenet_hits_are_left_out() {
        assert!(
            read(json!({"guid": "g", "indexerId": 1, "title": "T", "protocol": "usenet", "downloadUrl": "http://x/"}))
                .is_none()
        );
    }

    #[test]
    fn a_hit_without_a_title_is_left_out_and_impossible_numbers_are_unknown() {
        for title in ["", " ", "\t\n", "&nbsp;", "\0"] {
            let mut hit = small(1);
            hit["title"] = title.into();
            assert!(read(hit).is_none(), "{title:?}");
        }
        let mut hit = small(1);
        for name in ["size", "files", "seeders", "leechers"] {
            hit[name] = (-1).into();
        }
        hit["publishDate"] = "-9999-01-01T00:00:00Z".into();
        let facts = read(hit).unwrap().facts;
        assert_eq!(
            (facts.size_bytes, facts.files, facts.seeders, facts.leechers),
            (None, None, None, None)
        );
        assert_eq!(facts.published_at, None);
    }

    proptest! {
        #[test]
        fn a_damaged_hit_gives_a_usable_release_or_none(
            bytes in testing::damage::damaged(include_bytes!("fixtures/hit.json"))
        ) {
            let Ok(hit) = serde_json::from_slice::<Value>(&bytes) else { return Ok(()) };
            if let Some(release) = read_search_hit(&hit, &base(), &[3030]) {
                let facts = release.facts;
                prop_assert!(!facts.title.trim().is_empty());
                prop_assert!(release.external_id.len() <= 512 && !has_key(&release.external_id));
                prop_assert!(!facts.info_url.as_deref().is_some_and(has_key));
                prop_assert!(release.info_hash.is_none_or(|hash| hash.len() == 40));
                prop_assert!([facts.files, facts.seeders, facts.leechers].iter().flatten().all(|count| *count >= 0));
                prop_assert!(facts.size_bytes.is_none_or(|size| size > 0));
            }
        }

        #[test]
        fn any_title_is_kept_whole_or_read_shorter(title in "\\PC{0,80}", id in any::<i32>()) {
            let mut hit = small(id.into());
            hit["title"] = title.clone().into();
            let read = read(hit);
            prop_assert_eq!(read.is_none(), decode_entities(&title).trim().is_empty());
            if let Some(release) = read {
                prop_assert!(release.facts.title.len() <= title.len());
                prop_assert_eq!(release.external_id, format!("{id}:g"));
            }
        }

        #[test]
        fn no_number_beyond_its_type_makes_a_hit_panic(number in any::<i128>(), fraction in any::<f64>()) {
            for name in ["indexerId", "size", "files", "seeders", "leechers"] {
                for written in [number.to_string(), json!(fraction).to_string()] {
                    let mut text = small(1).to_string();
                    text.insert_str(text.len() - 1, &format!(",\"{name}\":{written}"));
                    let hit: Value = serde_json::from_str(&text).unwrap();
                    let release = read_search_hit(&hit, &base(), &[]);
                    prop_assert!(release.is_none_or(|release| release.facts.size_bytes.is_none_or(|size| size > 0)));
                }
            }
        }

        #[test]
        fn a_moved_link_stays_on_our_host_and_keeps_what_it_asks_for(
            link in testing::damage::damaged_text("http://prowlarr:9696/3/download?apikey=1&link=abc&file=Dune")
        ) {
            let moved = rebase_link(&link, &base());
            if let (Ok(before), Ok(after)) = (Url::parse(&link), Url::parse(&moved)) {
                prop_assert_eq!((before.path(), before.query()), (after.path(), after.query()));
                prop_assert!(after.host() == base().host() || after.host() == before.host());
                prop_assert_eq!(rebase_link(&moved, &base()), moved);
            }
        }
    }

    #[test]
    fn links_that_are_not_prowlarrs_own_keep_their_host() {
        assert_eq!(
            rebase_link("http://tracker.example/dl/1", &base()),
            "http://tracker.example/dl/1"
        );
        assert_eq!(
            rebase_link(
                "http://prowlarr:9696/3/download?link=a",
                &Url::parse("http://10.0.0.2:9000").unwrap()
            ),
            "http://10.0.0.2:9000/3/download?link=a"
        );
    }
}
