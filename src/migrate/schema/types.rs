//! One spelling for the types that are the same.

use crate::engine::Engine;

/// The names of types that mean the same everywhere, each with the one that stands for all.
const SAME: [(&str, &str); 38] = [
    ("text", "text"),
    ("clob", "text"),
    ("string", "text"),
    ("varchar", "varchar"),
    ("character varying", "varchar"),
    ("char varying", "varchar"),
    ("char", "char"),
    ("character", "char"),
    ("bpchar", "char"),
    ("smallint", "smallint"),
    ("int2", "smallint"),
    ("integer", "integer"),
    ("int", "integer"),
    ("int4", "integer"),
    ("bigint", "bigint"),
    ("int8", "bigint"),
    ("real", "real"),
    ("float4", "real"),
    ("double precision", "double"),
    ("double", "double"),
    ("float8", "double"),
    ("numeric", "numeric"),
    ("decimal", "numeric"),
    ("dec", "numeric"),
    ("boolean", "boolean"),
    ("bool", "boolean"),
    ("bytea", "bytea"),
    ("blob", "bytea"),
    ("binary", "bytea"),
    ("varbinary", "bytea"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("datetime", "timestamp"),
    ("time with time zone", "timetz"),
    ("time without time zone", "time"),
    ("bit varying", "varbit"),
    ("national character varying", "varchar"),
    ("nvarchar", "varchar"),
];

/// The one spelling of a type on an engine: in small letters, with its length or precision, `varchar(20)`.
pub(super) fn normal(data_type: &str, engine: Engine) -> String {
    let mut dimensions = 0;
    let mut element = data_type.trim();
    while let Some(rest) = element.strip_suffix(']') {
        let Some((inner, length)) = rest.rsplit_once('[') else { break };
        if !length.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        (element, dimensions) = (inner.trim_end(), dimensions + 1);
    }
    let (name, length, rest) = match element.split_once('(').and_then(|(name, rest)| {
        let (length, rest) = rest.split_once(')')?;
        Some((name, length, rest))
    }) {
        Some((name, length, rest)) => (name, length.split_whitespace().collect::<String>(), rest),
        None => (element, String::new(), ""),
    };
    let words: Vec<String> = name
        .split_whitespace()
        .chain(rest.split_whitespace())
        .map(|word| word.replace('"', "").to_lowercase())
        .collect();
    let words = words.join(" ");
    let name = words.strip_prefix("pg_catalog.").unwrap_or(&words);
    let name = match (name, length.as_str()) {
        // A single one in DuckDB, and a double one elsewhere, unless a length says how many bits.
        ("float", "") if engine == Engine::DuckDb => "real",
        ("float", "") => "double",
        ("float", bits) => {
            let name = if bits.parse().is_ok_and(|bits: u32| bits <= 24) { "real" } else { "double" };
            return name.to_owned() + &"[]".repeat(dimensions);
        }
        ("timestamp_s", "") if engine == Engine::DuckDb => return "timestamp(0)".to_owned() + &"[]".repeat(dimensions),
        ("timestamp_ms", "") if engine == Engine::DuckDb => {
            return "timestamp(3)".to_owned() + &"[]".repeat(dimensions);
        }
        ("char" | "character", "") => return "char(1)".to_owned() + &"[]".repeat(dimensions),
        (name, _) => SAME.iter().find(|(other, _)| *other == name).map_or(name, |(_, same)| same),
    };
    let length = match (name, length.as_str()) {
        (_, "") => String::new(),
        ("numeric", precision) if !precision.contains(',') => format!("({precision},0)"),
        (_, length) => format!("({length})"),
    };
    format!("{name}{length}{}", "[]".repeat(dimensions))
}

/// Whether two types are the same, as far as the two engines can tell.
pub(super) fn same(one: (&str, Engine), other: (&str, Engine)) -> bool {
    let (mut a, mut b) = (normal(one.0, one.1), normal(other.0, other.1));
    if one.1 != other.1 {
        // DuckDB has one type for texts, without a length.
        let is_duckdb = one.1 == Engine::DuckDb || other.1 == Engine::DuckDb;
        (a, b) = (text(&a, is_duckdb), text(&b, is_duckdb));
    }
    a == b
}

fn text(normal: &str, without_length: bool) -> String {
    let (element, dimensions) = normal.split_at(normal.find('[').unwrap_or(normal.len()));
    let is_text = element == "varchar"
        || without_length && ["varchar(", "char(", "char"].iter().any(|start| element.starts_with(start));
    if is_text { format!("text{dimensions}") } else { normal.to_owned() }
}

/// Whether numbers are in a column of such a type.
pub(super) fn is_number(normal: &str) -> bool {
    let name = normal.split('(').next().unwrap_or_default();
    ["smallint", "integer", "bigint", "real", "double", "numeric", "tinyint", "hugeint"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Engine::{DuckDb, Postgres, Sqlite};

    #[test]
    fn one_type_is_one_whatever_an_engine_calls_it() {
        for (sqlite, duckdb, postgres) in [
            ("TEXT", "VARCHAR", "text"),
            ("VARCHAR(20)", "VARCHAR", "character varying(20)"),
            ("BIGINT", "BIGINT", "bigint"),
            ("int8", "BIGINT", "bigint"),
            ("INTEGER", "INTEGER", "integer"),
            ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", "timestamp with time zone"),
            ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "timestamp with time zone"),
            ("TIMESTAMP", "TIMESTAMP", "timestamp without time zone"),
            ("BYTEA", "BLOB", "bytea"),
            ("DOUBLE PRECISION", "DOUBLE", "double precision"),
            ("REAL", "FLOAT", "real"),
            ("BOOLEAN", "BOOLEAN", "boolean"),
            ("JSON", "JSON", "json"),
            ("DECIMAL( 10 , 2 )", "DECIMAL(10,2)", "numeric(10,2)"),
            ("CHAR(3)", "VARCHAR", "character(3)"),
            ("TEXT[]", "VARCHAR[]", "text[]"),
            ("DATE", "DATE", "date"),
            ("TIMESTAMP(3)", "TIMESTAMP_MS", "timestamp(3) without time zone"),
        ] {
            for (one, other) in [
                ((sqlite, Sqlite), (duckdb, DuckDb)),
                ((duckdb, DuckDb), (postgres, Postgres)),
                ((postgres, Postgres), (sqlite, Sqlite)),
            ] {
                assert!(same(one, other), "{one:?} {other:?}");
            }
        }
        assert!(same(("VARCHAR(20)", Sqlite), ("character varying (20)", Sqlite)));
    }

    #[test]
    fn other_types_are_others() {
        for (one, other) in [
            (("INTEGER", Sqlite), ("bigint", Postgres)),
            (("VARCHAR(20)", Sqlite), ("character varying(30)", Postgres)),
            (("VARCHAR(20)", Sqlite), ("text", Postgres)),
            (("TEXT", Sqlite), ("VARCHAR", Sqlite)),
            (("TIMESTAMP", Sqlite), ("timestamp with time zone", Postgres)),
            (("FLOAT", Sqlite), ("FLOAT", DuckDb)),
            (("json", Postgres), ("jsonb", Postgres)),
            (("NUMERIC", Sqlite), ("DECIMAL(18,3)", DuckDb)),
            (("text[]", Postgres), ("VARCHAR", DuckDb)),
            (("char(3)", Postgres), ("TEXT", Sqlite)),
        ] {
            assert!(!same(one, other), "{one:?} {other:?}");
        }
    }
}
