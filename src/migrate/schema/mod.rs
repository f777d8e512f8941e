//! What a database has: its tables, indexes and views as the engine's catalogue tells them, and how two of them differ.
//!
//! A [`Schema`] is read from a database, or from a throw-away one that migrations or models were run in. Two of them are
//! compared by meaning: [`Schema::differences`] knows that `VARCHAR(20)` and `character varying(20)` are one type, on one
//! engine and across engines.

mod comparison;
mod create;
mod cursor;
mod declared;
mod difference;
mod duckdb;
mod expression;
mod info;
mod other;
mod postgres;
mod properties;
mod reader;
mod server;
mod sqlite;
mod throw_away;
mod types;

use super::connection::{MigrationConnection, Transaction};
use super::set::MigrationSet;
use crate::engine::Engine;
use crate::error::{Context, Result};
use cursor::Cursor;
pub(crate) use declared::{Declarations, Declared};
pub use difference::{Aspect, Difference, DifferenceKind, Object};
pub use info::{Match, SchemaInfo, SchemaState};
pub use other::Other;
pub(in crate::migrate) use other::firing;
#[cfg(feature = "cli")]
pub(crate) use server::end_with;
use sqlite::Known;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
pub(crate) use throw_away::{Passed, Trial, throw_away};

/// The tables and views of one set, or of one whole throw-away database. What charter keeps for itself beside them, the
/// history of a set and its audit, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Schema {
    /// The engine that it was read from.
    pub engine: Engine,
    /// The tables by name. States that have one alike, such as those of a set after each migration, may share it.
    pub tables: BTreeMap<String, Arc<Table>>,
    /// The views by name.
    pub views: BTreeMap<String, View>,
    /// What not every engine knows, by what it is and what it is called: triggers, functions, types, sequences of their own,
    /// materialized views, comments, and on Postgres owners, privileges and settings.
    pub others: BTreeMap<String, Other>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns in their order. On one engine the order is no difference: a column that was dropped and comes again stands
    /// at the end.
    pub columns: Vec<Column>,
    /// Its primary key, if it has one.
    pub primary_key: Option<PrimaryKey>,
    /// Its unique constraints; unique indexes are among the indexes.
    pub unique: Vec<Unique>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its check constraints.
    pub checks: Vec<Check>,
    /// Its indexes by name, but for those that an engine makes for a constraint.
    pub indexes: BTreeMap<String, Index>,
    /// What stands behind the columns and the constraints, such as `STRICT` and `WITHOUT ROWID`, in capitals and sorted.
    pub options: Vec<String>,
    /// The text that makes it, where the engine keeps it: SQLite, and DuckDB in its own words.
    pub sql: Option<String>,
}

impl Table {
    /// The column with a name, whatever its case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: on SQLite as it was declared, elsewhere as the engine calls it; empty when SQLite was told none.
    pub data_type: String,
    /// Whether NOT NULL was said, or the engine holds it for a primary key.
    pub not_null: bool,
    /// Whether rows from before may have NULL all the same: NOT VALID of Postgres 18.
    pub not_null_not_valid: bool,
    /// The expression of its default.
    pub default: Option<String>,
    /// The collation, where it is another than the type's or the database's.
    pub collation: Option<String>,
    /// The expression that it is made of, when it is generated.
    pub generated: Option<Generated>,
    /// How the engine numbers its rows: `AUTOINCREMENT` of SQLite, `ALWAYS` and `BY DEFAULT` of identity columns.
    pub identity: Option<String>,
}

/// How a generated column is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The expression.
    pub expression: String,
    /// Whether it is kept, and not made when it is read.
    pub stored: bool,
}

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PrimaryKey {
    /// The constraint's name, where one was said or the engine gives one.
    pub name: Option<String>,
    /// Its columns in order.
    pub columns: Vec<String>,
}

/// A unique constraint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Unique {
    /// The constraint's name, where one was said or the engine gives one.
    pub name: Option<String>,
    /// Its columns in order.
    pub columns: Vec<String>,
    /// What else is said of it, such as `DEFERRABLE` and `NULLS NOT DISTINCT`, in capitals and sorted.
    pub options: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ForeignKey {
    /// The constraint's name, where one was said or the engine gives one.
    pub name: Option<String>,
    /// Its columns in order.
    pub columns: Vec<String>,
    /// The table that it refers to.
    pub table: String,
    /// The columns that it refers to, in the order of its own; those of the primary key where none were said.
    pub references: Vec<String>,
    /// What happens when the other row is deleted, in capitals; `None` is NO ACTION.
    pub on_delete: Option<String>,
    /// What happens when the other row's key is changed, in capitals; `None` is NO ACTION.
    pub on_update: Option<String>,
    /// What else is said of it, such as `INITIALLY DEFERRED` and `NOT VALID`, in capitals and sorted.
    pub options: Vec<String>,
}

