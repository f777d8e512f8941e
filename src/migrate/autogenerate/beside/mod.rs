//! What the migrations of a set say on one engine beside what a throw-away SQLite database knows of them: triggers, policies,
//! comments, privileges, functions, and tables, views and indexes in words of its own. What goes with a table, a column or a
//! view comes again with it, in the words that made it, under the names that are new since.

mod around;
mod functions;
mod holders;
mod reference;
mod relation;
mod thing;
mod triggers;
mod views;
mod words;

pub(super) use functions::{Function, decisions};
pub(super) use relation::{Again, Relation};
pub(super) use thing::{Sort, Thing};
pub(super) use triggers::trigger_decisions;
pub(super) use views::OwnView;

use super::rename::Rename;
use crate::engine::Engine;
use crate::error::Position;
use crate::migrate::script::{Script, Statement};
use crate::migrate::set::{Migration, MigrationSet};
use std::path::PathBuf;
use words::{Subject, Words, of_statement, privileges, same, spoken, subject};

/// What there is on an engine after the migrations of a set.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    pub(super) engine: Engine,
    /// What goes with tables and views, in the order in which it was said.
    pub(super) things: Vec<Thing>,
    pub(super) functions: Vec<Function>,
    relations: Vec<Relation>,
    /// What nobody can tell the sense of.
    blocks: Vec<Function>,
}

/// A file, and where in it.
pub(super) type Place = (PathBuf, Position);

impl Beside {
    /// Reads the migrations of a set.
    pub(super) fn of(set: &MigrationSet, engine: Engine) -> Self {
        let (things, functions, relations, blocks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut found = Self { engine, things, functions, relations, blocks };
        for migration in set.migrations() {
            let script = migration.up(engine);
            let others = told_elsewhere(migration, engine);
            let differs = differs_in_tables(script);
            for statement in script.statements(engine) {
                let is_own = !others.contains(&spoken(statement.text, engine));
                let said = Said { text: text_of(&statement, engine), is_own, differs: is_own && differs };
                found.read(&said, &(script.file().to_owned(), statement.position));
            }
        }
        found
    }

    /// The same after drafts of its next migrations, which nobody can look up: what they make again is told with the place
    /// where it was made before.
    pub(super) fn after(&self, set: &MigrationSet) -> Self {
        let mut after = Self::of(set, self.engine);
        for thing in &mut after.things {
            let is_it = |other: &&Thing| other.sort == thing.sort && same(&other.name, &thing.name);
            let before = self.things.iter().rev().find(|other| is_it(other) && same(&other.of, &thing.of));
            thing.place = before.map_or_else(|| thing.place.clone(), |before| before.place.clone());
        }
        for relation in &mut after.relations {
            let before = self.relation(&relation.name);
            relation.place = before.map_or_else(|| relation.place.clone(), |before| before.place.clone());
        }
        after
    }

    /// What goes with a table or a view.
    pub(super) fn with<'a>(&'a self, of: &'a str) -> impl Iterator<Item = &'a Thing> {
        self.things.iter().filter(move |thing| same(&thing.of, of))
    }

    /// Of each thing, whether it goes with a column: indexes, statistics and what is said of it; with what has a name goes all
    /// that is said of that.
    fn of_column(&self, of: &str, column: &str) -> Vec<bool> {
        let goes = |thing: &Thing| {
            let stays = matches!(thing.sort, Sort::Trigger | Sort::Policy | Sort::Rule);
            same(&thing.of, of) && !stays && thing.names(column)
        };
        let going: Vec<&Thing> = self.things.iter().filter(|thing| goes(thing) && !thing.name.is_empty()).collect();
        let goes_along = |thing: &Thing| {
            going.iter().any(|other| {
                let is_said_of_it = format!("{} {}", other.sort.as_str(), other.name);
                thing.sort == other.sort && same(&thing.name, &other.name)
                    || thing.sort == Sort::Comment && same(&thing.name, &is_said_of_it)
            })
        };
        self.things.iter().map(|thing| goes(thing) || goes_along(thing)).collect()
    }

    /// The triggers.
    pub(super) fn triggers(&self) -> impl Iterator<Item = &Thing> {
        self.things.iter().filter(|thing| thing.sort == Sort::Trigger)
    }

    /// An index of a table that was made in words of the engine's own.
    pub(super) fn own_index(&self, name: &str) -> Option<&Thing> {
        let is_it = |thing: &&Thing| thing.sort == Sort::Index && same(&thing.name, name);
        self.things.iter().rev().find(is_it).filter(|thing| thing.is_own && !thing.is_outdated)
    }

    /// What makes a table or a view.
    pub(super) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().rev().find(|relation| same(&relation.name, name))
    }

