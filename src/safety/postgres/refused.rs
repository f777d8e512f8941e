//! What the server refuses for what the tables and types already are.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::{Alter, Judge, columns_of};
use super::session::{Constraint, Table, UserType};
use super::types::DataType;
use super::{attaching, constraints, inserted, literals, merging, successors, tree};

pub(in super::super) const RULES: &[&Rule] =
    &[&CONSTRAINT, &inserted::INSERT, &inserted::BROKEN, &literals::DEFAULT, &INDEX, &QUERY, &PARTITION, &ENUM_VALUE];

const FAILS: &str = "The statement fails.";

static CONSTRAINT: Rule = Rule {
    name: "constraint-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A second primary key; a foreign key to columns without a key of their own, of another type, or of another number",
    reason: FAILS,
    help: "Drop the old primary key in the same ALTER TABLE; make a unique index over the columns that a foreign key refers to, and give both sides one type.",
    source: "https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK",
};
static INDEX: Rule = Rule {
    name: "index-drop-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "DROP INDEX of the index that a primary key, UNIQUE or exclusion constraint is made of; DROP INDEX CONCURRENTLY of a partitioned table's",
    reason: FAILS,
    help: "ALTER TABLE ... DROP CONSTRAINT, which drops the index too, once programs do without it.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DROP-CONSTRAINT",
};
static QUERY: Rule = Rule {
    name: "query-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A query in a default, a check, a generated column, an index, or the USING of a change of type",
    reason: FAILS,
    help: "Write the value itself, or a function that reads it; a trigger can do what a check cannot.",
    source: "https://www.postgresql.org/docs/current/ddl-default.html",
};
pub(super) static PARTITION: Rule = Rule {
    name: "partition-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A partition that would not have the columns and checks of its parent: a table attached that has others; bounds that overlap those of another partition of the same files, or are none of its parent's kind; a second default partition; a column that a partition alone, or only its parent, is given or loses; storage parameters of a partitioned table; and the same of tables that inherit",
    reason: FAILS,
    help: "Give a table that is attached the columns of its parent, of the same types and NOT NULL where they are; change the parent without ONLY, which changes all below it; give storage parameters to the partitions.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ATTACH-PARTITION",
};
static ENUM_VALUE: Rule = Rule {
    name: "enum-value-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A value is added to an enum that has it, or beside one that it has not; a value is renamed that it has not",
    reason: FAILS,
    help: "ADD VALUE IF NOT EXISTS does nothing where the value is there.",
    source: "https://www.postgresql.org/docs/current/sql-altertype.html",
};

/// Constraints of new tables and columns, and values of enums.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_TABLE => {
            let columns: Vec<SyntaxNode> = tree::below(node, K::COLUMN).collect();
            let type_of = |name: &String| {
                let named = |column: &&SyntaxNode| tree::child_name(column, K::COLUMN_NAME).as_ref() == Some(name);
                columns.iter().find(named).and_then(DataType::of)
            };
            for key in tree::below(node, K::FOREIGN_KEY_CONSTRAINT) {
                foreign_key(judge, &key, &key, &own_columns(&key), &type_of);
            }
            for key in tree::below(node, K::PRIMARY_KEY_CONSTRAINT).skip(1) {
                judge.report(&CONSTRAINT, &key, "the table has a primary key already".to_owned());
            }
            for column in &columns {
                reference(judge, column, &tree::child_name(column, K::COLUMN_NAME).unwrap_or_default());
            }
            inherited(judge, node, &columns);
        }
        K::ALTER_TYPE => enum_value(judge, node),
        K::DROP_INDEX => {
            for index in judge.session.relations(node, K::INDEX_REF) {
                let table = judge.session.table_of_index(&index).cloned();
                let keyed = |name: &RelationName| {
                    judge.session.table(name).is_some_and(|table| successors::has_key(table, &index.name))
                };
                let Some(table) = table else { continue };
                if keyed(&table) {
                    let message = format!("the constraint {} of {table} is made of the index", index.name);
                    judge.report(&INDEX, node, message);
                } else if tree::has_token(node, K::CONCURRENTLY_KW) && judge.session.is_partitioned(&table) {
                    let message = format!("{index} is an index of {table}, which is partitioned: no CONCURRENTLY");
                    judge.report(&INDEX, node, message).help =
                        "DROP INDEX without CONCURRENTLY, with a lock_timeout: it drops those of the partitions too."
                            .to_owned();
                }
            }
        }
        _ => {}
    }
    query(judge, node);
}

