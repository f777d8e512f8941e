//! What statements make of tables, their columns and constraints, and of indexes.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::judge::Judge;
use super::super::types::DataType;
use super::super::{constraints, tree};
use super::changes::is_without_schema;
use super::inventory::{Class, Key, Known, Thing};
use super::{blur, columns, find, gone, implicit, links, needed, refuse_key, refuse_part, target, there};

/// A table, whatever it is made of.
pub(super) fn create(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let into = tree::child(node, K::INTO_CLAUSE);
    let within = into.as_ref().unwrap_or(node);
    let Some(name) = tree::child(within, K::TABLE_NAME) else { return };
    let Some(key) = target(judge, Class::Relation, &tree::path(&name), tree::has(within, K::TEMP)) else { return };
    let optional = tree::has(node, K::IF_NOT_EXISTS);
    let before = judge.session.inventory.thing(&key).known;
    if optional && matches!(before, Known::There(_)) {
        return;
    }
    let row_type = (Class::Type, key.1.clone());
    if is_without_schema(judge, &name) || refuse_key(judge, &name, &key) || refuse_key(judge, &name, &row_type) {
        return;
    }
    let known = there(judge, &name);
    const TAKING: [K; 3] = [K::PARTITION_OF, K::OF_TYPE, K::INHERITS];
    let takes = node.children().any(|child| TAKING.contains(&child.kind()));
    let arguments = tree::child(node, K::TABLE_ARG_LIST);
    let copies = arguments.as_ref().is_some_and(|list| tree::has(list, K::LIKE_CLAUSE));
    // An older one may be there, of other columns.
    let is_new = !optional || matches!(before, Known::Gone(_));
    let is_told = matches!(node.kind(), K::CREATE_TABLE | K::CREATE_FOREIGN_TABLE) && arguments.is_some();
    let is_whole = is_told && is_new && !takes && !copies && matches!(known, Known::There(_));
    judge.session.inventory.has_named |= copies || takes || !is_new;
    judge.session.inventory.set(key.clone(), Thing::table(known, is_whole));
    judge.session.inventory.set(row_type, Thing::new(known));
    for parent in node.children().filter(|child| matches!(child.kind(), K::PARTITION_OF | K::INHERITS)) {
        for parent in parent.children() {
            if let Some((parent, Known::There(_))) = find(judge, Class::Relation, &tree::path(&parent)) {
                judge.session.inventory.change(&parent, |thing| thing.has_children = true);
                judge.session.inventory.change(&key, |thing| thing.goes_with.clone_from(&parent.1.name));
            }
        }
    }
    if !is_told || !is_new {
        return;
    }
    let arguments: Vec<SyntaxNode> = arguments.iter().flat_map(SyntaxNode::children).collect();
    for column in arguments.iter().filter(|argument| argument.kind() == K::COLUMN) {
        let Some(name) = tree::child(column, K::COLUMN_NAME) else { continue };
        make_column(judge, &key, column, &name);
    }
    // The server names what has no name last.
    let (named, unnamed): (Vec<_>, Vec<_>) = arguments
        .iter()
        .flat_map(|argument| match argument.kind() {
            K::COLUMN => {
                let own = tree::child_name(argument, K::COLUMN_NAME);
                argument.children().map(|constraint| (constraint, own.clone())).collect()
            }
            _ => vec![(argument.clone(), None)],
        })
        .partition(|(constraint, _)| tree::constraint_name(constraint).is_some());
    for (constraint, column) in named.into_iter().chain(unnamed) {
        make_constraint(judge, &key, &constraint, column.as_deref());
    }
}

