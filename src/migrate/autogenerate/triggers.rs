//! Triggers: they go and come with what they are of, and are made again where it is.

use super::sql::mentions;
use crate::engine::Engine;
use crate::engine::lexer::{self, Token, TokenKind};
use crate::error::Position;
use crate::migrate::schema::{Object, Other, Schema};
use crate::migrate::script::Statement;
use crate::migrate::set::MigrationSet;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The triggers of a state.
pub(super) fn triggers(schema: &Schema) -> impl Iterator<Item = &Other> {
    schema.others.values().filter(|other| other.object == Object::Trigger)
}

/// Whether two are one by what they are called and what they are of.
pub(super) fn is_same_trigger(one: &Other, other: &Other) -> bool {
    let of = |trigger: &Other| trigger.table.as_ref().map(|table| table.to_ascii_lowercase());
    one.name.eq_ignore_ascii_case(&other.name) && of(one) == of(other)
}

/// Whether something is no trigger, or what it is of is there.
pub(super) fn has_place(other: &Other, schema: &Schema) -> bool {
    let mut names = schema.tables.keys().chain(schema.views.keys());
    let is_there = |table: &String| names.any(|name| name.eq_ignore_ascii_case(table));
    other.object != Object::Trigger || other.table.as_ref().is_none_or(is_there)
}

/// Of some, those whose tables and views a state has: a trigger goes with what it is of.
pub(super) fn staying(schema: &Schema, mut others: BTreeMap<String, Other>) -> BTreeMap<String, Other> {
    others.retain(|_, other| has_place(other, schema));
    others
}

/// What there is beside tables and views when the models are reached: what is there already, but for triggers whose tables
/// and views go. A trigger that the models have is as they have it, where the set is written for SQLite, whose words these
/// are.
pub(super) fn wanted(middle: &Schema, models: &Schema, set: &MigrationSet) -> BTreeMap<String, Other> {
    let mut others = staying(models, middle.others.clone());
    if set.engines().contains(&Engine::Sqlite) {
        for other in others.values_mut().filter(|other| other.object == Object::Trigger) {
            let model = triggers(models).find(|model| is_same_trigger(other, model));
            other.definition = model.map_or_else(|| other.definition.clone(), |model| model.definition.clone());
        }
    }
    others
}

/// A trigger as the migrations of a set make it on Postgres, where its words are all that is known of it.
#[derive(Debug, Clone)]
pub(super) struct OnPostgres {
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

impl OnPostgres {
    /// Whether its own words name a column, and not only those of the function that it calls.
    pub(super) fn names(&self, column: &str) -> bool {
        mentions(&self.text, column)
    }
}

/// The triggers that there are on Postgres after the migrations of a set.
pub(super) fn on_postgres(set: &MigrationSet) -> Vec<OnPostgres> {
    let mut found: Vec<OnPostgres> = Vec::new();
    for migration in set.migrations() {
        let script = migration.up(Engine::Postgres);
        for statement in script.statements(Engine::Postgres) {
            read(&statement, script.file(), &mut found);
        }
    }
    found
}

/// What a statement makes of the triggers that there are.
fn read(statement: &Statement<'_>, file: &std::path::Path, found: &mut Vec<OnPostgres>) {
    let mut words = Words::of(statement.text);
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if words.take("create") {
        let _ = words.take("or") && words.take("replace");
        words.take("constraint");
        let name = if words.take("trigger") { words.name() } else { None };
        let Some((name, of)) = name.and_then(|name| Some((name, words.after("on")?))) else { return };
        found.retain(|trigger| !(same(&trigger.name, &name) && same(&trigger.of, &of)));
        let (text, place) = (statement.text.trim_end_matches(';').to_owned(), (file.to_owned(), statement.position));
        found.push(OnPostgres { name, of, text, place, is_outdated: false });
    } else if words.take("drop") {
        if words.take("table") || words.take("view") {
            // Several may be named.
            return found.retain(|trigger| !mentions(statement.text, &trigger.of));
        }
        let is_trigger = words.take("trigger");
        let _ = words.take("if") && words.take("exists");
        let name = words.name().filter(|_| is_trigger);
        let Some((name, of)) = name.and_then(|name| Some((name, words.after("on")?))) else { return };
        found.retain(|trigger| !(same(&trigger.name, &name) && same(&trigger.of, &of)));
    } else if words.take("alter") {
        let is_table = words.take("table") || words.take("view");
        let _ = words.take("if") && words.take("exists");
        words.take("only");
        let of = words.name().filter(|_| is_table);
        let Some((of, what)) = of.and_then(|of| Some((of, words.after("rename")?))) else { return };
        let Some(next) = words.name() else { return };
        for trigger in found.iter_mut().filter(|trigger| same(&trigger.of, &of)) {
            match what.as_str() {
                what if same(what, "constraint") => {}
                what if same(what, "to") => (trigger.is_outdated, trigger.of) = (true, next.clone()),
                what if same(what, "column") => trigger.is_outdated |= trigger.names(&next),
                column => trigger.is_outdated |= trigger.names(column),
            }
        }
    }
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
