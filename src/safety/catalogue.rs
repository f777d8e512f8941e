//! What a live connection would know.

use std::collections::{BTreeMap, BTreeSet};
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

/// What a live connection knows of the database before the migrations: the tables that the migrations may name. Where it is
/// given, a table that is not in it does not exist.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The tables, and materialised views. Of an embedded file, all tables, without their schemas; of those that are not named,
    /// nothing but that they are there.
    pub tables: BTreeMap<RelationName, TableFacts>,
    /// The domains.
    pub domains: BTreeMap<RelationName, DomainFacts>,
    /// The names of functions none of which is volatile, whatever its arguments and its schema.
    pub calm_functions: BTreeSet<String>,
    /// The names of functions all of which are volatile, whatever their arguments and their schema.
    pub volatile_functions: BTreeSet<String>,
    /// The names of functions: whether all of that name are neither IMMUTABLE nor written in SQL, which the server looks into.
    pub mutable_functions: BTreeMap<String, bool>,
    /// The functions and procedures that take values in and give none out by their arguments.
    pub routines: Vec<RoutineFacts>,
    /// Whether there are casts beside the server's own.
    pub own_casts: bool,
    /// The values of the enums.
    pub enums: BTreeMap<RelationName, BTreeSet<String>>,
    /// The names of the extensions that are there, where that is known.
    pub extensions: Option<BTreeSet<String>>,
    /// What is there under the names that the migrations may give. Where it is given, what is not in it does not exist.
    pub named: BTreeSet<NamedObject>,
    /// Of an embedded file, its indexes, triggers and views, foreign keys and computed defaults.
    pub objects: Vec<TableObject>,
    /// Of an embedded file, what becomes of the migrations at its rows.
    pub at_rows: AtRows,
    /// What a server has by the names in the migrations, in which schema. Without it nothing is known to be missing there. Of an
    /// embedded file it names nothing: where it is given, what is not among the tables and their objects does not exist.
    pub existing: Option<Existing>,
}

/// What becomes of migrations at the rows that a database has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AtRows {
    /// Nobody has tried.
    #[default]
    Unknown,
    /// No row is in the way.
    Runs,
    /// This statement is the first that fails.
    Fails(FailsAtRows),
}

/// A statement that fails at rows that the database has, and would not without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailsAtRows {
    /// The file that it is in.
    pub file: std::path::PathBuf,
    /// Its bytes.
    pub range: std::ops::Range<usize>,
    /// What the engine says, or which rows those are.
    pub message: String,
}

/// What a server has by the names in some texts: what is not in it does not exist.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    /// All of it, the system's own included.
    pub objects: BTreeSet<ExistingObject>,
    /// Whether names without a schema are surely those of the schema that is judged for, and of no other.
    pub is_path_sure: bool,
    /// What needs something of it, so that it cannot be dropped.
    pub needs: Vec<ExistingNeed>,
    /// The schemas in which other migrations make something first that nobody has told of.
    pub unsure: BTreeSet<String>,
}

/// That something which a server has needs something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingNeed {
    /// What is needed: its class as in [`ExistingObject`], and its name; a `ROUTINE` with the types that it takes.
    pub of: (String, RelationName),
    /// What needs it, which is among the objects: its class and its name.
    pub user: (String, RelationName),
    /// What it is that needs it: a `view`, `table`, `function`, `foreign key`, `trigger`, `default` and so on.
    pub kind: String,
    /// The name of the constraint, trigger, policy, rule or column of a table that needs it; empty where all of it does.
    pub part: String,
    /// The columns of its own table with which that part goes.
    pub columns: Vec<String>,
    /// The columns that a foreign key refers to.
    pub parts: Vec<String>,
}

/// Something that a server has.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExistingObject {
    /// What it is, as in [`NamedObject`]; `ROUTINE` for a function with the types of its arguments.
    pub class: String,
    /// Its schema, or that of its table; empty where it has none.
    pub schema: String,
    /// The table of a trigger, rule or policy; the types of a function's arguments as `format_type` gives them, with commas.
    pub of: String,
    /// Its name.
    pub name: String,
    /// The table that an index, sequence or partition goes with; `[]` for the type of arrays of another type, `()` for the
    /// relation that a type of several columns is too.
    pub goes_with: String,
}

/// That something is there by a name, in whichever schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedObject {
    /// What it is: a `RELATION`, `TYPE`, `FUNCTION`, `TRIGGER`, `EXTENSION` and so on. Those of one class share their names.
    pub class: String,
    /// The table of a trigger, rule or policy; empty for all others.
    pub of: String,
    /// Its name.
    pub name: String,
}

/// What an embedded file has beside its tables. All names are in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableObject {
    /// `index`, `unique index`, `trigger`, `view`, `foreign key`, `cascade` (a foreign key that may change rows), `default` or
    /// `macro`.
    pub kind: String,
    /// Its name; of a default, its column; of a cascade, at what it changes rows: `delete update`; none of a foreign key.
    pub name: String,
    /// The table that it is of, and goes with; empty for a view.
    pub table: String,
    /// The columns of an index in order, and of a view of DuckDB's; what a macro takes; the table that a foreign key refers to; of
    /// all else, whatever may be a name in its definition.
    pub uses: Vec<String>,
}

