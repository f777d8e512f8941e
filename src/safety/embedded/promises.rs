//! What a table keeps out of its values, and who takes that away.

use super::super::Severity;
use super::super::postgres::{columns, drops};
use super::copies::Dropped;
use super::rows::Holding;
use super::words::Words;
use super::{Dialect, Embedded, Table};
use std::collections::BTreeSet;
use std::ops::Range;

/// What a table keeps of its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Promise {
    pub(super) kind: Kind,
    /// The columns that it is of; of a check, every name in it.
    pub(super) columns: Vec<String>,
    /// What a check says, and what a foreign key refers to.
    said: Vec<String>,
    /// The name of the constraint, if it has one.
    name: Option<String>,
    /// What becomes of rows that break it, where that is no error.
    pub(super) conflict: Option<Conflict>,
}

/// What ON CONFLICT says of rows that break a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Conflict {
    Ignore,
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    PrimaryKey,
    Unique,
    ForeignKey,
    Check,
    NotNull,
    Default,
}

/// How each begins.
const KINDS: &[(&str, Kind)] = &[
    ("primary key", Kind::PrimaryKey),
    ("unique", Kind::Unique),
    ("references", Kind::ForeignKey),
    ("check", Kind::Check),
    ("not null", Kind::NotNull),
    ("default", Kind::Default),
];

impl Kind {
    fn shown(self) -> &'static str {
        match self {
            Self::ForeignKey => "FOREIGN KEY",
            _ => KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(said, _)| *said),
        }
    }
}

/// A constraint that a file drops.
pub(super) struct Freed {
    pub(super) table: String,
    pub(super) range: Range<usize>,
    pub(super) what: What,
}

pub(super) enum What {
    /// A constraint of a name, and whether a check has come after it.
    Constraint(String, bool),
    /// What a column says of itself, and the column.
    OfColumn(Kind, String),
    /// A unique index, and its columns.
    Index(String, Vec<String>),
}

/// What an item of a table's definition promises: of a column, by its name, or of the table.
pub(super) fn promises(words: &Words, item: Range<usize>, column: Option<&str>) -> Vec<Promise> {
    let outside = super::bounds::outside(words, item.clone());
    let mut found = Vec::new();
    for at in &outside {
        let is_of_action =
            |kind: Kind| kind == Kind::Default && words.at(at.wrapping_sub(1)) == "set" && *at > item.start;
        let Some((said, kind)) = KINDS.iter().find(|(said, kind)| words.is_at(*at, said) && !is_of_action(*kind))
        else {
            continue;
        };
        let behind = at + said.split(' ').count();
        let listed = |at: usize| -> Vec<String> {
            let items = if words.at(at) == "(" { words.items(at) } else { Vec::new() };
            items.into_iter().map(|item| words.named(item.start).to_owned()).collect()
        };
        let of_column = || column.map(|column| vec![column.to_owned()]);
        let (columns, said) = match kind {
            Kind::Check => {
                let range = behind..super::bounds::closing(words, behind) + 1;
                let said = range.clone().map(|at| words.named(at).to_owned()).collect();
                (words.names(range).into_iter().collect(), said)
            }
            Kind::ForeignKey => {
                let foreign = || words.find_in(item.clone(), "foreign key").map(|at| listed(at + 2));
                (of_column().or_else(foreign).unwrap_or_default(), vec![words.name(behind).0])
            }
            Kind::PrimaryKey | Kind::Unique => (of_column().unwrap_or_else(|| listed(behind)), Vec::new()),
            Kind::NotNull | Kind::Default => (of_column().unwrap_or_default(), Vec::new()),
        };
        let named = outside.iter().copied().find(|named| *named < *at && words.at(*named) == "constraint");
        let name = named.map(|named| words.named(named + 1).to_owned());
        let is_next = |at: usize| KINDS.iter().any(|(said, _)| words.is_at(at, said));
        let rest = outside.iter().copied().skip_while(|rest| *rest < behind).take_while(|rest| !is_next(*rest));
        let conflict = rest.into_iter().find(|rest| words.is_at(*rest, "on conflict"));
        let conflict = match conflict.map(|on| words.at(on + 2)) {
            Some("ignore") => Some(Conflict::Ignore),
            Some("replace") => Some(Conflict::Replace),
            _ => None,
        };
        found.push(Promise { kind: *kind, columns, said, name, conflict });
    }
    found
}

