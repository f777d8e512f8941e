//! Postgres for tests: a fresh database on the shared server, or a server of the test's own that can be crashed.
//!
//! `scripts/test` starts the shared server and names it in `CHARTER_TEST_POSTGRES_URL`; the programs for a server of
//! one's own are in `CHARTER_TEST_POSTGRES_BIN`. Nothing is skipped where they are missing: the test fails.

mod pooler;
mod proxy;

#[allow(unused_imports)]
pub(crate) use pooler::Pooler;
#[allow(unused_imports)]
pub(crate) use proxy::Proxy;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Rows of a simple query: each value as text, or `None` for null.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with scripts/test, which starts the Postgres server that they need")
    })
}

/// The folders of the programs of servers, one for each version to test with; the first is the shared server's.
///
/// # Panics
///
/// When there is none.
pub(crate) fn programs() -> Vec<String> {
    variable("CHARTER_TEST_POSTGRES_BIN").split(':').map(str::to_owned).collect()
}

/// A fresh, empty database on the shared server.
///
/// # Panics
///
/// When there is no shared server.
pub(crate) fn database() -> Database {
    Database::create(&variable("CHARTER_TEST_POSTGRES_URL"))
}

/// Runs SQL text, of one or more statements, over a connection of its own, and gives all their rows. Works inside a
/// runtime too.
///
/// # Panics
///
/// When the server cannot be reached or refuses the SQL.
#[track_caller]
pub(crate) fn query(url: &str, sql: &str) -> Rows {
    try_query(url, sql).unwrap_or_else(|error| panic!("{error}\nin: {sql}"))
}

/// Runs what the server refuses.
#[track_caller]
pub(crate) fn refused(url: &str, sql: &str) {
    try_query(url, sql).expect_err(sql);
}

fn try_query(url: &str, sql: &str) -> Result<Rows, String> {
    // On a thread of its own, because a runtime cannot be entered from within another.
    std::thread::scope(|scope| {
        scope.spawn(|| run(url, sql).map_err(|error| describe(error.as_ref()))).join().expect("no panic in a query")
    })
}

fn run(url: &str, sql: &str) -> Result<Rows, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(sql).await?;
        drop(client);
        connection.await??;
        Ok(messages.iter().filter_map(values).collect())
    })
}

fn values(message: &SimpleQueryMessage) -> Option<Vec<Option<String>>> {
    match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    }
}

