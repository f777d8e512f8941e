//! Walking over the tokens of SQL text.

use crate::engine::Engine;
use crate::engine::lexer::{self, Token, TokenKind};
use std::ops::Range;

/// A place in a text, between two tokens. Comments are not seen.
pub(super) struct Cursor<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, engine: Engine) -> Self {
        let mut tokens = lexer::tokens(text, engine);
        tokens.retain(|token| token.kind != TokenKind::Comment);
        Self { text, end: tokens.len(), tokens, at: 0 }
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, place: usize) {
        self.at = place;
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.token(self.at)
    }

    pub(super) fn token(&self, place: usize) -> Option<&Token> {
        self.tokens.get(place).filter(|_| place < self.end)
    }

    /// The next token's text as it stands; empty at the end.
    pub(super) fn peek_text(&self) -> &'a str {
        self.text_at(self.at)
    }

    pub(super) fn text_at(&self, place: usize) -> &'a str {
        let range = self.token(place).map(|token| token.range.clone());
        range.and_then(|range| self.text.get(range)).unwrap_or_default()
    }

    /// Steps over the next token.
    pub(super) fn step(&mut self) {
        self.at = (self.at + 1).min(self.end);
    }

    /// Whether nothing stands between the token at a place and the one after it.
    pub(super) fn is_adjacent(&self, place: usize) -> bool {
        match (self.token(place), self.token(place + 1)) {
            (Some(token), Some(next)) => token.range.end == next.range.start,
            _ => false,
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(self.text, word))
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// Steps over these words if they come next, all of them.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let found = words
            .iter()
            .enumerate()
            .all(|(offset, word)| self.token(self.at + offset).is_some_and(|token| token.is_word(self.text, word)));
        if found {
            self.at += words.len();
        }
        found
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        self.words(&[word])
    }

    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.step();
        }
        found
    }

    /// Steps over a name and gives it without its quotes. SQLite takes a string for one too.
    pub(super) fn name(&mut self) -> Option<String> {
        let token = self.peek()?;
        if token.kind == TokenKind::Symbol {
            return None;
        }
        let name = unquoted(self.peek_text());
        self.step();
        Some(name)
    }

    /// Steps over a group in parentheses, which comes next, and gives the places of what is inside.
    pub(super) fn group(&mut self) -> Option<Range<usize>> {
        if !self.is_symbol("(") {
            return None;
        }
        let start = self.at + 1;
        self.skip();
        Some(start..self.at.saturating_sub(1).max(start))
    }

    /// Steps over the next token or, where it opens a parenthesis, over all up to its end.
    pub(super) fn skip(&mut self) {
        let mut depth = 0usize;
        while !self.is_at_end() {
            match self.peek_text() {
                "(" if self.is_symbol("(") => depth += 1,
                ")" if self.is_symbol(")") => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.step();
            if depth == 0 {
                return;
            }
        }
    }

    /// The text from the first to the last token of some.
    pub(super) fn text_of(&self, places: Range<usize>) -> &'a str {
        match (self.tokens.get(places.start), places.end.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if places.start < places.end => {
                self.text.get(first.range.start..last.range.end).unwrap_or_default()
            }
            _ => "",
        }
    }

    /// Does something with what is between two places as if there was nothing else.
    pub(super) fn within<T>(&mut self, places: Range<usize>, work: impl FnOnce(&mut Self) -> T) -> T {
        let (at, end) = (self.at, self.end);
        (self.at, self.end) = (places.start, places.end.min(end));
        let result = work(self);
        (self.at, self.end) = (at, end);
        result
    }
}

/// A name or a string without its quotes.
pub(super) fn unquoted(text: &str) -> String {
    let inner = |quote: char| {
        text.strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
            .map(|inner| inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
    };
    let brackets = || text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
    inner('"').or_else(|| inner('\'')).or_else(|| inner('`')).or_else(brackets).unwrap_or_else(|| text.to_owned())
}
