//! Paths as other services see them, and as this server sees them.

use std::path::{Path, PathBuf};

use types::integrations::PathMap;

/// The service's path as ours: the longest matching map wins; without a match it is the same path.
pub fn to_local(maps: &[PathMap], remote: &str) -> PathBuf {
    let best = maps
        .iter()
        .filter_map(|map| Some((map, strip(remote, &map.remote)?)))
        .max_by_key(|(map, _)| map.remote.len());
    match best {
        Some((map, rest)) => join(Path::new(&map.local), rest),
        None => PathBuf::from(remote),
    }
}

/// Our path as the service's; the other way round.
pub fn to_remote(maps: &[PathMap], local: &Path) -> String {
    let text = local.to_string_lossy();
    let best = maps
        .iter()
        .filter_map(|map| Some((map, strip(&text, &map.local)?)))
        .max_by_key(|(map, _)| map.local.len());
    match best {
        Some((map, rest)) => join(Path::new(&map.remote), rest).to_string_lossy().into_owned(),
        None => text.into_owned(),
    }
}

/// What is left of `path` below `root`; a sibling whose name merely begins alike is not below it.
fn strip<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let root = root.trim_end_matches('/');
    let rest = path.strip_prefix(root)?;
    (!root.is_empty() && (rest.is_empty() || rest.starts_with('/'))).then(|| rest.trim_start_matches('/'))
}

fn join(root: &Path, rest: &str) -> PathBuf {
    if rest.is_empty() {
        root.to_path_buf()
    } else {
        root.join(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> Vec<PathMap> {
        let map = |remote: &str, local: &str| PathMap {
            remote: remote.into(),
            local: local.into(),
        };
        vec![map("/data", "/mnt/data"), map("/data/books/", "/srv/books")]
    }

    #[test]
    fn the_longest_map_wins_both_ways() {
        for (remote, local) in [
            ("/data/books/Dune/a.m4b", "/srv/books/Dune/a.m4b"),
            ("/data/torrents/Dune", "/mnt/data/torrents/Dune"),
            ("/data", "/mnt/data"),
            ("/elsewhere/x", "/elsewhere/x"),
        ] {
            assert_eq!(to_local(&maps(), remote), Path::new(local));
            assert_eq!(to_remote(&maps(), Path::new(local)), remote);
        }
    }

    #[test]
    fn a_name_that_begins_alike_is_not_below_it() {
        assert_eq!(to_local(&maps(), "/database/x"), Path::new("/database/x"));
    }
}
