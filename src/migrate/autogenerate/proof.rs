//! Trying a set's migrations in databases to throw away.

use super::duckdb;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::create::{self, Draft};
use crate::migrate::schema::{Difference, Object, Schema, Trial};
#[cfg(feature = "lint")]
use crate::migrate::set::Migration;
use crate::migrate::set::MigrationSet;
use crate::migrate::verify::verify_above;

/// The state after each migration of a set on SQLite, the empty one first.
///
/// # Errors
/// What SQLite says of a migration.
pub(super) fn states(set: &MigrationSet) -> Result<Vec<Schema>> {
    let mut trial = Trial::new(set, Engine::Sqlite, None)?;
    let mut states = vec![trial.schema()?];
    let mut see = |_, trial: &mut Trial<'_>| {
        states.push(trial.schema()?);
        Ok(())
    };
    trial.walk(&mut see).map_err(|error| explained(set, error))?;
    Ok(states)
}

/// What SQLite says of a migration, with the reason why it is run there if the set is not written for SQLite.
fn explained(set: &MigrationSet, error: Error) -> Error {
    if set.engines().contains(&Engine::Sqlite) {
        return error.context("in a throw-away SQLite database");
    }
    error.context("comparing the migrations with the models, in a throw-away SQLite database").with_hint(
        "let `engines` in [migrations] name sqlite too, with an overlay for it (.sqlite.sql) beside each migration that \
         SQLite cannot run: --auto then writes it for what is new. Or write migrations by hand, without --auto and check",
    )
}

/// The state at the head of a set on SQLite.
///
/// # Errors
/// What SQLite says of a migration.
pub(super) fn state(set: &MigrationSet) -> Result<Schema> {
    state_on(set, Engine::Sqlite)
}

/// The state at the head of a set on an engine.
///
/// # Errors
/// What the engine says of a migration.
pub(super) fn state_on(set: &MigrationSet, engine: Engine) -> Result<Schema> {
    state_and_left_out(set, engine).map(|(state, _)| state)
}

/// The same, and why statements were not run for it.
///
/// # Errors
/// What the engine says of a migration.
pub(super) fn state_and_left_out(set: &MigrationSet, engine: Engine) -> Result<(Schema, Vec<String>)> {
    let mut trial = Trial::new(set, engine, None)?;
    let head = set.migrations().last().map(|migration| migration.number());
    trial.go_to(head).map_err(|error| if engine == Engine::Sqlite { explained(set, error) } else { error })?;
    let state = trial.schema()?;
    let left_out = set.migrations().iter().flat_map(|migration| trial.left_out(migration)).map(ToString::to_string);
    Ok((state, left_out.collect()))
}

/// A set with drafts as its next migrations.
///
/// # Errors
/// [`ErrorKind::Invalid`] when they do not make a set.
pub(super) fn with(set: &MigrationSet, drafts: &[Draft]) -> Result<MigrationSet> {
    let scripts = set.migrations().iter().flat_map(|migration| migration.scripts());
    let mut files: Vec<_> = scripts.map(|script| (script.file().to_owned(), script.text().to_owned())).collect();
    for (number, draft) in (set.head() + 1..).zip(drafts) {
        let named = draft.files(number, &create::slug(&draft.message)?);
        files.extend(named.into_iter().map(|(name, text)| (name.into(), text.to_owned())));
    }
    let set = MigrationSet::of(set.name(), set.schema(), None, files).for_engines(set.engines());
    set.check().map(|()| set)
}

/// Proves the migrations above a number as `charter db verify` would, on every engine of this build, and that they come to
/// what is wanted.
///
/// # Errors
/// [`ErrorKind::Unsupported`], with what they do not do.
pub(super) fn prove(set: &MigrationSet, above: i64, wanted: &Schema) -> Result<()> {
    let refused = |message: String, differences: &[Difference]| {
        let hint = match differences.iter().any(|difference| difference.object == Object::View) {
            true => "write it by hand, or in smaller steps; a view of all columns (`*`) has new ones at its end",
            false => "let the models say what all engines make the same of, or write it by hand, or in smaller steps",
        };
        Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint))
    };
    if let Some(fault) = verify_above(set, above)?.faults.into_iter().next() {
        // Its files are nowhere.
        let said = match &fault.error {
            Some(error) => error.message().split_whitespace().collect::<Vec<_>>().join(" "),
            None => listed(&fault.differences),
        };
        let message = format!("what would be written does not hold: on {}, {}: {said}", fault.engine, fault.kind);
        return refused(message, &fault.differences);
    }
    let state = state(set)?;
    let left = state.differences(&duckdb::attainable(set, &state, wanted.clone()));
    match left.is_empty() {
        true => Ok(()),
        false => refused(format!("what would be written leaves differences: {}", listed(&left)), &left),
    }
}

/// Refuses drafts in which the safety rules find an error, on any engine of a set.
///
/// # Errors
/// [`ErrorKind::Unsupported`], with the finding.
#[cfg(feature = "lint")]
pub(super) fn judge(set: &MigrationSet, drafts: &[Draft]) -> Result<()> {
    use crate::safety::{Input, LintOptions, Severity, lint};
    let with = with(set, drafts)?;
    for engine in set.engines() {
        let input = |migration: &Migration| {
            let script = migration.up(*engine);
            let of = if migration.number() > set.head() { Input::new } else { Input::applied };
            of(script.file(), script.text())
        };
        let inputs: Vec<Input> = with.migrations().iter().map(input).collect();
        let findings =
            lint(&inputs, &LintOptions::for_set(*engine, LintOptions::default().postgres_version, set.schema()));
        if let Some(found) = findings.into_iter().find(|finding| finding.severity == Severity::Error) {
            let message = format!("this is not safe on {engine}: {}: {}", found.rule.name, found.message);
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint(found.help));
        }
    }
    Ok(())
}

/// Differences in one line.
pub(super) fn listed(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
