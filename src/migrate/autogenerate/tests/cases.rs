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

/// Whatever their names are, the table that refers goes first, and comes back last.
#[test]
fn a_foreign_key_goes_with_the_key_that_it_refers_to() {
    let tables = |key: &str, reference: &str, a: &str| {
        format!(
            "CREATE TABLE {{t}} (id BIGINT NOT NULL{key}{a}); \
             CREATE TABLE u (id BIGINT NOT NULL PRIMARY KEY{reference});"
        )
    };
    for (before, after) in [
        // With their columns.
        (tables(" PRIMARY KEY", ", ta BIGINT REFERENCES {t} (a)", ", a BIGINT UNIQUE"), tables(" PRIMARY KEY", "", "")),
        // The constraints alone.
        (
            tables(" PRIMARY KEY", ", ta BIGINT REFERENCES {t} (a)", ", a BIGINT UNIQUE"),
            tables(" PRIMARY KEY", ", ta BIGINT", ", a BIGINT"),
        ),
        // A primary key.
        (
            tables(" PRIMARY KEY", ", ta BIGINT REFERENCES {t} (id)", ", a BIGINT"),
            tables("", ", ta BIGINT", ", a BIGINT"),
        ),
        // With the table that refers.
        (
            tables(" PRIMARY KEY", ", ta BIGINT REFERENCES {t} (a)", ", a BIGINT UNIQUE"),
            "CREATE TABLE {t} (id BIGINT NOT NULL PRIMARY KEY, a BIGINT);".to_owned(),
        ),
    ] {
        for name in ["t", "z"] {
            let (before, after) = (before.replace("{t}", name), after.replace("{t}", name));
            let project = Project::new(&before, &after);
            let written = project.go(&[]);
            let names = written.names();
            assert!(names.contains(&"V2__change_u.sql"), "{before}{names:?}");
            assert!(names.contains(&format!("V3__change_{name}.sql").as_str()), "{before}{names:?}");
            // And both are made, the key first.
            project.write(MODELS_FILE, &before);
            project.go(&[]);
        }
    }
    // A circle goes at once.
    let circle = "CREATE TABLE a (x BIGINT UNIQUE, y BIGINT REFERENCES b (x));
        CREATE TABLE b (x BIGINT UNIQUE, y BIGINT REFERENCES a (x));";
    let project = Project::new(circle, "CREATE TABLE a (x BIGINT, y BIGINT); CREATE TABLE b (x BIGINT, y BIGINT);");
    let set = project.set().for_engines([Engine::Sqlite]);
    let created =
        create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None }).expect("written");
    assert_eq!(created[0].slug, "change_a_b");
    assert_eq!(models_differences(&project.set()).expect("compared"), []);
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
fn a_name_in_quotes_keeps_its_capitals_in_what_is_called_after_it() {
    let models = |table: &str| {
        format!(
            "CREATE TABLE {table} (id BIGINT NOT NULL PRIMARY KEY, n BIGINT CHECK (n > 0), m BIGINT CHECK (m > 0));"
        )
    };
    let project = Project::new(&models("\"Folk\""), &models("\"People\""));
    let written = project.go(&["Folk:People"]);
    let renamed = |text: &str| written.statements("V2__change.sql").iter().any(|said| said == text);
    assert!(
        renamed("ALTER TABLE \"People\" RENAME CONSTRAINT \"Folk_pkey\" TO \"People_pkey\";"),
        "{:#?}",
        written.files
    );
    project.write(MODELS_FILE, &models("\"People\"").replace(" CHECK (n > 0)", ""));
    let written = project.go(&[]);
    let drop = "ALTER TABLE \"People\" DROP CONSTRAINT \"People_n_check\";";
    assert_eq!(written.statements("V3__change.sql"), [drop]);
    // Without quotes it has none.
    let project = Project::new(&models("Folk"), &models("People"));
    let written = project.go(&["Folk:People"]);
    let rename = "ALTER TABLE People RENAME CONSTRAINT folk_pkey TO people_pkey;";
    assert!(written.statements("V2__change.sql").iter().any(|said| said == rename), "{:#?}", written.files);
    // However SQLite keeps it.
    project.write(MODELS_FILE, "");
    let written = project.go(&[]);
    assert_eq!(written.statements("V3__change.sql"), ["DROP TABLE People;"]);
    assert!(written.statements("V3__change.down.sql")[0].starts_with("CREATE TABLE People ("), "{:#?}", written.files);
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
fn tables_that_refer_to_each_other_are_made_and_dropped() {
    let models = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b BIGINT REFERENCES b (id));
        CREATE TABLE b (id BIGINT NOT NULL PRIMARY KEY, a BIGINT REFERENCES a (id), b BIGINT REFERENCES b (id));";
    let project = Project::new("", models);
    let written = project.go(&[]);
    let names = ["down", "duckdb", "postgres.down", "sql", "sqlite"]
        .map(|end| format!("V2__change.{end}.sql").replace("sql.sql", "sql"));
    assert_eq!(written.names(), names);
    let key = "ALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES b (id);";
    assert_eq!(written.statements("V2__change.sql").last().map(String::as_str), Some(key));
    assert_eq!(written.decisions("V2__change.sql"), [""; 0]);
    project.write(MODELS_FILE, "");
    let written = project.go(&[]);
    // The one that the other still refers to cannot go before it.
    let gone = ["ALTER TABLE a DROP CONSTRAINT a_b_fkey;", "DROP TABLE b;", "DROP TABLE a;"];
    assert_eq!(written.statements("V3__change_a_b.postgres.sql"), gone);
    let mut downs = written.files.iter().filter(|(name, _)| name.ends_with(".down.sql"));
    assert!(downs.any(|(_, text)| text.contains(key)), "{:#?}", written.files);
}