/// The columns of a new table that it has from another one too are of the same type.
fn inherited(judge: &mut Judge<'_>, node: &SyntaxNode, columns: &[SyntaxNode]) {
    let Some(list) = tree::child(node, K::INHERITS) else { return };
    if judge.session.blocks > 0 {
        return;
    }
    for parent in &judge.session.relations(&list, K::TABLE_NAME_REF) {
        let unlike = columns.iter().find_map(|column| {
            let known = judge.session.told(parent)?;
            let (name, own) = (tree::child_name(column, K::COLUMN_NAME)?, DataType::of(column)?);
            let theirs = known.columns.get(&name)?.data_type.as_ref()?;
            let is_cut = own.name == theirs.name && own.is_built_in() && own.arguments != theirs.arguments;
            let is_unlike = !own.may_be(theirs) || (is_cut && own.name != "interval");
            is_unlike.then(|| {
                let message = format!("{parent}.{name} is {}, and of another type here: {}", theirs.name, own.name);
                (column.clone(), message)
            })
        });
        if let Some((column, message)) = unlike {
            judge.report(&PARTITION, &column, message);
        }
    }
}

/// The foreign keys of a new table that refer to itself, once it is known.
pub(super) fn made(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if node.kind() != K::CREATE_TABLE {
        return;
    }
    let table = tree::child(node, K::TABLE_NAME).and_then(|name| judge.session.relation(&name));
    let Some(table) = table.filter(|table| judge.session.told(table).is_some_and(|table| !table.is_catalogued()))
    else {
        return;
    };
    let keys = node
        .descendants()
        .filter(|part| matches!(part.kind(), K::FOREIGN_KEY_CONSTRAINT | K::REFERENCES_CONSTRAINT))
        .filter(|key| constraints::referenced(judge, key).as_ref() == Some(&table));
    for key in keys.collect::<Vec<_>>() {
        let columns = match key.parent().filter(|parent| parent.kind() == K::COLUMN) {
            Some(column) => tree::child_name(&column, K::COLUMN_NAME).into_iter().collect(),
            None => own_columns(&key),
        };
        let types: Vec<_> = columns.iter().map(|column| judge.session.column_type(&table, column)).collect();
        let type_of = |name: &String| {
            columns.iter().position(|own| own == name).and_then(|place| types.get(place).cloned().flatten())
        };
        foreign_key(judge, &key, &key, &columns, &type_of);
    }
}

/// A query where the server takes an expression of one row.
fn query(judge: &mut Judge<'_>, node: &SyntaxNode) {
    const STATEMENTS: [K; 7] = [
        K::CREATE_TABLE,
        K::CREATE_FOREIGN_TABLE,
        K::CREATE_DOMAIN,
        K::CREATE_INDEX,
        K::ALTER_TABLE,
        K::ALTER_FOREIGN_TABLE,
        K::ALTER_DOMAIN,
    ];
    const QUERIES: [K; 4] = [K::SELECT, K::COMPOUND_SELECT, K::VALUES, K::TABLE];
    if !STATEMENTS.contains(&node.kind()) {
        return;
    }
    let parts = node.descendants().filter_map(|part| {
        let place = match part.kind() {
            K::DEFAULT_CONSTRAINT | K::SET_DEFAULT => "a default",
            K::CHECK_CONSTRAINT => "a check",
            K::GENERATED_CONSTRAINT | K::SET_EXPRESSION => "a generated column",
            K::PARTITION_ITEM | K::WHERE_CLAUSE
                if part.parent()?.ancestors().all(|above| above.kind() != K::SELECT) =>
            {
                "an index or a partition key"
            }
            K::USING_EXPR => "a change of type",
            _ => return None,
        };
        let query = part.descendants().find(|inside| QUERIES.contains(&inside.kind()))?;
        Some((query, place))
    });
    for (query, place) in parts.collect::<Vec<_>>() {
        judge.report(&QUERY, &query, format!("{place} takes no query"));
    }
}

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    match action.kind() {
        K::ADD_CONSTRAINT => {
            let Some(constraint) = constraints::added(action) else { return };
            if constraint.kind() == K::PRIMARY_KEY_CONSTRAINT {
                primary_key(judge, alter, action);
            }
            // The server makes the keys of a statement before it looks for them.
            let adds_key = alter.actions.iter().any(|action| {
                let kind = constraints::added(action).map(|added| added.kind());
                matches!(kind, Some(K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT)) || action.kind() == K::ADD_COLUMN
            });
            let to_itself = constraints::referenced(judge, &constraint).as_ref() == Some(&alter.table);
            if constraint.kind() == K::FOREIGN_KEY_CONSTRAINT && !(adds_key && to_itself) {
                let columns = own_columns(&constraint);
                let types: Vec<_> = columns.iter().map(|name| judge.session.column_type(&alter.table, name)).collect();
                let type_of = |name: &String| {
                    columns
                        .iter()
                        .zip(&types)
                        .find(|(own, _)| *own == name)
                        .and_then(|(_, data_type)| data_type.clone())
                };
                foreign_key(judge, action, &constraint, &columns, &type_of);
            }
        }
        K::ADD_COLUMN => {
            if tree::has(action, K::PRIMARY_KEY_CONSTRAINT) {
                primary_key(judge, alter, action);
            }
            reference(judge, action, &tree::child_name(action, K::COLUMN_NAME).unwrap_or_default());
        }
        K::ATTACH_PARTITION | K::INHERIT_TABLE => {
            let named = tree::child(action, K::TABLE_NAME_REF).and_then(|name| judge.session.relation(&name));
            match named {
                Some(parent) if action.kind() == K::INHERIT_TABLE => {
                    attaching::unlike(judge, &parent, &alter.table, action)
                }
                Some(partition) => attaching::unlike(judge, &alter.table, &partition, action),
                None => {}
            }
        }
        _ => {}
    }
}