/// A column, and the sequence that comes with it.
fn make_column(judge: &mut Judge<'_>, table: &Key, definition: &SyntaxNode, name: &SyntaxNode) {
    let own = tree::name(name);
    if columns::is_of_system(&own) && judge.session.blocks == 0 {
        judge.report(&super::ALREADY, name, format!("every table has a column {own} of the server's own"));
        return;
    }
    if refuse_part(judge, name, table, Class::Column, &own) {
        return;
    }
    let known = there(judge, name);
    judge.session.inventory.change(table, |thing| thing.set_part(Class::Column, &own, known));
    links::of_column(judge, table, definition, &own);
    let is_identity = tree::below(definition, K::GENERATED_IDENTITY).next().is_some();
    let is_counted = DataType::of(definition).is_some_and(|data_type| data_type.is_serial()) || is_identity;
    if is_counted {
        // Its options may call the sequence otherwise.
        match tree::below(definition, K::OPTION_SEQUENCE_NAME).next() {
            Some(_) => judge.session.inventory.has_named = true,
            None => {
                let name = implicit::name(&table.1.name, &own, "seq");
                name_relation(judge, table, &name, known);
                links::of_counted(judge, table, &own, super::key(Class::Relation, &table.1.schema, &name), is_identity);
            }
        }
    }
}

/// An index or sequence of a table that the server calls by a name, or, where that is taken, by the same with a number.
fn name_relation<'a>(judge: &mut Judge<'a>, table: &Key, name: &str, known: Known<'a>) {
    let key = super::key(Class::Relation, &table.1.schema, name);
    // Of a database, only the names that the files have are known.
    if judge.session.inventory.is_live() || !matches!(judge.session.inventory.thing(&key).known, Known::Gone(_)) {
        judge.session.inventory.has_named = true;
    }
    let is_there = matches!(judge.session.inventory.thing(&key).known, Known::There(_));
    if !is_there {
        let mut thing = Thing::new(known);
        thing.goes_with.clone_from(&table.1.name);
        judge.session.inventory.set(key, thing);
    }
}

/// A constraint, and what it needs.
fn make_constraint(judge: &mut Judge<'_>, table: &Key, constraint: &SyntaxNode, column: Option<&str>) {
    if let Some(name) = name_constraint(judge, table, constraint, column) {
        links::of_constraint(judge, table, constraint, column, &name);
    }
}

/// A constraint, and the index that comes with it. Gives its name, which is empty where it is not known.
fn name_constraint(
    judge: &mut Judge<'_>,
    table: &Key,
    constraint: &SyntaxNode,
    column: Option<&str>,
) -> Option<String> {
    let Some((middle, label, is_indexed)) = implicit::of_constraint(constraint, column) else {
        // Others that have a name, such as NOT NULL and EXCLUDE, may have one as the server gives them.
        if matches!(constraint.kind(), K::EXCLUDE_CONSTRAINT | K::NOT_NULL_CONSTRAINT) {
            judge.session.inventory.has_named |= constraint.kind() == K::EXCLUDE_CONSTRAINT;
            judge.session.inventory.change(table, |thing| thing.open_constraints());
        }
        return None;
    };
    let known = there(judge, constraint);
    let using = tree::child(constraint, K::USING_INDEX_NAME).and_then(|using| tree::path(&using).pop());
    if let Some(name) = tree::constraint_name(constraint) {
        let clause = tree::child(constraint, K::CONSTRAINT_NAME_CLAUSE).unwrap_or_else(|| constraint.clone());
        if refuse_part(judge, &clause, table, Class::Constraint, &name) {
            return None;
        }
        let index = super::key(Class::Relation, &table.1.schema, &name);
        if is_indexed && using.as_ref() != Some(&name) {
            if refuse_key(judge, &clause, &index) {
                return None;
            }
            let mut made = Thing::new(known);
            made.goes_with.clone_from(&table.1.name);
            judge.session.inventory.set(index, made);
        }
        judge.session.inventory.change(table, |thing| thing.set_part(Class::Constraint, &name, known));
        if let Some(using) = using.filter(|using| *using != name) {
            let taken = gone(judge, constraint);
            let key = super::key(Class::Relation, &table.1.schema, &using);
            judge.session.inventory.set(key, Thing::new(taken));
        }
        return Some(name);
    }
    if let Some(using) = using {
        judge.session.inventory.change(table, |thing| thing.set_part(Class::Constraint, &using, known));
        return Some(using);
    }
    let name = implicit::name(&table.1.name, &middle, label);
    let taken = judge.session.inventory.thing(table).part(Class::Constraint, &name);
    let index = super::key(Class::Relation, &table.1.schema, &name);
    let is_free = !is_indexed || !matches!(judge.session.inventory.thing(&index).known, Known::There(_));
    // What it includes is in the name too.
    let is_plain = !tree::below(constraint, K::CONSTRAINT_INCLUDE_CLAUSE).any(|_| true) && is_free;
    let is_sure = matches!(taken, Known::Gone(_)) && is_plain;
    if is_sure {
        judge.session.inventory.change(table, |thing| thing.set_part(Class::Constraint, &name, known));
    } else {
        // It gets a number.
        judge.session.inventory.change(table, |thing| thing.open_constraints());
    }
    if is_indexed {
        name_relation(judge, table, &name, known);
    }
    Some(if is_sure { name } else { String::new() })
}

