//! `mamcrawler doctor`: what works and what does not, a line each, with what to do. It changes nothing, starts nothing,
//! and has something to say when the database is down.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use clients::http::{Answer, HttpClient, HttpOptions};
use secrecy::ExposeSecret;
use services::health::{check_ready, get_health};
use services::key_rotation::check_key;
use services::{Actor, Services};
use types::health::HealthCheck;
use types::integrations::Health;
use url::Url;

use crate::commands::build_services;
use crate::config::{self, Config};

/// Programs and the server itself answer at once, or something is wrong.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks at all of it, prints what it found, and fails when something is failing.
pub async fn examine(config: Config) -> Result<()> {
    let mut checks = vec![
        check_program(&config.ffmpeg, "MAMCRAWLER_FFMPEG").await,
        check_program(&config.ffprobe, "MAMCRAWLER_FFPROBE").await,
        check_site(&config),
        check_server(&config).await,
    ];
    checks.extend(check_installation(&config).await);
    println!("{}", lay_out(&checks));
    let failing = checks.iter().filter(|check| check.health == Health::Failing).count();
    if failing > 0 {
        bail!("{failing} of {} checks fail; each line says what to do", checks.len());
    }
    Ok(())
}

fn found(name: &str, health: Health, sentence: impl Into<String>) -> HealthCheck {
    HealthCheck {
        name: name.into(),
        health,
        sentence: sentence.into(),
    }
}

async fn check_program(program: &Path, setting: &str) -> HealthCheck {
    let name = format!("program {}", program.display());
    let asked = tokio::process::Command::new(program).arg("-version").output();
    let fault = match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(output)) if output.status.success() => return found(&name, Health::Ok, first_line(&output.stdout)),
        Ok(Ok(output)) => format!("it ended with {}", output.status),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it does not answer".to_owned(),
    };
    let sentence = format!("It can't be run: {fault}. Install ffmpeg, or set {setting} to where it is.");
    found(&name, Health::Failing, sentence)
}

fn first_line(output: &[u8]) -> String {
    String::from_utf8_lossy(output)
        .lines()
        .next()
        .unwrap_or("It runs.")
        .to_owned()
}

/// Only `serve` needs them, so a machine that only works is well without.
fn check_site(config: &Config) -> HealthCheck {
    let options = match config::leptos_options(config.site_root.as_deref(), config.listen) {
        Ok(options) => options,
        Err(error) => return found("site", Health::Warning, format!("{error:#}.")),
    };
    let files = Path::new(&*options.site_root).join(&*options.site_pkg_dir);
    match files.is_dir() {
        true => found(
            "site",
            Health::Ok,
            format!("The browser's files are in {}.", files.display()),
        ),
        false => {
            let sentence = format!(
                "The browser's files are not in {}. Set MAMCRAWLER_SITE_ROOT to where they are.",
                files.display()
            );
            found("site", Health::Warning, sentence)
        }
    }
}

/// Whether a server answers here; there need not be one where only a `worker` runs.
async fn check_server(config: &Config) -> HealthCheck {
    let address = name_server(config);
    let asked = ask_server(&address, LIMIT).await.map(|answer| answer.status);
    match asked {
        Ok(200) => found("server", Health::Ok, format!("It is ready at {address}.")),
        Ok(status) => {
            let sentence = format!("It runs at {address}, but is not ready (HTTP {status}). The lines below say why.");
            found("server", Health::Failing, sentence)
        }
        Err(error) => {
            let sentence = format!("{error:#} Start `mamcrawler serve`, unless only a worker is to run here.");
            found("server", Health::Warning, sentence)
        }
    }
}

/// Where the server of these settings answers.
pub fn name_server(config: &Config) -> String {
    format!("http://{}{}", reach(config.listen), config.base_path.as_str())
}

