//! What a database has, and what it looks like.

use super::super::connection::Purpose;
use super::super::schema::{Match, SchemaInfo, SchemaState, matching_revision, schema_info};
use super::MigrationManager;
use crate::error::Result;

impl MigrationManager {
    /// What the database has of each set, from the engine's catalogue, and whether that is what its recorded revision should
    /// be. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when an embedded file does not exist; what the engine says.
    pub fn get_schema_info(&self) -> Result<Vec<SchemaInfo>> {
        let mut connection = self.connect(Purpose::Read)?;
        self.sets.iter().map(|set| schema_info(&mut *connection, set)).collect()
    }

    /// Whether the database has what the recorded revision of each set should be; a set of which nothing is recorded says
    /// nothing, but charter's own must be there.
    ///
    /// # Errors
    /// As [`MigrationManager::get_schema_info`].
    pub fn validate_schema(&self) -> Result<bool> {
        let infos = self.get_schema_info()?;
        let is_valid = |(info, set): (&SchemaInfo, &super::MigrationSet)| match info.state {
            SchemaState::Valid => true,
            SchemaState::NotInitialized => !set.is_charter(),
            _ => false,
        };
        Ok(infos.iter().zip(&self.sets).all(is_valid))
    }

    /// Which revision of a set the database looks like, whatever its history says. Writes nothing.
    ///
    /// # Errors
    /// As [`MigrationManager::get_schema_info`], and when the set cannot be tried in a throw-away database.
    pub fn matching_revision(&self, set: Option<&str>) -> Result<Match> {
        let set = self.set(set)?;
        matching_revision(&mut *self.connect(Purpose::Read)?, set)
    }
}
