//! Drops: what is lost, and who breaks.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::{Alter, Judge};
use super::session::Birth;
use super::successors::{self, Successor};
use super::{objects, tree};

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
    &ROLE_DROPPED,
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
static DATABASE_DROPPED: Rule = Rule {
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
    summary: "A view or materialized view is dropped; as a warning, a view that comes again in the same transaction",
    reason: BREAKS,
    help: "CREATE OR REPLACE VIEW keeps it in place while columns are added at its end; else release programs that no longer use it first.",
    source: "https://www.postgresql.org/docs/current/sql-dropview.html",
};
pub(in super::super) static TYPE_DROPPED: Rule = Rule {
    name: "type-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A type, domain, cast or operator is dropped",
    reason: BREAKS,
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-droptype.html",
};
pub(in super::super) static FUNCTION_DROPPED: Rule = Rule {
    name: "function-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A function, procedure or aggregate is dropped",
    reason: BREAKS,
    help: "CREATE OR REPLACE FUNCTION changes it in place; else release programs that no longer use it first.",
    source: "https://www.postgresql.org/docs/current/sql-dropfunction.html",
};
pub(in super::super) static SEQUENCE_DROPPED: Rule = Rule {
    name: "sequence-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A sequence is dropped",
    reason: "Its last value is lost, and programs that still use it break.",
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-dropsequence.html",
};
static EXTENSION_DROPPED: Rule = Rule {
    name: "extension-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "An extension, foreign server, language or similar object is dropped",
    reason: "Its types, functions and indexes go with it, and programs that still use them break.",
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-dropextension.html",
};
pub(in super::super) static CONSTRAINT_DROPPED: Rule = Rule {
    name: "constraint-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A constraint or a unique index is dropped; as a warning, a check or a partial index whose place another one takes",
    reason: "Programs lose a promise that they rely on: rows that it kept out can come in, ON CONFLICT fails. ACCESS EXCLUSIVE on the table, and on the referenced one too.",
    help: "Release programs that do without it first, then allow this by name. A unique index may go once another one over the same columns stands, and no foreign key uses it: a foreign key keeps to the index that it was made with, so drop it first and make it again. A check that only proved NOT NULL may go once the column is NOT NULL.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DROP-CONSTRAINT",
};
static ROLE_DROPPED: Rule = Rule {
    name: "role-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A role is dropped",
    reason: "Programs that log in with it, or have their rights through it, break.",
    help: RELEASE,
    source: "https://www.postgresql.org/docs/current/sql-droprole.html",
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
pub(in super::super) static CASCADE: Rule = Rule {
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
                known.redundant
                    || known.kind == K::CHECK_CONSTRAINT
                        && !known.proves.is_empty()
                        && known.literals.iter().all(|literal| literal == "null")
                        && known.names.iter().all(|name| known.proves.contains(name))
                        && known.proves.iter().all(|column| judge.session.is_not_null(table, column))
            });
            let successor = successors::successor(judge, alter, &name);
            if !fresh && !done && successor != Successor::Same {
                let message = format!("the constraint {name} of {table} is dropped");
                let finding = judge.report(&CONSTRAINT_DROPPED, action, message);
                if successor == Successor::Similar {
                    finding.severity = Severity::Warning;
                    finding.effect = "A check takes its place: rows that the old one kept out, and the new one does not, can come in.".to_owned();
                    finding.help = "Keep it, if programs can do with what the new check lets in.".to_owned();
                }
            }
        }
        _ => {}
    }
}

