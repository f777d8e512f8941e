//! Reading the catalogue of an SQLite file.

use super::create;
use super::{Column, Index, Other, Schema, Table, View};
use crate::engine::{Engine, TextRow};
use crate::error::Result;
use crate::migrate::connection::{MigrationConnection, literal};
use std::collections::BTreeMap;

pub(super) fn read(connection: &mut dyn MigrationConnection) -> Result<Schema> {
    let mut schema = Schema { engine: Engine::Sqlite, ..Schema::default() };
    let objects = connection.query(
        // The list of tables is made again for each row that it is joined with, unless it is materialised.
        "WITH l AS MATERIALIZED (SELECT name, type FROM pragma_table_list WHERE schema = 'main') \
         SELECT s.type, coalesce(l.type, ''), s.name, s.tbl_name, s.sql FROM sqlite_schema AS s \
         LEFT JOIN l ON l.name = s.name AND s.type IN ('table', 'view') \
         WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.type <> 'table', s.name",
    )?;
    let mut columns = columns(connection)?;
    for [kind, table_kind, name, table, sql] in objects.into_iter().map(texts) {
        match (kind.as_str(), table_kind.as_str()) {
            // The tables of a virtual one.
            (_, "shadow") => {}
            ("table", "table") => {
                let found = self::table(name.clone(), columns.remove(&name).unwrap_or_default(), sql);
                schema.tables.insert(name, found);
            }
            ("view", _) => {
                let view = view(connection, &name, sql);
                schema.views.insert(name, view);
            }
            ("index", _) => {
                let definition = create::index(&sql, Engine::Sqlite);
                let (unique, parts, predicate) = (definition.unique, definition.parts, definition.predicate);
                let sql = Some(sql);
                let index =
                    Index { name: name.clone(), unique, parts, predicate, valid: true, options: Vec::new(), sql };
                if let Some(table) = schema.tables.get_mut(&table) {
                    table.indexes.insert(name, index);
                }
            }
            ("table", _) => schema.add(Other::of(["virtual table".to_owned(), name, String::new(), sql])),
            _ => schema.add(Other::of([kind, name, table, sql])),
        }
    }
    schema.complete_references();
    Ok(schema)
}

/// The columns of all tables. A virtual one is not asked: its module may be another program's.
fn columns(connection: &mut dyn MigrationConnection) -> Result<BTreeMap<String, Vec<Column>>> {
    let rows = connection.query(
        "SELECT l.name, c.name, c.type, c.\"notnull\", c.dflt_value FROM pragma_table_list AS l, pragma_table_xinfo(l.name) AS c \
         WHERE l.schema = 'main' AND l.type = 'table' ORDER BY l.name, c.cid",
    )?;
    let mut columns: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for mut row in rows {
        let default = row.get_mut(4).and_then(Option::take);
        let [table, name, data_type, not_null] = texts(row);
        let column = Column { name, data_type, not_null: not_null != "0", default, ..Column::default() };
        columns.entry(table).or_default().push(column);
    }
    Ok(columns)
}

fn table(name: String, columns: Vec<Column>, sql: String) -> Table {
    let definition = create::table(&sql, Engine::Sqlite);
    let mut table = Table { name, columns, sql: Some(sql), ..Table::default() };
    definition.complete(&mut table);
    table
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
