//! What is there for a connection alone, in a file whose steps may be run by more than one.

use std::collections::BTreeMap;
use std::ops::Range;

use super::embedded::Words;
use super::files::TEMPORARY_IN_STEPS;
use super::lexer::{self, TokenKind};
use super::source::Source;
use super::{Engine, Finding};

/// Something temporary that a step has made.
struct Made {
    step: usize,
    statement: Range<usize>,
    /// The table on which a trigger stands: what is done to that needs the trigger.
    table: Option<String>,
}

/// What a file without a transaction makes for its connection in one step and needs in a later one: where one in between
/// fails, the next run has another connection.
pub(super) fn used_later(source: &Source<'_>, engine: Engine) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !source.no_transaction {
        return findings;
    }
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    let (mut step, mut is_open) = (0, false);
    for statement in &source.statements {
        let words = Words::new(source.text, statement);
        match words.at(0) {
            "begin" | "start" => is_open = true,
            "commit" | "end" | "rollback" | "abort" => is_open = false,
            _ => {}
        }
        step += usize::from(!is_open);
        let new: Vec<(String, Option<String>)> =
            (0..words.len()).filter_map(|at| temporary(&words, at)).chain(in_bodies(&words, engine)).collect();
        let is_new = |name: &String| new.iter().any(|(new, _)| new == name);
        // What may be gone already is not needed.
        let can_lack = words.starts("drop") && words.has("if exists");
        let is_used = |name: &String, made: &Made| {
            let table = made.table.iter();
            let is_named = !can_lack && table.chain([name]).any(|name| names(&words, name, engine));
            made.step != step && !is_new(name) && is_named
        };
        let used: Vec<String> =
            made.iter().filter(|(name, made)| is_used(name, made)).map(|(name, _)| name.clone()).collect();
        for name in used {
            let Some(Made { statement, .. }) = made.remove(&name) else { continue };
            let line = source.position(words.range.start).line;
            let message = format!("{name} is temporary, and used in a later step, at line {line}");
            findings.push(source.finding(&TEMPORARY_IN_STEPS, statement.clone(), statement, message));
        }
        if words.starts("drop") {
            made.retain(|name, _| !names(&words, name, engine));
        }
        let new = new.into_iter().map(|(name, table)| (name, Made { step, statement: words.range.clone(), table }));
        made.extend(new);
    }
    findings
}

/// What the words from an index on make for the connection alone: its name, and the table of a trigger.
fn temporary(words: &Words, at: usize) -> Option<(String, Option<String>)> {
    let is_temporary = |word: &str| matches!(word, "temp" | "temporary");
    let kinds = ["table", "view", "sequence", "trigger", "macro", "function", "type", "index"];
    let (mut name_at, is_said) = match words.at(at) {
        "create" if at == 0 || words.at(at - 1) != "or" => {
            let kind = (at + 1..at + 6).find(|kind| kinds.contains(&words.at(*kind)))?;
            (words.past_if(kind + 1), (at + 1..kind).any(|word| is_temporary(words.at(word))))
        }
        "into" if at > 0 && !matches!(words.at(at - 1), "insert" | "replace" | "ignore" | "merge") => {
            let word = if matches!(words.at(at + 1), "local" | "global") { at + 2 } else { at + 1 };
            // A table, or a variable of a function, can be called so.
            let is_name =
                matches!(words.at(word + 1), "" | "." | "," | "(" | "from" | "where" | "values" | "select" | "using");
            if !is_temporary(words.at(word)) || is_name {
                return None;
            }
            (if words.at(word + 1) == "table" { word + 2 } else { word + 1 }, true)
        }
        _ => return None,
    };
    let mut is_there = is_said;
    while words.at(name_at + 1) == "." {
        is_there |= matches!(words.named(name_at), "temp" | "pg_temp");
        name_at += 2;
    }
    let is_trigger = (at..name_at).any(|word| words.at(word) == "trigger");
    let on = (name_at..words.len()).find(|word| is_trigger && words.at(*word) == "on");
    is_there.then(|| (words.named(name_at).to_owned(), on.map(|on| words.name(on + 1).0)))
}

/// What the body of a DO makes.
fn in_bodies(words: &Words, engine: Engine) -> Vec<(String, Option<String>)> {
    if engine != Engine::Postgres || words.at(0) != "do" {
        return Vec::new();
    }
    let bodies = (0..words.len()).filter_map(|at| body(words.named(at)));
    let made = bodies.flat_map(|body| {
        let tokens: Vec<_> =
            lexer::tokens(body, engine).into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
        let words = Words::new(body, &tokens);
        (0..words.len()).filter_map(|at| temporary(&words, at)).collect::<Vec<_>>()
    });
    made.collect()
}

/// What stands within a string, without its quotes.
fn body(string: &str) -> Option<&str> {
    let quote = match string.as_bytes().first()? {
        b'\'' => "'",
        b'$' => string.get(..string.get(1..)?.find('$')? + 2)?,
        _ => return None,
    };
    string.strip_prefix(quote)?.strip_suffix(quote)
}

/// Whether a statement has a name in it, as it is or in a string such as `nextval('s')`. A column of that name, with its table
/// before it, is another thing.
fn names(words: &Words, name: &str, engine: Engine) -> bool {
    let is_own = |at: usize| {
        let is_of_another = at > 1 && words.at(at - 1) == "." && !matches!(words.named(at - 2), "temp" | "pg_temp");
        words.named(at) == name && !is_of_another
    };
    let is_within = |at: usize| {
        body(words.named(at)).is_some_and(|body| {
            let tokens = lexer::tokens(body, engine);
            tokens.iter().any(|token| token.text(body).trim_matches('"').eq_ignore_ascii_case(name))
        })
    };
    let is_call = |at: usize| matches!(words.at(at), "nextval" | "currval" | "setval") && words.at(at + 1) == "(";
    let is_body = |at: usize| words.at(0) == "do" || at > 1 && is_call(at - 2);
    (0..words.len()).any(|at| is_own(at) || is_body(at) && is_within(at))
}
