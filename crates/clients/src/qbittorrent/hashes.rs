//! Hashes as qBittorrent's filters take them: 40 hex digits.

/// The key for a v1 (40 digits) or v2 (64 digits) hash. `None` for anything else, above all for the word `all`.
pub(super) fn client_key(hash: &str) -> Option<String> {
    let is_hex = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && matches!(hash.len(), 40 | 64)).then(|| hash[..40].to_ascii_lowercase())
}

/// The keys for several hashes, without repeats.
pub(super) fn client_keys(hashes: &[String]) -> Vec<String> {
    let mut keys: Vec<String> = hashes.iter().filter_map(|hash| client_key(hash)).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_become_keys() {
        assert_eq!(client_key(&"A".repeat(40)), Some("a".repeat(40)));
        assert_eq!(client_key(&"b".repeat(64)), Some("b".repeat(40)));
        for bad in ["all", "", &"g".repeat(40), &"a|".repeat(20), &"a".repeat(41)] {
            assert_eq!(client_key(bad), None, "{bad}");
        }
        assert_eq!(
            client_keys(&["c".repeat(64), "c".repeat(40), "all".into()]),
            ["c".repeat(40)]
        );
    }
}
