//! Questions to a person.

use super::{HEADING, Ui};
use crate::error::{Error, ErrorKind};
use std::io::{BufRead, IsTerminal, Write};

impl Ui {
    /// Whether there is a person to ask: a terminal on both sides, and nobody who wants JSON or silence.
    pub(in crate::cli) fn can_ask(&self) -> bool {
        !self.json && !self.quiet && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for a line of text; without a person, or at the end of the input, there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the terminal cannot be read.
    pub(in crate::cli) fn ask(&self, question: &str) -> Result<Option<String>, Error> {
        if !self.can_ask() {
            return Ok(None);
        }
        let stderr = std::io::stderr();
        let mut stream = anstream::AutoStream::new(stderr.lock(), self.choice(anstream::AutoStream::choice(&stderr)));
        // Nobody sees the question if it cannot be written, and the answer is then none.
        let _ = write!(stream, "{HEADING}{}{HEADING:#} ", super::visible(question)).and_then(|()| stream.flush());
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let read = read.map_err(|error| Error::from(error).context("reading the answer"))?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }

    /// Asks for a yes; anything else, and nobody to ask, is none.
    ///
    /// # Errors
    /// As [`Ui::ask`].
    pub(in crate::cli) fn ask_yes(&self, question: &str) -> Result<bool, Error> {
        let answer = self.ask(&format!("{question} [y/N]"))?;
        Ok(answer.is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes")))
    }
}

/// What ends a verb whose question was answered with no.
pub(in crate::cli) fn declined() -> Error {
    Error::new(ErrorKind::Refused, "nothing was done: the answer was no")
}
