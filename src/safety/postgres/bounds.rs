//! How many rows of its table an UPDATE, DELETE or MERGE changes, as far as its text bounds them.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::RelationName;
use super::data::Rows;
use super::defaults::called;
use super::keys::Keys;
use super::session::{Filled, Session};
use super::tree;

/// The most rows that a range of whole numbers may span, or LIMIT let through, to be a batch.
const BATCH: i128 = 100_000;

/// The most days that a range of dates may span to be a batch.
const DAYS: i64 = 31;

/// A statement's table, and what else its conditions may name.
struct Scope<'a> {
    keys: Keys<'a>,
    /// The CTEs that give a bounded number of rows.
    queries: BTreeSet<String>,
    /// The items of FROM or USING that do.
    sources: BTreeSet<String>,
    /// The names of all items of FROM or USING: their columns say nothing of the table's rows by themselves.
    others: BTreeSet<String>,
    /// Columns that the table and another item have alike, which are joined by them: what is said of one is said of both.
    same: BTreeSet<String>,
    /// MERGE: what it joins by is meant to be a key.
    merges: bool,
}

/// How many rows an UPDATE, DELETE or MERGE changes.
pub(super) fn rows(session: &Session<'_>, statement: &SyntaxNode, table: &RelationName) -> Rows {
    if tree::has(statement, K::WHERE_CURRENT_OF) {
        return Rows::Point;
    }
    let merges = statement.kind() == K::MERGE;
    let mut scope = Scope {
        keys: Keys::new(session, table, statement),
        queries: BTreeSet::new(),
        sources: BTreeSet::new(),
        others: BTreeSet::new(),
        same: BTreeSet::new(),
        merges,
    };
    scope.learn_queries(statement);
    const SOURCES: [K; 3] = [K::FROM_CLAUSE, K::USING_CLAUSE, K::USING_ON_CLAUSE];
    let mut items = Vec::new();
    for clause in statement.children().filter(|child| SOURCES.contains(&child.kind())) {
        from_items(&clause, &mut items);
    }
    scope.sources = items.iter().filter_map(|item| scope.bounded_source(item)).collect();
    scope.others = items.iter().filter_map(source_name).collect();
    // The rows that no source matches.
    if tree::has(statement, K::MERGE_WHEN_NOT_MATCHED_SOURCE) {
        return Rows::Open;
    }
    if statement.kind() == K::MERGE && !tree::has(statement, K::MERGE_WHEN_MATCHED) {
        return if scope.sources.is_empty() { Rows::Reads } else { Rows::Point };
    }
    let conditions = statement.descendants().filter(|part| matches!(part.kind(), K::WHERE_CLAUSE | K::ON_CLAUSE));
    let own = |clause: &SyntaxNode| {
        let parent = clause.parent();
        parent.is_some_and(|parent| parent == *statement || parent.kind() == K::USING_ON_CLAUSE)
    };
    let Some(filter) = conditions.filter(own).find_map(|clause| clause.children().next()) else { return Rows::Open };
    scope.same = scope.joined_alike(&filter);
    scope.bound(&filter)
}

/// What the columns of an item of FROM are called after.
fn source_name(item: &SyntaxNode) -> Option<String> {
    let alias = tree::child(item, K::FROM_ALIAS).and_then(|alias| tree::child_name(&alias, K::TABLE_ALIAS));
    alias.or_else(|| tree::path(item).pop())
}

/// How many rows the query of a statement gives: few where it has a LIMIT, or a condition on the key of its one table.
pub(super) fn query(session: &Session<'_>, statement: &SyntaxNode, query: &SyntaxNode) -> Rows {
    let from = tree::child(query, K::FROM_CLAUSE);
    let mut items = Vec::new();
    from.iter().for_each(|from| from_items(from, &mut items));
    let table = items.first().filter(|_| items.len() == 1).and_then(|item| session.relation(item));
    let table = table.unwrap_or(RelationName { schema: String::new(), name: String::new() });
    let mut scope = Scope {
        keys: Keys::new(session, &table, query),
        queries: BTreeSet::new(),
        sources: BTreeSet::new(),
        others: BTreeSet::new(),
        same: BTreeSet::new(),
        merges: false,
    };
    scope.learn_queries(statement);
    scope.learn_queries(query);
    if scope.is_bounded(query) {
        return Rows::Batch;
    }
    let filter = tree::child(query, K::WHERE_CLAUSE).filter(|_| items.len() == 1);
    filter.and_then(|filter| filter.children().next()).map_or(Rows::Open, |filter| scope.bound(&filter))
}