/// A check constraint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Check {
    /// The constraint's name, where one was said or the engine gives one.
    pub name: Option<String>,
    /// What must not be false, without the parentheses around it.
    pub expression: String,
    /// What else is said of it, such as `NOT VALID`, in capitals and sorted.
    pub options: Vec<String>,
}

/// An index that no constraint made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Whether no two rows may be equal in it.
    pub unique: bool,
    /// What it is over, in order.
    pub parts: Vec<IndexPart>,
    /// Which rows are in it, when not all are.
    pub predicate: Option<String>,
    /// Whether the engine uses it; an index that a failed CREATE INDEX CONCURRENTLY left behind is not.
    pub valid: bool,
    /// What else is said of it, such as `USING GIN` and `INCLUDE (a)`.
    pub options: Vec<String>,
    /// The text that makes it, where the engine keeps it.
    pub sql: Option<String>,
}

/// One column or expression of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IndexPart {
    /// The name of a column, without quotes, or an expression.
    pub expression: String,
    /// Whether it is a column and not an expression.
    pub is_column: bool,
    /// Whether it is ordered from the greatest to the least.
    pub descending: bool,
    /// What else is said of it: a collation, an operator class, where nulls stand.
    pub options: Vec<String>,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct View {
    /// Its name.
    pub name: String,
    /// The query that it stands for: on SQLite as it was written, elsewhere as the engine tells it.
    pub definition: String,
    /// Its columns in order.
    pub columns: Vec<String>,
    /// The text that makes it, where the engine keeps it.
    pub sql: Option<String>,
}

impl Schema {
    /// Reads what a database has in the schema of a set, but for the set's history and audit.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn read(connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Self> {
        Self::read_again(connection, set, &mut Known::default())
    }

    /// [`Schema::read`] of a database that was read before, so that what is still the same is not read again where that can
    /// be told.
    ///
    /// # Errors
    /// What the engine says.
    fn read_again(connection: &mut dyn MigrationConnection, set: &MigrationSet, known: &mut Known) -> Result<Self> {
        // One state of the catalogue, and names without the schema where the engine writes them out.
        connection.begin(&Transaction { schema: Some(set.schema()), read_only: true, ..Transaction::default() })?;
        let read = Self::read_here(connection, set, known);
        let ended = connection.rollback();
        let mut schema = read.context("reading the catalogue")?;
        ended?;
        schema.tables.remove(&set.history_table());
        schema.tables.remove(&set.audit_table());
        Ok(schema)
    }

    /// Reads what there is in the transaction that is open.
    fn read_here(connection: &mut dyn MigrationConnection, set: &MigrationSet, known: &mut Known) -> Result<Self> {
        match connection.engine() {
            Engine::Sqlite => sqlite::read(connection, known),
            Engine::Postgres => postgres::read(connection, set),
            Engine::DuckDb => duckdb::read(connection),
        }
    }

    /// The names that people gave: of tables, their columns, constraints and indexes, and of views.
    pub(in crate::migrate) fn names(&self) -> BTreeSet<&str> {
        let tables = self.tables.values().flat_map(|table| {
            let constraints = table.unique.iter().map(|unique| &unique.name);
            let constraints = constraints.chain(table.checks.iter().map(|check| &check.name));
            let constraints = constraints.chain(table.foreign_keys.iter().map(|key| &key.name));
            let constraints = constraints.chain(table.primary_key.iter().map(|key| &key.name));
            let columns = table.columns.iter().map(|column| &column.name);
            [&table.name].into_iter().chain(columns).chain(constraints.flatten()).chain(table.indexes.keys())
        });
        tables.chain(self.views.keys()).map(String::as_str).collect()
    }

    /// The tables, in the order of their names.
    pub(in crate::migrate) fn each_table(&self) -> impl Iterator<Item = &Table> {
        self.tables.values().map(|table| &**table)
    }

    /// The tables, to be changed.
    pub(in crate::migrate) fn tables_mut(&mut self) -> impl Iterator<Item = &mut Table> {
        each_mut(&mut self.tables)
    }

    /// A table, to be changed.
    pub(in crate::migrate) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(name).map(Arc::make_mut)
    }

    /// Takes out what another one has just so.
    fn remove(&mut self, other: &Self) {
        self.tables.retain(|name, table| other.tables.get(name) != Some(table));
        self.views.retain(|name, view| other.views.get(name) != Some(view));
        self.others.retain(|name, value| other.others.get(name) != Some(value));
    }

    /// Names the columns that foreign keys mean which name only a table.
    fn complete_references(&mut self) {
        let keys: Vec<(String, Vec<String>)> = self
            .tables
            .values()
            .filter_map(|table| Some((table.name.to_ascii_lowercase(), table.primary_key.as_ref()?.columns.clone())))
            .collect();
        let is_incomplete = |table: &&mut Arc<Table>| table.foreign_keys.iter().any(|key| key.references.is_empty());
        let tables = self.tables.values_mut().filter(is_incomplete).map(Arc::make_mut);
        for key in tables.flat_map(|table| &mut table.foreign_keys).filter(|key| key.references.is_empty()) {
            let found = keys.iter().find(|(table, _)| table.eq_ignore_ascii_case(&key.table));
            key.references = found.map(|(_, columns)| columns.clone()).unwrap_or_default();
        }
    }
}

