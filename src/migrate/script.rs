//! The text of one file of a migration.

use super::steps::{each_word, steps, words};
use crate::engine::Engine;
use crate::engine::lexer::{self, TokenKind};
use crate::error::{Error, ErrorKind, Position, Result};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One file of a migration: the SQL that takes a database up or down, and what its head says of it.
///
/// Comments before the first statement that begin with `-- charter:` are directives: `no-transaction`,
/// `minimum-program VERSION`, `differs WHAT`. No directive touches the safety rules.
///
/// An overlay that brings an engine up says with `differs` in what the engine's tables are not those of the others; anything
/// else that differs is a fault of the set ([`verify`](crate::migrate::verify)). Several stand in lines of their own, or in
/// one with commas between them:
///
/// | `-- charter: differs` | what may differ |
/// |---|---|
/// | `no-foreign-keys` | foreign keys that the engine lacks, or that do other things there |
/// | `no-indexes` | indexes that it lacks, or that are over other columns or rows |
/// | `no-checks` | checks that it lacks, or that say something else |
/// | `no-unique` | unique constraints that it lacks |
/// | `no-views` | views that it lacks, materialized ones too, or that have other columns |
/// | `types` | types and collations of columns, and types that people made |
/// | `defaults` | defaults of columns, and how they are generated or numbered, by a sequence too |
/// | `nullability` | which columns take NULL |
/// | `not-valid` | foreign keys, checks and NOT NULL that are NOT VALID on Postgres |
/// | `column-order` | the order of the columns of tables |
/// | `triggers` | triggers that only one has, or that fire at other moments |
/// | `functions` | functions, procedures and macros that only one has |
/// | `sequences` | sequences that only one has |
/// | `policies` | policies for rows, and whether a table has any |
/// | `rules` | rules of Postgres that rewrite statements |
/// | `exclusions` | exclusion constraints of Postgres |
/// | `comments` | comments that only one has, or that say something else |
/// | `table NAME` | all of a table |
/// | `index NAME` | all of an index |
/// | `view NAME` | all of a view, also when it is a materialized one |
/// | `trigger NAME` | all of a trigger |
/// | `function NAME` | a function, procedure or macro |
///
/// What a trigger, a function or a policy does stands in each engine's own language, and is not compared; nor are owners,
/// privileges and settings of a server.
///
/// A declaration holds for what arises with its migration, and for as long as it stays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    file: PathBuf,
    text: String,
    /// How many bytes of the text come before its first statement.
    head: usize,
}

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    /// From its first token to its last, the semicolon included if there is one.
    pub(crate) text: &'a str,
    /// Its bytes in the script's text.
    pub(crate) range: Range<usize>,
    /// Where it begins.
    pub(crate) position: Position,
}

/// What the head of a script says: `-- charter: NAME ARGUMENT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    pub(crate) name: &'a str,
    pub(crate) argument: &'a str,
    pub(crate) line: usize,
}

/// The lines by which an empty pair of files that charter has written is known, until somebody writes the migration.
pub(crate) const TO_BE_WRITTEN: [&str; 2] = [
    "-- Write the statements below, in SQL that every engine takes. What one of them cannot run goes into a file of",
    "-- Write what takes it back.",
];

impl Script {
    /// A script from a file's name and text. Line endings become `\n`, and a byte order mark goes, however the file was
    /// checked out.
    pub(crate) fn new(file: impl Into<PathBuf>, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        // Comments are the same in all engines.
        let first = lexer::each_token(&text, Engine::Postgres).find(|token| token.kind != TokenKind::Comment);
        let head = first.map_or(text.len(), |token| token.range.start);
        Self { file: file.into(), text, head }
    }

    /// The file, as the caller named it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The SQL, with `\n` at the end of lines.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is empty, or one side of an empty pair of files as charter writes them: nobody has written anything yet.
    /// Comments of one's own alone are a migration that does nothing.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.text.trim().is_empty()
            || self.head == self.text.len() && self.text.lines().any(|line| TO_BE_WRITTEN.contains(&line))
    }

    /// Its statements in order, empty ones left out.
    pub(crate) fn statements(&self, engine: Engine) -> Vec<Statement<'_>> {
        let tokens = lexer::tokens(&self.text, engine);
        let statements = lexer::statements(&self.text, &tokens);
        let worded = statements.into_iter().filter(|tokens| tokens.iter().any(|token| token.text(&self.text) != ";"));
        // The place of each is counted on from the one before it.
        let (mut offset, mut place) = (0, Position { line: 1, column: 1 });
        worded
            .filter_map(|tokens| {
                let range = tokens.first()?.range.start..tokens.last()?.range.end;
                let text = self.text.get(range.clone())?;
                place = advanced(place, self.text.get(offset..range.start)?);
                offset = range.start;
                Some(Statement { text, position: place, range })
            })
            .collect()
    }

    /// The directives at its head.
    pub(crate) fn directives(&self) -> Vec<Directive<'_>> {
        let comments = lexer::tokens(self.text.get(..self.head).unwrap_or_default(), Engine::Postgres);
        comments
            .iter()
            .filter_map(|token| {
                let said = token.text(&self.text).strip_prefix("--")?.trim().strip_prefix("charter:")?.trim();
                let (name, argument) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
                Some(Directive { name, argument: argument.trim(), line: self.position(token.range.start).line })
            })
            .collect()
    }

    /// Whether its statements run one by one, each for itself, because one of them cannot run in a transaction.
    pub fn is_without_transaction(&self) -> bool {
        self.directives().iter().any(|directive| directive.name == "no-transaction")
    }

    /// The place of a byte.
    pub(crate) fn position(&self, offset: usize) -> Position {
        advanced(Position { line: 1, column: 1 }, self.text.get(..offset).unwrap_or(&self.text))
    }

    /// Refuses statements that would end or split the transaction that charter runs the script in: a COMMIT inside
    /// would part the migration from its row of history. In a script without a transaction, refuses transactions of its own
    /// that are not plain ones.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], with the place.
    pub(crate) fn check_transaction(&self, engine: Engine) -> Result<()> {
        let is_without_transaction = self.is_without_transaction();
        for statement in self.statements(engine) {
            let mut said: Vec<String> = each_word(statement.text, engine).take(2).collect();
            // What comes later matters in these alone.
            if matches!(said.first().map(String::as_str), Some("copy" | "explain")) {
                said = words(statement.text, engine);
            }
            let words: Vec<&str> = said.iter().map(String::as_str).collect();
            let refused = |message: String, hint: &'static str| {
                Err(Error::new(ErrorKind::Refused, message).at(&self.file, Some(statement.position)).with_hint(hint))
            };
            match words.as_slice() {
                words if !is_without_transaction && is_transaction_control(words) => {
                    let word = words.first().copied().unwrap_or_default().to_uppercase();
                    return refused(
                        format!("{word} in a migration that runs in one transaction with its row of history"),
                        "leave it out; what cannot run in one transaction says `-- charter: no-transaction` at its top",
                    );
                }
                // The server would wait for the data.
                ["copy", words @ ..] if engine == Engine::Postgres && words.contains(&"stdin") => {
                    return refused("COPY from standard input in a migration".to_owned(), "use INSERT");
                }
                ["copy", words @ ..] if engine == Engine::Postgres && words.contains(&"stdout") => {
                    return refused("COPY to standard output in a migration".to_owned(), "leave it out");
                }
                _ => {}
            }
        }
        match is_without_transaction {
            true => steps(self, engine).map(drop),
            false => Ok(()),
        }
    }
}

