//! Foreign keys of SQLite: what they refer to, what they would do to rows, and that nothing of that is done in a migration.

use super::super::{AtRows, Finding, Rule};
use super::bounds::{self, Bounds};
use super::orphans::Referring;
use super::words::Words;
use super::{Embedded, Table};
use std::collections::BTreeSet;
use std::ops::Range;

/// A foreign key.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    /// The columns of the table that has it.
    columns: Vec<String>,
    /// The table that it refers to.
    pub(super) parent: String,
    /// The columns of that; none where it is the primary key.
    referenced: Vec<String>,
    /// The statements at which it changes or deletes rows, where foreign keys are on: `delete`, `update`.
    acts_on: Vec<&'static str>,
    /// The file that made it, and where; nothing for one that was there before.
    made: Option<(usize, Range<usize>)>,
}

/// Columns of which no two rows have the same values.
#[derive(Debug, Clone)]
pub(super) struct Unique {
    /// The index that sees to it, where that has a name.
    pub(super) index: Option<String>,
    pub(super) is_primary: bool,
    pub(super) columns: BTreeSet<String>,
}

/// A statement that may leave rows behind that refer to nothing.
#[derive(Debug)]
pub(super) struct LeftBehind {
    range: Range<usize>,
    child: String,
    /// How many statements change the child where it is taken care of.
    is_changed_by: usize,
    message: String,
}

/// What the words of a table's part, or of a column that is added, say of a foreign key.
fn reference(words: &Words, item: Range<usize>, columns: Vec<String>, file: usize) -> Option<Reference> {
    let at = item.clone().find(|at| words.at(*at) == "references")?;
    let (parent, next) = words.name(at + 1);
    let referenced = if next < item.end && words.at(next) == "(" { named(words, next) } else { Vec::new() };
    let does = |action: &str| {
        let acts = ["cascade", "set null", "set default"];
        acts.into_iter().any(|act| item.clone().any(|at| words.is_at(at, &format!("on {action} {act}"))))
    };
    let acts_on = ["delete", "update"].into_iter().filter(|action| does(action)).collect();
    Some(Reference { columns, parent, referenced, acts_on, made: Some((file, words.range.clone())) })
}

/// The names between parentheses.
fn named(words: &Words, at: usize) -> Vec<String> {
    words.items(at).into_iter().map(|item| words.named(item.start).to_owned()).collect()
}

impl Table {
    /// Takes in what one of the parts of a table, or a column that is added, says of keys.
    pub(super) fn keep_keys(&mut self, words: &Words, item: Range<usize>, file: usize) {
        let within = |word: &str| item.clone().any(|at| words.at(at) == word);
        let is_column = !matches!(words.at(item.start), "constraint" | "primary" | "unique" | "check" | "foreign");
        let columns = match is_column {
            true => vec![words.named(item.start).to_owned()],
            false => named(words, item.start),
        };
        for (kind, is_primary) in [("primary", true), ("unique", false)] {
            if within(kind) {
                let columns = columns.iter().cloned().collect();
                self.unique.push(Unique { index: None, is_primary, columns });
            }
        }
        self.references.extend(reference(words, item, columns, file));
    }

    /// A foreign key that the database has, and no file made.
    pub(super) fn keep_reference(&mut self, parent: &str, acts_on: &str) {
        if !self.references.iter().any(|known| known.made.is_some() && known.parent == parent) {
            let acts_on = ["delete", "update"].into_iter().filter(|action| acts_on.contains(action)).collect();
            let (columns, referenced) = (Vec::new(), Vec::new());
            self.references.push(Reference { columns, parent: parent.to_owned(), referenced, acts_on, made: None });
        }
    }

    /// A column that has another name from now on.
    pub(super) fn rename_in_keys(&mut self, from: &str, to: &str) {
        for unique in &mut self.unique {
            if unique.columns.remove(from) {
                unique.columns.insert(to.to_owned());
            }
        }
        for reference in &mut self.references {
            reference.columns.iter_mut().filter(|column| *column == from).for_each(|column| to.clone_into(column));
        }
    }

    /// Whether a foreign key can refer to these columns, or to the primary key where there are none.
    fn can_be_referred_to(&self, referenced: &[String], count: usize) -> bool {
        let wanted: BTreeSet<&String> = referenced.iter().collect();
        self.unique.iter().any(|unique| match referenced.is_empty() {
            true => unique.is_primary && unique.columns.len() == count,
            false => unique.columns.iter().eq(wanted.iter().copied()),
        })
    }
}

