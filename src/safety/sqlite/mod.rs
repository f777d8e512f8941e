//! The rules for SQLite, as the bundled 3.54 behaves: what it cannot run, what silently rebuilds, foreign keys off.

use super::embedded::{Dialect, Embedded, Words, converts};
use super::files::SYNTAX_ERROR;
use super::source::Source;
use super::{Catalogue, Cost, Engine, Finding, Input, LintOptions, Rehearse, Rule, Severity};

mod pragmas;
mod replaced;
mod tables;

pub(super) const RULES: &[&Rule] = &[
    &CANNOT_RUN,
    &FAILS_AT_ROWS,
    &REBUILDS,
    &REBUILD_LOSES,
    &REBUILD_LOSES_KEYS,
    &NARROWS,
    &pragmas::FOREIGN_KEYS_OFF,
    &DROPS_REFERENCED,
    &tables::BLOCKED,
    &tables::AFFINITY,
    &pragmas::IN_TRANSACTION,
    &VIEW_BLOCKS,
    &pragmas::SCHEMA_WRITTEN,
    &pragmas::CHECKS_OFF,
    &pragmas::NOT_DURABLE,
    &replaced::REPLACES,
    &OTHER_FILE,
    &LEAVES_BEHIND,
    &tables::READS_ROWS,
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
static FAILS_AT_ROWS: Rule = Rule {
    name: "sqlite-fails-at-rows",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "With a database: a statement that fails at rows that are in it; as a warning, CREATE UNIQUE INDEX where nobody knows",
    reason: "Rows are alike where they may not be, have no value where they must, or break a CHECK or a foreign key: the migration fails at them. It was tried on a copy in memory, where the file is of 64 MB or less.",
    help: "Change those rows before, in the same migration.",
    source: "https://www.sqlite.org/lang_conflict.html",
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
    help: "In the same migration, delete or change the rows that refer; in a file without a transaction, before, or between the same BEGIN and COMMIT.",
    source: "https://www.sqlite.org/foreignkeys.html#fk_actions",
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
    const BLOCKED: &'static [&'static str] = &[tables::BLOCKED.name];
    const FAILS_AT_ROWS: &'static Rule = &FAILS_AT_ROWS;
    const NARROWS: &'static Rule = &NARROWS;
    const REBUILD_LOSES_KEYS: &'static Rule = &REBUILD_LOSES_KEYS;
    const FAILS: &'static [&'static str] = &[
        CANNOT_RUN.name,
        tables::BLOCKED.name,
        pragmas::IN_TRANSACTION.name,
        pragmas::SCHEMA_WRITTEN.name,
        OTHER_FILE.name,
        LEAVES_BEHIND.name,
        SYNTAX_ERROR.name,
    ];
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
            tables::alter(judge, words);
        }
        if words.starts("create table") || words.starts("create temp table") {
            let open = words.find("(").unwrap_or(words.len());
            for item in words.items(open) {
                tables::affinity(judge, words, item.start + 1);
            }
        }
        if words.starts("drop table") {
            drop_table(judge, words);
        }
        judge.leaves_behind(words, &LEAVES_BEHIND);
        replaced::check(judge, words);
        if words.starts("attach") || words.starts("detach") || (words.starts("vacuum") && words.has("into")) {
            judge.report(&OTHER_FILE, all.clone(), "another file than the one that is migrated");
        }
        if words.starts("vacuum") {
            judge.report(&REBUILDS, all.clone(), "the whole file is written again");
        }
        pragmas::check(judge, words);
    }

    fn end_of_file(judge: &mut Embedded<'_>, statements: &[Words]) {
        judge.lost_with_rebuilds(&REBUILD_LOSES);
        judge.readers_of_rebuilt(&VIEW_BLOCKS);
        judge.rows_left_behind(&LEAVES_BEHIND);
        judge.mismatched_keys(&CANNOT_RUN);
        pragmas::keys_stay_off(judge, statements);
    }
}

fn drop_table(judge: &mut Embedded<'_>, words: &Words) {
    let (table, _) = words.name(words.past_if(2));
    if judge.is_referred_to(&table) && !judge.foreign_keys_off && !judge.is_of_this_file(&table) {
        judge.report(&DROPS_REFERENCED, words.range.clone(), format!("other tables refer to {table}"));
    }
}
