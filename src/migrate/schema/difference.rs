//! One way in which two schemas differ.

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
    /// What only one engine has: a trigger, a function, a type, a sequence.
    Other,
}

impl Object {
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
    /// Whether the engine uses an index.
    Validity,
    /// What a check or a view says.
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
            (Object::Other, _) => f.write_str(&self.name)?,
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

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
