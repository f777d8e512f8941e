//! The verbs that write migrations: `charter db create`, `check` and `template`.

use super::project::shop;
use crate::support::{Sandbox, postgres, terminal};
use std::fs;

const MODELS: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT, email TEXT);\n";

/// The names of the files of the project's set.
fn files(sandbox: &Sandbox) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(sandbox.path("sql"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    files
}

/// The path in the sandbox of the file of the set with this ending, and its number.
fn file(sandbox: &Sandbox, ending: &str) -> (String, String) {
    let name = files(sandbox).into_iter().find(|name| name.ends_with(ending)).expect("the file");
    let number = name.trim_start_matches('V').split('_').next().unwrap_or_default();
    (format!("sql/{name}"), number.to_owned())
}

#[test]
fn an_empty_pair_is_numbered_and_named() {
    let sandbox = shop();
    let created = sandbox.run(&["db", "create", "-m", "Add notes", "--json"]).success().json();
    assert_eq!((&created["set"], &created["created"][0]["name"]), (&"shop".into(), &"add_notes".into()));
    // By the time in UTC, though what is there was counted.
    let (_, first) = file(&sandbox, "__add_notes.down.sql");
    let now = time::OffsetDateTime::now_utc();
    assert!(first.len() == 14 && now.year().to_string().as_str() >= &first[..4], "{first}");
    let told = sandbox.run(&["db", "revision", "--message", "more"]).success();
    assert_eq!(told.stdout.matches("written  ").count(), 2, "{told}");
    let (more, second) = file(&sandbox, "__more.sql");
    assert!(fs::read_to_string(sandbox.path(more)).expect("the file").starts_with("-- more\n"));
    assert!(second > first, "{second} comes after {first}");
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.run(&["db", "create", "-m", "!"]).exit(1);
    sandbox.run(&["db", "create"]).exit(2);
    let embedded = sandbox.run(&["db", "create", "-m", "x", "--set", "charter"]).exit(1);
    assert!(embedded.stderr.contains("part of the program"), "{embedded}");
}

/// Whoever is about to write it could not change it any more.
#[test]
fn what_nobody_has_written_yet_is_not_applied_by_the_way() {
    let sandbox = shop();
    sandbox.run(&["db", "create", "-m", "notes"]).success();
    sandbox.write("book.yaml", super::super::BOOK);
    sandbox.run(&["put", "book.yaml"]).success();
    let current = sandbox.run(&["db", "current"]).success();
    let ((up, number), (down, _)) = (file(&sandbox, "__notes.sql"), file(&sandbox, "__notes.down.sql"));
    let pending = format!("pending  {number} notes");
    assert!(current.stdout.contains("shop     20 email") && current.stdout.contains(&pending), "{current}");
    let told = sandbox.run(&["db", "validate"]).success();
    for file in [&up, &down] {
        let name = file.trim_start_matches("sql/");
        assert!(told.stdout.contains(&format!("{name}: nobody has written it yet")), "{told}");
    }
    for environment in ["staging", "prod"] {
        let refused = sandbox.run(&["db", "upgrade", "--env", environment]).exit(4);
        assert!(refused.stderr.contains("notes") && refused.stderr.contains("nobody has written it yet"), "{refused}");
        sandbox.run(&["put", "book.yaml", "--env", environment]).exit(4);
    }
    sandbox.write(&up, "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY);\n");
    // The other half is not there yet.
    let refused = sandbox.run(&["db", "upgrade", "--env", "staging"]).exit(4);
    assert!(refused.stderr.contains("there is no down migration"), "{refused}");
    sandbox.run(&["put", "book.yaml"]).success();
    sandbox.run(&["db", "current", "--check"]).success();
    let refused = sandbox.run(&["db", "downgrade"]).exit(4);
    assert!(refused.stderr.contains("__notes.sql: ") && refused.stderr.contains("hint: write one"), "{refused}");
    sandbox.write(&down, "DROP TABLE notes;\n");
    sandbox.run(&["db", "downgrade"]).success();

    // Who asks for it gets it, and is warned; comments of one's own are a migration that does nothing.
    sandbox.run(&["db", "create", "-m", "later"]).success();
    let told = sandbox.run(&["db", "upgrade"]).success();
    let (_, later) = file(&sandbox, "__later.sql");
    assert!(told.stderr.contains(&format!("nobody has written migration {later} later")), "{told}");
    sandbox.run(&["db", "create", "-m", "nothing"]).success();
    sandbox.write(file(&sandbox, "__nothing.sql").0, "-- nothing, on purpose\n");
    sandbox.write(file(&sandbox, "__nothing.down.sql").0, "-- nothing to take back\n");
    sandbox.run(&["db", "environment", "prod"]).success();
    sandbox.run(&["db", "upgrade"]).success();
}

#[test]
fn models_and_migrations_are_compared_and_brought_together() {
    let sandbox = shop();
    let missing = sandbox.run(&["db", "check"]).exit(1);
    assert!(missing.stderr.contains("schema.sql"), "{missing}");
    sandbox.write("sql/schema.sql", MODELS);
    let same = sandbox.run(&["db", "check"]).success();
    assert_eq!(same.stdout, "the same: the migrations of shop make what the models say\n");
    let nothing = sandbox.run(&["db", "create", "-m", "nothing", "--auto"]).success();
    assert_eq!(nothing.stdout, "the migrations make what the models say: nothing was written\n");
    assert_eq!(files(&sandbox).len(), 5);

    sandbox.write("sql/schema.sql", format!("{MODELS}CREATE TABLE customers (id BIGINT NOT NULL PRIMARY KEY);\n"));
    let different = sandbox.run(&["db", "check"]).exit(1);
    assert_eq!(
        different.stdout,
        "not the same: what the migrations of shop make has 1 difference\n  missing: table customers\n"
    );
    let json = sandbox.run(&["db", "check", "--json"]).exit(1).json();
    assert_eq!((&json["same"], &json["differences"][0]["name"]), (&false.into(), &"customers".into()));
    sandbox.run(&["db", "create", "-m", "customers", "--auto"]).success();
    sandbox.run(&["db", "check"]).success();
    let written = fs::read_to_string(sandbox.path(file(&sandbox, "__customers.sql").0)).expect("the file");
    assert_eq!(written, "-- customers\n\nCREATE TABLE customers (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.run(&["db", "verify"]).success();

    sandbox.write("sql/schema.sql", "CREATE TABLE orders (;\n");
    let wrong = sandbox.run(&["db", "check"]).exit(1);
    assert!(wrong.stderr.contains("schema.sql:1:1"), "{wrong}");
    assert_eq!(files(&sandbox).len(), 7);
}

#[test]
fn a_new_name_is_said_or_asked_about() {
    let renamed = MODELS.replace("note", "remark");
    let rows = |sandbox: &Sandbox| -> String {
        let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("the file");
        file.query_row("SELECT remark FROM orders", [], |row| row.get(0)).expect("a row")
    };
    let filled = || {
        let sandbox = shop();
        sandbox.write("sql/schema.sql", &renamed);
        sandbox.run(&["db", "upgrade"]).success();
        let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("the file");
        file.execute("INSERT INTO orders (id, note) VALUES (1, 'kept')", []).expect("a row");
        sandbox
    };
    let sandbox = filled();
    sandbox.run(&["db", "create", "-m", "remarks", "--auto", "--rename", "orders.note:remark"]).success();
    sandbox.run(&["db", "upgrade"]).success();
    assert_eq!(rows(&sandbox), "kept");

    let sandbox = filled();
    let (code, shown) = terminal::run(&sandbox, &["db", "create", "-m", "remarks", "--auto"], "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("is the column orders.remark the former note? [y/N]"), "{shown}");
    sandbox.run(&["db", "upgrade"]).success();
    assert_eq!(rows(&sandbox), "kept");

    let sandbox = filled();
    for (rename, code) in [("orders.nothing:remark", 1), ("orders", 2)] {
        sandbox.run(&["db", "create", "-m", "x", "--auto", "--rename", rename]).exit(code);
    }
    assert_eq!(files(&sandbox).len(), 5);
}

#[test]
fn a_template_wants_names_and_gives_all_that_it_takes() {
    let sandbox = shop();
    let template = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["db", "template"].iter().chain(arguments).copied().collect();
        sandbox.run(&arguments)
    };
    template(&["add_table", "--table", "customers", "--column", "id BIGINT NOT NULL", "--column", "name"]).success();
    template(&["add_column", "--table", "orders", "--column", "customer", "--type", "BIGINT"]).success();
    template(&[
        "add_column",
        "--table",
        "orders",
        "--column",
        "paid",
        "--type",
        "BOOLEAN",
        "--not-null",
        "--default",
        "FALSE",
    ])
    .success();
    template(&["add_index", "--table", "orders", "--column", "customer", "--name", "of_customer"]).success();
    let json = template(&[
        "add_foreign_key",
        "--table",
        "orders",
        "--column",
        "customer",
        "--references",
        "customers",
        "--json",
    ])
    .success()
    .json();
    assert_eq!(json["created"][0]["name"], "add_foreign_key_of_orders_customer_to_customers");
    let written: String = files(&sandbox)
        .iter()
        .map(|file| fs::read_to_string(sandbox.path("sql").join(file)).expect("a file"))
        .collect();
    assert!(
        written.contains("-- charter: no-transaction") && written.contains("CREATE INDEX CONCURRENTLY of_customer")
    );
    assert!(written.contains(" NOT VALID;") && written.contains("VALIDATE CONSTRAINT"));
    sandbox.run(&["db", "verify"]).success();
    sandbox.run(&["db", "lint"]).success();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.run(&["db", "downgrade", "--revision", "20"]).success();

    let count = files(&sandbox).len();
    template(&["add_column", "--table", "nowhere", "--column", "x"]).exit(1);
    template(&["add_column", "--table", "orders"]).exit(2);
    assert_eq!(files(&sandbox).len(), count);
    sandbox.write("sql/schema.sql", MODELS);
    let told = template(&["add_column", "--table", "customers", "--column", "mail"]).success();
    assert!(told.stderr.contains("schema.sql does not say so yet"), "{told}");
}

/// A rename beside a change that needs a rebuild: it breaks programs on each engine, and loses nothing, up or down.
#[test]
fn a_rename_within_a_rebuild_is_told_and_loses_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nschema = shop\n");
    let first = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, n TEXT, m BIGINT CHECK (m > 0));\n";
    sandbox.write("sql/V1__a.sql", first);
    sandbox.write("sql/V1__a.down.sql", "DROP TABLE a;\n");
    sandbox.write("sql/V2__rows.sql", "INSERT INTO a VALUES (1, 'x', 2), (2, 'y', 3);\n");
    sandbox.write("sql/V2__rows.down.sql", "DELETE FROM a;\n");
    let second = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, title TEXT, m BIGINT);\n";
    sandbox.write("sql/schema.sql", second);
    sandbox.run(&["db", "create", "-m", "title", "--auto", "--rename", "a.n:title"]).success();
    let mut engines = vec![("sqlite", "sqlite:///a.db")];
    if cfg!(feature = "duckdb") {
        engines.push(("duckdb", "duckdb:///a.duckdb"));
    }
    for (engine, url) in engines {
        let told = sandbox.run(&["db", "lint", "--engine", engine, "--json"]).stdout;
        assert!(told.contains("column-renamed") && !told.contains("-dropped"), "{engine}: {told}");
        sandbox.run(&["db", "upgrade", url]).success();
        let back = sandbox.run(&["db", "downgrade", url]).success();
        assert!(!back.stderr.contains("loses"), "{engine}: {back}");
        let back = sandbox.run(&["db", "downgrade", url]).success();
        assert!(back.stderr.contains("loses rows of a, which has 2 rows"), "{engine}: {back}");
    }
}

