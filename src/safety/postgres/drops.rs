//! Drops: what is lost, and who breaks.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::{Alter, Judge};
use super::tree;

const BREAKS: &str = "Programs that still use it break.";
const RELEASE: &str = "Release programs that no longer use it first, then allow this by name.";

pub(in super::super) const RULES: &[&Rule] = &[
    &COLUMN_DROPPED,
    &TABLE_DROPPED,
    &SCHEMA_DROPPED,
    &DATABASE_DROPPED,
    &VIEW_DROPPED,
    &TYPE_DROPPED,
    &FUNCTION_DROPPED,
    &SEQUENCE_DROPPED,
    &EXTENSION_DROPPED,
    &CONSTRAINT_DROPPED,
    &OWNED_DROPPED,
    &CASCADE,
];

pub(in super::super) static COLUMN_DROPPED: Rule = Rule {
    name: "column-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A column is dropped",
    reason: "Its data is lost, and programs that still name it break.",
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DROP-COLUMN",
};
pub(in super::super) static TABLE_DROPPED: Rule = Rule {
    name: "table-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table is dropped",
    reason: "Its data is lost, and programs that still use it break.",
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-droptable.html",
};
pub(in super::super) static SCHEMA_DROPPED: Rule = Rule {
    name: "schema-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A schema is dropped",
    reason: BREAKS,
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-dropschema.html",
};
pub(super) static DATABASE_DROPPED: Rule = Rule {
    name: "database-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A database or a tablespace is dropped",
    reason: "All its data is lost.",
    help: "This is no part of a migration.",
    source: "https://www.postgresql.org/docs/current/sql-dropdatabase.html",
};
pub(in super::super) static VIEW_DROPPED: Rule = Rule {
    name: "view-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A view or materialized view is dropped",
    reason: BREAKS,
    help: "CREATE OR REPLACE VIEW keeps it in place while columns are added at its end; else release programs that no longer use it first.",
    source: "https://www.postgresql.org/docs/current/sql-dropview.html",
};
pub(super) static TYPE_DROPPED: Rule = Rule {
    name: "type-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A type, domain, cast or operator is dropped",
    reason: BREAKS,
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-droptype.html",
};
pub(super) static FUNCTION_DROPPED: Rule = Rule {
    name: "function-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A function, procedure or aggregate is dropped",
    reason: BREAKS,
    help: "CREATE OR REPLACE FUNCTION changes it in place; else release programs that no longer use it first.",
    source: "https://www.postgresql.org/docs/current/sql-dropfunction.html",
};
pub(super) static SEQUENCE_DROPPED: Rule = Rule {
    name: "sequence-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A sequence is dropped",
    reason: "Its last value is lost, and programs that still use it break.",
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-dropsequence.html",
};
pub(super) static EXTENSION_DROPPED: Rule = Rule {
    name: "extension-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "An extension, foreign server, language or similar object is dropped",
    reason: "Its types, functions and indexes go with it, and programs that still use them break.",
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-dropextension.html",
};
static CONSTRAINT_DROPPED: Rule = Rule {
    name: "constraint-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A constraint is dropped",
    reason: "Programs lose a promise that they rely on: rows that it kept out can come in, ON CONFLICT fails. ACCESS EXCLUSIVE on the table, and on the referenced one too.",
    help: "Release programs that do without it first, then allow this by name. A check that only proved NOT NULL may go once the column is NOT NULL.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DROP-CONSTRAINT",
};
static OWNED_DROPPED: Rule = Rule {
    name: "owned-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "DROP OWNED: all that a role owns",
    reason: "What is lost depends on what the role owns on the day.",
    help: "Name what is dropped, each in a statement of its own.",
    source: "https://www.postgresql.org/docs/current/sql-drop-owned.html",
};
static CASCADE: Rule = Rule {
    name: "cascade",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "CASCADE",
    reason: "It drops, or empties, what the statement does not name: views, foreign keys, columns, whole tables.",
    help: "Leave CASCADE away, and name what else must go.",
    source: "https://www.postgresql.org/docs/current/ddl-depend.html",
};

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let table = &alter.table;
    if judge.session.is_of_this_file(table) {
        return;
    }
    match action.kind() {
        K::DROP_COLUMN => {
            let column = tree::child_name(action, K::COLUMN_NAME_REF).unwrap_or_default();
            if !judge.session.is_fresh_column(table, &column) {
                judge.report(&COLUMN_DROPPED, action, format!("the data of {table}.{column} is lost"));
            }
        }
        K::DROP_CONSTRAINT => {
            let name = tree::path(action).pop().unwrap_or_default();
            let known = judge.session.constraint(table, &name);
            let fresh = known.is_some_and(|known| known.birth.file == judge.session.file);
            let done = known.is_some_and(|known| {
                known.check
                    && !known.proves.is_empty()
                    && known.terms.iter().all(|term| known.proves.contains(term) || term == "null")
                    && known.proves.iter().all(|column| judge.session.is_not_null(table, column))
            });
            if !fresh && !done {
                judge.report(&CONSTRAINT_DROPPED, action, format!("the constraint {name} of {table} is dropped"));
            }
        }
        _ => {}
    }
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let kind = node.kind();
    match kind {
        K::DROP_TABLE | K::DROP_FOREIGN_TABLE => {
            let mut tables = judge.session.relations(node, K::TABLE_NAME_REF);
            tables.extend(judge.session.relations(node, K::RELATION_NAME_REF));
            for table in tables {
                if !judge.session.is_of_this_file(&table) {
                    judge.report(&TABLE_DROPPED, node, format!("the data of {table} is lost"));
                }
            }
        }
        K::DROP_OWNED => {
            judge.report(&OWNED_DROPPED, node, "DROP OWNED drops whatever the role owns".to_owned());
        }
        K::DROP_TABLESPACE => {
            judge.report(&DATABASE_DROPPED, node, "a tablespace is dropped".to_owned());
        }
        K::DROP_ROUTINE | K::DROP_PROCEDURE | K::DROP_AGGREGATE => {
            let here = judge.session.relation(node).is_some_and(|routine| judge.session.made_here(&routine));
            if !here {
                judge.report(&FUNCTION_DROPPED, node, "a routine is dropped".to_owned());
            }
        }
        K::DROP_SERVER
        | K::DROP_FOREIGN_DATA_WRAPPER
        | K::DROP_LANGUAGE
        | K::DROP_ACCESS_METHOD
        | K::DROP_COLLATION
        | K::DROP_CONVERSION
        | K::DROP_TRANSFORM
        | K::DROP_TEXT_SEARCH_CONFIG
        | K::DROP_TEXT_SEARCH_DICT
        | K::DROP_TEXT_SEARCH_PARSER
        | K::DROP_TEXT_SEARCH_TEMPLATE => {
            judge.report(&EXTENSION_DROPPED, node, "what programs may use is dropped".to_owned());
        }
        _ => {}
    }
    cascade(judge, node);
}

/// CASCADE as the behaviour of a drop, not of a foreign key's ON DELETE.
fn cascade(judge: &mut Judge<'_>, node: &SyntaxNode) {
    for word in tree::below(node, K::CASCADE) {
        let referential = word.parent().is_some_and(|parent| {
            matches!(parent.kind(), K::ON_DELETE_ACTION | K::ON_UPDATE_ACTION | K::CREATE_EXTENSION)
        });
        let table = node.children().find_map(|child| judge.session.relation(&child));
        if !referential && !table.is_some_and(|table| judge.session.is_of_this_file(&table)) {
            judge.report(&CASCADE, &word, "CASCADE goes on to what is not named here".to_owned());
        }
    }
}
