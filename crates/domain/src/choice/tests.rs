use chrono::{TimeDelta, TimeZone};
use proptest::prelude::*;
use types::search::SeriesClaim;

use super::*;

const GIB: i64 = 1 << 30;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap()
}

fn dune() -> Target {
    let form = SearchForm {
        title: "Dune".into(),
        author: "Frank Herbert".into(),
        series: "Dune".into(),
        sequence: "1".into(),
        ..SearchForm::default()
    };
    Target::from_form(&form, &["English".into()])
}

/// Dune as read by Scott Brick, 21 h 02.
fn asked() -> Target {
    Target {
        narrator: Some("Scott Brick".into()),
        asin: Some("B002V1OF70".into()),
        runtime_seconds: Some(75_720),
        ..dune()
    }
}

fn profile() -> Profile {
    Profile {
        min_bitrate_kbps: 64,
        max_size_bytes: 15 * GIB,
        min_seeders: 1,
    }
}

/// A release without a fault.
fn good() -> ReleaseFacts {
    ReleaseFacts {
        title: "Dune".into(),
        authors: vec!["Frank Herbert".into()],
        narrators: vec!["Scott Brick".into()],
        series: vec![claim("Dune", "1")],
        language: Some("English".into()),
        format: Some("m4b".into()),
        bitrate_kbps: Some(64),
        runtime_seconds: Some(75_720),
        is_abridged: Some(false),
        size_bytes: Some(GIB / 2),
        files: Some(1),
        seeders: Some(12),
        is_free: Some(true),
        is_vip_free: true,
        is_audiobook: Some(true),
        published_at: Some(now() - TimeDelta::days(30)),
        ..ReleaseFacts::default()
    }
}

fn claim(name: &str, place: &str) -> SeriesClaim {
    SeriesClaim {
        name: name.into(),
        sequence: Some(place.into()),
    }
}

fn offer(facts: ReleaseFacts) -> Offer {
    Offer {
        facts,
        ..Offer::default()
    }
}

fn judge_one(target: &Target, facts: ReleaseFacts) -> Verdict {
    judge(target, &profile(), &[offer(facts)], now()).remove(0).verdict
}

fn check_gate(target: &Target, facts: ReleaseFacts, gate: Gate, decision: Decision, sentence: &str) {
    let verdict = judge_one(target, facts);
    let finding = verdict.findings.iter().find(|finding| finding.gate == gate);
    let finding = finding.unwrap_or_else(|| panic!("no {gate} finding in {verdict:?}"));
    assert_eq!((finding.decision, finding.sentence.as_str()), (decision, sentence));
    assert!(verdict.decision >= decision, "{verdict:?}");
}

/// The first of each pair must be chosen over the second, in either order.
fn check_better(better: ReleaseFacts, worse: ReleaseFacts) {
    for (offers, expected) in [
        ([offer(better.clone()), offer(worse.clone())], 0),
        ([offer(worse.clone()), offer(better.clone())], 1),
    ] {
        let judged = judge(&asked(), &profile(), &offers, now());
        assert_eq!(judged[0].index, expected, "{judged:#?}");
    }
}

#[test]
fn a_form_becomes_a_target() {
    let target = dune();
    assert_eq!(target.identity.series, [("Dune".to_owned(), Some("1".to_owned()))]);
    assert_eq!(
        (target.narrator, target.asin, target.runtime_seconds),
        (None, None, None)
    );
    assert_eq!(target.languages, ["English"]);
    let form = SearchForm {
        title: " It ".into(),
        asin: "B1".into(),
        language: "de".into(),
        runtime_minutes: 2,
        ..SearchForm::default()
    };
    let target = Target::from_form(&form, &["English".into()]);
    assert_eq!(target.identity.title, "It");
    assert_eq!(target.identity.external_ids, [("asin".to_owned(), "B1".to_owned())]);
    assert_eq!(
        (target.languages, target.runtime_seconds),
        (vec!["de".to_owned()], Some(120))
    );
}

#[test]
fn a_faultless_release_is_accepted_with_its_summary() {
    let verdict = judge_one(&asked(), good());
    assert_eq!(
        (verdict.decision, verdict.band),
        (Decision::Accepted, IdentityBand::SameRecording)
    );
    assert_eq!(
        verdict.summary,
        "Same performance (Scott Brick, 21 h 02), unabridged, 64 kbit/s, free for VIP"
    );
    assert_eq!(verdict.findings, []);
    assert_eq!(
        verdict.ranking,
        [
            "Same recording: narrator Scott Brick and a runtime within 2 %",
            "unabridged",
            "64 kbit/s: acceptable",
            "m4b",
            "one file",
            "read by the narrator who was asked for",
            "free for VIP",
            "12 seeding",
            "published 2026-10-23",
        ]
    );
}

