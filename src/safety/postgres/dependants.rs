//! What uses a column, and stands in the way of a change of its type: the server refuses the change, or builds the index again.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{ColumnUser, RelationName};
use super::judge::Judge;
use super::session::{Session, Table};
use super::{tree, triggers};

/// The kind of an index that has an expression or a condition: it is built again, nothing refuses.
pub(super) const INDEX: &str = "index";
const VIEW: &str = "view";
const TRIGGER: &str = "trigger";
const POLICY: &str = "policy";
const GENERATED: &str = "generated column";
const PARTITION_KEY: &str = "partition key";
const THE_PARTITION_KEY: &str = "the partition key";

/// All columns of a table.
const ALL: &str = "*";

/// What uses a column.
pub(super) struct Uses {
    /// What makes the server refuse a change of its type, for a message.
    pub(super) refused_by: Option<String>,
    /// An index that a change of its type builds again, whatever the type.
    pub(super) index: Option<String>,
}

/// What is known to use a column.
pub(super) fn of(session: &Session<'_>, table: &RelationName, column: &str) -> Uses {
    let Some(table) = session.table(table) else { return Uses { refused_by: None, index: None } };
    let mut users = using(table, column);
    let index = users.clone().find(|user| user.kind == INDEX).map(|user| user.name.name.clone());
    let refused_by = users.find(|user| user.kind != INDEX).map(shown);
    let key = table.partition_key.as_ref().is_some_and(|key| key.iter().any(|part| part == column));
    Uses { refused_by: refused_by.or_else(|| key.then(|| THE_PARTITION_KEY.to_owned())), index }
}

/// What is known to use a column of a table, as it is, and for a message.
pub(super) fn users_of(session: &Session<'_>, table: &RelationName, column: &str) -> Vec<(ColumnUser, String)> {
    let Some(table) = session.table(table) else { return Vec::new() };
    let key = table.partition_key.as_ref().is_some_and(|key| key.iter().any(|part| part == column));
    let key = key.then(|| own(PARTITION_KEY, String::new()));
    let users = using(table, column).filter(|user| user.kind != INDEX).cloned();
    users.chain(key).map(|user| (user.clone(), shown(&user))).collect()
}

fn shown(user: &ColumnUser) -> String {
    match user.kind.as_str() {
        PARTITION_KEY => THE_PARTITION_KEY.to_owned(),
        kind => format!("the {kind} {}", user.name),
    }
}

/// A column that was added may be younger than what reads all columns.
fn using<'a>(table: &'a Table, column: &'a str) -> impl Iterator<Item = &'a ColumnUser> + Clone {
    let is_added = table.columns.get(column).is_some_and(|column| column.birth.is_some());
    let uses = move |columns: &BTreeSet<String>| columns.contains(column) || (!is_added && columns.contains(ALL));
    table.users.iter().filter(move |(_, columns)| uses(columns)).map(|(user, _)| user)
}

/// Something of a table's own, whose name no schema holds.
fn own(kind: &str, name: String) -> ColumnUser {
    ColumnUser { kind: kind.to_owned(), name: RelationName { schema: "public".to_owned(), name } }
}

/// The columns that an expression on one table names.
fn named(node: &SyntaxNode) -> BTreeSet<String> {
    tree::below(node, K::NAME_REF).map(|name| tree::name(&name)).collect()
}

/// Remembers what a column of a table is computed from.
pub(super) fn generated(table: &mut Table, column: &str, node: &SyntaxNode) {
    if let Some(generated) = tree::child(node, K::GENERATED_CONSTRAINT).filter(|node| !is_identity(node)) {
        table.users.insert(own(GENERATED, column.to_owned()), named(&generated));
    }
}

fn is_identity(generated: &SyntaxNode) -> bool {
    tree::has(generated, K::GENERATED_IDENTITY)
}

/// Remembers what an index that has an expression or a condition is made of.
pub(super) fn indexed(table: &mut Table, index: &str, node: &SyntaxNode) {
    let parts = node
        .children()
        .filter(|child| matches!(child.kind(), K::PARTITION_ITEM_LIST | K::WHERE_CONDITION_CLAUSE | K::WHERE_CLAUSE));
    table.users.insert(own(INDEX, index.to_owned()), parts.flat_map(|part| named(&part)).collect());
}

/// Forgets a column, and what goes with it.
pub(super) fn column_dropped(table: &mut Table, column: &str) {
    table.users.remove(&own(GENERATED, column.to_owned()));
    table.users.values_mut().for_each(|columns| _ = columns.remove(column));
}

/// A column has another name.
pub(super) fn column_renamed(table: &mut Table, old: &str, new: &str) {
    if let Some(columns) = table.users.remove(&own(GENERATED, old.to_owned())) {
        table.users.insert(own(GENERATED, new.to_owned()), columns);
    }
    for columns in table.users.values_mut() {
        if columns.remove(old) {
            columns.insert(new.to_owned());
        }
    }
}

/// An index is gone.
pub(super) fn index_dropped(table: &mut Table, index: &str) {
    table.users.remove(&own(INDEX, index.to_owned()));
}

/// Whether it is known which columns an index names that has an expression or a condition.
pub(super) fn is_known_index(table: &Table, index: &str) -> bool {
    table.users.contains_key(&own(INDEX, index.to_owned()))
}

/// The columns that an index names that has an expression or a condition, where they are known.
pub(super) fn named_by_index<'a>(table: &'a Table, index: &str) -> Option<&'a BTreeSet<String>> {
    table.users.get(&own(INDEX, index.to_owned()))
}

/// An index has another name.
pub(super) fn index_renamed(table: &mut Table, old: &str, new: &str) {
    if let Some(columns) = table.users.remove(&own(INDEX, old.to_owned())) {
        table.users.insert(own(INDEX, new.to_owned()), columns);
    }
}

