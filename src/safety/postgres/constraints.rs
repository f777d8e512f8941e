//! Constraints: added without reading the table under a lock, and validated apart.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::{SourceFile, SyntaxNode};

use super::super::{ConstraintFacts, Cost, Finding, RelationName, Rule, Severity};
use super::claims::{self, Claim};
use super::judge::{Alter, Judge, Late, columns_of};
use super::locks::{self, LockMode};
use super::session::{Birth, Constraint};
use super::{drops, merging, successors, tree};

pub(in super::super) const RULES: &[&Rule] = &[
    &BUILDS_INDEX,
    &PRIMARY_KEY_SCANS,
    &EXCLUSION,
    &FOREIGN_KEY,
    &FOREIGN_KEY_INDEX,
    &CHECK,
    &NOT_NULL,
    &VALIDATED_TOO_SOON,
    &ENFORCED,
    &PARTITIONED,
];

static BUILDS_INDEX: Rule = Rule {
    name: "constraint-builds-index",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "UNIQUE or PRIMARY KEY added without USING INDEX, or with an index that the server refuses",
    reason: "ACCESS EXCLUSIVE on the table while the index is built: no reads, no writes.",
    help: "CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE ... ADD CONSTRAINT ... UNIQUE (or PRIMARY KEY) USING INDEX.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX",
};
static PRIMARY_KEY_SCANS: Rule = Rule {
    name: "primary-key-scans",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "PRIMARY KEY USING INDEX over columns that may be NULL; as a warning, over columns of which nothing is known",
    reason: "Columns that are not NOT NULL yet are made so, which reads the table under ACCESS EXCLUSIVE, and fails on the first NULL.",
    help: "Make the columns NOT NULL first, by way of a validated check.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX",
};
static EXCLUSION: Rule = Rule {
    name: "exclusion-constraint",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "An exclusion constraint added to a table that exists",
    reason: "ACCESS EXCLUSIVE on the table while its index is built and every row compared: no reads, no writes.",
    help: "There is no concurrent form: add it to a new table, and move the rows over.",
    source: "https://www.postgresql.org/docs/current/sql-createtable.html#SQL-CREATETABLE-EXCLUDE",
};
static FOREIGN_KEY: Rule = Rule {
    name: "foreign-key-not-valid-missing",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "A foreign key added without NOT VALID; as a warning, with a new column that is NULL in every row",
    reason: "SHARE ROW EXCLUSIVE on both tables while every row is looked up: no writes to either.",
    help: "ADD CONSTRAINT ... FOREIGN KEY ... NOT VALID, then VALIDATE CONSTRAINT in a later migration.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT",
};
pub(super) static FOREIGN_KEY_INDEX: Rule = Rule {
    name: "foreign-key-without-index",
    severity: Severity::Warning,
    cost: Cost::Unknown,
    summary: "A foreign key whose columns begin no index that these files make",
    reason: "Each DELETE or key UPDATE of the referenced table reads the whole referencing table, under row locks.",
    help: "CREATE INDEX CONCURRENTLY on the referencing columns.",
    source: "https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK",
};
pub(super) static CHECK: Rule = Rule {
    name: "check-not-valid-missing",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "A CHECK or NOT NULL constraint added without NOT VALID",
    reason: "ACCESS EXCLUSIVE on the table while every row is read: no reads, no writes.",
    help: "ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT in a later migration.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT",
};
static NOT_NULL: Rule = Rule {
    name: "set-not-null-scans",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "SET NOT NULL without a validated check that proves it",
    reason: "ACCESS EXCLUSIVE on the table while every row is read: no reads, no writes.",
    help: "ADD CONSTRAINT ... CHECK (column IS NOT NULL) NOT VALID; in a later migration VALIDATE CONSTRAINT, SET NOT NULL, DROP CONSTRAINT.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL",
};
static VALIDATED_TOO_SOON: Rule = Rule {
    name: "validate-in-same-transaction",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "A constraint is validated in the transaction that added it, or in one ALTER TABLE with what locks the table",
    reason: "The lock of the other action is held while every row is read, as if NOT VALID were not there.",
    help: "VALIDATE CONSTRAINT in a later migration, as a statement of its own.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES",
};
static ENFORCED: Rule = Rule {
    name: "constraint-enforced",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "A constraint that was NOT ENFORCED becomes ENFORCED",
    reason: "Every row is read and checked under the locks that adding the constraint takes.",
    help: "Add a new constraint NOT VALID, validate it in a later migration, then drop the old one.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ALTER-CONSTRAINT",
};

