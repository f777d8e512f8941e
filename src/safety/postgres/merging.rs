//! What a partitioned table takes over from its partitions: the server reads and builds nothing where each of them has the
//! constraint already that their parent is given.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::RelationName;
use super::constraints;
use super::judge::{Alter, Judge, columns_of};
use super::session::{Constraint, Table};
use super::tree;

/// Why the server refuses a constraint of a partitioned table.
pub(super) fn refusal(judge: &Judge<'_>, alter: &Alter, constraint: &SyntaxNode) -> Option<&'static str> {
    // All partitions of a table are known that these files make, or that a server tells of.
    let is_known =
        |name: &RelationName| judge.session.table(name).is_some_and(Table::is_catalogued) || judge.session.is_new(name);
    let partitions = judge.session.table(&alter.table).map(|table| &table.partitions);
    let has_partitions = partitions.is_some_and(|partitions| !(is_known(&alter.table) && partitions.is_empty()));
    match constraint.kind() {
        K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT if tree::has(constraint, K::USING_INDEX_NAME) => {
            Some("USING INDEX is refused")
        }
        K::FOREIGN_KEY_CONSTRAINT if constraints::is_not_valid(constraint) && !judge.version(18) => {
            Some("NOT VALID is refused before 18")
        }
        K::FOREIGN_KEY_CONSTRAINT if alter.only => Some("ONLY is refused for a foreign key"),
        K::CHECK_CONSTRAINT if alter.only && has_partitions => Some("ONLY is refused for a check"),
        K::PRIMARY_KEY_CONSTRAINT if alter.only && has_partitions => {
            let is_set = |column: &String| {
                judge.session.is_not_null(&alter.table, column) || are_not_null(judge, &alter.table, column)
            };
            (!key(constraint).iter().all(is_set))
                .then_some("ONLY is refused while the key's columns may be NULL in a partition")
        }
        _ => None,
    }
}

/// The keys that a statement gives a partitioned table must have all columns that it is partitioned by.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_TABLE => {
            let Some(by) = tree::child(node, K::PARTITION_BY) else { return };
            let items = tree::below(&by, K::PARTITION_ITEM).map(|item| tree::column(&item.children().next()?));
            // An expression is in no key.
            let by: Vec<String> = items.collect::<Option<_>>().unwrap_or_default();
            for argument in tree::child(node, K::TABLE_ARG_LIST).iter().flat_map(SyntaxNode::children) {
                if is_key(&argument) {
                    without_all(judge, &argument, &by, &key(&argument));
                } else if let Some(inline) = argument.children().find(is_key) {
                    without_all(
                        judge,
                        &inline,
                        &by,
                        &tree::child_name(&argument, K::COLUMN_NAME).into_iter().collect::<Vec<_>>(),
                    );
                }
            }
        }
        K::CREATE_INDEX if tree::has_token(node, K::UNIQUE_KW) => {
            let on = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME));
            let Some(by) = on.and_then(|on| judge.session.relation(&on)).and_then(|on| partitioned_by(judge, &on))
            else {
                return;
            };
            let items = tree::child(node, K::PARTITION_ITEM_LIST);
            let parts = items.iter().flat_map(SyntaxNode::children).filter_map(|item| item.children().next());
            without_all(judge, node, &by, &parts.filter_map(|part| tree::column(&part)).collect::<Vec<_>>());
        }
        _ => {}
    }
}

/// The same of an action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let Some(by) = partitioned_by(judge, &alter.table) else { return };
    match action.kind() {
        K::ADD_CONSTRAINT => {
            let added = constraints::added(action).filter(is_key);
            if let Some(constraint) = added.filter(|constraint| !tree::has(constraint, K::USING_INDEX_NAME)) {
                without_all(judge, action, &by, &key(&constraint));
            }
        }
        // A new column is none of those.
        K::ADD_COLUMN if action.children().any(|part| is_key(&part)) => without_all(judge, action, &by, &[]),
        _ => {}
    }
}

