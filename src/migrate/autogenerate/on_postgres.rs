//! What the migrations of a set say on Postgres of views and tables and no throw-away SQLite database knows: triggers,
//! comments, privileges. What goes with a view comes again with it, in the words that made it.

use super::sql::mentions;
use crate::engine::Engine;
use crate::engine::lexer::{self, Token, TokenKind};
use crate::error::Position;
use crate::migrate::script::Statement;
use crate::migrate::set::MigrationSet;
use std::path::{Path, PathBuf};

/// What there is on Postgres after the migrations of a set.
#[derive(Debug, Clone, Default)]
pub(super) struct OnPostgres {
    pub(super) triggers: Vec<Trigger>,
    /// Comments and privileges, in their order: what they are of, and what made them.
    said: Vec<(String, String)>,
}

/// A trigger.
#[derive(Debug, Clone)]
pub(super) struct Trigger {
    pub(super) name: String,
    /// The table or view that it is of.
    pub(super) of: String,
    /// What made it.
    pub(super) text: String,
    /// Where that stands.
    pub(super) place: (PathBuf, Position),
    /// Whether something in its words has got another name since.
    pub(super) is_outdated: bool,
}

impl Trigger {
    /// Whether its own words name a column, and not only those of the function that it calls.
    pub(super) fn names(&self, column: &str) -> bool {
        mentions(&self.text, column)
    }
}

impl OnPostgres {
    /// Reads the migrations of a set.
    pub(super) fn of(set: &MigrationSet) -> Self {
        let mut found = Self::default();
        for migration in set.migrations() {
            let script = migration.up(Engine::Postgres);
            for statement in script.statements(Engine::Postgres) {
                found.read(&statement, script.file());
            }
        }
        found
    }

    /// What goes with a view, as statements without their ends.
    pub(super) fn with_view<'a>(&'a self, view: &'a str) -> impl Iterator<Item = &'a str> {
        let is_it = move |of: &str| of.eq_ignore_ascii_case(view);
        let said = self.said.iter().filter(move |(of, _)| is_it(of)).map(|(_, text)| text.as_str());
        said.chain(self.triggers.iter().filter(move |trigger| is_it(&trigger.of)).map(|trigger| trigger.text.as_str()))
    }

    /// What a statement makes of it.
    fn read(&mut self, statement: &Statement<'_>, file: &Path) {
        let mut words = Words::of(statement.text);
        let text = statement.text.trim_end_matches(';');
        if words.take("create") {
            let _ = words.take("or") && words.take("replace");
            words.take("constraint");
            let name = if words.take("trigger") { words.name() } else { None };
            let Some((name, of)) = name.and_then(|name| Some((name, words.after("on")?))) else { return };
            self.forget(&name, &of);
            let (text, place) = (text.to_owned(), (file.to_owned(), statement.position));
            self.triggers.push(Trigger { name, of, text, place, is_outdated: false });
        } else if words.take("drop") {
            if words.take("table") || words.take("view") {
                // Several may be named.
                self.triggers.retain(|trigger| !mentions(text, &trigger.of));
                return self.said.retain(|(of, _)| !mentions(text, of));
            }
            let is_trigger = words.take("trigger");
            let _ = words.take("if") && words.take("exists");
            let name = words.name().filter(|_| is_trigger);
            if let Some((name, of)) = name.and_then(|name| Some((name, words.after("on")?))) {
                self.forget(&name, &of);
            }
        } else if words.take("alter") {
            self.alter(words);
        } else if words.take("comment") {
            let is_of_view = words.take("on") && words.take("view");
            let Some(of) = words.name().filter(|_| is_of_view) else { return };
            self.said.retain(|(other, said)| !same(other, &of) || !Words::of(said).take("comment"));
            self.said.push((of, text.to_owned()));
        } else if words.take("grant") || words.take("revoke") {
            self.said.extend(privileges(text));
        }
    }

    fn forget(&mut self, name: &str, of: &str) {
        self.triggers.retain(|trigger| !(same(&trigger.name, name) && same(&trigger.of, of)));
    }

    /// Follows new names.
    fn alter(&mut self, mut words: Words<'_>) {
        let is_table = words.take("table") || words.take("view");
        let _ = words.take("if") && words.take("exists");
        words.take("only");
        let of = words.name().filter(|_| is_table);
        let Some((of, what)) = of.and_then(|of| Some((of, words.after("rename")?))) else { return };
        let Some(next) = words.name() else { return };
        if same(&what, "to") {
            self.said.retain(|(other, _)| !same(other, &of));
        }
        for trigger in self.triggers.iter_mut().filter(|trigger| same(&trigger.of, &of)) {
            match what.as_str() {
                what if same(what, "constraint") => {}
                what if same(what, "to") => (trigger.is_outdated, trigger.of) = (true, next.clone()),
                what if same(what, "column") => trigger.is_outdated |= trigger.names(&next),
                column => trigger.is_outdated |= trigger.names(column),
            }
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// What GRANT and REVOKE say of each table and view that they name. Not where they name columns, which may get other names.
fn privileges(text: &str) -> Vec<(String, String)> {
    let tokens: Vec<Token> = Words::of(text).tokens.collect();
    let Some(on) = tokens.iter().position(|token| token.is_word(text, "on")) else { return Vec::new() };
    let objects = |token: &&Token| !token.is_word(text, "to") && !token.is_word(text, "from");
    let objects: Vec<Token> = tokens.iter().skip(on + 1).take_while(objects).cloned().collect();
    let has_group = tokens.iter().take(on).chain(&objects).any(|token| token.is_symbol(text, "("));
    let (Some(before), Some(after)) = (tokens.get(on), tokens.get(on + 1 + objects.len())) else { return Vec::new() };
    if has_group {
        return Vec::new();
    }
    let (before, after) = (&text[..before.range.end], &text[after.range.start..]);
    let names = match objects.as_slice() {
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
        said.push((last.text(text).trim_matches('"').to_owned(), format!("{before} {spelled} {after}")));
    }
    said
}

/// The words of a statement, one after the other.
struct Words<'a> {
    text: &'a str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let mut tokens = lexer::tokens(text, Engine::Postgres);
        tokens.retain(|token| token.kind != TokenKind::Comment);
        Self { text, tokens: tokens.into_iter().peekable() }
    }

    /// Steps over a word, if it is the next.
    fn take(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| token.is_word(self.text, word)).is_some()
    }

    /// Steps over a name, and gives it without the schema that may stand before it.
    fn name(&mut self) -> Option<String> {
        loop {
            let token = self.tokens.next()?;
            if self.tokens.next_if(|token| token.is_symbol(self.text, ".")).is_none() {
                return Some(token.text(self.text).trim_matches('"').to_owned());
            }
        }
    }

    /// The name that stands behind a word, wherever that is.
    fn after(&mut self, word: &str) -> Option<String> {
        while !self.take(word) {
            self.tokens.next()?;
        }
        self.name()
    }
}