pub(super) static PARTITIONED: Rule = Rule {
    name: "constraint-on-partitioned",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A constraint of a partitioned table that the server refuses: a key without all columns that the table is partitioned by, USING INDEX, ONLY where the partitions must have it too, and before 18 a foreign key NOT VALID",
    reason: "The statement fails.",
    help: "Add the constraint to each partition (NOT VALID, or USING an index built concurrently), validate it there, then add it to the parent, which takes over those of the partitions.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT",
};

const CONSTRAINTS: [K; 7] = [
    K::CHECK_CONSTRAINT,
    K::NOT_NULL_CONSTRAINT,
    K::FOREIGN_KEY_CONSTRAINT,
    K::REFERENCES_CONSTRAINT,
    K::UNIQUE_CONSTRAINT,
    K::PRIMARY_KEY_CONSTRAINT,
    K::EXCLUDE_CONSTRAINT,
];

/// The constraint of an ADD CONSTRAINT.
pub(super) fn added(action: &SyntaxNode) -> Option<SyntaxNode> {
    action.children().find(|child| CONSTRAINTS.contains(&child.kind()))
}

pub(super) fn is_not_valid(constraint: &SyntaxNode) -> bool {
    tree::has(constraint, K::NOT_VALID)
}

pub(super) fn is_not_enforced(constraint: &SyntaxNode) -> bool {
    tree::has(constraint, K::NOT_ENFORCED)
}

/// The table that a foreign key refers to.
pub(super) fn referenced(judge: &Judge<'_>, constraint: &SyntaxNode) -> Option<RelationName> {
    tree::child(constraint, K::TABLE_NAME_REF).and_then(|table| judge.session.relation(&table))
}

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    match action.kind() {
        K::ADD_CONSTRAINT => {
            if let Some(constraint) = added(action) {
                add(judge, alter, action, &constraint);
            }
        }
        K::VALIDATE_CONSTRAINT => validate(judge, alter, action),
        K::ALTER_COLUMN if tree::has(action, K::SET_NOT_NULL) => set_not_null(judge, alter, action),
        K::ALTER_CONSTRAINT if tree::has(action, K::ENFORCED) && !judge.session.is_new(&alter.table) => {
            judge.report(&ENFORCED, action, format!("enforcing a constraint of {} reads every row", alter.table));
        }
        K::ALTER_CONSTRAINT if tree::has(action, K::NOT_ENFORCED) && !judge.session.is_of_this_file(&alter.table) => {
            let message = format!("rows that break the constraint can come into {} from now on", alter.table);
            judge.report(&drops::CONSTRAINT_DROPPED, action, message);
        }
        _ => {}
    }
}