fn own_columns(key: &SyntaxNode) -> Vec<String> {
    tree::child(key, K::FOREIGN_KEY_COLUMN_LIST).map(|list| columns_of(&list)).unwrap_or_default()
}

fn primary_key(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let dropped: BTreeSet<String> = alter
        .actions
        .iter()
        .filter(|action| action.kind() == K::DROP_CONSTRAINT)
        .filter_map(|action| tree::path(action).pop())
        .collect();
    let drops = |columns: &[String]| {
        let mut all = alter.actions.iter().filter(|action| action.kind() == K::DROP_COLUMN);
        all.any(|action| tree::child_name(action, K::COLUMN_NAME_REF).is_some_and(|column| columns.contains(&column)))
    };
    // A block may or may not come to what it says.
    let certain = |table: &Table| {
        table.is_catalogued() || (judge.session.blocks == 0 && table.birth.is_some_and(|birth| birth.certain))
    };
    let stays = |table: &Table, name: &String, key: &Constraint| {
        // The key goes with a column of its index, and with the index; a longer name is not known as the server has it.
        let whole = table.indexes.get(name).is_some_and(|index| !drops(&index.columns));
        key.kind == K::PRIMARY_KEY_CONSTRAINT
            && key.birth.certain
            && whole
            && name.len() < 64
            && !dropped.contains(name)
    };
    let known = judge.session.table(&alter.table).filter(|table| certain(table));
    let key = known.and_then(|table| table.constraints.iter().find(|(name, key)| stays(table, name, key)));
    if let Some(key) = key.map(|(name, _)| name.clone()) {
        judge.report(&CONSTRAINT, action, format!("{} has the primary key {key} already", alter.table));
    }
}

/// REFERENCES of a column.
fn reference(judge: &mut Judge<'_>, column: &SyntaxNode, name: &str) {
    if let Some(key) = tree::child(column, K::REFERENCES_CONSTRAINT) {
        foreign_key(judge, &key, &key, &[name.to_owned()], &|_| DataType::of(column));
    }
}

