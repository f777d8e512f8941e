//! Partitions: attached and detached without reading them under a lock.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::claims::{self, Claim, Condition};
use super::implied::{self, Columns};
use super::judge::{Alter, Judge};
use super::session::{Constraint, Session};
use super::types::DataType;
use super::{attaching, excluded, indexes, places, tree};

pub(in super::super) const RULES: &[&Rule] =
    &[&ATTACH, &attaching::BUILDS, &attaching::LOOKS_UP, &DETACH, &PARTITION_OF, &INHERITANCE];

static ATTACH: Rule = Rule {
    name: "partition-attach-scans",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "ATTACH PARTITION without a validated check that matches its bounds; a new partition beside a default one that holds rows",
    reason: "ACCESS EXCLUSIVE on the new partition, and on the default partition, while every row of it is read.",
    help: "ADD CONSTRAINT ... CHECK (key IS NOT NULL AND the bounds) NOT VALID on the table, VALIDATE it in a later migration, then ATTACH; the default partition needs a check that excludes them.",
    source: "https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE",
};
static DETACH: Rule = Rule {
    name: "partition-detach-not-concurrent",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "DETACH PARTITION without CONCURRENTLY, or with it beside a default partition, which is refused",
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
                if judge.session.default_partition(parent).is_some() {
                    let message = format!("{parent} has a default partition: CONCURRENTLY is refused");
                    judge.report(&DETACH, action, message);
                }
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
    if !judge.session.is_new(&partition) && !is_proven(judge, parent, &partition, action) {
        judge.report(&ATTACH, action, format!("every row of {partition} is read under a lock before it is attached"));
    }
    places::check(judge, parent, &partition, action);
    attaching::check(judge, parent, &partition, action);
    beside_default(judge, parent, action, action);
}

/// The rows of the default partition are read too, unless a check of it says that none belongs to the new partition.
fn beside_default(judge: &mut Judge<'_>, parent: &RelationName, node: &SyntaxNode, bounds: &SyntaxNode) {
    let Some(default) = judge.session.default_partition(parent) else { return };
    if !judge.session.is_new(parent) && !judge.session.is_new(&default) && !is_excluded(judge, parent, &default, node) {
        let message = format!("every row of {default}, the default partition of {parent}, is read under a lock");
        judge.report(&ATTACH, bounds, message);
    }
}

/// The literals of a partition's bounds.
fn literals(bounds: &SyntaxNode) -> BTreeSet<String> {
    tree::below(bounds, K::LITERAL)
        .filter_map(|literal| tree::literal(&literal))
        .map(|text| claims::canonical(&text))
        .collect()
}

fn is_not_null(judge: &Judge<'_>, table: &RelationName, column: &str) -> bool {
    let mut checks = judge.session.constraints(table).filter(|check| check.validated);
    judge.session.is_not_null(table, column) || checks.any(|check| check.proves.iter().any(|proven| proven == column))
}

/// The validated constraints of a table.
fn validated<'a>(judge: &'a Judge<'_>, table: &RelationName) -> Vec<&'a Constraint> {
    judge.session.constraints(table).filter(|constraint| constraint.validated).collect()
}

/// The type of a column of a partition, which is its parent's.
fn column_type(judge: &Judge<'_>, parent: &RelationName, partition: &RelationName, column: &str) -> Option<DataType> {
    judge.session.column_type(partition, column).or_else(|| judge.session.column_type(parent, column))
}

/// Whether the validated checks of the table say what its bounds as a partition will, and that the key is not null.
fn is_proven(judge: &Judge<'_>, parent: &RelationName, partition: &RelationName, action: &SyntaxNode) -> bool {
    let key = judge.session.table(parent).and_then(|table| table.partition_key.as_deref());
    let checks = validated(judge, partition);
    let conditions: Vec<Condition> = checks.iter().flat_map(|check| check.claim.conditions()).collect();
    let others = checks.iter().flat_map(|check| check.proves.clone()).collect();
    let is_not_null = |column: &str| is_not_null(judge, partition, column);
    let data_type = |column: &str| column_type(judge, parent, partition, column);
    let columns = Columns { key, others, is_not_null: &is_not_null, data_type: &data_type };
    implied::is_implied(&conditions, action, &columns)
}

/// Whether the validated checks of the default partition say that it has no row within the bounds that a node names.
fn is_excluded(judge: &Judge<'_>, parent: &RelationName, default: &RelationName, node: &SyntaxNode) -> bool {
    let key = judge.session.table(parent).and_then(|table| table.partition_key.as_deref());
    let checks = validated(judge, default);
    let claims: Vec<&Claim> = checks.iter().map(|check| &check.claim).collect();
    let others = checks.iter().flat_map(|check| check.proves.clone()).collect();
    let is_not_null = |column: &str| is_not_null(judge, default, column) || judge.session.is_not_null(parent, column);
    let data_type = |column: &str| column_type(judge, parent, default, column);
    let columns = Columns { key, others, is_not_null: &is_not_null, data_type: &data_type };
    excluded::is_excluded(&claims, node, &columns)
}

/// Whether a check says of a table's columns no more than its bounds as a partition do.
pub(super) fn is_said_by(check: &Constraint, bounds: &BTreeSet<String>, columns: impl Fn(&String) -> bool) -> bool {
    check.kind == K::CHECK_CONSTRAINT
        && !bounds.is_empty()
        && bounds.is_subset(&check.literals)
        && check.literals.iter().all(|literal| bounds.contains(literal) || literal == "null")
        && check.names.iter().all(columns)
}

/// Once a table is a partition, its bounds say what a check of nothing but them has said.
pub(super) fn attached(
    session: &mut Session<'_>,
    parent: &RelationName,
    partition: &RelationName,
    action: &SyntaxNode,
) {
    let bounds = literals(action);
    let key = session.table(parent).and_then(|table| table.partition_key.clone());
    for constraint in session.table_mut(partition).constraints.values_mut() {
        let one = constraint.names.len() == 1;
        let of_key = |name: &String| key.as_ref().map_or(one, |key| key.contains(name));
        constraint.redundant |= is_said_by(constraint, &bounds, of_key);
    }
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if node.kind() != K::CREATE_TABLE {
        return;
    }
    places::created(judge, node);
    let Some(of) = tree::child(node, K::PARTITION_OF) else { return };
    let Some(parent) = judge.session.relation(&of) else { return };
    if let Some(made) = tree::child(node, K::TABLE_NAME).and_then(|name| judge.session.created(&name)) {
        places::check(judge, &parent, &made, node);
    }
    if !judge.session.is_new(&parent) {
        let message = format!("a partition made in place locks all of {parent}");
        judge.report(&PARTITION_OF, node, message);
        let values = node.children().find(|child| format!("{:?}", child.kind()).starts_with("PARTITION_FOR_VALUES"));
        if let Some(values) = values {
            beside_default(judge, &parent, node, &values);
        }
    }
}
