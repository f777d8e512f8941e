//! Columns that expressions name.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::judge::Judge;
use super::super::names::{self, VALUES};
use super::super::tree;
use std::collections::BTreeSet;

use super::inventory::{Class, Key, Known};
use super::{find, require_part};

/// What every table has.
pub(super) fn is_of_system(name: &str) -> bool {
    ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"].contains(&name)
}

/// The names of columns in an expression that stand there without their table, those of queries within left away.
pub(in super::super) fn bare(node: &SyntaxNode) -> Vec<SyntaxNode> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &SyntaxNode, into: &mut Vec<SyntaxNode>) {
    for child in node.children() {
        let is_value = || tree::tokens(&child).any(|token| VALUES.contains(&token.kind()));
        match child.kind() {
            K::NAME_REF if is_value() => {}
            K::NAME_REF => into.push(child),
            // The first is the function's name.
            K::CALL_EXPR => {
                let arguments = child.children().filter(|inside| !matches!(inside.kind(), K::NAME_REF | K::FIELD_EXPR));
                arguments.for_each(|inside| collect_in(&inside, into));
            }
            K::FIELD_EXPR | K::OVER_CLAUSE => {}
            kind if names::is_query(&child) || kind == K::ATTRIBUTE_LIST => {}
            _ => collect(&child, into),
        }
    }
}

fn collect_in(node: &SyntaxNode, into: &mut Vec<SyntaxNode>) {
    if !names::is_query(node) {
        collect(node, into);
    }
}

/// An expression over the rows of one table.
pub(super) fn of_expression(judge: &mut Judge<'_>, node: &SyntaxNode, table: Option<&Key>) {
    let Some(table) = table else { return };
    for name in bare(node) {
        let column = tree::name(&name);
        // The whole row.
        if column != table.1.name && !column.is_empty() {
            require_part(judge, &name, table, Class::Column, &column);
        }
    }
}

/// Statements whose queries stand by themselves: no name in them is a parameter, or a column of what is around them.
const ALONE: [K; 15] = [
    K::COMPOUND_SELECT,
    K::CREATE_MATERIALIZED_VIEW,
    K::CREATE_TABLE_AS,
    K::CREATE_VIEW,
    K::DECLARE,
    K::DELETE,
    K::EXPLAIN,
    K::INSERT,
    K::PAREN_SELECT,
    K::PREPARE,
    K::SELECT,
    K::SELECT_INTO,
    K::UPDATE,
    K::VALUES,
    K::TABLE,
];

/// Where a name may be that of what a query gives.
const OF_OUTPUT: [K; 6] =
    [K::ORDER_BY_CLAUSE, K::GROUP_BY_CLAUSE, K::DISTINCT_CLAUSE, K::WINDOW_CLAUSE, K::LOCKING_CLAUSE, K::OVER_CLAUSE];

/// What the names in a query are looked for in.
struct Source {
    name: Option<String>,
    /// The table, where all its columns may be known.
    table: Option<Key>,
}

/// The names of columns in queries, UPDATE and DELETE. `queries` are the names that WITH gives.
pub(super) fn of_queries(judge: &mut Judge<'_>, statement: &SyntaxNode, queries: &BTreeSet<String>) {
    if ALONE.contains(&statement.kind()) {
        let mut scopes = Vec::new();
        within(judge, statement, queries, &mut scopes);
    }
}

/// Walks down with the tables of each query around; `None` is one whose names may mean anything.
fn within(judge: &mut Judge<'_>, node: &SyntaxNode, queries: &BTreeSet<String>, scopes: &mut Vec<Option<Vec<Source>>>) {
    let scope = match node.kind() {
        K::SELECT | K::SELECT_INTO | K::UPDATE | K::DELETE => Some(sources(judge, node, queries)),
        K::INSERT | K::MERGE => Some(None),
        _ => None,
    };
    let depth = scopes.len();
    scopes.extend(scope);
    for child in node.children() {
        let is_value = || {
            let word = tree::words(&child);
            tree::tokens(&child).any(|token| VALUES.contains(&token.kind()))
                || ["current_schema", "system_user"].contains(&word.as_str())
        };
        match child.kind() {
            kind if OF_OUTPUT.contains(&kind) => {}
            K::NAME_REF if is_value() => {}
            K::NAME_REF => column(judge, &child, None, &tree::name(&child), scopes),
            K::FIELD_EXPR => qualified(judge, &child, scopes),
            K::CALL_EXPR => {
                let parts = child.children().filter(|inside| !matches!(inside.kind(), K::NAME_REF | K::FIELD_EXPR));
                parts.collect::<Vec<_>>().iter().for_each(|inside| within(judge, inside, queries, scopes));
            }
            // The query of an INSERT does not see its table.
            kind if names::is_query(&child) && node.kind() == K::INSERT => {
                let hidden = std::mem::take(scopes);
                if kind != K::VALUES {
                    within_query(judge, &child, queries);
                } else if hidden.iter().all(Option::is_none) {
                    nameless(judge, &child);
                }
                *scopes = hidden;
            }
            K::RETURNING_CLAUSE if node.kind() == K::INSERT => {
                let into = names::target(node).map(|into| table(judge, &into, queries));
                let source = into.map(|table| Source { name: names::target_name(node), table });
                within(judge, &child, queries, &mut vec![source.map(|source| vec![source])]);
            }
            _ => within(judge, &child, queries, scopes),
        }
    }
    scopes.truncate(depth);
}

