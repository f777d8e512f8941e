//! From one state to another on Postgres.

use super::beside::{Again, Beside, Relation, Sort, Thing};
use super::change::{TableChange, created, dropped, is_required, pairs};
use super::constraint_name::{ConstraintNames, object_name};
use super::rename::{Names, Rename, table};
use super::sql::{Spelling, default_text, index_mentions, mentions};
use super::stage::creation_order;
use super::value::{cast, filler, is_assigned};
use super::views::{Touched, ViewPlan};
use super::{Step, no_value};
use crate::engine::Engine;
use crate::error::Result;
use crate::migrate::schema::{Column, ForeignKey, Index, Schema, Table};

/// The statements of a step.
pub(super) fn up(step: &Step, spelling: &Spelling, there: &Beside) -> Result<Vec<String>> {
    let views = ViewPlan::of(&step.from, &step.to, &mut touched(&step.from, &step.to, &step.names));
    let around = there.around(step, &views)?;
    let now: Vec<Thing> = around.iter().map(|thing| thing.renamed(&step.names, spelling)).collect();
    let mut writer = Writer { spelling, one_by_one: step.one_by_one, statements: Vec::new(), back: None };
    writer.drop_things(&around);
    writer.drop_views(&views);
    writer.rename(&step.names, &step.from, &step.middle);
    writer.tables(&step.middle, &step.to)?;
    writer.create_views(&views, (&step.from, &step.to), there)?;
    writer.create_things(&now);
    Ok(writer.statements)
}

/// The statements that take a step back.
pub(super) fn down(step: &Step, spelling: &Spelling, there: &Beside) -> Result<Vec<String>> {
    let names = step.names.inverse();
    let views = ViewPlan::of(&step.to, &step.from, &mut touched(&step.to, &step.from, &names));
    let around =
        there.around(step, &ViewPlan::of(&step.from, &step.to, &mut touched(&step.from, &step.to, &step.names)))?;
    let now: Vec<Thing> = around.iter().map(|thing| thing.renamed(&step.names, spelling)).collect();
    let back = Some((there, &step.names));
    let mut writer = Writer { spelling, one_by_one: step.one_by_one, statements: Vec::new(), back };
    writer.drop_things(&now);
    writer.drop_views(&views);
    writer.tables(&step.to, &step.middle)?;
    writer.rename(&names, &step.middle, &step.from);
    writer.create_views(&views, (&step.to, &step.from), there)?;
    writer.create_things(there.going(step));
    writer.create_things(&around);
    Ok(writer.statements)
}

/// What no view may look at while it changes.
fn touched(from: &Schema, to: &Schema, names: &Names) -> Touched {
    let mut touched = Touched::default();
    for table in dropped(from, to, names) {
        touched.table(&table.name);
    }
    for (before, now) in pairs(from, to, names) {
        let change = TableChange::of(before, now, names);
        if names.concern(&now.name) {
            touched.table(&before.name);
        }
        let retyped = change.altered.iter().filter(|(old, new)| is_retyped(old, new)).map(|(old, _)| *old);
        for column in change.dropped.iter().copied().chain(retyped) {
            touched.column(&before.name, &column.name);
        }
    }
    touched
}

pub(super) fn is_retyped(old: &Column, new: &Column) -> bool {
    old.generated != new.generated || !super::change::same_type(&old.data_type, &new.data_type)
}

struct Writer<'a> {
    spelling: &'a Spelling,
    one_by_one: bool,
    statements: Vec<String>,
    /// On the way back, what there was in the engine's own words, and what has got another name since.
    back: Option<(&'a Beside, &'a Names)>,
}

