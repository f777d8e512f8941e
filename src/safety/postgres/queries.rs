//! How many rows a query within a statement gives, as far as its text bounds them.

use std::collections::BTreeMap;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::RelationName;
use super::bounds::{self, BATCH, day, is_constant, number};
use super::data::Rows;
use super::defaults::{called, is_known};
use super::names::{arms, calls, is_query, items, named, queries, refers_outside, target, with, withs_around};
use super::session::{Filled, Session};
use super::{data, tree};

/// Queries further within each other than this are not looked into.
const DEEPEST: usize = 8;

/// The queries of WITH that a statement may name, and whether each gives a bounded number of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    few: BTreeMap<String, bool>,
    depth: usize,
}

impl Known {
    /// The queries around a statement that it may name.
    pub(super) fn around(session: &Session<'_>, node: &SyntaxNode) -> Self {
        let mut known = Self::default();
        let clauses: Vec<SyntaxNode> = withs_around(node).collect();
        clauses.iter().rev().for_each(|clause| known.learn(session, clause, node));
        known
    }

    /// Learns the queries of a WITH up to the one that a node is in.
    pub(super) fn learn(&mut self, session: &Session<'_>, clause: &SyntaxNode, node: &SyntaxNode) {
        let recursive = tree::has_token(clause, K::RECURSIVE_KW);
        for query in clause.children().take_while(|query| !query.text_range().contains_range(node.text_range())) {
            let Some(name) = tree::child_name(&query, K::CTE_NAME) else { continue };
            if recursive {
                self.few.insert(name.clone(), false);
            }
            let few = query.children().any(|part| self.is_bounded(session, &part));
            self.few.insert(name, few);
        }
    }

    /// Whether a query or a statement of WITH gives a bounded number of rows.
    fn is_bounded(&self, session: &Session<'_>, part: &SyntaxNode) -> bool {
        let rows = match part.kind() {
            K::UPDATE | K::DELETE | K::MERGE => {
                let table = target(part).and_then(|target| session.relation(&target));
                let few = |table: &RelationName| session.rows_of(table) != Filled::Many;
                table.map_or(Rows::Open, |table| match few(&table) {
                    true => Rows::Batch,
                    false => bounds::changed(session, part, &table, self.clone()),
                })
            }
            K::INSERT => {
                let query = part.children().find(is_query);
                query.map_or(Rows::Point, |query| given(session, &query, self))
            }
            _ if is_query(part) => given(session, part, self),
            _ => Rows::Open,
        };
        matches!(rows, Rows::None | Rows::Point | Rows::Batch)
    }

    /// Whether what a query makes an array of is bounded.
    pub(super) fn gathers_few(&self, session: &Session<'_>, query: &SyntaxNode) -> bool {
        let items = items(query);
        let few = limit(query) == Limit::None && items.iter().all(|item| self.is_few(session, item));
        !refers_outside(session, query) && (few || (!is_one_row(query) && given(session, query, self) != Rows::Open))
    }

    /// Whether an item of FROM gives a bounded number of rows.
    pub(super) fn is_few(&self, session: &Session<'_>, item: &SyntaxNode) -> bool {
        let calls = || item.children().flat_map(|part| calls(&part)).take(1);
        match item.kind() {
            K::PAREN_FROM_ITEM => queries(item).iter().all(|query| given(session, query, self) != Rows::Open),
            K::FUNCTION_FROM_ITEM => calls().all(|call| series(&call).is_some_and(|rows| rows <= BATCH)),
            K::RELATION_FROM_ITEM | K::TABLE => {
                let path = tree::path(item);
                let known = path.first().filter(|_| path.len() == 1).and_then(|name| self.few.get(name)).copied();
                // A table that these files made, and put a few rows into.
                let table = session.relation(item);
                known.unwrap_or_else(|| table.is_some_and(|table| session.rows_of(&table) != Filled::Many))
            }
            _ => false,
        }
    }
}

