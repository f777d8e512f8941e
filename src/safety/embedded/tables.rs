//! Tables, as far as the files and the database tell of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Embedded;
use super::keys::{Reference, Unique};
use super::parts::Part;
use super::promises::Promise;
use super::rows::Holding;

/// What the files say about a table.
#[derive(Debug, Clone, Default)]
pub(in crate::safety) struct Table {
    /// The file that made it, by its place; nothing for a table that was there before.
    pub(in crate::safety) file: Option<usize>,
    pub(in crate::safety) applied: bool,
    pub(in crate::safety) columns: Vec<String>,
    /// Columns that are computed from others, so that nothing is lost with them.
    pub(super) computed: BTreeSet<String>,
    /// Columns in a primary key or UNIQUE of the table.
    pub(in crate::safety) keys: BTreeSet<String>,
    /// Columns that have a value in every row.
    pub(super) never_null: BTreeSet<String>,
    /// Columns that refer to a table, and whether the table says so, not the column.
    pub(in crate::safety) foreign: BTreeMap<String, bool>,
    /// Indexes by name, with their columns.
    pub(in crate::safety) indexes: BTreeMap<String, Vec<String>>,
    pub(in crate::safety) triggers: BTreeSet<String>,
    /// What names columns of the table beside its keys: a check, a column that is computed, an index of some rows or of an
    /// expression; and every name in it.
    pub(in crate::safety) mentions: BTreeMap<Mention, BTreeSet<String>>,
    /// Tables that this one refers to.
    pub(in crate::safety) refers: BTreeSet<String>,
    /// What it keeps of its values, beside indexes.
    pub(super) promises: BTreeSet<Promise>,
    /// Its unique indexes over all rows, by name; without columns, where one is over some rows or an expression.
    pub(super) unique_indexes: BTreeMap<String, Vec<String>>,
    /// The tables whose rows it has whole, beside its own.
    pub(super) rows: Vec<Holding>,
    /// Those of which it has a part.
    pub(super) parts: Vec<Part>,
    /// Its foreign keys, and what others can refer to.
    pub(super) references: Vec<Reference>,
    pub(super) unique: Vec<Unique>,
    /// Whether a query made it, which takes values and none of that.
    pub(super) is_of_query: bool,
    /// The types of columns, as far as they are known.
    pub(in crate::safety) types: BTreeMap<String, String>,
    /// What the defaults of columns mention, by the column.
    pub(in crate::safety) defaults: BTreeMap<String, BTreeSet<String>>,
    /// Whether the database had it without a row before the files that are not applied.
    pub(in crate::safety) is_found_empty: bool,
    /// Columns that the database has and the files that made the table do not know.
    pub(super) of_host: BTreeSet<String>,
    /// Whether these files put rows into it.
    pub(in crate::safety) is_filled: bool,
}

/// What names columns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::safety) enum Mention {
    /// A check of the whole table, by its place in it.
    Check(usize),
    /// What a column says of itself, by the column.
    Column(String),
    /// An index, by its name.
    Index(String),
}

impl Embedded<'_> {
    /// Whether this file made the table.
    pub(in crate::safety) fn is_of_this_file(&self, table: &str) -> bool {
        self.tables.get(table).is_some_and(|table| table.file == Some(self.file))
    }

    /// Whether these files made the table, or the database has it without a row: nobody waits for it.
    pub(in crate::safety) fn is_new(&self, table: &str) -> bool {
        self.tables.get(table).is_some_and(|table| table.file.is_some() && !table.applied || table.is_found_empty)
    }

    /// Whether the table may have rows by now: but for one that this file made, or that the database has without a row, and
    /// that these files have put none into.
    pub(in crate::safety) fn may_have_rows(&self, table: &str) -> bool {
        let known = self.tables.get(table);
        known.is_none_or(|known| known.is_filled || known.file != Some(self.file) && !known.is_found_empty)
    }

    /// Whether the table may have rows by now that this file has not put there.
    pub(in crate::safety) fn may_lose_rows(&self, table: &str) -> bool {
        !self.is_new_here(table) && self.may_have_rows(table)
    }

    /// Whether this file made the table, and no other one's rows are in it.
    pub(in crate::safety) fn is_new_here(&self, table: &str) -> bool {
        self.is_of_this_file(table) && !self.holds_old_rows(table)
    }

    /// Whether another table refers to this one.
    pub(in crate::safety) fn is_referred_to(&self, table: &str) -> bool {
        self.tables.iter().any(|(name, other)| name != table && other.refers.contains(table))
    }

    /// Whether something that the files or the database know of names a column beside its table's keys: SQLite does not drop it then.
    pub(in crate::safety) fn is_mentioned(&self, table: &str, column: &str) -> bool {
        let known = self.tables.get(table).into_iter().flat_map(|table| &table.mentions);
        let mut others = known.filter(|(mention, _)| **mention != Mention::Column(column.to_owned()));
        let mut views = self.view_names.values().filter(|names| names.contains(table));
        let mut readers =
            self.readers.iter().filter(|reader| reader.table == table || reader.uses.iter().any(|name| name == table));
        others.any(|(_, names)| names.contains(column))
            || views.any(|names| names.contains(column))
            || readers.any(|reader| reader.uses.iter().any(|name| name == column))
    }
}
