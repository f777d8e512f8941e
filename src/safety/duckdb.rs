//! The rules for DuckDB, as 2.0 behaves: what it cannot run, and what blocks an ALTER.

use super::embedded::{Dialect, Embedded, Words, narrows, retyped, shown};
use super::files::SYNTAX_ERROR;
use super::source::Source;
use super::{Catalogue, Cost, Engine, Finding, Input, LintOptions, Rehearse, Rule, Severity};

pub(super) const RULES: &[&Rule] = &[
    &CANNOT_RUN,
    &FAILS_AT_ROWS,
    &BLOCKED,
    &INDEX_AND_COLUMN,
    &BEHIND_UPDATE,
    &REBUILDS,
    &NARROWS,
    &REBUILD_LOSES,
    &REBUILD_LOSES_KEYS,
    &OTHER_FILE,
    &EXTENSION,
    &SETTING,
    &CHECKPOINT,
];

static CANNOT_RUN: Rule = Rule {
    name: "duckdb-cannot-run",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A statement that DuckDB does not know, or refuses",
    reason: "The migration fails at this statement.",
    help: "Write an overlay for DuckDB: what ALTER TABLE cannot do there, a new table with the rows copied over can.",
    source: "https://duckdb.org/docs/stable/sql/statements/alter_table",
};
static BLOCKED: Rule = Rule {
    name: "duckdb-index-blocks-alter",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table with an index, or that another refers to, is altered",
    reason: "The statement fails: DuckDB refuses to drop, rename or retype columns, to add keys, and to rename the table, while anything depends on it.",
    help: "DROP INDEX in an earlier migration, and make it again after; a foreign key needs a new table with the rows copied over.",
    source: "https://duckdb.org/docs/stable/sql/statements/alter_table#limitations",
};
static INDEX_AND_COLUMN: Rule = Rule {
    name: "duckdb-drop-index-then-alter",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A column changes its type, or goes, in the transaction that drops an index of it, or of a column behind it",
    reason: "The second statement fails: until the transaction is over, DuckDB takes the column for one that has an index.",
    help: "DROP INDEX in a migration of its own, before; or rebuild the table, which goes into one transaction.",
    source: "https://duckdb.org/docs/stable/sql/indexes#limitations-of-art-indexes",
};
static BEHIND_UPDATE: Rule = Rule {
    name: "duckdb-index-behind-update",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "CREATE INDEX, ADD PRIMARY KEY, ADD UNIQUE or SET NOT NULL of a column that the same transaction has changed with UPDATE or MERGE; as a warning, with ON CONFLICT DO UPDATE, which may have changed nothing",
    reason: "The statement fails where a row was changed: until the transaction is over, DuckDB makes no index of values that it has changed, and does not look into them.",
    help: "UPDATE in an earlier migration; or begin the file with `-- charter: no-transaction`, where each statement is a transaction of its own. Values that are the same in every row can come from ADD COLUMN ... DEFAULT.",
    source: "https://duckdb.org/docs/stable/sql/indexes#limitations-of-art-indexes",
};
static FAILS_AT_ROWS: Rule = Rule {
    name: "duckdb-fails-at-rows",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "With a database: a statement that fails at rows that are in it; as a warning, CREATE UNIQUE INDEX where nobody knows",
    reason: "Rows are alike where they may not be, or have no value where they must: the migration fails at them. The first 100,000 rows are looked at, of tables that the files have not changed before.",
    help: "Change those rows in an earlier migration.",
    source: "https://duckdb.org/docs/stable/sql/constraints",
};
static REBUILDS: Rule = Rule {
    name: "duckdb-rebuilds",
    severity: Severity::Warning,
    cost: Cost::Rewrites,
    summary: "A column's type is changed, or SET NOT NULL",
    reason: "The column is written again, or read whole, while every other writer waits; it fails on the first value that does not fit.",
    help: "Run it when nobody else uses the file, on a copy first. Change rows that do not fit in an earlier migration.",
    source: "https://duckdb.org/docs/stable/sql/statements/alter_table",
};
static NARROWS: Rule = Rule {
    name: "duckdb-narrows",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A column's type is changed, or is another one in a rebuild, and rounds or cuts what is in it; or USING, or the query of a rebuild, makes something else of it",
    reason: "What does not fit is changed without a word, in every row: 1.7 becomes 2, the text 1.239 becomes 1, a timestamp loses its time, and TRY_CAST makes NULL of what it cannot read.",
    help: "Add a column with the new type and fill it; the old one goes in a later release. To keep the values, take a type that holds them all.",
    source: "https://duckdb.org/docs/stable/sql/data_types/typecasting",
};

