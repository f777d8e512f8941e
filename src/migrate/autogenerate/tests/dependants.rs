//! Views and triggers, which go and come again with what they depend on.

use super::*;

/// Views of views of what changes, by whatever names their columns go, are made again in the order in which they need each
/// other, on each engine, up and down; so are those that come and go at the same time.
#[test]
fn views_of_views_follow_what_changes_below_them() {
    let base = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a VARCHAR(20), b TEXT);
        CREATE TABLE u (id BIGINT NOT NULL PRIMARY KEY, n BIGINT);
        CREATE VIEW z AS SELECT id, a FROM t;
        CREATE VIEW y (i, c) AS SELECT id, a FROM z;
        CREATE VIEW x AS SELECT z.a, n FROM z JOIN y ON i = z.id JOIN u ON u.id = z.id;
        CREATE VIEW w AS SELECT * FROM x;";
    let drops = ["w", "x", "y", "z"].map(|view| format!("DROP VIEW {view};"));
    let renamed = base
        .replace("a VARCHAR", "d VARCHAR")
        .replace("SELECT id, a FROM", "SELECT id, d FROM")
        .replace("z.a, n", "z.d, n");
    for (models, renames) in [
        (renamed.clone(), &["t.a:d"][..]),
        (renamed.replace("u (", "q (").replace("u ON u.", "q ON q."), &["t.a:d", "u:q"]),
        // One view goes and another one comes.
        (renamed.replace("VIEW w", "VIEW v"), &["t.a:d"]),
        (base.replace("t (", "s (").replace("FROM t;", "FROM s;"), &["t:s"]),
        (base.replace("VARCHAR(20)", "TEXT"), &[]),
        (base.replace("SELECT id, a FROM z", "SELECT id, 'a' || a FROM z"), &[]),
    ] {
        let written = Project::new(base, &models).go(renames);
        for (file, text) in written.files.iter().filter(|(_, text)| text.contains("VIEW z")) {
            let names = |verb: &str| -> Vec<String> {
                let lines = text.lines().filter_map(|line| line.trim().strip_prefix(verb));
                lines
                    .map(|line| line.trim_start().split([' ', ';', '(']).next().unwrap_or_default().to_owned())
                    .collect()
            };
            let (gone, made) = (names("DROP VIEW"), names("CREATE VIEW"));
            assert_eq!((gone.len(), made.len()), (4, 4), "{file}: {text}");
            assert_eq!(made[..3], ["z", "y", "x"], "{file}: {text}");
            assert_eq!(gone[1..], ["x", "y", "z"], "{file}: {text}");
        }
    }
    let written = Project::new(base, &renamed).go(&["t.a:d"]);
    assert_eq!(written.statements("V2__change.sql")[..4], drops);
    // Two tables change below one view, which is made again for each.
    let models = base.replace("VARCHAR(20)", "TEXT").replace("n BIGINT", "n TEXT");
    let written = Project::new(base, &models).go(&[]);
    assert_eq!(written.statements("V2__change_t.sql")[..4], drops);
    assert_eq!(written.statements("V3__change_u.sql")[..2], drops[..2]);
    // A column goes that views show.
    let shown = base.replace("id, a FROM t", "id, a, b FROM t").replace("z.a, n", "z.a, b, n");
    let written = Project::new(&shown, &base.replace(", b TEXT", "")).go(&[]);
    assert_eq!(
        written.statements("V2__change.sql")[..5],
        [&drops[..], &["ALTER TABLE t DROP COLUMN b;".to_owned()]].concat()
    );
}

