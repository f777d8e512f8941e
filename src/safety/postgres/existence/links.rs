//! What things need to be there.
//!
//! Each thing of the inventory says what it needs, and so goes with what it needs, is renamed with it and comes back with it.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::super::{Existing, RelationName};
use super::super::judge::Judge;
use super::super::{constraints, merging, tree};
use super::inventory::{Class, Inventory, Key, Known, Thing};
use super::{find, implicit, shown_name};

/// Something that a thing, or a part of it, needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    /// What it is that needs it.
    pub(super) kind: Kind,
    /// The part of a table that needs it; the name is empty where the server gave one that is not known.
    pub(super) by: Option<(Class, String)>,
    /// The columns of its own table with which that part goes.
    pub(super) columns: Vec<String>,
    pub(super) of: Key,
    /// The columns that are needed, where only those of a table are.
    pub(super) parts: Vec<String>,
}

/// What it is that needs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    View,
    MaterializedView,
    Table,
    /// A table that is made OF a type.
    TypedTable,
    Index,
    Function,
    Type,
    ForeignKey,
    Constraint,
    Trigger,
    Policy,
    Rule,
    Default,
    Column,
    Identity,
    Generated,
}

impl Kind {
    const ALL: [(Self, &'static str); 16] = [
        (Self::View, "view"),
        (Self::MaterializedView, "materialized view"),
        (Self::Table, "table"),
        (Self::TypedTable, "typed table"),
        (Self::Index, "index"),
        (Self::Function, "function"),
        (Self::Type, "type"),
        (Self::ForeignKey, "foreign key"),
        (Self::Constraint, "constraint"),
        (Self::Trigger, "trigger"),
        (Self::Policy, "policy"),
        (Self::Rule, "rule"),
        (Self::Default, "default"),
        (Self::Column, "column"),
        (Self::Identity, "identity column"),
        (Self::Generated, "generated column"),
    ];

    /// As the catalogue calls it.
    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, own)| *own == word).map(|(kind, _)| kind)
    }

    fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

impl Need {
    fn whole(kind: Kind, of: Key) -> Self {
        Self { kind, by: None, columns: Vec::new(), of, parts: Vec::new() }
    }

    /// A column that needs something.
    fn column(kind: Kind, column: &str, of: Key) -> Self {
        let columns = vec![column.to_owned()];
        Self { by: Some((Class::Column, column.to_owned())), columns, ..Self::whole(kind, of) }
    }

    fn part(kind: Kind, class: Class, name: &str, of: Key) -> Self {
        Self { by: Some((class, name.to_owned())), ..Self::whole(kind, of) }
    }

    /// What needs it, for a message.
    pub(super) fn shown(&self, user: &Key) -> String {
        let (word, user) = (self.kind.word(), shown_name(user));
        match &self.by {
            Some((Class::Column, column)) if self.kind == Kind::Default => format!("the default of {user}.{column}"),
            Some((Class::Column, column)) => format!("the {word} {user}.{column}"),
            Some((_, name)) if name.is_empty() => format!("a {word} of {user}"),
            Some((_, name)) => format!("the {word} {name} of {user}"),
            None => format!("the {word} {user}"),
        }
    }

    /// The statement that takes away what needs it.
    pub(super) fn remedy(&self, user: &Key) -> String {
        let user = shown_name(user);
        let name = self.by.as_ref().map(|(_, name)| name.as_str()).unwrap_or_default();
        match self.kind {
            Kind::View | Kind::MaterializedView | Kind::Table | Kind::Index | Kind::Function | Kind::Type => {
                format!("DROP {} {user}", self.kind.word().to_ascii_uppercase())
            }
            Kind::TypedTable => format!("ALTER TABLE {user} NOT OF"),
            Kind::ForeignKey | Kind::Constraint => format!("ALTER TABLE {user} DROP CONSTRAINT {name}"),
            Kind::Trigger => format!("DROP TRIGGER {name} ON {user}"),
            Kind::Policy => format!("DROP POLICY {name} ON {user}"),
            Kind::Rule => format!("DROP RULE {name} ON {user}"),
            Kind::Default => format!("ALTER TABLE {user} ALTER COLUMN {name} DROP DEFAULT"),
            Kind::Column | Kind::Generated => format!("ALTER TABLE {user} DROP COLUMN {name}"),
            Kind::Identity => format!("ALTER TABLE {user} ALTER COLUMN {name} DROP IDENTITY"),
        }
        .trim_end()
        .to_owned()
    }
}

