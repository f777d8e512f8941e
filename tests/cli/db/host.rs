//! charter in another program's database: whatever is done, that program's tables stay as they are.

use super::super::BOOK;
use super::project::shop;
use crate::support::{Sandbox, postgres};
use charter::migrate::{Confirmation, MigrationManager};

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

/// A database with a book in it, and a way for the host program to change it.
fn shared(sandbox: &Sandbox, url: &str) {
    sandbox.write("book.yaml", BOOK);
    sandbox.run(&["db", "init", url, "--env", "dev"]).success();
    sandbox.run(&["put", "book.yaml", "--db", url]).success();
}

/// What emptying or dropping charter's tables would do to the host's is refused before anything is done, and told.
#[track_caller]
fn refused(sandbox: &Sandbox, arguments: &[&str], lines: &[&str]) {
    let output = sandbox.run(arguments).exit(4);
    let told: Vec<&str> = output.stderr.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(told, lines, "{output}");
    assert!(output.stderr.contains("hint: charter leaves it alone"), "{output}");
    assert!(!output.stderr.contains("loses"), "nobody is asked to agree to what is refused: {output}");
}

/// A host's row that refers to one of charter's keeps that from going, even if the host asked for it to be taken along, and so
/// does a trigger of the host that would run.
#[test]
fn what_a_host_has_upon_charters_tables_is_neither_set_off_nor_taken_along() {
    let sandbox = Sandbox::new();
    let url = "sqlite:///charter.db";
    shared(&sandbox, url);
    let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("a file");
    file.execute_batch(
        "CREATE TABLE likes (digest TEXT NOT NULL REFERENCES charter_records ON DELETE CASCADE);
         INSERT INTO likes SELECT digest FROM charter_records LIMIT 1;
         CREATE TABLE log (owners TEXT); INSERT INTO log VALUES ('ada');
         CREATE INDEX host_kind ON charter_records (kind);
         CREATE TRIGGER kept AFTER INSERT ON charter_records BEGIN INSERT INTO log VALUES (new.name); END;
         CREATE TRIGGER sweep BEFORE DELETE ON \"charter_Records\" BEGIN DELETE FROM log; END;
         CREATE TRIGGER forget AFTER DELETE ON log BEGIN DELETE FROM charter_cursors; END;
         CREATE TRIGGER hide INSTEAD OF DELETE ON schemas BEGIN SELECT 1; END;
         CREATE VIEW names AS SELECT log.owners FROM log, charter_records AS schemas ON log.owners = schemas.name;
         CREATE VIEW owned AS SELECT owners, 'charter_records' AS systems FROM log",
    )
    .expect("what the host has");
    let host = |of: &str| -> i64 {
        file.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)).expect("a number")
    };
    let key = "the foreign key (digest) of likes, which refers to charter_records";
    let truncate = ["db", "truncate", url, "--yes"];
    refused(&sandbox, &truncate, &[key, "the trigger sweep of charter_records"]);
    file.execute_batch("DROP TRIGGER sweep").expect("the host drops it");
    refused(&sandbox, &truncate, &[key]);
    // A program that asks nothing before is refused as well.
    let manager = MigrationManager::new(&sandbox.sqlite_url("charter.db")).expect("a URL");
    let errors = [
        manager.truncate(&Confirmation::Yes, &mut |_| {}).expect_err("a row would be left over").to_string(),
        manager.rollback_migration("base").expect_err("an index would go").to_string(),
    ];
    assert!(errors.iter().all(|error| error.contains(key)), "{errors:?}");
    assert_eq!((host("likes"), host("log"), host("charter_records")), (1, 1, 7));
    file.execute_batch(
        "DELETE FROM likes; CREATE TRIGGER of_head AFTER UPDATE OF id, epoch ON charter_head BEGIN DELETE FROM log; END;
         CREATE TRIGGER of_audit AFTER INSERT ON charter_schema_audit BEGIN DELETE FROM log; END;
         CREATE TRIGGER elsewhere AFTER DELETE ON charter_schema_audit BEGIN DELETE FROM log; END",
    )
    .expect("the host lets go");
    refused(
        &sandbox,
        &truncate,
        &["the trigger of_head of charter_head", "the trigger of_audit of charter_schema_audit"],
    );
    file.execute_batch("DROP TRIGGER of_head; DROP TRIGGER of_audit; DROP TRIGGER elsewhere")
        .expect("the host drops them");
    sandbox.run(&truncate).success();
    assert_eq!((host("log"), host("charter_records")), (1, 0));

    let objects = host("sqlite_schema");
    let base = ["db", "downgrade", "base", url, "--yes"];
    let base_as_text = ["db", "downgrade", "base", url, "--sql"];
    for base in [&base[..], &base_as_text] {
        refused(
            &sandbox,
            base,
            &[
                "the trigger forget of log, which names charter_cursors",
                key,
                "the index host_kind of charter_records",
                "the trigger kept of charter_records",
                "the view names, which reads charter_records",
                "the trigger hide of schemas",
            ],
        );
    }
    assert_eq!(host("sqlite_schema"), objects);
    file.execute_batch(
        "DROP TRIGGER forget; DROP TABLE likes; DROP INDEX host_kind; DROP TRIGGER kept; DROP VIEW names; DROP TRIGGER hide",
    )
    .expect("the host drops all");
    sandbox.run(&base).success();
    assert_eq!((host("owned"), host("sqlite_schema WHERE name IN ('charter_records', 'schemas')")), (1, 0));
}

