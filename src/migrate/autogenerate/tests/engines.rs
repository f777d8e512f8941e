//! What is written where engines differ, and for some of them alone.

use super::*;

/// What a trigger says of a renamed column follows it; what else is different of one is as the models have it on SQLite, in
/// whose words they say it.
#[test]
fn a_trigger_that_names_a_renamed_column_is_nothing_to_decide() {
    let tables = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, n BIGINT);";
    let trigger = "CREATE TRIGGER t AFTER UPDATE OF n ON a WHEN NEW.n > 1 BEGIN UPDATE a SET n = 1; END;";
    let renamed = |text: &str| text.replace("n BIGINT", "m BIGINT").replace("OF n", "OF m").replace("NEW.n", "NEW.m");
    let models = renamed(&format!("{tables}{trigger}")).replace("SET n", "SET m");
    let project = Project::new(tables, &models);
    project.write("V1__first.sqlite.sql", &format!("{tables}{trigger}"));
    let written = project.go(&["a.n:m"]);
    for name in written.names() {
        assert!(written.decisions(name).is_empty(), "{:#?}", written.files);
    }
    let project = Project::new(tables, &models.replace("SET m = 1", "SET m = 2"));
    project.write("V1__first.sqlite.sql", &format!("{tables}{trigger}"));
    let written = project.go(&["a.n:m"]);
    let [all, sqlite] = ["V2__change.sql", "V2__change.sqlite.sql"].map(|name| &written.files[name]);
    assert!(sqlite.contains("SET m = 2"), "{sqlite}");
    assert!(!sqlite.contains("decide") && !all.contains("decide"), "{sqlite}{all}");
    // Nobody knows what another engine's own trigger is to do.
    let project = Project::new(tables, &format!("{tables}{trigger}").replace("SET n = 1", "SET n = 2"));
    project.write("V1__first.sqlite.sql", &format!("{tables}{trigger}"));
    project.write(
        "V1__first.postgres.sql",
        &format!("{tables}CREATE TRIGGER t AFTER UPDATE OF n ON a FOR EACH ROW EXECUTE FUNCTION f();"),
    );
    let written = project.go(&[]);
    assert_eq!(written.decisions("V2__change.sqlite.sql"), [""; 0]);
    assert!(written.decisions("V2__change.sql")[0].ends_with("write this by hand"), "{:#?}", written.files);
}

#[test]
fn what_duckdb_lacks_is_said_in_its_overlay_or_of_nobody() {
    let base = "CREATE TABLE s (id BIGINT NOT NULL PRIMARY KEY);
        CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, x BIGINT REFERENCES s (id));
        CREATE TABLE u (id BIGINT NOT NULL PRIMARY KEY, y BIGINT REFERENCES s (id));
        CREATE INDEX some ON u (y) WHERE y > 1;";
    for engines in [&[Engine::Sqlite, Engine::DuckDb][..], &[Engine::DuckDb]] {
        let project = Project::new("", base);
        for models in [
            base.to_owned(),
            base.replace("y BIGINT REFERENCES s (id)", "y BIGINT"),
            // A column of what is referred to changes.
            base.replace("PRIMARY KEY);", "PRIMARY KEY, a TEXT NOT NULL DEFAULT '');"),
        ] {
            project.write(MODELS_FILE, &models);
            let set = project.set().for_engines(engines);
            let created = create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None });
            let created = created.unwrap_or_else(|error| panic!("{engines:?} {models}: {error}"));
            assert_eq!(models_differences(&project.set().for_engines(engines)).expect("compared"), [], "{engines:?}");
            for file in created.iter().flat_map(|created| &created.files) {
                let text = std::fs::read_to_string(file).expect("a file");
                let is_overlay = file.to_string_lossy().ends_with(".duckdb.sql");
                assert!(is_overlay || !text.contains("charter: differs"), "{engines:?} {text}");
                // A text that does nothing is for nobody else.
                let is_duckdbs = is_overlay || file.to_string_lossy().ends_with(".duckdb.down.sql");
                assert!(is_duckdbs || !text.contains("nothing to do"), "{engines:?} {text}");
            }
        }
    }
    // What DuckDB has by hand goes when what it refers to changes, and is not missed.
    let base = "CREATE TABLE s (id BIGINT NOT NULL PRIMARY KEY, a TEXT);
        CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, x BIGINT REFERENCES s (id));";
    let project = Project::new(base, &base.replace("a TEXT", "a TEXT NOT NULL"));
    let set = || project.set().for_engines([Engine::DuckDb]);
    assert_eq!(models_differences(&set()).expect("compared").len(), 1);
    create_migration(&set(), "change", Content::Models { renames: Vec::new(), ask: None }).expect("written");
    assert_eq!(models_differences(&set()).expect("compared"), []);
}

