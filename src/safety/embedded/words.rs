//! Statements as words.

use super::super::lexer::{Token, TokenKind};
use super::super::source::extent;
use std::collections::BTreeSet;
use std::ops::Range;

/// What a name in quotes is where a keyword is looked for: none.
const QUOTED: &str = "\"";

/// One statement as words in lower case: names without their quotes, strings and symbols as they are.
///
/// A name in quotes is never a keyword or a symbol: [`Words::at`] and all that looks for words does not see it,
/// [`Words::named`] and [`Words::name`] do.
#[derive(Clone)]
pub(in crate::safety) struct Words {
    words: Vec<String>,
    tokens: Vec<Token>,
    /// The temporary tables that hide others of their names.
    hiding: BTreeSet<String>,
    pub(in crate::safety) range: Range<usize>,
}

impl Words {
    pub(in crate::safety) fn new(text: &str, statement: &[Token]) -> Self {
        let tokens: Vec<Token> = statement.iter().filter(|token| !token.is_symbol(text, ";")).cloned().collect();
        let words = tokens.iter().map(|token| word(token, text)).collect();
        Self { words, range: extent(statement), tokens, hiding: BTreeSet::new() }
    }

    pub(in crate::safety) fn len(&self) -> usize {
        self.words.len()
    }

    /// The keyword, symbol or string at an index, or nothing.
    pub(in crate::safety) fn at(&self, index: usize) -> &str {
        if self.is_quoted(index) { QUOTED } else { self.named(index) }
    }

    /// The word at an index as a name, or nothing.
    pub(in crate::safety) fn named(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    pub(in crate::safety) fn starts(&self, words: &str) -> bool {
        self.is_at(0, words)
    }

    pub(in crate::safety) fn is_at(&self, index: usize, words: &str) -> bool {
        words.split(' ').enumerate().all(|(offset, word)| self.at(index + offset) == word)
    }

    /// Where a sequence of words first occurs.
    pub(in crate::safety) fn find(&self, words: &str) -> Option<usize> {
        let first = words.split(' ').next().unwrap_or_default();
        (0..self.len()).find(|index| self.at(*index) == first && self.is_at(*index, words))
    }

    pub(in crate::safety) fn has(&self, words: &str) -> bool {
        self.find(words).is_some()
    }

    /// The bytes of some of the words.
    pub(in crate::safety) fn bytes(&self, from: usize, to: usize) -> Range<usize> {
        match (self.tokens.get(from), self.tokens.get(to.min(self.tokens.len()).saturating_sub(1))) {
            (Some(first), Some(last)) => first.range.start..last.range.end.max(first.range.end),
            _ => self.range.clone(),
        }
    }

    /// The statement where some temporary tables are there.
    pub(super) fn among(&self, temporary: &BTreeSet<String>) -> Self {
        Self { hiding: temporary.clone(), ..self.clone() }
    }

    /// The name at an index, without its schema but for that of temporary tables, and the index after it.
    pub(in crate::safety) fn name(&self, index: usize) -> (String, usize) {
        let is_qualified = self.at(index + 1) == ".";
        let at = if is_qualified { index + 2 } else { index };
        let name = self.named(at);
        let is_temporary = match is_qualified {
            true => matches!(self.named(index), "temp" | "temporary"),
            false => self.hiding.contains(name),
        };
        (if is_temporary { temporary(name) } else { name.to_owned() }, at + 1)
    }

    /// Where a sequence of words first occurs in a range.
    pub(super) fn find_in(&self, range: Range<usize>, words: &str) -> Option<usize> {
        range.into_iter().find(|at| self.is_at(*at, words))
    }

    /// The index after `IF [NOT] EXISTS`, if it is there.
    pub(in crate::safety) fn past_if(&self, index: usize) -> usize {
        match () {
            () if self.is_at(index, "if not exists") => index + 3,
            () if self.is_at(index, "if exists") => index + 2,
            () => index,
        }
    }

    fn is_quoted(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == TokenKind::QuotedName)
    }

