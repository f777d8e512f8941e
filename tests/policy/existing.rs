//! What the rules say of names that are taken, and of those that nobody has, is what servers say.

use super::*;
use charter::safety::Finding;

const GIVEN: &str = include_str!("existing.sql");
const CASES: &str = include_str!("existing_statements.sql");

/// What a server says where something is there already, or is not there.
const OF_EXISTENCE: [&str; 10] =
    ["42P07", "42701", "42710", "42P06", "42723", "42P01", "42703", "42704", "3F000", "42883"];

#[test]
fn what_is_there_and_what_is_not_is_as_servers_say() {
    for programs in postgres::programs() {
        let server = postgres::Server::of(&programs, &[]);
        let url = server.url("postgres");
        let session = postgres::Session::open(&url);
        session.query(GIVEN);
        let mut wrong = Vec::new();
        for case in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
            let refused = session.refusal(&format!("BEGIN; SET LOCAL search_path = public; {case}"));
            session.query("ROLLBACK");
            let is_refused = refused.as_ref().is_some_and(|code| OF_EXISTENCE.contains(&code.as_str()));
            let said: Vec<String> = findings(&url, case).iter().map(|finding| finding.message.clone()).collect();
            if said.is_empty() == is_refused {
                wrong.push(format!("{refused:?} {said:?}: {case}"));
            }
        }
        assert!(wrong.is_empty(), "{programs}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// What the rules say of existence, of a migration on a server.
fn findings(url: &str, text: &str) -> Vec<Finding> {
    let files = [("V1__one.sql", text), ("V1__one.down.sql", "SELECT 1;")];
    let set = MigrationSet::from_files("shop", files).expect("a set");
    let manager = MigrationManager::new(url).expect("a manager").with_set(set);
    let options = UpgradeOptions { set: Some("shop".to_owned()), ..UpgradeOptions::default() };
    let judgement = manager.judge(&options).expect("a judgement");
    let all = judgement.migrations.into_iter().flat_map(|judged| judged.findings);
    all.filter(|finding| ["already-exists", "does-not-exist"].contains(&finding.rule.name)).collect()
}
