//! Rows that are deleted to make room for others.

use super::super::embedded::{Embedded, Words};
use super::super::{Cost, Rule, Severity};

pub(super) static REPLACES: Rule = Rule {
    name: "sqlite-replaces-rows",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "REPLACE, INSERT OR REPLACE, UPDATE OR REPLACE on a table that has rows",
    reason: "The row that is there is deleted: its columns that are not named are lost, and no delete trigger runs.",
    help: "INSERT ... ON CONFLICT (...) DO UPDATE SET ..., which changes what it names.",
    source: "https://www.sqlite.org/lang_conflict.html",
};

/// What is lost with them is known where the files made the table.
pub(super) fn check(judge: &mut Embedded<'_>, words: &Words) {
    let at = match () {
        () if words.starts("replace into") => 2,
        () if words.starts("insert or replace into") => 4,
        () if words.starts("update or replace") => 3,
        () => return,
    };
    let (table, next) = words.name(at);
    // One that took the place of another has the rows of that.
    if !judge.may_lose_rows(&table) {
        return;
    }
    let known = judge.tables.get(&table).map(|known| known.columns.clone()).unwrap_or_default();
    let named: Vec<&str> = match words.at(next) {
        "(" if !words.starts("update") => words.items(next).into_iter().map(|item| words.named(item.start)).collect(),
        _ => Vec::new(),
    };
    let lost: Vec<&str> = match named.is_empty() {
        true => Vec::new(),
        false => known.iter().map(String::as_str).filter(|column| !named.contains(column)).collect(),
    };
    let severity = if lost.is_empty() && !words.starts("update") { Severity::Warning } else { Severity::Error };
    let message = match (words.starts("update"), lost.is_empty()) {
        (true, _) => format!("rows of {table} that are in the way are deleted"),
        (false, true) => format!("rows of {table} that are there are deleted and made again, without their triggers"),
        (false, false) => format!("of rows of {table} that are there, {} is lost", lost.join(", ")),
    };
    judge.report(&REPLACES, words.range.clone(), message).severity = severity;
}
