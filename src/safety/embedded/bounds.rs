//! Conditions that leave out no row.

use super::words::Words;
use std::ops::Range;

/// The words of the condition of the statement that begins at an index, if it has one.
pub(super) fn condition(words: &Words, at: usize) -> Option<Range<usize>> {
    let outside = outside(words, at..words.len());
    let start = *outside.iter().find(|at| words.at(**at) == "where")? + 1;
    let ends = |at: &&usize| **at >= start && matches!(words.at(**at), "returning" | "order" | "limit");
    // What closes the parenthesis that the statement is in is not outside any more.
    let last = outside.last().map_or(start, |last| closing(words, *last) + 1);
    Some(start..outside.iter().find(ends).copied().unwrap_or(last))
}

/// The places of a range that are in no parenthesis of it, up to one that it does not open; those that open one among them.
fn outside(words: &Words, range: Range<usize>) -> Vec<usize> {
    let mut depth = 0;
    let mut found = Vec::new();
    for at in range {
        let is_outside = depth == 0;
        depth += words.opens(at);
        if depth < 0 {
            break;
        }
        if is_outside {
            found.push(at);
        }
    }
    found
}

/// Where the parenthesis that a word opens is closed; the word itself where it opens none.
fn closing(words: &Words, open: usize) -> usize {
    let mut depth = 0;
    let is_end = |at: &usize| {
        depth += words.opens(*at);
        depth <= 0
    };
    (open..words.len()).find(is_end).unwrap_or(open)
}

/// Whether a condition holds for every row of a table, or for none of it and all of it alike.
pub(super) fn holds_always(words: &Words, condition: Range<usize>, table: &str) -> bool {
    let Range { start, end } = condition;
    if start >= end {
        return false;
    }
    if words.at(start) == "(" && closing(words, start) + 1 == end && words.at(start + 1) != "select" {
        return holds_always(words, start + 1..end - 1, table);
    }
    let parts = |word: &str| {
        let cuts: Vec<usize> = outside(words, start..end).into_iter().filter(|at| words.at(*at) == word).collect();
        let starts = std::iter::once(start).chain(cuts.iter().map(|cut| cut + 1));
        starts.zip(cuts.iter().copied().chain([end])).map(|(start, end)| start..end).collect::<Vec<_>>()
    };
    let choices = parts("or");
    if choices.len() > 1 {
        return choices.into_iter().any(|part| holds_always(words, part, table));
    }
    let all = parts("and");
    if all.len() > 1 {
        return all.into_iter().all(|part| holds_always(words, part, table));
    }
    if start + 1 == end {
        let alone = words.at(start);
        return alone == "true" || alone.parse::<i64>().is_ok_and(|number| number != 0);
    }
    if words.is_at(start, "exists (") {
        return closing(words, start + 1) + 1 == end && takes_all(words, start + 2..end - 1);
    }
    let outside = outside(words, start..end);
    if let Some(at) = outside.iter().copied().find(|at| words.at(*at) == "in") {
        return is_own_column(words, start..at, at + 1..end, table);
    }
    let same = |sign: &usize| {
        let said = |range: Range<usize>| range.map(|at| words.named(at).to_owned()).collect::<Vec<_>>();
        matches!(words.at(*sign), "=" | "is" | "==") && said(start..*sign) == said(*sign + 1..end)
    };
    outside.iter().any(same)
}

/// Whether a query has no condition.
fn takes_all(words: &Words, query: Range<usize>) -> bool {
    let some = ["where", "having", "join", "on", "using", "limit", "offset", "except", "intersect"];
    matches!(words.at(query.start), "select" | "values") && !query.clone().any(|at| some.contains(&words.at(at)))
}

/// Whether what is asked for is a column of the table among all its own values.
fn is_own_column(words: &Words, left: Range<usize>, among: Range<usize>, table: &str) -> bool {
    let query = among.start + 1..among.end.saturating_sub(1);
    let Some(from) = query.clone().find(|at| words.at(*at) == "from") else { return false };
    let is_column = |range: Range<usize>| matches!(range.len(), 1 | 3) && words.is_name(range.end - 1);
    is_column(left.clone())
        && is_column(query.start + 1..from)
        && words.named(left.end - 1) == words.named(from - 1)
        && words.name(from + 1).0 == table
        && takes_all(words, query)
        && !words.has_bare_comma()
}
