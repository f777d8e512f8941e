//! What people do by hand: statements to look at or run elsewhere, the history repaired, tables taken over, a set proven.

use super::super::SHORT_DIGESTS;
use super::project::shop;
use crate::support::{assert_output, eventually, postgres, terminal};
use rusqlite::Connection;

/// Everything that a SQLite file has, but for what differs from run to run: moments, durations, identities.
fn content(file: &Connection) -> Vec<String> {
    let mut found = Vec::new();
    for query in [
        "SELECT type || name || coalesce(sql, '') FROM sqlite_schema ORDER BY name",
        "SELECT version || name || checksum FROM charter_schema_history",
        "SELECT version || name || checksum FROM shop_schema_history",
        "SELECT version || action || environment || statements FROM shop_schema_audit",
        "SELECT version || description || minimum_program || environment FROM charter_schema_version",
        "SELECT singleton || epoch || sequence FROM charter_head",
    ] {
        let mut statement = file.prepare(query).expect(query);
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect(query);
        found.extend(rows.map(|row| row.expect(query)));
    }
    found
}

/// What is printed is what would run: a database on which it was run by hand is the one that charter would have made.
#[test]
fn printed_statements_do_what_the_verb_does() {
    let sandbox = shop();
    let sql = sandbox.run(&["db", "upgrade", "--sql"]).success().stdout;
    assert_eq!(sandbox.files(), ["charter.cfg", "sql"], "printing makes nothing");
    let by_hand = Connection::open(sandbox.path("by_hand.db")).expect("a file");
    by_hand.execute_batch(&sql).expect("statements that run");
    sandbox.run(&["db", "upgrade"]).success();
    let made = Connection::open(sandbox.path("charter.db")).expect("the database");
    assert_eq!(content(&by_hand), content(&made));
    let mode =
        |file: &Connection| file.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).expect("a mode");
    assert_eq!(mode(&by_hand), mode(&made));
    sandbox.run(&["db", "current", "sqlite:///by_hand.db", "--check"]).success();
    sandbox.run(&["db", "info", "sqlite:///by_hand.db"]).success();
    assert_eq!(sandbox.run(&["db", "upgrade", "--sql"]).success().stdout, "");

    let sql = sandbox.run(&["db", "downgrade", "base", "--sql"]).success().stdout;
    sandbox.run(&["db", "current", "--check"]).success();
    by_hand.execute_batch(&sql).expect("statements that run");
    sandbox.run(&["db", "downgrade", "base"]).success();
    assert_eq!(content(&by_hand), content(&made));
    let stamp = ["db", "stamp", "10", "--reason", "made by hand"];
    let sql = sandbox.run(&[&stamp[..], &["--sql"]].concat()).success().stdout;
    assert!(sandbox.run(&["db", "pending"]).success().stdout.contains("10 orders"), "printing records nothing");
    by_hand.execute_batch(&sql).expect("statements that run");
    sandbox.run(&stamp).success();
    assert_eq!(content(&by_hand), content(&made));
    assert_eq!(sandbox.run(&[&stamp[..], &["--sql"]].concat()).success().stdout, "");
    sandbox.run(&["db", "stamp", "base"]).success();
    let json = sandbox.run(&["db", "upgrade", "+1", "--sql", "--json"]).success().json();
    assert!(json["sql"].as_str().is_some_and(|sql| sql.contains("-- apply 10 orders") && !sql.contains("email")));
}

/// Runs statements as the sqlite3 program does with its input: an error is shown, and the next one runs.
pub(super) fn as_the_shell(file: &Connection, sql: &str) -> Vec<String> {
    let errors = sql.split_inclusive(";\n").filter_map(|statement| file.execute_batch(statement).err());
    errors.map(|error| error.to_string()).collect()
}

