//! The rules for SQLite, as the bundled 3.54 behaves: what it cannot run, what silently rebuilds, foreign keys off.

use super::embedded::{Dialect, Embedded, Words, converts};
use super::files::SYNTAX_ERROR;
use super::source::Source;
use super::{Catalogue, Cost, Engine, Finding, Input, LintOptions, Rehearse, Rule, Severity};
use crate::engine::pragma::Pragma;

pub(super) const RULES: &[&Rule] = &[
    &CANNOT_RUN,
    &REBUILDS,
    &REBUILD_LOSES,
    &REBUILD_LOSES_KEYS,
    &NARROWS,
    &FOREIGN_KEYS_OFF,
    &DROPS_REFERENCED,
    &BLOCKED,
    &AFFINITY,
    &IN_TRANSACTION,
    &VIEW_BLOCKS,
    &SCHEMA_WRITTEN,
    &CHECKS_OFF,
    &NOT_DURABLE,
    &REPLACES,
    &OTHER_FILE,
    &LEAVES_BEHIND,
    &READS_ROWS,
];

static CANNOT_RUN: Rule = Rule {
    name: "sqlite-cannot-run",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A statement that SQLite does not know, or refuses",
    reason: "The migration fails at this statement.",
    help: "Write an overlay for SQLite: what ALTER TABLE cannot do there, a new table with the rows copied over can.",
    source: "https://www.sqlite.org/lang_altertable.html",
};
static REBUILDS: Rule = Rule {
    name: "sqlite-rebuilds",
    severity: Severity::Warning,
    cost: Cost::Rewrites,
    summary: "DROP COLUMN or VACUUM",
    reason: "The whole table, or file, is written again while every other writer waits.",
    help: "Leave the column unused, or run it when nobody else uses the file.",
    source: "https://www.sqlite.org/lang_altertable.html#alter_table_drop_column",
};
static REBUILD_LOSES: Rule = Rule {
    name: "sqlite-rebuild-loses-index",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A table is rebuilt, and an index or trigger of the old one is not made again",
    reason: "Indexes and triggers go with the old table: queries become slow, and what the trigger did is not done any more.",
    help: "CREATE INDEX and CREATE TRIGGER again, after the new table has its name.",
    source: "https://www.sqlite.org/lang_altertable.html#otheralter",
};
static REBUILD_LOSES_KEYS: Rule = Rule {
    name: "sqlite-rebuild-loses-keys",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A table is rebuilt without a key, UNIQUE, NOT NULL, CHECK, DEFAULT or foreign key that it had; as a warning, a check whose place another one takes",
    reason: "What they kept out comes in from then on. CREATE TABLE AS gives values and nothing else.",
    help: "CREATE TABLE with its columns and constraints, then INSERT INTO new (a, b) SELECT a, b FROM old.",
    source: "https://www.sqlite.org/lang_createtable.html#create_table_as_select_statements",
};
static NARROWS: Rule = Rule {
    name: "sqlite-narrows",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A table is rebuilt, and a column's values change with its type, by a CAST, or by what a query makes of them",
    reason: "A column takes what it can turn into its type without a word: the text '007' becomes the number 7. CAST cuts \
             what it cannot read, and 1.7 becomes 1.",
    help: "Keep the type, or one that keeps the values: TEXT for text. Else add a column and fill it; the old one goes in a later release.",
    source: "https://www.sqlite.org/datatype3.html#type_affinity",
};
static FOREIGN_KEYS_OFF: Rule = Rule {
    name: "sqlite-foreign-keys-off",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "Foreign keys are switched off and not checked and switched on again",
    reason: "Rows that refer to nothing come in, and stay.",
    help: "PRAGMA foreign_key_check, then PRAGMA foreign_keys = on, at the end of the file.",
    source: "https://www.sqlite.org/pragma.html#pragma_foreign_keys",
};
static DROPS_REFERENCED: Rule = Rule {
    name: "sqlite-drops-referenced",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A table that others refer to is dropped with foreign keys on",
    reason: "Where charter runs it, the step fails, for what refers to the table would refer to nothing. Anywhere else DROP TABLE \
             deletes its rows first: it fails, or ON DELETE CASCADE empties the other tables too.",
    help: "Leave `-- charter: no-transaction` out: a migration is one transaction, and foreign keys are compared at its end. Or \
           PRAGMA foreign_keys = off before the transaction, PRAGMA foreign_key_check after it.",
    source: "https://www.sqlite.org/foreignkeys.html#fk_schemacommands",
};
static BLOCKED: Rule = Rule {
    name: "sqlite-index-blocks-alter",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A column is dropped that an index, a key, a check, a computed column, a view or a trigger uses",
    reason: "The statement fails.",
    help: "DROP INDEX, VIEW or TRIGGER first; a key or a check needs a new table with the rows copied over.",
    source: "https://www.sqlite.org/lang_altertable.html#alter_table_drop_column",
};
static AFFINITY: Rule = Rule {
    name: "sqlite-affinity",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A column whose type's name gives it numeric affinity, or no counting",
    reason: "Text that looks like a number becomes one: a UUID 12e456789012 is stored as Inf, JSON '1.0' as 1. SERIAL counts nothing.",
    help: "TEXT for identifiers; JSON for objects and arrays alone; INTEGER PRIMARY KEY counts.",
    source: "https://www.sqlite.org/datatype3.html#determination_of_column_affinity",
};
static IN_TRANSACTION: Rule = Rule {
    name: "sqlite-in-transaction",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "VACUUM, or a PRAGMA that fails or does nothing there, in a transaction",
    reason: "VACUUM and PRAGMA synchronous fail; PRAGMA foreign_keys and journal_mode do nothing, silently.",
    help: "Put it in a file of its own with `-- charter: no-transaction` at the top.",
    source: "https://www.sqlite.org/pragma.html#pragma_foreign_keys",
};

