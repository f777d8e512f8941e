//! Data types: what a change of type costs, and which types are regretted later.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::defaults::Default;
use super::judge::{Alter, Judge};
use super::session::{Domain, UserType};
use super::{columns, defaults, dependants, drops, enums, objects, tree};

pub(in super::super) const RULES: &[&Rule] = &[
    &TYPE_CHANGED,
    &TYPE_CHANGE_REFUSED,
    &enums::ENUM_VALUE_IN_USE,
    &ENUM_CREATED,
    &ENUM_VALUE_ORDER,
    &DOMAIN_CONSTRAINT,
    &CONSTRAINED_DOMAIN,
    &ATTRIBUTE_CHANGED,
    &JSON_COLUMN,
    &CHAR_COLUMN,
    &INTEGER_KEY,
    &SERIAL_TYPE,
    &VARCHAR_LENGTH,
    &TIMESTAMP_WITHOUT_ZONE,
    &IDENTIFIER_TOO_LONG,
];

pub(super) static TYPE_CHANGED: Rule = Rule {
    name: "column-type-changed",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A column's type or collation is changed in a way that rewrites the table or its indexes, or may",
    reason: "ACCESS EXCLUSIVE on the table while every row and index is written again: no reads, no writes. Programs that know the old type may break.",
    help: "Add a column of the new type, keep both written (trigger or program), backfill in batches, then switch the readers. Widening varchar or numeric, and varchar to text, need none of this.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES",
};
static TYPE_CHANGE_REFUSED: Rule = Rule {
    name: "type-change-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "The type of a column is changed that a view, rule, trigger, policy, generated column, function or partition key uses",
    reason: "The statement fails.",
    help: "Drop what uses the column, change the type, and make it again, in one migration; a partition key needs a new table.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES",
};
pub(super) static ENUM_CREATED: Rule = Rule {
    name: "enum-created",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A new enum",
    reason: "A value of an enum can never be removed, and a rename breaks running programs.",
    help: "A text column with a CHECK, or a table of values, can be changed later.",
    source: "https://www.postgresql.org/docs/current/datatype-enum.html",
};
pub(super) static ENUM_VALUE_ORDER: Rule = Rule {
    name: "enum-value-order",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A value is added to an enum without saying where",
    reason: "It sorts after all others.",
    help: "Say BEFORE or AFTER which value it belongs.",
    source: "https://squawkhq.com/docs/require-enum-value-ordering",
};
pub(super) static DOMAIN_CONSTRAINT: Rule = Rule {
    name: "domain-constraint",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "A constraint is added to a domain, or validated",
    reason: "SHARE lock on every table that uses the domain while its rows are read: no writes.",
    help: "Add the check NOT VALID to each table instead, and validate it later.",
    source: "https://www.postgresql.org/docs/current/sql-alterdomain.html",
};
pub(super) static CONSTRAINED_DOMAIN: Rule = Rule {
    name: "constrained-domain",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A new domain with a constraint",
    reason: "A column of it cannot be added without a rewrite, and its constraint cannot be changed without reading every table.",
    help: "Put the checks on the tables.",
    source: "https://squawkhq.com/docs/ban-create-domain-with-constraint",
};
pub(super) static ATTRIBUTE_CHANGED: Rule = Rule {
    name: "attribute-changed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "An attribute of a composite type is dropped, renamed or given another type",
    reason: "Programs that read or write values of the type break.",
    help: "Make a new type, and move columns and programs over to it.",
    source: "https://www.postgresql.org/docs/current/sql-altertype.html",
};
pub(super) static JSON_COLUMN: Rule = Rule {
    name: "json-column",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A column of type json",
    reason: "json has no equality: SELECT DISTINCT, GROUP BY and UNION over it fail.",
    help: "Use jsonb, unless the exact text must be kept.",
    source: "https://www.postgresql.org/docs/current/datatype-json.html",
};
pub(super) static CHAR_COLUMN: Rule = Rule {
    name: "char-column",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A column of type char(n)",
    reason: "Values are padded with blanks, which comparisons ignore and programs do not.",
    help: "Use text, with a CHECK for the length.",
    source: "https://wiki.postgresql.org/wiki/Don%27t_Do_This#Don.27t_use_char.28n.29",
};
pub(super) static INTEGER_KEY: Rule = Rule {
    name: "integer-column",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A column of type integer or smallint",
    reason: "A key of 32 bits runs out at 2 147 483 647, and changing its type later rewrites the table.",
    help: "Use bigint for keys and for what refers to them.",
    source: "https://squawkhq.com/docs/prefer-bigint-over-int",
};
pub(super) static SERIAL_TYPE: Rule = Rule {
    name: "serial-type",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A column of a serial type",
    reason: "Its sequence has an owner and rights of its own, and a dump or a copy of the table can lose it.",
    help: "Use GENERATED ALWAYS AS IDENTITY.",
    source: "https://wiki.postgresql.org/wiki/Don%27t_Do_This#Don.27t_use_serial",
};
pub(super) static VARCHAR_LENGTH: Rule = Rule {
    name: "varchar-length",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A column of type varchar(n)",
    reason: "Making it shorter later rewrites the table; a length is no faster than text.",
    help: "Use text, with a CHECK for the length where there is one.",
    source: "https://squawkhq.com/docs/prefer-text-field",
};
pub(super) static TIMESTAMP_WITHOUT_ZONE: Rule = Rule {
    name: "timestamp-without-zone",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A column of type timestamp",
    reason: "It is no moment in time: what it means depends on who wrote it.",
    help: "Use timestamptz.",
    source: "https://wiki.postgresql.org/wiki/Don%27t_Do_This#Don.27t_use_timestamp_.28without_time_zone.29",
};
pub(super) static IDENTIFIER_TOO_LONG: Rule = Rule {
    name: "identifier-too-long",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A name of more than 63 bytes",
    reason: "The server cuts it off without an error, and two such names can become one.",
    help: "Choose a shorter name.",
    source: "https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS",
};

