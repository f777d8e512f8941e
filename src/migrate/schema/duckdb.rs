//! Reading the catalogue of a DuckDB file. It keeps its tables as text too, in its own words: without names of constraints,
//! lengths of texts, and the order of an index.

use super::sqlite::texts;
use super::{Column, Index, Other, Schema, Table, View, create, view_query};
use crate::engine::Engine;
use crate::error::Result;
use crate::migrate::connection::MigrationConnection;
use std::sync::Arc;

/// What is the database's own, and not DuckDB's or an attached one's.
const HERE: &str = "database_name = current_database() AND schema_name = current_schema() AND NOT internal";

pub(super) fn read(connection: &mut dyn MigrationConnection) -> Result<Schema> {
    let mut schema = Schema { engine: Engine::DuckDb, ..Schema::default() };
    let mut query = |sql: &str| connection.query(&sql.replace("{here}", HERE));
    for row in query("SELECT view_name, sql FROM duckdb_views() WHERE {here}")? {
        let [name, sql] = texts(row);
        let definition = view_query(&sql, Engine::DuckDb);
        schema.views.insert(name.clone(), View { name, definition, columns: Vec::new(), sql: Some(sql) });
    }
    for row in query("SELECT table_name, sql FROM duckdb_tables() WHERE {here}")? {
        let [name, sql] = texts(row);
        schema.tables.insert(name.clone(), Arc::new(Table { name, sql: Some(sql), ..Table::default() }));
    }
    let columns = "SELECT table_name, column_name, data_type, is_nullable, column_default FROM duckdb_columns() \
                   WHERE {here} ORDER BY table_name, column_index";
    for mut row in query(columns)? {
        let default = row.get_mut(4).and_then(Option::take);
        let [relation, name, data_type, is_nullable] = texts(row);
        if let Some(view) = schema.views.get_mut(&relation) {
            view.columns.push(name);
        } else if let Some(table) = schema.table_mut(&relation) {
            let not_null = is_nullable == "false";
            table.columns.push(Column { name, data_type, not_null, default, ..Column::default() });
        }
    }
    for table in schema.tables_mut() {
        let definition = create::table(table.sql.as_deref().unwrap_or_default(), Engine::DuckDb);
        definition.complete(table);
    }
    let indexes = "SELECT table_name, index_name, sql FROM duckdb_indexes() WHERE database_name = current_database() \
                   AND schema_name = current_schema() AND sql IS NOT NULL";
    for row in query(indexes)? {
        let [table, name, sql] = texts(row);
        let definition = create::index(&sql, Engine::DuckDb);
        let (unique, parts, predicate) = (definition.unique, definition.parts, definition.predicate);
        let sql = Some(sql);
        let index = Index { name: name.clone(), unique, parts, predicate, valid: true, options: Vec::new(), sql };
        if let Some(table) = schema.table_mut(&table) {
            table.indexes.insert(name, index);
        }
    }
    for row in query(OTHERS)? {
        schema.add(Other::of(texts(row)));
    }
    schema.complete_references();
    Ok(schema)
}

/// Triggers, sequences, macros, types, and comments in Postgres' words for what they are of.
const OTHERS: &str = "\
SELECT 'trigger', trigger_name, table_name, sql FROM duckdb_triggers() \
  WHERE database_name = current_database() AND schema_name = current_schema() \
UNION ALL SELECT 'sequence', sequence_name, '', sql FROM duckdb_sequences() \
  WHERE database_name = current_database() AND schema_name = current_schema() \
UNION ALL SELECT 'function', function_name || '(' || array_to_string(parameters, ', ') || ')', '', macro_definition \
  FROM duckdb_functions() WHERE {here} AND function_type IN ('macro', 'table_macro') \
UNION ALL SELECT 'type', type_name, '', logical_type || coalesce(' ' || CAST(labels AS VARCHAR), '') \
  FROM duckdb_types() WHERE {here} \
UNION ALL SELECT 'comment', 'comment on table ' || table_name, '', comment FROM duckdb_tables() WHERE {here} AND comment IS NOT NULL \
UNION ALL SELECT 'comment', 'comment on view ' || view_name, '', comment FROM duckdb_views() WHERE {here} AND comment IS NOT NULL \
UNION ALL SELECT 'comment', 'comment on column ' || column_name || ' of ' || CASE WHEN table_name IN \
    (SELECT view_name FROM duckdb_views() WHERE {here}) THEN 'view ' ELSE 'table ' END || table_name, '', comment \
  FROM duckdb_columns() WHERE {here} AND comment IS NOT NULL \
UNION ALL SELECT 'comment', 'comment on index ' || index_name, '', comment FROM duckdb_indexes() \
  WHERE database_name = current_database() AND schema_name = current_schema() AND comment IS NOT NULL";
