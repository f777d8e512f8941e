//! The rules for Postgres, 14 to 18, over squawk's syntax tree.
//!
//! Each file is parsed; its statements are judged in order by one function per family of rules, which sees the statement and
//! the [`session`](session::Session), and then change the session. squawk's own rules run once over the file and give what
//! [`base`] takes from them.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use squawk_syntax::{Parse, SourceFile};

use super::lexer::{Token, TokenKind};
use super::source::{Source, extent, too_deep};
use super::{Catalogue, Finding, Input, LintOptions, Severity, files, lexer};

pub(super) mod access;
pub(super) mod attaching;
mod base;
mod bodies;
mod bounds;
mod casts;
mod changing;
mod children;
mod claims;
pub(super) mod columns;
pub(super) mod constraints;
pub(super) mod data;
mod defaults;
mod dependants;
pub(super) mod drops;
pub(super) mod dynamic;
mod enums;
mod excluded;
pub(super) mod existence;
pub(super) mod generated;
mod grammar;
pub(super) mod hygiene;
mod idle;
pub(super) mod immutable;
mod implied;
pub(super) mod indexes;
mod inferred;
pub(super) mod inserted;
mod judge;
mod keys;
mod literals;
pub(super) mod locks;
mod merging;
mod methods;
mod names;
mod objects;
pub(super) mod partitions;
mod places;
pub(super) mod publications;
mod queries;
mod readable;
mod recast;
pub(super) mod refused;
pub(super) mod renames;
mod retyped;
pub(super) mod rewrites;
pub(super) mod routines;
mod session;
pub(super) mod settings;
mod successors;
mod tables;
pub(super) mod transactions;
mod tree;
pub(super) mod triggers;
pub(super) mod types;
pub(super) mod versions;
pub(super) mod views;

use judge::Judge;

/// The findings of each file.
pub(super) fn judge<'a>(
    inputs: &[Input],
    sources: &'a [Source<'a>],
    options: &'a LintOptions,
    catalogue: Option<&'a Catalogue>,
) -> Vec<Vec<Finding>> {
    let Some(first) = sources.first() else { return Vec::new() };
    let mut judge = Judge::new(options, catalogue, first);
    let mut found = Vec::new();
    let read = read_all(sources, options);
    for (index, ((input, source), read)) in inputs.iter().zip(sources).zip(read).enumerate() {
        let mut findings = read.findings;
        if let Some((parsed, base)) = read.tree {
            // The trees are not ours: a bug of theirs must neither take the program down nor let a file pass.
            match catch_unwind(AssertUnwindSafe(|| judge.file(index, input.applied, source, &parsed, base))) {
                Ok(said) => findings.extend(said),
                Err(_) => findings.push(given_up(source)),
            }
        }
        found.push(findings);
    }
    found.iter_mut().zip(judge.finish(sources)).for_each(|(findings, late)| findings.extend(late));
    found
}

/// A file as the parser reads it.
struct Read {
    findings: Vec<Finding>,
    /// The tree, and what squawk's rules say; `None` where there is none to judge, which is a finding.
    tree: Option<(Parse<SourceFile>, Vec<base::Violation>)>,
}

/// How many files are worth a thread.
const SHARE: usize = 16;

/// Reads files, which know nothing of each other yet, on as many threads as serve.
fn read_all(sources: &[Source<'_>], options: &LintOptions) -> Vec<Read> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(sources.len() / SHARE).max(1);
    let read_part = |part: &[Source<'_>]| part.iter().map(|source| read(source, options)).collect::<Vec<_>>();
    let mut parts = sources.chunks(sources.len().div_ceil(threads).max(1));
    let own = parts.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let spawn = |part| {
            let thread = std::thread::Builder::new().stack_size(super::STACK);
            (part, thread.spawn_scoped(scope, move || read_part(part)))
        };
        let others: Vec<_> = parts.map(spawn).collect();
        let mut all = read_part(own);
        for (part, other) in others {
            match other.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(read)) => all.extend(read),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No more threads can be had.
                Err(_) => all.extend(read_part(part)),
            }
        }
        all
    })
}

fn read(source: &Source<'_>, options: &LintOptions) -> Read {
    let mut findings = Vec::new();
    let text = readable(source, options, &mut findings);
    // The parser is not ours either.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let (parsed, base) = parse(&text, options)?;
        let errors = syntax_errors(source, &parsed);
        Some((errors, (parsed, base)))
    }));
    let tree = match parsed {
        Ok(Some((errors, tree))) => {
            findings.extend(errors);
            Some(tree)
        }
        // Too deep, which has been said.
        Ok(None) => None,
        Err(_) => {
            findings.push(given_up(source));
            None
        }
    };
    Read { findings, tree }
}

fn given_up(source: &Source<'_>) -> Finding {
    let all = 0..source.text.len();
    source.finding(&files::SYNTAX_ERROR, all.clone(), all, "the parser gives up on this file".to_owned())
}

