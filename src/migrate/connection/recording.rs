//! Writing down what would run, in place of running it.

use super::{MigrationConnection, Transaction, literal, quoted};
use crate::engine::{Engine, TextRow};
use crate::error::{Error, ErrorKind, Result};
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

/// A connection that answers queries like the one that it stands for, and writes down everything else.
pub(crate) struct Recording<'a> {
    /// The database, to read; without one, it is empty.
    database: Option<Box<dyn MigrationConnection>>,
    engine: Engine,
    text: &'a RefCell<String>,
    in_transaction: bool,
    has_begun: bool,
    schema: Option<String>,
    /// The schemas that were made on the way.
    made: Vec<String>,
}

impl<'a> Recording<'a> {
    pub(crate) fn new(
        database: Option<Box<dyn MigrationConnection>>,
        engine: Engine,
        text: &'a RefCell<String>,
    ) -> Self {
        Self { database, engine, text, in_transaction: false, has_begun: false, schema: None, made: Vec::new() }
    }

    fn write(&self, statement: &str) {
        let statement = statement.trim();
        let mut text = self.text.borrow_mut();
        text.push_str(statement);
        text.push_str(if statement.ends_with(';') { "\n" } else { ";\n" });
    }

    fn write_all(&self, statements: &[String]) {
        statements.iter().for_each(|statement| self.write(statement));
    }

    fn has_schema(&mut self, schema: &str) -> Result<bool> {
        let Some(database) = &mut self.database else { return Ok(schema == "public") };
        let query = format!("SELECT pg_catalog.to_regnamespace({}) IS NOT NULL", literal(&quoted(schema)));
        Ok(database.query(&query)?.into_iter().flatten().flatten().next().as_deref() == Some("t"))
    }
}

impl MigrationConnection for Recording<'_> {
    fn engine(&self) -> Engine {
        self.engine
    }

    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        self.database.as_mut().map_or(Ok(Vec::new()), |database| database.query(sql))
    }

    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        self.in_transaction = true;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        match self.engine {
            Engine::Sqlite => {
                // As a file that charter makes.
                if is_first && self.query("SELECT 1 FROM sqlite_schema LIMIT 1")?.is_empty() {
                    self.write("PRAGMA journal_mode = WAL");
                }
                self.write("PRAGMA foreign_keys = OFF");
                self.write("BEGIN IMMEDIATE");
            }
            Engine::DuckDb => self.write("BEGIN TRANSACTION"),
            Engine::Postgres => {
                self.write("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
                self.write_all(&settings("SET LOCAL", transaction));
                if let Some(schema) = transaction.schema {
                    if !self.made.iter().any(|made| made == schema) && !self.has_schema(schema)? {
                        self.write(&format!("CREATE SCHEMA {}", quoted(schema)));
                        self.made.push(schema.to_owned());
                    }
                    self.schema = Some(schema.to_owned());
                }
            }
        }
        Ok(())
    }

    fn execute(&mut self, statement: &str) -> Result<()> {
        self.write(statement);
        Ok(())
    }

    fn begin_session(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if self.engine == Engine::Postgres {
            self.schema = transaction.schema.map(str::to_owned);
            self.write_all(&settings("SET", transaction));
        }
        Ok(())
    }

    fn record(&mut self, statements: &[String]) -> Result<()> {
        if self.engine == Engine::Postgres {
            self.write_all(&own_settings(self.schema.as_deref()));
        }
        self.write_all(statements);
        Ok(())
    }

    fn reset(&mut self) -> Result<()> {
        if self.engine == Engine::Postgres {
            self.write_all(&FORGET.map(str::to_owned));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.in_transaction = false;
        if self.engine == Engine::Sqlite {
            self.write("PRAGMA foreign_key_check");
        }
        self.write("COMMIT");
        if self.engine == Engine::Sqlite {
            self.write("PRAGMA foreign_keys = ON");
        }
        Ok(())
    }

    fn rollback(&mut self) -> Result<()> {
        if std::mem::take(&mut self.in_transaction) {
            self.write("ROLLBACK");
        }
        Ok(())
    }

    fn backup(&mut self, _path: &Path) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "what only writes statements down copies nothing"))
    }

    fn lock(&mut self, _limit: Duration, _waiting: &mut dyn FnMut(Option<&str>)) -> Result<()> {
        Ok(())
    }

    fn unlock(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What undoes, on Postgres, that statements have set something for the session.
pub(super) const FORGET: [&str; 3] = ["RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL"];

/// Names and limits of a transaction on Postgres, as `SET LOCAL` or `SET`.
pub(super) fn settings(set: &str, transaction: &Transaction<'_>) -> Vec<String> {
    // For the transaction alone: a session may be another's after it, behind a pooler.
    let mut settings: Vec<String> =
        transaction.schema.map(|schema| format!("{set} search_path = {}", quoted(schema))).into_iter().collect();
    let limits = [("lock_timeout", transaction.lock_timeout), ("statement_timeout", transaction.statement_timeout)];
    for (name, limit) in limits {
        settings.extend(limit.map(|limit| format!("{set} {name} = {}", limit.as_millis())));
    }
    settings
}

/// What goes before charter's own statements on Postgres: the user is the one that connected, and names mean the set's.
pub(super) fn own_settings(schema: Option<&str>) -> Vec<String> {
    let mut settings =
        vec!["SET LOCAL SESSION AUTHORIZATION DEFAULT".to_owned(), "SET LOCAL role TO DEFAULT".to_owned()];
    settings.extend(schema.map(|schema| format!("SET LOCAL search_path = {}", quoted(schema))));
    settings
}
