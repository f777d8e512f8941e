//! Data types: what a change of type costs, and which types are regretted later.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::defaults::Default;
use super::judge::Judge;
use super::session::{Domain, UserType};
use super::{columns, defaults, drops, enums, objects, tree};

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
pub(super) static TYPE_CHANGE_REFUSED: Rule = Rule {
    name: "type-change-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "The type of a column is changed that a view, rule, trigger, policy, generated column, function or partition key uses; or to one that no cast makes by itself of its values, without USING, or of its default",
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

    /// Whether two types may be one, as far as their names tell: one of them may name its schema.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        let plain = |of: &Self| of.name.rsplit('.').next().unwrap_or_default().trim().trim_matches('"').to_owned();
        // These have names that say more than one type.
        let vague = |of: &Self| of.name.starts_with("float") && !of.arguments.is_empty();
        let vague = |of: &Self| vague(of) || of.name.starts_with("interval") || of.name == "bpchar" || of.is_serial();
        vague(self) || vague(other) || (plain(self) == plain(other) && self.array == other.array)
    }

    /// Whether its values are strings, which a collation puts in order.
    pub(super) fn is_string(&self) -> bool {
        !self.array && matches!(self.name.as_str(), "text" | "varchar")
    }

    /// Whether it is surely the server's own, and no domain.
    pub(super) fn is_built_in(&self) -> bool {
        const BUILT_IN: [&str; 40] = [
            "bigint",
            "bit",
            "boolean",
            "box",
            "bytea",
            "char",
            "cidr",
            "circle",
            "date",
            "daterange",
            "float4",
            "float8",
            "inet",
            "int4range",
            "int8range",
            "integer",
            "interval",
            "json",
            "jsonb",
            "line",
            "lseg",
            "macaddr",
            "money",
            "name",
            "numeric",
            "numrange",
            "oid",
            "path",
            "point",
            "polygon",
            "smallint",
            "text",
            "time",
            "timestamp",
            "timestamptz",
            "timetz",
            "tsvector",
            "uuid",
            "varbit",
            "varchar",
        ];
        BUILT_IN.contains(&self.name.as_str())
    }

    pub(super) fn is_serial(&self) -> bool {
        // The name says it, in quotes too.
        matches!(
            self.name.trim_matches('"'),
            "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
        )
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

/// Statements about types, and the literals that may be new values of an enum.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_TYPE => {
            if let Some(name) = judge.session.created(node) {
                let values = tree::child(node, K::ENUM_TYPE).map(|values| {
                    tree::below(&values, K::LITERAL).filter_map(|literal| tree::literal(&literal)).collect()
                });
                // In a block that goes on where it is there already, it may be another one.
                let certain = judge.session.blocks == 0;
                if certain || judge.session.user_type(&name).is_none() {
                    let user_type = match values.filter(|_| certain) {
                        Some(values) => UserType::Enum(values),
                        None if certain && tree::has(node, K::COMPOSITE_TYPE) => UserType::Composite,
                        None if certain && tree::has(node, K::RANGE_TYPE) => UserType::Range,
                        None => UserType::Other,
                    };
                    judge.session.set_user_type(name, user_type);
                }
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
                domain.constraints = None;
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
            K::ADD_CONSTRAINT | K::SET_NOT_NULL => {
                domain.constrained = true;
                // One that is given no name gets one that is not known here.
                let name = action.children().find_map(|constraint| tree::constraint_name(&constraint));
                domain.constraints = domain.constraints.zip(name).map(|(mut all, name)| {
                    all.insert(name);
                    all
                });
            }
            K::RENAME_CONSTRAINT => domain.constraints = None,
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
