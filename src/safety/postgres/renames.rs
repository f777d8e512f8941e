//! Renames and moves: running programs know the old name.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::{Alter, Judge};
use super::objects::{self, Verb};
use super::tree;

pub(in super::super) const RULES: &[&Rule] =
    &[&TABLE_RENAMED, &COLUMN_RENAMED, &SCHEMA_RENAMED, &ENUM_VALUE_RENAMED, &OBJECT_RENAMED, &SCHEMA_CHANGED];

const BREAKS: &str = "Programs that know the old name break at once, and those that know the new one fail until then.";

pub(in super::super) static TABLE_RENAMED: Rule = Rule {
    name: "table-renamed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table, or a view, is renamed; as a warning, a table behind a view of its old name",
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
    summary: "A view, type, function, sequence, role, database or the like is renamed; as a warning, a constraint, index, trigger or policy",
    reason: BREAKS,
    help: "Make the new one beside the old one, move the programs over, then drop the old one.",
    source: "https://squawkhq.com/docs/renaming-object",
};
static SCHEMA_CHANGED: Rule = Rule {
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
            let behind = is_behind_view(judge, alter, action);
            let finding = judge.report(&TABLE_RENAMED, action, format!("{table} has another name from now on"));
            if behind {
                finding.severity = Severity::Warning;
                finding.message = format!("{table} is a view from now on");
                finding.effect = "Programs go on reading and writing through the view, if they have the rights on it; COPY FROM, TRUNCATE and foreign keys need the table.".to_owned();
                finding.help = "GRANT on the view, in the same transaction, what programs may do.".to_owned();
            }
        }
        K::RENAME_COLUMN => {
            let column = tree::child_name(action, K::COLUMN_NAME_REF).unwrap_or_default();
            if !judge.session.is_fresh_column(table, &column) {
                judge.report(&COLUMN_RENAMED, action, format!("{table}.{column} has another name from now on"));
            }
        }
        K::SET_SCHEMA => {
            judge.report(&SCHEMA_CHANGED, action, format!("{table} is found in another schema from now on"));
        }
        K::RENAME_CONSTRAINT => {
            let message = format!("a constraint of {table} has another name from now on");
            judge.report(&OBJECT_RENAMED, action, message).severity = Severity::Warning;
        }
        _ => {}
    }
}

/// Whether the transaction goes on to make a view of the table's old name that shows all of it: `SELECT *` and nothing more,
/// which the server lets programs write through.
fn is_behind_view(judge: &Judge<'_>, alter: &Alter, action: &SyntaxNode) -> bool {
    let statement = action.parent();
    let later = std::iter::successors(statement, SyntaxNode::next_sibling).skip(1);
    const ENDS: [K; 4] =
        [K::COMMIT_TRANSACTION, K::ROLLBACK_TRANSACTION, K::ROLLBACK_TO_SAVEPOINT, K::PREPARE_TRANSACTION];
    let mut same = later.take_while(|next| !ENDS.contains(&next.kind()));
    let shows = |view: &SyntaxNode| {
        let query = tree::child(view, K::SELECT).filter(|query| query.children().count() == 2)?;
        let (select, from) = (tree::child(&query, K::SELECT_CLAUSE)?, tree::child(&query, K::FROM_CLAUSE)?);
        let item = tree::child(&from, K::RELATION_FROM_ITEM).filter(|_| from.children().count() == 1)?;
        let all = tree::words(&select) == "select *" && tree::child(view, K::COLUMN_LIST).is_none();
        let of = judge.session.created(&item).filter(|_| all && !tree::has(&item, K::TABLESAMPLE_CLAUSE))?;
        let named = tree::child(view, K::VIEW).and_then(|name| judge.session.created(&name))?;
        Some(named == alter.table && of.schema == named.schema && tree::last_name(action) == Some(of.name))
    };
    let is_view = |node: &SyntaxNode| node.kind() == K::CREATE_VIEW && !tree::has(node, K::TEMP);
    judge.session.in_transaction() && same.any(|next| is_view(&next) && shows(&next) == Some(true))
}

/// ALTER of anything but a table: every RENAME TO and every SET SCHEMA, whatever the object.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if !matches!(objects::verb(node), Some((Verb::Alter, _))) || objects::are_of_this_file(judge, node) {
        return;
    }
    for action in node.children() {
        let renames = objects::is_rename(action.kind());
        let (rule, message): (&'static Rule, &str) = match (node.kind(), action.kind()) {
            (K::ALTER_TABLE | K::ALTER_FOREIGN_TABLE, _) | (K::ALTER_MATERIALIZED_VIEW, K::SET_SCHEMA) => continue,
            (_, K::SET_SCHEMA) => (&SCHEMA_CHANGED, "it is found in another schema from now on"),
            (K::ALTER_SCHEMA, K::SCHEMA_RENAME_TO) => {
                (&SCHEMA_RENAMED, "everything in the schema has another name from now on")
            }
            (K::ALTER_TYPE, K::RENAME_VALUE) => {
                (&ENUM_VALUE_RENAMED, "a value of the enum has another name from now on")
            }
            (K::ALTER_VIEW, K::RENAME_COLUMN) => (&COLUMN_RENAMED, "a column of the view has another name from now on"),
            (K::ALTER_DOMAIN, K::RENAME_CONSTRAINT) => (&OBJECT_RENAMED, "a constraint has another name from now on"),
            _ if renames => (&OBJECT_RENAMED, "it has another name from now on"),
            _ => continue,
        };
        let finding = judge.report(rule, &action, message.to_owned());
        if action.kind() == K::RENAME_CONSTRAINT || (renames && is_harmless(node)) {
            finding.severity = Severity::Warning;
        }
    }
}

/// Renames of what programs mostly do not name.
fn is_harmless(node: &SyntaxNode) -> bool {
    matches!(
        node.kind(),
        K::ALTER_INDEX
            | K::ALTER_TRIGGER
            | K::ALTER_EVENT_TRIGGER
            | K::ALTER_POLICY
            | K::ALTER_RULE
            | K::ALTER_STATISTICS
            | K::ALTER_TABLESPACE
    )
}
