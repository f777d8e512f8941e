//! What a connection knows of the tables of an embedded file.

use super::super::source::Source;
use super::super::{Catalogue, Engine, Rule, TableFacts, TableObject};
use super::objects::Signature;
use super::words::Words;
use super::{Dropped, Embedded, Mention, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

impl Embedded<'_> {
    /// Takes in what the database has before the first file that is not applied: what the files do not know, a host program
    /// may have made.
    pub(super) fn see(&mut self, catalogue: &Catalogue) {
        self.is_live = true;
        self.is_all_told = catalogue.existing.as_ref().is_some_and(|existing| existing.unsure.is_empty());
        self.see_tables(catalogue);
        for object in &catalogue.objects {
            let table = self.tables.entry(object.table.clone());
            let is_known = match object.kind.as_str() {
                "foreign key" => {
                    let refers = &mut table.or_default().refers;
                    let unknown = object.uses.iter().filter(|referred| refers.insert((*referred).clone()));
                    self.rehearsed.doubt(unknown);
                    continue;
                }
                "cascade" => {
                    let child = table.or_default();
                    object.uses.iter().for_each(|parent| child.keep_reference(parent, &object.name));
                    continue;
                }
                "macro" => {
                    if !self.macros.contains_key(&object.name) {
                        self.rehearsed.doubt([&object.name]);
                    }
                    let known = self.macros.entry(object.name.clone()).or_default();
                    if !known.iter().any(|signature| signature.is_made) {
                        known.push(Signature::of_host(&object.uses));
                    }
                    continue;
                }
                "default" => {
                    let uses = object.uses.iter().cloned().collect();
                    table.or_default().defaults.insert(object.name.clone(), uses);
                    continue;
                }
                "index" | "unique index" => {
                    let table = table.or_default();
                    let is_known = table.indexes.contains_key(&object.name);
                    if object.kind == "unique index" {
                        let unique = &mut table.unique_indexes;
                        unique.entry(object.name.clone()).or_insert_with(|| object.uses.clone());
                    }
                    table.indexes.entry(object.name.clone()).or_insert_with(|| object.uses.clone());
                    is_known
                }
                "trigger" => {
                    self.readers.push(object.clone());
                    !table.or_default().triggers.insert(object.name.clone())
                }
                _ => {
                    self.readers.push(object.clone());
                    let is_known = self.views.contains_key(&object.name);
                    if !is_known {
                        self.views_of_host.insert(object.name.clone(), object.uses.clone());
                    }
                    is_known
                }
            };
            if !is_known {
                self.rehearsed.doubt([&object.name, &object.table]);
                self.of_host.insert(object.name.clone());
            }
        }
    }

    /// Takes in which tables there are, which of them are empty, and the types of their columns.
    fn see_tables(&mut self, catalogue: &Catalogue) {
        let there: BTreeMap<&String, &TableFacts> =
            catalogue.tables.iter().map(|(name, facts)| (&name.name, facts)).collect();
        let gone: Vec<String> =
            self.tables.keys().filter(|name| name.is_ascii() && !there.contains_key(name)).cloned().collect();
        for name in gone {
            self.tables.remove(&name);
            self.rehearsed.doubt([&name]);
        }
        let is_sqlite = self.is_sqlite;
        for (name, facts) in there {
            let table = self.tables.entry(name.clone()).or_default();
            table.is_found_empty = facts.empty;
            if let Some(now) = facts.definition.as_deref().and_then(|text| defined(text, is_sqlite)) {
                if table.columns != now.columns {
                    self.rehearsed.doubt([name]);
                }
                table.see(now);
            }
            table.types.extend(facts.columns.iter().map(|(column, facts)| (column.clone(), facts.data_type.clone())));
            self.rehearsed.note_empty(name, facts.empty);
        }
    }

    /// Whether the database is known to have no such table. Of other letters than those of ASCII, engines differ in which are
    /// the same in capitals.
    pub(super) fn is_absent(&self, table: &str) -> bool {
        self.is_live && table.is_ascii() && !self.tables.contains_key(table)
    }

    /// Whether neither the database nor the files of its set so far have a table, view, index or trigger by a name that a
    /// statement gives without a schema.
    pub(super) fn is_nowhere(&self, words: &Words, name: &str) -> bool {
        let is_there = |table: &Table| table.indexes.contains_key(name) || table.triggers.contains(name);
        // What engines keep for themselves may be made when it is needed.
        let is_own = name.starts_with("sqlite_") || name.starts_with("duckdb_");
        let is_bare = |at: &usize| words.named(*at) == name && (*at == 0 || words.at(at - 1) != ".");
        self.is_all_told
            && self.is_set
            && name.is_ascii()
            && !is_own
            && (0..words.len()).any(|at| is_bare(&at))
            && !self.tables.contains_key(name)
            && !self.temporary.contains(name)
            && !self.views.contains_key(name)
            && !self.views_of_host.contains_key(name)
            && !self.of_host.contains(name)
            && !self.readers.iter().any(|reader| reader.name == name)
            && !self.tables.values().any(is_there)
    }

    /// Reports tables that this file drops and makes anew without an index or a trigger that they had.
    pub(in crate::safety) fn lost_with_rebuilds(&mut self, rule: &'static Rule) {
        let lost = self.dropped.iter().filter_map(|(name, dropped)| {
            let Dropped { was, range, .. } = dropped;
            let now = self.tables.get(name)?;
            let indexes = was.indexes.iter().filter(|(index, columns)| {
                let is_again = now.indexes.contains_key(*index) || now.indexes.values().any(|other| other == *columns);
                !is_again && !now.is_key(columns)
            });
            let triggers = was.triggers.iter().filter(|trigger| !now.triggers.contains(*trigger));
            let lost: Vec<String> = indexes.map(|(index, _)| index).chain(triggers).cloned().collect();
            let of_host = lost.iter().any(|name| self.of_host.contains(name));
            let message = format!("{name} is rebuilt without {}", lost.join(", "));
            (!lost.is_empty()).then(|| (range.clone(), message, of_host))
        });
        for (range, message, of_host) in lost.collect::<Vec<_>>() {
            self.report(rule, range, message).of_host = of_host;
        }
    }

    /// Reports tables that this file drops and makes anew while something else in the database reads them.
    pub(in crate::safety) fn readers_of_rebuilt(&mut self, rule: &'static Rule) {
        let read = self.read_when_dropped.iter().filter_map(|(name, readers)| {
            let Dropped { range, .. } = self.dropped.get(name).filter(|_| self.tables.contains_key(name))?;
            let of_host = readers.iter().any(|reader| self.of_host.contains(&reader.name));
            let readers: Vec<String> =
                readers.iter().map(|reader| format!("the {} {}", reader.kind, reader.name)).collect();
            let message = format!("{name} is rebuilt, and read by {}", readers.join(", "));
            (!readers.is_empty()).then(|| (range.clone(), message, of_host))
        });
        for (range, message, of_host) in read.collect::<Vec<_>>() {
            self.report(rule, range, message).of_host = of_host;
        }
    }

    /// What goes on using a table by its new name once it has one: on SQLite, keys, views and triggers of others.
    pub(super) fn followers_of(&self, table: &str) -> Vec<String> {
        if !self.is_sqlite {
            return Vec::new();
        }
        let refers = |(name, other): &(&String, &Table)| *name != table && other.refers.contains(table);
        let tables = self.tables.iter().filter(refers).map(|(name, _)| format!("the table {name}"));
        let views = self.view_names.iter().filter(|(_, names)| names.contains(table));
        let views = views.map(|(name, _)| format!("the view {name}"));
        let triggers = self.trigger_names.iter().filter(|(_, (on, names))| on != table && names.contains(table));
        let triggers = triggers.map(|(name, _)| format!("the trigger {name}"));
        let readers = self.readers_of(table).into_iter().map(|reader| format!("the {} {}", reader.kind, reader.name));
        let followers: BTreeSet<String> = tables.chain(views).chain(triggers).chain(readers).collect();
        followers.into_iter().collect()
    }

    /// The views, and the triggers of other tables, that read a table.
    pub(super) fn readers_of(&self, table: &str) -> Vec<TableObject> {
        let reads = |reader: &&TableObject| reader.table != table && reader.uses.iter().any(|word| word == table);
        self.readers.iter().filter(reads).cloned().collect()
    }
}

/// The table that a statement makes.
fn defined(text: &str, is_sqlite: bool) -> Option<Table> {
    let engine = if is_sqlite { Engine::Sqlite } else { Engine::DuckDb };
    let source = Source::new(Path::new(""), text, engine);
    let words = Words::new(text, source.statements.first()?);
    let at = words.find("table").filter(|_| words.starts("create") && !words.has("virtual"))?;
    let (_, next) = words.name(words.past_if(at + 1));
    (words.at(next) == "(").then(|| Table::defined(&words, next))
}

impl Table {
    /// Takes in what the database says that it is, which counts.
    fn see(&mut self, now: Self) {
        if self.file.is_some() {
            let is_unknown = |column: &&String| !self.columns.contains(*column);
            self.of_host = now.columns.iter().filter(is_unknown).cloned().collect();
        }
        self.mentions.retain(|mention, _| matches!(mention, Mention::Index(_)));
        self.mentions.extend(now.mentions);
        self.columns = now.columns;
        self.computed = now.computed;
        self.keys = now.keys;
        self.never_null = now.never_null;
        self.foreign = now.foreign;
        self.refers = now.refers;
        self.promises = now.promises;
        self.is_of_query = false;
        self.types = now.types;
        self.defaults = now.defaults;
    }
}
