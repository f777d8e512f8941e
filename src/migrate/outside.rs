//! What is not run where migrations are only tried: statements that do something outside of the database that they run in,
//! and those that fail for want of them.

use super::absent::{Absent, word_set};
use super::script::Script;
use super::set::{Migration, MigrationSet};
use super::steps::words;
use crate::engine::{Engine, OUTSIDE};
use crate::error::{Error, ErrorKind, Position, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The statements of a set that a throw-away database does without.
///
/// SQLite and DuckDB in memory refuse by themselves what reaches outside. A server does not: what the text shows is never
/// given to it, and what a transaction turns out to have changed of the server is undone.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    /// By file and place.
    files: BTreeMap<PathBuf, BTreeMap<Position, Error>>,
    /// Whatever may be a name in them, but for those that only write rows or take something away.
    words: BTreeSet<String>,
    /// The same of those that make or change something.
    made: BTreeSet<String>,
    /// Whether a role that the server lacks is an error of the statement, which somebody else judges.
    needs_roles: bool,
}

impl LeftOut {
    /// What the texts of a set show.
    pub(crate) fn of(set: &MigrationSet, engine: Engine) -> Self {
        let mut left_out = Self::default();
        if engine != Engine::Postgres {
            return left_out;
        }
        let mut routines = BTreeSet::new();
        let scripts = set.migrations().iter().flat_map(|migration| sides(migration, engine));
        for script in scripts {
            for statement in script.statements(engine) {
                routines.extend(routine_outside(statement.text));
                let calls = || !is_of_routine(statement.text) && !word_set(statement.text).is_disjoint(&routines);
                if reaches_outside(statement.text) || (!routines.is_empty() && calls()) {
                    left_out.add(script, statement.position, statement.text, Error::new(ErrorKind::Refused, OUTSIDE));
                }
            }
        }
        left_out
    }

    /// The same, where a statement that names a role which the server lacks is not left out, but fails.
    pub(crate) fn with_roles(self, needs_roles: bool) -> Self {
        Self { needs_roles, ..self }
    }

    /// Whether the statement at a place of a file is left out.
    pub(super) fn has(&self, file: &Path, position: Position) -> bool {
        self.files.get(file).is_some_and(|places| places.contains_key(&position))
    }

    fn add(&mut self, script: &Script, position: Position, text: &str, error: Error) {
        let said = words(text, Engine::Postgres);
        match said.first().map(String::as_str) {
            Some("insert" | "update" | "delete" | "copy" | "drop") => {}
            Some("create" | "alter") => {
                self.words.extend(word_set(text));
                self.made.extend(word_set(text));
            }
            _ => self.words.extend(word_set(text)),
        }
        let error = error.at(script.file(), Some(position));
        self.files.entry(script.file().to_owned()).or_default().insert(position, error);
    }

    /// Leaves out, from here on, the statement at which an error has its place, if it reaches outside, or if it may have
    /// failed for want of what was left out before it.
    ///
    /// # Errors
    /// The error, if it is none of that.
    pub(crate) fn take(&mut self, set: &MigrationSet, engine: Engine, error: Error) -> Result<()> {
        let Some((migration, script, position, text)) = failed(set, engine, &error) else { return Err(error) };
        let follows = || {
            let up = migration.up(engine).file();
            let before = self.files.get(script.file()).is_some_and(|places| places.range(..position).next().is_some());
            let name = Absent::read(engine, &error, text).map(|absent| absent.last_name());
            before
                || (script.file() != up && self.files.contains_key(up))
                || name.is_some_and(|name| self.words.contains(&name))
        };
        let is_for_want = error.kind() == ErrorKind::Backend && !is_of_statement(&error) && follows();
        // Roles are made outside of every database, by whoever has the server.
        let lacks_role = || !self.needs_roles && engine == Engine::Postgres && is_of_role(&error, text);
        if self.has(script.file(), position) || !(is_outside(&error) || is_for_want || lacks_role()) {
            return Err(error);
        }
        let message = match (is_outside(&error), is_for_want) {
            (true, _) => error.message().to_owned(),
            (false, true) => format!("it needs what was not tried: {}", error.message()),
            (false, false) => format!("it needs what only the server has: {}", error.message()),
        };
        self.add(script, position, text, Error::new(error.kind(), message));
        Ok(())
    }

