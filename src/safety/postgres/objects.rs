//! Objects of any kind: of which class a statement's is, what it is called, and whether this file made it.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{NamedObject, RelationName};
use super::judge::Judge;
use super::session::{Object, Session, TEMPORARY};
use super::tree;

/// The class of tables, views and sequences.
pub(super) const RELATION: &str = "RELATION";

/// The class of types and domains.
pub(super) const TYPE: &str = "TYPE";

/// The class of functions, procedures and aggregates.
pub(super) const FUNCTION: &str = "FUNCTION";

pub(super) const INDEX: &str = "INDEX";
pub(super) const SCHEMA: &str = "SCHEMA";
pub(super) const EXTENSION: &str = "EXTENSION";

/// What a statement does with objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Alter,
    Drop,
}

/// What a statement does, and to which class of objects: those of one class share their names. Nothing for statements that
/// do not create, alter or drop.
pub(super) fn verb(node: &SyntaxNode) -> Option<(Verb, String)> {
    let kind = format!("{:?}", node.kind());
    let (verb, class) = kind.split_once('_')?;
    let verb = match verb {
        "CREATE" => Verb::Create,
        "ALTER" => Verb::Alter,
        "DROP" => Verb::Drop,
        _ => return None,
    };
    let class = match class {
        "TABLE" | "TABLE_AS" | "FOREIGN_TABLE" | "MATERIALIZED_VIEW" | "VIEW" | "SEQUENCE" => RELATION,
        "DOMAIN" => TYPE,
        "PROCEDURE" | "AGGREGATE" | "ROUTINE" => FUNCTION,
        "USER" | "GROUP" => "ROLE",
        class => class.trim_end_matches("URATION").trim_end_matches("IONARY"),
    };
    Some((verb, class.to_owned()))
}

/// The objects that a statement names: all that it drops, the one that it creates or alters.
pub(super) fn named(session: &Session<'_>, node: &SyntaxNode) -> Vec<Object> {
    let Some((verb, class)) = verb(node) else { return Vec::new() };
    let mut names = Vec::new();
    for child in node.children() {
        match child.kind() {
            K::IF_EXISTS | K::IF_NOT_EXISTS | K::OR_REPLACE | K::TEMP | K::UNLOGGED => {}
            // The table of a trigger, rule or policy; what is done to the object.
            K::ON_TABLE | K::ON_RELATION | K::RULE_ON | K::SERVER_CLAUSE | K::CASCADE | K::RESTRICT => break,
            kind if format!("{kind:?}").ends_with("_LIST") => {
                names.extend(child.children().filter_map(|item| name(session, &item, verb)));
            }
            _ => names.extend(name(session, &child, verb)),
        }
        if verb != Verb::Drop && !names.is_empty() {
            names.truncate(1);
            break;
        }
    }
    names.into_iter().map(|name| (class.clone(), name)).collect()
}

/// The same, by bare names: with the table of a trigger, rule or policy.
pub(super) fn with_tables(session: &Session<'_>, node: &SyntaxNode) -> Vec<NamedObject> {
    const ON: [K; 3] = [K::ON_RELATION, K::ON_TABLE, K::RULE_ON];
    let on = node.children().find(|child| ON.contains(&child.kind()));
    let of = on.and_then(|on| tree::path(&on).pop()).unwrap_or_default();
    let all = named(session, node).into_iter();
    all.map(|(class, name)| NamedObject { class, of: of.clone(), name: name.name }).collect()
}

/// A name with or without a schema, or one of the objects that no schema holds.
fn name(session: &Session<'_>, node: &SyntaxNode, verb: Verb) -> Option<RelationName> {
    let found = if verb == Verb::Create { session.created(node) } else { session.relation(node) };
    found.or_else(|| {
        let plain = node.descendants().find(|node| tree::tokens(node).any(|token| token.kind() == K::IDENT));
        // A word of the grammar may be a name too.
        let word = || format!("{:?}", node.kind()).ends_with("_REF").then(|| node.clone());
        let named = plain.or_else(word)?;
        Some(RelationName { schema: String::new(), name: tree::name(&named) })
    })
}

