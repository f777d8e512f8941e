//! Locks: which a statement takes, for how long a transaction keeps them, and in what company.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::data::Rows;
use super::judge::Judge;
use super::session::Held;
use super::{constraints, dynamic, indexes, rewrites, settings, transactions, tree, triggers, views};

pub(in super::super) const RULES: &[&Rule] = &[&LOCK_TABLE, &SLOW_UNDER_LOCK, &BACKFILL_WITH_DDL, &SEVERAL_TABLES];

static LOCK_TABLE: Rule = Rule {
    name: "lock-table",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "LOCK TABLE in a mode that blocks writes",
    reason: "Writes (with ACCESS EXCLUSIVE, which is the default, reads too) wait until the transaction ends.",
    help: "Lock rows (SELECT ... FOR UPDATE), or take an advisory lock.",
    source: "https://www.postgresql.org/docs/current/sql-lock.html",
};
static SLOW_UNDER_LOCK: Rule = Rule {
    name: "slow-under-lock",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "A statement that may take long, after an earlier one of its transaction has locked a table",
    reason: "The lock is kept until the transaction ends: the table is blocked for as long as this takes.",
    help: "Put it into a migration of its own, before or after.",
    source: "https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES",
};
static BACKFILL_WITH_DDL: Rule = Rule {
    name: "backfill-with-ddl",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "Rows are changed in the same transaction as a table",
    reason: "The table's lock is kept until all rows are written, or the table's lock is waited for while all rows are locked.",
    help: "One migration for the table, the next for its rows.",
    source: "https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES",
};
static SEVERAL_TABLES: Rule = Rule {
    name: "several-tables-locked",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "One transaction locks several tables that exist, or alters them, one after the other",
    reason: "While it waits for the next table nobody can use the first, or write to it; programs that use them in another order deadlock.",
    help: "One migration for each table.",
    source: "https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-DEADLOCKS",
};

/// The locks of tables, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LockMode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    /// From here on, writes wait.
    Share,
    ShareRowExclusive,
    Exclusive,
    /// Reads wait too.
    AccessExclusive,
}

use LockMode::{AccessExclusive, Exclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};

/// Judges a statement among the locks that its transaction held before it: so many.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode, rows: Rows, before: usize) {
    if node.kind() == K::LOCK {
        lock_table(judge, node);
    }
    let mut taken = taken(judge, node);
    taken.retain(|(table, _)| !judge.session.is_new(table) && !judge.session.is_new_view(table));
    let blocking = taken.iter().any(|(_, mode)| *mode >= Share);
    if blocking {
        settings::require(judge, node);
    }
    if judge.session.in_transaction() {
        company(judge, node, rows, &taken, before);
    }
    foreign_keys(judge, node, &taken, before);
    let line = judge.line(node);
    if rows >= Rows::Batch {
        let changed = taken.iter().filter(|(_, mode)| *mode == RowExclusive).map(|(table, _)| (table.clone(), line));
        judge.session.changed.extend(changed);
    }
    let own = judge.alter(node).map(|alter| alter.table);
    let again = views::come_again(judge, node);
    let held =
        taken.into_iter().map(|(table, mode)| Held { altered: own.as_ref() == Some(&table), table, mode, line, again });
    judge.session.held.extend(held);
}

