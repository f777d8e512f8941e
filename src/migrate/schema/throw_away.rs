//! Databases to try things in, which are gone afterwards.

use super::server::Database;
use super::sqlite::Known;
use crate::config::{DatabaseUrl, Environment};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::absent::word_set;
use crate::migrate::apply::{Work, apply, apply_one, revert};
use crate::migrate::audit::Actor;
use crate::migrate::connection::{MigrationConnection, Purpose, Transaction, connect, in_memory, quoted};
use crate::migrate::event::{Event, Timeouts};
use crate::migrate::outside::LeftOut;
use crate::migrate::schema::{Schema, View};
use crate::migrate::set::{Migration, MigrationSet};
use crate::migrate::stamp::stamp;
use crate::migrate::status::Status;
use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

/// An empty database that is gone when this is dropped.
pub(crate) struct ThrowAway {
    // Closed before its database is dropped.
    connection: Box<dyn MigrationConnection>,
    database: Option<Database>,
}

/// An empty database of an engine: of SQLite and DuckDB in memory, of Postgres on a server, by a random name.
///
/// # Errors
/// [`ErrorKind::Unsupported`] when this build has not the engine; [`ErrorKind::Invalid`] when Postgres is asked for and
/// `against` is not the URL of a server; and what the engine says.
pub(crate) fn throw_away(engine: Engine, against: Option<&DatabaseUrl>) -> Result<ThrowAway> {
    if engine != Engine::Postgres {
        return Ok(ThrowAway { connection: in_memory(engine)?, database: None });
    }
    let server = against.filter(|url| url.with_database("").is_some()).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, "a throw-away Postgres database needs the URL of a server")
            .with_hint("give it with `--against postgresql://USER@HOST/DATABASE`")
    })?;
    let (database, url) = Database::make(server)?;
    let connection = connect(&url, Purpose::Try)?;
    Ok(ThrowAway { connection, database: Some(database) })
}

impl ThrowAway {
    /// Drops the database, and says when it cannot be dropped.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn close(self) -> Result<()> {
        drop(self.connection);
        self.database.map_or(Ok(()), Database::end)
    }
}

impl Deref for ThrowAway {
    type Target = dyn MigrationConnection;

    fn deref(&self) -> &Self::Target {
        &*self.connection
    }
}

impl DerefMut for ThrowAway {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.connection
    }
}

/// Work on a database that nobody else knows of.
fn work<'a>(set: &'a MigrationSet, left_out: &'a LeftOut, events: &'a mut dyn FnMut(Event<'_>)) -> Work<'a> {
    let (actor, timeouts) = (Actor::present(Environment::Dev), Timeouts::default());
    Work { set, actor, allowed: &[], reason: None, timeouts, left_out: Some(left_out), events }
}

/// Brings a database to a revision of a set, up or down, without what reaches outside.
fn go(
    database: &mut dyn MigrationConnection,
    set: &MigrationSet,
    left_out: &mut LeftOut,
    target: Option<i64>,
) -> Result<()> {
    loop {
        let status = Status::read(database, set)?;
        let mut events = |_: Event<'_>| {};
        let mut work = work(set, left_out, &mut events);
        let is_above = status.current() > target;
        let went = apply(database, &mut work, &status, target).and_then(|applied| match is_above {
            true => revert(database, &mut work, target),
            // The history is not read again, which takes longer the longer it is.
            false => Ok(applied),
        });
        match went {
            Ok(_) => return Ok(()),
            // It begins again where it is, without that statement.
            Err(error) => left_out.take(set, database.engine(), error)?,
        }
    }
}

/// Migrations that count as applied without having run, because they cannot run where nothing is but the tables of
/// migrations.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Those of the set that is tried.
    numbers: BTreeSet<i64>,
    /// Whatever may be a name in them and in those of other sets: what they would have made or changed is among it.
    pub(crate) words: BTreeSet<String>,
}

impl Passed {
    fn note(&mut self, migration: &Migration, engine: Engine) {
        self.words.extend(word_set(migration.up(engine).text()));
    }
}

