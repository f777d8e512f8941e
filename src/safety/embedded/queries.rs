//! Queries as far as they copy a table: which rows they give, and what each of their columns is made of.
//!
//! A query gives every row of its table only where each of its words is known to leave none out.

use super::bounds::{closing, outside};
use super::expressions::{Read, column, reads, unwrapped};
use super::words::Words;
use std::ops::Range;

/// One SELECT.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) source: Source,
    /// By what the rows of its table are named in it.
    pub(super) names: Vec<String>,
    /// Tables beside it, of which each row finds one row at most if the column is unique: their names, and that column.
    pub(super) beside: Vec<Beside>,
    pub(super) items: Vec<Item>,
    pub(super) is_distinct: bool,
    pub(super) condition: Option<Range<usize>>,
    /// Whether every row of the table that meets the condition is given once.
    pub(super) is_whole: bool,
}

#[derive(Clone)]
pub(super) enum Source {
    Table(String),
    Query(Box<Query>),
}

/// A table behind LEFT JOIN.
#[derive(Clone)]
pub(super) struct Beside {
    pub(super) table: String,
    pub(super) names: Vec<String>,
    /// The column of it that is compared.
    pub(super) column: String,
    /// What it gives, where it is a query that gives one row for each value of that column.
    pub(super) given: Option<Vec<String>>,
}

/// What a query gives.
#[derive(Clone)]
pub(super) enum Item {
    /// `*`, of one table if it says so.
    Star {
        of: Option<String>,
        left_out: Vec<String>,
        renamed: Vec<(String, String)>,
        replaced: Vec<(String, Vec<Read>)>,
    },
    Value {
        name: Option<String>,
        reads: Vec<Read>,
    },
}

/// What may stand behind a table, and is no other name for it.
const BEHIND_TABLE: &str = "anti asof cross except fetch for full group having indexed inner intersect join left limit natural not offset on \
    order pivot positional qualify returning right select semi tablesample union unpivot using where window with";

/// What ends the condition, and the list, of a query.
const CLAUSES: &str = "except fetch from group having intersect limit offset order qualify returning tablesample union using where \
    window with";

/// Functions that make one value of many rows, on either engine, or rows of one value, and none of an empty one.
const AGGREGATES: &str = "any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last \
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg \
    bool_and bool_or corr count count_if count_star countif covar_pop covar_samp decimal_sum entropy favg first fsum \
    group_concat histogram histogram_exact json_group_array json_group_object jsonb_group_array jsonb_group_object \
    kahan_sum kurtosis kurtosis_pop last list listagg lttb mad max max_by mean median min min_by mode percentile \
    percentile_cont percentile_disc product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count \
    regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop \
    stddev_samp string_agg sum sum_no_overflow sumkahan total var_pop var_samp variance generate_subscripts unnest";

/// A query that has a name for the statement in which it stands; without it, where nothing is known of what it gives.
#[derive(Clone)]
pub(super) struct Common {
    name: String,
    query: Option<Query>,
}

/// The queries of a WITH that stands at an index, after those that have a name around it, and the index behind them; as they
/// are, where there is none.
pub(super) fn commons(words: &Words, at: usize, around: &[Common], is_sqlite: bool) -> Option<(Vec<Common>, usize)> {
    let mut known = around.to_vec();
    if words.at(at) != "with" {
        return Some((known, at));
    }
    let mut found = Vec::new();
    let mut at = if words.at(at + 1) == "recursive" { at + 2 } else { at + 1 };
    loop {
        let name = words.is_name(at).then(|| words.named(at).to_owned())?;
        let is_list = words.at(at + 1) == "(";
        let columns = if is_list { words.items(at + 1) } else { Vec::new() };
        let columns: Vec<String> = columns.into_iter().map(|item| words.named(item.start).to_owned()).collect();
        at = if is_list { closing(words, at + 1) + 1 } else { at + 1 };
        let open =
            ["as (", "as materialized (", "as not materialized ("].into_iter().find(|open| words.is_at(at, open))?;
        let open = at + open.split(' ').count() - 1;
        let close = Some(closing(words, open)).filter(|close| *close > open)?;
        found.push((name, columns, open + 1..close));
        at = close + 1;
        if words.at(at) != "," {
            break;
        }
        at += 1;
    }
    // One that reads itself, or one behind it, as SQLite does, is not known.
    known.extend(found.iter().map(|(name, ..)| Common { name: name.clone(), query: None }));
    for (place, (_, columns, range)) in found.into_iter().enumerate() {
        let mut queries = queries_among(words, range, &known, is_sqlite).unwrap_or_default();
        let query = queries.pop().filter(|_| queries.is_empty()).and_then(|query| query.with_names(columns));
        known[around.len() + place].query = query;
    }
    Some((known, at))
}

