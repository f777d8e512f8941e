//! One migrator at a time, and what keeps the others away.

use crate::support::child::Player;
use crate::support::eventually;
use crate::support::migrating::{ENGINES, Project, manager, upgrade};
use crate::support::postgres::{Pooler, Session};
use charter::migrate::{DowngradeOptions, Event, Revision, Timeouts, UpgradeOptions};
use charter::{Engine, ErrorKind};
use std::time::Duration;

const FILES: [(&str, &str); 3] = [
    ("V1__things.sql", "CREATE TABLE things (a BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO things VALUES (1);"),
    ("V2__more.sql", "CREATE TABLE more (a BIGINT);\nINSERT INTO things VALUES (2);"),
    ("V3__last.sql", "-- charter: no-transaction\nCREATE TABLE last (a BIGINT);\nINSERT INTO things VALUES (3);"),
];

/// A short limit for the others.
fn impatient() -> Timeouts {
    Timeouts { migrators: Duration::from_millis(50), ..Timeouts::default() }
}

#[test]
fn of_eight_that_start_at_once_one_applies_and_the_rest_find_nothing_to_do() {
    for engine in ENGINES {
        let project = Project::new(*engine, &FILES);
        let directory = project.directory();
        let arguments = [project.url(), directory.to_str().expect("UTF-8"), "up", ""];
        let players: Vec<Player> = (0..8).map(|_| Player::start("migrate", &arguments)).collect();
        let mut said: Vec<String> = players.into_iter().flat_map(Player::finish).collect();
        said.sort();
        let mut expected = vec!["done [1, 2, 3]"];
        expected.extend(["done []"; 7]);
        assert_eq!(said, expected, "{engine}");
        assert_eq!(project.lines("SELECT a FROM things ORDER BY a"), ["1", "2", "3"]);
        assert_eq!(project.audit()[..3], ["applied 1", "applied 2", "apply_started 3"]);
        let left = std::fs::read_dir(project.file().parent().expect("a folder")).expect("the folder");
        let names = left.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        assert!(!names.into_iter().any(|name| name.contains("migrating")), "the lock file is gone");
    }
}

#[test]
fn a_file_that_another_one_migrates_is_waited_for_up_to_a_limit() {
    for engine in ENGINES.iter().filter(|engine| **engine != Engine::Postgres) {
        let project = Project::new(*engine, &FILES);
        let mut name = project.file().into_os_string();
        name.push(".migrating");
        let file = std::fs::File::create(&name).expect("the lock file");
        file.lock().expect("the lock");
        let mut told = 0;
        let impatient = project.manager().with_timeouts(impatient());
        let error = upgrade(&impatient, "head", &mut |event| match event {
            Event::Waiting { limit, .. } => {
                assert_eq!(limit, Duration::from_millis(50));
                told += 1;
            }
            _ => panic!("{event:?}"),
        })
        .expect_err("it is taken");
        assert_eq!((error.kind(), told), (ErrorKind::Busy, 1), "{error:?}");
        assert!(error.hint().is_some() && error.to_string().contains(".migrating"), "{error:?}");
        drop(file);
        assert_eq!(upgrade(&impatient, "head", &mut |_| {}).expect("it is free"), [1, 2, 3]);
        assert!(!std::path::Path::new(&name).exists());
    }
}

const LOCK: &str = "pg_advisory_lock(x'63686172746572'::bigint)";