#[test]
fn what_a_host_has_upon_charters_tables_on_a_server_is_neither_set_off_nor_taken_along() {
    let (sandbox, database) = (Sandbox::new(), postgres::database());
    let url = database.url();
    shared(&sandbox, url);
    database.execute(
        "SET search_path = public; CREATE TABLE log (owners TEXT); INSERT INTO log VALUES ('ada');
         CREATE TABLE \"My likes\" (digest TEXT CONSTRAINT liked REFERENCES charter.charter_records ON DELETE CASCADE);
         INSERT INTO \"My likes\" SELECT digest FROM charter.charter_records LIMIT 1; INSERT INTO \"My likes\" VALUES (NULL);
         CREATE TABLE more () INHERITS (charter.charter_uploads);
         CREATE INDEX host_kind ON charter.charter_records (kind);
         CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM public.log; RETURN NULL; END';
         CREATE TRIGGER off AFTER TRUNCATE ON charter.charter_changes EXECUTE FUNCTION forget();
         ALTER TABLE charter.charter_changes DISABLE TRIGGER off;
         CREATE TRIGGER each AFTER DELETE ON charter.charter_records FOR EACH ROW EXECUTE FUNCTION forget();
         CREATE TRIGGER sweep AFTER TRUNCATE ON charter.charter_records EXECUTE FUNCTION forget();
         CREATE RULE twice AS ON DELETE TO log DO ALSO DELETE FROM charter.charter_cursors;
         CREATE POLICY everything ON charter.charter_records;
         CREATE VIEW owners AS SELECT name FROM charter.owners; CREATE VIEW mine AS SELECT owners FROM log",
    );
    let key = "the foreign key liked of public.My likes, which refers to charter_records";
    let each = "the trigger each of charter_records";
    let heir = "the table public.more, which inherits from charter_uploads";
    let truncate = ["db", "truncate", url, "--yes"];
    refused(&sandbox, &truncate, &[key, each, heir]);
    let manager = MigrationManager::new(url).expect("a URL");
    let error = manager.truncate(&Confirmation::Yes, &mut |_| {}).expect_err("the same").to_string();
    assert!(error.contains(heir), "{error}");
    database.execute("DROP TABLE more; DROP TRIGGER each ON charter.charter_records");
    let told = sandbox.run(&truncate).exit(4);
    assert!(told.stderr.contains("hint: charter leaves it alone: delete the rows that refer to charter's"), "{told}");
    // Where no row refers to one, nobody has to give up the key.
    database.execute(
        "DELETE FROM \"My likes\" WHERE digest IS NOT NULL; CREATE TRIGGER seen AFTER UPDATE ON charter.charter_head
         FOR EACH ROW EXECUTE FUNCTION public.forget()",
    );
    refused(&sandbox, &truncate, &["the trigger seen of charter_head"]);
    database.execute("DROP TRIGGER seen ON charter.charter_head");
    sandbox.run(&truncate).success();
    let counted = "SELECT (SELECT count(*) FROM public.\"My likes\"), (SELECT count(*) FROM charter.charter_records)";
    assert_eq!(database.query(counted), [[Some("1".to_owned()), Some("0".to_owned())]]);
    sandbox.run(&["put", "book.yaml", "--db", url]).success();
    database.execute(
        "DROP TABLE \"My likes\"; CREATE TRIGGER each AFTER DELETE ON charter.charter_records
         FOR EACH ROW EXECUTE FUNCTION public.forget()",
    );
    refused(&sandbox, &truncate, &["the trigger sweep of charter_records"]);
    database.execute("ALTER TABLE charter.charter_records DISABLE TRIGGER sweep");
    sandbox.run(&truncate).success();
    let counts = "SELECT (SELECT count(*) FROM log), (SELECT count(*) FROM charter.charter_records)";
    assert_eq!(database.query(counts), [[Some("1".to_owned()), Some("0".to_owned())]]);

    let base = ["db", "downgrade", "base", url, "--yes"];
    let base_as_text = ["db", "downgrade", "base", url, "--yes", "--sql"];
    for base in [&base[..], &base_as_text] {
        refused(
            &sandbox,
            base,
            &[
                "the trigger off of charter_changes",
                "the rule twice of public.log, which names charter_cursors",
                "the index host_kind of charter_records",
                "the policy everything of charter_records",
                "the trigger each of charter_records",
                "the trigger sweep of charter_records",
                "the view public.owners, which reads owners",
            ],
        );
    }
    database.execute(
        "DROP TRIGGER off ON charter.charter_changes; DROP RULE twice ON log; DROP INDEX charter.host_kind;
         DROP POLICY everything ON charter.charter_records; DROP TRIGGER each ON charter.charter_records;
         DROP TRIGGER sweep ON charter.charter_records; DROP VIEW public.owners",
    );
    sandbox.run(&base).success();
    assert_eq!(database.query("SELECT owners FROM public.mine"), [[Some("ada".to_owned())]]);
}