#[test]
fn printed_statements_keep_foreign_keys_whole_as_the_verb_does() {
    let sandbox = shop();
    sandbox.write(
        "sql/V30__children.sql",
        "CREATE TABLE children (id BIGINT, parent BIGINT REFERENCES orders (id));\n\
         INSERT INTO orders (id) VALUES (7);\nINSERT INTO children VALUES (1, 7);\n",
    );
    sandbox.write("sql/V40__broken.sql", "DELETE FROM orders WHERE id = 7;\n");
    sandbox.write("sql/V50__later.sql", "CREATE TABLE later (id BIGINT);\n");
    // What was broken before is nobody's fault.
    let by_hand = Connection::open(sandbox.path("by_hand.db")).expect("a file");
    by_hand
        .execute_batch(
            "PRAGMA foreign_keys = OFF; CREATE TABLE hosts (id INTEGER PRIMARY KEY, host BIGINT REFERENCES hosts (id));
             INSERT INTO hosts VALUES (1, 2);",
        )
        .expect("a table");
    let sql = sandbox.run(&["db", "upgrade", "sqlite:///by_hand.db", "--sql"]).success().stdout;
    let errors = as_the_shell(&by_hand, &sql);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors[0].contains("rows would refer to what does not exist"), "{errors:?}");
    assert!(errors[2].contains("a transaction before this one was undone"), "{errors:?}");
    let count = |query: &str| by_hand.query_row(query, [], |row| row.get::<_, i64>(0)).expect(query);
    assert_eq!(count("SELECT max(version) FROM shop_schema_history"), 30);
    assert_eq!(count("SELECT count(*) FROM orders"), 1);
    assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE name = 'later'"), 0);
    let told = sandbox.run(&["db", "upgrade", "sqlite:///by_hand.db"]).exit(1);
    assert!(told.stderr.contains("rows would refer to what does not exist: children row 1 -> orders"), "{told}");
    sandbox.write("sql/V40__broken.sql", "DELETE FROM children; DELETE FROM orders WHERE id = 7;\n");
    let sql = sandbox.run(&["db", "upgrade", "sqlite:///by_hand.db", "--sql"]).success().stdout;
    assert_eq!(as_the_shell(&by_hand, &sql), [""; 0]);
    sandbox.run(&["db", "current", "sqlite:///by_hand.db", "--check"]).success();
}

#[test]
fn what_makes_a_new_database_can_be_printed() {
    let (sandbox, database) = (shop(), postgres::database());
    let sql = sandbox.run(&["db", "init", "sqlite:///new.db", "--env", "staging", "--sql"]).success().stdout;
    assert_eq!(sandbox.files(), ["charter.cfg", "sql"], "printing makes nothing");
    let by_hand = Connection::open(sandbox.path("new.db")).expect("a file");
    by_hand.execute_batch(&sql).expect("statements that run");
    sandbox.run(&["db", "current", "sqlite:///new.db", "--check"]).success();
    let environment = sandbox.run(&["db", "environment", "sqlite:///new.db"]).success().stdout;
    assert!(environment.contains("staging"), "{environment}");
    assert_eq!(sandbox.run(&["db", "init", "sqlite:///new.db", "--sql"]).success().stdout, "");
    let sql = sandbox.run(&["db", "init", database.url(), "--sql", "--json"]).success().json();
    database.execute(sql["sql"].as_str().expect("a text"));
    sandbox.run(&["db", "current", database.url(), "--check"]).success();
    // Recording what is there must be said.
    by_hand.execute_batch("DROP TABLE shop_schema_history; DROP TABLE shop_schema_audit").expect("tables");
    let refused = sandbox.run(&["db", "init", "sqlite:///new.db", "--sql"]).exit(4);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("db init --force"), "{refused}");
}

