//! What the values of a column become.

use crate::engine::Engine;
use crate::migrate::schema::Column;

/// Families of types, whose values become each other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Number,
    Boolean,
    Moment,
    Date,
    Time,
    Bytes,
    Json,
    Uuid,
    Other,
}

/// A type's name, without what stands in parentheses behind it.
fn name(data_type: &str) -> &str {
    data_type.split('(').next().unwrap_or_default().trim()
}

fn family(data_type: &str) -> Family {
    let words = data_type.to_ascii_lowercase();
    let name = name(&words);
    if words.contains('[') {
        return Family::Other;
    }
    match name {
        _ if name.starts_with("timestamp") || name == "datetime" => Family::Moment,
        _ if name.starts_with("time") => Family::Time,
        _ if name.starts_with("double") => Family::Number,
        "text" | "varchar" | "char" | "character" | "character varying" | "clob" | "string" => Family::Text,
        "smallint" | "integer" | "bigint" | "int" | "int2" | "int4" | "int8" | "real" | "float" | "float4"
        | "float8" | "numeric" | "decimal" | "tinyint" | "hugeint" => Family::Number,
        "boolean" | "bool" => Family::Boolean,
        "date" => Family::Date,
        "bytea" | "blob" => Family::Bytes,
        "json" | "jsonb" => Family::Json,
        "uuid" => Family::Uuid,
        _ => Family::Other,
    }
}

/// What rows that exist get in a new column that takes no NULL and has no default; `None` where nobody can know.
pub(super) fn filler(column: &Column) -> Option<&'static str> {
    Some(match family(&column.data_type) {
        Family::Text | Family::Bytes => "''",
        Family::Number => "0",
        Family::Boolean => "FALSE",
        Family::Moment => "'1970-01-01 00:00:00'",
        Family::Date => "'1970-01-01'",
        Family::Time => "'00:00:00'",
        Family::Json => "'{}'",
        Family::Uuid => "'00000000-0000-0000-0000-000000000000'",
        Family::Other => return None,
    })
}

/// Whether Postgres makes a value of one type one of the other by itself, as an assignment does: a text that is too long
/// for the new type is refused then, where a cast that is written out would cut it off.
pub(super) fn is_assigned(from: &str, to: &str) -> bool {
    use Family::{Date, Moment, Number, Other, Text, Time};
    match (family(from), family(to)) {
        (Other, _) | (_, Other) => false,
        (one, other) if one == other => true,
        (Text, _) => false,
        (_, Text) => true,
        (Moment, Date | Time) | (Date, Moment) => true,
        (Number, _) | (_, _) => false,
    }
}

/// Whether Postgres can compare values of two types, as a foreign key does.
pub(super) fn is_comparable(one: &str, other: &str) -> bool {
    use Family::{Date, Moment, Other};
    match (family(one), family(other)) {
        (Other, _) | (_, Other) | (Moment | Date, Moment | Date) => true,
        (one, other) => one == other,
    }
}

/// Whether two types are of one kind, so that an expression over values of one can be expected to take those of the other.
pub(super) fn is_kin(one: &str, other: &str) -> bool {
    use Family::{Date, Moment, Other};
    match (family(one), family(other)) {
        (Other, _) | (_, Other) => super::change::same_type(one, other),
        (Moment | Date, Moment | Date) => true,
        (one, other) => one == other,
    }
}

/// What stands for a type that SQLite and DuckDB take and Postgres has not.
pub(super) fn instead(data_type: &str) -> Option<&'static str> {
    let words = data_type.to_ascii_lowercase();
    Some(match name(&words) {
        "blob" | "binary" | "varbinary" => "BYTEA",
        "datetime" | "timestamp_s" | "timestamp_ms" | "timestamp_us" | "timestamp_ns" => "TIMESTAMP",
        "double" => "DOUBLE PRECISION",
        "tinyint" | "utinyint" => "SMALLINT",
        "mediumint" | "usmallint" => "INTEGER",
        "uinteger" => "BIGINT",
        "ubigint" | "hugeint" | "uhugeint" | "number" => "NUMERIC",
        "clob" | "string" | "tinytext" | "mediumtext" | "longtext" => "TEXT",
        "nvarchar" | "varchar2" => "VARCHAR",
        _ => return None,
    })
}