#[test]
fn each_gate_says_why_it_refused() {
    use Decision::{Rejected, Review};
    let category = ReleaseFacts {
        is_audiobook: Some(false),
        category: Some("E-Books".into()),
        ..good()
    };
    check_gate(
        &dune(),
        category,
        Gate::Category,
        Rejected,
        "Not in an audiobook category (E-Books).",
    );
    let german = ReleaseFacts {
        language: Some("German".into()),
        ..good()
    };
    check_gate(
        &dune(),
        german,
        Gate::Language,
        Rejected,
        "In German; wanted is English.",
    );
    let volume = ReleaseFacts {
        series: vec![claim("Dune", "2")],
        ..good()
    };
    check_gate(
        &dune(),
        volume,
        Gate::Identity,
        Rejected,
        "Number 2 of the series, not 1.",
    );
    let title = ReleaseFacts {
        title: "Dune Messiah".into(),
        series: vec![],
        ..good()
    };
    check_gate(
        &dune(),
        title,
        Gate::Identity,
        Rejected,
        "Another title: “Dune Messiah”, not “Dune”.",
    );
    let author = ReleaseFacts {
        authors: vec!["Brian Herbert".into()],
        ..good()
    };
    check_gate(
        &dune(),
        author,
        Gate::Identity,
        Rejected,
        "Another author: Brian Herbert, not Frank Herbert.",
    );
    let abridged = ReleaseFacts {
        is_abridged: Some(true),
        ..good()
    };
    let sentence = "Abridged, and no unabridged release was found. A person decides.";
    check_gate(&dune(), abridged, Gate::Abridged, Review, sentence);
    let low = ReleaseFacts {
        bitrate_kbps: Some(48),
        ..good()
    };
    check_gate(
        &dune(),
        low,
        Gate::Bitrate,
        Rejected,
        "48 kbit/s; at least 64 are wanted.",
    );
    let derived = ReleaseFacts {
        bitrate_kbps: None,
        size_bytes: Some(300 << 20),
        ..good()
    };
    check_gate(
        &dune(),
        derived,
        Gate::Bitrate,
        Rejected,
        "33 kbit/s by size and runtime; at least 64 are wanted.",
    );
    let empty = ReleaseFacts {
        size_bytes: Some(0),
        ..good()
    };
    check_gate(&dune(), empty, Gate::Size, Rejected, "It is empty: its size is 0.");
    let large = ReleaseFacts {
        size_bytes: Some(16 * GIB),
        ..good()
    };
    check_gate(
        &dune(),
        large,
        Gate::Size,
        Rejected,
        "16.0 GiB; at most 15.0 are allowed.",
    );
    check_gate(
        &dune(),
        ReleaseFacts {
            seeders: Some(0),
            ..good()
        },
        Gate::Seeders,
        Rejected,
        "Nobody seeds it.",
    );
    let snatched = ReleaseFacts {
        is_snatched: true,
        ..good()
    };
    check_gate(
        &dune(),
        snatched,
        Gate::Snatched,
        Rejected,
        "This account has downloaded it before.",
    );
    let other = ReleaseFacts {
        narrators: vec!["Simon Vance".into()],
        ..good()
    };
    let sentence = "Read by Simon Vance, not by Scott Brick. A person decides.";
    check_gate(&asked(), other, Gate::Identity, Review, sentence);
}

#[test]
fn seeders_are_counted_against_the_profile() {
    let strict = Profile {
        min_seeders: 5,
        ..profile()
    };
    let facts = ReleaseFacts {
        seeders: Some(4),
        ..good()
    };
    let verdict = judge(&dune(), &strict, &[offer(facts)], now()).remove(0).verdict;
    assert_eq!(verdict.summary, "Rejected: 4 seeding; at least 5 are wanted.");
}