/// The items of a FROM, not of the queries within.
fn from_items(node: &SyntaxNode, into: &mut Vec<SyntaxNode>) {
    for child in node.children() {
        match child.kind() {
            K::RELATION_FROM_ITEM | K::PAREN_FROM_ITEM | K::FUNCTION_FROM_ITEM => into.push(child),
            K::PAREN_SELECT | K::SELECT => {}
            _ => from_items(&child, into),
        }
    }
}

/// A column, with the name before its dot.
fn qualified(expression: &SyntaxNode) -> Option<(Option<String>, String)> {
    let expression = tree::inner(expression.clone());
    let column = tree::column(&expression)?;
    let before = (expression.kind() == K::FIELD_EXPR).then(|| expression.children().next());
    Some((before.flatten().and_then(|before| tree::column(&before)), column))
}

impl Scope<'_> {
    /// Learns which queries of the WITH of a statement give a bounded number of rows.
    fn learn_queries(&mut self, statement: &SyntaxNode) {
        for query in tree::child(statement, K::WITH_CLAUSE).iter().flat_map(SyntaxNode::children) {
            if query.children().any(|part| self.is_bounded(&part))
                && let Some(name) = tree::child_name(&query, K::CTE_NAME)
            {
                self.queries.insert(name);
            }
        }
    }

    /// The name of an item of FROM that gives a bounded number of rows.
    fn bounded_source(&self, item: &SyntaxNode) -> Option<String> {
        let alias = tree::child(item, K::FROM_ALIAS).and_then(|alias| tree::child_name(&alias, K::TABLE_ALIAS));
        let query = tree::child(item, K::PAREN_SELECT);
        if query.is_some_and(|query| query.children().any(|query| self.is_bounded(&query))) {
            return alias;
        }
        let path = tree::path(item);
        let named = path.first().filter(|name| path.len() == 1 && self.queries.contains(*name)).cloned();
        // A table that these files made, and put a few rows into.
        let few = |item: &SyntaxNode| {
            let table = self.keys.session().relation(item)?;
            (self.keys.session().rows_of(&table) != Filled::Many).then_some(table.name)
        };
        named.or_else(|| few(item)).map(|name| alias.unwrap_or(name))
    }

    /// Whether a query gives a bounded number of rows: VALUES, LIMIT, no table, or nothing but such a CTE.
    fn is_bounded(&self, query: &SyntaxNode) -> bool {
        match query.kind() {
            K::VALUES => true,
            K::PAREN_EXPR | K::PAREN_SELECT => query.children().any(|inside| self.is_bounded(&inside)),
            K::SELECT => {
                let limit = query.children().find(|part| matches!(part.kind(), K::LIMIT_CLAUSE | K::FETCH_CLAUSE));
                let limited = limit.is_some_and(|limit| {
                    let one = limit.kind() == K::FETCH_CLAUSE && !tree::has(&limit, K::LITERAL);
                    one || limit.children().next().and_then(|count| number(&count)).is_some_and(|count| count <= BATCH)
                });
                let mut items = Vec::new();
                tree::child(query, K::FROM_CLAUSE).iter().for_each(|from| from_items(from, &mut items));
                let small = match items.as_slice() {
                    [] => tree::below(query, K::CALL_EXPR).next().is_none(),
                    [only] => self.bounded_source(only).is_some(),
                    _ => false,
                };
                limited || small
            }
            _ => false,
        }
    }

    /// The columns of the table that a condition joins with columns of the same name.
    fn joined_alike(&self, filter: &SyntaxNode) -> BTreeSet<String> {
        let mut conjuncts = Vec::new();
        split(filter, K::AND_KW, &mut conjuncts);
        let joined = conjuncts.iter().filter(|part| part.kind() == K::BIN_EXPR && tree::has_token(part, K::EQ));
        joined
            .filter_map(|part| {
                let mut sides = part.children();
                let (left, right) = (qualified(&sides.next()?)?, qualified(&sides.last()?)?);
                let is_other =
                    |side: &(Option<String>, String)| side.0.as_ref().is_some_and(|of| self.others.contains(of));
                (left.1 == right.1 && is_other(&left) != is_other(&right)).then_some(left.1)
            })
            .collect()
    }

    /// A column by which the rows of the table are found.
    fn own_column(&self, expression: &SyntaxNode) -> Option<String> {
        let (of, column) = qualified(expression)?;
        let is_other = of.is_some_and(|of| self.others.contains(&of));
        (!is_other || self.same.contains(&column)).then_some(column)
    }

    /// The columns of one side of a comparison.
    fn own_columns(&self, side: &SyntaxNode) -> Vec<String> {
        match side.kind() {
            K::TUPLE_EXPR => side.children().filter_map(|part| self.own_column(&part)).collect(),
            K::CAST_EXPR => side.children().find_map(|part| self.own_column(&part)).into_iter().collect(),
            // Another spelling of one value is still that row's.
            K::CALL_EXPR if matches!(called(side).as_deref(), Some("lower" | "upper")) => {
                let arguments = tree::child(side, K::ARG_LIST);
                tree::below(arguments.as_ref().unwrap_or(side), K::ARG)
                    .filter_map(|argument| self.own_column(&argument.children().next()?))
                    .collect()
            }
            _ => self.own_column(side).into_iter().collect(),
        }
    }

    /// How many rows a condition leaves.
    fn bound(&self, filter: &SyntaxNode) -> Rows {
        let mut conjuncts = Vec::new();
        split(filter, K::AND_KW, &mut conjuncts);
        if let [only] = conjuncts.as_slice() {
            let mut alternatives = Vec::new();
            split(only, K::OR_KW, &mut alternatives);
            if alternatives.len() > 1 {
                return alternatives.iter().map(|filter| self.bound(filter)).max().unwrap_or(Rows::Open);
            }
        }
        let mut found = Found::default();
        conjuncts.iter().for_each(|conjunct| self.conjunct(conjunct, &mut found));
        if self.keys.find(&found.points) {
            return Rows::Point;
        }
        let listed = [found.points.as_slice(), &found.members].concat();
        if found.joined || self.keys.find(&listed) || self.has_range(&found) { Rows::Batch } else { Rows::Open }
    }

    fn has_range(&self, found: &Found) -> bool {
        found.floors.iter().any(|(column, low)| {
            let mut highs = found.ceilings.iter().filter(|(other, _)| other == column).map(|(_, high)| high);
            highs.any(|high| match (low, high) {
                (End::Number(low), End::Number(high)) => {
                    let ranged = [found.points.as_slice(), std::slice::from_ref(column)].concat();
                    high.saturating_sub(*low) <= BATCH && self.keys.find(&ranged)
                }
                (End::Day(low), End::Day(high)) => high - low <= DAYS,
                _ => false,
            })
        })
    }

    fn conjunct(&self, conjunct: &SyntaxNode, found: &mut Found) {
        let sides: Vec<SyntaxNode> =
            conjunct.children().filter(|side| side.kind() != K::IS_NOT_DISTINCT_FROM).collect();
        let has = |kind| tree::has_token(conjunct, kind);
        let (Some(left), Some(right)) = (sides.first(), sides.last()) else { return };
        match conjunct.kind() {
            K::BETWEEN_EXPR if !has(K::NOT_KW) => {
                let ends: Vec<Option<End>> = sides.iter().skip(1).map(End::of).collect();
                if let (Some(column), [Some(low), Some(high)]) = (self.own_column(left), ends.as_slice()) {
                    found.floors.push((column.clone(), *low));
                    found.ceilings.push((column, *high));
                }
            }
            K::BIN_EXPR if has(K::EQ) || tree::has(conjunct, K::IS_NOT_DISTINCT_FROM) => {
                self.equal(left, right, found);
                self.equal(right, left, found);
            }
            K::BIN_EXPR if has(K::IN_KW) && !has(K::NOT_KW) => {
                let columns = self.own_columns(left);
                if right.children().any(|list| self.is_bounded(&list) && list.kind() != K::VALUES) {
                    found.members.extend(columns);
                } else if is_constant(right) {
                    found.points.extend(columns);
                }
            }
            K::BIN_EXPR => {
                let (above, below) = (has(K::R_ANGLE) || has(K::GTEQ), has(K::L_ANGLE) || has(K::LTEQ));
                let (floors, ceilings) = (&mut found.floors, &mut found.ceilings);
                match (self.own_column(left), End::of(right), End::of(left), self.own_column(right)) {
                    (Some(column), Some(value), ..) if above => floors.push((column, value)),
                    (Some(column), Some(value), ..) if below => ceilings.push((column, value)),
                    (.., Some(value), Some(column)) if above => ceilings.push((column, value)),
                    (.., Some(value), Some(column)) if below => floors.push((column, value)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// `column = value`, one way round.
    fn equal(&self, left: &SyntaxNode, right: &SyntaxNode, found: &mut Found) {
        let columns = self.own_columns(left);
        let any = right.children().find(|part| matches!(part.kind(), K::ANY_FN | K::SOME_FN));
        if tree::has(right, K::ALL_FN) {
            return;
        }
        if let (Some((own, column)), Some((source, _))) = (qualified(left), qualified(right)) {
            // A join by a key with what gives a bounded number of rows. A name without a table may be of either.
            let bounded = |name: &Option<String>| name.as_ref().is_none_or(|name| self.sources.contains(name));
            let other = own.is_none_or(|name| !self.sources.contains(&name));
            if !self.sources.is_empty() && bounded(&source) && other {
                found.joined |= self.merges && self.keys.may_find(&column);
                found.members.push(column);
            }
        } else if let Some(any) = any {
            let queries = any.descendants().filter(|part| matches!(part.kind(), K::SELECT | K::VALUES));
            match queries.map(|query| self.is_bounded(&query)).next() {
                Some(true) => found.members.extend(columns),
                None if is_constant(&any) => found.points.extend(columns),
                _ => {}
            }
        } else if is_constant(right) || tree::inner(right.clone()).kind() == K::SELECT {
            // A query that is compared with gives one row, or fails.
            found.points.extend(columns);
        }
    }
}

/// What the parts of a condition say, all of which a row must fulfil.
#[derive(Default)]
struct Found {
    /// Columns with one value, or with one of a list.
    points: Vec<String>,
    /// Columns whose values a bounded query gives.
    members: Vec<String>,
    /// Joined by a key with what is bounded.
    joined: bool,
    floors: Vec<(String, End)>,
    ceilings: Vec<(String, End)>,
}

/// An end of a range.
#[derive(Debug, Clone, Copy)]
enum End {
    Number(i128),
    /// Counted from some day on.
    Day(i64),
}

impl End {
    fn of(expression: &SyntaxNode) -> Option<Self> {
        number(expression).map(Self::Number).or_else(|| day(expression).map(Self::Day))
    }
}

/// The day of a date, or of a moment, that is written as ISO 8601 does.
fn day(expression: &SyntaxNode) -> Option<i64> {
    const DATED: [K; 3] = [K::LITERAL, K::CAST_EXPR, K::PAREN_EXPR];
    if expression.descendants().any(|part| matches!(part.kind(), K::NAME_REF | K::CALL_EXPR))
        || !DATED.contains(&expression.kind())
    {
        return None;
    }
    let text = tree::literal(expression)?;
    let (date, _) = text.split_at_checked("YYYY-MM-DD".len())?;
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        // Every month as long as the longest: no range is taken for a shorter one.
        [year, month, day] if (1..=12).contains(month) && (1..=31).contains(day) => {
            Some((year * 12 + month) * 31 + day)
        }
        _ => None,
    }
}

/// The parts of an expression that an operator joins.
fn split(expression: &SyntaxNode, operator: K, into: &mut Vec<SyntaxNode>) {
    let expression = tree::inner(expression.clone());
    if expression.kind() == K::BIN_EXPR && tree::has_token(&expression, operator) {
        expression.children().for_each(|side| split(&side, operator, into));
    } else {
        into.push(expression);
    }
}

/// Whether an expression is the same for all rows: no column in it, and no query.
fn is_constant(expression: &SyntaxNode) -> bool {
    expression.descendants().all(|part| match part.kind() {
        K::SELECT | K::PAREN_SELECT => false,
        K::NAME_REF => is_function(&part) || part.parent().is_some_and(|parent| is_function(&parent)),
        _ => true,
    })
}

/// Whether a name is that of a call.
fn is_function(name: &SyntaxNode) -> bool {
    let call = name.parent().filter(|parent| parent.kind() == K::CALL_EXPR);
    call.is_some_and(|call| call.children().next().as_ref() == Some(name))
}

/// A whole number.
fn number(expression: &SyntaxNode) -> Option<i128> {
    let expression = tree::inner(expression.clone());
    match expression.kind() {
        K::LITERAL => tree::words(&expression).replace('_', "").parse().ok(),
        K::CAST_EXPR => expression.children().find_map(|inside| number(&inside)),
        K::PREFIX_EXPR if tree::has_token(&expression, K::MINUS) => {
            expression.children().next().and_then(|inside| number(&inside)).map(|number| -number)
        }
        _ => None,
    }
}
