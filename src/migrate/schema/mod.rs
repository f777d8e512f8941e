//! What a database has: its tables, indexes and views as the engine's catalogue tells them, and how two of them differ.
//!
//! A [`Schema`] is read from a database, or from a throw-away one that migrations or models were run in. Two of them are
//! compared by meaning: [`Schema::differences`] knows that `VARCHAR(20)` and `character varying(20)` are one type, on one
//! engine and across engines.

use crate::engine::Engine;
use std::collections::BTreeMap;

/// The tables and views of one set, or of one whole throw-away database. What charter keeps for itself beside them, the
/// history of a set and its audit, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Schema {
    /// The engine that it was read from.
    pub engine: Engine,
    /// The tables by name.
    pub tables: BTreeMap<String, Table>,
    /// The views by name.
    pub views: BTreeMap<String, View>,
    /// What only this engine has: triggers, functions, types, sequences of their own, materialized views. What it is and
    /// what it is called, and its definition. They are compared on the same engine alone.
    pub others: BTreeMap<String, String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns in their order. The order is no difference: an engine adds columns at the end.
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
