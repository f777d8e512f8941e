//! Statements whose whole purpose is to write the table again.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::{Alter, Judge};
use super::tree;

pub(in super::super) const RULES: &[&Rule] = &[&REWRITTEN, &VACUUM_FULL];

static REWRITTEN: Rule = Rule {
    name: "table-rewritten",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "SET TABLESPACE, LOGGED or UNLOGGED, SET ACCESS METHOD",
    reason: "ACCESS EXCLUSIVE on the table while all of it is written again: no reads, no writes.",
    help: "Make a new table as it should be, copy the rows in batches, and switch over.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-LOGGED-UNLOGGED",
};
static VACUUM_FULL: Rule = Rule {
    name: "vacuum-full",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "VACUUM FULL or CLUSTER",
    reason: "ACCESS EXCLUSIVE on the table while all of it is written again: no reads, no writes.",
    help: "Plain VACUUM lets the space be used again; pg_repack gives it back online.",
    source: "https://www.postgresql.org/docs/current/sql-vacuum.html",
};

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let what = match action.kind() {
        K::SET_TABLESPACE => "SET TABLESPACE",
        K::SET_LOGGED => "SET LOGGED",
        K::SET_UNLOGGED => "SET UNLOGGED",
        K::SET_ACCESS_METHOD => "SET ACCESS METHOD",
        _ => return,
    };
    if !judge.session.is_new(&alter.table) {
        judge.report(&REWRITTEN, action, format!("{what} writes all of {} again", alter.table));
    }
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CLUSTER => {
            let table = judge.session.relation(node);
            if !table.as_ref().is_some_and(|table| judge.session.is_new(table)) {
                let table = table.map_or_else(|| "every clustered table".to_owned(), |table| table.to_string());
                judge.report(&VACUUM_FULL, node, format!("CLUSTER writes {table} again"));
            }
        }
        K::VACUUM if is_full(node) && !names_new(judge, node) => {
            judge.report(&VACUUM_FULL, node, "VACUUM FULL writes the table again".to_owned());
        }
        // ALTER INDEX, ALTER TABLE ALL IN TABLESPACE and their like.
        _ if tree::has(node, K::ALL_IN_TABLESPACE) => {
            judge.report(&REWRITTEN, node, "everything in the tablespace is written again".to_owned());
        }
        K::ALTER_INDEX | K::ALTER_DATABASE => {
            if let Some(action) = tree::child(node, K::SET_TABLESPACE) {
                let what = if node.kind() == K::ALTER_INDEX { "the index" } else { "the whole database" };
                judge.report(&REWRITTEN, &action, format!("SET TABLESPACE writes {what} again"));
            }
        }
        K::REPACK => {
            judge.report(&VACUUM_FULL, node, "REPACK writes the table again".to_owned());
        }
        _ => {}
    }
}

/// Whether VACUUM names tables, none of which can hold many rows.
fn names_new(judge: &Judge<'_>, node: &SyntaxNode) -> bool {
    let tables = tree::child(node, K::TABLE_AND_COLUMNS_LIST);
    let mut tables = tables.iter().flat_map(SyntaxNode::children).peekable();
    let is_new = |table: SyntaxNode| judge.session.relation(&table).is_some_and(|table| judge.session.is_new(&table));
    tables.peek().is_some() && tables.all(is_new)
}

pub(super) fn is_full(node: &SyntaxNode) -> bool {
    use squawk_syntax::ast::{AstNode, Vacuum};
    Vacuum::cast(node.clone()).is_some_and(|vacuum| vacuum.is_full())
}
