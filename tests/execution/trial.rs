//! Prod tries migrations on a throw-away database first: what fails there for a fault of its own is refused, what needs
//! something that only the real database has is told and applied.

use crate::support::migrating::{ENGINES, Project, SET};
use crate::support::postgres;
use crate::support::stores::parse;
use charter::config::Environment;
use charter::migrate::{Allowance, Event, UpgradeOptions};
use charter::{Engine, Error, ErrorKind};

/// Applies everything in prod; gives what was applied and why what was not tried.
fn upgrade(project: &Project) -> Result<(Vec<i64>, Vec<String>), Error> {
    let manager = project.manager().with_environment(Environment::Prod);
    let verify_against = (project.engine() == Engine::Postgres).then(|| parse(project.url()));
    let options = UpgradeOptions { set: Some(SET.to_owned()), verify_against, ..UpgradeOptions::default() };
    let mut not_tried = Vec::new();
    let applied = manager.upgrade(&options, &mut |event| {
        if let Event::NotVerified { migration, reason } = event {
            let number = migration.map(|migration| migration.number()).unwrap_or_default();
            not_tried.push(format!("{number}: {}", reason.map(ToString::to_string).unwrap_or_default()));
        }
    })?;
    Ok((applied.iter().map(|done| done.number).collect(), not_tried))
}

/// A migration with a way back that is none of the matter.
fn project(engine: Engine, ups: &[&str]) -> Project {
    let project = Project::new(engine, &[]);
    for (place, up) in ups.iter().enumerate() {
        let number = place + 1;
        let head = if up.starts_with("-- charter: no-transaction") { "-- charter: no-transaction\n" } else { "" };
        project.write(&format!("V{number}__m{number}.sql"), up);
        project.write(&format!("V{number}__m{number}.down.sql"), &format!("{head}{}", down(up)));
    }
    project
}

/// What takes back the tables that a text makes, and the columns that it adds.
fn down(up: &str) -> String {
    let mut down = Vec::new();
    for statement in up.split(';') {
        let words: Vec<&str> = statement.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        let at = |word: &str| words.iter().position(|other| *other == word).map(|place| words[place + 1]);
        match (at("CREATE"), at("TABLE"), at("COLUMN")) {
            (Some("TABLE"), Some(table), _) => down.push(format!("DROP TABLE {table};\n")),
            (None, Some(table), Some(column)) => down.push(format!("ALTER TABLE {table} DROP COLUMN {column};\n")),
            _ => {}
        }
    }
    down.into_iter().rev().chain(["SELECT 1;\n".to_owned()]).collect()
}

const OWN: &str = "CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY, size BIGINT);";

#[test]
fn what_would_fail_by_its_own_fault_is_refused_and_the_database_is_as_it_was() {
    for engine in ENGINES {
        for (fault, place) in [
            ("INSERT INTO things (id) VALUES (1);\nINSERT INTO things (id) VALUES (1);", "V2__m2.sql:2:1"),
            ("INSERT INTO things (id, size) VALUES (NULL, 1);", "V2__m2.sql:1:1"),
            ("CREATE TABLE things (id BIGINT);", "V2__m2.sql:1:1"),
            ("INSERT INTO nowhere (id) VALUES (1);", "V2__m2.sql:1:1"),
            ("CREATE TABLE others (id BIGINT);\nUPDATE things SET size = weight WHERE id = 1;", "V2__m2.sql:2:"),
            (
                "-- charter: no-transaction\nCREATE TABLE half (id BIGINT);\nINSERT INTO nowhere (id) VALUES (1);",
                ":3:1",
            ),
        ] {
            let project = project(*engine, &[OWN, fault]);
            let before = project.catalogue();
            let error = upgrade(&project).expect_err(fault);
            assert_eq!(error.kind(), ErrorKind::Refused, "{engine:?} {fault}: {error}");
            let told = error.to_string();
            assert!(told.contains("\n  2 m2 ") && told.contains(place), "{engine:?} {fault}: {told}");
            // What an embedded engine says to the text alone, and what a server has and has not, is a finding: nothing is tried.
            let findings =
                ["-cannot-run: ", "-fails-at-rows: ", "already-exists: ", "does-not-exist: ", "insert-refused: "];
            if !findings.iter().any(|finding| told.contains(finding)) {
                let is_nowhere = fault.contains("nowhere") || fault.contains("weight");
                assert!(told.contains("\n  2 m2 on "), "{engine:?} {fault}: {told}");
                assert_eq!(told.contains("does not have it either"), is_nowhere, "{engine:?}: {told}");
                assert!(error.hint().is_some_and(|hint| hint.contains("mend the migration")), "{error:?}");
            }
            assert_eq!((project.catalogue(), project.history()), (before, Vec::new()), "{engine:?} {fault}");
        }
    }
}

