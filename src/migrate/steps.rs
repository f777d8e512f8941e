//! A script without a transaction as the steps in which it runs.

use super::script::{Script, Statement, is_transaction_control};
use crate::engine::Engine;
use crate::engine::lexer::{self, TokenKind};
use crate::error::{Error, ErrorKind, Position, Result};
use charter_sync::Digest;

/// One step: it is done, or not, with its row of audit.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) kind: StepKind,
    /// Its statements, each with its place among all of the script; only a group has more than one.
    pub(super) statements: Vec<(usize, Statement<'a>)>,
    /// Where its COMMIT is, of a group.
    pub(super) commit: Option<Position>,
}

/// How a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepKind {
    /// In one transaction with its row of audit: a statement, or what stands between BEGIN and COMMIT.
    Together,
    /// For itself, because no transaction can hold it; its row of audit follows.
    Alone,
    /// For itself; it sets something for the statements after it, so it is no step that is ever done, and runs again when
    /// the migration goes on.
    Session,
}

impl Step<'_> {
    /// What tells a step from another one: its words. Comments and blanks are no matter.
    pub(super) fn digest(&self, engine: Engine) -> String {
        let statements = self.statements.iter().map(|(_, statement)| words(statement.text, engine).join(" "));
        Digest::of(&[statements.collect::<Vec<_>>().join("; ").as_bytes()]).to_string()
    }
}

/// The words and signs of a statement without comments and without the semicolon at its end, the keywords in small letters.
pub(super) fn words(statement: &str, engine: Engine) -> Vec<String> {
    let mut words: Vec<String> = each_word(statement, engine).collect();
    if words.last().is_some_and(|word| word == ";") {
        words.pop();
    }
    words
}

/// The same one by one, with the semicolon.
pub(super) fn each_word(statement: &str, engine: Engine) -> impl Iterator<Item = String> {
    lexer::each_token(statement, engine).filter(|token| token.kind != TokenKind::Comment).map(|token| {
        match token.kind {
            TokenKind::Word => token.text(statement).to_lowercase(),
            _ => token.text(statement).to_owned(),
        }
    })
}

/// The steps of a script without a transaction.
///
/// # Errors
/// [`ErrorKind::Refused`], with the place, when a transaction in it is not a plain BEGIN, statements, COMMIT.
pub(super) fn steps(script: &Script, engine: Engine) -> Result<Vec<Step<'_>>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut open: Option<(Statement<'_>, Vec<(usize, Statement<'_>)>)> = None;
    for (place, statement) in script.statements(engine).into_iter().enumerate() {
        let refused = |message: String, hint: &'static str| {
            Err(Error::new(ErrorKind::Refused, message).at(script.file(), Some(statement.position)).with_hint(hint))
        };
        let said = words(statement.text, engine);
        let kind = kind(&said, engine);
        match (transaction(&said), &mut open) {
            (Some(Control::Begin), None) => open = Some((statement, Vec::new())),
            (Some(Control::Commit), Some(_)) => {
                let group = open.take().map(|(_, group)| group).unwrap_or_default();
                if !group.is_empty() {
                    let commit = Some(statement.position);
                    steps.push(Step { kind: StepKind::Together, statements: group, commit });
                }
            }
            (Some(Control::Begin), Some(_)) => {
                return refused("BEGIN in a transaction that was begun before".to_owned(), PLAIN);
            }
            (Some(Control::Commit), None) => {
                return refused("COMMIT of a transaction that was not begun".to_owned(), PLAIN);
            }
            (Some(Control::Other), _) => {
                let words = said.iter().take(2).map(|word| word.to_uppercase()).collect::<Vec<_>>().join(" ");
                return refused(format!("{words} in a migration without a transaction"), PLAIN);
            }
            (None, Some((_, group))) => match kind {
                StepKind::Alone => {
                    let words = said.iter().take(3).map(|word| word.to_uppercase()).collect::<Vec<_>>().join(" ");
                    return refused(
                        format!("{words} cannot be between BEGIN and COMMIT"),
                        "put it before BEGIN or after COMMIT",
                    );
                }
                StepKind::Together | StepKind::Session => group.push((place, statement)),
            },
            (None, None) => steps.push(Step { kind, statements: vec![(place, statement)], commit: None }),
        }
    }
    match open {
        None => Ok(steps),
        Some((begin, _)) => Err(Error::new(ErrorKind::Refused, "BEGIN without a COMMIT")
            .at(script.file(), Some(begin.position))
            .with_hint(PLAIN)),
    }
}