fn add(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode, constraint: &SyntaxNode) {
    let table = &alter.table;
    if constraint.kind() == K::FOREIGN_KEY_CONSTRAINT {
        let list = tree::child(constraint, K::FOREIGN_KEY_COLUMN_LIST);
        wait_for_index(judge, table, list.map(|list| columns_of(&list)).unwrap_or_default(), action);
    }
    let partitioned = judge.session.is_partitioned(table);
    if !partitioned && let Some(message) = unfit_index(judge, table, constraint) {
        let finding = judge.report(&BUILDS_INDEX, action, message);
        finding.cost = Cost::Instant;
        finding.effect = "The statement fails.".to_owned();
        return;
    }
    // Refused whether or not there are rows.
    if partitioned && let Some(refused) = merging::refusal(judge, alter, constraint) {
        judge.report(&PARTITIONED, action, format!("{table} is partitioned: {refused}"));
        return;
    }
    if judge.session.is_new(table) {
        return;
    }
    let using = tree::has(constraint, K::USING_INDEX_NAME);
    if partitioned && merging::is_taken_over(judge, alter, constraint) {
        return;
    }
    match constraint.kind() {
        K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT if !using => {
            let what = if constraint.kind() == K::UNIQUE_CONSTRAINT { "UNIQUE" } else { "PRIMARY KEY" };
            judge.report(&BUILDS_INDEX, action, format!("adding {what} to {table} builds its index under a lock"));
        }
        K::PRIMARY_KEY_CONSTRAINT => {
            let index = tree::child(constraint, K::USING_INDEX_NAME).and_then(|index| judge.session.relation(&index));
            let told = judge.session.table(table);
            let index = index.and_then(|index| told.and_then(|table| table.indexes.get(&index.name)));
            let has_no_null =
                |column: &String| judge.session.is_not_null(table, column) || is_proven(judge, alter, column);
            let safe = index.is_some_and(|index| index.whole && index.columns.iter().all(has_no_null));
            if !safe {
                let nullable = index
                    .is_some_and(|index| index.columns.iter().any(|column| judge.session.is_nullable(table, column)));
                let message = format!("the key's columns in {table} must be NOT NULL already, or all rows are read");
                let finding = judge.report(&PRIMARY_KEY_SCANS, action, message);
                if !nullable {
                    // The usual key has been NOT NULL from the beginning.
                    finding.severity = Severity::Warning;
                }
            }
        }
        K::EXCLUDE_CONSTRAINT => {
            judge.report(
                &EXCLUSION,
                action,
                format!("adding an exclusion constraint to {table} builds its index under a lock"),
            );
        }
        K::FOREIGN_KEY_CONSTRAINT if !is_not_valid(constraint) && !is_not_enforced(constraint) => {
            let other = referenced(judge, constraint);
            let other = judge.shown(other.as_ref());
            judge.report(
                &FOREIGN_KEY,
                action,
                format!("the foreign key blocks writes to {table} and {other} while all rows of {table} are looked up"),
            );
        }
        K::CHECK_CONSTRAINT if !is_not_valid(constraint) && !is_not_enforced(constraint) => {
            judge.report(&CHECK, action, format!("the check blocks {table} while all its rows are read"));
        }
        K::NOT_NULL_CONSTRAINT if !is_not_valid(constraint) => {
            let column = tree::child_name(constraint, K::COLUMN_NAME_REF).unwrap_or_default();
            if !is_proven(judge, alter, &column) {
                judge.report(
                    &CHECK,
                    action,
                    format!("NOT NULL on {table}.{column} blocks the table while all its rows are read"),
                );
            }
        }
        _ => {}
    }
}

/// Why the server refuses to make a constraint of an index, where that is known.
fn unfit_index(judge: &Judge<'_>, table: &RelationName, constraint: &SyntaxNode) -> Option<String> {
    let name = tree::path(&tree::child(constraint, K::USING_INDEX_NAME)?).pop()?;
    let index = RelationName { schema: table.schema.clone(), name };
    let own = judge.session.table(table)?;
    let Some(known) = own.indexes.get(&index.name) else {
        let other = judge.session.table_of_index(&index).map(|other| format!("the index {index} is of {other}"));
        let absent = own.is_catalogued() && judge.session.is_absent(&index);
        return other.or_else(|| absent.then(|| format!("there is no index {index}")));
    };
    if successors::has_key(own, &index.name) {
        Some(format!("the index {index} has a constraint of {table} already"))
    } else if !(known.unique && known.whole) {
        Some(format!("the index is not unique, not valid, or not of all rows of {table}"))
    } else if known.reordered {
        Some(format!("the index {index} has a column in another order than its type's own"))
    } else {
        None
    }
}

