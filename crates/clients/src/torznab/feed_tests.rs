use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

fn base() -> Url {
    Url::parse("http://feed.example/3/api").unwrap()
}

fn read(items: &str) -> Vec<FoundRelease> {
    let text = format!(
        "<rss version=\"1.0\" xmlns:torznab=\"http://torznab.com/schemas/2015/feed\" \
         xmlns:newznab=\"http://www.newznab.com/DTD/2010/feeds/attributes/\"><channel>{items}</channel></rss>"
    );
    read_feed(text.as_bytes(), &base(), &[AUDIOBOOK]).unwrap()
}

fn read_one(inner: &str) -> FoundRelease {
    read(&format!(
        "<item><title>T</title><guid>g</guid><link>http://feed.example/dl</link>{inner}</item>"
    ))
    .remove(0)
}

#[test]
fn a_full_item_gives_every_fact() {
    let releases = read(include_str!("fixtures/item.xml"));
    assert_eq!(releases.len(), 1);
    assert_eq!(releases[0].external_id, "https://www.myanonamouse.net/t/123");
    assert_eq!(
        releases[0].info_hash.as_deref(),
        Some("0123456789abcdef0123456789abcdef01234567")
    );
    assert!(releases[0].download_ref.expose_secret().contains("apikey=s3cret"));
    insta::assert_json_snapshot!(releases[0].facts);
}

#[test]
fn peers_are_seeders_and_leechers_but_some_give_leechers_only() {
    let leechers = |seeders: i32, peers: i32| {
        read_one(&format!(
            "<newznab:attr name='seeders' value='{seeders}'/><newznab:attr name='peers' value='{peers}'/>"
        ))
        .facts
        .leechers
    };
    assert_eq!((leechers(30, 31), leechers(30, 2)), (Some(1), Some(0)));
}

#[test]
fn the_size_comes_from_the_first_that_knows_it() {
    let size = |inner: &str| read_one(inner).facts.size_bytes;
    assert_eq!(size("<torznab:attr name='size' value='0'/><size>5</size>"), Some(5));
    assert_eq!(size("<enclosure url='/dl' length='7' type='x'/>"), Some(7));
    assert_eq!(size("<enclosure url='/dl' length='0' type='x'/>"), None);
}

#[test]
fn a_missing_price_is_unknown() {
    let is_free = |inner: &str| read_one(inner).facts.is_free;
    assert_eq!(is_free(""), None);
    assert_eq!(
        is_free("<torznab:attr name='downloadvolumefactor' value='0.0'/>"),
        Some(true)
    );
    assert_eq!(
        is_free("<torznab:attr name='downloadvolumefactor' value='0.5'/>"),
        Some(false)
    );
}

#[test]
fn bad_items_are_left_out_and_the_good_ones_stay() {
    let releases = read(
        "<item><title>No link</title></item><item><guid>g</guid><link>http://x/</link></item>\
         <item><title>Script</title><link>javascript:alert(1)</link></item>\
         <item><title>Good</title><guid>g2</guid><link>http://feed.example/dl</link></item>",
    );
    assert_eq!(
        releases
            .iter()
            .map(|release| release.facts.title.as_str())
            .collect::<Vec<_>>(),
        ["Good"]
    );
}

#[test]
fn a_guid_with_a_key_is_not_stored_in_the_clear() {
    let release = read_one("").external_id;
    assert_eq!(release, "g");
    let hidden = read(
        "<item><title>T</title><guid>http://feed.example/dl?apikey=s3cret</guid><link>http://feed.example/dl?apikey=s3cret</link></item>",
    );
    assert!(hidden[0].external_id.starts_with("sha256:"));
    assert_eq!(hidden[0].facts.info_url, None);
}

#[test]
fn a_download_link_is_never_shown_as_a_page() {
    let releases = read(
        "<item><title>T</title><guid>http://feed.example/1.torrent</guid><link>http://feed.example/1.torrent</link></item>",
    );
    assert_eq!(releases[0].facts.info_url, None);
}

#[test]
fn categories_tell_what_is_an_audiobook() {
    assert_eq!(is_audiobook(&[3030, 100_013], &[AUDIOBOOK]), Some(true));
    assert_eq!(is_audiobook(&[7020], &[AUDIOBOOK]), Some(false));
    assert_eq!(is_audiobook(&[7020], &[7000]), None);
    assert_eq!(is_audiobook(&[100_013], &[AUDIOBOOK]), None);
    assert_eq!(is_audiobook(&[], &[AUDIOBOOK]), None);
}

