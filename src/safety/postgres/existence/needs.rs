//! What a statement needs: every name in it that refers to something.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::judge::Judge;
use super::super::types;
use super::super::{defaults, inferred, tree};
use super::inventory::{Class, Key, Known};
use super::{columns, find, require, require_part, routines};

/// The statements whose names are read.
const READ: [K; 68] = [
    K::ALTER_DEFAULT_PRIVILEGES,
    K::ALTER_DOMAIN,
    K::ALTER_EXTENSION,
    K::ALTER_FOREIGN_TABLE,
    K::ALTER_FUNCTION,
    K::ALTER_INDEX,
    K::ALTER_MATERIALIZED_VIEW,
    K::ALTER_POLICY,
    K::ALTER_PROCEDURE,
    K::ALTER_PUBLICATION,
    K::ALTER_ROLE,
    K::ALTER_ROUTINE,
    K::ALTER_RULE,
    K::ALTER_SCHEMA,
    K::ALTER_SEQUENCE,
    K::ALTER_TABLE,
    K::ALTER_TRIGGER,
    K::ALTER_TYPE,
    K::ALTER_VIEW,
    K::ANALYZE,
    K::CLUSTER,
    K::COMMENT_ON,
    K::COMPOUND_SELECT,
    K::COPY,
    K::CREATE_DOMAIN,
    K::CREATE_EXTENSION,
    K::CREATE_FOREIGN_TABLE,
    K::CREATE_FUNCTION,
    K::CREATE_INDEX,
    K::CREATE_MATERIALIZED_VIEW,
    K::CREATE_POLICY,
    K::CREATE_PROCEDURE,
    K::CREATE_PUBLICATION,
    K::CREATE_RULE,
    K::CREATE_SEQUENCE,
    K::CREATE_STATISTICS,
    K::CREATE_TABLE,
    K::CREATE_TABLE_AS,
    K::CREATE_TRIGGER,
    K::CREATE_TYPE,
    K::CREATE_VIEW,
    K::DECLARE,
    K::DELETE,
    K::DROP_DOMAIN,
    K::DROP_EXTENSION,
    K::DROP_FOREIGN_TABLE,
    K::DROP_FUNCTION,
    K::DROP_INDEX,
    K::DROP_MATERIALIZED_VIEW,
    K::DROP_POLICY,
    K::DROP_PROCEDURE,
    K::DROP_ROLE,
    K::DROP_ROUTINE,
    K::DROP_RULE,
    K::DROP_SCHEMA,
    K::DROP_SEQUENCE,
    K::DROP_TABLE,
    K::DROP_TRIGGER,
    K::DROP_TYPE,
    K::DROP_VIEW,
    K::EXPLAIN,
    K::GRANT,
    K::INSERT,
    K::LOCK,
    K::MERGE,
    K::PREPARE,
    K::REFRESH,
    K::REINDEX,
];
const READ_TOO: [K; 11] = [
    K::DROP_GROUP,
    K::DROP_USER,
    K::PAREN_SELECT,
    K::REVOKE,
    K::SELECT,
    K::SELECT_INTO,
    K::TABLE,
    K::TRUNCATE,
    K::UPDATE,
    K::VACUUM,
    K::VALUES,
];

/// What a walk over a statement carries along.
#[derive(Clone)]
struct Around<'s> {
    statement: &'s SyntaxNode,
    /// The names that WITH gives in it.
    queries: &'s BTreeSet<String>,
    /// The table whose columns, constraints and triggers are named without it.
    table: Option<Key>,
}

