//! charter in another program's database: whatever is done, that program's tables stay as they are.

use super::super::BOOK;
use super::project::shop;
use crate::support::{Sandbox, postgres};

const HOST: &str = "CREATE TABLE \"Users\" (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL);
    CREATE TABLE schema_history (version INTEGER);
    CREATE INDEX users_by_name ON \"Users\" (name);
    CREATE VIEW names AS SELECT name FROM \"Users\";
    INSERT INTO \"Users\" VALUES (1, 'ada'), (2, 'bob');
    INSERT INTO schema_history VALUES (7);";

/// Every verb that changes something, and what must not matter to it.
const CHANGES: [&[&str]; 10] = [
    &["db", "init"],
    &["put", "book.yaml"],
    &["db", "downgrade", "-1"],
    &["db", "upgrade"],
    &["db", "seed", "seeds"],
    &["db", "truncate"],
    &["db", "downgrade", "base"],
    &["db", "downgrade", "base", "--set", "charter"],
    &["db", "init", "--force"],
    &["db", "upgrade"],
];

fn change(sandbox: &Sandbox, url: &str, name: &str, check: &dyn Fn(&[&str])) {
    sandbox.write("book.yaml", BOOK);
    sandbox.write("seeds/owners.yaml", "- ada\n");
    for arguments in CHANGES {
        let mut all = arguments.to_vec();
        all.extend(["--db", url]);
        if ["truncate", "downgrade"].contains(&arguments[1]) {
            all.extend(["--confirm", name]);
        }
        sandbox.run(&all).success();
        check(arguments);
    }
}

#[test]
fn a_shared_file_keeps_its_tables() {
    let sandbox = shop();
    let file = rusqlite::Connection::open(sandbox.path("host.db")).expect("a file");
    file.execute_batch(HOST).expect("the host's tables");
    let host = || -> Vec<String> {
        let mut found = Vec::new();
        let mut statement = file
            .prepare(
                "SELECT sql FROM sqlite_schema WHERE name IN ('Users', 'schema_history', 'users_by_name', 'names') \
                 UNION ALL SELECT id || name FROM \"Users\" UNION ALL SELECT version FROM schema_history",
            )
            .expect("a query");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            found.push(format!("{:?}", row.get_ref(0).expect("a value")));
        }
        found
    };
    let before = host();
    assert_eq!(before.len(), 7);
    change(&sandbox, &sandbox.sqlite_url("host.db"), "host.db", &|arguments| {
        assert_eq!(host(), before, "{arguments:?}")
    });
    let mode: String = file.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "delete", "the journal is the host's");
}

#[test]
fn a_shared_database_on_a_server_keeps_its_tables() {
    let (sandbox, database) = (shop(), postgres::database());
    database.execute(HOST);
    // The names of charter's own tables and views, in the host's schema.
    database.execute("CREATE TABLE schemas (id INTEGER); CREATE TABLE charter_records (id INTEGER); INSERT INTO charter_records VALUES (1)");
    let host = || {
        database.query(
            "SELECT c.oid::text, c.relname, c.relfilenode::text FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace
             UNION ALL SELECT u.id::text, u.name, u.xmin::text FROM public.\"Users\" AS u UNION ALL SELECT r.id::text, '', r.xmin::text FROM public.charter_records AS r
             ORDER BY 1, 2",
        )
    };
    let before = host();
    change(&sandbox, database.url(), database.name(), &|arguments| assert_eq!(host(), before, "{arguments:?}"));
}

/// A schema of charter's name that has nothing of charter's is as good as none.
#[test]
fn a_schema_called_charter_can_be_another_programs() {
    let (sandbox, database) = (shop(), postgres::database());
    database.execute(
        "CREATE SCHEMA charter; CREATE TABLE charter.invoices (id INTEGER); INSERT INTO charter.invoices VALUES (1)",
    );
    sandbox.run(&["db", "init", database.url()]).success();
    sandbox.run(&["db", "stamp", "base", database.url(), "--set", "charter"]).success();
    sandbox.run(&["db", "init", database.url()]).exit(4);
    sandbox.run(&["db", "init", database.url(), "--force"]).success();
    let down = ["db", "downgrade", "base", database.url(), "--set", "charter", "--confirm", database.name()];
    sandbox.run(&down).success();
    assert_eq!(database.query("SELECT id::text FROM charter.invoices"), [[Some("1".to_owned())]]);
}

