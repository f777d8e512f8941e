//! How many rows of its table an UPDATE, DELETE or MERGE changes, or a condition of a query leaves, as far as the text bounds
//! them.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::RelationName;
use super::data::Rows;
use super::defaults::called;
use super::keys::Keys;
use super::names::{is_query, items, named, queries, refers_outside, source_name, target_name};
use super::queries::{Known, given};
use super::session::Session;
use super::tree;

/// The most rows that a range of whole numbers may span, or LIMIT let through, to be a batch.
pub(super) const BATCH: i128 = 100_000;

/// The most rows of a table of which any month is a batch, where the catalogue tells how many it has, and the most of a larger
/// one.
const SMALL: u64 = 50_000;

/// The most days that a range of dates may span to be a batch.
const DAYS: i64 = 31;

/// The most pages that a range of places in the table may span to be a batch: some rows on each, as a rule.
const PAGES: i128 = 5_000;

/// A statement's table, and what else its conditions may name.
#[derive(Clone)]
struct Scope<'a> {
    keys: Keys<'a>,
    /// The queries of WITH.
    known: Known,
    /// The items of FROM or USING that give a bounded number of rows.
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
    changed(session, statement, table, Known::around(session, statement))
}

/// The same, where the queries around the statement are known.
pub(super) fn changed(session: &Session<'_>, statement: &SyntaxNode, table: &RelationName, known: Known) -> Rows {
    if tree::has(statement, K::WHERE_CURRENT_OF) {
        return Rows::Point;
    }
    let merges = statement.kind() == K::MERGE;
    let mut known = known;
    if let Some(clause) = tree::child(statement, K::WITH_CLAUSE) {
        let after = clause.next_sibling().unwrap_or_else(|| statement.clone());
        known.learn(session, &clause, &after);
    }
    let items = items(statement);
    let mut scope = Scope {
        keys: Keys::new(session, table, statement),
        sources: items.iter().filter(|item| known.is_few(session, item)).filter_map(source_name).collect(),
        others: items.iter().filter_map(source_name).collect(),
        same: BTreeSet::new(),
        known,
        merges,
    };
    // The rows that no source matches.
    if tree::has(statement, K::MERGE_WHEN_NOT_MATCHED_SOURCE) {
        return Rows::Open;
    }
    if merges && !tree::has(statement, K::MERGE_WHEN_MATCHED) {
        return if scope.sources.is_empty() { Rows::Reads } else { Rows::Point };
    }
    let conditions = statement.descendants().filter(|part| matches!(part.kind(), K::WHERE_CLAUSE | K::ON_CLAUSE));
    let own = |clause: &SyntaxNode| {
        let parent = clause.parent();
        parent.is_some_and(|parent| parent == *statement || parent.kind() == K::USING_ON_CLAUSE)
    };
    let Some(filter) = conditions.filter(own).find_map(|clause| clause.children().next()) else { return Rows::Open };
    scope.same = scope.joined_alike(&filter);
    // What the condition leaves of an item of FROM is bounded too.
    for item in &items {
        let Some(name) = source_name(item).filter(|name| !scope.sources.contains(name)) else { continue };
        if is_bounded(session, statement, item, &filter, &scope.known) {
            scope.sources.insert(name);
        }
    }
    scope.bound(&[filter])
}

