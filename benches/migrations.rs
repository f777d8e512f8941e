//! Applying migrations against the raw engine that runs the same statements and writes the same rows of history and audit,
//! one commit for each migration; and what asking for them and judging them takes.
//!
//! `CHARTER_TEST_POSTGRES_BIN=/usr/lib/postgresql/15/bin cargo bench --bench migrations`. The server is a throw-away one
//! with fsync and synchronous_commit on; SQLite files are in WAL mode with synchronous=FULL on both sides. Both sides send
//! one statement at a time over one connection that is opened on the clock. The environment is dev: the statements are judged
//! by the safety rules, which the raw side has not.

mod compare;
mod server;

use charter::config::{DatabaseUrl, Environment};
use charter::migrate::{MigrationManager, MigrationSet, Revision, UpgradeOptions};
use compare::{compare, heading, limit, timed};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use server::Server;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const MIGRATIONS: usize = 200;
const APPLIED: usize = 1000;
const LINTED: usize = 1000;

/// The statements of one migration.
fn statements(number: usize) -> [String; 3] {
    [
        format!("CREATE TABLE item_{number} (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, note TEXT)"),
        format!("CREATE INDEX item_{number}_name ON item_{number} (name)"),
        format!("INSERT INTO item_{number} (id, name) VALUES (1, 'one'), (2, 'two')"),
    ]
}

/// Writes a folder of migrations.
fn write(folder: &Path, count: usize) {
    std::fs::create_dir_all(folder).expect("a folder");
    for number in 1..=count {
        let up = statements(number).map(|statement| statement + ";\n").concat();
        std::fs::write(folder.join(format!("V{number}__item_{number}.sql")), up).expect("a file");
        let down = format!("DROP TABLE item_{number};\n");
        std::fs::write(folder.join(format!("V{number}__item_{number}.down.sql")), down).expect("a file");
    }
}

/// A file of what changes tables that are in use, in the forms that the rules let pass.
fn change(number: usize) -> String {
    format!(
        "SET lock_timeout = '2s';\nSET statement_timeout = '1min';\n\
         ALTER TABLE orders ADD COLUMN IF NOT EXISTS note_{number} TEXT;\n\
         ALTER TABLE orders ADD CONSTRAINT total_{number} CHECK (total > {number}) NOT VALID;\n\
         CREATE TABLE IF NOT EXISTS item_{number} (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);\n\
         CREATE INDEX CONCURRENTLY item_{number}_name ON item_{number} (name);\n\
         UPDATE orders SET note_{number} = 'none' WHERE id BETWEEN 1 AND 1000 AND note_{number} IS NULL;\n"
    )
}

/// The rows that charter writes with a migration, into tables like its own.
fn rows(number: usize) -> [String; 2] {
    [
        format!(
            "INSERT INTO raw_history (version, name, applied_on, checksum) \
             VALUES ({number}, 'item_{number}', '2030-01-31T12:00:00.123456789Z', '12345678901234567890')"
        ),
        format!(
            "INSERT INTO raw_audit (entry, version, name, action, happened_at, checksum, actor, host, program, environment, \
             duration_ms, statements) SELECT COALESCE(MAX(entry), 0) + 1, {number}, 'item_{number}', 'applied', \
             '2030-01-31T12:00:00.123456789Z', '12345678901234567890', 'somebody', 'somewhere', '0.1.0', 'dev', 3, 3 \
             FROM raw_audit"
        ),
    ]
}

const TABLES: [&str; 2] = [
    "CREATE TABLE raw_history (version BIGINT PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))",
    "CREATE TABLE raw_audit (entry BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, name TEXT NOT NULL, \
     action TEXT NOT NULL, happened_at TEXT NOT NULL, checksum TEXT, actor TEXT NOT NULL, host TEXT NOT NULL, \
     program TEXT NOT NULL, environment TEXT NOT NULL, duration_ms BIGINT NOT NULL, statements BIGINT NOT NULL, \
     allowed TEXT, detail TEXT)",
];

/// Runs everything through one function that runs a statement.
fn raw(mut run: impl FnMut(&str)) {
    for table in TABLES {
        run(table);
    }
    for number in 1..=MIGRATIONS {
        run("BEGIN");
        for statement in statements(number) {
            run(&statement);
        }
        for row in rows(number) {
            run(&row);
        }
        run("COMMIT");
    }
}

