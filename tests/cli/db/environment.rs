//! `charter db environment`.

use crate::support::{Sandbox, assert_output, postgres, terminal};

#[test]
fn it_is_printed_and_changed() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["db", "environment"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: there is no database sqlite:///[DIRECTORY]/charter.db
    hint: make it with `charter db init sqlite:///[DIRECTORY]/charter.db`
    "#);
    sandbox.run(&["init"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "environment", "--env", "prod"]), @r#"
    exit: 0
    --- stdout ---
    dev
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "environment", "staging"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db is staging now; it was dev
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "environment", "sqlite:///charter.db", "prod", "--json"]), @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "environment": "prod",
      "before": "staging"
    }
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "environment", "prod"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db is prod already
    --- stderr ---
    "#);
    sandbox.run(&["db", "environment", "sqlite:///charter.db", "production"]).exit(2);
    let told = sandbox.run(&["db", "environment", "nonsense"]).exit(2);
    assert!(told.stderr.contains("sqlite:///FILE") && told.stderr.contains("dev, staging and prod"), "{told}");
}

#[test]
fn weaker_rules_are_confirmed() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init", "--env", "prod"]).success();
    assert_output!(sandbox, sandbox.run(&["db", "environment", "dev", "--yes"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/charter.db: changing the environment to dev in prod must be confirmed with the database's name
    hint: say --confirm charter.db
    "#);
    sandbox.run(&["db", "environment", "dev", "--confirm", "other.db"]).exit(4);
    // What a client says of itself makes it no easier.
    sandbox.run(&["--env", "dev", "db", "environment", "dev", "--yes"]).exit(4);
    let (code, seen) = terminal::run(&sandbox, &["db", "environment", "staging"], "charter.db\n");
    assert_eq!(code, Some(0), "{seen}");
    let (code, seen) = terminal::run(&sandbox, &["db", "environment", "dev"], "n\n");
    assert_eq!(code, Some(4), "{seen}");
    assert_output!(sandbox, sandbox.run(&["db", "environment", "dev", "--yes"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db is dev now; it was staging
    --- stderr ---
    "#);
    let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("the file");
    let mut rows = file
        .prepare("SELECT detail, environment FROM charter_schema_audit WHERE action = 'environment' ORDER BY entry")
        .expect("a query");
    let changes = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let changes: Vec<(String, String)> = changes.collect::<Result<_, _>>().expect("texts");
    let change = |detail: &str, environment: &str| (detail.to_owned(), environment.to_owned());
    assert_eq!(changes, [change("prod -> staging", "prod"), change("staging -> dev", "staging")]);
}

#[test]
fn the_owner_of_a_servers_tables_changes_it_for_all_clients() {
    let sandbox = Sandbox::new();
    let database = postgres::database();
    sandbox.run(&["db", "init", database.url()]).success();
    assert_eq!(sandbox.run(&["db", "environment", database.url()]).success().stdout, "prod\n");
    let role = format!("clerk_{}", uuid::Uuid::new_v4().simple());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA charter TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA charter TO {role}"
    ));
    let (_, address) = database.url().split_once('@').expect("a user in the URL");
    let as_clerk = format!("postgresql://{role}:x@{address}");
    let output = sandbox.run(&["db", "environment", &as_clerk, "staging", "--confirm", database.name()]).exit(4);
    assert!(output.stderr.contains("charter's tables belong to"), "{output}");
    assert_eq!(sandbox.run(&["db", "environment", &as_clerk]).success().stdout, "prod\n");
    sandbox.run(&["db", "environment", database.url(), "staging", "--yes"]).exit(4);
    sandbox.run(&["db", "environment", database.url(), "staging", "--confirm", database.name()]).success();
    assert_eq!(
        database.query("SELECT DISTINCT environment FROM charter.charter_schema_version"),
        [[Some("staging".to_owned())]]
    );
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// A URL that is configured would be said without its password; the verb finds it again.
#[test]
fn what_is_configured_need_not_be_said_again() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[database]\nurl = sqlite:///other.db\n[migrations]\nmigrate = never\n");
    let told = sandbox.run(&["db", "current"]).exit(1);
    assert!(told.stderr.contains("other.db") && told.stderr.contains("hint: make it with `charter db init`"), "{told}");
    let told = sandbox.run(&["db", "current", "sqlite:///third.db"]).exit(1);
    assert!(told.stderr.contains("third.db`"), "{told}");
}

/// One command line serves all environments: what is let pass is kept with its reason in dev, too.
#[test]
fn what_is_let_pass_has_a_reason_in_dev_too() {
    let sandbox = super::project::shop();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.write("sql/V30__less.sql", "ALTER TABLE orders DROP COLUMN note;\n");
    sandbox.write("sql/V30__less.down.sql", "ALTER TABLE orders ADD COLUMN note TEXT;\n");
    let allow = ["db", "upgrade", "--allow", "column-dropped@30", "--reason", "nobody reads it"];
    let told = sandbox.run(&allow).success();
    assert!(told.stderr.contains("(allowed: nobody reads it)") && !told.stderr.contains("lets nothing pass"), "{told}");
    let history = sandbox.run(&["db", "history", "--verbose"]).success();
    assert!(history.stdout.contains("allowed column-dropped: nobody reads it\n"), "the reason once: {history}");
    let told = sandbox.run(&allow).success();
    assert!(told.stderr.contains("--allow column-dropped@30 lets nothing pass"), "{told}");
    let other = ["db", "upgrade", "--allow", "drop-column@30", "--reason", "nobody reads it"];
    let told = sandbox.run(&other).exit(2);
    assert!(told.stderr.contains("is `column-dropped` meant?"), "{told}");
}

#[test]
fn the_reason_of_what_is_done_is_kept() {
    let sandbox = super::project::shop();
    sandbox.run(&["db", "upgrade", "10", "--reason", " release 7 "]).success();
    let sql = sandbox.run(&["db", "upgrade", "--sql", "--reason", "release 8"]).success();
    assert!(sql.stdout.contains("'release 8'"), "{sql}");
    sandbox.run(&["db", "upgrade"]).success();
    let sql = sandbox.run(&["db", "downgrade", "--sql", "--reason", "it's slow"]).success();
    assert!(sql.stdout.contains("'it''s slow'"), "{sql}");
    sandbox.run(&["db", "downgrade", "--reason", "it's slow"]).success();
    // Steps have details of their own.
    sandbox.write(
        "sql/V30__steps.sql",
        "-- charter: no-transaction\nCREATE TABLE a (b TEXT);\nCREATE TABLE c (d TEXT);\n",
    );
    sandbox.run(&["db", "upgrade", "--reason", "release 9"]).success();
    let history = sandbox.run(&["db", "history", "--verbose", "--json"]).success().json();
    let entries = history["history"].as_array().or(history.as_array()).or(history["entries"].as_array()).expect("rows");
    let of_shop = entries.iter().filter(|entry| entry["set"] == "shop" && entry["action"] != "step");
    let of_shop: Vec<_> = of_shop
        .map(|entry| (entry["action"].as_str().expect("a word"), entry["number"].as_u64(), entry["detail"].as_str()))
        .collect();
    assert_eq!(
        of_shop,
        [
            ("applied", Some(10), Some("release 7")),
            ("applied", Some(20), None),
            ("reverted", Some(20), Some("it's slow")),
            ("applied", Some(20), Some("release 9")),
            ("apply_started", Some(30), Some("release 9")),
            ("applied", Some(30), Some("release 9")),
        ]
    );
    let history = sandbox.run(&["db", "history", "--verbose"]).success();
    assert!(history.stdout.contains("release 7\n") && history.stdout.contains("it's slow\n"), "{history}");
    for verb in ["upgrade", "downgrade"] {
        let told = sandbox.run(&["db", verb, "--reason", " "]).exit(2);
        assert!(told.stderr.contains("the reason is empty"), "{told}");
    }
}

/// Nor does it need a right to write, or wait for anybody.
#[test]
fn an_upgrade_that_finds_nothing_to_do_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["db", "upgrade"]).success();
    let writer = rusqlite::Connection::open(sandbox.path("charter.db")).expect("the file");
    writer.execute_batch("BEGIN IMMEDIATE").expect("the right to write");
    let told = sandbox.run(&["db", "upgrade"]).success();
    assert!(told.stdout.contains("has every migration already"), "{told}");
    sandbox.run(&["db", "init"]).success();
}

/// Who releases to prod looks at what is pending, signs what would run, and applies it: nothing is refused at the last step
/// alone.
#[test]
fn what_prod_refuses_for_its_trial_is_told_before() {
    let sandbox = super::project::shop();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.run(&["db", "environment", "prod"]).success();
    sandbox.write("sql/V30__wares.sql", "CREATE TABLE wares (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.write("sql/V30__wares.down.sql", "SELECT 1;\n");
    let pending = sandbox.run(&["db", "pending"]).success();
    assert!(pending.stdout.contains("refused") && pending.stdout.contains("throw-away database"), "{pending}");
    let script = sandbox.run(&["db", "upgrade", "--sql"]).success();
    assert!(script.stdout.contains("wares") && script.stderr.contains("throw-away database"), "{script}");
    let refused = sandbox.run(&["db", "upgrade", "--yes"]).exit(4);
    assert!(refused.stderr.contains("throw-away database"), "{refused}");
    sandbox.write("sql/V30__wares.down.sql", "DROP TABLE wares;\n");
    let pending = sandbox.run(&["db", "pending"]).success();
    assert!(!pending.stdout.contains("refused"), "{pending}");
}
