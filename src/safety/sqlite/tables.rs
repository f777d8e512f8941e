//! What ALTER TABLE can do, and what a type's name does to values.

use super::super::embedded::{Embedded, Words};
use super::super::{Cost, Rule, Severity};
use super::{CANNOT_RUN, REBUILDS};

pub(super) static BLOCKED: Rule = Rule {
    name: "sqlite-index-blocks-alter",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A column is dropped that an index, a key, a check, a computed column, a view or a trigger uses",
    reason: "The statement fails.",
    help: "DROP INDEX, VIEW or TRIGGER first; a key or a check needs a new table with the rows copied over.",
    source: "https://www.sqlite.org/lang_altertable.html#alter_table_drop_column",
};
pub(super) static AFFINITY: Rule = Rule {
    name: "sqlite-affinity",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A column whose type's name gives it numeric affinity, or no counting",
    reason: "Text that looks like a number becomes one: a UUID 12e456789012 is stored as Inf, JSON '1.0' as 1. SERIAL counts nothing.",
    help: "TEXT for identifiers; JSON for objects and arrays alone; INTEGER PRIMARY KEY counts.",
    source: "https://www.sqlite.org/datatype3.html#determination_of_column_affinity",
};
pub(super) static READS_ROWS: Rule = Rule {
    name: "sqlite-reads-rows",
    severity: Severity::Warning,
    cost: Cost::Scans,
    summary: "ALTER COLUMN ... SET NOT NULL, or ADD ... CHECK, on a table that may have rows",
    reason: "The whole table is read while every other writer waits; it fails at the first row that breaks what is added.",
    help: "Change those rows before, in the same migration. (On DuckDB, in an earlier one: see duckdb-index-behind-update.)",
    source: "https://www.sqlite.org/lang_altertable.html",
};

pub(super) fn alter(judge: &mut Embedded<'_>, words: &Words) {
    let all = words.range.clone();
    let (table, at) = words.name(words.past_if(2));
    let column = words.named(if words.at(at + 1) == "column" { at + 2 } else { at + 1 }).to_owned();
    let has = |sequence: &str| words.has(sequence);
    let checks = words.is_at(at, "add check") || words.is_at(at, "add constraint") && has("check");
    if (checks || words.at(at) == "alter" && has("set not null")) && !judge.is_new(&table) {
        judge.report(&READS_ROWS, all.clone(), format!("all rows of {table} are read, and must fit"));
    }
    let message = match words.at(at) {
        _ if words.has_bare_comma() => "one ALTER TABLE takes one change".to_owned(),
        "alter" if !(has("set not null") || has("drop not null")) => {
            "ALTER COLUMN knows SET NOT NULL and DROP NOT NULL alone".to_owned()
        }
        "add" if words.at(at + 1) == "constraint" && !has("check") => {
            "of constraints, CHECK alone can be added".to_owned()
        }
        "add" if words.at(at + 1) == "check" => return,
        "add" if matches!(words.at(at + 1), "unique" | "primary" | "foreign") => {
            "of constraints, CHECK alone can be added".to_owned()
        }
        "add" | "drop" if words.at(at + 2) == "if" => format!("{} COLUMN knows no IF", words.at(at).to_uppercase()),
        "set" | "owner" | "validate" | "enable" | "disable" | "attach" | "detach" | "inherit" | "cluster"
        | "replica" => {
            format!("ALTER TABLE knows no {}", words.at(at).to_uppercase())
        }
        "add" if words.at(at + 1) != "constraint" => match added(judge, words, &table) {
            Some(message) => message,
            None => {
                affinity(judge, words, if words.at(at + 1) == "column" { at + 3 } else { at + 2 });
                return;
            }
        },
        "drop" if words.at(at + 1) != "constraint" => {
            let known = judge.tables.get(&table);
            let blocked = known.is_some_and(|known| {
                // What the column says of itself goes with it, but for a key.
                known.keys.contains(&column)
                    || known.foreign.get(&column) == Some(&true)
                    || known.indexes.values().any(|columns| columns.contains(&column))
            });
            if blocked {
                judge.report(&BLOCKED, all.clone(), format!("an index or a key uses {table}.{column}"));
            } else if judge.is_mentioned(&table, &column) {
                let message =
                    format!("an index, a check, a computed column, a view or a trigger names {table}.{column}");
                judge.report(&BLOCKED, all.clone(), message);
            }
            if !judge.is_new(&table) {
                judge.report(&REBUILDS, all, format!("all of {table} is written again"));
            }
            return;
        }
        _ => return,
    };
    judge.report(&CANNOT_RUN, all, message);
}

/// Why a column cannot be added.
fn added(judge: &Embedded<'_>, words: &Words, table: &str) -> Option<String> {
    let default = words.find("default").map(|at| words.at(at + 1));
    let given = default.is_some_and(|default| default != "null");
    // What is refused for the rows that are there alone.
    let rows = judge.may_have_rows(table);
    let computed = matches!(default, Some("(" | "current_timestamp" | "current_date" | "current_time"));
    let message = match () {
        () if words.has("primary key") => "a PRIMARY KEY column cannot be added",
        () if words.has("unique") => "a UNIQUE column cannot be added",
        () if words.has("stored") && rows => "a STORED column cannot be added",
        () if rows && words.has("not null") && !given && !words.has("generated always") => {
            "a NOT NULL column cannot be added without a default"
        }
        // Nothing refers to anything while foreign keys are off.
        () if rows && words.has("references") && given && !judge.foreign_keys_off => {
            "a column that refers to a table cannot be added with a default"
        }
        () if rows && computed => "a column cannot be added with a computed default to a table that has rows",
        () => return None,
    };
    Some(message.to_owned())
}

pub(super) fn affinity(judge: &mut Embedded<'_>, words: &Words, at: usize) {
    let what = match words.at(at) {
        "json" | "jsonb" => return,
        "uuid" => "UUID has numeric affinity",
        "serial" | "bigserial" | "smallserial" => "SERIAL counts nothing",
        _ => return,
    };
    judge.report(&AFFINITY, words.bytes(at, at + 1), what);
}