static VIEW_BLOCKS: Rule = Rule {
    name: "sqlite-view-blocks-rebuild",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table is rebuilt, and the database has a view of it, or a trigger elsewhere that reads it",
    reason: "ALTER TABLE RENAME reads every view and trigger again, and fails at one whose table is gone; one that was \
             renamed with its table reads nothing from then on.",
    help: "DROP VIEW before the table goes, and CREATE VIEW again after the new one has its name; one of a host program is \
           that program's to drop and to make again.",
    source: "https://www.sqlite.org/lang_altertable.html#otheralter",
};
static SCHEMA_WRITTEN: Rule = Rule {
    name: "sqlite-schema-written",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "PRAGMA writable_schema, or sqlite_schema written to",
    reason: "SQLite does not check what is written there: a mistake makes the whole file unreadable.",
    help: "ALTER TABLE, or a new table with the rows copied over.",
    source: "https://www.sqlite.org/pragma.html#pragma_writable_schema",
};
static CHECKS_OFF: Rule = Rule {
    name: "sqlite-checks-off",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "PRAGMA ignore_check_constraints or legacy_alter_table is switched on",
    reason: "Rows come in that break a CHECK, and stay; a renamed table leaves behind views and triggers that read nothing.",
    help: "Leave it off; change the rows, or the views, first.",
    source: "https://www.sqlite.org/pragma.html#pragma_ignore_check_constraints",
};
static NOT_DURABLE: Rule = Rule {
    name: "sqlite-not-durable",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "PRAGMA synchronous = OFF, journal_mode = OFF or MEMORY",
    reason: "What crashes then, the program or the machine, leaves a file that cannot be read.",
    help: "Leave it as it is; a migration is one transaction, and waits for the disk once.",
    source: "https://www.sqlite.org/pragma.html#pragma_synchronous",
};
static REPLACES: Rule = Rule {
    name: "sqlite-replaces-rows",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "REPLACE, INSERT OR REPLACE, UPDATE OR REPLACE on a table that has rows",
    reason: "The row that is there is deleted: its columns that are not named are lost, and no delete trigger runs.",
    help: "INSERT ... ON CONFLICT (...) DO UPDATE SET ..., which changes what it names.",
    source: "https://www.sqlite.org/lang_conflict.html",
};
static OTHER_FILE: Rule = Rule {
    name: "sqlite-other-file",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "ATTACH, DETACH, VACUUM INTO",
    reason: "Another file is written that has no history, at a place that differs from machine to machine; in WAL mode the \
             two are not committed together. DETACH fails in a transaction.",
    help: "Copy the rows with a program, or give the other file migrations of its own.",
    source: "https://www.sqlite.org/lang_attach.html",
};

static LEAVES_BEHIND: Rule = Rule {
    name: "sqlite-leaves-rows-behind",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "DELETE, or UPDATE of a key, where rows of another table refer with ON DELETE or ON UPDATE CASCADE, SET NULL or \
              SET DEFAULT, and the file does not change those",
    reason: "charter runs a migration with foreign keys off and compares them at its end: nothing is done to the rows that \
             refer, and where there are any the migration fails.",
    help: "In the same migration, delete or change the rows that refer.",
    source: "https://www.sqlite.org/foreignkeys.html#fk_actions",
};
static READS_ROWS: Rule = Rule {
    name: "sqlite-reads-rows",
    severity: Severity::Warning,
    cost: Cost::Scans,
    summary: "ALTER COLUMN ... SET NOT NULL, or ADD ... CHECK, on a table that may have rows",
    reason: "The whole table is read while every other writer waits; it fails at the first row that breaks what is added.",
    help: "Change those rows before, in the same migration.",
    source: "https://www.sqlite.org/lang_altertable.html",
};

