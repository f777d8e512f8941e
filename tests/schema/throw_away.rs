//! Databases that are made to try things in are gone afterwards.

use super::set;
use crate::support::stores::parse;
use crate::support::{eventually, postgres};
use charter::migrate::verify;
use charter::{Engine, ErrorKind};

#[test]
fn throw_away_databases_are_gone_also_after_an_error_and_a_panic() {
    let server = postgres::Server::start(&[]);
    let url = parse(&server.url("postgres"));
    let left = || {
        let rows =
            postgres::query(&server.url("postgres"), "SELECT datname FROM pg_database WHERE datname LIKE 'charter_%'");
        assert_eq!(rows, Vec::<Vec<Option<String>>>::new());
    };
    let good = set(&[("V1__a.sql", "CREATE TABLE a (b TEXT);"), ("V1__a.down.sql", "DROP TABLE a;")]);
    let good = good.for_engines([Engine::Postgres]);
    let mut seen = 0;
    let verification = verify(&[&good], Some(&url), &mut |_| {
        let query = "SELECT datname FROM pg_database WHERE datname LIKE 'charter_verify_%'";
        seen += postgres::query(&server.url("postgres"), query).len();
    });
    assert!(verification.expect("a verification").is_ok());
    assert_eq!(seen, 1);
    left();
    let panicked = std::panic::catch_unwind(|| {
        let _ = verify(&[&good], Some(&url), &mut |_| panic!("while it is at work"));
    });
    assert!(panicked.is_err());
    left();
    let bad = set(&[("V1__a.sql", "CREATE TABLE a (b nonsense);"), ("V1__a.down.sql", "DROP TABLE a;")]);
    assert!(!verify(&[&bad.for_engines([Engine::Postgres])], Some(&url), &mut |_| {}).expect("a verification").is_ok());
    left();
    let error = verify(&[&good], Some(&parse("sqlite:///x.db")), &mut |_| {}).expect_err("no server");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// A program that is killed cannot drop its database: the next one does, as soon as the session has ended that made it, but
/// none that somebody uses.
#[test]
fn what_a_killed_program_left_is_dropped_by_the_next_one() {
    let server = postgres::Server::start(&[]);
    let query = |sql: &str| postgres::query(&server.url("postgres"), sql);
    let name = |session: &postgres::Session, letter: &str| {
        let rows = session.query(
            "SELECT pid || '_' || (date_part('epoch', backend_start) * 1000000)::bigint FROM pg_stat_activity \
             WHERE pid = pg_backend_pid()",
        );
        format!("charter_verify_{}_{}", rows[0][0].as_deref().expect("a session"), letter.repeat(16))
    };
    let (killed, alive) =
        (postgres::Session::open(&server.url("postgres")), postgres::Session::open(&server.url("postgres")));
    let (left, used, new) = (name(&killed, "a"), name(&killed, "b"), name(&alive, "c"));
    let strange = "charter_verify_of_somebody".to_owned();
    for name in [&left, &used, &new, &strange] {
        query(&format!("CREATE DATABASE {name}"));
    }
    let user = postgres::Session::open(&server.url(&used));
    let process = killed.query("SELECT pg_backend_pid()")[0][0].clone().expect("a process");
    drop(killed);
    let gone = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {process}");
    eventually("its session ends", || query(&gone).is_empty());
    let good = set(&[("V1__a.sql", "CREATE TABLE a (b TEXT);"), ("V1__a.down.sql", "DROP TABLE a;")]);
    let good = good.for_engines([Engine::Postgres]);
    let names = "SELECT datname FROM pg_database WHERE datname LIKE 'charter_verify%' ORDER BY 1";
    let mut during = 0;
    let verification = verify(&[&good], Some(&parse(&server.url("postgres"))), &mut |_| during = query(names).len());
    assert!(verification.expect("a verification").is_ok());
    assert_eq!(during, 4, "what was left is gone, and its own is there");
    let mut wanted = [used, new, strange].map(|name| vec![Some(name)]);
    wanted.sort();
    assert_eq!(query(names), wanted);
    drop((user, alive));
}