impl Thing<'_> {
    /// What a part of it needs is needed no more; a part whose name is not known may be any of its class.
    pub(super) fn part_gone(&mut self, class: Class, name: &str) {
        let is = |need: &Need, name: &str| need.by.as_ref().is_some_and(|by| by.0 == class && by.1 == name);
        let gone = if self.needs.iter().any(|need| is(need, name)) { name } else { "" };
        self.needs.retain(|need| !is(need, gone));
    }

    pub(super) fn part_renamed(&mut self, class: Class, old: &str, new: &str) {
        for need in &mut self.needs {
            if let Some(by) = need.by.as_mut().filter(|by| by.0 == class && by.1 == old) {
                new.clone_into(&mut by.1);
            }
            if class == Class::Column {
                need.columns.iter_mut().filter(|own| *own == old).for_each(|own| new.clone_into(own));
            }
        }
    }

    /// A column goes, and what needs anything for its sake.
    pub(super) fn column_gone(&mut self, column: &str) {
        self.needs.retain(|need| !need.columns.iter().any(|own| own == column));
    }
}

impl Inventory<'_> {
    /// What the catalogue says that a thing needs.
    pub(super) fn needs_by_catalogue(existing: &Existing, user: &Key) -> Vec<Need> {
        let of_user = existing.needs.iter().filter(|need| {
            let is_class = Class::of_word(&need.user.0) == Some(user.0);
            is_class && need.user.1 == user.1
        });
        let needs = of_user.filter_map(|need| {
            let kind = Kind::of_word(&need.kind)?;
            let class = match kind {
                Kind::ForeignKey | Kind::Constraint => Some(Class::Constraint),
                Kind::Trigger => Some(Class::Trigger),
                Kind::Policy => Some(Class::Policy),
                Kind::Rule => Some(Class::Rule),
                Kind::Default | Kind::Column | Kind::Identity | Kind::Generated => Some(Class::Column),
                _ => None,
            };
            Some(Need {
                kind,
                by: class.map(|class| (class, need.part.clone())),
                columns: need.columns.clone(),
                of: (Class::of_word(&need.of.0)?, need.of.1.clone()),
                parts: need.parts.clone(),
            })
        });
        needs.collect()
    }

    /// What is known to be there and to need something.
    pub(super) fn needing(&self, of: &Key) -> Vec<(Key, Need)> {
        let there = self.things().filter(|(_, thing)| matches!(thing.known, Known::There(_)));
        let all = there.flat_map(|(user, thing)| thing.needs.iter().map(move |need| (user, need)));
        all.filter(|(_, need)| need.of == *of).map(|(user, need)| (user.clone(), need.clone())).collect()
    }

    /// Nothing needs something any more.
    pub(super) fn unneeded(&mut self, is_meant: impl Fn(&Need) -> bool) {
        let users: Vec<Key> = self
            .things()
            .filter(|(_, thing)| thing.needs.iter().any(&is_meant))
            .map(|(user, _)| user.clone())
            .collect();
        users.iter().for_each(|user| self.change(user, |thing| thing.needs.retain(|need| !is_meant(need))));
    }

    /// Functions of a name may be others from now on.
    pub(super) fn routines_unneeded(&mut self, name: &RelationName) {
        let begin = format!("{}(", name.name);
        self.unneeded(|need| {
            need.of.0 == Class::Routine && need.of.1.schema == name.schema && need.of.1.name.starts_with(&begin)
        });
    }

    /// What is needed has another name, or a column of it.
    pub(super) fn needed_renamed(&mut self, old: &Key, new: &Key) {
        let users: Vec<Key> = self.needing(old).into_iter().map(|(user, _)| user).collect();
        for user in users {
            self.change(&user, |thing| {
                thing.needs.iter_mut().filter(|need| need.of == *old).for_each(|need| need.of = new.clone());
            });
        }
    }

    pub(super) fn needed_column_renamed(&mut self, of: &Key, old: &str, new: &str) {
        let users: Vec<Key> = self.needing(of).into_iter().map(|(user, _)| user).collect();
        for user in users {
            self.change(&user, |thing| {
                let parts = thing.needs.iter_mut().filter(|need| need.of == *of).flat_map(|need| &mut need.parts);
                parts.filter(|part| *part == old).for_each(|part| new.clone_into(part));
            });
        }
    }
}

