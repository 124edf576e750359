//! A database's URL as PostgreSQL's programs take it: by their environment, so that no password is in a list of processes.

use std::ffi::OsString;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::error::DbError;

/// `PGHOST` and the others for a URL.
pub(super) fn read_address(url: &str) -> Result<Vec<(&'static str, OsString)>, DbError> {
    // The error's text could hold a part of the URL.
    let config = Config::from_str(url).map_err(|_| DbError::Unreachable("its address can't be read".into()))?;
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => OsString::from(name),
        Host::Unix(path) => path.clone().into_os_string(),
    });
    let ports = config.get_ports().iter().map(|port| OsString::from(port.to_string()));
    let ssl = match config.get_ssl_mode() {
        SslMode::Disable => "disable",
        SslMode::Require => "require",
        _ => "prefer",
    };
    let mut variables = vec![
        ("PGHOST", hosts.collect::<Vec<_>>().join(&OsString::from(","))),
        ("PGPORT", ports.collect::<Vec<_>>().join(&OsString::from(","))),
        ("PGSSLMODE", ssl.into()),
        ("PGCONNECT_TIMEOUT", "10".into()),
    ];
    let texts = [
        ("PGUSER", config.get_user()),
        ("PGDATABASE", config.get_dbname()),
        ("PGOPTIONS", config.get_options()),
    ];
    variables.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?.into()))));
    if let Some(password) = config.get_password() {
        let password = std::os::unix::ffi::OsStringExt::from_vec(password.to_vec());
        variables.push(("PGPASSWORD", password));
    }
    variables.retain(|(_, value)| !value.is_empty());
    Ok(variables)
}

/// The URL of another database on the same server.
pub(super) fn with_database(url: &str, name: &str) -> Option<String> {
    let (before, query) = match url.split_once('?') {
        Some((before, query)) => (before, format!("?{query}")),
        None => (url, String::new()),
    };
    let (scheme, rest) = before.split_once("://")?;
    let server = rest.split('/').next()?;
    Some(format!("{scheme}://{server}/{name}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_for_the_programs() {
        let read = |url: &str| {
            let variables = read_address(url).unwrap();
            let texts = variables
                .iter()
                .map(|(name, value)| format!("{name}={}", value.to_string_lossy()));
            texts.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            read(&["postgres://anna:p%40ss", "db.example:6543/books?sslmode=require"].join("@")),
            "PGHOST=db.example PGPORT=6543 PGSSLMODE=require PGCONNECT_TIMEOUT=10 PGUSER=anna PGDATABASE=books PGPASSWORD=p@ss"
        );
        assert_eq!(
            read("postgres://postgres@%2Ftmp%2Fsocket/mamcrawler"),
            "PGHOST=/tmp/socket PGPORT=5432 PGSSLMODE=prefer PGCONNECT_TIMEOUT=10 PGUSER=postgres PGDATABASE=mamcrawler"
        );
        let error = read_address("postgres://anna:secret@db:port/books")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn another_database_of_the_same_server_keeps_everything_else() {
        for (url, expected) in [
            ("postgres://anna@db:1/books", "postgres://anna@db:1/other"),
            ("postgres://anna@db", "postgres://anna@db/other"),
            (
                "postgres:///books?host=/run/postgresql",
                "postgres:///other?host=/run/postgresql",
            ),
            (
                "postgres://postgres@%2Ftmp%2Fs/books",
                "postgres://postgres@%2Ftmp%2Fs/other",
            ),
        ] {
            assert_eq!(with_database(url, "other").unwrap(), expected);
        }
    }
}
