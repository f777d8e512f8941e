//! The history by hand.

use crate::support::migrating::{ENGINES, Project, SET};
use charter::config::Environment;
use charter::migrate::{Action, Stamped};
use charter::{ErrorKind, Result, Store};

const FILES: [(&str, &str); 6] = [
    ("V1__things.sql", "CREATE TABLE things (a BIGINT NOT NULL PRIMARY KEY);"),
    ("V1__things.down.sql", "DROP TABLE things;"),
    ("V3__more.sql", "CREATE TABLE more (a BIGINT);"),
    ("V3__more.down.sql", "DROP TABLE more;"),
    ("V4__last.sql", "CREATE TABLE last (a BIGINT);"),
    ("V4__last.down.sql", "DROP TABLE last;"),
];

fn stamp(project: &Project, revision: &str) -> Result<Vec<Stamped>> {
    project.manager().stamp(None, &revision.parse()?, Some("by hand"), &mut |_| {})
}

fn stamped(project: &Project, revision: &str) -> Vec<String> {
    let done = stamp(project, revision).expect("stamped");
    done.iter().map(|done| format!("{} {}", done.action.as_str(), done.number)).collect()
}

#[test]
fn the_history_is_set_to_a_revision_and_nothing_runs() {
    for engine in ENGINES {
        let project = Project::new(*engine, &FILES);
        assert_eq!(stamped(&project, "3"), ["stamped 1", "stamped 3"]);
        assert_eq!(project.history(), ["1", "3"]);
        assert!(project.catalogue().is_empty(), "nothing ran");
        assert!(stamped(&project, "3").is_empty(), "there is nothing to change");
        assert_eq!(stamped(&project, "-1"), ["unstamped 3"]);
        assert_eq!(stamped(&project, "head"), ["stamped 3", "stamped 4"]);
        assert_eq!(stamped(&project, "base"), ["unstamped 4", "unstamped 3", "unstamped 1"]);
        assert!(project.history().is_empty());
        let details = project.lines("SELECT DISTINCT action, detail FROM shop_schema_audit ORDER BY 1, 2");
        assert_eq!(details, ["stamped it was not in the history: by hand", "unstamped it was in the history: by hand"]);
        assert_eq!(project.upgrade("head").expect("applied"), [1, 3, 4]);
    }
}

#[test]
fn a_history_that_does_not_fit_is_refused_with_what_to_do_and_mended() {
    for engine in ENGINES {
        let project = Project::new(*engine, &FILES);
        project.upgrade("head").expect("applied");
        let refusal = |is_of_applied: bool| {
            let error = project.upgrade("head").expect_err("it does not fit");
            assert_eq!(error.kind(), ErrorKind::Refused);
            // To who takes migrations back, those that were never applied do not matter.
            if is_of_applied {
                assert_eq!(project.downgrade("-1").expect_err("it does not fit").kind(), ErrorKind::Refused);
            }
            (error.to_string(), error.hint().unwrap_or_default().to_owned())
        };
        // A text that was changed.
        project.write("V3__more.sql", "CREATE TABLE more (a BIGINT, b BIGINT);");
        let (message, hint) = refusal(true);
        assert!(message.contains("V3__more.sql") && message.contains("another text"), "{message}");
        assert!(hint.contains("`charter db stamp 4`"), "{hint}");
        assert_eq!(stamped(&project, "4"), ["stamped 3"]);
        assert!(project.upgrade("head").expect("it fits").is_empty());

        // One that a branch brought, below the newest.
        project.write("V2__branch.sql", "CREATE TABLE branch (a BIGINT);");
        let (message, hint) = refusal(false);
        assert!(message.contains("V2__branch.sql") && message.contains("4"), "{message}");
        assert!(hint.contains("`charter db renumber`") && hint.contains("`charter db stamp 4`"), "{hint}");
        assert_eq!(stamped(&project, "4"), ["stamped 2"]);
        assert!(project.upgrade("head").expect("it fits").is_empty());

        // One whose files are gone.
        std::fs::remove_file(project.directory().join("V2__branch.sql")).expect("removed");
        let (message, hint) = refusal(true);
        assert!(message.contains("2 (branch)"), "{message}");
        assert!(hint.contains("`charter db stamp 4`"), "{hint}");
        assert_eq!(stamped(&project, "4"), ["unstamped 2"]);
        assert!(project.upgrade("head").expect("it fits").is_empty());

        // One above the newest that this program has is a newer program's, and no error.
        for name in ["V4__last.sql", "V4__last.down.sql"] {
            std::fs::remove_file(project.directory().join(name)).expect("removed");
        }
        assert!(project.upgrade("head").expect("it fits").is_empty());
    }
}

