//! One file's text, and the way from bytes to lines, columns and findings.

use std::ops::Range;
use std::path::Path;

use super::lexer::{self, Token, TokenKind};
use super::{Engine, Finding, Rule, files};
use crate::Position;

/// Parentheses, brackets and blocks inside each other that a statement may have.
const DEEPEST: usize = 1_000;
/// Tokens without a comma between them, over all levels: a bound on the depth of the tree that a parser makes of them.
const LONGEST: usize = 50_000;
/// A string is looked into, because it may be a function's body, when it is longer than this, in bytes.
const BODY: usize = 1_000;
/// The characters of a statement that a finding shows.
const SHOWN: usize = 120;

/// A file's text with what every engine needs of it.
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    /// The statements' tokens, without comments.
    pub(super) statements: Vec<Vec<Token>>,
    /// Whether `-- charter: no-transaction` is among the comments before the first statement.
    pub(super) no_transaction: bool,
    lines: Vec<usize>,
    /// Places within long lines: bytes, and how many characters of the line come before each.
    places: Vec<(usize, usize)>,
}

/// How far the places within a line are apart, in bytes.
const STRIDE: usize = 4096;

/// The characters of a text that people count.
fn characters(text: &str) -> usize {
    text.chars().filter(|character| *character != MARK).count()
}

/// What the columns in long lines are counted from.
fn places(text: &str) -> Vec<(usize, usize)> {
    let (mut places, mut last, mut count) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        if at - last >= STRIDE {
            places.push((at, count));
            last = at;
        }
        match character {
            '\n' => (last, count) = (at + 1, 0),
            MARK => {}
            _ => count += 1,
        }
    }
    places
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, engine: Engine) -> Self {
        let mut tokens = lexer::tokens(text, engine);
        if text.starts_with(MARK) {
            trim_mark(&mut tokens);
        }
        let statements = lexer::statements(text, &tokens);
        let no_transaction = tokens.iter().take_while(|token| token.kind == TokenKind::Comment).any(|token| {
            let comment = token.text(text).strip_prefix("--").map(str::trim);
            comment.and_then(|comment| comment.strip_prefix("charter:")).map(str::trim) == Some("no-transaction")
        });
        let lines =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        Self { file, text, lines: lines.collect(), places: places(text), tokens, statements, no_transaction }
    }

    /// The line and column of a byte; a byte inside a character counts as the character.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = self.boundary(offset);
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let past = self.places.partition_point(|(at, _)| *at <= offset);
        let known = past.checked_sub(1).and_then(|place| self.places.get(place)).filter(|(at, _)| *at >= start);
        let (from, count) = known.copied().unwrap_or((start, 0));
        let between = self.text.get(from..offset).unwrap_or_default();
        Position { line, column: count + characters(between) + 1 }
    }

    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// A finding of a rule about some bytes of a statement, with the rule's own severity, cost, reason and safe form.
    pub(super) fn finding(
        &self,
        rule: &'static Rule,
        range: Range<usize>,
        statement: Range<usize>,
        message: String,
    ) -> Finding {
        let start = self.boundary(range.start);
        let end = self.boundary(range.end).max(start);
        Finding {
            rule,
            severity: rule.severity,
            file: self.file.to_owned(),
            start: self.position(start),
            end: self.position(end),
            range: start..end,
            statement: self.shortened(statement),
            message,
            effect: rule.reason.to_owned(),
            cost: rule.cost,
            help: rule.help.to_owned(),
            of_host: false,
        }
    }

    /// The bytes of the statement around an offset; nothing where there is none.
    pub(super) fn statement_at(&self, offset: usize) -> Range<usize> {
        let found = self.statements.iter().map(|statement| extent(statement)).find(|range| offset < range.end);
        found.unwrap_or(offset..offset)
    }

    fn shortened(&self, range: Range<usize>) -> String {
        let range = self.boundary(range.start)..self.boundary(range.end);
        let mut shown = String::new();
        let mut count = 0;
        let mut end = range.start;
        let first = self.tokens.partition_point(|token| token.range.start < range.start);
        let within = self.tokens.iter().skip(first).take_while(|token| token.range.start < range.end);
        for token in within {
            if token.kind == TokenKind::Comment || token.range.end > range.end {
                continue;
            }
            let text = token.text(self.text);
            if token.range.start > end && !shown.is_empty() {
                shown.push(' ');
            }
            end = token.range.end;
            for character in text.chars() {
                if count >= SHOWN {
                    shown.push('…');
                    return shown;
                }
                shown.push(if character.is_whitespace() { ' ' } else { character });
                count += 1;
            }
        }
        shown
    }

    /// Findings about the text itself: strings and comments that never end, nesting that no parser should be given.
    pub(super) fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.text.starts_with(MARK) {
            let message = "the file begins with a byte order mark".to_owned();
            findings.push(self.finding(&files::BYTE_ORDER_MARK, 0..MARK.len_utf8(), 0..0, message));
        }
        if let Some(at) = too_deep(self.text, &self.tokens) {
            let message = "this is nested too deeply to be judged".to_owned();
            findings.push(self.finding(&files::TOO_DEEP, at..at, self.statement_at(at), message));
        }
        findings
    }
}

