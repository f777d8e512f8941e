//! What a statement makes, takes away and calls otherwise.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::judge::Judge;
use super::super::{objects, tree, views};
use super::inventory::{Class, Key, Known, Thing};
use super::{after_calls, blur, find, gone, implicit, links, needed, refuse_key, refuse_part, tables, target, there};

pub(super) fn of_statement(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let replaces = tree::has(node, K::OR_REPLACE);
    let optional = tree::has(node, K::IF_NOT_EXISTS);
    match node.kind() {
        K::CREATE_TABLE | K::CREATE_FOREIGN_TABLE | K::CREATE_TABLE_AS | K::SELECT_INTO => tables::create(judge, node),
        K::CREATE_VIEW | K::CREATE_MATERIALIZED_VIEW => {
            let Some(name) = tree::child(node, K::VIEW) else { return };
            make_relation(judge, node, &name, true, optional, replaces);
        }
        K::CREATE_SEQUENCE => {
            let Some(name) = tree::child(node, K::SEQUENCE) else { return };
            make_relation(judge, node, &name, false, optional, false);
        }
        K::CREATE_INDEX => tables::create_index(judge, node),
        K::ALTER_TABLE | K::ALTER_FOREIGN_TABLE | K::ALTER_MATERIALIZED_VIEW | K::ALTER_VIEW => {
            tables::alter(judge, node);
        }
        K::CREATE_TYPE => create_type(judge, node),
        K::CREATE_DOMAIN => make(judge, node, K::DOMAIN, Class::Type),
        K::CREATE_SCHEMA => make(judge, node, K::SCHEMA, Class::Schema),
        K::CREATE_ROLE | K::CREATE_USER | K::CREATE_GROUP => make(judge, node, K::ROLE, Class::Role),
        K::CREATE_PUBLICATION => make(judge, node, K::PUBLICATION, Class::Publication),
        K::CREATE_SERVER => make(judge, node, K::SERVER, Class::Server),
        K::CREATE_LANGUAGE => make(judge, node, K::LANGUAGE, Class::Language),
        K::CREATE_STATISTICS => make(judge, node, K::STATISTICS, Class::Statistics),
        K::CREATE_TEXT_SEARCH_CONFIGURATION => {
            make(judge, node, K::TEXT_SEARCH_CONFIGURATION, Class::TextSearch);
        }
        K::CREATE_CAST => make_cast(judge, node),
        K::CREATE_OPERATOR => make_operator(judge, node),
        K::DROP_CAST => judge.session.inventory.doubt_class(Class::Cast),
        K::DROP_OPERATOR | K::ALTER_OPERATOR => judge.session.inventory.doubt_class(Class::Operator),
        // What these make is not asked for by name elsewhere.
        K::CREATE_ACCESS_METHOD | K::CREATE_COLLATION | K::CREATE_OPERATOR_CLASS | K::CREATE_TABLESPACE => {
            judge.session.inventory.doubt(false, true);
        }
        K::CREATE_EXTENSION => {
            let name = tree::child_name(node, K::EXTENSION).unwrap_or_default();
            let is_there = judge.session.inventory.known(Class::Extension, "", &name);
            if !matches!(is_there, Known::There(_)) {
                // It makes what it pleases.
                judge.session.inventory.doubt(false, true);
            }
            make(judge, node, K::EXTENSION, Class::Extension);
        }
        K::ALTER_EXTENSION => judge.session.inventory.doubt(true, true),
        K::CREATE_FUNCTION | K::CREATE_PROCEDURE => create_routine(judge, node, replaces),
        K::CREATE_AGGREGATE => {
            if let Some(key) = target(judge, Class::Function, &tree::path(node), false) {
                let made = Thing::new(there(judge, node));
                judge.session.inventory.set(key, made);
            }
        }
        K::CREATE_TRIGGER => make_part(judge, node, K::TRIGGER, Class::Trigger, replaces),
        K::CREATE_POLICY => make_part(judge, node, K::POLICY, Class::Policy, false),
        K::CREATE_RULE => make_part(judge, node, K::RULE, Class::Rule, replaces),
        K::DROP_TRIGGER => drop_part(judge, node, K::TRIGGER_REF, Class::Trigger),
        K::DROP_POLICY => drop_part(judge, node, K::POLICY_REF, Class::Policy),
        K::DROP_RULE => drop_part(judge, node, K::RULE_REF, Class::Rule),
        _ => match objects::verb(node) {
            Some((objects::Verb::Drop, _)) => dropped(judge, node),
            Some((objects::Verb::Alter, _)) => altered(judge, node),
            _ => after_calls(judge, node),
        },
    }
    if matches!(node.kind(), K::CREATE_TABLE_AS | K::CREATE_MATERIALIZED_VIEW | K::SELECT_INTO) {
        after_calls(judge, node);
    }
    links::of_statement(judge, node);
}

