//! What is known of things: tables and what they have, types, routines.

use std::collections::{BTreeMap, BTreeSet};

use squawk_syntax::SyntaxKind as K;

use super::super::super::{
    ColumnFacts, ColumnUser, ConstraintFacts, IndexFacts, IndexShape, RelationName, ReplicaIdentity, TableFacts,
};
use super::super::claims::Claim;
use super::super::defaults::Default;
use super::super::places::Place;
use super::super::types::DataType;
use super::super::{constraints, partitions};

/// Where something was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Birth {
    /// The file, by its place among the inputs.
    pub(in super::super) file: usize,
    /// The transaction, counted over all files.
    pub(in super::super) transaction: usize,
    /// Whether the file had already been run.
    pub(in super::super) applied: bool,
    /// Whether it was surely made there: IF NOT EXISTS may have found an older one.
    pub(in super::super) certain: bool,
}

/// What the files say about a column.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Column {
    /// Where it was added, unless with its table.
    pub(in super::super) birth: Option<Birth>,
    pub(in super::super) data_type: Option<DataType>,
    pub(in super::super) not_null: bool,
    /// Whether it is generated and not stored.
    pub(in super::super) is_virtual: bool,
}

/// What the files say about a constraint.
#[derive(Debug, Clone)]
pub(in super::super) struct Constraint {
    pub(in super::super) birth: Birth,
    pub(in super::super) validated: bool,
    /// The columns that it proves to be not null, when it is validated.
    pub(in super::super) proves: Vec<String>,
    /// What a check says.
    pub(in super::super) claim: Claim,
    /// The literals in a check, for comparing it with a partition's bounds.
    pub(in super::super) literals: BTreeSet<String>,
    /// The columns in a check, and the functions.
    pub(in super::super) names: BTreeSet<String>,
    /// What it is: the kind of its node.
    pub(in super::super) kind: K,
    /// A foreign key's columns, and the table that it refers to.
    pub(in super::super) refers: Option<(Vec<String>, String)>,
    /// The columns that a foreign key refers to, where it names them.
    pub(in super::super) referred: Vec<String>,
    /// What else a key demands, in its own words.
    pub(in super::super) clauses: BTreeSet<String>,
    /// Whether it says no more than the bounds of the partition that its table has become.
    pub(in super::super) redundant: bool,
}

/// What the files say about an index.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Index {
    /// Its columns, up to the first expression; none where it holds some of the rows.
    pub(in super::super) columns: Vec<String>,
    /// Whether these are all that it is made of, and it holds all rows.
    pub(in super::super) whole: bool,
    /// Whether it is valid, and no two rows have the same values in it.
    pub(in super::super) unique: bool,
    /// Whether a column in it is not in the order of its type.
    pub(in super::super) reordered: bool,
    /// What it is made of.
    pub(in super::super) shape: IndexShape,
    /// Where it was made, unless with its table.
    pub(in super::super) birth: Option<Birth>,
}

/// What the files say about a table, view or sequence.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Table {
    pub(in super::super) birth: Option<Birth>,
    /// Found to have no row.
    pub(in super::super) empty: bool,
    pub(in super::super) partition_key: Option<Vec<String>>,
    pub(in super::super) partitioned: bool,
    /// Its partitions.
    pub(in super::super) partitions: BTreeSet<RelationName>,
    pub(in super::super) default_partition: Option<RelationName>,
    /// Whether it is a partition.
    pub(in super::super) is_partition: bool,
    /// Its place as a partition, where the files say it.
    pub(in super::super) place: Option<Box<Place>>,
    /// Whether there are partitions of it, or tables that inherit from it.
    pub(in super::super) has_children: bool,
    /// Its columns that are a parent's too; those of a partition all are.
    pub(in super::super) inherited: BTreeSet<String>,
    /// Where the catalogue tells of it, its columns in their order, and those that are filled where an INSERT leaves them away.
    pub(in super::super) column_order: Vec<String>,
    pub(in super::super) defaulted: BTreeSet<String>,
    /// Whether it has keys that are another table's: LIKE, or the place as a partition, or a view.
    pub(in super::super) takes_keys: bool,
    /// What these files have put into it.
    pub(in super::super) filled: Filled,
    /// A temporary table that is gone when its transaction ends.
    pub(in super::super) until_commit: bool,
    pub(in super::super) columns: BTreeMap<String, Column>,
    pub(in super::super) constraints: BTreeMap<String, Constraint>,
    pub(in super::super) indexes: BTreeMap<String, Index>,
    pub(in super::super) replica_identity: ReplicaIdentity,
    /// What stands in the way of a change of its columns' types, and of which columns.
    pub(in super::super) users: BTreeMap<ColumnUser, BTreeSet<String>>,
}

