//! Which table has the rows of which: what a file copies whole, from the table as the file found it to where it ends.

use super::bounds::closing;
use super::expressions::Read;
use super::losses::Loss;
use super::parts::{Part, is_true};
use super::promises::Kind;
use super::queries::{Beside, Item, Query, Source, commons, queries, queries_among};
use super::words::Words;
use super::{Embedded, Table};
use std::collections::BTreeSet;
use std::ops::Range;

/// All rows that a table had when the file began, as another table has them.
#[derive(Debug, Clone)]
pub(super) struct Holding {
    /// The table whose rows they are, by the name that it had then.
    pub(super) of: String,
    pub(super) values: Vec<Kept>,
    /// Whether columns came along that nobody knows.
    pub(super) is_all: bool,
    /// The columns among which those are; none where that is not known either.
    pub(super) among: Vec<String>,
    /// Why they are not all here any more, or never came.
    pub(super) loss: Option<Loss>,
}

/// The values of a column, where they are now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    /// The column that they were in.
    pub(super) column: String,
    /// The column that they are in.
    pub(super) here: String,
    /// The types that they went through.
    pub(super) steps: Vec<Step>,
    /// Whether nothing but the types changed them.
    pub(super) is_kept: bool,
}

/// A change of type on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) data_type: String,
    /// Whether it is a cast, which forces it; a column takes what it can.
    pub(super) is_cast: bool,
}

/// What is given for a column: its name, if it has one, and what it reads. Nothing for columns that nobody knows.
type Given = Option<(Option<String>, Vec<Read>)>;

/// What a query reads.
struct Scope {
    columns: Option<Vec<String>>,
    rows: Vec<Holding>,
    /// The column that SQLite's `rowid` is.
    rowid: Option<String>,
}

impl Holding {
    /// Whether values of the table may be in one of some columns.
    pub(super) fn has_any(&self, columns: &BTreeSet<String>) -> bool {
        let is_among = || self.among.is_empty() || self.among.iter().any(|column| columns.contains(column));
        self.values.iter().any(|kept| columns.contains(&kept.here)) || self.is_all && is_among()
    }

    /// Whether the values of a column of the table are here.
    fn at<'a>(&'a self, here: &'a str) -> impl Iterator<Item = &'a Kept> {
        self.values.iter().filter(move |kept| kept.here == here)
    }
}

