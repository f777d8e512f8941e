//! Migrations that are killed at every statement, up and down, on every engine.

use super::{a_moment, below};
use crate::support::child::{Player, say};
use crate::support::eventually;
use crate::support::migrating::{ENGINES, Project, downgrade, manager, upgrade};
use crate::support::postgres::Proxy;
use charter::migrate::Event;
use charter::{Engine, ErrorKind};
use std::path::Path;
use std::time::Duration;

/// What a second process does: migrates, and says what was done. With a number to pause at, it stops there for ever.
pub(super) fn migrate(url: &str, directory: &str, direction: &str, pause: &str) {
    let pause: Option<usize> = pause.parse().ok();
    let mut boundary = 0;
    let mut events = |event: Event<'_>| {
        let at = match event {
            Event::Statement { migration, place, .. } => format!("statement {} {place}", migration.number()),
            Event::Recording { migration, .. } => format!("recording {}", migration.number()),
            Event::Committing { migration, .. } => format!("committing {}", migration.number()),
            Event::Committed { migration, .. } => format!("committed {}", migration.number()),
            _ => return,
        };
        if pause == Some(boundary) {
            say(&format!("paused {at}"));
            std::thread::sleep(Duration::from_secs(600));
        }
        boundary += 1;
    };
    let manager = manager(url, Path::new(directory));
    let done = match direction.split_once(' ') {
        Some(("down", revision)) => downgrade(&manager, revision, &mut events),
        _ => upgrade(&manager, "head", &mut events),
    };
    say(&format!("done {:?}", done.expect("migrated")));
}

const FILES: [(&str, &str); 4] = [
    (
        "V1__things.sql",
        "CREATE TABLE things (a BIGINT NOT NULL PRIMARY KEY, b TEXT);\nINSERT INTO things VALUES (1, 'one');\n\
         CREATE INDEX things_b ON things (b);",
    ),
    ("V1__things.down.sql", "DROP INDEX things_b;\nDELETE FROM things;\nDROP TABLE things;"),
    (
        "V2__more.sql",
        "CREATE TABLE more (a BIGINT);\nINSERT INTO things VALUES (2, 'two');\nALTER TABLE more ADD COLUMN b TEXT;",
    ),
    ("V2__more.down.sql", "DELETE FROM things WHERE a = 2;\nDROP TABLE more;"),
];

/// What a database must look like after each number of migrations.
fn states(engine: Engine) -> Vec<Vec<String>> {
    let project = Project::new(engine, &FILES);
    let state = |revision: &str| {
        if revision != "base" {
            project.upgrade(revision).expect("applied");
        }
        project.catalogue()
    };
    ["base", "1", "2"].map(state).to_vec()
}

/// Checks that the catalogue, the history and the audit say the same; gives how many migrations they say there are.
#[track_caller]
fn agreement(project: &Project, states: &[Vec<String>], at: &str) -> usize {
    let history = project.history();
    let expected: Vec<String> = (1..=history.len()).map(|number| number.to_string()).collect();
    assert_eq!(history, expected, "{at}");
    assert_eq!(project.catalogue(), states[history.len()], "the history has {history:?}, {at}");
    let mut audited: Vec<String> = Vec::new();
    for line in project.audit() {
        match line.split_once(' ').expect("two words") {
            ("applied", number) => audited.push(number.to_owned()),
            ("reverted", number) => assert_eq!(audited.pop().as_deref(), Some(number), "{at}"),
            (_, _) => {}
        }
    }
    assert_eq!(audited, history, "{at}");
    history.len()
}

/// Starts a process that migrates and kills it at a boundary; gives where that was, or `None` when it came to its end.
fn kill_at(project: &Project, direction: &str, boundary: usize) -> Option<String> {
    let directory = project.directory();
    let arguments = [project.url(), directory.to_str().expect("UTF-8"), direction, &boundary.to_string()];
    let mut player = Player::start("migrate", &arguments);
    let said = player.hear().expect("it says where it is");
    match said.strip_prefix("paused ") {
        Some(at) => {
            player.kill();
            Some(format!("{direction}, killed at {at}, {}", project.engine()))
        }
        None => {
            assert!(said.starts_with("done"), "{said}");
            player.finish();
            None
        }
    }
}

