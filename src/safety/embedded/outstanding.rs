//! Values that an open transaction has changed: DuckDB makes no index of them, nor looks whether they are NULL, until it is over.

use super::super::{Rule, Severity};
use super::keys::changed_columns;
use super::words::{Words, temporary};
use super::{Embedded, Mention, Table, bounds};
use std::collections::{BTreeMap, BTreeSet};

/// What stands for all columns of a table that nobody knows.
const ALL: &str = "*";

/// What the open transaction has changed.
#[derive(Default)]
pub(super) struct Outstanding {
    /// By the table, the columns that rows older than the transaction have otherwise by now, and whether that is sure.
    changed: BTreeMap<String, BTreeMap<String, bool>>,
    /// Tables that have no row that is older than the transaction.
    fresh: BTreeSet<String>,
}

impl Embedded<'_> {
    /// Reports an index, a key or NOT NULL of a column that the transaction has changed before, and takes in what it changes.
    pub(in crate::safety) fn behind_update(&mut self, words: &Words, rule: &'static Rule) {
        if !self.in_transaction() {
            return;
        }
        if let Some((table, columns)) = self.looked_into(words) {
            let changed = self.outstanding.changed.get(&table);
            let is_sure = |column: &str| changed.and_then(|of| of.get(column).or(of.get(ALL))).copied();
            let mut found = columns.iter().filter(|column| is_sure(column).is_some());
            if let Some(column) = found.clone().next() {
                let severity = match found.any(|column| is_sure(column) == Some(true)) {
                    true => rule.severity,
                    false => Severity::Warning,
                };
                let message = format!(
                    "the same transaction changes {table}.{column} before: where a row was changed, this statement fails"
                );
                self.report(rule, words.range.clone(), message).severity = severity;
            }
        }
        self.note_outstanding(words);
    }

    /// The table and the columns of which a statement makes an index, or in which it looks for NULL.
    fn looked_into(&self, words: &Words) -> Option<(String, BTreeSet<String>)> {
        if words.starts("create index") || words.starts("create unique index") {
            let at = words.find("index")? + 1;
            let (index, next) = words.name(words.past_if(at));
            let (table, next) = words.name(next + 1);
            let is_there = words.is_at(at, "if not exists")
                && self.tables.get(&table).is_some_and(|known| known.indexes.contains_key(&index));
            return (!is_there).then(|| (table, words.names(next..words.len())));
        }
        let (table, at) = words.name(words.past_if(2));
        if !words.starts("alter table") {
            return None;
        }
        match words.at(at) {
            "alter" if words.has("set not null") => {
                let column = words.named(if words.at(at + 1) == "column" { at + 2 } else { at + 1 });
                let is_kept = self.tables.get(&table).is_some_and(|known| known.never_null.contains(column));
                (!is_kept).then(|| (table, BTreeSet::from([column.to_owned()])))
            }
            "add" if matches!(words.at(at + 1), "constraint" | "unique" | "primary") => {
                let of = words.items(at).into_iter().map(|item| words.named(item.start).to_owned());
                Some((table, of.collect()))
            }
            _ => None,
        }
    }

    fn note_outstanding(&mut self, words: &Words) {
        match words.at(0) {
            "create" => {
                let Some(at) = words.find("table").filter(|at| *at < 5) else { return };
                let (name, _) = words.name(words.past_if(at + 1));
                let is_temporary = (1..at).any(|at| matches!(words.at(at), "temp" | "temporary"));
                let name = if is_temporary { temporary(name.trim_start_matches("temp.")) } else { name };
                if !words.is_at(at + 1, "if not exists") || !self.tables.contains_key(&name) {
                    self.outstanding.changed.remove(&name);
                    self.outstanding.fresh.insert(name);
                }
                return;
            }
            "drop" if words.at(1) == "table" => {
                let (name, _) = words.name(words.past_if(2));
                self.outstanding.changed.remove(&name);
                self.outstanding.fresh.remove(&name);
                return;
            }
            "alter" => return self.outstanding.alter(words),
            _ => {}
        }
        for (table, columns, is_sure) in changes(words, &self.tables) {
            let Some(columns) = columns else {
                // No row that is older is left, or there was none.
                _ = self.outstanding.fresh.insert(table);
                continue;
            };
            if self.outstanding.fresh.contains(&table) || !self.may_have_rows(&table) {
                self.outstanding.fresh.insert(table);
                continue;
            }
            let known = self.tables.get(&table);
            // Rows are deleted and inserted again then.
            if known.is_some_and(|known| columns.iter().any(|column| known.is_made_anew_with(column))) {
                continue;
            }
            let of = self.outstanding.changed.entry(table).or_default();
            columns.into_iter().for_each(|column| *of.entry(column).or_default() |= is_sure);
        }
        if let Some(into) = words.find("into").filter(|_| words.has("insert into")) {
            let (table, _) = words.name(into + 1);
            if !self.may_have_rows(&table) {
                self.outstanding.fresh.insert(table);
            }
        }
    }
}