/// The server looks for a unique index over just the columns that a foreign key refers to, and for a comparison of their types.
fn foreign_key(
    judge: &mut Judge<'_>,
    node: &SyntaxNode,
    key: &SyntaxNode,
    columns: &[String],
    type_of: &dyn Fn(&String) -> Option<DataType>,
) {
    let Some(other) = constraints::referenced(judge, key) else { return };
    let Some(table) = judge.session.told(&other) else { return };
    let referred = match merging::referred(key) {
        named if !named.is_empty() => Some(named),
        _ => primary_key_of(table),
    };
    let Some(referred) = referred else {
        judge.report(&CONSTRAINT, node, format!("{other} has no primary key for the foreign key to refer to"));
        return;
    };
    if columns.len() != referred.len() {
        let message = format!("{} columns refer to {} of {other}", columns.len(), referred.len());
        judge.report(&CONSTRAINT, node, message);
        return;
    }
    let wanted: BTreeSet<&String> = referred.iter().collect();
    let fits = |columns: &Vec<String>| columns.iter().collect::<BTreeSet<_>>() == wanted;
    if !table.indexes.values().any(|index| index.unique && index.whole && fits(&index.columns)) {
        let message = format!("no unique index of {other} is over just {}", referred.join(", "));
        judge.report(&CONSTRAINT, node, message);
        return;
    }
    let unlike = columns.iter().zip(&referred).find_map(|(own, theirs)| {
        let (own_type, their_type) = (type_of(own)?, judge.session.column_type(&other, theirs)?);
        (!are_comparable(&own_type, &their_type)).then(|| {
            format!("{own} is {}, {other}.{theirs} is {}: no foreign key joins them", own_type.name, their_type.name)
        })
    });
    if let Some(message) = unlike {
        judge.report(&CONSTRAINT, node, message);
    }
}

fn primary_key_of(table: &Table) -> Option<Vec<String>> {
    let mut keys = table.constraints.iter().filter(|(_, own)| own.kind == K::PRIMARY_KEY_CONSTRAINT);
    keys.find_map(|(name, _)| table.indexes.get(name)).map(|index| index.columns.clone())
}

/// Types that a foreign key joins, as measured on 14 and 18; what is not known here may be joined.
fn are_comparable(own: &DataType, other: &DataType) -> bool {
    const KINDS: [&[&str]; 8] = [
        &["smallint", "integer", "bigint", "numeric", "float4", "float8"],
        &["text", "varchar", "char", "bpchar", "name", "citext"],
        &["date", "timestamp", "timestamptz"],
        &["uuid"],
        &["boolean"],
        &["bytea"],
        &["inet", "cidr"],
        &["jsonb"],
    ];
    let plain = |of: &DataType| match of.name.trim_matches('"') {
        "serial" | "serial4" => "integer".to_owned(),
        "bigserial" | "serial8" => "bigint".to_owned(),
        "smallserial" | "serial2" => "smallint".to_owned(),
        name => name.to_owned(),
    };
    let (own_name, other_name) = (plain(own), plain(other));
    let place = |name: &str| KINDS.iter().position(|kind| kind.contains(&name));
    let (Some(own_kind), Some(other_kind)) = (place(&own_name), place(&other_name)) else { return true };
    if own.array || other.array {
        return own.array && other.array;
    }
    // A number is made one of a wider type, and never of a narrower one.
    let width = |name: &str| match name {
        "numeric" => 1,
        "float4" | "float8" => 2,
        _ => 0,
    };
    own_kind == other_kind && (own_kind != 0 || width(&own_name) <= width(&other_name))
}

/// ADD VALUE and RENAME VALUE, and what the enum has from then on.
fn enum_value(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some((name, mut labels)) = judge.session.enum_of(node) else { return };
    for action in node.descendants().filter(|part| matches!(part.kind(), K::ADD_VALUE | K::RENAME_VALUE)) {
        let all: Vec<String> = tree::below(&action, K::LITERAL).filter_map(|literal| tree::literal(&literal)).collect();
        let (Some(first), second) = (all.first(), all.get(1)) else { continue };
        let optional = tree::has(&action, K::IF_NOT_EXISTS);
        let refused = match action.kind() {
            K::ADD_VALUE if labels.contains(first) => (!optional).then(|| format!("{name} has '{first}' already")),
            K::ADD_VALUE => {
                second.filter(|beside| !labels.contains(*beside)).map(|beside| format!("{name} has no '{beside}'"))
            }
            _ if !labels.contains(first) => Some(format!("{name} has no '{first}'")),
            _ => second.filter(|new| labels.contains(*new)).map(|new| format!("{name} has '{new}' already")),
        };
        match refused {
            Some(message) => _ = judge.report(&ENUM_VALUE, &action, message),
            None if action.kind() == K::ADD_VALUE => _ = labels.insert(first.clone()),
            None => {
                labels.remove(first);
                labels.extend(second.cloned());
            }
        }
    }
    judge.session.set_user_type(name, UserType::Enum(labels));
}