pub(super) fn create_index(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let on = tree::child(node, K::TABLE_RELATION_NAME).and_then(|on| find(judge, Class::Relation, &tree::path(&on)));
    let Some((table, Known::There(_))) = on else { return named_index(judge, node, None) };
    if judge.session.inventory.thing(&table).has_children {
        judge.session.inventory.has_named = true;
    }
    named_index(judge, node, Some(table));
}

/// An index is made where its table is.
fn named_index(judge: &mut Judge<'_>, node: &SyntaxNode, table: Option<Key>) {
    let Some(name) = tree::child(node, K::INDEX) else {
        judge.session.inventory.has_named = true;
        return;
    };
    let parts = tree::path(&name);
    let Some(table) = table else {
        if let Some(key) = target(judge, Class::Relation, &parts, false) {
            judge.session.inventory.set(key, Thing::new(Known::Unsure));
        }
        return;
    };
    let Some(own) = parts.last() else { return };
    let key = super::key(Class::Relation, &table.1.schema, own);
    let is_there = matches!(judge.session.inventory.thing(&key).known, Known::There(_));
    if (tree::has(node, K::IF_NOT_EXISTS) && is_there) || refuse_key(judge, &name, &key) {
        return;
    }
    let mut made = Thing::new(there(judge, &name));
    made.goes_with.clone_from(&table.1.name);
    judge.session.inventory.set(key.clone(), made);
    links::of_index(judge, &key, node);
}

/// ALTER TABLE: the server drops first, then adds columns.
pub(super) fn alter(judge: &mut Judge<'_>, node: &SyntaxNode) {
    const NAMES: [K; 4] = [K::TABLE_RELATION_NAME, K::RELATION_NAME, K::VIEW_REF, K::TABLE_NAME_REF];
    let name = node.children().find(|child| NAMES.contains(&child.kind()));
    let parts = name.map(|name| tree::path(&name)).unwrap_or_default();
    let Some((table, known)) = find(judge, Class::Relation, &parts).filter(|(key, _)| key.0 == Class::Relation) else {
        return;
    };
    if matches!(known, Known::Unsure) {
        blur(judge, Class::Relation, &parts);
    }
    let mut actions: Vec<SyntaxNode> = node.children().collect();
    actions.sort_by_key(|action| match action.kind() {
        K::DROP_COLUMN | K::DROP_CONSTRAINT => 0,
        K::ADD_COLUMN => 1,
        _ => 2,
    });
    let is_there = matches!(known, Known::There(_));
    for action in actions {
        if tree::has(&action, K::CASCADE) {
            judge.session.inventory.doubt(true, false);
            // The table itself stays.
            judge.session.inventory.change(&table, |thing| thing.known = known);
        }
        if is_there {
            alter_known(judge, node, &table, &action);
        } else if !matches!(known, Known::Gone(_)) && matches!(action.kind(), K::TABLE_RENAME_TO | K::VIEW_RENAME_TO) {
            // What is not known to be there has surely no longer that name.
            moved(judge, node, &table, &action);
        } else if action.kind() == K::ADD_CONSTRAINT {
            judge.session.inventory.has_named = true;
        }
    }
}