#[test]
fn a_server_that_another_one_migrates_says_who_it_is() {
    let project = Project::new(Engine::Postgres, &FILES);
    let other = Session::open(&format!("{}?application_name=the%20other%20one", project.url()));
    let process = other.query(&format!("SELECT pg_backend_pid(), {LOCK}"))[0][0].clone().expect("a number");
    let impatient = project.manager().with_timeouts(impatient());
    let mut told = Vec::new();
    let error = upgrade(&impatient, "head", &mut |event| match event {
        Event::Waiting { holder, .. } => told.push(holder.expect("the server knows").to_owned()),
        _ => panic!("{event:?}"),
    })
    .expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::Busy);
    let holder = format!("server process {process} (application the other one, user charter, from 127.0.0.1)");
    assert_eq!(told, [&*holder]);
    assert!(error.to_string().contains(&holder) && error.hint().is_some(), "{error:?}");

    // The lock is the database's: other databases of the server are not concerned.
    assert_eq!(Project::new(Engine::Postgres, &FILES).upgrade("head").expect("free"), [1, 2, 3]);
    drop(other);
    let patient = project.manager().with_timeouts(Timeouts::default());
    assert_eq!(upgrade(&patient, "head", &mut |_| {}).expect("its end frees the lock"), [1, 2, 3]);
}

/// A migration that gives the lock away does not let the next one run unprotected.
#[test]
fn the_lock_is_looked_for_in_every_transaction() {
    let files = [
        ("V1__things.sql", "CREATE TABLE things (a BIGINT);\nSELECT pg_advisory_unlock_all();"),
        ("V2__more.sql", "CREATE TABLE more (a BIGINT);"),
    ];
    let project = Project::new(Engine::Postgres, &files);
    let error = project.upgrade("head").expect_err("the lock is gone");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert_eq!(project.history(), ["1"]);
    assert_eq!(project.upgrade("head").expect("applied"), [2]);

    // Nor is it looked for elsewhere when nothing comes after.
    let project = Project::new(Engine::Postgres, &files[..1]);
    let error = project.upgrade("head").expect_err("the lock is gone");
    assert!(error.to_string().contains("does not have the migrators' lock any more"), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("take it out of the migration")), "{error:?}");
    assert_eq!(project.history(), ["1"]);
}

/// What the server has for the user is not what charter has set: for a user called charter, the schema of charter's tables.
#[test]
fn a_reset_goes_back_to_what_charter_has_set() {
    for head in ["", "-- charter: no-transaction\n"] {
        for reset in ["RESET ALL", "RESET search_path", "SET search_path TO DEFAULT"] {
            let first = format!("{head}SET search_path = pg_catalog;\n{reset};\nCREATE TABLE things (a BIGINT);");
            let files = [("V1__things.sql", first.as_str()), ("V2__more.sql", "CREATE TABLE more (a BIGINT);")];
            let project = Project::new(Engine::Postgres, &files);
            assert_eq!(project.upgrade("head").expect("the lock is there still"), [1, 2], "{reset}");
            let made = "SELECT schemaname FROM pg_tables WHERE tablename IN ('things', 'more')";
            assert_eq!(project.lines(made), ["public", "public"], "{head}{reset}");
        }
    }
}

/// Behind a pooler, two clients can be in one session of the server, and one client in two.
#[test]
fn a_pooler_that_shares_sessions_cannot_fake_the_lock() {
    // One session for all: whoever asks second is in the session that has the lock.
    let project = Project::new(Engine::Postgres, &FILES);
    let pooler = Pooler::in_front_of(project.url(), 1);
    let first = manager(pooler.url(), &project.directory());
    let second = manager(pooler.url(), &project.directory()).with_timeouts(impatient());
    let mut refused = None;
    upgrade(&first, "head", &mut |event| {
        if let Event::Applying { place: 1, .. } = event {
            refused = upgrade(&second, "head", &mut |_| {}).err();
        }
    })
    .expect("the session was there for the first one whenever it asked");
    let error = refused.expect("the second was refused");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("pooler")), "{error:?}");
    assert_eq!(project.audit()[..2], ["applied 1", "applied 2"]);
    drop(pooler);

    // Two sessions: while another client has the one with the lock, the migrator gets the one without.
    let project = Project::new(Engine::Postgres, &FILES);
    let pooler = Pooler::in_front_of(project.url(), 2);
    let pooled = manager(pooler.url(), &project.directory());
    let other = Session::open(pooler.url());
    let error = upgrade(&pooled, "head", &mut |event| {
        if let Event::Applying { place: 1, .. } = event {
            // The session that was given back last is lent first.
            assert_eq!(
                other.query("BEGIN; SELECT current_setting('charter.migrator', true) <> ''")[0][0].as_deref(),
                Some("t")
            );
        }
    })
    .expect_err("the lock is in the other session");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("pooler")), "{error:?}");
    assert_eq!(project.history(), ["1"], "what was applied stays, and nothing ran without the lock");

    // The lock is still there, in a session that waits for its next client, and the next migrator is told where.
    let direct = project.manager().with_timeouts(impatient());
    let error = upgrade(&direct, "head", &mut |_| {}).expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error:?}");
    let message = error.to_string();
    let process = message.split("server process ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a process");
    project.query(&format!("SELECT pg_terminate_backend({process})"));
    drop(other);
    eventually("the end of the session", || upgrade(&direct, "head", &mut |_| {}).is_ok());
    assert_eq!(project.history(), ["1", "2", "3"]);
}

