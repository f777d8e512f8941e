//! What a host program has upon the tables of a set.

use super::*;

const REBUILD: &str = "CREATE TABLE made (id BIGINT NOT NULL PRIMARY KEY, note VARCHAR(40));\n\
    INSERT INTO made (id, note) SELECT id, note FROM orders;\nDROP TABLE orders;\nALTER TABLE made RENAME TO orders;\n";

/// A host program has made indexes, triggers and views of a set's table, which the files know nothing of.
#[test]
fn what_a_host_program_has_on_a_table_is_not_lost_with_a_rebuild_unseen() {
    let project = Project::new(Engine::Sqlite, Prod);
    assert_eq!(messages(&project, REBUILD), [""; 0]);
    project.execute(
        "CREATE INDEX host_index ON orders (note);
         CREATE TRIGGER host_trigger AFTER INSERT ON orders BEGIN SELECT 1; END;
         CREATE TABLE hosts (id BIGINT);
         CREATE VIEW host_view AS SELECT id FROM orders;
         CREATE TRIGGER host_reads AFTER INSERT ON hosts BEGIN DELETE FROM orders WHERE id = 7; END;
         CREATE VIEW no_matter AS SELECT id FROM hosts;",
    );
    let lost = "sqlite-rebuild-loses-index: orders is rebuilt without host_index, host_trigger";
    let reads = "sqlite-view-blocks-rebuild: orders is rebuilt, and read by the trigger host_reads, the view host_view";
    let found = |text: &str| {
        let mut found = messages(&project, text);
        found.sort();
        found
    };
    assert_eq!(found(REBUILD), [lost, reads]);
    let first = "ALTER TABLE orders RENAME TO was;\nCREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);\n\
                 INSERT INTO orders (id, note) SELECT id, note FROM was;\nDROP TABLE was;\n";
    assert!(found(first).contains(&lost.to_owned()) && found(first).contains(&reads.to_owned()), "{:?}", found(first));
    let error =
        upgrade(&project.manager(&[("V2__second.sql", REBUILD), ("V2__second.down.sql", "SELECT 1;")]), None, true);
    refused(&project, &error.expect_err("a view would be lost"), "host_view");
    // Who drops and makes again what is there, loses nothing.
    let whole = format!(
        "DROP VIEW host_view;\nDROP TRIGGER host_reads;\n{REBUILD}CREATE INDEX host_index ON orders (note);\n\
         CREATE TRIGGER host_trigger AFTER INSERT ON orders BEGIN SELECT 1; END;\n\
         CREATE VIEW host_view AS SELECT id FROM orders;\n\
         CREATE TRIGGER host_reads AFTER INSERT ON hosts BEGIN DELETE FROM orders WHERE id = 7; END;\n"
    );
    assert_eq!(messages(&project, &whole), [""; 0]);
}

#[cfg(feature = "duckdb")]
#[test]
fn an_index_of_a_host_program_blocks_an_alter_of_duckdb() {
    let project = Project::new(Engine::DuckDb, Prod);
    let alter = "ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40);";
    assert_eq!(messages(&project, alter), [""; 0]);
    project.execute("CREATE INDEX host_index ON orders (note)");
    assert_eq!(messages(&project, alter), ["duckdb-index-blocks-alter: orders has the index host_index"]);
    assert_eq!(messages(&project, REBUILD), ["duckdb-rebuild-loses-index: orders is rebuilt without host_index"]);
}

/// What somebody has added to a set's own table by hand counts, not what the files say.
#[test]
fn a_column_that_a_host_program_added_is_there() {
    for engine in SQL_ENGINES.iter().filter(|engine| **engine != Engine::Postgres) {
        let project = Project::new(*engine, Prod);
        let update = "UPDATE orders SET extra = 'x' WHERE id = 1;";
        let refused = messages(&project, update);
        assert!(refused.len() == 1 && refused[0].contains("-cannot-run: "), "{engine:?}: {refused:?}");
        project.execute("ALTER TABLE orders ADD COLUMN extra VARCHAR");
        assert_eq!(messages(&project, update), [""; 0], "{engine:?}");
        assert_eq!(messages(&project, REBUILD), ["column-dropped: the data of orders.extra is lost"], "{engine:?}");
        let whole = REBUILD.replace("(40))", "(40), extra VARCHAR)").replace("id, note", "id, note, extra");
        assert_eq!(messages(&project, &whole), [""; 0], "{engine:?}");
    }
}