impl Promise {
    /// It, once the columns have the names that they have in another table; nothing if one of them is not there.
    fn renamed(&self, table: &Table, now: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let new = |name: &String| match self.kind == Kind::Check && !table.columns.contains(name) {
            true => Some(name.clone()),
            false => now(name),
        };
        let columns: Option<Vec<String>> = self.columns.iter().map(new).collect();
        let said = match self.kind {
            Kind::Check => self.said.iter().map(|word| new(word).unwrap_or_else(|| word.clone())).collect(),
            _ => self.said.clone(),
        };
        Some(Self { columns: columns?, said, ..self.clone() })
    }

    pub(super) fn shown(&self, table: &Table) -> String {
        let columns: Vec<&str> =
            self.columns.iter().filter(|column| table.columns.contains(column)).map(String::as_str).collect();
        format!("{} ({})", self.kind.shown().to_uppercase(), columns.join(", "))
    }
}

impl Table {
    /// Whether no two rows have the same values in some columns.
    pub(super) fn is_unique(&self, columns: &[String]) -> bool {
        let is_key = |kind: Kind| matches!(kind, Kind::PrimaryKey | Kind::Unique);
        let keys = self.promises.iter().filter(|promise| is_key(promise.kind)).map(|promise| &promise.columns);
        let mut keys = keys.chain(self.unique_indexes.values()).filter(|key| !key.is_empty());
        keys.any(|key| key.iter().all(|column| columns.contains(column)))
    }

    /// Whether it keeps a promise of another table.
    fn keeps(&self, promise: &Promise, is_sqlite: bool) -> bool {
        let has = |kind: Kind, column: &String| {
            self.promises.iter().any(|own| own.kind == kind && own.columns.contains(column))
        };
        let set = |columns: &[String]| columns.iter().cloned().collect::<BTreeSet<_>>();
        let is_never_null = |column: &String| {
            let is_rowid = self.types.get(column).is_some_and(|data_type| data_type == "integer");
            has(Kind::NotNull, column) || has(Kind::PrimaryKey, column) && (is_rowid || !is_sqlite)
        };
        match promise.kind {
            Kind::PrimaryKey => {
                let is_same = |own: &&Promise| own.kind == promise.kind && set(&own.columns) == set(&promise.columns);
                self.promises.iter().any(|own| is_same(&own))
                    || self.is_unique(&promise.columns) && promise.columns.iter().all(is_never_null)
            }
            Kind::Unique => self.is_unique(&promise.columns),
            Kind::NotNull => promise.columns.iter().all(is_never_null),
            Kind::Default => {
                promise.columns.iter().all(|column| has(Kind::Default, column) || self.computed.contains(column))
            }
            Kind::ForeignKey | Kind::Check => {
                let is_same = |own: &Promise| {
                    own.kind == promise.kind && own.said == promise.said && set(&own.columns) == set(&promise.columns)
                };
                self.promises.iter().any(is_same)
            }
        }
    }
}