/// Kills a process at each boundary in turn, up and then down, looks at what it left, and lets another one go on.
fn kill_at_every_boundary(engine: Engine) {
    let states = states(engine);
    let project = Project::new(engine, &FILES);
    let all = states.len() - 1;
    let mut boundaries = [Vec::new(), Vec::new()];
    for boundary in 0.. {
        let mut is_over = true;
        for (place, direction, start, end) in [(0, "up", 0, all), (1, "down base", all, 0)] {
            if let Some(at) = kill_at(&project, direction, boundary) {
                is_over = false;
                boundaries[place].push(at.clone());
                let committed = boundaries[place].iter().filter(|at| at.contains("committed")).count();
                let found = agreement(&project, &states, &at);
                assert_eq!(found.abs_diff(start), committed, "{at}");
                // The next run goes on, and does what was not done.
                let done = match direction {
                    "up" => project.upgrade("head"),
                    _ => project.downgrade("base"),
                };
                assert_eq!(done.unwrap_or_else(|error| panic!("{at}: {error:?}")).len(), found.abs_diff(end), "{at}");
            }
            assert_eq!(agreement(&project, &states, direction), end);
        }
        if is_over {
            break;
        }
    }
    for (boundaries, is_down) in boundaries.iter().zip([false, true]) {
        let texts = FILES.iter().filter(|(name, _)| name.contains(".down.") == is_down);
        let expected: usize = texts.map(|(_, text)| text.lines().count() + 3).sum();
        assert_eq!(boundaries.len(), expected, "{boundaries:?}");
    }
}

#[test]
fn killed_at_any_statement_a_migration_is_done_or_not() {
    for engine in ENGINES {
        kill_at_every_boundary(*engine);
    }
}

const STEPS: [(&str, &str); 4] = [
    (
        "V1__things.sql",
        "CREATE TABLE things (a BIGINT NOT NULL PRIMARY KEY, b BIGINT);\nINSERT INTO things VALUES (1, 1);",
    ),
    ("V1__things.down.sql", "DROP TABLE things;"),
    (
        "V2__steps.sql",
        "-- charter: no-transaction\n\
         INSERT INTO things VALUES (2, 2);\n\
         BEGIN;\nINSERT INTO things VALUES (3, 3);\nINSERT INTO things VALUES (4, 4);\nCOMMIT;\n\
         CREATE INDEX things_b ON things (b);\n\
         INSERT INTO things VALUES (5, 5);",
    ),
    (
        "V2__steps.down.sql",
        "-- charter: no-transaction\nDROP INDEX things_b;\nBEGIN;\nDELETE FROM things WHERE a = 5;\n\
         DELETE FROM things WHERE a = 4;\nCOMMIT;\nDELETE FROM things WHERE a > 1;",
    ),
];

/// The same of a migration without a transaction: killed at any place, it goes on, and nothing is done twice.
fn kill_steps_at_every_boundary(engine: Engine, up: &str, down: &str) {
    let project = Project::new(engine, &STEPS);
    project.write("V2__steps.sql", up);
    project.write("V2__steps.down.sql", down);
    project.upgrade("1").expect("applied");
    let before = project.catalogue();
    project.upgrade("2").expect("applied");
    let after = project.catalogue();
    project.downgrade("1").expect("taken back");
    assert_eq!(project.catalogue(), before);
    for boundary in 0.. {
        let mut is_over = true;
        for (direction, state) in [("up", &after), ("down 1", &before)] {
            if let Some(at) = kill_at(&project, direction, boundary) {
                is_over = false;
                let done = match direction {
                    "up" => project.upgrade("head"),
                    _ => project.downgrade("1"),
                };
                done.unwrap_or_else(|error| panic!("{at}: {error:?}"));
                let status = project.manager().status().expect("a status").pop().expect("the set").status;
                assert_eq!(status.unfinished, None, "{at}");
            }
            assert_eq!(project.catalogue(), *state, "{direction}, {boundary}");
        }
        if is_over {
            assert!(boundary >= 12, "{boundary}");
            break;
        }
    }
}

