//! Statements that write the tables in which charter keeps what has run, and contracts.

use super::Finding;
use super::embedded::Words;
use super::files::HISTORY_WRITTEN;
use super::source::Source;

/// What the names of such tables end with, behind the name of their set.
const ENDINGS: [&str; 2] = ["_schema_history", "_schema_audit"];

/// Another program's table, which a project may leave behind.
const FOREIGN: &str = "flyway_schema_history";

/// charter's own tables, which its own migrations alone write.
const OWN: [&str; 7] = [
    "charter_changes",
    "charter_cursors",
    "charter_head",
    "charter_receipts",
    "charter_records",
    "charter_schema_version",
    "charter_uploads",
];

/// The statements of a file among others that write, change or drop one.
pub(super) fn written(source: &Source<'_>, all: &[Source<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for statement in &source.statements {
        // Most files name none.
        let is_named = |words: &Words| {
            (0..words.len()).find(|at| (is_kept(words.named(*at)) || is_own(words.named(*at))) && is_target(words, *at))
        };
        let words = Words::new(source.text, statement);
        let Some(at) = is_named(&words) else { continue };
        let name = words.named(at);
        // What makes it may write it: the table of another program, or charter's own migrations.
        if all.iter().any(|other| makes(other, name)) {
            continue;
        }
        let message = match is_own(name) {
            true => format!("{name} is charter's own: it is written by its verbs and migrations alone"),
            false => format!("{name} says which migrations have run"),
        };
        findings.push(source.finding(&HISTORY_WRITTEN, words.range.clone(), words.range.clone(), message));
    }
    findings
}

/// Whether a file has a CREATE TABLE of a name.
fn makes(source: &Source<'_>, name: &str) -> bool {
    let mut statements = source.statements.iter().map(|statement| Words::new(source.text, statement));
    statements.any(|words| {
        let table = (1..words.len().min(4)).find(|at| words.at(*at) == "table");
        words.starts("create") && table.is_some_and(|table| words.name(words.past_if(table + 1)).0 == name)
    })
}

fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

fn is_kept(name: &str) -> bool {
    name != FOREIGN && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether the name at an index is that of what a statement writes, changes or drops.
fn is_target(words: &Words, at: usize) -> bool {
    let mut at = at;
    while at >= 2 && words.at(at - 1) == "." {
        at -= 2;
    }
    let before = |back: usize| at.checked_sub(back).map_or("", |at| words.at(at));
    let back = match (before(1), before(2)) {
        ("only", _) => 2,
        ("exists", "if") => 3,
        _ => 1,
    };
    let is_list = matches!(words.at(0), "drop" | "truncate");
    match before(back) {
        "into" | "update" | "truncate" | "copy" => true,
        "from" => before(back + 1) == "delete",
        "," => is_list,
        "table" => words.at(0) != "create",
        "ignore" | "replace" | "rollback" | "abort" | "fail" => {
            before(back + 1) == "or" && before(back + 2) == "update"
        }
        "on" => words.starts("create") && words.has("trigger"),
        _ => false,
    }
}
