//! Tables that are copied part by part: parts that leave out no value are the whole.

use super::bounds::closing;
use super::expressions::{tested, unwrapped};
use super::promises::{Kind, Promise};
use super::queries::{Query, Source};
use super::rows::Holding;
use super::words::Words;
use super::{Embedded, Table};
use std::ops::Range;

/// Some of the rows of a table, by the values of a column that is never NULL.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) rows: Holding,
    column: String,
    bounds: Between,
    /// Whether the column has whole numbers alone.
    is_whole_number: bool,
}

/// The first and the last of some numbers, and whether each is within.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    low: Option<(f64, bool)>,
    high: Option<(f64, bool)>,
}

/// From here on not every whole number is told from the next.
const LARGEST: f64 = 9_007_199_254_740_992.0;

impl Part {
    /// The part of some rows.
    pub(super) fn with(&self, rows: Holding) -> Self {
        Self { rows, ..self.clone() }
    }
}

impl Embedded<'_> {
    /// Whether a condition asks for a value where there always is one.
    pub(super) fn is_value(&self, words: &Words, condition: Range<usize>, query: &Query) -> bool {
        let Source::Table(name) = &query.source else { return false };
        let Some(table) = self.tables.get(name).filter(|_| query.beside.is_empty()) else { return false };
        let is_never_null = |column: &String| {
            let is_own = |promise: &&Promise| promise.columns.contains(column);
            table.rowid() == Some(column)
                || table.promises.iter().filter(is_own).any(|promise| match promise.kind {
                    Kind::NotNull => true,
                    // SQLite takes NULL in all other keys.
                    Kind::PrimaryKey => !self.is_sqlite,
                    _ => false,
                })
        };
        let tested = tested(words, unwrapped(words, condition));
        tested.is_some_and(|((_, column), is_null)| !is_null && is_never_null(&column))
    }

    /// The part of a table that a condition leaves, where it bounds a column that is never NULL; without its rows.
    pub(super) fn part(&self, words: &Words, condition: Range<usize>, query: &Query) -> Option<Part> {
        let Source::Table(name) = &query.source else { return None };
        let table = self.tables.get(name).filter(|_| query.beside.is_empty())?;
        let (column, bounds) = between(words, condition)?;
        let is_rowid = table.rowid() == Some(&column);
        let is_key = |promise: &Promise| match promise.kind {
            Kind::NotNull => promise.columns == [column.clone()],
            // SQLite takes NULL in all other keys.
            Kind::PrimaryKey => promise.columns.contains(&column) && (is_rowid || !self.is_sqlite),
            _ => false,
        };
        let data_type = table.types.get(&column).map_or("", String::as_str);
        let is_integer = matches!(data_type, "integer" | "bigint" | "int" | "smallint" | "hugeint");
        let rows = Holding { of: String::new(), values: Vec::new(), is_all: false, among: Vec::new(), loss: None };
        let is_whole_number = is_rowid || is_integer && !self.is_sqlite;
        table.promises.iter().any(is_key).then_some(Part { rows, column, bounds, is_whole_number })
    }
}

