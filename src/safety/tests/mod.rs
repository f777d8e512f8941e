//! Statements that must be caught, their safe counterparts, and the laws.

use super::{Engine, Finding, Input, LintOptions, Severity, lint};

mod anew;
mod batches;
mod catalogue;
mod conditions;
mod copied;
mod corpus;
mod embedded;
mod embedded_live;
mod existing;
mod foreign_keys;
mod forms;
mod immutable;
mod index_names;
mod laws;
mod losses;
mod made;
mod narrowed;
mod needed;
mod objects;
mod outstanding;
mod partitioned;
mod postgres;
mod pragmas;
mod published;
mod rebuilds;
mod refused;
#[cfg(all(feature = "sqlite", feature = "duckdb"))]
mod rehearsed;
mod sets;
mod squawk;
mod temporary;
mod text;

/// A finding as `file:line:column severity rule`, the file counted from 1.
fn shown(finding: &Finding) -> String {
    format!("{}:{} {} {}", finding.file.display(), finding.start, finding.severity, finding.rule.name)
}

/// The findings of files that are separated by lines of `---`.
fn findings(text: &str, options: &LintOptions) -> Vec<Finding> {
    let inputs = text.split("\n---\n").enumerate();
    let inputs: Vec<Input> = inputs.map(|(index, text)| Input::new((index + 1).to_string(), text)).collect();
    lint(&inputs, options)
}

/// Asserts that a text is caught: by this rule, at this place, as this bad.
#[track_caller]
fn caught_with(text: &str, expected: &str, options: &LintOptions) {
    let found: Vec<String> = findings(text, options).iter().map(shown).collect();
    assert!(found.iter().any(|found| found == expected), "{text}\nexpected {expected}\nfound    {found:#?}");
}

#[track_caller]
fn caught(text: &str, expected: &str) {
    caught_with(text, &format!("1:{expected}"), &LintOptions::default());
}

/// Asserts that no finding is an error.
#[track_caller]
fn safe_with(text: &str, options: &LintOptions) {
    let errors: Vec<String> =
        findings(text, options).iter().filter(|finding| finding.severity == Severity::Error).map(shown).collect();
    assert!(errors.is_empty(), "{text}\nfound {errors:#?}");
}

#[track_caller]
fn safe(text: &str) {
    safe_with(text, &LintOptions::default());
}

fn wrapped() -> LintOptions {
    LintOptions { wrapped: true, ..LintOptions::default() }
}

fn version(postgres_version: u32) -> LintOptions {
    LintOptions { postgres_version, ..LintOptions::default() }
}

fn engine(engine: Engine) -> LintOptions {
    LintOptions { engine, ..LintOptions::default() }
}
