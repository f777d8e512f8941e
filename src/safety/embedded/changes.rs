//! Statements that change or delete every row of a table that is older than the file.

use super::bounds::{self, Bounds};
use super::parts::Part;
use super::words::Words;
use super::{Embedded, data};
use std::collections::BTreeSet;

impl Embedded<'_> {
    /// A DELETE or an UPDATE without a condition, or with one that leaves out no row.
    pub(super) fn changed(&mut self, words: &Words) {
        for (verb, rule) in [("delete from", &data::DELETE_ALL), ("update", &data::UPDATE_ALL)] {
            let Some(at) = words.find(verb).filter(|at| self.is_statement(words, *at)) else { continue };
            let behind = at + verb.split(' ').count();
            let name = if words.at(behind) == "or" { behind + 2 } else { behind };
            let (table, _) = words.name(name);
            let condition = bounds::condition(words, at);
            let known = self.tables.get(&table);
            let is_always = condition.clone().is_some_and(|condition| {
                let bounds = Bounds { words, table: &table, known };
                bounds.holds_always(condition.clone()) || bounds.joins_itself(name, condition)
            });
            if (is_always || condition.is_none()) && self.changes_old_rows(words, at, &table) {
                let verb = verb.split(' ').next().unwrap_or(verb).to_uppercase();
                let message = match is_always {
                    true => format!("the condition of this {verb} holds for every row of {table}"),
                    false => format!("{verb} without WHERE changes every row of {table}"),
                };
                self.report(rule, words.bytes(at, words.len()), message);
            }
        }
    }

    /// Whether what a DELETE or UPDATE changes may be of rows that are older than the file.
    pub(super) fn changes_old_rows(&self, words: &Words, at: usize, table: &str) -> bool {
        let Some(known) = self.tables.get(table).filter(|_| self.is_of_this_file(table)) else {
            return self.may_have_rows(table);
        };
        let set = words.find("set").filter(|_| words.at(at) == "update");
        // What a table has of one of another name is a copy, of which the end of the file tells.
        let rows = known.rows.iter().chain(known.parts.iter().map(|part: &Part| &part.rows));
        let mut rows = rows.filter(|rows| rows.of == table);
        let Some(set) = set else { return rows.next().is_some() };
        let ends = |at: &usize| matches!(words.at(*at), "from" | "where");
        let end = bounds::outside(words, set + 1..words.len()).into_iter().find(ends).unwrap_or(words.len());
        let signs = words.parts(set + 1..end).into_iter().map(|part| (part.start, bounds::equals(words, part)));
        let columns: BTreeSet<String> = signs.flat_map(|(start, sign)| words.names(start..sign)).collect();
        rows.any(|rows| rows.values.iter().any(|kept| columns.contains(&kept.here)))
    }

    /// A MERGE that changes or deletes whatever it meets, and meets every row.
    pub(super) fn merge(&mut self, words: &Words) {
        let (table, next) = words.name(2);
        if !words.starts("merge into") || !self.may_lose_rows(&table) {
            return;
        }
        let known = self.tables.get(&table);
        let Some(at) = (Bounds { words, table: &table, known }).merges_all(next) else { return };
        let (verb, rule) = match words.at(at) {
            "delete" => ("deletes", &data::DELETE_ALL),
            _ => ("changes", &data::UPDATE_ALL),
        };
        self.report(rule, words.range.clone(), format!("this MERGE {verb} every row of {table}"));
    }

    /// Whether the word at an index begins a statement, not ON UPDATE or FOR UPDATE; a trigger's body does not run now.
    pub(super) fn is_statement(&self, words: &Words, at: usize) -> bool {
        !words.starts("create") && (at == 0 || matches!(words.at(at - 1), ")" | "("))
    }
}
