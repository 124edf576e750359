//! A real Prometheus scrapes a real server: each rule and each query of the dashboard gets an answer from it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::api::Api;
use crate::seed::seed;
use crate::stage::wait_until;

const TOKEN: &str = "0000000000000000";

/// What a new installation does not know yet and so does not say.
const UNKNOWN_AT_FIRST: &[&str] = &[
    "mamcrawler_integration_up",
    "mamcrawler_last_backup_timestamp_seconds",
    "mamcrawler_last_restore_test_timestamp_seconds",
    "mamcrawler_library_books",
    "mamcrawler_library_duration_seconds",
    "mamcrawler_library_lacking_books",
    "mamcrawler_library_last_read_timestamp_seconds",
    "mamcrawler_library_missing_books",
    "mamcrawler_library_readable",
    "mamcrawler_library_size_bytes",
    "mamcrawler_library_works",
    "mamcrawler_tracker_connected",
    "mamcrawler_tracker_points",
    "mamcrawler_tracker_ratio",
    "mamcrawler_tracker_snapshot_timestamp_seconds",
    "mamcrawler_tracker_unsatisfied",
    "mamcrawler_tracker_unsatisfied_limit",
    "mamcrawler_tracker_vip_until_timestamp_seconds",
];

/// Gives each of them something to tell.
const FACTS: &str = "
    UPDATE integrations SET health = 'ok', checked_at = now();
    UPDATE integrations SET is_enabled = TRUE, options = '{\"path_maps\": [{\"remote\": \"/books\", \"local\": \"/tmp\"}]}'
        WHERE kind = 'audiobookshelf';
    INSERT INTO library_syncs (integration_id, last_full_at, last_success_at, newest_updated_ms)
        SELECT id, now(), now(), 0 FROM integrations WHERE kind = 'audiobookshelf';
    INSERT INTO account_snapshots (integration_id, taken_at, ratio, points, wedges, vip_until, unsatisfied_count, unsatisfied_limit)
        SELECT id, now(), 1.8, 40000, 3, now() + INTERVAL '40 days', 4, 50 FROM integrations WHERE kind = 'myanonamouse';
    INSERT INTO download_events (download_id, at, actor, to_state, code, sentence)
        SELECT id, now(), 'mamcrawler', 'imported', 'imported', 'On the shelf.' FROM downloads LIMIT 1;
    INSERT INTO backups (name, made_at, size_bytes, is_encrypted, proven_at) VALUES ('mamcrawler-20200101T000000Z.backup', now(), 1, FALSE, now());";

fn ops(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../ops")
        .join(path)
        .canonicalize()
        .unwrap()
}

/// Ends with the test.
struct Prometheus {
    url: String,
    http: reqwest::Client,
    child: Child,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Scrapes the server each second, with the project's rules.
    fn start(api: &Api) -> Self {
        let dir = api.server.scratch().join("prometheus");
        std::fs::create_dir_all(&dir).unwrap();
        let target = api.server.url.trim_start_matches("http://");
        let config = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
             rule_files: [{}]\n\
             scrape_configs:\n  - job_name: mamcrawler\n    authorization: {{ credentials: \"{TOKEN}\" }}\n    \
             static_configs: [{{ targets: [\"{target}\"] }}]\n",
            ops("prometheus/mamcrawler.rules.yml").display()
        );
        std::fs::write(dir.join("prometheus.yml"), config).unwrap();
        let [port] = testing::ports::pick_ports().unwrap();
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "prometheus"])
            .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("prometheus is installed, as by ops/install-tools.sh");
        Self {
            url: format!("http://127.0.0.1:{port}/api/v1"),
            http: testing::sandbox::http_client().unwrap(),
            child,
        }
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let answer = self.http.get(format!("{}/{path}", self.url)).query(query).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        // In plain text, until it has opened its own database.
        if answer.status() == 503 {
            return Err("Prometheus is only just starting".into());
        }
        let body: Value = answer.json().await.unwrap();
        match body["status"] == "success" {
            true => Ok(body["data"].clone()),
            false => panic!("{path} {query:?}: {body}"),
        }
    }

    /// The results of a query; an error of it fails the test.
    async fn query(&self, query: &str) -> Result<usize, String> {
        let data = self.ask("query", &[("query", query)]).await?;
        Ok(data["result"].as_array().map_or(0, Vec::len))
    }
}

