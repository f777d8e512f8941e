//! How long migrations wait for programs, and how long programs wait for migrations.

use crate::support::migrating::{Project, SET, upgrade};
use crate::support::postgres::Session;
use charter::config::Environment;
use charter::migrate::{DowngradeOptions, Event, MigrationManager, Timeouts, UpgradeOptions};
use charter::{Engine, ErrorKind};
use std::time::Duration;

const TABLE: (&str, &str) = ("V1__things.sql", "CREATE TABLE things (a BIGINT NOT NULL PRIMARY KEY, b BIGINT);");

fn limits(lock: u64) -> Timeouts {
    Timeouts { lock: Some(Duration::from_millis(lock)), ..Timeouts::default() }
}

fn project(text: &str) -> Project {
    let project = Project::new(Engine::Postgres, &[TABLE, ("V2__next.sql", text)]);
    project.upgrade("1").expect("applied");
    project
}

#[test]
fn in_prod_there_are_limits_and_elsewhere_what_the_server_has() {
    let text = "CREATE TABLE things AS SELECT current_setting('lock_timeout') AS a, current_setting('statement_timeout') AS b;";
    let down = "DROP TABLE things;";
    for (environment, expected) in [(Environment::Dev, "0 0"), (Environment::Prod, "5s 15min")] {
        let project = Project::new(Engine::Postgres, &[("V1__things.sql", text), ("V1__things.down.sql", down)]);
        let options = UpgradeOptions { set: Some(SET.to_owned()), confirmed: true, ..UpgradeOptions::default() };
        let manager: MigrationManager = project.manager().with_environment(environment);
        manager.upgrade(&options, &mut |_| {}).expect("applied");
        assert_eq!(project.lines("SELECT a, b FROM things"), [expected]);
    }
    let manual = Timeouts {
        lock: Some(Duration::from_millis(1500)),
        statement: Some(Duration::from_secs(3)),
        ..Timeouts::default()
    };
    let text = format!("-- charter: no-transaction\n{text}");
    let project = Project::new(Engine::Postgres, &[("V1__things.sql", &text)]);
    upgrade(&project.manager().with_timeouts(manual), "head", &mut |_| {}).expect("applied");
    assert_eq!(project.lines("SELECT a, b FROM things"), ["1500ms 3s"], "in steps, too");
}

#[test]
fn a_migration_that_gets_no_lock_is_undone_and_runs_again() {
    let project = project("INSERT INTO things VALUES (1, 1);\nALTER TABLE things ADD COLUMN c BIGINT;");
    let other = Session::open(project.url());
    other.query("BEGIN; LOCK TABLE public.things IN SHARE UPDATE EXCLUSIVE MODE");
    let mut attempts = Vec::new();
    let applied = upgrade(&project.manager().with_timeouts(limits(50)), "head", &mut |event| {
        if let Event::Retrying { migration, attempt, of, wait, reason } = event {
            assert_eq!(
                (migration.map(|migration| migration.number()), of, reason.kind()),
                (Some(2), 10, ErrorKind::Busy)
            );
            assert!(reason.to_string().contains("55P03") && wait < Duration::from_secs(1), "{reason:?} {wait:?}");
            assert!(project.lines("SELECT a FROM things").is_empty(), "nothing is left of the attempt");
            attempts.push(attempt);
            if attempt == 3 {
                other.query("COMMIT");
            }
        }
    });
    assert_eq!(applied.expect("applied"), [2]);
    assert_eq!(attempts, [1, 2, 3]);
    assert_eq!(project.lines("SELECT a, b, c FROM things"), ["1 1 NULL"]);
    assert_eq!(project.audit(), ["applied 1", "applied 2"]);
}

#[test]
fn it_is_given_up_after_so_many_attempts() {
    let project = project("ALTER TABLE things ADD COLUMN c BIGINT;");
    let other = Session::open(project.url());
    other.query("BEGIN; LOCK TABLE public.things IN ACCESS SHARE MODE");
    let mut attempts = 0;
    let limits = Timeouts { attempts: 3, ..limits(20) };
    let error = upgrade(&project.manager().with_timeouts(limits), "head", &mut |event| {
        attempts += u32::from(matches!(event, Event::Retrying { .. }));
    })
    .expect_err("the table is in use");
    assert_eq!((error.kind(), attempts), (ErrorKind::Busy, 2), "{error:?}");
    assert!(error.to_string().contains("after 3 attempts") && error.hint().is_some(), "{error:?}");
    assert_eq!(project.history(), ["1"]);
}

#[test]
fn a_migration_that_is_in_a_deadlock_runs_again() {
    let project = project("INSERT INTO things VALUES (1, 1);\nLOCK TABLE others;");
    project.execute("CREATE TABLE others (a BIGINT)");
    let other = Session::open(project.url());
    // The server ends whoever notices it first.
    other.query("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE public.others");
    let mut reasons = Vec::new();
    std::thread::scope(|scope| {
        let mut blocking = None;
        upgrade(&project.manager(), "head", &mut |event| match event {
            Event::Statement { place: 1, .. } if blocking.is_none() => {
                blocking = Some(scope.spawn(|| other.query("LOCK TABLE public.things; COMMIT")));
                let waits = "SELECT FROM pg_locks WHERE relation = 'public.things'::regclass AND NOT granted";
                crate::support::eventually("the other's wait", || !project.query(waits).is_empty());
            }
            Event::Retrying { reason, .. } => reasons.push(reason.to_string()),
            _ => {}
        })
        .expect("applied");
    });
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].contains("40P01"), "{reasons:?}");
    assert_eq!(project.lines("SELECT a FROM things"), ["1"]);
}