impl Embedded<'_> {
    /// The rows that a table has whole: its own, if it was there before the file, and those that were copied to it.
    pub(super) fn rows_of(&self, name: &str) -> Vec<Holding> {
        let table = self.tables.get(name);
        let mut rows = table.map(|table| table.rows.clone()).unwrap_or_default();
        if !self.is_of_this_file(name) {
            let columns = table.into_iter().flat_map(|table| &table.columns);
            let kept = |column: &String| Kept {
                column: column.clone(),
                here: column.clone(),
                steps: Vec::new(),
                is_kept: true,
            };
            let of = self.renamed.get(name).map_or(name, String::as_str).to_owned();
            let is_all = table.is_none_or(|table| table.columns.is_empty());
            rows.push(Holding { of, values: columns.map(kept).collect(), is_all, among: Vec::new(), loss: None });
        }
        rows
    }

    /// Whether a table that this file made has the rows of one that was there before it.
    pub(super) fn holds_old_rows(&self, table: &str) -> bool {
        self.tables.get(table).is_some_and(|table| !table.rows.is_empty())
    }

    /// The query of an INSERT, and the columns that it names.
    pub(super) fn inserted(&self, words: &Words) -> Option<(String, Option<Vec<String>>, Vec<Query>)> {
        let (known, verb) = commons(words, 0, &[], self.is_sqlite)?;
        let into =
            words.find_in(verb..words.len(), "into").filter(|_| matches!(words.at(verb), "insert" | "replace"))?;
        let (table, mut at) = words.name(into + 1);
        if words.at(at) == "as" {
            at += 2;
        }
        let begins = |at: usize| matches!(words.at(at), "select" | "from" | "table" | "with" | "(");
        let mut named = None;
        if words.at(at) == "(" && !begins(at + 1) {
            named = Some(words.items(at).into_iter().map(|item| words.named(item.start).to_owned()).collect());
            at = closing(words, at) + 1;
        }
        let is_by_name = words.is_at(at, "by name");
        if is_by_name || words.is_at(at, "by position") {
            at += 2;
        }
        if !begins(at) {
            return None;
        }
        let ends = |at: &usize| words.at(*at) == "returning" || words.is_at(*at, "on conflict");
        let end = super::bounds::outside(words, at..words.len()).into_iter().find(ends).unwrap_or(words.len());
        let found = queries_among(words, at..end, &known, self.is_sqlite)?;
        if named.is_none() && !is_by_name {
            let known = self.tables.get(&table).filter(|known| !known.columns.is_empty());
            named = known.map(|known| {
                known.columns.iter().filter(|column| !known.computed.contains(*column)).cloned().collect()
            });
        }
        Some((table, named, found))
    }

    /// Takes in whose rows an INSERT copies whole, unless it leaves some out where they are written.
    pub(super) fn copy(&mut self, words: &Words) {
        let leaves_out =
            ["replace into", "or ignore into", "on conflict"].into_iter().any(|leaves_out| words.has(leaves_out));
        let Some((table, named, found)) = self.inserted(words).filter(|_| !leaves_out) else {
            return;
        };
        for query in found {
            self.take(words, &table, named.as_deref(), &query);
        }
    }

    /// Takes in whose rows a query brings into a table.
    fn take(&mut self, words: &Words, table: &str, named: Option<&[String]>, query: &Query) {
        let (mut rows, part) = self.given_rows(words, query, named);
        for holding in &mut rows {
            holding.loss = holding.loss.take().or_else(|| self.kept_out(words, table, holding));
        }
        let known = self.tables.entry(table.to_owned()).or_default();
        let into = |mut holding: Holding| {
            for kept in &mut holding.values {
                let data_type = known.types.get(&kept.here).cloned();
                kept.steps.extend(data_type.map(|data_type| Step { data_type, is_cast: false }));
            }
            holding
        };
        let rows: Vec<Holding> = rows.into_iter().map(into).collect();
        match part {
            None => known.rows.extend(rows),
            Some(bounded) => {
                known.parts.extend(rows.into_iter().map(|rows| bounded.with(rows)));
                known.join_parts();
            }
        }
    }

    /// The table that CREATE TABLE AS makes, by the query in a range of words and the names that it gives the columns.
    pub(super) fn table_of_query(&self, words: &Words, range: Range<usize>, names: Option<Vec<String>>) -> Table {
        let mut table = Table { is_of_query: true, is_filled: true, ..Table::default() };
        let Some(found) = queries(words, range, self.is_sqlite) else {
            table.columns = names.unwrap_or_default();
            return table;
        };
        let columns = || self.columns_of(found.first()?);
        table.columns = names.clone().or_else(columns).unwrap_or_default();
        for query in found {
            if let (rows, None) = self.given_rows(words, &query, names.as_deref()) {
                table.rows.extend(rows);
            }
        }
        table
    }

    /// The names of the columns that a query gives, where its words tell.
    fn columns_of(&self, query: &Query) -> Option<Vec<String>> {
        let scope = self.scope(query)?;
        self.given(query, &scope).into_iter().map(|given| given.and_then(|(name, _)| name)).collect()
    }

    /// What a query reads; nothing where that is not known at all.
    fn scope(&self, query: &Query) -> Option<Scope> {
        match &query.source {
            Source::Table(name) => {
                let table = self.tables.get(name);
                let columns = table.map(|table| table.columns.clone()).filter(|columns| !columns.is_empty());
                let rowid = table.and_then(|table| table.rowid().cloned());
                Some(Scope { columns, rows: self.rows_of(name), rowid })
            }
            Source::Query(inner) => {
                let is_whole = inner.is_whole && inner.condition.is_none();
                let rows = if is_whole { self.given_rows_by_name(inner) } else { Vec::new() };
                Some(Scope { columns: self.columns_of(inner), rows, rowid: None })
            }
        }
    }

    fn given_rows_by_name(&self, query: &Query) -> Vec<Holding> {
        let Some(scope) = self.scope(query).filter(|scope| self.is_each_once(query, scope)) else { return Vec::new() };
        self.carried(query, &scope, None)
    }

    /// The rows that a query gives whole, or, with a column and its bounds, a part of them.
    fn given_rows(&self, words: &Words, query: &Query, named: Option<&[String]>) -> (Vec<Holding>, Option<Part>) {
        let none = (Vec::new(), None);
        let Some(scope) = self.scope(query).filter(|scope| query.is_whole && self.is_each_once(query, scope)) else {
            return none;
        };
        let is_any = |condition: &Range<usize>| {
            is_true(words, condition.clone()) || self.is_value(words, condition.clone(), query)
        };
        let condition = query.condition.clone().filter(|condition| !is_any(condition));
        let part = match condition {
            None => None,
            Some(condition) => match self.part(words, condition, query) {
                None => return none,
                part => part,
            },
        };
        (self.carried(query, &scope, named), part)
    }

    /// Whether each row is given once: those beside it are found by a key, and no two are alike where they are told apart.
    fn is_each_once(&self, query: &Query, scope: &Scope) -> bool {
        let is_key = |table: &str, columns: &[String]| {
            let keys = self.tables.get(table).into_iter().flat_map(|table| table.keys_of_rows(true));
            keys.into_iter().any(|key| key.iter().all(|column| columns.contains(column)))
        };
        let is_one = |beside: &Beside| match &beside.given {
            Some(_) => true,
            None => is_key(&beside.table, std::slice::from_ref(&beside.column)),
        };
        let beside = query.beside.iter().all(is_one);
        let is_distinct = match &query.source {
            _ if !query.is_distinct => true,
            Source::Table(name) => {
                let given = self.given(query, scope).into_iter().flatten();
                let plain = given.filter_map(|(_, reads)| match reads.as_slice() {
                    [read] if read.is_kept && read.casts.is_empty() => Some(read.column.clone()),
                    _ => None,
                });
                let plain: Vec<String> = plain.collect();
                let keys = self.tables.get(name).into_iter().flat_map(|table| table.keys_of_rows(false));
                keys.into_iter().any(|key| key.iter().all(|column| plain.contains(column)))
            }
            Source::Query(_) => false,
        };
        beside && is_distinct
    }

    /// The columns of what stands beside the table of a query, as far as they are known.
    fn columns_beside<'b>(&'b self, beside: &'b Beside) -> Option<&'b Vec<String>> {
        let of_table = || self.tables.get(&beside.table).map(|table| &table.columns);
        beside.given.as_ref().or_else(of_table).filter(|columns| !columns.is_empty())
    }

    /// Columns that a query gives, one after the other.
    fn given(&self, query: &Query, scope: &Scope) -> Vec<Given> {
        let mut given = Vec::new();
        for item in &query.items {
            match item {
                Item::Value { name, reads } => given.push(Some((name.clone(), reads.clone()))),
                Item::Star { of, left_out, renamed, replaced } => {
                    let is_own = of.as_ref().is_none_or(|of| query.names.is_empty() || query.names.contains(of));
                    let mut columns: Vec<Option<(Option<String>, String)>> = Vec::new();
                    if is_own {
                        let own = query.names.last().cloned();
                        match &scope.columns {
                            Some(all) => columns.extend(all.iter().map(|column| Some((own.clone(), column.clone())))),
                            None => columns.push(None),
                        }
                    }
                    for beside in
                        query.beside.iter().filter(|beside| of.as_ref().is_none_or(|of| beside.names.contains(of)))
                    {
                        match self.columns_beside(beside) {
                            Some(given) => {
                                let of = beside.names.last().cloned();
                                columns.extend(given.iter().map(|column| Some((of.clone(), column.clone()))));
                            }
                            None => columns.push(None),
                        }
                    }
                    let columns = columns
                        .into_iter()
                        .filter(|column| column.as_ref().is_none_or(|(_, column)| !left_out.contains(column)));
                    given.extend(columns.map(|column| {
                        let (of, column) = column?;
                        let name =
                            renamed.iter().find(|(was, _)| *was == column).map_or(&column, |(_, now)| now).clone();
                        let replaced = replaced.iter().find(|(name, _)| *name == column);
                        let read = || vec![Read { of, column: column.clone(), casts: Vec::new(), is_kept: true }];
                        Some((Some(name), replaced.map_or_else(read, |(_, reads)| reads.clone())))
                    }));
                }
            }
        }
        given
    }

    /// The rows that a query reads, as what it gives, under the names of the columns that take it.
    fn carried(&self, query: &Query, scope: &Scope, named: Option<&[String]>) -> Vec<Holding> {
        let given = self.given(query, scope);
        let is_of_source = |read: &Read| match &read.of {
            Some(of) => query.names.is_empty() || query.names.contains(of),
            None => {
                let has = |columns: Option<&Vec<String>>| columns.is_some_and(|columns| columns.contains(&read.column));
                has(scope.columns.as_ref()) || !query.beside.iter().any(|beside| has(self.columns_beside(beside)))
            }
        };
        let carry = |rows: &Holding| {
            let mut carried = Holding {
                of: rows.of.clone(),
                values: Vec::new(),
                is_all: false,
                among: Vec::new(),
                loss: rows.loss.clone(),
            };
            for (place, column) in given.iter().enumerate() {
                let Some((name, reads)) = column else {
                    carried.is_all |= rows.is_all;
                    carried.among = named.unwrap_or_default().to_vec();
                    continue;
                };
                let here = named.and_then(|named| named.get(place)).or(name.as_ref()).cloned().unwrap_or_default();
                for read in reads.iter().filter(|read| is_of_source(read)) {
                    let is_rowid = matches!(read.column.as_str(), "rowid" | "oid" | "_rowid_");
                    let column = scope.rowid.as_ref().filter(|_| is_rowid).unwrap_or(&read.column);
                    let casts = read.casts.iter().map(|data_type| Step { data_type: data_type.clone(), is_cast: true });
                    let carry = |kept: &Kept| Kept {
                        column: kept.column.clone(),
                        here: here.clone(),
                        steps: kept.steps.iter().cloned().chain(casts.clone()).collect(),
                        is_kept: kept.is_kept && read.is_kept,
                    };
                    let before = carried.values.len();
                    carried.values.extend(rows.at(column).map(carry));
                    if rows.is_all && carried.values.len() == before {
                        let own =
                            Kept { column: column.clone(), here: String::new(), steps: Vec::new(), is_kept: true };
                        carried.values.push(carry(&own));
                    }
                }
            }
            carried
        };
        scope.rows.iter().map(carry).collect()
    }

    /// Which column's values an INSERT brings into which: of the queries that say so.
    pub(super) fn moved(&self, words: &Words) -> Option<(String, Vec<(String, String)>)> {
        let (table, named, found) = self.inserted(words)?;
        let (named, query) = (named?, found.first()?);
        let scope = self.scope(query)?;
        let mut moved = Vec::new();
        for (given, into) in self.given(query, &scope).into_iter().zip(named) {
            let (name, reads) = given?;
            // Where a name says so, it was meant.
            let from = match reads.as_slice() {
                [read] if read.is_kept && name.as_ref().is_none_or(|name| *name == read.column) => Some(&read.column),
                _ => name.as_ref(),
            };
            moved.extend(from.map(|from| (from.clone(), into)));
        }
        Some((table, moved))
    }
}

