//! `charter db verify`.

use super::super::session::Session;
use super::super::ui::{BAD, DOUBTFUL, Exit, Failure, GOOD, Outcome, count, object, or_null};
use super::database::{Database, Set};
use super::info::difference_value;
use crate::config::DatabaseUrl;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::migrate::schema::end_with;
use crate::migrate::{Fault, FaultKind, Verification, engines_at_hand, verify};
use crate::record::Value;
use std::collections::BTreeSet;

/// Prove a set of migrations: each one up, down and up again, on each engine
///
/// Runs in throw-away databases, in memory and, with --against, in one on that server, which is dropped at the end. After
/// each step the database must have what it should: a down migration restores what was there, and the engines agree at every
/// revision, but for what an overlay declares (`-- charter: differs no-foreign-keys`). The engines are compared in tables,
/// the order of their columns, constraints, indexes, views, triggers, functions, sequences, types, policies and comments; not
/// in privileges and settings. Fails (exit code 1) with the differences. The database of the configuration is not touched,
/// and nothing else is: a statement that does something outside of the throw-away database is left out, and told.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db verify
  charter db verify --against postgresql://postgres@localhost/postgres
  charter db verify --set charter --json

In what an engine differs, its overlay that goes up declares at its top, one on a line or with
commas between them (`-- charter: differs triggers, functions`):
  no-foreign-keys, no-indexes, no-checks, no-unique, no-views, types, defaults, nullability,
  not-valid, column-order, triggers, functions, sequences, policies, rules, exclusions, comments,
  table NAME, index NAME, view NAME, trigger NAME, function NAME")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    set: Set,
    /// A Postgres server whose user may make databases
    #[arg(long, value_name = "URL")]
    against: Option<String>,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let against = arguments.against.as_deref().map(DatabaseUrl::parse).transpose().map_err(Failure::Usage)?;
    let opened = Database::files(session)?;
    let set = opened.manager.set(arguments.set.name()?)?;
    drop_on_interrupt(against.as_ref());
    let progress = session.ui.progress("verifying");
    let verification = verify(&[set], against.as_ref(), &mut |step| {
        let message = format!("verifying {} on {}", step.migration, step.engine);
        progress.update(&message, step.place as u64, step.of as u64);
    })?;
    drop(progress);
    let at_hand = engines_at_hand(against.as_ref());
    let left_out: Vec<Engine> = set.engines().iter().copied().filter(|engine| !at_hand.contains(engine)).collect();
    if verification.runs.is_empty() {
        let names: Vec<&str> = set.engines().iter().map(|engine| engine.as_str()).collect();
        let message = format!("nothing was tried: the set {} is written for {} alone", set.name(), names.join(", "));
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint(how_to_try(set.engines())).into());
    }
    session.ui.result(|| text(&verification), || value(&verification, &left_out))?;
    for engine in left_out {
        session.ui.warning(None, &format!("not tried on {engine}: {}", how_to_try(&[engine])));
    }
    if verification.is_ok() { Ok(()) } else { Err(Failure::Told(Exit::Failed)) }
}

/// What is missing where no engine of these is at hand.
fn how_to_try(engines: &[Engine]) -> &'static str {
    match engines.contains(&Engine::Postgres) {
        true => "give it a server with --against URL",
        false => "this build of charter has not the engine",
    }
}

/// Lets an interrupt drop the throw-away databases on a server before it ends the program.
pub(super) fn drop_on_interrupt(server: Option<&DatabaseUrl>) {
    if server.is_some() {
        // Where interrupts cannot be caught, the next run drops what this one leaves.
        let _ = ctrlc::set_handler(|| end_with(|| std::process::exit(130)));
    }
}

fn text(verification: &Verification) -> String {
    let mut text = String::new();
    for run in &verification.runs {
        let faults = verification.faults.iter().filter(|fault| fault.set == run.set && fault.engine == run.engine);
        let failed: BTreeSet<i64> =
            faults.filter(|fault| !matches!(fault.kind, FaultKind::Engines(_))).map(|fault| fault.number).collect();
        let proven = match failed.len() {
            0 => String::new(),
            failed => format!("{} of ", run.migrations.saturating_sub(failed)),
        };
        let migrations = count(run.migrations, "migration");
        text.push_str(&format!("{} on {}: {proven}{migrations} up, down and up again\n", run.set, run.engine));
    }
    for fault in &verification.warnings {
        text.push_str(&format!("{DOUBTFUL}warning:{DOUBTFUL:#} {fault}\n"));
    }
    for fault in &verification.faults {
        text.push_str(&format!("{BAD}error:{BAD:#} {fault}\n"));
        for difference in &fault.differences {
            text.push_str(&format!("  {difference}\n"));
        }
    }
    text.push_str(&match verification.faults.len() {
        0 => format!("{GOOD}verified{GOOD:#}\n"),
        faults => format!("{BAD}not verified{BAD:#}: {}\n", count(faults, "error")),
    });
    text
}

fn value(verification: &Verification, left_out: &[Engine]) -> Value {
    let runs = verification.runs.iter().map(|run| {
        let migrations = run.migrations as u64;
        Value::from(object! {"set": run.set.as_str(), "engine": run.engine.as_str(), "migrations": migrations})
    });
    object! {
        "verified": verification.is_ok(),
        "runs": runs.collect::<Vec<_>>(),
        "not_tried": left_out.iter().map(|engine| Value::from(engine.as_str())).collect::<Vec<_>>(),
        "errors": verification.faults.iter().map(fault_value).collect::<Vec<_>>(),
        "warnings": verification.warnings.iter().map(fault_value).collect::<Vec<_>>(),
    }
    .into()
}

fn fault_value(fault: &Fault) -> Value {
    let compared = match fault.kind {
        FaultKind::Engines(other) => Some(other.as_str()),
        _ => None,
    };
    object! {
        "set": fault.set.as_str(),
        "number": fault.number.unsigned_abs(),
        "name": fault.slug.as_str(),
        "engine": fault.engine.as_str(),
        "fault": fault.kind.as_str(),
        "compared_with": or_null(compared),
        "message": fault.to_string(),
        "differences": fault.differences.iter().map(difference_value).collect::<Vec<_>>(),
    }
    .into()
}
