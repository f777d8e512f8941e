//! Partitions: attached and detached without reading them under a lock.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::implied::{self, Columns, Condition};
use super::judge::{Alter, Judge};
use super::session::{Constraint, DefaultPartition, Session};
use super::{indexes, tree};

pub(in super::super) const RULES: &[&Rule] = &[&ATTACH, &DETACH, &PARTITION_OF, &INHERITANCE];

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
                if judge.session.default_partition(parent) != DefaultPartition::None {
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
    beside_default(judge, parent, action);
}

/// The rows of the default partition are read too, unless a check of it says that none belongs to the new partition.
fn beside_default(judge: &mut Judge<'_>, parent: &RelationName, bounds: &SyntaxNode) {
    let excluded = match judge.session.default_partition(parent) {
        DefaultPartition::None => true,
        DefaultPartition::Some => judge.session.is_new(parent),
        DefaultPartition::Named(default) => {
            let bounds = literals(bounds);
            let test = |check: &Constraint| !bounds.is_empty() && bounds.is_subset(&check.literals);
            judge.session.is_new(&default) || matching(judge, parent, &default, test).next().is_some()
        }
    };
    if !excluded {
        judge.report(&ATTACH, bounds, format!("every row of the default partition of {parent} is read under a lock"));
    }
}

/// The literals of a partition's bounds.
fn literals(bounds: &SyntaxNode) -> BTreeSet<String> {
    tree::below(bounds, K::LITERAL)
        .filter_map(|literal| tree::literal(&literal))
        .map(|text| implied::canonical(&text))
        .collect()
}

/// The validated checks of a table that name the partition key and pass a test. Whether they say of the bounds what they
/// must is for the server to see.
fn matching<'a>(
    judge: &'a Judge<'_>,
    parent: &RelationName,
    table: &RelationName,
    test: impl Fn(&Constraint) -> bool,
) -> impl Iterator<Item = &'a Constraint> {
    let key = judge.session.table(parent).and_then(|table| table.partition_key.clone()).unwrap_or_default();
    let table = table.clone();
    let checks = judge.session.constraints(&table).collect::<Vec<_>>().into_iter();
    checks.filter(move |check| {
        let named = if key.is_empty() {
            check.names.iter().any(|name| is_not_null(judge, &table, name))
        } else {
            key.iter().all(|key| check.names.contains(key))
        };
        check.validated && check.kind == K::CHECK_CONSTRAINT && named && test(check)
    })
}

fn is_not_null(judge: &Judge<'_>, table: &RelationName, column: &str) -> bool {
    let mut checks = judge.session.constraints(table).filter(|check| check.validated);
    judge.session.is_not_null(table, column) || checks.any(|check| check.proves.iter().any(|proven| proven == column))
}

/// Whether the validated checks of the table say what its bounds as a partition will, and that the key is not null.
fn is_proven(judge: &Judge<'_>, parent: &RelationName, partition: &RelationName, action: &SyntaxNode) -> bool {
    let session = &judge.session;
    let key = session.table(parent).and_then(|table| table.partition_key.as_deref());
    let has_zone = |column: &str| {
        let known = session.column_type(partition, column).or_else(|| session.column_type(parent, column));
        known.map(|known| known.name == "timestamptz")
    };
    let checks: Vec<&Constraint> = session.constraints(partition).filter(|check| check.validated).collect();
    let conditions: Vec<Condition> = checks.iter().flat_map(|check| check.conditions.clone()).collect();
    let others = checks.iter().flat_map(|check| check.proves.clone()).collect();
    let columns =
        Columns { key, others, is_not_null: &|column| is_not_null(judge, partition, column), has_zone: &has_zone };
    implied::is_implied(&conditions, action, &columns)
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
    let Some(of) = tree::child(node, K::PARTITION_OF) else { return };
    let Some(parent) = judge.session.relation(&of) else { return };
    if !judge.session.is_new(&parent) {
        let message = format!("a partition made in place locks all of {parent}");
        judge.report(&PARTITION_OF, node, message);
        let values = node.children().find(|child| format!("{:?}", child.kind()).starts_with("PARTITION_FOR_VALUES"));
        if let Some(values) = values {
            beside_default(judge, &parent, &values);
        }
    }
}