#[test]
fn what_only_the_real_database_has_is_told_and_applied() {
    for engine in ENGINES {
        let project = project(
            *engine,
            &[
                OWN,
                "ALTER TABLE hosts ADD COLUMN size BIGINT;\nCREATE TABLE sizes (id BIGINT NOT NULL PRIMARY KEY);",
                "INSERT INTO sizes (id) SELECT id FROM hosts WHERE id > 0;",
                "CREATE TABLE more (id BIGINT NOT NULL PRIMARY KEY);",
            ],
        );
        project.execute("CREATE TABLE hosts (id BIGINT)");
        project.execute("INSERT INTO hosts VALUES (7)");
        let (applied, not_tried) = upgrade(&project).expect("the tables are there");
        assert_eq!(applied, [1, 2, 3, 4]);
        assert_eq!(not_tried.len(), 2, "{not_tried:?}");
        assert!(not_tried[0].starts_with("2: ") && not_tried[0].contains("V2__m2.sql:1:1"), "{not_tried:?}");
        assert!(not_tried[0].contains("hosts") && not_tried[1].starts_with("3: "), "{not_tried:?}");
        assert_eq!(project.lines("SELECT id FROM sizes"), ["7"]);
    }
}

/// A throw-away database has no rows but those of migrations.
#[test]
fn rows_that_refer_to_rows_of_a_program_cannot_be_tried() {
    for engine in ENGINES {
        let tables = "CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY);\n\
             CREATE TABLE parts (id BIGINT NOT NULL PRIMARY KEY, thing BIGINT REFERENCES things (id));";
        let project = project(*engine, &[tables]);
        upgrade(&project).expect("applied");
        project.execute("INSERT INTO things VALUES (7)");
        project.write("V2__m2.sql", "INSERT INTO parts VALUES (1, 7);");
        project.write("V2__m2.down.sql", "DELETE FROM parts WHERE id = 1;");
        let (applied, not_tried) = upgrade(&project).expect("the row is there");
        assert_eq!((applied, not_tried.len()), (vec![2], 1), "{engine:?}: {not_tried:?}");
        // Nor does it compute from them what the real one computes.
        project.write("V3__m3.sql", "INSERT INTO parts SELECT max(id), 7 FROM things WHERE id < 9;");
        project.write("V3__m3.down.sql", "DELETE FROM parts WHERE id = 7;");
        assert_eq!(upgrade(&project).expect("the row is there").0, [3], "{engine:?}");
        project.write("V4__m4.sql", "INSERT INTO parts VALUES (2, 8);");
        project.write("V4__m4.down.sql", "DELETE FROM parts WHERE id = 2;");
        upgrade(&project).expect_err("no such row");
        assert_eq!(project.history(), ["1", "2", "3"], "{engine:?}");
    }
}