/// A unique index that nobody but a host program made keeps rows out all the same.
#[test]
fn a_unique_index_of_a_host_program_is_not_dropped_unseen() {
    for engine in SQL_ENGINES.iter().filter(|engine| **engine != Engine::Postgres) {
        let project = Project::new(*engine, Prod);
        project.execute("CREATE UNIQUE INDEX host_index ON orders (note)");
        let dropped = messages(&project, "DROP INDEX host_index;");
        assert_eq!(dropped, ["constraint-dropped: the unique index host_index of orders is dropped"], "{engine:?}");
    }
}

#[cfg(feature = "duckdb")]
#[test]
fn a_trigger_of_a_host_program_is_not_lost_with_a_rebuild_of_duckdb() {
    for environment in ENVIRONMENTS {
        let project = Project::new(Engine::DuckDb, environment);
        let trigger =
            "CREATE TRIGGER host_trigger AFTER INSERT ON orders FOR EACH STATEMENT INSERT INTO hosts VALUES (1)";
        project.execute(&format!("CREATE TABLE hosts (id BIGINT); {trigger}"));
        let lost = "duckdb-rebuild-loses-index: orders is rebuilt without host_trigger";
        let again = format!("{REBUILD}{trigger};\n");
        let manager = project.manager(&[("V2__second.sql", REBUILD), ("V2__second.down.sql", "SELECT 1;")]);
        for error in [
            open(&manager, &OpenOptions::default()).expect_err("a trigger would be lost"),
            upgrade(&manager, None, true).map(|_| ()).expect_err("a trigger would be lost"),
        ] {
            refused(&project, &error, lost);
        }
        let found = messages(&project, &again);
        assert!(!found.iter().any(|found| found.contains("host_trigger")), "{found:?}");
    }
}

/// Foreign keys to it, defaults that use a sequence, and what types there are.
#[cfg(feature = "duckdb")]
#[test]
fn what_a_host_program_made_of_a_duckdb_file_is_known() {
    let project = Project::new(Engine::DuckDb, Prod);
    project.execute(
        "CREATE TABLE lines (o BIGINT REFERENCES orders (id)); CREATE SEQUENCE numbers;
         CREATE TABLE prices (a DOUBLE, n BIGINT DEFAULT nextval('numbers')); INSERT INTO prices (a) VALUES (1.7);",
    );
    assert_eq!(
        messages(&project, "ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40);"),
        ["duckdb-index-blocks-alter: another table refers to orders"]
    );
    assert_eq!(
        messages(&project, "DROP SEQUENCE numbers CASCADE;"),
        ["cascade: the data of prices is lost with numbers", "sequence-dropped: the sequence numbers is dropped"]
    );
    let narrow = "ALTER TABLE prices ALTER COLUMN a TYPE INTEGER;";
    assert_eq!(messages(&project, narrow), ["duckdb-narrows: prices.a is rounded or cut: from DOUBLE to INTEGER"]);
    project.execute("DELETE FROM prices WHERE a > 0");
    assert_eq!(messages(&project, narrow), [""; 0]);
    assert_eq!(messages(&project, "DROP TABLE IF EXISTS nothere;"), [""; 0]);
}

/// Macros and views of DuckDB that are made again otherwise, and sequences that are used.
#[cfg(feature = "duckdb")]
#[test]
fn what_a_host_program_uses_of_a_duckdb_file_is_not_made_again_otherwise_unseen() {
    let project = Project::new(Engine::DuckDb, Prod);
    project.execute(
        "CREATE MACRO f(a) AS a + 1; CREATE VIEW big AS SELECT id, f(id) AS total FROM orders; CREATE SEQUENCE numbers;
         CREATE TABLE prices (n BIGINT DEFAULT nextval('numbers'));",
    );
    for (sql, said) in [
        (
            "CREATE OR REPLACE MACRO f(a, b) AS a + b;",
            "function-dropped: the macro f is made again with other arguments: what calls it as before fails",
        ),
        (
            "CREATE OR REPLACE VIEW big AS SELECT id FROM orders;",
            "view-dropped: the view big is made again with other columns",
        ),
        ("CREATE OR REPLACE SEQUENCE numbers;", "duckdb-cannot-run: the default of prices.n uses numbers"),
    ] {
        assert_eq!(messages(&project, sql), [said]);
    }
    for sql in [
        "CREATE OR REPLACE MACRO f(a) AS a + 2;",
        "CREATE OR REPLACE MACRO f(a, b := 1) AS a + b;",
        "CREATE OR REPLACE VIEW big AS SELECT id, id + 1 AS total, note FROM orders;",
    ] {
        assert_eq!(messages(&project, sql), [""; 0], "{sql}");
    }
}