/// Applies a set up to a number. What is among `passed` and what fails is passed over: it counts as applied, and is told to
/// `note`.
fn replay(
    database: &mut dyn MigrationConnection,
    set: &MigrationSet,
    left_out: &mut LeftOut,
    target: Option<i64>,
    passed: &mut BTreeSet<i64>,
    note: &mut dyn FnMut(&Migration),
) -> Result<()> {
    loop {
        let status = Status::read(database, set)?;
        let current = status.current();
        let left =
            || set.migrations().iter().filter(|next| Some(next.number()) > current && Some(next.number()) <= target);
        let stop = left().find(|next| passed.contains(&next.number()));
        let goal =
            left().map(Migration::number).take_while(|number| stop.is_none_or(|stop| *number < stop.number())).last();
        let failed = match goal.map(|goal| go(database, set, left_out, Some(goal))) {
            Some(Err(error)) if error.kind() != ErrorKind::Unavailable => {
                let current = database.found(set)?.current();
                set.migrations().iter().find(|next| Some(next.number()) > current)
            }
            Some(Err(error)) => return Err(error),
            Some(Ok(_)) | None => stop,
        };
        let Some(failed) = failed else { return Ok(()) };
        pass_over(database, set, failed)?;
        passed.insert(failed.number());
        note(failed);
    }
}

/// Lets a migration, the next one, count as applied.
fn pass_over(database: &mut dyn MigrationConnection, set: &MigrationSet, migration: &Migration) -> Result<()> {
    let (left_out, mut events) = (LeftOut::default(), |_: Event<'_>| {});
    stamp(database, &work(set, &left_out, &mut events), Some(migration.number())).map(drop)
}

/// A set that is applied to a throw-away database, step by step, where the sets that it comes after are applied already.
pub(crate) struct Trial<'a> {
    set: &'a MigrationSet,
    database: ThrowAway,
    /// What the sets before it have made, which may be in the same schema.
    others: Schema,
    passed: Passed,
    left_out: LeftOut,
    known: Known,
}

impl<'a> Trial<'a> {
    /// Begins with a database that has charter's own tables, as every database has before another set comes.
    ///
    /// # Errors
    /// As [`throw_away`], and what the engine says.
    pub(crate) fn new(set: &'a MigrationSet, engine: Engine, against: Option<&DatabaseUrl>) -> Result<Self> {
        Self::after(&[], set, engine, against)
    }

    /// Begins with a database that has charter's own tables, and those of other sets.
    ///
    /// # Errors
    /// As [`throw_away`], and what the engine says.
    pub(crate) fn after(
        sets: &[&MigrationSet],
        set: &'a MigrationSet,
        engine: Engine,
        against: Option<&DatabaseUrl>,
    ) -> Result<Self> {
        Self::begin(sets, set, engine, against, false)
    }

    /// The same, where what of those sets cannot be applied is passed over.
    ///
    /// # Errors
    /// As [`throw_away`], and what the engine says.
    pub(crate) fn leniently_after(
        sets: &[&MigrationSet],
        set: &'a MigrationSet,
        engine: Engine,
        against: Option<&DatabaseUrl>,
    ) -> Result<Self> {
        Self::begin(sets, set, engine, against, true)
    }

    fn begin(
        sets: &[&MigrationSet],
        set: &'a MigrationSet,
        engine: Engine,
        against: Option<&DatabaseUrl>,
        is_lenient: bool,
    ) -> Result<Self> {
        let mut database = throw_away(engine, against)?;
        // Nobody else knows of it, but migrating takes the lock for granted.
        database.lock(Timeouts::default().migrators, &mut |_| {})?;
        let others = Schema { engine, ..Schema::default() };
        // Who is lenient looks for a role in the database that the migrations are for.
        let left_out = LeftOut::of(set, engine).with_roles(is_lenient);
        let mut trial = Self { set, database, others, passed: Passed::default(), left_out, known: Known::default() };
        if !set.is_charter() {
            let others = sets.iter().filter(|other| !other.is_charter() && other.engines().contains(&engine));
            for other in std::iter::once(&MigrationSet::charter()).chain(others) {
                let head = other.migrations().last().map(Migration::number);
                let (database, passed) = (&mut *trial.database, &mut trial.passed);
                let mut left_out = LeftOut::of(other, engine).with_roles(is_lenient);
                let applied = match is_lenient {
                    true => {
                        let mut note = |over: &Migration| passed.note(over, engine);
                        replay(database, other, &mut left_out, head, &mut BTreeSet::new(), &mut note)
                    }
                    false => go(database, other, &mut left_out, head),
                };
                let context = || format!("applying the set {} to a throw-away database", other.name());
                applied.map_err(|error| error.context(context()))?;
            }
            trial.others = trial.schema()?;
        }
        Ok(trial)
    }

