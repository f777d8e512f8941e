//! What a connection knows of the tables of an embedded file.

use super::super::{Catalogue, Rule, TableFacts, TableObject};
use super::objects::Signature;
use super::{Dropped, Embedded};
use std::collections::BTreeMap;

impl Embedded<'_> {
    /// Takes in what the database has before the first file that is not applied: what the files do not know, a host program
    /// may have made.
    pub(super) fn see(&mut self, catalogue: &Catalogue) {
        self.is_live = true;
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
                "index" => {
                    let indexes = &mut table.or_default().indexes;
                    let is_known = indexes.contains_key(&object.name);
                    indexes.entry(object.name.clone()).or_insert_with(|| object.uses.clone());
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
        for (name, facts) in there {
            let table = self.tables.entry(name.clone()).or_default();
            table.is_found_empty = facts.empty;
            table.types.extend(facts.columns.iter().map(|(column, facts)| (column.clone(), facts.data_type.clone())));
            self.rehearsed.note_empty(name, facts.empty);
        }
    }

    /// Whether the database is known to have no such table. Of other letters than those of ASCII, engines differ in which are
    /// the same in capitals.
    pub(super) fn is_absent(&self, table: &str) -> bool {
        self.is_live && table.is_ascii() && !self.tables.contains_key(table)
    }

    /// Reports tables that this file drops and makes anew without an index or a trigger that they had.
    pub(in crate::safety) fn lost_with_rebuilds(&mut self, rule: &'static Rule) {
        let lost = self.dropped.iter().filter_map(|(name, dropped)| {
            let Dropped { was, range, .. } = dropped;
            let now = self.tables.get(name)?;
            let indexes = was.indexes.iter().filter(|(index, columns)| {
                !now.indexes.contains_key(*index) && !now.indexes.values().any(|other| other == *columns)
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

    /// The views, and the triggers of other tables, that read a table.
    pub(super) fn readers_of(&self, table: &str) -> Vec<TableObject> {
        let reads = |reader: &&TableObject| reader.table != table && reader.uses.iter().any(|word| word == table);
        self.readers.iter().filter(reads).cloned().collect()
    }
}
