//! What a statement did not find where it was tried, as the engine says it, and whether another database has it.

use super::connection::{MigrationConnection, Transaction, literal, quoted};
use super::schema::Schema;
use super::steps::words;
use crate::engine::Engine;
use crate::error::{Error, Result};
use std::collections::BTreeSet;

/// Something that a statement needs and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Absent {
    kind: Kind,
    /// As the engine names it; empty where nothing can be looked for, such as a right of the user.
    pub(super) name: String,
    /// The tables, or what else it may be of, in small letters.
    of: BTreeSet<String>,
    /// Of a schema, what the statement names in it and does not make: that must be there too.
    within: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A table, a view, an index, a sequence.
    Relation,
    Schema,
    Function,
    Operator,
    Column,
    /// What a server can have installed.
    Extension,
    /// A type, a role, a trigger and whatever else has a name.
    Any,
    /// It is not known what, or nobody can say who has it.
    Unknown,
}

impl Absent {
    /// Reads an error of an engine; `None` when it does not say that something is missing. What an engine has built in, or a
    /// program gives it, is the same for every database: that it is missing is a fault of the statement.
    pub(super) fn read(engine: Engine, error: &Error, statement: &str) -> Option<Self> {
        let said = words(statement, engine);
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        let (kind, name) = match engine {
            // What it computes from rows, it computes from other ones there.
            _ if reads_rows(&said) && is_of_data(engine, error.message()) => (Kind::Unknown, String::new()),
            Engine::Postgres => on_postgres(error.message(), &said)?,
            Engine::Sqlite => on_sqlite(error.message())?,
            Engine::DuckDb => on_duckdb(error.message())?,
        };
        let within = if kind == Kind::Schema { named_in(&name, &said) } else { Vec::new() };
        // A column is of one of the tables that the statement names.
        Some(Self { kind, name, of: word_set(statement), within })
    }

    /// The name without what stands before it, in small letters.
    pub(super) fn last_name(&self) -> String {
        self.name.rsplit('.').next().unwrap_or_default().to_lowercase()
    }

    /// Its name, where it is something of no particular kind, such as a role.
    pub(super) fn into_any(self) -> Option<String> {
        (self.kind == Kind::Any).then_some(self.name)
    }

    /// Whether it would be in a state with these relations, those of a schema, if it had been made with them: what is not
    /// there any more was taken away, and what a table never had is a mistake.
    pub(super) fn is_of(&self, state: &Schema, schema: &str) -> bool {
        let name = self.last_name();
        let is_elsewhere = self.name.rsplit_once('.').is_some_and(|(before, _)| ![schema, "main"].contains(&before));
        let is_name = |other: &String| other.to_lowercase() == name;
        match self.kind {
            Kind::Column => state.tables.values().flat_map(|table| &table.columns).any(|column| is_name(&column.name)),
            Kind::Relation | Kind::Any => !is_elsewhere && state.tables.keys().chain(state.views.keys()).any(is_name),
            _ => false,
        }
    }