/// Adds to what a thing that is there needs.
fn add(judge: &mut Judge<'_>, user: &Key, needs: Vec<Need>) {
    let is_there = matches!(judge.session.inventory.thing(user).known, Known::There(_));
    if is_there && !needs.is_empty() {
        judge.session.inventory.change(user, |thing| thing.needs.extend(needs));
    }
}

/// What an expression or a query refers to by name: tables and views, types, functions, sequences.
fn referred(judge: &mut Judge<'_>, node: &SyntaxNode) -> Vec<Key> {
    let queries: BTreeSet<String> = tree::below(node, K::CTE_NAME).map(|name| tree::name(&name)).collect();
    let mut found = Vec::new();
    for part in node.descendants() {
        let (class, parts) = match part.kind() {
            K::RELATION_NAME_REF | K::TABLE_NAME_REF => (Class::Relation, tree::path(&part)),
            K::PATH_TYPE => (Class::Type, tree::path(&part)),
            K::CALL_EXPR => {
                found.extend(sequence(judge, &part));
                found.extend(function(judge, &part));
                continue;
            }
            _ => continue,
        };
        let is_query = class == Class::Relation && parts.len() == 1 && parts.iter().all(|name| queries.contains(name));
        if !is_query && let Some((key, Known::There(_))) = find(judge, class, &parts) {
            found.push(key);
        }
    }
    found
}

/// The function that a call calls, where there is but one of that name.
fn function(judge: &mut Judge<'_>, call: &SyntaxNode) -> Option<Key> {
    match find(judge, Class::Function, &tree::path_of_call(call))? {
        (key, Known::There(_)) => judge.session.inventory.only_routine(&key.1),
        _ => None,
    }
}

/// The sequence that `nextval('sequence')` names.
fn sequence(judge: &mut Judge<'_>, call: &SyntaxNode) -> Option<Key> {
    let words = tree::words(call);
    let inside = words.strip_prefix("nextval ( '")?;
    let (name, rest) = inside.split_once('\'')?;
    // One that is found by its text each time is not kept.
    if !matches!(rest.replace(' ', "").as_str(), ")" | "::regclass)") || name.contains('"') {
        return None;
    }
    let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
    find(judge, Class::Relation, &parts).filter(|(_, known)| matches!(known, Known::There(_))).map(|(key, _)| key)
}

/// What a new column needs: its type, its default, what it is computed by.
pub(super) fn of_column(judge: &mut Judge<'_>, table: &Key, definition: &SyntaxNode, column: &str) {
    let data_type = super::super::types::type_node(definition);
    let types = data_type.map(|data_type| referred(judge, &data_type)).unwrap_or_default();
    let mut needs: Vec<Need> = types.into_iter().map(|of| Need::column(Kind::Column, column, of)).collect();
    for (clause, kind) in [(K::DEFAULT_CONSTRAINT, Kind::Default), (K::GENERATED_CONSTRAINT, Kind::Generated)] {
        let referred = tree::child(definition, clause).map(|clause| referred(judge, &clause)).unwrap_or_default();
        needs.extend(referred.into_iter().map(|of| Need::column(kind, column, of)));
    }
    add(judge, table, needs);
}