#[test]
fn behind_a_pooler_the_lock_is_given_back() {
    let project = Project::new(Engine::Postgres, &FILES);
    let pooler = Pooler::in_front_of(project.url(), 2);
    upgrade(&manager(pooler.url(), &project.directory()), "2", &mut |_| {}).expect("nobody is in the way");
    let direct = project.manager().with_timeouts(impatient());
    assert_eq!(upgrade(&direct, "head", &mut |_| {}).expect("it is free"), [3]);
}

/// What a session was told stays with it, and its next client is another program.
#[test]
fn behind_a_pooler_reading_leaves_nothing_in_the_session() {
    let project = Project::new(Engine::Postgres, &FILES);
    project.upgrade("1").expect("applied");
    let pooler = Pooler::in_front_of(project.url(), 1);
    let reader = manager(pooler.url(), &project.directory());
    assert_eq!(reader.get_pending_migrations().expect("a status").len(), 2);
    assert!(reader.get_schema_info().expect("a catalogue").iter().all(|info| info.is_valid()));
    reader.upgrade_sql(&UpgradeOptions::default(), None).expect("a text");
    let other = Session::open(pooler.url());
    assert_eq!(other.query("SHOW default_transaction_read_only")[0][0].as_deref(), Some("off"));
}

/// What somebody agreed to lose is all that goes, whoever was at work in between.
#[test]
fn what_is_taken_back_is_what_was_planned_or_nothing() {
    for engine in ENGINES {
        let project = Project::new(*engine, &FILES[..2]);
        for (name, text) in [
            ("V1__things.down.sql", "DROP TABLE things;"),
            ("V2__more.down.sql", "DELETE FROM things WHERE a = 2;\nDROP TABLE more;"),
        ] {
            project.write(name, text);
        }
        assert_eq!(project.upgrade("1").expect("applied"), [1]);
        let manager = project.manager();
        let mut options = DowngradeOptions::default();
        let planned = manager.plan_downgrade(&options).expect("a plan");
        options.planned = Some(planned.iter().map(|planned| planned.migration.number()).collect());
        assert_eq!(options.planned, Some(vec![1]));
        assert_eq!(project.upgrade("2").expect("another migrator"), [2]);
        let refused = |options: &DowngradeOptions| {
            let error = manager.downgrade(options, &mut |_| {}).expect_err("it would be others");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
            assert!(error.to_string().contains("another migrator was at work") && error.hint().is_some(), "{error:?}");
        };
        refused(&options);
        options.revision = Revision::Base;
        refused(&options);
        assert_eq!(project.history(), ["1", "2"]);
        options.planned = Some(vec![2, 1]);
        assert_eq!(manager.downgrade(&options, &mut |_| {}).expect("taken back").len(), 2);
        refused(&options);
        // There is nothing below any more.
        options.revision = Revision::Relative(-1);
        refused(&options);
    }
}
