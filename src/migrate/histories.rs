//! What a database says of files of which nobody says whose they are: whichever sets it has histories of.

use super::connection::MigrationConnection;
use super::files::FileName;
use super::progress::Begun;
use super::script::Script;
use super::set::{MigrationSet, checksum};
use super::status::Found;
use crate::config::is_set_name;
use crate::engine::Engine;
use crate::error::{Context, ErrorKind, Result};

/// What the names of the tables end with in which a set's past is kept.
const ENDING: &str = "_schema_audit";

/// The histories that a database has.
pub(crate) struct Histories(Vec<(MigrationSet, Found)>);

/// What a database has of a file.
#[derive(Debug)]
pub(crate) enum Progress {
    /// All of it.
    Applied,
    /// The first steps.
    Begun(Begun),
    /// One of its number and name that had another text.
    Other,
}

impl Histories {
    /// Reads them all, writing nothing. One that this user may not read says nothing.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn read(connection: &mut dyn MigrationConnection) -> Result<Self> {
        let tables = connection.query(match connection.engine() {
            Engine::Sqlite => {
                "SELECT name, 'main' FROM sqlite_schema WHERE type = 'table' AND name LIKE '%_schema_audit' ORDER BY 1"
            }
            Engine::DuckDb => {
                "SELECT table_name, schema_name FROM duckdb_tables() WHERE database_name = current_database() \
                 AND schema_name = current_schema() AND table_name LIKE '%_schema_audit' ORDER BY 1"
            }
            Engine::Postgres => {
                "SELECT tablename, schemaname FROM pg_catalog.pg_tables WHERE tablename LIKE '%_schema_audit' ORDER BY 2, 1"
            }
        });
        let mut histories = Vec::new();
        for row in tables.context("reading which migrations the database has")? {
            let [Some(table), Some(schema)] = <[_; 2]>::try_from(row).unwrap_or_default() else { continue };
            let is_set = |name: &&str| is_set_name(name) || *name == MigrationSet::charter().name();
            let Some(name) = table.strip_suffix(ENDING).filter(is_set) else { continue };
            let set = MigrationSet::of(name, &schema, None, []);
            match connection.found(&set) {
                Ok(found) => histories.push((set, found)),
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(_) => {}
            }
        }
        Ok(Self(histories))
    }

    /// What the database has of a file that takes it up, by the file's name and its text; and the schema of the tables of
    /// its set.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn of(
        &self,
        connection: &mut dyn MigrationConnection,
        name: &FileName,
        script: &Script,
    ) -> Result<Option<(&str, Progress)>> {
        let sum = checksum(&name.slug, name.number, script);
        let mut other = None;
        for (set, found) in &self.0 {
            if found.applied.iter().any(|applied| (applied.number, applied.checksum) == (name.number, sum)) {
                return Ok(Some((set.schema(), Progress::Applied)));
            }
            let is_it = |number: i64, slug: &str| (number, slug) == (name.number, name.slug.as_str());
            if found.applied.iter().any(|applied| is_it(applied.number, &applied.slug)) {
                other = Some((set.schema(), Progress::Other));
            }
            let unfinished = found.unfinished.as_ref().filter(|begun| is_it(begun.number, &begun.slug));
            if let Some(begun) =
                unfinished.map(|begun| Begun::read(connection, set, begun, script)).transpose()?.flatten()
            {
                return Ok(Some((set.schema(), Progress::Begun(begun))));
            }
        }
        Ok(other)
    }
}
