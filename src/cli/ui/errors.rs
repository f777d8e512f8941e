//! Errors as people and programs see them, and the exit codes.

use super::{ADVICE, BAD, FAINT, object, or_null};
use crate::config::DatabaseUrl;
use crate::error::{Error, ErrorKind, Location};
use crate::record::{JsonError, Object, Problems, Value, YamlError};
use std::error::Error as StdError;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

/// How the program ends; the codes are in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Exit {
    /// All of it was done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// A key is taken by other content.
    Conflict = 3,
    /// The database or its policy does not allow it.
    Refused = 4,
}

impl Exit {
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Refused | ErrorKind::NotInitialized => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What a command comes to.
pub(in crate::cli) type Outcome<T = ()> = Result<T, Failure>;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(in crate::cli) enum Failure {
    /// The arguments make no sense.
    Usage(Error),
    /// These errors, at least one.
    Errors(Vec<Error>),
    /// This error, after a part was done: members that stand beside the error for programs.
    Partly(Error, Object),
    /// Everything has been said.
    Told(Exit),
}

impl Failure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Errors(errors) => {
                let mut exits = errors.iter().map(|error| Exit::of(error.kind()));
                let first = exits.next().unwrap_or(Exit::Failed);
                if exits.all(|exit| exit == first) { first } else { Exit::Failed }
            }
            Self::Partly(error, _) => Exit::of(error.kind()),
            Self::Told(exit) => *exit,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Errors(vec![error])
    }
}

/// What becomes of standard output that cannot be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Whoever read it has seen enough.
            io::ErrorKind::BrokenPipe => Self::Told(Exit::Done),
            _ => Error::from(error).context("writing to standard output").into(),
        }
    }
}

/// An error for people: one line for each problem, then the conflicts, the causes that say more, and the hint.
pub(super) fn error_text(error: &Error, with_hint: bool) -> String {
    let mut text = String::new();
    let mut line = |message: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{BAD}error:{BAD:#} {message}");
    };
    match problems(error) {
        Some(problems) => {
            for problem in &problems.problems {
                let own = problem.location.as_ref().map(|location| format!("{location}: ")).unwrap_or_default();
                let message = problem.to_string();
                let message = message.strip_prefix(&own).unwrap_or(&message);
                let place = match (own.is_empty(), error.location()) {
                    (true, Some(location)) => format!("{location}: "),
                    _ => own,
                };
                line(&format_args!("{place}{}{message}", contexts(error)));
            }
            if problems.more > 0 {
                line(&format_args!("and {} more problems", problems.more));
            }
        }
        None => line(error),
    }
    for conflict in error.conflicts() {
        let _ = writeln!(text, "  {}", conflict.key);
        let _ = writeln!(text, "    {FAINT}stored{FAINT:#}  {}", conflict.stored);
        let _ = writeln!(text, "    {FAINT}offered{FAINT:#} {}", conflict.offered);
    }
    for cause in causes(error) {
        let _ = writeln!(text, "  {FAINT}because:{FAINT:#} {cause}");
    }
    if let Some(hint) = error.hint().filter(|_| with_hint) {
        text.push_str(&hint_text(hint));
    }
    text
}

pub(super) fn hint_text(hint: &str) -> String {
    format!("{ADVICE}hint:{ADVICE:#} {hint}\n")
}

