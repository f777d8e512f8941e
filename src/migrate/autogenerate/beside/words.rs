//! The words of a statement: what it is about, and which names stand in it.

use super::Sort;
use crate::engine::Engine;
use crate::engine::lexer::{self, Token, TokenKind};
use std::ops::Range;

/// What a statement is about that makes something of a table or a view, or says something of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) sort: Sort,
    /// Empty where it has none.
    pub(super) name: String,
    /// The table or view; empty where only the name of what is of it is said.
    pub(super) of: String,
    /// Where that stands.
    pub(super) place: Range<usize>,
    /// Where the column stands that a comment is of.
    pub(super) column: Option<Range<usize>>,
}

/// The words of a statement, one after the other.
pub(super) struct Words<'a> {
    text: &'a str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str, engine: Engine) -> Self {
        Self { text, tokens: of_statement(text, engine).into_iter().peekable() }
    }

    /// Steps over a word, if it is the next.
    pub(super) fn take(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| token.is_word(self.text, word)).is_some()
    }

    /// Steps over words, if they are the next; over none of them if the first one is not.
    pub(super) fn take_all(&mut self, words: &[&str]) -> bool {
        words.iter().all(|word| self.take(word))
    }

    /// Steps over one of some words, if it is the next.
    pub(super) fn take_one(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().find(|word| self.take(word)).copied()
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        self.tokens.next_if(|token| token.is_symbol(self.text, symbol)).is_some()
    }

    /// Steps over a name, and gives what stands between its dots.
    fn path(&mut self) -> Vec<Range<usize>> {
        let is_name = |token: &Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
        let mut path = Vec::new();
        while let Some(token) = self.tokens.next_if(is_name) {
            path.push(token.range);
            if !self.symbol(".") {
                break;
            }
        }
        path
    }

    /// Steps over a name, and gives where it stands without the schema that may be before it.
    pub(super) fn place(&mut self) -> Option<Range<usize>> {
        self.path().pop()
    }

    /// The same, with the name.
    pub(super) fn name(&mut self) -> Option<String> {
        Some(unquoted(&self.text[self.place()?]))
    }

    /// Names with commas between them.
    pub(super) fn names(&mut self) -> Vec<String> {
        let mut names: Vec<String> = self.name().into_iter().collect();
        while self.symbol(",") {
            names.extend(self.name());
        }
        names
    }

    /// Steps up to and over a word, wherever it is.
    pub(super) fn find(&mut self, word: &str) -> Option<()> {
        while !self.take(word) {
            self.tokens.next()?;
        }
        Some(())
    }

    /// What is left.
    pub(super) fn rest(mut self) -> &'a str {
        let start = self.tokens.peek().map_or(self.text.len(), |token| token.range.start);
        self.text[start..].trim_end_matches(';').trim_end()
    }
}

/// The tokens of a statement, without its comments and its end.
pub(super) fn of_statement(text: &str, engine: Engine) -> Vec<Token> {
    let mut tokens = lexer::tokens(text, engine);
    tokens.retain(|token| token.kind != TokenKind::Comment && !token.is_symbol(text, ";"));
    tokens
}

/// What a statement says, however it is laid out: its tokens, words in small letters.
pub(super) fn spoken(text: &str, engine: Engine) -> Vec<String> {
    let tokens = of_statement(text, engine);
    let words = tokens.iter().filter(|token| !token.is_word(text, "concurrently"));
    let spoken = words.map(|token| match token.kind {
        TokenKind::Word => token.text(text).to_ascii_lowercase(),
        _ => token.text(text).to_owned(),
    });
    spoken.collect()
}

pub(super) fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(name) => name.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether a token is a name.
pub(super) fn is_name(token: &Token, text: &str, name: &str) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::QuotedName) && same(&unquoted(token.text(text)), name)
}