pub(super) fn of_statement(judge: &mut Judge<'_>, node: &SyntaxNode) {
    // A block may not come to it.
    if judge.session.blocks > 0 || !(READ.contains(&node.kind()) || READ_TOO.contains(&node.kind())) {
        return;
    }
    const WITHOUT_QUERY: [K; 5] = [K::ALTER_TABLE, K::COMMENT_ON, K::CREATE_INDEX, K::CREATE_TABLE, K::GRANT];
    let mut queries: BTreeSet<String> = BTreeSet::new();
    if !WITHOUT_QUERY.contains(&node.kind()) {
        queries.extend(tree::below(node, K::CTE_NAME).map(|name| tree::name(&name)));
    }
    if node.kind() == K::CREATE_VIEW && tree::has_token(node, K::RECURSIVE_KW) {
        queries.extend(tree::child(node, K::VIEW).and_then(|view| tree::path(&view).pop()));
    }
    let mut around = Around { statement: node, queries: &queries, table: None };
    let optional = tree::has(node, K::IF_EXISTS);
    if let Some(name) = table_of(node) {
        // Its columns are looked for only where it is known.
        around.table = relation(judge, &name, &around, !optional);
    }
    // What an action adds, the others may name.
    if let Some(table) = &around.table {
        let added = node.children().filter(|action| action.kind() == K::ADD_COLUMN);
        for name in added.filter_map(|action| tree::child_name(&action, K::COLUMN_NAME)).collect::<Vec<_>>() {
            if matches!(judge.session.inventory.thing(table).part(Class::Column, &name), Known::Gone(_)) {
                judge.session.inventory.change(table, |thing| thing.set_part(Class::Column, &name, Known::Unsure));
            }
        }
    }
    columns::of_queries(judge, node, &queries);
    for child in node.children() {
        // What is dropped or altered only if it is there; the table has been looked for.
        let is_own = optional && is_reference(child.kind());
        let is_target = table_of(node).is_some_and(|name| name.text_range() == child.text_range());
        let is_passed = is_own
            || is_target
            || (optional && matches!(child.kind(), K::FUNCTION_SIG_LIST | K::PROCEDURE_SIG_LIST | K::ROUTINE_SIG_LIST));
        if !is_passed {
            walk(judge, &child, &around);
        }
    }
}

fn is_reference(kind: K) -> bool {
    class_of(kind).is_some()
        || matches!(kind, K::TABLE_RELATION_NAME | K::RELATION_NAME | K::TRIGGER_REF | K::POLICY_REF | K::RULE_REF)
        || matches!(kind, K::ON_RELATION | K::ON_TABLE | K::ROLE_REF)
}

/// What a node that refers to something refers to.
fn class_of(kind: K) -> Option<Class> {
    Some(match kind {
        K::RELATION_NAME_REF | K::TABLE_NAME_REF | K::VIEW_REF | K::INDEX_REF | K::SEQUENCE_REF => Class::Relation,
        K::TYPE_NAME_REF | K::DOMAIN_REF => Class::Type,
        K::SCHEMA_REF => Class::Schema,
        K::EXTENSION_REF => Class::Extension,
        K::ROLE_NAME_REF => Class::Role,
        K::PUBLICATION_REF => Class::Publication,
        K::LANGUAGE_REF => Class::Language,
        K::TABLESPACE_REF => Class::Tablespace,
        K::SERVER_REF => Class::Server,
        K::ACCESS_METHOD_REF => Class::AccessMethod,
        K::COLLATION_REF => Class::Collation,
        K::OP_CLASS_REF => Class::Operators,
        _ => return None,
    })
}

/// The node that names the table which a statement as a whole is about.
fn table_of(node: &SyntaxNode) -> Option<SyntaxNode> {
    const TARGETS: [K; 5] =
        [K::TABLE_RELATION_NAME, K::RELATION_NAME, K::VIEW_REF, K::TABLE_NAME_REF, K::RELATION_NAME_REF];
    let first = |kinds: &[K]| node.children().find(|child| kinds.contains(&child.kind()));
    match node.kind() {
        K::ALTER_TABLE
        | K::ALTER_FOREIGN_TABLE
        | K::ALTER_MATERIALIZED_VIEW
        | K::ALTER_VIEW
        | K::CREATE_INDEX
        | K::INSERT
        | K::UPDATE
        | K::DELETE
        | K::MERGE => first(&TARGETS),
        K::CREATE_TABLE | K::CREATE_FOREIGN_TABLE => first(&[K::TABLE_NAME]),
        K::ALTER_POLICY | K::ALTER_RULE | K::ALTER_TRIGGER | K::CREATE_POLICY | K::CREATE_TRIGGER => {
            first(&[K::ON_RELATION, K::ON_TABLE])
        }
        K::DROP_POLICY | K::DROP_RULE | K::DROP_TRIGGER => first(&[K::ON_RELATION, K::ON_TABLE]),
        K::CLUSTER => first(&[K::TABLE_NAME_REF]),
        K::CREATE_STATISTICS => first(&[K::FROM_TABLE]),
        K::GRANT | K::REVOKE => {
            let tables = tree::below(node, K::PRIVILEGE_TABLE).chain(tree::below(node, K::PRIVILEGE_DEFAULT)).next()?;
            let mut tables = tables.children().filter(|table| table.kind() == K::RELATION_NAME_REF);
            tables.next().filter(|_| tables.next().is_none())
        }
        _ => None,
    }
}

