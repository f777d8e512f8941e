//! Conditions that take only rows to which nothing refers.

use super::bounds::{closing, outside};
use super::words::Words;
use std::ops::Range;

/// A foreign key of one column, and the table whose rows are deleted or changed.
pub(super) struct Referring<'a> {
    pub(super) words: &'a Words,
    pub(super) parent: &'a str,
    pub(super) referenced: &'a str,
    pub(super) child: &'a str,
    pub(super) column: &'a str,
}

impl Referring<'_> {
    /// Whether a condition leaves out every row of the parent that a row of the child refers to: of what it joins with AND, one
    /// part is `id NOT IN (SELECT parent FROM child)`, or NOT EXISTS. Where a row of the child refers to nothing, NOT IN takes no
    /// row at all.
    pub(super) fn leaves_out(&self, condition: Range<usize>) -> bool {
        let words = self.words;
        let places = outside(words, condition.clone());
        if places.iter().any(|at| matches!(words.at(*at), "or" | "between")) {
            return false;
        }
        let cuts: Vec<usize> = places.into_iter().filter(|at| words.at(*at) == "and").collect();
        let starts = std::iter::once(condition.start).chain(cuts.iter().map(|cut| cut + 1));
        let mut parts = starts.zip(cuts.iter().copied().chain([condition.end]));
        parts.any(|(start, end)| self.part_leaves_out(start..end))
    }

    fn part_leaves_out(&self, part: Range<usize>) -> bool {
        let words = self.words;
        let Range { start, end } = part;
        if start >= end {
            return false;
        }
        if words.at(start) == "(" && closing(words, start) + 1 == end {
            return self.leaves_out(start + 1..end - 1);
        }
        if words.is_at(start, "not exists (") && closing(words, start + 2) + 1 == end {
            return self.finds_child(start + 3..end - 1);
        }
        // NOT id IN (...) is id NOT IN (...).
        let is_before = words.at(start) == "not";
        let left = start + usize::from(is_before);
        let not_in = if is_before { "in (" } else { "not in (" };
        let Some(at) = (left..end).find(|at| words.is_at(*at, not_in)) else { return false };
        let open = at + usize::from(!is_before) + 1;
        self.is_column(left..at, self.parent, self.referenced)
            && closing(words, open) + 1 == end
            && self.gives_column(open + 1..end - 1)
    }

    /// Whether a range is a column, alone or behind the name of its table.
    fn is_column(&self, range: Range<usize>, table: &str, column: &str) -> bool {
        let words = self.words;
        match range.len() {
            1 => words.named(range.start) == column,
            3 => {
                words.at(range.start + 1) == "."
                    && words.named(range.start) == table
                    && words.named(range.end - 1) == column
            }
            _ => false,
        }
    }

    /// The child that a query reads by itself: the name that it has there, and the words behind it.
    fn child(&self, from: usize, end: usize) -> Option<(String, usize)> {
        let words = self.words;
        let (table, next) = words.name(from + 1);
        if table != self.child {
            return None;
        }
        match words.at(next) {
            _ if next == end => Some((table, next)),
            "where" => Some((table, next)),
            "as" => Some((words.named(next + 1).to_owned(), next + 2)),
            _ if words.is_name(next) => Some((words.named(next).to_owned(), next + 1)),
            _ => None,
        }
        .filter(|(_, next)| *next == end || words.at(*next) == "where")
    }

    /// Whether a query gives the column of every row of the child that refers.
    fn gives_column(&self, query: Range<usize>) -> bool {
        let words = self.words;
        let first = query.start + 1 + usize::from(words.at(query.start + 1) == "distinct");
        let from = (query.clone()).find(|at| words.at(*at) == "from");
        let Some(from) = from.filter(|_| words.at(query.start) == "select") else { return false };
        let Some((child, next)) = self.child(from, query.end) else { return false };
        // Those that refer to nothing may be left out.
        let is_not_null = |range: Range<usize>| {
            let null = ["is not null", "notnull", "not null"].into_iter().find(|null| {
                let length = null.split(' ').count();
                range.len() > length && words.is_at(range.end - length, null)
            });
            null.is_some_and(|null| {
                self.is_column(range.start..range.end - null.split(' ').count(), &child, self.column)
            })
        };
        self.is_column(first..from, &child, self.column) && (next == query.end || is_not_null(next + 1..query.end))
    }

    /// Whether a query finds every row of the child that refers to the row of the parent.
    fn finds_child(&self, query: Range<usize>) -> bool {
        let words = self.words;
        let from = (query.clone()).find(|at| words.at(*at) == "from");
        let Some(from) = from.filter(|_| words.at(query.start) == "select") else { return false };
        let Some((child, next)) = self.child(from, query.end).filter(|(_, next)| *next < query.end) else {
            return false;
        };
        let condition = next + 1..query.end;
        let Some(equal) = condition.clone().find(|at| words.at(*at) == "=") else { return false };
        let behind = equal + 1 + usize::from(words.at(equal + 1) == "=");
        let (left, right) = (condition.start..equal, behind..condition.end);
        // Without its table, a name is that of the child's own column.
        let is_own = |range: &Range<usize>| self.is_column(range.clone(), &child, self.column);
        let is_parents =
            |range: &Range<usize>| range.len() == 3 && self.is_column(range.clone(), self.parent, self.referenced);
        child != self.parent && (is_own(&left) && is_parents(&right) || is_own(&right) && is_parents(&left))
    }
}