/// A relation that has no parts to be told of.
fn make_relation(
    judge: &mut Judge<'_>,
    node: &SyntaxNode,
    name: &SyntaxNode,
    has_row_type: bool,
    optional: bool,
    replaces: bool,
) {
    let Some(key) = target(judge, Class::Relation, &tree::path(name), tree::has(node, K::TEMP)) else { return };
    let row_type = (Class::Type, key.1.clone());
    let before = judge.session.inventory.thing(&key).clone();
    let shows = if node.kind() == K::CREATE_VIEW { views::shape(judge, node) } else { None };
    if matches!(before.known, Known::There(_)) && (optional || replaces) {
        if replaces {
            if let Some(had) = before.shows.as_ref().filter(|_| judge.session.blocks == 0) {
                views::replaced(judge, node, &key.1, had, shows.as_ref());
            }
            // What is replaced has other columns.
            judge.session.inventory.change(&key, |thing| {
                thing.open();
                thing.shows = shows;
            });
        }
        return;
    }
    if is_without_schema(judge, name) || refuse_key(judge, name, &key) {
        return;
    }
    // The server looks for a type even where it makes none.
    if !replaces && refuse_key(judge, name, &row_type) {
        return;
    }
    let known = there(judge, name);
    let mut thing = Thing::new(known);
    thing.has_row_type = has_row_type;
    thing.is_view = node.kind() == K::CREATE_VIEW;
    thing.shows = shows;
    judge.session.inventory.set(key, thing);
    if has_row_type {
        judge.session.inventory.set(row_type, Thing::new(known));
    }
}

/// Whether something is made in a schema that is not there, which is reported.
pub(super) fn is_without_schema(judge: &mut Judge<'_>, name: &SyntaxNode) -> bool {
    let parts = tree::path(name);
    let [.., schema, _] = parts.as_slice() else { return false };
    if schema.starts_with("pg_") {
        return false;
    }
    let key = super::key(Class::Schema, "", schema);
    let known = judge.session.inventory.thing(&key).known;
    super::require(judge, name, &key, known)
}

/// Something of a class, by the name in the first node of a kind.
fn make(judge: &mut Judge<'_>, node: &SyntaxNode, kind: K, class: Class) {
    let Some(name) = node.descendants().find(|inside| inside.kind() == kind) else { return };
    let parts = if class.has_schema() { tree::path(&name) } else { vec![tree::name(&name)] };
    let Some(key) = target(judge, class, &parts, false) else { return };
    let is_there = matches!(judge.session.inventory.thing(&key).known, Known::There(_));
    if tree::has(node, K::IF_NOT_EXISTS) && is_there {
        return;
    }
    if (class.has_schema() && is_without_schema(judge, &name)) || refuse_key(judge, &name, &key) {
        return;
    }
    let made = Thing::new(there(judge, &name));
    judge.session.inventory.set(key, made);
}

/// A cast is called after its types.
fn make_cast(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some(types) = tree::child(node, K::CAST_SIG) else { return };
    let types: Option<Vec<String>> = types.children().map(|of| implicit::of_found_type(&of)).collect();
    if let Some([from, to]) = types.as_deref() {
        let key = super::key(Class::Cast, "", &format!("{from} to {to}"));
        make_key(judge, node, key);
    }
}

