//! ALTER COLUMN ... TYPE: what a change of type costs.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Severity};
use super::judge::{Alter, Judge};
use super::types::{DataType, TYPE_CHANGE_REFUSED, TYPE_CHANGED, type_node};
use super::{dependants, tree};

/// What a change of type does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Instant,
    Rewrites,
    /// The rows stay as they are, the indexes over the column are built again.
    Indexes,
    /// Instant if the column is some other kind of string, which it mostly is.
    Likely,
    Unknown,
}

impl DataType {
    /// The type without its collation.
    fn bare(&self) -> Self {
        Self { collation: None, ..self.clone() }
    }

    /// What the servers do, as measured on 14 and 18 for each pair of types.
    fn becomes(&self, new: &Self) -> Change {
        if self == new {
            return Change::Instant;
        }
        if self.array || new.array {
            // A limit that is taken away is no work for the elements of an array either.
            let unlimited = self.array && new.array && self.name == new.name && new.arguments.is_empty();
            return if unlimited { Change::Instant } else { Change::Rewrites };
        }
        let wider = |default: Option<i64>| match (self.arguments.first(), new.arguments.first()) {
            (_, None) => true,
            (Some(old), Some(new)) => new >= old,
            (None, Some(new)) => default.is_some_and(|default| *new >= default),
        };
        let instant = match (self.name.as_str(), new.name.as_str()) {
            ("varchar" | "text", "text") | ("text" | "varchar", "varchar") => wider(None),
            ("cidr", "inet") | ("xml", "text" | "varchar") | ("char", "bpchar") => new.arguments.is_empty(),
            ("varbit", "varbit") => wider(None),
            ("numeric", "numeric") => {
                let scale = |of: &Self| of.arguments.get(1).copied().unwrap_or(0);
                new.arguments.is_empty() || (wider(None) && scale(self) == scale(new))
            }
            ("timestamp", "timestamp") | ("timestamptz", "timestamptz") => wider(Some(6)),
            ("time", "time") | ("timetz", "timetz") => wider(Some(6)),
            ("interval", "interval") => wider(Some(6)),
            (old, "interval") if old.starts_with("interval ") => new.arguments.is_empty(),
            _ => false,
        };
        let indexes = matches!(
            (self.name.as_str(), new.name.as_str()),
            ("text" | "varchar", "citext" | "bpchar")
                | ("citext", "text" | "varchar" | "bpchar")
                | ("bit", "varbit")
                | ("integer", "oid")
                | ("oid", "integer")
        );
        match (instant, indexes && new.arguments.is_empty()) {
            (true, _) => Change::Instant,
            (false, true) => Change::Indexes,
            (false, false) => Change::Rewrites,
        }
    }
}

