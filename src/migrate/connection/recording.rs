//! Writing down what would run, in place of running it.

use super::super::set::MigrationSet;
use super::super::status::Found;
use super::super::steps::words;
use super::{MigrationConnection, Transaction, literal, qualified, quoted};
use crate::engine::pragma::Pragma;
use crate::engine::{Engine, TextRow};
use crate::error::{Error, ErrorKind, Result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// A connection that answers queries like the one that it stands for, and writes down everything else.
pub(crate) struct Recording<'a> {
    /// The database, to read; without one, it is empty.
    database: Option<Box<dyn MigrationConnection>>,
    /// Whether the database is out of reach: what it is like is not known.
    is_offline: bool,
    engine: Engine,
    text: &'a RefCell<String>,
    in_transaction: bool,
    /// How many transactions were begun.
    begun: usize,
    /// Whether the script compares foreign keys itself.
    guards_keys: bool,
    /// Whether a migration has switched foreign keys off itself, so that they are compared when it is done with that.
    is_put_off: bool,
    /// Whether it is done with that, and they were not compared since.
    is_due: bool,
    /// Whether the transaction that is open compares them itself, though they are switched off.
    keeps_keys: bool,
    schema: Option<String>,
    /// The names and limits that are set.
    settings: Vec<String>,
    /// The schemas that were made on the way.
    made: Vec<String>,
    /// What is taken for granted of sets, by their names, whatever the database says.
    assumed: BTreeMap<String, Found>,
    /// Where a set must be for the script to run, until that is written down.
    start: Option<Start>,
}

/// Where a set must be.
struct Start {
    set: String,
    number: i64,
    /// Whether it is there, as a condition of SQL.
    is_there: String,
    audit: String,
}

impl<'a> Recording<'a> {
    pub(crate) fn new(
        database: Option<Box<dyn MigrationConnection>>,
        engine: Engine,
        text: &'a RefCell<String>,
    ) -> Self {
        let (schema, settings, made, assumed, start) = (None, Vec::new(), Vec::new(), BTreeMap::new(), None);
        let (is_offline, in_transaction, begun, guards_keys) = (false, false, 0, false);
        Self {
            database,
            is_offline,
            engine,
            text,
            in_transaction,
            begun,
            guards_keys,
            is_put_off: false,
            is_due: false,
            keeps_keys: false,
            schema,
            settings,
            made,
            assumed,
            start,
        }
    }

    /// For a database that is out of reach.
    pub(crate) fn offline(engine: Engine, text: &'a RefCell<String>) -> Self {
        Self { is_offline: true, ..Self::new(None, engine, text) }
    }

    /// The database, where there is one.
    pub(crate) fn database(&mut self) -> Option<&mut dyn MigrationConnection> {
        match &mut self.database {
            Some(database) => Some(&mut **database),
            None => None,
        }
    }

    /// Takes for granted from here on that the database is at a migration of a set, and has its schema then.
    pub(crate) fn assume(&mut self, set: &MigrationSet, number: Option<i64>) {
        if number.is_some() {
            self.made.push(set.schema().to_owned());
        }
        self.assumed.insert(set.name().to_owned(), Found::assumed(set, self.engine, number));
    }

    /// Lets the script fail at its start on a database that is at another migration of a set.
    pub(crate) fn starts_at(&mut self, set: &MigrationSet, number: i64) {
        let history = qualified(set, self.engine, &set.history_table());
        let is_there = format!("(SELECT MAX(version) FROM {history}) = {number}");
        let audit = qualified(set, self.engine, &set.audit_table());
        self.start = Some(Start { set: set.name().to_owned(), number, is_there, audit });
    }