/// An operator is called after its sign and its types.
fn make_operator(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some(sign) = tree::child(node, K::OP).filter(|sign| tree::path(sign).is_empty()) else { return };
    let argument = |side: &str| {
        let mut options = tree::below(node, K::ATTRIBUTE_OPTION);
        let own = options
            .find(|option| tree::child(option, K::ATTRIBUTE_NAME).is_some_and(|name| tree::words(&name) == side))?;
        let value = tree::child(&own, K::ATTRIBUTE_VALUE)?;
        implicit::of_found_type(&value.children().next()?)
    };
    if let (Some(left), Some(right)) = (argument("leftarg"), argument("rightarg")) {
        let name = format!("{left} {} {right}", tree::words(&sign).replace(' ', ""));
        if let Some(key) = target(judge, Class::Operator, &[name], false) {
            make_key(judge, node, key);
        }
    }
}

fn make_key(judge: &mut Judge<'_>, node: &SyntaxNode, key: Key) {
    if !refuse_key(judge, node, &key) {
        let made = Thing::new(there(judge, node));
        judge.session.inventory.set(key, made);
    }
}

/// Reports what is said twice in a list. Gives whether it was reported.
fn is_twice(judge: &mut Judge<'_>, what: &str, all: impl Iterator<Item = (String, SyntaxNode)>) -> bool {
    let mut before = BTreeSet::new();
    let again = all.into_iter().find(|(name, _)| !name.is_empty() && !before.insert(name.clone()));
    if let Some((name, node)) = &again {
        judge.report(&super::ALREADY, node, format!("{what} {name} is there already: it stands twice in the list"));
    }
    again.is_some()
}

fn create_type(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some(name) = tree::child(node, K::TYPE_NAME) else { return };
    if judge.session.blocks == 0 {
        let labels = tree::below(node, K::VARIANT).filter_map(|label| {
            let literal = tree::child(&label, K::LITERAL)?;
            Some((tree::literal(&literal)?, literal))
        });
        let attributes = tree::below(node, K::COMPOSITE_FIELD).map(|field| (tree::name(&field), field));
        if is_twice(judge, "the value", labels) || is_twice(judge, "the attribute", attributes) {
            return;
        }
    }
    if tree::has(node, K::COMPOSITE_TYPE) {
        // The server looks for the type first.
        let key = target(judge, Class::Type, &tree::path(&name), false);
        if key.is_some_and(|key| refuse_key(judge, &name, &key)) {
            return;
        }
        make_relation(judge, node, &name, true, false, false);
    } else if tree::has(node, K::ENUM_TYPE) || tree::has(node, K::RANGE_TYPE) {
        make(judge, node, K::TYPE_NAME, Class::Type);
        // That of its ranges of ranges.
        judge.session.inventory.has_named |= tree::has(node, K::RANGE_TYPE);
    } else if let Some(key) = target(judge, Class::Type, &tree::path(&name), false) {
        // A base type may be made again where only its name is there.
        judge.session.inventory.set(key, Thing::new(Known::Unsure));
    }
}

