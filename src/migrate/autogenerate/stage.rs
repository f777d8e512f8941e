//! From one state to another in steps that a live Postgres server can bear.
//!
//! What needs one transaction (columns, tables, views) comes first, a table at a time where that can be; then, statement by
//! statement, what reads whole tables (indexes, constraints on rows that exist). Each step is the way between two states, so
//! that every engine has its own way, and the way back is the same way backwards.

use super::change::{Part, TableChange, dropped, is_required, missing, pairs, same_type};
use super::constraint_name::ConstraintNames;
use super::rename::{Names, table};
use super::sql::{Spelling, index_mentions, mentions};
use super::triggers;
use crate::migrate::schema::{ForeignKey, Schema, Table};
use std::sync::Arc;

/// One migration that is to be.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) from: Schema,
    /// The state before, with the new names.
    pub(super) middle: Schema,
    pub(super) to: Schema,
    pub(super) names: Names,
    /// Whether Postgres runs it statement by statement.
    pub(super) one_by_one: bool,
    /// The table that it is about, when it is about one of several.
    pub(super) subject: Option<String>,
}

/// The steps from a state to the wanted one; `middle` is the state with the new names.
pub(super) fn steps(from: &Schema, middle: &Schema, wanted: &Schema, names: &Names, spelling: &Spelling) -> Vec<Step> {
    let target = target(middle, wanted, spelling);
    let main = without_what_reads_rows(middle, &target, spelling);
    let mut states = table_by_table(middle, &main, names);
    let last = states.last().map_or(middle, |(state, ..)| state);
    if !last.differences(&main).is_empty() || !names.is_empty() {
        states.push((main.clone(), false, None));
    }
    if !main.differences(&target).is_empty() {
        states.push((target, true, None));
    }
    let mut steps = Vec::new();
    // The names are new from the first step on.
    let (mut before, mut here, mut names) = (from.clone(), middle.clone(), names.clone());
    for (to, one_by_one, subject) in states {
        let next = to.clone();
        steps.push(Step { from: before, middle: here, to, names, one_by_one, subject });
        (before, here, names) = (next.clone(), next, Names::default());
    }
    steps
}

/// The wanted state as it comes out of the present one: what stays keeps its place and its name, what comes stands behind it.
fn target(middle: &Schema, wanted: &Schema, spelling: &Spelling) -> Schema {
    let mut target = wanted.clone();
    for to in target.tables_mut() {
        let Some(from) = table(middle, &to.name) else { continue };
        let kept = from.columns.iter().filter_map(|column| to.column(&column.name).cloned());
        let new = to.columns.iter().filter(|column| from.column(&column.name).is_none()).cloned();
        to.columns = kept.chain(new).collect();
        if let (Some(old), Some(new)) = (&from.primary_key, &to.primary_key)
            && old.is_same(new)
        {
            to.primary_key = Some(old.clone());
        }
        to.unique = in_place(&from.unique, &to.unique);
        to.checks = in_place(&from.checks, &to.checks);
        to.foreign_keys = in_place(&from.foreign_keys, &to.foreign_keys);
        to.sql = from.sql.clone();
        pin_names(from, to, spelling);
    }
    target
}

/// What is wanted, those first that there are already, as they are.
fn in_place<T: Part>(present: &[T], wanted: &[T]) -> Vec<T> {
    let gone = missing(present, wanted);
    let kept = present.iter().filter(|item| !gone.iter().any(|gone| std::ptr::eq(*gone, *item)));
    kept.chain(missing(wanted, present)).cloned().collect()
}

/// Gives constraints without a name the one that Postgres knows them by, where they would seem to be called otherwise once
/// others are gone.
fn pin_names(from: &Table, to: &mut Table, spelling: &Spelling) {
    let before = ConstraintNames::of(from, spelling);
    let after = ConstraintNames::of(to, spelling);
    macro_rules! pin {
        ($field:ident) => {
            for (place, item) in to.$field.iter_mut().enumerate() {
                let was = from.$field.iter().position(|other| other.is_same(item));
                let was = was.and_then(|place| before.$field.get(place));
                if let Some(was) = was.filter(|was| item.name.is_none() && Some(*was) != after.$field.get(place)) {
                    item.name = Some(was.clone());
                }
            }
        };
    }
    pin!(unique);
    pin!(checks);
    pin!(foreign_keys);
}