/// What becomes of the values of a column whose type changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Each is one of the new type.
    Kept,
    /// One that is none of the new type stops the migration.
    Refused,
    /// They are rounded, or parts of them cut off.
    Rounded,
}

/// What becomes of values of one type on the way to another, on an engine.
pub(super) fn fate(from: &str, to: &str, engine: Engine) -> Fate {
    use Family::{Date, Moment, Number, Text, Time};
    let (from, to) = (&*from.to_ascii_lowercase(), &*to.to_ascii_lowercase());
    match (family(from), family(to)) {
        // Only Postgres counts the characters.
        (_, Text) if numbers(to).is_empty() || engine != Engine::Postgres => match name(to) {
            "char" | "character" => Fate::Refused,
            _ => Fate::Kept,
        },
        (Text, Text) => match (numbers(from).first(), numbers(to).first()) {
            (Some(before), Some(now)) if before <= now => Fate::Kept,
            _ => Fate::Refused,
        },
        (Number, Number) => match (digits(from), digits(to)) {
            (Some((whole, part)), Some((whole_now, part_now))) if whole <= whole_now && part <= part_now => Fate::Kept,
            (Some((_, part)), Some((_, part_now))) if part <= part_now => Fate::Refused,
            // What a double holds exactly.
            (Some((whole, 0)), None) if whole <= 15 && is_double(to) => Fate::Kept,
            (None, None) if is_double(to) => Fate::Kept,
            _ => Fate::Rounded,
        },
        (Moment, Date | Time) => Fate::Rounded,
        (Date, Moment) => Fate::Kept,
        _ => Fate::Refused,
    }
}

/// The numbers in parentheses behind a type's name.
fn numbers(data_type: &str) -> Vec<u32> {
    let inner = data_type.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner);
    inner.map(|inner| inner.split(',').filter_map(|number| number.trim().parse().ok()).collect()).unwrap_or_default()
}

fn is_double(data_type: &str) -> bool {
    matches!(name(data_type), "double" | "double precision" | "float8" | "float")
}

/// How many digits a number has before and behind the point at most; `None` where they float.
fn digits(data_type: &str) -> Option<(u32, u32)> {
    Some(match name(data_type) {
        "tinyint" => (3, 0),
        "smallint" | "int2" => (5, 0),
        "int" | "integer" | "int4" => (10, 0),
        "bigint" | "int8" => (19, 0),
        "hugeint" => (39, 0),
        "numeric" | "decimal" => match numbers(data_type)[..] {
            [] => (u32::MAX, u32::MAX),
            [all] => (all, 0),
            [all, part, ..] => (all.saturating_sub(part), part),
        },
        _ => return None,
    })
}

/// The value of a column, whose name is given as it is spelled, as one of another type.
///
/// Where an engine knows no way from one type to the other, the value goes by its text: then it is the values that decide,
/// and not the statement that fails.
pub(super) fn cast(spelled: &str, from: &Column, to: &Column, engine: Engine) -> String {
    let target = &to.data_type;
    match (engine, family(&from.data_type), family(target)) {
        (_, Family::Boolean, Family::Number) => format!("CASE WHEN {spelled} THEN 1 WHEN NOT {spelled} THEN 0 END"),
        (Engine::Sqlite, Family::Boolean, Family::Text) => {
            format!("CASE WHEN {spelled} THEN 'true' WHEN NOT {spelled} THEN 'false' END")
        }
        (Engine::Sqlite, Family::Text, Family::Boolean) => format!(
            "CASE WHEN lower({spelled}) IN ('true', 't', '1') THEN TRUE WHEN lower({spelled}) IN ('false', 'f', '0') \
             THEN FALSE ELSE {spelled} END"
        ),
        // Values are kept as they are, as far as the column's affinity lets them.
        (Engine::Sqlite, _, _) => spelled.to_owned(),
        (_, Family::Number, Family::Boolean) => format!("{spelled} <> 0"),
        (_, one, other) if one == other || [one, other].contains(&Family::Text) => {
            format!("CAST({spelled} AS {target})")
        }
        (_, Family::Moment, Family::Date | Family::Time) | (_, Family::Date, Family::Moment) => {
            format!("CAST({spelled} AS {target})")
        }
        _ => format!("CAST(CAST({spelled} AS TEXT) AS {target})"),
    }
}
