//! Rows that are copied from one table to another, as a rebuild does it.

use super::super::postgres::renames;
use super::super::{Cost, Rule, Severity};
use super::words::Words;
use super::{Embedded, Mention, Table};
use std::collections::BTreeSet;
use std::ops::Range;

pub(in crate::safety) static MIXED_UP: Rule = Rule {
    name: "columns-mixed-up",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "INSERT ... SELECT without names, into a table that has the columns in another order",
    reason: "Values go by their place, not by their name: each comes into the column of another.",
    help: "Name the columns on both sides: INSERT INTO new (a, b) SELECT a, b FROM old.",
    source: "https://www.sqlite.org/lang_insert.html",
};

/// What a statement about a table or a column of it promises of its values, by its words.
pub(super) fn promises(words: &Words, item: Range<usize>) -> impl Iterator<Item = &'static str> {
    let kinds = [
        ("primary key", "PRIMARY KEY"),
        ("unique", "UNIQUE"),
        ("check", "CHECK"),
        ("not null", "NOT NULL"),
        ("default", "DEFAULT"),
        ("references", "FOREIGN KEY"),
    ];
    let found: Vec<&str> = kinds
        .into_iter()
        .filter(|(said, _)| item.clone().any(|at| words.is_at(at, said)))
        .map(|(_, kind)| kind)
        .collect();
    found.into_iter()
}

/// What is copied of a table whose rows are all copied.
pub(super) struct Copied {
    /// The words that the query reads, `*` among them.
    read: BTreeSet<String>,
    /// The columns that the query gives as they are.
    as_they_are: Vec<String>,
}

impl Copied {
    pub(super) fn reads(&self, column: &str) -> bool {
        self.read.contains("*") || self.read.contains(column)
    }

    /// The columns of a table that are copied; of one that the files do not know, as far as the query names them.
    pub(super) fn columns_of(self, table: &Table) -> Vec<String> {
        if table.columns.is_empty() {
            return self.as_they_are;
        }
        let is_copied = |column: &&String| self.reads(column) && !table.computed.contains(*column);
        table.columns.iter().filter(is_copied).cloned().collect()
    }
}

/// A table that a file dropped.
pub(in crate::safety) struct Dropped {
    /// As it was.
    pub(super) was: Table,
    /// Its columns whose values the file copied before.
    pub(super) copied: Vec<String>,
    /// Where it was dropped.
    pub(super) range: Range<usize>,
}

/// Whether a query leaves out no row of the table that it reads.
pub(super) fn is_whole(words: &Words) -> bool {
    let some = ["where", "limit", "offset", "distinct", "group", "having", "join", "using", "except", "intersect"];
    !some.iter().any(|word| words.has(word))
}

/// The part of a query between SELECT and FROM, and the index of FROM.
fn selected(words: &Words) -> Option<(Range<usize>, usize)> {
    let Some(select) = words.find("select") else {
        return words.find("from").map(|from| (from..from, from));
    };
    let mut depth = 0;
    let from = (select + 1..words.len()).find(|at| {
        depth += words.opens(*at);
        depth == 0 && words.at(*at) == "from"
    })?;
    Some((select + 1..from, from))
}

/// The column that a part of a query gives as it is.
fn as_it_is(words: &Words, item: &Range<usize>) -> Option<String> {
    let (name, next) = words.name(item.start);
    let is_end = next == item.end || words.at(next) == "as";
    (is_end && words.is_name(next - 1)).then_some(name)
}

impl Table {
    pub(super) fn rename_column(&mut self, from: &str, to: &str) {
        let indexed = self.indexes.values_mut().flatten();
        for column in self.columns.iter_mut().chain(indexed).filter(|column| *column == from) {
            to.clone_into(column);
        }
        if let Some(names) = self.mentions.remove(&Mention::Column(from.to_owned())) {
            self.mentions.insert(Mention::Column(to.to_owned()), names);
        }
        if let Some(by_table) = self.foreign.remove(from) {
            self.foreign.insert(to.to_owned(), by_table);
        }
        for columns in
            [&mut self.computed, &mut self.keys, &mut self.never_null].into_iter().chain(self.mentions.values_mut())
        {
            if columns.remove(from) {
                columns.insert(to.to_owned());
            }
        }
    }
}