#[test]
fn what_the_rest_of_the_product_knows_rejects() {
    let with = |change: fn(&mut Offer)| {
        let mut offer = offer(good());
        change(&mut offer);
        judge(&dune(), &profile(), &[offer], now()).remove(0).verdict
    };
    let blocked = with(|offer| offer.blocklisted = Some("Stalled twice.".into()));
    let owned = with(|offer| offer.owned = Some("In the library as “Dune”.".into()));
    let held = with(|offer| offer.budget = Some("No slot is free.".into()));
    for (verdict, gate) in [
        (&blocked, Gate::Blocklist),
        (&owned, Gate::Owned),
        (&held, Gate::Budget),
    ] {
        assert_eq!((verdict.decision, verdict.findings[0].gate), (Decision::Rejected, gate));
    }
    assert!(is_only_budget(&held) && !is_only_budget(&owned) && !is_only_budget(&judge_one(&dune(), good())));
    assert_eq!(held.summary, "Rejected: No slot is free.");
}

#[test]
fn only_budget_stands_above_other_rejections_and_below_review() {
    let held = Offer {
        budget: Some("No slot is free.".into()),
        ..offer(good())
    };
    let owned = Offer {
        owned: Some("Owned.".into()),
        ..held.clone()
    };
    let review = offer(ReleaseFacts {
        title: "Dune: The Desert Planet".into(),
        ..good()
    });
    let judged = judge(&dune(), &profile(), &[owned, held, review, offer(good())], now());
    assert_eq!(
        judged.iter().map(|judged| judged.index).collect::<Vec<_>>(),
        [3, 2, 1, 0]
    );
}

#[test]
fn abridged_is_refused_only_when_something_better_can_be_had() {
    let abridged = ReleaseFacts {
        is_abridged: None,
        tags: "abridged 128 kbps".into(),
        ..good()
    };
    let decide = |other: Offer| {
        let judged = judge(&dune(), &profile(), &[offer(abridged.clone()), other], now());
        judged
            .into_iter()
            .find(|judged| judged.index == 0)
            .unwrap()
            .verdict
            .decision
    };
    assert_eq!(decide(offer(good())), Decision::Rejected);
    assert_eq!(
        decide(Offer {
            budget: Some("No slot.".into()),
            ..offer(good())
        }),
        Decision::Rejected
    );
    assert_eq!(
        decide(offer(ReleaseFacts {
            language: Some("German".into()),
            ..good()
        })),
        Decision::Review
    );
    assert_eq!(
        decide(offer(ReleaseFacts {
            is_abridged: None,
            ..good()
        })),
        Decision::Review
    );
    assert_eq!(
        decide(offer(ReleaseFacts {
            is_abridged: None,
            tags: "ungekürzt".into(),
            ..good()
        })),
        Decision::Rejected
    );
}

#[test]
fn what_is_unknown_is_no_refusal() {
    let bare = ReleaseFacts {
        title: "Dune".into(),
        authors: vec!["Frank Herbert".into()],
        ..ReleaseFacts::default()
    };
    let verdict = judge_one(&asked(), bare);
    assert_eq!(
        (verdict.decision, verdict.band),
        (Decision::Accepted, IdentityBand::SameWork)
    );
    assert_eq!(
        verdict.summary,
        "Same work, not said whether abridged, bitrate unknown, cost unknown"
    );
    for clause in [
        "bitrate unknown",
        "seeders unknown",
        "language unknown",
        "size unknown",
        "narrator unknown",
        "date unknown",
    ] {
        assert!(
            verdict.ranking.iter().any(|known| known == clause),
            "{clause}: {:?}",
            verdict.ranking
        );
    }
}

#[test]
fn identity_bands_follow_asin_narrator_and_runtime() {
    let band = |facts: ReleaseFacts| judge_one(&asked(), facts).band;
    assert_eq!(band(good()), IdentityBand::SameRecording);
    assert_eq!(
        band(ReleaseFacts {
            runtime_seconds: Some(77_234),
            ..good()
        }),
        IdentityBand::SameRecording
    );
    assert_eq!(
        band(ReleaseFacts {
            runtime_seconds: Some(77_235),
            ..good()
        }),
        IdentityBand::SameWork
    );
    assert_eq!(
        band(ReleaseFacts {
            runtime_seconds: None,
            ..good()
        }),
        IdentityBand::SameWork
    );
    assert_eq!(
        band(ReleaseFacts {
            narrators: vec![],
            ..good()
        }),
        IdentityBand::SameWork
    );
    let by_asin = ReleaseFacts {
        narrators: vec![],
        asin: Some("b002v1of70".into()),
        ..good()
    };
    assert_eq!(band(by_asin), IdentityBand::SameRecording);
    assert_eq!(
        band(ReleaseFacts {
            series: vec![claim("Dune", "2")],
            ..good()
        }),
        IdentityBand::Different
    );
    assert_eq!(
        band(ReleaseFacts {
            series: vec![claim("Dune", "1-6")],
            ..good()
        }),
        IdentityBand::Doubtful
    );
}

