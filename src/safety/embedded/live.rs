//! What a connection knows of the tables of an embedded file.

use super::super::TableObject;
use super::{Dropped, Embedded};
use std::ops::Range;

impl Embedded<'_> {
    /// Takes in what the database has before the first file that is not applied: what the files do not know, a host program
    /// may have made.
    pub(super) fn see(&mut self, objects: &[TableObject]) {
        for object in objects {
            let table = self.tables.entry(object.table.clone());
            match object.kind.as_str() {
                "index" => {
                    table.or_default().indexes.entry(object.name.clone()).or_insert_with(|| object.uses.clone());
                }
                "trigger" => {
                    table.or_default().triggers.insert(object.name.clone());
                    self.readers.push(object.clone());
                }
                _ => self.readers.push(object.clone()),
            }
        }
    }

    /// Tables that this file drops and makes anew without an index or a trigger that they had: where, and what.
    pub(in crate::safety) fn lost_with_rebuilds(&self) -> Vec<(Range<usize>, String)> {
        let lost = self.dropped.iter().filter_map(|(name, dropped)| {
            let (was, range) = (&dropped.was, &dropped.range);
            let now = self.tables.get(name)?;
            let indexes = was.indexes.iter().filter(|(index, columns)| {
                !now.indexes.contains_key(*index) && !now.indexes.values().any(|other| other == *columns)
            });
            let triggers = was.triggers.iter().filter(|trigger| !now.triggers.contains(*trigger));
            let lost: Vec<String> = indexes.map(|(index, _)| index).chain(triggers).cloned().collect();
            (!lost.is_empty()).then(|| (range.clone(), format!("{name} is rebuilt without {}", lost.join(", "))))
        });
        lost.collect()
    }

    /// Tables that this file drops and makes anew while something else in the database reads them: where, and what.
    pub(in crate::safety) fn readers_of_rebuilt(&self) -> Vec<(Range<usize>, String)> {
        let of = |(name, readers): (&String, &Vec<String>)| {
            let Dropped { range, .. } = self.dropped.get(name).filter(|_| self.tables.contains_key(name))?;
            (!readers.is_empty())
                .then(|| (range.clone(), format!("{name} is rebuilt, and read by {}", readers.join(", "))))
        };
        self.read_when_dropped.iter().filter_map(of).collect()
    }

    /// The views, and the triggers of other tables, that read a table.
    pub(super) fn readers_of(&self, table: &str) -> Vec<String> {
        let reads = |reader: &&TableObject| reader.table != table && reader.uses.iter().any(|word| word == table);
        self.readers.iter().filter(reads).map(|reader| format!("the {} {}", reader.kind, reader.name)).collect()
    }
}
