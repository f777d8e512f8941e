//! Bodies of functions and DO blocks: whether their text says all that they do.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::session::Session;
use super::{defaults, tree};

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

/// Functions that end what others are doing, lose data, or make the server keep it for ever.
const HARMFUL: &[&str] = &[
    "lo_export",
    "lo_put",
    "lo_truncate",
    "lo_truncate64",
    "lo_unlink",
    "lowrite",
    "pg_cancel_backend",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_drop_replication_slot",
    "pg_logical_slot_get_binary_changes",
    "pg_logical_slot_get_changes",
    "pg_promote",
    "pg_replication_origin_drop",
    "pg_replication_slot_advance",
    "pg_stat_reset",
    "pg_terminate_backend",
    "pg_wal_replay_pause",
];

/// What is known of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// It only gives a value.
    Calm,
    Harmful,
    /// It runs what is not in the text.
    Dynamic,
    /// Nothing.
    Unknown,
}

/// Whether a statement is one that runs the calls in it.
pub(super) fn runs_calls(statement: &SyntaxNode) -> bool {
    const KINDS: [K; 13] = [
        K::SELECT,
        K::COMPOUND_SELECT,
        K::PAREN_SELECT,
        K::SELECT_INTO,
        K::VALUES,
        K::INSERT,
        K::UPDATE,
        K::DELETE,
        K::MERGE,
        K::DECLARE,
        K::CREATE_TABLE_AS,
        K::CREATE_MATERIALIZED_VIEW,
        K::COPY,
    ];
    KINDS.contains(&statement.kind()) && !tree::has(statement, K::WITH_NO_DATA)
}

/// What a call of a function does, with the function's name; nothing for what only the grammar knows.
pub(super) fn of_call(session: &Session<'_>, call: &SyntaxNode) -> Option<(String, Call)> {
    let name = defaults::called(call)?;
    let known = match session.routine(&name) {
        _ if HARMFUL.contains(&name.as_str()) => Call::Harmful,
        Some(routine) if routine.calm || routine.told => Call::Calm,
        Some(_) => Call::Dynamic,
        None if EXECUTORS.contains(&name.as_str()) => Call::Dynamic,
        None if defaults::is_harmless(call, &name) => Call::Calm,
        None => Call::Unknown,
    };
    Some((name, known))
}

/// Whether the body of a DO block says what it runs: statements of its text, under conditions that only look. What EXECUTE
/// runs is put together when it runs, and how often a loop does nobody can tell.
pub(super) fn is_told(session: &Session<'_>, body: &SyntaxNode) -> bool {
    const TOLD: [K; 10] = [
        K::PLPGSQL_ASSERT_STMT,
        K::PLPGSQL_ASSIGN_STMT,
        K::PLPGSQL_CASE_STMT,
        K::PLPGSQL_EXEC_SQL_STMT,
        K::PLPGSQL_GET_DIAG_STMT,
        K::PLPGSQL_IF_STMT,
        K::PLPGSQL_NULL_STMT,
        K::PLPGSQL_PERFORM_STMT,
        K::PLPGSQL_RAISE_STMT,
        K::PLPGSQL_RETURN_STMT,
    ];
    // A statement of SQL is judged as such.
    const SQL: [K; 2] = [K::PLPGSQL_EXEC_SQL_STMT, K::PLPGSQL_PERFORM_STMT];
    body.descendants().all(|part| match part.kind() {
        K::ERROR => false,
        K::CALL_EXPR => part.ancestors().any(|outer| SQL.contains(&outer.kind())) || is_calm(session, &part),
        kind => !is_statement(kind) || TOLD.contains(&kind),
    })
}

fn is_statement(kind: K) -> bool {
    let name = format!("{kind:?}");
    name.starts_with("PLPGSQL_") && name.ends_with("_STMT")
}

fn is_calm(session: &Session<'_>, call: &SyntaxNode) -> bool {
    of_call(session, call).is_none_or(|(_, call)| call == Call::Calm)
}

/// Whether a function that is created only computes: it writes nothing, and calls nothing of which nobody knows.
pub(super) fn computes(session: &Session<'_>, function: &SyntaxNode) -> bool {
    let Some(function) = ast::CreateFunction::cast(function.clone()) else { return false };
    let calm = |body: &SyntaxNode| tree::below(body, K::CALL_EXPR).all(|call| is_calm(session, &call));
    if let Some(body) = function.plpgsql() {
        const WRITTEN: [K; 6] = [
            K::PLPGSQL_EXEC_SQL_STMT,
            K::PLPGSQL_DYN_EXECUTE_STMT,
            K::PLPGSQL_CALL_STMT,
            K::PLPGSQL_COMMIT_STMT,
            K::PLPGSQL_ROLLBACK_STMT,
            K::ERROR,
        ];
        return calm(&body.syntax()) && body.syntax().descendants().all(|part| !WRITTEN.contains(&part.kind()));
    }
    let only_reads = |statement: SyntaxNode| {
        let query =
            matches!(statement.kind(), K::SELECT | K::COMPOUND_SELECT | K::VALUES | K::PAREN_SELECT | K::EMPTY_STMT);
        let writes =
            |part: SyntaxNode| matches!(part.kind(), K::INSERT | K::UPDATE | K::DELETE | K::MERGE | K::INTO_CLAUSE);
        query && calm(&statement) && !statement.descendants().any(writes)
    };
    if let Some(body) = function.sql_body() {
        return body.syntax().children().all(only_reads);
    }
    match tree::child(function.syntax(), K::ATOMIC_BODY) {
        Some(body) => body.children().all(only_reads),
        None => tree::child(function.syntax(), K::RETURN_STMT).is_some_and(|value| calm(&value)),
    }
}