#[test]
fn a_half_done_migration_is_ended_by_hand() {
    for engine in ENGINES {
        for (revision, history, action) in [("2", vec!["1", "2"], "stamped 2"), ("1", vec!["1"], "unstamped 2")] {
            let text = "-- charter: no-transaction\nINSERT INTO things VALUES (1);\nINSERT INTO nowhere VALUES (1);";
            let project = Project::new(*engine, &[FILES[0], FILES[1], ("V2__half.sql", text)]);
            project.upgrade("head").expect_err("no such table");
            assert_eq!(stamped(&project, revision), [action]);
            assert_eq!(project.history(), history);
            let status = project.manager().status().expect("a status").pop().expect("the project's set").status;
            assert_eq!(status.unfinished, None);
        }
    }
}

#[test]
fn one_that_was_the_first_of_all_can_be_ended_too() {
    for engine in ENGINES {
        let text = "-- charter: no-transaction\nCREATE TABLE things (a BIGINT);\nINSERT INTO nowhere VALUES (1);";
        let project = Project::new(*engine, &[("V1__half.sql", text)]);
        project.upgrade("head").expect_err("no such table");
        assert_eq!(stamped(&project, "base"), ["unstamped 1"]);
        project.execute("DROP TABLE things");
        project.write("V1__half.sql", "CREATE TABLE things (a BIGINT);");
        assert_eq!(project.upgrade("head").expect("applied"), [1]);
    }
}

/// charter's tables without their history, as after a restore of some tables.
#[test]
fn charters_own_tables_are_stamped_with_all_that_belongs_to_them() {
    for engine in ENGINES {
        let project = Project::new(*engine, &[]);
        let schema = if *engine == charter::Engine::Postgres { "charter." } else { "" };
        for table in ["charter_schema_history", "charter_schema_audit"] {
            project.execute(&format!("DROP TABLE {schema}{table}"));
        }
        for table in ["charter_schema_version", "charter_head"] {
            project.execute(&format!("DELETE FROM {schema}{table}"));
        }
        let manager = project.manager();
        let done =
            manager.stamp(Some("charter"), &"head".parse().expect("a revision"), None, &mut |_| {}).expect("stamped");
        assert_eq!(done.iter().map(|done| (done.number, done.action)).collect::<Vec<_>>(), [(1, Action::Stamped)]);
        let store = Store::open(project.url()).expect("a store");
        store.store_schema("user", "{}", "1.0.0").expect("stored");
        assert_eq!(store.list_everything().expect("a list").len(), 1);
        drop(store);

        // Without the tables there is nothing to be stamped.
        let empty = Project::new(*engine, &[]);
        empty
            .manager()
            .downgrade(
                &charter::migrate::DowngradeOptions { set: Some("charter".to_owned()), ..Default::default() },
                &mut |_| {},
            )
            .expect("taken back");
        let error = empty
            .manager()
            .stamp(Some("charter"), &"head".parse().expect("a revision"), None, &mut |_| {})
            .expect_err("no tables");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().is_some());
        assert_eq!(empty.manager().set(Some(SET)).expect("a set").name(), SET);
    }
}

