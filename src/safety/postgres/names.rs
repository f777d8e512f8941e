//! What the names in a query mean: columns of its own tables, or of the statement that it stands in.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::RelationName;
use super::bounds::is_name_of_call;
use super::session::{Session, Table};
use super::tree;

/// What has tables whose columns the names in it mean.
const SCOPES: [K; 5] = [K::SELECT, K::SELECT_INTO, K::UPDATE, K::DELETE, K::MERGE];

/// What every table has.
const SYSTEM: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// What are values, though they look like columns.
pub(super) const VALUES: [K; 10] = [
    K::CURRENT_CATALOG_KW,
    K::CURRENT_DATE_KW,
    K::CURRENT_ROLE_KW,
    K::CURRENT_TIMESTAMP_KW,
    K::CURRENT_TIME_KW,
    K::CURRENT_USER_KW,
    K::LOCALTIMESTAMP_KW,
    K::LOCALTIME_KW,
    K::SESSION_USER_KW,
    K::USER_KW,
];

pub(super) fn is_query(node: &SyntaxNode) -> bool {
    const QUERIES: [K; 6] = [K::SELECT, K::SELECT_INTO, K::COMPOUND_SELECT, K::PAREN_SELECT, K::VALUES, K::TABLE];
    QUERIES.contains(&node.kind())
}

/// The queries in a node, not those within them.
pub(super) fn queries(node: &SyntaxNode) -> Vec<SyntaxNode> {
    if is_query(node) { vec![node.clone()] } else { node.children().flat_map(|child| queries(&child)).collect() }
}

/// The calls in a node, not those of the queries within.
pub(super) fn calls(node: &SyntaxNode) -> Vec<SyntaxNode> {
    let within = node.children().filter(|child| !is_query(child)).flat_map(|child| calls(&child));
    std::iter::once(node.clone()).filter(|node| node.kind() == K::CALL_EXPR).chain(within).collect()
}

/// The items of a FROM, not of the queries within.
pub(super) fn from_items(node: &SyntaxNode, into: &mut Vec<SyntaxNode>) {
    for child in node.children() {
        match child.kind() {
            K::RELATION_FROM_ITEM | K::FUNCTION_FROM_ITEM | K::ROWS_FROM_ITEM | K::XML_TABLE_FROM_ITEM => {
                into.push(child);
            }
            K::PAREN_FROM_ITEM if tree::has(&child, K::PAREN_SELECT) => into.push(child),
            K::ON_CLAUSE => {}
            _ if is_query(&child) => {}
            _ => from_items(&child, into),
        }
    }
}

/// The items of all of FROM or USING of a statement or query.
pub(super) fn items(statement: &SyntaxNode) -> Vec<SyntaxNode> {
    const SOURCES: [K; 3] = [K::FROM_CLAUSE, K::USING_CLAUSE, K::USING_ON_CLAUSE];
    let mut items = Vec::new();
    let clauses = statement.children().filter(|child| SOURCES.contains(&child.kind()));
    clauses.for_each(|clause| from_items(&clause, &mut items));
    items
}

/// What the columns of an item of FROM are called after.
pub(super) fn source_name(item: &SyntaxNode) -> Option<String> {
    let alias = tree::child(item, K::FROM_ALIAS).and_then(|alias| tree::child_name(&alias, K::TABLE_ALIAS));
    let function = || tree::child(item, K::CALL_EXPR).and_then(|call| super::defaults::called(&call));
    let relation = || tree::path(item).pop().filter(|_| item.kind() == K::RELATION_FROM_ITEM);
    alias.or_else(function).or_else(relation)
}

/// The node that names the table which a statement changes.
pub(super) fn target(statement: &SyntaxNode) -> Option<SyntaxNode> {
    const NAMES: [K; 3] = [K::RELATION_NAME, K::TABLE_RELATION_NAME, K::RELATION_NAME_REF];
    statement.children().find(|child| NAMES.contains(&child.kind()))
}

/// What the columns of the table that a statement changes are called after.
pub(super) fn target_name(statement: &SyntaxNode) -> Option<String> {
    let alias = tree::child(statement, K::OPTIONAL_AS_ALIAS).and_then(|alias| tree::child_name(&alias, K::TABLE_ALIAS));
    alias.or_else(|| tree::path(&target(statement)?).pop())
}

/// The WITH of a statement or query. That of a UNION stands in its first part.
pub(super) fn with(node: &SyntaxNode) -> Option<SyntaxNode> {
    let first = |node: &SyntaxNode| node.children().next().filter(|_| node.kind() == K::COMPOUND_SELECT);
    let innermost = std::iter::successors(Some(node.clone()), first).last();
    tree::child(&innermost?, K::WITH_CLAUSE)
}

