//! Rows that are copied from one table to another, as a rebuild does it.

use super::super::postgres::{drops, renames};
use super::super::{Cost, Rule, Severity};
use super::losses::Loss;
use super::rows::{Holding, Kept};
use super::words::Words;
use super::{Dialect, Embedded, Mention, Table};
use std::ops::Range;

pub(in crate::safety) static MIXED_UP: Rule = Rule {
    name: "columns-mixed-up",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "INSERT ... SELECT brings the values of a column into another one, and those of that elsewhere",
    reason: "Values go by their place, not by their name: each comes into the column of another.",
    help: "Name the columns on both sides, in one order: INSERT INTO new (a, b) SELECT a, b FROM old.",
    source: "https://www.sqlite.org/lang_insert.html",
};

/// A table that a file dropped, or whose name it gave away.
pub(in crate::safety) struct Dropped {
    /// As it was.
    pub(super) was: Table,
    /// Where it was dropped.
    pub(super) range: Range<usize>,
    /// Whether nothing tells that it was there, and the file does without it.
    pub(super) is_unknown: bool,
}

/// A table to which a file gave another name.
pub(super) struct Moved {
    pub(super) range: Range<usize>,
    /// What goes on using it by the new name.
    pub(super) followers: Vec<String>,
    /// Whether nobody sees it without its name.
    pub(super) is_unseen: bool,
}

impl Table {
    pub(super) fn rename_column(&mut self, from: &str, to: &str) {
        let indexed = self.indexes.values_mut().chain(self.unique_indexes.values_mut()).flatten();
        for column in self.columns.iter_mut().chain(indexed).filter(|column| *column == from) {
            to.clone_into(column);
        }
        if let Some(names) = self.mentions.remove(&Mention::Column(from.to_owned())) {
            self.mentions.insert(Mention::Column(to.to_owned()), names);
        }
        if let Some(by_table) = self.foreign.remove(from) {
            self.foreign.insert(to.to_owned(), by_table);
        }
        self.rename_in_promises(from, to);
        for kept in self.rows.iter_mut().flat_map(|rows| &mut rows.values).filter(|kept| kept.here == from) {
            to.clone_into(&mut kept.here);
        }
        for columns in
            [&mut self.computed, &mut self.keys, &mut self.never_null].into_iter().chain(self.mentions.values_mut())
        {
            if columns.remove(from) {
                columns.insert(to.to_owned());
            }
        }
    }
}

impl Embedded<'_> {
    /// Reports values that a query brings into the columns of others.
    pub(super) fn mixed_up(&mut self, words: &Words) {
        let Some((table, moved)) = self.moved(words) else { return };
        let is_given = |column: &String| moved.iter().any(|(given, _)| given == column);
        let is_taken = |column: &String| moved.iter().any(|(_, into)| into == column);
        let mixed = moved.iter().filter(|(given, into)| given != into && is_given(into) && is_taken(given));
        let mixed: Vec<String> = mixed.map(|(given, into)| format!("{given} comes into {into}")).collect();
        if !mixed.is_empty() {
            let message = format!("the columns of {table} are in another order: {}", mixed.join(", "));
            self.report(&MIXED_UP, words.range.clone(), message);
        }
    }

    /// Reports what tables that this file dropped or gave another name have lost by its end: rows and values that do not come
    /// again under the old name.
    pub(super) fn gone<D: Dialect>(&mut self) {
        let whole = |name: &String| {
            let known = self.tables.get(name)?;
            let mut rows: Vec<Holding> = self.rows_of(name).into_iter().filter(|rows| rows.of == *name).collect();
            rows.sort_by_key(|rows| rows.loss.is_some());
            Some((known, rows.into_iter().next()?))
        };
        let (mut found, mut of_host) = (Vec::new(), Vec::new());
        for (name, moved) in self.moved.iter().filter(|(name, _)| !self.dropped.contains_key(*name)) {
            let is_all = |(_, rows): (&Table, Holding)| {
                if rows.loss.is_some() {
                    return false;
                }
                let was = self.renamed.iter().find(|(_, was)| *was == name).and_then(|(now, _)| self.tables.get(now));
                was.is_none_or(|was| {
                    was.columns.iter().all(|column| rows.values.iter().any(|kept| kept.column == *column))
                })
            };
            if !whole(name).is_some_and(is_all) {
                let message = format!("{name} has another name from now on");
                found.push((&renames::TABLE_RENAMED, moved.range.clone(), message));
            } else if let Some(message) = moved.breaks(name) {
                found.push((&renames::TABLE_RENAMED, moved.range.clone(), message));
            }
        }
        for (name, Dropped { was, range, is_unknown }) in &self.dropped {
            let Some((now, rows)) = whole(name) else {
                let is_scratch = *is_unknown && self.made.contains(name) && !self.tables.contains_key(name);
                if !is_scratch {
                    found.push((&drops::TABLE_DROPPED, range.clone(), format!("the data of {name} is lost")));
                }
                continue;
            };
            if let Some(Loss { by, message }) = rows.loss {
                found.push(match by {
                    Some((rule, at)) => (rule, at, message),
                    None => (&drops::TABLE_DROPPED, range.clone(), format!("the data of {name} is lost: {message}")),
                });
                continue;
            }
            if let Some((moved, message)) = self.moved.get(name).and_then(|moved| Some((moved, moved.breaks(name)?))) {
                found.push((&renames::TABLE_RENAMED, moved.range.clone(), message));
            }
            let fates = was.fates::<D>(&rows, now);
            let shown = |columns: Vec<&str>| format!("{name}.{}", columns.join(&format!(" and {name}.")));
            let of = |fate: &Fate| -> Vec<&str> {
                let is_like = |(_, own): &&(String, Fate)| std::mem::discriminant(own) == std::mem::discriminant(fate);
                fates.iter().filter(is_like).map(|(column, _)| column.as_str()).collect()
            };
            let lost = of(&Fate::Lost);
            if !lost.is_empty() {
                of_host.extend(lost.iter().any(|column| was.of_host.contains(*column)).then(|| range.clone()));
                found.push((&drops::COLUMN_DROPPED, range.clone(), format!("the data of {} is lost", shown(lost))));
            }
            let renamed = of(&Fate::Renamed);
            if !renamed.is_empty() {
                let message = format!("what was in {} has another name once the table is made anew", shown(renamed));
                found.push((&renames::COLUMN_RENAMED, range.clone(), message));
            }
            let may_have_rows = was.is_filled || !was.is_found_empty;
            let changed = fates.iter().filter_map(|(column, fate)| match fate {
                Fate::Changed(how) if may_have_rows => Some(format!("{name}.{column} {how}")),
                _ => None,
            });
            let changed: Vec<String> = changed.collect();
            if !changed.is_empty() {
                found.push((D::NARROWS, range.clone(), changed.join("; ")));
            }
        }
        for (rule, range, message) in found {
            let is_of_host = *rule == drops::COLUMN_DROPPED && of_host.contains(&range);
            self.report_of(rule, range, message).of_host = is_of_host;
        }
    }
}

