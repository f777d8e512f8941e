//! Rules about the text itself, whatever the engine.

use super::{Cost, Rule, Severity};

pub(super) const RULES: &[&Rule] =
    &[&SYNTAX_ERROR, &TOO_DEEP, &PSQL_COMMAND, &BYTE_ORDER_MARK, &HISTORY_WRITTEN, &TEMPORARY_IN_STEPS];

pub(super) static SYNTAX_ERROR: Rule = Rule {
    name: "syntax-error",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "The text is not SQL that the engine takes",
    reason: "The migration fails at this statement, and what cannot be read cannot be judged.",
    help: "Correct the statement.",
    source: "https://www.postgresql.org/docs/current/sql-commands.html",
};

pub(super) static TOO_DEEP: Rule = Rule {
    name: "too-deep",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "A statement is nested too deeply to be judged",
    reason: "What cannot be read cannot be judged.",
    help: "Split the statement.",
    source: "https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-MAX-STACK-DEPTH",
};

pub(super) static PSQL_COMMAND: Rule = Rule {
    name: "psql-command",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "A command of psql (`\\i`, `\\copy`, `\\gexec`) or inline COPY data; as a warning, one that runs nothing (`\\set`, `\\echo`) outside a set",
    reason: "Only psql knows it: any other runner fails here, and what it includes or runs is not judged.",
    help: "Write the statements themselves into the file.",
    source: "https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-META-COMMANDS",
};

pub(super) static HISTORY_WRITTEN: Rule = Rule {
    name: "history-written",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A migration writes, changes or drops a history or audit table of migrations, or a table of charter's",
    reason: "What has run is known from there alone: migrations run twice or never, and nobody can tell who did what. What charter keeps of contracts no longer fits together, and a minimum program locks everybody out.",
    help: "`charter db stamp` records what was done by hand, with its reason; contracts are changed by charter's verbs.",
    source: "https://www.postgresql.org/docs/current/ddl-basics.html",
};

pub(super) static TEMPORARY_IN_STEPS: Rule = Rule {
    name: "temporary-in-steps",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A temporary table, view or the like that one step of a file without a transaction makes and a later one needs",
    reason: "Each step is committed by itself, and what is temporary goes with the connection: where a step fails or is cut \
             off, the rows in it are lost for good, and the next run cannot go on.",
    help: "BEGIN before the statements that belong together and COMMIT behind them: they are one step then. Or keep the rows in a \
           table that stays, and drop it in the last step.",
    source: "https://www.postgresql.org/docs/current/sql-createtable.html",
};

pub(super) static BYTE_ORDER_MARK: Rule = Rule {
    name: "byte-order-mark",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "The file begins with a byte order mark",
    reason: "psql skips it; sent to the server as it is, it is a syntax error.",
    help: "Save the file as UTF-8 without a byte order mark.",
    source: "https://www.postgresql.org/docs/current/multibyte.html",
};
