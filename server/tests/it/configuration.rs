//! `mamcrawler config`: what counts, where it came from, and what does not hold.

use crate::support::Server;

/// Whether it ended well, and all that it wrote.
fn ask(server: &Server) -> (bool, String) {
    let output = server.run("config");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), text.concat())
}

fn write_settings(server: &mut Server, text: &str) {
    let path = server.scratch().join("mamcrawler.toml");
    std::fs::write(&path, text).unwrap();
    server.set("MAMCRAWLER_CONFIG", path.to_str().unwrap());
}

#[tokio::test]
async fn the_effective_configuration_is_shown_with_its_sources_and_without_secrets() {
    let mut server = Server::new(&[
        ("MAMCRAWLER_LOG", "warn"),
        ("MAMCRAWLER_METRICS_TOKEN", "planted-and-long-enough"),
    ]);
    write_settings(
        &mut server,
        "log = \"trace\"\nworker_slots = 3\nbackup_key = \"planted/1/+/in+base64/of+32+bytes0000000000=\"\n",
    );
    let (is_well, text) = ask(&server);
    assert!(is_well, "{text}");
    let path = server.scratch().join("mamcrawler.toml").display().to_string();
    for line in [
        "MAMCRAWLER_LOG = warn  (environment)".to_owned(),
        format!("MAMCRAWLER_WORKER_SLOTS = 3  ({path})"),
        format!("MAMCRAWLER_BACKUP_KEY = ***  ({path})"),
        "MAMCRAWLER_METRICS_TOKEN = ***  (environment)".to_owned(),
        "MAMCRAWLER_DATABASE_WAIT_SECONDS = 60  (default)".to_owned(),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n---\n{text}");
    }
    assert!(!text.contains("planted"), "{text}");
    assert!(!server.data_dir().exists(), "looking changes nothing");
}

#[tokio::test]
async fn a_configuration_that_does_not_hold_is_refused_by_the_command_and_by_the_start() {
    for (text, words) in [
        ("worker_slot = 3", "(did you mean worker_slots?)"),
        ("worker_slots = \"3\"", "\"worker_slots\" must be a whole number"),
        ("environment = \"production\"", "MAMCRAWLER_ENCRYPTION_KEY is missing"),
        ("backup_key = \"short\"", "MAMCRAWLER_BACKUP_KEY must be 32 bytes"),
        (
            "encryption_key = \"short\"",
            "MAMCRAWLER_ENCRYPTION_KEY must be 32 bytes",
        ),
        (
            "signing_keys_old = \"short\"",
            "MAMCRAWLER_SIGNING_KEYS_OLD must hold keys",
        ),
        ("log = \"mamcrawler=loud\"", "MAMCRAWLER_LOG is not a valid log filter"),
        ("worker_slots = 0", "MAMCRAWLER_WORKER_SLOTS is 0; the least is 1"),
        (
            "poll_active_ms = 15",
            "MAMCRAWLER_POLL_ACTIVE_MS is 15; the least is 100",
        ),
        (
            "environment = \"production\"\nmam_spacing_ms = 3",
            "MAMCRAWLER_MAM_SPACING_MS is 3; in production the least is 3000",
        ),
    ] {
        let mut server = Server::new(&[]);
        write_settings(&mut server, text);
        let (is_well, said) = ask(&server);
        assert!(!is_well && said.contains(words), "{text}: {said}");
        let start = server.run("migrate");
        let said = String::from_utf8(start.stderr).unwrap();
        assert!(!start.status.success() && said.contains(words), "{text}: {said}");
    }
}

#[tokio::test]
async fn a_file_that_lost_its_secret_stops_the_start() {
    for name in ["MAMCRAWLER_BACKUP_KEY", "MAMCRAWLER_METRICS_TOKEN", "DATABASE_URL"] {
        let mut server = Server::new(&[]);
        let path = server.scratch().join("secret");
        std::fs::write(&path, "\n").unwrap();
        server.set(&format!("{name}_FILE"), path.to_str().unwrap());
        let words = format!("{name}_FILE names {}, which is empty", path.display());
        let (is_well, said) = ask(&server);
        assert!(!is_well && said.contains(&words), "{said}");
        let start = server.run("migrate");
        let said = String::from_utf8(start.stderr).unwrap();
        assert!(!start.status.success() && said.contains(&words), "{said}");
    }
}

#[tokio::test]
async fn a_server_takes_its_settings_from_the_file() {
    let (mut server, database) = crate::stage::bare_server().await;
    let url = database.url().to_owned();
    server.unset("DATABASE_URL");
    write_settings(
        &mut server,
        &format!("database_url = \"{url}\"\nlog_format = \"json\"\n"),
    );
    server.start().await;
    let first = server.log().lines().next().unwrap().to_owned();
    let line: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert!(line["timestamp"].is_string(), "{first}");
    assert!(
        !server.data_dir().join("postgres").exists(),
        "the database of the file is used"
    );
}