    /// What a statement makes of it.
    fn read(&mut self, said: &Said, place: &Place) {
        let (text, engine) = (said.text.as_str(), self.engine);
        let mut words = Words::of(text, engine);
        if words.take_one(&["grant", "revoke"]).is_some() {
            let all: Vec<String> = self.relations.iter().map(|relation| relation.name.clone()).collect();
            for (of, text) in privileges(text, engine, &all) {
                self.add(Sort::Privilege, String::new(), of, &Said { text, ..*said }, place);
            }
        } else if words.take("do") {
            self.blocks.push(Function::block(text, engine, place));
        } else if words.take("drop") {
            self.drop(words);
        } else if words.take("create") && self.create(words, said, place) {
        } else if let Some(found) = subject(text, engine) {
            match Words::of(text, engine).take("alter") {
                true => self.alter(found, said, place),
                false => self.make(found, said, place),
            }
        }
        let mut words = Words::of(text, engine);
        if words.take("alter") && words.take_one(&["function", "procedure", "routine"]).is_some() {
            let Some(name) = words.name() else { return };
            let Some(next) = words.find("rename").filter(|()| words.take("to")).and_then(|()| words.name()) else {
                return;
            };
            for function in self.functions.iter_mut().filter(|function| same(&function.name, &name)) {
                function.name.clone_from(&next);
            }
            for trigger in
                self.things.iter_mut().filter(|thing| thing.calls().is_some_and(|called| same(&called, &name)))
            {
                trigger.is_outdated = true;
            }
        }
    }

    /// Tables, views and functions; tells whether it was one.
    fn create(&mut self, mut words: Words<'_>, said: &Said, place: &Place) -> bool {
        let _ = words.take("or") && words.take("replace");
        words.take_one(&["temporary", "temp", "unlogged", "materialized", "recursive"]);
        match words.take_one(&["table", "view", "function", "procedure", "macro"]) {
            Some(what @ ("table" | "view")) => {
                words.take_all(&["if", "not", "exists"]);
                let Some(name) = words.name() else { return true };
                let again = what == "view";
                self.relations.retain(|relation| !(again && same(&relation.name, &name)));
                self.relations.push(Relation::new(name, what == "view", said, place, self.engine));
            }
            Some(_) => {
                if let Some(function) = Function::read(&said.text, self.engine, place) {
                    self.functions.retain(|other| !other.is_same(&function));
                    self.functions.push(function);
                }
            }
            None => return false,
        }
        true
    }

    fn add(&mut self, sort: Sort, name: String, of: String, said: &Said, place: &Place) {
        self.things.push(Thing::new(sort, (name, of), said, place, self.engine));
    }

    fn make(&mut self, mut found: Subject, said: &Said, place: &Place) {
        if found.of.is_empty() {
            // A comment on an index, which alone has a name of its own in the schema.
            let index = found.name.split_once(' ').map(|(_, name)| name).unwrap_or_default();
            let is_it = |thing: &&Thing| thing.sort != Sort::Comment && same(&thing.name, index);
            found.of = self.things.iter().find(is_it).map(|thing| thing.of.clone()).unwrap_or_default();
        }
        let is_same =
            |thing: &Thing| thing.sort == found.sort && same(&thing.name, &found.name) && same(&thing.of, &found.of);
        let replaces = found.sort == Sort::Comment || !found.name.is_empty();
        self.things.retain(|thing| !(replaces && is_same(thing)));
        self.add(found.sort, found.name, found.of, said, place);
    }

