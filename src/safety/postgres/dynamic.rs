//! What the text does not show: DO blocks, dynamic SQL, calls. And what it shows inside of other statements.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::super::{Cost, Rule, Severity};
use super::judge::Judge;
use super::session::Routine;
use super::{defaults, transactions, tree};

pub(in super::super) const RULES: &[&Rule] = &[&DYNAMIC, &HARMFUL_FUNCTION, &UNKNOWN_FUNCTION];

static DYNAMIC: Rule = Rule {
    name: "dynamic-sql",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "A DO block, EXECUTE, CALL, COPY ... PROGRAM, or a function that these files made: what runs is not in the text",
    reason: "What it locks, breaks or loses is decided when it runs, so nobody can judge it beforehand.",
    help: "Write the statements themselves; else try it on a copy, and allow this by name.",
    source: "https://www.postgresql.org/docs/current/sql-do.html",
};
static HARMFUL_FUNCTION: Rule = Rule {
    name: "harmful-function",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A call of a function that ends what others are doing, or loses data (pg_terminate_backend, pg_drop_replication_slot, lo_unlink, ...)",
    reason: "Running programs lose their connections, their queries or their data.",
    help: "Leave this to the server's administration; lock_timeout and a retry instead of ending who holds the lock.",
    source: "https://www.postgresql.org/docs/current/functions-admin.html",
};
static UNKNOWN_FUNCTION: Rule = Rule {
    name: "unknown-function",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "A SELECT that is a call of a function of which these files do not say what it does; as a warning, one over the rows of a table",
    reason: "The function may change data or tables: nobody can judge it beforehand.",
    help: "Write the statements themselves; else make sure of what the function does, and allow this by name.",
    source: "https://www.postgresql.org/docs/current/xfunc-volatility.html",
};

/// Functions that run the SQL that they are given.
const EXECUTORS: &[&str] = &[
    "dblink",
    "dblink_exec",
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "pg_background_launch",
    "schedule",
    "ts_stat",
    "crosstab",
    "exec",
    "execute_sql",
    "exec_sql",
];

/// Functions that end what others are doing, or lose data.
const HARMFUL: &[&str] = &[
    "lo_unlink",
    "pg_cancel_backend",
    "pg_drop_replication_slot",
    "pg_promote",
    "pg_replication_origin_drop",
    "pg_stat_reset",
    "pg_terminate_backend",
    "pg_wal_replay_pause",
];

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::DO => block(judge, node),
        K::EXECUTE => execute(judge, node),
        K::CREATE_TABLE_AS if tree::has(node, K::EXECUTE) => {
            tree::below(node, K::EXECUTE).for_each(|inside| execute(judge, &inside));
        }
        K::PREPARE => {
            if let Some(name) = tree::child_name(node, K::PREPARED_STATEMENT) {
                judge.session.prepared.insert(name);
            }
            inside(judge, node);
        }
        K::COPY => {
            let mut programs = tree::below(node, K::COPY_PROGRAM);
            if let Some(program) = programs.find(|program| tree::has_token(program, K::PROGRAM_KW)) {
                judge.report(&DYNAMIC, &program, "COPY runs a program on the server".to_owned());
            }
            calls(judge, node);
        }
        K::EXPLAIN if analyzes(node) => inside(judge, node),
        K::CREATE_SCHEMA => schema(judge, node),
        K::CALL => {
            let name = judge.shown(judge.session.relation(node).as_ref());
            judge.report(&DYNAMIC, node, format!("CALL {name}: what the procedure does is not in the text"));
        }
        K::CREATE_FUNCTION | K::CREATE_PROCEDURE => {
            let calm = ["immutable", "stable"].iter().any(|word| declared(node, word));
            if let Some(name) = tree::path(node).pop() {
                // Another one of that name may take other arguments.
                let others = judge.session.routine(&name).filter(|_| !tree::has(node, K::OR_REPLACE));
                let calm = calm && others.is_none_or(|others| others.calm);
                judge.session.set_routine(name, Routine { calm });
            }
        }
        K::ALTER_FUNCTION | K::ALTER_ROUTINE if declared(node, "volatile") => {
            if let Some(name) = tree::path(node).pop() {
                judge.session.set_routine(name, Routine { calm: false });
            }
        }
        _ => calls(judge, node),
    }
}

fn execute(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let name = tree::child_name(node, K::PREPARED_STATEMENT_REF).unwrap_or_default();
    if !judge.session.prepared.contains(&name) {
        judge.report(&DYNAMIC, node, format!("EXECUTE of {name}, which this file does not prepare"));
    }
}

fn declared(node: &SyntaxNode, word: &str) -> bool {
    let options = tree::child(node, K::FUNC_OPTION_LIST);
    options.is_some_and(|options| options.children().any(|option| tree::words(&option) == word))
}