const MARK: char = '\u{feff}';

/// The mark is glued to the first word, which it is no part of.
fn trim_mark(tokens: &mut Vec<Token>) {
    if let Some(first) = tokens.first_mut() {
        first.range.start = MARK.len_utf8();
        if first.range.is_empty() {
            tokens.remove(0);
        }
    }
}

/// The bytes of a statement, from its first token to its last.
pub(super) fn extent(statement: &[Token]) -> Range<usize> {
    match (statement.first(), statement.last()) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => 0..0,
    }
}

/// Where the text is nested more deeply than a recursive parser can be trusted with, strings included, as they may be
/// bodies that are parsed in their turn.
pub(super) fn too_deep(text: &str, tokens: &[Token]) -> Option<usize> {
    let mut levels: Vec<usize> = vec![0];
    let mut total = 0usize;
    let mut blocks = 0usize;
    let mut words = tokens.iter().filter(|token| token.kind != TokenKind::Comment).peekable();
    let mut previous = "";
    while let Some(token) = words.next() {
        if token.kind == TokenKind::String && token.range.len() > BODY {
            let inner = token.text(text).trim_start_matches(|character: char| character != '\'' && character != '$');
            let inner = inner.trim_matches(['$', '\'']);
            if too_deep(inner, &lexer::tokens(inner, Engine::Postgres)).is_some() {
                return Some(token.range.start);
            }
        }
        let word = token.text(text);
        let next = words.peek().map_or("", |token| token.text(text));
        let is = |word: &str, of: &[&str]| of.iter().any(|candidate| word.eq_ignore_ascii_case(candidate));
        match word {
            "(" | "[" => levels.push(0),
            ")" | "]" if levels.len() > 1 => total -= levels.pop().unwrap_or_default(),
            "," => total -= levels.last_mut().map(std::mem::take).unwrap_or_default(),
            ";" => {
                levels = vec![0];
                total = 0;
            }
            _ if is(word, &["end"]) => blocks = blocks.saturating_sub(1),
            _ if is(previous, &["end"]) => {}
            _ if is(word, &["if"])
                && is(next, &["not", "exists"])
                && !is(previous, &["then", ";", "loop", "begin", "else"]) => {}
            _ if is(word, &["begin"]) && is(next, &["", ";", "transaction", "work", "isolation", "read"]) => {}
            _ if is(word, &["begin", "if", "loop", "case", "while"]) => blocks += 1,
            _ => {}
        }
        previous = word;
        if let Some(level) = levels.last_mut() {
            *level += 1;
            total += 1;
        }
        if levels.len() > DEEPEST || blocks > DEEPEST || total > LONGEST {
            return Some(token.range.start);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source<'_> {
        Source::new(Path::new("a.sql"), text, Engine::Postgres)
    }

    #[test]
    fn columns_of_long_lines_are_counted_alike() {
        let line = "é, ".repeat(STRIDE);
        let text = format!("{line}\n{line}x");
        let source = Source::new(Path::new("a.sql"), &text, Engine::Postgres);
        assert_eq!(source.position(text.len() - 1), Position { line: 2, column: 3 * STRIDE + 1 });
        assert_eq!(source.position(line.len() - 1), Position { line: 1, column: 3 * STRIDE });
        assert_eq!(source.position(line.len() + 1), Position { line: 2, column: 1 });
    }

    #[test]
    fn columns_count_characters_and_not_the_mark() {
        let text = "\u{feff}é x\r\nñandú y";
        let source = source(text);
        let at = |needle: &str| source.position(text.find(needle).unwrap());
        assert_eq!(at("x"), Position { line: 1, column: 3 });
        assert_eq!(at("y"), Position { line: 2, column: 7 });
        assert_eq!(source.position(usize::MAX), Position { line: 2, column: 8 });
    }

    #[test]
    fn the_directive_counts_only_above_the_first_statement() {
        assert!(source("-- what it does\n--charter:  no-transaction \nvacuum;").no_transaction);
        assert!(!source("select 1;\n-- charter: no-transaction\n").no_transaction);
        assert!(!source("-- charter: no-transactions\n").no_transaction);
        assert!(!source("select '\n-- charter: no-transaction\n'").no_transaction);
    }

    #[test]
    fn what_would_exhaust_a_parser_is_found() {
        let long = format!("insert into t values {};", "(1, -2, 'a'),".repeat(20_000));
        assert_eq!(source(&long).check(), []);
        for text in ["(".repeat(2_000), "not ".repeat(60_000), format!("do $$ {} $$", "if a then b; ".repeat(2_000))] {
            assert_eq!(source(&text).check()[0].rule.name, "too-deep");
        }
    }
}