/// An error for programs.
pub(in crate::cli) fn error_value(error: &Error) -> Object {
    let message = error.to_string();
    let place = error.location().map(|location| format!("{location}: ")).unwrap_or_default();
    let message = message.strip_prefix(&place).unwrap_or(&message);
    let mut value = object! {"kind": error.kind().as_str(), "message": message};
    insert_location(&mut value, error.location());
    if let Some(problems) = problems(error) {
        let problem = |problem: &crate::record::Problem| {
            let pointer: Vec<Value> = problem.pointer.iter().map(|token| Value::from(token.as_str())).collect();
            let mut value = object! {"message": problem.message.as_str(), "pointer": pointer};
            insert_location(&mut value, problem.location.as_ref());
            Value::from(value)
        };
        value.insert("problems", problems.problems.iter().map(problem).collect::<Vec<_>>());
    }
    if !error.conflicts().is_empty() {
        let conflict = |conflict: &crate::error::Conflict| {
            let (key, stored, offered) = (conflict.key.as_str(), conflict.stored.as_str(), conflict.offered.as_str());
            Value::from(object! {"key": key, "stored": stored, "offered": offered})
        };
        value.insert("conflicts", error.conflicts().iter().map(conflict).collect::<Vec<_>>());
    }
    let causes: Vec<Value> = causes(error).into_iter().map(Value::from).collect();
    if !causes.is_empty() {
        value.insert("causes", causes);
    }
    if let Some(hint) = error.hint() {
        value.insert("hint", hint);
    }
    value
}

pub(super) fn insert_location(object: &mut Object, location: Option<&Location>) {
    let Some(location) = location else { return };
    let number = |number: usize| Value::from(number as u64);
    let place = object! {
        "file": location.file.display().to_string(),
        "line": or_null(location.position.map(|position| number(position.line))),
        "column": or_null(location.position.map(|position| number(position.column))),
    };
    object.insert("location", place);
}

/// During what the error happened, with `: ` behind each part.
fn contexts(error: &Error) -> String {
    let text = error.to_string();
    let place = error.location().map(|location| format!("{location}: ")).unwrap_or_default();
    let text = text.strip_prefix(&place).unwrap_or(&text);
    text.strip_suffix(error.message()).unwrap_or_default().to_owned()
}

fn problems(error: &Error) -> Option<&Problems> {
    StdError::source(error)?.downcast_ref::<Problems>()
}

/// What the causes say beyond the error itself.
fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    if error.kind() == ErrorKind::NotInitialized {
        // Which table was missed does not matter.
        return causes;
    }
    let mut said = error.to_string();
    let mut source = StdError::source(error);
    while let Some(cause) = source {
        source = cause.source();
        // These are the error itself, with its places.
        if cause.is::<Problems>() || cause.is::<JsonError>() || cause.is::<YamlError>() {
            continue;
        }
        let text = cause.to_string();
        // The driver's word for whatever the server says, and the server's word for its own.
        let text = text.strip_prefix("db error: ").unwrap_or(&text);
        let text = match text.strip_prefix("Error code ").and_then(|rest| rest.split_once(": ")) {
            Some((number, text)) if number.bytes().all(|digit| digit.is_ascii_digit()) => text,
            _ => text,
        };
        let text = ["ERROR: ", "FATAL: "].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text);
        if text != "db error" && !said.contains(text) {
            said.push_str(text);
            causes.push(text.to_owned());
        }
    }
    causes
}

/// Prints what the argument parser has to say: help and version on standard output, a usage error on standard error.
pub(in crate::cli) fn print_usage(mut error: clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        return match error.print().map_err(Failure::from) {
            Ok(()) => Exit::Done.into(),
            Err(failure) => super::Ui::new(super::ColorWhen::Auto, false, false).fail(&failure),
        };
    }
    let words: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    super::habits::answer(&mut error, &words);
    let is_json = arguments.iter().any(|argument| argument == "--json");
    if is_json {
        let plain = mask(&error.render().to_string(), arguments);
        let message = plain.strip_prefix("error: ").unwrap_or(&plain).trim_end();
        let value = object! {"error": object! {"kind": "usage", "message": message}};
        let _ = io::Write::write_all(&mut io::stderr(), format!("{}\n", Value::from(value).to_json()).as_bytes());
    } else {
        let styled = mask(&error.render().ansi().to_string(), arguments);
        let _ = io::Write::write_all(&mut anstream::stderr(), styled.as_bytes());
    }
    Exit::Usage.into()
}

