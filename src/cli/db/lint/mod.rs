//! `charter db lint`.

mod sources;

use super::super::session::{Session, named, refuse_url};
use super::super::ui::{BAD, DOUBTFUL, Exit, FAINT, Failure, Outcome, PLAIN, count};
use crate::config::DatabaseUrl;
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Location, Result};
use crate::migrate::{self, Histories, MigrationConnection, MigrationManager, Purpose, UpgradeOptions};
use crate::safety::{Catalogue, Finding, Input, Severity, lint_with, report};
use sources::Batch;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[allow(rustdoc::invalid_html_tags, reason = "it is the help of the command, not a page")]
/// Judge SQL files by the safety rules, without a database
///
/// Says of each statement what it locks, breaks or loses, whether it is instant, scans or rewrites, and the safe form. No
/// comment in a file switches a rule off.
///
/// A file called V<number>__<slug>.sql is one of a set of charter's: it is judged as charter runs it, in one transaction
/// and with timeouts set, unless `-- charter: no-transaction` at its top says otherwise. Any other file is judged as it is
/// written, with no transaction assumed. Files are read in order: what one makes, the next one knows.
///
/// A folder stands for the *.sql files in it and in its subfolders, by name, numbers as numbers; hidden ones are passed
/// over. Of a set, the file is judged that the engine runs: in place of a base file the overlay beside it, where there is
/// one. In a folder, schema.sql is none, and down files are judged only with --down. Without files, the sets of the
/// configuration are judged, each for the engines that it is written for.
///
/// With a database (--against or --db), nothing is written to it, and what is there decides: whether a table is empty, a
/// constraint validated, what type a column has. What has run there of a set is read, and not judged. Without files, what is
/// pending there is judged.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db lint                              Judge the project's migrations
  charter db lint migrations/V7__add_email.sql
  charter db lint sql/ --postgres-version 17   Judge a folder for a newer server
  charter db lint --against postgresql://charter@registry.example.com/charter
  charter db lint migrations/ --github         Show findings beside a pull request's lines
  git show :next.sql | charter db lint - --wrapped

Exit codes: 0 if there is no error finding (or none that --deny names), else 1")]
pub(in crate::cli) struct Arguments {
    /// Files and folders; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The engine that runs the files: postgres, sqlite or duckdb; may be said several times. By default
    /// postgres, or what a file's name says
    #[arg(long, value_name = "ENGINE", hide_possible_values = true, value_parser = ["postgres", "sqlite", "duckdb"])]
    engine: Vec<String>,
    /// The major version of the Postgres server: 14 to 18; by default the oldest, where least is safe, or
    /// what the server says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(14..=18))]
    postgres_version: Option<u32>,
    /// Judge every file as if it ran in one transaction
    #[arg(long)]
    wrapped: bool,
    /// Judge the down files, as they would run after everything else
    #[arg(long)]
    down: bool,
    /// The set to judge, where no files are named
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    set: Option<String>,
    /// Judge for this database, whose catalogue decides; it is only read
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// The mildest finding that fails: info, warning or error; by default error
    #[arg(long, value_name = "SEVERITY", default_value = "error", hide_default_value = true)]
    #[arg(value_parser = ["info", "warning", "error"], hide_possible_values = true)]
    deny: String,
    /// Print findings as a SARIF 2.1.0 log
    #[arg(long, conflicts_with = "github")]
    sarif: bool,
    /// Print findings as annotations of GitHub's
    #[arg(long)]
    github: bool,
}

/// What was judged, and what could not be.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    inputs: Vec<Input>,
    errors: Vec<Error>,
    /// The findings by rule, file and bytes.
    said: BTreeSet<(&'static str, PathBuf, (usize, usize))>,
    files: BTreeSet<PathBuf>,
    /// Files that have the name of one which ran in the database with another text.
    changed: Vec<PathBuf>,
}

impl Report {
    /// Judges by the texts alone.
    fn judge(&mut self, batch: Batch, arguments: &Arguments) {
        let mut options = batch.options(arguments.wrapped);
        options.postgres_version = arguments.postgres_version.unwrap_or(options.postgres_version);
        let findings = lint_with(&batch.inputs, &options, None);
        self.add(findings, batch.inputs);
    }

