//! A want becomes a book on the shelf.

use serde_json::{Value, json};

use crate::stage::{Stage, wait_until};

#[tokio::test]
async fn a_wanted_book_is_found_downloaded_verified_and_shelved_while_its_torrent_goes_on_seeding() {
    let stage = Stage::start().await;
    let id = stage.want("Dune Messiah", "Frank Herbert").await;
    let detail = stage.assert_arrived_once(id, "dune-messiah").await;

    let hash = detail.summary.info_hash.clone().unwrap();
    stage.qbittorrent("torrents/recheck", &[("hashes", &hash)]).await;
    // Its answer comes before the check begins; without a moment's wait the old state would count.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    stage.assert_seeding().await;

    let book = &stage.books("Dune Messiah").await[0];
    assert_eq!(book.summary.title, "Dune Messiah");
    let shelved = find_shelved(&stage, "Dune Messiah").await;
    let metadata = &shelved["media"]["metadata"];
    assert_eq!(metadata["authors"][0]["name"], "Frank Herbert");
    assert_eq!(
        metadata["narrators"],
        json!(["Scott Brick", "Katherine Kellgren", "Euan Morton", "Simon Vance"])
    );
    assert_eq!(metadata["series"][0]["name"], "Dune");
    assert_eq!(metadata["series"][0]["sequence"], "2");
}

/// The item as Audiobookshelf shows it to its own users.
async fn find_shelved(stage: &Stage, title: &str) -> Value {
    let facts = &stage.sandbox.facts.audiobookshelf;
    let get = async |path: String| -> Value {
        let call = stage
            .http
            .get(format!("{}{path}", facts.url))
            .bearer_auth(&facts.api_key);
        call.send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    let id = wait_until(async || {
        let items = get(format!("/api/libraries/{}/items?limit=0", facts.library_id)).await;
        let found = items["results"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["media"]["metadata"]["title"] == title);
        found
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .ok_or_else(|| format!("{items:#}"))
    })
    .await;
    get(format!("/api/items/{id}?expanded=1")).await
}
