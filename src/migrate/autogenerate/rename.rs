//! Renames: what a difference of two schemas cannot tell from a drop and an addition.

use crate::error::{Error, ErrorKind, Result};
use crate::migrate::schema::{Column, Schema, Table};
use std::fmt;
use std::str::FromStr;

/// A table or a column that was given another name: `old:new`, `table.old:new`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rename {
    /// A table.
    Table {
        /// The name that it had.
        from: String,
        /// The name that it gets.
        to: String,
    },
    /// A column.
    Column {
        /// The table, by the name that it gets.
        table: String,
        /// The name that it had.
        from: String,
        /// The name that it gets.
        to: String,
    },
}

impl FromStr for Rename {
    type Err = Error;

    /// Reads `old:new` or `table.old:new`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = || {
            Error::new(ErrorKind::Invalid, format!("{text:?} is no rename"))
                .with_hint("a table is renamed with OLD:NEW, a column with TABLE.OLD:NEW")
        };
        let (from, to) = text.split_once(':').ok_or_else(invalid)?;
        let (table, from) = match from.split_once('.') {
            Some((table, from)) => (Some(table), from),
            None => (None, from),
        };
        // Somebody may write the table on both sides.
        let to = table.and_then(|table| to.strip_prefix(table)?.strip_prefix('.')).unwrap_or(to);
        if [table.unwrap_or("x"), from, to].iter().any(|name| name.trim().is_empty()) || to.contains([':', '.']) {
            return Err(invalid());
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        Ok(match table {
            Some(table) => Self::Column { table: table.to_owned(), from, to },
            None => Self::Table { from, to },
        })
    }
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { from, to } => write!(f, "{from}:{to}"),
            Self::Column { table, from, to } => write!(f, "{table}.{from}:{to}"),
        }
    }
}

/// What things were called before, for those that are called otherwise now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    renames: Vec<Rename>,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.renames.is_empty()
    }

    /// Tables first.
    pub(super) fn renames(&self) -> impl DoubleEndedIterator<Item = &Rename> {
        let is_table = |rename: &&Rename| matches!(rename, Rename::Table { .. });
        let columns = self.renames.iter().filter(move |rename| !is_table(rename));
        self.renames.iter().filter(is_table).chain(columns)
    }

    /// The name that a table had.
    pub(super) fn table_before<'a>(&'a self, now: &'a str) -> &'a str {
        let found = self.renames.iter().find_map(|rename| match rename {
            Rename::Table { from, to } if to.eq_ignore_ascii_case(now) => Some(from.as_str()),
            _ => None,
        });
        found.unwrap_or(now)
    }

    /// The name that a table gets.
    pub(super) fn table_now<'a>(&'a self, before: &'a str) -> &'a str {
        let found = self.renames.iter().find_map(|rename| match rename {
            Rename::Table { from, to } if from.eq_ignore_ascii_case(before) => Some(to.as_str()),
            _ => None,
        });
        found.unwrap_or(before)
    }

    /// The name that a column had; the table is called as it is now.
    pub(super) fn column_before<'a>(&'a self, table_now: &str, now: &'a str) -> &'a str {
        let found = self.renames.iter().find_map(|rename| match rename {
            Rename::Column { table, from, to }
                if table.eq_ignore_ascii_case(table_now) && to.eq_ignore_ascii_case(now) =>
            {
                Some(from.as_str())
            }
            _ => None,
        });
        found.unwrap_or(now)
    }

    /// Whether a table, by its present name, or one of its columns had another name.
    pub(super) fn concern(&self, now: &str) -> bool {
        self.renames.iter().any(|rename| match rename {
            Rename::Table { to, .. } => to.eq_ignore_ascii_case(now),
            Rename::Column { table, .. } => table.eq_ignore_ascii_case(now),
        })
    }

    /// The way back.
    pub(super) fn inverse(&self) -> Self {
        let back = |rename: &Rename| match rename.clone() {
            Rename::Table { from, to } => Rename::Table { from: to, to: from },
            Rename::Column { table, from, to } => {
                Rename::Column { table: self.table_before(&table).to_owned(), from: to, to: from }
            }
        };
        Self { renames: self.renames.iter().map(back).collect() }
    }

    /// Checks renames that somebody gave, and asks about those that there may be besides.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when a rename is of nothing that vanished, or to nothing that is new.
    pub(super) fn decide(
        present: &Schema,
        wanted: &Schema,
        given: &[Rename],
        ask: &mut dyn FnMut(&Rename) -> bool,
    ) -> Result<Self> {
        let mut names = Self::default();
        for rename in given.iter().filter(|rename| matches!(rename, Rename::Table { .. })) {
            names.add(present, wanted, rename)?;
        }
        for rename in table_candidates(present, wanted, &names) {
            let is_free = names.candidates_fit(&rename);
            if is_free && ask(&rename) {
                names.renames.push(rename);
            }
        }
        for rename in given.iter().filter(|rename| matches!(rename, Rename::Column { .. })) {
            // The table may be called by either name.
            let rename = match rename.clone() {
                Rename::Column { table, from, to } => {
                    let now = names.table_now(&table).to_owned();
                    Rename::Column { table: now, from, to }
                }
                table => table,
            };
            names.add(present, wanted, &rename)?;
        }
        for rename in column_candidates(present, wanted, &names) {
            let is_free = names.candidates_fit(&rename);
            if is_free && ask(&rename) {
                names.renames.push(rename);
            }
        }
        Ok(names)
    }

    fn add(&mut self, present: &Schema, wanted: &Schema, rename: &Rename) -> Result<()> {
        let (before, now, of) = match rename {
            Rename::Table { from, to } => {
                let known = |schema: &Schema, name: &str| table(schema, name).is_some();
                let before = known(present, from) && !known(wanted, from);
                (before, known(wanted, to) && !known(present, to), "a table")
            }
            Rename::Column { table: name, from, to } => {
                let before = table(present, self.table_before(name));
                let now = table(wanted, name);
                let known = |table: Option<&Table>, name: &str| table.is_some_and(|table| table.column(name).is_some());
                (known(before, from) && !known(now, from), known(now, to) && !known(before, to), "a column")
            }
        };
        if !before || !now || !self.candidates_fit(rename) {
            let hint = format!(
                "renamed is {of} that the migrations make and {} has not, to one that they do not make and it has",
                crate::migrate::files::MODELS_FILE
            );
            let message = format!("the rename {rename} does not fit the migrations and the models");
            return Err(Error::new(ErrorKind::Invalid, message).with_hint(hint));
        }
        self.renames.push(rename.clone());
        Ok(())
    }

    /// Whether neither end of a rename is in another one already.
    fn candidates_fit(&self, rename: &Rename) -> bool {
        !self.renames.iter().any(|other| match (other, rename) {
            (Rename::Table { from, to }, Rename::Table { from: other_from, to: other_to }) => {
                from.eq_ignore_ascii_case(other_from) || to.eq_ignore_ascii_case(other_to)
            }
            (
                Rename::Column { table, from, to },
                Rename::Column { table: other_table, from: other_from, to: other_to },
            ) => {
                table.eq_ignore_ascii_case(other_table)
                    && (from.eq_ignore_ascii_case(other_from) || to.eq_ignore_ascii_case(other_to))
            }
            _ => false,
        })
    }
}

