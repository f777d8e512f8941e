//! What makes a copy of a table less than the table: rows and values that are taken from it again, or that never come into it.

use super::super::Rule;
use super::super::postgres::data;
use super::bounds::{self, Bounds};
use super::parts::{between, first_keys};
use super::promises::{Conflict, Kind, Promise};
use super::rows::Holding;
use super::words::Words;
use super::{Embedded, Table};
use std::collections::BTreeSet;
use std::ops::Range;

/// Why a table has no more what it was given of another one.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    /// The rule that says so, and the statement; without it, that the old table is dropped says it.
    pub(super) by: Option<(&'static Rule, Range<usize>)>,
    pub(super) message: String,
}

impl Loss {
    fn of_rows(message: String) -> Self {
        Self { by: None, message }
    }
}

/// What a trigger does to the table that it is of, when rows come into that.
#[derive(Debug)]
pub(super) enum Taking {
    Rows,
    /// The columns that it sets.
    Values(BTreeSet<String>),
}

/// What a statement does to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Insert,
    Update,
    Delete,
    Merge,
    Truncate,
}

/// The writes of a statement: what, where its verb is, and the table.
pub(super) fn writes(words: &Words) -> Vec<(Write, usize, String)> {
    if words.starts("create") || words.starts("explain") {
        return Vec::new();
    }
    let begins = |at: usize| at == 0 || matches!(words.at(at - 1), ")" | "(" | "begin" | ";");
    let write = |at: usize| {
        let (write, name) = match words.at(at) {
            "update" => (Write::Update, if words.at(at + 1) == "or" { at + 3 } else { at + 1 }),
            "delete" if words.at(at + 1) == "from" => (Write::Delete, at + 2),
            "truncate" => (Write::Truncate, if words.at(at + 1) == "table" { at + 2 } else { at + 1 }),
            "merge" if words.at(at + 1) == "into" => (Write::Merge, at + 2),
            "insert" | "replace" => {
                (Write::Insert, words.find_in(at..words.len().min(at + 4), "into").map_or(words.len(), |into| into + 1))
            }
            _ => return None,
        };
        (name < words.len()).then(|| (write, at, words.name(name).0))
    };
    (0..words.len()).filter(|at| begins(*at)).filter_map(write).collect()
}

/// What the body of a trigger takes from its own table, as far as its words say.
pub(super) fn taking(words: &Words, table: &str) -> Option<Taking> {
    let begin = words.find("on").filter(|on| words.find_in(0..*on, "insert").is_some())?;
    if words.has("raise ( ignore") {
        return Some(Taking::Rows);
    }
    let mut set = BTreeSet::new();
    for at in begin..words.len() {
        let verb = words.at(at);
        let name = match verb {
            "delete" if words.at(at + 1) == "from" => at + 2,
            "update" => {
                if words.at(at + 1) == "or" {
                    at + 3
                } else {
                    at + 1
                }
            }
            "replace" if words.at(at + 1) == "into" => at + 2,
            _ => continue,
        };
        let (of, next) = words.name(name);
        if of != table {
            continue;
        }
        if verb != "update" {
            return Some(Taking::Rows);
        }
        set.extend(set_columns(words, next));
    }
    (!set.is_empty()).then_some(Taking::Values(set))
}

/// The columns that an UPDATE sets, behind the name of its table.
fn set_columns(words: &Words, at: usize) -> BTreeSet<String> {
    let Some(set) = words.find_in(at..words.len(), "set") else { return BTreeSet::new() };
    let ends = |at: &usize| matches!(words.at(*at), "from" | "where" | "returning" | ";");
    let end = bounds::outside(words, set + 1..words.len()).into_iter().find(ends).unwrap_or(words.len());
    let parts = words.parts(set + 1..end).into_iter();
    parts.flat_map(|part| words.names(part.start..bounds::equals(words, part))).collect()
}