#[test]
fn packs_go_to_a_person_unless_a_pack_is_wanted() {
    let single = Target {
        identity: WorkIdentity {
            series: vec![],
            sequence: None,
            ..dune().identity
        },
        ..dune()
    };
    for facts in [
        ReleaseFacts {
            series: vec![claim("Dune", "01-16, 13.5")],
            ..good()
        },
        ReleaseFacts {
            title: "Dune Books 1-3".into(),
            series: vec![],
            ..good()
        },
        ReleaseFacts {
            title: "Dune (Box Set)".into(),
            series: vec![],
            ..good()
        },
        ReleaseFacts {
            title: "Dune (全巻)".into(),
            series: vec![],
            ..good()
        },
    ] {
        let verdict = judge_one(&single, facts);
        assert_eq!(
            (verdict.decision, verdict.band),
            (Decision::Review, IdentityBand::Doubtful),
            "{verdict:?}"
        );
        assert!(verdict.summary.starts_with("For a person: "), "{}", verdict.summary);
    }
    let pack = Target {
        identity: WorkIdentity {
            sequence: Some("1-3".into()),
            series: vec![],
            ..dune().identity
        },
        ..dune()
    };
    let facts = ReleaseFacts {
        series: vec![claim("Dune", "1-3")],
        ..good()
    };
    assert_eq!(judge_one(&pack, facts).decision, Decision::Accepted);
}

#[test]
fn summaries_guides_and_fan_fiction_are_refused() {
    let check = |target: &str, title: &str, author: &str, tags: &str, expected: bool| {
        let facts = ReleaseFacts {
            title: title.into(),
            authors: vec![author.into()],
            tags: tags.into(),
            ..good()
        };
        let form = SearchForm {
            title: target.into(),
            author: "Frank Herbert".into(),
            ..SearchForm::default()
        };
        let verdict = judge_one(&Target::from_form(&form, &[]), facts);
        let is_refused = verdict.findings.iter().any(|finding| finding.gate == Gate::Derivative);
        assert_eq!(is_refused, expected, "{title}: {verdict:?}");
    };
    check("Dune", "Summary of Dune", "Frank Herbert", "", true);
    check("Dune", "Dune: A Study Guide", "Frank Herbert", "", true);
    check("Dune", "Dune (Analysis of the novel)", "Frank Herbert", "", true);
    check("Dune", "Dune", "SparkNotes", "", true);
    check("Dune", "Dune", "Instaread Summaries", "", true);
    check("Dune", "Dune", "Frank Herbert", "science fiction, fan-fiction", true);
    check("Dune", "Dune: краткое содержание", "Frank Herbert", "", true);
    check("Dune", "Duneの要約", "Frank Herbert", "", true);
    check("Dune", "Dune", "Frank Herbert", "study of power, summary", false);
    check("Dune", "Summarized Dune", "Frank Herbert", "", true);
    check("A Guide to Dune", "A Guide to Dune", "Frank Herbert", "", false);
    check(
        "Summary of Everything",
        "Summary of Everything",
        "Frank Herbert",
        "",
        false,
    );
}

#[test]
fn titles_without_an_author_field_are_read() {
    let check = |title: &str, expected: Decision| {
        let facts = ReleaseFacts {
            title: title.into(),
            authors: vec![],
            series: vec![],
            ..good()
        };
        let verdict = judge_one(&dune(), facts);
        assert_eq!(verdict.decision, expected, "{title}: {verdict:?}");
    };
    check("Dune by Frank Herbert [ENG / M4B] [VIP]", Decision::Accepted);
    check("Dune by Frank Herbert", Decision::Accepted);
    check("Dune by Frank Herbert and Somebody Else", Decision::Accepted);
    check("Frank Herbert - Dune (1965) [M4B]", Decision::Accepted);
    check("Frank Herbert - Dune 2021 MP3 64kbps", Decision::Accepted);
    check("Herbert, Frank - Dune", Decision::Accepted);
    check("Dune - Frank Herbert", Decision::Accepted);
    check("Frank Herbert – Dune – Unabridged", Decision::Accepted);
    check("Frank Herbert - Dune Saga - Dune", Decision::Accepted);
    check("Frank.Herbert.-.Dune.2021.MP3", Decision::Accepted);
    check("Dune (Dune Chronicles, Book 1) by Frank Herbert", Decision::Accepted);
    check("Dune (Dune Chronicles, Book 2) by Frank Herbert", Decision::Rejected);
    check("Dune", Decision::Review);
    check("Dune Messiah by Frank Herbert [ENG / M4B]", Decision::Rejected);
    check("Frank Herbert - Dune Messiah", Decision::Rejected);
    check("Brian Herbert - Dune", Decision::Rejected);
    check("Dune by Brian Herbert", Decision::Rejected);
    check("Dune by Brian Herbert, Kevin J. Anderson {x", Decision::Rejected);
    check("Summary of Dune by Frank Herbert", Decision::Rejected);
    check("", Decision::Rejected);
}

