//! A gate on the documents: what they link to, name and quote exists.

mod links;
mod names;
mod page;
mod project;
mod sentences;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use page::Page;
use project::Project;

const RUNBOOK: &str = "docs/RUNBOOK.md";
const TROUBLESHOOTING: &str = "docs/TROUBLESHOOTING.md";
/// The documents that must be there.
const NEEDED: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/DEPLOYMENT.md",
    RUNBOOK,
    TROUBLESHOOTING,
    "docs/DISASTER_RECOVERY.md",
    "docs/SCHEMA.md",
    "docs/DEVELOPMENT.md",
];

/// Everything that documents name and that is not there.
pub fn find_document_faults(root: &Path) -> Result<Vec<String>> {
    let project = Project::read(root)?;
    let mut pages = Vec::new();
    for path in project.files.iter().filter(|path| is_document(path)) {
        let text = fs::read_to_string(root.join(path)).with_context(|| path.clone())?;
        pages.push(Page::read(path, &text));
    }
    ensure!(!pages.is_empty(), "no documents were found");
    let missing = NEEDED.iter().filter(|path| !project.files.contains(**path));
    let mut findings: Vec<String> = missing.map(|path| format!("{path} is missing")).collect();
    findings.extend(links::find_broken_links(&pages, &project));
    for page in &pages {
        findings.extend(names::find_unknown_names(page, &project));
        match page.path.as_str() {
            RUNBOOK => findings.extend(find_unexplained_alerts(page, &project)),
            TROUBLESHOOTING => findings.extend(find_made_up_sentences(page, &project)),
            _ => {}
        }
    }
    Ok(findings)
}

fn is_document(path: &str) -> bool {
    let is_placed = !path.contains('/') || path.starts_with("docs/") || path.starts_with(".github/");
    is_placed && path.ends_with(".md")
}

/// Each alert has a section, and each section of that kind an alert.
fn find_unexplained_alerts(page: &Page, project: &Project) -> Vec<String> {
    let sections: BTreeSet<String> = page.headings.iter().filter(|name| is_alert(name)).cloned().collect();
    let without_section = project.alerts.difference(&sections);
    let without_alert = sections.difference(&project.alerts);
    without_section
        .map(|alert| format!("{}: the alert {alert} has no section", page.path))
        .chain(without_alert.map(|section| format!("{}: there is no alert {section}", page.path)))
        .collect()
}

/// `Mamcrawler` and another word in one.
fn is_alert(name: &str) -> bool {
    name.strip_prefix("Mamcrawler").is_some_and(|rest| {
        rest.starts_with(|letter: char| letter.is_ascii_uppercase())
            && rest.chars().all(|letter| letter.is_ascii_alphanumeric())
    })
}

/// What stands after `>` is what a program says, up to `…`.
fn find_made_up_sentences(page: &Page, project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    if page.quotes.is_empty() {
        findings.push(format!("{}: it quotes nothing", page.path));
    }
    let made_up = page
        .quotes
        .iter()
        .filter(|quote| !sentences::is_said(quote, &project.sentences));
    findings.extend(made_up.map(|quote| format!("{}: no program says \"{quote}\"", page.path)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        Project {
            alerts: ["MamcrawlerDown".to_owned(), "MamcrawlerSlow".to_owned()].into(),
            sentences: vec!["the database can't be reached: …".to_owned()],
            ..Project::default()
        }
    }

    #[test]
    fn an_alert_without_section_and_a_section_without_alert_are_found() {
        let page = Page::read(RUNBOOK, "# Runbook\n\n### MamcrawlerDown\n\n### MamcrawlerGone\n");
        let findings = find_unexplained_alerts(&page, &project());
        let expected = [
            "docs/RUNBOOK.md: the alert MamcrawlerSlow has no section",
            "docs/RUNBOOK.md: there is no alert MamcrawlerGone",
        ];
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_quotation_that_no_program_says_is_found() {
        let page = Page::read(
            TROUBLESHOOTING,
            "> the database can't be reached: …\n\n> The database is asleep.\n",
        );
        let findings = find_made_up_sentences(&page, &project());
        assert_eq!(
            findings,
            ["docs/TROUBLESHOOTING.md: no program says \"The database is asleep.\""]
        );
        let empty = Page::read(TROUBLESHOOTING, "Nothing.\n");
        assert_eq!(
            find_made_up_sentences(&empty, &project()),
            ["docs/TROUBLESHOOTING.md: it quotes nothing"]
        );
    }
}
