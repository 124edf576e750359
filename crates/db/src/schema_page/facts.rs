//! What the catalogues of PostgreSQL say about our tables.

use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::DbResult;
use crate::pool::Connection;

/// A column of a table.
#[derive(diesel::QueryableByName)]
pub struct Column {
    #[diesel(sql_type = Text)]
    pub table_name: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub type_name: String,
    #[diesel(sql_type = Bool)]
    pub is_nullable: bool,
    /// SQL of what it is when nothing is given.
    #[diesel(sql_type = Nullable<Text>)]
    pub default: Option<String>,
    /// Of a `COMMENT ON COLUMN`.
    #[diesel(sql_type = Nullable<Text>)]
    pub comment: Option<String>,
}

/// A key or a check of a table.
#[derive(diesel::QueryableByName)]
pub struct Constraint {
    #[diesel(sql_type = Text)]
    pub table_name: String,
    /// `p` primary key, `u` unique, `f` foreign key, `c` check.
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Array<Text>)]
    pub columns: Vec<String>,
    /// The table that a foreign key leads to.
    #[diesel(sql_type = Nullable<Text>)]
    pub parent: Option<String>,
    #[diesel(sql_type = Text)]
    pub definition: String,
}

/// An index that no constraint brought along, or a trigger.
#[derive(diesel::QueryableByName)]
pub struct Extra {
    #[diesel(sql_type = Text)]
    pub table_name: String,
    #[diesel(sql_type = Text)]
    pub definition: String,
}

/// Everything that the page shows.
pub struct Facts {
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Extra>,
    pub triggers: Vec<Extra>,
}

const COLUMNS: &str = "
    SELECT c.relname::TEXT AS table_name, a.attname::TEXT AS name, NOT a.attnotnull AS is_nullable,
        CASE WHEN a.atttypmod > 0 THEN format_type(a.atttypid, a.atttypmod)
            ELSE regexp_replace(t.typname::TEXT, '^_(.*)$', '\\1[]') END AS type_name,
        CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END AS default,
        col_description(c.oid, a.attnum) AS comment
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::REGNAMESPACE AND c.relname NOT LIKE '\\_\\_diesel%'
    ORDER BY c.relname, a.attnum";

const CONSTRAINTS: &str = "
    SELECT c.relname::TEXT AS table_name, k.contype::TEXT AS kind, p.relname::TEXT AS parent,
        pg_get_constraintdef(k.oid) AS definition,
        ARRAY(SELECT a.attname::TEXT FROM unnest(k.conkey) WITH ORDINALITY AS u(number, place)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number ORDER BY u.place) AS columns
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    LEFT JOIN pg_class p ON p.oid = k.confrelid
    WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relname NOT LIKE '\\_\\_diesel%' AND k.contype IN ('p', 'u', 'f', 'c')
    ORDER BY c.relname, k.contype, k.conname";

const INDEXES: &str = "
    SELECT c.relname::TEXT AS table_name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relname NOT LIKE '\\_\\_diesel%'
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
    ORDER BY c.relname, i.indexrelid::REGCLASS::TEXT COLLATE \"C\"";

const TRIGGERS: &str = "
    SELECT c.relname::TEXT AS table_name, pg_get_triggerdef(t.oid) AS definition
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'public'::REGNAMESPACE AND NOT t.tgisinternal ORDER BY c.relname, t.tgname";

/// Reads a migrated database.
pub async fn read_facts(conn: &mut Connection) -> DbResult<Facts> {
    Ok(Facts {
        columns: diesel::sql_query(COLUMNS).load(conn).await?,
        constraints: diesel::sql_query(CONSTRAINTS).load(conn).await?,
        indexes: diesel::sql_query(INDEXES).load(conn).await?,
        triggers: diesel::sql_query(TRIGGERS).load(conn).await?,
    })
}

impl Facts {
    /// Names of all tables, sorted.
    pub fn tables(&self) -> Vec<&str> {
        let same = |a: &Column, b: &Column| a.table_name == b.table_name;
        let groups = self.columns.chunk_by(same);
        groups.map(|columns| columns[0].table_name.as_str()).collect()
    }

    /// The columns of a table, in their order.
    pub fn columns_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().filter(move |column| column.table_name == table)
    }

    /// The constraints of a table that are of a kind.
    pub fn constraints_of<'a>(&'a self, table: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Constraint> {
        let is_meant = move |constraint: &&Constraint| constraint.table_name == table && constraint.kind == kind;
        self.constraints.iter().filter(is_meant)
    }
}
