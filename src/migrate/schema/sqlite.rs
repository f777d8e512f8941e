//! Reading the catalogue of an SQLite file.

use super::create;
use super::{Column, Index, Other, Schema, Table, View};
use crate::engine::{Engine, TextRow};
use crate::error::Result;
use crate::migrate::connection::{MigrationConnection, literal};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tables as they were read last, each with the texts that make it and its indexes: while these are the same, it is.
#[derive(Debug, Default)]
pub(in crate::migrate) struct Known(BTreeMap<String, (Vec<String>, Arc<Table>)>);

/// What `sqlite_schema` says of something, with its name and the name of the table that it is of.
struct Entry {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

pub(super) fn read(connection: &mut dyn MigrationConnection, known: &mut Known) -> Result<Schema> {
    let mut schema = Schema { engine: Engine::Sqlite, ..Schema::default() };
    let rows = connection.query(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema \
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let entries = rows.into_iter().map(|row| {
        let [kind, name, table, sql] = texts(row);
        Entry { kind, name, table, sql }
    });
    let entries: Vec<Entry> = entries.collect();
    let is_virtual = |entry: &Entry| {
        let start = "CREATE VIRTUAL ";
        entry.kind == "table" && entry.sql.get(..start.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(start))
    };
    // Only a virtual table has tables of its own, and only then the list, which takes its time, is needed.
    let shadows = match entries.iter().any(is_virtual) {
        true => connection.query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'")?,
        false => Vec::new(),
    };
    let shadows: BTreeSet<String> = shadows.into_iter().map(|row| texts::<1>(row).concat()).collect();
    let mut made: BTreeMap<String, (String, Vec<Entry>)> = BTreeMap::new();
    let mut indexes = Vec::new();
    for entry in entries {
        match entry.kind.as_str() {
            "table" if is_virtual(&entry) => {
                schema.add(Other::of(["virtual table".to_owned(), entry.name, String::new(), entry.sql]));
            }
            "table" if shadows.contains(&entry.name) => {}
            "table" => _ = made.insert(entry.name, (entry.sql, Vec::new())),
            "index" => indexes.push(entry),
            "view" => {
                let view = view(connection, &entry.name, entry.sql);
                schema.views.insert(entry.name, view);
            }
            _ => schema.add(Other::of([entry.kind, entry.name, entry.table, entry.sql])),
        }
    }
    for index in indexes {
        if let Some((_, of_table)) = made.get_mut(&index.table) {
            of_table.push(index);
        }
    }
    let mut before = std::mem::take(&mut known.0);
    for (name, (sql, indexes)) in made {
        let now: Vec<String> = [&sql].into_iter().chain(indexes.iter().map(|index| &index.sql)).cloned().collect();
        let table = match before.remove(&name) {
            Some((texts, table)) if texts == now => table,
            _ => Arc::new(table(connection, name.clone(), sql, indexes)?),
        };
        known.0.insert(name.clone(), (now, Arc::clone(&table)));
        schema.tables.insert(name, table);
    }
    schema.complete_references();
    Ok(schema)
}

fn table(connection: &mut dyn MigrationConnection, name: String, sql: String, indexes: Vec<Entry>) -> Result<Table> {
    let query = "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_xinfo({name}) ORDER BY cid";
    let mut columns = Vec::new();
    for mut row in connection.query(&query.replace("{name}", &literal(&name)))? {
        let default = row.get_mut(3).and_then(Option::take);
        let [name, data_type, not_null] = texts(row);
        columns.push(Column { name, data_type, not_null: not_null != "0", default, ..Column::default() });
    }
    let definition = create::table(&sql, Engine::Sqlite);
    let mut table = Table { name, columns, sql: Some(sql), ..Table::default() };
    definition.complete(&mut table);
    for Entry { name, sql, .. } in indexes {
        let definition = create::index(&sql, Engine::Sqlite);
        let (unique, parts, predicate) = (definition.unique, definition.parts, definition.predicate);
        let index =
            Index { name: name.clone(), unique, parts, predicate, valid: true, options: Vec::new(), sql: Some(sql) };
        table.indexes.insert(name, index);
    }
    Ok(table)
}

/// A view; without columns when it cannot be read, because a table of it is gone.
fn view(connection: &mut dyn MigrationConnection, name: &str, sql: String) -> View {
    let query = format!("SELECT name FROM pragma_table_xinfo({}) ORDER BY cid", literal(name));
    let rows = connection.query(&query).unwrap_or_default();
    let columns = rows.into_iter().map(|row| texts::<1>(row).concat()).collect();
    View { name: name.to_owned(), definition: super::view_query(&sql, Engine::Sqlite), columns, sql: Some(sql) }
}

/// The values of a row, NULL as the empty text.
pub(super) fn texts<const N: usize>(row: TextRow) -> [String; N] {
    let mut values = row.into_iter();
    std::array::from_fn(|_| values.next().flatten().unwrap_or_default())
}
