//! Findings as text for people, JSON, SARIF and GitHub's annotations: pure functions for whoever prints.

mod github;
mod human;
mod json;
mod sarif;

pub use github::github;
pub use human::human;
pub use json::json;
pub use sarif::sarif;

#[cfg(test)]
mod tests {
    use super::super::{Input, LintOptions, lint};
    use super::*;

    fn example() -> (Vec<super::super::Finding>, Vec<Input>) {
        let text = "set lock_timeout = '5s'; set statement_timeout = '1min';\n-- größer\nalter table users\tadd column é int,\n  drop column age;\n";
        let inputs = vec![Input::new("migrations/V2__users, more.sql", text)];
        let options = LintOptions { wrapped: true, ..LintOptions::default() };
        let mut findings = lint(&inputs, &options);
        findings.retain(|finding| finding.rule.name == "column-dropped");
        (findings, inputs)
    }

    #[test]
    fn people_see_the_line_and_the_place_in_it() {
        let (findings, inputs) = example();
        insta::assert_snapshot!(human(&findings, &inputs), @r"
        error[column-dropped]: the data of users.age is lost
          --> migrations/V2__users, more.sql:4:3
           |
         4 |   drop column age;
           |   ^^^^^^^^^^^^^^^
           = instant: Its data is lost, and programs that still name it break.
           = safe form: Release programs that no longer use it first, then allow this by name.
        ");
        assert_eq!(human(&[], &inputs), "");
    }

    #[test]
    fn machines_get_the_same_in_their_own_forms() {
        let (findings, _) = example();
        insta::assert_snapshot!(json(&findings), @r#"
        [
          {
            "rule": "column-dropped",
            "severity": "error",
            "file": "migrations/V2__users, more.sql",
            "line": 4,
            "column": 3,
            "statement": "alter table users add column é int, drop column age;",
            "message": "the data of users.age is lost",
            "effect": "Its data is lost, and programs that still name it break.",
            "cost": "instant",
            "help": "Release programs that no longer use it first, then allow this by name."
          }
        ]
        "#);
        insta::assert_snapshot!(github(&findings), @"::error file=migrations/V2__users%2C more.sql,line=4,endLine=4,col=3,endColumn=18,title=column-dropped::the data of users.age is lost%0AIts data is lost, and programs that still name it break.%0ASafe form: Release programs that no longer use it first, then allow this by name.");
        let sarif: serde_json::Value = serde_json::from_str(&sarif(&findings)).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let result = &sarif["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "column-dropped");
        assert_eq!(result["level"], "error");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "migrations/V2__users,%20more.sql");
        assert_eq!(place["region"]["startLine"], 4);
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][index]["id"], "column-dropped");
    }
}
