//! Verbs that read run migrations in throw-away databases: nothing of that reaches anything else.

use crate::support::{Sandbox, postgres};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every file below a folder with its content, but for the side files of an engine.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.to_string_lossy();
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            found.extend(everything(&path));
        } else if !["-wal", "-shm", ".wal", ".lock"].iter().any(|side| name.ends_with(side)) {
            found.insert(path.clone(), std::fs::read(&path).expect("a file"));
        }
    }
    found
}

/// A project whose second migration does, on each engine, what reaches outside.
fn project(role: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("temporary").display().to_string();
    let sandbox = sandbox.with("TMPDIR", &temporary);
    std::fs::create_dir(temporary).expect("a folder");
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\n");
    let models = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);\n\
                  CREATE TABLE b (id BIGINT NOT NULL PRIMARY KEY, c TEXT);\n";
    sandbox.write("sql/schema.sql", models);
    let table = "CREATE TABLE b (id BIGINT NOT NULL PRIMARY KEY);\n";
    sandbox.write("sql/V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.write("sql/V1__a.down.sql", "DROP TABLE a;\n");
    sandbox.write("sql/V2__b.sql", table);
    sandbox.write("sql/V2__b.down.sql", "DROP TABLE b;\n");
    sandbox.write(
        "sql/V2__b.sqlite.sql",
        format!(
            "-- charter: no-transaction\n{table}ATTACH 'other.db' AS o;\nCREATE TABLE o.x (id BIGINT);\n\
             INSERT INTO b SELECT id FROM o.x;\nDETACH o;\nVACUUM INTO 'copy.db';\nATTACH ':memory:' AS m;\n\
             VACUUM;\nDETACH m;\n"
        ),
    );
    sandbox.write(
        "sql/V2__b.duckdb.sql",
        format!(
            "{table}ATTACH 'other.duckdb' AS o;\nCOPY a TO 'a.csv';\nEXPORT DATABASE 'exported';\nINSTALL json;\n\
             SET TimeZone = 'UTC';\nCREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x');\n\
             INSERT INTO b SELECT id FROM read_csv('seed.csv');\n"
        ),
    );
    sandbox.write(
        "sql/V2__b.postgres.sql",
        format!(
            "{table}CREATE ROLE {role}_a;\nGRANT SELECT ON b TO {role}_a;\n\
             DO $$ BEGIN EXECUTE 'CREATE ' || 'ROLE {role}_b'; END $$;\n\
             COPY b TO '{file}';\nDO $$ BEGIN EXECUTE concat('CREATE', ' RO', 'LE {role}_c'); END $$;\n\
             COPY b TO PROGRAM 'cat > {file}';\n",
            file = sandbox.path("server.csv").display(),
        ),
    );
    sandbox.write("sql/V3__c.sql", "ALTER TABLE b ADD COLUMN c TEXT;\n");
    sandbox.write("sql/V3__c.down.sql", "ALTER TABLE b DROP COLUMN c;\n");
    sandbox
}

#[test]
fn verbs_that_read_reach_nothing_outside() {
    let database = postgres::database();
    let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
    let sandbox = project(&role);
    let (root, server) = (sandbox.home().parent().expect("a folder").join("work"), database.url());
    let before = (everything(&root), everything(&sandbox.home()));
    let unchanged = |told: &dyn std::fmt::Display| {
        assert!((everything(&root), everything(&sandbox.home())) == before, "something was written by\n{told}");
    };
    for arguments in [
        &["verify"][..],
        &["verify", "--against", server],
        &["check"],
        &["create", "-m", "more", "--auto"],
        &["validate"],
        &["pending", server],
        &["upgrade", "--sql"],
        &["upgrade", server, "--sql"],
        &["init", server, "--sql"],
        &["upgrade", "--sql", "--engine", "duckdb"],
    ] {
        let output = sandbox.run(&[&["db"], arguments].concat()).success();
        unchanged(&output);
    }
    unchanged(&sandbox.run(&["db", "lint", "sql"]));
    let told = sandbox.run(&["db", "check"]).success();
    assert!(told.stderr.contains("V2__b.sqlite.sql:3:1: it does something outside of the database"), "{told}");
    let told = sandbox.run(&["db", "verify", "--against", server]).success();
    for place in ["V2__b.sqlite.sql:3:1", "V2__b.sqlite.sql:7:1", "V2__b.postgres.sql:2:1", "V2__b.postgres.sql:6:1"] {
        let line = format!(
            "not tried: {}: it does something outside of the database",
            sandbox.path("sql").join(place).display()
        );
        assert!(told.stdout.contains(&line), "{place}\n{told}");
    }
    assert!(told.stdout.contains("V2__b.sqlite.sql:5:1: it needs what was not tried: "), "{told}");
    // What is the database's own is tried.
    assert!(!told.stdout.contains("V2__b.sqlite.sql:8:1") && !told.stdout.contains("V2__b.duckdb.sql:6:1"), "{told}");
    assert_eq!(database.query(&format!("SELECT rolname FROM pg_roles WHERE rolname LIKE '{role}%'")), [[None; 0]; 0]);
}