fn create_routine(judge: &mut Judge<'_>, node: &SyntaxNode, replaces: bool) {
    let Some(name) = node.children().find(|child| matches!(child.kind(), K::FUNCTION_NAME | K::PROCEDURE_NAME)) else {
        return;
    };
    let Some(key) = target(judge, Class::Function, &tree::path(&name), false) else { return };
    if is_without_schema(judge, &name) {
        return;
    }
    let known = there(judge, &name);
    let list = tree::child(node, K::PARAM_LIST);
    // What goes in may be called as what comes out.
    let parameters = || list.iter().flat_map(|list| tree::below(list, K::PARAM)).collect::<Vec<_>>();
    let own = |parameter: SyntaxNode| Some((tree::child_name(&parameter, K::PARAM_NAME)?, parameter));
    let goes = |parameter: &SyntaxNode, way: K| tree::has(parameter, way) || tree::has(parameter, K::PARAM_IN_OUT);
    let given = parameters().into_iter().filter(|parameter| !tree::has(parameter, K::PARAM_OUT)).filter_map(own);
    let got = parameters().into_iter().filter(|parameter| goes(parameter, K::PARAM_OUT)).filter_map(own);
    if judge.session.blocks == 0 && (is_twice(judge, "the argument", given) || is_twice(judge, "the argument", got)) {
        return;
    }
    if let Some(takes) = list.as_ref().and_then(implicit::signature) {
        let routine = super::key(Class::Routine, &key.1.schema, &format!("{}({takes})", key.1.name));
        if !replaces && refuse_key(judge, &name, &routine) {
            return;
        }
        // A function takes the place of a function alone.
        let before = judge.session.inventory.thing(&routine).clone();
        let (own, others) = match node.kind() {
            K::CREATE_FUNCTION => ("a function", [("(a)", "an aggregate"), ("(p)", "a procedure")]),
            _ => ("a procedure", [("(a)", "an aggregate"), ("(f)", "a function")]),
        };
        let other = others.into_iter().find(|(kind, _)| *kind == before.goes_with).map(|(_, noun)| noun);
        if let (Some(other), Known::There(None), 0) = (other, before.known, judge.session.blocks) {
            let message = format!("{} is {other}, and {own} does not take its place", super::shown_name(&routine));
            judge.report(&super::ALREADY, &name, message);
            return;
        }
        judge.session.inventory.set(routine, Thing::new(known));
    }
    judge.session.inventory.set(key, Thing::new(known));
}

/// The table of a trigger, policy or rule, where it is known.
fn table(judge: &mut Judge<'_>, node: &SyntaxNode) -> Option<Key> {
    const ON: [K; 3] = [K::ON_RELATION, K::ON_TABLE, K::RULE_ON];
    let on = node.children().find(|child| ON.contains(&child.kind()))?;
    let (key, known) = find(judge, Class::Relation, &tree::path(&on))?;
    matches!(known, Known::There(_)).then_some(key)
}

fn make_part(judge: &mut Judge<'_>, node: &SyntaxNode, kind: K, class: Class, replaces: bool) {
    let Some((name, table)) = tree::child(node, kind).zip(table(judge, node)) else { return };
    let own = tree::name(&name);
    if replaces || !refuse_part(judge, &name, &table, class, &own) {
        let known = there(judge, &name);
        judge.session.inventory.change(&table, |thing| thing.set_part(class, &own, known));
        // A constraint trigger has the name of a constraint too, and partitions get their own.
        if class == Class::Trigger {
            judge.session.inventory.change(&table, |thing| thing.set_part(Class::Constraint, &own, Known::Unsure));
            tables::open_heirs(judge, &table);
        }
    }
}

fn drop_part(judge: &mut Judge<'_>, node: &SyntaxNode, kind: K, class: Class) {
    let Some((name, table)) = tree::child_name(node, kind).zip(table(judge, node)) else { return };
    let known = gone(judge, node);
    judge.session.inventory.change(&table, |thing| {
        thing.set_part(class, &name, known);
        thing.part_gone(class, &name);
    });
    if class == Class::Trigger {
        tables::open_heirs(judge, &table);
    }
}

