//! Migrating DuckDB files.

use super::{MigrationConnection, Purpose, Transaction};
use crate::config::url::DuckDbTarget;
use crate::engine::duckdb::Migrating;
use crate::engine::file::FileAccess;
use crate::engine::lock_file::LockFile;
use crate::engine::{Engine, TextRow};
use crate::error::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One connection to a file while it is migrated.
pub(super) struct DuckDbMigrating {
    session: Migrating,
    /// The file; `None` for a database in memory.
    path: Option<PathBuf>,
    lock: Option<LockFile>,
}

impl DuckDbMigrating {
    pub(super) fn connect(target: &DuckDbTarget, purpose: Purpose) -> Result<Self> {
        let access = match purpose {
            Purpose::Migrate => FileAccess::Create,
            Purpose::MigrateExisting | Purpose::Try => FileAccess::Write,
            Purpose::Read => FileAccess::Read,
        };
        Ok(Self { session: Migrating::open(&target.path, access)?, path: Some(target.path.clone()), lock: None })
    }

    /// A database in memory, gone with the value.
    pub(super) fn in_memory() -> Result<Self> {
        Ok(Self { session: Migrating::in_memory()?, path: None, lock: None })
    }
}

impl MigrationConnection for DuckDbMigrating {
    fn engine(&self) -> Engine {
        Engine::DuckDb
    }

    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        self.session.query(sql)
    }

    fn begin(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        self.session.begin(transaction.read_only)
    }

    fn execute(&mut self, statement: &str) -> Result<()> {
        self.session.execute(statement)
    }

    fn record(&mut self, statements: &[String]) -> Result<()> {
        self.session.use_own_schema()?;
        statements.iter().try_for_each(|statement| self.session.execute(statement))
    }

    fn reset(&mut self) -> Result<()> {
        self.session.renew()
    }

    fn commit(&mut self) -> Result<()> {
        self.session.commit()
    }

    fn rollback(&mut self) -> Result<()> {
        self.session.rollback()
    }

    fn backup(&mut self, path: &Path) -> Result<()> {
        self.session.copy_to(path)
    }

    /// A lock file beside the database. The processes are kept apart by DuckDB already, the threads of one are not.
    fn lock(&mut self, limit: Duration, waiting: &mut dyn FnMut(Option<&str>)) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        self.lock = Some(LockFile::acquire(path, limit, &mut || waiting(None))?);
        Ok(())
    }

    fn unlock(&mut self) -> Result<()> {
        self.lock = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DatabaseUrl, Target};
    use crate::error::ErrorKind;

    fn connect(folder: &std::path::Path, purpose: Purpose) -> Result<DuckDbMigrating> {
        let url = DatabaseUrl::parse(&format!("duckdb:///{}/a.duckdb", folder.display()))?;
        let Target::DuckDb(target) = url.target() else { panic!("{url}") };
        DuckDbMigrating::connect(target, purpose)
    }

    #[test]
    fn a_transaction_is_kept_or_undone_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = connect(folder.path(), Purpose::Migrate).unwrap();
        connection.begin(&Transaction::default()).unwrap();
        connection.execute("CREATE TABLE kept (a BIGINT PRIMARY KEY)").unwrap();
        connection.execute("INSERT INTO kept VALUES (1)").unwrap();
        connection.commit().unwrap();

        // DuckDB itself would take this COMMIT.
        connection.begin(&Transaction::default()).unwrap();
        connection.execute("CREATE TABLE undone (a BIGINT)").unwrap();
        assert!(connection.execute("INSERT INTO kept VALUES (1)").is_err());
        assert!(connection.commit().is_err());
        let tables = "SELECT table_name FROM duckdb_tables()";
        assert_eq!(connection.query(tables).unwrap(), [[Some("kept".to_owned())]]);
        connection.rollback().unwrap();
    }

    #[test]
    fn what_was_opened_to_read_cannot_write_beside_one_that_can() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(connect(folder.path(), Purpose::Read).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
        let mut writer = connect(folder.path(), Purpose::Migrate).unwrap();
        writer.execute("CREATE TABLE a (b BIGINT)").unwrap();
        let mut reader = connect(folder.path(), Purpose::Read).unwrap();
        for statement in ["INSERT INTO a VALUES (1)", "DROP TABLE a", "CREATE TABLE c (d BIGINT)"] {
            assert!(reader.execute(statement).is_err(), "{statement}");
            assert!(reader.query(statement).is_err(), "{statement}");
            reader.begin(&Transaction::default()).unwrap();
            assert!(reader.execute(statement).is_err(), "{statement}");
            reader.rollback().unwrap();
        }
        drop(writer);
        assert_eq!(reader.query("SELECT count(*) FROM a").unwrap(), [[Some("0".to_owned())]]);
    }

    #[test]
    fn what_a_migration_sets_reaches_neither_charters_rows_nor_the_next_one() {
        let mut connection = DuckDbMigrating::in_memory().unwrap();
        connection.execute("CREATE SCHEMA elsewhere").unwrap();
        connection.execute("CREATE TABLE history (a BIGINT)").unwrap();
        connection.begin(&Transaction::default()).unwrap();
        connection.execute("USE elsewhere").unwrap();
        connection.record(&["INSERT INTO history VALUES (1)".to_owned()]).unwrap();
        connection.execute("USE elsewhere").unwrap();
        connection.rollback().unwrap();
        connection.reset().unwrap();
        assert_eq!(connection.query("SELECT count(*) FROM history").unwrap(), [[Some("0".to_owned())]]);
    }

    #[test]
    fn a_backup_has_everything_and_the_database_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = connect(folder.path(), Purpose::Migrate).unwrap();
        writer
            .execute("CREATE TABLE a (b BIGINT PRIMARY KEY, c TEXT UNIQUE); CREATE VIEW v AS SELECT b FROM a")
            .unwrap();
        writer.execute("INSERT INTO a VALUES (1, 'x')").unwrap();
        let mut reader = connect(folder.path(), Purpose::Read).unwrap();
        let place = folder.path().join("it's a copy.duckdb");
        std::fs::File::create_new(&place).unwrap();
        reader.backup(&place).unwrap();
        writer.execute("DELETE FROM a").unwrap();

        let mut copy = Migrating::open(&place, FileAccess::Write).unwrap();
        assert_eq!(copy.query("SELECT b FROM v").unwrap(), [[Some("1".to_owned())]]);
        assert!(copy.execute("INSERT INTO a VALUES (2, 'x')").is_err(), "it has its constraints");
        drop((copy, writer, reader));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn values_are_texts() {
        let mut connection = DuckDbMigrating::in_memory().unwrap();
        let row = connection
            .query("SELECT NULL, true, 1, 2::HUGEINT, 1.5::DOUBLE, 'a', TIMESTAMP '2026-01-31 12:00:01', '{}'::JSON")
            .unwrap();
        let texts =
            [None, Some("true"), Some("1"), Some("2"), Some("1.5"), Some("a"), Some("2026-01-31 12:00:01"), Some("{}")];
        assert_eq!(row, [texts.map(|text| text.map(str::to_owned)).to_vec()]);
        assert!(connection.query("SELECT [1, 2]").is_err());
        assert_eq!(connection.query("SELECT [1, 2]::VARCHAR").unwrap(), [[Some("[1, 2]".to_owned())]]);
    }

    #[test]
    fn an_error_says_what_but_not_the_statement() {
        let mut connection = DuckDbMigrating::in_memory().unwrap();
        let error = connection.execute("SELECT 'secret' FROM nowhere").unwrap_err();
        assert!(error.message().contains("nowhere") && !error.message().contains("secret"), "{error}");
    }
}