/// VALUES of an INSERT, in which no table is.
fn nameless(judge: &mut Judge<'_>, values: &SyntaxNode) {
    let is_word = |name: &SyntaxNode| ["current_schema", "system_user"].contains(&tree::words(name).as_str());
    if judge.session.blocks > 0 {
        return;
    }
    if let Some(name) = bare(values).into_iter().find(|name| !is_word(name)) {
        let column = tree::name(&name);
        let message = format!("VALUES has no column {column}: \"{column}\" is a name, '{column}' a text");
        judge.report(&super::MISSING, &name, message);
    }
}

fn within_query(judge: &mut Judge<'_>, query: &SyntaxNode, queries: &BTreeSet<String>) {
    within(judge, query, queries, &mut Vec::new());
}

/// The tables of a query or statement; nothing where one of them is no table, or the query has none.
fn sources(judge: &mut Judge<'_>, statement: &SyntaxNode, queries: &BTreeSet<String>) -> Option<Vec<Source>> {
    const OTHER: [K; 3] = [K::JSON_TABLE_FROM_ITEM, K::EXPR_FROM_ITEM, K::GRAPH_TABLE_FROM_ITEM];
    let is_other = |part: SyntaxNode| OTHER.contains(&part.kind());
    let clauses = statement.children().filter(|child| matches!(child.kind(), K::FROM_CLAUSE | K::USING_CLAUSE));
    if clauses.into_iter().any(|clause| clause.descendants().any(is_other)) {
        return None;
    }
    let mut found = Vec::new();
    if matches!(statement.kind(), K::UPDATE | K::DELETE) {
        let target = names::target(statement)?;
        found.push(Source { name: names::target_name(statement), table: table(judge, &target, queries) });
    }
    for item in names::items(statement) {
        let is_renamed = tree::child(&item, K::FROM_ALIAS).is_some_and(|alias| {
            alias.children().any(|list| matches!(list.kind(), K::COLUMN_LIST | K::COLUMN_DEF_LIST))
        });
        let is_table = item.kind() == K::RELATION_FROM_ITEM && !is_renamed;
        let table = if is_table { table(judge, &item, queries) } else { None };
        found.push(Source { name: names::source_name(&item), table });
    }
    Some(found)
}

fn table(judge: &mut Judge<'_>, node: &SyntaxNode, queries: &BTreeSet<String>) -> Option<Key> {
    let parts = tree::path(node);
    if parts.len() == 1 && queries.contains(&parts[0]) {
        return None;
    }
    let (key, known) = find(judge, Class::Relation, &parts)?;
    matches!(known, Known::There(_)).then_some(key)
}

/// `table.column`; what stands before the last point of anything else is an expression of its own.
fn qualified(judge: &mut Judge<'_>, node: &SyntaxNode, scopes: &[Option<Vec<Source>>]) {
    let parts: Vec<SyntaxNode> = node.children().collect();
    let [of, column_name] = parts.as_slice() else { return };
    if of.kind() == K::NAME_REF && column_name.kind() == K::NAME_REF {
        let name = tree::name(column_name);
        // `row.function` is a call.
        let function = find(judge, Class::Function, std::slice::from_ref(&name));
        if matches!(function, Some((_, Known::Gone(_)))) {
            column(judge, column_name, Some(&tree::name(of)), &name, scopes);
        }
    }
}

fn column(judge: &mut Judge<'_>, node: &SyntaxNode, of: Option<&str>, name: &str, scopes: &[Option<Vec<Source>>]) {
    let mut candidates = Vec::new();
    for scope in scopes.iter().rev() {
        let Some(sources) = scope else { return };
        for source in sources {
            match (of, &source.table) {
                (Some(of), _) if source.name.as_deref() != Some(of) => {}
                (_, None) => return,
                (None, _) if source.name.as_deref() == Some(name) => return,
                (_, Some(table)) => candidates.push(table.clone()),
            }
        }
        if of.is_some() && !candidates.is_empty() {
            break;
        }
    }
    let is_gone = |judge: &mut Judge<'_>, table: &Key| {
        matches!(judge.session.inventory.thing(table).part(Class::Column, name), Known::Gone(_))
    };
    if !candidates.is_empty()
        && candidates.iter().all(|table| is_gone(judge, table))
        && let Some(table) = candidates.first().cloned()
    {
        require_part(judge, node, &table, Class::Column, name);
    }
}