/// A new name under views of views, with a trigger of each engine on one of them: what is written is what the models say, and
/// is proven on a server.
#[test]
fn views_of_views_and_their_triggers_follow_a_new_name() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\n");
    let tables = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);
        CREATE VIEW notes AS SELECT id, note FROM orders;
        CREATE VIEW texts AS SELECT id, note FROM notes;\n";
    let trigger = "CREATE TRIGGER added INSTEAD OF INSERT ON texts
        BEGIN INSERT INTO orders (id, note) VALUES (NEW.id, NEW.note); END;\n";
    let postgres_trigger = "CREATE FUNCTION added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO orders (id) VALUES (NEW.id);
            RETURN NEW;
        END $$;
        CREATE TRIGGER added INSTEAD OF INSERT ON texts FOR EACH ROW EXECUTE FUNCTION added();
        COMMENT ON VIEW texts IS 'what people wrote';
        GRANT SELECT ON notes, texts TO PUBLIC;\n";
    sandbox.write("sql/V1__orders.sql", tables);
    sandbox.write("sql/V1__orders.sqlite.sql", format!("-- charter: differs triggers\n{tables}{trigger}"));
    let differs = "-- charter: differs triggers, functions, comments\n";
    sandbox.write("sql/V1__orders.postgres.sql", format!("{differs}{tables}{postgres_trigger}"));
    let drops = "DROP VIEW texts; DROP VIEW notes; DROP TABLE orders;";
    sandbox.write("sql/V1__orders.down.sql", drops);
    sandbox.write("sql/V1__orders.postgres.down.sql", format!("{drops} DROP FUNCTION added();"));
    let renamed = |text: &str| text.replace("note TEXT", "text TEXT").replace("id, note", "id, text");
    sandbox.write("sql/schema.sql", format!("{}{}", renamed(tables), renamed(trigger).replace("NEW.note", "NEW.text")));
    sandbox.run(&["db", "create", "-m", "name", "--auto", "--rename", "orders.note:text"]).success();
    sandbox.run(&["db", "check"]).success();
    let server = postgres::Server::start(&[]);
    sandbox.run(&["db", "verify", "--against", &server.url("postgres")]).success();

    // What cannot be written names the line of the models, and says it once.
    sandbox.write("sql/schema.sql", tables.replace("note TEXT", "place BOX NOT NULL, note TEXT"));
    let refused = sandbox.run(&["db", "create", "-m", "place", "--auto"]).exit(1);
    assert!(refused.stderr.contains("schema.sql:1:1: orders.place takes no NULL"), "{refused}");
}
