//! Two people at once.

use services::grab::{GrabOptions, grab_candidate};
use services::wants::{create_want, list_wants};
use types::people::Role;
use types::search::Decision;
use types::wants::WantReason;
use types::{ErrorCode, PageRequest};

use crate::stage::{Stage, form};

#[tokio::test]
async fn two_people_who_want_one_work_at_once_get_one_download() {
    let stage = Stage::start().await;
    let (services, anna) = (&stage.services, &stage.admin);
    let bert = stage.add_person("bert", Role::Manager).await;
    let messiah = || form("Dune Messiah", "Frank Herbert");
    let (one, other) = tokio::join!(
        create_want(services, anna, messiah(), WantReason::Request),
        create_want(services, &bert, messiah(), WantReason::Request)
    );
    assert_eq!(one.unwrap(), other.unwrap(), "one want, which the second joined");
    let wants = list_wants(services, anna, None, PageRequest::default())
        .await
        .unwrap()
        .items;
    let mut people = wants[0].wanted_by.clone();
    people.sort();
    assert_eq!((wants.len(), people), (1, vec!["anna".to_owned(), "bert".to_owned()]));
    let first = stage.only_download().await;
    stage.assert_arrived_once(first, "dune-messiah").await;
}

#[tokio::test]
async fn two_people_who_grab_two_releases_of_one_work_at_once_get_one_download() {
    let stage = Stage::start().await;
    let found = stage.search(form("Project Hail Mary", "Andy Weir")).await;
    let can_grab: Vec<_> = found
        .candidates
        .iter()
        .filter(|found| found.verdict.decision != Decision::Rejected)
        .collect();
    let [one, .., other] = can_grab.as_slice() else {
        panic!("two releases: {:#?}", found.candidates)
    };
    assert_ne!(one.release.id, other.release.id);
    let bert = stage.add_person("bert", Role::Manager).await;
    let grab = |actor, id| grab_candidate(&stage.services, actor, id, GrabOptions::default());
    let (first, second) = tokio::join!(grab(&stage.admin, one.id), grab(&bert, other.id));
    let (won, lost) = match (first, second) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("exactly one of them wins: {both:?}"),
    };
    assert_eq!(lost.code, ErrorCode::Conflict);
    assert_eq!(stage.only_download().await, won);
    let again = grab(&stage.admin, one.id).await;
    assert!(
        again.is_err() || again == Ok(won),
        "the same grab again never makes another download: {again:?}"
    );
    assert_eq!(stage.only_download().await, won);
}