#[test]
fn a_database_that_was_made_by_such_migrations_is_compared_and_taken_over() {
    for (engine, extension) in [("sqlite", "db"), ("duckdb", "duckdb")] {
        if engine == "duckdb" && !cfg!(feature = "duckdb") {
            continue;
        }
        let sandbox = project("reader");
        let url = format!("{engine}:///shop.{extension}");
        // What they attach must be there in earnest; INSTALL would ask the network.
        let text = sandbox.read("sql/V2__b.duckdb.sql");
        let text: Vec<&str> =
            text.lines().filter(|line| !line.starts_with("INSTALL") && !line.contains("SECRET")).collect();
        sandbox.write("sql/V2__b.duckdb.sql", text.join("\n"));
        sandbox.write("seed.csv", "id\n7\n");
        sandbox.run(&["db", "upgrade", &url]).success();
        let root = sandbox.path("");
        let before = everything(&root);
        assert!(before.contains_key(&sandbox.path(format!("other.{extension}"))), "in earnest, they are run");
        let info = sandbox.run(&["db", "info", &url]).success();
        assert!(info.stderr.contains(&format!("not tried: {}", sandbox.path("sql").display())), "{info}");
        for arguments in [
            &["current", &url][..],
            &["history", &url, "--verbose"],
            &["pending", &url],
            &["validate", &url],
            &["info", &url, "--json"],
            &["downgrade", "base", &url, "--sql"],
            &["stamp", "1", &url, "--sql"],
            &["init", &url, "--sql"],
            &["upgrade", &url, "--sql"],
        ] {
            let output = sandbox.run(&[&["db"], arguments].concat()).success();
            assert!(everything(&root) == before, "something was written by\n{output}");
        }
    }
    // Without a history, each revision is made to see which one it is.
    let sandbox = project("reader");
    sandbox.run(&["db", "upgrade"]).success();
    let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("the database");
    file.execute_batch("DROP TABLE shop_schema_history").expect("no history");
    drop(file);
    for made in ["other.db", "copy.db"] {
        std::fs::remove_file(sandbox.path(made)).expect("a file that the migration made");
    }
    let refused = sandbox.run(&["db", "init"]).exit(4);
    assert!(refused.stderr.contains("of shop as migration 3 c"), "{refused}");
    let files = sandbox.files();
    assert!(!files.iter().any(|file| ["other.db", "copy.db"].contains(&file.as_str())), "{files:?}");
}

/// What is read from a file is not there to be compared, nor what comes after it.
#[cfg(feature = "duckdb")]
#[test]
fn a_table_that_is_made_from_a_file_is_not_compared() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nengines = sqlite, duckdb\n");
    sandbox.write("seed.csv", "id\n7\n");
    sandbox.write("sql/V1__t.sql", "CREATE TABLE t (id BIGINT);\nCREATE TABLE u (id BIGINT);\n");
    sandbox.write(
        "sql/V1__t.duckdb.sql",
        "CREATE TABLE t AS SELECT * FROM read_csv('seed.csv');\nCREATE TABLE u (id BIGINT);\n",
    );
    sandbox.write("sql/V1__t.down.sql", "DROP TABLE t;\nDROP TABLE u;\n");
    sandbox.write("sql/V2__c.sql", "ALTER TABLE t ADD COLUMN c TEXT;\nALTER TABLE u ADD COLUMN c TEXT;\n");
    sandbox.write("sql/V2__c.down.sql", "ALTER TABLE t DROP COLUMN c;\nALTER TABLE u DROP COLUMN c;\n");
    let told = sandbox.run(&["db", "verify"]).success();
    assert!(told.stdout.contains("V2__c.sql:1:1: it needs what was not tried: "), "{told}");
    // What does not depend on it is held to account.
    sandbox.write("sql/V2__c.duckdb.sql", "ALTER TABLE u ADD COLUMN d TEXT;\n");
    sandbox.write("sql/V2__c.duckdb.down.sql", "ALTER TABLE u DROP COLUMN d;\n");
    let told = sandbox.run(&["db", "verify"]).exit(1);
    assert!(told.stdout.contains("missing: column u.c") && told.stdout.contains("extra: column u.d"), "{told}");
}

