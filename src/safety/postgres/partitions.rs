//! Partitions: attached and detached without reading them under a lock.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::{Alter, Judge};
use super::{indexes, tree};

pub(in super::super) const RULES: &[&Rule] = &[&ATTACH, &DETACH, &PARTITION_OF, &INHERITANCE];

static ATTACH: Rule = Rule {
    name: "partition-attach-scans",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "ATTACH PARTITION without a validated check that matches its bounds",
    reason: "ACCESS EXCLUSIVE on the new partition, and on the default partition, while every row of it is read.",
    help: "ADD CONSTRAINT ... CHECK (key IS NOT NULL AND the bounds) NOT VALID on the table, VALIDATE it in a later migration, then ATTACH; the default partition needs a check that excludes them.",
    source: "https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE",
};
static DETACH: Rule = Rule {
    name: "partition-detach-not-concurrent",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "DETACH PARTITION without CONCURRENTLY",
    reason: "ACCESS EXCLUSIVE on the parent and the partition: all queries of the whole partitioned table wait.",
    help: "DETACH PARTITION ... CONCURRENTLY, outside a transaction (`-- charter: no-transaction` at the top of the file).",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DETACH-PARTITION",
};
static PARTITION_OF: Rule = Rule {
    name: "partition-created-in-place",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "CREATE TABLE ... PARTITION OF a table that exists",
    reason: "ACCESS EXCLUSIVE on the parent: all queries of the whole partitioned table wait, for long where a default partition must be read.",
    help: "CREATE TABLE ... (LIKE parent), then ATTACH PARTITION, which takes SHARE UPDATE EXCLUSIVE on the parent.",
    source: "https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE",
};
static INHERITANCE: Rule = Rule {
    name: "inheritance-changed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "INHERIT or NO INHERIT of a table that exists",
    reason: "Queries of the parent return other rows than before.",
    help: "Release programs that can do with both first, then allow this by name.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-INHERIT",
};

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let parent = &alter.table;
    match action.kind() {
        K::ATTACH_PARTITION => attach(judge, parent, action),
        K::DETACH_PARTITION => {
            if tree::has(action, K::DETACH_FINALIZE) {
            } else if tree::has(action, K::DETACH_CONCURRENTLY) {
                indexes::in_transaction(judge, action, "DETACH PARTITION CONCURRENTLY");
            } else if !judge.session.is_new(parent) {
                judge.report(&DETACH, action, format!("DETACH PARTITION blocks all reads and writes of {parent}"));
            }
        }
        K::INHERIT_TABLE | K::NO_INHERIT_TABLE if !judge.session.is_new(parent) => {
            judge.report(&INHERITANCE, action, format!("the rows of {parent} join or leave its parent"));
        }
        _ => {}
    }
}

fn attach(judge: &mut Judge<'_>, parent: &RelationName, action: &SyntaxNode) {
    let Some(partition) = tree::child(action, K::TABLE_NAME_REF).and_then(|name| judge.session.relation(&name)) else {
        return;
    };
    let new = judge.session.is_new(&partition);
    if !new && !is_proven(judge, parent, &partition, action) {
        judge.report(&ATTACH, action, format!("every row of {partition} is read under a lock before it is attached"));
    } else if judge.session.has_default_partition(parent) && !judge.session.is_new(parent) {
        let message = format!("every row of the default partition of {parent} is read under a lock");
        let finding = judge.report(&ATTACH, action, message);
        finding.severity = Severity::Warning;
        finding.cost = Cost::Unknown;
    }
}

/// Whether a validated check of the table names the partition key and all of the bounds, and proves the key not null. Whether
/// it says the same of them is for the server to see.
fn is_proven(judge: &Judge<'_>, parent: &RelationName, partition: &RelationName, action: &SyntaxNode) -> bool {
    let bounds: Vec<String> = tree::below(action, K::LITERAL).filter_map(|literal| tree::literal(&literal)).collect();
    let key = judge.session.table(parent).and_then(|table| table.partition_key.clone()).unwrap_or_default();
    let checks: Vec<_> = judge.session.constraints(partition).filter(|check| check.validated).collect();
    let not_null = |column: &String| {
        judge.session.is_not_null(partition, column) || checks.iter().any(|check| check.proves.contains(column))
    };
    let bounded = checks.iter().any(|check| {
        let named = if key.is_empty() {
            check.terms.iter().any(not_null)
        } else {
            key.iter().all(|key| check.terms.contains(key))
        };
        check.check && named && !bounds.is_empty() && bounds.iter().all(|bound| check.terms.contains(bound))
    });
    bounded && key.iter().all(not_null)
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if node.kind() != K::CREATE_TABLE {
        return;
    }
    let Some(parent) = tree::child(node, K::PARTITION_OF).and_then(|of| judge.session.relation(&of)) else { return };
    if !judge.session.is_new(&parent) {
        let message = format!("a partition made in place locks all of {parent}");
        judge.report(&PARTITION_OF, node, message);
    }
}