impl Embedded<'_> {
    /// Reports tables that this file makes anew without what the old one kept out.
    pub(super) fn promises_lost<D: Dialect>(&mut self) {
        let mut found = Vec::new();
        for (name, Dropped { was, range, .. }) in &self.dropped {
            let Some(now) = self.tables.get(name).filter(|now| now.file == Some(self.file)) else { continue };
            let holding = now.rows.iter().find(|rows| rows.of == *name);
            if holding.is_none() && !now.is_of_query {
                continue;
            }
            if now.is_of_query && was.columns.is_empty() {
                let message = format!(
                    "{name} is rebuilt by a query, without the keys, NOT NULL, CHECK and DEFAULT that it may have had; \
                     which, is not in these files"
                );
                found.push((range.clone(), message, Severity::Warning));
                continue;
            }
            let here = |column: &str| match holding {
                Some(holding) => holding.place(column).map(str::to_owned),
                None => Some(column.to_owned()),
            };
            let renamed = was.promises.iter().filter_map(|promise| Some((promise, promise.renamed(was, here)?)));
            let lost: Vec<(&Promise, Promise)> =
                renamed.filter(|(_, promise)| !now.keeps(promise, self.is_sqlite)).collect();
            // A check whose place another one takes.
            let is_replaced = |lost: &Promise| {
                let others = now.promises.iter().filter(|own| own.kind == Kind::Check && lost.kind == Kind::Check);
                let mut new = others.filter(|own| !was.promises.iter().any(|was| was.said == own.said));
                let is_of_table = |name: &&String| now.columns.contains(name);
                new.any(|own| own.columns.iter().filter(is_of_table).any(|column| lost.columns.contains(column)))
            };
            let severity = match lost.iter().all(|(_, lost)| is_replaced(lost)) {
                true => Severity::Warning,
                false => Severity::Error,
            };
            let lost: BTreeSet<String> = lost.iter().map(|(promise, _)| promise.shown(was)).collect();
            if !lost.is_empty() {
                let lost: Vec<String> = lost.into_iter().collect();
                found.push((range.clone(), format!("{name} is rebuilt without its {}", lost.join(", ")), severity));
            }
        }
        for (range, message, severity) in found {
            self.report_of(D::REBUILD_LOSES_KEYS, range, message).severity = severity;
        }
    }

    /// What an ALTER TABLE takes from a table that these files did not make.
    pub(super) fn drops_promise(&mut self, words: &Words, table: &str, at: usize) {
        let all = words.range.clone();
        if words.is_at(at, "drop constraint") && self.is_sqlite {
            let what = What::Constraint(words.named(words.past_if(at + 2)).to_owned(), false);
            self.freed.push(Freed { table: table.to_owned(), range: all, what });
            return;
        }
        if words.at(at) != "alter" {
            return;
        }
        let column = if words.at(at + 1) == "column" { at + 2 } else { at + 1 };
        let name = words.named(column);
        let kind = match () {
            () if words.is_at(column + 1, "drop not null") => Kind::NotNull,
            () if words.is_at(column + 1, "drop default") && !self.is_sqlite => Kind::Default,
            () => return,
        };
        let what = What::OfColumn(kind, name.to_owned());
        self.freed.push(Freed { table: table.to_owned(), range: all, what });
    }

    /// A unique index that goes.
    pub(super) fn drops_unique_index(&mut self, words: &Words, index: &str) {
        let of = self.tables.iter().find(|(_, table)| table.unique_indexes.contains_key(index));
        let Some((name, table)) = of.filter(|(name, _)| !self.is_new_here(name)) else { return };
        let what = What::Index(index.to_owned(), table.unique_indexes.get(index).cloned().unwrap_or_default());
        self.freed.push(Freed { table: name.clone(), range: words.range.clone(), what });
    }

    /// Whether a table keeps out what a unique index did. Of one of some rows, or of an expression, its name counts.
    fn keeps_unique(&self, table: &Table, index: &str, columns: &[String]) -> bool {
        // What the database says of an index of a host program tells not whether it is of some rows alone.
        let is_partial = table.unique_indexes.get(index).is_some_and(Vec::is_empty);
        let is_like = is_partial && (columns.is_empty() || self.of_host.contains(index));
        let is_stricter = columns.is_empty() && table.unique_indexes.contains_key(index);
        is_like || is_stricter || !columns.is_empty() && table.is_unique(columns)
    }

    /// Reports unique indexes that a rebuild makes again as others.
    pub(super) fn unique_indexes_lost(&mut self) {
        let mut found = Vec::new();
        for (name, Dropped { was, range, .. }) in &self.dropped {
            let Some(now) = self.tables.get(name).filter(|now| now.file == Some(self.file)) else { continue };
            let Some(holding) = now.rows.iter().find(|rows| rows.of == *name) else { continue };
            for (index, columns) in &was.unique_indexes {
                let here = |column: &String| holding.place(column).unwrap_or(column).to_owned();
                let columns: Vec<String> = columns.iter().map(here).collect();
                // One that is not made again at all is told by another rule.
                let is_again = now.indexes.contains_key(index) || now.indexes.values().any(|other| *other == columns);
                if is_again && !self.keeps_unique(now, index, &columns) {
                    let what = if columns.is_empty() { "what it was of".to_owned() } else { columns.join(", ") };
                    let message = format!(
                        "the unique index {index} of {name} is made again as another one: {what} is not unique any more"
                    );
                    found.push((range.clone(), message));
                }
            }
        }
        for (range, message) in found {
            self.report_of(&drops::CONSTRAINT_DROPPED, range, message).severity = Severity::Error;
        }
    }

    /// Reports the constraints and unique indexes that have gone by the end of the file.
    pub(super) fn freed(&mut self) {
        for Freed { table, range, what } in std::mem::take(&mut self.freed) {
            let known = self.tables.get(&table);
            let (rule, message, severity) = match what {
                What::OfColumn(kind, column) => {
                    let is_own = |own: &Promise| own.kind == kind && own.columns == [column.clone()];
                    if known.is_some_and(|known| known.promises.iter().any(is_own)) {
                        continue;
                    }
                    match kind {
                        Kind::Default => {
                            (&columns::DEFAULT_DROPPED, format!("{table}.{column} loses its default"), Severity::Error)
                        }
                        _ => {
                            let message = format!("{table}.{column} may be NULL from now on");
                            (&columns::NOT_NULL_DROPPED, message, Severity::Error)
                        }
                    }
                }
                What::Constraint(name, is_replaced) => {
                    let severity = if is_replaced { Severity::Warning } else { Severity::Error };
                    (&drops::CONSTRAINT_DROPPED, format!("the constraint {name} of {table} is dropped"), severity)
                }
                What::Index(index, columns) => {
                    match known {
                        Some(known) if !self.keeps_unique(known, &index, &columns) => {}
                        _ => continue,
                    }
                    let message = format!("the unique index {index} of {table} is dropped");
                    (&drops::CONSTRAINT_DROPPED, message, Severity::Error)
                }
            };
            self.report_of(rule, range, message).severity = severity;
        }
    }
}