/// The queries of a range that are joined by UNION ALL; nothing where it is none that is known.
pub(super) fn queries(words: &Words, range: Range<usize>, is_sqlite: bool) -> Option<Vec<Query>> {
    queries_among(words, range, &[], is_sqlite)
}

/// The same where other queries have names.
pub(super) fn queries_among(
    words: &Words,
    range: Range<usize>,
    around: &[Common],
    is_sqlite: bool,
) -> Option<Vec<Query>> {
    let mut range = unwrapped(words, range);
    let (known, start) = commons(words, range.start, around, is_sqlite)?;
    range.start = start;
    let range = unwrapped(words, range);
    let cuts: Vec<usize> =
        outside(words, range.clone()).into_iter().filter(|at| words.is_at(*at, "union all")).collect();
    let starts = std::iter::once(range.start).chain(cuts.iter().map(|cut| cut + 2));
    let parts = starts.zip(cuts.iter().copied().chain([range.end]));
    parts.map(|(start, end)| query(words, unwrapped(words, start..end), &known, is_sqlite)).collect()
}

/// Whether a word is one of some with blanks between them.
fn is_among(word: &str, words: &str) -> bool {
    words.split(' ').any(|one| one == word)
}

/// The first word of a range, outside of its parentheses, that is one of some.
fn first(words: &Words, range: Range<usize>, of: &str) -> Option<usize> {
    outside(words, range).into_iter().find(|at| is_among(words.at(*at), of))
}

fn query(words: &Words, range: Range<usize>, known: &[Common], is_sqlite: bool) -> Option<Query> {
    let Range { start, end } = range;
    let (list, from) = match words.at(start) {
        "select" => {
            let from = first(words, start + 1..end, "from")?;
            (Some(start + 1..from), from)
        }
        "from" | "table" => (None, start),
        _ => return None,
    };
    let mut found = Query {
        source: Source::Table(String::new()),
        names: Vec::new(),
        beside: Vec::new(),
        items: Vec::new(),
        is_distinct: false,
        condition: None,
        is_whole: true,
    };
    let mut at = found.read_from(words, from + 1, end, known, is_sqlite)?;
    let list = match list {
        Some(list) => list,
        None if words.at(at) == "select" => {
            let list = at + 1..first(words, at + 1..end, CLAUSES).unwrap_or(end);
            at = list.end;
            list
        }
        None => at..at,
    };
    found.read_list(words, list, is_sqlite)?;
    if words.at(at) == "where" && at < end {
        let behind = first(words, at + 1..end, CLAUSES).unwrap_or(end);
        found.condition = Some(at + 1..behind);
        at = behind;
    }
    let is_order = words.is_at(at, "order by") && first(words, at + 2..end, CLAUSES).is_none();
    found.is_whole &= at >= end || is_order;
    Some(found)
}

