//! Migrating SQLite files.

use super::super::steps::each_word;
use super::{MigrationConnection, Purpose, Transaction, literal, quoted};
use crate::config::url::{SqliteTarget, Synchronous};
use crate::engine::lock_file::LockFile;
use crate::engine::pragma::Pragma;
use crate::engine::sqlite::{FileAccess, open_file, open_in_memory, patiently, text_rows};
use crate::engine::{Engine, TextRow};
use crate::error::{Context, Error, ErrorKind, Result};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One connection to a file while it is migrated.
pub(super) struct SqliteMigrating {
    connection: Connection,
    /// Where the file is; `None` is a database in memory, which is this connection's alone.
    path: Option<PathBuf>,
    synchronous: Synchronous,
    lock: Option<LockFile>,
    /// Whether foreign keys were switched off for the transaction that is open.
    in_transaction: bool,
    /// The foreign keys as they were before the transaction; some may point nowhere, or be a host program's.
    keys: Option<Keys>,
    /// Whether a statement of the transaction may have made a foreign key.
    makes_keys: bool,
    /// Whether a statement of the transaction changes or deletes rows.
    changes_rows: bool,
    /// Whether the session has switched foreign keys off itself: what refers to nothing then is no matter before they are
    /// on again.
    is_put_off: bool,
    /// Whether it has switched them on again, and they were not compared since.
    is_due: bool,
    /// Whether the transaction compares them itself, though they are put off.
    keeps_keys: bool,
}

/// The foreign keys of a file.
struct Keys {
    /// The version of the data that they were found in.
    version: i64,
    /// Whether there may be any.
    has_any: bool,
    broken: Broken,
}

/// How many thousand steps all that is tried on a copy may take.
const COPY_STEPS: u32 = 100_000;

/// What every text has that makes a foreign key.
const REFERENCES: &str = "references";

/// What goes before [`Broken`] where a migration keeps it beside its beginning.
const KEPT: &str = "foreign keys that refer to nothing: ";

/// How many rows refer to nothing, for each foreign key.
type Broken = BTreeMap<String, usize>;

/// Where foreign keys point nowhere: for each table and what it refers to, what is there.
type Violations = BTreeMap<String, Violation>;

/// One foreign key that points nowhere.
#[derive(Default)]
struct Violation {
    table: String,
    /// The number that SQLite gives the key.
    key: String,
    /// The rows, as people read them. A table that cannot be checked has one row that says why.
    rows: Vec<String>,
}

/// An error of SQLite's with what it leaves out: an ALTER TABLE says not which rows break what it adds.
fn named(error: Error, statement: &str) -> Error {
    let words: Vec<String> = each_word(statement, Engine::Sqlite).collect();
    let (Some("alter"), Some(message)) = (words.first().map(String::as_str), error.message().strip_prefix("SQLite: "))
    else {
        return error;
    };
    if message != "constraint failed" {
        return error;
    }
    let said = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = said.trim_end_matches([';', ' ']);
    let is = |word: &str| words.iter().any(|found| found == word);
    let rows = if is("check") { "rows break the CHECK" } else { "rows have no value in the column" };
    Error::new(error.kind(), format!("SQLite: {message}: {rows}: {said}"))
        .with_hint("change those rows first, in the same migration")
        .with_source(error)
}

fn counted(violations: &Violations) -> Broken {
    violations.iter().map(|(place, violation)| (place.clone(), violation.rows.len())).collect()
}

impl SqliteMigrating {
    pub(super) fn connect(target: &SqliteTarget, purpose: Purpose) -> Result<Self> {
        let access = match purpose {
            Purpose::Migrate => FileAccess::Create,
            Purpose::MigrateExisting | Purpose::Try => FileAccess::Write,
            Purpose::Read => FileAccess::Read,
        };
        let connection = open_file(&target.path, target.synchronous, access)?;
        Ok(Self::of(connection, Some(target.path.clone()), target.synchronous))
    }

    /// An empty database in memory.
    pub(super) fn in_memory() -> Result<Self> {
        Ok(Self::of(open_in_memory()?, None, Synchronous::default()))
    }

