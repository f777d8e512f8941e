//! The `charter` program: one file for each command, with its arguments, its help and what it does.
//!
//! Commands compute; `ui` prints. A command ends with a result on standard output, or with a failure that is
//! printed on standard error and decides the exit code.

mod db;
mod demo;
mod files;
mod get;
mod init;
mod list;
mod put;
mod session;
mod show;
mod sync;
mod ui;
mod watch;

use clap::{Args, Parser, Subcommand};
use session::Session;
use std::ffi::OsString;
use std::process::ExitCode;
use ui::{ColorWhen, Outcome, Ui};

/// Runs the program on the arguments of this process, and gives its exit code: 0 done, 1 failed, 2 usage, 3 conflict,
/// 4 refused.
pub fn main() -> ExitCode {
    let texts: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&texts) {
        Ok(arguments) => arguments,
        Err(error) => return ui::print_usage(error, &texts),
    };
    let ui = Ui::new(arguments.global.color, arguments.global.json, arguments.global.quiet);
    match run(arguments, &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ui.fail(&failure),
    }
}

fn run(arguments: Arguments, ui: &Ui) -> Outcome {
    let Global { db, namespace, environment, .. } = arguments.global;
    let session = Session::new(ui, db, namespace.as_deref(), environment.as_deref())?;
    let is_of_two = matches!(arguments.command, Command::Sync(_));
    let outcome = match arguments.command {
        Command::Init(arguments) => init::run(&session, &arguments),
        Command::Put(arguments) => put::run(&session, &arguments),
        Command::Get(arguments) => get::run(&session, &arguments),
        Command::Show(arguments) => show::run(&session, &arguments),
        Command::List(arguments) => list::run(&session, &arguments),
        Command::Db(command) => db::run(&session, &command),
        Command::Sync(command) => sync::run(&session, &command),
        Command::Watch(arguments) => watch::run(&session, &arguments),
        Command::Demo(arguments) => demo::run(&session, &arguments),
    };
    // Which of its two databases an error is about, `sync` says itself.
    if is_of_two { outcome } else { outcome.map_err(|failure| session.name_database(failure)) }
}

const AFTER_HELP: &str = "\
The database is the first of these that is set: the argument or --db; CHARTER__DATABASE__SQL_ALCHEMY_CONN; \
CHARTER_DATABASE_URL; charter.cfg in the working directory, in ~/.charter, in the nearest parent folder that holds \
one; alembic.ini in the same places; else sqlite:///charter.db.

Results go to standard output, everything else to standard error. With --json, a result is one JSON document, and \
every line of standard error one JSON object with the member `error`, `warning` or `hint`.

Exit codes:
  0  done, all of it
  1  failed: not found, unreachable, invalid content, a file that cannot be read
  2  usage: arguments that are unknown, do not go together, or cannot be read
  3  conflict: a key is taken by other content; nothing was changed
  4  refused: the database is not initialised, or its policy does not allow it

Try it without any set-up: charter demo";

/// A local-first registry for data contracts.
#[derive(Parser)]
#[command(name = "charter", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The database: sqlite:///FILE, duckdb:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory:
    #[arg(long, global = true, value_name = "URL")]
    db: Option<String>,
    /// The namespace of names that have none; the default one is empty
    #[arg(long, short, global = true)]
    namespace: Option<String>,
    /// What the database is used for: dev, staging or prod; only stricter than what the database says itself
    #[arg(long = "env", global = true, value_name = "ENVIRONMENT", hide_possible_values = true)]
    #[arg(value_parser = ["dev", "staging", "prod"])]
    environment: Option<String>,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print results and errors only
    #[arg(long, short, global = true)]
    quiet: bool,
    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    color: ColorWhen,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Arguments),
    Put(put::Arguments),
    Get(get::Arguments),
    Show(show::Arguments),
    List(list::Arguments),
    #[command(subcommand)]
    Db(db::Command),
    #[command(subcommand)]
    Sync(sync::Command),
    Watch(watch::Arguments),
    Demo(demo::Arguments),
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_well_formed() {
        <super::Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
