//! What a script copies from one table to another, and what of a table it keeps where another one takes its place.

use super::drops::{Name, Renamed, Words};
use std::collections::BTreeMap;

/// What a script copies of a table that was there before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) from: Name,
    /// Whether it leaves out no row.
    pub(super) is_whole: bool,
    pub(super) kept: Kept,
}

/// What becomes of the columns of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    given: Vec<Given>,
    /// The columns that take what is given, in order; none where they are those of the query.
    into: Vec<String>,
    /// What they are called from then on that had another name before the script.
    renamed: Vec<(String, String)>,
    /// The types that columns get, as the text says them.
    pub(super) types: BTreeMap<String, String>,
}

/// What a query gives for a column, or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    All,
    Value {
        name: Option<String>,
        /// The columns that it is made of, by the names of before the script.
        reads: Vec<String>,
        /// Whether it is the value of the one that it reads.
        is_kept: bool,
    },
}

/// What is known of a column of a table that is made anew.
pub(super) struct Fate {
    pub(super) column: String,
    pub(super) is_lost: bool,
    /// Whether something else may be in it from then on.
    pub(super) is_made_anew: bool,
    /// The type that it gets, where that is all that happens.
    pub(super) data_type: Option<String>,
}

fn is_alike(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether a word is a value, not a column.
fn is_constant(word: &str) -> bool {
    is_alike(word, "null") || word.starts_with(|first: char| first.is_ascii_digit())
}

impl Kept {
    /// What becomes of the columns of a table.
    pub(super) fn fates(&self, columns: &[String]) -> Vec<Fate> {
        let mut values: Vec<(Option<String>, Vec<String>, bool)> = Vec::new();
        for given in &self.given {
            match given {
                Given::All => values.extend(columns.iter().map(|own| (Some(own.clone()), vec![own.clone()], true))),
                Given::Value { name, reads, is_kept } => values.push((name.clone(), reads.clone(), *is_kept)),
            }
        }
        for ((name, _, _), into) in values.iter_mut().zip(&self.into) {
            *name = Some(into.clone());
        }
        let now = |column: &str| {
            let renamed = self.renamed.iter().find(|(from, _)| is_alike(from, column));
            renamed.map_or_else(|| column.to_owned(), |(_, to)| to.clone())
        };
        let fate = |column: &String| {
            let now = now(column);
            let is_own = |name: &Option<String>| {
                name.as_ref().is_some_and(|name| is_alike(name, column) || is_alike(name, &now))
            };
            let reads = |(_, reads, _): &&(_, Vec<String>, _)| reads.iter().any(|read| is_alike(read, column));
            let is_taken = values.iter().any(|(name, ..)| is_own(name));
            // Under a name that no other column had, it is there all the same.
            let keeps = |(name, _, is_kept): &&(Option<String>, _, bool)| *is_kept && (is_own(name) || !is_taken);
            let data_type = values
                .iter()
                .filter(reads)
                .find(keeps)
                .and_then(|(name, ..)| self.types.get(&name.as_deref().unwrap_or(column).to_lowercase()).cloned());
            Fate {
                column: column.clone(),
                is_lost: !values.iter().any(|value| reads(&value)),
                is_made_anew: !values.iter().filter(reads).any(|value| keeps(&value)),
                data_type,
            }
        };
        columns.iter().map(fate).collect()
    }

    /// What is kept where a query reads the table that this was copied to.
    fn behind(&self, outer: Self) -> Self {
        let own = |(at, given): (usize, &Given)| match (given, self.into.get(at)) {
            (Given::Value { reads, is_kept, .. }, Some(into)) => {
                Given::Value { name: Some(into.clone()), reads: reads.clone(), is_kept: *is_kept }
            }
            (given, _) => given.clone(),
        };
        let inner: Vec<Given> = self.given.iter().enumerate().map(own).collect();
        let mut given = Vec::new();
        for outer in outer.given {
            let Given::Value { name, reads, is_kept } = outer else {
                given.extend(inner.iter().cloned());
                continue;
            };
            let (mut of, mut is_whole) = (Vec::new(), is_kept);
            for read in reads {
                let found = inner.iter().find_map(|given| match given {
                    Given::Value { name: Some(name), reads, is_kept } if is_alike(name, &read) => {
                        Some((reads, *is_kept))
                    }
                    _ => None,
                });
                match found {
                    Some((reads, is_kept)) => {
                        of.extend(reads.iter().cloned());
                        is_whole &= is_kept;
                    }
                    None => of.push(read),
                }
            }
            given.push(Given::Value { name, reads: of, is_kept: is_whole });
        }
        Self { given, renamed: self.renamed.clone(), ..outer_of(outer.into, outer.types) }
    }

    /// What the tests show: the columns that are read, and those whose values are made anew.
    #[cfg(test)]
    pub(super) fn shown(&self) -> String {
        let mut shown = Vec::new();
        for given in &self.given {
            match given {
                Given::All => return "all".to_owned(),
                Given::Value { reads, is_kept, .. } => {
                    shown.extend(reads.iter().map(|read| if *is_kept { read.clone() } else { format!("({read})") }));
                }
            }
        }
        shown.join(" ")
    }
}

fn outer_of(into: Vec<String>, types: BTreeMap<String, String>) -> Kept {
    Kept { into, types, ..Kept::default() }
}

impl Copied {
    /// What is copied by a query of a table to which this was copied.
    pub(super) fn behind(&self, outer: Self) -> Self {
        Self { from: self.from.clone(), is_whole: self.is_whole && outer.is_whole, kept: self.kept.behind(outer.kept) }
    }

    /// The columns that take what is given, and their types, as the text says them.
    pub(super) fn taken_by(mut self, columns: &[(String, String)]) -> Self {
        if self.kept.into.is_empty() {
            self.kept.into = columns.iter().map(|(name, _)| name.clone()).collect();
        }
        let types = columns.iter().filter(|(_, data_type)| !data_type.is_empty());
        self.kept.types = types.map(|(name, data_type)| (name.to_lowercase(), data_type.clone())).collect();
        self
    }
}

impl Words<'_> {
    /// The columns that a statement defines in the parentheses that come next, with their types.
    pub(super) fn columns(&mut self) -> Vec<(String, String)> {
        let mut columns = Vec::new();
        if !self.symbol("(") {
            return columns;
        }
        loop {
            if !self.is_any(&["constraint", "primary", "unique", "check", "foreign", "exclude", "like"])
                && let Some(name) = self.name().and_then(|mut name| name.pop())
            {
                let mut data_type = String::new();
                while !self.is_any(&BEHIND_TYPE) && !self.is_symbol(",") && !self.is_symbol(")") && !self.is_at_end() {
                    if self.is_symbol("(") {
                        data_type.push_str(&self.parenthesis());
                    } else {
                        if !data_type.is_empty() {
                            data_type.push(' ');
                        }
                        data_type.push_str(self.text_here());
                        self.skip();
                    }
                }
                columns.push((name, data_type));
            }
            while !self.is_symbol(",") && !self.is_symbol(")") {
                if self.is_at_end() {
                    return columns;
                }
                if self.is_symbol("(") { drop(self.parenthesis()) } else { self.skip() }
            }
            if !self.symbol(",") {
                self.skip();
                return columns;
            }
        }
    }

    /// Takes a parenthesis with all that is in it.
    fn parenthesis(&mut self) -> String {
        let (mut text, mut depth) = (String::new(), 0);
        while !self.is_at_end() {
            depth += i32::from(self.is_symbol("(")) - i32::from(self.is_symbol(")"));
            text.push_str(self.text_here());
            self.skip();
            if depth == 0 {
                break;
            }
        }
        text
    }

    /// What the query of a statement reads, under the names of before the script; nothing where it copies from no table.
    pub(super) fn copied(&mut self, renamed: &Renamed) -> Option<Copied> {
        let is_whole = !self.leaves_out();
        let mut into = Vec::new();
        if self.is_symbol("(") && !self.is_next_any(&["select", "with", "values", "from"]) {
            into = self.columns().into_iter().map(|(name, _)| name).collect();
        }
        let is_by_name = self.take(&["by", "name"]);
        self.take(&["by", "position"]);
        self.take(&["as"]);
        let mut given = vec![Given::All];
        if !self.take(&["from"]) && !self.take(&["table"]) {
            while !self.take(&["select"]) {
                if self.is_at_end() {
                    return None;
                }
                self.skip();
            }
            let _ = self.take(&["distinct"]) || self.take(&["all"]);
            given = self.given()?;
        }
        let from = self.name()?;
        for given in &mut given {
            if let Given::Value { reads, .. } = given {
                reads.iter_mut().for_each(|read| *read = renamed.before(&from, std::mem::take(read)));
            }
        }
        if is_by_name {
            into.clear();
        }
        let renamed = renamed.of(&from);
        Some(Copied { from, is_whole, kept: Kept { given, into, renamed, types: BTreeMap::new() } })
    }

    /// What a query gives, up to its FROM, which is taken too.
    fn given(&mut self) -> Option<Vec<Given>> {
        let mut found = Vec::new();
        loop {
            let start = self.place();
            let mut depth = 0;
            while depth > 0 || !self.is_symbol(",") && !self.is_any(&["from"]) {
                if self.is_at_end() {
                    return None;
                }
                depth += i32::from(self.is_symbol("(")) - i32::from(self.is_symbol(")"));
                self.skip();
            }
            let end = self.place();
            found.push(self.item(start, end));
            self.set_place(end);
            if !self.symbol(",") {
                self.skip();
                return Some(found);
            }
        }
    }

    /// One of the things that a query gives.
    fn item(&mut self, start: usize, end: usize) -> Given {
        self.set_place(start);
        let bare = self.name();
        let is_star = |words: &mut Self| words.symbol("*") && words.place() == end;
        if bare.is_none() && is_star(self) {
            return Given::All;
        }
        if let Some(name) = &bare {
            // The name of a column, and another one that it gets.
            let alias = if self.place() < end {
                self.take(&["as"]);
                self.name()
            } else {
                None
            };
            if self.place() == end && self.is_behind_name(end) {
                let read = name.last().cloned().unwrap_or_default();
                let name = alias.and_then(|mut alias| alias.pop()).or(Some(read.clone()));
                let reads: Vec<String> = Some(read).filter(|read| !is_constant(read)).into_iter().collect();
                return Given::Value { name, is_kept: !reads.is_empty(), reads };
            }
        }
        self.set_place(start);
        // Of one, the values that are there stay.
        let is_filled = self.is_any(&["coalesce", "ifnull"]);
        let (mut reads, mut name) = (Vec::new(), None);
        let mut depth = 0;
        let mut is_last_star = false;
        while self.place() < end {
            depth += i32::from(self.is_symbol("(")) - i32::from(self.is_symbol(")"));
            if self.take(&["as"]) {
                // A name that the query gives, or a type.
                let given = self.name().and_then(|mut name| name.pop());
                if depth == 0 {
                    name = given;
                }
                continue;
            }
            is_last_star = self.is_symbol("*");
            let is_function = self.is_next("(");
            match self.name() {
                Some(mut read) if !is_function => {
                    reads.extend(read.pop().filter(|read| !is_constant(read)));
                }
                Some(_) => {}
                None => self.skip(),
            }
        }
        if is_last_star && depth == 0 {
            return Given::All;
        }
        let is_kept = is_filled && reads.len() == 1;
        Given::Value { name, reads, is_kept }
    }
}

/// What comes behind the type of a column.
const BEHIND_TYPE: [&str; 11] =
    ["not", "null", "default", "primary", "unique", "check", "references", "collate", "generated", "as", "constraint"];