    /// Whether a database has it, for a set whose tables are in a schema; `None` where that cannot be said. Writes nothing.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn is_in(&self, connection: &mut dyn MigrationConnection, schema: &str) -> Result<Option<bool>> {
        let query = match connection.engine() {
            _ if self.name.is_empty() => return Ok(None),
            Engine::Postgres => self.query_of_postgres(),
            Engine::Sqlite => Some(self.query_of_sqlite()),
            Engine::DuckDb => Some(self.query_of_duckdb()),
        };
        let Some(query) = query else { return Ok(None) };
        connection.begin(&Transaction { schema: Some(schema), read_only: true, ..Transaction::default() })?;
        let rows = connection.query(&format!("SELECT 1 WHERE {query}"));
        connection.rollback()?;
        Ok(Some(!rows?.is_empty()))
    }

    fn query_of_postgres(&self) -> Option<String> {
        // A name with a dot in it is a name with a schema, or a name with a dot in it.
        let whole = literal(&quoted(&self.name));
        let (schema, last) = self.name.rsplit_once('.').unwrap_or(("", &self.name));
        let last = literal(last);
        let of = self.of.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
        let visible = |is_visible: &str, namespace: &str| match schema {
            "" => format!("{is_visible} AND {namespace} <> 'pg_catalog'::regnamespace"),
            _ => format!("{namespace} = pg_catalog.to_regnamespace({})", literal(&quoted(schema))),
        };
        Some(match self.kind {
            Kind::Relation => {
                let parts = literal(&self.name.split('.').map(quoted).collect::<Vec<_>>().join("."));
                format!("COALESCE(pg_catalog.to_regclass({parts}), pg_catalog.to_regclass({whole})) IS NOT NULL")
            }
            Kind::Schema => {
                let namespace = format!("pg_catalog.to_regnamespace({whole})");
                let is_there = |name: &String| {
                    let name = literal(name);
                    format!(
                        " AND (EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = {name} AND relnamespace = {namespace}) \
                         OR EXISTS (SELECT 1 FROM pg_catalog.pg_type WHERE typname = {name} AND typnamespace = {namespace}) \
                         OR EXISTS (SELECT 1 FROM pg_catalog.pg_proc WHERE proname = {name} AND pronamespace = {namespace}))"
                    )
                };
                format!("{namespace} IS NOT NULL{}", self.within.iter().map(is_there).collect::<String>())
            }
            Kind::Function => format!(
                "EXISTS (SELECT 1 FROM pg_catalog.pg_proc AS p WHERE p.proname = {last} AND {})",
                visible("pg_catalog.pg_function_is_visible(p.oid)", "p.pronamespace")
            ),
            Kind::Operator => format!(
                "EXISTS (SELECT 1 FROM pg_catalog.pg_operator AS o WHERE o.oprname = {} AND {})",
                literal(&self.name),
                visible("pg_catalog.pg_operator_is_visible(o.oid)", "o.oprnamespace")
            ),
            Kind::Column => format!(
                "EXISTS (SELECT 1 FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid \
                 WHERE a.attname = {last} AND a.attnum > 0 AND NOT a.attisdropped AND lower(c.relname) IN ({of}))"
            ),
            Kind::Extension => {
                format!(
                    "EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions AS e WHERE e.name = {})",
                    literal(&self.name)
                )
            }
            Kind::Any => {
                let is_named = |(table, column): &(&str, &str)| {
                    format!("EXISTS (SELECT 1 FROM pg_catalog.{table} AS o WHERE o.{column} = {last})")
                };
                NAMED_ON_POSTGRES.iter().map(is_named).collect::<Vec<_>>().join(" OR ")
            }
            Kind::Unknown => return None,
        })
    }

    fn query_of_sqlite(&self) -> String {
        let name = literal(&self.last_name());
        match self.kind {
            Kind::Column => format!(
                "EXISTS (SELECT 1 FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE lower(c.name) = {name} \
                 AND lower(t.name) IN ({}))",
                self.of.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ")
            ),
            _ => format!("EXISTS (SELECT 1 FROM sqlite_schema WHERE lower(name) = {name})"),
        }
    }

    fn query_of_duckdb(&self) -> String {
        let name = literal(&self.last_name());
        let of = self.of.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
        match self.kind {
            Kind::Column => format!(
                "EXISTS (SELECT 1 FROM duckdb_columns() WHERE lower(column_name) = {name} AND lower(table_name) IN ({of}))"
            ),
            _ => {
                let is_named = |(table, column): &(&str, &str)| {
                    format!("EXISTS (SELECT 1 FROM {table} AND lower({column}) = {name})")
                };
                NAMED_ON_DUCKDB.iter().map(is_named).collect::<Vec<_>>().join(" OR ")
            }
        }
    }
}

