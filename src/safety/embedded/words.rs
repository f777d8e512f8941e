//! Statements as words.

use super::super::lexer::{Token, TokenKind};
use super::super::source::extent;
use std::ops::Range;

/// One statement as words in lower case: names without their quotes, strings and symbols as they are.
pub(in crate::safety) struct Words {
    pub(in crate::safety) words: Vec<String>,
    tokens: Vec<Token>,
    pub(in crate::safety) range: Range<usize>,
}

impl Words {
    pub(super) fn new(text: &str, statement: &[Token]) -> Self {
        let tokens: Vec<Token> = statement.iter().filter(|token| !token.is_symbol(text, ";")).cloned().collect();
        let words = tokens.iter().map(|token| word(token, text)).collect();
        Self { words, range: extent(statement), tokens }
    }

    /// The word at an index, or nothing.
    pub(in crate::safety) fn at(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    pub(in crate::safety) fn starts(&self, words: &str) -> bool {
        self.is_at(0, words)
    }

    pub(super) fn is_at(&self, index: usize, words: &str) -> bool {
        words.split(' ').enumerate().all(|(offset, word)| self.at(index + offset) == word)
    }

    /// Where a sequence of words first occurs.
    pub(in crate::safety) fn find(&self, words: &str) -> Option<usize> {
        let first = words.split(' ').next().unwrap_or_default();
        (0..self.words.len()).find(|index| self.at(*index) == first && self.is_at(*index, words))
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

    /// The name at an index, without its schema, and the index after it.
    pub(in crate::safety) fn name(&self, index: usize) -> (String, usize) {
        if self.at(index + 1) == "." {
            (self.at(index + 2).to_owned(), index + 3)
        } else {
            (self.at(index).to_owned(), index + 1)
        }
    }

    /// The index after `IF [NOT] EXISTS`, if it is there.
    pub(in crate::safety) fn past_if(&self, index: usize) -> usize {
        match () {
            () if self.is_at(index, "if not exists") => index + 3,
            () if self.is_at(index, "if exists") => index + 2,
            () => index,
        }
    }

    /// Whether the word at an index stands in quotes.
    pub(in crate::safety) fn is_quoted(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == TokenKind::QuotedName)
    }

    /// Whether there is a comma outside of parentheses.
    pub(in crate::safety) fn has_bare_comma(&self) -> bool {
        let mut depth = 0i64;
        self.words.iter().any(|word| {
            depth += match word.as_str() {
                "(" => 1,
                ")" => -1,
                _ => 0,
            };
            word == "," && depth == 0
        })
    }

    /// The parts between the commas of the parentheses that open at or after an index, each as a range of words.
    pub(in crate::safety) fn items(&self, index: usize) -> Vec<Range<usize>> {
        let Some(open) = (index..self.words.len()).find(|at| self.at(*at) == "(") else { return Vec::new() };
        let (mut found, mut depth, mut start) = (Vec::new(), 0usize, open + 1);
        for at in open..self.words.len() {
            match self.at(at) {
                "(" => depth += 1,
                ")" => {
                    depth -= 1;
                    if depth == 0 {
                        found.push(start..at);
                        return found;
                    }
                }
                "," if depth == 1 => {
                    found.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
        }
        found
    }
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
