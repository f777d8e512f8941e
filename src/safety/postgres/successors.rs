//! Promises that go: constraints and unique indexes that are dropped, and what says the same in their place.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::judge::{Alter, Judge};
use super::session::{Constraint, Index, Table};
use super::{constraints, dependants, tree};

/// What takes the place of a constraint that is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Successor {
    /// Nothing.
    None,
    /// A check, or a partial index, of the same columns, which may say less.
    Similar,
    /// A foreign key or a unique index that demands the same.
    Same,
}

/// What of the same table, validated before or made in the same statement, takes the place of a constraint.
pub(super) fn successor(judge: &Judge<'_>, alter: &Alter, name: &str) -> Successor {
    let table = judge.session.table(&alter.table);
    let added: Vec<SyntaxNode> = alter.actions.iter().filter_map(constraints::added).collect();
    let checks = || added.iter().filter(|constraint| constraint.kind() == K::CHECK_CONSTRAINT);
    if checks()
        .any(|check| tree::constraint_name(check).as_deref() == Some(name) && !constraints::is_not_enforced(check))
    {
        return Successor::Similar;
    }
    let Some((table, old)) = table.and_then(|table| Some((table, table.constraints.get(name)?))) else {
        return Successor::None;
    };
    let mut others = table.constraints.iter().filter(|(other, known)| *other != name && known.validated);
    match () {
        () if old.kind == K::UNIQUE_CONSTRAINT && unique_successor(table, name) == Successor::Same => Successor::Same,
        () if old.refers.is_some() && others.any(|(_, known)| known.refers == old.refers) => Successor::Same,
        () if old.kind == K::CHECK_CONSTRAINT && !old.names.is_empty() => {
            // One that an older file made was never meant to take its place.
            let younger = |known: &Constraint| {
                known.birth.file != usize::MAX && (old.birth.file == usize::MAX || known.birth.file > old.birth.file)
            };
            let mut others = others.filter(|(_, known)| known.kind == K::CHECK_CONSTRAINT && younger(known));
            if others.any(|(_, known)| known.names == old.names) { Successor::Similar } else { Successor::None }
        }
        () => Successor::None,
    }
}

/// What of the same table takes the place of a unique index: whatever the order of the columns, ON CONFLICT finds it.
pub(super) fn unique_successor(table: &Table, name: &str) -> Successor {
    let Some(index) = table.indexes.get(name) else { return Successor::None };
    let mut others = table.indexes.iter().filter(|(other, known)| *other != name && known.unique);
    let columns = |index: &Index| index.columns.iter().cloned().collect::<BTreeSet<String>>();
    let named = |name: &str| dependants::named_by_index(table, name);
    if index.whole {
        let same = others.any(|(_, other)| other.whole && columns(other) == columns(index));
        if same { Successor::Same } else { Successor::None }
    } else {
        // Expressions and conditions over the same columns may still differ.
        let similar =
            others.any(|(other, known)| !known.whole && named(other).is_some() && named(other) == named(name));
        if similar { Successor::Similar } else { Successor::None }
    }
}

/// Whether an index of a table is a constraint's, which is called as it is.
pub(super) fn has_key(table: &Table, index: &str) -> bool {
    const KEYS: [K; 3] = [K::UNIQUE_CONSTRAINT, K::PRIMARY_KEY_CONSTRAINT, K::EXCLUDE_CONSTRAINT];
    table.constraints.get(index).is_some_and(|constraint| KEYS.contains(&constraint.kind))
}