/// What a statement means after those of its transaction that came before.
fn company(judge: &mut Judge<'_>, node: &SyntaxNode, rows: Rows, taken: &[(RelationName, LockMode)], before: usize) {
    let blocking = taken.iter().any(|(_, mode)| *mode >= Share);
    let held = judge.session.held.iter().take(before).find(|held| held.mode >= Share).cloned();
    if let Some(held) = &held {
        let kept = format!("{} has been locked since line {}", held.table, held.line);
        if rows >= Rows::Batch {
            judge.report(&BACKFILL_WITH_DDL, node, format!("{kept}, and stays locked while these rows are written"));
        } else if is_slow(judge, node, rows) {
            judge.report(&SLOW_UNDER_LOCK, node, format!("{kept}, and stays locked while this runs"));
        }
    }
    if blocking && let Some((table, line)) = judge.session.changed.first().cloned() {
        let message = format!("rows of {table} were changed on line {line}, and stay locked while this waits");
        judge.report(&BACKFILL_WITH_DDL, node, message);
    }
    if views::come_again(judge, node) {
        return;
    }
    let is_strong =
        |held: &&Held| !held.again && (held.mode == AccessExclusive || (held.altered && held.mode >= Share));
    let earlier: Vec<Held> = judge.session.held.iter().filter(is_strong).cloned().collect();
    // Where these files do not tell which table an index is on, it may be the same.
    let unknown = |table: &RelationName| {
        node.kind() == K::DROP_INDEX && judge.session.relations(node, K::INDEX_REF).contains(table)
    };
    let own = judge.alter(node).map(|alter| alter.table);
    let next = taken.iter().find(|(table, mode)| {
        // A foreign key's own table waits as long for its weaker lock.
        (*mode == AccessExclusive || (*mode >= Share && own.as_ref() == Some(table)))
            && !unknown(table)
            && !earlier.is_empty()
            && !earlier.iter().any(|held| held.table == *table)
    });
    if let (Some((table, _)), Some(first)) = (next, earlier.first()) {
        let message = format!("{table} is locked while {} has been locked since line {}", first.table, first.line);
        judge.report(&SEVERAL_TABLES, node, message);
    }
}

/// The foreign key of a table that programs use locks that table and the one that it refers to; a second one to another table
/// makes three.
fn foreign_keys(judge: &mut Judge<'_>, node: &SyntaxNode, taken: &[(RelationName, LockMode)], before: usize) {
    let Some(alter) = judge.alter(node).filter(|alter| !judge.session.is_new(&alter.table)) else { return };
    let referred = |(table, mode): &&(RelationName, LockMode)| *mode == ShareRowExclusive && *table != alter.table;
    let mut tables: BTreeSet<RelationName> = taken.iter().filter(referred).map(|(table, _)| table.clone()).collect();
    let Some(last) = tables.last().cloned() else { return };
    let held = judge.session.held.iter().take(before);
    tables.extend(held.filter(|held| held.mode >= Share).map(|held| held.table.clone()));
    tables.remove(&alter.table);
    if tables.len() > 1 {
        let others: Vec<String> = tables.iter().filter(|table| **table != last).map(RelationName::to_string).collect();
        let message = format!("{} and {last} are locked at once, with {}", alter.table, others.join(", "));
        judge.report(&SEVERAL_TABLES, node, message);
    }
}

/// Whether a statement's time grows with a table that is not new.
fn is_slow(judge: &Judge<'_>, node: &SyntaxNode, rows: Rows) -> bool {
    let validates = tree::below(node, K::VALIDATE_CONSTRAINT).next().is_some();
    let calls = match node.kind() {
        K::CALL | K::EXECUTE => true,
        K::DO => judge.findings_from(judge.range(node).start).any(dynamic::is_undecided),
        _ => false,
    };
    let sampled: Vec<RelationName> = tree::child(node, K::TABLE_AND_COLUMNS_LIST)
        .iter()
        .flat_map(SyntaxNode::children)
        .filter_map(|table| judge.session.relation(&table))
        .collect();
    let all_new = !sampled.is_empty() && sampled.iter().all(|table| judge.session.is_new(table));
    let samples = node.kind() == K::ANALYZE && !all_new;
    let view = tree::child(node, K::VIEW_REF).and_then(|view| judge.session.relation(&view));
    let refreshes = node.kind() == K::REFRESH && !view.is_some_and(|view| judge.session.is_new(&view));
    let sleeps = node.kind() == K::SELECT && tree::words(node).contains("pg_sleep");
    let mut errors = judge
        .findings_from(judge.range(node).start)
        .filter(|finding| matches!(finding.cost, Cost::Scans | Cost::Rewrites) && finding.severity == Severity::Error);
    let said = match errors.next() {
        // That one says the same.
        Some(finding) if constraints::is_too_soon(finding) => return false,
        said => said.is_some(),
    };
    rows == Rows::Reads || validates || calls || samples || refreshes || sleeps || said
}

