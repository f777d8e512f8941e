//! The migrations that everybody writes again and again, each complete: a pair that every engine runs, that takes itself
//! back, and that keeps nobody waiting on a live server.
//!
//! A template says what is to be there besides what is there already; the rest is what is done for models that say so.

mod definition;
#[cfg(all(test, feature = "sqlite", feature = "lint"))]
mod tests;

use super::autogenerate::{LONGEST_NAME, write_change};
use super::create::Created;
use super::schema::{ForeignKey, Index, IndexPart, Schema, Table};
use super::set::MigrationSet;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::Arc;

/// A migration that needs only names. Its `Display` is what it does, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// A new table.
    AddTable {
        /// Its name.
        table: String,
        /// Its columns, each as CREATE TABLE has it: `note TEXT NOT NULL DEFAULT ''`. A column without a type is a text.
        /// None at all stands for `id BIGINT NOT NULL`.
        columns: Vec<String>,
        /// The columns of its primary key; none stands for the column `id`, if no column says PRIMARY KEY itself.
        primary_key: Vec<String>,
    },
    /// A new column of a table.
    AddColumn {
        /// The table.
        table: String,
        /// The column's name.
        column: String,
        /// Its type.
        data_type: String,
        /// Whether it takes no NULL; then it needs a default, for the rows that there are and the programs that run.
        not_null: bool,
        /// Its default, an expression of SQL: `''`, `0`, `CURRENT_TIMESTAMP`.
        default: Option<String>,
    },
    /// A new index of a table.
    AddIndex {
        /// The table.
        table: String,
        /// The columns, in order.
        columns: Vec<String>,
        /// Whether no two rows may be equal in them.
        unique: bool,
        /// Its name; without one, it is made of those of the table and the columns.
        name: Option<String>,
    },
    /// A new foreign key of a table.
    AddForeignKey {
        /// The table.
        table: String,
        /// The columns that refer to the other table.
        columns: Vec<String>,
        /// The table that they refer to.
        references: String,
        /// The columns that they refer to; none stands for that table's primary key.
        referenced: Vec<String>,
        /// What happens when the other row is deleted: `CASCADE`, `SET NULL`, `RESTRICT`. DuckDB knows none of these.
        on_delete: Option<String>,
        /// The constraint's name; without one, it is the one that Postgres gives.
        name: Option<String>,
    },
}

/// `add note to orders`, `add index of orders note`.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddTable { table, .. } => write!(f, "add table {table}"),
            Self::AddColumn { table, column, .. } => write!(f, "add {column} to {table}"),
            Self::AddIndex { table, columns, .. } => write!(f, "add index of {table} {}", columns.join(" ")),
            Self::AddForeignKey { table, columns, references, .. } => {
                write!(f, "add foreign key of {table} {} to {references}", columns.join(" "))
            }
        }
    }
}

impl Template {
    /// Writes the migrations into the folder of a set; what they do is the message, unless another is given.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when a table or a column is not there; [`ErrorKind::Conflict`] when what is to come is;
    /// [`ErrorKind::Invalid`] when a name, a type or a default is none; [`ErrorKind::Unsupported`] when the set is part of
    /// the program, or an engine cannot do it; what the engines say when the set's migrations do not run.
    pub(super) fn write(&self, set: &MigrationSet, message: Option<&str>) -> Result<Vec<Created>> {
        let own = self.to_string();
        write_change(set, message.unwrap_or(&own), |present| self.applied(present))
    }