/// Where a server keeps names.
const NAMED_ON_POSTGRES: [(&str, &str); 22] = [
    ("pg_class", "relname"),
    ("pg_type", "typname"),
    ("pg_roles", "rolname"),
    ("pg_constraint", "conname"),
    ("pg_trigger", "tgname"),
    ("pg_policy", "polname"),
    ("pg_rewrite", "rulename"),
    ("pg_extension", "extname"),
    ("pg_language", "lanname"),
    ("pg_opclass", "opcname"),
    ("pg_opfamily", "opfname"),
    ("pg_am", "amname"),
    ("pg_collation", "collname"),
    ("pg_ts_config", "cfgname"),
    ("pg_ts_dict", "dictname"),
    ("pg_publication", "pubname"),
    ("pg_foreign_server", "srvname"),
    ("pg_foreign_data_wrapper", "fdwname"),
    ("pg_statistic_ext", "stxname"),
    ("pg_tablespace", "spcname"),
    ("pg_event_trigger", "evtname"),
    ("pg_settings", "name"),
];

/// Where DuckDB keeps names, and what of it is its own.
const NAMED_ON_DUCKDB: [(&str, &str); 7] = [
    ("duckdb_tables() WHERE NOT internal", "table_name"),
    ("duckdb_views() WHERE NOT internal", "view_name"),
    ("duckdb_types() WHERE NOT internal", "type_name"),
    ("duckdb_schemas() WHERE NOT internal", "schema_name"),
    ("duckdb_functions() WHERE NOT internal", "function_name"),
    ("duckdb_indexes() WHERE true", "index_name"),
    ("duckdb_sequences() WHERE true", "sequence_name"),
];

/// Whether a statement may take values from rows that are there.
fn reads_rows(said: &[&str]) -> bool {
    said.first().is_some_and(|first| ["do", "call"].contains(first))
        || said.iter().any(|word| ["select", "from", "using"].contains(word))
}

/// Whether an error is of values: one that cannot be, or that a constraint refuses.
fn is_of_data(engine: Engine, message: &str) -> bool {
    match engine {
        Engine::Postgres => ["(SQLSTATE 22", "(SQLSTATE 23"].iter().any(|class| message.contains(class)),
        Engine::Sqlite => message.contains("constraint failed"),
        Engine::DuckDb => {
            ["Constraint Error", "Conversion Error", "Out of Range Error"].iter().any(|said| message.contains(said))
        }
    }
}

/// The server's words may be in any language: what counts is the code, and what stands between quotes.
fn on_postgres(message: &str, said: &[&str]) -> Option<(Kind, String)> {
    let code = message.rsplit_once("(SQLSTATE ")?.1.trim_end_matches(')');
    let text = message.rsplit_once("(SQLSTATE ").map_or(message, |(text, _)| text);
    let text = text.strip_prefix("PostgreSQL: ").unwrap_or(text);
    let named = |kind: Kind| match between_quotes(text) {
        Some(name) => (kind, name),
        None => (Kind::Unknown, String::new()),
    };
    // What a server has installed, and what it lets its users install, is not the migration's doing.
    if let ["create", "extension", rest @ ..] = said {
        let name = rest.iter().find(|word| !["if", "not", "exists"].contains(word))?;
        let name = name.trim_matches('"').to_owned();
        return (!["42601", "42710"].contains(&code)).then_some((Kind::Extension, name));
    }
    Some(match code {
        "42P01" => named(Kind::Relation),
        "3F000" => named(Kind::Schema),
        "42883" => function_or_operator(text),
        "42704" => named(Kind::Any),
        "42703" => match (between_quotes(text), text.strip_prefix("column ").and_then(|rest| rest.split(' ').next())) {
            (Some(name), _) => (Kind::Column, name),
            (None, Some(name)) => (Kind::Column, name.to_owned()),
            (None, None) => (Kind::Unknown, String::new()),
        },
        // SET ROLE.
        "22023" if said.contains(&"role") => named(Kind::Any),
        // A right of the user, a library of the server; a row that another one refers to, or that a block looks for.
        "42501" | "58P01" | "23503" | "P0001" | "P0002" => (Kind::Unknown, String::new()),
        _ => return None,
    })
}