static REBUILD_LOSES: Rule = Rule {
    name: "duckdb-rebuild-loses-index",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A table is rebuilt, and an index or trigger of the old one is not made again",
    reason: "Indexes and triggers go with the old table: queries become slow, what a unique index kept out comes in, and what \
             the trigger did is not done any more.",
    help: "CREATE INDEX and CREATE TRIGGER again, after the new table has its name.",
    source: "https://duckdb.org/docs/stable/sql/indexes",
};
static REBUILD_LOSES_KEYS: Rule = Rule {
    name: "duckdb-rebuild-loses-keys",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "A table is rebuilt without a key, UNIQUE, NOT NULL, CHECK, DEFAULT or foreign key that it had; as a warning, a check whose place another one takes",
    reason: "What they kept out comes in from then on. CREATE TABLE AS gives values and nothing else.",
    help: "CREATE TABLE with its columns and constraints, then INSERT INTO new (a, b) SELECT a, b FROM old.",
    source: "https://duckdb.org/docs/stable/sql/statements/create_table#create-table--as-select-ctas",
};
static OTHER_FILE: Rule = Rule {
    name: "duckdb-other-file",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "ATTACH, DETACH, USE, COPY, EXPORT, IMPORT",
    reason: "Files are read or written at places that differ from machine to machine, and no history tells of them; one \
             transaction writes to one database alone.",
    help: "Write the rows as INSERT, or let a program copy them.",
    source: "https://duckdb.org/docs/stable/sql/statements/attach",
};
static EXTENSION: Rule = Rule {
    name: "duckdb-extension",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "INSTALL or LOAD",
    reason: "INSTALL needs the network and writes to the user's own folder; where either is not to be had, the migration fails.",
    help: "Load extensions in the program, before it migrates.",
    source: "https://duckdb.org/docs/stable/extensions/overview",
};
static SETTING: Rule = Rule {
    name: "duckdb-setting",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "SET, RESET or PRAGMA",
    reason: "A setting is no part of the file: it is gone with the connection, or holds for the rest of the program.",
    help: "Set it in the program.",
    source: "https://duckdb.org/docs/stable/configuration/overview",
};
static CHECKPOINT: Rule = Rule {
    name: "duckdb-checkpoint",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "CHECKPOINT in a transaction, or FORCE CHECKPOINT",
    reason: "CHECKPOINT fails behind a change of the same transaction; with FORCE it ends the transactions of others.",
    help: "Leave it out: DuckDB does it by itself.",
    source: "https://duckdb.org/docs/stable/sql/statements/checkpoint",
};

