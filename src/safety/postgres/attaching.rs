//! What ATTACH PARTITION makes of a table that lacks what the partitioned one has: the server builds its indexes, and looks up
//! its foreign keys, while nobody can use the table.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::Judge;
use super::session::{Column, Constraint, Filled, Given, Index, Table};
use super::types::DataType;
use super::{merging, refused};

pub(super) static BUILDS: Rule = Rule {
    name: "partition-attach-builds-index",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "ATTACH PARTITION of a table that lacks a key or an index of the partitioned one, or has another primary key",
    reason: "ACCESS EXCLUSIVE on the new partition while each index that it lacks is built over all its rows: no reads, no writes.",
    help: "CREATE INDEX CONCURRENTLY on the table with the same columns in the same order; for a key CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... PRIMARY KEY (or UNIQUE) USING INDEX; then ATTACH, which takes them over.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ATTACH-PARTITION",
};
pub(super) static LOOKS_UP: Rule = Rule {
    name: "partition-attach-looks-up",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "ATTACH PARTITION of a table that lacks a foreign key of the partitioned one, or has it NOT VALID",
    reason: "ACCESS EXCLUSIVE on the new partition and SHARE ROW EXCLUSIVE on the referenced table while every row is looked up: no writes to either.",
    help: "ADD CONSTRAINT ... FOREIGN KEY ... NOT VALID on the table, the same as the partitioned one has, VALIDATE it in a later migration, then ATTACH, which takes it over.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ATTACH-PARTITION",
};

/// ATTACH PARTITION of a table.
pub(super) fn check(judge: &mut Judge<'_>, parent: &RelationName, partition: &RelationName, action: &SyntaxNode) {
    let (Some(above), Some(table)) = (judge.session.table(parent), judge.session.table(partition)) else { return };
    let is_new = judge.session.is_new(partition);
    let built = if !is_new && judge.session.knows_keys(partition) { built(above, table) } else { Vec::new() };
    // What nobody else knows yet may be full all the same, and the referenced table is locked.
    let is_looked_up = table.birth.is_some() && (!is_new || table.filled == Filled::Many);
    let looked_up = if is_looked_up { looked_up(judge, parent, above, partition) } else { Vec::new() };
    let other_key = || primary_key(table).is_some();
    if built.iter().any(|name| primary_key(above) == Some(name)) && other_key() {
        let message = format!("{partition} has another primary key than {parent}");
        let finding = judge.report(&BUILDS, action, message);
        finding.cost = Cost::Instant;
        finding.effect = "The statement fails.".to_owned();
    } else if !built.is_empty() {
        let built: Vec<String> = built.iter().map(|name| shown(above, name)).collect();
        let message = format!(
            "{partition} has no index like {} of {parent}: built over all its rows under a lock",
            built.join(", nor ")
        );
        judge.report(&BUILDS, action, message);
    }
    for referred in looked_up {
        let message =
            format!("every row of {partition} is looked up in {referred}, which cannot be written to meanwhile");
        judge.report(&LOOKS_UP, action, message);
    }
}

/// The indexes of a partitioned table that are built for a table which is attached to it.
fn built(above: &Table, table: &Table) -> Vec<String> {
    let known = above.indexes.iter().filter(|(_, index)| !index.shape.parts.is_empty());
    let lacking = known.filter(|(name, index)| {
        let kind = kind_of_key(above, name);
        !table.indexes.iter().any(|(own_name, own)| {
            // An index may be a key and more than the parent's, but no key is taken over from a mere index.
            (kind.is_none() || kind == kind_of_key(table, own_name)) && may_be_like(index, own)
        })
    });
    lacking.map(|(name, _)| name.clone()).collect()
}

/// Whether the server takes one index for the other, as far as that is known.
fn may_be_like(above: &Index, own: &Index) -> bool {
    let (above, own) = (&above.shape, &own.shape);
    if own.parts.is_empty() {
        return true;
    }
    let is_like = own.unique == above.unique && own.partial == above.partial && own.parts == above.parts;
    // Of an expression and a condition only a server tells which they are.
    is_like && !own.invalid && (own.rest == above.rest || own.rest.is_empty() || above.rest.is_empty())
}

/// The kind of the constraint that an index is made for, which is called as it is.
fn kind_of_key(table: &Table, index: &str) -> Option<K> {
    const KEYS: [K; 3] = [K::UNIQUE_CONSTRAINT, K::PRIMARY_KEY_CONSTRAINT, K::EXCLUDE_CONSTRAINT];
    table.constraints.get(index).map(|constraint| constraint.kind).filter(|kind| KEYS.contains(kind))
}

/// The name of a table's primary key.
pub(super) fn primary_key(table: &Table) -> Option<&String> {
    let mut constraints = table.constraints.iter();
    constraints.find(|(_, own)| own.kind == K::PRIMARY_KEY_CONSTRAINT).map(|(name, _)| name)
}