    /// Judges what a database lacks of some files, by what it has. Gives how many of them have run there.
    fn judge_against(
        &mut self,
        mut batch: Batch,
        arguments: &Arguments,
        connection: &mut dyn MigrationConnection,
        histories: &Histories,
    ) -> Result<usize> {
        let shown = batch.inputs.clone();
        let (begun, changed) = batch.compare(connection, histories)?;
        self.changed.extend(changed);
        let mut options = batch.options(arguments.wrapped);
        let texts = batch.inputs.iter().filter(|input| !input.applied).map(|input| input.text.as_str());
        let catalogue = if batch.engine == Engine::Postgres {
            options.postgres_version = migrate::server_version(connection)?;
            migrate::catalogue(connection, texts)?
        } else {
            // What is not there may be made by files that are not named.
            Catalogue { existing: None, ..migrate::embedded_catalogue(connection, texts)? }
        };
        options.postgres_version = arguments.postgres_version.unwrap_or(options.postgres_version);
        let mut findings = lint_with(&batch.inputs, &options, Some(&catalogue));
        findings.retain(|finding| begun.iter().all(|begun| begun.is_told(finding)));
        let judged: BTreeSet<PathBuf> =
            batch.inputs.into_iter().filter(|input| !input.applied).map(|input| input.file).collect();
        let (shown, applied): (Vec<Input>, Vec<Input>) =
            shown.into_iter().partition(|input| judged.contains(&input.file));
        self.add(findings, shown);
        Ok(applied.len())
    }

    /// What two engines say alike of one file is said once.
    fn add(&mut self, findings: Vec<Finding>, inputs: Vec<Input>) {
        let range = |finding: &Finding| (finding.range.start, finding.range.end);
        let is_new = |finding: &Finding| self.said.insert((finding.rule.name, finding.file.clone(), range(finding)));
        self.findings.extend(findings.into_iter().filter(is_new));
        let is_new = |input: &Input| !input.applied && self.files.insert(input.file.clone());
        self.inputs.extend(inputs.into_iter().filter(is_new));
    }
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    for file in &arguments.files {
        refuse_url(&file.to_string_lossy(), "a file's name")?;
    }
    if session.ui.is_json() && (arguments.sarif || arguments.github) {
        return Err(usage("--json, --sarif and --github are three forms of the same", "leave out two of them"));
    }
    let engines = arguments.engine.iter().map(|engine| engine.parse()).collect::<Result<Vec<Engine>>>()?;
    let against = session.given_url(arguments.against.as_deref())?.map(DatabaseUrl::parse).transpose()?;
    if against.is_some() && (arguments.down || !engines.is_empty()) {
        return Err(usage(
            "--engine and --down do not go with a database",
            "the database says which engine it is, and what is pending there goes up",
        ));
    }
    let mut report = Report::default();
    match (&against, arguments.files.as_slice()) {
        (None, []) => sets(session, arguments, &engines, &mut report)?,
        (Some(_), []) => pending(session, arguments, &mut report)?,
        (None, files) => {
            for engine in sources::engines(&engines) {
                let (batches, errors) = sources::gather(files, engine, arguments.down);
                batches.into_iter().for_each(|batch| report.judge(batch, arguments));
                report.errors.extend(errors);
            }
        }
        (Some(url), files) => {
            let mut connection = migrate::connect(url, Purpose::Read).context(url.to_string())?;
            let (batches, errors) = sources::gather(files, Some(connection.engine()), false);
            let (histories, mut applied) = (Histories::read(&mut *connection)?, 0);
            for batch in batches {
                applied += report.judge_against(batch, arguments, &mut *connection, &histories)?;
            }
            report.errors.extend(errors);
            for file in &report.changed {
                let message = format!("{url} has a migration of this name that ran with another text");
                session.ui.warning(Some(&Location { file: file.clone(), position: None }), &message);
            }
            if !report.changed.is_empty() {
                session.ui.hint(
                    "one that has run is not changed: an upgrade is refused, and `charter db validate` says which",
                );
            }
            if applied > 0 {
                let (has, is) = if applied == 1 { ("has", "is") } else { ("have", "are") };
                session.ui.note(&format!("{} {has} run in {url}, and {is} not judged", count(applied, "file")));
            }
        }
    }
    tell(session, arguments, &report)?;
    let denied = match arguments.deny.as_str() {
        "info" => Severity::Info,
        "warning" => Severity::Warning,
        _ => Severity::Error,
    };
    match report.findings.iter().any(|finding| finding.severity >= denied) {
        _ if !report.errors.is_empty() => {
            let mut errors: Vec<Error> = Vec::new();
            for error in report.errors {
                // Every engine has read the same files.
                if !errors.iter().any(|told| told.to_string() == error.to_string()) {
                    errors.push(error);
                }
            }
            Err(Failure::Errors(errors))
        }
        true => Err(Failure::Told(Exit::Failed)),
        false => Ok(()),
    }
}

