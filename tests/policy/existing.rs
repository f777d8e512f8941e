//! What the rules say of names that are taken, of those that nobody has, and of what is still needed, is what servers say.

use super::*;
use charter::safety::Finding;

const GIVEN: &str = include_str!("existing.sql");
const CASES: &str = include_str!("existing_statements.sql");
const REFUSED: &str = include_str!("refused_statements.sql");

/// What a server says where something is there already, is not there, or is needed by something else.
const OF_EXISTENCE: [&str; 11] =
    ["42P07", "42701", "42710", "42P06", "42723", "42P01", "42703", "42704", "3F000", "42883", "2BP01"];

const OF_EXISTENCE_RULES: [&str; 3] = ["already-exists", "does-not-exist", "still-needed"];

/// What it says of triggers, types, views and functions that do not fit.
const OF_FORM: [&str; 7] = ["42P13", "42P16", "42P17", "42601", "42804", "42809", "0A000"];

const OF_FORM_RULES: [&str; 5] =
    ["function-replace-refused", "index-refused", "trigger-refused", "type-change-refused", "view-replace-refused"];

#[test]
fn what_does_not_fit_is_refused_as_by_servers() {
    let programs = &postgres::programs();
    let wrong: Vec<String> =
        programs.iter().flat_map(|programs| differences(programs, cases(REFUSED), &OF_FORM, &OF_FORM_RULES)).collect();
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_there_and_what_is_not_is_as_servers_say() {
    let programs = &postgres::programs();
    // Each case is tried on one of the servers.
    let dealt =
        |to: usize| cases(CASES).enumerate().filter(move |(at, _)| at % programs.len() == to).map(|(_, case)| case);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let mut servers = Vec::new();
        for (at, programs) in programs.iter().enumerate() {
            let cases = dealt(at);
            servers.push(scope.spawn(move || differences(programs, cases, &OF_EXISTENCE, &OF_EXISTENCE_RULES)));
        }
        servers.into_iter().flat_map(|server| server.join().expect("no panic")).collect()
    });
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

fn cases(of: &'static str) -> impl Iterator<Item = &'static str> {
    of.lines().filter(|line| !line.is_empty() && !line.starts_with("--"))
}

/// The cases of which a server and the rules do not say the same.
fn differences(
    programs: &str,
    cases: impl Iterator<Item = &'static str>,
    codes: &[&str],
    rules: &[&str],
) -> Vec<String> {
    let server = postgres::Server::of(programs, &[]);
    let url = server.url("postgres");
    let session = postgres::Session::open(&url);
    session.query(GIVEN);
    let mut wrong = Vec::new();
    for case in cases {
        let refused = session.refusal(&format!("BEGIN; SET LOCAL search_path = public; {case}"));
        session.query("ROLLBACK");
        // What is refused for something else may be wrong in both ways.
        if refused.as_ref().is_some_and(|code| !codes.contains(&code.as_str())) {
            continue;
        }
        let said: Vec<String> = findings(&url, case, rules).iter().map(|finding| finding.message.clone()).collect();
        if said.is_empty() == refused.is_some() {
            wrong.push(format!("{programs}: {refused:?} {said:?}: {case}"));
        }
    }
    wrong
}

/// What some rules say of a migration on a server.
fn findings(url: &str, text: &str, rules: &[&str]) -> Vec<Finding> {
    let files = [("V1__one.sql", text), ("V1__one.down.sql", "SELECT 1;")];
    let set = MigrationSet::from_files("shop", files).expect("a set");
    let manager = MigrationManager::new(url).expect("a manager").with_set(set);
    let options = UpgradeOptions { set: Some("shop".to_owned()), ..UpgradeOptions::default() };
    let judgement = manager.judge(&options).unwrap_or_else(|error| panic!("{error}\nin: {text}"));
    let all = judgement.migrations.into_iter().flat_map(|judged| judged.findings);
    all.filter(|finding| rules.contains(&finding.rule.name)).collect()
}