/// What WITH there is around a node, the innermost first.
pub(super) fn withs_around(node: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> {
    let is_whole = |node: &SyntaxNode| {
        node.kind() != K::COMPOUND_SELECT || node.parent().is_none_or(|parent| parent.kind() != K::COMPOUND_SELECT)
    };
    let clauses = node.ancestors().skip(1).filter(is_whole).filter_map(|node| with(&node));
    let mut last = None;
    clauses.filter(move |clause| last.replace(clause.clone()).as_ref() != Some(clause))
}

/// The parts of a UNION, or the query itself.
pub(super) fn arms(query: &SyntaxNode) -> Vec<SyntaxNode> {
    let mut found = Vec::new();
    let mut query = query.clone();
    while query.kind() == K::COMPOUND_SELECT && tree::has(&query, K::UNION) {
        let mut parts = query.children().filter(is_query);
        let (Some(first), Some(last)) = (parts.next(), parts.next()) else { break };
        found.push(last);
        query = first;
    }
    found.push(query);
    found
}

/// The query of WITH that an item of FROM names.
pub(super) fn named(item: &SyntaxNode) -> Option<SyntaxNode> {
    let path = tree::path(item);
    let [name] = path.as_slice() else { return None };
    if item.kind() != K::RELATION_FROM_ITEM {
        return None;
    }
    let mut found = withs_around(item).filter_map(|clause| {
        let earlier = clause.children().take_while(|query| !query.text_range().contains_range(item.text_range()));
        earlier.filter(|query| tree::child_name(query, K::CTE_NAME).as_ref() == Some(name)).last()
    });
    found.next()
}

/// Whether a query is another one for each row of the statement around it: a name in it is a column of that one's tables.
pub(super) fn refers_outside(session: &Session<'_>, query: &SyntaxNode) -> bool {
    let names = tree::below(query, K::NAME_REF).filter(|name| {
        let of_field = name.parent().is_some_and(|parent| parent.kind() == K::FIELD_EXPR);
        let is_value = tree::tokens(name).any(|token| VALUES.contains(&token.kind()));
        let is_first = name.prev_sibling().is_none();
        !is_value && !is_name_of_call(name) && (!of_field || is_first)
    });
    names.into_iter().any(|name| Reference::of(&name).is_outside(session, query))
}

/// A name of a column in an expression.
struct Reference {
    node: SyntaxNode,
    /// The table that it says.
    of: Option<String>,
    column: String,
}

/// Whether a table has a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Has {
    No,
    Maybe,
    Yes,
}

impl Reference {
    fn of(name: &SyntaxNode) -> Self {
        let node = name.ancestors().take_while(|node| matches!(node.kind(), K::NAME_REF | K::FIELD_EXPR)).last();
        let node = node.unwrap_or_else(|| name.clone());
        let mut parts: Vec<String> = tree::below(&node, K::NAME_REF).map(|part| tree::name(&part)).collect();
        let all = node.children_with_tokens().any(|part| part.kind() == K::STAR);
        let column = if all { String::new() } else { parts.pop().unwrap_or_default() };
        Self { node, of: parts.pop(), column }
    }

    fn is_outside(&self, session: &Session<'_>, query: &SyntaxNode) -> bool {
        let mut inside = true;
        let mut before = self.node.clone();
        // The tables of the query that may have the column, where the statement around it surely means its own.
        let mut doubted: Option<BTreeSet<RelationName>> = None;
        for node in self.node.ancestors().skip(1) {
            let visible = SCOPES.contains(&node.kind()) && before.kind() != K::WITH_CLAUSE;
            let has = if visible { self.is_in(session, &node) } else { Has::No };
            let ordered = matches!(before.kind(), K::ORDER_BY_CLAUSE | K::GROUP_BY_CLAUSE) && self.of.is_none();
            if inside {
                if has == Has::Yes || (ordered && self.is_given_by(&node)) {
                    return false;
                }
                if has == Has::Maybe {
                    match self.is_compared_with_own(&node) && session.blocks == 0 {
                        true => doubted = Some(relations(session, &node)),
                        false => return false,
                    }
                }
            } else if has == Has::Yes || (has == Has::Maybe && session.blocks == 0) {
                return doubted.is_none_or(|own| own.is_disjoint(&relations(session, &node)));
            }
            inside &= node != *query;
            before = node;
        }
        false
    }

    /// Whether a statement has a table with the column.
    fn is_in(&self, session: &Session<'_>, statement: &SyntaxNode) -> Has {
        let has = |name: Option<String>, columns: &dyn Fn() -> Has| match &self.of {
            Some(of) if name.as_ref() == Some(of) => Has::Yes,
            Some(_) => Has::No,
            None if name.as_ref() == Some(&self.column) => Has::Yes,
            None => columns(),
        };
        let changed = target(statement).filter(|_| !matches!(statement.kind(), K::SELECT | K::SELECT_INTO));
        let own = changed.map(|target| {
            let table = session.relation(&target);
            has(target_name(statement), &|| table.as_ref().map_or(Has::Maybe, |table| self.is_of(session, table)))
        });
        let items =
            items(statement).into_iter().map(|item| has(source_name(&item), &|| self.is_of_item(session, &item)));
        own.into_iter().chain(items).max().unwrap_or(Has::No)
    }