/// Something of the set's own may have the name of a table of the host program.
#[test]
fn a_table_of_the_host_program_may_be_called_as_a_column_of_the_set() {
    for engine in ENGINES {
        let text = "INSERT INTO things (id) SELECT a FROM size WHERE a > 0;";
        let project = project(*engine, &[OWN, text]);
        project.execute("CREATE TABLE size (a BIGINT)");
        assert_eq!(upgrade(&project).expect("it is there").0, [1, 2], "{engine:?}");
    }
    let project = project(Engine::Postgres, &[OWN, "INSERT INTO things (id) SELECT a FROM app.things WHERE a > 0;"]);
    project.execute("CREATE SCHEMA app; CREATE TABLE app.things (a BIGINT)");
    assert_eq!(upgrade(&project).expect("it is there").0, [1, 2]);
    // What the set has taken away itself is no table of anybody else.
    let project = self::project(Engine::Sqlite, &[OWN]);
    upgrade(&project).expect("applied");
    project.write("V2__m2.sql", "ALTER TABLE things RENAME COLUMN size TO weight;");
    project.write("V2__m2.down.sql", "ALTER TABLE things RENAME COLUMN weight TO size;");
    project.write("V3__m3.sql", "UPDATE things SET size = 1 WHERE id = 1;");
    project.write("V3__m3.down.sql", "SELECT 1;");
    let manager = project.manager().with_environment(Environment::Prod);
    let options = UpgradeOptions {
        allowances: vec![Allowance::new("column-renamed@2", "nobody reads it").expect("a rule")],
        confirmed: true,
        ..UpgradeOptions::default()
    };
    let error = manager.upgrade(&options, &mut |_| {}).expect_err("the column is called otherwise by then");
    let is_told = error.to_string().contains("V3__m3.sql:1:1: sqlite-cannot-run: no such column: size");
    assert!(is_told && project.history() == ["1"], "{error}");
}

/// What follows one that cannot be tried is tried as far as it goes without it.
#[test]
fn a_fault_behind_what_cannot_be_tried_is_found() {
    for engine in ENGINES {
        let host = "ALTER TABLE hosts ADD COLUMN size BIGINT;\nCREATE TABLE sizes (id BIGINT NOT NULL PRIMARY KEY);";
        for fault in ["INSERT INTO nowhere (id) VALUES (1);", "INSERT INTO things (id) VALUES (1), (1);"] {
            let project = project(*engine, &[OWN, host, "CREATE TABLE fine (id BIGINT);", fault]);
            project.execute("CREATE TABLE hosts (id BIGINT)");
            let error = upgrade(&project).expect_err(fault);
            // What the database has, and its rows, tell before anything is tried.
            let told = ["V4__m4.sql:1:13: does-not-exist: ", "-cannot-run: ", "-fails-at-rows: "];
            if !told.iter().any(|told| error.to_string().contains(told)) {
                assert!(error.to_string().contains("\n  4 m4 on "), "{engine:?}: {error}");
                assert_eq!(error.to_string().lines().count(), 2, "{engine:?}: {error}");
            }
            assert!(project.history().is_empty());
        }
        // What was applied before and cannot be applied to an empty database stands in nobody's way.
        let project = project(*engine, &[OWN, host]);
        project.execute("CREATE TABLE hosts (id BIGINT)");
        upgrade(&project).expect("the tables are there");
        project.write("V3__m3.sql", "ALTER TABLE sizes ADD COLUMN weight BIGINT;");
        project.write("V3__m3.down.sql", "ALTER TABLE sizes DROP COLUMN weight;");
        let (applied, not_tried) = upgrade(&project).expect("the table is there");
        assert_eq!((applied, not_tried.len()), (vec![3], 1), "{not_tried:?}");
        project.write("V4__m4.sql", "INSERT INTO things (id) VALUES (1), (1);");
        project.write("V4__m4.down.sql", "SELECT 1;");
        let twice = upgrade(&project).expect_err("twice").to_string();
        assert!(twice.contains("\n  4 m4 on ") || twice.contains("sqlite-fails-at-rows: "), "{twice}");
        assert_eq!(project.history(), ["1", "2", "3"]);
    }
}

/// The parent of a foreign key may be the host program's, and so may its rows.
#[test]
fn rows_that_refer_to_a_table_of_the_host_program_cannot_be_tried_on_sqlite() {
    let child =
        "CREATE TABLE children (id BIGINT, host BIGINT REFERENCES hosts (id));\nINSERT INTO children VALUES (1, 7);";
    let project = project(Engine::Sqlite, &[child]);
    let error = upgrade(&project).expect_err("there is no such table");
    assert!(error.to_string().contains("does not have it either"), "{error}");
    project.execute("CREATE TABLE hosts (id BIGINT NOT NULL PRIMARY KEY); INSERT INTO hosts VALUES (7)");
    assert_eq!(upgrade(&project).expect("it is there").0, [1]);
}

