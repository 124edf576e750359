//! Links within the project: the file and the heading that they lead to.

use super::page::Page;
use super::project::Project;

/// Every relative link of the pages that leads nowhere.
pub fn find_broken_links(pages: &[Page], project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for page in pages {
        for target in page.prose.iter().flat_map(|prose| read_targets(prose)) {
            if let Some(fault) = find_fault(page, target, pages, project) {
                findings.push(format!("{}: the link {target} {fault}", page.path));
            }
        }
    }
    findings
}

/// What stands in `](…)`, and `[name]: …` at a line's start.
fn read_targets(prose: &str) -> Vec<&str> {
    let inline = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let named = prose.lines().filter(|line| line.starts_with('['));
    let named = named
        .filter_map(|line| line.split_once("]: "))
        .map(|(_, target)| target);
    inline.chain(named).map(str::trim).collect()
}

fn find_fault(page: &Page, target: &str, pages: &[Page], project: &Project) -> Option<String> {
    let is_outside = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| target.starts_with(scheme));
    if is_outside {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        page.path.clone()
    } else {
        resolve(&page.path, file)?
    };
    if !project.has_path(&path) {
        return Some("leads to no file".into());
    }
    let led_to = pages.iter().find(|other| other.path == path);
    let is_there = anchor.is_empty() || led_to.is_none_or(|other| other.anchors.contains(anchor));
    (!is_there).then(|| format!("leads to no heading of {path}"))
}

/// The path from the root; None when it leads out of the project, which nobody can check.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_found_and_others_not() {
        let project = Project {
            files: ["README.md", "docs/API.md", "docs/adr/0001-one.md"]
                .map(str::to_owned)
                .into(),
            ..Project::default()
        };
        let text = "[a](docs/API.md#lists) [b](docs/adr/) [c](https://example.org/x) [d](docs/GONE.md) [e](docs/API.md#gone) [f](#here)";
        let pages = [
            Page::read("README.md", text),
            Page::read("docs/API.md", "# Lists\n\n[up](../README.md) [gone](../X.md)\n"),
        ];
        let expected = [
            "README.md: the link docs/GONE.md leads to no file",
            "README.md: the link docs/API.md#gone leads to no heading of docs/API.md",
            "README.md: the link #here leads to no heading of README.md",
            "docs/API.md: the link ../X.md leads to no file",
        ];
        assert_eq!(find_broken_links(&pages, &project), expected);
    }
}
