//! Transactions: where they begin and end, and what cannot run in one.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::Judge;
use super::tree;

pub(in super::super) const RULES: &[&Rule] = &[&CONTROL, &REFUSED, &NESTED, &NONE_OPEN, &UNCOMMITTED];

pub(in super::super) static CONTROL: Rule = Rule {
    name: "transaction-control",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "BEGIN, COMMIT, ROLLBACK or SAVEPOINT in a file that is run in one transaction; on SQLite and DuckDB, ROLLBACK or \
              SAVEPOINT in a migration that is run without one",
    reason: "A COMMIT within the file commits half of the migration without its history row.",
    help: "Leave it away; `-- charter: no-transaction` at the top of the file for what cannot run in a transaction.",
    source: "https://www.postgresql.org/docs/current/tutorial-transactions.html",
};
static REFUSED: Rule = Rule {
    name: "refused-in-transaction",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A statement that cannot run inside a transaction (VACUUM, CREATE DATABASE, ALTER SYSTEM, ...)",
    reason: "The statement fails.",
    help: "Put it in a file of its own with `-- charter: no-transaction` at the top, outside BEGIN and COMMIT.",
    source: "https://www.postgresql.org/docs/current/sql-vacuum.html",
};
pub(in super::super) static NESTED: Rule = Rule {
    name: "nested-transaction",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "BEGIN within a transaction",
    reason: "There are no nested transactions: it only warns, and the next COMMIT ends the outer one.",
    help: "Leave it away, or use SAVEPOINT.",
    source: "https://www.postgresql.org/docs/current/sql-begin.html",
};
pub(in super::super) static NONE_OPEN: Rule = Rule {
    name: "no-transaction-open",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "COMMIT, ROLLBACK, SAVEPOINT or LOCK TABLE outside a transaction",
    reason: "COMMIT and ROLLBACK only warn, SAVEPOINT and LOCK TABLE fail; what came before is committed already.",
    help: "BEGIN before the statements that belong together.",
    source: "https://www.postgresql.org/docs/current/sql-commit.html",
};
pub(in super::super) static UNCOMMITTED: Rule = Rule {
    name: "uncommitted-transaction",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A file that ends with its transaction open, or leaves it prepared",
    reason: "Everything since BEGIN is rolled back when the connection closes, and its locks are kept until then.",
    help: "COMMIT at the end.",
    source: "https://www.postgresql.org/docs/current/sql-begin.html",
};

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::BEGIN
        | K::COMMIT_TRANSACTION
        | K::ROLLBACK_TRANSACTION
        | K::PREPARE_TRANSACTION
        | K::SAVEPOINT_CREATE
        | K::RELEASE_SAVEPOINT
        | K::ROLLBACK_TO_SAVEPOINT => control(judge, node),
        _ => refused(judge, node),
    }
}

fn control(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let word = tree::all_tokens(node).next().map(|token| token.text().to_ascii_uppercase()).unwrap_or_default();
    if judge.session.wrapped || judge.session.bodies > 0 {
        judge.report(&CONTROL, node, format!("{word} in a file that is run in one transaction"));
        return;
    }
    let name = node.children().find(|child| matches!(child.kind(), K::SAVEPOINT | K::SAVEPOINT_REF));
    let name = name.map(|name| tree::name(&name)).unwrap_or_default();
    match (node.kind(), judge.session.explicit) {
        (K::BEGIN, true) => {
            judge.report(&NESTED, node, format!("{word} within a transaction does nothing"));
        }
        (K::BEGIN, false) => judge.session.begin_transaction(),
        (K::SAVEPOINT_CREATE, false) => {
            outside(judge, node, &word);
        }
        (_, false) => {
            judge.report(&NONE_OPEN, node, format!("{word}, but no transaction is open"));
        }
        (K::SAVEPOINT_CREATE, true) => judge.session.savepoint(name),
        (K::ROLLBACK_TO_SAVEPOINT, true) => judge.session.rollback_to(&name),
        (K::RELEASE_SAVEPOINT, true) => {}
        (K::PREPARE_TRANSACTION, true) => {
            let message = "the transaction, and its locks, stay until somebody says COMMIT PREPARED".to_owned();
            judge.report(&UNCOMMITTED, node, message);
            judge.session.end_transaction(true);
        }
        (kind, true) => {
            judge.session.end_transaction(kind != K::ROLLBACK_TRANSACTION);
            if tree::words(node).ends_with("and chain ;") || tree::words(node).ends_with("and chain") {
                judge.session.begin_transaction();
            }
        }
    }
}

/// What fails outside a transaction.
pub(super) fn outside(judge: &mut Judge<'_>, node: &SyntaxNode, what: &str) {
    judge.report(&NONE_OPEN, node, format!("{what} outside a transaction fails")).severity = Severity::Error;
}

fn refused(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if !judge.session.in_transaction() {
        return;
    }
    let words = tree::words(node);
    let what = match node.kind() {
        K::VACUUM => "VACUUM",
        K::CREATE_DATABASE => "CREATE DATABASE",
        K::DROP_DATABASE => "DROP DATABASE",
        K::CREATE_TABLESPACE => "CREATE TABLESPACE",
        K::DROP_TABLESPACE => "DROP TABLESPACE",
        K::ALTER_SYSTEM => "ALTER SYSTEM",
        K::ALTER_DATABASE if words.contains("set tablespace") => "ALTER DATABASE SET TABLESPACE",
        K::COMMIT_PREPARED | K::ROLLBACK_PREPARED => "COMMIT PREPARED",
        K::DISCARD if words.contains("all") => "DISCARD ALL",
        K::CLUSTER if judge.session.relation(node).is_none() => "CLUSTER without a table",
        K::CREATE_SUBSCRIPTION if !words.contains("create_slot = false") && !words.contains("connect = false") => {
            "CREATE SUBSCRIPTION that makes a slot"
        }
        K::DROP_SUBSCRIPTION => "DROP SUBSCRIPTION of a subscription with a slot",
        K::REINDEX if ["database", "system", "schema"].iter().any(|word| words.contains(word)) => {
            "REINDEX of a schema, system or database"
        }
        _ => return,
    };
    judge.report(&REFUSED, node, format!("{what} cannot run in a transaction"));
}

/// COMMIT or ROLLBACK in a DO block that is itself in a transaction.
pub(super) fn refused_in_block(judge: &mut Judge<'_>, node: &SyntaxNode) {
    judge.report(&REFUSED, node, "COMMIT or ROLLBACK in a DO block cannot run in a transaction".to_owned());
}

pub(super) fn end_of_file(judge: &mut Judge<'_>, last: Option<&SyntaxNode>) {
    if let (true, Some(last)) = (judge.session.explicit, last) {
        judge.report(&UNCOMMITTED, last, "the transaction is still open when the file ends".to_owned());
    }
}