fn usage(message: &'static str, hint: &'static str) -> Failure {
    Failure::Usage(Error::new(ErrorKind::Invalid, message).with_hint(hint))
}

/// Judges the sets of the configuration by their texts.
fn sets(session: &Session<'_>, arguments: &Arguments, engines: &[Engine], report: &mut Report) -> Outcome {
    let manager = MigrationManager::from_configuration(&session.configuration(None)?)?;
    if arguments.set.is_none() && manager.sets().iter().all(migrate::MigrationSet::is_charter) {
        session.ui.hint("only charter's own migrations are judged: name files, or a folder with [migrations] dir");
    }
    let named = arguments.set.as_deref().map(|name| manager.set(Some(name))).transpose()?;
    for set in manager.sets().iter().filter(|set| named.is_none_or(|named| named.name() == set.name())) {
        report.errors.extend(set.check().err());
        for engine in if engines.is_empty() { set.engines() } else { engines } {
            report.judge(Batch::of_set(set, *engine, arguments.down), arguments);
        }
    }
    Ok(())
}

/// Judges what a database lacks of the sets.
fn pending(session: &Session<'_>, arguments: &Arguments, report: &mut Report) -> Outcome {
    let configuration = session.configuration(arguments.against.as_deref())?;
    let database = configuration.database();
    let manager = MigrationManager::from_configuration(&configuration)?;
    let engine = manager.engine().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("{} has no migrations", database.url))
            .with_hint("name a file or a server")
    })?;
    if database.url.file().is_some_and(|file| !file.exists()) {
        let url = &database.url;
        session.ui.note(&format!("there is no database {url}: what is judged is what a new one would get"));
    }
    let options = UpgradeOptions { set: arguments.set.clone(), ..UpgradeOptions::default() };
    let judgement = manager.judge(&options).map_err(|error| named(database, error))?;
    for judged in judgement.migrations {
        report.add(judged.findings, vec![migrate::input(judged.migration.up(engine), Input::new)]);
    }
    Ok(())
}

fn tell(session: &Session<'_>, arguments: &Arguments, report: &Report) -> Outcome {
    let (findings, inputs) = (shown(&report.findings), shown_inputs(&report.inputs));
    if arguments.sarif {
        return session.ui.document(&report::sarif(&findings));
    }
    if arguments.github {
        return session.ui.document(&report::github(&findings));
    }
    if session.ui.is_json() {
        return session.ui.document(&report::json(&findings));
    }
    let mut text = coloured(&report::human(&findings, &inputs));
    if !findings.is_empty() {
        text.push('\n');
    }
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let mut numbers = Vec::new();
    for (severity, noun) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        numbers.extend(Some(number(severity)).filter(|number| *number > 0).map(|number| count(number, noun)));
    }
    numbers.extend(Some(number(Severity::Info)).filter(|number| *number > 0).map(|number| format!("{number} info")));
    let numbers = if numbers.is_empty() { "nothing found".to_owned() } else { numbers.join(", ") };
    let _ = writeln!(text, "{numbers} in {}", count(inputs.len(), "file"));
    session.ui.print(&text)
}

/// A path as people write it: from the working directory, where it lies below.
fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).to_owned()
}

fn shown(findings: &[Finding]) -> Vec<Finding> {
    findings.iter().map(|finding| Finding { file: relative(&finding.file), ..finding.clone() }).collect()
}

fn shown_inputs(inputs: &[Input]) -> Vec<Input> {
    inputs.iter().map(|input| Input { file: relative(&input.file), ..input.clone() }).collect()
}

/// The text with the word of each severity in its colour. What a file says commands no terminal.
fn coloured(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let style = match line.split_once('[') {
            Some(("error", _)) => BAD,
            Some(("warning", _)) => DOUBTFUL,
            Some(("info", _)) => FAINT,
            _ => PLAIN,
        };
        let (word, rest) = if style == PLAIN { ("", line) } else { line.split_once('[').unwrap_or(("", line)) };
        let open = if style == PLAIN { "" } else { "[" };
        let _ = write!(out, "{style}{word}{style:#}{open}");
        for character in rest.chars() {
            match character {
                '\n' => out.push('\n'),
                control if control.is_control() => _ = write!(out, "\\u{:04x}", u32::from(control)),
                character => out.push(character),
            }
        }
    }
    out
}
