//! `charter db validate`.

use super::super::session::Session;
use super::super::ui::{BAD, DOUBTFUL, Exit, Failure, GOOD, Outcome, count, object, or_null};
use super::database::Database;
use crate::error::Location;
use crate::migrate::{Problem, Validation};
use crate::record::Value;

/// Look for what is wrong with the files of migrations, and with a database's history of them
///
/// Files whose names do not parse, numbers that stand twice, files without a down migration, variants for an engine without
/// their base, statements that would end the transaction; and migrations that were changed after they were applied, that
/// are missing, or that this program may not touch. Only reads; where the database that the configuration names does not
/// exist yet, the files alone are looked at. Fails (exit code 1) if there is an error, or no database where the command line
/// names one; warnings alone do not.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db validate
  charter db validate postgresql://charter@registry.example.com/charter --json")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = arguments.database.open(session)?;
    let url = &opened.database.url;
    let mut validation = opened.manager.validate_migrations();
    // Whoever names a database wants it looked at.
    let is_missing = opened.manager.engine().is_some() && url.file().is_none_or(|file| !file.exists());
    let is_named = session.given_url(arguments.database.url.as_deref())?.is_some();
    if is_named && !validation.has_database && is_missing {
        validation.errors.push(Problem {
            is_error: true,
            location: Location { file: url.to_string().into(), position: None },
            message: "there is no such database: only the files were looked at".to_owned(),
        });
    }
    session.ui.result(|| text(&validation), || value(&opened.database.url.to_string(), &validation))?;
    if !validation.has_database && !is_named {
        session.ui.note(&format!("there is no database {}: only the files were looked at", opened.database.url));
    }
    // What people can do about a server that is not to be had; nothing was written that could be lost.
    for hint in &validation.hints {
        let is_about_writing = hint.contains("acknowledged");
        session.ui.hint(if is_about_writing { "check that the server runs, and that the URL is right" } else { hint });
    }
    if validation.errors.is_empty() { Ok(()) } else { Err(Failure::Told(Exit::Failed)) }
}

fn text(validation: &Validation) -> String {
    let mut text = String::new();
    for problem in &validation.errors {
        text.push_str(&format!("{BAD}error:{BAD:#} {problem}\n"));
    }
    for problem in &validation.warnings {
        text.push_str(&format!("{DOUBTFUL}warning:{DOUBTFUL:#} {problem}\n"));
    }
    let (errors, warnings) = (validation.errors.len(), validation.warnings.len());
    text.push_str(&match (errors, warnings) {
        (0, 0) => format!("{GOOD}valid{GOOD:#}\n"),
        (0, _) => format!("{GOOD}valid{GOOD:#}, with {}\n", count(warnings, "warning")),
        _ => format!("{BAD}invalid{BAD:#}: {} and {}\n", count(errors, "error"), count(warnings, "warning")),
    });
    text
}

fn value(database: &str, validation: &Validation) -> Value {
    let problem = |problem: &Problem| {
        let number = |number: usize| Value::from(number as u64);
        let position = problem.location.position;
        Value::from(object! {
            "message": problem.message.as_str(),
            "file": problem.location.file.display().to_string(),
            "line": or_null(position.map(|position| number(position.line))),
            "column": or_null(position.map(|position| number(position.column))),
        })
    };
    object! {
        "database": database,
        "status": validation.status(),
        "has_database": validation.has_database,
        "errors": validation.errors.iter().map(problem).collect::<Vec<_>>(),
        "warnings": validation.warnings.iter().map(problem).collect::<Vec<_>>(),
    }
    .into()
}
