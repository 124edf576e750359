//! The change of the encryption key.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use services::integrations::save_integration;
use services::key_rotation::{Rotated, Unopened, check_key, rotate_secrets};
use services::secrets::SecretBox;
use services::{Keys, Services, SystemRandom, connect};
use std::sync::Arc;
use types::integrations::IntegrationKind;

use crate::support::{TestApp, form};

const FIRST: [u8; 32] = [1; 32];
const SECOND: [u8; 32] = [5; 32];
const SIGNING: [u8; 32] = [2; 32];
const RELEASES: u64 = 50;

fn during_the_change(app: &TestApp) -> Services {
    app.services_with(&Keys {
        old_encryption: vec![FIRST],
        ..Keys::new(SECOND, SIGNING)
    })
}

/// Values in every place but those of single sign-on, sealed as the use cases do.
async fn fill(app: &TestApp) {
    check_key(&app.services).await.unwrap();
    let admin = app.admin().await;
    let new = form(IntegrationKind::Prowlarr, "http://127.0.0.1:1", "the prowlarr key");
    let id = save_integration(&app.services, &admin, new).await.unwrap();
    let seal = |context: &str, plain: &str| {
        let sealed = app.services.secrets().seal(context, plain.as_bytes());
        format!("'\\x{}'::bytea", hex::encode(sealed))
    };
    let session = seal(&format!("integrations/{id}/session"), "a session");
    app.run_sql(&format!("UPDATE integrations SET session_secret = {session}"))
        .await;
    for number in 0..RELEASES {
        let sealed = seal(&format!("releases/{id}/{number}"), "http://tracker/passkey");
        app.run_sql(&format!(
            "INSERT INTO releases (id, integration_id, external_id, title, facts, download_ref, first_seen_at, last_seen_at)
             VALUES (gen_random_uuid(), '{id}', '{number}', 'Dune', '{{}}', {sealed}, now(), now())"
        ))
        .await;
    }
}

/// How many values the box opens, of how many.
async fn count_opened(app: &TestApp, secrets: &SecretBox) -> (usize, usize) {
    let rows = app
        .query_text(
            "SELECT string_agg(line, ' ') FROM (
                SELECT 'integrations/' || id || '/secret=' || encode(secret, 'hex') AS line FROM integrations
                UNION ALL SELECT 'integrations/' || id || '/session=' || encode(session_secret, 'hex') FROM integrations
                UNION ALL SELECT 'releases/' || integration_id || '/' || external_id || '=' || encode(download_ref, 'hex')
                    FROM releases
                UNION ALL SELECT name || '=' || encode(decode(value->>'sealed', 'base64'), 'hex') FROM settings
                    WHERE value ? 'sealed') lines",
        )
        .await;
    let opened = rows.split(' ').filter(|row| {
        let (context, sealed) = row.split_once('=').unwrap();
        secrets.open(context, &hex::decode(sealed).unwrap()).is_ok()
    });
    (opened.count(), rows.split(' ').count())
}

fn box_of(key: [u8; 32]) -> SecretBox {
    SecretBox::new(&key, &[], Arc::new(SystemRandom))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_cut_off_goes_on_and_then_the_old_key_opens_nothing() {
    let app = TestApp::new().await;
    fill(&app).await;
    let all = 3 + usize::try_from(RELEASES).unwrap();
    assert_eq!(count_opened(&app, &box_of(FIRST)).await, (all, all));

    // As if the process died: a row in the middle can't be written.
    app.run_sql(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT count(*) FROM releases WHERE substring(download_ref FROM 1 FOR 5) = substring(NEW.download_ref
                FROM 1 FOR 5)) >= 30 THEN RAISE EXCEPTION 'cut off'; END IF; RETURN NEW; END $$",
    )
    .await;
    app.run_sql("CREATE TRIGGER cut BEFORE UPDATE ON releases FOR EACH ROW EXECUTE FUNCTION cut()")
        .await;
    let changing = during_the_change(&app);
    assert!(rotate_secrets(&changing, Unopened::Keep).await.is_err());
    let (by_first, _) = count_opened(&app, &box_of(FIRST)).await;
    let (by_second, _) = count_opened(&app, &box_of(SECOND)).await;
    assert_eq!((by_first, by_second), (all - 32, 32), "half of it is done");
    // Meanwhile everything works with both keys, and nothing starts with one of them alone.
    check_key(&changing).await.unwrap();
    assert_eq!(count_opened(&app, changing.secrets()).await, (all, all));
    assert!(connect::connect_indexers(&changing).await.unwrap()[0].client.is_ok());
    assert!(
        check_key(&app.services_with(&Keys::new(SECOND, SIGNING)))
            .await
            .is_err()
    );

    app.run_sql("DROP TRIGGER cut ON releases").await;
    let rotated = rotate_secrets(&during_the_change(&app), Unopened::Keep).await.unwrap();
    let rest = Rotated {
        resealed: RELEASES - 30 + 1,
        unreadable: 0,
    };
    assert_eq!(rotated, rest);
    assert_eq!(count_opened(&app, &box_of(FIRST)).await.0, 0);
    let changed = app.services_with(&Keys::new(SECOND, SIGNING));
    check_key(&changed).await.unwrap();
    assert_eq!(count_opened(&app, changed.secrets()).await, (all, all));
    let sentence = check_key(&app.services).await.unwrap_err().to_string();
    assert!(
        sentence.contains("does not fit") && sentence.contains("rotate-key"),
        "{sentence}"
    );
    assert!(app.audited().await.ends_with("rotate_encryption_key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_lost_key_the_unreadable_is_given_up_and_the_rest_works() {
    let app = TestApp::new().await;
    fill(&app).await;
    let other = app.services_with(&Keys::new(SECOND, SIGNING));
    let kept = rotate_secrets(&other, Unopened::Keep).await.unwrap();
    assert_eq!((kept.resealed, kept.unreadable), (0, RELEASES + 3));
    assert!(check_key(&other).await.is_err(), "nothing is lost yet");
    check_key(&app.services).await.unwrap();

    rotate_secrets(&other, Unopened::Forget).await.unwrap();
    check_key(&other).await.unwrap();
    let left = app
        .query_text("SELECT count(secret) + count(session_secret) || ' of ' || count(*) FROM integrations")
        .await;
    assert_eq!(left, "0 of 1");
    assert_eq!(
        app.query_text("SELECT count(*) FROM releases WHERE download_ref = ''")
            .await,
        RELEASES.to_string()
    );
}
