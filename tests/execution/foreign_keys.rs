//! Foreign keys of SQLite, which are off while a migration runs and compared at its end.

use crate::support::migrating::Project;
use crate::support::stores;
use charter::Engine;
use charter::migrate::UpgradeOptions;

const TABLES: (&str, &str) = (
    "V1__tables.sql",
    "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT);\n\
     CREATE TABLE c (id INTEGER PRIMARY KEY, pid INTEGER REFERENCES p (id) ON DELETE CASCADE);",
);

/// The rebuild of a table that others refer to, as SQLite's own documentation has it.
const REBUILD: &str = "-- charter: no-transaction\nPRAGMA foreign_keys = off;\n\
    CREATE TABLE p_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\nINSERT INTO p_new SELECT id, name FROM p;\n\
    DROP TABLE p;\nALTER TABLE p_new RENAME TO p;\nPRAGMA foreign_key_check;\nPRAGMA foreign_keys = on;\n";

/// A database that has a row that refers to nothing already.
fn project(second: &str) -> Project {
    let project = Project::new(Engine::Sqlite, &[TABLES]);
    project.upgrade("head").expect("tables");
    project.execute("PRAGMA foreign_keys = off; INSERT INTO p VALUES (1, 'a'), (2, 'b')");
    project.execute("PRAGMA foreign_keys = off; INSERT INTO c VALUES (1, 1), (2, 2), (9, 99)");
    project.write("V2__change.sql", second);
    project
}

#[test]
fn a_table_that_others_refer_to_is_rebuilt_in_steps() {
    let found = project(REBUILD);
    assert_eq!(found.upgrade("head").expect("applied"), [2]);
    assert_eq!(found.lines("SELECT id, pid FROM c ORDER BY id"), ["1 1", "2 2", "9 99"]);
    assert_eq!(found.lines("SELECT \"notnull\" FROM pragma_table_info('p') WHERE name = 'name'"), ["1"]);

    // A file may leave it to charter to switch them on again.
    let left_off = project(REBUILD.split_once("PRAGMA foreign_key_check").expect("the check").0);
    assert_eq!(left_off.upgrade("head").expect("applied"), [2]);

    // The same as a script.
    let scripted = project(REBUILD);
    let script = scripted.manager().upgrade_sql(&UpgradeOptions::default(), None).expect("a text").sql;
    scripted.execute(&script);
    assert_eq!(scripted.history(), ["1", "2"], "{script}");
}

#[test]
fn a_rebuild_that_loses_what_is_referred_to_says_so_until_it_is_mended() {
    let loses = REBUILD.replace("FROM p;", "FROM p WHERE id = 1;").replace("DROP TABLE p;", "DROP TABLE p;\n-- cut\n");
    let found = project(&loses.replace("-- cut\n", "UPDATE missing SET id = 1;\n"));
    let error = found.upgrade("head").expect_err("a table is missing");
    assert!(error.to_string().contains("stopped after 3 of its 5 steps"), "{error:?}");

    // What the session put off is compared with what was before the first step, not with what was at the cut.
    found.write("V2__change.sql", &loses);
    for _ in 0..2 {
        let error = found.upgrade("head").expect_err("a row refers to nothing");
        assert!(error.to_string().contains("stopped after 4 of its 4 steps: rows would refer"), "{error:?}");
        let place = error.location().expect("a place");
        assert!(place.file.ends_with("V2__change.sql"), "{place:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("it goes on from there")), "{error:?}");
    }
    found.write(
        "V2__change.sql",
        &loses.replace("PRAGMA foreign_key_check", "DELETE FROM c WHERE pid = 2;\nPRAGMA foreign_key_check"),
    );
    assert_eq!(found.upgrade("head").expect("mended"), [2]);
    assert_eq!(found.lines("SELECT id, pid FROM c ORDER BY id"), ["1 1", "9 99"]);

    let script = project(&loses).manager().upgrade_sql(&UpgradeOptions::default(), None).expect("a text").sql;
    assert_eq!(
        script.matches("AS present").count(),
        3,
        "at its beginning, when they are on again, and at its end: {script}"
    );
}

/// SQLite's own words name neither the column nor the check.
#[test]
fn rows_that_break_what_an_alter_adds_are_said_to() {
    for (alter, said) in [
        (
            "ALTER TABLE p ALTER COLUMN name SET NOT NULL;",
            "rows have no value in the column: ALTER TABLE p ALTER COLUMN name",
        ),
        (
            "ALTER TABLE p ADD CONSTRAINT named\n  CHECK (id > 1);",
            "rows break the CHECK: ALTER TABLE p ADD CONSTRAINT named CHECK",
        ),
    ] {
        let found = project(&format!("UPDATE p SET name = NULL WHERE id = 1;\n{alter}\n"));
        let error = found.upgrade("head").expect_err("a row breaks it");
        assert!(error.to_string().contains(said), "{error:?}");
        assert!(
            error.location().and_then(|place| place.position).is_some_and(|position| position.line == 2),
            "{error:?}"
        );
        assert_eq!(found.lines("SELECT name FROM p WHERE id = 1"), ["a"]);
    }
}

#[test]
fn that_cascades_do_nothing_is_said_where_one_was_counted_on() {
    let found = project("DELETE FROM p WHERE id = 1;");
    let error = found.upgrade("head").expect_err("a row refers to nothing");
    assert!(error.location().is_some_and(|place| place.file.ends_with("V2__change.sql")), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("ON DELETE")), "{error:?}");
    assert_eq!(found.lines("SELECT count(*) FROM p"), ["2"]);

    let found = project("INSERT INTO c VALUES (3, 77);");
    let error = found.upgrade("head").expect_err("a row refers to nothing");
    assert!(error.hint().is_some_and(|hint| !hint.contains("ON DELETE")), "{error:?}");
}

