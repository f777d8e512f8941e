//! What does nothing in the database that the catalogue tells of: IF EXISTS of what is not there, IF NOT EXISTS of what is.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::judge::{Alter, Judge};
use super::session::UserType;
use super::{columns, objects, tree};

/// Whether a statement does nothing. Its lock, if it takes one, is gone at once or is another statement's too.
pub(super) fn statement(judge: &Judge<'_>, node: &SyntaxNode) -> bool {
    let session = &judge.session;
    let all_absent = |kinds: &[K]| {
        let named = node.children().filter(|child| kinds.contains(&child.kind()));
        let mut named = named.filter_map(|child| session.relation(&child)).peekable();
        named.peek().is_some() && named.all(|name| session.is_absent(&name))
    };
    // CONCURRENTLY is refused in a transaction before anything is looked for.
    if tree::has_token(node, K::CONCURRENTLY_KW) && session.in_transaction() {
        return false;
    }
    let optional = tree::has(node, K::IF_EXISTS);
    match node.kind() {
        K::DROP_TABLE | K::DROP_FOREIGN_TABLE | K::DROP_VIEW | K::DROP_MATERIALIZED_VIEW | K::DROP_INDEX => {
            optional && all_absent(&[K::TABLE_NAME_REF, K::RELATION_NAME_REF, K::VIEW_REF, K::INDEX_REF])
        }
        K::ALTER_TABLE | K::ALTER_FOREIGN_TABLE | K::ALTER_MATERIALIZED_VIEW => {
            optional && judge.alter(node).is_some_and(|alter| session.is_absent(&alter.table))
        }
        K::DROP_SEQUENCE
        | K::DROP_TYPE
        | K::DROP_DOMAIN
        | K::DROP_FUNCTION
        | K::DROP_PROCEDURE
        | K::DROP_ROUTINE
        | K::DROP_AGGREGATE
        | K::DROP_TRIGGER
        | K::DROP_RULE
        | K::DROP_POLICY
        | K::DROP_EXTENSION
        | K::DROP_SCHEMA
        | K::DROP_PUBLICATION
        | K::DROP_EVENT_TRIGGER
        | K::DROP_ROLE
        | K::DROP_USER
        | K::DROP_GROUP
        | K::DROP_SERVER
        | K::DROP_LANGUAGE
        | K::DROP_COLLATION
        | K::DROP_STATISTICS => {
            let named = objects::with_tables(session, node);
            optional && !named.is_empty() && named.iter().all(|object| session.is_free(object))
        }
        K::ALTER_DOMAIN => {
            let name = tree::child(node, K::DOMAIN_REF).and_then(|name| session.relation(&name));
            let known = name.and_then(|name| match session.user_type(&name) {
                Some(UserType::Domain(domain)) => domain.constraints.as_ref(),
                _ => None,
            });
            let dropped = tree::child(node, K::DROP_CONSTRAINT).filter(|drop| tree::has(drop, K::IF_EXISTS));
            let dropped = dropped.and_then(|drop| tree::path(&drop).pop());
            dropped.zip(known).is_some_and(|(dropped, known)| !known.contains(&dropped))
        }
        K::CREATE_INDEX if tree::has(node, K::IF_NOT_EXISTS) => {
            let table = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME));
            let table = table.and_then(|table| session.relation(&table));
            let index = tree::child(node, K::INDEX).and_then(|index| tree::path(&index).pop());
            table.zip(index).is_some_and(|(table, index)| session.has_valid_index(&table, &index))
        }
        _ => false,
    }
}

/// Whether an action of ALTER TABLE does nothing.
pub(super) fn action(judge: &Judge<'_>, alter: &Alter, action: &SyntaxNode) -> bool {
    let Some(table) = judge.session.table(&alter.table).filter(|table| table.is_catalogued()) else { return false };
    let column = || tree::child_name(action, K::COLUMN_NAME_REF);
    let (present, absent) = (tree::has(action, K::IF_NOT_EXISTS), tree::has(action, K::IF_EXISTS));
    match action.kind() {
        K::ADD_COLUMN if present => {
            tree::child_name(action, K::COLUMN_NAME).is_some_and(|column| table.columns.contains_key(&column))
        }
        K::DROP_COLUMN if absent => column().is_some_and(|column| !table.columns.contains_key(&column)),
        K::DROP_CONSTRAINT if absent => {
            tree::path(action).pop().is_some_and(|constraint| !table.constraints.contains_key(&constraint))
        }
        // Neither a default nor an identity, since the catalogue told.
        K::ALTER_COLUMN if columns::is_without_default(action) || drops_identity_if_there(action) => column()
            .is_some_and(|column| {
                let known = table.columns.get(&column).is_some_and(|column| column.birth.is_none());
                known && !table.defaulted.contains(&column)
            }),
        K::ALTER_COLUMN if tree::has(action, K::DROP_NOT_NULL) => column().is_some_and(|column| {
            let nullable = table.columns.get(&column).is_some_and(|column| !column.not_null);
            // One that is not validated yet holds for new rows.
            let not_valid = |constraint: &super::session::Constraint| {
                constraint.kind == K::NOT_NULL_CONSTRAINT && constraint.proves.contains(&column)
            };
            nullable && !table.constraints.values().any(not_valid)
        }),
        _ => false,
    }
}

fn drops_identity_if_there(action: &SyntaxNode) -> bool {
    tree::child(action, K::DROP_IDENTITY).is_some_and(|drop| tree::has(&drop, K::IF_EXISTS))
}
