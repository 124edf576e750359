//! A search hit as a release.

use secrecy::SecretString;
use types::search::ReleaseFacts;
use url::Url;

use super::title::read_title;
use super::wire::SearchHit;
use crate::indexer::FoundRelease;
use crate::myanonamouse::recording::{read_abridged, read_tagged_bitrate};
use crate::text::{best_format, decode_entities, page_url};
use crate::torznab::feed::{is_audiobook, read_hash, safe_guid};

/// Reads a hit; `None` for usenet and for hits without a link. `chosen` are the categories asked for.
pub(super) fn read_hit(hit: SearchHit, base: &Url, chosen: &[u32]) -> Option<FoundRelease> {
    if hit.protocol == "usenet" {
        return None;
    }
    let link = hit
        .download_url
        .map(|link| rebase_link(&link, base))
        .or(hit.magnet_url)?;
    let written = decode_entities(&hit.title);
    let title = read_title(&written, None);
    let categories: Vec<u32> = hit.categories.iter().map(|category| category.id).collect();
    let has_flag = |name: &str| hit.indexer_flags.iter().any(|flag| flag.eq_ignore_ascii_case(name));
    let facts = ReleaseFacts {
        authors: title.authors,
        language: title.language,
        format: title.format.or_else(|| best_format(&written)),
        bitrate_kbps: read_tagged_bitrate(&written),
        is_abridged: read_abridged(&written),
        size_bytes: hit.size.filter(|size| *size > 0),
        files: hit.files,
        seeders: hit.seeders,
        leechers: hit.leechers,
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
        published_at: hit.publish_date,
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
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::*;

    fn base() -> Url {
        Url::parse("https://box.example/prowlarr").unwrap()
    }

    fn read(hit: Value) -> Option<FoundRelease> {
        read_hit(serde_json::from_value(hit).unwrap(), &base(), &[3030])
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
    fn usenet_hits_are_left_out() {
        assert!(
            read(json!({"guid": "g", "indexerId": 1, "title": "T", "protocol": "usenet", "downloadUrl": "http://x/"}))
                .is_none()
        );
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
