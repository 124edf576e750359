//! What indexers answer.

use clients::indexer::FoundRelease;
use clients::myanonamouse::{clean_entered, read_account, read_row, renewed_value};
use clients::prowlarr::read_search_hit;
use clients::torznab::{read_capabilities, read_feed};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use url::Url;

use crate::text;

/// A row of MyAnonamouse's search answer.
pub fn mam_row(bytes: &[u8]) {
    let Ok(row) = serde_json::from_slice(bytes) else { return };
    for is_vip_member in [None, Some(true), Some(false)] {
        if let Some(release) = read_row(&row, &base("https://tracker.example"), is_vip_member) {
            check_release(&release);
        }
    }
}

/// The account as MyAnonamouse answers it.
pub fn mam_account(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice(bytes) else {
        return;
    };
    let account = read_account(&answer);
    assert!(account.ratio.is_none_or(|ratio| ratio.is_finite() && ratio >= 0.0));
    let bytes = [account.uploaded_bytes, account.downloaded_bytes];
    assert!(bytes.iter().flatten().all(|bytes| *bytes >= 0));
    let slots = [account.unsatisfied_count, account.unsatisfied_limit];
    assert!(slots.iter().flatten().all(|count| *count >= 0));
    let texts = [&account.username, &account.class, &account.connectable];
    assert!(texts.into_iter().flatten().all(|text| !text.contains('\0')));
}

/// The cookie of MyAnonamouse, as people paste it and as the site sets it.
pub fn mam_cookie(bytes: &[u8]) {
    if let Some(cookie) = clean_entered(&text(bytes)) {
        let again = clean_entered(cookie.expose_secret());
        assert!(again.is_some_and(|again| again.expose_secret() == cookie.expose_secret()));
    }
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(SET_COOKIE, value);
        }
    }
    let _ = renewed_value(&headers);
}

/// A hit of Prowlarr's search answer.
pub fn prowlarr_hit(bytes: &[u8]) {
    let Ok(hit) = serde_json::from_slice(bytes) else { return };
    for address in ["https://box.example/prowlarr", "http://10.0.0.2:9696"] {
        if let Some(release) = read_search_hit(&hit, &base(address), &[3030]) {
            check_release(&release);
            assert!(!release.download_ref.expose_secret().is_empty());
        }
    }
}

/// A Torznab feed's capabilities.
pub fn torznab_caps(bytes: &[u8]) {
    let Ok(caps) = read_capabilities(bytes) else { return };
    assert!((1..=100).contains(&caps.page_size));
    let words = caps.categories.iter().map(|(_, name)| name.len()).sum::<usize>();
    // What is no UTF-8 becomes a character of three bytes.
    assert!(words + caps.title.map_or(0, |title| title.len()) <= 3 * bytes.len());
}

/// A Torznab answer: XML, RSS items and their attributes.
pub fn torznab_feed(bytes: &[u8]) {
    let base = base("http://feed.example/api");
    for release in read_feed(bytes, &base, &[3030]).unwrap_or_default() {
        check_release(&release);
        assert!(Url::parse(release.download_ref.expose_secret()).is_ok());
    }
}

fn check_release(release: &FoundRelease) {
    let facts = &release.facts;
    assert!(!facts.title.trim().is_empty());
    // An id and a colon before a guid of at most 500.
    assert!(release.external_id.len() <= 520 && !release.external_id.contains('\0'));
    assert!(release.info_hash.as_ref().is_none_or(|hash| hash.len() == 40));
    let counts = [facts.files, facts.seeders, facts.leechers];
    assert!(counts.iter().flatten().all(|count| *count >= 0));
    assert!(facts.size_bytes.is_none_or(|size| size > 0));
    let page = facts.info_url.as_deref();
    assert!(page.is_none_or(|page| page.starts_with("http://") || page.starts_with("https://")));
}

fn base(address: &str) -> Url {
    address.parse().expect("a plain address")
}
