//! What the text of a script drops.

use super::super::script::Script;
use super::Planned;
use super::rebuilds::{Copied, Kept};
use crate::engine::Engine;
use crate::engine::lexer::{self, Token, TokenKind};
use std::collections::BTreeSet;

/// A name in SQL, in its parts: `schema.table`.
pub(super) type Name = Vec<String>;

/// What a script drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Drop {
    Table(Name),
    View(Name),
    Column(Name, String),
    /// Rows of the table, some or all.
    Rows(Name),
    /// The table is made anew, and this of what it has is kept.
    Rebuilt(Name, Kept),
    /// The column gets another type, as the text says it.
    Retyped(Name, String, String),
}

/// A table that a script makes, and what it copies into it.
struct Made {
    name: Name,
    columns: Vec<(String, String)>,
    copied: Option<Copied>,
    /// Whether it goes with the connection.
    is_temporary: bool,
    /// Whether what it is made with leaves out rows without a word.
    is_choosy: bool,
}

/// Whether two names can mean the same table.
fn is_same(one: &Name, other: &Name) -> bool {
    matches!((one.last(), other.last()), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
}

/// What the statements of a migration's side drop, in their order.
pub(super) fn drops(planned: &Planned) -> Vec<Drop> {
    let mut drops = Vec::new();
    let mut made: Vec<Made> = Vec::new();
    let mut renamed = Renamed::default();
    // Tables that got another name, and that name.
    let mut tables: Vec<(Name, Name)> = Vec::new();
    for statement in planned.script.statements(planned.engine) {
        let mut words = Words::of(statement.text, planned.engine);
        if words.take(&["drop", "table"]) {
            words.take(&["if", "exists"]);
            while let Some(name) = words.name() {
                let was = tables.iter().rev().find(|(_, now)| *now == name).map(|(was, _): &(Name, Name)| was.clone());
                let was = was.unwrap_or_else(|| name.clone());
                // What the script made was not there before.
                if was == name
                    && let Some(at) = made.iter().position(|made| made.name == name)
                {
                    made.remove(at);
                    if !words.symbol(",") {
                        break;
                    }
                    continue;
                }
                // Another one has its name already, and what it had.
                let successor = made.iter().find(|made| is_same(&made.name, &was) && !is_same(&made.name, &name));
                match successor.and_then(|made| made.copied.as_ref()).filter(|copied| is_same(&copied.from, &name)) {
                    Some(copied) => drops.extend(rebuilt(was, copied)),
                    None => drops.push(Drop::Table(was)),
                }
                if !words.symbol(",") {
                    break;
                }
            }
        } else if words.take(&["drop", "view"]) || words.take(&["drop", "materialized", "view"]) {
            words.take(&["if", "exists"]);
            while let Some(name) = words.name() {
                drops.push(Drop::View(name));
                if !words.symbol(",") {
                    break;
                }
            }
        } else if words.take(&["delete", "from"]) {
            words.take(&["only"]);
            if let Some(name) = words.name() {
                match made.iter_mut().find(|made| made.name == name).map(|made| &mut made.copied) {
                    // What was copied is not all there any more.
                    Some(copied) => copied.iter_mut().for_each(|copied| copied.is_whole = false),
                    None => drops.push(Drop::Rows(name)),
                }
            }
        } else if words.take(&["truncate"]) {
            words.take(&["table"]);
            words.take(&["only"]);
            while let Some(name) = words.name() {
                drops.push(Drop::Rows(name));
                if !words.symbol(",") {
                    break;
                }
            }
        } else if words.take(&["create", "or", "replace", "table"]) {
            let Some(name) = words.name() else { continue };
            let made_anew = words.made(name.clone(), &renamed, &made);
            match made_anew.copied.as_ref().filter(|copied| is_same(&copied.from, &name)) {
                Some(copied) => drops.extend(rebuilt(name, copied)),
                None => {
                    drops.push(Drop::Table(name));
                    made.push(made_anew);
                }
            }
        } else if let Some(is_temporary) = words.create_table() {
            words.take(&["if", "not", "exists"]);
            if let Some(name) = words.name() {
                let new = words.made(name, &renamed, &made);
                made.push(Made { is_temporary, ..new });
            }
        } else if words.insert() {
            let Some(name) = words.name() else { continue };
            let Some(copied) = words.copied(&renamed) else { continue };
            let copied = behind(copied, &made);
            // What is copied is kept, whatever it is called from then on; the query may read all.
            if let Some(made) = made.iter_mut().find(|made| made.name == name) {
                let copied = copied.taken_by(&made.columns);
                let copied = Copied { is_whole: copied.is_whole && !made.is_choosy, ..copied };
                let dropped = drops.iter().position(|drop| matches!(drop, Drop::Table(of) if is_same(of, &name)));
                let dropped = dropped.filter(|_| !made.is_temporary && is_same(&copied.from, &name));
                if let Some(at) = dropped {
                    drops.splice(at..=at, rebuilt(name, &copied));
                }
                made.copied = Some(copied);
            }
        } else if words.take(&["alter", "table"]) {
            words.take(&["if", "exists"]);
            words.take(&["only"]);
            let Some(table) = words.name() else { continue };
            if words.take(&["rename", "to"]) {
                let Some(new) = words.name() else { continue };
                let copied = made
                    .iter()
                    .find(|made| made.name == table && !made.is_temporary)
                    .and_then(|made| made.copied.clone());
                let copied = copied.filter(|copied| is_same(&copied.from, &new));
                let dropped = drops.iter().position(|drop| matches!(drop, Drop::Table(name) if is_same(name, &new)));
                if let (Some(at), Some(copied)) = (dropped, copied) {
                    drops.splice(at..=at, rebuilt(new, &copied));
                } else {
                    tables.push((table, new));
                }
                continue;
            }
            if words.take(&["rename"]) {
                words.take(&["column"]);
                let from = words.name().and_then(|mut name| name.pop());
                if let (Some(from), true, Some(to)) = (from, words.take(&["to"]), words.name()) {
                    renamed.0.extend(to.last().map(|to| (table, from, to.clone())));
                }
                continue;
            }
            while !words.is_at_end() {
                if words.take(&["alter"]) {
                    words.take(&["column"]);
                    let column = words.name().and_then(|mut name| name.pop());
                    if let (Some(column), true) =
                        (column, words.take(&["set", "data", "type"]) || words.take(&["type"]))
                    {
                        let of = renamed.before(&table, column);
                        drops.push(Drop::Retyped(table.clone(), of, words.data_type()));
                    }
                    continue;
                }
                if !words.take(&["drop"]) {
                    words.skip();
                    continue;
                }
                let is_column = words.take(&["column"])
                    || !words.is_any(&["constraint", "default", "not", "identity", "expression"]);
                words.take(&["if", "exists"]);
                if let (true, Some(column)) = (is_column, words.name().and_then(|mut name| name.pop())) {
                    drops.push(Drop::Column(table.clone(), renamed.before(&table, column)));
                }
            }
        }
    }
    drops
}

/// What goes with a table that is made anew.
fn rebuilt(name: Name, copied: &Copied) -> Vec<Drop> {
    let rows = (!copied.is_whole).then(|| Drop::Rows(name.clone()));
    [Drop::Rebuilt(name, copied.kept.clone())].into_iter().chain(rows).collect()
}

/// What is copied of the tables that were there before, where a query reads one that the script made.
fn behind(copied: Copied, made: &[Made]) -> Copied {
    let of = made.iter().find(|made| is_same(&made.name, &copied.from)).and_then(|made| made.copied.as_ref());
    match of {
        Some(inner) => inner.behind(copied),
        None => copied,
    }
}

/// The columns that a script has renamed so far: of which table, from what, to what.
#[derive(Default)]
pub(super) struct Renamed(Vec<(Name, String, String)>);

impl Renamed {
    /// The columns of a table that have another name by now, by the one that they had before the script.
    pub(super) fn of(&self, table: &Name) -> Vec<(String, String)> {
        let of = self.0.iter().filter(|(of, _, _)| of == table);
        of.map(|(_, from, to)| (self.before(table, from.clone()), to.clone())).collect()
    }

    /// What a column is called before the script.
    pub(super) fn before(&self, table: &Name, column: String) -> String {
        self.0.iter().rev().fold(column, |column, (of, from, to)| {
            if of == table && to.eq_ignore_ascii_case(&column) { from.clone() } else { column }
        })
    }
}

/// What a text of SQL makes: the word for it, in small letters, and its name, in small letters too and perhaps with its
/// schema. What it gives another name counts as made.
pub(super) fn made(script: &Script, engine: Engine) -> BTreeSet<(String, String)> {
    let mut made = BTreeSet::new();
    for statement in script.statements(engine) {
        let mut words = Words::of(statement.text, engine);
        let is_new = words.take(&["create"]);
        if !is_new && !words.take(&["alter"]) {
            continue;
        }
        while !words.is_at_end() && !words.is_any(&MADE) {
            words.skip();
        }
        let kind = words.word();
        words.take(&["concurrently"]);
        words.take(&["if", "not", "exists"]);
        while !is_new && !words.is_at_end() && !words.take(&["rename", "to"]) {
            words.skip();
        }
        if let (Some(kind), Some(name)) = (kind, words.name()) {
            made.insert((kind, name.join(".").to_lowercase()));
        }
    }
    made
}

/// What the migrations of a set make that another program could have made too.
const MADE: [&str; 10] =
    ["table", "index", "view", "trigger", "rule", "policy", "publication", "function", "statistics", "sequence"];

/// The tables and views that a query, a view or a trigger names where one can stand, in small letters and without their
/// schemas. A column of such a name is none.
pub(super) fn relations(text: &str, engine: Engine) -> BTreeSet<String> {
    let mut words = Words::of(text, engine);
    let mut found = BTreeSet::new();
    // Whether a comma, at each depth of parentheses, comes before one more table.
    let mut lists = vec![false];
    while !words.is_at_end() {
        let mut is_expected = words.take(&["from"]);
        if is_expected && let Some(list) = lists.last_mut() {
            *list = true;
        }
        is_expected |= words.take(&["join"]) || words.take(&["into"]);
        if words.take(&["update"]) {
            if words.take(&["or"]) {
                words.skip();
            }
            is_expected = true;
        }
        is_expected |= lists.last() == Some(&true) && words.symbol(",");
        if is_expected {
            words.take(&["only"]);
            while words.symbol("(") {
                lists.push(true);
            }
        }
        if (is_expected || words.take(&["in"])) && !words.is_any(&["select", "with", "values"]) {
            found.extend(words.name().and_then(|mut name| name.pop()).map(|name| name.to_lowercase()));
        } else if words.symbol("(") {
            lists.push(false);
        } else if words.symbol(")") {
            lists.pop();
        } else {
            if words.is_any(&["where", "group", "having", "order", "limit", "select", "union", "except", "set", ";"])
                && let Some(list) = lists.last_mut()
            {
                *list = false;
            }
            words.skip();
        }
    }
    found
}

/// The tokens of a statement, comments left out, as they are read.
pub(super) struct Words<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    engine: Engine,
}