#[test]
fn a_constraint_goes_where_the_one_comes_that_is_in_its_place() {
    let base = "CREATE TABLE p (id BIGINT NOT NULL PRIMARY KEY);
        CREATE TABLE a (x BIGINT, y BIGINT, p BIGINT REFERENCES p (id), CHECK (x < y), CHECK (y < 9 AND x > 0));";
    let project = Project::new(base, &base.replace("x > 0", "x > 1").replace("(id),", "(id) ON DELETE CASCADE,"));
    let written = project.go(&[]);
    let statements = [
        "ALTER TABLE a DROP CONSTRAINT a_p_fkey;",
        "ALTER TABLE a DROP CONSTRAINT a_check1;",
        "ALTER TABLE a ADD CONSTRAINT a_check1 CHECK (y < 9 AND x > 1) NOT VALID;",
        "ALTER TABLE a VALIDATE CONSTRAINT a_check1;",
        "ALTER TABLE a ADD CONSTRAINT a_p_fkey FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE NOT VALID;",
        "ALTER TABLE a VALIDATE CONSTRAINT a_p_fkey;",
    ];
    assert_eq!(written.statements("V2__change.sql"), statements);
    // Not while a column changes its type.
    let base = "CREATE TABLE a (x BIGINT, y BIGINT, CHECK (x < y), CHECK (y < 9 AND x > 0));";
    let models = base.replace("x BIGINT", "x TEXT").replace("x < y", "length(x) < y").replace("x > 0", "x > '0'");
    let project = Project::new(base, &models);
    let written = project.go(&[]);
    let first = written.statements("V2__change.sql");
    assert_eq!(first[..2], ["ALTER TABLE a DROP CONSTRAINT a_check;", "ALTER TABLE a DROP CONSTRAINT a_check1;"]);
}

#[test]
fn what_becomes_of_values_of_another_type_is_said_for_each_engine() {
    let base = "CREATE TABLE a (x VARCHAR(20), n NUMERIC(8, 2), t TEXT DEFAULT 'a');";
    for (from, to, statements, decisions) in [
        ("VARCHAR(20)", "VARCHAR(80)", &["ALTER TABLE a ALTER COLUMN x TYPE VARCHAR(80);"][..], [None; 3]),
        ("VARCHAR(20)", "TEXT", &["ALTER TABLE a ALTER COLUMN x TYPE TEXT;"], [None; 3]),
        (
            // A cast would cut it off.
            "VARCHAR(20)",
            "VARCHAR(10)",
            &["ALTER TABLE a ALTER COLUMN x TYPE VARCHAR(10);"],
            [Some("a.x becomes VARCHAR(10); a value that does not fit stops this migration"), None, None],
        ),
        (
            "VARCHAR(20)",
            "BIGINT",
            &["ALTER TABLE a ALTER COLUMN x TYPE BIGINT USING CAST(x AS BIGINT);"],
            [
                Some("a.x becomes BIGINT; a value that does not fit stops this migration"),
                Some("a.x becomes BIGINT; SQLite keeps values that do not fit"),
                Some("a.x becomes BIGINT; a value that does not fit stops this migration"),
            ],
        ),
        (
            "NUMERIC(8, 2)",
            "NUMERIC(8, 1)",
            &["ALTER TABLE a ALTER COLUMN n TYPE NUMERIC(8, 1);"],
            [
                Some("a.n becomes NUMERIC(8, 1); of a value that does not fit, a part is lost"),
                Some("a.n becomes NUMERIC(8, 1); SQLite keeps values that do not fit"),
                Some("a.n becomes NUMERIC(8, 1); of a value that does not fit, a part is lost"),
            ],
        ),
        ("TEXT DEFAULT", "VARCHAR(9) DEFAULT", &["ALTER TABLE a ALTER COLUMN t TYPE VARCHAR(9);"], {
            [Some("a.t becomes VARCHAR(9); a value that does not fit stops this migration"), None, None]
        }),
    ] {
        let project = Project::new(base, &base.replace(from, to));
        let written = project.go(&[]);
        assert_eq!(written.statements("V2__change.sql"), statements);
        for (file, decision) in
            ["V2__change.sql", "V2__change.sqlite.sql", "V2__change.duckdb.sql"].iter().zip(decisions)
        {
            assert_eq!(written.decisions(file), Vec::from_iter(decision), "{from} {to} {file}");
        }
    }
}