/// Whatever a server lets hang on a table, on its columns or on the type of its rows.
#[test]
fn what_hangs_on_charters_tables_by_another_way_is_not_taken_along_either() {
    for programs in postgres::programs() {
        let (sandbox, server) = (Sandbox::new(), postgres::Server::of(&programs, &[("wal_level", "logical")]));
        let url = server.url("postgres");
        shared(&sandbox, &url);
        let has_schemas =
            postgres::query(&url, "SELECT 1 WHERE current_setting('server_version_num')::int >= 150000").len() == 1;
        let execute = |sql: &str| drop(postgres::query(&url, sql));
        execute(
            "SET search_path = public; CREATE TABLE mine (id BIGINT, kept charter.charter_records, more charter.charter_changes[]);
             CREATE FUNCTION newest() RETURNS charter.charter_records LANGUAGE sql AS 'SELECT NULL::charter.charter_records';
             CREATE FUNCTION every() RETURNS SETOF charter.schemas LANGUAGE sql AS 'SELECT * FROM charter.schemas';
             CREATE POLICY known ON mine USING (EXISTS (SELECT 1 FROM charter.charter_records));
             CREATE STATISTICS together ON kind, name FROM charter.charter_records;
             CREATE SEQUENCE charter.numbers OWNED BY charter.charter_records.kind",
        );
        let expected = [
            "the column more of public.mine, which names charter_changes",
            "the column kept of public.mine, which names charter_records",
            "the function public.newest, which reads charter_records",
            "the policy known of public.mine, which names charter_records",
            "the sequence numbers of charter_records",
            "the statistics public.together of charter_records",
            "the function public.every, which reads schemas",
        ];
        let base = ["db", "downgrade", "base", &url, "--yes"];
        refused(&sandbox, &base, &expected);
        execute(
            "DROP TABLE mine; DROP FUNCTION newest(); DROP FUNCTION every(); DROP STATISTICS together; DROP SEQUENCE charter.numbers",
        );
        if has_schemas {
            execute("CREATE PUBLICATION everything FOR TABLES IN SCHEMA charter");
            let told = sandbox.run(&base).exit(4);
            assert!(told.stderr.contains("the publication everything, which publishes charter_records\n"), "{told}");
            execute("DROP PUBLICATION everything");
        }
        sandbox.run(&base).success();
    }
}