fn validate(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let Some(name) = tree::path(action).pop() else { return };
    if judge.session.is_new(&alter.table) {
        return;
    }
    let birth = judge.session.constraint(&alter.table, &name).map(|known| known.birth);
    let company = alter.actions.iter().any(|other| locks::of_action(other) >= LockMode::Share);
    let message = if birth == Some(judge.session.birth()) {
        format!("{name} is validated in the transaction that added it")
    } else if company {
        format!("{name} is validated in one statement with what locks {}", alter.table)
    } else {
        return;
    };
    judge.report(&VALIDATED_TOO_SOON, action, message);
}

/// Whether a finding is that a constraint is validated under the lock that adding it took.
pub(super) fn is_too_soon(finding: &Finding) -> bool {
    std::ptr::eq(finding.rule, &VALIDATED_TOO_SOON)
}

fn set_not_null(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let Some(column) = tree::child_name(action, K::COLUMN_NAME_REF) else { return };
    let table = &alter.table;
    if judge.session.is_new(table) || judge.session.is_not_null(table, &column) || is_proven(judge, alter, &column) {
        return;
    }
    if merging::are_not_null(judge, table, &column) {
        return;
    }
    judge.report(
        &NOT_NULL,
        action,
        format!("SET NOT NULL on {table}.{column} blocks the table while all its rows are read"),
    );
}

/// Whether a check that was validated before the statement, and that the statement does not drop, says that the column is
/// not null: the server drops first, and validates last, wherever they stand.
fn is_proven(judge: &Judge<'_>, alter: &Alter, column: &str) -> bool {
    let named = |kind: K, name: &String| {
        let mut actions = alter.actions.iter().filter(|action| action.kind() == kind);
        actions.any(|action| tree::path(action).last() == Some(name))
    };
    let mut constraints = judge.session.table(&alter.table).into_iter().flat_map(|table| &table.constraints);
    constraints.any(|(name, constraint)| {
        constraint.validated
            && constraint.proves.iter().any(|proven| proven == column)
            && !named(K::DROP_CONSTRAINT, name)
            && !named(K::VALIDATE_CONSTRAINT, name)
    })
}

/// Foreign keys of new tables lock nothing for long, but want their index all the same.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if node.kind() != K::CREATE_TABLE {
        return;
    }
    let name = tree::child(node, K::TABLE_NAME).and_then(|name| judge.session.created(&name));
    let (Some(table), Some(arguments)) = (name, tree::child(node, K::TABLE_ARG_LIST)) else { return };
    for argument in arguments.children() {
        match argument.kind() {
            K::COLUMN => {
                if let Some(reference) = tree::child(&argument, K::REFERENCES_CONSTRAINT) {
                    let columns = tree::child_name(&argument, K::COLUMN_NAME).into_iter().collect();
                    wait_for_index(judge, &table, columns, &reference);
                }
            }
            K::FOREIGN_KEY_CONSTRAINT => {
                let list = tree::child(&argument, K::FOREIGN_KEY_COLUMN_LIST);
                wait_for_index(judge, &table, list.map(|list| columns_of(&list)).unwrap_or_default(), &argument);
            }
            _ => {}
        }
    }
}

/// The index may come in a later statement or file.
pub(super) fn wait_for_index(judge: &mut Judge<'_>, table: &RelationName, columns: Vec<String>, node: &SyntaxNode) {
    if !columns.is_empty() && table.schema != super::session::TEMPORARY {
        let (range, statement, file) = (judge.range(node), judge.statement(), judge.session.file);
        judge.late.push(Late { file, table: table.clone(), columns, range, statement });
    }
}