/// Where no database can be asked, it is said where it is.
#[test]
fn printed_statements_need_no_database() {
    let sandbox = shop();
    let by_hand = Connection::open(sandbox.path("by_hand.db")).expect("a file");
    let offline = |arguments: &[&str]| {
        let arguments = [&["db"], arguments, &["--sql", "--engine", "sqlite"]].concat();
        sandbox.run(&arguments).success().stdout
    };
    let verb = |arguments: &[&str]| drop(sandbox.run(&[&["db"], arguments].concat()).success());
    let stamp = ["stamp", "base:10", "--reason", "made by hand"];
    for (printed, done) in [
        (&["init"][..], &["init"][..]),
        (&["downgrade"], &["downgrade"]),
        (&["upgrade", "10:head"], &["upgrade"]),
        (&["downgrade", "head:base"], &["downgrade", "base"]),
        (&stamp, &["stamp", "10", "--reason", "made by hand"]),
        (&["stamp", "--set", "shop", "10:base"], &["stamp", "base"]),
        (&["downgrade", "1:base", "--set", "charter"], &["downgrade", "base", "--set", "charter"]),
    ] {
        by_hand.execute_batch(&offline(printed)).unwrap_or_else(|error| panic!("{printed:?}: {error}"));
        verb(done);
        let made = Connection::open(sandbox.path("charter.db")).expect("the database");
        if !printed.contains(&"charter") {
            assert_eq!(content(&by_hand), content(&made), "{printed:?}");
        }
    }
    assert_eq!(by_hand.query_row("SELECT count(*) FROM charter_schema_history", [], |row| row.get(0)), Ok(0));
    // One file to look at and one to run by hand: nothing was asked.
    assert!(!offline(&["upgrade", "10:20"]).contains("journal_mode"));
    let server = ["db", "downgrade", "20:10", "--sql", "--engine", "postgres", "nowhere://x"];
    sandbox.run(&server).exit(2);
    let server = sandbox.run(&server[..6]).success().stdout;
    assert!(server.contains("-- take back 20 email") && !server.contains("CREATE SCHEMA"), "{server}");
    for wrong in [
        &["upgrade", "10:20"][..],
        &["downgrade", "20:10", "--sql"],
        &["stamp", "10:20"],
        &["upgrade", "--sql", "--engine", "sqlite", "--backup"],
        &["downgrade", "--engine", "sqlite"],
        &["init", "--engine", "sqlite"],
    ] {
        sandbox.run(&[&["db"], wrong].concat()).exit(2);
    }
    let unknown = sandbox.run(&["db", "downgrade", "30:10", "--sql", "--engine", "sqlite"]).exit(1);
    assert!(unknown.stderr.contains("30"), "{unknown}");
    for (wrong, told) in [
        (["upgrade", "20:10"], "20:10 leads down, which is no way to upgrade"),
        (["downgrade", "10:head"], "10:head leads up, which is no way to downgrade"),
    ] {
        let failed = sandbox.run(&[&["db"], &wrong[..], &["--sql", "--engine", "postgres"]].concat()).exit(1);
        assert!(failed.stderr.contains(told) && failed.stdout.is_empty(), "{failed}");
    }
    // A database that is not asked has no name, no tables to record and, as it may be a host program's, its own journal.
    let json = sandbox.run(&["db", "upgrade", "--sql", "--engine", "duckdb", "--json"]).success().json();
    assert!(json["database"].is_null() && json["sql"].is_string(), "{json}");
    let stamp = ["db", "stamp", "head", "--set", "charter", "--sql", "--engine", "postgres"];
    let refused = sandbox.run(&stamp).exit(4);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("charter's tables are not there"), "{refused}");
    assert!(!offline(&["init"]).contains("journal_mode"));
    let server = ["db", "upgrade", "--sql", "--verify-against", "postgresql://localhost/x"];
    sandbox.run(&server).exit(2);
}

#[test]
fn what_records_tables_that_are_there_can_be_printed() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade", "10"]).success();
    let made = Connection::open(sandbox.path("charter.db")).expect("the database");
    made.execute_batch("DROP TABLE charter_schema_history; DROP TABLE shop_schema_history;").expect("no history");
    made.execute("VACUUM INTO ?1", [sandbox.path("by_hand.db").to_string_lossy()]).expect("a copy");
    let by_hand = Connection::open(sandbox.path("by_hand.db")).expect("the copy");
    let before = content_of(&made);
    let sql = sandbox.run(&["db", "init", "--force", "--sql"]).success().stdout;
    assert!(sql.contains("-- apply 20 email") && !sql.contains("-- apply 10"), "{sql}");
    assert_eq!(content_of(&made), before, "printing records nothing");
    by_hand.execute_batch(&sql).expect("statements that run");
    sandbox.run(&["db", "init", "--force"]).success();
    assert_eq!(content(&by_hand), content(&made));
    sandbox.run(&["db", "current", "sqlite:///by_hand.db", "--check"]).success();
    assert_eq!(sandbox.run(&["db", "init", "--force", "--sql"]).success().stdout, "");
}