/// What a statement drops, if it is more than a table, an index, or what has a rule elsewhere.
fn dropped(kind: K) -> Option<(&'static Rule, &'static str)> {
    Some(match kind {
        K::DROP_SCHEMA => (&SCHEMA_DROPPED, "a schema"),
        K::DROP_DATABASE => (&DATABASE_DROPPED, "a database"),
        K::DROP_TABLESPACE => (&DATABASE_DROPPED, "a tablespace"),
        K::DROP_MATERIALIZED_VIEW => (&VIEW_DROPPED, "a materialized view"),
        K::DROP_TYPE => (&TYPE_DROPPED, "a type"),
        K::DROP_DOMAIN => (&TYPE_DROPPED, "a domain"),
        K::DROP_CAST => (&TYPE_DROPPED, "a cast"),
        K::DROP_OPERATOR => (&TYPE_DROPPED, "an operator"),
        K::DROP_OPERATOR_CLASS | K::DROP_OPERATOR_FAMILY => (&TYPE_DROPPED, "an operator class or family"),
        K::DROP_FUNCTION => (&FUNCTION_DROPPED, "a function"),
        K::DROP_PROCEDURE | K::DROP_ROUTINE => (&FUNCTION_DROPPED, "a routine"),
        K::DROP_AGGREGATE => (&FUNCTION_DROPPED, "an aggregate"),
        K::DROP_SEQUENCE => (&SEQUENCE_DROPPED, "a sequence"),
        K::DROP_EXTENSION => (&EXTENSION_DROPPED, "an extension"),
        K::DROP_ROLE | K::DROP_USER | K::DROP_GROUP => (&ROLE_DROPPED, "a role"),
        K::DROP_SERVER
        | K::DROP_FOREIGN_DATA_WRAPPER
        | K::DROP_USER_MAPPING
        | K::DROP_LANGUAGE
        | K::DROP_ACCESS_METHOD
        | K::DROP_COLLATION
        | K::DROP_CONVERSION
        | K::DROP_TRANSFORM
        | K::DROP_TEXT_SEARCH_CONFIG
        | K::DROP_TEXT_SEARCH_DICT
        | K::DROP_TEXT_SEARCH_PARSER
        | K::DROP_TEXT_SEARCH_TEMPLATE => (&EXTENSION_DROPPED, "what programs may use"),
        _ => return None,
    })
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::DROP_TABLE | K::DROP_FOREIGN_TABLE => {
            let mut tables = judge.session.relations(node, K::TABLE_NAME_REF);
            tables.extend(judge.session.relations(node, K::RELATION_NAME_REF));
            for table in tables {
                if !judge.session.is_of_this_file(&table) {
                    judge.report(&TABLE_DROPPED, node, format!("the data of {table} is lost"));
                }
            }
        }
        K::DROP_INDEX => {
            for index in judge.session.relations(node, K::INDEX_REF) {
                unique_index(judge, node, &index);
            }
        }
        K::DROP_OWNED => {
            judge.report(&OWNED_DROPPED, node, "DROP OWNED drops whatever the role owns".to_owned());
        }
        kind => {
            if let Some((rule, what)) = dropped(kind)
                && !objects::are_of_this_file(judge, node)
            {
                judge.report(rule, node, format!("{what} is dropped"));
            }
        }
    }
    cascade(judge, node);
}

/// A unique index is a promise too, unless no program knows it yet or another one says the same.
fn unique_index(judge: &mut Judge<'_>, node: &SyntaxNode, name: &RelationName) {
    let Some(on) = judge.session.table_of_index(name).filter(|table| !judge.session.is_of_this_file(table)).cloned()
    else {
        return;
    };
    let Some(table) = judge.session.table(&on) else { return };
    let fresh = |birth: Birth| birth.file == judge.session.file && birth.certain;
    let known = table.indexes.get(&name.name);
    let relied_on = known.is_some_and(|index| index.unique && !index.birth.is_some_and(fresh));
    let successor = successors::unique_successor(table, &name.name);
    // That of a constraint does not go by itself.
    if !relied_on || successors::has_key(table, &name.name) || successor == Successor::Same {
        return;
    }
    let finding = judge.report(&CONSTRAINT_DROPPED, node, format!("the unique index {name} of {on} is dropped"));
    finding.effect =
        "Programs lose a promise that they rely on: rows that it kept out can come in, ON CONFLICT fails.".to_owned();
    if successor == Successor::Similar {
        finding.severity = Severity::Warning;
        finding.help = "Keep it, unless the other index over its columns keeps out the same rows.".to_owned();
    }
}

/// CASCADE as the behaviour of a drop, not of a foreign key's ON DELETE.
fn cascade(judge: &mut Judge<'_>, node: &SyntaxNode) {
    for word in tree::below(node, K::CASCADE) {
        let referential = word.parent().is_some_and(|parent| {
            matches!(parent.kind(), K::ON_DELETE_ACTION | K::ON_UPDATE_ACTION | K::CREATE_EXTENSION)
        });
        if !referential && !objects::are_of_this_file(judge, node) {
            judge.report(&CASCADE, &word, "CASCADE goes on to what is not named here".to_owned());
        }
    }
}