pub(super) fn judge(
    inputs: &[Input],
    sources: &[Source<'_>],
    options: &LintOptions,
    catalogue: Option<&Catalogue>,
    rehearse: Rehearse,
) -> Vec<Vec<Finding>> {
    super::embedded::judge::<Sqlite>(inputs, sources, options, catalogue, rehearse)
}

struct Sqlite;

/// Statements by their first words.
const UNKNOWN: &[&str] = &[
    "create schema",
    "create type",
    "create domain",
    "create extension",
    "create function",
    "create procedure",
    "create sequence",
    "create materialized",
    "create or",
    "create unlogged",
    "create role",
    "create policy",
    "create publication",
    "create rule",
    "create index concurrently",
    "create unique index concurrently",
    "alter index",
    "alter view",
    "alter type",
    "alter sequence",
    "alter schema",
    "alter domain",
    "alter table if",
    "alter table only",
    "drop schema",
    "drop type",
    "drop function",
    "drop sequence",
    "drop extension",
    "drop index concurrently",
    "drop materialized",
    "insert overriding",
];

/// Words of other engines, wherever they stand outside of a trigger.
const WORDS: &[(&str, &str)] = &[
    ("generated by default", "an identity column"),
    ("as identity", "an identity column"),
    ("inherits (", "INHERITS"),
    ("partition by range (", "partitioning"),
    ("partition by list (", "partitioning"),
    ("partition by hash (", "partitioning"),
    ("partition of", "partitioning"),
    ("exclude using", "an exclusion constraint"),
    ("exclude (", "an exclusion constraint"),
    ("default now (", "a function as a default without parentheses around it"),
    ("default gen_random_uuid (", "a function as a default without parentheses around it"),
    (": :", "a cast with ::"),
    ("not valid", "NOT VALID"),
    ("using btree", "an index method"),
    ("using gin", "an index method"),
    ("using gist", "an index method"),
    ("using hash", "an index method"),
    ("distinct on (", "DISTINCT ON"),
    ("execute function", "EXECUTE FUNCTION"),
    ("execute procedure", "EXECUTE PROCEDURE"),
];

impl Dialect for Sqlite {
    const ENGINE: Engine = Engine::Sqlite;
    const CANNOT_RUN: &'static Rule = &CANNOT_RUN;
    const BLOCKED: &'static [&'static str] = &[BLOCKED.name];
    const NARROWS: &'static Rule = &NARROWS;
    const REBUILD_LOSES_KEYS: &'static Rule = &REBUILD_LOSES_KEYS;
    const FAILS: &'static [&'static str] =
        &[CANNOT_RUN.name, BLOCKED.name, IN_TRANSACTION.name, SCHEMA_WRITTEN.name, OTHER_FILE.name, SYNTAX_ERROR.name];
    const VERBS: &'static [&'static str] = &[
        "alter",
        "analyze",
        "attach",
        "begin",
        "commit",
        "create",
        "delete",
        "detach",
        "drop",
        "end",
        "explain",
        "insert",
        "pragma",
        "reindex",
        "release",
        "replace",
        "rollback",
        "savepoint",
        "select",
        "update",
        "vacuum",
        "values",
        "with",
    ];

    fn changes(from: &str, to: &str, is_cast: bool) -> bool {
        converts(from, to, is_cast)
    }

    fn check(judge: &mut Embedded<'_>, words: &Words) {
        let all = words.range.clone();
        if let Some(unknown) = UNKNOWN.iter().find(|unknown| words.starts(unknown)) {
            judge.report(&CANNOT_RUN, all.clone(), format!("SQLite has no {}", unknown.to_uppercase()));
        }
        for (sequence, what) in WORDS {
            if let Some(at) = words.find(sequence) {
                let range = words.bytes(at, at + sequence.split(' ').count());
                judge.report(&CANNOT_RUN, range, format!("SQLite does not know {what}"));
            }
        }
        if words.starts("drop") && words.at(words.len().saturating_sub(1)) == "cascade" {
            judge.report(&CANNOT_RUN, all.clone(), "SQLite knows no CASCADE here");
        }
        if words.starts("alter table") {
            alter(judge, words);
        }
        if words.starts("create table") || words.starts("create temp table") {
            let open = words.find("(").unwrap_or(words.len());
            for item in words.items(open) {
                affinity(judge, words, item.start + 1);
            }
        }
        if words.starts("drop table") {
            drop_table(judge, words);
        }
        let pragma = pragma(judge, words);
        settings(judge, words, pragma.as_ref());
        judge.leaves_behind(words);
        replaces(judge, words);
        if words.starts("attach") || words.starts("detach") || (words.starts("vacuum") && words.has("into")) {
            judge.report(&OTHER_FILE, all.clone(), "another file than the one that is migrated");
        }
        let vacuum = words.starts("vacuum");
        if vacuum {
            judge.report(&REBUILDS, all.clone(), "the whole file is written again");
        }
        let name = pragma.as_ref().map_or("", |pragma| pragma.name.as_str());
        let fails = vacuum || name == "synchronous";
        let does_nothing = matches!(name, "foreign_keys" | "journal_mode");
        if let Some(is_on) = pragma.as_ref().and_then(Pragma::foreign_keys)
            && !judge.in_transaction()
        {
            judge.foreign_keys_off = !is_on;
        }
        if judge.in_transaction() && (fails || does_nothing) {
            let what = if vacuum { "VACUUM" } else { "this PRAGMA" };
            let how = if fails { "fails" } else { "does nothing" };
            judge.report(&IN_TRANSACTION, all, format!("{what} {how} in a transaction"));
        }
    }

    fn end_of_file(judge: &mut Embedded<'_>, statements: &[Words]) {
        judge.lost_with_rebuilds(&REBUILD_LOSES);
        judge.readers_of_rebuilt(&VIEW_BLOCKS);
        judge.rows_left_behind(&LEAVES_BEHIND);
        judge.mismatched_keys(&CANNOT_RUN);
        let pragmas: Vec<Option<Pragma>> = statements.iter().map(|words| pragma(judge, words)).collect();
        let switched = |pragma: &Option<Pragma>| pragma.as_ref().and_then(Pragma::foreign_keys);
        if let Some(at) = pragmas.iter().position(|pragma| switched(pragma) == Some(false)) {
            let rest = &pragmas[at..];
            let checked = rest.iter().flatten().any(|pragma| pragma.name == "foreign_key_check");
            if !checked || !rest.iter().any(|pragma| switched(pragma) == Some(true)) {
                let missing = if checked { "switched on again" } else { "checked afterwards" };
                judge.report(
                    &FOREIGN_KEYS_OFF,
                    statements[at].range.clone(),
                    format!("foreign keys are not {missing}"),
                );
            }
        }
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

/// Rows that are deleted to make room. What is lost with them is known where the files made the table.
fn replaces(judge: &mut Embedded<'_>, words: &Words) {
    let at = match () {
        () if words.starts("replace into") => 2,
        () if words.starts("insert or replace into") => 4,
        () if words.starts("update or replace") => 3,
        () => return,
    };
    let (table, next) = words.name(at);
    // One that took the place of another has the rows of that.
    if !judge.may_lose_rows(&table) {
        return;
    }
    let known = judge.tables.get(&table).map(|known| known.columns.clone()).unwrap_or_default();
    let named: Vec<&str> = match words.at(next) {
        "(" if !words.starts("update") => words.items(next).into_iter().map(|item| words.named(item.start)).collect(),
        _ => Vec::new(),
    };
    let lost: Vec<&str> = match named.is_empty() {
        true => Vec::new(),
        false => known.iter().map(String::as_str).filter(|column| !named.contains(column)).collect(),
    };
    let severity = if lost.is_empty() && !words.starts("update") { Severity::Warning } else { Severity::Error };
    let message = match (words.starts("update"), lost.is_empty()) {
        (true, _) => format!("rows of {table} that are in the way are deleted"),
        (false, true) => format!("rows of {table} that are there are deleted and made again, without their triggers"),
        (false, false) => format!("of rows of {table} that are there, {} is lost", lost.join(", ")),
    };
    judge.report(&REPLACES, words.range.clone(), message).severity = severity;
}

fn alter(judge: &mut Embedded<'_>, words: &Words) {
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

fn affinity(judge: &mut Embedded<'_>, words: &Words, at: usize) {
    let what = match words.at(at) {
        "json" | "jsonb" => return,
        "uuid" => "UUID has numeric affinity",
        "serial" | "bigserial" | "smallserial" => "SERIAL counts nothing",
        _ => return,
    };
    judge.report(&AFFINITY, words.bytes(at, at + 1), what);
}

fn drop_table(judge: &mut Embedded<'_>, words: &Words) {
    let (table, _) = words.name(words.past_if(2));
    if judge.is_referred_to(&table) && !judge.foreign_keys_off && !judge.is_of_this_file(&table) {
        judge.report(&DROPS_REFERENCED, words.range.clone(), format!("other tables refer to {table}"));
    }
}