#[test]
fn free_text_of_other_scripts_is_read() {
    let check = |title: &str, author: &str, release: &str| {
        let form = SearchForm {
            title: title.into(),
            author: author.into(),
            ..SearchForm::default()
        };
        let facts = ReleaseFacts {
            title: release.into(),
            authors: vec![],
            series: vec![],
            ..good()
        };
        let verdict = judge_one(&Target::from_form(&form, &[]), facts);
        assert_eq!(verdict.decision, Decision::Accepted, "{release}: {verdict:?}");
    };
    check(
        "Мастер и Маргарита",
        "Михаил Булгаков",
        "Булгаков Михаил - Мастер и Маргарита [2012, 96 kbps, MP3]",
    );
    check("ノルウェイの森", "村上春樹", "村上 春樹 - ノルウェイの森 [M4B]");
    check("Der Prozess", "Franz Kafka", "Der Prozeß von Franz Kafka (ungekürzt)");
    check("L'Étranger", "Albert Camus", "Albert Camus — L’Étranger (MP3)");
    check("الأيام", "طه حسين", "طه حسين - الأيّام");
}

#[test]
fn the_order_of_criteria_is_that_of_the_rules() {
    let same_work = ReleaseFacts {
        narrators: vec![],
        bitrate_kbps: Some(128),
        seeders: Some(5000),
        ..good()
    };
    check_better(
        good(),
        ReleaseFacts {
            is_free: Some(true),
            is_vip_free: false,
            ..same_work
        },
    );
    let flag = |is_abridged| ReleaseFacts { is_abridged, ..good() };
    check_better(
        flag(Some(false)),
        ReleaseFacts {
            bitrate_kbps: Some(192),
            ..flag(None)
        },
    );
    let rate = |kbps| ReleaseFacts {
        bitrate_kbps: kbps,
        ..good()
    };
    check_better(
        rate(Some(128)),
        ReleaseFacts {
            seeders: Some(4000),
            is_vip_free: false,
            ..rate(Some(127))
        },
    );
    check_better(rate(Some(96)), rate(Some(95)));
    check_better(
        rate(Some(64)),
        ReleaseFacts {
            size_bytes: None,
            ..rate(None)
        },
    );
    check_better(
        ReleaseFacts {
            seeders: Some(30),
            ..rate(Some(128))
        },
        rate(Some(320)),
    );
    let format = |name: &str| ReleaseFacts {
        format: Some(name.into()),
        ..good()
    };
    for (better, worse) in [("m4b", "M4A"), ("m4a", "mp3"), ("mp3", "flac"), ("flac", "ogg")] {
        check_better(
            format(better),
            ReleaseFacts {
                seeders: Some(4000),
                ..format(worse)
            },
        );
    }
    check_better(
        good(),
        ReleaseFacts {
            files: Some(40),
            is_vip_free: false,
            ..good()
        },
    );
    let parts = ReleaseFacts {
        files: Some(40),
        ..good()
    };
    check_better(
        ReleaseFacts {
            has_chapters: Some(true),
            ..parts.clone()
        },
        parts,
    );
    let cost = |is_free, is_vip_free, seeders| ReleaseFacts {
        is_free,
        is_vip_free,
        seeders: Some(seeders),
        ..good()
    };
    check_better(cost(Some(true), false, 1), cost(Some(true), true, 4000));
    check_better(cost(Some(true), true, 1), cost(Some(false), false, 4000));
    check_better(cost(Some(false), false, 1), cost(None, false, 4000));
    check_better(
        ReleaseFacts {
            seeders: Some(31),
            ..good()
        },
        ReleaseFacts {
            published_at: Some(now()),
            ..good()
        },
    );
    check_better(
        ReleaseFacts {
            seeders: Some(8),
            published_at: Some(now()),
            ..good()
        },
        ReleaseFacts {
            seeders: Some(14),
            ..good()
        },
    );
    check_better(
        good(),
        ReleaseFacts {
            published_at: None,
            ..good()
        },
    );
}

