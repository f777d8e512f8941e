//! Everything that the program prints: results, messages, errors, colours, progress, and the exit code.

mod ask;
mod errors;
mod habits;
mod progress;
mod table;

pub(super) use ask::declined;
pub(super) use errors::{Exit, Failure, Outcome, error_value, print_usage};
pub(super) use progress::Progress;
pub(super) use table::Table;

use crate::error::{Error, Location};
use crate::record::{Digest, Key, Object, Value};
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What went wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What may be wrong.
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// What to do.
pub(super) const ADVICE: Style = AnsiColor::Cyan.on_default().bold();
/// What was done.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What heads a list.
pub(super) const HEADING: Style = Style::new().bold();
/// What matters less.
pub(super) const FAINT: Style = Style::new().dimmed();
/// What matters as the rest does.
pub(super) const PLAIN: Style = Style::new();

/// How long nothing is said of a wait: longer than nearly everything takes that waits for nobody.
const PATIENCE: Duration = Duration::from_secs(3);

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// How this run of the program prints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ui {
    color: ColorWhen,
    json: bool,
    quiet: bool,
}

/// A JSON object with members in the order in which they are written.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut object = $crate::record::Object::new();
        $(object.insert($name, $value);)*
        object
    }};
}
pub(super) use object;

impl Ui {
    pub(super) fn new(color: ColorWhen, json: bool, quiet: bool) -> Self {
        Self { color, json, quiet }
    }

    /// Whether results are JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person reads the results as they come.
    pub(super) fn is_interactive(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Prints a result: JSON if that is asked for, else text for people, with styles.
    pub(super) fn result(&self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) -> Outcome {
        if self.json { self.document(&json().to_json_pretty()) } else { self.print(&text()) }
    }

    /// Prints text with styles, of whole lines.
    pub(super) fn print(&self, text: &str) -> Outcome {
        let stdout = std::io::stdout();
        let choice = self.choice(AutoStream::choice(&stdout));
        let text = if stdout.is_terminal() { visible(text) } else { text.into() };
        let mut stream = AutoStream::new(stdout.lock(), choice);
        stream.write_all(text.as_bytes())?;
        Ok(stream.flush()?)
    }

    /// Prints a document byte for byte, with an end of line.
    pub(super) fn document(&self, text: &str) -> Outcome {
        let mut stdout = std::io::stdout().lock();
        let text = if stdout.is_terminal() { visible(text) } else { text.into() };
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        Ok(stdout.flush()?)
    }

    /// Says something that is no result, unless told to be quiet; JSON says it in the result.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            self.message(text);
        }
    }

    /// Warns.
    pub(super) fn warning(&self, location: Option<&Location>, message: &str) {
        if self.quiet {
            return;
        }
        if self.json {
            let mut warning = object! {"message": message};
            errors::insert_location(&mut warning, location);
            self.line(object! {"warning": warning});
        } else {
            let place = location.map(|location| format!("{location}: ")).unwrap_or_default();
            self.message(&format!("{DOUBTFUL}warning:{DOUBTFUL:#} {place}{message}"));
        }
    }

    /// Says what to do.
    pub(super) fn hint(&self, text: &str) {
        if self.quiet {
            return;
        }
        if self.json {
            self.line(object! {"hint": text});
        } else {
            self.message(&errors::hint_text(text));
        }
    }

    /// Prints an error that does not end the program.
    pub(super) fn error(&self, error: &Error) {
        if self.json {
            self.line(object! {"error": error_value(error)});
        } else {
            self.message(&errors::error_text(error, true));
        }
    }

    /// Shows progress once the work takes more than a second, if a person sees it.
    pub(super) fn progress(&self, message: &str) -> Progress {
        let is_shown = !self.json && !self.quiet && std::io::stderr().is_terminal();
        Progress::new(message, is_shown)
    }

    /// Does something that may wait for another program, and says so if it takes long.
    pub(super) fn patiently<T>(&self, progress: &Progress, note: &str, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let (ended, end) = sync_channel::<()>(0);
            scope.spawn(move || {
                if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    progress.suspend(|| self.note(note));
                }
            });
            let result = work();
            drop(ended);
            result
        })
    }

    /// Prints what ended the program, and gives its exit code.
    pub(super) fn fail(&self, failure: &Failure) -> std::process::ExitCode {
        match failure {
            Failure::Usage(error) if self.json => {
                let mut value = error_value(error);
                value.insert("kind", "usage");
                self.line(object! {"error": value});
            }
            Failure::Usage(error) => self.error(error),
            Failure::Errors(errors) if self.json => errors.iter().for_each(|error| self.error(error)),
            Failure::Errors(errors) => errors.iter().enumerate().for_each(|(place, error)| {
                // What helps against many is said once, behind the last of them.
                let is_repeated = errors[place + 1..].iter().any(|later| later.hint() == error.hint());
                self.message(&errors::error_text(error, !is_repeated));
            }),
            Failure::Partly(error, done) if self.json => {
                let mut value = object! {"error": error_value(error)};
                done.iter().for_each(|(name, done)| drop(value.insert(name, done.clone())));
                self.line(value);
            }
            Failure::Partly(error, _) => self.error(error),
            Failure::Told(_) => {}
        }
        failure.exit().into()
    }

    /// One line of JSON on standard error.
    fn line(&self, object: Object) {
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(std::io::stderr(), "{}", Value::from(object).to_json());
    }

    fn message(&self, text: &str) {
        let stderr = std::io::stderr();
        let choice = self.choice(AutoStream::choice(&stderr));
        let text = if stderr.is_terminal() { visible(text) } else { text.into() };
        let _ = writeln!(AutoStream::new(stderr.lock(), choice), "{}", text.trim_end());
    }

    fn choice(&self, auto: ColorChoice) -> ColorChoice {
        match self.color {
            ColorWhen::Auto => auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        }
    }
}