/// The table with a name, whatever its case.
pub(super) fn table<'a>(schema: &'a Schema, name: &str) -> Option<&'a Table> {
    let exact = schema.tables.get(name).map(|table| &**table);
    exact.or_else(|| schema.each_table().find(|table| table.name.eq_ignore_ascii_case(name)))
}

/// Tables that may have been renamed: one vanished, one is new, and they have the same columns, or nearly.
pub(super) fn table_candidates(present: &Schema, wanted: &Schema, names: &Names) -> Vec<Rename> {
    let vanished = present.tables.values().filter(|old| table(wanted, &old.name).is_none());
    let mut found = Vec::new();
    for old in vanished {
        let new = wanted.tables.values().filter(|new| table(present, &new.name).is_none());
        for new in new {
            let shared = old.columns.iter().filter(|column| new.column(&column.name).is_some()).count();
            let rename = Rename::Table { from: old.name.clone(), to: new.name.clone() };
            if shared * 2 >= old.columns.len().max(new.columns.len()) && names.candidates_fit(&rename) {
                found.push(rename);
            }
        }
    }
    found
}

/// Columns that may have been renamed: one vanished and one of its type is new in the same table.
pub(super) fn column_candidates(present: &Schema, wanted: &Schema, names: &Names) -> Vec<Rename> {
    let mut found = Vec::new();
    for now in wanted.tables.values() {
        let Some(before) = table(present, names.table_before(&now.name)) else { continue };
        let vanished = before.columns.iter().filter(|column| now.column(&column.name).is_none());
        for old in vanished {
            let same_type = |new: &&Column| {
                before.column(&new.name).is_none() && super::change::same_type(&old.data_type, &new.data_type)
            };
            for new in now.columns.iter().filter(same_type) {
                let (table, from, to) = (now.name.clone(), old.name.clone(), new.name.clone());
                let rename = Rename::Column { table, from, to };
                if names.candidates_fit(&rename) {
                    found.push(rename);
                }
            }
        }
    }
    found
}
