//! `charter db lint`.

use crate::support::{Sandbox, assert_output, postgres};

const INDEX: &str = "CREATE INDEX orders_note ON orders (note);\n";
const ORDERS: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);\n";

/// The findings of a run as `file:line:column severity rule`.
fn findings(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = ["db", "lint", "--json"].iter().chain(arguments).copied().collect();
    let json = sandbox.run(&arguments).json();
    let shown = |finding: &serde_json::Value| {
        let text = |member: &str| finding[member].as_str().expect(member).to_owned();
        format!("{}:{}:{} {} {}", text("file"), finding["line"], finding["column"], text("severity"), text("rule"))
    };
    json.as_array().expect("an array").iter().map(shown).collect()
}

#[test]
fn people_see_the_line_the_cost_and_the_safe_form() {
    let sandbox = Sandbox::new();
    sandbox.write("next.sql", format!("SET lock_timeout = '5s';\nSET statement_timeout = '1min';\n{INDEX}"));
    assert_output!(sandbox, sandbox.run(&["db", "lint", "next.sql"]), @r#"
    exit: 1
    --- stdout ---
    error[index-not-concurrent]: CREATE INDEX on orders blocks its writes while it is built
      --> next.sql:3:1
       |
     3 | CREATE INDEX orders_note ON orders (note);
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = scans: SHARE lock on the table while the index is built: reads go on, every write waits.
       = safe form: CREATE INDEX CONCURRENTLY, outside a transaction (`-- charter: no-transaction` at the top of the file).

    warning[not-rerunnable]: missing IF NOT EXISTS, the migration can't be rerun if it fails part way through
      --> next.sql:3:1
       |
     3 | CREATE INDEX orders_note ON orders (note);
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = instant: If a later statement fails, this one is done and the file cannot be run again.
       = safe form: IF EXISTS or IF NOT EXISTS, or BEGIN and COMMIT around the file.

    1 error, 1 warning in 1 file
    --- stderr ---
    "#);
    sandbox.write("safe.sql", "SET lock_timeout = '5s';\nSET statement_timeout = '1min';\nALTER TABLE orders ADD COLUMN IF NOT EXISTS size BIGINT;\n");
    assert_output!(sandbox, sandbox.run(&["db", "lint", "safe.sql"]), @r#"
    exit: 0
    --- stdout ---
    nothing found in 1 file
    --- stderr ---
    "#);
    assert!(sandbox.files() == ["next.sql", "safe.sql"], "nothing is written");
}

#[test]
fn machines_get_the_same() {
    let sandbox = Sandbox::new();
    sandbox.write("V2__index.sql", INDEX);
    assert_output!(sandbox, sandbox.run(&["db", "lint", "V2__index.sql", "--json"]), @r#"
    exit: 1
    --- stdout ---
    [
      {
        "rule": "index-not-concurrent",
        "severity": "error",
        "file": "V2__index.sql",
        "line": 1,
        "column": 1,
        "statement": "CREATE INDEX orders_note ON orders (note);",
        "message": "CREATE INDEX on orders blocks its writes while it is built",
        "effect": "SHARE lock on the table while the index is built: reads go on, every write waits.",
        "cost": "scans",
        "help": "CREATE INDEX CONCURRENTLY, outside a transaction (`-- charter: no-transaction` at the top of the file)."
      }
    ]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["db", "lint", "V2__index.sql", "--github"]), @r#"
    exit: 1
    --- stdout ---
    ::error file=V2__index.sql,line=1,endLine=1,col=1,endColumn=43,title=index-not-concurrent::CREATE INDEX on orders blocks its writes while it is built%0ASHARE lock on the table while the index is built: reads go on, every write waits.%0ASafe form: CREATE INDEX CONCURRENTLY, outside a transaction (`-- charter: no-transaction` at the top of the file).
    --- stderr ---
    "#);
    let sarif = sandbox.run(&["db", "lint", "V2__index.sql", "--sarif"]).exit(1).json();
    assert_eq!(
        (&sarif["version"], &sarif["runs"][0]["results"][0]["ruleId"]),
        (&"2.1.0".into(), &"index-not-concurrent".into())
    );
    assert_output!(sandbox, sandbox.run(&["db", "lint", "V2__index.sql", "--sarif", "--json"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"usage","message":"--json, --sarif and --github are three forms of the same","hint":"leave out two of them"}}
    "#);
}

#[test]
fn a_set_is_judged_as_it_is_run() {
    let sandbox = Sandbox::new();
    // In the order of the numbers; without the timeouts that charter sets; in one transaction unless it says otherwise.
    sandbox.write("m/V2__orders.sql", ORDERS);
    sandbox.write("m/V2__orders.down.sql", "DROP TABLE orders;");
    sandbox.write("m/V10__index.sql", INDEX);
    sandbox.write("m/V10__index.down.sql", "DROP INDEX orders_note;");
    sandbox
        .write("m/V11__more.sql", "ALTER TABLE orders ADD COLUMN size BIGINT; ALTER TABLE orders ADD COLUMN b BIGINT;");
    sandbox.write("m/V11__more.postgres.sql", "CREATE INDEX CONCURRENTLY i ON orders (id);");
    sandbox.write("m/V11__more.sqlite.sql", "ALTER TABLE orders ALTER COLUMN note TYPE TEXT;");
    sandbox.write("m/schema.sql", "this is no SQL");
    assert_eq!(findings(&sandbox, &["m"]), ["m/V11__more.postgres.sql:1:1 error concurrently-in-transaction"]);
    assert_eq!(
        findings(&sandbox, &["m", "--engine", "sqlite"]),
        ["m/V11__more.sqlite.sql:1:1 error sqlite-cannot-run"]
    );
    assert_eq!(
        findings(&sandbox, &["m", "--engine", "duckdb", "--engine", "postgres"]),
        ["m/V11__more.postgres.sql:1:1 error concurrently-in-transaction"]
    );
    sandbox
        .write("m/V11__more.postgres.sql", "-- charter: no-transaction\nCREATE INDEX CONCURRENTLY i ON orders (id);");
    sandbox.run(&["db", "lint", "m"]).success();
    // As the new files of a branch are named: Postgres does not run the base file.
    sandbox.write("n/V1__index.sql", INDEX);
    sandbox
        .write("n/V1__index.postgres.sql", "-- charter: no-transaction\nCREATE INDEX CONCURRENTLY i ON orders (id);");
    sandbox.run(&["db", "lint", "n/V1__index.postgres.sql", "n/V1__index.sql"]).success();
    assert!(
        !findings(&sandbox, &["n/V1__index.sql", "--engine", "sqlite"]).iter().any(|said| said.contains("postgres"))
    );
    // What takes it back is judged when it is asked for, last first.
    assert_eq!(
        findings(&sandbox, &["m", "--down"]),
        ["m/V10__index.down.sql:1:1 error index-drop-not-concurrent", "m/V2__orders.down.sql:1:1 error table-dropped"]
    );
    // A file that is named is judged by itself, for the engine in its name.
    assert_eq!(
        findings(&sandbox, &["m/V11__more.sqlite.sql", "m/V2__orders.down.sql"]),
        ["m/V11__more.sqlite.sql:1:1 error sqlite-cannot-run", "m/V2__orders.down.sql:1:1 error table-dropped"]
    );
}

#[test]
fn any_other_file_is_judged_as_it_is_written() {
    let sandbox = Sandbox::new();
    sandbox.write("2_index.sql", INDEX);
    sandbox.write("folder/10_index.sql", INDEX);
    sandbox.write("folder/9_orders.sql", ORDERS);
    sandbox.write("folder/9_orders.down.sql", "DROP TABLE orders;");
    sandbox.write("folder/20_users/up.sql", "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON orders (id);");
    sandbox.write("folder/20_users/down.sql", "DROP TABLE orders;");
    sandbox.write("folder/.hidden/x.sql", "DROP TABLE orders;");
    let timeouts =
        ["2_index.sql:1:1 warning lock-timeout-missing", "2_index.sql:1:1 warning statement-timeout-missing"];
    let found = findings(&sandbox, &["2_index.sql"]);
    assert_eq!(found[0], "2_index.sql:1:1 error index-not-concurrent");
    assert!(timeouts.iter().all(|timeout| found.iter().any(|found| found == timeout)), "{found:?}");
    let errors = |arguments: &[&str]| -> Vec<String> {
        findings(&sandbox, arguments).into_iter().filter(|finding| finding.contains(" error ")).collect()
    };
    // Made by an earlier file, and therefore empty.
    assert_eq!(errors(&["folder/9_orders.sql", "2_index.sql"]), [""; 0]);
    assert_eq!(errors(&["folder"]), ["folder/20_users/up.sql:1:27 error concurrently-if-not-exists"]);
    assert_eq!(
        errors(&["folder", "--wrapped"]),
        [
            "folder/20_users/up.sql:1:1 error concurrently-in-transaction",
            "folder/20_users/up.sql:1:27 error concurrently-if-not-exists"
        ]
    );
}

#[test]
fn standard_input_and_files_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    sandbox.write("index.sql", INDEX);
    sandbox.write("latin.sql", b"SELECT 1;\nSELECT '\xe4';");
    sandbox.write("empty/readme.md", "nothing");
    let output = sandbox.run_with_input(&["db", "lint", "-", "--github"], INDEX).exit(1);
    assert!(output.stdout.starts_with("::error file=-,line=1,"), "{output}");
    assert_output!(sandbox, sandbox.run(&["db", "lint", "latin.sql", "missing.sql", "index.sql", "empty", "--github"]), @r#"
    exit: 1
    --- stdout ---
    ::error file=index.sql,line=1,endLine=1,col=1,endColumn=43,title=index-not-concurrent::CREATE INDEX on orders blocks its writes while it is built%0ASHARE lock on the table while the index is built: reads go on, every write waits.%0ASafe form: CREATE INDEX CONCURRENTLY, outside a transaction (`-- charter: no-transaction` at the top of the file).
    ::warning file=index.sql,line=1,endLine=1,col=1,endColumn=43,title=lock-timeout-missing::lock_timeout is not set when this takes its lock%0AWhile the statement waits behind one long query, every query after it waits too.%0ASafe form: SET lock_timeout = '[DURATION]' at the top, and run the migration again when it gives up.
    ::warning file=index.sql,line=1,endLine=1,col=1,endColumn=43,title=statement-timeout-missing::statement_timeout is not set when this takes its lock%0AIf the statement takes longer than was thought, nothing ends it.%0ASafe form: SET statement_timeout = '1min' at the top.
    --- stderr ---
    error: latin.sql:2:9: the file is not UTF-8
    error: missing.sql: No such file or directory (os error 2)
    error: empty: the folder has no SQL files (*.sql)
    "#);
}

#[test]
fn the_mildest_finding_that_fails_can_be_said() {
    let sandbox = Sandbox::new();
    sandbox.write("warned.sql", "CREATE TABLE IF NOT EXISTS orders (id BIGINT);\nREVOKE SELECT ON users FROM PUBLIC;");
    sandbox.run(&["db", "lint", "warned.sql"]).success();
    sandbox.run(&["db", "lint", "warned.sql", "--deny", "warning"]).exit(1);
    // A newer server can more.
    sandbox.write("nulls.sql", "ALTER TABLE orders ADD CONSTRAINT noted NOT NULL note NOT VALID;");
    let errors = |version: &str| {
        let found = findings(&sandbox, &["nulls.sql", "--postgres-version", version]);
        found.into_iter().filter(|found| found.contains(" error ")).count()
    };
    assert_eq!((errors("17"), errors("18")), (1, 0));
    sandbox.run(&["db", "lint", "warned.sql", "--postgres-version", "9"]).exit(2);
}

#[test]
fn no_comment_switches_a_rule_off_and_no_text_commands_the_terminal() {
    let sandbox = Sandbox::new();
    for comment in [
        "-- squawk-ignore-file",
        "-- squawk-ignore require-concurrent-index-creation",
        "-- charter: allow index-not-concurrent",
        "-- noqa",
    ] {
        sandbox.write("index.sql", format!("{comment}\n{INDEX}"));
        assert!(
            findings(&sandbox, &["index.sql"]).contains(&"index.sql:2:1 error index-not-concurrent".to_owned()),
            "{comment}"
        );
    }
    sandbox.write("escape.sql", "DROP TABLE \"a\u{1b}[2Jb\"; -- \u{1b}[31m\n");
    let output = sandbox.run(&["db", "lint", "escape.sql", "--color", "never"]).exit(1);
    assert!(output.stdout.contains("table-dropped") && !output.stdout.contains('\u{1b}'), "{output}");
}

#[test]
fn without_files_the_sets_of_the_configuration_are_judged() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["db", "lint", "--deny", "warning"]).success();
    assert!(output.stderr.contains("only charter's own migrations"), "{output}");
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nengines = postgres, sqlite\nname = shop\n");
    sandbox.run(&["db", "lint"]).exit(1);
    sandbox.write("sql/V1__orders.sql", ORDERS);
    sandbox.write("sql/V2__retype.sql", "ALTER TABLE orders ALTER COLUMN note TYPE TEXT;");
    let retyped = ["sql/V2__retype.sql:1:1 error sqlite-cannot-run"];
    assert_eq!(findings(&sandbox, &["--set", "shop"]), retyped);
    assert_eq!(findings(&sandbox, &["--set", "shop", "--engine", "postgres"]), [""; 0]);
    sandbox.run(&["db", "lint", "--set", "charter"]).success();
    sandbox.run(&["db", "lint", "--set", "shp"]).exit(1);
    sandbox.run(&["db", "lint", "--set", "shop", "sql"]).exit(2);
    sandbox.write("sql/V2__again.sql", "SELECT 1;");
    let output = sandbox.run(&["db", "lint", "--set", "shop"]).exit(1);
    assert!(output.stderr.contains("number 2 is taken"), "{output}");
}

#[test]
fn a_database_is_asked_and_only_read() {
    let sandbox = Sandbox::new();
    let database = postgres::database();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\n");
    sandbox.write("sql/V1__orders.sql", ORDERS);
    sandbox.write("sql/V1__orders.down.sql", "DROP TABLE orders;");
    sandbox.run(&["db", "upgrade", database.url(), "--env", "dev"]).success();
    sandbox.write("sql/V2__index.sql", INDEX);
    let found = |arguments: &[&str]| findings(&sandbox, &[arguments, &["--against", database.url()]].concat());
    // What is applied is not judged; what is pending, by what is there.
    assert_eq!(found(&[]), [""; 0]);
    database.execute("INSERT INTO public.orders VALUES (1, 'x')");
    assert_eq!(found(&[]), ["sql/V2__index.sql:1:1 error index-not-concurrent"]);
    assert_eq!(findings(&sandbox, &["--db", database.url()]), ["sql/V2__index.sql:1:1 error index-not-concurrent"]);
    sandbox.write("loose.sql", INDEX);
    assert!(found(&["loose.sql"]).contains(&"loose.sql:1:1 error index-not-concurrent".to_owned()));
    database.execute("DELETE FROM public.orders");
    assert_eq!(found(&["loose.sql", "--postgres-version", "17"]).len(), 0);
    assert_eq!(database.query("SELECT max(version) FROM public.project_schema_history"), [[Some("1".to_owned())]]);
    sandbox.run(&["db", "lint", "--against", database.url(), "--engine", "sqlite"]).exit(2);
    let output = sandbox.run(&["db", "lint", "--against", "sqlite:///nothing.db"]).success();
    assert!(output.stderr.contains("what a new one would get"), "{}", output.stderr);
    sandbox.run(&["db", "lint", "loose.sql", "--against", "sqlite:///nothing.db"]).exit(1);
    assert!(!sandbox.path("nothing.db").exists());
}

#[test]
fn what_has_run_of_a_set_is_not_judged_again() {
    let sandbox = Sandbox::new();
    let database = postgres::database();
    let url = database.url();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nschema = shop\nengines = postgres\n");
    sandbox.write("sql/V1__orders.sql", "CREATE TABLE orders (id BIGINT PRIMARY KEY, x BIGINT, y BIGINT);\n");
    sandbox.write("sql/V1__orders.down.sql", "DROP TABLE orders;");
    sandbox.run(&["db", "upgrade", url, "--env", "dev"]).success();
    database.execute("INSERT INTO shop.orders VALUES (1, 1, 1), (2, 2, 1)");
    let steps = "-- charter: no-transaction\nCREATE INDEX CONCURRENTLY orders_x ON orders (x);\n\
        CREATE UNIQUE INDEX CONCURRENTLY orders_y ON orders (y);\n";
    sandbox.write("sql/V2__indexes.sql", steps);
    sandbox.write("sql/V2__indexes.down.sql", "-- charter: no-transaction\nDROP INDEX CONCURRENTLY orders_x;");
    sandbox.run(&["db", "upgrade", url, "--env", "dev"]).exit(1);
    // The first index is made, and the second one is there, of no use: `upgrade` makes it again.
    let found = |arguments: &[&str]| findings(&sandbox, &[arguments, &["--against", url]].concat());
    let nothing: [&str; 0] = [];
    for files in [&["sql"][..], &["sql/V2__indexes.sql"], &["sql/V1__orders.sql"], &[]] {
        assert_eq!(found(files), nothing, "{files:?}");
    }
    let output = sandbox.run(&["db", "lint", "sql", "--against", url]).success();
    assert!(output.stderr.contains("1 file has run in") && output.stdout.contains("in 1 file"), "{output}");
    assert!(!output.stderr.contains("another text"), "{output}");

    // What has run with another text is told.
    sandbox.write("changed/V1__orders.sql", "CREATE TABLE orders (id BIGINT PRIMARY KEY);\n");
    let output = sandbox.run(&["db", "lint", "changed", "--against", url]).success();
    assert!(output.stderr.starts_with("warning: changed/V1__orders.sql: "), "{output}");
    assert!(output.stderr.contains(" ran with another text\nhint: "), "{output}");

    // A set is known by its history, wherever its files are; what comes after what was done is judged by what is there.
    let more = "CREATE TABLE orders_x (id BIGINT);\nALTER TABLE orders ADD COLUMN x BIGINT;\nCREATE INDEX more ON orders (x);\n";
    sandbox.write("copy/V1__orders.sql", "CREATE TABLE orders (id BIGINT PRIMARY KEY, x BIGINT, y BIGINT);\n");
    sandbox.write("copy/V2__indexes.sql", format!("{steps}{more}"));
    sandbox.write("sql/V2__indexes.sql", format!("{steps}{more}"));
    for (files, place) in [(&["copy"][..], "copy"), (&["sql/V2__indexes.sql"], "sql"), (&[], "sql")] {
        let found: Vec<String> = found(files).into_iter().filter(|finding| finding.contains(" error ")).collect();
        let told = |at: &str| format!("{place}/V2__indexes.sql:{at}");
        let wanted = ["4:14 error already-exists", "5:31 error already-exists", "6:1 error index-not-concurrent"];
        assert_eq!(found, wanted.map(told), "{files:?}");
    }

    // With another beginning, nobody knows what of it is there.
    sandbox.write("sql/V2__indexes.sql", steps.replace("orders_x", "orders_z"));
    assert_eq!(found(&[]), nothing);

    // The rest needs no word for what has run; one that is said again is not out of place.
    sandbox.write("sql/V2__indexes.sql", steps);
    database.execute("DELETE FROM shop.orders WHERE id = 2");
    let again = ["db", "upgrade", url, "--env", "staging", "--allow", "index-not-concurrent@2", "--reason", "again"];
    let output = sandbox.run(&again).success();
    assert!(!output.stderr.contains("lets nothing pass"), "{output}");
}

#[test]
fn what_the_database_has_of_a_set_is_not_taken_for_new() {
    for scheme in ["sqlite", "duckdb"].into_iter().filter(|scheme| *scheme == "sqlite" || cfg!(feature = "duckdb")) {
        let sandbox = Sandbox::new();
        let url = format!("{scheme}:///shop.db");
        sandbox.write("charter.cfg", "[migrations]\ndir = sql\n");
        sandbox.write("sql/V1__orders.sql", "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, x BIGINT);\n");
        sandbox.write("sql/V1__orders.down.sql", "DROP TABLE orders;");
        sandbox.run(&["db", "init", &url]).success();
        let steps = "-- charter: no-transaction\nALTER TABLE orders DROP COLUMN x;\nINSERT INTO orders VALUES (1);\nINSERT INTO nowhere VALUES (1);\n";
        sandbox.write("sql/V2__steps.sql", steps);
        let judge = |files: &str| {
            let found = findings(&sandbox, &[files, "--against", &url]);
            found.into_iter().filter(|finding| finding.contains(" error ")).collect::<Vec<String>>()
        };
        assert_eq!(judge("sql"), ["sql/V2__steps.sql:2:1 error column-dropped"], "{scheme}");
        sandbox.run(&["db", "upgrade", &url]).exit(1);
        let nothing: [&str; 0] = [];
        assert_eq!(judge("sql"), nothing, "{scheme}: it is dropped");
        assert_eq!(judge("sql/V2__steps.sql"), nothing, "{scheme}");
        sandbox.write("sql/V2__steps.sql", steps.replace("INSERT INTO nowhere VALUES (1)", "DELETE FROM orders"));
        assert_eq!(judge("sql"), ["sql/V2__steps.sql:4:1 error delete-without-where"], "{scheme}");
    }
}

#[test]
fn the_database_says_what_uses_a_column_and_what_its_domains_are() {
    let sandbox = Sandbox::new();
    let database = postgres::database();
    database.execute(
        "CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
         CREATE DOMAIN public.percent AS public.positive;
         CREATE DOMAIN public.token AS uuid DEFAULT gen_random_uuid();
         CREATE DOMAIN public.plan AS text DEFAULT 'free';
         CREATE TABLE public.people (plain varchar(9), checked varchar(9) CHECK (checked <> ''), lowered varchar(9), chosen varchar(9),
             seen varchar(9), source varchar(9), computed text GENERATED ALWAYS AS (upper(source)) STORED,
             watched varchar(9), own varchar(9), number int, sorted text COLLATE \"C\",
             planned public.plan, counted public.positive);
         CREATE INDEX sorted ON public.people (sorted);
         CREATE FUNCTION public.calm(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION public.mixed() RETURNS int STABLE LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION public.mixed(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE INDEX plain ON public.people (plain);
         CREATE INDEX lowered ON public.people (lower(lowered));
         CREATE INDEX chosen ON public.people (number) WHERE chosen <> '';
         CREATE VIEW public.shown AS SELECT seen FROM public.people;
         CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TRIGGER watch AFTER UPDATE OF watched ON public.people FOR EACH ROW EXECUTE FUNCTION public.watch();
         CREATE POLICY own ON public.people USING (own = current_user);
         INSERT INTO public.people (checked) VALUES ('x');
         CREATE TABLE public.split (kind varchar(9) NOT NULL) PARTITION BY LIST (kind);",
    );
    for (action, rule) in [
        ("people ALTER plain TYPE text", None),
        ("people ALTER checked TYPE text", Some("column-type-changed")),
        ("people ALTER lowered TYPE text", Some("column-type-changed")),
        ("people ALTER chosen TYPE text", Some("column-type-changed")),
        ("people ALTER seen TYPE text", Some("type-change-refused")),
        ("people ALTER source TYPE text", Some("type-change-refused")),
        ("people ALTER watched TYPE text", Some("type-change-refused")),
        ("people ALTER own TYPE text", Some("type-change-refused")),
        ("split ALTER kind TYPE text", Some("type-change-refused")),
        ("people ADD a positive", Some("domain-column-added")),
        ("people ADD a percent", Some("domain-column-added")),
        ("people ADD a token", Some("volatile-default")),
        ("people ADD a plan NOT NULL", None),
        ("people ALTER sorted TYPE text", Some("column-type-changed")),
        ("people ALTER planned TYPE text", None),
        ("people ALTER plain TYPE plan", None),
        ("people ALTER counted TYPE int", None),
        ("people ALTER number TYPE positive", Some("column-type-changed")),
        ("people ADD a int DEFAULT calm(1)", None),
        ("people ADD a int DEFAULT mixed()", Some("volatile-default")),
    ] {
        sandbox.write("loose.sql", format!("ALTER TABLE {action};"));
        let found = findings(&sandbox, &["loose.sql", "--against", database.url()]);
        let errors: Vec<&str> =
            found.iter().filter_map(|found| found.split_once(" error ")).map(|(_, rule)| rule).collect();
        assert_eq!(errors, Vec::from_iter(rule), "{action}");
    }
    for (constraint, rule) in [("positive_check", Some("constraint-dropped")), ("nothing", None)] {
        sandbox.write("loose.sql", format!("ALTER DOMAIN positive DROP CONSTRAINT IF EXISTS {constraint};"));
        let found = findings(&sandbox, &["loose.sql", "--against", database.url()]);
        let errors: Vec<&str> =
            found.iter().filter_map(|found| found.split_once(" error ")).map(|(_, rule)| rule).collect();
        assert_eq!(errors, Vec::from_iter(rule), "{constraint}");
    }
}

#[test]
fn the_database_says_what_is_immutable_and_what_tells_rows_apart() {
    let sandbox = Sandbox::new();
    let database = postgres::database();
    database.execute(
        "CREATE TYPE public.mood AS ENUM ('sad', 'glad');
         CREATE TABLE public.people (id bigint PRIMARY KEY, name text, born date, mood public.mood, moods public.mood[]);
         CREATE TABLE public.keyless (id bigint, code text NOT NULL);
         CREATE TABLE public.whole (id bigint);
         ALTER TABLE public.whole REPLICA IDENTITY FULL;
         CREATE TABLE public.coded (code text NOT NULL, note text);
         CREATE UNIQUE INDEX by_code ON public.coded (code);
         ALTER TABLE public.coded REPLICA IDENTITY USING INDEX by_code;
         INSERT INTO public.people VALUES (1);
         INSERT INTO public.keyless VALUES (1, 'x');
         CREATE FUNCTION public.slug(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
         CREATE FUNCTION public.kept(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
         CREATE FUNCTION public.mixed(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
         CREATE FUNCTION public.mixed(int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
         CREATE FUNCTION public.text_of(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
         CREATE FUNCTION public.scaled(a int, by int DEFAULT 3) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE VIEW public.shown AS SELECT id, name FROM public.people;
         CREATE TABLE public.split (kind text) PARTITION BY LIST (kind);
         CREATE INDEX by_kind ON public.split (kind);",
    );
    let index = |of: &str| format!("CREATE INDEX CONCURRENTLY new ON people ({of});");
    let (mutable, published) = (Some("expression-not-immutable"), Some("publication-changed"));
    let replaced = |select: &str| format!("CREATE OR REPLACE VIEW shown AS SELECT {select} FROM people;");
    let scaled =
        |by: &str| format!("CREATE OR REPLACE FUNCTION scaled(a int, {by}) RETURNS int LANGUAGE sql AS 'SELECT 2';");
    for (text, rule) in [
        (index("slug(name)"), mutable),
        (index("kept(name)"), None),
        (index("mixed(name)"), None),
        (index("text_of(name)"), None),
        (index("(mood::text)"), mutable),
        (index("('x' || mood)"), mutable),
        (index("(moods::text)"), mutable),
        (index("mood"), None),
        (index("date_trunc('month', born)"), mutable),
        (index("date_part('month', born)"), None),
        ("CREATE PUBLICATION p FOR TABLE people, whole, coded;".to_owned(), None),
        ("CREATE PUBLICATION p FOR TABLE keyless;".to_owned(), published),
        ("CREATE PUBLICATION p FOR TABLE keyless WITH (publish = 'insert');".to_owned(), None),
        ("ALTER TABLE coded REPLICA IDENTITY USING INDEX by_code;".to_owned(), None),
        ("DROP INDEX CONCURRENTLY IF EXISTS by_kind;".to_owned(), Some("index-drop-refused")),
        (replaced("id, lower(name) AS name"), None),
        ("CREATE TABLE made (id bigint PRIMARY KEY); ALTER TABLE made ADD note text;".to_owned(), None),
        (replaced("id::int, name"), Some("view-replace-refused")),
        (scaled("by int DEFAULT 5"), None),
        (scaled("by int"), Some("function-replace-refused")),
    ] {
        sandbox.write("loose.sql", &text);
        let found = findings(&sandbox, &["loose.sql", "--against", database.url()]);
        let errors: Vec<&str> =
            found.iter().filter_map(|found| found.split_once(" error ")).map(|(_, rule)| rule).collect();
        assert_eq!(errors, Vec::from_iter(rule), "{text}");
    }
}

#[test]
fn the_servers_keys_bounds_and_indexes_decide() {
    let sandbox = Sandbox::new();
    let database = postgres::database();
    for statement in [
        "CREATE TABLE shops (id bigint NOT NULL, country text NOT NULL) PARTITION BY LIST (country)",
        "CREATE TABLE shops_de (LIKE shops, CONSTRAINT bounds CHECK (country IN ('de', 'at')))",
        "CREATE TABLE shops_fr PARTITION OF shops (CONSTRAINT bounds CHECK (country = 'fr')) FOR VALUES IN ('fr')",
        "INSERT INTO shops_de VALUES (1, 'de')",
        "INSERT INTO shops VALUES (2, 'fr')",
        "CREATE UNIQUE INDEX shops_de_key ON shops_de (id)",
    ] {
        database.execute(statement);
    }
    let found = |text: &str| {
        sandbox.write("one.sql", text);
        let found = findings(&sandbox, &["one.sql", "--against", database.url()]);
        found.into_iter().filter(|finding| finding.contains(" error ")).collect::<Vec<_>>().join("\n")
    };
    let attach =
        |values: &str| found(&format!("ALTER TABLE shops ATTACH PARTITION shops_de FOR VALUES IN ({values});"));
    assert_eq!(attach("'at', 'ch', 'de'"), "");
    assert_eq!(attach("'de'"), "one.sql:1:19 error partition-attach-scans");
    for statement in [
        "CREATE TABLE hours (at timestamptz NOT NULL) PARTITION BY RANGE (at)",
        "CREATE TABLE hours_1 (at timestamptz NOT NULL CHECK (at >= '2024-01-01 00:00Z' AND at < '2024-01-02 00:00Z'))",
        "INSERT INTO hours_1 VALUES ('2024-01-01 12:00Z')",
    ] {
        database.execute(statement);
    }
    let hours = |bounds: &str| found(&format!("ALTER TABLE hours ATTACH PARTITION hours_1 FOR VALUES {bounds};"));
    assert_eq!(hours("FROM ('2024-01-01T00:00:00Z') TO ('2024-02-01 00:00:00+00')"), "");
    let shorter = "FROM ('2024-01-01 00:00+00') TO ('2024-01-01 18:00+00')";
    assert_eq!(hours(shorter), "one.sql:1:19 error partition-attach-scans");
    assert_eq!(found("ALTER TABLE shops_fr DROP CONSTRAINT bounds;"), "");
    assert_eq!(found("ALTER TABLE shops_de DROP CONSTRAINT bounds;"), "one.sql:1:22 error constraint-dropped");
    assert_eq!(found("UPDATE shops_de SET country = 'at' WHERE id + 0 = 1;"), "one.sql:1:1 error unbatched-backfill");
    assert_eq!(found("CREATE INDEX IF NOT EXISTS shops_de_key ON shops_de (id);"), "");
    assert_eq!(found("DROP TABLE IF EXISTS shops_at;"), "");
    assert_eq!(
        found("SET search_path = app, public; CREATE INDEX shops_fr_id ON shops_fr (id);"),
        "one.sql:1:32 error index-not-concurrent"
    );
    database.execute("DELETE FROM shops");
    assert_eq!(found("SET search_path = app, public; CREATE INDEX shops_fr_id ON shops_fr (id);"), "");
}

/// A gate must not be green where a migration cannot be read.
#[cfg(unix)]
#[test]
fn what_cannot_be_read_in_a_folder_is_not_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.write("sql/V1__a.sql", ORDERS);
    sandbox.run(&["db", "lint", "sql"]).success();
    std::os::unix::fs::symlink("gone.sql", sandbox.path("sql/V2__gone.sql")).expect("a link");
    let told = sandbox.run(&["db", "lint", "sql"]).exit(1);
    assert!(told.stderr.contains("V2__gone.sql"), "{told}");
}
