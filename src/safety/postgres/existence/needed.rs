//! What cannot go because something else needs it: the server refuses a DROP without CASCADE.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::super::{Cost, RelationName, Rule, Severity};
use super::super::judge::Judge;
use super::super::{dependants, tree};
use super::inventory::{Class, Key, Known};
use super::links::{Kind, Need};
use super::{find, implicit, shown_name};

pub(super) static NEEDED: Rule = Rule {
    name: "still-needed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table, column, view, type, function, sequence, schema, constraint or index is dropped without CASCADE that something else still needs: a foreign key, view, trigger, policy, default, generated column, column or function; an attribute of a type changes that a table is OF",
    reason: "The statement fails.",
    help: "Drop what needs it first, and make it again afterwards where it is still wanted. A foreign key keeps to the index that it was made with, also when another one over the same columns stands.",
    source: "https://www.postgresql.org/docs/current/ddl-depend.html",
};

/// DROP of anything that is no part of a table, without CASCADE: what it names, and what that is.
pub(super) fn refuse_drop(judge: &mut Judge<'_>, node: &SyntaxNode, targets: &[Option<Key>], names: &[SyntaxNode]) {
    let mut all: Vec<(Key, Key)> = Vec::new();
    for (target, name) in targets.iter().zip(names) {
        let Some(target) = target else { continue };
        let twin = match target.0 {
            Class::Schema => {
                refuse_schema(judge, node, &target.1.name);
                continue;
            }
            Class::Relation => (Class::Type, target.1.clone()),
            Class::Function => match routine(judge, &target.1, name) {
                Some(routine) => routine,
                None => continue,
            },
            _ => target.clone(),
        };
        all.push((target.clone(), target.clone()));
        all.push((target.clone(), twin));
    }
    let dropped: Vec<Key> = all.iter().flat_map(|(target, twin)| [target.clone(), twin.clone()]).collect();
    for (target, of) in &all {
        let mut users = judge.session.inventory.needing(of);
        users.retain(|(user, need)| {
            let goes_with = judge.session.inventory.thing(user).goes_with.clone();
            // What inherits stays.
            let is_part =
                |other: &Key| need.kind != Kind::Table && other.0 == Class::Relation && other.1.name == goes_with;
            !dropped.iter().any(|other| other == user || is_part(other))
        });
        report(judge, node, &shown_name(target), &users);
    }
    judge.session.inventory.unneeded(|need| dropped.contains(&need.of));
}

/// The function that a signature means.
fn routine(judge: &mut Judge<'_>, name: &RelationName, signature: &SyntaxNode) -> Option<Key> {
    match tree::child(signature, K::PARAM_LIST) {
        Some(list) => {
            let takes = implicit::signature(&list)?;
            Some(super::key(Class::Routine, &name.schema, &format!("{}({takes})", name.name)))
        }
        None => judge.session.inventory.only_routine(name),
    }
}

/// DROP SCHEMA of one that is not empty.
fn refuse_schema(judge: &mut Judge<'_>, node: &SyntaxNode, schema: &str) {
    const SHOWN: usize = 3;
    let mut names: BTreeSet<String> = BTreeSet::new();
    for key in judge.session.inventory.within(schema) {
        let thing = judge.session.inventory.thing(&key);
        if matches!(thing.known, Known::There(_)) && thing.goes_with.is_empty() {
            names.insert(shown_name(&key));
        }
    }
    if !names.is_empty() {
        let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
        let shown: Vec<String> = names.into_iter().take(SHOWN).collect();
        let message = format!(
            "the schema {schema} is not empty, it has {}{more}: the server refuses to drop it",
            shown.join(", ")
        );
        judge.report(&NEEDED, node, message).help =
            "First drop what is in it, or move it to another schema.".to_owned();
    }
}

