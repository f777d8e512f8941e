//! PRAGMAs: those that take the file's protection away, and those that do nothing where they stand.

use super::super::embedded::{Embedded, Words};
use super::super::{Cost, Rule, Severity};
use super::CANNOT_RUN;
use crate::engine::pragma::Pragma;

pub(super) static FOREIGN_KEYS_OFF: Rule = Rule {
    name: "sqlite-foreign-keys-off",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "Foreign keys are switched off and not checked and switched on again; as a warning, in a migration that charter runs",
    reason: "Rows that refer to nothing come in, and stay. charter compares foreign keys itself, when the migration is done.",
    help: "PRAGMA foreign_key_check, then PRAGMA foreign_keys = on, at the end of the file.",
    source: "https://www.sqlite.org/pragma.html#pragma_foreign_keys",
};
pub(super) static IN_TRANSACTION: Rule = Rule {
    name: "sqlite-in-transaction",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "VACUUM, or a PRAGMA that fails or does nothing there, in a transaction; as a warning, PRAGMA foreign_keys in a migration",
    reason: "VACUUM, PRAGMA synchronous and PRAGMA wal_checkpoint fail; PRAGMA foreign_keys and journal_mode do nothing, silently.",
    help: "Put it in a file of its own with `-- charter: no-transaction` at the top. PRAGMA foreign_keys may be left out of a \
           migration: they are off in it, and compared at its end.",
    source: "https://www.sqlite.org/pragma.html#pragma_foreign_keys",
};
pub(super) static SCHEMA_WRITTEN: Rule = Rule {
    name: "sqlite-schema-written",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "PRAGMA writable_schema, or sqlite_schema written to",
    reason: "SQLite does not check what is written there: a mistake makes the whole file unreadable.",
    help: "ALTER TABLE, or a new table with the rows copied over.",
    source: "https://www.sqlite.org/pragma.html#pragma_writable_schema",
};
pub(super) static CHECKS_OFF: Rule = Rule {
    name: "sqlite-checks-off",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "PRAGMA ignore_check_constraints or legacy_alter_table is switched on",
    reason: "Rows come in that break a CHECK, and stay; a renamed table leaves behind views and triggers that read nothing.",
    help: "Leave it off; change the rows, or the views, first.",
    source: "https://www.sqlite.org/pragma.html#pragma_ignore_check_constraints",
};
pub(super) static NOT_DURABLE: Rule = Rule {
    name: "sqlite-not-durable",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "PRAGMA synchronous = OFF, journal_mode = OFF or MEMORY",
    reason: "What crashes then, the program or the machine, leaves a file that cannot be read.",
    help: "Leave it as it is; a migration is one transaction, and waits for the disk once.",
    source: "https://www.sqlite.org/pragma.html#pragma_synchronous",
};

/// Judges a PRAGMA, and whatever writes the table of tables or fails in a transaction.
pub(super) fn check(judge: &mut Embedded<'_>, words: &Words) {
    let pragma = pragma(judge, words);
    settings(judge, words, pragma.as_ref());
    let name = pragma.as_ref().map_or("", |pragma| pragma.name.as_str());
    let vacuum = words.starts("vacuum");
    // One that only asks does no harm.
    let is_set = pragma.as_ref().is_some_and(|pragma| !pragma.value().is_empty());
    let fails = vacuum || name == "synchronous" && is_set || name == "wal_checkpoint";
    let does_nothing = is_set && matches!(name, "foreign_keys" | "journal_mode");
    if let Some(is_on) = pragma.as_ref().and_then(Pragma::foreign_keys)
        && !judge.in_transaction()
    {
        judge.foreign_keys_off = !is_on;
    }
    if judge.in_transaction() && (fails || does_nothing) {
        // charter does itself what such a PRAGMA is written for.
        if name == "foreign_keys" && judge.is_set {
            let message = "this PRAGMA does nothing in a transaction, and may be left out: foreign keys are off in a migration, and \
                           compared at its end";
            judge.report(&IN_TRANSACTION, words.range.clone(), message).severity = Severity::Warning;
            return;
        }
        let what = if vacuum { "VACUUM" } else { "this PRAGMA" };
        let how = if fails { "fails" } else { "does nothing" };
        judge.report(&IN_TRANSACTION, words.range.clone(), format!("{what} {how} in a transaction"));
    }
}

