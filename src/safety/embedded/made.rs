//! What statements make of the tables that the rules know of.

use super::copies::{Dropped, promises};
use super::views::created_view;
use super::words::Words;
use super::{Embedded, Mention, Table, Unique, objects};

impl Embedded<'_> {
    /// What a statement makes of the tables.
    pub(super) fn apply(&mut self, words: &Words) {
        if let Some((name, columns)) = created_view(words) {
            self.view_names.insert(name.clone(), words.names(0..words.len()));
            self.objects_of_this_file.insert(name.clone());
            self.views_of_host.remove(&name);
            self.views.insert(name, columns);
        }
        let skipped = usize::from(matches!(words.at(1), "temp" | "temporary" | "unique" | "virtual"));
        let replaced = if words.is_at(1, "or replace") { 2 } else { 0 };
        let at = 1 + skipped + replaced;
        match (words.at(0), words.at(at)) {
            ("create", "table") => {
                self.create_table(words, words.past_if(at + 1), words.is_at(at + 1, "if not exists"))
            }
            ("create", "index") => {
                let (index, next) = words.name(words.past_if(at + 1));
                let (table, next) = words.name(next + 1);
                let columns: Vec<String> =
                    words.items(next).into_iter().map(|item| words.named(item.start).to_owned()).collect();
                let table = self.tables.entry(table).or_default();
                if table.is_of_query && words.at(1) == "unique" {
                    table.promises.insert("UNIQUE");
                }
                if words.at(1) == "unique" && !words.has("where") {
                    let columns = columns.iter().cloned().collect();
                    table.unique.push(Unique { index: Some(index.clone()), is_primary: false, columns });
                }
                table.mentions.insert(Mention::Index(index.clone()), words.names(next..words.len()));
                table.indexes.insert(index, columns);
            }
            ("create", "trigger") => {
                let (trigger, _) = words.name(words.past_if(at + 1));
                if let Some(on) = words.find("on") {
                    let table = words.name(on + 1).0;
                    self.tables.entry(table).or_default().triggers.insert(trigger);
                }
            }
            ("drop", "index") => {
                let (index, _) = words.name(words.past_if(2));
                for (name, table) in &mut self.tables {
                    let named = table.mentions.remove(&Mention::Index(index.clone()));
                    table.unique.retain(|unique| unique.index.as_ref() != Some(&index));
                    if let Some(columns) = table.indexes.remove(&index) {
                        let names = self.unindexed.entry(name.clone()).or_default();
                        names.extend(columns.into_iter().chain(named.into_iter().flatten()));
                    }
                }
            }
            ("drop", "trigger") => {
                let (trigger, _) = words.name(words.past_if(2));
                for table in self.tables.values_mut() {
                    table.triggers.remove(&trigger);
                }
                self.readers.retain(|reader| reader.name != trigger);
            }
            ("drop", "view") => {
                let (view, _) = words.name(words.past_if(2));
                self.view_names.remove(&view);
                self.views_of_host.remove(&view);
                self.readers.retain(|reader| reader.name != view);
            }
            ("drop", "table") => {
                let (table, _) = words.name(words.past_if(2));
                let was = self.tables.remove(&table).unwrap_or_default();
                let copied = self.copied.remove(&table).map(|copied| copied.columns_of(&was)).unwrap_or_default();
                self.readers.retain(|reader| reader.table != table);
                // What another table takes the place of is known by the name that it had.
                let name = self.renamed.remove(&table).unwrap_or(table);
                self.read_when_dropped.insert(name.clone(), self.readers_of(&name));
                self.dropped.insert(name, Dropped { was, copied, range: words.range.clone() });
            }
            ("alter", "table") => self.apply_alter(words),
            ("create", "sequence" | "type" | "macro" | "function") => {
                let (name, next) = words.name(words.past_if(at + 1));
                match words.at(at) {
                    "sequence" => _ = self.sequences.insert(name.clone()),
                    "type" => {}
                    _ => _ = self.macros.insert(name.clone(), objects::signatures(words, next)),
                }
                self.objects_of_this_file.insert(name);
            }
            ("drop", "sequence" | "macro" | "function") => {
                let (name, _) = words.name(words.past_if(if words.at(2) == "table" { 3 } else { 2 }));
                self.sequences.remove(&name);
                self.macros.remove(&name);
            }
            ("insert" | "replace", _) if words.has("into") => {
                self.copy(words);
                self.fill(words);
            }
            ("with", _) if words.has("insert into") => self.fill(words),
            ("delete" | "truncate", _) => self.empty(words),
            _ => {}
        }
    }

    fn create_table(&mut self, words: &Words, at: usize, unless_there: bool) {
        let (name, next) = words.name(at);
        let is_there = |table: &Table| table.file.is_some() || self.is_live;
        if unless_there && self.tables.get(&name).is_some_and(is_there) {
            return;
        }
        let mut table = Table { file: Some(self.file), applied: self.applied, ..Table::default() };
        if words.at(next) == "as" {
            self.copy(words);
            table.columns = self.columns_of_query(words).unwrap_or_default();
            table.is_of_query = true;
            if words.starts("create or replace")
                && let Some(was) = self.tables.get(&name).filter(|was| was.file != Some(self.file))
            {
                let (was, range) = (was.clone(), words.range.clone());
                self.dropped.insert(name.clone(), Dropped { was, copied: Vec::new(), range });
            }
            table.is_filled = true;
        } else {
            for item in words.items(next) {
                let first = words.named(item.start);
                table.promises.extend(promises(words, item.clone()));
                table.keep_keys(words, item.clone(), self.file);
                let within = |word: &str| item.clone().any(|at| words.at(at) == word);
                if matches!(words.at(item.start), "constraint" | "primary" | "unique" | "check" | "foreign") {
                    if within("check") {
                        table.mentions.insert(Mention::Check(item.start), words.names(item.clone()));
                    } else {
                        let columns =
                            words.items(item.start).into_iter().map(|column| words.named(column.start).to_owned());
                        if within("foreign") {
                            table.foreign.extend(columns.map(|column| (column, true)));
                        } else {
                            table.keys.extend(columns);
                        }
                    }
                } else {
                    table.columns.push(first.to_owned());
                    table.define(first, words, item.clone());
                    if within("check") || within("as") {
                        table.mentions.insert(Mention::Column(first.to_owned()), words.names(item.clone()));
                    }
                    if within("generated") || within("as") {
                        table.computed.insert(first.to_owned());
                    }
                    if within("primary") || within("unique") {
                        table.keys.insert(first.to_owned());
                    }
                    if within("references") {
                        table.foreign.insert(first.to_owned(), false);
                    }
                }
                if let Some(references) = item.clone().find(|at| words.at(*at) == "references") {
                    table.refers.insert(words.name(references + 1).0);
                }
            }
        }
        self.rehearsed.note_empty(&name, false);
        self.tables.insert(name, table);
    }

    fn apply_alter(&mut self, words: &Words) {
        let (name, at) = words.name(words.past_if(2));
        if words.is_at(at, "rename to") {
            let now = words.name(at + 2).0;
            for reader in self.readers.iter_mut().filter(|reader| reader.table == name) {
                reader.table.clone_from(&now);
            }
            if let Some(table) = self.tables.remove(&name) {
                self.rehearsed.note_empty(&name, false);
                self.rehearsed.note_empty(&now, table.is_found_empty && !table.is_filled);
                self.tables.insert(now.clone(), table);
            }
            if let Some(columns) = self.unindexed.remove(&name) {
                self.unindexed.insert(now.clone(), columns);
            }
            let references = self.tables.values_mut().flat_map(|table| &mut table.references);
            references.filter(|reference| reference.parent == name).for_each(|to| to.parent.clone_from(&now));
            let was = self.renamed.remove(&name).unwrap_or(name);
            self.renamed.insert(now, was);
            return;
        }
        let Some(table) = self.tables.get_mut(&name) else { return };
        if words.at(at) == "add" || words.is_at(at, "alter") && words.has("set") {
            table.promises.extend(promises(words, at..words.len()));
        }
        let past = |at: usize| words.past_if(if words.at(at + 1) == "column" { at + 2 } else { at + 1 });
        match words.at(at) {
            "add" if words.at(at + 1) != "constraint" => {
                let column = words.named(past(at)).to_owned();
                table.keep_keys(words, past(at)..words.len(), self.file);
                if let Some(references) = words.find("references") {
                    table.refers.insert(words.name(references + 1).0);
                    table.foreign.insert(column.clone(), false);
                }
                if words.has("as (") {
                    table.computed.insert(column.clone());
                }
                table.define(&column, words, past(at)..words.len());
                table.columns.push(column);
            }
            "rename" => {
                let (from, to) = (words.named(past(at)), words.named(past(at) + 2));
                table.rename_column(from, to);
                table.rename_in_keys(from, to);
                if let Some(data_type) = table.types.remove(from) {
                    table.types.insert(to.to_owned(), data_type);
                }
                if let Some(uses) = table.defaults.remove(from) {
                    table.defaults.insert(to.to_owned(), uses);
                }
                if let Some(names) = self.unindexed.get_mut(&name).filter(|names| names.contains(from)) {
                    names.insert(to.to_owned());
                }
            }
            "drop" => {
                table.columns.retain(|column| column != words.named(past(at)));
                table.mentions.remove(&Mention::Column(words.named(past(at)).to_owned()));
                table.types.remove(words.named(past(at)));
                table.defaults.remove(words.named(past(at)));
            }
            "alter" => table.define_anew(words.named(past(at)), words, past(at) + 1),
            _ => {}
        }
    }
}