#[test]
fn triggers_go_and_come_with_the_views_that_they_are_of_or_read() {
    let tables = "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT, b TEXT); CREATE TABLE l (x TEXT);
        CREATE VIEW v AS SELECT id, a, b FROM t; CREATE VIEW w AS SELECT id, a, b FROM v;\n";
    let instead =
        "CREATE TRIGGER ins INSTEAD OF INSERT ON w BEGIN INSERT INTO t (id, a) VALUES (NEW.id, NEW.a); END;\n";
    let reads = "CREATE TRIGGER tell AFTER INSERT ON t BEGIN INSERT INTO l (x) SELECT a FROM w WHERE id = NEW.id; END;";
    let postgres = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER ins INSTEAD OF INSERT ON w FOR EACH ROW EXECUTE FUNCTION f();";
    let again = "CREATE TRIGGER ins INSTEAD OF INSERT ON w FOR EACH ROW EXECUTE FUNCTION f();";
    let all = format!("{tables}{instead}{reads}");
    let project = |models: &str| {
        let project = Project::new(tables, models);
        project.write("V1__first.sqlite.sql", &format!("-- charter: differs triggers\n{all}"));
        project
            .write("V1__first.postgres.sql", &format!("-- charter: differs triggers, functions\n{tables}{postgres}"));
        project
    };
    let renamed = |text: &str| {
        text.replace("a TEXT", "c TEXT")
            .replace("id, a", "id, c")
            .replace("NEW.a", "NEW.c")
            .replace("SELECT a", "SELECT c")
    };
    for (models, renames) in [
        (renamed(&all), &["t.a:c"][..]),
        (
            all.replace("TABLE t ", "TABLE u ")
                .replace("FROM t;", "FROM u;")
                .replace("INTO t ", "INTO u ")
                .replace("ON t ", "ON u "),
            &["t:u"],
        ),
        (all.replace(", b TEXT", "").replace("id, a, b", "id, a"), &[]),
        (all.replace("b TEXT", "b VARCHAR(20)"), &[]),
    ] {
        let written = project(&models).go(renames);
        for (file, text) in &written.files {
            let count = text.matches(again).count();
            assert_eq!(count, usize::from(!file.contains("sqlite") && !file.contains("duckdb")), "{file}{text}");
        }
        for side in ["V2__change.sqlite.sql", "V2__change.sqlite.down.sql"] {
            assert_eq!(written.files[side].matches("CREATE TRIGGER").count(), 2, "{:#?}", written.files);
        }
    }
    // With a view that goes for good, its trigger goes, and comes back.
    let models =
        all.replace(instead, "").replace("CREATE VIEW w AS SELECT id, a, b FROM v;", "").replace("FROM w", "FROM v");
    let written = project(&models).go(&[]);
    let down = written.files.iter().filter(|(name, _)| name.ends_with(".down.sql") && !name.contains("sqlite"));
    assert_eq!(down.filter(|(_, text)| text.contains(again)).count(), 1, "{:#?}", written.files);
    assert!(written.files["V2__change.sqlite.down.sql"].contains("INSTEAD OF INSERT ON w"), "{:#?}", written.files);
}

#[test]
fn what_postgres_keeps_of_a_view_comes_again_with_it() {
    let tables = "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT);
        CREATE VIEW v AS SELECT id, a FROM t;
        CREATE VIEW w AS SELECT id FROM v;\n";
    let said = "COMMENT ON VIEW v IS 'old';
        COMMENT ON VIEW v IS 'the letters';
        GRANT SELECT ON TABLE t, public.v, w -- and no more
            TO reader, writer;
        REVOKE ALL ON v FROM PUBLIC;
        GRANT SELECT (id) ON v TO other;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO other;";
    let project = Project::new(tables, &tables.replace("a TEXT", "b TEXT").replace("id, a", "id, b"));
    project.write("V1__first.postgres.sql", &format!("{tables}{said}"));
    let written = project.go(&["t.a:b"]);
    let after = [
        "CREATE VIEW v AS SELECT id, b FROM t;",
        "COMMENT ON VIEW v IS 'the letters';",
        "GRANT SELECT ON public.v TO reader, writer;",
        "REVOKE ALL ON v FROM PUBLIC;",
        "GRANT SELECT (id) ON v TO other;",
        "GRANT SELECT ON v TO other;",
        "CREATE VIEW w AS SELECT id FROM v;",
        "GRANT SELECT ON w TO reader, writer;",
        "GRANT SELECT ON w TO other;",
    ];
    assert_eq!(written.statements("V2__change.sql")[3..], after);
    assert!(
        written.files["V2__change.down.sql"].contains("GRANT SELECT ON w TO reader, writer;"),
        "{:#?}",
        written.files
    );
}

