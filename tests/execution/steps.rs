//! Migrations without a transaction: each statement for itself, recorded, and gone on with where it stopped.

use crate::support::migrating::{ENGINES, Project, upgrade};
use charter::migrate::{Action, Event, UpgradeOptions};
use charter::{Engine, ErrorKind};

const TABLE: (&str, &str) = ("V1__things.sql", "CREATE TABLE things (a BIGINT NOT NULL PRIMARY KEY, b BIGINT);");
const NO_TABLE: (&str, &str) = ("V1__things.down.sql", "DROP TABLE things;");

const STEPS: &str = "-- charter: no-transaction\n\
    INSERT INTO things VALUES (1, 1);\n\
    BEGIN;\nINSERT INTO things VALUES (2, 1);\nINSERT INTO things VALUES (3, 1);\nCOMMIT;\n\
    UPDATE missing SET a = 1;\n\
    INSERT INTO things VALUES (4, 1);\n";

#[test]
fn it_goes_on_at_the_statement_that_failed() {
    for engine in ENGINES {
        let project = Project::new(*engine, &[TABLE, NO_TABLE, ("V2__steps.sql", STEPS)]);
        let error = project.upgrade("head").expect_err("a table is missing");
        let place = error.location().expect("a place");
        assert_eq!(place.position.map(|position| position.line), Some(7), "{error:?}");
        assert!(error.to_string().contains("stopped after 2 of its 4 steps"), "{error:?}");
        assert_eq!(project.lines("SELECT a FROM things ORDER BY a"), ["1", "2", "3"], "{engine}");
        assert_eq!(project.history(), ["1"]);
        assert_eq!(project.audit(), ["applied 1", "apply_started 2", "step 2", "step 2"]);

        let status = project.manager().status().expect("a status").pop().expect("the project's set").status;
        let unfinished = status.unfinished.expect("it is half done");
        assert_eq!((unfinished.number, unfinished.slug.as_str()), (2, "steps"));
        assert_eq!((unfinished.action, unfinished.done, unfinished.of), (Action::ApplyStarted, 2, 4));
        assert_eq!(status.pending.len(), 1);

        // Nothing else runs before it is finished.
        let error = project.downgrade("-1").expect_err("it is half done");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().is_some_and(|hint| hint.contains("upgrade") && hint.contains("stamp")), "{error:?}");

        project.execute("CREATE TABLE missing (a BIGINT)");
        let mut seen = Vec::new();
        upgrade(&project.manager(), "head", &mut |event| match event {
            Event::Resuming { done, of, .. } => seen.push(format!("{done} of {of}")),
            Event::Statement { place, .. } => seen.push(place.to_string()),
            _ => {}
        })
        .expect("it goes on");
        assert_eq!(seen, ["2 of 4", "5", "6"], "{engine}");
        assert_eq!(project.lines("SELECT a FROM things ORDER BY a"), ["1", "2", "3", "4"]);
        assert_eq!(project.history(), ["1", "2"]);
        assert_eq!(project.audit()[4..], ["step 2", "step 2", "applied 2"]);
        assert!(project.upgrade("head").expect("nothing to do").is_empty());
        let status = project.manager().status().expect("a status").pop().expect("the project's set").status;
        assert_eq!(status.unfinished, None);
    }
}

#[test]
fn what_has_failed_may_be_mended_and_what_was_done_may_not() {
    for engine in ENGINES {
        let project = Project::new(*engine, &[TABLE, NO_TABLE, ("V2__steps.sql", STEPS)]);
        project.upgrade("head").expect_err("a table is missing");
        project.write("V2__steps.sql", &STEPS.replace("(3, 1)", "(3, 2)"));
        let error = project.upgrade("head").expect_err("another step");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().is_some_and(|hint| hint.contains("stamp")), "{error:?}");
        assert_eq!(project.lines("SELECT a FROM things"), ["1", "2", "3"]);

        // In one transaction it would begin anew.
        project.write("V2__steps.sql", "INSERT INTO things VALUES (1, 1);");
        let error = project.upgrade("head").expect_err("steps are done");
        assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("no-transaction"), "{error}");
        assert_eq!(project.lines("SELECT a FROM things"), ["1", "2", "3"]);

        // Layout and comments are no matter.
        let mended = STEPS.replace("UPDATE missing SET a = 1", "UPDATE things SET b = 7 WHERE a = 1");
        project.write("V2__steps.sql", &mended.replace("VALUES (1,", "VALUES ( 1 , -- one\n"));
        assert_eq!(project.upgrade("head").expect("mended"), [2]);
        assert_eq!(project.lines("SELECT a, b FROM things ORDER BY a"), ["1 7", "2 1", "3 1", "4 1"]);
        project.manager().status().expect("the text that has run to the end is the one that counts");
    }
}