/// Every expression of a dashboard, with the variables that Grafana fills in.
fn list_queries(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("expr").and_then(Value::as_str).map(str::to_owned);
            let inner = fields.values().flat_map(list_queries);
            own.into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(list_queries).collect(),
        _ => Vec::new(),
    }
}

fn fill_in(query: &str) -> String {
    query.replace("$__rate_interval", "1m").replace("$__range", "5m")
}

/// The queries of the dashboard.
fn read_dashboard() -> Vec<String> {
    let text = std::fs::read_to_string(ops("grafana/mamcrawler.json")).unwrap();
    let queries = list_queries(&serde_json::from_str(&text).unwrap());
    assert!(queries.len() >= 20, "{queries:#?}");
    queries.iter().map(|query| fill_in(query)).collect()
}

/// What asks only for what is not known yet gets no figure: none is failing is another thing than nobody knows.
async fn check_unknown(prometheus: &Prometheus, queries: &[String]) {
    let unknown: BTreeSet<String> = UNKNOWN_AT_FIRST.iter().map(|name| (*name).to_owned()).collect();
    let is_about_it = |query: &&String| names_in(query).is_subset(&unknown) && !names_in(query).is_empty();
    let about_it: Vec<&String> = queries.iter().filter(is_about_it).collect();
    assert!(about_it.len() >= 10, "{about_it:#?}");
    for query in about_it {
        let figures = prometheus.query(query).await.unwrap();
        assert_eq!(figures, 0, "a figure comes of {query} before it is known");
    }
}

/// The names of our metrics in an expression.
fn names_in(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words
        .filter(|word| word.starts_with("mamcrawler_"))
        .map(str::to_owned)
        .collect()
}

/// Anchors of the headings of a document.
fn anchors_of(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
        .collect()
}

async fn names_scraped(prometheus: &Prometheus) -> Result<BTreeSet<String>, String> {
    let names = prometheus.ask("label/__name__/values", &[]).await?;
    let names = names.as_array().unwrap().iter();
    Ok(names.map(|name| name.as_str().unwrap().to_owned()).collect())
}

/// Makes the server do each thing that is counted.
async fn keep_busy(api: &Api) {
    seed(&api.database).await;
    api.database.run_sql(FACTS).await;
    let backups = api.server.data_dir().join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    std::fs::write(backups.join("mamcrawler-20200101T000000Z.backup"), "x").unwrap();
    let feed = json!({
        "kind": "torznab", "name": "Feed", "url": "http://127.0.0.1:1", "is_enabled": true, "secret": "0000",
        "priority": 1, "options": {}
    });
    let answer = api.ask("post", "/integrations", Some(feed)).await;
    assert!(answer.status < 300, "{}", answer.body);
    let answer = api.ask("post", "/jobs/check_integrations/runs", None).await;
    assert!(answer.status < 300, "{}", answer.body);
    let wrong = json!({ "username": "eve", "password": "wrong" });
    api.call("post", "/auth/login").json(&wrong).send().await.unwrap();
}