#[test]
fn equal_releases_keep_the_order_of_the_indexers() {
    let judged = judge(&dune(), &profile(), &[offer(good()), offer(good())], now());
    assert_eq!(judged.iter().map(|judged| judged.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(judge(&dune(), &profile(), &[], now()), []);
}

#[test]
fn hostile_numbers_and_text_are_survived() {
    let facts = ReleaseFacts {
        title: "\u{202e}<script>../".repeat(400),
        runtime_seconds: Some(i64::MAX),
        size_bytes: Some(i64::MAX),
        seeders: Some(i32::MIN),
        files: Some(i32::MIN),
        bitrate_kbps: Some(u32::MAX),
        published_at: Some(DateTime::<Utc>::MAX_UTC),
        ..good()
    };
    let verdict = judge_one(&asked(), facts);
    assert_eq!(verdict.decision, Decision::Rejected);
    assert!(
        verdict
            .findings
            .iter()
            .all(|finding| finding.sentence.chars().count() < 300)
    );
}

proptest! {
    #[test]
    fn nothing_lifts_a_lower_band_over_a_higher(facts in prop::collection::vec(any_facts(), 1..8)) {
        let offers: Vec<Offer> = facts.into_iter().map(offer).collect();
        let judged = judge(&asked(), &profile(), &offers, now());
        let mut indexes: Vec<usize> = judged.iter().map(|judged| judged.index).collect();
        for pair in judged.windows(2) {
            let (first, second) = (&pair[0].verdict, &pair[1].verdict);
            prop_assert!(first.decision <= second.decision);
            prop_assert!(first.decision != second.decision || first.band >= second.band);
        }
        for judged in &judged {
            let is_accepted = judged.verdict.decision == Decision::Accepted;
            prop_assert_eq!(is_accepted, judged.verdict.findings.is_empty());
        }
        indexes.sort_unstable();
        prop_assert!(indexes.iter().copied().eq(0..offers.len()));
    }

    #[test]
    fn the_choice_does_not_depend_on_the_order_of_offers(facts in prop::collection::vec(any_facts(), 1..6)) {
        let forward: Vec<Offer> = facts.iter().cloned().map(offer).collect();
        let backward: Vec<Offer> = facts.iter().rev().cloned().map(offer).collect();
        let summaries = |offers: &[Offer]| -> Vec<_> {
            judge(&asked(), &profile(), offers, now()).into_iter().map(|judged| (judged.verdict.decision, judged.verdict.band)).collect()
        };
        prop_assert_eq!(summaries(&forward), summaries(&backward));
    }

    #[test]
    fn any_text_in_a_release_is_survived(title in "[\\s\\S]{0,150}", tags in "\\PC{0,80}") {
        let facts = ReleaseFacts { title, tags, authors: vec![], ..good() };
        judge_one(&asked(), facts);
    }
}

fn any_facts() -> impl Strategy<Value = ReleaseFacts> {
    let title = prop::sample::select(vec![
        "Dune",
        "Dune (Unabridged)",
        "Dune: A Tale",
        "Dune Messiah",
        "Dune Books 1-3",
    ]);
    let narrator = prop::sample::select(vec![
        vec![],
        vec!["Scott Brick".to_owned()],
        vec!["Simon Vance".to_owned()],
    ]);
    let place = prop::sample::select(vec![None, Some("1"), Some("2"), Some("1-6")]);
    let runtime = prop::sample::select(vec![None, Some(75_720), Some(40_000)]);
    let flags = (any::<Option<bool>>(), any::<Option<bool>>(), any::<bool>());
    let numbers = (
        prop::option::of(0i32..9000),
        prop::option::of(32u32..400),
        prop::option::of(0i64..20 * GIB),
    );
    (title, narrator, place, runtime, flags, numbers).prop_map(|(title, narrators, place, runtime, flags, numbers)| {
        ReleaseFacts {
            title: title.into(),
            narrators,
            series: vec![SeriesClaim {
                name: "Dune".into(),
                sequence: place.map(str::to_owned),
            }],
            runtime_seconds: runtime,
            is_abridged: flags.0,
            is_free: flags.1,
            is_vip_free: flags.2,
            seeders: numbers.0,
            bitrate_kbps: numbers.1,
            size_bytes: numbers.2,
            ..good()
        }
    })
}
