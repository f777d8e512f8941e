//! Database URLs: what charter stores its records in.
//!
//! | URL | store |
//! |---|---|
//! | `sqlite:///relative.db`, `sqlite:////absolute.db` | a SQLite file; `?synchronous=full` (the default) or `normal` |
//! | `duckdb:///relative.duckdb`, `duckdb:////absolute.duckdb` | a DuckDB file |
//! | `memory:` | in memory, gone with the program |
//! | `postgresql://user:password@host:port/database?sslmode=...` | a PostgreSQL server; see [`PostgresTarget`] |
//!
//! The forms are those of SQLAlchemy, so that a URL moves between programs unchanged: `postgres://` is `postgresql://`,
//! and a driver (`postgresql+psycopg2://`) is read over. As there, the path of a SQLite or DuckDB URL is taken as it stands,
//! without percent-decoding; the parts of a PostgreSQL URL are percent-decoded (RFC 3986; `+` is no blank).
//!
//! A URL is printed with its password masked, and a text that is no URL is never repeated in an error.

mod postgres;
mod query;

pub use postgres::{ChannelBinding, Host, HostAddress, PostgresTarget, SslMode, TargetSessionAttributes};

use std::fmt;
use std::path::{Path, PathBuf};

use self::query::Query;
use super::known::nearest;
use crate::error::{Error, ErrorKind, Result};

/// The URL of a database, parsed. `Display` and `Debug` mask the password.
///
/// There is no `FromStr`, on purpose: argument parsers repeat a text that does not parse in their error.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    target: Target,
}

/// What a [`DatabaseUrl`] points at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A SQLite file.
    Sqlite(SqliteTarget),
    /// A DuckDB file.
    DuckDb(DuckDbTarget),
    /// A store in memory.
    Memory,
    /// A PostgreSQL server.
    Postgres(PostgresTarget),
}

/// A SQLite file and how safely it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteTarget {
    /// The file, exactly as the URL has it.
    pub path: PathBuf,
    /// What a commit waits for.
    pub synchronous: Synchronous,
}

/// A DuckDB file. A commit waits for the disk: nothing acknowledged is lost with the power.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuckDbTarget {
    /// The file, exactly as the URL has it.
    pub path: PathBuf,
}

/// What a commit to a SQLite file waits for: SQLite's `PRAGMA synchronous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Synchronous {
    /// The disk has the commit: nothing acknowledged is lost with the power.
    #[default]
    Full,
    /// The operating system has the commit: the last ones may be lost with the power, not with the program.
    Normal,
}

/// The forms that this version understands, for hints.
const FORMS: &str = "use sqlite:///FILE, duckdb:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory:";

/// Schemes of stores that charter is to have and this version has not.
const COMING: &[&str] = &["redb", "mongodb", "redis", "rediss"];

/// Schemes that people try, and near which a misspelt one may be repeated.
const FOREIGN: &[&str] =
    &["mysql", "mariadb", "mssql", "oracle", "snowflake", "bigquery", "cockroachdb", "http", "https", "file", "driver"];