    /// Whatever may be a name of what would have been made or changed, in small letters.
    pub(crate) fn made(&self) -> &BTreeSet<String> {
        &self.made
    }

    /// Why the statements of a migration were left out, up and down, with their places.
    pub(crate) fn of_migration<'a>(
        &'a self,
        migration: &'a Migration,
        engine: Engine,
    ) -> impl Iterator<Item = &'a Error> {
        sides(migration, engine).filter_map(|side| self.files.get(side.file())).flat_map(BTreeMap::values)
    }
}

fn sides(migration: &Migration, engine: Engine) -> impl Iterator<Item = &Script> {
    [Some(migration.up(engine)), migration.down(engine)].into_iter().flatten()
}

/// The statement of a set at which an error has its place.
fn failed<'s>(
    set: &'s MigrationSet,
    engine: Engine,
    error: &Error,
) -> Option<(&'s Migration, &'s Script, Position, &'s str)> {
    let location = error.location()?;
    let position = location.position?;
    let mut sides =
        set.migrations().iter().flat_map(|migration| sides(migration, engine).map(move |side| (migration, side)));
    let (migration, script) = sides.find(|(_, side)| side.file() == location.file)?;
    let text = script.statements(engine).into_iter().find(|statement| statement.position == position)?.text;
    Some((migration, script, position, text))
}

/// Whether an error is that something outside of a throw-away database would have been changed.
fn is_outside(error: &Error) -> bool {
    error.message().starts_with(OUTSIDE)
}

/// Whether an error is that a statement gives something to a role, or takes it from one, that does not exist.
fn is_of_role(error: &Error, statement: &str) -> bool {
    let Some(role) = Absent::read(Engine::Postgres, error, statement).and_then(Absent::into_any) else { return false };
    let said = words(statement, Engine::Postgres);
    let is_role = |word: &String| word.trim_matches('"') == role;
    let before = |words: &[&str]| said.windows(2).any(|two| words.contains(&two[0].as_str()) && is_role(&two[1]));
    let within = |words: &[&str]| {
        let list = said.iter().rposition(|word| words.contains(&word.as_str())).and_then(|place| said.get(place..));
        list.is_some_and(|list| list.iter().any(is_role))
    };
    match said.first().map(String::as_str) {
        Some("grant" | "revoke") => within(&["to", "from"]),
        Some("alter") if said.get(1).is_some_and(|what| what == "default") => {
            within(&["to", "from"]) || before(&["role", "user", ","])
        }
        Some("alter" | "create") => before(&["to", "authorization", ","]) && error.message().contains("role"),
        Some("set" | "do") => error.message().contains("role"),
        _ => false,
    }
}

/// Whether an error is the statement's own, whatever else was left out.
fn is_of_statement(error: &Error) -> bool {
    let said = ["already exists", "syntax error", "Parser Error", "SQLSTATE 42601", "SQLSTATE 42P07"];
    said.iter().any(|said| error.message().contains(said))
}

/// Whether a text shows that a statement changes something outside of its database: files, the server and what else runs
/// there, other servers.
fn reaches_outside(statement: &str) -> bool {
    let said = words(statement, Engine::Postgres);
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    match said.as_slice() {
        ["copy", rest @ ..] => rest.contains(&"to") || rest.contains(&"program"),
        // Of one role to another, or on what all databases share.
        ["grant" | "revoke", rest @ ..] => {
            let on = rest.iter().position(|word| *word == "on").and_then(|place| rest.get(place + 1));
            on.is_none_or(|what| ["database", "tablespace", "parameter"].contains(what))
        }
        ["reassign" | "drop", "owned", ..] => true,
        ["comment", "on", "role" | "database" | "tablespace", ..] => true,
        ["create" | "alter" | "drop", ..] if is_of_server(&said) => true,
        ["do", ..] => is_body_outside(statement),
        // What is only made calls nothing, unless it is made of rows.
        ["create", what, ..] if !["table", "temp", "temporary", "unlogged", "materialized"].contains(what) => false,
        ["alter" | "drop" | "comment", ..] => false,
        _ => calls_outside(&said.iter().map(|word| word.trim_matches('"').to_lowercase()).collect()),
    }
}