/// ALTER COLUMN ... TYPE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let Some(set_type) = tree::child(action, K::SET_TYPE) else { return };
    let (Some(column), Some(new)) = (tree::child_name(action, K::COLUMN_NAME_REF), DataType::of(&set_type)) else {
        return;
    };
    let uses = dependants::of(&judge.session, &alter.table, &column);
    if let Some(user) = uses.refused_by {
        let message = format!("{user} uses {}.{column}: the server refuses to change its type", alter.table);
        judge.report(&TYPE_CHANGE_REFUSED, action, message);
    }
    if judge.session.is_new(&alter.table) {
        return;
    }
    let old = judge.session.column_type(&alter.table, &column);
    let using = tree::child(&set_type, K::USING_EXPR).and_then(|using| using.children().next());
    let cast = using.is_some();
    let computed = using.is_some_and(|using| !is_plain_cast(&using, &column));
    let collated = tree::has(&set_type, K::COLLATE);
    let mut moved = false;
    let change = match &old {
        _ if computed => Change::Rewrites,
        Some(old) => {
            moved = collation(judge, old) != collation(judge, &new);
            let change = match between(judge, &old.bare(), &new.bare()) {
                Change::Instant if moved => Change::Indexes,
                Change::Rewrites if judge.session.is_utc() && is_same_moment(old, &new) => Change::Indexes,
                change => change,
            };
            let known = change != Change::Indexes || !is_without_index(judge, &alter.table, &column);
            if known { change } else { Change::Instant }
        }
        // Another kind of string needs no USING.
        None if !cast && !collated && new.is_string() && new.arguments.is_empty() => Change::Likely,
        None => Change::Unknown,
    };
    let shown = type_node(&set_type).map(|node| node.text().to_string()).unwrap_or_default();
    match change {
        Change::Instant => {
            let table = &alter.table;
            let checked = judge.session.constraints(table).any(|constraint| constraint.is_rechecked(&column));
            if let Some(index) = uses.index {
                let message = format!("the index {index} names {table}.{column}, and is built again");
                judge.report(&TYPE_CHANGED, action, message).help =
                    "DROP INDEX CONCURRENTLY first, and CREATE INDEX CONCURRENTLY after, each in a migration of its own.".to_owned();
            } else if checked {
                let message = format!("a check names {table}.{column}: all rows of {table} are read again");
                let finding = judge.report(&TYPE_CHANGED, action, message);
                finding.cost = Cost::Scans;
                finding.effect =
                    "ACCESS EXCLUSIVE on the table while every row is read: no reads, no writes.".to_owned();
                finding.help = "Drop the check first; change the type; add the check NOT VALID, and validate it in a later migration.".to_owned();
            }
        }
        Change::Rewrites => {
            let message = format!("changing the type of {}.{column} to {shown} rewrites the table", alter.table);
            judge.report(&TYPE_CHANGED, action, message);
        }
        Change::Indexes => {
            let shown = match &new.collation {
                Some(name) if moved => format!("the collation of {}.{column} to {name}", alter.table),
                None if moved => format!("the collation of {}.{column} to the default one", alter.table),
                _ => format!("the type of {}.{column} to {shown}", alter.table),
            };
            let finding = judge.report(&TYPE_CHANGED, action, format!("changing {shown} builds its indexes again"));
            finding.cost = Cost::Scans;
            finding.effect =
                "ACCESS EXCLUSIVE on the table while its indexes are built: no reads, no writes.".to_owned();
        }
        Change::Likely => {
            let message =
                format!("{}.{column} becomes {shown}: instant from varchar, a rewrite from anything else", alter.table);
            let finding = judge.report(&TYPE_CHANGED, action, message);
            finding.severity = Severity::Warning;
            finding.cost = Cost::Unknown;
        }
        Change::Unknown => {
            let message = format!(
                "{}.{column} becomes {shown}: from its old type, which is not in these files, this may rewrite the table",
                alter.table
            );
            judge.report(&TYPE_CHANGED, action, message).cost = Cost::Unknown;
        }
    }
}

/// Whether values are stored alike as long as the session's time zone is UTC.
fn is_same_moment(old: &DataType, new: &DataType) -> bool {
    let whole = new.arguments.first().is_none_or(|digits| *digits >= 6);
    let both = (old.name.as_str(), new.name.as_str());
    matches!(both, ("timestamp", "timestamptz") | ("timestamptz", "timestamp")) && whole && !old.array && !new.array
}

/// The collation of a column's values: its own, or its domain's.
fn collation(judge: &Judge<'_>, of: &DataType) -> Option<String> {
    let base = judge.session.domain(&of.name).and_then(|domain| domain.base.as_ref());
    of.collation.clone().or_else(|| base.and_then(|base| base.collation.clone()))
}