impl Writer<'_> {
    fn push(&mut self, statement: String) {
        self.statements.push(statement);
    }

    fn alter(&mut self, table: &str, what: impl AsRef<str>) {
        let table = self.spelling.name(table);
        self.push(format!("ALTER TABLE {table} {};", what.as_ref()));
    }

    fn drop_views(&mut self, views: &ViewPlan<'_>) {
        for view in &views.drop {
            self.push(format!("DROP VIEW {};", self.spelling.name(&view.name)));
        }
    }

    /// Drops what has a name of its own; what is said of it goes along.
    fn drop_things(&mut self, things: &[Thing]) {
        for (place, thing) in things.iter().enumerate() {
            let is_same = |other: &Thing| other.sort == thing.sort && other.name == thing.name && other.of == thing.of;
            let is_known = things[..place].iter().any(is_same);
            if is_known || matches!(thing.sort, Sort::Comment | Sort::Setting) {
                continue;
            }
            let (name, of) = (self.spelling.name(&thing.name), self.spelling.name(&thing.of));
            self.push(format!("DROP {} {name} ON {of};", thing.sort.as_str().to_uppercase()));
        }
    }

    fn create_things<'a>(&mut self, things: impl IntoIterator<Item = &'a Thing>) {
        for thing in things {
            self.push(format!("{};", thing.text));
        }
    }

    /// Makes views, and again what went with them. One that was there before is made in the words that made it.
    fn create_views(&mut self, views: &ViewPlan<'_>, (from, to): (&Schema, &Schema), there: &Beside) -> Result<()> {
        for (view, is_replaced) in
            views.replace.iter().map(|view| (view, true)).chain(views.create.iter().map(|view| (view, false)))
        {
            let sql = match self.back {
                Some(_) => there.view_before(view)?,
                None => there.view_now(from.views.get(&view.name), view)?,
            };
            let sql = sql.unwrap_or_else(|| view.sql.clone().unwrap_or_default());
            if is_replaced {
                self.push(format!("{};", super::views::replacing(&sql)));
                continue;
            }
            self.push(format!("{sql};"));
            let columns = to.views.get(&view.name).map(|view| view.columns.as_slice()).unwrap_or_default();
            for thing in there.with(&view.name).filter(|thing| !thing.misses(columns)) {
                self.push(format!("{};", thing.text));
            }
        }
        Ok(())
    }

    /// Gives tables and columns their new names, and the constraints that are called after them.
    fn rename(&mut self, names: &Names, from: &Schema, to: &Schema) {
        for rename in names.renames() {
            match rename {
                Rename::Table { from, to } => self.alter(from, format!("RENAME TO {}", self.spelling.name(to))),
                Rename::Column { table, from, to } => {
                    let (from, to) = (self.spelling.name(from), self.spelling.name(to));
                    self.alter(table, format!("RENAME COLUMN {from} TO {to}"));
                }
            }
        }
        for (before, now) in pairs(from, to, names) {
            if !names.concern(&now.name) {
                continue;
            }
            let (old, new) = (ConstraintNames::of(before, self.spelling), ConstraintNames::of(now, self.spelling));
            let old = old.primary_key.into_iter().chain(old.unique).chain(old.checks).chain(old.foreign_keys);
            let new = new.primary_key.into_iter().chain(new.unique).chain(new.checks).chain(new.foreign_keys);
            for (old, new) in old.zip(new).filter(|(old, new)| old != new) {
                let (old, new) = (self.spelling.name(&old), self.spelling.name(&new));
                self.alter(&now.name, format!("RENAME CONSTRAINT {old} TO {new}"));
            }
        }
    }

    fn tables(&mut self, from: &Schema, to: &Schema) -> Result<()> {
        let none = Names::default();
        let changes: Vec<TableChange<'_>> =
            pairs(from, to, &none).into_iter().map(|(before, now)| TableChange::of(before, now, &none)).collect();
        let gone = dropped(from, to, &none);
        for change in &changes {
            self.drop_foreign_keys(change);
        }
        let order = creation_order(gone.clone());
        for (place, name) in order.iter().enumerate() {
            // Those in a circle hold each other.
            let Some(of) = table(from, name) else { continue };
            let names = ConstraintNames::of(of, self.spelling).foreign_keys;
            for (key, constraint) in of.foreign_keys.iter().zip(names) {
                if order[place + 1..].iter().any(|other| other.eq_ignore_ascii_case(&key.table)) {
                    self.drop_constraint(of, &constraint);
                }
            }
        }
        for name in order.into_iter().rev() {
            self.push(format!("DROP TABLE {};", self.spelling.name(name)));
        }
        for change in &changes {
            self.drop_constraints(change);
            self.columns(change)?;
        }
        let order = creation_order(created(from, to, &none));
        let mut late = Vec::new();
        for (place, table) in order.iter().filter_map(|name| table(to, name)).enumerate() {
            // Those in a circle refer to each other when all are there.
            let is_late =
                |key: &ForeignKey| order[place + 1..].iter().any(|other| other.eq_ignore_ascii_case(&key.table));
            if table.foreign_keys.iter().any(is_late) {
                let mut first = Table { sql: None, ..table.clone() };
                first.foreign_keys.retain(|key| !is_late(key));
                self.push(self.spelling.new_table(&first, Engine::Postgres)?);
                let names = ConstraintNames::of(table, self.spelling).foreign_keys;
                let keys = table.foreign_keys.iter().zip(names).filter(|(key, _)| is_late(key));
                late.extend(keys.map(|(key, name)| (table, self.spelling.foreign_key(key), name)));
            } else {
                match self.back.and_then(|(there, _)| there.relation(&table.name)).map(Relation::again) {
                    Some(Again::By(texts)) => texts.iter().for_each(|text| self.push(format!("{text};"))),
                    _ => self.push(self.spelling.new_table(table, Engine::Postgres)?),
                }
            }
            for index in table.indexes.values() {
                self.push(self.index(&table.name, index, ""));
            }
        }
        for (table, key, name) in late {
            self.add_constraint(table, &name, &key);
        }
        for change in &changes {
            self.require(change);
            self.add_keys(change);
        }
        for change in &changes {
            self.add_foreign_keys(change);
        }
        Ok(())
    }

    fn drop_constraint(&mut self, table: &Table, name: &str) {
        let name = self.spelling.name(name);
        self.alter(&table.name, format!("DROP CONSTRAINT {name}"));
    }

    /// Drops what goes, but for what goes with a column by itself.
    fn drop_foreign_keys(&mut self, change: &TableChange<'_>) {
        let names = ConstraintNames::of(change.from, self.spelling).foreign_keys;
        for (key, name) in change.from.foreign_keys.iter().zip(names) {
            let goes_along = key.columns.iter().any(|column| is_gone(change, column));
            if is_one_of(&change.foreign_keys.dropped, key) && !goes_along {
                self.drop_constraint(change.from, &name);
            }
        }
    }

    fn drop_constraints(&mut self, change: &TableChange<'_>) {
        let names = ConstraintNames::of(change.from, self.spelling);
        for (check, name) in change.from.checks.iter().zip(names.checks) {
            let goes_along = change.dropped.iter().any(|column| mentions(&check.expression, &column.name));
            if is_one_of(&change.checks.dropped, check) && !goes_along {
                self.drop_constraint(change.from, &name);
            }
        }
        for (unique, name) in change.from.unique.iter().zip(names.unique) {
            let goes_along = unique.columns.iter().any(|column| is_gone(change, column));
            if is_one_of(&change.unique.dropped, unique) && !goes_along {
                self.drop_constraint(change.from, &name);
            }
        }
        let key = change.from.primary_key.as_ref().filter(|_| change.primary_key);
        let key = key.filter(|key| !key.columns.iter().any(|column| is_gone(change, column)));
        if let (Some(_), Some(name)) = (key, names.primary_key) {
            self.drop_constraint(change.from, &name);
        }
        for index in &change.indexes.dropped {
            if !change.dropped.iter().any(|column| index_mentions(index, &column.name)) {
                let how = if self.one_by_one { "CONCURRENTLY " } else { "" };
                self.push(format!("DROP INDEX {how}{};", self.spelling.name(&index.name)));
            }
        }
    }

    fn columns(&mut self, change: &TableChange<'_>) -> Result<()> {
        let table = change.to.name.as_str();
        let name = |column: &Column| self.spelling.name(&column.name);
        let mut actions = Vec::new();
        for column in &change.dropped {
            actions.push(format!("DROP COLUMN {}", name(column)));
        }
        for column in &change.added {
            actions.extend(self.add_column(change.to, column)?);
        }
        for (old, new) in &change.altered {
            let column = name(new);
            if old.generated != new.generated {
                actions.push(format!("DROP COLUMN {column}"));
                actions.extend(self.add_column(change.to, new)?);
                continue;
            }
            // The old default may be none of the new type's values.
            let is_reset = is_retyped(old, new) && !is_assigned(&old.data_type, &new.data_type);
            if is_reset && old.default.is_some() {
                actions.push(format!("ALTER COLUMN {column} DROP DEFAULT"));
            }
            if is_retyped(old, new) {
                let using = match is_assigned(&old.data_type, &new.data_type) {
                    true => String::new(),
                    false => format!(" USING {}", cast(&column, old, new, Engine::Postgres)),
                };
                actions.push(format!("ALTER COLUMN {column} TYPE {}{using}", new.data_type));
            }
            match &new.default {
                Some(default) if is_reset || old.default != new.default => {
                    actions.push(format!("ALTER COLUMN {column} SET DEFAULT {}", default_text(default)));
                }
                None if !is_reset && old.default.is_some() => {
                    actions.push(format!("ALTER COLUMN {column} DROP DEFAULT"));
                }
                _ => {}
            }
            if is_required(change.from, old) && !is_required(change.to, new) {
                actions.push(format!("ALTER COLUMN {column} DROP NOT NULL"));
            }
            // What Postgres does not know is told here.
            self.spelling.column(change.to, new, Engine::Postgres)?;
        }
        for action in actions {
            self.alter(table, action);
        }
        Ok(())
    }

    fn add_column(&self, table: &Table, column: &Column) -> Result<Vec<String>> {
        let is_filled = column.not_null && column.default.is_none() && column.generated.is_none();
        let mut actions = vec![format!("ADD COLUMN {}", self.spelling.column(table, column, Engine::Postgres)?)];
        if is_filled {
            let value = filler(column).ok_or_else(|| no_value(table, column))?;
            actions[0] = format!("{} DEFAULT {value}", actions[0]);
            actions.push(format!("ALTER COLUMN {} DROP DEFAULT", self.spelling.name(&column.name)));
        }
        Ok(actions)
    }

    /// Columns that take no NULL any more.
    fn require(&mut self, change: &TableChange<'_>) {
        for (old, new) in &change.altered {
            if is_required(change.from, old) || !is_required(change.to, new) || old.generated != new.generated {
                continue;
            }
            let (table, column) = (change.to.name.as_str(), self.spelling.name(&new.name));
            let set = format!("ALTER COLUMN {column} SET NOT NULL");
            if !self.one_by_one {
                self.alter(table, set);
                continue;
            }
            // A check that is valid spares reading the rows under the lock.
            let check = self.spelling.name(&object_name(table, &new.name, "is_set"));
            self.alter(table, format!("ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID"));
            self.alter(table, format!("VALIDATE CONSTRAINT {check}"));
            self.alter(table, set);
            self.alter(table, format!("DROP CONSTRAINT {check}"));
        }
    }

    /// Keys, checks and indexes that come.
    fn add_keys(&mut self, change: &TableChange<'_>) {
        let to = change.to;
        let names = ConstraintNames::of(to, self.spelling);
        let key = to.primary_key.as_ref().filter(|_| change.primary_key);
        if let (Some(key), Some(name)) = (key, names.primary_key) {
            self.add_unique(to, "PRIMARY KEY", &name, &key.columns, &[]);
        }
        for (unique, name) in to.unique.iter().zip(names.unique) {
            if is_one_of(&change.unique.added, unique) {
                self.add_unique(to, "UNIQUE", &name, &unique.columns, &unique.options);
            }
        }
        for (check, name) in to.checks.iter().zip(names.checks) {
            if is_one_of(&change.checks.added, check) {
                self.add_constraint(to, &name, &self.spelling.check(check));
            }
        }
        for index in &change.indexes.added {
            let how = if self.one_by_one { "CONCURRENTLY " } else { "" };
            self.push(self.index(&to.name, index, how));
        }
    }

    /// An index: on the way back in the words that made it, where they are the engine's own.
    fn index(&self, table: &str, index: &Index, how: &str) -> String {
        let own = self.back.and_then(|(there, names)| Some((there.own_index(&index.name)?, names)));
        match own.map(|(own, names)| own.renamed(names, self.spelling).text) {
            Some(text) => match text.to_ascii_lowercase().find("index") {
                Some(place) => format!("{} {how}{};", &text[..place + 5], text[place + 5..].trim_start()),
                None => format!("{text};"),
            },
            None => self.spelling.create_index(table, index, how),
        }
    }

    fn add_unique(&mut self, table: &Table, kind: &str, name: &str, columns: &[String], options: &[String]) {
        let (name, columns) = (self.spelling.name(name), self.spelling.names(columns));
        let options: String = options.iter().map(|option| format!(" {option}")).collect();
        if !self.one_by_one {
            return self.alter(&table.name, format!("ADD CONSTRAINT {name} {kind} {columns}{options}"));
        }
        let on = self.spelling.name(&table.name);
        self.push(format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {on} {columns};"));
        self.alter(&table.name, format!("ADD CONSTRAINT {name} {kind} USING INDEX {name}{options}"));
    }

    fn add_constraint(&mut self, table: &Table, name: &str, constraint: &str) {
        let name = self.spelling.name(name);
        let wait = if self.one_by_one { " NOT VALID" } else { "" };
        self.alter(&table.name, format!("ADD CONSTRAINT {name} {constraint}{wait}"));
        if self.one_by_one {
            self.alter(&table.name, format!("VALIDATE CONSTRAINT {name}"));
        }
    }

    fn add_foreign_keys(&mut self, change: &TableChange<'_>) {
        let names = ConstraintNames::of(change.to, self.spelling).foreign_keys;
        for (key, name) in change.to.foreign_keys.iter().zip(names) {
            if is_one_of(&change.foreign_keys.added, key) {
                self.add_constraint(change.to, &name, &self.spelling.foreign_key(key));
            }
        }
    }
}

fn is_one_of<T>(items: &[&T], item: &T) -> bool {
    items.iter().any(|other| std::ptr::eq(*other, item))
}

fn is_gone(change: &TableChange<'_>, column: &str) -> bool {
    change.dropped.iter().any(|dropped| dropped.name.eq_ignore_ascii_case(column))
}