/// What a file is made of.
fn content_of(file: &Connection) -> Vec<String> {
    let mut statement = file.prepare("SELECT type || name || coalesce(sql, '') FROM sqlite_schema").expect("a query");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

#[test]
fn printed_statements_run_on_a_server() {
    let (sandbox, database, other) = (shop(), postgres::database(), postgres::database());
    let sql = sandbox.run(&["db", "upgrade", database.url(), "--sql"]).success().stdout;
    assert!(database.query("SELECT 1 FROM pg_namespace WHERE nspname IN ('charter', 'shop')").is_empty());
    database.execute(&sql);
    sandbox.run(&["db", "current", database.url(), "--check"]).success();
    sandbox.run(&["db", "info", database.url()]).success();
    // Without any database, for an empty one.
    let offline = sandbox.run(&["db", "upgrade", "--sql", "--engine", "postgres"]).success().stdout;
    assert!(offline.contains("SET LOCAL lock_timeout = 5000;") && !offline.contains("PRAGMA"), "{offline}");
    assert_eq!(sandbox.files(), ["charter.cfg", "sql"]);
    other.execute(&offline);
    sandbox.run(&["db", "current", other.url(), "--check"]).success();
    sandbox.run(&["db", "upgrade", "--engine", "postgres"]).exit(2);
    sandbox.run(&["db", "upgrade", "--sql", "--engine", "oracle"]).exit(2);
    let down = sandbox.run(&["db", "downgrade", "base", database.url(), "--sql"]).success().stdout;
    database.execute(&down);
    let current = sandbox.run(&["db", "current", database.url(), "--set", "shop", "--json"]).success().json();
    assert_eq!(current["sets"][0]["current"], serde_json::Value::Null);
}

#[test]
fn a_revision_is_stamped_in_either_order() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    let url = sandbox.sqlite_url("charter.db");
    let stamps =
        [(&["10", &url][..], "unstamped  20"), (&[&url, "head"], "stamped  20"), (&[&url, "-1"], "unstamped  20")];
    for (arguments, told) in stamps {
        let output = sandbox.run(&[&["db", "stamp"], arguments].concat()).success();
        assert!(output.stdout.starts_with(told), "{output}");
    }
    sandbox.run(&["db", "stamp", &url]).exit(2);
    sandbox.run(&["db", "stamp", "head", "base"]).exit(2);
}

#[test]
fn the_history_is_repaired_by_hand() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "stamp", "10", "--reason", "the column was dropped by hand"]), @r#"
    exit: 0
    --- stdout ---
    unstamped  20 email
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "info"]), @r#"
    exit: 1
    --- stdout ---
    charter  sqlite at 1: valid; 7 tables, 2 indexes, 11 views
    shop     sqlite at 10: not valid: 1 difference; 1 table, 0 indexes, 0 views
      extra: column orders.email
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "stamp", "head", &sandbox.sqlite_url("charter.db"), "--json"]), @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "set": "shop",
      "changes": [
        {
          "number": 20,
          "name": "email",
          "action": "stamped"
        }
      ]
    }
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "stamp", "head"]), @r#"
    exit: 0
    --- stdout ---
    the history of sqlite:///[DIRECTORY]/charter.db says that already: nothing was done
    --- stderr ---
    "#);
    // A migration whose text was changed after it was applied.
    sandbox.write(
        "sql/V10__orders.sql",
        "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT); -- a comment\n",
    );
    sandbox.run(&["db", "upgrade"]).exit(4);
    sandbox.run(&["db", "stamp", "head"]).success();
    sandbox.run(&["db", "upgrade"]).success();
    let history = sandbox.run(&["db", "history", "-v", "--set", "shop", "--json"]).success().json();
    let details: Vec<&str> =
        history.as_array().expect("entries").iter().filter_map(|entry| entry["detail"].as_str()).collect();
    assert!(details[0].ends_with(": the column was dropped by hand"), "{details:?}");
    sandbox.run(&["db", "stamp", "30"]).exit(1);
    sandbox.run(&["db", "stamp"]).exit(2);
    sandbox.run(&["db", "stamp", "head", "sqlite:///nowhere.db"]).exit(1);
    assert_eq!(sandbox.files(), ["charter.cfg", "charter.db", "sql"]);
}

