//! How far a migration without a transaction has come that was begun and has not ended.

use super::audit::Action;
use super::connection::{MigrationConnection, qualified};
#[cfg(feature = "lint")]
use super::script::Script;
use super::set::MigrationSet;
#[cfg(feature = "lint")]
use super::status::Unfinished;
#[cfg(feature = "lint")]
use super::steps::steps;
use super::steps::{Step, StepKind};
use crate::engine::Engine;
use crate::error::Result;
#[cfg(feature = "lint")]
use crate::safety::{Finding, Input};
#[cfg(feature = "lint")]
use std::ops::Range;

/// The digests of the steps that are recorded as done, in order.
pub(super) fn recorded(
    connection: &mut dyn MigrationConnection,
    set: &MigrationSet,
    number: i64,
    begun: Action,
) -> Result<Vec<String>> {
    let audit = qualified(set, connection.engine(), &set.audit_table());
    let rows = connection.query(&format!(
        "SELECT detail FROM {audit} WHERE version = {number} AND action = 'step' AND entry > \
         (SELECT MAX(entry) FROM {audit} WHERE version = {number} AND action = '{}') ORDER BY entry",
        begun.as_str()
    ))?;
    Ok(rows.into_iter().flatten().map(Option::unwrap_or_default).collect())
}

/// Compares what is recorded with what a script begins with.
///
/// # Errors
/// The first step that is another one; nothing where the script ends before.
pub(super) fn compare<'s, 'a>(
    recorded: &[String],
    steps: &'s [Step<'a>],
    engine: Engine,
) -> std::result::Result<(), Option<&'s Step<'a>>> {
    let mut steps = steps.iter().filter(|step| step.kind != StepKind::Session);
    for digest in recorded {
        let step = steps.next();
        if step.is_none_or(|step| step.digest(engine) != *digest) {
            return Err(step);
        }
    }
    Ok(())
}

/// A script that was begun, as the safety rules read it: what has run, and what would run.
#[cfg(feature = "lint")]
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    /// What has run.
    pub(crate) done: Input,
    /// The whole file with blanks for what has run, so that every place in it is the file's.
    pub(crate) rest: Input,
    /// The statement that may have run without having been recorded, as no transaction holds it: it is looked for before
    /// it runs again.
    uncertain: Option<Range<usize>>,
}

#[cfg(feature = "lint")]
impl Begun {
    /// Reads how far applying a script has come; `None` when the script does not begin with what was done, and when it is
    /// taking it back that has not ended.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn read(
        connection: &mut dyn MigrationConnection,
        set: &MigrationSet,
        unfinished: &Unfinished,
        script: &Script,
    ) -> Result<Option<Self>> {
        if unfinished.action != Action::ApplyStarted || !script.is_without_transaction() {
            return Ok(None);
        }
        let recorded = recorded(connection, set, unfinished.number, unfinished.action)?;
        Ok(Self::of(script, connection.engine(), &recorded))
    }

    fn of(script: &Script, engine: Engine, recorded: &[String]) -> Option<Self> {
        let steps = steps(script, engine).ok()?;
        compare(recorded, &steps, engine).ok()?;
        let mut counted = steps.iter().filter(|step| step.kind != StepKind::Session);
        let last = counted.by_ref().take(recorded.len()).last();
        let uncertain = counted.next().filter(|step| step.kind == StepKind::Alone);
        let uncertain =
            uncertain.and_then(|step| step.statements.first()).map(|(_, statement)| statement.range.clone());
        // A COMMIT is the statement after the last one of its group.
        let last = last.and_then(|step| Some(step.statements.last()?.0 + usize::from(step.commit.is_some())));
        // What sets something for those after it runs again.
        let runs_again = |place: usize| {
            let mut sessions = steps.iter().filter(|step| step.kind == StepKind::Session);
            sessions.any(|step| step.statements.iter().any(|(of_session, _)| *of_session == place))
        };
        let (mut rest, mut end) = (script.text().to_owned(), 0);
        for (place, statement) in script.statements(engine).into_iter().enumerate() {
            if last.is_none_or(|last| place > last) {
                break;
            }
            end = statement.range.end;
            if !runs_again(place) {
                let blank = |letter: char| if letter == '\n' { "\n".to_owned() } else { " ".repeat(letter.len_utf8()) };
                rest.replace_range(statement.range, &statement.text.chars().map(blank).collect::<String>());
            }
        }
        let done = Input::applied(script.file(), script.text().get(..end)?);
        Some(Self { done, rest: Input::new(script.file(), rest), uncertain })
    }

    /// Whether something is worth telling: not that what may have run is there already, or is gone.
    pub(crate) fn is_told(&self, finding: &Finding) -> bool {
        let is_uncertain = |range: &Range<usize>| range.contains(&finding.range.start);
        finding.file != self.rest.file
            || !finding.is_of_existence()
            || !self.uncertain.as_ref().is_some_and(is_uncertain)
    }
}

#[cfg(all(test, feature = "lint"))]
mod tests {
    use super::*;

    fn begun(text: &str, done: usize) -> Option<Begun> {
        let script = Script::new("V2__a.sql", text);
        let steps = steps(&script, Engine::Postgres).expect("plain steps");
        let counted = steps.iter().filter(|step| step.kind != StepKind::Session).take(done);
        let recorded: Vec<String> = counted.map(|step| step.digest(Engine::Postgres)).collect();
        Begun::of(&script, Engine::Postgres, &recorded)
    }

    #[test]
    fn what_has_run_is_blank_and_what_is_set_for_the_rest_is_kept() {
        let text = "-- charter: no-transaction\nCREATE TABLE a (\n  é text);\nSET work_mem = '5MB';\nBEGIN;\nDROP TABLE b;\nCOMMIT;\n\
            DROP INDEX CONCURRENTLY c;\nDROP TABLE d;";
        let rest = |done: usize| {
            let begun = begun(text, done).expect("it begins so");
            assert_eq!(begun.rest.text.len(), text.len());
            let lines = begun.rest.text.lines().map(|line| line.trim().to_owned());
            (lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("|"), begun.uncertain, begun.done.text)
        };
        assert_eq!(rest(0).0, text.replace("\n  ", "|").replace('\n', "|"));
        let (kept, uncertain, done) = rest(1);
        assert!(kept.starts_with("-- charter: no-transaction|SET work_mem = '5MB';|BEGIN;|DROP TABLE b;"), "{kept}");
        assert_eq!(uncertain, None);
        assert!(done.ends_with("é text);"), "{done}");
        let (kept, uncertain, done) = rest(2);
        assert_eq!(kept, "-- charter: no-transaction|SET work_mem = '5MB';|DROP INDEX CONCURRENTLY c;|DROP TABLE d;");
        assert_eq!(uncertain.and_then(|range| text.get(range)), Some("DROP INDEX CONCURRENTLY c;"));
        assert!(done.ends_with("COMMIT;"), "{done}");
        assert_eq!(rest(3).1, None);
        assert!(rest(4).0.ends_with("work_mem = '5MB';"));
    }

    #[test]
    fn a_file_that_begins_otherwise_is_not_the_one_that_was_begun() {
        let script = Script::new("V2__a.sql", "-- charter: no-transaction\nDROP TABLE a;");
        for recorded in [vec!["another".to_owned()], vec![String::new(), String::new()]] {
            assert!(Begun::of(&script, Engine::Postgres, &recorded).is_none());
        }
    }
}