/// A data type with its aliases made one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataType {
    /// The name in lower case, without its arguments: `varchar`, `timestamptz`.
    pub(super) name: String,
    pub(super) arguments: Vec<i64>,
    pub(super) array: bool,
    /// The collation, as the server stores it, where it is not the type's own.
    pub(super) collation: Option<String>,
}

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
    /// Reads a type as it is written in SQL or as `format_type` gives it.
    pub(super) fn parse(text: &str) -> Self {
        let (text, collation) = text.split_once(" COLLATE ").map_or((text, None), |(text, name)| (text, Some(name)));
        let collation = collation.map(|name| name.trim_matches('"').replace("\"\"", "\""));
        let text = text.to_ascii_lowercase();
        let bare: String = text.split('[').map(|part| part.split_once(']').map_or(part, |(_, after)| after)).collect();
        let (before, rest) = bare.split_once('(').unwrap_or((&bare, ""));
        let (inside, after) = rest.split_once(')').unwrap_or((rest, ""));
        let arguments: Vec<i64> = inside.split(',').filter_map(|argument| argument.trim().parse().ok()).collect();
        let array = text.contains('[') || text.contains(" array");
        let words: Vec<&str> = before.split_whitespace().chain(after.split_whitespace()).collect();
        let name = words.join(" ").replace("pg_catalog . ", "").replace("pg_catalog.", "");
        let name = match name.trim_end_matches(" array") {
            "int" | "int4" => "integer",
            "int8" => "bigint",
            "int2" => "smallint",
            "character varying" | "char varying" | "national character varying" | "nchar varying" => "varchar",
            "character" | "char" | "national character" | "nchar" => "char",
            "decimal" | "dec" => "numeric",
            "timestamp without time zone" => "timestamp",
            "timestamp with time zone" => "timestamptz",
            "time without time zone" => "time",
            "time with time zone" => "timetz",
            "bit varying" => "varbit",
            "bool" => "boolean",
            "double precision" | "float" => "float8",
            "real" => "float4",
            other => other,
        };
        let mut arguments = arguments;
        if arguments.is_empty() && matches!(name, "char" | "bit") {
            arguments.push(1);
        }
        Self { name: name.to_owned(), arguments, array, collation }
    }

    /// The type, and the collation, that a node's children say.
    pub(super) fn of(node: &SyntaxNode) -> Option<Self> {
        let collation = tree::child(node, K::COLLATE).and_then(|collate| tree::path(&collate).pop());
        let collation = collation.filter(|name| name != "default");
        Some(Self { collation, ..Self::parse(&tree::words(&type_node(node)?)) })
    }

    /// The type without its collation.
    fn bare(&self) -> Self {
        Self { collation: None, ..self.clone() }
    }

    /// Whether its values are strings, which a collation puts in order.
    pub(super) fn is_string(&self) -> bool {
        !self.array && matches!(self.name.as_str(), "text" | "varchar")
    }

    pub(super) fn is_serial(&self) -> bool {
        // The name says it, in quotes too.
        matches!(
            self.name.trim_matches('"'),
            "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
        )
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
            ("text" | "varchar", "citext" | "bpchar") | ("citext", "text" | "varchar" | "bpchar") | ("bit", "varbit")
        );
        match (instant, indexes && new.arguments.is_empty()) {
            (true, _) => Change::Instant,
            (false, true) => Change::Indexes,
            (false, false) => Change::Rewrites,
        }
    }
}

