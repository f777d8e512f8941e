//! What the server refuses where tables have partitions, or others that inherit from them: all have the columns of the one above.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::judge::{Alter, Judge};
use super::{constraints, refused, tree};

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    if let Some(message) = refusal(judge, alter, action) {
        judge.report(&refused::PARTITION, action, message);
    }
}

fn refusal(judge: &Judge<'_>, alter: &Alter, action: &SyntaxNode) -> Option<String> {
    let name = &alter.table;
    let table = judge.session.table(name)?;
    let alone = alter.only && table.has_children;
    let retyped = action.kind() == K::ALTER_COLUMN && tree::has(action, K::SET_TYPE);
    match action.kind() {
        K::ADD_COLUMN if table.is_partition => Some(format!("{name} is a partition: it has the columns of its parent")),
        K::ADD_COLUMN if alone => Some(format!("the tables below {name} must have the column too")),
        K::DROP_COLUMN | K::RENAME_COLUMN | K::ALTER_COLUMN if action.kind() != K::ALTER_COLUMN || retyped => {
            let column = tree::child_name(action, K::COLUMN_NAME_REF)?;
            // One that does not inherit a column may lose it alone.
            let alone = alone && (action.kind() != K::DROP_COLUMN || table.partitioned);
            let inherited = table.is_partition || table.inherited.contains(&column);
            (inherited || alone).then(|| match inherited {
                true => format!("{name} has {column} from its parent, and keeps it as it is there"),
                false => format!("the tables below {name} have {column} from it, and it changes in all of them"),
            })
        }
        K::ADD_CONSTRAINT => {
            let check = constraints::added(action).filter(|added| added.kind() == K::CHECK_CONSTRAINT)?;
            match tree::has(&check, K::NO_INHERIT) {
                true => table.partitioned.then(|| format!("{name} is partitioned, which takes no check NO INHERIT")),
                false if table.partitioned => None,
                false => alone.then(|| format!("the tables below {name} must have the check too")),
            }
        }
        K::SET_OPTIONS => (table.partitioned && (table.birth.is_some() || table.has_children))
            .then(|| format!("{name} is partitioned, and has no storage of its own")),
        _ => None,
    }
}

/// Storage parameters of a partitioned table that is made.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if node.kind() == K::CREATE_TABLE
        && tree::has(node, K::PARTITION_BY)
        && let Some(parameters) = tree::child(node, K::WITH_PARAMS)
    {
        let message = "a partitioned table has no storage of its own".to_owned();
        judge.report(&refused::PARTITION, &parameters, message);
    }
}
