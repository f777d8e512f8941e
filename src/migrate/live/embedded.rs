//! What an embedded file has: its tables, and beside them its indexes, triggers and views, those of a host program among them.

use crate::engine::{Engine, TextRow};
use crate::error::{Context, Result};
use crate::migrate::connection::MigrationConnection;
use crate::safety::{Catalogue, ColumnFacts, Existing, RelationName, TableFacts, TableObject};
use std::collections::{BTreeMap, BTreeSet};

const SQLITE: [&str; 2] = [
    "SELECT CASE WHEN lower(i.sql) LIKE 'create unique%' THEN 'unique index' ELSE 'index' END, lower(i.name), \
     lower(i.tbl_name), (SELECT group_concat(coalesce(lower(c.name), ''), ' ') FROM pragma_index_info(i.name) AS c) FROM sqlite_schema AS i WHERE i.type = 'index' AND i.sql IS NOT NULL ORDER BY 2",
    "SELECT type, lower(name), CASE type WHEN 'trigger' THEN lower(tbl_name) ELSE '' END, lower(sql) \
     FROM sqlite_schema WHERE type IN ('trigger', 'view') AND sql IS NOT NULL ORDER BY 1, 2",
];

/// Asked where rows are deleted or changed.
const SQLITE_CASCADES: [&str; 1] =
    ["SELECT 'cascade', iif(k.on_delete IN ('NO ACTION', 'RESTRICT'), '', 'delete') || \
     iif(k.on_update IN ('NO ACTION', 'RESTRICT'), '', ' update'), lower(t.name), lower(k.\"table\") \
     FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS k WHERE t.type = 'table' AND k.seq = 0 \
     AND 2 > (k.on_delete IN ('NO ACTION', 'RESTRICT')) + (k.on_update IN ('NO ACTION', 'RESTRICT')) ORDER BY 3, 4"];

const DUCKDB: [&str; 5] = [
    "SELECT CASE WHEN is_unique THEN 'unique index' ELSE 'index' END, lower(index_name), lower(table_name), lower(expressions) \
     FROM duckdb_indexes() WHERE database_name = current_database() AND schema_name = current_schema() ORDER BY 2",
    "SELECT 'foreign key', '', lower(table_name), lower(referenced_table) FROM duckdb_constraints() \
     WHERE constraint_type = 'FOREIGN KEY' AND database_name = current_database() ORDER BY 3, 4",
    "SELECT 'default', lower(column_name), lower(table_name), lower(column_default) FROM duckdb_columns() \
     WHERE column_default LIKE '%(%' AND database_name = current_database() AND NOT internal ORDER BY 3, 2",
    "SELECT 'trigger', lower(trigger_name), lower(table_name), lower(sql) FROM duckdb_triggers() \
     WHERE database_name = current_database() AND schema_name = current_schema() ORDER BY 3, 2",
    "SELECT 'view', lower(v.view_name), '', (SELECT string_agg(lower(c.column_name), ' ' ORDER BY c.column_index) \
     FROM duckdb_columns() AS c WHERE c.table_oid = v.view_oid AND c.database_name = current_database()) \
     FROM duckdb_views() AS v WHERE v.database_name = current_database() AND v.schema_name = current_schema() \
     AND NOT v.internal ORDER BY 2",
];

/// Asked where something takes the place of another: what macros take.
const DUCKDB_REPLACED: [&str; 1] =
    ["SELECT 'macro', lower(function_name), '', lower(array_to_string(parameters, ' ')) FROM duckdb_functions() \
     WHERE database_name = current_database() AND schema_name = current_schema() \
     AND function_type IN ('macro', 'table_macro') AND NOT internal ORDER BY 2"];

/// The tables, whether one is alone under its name, where names without a schema are looked for, and what makes it.
const SQLITE_TABLES: &str = "SELECT lower(name), 'true', sql FROM sqlite_schema WHERE type = 'table'";
const DUCKDB_TABLES: &str = "SELECT lower(table_name), bool_and(schema_name = current_schema())::VARCHAR, any_value(sql) FROM duckdb_tables() \
     WHERE database_name = current_database() GROUP BY 1";

