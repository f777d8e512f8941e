//! What DuckDB has of a state.
//!
//! DuckDB holds on to a table that a foreign key refers to: it cannot be altered, nor be made anew. So no foreign key is made
//! there, and one that is there already goes when the table changes that it refers to. DuckDB has no partial indexes.

use super::change::{Part, TableChange, created, pairs, same_table};
use super::rename::{Names, Rename, table};
use super::sql::{index_mentions, mentions};
use crate::engine::Engine;
use crate::engine::lexer::{self, Token};
use crate::migrate::connection::quoted;
use crate::migrate::schema::{ForeignKey, Index, IndexPart, Object, Other, Schema, Table};
use crate::migrate::set::{Migration, MigrationSet};
use std::ops::Range;

/// What DuckDB lacks of a state that the other engines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Without {
    pub(super) foreign_keys: bool,
    pub(super) indexes: bool,
}

impl Without {
    /// What is left out before the first migration.
    pub(super) const NOTHING: Self = Self { foreign_keys: false, indexes: false };

    /// What the next migration leaves out. It says so where it begins; foreign keys that were left out once stay out, under
    /// whatever name and however they change.
    pub(super) fn and_then(self, migration: &Migration) -> Self {
        let directives = migration.up(Engine::DuckDb).directives();
        let has = |what: &str| directives.iter().any(|said| said.name == "differs" && said.argument == what);
        Self { foreign_keys: self.foreign_keys || has(NO_FOREIGN_KEYS), indexes: has(NO_INDEXES) }
    }

    /// What is left out of the migrations that are written here.
    pub(super) const WRITTEN: Self = Self { foreign_keys: true, indexes: false };
}

/// How a line begins that says in what DuckDB differs.
pub(super) const DIFFERS: &str = "-- charter: differs ";
/// How a migration says that DuckDB lacks foreign keys.
const NO_FOREIGN_KEYS: &str = "no-foreign-keys";
/// How a migration says that DuckDB lacks indexes.
const NO_INDEXES: &str = "no-indexes";

/// What DuckDB has after a migration that takes the other engines from one state to another; `duckdb` is what it had before.
pub(super) fn after(duckdb: &Schema, from: &Schema, to: &Schema, names: &Names, without: Without) -> Schema {
    // Triggers are DuckDB's own.
    let mut after = Schema { others: duckdb.others.clone(), ..to.clone() };
    for trigger in after.others.values_mut().filter(|other| other.object == Object::Trigger) {
        trigger.definition = with_new_names(trigger, names);
        trigger.table = trigger.table.as_ref().map(|table| names.table_now(table).to_owned());
    }
    after.others.retain(|_, other| super::triggers::has_place(other, to));
    let mut partial =
        pairs(from, to, names).into_iter().flat_map(|(before, now)| TableChange::of(before, now, names).indexes.added);
    let has_partial = partial.any(|index| index.predicate.is_some())
        || created(from, to, names)
            .iter()
            .flat_map(|table| table.indexes.values())
            .any(|index| index.predicate.is_some());
    for now in after.tables_mut() {
        let was = names.table_before(&now.name).to_owned();
        let (before, had) = (table(from, &was), table(duckdb, &was));
        let knows_key = |key: &ForeignKey| {
            let is_there = |table: Option<&Table>| {
                table.is_some_and(|table| table.foreign_keys.iter().any(|other| other.is_same(key)))
            };
            match is_there(before) {
                true => is_there(had) && !(without.foreign_keys && changes(from, to, names, &key.table)),
                false => !without.foreign_keys,
            }
        };
        let knows_index = |index: &Index| {
            let is_there = |table: Option<&Table>| {
                table.is_some_and(|table| table.indexes.values().any(|other| other.is_same(index)))
            };
            match is_there(before) {
                true => is_there(had),
                // Where partial ones come, it is those that are left out.
                false => (!without.indexes || has_partial) && index.predicate.is_none(),
            }
        };
        let count = now.foreign_keys.len();
        now.foreign_keys.retain(knows_key);
        now.indexes.retain(|_, index| knows_index(index));
        let own: Vec<_> = had.into_iter().flat_map(|had| own_indexes(had, before, now, names)).collect();
        now.indexes.extend(own);
        if now.foreign_keys.len() < count {
            now.sql = None;
        }
    }
    after
}

/// The indexes of a table that DuckDB alone has, under the names that its columns have now; not those of columns that are
/// gone.
fn own_indexes(had: &Table, before: Option<&Table>, now: &Table, names: &Names) -> Vec<(String, Index)> {
    let is_known = |name: &str| {
        let known = before.into_iter().chain([now]).flat_map(|table| table.indexes.keys());
        known.into_iter().any(|other| other.eq_ignore_ascii_case(name))
    };
    let follow = |index: &Index| {
        let mut index = Index { sql: None, ..index.clone() };
        for old in &had.columns {
            let column = now
                .columns
                .iter()
                .find(|column| names.column_before(&now.name, &column.name).eq_ignore_ascii_case(&old.name));
            let is_it = |part: &IndexPart| part.is_column && part.expression.eq_ignore_ascii_case(&old.name);
            match column {
                Some(column) if column.name == old.name => {}
                // What an expression says of it nobody knows under another name.
                Some(column) if index.parts.iter().all(|part| is_it(part) || !names_column(part, &old.name)) => {
                    let parts = index.parts.iter_mut().filter(|part| is_it(part));
                    parts.for_each(|part| part.expression.clone_from(&column.name));
                }
                _ if index_mentions(&index, &old.name) => return None,
                _ => {}
            }
        }
        Some(index)
    };
    let own = had.indexes.iter().filter(|(name, _)| !is_known(name));
    own.filter_map(|(name, index)| Some((name.clone(), follow(index)?))).collect()
}

