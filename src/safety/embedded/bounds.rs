//! Conditions that leave out no row.

use super::Table;
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
pub(super) fn outside(words: &Words, range: Range<usize>) -> Vec<usize> {
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

/// Where the first sign of an assignment stands; the end of a range that has none.
pub(super) fn equals(words: &Words, range: Range<usize>) -> usize {
    range.clone().find(|at| words.at(*at) == "=").unwrap_or(range.end)
}

/// Where the parenthesis that a word opens is closed; the word itself where it opens none.
pub(super) fn closing(words: &Words, open: usize) -> usize {
    let mut depth = 0;
    let is_end = |at: &usize| {
        depth += words.opens(*at);
        depth <= 0
    };
    (open..words.len()).find(is_end).unwrap_or(open)
}

/// What a statement's conditions leave out of a table.
pub(super) struct Bounds<'w> {
    pub(super) words: &'w Words,
    pub(super) table: &'w str,
    /// What the files and the database say of it.
    pub(super) known: Option<&'w Table>,
}

/// How two values are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Sign {
    /// The sign at an index, and how many words it is.
    fn read(words: &Words, at: usize) -> Option<(Self, usize)> {
        Some(match (words.at(at), words.at(at + 1)) {
            ("=", "=") => (Self::Equal, 2),
            ("<", ">") | ("!", "=") => (Self::NotEqual, 2),
            ("<", "=") => (Self::LessOrEqual, 2),
            (">", "=") => (Self::GreaterOrEqual, 2),
            ("=", _) => (Self::Equal, 1),
            ("<", _) => (Self::Less, 1),
            (">", _) => (Self::Greater, 1),
            _ => return None,
        })
    }

    /// Whether it holds of two numbers.
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }

    /// Whether one of the two holds of any two values.
    fn completes(self, other: Self) -> bool {
        let (less, equal, greater) = (-1.0, 0.0, 1.0);
        [less, equal, greater].into_iter().all(|left| self.holds(left, equal) || other.holds(left, equal))
    }
}