/// Rows of a host program's that refer to what a migration deletes.
#[test]
fn what_a_host_program_refers_to_is_not_deleted_from_under_it() {
    let project = Project::new(Engine::Sqlite, Prod);
    project.execute("CREATE TABLE hosts (o BIGINT REFERENCES orders (id) ON DELETE CASCADE)");
    let delete = "DELETE FROM orders WHERE id = 1;";
    assert_eq!(messages(&project, delete), [""; 0], "nothing refers to anything");
    project.execute("INSERT INTO hosts VALUES (1)");
    let said = "sqlite-leaves-rows-behind: rows of hosts refer to orders with ON DELETE, which does nothing in a migration: \
                they are left behind";
    assert_eq!(messages(&project, delete), [said]);
    assert_eq!(messages(&project, &format!("DELETE FROM hosts WHERE o = 1; {delete}")), [""; 0]);
}

/// What SQLite refuses for the rows of a table alone, it does to one that has none.
#[test]
fn a_table_without_a_row_is_altered_on_sqlite() {
    let project = Project::new(Engine::Sqlite, Prod);
    let add = "ALTER TABLE orders ADD COLUMN made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP;";
    let refused = "sqlite-cannot-run: a column cannot be added with a computed default to a table that has rows";
    assert_eq!(messages(&project, add), [refused]);
    project.execute("DELETE FROM orders");
    assert_eq!(messages(&project, add), [""; 0]);
    assert_eq!(messages(&project, "DROP TABLE IF EXISTS nothere;"), [""; 0]);
}

/// What no migration made is not the migrations' to drop: in no environment, and not by opening a store.
#[test]
fn what_a_host_program_has_is_refused_to_be_lost_in_every_environment() {
    let engines = SQL_ENGINES.iter().filter(|engine| **engine != Engine::Postgres);
    for (engine, environment) in engines.flat_map(|engine| ENVIRONMENTS.map(|environment| (*engine, environment))) {
        let back = REBUILD.replace("(40)", "(20)");
        let files = [("V2__second.sql", REBUILD), ("V2__second.down.sql", &back)];
        let project = Project::new(engine, environment);
        project.execute("ALTER TABLE orders ADD COLUMN extra VARCHAR");
        let error = upgrade(&project.manager(&files), None, true).map(|_| ()).expect_err("a column would be lost");
        refused(&project, &error, "column-dropped: the data of orders.extra is lost");
        let project = Project::new(engine, environment);
        project.execute("CREATE INDEX host_index ON orders (note)");
        if engine == Engine::Sqlite {
            project.execute("CREATE TRIGGER host_trigger AFTER INSERT ON orders BEGIN SELECT 1; END");
        }
        let manager = project.manager(&files);
        let rule = if engine == Engine::Sqlite { "sqlite-rebuild-loses-index" } else { "duckdb-rebuild-loses-index" };
        for error in [
            open(&manager, &OpenOptions::default()).expect_err("an index would be lost"),
            upgrade(&manager, None, true).map(|_| ()).expect_err("an index would be lost"),
        ] {
            refused(&project, &error, &format!("{rule}: orders is rebuilt without host_index"));
        }
        upgrade(&manager, Some(&format!("{rule}@2")), true).expect("let go by name");
        assert_eq!(project.history(), ["1 applied", &format!("2 applied {rule}@2: nobody reads it")]);

        // What the files made is theirs: in dev an open applies a rebuild that forgets it.
        let made = [("V2__index.sql", "CREATE INDEX own_index ON orders (note);"), ("V3__third.sql", REBUILD)];
        let project = Project::new(engine, Dev);
        project.manager(&made[..1]).run_migrations("head").expect("an index");
        open(&project.manager(&made), &OpenOptions::default()).expect("dev applies it");
        assert_eq!(project.history().len(), 3);
    }
    let project = Project::new(Engine::Sqlite, Dev);
    project.execute("CREATE VIEW host_view AS SELECT id FROM orders");
    let first = "ALTER TABLE orders RENAME TO was;\nCREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT);\n\
                 INSERT INTO orders (id, note) SELECT id, note FROM was;\nDROP TABLE was;\n";
    let manager = project.manager(&[("V2__second.sql", first)]);
    let error = open(&manager, &OpenOptions::default()).expect_err("a view would read nothing");
    refused(&project, &error, "orders is rebuilt, and read by the view host_view");
}

