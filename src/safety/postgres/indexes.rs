//! Indexes: built, dropped and rebuilt without blocking.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::Judge;
use super::{existence, methods, tree};

pub(in super::super) const RULES: &[&Rule] = &[
    &NOT_CONCURRENT,
    &DROP_NOT_CONCURRENT,
    &CONCURRENT_IN_TRANSACTION,
    &CONCURRENT_IF_NOT_EXISTS,
    &CONCURRENT_REFUSED,
    &REINDEX,
    &REFRESH,
    &ON_PARTITIONED,
    &methods::REFUSED,
];

static NOT_CONCURRENT: Rule = Rule {
    name: "index-not-concurrent",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "CREATE INDEX without CONCURRENTLY on a table that exists",
    reason: "SHARE lock on the table while the index is built: reads go on, every write waits.",
    help: "CREATE INDEX CONCURRENTLY, outside a transaction (`-- charter: no-transaction` at the top of the file).",
    source: "https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
};
static DROP_NOT_CONCURRENT: Rule = Rule {
    name: "index-drop-not-concurrent",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "DROP INDEX without CONCURRENTLY on a table that exists",
    reason: "ACCESS EXCLUSIVE on the table: it waits for every running query, and all reads and writes wait behind it.",
    help: "DROP INDEX CONCURRENTLY, outside a transaction (`-- charter: no-transaction` at the top of the file).",
    source: "https://www.postgresql.org/docs/current/sql-dropindex.html",
};
static CONCURRENT_IN_TRANSACTION: Rule = Rule {
    name: "concurrently-in-transaction",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A CONCURRENTLY statement inside a transaction",
    reason: "The statement fails: it commits by itself and cannot run in a transaction block.",
    help: "Put it in a file of its own with `-- charter: no-transaction` at the top, outside BEGIN and COMMIT.",
    source: "https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
};
static CONCURRENT_IF_NOT_EXISTS: Rule = Rule {
    name: "concurrently-if-not-exists",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "CREATE INDEX CONCURRENTLY IF NOT EXISTS",
    reason: "A build that failed leaves an INVALID index of that name: running the file again skips it, and reports success without an index.",
    help: "DROP INDEX CONCURRENTLY IF EXISTS first, or leave IF NOT EXISTS away: charter finds and rebuilds an invalid index.",
    source: "https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
};
static CONCURRENT_REFUSED: Rule = Rule {
    name: "concurrently-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "CONCURRENTLY where it is refused: DROP INDEX of several indexes or with CASCADE, REINDEX SYSTEM, REFRESH WITH NO DATA or of a view without a unique index",
    reason: "The statement fails.",
    help: "One DROP INDEX CONCURRENTLY statement for each index, without CASCADE.",
    source: "https://www.postgresql.org/docs/current/sql-dropindex.html",
};
static REINDEX: Rule = Rule {
    name: "reindex-not-concurrent",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "REINDEX without CONCURRENTLY",
    reason: "Writes to the table wait, and so does every query that would use the index, until it is built.",
    help: "REINDEX (CONCURRENTLY), outside a transaction.",
    source: "https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY",
};
static REFRESH: Rule = Rule {
    name: "refresh-not-concurrent",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "REFRESH MATERIALIZED VIEW without CONCURRENTLY",
    reason: "ACCESS EXCLUSIVE on the view while its query runs: nobody can read it.",
    help: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the view.",
    source: "https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html",
};
static ON_PARTITIONED: Rule = Rule {
    name: "index-on-partitioned",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "An index on a partitioned table",
    reason: "Without CONCURRENTLY it is built on every partition under SHARE locks on all of them; with it, the statement fails.",
    help: "CREATE INDEX ON ONLY the parent, CREATE INDEX CONCURRENTLY on each partition, then ALTER INDEX ... ATTACH PARTITION.",
    source: "https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE",
};

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_INDEX => create(judge, node),
        K::DROP_INDEX => drop(judge, node),
        K::REINDEX => reindex(judge, node),
        K::REFRESH => refresh(judge, node),
        _ => {}
    }
}

pub(super) fn in_transaction(judge: &mut Judge<'_>, node: &SyntaxNode, what: &str) {
    if judge.session.in_transaction() {
        judge.report(&CONCURRENT_IN_TRANSACTION, node, format!("{what} cannot run in a transaction"));
    }
}