const ENVIRONMENTS: [Environment; 3] = [Environment::Dev, Environment::Staging, Environment::Prod];

/// A manager of a database that has charter's own tables already.
fn manager(url: &str, folder: &Path, environment: Environment) -> MigrationManager {
    let url = DatabaseUrl::parse(url).expect("a URL");
    let own = MigrationManager::of(url.clone()).with_environment(environment);
    own.run_migrations("head").expect("charter's tables");
    let set = MigrationSet::from_directory("shop", folder).expect("a set");
    MigrationManager::of(url).with_set(set).with_environment(environment)
}

fn upgrade(manager: &MigrationManager) -> Duration {
    let options =
        UpgradeOptions { set: Some("shop".to_owned()), revision: Revision::Head, ..UpgradeOptions::default() };
    let (time, done) = timed(|| manager.upgrade(&options, &mut |_| {}).expect("applied"));
    assert_eq!(done.len(), MIGRATIONS);
    time
}

fn main() {
    let folder = TempDir::new().expect("a folder");
    let (few, many) = (folder.path().join("few"), folder.path().join("many"));
    write(&few, MIGRATIONS);
    write(&many, APPLIED);

    heading("SQLite, WAL, synchronous=FULL");
    let mut count = 0;
    let mut fresh = || {
        count += 1;
        folder.path().join(format!("{count}.db"))
    };
    let mut fresh_raw = {
        let mut count = 0;
        let folder = folder.path().to_owned();
        move || {
            count += 1;
            folder.join(format!("raw-{count}.db"))
        }
    };
    for environment in ENVIRONMENTS {
        compare(
            &format!("{MIGRATIONS} migrations, {environment}"),
            1.3,
            &mut || upgrade(&manager(&format!("sqlite:///{}", fresh().display()), &few, environment)),
            &mut || {
                let path = fresh_raw();
                timed(|| {
                    let connection = rusqlite::Connection::open(path).expect("a file");
                    connection
                        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
                        .expect("settings");
                    raw(|statement| connection.execute_batch(statement).expect(statement));
                })
                .0
            },
        );
    }

    heading("PostgreSQL, fsync on, synchronous_commit on");
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connect = |url: &str| {
        let url = url.to_owned();
        runtime.block_on(async move {
            let (client, connection) =
                tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client
        })
    };
    let admin = connect(server.url());
    let number = std::cell::Cell::new(0);
    let database = || {
        number.set(number.get() + 1);
        let name = format!("bench_{}", number.get());
        runtime.block_on(admin.batch_execute(&format!("CREATE DATABASE {name}"))).expect("a database");
        server.database(&name)
    };
    for environment in ENVIRONMENTS {
        let charters = &mut || upgrade(&manager(&database(), &few, environment));
        compare(&format!("{MIGRATIONS} migrations, {environment}"), 1.3, charters, &mut || {
            let url = database();
            timed(|| {
                let client = connect(&url);
                raw(|statement| runtime.block_on(client.batch_execute(statement)).expect(statement));
            })
            .0
        });
    }

    println!("\nThe program");
    println!("{:<58} {:>12} {:>12}", "", "charter", "wanted");
    let url = format!("sqlite:///{}", folder.path().join("applied.db").display());
    let applied = manager(&url, &many, Environment::Dev);
    applied.stamp(None, &Revision::Head, None, &mut |_| {}).expect("stamped");
    std::fs::write(
        folder.path().join("charter.cfg"),
        format!("[database]\nsql_alchemy_conn = {url}\n[migrations]\ndir = many\nname = shop\n"),
    )
    .expect("a configuration");
    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_charter"));
        command.args(arguments).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::inherit());
        assert!(command.status().expect("the program").success(), "{arguments:?}");
    };
    limit(&format!("pending on {APPLIED} applied migrations, CPU"), Duration::from_millis(30), &mut || {
        let before = cpu();
        program(&["db", "pending"]);
        cpu() - before
    });
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    for number in 1..=LINTED {
        std::fs::write(files.join(format!("{number:04}.sql")), change(number)).expect("a file");
    }
    limit(&format!("lint of {LINTED} files"), Duration::from_secs(2), &mut || {
        timed(|| program(&["db", "lint", "files"])).0
    });
}

/// The CPU that the programs have used which were started here.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system knows");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
