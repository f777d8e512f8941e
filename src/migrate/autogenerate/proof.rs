//! Trying a set's migrations in databases to throw away.

use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::migrate::apply::run;
use crate::migrate::connection::{MigrationConnection, Transaction};
use crate::migrate::schema::{Difference, Schema, throw_away};
use crate::migrate::script::Script;
use crate::migrate::set::MigrationSet;

/// Runs a script as a migrator would: in one transaction, unless it says otherwise.
pub(super) fn run_script(connection: &mut dyn MigrationConnection, script: &Script) -> Result<()> {
    if script.is_without_transaction() {
        return run(connection, script).map(|_| ());
    }
    connection.begin(&Transaction::default())?;
    match run(connection, script).and_then(|_| connection.commit()) {
        Ok(()) => Ok(()),
        Err(error) => {
            connection.rollback()?;
            Err(error)
        }
    }
}

/// The state after each migration of a set on SQLite, the empty one first.
pub(super) fn states(set: &MigrationSet) -> Result<(Box<dyn MigrationConnection>, Vec<Schema>)> {
    let mut connection = throw_away(Engine::Sqlite)?;
    let mut states = vec![Schema::read(&mut *connection, set)?];
    for migration in set.migrations() {
        run_script(&mut *connection, migration.up(Engine::Sqlite))
            .context(format!("applying migration {migration} to a throw-away SQLite database"))?;
        states.push(Schema::read(&mut *connection, set)?);
    }
    Ok((connection, states))
}

/// The state that the models describe.
pub(super) fn models(set: &MigrationSet, models: &Script) -> Result<Schema> {
    let mut connection = throw_away(Engine::Sqlite)?;
    run_script(&mut *connection, models).context("making the models in a throw-away SQLite database")?;
    Schema::read(&mut *connection, set)
}

/// Runs new migrations up, down and up on one engine, on a database that has the migrations before them. `states` are
/// what SQLite shall have after each of them; other engines have to come back to where they were.
pub(super) fn prove(
    connection: &mut dyn MigrationConnection,
    set: &MigrationSet,
    written: &MigrationSet,
    states: &[&Schema],
) -> Result<()> {
    let engine = connection.engine();
    let mut last = Schema::read(connection, set)?;
    for (migration, state) in written.migrations().iter().zip(states) {
        let down = migration.down(engine).ok_or_else(|| Error::new(ErrorKind::Backend, "there is no way back"))?;
        let doing = |what: &str| format!("what was written fails on {engine} when it is {what}");
        run_script(connection, migration.up(engine)).context(doing("applied"))?;
        let now = Schema::read(connection, set)?;
        if engine == Engine::Sqlite {
            same(&now, state).context(doing("applied"))?;
        }
        run_script(connection, down).context(doing("taken back"))?;
        same(&Schema::read(connection, set)?, &last).context(doing("taken back"))?;
        run_script(connection, migration.up(engine)).context(doing("applied again"))?;
        last = Schema::read(connection, set)?;
        same(&last, &now).context(doing("applied again"))?;
    }
    Ok(())
}

fn same(found: &Schema, wanted: &Schema) -> Result<()> {
    let differences: Vec<String> = found.differences(wanted).iter().map(Difference::to_string).collect();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Unsupported, differences.join("; "))
            .with_hint("write this migration by hand, or reach the models in smaller steps")),
    }
}