/// What a statement is about, if it makes something that goes with a table or a view, or says something of one.
pub(super) fn subject(text: &str, engine: Engine) -> Option<Subject> {
    let mut words = Words::of(text, engine);
    let made = |sort, name: Option<Range<usize>>, place: Range<usize>| {
        let name = name.map(|name| unquoted(&text[name])).unwrap_or_default();
        Some(Subject { sort, name, of: unquoted(&text[place.clone()]), place, column: None })
    };
    if words.take("create") {
        let _ = words.take("or") && words.take("replace");
        words.take_one(&["constraint", "unique", "temporary", "temp"]);
        let sort = words.take_one(&["trigger", "index", "policy", "rule", "statistics", "sequence"])?;
        words.take("concurrently");
        words.take_all(&["if", "not", "exists"]);
        // An index may have no name.
        let name = if sort == "index" && words.take("on") { None } else { words.place() };
        let (sort, before) = match sort {
            "trigger" => (Sort::Trigger, Some("on")),
            "index" => (Sort::Index, name.as_ref().map(|_| "on")),
            "policy" => (Sort::Policy, Some("on")),
            "rule" => (Sort::Rule, Some("to")),
            "statistics" => (Sort::Statistics, Some("from")),
            _ => (Sort::Sequence, Some("owned")),
        };
        before.map_or(Some(()), |before| words.find(before))?;
        words.take_one(&["only", "by"]);
        let mut path = words.path();
        // A sequence is of a column.
        let column = if sort == Sort::Sequence { path.pop() } else { None };
        return Some(Subject { column, ..made(sort, name, path.pop()?)? });
    }
    if words.take("alter") {
        let kind =
            words.take_one(&["table", "view", "policy", "trigger", "rule", "index", "sequence", "statistics"])?;
        words.take_all(&["if", "exists"]);
        words.take("only");
        let name = words.place()?;
        let sort = match kind {
            "table" | "view" => return made(Sort::Setting, None, name),
            "policy" => Sort::Policy,
            "trigger" => Sort::Trigger,
            "rule" => Sort::Rule,
            "index" => Sort::Index,
            "statistics" => Sort::Statistics,
            _ => Sort::Sequence,
        };
        if words.take("on") {
            return made(sort, Some(name), words.place()?);
        }
        if sort == Sort::Sequence && words.take_all(&["owned", "by"]) {
            let mut path = words.path();
            let column = path.pop();
            return Some(Subject { column, ..made(sort, Some(name), path.pop()?)? });
        }
        let name = unquoted(&text[name]);
        return Some(Subject { sort, name, of: String::new(), place: 0..0, column: None });
    }
    if words.take("comment") && words.take("on") {
        let mut tokens = words.tokens.clone();
        let kind = tokens.next()?.text(text).to_ascii_lowercase();
        words.tokens.next();
        let of = |of: String, place: Range<usize>, name: String, column| {
            Some(Subject { sort: Sort::Comment, name, of, place, column })
        };
        if kind == "column" {
            let mut path = words.path();
            let (column, place) = (path.pop()?, path.pop()?);
            let name = format!("column {}", unquoted(&text[column.clone()]).to_lowercase());
            return of(unquoted(&text[place.clone()]), place, name, Some(column));
        }
        words.take("view");
        let name = words.place()?;
        if ["table", "view", "materialized"].contains(&kind.as_str()) {
            return of(unquoted(&text[name.clone()]), name, String::new(), None);
        }
        let title = format!("{kind} {}", unquoted(&text[name]).to_lowercase());
        if words.take("on") {
            let place = words.place()?;
            return of(unquoted(&text[place.clone()]), place, title, None);
        }
        return of(String::new(), 0..0, title, None);
    }
    if words.take_one(&["grant", "revoke"]).is_some() {
        words.find("on")?;
        return made(Sort::Privilege, None, words.place()?);
    }
    None
}

/// What GRANT and REVOKE say of each table and view that they name, or of all that there are.
pub(super) fn privileges(text: &str, engine: Engine, all: &[String]) -> Vec<(String, String)> {
    let tokens = of_statement(text, engine);
    let Some(on) = tokens.iter().position(|token| token.is_word(text, "on")) else { return Vec::new() };
    let objects = |token: &&Token| !token.is_word(text, "to") && !token.is_word(text, "from");
    let objects: Vec<Token> = tokens.iter().skip(on + 1).take_while(objects).cloned().collect();
    let (Some(before), Some(after)) = (tokens.get(on), tokens.get(on + 1 + objects.len())) else { return Vec::new() };
    let end = tokens.last().map_or(text.len(), |token| token.range.end);
    let (before, after) = (&text[..before.range.end], &text[after.range.start..end]);
    let names = match objects.as_slice() {
        [every, tables, ..] if every.is_word(text, "all") && tables.is_word(text, "tables") => {
            let spelled = |name: &String| match name.chars().all(|c| c == '_' || c.is_ascii_lowercase()) {
                true => name.clone(),
                false => format!("\"{name}\""),
            };
            return all.iter().map(|name| (name.clone(), format!("{before} {} {after}", spelled(name)))).collect();
        }
        [table, names @ ..] if table.is_word(text, "table") => names,
        names => names,
    };
    let mut said = Vec::new();
    for tokens in names.split(|token| token.is_symbol(text, ",")) {
        let is_dot = |place: usize| tokens.get(place).is_some_and(|token| token.is_symbol(text, "."));
        // Anything but a list of names is about something else.
        let is_name = tokens.len() % 2 == 1 && (1..tokens.len()).step_by(2).all(is_dot);
        let ([first, ..], [.., last], true) = (tokens, tokens, is_name) else { return Vec::new() };
        let spelled = &text[first.range.start..last.range.end];
        said.push((unquoted(last.text(text)), format!("{before} {spelled} {after}")));
    }
    said
}