/// The sequence that the server makes for a column.
pub(super) fn of_counted(judge: &mut Judge<'_>, table: &Key, column: &str, sequence: Key, is_identity: bool) {
    let is_own = judge.session.inventory.thing(&sequence).goes_with == table.1.name;
    if is_own {
        let kind = if is_identity { Kind::Identity } else { Kind::Default };
        add(judge, table, vec![Need::column(kind, column, sequence)]);
    }
}

/// ALTER COLUMN: another type, another default, none any more.
pub(super) fn column_altered(judge: &mut Judge<'_>, table: &Key, action: &SyntaxNode, column: &str) {
    let replace = |judge: &mut Judge<'_>, kind: Kind, by: Option<SyntaxNode>| {
        let is_replaced = |need: &Need| need.kind == kind && need.by.as_ref().is_some_and(|(_, name)| name == column);
        judge.session.inventory.change(table, |thing| thing.needs.retain(|need| !is_replaced(need)));
        let referred = by.map(|by| referred(judge, &by)).unwrap_or_default();
        add(judge, table, referred.into_iter().map(|of| Need::column(kind, column, of)).collect());
    };
    for change in action.children() {
        match change.kind() {
            K::SET_TYPE => {
                replace(judge, Kind::Column, super::super::types::type_node(&change));
                // The server writes the default anew, for the new type.
                let is_of_old = |need: &Need| {
                    let is_own = need.by.as_ref().is_some_and(|(_, name)| name == column);
                    is_own && need.kind == Kind::Default && need.of.0 == Class::Type
                };
                judge.session.inventory.change(table, |thing| thing.needs.retain(|need| !is_of_old(need)));
            }
            K::SET_DEFAULT => replace(judge, Kind::Default, Some(change)),
            K::DROP_DEFAULT => replace(judge, Kind::Default, None),
            K::DROP_IDENTITY => replace(judge, Kind::Identity, None),
            K::DROP_EXPRESSION | K::SET_EXPRESSION => replace(judge, Kind::Generated, None),
            _ => {}
        }
    }
}

/// What a new constraint needs, by its name where that is known.
pub(super) fn of_constraint(
    judge: &mut Judge<'_>,
    table: &Key,
    constraint: &SyntaxNode,
    own: Option<&str>,
    name: &str,
) {
    if !matches!(constraint.kind(), K::FOREIGN_KEY_CONSTRAINT | K::REFERENCES_CONSTRAINT) {
        if constraint.kind() == K::CHECK_CONSTRAINT {
            // It goes with whichever of its columns goes first.
            let mut columns: Vec<String> = tree::below(constraint, K::NAME_REF).map(|name| tree::name(&name)).collect();
            columns.extend(own.map(str::to_owned));
            let referred = referred(judge, constraint).into_iter();
            let need =
                |of| Need { columns: columns.clone(), ..Need::part(Kind::Constraint, Class::Constraint, name, of) };
            add(judge, table, referred.map(need).collect());
        }
        return;
    }
    let Some(name_of_other) = tree::child(constraint, K::TABLE_NAME_REF) else { return };
    let Some((other, Known::There(_))) = find(judge, Class::Relation, &tree::path(&name_of_other)) else { return };
    let listed = || tree::child(constraint, K::FOREIGN_KEY_COLUMN_LIST).map(|list| implicit::columns_of(&list));
    let columns = own.map(|own| vec![own.to_owned()]).or_else(listed).unwrap_or_default();
    let (index, parts) = index_of(judge, table, constraint);
    let need = Need { columns, parts, ..Need::part(Kind::ForeignKey, Class::Constraint, name, other.clone()) };
    let index = index.map(|index| (Class::Relation, RelationName { schema: other.1.schema.clone(), name: index }));
    let index = index.map(|of| Need { of, parts: Vec::new(), ..need.clone() });
    add(judge, table, [Some(need), index].into_iter().flatten().collect());
}