#[test]
fn what_wants_a_newer_program_does_not_run() {
    for engine in ENGINES {
        let files = [TABLE, ("V2__more.sql", "-- charter: minimum-program 99.0.0\nCREATE TABLE more (a BIGINT);")];
        let project = Project::new(*engine, &files);
        let error = project.upgrade("head").expect_err("this is an older one");
        assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("99.0.0"), "{error}");
        assert!(project.history().is_empty());
    }
}

#[test]
fn it_is_taken_back_in_steps_too() {
    for engine in ENGINES {
        let down =
            "-- charter: no-transaction\nDELETE FROM things WHERE a = 2;\nDELETE FROM missing;\nDELETE FROM things;";
        let files = [
            TABLE,
            NO_TABLE,
            ("V2__steps.sql", "INSERT INTO things VALUES (1, 1), (2, 1);"),
            ("V2__steps.down.sql", down),
        ];
        let project = Project::new(*engine, &files);
        assert_eq!(project.upgrade("head").expect("applied"), [1, 2]);
        project.downgrade("-1").expect_err("a table is missing");
        assert_eq!(project.lines("SELECT a FROM things"), ["1"]);
        assert_eq!(project.history(), ["1", "2"], "it is applied until all of it is taken back");
        let error = project.upgrade("head").expect_err("it is half done");
        assert!(error.hint().is_some_and(|hint| hint.contains("downgrade")), "{error:?}");
        project.execute("CREATE TABLE missing (a BIGINT)");
        assert_eq!(project.downgrade("base").expect("it goes on"), [2, 1]);
        assert_eq!(
            project.audit(),
            ["applied 1", "applied 2", "revert_started 2", "step 2", "step 2", "step 2", "reverted 2", "reverted 1"]
        );
        assert!(project.history().is_empty());
    }
}

#[test]
fn transactions_in_it_that_are_no_plain_ones_are_refused_before_anything_runs() {
    for engine in ENGINES {
        let text = "-- charter: no-transaction\nINSERT INTO things VALUES (1, 1);\nBEGIN;\nROLLBACK;";
        let project = Project::new(*engine, &[TABLE, NO_TABLE, ("V2__steps.sql", text)]);
        let error = project.upgrade("head").expect_err("ROLLBACK");
        assert!(error.to_string().contains("V2__steps.sql:4:1"), "{error:?}");
        assert!(project.catalogue().is_empty(), "not even the first migration ran");
    }
}

#[test]
fn what_a_script_sets_holds_to_its_end_and_no_longer() {
    let files = [
        TABLE,
        NO_TABLE,
        (
            "V2__set.sql",
            "-- charter: no-transaction\nSET statement_timeout = '33s';\nSET search_path = pg_catalog;\n\
             SET application_name = 'shopping';\nINSERT INTO public.things VALUES (1, 0);\n\
             VACUUM public.things;\nBEGIN;\n\
             UPDATE public.things SET b = extract(epoch FROM current_setting('statement_timeout')::interval);\nCOMMIT;",
        ),
        (
            "V3__after.sql",
            "SELECT set_config('search_path', '', false);\nSET SESSION work_mem = '5MB';\nSET ROLE pg_read_all_data;\n\
             SET SESSION statement_timeout = '7s';",
        ),
        (
            "V4__last.sql",
            "INSERT INTO things VALUES (extract(epoch FROM current_setting('statement_timeout')::interval)::int + 4, \
             (SELECT count(*) FROM pg_settings WHERE source = 'session' AND name IN ('work_mem', 'application_name', 'role')));",
        ),
    ];
    let project = Project::new(Engine::Postgres, &files);
    assert_eq!(project.upgrade("head").expect("applied"), [1, 2, 3, 4]);
    assert_eq!(project.lines("SELECT a, b FROM things ORDER BY a"), ["1 33", "4 0"]);

    let files = [
        TABLE,
        NO_TABLE,
        (
            "V2__set.sql",
            "-- charter: no-transaction\nPRAGMA case_sensitive_like = ON;\nVACUUM;\nINSERT INTO things SELECT 1, 'A' LIKE 'a';",
        ),
        ("V3__after.sql", "PRAGMA case_sensitive_like = ON;\nINSERT INTO things SELECT 2, 'A' LIKE 'a';"),
        ("V4__last.sql", "INSERT INTO things SELECT 3, 'A' LIKE 'a';"),
    ];
    let project = Project::new(Engine::Sqlite, &files);
    assert_eq!(project.upgrade("head").expect("applied"), [1, 2, 3, 4]);
    assert_eq!(project.lines("SELECT a, b FROM things ORDER BY a"), ["1 0", "2 0", "3 1"]);
}