/// How many rows files have put into a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Filled {
    #[default]
    Nothing,
    /// A bounded number.
    Few,
    /// Nobody knows.
    Many,
}

impl Table {
    /// Whether the catalogue has told of it: its columns, constraints and indexes are all known.
    pub(in super::super) fn is_catalogued(&self) -> bool {
        self.birth.is_some_and(|birth| birth.file == usize::MAX)
    }

    /// A table as the catalogue knows it.
    pub(super) fn known(facts: &TableFacts) -> Self {
        let birth = Birth { file: usize::MAX, transaction: usize::MAX, applied: true, certain: true };
        let column = |name: &String, column: &ColumnFacts| Column {
            birth: None,
            data_type: Some(DataType::parse(&column.data_type)),
            not_null: column.not_null,
            is_virtual: facts.virtual_columns.contains(name),
        };
        let constraint = |facts: &ConstraintFacts| constraints::from_catalogue(facts, birth);
        let mut constraints: BTreeMap<String, Constraint> =
            facts.constraints.iter().map(|(name, facts)| (name.clone(), constraint(facts))).collect();
        if let Some(bounds) = &facts.bounds {
            let bounds = ConstraintFacts { definition: format!("CHECK ({bounds})"), validated: true };
            let mut bounds = constraint(&bounds);
            bounds.literals.remove("null");
            for constraint in constraints.values_mut() {
                constraint.redundant =
                    partitions::is_said_by(constraint, &bounds.literals, |name| bounds.names.contains(name));
            }
        }
        let index = |facts: &IndexFacts| Index {
            columns: facts.columns.clone(),
            whole: facts.whole,
            unique: facts.unique,
            reordered: facts.reordered,
            shape: facts.shape.clone(),
            birth: None,
        };
        Self {
            birth: Some(birth),
            empty: facts.empty,
            // An expression in it is no column that a check could name.
            partition_key: facts.partition_key.clone().or(facts.partitioned.then(Vec::new)),
            partitioned: facts.partitioned,
            partitions: facts.partitions.clone(),
            default_partition: facts.default_partition.clone(),
            is_partition: facts.is_partition,
            place: None,
            has_children: facts.has_children || !facts.partitions.is_empty(),
            inherited: facts.inherited.clone(),
            column_order: facts.column_order.clone(),
            defaulted: facts.defaulted.clone(),
            takes_keys: facts.shows_others,
            filled: Filled::Nothing,
            until_commit: false,
            columns: facts.columns.iter().map(|(name, facts)| (name.clone(), column(name, facts))).collect(),
            indexes: facts.indexes.iter().map(|(name, facts)| (name.clone(), index(facts))).collect(),
            constraints,
            replica_identity: facts.replica_identity.clone(),
            users: facts.users.clone(),
        }
    }
}

impl Constraint {
    /// Whether it goes when this column goes.
    pub(in super::super) fn is_about(&self, column: &str) -> bool {
        self.proves.iter().any(|proven| proven == column)
            || (self.kind == K::CHECK_CONSTRAINT && self.names.contains(column))
    }

    /// Whether a change of a column's type reads all rows for it again.
    pub(in super::super) fn is_rechecked(&self, column: &str) -> bool {
        self.kind == K::CHECK_CONSTRAINT && self.validated && self.is_about(column)
    }
}

/// A type that the files made.
#[derive(Debug, Clone)]
pub(in super::super) enum UserType {
    /// A composite or a range, or an enum whose values are not known.
    Other,
    /// An enum, with its values.
    Enum(BTreeSet<String>),
    /// A domain, over another one or not.
    Domain(Domain),
}

/// What is known of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Domain {
    /// The type that it is made of, through other domains.
    pub(in super::super) base: Option<DataType>,
    /// Whether it has a CHECK or is NOT NULL.
    pub(in super::super) constrained: bool,
    /// The names of its own constraints, where all are known.
    pub(in super::super) constraints: Option<BTreeSet<String>>,
    /// What a column of it is filled with that has no default of its own.
    pub(in super::super) default: Default,
}

/// An object that is no table: its class (views, types, routines) and its name. Names are each class's own.
pub(in super::super) type Object = (String, RelationName);

/// A function or procedure that the files made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Routine {
    /// Declared IMMUTABLE or STABLE.
    pub(in super::super) calm: bool,
    /// Whether its text says that it only computes.
    pub(in super::super) told: bool,
}