#[test]
fn dates_have_odd_zones() {
    for text in [
        "Thu, 01 Jan 2026 00:00:00 +0000",
        "Thu, 01 Jan 2026 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 UTC",
        "2026-01-01T00:00:00Z",
    ] {
        assert_eq!(
            read_date(text).map(|time| time.timestamp()),
            Some(1_767_225_600),
            "{text}"
        );
    }
    assert_eq!(read_date("yesterday"), None);
}

#[test]
fn hashes_are_hex_or_base32() {
    assert_eq!(
        read_hash("0123456789ABCDEF0123456789ABCDEF01234567").unwrap(),
        "0123456789abcdef0123456789abcdef01234567"
    );
    assert_eq!(
        read_hash("AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH").unwrap(),
        "0123456789abcdef0123456789abcdef01234567"
    );
    assert_eq!(read_hash("xyz"), None);
    assert_eq!(read_hash("0".repeat(32).as_str()), None);
}

#[test]
fn of_many_categories_the_first_count() {
    let many: String = (0..5_000).map(|id| format!("<category>{id}</category>")).collect();
    assert_eq!(
        read_one(&format!("{many}<category>3030</category>")).facts.is_audiobook,
        Some(false)
    );
    assert_eq!(
        read_one(&format!("<category>3030</category>{many}")).facts.is_audiobook,
        Some(true)
    );
}

const FEED: &str = concat!(
    "<rss xmlns:torznab='t'><channel>",
    include_str!("fixtures/item.xml"),
    "</channel></rss>"
);

proptest! {
    #[test]
    fn a_damaged_feed_gives_usable_items_or_a_sentence(bytes in testing::damage::damaged(FEED.as_bytes())) {
        match read_feed(&bytes, &base(), &[AUDIOBOOK]) {
            Ok(releases) => for release in releases {
                let link = Url::parse(release.download_ref.expose_secret()).ok();
                prop_assert!(release.external_id.len() <= 500);
                prop_assert!(!has_key(&release.external_id));
                prop_assert!(!release.facts.info_url.as_deref().is_some_and(has_key));
                prop_assert!(release.info_hash.is_none_or(|hash| hash.len() == 40));
                prop_assert!(link.is_some());
            },
            Err(sentence) => {
                prop_assert!(sentence.starts_with("XML ") && sentence.len() < 1_000, "{}", sentence);
                prop_assert!(!sentence.contains("s3cret"), "{}", sentence);
            }
        }
    }

    #[test]
    fn attributes_of_any_text_stay_in_their_place(name in "[a-zA-Z]{1,20}", value in "[^<\\x00-\\x1f]{0,60}") {
        let escaped = value.replace('&', "&amp;").replace('\'', "&#39;").replace('"', "&quot;");
        let root = parse_xml(format!("<item><torznab:attr name='{name}' value='{escaped}'/></item>").as_bytes()).unwrap();
        prop_assert_eq!(root.children[0].attribute("value"), Some(value.as_str()));
        let shown: Vec<String> = Attrs { item: &root }.texts(&name.to_ascii_uppercase()).collect();
        let expected = Some(value.trim()).filter(|value| !value.is_empty());
        prop_assert_eq!(shown.first().map(String::as_str), expected);
    }

    #[test]
    fn a_hash_is_read_the_same_in_every_spelling(bytes in any::<[u8; 20]>()) {
        let lower = hex::encode(bytes);
        prop_assert_eq!(read_hash(&lower.to_uppercase()), Some(lower.clone()));
        prop_assert_eq!(read_hash(&format!(" {lower}\n")), Some(lower));
    }

    #[test]
    fn no_text_makes_an_item_panic(text in "[^<&\\x00-\\x1f]{0,40}", value in "[^<&'\\x00-\\x1f]{0,20}") {
        let inner = format!("<title>{text}</title><guid>{text}</guid><link>{text}</link><pubDate>{text}</pubDate>\
            <size>{text}</size><category>{text}</category><torznab:attr name='seeders' value='{value}'/>\
            <torznab:attr name='peers' value='{value}'/><torznab:attr name='infohash' value='{value}'/>");
        let _ = read(&format!("<item>{inner}</item>"));
        let _ = (read_date(&text), read_hash(&text), safe_guid(&text));
    }
}