/// What nobody has made is not there; what a host program has made is.
#[test]
fn what_is_nowhere_in_a_file_is_missed() {
    for engine in SQL_ENGINES.iter().filter(|engine| **engine != Engine::Postgres) {
        let project = Project::new(*engine, Staging);
        let statements = [
            "INSERT INTO hosts VALUES (1);",
            "UPDATE orders SET note = (SELECT max(id) FROM hosts) WHERE id = 1;",
            "CREATE INDEX made ON hosts (id);",
            "DROP INDEX IF EXISTS made;\nCREATE VIEW made_view AS SELECT * FROM host_view;",
        ];
        // SQLite looks at what a view reads when it is read.
        let missed = if *engine == Engine::Sqlite { &statements[..3] } else { &statements };
        for sql in missed {
            let found = messages(&project, sql);
            assert!(found.len() == 1 && found[0].contains("-cannot-run: "), "{engine:?}: {sql}: {found:?}");
            assert!(found[0].contains("host"), "{engine:?}: {sql}: {found:?}");
        }
        let found = messages(&project, "DROP INDEX host_index;");
        assert!(found.len() == 1 && found[0].contains("host_index"), "{engine:?}: {found:?}");
        // What files of the set make is there too.
        let made = "CREATE TABLE hosts (id BIGINT);\nCREATE VIEW host_view AS SELECT id FROM hosts;\n";
        for sql in statements {
            assert_eq!(messages(&project, &format!("{made}{sql}")), [""; 0], "{engine:?}: {sql}");
        }
        project.execute("CREATE TABLE hosts (id BIGINT); CREATE INDEX host_index ON hosts (id)");
        project.execute("CREATE VIEW host_view AS SELECT id FROM hosts");
        for sql in statements.into_iter().chain(["DROP INDEX host_index;", "SELECT * FROM host_view;"]) {
            assert_eq!(messages(&project, sql), [""; 0], "{engine:?}: {sql}");
        }
    }
}

/// Rows that are in the way of what a migration adds.
#[test]
fn a_migration_that_fails_at_the_rows_that_are_there_is_told_before() {
    let rebuild = |column: &str, rest: &str| {
        format!(
            "CREATE TABLE made (id BIGINT NOT NULL PRIMARY KEY, {column}){rest};\n\
             INSERT INTO made (id, note) SELECT id, note FROM orders;\nDROP TABLE orders;\nALTER TABLE made RENAME TO orders;"
        )
    };
    for engine in SQL_ENGINES.iter().filter(|engine| **engine != Engine::Postgres) {
        let project = Project::new(*engine, Staging);
        project.execute("INSERT INTO orders (id, note) VALUES (2, 'x'), (3, NULL), (4, NULL)");
        let mut fails = vec!["CREATE UNIQUE INDEX made ON orders (note);".to_owned()];
        let mut runs = vec![
            "CREATE UNIQUE INDEX made ON orders (id, note);".to_owned(),
            "DELETE FROM orders WHERE id = 2;\nCREATE UNIQUE INDEX made ON orders (note);".to_owned(),
            "INSERT INTO orders (id, note) VALUES (9, 'y');".to_owned(),
        ];
        if *engine == Engine::Sqlite {
            fails.extend([
                "CREATE UNIQUE INDEX made ON orders (lower(note)) WHERE id < 3;".to_owned(),
                rebuild("note TEXT UNIQUE", ""),
                rebuild("note TEXT NOT NULL", ""),
                rebuild("note TEXT CHECK (note <> 'x')", ""),
                rebuild("note INTEGER", " STRICT").replace("BIGINT", "INTEGER"),
                "ALTER TABLE orders ADD COLUMN z INTEGER DEFAULT 3 CHECK (note <> 'x');".to_owned(),
                "ALTER TABLE orders ADD COLUMN z INTEGER DEFAULT 9 REFERENCES orders (id);".to_owned(),
                "INSERT INTO orders (id, note) VALUES (2, 'y');".to_owned(),
            ]);
            runs.extend([
                "CREATE UNIQUE INDEX made ON orders (note) WHERE id > 1;".to_owned(),
                "UPDATE orders SET note = 'y' WHERE note IS NULL;\nALTER TABLE orders ALTER COLUMN note SET NOT NULL;"
                    .to_owned(),
                rebuild("note TEXT CHECK (note <> 'y')", ""),
                "ALTER TABLE orders ADD COLUMN z INTEGER DEFAULT 2 REFERENCES orders (id);".to_owned(),
            ]);
        } else {
            fails.push("ALTER TABLE orders ALTER COLUMN note SET NOT NULL;".to_owned());
            fails.push("ALTER TABLE orders ADD UNIQUE (note);".to_owned());
        }
        let rule = if *engine == Engine::Sqlite { "sqlite-fails-at-rows: " } else { "duckdb-fails-at-rows: " };
        let told = |sql: &str| messages(&project, sql).into_iter().filter(|found| found.starts_with(rule)).count();
        for sql in fails {
            assert_eq!(told(&sql), 1, "{engine:?}: {sql}: {:?}", messages(&project, &sql));
        }
        for sql in runs {
            assert_eq!(told(&sql), 0, "{engine:?}: {sql}");
        }
        // Nothing of it is there.
        assert_eq!(messages(&project, "CREATE TABLE made (id BIGINT);"), [""; 0], "{engine:?}");
    }
}