impl Embedded<'_> {
    /// Takes in a statement that deletes rows of a table, or changes what others refer to, while nothing is done to those; and
    /// reports what is left behind at the end of a transaction, when foreign keys are compared.
    pub(in crate::safety) fn leaves_behind(&mut self, words: &Words, rule: &'static Rule) {
        if words.starts("drop table") {
            self.note_changed(words.name(words.past_if(2)).0);
        }
        for verb in ["delete from", "update"] {
            let Some(at) = words.find(verb).filter(|at| self.is_statement(words, *at)) else { continue };
            let at = at + if verb == "update" && words.at(at + 1) == "or" { 3 } else { verb.split(' ').count() };
            let (table, next) = words.name(at);
            self.note_changed(table.clone());
            let action = verb.split(' ').next().unwrap_or(verb);
            let set = if action == "update" {
                columns_made_other(words, next, &table, &BTreeSet::new())
            } else {
                BTreeSet::new()
            };
            self.leaves_children(words, (&table, action), &set, bounds::condition(words, at));
        }
        let into = words.find("into").filter(|_| words.starts("insert") || words.starts("with"));
        if let (Some(into), Some(update)) = (into, words.find("do update set")) {
            let (table, _) = words.name(into + 1);
            let on = words.find("on conflict (").unwrap_or(update);
            self.note_changed(table.clone());
            let set = columns_made_other(words, update + 2, &table, &words.names(on..update));
            self.leaves_children(words, (&table, "update"), &set, None);
        }
        if !self.in_transaction() {
            self.rows_left_behind(rule);
        }
    }

    fn note_changed(&mut self, table: String) {
        *self.changed.entry(table).or_default() += 1;
    }

    /// Takes in the tables whose rows refer to what a statement deletes, or sets anew in some columns.
    fn leaves_children(
        &mut self,
        words: &Words,
        (table, action): (&str, &'static str),
        set: &BTreeSet<String>,
        condition: Option<Range<usize>>,
    ) {
        if !self.is_set || self.is_new_here(table) {
            return;
        }
        // A copy's rows are those of the table whose place it takes.
        let copied = self.tables.get(table).into_iter().flat_map(|known| &known.rows).map(|rows| rows.of.as_str());
        let parents: BTreeSet<&str> = copied.chain([table]).collect();
        let keys = self.tables.get(table).map(|table| table.keys.clone()).unwrap_or_default();
        let primary = self.tables.get(table).and_then(|known| {
            let primary = known.unique.iter().find(|unique| unique.is_primary).map(|unique| &unique.columns);
            primary.and_then(|columns| columns.iter().next().filter(|_| columns.len() == 1))
        });
        let is_left_out = |child: &str, reference: &Reference| {
            let referenced = match reference.referenced.as_slice() {
                [] => primary,
                [column] => Some(column),
                _ => None,
            };
            let (Some(referenced), [column], Some(condition)) = (referenced, reference.columns.as_slice(), &condition)
            else {
                return false;
            };
            Referring { words, parent: table, referenced, child, column }.leaves_out(condition.clone())
        };
        let is_reached = |child: &str, reference: &Reference| {
            let mut referred =
                reference.referenced.iter().chain(keys.iter().filter(|_| reference.referenced.is_empty()));
            let acts = parents.contains(reference.parent.as_str()) && reference.acts_on.contains(&action);
            acts && (action == "delete" || referred.any(|column| set.contains(column)))
                && !is_left_out(child, reference)
        };
        // Of rows that refer to others of their own table, the condition may have them too.
        let takes_own = |reference: &Reference| {
            let known = self.tables.get(table);
            condition.clone().is_none_or(|condition| {
                (Bounds { words, table, known }).holds_always(condition.clone())
                    || reference.columns.is_empty()
                    || reference.columns.iter().any(|column| words.names(condition.clone()).contains(column))
            })
        };
        let mut found = Vec::new();
        for (child, known) in &self.tables {
            let is_own = child == table;
            let mut reached = known.references.iter().filter(|reference| is_reached(child, reference));
            if reached.any(|reference| !is_own || !takes_own(reference)) && self.may_have_rows(child) {
                let upper = action.to_uppercase();
                let message = format!(
                    "rows of {child} refer to {table} with ON {upper}, which does nothing in a migration: they are left behind"
                );
                let is_changed_by = if is_own { 2 } else { 1 };
                let (range, child) = (words.range.clone(), child.clone());
                found.push(LeftBehind { range, child, is_changed_by, message });
            }
        }
        self.left_behind.extend(found);
    }

    /// Reports tables whose rows are left behind, and that the file does not change itself, before or in the same transaction.
    pub(in crate::safety) fn rows_left_behind(&mut self, rule: &'static Rule) {
        let left_behind = std::mem::take(&mut self.left_behind);
        // It was tried on the rows that are there, and their keys compared.
        if self.at_rows == AtRows::Runs {
            return;
        }
        for left in left_behind {
            if self.changed.get(&left.child).is_none_or(|count| *count < left.is_changed_by) {
                self.report_at(rule, left.range, left.message);
                // Whoever tried it on the rows that are there found the same.
                if let AtRows::Fails(fails) = &self.at_rows {
                    let is_of_keys = fails.message.contains("rows would refer to ");
                    let is_same = |finding: &Finding| finding.file == fails.file && finding.message == fails.message;
                    self.findings.retain(|finding| !is_of_keys || !is_same(finding));
                }
            }
        }
    }

    /// Reports foreign keys of this file to columns that nothing keeps unique.
    pub(in crate::safety) fn mismatched_keys(&mut self, rule: &'static Rule) {
        let mut found = Vec::new();
        let of_this_file = self.tables.values().flat_map(|table| &table.references);
        for Reference { columns, parent, referenced, made, .. } in of_this_file.filter(|_| self.is_set) {
            let Some((_, range)) = made.as_ref().filter(|(file, _)| *file == self.file) else { continue };
            let Some(known) = self.tables.get(parent).filter(|known| known.file.is_some()) else { continue };
            let by_host = |(name, columns): (&String, &Vec<String>)| {
                self.of_host.contains(name)
                    && columns.len() == referenced.len()
                    && columns.iter().all(|column| referenced.contains(column))
            };
            if known.can_be_referred_to(referenced, columns.len()) || known.indexes.iter().any(by_host) {
                continue;
            }
            let what = match referenced.as_slice() {
                [] => "PRIMARY KEY".to_owned(),
                columns => format!("PRIMARY KEY or UNIQUE of {} alone", columns.join(", ")),
            };
            found.push((range.clone(), format!("{parent} has no {what} to refer to: foreign key mismatch")));
        }
        for (range, message) in found {
            self.report_at(rule, range, message);
        }
    }

    /// Reports what an earlier statement of the file does.
    fn report_at(&mut self, rule: &'static Rule, range: Range<usize>, message: String) {
        let last = std::mem::replace(&mut self.statement, range.clone());
        self.report(rule, range, message);
        self.statement = last;
    }
}