/// A column is not computed any more.
pub(super) fn expression_dropped(table: &mut Table, column: &str) {
    table.users.remove(&own(GENERATED, column.to_owned()));
}

/// What statements about views, triggers and policies change.
pub(super) fn apply(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let table = triggers::table(judge, node);
    let session = &mut judge.session;
    match (node.kind(), table) {
        (K::CREATE_VIEW | K::CREATE_MATERIALIZED_VIEW, _) => view_created(session, node),
        (K::DROP_VIEW | K::DROP_MATERIALIZED_VIEW | K::ALTER_VIEW | K::ALTER_MATERIALIZED_VIEW, _) => {
            // A view that is renamed or moved has another name from now on: what is not known is not said.
            let altered = matches!(node.kind(), K::ALTER_VIEW | K::ALTER_MATERIALIZED_VIEW);
            let moves =
                node.descendants().any(|part| part.kind() == K::SET_SCHEMA || tree::has_token(&part, K::RENAME_KW));
            let views = session.relations(node, K::VIEW_REF).into_iter().filter(|_| !altered || moves);
            views.collect::<Vec<_>>().iter().for_each(|view| forget_view(session, view));
        }
        (K::DROP_TABLE, _) => {
            // CASCADE: the views that read the table go too.
            for table in session.relations(node, K::TABLE_NAME_REF) {
                let users = session.table(&table).into_iter().flat_map(|table| table.users.keys());
                let views: Vec<_> = users.filter(|user| user.kind == VIEW).map(|user| user.name.clone()).collect();
                views.iter().for_each(|view| forget_view(session, view));
            }
        }
        (K::CREATE_TRIGGER, Some(table)) => {
            if let Some(name) = tree::child_name(node, K::TRIGGER) {
                let events = tree::below(node, K::TRIGGER_EVENT_UPDATE);
                let of = events.flat_map(|event| tree::below(&event, K::COLUMN_NAME_REF).collect::<Vec<_>>());
                let mut columns: BTreeSet<String> = of.map(|column| tree::name(&column)).collect();
                columns.extend(tree::child(node, K::WHEN_CONDITION).iter().flat_map(named));
                session.table_mut(&table).has_triggers = true;
                session.table_mut(&table).users.insert(own(TRIGGER, name), columns);
            }
        }
        (K::DROP_TRIGGER, Some(table)) => {
            if let Some(name) = tree::child_name(node, K::TRIGGER_REF) {
                session.table_mut(&table).users.remove(&own(TRIGGER, name));
            }
        }
        (K::CREATE_POLICY, Some(table)) => {
            if let Some(name) = tree::child_name(node, K::POLICY) {
                let clauses = [K::USING_EXPR_CLAUSE, K::WITH_CHECK_EXPR_CLAUSE];
                let clauses = node.children().filter(|child| clauses.contains(&child.kind()));
                let columns = clauses.flat_map(|clause| named(&clause)).collect();
                session.table_mut(&table).users.insert(own(POLICY, name), columns);
            }
        }
        (K::DROP_POLICY, Some(table)) => {
            if let Some(name) = tree::child_name(node, K::POLICY_REF) {
                session.table_mut(&table).users.remove(&own(POLICY, name));
            }
        }
        _ => {}
    }
}

fn view_of(name: &RelationName) -> ColumnUser {
    ColumnUser { kind: VIEW.to_owned(), name: name.clone() }
}

fn forget_view(session: &mut Session<'_>, view: &RelationName) {
    let user = view_of(view);
    for table in session.tables_with(&user) {
        session.table_mut(&table).users.remove(&user);
    }
}

/// Remembers which columns a view reads, of which tables: what it says without a table may be of any that it reads, and counts
/// where there is but one.
fn view_created(session: &mut Session<'_>, node: &SyntaxNode) {
    let Some(view) = tree::child(node, K::VIEW).and_then(|name| session.relation(&name)) else { return };
    forget_view(session, &view);
    let queries: BTreeSet<String> = tree::below(node, K::CTE_NAME).map(|name| tree::name(&name)).collect();
    let mut tables: Vec<(String, RelationName)> = Vec::new();
    for item in tree::below(node, K::RELATION_FROM_ITEM) {
        let alias = tree::child(&item, K::FROM_ALIAS).and_then(|alias| tree::child_name(&alias, K::TABLE_ALIAS));
        if let Some(table) = session.relation(&item).filter(|table| !queries.contains(&table.name)) {
            tables.push((alias.unwrap_or_else(|| table.name.clone()), table));
        }
    }
    let alone = tables.len() == 1;
    let mut uses = |of: Option<&str>, column: String| {
        for (alias, table) in &tables {
            if of.map_or(alone, |of| of == alias) {
                let users = &mut session.table_mut(table).users;
                users.entry(view_of(&view)).or_default().insert(column.clone());
            }
        }
    };
    for part in node.descendants() {
        match part.kind() {
            K::TARGET if tree::has_token(&part, K::STAR) => {
                let aliases: Vec<String> = tables.iter().map(|(alias, _)| alias.clone()).collect();
                aliases.iter().for_each(|alias| uses(Some(alias), ALL.to_owned()));
            }
            K::FIELD_EXPR => {
                let parts: Vec<String> = part.children().filter_map(|name| tree::column(&name)).collect();
                match parts.as_slice() {
                    [of, column] => uses(Some(of), column.clone()),
                    [of] if tree::has_token(&part, K::STAR) => uses(Some(of), ALL.to_owned()),
                    _ => {}
                }
            }
            K::NAME_REF if part.parent().is_none_or(|parent| parent.kind() != K::FIELD_EXPR) => {
                uses(None, tree::name(&part));
            }
            _ => {}
        }
    }
}
