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

fn family(data_type: &str) -> Family {
    let words = data_type.to_ascii_lowercase();
    let name = words.split('(').next().unwrap_or_default().trim();
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