#[test]
fn an_expression_has_one_pair_of_parentheses_however_often_it_is_written() {
    let base = "CREATE TABLE a (x TEXT);\nCREATE INDEX i ON a ((lower(x)));";
    let project = Project::new(base, &base.replace("TEXT", "TEXT NOT NULL"));
    let index = "CREATE INDEX i ON a ((lower(x)));";
    assert!(project.go(&[]).statements("V2__change.sqlite.sql").contains(&index.to_owned()));
    let base = base.replace("(lower(x))", "(x || 'a'), (lower(x) || lower(x))");
    let project = Project::new(&base, &base.replace("TEXT", "TEXT NOT NULL"));
    let index = "CREATE INDEX i ON a ((x || 'a'), (lower(x) || lower(x)));";
    assert!(project.go(&[]).statements("V2__change.sqlite.sql").contains(&index.to_owned()));
}

#[test]
fn models_are_what_there_shall_be_and_nothing_else() {
    let outside = tempfile::tempdir().expect("a folder").path().join("outside.db");
    for (models, said) in [
        ("CREATE TABLE b (a BIGINT REFERENCES nowhere (id));".to_owned(), "b (a) refers to nowhere"),
        ("CREATE TABLE a (x BIGINT); CREATE TABLE b (a BIGINT REFERENCES a (x));".to_owned(), "rows may be equal"),
        ("CREATE TABLE a (x BIGINT PRIMARY KEY); CREATE TABLE b (a BIGINT REFERENCES a (y));".to_owned(), "a.y"),
        ("CREATE TABLE a (x BIGINT); CREATE VIEW v AS SELECT y FROM a;".to_owned(), "no such column: y"),
        ("CREATE TABLE a (x BIGINT);\nINSERT INTO a VALUES (1);".to_owned(), "schema.sql:2:1: INSERT INTO is no part"),
        ("BEGIN; CREATE TABLE a (x BIGINT); COMMIT;".to_owned(), "schema.sql:1:1: BEGIN is no part"),
        (format!("ATTACH '{}' AS o; CREATE TABLE o.a (x BIGINT);", outside.display()), "schema.sql:1:1: ATTACH"),
        ("CREATE TEMP TABLE a (x BIGINT);".to_owned(), "CREATE TEMP is no part"),
        ("CREATE TABLE charter_head (x BIGINT);".to_owned(), "charter's own"),
    ] {
        let project = Project::new("", &models);
        for error in [models_differences(&project.set()).expect_err(said), project.create(&[]).expect_err(said)] {
            assert!(error.to_string().contains(said), "{models}: {error}");
            assert!(error.to_string().contains(MODELS_FILE), "{models}: {error}");
        }
    }
    assert!(!outside.exists());
}

#[test]
fn what_postgres_has_not_is_known_without_a_server() {
    for (models, said) in [
        ("CREATE TABLE b (a BLOB);", "b.a is of the type BLOB, which Postgres has not: BYTEA is one"),
        ("CREATE TABLE b (a DATETIME);", "TIMESTAMP is one"),
        ("CREATE TABLE b (a BOOLEAN DEFAULT 1);", "has the default 1"),
        (&format!("CREATE TABLE b (a{} BIGINT);", "x".repeat(63)), "longer than the 63 bytes"),
        (
            "CREATE TABLE a (x BIGINT PRIMARY KEY); CREATE TABLE b (a TEXT REFERENCES a (x));",
            "b.a is TEXT and refers to a.x, which is BIGINT",
        ),
    ] {
        let project = Project::new("", models);
        let error = project.create(&[]).expect_err(said);
        assert!(error.to_string().contains(said), "{models}: {error}");
        let set = project.set().for_engines([Engine::Sqlite]);
        create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None }).expect("written");
    }
}