/// How many rows a query gives: one, a bounded number, or any. What is another query for each row of the statement around
/// it bounds nothing.
pub(super) fn given(session: &Session<'_>, query: &SyntaxNode, known: &Known) -> Rows {
    if known.depth > DEEPEST || refers_outside(session, query) {
        return Rows::Open;
    }
    let mut known = Known { depth: known.depth + 1, ..known.clone() };
    if let Some(clause) = with(query) {
        let all = tree::child(query, K::SELECT_CLAUSE).unwrap_or_else(|| query.clone());
        known.learn(session, &clause, &all);
    }
    if limit(query) == Limit::Few {
        return Rows::Batch;
    }
    let mut parts = query.children().filter(is_query);
    let give = |part: &SyntaxNode| given(session, part, &known);
    match query.kind() {
        K::VALUES => Rows::Batch,
        K::TABLE if known.is_few(session, query) => Rows::Batch,
        K::PAREN_SELECT => parts.next().map_or(Rows::Open, |part| give(&part)),
        K::COMPOUND_SELECT if tree::has(query, K::UNION) => {
            arms(query).iter().map(give).max().map_or(Rows::Open, |most| most.max(Rows::Batch))
        }
        K::COMPOUND_SELECT if tree::has(query, K::INTERSECT) => {
            parts.map(|part| give(&part)).min().unwrap_or(Rows::Open)
        }
        K::COMPOUND_SELECT => parts.next().map_or(Rows::Open, |part| give(&part)),
        K::SELECT | K::SELECT_INTO => selected(session, query, &known),
        _ => Rows::Open,
    }
}

fn selected(session: &Session<'_>, query: &SyntaxNode, known: &Known) -> Rows {
    if is_one_row(query) {
        return Rows::Point;
    }
    let calls = tree::child(query, K::SELECT_CLAUSE).map(|targets| calls(&targets)).unwrap_or_default();
    let many = |call: &SyntaxNode| gives_rows(call) && series(call).is_none_or(|rows| rows > BATCH);
    // A function that nobody knows may give any number of rows.
    let known_call = |call: &SyntaxNode| {
        const GRAMMAR: [&str; 4] = ["coalesce", "greatest", "least", "nullif"];
        let known = |name: &String| GRAMMAR.contains(&name.as_str()) || is_known(name);
        called(call).is_none_or(|name| known(&name) && session.routine(&name).is_none())
    };
    if calls.iter().any(many) || counted(query) > BATCH {
        return Rows::Open;
    }
    let items = items(query);
    let large: Vec<&SyntaxNode> = items.iter().filter(|item| !known.is_few(session, item)).collect();
    match large.as_slice() {
        [] if items.is_empty() && !calls.iter().all(known_call) => Rows::Open,
        [] => Rows::Batch,
        [large] => bounds::found(session, query, large, known),
        _ => Rows::Open,
    }
}

/// What LIMIT or FETCH says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Nothing, or more than a batch.
    None,
    /// No more than a batch.
    Few,
    /// What is only known when it runs.
    Unknown,
}

pub(super) fn limit(query: &SyntaxNode) -> Limit {
    let clause = query.children().find(|part| matches!(part.kind(), K::LIMIT_CLAUSE | K::FETCH_CLAUSE));
    let Some(clause) = clause else { return Limit::None };
    let count = clause.children().find(|part| !matches!(part.kind(), K::FETCH_ONLY | K::WITH_TIES));
    match count {
        None if clause.kind() == K::FETCH_CLAUSE => Limit::Few,
        None => Limit::None,
        Some(count) if count.kind() == K::ALL || tree::words(&count) == "null" => Limit::None,
        Some(count) => match number(&count) {
            Some(count) if count <= BATCH => Limit::Few,
            Some(_) => Limit::None,
            None => Limit::Unknown,
        },
    }
}

