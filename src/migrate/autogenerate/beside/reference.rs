//! Foreign keys that one engine alone was told of: nobody else knows that they hold on to what they refer to.

use super::Place;
use super::relation::{closing, elements};
use super::words::{Words, of_statement, same, unquoted};
use crate::engine::Engine;
use crate::migrate::autogenerate::rename::Rename;
use crate::migrate::schema::ForeignKey;

/// A foreign key, as a statement tells of it.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    /// What it is called, where it is said.
    name: Option<String>,
    pub(super) columns: Vec<String>,
    /// The table that it refers to.
    pub(super) of: String,
    /// The columns that it refers to; none where they are its primary key's.
    pub(super) to: Vec<String>,
    pub(super) place: Place,
}

impl Reference {
    /// Those that CREATE TABLE or ALTER TABLE makes.
    pub(super) fn all(text: &str, place: &Place, engine: Engine) -> Vec<Self> {
        let mut words = Words::of(text, engine);
        let body = match words.take("alter") {
            true => {
                if !words.take("table") {
                    return Vec::new();
                }
                words.take_all(&["if", "exists"]);
                words.take("only");
                words.place();
                words.rest()
            }
            false => {
                let body = text.find('(').map_or("", |place| &text[place + 1..]);
                &body[..closing(body, engine)]
            }
        };
        elements(body, engine).into_iter().filter_map(|element| Self::read(element, place, engine)).collect()
    }

    fn read(element: &str, place: &Place, engine: Engine) -> Option<Self> {
        let tokens = of_statement(element, engine);
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(element, word));
        let listed = |at: usize| -> Vec<String> {
            if !tokens.get(at).is_some_and(|token| token.is_symbol(element, "(")) {
                return Vec::new();
            }
            let inner = tokens[at + 1..].iter().take_while(|token| !token.is_symbol(element, ")"));
            let names = inner.filter(|token| !token.is_symbol(element, ","));
            names.map(|token| unquoted(token.text(element))).collect()
        };
        let at = (0..tokens.len()).find(|at| is(*at, "references"))?;
        let named = (0..at).rev().find(|at| is(*at, "constraint"));
        let name = named.and_then(|at| tokens.get(at + 1)).map(|token| unquoted(token.text(element)));
        let key = (0..at).find(|at| is(*at, "foreign") && is(at + 1, "key"));
        let columns = match key {
            Some(key) => listed(key + 2),
            None => {
                let skipped = ["add", "column", "if", "not", "exists"];
                let first = tokens.iter().find(|token| !skipped.iter().any(|word| token.is_word(element, word)));
                first.map(|token| unquoted(token.text(element))).into_iter().collect()
            }
        };
        let mut end = at + 1;
        while tokens.get(end + 1).is_some_and(|token| token.is_symbol(element, ".")) {
            end += 2;
        }
        let of = unquoted(tokens.get(end)?.text(element));
        Some(Self { name, columns, of, to: listed(end + 1), place: place.clone() })
    }

    /// Takes away those that ALTER TABLE drops, by their names or with their columns.
    pub(super) fn forget(all: &mut Vec<Self>, text: &str, engine: Engine) {
        let mut words = Words::of(text, engine);
        if words.find("drop").is_none() {
            return;
        }
        let is_constraint = words.take_one(&["constraint", "column"]) == Some("constraint");
        words.take_all(&["if", "exists"]);
        let Some(name) = words.name() else { return };
        all.retain(|reference| match (is_constraint, &reference.name) {
            (true, Some(own)) => !same(own, &name),
            // What Postgres calls it.
            (true, None) => !name.to_ascii_lowercase().ends_with("_fkey"),
            (false, _) => !reference.columns.iter().any(|column| same(column, &name)),
        });
    }

    /// Follows a new name; `own` is the table that it is of.
    pub(super) fn follow(&mut self, own: &str, rename: &Rename) {
        match rename {
            Rename::Table { from, to } if same(&self.of, from) => self.of.clone_from(to),
            Rename::Table { .. } => {}
            Rename::Column { table, from, to } => {
                let own = Some(&mut self.columns).filter(|_| same(own, table));
                let others = Some(&mut self.to).filter(|_| same(&self.of, table));
                let names = own.into_iter().chain(others).flatten().filter(|name| same(name, from));
                names.for_each(|name| name.clone_from(to));
            }
        }
    }

    /// Whether it is one that every engine has.
    pub(super) fn is_one_of(&self, keys: &[ForeignKey]) -> bool {
        keys.iter().any(|key| {
            let columns = key.columns.iter().zip(&self.columns).all(|(one, other)| same(one, other));
            same(&key.table, &self.of) && key.columns.len() == self.columns.len() && columns
        })
    }

    /// What it is called.
    pub(super) fn title(&self, table: &str) -> String {
        match &self.name {
            Some(name) => format!("foreign key {name} of {table}"),
            None => format!("foreign key of {table}"),
        }
    }
}