    fn of(connection: Connection, path: Option<PathBuf>, synchronous: Synchronous) -> Self {
        Self {
            connection,
            path,
            synchronous,
            lock: None,
            in_transaction: false,
            keys: None,
            makes_keys: false,
            changes_rows: false,
            is_put_off: false,
            is_due: false,
            keeps_keys: false,
        }
    }

    /// Undoes what is open, and switches foreign keys on again, unless the session itself has switched them off.
    fn end(&mut self) -> Result<()> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        if std::mem::take(&mut self.in_transaction) && !self.is_put_off {
            self.connection.execute_batch("PRAGMA foreign_keys = ON")?;
        }
        Ok(())
    }

    /// Where foreign keys point nowhere: SQLite checks them only where a program asks it to, so there may be some.
    fn violations(&self) -> Result<Violations> {
        let mut violations = Violations::new();
        let mut note = |rows: Vec<TextRow>| {
            for row in rows {
                let [table, row, parent, key] =
                    <[Option<String>; 4]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default);
                let row = if row.is_empty() { "without a number" } else { &row };
                let place = violations.entry(format!("{table} {parent} {key}")).or_default();
                place.rows.push(format!("{table} row {row} -> {parent}"));
                (place.table, place.key) = (table, key);
            }
        };
        if let Ok(rows) = text_rows(&self.connection, "PRAGMA foreign_key_check") {
            note(rows);
            return Ok(violations);
        }
        // One that cannot be checked must not hide the others.
        let tables =
            "SELECT DISTINCT t.name FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) WHERE t.type = 'table'";
        let mut failed = Vec::new();
        for table in text_rows(&self.connection, tables)?.into_iter().flatten().flatten() {
            match text_rows(&self.connection, &format!("PRAGMA foreign_key_check({})", quoted(&table))) {
                Ok(rows) => note(rows),
                Err(error) => {
                    let rows = vec![format!("{table}: {}", error.message())];
                    failed.push((table, Violation { rows, ..Violation::default() }));
                }
            }
        }
        violations.extend(failed);
        Ok(violations)
    }

    /// Whether there may be foreign keys.
    fn has_keys(&self) -> Result<bool> {
        let query = format!("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%{REFERENCES}%' LIMIT 1");
        Ok(!text_rows(&self.connection, &query)?.is_empty())
    }

    /// Changes when another connection has written.
    fn data_version(&self) -> Result<i64> {
        Ok(self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    fn note_keys(&mut self) -> Result<()> {
        let version = self.data_version()?;
        if self.keys.as_ref().is_none_or(|noted| noted.version != version) {
            let has_any = self.has_keys()?;
            let broken = if has_any { counted(&self.violations()?) } else { Broken::new() };
            self.keys = Some(Keys { version, has_any, broken });
        }
        (self.makes_keys, self.changes_rows) = (false, false);
        Ok(())
    }

    /// The first name of no table.
    fn missing<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<Option<&'n str>> {
        for name in names {
            let query =
                format!("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = {} COLLATE NOCASE", literal(name));
            if text_rows(&self.connection, &query)?.is_empty() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Refuses foreign keys that point nowhere and did not before.
    fn check_keys(&mut self) -> Result<()> {
        let Some(before) = self.keys.take() else { return Ok(()) };
        if !before.has_any && !self.makes_keys {
            self.keys = Some(before);
            return Ok(());
        }
        let broken = self.refuse_more(
            &before.broken,
            match self.keeps_keys {
                true => {
                    "nothing since its BEGIN was kept: there, change the rows that refer to what it removes, and try again"
                }
                false => "a migration must keep foreign keys whole: change the rows that refer to what it removes",
            },
        )?;
        self.keys = Some(Keys { has_any: true, broken, ..before });
        Ok(())
    }

    /// What refers to nothing now.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when it is more than before.
    fn refuse_more(&self, before: &Broken, hint: &'static str) -> Result<Broken> {
        let after = self.violations()?;
        let is_more =
            |(place, found): &(&String, &Violation)| found.rows.len() > before.get(*place).copied().unwrap_or_default();
        let more: Vec<&Violation> = after.iter().filter(is_more).map(|(_, found)| found).collect();
        let rows: Vec<&str> = more.iter().flat_map(|found| &found.rows).map(String::as_str).collect();
        if rows.is_empty() {
            return Ok(counted(&after));
        }
        let parents = rows.iter().filter_map(|row| row.rsplit_once(" -> ")).map(|(_, parent)| parent);
        if let Some(parent) = self.missing(parents)? {
            return Err(Error::new(ErrorKind::Backend, format!("no such table: {parent}, to which rows would refer")));
        }
        let shown = rows.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let others = if rows.len() > 5 { format!(" and {} more", rows.len() - 5) } else { String::new() };
        let message = format!("rows would refer to what does not exist: {shown}{others}");
        let mut has_action = false;
        for found in more {
            has_action |= self.has_action(found)?;
        }
        Err(Error::new(ErrorKind::Backend, message).with_hint(match self.changes_rows && has_action {
            true => {
                "ON DELETE and ON UPDATE do nothing in a migration, for foreign keys are off in it: delete or change the rows \
                 that refer first"
            }
            false => hint,
        }))
    }

    /// Whether a foreign key changes or deletes rows where foreign keys are on.
    fn has_action(&self, Violation { table, key, .. }: &Violation) -> Result<bool> {
        let passive = "('NO ACTION', 'RESTRICT')";
        let query = format!(
            "SELECT 1 FROM pragma_foreign_key_list({}) WHERE CAST(id AS TEXT) = {} AND (on_delete NOT IN {passive} OR on_update NOT IN \
             {passive})",
            literal(table),
            literal(key)
        );
        Ok(!text_rows(&self.connection, &query)?.is_empty())
    }
}

impl MigrationConnection for SqliteMigrating {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        patiently(|| text_rows(&self.connection, sql))
    }

    fn copied_to_memory(&mut self, most: u64) -> Option<Box<dyn MigrationConnection>> {
        let size = "SELECT page_count * page_size, page_size FROM pragma_page_count, pragma_page_size";
        let (size, page) = self.connection.query_row(size, [], |row| Ok((row.get(0)?, row.get(1)?))).ok()?;
        let (size, page): (i64, i64) = (size, page);
        let most = i64::try_from(most).unwrap_or(i64::MAX / 2);
        if size > most || page == 0 {
            return None;
        }
        let mut copy = open_in_memory().ok()?;
        let step = Backup::new(&self.connection, &mut copy).and_then(|backup| backup.step(-1)).ok()?;
        if step != StepResult::Done {
            return None;
        }
        copy.execute_batch(&format!("PRAGMA max_page_count = {}", 2 * most / page)).ok()?;
        let steps = std::sync::atomic::AtomicU32::new(0);
        let is_enough = move || steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > COPY_STEPS;
        copy.progress_handler(1000, Some(is_enough)).ok()?;
        Some(Box::new(Self::of(copy, None, Synchronous::default())))
    }

    /// Foreign keys are off inside, or rebuilding a table would delete what refers to it; they are checked at the end.
    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if transaction.read_only {
            return Ok(self.connection.execute_batch("BEGIN")?);
        }
        self.connection.execute_batch("PRAGMA foreign_keys = OFF")?;
        self.in_transaction = true;
        let begun = patiently(|| Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?));
        self.keeps_keys = transaction.keeps_keys && self.is_put_off;
        if self.is_put_off {
            // Nobody compares what the steps before have left.
            self.keys = None;
        }
        let is_noted = !self.is_put_off || self.keeps_keys;
        let begun = begun.and_then(|()| if is_noted { self.note_keys() } else { Ok(()) });
        if begun.is_err() {
            // The first error is what matters.
            let _ = self.end();
        }
        begun
    }

    fn execute(&mut self, statement: &str) -> Result<()> {
        self.makes_keys |= statement.to_ascii_lowercase().contains(REFERENCES);
        let verb = each_word(statement, Engine::Sqlite).next().unwrap_or_default();
        let is_switch = Pragma::of(statement).is_some_and(|pragma| pragma.foreign_keys().is_some());
        self.changes_rows |= matches!(verb.as_str(), "delete" | "update" | "replace" | "with");
        let executed = self.connection.execute_batch(statement);
        if self.in_transaction && executed.is_ok() && self.connection.is_autocommit() {
            let message = "the statement ended the transaction that it runs in";
            return Err(
                Error::new(ErrorKind::Corrupt, message).with_hint("look at what it has changed: it was committed")
            );
        }
        executed.map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => named(error.into(), statement),
            _ => error.into(),
        })?;
        if !self.in_transaction && is_switch {
            let is_off = self.connection.query_row("PRAGMA foreign_keys", [], |row| Ok(row.get::<_, i64>(0)? == 0))?;
            self.is_due = !is_off && (self.is_due || self.is_put_off);
            self.is_put_off = is_off;
        }
        Ok(())
    }

    fn broken_keys(&mut self) -> Option<String> {
        let broken = &self.keys.as_ref()?.broken;
        let kept = serde_json::to_string(broken).ok().filter(|_| !broken.is_empty())?;
        Some(format!("{KEPT}{kept}"))
    }

    fn compare_keys(&mut self, before: Option<&str>, is_end: bool) -> Result<()> {
        let is_now = std::mem::take(&mut self.is_due) || is_end && self.is_put_off;
        if !is_now {
            return Ok(());
        }
        let before = before.and_then(|kept| serde_json::from_str(kept.strip_prefix(KEPT)?).ok()).unwrap_or_default();
        self.keys = None;
        self.changes_rows = false;
        self.refuse_more(
            &before,
            "what is done stays done: change or delete the rows that refer to nothing, by hand or with statements behind those \
             that are done, and try again; it goes on from there",
        )?;
        Ok(())
    }

    /// Settings are the connection's: a new one has none. What is attached goes with the old one.
    fn reset(&mut self) -> Result<()> {
        match &self.path {
            Some(path) => self.connection = open_file(path, self.synchronous, FileAccess::Write)?,
            None => {
                let made = "SELECT type, name FROM temp.sqlite_schema WHERE type <> 'index' \
                            ORDER BY type = 'table', type = 'view'";
                for object in text_rows(&self.connection, made)? {
                    let [kind, name] =
                        <[Option<String>; 2]>::try_from(object).unwrap_or_default().map(Option::unwrap_or_default);
                    self.connection.execute_batch(&format!("DROP {kind} IF EXISTS temp.{}", quoted(&name)))?;
                }
                self.connection.execute_batch("PRAGMA foreign_keys = ON")?;
            }
        }
        self.keys = None;
        (self.is_put_off, self.is_due) = (false, false);
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let is_checked = self.in_transaction && (!self.is_put_off || self.keeps_keys);
        let checked = if is_checked { self.check_keys() } else { Ok(()) };
        let result = checked.and_then(|()| patiently(|| Ok(self.connection.execute_batch("COMMIT")?)));
        if result.is_err() {
            self.keys = None;
        }
        let ended = self.end();
        result.and(ended)
    }

    fn rollback(&mut self) -> Result<()> {
        self.keys = None;
        self.end()
    }

    /// SQLite's own backup: what writers commit meanwhile is in the copy, or the copying begins again.
    fn backup(&mut self, path: &Path) -> Result<()> {
        let mut copy = Connection::open(path)?;
        let backup = Backup::new(&self.connection, &mut copy)?;
        patiently(|| match backup.step(-1)? {
            StepResult::Done => Ok(()),
            _ => Err(Error::new(ErrorKind::Busy, "SQLite: the database is locked")),
        })
    }

    /// A lock file beside the database.
    fn lock(&mut self, limit: Duration, waiting: &mut dyn FnMut(Option<&str>)) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        self.lock = Some(LockFile::acquire(path, limit, &mut || waiting(None))?);
        // WAL is a property of the file and stays, so it is switched on only in a file that is charter's from the start.
        patiently(|| {
            let tables: i64 = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables == 0 {
                self.connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            }
            Ok(())
        })
        .context("switching to WAL")
    }

    fn unlock(&mut self) -> Result<()> {
        self.lock = None;
        Ok(())
    }
}