impl<'a> Words<'a> {
    fn of(text: &'a str, engine: Engine) -> Self {
        let tokens = lexer::tokens(text, engine);
        let tokens = tokens.into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
        Self { text, tokens, at: 0, engine }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Takes these words if they come next, all of them or none.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..).unwrap_or_default();
        let is_next =
            next.len() >= words.len() && next.iter().zip(words).all(|(token, word)| token.is_word(self.text, word));
        if is_next {
            self.at += words.len();
        }
        is_next
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        self.tokens.get(self.at).is_some_and(|token| words.iter().any(|word| token.is_word(self.text, word)))
    }

    /// The next word, whatever it is, in small letters.
    fn word(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).filter(|token| token.kind == TokenKind::Word)?;
        self.at += 1;
        Some(token.text(self.text).to_lowercase())
    }

    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let is_next = self.tokens.get(self.at).is_some_and(|token| token.is_symbol(self.text, symbol));
        self.at += usize::from(is_next);
        is_next
    }

    /// A name as the engine keeps it, with what it is qualified by.
    pub(super) fn name(&mut self) -> Option<Name> {
        let mut name = Vec::new();
        loop {
            let token = self.tokens.get(self.at)?;
            let text = token.text(self.text);
            name.push(match (token.kind, self.engine) {
                (TokenKind::Word, Engine::Postgres) => text.to_lowercase(),
                (TokenKind::Word, _) => text.to_owned(),
                (TokenKind::QuotedName, _) => unquoted(text),
                _ => return None,
            });
            self.at += 1;
            if !self.symbol(".") {
                return Some(name);
            }
        }
    }

    /// Takes what begins a statement that puts rows into a table.
    fn insert(&mut self) -> bool {
        if self.take(&["insert", "or"]) {
            self.skip();
            return self.take(&["into"]);
        }
        self.take(&["insert", "into"]) || self.take(&["replace", "into"])
    }

    /// Takes what begins a statement that makes a table, and tells whether it is a temporary one.
    fn create_table(&mut self) -> Option<bool> {
        for word in ["temp", "temporary"] {
            if self.take(&["create", word, "table"]) || self.take(&["create", "or", "replace", word, "table"]) {
                return Some(true);
            }
        }
        self.take(&["create", "table"]).then_some(false)
    }

    /// The table that a statement makes, behind its name.
    fn made(&mut self, name: Name, renamed: &Renamed, made: &[Made]) -> Made {
        let choosy = [["on", "conflict", "ignore"], ["on", "conflict", "replace"]];
        let is_choosy = (self.at..self.tokens.len()).any(|at| {
            let is = |words: &[&str; 3]| {
                let next = self.tokens.get(at..at + 3).unwrap_or_default();
                next.len() == 3 && next.iter().zip(words).all(|(token, word)| token.is_word(self.text, word))
            };
            choosy.iter().any(is)
        });
        let columns = self.columns();
        let copied = if self.is_any(&["as"]) { self.copied(renamed) } else { None };
        let copied = copied.map(|copied| behind(copied, made).taken_by(&columns));
        Made { name, columns, copied, is_temporary: false, is_choosy }
    }

    /// Whether a statement leaves out rows of what it reads, or of what it writes.
    pub(super) fn leaves_out(&self) -> bool {
        let is = |at: usize, word: &str| self.tokens.get(at).is_some_and(|token| token.is_word(self.text, word));
        is(0, "replace")
            || is(0, "insert") && is(1, "or")
            || (self.at..self.tokens.len()).any(|at| LEAVES_OUT.iter().any(|word| is(at, word)))
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn set_place(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// Whether a symbol comes behind the next word.
    pub(super) fn is_next(&self, symbol: &str) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// Whether one of these words comes behind the next one.
    pub(super) fn is_next_any(&self, words: &[&str]) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| words.iter().any(|word| token.is_word(self.text, word)))
    }

    /// Whether what stands before a place is a name.
    pub(super) fn is_behind_name(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName))
    }

    pub(super) fn text_here(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| token.text(self.text))
    }

    /// The type that comes next, as it is written.
    fn data_type(&mut self) -> String {
        let (mut found, mut depth) = (String::new(), 0);
        while let Some(token) = self.tokens.get(self.at) {
            let is_end = token.is_symbol(self.text, ",") || token.is_symbol(self.text, ";");
            if depth == 0 && (is_end || self.is_any(&["using", "collate"])) {
                break;
            }
            depth += i32::from(token.is_symbol(self.text, "(")) - i32::from(token.is_symbol(self.text, ")"));
            if !found.is_empty() {
                found.push(' ');
            }
            found.push_str(token.text(self.text));
            self.skip();
        }
        found
    }
}

/// What leaves out rows of what a query reads, or of what is written.
const LEAVES_OUT: [&str; 13] = [
    "where",
    "limit",
    "offset",
    "fetch",
    "distinct",
    "group",
    "having",
    "join",
    "using",
    "except",
    "intersect",
    "qualify",
    "conflict",
];

/// A name without its quotes.
fn unquoted(text: &str) -> String {
    let mut characters = text.chars();
    let (open, close) = (characters.next(), characters.next_back());
    let close = close.or(open).unwrap_or('"');
    characters.as_str().replace(&format!("{close}{close}"), &close.to_string())
}

#[cfg(test)]
mod tests;