/// The error with its sources: tokio-postgres says only "db error" at the top.
fn describe(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A connection that stays, for transactions that stand in somebody's way.
pub(crate) struct Session {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Session {
    /// Connects.
    #[track_caller]
    pub(crate) fn open(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    /// Runs SQL text, of one or more statements, and gives all their rows.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Rows {
        let messages = self.runtime.block_on(self.client.simple_query(sql));
        let messages = messages.unwrap_or_else(|error| panic!("{}\nin: {sql}", describe(&error)));
        messages.iter().filter_map(values).collect()
    }

    /// The SQLSTATE with which SQL text is refused, if it is.
    #[track_caller]
    pub(crate) fn refusal(&self, sql: &str) -> Option<String> {
        let error = self.runtime.block_on(self.client.simple_query(sql)).err()?;
        Some(error.code().unwrap_or_else(|| panic!("{}\nin: {sql}", describe(&error))).code().to_owned())
    }
}

/// `url` with another database.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let (server, _) = address.rsplit_once('/').expect("the URL of a server names a database");
    let parameters = parameters.map(|parameters| format!("?{parameters}")).unwrap_or_default();
    format!("{server}/{database}{parameters}")
}

/// A database with a random name; dropped with the value, whoever is connected to it.
pub(crate) struct Database {
    server_url: String,
    name: String,
    url: String,
}

impl Database {
    fn create(server_url: &str) -> Self {
        let name = format!("charter_test_{}", uuid::Uuid::new_v4().simple());
        query(server_url, &format!("CREATE DATABASE {name}"));
        Self { server_url: server_url.to_owned(), url: with_database(server_url, &name), name }
    }

    /// Its URL, as the server's superuser.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its name: `charter_test_` and 32 hexadecimal digits.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is really in the server: the rows of SQL text, over a connection of its own.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Rows {
        query(&self.url, sql)
    }

    /// Runs SQL text whose rows do not matter.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        query(&self.url, sql);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that a test has crashed takes its databases along.
        let _ = try_query(&self.server_url, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// A server of the test's own. It is stopped and its folder removed when the value is dropped, and also when the process
/// of the test dies, even by kill -9.
pub(crate) struct Server {
    keeper: Child,
    /// `None` only while it is being dropped.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    /// Starts one, in about two seconds, with these settings over the usual ones: `fsync` is off unless it is `("fsync",
    /// "on")` here.
    ///
    /// # Panics
    ///
    /// When it does not start; the server's log is on standard error.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::of(&programs()[0], settings)
    }

    /// Starts one of a version, with the programs in a folder.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub(crate) fn of(programs: &str, settings: &[(&str, &str)]) -> Self {
        let mut keeper = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/throwaway-postgres"))
            .arg(programs)
            .args(settings.iter().map(|(name, value)| format!("{name}={value}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/throwaway-postgres");
        let commands = keeper.stdin.take();
        let answers = BufReader::new(keeper.stdout.take().expect("standard output is piped"));
        let mut server = Self { keeper, commands, answers, url: String::new() };
        server.url = server.answer("ready ");
        server
    }

    /// The URL of one of its databases, as its superuser; it stays the same over a restart. `"postgres"` always exists.
    pub(crate) fn url(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    /// A fresh, empty database.
    pub(crate) fn database(&self) -> Database {
        Database::create(&self.url)
    }

    /// A crash: SIGKILL to all of its processes. They are gone when this returns.
    pub(crate) fn kill(&mut self) {
        self.command("crash");
        self.answer("crashed");
    }

    /// Starts it again after [`kill`](Self::kill), and waits until it has recovered and takes connections.
    pub(crate) fn restart(&mut self) {
        self.command("start");
        self.answer("ready ");
    }

    fn command(&mut self, command: &str) {
        let mut commands = self.commands.as_ref().expect("the server has not been dropped");
        writeln!(commands, "{command}").expect("the server's keeper is alive");
    }

    /// The rest of the next line, which begins with `start`.
    fn answer(&mut self, start: &str) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the server's keeper answers in UTF-8");
        let rest = line.trim_end().strip_prefix(start.trim_end());
        rest.unwrap_or_else(|| panic!("expected {start:?} of the server's keeper: {line:?}")).trim_start().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.keeper.wait();
    }
}

#[test]
fn a_database_is_fresh_and_goes_away_whoever_is_connected() {
    let first = database();
    let second = database();
    first.execute("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)");
    let row = |a: &str, b: Option<&str>| vec![Some(a.to_owned()), b.map(str::to_owned)];
    assert_eq!(first.query("SELECT a, b FROM t ORDER BY a"), [row("1", Some("x")), row("2", None)]);
    assert_eq!(second.query("SELECT to_regclass('t')"), [[None]]);

    let url = first.url().to_owned();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    });
    drop(first);
    let error = try_query(&url, "SELECT 1").expect_err("the database is dropped");
    assert!(error.contains("does not exist"), "{error}");
    drop(client);
}

#[test]
fn a_query_works_inside_a_runtime() {
    let database = database();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(async { database.query("SELECT 1") }), [[Some("1".to_owned())]]);
}

#[test]
fn a_crashed_server_comes_back_with_what_it_had_committed() {
    let mut server = Server::start(&[("fsync", "on"), ("application_name", "the test's")]);
    let url = server.url("postgres");
    query(&url, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    server.kill();
    try_query(&url, "SELECT 1").expect_err("the server is dead");
    server.restart();
    let row = query(&url, "SELECT a, current_setting('fsync'), current_setting('application_name') FROM t");
    assert_eq!(row, [["1", "on", "the test's"].map(|value| Some(value.to_owned()))]);
}

/// The test runs itself in a second process, which is killed while it has a server.
#[test]
fn a_server_dies_with_the_process_of_its_test() {
    const IS_SECOND: &str = "CHARTER_TEST_IS_SECOND_PROCESS";
    if std::env::var_os(IS_SECOND).is_some() {
        let server = Server::start(&[]);
        eprintln!("ready {}", server.url("postgres"));
        std::thread::sleep(super::PATIENCE);
        return;
    }
    let mut second = Command::new(std::env::current_exe().expect("the path of this test"))
        .args(["--exact", "support::postgres::a_server_dies_with_the_process_of_its_test", "--nocapture"])
        .env(IS_SECOND, "yes")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test again");
    let mut lines = BufReader::new(second.stderr.take().expect("standard error is piped")).lines();
    let url = lines
        .find_map(|line| Some(line.expect("UTF-8").strip_prefix("ready ")?.to_owned()))
        .expect("the second process starts a server");
    let folder = query(&url, "SHOW data_directory")[0][0].clone().expect("a path");
    second.kill().expect("a child of this process");
    second.wait().expect("a child of this process");
    super::eventually("the end of the server", || try_query(&url, "SELECT 1").is_err());
    super::eventually("the removal of its folder", || {
        std::fs::metadata(&folder).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    });
}