pub(super) fn judge(
    inputs: &[Input],
    sources: &[Source<'_>],
    options: &LintOptions,
    catalogue: Option<&Catalogue>,
    rehearse: Rehearse,
) -> Vec<Vec<Finding>> {
    super::embedded::judge::<DuckDb>(inputs, sources, options, catalogue, rehearse)
}

struct DuckDb;

/// Statements by their first words.
const UNKNOWN: &[&str] = &[
    "create domain",
    "create extension",
    "create procedure",
    "create materialized",
    "create unlogged",
    "create role",
    "create policy",
    "create publication",
    "create rule",
    "create index concurrently",
    "create unique index concurrently",
    "alter index",
    "alter type",
    "alter domain",
    "alter schema",
    "alter table only",
    "drop index concurrently",
    "drop extension",
    "vacuum full",
    "vacuum ( full",
    "set local",
    "set lock_timeout",
    "set statement_timeout",
    "pragma foreign_keys",
    "pragma journal_mode",
];

/// Words of other engines, wherever they stand.
const WORDS: &[(&str, &str)] = &[
    ("on delete cascade", "ON DELETE CASCADE"),
    ("on delete set", "ON DELETE SET NULL or SET DEFAULT"),
    ("on update cascade", "ON UPDATE CASCADE"),
    ("on update set", "ON UPDATE SET NULL or SET DEFAULT"),
    ("generated by default", "an identity column"),
    ("as identity", "an identity column"),
    ("autoincrement", "AUTOINCREMENT"),
    (") stored", "a stored generated column"),
    ("inherits (", "INHERITS"),
    ("partition of", "partitioning"),
    ("exclude using", "an exclusion constraint"),
    ("deferrable", "DEFERRABLE"),
    ("execute function", "a function for a trigger"),
    ("execute procedure", "a function for a trigger"),
    ("using btree", "an index method of another engine"),
    ("using gin", "an index method of another engine"),
    ("using gist", "an index method of another engine"),
    ("using hash", "an index method of another engine"),
    ("language sql", "a function in a language"),
    ("language plpgsql", "a function in a language"),
    ("not valid", "NOT VALID"),
];

impl Dialect for DuckDb {
    const ENGINE: Engine = Engine::DuckDb;
    const CANNOT_RUN: &'static Rule = &CANNOT_RUN;
    const BLOCKED: &'static [&'static str] = &[BLOCKED.name, INDEX_AND_COLUMN.name];
    const FAILS_AT_ROWS: &'static Rule = &FAILS_AT_ROWS;
    const NARROWS: &'static Rule = &NARROWS;
    const REBUILD_LOSES_KEYS: &'static Rule = &REBUILD_LOSES_KEYS;
    const FAILS: &'static [&'static str] =
        &[CANNOT_RUN.name, BLOCKED.name, INDEX_AND_COLUMN.name, BEHIND_UPDATE.name, OTHER_FILE.name, SYNTAX_ERROR.name];
    const VERBS: &'static [&'static str] = &[
        "abort",
        "alter",
        "analyze",
        "attach",
        "begin",
        "call",
        "checkpoint",
        "comment",
        "commit",
        "copy",
        "create",
        "deallocate",
        "delete",
        "describe",
        "detach",
        "drop",
        "end",
        "execute",
        "explain",
        "export",
        "force",
        "from",
        "import",
        "insert",
        "install",
        "load",
        "merge",
        "pivot",
        "pragma",
        "prepare",
        "reset",
        "rollback",
        "select",
        "set",
        "show",
        "start",
        "summarize",
        "truncate",
        "unpivot",
        "update",
        "use",
        "vacuum",
        "values",
        "with",
    ];

    fn changes(from: &str, to: &str, _is_cast: bool) -> bool {
        narrows(from, to)
    }

    fn check(judge: &mut Embedded<'_>, words: &Words) {
        let all = words.range.clone();
        if let Some(unknown) = UNKNOWN.iter().find(|unknown| words.starts(unknown)) {
            judge.report(&CANNOT_RUN, all.clone(), format!("DuckDB has no {}", unknown.to_uppercase()));
        }
        for (sequence, what) in WORDS {
            if let Some(at) = words.find(sequence) {
                let range = words.bytes(at, at + sequence.split(' ').count());
                judge.report(&CANNOT_RUN, range, format!("DuckDB does not know {what}"));
            }
        }
        let indexes = words.starts("create index") || words.starts("create unique index");
        if indexes && (words.has("where") || words.has("include (")) {
            judge.report(&CANNOT_RUN, all.clone(), "DuckDB has neither partial nor covering indexes");
        }
        if words.starts("create") && words.find("table").is_some_and(|at| at < 5) {
            for item in words.items(0) {
                column(judge, words, item.start);
            }
        }
        if words.starts("alter table") {
            alter(judge, words);
        }
        judge.behind_update(words, &BEHIND_UPDATE);
        if words.starts("drop") {
            judge.drop_object(words, &CANNOT_RUN);
        }
        if words.starts("create or replace") {
            judge.replace_object(words, &CANNOT_RUN);
        }
        outside(judge, words);
        if words.starts("drop table") {
            let (table, _) = words.name(words.past_if(2));
            if judge.is_referred_to(&table) {
                judge.report(&BLOCKED, all, format!("another table refers to {table}"));
            }
        }
    }

    fn end_of_file(judge: &mut Embedded<'_>, _statements: &[Words]) {
        judge.lost_with_rebuilds(&REBUILD_LOSES);
    }
}

