//! What the text does not show: DO blocks, dynamic SQL, calls. And what it shows inside of other statements.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::plpgsql::Plpgsql;

use super::super::{Cost, Finding, Rule, Severity};
use super::bodies::{self, Call};
use super::judge::Judge;
use super::locks::LockMode;
use super::session::{Held, Routine};
use super::{columns, transactions, tree};
use crate::engine::MIGRATORS_LOCK;

pub(in super::super) const RULES: &[&Rule] = &[&DYNAMIC, &HARMFUL_FUNCTION, &UNKNOWN_FUNCTION];

static DYNAMIC: Rule = Rule {
    name: "dynamic-sql",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "EXECUTE, CALL, COPY ... PROGRAM, a function that these files made and that writes, a DO block that has one of these or a loop, or touches a table: what runs is not in the text; as information, any other DO block",
    reason: "What it locks, breaks or loses is decided when it runs, so nobody can judge it beforehand.",
    help: "Write the statements themselves; else try it on a copy, and allow this by name.",
    source: "https://www.postgresql.org/docs/current/sql-do.html",
};
static HARMFUL_FUNCTION: Rule = Rule {
    name: "harmful-function",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A call of a function that ends what others are doing, or loses data (pg_terminate_backend, pg_drop_replication_slot, lo_unlink, ...), or that gives away the lock which keeps other migrators out (pg_advisory_unlock_all; DISCARD ALL too); as a warning, a lock that outlives the migration (pg_advisory_lock)",
    reason: "Running programs lose their connections, their queries or their data.",
    help: "Leave this to the server's administration; lock_timeout and a retry instead of ending who holds the lock.",
    source: "https://www.postgresql.org/docs/current/functions-admin.html",
};
static UNKNOWN_FUNCTION: Rule = Rule {
    name: "unknown-function",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "A call of a function of which neither these files nor the documentation say what it does",
    reason: "The function may change data or tables: nobody can judge it beforehand.",
    help: "Write the statements themselves; else make sure of what the function does, and allow this by name.",
    source: "https://www.postgresql.org/docs/current/xfunc-volatility.html",
};

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
        K::DISCARD if judge.options.timeouts_set && tree::words(node).contains("all") => {
            gives_lock_away(judge, node, "DISCARD ALL");
        }
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
                let told =
                    bodies::computes(&judge.session, node) && others.is_none_or(|others| others.calm || others.told);
                judge.session.set_routine(name.clone(), Routine { calm, told });
                judge.session.set_mutable(name, is_mutable(node));
            }
        }
        K::CREATE_AGGREGATE => {
            // It is what its functions are: those that come with the server, or others of these files.
            let functions = tree::below(node, K::ATTRIBUTE_VALUE).filter_map(|value| tree::path(&value).pop());
            let told = |name: String| judge.session.routine(&name).is_none_or(|routine| routine.calm || routine.told);
            let told = functions.into_iter().all(told);
            if let Some(name) = tree::path(node).pop() {
                judge.session.set_routine(name, Routine { calm: false, told });
            }
        }
        K::ALTER_FUNCTION | K::ALTER_ROUTINE if declared(node, "stable") || declared(node, "immutable") => {
            // Which of those with that name it was, and which a call means, is not known.
            if let Some(name) = tree::path(node).pop() {
                judge.session.volatile.remove(&name);
                judge.session.set_mutable(name, false);
            }
        }
        K::ALTER_FUNCTION | K::ALTER_ROUTINE if declared(node, "volatile") => {
            if let Some(name) = tree::path(node).pop() {
                let told = judge.session.routine(&name).is_some_and(|routine| routine.told);
                judge.session.set_routine(name, Routine { calm: false, told });
            }
        }
        _ => calls(judge, node),
    }
}