impl Embedded<'_> {
    /// Notes which table a query reads whole, and what of it, unless rows are left out where they are written.
    pub(super) fn copy(&mut self, words: &Words) {
        let leaves_out = words.starts("replace") || words.starts("insert or") || words.has("on conflict");
        if leaves_out && !words.starts("create") {
            return;
        }
        let Some((list, from)) = selected(words).filter(|_| is_whole(words)) else { return };
        // A name behind AS is one that the query gives.
        let read = list.clone().filter(|at| words.at(at - 1) != "as").map(|at| words.named(at).to_owned());
        let as_they_are = words.parts(list.clone()).iter().filter_map(|item| as_it_is(words, item)).collect();
        let read = if list.is_empty() { BTreeSet::from(["*".to_owned()]) } else { read.collect() };
        self.copied.insert(words.name(from + 1).0, Copied { read, as_they_are });
    }

    /// The names of the columns that a query gives, where its words tell.
    pub(super) fn columns_of_query(&self, words: &Words) -> Option<Vec<String>> {
        let (list, from) = selected(words)?;
        let mut columns = Vec::new();
        for item in words.parts(list) {
            if item.len() == 1 && words.at(item.start) == "*" {
                columns.extend(self.tables.get(&words.name(from + 1).0)?.columns.iter().cloned());
            } else if item.len() > 2 && words.at(item.end - 2) == "as" {
                columns.push(words.named(item.end - 1).to_owned());
            } else {
                columns.push(as_it_is(words, &item)?);
            }
        }
        Some(columns)
    }

    /// Reports values that a query without names brings into the columns of others.
    pub(super) fn mixed_up(&mut self, words: &Words) {
        let Some(into) = words.find("into").filter(|_| matches!(words.at(0), "insert" | "replace")) else { return };
        let (table, next) = words.name(into + 1);
        if !matches!(words.at(next), "select" | "from") {
            return;
        }
        let Some(into) = self.tables.get(&table) else { return };
        let Some(given) = self.columns_of_query(words) else { return };
        let taken: Vec<&String> = into.columns.iter().filter(|column| !into.computed.contains(*column)).collect();
        let mixed = given.iter().zip(&taken).filter(|(given, column)| given != *column && taken.contains(given));
        let mixed: Vec<String> = mixed.map(|(given, taken)| format!("{given} comes into {taken}")).collect();
        if !mixed.is_empty() {
            let message = format!("the columns of {table} are in another order: {}", mixed.join(", "));
            self.report(&MIXED_UP, words.range.clone(), message);
        }
    }

    /// Reports tables that this file makes anew by a query, which takes the values alone.
    pub(in crate::safety) fn promises_lost(&mut self, rule: &'static Rule) {
        let lost = self.dropped.iter().filter_map(|(name, Dropped { was, range, .. })| {
            let now = self.tables.get(name).filter(|now| now.is_of_query)?;
            let lost: Vec<&str> = was.promises.difference(&now.promises).copied().collect();
            match (lost.is_empty(), was.columns.is_empty()) {
                (false, _) => Some((range.clone(), format!("{name} is rebuilt without its {}", lost.join(", ")), rule.severity)),
                (true, true) => {
                    let message = format!(
                        "{name} is rebuilt by a query, without the keys, NOT NULL, CHECK and DEFAULT that it may have had; \
                         which, is not in these files"
                    );
                    Some((range.clone(), message, Severity::Warning))
                }
                (true, false) => None,
            }
        });
        for (range, message, severity) in lost.collect::<Vec<_>>() {
            self.report(rule, range, message).severity = severity;
        }
    }

    /// Columns whose values are under another name once their table is made anew.
    pub(super) fn renamed_by_rebuilds(&mut self) {
        let renamed = self.dropped.iter().filter_map(|(name, dropped)| {
            let now = self.tables.get(name).filter(|now| !now.columns.is_empty())?;
            let gone = dropped.copied.iter().filter(|column| !now.columns.contains(column));
            let gone: Vec<String> = gone.map(|column| format!("{name}.{column}")).collect();
            (!gone.is_empty()).then(|| (dropped.range.clone(), gone.join(" and ")))
        });
        for (range, columns) in renamed.collect::<Vec<_>>() {
            let last = std::mem::replace(&mut self.statement, range.clone());
            let message = format!("what was in {columns} has another name once the table is made anew");
            self.report(&renames::COLUMN_RENAMED, range, message);
            self.statement = last;
        }
    }
}