/// Whether words begin a statement about what all databases of a server share.
fn is_of_server(said: &[&str]) -> bool {
    match said {
        ["create" | "alter" | "drop", "user", "mapping", ..] => false,
        ["alter", "system", ..] => true,
        ["create" | "alter" | "drop", what, ..] => {
            ["role", "user", "group", "database", "tablespace", "subscription"].contains(what)
        }
        _ => false,
    }
}

/// Whether a body of statements may run one that reaches outside; what it puts together shows in its parts.
fn is_body_outside(text: &str) -> bool {
    let lower = text.to_lowercase();
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let said: Vec<&str> = lower.split(|letter| !is_part(letter)).filter(|word| !word.is_empty()).collect();
    let copies = said.iter().position(|word| *word == "copy");
    // The database that it runs in is thrown away with what is set for it.
    let is_own = said.contains(&"current_database");
    let of_server = |place: usize| match &said[place..] {
        [_, "database", ..] if is_own => false,
        ["on", "database" | "tablespace", ..] => true,
        rest => is_of_server(rest),
    };
    (0..said.len()).any(of_server)
        || copies.is_some_and(|place| said[place..].iter().any(|word| ["to", "program"].contains(word)))
        || calls_outside(&word_set(text))
}

/// Whether something is called that writes files, ends what others do, or asks another server.
fn calls_outside(words: &BTreeSet<String>) -> bool {
    words.iter().any(|word| {
        ["dblink", "pg_file_", "pg_replication_origin_"].iter().any(|begin| word.starts_with(begin))
            || word.ends_with("_replication_slot")
            || [
                "lo_export",
                "pg_terminate_backend",
                "pg_cancel_backend",
                "pg_reload_conf",
                "pg_rotate_logfile",
                "pg_switch_wal",
                "pg_promote",
                "pg_create_restore_point",
            ]
            .contains(&word.as_str())
    })
}

/// Whether a statement makes or changes a function or a procedure, and calls none.
fn is_of_routine(statement: &str) -> bool {
    let said = words(statement, Engine::Postgres);
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    matches!(
        said.as_slice(),
        ["create" | "alter" | "drop", "function" | "procedure" | "routine", ..]
            | ["create", "or", "replace", "function" | "procedure", ..]
            | ["comment" | "grant" | "revoke", ..]
    )
}

