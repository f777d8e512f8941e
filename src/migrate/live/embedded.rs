//! What an embedded file has beside its tables: its indexes, triggers and views, those of a host program among them.

use crate::engine::{Engine, TextRow};
use crate::error::{Context, Result};
use crate::migrate::connection::MigrationConnection;
use crate::safety::{Catalogue, TableObject};

const SQLITE: [&str; 2] = [
    "SELECT 'index', lower(i.name), lower(i.tbl_name), (SELECT group_concat(coalesce(lower(c.name), ''), ' ') \
     FROM pragma_index_info(i.name) AS c) FROM sqlite_schema AS i WHERE i.type = 'index' AND i.sql IS NOT NULL ORDER BY 2",
    "SELECT type, lower(name), CASE type WHEN 'trigger' THEN lower(tbl_name) ELSE '' END, lower(sql) \
     FROM sqlite_schema WHERE type IN ('trigger', 'view') AND sql IS NOT NULL ORDER BY 1, 2",
];

/// DuckDB knows no triggers, and a view does not hold on to its tables.
const DUCKDB: [&str; 1] = ["SELECT 'index', lower(index_name), lower(table_name), lower(expressions) \
     FROM duckdb_indexes() WHERE database_name = current_database() AND schema_name = current_schema() ORDER BY 2"];

/// What a file has. Writes nothing.
///
/// # Errors
/// What the engine says.
pub(crate) fn embedded_catalogue(connection: &mut dyn MigrationConnection) -> Result<Catalogue> {
    let queries = if connection.engine() == Engine::Sqlite { &SQLITE[..] } else { &DUCKDB[..] };
    let mut objects = Vec::new();
    for query in queries {
        let rows = connection.query(query).context("reading what the database has")?;
        objects.extend(rows.into_iter().map(object));
    }
    Ok(Catalogue { objects, ..Catalogue::default() })
}

fn object(row: TextRow) -> TableObject {
    let [kind, name, table, uses] =
        <[Option<String>; 4]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default);
    let words = uses.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$');
    let uses = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    TableObject { kind, name, table, uses }
}