/// The type child of a node.
pub(super) fn type_node(node: &SyntaxNode) -> Option<SyntaxNode> {
    const TYPES: [K; 11] = [
        K::ARRAY_TYPE,
        K::BIT_TYPE,
        K::BIT_VARYING_TYPE,
        K::CHARACTER_TYPE,
        K::DOUBLE_TYPE,
        K::INTERVAL_TYPE,
        K::PATH_TYPE,
        K::TIME_TYPE,
        K::TIMESTAMP_TYPE,
        K::VARCHAR_TYPE,
        K::PERCENT_TYPE,
    ];
    node.children().find(|child| TYPES.contains(&child.kind()))
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

/// Statements about types, and the literals that may be new values of an enum.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_TYPE => {
            if let Some(name) = judge.session.created(node) {
                let values = tree::child(node, K::ENUM_TYPE).map(|values| {
                    tree::below(&values, K::LITERAL).filter_map(|literal| tree::literal(&literal)).collect()
                });
                judge.session.set_user_type(name, values.map_or(UserType::Other, UserType::Enum));
            }
            if tree::has(node, K::ENUM_TYPE) {
                judge.report(
                    &ENUM_CREATED,
                    node,
                    "a new enum: its values can be added to and renamed, never removed".to_owned(),
                );
            }
        }
        K::CREATE_TABLE => {
            let columns: Vec<SyntaxNode> = tree::below(node, K::COLUMN).collect();
            columns.iter().for_each(|node| column(judge, node));
        }
        K::CREATE_DOMAIN => {
            let constrained = tree::has(node, K::CHECK_CONSTRAINT) || tree::has(node, K::NOT_NULL_CONSTRAINT);
            if let Some(name) = tree::child(node, K::DOMAIN).and_then(|name| judge.session.created(&name)) {
                let mut domain = domain_of(judge, node).unwrap_or_default();
                domain.base = domain.base.or_else(|| DataType::of(node));
                domain.constrained |= constrained;
                if let Some(default) = tree::child(node, K::DEFAULT_CONSTRAINT) {
                    domain.default = defaults::of(&judge.session, &default);
                }
                judge.session.set_user_type(name, UserType::Domain(domain));
            }
            if constrained {
                judge.report(
                    &CONSTRAINED_DOMAIN,
                    node,
                    "a domain with a constraint is hard to change later".to_owned(),
                );
            }
        }
        K::ALTER_DOMAIN => domain(judge, node),
        K::ALTER_VIEW if !objects::are_of_this_file(judge, node) => {
            if let Some(action) = tree::below(node, K::DROP_DEFAULT).next() {
                judge.report(&columns::DEFAULT_DROPPED, &action, "a column of the view loses its default".to_owned());
            }
        }
        K::ALTER_TYPE => altered(judge, node),
        _ => {}
    }
    enums::check(judge, node);
}