/// Whether this very file made all that a statement alters or drops.
pub(super) fn are_of_this_file(judge: &Judge<'_>, node: &SyntaxNode) -> bool {
    let named = named(&judge.session, node);
    let here = |object: &Object| {
        let table = object.0 == RELATION && judge.session.is_of_this_file(&object.1);
        table || object.1.schema == TEMPORARY || judge.session.made_here(object)
    };
    !named.is_empty() && named.iter().all(here)
}

/// Whether a CREATE surely makes what it names: it says neither IF NOT EXISTS nor OR REPLACE, or nothing of that name was there.
pub(super) fn is_making(session: &Session<'_>, node: &SyntaxNode) -> bool {
    let optional = tree::has(node, K::OR_REPLACE) || tree::has(node, K::IF_NOT_EXISTS);
    if !optional {
        return true;
    }
    let Some((Verb::Create, class)) = verb(node) else { return false };
    let bare = with_tables(session, node).pop();
    let Some((bare, (_, mut name))) = bare.zip(named(session, node).pop()) else { return false };
    // An index is where its table is.
    let table = (class == INDEX).then(|| tree::child(node, K::TABLE_RELATION_NAME)).flatten();
    let of = table.as_ref().and_then(|table| session.relation(table));
    let holder = match table {
        Some(_) => None,
        None => node.children().find(|child| tree::path(child).last() == Some(&name.name)),
    };
    let is_qualified = holder.is_some_and(|holder| tree::path(&holder).len() > 1);
    let is_qualified = is_qualified || of.is_some();
    if let Some(of) = of {
        name.schema = of.schema;
    }
    !tree::has(node, K::TEMP) && session.is_made_anew(&bare, &name, is_qualified)
}

/// Remembers what a statement makes, unless it may have been there before, and what it renames. Tables and indexes that are
/// made have their own place.
pub(super) fn apply(judge: &mut Judge<'_>, node: &SyntaxNode, is_making: bool) {
    const APART: [K; 5] =
        [K::CREATE_INDEX, K::CREATE_TABLE, K::CREATE_TABLE_AS, K::CREATE_FOREIGN_TABLE, K::CREATE_MATERIALIZED_VIEW];
    if matches!(verb(node), Some((Verb::Create, _))) {
        for object in with_tables(&judge.session, node) {
            judge.session.may_be_named(object);
        }
    }
    let certain = is_making && judge.session.birth().certain;
    match verb(node) {
        Some((Verb::Create, _)) if certain && !APART.contains(&node.kind()) => {
            for (class, mut name) in named(&judge.session, node) {
                if tree::has(node, K::TEMP) {
                    name.schema = TEMPORARY.to_owned();
                }
                judge.session.made((class, name));
            }
        }
        // The actions of ALTER TABLE are applied one by one.
        Some((Verb::Alter, _)) if judge.alter(node).is_none() => rename(judge, node),
        _ => {}
    }
}

/// RENAME TO and SET SCHEMA of what is no table.
fn rename(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some(object) = named(&judge.session, node).pop() else { return };
    for action in node.children() {
        let (schema, new) = (&object.1.schema, tree::last_name(&action));
        let new = match (action.kind(), new) {
            (K::SET_SCHEMA, Some(schema)) => RelationName { schema, name: object.1.name.clone() },
            (kind, Some(name)) if is_rename(kind) => RelationName { schema: schema.clone(), name },
            _ => continue,
        };
        let of = with_tables(&judge.session, node).pop().map(|object| object.of).unwrap_or_default();
        judge.session.may_be_named(NamedObject { class: object.0.clone(), of, name: new.name.clone() });
        judge.session.rename(&object, new);
    }
}

/// Whether an action is RENAME TO, whatever the object.
pub(super) fn is_rename(action: K) -> bool {
    format!("{action:?}").ends_with("_RENAME_TO")
}
