//! Another edition of an owned work is the same work.

use services::grab::{GrabOptions, grab_candidate};
use services::wants::create_want;
use types::ErrorCode;
use types::search::{Decision, Gate, SearchForm};
use types::wants::WantReason;

use crate::stage::{Stage, form};

#[tokio::test]
async fn an_owned_work_under_another_asin_is_neither_wanted_nor_grabbed_unasked() {
    let stage = Stage::start().await;
    for (title, author, asin) in [
        ("Dune", "Frank Herbert", "B08G9PRS1K"),
        ("Small Gods: (Discworld Book 13)", "Terry Pratchett", "B0SMALLG22"),
    ] {
        let form = SearchForm {
            asin: asin.into(),
            ..form(title, author)
        };
        let refused = create_want(&stage.services, &stage.admin, form.clone(), WantReason::Request)
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::Conflict);
        assert!(refused.message.starts_with("Owned already: "), "{}", refused.message);

        let found = stage.search(form).await;
        let edition = found
            .candidates
            .iter()
            .find(|found| found.release.facts.asin.as_deref() == Some(asin));
        let edition = edition.unwrap_or_else(|| panic!("{title} is found: {:#?}", found.candidates));
        assert_eq!(edition.verdict.decision, Decision::Rejected);
        let finding = edition
            .verdict
            .findings
            .iter()
            .find(|finding| finding.gate == Gate::Owned);
        assert!(
            finding.is_some_and(|finding| finding.decision == Decision::Rejected),
            "{:#?}",
            edition.verdict
        );
        let unforced = grab_candidate(&stage.services, &stage.admin, edition.id, GrabOptions::default())
            .await
            .unwrap_err();
        assert_eq!(unforced.code, ErrorCode::Conflict);
        assert!(unforced.message.contains("Owned already"), "{}", unforced.message);
    }
    assert!(stage.torrents().await.is_empty());
}
