//! What statements make of the tables that the rules know of.

use super::bounds::closing;
use super::copies::{Dropped, Moved};
use super::losses::taking;
use super::promises::{What, promises};
use super::views::created_view;
use super::words::{Words, temporary};
use super::{Embedded, Mention, Table, Unique, objects};

impl Embedded<'_> {
    /// What a statement makes of the tables.
    pub(super) fn apply(&mut self, words: &Words) {
        self.spoils(words);
        self.makes_view(words);
        if let Some((name, columns)) = created_view(words) {
            self.view_names.insert(name.clone(), words.names(0..words.len()));
            self.objects_of_this_file.insert(name.clone());
            self.views_of_host.remove(&name);
            self.views.insert(name, columns);
        }
        let replaced = if words.is_at(1, "or replace") { 3 } else { 1 };
        let at = replaced + usize::from(matches!(words.at(replaced), "temp" | "temporary" | "unique" | "virtual"));
        match (words.at(0), words.at(at)) {
            ("create", "table") => {
                self.create_table(words, words.past_if(at + 1), words.is_at(at + 1, "if not exists"))
            }
            ("create", "index") => {
                let (index, next) = words.name(words.past_if(at + 1));
                let (table, next) = words.name(next + 1);
                let items = words.items(next);
                let columns: Vec<String> = items.iter().map(|item| words.named(item.start).to_owned()).collect();
                let table = self.tables.entry(table).or_default();
                if words.at(1) == "unique" {
                    let is_plain = !words.has("where") && items.iter().all(|item| words.at(item.start + 1) != "(");
                    let of = if is_plain { columns.clone() } else { Vec::new() };
                    table.unique_indexes.insert(index.clone(), of);
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
                    let names = words.names(on + 1..words.len());
                    match taking(words, &table) {
                        Some(taking) => _ = self.taking.insert(trigger.clone(), taking),
                        None => _ = self.taking.remove(&trigger),
                    }
                    self.trigger_names.insert(trigger.clone(), (table.clone(), names));
                    self.tables.entry(table).or_default().triggers.insert(trigger);
                }
            }
            ("drop", "index") => {
                let (index, _) = words.name(words.past_if(2));
                self.drops_unique_index(words, &index);
                for (name, table) in &mut self.tables {
                    let named = table.mentions.remove(&Mention::Index(index.clone()));
                    table.unique_indexes.remove(&index);
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
                self.trigger_names.remove(&trigger);
                self.readers.retain(|reader| reader.name != trigger);
            }
            ("drop", "view") => {
                let (view, _) = words.name(words.past_if(2));
                self.view_names.remove(&view);
                self.views_of_host.remove(&view);
                self.readers.retain(|reader| reader.name != view);
            }
            ("drop", "table") => self.drop_table(words),
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
            ("insert" | "replace" | "with", _) if words.has("into") => {
                self.copy(words);
                self.fill(words);
            }
            ("delete" | "truncate", _) => self.empty(words),
            _ => {}
        }
    }

    fn drop_table(&mut self, words: &Words) {
        let (table, _) = words.name(words.past_if(2));
        let is_unless_absent = words.is_at(2, "if exists");
        let is_known = self.tables.contains_key(&table) || self.renamed.contains_key(&table);
        let is_new = self.is_of_this_file(&table) || is_unless_absent && self.is_absent(&table);
        let mut was = self.tables.remove(&table).unwrap_or_default();
        self.readers.retain(|reader| reader.table != table);
        self.trigger_names.retain(|_, (on, _)| *on != table);
        self.temporary.retain(|name| temporary(name) != table);
        // What another table takes the place of is known by the name that it had.
        let name = self.renamed.remove(&table).unwrap_or_else(|| table.clone());
        was.refer_anew(&table, &name);
        if !is_new {
            self.read_when_dropped.insert(name.clone(), self.readers_of(&name));
            let is_unknown = is_unless_absent && !is_known && !self.is_live;
            self.dropped.entry(name).or_insert(Dropped { was, range: words.range.clone(), is_unknown });
        }
    }

    fn create_table(&mut self, words: &Words, at: usize, unless_there: bool) {
        let (mut name, next) = words.name(at);
        let bare = words.named(next - 1);
        let is_temporary = (1..at).any(|at| matches!(words.at(at), "temp" | "temporary")) || name == temporary(bare);
        if is_temporary {
            name = temporary(bare);
            self.temporary.insert(bare.to_owned());
        }
        let is_there = |table: &Table| table.file.is_some() || self.is_live;
        if unless_there && self.tables.get(&name).is_some_and(is_there) {
            return;
        }
        let is_list = words.at(next) == "(" && words.at(closing(words, next) + 1) == "as";
        let query = if is_list { closing(words, next) + 1 } else { next };
        let mut table = match words.at(query) == "as" {
            true => {
                let names =
                    is_list.then(|| words.items(next).iter().map(|item| words.named(item.start).to_owned()).collect());
                self.table_of_query(words, query + 1..words.len(), names)
            }
            false => Table::defined(words, next),
        };
        if words.at(query) != "as" {
            words.items(next).into_iter().for_each(|item| table.keep_keys(words, item, self.file));
        }
        (table.file, table.applied) = (Some(self.file), self.applied);
        if words.starts("create or replace")
            && !is_temporary
            && let Some(was) =
                Some(self.tables.get(&name)).filter(|_| !self.is_of_this_file(&name) && !self.is_absent(&name))
        {
            let (was, range) = (was.cloned().unwrap_or_default(), words.range.clone());
            let is_unknown = false;
            self.dropped.entry(name.clone()).or_insert(Dropped { was, range, is_unknown });
        }
        self.made.insert(name.clone());
        self.rehearsed.note_empty(&name, false);
        self.tables.insert(name, table);
    }

    /// The name that a table has from now on: one that is temporary stays so.
    fn renamed_to(&mut self, words: &Words, table: &str, at: usize) -> String {
        let now = words.named(if words.at(at + 1) == "." { at + 2 } else { at });
        let bare = self.temporary.iter().find(|bare| temporary(bare) == table).cloned();
        let Some(bare) = bare else { return now.to_owned() };
        self.temporary.remove(&bare);
        self.temporary.insert(now.to_owned());
        temporary(now)
    }

    fn apply_alter(&mut self, words: &Words) {
        let (name, at) = words.name(words.past_if(2));
        if words.is_at(at, "rename to") {
            let now = self.renamed_to(words, &name, at + 2);
            let followers = self.followers_of(&name);
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
            if self.is_sqlite {
                self.tables.values_mut().for_each(|table| table.refer_anew(&name, &now));
            }
            let references = self.tables.values_mut().flat_map(|table| &mut table.references);
            references.filter(|reference| reference.parent == name).for_each(|to| to.parent.clone_from(&now));
            let is_new = !self.renamed.contains_key(&name) && self.is_of_this_file(&now);
            let was = self.renamed.remove(&name).unwrap_or(name);
            if !is_new {
                let moved = Moved { range: words.range.clone(), followers, is_unseen: self.in_transaction() };
                self.moved.entry(was.clone()).or_insert(moved);
            }
            self.renamed.insert(now, was);
            return;
        }
        if words.at(at) == "add" && words.has("check") {
            for freed in self.freed.iter_mut().filter(|freed| freed.table == name) {
                if let What::Constraint(_, is_replaced) = &mut freed.what {
                    *is_replaced = true;
                }
            }
        }
        let Some(table) = self.tables.get_mut(&name) else { return };
        table.promise_anew(words, at);
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
                for rows in &mut table.rows {
                    rows.values.retain(|kept| kept.here != words.named(past(at)));
                }
                table.mentions.remove(&Mention::Column(words.named(past(at)).to_owned()));
                table.types.remove(words.named(past(at)));
                table.defaults.remove(words.named(past(at)));
                table.never_null.remove(words.named(past(at)));
            }
            "alter" => {
                let column = words.named(past(at));
                table.define_anew(column, words, past(at) + 1);
                table.retyped_rows(column, words, past(at));
            }
            _ => {}
        }
    }
}

impl Table {
    /// The table that a list of columns and constraints makes, which opens at an index.
    pub(super) fn defined(words: &Words, at: usize) -> Self {
        let mut table = Self::default();
        for item in words.items(at) {
            let first = words.named(item.start);
            let within = |word: &str| item.clone().any(|at| words.at(at) == word);
            if matches!(words.at(item.start), "constraint" | "primary" | "unique" | "check" | "foreign") {
                table.promises.extend(promises(words, item.clone(), None));
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
                table.promises.extend(promises(words, item.start + 1..item.end, Some(first)));
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
        table
    }
}
