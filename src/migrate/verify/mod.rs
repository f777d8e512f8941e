//! Proving a set: each of its migrations up, down and up again on each engine, with what the database has compared after
//! every step, and the engines with each other.

mod fault;

pub use fault::{Fault, FaultKind};

use super::schema::{Declarations, Difference, Passed, Schema, Trial, View};
use super::script::Script;
use super::set::{Migration, MigrationSet};
use crate::config::DatabaseUrl;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use std::collections::{BTreeMap, BTreeSet};

/// What came of proving sets of migrations.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Verification {
    /// What was tried.
    pub runs: Vec<Run>,
    /// What is wrong; none when the sets are proven.
    pub faults: Vec<Fault>,
    /// What could not be tried: because there is nothing to try, or because a statement does something outside of the database
    /// that it runs in, which a throw-away one does without.
    pub warnings: Vec<Fault>,
    /// What cannot be tried where nothing is but the tables of migrations, and why; only where that was asked.
    pub(super) untried: Vec<Fault>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A set on an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// The name of the set.
    pub set: String,
    /// The engine.
    pub engine: Engine,
    /// How many migrations were brought up, taken back and brought up again, or failed at it.
    pub migrations: usize,
}

/// A step that is about to be taken, for who shows it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The set.
    pub set: &'a MigrationSet,
    /// The migration that is proven next.
    pub migration: &'a Migration,
    /// Where.
    pub engine: Engine,
    /// How many migrations of all sets on all engines came before it.
    pub place: usize,
    /// How many there are.
    pub of: usize,
}

/// The engines on which sets can be proven: those of this build in memory, and Postgres where there is a server.
pub fn engines_at_hand(against: Option<&DatabaseUrl>) -> Vec<Engine> {
    let is_at_hand = |engine: &Engine| match engine {
        Engine::Sqlite => cfg!(feature = "sqlite"),
        Engine::DuckDb => cfg!(feature = "duckdb"),
        Engine::Postgres => cfg!(feature = "postgres") && against.is_some(),
    };
    Engine::ALL.into_iter().filter(is_at_hand).collect()
}

/// Proves sets: on each engine at hand that a set is written for, each migration up, down and up again, and the engines
/// against each other at every revision. A set is tried where charter's own and those before it are applied: it may use
/// their tables. Databases to throw away are used, in memory and, with `against`, one on that server
/// for each set, which is dropped whatever happens.
///
/// # Errors
/// [`ErrorKind::Invalid`] when the files do not make a set or `against` is no server; when the server cannot be reached, or
/// does not let the user make a database. What is wrong with a migration is no error but a [`Fault`].
///
/// # Examples
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use charter::migrate::{MigrationSet, verify};
///
/// let set = MigrationSet::from_files("shop", [
///     ("V1__orders.sql", "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);"),
///     ("V1__orders.down.sql", "DROP TABLE orders;"),
/// ])?;
/// let verification = verify(&[&set], None, &mut |step| eprintln!("{} on {}", step.migration, step.engine))?;
/// assert!(verification.is_ok());
/// # }
/// # Ok::<(), charter::Error>(())
/// ```
pub fn verify(
    sets: &[&MigrationSet],
    against: Option<&DatabaseUrl>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Verification> {
    prove(&[], sets, &engines_at_hand(against), against, Part::default(), None, progress)
}

/// [`verify`], for the migrations above a number alone, on the engines of this build in memory.
pub(super) fn verify_above(set: &MigrationSet, number: i64) -> Result<Verification> {
    let part = Part { above: Some(number).filter(|number| *number > 0), target: None };
    prove(&[], &[set], &engines_at_hand(None), None, part, None, &mut |_| {})
}

/// [`verify`], for what an engine is about to run of a set after others: on that engine alone. What fails is shown to
/// `excuses`: where that says so, it is no fault but something that cannot be tried there, and what follows is tried without
/// it.
pub(super) fn verify_part(
    others: &[&MigrationSet],
    set: &MigrationSet,
    engine: Engine,
    against: Option<&DatabaseUrl>,
    part: Part,
    excuses: &mut Excuses<'_>,
) -> Result<Verification> {
    prove(others, &[set], &[engine], against, part, Some(excuses), &mut |_| {})
}

/// Says whether a failure is none of the migration's own.
pub(super) type Excuses<'a> = dyn FnMut(&Failure<'_>) -> Result<bool> + 'a;