    fn is_of(&self, session: &Session<'_>, table: &RelationName) -> Has {
        // What a table is made of that a query gives is not known, whatever is added to it.
        let told = |table: &&Table| {
            let mut columns = table.columns.values();
            (table.is_catalogued() && !table.columns.is_empty())
                || (table.birth.is_some_and(|birth| birth.certain)
                    && !table.takes_keys
                    && columns.any(|column| column.birth.is_none() && column.data_type.is_some()))
        };
        match session.table(table).filter(told) {
            _ if SYSTEM.contains(&self.column.as_str()) => Has::Yes,
            Some(table) if table.columns.contains_key(&self.column) => Has::Yes,
            Some(_) => Has::No,
            None => Has::Maybe,
        }
    }

    fn is_of_item(&self, session: &Session<'_>, item: &SyntaxNode) -> Has {
        let alias = tree::child(item, K::FROM_ALIAS).and_then(|alias| tree::child(&alias, K::COLUMN_LIST));
        if let Some(list) = alias {
            let listed = tree::below(&list, K::COLUMN_NAME).any(|column| tree::name(&column) == self.column);
            return if listed { Has::Yes } else { Has::Maybe };
        }
        let given = |columns: Option<BTreeSet<String>>| match columns {
            Some(columns) if columns.contains(&self.column) => Has::Yes,
            Some(_) => Has::No,
            None => Has::Maybe,
        };
        if let Some(query) = tree::child(item, K::PAREN_SELECT) {
            return given(outputs(&query));
        }
        if let Some(query) = named(item) {
            let list = tree::child(&query, K::COLUMN_LIST);
            let renamed =
                list.map(|list| tree::below(&list, K::COLUMN_NAME).map(|column| tree::name(&column)).collect());
            return given(renamed.or_else(|| outputs(&query.children().find(is_query)?)));
        }
        let relation = session.relation(item).filter(|_| item.kind() == K::RELATION_FROM_ITEM);
        relation.map_or(Has::Maybe, |table| self.is_of(session, &table))
    }

    /// Whether the name is that of a column which the query gives, as ORDER BY may say.
    fn is_given_by(&self, query: &SyntaxNode) -> bool {
        query.kind() == K::COMPOUND_SELECT || outputs(query).is_some_and(|columns| columns.contains(&self.column))
    }

    /// Whether the name has no table, and is compared with a column that says that it is of a query's only one: whoever
    /// compares two columns of one table says so of both, or of neither.
    fn is_compared_with_own(&self, query: &SyntaxNode) -> bool {
        let only = match items(query).as_slice() {
            [only] => source_name(only),
            _ => None,
        };
        let comparison = self.node.parent().filter(|parent| parent.kind() == K::BIN_EXPR);
        let compared = comparison.filter(|comparison| tree::has_token(comparison, K::EQ));
        let mut sides = compared.iter().flat_map(SyntaxNode::children).filter(|side| side.kind() == K::FIELD_EXPR);
        self.of.is_none() && sides.any(|side| only.is_some() && Self::of(&side).of == only)
    }
}

/// The tables of a statement.
fn relations(session: &Session<'_>, statement: &SyntaxNode) -> BTreeSet<RelationName> {
    let changed = target(statement).filter(|_| !matches!(statement.kind(), K::SELECT | K::SELECT_INTO));
    changed.into_iter().chain(items(statement)).filter_map(|node| session.relation(&node)).collect()
}

/// The columns that a query gives, where it names them all.
fn outputs(query: &SyntaxNode) -> Option<BTreeSet<String>> {
    match query.kind() {
        K::PAREN_SELECT | K::COMPOUND_SELECT => outputs(&query.children().find(is_query)?),
        K::SELECT => {
            let clause = tree::child(query, K::SELECT_CLAUSE)?;
            let targets = tree::child(&clause, K::TARGET_LIST)?;
            let mut columns = BTreeSet::new();
            for target in targets.children() {
                if tree::all_tokens(&target).any(|token| token.kind() == K::STAR) {
                    return None;
                }
                let alias = tree::child(&target, K::AS_NAME).and_then(|name| tree::child_name(&name, K::COLUMN_NAME));
                let expression = target.children().next()?;
                let call = || super::defaults::called(&expression).filter(|_| expression.kind() == K::CALL_EXPR);
                let inside = || expression.children().next().filter(|_| expression.kind() == K::CAST_EXPR);
                let plain = || tree::column(&expression).or_else(call).or_else(|| tree::column(&inside()?));
                columns.extend(alias.or_else(plain));
            }
            Some(columns)
        }
        _ => None,
    }
}