impl Bounds<'_> {
    /// Whether a condition holds for every row of the table that has a value where it looks for one, or for none of it and
    /// all of it alike.
    pub(super) fn holds_always(&self, condition: Range<usize>) -> bool {
        let Range { start, end } = condition;
        let words = self.words;
        if start >= end {
            return false;
        }
        if words.at(start) == "(" && closing(words, start) + 1 == end && words.at(start + 1) != "select" {
            return self.holds_always(start + 1..end - 1);
        }
        let choices = self.parts(start..end, "or");
        if choices.len() > 1 {
            let are_opposite = |one: &Range<usize>, other: &Range<usize>| self.are_opposite(one.clone(), other.clone());
            return choices.iter().any(|part| self.holds_always(part.clone()))
                || choices.iter().enumerate().any(|(at, one)| choices[at + 1..].iter().any(|o| are_opposite(one, o)));
        }
        let all = self.parts(start..end, "and");
        if all.len() > 1 && !words.has("between") {
            return all.into_iter().all(|part| self.holds_always(part));
        }
        if words.at(start) == "not" && start + 2 == end {
            return matches!(words.at(start + 1), "false" | "0");
        }
        if let Some(is_true) = self.constant(start..end) {
            return is_true;
        }
        if words.is_at(start, "exists (") {
            return closing(words, start + 1) + 1 == end && self.takes_all(start + 2..end - 1);
        }
        let outside = outside(words, start..end);
        if let Some(at) = outside.iter().copied().find(|at| words.at(*at) == "in") {
            // SQLite knows a list without a value.
            return match words.at(at - 1) == "not" {
                true => words.is_at(at + 1, "( )"),
                false => self.is_own_column(start..at, at + 1..end),
            };
        }
        let is_any = |at: &usize| words.is_at(*at, "= any (") || words.is_at(*at, "= some (");
        if let Some(at) = outside.iter().copied().find(is_any) {
            return self.is_own_column(start..at, at + 2..end);
        }
        for not_null in ["is not null", "not null", "notnull"] {
            let behind = end.saturating_sub(not_null.split(' ').count());
            if behind > start && words.is_at(behind, not_null) {
                return self.is_never_null(start..behind);
            }
        }
        for (matches, all) in [("like", '%'), ("ilike", '%'), ("glob", '*')] {
            let is_all = |pattern: &str| pattern.len() > 2 && pattern.trim_matches('\'').chars().all(|one| one == all);
            if end - start > 2 && words.at(end - 2) == matches && is_all(words.at(end - 1)) {
                return self.is_never_null(start..end - 2);
            }
        }
        if let Some(at) = outside.iter().copied().find(|at| words.at(*at) == "between") {
            let and = outside.iter().copied().find(|and| *and > at && words.at(*and) == "and");
            return and.is_some_and(|and| {
                let value = self.said(start..at);
                value == self.said(at + 1..and) && value == self.said(and + 1..end)
            });
        }
        let same = |sign: &usize| {
            let behind = match words.is_at(*sign, "is not distinct from") {
                true => sign + 4,
                false if matches!(words.at(*sign), "=" | "is") => sign + 1 + usize::from(words.is_at(*sign, "= =")),
                false => return false,
            };
            self.said(start..*sign) == self.said(behind..end)
        };
        let holds = |(sign, left, right): (Sign, Range<usize>, Range<usize>)| {
            let numbers = self.number(left).zip(self.number(right));
            numbers.is_some_and(|(left, right)| sign.holds(left, right))
        };
        outside.iter().any(same) || self.comparison(start..end).is_some_and(holds)
    }

    /// What a MERGE does to every row, by the index of the word that says it; `next` is behind the name of its table.
    pub(super) fn merges_all(&self, next: usize) -> Option<usize> {
        let words = self.words;
        let outside = outside(words, next..words.len());
        let place = |word: &str, from: usize| outside.iter().copied().find(|at| *at >= from && words.at(*at) == word);
        let using = place("using", next)?;
        let on = place("on", using)?;
        let when = place("when", on)?;
        let alias = |at: usize| if words.at(at) == "as" { words.named(at + 1) } else { words.named(at) };
        let own = if next == using { self.table } else { alias(next) };
        let is_of_itself = words.name(using + 1).0 == self.table && {
            let behind = words.name(using + 1).1;
            let other = if behind == on { self.table } else { alias(behind) };
            self.meets_itself(own, other, on + 1..when)
        };
        if !is_of_itself && !self.holds_always(on + 1..when) {
            return None;
        }
        let acts =
            |at: &usize| words.is_at(*at, "when matched then") && matches!(words.at(at + 3), "delete" | "update");
        outside.iter().copied().find(acts).map(|at| at + 3)
    }

    /// Whether a row of the table, under two names, meets itself by a condition.
    fn meets_itself(&self, own: &str, other: &str, condition: Range<usize>) -> bool {
        let Range { start, end } = condition;
        if self.words.at(start) == "(" && closing(self.words, start) + 1 == end {
            return self.meets_itself(own, other, start + 1..end - 1);
        }
        self.comparison(start..end).is_some_and(|(sign, left, right)| {
            let (left, right) = (self.said(left), self.said(right));
            let column = |said: &[String], of: &str| match said {
                [table, point, column] if point == "." && table == of => Some(column.clone()),
                _ => None,
            };
            let pair = |one: &str, two: &str| column(&left, one).zip(column(&right, two));
            let pair = pair(own, other).or_else(|| pair(other, own));
            sign == Sign::Equal && pair.is_some_and(|(one, two)| one == two)
        })
    }

    /// Whether a DELETE or UPDATE meets every row by the table itself under another name: `USING t AS x WHERE x.id = t.id`. The
    /// table's name is at an index.
    pub(super) fn joins_itself(&self, at: usize, condition: Range<usize>) -> bool {
        let words = self.words;
        let (_, next) = words.name(at);
        let named = |at: usize| if words.at(at) == "as" { at + 1 } else { at };
        let is_named = words.at(next) == "as" || words.is_name(next) && !matches!(words.at(next), "using" | "set");
        let own = if is_named { words.named(named(next)) } else { self.table };
        let places = outside(words, next..condition.start);
        let Some(from) = places.into_iter().find(|at| matches!(words.at(*at), "using" | "from")) else { return false };
        let (other, behind) = words.name(from + 1);
        let alias = named(behind);
        other == self.table && alias + 2 == condition.start && self.meets_itself(own, words.named(alias), condition)
    }

    /// Whether a range is a column that has a value in every row.
    fn is_never_null(&self, range: Range<usize>) -> bool {
        let column = self.words.named(range.end - 1);
        let is_column = range.len() == 1 || range.len() == 3 && self.words.at(range.start + 1) == ".";
        let is_rowid = matches!(column, "rowid" | "_rowid_" | "oid")
            && self.known.is_none_or(|known| !known.columns.iter().any(|own| own == column));
        is_column && (is_rowid || self.known.is_some_and(|known| known.never_null.contains(column)))
    }

    /// Whether a range that is a constant holds.
    fn constant(&self, range: Range<usize>) -> Option<bool> {
        let number = self.number(range.clone()).or_else(|| {
            let text = self.words.at(range.start).strip_prefix('\'')?.strip_suffix('\'')?;
            text.parse().ok().filter(|_| range.len() == 1)
        });
        number.map(|number: f64| number != 0.0)
    }

    /// The parts of a range between a word that is in no parenthesis.
    fn parts(&self, range: Range<usize>, word: &str) -> Vec<Range<usize>> {
        let outside = outside(self.words, range.clone());
        let cuts: Vec<usize> = outside.into_iter().filter(|at| self.words.at(*at) == word).collect();
        let starts = std::iter::once(range.start).chain(cuts.iter().map(|cut| cut + 1));
        starts.zip(cuts.iter().copied().chain([range.end])).map(|(start, end)| start..end).collect()
    }

    fn said(&self, range: Range<usize>) -> Vec<String> {
        range.map(|at| self.words.named(at).to_owned()).collect()
    }

    /// A number that is written out.
    fn number(&self, range: Range<usize>) -> Option<f64> {
        let text: String = range.map(|at| self.words.at(at)).collect();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1.0, digits),
            None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
        };
        let number = match digits {
            "true" => 1.0,
            "false" => 0.0,
            _ if digits.starts_with("0x") => f64::from(u32::from_str_radix(digits.get(2..)?, 16).ok()?),
            _ if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => digits.parse().ok()?,
            _ => return None,
        };
        Some(sign * number)
    }

    /// The one comparison of a range: its sign, and the two sides.
    fn comparison(&self, range: Range<usize>) -> Option<(Sign, Range<usize>, Range<usize>)> {
        let mut found = None;
        let mut past = range.start;
        for at in outside(self.words, range.clone()) {
            let Some((sign, length)) = Sign::read(self.words, at).filter(|_| at >= past) else { continue };
            if found.is_some() || matches!(self.words.at(at.wrapping_sub(1)), "-" | "<" | ">" | "@" | "|" | "~") {
                return None;
            }
            past = at + length;
            found = Some((sign, range.start..at, past..range.end));
        }
        found
    }

    /// Whether one of two conditions holds wherever there is a value.
    fn are_opposite(&self, one: Range<usize>, other: Range<usize>) -> bool {
        let words = self.words;
        let null = |range: &Range<usize>| {
            let is = range.clone().find(|at| words.at(*at) == "is")?;
            let is_not = words.at(is + 1) == "not";
            let end = is + 2 + usize::from(is_not);
            (end == range.end && words.at(end - 1) == "null").then(|| (self.said(range.start..is), is_not))
        };
        if let (Some((one, is_not)), Some((other, other_is_not))) = (null(&one), null(&other)) {
            return one == other && is_not != other_is_not;
        }
        match (self.comparison(one), self.comparison(other)) {
            (Some((sign, left, right)), Some((other_sign, other_left, other_right))) => {
                let are_same = |one, other| self.said(one) == self.said(other);
                are_same(left, other_left) && are_same(right, other_right) && sign.completes(other_sign)
            }
            _ => false,
        }
    }

    /// Whether a query has no condition, or one that leaves out no row.
    fn takes_all(&self, query: Range<usize>) -> bool {
        let some = ["having", "join", "on", "using", "limit", "offset", "except", "intersect"];
        if !matches!(self.words.at(query.start), "select" | "values") {
            return false;
        }
        let end = query.clone().find(|at| self.words.at(*at) == "where").unwrap_or(query.end);
        !query.clone().any(|at| some.contains(&self.words.at(at)))
            && (end == query.end || self.holds_always(end + 1..query.end))
    }

    /// Whether what is asked for is a column of the table among all its own values.
    fn is_own_column(&self, left: Range<usize>, among: Range<usize>) -> bool {
        let words = self.words;
        let query = among.start + 1..among.end.saturating_sub(1);
        if words.at(query.start) != "select" && self.number(left.clone()).is_some() {
            let value = self.said(left);
            return self.parts(query, ",").into_iter().any(|item| self.said(item) == value);
        }
        let columns = match words.at(left.start) == "(" && closing(words, left.start) + 1 == left.end {
            true => self.parts(left.start + 1..left.end - 1, ","),
            false => vec![left],
        };
        // SQLite takes the name of a table for a query, too.
        let common = (words.at(among.start) != "(").then(|| self.common(words.named(among.start))).flatten();
        let is_own = common.map_or_else(
            || words.at(among.start) == "(" && self.gives_all(query, &columns),
            |common| among.len() == 1 && self.gives_all(common, &columns),
        );
        is_own && !words.has_bare_comma()
    }

    /// The query of a name that WITH gives it.
    fn common(&self, name: &str) -> Option<Range<usize>> {
        let words = self.words;
        let is_named = |at: &usize| words.named(*at) == name && words.is_at(at + 1, "as (") && words.has("with");
        let at = (1..words.len()).find(is_named)?;
        Some(at + 3..closing(words, at + 2))
    }

    /// Whether a query gives these columns of every row of the table.
    fn gives_all(&self, query: Range<usize>, columns: &[Range<usize>]) -> bool {
        let words = self.words;
        let Some(from) = query.clone().find(|at| words.at(*at) == "from") else { return false };
        let is_column = |range: &Range<usize>| matches!(range.len(), 1 | 3) && words.is_name(range.end - 1);
        let given = self.parts(query.start + 1..from, ",");
        let are_same = given.len() == columns.len()
            && given.iter().zip(columns).all(|(given, column)| {
                is_column(given) && is_column(column) && words.named(given.end - 1) == words.named(column.end - 1)
            });
        if !are_same || !self.takes_all(query) {
            return false;
        }
        let name = words.name(from + 1).0;
        match self.common(&name) {
            // Its query reads what was there before it.
            Some(common) if !common.contains(&from) => self.gives_all(common, columns),
            _ => name == self.table,
        }
    }
}