fn lock_table(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let (mode, shown) = lock_mode(node);
    if !judge.session.in_transaction() && judge.session.bodies == 0 {
        transactions::outside(judge, node, "LOCK TABLE");
    }
    let relations = tree::child(node, K::RELATION_LIST);
    let tables: Vec<SyntaxNode> = relations.iter().flat_map(SyntaxNode::children).collect();
    for table in tables.iter().filter_map(|table| judge.session.relation(table)).collect::<Vec<_>>() {
        if mode >= Share && !judge.session.is_new(&table) {
            judge.report(&LOCK_TABLE, node, format!("LOCK TABLE {table} IN {shown} MODE blocks its writes"));
        }
    }
}

fn lock_mode(node: &SyntaxNode) -> (LockMode, String) {
    let clause = tree::child(node, K::LOCK_MODE_CLAUSE).and_then(|clause| clause.children().next());
    let mode = match clause.as_ref().map(SyntaxNode::kind) {
        Some(K::ACCESS_SHARE) => LockMode::AccessShare,
        Some(K::ROW_SHARE) => LockMode::RowShare,
        Some(K::ROW_EXCLUSIVE) => RowExclusive,
        Some(K::SHARE_UPDATE_EXCLUSIVE) => ShareUpdateExclusive,
        Some(K::SHARE) => Share,
        Some(K::SHARE_ROW_EXCLUSIVE) => ShareRowExclusive,
        Some(K::EXCLUSIVE) => Exclusive,
        _ => AccessExclusive,
    };
    let shown =
        clause.map_or_else(|| "ACCESS EXCLUSIVE".to_owned(), |clause| tree::words(&clause).to_ascii_uppercase());
    (mode, shown)
}

/// The locks that a statement takes on tables, as measured on 15 and 18.
fn taken(judge: &Judge<'_>, node: &SyntaxNode) -> Vec<(RelationName, LockMode)> {
    let session = &judge.session;
    let concurrently = tree::has_token(node, K::CONCURRENTLY_KW);
    let on_child = |kind: K, mode: LockMode| -> Vec<(RelationName, LockMode)> {
        tree::child(node, kind)
            .and_then(|child| session.relation(&child))
            .map(|table| (table, mode))
            .into_iter()
            .collect()
    };
    let listed = |kind: K, mode: LockMode| -> Vec<(RelationName, LockMode)> {
        let list = tree::child(node, kind);
        list.iter()
            .flat_map(SyntaxNode::children)
            .filter_map(|child| session.relation(&child))
            .map(|table| (table, mode))
            .collect()
    };
    match node.kind() {
        K::ALTER_TABLE | K::ALTER_FOREIGN_TABLE | K::ALTER_MATERIALIZED_VIEW => altered(judge, node),
        K::CREATE_INDEX => on_child(K::TABLE_RELATION_NAME, if concurrently { ShareUpdateExclusive } else { Share }),
        K::DROP_INDEX if !concurrently => {
            let indexes = session.relations(node, K::INDEX_REF).into_iter();
            indexes.map(|index| (session.table_of_index(&index).cloned().unwrap_or(index), AccessExclusive)).collect()
        }
        K::DROP_TABLE => {
            session.relations(node, K::TABLE_NAME_REF).into_iter().map(|table| (table, AccessExclusive)).collect()
        }
        K::DROP_VIEW | K::DROP_MATERIALIZED_VIEW => {
            session.relations(node, K::VIEW_REF).into_iter().map(|view| (view, AccessExclusive)).collect()
        }
        K::TRUNCATE => listed(K::TABLE_LIST, AccessExclusive),
        K::LOCK => listed(K::RELATION_LIST, lock_mode(node).0),
        K::CLUSTER => session.relation(node).map(|table| (table, AccessExclusive)).into_iter().collect(),
        K::VACUUM if rewrites::is_full(node) => listed(K::TABLE_AND_COLUMNS_LIST, AccessExclusive),
        K::REFRESH => on_child(K::VIEW_REF, if concurrently { Exclusive } else { AccessExclusive }),
        K::REINDEX if !indexes::is_concurrent_reindex(node) => session
            .relation(node)
            .map(|name| (session.table_of_index(&name).cloned().unwrap_or(name), Share))
            .into_iter()
            .collect(),
        K::CREATE_TRIGGER => triggers::table(judge, node).map(|table| (table, ShareRowExclusive)).into_iter().collect(),
        K::DROP_TRIGGER
        | K::CREATE_RULE
        | K::DROP_RULE
        | K::CREATE_POLICY
        | K::ALTER_POLICY
        | K::DROP_POLICY
        | K::ALTER_TRIGGER => triggers::table(judge, node).map(|table| (table, AccessExclusive)).into_iter().collect(),
        K::CREATE_TABLE => {
            let references = [K::REFERENCES_CONSTRAINT, K::FOREIGN_KEY_CONSTRAINT];
            let keys = node.descendants().filter(|part| references.contains(&part.kind()));
            let mut found: Vec<_> = keys
                .filter_map(|key| constraints::referenced(judge, &key))
                .map(|table| (table, ShareRowExclusive))
                .collect();
            found.extend(on_child(K::PARTITION_OF, AccessExclusive));
            found
        }
        _ => {
            let changes =
                node.descendants().filter(|part| matches!(part.kind(), K::UPDATE | K::DELETE | K::MERGE | K::INSERT));
            let names = changes.filter_map(|part| {
                part.children().find(|child| {
                    matches!(child.kind(), K::RELATION_NAME | K::TABLE_RELATION_NAME | K::RELATION_NAME_REF)
                })
            });
            names.filter_map(|name| session.relation(&name)).map(|table| (table, RowExclusive)).collect()
        }
    }
}