/// What reaches beyond the file that is migrated.
fn outside(judge: &mut Embedded<'_>, words: &Words) {
    let all = words.range.clone();
    match words.at(0) {
        "attach" | "detach" | "use" | "export" | "import" => {
            let message = format!("{} reaches for another database or its files", words.at(0).to_uppercase());
            judge.report(&OTHER_FILE, all, message);
        }
        "copy" => {
            let found = judge.report(&OTHER_FILE, all, "a file beside the database is read or written");
            found.severity = if words.has("from database") { Severity::Error } else { Severity::Warning };
        }
        "install" | "load" => _ = judge.report(&EXTENSION, all, "an extension is fetched or loaded"),
        "force" => _ = judge.report(&CHECKPOINT, all, "the transactions of others are ended"),
        "checkpoint" if judge.in_transaction() => {
            judge.report(&CHECKPOINT, all, "it fails behind a change of the same transaction");
        }
        // What the engine does not know is told already.
        "pragma" if matches!(words.at(1), "foreign_keys" | "journal_mode") => {}
        "set" if matches!(words.at(1), "local" | "lock_timeout" | "statement_timeout") => {}
        "set" | "reset" | "pragma" => _ = judge.report(&SETTING, all, "the setting is no part of the file"),
        _ => {}
    }
}

/// A column's name and type.
fn column(judge: &mut Embedded<'_>, words: &Words, at: usize) {
    if words.at(at) == "at" {
        judge.report(&CANNOT_RUN, words.bytes(at, at + 1), "AT is a keyword of DuckDB: write it in quotes");
    }
    if let "serial" | "bigserial" | "smallserial" | "jsonb" | "tsvector" | "tsquery" | "citext" | "money" | "xml"
    | "cidr" | "macaddr" = words.at(at + 1)
    {
        let message = format!("DuckDB has no type {}", words.at(at + 1).to_uppercase());
        judge.report(&CANNOT_RUN, words.bytes(at + 1, at + 2), message);
    }
}

