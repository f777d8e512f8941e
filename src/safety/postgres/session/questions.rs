//! What rules ask of the tables that are known.

use super::super::super::{ColumnUser, NamedObject, RelationName};
use super::super::dependants;
use super::super::existence::Inventory;
use super::super::objects::{INDEX, RELATION};
use super::super::types::DataType;
use super::{Constraint, Filled, Index, Object, Session, TEMPORARY, Table};

impl Session<'_> {
    /// Whether a table is too new to hold rows: made by these files, temporary, or found empty.
    pub(in super::super) fn is_new(&self, name: &RelationName) -> bool {
        let is_new = |table: &Table| table.empty || table.birth.is_some_and(|birth| !birth.applied);
        name.schema == TEMPORARY || self.table(name).is_some_and(is_new)
    }

    /// Whether a table may hold rows when a statement comes to it: it was there before, or may have been, or these files
    /// put some into it. What the files make and do not fill has none, whichever of them it is: they are applied together.
    pub(in super::super) fn may_hold_rows(&self, name: &RelationName) -> bool {
        self.rows_of(name) != Filled::Nothing
    }

    /// The same, where programs may have put rows into a table that an earlier file made. The catalogue knows that they have not.
    pub(in super::super) fn may_have_been_filled(&self, name: &RelationName) -> bool {
        self.may_hold_rows(name) || !(self.catalogued || self.is_of_this_file(name))
    }

    /// How many rows a table may hold.
    pub(in super::super) fn rows_of(&self, name: &RelationName) -> Filled {
        let temporary = name.schema == TEMPORARY;
        let Some(table) = self.table(name) else { return if temporary { Filled::Nothing } else { Filled::Many } };
        let made = table.birth.is_some_and(|birth| !birth.applied && (birth.certain || self.catalogued));
        if made || table.empty || temporary { table.filled } else { Filled::Many }
    }

    /// Rows come into a table.
    pub(in super::super) fn fill(&mut self, name: &RelationName, filled: Filled) {
        if self.table(name).is_some_and(|table| table.filled < filled) {
            self.table_mut(name).filled = filled;
        }
    }

    /// All rows of a table go, unless a block does not come to that.
    pub(in super::super) fn emptied(&mut self, name: &RelationName) {
        if self.blocks == 0 && self.table(name).is_some_and(|table| table.filled != Filled::Nothing) {
            self.table_mut(name).filled = Filled::Nothing;
        }
    }

    /// Whether a table was surely made by this very file: no program can rely on it, and it holds nothing else.
    pub(in super::super) fn is_of_this_file(&self, name: &RelationName) -> bool {
        let born = self.table(name).and_then(|table| table.birth);
        name.schema == TEMPORARY || born.is_some_and(|birth| birth.file == self.file && birth.certain)
    }

    /// Whether these files made a view, or a sequence, that nobody else knows yet. What it shows need not be new.
    pub(in super::super) fn is_new_view(&self, name: &RelationName) -> bool {
        self.objects.get(&(RELATION.to_owned(), name.clone())).is_some_and(|birth| !birth.applied)
    }

    /// Whether a table was found to have no row, by a server.
    pub(in super::super) fn is_empty(&self, name: &RelationName) -> bool {
        self.table(name).is_some_and(|table| table.empty)
    }

    /// Whether the live catalogue has told what the database has.
    pub(in super::super) fn is_catalogued(&self) -> bool {
        self.catalogued
    }

    /// Whether there is surely no table, view or index of that name, in whichever schema.
    pub(in super::super) fn is_absent(&self, name: &RelationName) -> bool {
        let mut named = self.tables.iter().filter(|(other, _)| other.name == name.name);
        let mut indexes = self.tables.values().flat_map(|table| table.indexes.keys());
        let view = |object: &Object| object.0 == RELATION && object.1.name == name.name;
        self.catalogued
            && named.all(|(_, table)| table.birth.is_none())
            && !indexes.any(|index| *index == name.name)
            && !self.objects.keys().any(view)
    }

    /// Whether the database had nothing by a name, and these files have made nothing by it either: what IF NOT EXISTS and OR
    /// REPLACE make of it is new. A name without a schema may be one of any, where the path is not known.
    pub(in super::super) fn is_made_anew(&self, bare: &NamedObject, name: &RelationName, is_qualified: bool) -> bool {
        let Some(told) = self.told.filter(|_| Inventory::is_asked(&name.name)) else { return false };
        let class = if bare.class == INDEX { RELATION } else { &bare.class };
        let had = match &told.existing {
            Some(existing) => existing.objects.iter().any(|had| {
                let is_meant = (had.class.as_str(), &had.of, &had.name) == (class, &bare.of, &bare.name);
                let is_anywhere = had.schema.is_empty() || !is_qualified && !existing.is_path_sure;
                is_meant && (is_anywhere || had.schema == name.schema)
            }),
            None => told.named.contains(&NamedObject { class: class.to_owned(), ..bare.clone() }),
        };
        let made = self.named.contains(bare) && !told.named.contains(bare);
        let is_table = || told.tables.contains_key(name) || self.exists(name);
        !(had || made || class == RELATION && is_table())
    }

    /// Whether a table is known to have a valid index of that name.
    pub(in super::super) fn has_valid_index(&self, table: &RelationName, index: &str) -> bool {
        let known = self.table(table).filter(|table| table.is_catalogued()).and_then(|table| table.indexes.get(index));
        known.is_some_and(|index| !index.columns.is_empty())
    }

    /// Whether a table is known to exist.
    pub(in super::super) fn exists(&self, name: &RelationName) -> bool {
        self.table(name).is_some_and(|table| table.birth.is_some())
    }

    pub(in super::super) fn is_partitioned(&self, name: &RelationName) -> bool {
        self.table(name).is_some_and(|table| table.partitioned)
    }

    /// A partitioned table's default partition, where it is known to have one.
    pub(in super::super) fn default_partition(&self, name: &RelationName) -> Option<RelationName> {
        self.table(name).and_then(|table| table.default_partition.clone())
    }

    /// The partitions of a table that are known, and theirs.
    pub(in super::super) fn all_partitions(&self, name: &RelationName) -> Vec<RelationName> {
        let mut found = vec![name.clone()];
        let mut next = 0;
        while let Some(table) = found.get(next).map(|name| self.table(name)) {
            found.extend(table.into_iter().flat_map(|table| table.partitions.iter().cloned()));
            next += 1;
        }
        found.split_off(1)
    }

    /// The type of a column, as far as it is known.
    pub(in super::super) fn column_type(&self, table: &RelationName, column: &str) -> Option<DataType> {
        self.table(table).and_then(|table| table.columns.get(column)).and_then(|column| column.data_type.clone())
    }

    pub(in super::super) fn is_not_null(&self, table: &RelationName, column: &str) -> bool {
        let column = self.table(table).and_then(|table| table.columns.get(column));
        column.is_some_and(|column| column.not_null)
    }

    /// Whether a column is known to take NULL.
    pub(in super::super) fn is_nullable(&self, table: &RelationName, column: &str) -> bool {
        let told = self.table(table).filter(|table| table.birth.is_some() || table.is_catalogued());
        let column = told.and_then(|table| table.columns.get(column));
        column.is_some_and(|column| column.data_type.is_some() && !column.not_null)
    }

    /// Whether this very file added a column to a table that was there before.
    pub(in super::super) fn is_fresh_column(&self, table: &RelationName, column: &str) -> bool {
        let column = self.table(table).and_then(|table| table.columns.get(column));
        column.and_then(|column| column.birth).is_some_and(|birth| birth.file == self.file && birth.certain)
    }

    /// Remembers that this file dropped an index, and forgets the index.
    pub(in super::super) fn drop_index(&mut self, index: &RelationName) {
        self.dropped.insert(index.clone());
        if let Some(table) = self.table_of_index(index).cloned() {
            let table = self.table_mut(&table);
            table.indexes.remove(&index.name);
            dependants::index_dropped(table, &index.name);
        }
    }

    /// Whether this file dropped an index of that name.
    pub(in super::super) fn dropped_here(&self, index: &RelationName) -> bool {
        self.dropped.contains(index)
    }

    /// A constraint of a table, as far as it is known.
    pub(in super::super) fn constraint(&self, table: &RelationName, name: &str) -> Option<&Constraint> {
        self.table(table)?.constraints.get(name)
    }

    /// The constraints of a table, as far as they are known.
    pub(in super::super) fn constraints(&self, table: &RelationName) -> impl Iterator<Item = &Constraint> {
        self.table(table).into_iter().flat_map(|table| table.constraints.values())
    }

    /// The indexes of a table, as far as they are known.
    pub(in super::super) fn indexes(&self, table: &RelationName) -> impl Iterator<Item = &Index> {
        self.table(table).into_iter().flat_map(|table| table.indexes.values())
    }

    /// The tables whose columns something uses.
    pub(in super::super) fn tables_with(&self, user: &ColumnUser) -> Vec<RelationName> {
        let tables = self.tables.iter().filter(|(_, table)| table.users.contains_key(user));
        tables.map(|(name, _)| name.clone()).collect()
    }

    /// Whether at most one row has given values in these columns.
    pub(in super::super) fn is_unique(&self, table: &RelationName, columns: &[String]) -> bool {
        let mut indexes = self.indexes(table);
        indexes.any(|index| index.unique && index.whole && index.columns.iter().all(|column| columns.contains(column)))
    }

    /// The tables that are known to have a row.
    pub(in super::super) fn filled_tables(&self) -> Vec<RelationName> {
        self.tables.iter().filter(|(_, table)| table.has_row).map(|(name, _)| name.clone()).collect()
    }

    /// A table all of whose columns and keys are known.
    pub(in super::super) fn told(&self, name: &RelationName) -> Option<&Table> {
        self.table(name).filter(|table| table.told && !table.takes_keys)
    }

    /// What is done to a table, or to those that have their columns and keys from it, is not known.
    pub(in super::super) fn doubt(&mut self, name: &RelationName, with_children: bool) {
        if !with_children {
            self.table_mut(name).told = false;
        } else if self.table(name).is_some_and(|table| table.has_children) {
            let below = |table: &Table| table.is_partition || !table.inherited.is_empty();
            let tables = self.tables.iter().filter(|(_, table)| table.told && below(table));
            let tables: Vec<RelationName> = tables.map(|(name, _)| name.clone()).collect();
            tables.iter().for_each(|table| self.doubt(table, false));
        }
    }

    /// Whether all keys of a table are known.
    pub(in super::super) fn knows_keys(&self, table: &RelationName) -> bool {
        self.table(table).is_some_and(|table| table.birth.is_some() && !table.takes_keys)
    }

    /// The table of an index.
    pub(in super::super) fn table_of_index(&self, index: &RelationName) -> Option<&RelationName> {
        let on =
            |name: &RelationName, table: &Table| name.schema == index.schema && table.indexes.contains_key(&index.name);
        self.tables.iter().find(|(name, table)| on(name, table)).map(|(name, _)| name)
    }
}