/// The index that a foreign key will keep to, where only one will do, and the columns that it refers to.
fn index_of(judge: &Judge<'_>, table: &Key, key: &SyntaxNode) -> (Option<String>, Vec<String>) {
    let named = merging::referred(key);
    // A table that refers to itself is not known yet.
    let made = key.ancestors().find(|above| above.kind() == K::CREATE_TABLE);
    if let (true, Some(made)) =
        (named.is_empty() && constraints::referenced(judge, key).as_ref() == Some(&table.1), made)
    {
        let Some(primary) = tree::below(&made, K::PRIMARY_KEY_CONSTRAINT).next() else { return (None, named) };
        let name = tree::constraint_name(&primary).unwrap_or_else(|| implicit::name(&table.1.name, "", "pkey"));
        let column = primary.parent().and_then(|column| tree::child_name(&column, K::COLUMN_NAME));
        let listed = || tree::below(&primary, K::COLUMN_NAME_REF).map(|column| tree::name(&column)).collect();
        return (Some(name), column.map_or_else(listed, |column| vec![column]));
    }
    let Some(table) = constraints::referenced(judge, key).and_then(|other| judge.session.told(&other)) else {
        return (None, named);
    };
    if named.is_empty() {
        let mut keys = table.constraints.iter().filter(|(_, own)| own.kind == K::PRIMARY_KEY_CONSTRAINT);
        let index = keys.find_map(|(name, _)| table.indexes.get(name).map(|index| (name.clone(), index)));
        return index.map_or((None, Vec::new()), |(name, index)| (Some(name), index.columns.clone()));
    }
    let wanted: BTreeSet<&String> = named.iter().collect();
    let fits = |columns: &[String]| columns.iter().collect::<BTreeSet<_>>() == wanted;
    let mut fitting = table.indexes.iter().filter(|(_, index)| index.unique && index.whole && fits(&index.columns));
    let only = fitting.next().filter(|_| fitting.next().is_none());
    (only.map(|(name, _)| name.clone()), named)
}

/// What a table that was made from another one, or of a type, no longer needs.
pub(super) fn parted(judge: &mut Judge<'_>, table: &Key, action: &SyntaxNode) {
    let kind = match action.kind() {
        K::NO_INHERIT_TABLE => Kind::Table,
        K::NOT_OF => Kind::TypedTable,
        _ => return,
    };
    judge.session.inventory.change(table, |thing| thing.needs.retain(|need| need.kind != kind));
}

/// What a statement that says anew what something is makes it need no more.
fn said_anew(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let (class, on, part) = match node.kind() {
        K::ALTER_POLICY => (Class::Relation, tree::child(node, K::ON_TABLE), Some((Class::Policy, K::POLICY_REF))),
        K::CREATE_RULE => (Class::Relation, tree::child(node, K::RULE_ON), Some((Class::Rule, K::RULE))),
        K::ALTER_DOMAIN => (Class::Type, tree::child(node, K::DOMAIN_REF), None),
        _ => return,
    };
    let Some((key, Known::There(_))) = on.and_then(|on| find(judge, class, &tree::path(&on))) else { return };
    let part = part.map(|(class, kind)| (class, tree::child_name(node, kind).unwrap_or_default()));
    judge.session.inventory.change(&key, |thing| match &part {
        Some((class, name)) => thing.part_gone(*class, name),
        None => thing.needs.clear(),
    });
}