/// A table that numbers its rows, and what else a set makes itself, is nobody else's.
#[test]
fn what_a_set_has_upon_its_own_tables_is_its_own() {
    let (sandbox, database) = (Sandbox::new(), postgres::database());
    sandbox.write("charter.cfg", "[migrations]\ndir = sql\nname = shop\nschema = shop\nengines = postgres\n");
    sandbox.write(
        "sql/V1__a.sql",
        "CREATE TABLE a (id SERIAL PRIMARY KEY, n BIGINT GENERATED ALWAYS AS IDENTITY, b BIGINT CHECK (b > 0) DEFAULT 3,
             c BIGINT GENERATED ALWAYS AS (b + 1) STORED, parent INTEGER REFERENCES a);
         CREATE TABLE b (a a, d INTEGER REFERENCES a);
         CREATE STATISTICS s ON b, c FROM a;
         CREATE FUNCTION f() RETURNS SETOF a LANGUAGE sql AS 'SELECT * FROM shop.a';
         CREATE POLICY p ON b USING (EXISTS (SELECT 1 FROM a));
         CREATE SEQUENCE q OWNED BY a.b;",
    );
    sandbox.write("sql/V1__a.down.sql", "DROP FUNCTION f();\nDROP TABLE b;\nDROP TABLE a;\n");
    sandbox.run(&["db", "upgrade", database.url(), "--env", "dev"]).success();
    let down = sandbox.run(&["db", "downgrade", "base", database.url()]).success();
    assert!(!down.stderr.contains("no migration made"), "{down}");
}

#[cfg(feature = "duckdb")]
#[test]
fn what_a_host_has_upon_charters_tables_in_duckdb_is_neither_set_off_nor_taken_along() {
    let sandbox = Sandbox::new();
    let url = "duckdb:///charter.duckdb";
    shared(&sandbox, url);
    let host = |sql: &str| {
        let file = duckdb::Connection::open(sandbox.path("charter.duckdb")).expect("a file");
        file.execute_batch(sql).expect(sql);
    };
    host(
        "CREATE TABLE log (owners TEXT); INSERT INTO log VALUES ('ada');
         CREATE TABLE likes (digest TEXT REFERENCES charter_records (digest));
         INSERT INTO likes SELECT digest FROM charter_records LIMIT 1;
         CREATE TRIGGER sweep AFTER DELETE ON charter_records FOR EACH STATEMENT DELETE FROM log;
         CREATE INDEX host_kind ON charter_records (kind);
         CREATE VIEW names AS SELECT name FROM charter_records; CREATE VIEW mine AS SELECT owners FROM log;
         CREATE MACRO named() AS TABLE SELECT name FROM charter_records; CREATE MACRO twice(a) AS a + a;
         CREATE MACRO many() AS (SELECT count(*) FROM charter_records)",
    );
    let key = "the foreign key (digest) of likes, which refers to charter_records";
    let (sweep, truncate) = ("the trigger sweep of charter_records", ["db", "truncate", url, "--yes"]);
    refused(&sandbox, &truncate, &[key, sweep]);
    let others = [
        "the index host_kind of charter_records",
        "the macro many, which reads charter_records",
        "the macro named, which reads charter_records",
        sweep,
        "the view names, which reads charter_records",
    ];
    let base = ["db", "downgrade", "base", url, "--yes"];
    refused(&sandbox, &base, &[&[key][..], &others].concat());
    host(
        "DROP TABLE likes; DROP TRIGGER sweep ON charter_records;
         CREATE TRIGGER of_audit AFTER INSERT ON charter_schema_audit FOR EACH STATEMENT DELETE FROM log",
    );
    refused(&sandbox, &truncate, &["the trigger of_audit of charter_schema_audit"]);
    host("DROP TRIGGER of_audit ON charter_schema_audit");
    sandbox.run(&truncate).success();
    host("DROP INDEX host_kind; DROP VIEW names; DROP MACRO TABLE named; DROP MACRO many");
    sandbox.run(&base).success();
    host("SELECT error('the row is gone') FROM (SELECT count(*) AS rows FROM mine) WHERE rows <> 1");
}

/// Where something else has the name of a table of charter's, what would be emptied is not known.
#[test]
fn what_is_no_table_of_charters_is_not_emptied() {
    let sandbox = Sandbox::new();
    shared(&sandbox, "sqlite:///charter.db");
    let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("a file");
    file.execute_batch(
        "ALTER TABLE charter_cursors RENAME TO away; CREATE TABLE mine (a TEXT); INSERT INTO mine VALUES ('x');
         CREATE VIEW charter_cursors AS SELECT a FROM mine;
         CREATE TRIGGER through INSTEAD OF DELETE ON charter_cursors BEGIN DELETE FROM mine; END",
    )
    .expect("a view");
    let (database, sql) = (postgres::database(), "CREATE VIEW charter.charter_cursors AS SELECT * FROM public.away");
    shared(&sandbox, database.url());
    database.execute(&format!("ALTER TABLE charter.charter_cursors SET SCHEMA public; ALTER TABLE public.charter_cursors RENAME TO away; {sql}"));
    for url in ["sqlite:///charter.db", database.url()] {
        let failed = sandbox.run(&["db", "truncate", url, "--yes"]).exit(4);
        assert!(failed.stderr.contains("charter_cursors is not the table that charter makes"), "{failed}");
    }
    assert_eq!(file.query_row("SELECT a FROM mine", [], |row| row.get::<_, String>(0)).expect("the row"), "x");
}