/// The types of all columns. SQLite keeps in a column whatever comes.
const DUCKDB_COLUMNS: &str = "SELECT lower(table_name), lower(column_name), data_type FROM duckdb_columns() \
     WHERE database_name = current_database() AND schema_name = current_schema() AND NOT internal";

/// What a file has; of the tables that some texts may name, whether they are empty too. Writes nothing.
///
/// # Errors
/// What the engine says.
pub(crate) fn embedded_catalogue<'a>(
    connection: &mut dyn MigrationConnection,
    texts: impl Iterator<Item = &'a str>,
) -> Result<Catalogue> {
    let mut named: BTreeSet<String> = texts.flat_map(super::names).map(|name| name.to_lowercase()).collect();
    let is_any = |words: &[&str]| words.iter().any(|word| named.contains(*word));
    let (always, sometimes) = match connection.engine() {
        Engine::Sqlite => (&SQLITE[..], if is_any(&["delete", "update"]) { &SQLITE_CASCADES[..] } else { &[] }),
        _ => (&DUCKDB[..], if is_any(&["replace"]) { &DUCKDB_REPLACED[..] } else { &[] }),
    };
    let mut objects = Vec::new();
    for query in always.iter().chain(sometimes) {
        let rows = connection.query(query).context("reading what the database has")?;
        objects.extend(rows.into_iter().map(object));
    }
    // Whether rows would be left behind hangs on whether there are any.
    let is_reached =
        |object: &&TableObject| object.kind == "cascade" && object.uses.iter().any(|to| named.contains(to));
    let reached: Vec<String> =
        objects.iter().filter(is_reached).map(|object: &TableObject| object.table.clone()).collect();
    named.extend(reached);
    let existing = Some(Existing::default());
    Ok(Catalogue { objects, tables: tables(connection, &named)?, existing, ..Catalogue::default() })
}

/// All tables, without their schemas; of those that are named, the types of their columns and whether they are empty.
fn tables(
    connection: &mut dyn MigrationConnection,
    named: &BTreeSet<String>,
) -> Result<BTreeMap<RelationName, TableFacts>> {
    let is_sqlite = connection.engine() == Engine::Sqlite;
    let rows = connection
        .query(if is_sqlite { SQLITE_TABLES } else { DUCKDB_TABLES })
        .context("reading which tables the database has")?;
    let mut tables: BTreeMap<String, TableFacts> = BTreeMap::new();
    let mut are_any_named = false;
    for row in rows {
        let [Some(name), is_alone, definition] = <[Option<String>; 3]>::try_from(row).unwrap_or_default() else {
            continue;
        };
        let mut facts = TableFacts::default();
        if named.contains(&name) && is_alone.as_deref() == Some("true") {
            are_any_named = true;
            facts.definition = definition;
            let query = format!("SELECT 1 FROM \"{}\" LIMIT 1", name.replace('"', "\"\""));
            // One that cannot be read counts as full.
            facts.empty = connection.query(&query).is_ok_and(|rows| rows.is_empty());
        }
        tables.insert(name, facts);
    }
    if are_any_named && !is_sqlite {
        for row in connection.query(DUCKDB_COLUMNS).context("reading the types of columns")? {
            let [Some(table), Some(column), Some(data_type)] = <[_; 3]>::try_from(row).unwrap_or_default() else {
                continue;
            };
            if let Some(facts) = tables.get_mut(&table).filter(|_| named.contains(&table)) {
                facts.columns.insert(column, ColumnFacts { data_type, ..ColumnFacts::default() });
            }
        }
    }
    let relation = |name| RelationName { schema: String::new(), name };
    Ok(tables.into_iter().map(|(name, facts)| (relation(name), facts)).collect())
}

fn object(row: TextRow) -> TableObject {
    let [kind, name, table, uses] =
        <[Option<String>; 4]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default);
    let words = uses.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$');
    let uses = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    TableObject { kind, name, table, uses }
}
