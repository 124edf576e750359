use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A value to encode.
#[derive(Debug, Clone)]
enum Item {
    Integer(i64),
    Bytes(Vec<u8>),
    List(Vec<Item>),
    Dict(BTreeMap<Vec<u8>, Item>),
}

fn encode(item: &Item, out: &mut Vec<u8>) {
    let put_bytes = |bytes: &[u8], out: &mut Vec<u8>| {
        out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
    };
    match item {
        Item::Integer(number) => out.extend_from_slice(format!("i{number}e").as_bytes()),
        Item::Bytes(bytes) => put_bytes(bytes, out),
        Item::List(items) => {
            out.push(b'l');
            items.iter().for_each(|item| encode(item, out));
            out.push(b'e');
        }
        Item::Dict(entries) => {
            out.push(b'd');
            for (key, item) in entries {
                put_bytes(key, out);
                encode(item, out);
            }
            out.push(b'e');
        }
    }
}

fn text(text: &str) -> Item {
    Item::Bytes(text.into())
}

fn dict<const N: usize>(entries: [(&str, Item); N]) -> Item {
    Item::Dict(entries.into_iter().map(|(key, item)| (key.into(), item)).collect())
}

fn v1_file(path: &[&str], length: i64) -> Item {
    dict([
        ("length", Item::Integer(length)),
        ("path", Item::List(path.iter().map(|part| text(part)).collect())),
    ])
}

fn torrent(info: &Item) -> Vec<u8> {
    let mut bytes = Vec::new();
    let tiers = Item::List(vec![
        Item::List(vec![text("https://t.example/passkey/announce")]),
        Item::List(vec![text("udp://backup.example:6969")]),
    ]);
    let root = dict([
        ("announce", text("https://t.example/passkey/announce")),
        ("announce-list", tiers),
        ("info", info.clone()),
    ]);
    encode(&root, &mut bytes);
    bytes
}

fn pieces() -> Item {
    Item::Bytes(vec![7; 20])
}

fn v1(files: Vec<Item>) -> Item {
    dict([
        ("files", Item::List(files)),
        ("name", text("Dune")),
        ("piece length", Item::Integer(16384)),
        ("pieces", pieces()),
        ("private", Item::Integer(1)),
    ])
}

fn tree_file(length: i64) -> Item {
    dict([("", dict([("length", Item::Integer(length))]))])
}

fn v2(tree: Item) -> Item {
    dict([
        ("file tree", tree),
        ("meta version", Item::Integer(2)),
        ("name", text("Dune")),
        ("piece length", Item::Integer(16384)),
    ])
}