impl Table {
    /// Takes in what ALTER TABLE adds and takes away behind its name.
    pub(super) fn promise_anew(&mut self, words: &Words, at: usize) {
        let column = if words.at(at + 1) == "column" { at + 2 } else { at + 1 };
        let name = words.named(column).to_owned();
        match words.at(at) {
            "add" => {
                let is_of_table = matches!(words.at(at + 1), "constraint" | "check" | "unique" | "primary" | "foreign");
                let column = (!is_of_table).then(|| words.named(words.past_if(column)).to_owned());
                self.promises.extend(promises(words, at + 1..words.len(), column.as_deref()));
            }
            "alter" => {
                let kind = if words.has("not null") { Kind::NotNull } else { Kind::Default };
                let promise = Promise { kind, columns: vec![name], said: Vec::new(), name: None, conflict: None };
                match (words.at(column + 1), words.at(column + 2)) {
                    ("set", "not" | "default") => _ = self.promises.insert(promise),
                    ("drop", "not" | "default") => {
                        self.promises.retain(|own| own.kind != promise.kind || own.columns != promise.columns);
                    }
                    _ => {}
                }
            }
            "drop" if words.at(at + 1) == "constraint" => {
                let name = words.named(words.past_if(at + 2));
                self.promises.retain(|own| own.name.as_deref() != Some(name));
            }
            "drop" => {
                let name = words.named(words.past_if(column));
                self.promises.retain(|own| !own.columns.iter().any(|column| column == name));
            }
            _ => {}
        }
    }

    /// Takes in that what a table refers to has another name.
    pub(super) fn refer_anew(&mut self, from: &str, to: &str) {
        if self.refers.remove(from) {
            self.refers.insert(to.to_owned());
        }
        let renamed = std::mem::take(&mut self.promises).into_iter().map(|mut promise| {
            if promise.kind == Kind::ForeignKey {
                promise.said.iter_mut().filter(|said| *said == from).for_each(|said| to.clone_into(said));
            }
            promise
        });
        self.promises = renamed.collect();
    }

    /// Whether a key of the table is of some columns, in this order, as an index of them would be.
    pub(super) fn is_key(&self, columns: &[String]) -> bool {
        let is_key = |own: &Promise| matches!(own.kind, Kind::PrimaryKey | Kind::Unique) && own.columns == columns;
        self.promises.iter().any(is_key)
    }

    /// Takes in that a column has another name.
    pub(super) fn rename_in_promises(&mut self, from: &str, to: &str) {
        let new = |word: String| if word == from { to.to_owned() } else { word };
        let renamed = std::mem::take(&mut self.promises).into_iter().map(|promise| Promise {
            columns: promise.columns.into_iter().map(new).collect(),
            said: match promise.kind {
                Kind::Check => promise.said.into_iter().map(new).collect(),
                _ => promise.said,
            },
            ..promise
        });
        self.promises = renamed.collect();
    }
}

impl Holding {
    /// The column that has the values of one: that of the same name, if it has them.
    pub(super) fn place<'a>(&'a self, column: &'a str) -> Option<&'a str> {
        let mut places = self.values.iter().filter(|kept| kept.column == column).map(|kept| kept.here.as_str());
        if self.values.iter().any(|kept| kept.column == column && kept.here == column) {
            return Some(column);
        }
        places.next()
    }
}