impl Moved {
    /// What breaks although the table comes again under its name.
    fn breaks(&self, name: &str) -> Option<String> {
        if !self.followers.is_empty() {
            let followers = self.followers.join(", ");
            return Some(format!("{name} has another name from now on, which {followers} will use"));
        }
        (!self.is_unseen).then(|| format!("{name} has another name until it is made again"))
    }
}

/// What becomes of the values of a column.
enum Fate {
    Lost,
    Renamed,
    Changed(String),
}

impl Table {
    /// What becomes of its values, once another table has its rows, and its name.
    fn fates<D: Dialect>(&self, rows: &Holding, now: &Table) -> Vec<(String, Fate)> {
        let is_known = !self.columns.is_empty();
        let columns: Vec<&String> = match is_known {
            true => self.columns.iter().filter(|column| !self.computed.contains(*column)).collect(),
            // Of a table that nobody knows, what the queries name.
            false => {
                let plain =
                    rows.values.iter().filter(|kept| kept.is_kept && !kept.steps.iter().any(|step| step.is_cast));
                plain.map(|kept| &kept.column).collect()
            }
        };
        let mut fates = Vec::new();
        for column in columns {
            let mut places: Vec<&Kept> = rows.values.iter().filter(|kept| kept.column == *column).collect();
            places.sort_by_key(|kept| kept.here != *column);
            let Some(first) = places.first() else {
                if !rows.is_all {
                    fates.push((column.clone(), Fate::Lost));
                }
                continue;
            };
            if first.here != *column && !now.columns.is_empty() {
                fates.push((column.clone(), Fate::Renamed));
            }
            // What is under the name that programs know decides.
            let is_here = first.here == *column;
            let changes =
                places.iter().filter(|kept| !is_here || kept.here == *column).map(|kept| self.change::<D>(kept));
            let change: Option<Vec<String>> = changes.collect();
            let change = change.and_then(|changes| changes.into_iter().next());
            fates.extend(change.map(|change| (column.clone(), Fate::Changed(change))));
        }
        fates
    }

    /// How values change on the way, if they do.
    fn change<D: Dialect>(&self, kept: &Kept) -> Option<String> {
        if !kept.is_kept {
            return Some("is replaced by what a query makes of it".to_owned());
        }
        let mut from = self.types.get(&kept.column)?;
        for step in &kept.steps {
            if D::changes(from, &step.data_type, step.is_cast) {
                return Some(format!(
                    "is rounded, cut or converted: from {} to {}",
                    shown(from),
                    shown(&step.data_type)
                ));
            }
            from = &step.data_type;
        }
        None
    }
}

/// A type as people write it.
pub(in crate::safety) fn shown(data_type: &str) -> String {
    match data_type {
        "" => "no type".to_owned(),
        _ => data_type.to_uppercase().replace(" ( ", "(").replace(" , ", ", ").replace(" )", ")"),
    }
}
