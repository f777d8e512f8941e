//! Differences, one by one.

use super::*;

const BASE: &str = "CREATE TABLE people (id BIGINT NOT NULL PRIMARY KEY, name TEXT, age BIGINT);
CREATE TABLE letters (id BIGINT NOT NULL PRIMARY KEY, person BIGINT, body TEXT NOT NULL DEFAULT '');
CREATE INDEX people_name ON people (name);
CREATE VIEW names AS SELECT id, name FROM people;
";

/// A project whose models are the first migration with something replaced in it.
fn changed(replacements: &[(&str, &str)]) -> Project {
    let models = replacements.iter().fold(BASE.to_owned(), |models, (from, to)| {
        assert!(models.contains(from), "{from}");
        models.replacen(from, to, 1)
    });
    Project::new(BASE, &models)
}

#[test]
fn nothing_to_do_is_no_file() {
    let project = changed(&[("TEXT NOT NULL DEFAULT ''", "text default ('') not null /* the letter */")]);
    assert_eq!(models_differences(&project.set()).expect("compared"), []);
    assert_eq!(project.create(&[]).expect("nothing"), []);
}

#[test]
fn a_plain_column_is_one_text_for_all() {
    let project = changed(&[("age BIGINT)", "age BIGINT, email TEXT)")]);
    let differences = models_differences(&project.set()).expect("compared");
    assert_eq!(differences.iter().map(ToString::to_string).collect::<Vec<_>>(), ["missing: column people.email"]);
    let written = project.go(&[]);
    assert_eq!(written.statements("V2__change.sql"), ["ALTER TABLE people ADD COLUMN email TEXT;"]);
    assert_eq!(written.statements("V2__change.down.sql"), ["ALTER TABLE people DROP COLUMN email;"]);
    // DuckDB does not let go of a column of a table that has an index.
    assert_eq!(written.names(), ["V2__change.down.sql", "V2__change.duckdb.down.sql", "V2__change.sql"]);
    let project = changed(&[("body TEXT", "seen BOOLEAN NOT NULL DEFAULT FALSE, body TEXT")]);
    assert_eq!(project.go(&[]).names(), ["V2__change.down.sql", "V2__change.sql"]);
}

#[test]
fn a_set_for_one_engine_has_no_overlays() {
    let project = changed(&[("name TEXT", "name TEXT NOT NULL")]);
    let set = project.set().for_engines([Engine::Sqlite]);
    let created =
        create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None }).expect("written");
    assert_eq!(created[0].files.len(), 2);
    let text = std::fs::read_to_string(&created[0].files[0]).expect("the base");
    assert!(text.contains("ALTER TABLE charter_new_people RENAME TO people;"), "{text}");
}

#[cfg(feature = "lint")]
#[test]
fn what_a_live_server_can_bear_passes_the_safety_rules() {
    for replacements in [
        &[("age BIGINT)", "age BIGINT, email TEXT, seen BOOLEAN NOT NULL DEFAULT FALSE)")][..],
        &[("age BIGINT)", "age BIGINT CHECK (age >= 0))")],
        &[("age BIGINT)", "age BIGINT, UNIQUE (name, age))")],
        &[("name TEXT", "name TEXT NOT NULL")],
        &[("person BIGINT", "person BIGINT REFERENCES people (id)")],
        &[("ON people (name)", "ON people (name, age)")],
        &[("age BIGINT)", "age BIGINT, email TEXT)"), ("body TEXT", "seen BOOLEAN, body TEXT")],
        &[("CREATE VIEW", "CREATE INDEX ages ON people (age) WHERE age > 100;\nCREATE VIEW")],
        &[(
            "CREATE VIEW",
            "CREATE TABLE stamps (id BIGINT NOT NULL PRIMARY KEY, letter BIGINT REFERENCES letters (id));\nCREATE INDEX stamps_letter ON stamps (letter);\nCREATE VIEW",
        )],
        &[
            ("age BIGINT)", "age BIGINT, email TEXT UNIQUE)"),
            ("CREATE VIEW", "CREATE TABLE mails (address TEXT REFERENCES people (email));\nCREATE VIEW"),
        ],
        &[("CREATE VIEW", "CREATE VIEW old AS SELECT id FROM people WHERE age > 100;\nCREATE VIEW")],
    ] {
        let project = changed(replacements);
        let written = project.go(&[]);
        assert_eq!(written.errors(&project), [""; 0], "{:#?}", written.files);
    }
}