/// Whether a finding is that nobody can tell what runs.
pub(super) fn is_undecided(finding: &Finding) -> bool {
    std::ptr::eq(finding.rule, &DYNAMIC) && finding.severity == Severity::Error
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

/// Whether a function that is created is neither IMMUTABLE nor written in SQL: the server puts the text of one in SQL in place of
/// its call, where it can, and looks at that.
fn is_mutable(node: &SyntaxNode) -> bool {
    let options = tree::child(node, K::FUNC_OPTION_LIST);
    let languages = options.iter().flat_map(|options| tree::below(options, K::LANGUAGE_FUNC_OPTION));
    let mut languages = languages.map(|language| tree::words(&language).replace([' ', '\'', '"'], ""));
    !declared(node, "immutable") && languages.next().is_some_and(|language| language != "languagesql")
}

/// What stands in a DO block as plain SQL is judged as if it were in the file. Where that is all, and no table that others
/// use is touched, the block itself is no more than that.
fn block(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let body = ast::Do::cast(node.clone()).and_then(|block| block.plpgsql());
    let told = body.as_ref().is_some_and(|body| bodies::is_told(&judge.session, &body.syntax()));
    let before = judge.session.held.len();
    if let Some(body) = body {
        statements(judge, node, body);
    }
    // What a foreign key refers to is not touched by it.
    let referred = |held: &Held| held.mode == LockMode::ShareRowExclusive && !held.altered;
    let touches = !judge.session.held.iter().skip(before).all(referred);
    let message = match told {
        true if touches => "whether this DO block touches the table is decided when it runs",
        true => "whether the statements of this DO block run is decided when it runs",
        false => "what a DO block runs is decided when it runs",
    };
    let finding = judge.report(&DYNAMIC, node, message.to_owned());
    if told && !touches {
        finding.severity = Severity::Info;
        finding.effect = "Its statements are judged as if they ran.".to_owned();
        finding.help = "Keep it, if this is meant; IF NOT EXISTS says the same where the statement has it.".to_owned();
    }
}

/// Judges the statements of a DO block.
fn statements(judge: &mut Judge<'_>, node: &SyntaxNode, body: Plpgsql) {
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
    if !bodies::runs_calls(node) {
        return;
    }
    for call in tree::below(node, K::CALL_EXPR) {
        let Some((name, known)) = bodies::of_call(&judge.session, &call) else { continue };
        match known {
            Call::Harmful => {
                judge.report(&HARMFUL_FUNCTION, &call, format!("{name}() ends what others are doing, or loses data"));
            }
            Call::Dynamic => {
                judge.report(&DYNAMIC, &call, format!("{name}() runs what is not in the text"));
            }
            Call::Unknown if is_filter(&call) => {}
            Call::Unknown => {
                judge.report(&UNKNOWN_FUNCTION, &call, format!("what {name}() does is not in the text"));
            }
            Call::Calm => harmless(judge, &call, &name),
        }
    }
}

/// Whether a call is in a condition on rows, and gives a value to that.
fn is_filter(call: &SyntaxNode) -> bool {
    let filter = call.ancestors().find(|outer| outer.kind() == K::WHERE_CLAUSE);
    filter
        .and_then(|filter| filter.parent())
        .is_some_and(|query| query.kind() != K::SELECT || tree::has(&query, K::FROM_CLAUSE))
}

/// What frees the session's own lock, by which migrators wait for each other.
fn gives_lock_away(judge: &mut Judge<'_>, node: &SyntaxNode, what: &str) {
    let message = format!("{what} gives away the lock that keeps other migrators out");
    let finding = judge.report(&HARMFUL_FUNCTION, node, message);
    finding.effect =
        "Another migrator may run the same migrations at the same time; charter stops behind it.".to_owned();
    finding.help = "Leave it away; free a lock of the migration's own by its key: pg_advisory_unlock(KEY).".to_owned();
}

/// Functions that lose nothing, and that there is something to know about.
fn harmless(judge: &mut Judge<'_>, call: &SyntaxNode, name: &str) {
    if matches!(name, "pg_advisory_lock" | "pg_advisory_lock_shared") {
        let message = format!("{name}() keeps its lock after the migration, and waits for all who have it");
        let finding = judge.report(&HARMFUL_FUNCTION, call, message);
        finding.severity = Severity::Warning;
        finding.effect = "Who waits for the lock waits for as long as the connection lives.".to_owned();
        finding.help = "pg_advisory_xact_lock(), which ends with its transaction.".to_owned();
    }
    let arguments = tree::child(call, K::ARG_LIST);
    let key = arguments.iter().flat_map(SyntaxNode::children).next().map(|key| tree::words(&key));
    let is_charters = || key.is_some_and(|key| key == MIGRATORS_LOCK.to_string());
    if name == "pg_advisory_unlock_all" || name == "pg_advisory_unlock" && is_charters() {
        gives_lock_away(judge, call, &format!("{name}()"));
    }
    let value = arguments.and_then(|arguments| arguments.children().nth(1));
    if name == "setval"
        && value.is_some_and(|value| {
            tree::below(&value, K::SELECT).chain(tree::below(&value, K::NAME_REF)).next().is_none()
        })
    {
        let message = "the sequence goes on from a value that is not read from its table".to_owned();
        judge.report(&columns::SEQUENCE_CHANGED, call, message);
    }
}