/// A rebuild between BEGIN and COMMIT that takes a row with it to which another one refers.
const GROUPED: &str = "-- charter: no-transaction\nPRAGMA main.foreign_keys('no');\nBEGIN;\nDELETE FROM p WHERE id = 1;\n\
    CREATE TABLE p_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\nINSERT INTO p_new SELECT id, name FROM p;\n\
    DROP TABLE p;\nALTER TABLE p_new RENAME TO p;\nPRAGMA foreign_key_check;\nCOMMIT;\nPRAGMA foreign_keys = yes;\n";

#[test]
fn a_group_that_breaks_foreign_keys_is_undone_before_its_commit() {
    let found = project(GROUPED);
    for _ in 0..2 {
        let error = found.upgrade("head").expect_err("a row refers to nothing");
        assert!(error.to_string().contains("stopped after 0 of its 1 steps: rows would refer"), "{error:?}");
        assert!(error.to_string().contains("c row 1 -> p"), "{error:?}");
        let position = error.location().and_then(|place| place.position).expect("a place");
        assert_eq!(position.line, 10, "{error:?}");
        assert_eq!(found.lines("SELECT id, name FROM p ORDER BY id"), ["1 a", "2 b"]);
        assert_eq!(found.lines("SELECT \"notnull\" FROM pragma_table_info('p') WHERE name = 'name'"), ["0"]);
    }

    // As a script: whoever runs it stops there, or goes on, and nothing of it is kept.
    let script = found.manager().upgrade_sql(&UpgradeOptions::default(), None).expect("a text").sql;
    let check = script.find("rows would refer").and(script.rfind("INSERT OR ROLLBACK")).expect("a check");
    assert!(check > script.find("ALTER TABLE p_new RENAME").expect("the rebuild"), "{script}");
    let connection = stores::sqlite(&found.file());
    let failed = script.split_inclusive(";\n").filter(|statement| connection.execute_batch(statement).is_err()).count();
    assert!(failed > 0, "{script}");
    drop(connection);
    assert_eq!(found.lines("SELECT id, name FROM p ORDER BY id"), ["1 a", "2 b"], "{script}");
    assert_eq!(found.history(), ["1"]);

    found.write("V2__change.sql", &GROUPED.replace("DELETE FROM p", "DELETE FROM c WHERE pid = 1;\nDELETE FROM p"));
    assert_eq!(found.upgrade("head").expect("mended"), [2]);
    assert_eq!(found.lines("SELECT id, pid FROM c ORDER BY id"), ["2 2", "9 99"]);

    let scripted = project(&GROUPED.replace("DELETE FROM p", "DELETE FROM c WHERE pid = 1;\nDELETE FROM p"));
    let script = scripted.manager().upgrade_sql(&UpgradeOptions::default(), None).expect("a text").sql;
    scripted.execute(&script);
    assert_eq!(scripted.history(), ["1", "2"], "{script}");
}

#[test]
fn what_a_step_before_a_group_has_broken_is_not_the_groups() {
    let text = "-- charter: no-transaction\nPRAGMA foreign_keys = 0;\nINSERT INTO c VALUES (3, 3);\n\
        BEGIN;\nUPDATE p SET name = 'c' WHERE id = 2;\nCOMMIT;\nINSERT INTO p VALUES (3, 'c');\nPRAGMA foreign_keys = 1;\n";
    let found = project(text);
    assert_eq!(found.upgrade("head").expect("applied"), [2]);
    let scripted = project(text);
    let script = scripted.manager().upgrade_sql(&UpgradeOptions::default(), None).expect("a text").sql;
    scripted.execute(&script);
    assert_eq!(scripted.history(), ["1", "2"], "{script}");

    let broken = project(&text.replace("INSERT INTO p VALUES (3, 'c');", ""));
    let script = broken.manager().upgrade_sql(&UpgradeOptions::default(), None).expect("a text").sql;
    assert!(stores::sqlite(&broken.file()).execute_batch(&script).is_err(), "{script}");
    assert_eq!(broken.history(), ["1"]);
    let error = broken.upgrade("head").expect_err("a row refers to nothing");
    assert!(error.to_string().contains("c row 3 -> p"), "{error:?}");
}