impl Table {
    /// The column that a row is found by in SQLite.
    pub(super) fn rowid(&self) -> Option<&String> {
        let key = self.promises.iter().find(|promise| promise.kind == Kind::PrimaryKey)?;
        let [column] = key.columns.as_slice() else { return None };
        let is_own = |name: &str| self.columns.iter().any(|column| column == name);
        let is_integer = self.types.get(column).is_some_and(|data_type| data_type == "integer");
        Some(column).filter(|_| is_integer && !["rowid", "oid", "_rowid_"].into_iter().any(is_own))
    }

    /// Takes in that a column has another type: what ALTER COLUMN says of it, at the index of its name.
    pub(super) fn retyped_rows(&mut self, column: &str, words: &Words, at: usize) {
        if words.at(at + 1) != "type" && !words.is_at(at + 1, "set data type") {
            return;
        }
        let (data_type, using) = super::retyped(words, at);
        for kept in self.rows.iter_mut().flat_map(|rows| &mut rows.values).filter(|kept| kept.here == column) {
            kept.steps.push(Step { data_type: data_type.clone(), is_cast: false });
            kept.is_kept &= using.is_none();
        }
    }

    /// The columns that tell rows apart.
    fn keys_of_rows(&self, with_unique: bool) -> Vec<&Vec<String>> {
        let is_key = |kind: Kind| kind == Kind::PrimaryKey || with_unique && kind == Kind::Unique;
        let keys = self.promises.iter().filter(|promise| is_key(promise.kind)).map(|promise| &promise.columns);
        keys.chain(self.unique_indexes.values().filter(|_| with_unique)).filter(|key| !key.is_empty()).collect()
    }
}
