//! `charter db validate`, and configurations of migrations that cannot be.

use super::project::shop;
use crate::support::{Sandbox, assert_output};

#[test]
fn everything_that_is_wrong_with_the_files_is_told() {
    let sandbox = shop();
    assert_output!(sandbox, sandbox.run(&["db", "validate"]), @r#"
    exit: 0
    --- stdout ---
    valid
    --- stderr ---
    there is no database sqlite:///[DIRECTORY]/charter.db: only the files were looked at
    "#);
    assert!(!sandbox.path("charter.db").exists());
    sandbox.write("sql/V20__mail.sql", "SELECT 1;");
    sandbox.write("sql/V30__no_down.sql", "SELECT 1;\nCOMMIT;");
    sandbox.write("sql/V5-wrong.sql", "");
    sandbox.write("sql/V40__lost.duckdb.sql", "");
    assert_output!(sandbox, sandbox.run(&["db", "validate"]), @r#"
    exit: 1
    --- stdout ---
    error: [DIRECTORY]/sql/V20__mail.sql: number 20 is taken by V20__email.sql
    error: [DIRECTORY]/sql/V30__no_down.sql:2:1: COMMIT in a migration that runs in one transaction with its row of history
    error: [DIRECTORY]/sql/V40__lost.duckdb.sql: there is no V40__lost.sql that this belongs to
    error: [DIRECTORY]/sql/V5-wrong.sql: the name is not V<number>__<slug>.sql, .down.sql, .<engine>.sql or .<engine>.down.sql
    warning: [DIRECTORY]/sql/V30__no_down.sql: there is no down migration: it cannot be taken back, and staging and prod refuse it
    invalid: 4 errors and 1 warning
    --- stderr ---
    there is no database sqlite:///[DIRECTORY]/charter.db: only the files were looked at
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "upgrade"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: [DIRECTORY]/sql/V20__mail.sql: number 20 is taken by V20__email.sql
    hint: `charter db validate` shows everything that is wrong with the files
    "#);
    assert!(!sandbox.path("charter.db").exists(), "what cannot be applied makes no file");
    let json = sandbox.run(&["db", "validate", "--json"]).exit(1).json();
    assert_eq!((&json["status"], json["errors"].as_array().map(Vec::len)), (&"invalid".into(), Some(4)));
    assert_eq!(json["warnings"][0]["file"], sandbox.path("sql/V30__no_down.sql").to_string_lossy().into_owned());
}

/// Each is one finding among the others, with its file; nobody waits for what never ends.
#[test]
#[cfg(unix)]
fn files_that_cannot_be_read_are_told_among_the_others() {
    use std::fs;
    use std::os::unix::fs::symlink;
    let sandbox = shop();
    sandbox.run(&["db", "init"]).success();
    let sql = |name: &str| sandbox.path("sql").join(name);
    let made = std::process::Command::new("mkfifo").arg(sql("V30__pipe.sql")).status().expect("mkfifo");
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(sql("V31__socket.sql")).expect("a socket");
    fs::create_dir(sql("V32__folder.sql")).expect("a folder");
    fs::create_dir(sql("old.sql")).expect("a folder that is called as no migration is");
    symlink("gone.sql", sql("V33__gone.sql")).expect("a link");
    symlink("V34__loop.sql", sql("V34__loop.sql")).expect("a link");
    symlink("V30__pipe.sql", sql("V35__to_pipe.sql")).expect("a link");
    fs::write(sql("V36__latin.sql"), b"SELECT 1;\nSELECT '\xc3\xa4\xe4';\n").expect("a file");
    fs::write(sql("V37__wide.sql"), b"\xff\xfeS\0E\0").expect("a file");
    // That its base cannot be read is enough.
    sandbox.write("sql/V37__wide.down.sql", "SELECT 1;");
    fs::write(sandbox.path("linked"), "SELECT 1;").expect("a file");
    symlink(sandbox.path("linked"), sql("V38__linked.sql")).expect("a link");
    sandbox.write("sql/V39-wrong.sql", "");
    assert_output!(sandbox, sandbox.run(&["db", "validate"]), @r#"
    exit: 1
    --- stdout ---
    error: [DIRECTORY]/sql/V30__pipe.sql: it is not a regular file
    error: [DIRECTORY]/sql/V31__socket.sql: it is not a regular file
    error: [DIRECTORY]/sql/V32__folder.sql: it is a folder, not a regular file
    error: [DIRECTORY]/sql/V33__gone.sql: it is a link to gone.sql, which does not exist
    error: [DIRECTORY]/sql/V34__loop.sql: it cannot be read: Too many levels of symbolic links (os error 40)
    error: [DIRECTORY]/sql/V35__to_pipe.sql: it is not a regular file
    error: [DIRECTORY]/sql/V36__latin.sql:2:10: the file is not UTF-8
    error: [DIRECTORY]/sql/V37__wide.sql:1:1: the file is UTF-16, not UTF-8
    error: [DIRECTORY]/sql/V39-wrong.sql: the name is not V<number>__<slug>.sql, .down.sql, .<engine>.sql or .<engine>.down.sql
    warning: [DIRECTORY]/sql/V38__linked.sql: there is no down migration: it cannot be taken back, and staging and prod refuse it
    invalid: 9 errors and 1 warning
    --- stderr ---
    "#);
    let json = sandbox.run(&["db", "validate", "--json"]).exit(1).json();
    let place = |found: &serde_json::Value| {
        let file = found["file"].as_str().expect("a file").rsplit('/').next().expect("a name").to_owned();
        (file, found["line"].as_u64(), found["column"].as_u64())
    };
    let errors = json["errors"].as_array().expect("errors");
    assert_eq!(place(&errors[6]), ("V36__latin.sql".to_owned(), Some(2), Some(10)));
    let verbs: [&[&str]; 11] = [
        &["upgrade"],
        &["upgrade", "--sql"],
        &["downgrade"],
        &["current"],
        &["pending"],
        &["stamp", "head"],
        &["verify"],
        &["check"],
        &["create", "-m", "more"],
        &["lint"],
        &["renumber", "--migration", "V20__email.sql"],
    ];
    for verb in verbs {
        let failed = sandbox.run(&[&["db"], verb].concat());
        assert!(failed.stderr.contains("sql/V30__pipe.sql: it is not a regular file"), "{verb:?}: {failed}");
        assert!(!failed.stderr.contains("make the folder"), "{verb:?}: {failed}");
    }
}

#[test]
fn a_migration_in_a_subfolder_is_told() {
    let sandbox = shop();
    sandbox.write("sql/old/V5__old.sql", "SELECT 1;");
    sandbox.write("sql/old/notes.sql", "SELECT 1;");
    let told = sandbox.run(&["db", "validate"]).success();
    let warning = "sql/old/V5__old.sql: it is in a subfolder, and is not applied";
    assert!(told.stdout.contains(warning) && told.stdout.ends_with("valid, with 1 warning\n"), "{told}");
}

/// Nobody has asked for a database that only the configuration names; one of the command line is to be looked at.
#[test]
fn a_database_that_is_named_must_be_there() {
    let sandbox = shop();
    sandbox.run(&["--db", "sqlite:///misspelt.db", "db", "validate"]).exit(1);
    let told = sandbox.run(&["db", "validate", "sqlite:///misspelt.db"]).exit(1);
    assert!(told.stdout.contains("misspelt.db: there is no such database"), "{told}");
    let json = sandbox.run(&["db", "validate", "sqlite:///misspelt.db", "--json"]).exit(1).json();
    assert_eq!((&json["status"], &json["has_database"]), (&"invalid".into(), &false.into()));
    assert_eq!(sandbox.files(), ["charter.cfg", "sql"]);
    sandbox.run(&["db", "init"]).success();
    sandbox.run(&["db", "validate", "sqlite:///charter.db"]).success();
}

#[test]
fn a_changed_or_missing_migration_is_told() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.write("sql/V10__orders.sql", "CREATE TABLE orders (id TEXT);\n");
    let told = sandbox.run(&["db", "validate"]).exit(1);
    assert!(told.stdout.contains("/sql/V10__orders.sql: ") && told.stdout.contains("with another text"), "{told}");
    let json = sandbox.run(&["db", "validate", "--json"]).exit(1).json();
    let found = &json["errors"][0];
    assert_eq!(found["file"], sandbox.path("sql/V10__orders.sql").to_string_lossy().into_owned());
    assert!(found["message"].as_str().is_some_and(|message| message.starts_with("migration 10 orders ")), "{json}");
    for verb in ["upgrade", "downgrade", "pending"] {
        let refused = sandbox.run(&["db", verb]).exit(4);
        assert!(
            refused.stderr.contains("sql/V10__orders.sql: ") && refused.stderr.contains("with another text"),
            "{refused}"
        );
    }
    let orders = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);\n";
    sandbox.write("sql/V10__orders.sql", orders);
    sandbox.run(&["db", "validate"]).success();
    sandbox.write("sql/V15__between.sql", "SELECT 1;");
    sandbox.write("sql/V15__between.down.sql", "SELECT 1;");
    let told = sandbox.run(&["db", "validate"]).exit(1);
    assert!(told.stdout.contains("/sql/V15__between.sql: migration 15 "), "{told}");
    for side in ["V15__between.sql", "V15__between.down.sql", "V10__orders.sql", "V10__orders.down.sql"] {
        std::fs::remove_file(sandbox.path("sql").join(side)).expect("a file");
    }
    let told = sandbox.run(&["db", "validate"]).exit(1);
    assert!(told.stdout.contains("the database has migration 10 (orders)"), "{told}");
}

#[test]
fn a_folder_that_is_not_there_is_blamed_on_the_line_that_names_it() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = nowhere\n");
    for verb in ["upgrade", "current", "validate"] {
        let failed = sandbox.run(&["db", verb]).exit(1);
        assert!(failed.stderr.contains("charter.cfg:2:7") && failed.stderr.contains("nowhere"), "{failed}");
        assert!(failed.stderr.contains("hint: make the folder"), "{failed}");
    }
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nlock_timeout = soon\n");
    assert_output!(sandbox, sandbox.run(&["db", "current"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: [DIRECTORY]/charter.cfg:3:16: this is no length of time
    hint: write a whole number with its unit, ms, s, min or h: [DURATION], [DURATION], 2min
    "#);
}

#[test]
fn a_database_that_cannot_be_read_is_not_valid() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    let whole = std::fs::read(sandbox.path("charter.db")).expect("the database");
    sandbox.write("text.db", "this is no database, but text that goes on for a while");
    sandbox.write("half.db", &whole[..whole.len() / 2]);
    sandbox.write("empty.db", "");
    for url in ["sqlite:///text.db", "sqlite:///half.db", "postgresql://ada:secret@127.0.0.1:1/shop"] {
        let json = sandbox.run(&["db", "validate", url, "--json"]).exit(1).json();
        assert_eq!((&json["status"], json["errors"].as_array().map(Vec::len)), (&"invalid".into(), Some(1)), "{json}");
    }
    let told = sandbox.run(&["db", "validate", "postgresql://ada:secret@127.0.0.1:1/shop"]).exit(1);
    assert!(told.stdout.contains("error: postgresql://ada:***@127.0.0.1:1/shop: "), "{told}");
    for url in ["sqlite:///empty.db", "memory:"] {
        sandbox.run(&["db", "validate", url]).success();
    }
}

/// A history is looked at above all when it does not fit the files.
#[test]
fn a_history_that_does_not_fit_the_files_can_be_seen() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.write("sql/V15__between.sql", "CREATE TABLE between_them (id BIGINT);");
    std::fs::remove_file(sandbox.path("sql/V10__orders.sql")).expect("a file");
    std::fs::remove_file(sandbox.path("sql/V10__orders.down.sql")).expect("a file");
    assert_output!(sandbox, sandbox.run(&["db", "history"]), [super::super::SHORT_DIGESTS], @r#"
    exit: 4
    --- stdout ---
    SET      NUMBER  NAME       ID            APPLIED
    charter  1       contracts  [SHORT DIGEST]  [TIME]
    shop     10      orders     unknown       [TIME]
    shop     15      between    [SHORT DIGEST]  pending
    shop     20      email      [SHORT DIGEST]  [TIME]
    --- stderr ---
    error: sqlite:///[DIRECTORY]/charter.db: the database has migration 10 (orders), which is not among those of the set shop
    hint: bring back its files, for example from the branch that it was made on; if the database has nothing of it any more, `charter db stamp 20` records that
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "current"]), [super::super::SHORT_DIGESTS], @r#"
    exit: 4
    --- stdout ---
    charter  1 contracts [SHORT DIGEST] (head)
    shop     20 email [SHORT DIGEST]
    shop     pending  15 between [SHORT DIGEST]
    --- stderr ---
    error: sqlite:///[DIRECTORY]/charter.db: the database has migration 10 (orders), which is not among those of the set shop
    hint: bring back its files, for example from the branch that it was made on; if the database has nothing of it any more, `charter db stamp 20` records that
    "#);
    sandbox.run(&["db", "history", "--set", "charter"]).success();
    sandbox.run(&["db", "current", "--set", "charter", "--check"]).success();
    let entries = sandbox.run(&["db", "history", "--verbose", "--json"]).success().json();
    assert_eq!(entries.as_array().map(Vec::len), Some(3));
    let json = sandbox.run(&["db", "current", "--json"]).exit(4).json();
    assert_eq!((&json["at_head"], &json["sets"][0]["at_head"]), (&false.into(), &true.into()));
    let json = sandbox.run(&["db", "history", "--json"]).exit(4).json();
    assert_eq!(json.as_array().map(Vec::len), Some(4));
}

/// An engine would take it for the end of the text.
#[test]
fn a_nul_character_is_refused_before_anything_runs() {
    let sandbox = shop();
    sandbox.write("sql/V30__half.sql", "CREATE TABLE a (id BIGINT);\n\0DROP TABLE orders;\n");
    sandbox.write("sql/V30__half.down.sql", "DROP TABLE a;\n");
    let told = sandbox.run(&["db", "validate"]).exit(1);
    assert!(told.stdout.contains("V30__half.sql:2:1: there is a NUL character in the text"), "{told}");
    sandbox.run(&["db", "upgrade"]).exit(1);
    assert!(!sandbox.path("charter.db").exists());
}

#[test]
fn charters_own_name_is_for_its_own_migrations() {
    let sandbox = shop();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = charter\n");
    let told = sandbox.run(&["db", "upgrade"]).exit(1);
    assert!(told.stderr.contains("charter.cfg:2:7") && told.stderr.contains("another name"), "{told}");
}

#[test]
fn what_was_not_tried_is_not_verified() {
    let sandbox = shop();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nengines = postgres\n");
    let told = sandbox.run(&["db", "verify"]).exit(1);
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("nothing was tried") && told.stderr.contains("--against URL"), "{told}");
}