fn names_column(part: &IndexPart, column: &str) -> bool {
    if part.is_column { part.expression.eq_ignore_ascii_case(column) } else { mentions(&part.expression, column) }
}

/// What makes a trigger after its table or columns of it were renamed, which DuckDB itself does not follow: what it is of, and
/// what it says of the rows that fire it (`NEW.a`, `OLD.a`).
fn with_new_names(trigger: &Other, names: &Names) -> String {
    let text = &trigger.definition;
    let new_name = |word: &str| {
        let word = word.trim_matches('"');
        names.renames().find_map(|rename| match rename {
            Rename::Column { table, from, to }
                if from.eq_ignore_ascii_case(word)
                    && trigger.table.as_ref().is_some_and(|of| of.eq_ignore_ascii_case(names.table_before(table))) =>
            {
                Some(quoted(to))
            }
            _ => None,
        })
    };
    let tokens = lexer::tokens(text, Engine::DuckDb);
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    for [row, dot, column] in tokens.array_windows() {
        let is_row = ["new", "old"].iter().any(|name| row.text(text).trim_matches('"').eq_ignore_ascii_case(name));
        let name = new_name(column.text(text)).filter(|_| is_row && dot.is_symbol(text, "."));
        places.extend(name.map(|name| (column.range.clone(), name)));
    }
    // Before anything that the trigger does stands what it is of.
    let of = tokens.array_windows().find(|[on, _]| on.is_word(text, "on")).map(|[_, table]| table);
    let table = of.and_then(|of| Some((of, names.table_now(trigger.table.as_ref()?))));
    let is_old = |of: &Token, now: &str| !of.text(text).trim_matches('"').eq_ignore_ascii_case(now);
    places.extend(table.filter(|(of, now)| is_old(of, now)).map(|(of, now)| (of.range.clone(), quoted(now))));
    places.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    places.into_iter().fold(text.clone(), |mut renamed, (range, name)| {
        renamed.replace_range(range, &name);
        renamed
    })
}

/// A state with those foreign keys alone that were found on DuckDB, and with its indexes and triggers. All else is as the
/// state has it.
pub(super) fn found(mut state: Schema, duckdb: &Schema) -> Schema {
    state.others.clone_from(&duckdb.others);
    for now in state.tables_mut() {
        let there = table(duckdb, &now.name);
        let same = |one: &[String], other: &[String]| {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.eq_ignore_ascii_case(other))
        };
        let count = now.foreign_keys.len();
        now.foreign_keys.retain(|key| {
            there.is_some_and(|there| {
                let mut keys = there.foreign_keys.iter();
                keys.any(|other| same(&key.columns, &other.columns) && key.table.eq_ignore_ascii_case(&other.table))
            })
        });
        let known = now.indexes.clone();
        now.indexes.retain(|name, _| {
            there.is_some_and(|there| there.indexes.keys().any(|other| other.eq_ignore_ascii_case(name)))
        });
        let is_own = |name: &String| !known.keys().any(|other| other.eq_ignore_ascii_case(name));
        let own = there.into_iter().flat_map(|there| &there.indexes).filter(|(name, _)| is_own(name));
        now.indexes.extend(own.map(|(name, index)| (name.clone(), index.clone())));
        if now.foreign_keys.len() < count {
            now.sql = None;
        }
    }
    state
}

/// What there can be of a wanted state: of a set for DuckDB alone, which has no other engine to differ from, no foreign key and
/// no partial index that its migrations do not make already.
pub(super) fn attainable(set: &MigrationSet, present: &Schema, mut wanted: Schema) -> Schema {
    if set.engines().iter().any(|engine| *engine != Engine::DuckDb) {
        return wanted;
    }
    for now in wanted.tables_mut() {
        let before = table(present, &now.name);
        let count = now.foreign_keys.len();
        now.foreign_keys
            .retain(|key| before.is_some_and(|before| before.foreign_keys.iter().any(|other| other.is_same(key))));
        now.indexes.retain(|_, index| {
            let mut there = before.iter().flat_map(|before| before.indexes.values());
            index.predicate.is_none() || there.any(|other| other.is_same(index))
        });
        if now.foreign_keys.len() < count {
            now.sql = None;
        }
    }
    wanted
}

/// Whether a table changes, its indexes aside.
fn changes(from: &Schema, to: &Schema, names: &Names, name: &str) -> bool {
    let bare = |table: &Table| Table { indexes: Default::default(), ..table.clone() };
    match (table(from, names.table_before(name)), table(to, name)) {
        (Some(before), Some(now)) => names.concern(name) || !same_table(&bare(before), &bare(now)),
        _ => true,
    }
}

/// The directives that say what DuckDB lacks after a migration and did not lack before.
pub(super) fn directives(before: (&Schema, &Schema), after: (&Schema, &Schema)) -> String {
    type Count = fn(&Table, &Table) -> usize;
    let lacks = |(duckdb, all): (&Schema, &Schema), count: Count| -> Vec<(String, usize)> {
        let none = Table::default();
        let lacking =
            all.tables.values().map(|has| (has.name.clone(), count(has, table(duckdb, &has.name).unwrap_or(&none))));
        lacking.filter(|(_, count)| *count > 0).collect()
    };
    let mut text = String::new();
    for (what, count) in [
        (NO_FOREIGN_KEYS, (|all, duckdb| all.foreign_keys.len().saturating_sub(duckdb.foreign_keys.len())) as Count),
        (NO_INDEXES, |all, duckdb| all.indexes.keys().filter(|name| !duckdb.indexes.contains_key(*name)).count()),
    ] {
        let is = lacks(after, count);
        if !is.is_empty() && is != lacks(before, count) {
            text = format!("{text}{DIFFERS}{what}\n");
        }
    }
    text
}
