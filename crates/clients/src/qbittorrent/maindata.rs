//! `sync/maindata`: a full list once, then only what changed, merged field by field.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{SERVICE, wire};
use crate::error::{ClientError, Result};
use crate::torrent_client::TorrentStatus;

type Fields = Map<String, Value>;

/// One answer: changes since `rid`, or everything.
#[derive(Debug, Deserialize)]
pub struct MaindataAnswer {
    rid: i64,
    #[serde(default)]
    full_update: bool,
    #[serde(default)]
    torrents: BTreeMap<String, Fields>,
    #[serde(default)]
    torrents_removed: Vec<String>,
    #[serde(default)]
    server_state: Fields,
}

/// Everything known, merged.
#[derive(Debug, Default)]
pub struct Maindata {
    rid: i64,
    torrents: BTreeMap<String, Fields>,
    server_state: Fields,
}

impl Maindata {
    /// What to ask with; 0 asks for everything.
    pub fn rid(&self) -> i64 {
        self.rid
    }

    /// Takes over what an answer changes.
    pub fn merge(&mut self, answer: MaindataAnswer) {
        if answer.full_update {
            *self = Self::default();
        }
        self.rid = answer.rid;
        for (hash, fields) in answer.torrents {
            self.torrents.entry(hash).or_default().extend(fields);
        }
        for hash in &answer.torrents_removed {
            self.torrents.remove(hash);
        }
        self.server_state.extend(answer.server_state);
    }

    /// An error means that a change came for a torrent that was never announced: start again from 0.
    pub fn torrents(&self) -> Result<Vec<TorrentStatus>> {
        let read = |(hash, fields): (&String, &Fields)| {
            let mut fields = fields.clone();
            fields.insert("hash".into(), hash.as_str().into());
            let torrent: wire::Torrent = serde_json::from_value(Value::Object(fields)).map_err(|_| incomplete())?;
            Ok(TorrentStatus::from(torrent))
        };
        self.torrents.iter().map(read).collect()
    }

    /// On the disk of the default save path.
    pub fn free_bytes(&self) -> Option<i64> {
        self.server_state
            .get("free_space_on_disk")
            .and_then(Value::as_i64)
            .filter(|bytes| *bytes >= 0)
    }
}

fn incomplete() -> ClientError {
    ClientError::UnexpectedAnswer {
        service: SERVICE.into(),
        detail: "a torrent in its list lacks a name or state; the whole list is read again next time".into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FULL: &[u8] =
        br#"{"rid":1,"full_update":true,"torrents":{"aa":{"name":"A","state":"downloading","progress":0.5,
        "size":-1,"dlspeed":9,"eta":60,"num_seeds":3,"availability":1.5,"tags":"app, mam","infohash_v2":""}},
        "server_state":{"free_space_on_disk":123}}"#;
    const DELTA: &[u8] =
        br#"{"rid":2,"torrents":{"aa":{"progress":1,"state":"stalledUP"},"bb":{"name":"B","state":"x"}},"torrents_removed":["cc"]}"#;

    proptest! {
        #[test]
        fn damaged_answers_merge_into_possible_torrents(
            full in testing::damage::damaged(FULL), delta in testing::damage::damaged(DELTA)
        ) {
            let mut maindata = Maindata::default();
            for answer in [full, delta].iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()) {
                maindata.merge(answer);
            }
            prop_assert!(maindata.free_bytes().is_none_or(|bytes| bytes >= 0));
            for torrent in maindata.torrents().unwrap_or_default() {
                prop_assert!((0.0..=1.0).contains(&torrent.progress));
                prop_assert!([torrent.size_bytes, torrent.completed_bytes, torrent.speed_bytes_per_second].iter().all(|n| *n >= 0));
                prop_assert!(torrent.seeders >= 0 && torrent.eta_seconds.is_none_or(|eta| eta >= 0));
                prop_assert!(torrent.tags.iter().all(|tag| !tag.is_empty() && !tag.contains(',')));
            }
        }

        #[test]
        fn changes_in_pieces_are_the_same_as_changes_at_once(progress in 0.0..=1.0, name in "\\PC{0,20}", splits in any::<bool>()) {
            let (named, moved) = (json!({"name": name}), json!({"progress": progress}));
            let delta = |fields: &Value| json!({"rid": 2, "torrents": {"aa": fields}});
            let at_once = json!({"rid": 2, "torrents": {"aa": {"name": name, "progress": progress}}});
            let pieces = if splits { vec![full(), delta(&named), delta(&moved)] } else { vec![full(), delta(&moved), delta(&named)] };
            prop_assert_eq!(merged(&pieces).torrents().unwrap(), merged(&[full(), at_once]).torrents().unwrap());
        }
    }

    fn merged(answers: &[Value]) -> Maindata {
        let mut maindata = Maindata::default();
        for answer in answers {
            maindata.merge(serde_json::from_value(answer.clone()).unwrap());
        }
        maindata
    }

    fn full() -> Value {
        json!({"rid": 1, "full_update": true,
            "torrents": {"aa": {"name": "A", "state": "downloading", "progress": 0.5, "tags": "app, mam"},
                         "bb": {"name": "B", "state": "stalledUP", "progress": 1}},
            "server_state": {"free_space_on_disk": 123, "global_ratio": "1.5"}})
    }

    #[test]
    fn deltas_change_only_the_fields_they_name() {
        let delta = json!({"rid": 2, "torrents": {"aa": {"progress": 0.75}}, "torrents_removed": ["bb"]});
        let maindata = merged(&[full(), delta]);
        let torrents = maindata.torrents().unwrap();
        assert_eq!(torrents.len(), 1);
        assert_eq!((torrents[0].name.as_str(), torrents[0].progress), ("A", 0.75));
        assert_eq!(torrents[0].tags, ["app", "mam"]);
        assert_eq!((maindata.rid(), maindata.free_bytes()), (2, Some(123)));
    }

    #[test]
    fn a_full_update_replaces_everything() {
        let again = json!({"rid": 1, "full_update": true, "torrents": {"cc": {"name": "C", "state": "error"}}});
        let maindata = merged(&[full(), again]);
        assert_eq!(
            maindata
                .torrents()
                .unwrap()
                .iter()
                .map(|torrent| torrent.hash.as_str())
                .collect::<Vec<_>>(),
            ["cc"]
        );
        assert_eq!(maindata.free_bytes(), None);
    }

    #[test]
    fn a_change_to_an_unknown_torrent_is_noticed() {
        assert!(
            merged(&[json!({"rid": 9, "torrents": {"dd": {"progress": 0.1}}})])
                .torrents()
                .is_err()
        );
    }
}