fn create(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some(relation) = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME))
    else {
        return;
    };
    let Some(table) = judge.session.relation(&relation) else { return };
    let concurrently = tree::has_token(node, K::CONCURRENTLY_KW);
    if existence::is_view(judge, &relation) {
        judge.report(&methods::REFUSED, node, format!("{table} is a view: it has no indexes"));
        return;
    }
    if concurrently {
        in_transaction(judge, node, "CREATE INDEX CONCURRENTLY");
        let index = tree::child(node, K::INDEX).and_then(|name| judge.session.relation(&name));
        let dropped = index.is_some_and(|index| judge.session.dropped_here(&index));
        if let Some(clause) = tree::child(node, K::IF_NOT_EXISTS)
            && !dropped
        {
            let message = "IF NOT EXISTS takes the invalid index of a failed build for a good one".to_owned();
            judge.report(&CONCURRENT_IF_NOT_EXISTS, &clause, message);
        }
    }
    let partitioned = judge.session.is_partitioned(&table);
    let new = judge.session.is_new(&table);
    if tree::has_token(&relation, K::ONLY_KW) && !concurrently && !new && !is_plain(judge, &table) {
        // The index of a parent alone touches no partition, and stays invalid until each has its own.
        if !partitioned {
            let message = format!("instant if {table} is partitioned; else CREATE INDEX blocks its writes");
            let finding = judge.report(&NOT_CONCURRENT, node, message);
            finding.severity = Severity::Warning;
            finding.cost = Cost::Unknown;
        }
        return;
    }
    if partitioned && (concurrently || !new) {
        let how = if concurrently { "CONCURRENTLY is refused on" } else { "builds an index on every partition of" };
        judge.report(&ON_PARTITIONED, node, format!("CREATE INDEX {how} the partitioned table {table}"));
    } else if !concurrently && !new {
        judge.report(&NOT_CONCURRENT, node, format!("CREATE INDEX on {table} blocks its writes while it is built"));
    }
}

/// Whether a table is known not to be partitioned.
fn is_plain(judge: &Judge<'_>, table: &super::super::RelationName) -> bool {
    let told = judge.session.table(table).is_some_and(|table| table.birth.is_some());
    told && !judge.session.is_partitioned(table)
}

fn drop(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let indexes = judge.session.relations(node, K::INDEX_REF);
    if tree::has_token(node, K::CONCURRENTLY_KW) {
        in_transaction(judge, node, "DROP INDEX CONCURRENTLY");
        if indexes.len() > 1 || tree::has(node, K::CASCADE) {
            let message = "DROP INDEX CONCURRENTLY takes one index and no CASCADE".to_owned();
            judge.report(&CONCURRENT_REFUSED, node, message);
        }
        return;
    }
    for index in indexes {
        let table = judge.session.table_of_index(&index);
        if !table.is_some_and(|table| judge.session.is_new(table)) {
            let on = table.map_or_else(String::new, |table| format!(" on {table}"));
            let message = format!("DROP INDEX {index}{on} blocks all reads and writes of its table");
            judge.report(&DROP_NOT_CONCURRENT, node, message);
        }
    }
}

fn reindex(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if is_concurrent_reindex(node) {
        in_transaction(judge, node, "REINDEX CONCURRENTLY");
        if tree::has(node, K::REINDEX_TARGET_SYSTEM) {
            judge.report(&CONCURRENT_REFUSED, node, "REINDEX SYSTEM takes no CONCURRENTLY".to_owned());
        }
        return;
    }
    let named = node.children().find(|child| matches!(child.kind(), K::REINDEX_TARGET_TABLE | K::REINDEX_TARGET_INDEX));
    let table = named.as_ref().and_then(|target| judge.session.relation(target)).and_then(|name| {
        let index = named.as_ref().is_some_and(|target| target.kind() == K::REINDEX_TARGET_INDEX);
        if index { judge.session.table_of_index(&name).cloned() } else { Some(name) }
    });
    if table.as_ref().is_some_and(|table| judge.session.is_new(table)) {
        return;
    }
    judge.report(&REINDEX, node, "REINDEX blocks writes, and reads through the index, while it is built".to_owned());
}

pub(super) fn is_concurrent_reindex(node: &SyntaxNode) -> bool {
    use squawk_syntax::ast::{AstNode, Reindex};
    Reindex::cast(node.clone()).is_some_and(|reindex| reindex.is_concurrently())
}

fn refresh(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let view = judge.session.relation(node);
    let new = view.as_ref().is_some_and(|view| judge.session.is_new(view));
    if tree::has_token(node, K::CONCURRENTLY_KW) {
        if tree::has(node, K::WITH_NO_DATA) {
            let message = "REFRESH CONCURRENTLY and WITH NO DATA exclude each other".to_owned();
            judge.report(&CONCURRENT_REFUSED, node, message);
        }
        let known = view.as_ref().and_then(|view| judge.session.table(view)).filter(|table| table.is_catalogued());
        if known.is_some_and(|table| !table.indexes.values().any(|index| index.unique && index.whole)) {
            let view = judge.shown(view.as_ref());
            let message = format!("{view} has no unique index over columns alone and all rows");
            judge.report(&CONCURRENT_REFUSED, node, message).help =
                "CREATE UNIQUE INDEX on the materialized view first.".to_owned();
        }
    } else if !new {
        let view = judge.shown(view.as_ref());
        judge.report(&REFRESH, node, format!("nobody can read {view} while it is refreshed"));
    }
}