    fn drop(&mut self, mut words: Words<'_>) {
        words.take("materialized");
        let Some(what) = words.take_one(&[
            "table",
            "view",
            "index",
            "trigger",
            "policy",
            "rule",
            "statistics",
            "sequence",
            "function",
            "procedure",
            "macro",
        ]) else {
            return;
        };
        words.take_one(&["concurrently", "table"]);
        words.take_all(&["if", "exists"]);
        let names = words.names();
        let is_one = |name: &str| names.iter().any(|other| same(other, name));
        match what {
            "table" | "view" => {
                self.relations.retain(|relation| !is_one(&relation.name));
                self.things.retain(|thing| !is_one(&thing.of));
            }
            "function" | "procedure" | "macro" => self.functions.retain(|function| !is_one(&function.name)),
            what => {
                let of = if words.take("on") { words.name() } else { None };
                self.things.retain(|thing| {
                    let is_of = of.as_ref().is_none_or(|of| same(of, &thing.of));
                    let name = format!("{what} ");
                    let said_of = thing.name.strip_prefix(&name).filter(|_| thing.sort == Sort::Comment);
                    let is_it = thing.sort.as_str().starts_with(what) && is_one(&thing.name);
                    let switched = thing.switches().filter(|(sort, _)| sort.as_str() == what);
                    let is_switch = switched.is_some_and(|(_, name)| is_one(&words::unquoted(&thing.text[name])));
                    !(is_of && (is_it || is_switch || said_of.is_some_and(is_one)))
                });
            }
        }
    }

    /// Follows new names, and keeps what is said of a table.
    fn alter(&mut self, found: Subject, said: &Said, place: &Place) {
        let mut words = Words::of(&said.text, self.engine);
        let renamed = (|| {
            words.find("rename")?;
            Some((words.take_one(&["to", "constraint", "column"]), words.place()?, words))
        })();
        if found.sort != Sort::Setting {
            let is_it = |thing: &Thing| thing.sort == found.sort && same(&thing.name, &found.name);
            let is_of = |thing: &Thing| found.of.is_empty() || same(&found.of, &thing.of);
            let first = self.things.iter().find(|thing| is_it(thing) && is_of(thing));
            let of = first.map_or_else(|| found.of.clone(), |thing| thing.of.clone());
            match renamed {
                Some((Some("to"), next, _)) => {
                    let now = &said.text[next];
                    let concerned = self.things.iter_mut().filter(|thing| same(&thing.of, &of));
                    concerned.for_each(|thing| thing.call(found.sort, &found.name, now));
                }
                _ => self.add(found.sort, found.name, of, said, place),
            }
            return;
        }
        let of = found.of;
        let rename = match renamed {
            None => return self.settings(&of, &said.text[found.place.end..], said, place),
            Some((Some("constraint"), ..)) => {
                return self.define(&of, said, place);
            }
            Some((Some("to"), next, _)) => {
                Some((Rename::Table { from: of.clone(), to: words::unquoted(&said.text[next.clone()]) }, next))
            }
            Some((_, before, mut words)) => words.find("to").and_then(|()| {
                let next = words.place()?;
                let (from, to) = (words::unquoted(&said.text[before]), words::unquoted(&said.text[next.clone()]));
                Some((Rename::Column { table: of.clone(), from, to }, next))
            }),
        };
        let Some((rename, next)) = rename else { return };
        self.things.iter_mut().for_each(|thing| thing.follow(&rename, &said.text[next.clone()]));
        self.relations.iter_mut().for_each(|relation| relation.follow(&rename));
    }