/// Whoever takes charter's versions away by hand, or with the tables, has not made the database a laxer one.
#[test]
fn a_database_stays_the_environment_that_it_is_without_its_versions() {
    for engine in ENGINES {
        let project = Project::new(*engine, &FILES);
        project.upgrade("head").expect("applied");
        let confirmation = charter::migrate::Confirmation::None;
        let manager = project.manager();
        manager.change_environment(Environment::Prod, &confirmation, &mut |_| {}).expect("stricter");
        let downgrade = || {
            let error = manager.downgrade(&Default::default(), &mut |_| {}).expect_err("not confirmed");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        };
        let stamp = |revision: &str| {
            manager.stamp(Some("charter"), &revision.parse().expect("a revision"), None, &mut |_| {}).expect("stamped")
        };
        stamp("base");
        downgrade();
        stamp("head");
        assert_eq!(manager.database_environment().expect("one"), Environment::Prod, "{engine:?}");
        downgrade();
    }
}

#[test]
fn a_database_for_newer_programs_is_neither_stamped_nor_taken_back() {
    for engine in ENGINES {
        let project = Project::new(*engine, &FILES);
        project.upgrade("3").expect("applied");
        let schema = if *engine == charter::Engine::Postgres { "charter." } else { "" };
        project.execute(&format!("UPDATE {schema}charter_schema_version SET minimum_program = '99.0.0'"));
        let (stamped, taken_back) = (stamp(&project, "head").map(drop), project.downgrade("base").map(drop));
        for refused in [stamped, taken_back, project.upgrade("head").map(drop)] {
            let error = refused.expect_err("it is for newer programs");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
            assert!(error.to_string().contains("only for charter 99.0.0"), "{error:?}");
        }
        assert_eq!(project.history(), ["1", "3"]);
    }
}

/// What a newer program has added to charter's own tables is not struck from the history by an older one.
#[test]
fn what_a_newer_program_has_made_of_charters_tables_stays_in_the_history() {
    for engine in ENGINES {
        let project = Project::new(*engine, &FILES);
        project.upgrade("3").expect("applied");
        let schema = if *engine == charter::Engine::Postgres { "charter." } else { "" };
        project.execute(&format!(
            "INSERT INTO {schema}charter_schema_history (version, name, applied_on, checksum) \
             SELECT 99, 'newer', applied_on, checksum FROM {schema}charter_schema_history WHERE version = 1"
        ));
        for revision in ["head", "base", "1"] {
            let revision = revision.parse().expect("a revision");
            let stamped = project.manager().stamp(Some("charter"), &revision, None, &mut |_| {});
            let error = stamped.expect_err("a newer program's");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
            assert!(error.to_string().contains("migration 99 (newer), which is not among those"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("the program that made this database")), "{error:?}");
        }
        // The project's own history is nobody else's.
        assert_eq!(stamped(&project, "1"), ["unstamped 3"]);
    }
}

#[test]
fn one_that_was_the_first_of_all_is_not_taken_back_half_done() {
    for engine in ENGINES {
        let text = "-- charter: no-transaction\nCREATE TABLE things (a BIGINT);\nINSERT INTO nowhere VALUES (1);";
        let project = Project::new(*engine, &[("V1__half.sql", text), ("V1__half.down.sql", "DROP TABLE things;")]);
        project.upgrade("head").expect_err("no such table");
        let planned = project.manager().plan_downgrade(&Default::default()).map(drop);
        for refused in [planned, project.downgrade("-1").map(drop)] {
            let message = refused.expect_err("it is half done").to_string();
            assert!(message.contains("migration 1 (half) is half applied: 1 of its 2 steps are done"), "{message}");
        }
        let validation = project.manager().validate_migrations();
        assert_eq!((validation.status(), validation.warnings.len()), ("warnings", 1));
        assert!(validation.warnings[0].message.contains("half applied"));
    }
}