/// What the words of a statement do not tell, the server does: here, that the table has partitions, and that the block commits.
#[test]
fn what_only_the_server_knows_to_be_alone_runs_alone() {
    let files = [
        ("V1__parts.sql", "CREATE TABLE things (a BIGINT) PARTITION BY RANGE (a);"),
        (
            "V2__again.sql",
            "-- charter: no-transaction\nREINDEX TABLE things;\n\
             DO LANGUAGE plpgsql E'BEGIN CREATE TABLE made (); \\x43OMMIT; END';",
        ),
    ];
    let project = Project::new(Engine::Postgres, &files);
    assert_eq!(project.upgrade("head").expect("applied"), [1, 2]);
    assert_eq!(project.audit()[1..], ["apply_started 2", "step 2", "step 2", "applied 2"]);
    assert_eq!(project.lines("SELECT to_regclass('made') IS NOT NULL"), ["t"]);
}

/// As if the process had died before the row of audit was written.
const UNRECORDED: &str = "DELETE FROM shop_schema_audit WHERE action = 'step'";
const MISSING: &str = "CREATE FUNCTION missing() RETURNS void LANGUAGE sql AS 'SELECT'";

fn concurrently(then: &str) -> Project {
    let text = format!(
        "-- charter: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY things_b ON things (b) WHERE b > 0;\n{then}"
    );
    let files = [TABLE, NO_TABLE, ("V2__index.sql", &*text), ("V2__index.down.sql", "DROP INDEX things_b;")];
    let project = Project::new(Engine::Postgres, &files);
    project.upgrade("1").expect("applied");
    project
}

const VALID: &str = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('things_b')";

#[test]
fn an_invalid_index_is_found_and_made_again() {
    let project = concurrently("");
    project.execute("INSERT INTO things VALUES (1, 5), (2, 5)");
    let error = project.upgrade("head").expect_err("two rows are alike");
    assert!(error.to_string().contains("23505"), "{error:?}");
    assert_eq!(project.lines(VALID), ["f"], "the server leaves it behind");
    project.execute("DELETE FROM things WHERE a = 2");
    let mut repaired = Vec::new();
    let events = &mut |event: Event<'_>| {
        if let Event::Repairing { what, .. } = event {
            repaired.push(what.to_owned());
        }
    };
    assert_eq!(upgrade(&project.manager(), "head", events).expect("applied"), [2]);
    assert_eq!(repaired, ["dropping the index public.things_b, which is invalid"]);
    assert_eq!(project.lines(VALID), ["t"]);
    assert_eq!(project.audit(), ["applied 1", "apply_started 2", "step 2", "applied 2"]);
}

/// What would run, as text.
fn script(project: &Project) -> String {
    project.manager().upgrade_sql(&UpgradeOptions::default(), None).expect("a text").sql
}

/// Runs a text statement by statement, as psql does.
fn run_script(project: &Project, text: &str) {
    text.split_inclusive(";\n").for_each(|statement| project.execute(statement));
    project.execute("SET search_path = public");
}

#[test]
fn the_script_of_a_half_applied_migration_has_what_would_run() {
    let project = concurrently("DROP INDEX things_b;");
    project.execute("INSERT INTO things VALUES (1, 5), (2, 5)");
    project.upgrade("head").expect_err("two rows are alike");
    project.execute("DELETE FROM things WHERE a = 2");
    let text = script(&project);
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    let dropped = place("DROP INDEX CONCURRENTLY public.things_b;\n");
    assert!(dropped < place("CREATE UNIQUE INDEX CONCURRENTLY things_b") && !text.contains("charter_probe"), "{text}");
    assert_eq!(project.lines(VALID), ["f"], "nothing was done");
    run_script(&project, &text);
    assert_eq!(project.history(), ["1", "2"]);
    assert_eq!(project.audit(), ["applied 1", "apply_started 2", "step 2", "step 2", "applied 2"]);

    // What is decided by comparing is said, and the text stops where `upgrade` may stop.
    let project = concurrently("");
    project.execute("INSERT INTO things VALUES (1, 5), (2, 5)");
    project.upgrade("head").expect_err("two rows are alike");
    project.execute("DROP INDEX things_b; DELETE FROM things WHERE a = 2; CREATE INDEX things_b ON things (b)");
    let text = script(&project);
    let said =
        "-- The index public.things_b is there: `charter db upgrade` passes over the next statement if it is the same";
    assert!(text.contains(said) && text.contains("CREATE UNIQUE INDEX CONCURRENTLY things_b"), "{text}");
}