fn alter_known(judge: &mut Judge<'_>, node: &SyntaxNode, table: &Key, action: &SyntaxNode) {
    let column = tree::child_name(action, K::COLUMN_NAME_REF);
    match action.kind() {
        K::ADD_COLUMN => {
            let Some(name) = tree::child(action, K::COLUMN_NAME) else { return };
            let known = judge.session.inventory.thing(table).part(Class::Column, &tree::name(&name));
            if !tree::has(action, K::IF_NOT_EXISTS) || matches!(known, Known::Gone(_)) {
                make_column(judge, table, action, &name);
                let own = tree::name(&name);
                action.children().for_each(|constraint| make_constraint(judge, table, &constraint, Some(&own)));
            } else {
                judge.session.inventory.has_named = true;
                let there = there(judge, &name);
                judge.session.inventory.change(table, |thing| {
                    thing.set_part(Class::Column, &tree::name(&name), there);
                    thing.open_constraints();
                });
            }
            open_heirs(judge, table);
        }
        K::DROP_COLUMN => {
            let Some(column) = column else { return };
            let gone = gone(judge, action);
            if !tree::has(action, K::CASCADE) {
                needed::refuse_column(judge, table, action, &column);
            }
            // They go with the column.
            judge.session.inventory.doubt_class(Class::Statistics);
            judge.session.inventory.change(table, |thing| {
                thing.column_gone(&column);
                thing.set_part(Class::Column, &column, gone);
                thing.doubt_parts(Class::Constraint);
            });
            doubt_companions(judge, table);
            open_heirs(judge, table);
        }
        K::RENAME_COLUMN => {
            let Some((old, new)) = column.zip(tree::child(action, K::COLUMN_NAME)) else { return };
            let name = tree::name(&new);
            judge.session.inventory.change(table, |thing| thing.shows = None);
            if !refuse_part(judge, &new, table, Class::Column, &name) {
                rename_part(judge, action, table, Class::Column, &old, &name);
                judge.session.inventory.needed_column_renamed(table, &old, &name);
            }
            open_heirs(judge, table);
        }
        K::ADD_CONSTRAINT => {
            if let Some(constraint) = constraints::added(action) {
                make_constraint(judge, table, &constraint, None);
            }
            open_heirs(judge, table);
        }
        K::DROP_CONSTRAINT => {
            let Some(name) = tree::path(action).pop() else { return };
            let gone = gone(judge, action);
            if !tree::has(action, K::CASCADE) {
                needed::refuse_constraint(judge, table, action, &name);
            }
            judge.session.inventory.change(table, |thing| {
                thing.part_gone(Class::Constraint, &name);
                thing.set_part(Class::Constraint, &name, gone);
            });
            let index = super::key(Class::Relation, &table.1.schema, &name);
            if judge.session.inventory.thing(&index).goes_with == table.1.name {
                judge.session.inventory.set(index, Thing::new(gone));
            }
            open_heirs(judge, table);
        }
        K::RENAME_CONSTRAINT => {
            let Some((old, new)) = tree::path(action).pop().zip(tree::child(action, K::CONSTRAINT_NAME)) else {
                return;
            };
            let name = tree::name(&new);
            if refuse_part(judge, &new, table, Class::Constraint, &name) {
                return;
            }
            let index = super::key(Class::Relation, &table.1.schema, &old);
            if judge.session.inventory.thing(&index).goes_with == table.1.name {
                let to = super::key(Class::Relation, &table.1.schema, &name);
                rename(judge, action, &new, &index, to);
            }
            rename_part(judge, action, table, Class::Constraint, &old, &name);
            open_heirs(judge, table);
        }
        K::ALTER_COLUMN => {
            let Some(column) = column else { return };
            links::column_altered(judge, table, action, &column);
            if tree::has(action, K::ADD_GENERATED) {
                if is_identity(judge, table, node, &column) {
                    let message = format!("{}.{column} is an identity already", super::shown_name(table));
                    judge.report(&super::ALREADY, action, message);
                    return;
                }
                let known = there(judge, action);
                name_relation(judge, table, &implicit::name(&table.1.name, &column, "seq"), known);
            }
            if tree::has(action, K::DROP_IDENTITY) {
                doubt_companions(judge, table);
            }
        }
        K::TABLE_RENAME_TO | K::VIEW_RENAME_TO | K::SET_SCHEMA => moved(judge, node, table, action),
        K::ATTACH_PARTITION | K::DETACH_PARTITION | K::INHERIT_TABLE | K::NO_INHERIT_TABLE => {
            links::parted(judge, table, action);
            let other = tree::child(action, K::TABLE_NAME_REF);
            let other = other.and_then(|other| find(judge, Class::Relation, &tree::path(&other)));
            for key in other.map(|(other, _)| other).into_iter().chain([table.clone()]) {
                judge.session.inventory.change(&key, |thing| {
                    thing.open();
                    thing.has_children = true;
                });
            }
            judge.session.inventory.has_named = true;
        }
        // Whether others have columns, or were made from one another, is another matter.
        K::SPLIT_PARTITION | K::MERGE_PARTITIONS => judge.session.inventory.doubt(true, true),
        K::OF_TYPE | K::NOT_OF => {
            links::parted(judge, table, action);
            judge.session.inventory.change(table, Thing::open);
        }
        _ => {}
    }
}