#[test]
fn killed_at_any_statement_a_migration_in_steps_goes_on() {
    for engine in ENGINES {
        kill_steps_at_every_boundary(*engine, STEPS[2].1, STEPS[3].1);
    }
    let alone = |text: &str| text.replace("INDEX things_b", "INDEX CONCURRENTLY things_b") + "\nVACUUM things;";
    kill_steps_at_every_boundary(Engine::Postgres, &alone(STEPS[2].1), &alone(STEPS[3].1));
}

/// Killed while the server makes the index, not between two statements: the server ends what it was doing, or not.
#[test]
fn killed_while_an_index_is_made_it_is_there_once_and_valid() {
    let project = Project::new(Engine::Postgres, &STEPS);
    project.write("V2__steps.sql", "-- charter: no-transaction\nCREATE INDEX CONCURRENTLY things_b ON things (b);");
    project.write("V2__steps.down.sql", "-- charter: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS things_b;");
    project.upgrade("1").expect("applied");
    project.execute("INSERT INTO things SELECT a, a FROM generate_series(10, 60000) AS a");
    let directory = project.directory();
    let arguments = [project.url(), directory.to_str().expect("UTF-8"), "up", ""];
    for _ in 0..5 {
        let player = Player::start("migrate", &arguments);
        let making = "SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' AND state = 'active' AND datname = current_database()";
        eventually("the index", || !project.query(making).is_empty() || project.history().len() == 2);
        a_moment(Duration::from_millis(30));
        player.kill();
        // The server's process has the lock as long as it is at work, and the next migrator waits for it.
        project.upgrade("head").expect("applied");
        let valid = "SELECT c.relname, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid \
            WHERE i.indrelid = 'public.things'::regclass ORDER BY 1";
        assert_eq!(project.lines(valid), ["things_b t", "things_pkey t"]);
        assert_eq!(project.history(), ["1", "2"]);
        project.downgrade("1").expect("taken back");
    }
}

const ROUNDS: u64 = 16;

/// The line to the server is cut after any number of bytes: what the server has is whole, and the next run goes on.
#[test]
fn a_migration_whose_line_is_cut_is_done_or_not() {
    let states = states(Engine::Postgres);
    let project = Project::new(Engine::Postgres, &FILES);
    let proxy = Proxy::in_front_of(project.url());
    let remote = manager(proxy.url(), &project.directory());
    let mut start = 0;
    upgrade(&remote, "head", &mut |event| {
        if let Event::Applying { place: 0, .. } = event {
            start = proxy.bytes_from_clients();
        }
    })
    .expect("applied");
    let bytes = proxy.bytes_from_clients() - start;
    project.downgrade("base").expect("taken back");
    let mut outcomes = std::collections::BTreeSet::new();
    for round in 0..ROUNDS {
        let outcome = upgrade(&remote, "head", &mut |event| {
            if let Event::Applying { place: 0, .. } = event {
                proxy.cut_after(bytes * round / ROUNDS + below(bytes / ROUNDS));
            }
        });
        if let Err(error) = &outcome {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        }
        // The server notices the end of the line when it is done with what came over it.
        project.upgrade("base").unwrap_or_else(|error| panic!("{error:?}"));
        let found = agreement(&project, &states, "cut");
        outcomes.insert(found);
        assert_eq!(project.upgrade("head").expect("applied").len(), 2 - found);
        assert_eq!(agreement(&project, &states, "gone on"), 2);
        project.downgrade("base").expect("taken back");
    }
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
}
