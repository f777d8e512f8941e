//! How one state of a table becomes another.
//!
//! What is the same is decided by [`Schema::differences`] alone, asked about single parts, so that this never sees a change
//! where `charter db check` sees none.

use super::rename::{Names, table};
use crate::engine::Engine;
use crate::migrate::schema::{Check, Column, ForeignKey, Index, PrimaryKey, Schema, Table, Unique};
use std::sync::Arc;

/// Something that a table is made of.
pub(super) trait Part: Clone {
    /// A table that has nothing else.
    fn alone(&self) -> Table;

    /// Whether two mean the same.
    fn is_same(&self, other: &Self) -> bool {
        same_table(&self.alone(), &other.alone())
    }
}

macro_rules! parts {
    ($($part:ty, $field:ident;)*) => {$(
        impl Part for $part {
            fn alone(&self) -> Table {
                Table { $field: vec![self.clone()], ..Table::default() }
            }
        }
    )*};
}

parts! {
    Column, columns;
    Unique, unique;
    ForeignKey, foreign_keys;
    Check, checks;
}

impl Part for Index {
    fn alone(&self) -> Table {
        Table { indexes: [(self.name.clone(), self.clone())].into(), ..Table::default() }
    }
}

impl Part for PrimaryKey {
    fn alone(&self) -> Table {
        Table { primary_key: Some(self.clone()), ..Table::default() }
    }
}

/// Whether two tables mean the same, their names aside.
pub(super) fn same_table(one: &Table, other: &Table) -> bool {
    let schema = |table: &Table| Schema {
        engine: Engine::Sqlite,
        tables: [("t".to_owned(), Arc::new(Table { name: "t".to_owned(), ..table.clone() }))].into(),
        ..Schema::default()
    };
    schema(one).differences(&schema(other)).is_empty()
}

/// Whether two types are one.
pub(super) fn same_type(one: &str, other: &str) -> bool {
    let column = |data_type: &str| Column { data_type: data_type.to_owned(), ..Column::default() };
    column(one).is_same(&column(other))
}

/// The items of the first list that the second one has not.
pub(super) fn missing<'a, T: Part>(
    of: impl IntoIterator<Item = &'a T>,
    among: impl IntoIterator<Item = &'a T>,
) -> Vec<&'a T> {
    let mut among: Vec<&T> = among.into_iter().collect();
    let mut missing = Vec::new();
    for item in of {
        match among.iter().position(|other| other.is_same(item)) {
            Some(place) => {
                among.remove(place);
            }
            None => missing.push(item),
        }
    }
    missing
}

/// How one table becomes another.
#[derive(Debug)]
pub(super) struct TableChange<'a> {
    pub(super) from: &'a Table,
    pub(super) to: &'a Table,
    pub(super) dropped: Vec<&'a Column>,
    pub(super) added: Vec<&'a Column>,
    /// Columns that stay and are different, before and after.
    pub(super) altered: Vec<(&'a Column, &'a Column)>,
    pub(super) primary_key: bool,
    pub(super) unique: Delta<'a, Unique>,
    pub(super) foreign_keys: Delta<'a, ForeignKey>,
    pub(super) checks: Delta<'a, Check>,
    pub(super) indexes: Delta<'a, Index>,
    /// `STRICT` and the like.
    pub(super) options: bool,
}

/// What goes and what comes.
#[derive(Debug)]
pub(super) struct Delta<'a, T> {
    pub(super) dropped: Vec<&'a T>,
    pub(super) added: Vec<&'a T>,
}

impl<'a, T: Part> Delta<'a, T> {
    fn of<I: IntoIterator<Item = &'a T> + Clone>(from: I, to: I) -> Self {
        Self { dropped: missing(from.clone(), to.clone()), added: missing(to, from) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.added.is_empty()
    }
}

impl<'a> TableChange<'a> {
    pub(super) fn of(from: &'a Table, to: &'a Table, names: &Names) -> Self {
        let before = |column: &Column| from.column(names.column_before(&to.name, &column.name));
        let kept: Vec<(&Column, &Column)> =
            to.columns.iter().filter_map(|column| Some((before(column)?, column))).collect();
        let is_kept = |column: &&Column| kept.iter().any(|(old, _)| old.name == column.name);
        let is_altered = |(old, new): &&(&Column, &Column)| {
            let old = Column { name: new.name.clone(), ..(*old).clone() };
            !old.is_same(new) || is_required(from, &old) != is_required(to, new)
        };
        Self {
            from,
            to,
            dropped: from.columns.iter().filter(|column| !is_kept(column)).collect(),
            added: to.columns.iter().filter(|column| before(column).is_none()).collect(),
            altered: kept.iter().filter(is_altered).copied().collect(),
            primary_key: match (&from.primary_key, &to.primary_key) {
                (Some(one), Some(other)) => !one.is_same(other),
                (one, other) => one.is_some() != other.is_some(),
            },
            unique: Delta::of(&from.unique, &to.unique),
            foreign_keys: Delta::of(&from.foreign_keys, &to.foreign_keys),
            checks: Delta::of(&from.checks, &to.checks),
            indexes: Delta {
                dropped: missing(from.indexes.values(), to.indexes.values()),
                added: missing(to.indexes.values(), from.indexes.values()),
            },
            options: from.options != to.options,
        }
    }

    /// Whether anything but indexes changes.
    pub(super) fn is_of_definition(&self) -> bool {
        !(self.dropped.is_empty()
            && self.added.is_empty()
            && self.altered.is_empty()
            && !self.primary_key
            && self.unique.is_empty()
            && self.foreign_keys.is_empty()
            && self.checks.is_empty()
            && !self.options)
    }
}

/// Whether a column takes no NULL: it says so, or is in a primary key, as Postgres has it.
pub(super) fn is_required(table: &Table, column: &Column) -> bool {
    let key = table.primary_key.as_ref();
    column.not_null || key.is_some_and(|key| key.columns.iter().any(|name| name.eq_ignore_ascii_case(&column.name)))
}

/// The tables that stay, before and after.
pub(super) fn pairs<'a>(from: &'a Schema, to: &'a Schema, names: &Names) -> Vec<(&'a Table, &'a Table)> {
    to.each_table().filter_map(|now| Some((table(from, names.table_before(&now.name))?, now))).collect()
}

/// The tables of the first schema that the second one has not, under any name.
pub(super) fn dropped<'a>(from: &'a Schema, to: &Schema, names: &Names) -> Vec<&'a Table> {
    let kept = pairs(from, to, names);
    let kept: Vec<&str> = kept.iter().map(|(before, _)| before.name.as_str()).collect();
    from.each_table().filter(|table| !kept.contains(&table.name.as_str())).collect()
}

/// The tables of the second schema that the first one has not, under any name.
pub(super) fn created<'a>(from: &Schema, to: &'a Schema, names: &Names) -> Vec<&'a Table> {
    to.each_table().filter(|now| table(from, names.table_before(&now.name)).is_none()).collect()
}
