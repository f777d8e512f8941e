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

/// What a macro takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// Whether a file made it.
    pub(super) is_made: bool,
    /// The names of what must be given, and of what can be left out.
    needed: Vec<String>,
    optional: Vec<String>,
}

impl Signature {
    /// Of a macro that the database has: which of its arguments can be left out is not known.
    pub(super) fn of_host(arguments: &[String]) -> Self {
        Self { is_made: false, needed: arguments.to_vec(), optional: Vec::new() }
    }

    /// Whether whoever calls it as the other one can call this one.
    fn serves(&self, other: &Self) -> bool {
        let mine: Vec<&String> = self.needed.iter().chain(&self.optional).collect();
        let others: Vec<&String> = other.needed.iter().chain(&other.optional).collect();
        let given = if other.is_made { other.needed.len() } else { others.len() };
        mine.starts_with(&others) && self.needed.len() <= given
    }
}

/// What a macro takes, behind its name; one may have several texts.
pub(super) fn signatures(words: &Words, at: usize) -> Vec<Signature> {
    let mut depth = 0i64;
    let starts = (at..words.len()).filter(|start| {
        let is_start = depth == 0 && words.at(*start) == "(" && (*start == at || words.at(start - 1) == ",");
        depth += words.opens(*start);
        is_start
    });
    let signature = |start: usize| {
        let (optional, needed): (Vec<_>, Vec<_>) = words
            .items(start)
            .into_iter()
            .filter(|item| !item.is_empty())
            .partition(|item| item.clone().any(|at| words.at(at) == "="));
        let name = |item: std::ops::Range<usize>| words.named(item.start).to_owned();
        Signature {
            is_made: true,
            needed: needed.into_iter().map(name).collect(),
            optional: optional.into_iter().map(name).collect(),
        }
    };
    starts.map(signature).collect()
}

impl Embedded<'_> {
    /// A sequence, macro or view that takes the place of one that is there.
    pub(in crate::safety) fn replace_object(&mut self, words: &Words, cannot_run: &'static Rule) {
        let kind = words.at(3);
        let (name, next) = words.name(4);
        let all = words.range.clone();
        if kind == "view" {
            return self.replace_view(words, &name);
        }
        if !matches!(kind, "sequence" | "macro" | "function") {
            return;
        }
        if kind == "sequence"
            && let Some((table, column)) = self.users_of(&name).first()
        {
            self.report(cannot_run, all.clone(), format!("the default of {table}.{column} uses {name}"));
        }
        if self.objects_of_this_file.contains(&name) {
            return;
        }
        if kind == "sequence" {
            if self.sequences.contains(&name) {
                self.report(&drops::SEQUENCE_DROPPED, all, format!("the sequence {name} begins again"));
            }
            return;
        }
        let now = signatures(words, next);
        let was = self.macros.get(&name).map(Vec::as_slice).unwrap_or_default();
        if was.iter().any(|was| !now.iter().any(|now| now.serves(was))) {
            let message =
                format!("the {kind} {name} is made again with other arguments: what calls it as before fails");
            self.report(&drops::FUNCTION_DROPPED, all, message);
        }
    }

    /// The columns whose defaults use something, each with its table.
    fn users_of(&self, name: &str) -> Vec<(String, String)> {
        let columns = self.tables.iter().flat_map(|(table, known)| {
            let users = known.defaults.iter().filter(|(_, uses)| uses.contains(name));
            users.map(move |(column, _)| (table.clone(), column.clone()))
        });
        columns.collect()
    }

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
        let users = self.users_of(&name);
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
