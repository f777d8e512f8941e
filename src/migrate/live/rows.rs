//! Rows of an embedded file at which a migration would fail: found by trying it on a copy in memory, or by asking for them.

use crate::engine::Engine;
use crate::migrate::connection::{MigrationConnection, Transaction, quoted};
use crate::migrate::script::Script;
use crate::migrate::steps::words;
use crate::safety::{AtRows, FailsAtRows, Input};
use std::collections::BTreeSet;

/// The largest file of SQLite that is copied: it is in memory, and what is tried on it may double it.
const MOST_BYTES: u64 = 64 << 20;

/// How many rows of a table of DuckDB are looked at: no more are kept in memory to be compared.
const MOST_ROWS: usize = 100_000;

/// What becomes of some files, which run next and in this order, at the rows that a database has. Writes nothing.
pub(crate) fn met_by_rows<'a>(
    connection: &mut dyn MigrationConnection,
    inputs: impl Iterator<Item = &'a Input>,
) -> AtRows {
    match connection.engine() {
        Engine::Sqlite => tried(connection, inputs).unwrap_or_default(),
        Engine::DuckDb => asked(connection, inputs),
        Engine::Postgres => AtRows::Unknown,
    }
}

/// What a statement does, as far as a copy tells. What was changed before it has been changed there too.
fn tried<'a>(connection: &mut dyn MigrationConnection, inputs: impl Iterator<Item = &'a Input>) -> Option<AtRows> {
    let mut inputs = inputs.peekable();
    inputs.peek()?;
    let mut copy = connection.copied_to_memory(MOST_BYTES)?;
    for input in inputs {
        let script = Script::new(&input.file, &input.text);
        // Each of its steps is a transaction of its own.
        if script.is_without_transaction() || script.check_transaction(Engine::Sqlite).is_err() {
            return None;
        }
        let statements = script.statements(Engine::Sqlite);
        let fails = |at: usize, message: &str| {
            let range = statements.get(at)?.range.clone();
            let message = message.to_owned();
            Some(AtRows::Fails(FailsAtRows { file: input.file.clone(), range, message }))
        };
        copy.begin(&Transaction::default()).ok()?;
        for (at, statement) in statements.iter().enumerate() {
            if words(statement.text, Engine::Sqlite)
                .first()
                .is_some_and(|verb| matches!(verb.as_str(), "attach" | "pragma"))
            {
                return None;
            }
            if let Err(error) = copy.execute(statement.text) {
                let message = error.message().trim_start_matches("SQLite: ");
                let is_of_rows = ["constraint failed", "cannot store ", "datatype mismatch"];
                return fails(at, message).filter(|_| is_of_rows.iter().any(|said| message.contains(said)));
            }
        }
        if let Err(error) = copy.commit() {
            let is_of_rows = error.message().contains("rows would refer to ");
            return fails(statements.len().checked_sub(1)?, error.message()).filter(|_| is_of_rows);
        }
        copy.reset().ok()?;
    }
    Some(AtRows::Runs)
}

/// What is asked for: rows that are alike in what is to be unique, or have no value. Of tables that were changed before in these
/// files, nothing is known.
fn asked<'a>(connection: &mut dyn MigrationConnection, inputs: impl Iterator<Item = &'a Input>) -> AtRows {
    let mut are_known = true;
    let mut named = BTreeSet::new();
    for input in inputs {
        let script = Script::new(&input.file, &input.text);
        for statement in script.statements(Engine::DuckDb) {
            let said = words(statement.text, Engine::DuckDb);
            let said: Vec<&str> = said.iter().map(String::as_str).collect();
            let looked_into = looked_into(&said);
            are_known &= looked_into.is_some() || !said.starts_with(&["create", "unique", "index"]);
            if let Some((table, columns, is_null_wrong, is_unique)) = looked_into {
                if named.contains(&table.to_lowercase()) {
                    are_known = false;
                    continue;
                }
                let columns: Vec<String> =
                    columns.iter().map(|column| unquoted(column)).map(|column| quoted(&column)).collect();
                let of = format!("(SELECT * FROM {} LIMIT {MOST_ROWS})", quoted(&table));
                let null = columns.iter().map(|column| format!("{column} IS NULL")).collect::<Vec<_>>().join(" OR ");
                let list = columns.join(", ");
                let mut has = |query: String| connection.query(&query).is_ok_and(|rows| !rows.is_empty());
                let message = match () {
                    () if is_null_wrong && has(format!("SELECT 1 FROM {of} WHERE {null} LIMIT 1")) => {
                        Some(format!("rows of {table} have no value in {list}"))
                    }
                    () if is_unique
                        && has(format!(
                            "SELECT 1 FROM {of} WHERE NOT ({null}) GROUP BY {list} HAVING count(*) > 1 LIMIT 1"
                        )) =>
                    {
                        Some(format!("rows of {table} are alike in {list}"))
                    }
                    () => None,
                };
                if let Some(message) = message {
                    let (file, range) = (input.file.clone(), statement.range.clone());
                    return AtRows::Fails(FailsAtRows { file, range, message });
                }
                let more = format!("SELECT 1 FROM {} LIMIT 1 OFFSET {MOST_ROWS}", quoted(&table));
                are_known &= connection.query(&more).is_ok_and(|rows| rows.is_empty());
            }
            let names = said.iter().map(|word| unquoted(word).to_lowercase());
            if !matches!(said.first(), Some(&"select")) {
                named.extend(names);
            }
        }
    }
    if are_known { AtRows::Runs } else { AtRows::Unknown }
}

/// The table and the columns of which a statement wants values, or that no two are alike: whether either.
fn looked_into(said: &[&str]) -> Option<(String, Vec<String>, bool, bool)> {
    let list = |at: usize| -> Option<Vec<String>> {
        let end = (at..said.len()).find(|at| said[*at] == ")").filter(|end| *end + 1 == said.len())?;
        let columns = said.get(at + 1..end)?.split(|word| *word == ",");
        columns.map(|column| <[&str; 1]>::try_from(column).ok().map(|[column]| column.to_owned())).collect()
    };
    match said {
        ["create", "unique", "index", rest @ ..] => {
            let on = rest.iter().position(|word| *word == "on")? + 4;
            let open = on + 1;
            let table = said.get(on).filter(|_| said.get(open) == Some(&"("))?;
            Some((unquoted(table), list(open)?, false, true))
        }
        ["alter", "table", table, "alter", rest @ ..] => {
            let rest = rest.strip_prefix(&["column"]).unwrap_or(rest);
            match rest {
                [column, "set", "not", "null"] => Some((unquoted(table), vec![(*column).to_owned()], true, false)),
                _ => None,
            }
        }
        ["alter", "table", table, "add", rest @ ..] => {
            let rest = if rest.first() == Some(&"constraint") { rest.get(2..)? } else { rest };
            let is_primary = rest.starts_with(&["primary", "key", "("]);
            let is_unique = rest.starts_with(&["unique", "("]);
            let open = said.iter().position(|word| *word == "(")?;
            (is_primary || is_unique).then_some((unquoted(table), list(open)?, is_primary, true))
        }
        _ => None,
    }
}

/// A name without its quotes.
fn unquoted(word: &str) -> String {
    match word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => word.to_owned(),
    }
}