fn paths(file: &TorrentFile) -> Vec<&str> {
    file.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn a_v1_torrent_tells_its_files_hash_and_hosts() {
    let info = v1(vec![
        v1_file(&["CD1", "01.mp3"], 30),
        v1_file(&[".pad", "2"], 2),
        v1_file(&["cover.jpg"], 12),
    ]);
    let file = TorrentFile::parse(&torrent(&info)).unwrap();
    assert_eq!(paths(&file), ["Dune/CD1/01.mp3", "Dune/cover.jpg"]);
    assert_eq!(
        (file.total_bytes, file.is_private, file.piece_length),
        (42, true, 16384)
    );
    assert_eq!(file.announce_hosts, ["t.example", "backup.example"]);
    let mut raw = Vec::new();
    encode(&info, &mut raw);
    assert_eq!(file.client_hash(), hex::encode(Sha1::digest(&raw)));
    assert_eq!(file.hashes().len(), 1);
}

#[test]
fn a_single_file_has_no_folder_and_utf8_names_win() {
    let info = dict([
        ("length", Item::Integer(5)),
        ("name", Item::Bytes(b"caf\xe9.m4b".to_vec())),
        ("name.utf-8", text("café.m4b")),
        ("piece length", Item::Integer(16384)),
        ("pieces", pieces()),
    ]);
    let file = TorrentFile::parse(&torrent(&info)).unwrap();
    assert_eq!((paths(&file), file.is_private), (vec!["café.m4b"], false));
}

#[test]
fn names_that_are_not_utf8_are_read_as_they_land_on_disk() {
    let mut info = v1(vec![v1_file(&["a"], 1)]);
    if let Item::Dict(entries) = &mut info {
        entries.insert(b"name".to_vec(), Item::Bytes(b"caf\xe9".to_vec()));
    }
    assert_eq!(TorrentFile::parse(&torrent(&info)).unwrap().name, "caf_");
}

#[test]
fn a_v2_torrent_is_known_by_the_start_of_its_hash() {
    let tree = dict([("CD1", dict([("01.mp3", tree_file(30))])), ("cover.jpg", tree_file(12))]);
    let file = TorrentFile::parse(&torrent(&v2(tree))).unwrap();
    assert_eq!(paths(&file), ["Dune/CD1/01.mp3", "Dune/cover.jpg"]);
    let v2_hash = file.infohash_v2.clone().unwrap();
    assert_eq!((file.infohash_v1.as_ref(), v2_hash.len()), (None, 64));
    assert_eq!(file.client_hash(), v2_hash[..40]);
}

#[test]
fn a_v2_single_file_has_no_folder() {
    let file = TorrentFile::parse(&torrent(&v2(dict([("Dune.m4b", tree_file(30))])))).unwrap();
    assert_eq!(paths(&file), ["Dune.m4b"]);
}

#[test]
fn a_hybrid_torrent_has_three_forms_of_hash_and_the_clients_is_the_v2_one() {
    let mut info = v2(dict([("01.mp3", tree_file(30)), ("02.mp3", tree_file(1))]));
    if let Item::Dict(entries) = &mut info {
        entries.insert(b"pieces".to_vec(), pieces());
        entries.insert(
            b"files".to_vec(),
            Item::List(vec![v1_file(&["01.mp3"], 30), v1_file(&["02.mp3"], 1)]),
        );
    }
    let file = TorrentFile::parse(&torrent(&info)).unwrap();
    let (v1_hash, v2_hash) = (file.infohash_v1.clone().unwrap(), file.infohash_v2.clone().unwrap());
    assert_eq!(file.hashes(), [v2_hash[..40].to_owned(), v1_hash, v2_hash]);
}

#[test]
fn paths_that_could_escape_are_refused() {
    for bad in ["", ".", "..", "a/b", "a\\b", "a\0", "C:", "c:x"] {
        let parsed = TorrentFile::parse(&torrent(&v1(vec![v1_file(&["ok", bad], 1)])));
        assert_eq!(parsed, Err(TorrentFileError::UnsafePath(bad.into())), "{bad:?}");
        let tree = dict([("ok", dict([(bad, tree_file(1))]))]);
        let parsed = TorrentFile::parse(&torrent(&v2(tree)));
        assert!(parsed.is_err(), "{bad:?}");
    }
}

#[test]
fn malformed_bencode_is_refused() {
    let cases = [
        "",
        "i1",
        "i01e",
        "i-0e",
        "i--1e",
        "i+1e",
        "ie",
        "i99999999999999999999e",
        "01:a",
        "5:ab",
        "+1:a",
        "de0:",
    ];
    for bad in cases
        .into_iter()
        .chain(["x", "d1:ai1e1:ai2ee", "le ", "le\n\n", "99999999999999999999:"])
    {
        let parsed = TorrentFile::parse(bad.as_bytes());
        assert!(
            matches!(parsed, Err(TorrentFileError::NotBencode(_))),
            "{bad:?}: {parsed:?}"
        );
    }
    assert!(matches!(
        TorrentFile::parse(&[b'l'; 4000]),
        Err(TorrentFileError::NotBencode(_))
    ));
    assert!(matches!(
        TorrentFile::parse(b"le\n"),
        Err(TorrentFileError::NotATorrent(_))
    ));
}

#[test]
fn web_pages_and_huge_files_are_named_as_such() {
    assert_eq!(
        TorrentFile::parse(b"<!DOCTYPE html><title>Login</title>"),
        Err(TorrentFileError::IsHtml)
    );
    assert_eq!(
        TorrentFile::parse(&vec![b'd'; MAX_TORRENT_BYTES + 1]),
        Err(TorrentFileError::TooLarge)
    );
}

#[test]
fn torrents_without_content_or_with_impossible_sizes_are_refused() {
    assert_eq!(
        TorrentFile::parse(&torrent(&v1(vec![]))),
        Err(TorrentFileError::NoFiles)
    );
    for sizes in [vec![-1], vec![i64::MAX, 1]] {
        let files = sizes.iter().map(|size| v1_file(&["a"], *size)).collect();
        assert!(matches!(
            TorrentFile::parse(&torrent(&v1(files))),
            Err(TorrentFileError::NotATorrent(_))
        ));
    }
}

fn any_item() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Item::Integer),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Item::Bytes),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Item::List),
            prop::collection::btree_map(prop::collection::vec(any::<u8>(), 0..6), inner, 0..6).prop_map(Item::Dict),
        ]
    })
}