impl Table {
    /// Takes parts for a whole, where they leave out no value.
    pub(super) fn join_parts(&mut self) {
        let Some(last) = self.parts.last().cloned() else { return };
        let is_like = |part: &&Part| part.rows.of == last.rows.of && part.column == last.column;
        let mut parts: Vec<&Part> = self.parts.iter().filter(is_like).collect();
        parts.sort_by(|a, b| {
            let low = |part: &Part| part.bounds.low.map_or(f64::NEG_INFINITY, |(low, _)| low);
            low(a).total_cmp(&low(b))
        });
        // What is covered from the least value on: up to here, and whether that is within.
        let mut reached: Option<(f64, bool)> = None;
        for (place, part) in parts.iter().enumerate() {
            let meets = match (reached, part.bounds.low) {
                (None, low) => place == 0 && low.is_none(),
                (Some(_), None) => true,
                (Some((high, with_high)), Some((low, with_low))) => {
                    low < high
                        || low == high && (with_low || with_high)
                        || last.is_whole_number && with_low && with_high && low == high + 1.0
                }
            };
            if !meets {
                return;
            }
            reached = match (reached, part.bounds.high) {
                (_, None) => {
                    let mut rows = last.rows.clone();
                    rows.values.retain(|kept| parts.iter().all(|part| part.rows.values.contains(kept)));
                    rows.is_all = parts.iter().all(|part| part.rows.is_all);
                    rows.loss = parts.iter().find_map(|part| part.rows.loss.clone());
                    self.rows.push(rows);
                    return;
                }
                (Some(reached), Some(high)) if reached.0 > high.0 => Some(reached),
                (_, high) => high,
            };
        }
    }
}

/// Whether bounds leave out no key as programs count them: from 1 on, in a column that is named as keys are.
pub(super) fn first_keys(column: &str, bounds: &Between) -> bool {
    let is_first = |(low, with_low): (f64, bool)| low <= 0.0 || with_low && low <= 1.0;
    matches!(column, "id" | "rowid") && bounds.high.is_none() && bounds.low.is_some_and(is_first)
}

/// Whether a condition is true of every row, NULL or not.
pub(super) fn is_true(words: &Words, condition: Range<usize>) -> bool {
    let mut range = condition;
    while range.len() > 2 && words.at(range.start) == "(" && closing(words, range.start) + 1 == range.end {
        range = range.start + 1..range.end - 1;
    }
    let is_number = |at: usize| words.at(at).parse::<u32>().is_ok_and(|number| number != 0);
    match range.len() {
        1 => words.at(range.start) == "true" || is_number(range.start),
        3 => {
            words.at(range.start + 1) == "="
                && is_number(range.start)
                && words.at(range.start) == words.at(range.start + 2)
        }
        _ => false,
    }
}

/// The column that a condition bounds by numbers, and its bounds.
pub(super) fn between(words: &Words, condition: Range<usize>) -> Option<(String, Between)> {
    let number = |at: usize| {
        let (sign, at) = if words.at(at) == "-" { (-1.0, at + 1) } else { (1.0, at) };
        let number = words.at(at).parse::<f64>().ok().filter(|number| *number < LARGEST)?;
        Some((sign * number, at + 1))
    };
    let (mut at, mut column) = (condition.start, None);
    let mut bounds = Between { low: None, high: None };
    while at < condition.end {
        at += if words.at(at + 1) == "." { 2 } else { 0 };
        let name = words.named(at);
        if !words.is_name(at) || column.replace(name).is_some_and(|column| column != name) {
            return None;
        }
        let (low, high, next) = match (words.at(at + 1), words.at(at + 2)) {
            ("between", _) => {
                let (least, next) = number(at + 2)?;
                let (most, next) = number(next + 1).filter(|_| words.at(next) == "and")?;
                (Some((least, true)), Some((most, true)), next)
            }
            (">", "=") => number(at + 3).map(|(number, next)| (Some((number, true)), None, next))?,
            ("<", "=") => number(at + 3).map(|(number, next)| (None, Some((number, true)), next))?,
            (">", _) => number(at + 2).map(|(number, next)| (Some((number, false)), None, next))?,
            ("<", _) => number(at + 2).map(|(number, next)| (None, Some((number, false)), next))?,
            _ => return None,
        };
        if low.is_some() && bounds.low.is_some() || high.is_some() && bounds.high.is_some() {
            return None;
        }
        bounds = Between { low: low.or(bounds.low), high: high.or(bounds.high) };
        at = next;
        if at < condition.end {
            at = Some(at + 1).filter(|next| words.at(at) == "and" && *next < condition.end)?;
        }
    }
    Some((column?.to_owned(), bounds))
}