/// A migration that failed where it was tried.
pub(super) struct Failure<'a> {
    pub(super) migration: &'a Migration,
    pub(super) error: &'a Error,
    /// The statement that failed; empty when it was none.
    pub(super) statement: &'a str,
    /// What was passed over before.
    pub(super) passed: &'a Passed,
    /// What there was in the database at each revision before.
    pub(super) states: Vec<&'a Schema>,
}

/// Which migrations of a set are proven; those before them are taken for granted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    /// Those above this one, all of them without one.
    pub(super) above: Option<i64>,
    /// Those up to this one, all of them without one.
    pub(super) target: Option<i64>,
}

impl Part {
    fn has(self, number: i64) -> bool {
        Some(number) > self.above && self.target.is_none_or(|target| number <= target)
    }
}

fn prove(
    others: &[&MigrationSet],
    sets: &[&MigrationSet],
    at_hand: &[Engine],
    against: Option<&DatabaseUrl>,
    part: Part,
    mut excuses: Option<&mut Excuses<'_>>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Verification> {
    let above = part.above;
    let engines = |set: &MigrationSet| -> Vec<Engine> {
        at_hand.iter().copied().filter(|engine| set.engines().contains(engine)).collect()
    };
    let mut steps =
        Steps { place: 0, of: sets.iter().map(|set| engines(set).len() * set.migrations().len()).sum(), progress };
    let mut verification = Verification::default();
    for (place, set) in sets.iter().enumerate() {
        set.check()?;
        let others = [others, &sets[..place]].concat();
        let mut proven: Vec<Proven> = Vec::new();
        for engine in engines(set) {
            let texts = proven.iter().find(|proven| proven.engine == Engine::Sqlite).map(|proven| &proven.states);
            let excuses = excuses.as_deref_mut();
            let verification = &mut verification;
            let mut trials = Trials {
                others: &others,
                set,
                engine,
                against,
                part,
                texts,
                excuses,
                states: States::new(),
                verification,
            };
            let proof = trials.run(&mut steps)?;
            proven.push(proof);
        }
        for (place, wanted) in proven.iter().enumerate() {
            for found in &proven[place + 1..] {
                verification.compare(set, above, found, wanted);
            }
        }
    }
    Ok(verification)
}

struct Steps<'a> {
    place: usize,
    of: usize,
    progress: &'a mut dyn FnMut(Step<'_>),
}

/// What a database has at each revision that could be applied.
type States = BTreeMap<i64, Schema>;

/// What came of a set on an engine.
struct Proven {
    engine: Engine,
    states: States,
    /// The views that a migration made by another query here than on SQLite.
    views: BTreeMap<i64, Vec<Difference>>,
    /// Whatever may be a name of what was left out here: nobody knows what it would be.
    unmade: BTreeSet<String>,
}

/// A set on an engine, at work.
struct Trials<'a, 'e> {
    /// What comes before it.
    others: &'a [&'a MigrationSet],
    set: &'a MigrationSet,
    engine: Engine,
    against: Option<&'a DatabaseUrl>,
    part: Part,
    /// What there is on SQLite, which keeps views as they were written.
    texts: Option<&'a States>,
    /// Whether a failure is the migration's own is asked here, if anywhere.
    excuses: Option<&'a mut Excuses<'e>>,
    states: States,
    verification: &'a mut Verification,
}