/// The tree, and what squawk's rules say. Nothing where the text is too deep for a parser.
fn parse(text: &str, options: &LintOptions) -> Option<(Parse<SourceFile>, Vec<base::Violation>)> {
    if too_deep(text, &lexer::tokens(text, options.engine)).is_some() {
        return None;
    }
    let mut parsed = SourceFile::parse(text);
    if let Some(text) = base::without_ignores(&parsed, text) {
        parsed = SourceFile::parse(&text);
    }
    let violations = base::violations(&parsed, text, options);
    Some((parsed, violations))
}

/// The text with the byte order mark, psql's commands, inline COPY data and what squawk's parser cannot read blanked out, byte
/// for byte, and a finding for each command. Charter runs the text itself; who runs any other may well be psql.
fn readable(source: &Source<'_>, options: &LintOptions, findings: &mut Vec<Finding>) -> String {
    // Commands that run no SQL and read none.
    const CALM: [&str; 8] =
        ["\\echo", "\\encoding", "\\pset", "\\restrict", "\\set", "\\timing", "\\unrestrict", "\\unset"];
    let text = source.text;
    let mut blanks: Vec<Range<usize>> = Vec::new();
    if text.starts_with('\u{feff}') {
        blanks.push(0..'\u{feff}'.len_utf8());
    }
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |length| at + length);
    for statement in &source.statements {
        let range = extent(statement);
        let word = |word: &str| statement.iter().any(|token| token.is_word(text, word));
        let copies =
            statement.first().is_some_and(|token| token.is_word(text, "copy")) && word("from") && word("stdin");
        let data = line_end(range.end);
        if copies && !blanks.iter().any(|blank| blank.contains(&range.start)) {
            let message = "the data of COPY FROM STDIN is read by psql alone".to_owned();
            findings.push(source.finding(&files::PSQL_COMMAND, range.clone(), range, message));
            if let Some(length) = text.get(data..).and_then(|rest| rest.find("\n\\.")) {
                blanks.push(data..data + length + "\n\\.".len());
            }
        }
    }
    blanks.extend(source.statements.iter().flat_map(|statement| unread(text, statement, options.postgres_version)));
    let mut last = 0;
    for token in &source.tokens {
        let covered = blanks.iter().any(|blank| blank.contains(&token.range.start)) || token.range.start < last;
        if token.kind == TokenKind::Symbol && token.text(text) == "\\" && !covered {
            last = line_end(token.range.start);
            let command = text[token.range.start..last].trim_end();
            let range = token.range.start..token.range.start + command.len();
            let name = command.split_whitespace().next().unwrap_or(command);
            let message = format!("{name} is a command of psql, not SQL");
            let mut finding = source.finding(&files::PSQL_COMMAND, range.clone(), range, message);
            // Between backquotes stands a command of the shell's.
            let told = command.contains('`') || command.contains("AUTOCOMMIT");
            if !options.wrapped && !told && CALM.contains(&name) {
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
            blanks.push(token.range.start..last);
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    // squawk's lexer ends a string that goes on after a line break at its first escaped quote.
    for byte in source.tokens.iter().flat_map(|token| lexer::later_pieces(text, token)).flatten() {
        if let Some(byte) = bytes.get_mut(byte)
            && !matches!(byte, b'\n' | b'\r')
        {
            *byte = b'x';
        }
    }
    for byte in blanks.into_iter().flatten() {
        if let Some(byte) = bytes.get_mut(byte)
            && !matches!(byte, b'\n' | b'\r')
        {
            *byte = b' ';
        }
    }
    // Blanks replace whole characters: the text stays UTF-8.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// What the server reads and squawk's parser does not, and what has no weight for any rule: SET NAMES, and how the values of an
/// added column are stored.
fn unread(text: &str, statement: &[Token], version: u32) -> Vec<Range<usize>> {
    let is = |token: &Token, words: &[&str]| words.iter().any(|word| token.is_word(text, word));
    let begins = |words: &[&str]| {
        statement.len() > words.len() && statement.iter().zip(words).all(|(token, word)| token.is_word(text, word))
    };
    if begins(&["set", "names"]) {
        return vec![extent(statement)];
    }
    if !begins(&["alter", "table"]) && !begins(&["alter", "foreign", "table"]) {
        return Vec::new();
    }
    let stored = statement.windows(3).filter_map(|window| {
        let [before, word, value] = window else { return None };
        let named = is(before, &["add", "column", "drop", "exists", "rename", "set", "to"]);
        let storage =
            version >= 16 && is(word, &["storage"]) && is(value, &["plain", "external", "extended", "main", "default"]);
        let compression = is(word, &["compression"]) && is(value, &["pglz", "lz4", "default"]);
        let found = !named && before.kind != TokenKind::Symbol && (storage || compression);
        found.then_some(word.range.start..value.range.end)
    });
    stored.collect()
}

/// The first syntax error of each statement.
fn syntax_errors(source: &Source<'_>, parsed: &Parse<SourceFile>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut until = 0;
    for error in parsed.errors() {
        let range = usize::from(error.range().start())..usize::from(error.range().end());
        if range.start < until {
            continue;
        }
        let statement = source.statement_at(range.start);
        until = statement.end.max(range.start + 1);
        findings.push(source.finding(&files::SYNTAX_ERROR, range, statement, error.message().to_owned()));
    }
    findings
}