/// Tables, to be changed.
pub(in crate::migrate) fn each_mut(tables: &mut BTreeMap<String, Arc<Table>>) -> impl Iterator<Item = &mut Table> {
    tables.values_mut().map(Arc::make_mut)
}

/// The query of a CREATE VIEW.
fn view_query(sql: &str, engine: Engine) -> String {
    let mut cursor = Cursor::new(sql, engine);
    while !cursor.is_at_end() && !cursor.word("as") {
        cursor.skip();
    }
    let start = cursor.place();
    while !cursor.is_at_end() {
        cursor.step();
    }
    cursor.text_of(start..cursor.place()).trim_end_matches(';').trim_end().to_owned()
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    pub(super) fn sqlite(sql: &str) -> Schema {
        let mut connection = throw_away(Engine::Sqlite, None).expect("a database");
        connection.execute(sql).expect(sql);
        Schema::read(&mut *connection, MigrationSet::charter()).expect("a schema")
    }

    #[test]
    fn what_the_text_of_a_table_says_is_what_sqlite_understood() {
        let sql = "CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT UNIQUE, z TEXT, UNIQUE (z, y), FOREIGN KEY (z) REFERENCES b);
            CREATE TABLE b (k TEXT NOT NULL DEFAULT ('a' || 'b'), PRIMARY KEY (k)) STRICT, WITHOUT ROWID;
            CREATE INDEX i ON a (y, lower(z) DESC) WHERE x > 1; CREATE VIEW v (p, q) AS SELECT x, y FROM a;
            ALTER TABLE a ADD COLUMN late VARCHAR(7) NOT NULL DEFAULT 'x' CHECK (late <> '') -- yes
            REFERENCES b ON DELETE CASCADE;
            ALTER TABLE a RENAME COLUMN y TO why; CREATE TRIGGER t AFTER DELETE ON a BEGIN SELECT 1; END;
            CREATE VIEW broken AS SELECT * FROM missing; CREATE VIRTUAL TABLE f USING fts5(body)";
        let mut connection = throw_away(Engine::Sqlite, None).expect("a database");
        connection.execute(sql).expect(sql);
        let schema = Schema::read(&mut *connection, MigrationSet::charter()).expect("a schema");
        assert_eq!(schema.tables.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(schema.others.keys().collect::<Vec<_>>(), ["trigger t of a", "virtual table f"]);
        assert_eq!(schema.views["v"].columns, ["p", "q"]);
        assert_eq!(schema.views["v"].definition, "SELECT x, why FROM a");
        assert_eq!(schema.views["broken"].columns, [""; 0]);
        let a = &schema.tables["a"];
        let late = a.column("LATE").expect("the column");
        assert_eq!(
            (late.data_type.as_str(), late.not_null, late.default.as_deref()),
            ("VARCHAR(7)", true, Some("'x'"))
        );
        assert_eq!(a.checks[0].expression, "late <> ''");
        assert_eq!(a.indexes.keys().collect::<Vec<_>>(), ["i"]);
        assert_eq!(a.indexes["i"].parts[0].expression, "why");

        for (name, table) in &schema.tables {
            let mut rows = |sql: &str| -> Vec<Vec<String>> {
                let rows = connection.query(sql).expect(sql).into_iter();
                rows.map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
            };
            let key = rows(&format!("SELECT name FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk")).concat();
            assert_eq!(table.primary_key.as_ref().map(|key| key.columns.clone()), Some(key));
            let mut unique = rows(&format!(
                "SELECT group_concat(i.name) FROM pragma_index_list('{name}') AS l, pragma_index_info(l.name) AS i \
                 WHERE l.origin = 'u' GROUP BY l.name"
            ))
            .concat();
            let mut ours: Vec<String> = table.unique.iter().map(|unique| unique.columns.join(",")).collect();
            unique.sort();
            ours.sort();
            assert_eq!(ours, unique);
            let mut keys =
                rows(&format!("SELECT \"table\", \"from\", on_delete FROM pragma_foreign_key_list('{name}')"));
            let mut ours: Vec<Vec<String>> = Vec::new();
            for key in &table.foreign_keys {
                assert_eq!(key.references, ["k"]);
                let action = key.on_delete.clone().unwrap_or_else(|| "NO ACTION".to_owned());
                ours.push(vec![key.table.clone(), key.columns[0].clone(), action]);
            }
            keys.sort();
            ours.sort();
            assert_eq!(ours, keys);
        }
    }

    /// What was read before may be shared, but nothing of it may be told that is not so any more.
    #[test]
    fn what_is_read_again_is_what_is_there() {
        let mut connection = throw_away(Engine::Sqlite, None).expect("a database");
        let mut known = Known::default();
        let mut before = Schema { engine: Engine::Sqlite, ..Schema::default() };
        for sql in [
            "CREATE TABLE p (id INTEGER PRIMARY KEY, x TEXT); CREATE TABLE c (p INTEGER REFERENCES p); CREATE TABLE o (a TEXT)",
            "CREATE INDEX i ON p (x)",
            "CREATE VIEW v AS SELECT * FROM p",
            "ALTER TABLE p ADD COLUMN y TEXT DEFAULT 'a'",
            "DROP INDEX i; CREATE INDEX i ON p (y)",
            "ALTER TABLE p RENAME COLUMN y TO z",
            "DROP VIEW v; DROP TABLE p; CREATE TABLE p (key TEXT PRIMARY KEY)",
            "ALTER TABLE p RENAME TO q",
            "CREATE VIRTUAL TABLE f USING fts5(body); CREATE TABLE p (a TEXT PRIMARY KEY)",
            "DROP TABLE q",
        ] {
            connection.execute(sql).expect(sql);
            let again = Schema::read_again(&mut *connection, MigrationSet::charter(), &mut known).expect("a schema");
            let anew = Schema::read(&mut *connection, MigrationSet::charter()).expect("a schema");
            assert_eq!(again, anew, "{sql}");
            assert_eq!(again.differences(&before), anew.differences(&before), "{sql}");
            assert!(!again.differences(&before).is_empty(), "{sql}");
            if let (Some(one), Some(other)) = (again.tables.get("o"), before.tables.get("o")) {
                assert!(Arc::ptr_eq(one, other), "{sql}");
            }
            before = again;
        }
    }

    /// Everything that SQLite's tables can say.
    const FULL: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT, UNIQUE (x) ON CONFLICT IGNORE);
        CREATE TABLE t (a TEXT NOT NULL COLLATE NOCASE, b BIGINT DEFAULT 1, c BIGINT AS (b + 1) STORED, d BIGINT,
            CONSTRAINT whole CHECK (b > 0), PRIMARY KEY (a),
            FOREIGN KEY (d) REFERENCES p (id) ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED) WITHOUT ROWID;
        CREATE INDEX i ON t (lower(a) COLLATE NOCASE DESC, b) WHERE b > 1;
        CREATE TRIGGER g AFTER DELETE ON t BEGIN DELETE FROM p WHERE id = 1; END;
        CREATE VIEW v AS SELECT a, b FROM t WHERE b > 2";

    #[test]
    fn one_engine_is_compared_to_the_last_word() {
        let full = sqlite(FULL);
        for (from, to, difference) in [
            (" AUTOINCREMENT", "", "different: column p.id: numbering none instead of AUTOINCREMENT"),
            (
                " ON CONFLICT IGNORE",
                "",
                "different: unique constraint (x) of p: options none instead of ON CONFLICT IGNORE",
            ),
            (" COLLATE NOCASE, b BIGINT", ", b BIGINT", "different: column t.a: collation none instead of NOCASE"),
            ("DEFAULT 1", "DEFAULT '1'", "different: column t.b: default '1' instead of 1"),
            (
                "(b + 1) STORED",
                "(b + 1)",
                "different: column t.c: generation (b + 1) VIRTUAL instead of (b + 1) STORED",
            ),
            (
                "(b + 1) STORED",
                "(b + 2) STORED",
                "different: column t.c: generation (b + 2) STORED instead of (b + 1) STORED",
            ),
            ("CONSTRAINT whole", "CONSTRAINT part", "different: check whole of t: name part instead of whole"),
            ("CHECK (b > 0)", "CHECK (b >= 0)", "different: check whole of t: definition (b >= 0) instead of (b > 0)"),
            (
                "ON DELETE CASCADE",
                "ON DELETE RESTRICT",
                "different: foreign key (d) to p (id) of t: ON DELETE RESTRICT instead of CASCADE",
            ),
            ("ON UPDATE SET NULL", "", "different: foreign key (d) to p (id) of t: ON UPDATE none instead of SET NULL"),
            (
                " INITIALLY DEFERRED",
                "",
                "different: foreign key (d) to p (id) of t: options DEFERRABLE instead of DEFERRABLE INITIALLY DEFERRED",
            ),
            (" WITHOUT ROWID", "", "different: table t: options none instead of WITHOUT ROWID"),
            (
                " DESC",
                "",
                "different: index i of t: columns (lower(a) COLLATE NOCASE, b) instead of (lower(a) COLLATE NOCASE DESC, b)",
            ),
            (
                "lower(a) COLLATE NOCASE",
                "lower(a)",
                "different: index i of t: columns (lower(a) DESC, b) instead of (lower(a) COLLATE NOCASE DESC, b)",
            ),
            ("lower(a)", "upper(a)", "different: index i of t: columns (upper(a) COLLATE"),
            (" WHERE b > 1", "", "different: index i of t: predicate none instead of b > 1"),
            ("WHERE b > 1", "WHERE b > 9", "different: index i of t: predicate b > 9 instead of b > 1"),
            ("WHERE id = 1", "WHERE id = 2", "different: trigger g of t: definition CREATE TRIGGER"),
            (
                "WHERE b > 2",
                "WHERE b > 3",
                "different: view v: definition SELECT a, b FROM t WHERE b > 3 instead of SELECT",
            ),
        ] {
            assert!(FULL.contains(from), "{from}");
            let other = sqlite(&FULL.replacen(from, to, 1));
            let told: Vec<String> = other.differences(&full).iter().map(ToString::to_string).collect();
            assert!(told.len() == 1 && told[0].starts_with(difference), "{difference}: {told:#?}");
            assert_eq!(full.differences(&other).len(), 1);
        }
    }

    #[test]
    fn one_engine_may_spell_it_otherwise() {
        let full = sqlite(FULL);
        let mut other = FULL.to_owned();
        for (from, to) in [
            ("CREATE TABLE p", "create table if not exists \"P\" /* ; */"),
            ("UNIQUE (x)", "unique([X])"),
            ("DEFAULT 1", "DEFAULT (1)"),
            ("b > 0", "((\"b\")>0)"),
            ("BIGINT AS (b + 1)", "INT8 GENERATED ALWAYS AS ((B+1))"),
            ("FOREIGN KEY (d) REFERENCES p (id)", "FOREIGN KEY (d) REFERENCES p"),
            ("CREATE INDEX i ON t", "CREATE INDEX \"i\" ON \"t\""),
            ("WHERE b > 1", "where (b) > 1"),
            ("CREATE VIEW v AS SELECT a, b", "CREATE VIEW v AS\n  -- all\n  select \"a\", b"),
        ] {
            assert!(other.contains(from), "{from}");
            other = other.replacen(from, to, 1);
        }
        // The order of columns is none of its business: what was dropped and comes again stands at the end.
        let other =
            other.replacen("b BIGINT DEFAULT (1), ", "", 1).replacen("d BIGINT,", "d BIGINT, b BIGINT DEFAULT (1),", 1);
        let told: Vec<String> = sqlite(&other).differences(&full).iter().map(ToString::to_string).collect();
        assert_eq!(told, [""; 0]);
    }
}