/// The parser repeats what it does not understand. From the first argument on that is a URL, that may be a password, or
/// the rest of one that the shell has split.
fn mask(text: &str, arguments: &[OsString]) -> String {
    let mut text = text.to_owned();
    for argument in arguments.iter().skip(1).map(|argument| argument.to_string_lossy()) {
        if !argument.contains(":/") && looks_secret(&argument) {
            text = text.replace(&*argument, "***");
        }
    }
    let texts = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
    for argument in texts.skip_while(|argument| !argument.contains(":/")) {
        let value = match argument.split_once('=') {
            Some((name, value)) if name.starts_with('-') => value,
            _ if argument.starts_with('-') && !argument.contains(":/") => continue,
            _ => &argument,
        };
        let shown = match DatabaseUrl::parse(value) {
            Ok(url) => url.to_string(),
            Err(_) => "***".to_owned(),
        };
        if value.contains(":/") {
            text = text.replace(value, &shown);
        } else if !value.is_empty() {
            text = text.replace(&format!("'{value}'"), &format!("'{shown}'"));
        }
    }
    text
}

/// Whether an argument may be what connects to a database: a string of libpq's, or a URL without its scheme.
fn looks_secret(argument: &str) -> bool {
    let lower = argument.to_lowercase();
    let has_user = lower.split_once(':').is_some_and(|(_, rest)| rest.contains('@'));
    has_user || lower.replace(' ', "").contains("password=") || lower.contains("passwd=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str, arguments: &[&str]) -> String {
        let arguments: Vec<OsString> = ["charter"].iter().chain(arguments).map(OsString::from).collect();
        mask(text, &arguments)
    }

    #[test]
    fn a_usage_error_repeats_no_password() {
        let url = "postgresql://u:hunter2@host/db";
        assert_eq!(
            masked(&format!("unexpected '{url}' found"), &["list", "x", url]),
            "unexpected 'postgresql://u:***@host/db' found"
        );
        assert_eq!(
            masked("unexpected 'ter2@host/db'", &["--db", "postgresql://u:hun", "ter2@host/db"]),
            "unexpected '***'"
        );
        assert_eq!(masked(&format!("'--dbb={url}'"), &[&format!("--dbb={url}")]), "'--dbb=postgresql://u:***@host/db'");
        let libpq = "host=h password = hunter2";
        assert_eq!(masked(&format!("unexpected '{libpq}' found"), &["init", "x", libpq]), "unexpected '***' found");
        assert_eq!(masked("unexpected 'u:hunter2@h/d'", &["u:hunter2@h/d"]), "unexpected '***'");
        assert_eq!(masked("unrecognized 'lst'", &["lst", "--db", url]), "unrecognized 'lst'");
        assert_eq!(masked("invalid 'x://u:hunter2'", &["x://u:hunter2"]), "invalid '***'");
    }

    #[test]
    fn a_cause_says_something_new_or_nothing() {
        let caused = |message: &'static str, cause: &str| {
            causes(&Error::new(ErrorKind::Backend, message).with_source(cause.to_owned()))
        };
        assert!(caused("PostgreSQL: no such role", "db error").is_empty());
        assert!(caused("PostgreSQL: no such role", "db error: ERROR: no such role").is_empty());
        assert!(caused("SQLite: file is not a database", "Error code 26: file is not a database").is_empty());
        assert_eq!(caused("PostgreSQL: no such role", "the disk is full"), ["the disk is full"]);
        let missing = Error::new(ErrorKind::NotInitialized, "no registry").with_source("relation x does not exist");
        assert!(causes(&missing).is_empty());
    }

    #[test]
    fn the_exit_code_is_the_kind_of_all_errors() {
        let error = |kind| Error::new(kind, "x");
        let exit = |kinds: &[ErrorKind]| Failure::Errors(kinds.iter().copied().map(error).collect()).exit();
        assert_eq!(exit(&[ErrorKind::Conflict, ErrorKind::Conflict]), Exit::Conflict);
        assert_eq!(exit(&[ErrorKind::NotInitialized, ErrorKind::Refused]), Exit::Refused);
        assert_eq!(exit(&[ErrorKind::Conflict, ErrorKind::Invalid]), Exit::Failed);
        assert_eq!(Failure::Usage(error(ErrorKind::Conflict)).exit(), Exit::Usage);
    }
}