impl Embedded<'_> {
    /// Takes in what a statement does to copies that were made before it.
    pub(super) fn spoils(&mut self, words: &Words) {
        for (write, at, table) in writes(words) {
            self.comes_late(words, write, at, &table);
            let condition = bounds::condition(words, at);
            let known = self.tables.get(&table);
            let is_all = condition.as_ref().is_none_or(|condition| {
                Bounds { words, table: &table, known }.holds_always(condition.clone())
                    || between(words, condition.clone()).is_some_and(|(column, bounds)| first_keys(&column, &bounds))
            });
            let set = match write {
                Write::Update if is_all => Some(set_columns(words, at)),
                Write::Delete | Write::Truncate => None,
                _ => continue,
            };
            let verb = words.at(at).to_uppercase();
            let loss = match write {
                Write::Update => Loss {
                    by: Some((&data::UPDATE_ALL, words.range.clone())),
                    message: format!("this UPDATE changes every row of {table}, which has the rows of another table"),
                },
                _ if is_all => Loss {
                    by: Some((&data::DELETE_ALL, words.range.clone())),
                    message: format!("this {verb} empties {table}, which has the rows of another table"),
                },
                _ => Loss::of_rows(format!("rows of {table}, which has them, are deleted")),
            };
            let Some(known) = self.tables.get_mut(&table) else { continue };
            let parts = known.parts.iter_mut().map(|part| &mut part.rows);
            for rows in known.rows.iter_mut().chain(parts).filter(|rows| rows.of != table) {
                if rows.loss.is_none() && set.as_ref().is_none_or(|set| rows.has_any(set)) {
                    rows.loss = Some(loss.clone());
                }
            }
        }
    }

    /// What is written to a table once its rows are copied is not in the copy.
    fn comes_late(&mut self, words: &Words, write: Write, at: usize, table: &str) {
        // A table that is emptied, and without a row, has nothing that would be lost.
        let is_emptied = matches!(write, Write::Delete | Write::Truncate) && bounds::condition(words, at).is_none();
        let has_rows = matches!(write, Write::Insert | Write::Merge) || self.may_have_rows(table);
        if self.is_of_this_file(table) || is_emptied || !has_rows {
            return;
        }
        let of = self.renamed.get(table).map_or(table, String::as_str).to_owned();
        let verb = words.at(at).to_uppercase();
        let loss = Loss::of_rows(format!("{verb} of {table} comes behind the copy of its rows"));
        for (_, copy) in self.tables.iter_mut().filter(|(name, _)| *name != table) {
            let parts = copy.parts.iter_mut().map(|part| &mut part.rows);
            for rows in copy.rows.iter_mut().chain(parts).filter(|rows| rows.of == of && rows.loss.is_none()) {
                rows.loss = Some(loss.clone());
            }
        }
    }

    /// What a table keeps out of the rows that are copied to it, without a word.
    pub(super) fn kept_out(&self, words: &Words, table: &str, rows: &Holding) -> Option<Loss> {
        let known = self.tables.get(table)?;
        let takes = |trigger: &&String| match self.taking.get(*trigger) {
            Some(Taking::Rows) => true,
            Some(Taking::Values(set)) => rows.has_any(set),
            None => false,
        };
        if let Some(trigger) = known.triggers.iter().find(takes) {
            return Some(Loss::of_rows(format!(
                "the trigger {trigger} of {table} leaves rows or values of the copy out"
            )));
        }
        // What the statement says of conflicts counts for all.
        let overrides = ["insert or abort", "insert or fail", "insert or rollback"];
        if !self.is_sqlite || overrides.into_iter().any(|said| words.has(said)) {
            return None;
        }
        let source = self.tables.get(&rows.of).filter(|_| !self.is_of_this_file(&rows.of));
        let source = source.or_else(|| self.dropped.get(&rows.of).map(|dropped| &dropped.was));
        let yields = known.promises.iter().find(|promise| known.yields(promise, rows, source))?;
        Some(Loss::of_rows(format!("{table} leaves out what breaks its {}", yields.shown(known))))
    }
}

impl Table {
    /// Whether a constraint of the table with ON CONFLICT leaves rows out that come from another one, or replaces them.
    fn yields(&self, promise: &Promise, rows: &Holding, source: Option<&Table>) -> bool {
        let Some(conflict) = promise.conflict else { return false };
        let from = |column: &String| {
            rows.values.iter().find(|kept| kept.here == *column && kept.is_kept).map(|kept| kept.column.clone())
        };
        match promise.kind {
            Kind::PrimaryKey | Kind::Unique => {
                let columns: Option<Vec<String>> = promise.columns.iter().map(from).collect();
                !columns.zip(source).is_some_and(|(columns, source)| source.is_unique(&columns))
            }
            Kind::NotNull if conflict == Conflict::Ignore => {
                let has_default = |column: &String| {
                    let is_it = |own: &Promise| own.kind == Kind::Default && own.columns.contains(column);
                    self.promises.iter().any(is_it)
                };
                let is_filled = |column: &String| match rows.values.iter().any(|kept| kept.here == *column) {
                    true => {
                        from(column).zip(source).is_some_and(|(column, source)| source.never_null.contains(&column))
                    }
                    false => has_default(column),
                };
                !promise.columns.iter().all(is_filled)
            }
            _ => false,
        }
    }
}
