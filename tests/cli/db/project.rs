//! The migrations of a project beside charter's own: up, down, and what is said of them.

use super::super::SHORT_DIGESTS;
use crate::support::{Sandbox, assert_output, postgres, terminal};
use std::fs;

/// A sandbox with a set of two migrations.
pub(super) fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nschema = shop\n");
    sandbox.write("sql/V10__orders.sql", "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);\n");
    sandbox.write("sql/V10__orders.down.sql", "DROP TABLE orders;\n");
    sandbox.write("sql/V20__email.sql", "ALTER TABLE orders ADD COLUMN email TEXT;\n");
    sandbox.write("sql/V20__email.down.sql", "ALTER TABLE orders DROP COLUMN email;\n");
    sandbox
}

#[test]
fn both_sets_go_up_and_the_projects_goes_down() {
    let sandbox = shop();
    assert_output!(sandbox, sandbox.run(&["db", "upgrade"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    applied  charter  1 contracts [SHORT DIGEST]
    applied  shop     10 orders [SHORT DIGEST]
    applied  shop     20 email [SHORT DIGEST]
    sqlite:///[DIRECTORY]/charter.db has every migration now
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "upgrade"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db has every migration already
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "current"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    charter  1 contracts [SHORT DIGEST] (head)
    shop     20 email [SHORT DIGEST] (head)
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "history"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    SET      NUMBER  NAME       ID            APPLIED
    charter  1       contracts  [SHORT DIGEST]  [TIME]
    shop     10      orders     [SHORT DIGEST]  [TIME]
    shop     20      email      [SHORT DIGEST]  [TIME]
    --- stderr ---
    "#);
    rusqlite::Connection::open(sandbox.path("charter.db"))
        .and_then(|file| file.execute_batch("INSERT INTO orders VALUES (1, 'a', 'a@example.com'), (2, 'b', NULL)"))
        .expect("orders");
    assert_output!(sandbox, sandbox.run(&["db", "downgrade"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    taken back  shop     20 email [SHORT DIGEST]
    --- stderr ---
    warning: sqlite:///[DIRECTORY]/charter.db loses the column orders.email, with 1 value
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "current", "--set", "shop"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    shop     10 orders [SHORT DIGEST]
    shop     pending  20 email [SHORT DIGEST]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "pending"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    pending  shop     20 email [SHORT DIGEST]
    --- stderr ---
    "#);
    sandbox.run(&["db", "current", "--check"]).exit(1);
    sandbox.run(&["db", "current", "--check", "--set", "charter"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "downgrade", "base", "--json"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "reverted": [
        {
          "set": "shop",
          "number": 10,
          "name": "orders",
          "id": "[SHORT DIGEST]"
        }
      ],
      "lost": [
        {
          "what": "table",
          "table": "orders",
          "column": null,
          "rows": 2
        }
      ],
      "dependants": [],
      "backup": null
    }
    --- stderr ---
    {"warning":{"message":"sqlite:///[DIRECTORY]/charter.db loses the table orders, with 2 rows"}}
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "downgrade", "base"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db has nothing above that: nothing was done
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "current", "--json"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "initialised": true,
      "environment": "dev",
      "at_head": false,
      "sets": [
        {
          "set": "charter",
          "current": {
            "set": "charter",
            "number": 1,
            "name": "contracts",
            "id": "[SHORT DIGEST]",
            "applied_at": "[TIME]"
          },
          "head": {
            "set": "charter",
            "number": 1,
            "name": "contracts",
            "id": "[SHORT DIGEST]"
          },
          "at_head": true,
          "ahead": 0,
          "unfinished": null,
          "pending": []
        },
        {
          "set": "shop",
          "current": null,
          "head": {
            "set": "shop",
            "number": 20,
            "name": "email",
            "id": "[SHORT DIGEST]"
          },
          "at_head": false,
          "ahead": 0,
          "unfinished": null,
          "pending": [
            {
              "set": "shop",
              "number": 10,
              "name": "orders",
              "id": "[SHORT DIGEST]"
            },
            {
              "set": "shop",
              "number": 20,
              "name": "email",
              "id": "[SHORT DIGEST]"
            }
          ]
        }
      ]
    }
    --- stderr ---
    "#);
}

#[test]
fn revisions_are_said_as_people_know_them() {
    let sandbox = shop();
    let at = |sandbox: &Sandbox| {
        let current = sandbox.run(&["db", "current", "--set", "shop", "--json"]).success().json();
        current["sets"][0]["current"]["number"].as_u64()
    };
    let url = sandbox.sqlite_url("charter.db");
    sandbox.run(&["db", "upgrade", "+1"]).success();
    assert_eq!(at(&sandbox), Some(10));
    sandbox.run(&["db", "upgrade", &url, "--revision", "head"]).success();
    assert_eq!(at(&sandbox), Some(20));
    sandbox.run(&["db", "downgrade", "-1"]).success();
    assert_eq!(at(&sandbox), Some(10));
    sandbox.run(&["db", "downgrade", &url, "base"]).success();
    assert_eq!(at(&sandbox), None);
    sandbox.run(&["db", "upgrade", "email"]).success();
    sandbox.run(&["db", "downgrade", "--revision", "-2"]).success();
    sandbox.run(&["db", "upgrade", &url, "10"]).success();
    assert_eq!(at(&sandbox), Some(10));
    for (arguments, code) in [
        (&["db", "upgrade", "30"][..], 1),
        (&["db", "downgrade", "-2"], 1),
        (&["db", "upgrade", "-1"], 1),
        (&["db", "downgrade", "+1"], 1),
        (&["db", "downgrade", "+1", "--sql"], 1),
        (&["db", "upgrade", "--set", "nonsense"], 1),
        (&["db", "upgrade", "head", "--revision", "head"], 2),
        (&["db", "upgrade", "a b"], 2),
        (&["db", "upgrade", &url, "a b"], 2),
    ] {
        sandbox.run(arguments).exit(code);
    }
    assert_eq!(at(&sandbox), Some(10));
}

#[test]
fn a_migration_that_fails_says_where_and_what_came_before_it() {
    let sandbox = shop();
    sandbox.write("sql/V20__email.sql", "ALTER TABLE orders ADD COLUMN email TEXT;\nINSERT INTO nowhere VALUES (1);\n");
    assert_output!(sandbox, sandbox.run(&["db", "upgrade"]), [SHORT_DIGESTS], @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: [DIRECTORY]/sql/V20__email.sql:2:1: sqlite:///[DIRECTORY]/charter.db: after 2 migrations were applied, the last one 10 orders [SHORT DIGEST]: migration 20 email [SHORT DIGEST] failed, and nothing of it was kept: SQLite: no such table: nowhere
      because: SQL logic error
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "current", "--set", "shop"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    shop     10 orders [SHORT DIGEST]
    shop     pending  20 email [SHORT DIGEST]
    --- stderr ---
    "#);
    // Programs are told what stays, beside the error.
    sandbox.write("sql/V15__first.sql", "SELECT 1;");
    let failed = sandbox.run(&["db", "upgrade", "sqlite:///second.db", "--json"]).exit(1);
    let last = failed.stderr.lines().last().expect("the error");
    let told: serde_json::Value = serde_json::from_str(last).expect("a line of JSON");
    let applied = told["applied"].as_array().expect("what was applied");
    let applied: Vec<_> = applied.iter().map(|one| (one["set"].as_str(), one["number"].as_u64())).collect();
    assert_eq!(applied, [(Some("charter"), Some(1)), (Some("shop"), Some(10)), (Some("shop"), Some(15))]);
    assert_eq!(told["error"]["kind"], "backend");
}

#[test]
fn staging_asks_and_prod_wants_the_name() {
    let sandbox = shop();
    let url = "sqlite:///prod.db";
    sandbox.run(&["db", "init", url, "--env", "prod"]).success();
    rusqlite::Connection::open(sandbox.path("prod.db"))
        .and_then(|file| file.execute_batch("INSERT INTO orders VALUES (1, 'a', 'a@example.com')"))
        .expect("an order");
    assert_output!(sandbox, sandbox.run(&["db", "downgrade", url, "--yes"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    warning: sqlite:///[DIRECTORY]/prod.db loses the column orders.email, with 1 value
    error: sqlite:///[DIRECTORY]/prod.db: taking migrations back in prod must be confirmed with the database's name
    hint: say --confirm prod.db
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "downgrade", url, "--confirm", "production"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    warning: sqlite:///[DIRECTORY]/prod.db loses the column orders.email, with 1 value
    error: the name that was given is not this database's: sqlite:///[DIRECTORY]/prod.db
    hint: its name is prod.db
    "#);
    let (code, shown) = terminal::run(&sandbox, &["db", "downgrade", url], "charter\n");
    assert!(code == Some(4) && shown.contains("Type the database's name, prod.db, to go on:"), "{code:?} {shown}");
    let current = sandbox.run(&["db", "current", url, "--json"]).success().json();
    assert_eq!(current["sets"][1]["at_head"], true);
    let (code, shown) = terminal::run(&sandbox, &["db", "downgrade", url], "prod.db\n");
    assert!(code == Some(0) && shown.contains("loses the column orders.email, with 1 value"), "{code:?} {shown}");
    // A client can be stricter than the database, never laxer.
    sandbox.run(&["db", "downgrade", url, "--env", "dev"]).exit(4);
    sandbox.run(&["db", "downgrade", url, "--confirm", "prod.db"]).success();

    let url = "sqlite:///staging.db";
    sandbox.run(&["db", "init", url, "--env", "staging"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "downgrade", url]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    warning: sqlite:///[DIRECTORY]/staging.db loses the column orders.email, with 0 values
    error: sqlite:///[DIRECTORY]/staging.db: taking migrations back must be confirmed
    hint: say --yes
    "#);
    let (code, shown) = terminal::run(&sandbox, &["db", "downgrade", url], "n\n");
    assert!(code == Some(4) && shown.contains("[y/N]") && shown.contains("nothing was done"), "{code:?} {shown}");
    let (code, shown) = terminal::run(&sandbox, &["db", "downgrade", url], "y\n");
    assert_eq!(code, Some(0), "{shown}");
    sandbox.run(&["db", "downgrade", url, "--yes"]).success();
}

#[test]
fn who_did_what_is_in_the_history() {
    let sandbox = shop().with("LOGNAME", "ada");
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.run(&["db", "downgrade"]).success();
    let entries = sandbox.run(&["db", "history", "--verbose", "--json"]).success().json();
    let entries = entries.as_array().expect("entries").clone();
    let words: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!("{} {} {} {}", entry["set"], entry["number"], entry["action"], entry["actor"]).replace('"', "")
        })
        .collect();
    let expected = ["charter 1 applied ada", "shop 10 applied ada", "shop 20 applied ada", "shop 20 reverted ada"];
    assert_eq!(words, expected);
    assert_eq!(entries[1]["environment"], "dev");
    assert_eq!(entries[1]["statements"], 1);
    let text = sandbox.run(&["db", "history", "--verbose", "--set", "shop"]).success().stdout;
    assert!(text.starts_with("SET   WHEN") && text.lines().count() == 4 && text.contains("ada@"), "{text}");
}

#[test]
fn rows_that_a_way_down_deletes_are_told() {
    let sandbox = shop();
    sandbox.write("sql/V30__rows.sql", "INSERT INTO orders (id) VALUES (1); INSERT INTO orders (id) VALUES (2);");
    sandbox.write("sql/V30__rows.down.sql", "DELETE FROM orders WHERE id > 1;");
    sandbox.run(&["db", "upgrade"]).success();
    let asked = sandbox.run(&["db", "downgrade", "--env", "staging"]).exit(4);
    assert!(asked.stderr.contains("charter.db loses rows of orders, which has 2 rows\n"), "{asked}");
    let lost = sandbox.run(&["db", "downgrade", "--json"]).success().json()["lost"].clone();
    assert_eq!(lost, serde_json::json!([{"what": "rows", "table": "orders", "column": null, "rows": 2}]));
    sandbox.write("sql/V30__rows.sql", "SELECT 1;");
    sandbox.run(&["db", "upgrade"]).success();
    let down = sandbox.run(&["db", "downgrade", "base"]).success().stderr;
    assert!(down.contains("loses the table orders, with 1 row") && !down.contains("rows of orders"), "{down}");
}

/// A table that is made anew without some of its rows, or in place of the old one; a type that holds less.
#[test]
fn what_a_way_down_loses_by_making_a_table_anew_is_told() {
    let made = "CREATE TABLE prices (id BIGINT NOT NULL PRIMARY KEY, price DOUBLE PRECISION);\n\
                INSERT INTO prices VALUES (1, 1.5), (2, 2.0), (3, NULL);";
    let rebuild = |query: &str| {
        format!(
            "CREATE TABLE made (id BIGINT NOT NULL PRIMARY KEY, price DOUBLE PRECISION);\nINSERT INTO made {query};\n\
             DROP TABLE prices;\nALTER TABLE made RENAME TO prices;\n"
        )
    };
    let all = "SELECT id, price FROM prices";
    let rows = "rows of prices, which has 3 rows";
    let engines: &[&str] = if cfg!(feature = "duckdb") { &["sqlite", "duckdb"] } else { &["sqlite"] };
    for engine in engines {
        let mut cases = vec![
            (rebuild(all), None),
            (rebuild(&format!("{all} WHERE id > 1")), Some(rows)),
            (rebuild(&format!("SELECT id, NULL FROM ({all}) AS p")), Some("the table prices, with 3 rows")),
        ];
        if *engine == "duckdb" {
            let replace = |rest: &str| format!("CREATE OR REPLACE TABLE prices {rest};");
            cases.extend([
                (replace("(id BIGINT)"), Some("the table prices, with 3 rows")),
                (replace("AS SELECT id FROM prices"), Some("the column prices.price, with 2 values")),
                (replace("AS FROM prices WHERE id = 1"), Some(rows)),
                (
                    "ALTER TABLE prices ALTER price TYPE INTEGER;".to_owned(),
                    Some("1 value of prices.price, which changes"),
                ),
                ("ALTER TABLE prices ALTER price TYPE VARCHAR;".to_owned(), None),
            ]);
        }
        for (down, lost) in cases {
            let sandbox = Sandbox::new();
            sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\n");
            sandbox.write("sql/V1__prices.sql", made);
            sandbox.write("sql/V1__prices.down.sql", "DROP TABLE prices;");
            sandbox.write("sql/V2__none.sql", "SELECT 1;");
            sandbox.write("sql/V2__none.down.sql", &down);
            let url = format!("{engine}:///a.{engine}");
            sandbox.run(&["db", "upgrade", &url]).success();
            let told = sandbox.run(&["db", "downgrade", &url, "--env", "prod"]).exit(4).stderr;
            let is_told = told.lines().filter(|line| line.starts_with("warning: ") && line.contains(" loses ")).count();
            assert_eq!(is_told, usize::from(lost.is_some()), "{engine} {down}: {told}");
            assert!(lost.is_none_or(|lost| told.contains(lost)), "{engine} {down}: {told}");
        }
    }
}

/// A way down that makes a table anew may keep all rows, and not what is in them; or all of it, by way of another table.
#[test]
fn what_a_way_down_makes_of_values_is_told() {
    let made = "CREATE TABLE users (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR NOT NULL, mail VARCHAR, z VARCHAR);\n\
                INSERT INTO users VALUES (1, '007', 'x', NULL), (2, 'b', NULL, 'z');";
    let table = |name: &str, data_type: &str| {
        format!(
            "CREATE TABLE {name} (id BIGINT NOT NULL PRIMARY KEY, name {data_type} NOT NULL, mail VARCHAR, z VARCHAR);\n"
        )
    };
    let rebuild = |query: &str, before: &str| {
        format!(
            "{}INSERT INTO made {query};\n{before}DROP TABLE users;\nALTER TABLE made RENAME TO users;\n",
            table("made", "VARCHAR")
        )
    };
    let aside = |temporary: &str, columns: &str| {
        format!(
            "CREATE {temporary}TABLE aside AS SELECT {columns} FROM users;\nDROP TABLE users;\n\
             CREATE TABLE users (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR NOT NULL, mail VARCHAR);\n\
             INSERT INTO users SELECT * FROM aside;\nDROP TABLE aside;\n"
        )
    };
    let (name, mail) =
        ("up to 2 values of users.name, which are made anew", "up to 1 value of users.mail, which are made anew");
    let (z, rows) = ("the column users.z, with 1 value", "rows of users, which has 2 rows");
    let cases = [
        (rebuild("SELECT * FROM users", ""), vec![]),
        (rebuild("SELECT id, coalesce(name, ''), mail, users.z AS z FROM users", ""), vec![]),
        (rebuild("SELECT id, upper(name), mail, z FROM users", ""), vec![name]),
        (rebuild("SELECT id, CAST(name AS VARCHAR), mail, NULL FROM users", ""), vec![name, z]),
        (rebuild("SELECT id, coalesce(mail, ''), name, z FROM users", ""), vec![name, mail]),
        (rebuild("(id, mail, name, z) SELECT id, mail, name, z FROM users", ""), vec![]),
        (rebuild("(id, mail, name, z) SELECT id, name, coalesce(mail, ''), z FROM users", ""), vec![name, mail]),
        (rebuild("SELECT * FROM users", "DELETE FROM made WHERE id > 1;\n"), vec![rows]),
        (aside("TEMP ", "id, name, mail"), vec![z]),
        (aside("", "id, name, mail"), vec![z]),
        (aside("TEMPORARY ", "id, lower(name) AS name, mail"), vec![name, z]),
        (aside("TEMP ", "id, name, mail").replace("FROM users;", "FROM users WHERE id > 1;"), vec![z, rows]),
    ];
    let engines: &[&str] = if cfg!(feature = "duckdb") { &["sqlite", "duckdb"] } else { &["sqlite"] };
    for engine in engines {
        let mut cases = cases.to_vec();
        if *engine == "sqlite" {
            let number = format!(
                "{}INSERT INTO made SELECT * FROM users;\nDROP TABLE users;\nALTER TABLE made RENAME TO users;\n",
                table("made", "INTEGER")
            );
            cases.push((number, vec!["1 value of users.name, which changes with its type"]));
            cases.push((
                rebuild("SELECT * FROM users", "").replace("mail VARCHAR", "mail VARCHAR UNIQUE ON CONFLICT IGNORE"),
                vec![rows],
            ));
        }
        for (down, lost) in cases {
            let sandbox = Sandbox::new();
            sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\n");
            sandbox.write("sql/V1__users.sql", made);
            sandbox.write("sql/V1__users.down.sql", "DROP TABLE users;");
            sandbox.write("sql/V2__none.sql", "SELECT 1;");
            sandbox.write("sql/V2__none.down.sql", &down);
            let url = format!("{engine}:///a.{engine}");
            sandbox.run(&["db", "upgrade", &url]).success();
            let told = sandbox.run(&["db", "downgrade", &url, "--env", "prod"]).exit(4).stderr;
            let told: Vec<&str> = told.lines().filter_map(|line| Some(line.split_once(" loses ")?.1)).collect();
            assert_eq!(told, lost, "{engine} {down}");
            // The way down is one that the engine takes.
            sandbox.run(&["db", "downgrade", &url]).success();
        }
    }
}

/// Whatever runs on its own has an account, but no variables that say so.
#[test]
fn who_did_it_is_known_without_a_login() {
    let sandbox = shop();
    let account = sandbox.start({
        let mut command = sandbox.program("id");
        command.arg("-un");
        command
    });
    let account = account.wait().success().stdout;
    sandbox.run(&["db", "upgrade"]).success();
    let entries = sandbox.run(&["db", "history", "--verbose", "--json"]).success().json();
    for entry in entries.as_array().expect("entries") {
        assert_eq!(entry["actor"], account.trim_end());
    }
}

#[test]
fn a_backup_is_whole_and_never_written_over() {
    let sandbox = shop();
    assert_eq!(sandbox.run(&["db", "upgrade", "--backup"]).success().stderr, "", "there is nothing to copy yet");
    let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("the database");
    // Not in the main file yet, but committed.
    file.execute_batch("INSERT INTO orders VALUES (1, 'a', 'a@example.com')").expect("an order");
    sandbox.run(&["db", "downgrade", "--backup=copy.db"]).success();
    sandbox.run(&["db", "upgrade", "--backup=copy.db"]).exit(1);
    let copy = rusqlite::Connection::open(sandbox.path("copy.db")).expect("the copy");
    let email: String = copy.query_row("SELECT email FROM orders", [], |row| row.get(0)).expect("an order");
    assert_eq!(email, "a@example.com");
    sandbox.run(&["db", "current", "sqlite:///copy.db", "--check"]).success();
    let current = sandbox.run(&["db", "current", "--set", "shop", "--json"]).success().json();
    assert_eq!(current["sets"][0]["current"]["number"], 10, "what cannot be copied first is not done");
    let upgraded = sandbox.run(&["db", "upgrade", "--backup", "--json"]).success().json();
    let path = upgraded["backup"].as_str().expect("a path");
    assert!(path.contains("/charter.db.") && path.ends_with("Z.backup"), "{path}");
    assert!(fs::metadata(path).is_ok_and(|copy| copy.len() > 0), "{path}");
    assert_eq!(
        sandbox.run(&["db", "upgrade", "--backup", "--json"]).success().json()["backup"],
        serde_json::Value::Null
    );
}

/// What DuckDB copies is the same database: every table, view, key and row.
#[cfg(feature = "duckdb")]
#[test]
fn a_backup_of_a_duckdb_file_is_whole() {
    let sandbox = shop();
    let url = "duckdb:///charter.duckdb";
    sandbox.write("book.yaml", super::super::BOOK);
    sandbox.run(&["db", "upgrade", url]).success();
    sandbox.run(&["put", "book.yaml", "--db", url]).success();
    let listed = sandbox.run(&["list", "--db", url, "--json"]).success().json();
    sandbox.run(&["db", "truncate", url, "--yes", "--backup=copy.duckdb"]).success();
    sandbox.run(&["db", "downgrade", url, "--backup=copy.duckdb"]).exit(1);
    assert_eq!(sandbox.run(&["list", "--db", url, "--json"]).success().json(), serde_json::json!([]));
    let copy = "duckdb:///copy.duckdb";
    sandbox.run(&["db", "info", copy]).success();
    sandbox.run(&["db", "current", copy, "--check"]).success();
    assert_eq!(sandbox.run(&["list", "--db", copy, "--json"]).success().json(), listed);
    sandbox.run(&["put", "book.yaml", "--db", url]).success();
}

#[test]
fn a_migration_that_is_half_done_is_said_to_be() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    let text = "-- charter: no-transaction\nCREATE TABLE pens (id BIGINT);\nINSERT INTO nowhere VALUES (1);\n";
    sandbox.write("sql/V30__pens.sql", text);
    sandbox.write("sql/V30__pens.down.sql", "DROP TABLE pens;\n");
    sandbox.run(&["db", "upgrade"]).exit(1);
    assert_output!(sandbox, sandbox.run(&["db", "current", "--set", "shop"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    shop     20 email [SHORT DIGEST]
    shop     unfinished  30 pens: applying it was begun and not finished, 1 of 2 steps are done
    shop     pending  30 pens [SHORT DIGEST]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "pending"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    unfinished  shop     30 pens: applying it was begun and not finished, 1 of 2 steps are done
    pending  shop     30 pens [SHORT DIGEST]
      [DIRECTORY]/sql/V30__pens.sql:3:1: sqlite-cannot-run: no such table: nowhere
    --- stderr ---
    "#);
    sandbox.run(&["db", "current", "--check"]).exit(1);
    let current = sandbox.run(&["db", "current", "--json"]).success().json();
    assert_eq!(current["sets"][1]["unfinished"]["steps_done"], 1);
    sandbox.write("sql/V30__pens.sql", text.replace("INSERT INTO nowhere VALUES (1)", "INSERT INTO pens VALUES (1)"));
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.run(&["db", "current", "--check"]).success();
}

#[test]
fn a_server_is_never_said_to_be_backed_up() {
    let (sandbox, database) = (shop(), postgres::database());
    sandbox.run(&["db", "init", database.url(), "--env", "dev"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "downgrade", database.url(), "--backup"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    warning: postgresql://charter:***@127.0.0.1:[PORT]/[DATABASE] loses the column orders.email, with 0 values
    error: charter makes no backup of a server, and postgresql://charter:***@127.0.0.1:[PORT]/[DATABASE] is on one
    hint: make one with `pg_dump --format=custom --file=[DATABASE].dump 'postgresql://charter@127.0.0.1:[PORT]/[DATABASE]'`, then go on without --backup
    "#);
    let current = sandbox.run(&["db", "current", database.url(), "--json"]).success().json();
    assert_eq!(current["at_head"], true);
}

#[test]
fn the_projects_tables_have_a_schema_of_their_own_on_a_server() {
    let (sandbox, database) = (shop(), postgres::database());
    let url = database.url();
    sandbox.run(&["db", "upgrade", url]).success();
    let tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'shop' ORDER BY 1");
    let tables: Vec<String> = tables.into_iter().flatten().flatten().collect();
    assert_eq!(tables, ["orders", "shop_schema_audit", "shop_schema_history"]);
    database.execute("INSERT INTO shop.orders VALUES (1, 'a', NULL), (2, 'b', 'b@example.com')");
    let refused = sandbox.run(&["db", "downgrade", url, "base"]).exit(4);
    assert!(refused.stderr.contains("loses the column orders.email, with 1 value\n"), "{refused}");
    assert!(refused.stderr.contains("loses the table orders, with 2 rows\n"), "{refused}");
    sandbox.run(&["db", "downgrade", url, "base", "--confirm", database.name()]).success();
    let tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'shop' AND tablename = 'orders'");
    assert!(tables.is_empty());
    sandbox.run(&["list", "--db", url]).success();
}

#[test]
fn a_database_that_is_ahead_is_said_to_be() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    fs::remove_file(sandbox.path("sql/V20__email.sql")).expect("a file");
    fs::remove_file(sandbox.path("sql/V20__email.down.sql")).expect("a file");
    assert_output!(sandbox, sandbox.run(&["db", "current", "--set", "shop"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    shop     20 email (newer than this program)
    shop     ahead of this program by 1 migration
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "upgrade"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db has every migration already
    --- stderr ---
    warning: sqlite:///[DIRECTORY]/charter.db is ahead of this program by 1 migration of the set shop
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "downgrade", "10"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/charter.db: migration 20 (email) is not among those of the set shop: it cannot be taken back
    hint: bring back its files, or use the program that applied it
    "#);
}