    /// The actions of ALTER TABLE and ALTER VIEW, each for itself.
    fn settings(&mut self, of: &str, actions: &str, said: &Said, place: &Place) {
        for action in relation::elements(actions, self.engine) {
            let mut words = Words::of(action, self.engine);
            let text = format!("{} {action}", said.text[..said.text.len() - actions.len()].trim_end());
            let one = Said { text, ..*said };
            let first = words.take_one(&["add", "alter", "drop", "validate", "attach", "detach", "inherit", "no"]);
            match first {
                None => self.add(Sort::Setting, String::new(), of.to_owned(), &one, place),
                Some("no") => match words.take("force") {
                    true => self.add(Sort::Setting, String::new(), of.to_owned(), &one, place),
                    false => self.define(of, &one, place),
                },
                Some("alter") => {
                    words.take("column");
                    let is_setting = words.name().is_some()
                        && match words.take_one(&["set", "reset"]) {
                            Some("set") => {
                                words.take_one(&["storage", "statistics", "compression"]).is_some()
                                    || words.rest().starts_with('(')
                            }
                            other => other.is_some(),
                        };
                    match is_setting {
                        true => self.add(Sort::Setting, String::new(), of.to_owned(), &one, place),
                        false => self.define(of, &one, place),
                    }
                }
                Some("drop") => {
                    let column = match words.take_one(&["constraint", "column"]) {
                        Some("constraint") => None,
                        _ => {
                            words.take_all(&["if", "exists"]);
                            words.name()
                        }
                    };
                    if let Some(column) = column {
                        let goes = self.of_column(of, &column);
                        let mut going = goes.into_iter();
                        self.things.retain(|_| going.next() == Some(false));
                    }
                    self.define(of, &one, place);
                }
                Some(_) => self.define(of, &one, place),
            }
        }
    }

    /// Keeps what changes the definition of a table.
    fn define(&mut self, of: &str, said: &Said, place: &Place) {
        for relation in self.relations.iter_mut().filter(|relation| same(&relation.name, of)) {
            relation.define(said, place);
        }
    }
}

/// A statement, without its end.
#[derive(Debug, Clone)]
struct Said {
    text: String,
    /// Whether no other engine is told it in the same words.
    is_own: bool,
    /// Whether it is one of those in which its engine is said to differ.
    differs: bool,
}

/// The text of a statement: its end goes, and so does what can not be said in a transaction.
fn text_of(statement: &Statement<'_>, engine: Engine) -> String {
    let mut text = statement.text.trim_end_matches(';').trim_end().to_owned();
    let tokens = of_statement(&text, engine);
    let is_index = tokens.iter().take(4).any(|token| token.is_word(&text, "index"));
    let place = tokens.iter().take(4).find(|token| is_index && token.is_word(&text, "concurrently"));
    if let Some(place) = place.map(|token| token.range.clone()) {
        let blanks = text[place.end..].len() - text[place.end..].trim_start().len();
        text.replace_range(place.start..place.end + blanks, "");
    }
    text
}

/// What SQLite is told by a migration.
fn told_elsewhere(migration: &Migration, engine: Engine) -> Vec<Vec<String>> {
    let statements = migration.up(Engine::Sqlite).statements(Engine::Sqlite);
    statements.iter().map(|said| spoken(said.text, engine)).collect()
}

/// Whether a script says that its engine differs in what tables are.
fn differs_in_tables(script: &Script) -> bool {
    const PARTS: [&str; 8] =
        ["no-foreign-keys", "no-checks", "no-unique", "types", "defaults", "nullability", "exclusions", "sequences"];
    script.directives().iter().filter(|said| said.name == "differs").any(|said| {
        let mut words = said.argument.split(',').map(|part| part.split_whitespace().next().unwrap_or_default());
        words.any(|word| PARTS.contains(&word) || ["table", "not-valid", "column-order"].contains(&word))
    })
}