    /// A state with what the template adds.
    fn applied(&self, present: &Schema) -> Result<Schema> {
        let mut wanted = present.clone();
        match self {
            Self::AddTable { table, columns, primary_key } => {
                check_new_name(table)?;
                if let Some(there) = find(present, table) {
                    return Err(taken(format!("there is a table {} already", there.name)));
                }
                if present.views.keys().any(|view| view.eq_ignore_ascii_case(table)) {
                    return Err(taken(format!("there is a view {table} already")));
                }
                let mut new = definition::table(table, columns, primary_key)?;
                complete_references(present, &mut new)?;
                for key in new.foreign_keys.clone() {
                    index_for_key(&mut new, &key.columns, &names_of(present));
                }
                wanted.tables.insert(table.clone(), Arc::new(new));
            }
            Self::AddColumn { table, column, data_type, not_null, default } => {
                check_new_name(column)?;
                if *not_null && default.is_none() {
                    let message = format!("nobody knows what {column} is in the rows of {table} that there are");
                    return Err(Error::new(ErrorKind::Invalid, message)
                        .with_hint("give it a default, or let it take NULL until every row has a value"));
                }
                let found = find_mut(&mut wanted, table)?;
                if let Some(there) = found.column(column) {
                    return Err(taken(format!("{} has a column {} already", found.name, there.name)));
                }
                found.columns.push(definition::column(column, data_type, *not_null, default.as_deref())?);
            }
            Self::AddIndex { table, columns, unique, name } => {
                let found = find_mut(&mut wanted, table)?;
                let columns = columns_of(found, columns)?;
                let name = name.clone().unwrap_or_else(|| format!("{}_{}", found.name, columns.join("_")));
                check_new_name(&name)?;
                if present.tables.values().any(|table| {
                    table.name.eq_ignore_ascii_case(&name)
                        || table.indexes.keys().any(|there| there.eq_ignore_ascii_case(&name))
                }) {
                    return Err(taken(format!("there is something called {name} already"))
                        .with_hint("give the index another name with `--name`"));
                }
                let part = |column| IndexPart { expression: column, is_column: true, ..IndexPart::default() };
                let parts = columns.into_iter().map(part).collect();
                let index = Index { name: name.clone(), unique: *unique, parts, valid: true, ..Index::default() };
                found.indexes.insert(name, index);
            }
            Self::AddForeignKey { table, columns, references, referenced, on_delete, name } => {
                let other = find(present, references).ok_or_else(|| no_table(present, references))?;
                let referenced = match (referenced.is_empty(), &other.primary_key) {
                    (false, _) => columns_of(other, referenced)?,
                    (true, Some(key)) => key.columns.clone(),
                    (true, None) => return Err(no_key(other)),
                };
                let found = find_mut(&mut wanted, table)?;
                let columns = columns_of(found, columns)?;
                if columns.len() != referenced.len() {
                    let message = format!("{} cannot refer to {}", columns.join(", "), referenced.join(", "));
                    return Err(Error::new(ErrorKind::Invalid, message).with_hint("name as many columns on both sides"));
                }
                if !is_key(other, &referenced) {
                    return Err(no_key(other));
                }
                if let Some(name) = name {
                    check_new_name(name)?;
                }
                let same = |key: &ForeignKey| {
                    key.table.eq_ignore_ascii_case(references) && key.columns == columns && key.references == referenced
                };
                if found.foreign_keys.iter().any(same) {
                    let message = format!("{} of {} refers to {references} already", columns.join(", "), found.name);
                    return Err(taken(message));
                }
                index_for_key(found, &columns, &names_of(present));
                found.foreign_keys.push(ForeignKey {
                    name: name.clone(),
                    columns,
                    table: other.name.clone(),
                    references: referenced,
                    on_delete: on_delete.as_deref().map(action).transpose()?.flatten(),
                    ..ForeignKey::default()
                });
            }
        }
        Ok(wanted)
    }
}

/// What no index can be called.
fn names_of(schema: &Schema) -> Vec<&str> {
    let tables = schema.tables.values().flat_map(|table| table.indexes.keys().chain([&table.name]));
    tables.chain(schema.views.keys()).map(String::as_str).collect()
}

/// Adds an index to a table for the columns of a foreign key, if none begins with them: without one, whoever deletes or
/// changes a row that is referred to reads the whole table.
fn index_for_key(table: &mut Table, columns: &[String], taken: &[&str]) {
    let begins = |others: Vec<&str>| {
        columns.len() <= others.len()
            && others[..columns.len()].iter().all(|other| columns.iter().any(|one| one.eq_ignore_ascii_case(other)))
    };
    let keys = table.primary_key.iter().map(|key| &key.columns).chain(table.unique.iter().map(|one| &one.columns));
    let of_keys = keys.map(|columns| columns.iter().map(String::as_str).collect());
    let indexes = table.indexes.values().filter(|index| index.predicate.is_none());
    let of_indexes =
        indexes.map(|index| index.parts.iter().map_while(|part| part.is_column.then_some(&*part.expression)).collect());
    if of_keys.chain(of_indexes).any(begins) {
        return;
    }
    let own = format!("{}_{}", table.name, columns.join("_"));
    let ends = own.char_indices().map(|(at, character)| at + character.len_utf8());
    let end = ends.take_while(|end| *end <= LONGEST_NAME - 2).last().unwrap_or_default();
    let others = (2..).map(|number| format!("{}{number}", &own[..end]));
    let is_free =
        |name: &String| name.len() <= LONGEST_NAME && !taken.iter().any(|there| there.eq_ignore_ascii_case(name));
    let Some(name) = [own.clone()].into_iter().chain(others).find(is_free) else { return };
    let part = |column: &String| IndexPart { expression: column.clone(), is_column: true, ..IndexPart::default() };
    let parts = columns.iter().map(part).collect();
    table.indexes.insert(name.clone(), Index { name, parts, valid: true, ..Index::default() });
}

fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a Table> {
    schema.each_table().find(|table| table.name.eq_ignore_ascii_case(name))
}

fn find_mut<'a>(schema: &'a mut Schema, name: &str) -> Result<&'a mut Table> {
    let missing = no_table(schema, name);
    schema.tables_mut().find(|table| table.name.eq_ignore_ascii_case(name)).ok_or(missing)
}

fn no_table(schema: &Schema, name: &str) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("the migrations make no table {name}"));
    let names: Vec<&str> = schema.tables.keys().map(String::as_str).collect();
    match names.is_empty() {
        true => error.with_hint("there is no table yet; `charter db template add_table` makes one"),
        false => error.with_hint(format!("the tables are: {}", names.join(", "))),
    }
}

/// Columns of a table as it spells them.
fn columns_of(table: &Table, names: &[String]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "at least one column must be named"));
    }
    let column = |name: &String| {
        let found = table.column(name).map(|column| column.name.clone());
        found.ok_or_else(|| {
            let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            Error::new(ErrorKind::NotFound, format!("{} has no column {name}", table.name))
                .with_hint(format!("its columns are: {}", columns.join(", ")))
        })
    };
    names.iter().map(column).collect()
}

/// Whether no two rows of a table can be equal in some columns.
fn is_key(table: &Table, columns: &[String]) -> bool {
    let same = |others: &[String]| {
        others.len() == columns.len()
            && columns.iter().all(|one| others.iter().any(|other| other.eq_ignore_ascii_case(one)))
    };
    table.primary_key.as_ref().is_some_and(|key| same(&key.columns))
        || table.unique.iter().any(|one| same(&one.columns))
}

fn no_key(table: &Table) -> Error {
    let message = format!("no primary key or unique constraint of {} is over the columns to refer to", table.name);
    Error::new(ErrorKind::Invalid, message).with_hint("refer to columns in which no two rows can be equal")
}

/// Names the columns that the foreign keys of a new table mean which name only a table.
fn complete_references(present: &Schema, table: &mut Table) -> Result<()> {
    let own = table.clone();
    for key in &mut table.foreign_keys {
        let other = if key.table.eq_ignore_ascii_case(&own.name) { Some(&own) } else { find(present, &key.table) };
        let other = other.ok_or_else(|| no_table(present, &key.table))?;
        if key.references.is_empty() {
            key.references = other.primary_key.as_ref().map(|key| key.columns.clone()).ok_or_else(|| no_key(other))?;
        }
    }
    Ok(())
}

/// What happens when the other row is deleted; `NO ACTION` is what happens anyway.
fn action(text: &str) -> Result<Option<String>> {
    let action = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    match action.as_str() {
        "NO ACTION" => Ok(None),
        "CASCADE" | "SET NULL" | "SET DEFAULT" | "RESTRICT" => Ok(Some(action)),
        _ => Err(Error::new(ErrorKind::Invalid, format!("{text:?} is nothing that can be done on delete"))
            .with_hint("it can be CASCADE, SET NULL, SET DEFAULT, RESTRICT or NO ACTION")),
    }
}

/// Refuses a new name that an engine would cut off, or that is none.
fn check_new_name(name: &str) -> Result<()> {
    let wrong = match name {
        "" => "is empty",
        name if name.len() > LONGEST_NAME => "is longer than the 63 bytes that Postgres keeps of a name",
        name if name.chars().any(char::is_control) => "has a control character in it",
        name if name.to_ascii_lowercase().starts_with("sqlite_") => "begins as SQLite's own names do",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, format!("the name {name:?} {wrong}")).with_hint("give it another name"))
}

fn taken(message: String) -> Error {
    Error::new(ErrorKind::Conflict, message)
}
