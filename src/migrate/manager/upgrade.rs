//! Upwards.

use super::super::allowance::Allowance;
use super::super::apply::{Work, apply, locked};
use super::super::audit::Actor;
use super::super::connection::{MigrationConnection, Purpose};
use super::super::event::Event;
use super::super::policy::{self, Judgement, Occasion, Policy, Proposal};
use super::super::revision::Revision;
use super::super::set::{Migration, MigrationSet, check_migrations};
use super::super::status::{Found, Status, Unfinished, check_minimum_program};
use super::{Done, MigrationManager};
use crate::config::{DatabaseUrl, Environment};
use crate::engine::Engine;
use crate::error::Result;

/// How far an upgrade goes, and what is let pass.
#[derive(Debug, Clone)]
pub struct UpgradeOptions {
    /// The set; all of them when there is none and the revision is `head`, else the one that is meant by default.
    pub set: Option<String>,
    /// How far.
    pub revision: Revision,
    /// The findings that are let pass, by name and with a reason.
    pub allowances: Vec<Allowance>,
    /// Why; it is kept in the history.
    pub reason: Option<String>,
    /// Whether somebody has said yes to what prod asks about.
    pub confirmed: bool,
    /// A server on which prod's migrations are tried, each up, down and up again, before they run on another one: in a
    /// database of their own, which is dropped after. For embedded files they are tried in memory.
    pub verify_against: Option<DatabaseUrl>,
}

impl Default for UpgradeOptions {
    /// All sets to their heads, and nothing let pass.
    fn default() -> Self {
        Self {
            set: None,
            revision: Revision::Head,
            allowances: Vec::new(),
            reason: None,
            confirmed: false,
            verify_against: None,
        }
    }
}

/// One set and how far it is to go.
pub(super) struct Goal<'a> {
    pub(super) set: &'a MigrationSet,
    pub(super) revision: Revision,
}

impl Goal<'_> {
    /// The number up to which pending migrations are applied. Opening a `dev` database stops before one that nobody has
    /// written yet: whoever is about to write it could not change its text any more.
    fn target(
        &self,
        status: &Status,
        engine: Engine,
        environment: Environment,
        occasion: Occasion,
    ) -> Result<Option<i64>> {
        let target = self.set.resolve(&self.revision, status.current())?;
        let unwritten = status.pending.iter().find(|migration| migration.up(engine).is_unwritten());
        Ok(match unwritten {
            Some(unwritten) if (environment, occasion) == (Environment::Dev, Occasion::Open) => {
                let numbers = self.set.migrations().iter().map(Migration::number);
                target.min(numbers.take_while(|number| *number < unwritten.number()).last())
            }
            _ => target,
        })
    }
}

/// What a database says of some sets.
#[derive(PartialEq)]
pub(super) struct State {
    pub(super) engine: Engine,
    /// One for each set.
    pub(super) statuses: Vec<Status>,
    /// The environment that it says it is.
    pub(super) environment: Option<Environment>,
}