/// Models are compared on SQLite, whatever a set is written for.
#[test]
fn what_sqlite_cannot_run_of_a_set_for_others_is_said_to_be_compared_there() {
    let base = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, n BIGINT);";
    let project = Project::new(base, &base.replace("n BIGINT", "n TEXT"));
    let set = || project.set().for_engines([Engine::Postgres]);
    let written = create_migration(&set(), "change", Content::Models { renames: Vec::new(), ask: None });
    project.write("V2__more.sql", "ALTER TABLE a ALTER COLUMN n TYPE TEXT;");
    for error in [written.map(drop), models_differences(&set()).map(drop)].map(|result| result.expect_err("no SQLite"))
    {
        assert!(error.to_string().contains("with the models, in a throw-away SQLite database"), "{error}");
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains("name sqlite too") && hint.contains("by hand"), "{hint}");
    }
}

/// Each engine's own, which is written in its own words.
#[cfg(feature = "duckdb")]
#[test]
fn triggers_come_back_on_duckdb_too() {
    let tables = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, n BIGINT); CREATE TABLE b (id BIGINT);";
    let sqlite = "CREATE TRIGGER \"t u\" AFTER INSERT ON a BEGIN INSERT INTO b (id) VALUES (NEW.id); END;";
    let duckdb = "CREATE TRIGGER \"t u\" AFTER INSERT ON a FOR EACH ROW INSERT INTO b (id) VALUES (NEW.id);";
    // What the trigger writes to changes as well; that column goes when it is taken back.
    let changed =
        tables.replace("n BIGINT", "n BIGINT NOT NULL DEFAULT 1").replace("b (id BIGINT)", "b (id BIGINT, m TEXT)");
    let models = format!("{changed}{sqlite}");
    let project = Project::new(tables, &models);
    project.write("V1__first.down.sql", "DROP TABLE a; DROP TABLE b;");
    project.write("V1__first.sqlite.sql", &format!("{tables}{sqlite}"));
    project.write("V1__first.duckdb.sql", &format!("{tables}{duckdb}"));
    let set = project.set().for_engines([Engine::Sqlite, Engine::DuckDb]);
    let created =
        create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None }).expect("written");
    let files: Vec<String> =
        created.iter().flat_map(|created| &created.files).map(|file| file.display().to_string()).collect();
    let file = files.iter().find(|file| file.ends_with(".duckdb.sql")).unwrap_or_else(|| panic!("{files:?}"));
    let text = std::fs::read_to_string(file).expect("the overlay");
    assert!(text.contains("DROP TRIGGER \"t u\" ON a;") && text.contains("CREATE TRIGGER \"t u\" AFTER"), "{text}");
    let verification =
        crate::migrate::verify(&[&project.set().for_engines([Engine::Sqlite, Engine::DuckDb])], None, &mut |_| {});
    assert!(verification.expect("a verification").is_ok());
}