/// An index with what it is and its columns.
fn shown(table: &Table, name: &str) -> String {
    let parts = table.indexes.get(name).map(|index| index.shape.parts.as_slice()).unwrap_or_default();
    let parts: Vec<&str> = parts.iter().map(|part| part.as_deref().unwrap_or("...")).collect();
    let what = match kind_of_key(table, name) {
        Some(K::PRIMARY_KEY_CONSTRAINT) => "the primary key ",
        Some(K::UNIQUE_CONSTRAINT) => "the unique key ",
        _ => "",
    };
    format!("{what}{name} ({})", parts.join(", "))
}

/// The tables that the rows of a table are looked up in when it is attached.
fn looked_up(judge: &Judge<'_>, parent: &RelationName, above: &Table, partition: &RelationName) -> Vec<String> {
    let keys = above.constraints.values().filter(|constraint| constraint.validated);
    let lacking = keys.filter_map(|constraint| {
        let (_, name) = constraint.refers.as_ref()?;
        let referred = RelationName { schema: parent.schema.clone(), name: name.clone() };
        (!merging::has_foreign_key(judge, partition, constraint, &referred)).then(|| name.clone())
    });
    let mut lacking: Vec<String> = lacking.collect();
    lacking.sort();
    lacking.dedup();
    lacking
}

/// A table has the columns and the checks of the one above it; a partition has no other columns, and no parent yet.
pub(super) fn unlike(judge: &mut Judge<'_>, parent: &RelationName, table: &RelationName, action: &SyntaxNode) {
    let known = |name: &RelationName| judge.session.told(name).filter(|table| !table.columns.is_empty());
    let (Some(above), Some(own)) = (known(parent), known(table)) else { return };
    let attached = action.kind() == K::ATTACH_PARTITION;
    // Of which column a NOT NULL is that no child has, is not always known.
    let is_kept =
        above.constraints.values().any(|own| own.kind == K::NOT_NULL_CONSTRAINT && own.clauses.contains("no inherit"));
    let missing = above.columns.keys().find(|column| !own.columns.contains_key(*column));
    let more = own.columns.keys().find(|column| !above.columns.contains_key(*column));
    let message = match (missing, more) {
        _ if attached && !own.inherited.is_empty() => Some(format!("{table} inherits from another table already")),
        (Some(column), _) => Some(format!("{table} has no column {column}")),
        (None, Some(column)) if attached => Some(format!("{table} has the column {column}, which {parent} has not")),
        _ => above.columns.iter().find_map(|(name, column)| {
            let own = own.columns.get(name)?;
            let is_generated = |column: &Column| column.given == Given::Expression;
            match (&own.data_type, &column.data_type) {
                (Some(own), Some(above)) if !are_same(own, above) => {
                    Some(format!("{table}.{name} is of another type or collation than {parent}.{name}"))
                }
                _ if column.not_null && !own.not_null && !is_kept => {
                    Some(format!("{table}.{name} may be NULL, and {parent}.{name} may not"))
                }
                _ if is_generated(column) && !is_generated(own) => {
                    Some(format!("{parent}.{name} is generated, and {table}.{name} is not"))
                }
                // As measured on 14, 17 and 18.
                _ if is_generated(own) && !is_generated(column) && judge.version(17) => {
                    Some(format!("{table}.{name} is generated, and {parent}.{name} is not"))
                }
                _ if attached && own.given.is_identity() && judge.version(17) => {
                    Some(format!("{table}.{name} is an identity, which a partition has from its parent alone"))
                }
                _ => None,
            }
        }),
    };
    let is_inherited = |check: &Constraint| check.kind == K::CHECK_CONSTRAINT && !check.clauses.contains("no inherit");
    // What has no name in the files may be called otherwise than it seems.
    let has_checks = own.constraints.values().any(|check| check.kind == K::CHECK_CONSTRAINT);
    let check_of = || {
        let mut checks = above.constraints.iter().filter(|(_, check)| is_inherited(check));
        let (name, _) =
            checks.find(|(name, check)| !own.constraints.contains_key(*name) && (check.named || !has_checks))?;
        Some(format!("{table} has no check {name}, which {parent} has"))
    };
    if let Some(message) = message.or_else(check_of) {
        judge.report(&refused::PARTITION, action, message);
    }
}

/// Whether two types are one, as far as their texts tell: one of them may name its schema, or be serial.
fn are_same(own: &DataType, other: &DataType) -> bool {
    let plain = |of: &DataType| {
        let name = of.name.rsplit('.').next().unwrap_or_default().trim().trim_matches('"');
        let name = match name {
            "serial" | "serial4" => "integer",
            "bigserial" | "serial8" => "bigint",
            "smallserial" | "serial2" => "smallint",
            name => name,
        };
        DataType { name: name.to_owned(), ..of.clone() }
    };
    plain(own) == plain(other)
}