/// The relation that a node names, where it is known to be there; reports it where it is known not to be, and has to be.
fn relation(judge: &mut Judge<'_>, node: &SyntaxNode, around: &Around<'_>, is_needed: bool) -> Option<Key> {
    let parts = tree::path(node);
    if parts.len() == 1 && around.queries.contains(&parts[0]) {
        return None;
    }
    let (key, known) = match node.kind() {
        // What has just been made is found where it is made.
        K::TABLE_NAME => {
            let is_temporary = tree::has(around.statement, K::TEMP);
            let key = super::target(judge, Class::Relation, &parts, is_temporary)?;
            let known = judge.session.inventory.thing(&key).known;
            (key, known)
        }
        _ => find(judge, Class::Relation, &parts)?,
    };
    match known {
        Known::There(_) => Some(key),
        Known::Gone(_) if is_needed => {
            let shown = node.descendants().find(|inside| class_of(inside.kind()).is_some());
            require(judge, &shown.unwrap_or_else(|| node.clone()), &key, known);
            None
        }
        _ => None,
    }
}

fn children(judge: &mut Judge<'_>, node: &SyntaxNode, around: &Around<'_>) {
    node.children().for_each(|child| walk(judge, &child, around));
}

fn walk(judge: &mut Judge<'_>, node: &SyntaxNode, around: &Around<'_>) {
    let of = |table: Option<Key>| Around { table, ..around.clone() };
    let optional = tree::has(node, K::IF_EXISTS);
    match node.kind() {
        // Bodies are not read; names of options are not names of things; what is locked is called by its alias.
        K::ATTRIBUTE_LIST | K::WITH_PARAMS | K::LOCKING_CLAUSE | K::RULE_DO | K::REFERENCING => {}
        K::REVOKE_COMMAND => {
            node.children().filter(|list| list.kind() == K::COLUMN_REF_LIST).for_each(|list| walk(judge, &list, around))
        }
        K::ATOMIC_BODY | K::RETURN_STMT | K::WITH_OPTIONS => {}
        K::DROP_COLUMN | K::DROP_CONSTRAINT if optional => {}
        K::RELATION_NAME_REF | K::TABLE_NAME_REF | K::VIEW_REF | K::SEQUENCE_REF => {
            relation(judge, node, around, true);
        }
        K::INDEX_REF => index(judge, node, around),
        K::TYPE_NAME_REF | K::DOMAIN_REF | K::SCHEMA_REF | K::EXTENSION_REF | K::PUBLICATION_REF => named(judge, node),
        K::ROLE_NAME_REF => named(judge, node),
        K::LANGUAGE_REF | K::TABLESPACE_REF | K::SERVER_REF | K::ACCESS_METHOD_REF => named(judge, node),
        K::COLLATION_REF | K::OP_CLASS_REF => named(judge, node),
        K::EXTENSION => offered(judge, node, around.statement),
        K::WHEN_CONDITION => {
            new_and_old(judge, node, around.table.as_ref());
            children(judge, node, around);
        }
        K::PATH_TYPE => routines::data_type(judge, node, around.statement),
        K::FUNCTION_SIG | K::PROCEDURE_SIG | K::ROUTINE_SIG => routines::signature(judge, node),
        K::CALL_EXPR => {
            routines::call(judge, node);
            sequence(judge, node, around);
            node.children().skip(1).for_each(|child| walk(judge, &child, around));
            if node.children().count() == 1 {
                children(judge, node, around);
            }
        }
        K::FOREIGN_KEY_CONSTRAINT => foreign_key(judge, node, around),
        K::REFERENCES_CONSTRAINT => {
            if let Some(name) = tree::child(node, K::TABLE_NAME_REF) {
                let other = relation(judge, &name, around, true);
                let columns = node.children().filter(|child| child.kind() == K::COLUMN_NAME_REF);
                columns.for_each(|column| part(judge, &column, &other, Class::Column));
            }
        }
        K::COLUMN_NAME_REF => part(judge, node, &around.table, Class::Column),
        K::CONSTRAINT_NAME_REF => part(judge, node, &around.table, Class::Constraint),
        K::TRIGGER_REF => part(judge, node, &around.table, Class::Trigger),
        K::POLICY_REF => part(judge, node, &around.table, Class::Policy),
        K::RULE_REF => part(judge, node, &around.table, Class::Rule),
        K::QUALIFIED_COLUMN_NAME_REF => qualified_column(judge, node),
        K::OBJECT_CONSTRAINT | K::OBJECT_TRIGGER | K::OBJECT_POLICY | K::OBJECT_RULE => {
            let name = node.children().find(|child| matches!(child.kind(), K::TABLE_NAME_REF | K::RELATION_NAME_REF));
            let table = name.as_ref().and_then(|name| relation(judge, name, around, true));
            let around = of(table);
            let own = node.children().filter(|child| Some(child) != name.as_ref());
            own.for_each(|child| walk(judge, &child, &around));
        }
        // The columns in a list are those of the table before it.
        K::COPY_TABLE | K::TABLE_AND_COLUMNS | K::PUBLICATION_OBJECT_TABLE => {
            let name = node.descendants().find(|inside| inside.kind() == K::TABLE_NAME_REF);
            let table = name.and_then(|name| relation(judge, &name, around, true));
            if let Some(list) = tree::child(node, K::COLUMN_REF_LIST) {
                children(judge, &list, &of(table));
            }
        }
        K::ATTACH_PARTITION | K::INHERIT_TABLE | K::PARTITION_OF | K::INHERITS | K::LIKE_CLAUSE => {
            children(judge, node, &of(None));
        }
        // A domain's constraint.
        K::RENAME_CONSTRAINT | K::VALIDATE_CONSTRAINT | K::DROP_CONSTRAINT
            if around.statement.kind() == K::ALTER_DOMAIN => {}
        K::CHECK_CONSTRAINT
        | K::PARTITION_ITEM_LIST
        | K::USING_EXPR_CLAUSE
        | K::WITH_CHECK_EXPR_CLAUSE
        | K::GENERATED_STORED
        | K::CONFLICT_INDEX_ITEM_LIST
        | K::USING_EXPR
        | K::STATISTICS_ON_CLAUSE => {
            columns::of_expression(judge, node, around.table.as_ref());
            children(judge, node, around);
        }
        K::WHERE_CLAUSE if around.statement.kind() == K::CREATE_INDEX => {
            columns::of_expression(judge, node, around.table.as_ref());
            children(judge, node, around);
        }
        // Names of columns in a query are its own tables'.
        kind if is_scope(kind) => {
            let table = match kind {
                K::INSERT | K::UPDATE | K::MERGE | K::DELETE => table_of(node),
                _ => None,
            };
            let table = table.and_then(|name| relation(judge, &name, around, true));
            children(judge, node, &of(table));
        }
        _ => children(judge, node, around),
    }
}

