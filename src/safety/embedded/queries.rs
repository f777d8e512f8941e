//! Queries as far as they copy a table: which rows they give, and what each of their columns is made of.
//!
//! A query gives every row of its table only where each of its words is known to leave none out.

use super::bounds::{closing, outside};
use super::words::Words;
use std::ops::Range;

/// One SELECT.
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

pub(super) enum Source {
    Table(String),
    Query(Box<Query>),
}

/// A table behind LEFT JOIN.
pub(super) struct Beside {
    pub(super) table: String,
    pub(super) names: Vec<String>,
    /// The column of it that is compared.
    pub(super) column: String,
}

/// What a query gives.
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

/// The queries of a range that are joined by UNION ALL; nothing where it is none that is known.
pub(super) fn queries(words: &Words, range: Range<usize>, is_sqlite: bool) -> Option<Vec<Query>> {
    let range = unwrapped(words, range);
    let cuts: Vec<usize> =
        outside(words, range.clone()).into_iter().filter(|at| words.is_at(*at, "union all")).collect();
    let starts = std::iter::once(range.start).chain(cuts.iter().map(|cut| cut + 2));
    let parts = starts.zip(cuts.iter().copied().chain([range.end]));
    parts.map(|(start, end)| query(words, unwrapped(words, start..end), is_sqlite)).collect()
}

/// A range without the parentheses around it.
fn unwrapped(words: &Words, mut range: Range<usize>) -> Range<usize> {
    while range.start + 1 < range.end && words.at(range.start) == "(" && closing(words, range.start) + 1 == range.end {
        range = range.start + 1..range.end - 1;
    }
    range
}

/// Whether a word is one of some with blanks between them.
fn is_among(word: &str, words: &str) -> bool {
    words.split(' ').any(|one| one == word)
}

/// The first word of a range, outside of its parentheses, that is one of some.
fn first(words: &Words, range: Range<usize>, of: &str) -> Option<usize> {
    outside(words, range).into_iter().find(|at| is_among(words.at(*at), of))
}

fn query(words: &Words, range: Range<usize>, is_sqlite: bool) -> Option<Query> {
    let Range { start, end } = range;
    let (list, from) = match words.at(start) {
        "select" => {
            let from = first(words, start + 1..end, "from")?;
            (Some(start + 1..from), from)
        }
        "from" => (None, start),
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
    let mut at = found.read_from(words, from + 1, end, is_sqlite)?;
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
    fn read_from(&mut self, words: &Words, start: usize, end: usize, is_sqlite: bool) -> Option<usize> {
        let mut at = start;
        if words.at(at) == "(" {
            let close = closing(words, at);
            let mut inner = queries(words, at + 1..close, is_sqlite)?;
            let query = inner.pop().filter(|_| inner.is_empty())?;
            self.source = Source::Query(Box::new(query));
            at = close + 1;
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
        while words.at(at) == "left" && at < end {
            let join = if words.at(at + 1) == "outer" { at + 2 } else { at + 1 };
            if words.at(join) != "join" || words.at(join + 1) == "(" {
                break;
            }
            let (table, next) = words.name(join + 1);
            let mut beside = Beside { table, names: vec![words.named(next - 1).to_owned()], column: String::new() };
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
            beside.column = column;
            self.beside.push(beside);
            at = behind;
        }
        Some(at)
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

/// The column that an expression is, and its table, if it says one.
fn column(words: &Words, range: Range<usize>) -> Option<(Option<String>, String)> {
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
fn reads(words: &Words, expression: Range<usize>) -> Vec<Read> {
    let range = unwrapped(words, expression);
    if let Some((of, column)) = column(words, range.clone()) {
        return vec![Read { of, column, casts: Vec::new(), is_kept: true }];
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