/// The target without what Postgres has to read the rows of a table for that has some: new indexes and constraints of tables
/// that stay, columns that take no NULL any more. Indexes that go are still there, and so are constraints for which others
/// come.
fn without_what_reads_rows(middle: &Schema, target: &Schema, spelling: &Spelling) -> Schema {
    let mut main = target.clone();
    let pairs = pairs(middle, target, &Names::default());
    let unchanged =
        pairs.iter().filter(|(from, to)| same_columns(from, to)).map(|(_, to)| to.name.to_ascii_lowercase());
    let unchanged: Vec<String> = unchanged.collect();
    for to in main.tables_mut() {
        let Some(from) = table(middle, &to.name) else { continue };
        let required: Vec<bool> = to.columns.iter().map(|column| is_required(to, column)).collect();
        for (column, is_required_now) in to.columns.iter_mut().zip(required) {
            if let Some(old) = from.column(&column.name) {
                column.not_null &= is_required(from, old) || !is_required_now;
            }
        }
        let same_key = matches!((&from.primary_key, &to.primary_key), (Some(old), Some(new)) if old.is_same(new));
        to.primary_key = to.primary_key.take().filter(|_| same_key);
        let columns = Table { columns: to.columns.clone(), ..Table::default() };
        let stays = |column: &String| {
            let (old, new) = (from.column(column), columns.column(column));
            matches!((old, new), (Some(old), Some(new)) if same_type(&old.data_type, &new.data_type))
        };
        to.unique = until_replaced(&from.unique, &to.unique, |unique| unique.columns.iter().all(&stays));
        to.checks = until_replaced(&from.checks, &to.checks, |check| {
            from.columns.iter().all(|column| stays(&column.name) || !mentions(&check.expression, &column.name))
        });
        to.foreign_keys = until_replaced(&from.foreign_keys, &to.foreign_keys, |key| {
            key.columns.iter().all(&stays) && unchanged.contains(&key.table.to_ascii_lowercase())
        });
        pin_names(from, to, spelling);
        let has = |column: &str| to.columns.iter().any(|other| other.name.eq_ignore_ascii_case(column));
        let gone: Vec<&str> = from.columns.iter().map(|c| c.name.as_str()).filter(|name| !has(name)).collect();
        let stays = from.indexes.iter().filter(|(_, index)| !gone.iter().any(|column| index_mentions(index, column)));
        to.indexes = stays.map(|(name, index)| (name.clone(), index.clone())).collect();
    }
    // A foreign key needs a key to refer to.
    let mut keyless: Vec<(String, ForeignKey)> = Vec::new();
    for of in main.tables.values() {
        for key in &of.foreign_keys {
            let has_key = table(&main, &key.table).is_some_and(|referred| is_key(referred, &key.references));
            if !has_key {
                keyless.push((of.name.clone(), key.clone()));
            }
        }
    }
    for (name, key) in keyless {
        if let Some(table) = main.table_mut(&name) {
            table.foreign_keys.retain(|other| *other != key);
            table.sql = None;
        }
    }
    main
}

/// Of what is wanted, that which is there already; what goes stays until that which comes in its place is made with it.
fn until_replaced<T: Part>(present: &[T], wanted: &[T], can_stay: impl Fn(&T) -> bool) -> Vec<T> {
    let (new, gone) = (missing(wanted, present), missing(present, wanted));
    let is_one_of = |items: &[&T], item: &T| items.iter().any(|other| std::ptr::eq(*other, item));
    let mut kept = wanted.iter().filter(|item| !is_one_of(&new, item));
    // In the order in which they were made: after it they are called where they have no name.
    let items = present.iter().filter_map(|item| match is_one_of(&gone, item) {
        true => Some(item).filter(|item| !new.is_empty() && can_stay(item)),
        false => kept.next(),
    });
    items.cloned().collect()
}

/// Whether a table keeps its columns and keys, so that a foreign key can go on referring to it.
fn same_columns(from: &Table, to: &Table) -> bool {
    let change = TableChange::of(from, to, &Names::default());
    change.dropped.is_empty() && change.altered.is_empty() && !change.primary_key && change.unique.is_empty()
}

/// Whether no two rows of a table can have the same values in some columns.
pub(super) fn is_key(table: &Table, columns: &[String]) -> bool {
    let same = |others: &[String]| {
        others.len() == columns.len()
            && columns.iter().all(|column| others.iter().any(|other| other.eq_ignore_ascii_case(column)))
    };
    let by_index = table.indexes.values().any(|index| {
        let parts: Vec<String> = index.parts.iter().map(|part| part.expression.clone()).collect();
        index.unique && index.predicate.is_none() && index.parts.iter().all(|part| part.is_column) && same(&parts)
    });
    by_index
        || table.primary_key.as_ref().is_some_and(|key| same(&key.columns))
        || table.unique.iter().any(|unique| same(&unique.columns))
}