    /// Writes down what fails where the script does not begin. On SQLite it keeps every transaction after it from being
    /// committed, as [`GUARDS`] say; elsewhere it ends the first one.
    fn check_start(&mut self) {
        let Some(Start { set, number, is_there, audit }) = self.start.take() else { return };
        self.remark(&format!(
            "For a database that is at {number} of the set {set}: the next statement fails on any other."
        ));
        match self.engine {
            Engine::Sqlite => {
                self.write(&format!(
                    "INSERT INTO temp.charter_transactions SELECT {}, 0, 0, COALESCE({is_there}, 0)",
                    self.begun
                ));
                self.begun += 1;
            }
            Engine::DuckDb | Engine::Postgres => self.write(&format!(
                "INSERT INTO {audit} (entry, name) SELECT CAST(NULL AS BIGINT), {} WHERE NOT COALESCE({is_there}, FALSE)",
                literal(&format!("the database is not at {number} of the set {set}"))
            )),
        }
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

    /// What goes before the first transaction of a script for SQLite.
    fn begin_script(&mut self) -> Result<()> {
        // As a file that charter makes. One that is not asked may be a host program's, whose choice the mode is.
        if !self.is_offline && self.assumed.is_empty() && self.query("SELECT 1 FROM sqlite_schema LIMIT 1")?.is_empty()
        {
            self.write("PRAGMA journal_mode = WAL");
        }
        self.guards_keys = self.query(BROKEN_KEYS).is_ok();
        match self.guards_keys {
            true => GUARDS.iter().for_each(|statement| self.write(statement)),
            false => drop(self.remark(
                "There are foreign keys that cannot be checked. `charter db upgrade` compares the others before and after each \
                 migration; whoever runs this script compares what foreign_key_check says.",
            )),
        }
        Ok(())
    }

    /// Writes down what fails behind a transaction that was undone, and, with the keys, where more rows refer to nothing than
    /// were noted.
    fn compare(&self, insert: &str, with_keys: bool) {
        let broken = format!(
            "(SELECT count(*) FROM ({BROKEN_KEYS}) AS present WHERE present.broken > COALESCE((SELECT past.broken FROM \
             temp.charter_keys AS past WHERE (past.child, past.parent, past.key, past.\"group\") = (present.child, \
             present.parent, present.key, {})), 0))",
            i32::from(self.keeps_keys)
        );
        self.write(&format!(
            "{insert} INTO temp.charter_transactions SELECT {}, (SELECT count(*) FROM temp.charter_transactions), {}, 1",
            self.begun,
            if with_keys { &broken } else { "0" }
        ));
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

    fn found(&mut self, set: &MigrationSet) -> Result<Found> {
        match self.assumed.get(set.name()) {
            Some(assumed) => Ok(assumed.clone()),
            None => Found::read(set, self.engine, &mut |sql| self.query(sql)),
        }
    }

    /// Made where the script runs: it may make many stores.
    fn identity(&self) -> String {
        match self.engine {
            Engine::Sqlite => RANDOM_ID.to_owned(),
            Engine::DuckDb => "CAST(uuid() AS VARCHAR)".to_owned(),
            Engine::Postgres => "CAST(pg_catalog.gen_random_uuid() AS TEXT)".to_owned(),
        }
    }

    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        self.in_transaction = true;
        self.begun += 1;
        match self.engine {
            Engine::Sqlite => {
                if self.begun == 1 {
                    self.begin_script()?;
                    self.check_start();
                }
                self.write("PRAGMA foreign_keys = OFF");
                self.write("BEGIN IMMEDIATE");
                self.keeps_keys = transaction.keeps_keys && self.is_put_off;
                // What was there before a migration that has switched keys off is kept until its end.
                if self.guards_keys && (!self.is_put_off || self.keeps_keys) {
                    let (kept, group) = if self.keeps_keys { (" WHERE \"group\"", 1) } else { ("", 0) };
                    self.write(&format!("DELETE FROM temp.charter_keys{kept}"));
                    self.write(&format!("INSERT INTO temp.charter_keys SELECT *, {group} FROM ({BROKEN_KEYS})"));
                }
            }
            Engine::DuckDb => {
                self.write("BEGIN TRANSACTION");
                self.check_start();
            }
            Engine::Postgres => {
                self.write("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
                let settings = settings("SET LOCAL", transaction);
                self.write_all(&settings);
                if !settings.is_empty() {
                    self.settings = settings;
                }
                if let Some(schema) = transaction.schema {
                    if !self.made.iter().any(|made| made == schema) && !self.has_schema(schema)? {
                        let unless_there = if self.is_offline { "IF NOT EXISTS " } else { "" };
                        self.write(&format!("CREATE SCHEMA {unless_there}{}", quoted(schema)));
                        self.made.push(schema.to_owned());
                    }
                    self.schema = Some(schema.to_owned());
                }
                self.check_start();
            }
        }
        Ok(())
    }

    fn execute(&mut self, statement: &str) -> Result<()> {
        self.write(statement);
        if self.engine == Engine::Sqlite && !self.in_transaction {
            let switched = Pragma::of(statement).and_then(|pragma| pragma.foreign_keys());
            if let Some(is_on) = switched {
                self.is_due = is_on && (self.is_due || self.is_put_off);
                self.is_put_off = !is_on;
            }
        }
        if self.engine == Engine::Postgres {
            self.write_all(&set_again(statement, &self.settings));
        }
        Ok(())
    }

    fn begin_session(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if self.engine == Engine::Postgres {
            self.schema = transaction.schema.map(str::to_owned);
            self.settings = settings("SET", transaction);
            self.write_all(&self.settings);
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
        match (self.engine, self.guards_keys) {
            (Engine::Sqlite, true) => self.compare("INSERT OR ROLLBACK", !self.is_put_off || self.keeps_keys),
            (Engine::Sqlite, false) if !self.is_put_off || self.keeps_keys => self.write("PRAGMA foreign_key_check"),
            _ => {}
        }
        self.keeps_keys = false;
        self.write("COMMIT");
        if self.engine == Engine::Sqlite && !self.is_put_off {
            self.write("PRAGMA foreign_keys = ON");
        }
        Ok(())
    }

    fn compare_keys(&mut self, _before: Option<&str>, is_end: bool) -> Result<()> {
        if (std::mem::take(&mut self.is_due) || is_end && self.is_put_off) && self.begun > 0 {
            if is_end && std::mem::take(&mut self.is_put_off) {
                self.write("PRAGMA foreign_keys = ON");
            }
            match self.guards_keys {
                true => {
                    self.begun += 1;
                    self.compare("INSERT", true);
                }
                false => self.write("PRAGMA foreign_key_check"),
            }
        }
        Ok(())
    }

    fn rollback(&mut self) -> Result<()> {
        if std::mem::take(&mut self.in_transaction) {
            self.write("ROLLBACK");
        }
        Ok(())
    }

    fn remark(&mut self, text: &str) -> bool {
        self.text.borrow_mut().push_str(&format!("-- {}\n", text.replace('\n', " ")));
        true
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

/// A UUID of version 4 on SQLite, which has no function for one.
const RANDOM_ID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || \
     '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";

/// On SQLite, how many rows refer to nothing, for each foreign key.
const BROKEN_KEYS: &str = "SELECT \"table\" AS child, parent, fkid AS key, count(*) AS broken \
     FROM pragma_foreign_key_check GROUP BY 1, 2, 3";

/// What a script for SQLite compares foreign keys with, and what undoes a transaction at its end in which rows came to refer
/// to nothing, or all of them on a database that is not where the script begins: whoever runs the script may go on after an error, so those after it are undone too.
const GUARDS: [&str; 4] = [
    "DROP TABLE IF EXISTS temp.charter_keys",
    "DROP TABLE IF EXISTS temp.charter_transactions",
    "CREATE TEMPORARY TABLE charter_keys (child, parent, key, broken, \"group\")",
    "CREATE TEMPORARY TABLE charter_transactions (place INTEGER PRIMARY KEY, \
     earlier INTEGER CONSTRAINT \"a transaction before this one was undone\" CHECK (earlier = place - 1), \
     broken INTEGER CONSTRAINT \"rows would refer to what does not exist\" CHECK (broken = 0), \
     started INTEGER CONSTRAINT \"the database is not where this script begins\" CHECK (started = 1))",
];

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

/// What of the names and limits that charter has set must be set again after a statement on Postgres: RESET goes back to what
/// the server has for the user, where names without a schema may mean charter's.
pub(super) fn set_again(statement: &str, settings: &[String]) -> Vec<String> {
    let said = words(statement, Engine::Postgres);
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let is_path = |setting: &&String| setting.contains(" search_path = ");
    match said.as_slice() {
        ["reset", "all"] => settings.to_vec(),
        ["reset", "search_path"]
        | ["set", "search_path", "to" | "=", "default"]
        | ["set", "local" | "session", "search_path", "to" | "=", "default"] => {
            settings.iter().filter(is_path).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// What goes before charter's own statements on Postgres: the user is the one that connected, and names mean the set's.
pub(super) fn own_settings(schema: Option<&str>) -> Vec<String> {
    let mut settings =
        vec!["SET LOCAL SESSION AUTHORIZATION DEFAULT".to_owned(), "SET LOCAL role TO DEFAULT".to_owned()];
    settings.extend(schema.map(|schema| format!("SET LOCAL search_path = {}", quoted(schema))));
    settings
}