/// Who listens everywhere is asked here.
pub fn reach(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// What a server says when it is asked whether it is ready.
pub async fn ask_server(address: &str, limit: Duration) -> Result<Answer> {
    let options = HttpOptions {
        timeout: limit,
        connect_timeout: limit,
        ..HttpOptions::default()
    };
    let http = HttpClient::new("The server", options)?;
    let call = http.get(&Url::parse(address)?, "health/ready");
    Ok(http.send(call).await?)
}

/// The database and all that is in it.
async fn check_installation(config: &Config) -> Vec<HealthCheck> {
    if !config::has_keys(config) {
        let sentence = "There are no keys yet. The first start of `mamcrawler serve` makes them, and the database.";
        return vec![found("database", Health::Failing, sentence)];
    }
    let Some(url) = find_url(config) else {
        let sentence = "The embedded PostgreSQL does not run. Start `mamcrawler serve`, which starts it, or set \
                        DATABASE_URL.";
        return vec![found("database", Health::Failing, sentence)];
    };
    match build_services(config, &url, "doctor") {
        Ok(services) => check_services(&services).await,
        Err(error) => vec![found("keys", Health::Failing, format!("{error:#}."))],
    }
}

fn find_url(config: &Config) -> Option<String> {
    match &config.database_url {
        Some(url) => Some(url.expose_secret().to_owned()),
        None => db::embedded::find_running(&config.data_dir.join("postgres"), "mamcrawler"),
    }
}

async fn check_services(services: &Services) -> Vec<HealthCheck> {
    if !is_reached(services).await {
        let sentence = "It can't be reached. See that PostgreSQL runs, and that DATABASE_URL names it.";
        return vec![found("database", Health::Failing, sentence)];
    }
    if let Err(error) = check_ready(services).await {
        return vec![found("schema", Health::Failing, error.message)];
    }
    let key = match check_key(services).await {
        Ok(()) => found("keys", Health::Ok, "The encryption key opens the stored secrets."),
        Err(error) => found("keys", Health::Failing, error.message),
    };
    let mut checks = vec![key];
    match get_health(services, &Actor::System("doctor")).await {
        Ok(report) => {
            let versions = report.versions;
            let sentence = format!(
                "mamcrawler {}, schema {}, PostgreSQL {}.",
                versions.program, versions.schema, versions.postgresql
            );
            checks.push(found("versions", Health::Ok, sentence));
            checks.extend(report.checks);
        }
        Err(error) => checks.push(found("database", Health::Failing, error.message)),
    }
    checks
}

async fn is_reached(services: &Services) -> bool {
    let reached = tokio::time::timeout(LIMIT, services.connection()).await;
    reached.is_ok_and(|connection| connection.is_ok())
}

/// A line for each: word, name, sentence.
fn lay_out(checks: &[HealthCheck]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let lines = checks.iter().map(|check| {
        let (word, name) = (check.health.as_str(), &check.name);
        let sentence = check.sentence.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{word:<7}  {name:<width$}  {sentence}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_one_line_with_its_word_first() {
        let checks = [
            found("database", Health::Ok, "It answers."),
            found("disk", Health::Failing, "1 GiB is\nfree."),
        ];
        assert_eq!(
            lay_out(&checks),
            "ok       database  It answers.\nfailing  disk      1 GiB is free."
        );
    }

    #[test]
    fn who_listens_everywhere_is_asked_here() {
        let check = |listen: &str, reached: &str| assert_eq!(reach(listen.parse().unwrap()).to_string(), reached);
        check("0.0.0.0:3000", "127.0.0.1:3000");
        check("[::]:3000", "[::1]:3000");
        check("192.0.2.7:80", "192.0.2.7:80");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_names_its_setting() {
        let check = check_program(Path::new("/nowhere/ffmpeg"), "MAMCRAWLER_FFMPEG").await;
        assert_eq!(check.health, Health::Failing);
        assert!(check.sentence.contains("MAMCRAWLER_FFMPEG"), "{}", check.sentence);
    }
}
