//! What the rules say that a server cannot read is what servers refuse.

use super::*;

const GIVEN: &str = "CREATE TABLE t (a INT, b TEXT, j JSONB, at TIMESTAMPTZ); CREATE TABLE k (a INT PRIMARY KEY);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';";
const CASES: &str = include_str!("grammar_statements.sql");

#[test]
fn what_cannot_be_read_is_what_servers_refuse() {
    let mut wrong = Vec::new();
    for programs in &postgres::programs() {
        let server = postgres::Server::of(programs, &[]);
        let session = postgres::Session::open(&server.url("postgres"));
        session.query(GIVEN);
        for case in CASES.lines().filter(|line| !line.starts_with("--")) {
            let refused = session.refusal(&format!("BEGIN; {case}"));
            session.query("ROLLBACK");
            let options = charter::safety::LintOptions::default();
            let findings = charter::safety::lint(&[charter::safety::Input::new("one.sql", case)], &options);
            let said = findings.iter().any(|finding| finding.rule.name == "syntax-error");
            if said != refused.is_some() {
                wrong.push(format!("{programs}: {refused:?}: {case}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
