//! `charter db`.

mod branches;
mod by_hand;
mod content;
mod create;
mod environment;
mod host;
mod outside;
mod project;
mod scripts;
mod servers;
mod validate;

use super::SHORT_DIGESTS;
use crate::support::{Sandbox, assert_output, postgres};

#[test]
fn a_database_is_made_once() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["db", "init"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    applied  1 contracts [SHORT DIGEST]
    sqlite:///[DIRECTORY]/charter.db has every migration now
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "init"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db has every migration already
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "upgrade", "sqlite:///b.db", "--json"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/b.db",
      "applied": [
        {
          "set": "charter",
          "number": 1,
          "name": "contracts",
          "id": "[SHORT DIGEST]"
        }
      ],
      "backup": null,
      "not_tried": []
    }
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "upgrade", "sqlite:///b.db", "--json"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/b.db",
      "applied": [],
      "backup": null,
      "not_tried": []
    }
    --- stderr ---
    "#);
}

#[test]
fn current_tells_where_a_database_is() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["db", "current"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: there is no database sqlite:///[DIRECTORY]/charter.db
    hint: make it with `charter db init sqlite:///[DIRECTORY]/charter.db`
    "#);
    sandbox.write("charter.db", "");
    assert_output!(sandbox, sandbox.run(&["db", "current"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    not initialised
    pending  1 contracts [SHORT DIGEST]
    --- stderr ---
    hint: make charter's tables with `charter db init sqlite:///[DIRECTORY]/charter.db`
    "#);
    sandbox.run(&["db", "current", "--check"]).exit(1);
    assert_output!(sandbox, sandbox.run(&["db", "history"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    NUMBER  NAME       ID            APPLIED
    1       contracts  [SHORT DIGEST]  pending
    --- stderr ---
    "#);
    sandbox.run(&["db", "init"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "current"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    1 contracts [SHORT DIGEST] (head)
    --- stderr ---
    "#);
    sandbox.run(&["db", "current", "--check"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "current", "--json"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "initialised": true,
      "environment": "dev",
      "at_head": true,
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
        }
      ]
    }
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "history"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    NUMBER  NAME       ID            APPLIED
    1       contracts  [SHORT DIGEST]  [TIME]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "history", "--json"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    [
      {
        "set": "charter",
        "number": 1,
        "name": "contracts",
        "id": "[SHORT DIGEST]",
        "applied_at": "[TIME]"
      }
    ]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "current", "memory:"]), @r#"
    exit: 0
    --- stdout ---
    memory: has no migrations
    --- stderr ---
    "#);
}

#[test]
fn a_database_that_is_not_initialised_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.db", "");
    assert_output!(sandbox, sandbox.run(&["list"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/charter.db is no charter registry yet
    hint: make it one with `charter db init sqlite:///[DIRECTORY]/charter.db`
    "#);
}

#[test]
fn another_programs_database_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("alembic.ini", "[alembic]\nsqlalchemy.url = sqlite:///host.db\n");
    sandbox.write("host.db", "");
    for arguments in [&["init"][..], &["db", "init"], &["db", "upgrade"]] {
        sandbox.run(arguments).exit(4);
        assert_eq!(sandbox.read("host.db"), "");
    }
    assert_output!(sandbox, sandbox.run(&["db", "init"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/host.db ([DIRECTORY]/alembic.ini:2:18) is named by another program's configuration, and charter makes nothing there by itself
    hint: name the database as an argument, or in a charter.cfg
    "#);
    sandbox.run_with_input(&["put", "-", "--name", "x"], "{}").exit(4);
    sandbox.run(&["db", "init", "sqlite:///host.db"]).success();
    sandbox.run_with_input(&["put", "-", "--name", "x"], "{}").success();
}

#[test]
fn errors_name_the_database_and_what_named_it() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[database]\nurl = sqlite:///text.db\n");
    sandbox.write(
        "text.db",
        "This is no database, but a text that is longer than the header of one would be.\n".repeat(9),
    );
    sandbox.write("x.json", "{}");
    insta::allow_duplicates! {
    for arguments in [&["list"][..], &["get", "x"], &["put", "x.json"], &["db", "current"], &["sync", "status"]] {
        assert_output!(sandbox, sandbox.run(arguments), @r#"
        exit: 1
        --- stdout ---
        --- stderr ---
        error: sqlite:///[DIRECTORY]/text.db (from [DIRECTORY]/charter.cfg:2:7): SQLite: file is not a database
        hint: the file is not a SQLite database
        "#);
    }
    }
    assert_output!(sandbox, sandbox.run(&["list", "--db", "postgresql://u:hunter2@127.0.0.1:1/d"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: postgresql://u:***@127.0.0.1:[PORT]/d: connecting to the server: PostgreSQL: error connecting to server: Connection refused (os error 111)
    hint: check that the server runs, and that the host and port in the URL are right
    "#);
    sandbox.write("folder/x", "");
    insta::allow_duplicates! {
    for arguments in [&["list"][..], &["put", "x.json"], &["init"], &["db", "init"], &["watch", "folder"]] {
        let arguments = [arguments, &["--db", "sqlite:///folder"]].concat();
        assert_output!(sandbox, sandbox.run(&arguments), @r#"
        exit: 1
        --- stdout ---
        --- stderr ---
        error: sqlite:///[DIRECTORY]/folder is a folder, not a database
        hint: name a file in it: sqlite:///[DIRECTORY]/folder/charter.db
        "#);
    }
    }
}

#[test]
fn another_programs_missing_database_is_not_to_be_made() {
    let sandbox = Sandbox::new();
    sandbox.write("alembic.ini", "[alembic]\nsqlalchemy.url = sqlite:///host.db\n");
    assert_output!(sandbox, sandbox.run(&["list"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: the database of [DIRECTORY]/alembic.ini:2:18: there is no database sqlite:///[DIRECTORY]/host.db
    hint: the program that names it makes it; for another database, use --db or a charter.cfg
    "#);
    let refused = sandbox.run_with_input(&["put", "-", "--name", "x"], "{}").exit(4);
    assert!(refused.stderr.contains("alembic.ini:2:18"), "{refused}");
}

#[test]
fn a_server_is_made_and_told_of() {
    let (sandbox, database) = (Sandbox::new(), postgres::database());
    let url = database.url();
    assert_eq!(sandbox.run(&["list", "--db", url]).code(), Some(4));
    let current = sandbox.run(&["db", "current", url, "--json"]).success().json();
    assert_eq!((&current["initialised"], &current["at_head"]), (&false.into(), &false.into()));
    assert_eq!(database.query("SELECT 1 FROM pg_namespace WHERE nspname = 'charter'").len(), 0);
    assert_eq!(sandbox.run(&["db", "init", url, "--json"]).success().json()["applied"][0]["number"], 1);
    sandbox.run(&["db", "init", url]).success();
    sandbox.run(&["db", "current", url, "--check"]).success();
    let current = sandbox.run(&["db", "current", "--db", url, "--json"]).success().json();
    assert_eq!((&current["environment"], &current["at_head"]), (&"prod".into(), &true.into()));
    sandbox.run(&["db", "current", url, "--db", url]).exit(2);
}

#[test]
fn a_server_that_refuses_says_what_to_do() {
    let (sandbox, database) = (Sandbox::new(), postgres::database());
    let (_, address) = database.url().split_once('@').expect("a user");
    let role = format!("{}_reader", database.name());
    database.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'"));
    let refused = sandbox.run(&["db", "init", &format!("postgresql://{role}:secret@{address}")]);
    database.execute(&format!("DROP ROLE {role}"));
    let refused = refused.exit(1);
    assert!(refused.stderr.contains("hint: a role that may create schemas in the database"), "{refused}");
    assert!(!refused.stderr.contains("because") && !refused.stderr.contains("secret"), "{refused}");
    let refused = sandbox.run(&["list", "--db", &format!("{}?sslmode=require", database.url())]).exit(1);
    assert!(refused.stderr.contains("?sslmode=disable"), "{refused}");
}