fn is_key(constraint: &SyntaxNode) -> bool {
    matches!(constraint.kind(), K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT)
}

/// The columns that a table is partitioned by, where that is known; none where it is by an expression.
fn partitioned_by(judge: &Judge<'_>, table: &RelationName) -> Option<Vec<String>> {
    judge.session.table(table).filter(|table| table.partitioned).and_then(|table| table.partition_key.clone())
}

fn without_all(judge: &mut Judge<'_>, node: &SyntaxNode, by: &[String], key: &[String]) {
    let message = match by.iter().find(|column| !key.contains(column)) {
        Some(column) => format!("the table is partitioned by {column}, which is not in the key"),
        None if by.is_empty() => "the table is partitioned by an expression, which no key can have".to_owned(),
        None => return,
    };
    judge.report(&constraints::PARTITIONED, node, message).help =
        "Put all columns that the table is partitioned by into the key; one over fewer is a matter of each partition."
            .to_owned();
}

/// Whether a constraint that is added to a partitioned table is no work: each partition has it, or it is none of theirs.
pub(super) fn is_taken_over(judge: &Judge<'_>, alter: &Alter, constraint: &SyntaxNode) -> bool {
    let is_key = matches!(constraint.kind(), K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT);
    let wanted = Wanted {
        constraint: &constraints::remembered(constraint, judge.session.birth()),
        name: tree::constraint_name(constraint),
        key: key(constraint),
        referred: constraints::referenced(judge, constraint),
    };
    (is_key && alter.only) || all_have(judge, &alter.table, &|partition| wanted.is_had_by(judge, partition))
}

/// Whether a table has a foreign key, validated, that the one which it is attached to has.
pub(super) fn has_foreign_key(
    judge: &Judge<'_>,
    table: &RelationName,
    constraint: &Constraint,
    referred: &RelationName,
) -> bool {
    Wanted { constraint, name: None, key: Vec::new(), referred: Some(referred.clone()) }.is_had_by(judge, table)
}

/// Whether no partition of a table has a NULL in a column.
pub(super) fn are_not_null(judge: &Judge<'_>, parent: &RelationName, column: &str) -> bool {
    all_have(judge, parent, &|partition| {
        let mut checks = judge.session.constraints(partition).filter(|constraint| constraint.validated);
        judge.session.is_not_null(partition, column)
            || checks.any(|check| check.proves.iter().any(|proven| proven == column))
    })
}

/// Whether all partitions of a table are known, and each has something, or each of its own partitions.
fn all_have(judge: &Judge<'_>, parent: &RelationName, test: &dyn Fn(&RelationName) -> bool) -> bool {
    let known = judge.session.table(parent).filter(|table| table.partitioned && table.birth.is_some());
    known.is_some_and(|table| {
        !table.partitions.is_empty()
            && table.partitions.iter().all(|partition| test(partition) || all_have(judge, partition, test))
    })
}

/// A constraint that a partitioned table is given.
struct Wanted<'a> {
    constraint: &'a Constraint,
    name: Option<String>,
    /// The columns of a key.
    key: Vec<String>,
    /// The table that a foreign key refers to.
    referred: Option<RelationName>,
}