fn alter(judge: &mut Embedded<'_>, words: &Words) {
    let all = words.range.clone();
    let (table, at) = words.name(words.past_if(2));
    let named = words.past_if(if words.at(at + 1) == "column" { at + 2 } else { at + 1 });
    let name = words.named(named).to_owned();
    let known = judge.tables.get(&table).cloned().unwrap_or_default();
    let referred = judge.is_referred_to(&table);
    let changes = words.at(at) == "alter" && !words.has("default");
    let retypes = changes && (words.is_at(named + 1, "type") || words.is_at(named + 1, "set data type"));
    let drops_column = words.at(at) == "drop" && words.at(at + 1) != "constraint";
    let adds_not_null = words.at(at) == "add" && words.has("not null");
    let adds_key = words.at(at) == "add" && (words.has("unique") || words.has("primary key"));
    let renames_table = words.at(at) == "rename" && words.at(at + 1) == "to";
    let cannot = match words.at(at) {
        _ if words.has_bare_comma() => Some("one ALTER TABLE takes one change".to_owned()),
        "add" if words.at(at + 1) == "constraint" && (words.has("check") || words.has("foreign")) => {
            Some("ADD CONSTRAINT knows UNIQUE and PRIMARY KEY alone".to_owned())
        }
        "add" if matches!(words.at(at + 1), "check" | "foreign" | "exclude") => {
            Some("a constraint other than UNIQUE or PRIMARY KEY cannot be added".to_owned())
        }
        "add" if !matches!(words.at(at + 1), "constraint" | "primary" | "unique") => added(judge, words, &table, named),
        "drop" if words.at(at + 1) == "constraint" => Some("a constraint cannot be dropped".to_owned()),
        "drop" | "alter"
            if (drops_column || retypes) && (known.keys.contains(&name) || known.foreign.contains_key(&name)) =>
        {
            Some(format!("a key or foreign key uses {table}.{name}"))
        }
        "rename" if !renames_table && known.foreign.contains_key(&name) => {
            Some(format!("a foreign key uses {table}.{name}"))
        }
        "set" | "owner" | "validate" | "enable" | "disable" | "attach" | "detach" | "inherit" | "cluster"
        | "replica" => Some(format!("ALTER TABLE knows no {}", words.at(at).to_uppercase())),
        _ => None,
    };
    if let Some(message) = cannot {
        judge.report(&CANNOT_RUN, all.clone(), message);
    }
    if matches!(words.at(at), "drop" | "rename") || changes || adds_not_null || adds_key {
        if !known.indexes.is_empty() {
            let indexes: Vec<String> = known.indexes.keys().cloned().collect();
            judge.report(&BLOCKED, all.clone(), format!("{table} has the index {}", indexes.join(", ")));
        } else if referred {
            judge.report(&BLOCKED, all.clone(), format!("another table refers to {table}"));
        } else if let Some(indexed) = judge.unindexed.get(&table).filter(|_| judge.in_transaction()) {
            let behind = known.columns.iter().skip_while(|column| **column != name).skip(1);
            let is_before_index = drops_column && behind.into_iter().any(|column| indexed.contains(column));
            if indexed.contains(&name) && (drops_column || retypes) || is_before_index {
                let of = if indexed.contains(&name) { "" } else { "a column behind " };
                let message = format!("an index of {of}{table}.{name} was dropped in the same transaction");
                judge.report(&INDEX_AND_COLUMN, all.clone(), message);
            }
        }
    }
    if retypes && judge.may_lose_rows(&table) {
        let (to, using) = retyped(words, named);
        let from = known.types.get(&name);
        if let Some(using) = using {
            let message = format!("what is in {table}.{name} is replaced by what USING makes of it");
            judge.report(&NARROWS, words.bytes(using.start, using.end), message);
        } else if let Some(from) = from.filter(|from| narrows(from, &to)) {
            let message = format!("{table}.{name} is rounded or cut: from {} to {}", shown(from), shown(&to));
            judge.report(&NARROWS, all.clone(), message);
        }
    }
    if (retypes || changes && words.has("set not null")) && !judge.is_new(&table) {
        judge.report(&REBUILDS, all, format!("{table}.{name} is read or written whole"));
    }
}

/// Why a column cannot be added.
fn added(judge: &mut Embedded<'_>, words: &Words, table: &str, at: usize) -> Option<String> {
    column(judge, words, at);
    let is_empty = !judge.may_have_rows(table);
    let message = match () {
        () if words.has("check") => "a column cannot be added with a CHECK",
        () if words.has("references") => "a column cannot be added with a foreign key",
        () if words.has("generated always") || words.has("as (") => "a generated column cannot be added",
        () if words.has("not null") && !words.has("default") && !is_empty => {
            "a NOT NULL column cannot be added without a default"
        }
        () => return None,
    };
    Some(message.to_owned())
}