impl Query {
    /// Takes in what is behind FROM, up to a word that is no part of it.
    fn read_from(
        &mut self,
        words: &Words,
        start: usize,
        end: usize,
        known: &[Common],
        is_sqlite: bool,
    ) -> Option<usize> {
        let mut at = start;
        let common = |at: usize| {
            let is_it = |common: &&Common| words.at(at + 1) != "." && common.name == words.named(at);
            known.iter().rev().find(is_it)
        };
        if words.at(at) == "(" {
            let close = closing(words, at);
            let mut inner = queries_among(words, at + 1..close, known, is_sqlite)?;
            let query = inner.pop().filter(|_| inner.is_empty())?;
            self.source = Source::Query(Box::new(query));
            at = close + 1;
        } else if let Some(common) = common(at) {
            self.names.push(common.name.clone());
            self.source = Source::Query(Box::new(common.query.clone()?));
            at += 1;
        } else {
            let (table, next) = words.name(at);
            if !words.is_name(next - 1) {
                return None;
            }
            self.names.push(words.named(next - 1).to_owned());
            self.source = Source::Table(table);
            at = next;
        }
        at = alias(words, at, end, &mut self.names);
        if is_sqlite && words.is_at(at, "not indexed") {
            at += 2;
        } else if is_sqlite && words.is_at(at, "indexed by") {
            at += 3;
        }
        while words.at(at) == "left" && at < end {
            let join = if words.at(at + 1) == "outer" { at + 2 } else { at + 1 };
            if words.at(join) != "join" || common(join + 1).is_some() {
                break;
            }
            let mut beside = Beside { table: String::new(), names: Vec::new(), column: String::new(), given: None };
            let (mut key, mut next) = (None, closing(words, join + 1) + 1);
            if words.at(join + 1) == "(" {
                let Some((given, of)) = grouped(words, join + 2..next - 1) else { break };
                (beside.given, key) = (Some(given), Some(of));
            } else {
                (beside.table, next) = words.name(join + 1);
                beside.names.push(words.named(next - 1).to_owned());
            }
            let on = alias(words, next, end, &mut beside.names);
            let behind = if words.at(on) == "on" {
                first(words, on..end, CLAUSES)
                    .into_iter()
                    .chain(first(words, on..end, "left select"))
                    .min()
                    .unwrap_or(end)
            } else if words.is_at(on, "using (") {
                closing(words, on + 1) + 1
            } else {
                break;
            };
            let Some(column) = compared(words, on, behind, &beside.names) else { break };
            if key.is_some_and(|key| key != column) {
                break;
            }
            beside.column = column;
            self.beside.push(beside);
            at = behind;
        }
        Some(at)
    }

    /// The same with other names for what it gives; nothing where it is not known which is which.
    fn with_names(mut self, columns: Vec<String>) -> Option<Self> {
        if columns.is_empty() {
            return Some(self);
        }
        if columns.len() != self.items.len() {
            return None;
        }
        for (item, column) in self.items.iter_mut().zip(columns) {
            let Item::Value { name, .. } = item else { return None };
            *name = Some(column);
        }
        Some(self)
    }

    /// Takes in the list of what is given; an empty one is that of a query that begins with FROM.
    fn read_list(&mut self, words: &Words, mut list: Range<usize>, is_sqlite: bool) -> Option<()> {
        match words.at(list.start) {
            "distinct" if !list.is_empty() => {
                self.is_distinct = true;
                list.start += 1;
                self.is_whole &= words.at(list.start) != "on";
            }
            "all" if !list.is_empty() => list.start += 1,
            _ => {}
        }
        if list.is_empty() {
            self.items.push(Item::Star { of: None, left_out: Vec::new(), renamed: Vec::new(), replaced: Vec::new() });
            return Some(());
        }
        self.is_whole &= !makes_one_of_many(words, list.clone(), is_sqlite);
        for item in words.parts(list) {
            self.items.push(item_of(words, item)?);
        }
        Some(())
    }
}

/// What a query gives, and the one column of it by which it makes groups; nothing where it makes none, or tells no names.
fn grouped(words: &Words, range: Range<usize>) -> Option<(Vec<String>, String)> {
    let Range { start, end } = unwrapped(words, range);
    let from = first(words, start + 1..end, "from").filter(|_| words.at(start) == "select")?;
    let is_other = |at: &usize| is_among(words.at(*at), "union except intersect");
    let group = first(words, from..end, "group").filter(|at| words.is_at(*at, "group by"))?;
    let by = group + 2..first(words, group + 2..end, "having order limit").unwrap_or(end);
    let (_, key) = column(words, by).filter(|_| !outside(words, start..end).iter().any(is_other))?;
    let given = words.parts(start + 1..from).into_iter().map(|item| match item_of(words, item)? {
        Item::Value { name, reads } => Some((name.unwrap_or_default(), reads)),
        Item::Star { .. } => None,
    });
    let given: Vec<(String, Vec<Read>)> = given.collect::<Option<_>>()?;
    let is_key = |(_, reads): &&(String, Vec<Read>)| matches!(reads.as_slice(), [read] if read.is_kept && read.casts.is_empty() && read.column == key);
    let key = given.iter().find(is_key)?.0.clone();
    Some((given.into_iter().map(|(name, _)| name).collect(), key))
}