fn is_scope(kind: K) -> bool {
    const SCOPES: [K; 10] = [
        K::SELECT,
        K::SELECT_INTO,
        K::COMPOUND_SELECT,
        K::PAREN_SELECT,
        K::VALUES,
        K::TABLE,
        K::INSERT,
        K::UPDATE,
        K::DELETE,
        K::MERGE,
    ];
    SCOPES.contains(&kind)
}

/// Something that is no part of a table.
fn named(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some(class) = class_of(node.kind()) else { return };
    let parts = if class.has_schema() { tree::path(node) } else { vec![tree::name(node)] };
    if class == Class::Role && parts.iter().all(|name| ["public", "none"].contains(&name.as_str())) {
        return;
    }
    if class == Class::Schema && parts.iter().any(|name| name.starts_with("pg_")) {
        return;
    }
    if let Some((key, known)) = find(judge, class, &parts) {
        require(judge, node, &key, known);
    }
}

/// CREATE EXTENSION of what the server does not offer.
fn offered(judge: &mut Judge<'_>, node: &SyntaxNode, statement: &SyntaxNode) {
    let name = tree::name(node);
    let is_there = !matches!(judge.session.inventory.known(Class::Extension, "", &name), Known::Gone(_));
    let is_made = statement.kind() == K::CREATE_EXTENSION && !is_there;
    if is_made && judge.session.inventory.is_not_offered(&name) {
        let message = format!("the server does not offer the extension {name}");
        judge.report(&super::MISSING, node, message).help =
            "Install the extension on the server first; pg_available_extensions tells which there are.".to_owned();
    }
}