/// A DO block is reported as such; then what stands in it as plain SQL is judged as if it were in the file.
fn block(judge: &mut Judge<'_>, node: &SyntaxNode) {
    judge.report(&DYNAMIC, node, "what a DO block runs is decided when it runs".to_owned());
    let Some(body) = ast::Do::cast(node.clone()).and_then(|block| block.plpgsql()) else { return };
    let root = body.syntax();
    let mut statements = Vec::new();
    for part in root.descendants() {
        match part.kind() {
            K::PLPGSQL_EXEC_SQL_STMT | K::PLPGSQL_PERFORM_STMT => {
                statements.extend(part.children().filter(|child| child.kind() != K::ERROR));
            }
            K::PLPGSQL_COMMIT_STMT | K::PLPGSQL_ROLLBACK_STMT if judge.session.in_transaction() => {
                transactions::refused_in_block(judge, node);
            }
            K::PLPGSQL_DYN_EXECUTE_STMT => {
                if let Some(text) = constant(&part) {
                    judge.judge_text(&text, node);
                }
            }
            _ => {}
        }
    }
    judge.judge_body(body, &statements);
}

/// The text of an EXECUTE whose argument is one string.
fn constant(execute: &SyntaxNode) -> Option<String> {
    let query = tree::child(execute, K::PLPGSQL_EXPR)?;
    let tokens: Vec<_> = tree::all_tokens(&query).collect();
    let literal = tree::below(&query, K::LITERAL).next().and_then(ast::Literal::cast)?;
    if tokens.len() == 1 { literal.string_value() } else { None }
}

/// The statement inside of PREPARE or EXPLAIN ANALYZE.
fn inside(judge: &mut Judge<'_>, node: &SyntaxNode) {
    const SKIPPED: [K; 4] = [K::PREPARED_STATEMENT, K::PARAM_LIST, K::EXPLAIN_ANALYZE, K::EXPLAIN_OPTION_LIST];
    let statements: Vec<SyntaxNode> = node.children().filter(|child| !SKIPPED.contains(&child.kind())).collect();
    judge.judge_inside(&statements);
}

/// The elements of CREATE SCHEMA are statements in that schema.
fn schema(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let elements: Vec<SyntaxNode> =
        node.children().filter(|child| ast::SchemaElement::can_cast(child.kind())).collect();
    let name =
        tree::below(node, K::SCHEMA).chain(tree::below(node, K::SCHEMA_REF)).next().map(|name| tree::name(&name));
    if !elements.is_empty() {
        let before = judge.session.set_search_path(name.into_iter().collect());
        judge.judge_inside(&elements);
        judge.session.set_search_path(before);
    }
}

/// Whether EXPLAIN runs what it explains.
fn analyzes(node: &SyntaxNode) -> bool {
    let options = tree::child(node, K::EXPLAIN_OPTION_LIST);
    let on = |option: SyntaxNode| {
        let words = tree::words(&option);
        let (name, value) = words.split_once(' ').unwrap_or((&words, "true"));
        name.starts_with("analy") && !matches!(value.trim_matches('\''), "false" | "off" | "0")
    };
    tree::has(node, K::EXPLAIN_ANALYZE) || options.iter().flat_map(SyntaxNode::children).any(on)
}

/// Calls of functions in a statement that runs them.
fn calls(judge: &mut Judge<'_>, node: &SyntaxNode) {
    const RUN: [K; 12] = [
        K::SELECT,
        K::COMPOUND_SELECT,
        K::DECLARE,
        K::VALUES,
        K::INSERT,
        K::UPDATE,
        K::DELETE,
        K::MERGE,
        K::SELECT_INTO,
        K::CREATE_TABLE_AS,
        K::CREATE_MATERIALIZED_VIEW,
        K::COPY,
    ];
    if !RUN.contains(&node.kind()) || tree::has(node, K::WITH_NO_DATA) {
        return;
    }
    // SELECT f(): what it gives is thrown away, so it is there for what it does. Over the rows of a table, a function in a
    // condition, or within another call, gives a value to that.
    const THROWN_AWAY: [K; 4] = [K::SELECT, K::COMPOUND_SELECT, K::VALUES, K::DECLARE];
    let thrown_away = THROWN_AWAY.contains(&node.kind());
    let queries: Vec<String> = tree::below(node, K::CTE_NAME).map(|name| tree::name(&name)).collect();
    let is_table = |item: SyntaxNode| !matches!(&tree::path(&item)[..], [name] if queries.contains(name));
    let tables = tree::below(node, K::RELATION_FROM_ITEM).any(is_table);
    for call in tree::below(node, K::CALL_EXPR) {
        let Some(function) = defaults::called(&call) else { continue };
        let name = function.as_str();
        let routine = judge.session.routine(name);
        let known = defaults::is_known(name) && defaults::is_builtin(&call);
        if HARMFUL.contains(&name) {
            judge.report(&HARMFUL_FUNCTION, &call, format!("{name}() ends what others are doing, or loses data"));
        } else if routine.is_some_and(|routine| !routine.calm) || EXECUTORS.contains(&name) {
            judge.report(&DYNAMIC, &call, format!("{name}() runs what is not in the text"));
        } else if thrown_away && routine.is_none() && !known && !(tables && is_argument(&call, node)) {
            let finding = judge.report(&UNKNOWN_FUNCTION, &call, format!("what {name}() does is not in the text"));
            if tables {
                finding.severity = Severity::Warning;
            }
        }
    }
}

/// Whether a call only gives a value to something else: it is in a condition, or within another call.
fn is_argument(call: &SyntaxNode, statement: &SyntaxNode) -> bool {
    let outer = call.ancestors().skip(1).take_while(|node| node != statement);
    outer.into_iter().any(|node| matches!(node.kind(), K::CALL_EXPR | K::WHERE_CLAUSE))
}