/// Whether a column is surely an identity before a statement, which does nothing else to it.
fn is_identity(judge: &Judge<'_>, (_, table): &Key, statement: &SyntaxNode, column: &str) -> bool {
    let is_of = |action: &SyntaxNode| tree::child_name(action, K::COLUMN_NAME_REF).as_deref() == Some(column);
    let known = judge.session.told(table).and_then(|table| table.columns.get(column));
    judge.session.blocks == 0
        && statement.children().filter(is_of).count() == 1
        && known.is_some_and(|column| column.given.is_identity())
}

/// RENAME TO and SET SCHEMA.
fn moved(judge: &mut Judge<'_>, node: &SyntaxNode, table: &Key, action: &SyntaxNode) {
    let Some(new) = tree::last_name(action) else { return };
    let mut key = table.clone();
    if action.kind() == K::SET_SCHEMA {
        // What is there already stays.
        if key.1.schema == new {
            return;
        }
        // Its indexes and sequences go with it.
        for companion in judge.session.inventory.going_with(&table.1.name) {
            let mut to = companion.clone();
            to.1.schema.clone_from(&new);
            judge.session.inventory.set(companion, Thing::new(Known::Unsure));
            judge.session.inventory.set(to, Thing::new(Known::Unsure));
        }
        judge.session.inventory.has_named = true;
        key.1.schema = new;
    } else {
        key.1.name = new;
    }
    rename(judge, node, action, table, key);
}

