//! Finds `pg_dump` and `pg_restore` of a version that fits.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::DumpError;
use crate::embedded::list_bin_dirs;

/// The first version whose `pg_restore` sets what older servers don't know.
pub(super) const TRANSACTION_TIMEOUT: u32 = 17;

/// An installed program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
    pub major: u32,
}

/// A `pg_dump` for a server: of its version or the next newer one, as an older one refuses to work.
pub fn find_pg_dump(configured: Option<&Path>, server: u32) -> Result<Program, DumpError> {
    find_program("pg_dump", configured, server)
}

/// A `pg_restore` that reads what a `pg_dump` wrote and that the server understands.
pub fn find_pg_restore(configured: Option<&Path>, dumped_by: u32, server: u32) -> Result<Program, DumpError> {
    let found = find_program("pg_restore", configured, dumped_by)?;
    if found.major >= TRANSACTION_TIMEOUT && server < TRANSACTION_TIMEOUT {
        return Err(DumpError::TooNew {
            program: found.major,
            server,
        });
    }
    Ok(found)
}

fn find_program(name: &'static str, configured: Option<&Path>, wanted: u32) -> Result<Program, DumpError> {
    if let Some(program) = configured
        .and_then(|dir| read_program(name, dir))
        .filter(|found| found.major >= wanted)
    {
        return Ok(program);
    }
    let found = list_bin_dirs().into_iter().filter_map(|dir| read_program(name, &dir));
    choose(found.collect(), wanted).map_err(|majors| DumpError::NoProgram {
        program: name,
        wanted,
        found: match majors.is_empty() {
            true => String::new(),
            false => format!(" (only of {})", majors.join(", ")),
        },
    })
}

/// The oldest that is new enough: what a newer one writes can only be read by as new a one. Else the versions there are.
fn choose(mut found: Vec<Program>, wanted: u32) -> Result<Program, Vec<String>> {
    // Stable: of one version, the first place that was looked at.
    found.sort_by_key(|program| program.major);
    match found.iter().position(|program| program.major >= wanted) {
        Some(place) => Ok(found.swap_remove(place)),
        None => {
            let mut majors: Vec<String> = found.iter().map(|program| program.major.to_string()).collect();
            majors.dedup();
            Err(majors)
        }
    }
}

fn read_program(name: &'static str, dir: &Path) -> Option<Program> {
    let path = dir.join(name);
    if !path.exists() {
        return None;
    }
    // "pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
    let output = Command::new(&path).arg("--version").output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let digits: String = line
        .split_whitespace()
        .nth(2)?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some(Program {
        name,
        path,
        major: digits.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(major: u32) -> Program {
        Program {
            name: "pg_dump",
            path: PathBuf::from(format!("/{major}/pg_dump")),
            major,
        }
    }

    #[test]
    fn the_oldest_that_is_new_enough_is_taken() {
        assert_eq!(choose(vec![of(18), of(14), of(16)], 15), Ok(of(16)));
        assert_eq!(
            choose(vec![of(14), of(13), of(14)], 15),
            Err(vec!["13".into(), "14".into()])
        );
        assert_eq!(choose(vec![], 15), Err(vec![]));
    }

    #[test]
    fn a_missing_or_old_program_is_a_sentence_that_says_what_to_install() {
        let error = find_program("pg_dump", None, 9000).unwrap_err().to_string();
        assert!(
            error.starts_with("No pg_dump of PostgreSQL 9000 or newer was found"),
            "{error}"
        );
        assert!(error.contains("postgresql-client-9000"), "{error}");
    }
}