/// Text for a terminal: what would command it, or show text as other text, is written as JSON escapes it.
fn visible(text: &str) -> Cow<'_, str> {
    let is_deceptive = |c: char| {
        matches!(c, '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(is_deceptive) {
        return text.into();
    }
    let escape = |c: char| if is_deceptive(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

/// The members of a key, for JSON.
pub(super) fn key_object(key: &Key) -> Object {
    object! {
        "kind": key.kind.as_str(),
        "namespace": key.namespace.as_str(),
        "name": key.name.as_str(),
        "version": key.version.to_string(),
    }
}

/// A value, or null.
pub(super) fn or_null(value: Option<impl Into<Value>>) -> Value {
    value.map_or(Value::Null, Into::into)
}

/// The first digits of a digest, enough for people to tell two apart.
pub(super) fn short(digest: &Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(12);
    text
}

/// A moment without the parts of its second.
pub(super) fn to_the_second(moment: &str) -> String {
    let parsed = OffsetDateTime::parse(moment, &Rfc3339).ok();
    let whole = parsed.and_then(|moment| moment.replace_nanosecond(0).ok()?.format(&Rfc3339).ok());
    whole.unwrap_or_else(|| moment.to_owned())
}

/// `1 record`, `2 records`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Text with every line moved to the right.
pub(super) fn indented(text: &str, columns: usize) -> String {
    let lines = text.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("{:columns$}{line}\n", ""),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn a_terminal_is_not_deceived() {
        let deceptive = "{\"a\": \"\u{9b}31m\u{202e}x\u{200b}\u{feff}\u{ad}\"}\n";
        assert_eq!(visible(deceptive), "{\"a\": \"\\u009b31m\\u202ex\\u200b\\ufeff\\u00ad\"}\n");
        let harmless = "\u{1b}[1mnaïve 表 🙂\u{1b}[0m\n";
        assert_eq!(visible(harmless), harmless);
    }
}