/// Whether a query makes one row of all.
pub(super) fn is_one_row(query: &SyntaxNode) -> bool {
    const AGGREGATES: [&str; 17] = [
        "any_value",
        "array_agg",
        "avg",
        "bool_and",
        "bool_or",
        "count",
        "every",
        "json_agg",
        "json_object_agg",
        "jsonb_agg",
        "jsonb_object_agg",
        "max",
        "min",
        "percentile_cont",
        "percentile_disc",
        "string_agg",
        "sum",
    ];
    let targets = tree::child(query, K::SELECT_CLAUSE);
    let calls = targets.map(|targets| calls(&targets)).unwrap_or_default();
    let aggregates = |call: &SyntaxNode| {
        let named = called(call).is_some_and(|name| AGGREGATES.contains(&name.as_str()));
        named && !tree::has(call, K::OVER_CLAUSE)
    };
    calls.iter().any(aggregates) && !calls.iter().any(gives_rows) && !tree::has(query, K::GROUP_BY_CLAUSE)
}

/// Whether a function gives rows, not a value.
fn gives_rows(call: &SyntaxNode) -> bool {
    const ROWS: [&str; 8] = [
        "generate_series",
        "generate_subscripts",
        "regexp_matches",
        "regexp_split_to_table",
        "string_to_table",
        "jsonb_path_query",
        "unnest",
        "xpath_table",
    ];
    called(call).is_some_and(|name| ROWS.contains(&name.as_str()) || is_of_json(&name))
}

/// Whether a function gives what is in a JSON value as rows.
fn is_of_json(name: &str) -> bool {
    const PARTS: [&str; 7] = [
        "array_elements",
        "array_elements_text",
        "each",
        "each_text",
        "object_keys",
        "populate_recordset",
        "to_recordset",
    ];
    let part = name.strip_prefix("jsonb_").or_else(|| name.strip_prefix("json_"));
    part.is_some_and(|part| PARTS.contains(&part))
}

/// How many rows a function gives that gives what it is given, or counts from one number or day to another.
pub(super) fn series(call: &SyntaxNode) -> Option<i128> {
    let list = tree::child(call, K::ARG_LIST)?;
    let arguments: Vec<SyntaxNode> = list
        .children()
        .filter(|argument| argument.kind() == K::ARG)
        .filter_map(|argument| argument.children().next())
        .collect();
    let name = called(call)?;
    if name != "generate_series" {
        // What is written there is never long.
        let constant = arguments.iter().all(|argument| is_constant(argument) && queries(argument).is_empty());
        return (gives_rows(call) && constant).then_some(1);
    }
    let [low, high, step @ ..] = arguments.as_slice() else { return None };
    if let (Some(low), Some(high)) = (number(low), number(high)) {
        let step = step.first().map_or(Some(1), number)?;
        return Some((high - low).checked_div(step)?.max(-1) + 1);
    }
    let (low, high) = (day(low)?, day(high)?);
    let step = tree::literal(step.first()?)?;
    let each_day =
        [("second", 86_400), ("minute", 1440), ("hour", 24), ("day", 1), ("week", 1), ("month", 1), ("year", 1)];
    let (_, each_day) = each_day.into_iter().find(|(unit, _)| step.contains(unit))?;
    Some(i128::from(high - low) * each_day + 1)
}

/// How many rows the series of a query make together.
fn counted(query: &SyntaxNode) -> i128 {
    let targets = tree::child(query, K::SELECT_CLAUSE);
    let items: Vec<SyntaxNode> = items(query).iter().filter_map(|item| tree::child(item, K::CALL_EXPR)).collect();
    let calls = items.into_iter().chain(targets.iter().flat_map(calls).filter(gives_rows));
    calls.filter_map(|call| series(&call)).fold(1, |rows, more| rows.saturating_mul(more.max(1)))
}

/// What an INSERT takes as a whole, and nothing makes less of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// All rows of a table.
    Table,
    /// A series without a bound that could be called one.
    Series,
}