/// The names of tables, those first that others refer to, as far as that goes.
pub(super) fn creation_order(mut tables: Vec<&Table>) -> Vec<&str> {
    let mut order = Vec::new();
    while !tables.is_empty() {
        let is_free = |table: &&Table| {
            !table.foreign_keys.iter().any(|key| {
                let is_it = |other: &&Table| other.name.eq_ignore_ascii_case(&key.table) && other.name != table.name;
                tables.iter().any(is_it)
            })
        };
        let place = tables.iter().position(is_free).unwrap_or(0);
        order.push(tables.remove(place).name.as_str());
    }
    order
}

/// The states in which one table more is as it shall be, where several tables that exist change: a transaction that locks
/// more than one of them can block them all. Not where names, views or triggers change with them, which is done at once or not at all.
fn table_by_table(middle: &Schema, main: &Schema, names: &Names) -> Vec<(Schema, bool, Option<String>)> {
    let none = Names::default();
    let mut goals: Vec<Goal<'_>> = Vec::new();
    for (from, to) in pairs(middle, main, &none) {
        let change = TableChange::of(from, to, &none);
        if change.is_of_definition() {
            goals.push(Goal { from, to: Some(to), freed: referred(change.foreign_keys.dropped) });
        }
    }
    // Those that stay keep the order of their names, those that go come in the order of their creation, backwards.
    for name in creation_order(dropped(middle, main, &none)).into_iter().rev() {
        let from = table(middle, name);
        goals.extend(from.map(|from| Goal { from, to: None, freed: referred(&from.foreign_keys) }));
    }
    let views_stay = middle.views.iter().all(|(name, view)| {
        let now = main.views.get(name);
        now.is_some_and(|now| now.definition == view.definition && now.columns == view.columns)
    });
    let triggers_stay = main.others.iter().all(|(title, other)| middle.others.get(title) == Some(other));
    if goals.len() < 2 || !names.is_empty() || !views_stay || !triggers_stay {
        return Vec::new();
    }
    let mut states = Vec::new();
    let mut state = middle.clone();
    for together in in_order(goals) {
        for goal in &together {
            state.tables.remove(&goal.from.name);
            state.tables.extend(goal.to.map(|to| (to.name.clone(), Arc::new(to.clone()))));
        }
        state.others = triggers::staying(&state, state.others.clone());
        let mut subjects: Vec<&str> = together.iter().map(|goal| goal.to.unwrap_or(goal.from).name.as_str()).collect();
        subjects.sort_unstable();
        states.push((state.clone(), false, Some(subjects.join(" "))));
    }
    states
}

/// What shall become of one table.
struct Goal<'a> {
    from: &'a Table,
    /// Nothing where it goes.
    to: Option<&'a Table>,
    /// The tables that it refers to by foreign keys that go.
    freed: Vec<&'a str>,
}

fn referred<'a>(keys: impl IntoIterator<Item = &'a ForeignKey>) -> Vec<&'a str> {
    keys.into_iter().map(|key| key.table.as_str()).collect()
}

/// Goals in an order in which no table changes as long as another has a foreign key to it that goes: what the key refers to
/// may go as well. Those are together that refer to each other in a circle.
fn in_order(mut goals: Vec<Goal<'_>>) -> Vec<Vec<Goal<'_>>> {
    let mut ordered = Vec::new();
    while !goals.is_empty() {
        // A table and all that refer to it, at first hand or not.
        let with_referring = |place: usize| {
            let mut places = vec![place];
            let mut next = 0;
            while let Some(&referred) = places.get(next) {
                let name = &goals[referred].from.name;
                let refers = |goal: &Goal<'_>| goal.freed.iter().any(|freed| freed.eq_ignore_ascii_case(name));
                let more = (0..goals.len()).filter(|place| refers(&goals[*place]) && !places.contains(place));
                let more: Vec<usize> = more.collect();
                places.extend(more);
                next += 1;
            }
            places
        };
        // The smallest of those is a circle, or one table, that no other refers to.
        let first = (0..goals.len()).map(with_referring).min_by_key(Vec::len).unwrap_or_default();
        let (mut together, mut rest) = (Vec::new(), Vec::new());
        for (place, goal) in goals.into_iter().enumerate() {
            if first.contains(&place) { together.push(goal) } else { rest.push(goal) }
        }
        goals = rest;
        ordered.push(together);
    }
    ordered
}