/// DROP of anything that is no part of a table.
fn dropped(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let place = gone(judge, node);
    let is_cascade = tree::has(node, K::CASCADE);
    let class = match node.kind() {
        K::DROP_TABLE
        | K::DROP_FOREIGN_TABLE
        | K::DROP_VIEW
        | K::DROP_MATERIALIZED_VIEW
        | K::DROP_SEQUENCE
        | K::DROP_INDEX => Class::Relation,
        K::DROP_TYPE | K::DROP_DOMAIN => Class::Type,
        K::DROP_SCHEMA => Class::Schema,
        K::DROP_ROLE | K::DROP_USER | K::DROP_GROUP => Class::Role,
        K::DROP_PUBLICATION => Class::Publication,
        K::DROP_SERVER => Class::Server,
        K::DROP_LANGUAGE => Class::Language,
        K::DROP_COLLATION => Class::Collation,
        K::DROP_STATISTICS => Class::Statistics,
        K::DROP_TEXT_SEARCH_CONFIG => Class::TextSearch,
        K::DROP_FUNCTION | K::DROP_PROCEDURE | K::DROP_ROUTINE => Class::Function,
        K::DROP_EXTENSION => {
            judge.session.inventory.doubt(true, false);
            Class::Extension
        }
        // What hangs on it is not known.
        _ => {
            judge.session.inventory.doubt(is_cascade, false);
            return;
        }
    };
    let names: Vec<SyntaxNode> = match class {
        Class::Function => tree::below(node, K::FUNCTION_SIG)
            .chain(tree::below(node, K::PROCEDURE_SIG))
            .chain(tree::below(node, K::ROUTINE_SIG))
            .collect(),
        Class::Role => tree::below(node, K::ROLE_NAME_REF).collect(),
        _ => {
            let named = |child: &SyntaxNode| format!("{:?}", child.kind()).ends_with("_REF");
            node.children().filter(named).collect()
        }
    };
    let mut found = Vec::new();
    for name in &names {
        let parts = if class.has_schema() { tree::path(name) } else { vec![tree::name(name)] };
        let meant = find(judge, class, &parts);
        if !matches!(meant, Some((_, Known::There(_)))) {
            blur(judge, class, &parts);
        }
        found.push(meant.map(|(key, _)| key).filter(|key| key.0 == class));
    }
    if is_cascade {
        judge.session.inventory.doubt(true, false);
    } else if judge.session.blocks == 0 {
        needed::refuse_drop(judge, node, &found, &names);
    }
    for (key, name) in found.into_iter().zip(&names) {
        let Some(key) = key else { continue };
        match class {
            Class::Relation => {
                if node.kind() == K::DROP_INDEX {
                    tables::doubt_indexes_below(judge, &key);
                }
                tables::remove(judge, &key, place);
            }
            Class::Function => {
                // Others of that name may be left.
                judge.session.inventory.doubt_named(&key.1);
                if let Some(takes) = tree::child(name, K::PARAM_LIST).and_then(|list| implicit::signature(&list)) {
                    let routine = super::key(Class::Routine, &key.1.schema, &format!("{}({takes})", key.1.name));
                    judge.session.inventory.set(routine, Thing::new(place));
                }
            }
            Class::Type => {
                // One of several columns is a relation too.
                let relation = (Class::Relation, key.1.clone());
                let is_composite = judge.session.inventory.thing(&relation).has_row_type;
                judge.session.inventory.set(key, Thing::new(place));
                if is_composite {
                    judge.session.inventory.set(relation, Thing::new(place));
                }
            }
            Class::Schema => {
                if let Known::Gone(place) = place {
                    judge.session.inventory.empty(&key.1.name, place);
                } else {
                    judge.session.inventory.doubt(true, false);
                }
                judge.session.inventory.set(key, Thing::new(place));
            }
            _ => judge.session.inventory.set(key, Thing::new(place)),
        }
    }
}