const PLAIN: &str = "a transaction in such a migration is a plain BEGIN, statements, and COMMIT";

/// What a statement does to transactions.
enum Control {
    Begin,
    Commit,
    Other,
}

fn transaction(words: &[String]) -> Option<Control> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if !is_transaction_control(&words) {
        return None;
    }
    Some(match words.as_slice() {
        ["begin"] | ["begin", "transaction" | "work"] | ["start", "transaction"] => Control::Begin,
        // SQLite's ways of locking; charter's own is IMMEDIATE.
        ["begin", "deferred" | "immediate" | "exclusive"]
        | ["begin", "deferred" | "immediate" | "exclusive", "transaction"] => Control::Begin,
        ["commit" | "end"] | ["commit" | "end", "transaction" | "work"] => Control::Commit,
        _ => Control::Other,
    })
}

/// Whether a statement makes something that is there until its connection is closed.
pub(super) fn is_temporary(statement: &str, engine: Engine) -> bool {
    // What is made has its name among the first words: CREATE OR REPLACE TEMP TABLE IF NOT EXISTS pg_temp.a.
    let words: Vec<String> = each_word(statement, engine).take(10).take_while(|word| word != "(").collect();
    let is_schema = |pair: &[String]| matches!(pair[0].as_str(), "temp" | "pg_temp") && pair[1] == ".";
    words.first().is_some_and(|word| word == "create")
        && (words.iter().skip(1).take(4).any(|word| matches!(word.as_str(), "temp" | "temporary"))
            || words.windows(2).any(is_schema))
}

/// Whether a statement sets something for those after it.
pub(super) fn is_session(statement: &str, engine: Engine) -> bool {
    let words = match engine {
        Engine::Postgres => words(statement, engine),
        // The first word tells.
        Engine::Sqlite | Engine::DuckDb => each_word(statement, engine).take(1).collect(),
    };
    kind(&words, engine) == StepKind::Session
}

fn kind(words: &[String], engine: Engine) -> StepKind {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (is_session, is_alone) = match engine {
        Engine::Postgres => (is_postgres_session(&words), is_postgres_alone(&words)),
        Engine::Sqlite => {
            (matches!(words.first(), Some(&("pragma" | "attach" | "detach"))), words.first() == Some(&"vacuum"))
        }
        Engine::DuckDb => (
            matches!(
                words.first(),
                Some(&("set" | "reset" | "pragma" | "load" | "install" | "attach" | "detach" | "use"))
            ),
            matches!(words.first(), Some(&("checkpoint" | "force" | "vacuum"))),
        ),
    };
    match (is_session, is_alone) {
        (true, _) => StepKind::Session,
        (_, true) => StepKind::Alone,
        _ => StepKind::Together,
    }
}

fn is_postgres_session(words: &[&str]) -> bool {
    match words.first() {
        Some(&("set" | "reset" | "load" | "prepare" | "deallocate")) => true,
        Some(&"select") => words.contains(&"set_config"),
        _ => false,
    }
}