/// The names of what a statement uses in a schema. What a CREATE names before anything else, it makes.
fn named_in(schema: &str, said: &[&str]) -> Vec<String> {
    let unquoted = |word: &str| word.trim_matches('"').to_owned();
    let is_name =
        |word: &str| word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_' || letter == '"');
    let begin = said.iter().take_while(|word| MAKING.contains(word)).count();
    let uses = said.get(begin..).filter(|_| begin > 0).map_or(said, |rest| match rest {
        [first, ".", _, rest @ ..] if unquoted(first) == schema => rest,
        rest => rest,
    });
    let named = uses.windows(3).filter(|words| unquoted(words[0]) == schema && words[1] == "." && is_name(words[2]));
    named.map(|words| unquoted(words[2])).collect()
}

/// The words with which a statement begins that makes something, up to its name.
const MAKING: [&str; 15] = [
    "create",
    "or",
    "replace",
    "unlogged",
    "materialized",
    "table",
    "view",
    "type",
    "domain",
    "sequence",
    "function",
    "procedure",
    "if",
    "not",
    "exists",
];

/// `function f(integer) does not exist`, `operator does not exist: text % text`.
fn function_or_operator(text: &str) -> (Kind, String) {
    let is_operator = |word: &&str| !word.is_empty() && word.chars().all(|sign| "+-*/<>=~!@#%^&|?`".contains(sign));
    if let Some(operator) = text.split_whitespace().find(is_operator) {
        return (Kind::Operator, operator.to_owned());
    }
    let function = text.split_once('(').and_then(|(before, _)| before.split_whitespace().last());
    match function {
        Some(name) => (Kind::Function, name.replace('"', "")),
        None => (Kind::Unknown, String::new()),
    }
}

/// What stands between the first quotes of a text, of whatever sort they are.
fn between_quotes(text: &str) -> Option<String> {
    let (at, open) = text.char_indices().find(|(_, sign)| ['"', '«', '„', '“', '»'].contains(sign))?;
    let rest = text.get(at + open.len_utf8()..)?;
    let end = rest.find(['"', '»', '“', '”', '«'])?;
    rest.get(..end).map(|name| name.trim().to_owned())
}

fn on_sqlite(message: &str) -> Option<(Kind, String)> {
    let after = |said: &str| {
        let rest = message.split_once(said)?.1;
        rest.split([',', '\n']).next().map(|name| name.trim().trim_matches('"').to_owned())
    };
    if message.contains("rows would refer to what does not exist") {
        return Some((Kind::Unknown, String::new()));
    }
    for said in ["no such table: ", "no such view: ", "no such index: ", "no such trigger: "] {
        if let Some(name) = after(said) {
            return Some((Kind::Relation, name));
        }
    }
    ["no such column: ", "has no column named "].into_iter().find_map(after).map(|name| (Kind::Column, name))
}

fn on_duckdb(message: &str) -> Option<(Kind, String)> {
    let unquoted = |name: &str| name.trim().trim_matches(['"', '\'']).to_owned();
    if message.contains("Violates foreign key constraint because key") && message.contains("does not exist") {
        return Some((Kind::Unknown, String::new()));
    }
    if let Some((before, rest)) = message.split_once(" with name ")
        && let Some((name, _)) = rest.split_once(" does not exist")
        && before.contains("Catalog Error")
    {
        return Some((Kind::Any, unquoted(name)));
    }
    for said in ["Referenced column \"", "does not have a column with name \"", "does not have a column named \""] {
        if let Some((name, _)) = message.split_once(said).and_then(|(_, rest)| rest.split_once('"')) {
            return Some((Kind::Column, name.to_owned()));
        }
    }
    None
}