fn re_encode(node: &Node<'_>) -> Item {
    match &node.value {
        Value::Integer(number) => Item::Integer(*number),
        Value::Bytes(bytes) => Item::Bytes(bytes.to_vec()),
        Value::List(nodes) => Item::List(nodes.iter().map(re_encode).collect()),
        Value::Dict(dict) => Item::Dict(dict.iter().map(|(key, node)| (key.to_vec(), re_encode(node))).collect()),
    }
}

fn is_refused_for(info: &Item, words: &str) -> bool {
    matches!(TorrentFile::parse(&torrent(info)), Err(TorrentFileError::NotATorrent(detail)) if detail.contains(words))
}

#[test]
fn a_long_name_is_not_written_before_each_of_many_files() {
    let with_name = |length: usize, files: usize| {
        dict([
            ("files", Item::List(vec![v1_file(&["a"], 1); files])),
            ("name", text(&"n".repeat(length))),
            ("piece length", Item::Integer(16384)),
            ("pieces", pieces()),
        ])
    };
    assert!(is_refused_for(&with_name(5_000, 1), "name is too long"));
    assert!(is_refused_for(&with_name(4_000, 20_000), "paths are too long"));
    assert!(TorrentFile::parse(&torrent(&with_name(250, 20_000))).is_ok());
}

#[test]
fn paths_are_as_long_and_as_deep_as_a_disk_takes() {
    let one_file = |path: &[&str]| v1(vec![v1_file(path, 1)]);
    assert!(is_refused_for(&one_file(&["a"; 100]), "too deep"));
    assert!(is_refused_for(
        &one_file(&["a".repeat(200).as_str(); 30]),
        "paths are too long"
    ));
    assert!(TorrentFile::parse(&torrent(&one_file(&["a"; 90]))).is_ok());
    let long = "b".repeat(5_000);
    assert!(is_refused_for(
        &v2(dict([(long.as_str(), dict([("c.mp3", tree_file(1))]))])),
        "paths are too long"
    ));
}

#[test]
fn of_many_trackers_the_first_count() {
    let listed = (0..3_000).map(|index| Item::List(vec![text(&format!("http://t{index}.example/"))]));
    let root = dict([
        ("announce-list", Item::List(listed.collect())),
        ("info", v1(vec![v1_file(&["a.mp3"], 1)])),
    ]);
    let mut bytes = Vec::new();
    encode(&root, &mut bytes);
    assert_eq!(TorrentFile::parse(&bytes).unwrap().announce_hosts.len(), MAX_TRACKERS);
}

fn hybrid() -> Vec<u8> {
    let (Item::Dict(mut info), Item::Dict(v1)) = (v2(dict([("CD1", dict([("01.mp3", tree_file(30))]))])), v1(vec![]))
    else {
        unreachable!("both are dictionaries");
    };
    info.extend(v1);
    torrent(&Item::Dict(info))
}

proptest! {
    #[test]
    fn what_is_read_of_a_damaged_torrent_adds_up(bytes in testing::damage::damaged(&hybrid())) {
        if let Ok(file) = TorrentFile::parse(&bytes) {
            prop_assert_eq!(file.files.iter().map(|file| file.size_bytes).sum::<i64>(), file.total_bytes);
            prop_assert_eq!(file.client_hash().len(), 40);
            prop_assert!(file.piece_length > 0 && !file.files.is_empty());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = TorrentFile::parse(&bytes);
    }

    #[test]
    fn whatever_is_encoded_is_read_back(item in any_item()) {
        let mut bytes = Vec::new();
        encode(&item, &mut bytes);
        let node = bencode::parse(&bytes).unwrap();
        prop_assert_eq!(node.raw, &bytes[..]);
        let mut again = Vec::new();
        encode(&re_encode(&node), &mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn damaged_torrents_never_panic_and_never_yield_unsafe_paths(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_v2 in any::<bool>(),
    ) {
        let tree = dict([("CD1", dict([("01.mp3", tree_file(30))])), ("cover.jpg", tree_file(12))]);
        let info = if is_v2 { v2(tree) } else { v1(vec![v1_file(&["CD1", "01.mp3"], 30), v1_file(&["cover.jpg"], 12)]) };
        let mut bytes = torrent(&info);
        for (index, byte) in &edits {
            let at = index.index(bytes.len());
            bytes[at] = *byte;
        }
        let end = cut.index(bytes.len()) + 1;
        for damaged in [&bytes[..], &bytes[..end]] {
            if let Ok(file) = TorrentFile::parse(damaged) {
                let is_safe = |path: &str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
                prop_assert!(file.files.iter().all(|file| is_safe(&file.path)));
            }
        }
    }
}