/// Whether Postgres refuses a statement in a transaction. What is not here, and what only its data tell, the server says.
/// Source: the notes of each command in <https://www.postgresql.org/docs/current/sql-commands.html>.
fn is_postgres_alone(words: &[&str]) -> bool {
    let has = |word: &str| words.contains(&word);
    match words {
        ["vacuum", ..] | ["call", ..] | ["cluster"] => true,
        ["create" | "drop", "database" | "tablespace" | "subscription", ..] => true,
        ["create", "index" | "unique", ..] | ["drop", "index", ..] => has("concurrently"),
        ["reindex", ..] => has("concurrently") || ["schema", "database", "system"].into_iter().any(has),
        ["alter", "system" | "subscription", ..] => true,
        ["alter", "database", ..] => has("tablespace"),
        ["alter", "table", ..] => has("detach") && has("concurrently"),
        // Its body may commit.
        ["do", ..] => {
            let body = words.iter().map(|word| word.to_lowercase());
            body.into_iter().any(|word| {
                word.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                    .any(|word| word == "commit" || word == "rollback")
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StepKind::{Alone, Session, Together};

    fn kinds(text: &str, engine: Engine) -> Vec<(StepKind, usize)> {
        let script = Script::new("a.sql", text);
        let steps = steps(&script, engine).expect(text);
        steps.iter().map(|step| (step.kind, step.statements.len())).collect()
    }

    #[test]
    fn each_statement_is_a_step_and_a_transaction_is_one() {
        let text = "SET lock_timeout = '5s';\nCREATE INDEX CONCURRENTLY a ON b (c);\nBEGIN;\nUPDATE b SET c = 1;\n\
                    SELECT set_config('a.b', 'c', true);\nCOMMIT;\nALTER TABLE b VALIDATE CONSTRAINT d;\nBEGIN; END;";
        assert_eq!(kinds(text, Engine::Postgres), [(Session, 1), (Alone, 1), (Together, 2), (Together, 1)]);
    }

    #[test]
    fn what_no_transaction_holds_runs_alone() {
        for text in [
            "create unique index concurrently on a (b)",
            "DROP INDEX CONCURRENTLY IF EXISTS a",
            "REINDEX (CONCURRENTLY) TABLE a",
            "reindex index concurrently a",
            "REINDEX DATABASE a",
            "VACUUM (FULL) a",
            "CLUSTER",
            "CREATE DATABASE a",
            "ALTER SYSTEM SET a = 1",
            "ALTER DATABASE a SET TABLESPACE b",
            "ALTER TABLE a DETACH PARTITION b CONCURRENTLY",
            "CALL a()",
            "DO $$ BEGIN UPDATE a SET b = 1; COMMIT; END $$",
            "DROP SUBSCRIPTION a",
        ] {
            assert_eq!(kinds(text, Engine::Postgres), [(Alone, 1)], "{text}");
        }
        for text in [
            "CREATE INDEX a ON b (c)",
            "REINDEX TABLE a",
            "ALTER TABLE a DETACH PARTITION b",
            "ALTER TYPE a ADD VALUE 'b'",
            "CLUSTER a",
            "DO $$ BEGIN UPDATE a SET committed = 1; END $$",
            "INSERT INTO a VALUES ('vacuum')",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY a",
            "SELECT 1",
        ] {
            assert_eq!(kinds(text, Engine::Postgres), [(Together, 1)], "{text}");
        }
        let text = "PRAGMA foreign_keys = OFF; VACUUM; CREATE TABLE a (b); ATTACH 'c' AS d";
        assert_eq!(kinds(text, Engine::Sqlite), [(Session, 1), (Alone, 1), (Together, 1), (Session, 1)]);
        let text = "CHECKPOINT; FORCE CHECKPOINT; SET threads = 1; CREATE TABLE a (b INT)";
        assert_eq!(kinds(text, Engine::DuckDb), [(Alone, 1), (Alone, 1), (Session, 1), (Together, 1)]);
    }

    #[test]
    fn transactions_that_are_no_plain_ones_are_refused_with_their_place() {
        let place = |text: &str| {
            let error = steps(&Script::new("a.sql", text), Engine::Postgres).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(error.hint().is_some());
            error.location().map(ToString::to_string).unwrap_or_default()
        };
        for text in [
            "SELECT 1;\nROLLBACK;",
            "BEGIN;\nROLLBACK;",
            "BEGIN;\nSAVEPOINT a;\nCOMMIT;",
            "BEGIN;\nPREPARE TRANSACTION 'a';",
            "BEGIN;\nBEGIN;\nCOMMIT;",
            "SELECT 1;\nCOMMIT;",
            "BEGIN;\nCOMMIT AND CHAIN;",
            "SELECT 1;\nBEGIN ISOLATION LEVEL SERIALIZABLE; COMMIT;",
            "BEGIN;\nVACUUM;\nCOMMIT;",
            "SELECT 1;\nBEGIN; SELECT 2;",
            "SELECT 1;\nCOMMIT PREPARED 'a';",
        ] {
            assert_eq!(place(text), "a.sql:2:1", "{text}");
        }
    }

    #[test]
    fn a_step_is_its_words() {
        let digest =
            |text: &str| steps(&Script::new("a", text), Engine::Postgres).expect(text)[0].digest(Engine::Postgres);
        assert_eq!(digest("SELECT 1, 'A';"), digest("-- new\nselect  1 ,\n'A'"));
        assert_ne!(digest("SELECT 1, 'A';"), digest("SELECT 1, 'a';"));
        assert_ne!(digest("BEGIN; SELECT 1; SELECT 2; COMMIT;"), digest("BEGIN; SELECT 1; COMMIT;"));
    }
}
