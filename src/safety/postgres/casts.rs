//! Which type a value has that no column gives, and which types the server makes of it unasked where it is assigned.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::session::{Session, UserType};
use super::types::{self, DataType};
use super::{defaults, inferred, tree};

/// What the server makes of a value by itself where one of another type is stored, as `pg_cast` of 14 and 18 has it. Besides,
/// anything becomes a string.
const CASTS: [(&str, &[&str]); 23] = [
    ("bit", &["varbit"]),
    ("box", &["polygon"]),
    ("cidr", &["inet"]),
    ("date", &["timestamp", "timestamptz"]),
    ("float4", &["float8", "smallint", "integer", "bigint", "numeric"]),
    ("float8", &["float4", "smallint", "integer", "bigint", "numeric"]),
    ("inet", &["cidr"]),
    ("smallint", &["float4", "float8", "integer", "bigint", "numeric", "oid"]),
    ("integer", &["float4", "float8", "smallint", "bigint", "money", "numeric", "oid"]),
    ("bigint", &["float4", "float8", "smallint", "integer", "money", "numeric", "oid"]),
    ("interval", &["time"]),
    ("json", &["jsonb"]),
    ("jsonb", &["json"]),
    ("money", &["numeric"]),
    ("numeric", &["float4", "float8", "smallint", "integer", "bigint", "money"]),
    ("oid", &["integer", "bigint"]),
    ("path", &["polygon"]),
    ("point", &["box"]),
    ("polygon", &["path"]),
    ("time", &["interval", "timetz"]),
    ("timestamp", &["date", "time", "timestamptz"]),
    ("timestamptz", &["date", "time", "timestamp", "timetz"]),
    ("timetz", &["time"]),
];

/// The type of a value that no column gives; nothing where it is not known, or where the server chooses it by what the value is
/// for, as it does for a string.
pub(super) fn type_of(session: &Session<'_>, value: &SyntaxNode) -> Option<DataType> {
    let value = tree::inner(value.clone());
    let words = tree::words(&value);
    let name = match value.kind() {
        K::LITERAL if words == "true" || words == "false" => "boolean",
        K::LITERAL => number(&words)?,
        K::PREFIX_EXPR if tree::has_token(&value, K::MINUS) || tree::has_token(&value, K::PLUS) => {
            let inside = value.children().next().filter(|inside| inside.kind() == K::LITERAL)?;
            number(&tree::words(&inside))?
        }
        K::CAST_EXPR => return Some(DataType::parse(&tree::words(&types::type_node(&value)?))),
        K::NAME_REF => match words.as_str() {
            "current_date" => "date",
            "current_timestamp" => "timestamptz",
            "localtimestamp" => "timestamp",
            "current_time" => "timetz",
            "localtime" => "time",
            _ => return None,
        },
        K::CALL_EXPR => called(session, &value)?,
        K::ARRAY_EXPR => {
            let mut elements = value.children().map(|element| match inferred::is_literal(&element) {
                true => Some(DataType::parse("text")),
                false => type_of(session, &element).filter(|element| !element.array),
            });
            let first = elements.next()??;
            let is_alike = elements.all(|element| element.as_ref() == Some(&first));
            return is_alike.then_some(DataType { array: true, ..first });
        }
        _ => return None,
    };
    Some(DataType::parse(name))
}

/// The type of a number by how it is written.
fn number(words: &str) -> Option<&'static str> {
    let is_whole = words.chars().all(|digit| digit.is_ascii_digit());
    let is_number =
        words.starts_with(|first: char| first.is_ascii_digit() || first == '.') && !words.contains(['x', '_', '\'']);
    match words.parse::<i128>() {
        Ok(number) if is_whole && i32::try_from(number).is_ok() => Some("integer"),
        Ok(number) if is_whole && i64::try_from(number).is_ok() => Some("bigint"),
        _ => (is_number && words.parse::<f64>().is_ok()).then_some("numeric"),
    }
}

/// The type that a function of the server's gives, of some that people write as defaults.
fn called(session: &Session<'_>, call: &SyntaxNode) -> Option<&'static str> {
    let function = defaults::called(call)?;
    if !defaults::is_builtin(call) || session.routine(&function).is_some() || session.is_mutable(&function).is_some() {
        return None;
    }
    match (function.as_str(), inferred::arguments(call).len()) {
        ("now" | "clock_timestamp" | "statement_timestamp" | "transaction_timestamp", 0) => Some("timestamptz"),
        ("gen_random_uuid", 0) => Some("uuid"),
        ("random" | "pi", 0) => Some("float8"),
        _ => None,
    }
}

/// Whether the server surely refuses to put a value of one type into a column of another.
pub(super) fn is_refused(session: &Session<'_>, from: &DataType, to: &DataType) -> bool {
    let is_text = |name: &str| matches!(name, "text" | "varchar" | "char" | "name");
    let is_bare = |name: &str| is_text(name) || matches!(name, "boolean" | "uuid" | "bytea");
    if !is_bare(&from.name) && !CASTS.iter().any(|(name, _)| *name == from.name) {
        return false;
    }
    let user_type = session.type_of_name(&to.name);
    if let Some(UserType::Domain(domain)) = user_type {
        return !to.array && domain.base.as_ref().is_some_and(|base| is_refused(session, from, base));
    }
    let is_enum = matches!(user_type, Some(UserType::Enum(_)));
    if !to.is_built_in() && !is_enum {
        return false;
    }
    let element = |data_type: &DataType| DataType { array: false, ..data_type.clone() };
    let is_taken = from.name == to.name || is_cast(&element(from), &element(to));
    match (from.array, to.array) {
        (true, true) | (false, false) => !is_taken,
        (false, true) => true,
        (true, false) => !is_text(&to.name),
    }
}

/// Whether the server makes a value of one type one of another where it is stored.
pub(super) fn is_cast(old: &DataType, new: &DataType) -> bool {
    let is_string = matches!(new.name.as_str(), "text" | "varchar" | "char" | "name") && !new.array;
    if is_string || old == new {
        return true;
    }
    if old.array != new.array {
        return false;
    }
    let element = matches!(new.name.as_str(), "text" | "varchar" | "char" | "name") || old.name == new.name;
    element || CASTS.iter().any(|(from, to)| *from == old.name && to.contains(&new.name.as_str()))
}