/// What a change between two types does, where either may be a domain. One without a constraint is no more than the type
/// that it is made of, save that the server counts the length of what comes out of it again.
fn between(judge: &Judge<'_>, old: &DataType, new: &DataType) -> Change {
    let resolve = |of: &DataType| {
        let domain = judge.session.domain(&of.name).filter(|_| !of.array);
        domain.map(|domain| (domain.base.clone(), domain.constrained))
    };
    match (resolve(old), resolve(new)) {
        _ if old == new => Change::Instant,
        (None, None) => old.becomes(new),
        (_, Some((None, _) | (_, true))) | (Some((None, _)), _) => Change::Rewrites,
        (old_domain, new_domain) => {
            let from_domain = old_domain.is_some();
            let old = old_domain.and_then(|(base, _)| base).map_or_else(|| old.clone(), |base| base.bare());
            let new = new_domain.and_then(|(base, _)| base).map_or_else(|| new.clone(), |base| base.bare());
            if from_domain && !new.arguments.is_empty() { Change::Rewrites } else { old.becomes(&new) }
        }
    }
}

/// Whether all indexes of a table and of its partitions are known, and none is over a column.
fn is_without_index(judge: &Judge<'_>, table: &RelationName, column: &str) -> bool {
    let session = &judge.session;
    let free = |name: &RelationName| {
        session.table(name).is_some_and(|table| {
            let mut indexes = table.indexes.iter();
            indexes.all(|(name, index)| match index.whole {
                true => !index.columns.iter().any(|part| part == column),
                // What it is made of is known besides.
                false => dependants::is_known_index(table, name),
            })
        })
    };
    session.exists(table) && free(table) && session.all_partitions(table).iter().all(free)
}

/// `USING column` or `USING column::type`.
fn is_plain_cast(expression: &SyntaxNode, column: &str) -> bool {
    let expression = tree::inner(expression.clone());
    match expression.kind() {
        K::CAST_EXPR => expression.children().any(|child| tree::column(&child).as_deref() == Some(column)),
        _ => tree::column(&expression).as_deref() == Some(column),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_of_type_costs() {
        for (old, new, change) in [
            ("varchar(20)", "varchar(40)", Change::Instant),
            ("character varying(20)", "varchar ( 20 )", Change::Instant),
            ("varchar(20)", "text", Change::Instant),
            ("text", "character varying", Change::Instant),
            ("numeric(10,2)", "decimal(12,2)", Change::Instant),
            ("numeric(10,2)", "numeric", Change::Instant),
            ("timestamp(3) with time zone", "timestamptz", Change::Instant),
            ("timestamp", "timestamp(6)", Change::Instant),
            ("varchar(20)", "varchar(10)", Change::Rewrites),
            ("text", "varchar(10)", Change::Rewrites),
            ("char(5)", "text", Change::Rewrites),
            ("integer", "bigint", Change::Rewrites),
            ("numeric(10,2)", "numeric(12,4)", Change::Rewrites),
            ("timestamp", "timestamptz", Change::Rewrites),
            ("timestamp", "timestamp(3)", Change::Rewrites),
            ("varchar(5)[]", "text[]", Change::Rewrites),
            ("integer", "text", Change::Rewrites),
            ("text", "citext", Change::Indexes),
            ("citext", "text", Change::Indexes),
            ("bit(3)", "bit varying", Change::Indexes),
            ("int", "oid", Change::Indexes),
            ("oid", "integer", Change::Indexes),
            ("bigint", "oid", Change::Rewrites),
            ("bit(3)", "bit varying(5)", Change::Rewrites),
            ("bpchar", "char", Change::Rewrites),
            ("char(5)", "bpchar", Change::Instant),
            ("xml", "text", Change::Instant),
            ("interval(3)", "interval", Change::Instant),
            ("interval day to second(3)", "interval", Change::Instant),
            ("interval", "interval(3)", Change::Rewrites),
            ("interval", "interval year to month", Change::Rewrites),
            ("varchar(5)[]", "character varying[]", Change::Instant),
            ("varchar ( 5 ) [ ]", "varchar array", Change::Instant),
            ("varchar(5)[]", "varchar(9)[]", Change::Rewrites),
        ] {
            assert_eq!(DataType::parse(old).becomes(&DataType::parse(new)), change, "{old} to {new}");
        }
    }
}