/// Anything but a part of a table gets another name.
pub(super) fn rename(judge: &mut Judge<'_>, node: &SyntaxNode, at: &SyntaxNode, old: &Key, new: Key) {
    if refuse_key(judge, at, &new) {
        return;
    }
    let thing = judge.session.inventory.thing(old).clone();
    // A type whose name is that of a relation may be that of its rows.
    let twin = match old.0 {
        Class::Relation if thing.has_row_type => Some(Class::Type),
        Class::Type => {
            let relation = (Class::Relation, old.1.clone());
            judge.session.inventory.thing(&relation).has_row_type.then_some(Class::Relation)
        }
        _ => None,
    };
    let gone = gone(judge, node);
    if let Some(class) = twin {
        let (from, to) = ((class, old.1.clone()), (class, new.1.clone()));
        if refuse_key(judge, at, &to) {
            return;
        }
        let twin = judge.session.inventory.thing(&from).clone();
        move_thing(judge, &from, to, twin, gone);
    }
    if old.0 == Class::Relation {
        for companion in judge.session.inventory.going_with(&old.1.name) {
            judge.session.inventory.change(&companion, |thing| thing.goes_with.clone_from(&new.1.name));
        }
        // The constraint of an index is called as the index is.
        if !thing.goes_with.is_empty() {
            let table = super::key(Class::Relation, &old.1.schema, &thing.goes_with);
            judge.session.inventory.change(&table, Thing::open_constraints);
        }
    }
    move_thing(judge, old, new, thing, gone);
}

fn move_thing<'a>(judge: &mut Judge<'a>, from: &Key, to: Key, mut thing: Thing<'a>, gone: Known<'a>) {
    if !matches!(gone, Known::Gone(_)) {
        thing.known = Known::Unsure;
    }
    judge.session.inventory.set(from.clone(), Thing::new(gone));
    judge.session.inventory.set(to.clone(), thing);
    judge.session.inventory.needed_renamed(from, &to);
}

/// A part of a table gets another name.
pub(super) fn rename_part(judge: &mut Judge<'_>, node: &SyntaxNode, table: &Key, class: Class, old: &str, new: &str) {
    let (gone, there) = (gone(judge, node), there(judge, node));
    judge.session.inventory.change(table, |thing| {
        thing.part_renamed(class, old, new);
        thing.set_part(class, old, gone);
        thing.set_part(class, new, there);
    });
}

/// A relation is dropped, with what goes with it.
pub(super) fn remove<'a>(judge: &mut Judge<'a>, key: &Key, gone: Known<'a>) {
    let thing = judge.session.inventory.thing(key).clone();
    doubt_companions(judge, key);
    judge.session.inventory.doubt_class(Class::Statistics);
    if thing.has_row_type {
        judge.session.inventory.set((Class::Type, key.1.clone()), Thing::new(gone));
    }
    judge.session.inventory.set(key.clone(), Thing::new(gone));
}

/// Indexes, sequences and partitions of a table may be gone, and so may those of its partitions.
fn doubt_companions(judge: &mut Judge<'_>, table: &Key) {
    let (mut found, mut next) = (vec![table.clone()], 0);
    while let Some(key) = found.get(next).cloned() {
        let companions = judge.session.inventory.going_with(&key.1.name);
        let new: Vec<Key> = companions.into_iter().filter(|companion| !found.contains(companion)).collect();
        found.extend(new);
        next += 1;
    }
    for companion in found.split_off(1) {
        if judge.session.inventory.thing(&companion).has_row_type {
            judge.session.inventory.set((Class::Type, companion.1.clone()), Thing::new(Known::Unsure));
        }
        judge.session.inventory.set(companion, Thing::new(Known::Unsure));
    }
}

/// The index of a partitioned table takes those of its partitions along.
pub(super) fn doubt_indexes_below(judge: &mut Judge<'_>, index: &Key) {
    let table = judge.session.inventory.thing(index).goes_with.clone();
    let own = if table.is_empty() { Vec::new() } else { judge.session.inventory.going_with(&table) };
    for partition in judge.session.inventory.heirs().into_iter().chain(own) {
        doubt_companions(judge, &partition);
    }
}

/// What a table gets and loses, its partitions and those that inherit from it do too.
pub(super) fn open_heirs(judge: &mut Judge<'_>, table: &Key) {
    if !judge.session.inventory.thing(table).has_children {
        return;
    }
    judge.session.inventory.has_named = true;
    let made = judge.session.inventory.going_with(&table.1.name);
    for heir in judge.session.inventory.heirs().into_iter().chain(made) {
        judge.session.inventory.change(&heir, Thing::open);
    }
}