/// Whether the condition of a statement leaves a bounded number of rows of a table in its FROM or USING, whatever it says of
/// the others.
fn is_bounded(
    session: &Session<'_>,
    statement: &SyntaxNode,
    item: &SyntaxNode,
    filter: &SyntaxNode,
    known: &Known,
) -> bool {
    if item.kind() != K::RELATION_FROM_ITEM || statement.kind() == K::MERGE || named(item).is_some() {
        return false;
    }
    // What an outer join leaves away comes back.
    const OUTER: [K; 3] = [K::JOIN_LEFT, K::JOIN_RIGHT, K::JOIN_FULL];
    if statement.children().any(|clause| clause.descendants().any(|part| OUTER.contains(&part.kind()))) {
        return false;
    }
    let Some(table) = session.relation(item).filter(|table| session.knows_keys(table)) else { return false };
    let all = items(statement);
    let others = all.iter().filter(|other| *other != item).filter_map(source_name);
    let scope = Scope {
        keys: Keys::new(session, &table, statement),
        sources: BTreeSet::new(),
        others: others.chain(target_name(statement)).collect(),
        same: BTreeSet::new(),
        known: known.clone(),
        merges: false,
    };
    let mut conjuncts = Vec::new();
    split(filter, K::AND_KW, &mut conjuncts);
    // A name without a table may be another one's.
    let says_whose = |part: &&SyntaxNode| {
        tree::below(part, K::NAME_REF)
            .all(|name| is_name_of_call(&name) || name.parent().is_some_and(|parent| parent.kind() == K::FIELD_EXPR))
    };
    let own: Vec<SyntaxNode> = conjuncts.iter().filter(says_whose).cloned().collect();
    scope.bound(&own) != Rows::Open
}

/// How many rows the conditions of a query leave of the one item of its FROM that is not known to give few.
pub(super) fn found(session: &Session<'_>, query: &SyntaxNode, large: &SyntaxNode, known: &Known) -> Rows {
    let table = session.relation(large).filter(|_| large.kind() == K::RELATION_FROM_ITEM);
    let table = table.unwrap_or(RelationName { schema: String::new(), name: String::new() });
    let others: BTreeSet<String> = items(query).iter().filter(|item| *item != large).filter_map(source_name).collect();
    let scope = Scope {
        keys: Keys::new(session, &table, query),
        sources: others.clone(),
        others,
        same: BTreeSet::new(),
        known: known.clone(),
        merges: false,
    };
    let where_clause = tree::child(query, K::WHERE_CLAUSE);
    let joins = tree::child(query, K::FROM_CLAUSE).map(|from| inner_joins(&from)).unwrap_or_default();
    let filters: Vec<SyntaxNode> =
        where_clause.into_iter().chain(joins).filter_map(|clause| clause.children().next()).collect();
    let rows = scope.bound(&filters);
    if scope.sources.is_empty() { rows } else { rows.max(Rows::Batch) }
}

/// The conditions of the joins in a FROM that leave out what does not fulfil them.
fn inner_joins(from: &SyntaxNode) -> Vec<SyntaxNode> {
    let inside = from.children().filter(|child| !is_query(child)).flat_map(|child| inner_joins(&child));
    let own = tree::child(from, K::ON_CLAUSE).filter(|_| tree::has(from, K::JOIN_INNER));
    own.into_iter().chain(inside).collect()
}

/// A column, with the name before its dot.
fn qualified(expression: &SyntaxNode) -> Option<(Option<String>, String)> {
    let expression = tree::inner(expression.clone());
    let column = tree::column(&expression)?;
    let before = (expression.kind() == K::FIELD_EXPR).then(|| expression.children().next());
    Some((before.flatten().and_then(|before| tree::column(&before)), column))
}