/// The name of a function that a statement makes and that reaches outside when it is called, in small letters.
fn routine_outside(statement: &str) -> Option<String> {
    let said = words(statement, Engine::Postgres);
    let kind = said.iter().take(4).position(|word| word == "function" || word == "procedure")?;
    if said.first().is_none_or(|first| first != "create") || !is_body_outside(statement) {
        return None;
    }
    let arguments = said.iter().position(|word| word == "(").filter(|place| *place > kind)?;
    said.get(arguments - 1).map(|name| name.trim_matches('"').to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_outside_is_seen_in_the_text() {
        for statement in [
            "DROP ROLE reader",
            "CREATE DATABASE other",
            "ALTER SYSTEM SET a = 1",
            "GRANT reader TO writer",
            "GRANT CONNECT ON DATABASE shop TO reader",
            "REASSIGN OWNED BY a TO b",
            "COPY a TO '/tmp/a.csv'",
            "COPY a FROM PROGRAM 'date > /tmp/a'",
            "DO $$ BEGIN CREATE ROLE reader; END $$",
            "DO $x$ BEGIN IF NOT EXISTS (SELECT 1) THEN EXECUTE 'create user ' || quote_ident('a'); END IF; END $x$",
            "DO 'BEGIN EXECUTE ''COPY a TO PROGRAM ''''cat'''' ''; END'",
            "DO $$ BEGIN PERFORM dblink_exec('host=x', 'DELETE FROM a'); END $$",
            "DO $$ BEGIN EXECUTE 'GRANT CONNECT ON DATABASE shop TO reader'; END $$",
            "SELECT lo_export(1, '/tmp/a')",
            "SELECT * FROM public.dblink('x', 'SELECT 1') AS t (a int)",
            "SELECT pg_drop_replication_slot('a')",
            "CREATE TABLE a AS SELECT * FROM dblink('x', 'SELECT 1') AS t (a int)",
        ] {
            assert!(reaches_outside(statement), "{statement}");
        }
        for statement in [
            "COPY a FROM '/tmp/a.csv'",
            "CREATE USER MAPPING FOR a SERVER b",
            "DROP TABLE roles",
            "GRANT SELECT ON a TO reader",
            "DO $$ BEGIN ALTER TABLE a ADD COLUMN role TEXT; END $$",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO UTC', current_database()); END $$",
            "INSERT INTO notes VALUES ('create user and copy it to: dblink')",
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SELECT dblink_exec(1)'",
            "COMMENT ON COLUMN a.b IS 'see dblink'",
            "CREATE EXTENSION dblink",
            "CREATE VIEW v AS SELECT * FROM dblink('x', 'SELECT 1') AS t (a int)",
        ] {
            assert!(!reaches_outside(statement), "{statement}");
        }
    }

    #[test]
    fn what_fails_before_or_by_itself_is_not_left_out() {
        let text =
            "CREATE TABLE a (b BIGINT);\nCREATE ROLE reader;\nGRANT SELECT ON a TO reader;\nCREATE TABLE a (c BIGINT);";
        let set = MigrationSet::from_files("shop", [("V1__a.sql", text)]).unwrap();
        let take = |file: &str, line: usize, said: &str| {
            let error = Error::new(ErrorKind::Backend, said.to_owned()).at(file, Some(Position { line, column: 1 }));
            LeftOut::of(&set, Engine::Postgres).take(&set, Engine::Postgres, error).is_ok()
        };
        let absent = "PostgreSQL: role \"reader\" does not exist (SQLSTATE 42704)";
        assert!(take("V1__a.sql", 3, absent));
        assert!(!take("V1__a.sql", 1, "PostgreSQL: permission denied (SQLSTATE 42501)"));
        assert!(!take("V1__a.sql", 4, "PostgreSQL: relation \"a\" already exists (SQLSTATE 42P07)"));
    }

    #[test]
    fn a_role_that_the_server_lacks_is_not_the_statements_fault_unless_somebody_judges_that() {
        for (statement, said, is_role) in [
            ("GRANT SELECT ON a TO b, reader WITH GRANT OPTION", "role \"reader\" does not exist", true),
            ("REVOKE ALL ON a FROM \"Reader\"", "Rolle »Reader« existiert nicht", true),
            ("ALTER TABLE a OWNER TO reader", "role \"reader\" does not exist", true),
            ("CREATE POLICY p ON a TO b, reader", "role \"reader\" does not exist", true),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE reader GRANT SELECT ON TABLES TO b",
                "role \"reader\" does not exist",
                true,
            ),
            ("GRANT USAGE ON TYPE reader TO b", "type \"reader\" does not exist", false),
            ("ALTER TABLE a ALTER b TYPE reader", "type \"reader\" does not exist", false),
            ("DROP ROLE reader", "role \"reader\" does not exist", false),
        ] {
            let set = MigrationSet::from_files("shop", [("V1__a.sql", statement)]).unwrap();
            let error = || {
                Error::new(ErrorKind::Backend, format!("PostgreSQL: {said} (SQLSTATE 42704)"))
                    .at("V1__a.sql", Some(Position { line: 1, column: 1 }))
            };
            let mut left_out = LeftOut::default();
            assert_eq!(left_out.take(&set, Engine::Postgres, error()).is_ok(), is_role, "{statement}");
            let mut left_out = LeftOut::default().with_roles(true);
            assert!(left_out.take(&set, Engine::Postgres, error()).is_err(), "{statement}");
        }
    }

    #[test]
    fn what_calls_a_function_that_reaches_outside_is_left_out_too() {
        let text = "CREATE FUNCTION app.\"Out\"(a int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN \
                    EXECUTE 'COPY t TO PROGRAM ''cat'''; END $$;\nSELECT 1;\nSELECT app.\"Out\"(1);\nDROP FUNCTION app.\"Out\";";
        let set = MigrationSet::from_files("shop", [("V1__a.sql", text)]).unwrap();
        let left_out = LeftOut::of(&set, Engine::Postgres);
        let told: Vec<String> =
            left_out.of_migration(&set.migrations()[0], Engine::Postgres).map(ToString::to_string).collect();
        assert_eq!(told, [format!("V1__a.sql:3:1: {OUTSIDE}")]);
    }
}