#[test]
fn what_a_server_has_installed_or_forbids_decides_where_it_is_and_not_where_it_is_tried() {
    let project = project(Engine::Postgres, &["CREATE EXTENSION no_such_extension;"]);
    let error = upgrade(&project).expect_err("the real server has none either").to_string();
    assert!(error.contains("does-not-exist: ") && error.contains("no_such_extension"), "{error}");

    // Roles are the server's: trying would make and drop those of the real database.
    let role = format!("charter_trial_{}", uuid::Uuid::new_v4().simple());
    let project = self::project(Engine::Postgres, &[&format!("CREATE ROLE {role};")]);
    project.write("V1__m1.down.sql", &format!("DROP ROLE {role};"));
    let (applied, not_tried) = upgrade(&project).expect("it is no fault");
    assert!(applied == [1] && not_tried[0].contains("outside of the database"), "{not_tried:?}");
    project.execute(&format!("DROP ROLE {role}"));

    let project = self::project(Engine::Postgres, &["CREATE TABLE owned (id BIGINT);\nSET ROLE \"no such role\";"]);
    let error = upgrade(&project).expect_err("there is no such role").to_string();
    assert!(error.contains("\n  1 m1 on postgres: ") && error.contains("does not have it either"), "{error}");
    let text = "CREATE TABLE b (id BIGINT REFERENCES app.parents (id));";
    let project = self::project(Engine::Postgres, &[text]);
    project.execute("CREATE SCHEMA app; CREATE TABLE app.others (id BIGINT)");
    let error = upgrade(&project).expect_err("the schema is there, the table is not").to_string();
    assert!(error.contains("does-not-exist: there is no table app.parents"), "{error}");
    project.execute("CREATE TABLE app.parents (id BIGINT PRIMARY KEY)");
    assert_eq!(upgrade(&project).expect("it is there").0, [1]);

    let project = self::project(Engine::Postgres, &["CREATE TABLE b (id BIGINT, m mood);"]);
    assert!(upgrade(&project).is_err());
    project.execute("CREATE TYPE mood AS ENUM ('good')");
    assert_eq!(upgrade(&project).expect("it is there").0, [1]);
}

#[test]
fn an_embedded_file_is_no_server_to_try_on() {
    let database = postgres::database();
    for (url, against) in [
        (database.url().to_owned(), "sqlite:///other.db".to_owned()),
        (database.url().to_owned(), "duckdb:///other.duckdb".to_owned()),
        ("sqlite:///shop.db".to_owned(), database.url().to_owned()),
        ("sqlite:///shop.db".to_owned(), "sqlite:///other.db".to_owned()),
    ] {
        let manager = charter::migrate::MigrationManager::new(&url).expect("a manager");
        let options = UpgradeOptions { verify_against: Some(parse(&against)), ..UpgradeOptions::default() };
        let error = manager.upgrade(&options, &mut |_| {}).expect_err(&against);
        assert!(error.kind() == ErrorKind::Invalid && error.hint().is_some(), "{error:?}");
    }
}

/// Each of up, down and up again is on a connection of its own where it counts.
#[test]
fn what_a_migration_makes_for_its_connection_is_gone_with_it() {
    for engine in ENGINES {
        let temporary = "CREATE TEMP TABLE aside AS SELECT id FROM things;\nUPDATE things SET size = 1 WHERE id IN \
                         (SELECT id FROM aside);\nALTER TABLE things ADD COLUMN";
        let steps = format!("-- charter: no-transaction\nBEGIN;\n{temporary} c BIGINT;\nCOMMIT;");
        let project =
            project(*engine, &[OWN, &format!("{temporary} a BIGINT;"), &format!("{temporary} b BIGINT;"), &steps]);
        for number in 2..5 {
            let column = ["a", "b", "c"][number - 2];
            let head = if number == 4 { "-- charter: no-transaction\n" } else { "" };
            let down = format!("{head}ALTER TABLE things DROP COLUMN {column};");
            project.write(&format!("V{number}__m{number}.down.sql"), &down);
        }
        let (applied, not_tried) = upgrade(&project).expect("applied");
        assert_eq!((applied, not_tried), (vec![1, 2, 3, 4], Vec::new()), "{engine}");
    }
}