/// The sequence that `nextval('name')` and its like name, where the server looks for it when it reads the statement.
fn sequence(judge: &mut Judge<'_>, call: &SyntaxNode, around: &Around<'_>) {
    const OF_SEQUENCES: [&str; 3] = ["currval", "nextval", "setval"];
    if !defaults::called(call).is_some_and(|name| OF_SEQUENCES.contains(&name.as_str())) {
        return;
    }
    let Some(argument) = inferred::arguments(call).into_iter().next().map(tree::inner) else { return };
    let is_cast = argument.kind() == K::CAST_EXPR;
    let target = types::type_node(&argument).map(|target| tree::words(&target));
    if is_cast && target.as_deref() != Some("regclass") {
        return;
    }
    let Some(literal) = argument.descendants().find(|part| part.kind() == K::LITERAL) else { return };
    let Some(text) = tree::literal(&literal).filter(|_| tree::words(&literal).contains('\'')) else { return };
    // A name as SQL says it: in small letters, or between quotes.
    let parts: Vec<String> = text.trim().split('.').map(|part| part.trim_matches('"').to_owned()).collect();
    let is_plain = |part: &String| {
        let mut letters = part.chars();
        !part.is_empty() && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$')
    };
    let is_folded = text.contains('"') || !text.contains(|letter: char| letter.is_ascii_uppercase());
    if parts.len() > 2 || !parts.iter().all(is_plain) || !is_folded {
        return;
    }
    if parts.len() == 1 && around.queries.contains(&parts[0]) {
        return;
    }
    if let Some((key, known)) = find(judge, Class::Relation, &parts) {
        require(judge, &literal, &key, known);
    }
}

/// The columns of the row that a trigger is for, in its condition.
fn new_and_old(judge: &mut Judge<'_>, condition: &SyntaxNode, table: Option<&Key>) {
    let Some(table) = table else { return };
    for field in tree::below(condition, K::FIELD_EXPR) {
        let parts: Vec<SyntaxNode> = field.children().collect();
        let [row, column] = parts.as_slice() else { continue };
        let is_row = row.kind() == K::NAME_REF && ["new", "old"].contains(&tree::name(row).as_str());
        let name = tree::name(column);
        // `row.function` is a call.
        let function = find(judge, Class::Function, std::slice::from_ref(&name));
        if is_row && column.kind() == K::NAME_REF && matches!(function, Some((_, Known::Gone(_)))) {
            require_part(judge, column, table, Class::Column, &name);
        }
    }
}

/// An index; one of which a constraint is made, or by which a table is ordered, is in the table's schema.
fn index(judge: &mut Judge<'_>, node: &SyntaxNode, around: &Around<'_>) {
    let parent = node.parent().map(|parent| parent.kind());
    let is_of_table = matches!(
        parent,
        Some(K::USING_INDEX_NAME | K::USING_INDEX | K::CLUSTER_ON | K::CLUSTER_USING_INDEX | K::REPLICA_IDENTITY)
    );
    let parts = tree::path(node);
    match (&around.table, parts.as_slice()) {
        (Some((_, table)), [name]) if is_of_table => {
            let key = super::key(Class::Relation, &table.schema.clone(), name);
            let known = judge.session.inventory.thing(&key).known;
            require(judge, node, &key, known);
        }
        _ if is_of_table || parent == Some(K::CLUSTER_LEGACY) => {}
        _ => _ = relation(judge, node, around, true),
    }
}

fn part(judge: &mut Judge<'_>, node: &SyntaxNode, table: &Option<Key>, class: Class) {
    let Some(table) = table else { return };
    let name = if class == Class::Constraint { tree::path(node).pop() } else { Some(tree::name(node)) };
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        require_part(judge, node, table, class, &name);
    }
}

fn foreign_key(judge: &mut Judge<'_>, node: &SyntaxNode, around: &Around<'_>) {
    let mut lists = node.children().filter(|child| child.kind() == K::FOREIGN_KEY_COLUMN_LIST);
    let (own, referred) = (lists.next(), lists.next());
    if let Some(own) = own {
        children(judge, &own, around);
    }
    let Some(name) = tree::child(node, K::TABLE_NAME_REF) else { return };
    let other = relation(judge, &name, around, true);
    if let Some(referred) = referred {
        children(judge, &referred, &Around { table: other, ..around.clone() });
    }
}

/// `table.column`, as COMMENT and OWNED BY say it.
fn qualified_column(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let mut parts = tree::path(node);
    let Some(column) = parts.pop().filter(|_| !parts.is_empty()) else { return };
    let Some((key, known)) = find(judge, Class::Relation, &parts) else { return };
    match known {
        Known::There(_) => _ = require_part(judge, node, &key, Class::Column, &column),
        _ => _ = require(judge, node, &key, known),
    }
}