impl<'a> Trials<'a, '_> {
    /// A new database at a revision, with what was passed over in one before.
    fn trial(&self, number: Option<i64>, before: Option<&mut Trial<'a>>) -> Result<Trial<'a>> {
        let (others, set, engine, against) = (self.others, self.set, self.engine, self.against);
        if self.excuses.is_none() {
            let mut trial = Trial::after(others, set, engine, against)?;
            if let Some(before) = before {
                trial.take_passed(before);
            }
            trial.go_to(number)?;
            return Ok(trial);
        }
        let mut trial = Trial::leniently_after(others, set, engine, against)?;
        if let Some(before) = before {
            trial.take_passed(before);
        }
        trial.replay(number)?;
        Ok(trial)
    }

    fn run(&mut self, steps: &mut Steps<'_>) -> Result<Proven> {
        let mut views = BTreeMap::new();
        let mut trial = self.trial(self.part.above, None)?;
        let (mut before, mut state) = (self.part.above, trial.schema()?);
        self.states.extend(before.map(|number| (number, state.clone())));
        let mut migrations = 0;
        let (set, part) = (self.set, self.part);
        for migration in set.migrations().iter().filter(|migration| part.has(migration.number())) {
            (steps.progress)(Step { set: self.set, migration, engine: self.engine, place: steps.place, of: steps.of });
            steps.place += 1;
            migrations += 1;
            let number = Some(migration.number());
            if let Err(error) = trial.go_to(number) {
                if !self.fault(migration, FaultKind::Up, Vec::new(), Some(error), &trial)? {
                    break;
                }
                trial.pass_over(migration)?;
                (before, state) = (number, trial.schema()?);
                self.states.insert(migration.number(), state.clone());
                continue;
            }
            let after = trial.schema()?;
            views.insert(migration.number(), self.views(&mut trial, (before, migration.number()), (&state, &after))?);
            if !self.down_and_up(migration, &mut trial, before, (&state, &after))? {
                // What is left is of no use, or has its columns in another order, which would be told of the next migration;
                // that begins where this one led the first time.
                let anew = self.trial(number, Some(&mut trial))?;
                std::mem::replace(&mut trial, anew).close()?;
            }
            (before, state) = (number, after.clone());
            self.states.insert(migration.number(), after);
        }
        for migration in set.migrations().iter().filter(|migration| part.has(migration.number())) {
            for error in trial.left_out(migration) {
                let error = Error::new(error.kind(), error.to_string());
                let fault = self.fault_of(migration, FaultKind::LeftOut, Vec::new(), Some(error));
                match self.excuses {
                    Some(_) => self.verification.untried.push(fault),
                    None => self.verification.warnings.push(fault),
                }
            }
        }
        let unmade = trial.unmade().clone();
        trial.close()?;
        let set = self.set.name().to_owned();
        self.verification.runs.push(Run { set, engine: self.engine, migrations });
        Ok(Proven { engine: self.engine, states: std::mem::take(&mut self.states), views, unmade })
    }

    /// The views that a migration made by another query than on SQLite. Each engine writes a query down in its own words: the
    /// one of SQLite is given to this engine, to see what it makes of it. A query that it does not take is no difference, for
    /// then there is none that both could have.
    fn views(
        &self,
        trial: &mut Trial<'_>,
        (before, number): (Option<i64>, i64),
        (old, new): (&Schema, &Schema),
    ) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        let Some(texts) = self.texts.and_then(|texts| texts.get(&number)) else { return Ok(differences) };
        let old_texts = before.and_then(|before| self.texts?.get(&before));
        for (name, view) in &new.views {
            let Some(text) = texts.views.get(name) else { continue };
            // Later it may be written down in other words, as when a table that it reads has other columns.
            let stays = |old: Option<&Schema>, now: &View| {
                old.and_then(|old| old.views.get(name)).is_some_and(|was| was.definition == now.definition)
            };
            if stays(Some(old), view) && stays(old_texts, text) {
                continue;
            }
            if let Some(made) = trial.view_by(view, &text.definition)? {
                let only = |view: View| Schema {
                    engine: self.engine,
                    views: BTreeMap::from([(name.clone(), view)]),
                    ..Schema::default()
                };
                differences.extend(only(view.clone()).differences(&only(made)));
            }
        }
        Ok(differences)
    }

    /// Takes a migration back and applies it again; tells whether all is as it was, the order of columns too.
    fn down_and_up(
        &mut self,
        migration: &Migration,
        trial: &mut Trial<'_>,
        before: Option<i64>,
        (old, new): (&Schema, &Schema),
    ) -> Result<bool> {
        if migration.down(self.engine).is_none() {
            let warning = self.fault_of(migration, FaultKind::NoDown, Vec::new(), None);
            self.verification.warnings.push(warning);
            return Ok(true);
        }
        if let Err(error) = trial.go_to(before) {
            self.fault(migration, FaultKind::Down, Vec::new(), Some(error), trial)?;
            return Ok(false);
        }
        let differences = trial.schema()?.differences(old);
        let is_restored =
            differences.is_empty() || self.fault(migration, FaultKind::NotRestored, differences, None, trial)?;
        match trial.go_to(Some(migration.number())) {
            // Of what was not restored, this is only what follows.
            Err(_) if !is_restored => return Ok(false),
            Err(error) => {
                self.fault(migration, FaultKind::UpAgain, Vec::new(), Some(error), trial)?;
                return Ok(false);
            }
            Ok(()) => {}
        }
        let again = trial.schema()?;
        let differences = again.differences(new);
        if is_restored && !differences.is_empty() {
            return self.fault(migration, FaultKind::NotRepeated, differences, None, trial);
        }
        Ok(is_restored && again.has_order_of(new))
    }

    fn fault_of(
        &self,
        migration: &Migration,
        kind: FaultKind,
        differences: Vec<Difference>,
        error: Option<Error>,
    ) -> Fault {
        let (set, slug) = (self.set.name().to_owned(), migration.slug().to_owned());
        Fault { set, number: migration.number(), slug, engine: self.engine, kind, differences, error }
    }

    /// Writes a fault down, and tells whether it is excused. A server that is gone is no fault of the migration.
    fn fault(
        &mut self,
        migration: &Migration,
        kind: FaultKind,
        differences: Vec<Difference>,
        error: Option<Error>,
        trial: &Trial<'_>,
    ) -> Result<bool> {
        if let Some(error) = error.as_ref().filter(|error| error.kind() == ErrorKind::Unavailable) {
            return Err(Error::new(ErrorKind::Unavailable, error.to_string()));
        }
        let is_excused = match &error {
            Some(error) => self.is_excused(migration, error, trial)?,
            None => false,
        };
        let fault = self.fault_of(migration, kind, differences, error);
        match is_excused {
            true => self.verification.untried.push(fault),
            false => self.verification.faults.push(fault),
        }
        Ok(is_excused)
    }

    fn is_excused(&mut self, migration: &Migration, error: &Error, trial: &Trial<'_>) -> Result<bool> {
        let Some(excuses) = &mut self.excuses else { return Ok(false) };
        let scripts = [Some(migration.up(self.engine)), migration.down(self.engine)];
        let failed = scripts.into_iter().flatten().find_map(|script| failed_statement(script, self.engine, error));
        let (passed, states) = (trial.passed(), self.states.values().collect());
        excuses(&Failure { migration, error, statement: failed.unwrap_or_default(), passed, states })
    }
}