impl Wanted<'_> {
    /// Whether a partition has the same, validated.
    fn is_had_by(&self, judge: &Judge<'_>, partition: &RelationName) -> bool {
        let table = judge.session.table(partition);
        let mut constraints = table.iter().flat_map(|table| &table.constraints);
        constraints.any(|(name, own)| own.validated && self.is_same(judge, partition, name, own))
    }

    fn is_same(&self, judge: &Judge<'_>, partition: &RelationName, name: &str, own: &Constraint) -> bool {
        let is_unique = |kind| matches!(kind, K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT);
        match self.constraint.kind {
            kind if is_unique(kind) => {
                let index = judge.session.table(partition).and_then(|table| table.indexes.get(name));
                let is_set = |column: &String| judge.session.is_not_null(partition, column);
                is_unique(own.kind)
                    && own.clauses == self.constraint.clauses
                    && index.is_some_and(|index| index.whole && index.unique && index.columns == self.key)
                    && (kind == K::UNIQUE_CONSTRAINT || self.key.iter().all(is_set))
            }
            K::FOREIGN_KEY_CONSTRAINT | K::REFERENCES_CONSTRAINT => {
                own.refers.is_some()
                    && own.refers == self.constraint.refers
                    && own.clauses == self.constraint.clauses
                    && self.columns_of(judge, own) == self.columns_of(judge, self.constraint)
            }
            K::CHECK_CONSTRAINT => {
                self.name.as_deref() == Some(name)
                    && own.claim == self.constraint.claim
                    && own.claim.is_whole()
                    && own.names == self.constraint.names
            }
            _ => false,
        }
    }

    /// The columns that a foreign key refers to: where it names none, the other table's primary key.
    fn columns_of(&self, judge: &Judge<'_>, constraint: &Constraint) -> Option<Vec<String>> {
        if !constraint.referred.is_empty() {
            return Some(constraint.referred.clone());
        }
        let table = judge.session.table(self.referred.as_ref()?)?;
        let mut keys = table.constraints.iter().filter(|(_, own)| own.kind == K::PRIMARY_KEY_CONSTRAINT);
        keys.find_map(|(name, _)| table.indexes.get(name)).map(|index| index.columns.clone())
    }
}

/// The columns of UNIQUE or PRIMARY KEY.
fn key(constraint: &SyntaxNode) -> Vec<String> {
    tree::below(constraint, K::CONSTRAINT_COLUMN_REF_LIST).next().map(|list| columns_of(&list)).unwrap_or_default()
}

/// The columns that a foreign key refers to, where it names them.
pub(super) fn referred(constraint: &SyntaxNode) -> Vec<String> {
    let after = constraint.children().skip_while(|child| child.kind() != K::TABLE_NAME_REF);
    const COLUMNS: [K; 2] = [K::FOREIGN_KEY_COLUMN_LIST, K::COLUMN_NAME_REF];
    after.filter(|child| COLUMNS.contains(&child.kind())).flat_map(|child| columns_of(&child)).collect()
}

/// What a key demands beside its columns, without what it would demand anyhow.
pub(super) fn clauses(constraint: &SyntaxNode) -> BTreeSet<String> {
    let unique = matches!(constraint.kind(), K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT);
    let parameters = tree::child(constraint, K::INDEX_PARAMETERS);
    let parts = constraint.children().chain(parameters.iter().flat_map(SyntaxNode::children));
    let demands = parts.filter(|part| match part.kind() {
        K::CONSTRAINT_NAME_CLAUSE
        | K::CONSTRAINT_COLUMN_REF_LIST
        | K::INDEX_PARAMETERS
        | K::USING_INDEX_NAME
        | K::FOREIGN_KEY_COLUMN_LIST
        | K::COLUMN_NAME_REF
        | K::TABLE_NAME_REF
        | K::NOT_VALID
        | K::ENFORCED
        | K::MATCH_SIMPLE
        | K::NULLS_DISTINCT
        | K::NOT_DEFERRABLE_CONSTRAINT_OPTION
        | K::INITIALLY_IMMEDIATE_CONSTRAINT_OPTION => false,
        // The server takes an index over from a partition whenever it is looked at.
        K::DEFERRABLE_CONSTRAINT_OPTION | K::INITIALLY_DEFERRED_CONSTRAINT_OPTION => !unique,
        K::ON_DELETE_ACTION | K::ON_UPDATE_ACTION => !tree::has(part, K::NO_ACTION),
        _ => true,
    });
    demands.map(|part| tree::words(&part)).collect()
}