/// Whether a query gives all rows of a large table, or too long a series.
pub(super) fn whole(session: &Session<'_>, query: &SyntaxNode, known: &Known) -> Option<Whole> {
    if known.depth > DEEPEST || limit(query) != Limit::None {
        return None;
    }
    let mut known = Known { depth: known.depth + 1, ..known.clone() };
    if let Some(clause) = with(query) {
        let all = tree::child(query, K::SELECT_CLAUSE).unwrap_or_else(|| query.clone());
        known.learn(session, &clause, &all);
    }
    let mut parts = query.children().filter(is_query);
    match query.kind() {
        K::TABLE => whole_item(session, query, &known),
        K::PAREN_SELECT | K::COMPOUND_SELECT if tree::has(query, K::EXCEPT) || tree::has(query, K::INTERSECT) => None,
        K::PAREN_SELECT => parts.find_map(|part| whole(session, &part, &known)),
        K::COMPOUND_SELECT => arms(query).iter().find_map(|part| whole(session, part, &known)),
        K::SELECT | K::SELECT_INTO => whole_selected(session, query, &known),
        _ => None,
    }
}

fn whole_selected(session: &Session<'_>, query: &SyntaxNode, known: &Known) -> Option<Whole> {
    let filter = tree::child(query, K::WHERE_CLAUSE).and_then(|filter| filter.children().next());
    let targets = tree::child(query, K::SELECT_CLAUSE);
    let distinct = targets.as_ref().is_some_and(|targets| tree::has(targets, K::DISTINCT_CLAUSE));
    let less = distinct || tree::has(query, K::GROUP_BY_CLAUSE) || tree::has(query, K::HAVING_CLAUSE);
    let is_all = |filter: SyntaxNode| data::is_tautology(&filter) || is_missing_yet(session, query, &filter);
    if less || is_one_row(query) || filter.is_some_and(|filter| !is_all(filter)) {
        return None;
    }
    let items = items(query);
    if counted(query) > BATCH {
        return Some(Whole::Series);
    }
    items.iter().find_map(|item| whole_item(session, item, known))
}

/// Whether a condition leaves out no row but those that the table of an INSERT has already: NOT EXISTS or NOT IN of that table.
fn is_missing_yet(session: &Session<'_>, query: &SyntaxNode, filter: &SyntaxNode) -> bool {
    let filter = tree::inner(filter.clone());
    if filter.kind() == K::BIN_EXPR && tree::has_token(&filter, K::AND_KW) {
        return filter.children().all(|part| is_missing_yet(session, query, &part));
    }
    let insert = query.ancestors().find(|node| node.kind() == K::INSERT);
    let into = insert.and_then(|insert| target(&insert)).and_then(|target| session.relation(&target));
    let denied = match filter.kind() {
        K::PREFIX_EXPR if tree::has_token(&filter, K::NOT_KW) => {
            let call = filter.children().next().map(tree::inner);
            call.and_then(|call| tree::child(&call, K::EXISTS_FN)).and_then(|exists| exists.children().find(is_query))
        }
        K::BIN_EXPR if tree::has(&filter, K::NOT_IN) => filter.children().last().map(tree::inner).filter(is_query),
        _ => None,
    };
    let among = denied.map(|denied| items(&denied)).unwrap_or_default();
    let is_into = |item: &SyntaxNode| item.kind() == K::RELATION_FROM_ITEM && session.relation(item) == into;
    into.is_some() && !among.is_empty() && among.iter().all(is_into)
}

/// Whether an item of FROM, or the query of a MERGE, gives all rows of a large table.
pub(super) fn whole_item(session: &Session<'_>, item: &SyntaxNode, known: &Known) -> Option<Whole> {
    match item.kind() {
        K::FUNCTION_FROM_ITEM => {
            let rows = tree::child(item, K::CALL_EXPR).and_then(|call| series(&call));
            rows.filter(|rows| *rows > BATCH).map(|_| Whole::Series)
        }
        K::PAREN_FROM_ITEM => queries(item).iter().find_map(|query| whole(session, query, known)),
        K::RELATION_FROM_ITEM | K::TABLE => {
            if let Some(query) = named(item) {
                let deeper = Known { depth: known.depth + 1, ..known.clone() };
                return query.children().filter(is_query).find_map(|query| whole(session, &query, &deeper));
            }
            let table = session.relation(item).filter(|table| data::is_large(session, table));
            table.filter(|_| !known.is_few(session, item)).map(|_| Whole::Table)
        }
        _ => None,
    }
}