#[cfg(feature = "lint")]
#[test]
fn what_it_cannot_bear_is_left_to_the_safety_rules_and_to_people() {
    let project = changed(&[(", age BIGINT", "")]);
    let written = project.go(&[]);
    let decisions = ["the values of people.age are lost; taking this back makes it again, empty"];
    assert_eq!(written.decisions("V2__change.sql"), decisions);
    assert_eq!(written.errors(&project), ["column-dropped: the data of people.age is lost"]);

    let project = changed(&[("age BIGINT)", "years BIGINT)")]);
    let written = project.go(&[]);
    assert_eq!(
        written.decisions("V2__change.sql"),
        [decisions[0], "if this is a new name, write it anew with --rename people.age:years"]
    );

    let project = changed(&[("age BIGINT)", "age BIGINT, email TEXT NOT NULL)")]);
    let written = project.go(&[]);
    let decisions = ["rows that exist get '' in people.email, and programs have to give it from now on"];
    assert_eq!(written.decisions("V2__change.sql"), decisions);
    assert_eq!(
        written.statements("V2__change.sql"),
        [
            "ALTER TABLE people ADD COLUMN email TEXT NOT NULL DEFAULT '';",
            "ALTER TABLE people ALTER COLUMN email DROP DEFAULT;"
        ]
    );
}

#[test]
fn a_rename_keeps_what_depends_on_it() {
    let project = changed(&[
        ("name TEXT", "full_name TEXT"),
        ("ON people (name)", "ON people (full_name)"),
        ("SELECT id, name", "SELECT id, full_name AS name"),
    ]);
    let written = project.go(&["people.name:full_name"]);
    let sql = ["DROP VIEW names;", "ALTER TABLE people RENAME COLUMN name TO full_name;"];
    let view = "CREATE VIEW names AS SELECT id, full_name AS name FROM people;";
    assert_eq!(written.statements("V2__change.sql"), [sql[0], sql[1], view]);
    assert_eq!(written.decisions("V2__change.sql"), [""; 0]);
    // The base serves SQLite.
    assert!(!written.names().contains(&"V2__change.sqlite.sql"));
}

#[test]
fn a_renamed_table_keeps_the_names_that_postgres_gave() {
    let base = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, x BIGINT UNIQUE CHECK (x > 0));";
    let project = Project::new(base, &base.replace("TABLE a", "TABLE b"));
    assert_eq!(
        project.go(&["a:b"]).statements("V2__change.sql"),
        [
            "ALTER TABLE a RENAME TO b;",
            "ALTER TABLE b RENAME CONSTRAINT a_pkey TO b_pkey;",
            "ALTER TABLE b RENAME CONSTRAINT a_x_key TO b_x_key;",
            "ALTER TABLE b RENAME CONSTRAINT a_x_check TO b_x_check;"
        ]
    );
}

#[test]
fn the_name_of_a_constraint_is_known_when_others_of_its_sort_are_gone() {
    let base = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, x BIGINT CHECK (x > 0) CHECK (x < 10));";
    let project = Project::new(base, &base.replace("CHECK (x > 0) ", ""));
    assert_eq!(project.go(&[]).statements("V2__change.sql"), ["ALTER TABLE a DROP CONSTRAINT a_x_check;"]);
    project.write(MODELS_FILE, &base.replace("CHECK (x > 0) CHECK (x < 10)", ""));
    // On Postgres the second one is still called what it was called beside the first one.
    let files = project.go(&[]).files;
    let down: Vec<&String> = files.iter().filter(|(name, _)| name.starts_with('V')).map(|(_, text)| text).collect();
    assert!(down.iter().any(|text| text.contains("ALTER TABLE a DROP CONSTRAINT a_x_check1;")), "{files:#?}");
}

