//! What stands beside tables and is used by them: sequences, types and macros; and whether tables have rows.

use super::super::postgres::drops;
use super::super::{Rule, Severity};
use super::Embedded;
use super::words::Words;

/// Where a statement makes a type or a macro, and which.
pub(super) fn made_later(words: &Words) -> Option<(usize, String)> {
    let at = (1..5).find(|at| matches!(words.at(*at), "type" | "macro" | "function"))?;
    words.starts("create").then(|| (words.range.start, words.name(words.past_if(at + 1)).0))
}

impl Embedded<'_> {
    /// A sequence, type or macro that goes. Tables whose columns use a sequence or a macro hold on to it; with CASCADE they go
    /// too. A column keeps its type.
    pub(in crate::safety) fn drop_object(&mut self, words: &Words, cannot_run: &'static Rule) {
        let kind = words.at(1);
        let rule = match kind {
            "sequence" => &drops::SEQUENCE_DROPPED,
            "type" => &drops::TYPE_DROPPED,
            "macro" | "function" => &drops::FUNCTION_DROPPED,
            _ => return,
        };
        let (name, _) = words.name(words.past_if(if words.at(2) == "table" { 3 } else { 2 }));
        let all = words.range.clone();
        let uses = |column: &(&String, &String)| {
            self.tables
                .get(column.0)
                .and_then(|table| table.defaults.get(column.1))
                .is_some_and(|uses| uses.contains(&name))
        };
        let columns =
            self.tables.iter().flat_map(|(table, known)| known.defaults.keys().map(move |column| (table, column)));
        let users: Vec<(String, String)> =
            columns.filter(uses).map(|(table, column)| (table.clone(), column.clone())).collect();
        let is_own = self.objects_of_this_file.contains(&name);
        let is_all_own = is_own && users.iter().all(|(table, _)| self.is_of_this_file(table));
        if kind != "type" && words.at(words.len() - 1) == "cascade" {
            let tables: Vec<&str> = users.iter().map(|(table, _)| table.as_str()).collect();
            let message = match tables.as_slice() {
                [] => format!("tables that use {name} go with it, and their rows"),
                tables => format!("the data of {} is lost with {name}", tables.join(" and ")),
            };
            if !is_all_own {
                self.report(&drops::CASCADE, all.clone(), message);
            }
        } else if kind != "type"
            && let Some((table, column)) = users.first()
        {
            self.report(cannot_run, all.clone(), format!("the default of {table}.{column} uses {name}"));
        }
        if is_own {
            return;
        }
        let comes_again = self.objects_later.iter().any(|(at, later)| *at > all.start && *later == name);
        if comes_again && kind != "sequence" && self.in_transaction() {
            let message = format!("the {kind} {name} is made again: whether as it was is not known");
            self.report(rule, all, message).severity = Severity::Warning;
        } else {
            self.report(rule, all, format!("the {kind} {name} is dropped"));
        }
    }

    /// A table that rows come into.
    pub(super) fn fill(&mut self, words: &Words) {
        let Some(into) = words.find("into") else { return };
        let (name, _) = words.name(into + 1);
        if let Some(table) = self.tables.get_mut(&name) {
            table.is_filled = true;
        }
        self.rehearsed.note_empty(&name, false);
    }

    /// A table whose rows all go.
    pub(super) fn empty(&mut self, words: &Words) {
        let at = if words.starts("delete from") || words.starts("truncate table") { 2 } else { 1 };
        let (name, next) = words.name(at);
        if next == words.len()
            && let Some(table) = self.tables.get_mut(&name)
        {
            table.is_filled = false;
            self.rehearsed.note_empty(&name, table.is_found_empty);
        }
    }
}