/// The lock that an action of ALTER TABLE takes on its table. A statement takes the strongest of its actions' at once.
pub(super) fn of_action(action: &SyntaxNode) -> LockMode {
    match action.kind() {
        K::VALIDATE_CONSTRAINT | K::SET_OPTIONS | K::RESET_OPTIONS | K::CLUSTER_ON | K::SET_WITHOUT_CLUSTER => {
            ShareUpdateExclusive
        }
        K::ALTER_COLUMN if tree::has(action, K::SET_STATISTICS) => ShareUpdateExclusive,
        K::ENABLE_TRIGGER | K::DISABLE_TRIGGER | K::ENABLE_ALWAYS_TRIGGER | K::ENABLE_REPLICA_TRIGGER => {
            ShareRowExclusive
        }
        K::ADD_CONSTRAINT if tree::has(action, K::FOREIGN_KEY_CONSTRAINT) => ShareRowExclusive,
        K::ATTACH_PARTITION => ShareUpdateExclusive,
        K::DETACH_PARTITION if tree::has(action, K::DETACH_CONCURRENTLY) => ShareUpdateExclusive,
        _ => AccessExclusive,
    }
}

fn altered(judge: &Judge<'_>, node: &SyntaxNode) -> Vec<(RelationName, LockMode)> {
    let Some(alter) = judge.alter(node) else { return Vec::new() };
    let mut found = Vec::new();
    for action in &alter.actions {
        found.push((alter.table.clone(), of_action(action)));
        let other = match action.kind() {
            K::ATTACH_PARTITION => {
                tree::child(action, K::TABLE_NAME_REF).and_then(|name| judge.session.relation(&name))
            }
            K::ADD_COLUMN => {
                tree::child(action, K::REFERENCES_CONSTRAINT).and_then(|key| constraints::referenced(judge, &key))
            }
            K::ADD_CONSTRAINT => {
                tree::child(action, K::FOREIGN_KEY_CONSTRAINT).and_then(|key| constraints::referenced(judge, &key))
            }
            _ => None,
        };
        let mode = if action.kind() == K::ATTACH_PARTITION { AccessExclusive } else { ShareRowExclusive };
        found.extend(other.map(|other| (other, mode)));
    }
    found
}
