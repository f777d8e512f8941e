//! What expressions read: which columns, and which of their values they give as they are.

use super::bounds::{closing, outside};
use super::words::Words;
use std::ops::Range;

/// A column that is read.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) of: Option<String>,
    pub(super) column: String,
    /// The types that it is cast to, one after the other.
    pub(super) casts: Vec<String>,
    /// Whether what is given is the value itself, but for the casts, or for what stands in for NULL.
    pub(super) is_kept: bool,
}

/// A range without the parentheses around it.
pub(super) fn unwrapped(words: &Words, mut range: Range<usize>) -> Range<usize> {
    while range.start + 1 < range.end && words.at(range.start) == "(" && closing(words, range.start) + 1 == range.end {
        range = range.start + 1..range.end - 1;
    }
    range
}

/// The column that an expression is, and its table, if it says one.
pub(super) fn column(words: &Words, range: Range<usize>) -> Option<(Option<String>, String)> {
    let is_name = |at: usize| words.is_name(at) || matches!(words.at(at), "rowid");
    match range.len() {
        1 if is_name(range.start) => Some((None, words.named(range.start).to_owned())),
        3 if words.at(range.start + 1) == "." && is_name(range.start + 2) => {
            Some((Some(words.named(range.start).to_owned()), words.named(range.start + 2).to_owned()))
        }
        5 if words.at(range.start + 1) == "." => column(words, range.start + 2..range.end),
        _ => None,
    }
}

/// The columns that an expression reads, and which of them it gives as they are.
pub(super) fn reads(words: &Words, expression: Range<usize>) -> Vec<Read> {
    let range = unwrapped(words, expression);
    if let Some((of, column)) = column(words, range.clone()) {
        return vec![Read { of, column, casts: Vec::new(), is_kept: true }];
    }
    if let Some(found) = unless_null(words, range.clone()) {
        return found;
    }
    let Range { start, end } = range;
    let is_call = words.at(start + 1) == "(" && closing(words, start + 1) + 1 == end;
    if is_call && words.at(start) == "cast" {
        if let Some(cut) = outside(words, start + 2..end - 1).into_iter().rfind(|at| words.at(*at) == "as") {
            return cast(reads(words, start + 2..cut), words.joined(cut + 1..end - 1));
        }
    } else if is_call && matches!(words.at(start), "coalesce" | "ifnull") {
        let parts = words.parts(start + 2..end - 1);
        let mut found = parts.first().map(|first| reads(words, first.clone())).unwrap_or_default();
        found.extend(parts.iter().skip(1).flat_map(|part| read_anywhere(words, part.clone())));
        return found;
    }
    let cut = outside(words, range.clone()).into_iter().rfind(|at| words.is_at(*at, ": :"));
    if let Some(cut) = cut.filter(|cut| (cut + 2..end).all(|at| !matches!(words.at(at), "+" | "-" | "*" | "/" | "|"))) {
        // A cast binds to what stands right before it.
        let inner = unwrapped(words, start..cut);
        if inner != (start..cut) || column(words, start..cut).is_some() || words.is_at(cut.saturating_sub(3), ": :") {
            return cast(reads(words, start..cut), words.joined(cut + 2..end));
        }
    }
    read_anywhere(words, range)
}

fn cast(mut reads: Vec<Read>, data_type: String) -> Vec<Read> {
    reads.iter_mut().for_each(|read| read.casts.push(data_type.clone()));
    reads
}

fn read_anywhere(words: &Words, range: Range<usize>) -> Vec<Read> {
    let is_read = |at: &usize| words.is_name(*at) && !matches!(words.at(at + 1), "(" | ".");
    let read = |at: usize| {
        let of = (at > range.start && words.at(at - 1) == ".").then(|| words.named(at - 2).to_owned());
        Read { of, column: words.named(at).to_owned(), casts: Vec::new(), is_kept: false }
    };
    range.clone().filter(is_read).map(read).collect()
}

/// What a choice reads that gives the value of a column as it is, and something else where it is NULL.
fn unless_null(words: &Words, range: Range<usize>) -> Option<Vec<Read>> {
    let Choice { condition, then, otherwise } = choice(words, range)?;
    let (tested, is_null) = tested(words, unwrapped(words, condition))?;
    let (kept, instead) = if is_null { (otherwise?, Some(then)) } else { (then, otherwise) };
    let mut found = reads(words, kept);
    let is_tested = |read: &&Read| read.is_kept && (&read.of, &read.column) == (&tested.0, &tested.1);
    found.first().filter(is_tested)?;
    found.extend(instead.into_iter().flat_map(|instead| read_anywhere(words, instead)));
    Some(found)
}

/// A CASE or IIF of one condition.
struct Choice {
    condition: Range<usize>,
    /// What it gives where that holds.
    then: Range<usize>,
    /// What else, if it says so.
    otherwise: Option<Range<usize>>,
}

fn choice(words: &Words, range: Range<usize>) -> Option<Choice> {
    let Range { start, end } = range;
    if matches!(words.at(start), "iif" | "if") && words.at(start + 1) == "(" && closing(words, start + 1) + 1 == end {
        let parts = words.parts(start + 2..end - 1);
        let [condition, then, otherwise @ ..] = parts.as_slice() else { return None };
        let (condition, then) = (condition.clone(), then.clone());
        return (otherwise.len() < 2).then(|| Choice { condition, then, otherwise: otherwise.first().cloned() });
    }
    if !words.is_at(start, "case when") || words.at(end - 1) != "end" {
        return None;
    }
    let (mut depth, mut then, mut otherwise) = (0, None, None);
    for at in start + 2..end - 1 {
        match words.at(at) {
            "(" | "case" => depth += 1,
            // What ends before the last word is another CASE.
            ")" | "end" if depth == 0 => return None,
            ")" | "end" => depth -= 1,
            "when" if depth == 0 => return None,
            "then" if depth == 0 => then = then.or(Some(at)),
            "else" if depth == 0 => otherwise = otherwise.or(Some(at)),
            _ => {}
        }
    }
    let then = then?;
    Some(Choice {
        condition: start + 2..then,
        then: then + 1..otherwise.unwrap_or(end - 1),
        otherwise: otherwise.map(|at| at + 1..end - 1),
    })
}

/// The column that a condition finds NULL, or not NULL: whether it is the former.
pub(super) fn tested(words: &Words, condition: Range<usize>) -> Option<((Option<String>, String), bool)> {
    let forms = [("is null", true), ("isnull", true), ("is not null", false), ("not null", false), ("notnull", false)];
    forms.into_iter().find_map(|(form, is_null)| {
        let at = condition.end.checked_sub(form.split(' ').count()).filter(|at| *at > condition.start)?;
        let tested = words.is_at(at, form).then(|| column(words, unwrapped(words, condition.start..at)))??;
        Some((tested, is_null))
    })
}
