//! What is gone while a column gets another type, with all that is said of it; and whether its words can be read with that
//! type.

use super::relation::{closing, elements};
use super::words::{is_name, of_statement, same, unquoted};
use super::{Beside, Sort, Thing};
use crate::engine::Engine;
use crate::engine::lexer::Token;

impl Beside {
    /// Some things with what is said of each of them: how it was altered, whether it is switched off, its comment. All in the
    /// order in which it was said.
    pub(super) fn together(&self, around: &[&Thing]) -> Vec<Thing> {
        let is_one = |thing: &Thing, other: &Thing| {
            thing.sort == other.sort && same(&thing.name, &other.name) && same(&thing.of, &other.of)
        };
        let mut together: Vec<Thing> = Vec::new();
        for thing in &self.things {
            match (thing.sort, thing.switches()) {
                (Sort::Setting, Some((sort, place))) => {
                    let name = unquoted(&thing.text[place.clone()]);
                    let is_every = sort == Sort::Trigger && ["all", "user"].iter().any(|word| same(&name, word));
                    let mut switched: Vec<Thing> = Vec::new();
                    for other in together.iter().filter(|other| other.sort == sort && same(&other.of, &thing.of)) {
                        let is_it = is_every || same(&other.name, &name);
                        if !is_it || switched.iter().any(|known| same(&known.name, &other.name)) {
                            continue;
                        }
                        // Others need not be switched with it.
                        let mut own = Thing { name: other.name.clone(), ..thing.clone() };
                        own.text.replace_range(place.clone(), other.spelled());
                        switched.push(own);
                    }
                    together.extend(switched.into_iter().map(|own| Thing { name: String::new(), ..own }));
                }
                (Sort::Comment, _) => {
                    let is_its =
                        |other: &&&Thing| thing.is_said_of(other.sort, &other.name) && same(&thing.of, &other.of);
                    together.extend(around.iter().find(is_its).map(|_| thing.clone()));
                }
                _ => together.extend(Some(thing.clone()).filter(|thing| around.iter().any(|one| is_one(thing, one)))),
            }
        }
        together
    }
}

impl Thing {
    /// Whether its words say the same of a column whatever type that has: nothing but that it is NULL, or that it is another
    /// than before.
    pub(super) fn takes_any_type(&self, column: &str) -> bool {
        let tokens: Vec<Token> = self.said().collect();
        match self.sort {
            // The columns that fire it stand before.
            Sort::Trigger => {
                let when = tokens.iter().position(|token| token.is_word(&self.text, "when"));
                when.is_none_or(|when| is_of_any_type(&tokens[when..], &self.text, column))
            }
            Sort::Index => self.is_index_of_any_type(&tokens, column),
            _ => is_of_any_type(&tokens, &self.text, column),
        }
    }

    /// An index takes a bare column of any type, unless it is told how to compare its values.
    fn is_index_of_any_type(&self, tokens: &[Token], column: &str) -> bool {
        const KNOWN: [&str; 5] = ["asc", "desc", "nulls", "first", "last"];
        let text = self.text.as_str();
        let Some(open) = tokens.iter().find(|token| token.is_symbol(text, "(")) else { return true };
        let using = tokens.windows(2).find(|two| two[0].is_word(text, "using") && two[0].range.end < open.range.start);
        let is_plain = using.is_none_or(|two| ["btree", "hash"].iter().any(|word| two[1].is_word(text, word)));
        let body = &text[open.range.end..];
        let (body, rest) = body.split_at(closing(body, Engine::Postgres));
        elements(body, Engine::Postgres).into_iter().all(|element| {
            let tokens = of_statement(element, Engine::Postgres);
            let is_bare = tokens.split_first().is_some_and(|(first, rest)| {
                let is_known = |token: &Token| KNOWN.iter().any(|word| token.is_word(element, word));
                is_name(first, element, column) && rest.iter().all(is_known)
            });
            is_bare && is_plain || !tokens.iter().any(|token| is_name(token, element, column))
        }) && is_of_any_type(&of_statement(rest, Engine::Postgres), rest, column)
    }
}

/// Whether tokens name a column nowhere but where its type is of no account.
fn is_of_any_type(tokens: &[Token], text: &str, column: &str) -> bool {
    const COLUMN: &str = "";
    let mut words: Vec<String> = Vec::new();
    let mut tokens = tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        // Whose column it is stands before its name.
        if tokens.next_if(|next| next.is_symbol(text, ".")).is_some() {
            continue;
        }
        words.push(match is_name(token, text, column) {
            true => COLUMN.to_owned(),
            false => token.text(text).to_ascii_lowercase(),
        });
    }
    const HARMLESS: [&[&str]; 6] = [
        &[COLUMN, "is", "null"],
        &[COLUMN, "is", "not", "null"],
        &[COLUMN, "is", "distinct", "from", COLUMN],
        &[COLUMN, "is", "not", "distinct", "from", COLUMN],
        &[COLUMN, "<", ">", COLUMN],
        &[COLUMN, "=", COLUMN],
    ];
    let ends = |word: Option<&String>| {
        word.is_none_or(|word| ["(", ")", "and", "or", "not", "when", "where", "do"].contains(&word.as_str()))
    };
    let mut place = 0;
    while place < words.len() {
        let harmless = HARMLESS.iter().find(|known| {
            let after = place + known.len();
            let is_it =
                words.get(place..after).is_some_and(|words| words.iter().zip(**known).all(|(one, other)| one == other));
            is_it && ends(place.checked_sub(1).and_then(|before| words.get(before))) && ends(words.get(after))
        });
        match harmless {
            Some(known) => place += known.len(),
            None if words[place] == COLUMN => return false,
            None => place += 1,
        }
    }
    true
}
