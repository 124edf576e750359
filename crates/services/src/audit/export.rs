//! The audit log as a file.

use db::audit_log::list_audit_entries_before;
use futures::{Stream, StreamExt, stream};
use serde_json::json;
use types::audit::{AuditEntry, AuditFilter, AuditFormat};
use types::people::Role;

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::{clean_filter, record_action, view_entry};
use crate::error::{Result, ServiceError};

/// Lines that are read at once.
const BATCH: i64 = 500;
const HEADING: &str =
    "id,at,actor,user_id,address,action,subject,changes,facts,credential,credential_id,credential_name\r\n";

/// Every line that matches, newest first, as text in pieces; lines written meanwhile are left out. Admins only.
pub async fn export_entries(
    services: &Services,
    actor: &Actor,
    filter: AuditFilter,
    format: AuditFormat,
) -> Result<impl Stream<Item = Result<String>> + Send + use<>> {
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    let about = (None, json!({ "format": format, "filter": filter }));
    record_action(&mut conn, services, actor, "export_audit_log", about).await?;
    let heading = match format {
        AuditFormat::Csv => HEADING,
        AuditFormat::Ndjson => "",
    };
    let rest = Remaining {
        services: services.clone(),
        filter: clean_filter(filter),
        format,
        before: None,
    };
    let batches = stream::try_unfold(Some(rest), write_batch);
    Ok(stream::iter([Ok(heading.to_owned())]).chain(batches))
}

struct Remaining {
    services: Services,
    filter: AuditFilter,
    format: AuditFormat,
    before: Option<i64>,
}

async fn write_batch(remaining: Option<Remaining>) -> Result<Option<(String, Option<Remaining>)>> {
    let Some(mut remaining) = remaining else {
        return Ok(None);
    };
    // Between batches the connection goes back, as the reader may be slow.
    let rows = {
        let mut conn = remaining.services.connection().await?;
        list_audit_entries_before(&mut conn, &remaining.filter, remaining.before, BATCH).await?
    };
    let Some(last) = rows.last() else {
        return Ok(None);
    };
    remaining.before = Some(last.id);
    let format = remaining.format;
    let text = rows
        .into_iter()
        .map(|row| write_line(&view_entry(row), format))
        .collect::<Result<String>>()?;
    Ok(Some((text, Some(remaining))))
}

fn write_line(entry: &AuditEntry, format: AuditFormat) -> Result<String> {
    match format {
        AuditFormat::Csv => Ok(csv_line(entry)),
        AuditFormat::Ndjson => {
            let line = serde_json::to_string(entry).map_err(ServiceError::internal)?;
            Ok(line + "\n")
        }
    }
}

fn csv_line(entry: &AuditEntry) -> String {
    let changes = entry.changes.iter().map(|change| {
        let [old, new] = [&change.old, &change.new].map(|value| value.as_deref().unwrap_or("nothing"));
        format!("{}: {old} → {new}", change.field)
    });
    let facts = entry.facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value));
    let credential = entry.credential.as_ref();
    let cells = [
        entry.id.to_string(),
        entry.at.to_rfc3339(),
        entry.actor.clone(),
        entry.user_id.map(|id| id.to_string()).unwrap_or_default(),
        entry.address.clone().unwrap_or_default(),
        entry.action.clone(),
        entry.subject.clone().unwrap_or_default(),
        changes.collect::<Vec<_>>().join("; "),
        facts.collect::<Vec<_>>().join("; "),
        credential.map(|one| one.kind.to_string()).unwrap_or_default(),
        credential.map(|one| one.id.to_string()).unwrap_or_default(),
        credential.and_then(|one| one.name.clone()).unwrap_or_default(),
    ];
    cells.map(|cell| write_csv_cell(&cell)).join(",") + "\r\n"
}

/// With the full-width forms, which some spreadsheets read as the plain ones.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Quoted, and with an apostrophe before what a spreadsheet would run as a formula (OWASP, "CSV Injection").
pub fn write_csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(FORMULA_STARTS);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::audit::{AuditChange, AuditCredential, AuditFact, CredentialKind};

    use super::*;

    /// The cells of one line, read as RFC 4180 has it; `None` when that is not possible.
    fn read_cells(line: &str) -> Option<Vec<String>> {
        let mut cells = Vec::new();
        let mut rest = line.strip_suffix("\r\n")?;
        loop {
            rest = rest.strip_prefix('"')?;
            let mut cell = String::new();
            loop {
                let (text, after) = rest.split_once('"')?;
                cell.push_str(text);
                rest = after;
                let Some(quoted) = rest.strip_prefix('"') else { break };
                cell.push('"');
                rest = quoted;
            }
            cells.push(cell);
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => return rest.is_empty().then_some(cells),
            }
        }
    }

    fn any_cell() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[=+@\t\r\n\",;a-z ＝-]{0,12}"]
    }

    proptest! {
        #[test]
        fn a_line_of_any_texts_reads_back_as_twelve_cells_without_formulas(texts in prop::collection::vec(any_cell(), 8)) {
            let [actor, address, action, subject, field, old, value, key] = <[String; 8]>::try_from(texts).unwrap();
            let entry = AuditEntry {
                id: -7,
                at: chrono::DateTime::UNIX_EPOCH,
                user_id: None,
                actor: actor.clone(),
                address: Some(address),
                credential: Some(AuditCredential { kind: CredentialKind::ApiKey, id: uuid::Uuid::nil(), name: Some(key) }),
                action,
                subject: Some(subject),
                changes: vec![AuditChange { field, old: Some(old), new: None }],
                facts: vec![AuditFact { name: "name".into(), value }],
            };
            let cells = read_cells(&csv_line(&entry)).unwrap();
            prop_assert_eq!(cells.len(), HEADING.split(',').count());
            prop_assert!(cells.iter().all(|cell| !cell.starts_with(FORMULA_STARTS)), "{:?}", cells);
            let shown = cells[2].strip_prefix('\'').filter(|_| actor.starts_with(FORMULA_STARTS));
            prop_assert_eq!(shown.unwrap_or(&cells[2]), actor);
        }
    }

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        for (text, cell) in [
            ("plain, with \"quotes\"", r#""plain, with ""quotes""""#),
            ("=HYPERLINK(\"http://x\")", r#""'=HYPERLINK(""http://x"")""#),
            ("@SUM(1)", "\"'@SUM(1)\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("\t=1", "\"'\t=1\""),
            ("", "\"\""),
        ] {
            assert_eq!(write_csv_cell(text), cell);
        }
    }
}