/// The domain that a column, or another domain, is of.
pub(super) fn domain_of(judge: &Judge<'_>, node: &SyntaxNode) -> Option<Domain> {
    let name = judge.session.relation(&type_node(node)?)?;
    match judge.session.user_type(&name) {
        Some(UserType::Domain(domain)) => Some(domain.clone()),
        _ => None,
    }
}

/// What a domain is after ALTER DOMAIN, known before or not.
fn changed_domain(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let name = tree::child(node, K::DOMAIN_REF).and_then(|name| judge.session.relation(&name));
    let Some(name) = name else { return };
    let mut domain = match judge.session.user_type(&name) {
        Some(UserType::Domain(domain)) => domain.clone(),
        _ => Domain::default(),
    };
    let before = domain.clone();
    for action in node.children() {
        match action.kind() {
            K::ADD_CONSTRAINT | K::SET_NOT_NULL => domain.constrained = true,
            K::SET_DEFAULT => domain.default = defaults::of(&judge.session, &action),
            K::DROP_DEFAULT => domain.default = Default::Null,
            _ => {}
        }
    }
    if domain != before {
        judge.session.set_user_type(name, UserType::Domain(domain));
    }
}

fn domain(judge: &mut Judge<'_>, node: &SyntaxNode) {
    changed_domain(judge, node);
    let here = objects::are_of_this_file(judge, node);
    for action in node.children().filter(|_| !here) {
        let lost = match action.kind() {
            K::DROP_CONSTRAINT => Some((&drops::CONSTRAINT_DROPPED, "the domain loses a constraint")),
            K::DROP_NOT_NULL => Some((&columns::NOT_NULL_DROPPED, "values of the domain may be NULL from now on")),
            K::DROP_DEFAULT => Some((&columns::DEFAULT_DROPPED, "the domain loses its default")),
            _ => None,
        };
        if let Some((rule, message)) = lost {
            judge.report(rule, &action, message.to_owned());
        }
        let (what, cost) = match action.kind() {
            K::ADD_CONSTRAINT if tree::below(&action, K::NOT_VALID).next().is_some() => continue,
            K::ADD_CONSTRAINT => ("adding a constraint to a domain", Cost::Scans),
            K::VALIDATE_CONSTRAINT => ("validating a constraint of a domain", Cost::Scans),
            K::SET_NOT_NULL => ("making a domain NOT NULL", Cost::Scans),
            _ => continue,
        };
        judge.report(&DOMAIN_CONSTRAINT, &action, format!("{what} reads every table that uses it")).cost = cost;
    }
}

fn altered(judge: &mut Judge<'_>, node: &SyntaxNode) {
    enums::altered(judge, node);
    let name = judge.session.relation(node);
    let here = objects::are_of_this_file(judge, node);
    const CHANGES: [K; 3] = [K::DROP_ATTRIBUTE, K::ALTER_ATTRIBUTE, K::RENAME_ATTRIBUTE];
    for action in node.descendants().filter(|action| !here && CHANGES.contains(&action.kind())) {
        let message = format!("an attribute of the type {} changes", judge.shown(name.as_ref()));
        judge.report(&ATTRIBUTE_CHANGED, &action, message);
    }
}

/// The types of new columns that are regretted later and that the base rules do not know.
pub(super) fn column(judge: &mut Judge<'_>, column: &SyntaxNode) {
    let Some(node) = type_node(column) else { return };
    if DataType::parse(&tree::words(&node)).name == "json" {
        judge.report(&JSON_COLUMN, &node, "json cannot be compared".to_owned());
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