    /// Brings the database up to a revision. What cannot be applied is passed over, and what was passed over before.
    ///
    /// # Errors
    /// What the engine says of anything but the statements.
    pub(crate) fn replay(&mut self, number: Option<i64>) -> Result<()> {
        let engine = self.database.engine();
        let Passed { numbers, words } = &mut self.passed;
        let mut note = |over: &Migration| words.extend(word_set(over.up(engine).text()));
        replay(&mut *self.database, self.set, &mut self.left_out, number, numbers, &mut note)
    }

    /// Lets the next migration count as applied.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn pass_over(&mut self, migration: &Migration) -> Result<()> {
        self.passed.numbers.insert(migration.number());
        self.passed.note(migration, self.database.engine());
        pass_over(&mut *self.database, self.set, migration)
    }

    /// What was passed over.
    pub(crate) fn passed(&self) -> &Passed {
        &self.passed
    }

    /// Why statements of a migration were not run, with their places.
    pub(crate) fn left_out<'t>(&'t self, migration: &'t Migration) -> impl Iterator<Item = &'t Error> {
        self.left_out.of_migration(migration, self.database.engine())
    }

    /// Whatever may be a name of what such statements would have made or changed, in small letters.
    pub(crate) fn unmade(&self) -> &BTreeSet<String> {
        self.left_out.made()
    }

    /// The same as another trial that is begun anew.
    pub(crate) fn take_passed(&mut self, other: &mut Self) {
        self.passed = std::mem::take(&mut other.passed);
        self.left_out = std::mem::take(&mut other.left_out);
    }

    /// Brings the database to a revision, up or down.
    ///
    /// # Errors
    /// As [`apply`] and [`revert`].
    pub(crate) fn go_to(&mut self, number: Option<i64>) -> Result<()> {
        go(&mut *self.database, self.set, &mut self.left_out, number)
    }

    /// Applies the whole set to a new database, and shows the database after each migration, up to the first that fails. The history is not read again
    /// each time, which would take longer the longer it is. What reaches outside is left out.
    ///
    /// # Errors
    /// What the engine says, and what `see` says.
    pub(crate) fn walk(&mut self, mut see: impl FnMut(i64, &mut Self) -> Result<()>) -> Result<()> {
        let (mut newest, engine) = (None, self.database.engine());
        for migration in self.set.migrations() {
            migration.up(engine).check_transaction(engine)?;
            loop {
                let (database, mut events) = (&mut *self.database, |_: Event<'_>| {});
                let mut work = work(self.set, &self.left_out, &mut events);
                match apply_one(database, &mut work, migration, newest, newest.is_none()) {
                    Ok(()) => break,
                    Err(error) => self.left_out.take(self.set, engine, error)?,
                }
            }
            newest = Some(migration);
            see(migration.number(), self)?;
        }
        Ok(())
    }

    /// What the database has now of the set, and what it has changed of others.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn schema(&mut self) -> Result<Schema> {
        let mut schema = Schema::read_again(&mut *self.database, self.set, &mut self.known)?;
        schema.remove(&self.others);
        Ok(schema)
    }

    /// A view that is there, as it would be if it were made by another query; `None` where the engine takes no such query.
    /// Nothing of it stays.
    ///
    /// # Errors
    /// What the engine says of anything but the query.
    pub(crate) fn view_by(&mut self, view: &View, query: &str) -> Result<Option<View>> {
        const NAME: &str = "charter_compared";
        let columns: Vec<String> = view.columns.iter().map(|column| quoted(column)).collect();
        let statement = format!("CREATE VIEW {NAME} ({}) AS {query}\n", columns.join(", "));
        let database = &mut *self.database;
        database.begin(&Transaction { schema: Some(self.set.schema()), ..Transaction::default() })?;
        let read = match database.execute(&statement) {
            Ok(()) => {
                Schema::read_here(database, self.set, &mut Known::default()).map(|mut schema| schema.views.remove(NAME))
            }
            Err(_) => Ok(None),
        };
        database.rollback()?;
        Ok(read?.map(|made| View { name: view.name.clone(), ..made }))
    }

    /// The database itself.
    #[cfg(test)]
    pub(crate) fn database(&mut self) -> &mut dyn MigrationConnection {
        &mut *self.database
    }

    /// Ends it, and says when the database cannot be dropped.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn close(self) -> Result<()> {
        self.database.close()
    }
}