    /// How many parentheses are more open after a word than before it.
    pub(super) fn opens(&self, index: usize) -> i64 {
        match self.at(index) {
            "(" => 1,
            ")" => -1,
            _ => 0,
        }
    }

    /// Whether there is a comma outside of parentheses.
    pub(in crate::safety) fn has_bare_comma(&self) -> bool {
        let mut depth = 0i64;
        (0..self.len()).any(|at| {
            depth += self.opens(at);
            self.at(at) == "," && depth == 0
        })
    }

    /// The parts between the commas of the parentheses that open at or after an index, each as a range of words.
    pub(in crate::safety) fn items(&self, index: usize) -> Vec<Range<usize>> {
        let Some(open) = (index..self.len()).find(|at| self.at(*at) == "(") else { return Vec::new() };
        let mut depth = 0;
        let close = (open..self.len()).find(|at| {
            depth += self.opens(*at);
            depth == 0
        });
        close.map(|close| self.parts(open + 1..close)).unwrap_or_default()
    }

    /// The parts of a range between its commas, those in parentheses left out.
    pub(super) fn parts(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let (mut found, mut depth, mut start) = (Vec::new(), 0i64, range.start);
        for at in range.clone() {
            depth += self.opens(at);
            if depth == 0 && self.at(at) == "," {
                found.push(start..at);
                start = at + 1;
            }
        }
        found.push(start..range.end);
        found
    }

    /// Whatever can be a name among some words.
    pub(super) fn names(&self, range: Range<usize>) -> BTreeSet<String> {
        range.filter(|at| self.is_name(*at)).map(|at| self.named(at).to_owned()).collect()
    }

    /// Whatever can be a name among some words, and within a string among them, as in `nextval('s')`.
    pub(super) fn mentions(&self, range: Range<usize>) -> BTreeSet<String> {
        range.filter_map(|at| self.mentioned(at)).collect()
    }

    /// The name that a word is, or that a string has in it, without its schema.
    pub(super) fn mentioned(&self, index: usize) -> Option<String> {
        match self.tokens.get(index)?.kind {
            TokenKind::String => {
                let inner = self.named(index).trim_matches('\'').to_lowercase();
                Some(inner.rsplit('.').next()?.trim_matches('"').to_owned())
            }
            _ => self.is_name(index).then(|| self.named(index).to_owned()),
        }
    }

    /// Some of the words, with blanks between them.
    pub(in crate::safety) fn joined(&self, range: Range<usize>) -> String {
        self.words.get(range).unwrap_or_default().join(" ")
    }

    /// Whether the word at an index can be the name of a column that a table was made with: no literal, no symbol.
    pub(super) fn is_name(&self, index: usize) -> bool {
        let is_literal = matches!(
            self.at(index),
            "null" | "true" | "false" | "current_date" | "current_time" | "current_timestamp" | "rowid"
        );
        match self.tokens.get(index).map(|token| token.kind) {
            Some(TokenKind::Word) => !is_literal && !self.at(index).starts_with(|first: char| first.is_ascii_digit()),
            kind => kind == Some(TokenKind::QuotedName),
        }
    }
}

/// What a temporary table is known by.
pub(super) fn temporary(name: &str) -> String {
    format!("temp.{name}")
}

fn word(token: &Token, text: &str) -> String {
    let raw = token.text(text);
    match token.kind {
        TokenKind::Word => raw.to_ascii_lowercase(),
        TokenKind::QuotedName => {
            let mut characters = raw.chars();
            let quote = characters.next().unwrap_or('"');
            let inner = characters.as_str().strip_suffix([quote, ']']).unwrap_or(characters.as_str());
            inner.replace(&format!("{quote}{quote}"), &quote.to_string()).to_ascii_lowercase()
        }
        _ => raw.to_owned(),
    }
}
