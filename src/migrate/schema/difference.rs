//! One way in which two schemas differ.

use super::Other;
use serde::Serialize;
use std::fmt;

/// One way in which a schema is not the one that is wanted. Its `Display` is one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// Whether something is missing, is there and should not, or is different.
    pub kind: DifferenceKind,
    /// What it is.
    pub object: Object,
    /// The table that it belongs to, when it is part of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// What it is called; a constraint without a name is called by what it says.
    pub name: String,
    /// In what it is different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aspect: Option<Aspect>,
    /// What there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What there should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// It is wanted and not there.
    Missing,
    /// It is there and not wanted.
    Extra,
    /// It is there and another.
    Different,
}

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Object {
    /// A table.
    Table,
    /// A column of a table.
    Column,
    /// A table's primary key.
    PrimaryKey,
    /// A unique constraint.
    Unique,
    /// A foreign key.
    ForeignKey,
    /// A check constraint.
    Check,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// A function, a procedure, or a macro of DuckDB.
    Function,
    /// A sequence that no column owns.
    Sequence,
    /// A type that people made.
    Type,
    /// A materialized view.
    MaterializedView,
    /// A table of SQLite that a module makes.
    VirtualTable,
    /// A table of another server.
    ForeignTable,
    /// A policy for rows.
    Policy,
    /// A rule that rewrites statements.
    Rule,
    /// An exclusion constraint.
    Exclusion,
    /// A comment.
    Comment,
    /// What else a server keeps: an owner, privileges, settings.
    Other,
}

impl Object {
    /// What is neither a table nor a part of one nor a view, as catalogues are read.
    pub(super) const OTHERS: [Self; 11] = [
        Self::Trigger,
        Self::Function,
        Self::Sequence,
        Self::Type,
        Self::MaterializedView,
        Self::VirtualTable,
        Self::ForeignTable,
        Self::Policy,
        Self::Rule,
        Self::Exclusion,
        Self::Comment,
    ];

    /// Whether it is neither a table nor a part of one nor a view.
    pub(in crate::migrate) fn is_other(self) -> bool {
        self == Self::Other || Self::OTHERS.contains(&self)
    }

    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::PrimaryKey => "primary key",
            Self::Unique => "unique constraint",
            Self::ForeignKey => "foreign key",
            Self::Check => "check",
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
            Self::Function => "function",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::MaterializedView => "materialized view",
            Self::VirtualTable => "virtual table",
            Self::ForeignTable => "foreign table",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Exclusion => "exclusion constraint",
            Self::Comment => "comment",
            Self::Other => "object",
        }
    }
}

/// In what something is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Aspect {
    /// The type of a column.
    Type,
    /// Whether a column takes NULL.
    Nullability,
    /// The default of a column.
    Default,
    /// The collation of a column.
    Collation,
    /// How a column is generated.
    Generated,
    /// How a column numbers rows.
    Identity,
    /// The name of a constraint.
    Name,
    /// The columns of a key, a view or an index, and their order.
    Columns,
    /// What happens when the row that a foreign key means is deleted.
    OnDelete,
    /// What happens when the key that a foreign key means is changed.
    OnUpdate,
    /// Whether an index is unique.
    Unique,
    /// Which rows are in an index.
    Predicate,
    /// Whether the engine uses an index, or has seen that all rows keep a constraint.
    Validity,
    /// The order of a table's columns.
    ColumnOrder,
    /// What a check or a view says, or when a trigger fires.
    Definition,
    /// What else is said of it.
    Options,
}

impl Aspect {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Nullability => "nullability",
            Self::Default => "default",
            Self::Collation => "collation",
            Self::Generated => "generation",
            Self::Identity => "numbering",
            Self::Name => "name",
            Self::Columns => "columns",
            Self::OnDelete => "ON DELETE",
            Self::OnUpdate => "ON UPDATE",
            Self::Unique => "uniqueness",
            Self::Predicate => "predicate",
            Self::Validity => "validity",
            Self::ColumnOrder => "order of columns",
            Self::Definition => "definition",
            Self::Options => "options",
        }
    }
}

/// `missing: column orders.email`, `different: column orders.email: type TEXT instead of VARCHAR(20)`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Extra => "extra",
            DifferenceKind::Different => "different",
        };
        write!(f, "{kind}: ")?;
        match (self.object, &self.table) {
            (Object::Comment | Object::Other, _) => f.write_str(&self.name)?,
            (Object::Column, Some(table)) => write!(f, "column {table}.{}", self.name)?,
            (object, Some(table)) => write!(f, "{} {} of {table}", object.as_str(), self.name)?,
            (object, None) => write!(f, "{} {}", object.as_str(), self.name)?,
        }
        if let Some(aspect) = self.aspect {
            let side = |value: &Option<String>| one_line(value.as_deref().unwrap_or("none"));
            write!(f, ": {} {} instead of {}", aspect.as_str(), side(&self.found), side(&self.wanted))?;
        } else if matches!(self.object, Object::Unique | Object::ForeignKey | Object::Check)
            && let Some(text) = self.found.as_ref().or(self.wanted.as_ref()).map(|text| one_line(text))
            && text != self.name
        {
            // A name, perhaps one that the engine gave, says little.
            write!(f, ": {text}")?;
        }
        Ok(())
    }
}

impl Difference {
    /// The table that it is about, also when that is all that it is about.
    pub(in crate::migrate) fn of_table(&self) -> Option<&str> {
        let is_table = self.object == Object::Table;
        self.table.as_deref().or_else(|| is_table.then_some(self.name.as_str()))
    }

    /// Whether it is about something of the same name as another of its sort; a function takes the new name of a type with it.
    pub(in crate::migrate) fn has_name_of(&self, other: &Self) -> bool {
        Other::short_name(self.object, &self.name) == Other::short_name(other.object, &other.name)
    }

    /// Whether what it is about has the same name on all engines as long as it differs: text that all of them run cannot give
    /// it another one.
    pub(in crate::migrate) fn keeps_name(&self) -> bool {
        match self.object {
            Object::Table => self.kind != DifferenceKind::Different,
            Object::Comment => false,
            object => object == Object::View || object.is_other(),
        }
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
