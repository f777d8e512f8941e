//! What a live connection would know.

use std::fmt;

/// A table, view, index or sequence by schema and name, as the server stores them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationName {
    /// The schema; `pg_temp` for temporary tables.
    pub schema: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema == "public" { f.write_str(&self.name) } else { write!(f, "{}.{}", self.schema, self.name) }
    }
}

/// A table as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct TableFacts {
    /// Whether it has no row.
    pub empty: bool,
    /// Whether it is a partitioned parent.
    pub partitioned: bool,
    /// Whether it is a partitioned parent with a default partition.
    pub default_partition: bool,
}

/// A column as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct ColumnFacts {
    /// Its type as `format_type` gives it: `character varying(20)`.
    pub data_type: String,
    /// Whether it is NOT NULL.
    pub not_null: bool,
}

/// A constraint as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct ConstraintFacts {
    /// Its definition as `pg_get_constraintdef` gives it: `CHECK ((email IS NOT NULL)) NOT VALID`.
    pub definition: String,
    /// Whether it is validated.
    pub validated: bool,
}

/// An index as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct IndexFacts {
    /// Its columns in order; it ends before the first expression.
    pub columns: Vec<String>,
}

/// What a live connection knows of the database before the migrations. Without one, the text decides: every method answers
/// "not known" unless it is written.
pub trait Catalogue: Sync {
    /// The table, if it exists.
    fn table(&self, _table: &RelationName) -> Option<TableFacts> {
        None
    }

    /// A column of a table.
    fn column(&self, _table: &RelationName, _column: &str) -> Option<ColumnFacts> {
        None
    }

    /// The constraints of a table, by name.
    fn constraints(&self, _table: &RelationName) -> Vec<(String, ConstraintFacts)> {
        Vec::new()
    }

    /// The indexes of a table.
    fn indexes(&self, _table: &RelationName) -> Vec<IndexFacts> {
        Vec::new()
    }

    /// The table that an index is on.
    fn table_of_index(&self, _index: &RelationName) -> Option<RelationName> {
        None
    }
}

/// The catalogue of nobody: nothing is known but the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCatalogue;

impl Catalogue for NoCatalogue {}
