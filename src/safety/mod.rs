//! The rules that judge migrations: text in, findings out. No database of anybody's, no files, no printing.
//!
//! [`lint`] reads files in the order in which they would run and carries over from one to the next what they make: tables
//! that are new and therefore empty, checks that were validated, indexes, types. Each [`Finding`] names its [`Rule`], its
//! place, what it locks or breaks, whether that is instant, scans or rewrites, and the safe form.
//!
//! ```
//! use charter::safety::{Input, LintOptions, lint};
//!
//! let file = Input::new("V7__index.sql", "CREATE INDEX users_email ON users (email);");
//! let findings = lint(&[file], &LintOptions::default());
//! assert_eq!(findings[0].rule.name, "index-not-concurrent");
//! assert_eq!(findings[0].help.split(',').next(), Some("CREATE INDEX CONCURRENTLY"));
//! ```
//!
//! SQLite and DuckDB are asked themselves, where the build has them: what changes tables is run in an empty database in
//! memory, all else compiled there. So what they refuse is told with their own words. A statement that names what the files
//! have not made is not refused, unless a [`Catalogue`] tells that the database has it not.
//!
//! No comment in a file switches a rule off. What cannot be read (a syntax error, dynamic SQL) is a finding, never a pass.

use std::path::Path;

mod catalogue;
mod duckdb;
mod embedded;
mod files;
mod finding;
mod history;
mod options;
mod postgres;
pub mod report;
mod rule;
mod source;
mod sqlite;
mod temporary;
#[cfg(test)]
mod tests;

pub use crate::engine::Engine;
use crate::engine::lexer;
pub use catalogue::{
    AtRows, Catalogue, ColumnFacts, ColumnUser, ConstraintFacts, DomainFacts, Existing, ExistingNeed, ExistingObject,
    FailsAtRows, IndexFacts, IndexShape, NamedObject, RelationName, ReplicaIdentity, RoutineFacts, TableFacts,
    TableObject,
};
pub use finding::{Cost, Finding, Severity};
pub(crate) use options::Rehearse;
pub use options::{Input, LintOptions};
pub use rule::{Rule, rules, rules_table};

use source::Source;

/// The stack of the thread that parses: enough for the deepest statement that is not refused for its depth.
const STACK: usize = 128 << 20;

/// What the rules say about files that run in this order, by the text alone; sorted by file, then by place.
pub fn lint(inputs: &[Input], options: &LintOptions) -> Vec<Finding> {
    lint_with(inputs, options, None)
}

/// [`lint`], with what a live connection knows about the database before the first file that is not
/// [applied](Input::applied), which then counts for tables instead of what the applied files say.
pub fn lint_with(inputs: &[Input], options: &LintOptions, catalogue: Option<&Catalogue>) -> Vec<Finding> {
    lint_rehearsing(inputs, options, catalogue, Rehearse::All)
}

/// [`lint_with`], where an embedded engine need not be asked about every statement.
pub(crate) fn lint_rehearsing(
    inputs: &[Input],
    options: &LintOptions,
    catalogue: Option<&Catalogue>,
    rehearse: Rehearse,
) -> Vec<Finding> {
    std::thread::scope(|scope| {
        let judge = || judge(inputs, options, catalogue, rehearse);
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, judge);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(findings)) => findings,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No thread can be had: this one's stack serves all but the deepest statements.
            Err(_) => judge(),
        }
    })
}

fn judge(inputs: &[Input], options: &LintOptions, catalogue: Option<&Catalogue>, rehearse: Rehearse) -> Vec<Finding> {
    let sources: Vec<Source<'_>> =
        inputs.iter().map(|input| Source::new(Path::new(&input.file), &input.text, options.engine)).collect();
    let judged = match options.engine {
        Engine::Postgres => postgres::judge(inputs, &sources, options, catalogue),
        Engine::Sqlite => sqlite::judge(inputs, &sources, options, catalogue, rehearse),
        Engine::DuckDb => duckdb::judge(inputs, &sources, options, catalogue, rehearse),
    };
    let mut findings = Vec::new();
    for ((mut of_file, source), input) in judged.into_iter().zip(&sources).zip(inputs) {
        if input.applied {
            continue;
        }
        of_file.extend(source.check());
        of_file.extend(history::written(source, &sources));
        of_file.extend(temporary::used_later(source, options.engine));
        of_file.sort_by(|a, b| {
            (a.range.start, a.range.end, b.severity, a.rule.name).cmp(&(
                b.range.start,
                b.range.end,
                a.severity,
                b.rule.name,
            ))
        });
        of_file.dedup_by(|a, b| a.range == b.range && a.rule == b.rule);
        findings.extend(of_file);
    }
    findings
}