#[tokio::test]
async fn a_real_prometheus_answers_every_rule_and_every_query_of_the_dashboard() {
    let api = Api::start_with(|server| server.set("MAMCRAWLER_METRICS_TOKEN", TOKEN)).await;
    let prometheus = Prometheus::start(&api);
    wait_until(async || match prometheus.query("up == 1").await? {
        1 => Ok(()),
        found => Err(format!("{found} targets are up")),
    })
    .await;
    let at_first = names_scraped(&prometheus).await.unwrap();
    for name in UNKNOWN_AT_FIRST {
        assert!(!at_first.contains(*name), "{name} is said before it is known");
    }
    let queries = read_dashboard();
    check_unknown(&prometheus, &queries).await;

    keep_busy(&api).await;
    let rules = wait_until(async || {
        let groups = prometheus.ask("rules", &[]).await?["groups"].take();
        let rules = groups
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap().clone());
        let rules: Vec<Value> = rules.collect();
        match rules.iter().find(|rule| rule["health"] != "ok") {
            Some(rule) => Err(rule.to_string()),
            None => Ok(rules),
        }
    })
    .await;
    assert!(rules.len() >= 30, "{}", rules.len());

    let expressions = rules.iter().map(|rule| rule["query"].as_str().unwrap().to_owned());
    let used: BTreeSet<String> = expressions
        .chain(queries.clone())
        .flat_map(|text| names_in(&text))
        .collect();
    wait_until(async || {
        let there = names_scraped(&prometheus).await?;
        let lacking: Vec<&String> = used.difference(&there).collect();
        match lacking.is_empty() {
            true => Ok(()),
            false => Err(format!("no series of {lacking:?}")),
        }
    })
    .await;
    wait_until(async || {
        // So that what is counted goes on growing.
        api.ask("post", "/jobs/check_integrations/runs", None).await;
        for query in &queries {
            if prometheus.query(query).await? == 0 {
                return Err(format!("nothing comes of {query}"));
            }
        }
        Ok(())
    })
    .await;
    check_runbook(&rules);
}

/// Each alert leads to its section, and each section about an alert has one.
fn check_runbook(rules: &[Value]) {
    let text = std::fs::read_to_string(ops("../docs/RUNBOOK.md")).unwrap();
    let anchors = anchors_of(&text);
    let mut linked = BTreeSet::new();
    for rule in rules {
        let link = rule["annotations"]["runbook_url"].as_str().unwrap();
        let anchor = link.strip_prefix("docs/RUNBOOK.md#").expect("the runbook is one file");
        assert!(anchors.contains(anchor), "RUNBOOK.md has no section #{anchor}");
        linked.insert(anchor.to_owned());
    }
    let about_alerts = anchors
        .iter()
        .filter(|anchor| anchor.starts_with("mamcrawler") && !anchor.contains('-'));
    for anchor in about_alerts {
        assert!(linked.contains(anchor), "no alert leads to the section #{anchor}");
    }
}

#[test]
fn the_rules_do_what_their_own_tests_say() {
    for arguments in [
        "check rules mamcrawler.rules.yml",
        "test rules mamcrawler.test.yml days.test.yml",
        "check config prometheus.yml",
    ] {
        let mut promtool = Command::new("promtool");
        let asked = promtool.args(arguments.split(' ')).current_dir(ops("prometheus"));
        let checked = asked
            .output()
            .expect("prometheus is installed, as by ops/install-tools.sh");
        let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{arguments}: {said}");
    }
}

#[test]
fn without_containers_the_one_target_is_the_server_of_the_machine() {
    let document = std::fs::read_to_string(ops("../docs/DEPLOYMENT.md")).unwrap();
    let recipe = document.lines().find(|line| line.starts_with("sed ")).unwrap();
    let mut shell = Command::new("sh");
    let made = shell.args(["-c", recipe.trim_end_matches('|')]).current_dir(ops(".."));
    let made = String::from_utf8(made.output().unwrap().stdout).unwrap();
    let example = std::fs::read_to_string(ops("prometheus/prometheus.yml")).unwrap();
    let (common, rest) = example.split_once("[\"mamcrawler:9464\"]\n").unwrap();
    assert!(rest.contains("dns_sd_configs:"), "{rest}");
    assert_eq!(made, format!("{common}[\"127.0.0.1:9464\"]\n"));
}

#[test]
fn every_alert_has_a_test_where_it_fires_and_one_where_it_does_not() {
    let read = |name: &str| std::fs::read_to_string(ops("prometheus").join(name)).unwrap();
    let (rules, tests) = (
        read("mamcrawler.rules.yml"),
        read("mamcrawler.test.yml") + &read("days.test.yml"),
    );
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() >= 30);
    for alert in alerts {
        for case in ["fires", "is quiet"] {
            assert!(
                tests.contains(&format!("- name: {alert} {case}\n")),
                "no test where {alert} {case}"
            );
        }
    }
}
