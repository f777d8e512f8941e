//! What becomes of printed statements where they are run, and which are not printed.

use super::by_hand::as_the_shell;
use super::project::shop;
use crate::support::postgres;
use rusqlite::Connection;

/// One script may make many databases: each is a store of its own, or a push from one to another would find nothing to do.
#[test]
fn a_printed_script_gives_each_database_an_identity_of_its_own() {
    let (sandbox, servers) = (shop(), [postgres::database(), postgres::database()]);
    let print = |arguments: &[&str]| {
        let sql = sandbox.run(&[&["db", "init", "--sql"], arguments].concat()).success().stdout;
        assert!(sql.contains("charter_head"), "{sql}");
        sql
    };
    let scripts = [print(&["sqlite:///new.db"]), print(&["--engine", "sqlite"])];
    let mut ids: Vec<String> = Vec::new();
    let query = "SELECT id FROM charter_head";
    for script in &scripts {
        for _ in 0..2 {
            let file = Connection::open_in_memory().expect("a database");
            file.execute_batch(script).expect("statements that run");
            ids.push(file.query_row(query, [], |row| row.get(0)).expect(query));
        }
    }
    let script = print(&["--engine", "postgres"]);
    for server in &servers {
        server.execute(&script);
        ids.extend(server.query("SELECT id FROM charter.charter_head").into_iter().flatten().flatten());
    }
    #[cfg(feature = "duckdb")]
    {
        let script = print(&["--engine", "duckdb"]);
        for _ in 0..2 {
            let file = duckdb::Connection::open_in_memory().expect("a database");
            file.execute_batch(&script).expect("statements that run");
            ids.push(file.query_row(query, [], |row| row.get(0)).expect(query));
        }
    }
    let is_as_charters = |id: &String| {
        uuid::Uuid::parse_str(id).is_ok_and(|parsed| parsed.get_version_num() == 4 && parsed.to_string() == *id)
    };
    assert!(ids.len() >= 6 && ids.iter().all(is_as_charters), "{ids:?}");
    let different: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
}

/// A script for a database at one migration does nothing to one at another.
#[test]
fn a_script_that_begins_elsewhere_changes_nothing() {
    let (sandbox, database) = (shop(), postgres::database());
    sandbox.write("sql/V30__more.sql", "CREATE TABLE more (id BIGINT);\n");
    let print = |engine: &str| sandbox.run(&["db", "upgrade", "10:head", "--sql", "--engine", engine]).success().stdout;
    sandbox.run(&["db", "upgrade", "+1"]).success();
    sandbox.run(&["db", "upgrade", "+1", database.url()]).success();
    sandbox.run(&["db", "downgrade", "base"]).success();
    sandbox.run(&["db", "downgrade", "base", database.url(), "--confirm", database.name()]).success();
    let file = Connection::open(sandbox.path("charter.db")).expect("the database");
    let errors = as_the_shell(&file, &print("sqlite"));
    assert!(errors[0].contains("the database is not where this script begins"), "{errors:?}");
    let tables = "SELECT name FROM sqlite_schema WHERE name IN ('orders', 'more')";
    let exists = |file: &Connection| file.prepare(tables).expect(tables).exists([]).expect(tables);
    assert!(!exists(&file), "{errors:?}");
    let script = print("postgres");
    let error = std::panic::catch_unwind(|| database.execute(&script)).expect_err("it fails");
    let error = error.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(error.contains("null value in column \"entry\""), "{error}");
    assert!(database.query("SELECT 1 FROM pg_tables WHERE tablename IN ('orders', 'more')").is_empty());

    sandbox.run(&["db", "upgrade", "10"]).success();
    sandbox.run(&["db", "upgrade", "10", database.url()]).success();
    assert_eq!(as_the_shell(&file, &print("sqlite")), [""; 0]);
    database.execute(&script);
    for url in ["sqlite:///charter.db", database.url()] {
        sandbox.run(&["db", "current", url, "--check"]).success();
    }
    #[cfg(feature = "duckdb")]
    {
        let file = duckdb::Connection::open_in_memory().expect("a database");
        file.execute_batch(&sandbox.run(&["db", "init", "--sql", "--engine", "duckdb"]).success().stdout)
            .expect("made");
        assert!(file.execute_batch(&print("duckdb")).expect_err("it is at head").to_string().contains("entry"));
        let down = ["db", "downgrade", "head:20", "--sql", "--engine", "duckdb"];
        sandbox.write("sql/V30__more.down.sql", "DROP TABLE more;\n");
        file.execute_batch("ROLLBACK").expect("nothing");
        file.execute_batch(&sandbox.run(&down).success().stdout).expect("it is at head");
    }
}

/// What is let pass is in the history that the script writes, and what a host program has is not lost unseen.
#[test]
fn what_is_let_pass_is_printed_and_what_is_a_hosts_is_not_taken() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    let file = Connection::open(sandbox.path("charter.db")).expect("the database");
    file.execute_batch("CREATE INDEX host_index ON orders (note)").expect("an index");
    sandbox.write(
        "sql/V30__anew.sql",
        "CREATE TABLE made (id BIGINT NOT NULL PRIMARY KEY, note VARCHAR(40), email TEXT);\n\
         INSERT INTO made (id, note) SELECT id, note FROM orders;\nDROP TABLE orders;\n\
         ALTER TABLE made RENAME TO orders;\n",
    );
    let upgrade = ["db", "upgrade", "--sql"];
    for arguments in [&upgrade[..], &upgrade[..2]] {
        let refused = sandbox.run(arguments).exit(4);
        assert!(refused.stdout.is_empty() && refused.stderr.contains("sqlite-rebuild-loses-index"), "{refused}");
    }
    let allow = ["--allow", "sqlite-rebuild-loses-index@30", "--reason", "nobody reads it"];
    let printed = sandbox.run(&[&upgrade[..], &allow].concat()).success();
    assert!(!printed.stderr.contains("refused"), "{printed}");
    file.execute_batch(&printed.stdout).expect("statements that run");
    let allowed = "SELECT allowed FROM shop_schema_audit WHERE version = 30";
    let allowed: String = file.query_row(allowed, [], |row| row.get(0)).expect(allowed);
    assert_eq!(allowed, r#"[{"rule":"sqlite-rebuild-loses-index","revision":30,"reason":"nobody reads it"}]"#);

    // What is dangerous in the text is known without a database too.
    sandbox.write("sql/V40__gone.sql", "ALTER TABLE orders DROP COLUMN email;\n");
    sandbox.write("sql/V40__gone.down.sql", "ALTER TABLE orders ADD COLUMN email TEXT;\n");
    sandbox.run(&["db", "environment", "sqlite:///charter.db", "staging", "--yes"]).success();
    let warned = sandbox.run(&upgrade).success();
    assert!(warned.stderr.contains("refused: 40 gone"), "{warned}");
    let allow = ["--allow", "column-dropped@40", "--reason", "it is nowhere read"];
    for more in [&[][..], &["--engine", "sqlite"]] {
        let printed = sandbox.run(&[&upgrade[..], &allow, more].concat()).success();
        let row = r#"[{"rule":"column-dropped","revision":40,"reason":"it is nowhere read"}]"#;
        assert!(printed.stdout.contains(row) && !printed.stderr.contains("refused: 40"), "{printed}");
    }
    let allow = ["--allow", "column-dropped@10", "--reason", "a mistake"];
    let printed = sandbox.run(&[&upgrade[..], &allow, &["--engine", "sqlite"]].concat()).success();
    assert!(printed.stderr.contains("--allow column-dropped@10 lets nothing pass"), "{printed}");
}