/// RENAME TO and SET SCHEMA of what is no table.
fn altered(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let (class, kind) = match node.kind() {
        K::ALTER_SEQUENCE => (Class::Relation, K::SEQUENCE_REF),
        K::ALTER_INDEX => (Class::Relation, K::INDEX_REF),
        K::ALTER_TYPE => (Class::Type, K::TYPE_NAME_REF),
        K::ALTER_DOMAIN => (Class::Type, K::DOMAIN_REF),
        K::ALTER_SCHEMA => (Class::Schema, K::SCHEMA_REF),
        K::ALTER_ROLE => (Class::Role, K::ROLE_REF),
        K::ALTER_STATISTICS => (Class::Statistics, K::STATISTICS_REF),
        K::ALTER_SERVER => (Class::Server, K::SERVER_REF),
        K::ALTER_LANGUAGE => (Class::Language, K::LANGUAGE_REF),
        K::ALTER_COLLATION => (Class::Collation, K::COLLATION_REF),
        K::ALTER_TEXT_SEARCH_CONFIGURATION => (Class::TextSearch, K::TEXT_SEARCH_CONFIGURATION_REF),
        K::ALTER_TABLESPACE => (Class::Tablespace, K::TABLESPACE_REF),
        K::ALTER_TRIGGER => return rename_part(judge, node, K::TRIGGER_REF, Class::Trigger),
        K::ALTER_POLICY => return rename_part(judge, node, K::POLICY_REF, Class::Policy),
        K::ALTER_RULE => return rename_part(judge, node, K::RULE_REF, Class::Rule),
        K::ALTER_FUNCTION | K::ALTER_PROCEDURE | K::ALTER_ROUTINE => {
            let is_moved = |action: &SyntaxNode| action.kind() == K::SET_SCHEMA || objects::is_rename(action.kind());
            if node.children().any(|action| is_moved(&action)) {
                let mut name = tree::path(node);
                let found = find(judge, Class::Function, &name);
                if let Some((key, _)) = &found {
                    judge.session.inventory.doubt_named(&key.1);
                }
                for action in node.children().filter(is_moved) {
                    let new = tree::last_name(&action).unwrap_or_default();
                    match (action.kind(), name.last_mut()) {
                        (K::SET_SCHEMA, Some(last)) => {
                            let key = super::key(Class::Function, &new, last);
                            judge.session.inventory.doubt_named(&key.1);
                        }
                        (_, Some(last)) => {
                            last.clone_from(&new);
                            // It stays in the schema that it was found in, which need not be the first one.
                            if let Some((key, _)) = &found {
                                let key = super::key(Class::Function, &key.1.schema, &new);
                                judge.session.inventory.doubt_named(&key.1);
                            }
                            if let Some(key) = target(judge, Class::Function, &name, false) {
                                judge.session.inventory.doubt_named(&key.1);
                            }
                        }
                        _ => {}
                    }
                }
            }
            return;
        }
        _ => return,
    };
    let Some(name) = tree::child(node, kind) else { return };
    let parts = if class.has_schema() { tree::path(&name) } else { vec![tree::last_name(&name).unwrap_or_default()] };
    let Some((old, known)) = find(judge, class, &parts).filter(|(key, _)| key.0 == class) else { return };
    if matches!(known, Known::Unsure) {
        blur(judge, class, &parts);
    }
    if node.kind() == K::ALTER_TYPE {
        needed::refuse_attribute(judge, node);
    }
    for action in node.children() {
        let Some(new) = tree::last_name(&action) else { continue };
        let mut key = old.clone();
        match action.kind() {
            // What is there already stays.
            K::SET_SCHEMA if key.1.schema == new => continue,
            K::SET_SCHEMA => key.1.schema = new,
            kind if objects::is_rename(kind) => key.1.name = new,
            _ => continue,
        }
        if class == Class::Schema {
            // What was in it has another name from now on.
            judge.session.inventory.doubt(true, true);
        }
        // IF EXISTS may have passed over it.
        if matches!(known, Known::Gone(_)) {
            continue;
        }
        tables::rename(judge, node, &action, &old, key);
    }
}

fn rename_part(judge: &mut Judge<'_>, node: &SyntaxNode, kind: K, class: Class) {
    let Some((old, table)) = tree::child_name(node, kind).zip(table(judge, node)) else { return };
    let action = node.children().find(|action| objects::is_rename(action.kind()));
    let Some((action, new)) = action.and_then(|action| tree::last_name(&action).map(|new| (action, new))) else {
        return;
    };
    if !refuse_part(judge, &action, &table, class, &new) {
        tables::rename_part(judge, node, &table, class, &old, &new);
    }
}