/// SQLite follows a new name by itself.
#[cfg(feature = "duckdb")]
#[test]
fn a_trigger_of_duckdb_follows_a_new_name() {
    let tables = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, n BIGINT); CREATE TABLE b (n BIGINT);";
    let sqlite = "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b (n) VALUES (NEW.n); END;";
    let duckdb = "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW INSERT INTO b (n) VALUES (NEW.n);";
    let all = format!("{tables}{sqlite}");
    for (models, rename) in [
        (all.replacen("n BIGINT", "m BIGINT", 1).replace("NEW.n", "NEW.m"), "a.n:m"),
        (all.replace("TABLE a", "TABLE c").replace("ON a", "ON c"), "a:c"),
    ] {
        let project = Project::new(tables, &models);
        project.write("V1__first.down.sql", "DROP TABLE a; DROP TABLE b;");
        project.write("V1__first.sqlite.sql", &format!("{tables}{sqlite}"));
        project.write("V1__first.duckdb.sql", &format!("{tables}{duckdb}"));
        let set = || project.set().for_engines([Engine::Sqlite, Engine::DuckDb]);
        let renames = vec![rename.parse().expect("a rename")];
        create_migration(&set(), "change", Content::Models { renames, ask: None }).expect("written");
        let verification = crate::migrate::verify(&[&set()], None, &mut |_| {}).expect("a verification");
        assert!(verification.is_ok(), "{rename}: {:?}", verification.faults);
    }
}

#[test]
fn foreign_keys_that_duckdb_has_go_and_come_back_with_what_they_refer_to() {
    let base = "CREATE TABLE p (id BIGINT NOT NULL PRIMARY KEY, a TEXT);
        CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, p BIGINT REFERENCES p (id));";
    let project = Project::new(base, &base.replace("a TEXT", "a TEXT NOT NULL"));
    let written = project.go(&[]);
    assert!(written.files["V2__change.duckdb.sql"].starts_with("-- charter: differs no-foreign-keys\n"));
    let down = written.statements("V2__change.duckdb.down.sql");
    assert!(down.iter().any(|text| text.contains("FOREIGN KEY (p) REFERENCES p (id)")), "{down:#?}");
    // Now that it has none, nothing has to go any more.
    project.write(MODELS_FILE, &base.replace("a TEXT", "a TEXT NOT NULL, b TEXT"));
    let written = project.go(&[]);
    assert!(written.names().iter().all(|name| !name.contains("duckdb")), "{:#?}", written.files);
}

#[test]
fn what_duckdb_lacks_is_known_whatever_becomes_of_it() {
    let models = |action: &str, table: &str, more: &str| {
        format!(
            "CREATE TABLE p (id BIGINT NOT NULL PRIMARY KEY);
            CREATE TABLE {table} (id BIGINT NOT NULL PRIMARY KEY, p BIGINT REFERENCES p (id){action}, n BIGINT{more});"
        )
    };
    let indexes = "CREATE UNIQUE INDEX whole ON d (n); CREATE INDEX part ON d (p) WHERE n > 3;";
    let project = Project::new("", &models("", "c", ""));
    project.go(&[]);
    let next = |models: String, renames: &[&str]| {
        project.write(MODELS_FILE, &models);
        project.go(renames)
    };
    // DuckDB knows no actions, and had no foreign key before either.
    let written = next(models(" ON DELETE SET NULL", "c", ""), &[]);
    assert_eq!(written.statements("V3__change.duckdb.sql"), [""; 0]);
    next(models(" ON DELETE SET NULL", "d", ""), &["c:d"]);
    next(format!("{}{indexes}", models(" ON DELETE SET NULL", "d", "")), &[]);
    let written = next(format!("{}{indexes}", models(" ON DELETE SET NULL", "d", " NOT NULL CHECK (n > 0)")), &[]);
    for side in ["V6__change.duckdb.sql", "V6__change.duckdb.down.sql"] {
        let text = &written.files[side];
        assert!(!text.contains("FOREIGN KEY") && !text.contains("INDEX part"), "{text}");
        assert!(text.contains("CREATE UNIQUE INDEX whole ON d (n);"), "{text}");
    }
}

/// DuckDB drops no column that stands before one of a key.
#[test]
fn a_column_before_a_key_goes_on_every_engine() {
    let lots = "CREATE TABLE lots (id BIGINT NOT NULL PRIMARY KEY, note TEXT, code TEXT NOT NULL, UNIQUE (code));\n";
    let written = Project::new(lots, &lots.replace("note TEXT, ", "")).go(&[]);
    assert_eq!(written.statements("V2__change.sql"), ["ALTER TABLE lots DROP COLUMN note;"]);
    assert_eq!(written.names(), ["V2__change.down.sql", "V2__change.duckdb.sql", "V2__change.sql"]);
}