/// The statement of a script at which an error has its place.
fn failed_statement<'s>(script: &'s Script, engine: Engine, error: &Error) -> Option<&'s str> {
    let location = error.location().filter(|location| location.file == script.file())?;
    let statements = script.statements(engine);
    statements
        .into_iter()
        .find(|statement| Some(statement.position) == location.position)
        .map(|statement| statement.text)
}

impl Verification {
    /// Compares two engines at every revision that both have. A difference is told where it arises; from there on it is
    /// known, declared or not.
    fn compare(&mut self, set: &MigrationSet, above: Option<i64>, found: &Proven, wanted: &Proven) {
        let mut known: Vec<Difference> = Vec::new();
        let both = |number: i64| Some((found.states.get(&number)?, wanted.states.get(&number)?));
        if let Some((one, other)) = above.and_then(both) {
            known = one.differences(other);
        }
        for migration in set.migrations().iter().filter(|migration| Some(migration.number()) > above) {
            let number = migration.number();
            let Some((one, other)) = both(number) else { return };
            let declared = Declarations::of(set, (found.engine, wanted.engine), |of| of == number);
            let all = one.differences(other);
            let views = found.views.get(&number).filter(|_| wanted.engine == Engine::Sqlite);
            let views = views.into_iter().flatten().filter(|difference| !declared.cover(difference));
            let mut arisen: Vec<Difference> = views.cloned().collect();
            // What was known and is gone may have become another, as when a column of a missing foreign key is renamed, or its
            // table.
            let mut gone: Vec<Difference> =
                known.iter().filter(|difference| !all.contains(difference)).cloned().collect();
            for difference in &all {
                if known.contains(difference) || declared.cover(difference) {
                    continue;
                }
                let became = |old: &Difference| {
                    let is_gone = || old.of_table().is_some_and(|table| !other.tables.contains_key(table));
                    old.object == difference.object
                        && old.kind == difference.kind
                        && (old.of_table() == difference.of_table() || is_gone())
                        && (old.has_name_of(difference) || !difference.keeps_name())
                };
                let is_of_name = |old: &Difference| became(old) && old.has_name_of(difference);
                match gone.iter().position(is_of_name).or_else(|| gone.iter().position(became)) {
                    Some(place) => drop(gone.swap_remove(place)),
                    None => arisen.push(difference.clone()),
                }
            }
            known = all;
            let is_unknown =
                |name: &str| [found, wanted].iter().any(|proven| proven.unmade.contains(&name.to_lowercase()));
            arisen.retain(|difference| !is_unknown(difference.of_table().unwrap_or(&difference.name)));
            if !arisen.is_empty() {
                let (set, slug, kind) =
                    (set.name().to_owned(), migration.slug().to_owned(), FaultKind::Engines(wanted.engine));
                self.faults.push(Fault {
                    set,
                    number,
                    slug,
                    engine: found.engine,
                    kind,
                    differences: arisen,
                    error: None,
                });
            }
        }
    }
}