#[test]
fn a_trigger_of_postgres_is_gone_while_a_column_that_it_names_changes() {
    let table = "CREATE TABLE t (id BIGINT PRIMARY KEY, a VARCHAR(20), b TEXT);";
    let trigger = "CREATE TRIGGER tell AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION f();";
    let project = |models: &str| {
        let project = Project::new(table, models);
        project.write("V1__first.postgres.sql", &format!("{table}\n{trigger}"));
        project
    };
    let written = project(&table.replace("VARCHAR(20)", "TEXT")).go(&[]);
    let statements = ["DROP TRIGGER tell ON t;", "ALTER TABLE t ALTER COLUMN a TYPE TEXT;", trigger];
    assert_eq!(written.statements("V2__change.sql"), statements);
    let written = project(&table.replace(", b TEXT", "")).go(&[]);
    assert_eq!(written.statements("V2__change.sql"), ["ALTER TABLE t DROP COLUMN b;"]);
    // What it is to be without the column nobody knows.
    let error = project(&table.replace(", a VARCHAR(20)", "")).create(&[]).expect_err("the trigger");
    assert!(error.to_string().contains("V1__first.postgres.sql:2:1: the trigger tell names t.a, which is dropped"));
    // It follows a new name, at once or later.
    let again = trigger.replace("OF a", "OF c");
    let written = project(&table.replace("a VARCHAR(20)", "c TEXT")).go(&["t.a:c"]);
    let retyped = "ALTER TABLE t ALTER COLUMN c TYPE TEXT;";
    let statements = ["DROP TRIGGER tell ON t;", "ALTER TABLE t RENAME COLUMN a TO c;", retyped, &again];
    assert_eq!(written.statements("V2__change.sql"), statements);
    assert_eq!(written.statements("V2__change.down.sql").last().map(String::as_str), Some(trigger));
    let first = project(&table.replace("a VARCHAR(20)", "c VARCHAR(20)"));
    first.go(&["t.a:c"]);
    first.write(MODELS_FILE, &table.replace("a VARCHAR(20)", "c TEXT"));
    assert_eq!(first.go(&[]).statements("V3__change.sql"), ["DROP TRIGGER tell ON t;", retyped, &again]);
}

#[test]
fn triggers_of_a_table_that_is_made_anew_come_back() {
    let trigger = "CREATE TRIGGER shout AFTER INSERT ON people BEGIN UPDATE people SET name = upper(name); END;";
    let table = "CREATE TABLE people (id BIGINT NOT NULL PRIMARY KEY, name TEXT); CREATE INDEX i ON people (name);";
    let base = format!("{table}{trigger}");
    let project = Project::new(&base, &base.replace("name TEXT", "name TEXT NOT NULL"));
    let set = project.set().for_engines([Engine::Sqlite]);
    create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None }).expect("written");
    assert_eq!(models_differences(&project.set()).expect("compared"), []);
}

#[test]
fn what_stands_in_the_way_of_a_new_name_is_told_with_its_place() {
    let tables = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a TEXT);\nCREATE TABLE u (id BIGINT);\n";
    let trigger = "CREATE TRIGGER lost AFTER UPDATE ON u BEGIN INSERT INTO nowhere (id) VALUES (1); END;";
    let project = Project::new(tables, &format!("{}{trigger}", tables.replace("a TEXT", "b TEXT")));
    project.write("V1__first.sqlite.sql", &format!("-- charter: differs triggers\n{tables}{trigger}"));
    let error = project.create(&["t.a:b"]).expect_err("a trigger that is wrong");
    let said = "schema.sql:3:1: the new names do not fit what else there is: SQLite: error in trigger lost";
    assert!(error.to_string().contains(said), "{error}");
    assert_eq!(error.to_string().matches("SQLite").count(), 1, "{error}");
}
