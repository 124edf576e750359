//! Comments of columns, as the migrations that make them say.

use std::collections::BTreeMap;

/// What stands in `--` lines before a column, by table and column; of several migrations the last one counts.
pub fn read_comments(sql: &str) -> BTreeMap<(String, String), String> {
    let mut comments = BTreeMap::new();
    let mut table = String::new();
    let mut said: Vec<&str> = Vec::new();
    for line in sql.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("--") {
            said.push(comment.trim());
            continue;
        }
        if let Some(name) = find_after(line, "CREATE TABLE ") {
            table = name;
            // What was said is about the table.
            said.clear();
        } else if let Some(name) = find_after(line, "ALTER TABLE ") {
            table = name;
        }
        let added = find_after(line, "ADD COLUMN ");
        let is_statement = line.starts_with(|first: char| first.is_ascii_uppercase());
        let column = added.or_else(|| (!is_statement).then(|| first_name(line)));
        if let Some(column) = column.filter(|column| !column.is_empty()) {
            if !said.is_empty() {
                comments.insert((table.clone(), column), said.join(" "));
            }
        } else if line.starts_with("ALTER TABLE ") {
            // The comment is about the column that the next line adds.
            continue;
        }
        said.clear();
    }
    comments
}

fn find_after(line: &str, words: &str) -> Option<String> {
    let (_, rest) = line.split_once(words)?;
    Some(first_name(rest))
}

fn first_name(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || *letter == '_')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_belongs_to_the_column_after_it() {
        let sql = "
            -- A want.
            CREATE TABLE wants (
                id UUID,
                -- Of two
                -- lines.
                reason TEXT,
                -- Of the check.
                CHECK (reason <> ''),
                closed_at TIMESTAMPTZ
            );
            -- Added at once.
            ALTER TABLE wants ADD COLUMN part INTEGER;
            -- Added below.
            ALTER TABLE wants
                ADD COLUMN first TEXT,
                ADD COLUMN second TEXT;";
        let comments = read_comments(sql);
        let found: Vec<_> = comments
            .iter()
            .map(|((table, column), comment)| (table.as_str(), column.as_str(), comment.as_str()))
            .collect();
        let expected = [
            ("wants", "first", "Added below."),
            ("wants", "part", "Added at once."),
            ("wants", "reason", "Of two lines."),
        ];
        assert_eq!(found, expected);
    }
}