#[test]
fn a_person_is_asked_about_renames() {
    let project = changed(&[("age BIGINT)", "years BIGINT)")]);
    let mut asked = Vec::new();
    let mut ask = |rename: &Rename| {
        asked.push(rename.to_string());
        true
    };
    let content = Content::Models { renames: Vec::new(), ask: Some(&mut ask) };
    let created = create_migration(&project.set(), "change", content).expect("written");
    assert_eq!(asked, ["people.age:years"]);
    let text = std::fs::read_to_string(&created[0].files[0]).expect("the base");
    assert!(text.contains("RENAME COLUMN age TO years"), "{text}");
}

#[test]
fn a_rename_that_fits_nothing_is_refused() {
    let project = changed(&[("age BIGINT)", "years BIGINT)")]);
    for rename in ["people.name:years", "people.age:x", "others.age:years", "people:persons", "people.age:name"] {
        let error = project.create(&[rename]).expect_err(rename);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{rename}");
    }
    for rename in ["", "a", ":", "a:", ":b", "a.b:c.d.e", "a.:b", "a:b:c"] {
        assert_eq!(rename.parse::<Rename>().map_err(|error| error.kind()), Err(ErrorKind::Invalid), "{rename}");
    }
    assert_eq!("a.b:a.c".parse::<Rename>().expect("both sides"), "a.b:c".parse().expect("one side"));
}

#[test]
fn what_cannot_be_written_writes_nothing() {
    for (base, models, said) in [
        // A new value that nobody knows.
        ("CREATE TABLE a (x BIGINT);", "CREATE TABLE a (x BIGINT, y BOX NOT NULL);", "nobody knows"),
        // Only SQLite knows it.
        ("CREATE TABLE a (x BIGINT);", "CREATE TABLE a (x BIGINT, y TEXT COLLATE NOCASE);", "only SQLite knows"),
        (
            "CREATE TABLE a (x BIGINT NOT NULL ON CONFLICT IGNORE, y TEXT);",
            "CREATE TABLE a (x BIGINT NOT NULL ON CONFLICT IGNORE, y TEXT NOT NULL);",
            "ON CONFLICT",
        ),
        // All columns, in an order that no engine makes.
        (
            "CREATE TABLE a (x BIGINT, y TEXT); CREATE VIEW v AS SELECT * FROM a;",
            "CREATE TABLE a (x BIGINT, z TEXT, y TEXT); CREATE VIEW v AS SELECT * FROM a;",
            "view v",
        ),
    ] {
        let project = Project::new(base, models);
        let error = project.create(&[]).expect_err(models);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(std::fs::read_dir(project.path()).expect("the folder").count(), 3, "{models}");
    }
}

#[test]
fn a_mistake_in_the_models_is_told_with_its_place() {
    let project = Project::new("", "CREATE TABLE a (x BIGINT);\nCREATE INDEX i ON b (x);");
    let error = project.create(&[]).expect_err("no table b");
    assert!(error.to_string().contains("schema.sql:2:1"), "{error}");
    std::fs::remove_file(project.path().join(MODELS_FILE)).expect("removed");
    assert_eq!(project.create(&[]).expect_err("no models").kind(), ErrorKind::NotFound);
}

#[test]
fn triggers_of_a_table_that_is_made_anew_come_back() {
    let trigger = "CREATE TRIGGER shout AFTER INSERT ON people BEGIN UPDATE people SET name = upper(name); END;";
    let base = format!("{BASE}{trigger}");
    let project = Project::new(&base, &base.replace("name TEXT", "name TEXT NOT NULL"));
    let set = project.set().for_engines([Engine::Sqlite]);
    create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None }).expect("written");
    assert_eq!(models_differences(&project.set()).expect("compared"), []);
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
fn tables_that_refer_to_each_other_are_made_and_dropped() {
    let models = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b BIGINT REFERENCES b (id));
        CREATE TABLE b (id BIGINT NOT NULL PRIMARY KEY, a BIGINT REFERENCES a (id), b BIGINT REFERENCES b (id));";
    let project = Project::new("", models);
    assert_eq!(project.go(&[]).statements("V3__change_constraints_and_indexes.sql").len(), 2);
    project.write(MODELS_FILE, "");
    project.go(&[]);
}