/// What is given on a database belongs to the server: neither another database nor a role is touched, however it is said.
#[test]
fn rights_on_other_databases_stay_as_they_are() {
    let (database, other) = (postgres::database(), postgres::database());
    let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
    database.execute(&format!("CREATE ROLE {role}"));
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nengines = postgres\n");
    sandbox.write("sql/V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.write("sql/V1__a.down.sql", "DROP TABLE a;\n");
    let name = other.name();
    let all = "FOR d IN SELECT datname FROM pg_database WHERE datname <> current_database()";
    sandbox.write(
        "sql/V2__rights.sql",
        format!(
            "GRANT CONNECT ON DATABASE {name} TO {role};\n\
             DO $$ DECLARE d TEXT; BEGIN {all} AND datname = '{name}' LOOP \
             EXECUTE format('GRANT CONNECT ON DATABASE %I TO {role}', d); END LOOP; END $$;\n\
             DO $$ BEGIN EXECUTE format('COMMENT ON %s {name} IS %L', 'DATABASE', current_database()); END $$;\n\
             DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON %s {name} FROM PUBLIC', 'DATABASE'); \
             EXCEPTION WHEN division_by_zero THEN NULL; END $$;\n\
             DO $$ BEGIN EXECUTE format('ALTER %s {name} SET work_mem TO ''8MB''', 'DATABASE'); END $$;\n\
             DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem TO ''8MB''', current_database()); \
             EXECUTE format('GRANT CONNECT ON DATABASE %I TO {role}', current_database()); END $$;\n\
             GRANT SELECT ON a TO {role};\n"
        ),
    );
    sandbox.write("sql/V2__rights.down.sql", format!("REVOKE SELECT ON a FROM {role};\n"));
    let rights = || {
        database.query(&format!(
            "SELECT d.datacl::text, shobj_description(d.oid, 'pg_database'), s.setconfig::text \
             FROM pg_database AS d LEFT JOIN pg_db_role_setting AS s ON s.setdatabase = d.oid WHERE d.datname = '{name}'"
        ))
    };
    assert_eq!(rights(), [[None, None, None]]);
    let told = sandbox.run(&["db", "verify", "--against", database.url()]).success();
    assert_eq!(rights(), [[None, None, None]], "{told}");
    // Without a transaction as well.
    let text = sandbox.read("sql/V2__rights.sql");
    sandbox.write("sql/V2__rights.sql", format!("-- charter: no-transaction\n{text}"));
    let alone = sandbox.run(&["db", "verify", "--against", database.url()]).success();
    assert_eq!(rights(), [[None, None, None]], "{alone}");
    sandbox.write("sql/V2__rights.sql", text);
    let lines: Vec<&str> =
        told.stdout.lines().filter_map(|line| line.split_once("V2__rights.sql:")).map(|(_, line)| line).collect();
    let outside = |line: u32| format!("{line}:1: it does something outside of the database that it runs in");
    assert_eq!(lines, [1, 2, 3, 4, 5].map(outside), "what is the database's own is tried: {told}");
    sandbox.run(&["db", "info", database.url(), "--against", database.url()]).exit(4);
    assert_eq!(rights(), [[None, None, None]]);
    database.execute(&format!("DROP ROLE {role}"));
}

/// Roles are the server's: a migration that gives something to one is not wrong because the server of the throw-away database
/// has none.
#[test]
fn what_is_given_to_a_role_that_the_server_lacks_is_not_tried() {
    let database = postgres::database();
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nengines = postgres\n");
    sandbox
        .write("sql/V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);\nGRANT SELECT ON a TO \"Nobody\";\n");
    sandbox.write("sql/V1__a.down.sql", "DROP TABLE a;\n");
    let told = sandbox.run(&["db", "verify", "--against", database.url()]).success();
    let why = "V1__a.sql:2:1: it needs what only the server has: PostgreSQL: role \"Nobody\" does not exist";
    assert!(told.stdout.contains(why), "{told}");
    // Where it is to be applied, it is needed.
    let apply = ["db", "upgrade", database.url(), "--env", "prod", "--verify-against", database.url()];
    let refused = sandbox.run(&apply).exit(4);
    assert!(refused.stderr.contains("does-not-exist: there is no role Nobody"), "{refused}");
    // A type is the database's own.
    sandbox.write("sql/V1__a.sql", "CREATE TABLE a (id \"Nobody\");\n");
    sandbox.run(&["db", "verify", "--against", database.url()]).exit(1);
}

/// What is pending may need a table of the host program, which no throw-away database has: the database can be judged without
/// it.
#[test]
fn a_database_is_judged_by_the_migrations_that_it_has() {
    let database = postgres::database();
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nschema = shop\n");
    sandbox.write("sql/V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.write("sql/V1__a.down.sql", "DROP TABLE a;\n");
    for url in ["sqlite:///shop.db", database.url()] {
        sandbox.run(&["db", "upgrade", url, "--env", "dev"]).success();
    }
    sandbox.write("sql/V2__host.sql", "ALTER TABLE hosts ADD COLUMN a BIGINT;\n");
    sandbox.write("sql/V2__host.down.sql", "ALTER TABLE hosts DROP COLUMN a;\n");
    for arguments in [&["sqlite:///shop.db"][..], &[database.url()], &[database.url(), "--against", database.url()]] {
        let info = sandbox.run(&[&["db", "info", "--json"], arguments].concat()).success().json();
        assert_eq!(info["valid"], true, "{info}");
    }
    database.execute("CREATE INDEX by_hand ON shop.a (id)");
    sandbox.run(&["db", "info", database.url(), "--against", database.url()]).exit(1);
}