/// The columns that an UPDATE sets, behind the name of its table.
pub(super) fn changed_columns(words: &Words, at: usize) -> BTreeSet<String> {
    let of = |part: Range<usize>| words.names(part.start..bounds::equals(words, part));
    assignments(words, at).into_iter().flat_map(of).collect()
}

/// Those of which it sets to something else than they are; `met` are columns that are as those of the row that is inserted.
fn columns_made_other(words: &Words, at: usize, table: &str, met: &BTreeSet<String>) -> BTreeSet<String> {
    let is_same = |part: &Range<usize>| {
        let sign = bounds::equals(words, part.clone());
        let is_column = |range: &Range<usize>| matches!(range.len(), 1 | 3) && words.is_name(range.end - 1);
        let (left, right) = (part.start..sign, (sign + 1).min(part.end)..part.end);
        let of = words.named(right.start);
        let is_own = right.len() == 1 || of == table || of == "excluded" && met.contains(words.named(right.end - 1));
        sign < part.end
            && is_column(&left)
            && is_column(&right)
            && is_own
            && words.named(left.end - 1) == words.named(right.end - 1)
    };
    let of = |part: Range<usize>| words.names(part.start..bounds::equals(words, part));
    assignments(words, at).into_iter().filter(|part| !is_same(part)).flat_map(of).collect()
}

/// The assignments of an UPDATE, behind the name of its table.
fn assignments(words: &Words, at: usize) -> Vec<Range<usize>> {
    let mut depth = 0;
    let set = (at..words.len()).find(|at| words.at(*at) == "set").unwrap_or(words.len());
    let end = (set..words.len()).find(|at| {
        depth += words.opens(*at);
        depth == 0 && matches!(words.at(*at), "where" | "from" | "returning" | "when")
    });
    words.parts((set + 1).min(words.len())..end.unwrap_or(words.len()))
}