/// Whatever may be a name in a text, in small letters.
pub(super) fn word_set(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn read(engine: Engine, message: &str, statement: &str) -> Option<(Kind, String)> {
        let error = Error::new(ErrorKind::Backend, message.to_owned());
        Absent::read(engine, &error, statement).map(|absent| (absent.kind, absent.name))
    }

    #[test]
    fn what_is_missing_is_read_from_what_the_engine_says() {
        let name = |kind: Kind, name: &str| Some((kind, name.to_owned()));
        let postgres = |text: &str, code: &str| {
            read(Engine::Postgres, &format!("PostgreSQL: {text} (SQLSTATE {code})"), "VALUES (1)")
        };
        for (text, code, expected) in [
            ("relation \"app.users\" does not exist", "42P01", name(Kind::Relation, "app.users")),
            ("Relation »users« existiert nicht", "42P01", name(Kind::Relation, "users")),
            ("la relation « users » n'existe pas", "42P01", name(Kind::Relation, "users")),
            ("schema \"app\" does not exist", "3F000", name(Kind::Schema, "app")),
            ("function app.f(integer) does not exist", "42883", name(Kind::Function, "app.f")),
            ("operator does not exist: text % text", "42883", name(Kind::Operator, "%")),
            ("type \"mood\" does not exist", "42704", name(Kind::Any, "mood")),
            ("column \"a\" of relation \"b\" does not exist", "42703", name(Kind::Column, "a")),
            ("column b.a does not exist", "42703", name(Kind::Column, "b.a")),
            ("permission denied", "42501", name(Kind::Unknown, "")),
            ("division by zero", "22012", None),
            ("syntax error at or near \"users\"", "42601", None),
            ("relation \"users\" already exists", "42P07", None),
        ] {
            assert_eq!(postgres(text, code), expected, "{text}");
        }
        let extension = |code: &str| {
            let statement = "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" SCHEMA public";
            read(Engine::Postgres, &format!("PostgreSQL: x (SQLSTATE {code})"), statement)
        };
        for code in ["0A000", "58P01", "42501", "55000"] {
            assert_eq!(extension(code), name(Kind::Extension, "uuid-ossp"));
        }
        assert_eq!(extension("42601"), None);
        for (text, expected) in [
            ("SQLite: no such table: main.users", name(Kind::Relation, "main.users")),
            ("SQLite: error in view v: no such table: main.users", name(Kind::Relation, "main.users")),
            ("SQLite: table a has no column named b", name(Kind::Column, "b")),
            ("SQLite: no such function: f", None),
            ("SQLite: near \"FORM\": syntax error", None),
            ("SQLite: UNIQUE constraint failed: a.b", None),
        ] {
            assert_eq!(read(Engine::Sqlite, text, "VALUES (1)"), expected, "{text}");
        }
        for (text, expected) in [
            ("DuckDB: Catalog Error: Table with name users does not exist!\nDid you mean", name(Kind::Any, "users")),
            ("DuckDB: Binder Error: Referenced column \"b\" not found in FROM clause!", name(Kind::Column, "b")),
            ("DuckDB: Conversion Error: Could not convert string 'x' to INT32", None),
            ("DuckDB: Catalog Error: Table with name \"a\" already exists!", None),
        ] {
            assert_eq!(read(Engine::DuckDb, text, "VALUES (1)"), expected, "{text}");
        }
    }

    #[test]
    fn what_is_used_in_a_schema_is_not_what_is_made_there() {
        for (statement, expected) in [
            ("CREATE TABLE IF NOT EXISTS app.a (b BIGINT REFERENCES \"app\".\"C\" (d))", &["C"][..]),
            ("CREATE INDEX i ON app.a (b)", &["a"]),
            ("INSERT INTO b SELECT app.f(1) FROM App.a WHERE c = 'app.x'", &["f", "a"]),
            ("CREATE VIEW v AS SELECT 1", &[]),
        ] {
            let said = words(statement, Engine::Postgres);
            let said: Vec<&str> = said.iter().map(String::as_str).collect();
            assert_eq!(named_in("app", &said), expected, "{statement}");
        }
    }
}