#[test]
fn tables_without_a_history_are_taken_over_if_they_are_what_they_should_be() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    let file = Connection::open(sandbox.path("charter.db")).expect("the database");
    let forget = "DROP TABLE charter_schema_history; DROP TABLE shop_schema_history;";
    file.execute_batch(forget).expect("no history");
    assert_output!(sandbox, sandbox.run(&["db", "init"]), [SHORT_DIGESTS], @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/charter.db has no history of the tables of charter as migration 1 contracts [SHORT DIGEST], and of shop as migration 20 email [SHORT DIGEST] leaves them
    hint: say --force to record that they are there
    "#);
    let (code, shown) = terminal::run(&sandbox, &["db", "init"], "n\n");
    assert!(code == Some(4) && shown.contains("Record that they are there? [y/N]"), "{code:?} {shown}");
    assert_output!(sandbox, sandbox.run(&["db", "init", "--force"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db has every migration already
    --- stderr ---
    recorded charter 1 contracts
    recorded shop 10 orders
    recorded shop 20 email
    "#);
    sandbox.run(&["db", "current", "--check"]).success();
    sandbox.run(&["db", "init"]).success();

    file.execute_batch(forget).expect("no history");
    file.execute_batch("ALTER TABLE charter_cursors DROP COLUMN epoch; CREATE INDEX mine ON charter_records (name)")
        .expect("a change");
    for arguments in [&["db", "init"][..], &["db", "init", "--force"]] {
        let refused = sandbox.run(arguments).exit(4);
        assert!(refused.stderr.contains("missing: column charter_cursors.epoch"), "{refused}");
        assert!(refused.stderr.contains("extra: index mine of charter_records"), "{refused}");
        let tables: i64 = file
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%schema_history'", [], |row| row.get(0))
            .expect("a number");
        assert_eq!(tables, 0, "nothing was done");
    }
}

/// What was begun is recorded: it goes on, and its tables are not taken for those of a migration that is done.
#[test]
fn an_init_goes_on_with_what_is_half_done() {
    let sandbox = super::project::shop();
    let text = "-- charter: no-transaction\nCREATE TABLE pens (id BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO pens VALUES (1);\n";
    sandbox.write("sql/V5__pens.sql", text.replace("INTO pens", "INTO nowhere"));
    sandbox.write("sql/V5__pens.down.sql", "DROP TABLE pens;\n");
    sandbox.run(&["db", "init"]).exit(1);
    sandbox.write("sql/V5__pens.sql", text);
    let init = sandbox.run(&["db", "init"]).success();
    assert!(init.stderr.contains("going on with migration 5 pens"), "{init}");
    sandbox.run(&["db", "current", "--check"]).success();
}

#[test]
fn tables_on_a_server_are_taken_over_too() {
    let (sandbox, database) = (shop(), postgres::database());
    let url = database.url();
    sandbox.run(&["db", "init", url, "--env", "staging"]).success();
    database.execute("DROP TABLE charter.charter_schema_history");
    sandbox.run(&["db", "init", url]).exit(4);
    sandbox.run(&["db", "init", url, "--force"]).success();
    let current = sandbox.run(&["db", "current", url, "--json"]).success().json();
    assert_eq!((&current["environment"], &current["at_head"]), (&"staging".into(), &true.into()));
}

/// What is left of a set that nobody has recorded is extra: all of it.
#[test]
fn tables_without_a_history_are_told() {
    let sandbox = shop();
    sandbox.run(&["db", "init"]).success();
    sandbox.run(&["db", "stamp", "base", "--set", "shop"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "info"]), @r#"
    exit: 1
    --- stdout ---
    charter  sqlite at 1: valid; 7 tables, 2 indexes, 11 views
    shop     sqlite at base: not initialised; 1 table, 0 indexes, 0 views
      extra: table orders
    --- stderr ---
    hint: `charter db init` records the revision that tables without a history look like
    "#);
    let json = sandbox.run(&["db", "info", "--json", "--set", "shop"]).exit(1).json();
    assert_eq!((&json["valid"], &json["sets"][0]["state"]), (&false.into(), &"not_initialized".into()));
    assert_eq!(json["sets"][0]["extra"][0]["name"], "orders");
    sandbox.run(&["db", "stamp", "base", "--set", "charter"]).success();
    let info = sandbox.run(&["db", "info", "--set", "charter"]).exit(4);
    for extra in ["  extra: table charter_records\n", "  extra: view owners\n"] {
        assert!(info.stdout.contains(extra), "{info}");
    }
    let file = Connection::open(sandbox.path("charter.db")).expect("the database");
    file.execute_batch("DROP TABLE orders").expect("a change");
    // Whatever set is asked for.
    let info = sandbox.run(&["db", "info", "--set", "shop"]).exit(4);
    assert!(info.stdout.ends_with("not initialised; 0 tables, 0 indexes, 0 views\n"), "{info}");
}

#[test]
fn what_a_database_has_is_told() {
    let sandbox = shop();
    assert_output!(sandbox, sandbox.run(&["db", "info"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: there is no database sqlite:///[DIRECTORY]/charter.db
    hint: make it with `charter db init sqlite:///[DIRECTORY]/charter.db`
    "#);
    sandbox.write("empty.db", "");
    assert_output!(sandbox, sandbox.run(&["db", "info", "sqlite:///empty.db"]), @r#"
    exit: 4
    --- stdout ---
    charter  sqlite at base: not initialised; 0 tables, 0 indexes, 0 views
    shop     sqlite at base: not initialised; 0 tables, 0 indexes, 0 views
    --- stderr ---
    error: sqlite:///[DIRECTORY]/empty.db is no charter registry yet
    hint: make it one with `charter db init sqlite:///[DIRECTORY]/empty.db`
    "#);
    let json = sandbox.run(&["db", "info", "sqlite:///empty.db", "--json"]).exit(4).json();
    assert_eq!(json["valid"], false);
    sandbox.run(&["db", "init"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "info"]), @r#"
    exit: 0
    --- stdout ---
    charter  sqlite at 1: valid; 7 tables, 2 indexes, 11 views
    shop     sqlite at 20: valid; 1 table, 0 indexes, 0 views
    --- stderr ---
    "#);
    let file = Connection::open(sandbox.path("charter.db")).expect("the database");
    file.execute_batch("DROP INDEX charter_records_parent; DROP VIEW owners; ALTER TABLE orders ADD COLUMN extra TEXT; CREATE TABLE hosts (id)")
        .expect("a change");
    assert_output!(sandbox, sandbox.run(&["db", "info"]), @r#"
    exit: 1
    --- stdout ---
    charter  sqlite at 1: not valid: 2 differences; 7 tables, 1 index, 10 views
      missing: index charter_records_parent of charter_records
      missing: view owners
    shop     sqlite at 20: not valid: 1 difference; 1 table, 0 indexes, 0 views
      extra: column orders.extra
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "info", "--set", "shop", "--json"]), @r#"
    exit: 1
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "environment": "dev",
      "valid": false,
      "sets": [
        {
          "set": "shop",
          "engine": "sqlite",
          "revision": 20,
          "head": 20,
          "state": "different",
          "reason": null,
          "tables": [
            "orders"
          ],
          "indexes": [],
          "views": [],
          "missing": [],
          "extra": [
            {
              "object": "column",
              "table": "orders",
              "name": "extra",
              "aspect": null,
              "found": "TEXT",
              "wanted": null
            }
          ],
          "different": [],
          "left_out": []
        }
      ]
    }
    --- stderr ---
    "#);
}

#[test]
fn an_interrupt_drops_the_throw_away_database() {
    let (sandbox, server) = (shop(), postgres::Server::start(&[]));
    sandbox.write("sql/V30__slow.sql", "CREATE TABLE slow (id BIGINT);\n");
    sandbox.write("sql/V30__slow.postgres.sql", "CREATE TABLE slow (id BIGINT);\nSELECT pg_sleep(600);\n");
    sandbox.write("sql/V30__slow.down.sql", "DROP TABLE slow;\n");
    for signal in ["INT", "TERM"] {
        let url = server.url("postgres");
        let process = sandbox.spawn(&["db", "verify", "--against", &url]);
        let asleep = "SELECT 1 FROM pg_stat_activity WHERE datname LIKE 'charter_verify_%' AND query LIKE '%pg_sleep%'";
        eventually("the migration sleeps", || !postgres::query(&url, asleep).is_empty());
        process.signal(signal);
        process.wait().exit(130);
        let left = postgres::query(&url, "SELECT datname FROM pg_database WHERE datname LIKE 'charter_verify_%'");
        assert!(left.is_empty(), "{signal}: {left:?}");
    }
}

#[test]
fn a_set_is_proven_or_its_faults_are_told() {
    let sandbox = shop();
    let verified = sandbox.run(&["db", "verify"]).success();
    assert!(verified.stdout.starts_with("shop on sqlite: 2 migrations up, down and up again\n"), "{verified}");
    assert!(verified.stdout.ends_with("\nverified\n"), "{verified}");
    assert!(verified.stderr.contains("not tried on postgres: give it a server with --against URL"), "{verified}");
    sandbox.write("sql/V20__email.down.sql", "SELECT 1;\n");
    let faulty = sandbox.run(&["db", "verify"]).exit(1).stdout;
    let fault =
        "error: 20 email on sqlite: taking it back does not restore what was there\n  extra: column orders.email\n";
    assert!(faulty.contains(fault) && faulty.contains("\nnot verified: "), "{faulty}");
    assert!(faulty.starts_with("shop on sqlite: 1 of 2 migrations up, down and up again\n"), "{faulty}");
    let json = sandbox.run(&["db", "verify", "--json"]).exit(1).json();
    assert_eq!((&json["verified"], &json["errors"][0]["fault"]), (&false.into(), &"not_restored".into()));
    assert_eq!(json["errors"][0]["differences"][0]["name"], "email");
    sandbox.run(&["db", "verify", "--against", "mysql://host/x"]).exit(2);
    assert_eq!(sandbox.files(), ["charter.cfg", "sql"]);

    let sandbox = shop();
    let database = postgres::database();
    let verified = sandbox.run(&["db", "verify", "--against", database.url()]).success();
    assert!(verified.stdout.contains("shop on postgres: 2 migrations up, down and up again"), "{verified}");
    assert!(database.query("SELECT 1 FROM pg_namespace WHERE nspname = 'shop'").is_empty());
}

/// A server to try things on is asked for, or it is not; and it is not the database that the configuration names.
#[test]
fn a_server_to_try_on_that_is_not_there_is_told_and_nothing_runs() {
    let (sandbox, database) = (shop(), postgres::database());
    let nobody = "postgresql://ada:secret@127.0.0.1:1/postgres";
    let shown = "postgresql://ada:***@127.0.0.1:1/postgres";
    sandbox.write("one.sql", "SELECT 1;");
    for arguments in [&["db", "verify", "--against", nobody][..], &["db", "lint", "one.sql", "--against", nobody]] {
        let failed = sandbox.run(arguments).exit(1);
        assert!(failed.stderr.contains(shown) && !failed.stderr.contains("charter.db"), "{failed}");
        assert!(failed.stderr.contains("hint: check that the server runs"), "{failed}");
    }
    let failed = sandbox.run(&["db", "upgrade", database.url(), "--verify-against", nobody]).exit(1);
    assert!(failed.stderr.contains(shown), "{failed}");
    assert!(database.query("SELECT 1 FROM pg_namespace WHERE nspname IN ('charter', 'shop')").is_empty());
    sandbox.run(&["db", "upgrade", database.url(), "--verify-against", database.url()]).success();
}

/// Where nothing is, nothing is compared: no throw-away database is made, which could not be of a set with words of Postgres'.
#[test]
fn an_empty_server_is_compared_with_nothing() {
    let (sandbox, database) = (super::project::shop(), postgres::database());
    sandbox.write("sql/V10__orders.sql", "CREATE TABLE orders (id BIGINT GENERATED ALWAYS AS IDENTITY, note TEXT);\n");
    let init = sandbox.run(&["db", "init", database.url(), "--env", "dev"]).success();
    assert!(!init.stderr.contains("error"), "{init}");
    sandbox.run(&["db", "current", database.url(), "--check"]).success();
}

#[test]
fn what_keeps_a_projects_tables_from_being_made_is_told() {
    let sandbox = super::project::shop();
    let file = Connection::open(sandbox.path("charter.db")).expect("the file");
    file.execute_batch("CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, size BIGINT)").expect("a table");
    for arguments in [&["db", "init"][..], &["db", "init", "--force"]] {
        let told = sandbox.run(arguments).exit(1);
        assert!(told.stderr.contains("table orders already exists"), "{told}");
        assert!(
            told.stderr.contains(": extra: column orders.size") && told.stderr.contains("unlike 10 orders"),
            "{told}"
        );
    }
}