impl DatabaseUrl {
    /// Parses a URL. Blanks around it do not count.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where the text is no URL of a store, [`ErrorKind::Unsupported`] where it is one of a
    /// store that this version does not have. Whether a backend is compiled in is not asked here. No error repeats a
    /// part of the text that may be secret.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(invalid("the database URL is empty").with_hint(FORMS));
        }
        if text.chars().any(char::is_control) {
            return Err(invalid("the database URL has a line break or another control character in it"));
        }
        let Some((scheme, rest)) = split_scheme(text) else { return Err(without_scheme(text)) };
        let (base, driver) = match scheme.split_once('+') {
            Some((base, driver)) => (base, Some(driver)),
            None => (scheme.as_str(), None),
        };
        let target = match (base, driver) {
            ("sqlite", None | Some("pysqlite" | "aiosqlite")) => sqlite(rest)?,
            ("duckdb", None) => duckdb(rest)?,
            ("memory", None) if matches!(rest, "" | "//") => Target::Memory,
            ("memory", None) => {
                return Err(invalid("the URL of a store in memory is `memory:`, with nothing behind it"));
            }
            ("postgresql" | "postgres", _) => Target::Postgres(PostgresTarget::parse(rest)?),
            _ => return Err(unknown_scheme(base, driver)),
        };
        Ok(Self { target })
    }

    /// What the URL points at.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The scheme, less spelling: `sqlite`, `duckdb`, `memory` or `postgresql`.
    pub fn scheme(&self) -> &'static str {
        match &self.target {
            Target::Sqlite(_) => "sqlite",
            Target::DuckDb(_) => "duckdb",
            Target::Memory => "memory",
            Target::Postgres(_) => "postgresql",
        }
    }

    /// Whether the database lives in this process, so that it needs no server.
    pub fn is_embedded(&self) -> bool {
        matches!(self.target, Target::Sqlite(_) | Target::DuckDb(_) | Target::Memory)
    }

    /// The file that the database is in; `None` for a store in memory and a server.
    pub fn file(&self) -> Option<&Path> {
        match &self.target {
            Target::Sqlite(sqlite) => Some(&sqlite.path),
            Target::DuckDb(duckdb) => Some(&duckdb.path),
            Target::Memory | Target::Postgres(_) => None,
        }
    }

    /// The same server with another of its databases; `None` when the URL is of no server.
    pub(crate) fn with_database(&self, name: &str) -> Option<Self> {
        match &self.target {
            Target::Postgres(target) => {
                let target = PostgresTarget { database: Some(name.to_owned()), ..target.clone() };
                Some(Self { target: Target::Postgres(target) })
            }
            _ => None,
        }
    }

    /// The URL with its password masked: what `Display` prints.
    pub fn masked(&self) -> String {
        self.to_string()
    }

    /// The same URL with its relative paths (of an embedded file, of a root certificate) taken from the folder `base`.
    #[must_use]
    pub fn relative_to(&self, base: &Path) -> Self {
        let absolute = |path: &Path| base.join(path).components().collect::<PathBuf>();
        let mut target = self.target.clone();
        match &mut target {
            Target::Sqlite(sqlite) => sqlite.path = absolute(&sqlite.path),
            Target::DuckDb(duckdb) => duckdb.path = absolute(&duckdb.path),
            Target::Postgres(postgres) => postgres.sslrootcert = postgres.sslrootcert.as_deref().map(absolute),
            Target::Memory => {}
        }
        Self { target }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Sqlite(sqlite) => {
                write!(f, "sqlite:///{}", sqlite.path.display())?;
                match sqlite.synchronous {
                    Synchronous::Full => Ok(()),
                    Synchronous::Normal => f.write_str("?synchronous=normal"),
                }
            }
            Target::DuckDb(duckdb) => write!(f, "duckdb:///{}", duckdb.path.display()),
            Target::Memory => f.write_str("memory:"),
            Target::Postgres(postgres) => postgres.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// The scheme in lower case and what follows its colon. One letter is a Windows drive, not a scheme.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// The error for a text without a scheme: often a file's path.
fn without_scheme(text: &str) -> Error {
    let error = invalid("this is not a database URL: it has no scheme, such as `sqlite:`");
    match url_of_path(text) {
        Some((store, url)) => error.with_hint(format!("for the {store} file `{text}` the URL is `{url}`")),
        None => error.with_hint(FORMS),
    }
}

/// The URL of a path that is certainly one, and the store: only such a text is repeated, any other may be a piece of a
/// secret.
fn url_of_path(path: &str) -> Option<(&'static str, String)> {
    let ends_with = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    let (store, scheme) = match path {
        _ if ends_with(&[".db", ".db3", ".sqlite", ".sqlite3"]) => ("SQLite", "sqlite"),
        _ if ends_with(&[".duckdb", ".ddb"]) => ("DuckDB", "duckdb"),
        _ => return None,
    };
    let is_path = !path.contains(['@', '?', '&', '=', '%', '#']) && !path.get(2..).unwrap_or_default().contains(':');
    is_path.then(|| (store, format!("{scheme}:///{path}")))
}

fn unknown_scheme(base: &str, driver: Option<&str>) -> Error {
    if COMING.contains(&base) {
        return Error::new(
            ErrorKind::Unsupported,
            format!("this version of charter has no store for `{base}:` URLs yet"),
        )
        .with_hint(FORMS);
    }
    if let ("sqlite" | "duckdb", Some(_)) = (base, driver) {
        let store = if base == "sqlite" { "SQLite" } else { "DuckDB" };
        return Error::new(ErrorKind::Unsupported, format!("charter does not have this driver of {store}"))
            .with_hint(FORMS);
    }
    let own = ["sqlite", "duckdb", "postgresql", "postgres", "memory"].into_iter().chain(COMING.iter().copied());
    if let Some(meant) = nearest(base, own) {
        return invalid(format!("charter does not know the scheme `{base}:`"))
            .with_hint(format!("did you mean `{meant}:`? {FORMS}"));
    }
    match FOREIGN.contains(&base) {
        true => invalid(format!("charter has no store for `{base}:` URLs")).with_hint(FORMS),
        false => invalid("charter does not know the scheme of this database URL").with_hint(FORMS),
    }
}

/// Reads what follows `sqlite:`.
fn sqlite(rest: &str) -> Result<Target> {
    let (location, query) = Query::split(rest)?;
    let path = file_path(location, "SQLite", "sqlite:///relative.db or sqlite:////absolute.db")?;
    if path.starts_with("file:") {
        return Err(invalid("SQLite's own `file:` URLs are not known here")
            .with_hint("sqlite:///relative.db or sqlite:////absolute.db for a file, `memory:` for a store in memory"));
    }
    query.refuse_unknown("SQLite", &["synchronous"])?;
    let synchronous = match query.one("synchronous")?.map(|value| value.to_ascii_lowercase()).as_deref() {
        None | Some("full") => Synchronous::Full,
        Some("normal") => Synchronous::Normal,
        Some(_) => return Err(invalid("`synchronous` is `full` or `normal`")),
    };
    Ok(Target::Sqlite(SqliteTarget { path: PathBuf::from(path), synchronous }))
}

/// Reads what follows `duckdb:`.
fn duckdb(rest: &str) -> Result<Target> {
    let (location, query) = Query::split(rest)?;
    let forms = "duckdb:///relative.duckdb or duckdb:////absolute.duckdb";
    let path = file_path(location, "DuckDB", forms)?;
    if path.starts_with("md:") || path.starts_with("motherduck:") {
        return Err(invalid("a DuckDB URL names a file, not a service").with_hint(forms));
    }
    query.refuse_unknown("DuckDB", &[])?;
    Ok(Target::DuckDb(DuckDbTarget { path: PathBuf::from(path) }))
}

/// The path of an embedded file: what follows three slashes.
fn file_path<'a>(location: &'a str, store: &str, forms: &'static str) -> Result<&'a str> {
    let in_memory = || {
        invalid(format!("the {store} URL names no file"))
            .with_hint(format!("for a store in memory, which is not {store}'s, use `memory:`"))
    };
    match location.strip_prefix("///") {
        Some("" | ":memory:") => Err(in_memory()),
        Some(path) => Ok(path),
        None => {
            let path = location.trim_start_matches('/');
            if path.is_empty() || path == ":memory:" {
                return Err(in_memory());
            }
            let error = invalid(format!("a {store} URL has three slashes before its path, and no host"));
            Err(match url_of_path(path) {
                Some((of, url)) if of == store => {
                    error.with_hint(format!("`{url}` is relative; an absolute path makes a fourth slash"))
                }
                _ => error.with_hint(forms),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite_of(text: &str) -> SqliteTarget {
        match DatabaseUrl::parse(text).unwrap().target {
            Target::Sqlite(target) => target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sqlite_paths_are_relative_with_three_slashes_and_absolute_with_four() {
        for (text, path) in [
            ("sqlite:///charter.db", "charter.db"),
            ("sqlite:////var/lib/charter.db", "/var/lib/charter.db"),
            ("SQLite:///./a b.db", "./a b.db"),
            ("  sqlite+aiosqlite:///x#1;2.db\n", "x#1;2.db"),
            ("sqlite:///C:/data/x.db", "C:/data/x.db"),
            // As in SQLAlchemy, the path is not percent-decoded.
            ("sqlite:///a%20b.db", "a%20b.db"),
        ] {
            let target = sqlite_of(text);
            assert_eq!(target.path, Path::new(path), "{text}");
            assert_eq!(target.synchronous, Synchronous::Full);
        }
        assert_eq!(sqlite_of("sqlite:///x.db?synchronous=Normal").synchronous, Synchronous::Normal);
        assert_eq!(
            DatabaseUrl::parse("sqlite:////x.db?synchronous=normal").unwrap().to_string(),
            "sqlite:////x.db?synchronous=normal"
        );
    }

    #[test]
    fn duckdb_paths_follow_the_same_rules() {
        for (text, path) in [
            ("duckdb:///charter.duckdb", "charter.duckdb"),
            ("DuckDB:////var/lib/a%20b.duckdb", "/var/lib/a%20b.duckdb"),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!((url.file(), url.is_embedded()), (Some(Path::new(path)), true));
            assert_eq!(url.to_string(), format!("duckdb:///{path}"));
        }
        for (text, word) in [
            ("duckdb:///x.duckdb?threads=4", "parameter"),
            ("duckdb:///md:sales", "not a service"),
            ("duckdb+x:///a.duckdb", "driver"),
            ("duckdb://host/a", "three slashes"),
        ] {
            let error = DatabaseUrl::parse(text).unwrap_err();
            assert!(error.message().contains(word), "{text}: {error:?}");
            assert!(error.hint().is_some(), "{text}");
        }
    }

    #[test]
    fn relative_paths_resolve_against_a_folder() {
        let resolve = |text: &str| DatabaseUrl::parse(text).unwrap().relative_to(Path::new("/srv/app")).to_string();
        assert_eq!(resolve("sqlite:///./data/x.db"), "sqlite:////srv/app/data/x.db");
        assert_eq!(resolve("sqlite:////data/x.db"), "sqlite:////data/x.db");
        assert_eq!(resolve("duckdb:///data/x.duckdb"), "duckdb:////srv/app/data/x.duckdb");
        assert_eq!(resolve("memory:"), "memory:");
        assert_eq!(
            resolve("postgresql://db/x?sslrootcert=ca.pem"),
            "postgresql://db/x?sslrootcert=%2Fsrv%2Fapp%2Fca.pem"
        );
    }

    #[test]
    fn memory_is_named_where_sqlite_in_memory_was_meant() {
        assert_eq!(DatabaseUrl::parse("memory:").unwrap(), DatabaseUrl::parse("memory://").unwrap());
        for text in ["sqlite://", "sqlite:///", "sqlite:", "sqlite:///:memory:", "sqlite:///:memory:?cache=shared"]
            .into_iter()
            .chain(["duckdb:", "duckdb://", "duckdb:///", "duckdb:///:memory:", "duckdb::memory:"])
        {
            let error = DatabaseUrl::parse(text).unwrap_err();
            assert!(error.hint().unwrap().contains("`memory:`"), "{text}: {error:?}");
        }
        assert_eq!(DatabaseUrl::parse("memory:x").unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn a_bare_path_is_answered_with_its_url() {
        for (text, url) in [
            ("charter.db", "`sqlite:///charter.db`"),
            ("./x.db", "`sqlite:///./x.db`"),
            ("/var/x.sqlite3", "`sqlite:////var/x.sqlite3`"),
            ("C:\\x.db", "`sqlite:///C:\\x.db`"),
            ("sqlite:x.db", "`sqlite:///x.db`"),
            ("sqlite://x.db", "`sqlite:///x.db`"),
            ("x.duckdb", "`duckdb:///x.duckdb`"),
            ("duckdb:x.duckdb", "`duckdb:///x.duckdb`"),
        ] {
            let error = DatabaseUrl::parse(text).unwrap_err();
            assert!(error.hint().unwrap().contains(url), "{text}: {error:?}");
        }
    }

    #[test]
    fn stores_to_come_are_unsupported_and_wrong_schemes_invalid() {
        for text in ["redb:///x", "mongodb+srv://u:pw@h/d", "redis://h"] {
            assert_eq!(DatabaseUrl::parse(text).unwrap_err().kind(), ErrorKind::Unsupported, "{text}");
        }
        for (text, word) in [
            ("postgress://h/d", "`postgres:`"),
            ("sqlit:///x", "`sqlite:`"),
            ("duckbd:///x", "`duckdb:`"),
            ("mysql://h", "sqlite"),
        ] {
            let error = DatabaseUrl::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.hint().unwrap().contains(word), "{error:?}");
        }
    }

    #[test]
    fn unknown_parameters_are_errors_that_list_the_known() {
        let error = DatabaseUrl::parse("sqlite:///x.db?syncronous=normal").unwrap_err();
        assert!(error.message().contains("`syncronous`"), "{error:?}");
        assert!(error.hint().unwrap().contains("synchronous"), "{error:?}");
        let error = DatabaseUrl::parse("postgresql://h/d?token=hunter2").unwrap_err();
        assert!(error.hint().unwrap().contains("sslmode"), "{error:?}");
        for text in [
            "sqlite:///x.db?synchronous=off",
            "sqlite:///x?synchronous",
            "sqlite:///x?synchronous=full&synchronous=full",
        ] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