/// Reports a file that switches foreign keys off and does not look what came in.
pub(super) fn keys_stay_off(judge: &mut Embedded<'_>, statements: &[Words]) {
    let pragmas: Vec<Option<Pragma>> = statements.iter().map(|words| pragma(judge, words)).collect();
    let switched = |pragma: &Option<Pragma>| pragma.as_ref().and_then(Pragma::foreign_keys);
    let Some(at) = pragmas.iter().position(|pragma| switched(pragma) == Some(false)) else { return };
    let rest = &pragmas[at..];
    let is_on_again = rest.iter().any(|pragma| switched(pragma) == Some(true));
    // charter compares them itself, before the migration is done.
    if judge.is_set {
        if !is_on_again && !judge.in_transaction() {
            let message = "foreign keys are off from here on: charter compares them when the file is done, not before";
            judge.report(&FOREIGN_KEYS_OFF, statements[at].range.clone(), message).severity = Severity::Warning;
        }
        return;
    }
    let checked = rest.iter().flatten().any(|pragma| pragma.name == "foreign_key_check");
    if !checked || !is_on_again {
        let missing = if checked { "switched on again" } else { "checked afterwards" };
        let message = format!("foreign keys are not {missing}");
        judge.report(&FOREIGN_KEYS_OFF, statements[at].range.clone(), message);
    }
}

/// What a statement says, where it is a PRAGMA.
fn pragma(judge: &Embedded<'_>, words: &Words) -> Option<Pragma> {
    let is_any = matches!(words.at(0), "pragma" | "explain");
    is_any.then(|| judge.source.text.get(words.range.clone()).and_then(Pragma::of)).flatten()
}

/// PRAGMAs that take the file's protection away, and the table of tables written by hand.
fn settings(judge: &mut Embedded<'_>, words: &Words, pragma: Option<&Pragma>) {
    let all = words.range.clone();
    let table = match () {
        () if words.starts("delete from") => words.name(2).0,
        () if words.starts("update") => words.name(if words.at(1) == "or" { 3 } else { 1 }).0,
        () => words.find("into").filter(|_| !words.starts("create")).map(|at| words.name(at + 1).0).unwrap_or_default(),
    };
    if table == "sqlite_schema" || table == "sqlite_master" {
        judge.report(&SCHEMA_WRITTEN, all.clone(), format!("{table} is written to"));
    }
    let Some(pragma) = pragma else { return };
    if pragma.name == "query_only" && pragma.switched() == Some(true) {
        judge.report(
            &CANNOT_RUN,
            all.clone(),
            "nothing can be written from now on, not even that the migration has run",
        );
    }
    if pragma.name == "locking_mode" && pragma.value() == "exclusive" && judge.is_set && !judge.in_transaction() {
        judge.report(&CANNOT_RUN, all.clone(), "charter's other connection waits for this one from now on, in vain");
    }
    let value = pragma.value();
    let is_on = pragma.switched() == Some(true) || value == "reset";
    match pragma.name.as_str() {
        "writable_schema" if is_on => {
            judge.report(&SCHEMA_WRITTEN, all, "the table of tables can be written to from now on");
        }
        "ignore_check_constraints" if is_on => {
            judge.report(&CHECKS_OFF, all, "what breaks a CHECK comes in from now on");
        }
        "legacy_alter_table" if is_on => {
            judge.report(&CHECKS_OFF, all, "a rename leaves views and triggers behind from now on");
        }
        "synchronous" if matches!(value, "off" | "0" | "false" | "no") => {
            judge.report(&NOT_DURABLE, all, "a crash leaves a file that cannot be read");
        }
        "journal_mode" if matches!(value, "off" | "memory") => {
            judge.report(&NOT_DURABLE, all, "a crash leaves a file that cannot be read");
        }
        _ => {}
    }
}