impl Outstanding {
    fn alter(&mut self, words: &Words) {
        let (table, at) = words.name(words.past_if(2));
        let column = if words.at(at + 1) == "column" { at + 2 } else { at + 1 };
        match words.at(at) {
            "rename" if words.at(at + 1) == "to" => {
                let now = words.name(at + 2).0;
                if let Some(changed) = self.changed.remove(&table) {
                    self.changed.insert(now.clone(), changed);
                }
                if self.fresh.remove(&table) {
                    self.fresh.insert(now);
                }
            }
            "rename" => {
                if let Some(changed) = self.changed.get_mut(&table)
                    && let Some(is_sure) = changed.remove(words.named(column))
                {
                    changed.insert(words.named(column + 2).to_owned(), is_sure);
                }
            }
            // The values are written anew, or are gone.
            "drop" | "alter" if words.at(at) == "drop" || words.has("type") => {
                let column = words.named(words.past_if(column));
                self.changed.get_mut(&table).and_then(|changed| changed.remove(column));
            }
            _ => {}
        }
    }
}

impl Table {
    /// Whether DuckDB deletes a row and inserts it again where this column is set: an index has it, or it is a list.
    fn is_made_anew_with(&self, column: &String) -> bool {
        let is_indexed = |(mention, names): (&Mention, &BTreeSet<String>)| {
            matches!(mention, Mention::Index(_)) && names.contains(column)
        };
        self.keys.contains(column)
            || self.foreign.contains_key(column)
            || self.indexes.values().any(|columns| columns.contains(column))
            || self.mentions.iter().any(is_indexed)
            || self
                .types
                .get(column)
                .is_some_and(|data_type| data_type.contains('[') || data_type.to_lowercase().starts_with("map"))
    }
}

/// The tables whose rows a statement changes: the columns that it sets, and whether it surely does where there are rows; without
/// columns, where it leaves no row.
fn changes(words: &Words, tables: &BTreeMap<String, Table>) -> Vec<(String, Option<BTreeSet<String>>, bool)> {
    let all = |table: &String| -> BTreeSet<String> {
        let known = tables.get(table).map(|known| &known.columns).filter(|columns| !columns.is_empty());
        known.map_or_else(|| BTreeSet::from([ALL.to_owned()]), |columns| columns.iter().cloned().collect())
    };
    let outside = bounds::outside(words, 0..words.len());
    let place = |word: &str| outside.iter().copied().find(|at| words.at(*at) == word);
    let verb = outside
        .iter()
        .copied()
        .find(|at| matches!(words.at(*at), "insert" | "update" | "merge" | "delete" | "truncate"));
    let Some(verb) = verb else { return Vec::new() };
    match words.at(verb) {
        "update" => {
            let (table, next) = words.name(verb + 1);
            vec![(table, Some(changed_columns(words, next)), true)]
        }
        "truncate" => vec![(words.name(verb + 1 + usize::from(words.at(verb + 1) == "table")).0, None, true)],
        "delete" if place("where").is_none() && place("using").is_none() => vec![(words.name(verb + 2).0, None, true)],
        "merge" => {
            let (table, _) = words.name(verb + 2);
            let updates = outside.iter().copied().filter(|at| words.is_at(*at, "then update"));
            let set = updates.map(|at| match words.is_at(at + 2, "set") && words.at(at + 3) != "*" {
                true => changed_columns(words, at + 2),
                false => all(&table),
            });
            set.map(|set| (table.clone(), Some(set), true)).collect()
        }
        "insert" => {
            let Some(into) = place("into") else { return Vec::new() };
            let (table, next) = words.name(into + 1);
            let set = outside.iter().copied().find(|at| words.is_at(*at, "do update set"));
            let keys = tables.get(&table).map(|known| known.keys.clone()).unwrap_or_default();
            let set = match set {
                Some(at) => changed_columns(words, at + 2),
                None if words.is_at(verb, "insert or replace") && words.at(next) == "(" => {
                    words.items(next).into_iter().map(|item| words.named(item.start).to_owned()).collect()
                }
                None if words.is_at(verb, "insert or replace") => all(&table),
                None => return Vec::new(),
            };
            vec![(table, Some(set.difference(&keys).cloned().collect()), false)]
        }
        _ => Vec::new(),
    }
}