#[test]
fn a_table_of_another_program_that_has_the_name_of_the_history_is_told() {
    for table in ["charter_schema_history", "charter_schema_audit", "charter_schema_version"] {
        let (sandbox, database) = (Sandbox::new(), postgres::database());
        let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("a file");
        file.execute_batch(&format!("CREATE TABLE {table} (note TEXT)")).expect("a table");
        database.execute(&format!("CREATE SCHEMA charter; CREATE TABLE charter.{table} (note TEXT)"));
        for url in ["sqlite:///charter.db", database.url()] {
            for verb in ["current", "init", "truncate"] {
                let failed = sandbox.run(&["db", verb, url]).exit(1);
                assert!(failed.stderr.contains(&format!("the table {table} is not as charter makes it")), "{failed}");
                assert!(failed.stderr.contains("hint: if another program made it"), "{failed}");
            }
        }
    }
}

/// A host's row that refers to one of charter's keeps that from going, even if the host asked for it to be taken along.
#[test]
fn a_hosts_reference_keeps_what_it_refers_to() {
    let sandbox = shop();
    sandbox.write("book.yaml", BOOK);
    sandbox.run(&["put", "book.yaml"]).success();
    let reference = |digest: &str| {
        format!(
            "CREATE TABLE likes (digest TEXT NOT NULL REFERENCES {digest} (digest) ON DELETE CASCADE);
             INSERT INTO likes SELECT digest FROM {digest} LIMIT 1"
        )
    };
    let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("a file");
    file.execute_batch(&reference("charter_records")).expect("a reference");
    let failed = sandbox.run(&["db", "truncate", "--yes"]).exit(1);
    assert!(failed.stderr.contains("nothing was changed") && failed.stderr.contains("likes"), "{failed}");
    let count = |table: &str| -> i64 {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a number")
    };
    assert_eq!((count("likes"), count("charter_records")), (1, 7));

    let database = postgres::database();
    let url = database.url();
    sandbox.run(&["db", "init", url, "--env", "dev"]).success();
    sandbox.run(&["put", "book.yaml", "--db", url]).success();
    database.execute(&reference("charter.charter_records"));
    let failed = sandbox.run(&["db", "truncate", url, "--yes"]).exit(1);
    assert!(failed.stderr.contains("nothing was changed") && failed.stderr.contains("foreign key"), "{failed}");
    let counts = database.query("SELECT (SELECT count(*) FROM likes), (SELECT count(*) FROM charter.charter_records)");
    assert_eq!(counts, [[Some("1".to_owned()), Some("7".to_owned())]]);
}

#[test]
fn verbs_that_read_make_nothing() {
    let sandbox = shop();
    sandbox.write("empty.db", "");
    for verb in [
        &["current"][..],
        &["history"],
        &["history", "--verbose"],
        &["pending"],
        &["validate"],
        &["info"],
        &["downgrade", "base", "--sql"],
        &["upgrade", "--sql"],
    ] {
        for url in ["sqlite:///missing.db", "sqlite:///empty.db"] {
            let arguments = [&["db"], verb, &[url]].concat();
            let output = sandbox.run(&arguments);
            let code = match url {
                "sqlite:///empty.db" if verb == ["info"] => 4,
                "sqlite:///empty.db" => 0,
                _ => i32::from(verb != ["upgrade", "--sql"]),
            };
            assert_eq!(output.code(), Some(code), "{output}");
        }
    }
    assert_eq!(sandbox.files(), ["charter.cfg", "empty.db", "sql"]);
    assert_eq!(sandbox.read("empty.db"), "");
}