/// An inline constraint of a column that is added to a table that exists.
pub(super) fn inline(
    judge: &mut Judge<'_>,
    table: &RelationName,
    column: &str,
    constraint: &SyntaxNode,
    looked_up: bool,
) {
    if constraint.kind() == K::REFERENCES_CONSTRAINT {
        wait_for_index(judge, table, vec![column.to_owned()], constraint);
    }
    if judge.session.is_new(table) {
        return;
    }
    match constraint.kind() {
        K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT => {
            judge.report(&BUILDS_INDEX, constraint, format!("the index of {table}.{column} is built under a lock"));
        }
        K::CHECK_CONSTRAINT if !is_not_enforced(constraint) => {
            let message = format!("the check of {table}.{column} blocks the table while all its rows are read");
            judge.report(&CHECK, constraint, message).help =
                "Add the column alone, then the check with ADD CONSTRAINT ... NOT VALID, and validate it in a later migration.".to_owned();
        }
        K::REFERENCES_CONSTRAINT if !is_not_enforced(constraint) => {
            let other = referenced(judge, constraint);
            let shown = judge.shown(other.as_ref());
            let message = format!("the foreign key of {table}.{column} locks {table} and {shown} at once");
            let finding = judge.report(&FOREIGN_KEY, constraint, message);
            if !looked_up {
                finding.severity = Severity::Warning;
                finding.cost = Cost::Instant;
                finding.effect = format!(
                    "ACCESS EXCLUSIVE on {table} and SHARE ROW EXCLUSIVE on {shown} at once: while it waits for the second, nobody can use the first."
                );
            }
            finding.help = "Add the column alone, then ADD CONSTRAINT ... FOREIGN KEY ... NOT VALID, and validate it in a later migration.".to_owned();
        }
        _ => {}
    }
}

/// The columns of a foreign key, and the table that it refers to.
pub(super) fn refers(constraint: &SyntaxNode, columns: Vec<String>) -> Option<(Vec<String>, String)> {
    let table = tree::path(&tree::child(constraint, K::TABLE_NAME_REF)?).pop()?;
    Some((columns, table))
}

/// What is remembered of a constraint.
pub(super) fn remembered(constraint: &SyntaxNode, birth: Birth) -> Constraint {
    let expression = constraint.children().find(|child| {
        !matches!(
            child.kind(),
            K::CONSTRAINT_NAME_CLAUSE | K::NOT_VALID | K::NOT_ENFORCED | K::NO_INHERIT | K::ENFORCED
        )
    });
    let claim = expression.as_ref().filter(|_| constraint.kind() == K::CHECK_CONSTRAINT).map(claims::claim);
    let proves = match constraint.kind() {
        K::CHECK_CONSTRAINT => expression.map(|expression| tree::proves_not_null(&expression)).unwrap_or_default(),
        K::NOT_NULL_CONSTRAINT => tree::child_name(constraint, K::COLUMN_NAME_REF).into_iter().collect(),
        _ => Vec::new(),
    };
    let own = tree::child(constraint, K::FOREIGN_KEY_COLUMN_LIST);
    Constraint {
        birth,
        validated: !is_not_valid(constraint) && !is_not_enforced(constraint),
        proves,
        claim: claim.unwrap_or(Claim::Something),
        literals: tree::below(constraint, K::LITERAL)
            .filter_map(|node| tree::literal(&node))
            .map(|text| claims::canonical(&text))
            .collect(),
        names: tree::below(constraint, K::NAME_REF).map(|node| tree::name(&node)).collect(),
        kind: constraint.kind(),
        refers: own.and_then(|list| refers(constraint, columns_of(&list))),
        referred: merging::referred(constraint),
        clauses: merging::clauses(constraint),
        redundant: false,
        named: tree::constraint_name(constraint).is_some(),
    }
}

/// What the catalogue says of a constraint, which it says in SQL.
pub(super) fn from_catalogue(facts: &ConstraintFacts, birth: Birth) -> Constraint {
    let parsed = SourceFile::parse(&format!("ALTER TABLE t ADD {}", facts.definition));
    let root = parsed.syntax_node();
    let constraint = tree::below(&root, K::ADD_CONSTRAINT).find_map(|action| added(&action));
    let none = Constraint {
        birth,
        validated: false,
        proves: Vec::new(),
        claim: Claim::Something,
        literals: Default::default(),
        names: Default::default(),
        kind: K::ERROR,
        refers: None,
        referred: Vec::new(),
        clauses: Default::default(),
        redundant: false,
        named: true,
    };
    let constraint = constraint.map_or(none, |constraint| remembered(&constraint, birth));
    Constraint { validated: facts.validated, named: true, ..constraint }
}