#[test]
fn a_statement_that_runs_too_long_is_ended_and_told_with_what_to_do() {
    let project = project("INSERT INTO things VALUES (1, 1);\nSELECT pg_sleep(600);");
    let limits = Timeouts { statement: Some(Duration::from_millis(100)), ..Timeouts::default() };
    let error = upgrade(&project.manager().with_timeouts(limits.clone()), "head", &mut |_| {}).expect_err("too long");
    assert!(error.hint().is_some_and(|hint| hint.contains("statement_timeout")), "{error:?}");
    assert_eq!(error.location().and_then(|place| place.position).map(|position| position.line), Some(2));
    assert_eq!(project.history(), ["1"]);
    // Whoever stopped it knows why.
    project.write("V2__next.sql", "SELECT pg_cancel_backend(pg_backend_pid());\nSELECT pg_sleep(0.01);");
    let error = upgrade(&project.manager().with_timeouts(limits.clone()), "head", &mut |_| {}).expect_err("cancelled");
    assert!(!error.hint().is_some_and(|hint| hint.contains("statement_timeout")), "{error:?}");
    // The migration may ask for more.
    project.write("V2__next.sql", "SET LOCAL statement_timeout = 0;\nSELECT pg_sleep(0.3);");
    assert_eq!(upgrade(&project.manager().with_timeouts(limits), "head", &mut |_| {}).expect("applied"), [2]);
}

/// Counting what would be lost does not wait without end for a session that has a table for itself, nor without a word.
#[test]
fn what_would_be_lost_is_counted_again_when_a_table_is_free() {
    let project = Project::new(Engine::Postgres, &[TABLE, ("V1__things.down.sql", "DROP TABLE things;")]);
    project.upgrade("1").expect("applied");
    project.execute("INSERT INTO things VALUES (1, 1)");
    let manager = project.manager().with_timeouts(limits(50));
    let planned =
        manager.plan_downgrade(&DowngradeOptions { set: Some(SET.to_owned()), ..DowngradeOptions::default() });
    let planned = planned.expect("a plan");
    type Count<'a> = &'a dyn Fn(&mut dyn FnMut(Event<'_>));
    let retried = |count: Count<'_>| {
        let other = Session::open(project.url());
        other.query("BEGIN; LOCK TABLE public.things; LOCK TABLE charter.charter_records");
        let mut attempts = Vec::new();
        count(&mut |event| {
            if let Event::Retrying { migration, attempt, of, reason, .. } = event {
                assert!(
                    migration.is_none() && of == 10 && reason.to_string().contains("could not be counted"),
                    "{reason:?}"
                );
                attempts.push(attempt);
                if attempt == 2 {
                    other.query("COMMIT");
                }
            }
        });
        assert_eq!(attempts, [1, 2]);
    };
    retried(&|events| assert_eq!(manager.losses(&planned, events).expect("counted").len(), 1));
    retried(&|events| assert!(!manager.content(events).expect("counted").is_empty()));
    let other = Session::open(project.url());
    other.query("BEGIN; LOCK TABLE public.things");
    let impatient = manager.with_timeouts(Timeouts { attempts: 1, ..limits(50) });
    let error = impatient.losses(&planned, &mut |_| {}).expect_err("not counted");
    assert_eq!(error.kind(), ErrorKind::Busy);
}

/// An index that could not be finished for want of a lock is dropped and made again.
#[test]
fn an_index_that_gets_no_lock_is_made_again() {
    let project = project("-- charter: no-transaction\nCREATE INDEX CONCURRENTLY things_b ON things (b);");
    let other = Session::open(project.url());
    other.query("BEGIN; INSERT INTO public.things VALUES (1, 1)");
    let mut seen = Vec::new();
    let applied = upgrade(&project.manager().with_timeouts(limits(100)), "head", &mut |event| match event {
        Event::Retrying { attempt, .. } => {
            seen.push(format!("retrying {attempt}"));
            if attempt == 1 {
                let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('public.things_b')";
                assert_eq!(project.lines(valid), ["f"]);
                other.query("COMMIT");
            }
        }
        Event::Repairing { .. } => seen.push("repairing".to_owned()),
        _ => {}
    });
    assert_eq!(applied.expect("applied"), [2]);
    assert_eq!(seen, ["retrying 1", "repairing"]);
    assert_eq!(project.lines("SELECT indisvalid FROM pg_index WHERE indexrelid = 'things_b'::regclass"), ["t"]);
    assert_eq!(project.audit(), ["applied 1", "apply_started 2", "step 2", "applied 2"]);
}

/// A partition that is half detached cannot be detached again by the same words.
#[test]
fn a_partition_that_is_half_detached_is_detached_to_the_end() {
    let text = "-- charter: no-transaction\nALTER TABLE whole DETACH PARTITION part CONCURRENTLY;";
    let project = project(text);
    project.execute(
        "CREATE TABLE whole (a int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF whole FOR VALUES IN (1)",
    );
    let other = Session::open(project.url());
    other.query("BEGIN; SELECT FROM public.whole");
    let mut attempts = 0;
    let applied = upgrade(&project.manager().with_timeouts(limits(100)), "head", &mut |event| {
        if let Event::Retrying { .. } = event {
            attempts += 1;
            if attempts == 1 {
                assert_eq!(project.lines("SELECT inhdetachpending FROM pg_inherits"), ["t"]);
                other.query("COMMIT");
            }
        }
    });
    assert_eq!(applied.expect("applied"), [2]);
    assert_eq!(attempts, 1);
    assert!(project.lines("SELECT inhrelid FROM pg_inherits").is_empty());
}
