//! What would run, without running it.

use super::super::connection::Purpose;
use super::super::script::Script;
use super::super::set::{Migration, MigrationSet, check_migrations};
use super::super::status::Status;
use super::downgrade::{above, below};
use super::upgrade::UpgradeOptions;
use super::{DowngradeOptions, MigrationManager};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// A migration that would run, in a direction.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Planned {
    /// Its set.
    pub set: MigrationSet,
    /// It.
    pub migration: Migration,
    /// The engine that would run it.
    pub engine: Engine,
    /// What would run of it.
    pub script: Script,
    /// Whether it would be taken back.
    pub is_down: bool,
}

impl Planned {
    /// A migration that would be applied.
    pub(in crate::migrate) fn up(set: &MigrationSet, migration: &Migration, engine: Engine) -> Self {
        let script = migration.up(engine).clone();
        Self { set: set.clone(), migration: migration.clone(), engine, script, is_down: false }
    }
}

impl MigrationManager {
    /// What [`MigrationManager::upgrade`] would run, in order. Reads what the database has, and cannot write to it; an
    /// embedded file that does not exist counts as empty.
    ///
    /// # Errors
    /// As [`MigrationManager::status`], and as [`MigrationSet::check`].
    pub fn plan_upgrade(&self, options: &UpgradeOptions) -> Result<Vec<Planned>> {
        let mut connection = self.connect_to_what_exists()?;
        let engine = self.engine_of_database()?;
        let mut planned = Vec::new();
        for goal in self.goals(options)? {
            goal.set.check_on(engine)?;
            let (current, pending) = match &mut connection {
                Some(connection) => {
                    let status = Status::read(&mut **connection, goal.set)?;
                    (status.current(), status.pending)
                }
                None => (None, goal.set.migrations().to_vec()),
            };
            check_migrations(&pending, engine)?;
            let target = goal.set.resolve(&goal.revision, current)?;
            for migration in pending.into_iter().filter(|migration| Some(migration.number()) <= target) {
                planned.push(Planned::up(goal.set, &migration, engine));
            }
        }
        Ok(planned)
    }

    /// What [`MigrationManager::downgrade`] would run, in order. Reads what the database has, and cannot write to it.
    ///
    /// # Errors
    /// As [`MigrationManager::status`]; [`ErrorKind::Refused`] when a migration has no down side.
    pub fn plan_downgrade(&self, options: &DowngradeOptions) -> Result<Vec<Planned>> {
        options.revision.check_direction(true)?;
        let set = self.set(options.set.as_deref())?;
        let mut connection = self.connect(Purpose::Read)?;
        let engine = connection.engine();
        let status = Status::read_applied(&mut *connection, set)?;
        let target = below(set, &status, &options.revision)?;
        planned_down(set, engine, &status, target).collect()
    }

    pub(super) fn engine_of_database(&self) -> Result<Engine> {
        self.engine().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("{} has no migrations", self.url()))
                .with_hint("name a file or a server")
        })
    }
}

/// What would run to take back the migrations of a set above a number, newest first.
pub(super) fn planned_down(
    set: &MigrationSet,
    engine: Engine,
    status: &Status,
    target: Option<i64>,
) -> impl Iterator<Item = Result<Planned>> {
    above(status, target).map(move |applied| {
        let migration = set.migration(applied.number).cloned();
        let script = migration.as_ref().and_then(|migration| migration.down(engine)).cloned();
        match (migration, script) {
            (Some(migration), Some(script)) => {
                Ok(Planned { set: set.clone(), migration, engine, script, is_down: true })
            }
            (None, _) => {
                let (number, slug, name) = (applied.number, &applied.slug, set.name());
                let message = format!(
                    "migration {number} ({slug}) is not among those of the set {name}: it cannot be taken back"
                );
                Err(Error::new(ErrorKind::Refused, message)
                    .with_hint("bring back its files, or use the program that applied it"))
            }
            (Some(migration), None) => {
                let message = format!("migration {migration} has no down migration here: it cannot be taken back");
                let file = migration.up(engine).file().to_owned();
                Err(Error::new(ErrorKind::Refused, message)
                    .at(file, None)
                    .with_hint("write one, or restore the database from a backup"))
            }
        }
    })
}