/// Whether a statement begins, ends or divides a transaction.
pub(super) fn is_transaction_control(words: &[&str]) -> bool {
    matches!(
        words,
        ["begin" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release", ..]
            | ["start" | "prepare", "transaction", ..]
    ) || explained(words).is_some_and(is_transaction_control)
}

/// The statement that EXPLAIN says something of, which some engines run all the same.
fn explained<'a, 'w>(words: &'a [&'w str]) -> Option<&'a [&'w str]> {
    let rest = words.strip_prefix(&["explain"])?;
    let rest = match rest {
        ["(", options @ ..] => {
            options.split(|word| *word == ")").next().and_then(|list| options.get(list.len() + 1..))?
        }
        rest => rest,
    };
    let begin = rest.iter().take_while(|word| ["analyze", "analyse", "verbose"].contains(word)).count();
    rest.get(begin..)
}

/// The place after a text that begins at a place.
fn advanced(place: Position, text: &str) -> Position {
    match text.rsplit_once('\n') {
        None => Position { column: place.column + text.chars().count(), ..place },
        Some((before, last)) => {
            let lines = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            Position { line: place.line + lines, column: last.chars().count() + 1 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_the_same_however_it_was_checked_out() {
        let text = "-- what it does\nSELECT 1;\n";
        let windows = Script::new("a", &format!("\u{feff}{}", text.replace('\n', "\r\n")));
        assert_eq!(windows, Script::new("a", text));
    }

    #[test]
    fn statements_know_their_place_and_empty_ones_are_none() {
        let script = Script::new("a", "-- a; b\nSELECT ';';;\n  /* x */ SELECT 2");
        let statements = script.statements(Engine::Postgres);
        let found: Vec<_> = statements.iter().map(|s| (s.text, s.position.line, s.position.column)).collect();
        assert_eq!(found, [("SELECT ';';", 2, 1), ("SELECT 2", 3, 11)]);
    }

    #[test]
    fn directives_stand_above_the_first_statement() {
        let script =
            Script::new("a", "-- charter: differs no-indexes\n--charter:no-transaction\nVACUUM;\n-- charter: x");
        let found: Vec<_> = script.directives().iter().map(|d| (d.name, d.argument, d.line)).collect();
        assert_eq!(found, [("differs", "no-indexes", 1), ("no-transaction", "", 2)]);
        assert!(script.is_without_transaction());
    }

    #[test]
    fn what_ends_the_transaction_is_refused_and_what_only_looks_like_it_is_not() {
        let place = |text: &str| {
            let error = Script::new("a.sql", text).check_transaction(Engine::Postgres).err()?;
            Some(error.location().map(ToString::to_string).unwrap_or_default())
        };
        for text in [
            "BEGIN;",
            "commit",
            "/* x */ ROLLBACK;",
            "savepoint a;",
            "START TRANSACTION",
            "END;",
            "ABORT",
            "PREPARE TRANSACTION 'a'",
            "release a",
            "COMMIT AND CHAIN",
            "COPY a FROM STDIN",
            "COPY a TO STDOUT",
            "EXPLAIN ANALYZE COMMIT",
            "EXPLAIN (ANALYZE, COSTS off) ROLLBACK",
        ] {
            assert!(place(&format!("SELECT 1;\n{text}")).is_some(), "{text}");
        }
        assert_eq!(place("SELECT 1;\n  COMMIT;").as_deref(), Some("a.sql:2:3"));
        for text in [
            "SELECT 'COMMIT;'",
            "DO $$ BEGIN COMMIT; END $$",
            "-- COMMIT;\nSELECT 1",
            "PREPARE a AS SELECT 1",
            "-- charter: no-transaction\nBEGIN; COMMIT;",
            "COPY a FROM '/stdin'",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
        ] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