impl Scope<'_> {
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

    /// How many rows are left by conditions, all of which hold.
    fn bound(&self, filters: &[SyntaxNode]) -> Rows {
        let mut conjuncts = Vec::new();
        filters.iter().for_each(|filter| split(filter, K::AND_KW, &mut conjuncts));
        let mut found = Found::default();
        let mut least = Rows::Open;
        for conjunct in &conjuncts {
            let mut alternatives = Vec::new();
            split(conjunct, K::OR_KW, &mut alternatives);
            if alternatives.len() > 1 {
                let most = alternatives.iter().map(|filter| self.bound(std::slice::from_ref(filter))).max();
                least = least.min(most.unwrap_or(Rows::Open));
            } else {
                self.conjunct(conjunct, &mut found);
            }
        }
        if self.keys.find(&found.points) {
            return Rows::Point;
        }
        let listed = [found.points.as_slice(), &found.members].concat();
        let batch = found.joined || self.keys.find(&listed) || self.has_range(&found);
        if batch { least.min(Rows::Batch) } else { least }
    }

    fn has_range(&self, found: &Found) -> bool {
        found.floors.iter().any(|(column, low)| {
            let mut highs = found.ceilings.iter().filter(|(other, _)| other == column).map(|(_, high)| high);
            highs.any(|high| match (low, high) {
                (End::Number(low), End::Number(high)) => {
                    let ranged = [found.points.as_slice(), std::slice::from_ref(column)].concat();
                    // What the text alone may call a batch is too much of a table that is known to be larger than that.
                    let most = if self.keys.rows().is_some_and(|rows| rows > SMALL) { SMALL.into() } else { BATCH };
                    high.saturating_sub(*low) <= most && self.keys.find(&ranged)
                }
                // How many rows a month has depends on the table, unless the column is a key.
                (End::Day(low), End::Day(high)) => {
                    let rows = self.keys.rows();
                    let ranged = || [found.points.as_slice(), std::slice::from_ref(column)].concat();
                    high - low <= DAYS && (rows.is_none_or(|rows| rows <= SMALL) || self.keys.find(&ranged()))
                }
                (End::Page(low), End::Page(high)) => column == "ctid" && high.saturating_sub(*low) <= PAGES,
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
            K::CALL_EXPR => {
                if let Some(exists) = tree::child(conjunct, K::EXISTS_FN) {
                    self.exists(&exists, found);
                }
            }
            K::BIN_EXPR if has(K::EQ) || tree::has(conjunct, K::IS_NOT_DISTINCT_FROM) => {
                self.equal(left, right, found);
                self.equal(right, left, found);
            }
            K::BIN_EXPR if has(K::IN_KW) && !has(K::NOT_KW) => {
                let columns = self.own_columns(left);
                let list = tree::inner(right.clone());
                if is_query(&list) {
                    self.one_of(&list, columns, found);
                } else if self.is_fixed(right) {
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
            match queries(&any).first() {
                Some(query) if is_list_of(query, &any) => self.one_of(query, columns, found),
                // What a query has gathered.
                Some(query) if self.known.gathers_few(self.keys.session(), query) => found.members.extend(columns),
                Some(_) => {}
                None if is_constant(&any) => found.points.extend(columns),
                None => {}
            }
        } else if self.is_fixed(right) {
            // One day is no more than the month that it is of.
            if let Some(day) = day(right) {
                for column in columns.iter().chain(&self.dated_column(left)) {
                    found.floors.push((column.clone(), End::Day(day)));
                    found.ceilings.push((column.clone(), End::Day(day)));
                }
            }
            found.points.extend(columns);
        }
    }

    /// The column whose day an expression is: `date(created_at)`, `date_trunc('day', created_at)`. A cast is one of the sides
    /// that are read anyhow.
    fn dated_column(&self, side: &SyntaxNode) -> Option<String> {
        let call = Some(tree::inner(side.clone())).filter(|side| side.kind() == K::CALL_EXPR)?;
        let arguments: Vec<SyntaxNode> = tree::child(&call, K::ARG_LIST)?.children().collect();
        let value = match (called(&call).as_deref(), arguments.as_slice()) {
            (Some("date"), [value]) => value,
            (Some("date_trunc"), [unit, value, ..]) if tree::literal(unit).as_deref() == Some("day") => value,
            _ => return None,
        };
        self.own_column(&value.children().next()?)
    }

    /// EXISTS of a bounded query is a join with what that is made of.
    fn exists(&self, exists: &SyntaxNode, found: &mut Found) {
        let session = self.keys.session();
        let query = exists.children().find(|query| query.kind() == K::SELECT && !tree::has(query, K::WITH_CLAUSE));
        let items = query.as_ref().map(items).unwrap_or_default();
        let filter = query.and_then(|query| tree::child(&query, K::WHERE_CLAUSE)).and_then(|it| it.children().next());
        let Some(filter) = filter.filter(|_| items.iter().all(|item| self.known.is_few(session, item))) else { return };
        let mut within = self.clone();
        within.sources.extend(items.iter().filter_map(source_name));
        within.others.extend(items.iter().filter_map(source_name));
        let mut conjuncts = Vec::new();
        split(&filter, K::AND_KW, &mut conjuncts);
        // A name without a table may be of either.
        let says_both = |part: &SyntaxNode| part.children().all(|side| side.kind() == K::FIELD_EXPR);
        for part in conjuncts.iter().filter(|part| tree::has_token(part, K::EQ) && says_both(part)) {
            let sides: Vec<SyntaxNode> = part.children().collect();
            if let [left, right] = sides.as_slice() {
                within.equal(left, right, found);
                within.equal(right, left, found);
            }
        }
    }

    /// Columns whose values are among those that a query gives.
    fn one_of(&self, query: &SyntaxNode, columns: Vec<String>, found: &mut Found) {
        match given(self.keys.session(), query, &self.known) {
            Rows::Open => {}
            Rows::Batch if query.kind() != K::VALUES => found.members.extend(columns),
            _ => found.points.extend(columns),
        }
    }

    /// Whether an expression is the same for all rows. A query in it gives one row, or fails.
    fn is_fixed(&self, expression: &SyntaxNode) -> bool {
        if is_query(expression) {
            return !refers_outside(self.keys.session(), expression);
        }
        let own = expression.kind() != K::NAME_REF || is_name_of_call(expression);
        own && expression.children().all(|part| self.is_fixed(&part))
    }
}

/// Whether ANY compares with each row of a query by itself.
fn is_list_of(query: &SyntaxNode, any: &SyntaxNode) -> bool {
    const BETWEEN: [K; 4] = [K::PAREN_EXPR, K::ARRAY_EXPR, K::ANY_FN, K::SOME_FN];
    let mut between = query.ancestors().skip(1).take_while(|node| node != any);
    between.all(|node| BETWEEN.contains(&node.kind()))
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
    /// The page of a place in the table.
    Page(i128),
}

impl End {
    fn of(expression: &SyntaxNode) -> Option<Self> {
        let page = || page(expression).map(Self::Page);
        number(expression).map(Self::Number).or_else(|| day(expression).map(Self::Day)).or_else(page)
    }
}

/// The page of a place in a table: `'(7,1)'`.
fn page(expression: &SyntaxNode) -> Option<i128> {
    let expression = tree::inner(expression.clone());
    let literal = matches!(expression.kind(), K::LITERAL | K::CAST_EXPR) && is_constant(&expression);
    let place = tree::literal(&expression).filter(|_| literal)?;
    let (page, row) = place.trim().strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    row.trim().parse::<u16>().ok()?;
    page.trim().parse().ok()
}

/// The day of a date, or of a moment, that is written as ISO 8601 does.
pub(super) fn day(expression: &SyntaxNode) -> Option<i64> {
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
pub(super) fn is_constant(expression: &SyntaxNode) -> bool {
    expression.descendants().all(|part| match part.kind() {
        K::SELECT | K::PAREN_SELECT => false,
        K::NAME_REF => is_name_of_call(&part),
        _ => true,
    })
}

/// Whether a name is that of a call, or of the call's schema.
pub(super) fn is_name_of_call(name: &SyntaxNode) -> bool {
    is_function(name) || name.parent().is_some_and(|parent| is_function(&parent))
}

/// Whether a name is that of a call.
fn is_function(name: &SyntaxNode) -> bool {
    let call = name.parent().filter(|parent| parent.kind() == K::CALL_EXPR);
    call.is_some_and(|call| call.children().next().as_ref() == Some(name))
}

/// A whole number.
pub(super) fn number(expression: &SyntaxNode) -> Option<i128> {
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