/// With a table of a project's set goes what somebody has made upon it by hand: that is told, and no more.
#[test]
fn what_no_migration_made_is_told_where_a_projects_table_goes() {
    let sandbox = shop();
    sandbox.write(
        "sql/V30__index.sql",
        "CREATE INDEX orders_note ON orders (note);\nCREATE VIEW notes AS SELECT note FROM orders;\n",
    );
    sandbox.write("sql/V30__index.down.sql", "DROP VIEW notes;\nDROP INDEX orders_note;\n");
    sandbox.run(&["db", "upgrade"]).success();
    let down = sandbox.run(&["db", "downgrade", "base"]).success();
    assert!(!down.stderr.contains("no migration made"), "{down}");
    sandbox.run(&["db", "upgrade"]).success();
    let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("a file");
    file.execute_batch(
        "CREATE INDEX by_hand ON orders (email); CREATE VIEW mails AS SELECT email FROM orders WHERE note <> ''",
    )
    .expect("an index");
    let down = sandbox.run(&["db", "downgrade", "20"]).success();
    assert!(!down.stderr.contains("no migration made"), "{down}");
    file.execute_batch("DROP INDEX by_hand; DROP VIEW mails; CREATE INDEX by_hand ON orders (note); CREATE VIEW ids AS SELECT id FROM orders").expect("an index");
    let down = sandbox.run(&["db", "downgrade", "base"]).success();
    let told: Vec<&str> =
        down.stderr.lines().filter_map(|line| line.split_once("no migration made: ")).map(|(_, what)| what).collect();
    assert_eq!(told, ["the index by_hand of orders", "the view ids, which reads orders"], "{down}");
}

/// Upwards as well, and where charter's own migrations drop something, nothing of another program goes with it.
#[test]
fn what_an_upgrade_would_take_along_is_told_or_refused() {
    for is_server in [false, true] {
        let (sandbox, database) = (shop(), postgres::database());
        let (url, schema) = if is_server { (database.url(), "charter.") } else { ("sqlite:///charter.db", "") };
        let execute = |sql: &str| match is_server {
            true => database.execute(sql),
            false => {
                let file = rusqlite::Connection::open(sandbox.path("charter.db")).expect("a file");
                file.execute_batch(sql).expect(sql);
            }
        };
        sandbox.run(&["db", "upgrade", url, "--env", "dev"]).success();
        execute(&format!("CREATE INDEX by_hand ON {}orders (note)", if is_server { "shop." } else { "" }));
        sandbox.write("sql/V30__gone.sql", "DROP TABLE orders;\n");
        sandbox.write("sql/V30__gone.down.sql", "CREATE TABLE orders (id BIGINT);\n");
        let line = "loses or breaks what no migration made: the index by_hand of orders";
        let pending = sandbox.run(&["db", "pending", url]).success();
        assert!(pending.stdout.contains(line), "{pending}");
        let upgraded = sandbox.run(&["db", "upgrade", url]).success();
        assert!(upgraded.stderr.contains(line), "{upgraded}");

        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("charter's own") {
            let path = file.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            sandbox.write(format!("own/{name}"), std::fs::read(&path).expect("a text"));
        }
        sandbox.write("charter.cfg", "[migrations]\ndir = own\nname = charter\n");
        sandbox.write("own/V2__gone.sql", "DROP VIEW owners;\nDROP TABLE charter_receipts;\n");
        sandbox.write("own/V2__gone.down.sql", "SELECT 1;\n");
        let view = if is_server { "public.mine" } else { "mine" };
        execute(&format!(
            "CREATE INDEX host_push ON {schema}charter_receipts (push); CREATE VIEW {view} AS SELECT name FROM {schema}owners"
        ));
        for more in [&[][..], &["--sql"]] {
            let told = sandbox.run(&[&["db", "upgrade", url], more].concat()).exit(4);
            for line in ["the index host_push of charter_receipts", &format!("the view {view}, which reads owners")] {
                assert!(told.stderr.contains(&format!("it would lose or break {line}")), "{told}");
            }
            assert!(told.stderr.contains("hint: charter leaves it alone"), "{told}");
        }
        execute(&format!("DROP INDEX {schema}host_push; DROP VIEW {view}"));
        sandbox.run(&["db", "upgrade", url]).success();
    }
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