/// The index behind another name for a table.
fn alias(words: &Words, at: usize, end: usize, names: &mut Vec<String>) -> usize {
    let name = if words.at(at) == "as" { at + 1 } else { at };
    if name < end && words.is_name(name) && !is_among(words.at(name), BEHIND_TABLE) {
        names.push(words.named(name).to_owned());
        return name + 1;
    }
    at
}

/// The column of a joined table that alone is compared, with one of another.
fn compared(words: &Words, on: usize, end: usize, names: &[String]) -> Option<String> {
    if words.at(on) == "using" {
        return (end == on + 4).then(|| words.named(on + 2).to_owned());
    }
    let range = unwrapped(words, on + 1..end);
    let is_side = |at: usize| words.is_name(at) && words.at(at + 1) == "." && words.is_name(at + 2);
    let (left, right) = (range.start, range.start + 4);
    let is_one = range.len() == 7 && is_side(left) && words.at(left + 3) == "=" && is_side(right);
    let of = |at: usize| names.iter().any(|name| name == words.named(at));
    match (is_one && of(left), is_one && of(right)) {
        (true, false) => Some(words.named(left + 2).to_owned()),
        (false, true) => Some(words.named(right + 2).to_owned()),
        _ => None,
    }
}

/// Whether a list has a function that makes one row of many, or many of one.
fn makes_one_of_many(words: &Words, list: Range<usize>, is_sqlite: bool) -> bool {
    let mut at = list.start;
    while at < list.end {
        if words.is_at(at, "( select") || words.is_at(at, "( from") || words.is_at(at, "( with") {
            at = closing(words, at);
        } else if words.at(at + 1) == "(" && is_among(words.named(at), AGGREGATES) {
            let close = closing(words, at + 1);
            let behind = if words.is_at(close + 1, "filter (") { closing(words, close + 2) } else { close };
            let is_of_values =
                is_sqlite && matches!(words.named(at), "min" | "max") && words.parts(at + 2..close).len() > 1;
            if words.at(behind + 1) != "over" && !is_of_values {
                return true;
            }
        }
        at += 1;
    }
    false
}

fn item_of(words: &Words, item: Range<usize>) -> Option<Item> {
    let is_star_of = words.is_name(item.start) && words.is_at(item.start + 1, ". *");
    if words.at(item.start) == "*" || is_star_of {
        let of = is_star_of.then(|| words.named(item.start).to_owned());
        return star(words, of, if is_star_of { item.start + 3 } else { item.start + 1 }, item.end);
    }
    let Range { start, end } = item;
    let is_two = |len: usize| item.len() == len && words.is_name(end - 1) && words.is_name(end - 2);
    let (expression, name) = if item.len() > 2 && words.at(end - 2) == "as" {
        (start..end - 2, Some(words.named(end - 1).to_owned()))
    } else if is_two(2) || is_two(4) && words.at(start + 1) == "." {
        (start..end - 1, Some(words.named(end - 1).to_owned()))
    } else {
        (item.clone(), column(words, item).map(|(_, name)| name))
    };
    Some(Item::Value { name, reads: reads(words, expression) })
}

/// `*` with what may stand behind it on DuckDB.
fn star(words: &Words, of: Option<String>, mut at: usize, end: usize) -> Option<Item> {
    let (mut left_out, mut renamed, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
    while at < end {
        let is_list = words.at(at + 1) == "(";
        let behind = if is_list { closing(words, at + 1) + 1 } else { end };
        let parts = words.parts(if is_list { at + 2..behind - 1 } else { at + 1..end });
        for part in parts {
            let last = words.named(part.end - 1).to_owned();
            let is_named = part.len() > 2 && words.at(part.end - 2) == "as";
            match words.at(at) {
                "exclude" => left_out.push(last),
                "replace" if is_named => replaced.push((last, reads(words, part.start..part.end - 2))),
                "rename" if is_named => renamed.push((words.named(part.end - 3).to_owned(), last)),
                _ => return None,
            }
        }
        at = behind;
    }
    Some(Item::Star { of, left_out, renamed, replaced })
}
