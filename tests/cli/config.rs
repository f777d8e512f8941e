//! Where the program finds its database.

use super::USER;
use crate::support::{Sandbox, assert_output};

const SECTION: &str = "CHARTER__DATABASE__SQL_ALCHEMY_CONN";
const SHORT: &str = "CHARTER_DATABASE_URL";

/// The database that a command uses, by the file's name.
fn used(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = ["put", "user.json", "--json"].iter().chain(arguments).copied().collect();
    let database = sandbox.run(&arguments).success().json()["database"].to_string();
    database.trim_matches('"').rsplit('/').next().unwrap_or_default().to_owned()
}

#[test]
fn the_strongest_source_counts() {
    let mut sandbox = Sandbox::new();
    sandbox.write("user.json", USER);
    assert_eq!(used(&sandbox, &[]), "charter.db");
    std::fs::create_dir(sandbox.home().join(".charter")).expect("a folder");
    let home = sandbox.home().join(".charter/charter.cfg");
    std::fs::write(home, "[database]\nurl = sqlite:///home.db\n").expect("a file");
    assert_eq!(used(&sandbox, &[]), "home.db");
    sandbox.write("charter.cfg", "[database]\nsql_alchemy_conn = sqlite:///file%40#1;2.db\n");
    assert_eq!(used(&sandbox, &[]), "file%40#1;2.db");
    sandbox = sandbox.with(SHORT, "sqlite:///short.db");
    assert_eq!(used(&sandbox, &[]), "short.db");
    sandbox = sandbox.with(SECTION, "sqlite:///section.db");
    assert_eq!(used(&sandbox, &[]), "section.db");
    assert_eq!(used(&sandbox, &["--db", "sqlite:///argument.db"]), "argument.db");
    assert_output!(sandbox, sandbox.run(&["db", "current", "sqlite:///a.db", "--db", "sqlite:///b.db"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: the URL is given twice: as an argument and with --db
    hint: leave out one of them
    "#);
}

#[test]
fn a_file_that_does_not_parse_is_an_error_with_its_line() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[database]\nurl = sqlite:///a.db\nnonsense\n");
    assert_output!(sandbox, sandbox.run(&["list"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: [DIRECTORY]/charter.cfg:3:1: this line is neither a section, nor a comment, nor `key = value`
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "--json", "--db", "sqlite:///b.db"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"configuration","message":"this line is neither a section, nor a comment, nor `key = value`","location":{"file":"[DIRECTORY]/charter.cfg","line":3,"column":1}}}
    "#);
    sandbox.write("charter.cfg", "[database]\nurl = sqlit:///a.db\n");
    assert_output!(sandbox, sandbox.run(&["list"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: [DIRECTORY]/charter.cfg:2:7: charter does not know the scheme `sqlit:`
    hint: did you mean `sqlite:`? use sqlite:///FILE, duckdb:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory:
    "#);
}

#[test]
fn a_misspelt_key_is_a_warning_with_its_line() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[database]\nsqlalchemy_conn = sqlite:///a.db\n");
    assert_output!(sandbox, sandbox.run(&["init"]), @r#"
    exit: 0
    --- stdout ---
    made sqlite:///[DIRECTORY]/charter.db
    --- stderr ---
    warning: [DIRECTORY]/charter.cfg:2:19: charter does not know the key `sqlalchemy_conn`: is `sql_alchemy_conn` meant?
    next: `charter put FILE` stores a contract
    "#);
}

#[test]
fn pycharters_settings_make_a_hint() {
    let sandbox = Sandbox::new().with("PYCHARTER_DATABASE_URL", "postgresql://u:hunter2@h/d");
    assert_output!(sandbox, sandbox.run(&["init"]), @r#"
    exit: 0
    --- stdout ---
    made sqlite:///[DIRECTORY]/charter.db
    --- stderr ---
    hint: PYCHARTER_DATABASE_URL is set, which charter does not read: set CHARTER_DATABASE_URL instead
    next: `charter put FILE` stores a contract
    "#);
    assert_output!(sandbox, sandbox.run(&["init", "--quiet"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db is there already
    --- stderr ---
    "#);
}

#[test]
fn a_database_url_that_is_none_is_a_usage_error() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["list", "--db", "charter.db"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: this is not a database URL: it has no scheme, such as `sqlite:`
    hint: for the SQLite file `charter.db` the URL is `sqlite:///charter.db`
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "--db", "redb:///x.db"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: this version of charter has no store for `redb:` URLs yet
    hint: use sqlite:///FILE, duckdb:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory:
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "current", "mysql://h/d", "--json"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"usage","message":"charter has no store for `mysql:` URLs","hint":"use sqlite:///FILE, duckdb:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or memory:"}}
    "#);
}