impl MigrationManager {
    /// Applies what the database lacks, under the migrators' lock, each migration in one transaction with its history. Makes
    /// an embedded file that does not exist. `events` is told what happens. Gives what was applied; nothing if there was
    /// nothing to do.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the files of a set are wrong or the revision leads down; [`ErrorKind::Refused`] when the
    /// environment does not allow it, before anything has run; [`ErrorKind::Unsupported`] when a set is not written for the engine; as
    /// [`MigrationManager::status`]; and what the engine says. What was applied before a failure stays applied.
    ///
    /// [`ErrorKind::Invalid`]: crate::ErrorKind::Invalid
    /// [`ErrorKind::Refused`]: crate::ErrorKind::Refused
    /// [`ErrorKind::Unsupported`]: crate::ErrorKind::Unsupported
    pub fn upgrade(&self, options: &UpgradeOptions, events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<Done>> {
        self.run(&self.goals(options)?, options, Occasion::Upgrade, events)
    }

    /// Applies what the database lacks because a store is opened: what its environment applies by itself, or nothing.
    /// `events` is told what happens.
    ///
    /// # Errors
    /// As [`MigrationManager::upgrade`].
    pub(crate) fn open(&self, events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<Done>> {
        let goals: Vec<Goal<'_>> = self.sets_on_open().map(|set| Goal { set, revision: Revision::Head }).collect();
        self.run(&goals, &UpgradeOptions::default(), Occasion::Open, events)
    }

    /// The sets that opening a store brings up to date: those that are written for its engine.
    pub(crate) fn sets_on_open(&self) -> impl Iterator<Item = &MigrationSet> {
        let engine = self.engine();
        self.sets.iter().filter(move |set| engine.is_some_and(|engine| set.engines().contains(&engine)))
    }

    fn run(
        &self,
        goals: &[Goal<'_>],
        options: &UpgradeOptions,
        occasion: Occasion,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<Done>> {
        // First without the lock, and without making a file: what is refused leaves nothing behind, and nobody waits for it.
        let mut reading = self.connect_to_what_exists()?;
        let (before, judgement) = self.judge_for(goals, options, occasion, true, &mut reading)?;
        self.check(&judgement, options)?;
        // Whoever finds nothing to do needs no right to write, and nobody's leave.
        if judgement.migrations.is_empty() && before.statuses.iter().all(|status| status.unfinished.is_none()) {
            events(Event::Judged { judgement: &judgement });
            return Ok(Vec::new());
        }
        // A file's is closed: others may want it while the migrations are tried.
        let reading = reading.and_then(migrating);
        if judgement.environment == Environment::Prod {
            let sets = goals.iter().map(|goal| goal.set);
            let failed = self.try_out(sets, &judgement, options.verify_against.as_ref(), events)?;
            Self::refuse_failed(judgement.environment, &failed)?;
        }
        let mut connection = match reading {
            Some(connection) => connection,
            None => self.connect(Purpose::Migrate)?,
        };
        let limit = self.timeouts(Environment::Dev).migrators;
        locked(&mut *connection, limit, events, |connection, events| {
            // Another migrator may have been at work meanwhile.
            let present = self.state(goals, Some(&mut *connection))?;
            let judgement = match present == before {
                true => judgement,
                false => self.judge_state(goals, &present, Some(&mut *connection), options, occasion, true)?,
            };
            self.check(&judgement, options)?;
            events(Event::Judged { judgement: &judgement });
            self.apply_all(connection, (goals, &present), &judgement, options, events)
        })
    }

    /// Applies what was judged.
    pub(super) fn apply_all(
        &self,
        connection: &mut dyn MigrationConnection,
        (goals, state): (&[Goal<'_>], &State),
        judgement: &Judgement,
        options: &UpgradeOptions,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<Done>> {
        let mut done = Vec::new();
        for (goal, status) in goals.iter().zip(&state.statuses) {
            let target = goal.target(status, state.engine, judgement.environment, judgement.occasion)?;
            let mut work = Work {
                set: goal.set,
                actor: Actor::present(judgement.environment),
                allowed: &judgement.allowed(goal.set),
                reason: options.reason.as_deref(),
                timeouts: self.timeouts(judgement.environment),
                left_out: None,
                events: &mut *events,
            };
            let applied = apply(connection, &mut work, status, target)?;
            done.extend(applied.iter().filter_map(|number| goal.set.migration(*number)).map(|m| Done::of(goal.set, m)));
        }
        Ok(done)
    }

    /// Refuses what the environment does not allow. Of a set that is part of another program the verbs know nothing: then
    /// opening says what that program can do.
    fn check(&self, judgement: &Judgement, options: &UpgradeOptions) -> Result<()> {
        let is_open = judgement.occasion == Occasion::Open && !judgement.is_allowed();
        judgement.check(&self.url, options.confirmed).map_err(|error| match self.set_of_a_program() {
            Some(_) if is_open => error.with_hint(self.how_to_upgrade()),
            _ => error,
        })
    }

    /// The set that is part of a program which is not charter's own, if there is one.
    fn set_of_a_program(&self) -> Option<&MigrationSet> {
        self.sets.iter().find(|set| set.is_embedded() && !set.is_charter())
    }

    /// What applies the migrations that opening a store does not apply.
    pub(crate) fn how_to_upgrade(&self) -> String {
        let verb = format!("apply them with `charter db upgrade {}`", self.url);
        match self.set_of_a_program() {
            Some(set) => format!(
                "{verb}; those of {}, which are part of a program, with its `MigrationManager::upgrade`",
                set.name()
            ),
            None => verb,
        }
    }

    /// What the environment says of what [`MigrationManager::upgrade`] would apply. Writes nothing, and makes no file.
    ///
    /// # Errors
    /// As [`MigrationManager::upgrade`], but for what the environment refuses, which is told.
    pub fn judge(&self, options: &UpgradeOptions) -> Result<Judgement> {
        let mut connection = self.connect_to_what_exists()?;
        Ok(self.judge_for(&self.goals(options)?, options, Occasion::Upgrade, false, &mut connection)?.1)
    }

    /// As [`MigrationManager::judge`], of a database that is there, and with what prod finds where it tries migrations. Beside
    /// it what was begun and not finished, by set.
    pub(crate) fn judge_present(&self, options: &UpgradeOptions) -> Result<(Judgement, Vec<(String, Unfinished)>)> {
        let goals = self.goals(options)?;
        let mut connection = Some(self.connect(Purpose::Read)?);
        let (state, mut judgement) = self.judge_for(&goals, options, Occasion::Upgrade, false, &mut connection)?;
        drop(connection);
        self.judge_by_trial(goals.iter().map(|goal| goal.set), &mut judgement)?;
        let statuses = goals.iter().zip(state.statuses);
        let unfinished =
            statuses.filter_map(|(goal, status)| Some((goal.set.name().to_owned(), status.unfinished?))).collect();
        Ok((judgement, unfinished))
    }

    /// What a database is like, and what its environment says of it; the state of one that does not exist yet is that of an
    /// empty one. `runs_next` is whether what may be applied is applied then.
    fn judge_for(
        &self,
        goals: &[Goal<'_>],
        options: &UpgradeOptions,
        occasion: Occasion,
        runs_next: bool,
        connection: &mut Option<Box<dyn MigrationConnection>>,
    ) -> Result<(State, Judgement)> {
        self.check_verify_against(options.verify_against.as_ref())?;
        let state = self.state(goals, reborrowed(connection))?;
        let judgement = self.judge_state(goals, &state, reborrowed(connection), options, occasion, runs_next)?;
        Ok((state, judgement))
    }

    /// What a database says of the sets, which are refused if they cannot be applied to it.
    pub(super) fn state(
        &self,
        goals: &[Goal<'_>],
        mut connection: Option<&mut dyn MigrationConnection>,
    ) -> Result<State> {
        let engine = match &connection {
            Some(connection) => connection.engine(),
            None => self.engine_of_database()?,
        };
        let mut statuses = Vec::new();
        for goal in goals {
            goal.set.check_on(engine)?;
            let status = match &mut connection {
                Some(connection) => Status::read(&mut **connection, goal.set)?,
                None => Status::judge(Found::default(), goal.set, engine)?,
            };
            check_migrations(&status.pending, engine)?;
            statuses.push(status);
        }
        let charter = goals.iter().position(|goal| goal.set.is_charter());
        let environment = match (charter.and_then(|place| statuses.get(place)), &mut connection) {
            (Some(status), _) => status.environment,
            (None, Some(connection)) => self.stored_environment(&mut **connection)?,
            (None, None) => None,
        };
        Ok(State { engine, statuses, environment })
    }

    pub(super) fn judge_state(
        &self,
        goals: &[Goal<'_>],
        state: &State,
        connection: Option<&mut dyn MigrationConnection>,
        options: &UpgradeOptions,
        occasion: Occasion,
        runs_next: bool,
    ) -> Result<Judgement> {
        let (engine, environment) = (state.engine, self.environment(state.environment));
        let mut proposals = Vec::new();
        for (goal, status) in goals.iter().zip(&state.statuses) {
            let target = goal.target(status, engine, environment, occasion)?;
            proposals.push(Proposal { set: goal.set, status, target });
        }
        let policy = Policy { environment, occasion, allowances: &options.allowances, runs_next };
        policy::judge(engine, connection, &policy, &proposals)
    }

    /// Which sets go how far: all of them to their heads, unless one is named or the revision is of one.
    pub(super) fn goals(&self, options: &UpgradeOptions) -> Result<Vec<Goal<'_>>> {
        options.revision.check_direction(false)?;
        if options.set.is_none() && options.revision == Revision::Head {
            return Ok(self.sets.iter().map(|set| Goal { set, revision: Revision::Head }).collect());
        }
        let set = self.set(options.set.as_deref())?;
        let mut goals = vec![Goal { set, revision: options.revision.clone() }];
        // charter's own tables hold what every set needs: the environment of the database.
        if let (false, Some(charter)) = (set.is_charter(), self.sets.first()) {
            goals.insert(0, Goal { set: charter, revision: Revision::Head });
        }
        Ok(goals)
    }

    /// The environment that the database says it is, which every verb that changes something asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when the database is only for newer programs; what the engine says.
    pub(super) fn stored_environment(&self, connection: &mut dyn MigrationConnection) -> Result<Option<Environment>> {
        let set = MigrationSet::charter();
        let found = connection.found(set)?;
        if let Some(minimum) = &found.minimum_program {
            check_minimum_program(minimum, "this database")?;
        }
        found.environment.as_deref().map(str::parse).transpose()
    }
}

/// A connection that was opened to read, to migrate with; nothing where another one must be opened, before which it is closed.
fn migrating(mut connection: Box<dyn MigrationConnection>) -> Option<Box<dyn MigrationConnection>> {
    connection.begin_migrating().then_some(connection)
}

/// A connection to lend, if there is one.
fn reborrowed(connection: &mut Option<Box<dyn MigrationConnection>>) -> Option<&mut dyn MigrationConnection> {
    match connection {
        Some(connection) => Some(&mut **connection),
        None => None,
    }
}