/// What else a statement makes that needs something.
pub(super) fn of_statement(judge: &mut Judge<'_>, node: &SyntaxNode) {
    said_anew(judge, node);
    let name = |kinds: &[K]| node.children().find(|child| kinds.contains(&child.kind())).map(|name| tree::path(&name));
    let on = || name(&[K::ON_RELATION, K::ON_TABLE]);
    let (class, user, kind) = match node.kind() {
        K::CREATE_VIEW => (Class::Relation, name(&[K::VIEW]), Kind::View),
        K::CREATE_MATERIALIZED_VIEW => (Class::Relation, name(&[K::VIEW]), Kind::MaterializedView),
        K::CREATE_TABLE => (Class::Relation, name(&[K::TABLE_NAME]), Kind::Table),
        K::CREATE_FUNCTION | K::CREATE_PROCEDURE => {
            (Class::Function, name(&[K::FUNCTION_NAME, K::PROCEDURE_NAME]), Kind::Function)
        }
        K::CREATE_DOMAIN => (Class::Type, name(&[K::DOMAIN]), Kind::Type),
        K::CREATE_TYPE => (Class::Type, name(&[K::TYPE_NAME]), Kind::Type),
        K::CREATE_TRIGGER => (Class::Relation, on(), Kind::Trigger),
        K::CREATE_POLICY => (Class::Relation, on(), Kind::Policy),
        _ => return,
    };
    let Some((user, Known::There(_))) = user.and_then(|user| find(judge, class, &user)) else { return };
    let mut needs = Vec::new();
    match kind {
        Kind::View | Kind::MaterializedView => {
            // What is replaced needs nothing any more.
            judge.session.inventory.change(&user, |thing| thing.needs.clear());
            needs.extend(referred(judge, node).into_iter().map(|of| Need::whole(kind, of)));
        }
        Kind::Table => {
            for clause in node.children().filter(|child| matches!(child.kind(), K::INHERITS | K::OF_TYPE)) {
                let kind = if clause.kind() == K::OF_TYPE { Kind::TypedTable } else { kind };
                needs.extend(referred(judge, &clause).into_iter().map(|of| Need::whole(kind, of)));
            }
        }
        Kind::Function => {
            if tree::has(node, K::OR_REPLACE) {
                judge.session.inventory.change(&user, |thing| thing.needs.clear());
            }
            let parts = node.children().filter(|child| matches!(child.kind(), K::PARAM_LIST | K::RET_TYPE));
            for types in parts.flat_map(|part| tree::below(&part, K::PATH_TYPE).collect::<Vec<_>>()) {
                needs.extend(referred(judge, &types).into_iter().map(|of| Need::whole(kind, of)));
            }
        }
        Kind::Trigger => {
            let Some(trigger) = tree::child_name(node, K::TRIGGER) else { return };
            judge.session.inventory.change(&user, |thing| thing.part_gone(Class::Trigger, &trigger));
            if let Some(call) = tree::child(node, K::CALL_EXPR) {
                let name = tree::path_of_call(&call);
                let function =
                    find(judge, Class::Function, &name).filter(|(_, known)| matches!(known, Known::There(_)));
                // Whatever the text gives it, the server calls the one that takes nothing.
                let of =
                    function.map(|(key, _)| super::key(Class::Routine, &key.1.schema, &format!("{}()", key.1.name)));
                needs.extend(of.map(|of| Need::part(kind, Class::Trigger, &trigger, of)));
            }
        }
        Kind::Policy => {
            let Some(policy) = tree::child_name(node, K::POLICY) else { return };
            let clauses = node
                .children()
                .filter(|child| matches!(child.kind(), K::USING_EXPR_CLAUSE | K::WITH_CHECK_EXPR_CLAUSE));
            for clause in clauses {
                let referred = referred(judge, &clause).into_iter();
                needs.extend(referred.map(|of| Need::part(kind, Class::Policy, &policy, of)));
            }
        }
        _ => needs.extend(referred(judge, node).into_iter().map(|of| Need::whole(kind, of))),
    }
    needs.retain(|need| need.of != user);
    add(judge, &user, needs);
}

/// An index over what functions give.
pub(super) fn of_index(judge: &mut Judge<'_>, index: &Key, node: &SyntaxNode) {
    let calls: Vec<SyntaxNode> = tree::below(node, K::CALL_EXPR).collect();
    let functions: Vec<Key> = calls.iter().filter_map(|call| function(judge, call)).collect();
    add(judge, index, functions.into_iter().map(|of| Need::whole(Kind::Index, of)).collect());
}
