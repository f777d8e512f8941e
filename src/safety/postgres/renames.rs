//! Renames and moves: running programs know the old name.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::{Alter, Judge};
use super::tree;

pub(in super::super) const RULES: &[&Rule] =
    &[&TABLE_RENAMED, &COLUMN_RENAMED, &SCHEMA_RENAMED, &ENUM_VALUE_RENAMED, &OBJECT_RENAMED, &SCHEMA_CHANGED];

const BREAKS: &str = "Programs that know the old name break at once, and those that know the new one fail until then.";

pub(in super::super) static TABLE_RENAMED: Rule = Rule {
    name: "table-renamed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table, or a view, is renamed",
    reason: BREAKS,
    help: "Keep the table; make a view of the new name over it, move the programs over, and rename when nobody uses the old name.",
    source: "https://squawkhq.com/docs/renaming-table",
};
pub(in super::super) static COLUMN_RENAMED: Rule = Rule {
    name: "column-renamed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A column is renamed",
    reason: BREAKS,
    help: "Add the new column, keep both written, backfill in batches, move the programs over, then drop the old one.",
    source: "https://squawkhq.com/docs/renaming-column",
};
static SCHEMA_RENAMED: Rule = Rule {
    name: "schema-renamed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A schema is renamed",
    reason: BREAKS,
    help: "Make the new schema with views over the old one's tables, and move the programs over.",
    source: "https://www.postgresql.org/docs/current/sql-alterschema.html",
};
static ENUM_VALUE_RENAMED: Rule = Rule {
    name: "enum-value-renamed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A value of an enum is renamed",
    reason: "Programs that write or compare with the old value break at once.",
    help: "Add the new value, move programs and rows over to it, and leave the old one unused.",
    source: "https://www.postgresql.org/docs/current/sql-altertype.html",
};
pub(in super::super) static OBJECT_RENAMED: Rule = Rule {
    name: "object-renamed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A view, type, function, sequence, role or database is renamed; as a warning, a constraint, index, trigger or policy",
    reason: BREAKS,
    help: "Make the new one beside the old one, move the programs over, then drop the old one.",
    source: "https://squawkhq.com/docs/renaming-object",
};
pub(super) static SCHEMA_CHANGED: Rule = Rule {
    name: "set-schema",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "SET SCHEMA: an object moves to another schema",
    reason: "Programs that name the old schema, or search it, no longer find the object.",
    help: "Make a view, or a copy, in the new schema, and move the programs over.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-SCHEMA",
};

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let table = &alter.table;
    if judge.session.is_of_this_file(table) {
        return;
    }
    match action.kind() {
        K::TABLE_RENAME_TO => {
            judge.report(&TABLE_RENAMED, action, format!("{table} has another name from now on"));
        }
        K::RENAME_COLUMN => {
            let column = tree::child_name(action, K::COLUMN_NAME_REF).unwrap_or_default();
            if !judge.session.is_fresh_column(table, &column) {
                judge.report(&COLUMN_RENAMED, action, format!("{table}.{column} has another name from now on"));
            }
        }
        _ => {}
    }
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let here = judge.session.relation(node).is_some_and(|name| judge.session.made_here(&name));
    if here {
        return;
    }
    match node.kind() {
        K::ALTER_SCHEMA => {
            if let Some(rename) = tree::child(node, K::SCHEMA_RENAME_TO) {
                judge.report(
                    &SCHEMA_RENAMED,
                    &rename,
                    "everything in the schema has another name from now on".to_owned(),
                );
            }
        }
        K::ALTER_TYPE => {
            if let Some(rename) = tree::child(node, K::RENAME_VALUE) {
                judge.report(
                    &ENUM_VALUE_RENAMED,
                    &rename,
                    "a value of the enum has another name from now on".to_owned(),
                );
            }
        }
        K::ALTER_VIEW => {
            if let Some(rename) = tree::child(node, K::RENAME_COLUMN) {
                judge.report(&COLUMN_RENAMED, &rename, "a column of the view has another name from now on".to_owned());
            }
        }
        _ => {}
    }
}

/// Renames that a rule of ours reports under its own name.
pub(super) fn is_told(node: &SyntaxNode) -> bool {
    node.kind() == K::ALTER_SCHEMA || (node.kind() == K::ALTER_TYPE && tree::has(node, K::RENAME_VALUE))
}

/// Renames of what programs mostly do not name, as squawk sees them within a statement.
pub(super) fn is_harmless(node: &SyntaxNode) -> bool {
    match node.kind() {
        K::ALTER_INDEX | K::ALTER_TRIGGER | K::ALTER_POLICY | K::ALTER_RULE | K::ALTER_STATISTICS => true,
        K::ALTER_TABLE => node.children().any(|child| child.kind() == K::RENAME_CONSTRAINT),
        _ => false,
    }
}