/// ALTER TABLE ... DROP COLUMN without CASCADE.
pub(super) fn refuse_column(judge: &mut Judge<'_>, table: &Key, action: &SyntaxNode, column: &str) {
    if judge.session.blocks > 0 {
        return;
    }
    let mut keys = judge.session.inventory.needing(table);
    keys.retain(|(user, need)| {
        need.parts.iter().any(|part| part == column) && !(user == table && need.columns.iter().any(|own| own == column))
    });
    let shown = format!("{}.{column}", shown_name(table));
    if !keys.is_empty() {
        report(judge, action, &shown, &keys);
        return;
    }
    // Of what is not there nothing is dropped.
    if !matches!(judge.session.inventory.thing(table).part(Class::Column, column), Known::There(_)) {
        return;
    }
    for (user, shown_user) in dependants::users_of(&judge.session, &table.1, column) {
        let own = judge.session.inventory.thing(table).clone();
        let part = |class| own.part(class, &user.name.name);
        // What the catalogue has not been asked for is there.
        let is_left = match user.kind.as_str() {
            "view" => matches!(
                judge.session.inventory.known(Class::Relation, &user.name.schema, &user.name.name),
                Known::There(_)
            ),
            // An older server drops it along.
            "generated column" => judge.version(15) && matches!(part(Class::Column), Known::There(_)),
            "trigger" => matches!(part(Class::Trigger), Known::There(_) | Known::Gone(None)),
            "policy" => matches!(part(Class::Policy), Known::There(_) | Known::Gone(None)),
            "partition key" => true,
            _ => false,
        };
        if is_left {
            let message = format!("{shown_user} needs {shown}: the server refuses to drop it");
            judge.report(&NEEDED, action, message);
            return;
        }
    }
}

/// ALTER TABLE ... DROP CONSTRAINT without CASCADE: of the index that it is made of.
pub(super) fn refuse_constraint(judge: &mut Judge<'_>, table: &Key, action: &SyntaxNode, name: &str) {
    let index = super::key(Class::Relation, &table.1.schema, name);
    if judge.session.blocks == 0 && judge.session.inventory.thing(&index).goes_with == table.1.name {
        let users = judge.session.inventory.needing(&index);
        report(judge, action, &format!("the constraint {name}"), &users);
        judge.session.inventory.unneeded(|need| need.of == index);
    }
}

/// ALTER TYPE ... ATTRIBUTE of a type that tables are OF.
pub(super) fn refuse_attribute(judge: &mut Judge<'_>, node: &SyntaxNode) {
    const CHANGES: [K; 4] = [K::ADD_ATTRIBUTE, K::DROP_ATTRIBUTE, K::ALTER_ATTRIBUTE, K::RENAME_ATTRIBUTE];
    let Some(action) = node.descendants().find(|action| CHANGES.contains(&action.kind())) else { return };
    if tree::below(node, K::CASCADE).next().is_some() || judge.session.blocks > 0 {
        return;
    }
    let Some(name) = tree::child(node, K::TYPE_NAME_REF) else { return };
    let Some((key, Known::There(_))) = find(judge, Class::Type, &tree::path(&name)) else { return };
    let tables = judge.session.inventory.needing(&key);
    if let Some((table, _)) = tables.iter().find(|(_, need)| need.kind == Kind::TypedTable) {
        let message = format!(
            "the table {} is OF {}: its attributes change with CASCADE alone",
            shown_name(table),
            shown_name(&key)
        );
        judge.report(&NEEDED, &action, message).help =
            "Say CASCADE, which changes the tables of the type too.".to_owned();
    }
}

fn report(judge: &mut Judge<'_>, node: &SyntaxNode, what: &str, users: &[(Key, Need)]) {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = Vec::new();
    let mut remedies: Vec<String> = Vec::new();
    // An older server drops a generated column along.
    let is_in_the_way = |need: &Need| need.kind != Kind::Generated || judge.version(15);
    for (user, need) in users.iter().filter(|(_, need)| is_in_the_way(need)) {
        let by = need.shown(user);
        if !shown.contains(&by) {
            shown.push(by);
            remedies.push(need.remedy(user));
        }
    }
    if judge.session.blocks > 0 || shown.is_empty() {
        return;
    }
    let more = if shown.len() > SHOWN { format!(" and {} more", shown.len() - SHOWN) } else { String::new() };
    let verb = if shown.len() == 1 { "needs" } else { "need" };
    shown.truncate(SHOWN);
    remedies.truncate(SHOWN);
    let message = format!("{}{more} {verb} {what}: the server refuses to drop it", shown.join(", "));
    let finding = judge.report(&NEEDED, node, message);
    finding.help = format!("First {}; make it again afterwards where it is still wanted.", remedies.join("; "));
}