/// The process died after the server had made the index, and before that was recorded.
#[test]
fn an_index_that_was_made_is_taken_as_done_if_it_is_the_same() {
    for (there, outcome) in [
        ("CREATE UNIQUE INDEX things_b ON things (b) WHERE b > 0", Ok(vec![2])),
        ("CREATE INDEX things_b ON things (b) WHERE b > 0", Err(ErrorKind::Refused)),
        ("CREATE UNIQUE INDEX things_b ON things (b) WHERE b > 1", Err(ErrorKind::Refused)),
        ("CREATE UNIQUE INDEX things_b ON things (b DESC) WHERE b > 0", Err(ErrorKind::Refused)),
        // Of another table: the server says that the name is taken.
        (
            "CREATE TABLE others (b BIGINT); CREATE UNIQUE INDEX things_b ON others (b) WHERE b > 0",
            Err(ErrorKind::Backend),
        ),
    ] {
        let project = concurrently("");
        project.execute("INSERT INTO things VALUES (1, 5), (2, 5)");
        project.upgrade("head").expect_err("two rows are alike");
        project.execute("DROP INDEX things_b; DELETE FROM things WHERE a = 2");
        project.execute(there);
        let oid = || project.lines("SELECT 'things_b'::regclass::oid");
        let before = oid();
        assert_eq!(project.upgrade("head").map_err(|error| error.kind()), outcome, "{there}");
        assert_eq!(oid(), before, "it was not made again");
    }
}

#[test]
fn an_index_that_is_there_before_the_migration_is_an_error() {
    let project = concurrently("");
    project.execute("CREATE UNIQUE INDEX things_b ON things (b) WHERE b > 0");
    let error = project.upgrade("head").expect_err("the name is taken");
    assert!(error.to_string().contains("already exists"), "{error:?}");
}

#[test]
fn an_index_without_a_name_is_recognised() {
    let text = "-- charter: no-transaction\nCREATE INDEX CONCURRENTLY ON things (b);\nSELECT missing();";
    let project = Project::new(Engine::Postgres, &[TABLE, NO_TABLE, ("V2__index.sql", text)]);
    project.upgrade("head").expect_err("no such function");
    // As if the row of the step had not been written.
    project.execute(&format!("{UNRECORDED}; {MISSING}"));
    assert_eq!(project.upgrade("head").expect("applied"), [2]);
    assert_eq!(
        project.lines("SELECT indexname FROM pg_indexes WHERE tablename = 'things' ORDER BY 1"),
        ["things_b_idx", "things_pkey"]
    );
}

/// Each of these has been done, and its row of audit was not written.
#[test]
fn what_was_done_and_not_recorded_is_recognised() {
    for (statement, before) in [
        ("DROP INDEX CONCURRENTLY things_b", "CREATE INDEX things_b ON things (b)"),
        ("REINDEX TABLE CONCURRENTLY things", "CREATE INDEX things_b ON things (b)"),
        ("VACUUM things", "SELECT"),
        (
            "ALTER TABLE whole DETACH PARTITION part CONCURRENTLY",
            "CREATE TABLE whole (a int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF whole FOR VALUES IN (1)",
        ),
    ] {
        let text = format!("-- charter: no-transaction\n{statement};\nSELECT missing();");
        let project = Project::new(Engine::Postgres, &[TABLE, NO_TABLE, ("V2__done.sql", &text)]);
        project.upgrade("1").expect("applied");
        project.execute(before);
        project.upgrade("head").expect_err("no such function");
        assert_eq!(project.audit()[2..], ["step 2"], "{statement}");
        project.execute(&format!("{UNRECORDED}; {MISSING}"));
        assert_eq!(project.upgrade("head").unwrap_or_else(|error| panic!("{statement}: {error:?}")), [2]);
    }
}

#[test]
fn what_reindexing_left_behind_is_dropped() {
    for statement in [
        "REINDEX TABLE CONCURRENTLY things",
        "REINDEX INDEX CONCURRENTLY things_b",
        "REINDEX (VERBOSE) SCHEMA CONCURRENTLY public",
    ] {
        let text = format!("-- charter: no-transaction\n{statement};\nSELECT missing();");
        let project = Project::new(Engine::Postgres, &[TABLE, NO_TABLE, ("V2__again.sql", &text)]);
        project.upgrade("1").expect("applied");
        project.execute("CREATE INDEX things_b ON things (b); CREATE INDEX things_b_ccnew ON things (b); CREATE INDEX things_c_ccnew ON things (b)");
        project.upgrade("head").expect_err("no such function");
        let invalid = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'things_b_ccnew'::regclass";
        project.execute(&format!("{UNRECORDED}; {MISSING}; {invalid}"));
        project.upgrade("head").unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        let left = project.lines("SELECT indexname FROM pg_indexes WHERE tablename = 'things' ORDER BY 1");
        assert_eq!(left, ["things_b", "things_c_ccnew", "things_pkey"], "{statement}");
    }
}