/// A function or procedure as it is before the migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutineFacts {
    /// Its name.
    pub name: RelationName,
    /// Its arguments in order: the type as `format_type` gives it, and the name, which may be empty.
    pub arguments: Vec<(String, String)>,
    /// How many of its arguments, the last ones, have a default.
    pub defaults: usize,
    /// What it returns, as `pg_get_function_result` gives it; empty for a procedure.
    pub result: String,
}

/// A domain as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct DomainFacts {
    /// The type that it is made of, through other domains, as `format_type` gives it.
    pub base: String,
    /// Whether it, or a domain that it is made of, has a CHECK or is NOT NULL.
    pub constrained: bool,
    /// The names of its own constraints.
    pub constraints: BTreeSet<String>,
    /// Its default as an expression.
    pub default: Option<String>,
}

/// What uses columns of a table, so that the server refuses to change their types, or builds an index again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnUser {
    /// What it is: a `view`, `rule`, `trigger`, `policy`, `generated column`, `function`, `partition key`; or an `index` that has
    /// an expression or a condition.
    pub kind: String,
    /// Its name; the schema is `public` where it is its table's own.
    pub name: RelationName,
}

/// What tells the rows of a table apart where its changes are replicated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// Its primary key, where it has one.
    #[default]
    Key,
    /// All columns.
    Full,
    /// Nothing: UPDATE and DELETE fail once the table is published.
    Nothing,
    /// The index of this name.
    Index(String),
}

/// A table as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct TableFacts {
    /// Of an embedded file, the statement that would make it as it is.
    pub definition: Option<String>,
    /// Whether it has no row.
    pub empty: bool,
    /// Whether it has triggers.
    pub has_triggers: bool,
    /// How many rows it has, about, where that is known.
    pub rows: Option<u64>,
    /// How many rows have the same value in a column of one of its indexes, about, where the server has counted them.
    pub rows_of_value: BTreeMap<String, f64>,
    /// Whether it shows the rows of others, as a view or a foreign table does: their keys are its own.
    pub shows_others: bool,
    /// Whether it is a view, and no materialized one.
    pub is_view: bool,
    /// Whether it is a partitioned parent.
    pub partitioned: bool,
    /// The columns that it is partitioned by, where it is a partitioned parent and no expression is among them.
    pub partition_key: Option<Vec<String>>,
    /// What its place as a partition demands of its rows, as `pg_get_partition_constraintdef` gives it.
    pub bounds: Option<String>,
    /// Of a partitioned parent, its partitions, each of which is among the tables.
    pub partitions: BTreeSet<RelationName>,
    /// Of a partitioned parent, its default partition, where it has one.
    pub default_partition: Option<RelationName>,
    /// Whether it is a partition.
    pub is_partition: bool,
    /// Whether there are partitions of it, or tables that inherit from it.
    pub has_children: bool,
    /// Its columns by name.
    pub columns: BTreeMap<String, ColumnFacts>,
    /// The names of its columns in their order.
    pub column_order: Vec<String>,
    /// Its columns that are a parent's too.
    pub inherited: BTreeSet<String>,
    /// Its columns that have a default, an identity or an expression.
    pub defaulted: BTreeSet<String>,
    /// Their defaults as expressions, where they have one.
    pub defaults: BTreeMap<String, String>,
    /// Its columns that are an identity, and whether it is GENERATED ALWAYS.
    pub identities: BTreeMap<String, bool>,
    /// Its columns that are generated by an expression, stored or not.
    pub generated: BTreeSet<String>,
    /// Its generated columns that are not stored.
    pub virtual_columns: BTreeSet<String>,
    /// Its constraints by name.
    pub constraints: BTreeMap<String, ConstraintFacts>,
    /// Its indexes by name.
    pub indexes: BTreeMap<String, IndexFacts>,
    /// What tells its rows apart where its changes are replicated.
    pub replica_identity: ReplicaIdentity,
    /// What uses its columns, and which.
    pub users: BTreeMap<ColumnUser, BTreeSet<String>>,
}

/// An index as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct IndexFacts {
    /// Its columns in order, up to the first expression; none where it is not valid, or over some of the rows.
    pub columns: Vec<String>,
    /// Whether it is valid, and over all rows, and these columns are all that it is made of.
    pub whole: bool,
    /// Whether it is valid, and no two rows have the same values in it.
    pub unique: bool,
    /// Whether a column in it is not in the order of its type: DESC, NULLS FIRST, another collation or operator class.
    pub reordered: bool,
    /// What it is made of.
    pub shape: IndexShape,
}

/// What the server compares of two indexes where a table is attached to another: that of the one has to be like that of the
/// other, else it is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexShape {
    /// Its columns in order, nothing for an expression; valid or not, over all rows or some. None at all where they are not known.
    pub parts: Vec<Option<String>>,
    /// Whether it is declared UNIQUE.
    pub unique: bool,
    /// Whether it is over some of the rows.
    pub partial: bool,
    /// Whether a build of it failed, or one of a partition is still missing.
    pub invalid: bool,
    /// What else there is to compare, as one text: the method, expressions, condition, included columns and so on; empty where
    /// no server has told of it.
    pub rest: String,
}

/// A column as it is before the migrations.
#[derive(Debug, Clone, Default)]
pub struct ColumnFacts {
    /// Its type as `format_type` gives it: `character varying(20)`; with `COLLATE` and the collation, where that is not its
    /// type's own.
    pub data_type: String,
    /// Whether it is NOT NULL, and every row has been seen to be so.
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
