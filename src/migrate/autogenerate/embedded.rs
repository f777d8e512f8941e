//! From one state to another on SQLite and DuckDB.
//!
//! What their ALTER TABLE can do for sure is done by it: a column is added, or one is dropped that nothing depends on. All
//! else is one mechanism: a new table gets the rows, the old one goes, and the new one takes its name. What depended on the
//! old one (indexes, views, triggers) is made again.

use super::beside::{Again, Beside, OwnView, Relation, Sort, Thing};
use super::change::{TableChange, created, dropped, pairs};
use super::rename::{Names, Rename, table};
use super::sql::{Spelling, default_text, is_bound, is_constant};
use super::stage::creation_order;
use super::triggers::{is_same_trigger, triggers};
use super::value::{cast, filler};
use super::views::{Touched, ViewPlan};
use super::{Step, no_value};
use crate::engine::Engine;
use crate::engine::lexer;
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::schema::{Column, Other, Schema, Table, View};

/// How the name begins that a table has while it is made anew.
pub(super) const NEW: &str = "charter_new_";

/// The statements of a step on SQLite.
pub(super) fn sqlite_up(step: &Step, spelling: &Spelling) -> Result<Vec<String>> {
    let Step { from, middle, to, names, .. } = step;
    sqlite(&[Part::Names(names), Part::Tables(middle, to)], (from, to), spelling)
}

/// The statements that take a step back on SQLite.
pub(super) fn sqlite_down(step: &Step, spelling: &Spelling) -> Result<Vec<String>> {
    let Step { from, middle, to, names, .. } = step;
    sqlite(&[Part::Tables(to, middle), Part::Names(&names.inverse())], (to, from), spelling)
}

/// A part of a step on SQLite, which renames by itself.
enum Part<'a> {
    Names(&'a Names),
    Tables(&'a Schema, &'a Schema),
}

fn sqlite(parts: &[Part<'_>], (from, to): (&Schema, &Schema), spelling: &Spelling) -> Result<Vec<String>> {
    let mut writer = Writer::sqlite(spelling);
    for part in parts {
        match part {
            Part::Names(names) => writer.rename(names),
            Part::Tables(from, to) => writer.tables(from, to, &Names::default())?,
        }
    }
    // A view of a table that is gone for a while stands in the way of renaming, and so does a trigger.
    writer.around(from, to)
}

/// The statements of a step on DuckDB, between what it has before and after; `there` is what else it has before.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::error::ErrorKind::Unsupported) when a trigger or a view there names what the step takes away.
pub(super) fn duckdb_up(
    step: &Step,
    (before, after): (&Schema, &Schema),
    there: &Beside,
    spelling: &Spelling,
) -> Result<Vec<String>> {
    there.check_triggers(step)?;
    let now = |thing: &Thing| thing.renamed(&step.names, spelling);
    let said: Vec<Thing> = there.things.iter().map(now).filter(|thing| !thing.is_outdated).collect();
    let statements = duckdb((before, after), &step.names, spelling, (&said, None))?;
    Ok(between(statements, &there.own_views(step, spelling)?, spelling, |view| &view.after))
}

/// Statements with the views of the engine's own that go before them and come after them, in these words.
fn between(
    statements: Vec<String>,
    views: &[OwnView],
    spelling: &Spelling,
    text: impl Fn(&OwnView) -> &String,
) -> Vec<String> {
    let go = views.iter().rev().map(|view| format!("DROP VIEW {};", spelling.name(&view.name)));
    let come = views.iter().flat_map(|view| [text(view)].into_iter().chain(&view.said));
    go.chain(statements).chain(come.map(|text| format!("{text};"))).collect()
}

/// The statements that take a step back on DuckDB.
pub(super) fn duckdb_down(
    step: &Step,
    (before, after): (&Schema, &Schema),
    there: &Beside,
    spelling: &Spelling,
) -> Result<Vec<String>> {
    let statements = duckdb((after, before), &step.names.inverse(), spelling, (&there.things, Some(there)))?;
    Ok(between(statements, &there.own_views(step, spelling)?, spelling, |view| &view.before))
}

fn duckdb(
    (from, to): (&Schema, &Schema),
    names: &Names,
    spelling: &Spelling,
    (said, back): (&[Thing], Option<&Beside>),
) -> Result<Vec<String>> {
    let (statements, touched) = (Vec::new(), Touched::default());
    let mut writer = Writer { engine: Engine::DuckDb, spelling, statements, touched, back, made: Vec::new() };
    writer.tables(from, to, names)?;
    let views = ViewPlan::of(from, to, &mut writer.touched);
    writer.made.extend(views.create.iter().map(|view| view.name.clone()));
    let made = std::mem::take(&mut writer.made);
    let mut statements = writer.around(from, to)?;
    // What is made anew has lost what was said of it, and of a column and an index that come, nothing is said yet.
    for thing in said.iter().filter(|thing| thing.sort == Sort::Comment) {
        let is_made = made.iter().any(|name| name.eq_ignore_ascii_case(&thing.of));
        let comes =
            match (table(to, &thing.of), to.views.values().find(|view| view.name.eq_ignore_ascii_case(&thing.of))) {
                (Some(now), _) => {
                    let before = table(from, names.table_before(&now.name)).filter(|_| !is_made);
                    said_of_table(thing, now) && !before.is_some_and(|before| said_of_table(thing, before))
                }
                (None, Some(view)) => is_made && !thing.misses(&view.columns),
                (None, None) => false,
            };
        statements.extend(comes.then(|| format!("{};", thing.text)));
    }
    Ok(statements)
}

/// Whether a table has what a comment is of: a column, an index, or itself.
fn said_of_table(comment: &Thing, table: &Table) -> bool {
    let columns: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let has_index = |index: &str| table.indexes.keys().any(|name| name.eq_ignore_ascii_case(index));
    !comment.misses(&columns) && comment.name.strip_prefix("index ").is_none_or(has_index)
}

struct Writer<'a> {
    engine: Engine,
    spelling: &'a Spelling,
    statements: Vec<String>,
    /// What is renamed, dropped, or made anew, by any of its names.
    touched: Touched,
    /// On the way back, what there was in the engine's own words.
    back: Option<&'a Beside>,
    /// The tables that are made, or made anew.
    made: Vec<String>,
}

/// How a table that stays becomes what it shall be.
enum Way {
    /// By these statements.
    Direct(Vec<String>),
    Rebuild,
}

impl<'a> Writer<'a> {
    fn sqlite(spelling: &'a Spelling) -> Self {
        let (statements, touched, made) = (Vec::new(), Touched::default(), Vec::new());
        Self { engine: Engine::Sqlite, spelling, statements, touched, back: None, made }
    }

    fn rename(&mut self, names: &Names) {
        for rename in names.renames() {
            match rename {
                Rename::Table { from, to } => {
                    self.touched.table(from);
                    self.touched.table(to);
                    let (from, to) = (self.spelling.name(from), self.spelling.name(to));
                    self.statements.push(format!("ALTER TABLE {from} RENAME TO {to};"));
                }
                Rename::Column { table, from, to } => {
                    self.touched.table(names.table_before(table));
                    self.touched.table(table);
                    let (table, from, to) =
                        (self.spelling.name(table), self.spelling.name(from), self.spelling.name(to));
                    self.statements.push(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to};"));
                }
            }
        }
    }

    fn tables(&mut self, from: &Schema, to: &Schema, names: &Names) -> Result<()> {
        let gone = dropped(from, to, names);
        for table in &gone {
            self.touched.table(&table.name);
        }
        let mut rebuilt: Vec<TableChange<'_>> = Vec::new();
        let (mut dropped_indexes, mut direct, mut indexes) = (Vec::new(), Vec::new(), Vec::new());
        for (before, now) in pairs(from, to, names) {
            let change = TableChange::of(before, now, names);
            let added = change.indexes.added.iter().map(|index| self.spelling.create_index(&now.name, index, ""));
            match self.way(&change, from, names)? {
                Way::Direct(statements) => {
                    dropped_indexes.extend(change.indexes.dropped.iter().map(|index| self.drop_index(&index.name)));
                    for column in &change.dropped {
                        self.touched.column(&now.name, &column.name);
                    }
                    direct.extend(statements);
                    indexes.extend(added);
                }
                Way::Rebuild => {
                    self.made.push(now.name.clone());
                    self.touched.table(&before.name);
                    self.touched.table(&now.name);
                    indexes.extend(now.indexes.values().map(|index| self.spelling.create_index(&now.name, index, "")));
                    rebuilt.push(change);
                }
            }
        }
        self.statements.extend(dropped_indexes);
        // On DuckDB nothing may refer to a table that goes: those first that refer no more, those last that will.
        let (first, rest): (Vec<_>, Vec<_>) =
            rebuilt.into_iter().partition(|change| !change.foreign_keys.dropped.is_empty());
        let (last, middle): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|change| !change.foreign_keys.added.is_empty());
        self.rebuild(&first, &[], names)?;
        self.statements.extend(direct);
        self.rebuild(&middle, &creation_order(gone), names)?;
        let new = created(from, to, names);
        // DuckDB lets no table refer to one that has an index.
        let refer = self.engine == Engine::DuckDb && new.iter().any(|table| !table.foreign_keys.is_empty());
        for name in creation_order(new.clone()) {
            let Some(table) = new.iter().find(|table| table.name == name) else { continue };
            self.made.push(name.to_owned());
            match self.back.and_then(|there| there.relation(name)).map(Relation::again) {
                Some(Again::By(texts)) => self.statements.extend(texts.iter().map(|text| format!("{text};"))),
                _ => self.statements.push(self.spelling.new_table(table, self.engine)?),
            }
            let own = table.indexes.values().map(|index| self.spelling.create_index(name, index, ""));
            match refer {
                false => self.statements.extend(own),
                true => indexes.extend(own),
            }
        }
        self.rebuild(&last, &[], names)?;
        self.statements.extend(indexes);
        Ok(())
    }

    fn drop_index(&self, name: &str) -> String {
        format!("DROP INDEX {};", self.spelling.name(name))
    }

    fn way(&self, change: &TableChange<'_>, from: &Schema, names: &Names) -> Result<Way> {
        if !change.is_of_definition() && !names.concern(&change.to.name) {
            return Ok(Way::Direct(Vec::new()));
        }
        let only_columns = change.altered.is_empty()
            && !change.primary_key
            && change.unique.is_empty()
            && change.foreign_keys.is_empty()
            && change.checks.is_empty()
            && !change.options
            && !names.concern(&change.to.name);
        // DuckDB holds on to a table as long as anything depends on it, and in the same transaction after that.
        let is_held = self.engine == Engine::DuckDb && is_depended_on(change.from, from);
        let adds_plainly = |column: &&Column| {
            let default = column.default.as_deref();
            let is_plain = column.generated.is_none() && column.identity.is_none() && column.collation.is_none();
            let has_value = default.is_none_or(|default| is_constant(default) && !default.eq_ignore_ascii_case("null"));
            is_plain
                && has_value
                && !(column.not_null && (default.is_none() || is_held))
                && !is_in_constraint(change.to, &column.name)
        };
        let drops_plainly = |column: &&Column| {
            !is_held
                && !is_bound(change.from, &column.name)
                && !is_referred_to(change.from, &column.name, from)
                && (self.engine != Engine::DuckDb || !stands_before_key(change.from, &column.name))
        };
        if !only_columns
            || !change.added.iter().all(adds_plainly)
            || !change.dropped.iter().all(drops_plainly)
            || is_held && !change.indexes.dropped.is_empty()
        {
            return Ok(Way::Rebuild);
        }
        let table = self.spelling.name(&change.to.name);
        let mut statements = Vec::new();
        for column in &change.dropped {
            statements.push(format!("ALTER TABLE {table} DROP COLUMN {};", self.spelling.name(&column.name)));
        }
        for column in &change.added {
            let column = self.spelling.column(change.to, column, self.engine)?;
            statements.push(format!("ALTER TABLE {table} ADD COLUMN {column};"));
        }
        Ok(Way::Direct(statements))
    }

    /// Makes tables anew, and drops those that go for good, between the new ones' getting the rows and getting the names.
    fn rebuild(&mut self, changes: &[TableChange<'_>], gone: &[&str], names: &Names) -> Result<()> {
        let (mut copies, mut moves) = (Vec::new(), Vec::new());
        for change in changes {
            refuse_conflict_clauses(change.from)?;
            self.refuse_circle(change.to)?;
            let new = format!("{NEW}{}", change.to.name);
            let table = self.spelling.create_table(change.to, &new, self.engine)?;
            let (columns, values) = self.values(change, names)?;
            let list = columns.join(", ");
            let (old, name, spelled) =
                (self.spelling.name(&change.from.name), self.spelling.name(&change.to.name), self.spelling.name(&new));
            // DuckDB knows a table that refers to others by the name that it was made with, for good.
            if self.engine == Engine::DuckDb && !change.to.foreign_keys.is_empty() {
                let values: Vec<String> =
                    values.iter().zip(&columns).map(|(value, column)| format!("{value} AS {column}")).collect();
                copies.push(format!("CREATE TABLE {spelled} AS\nSELECT {} FROM {old};", values.join(", ")));
                moves.push(self.spelling.create_table(change.to, &change.to.name, self.engine)?);
                moves.push(format!("INSERT INTO {name} ({list})\nSELECT {list} FROM {spelled};"));
                moves.push(format!("DROP TABLE {spelled};"));
            } else {
                copies.push(table);
                copies.push(format!("INSERT INTO {spelled} ({list})\nSELECT {} FROM {old};", values.join(", ")));
                moves.push(format!("ALTER TABLE {spelled} RENAME TO {name};"));
            }
        }
        let old: Vec<&Table> = changes.iter().map(|change| change.from).collect();
        let drops = gone.iter().rev().copied().chain(creation_order(old).into_iter().rev());
        let drops: Vec<String> = drops.map(|name| format!("DROP TABLE {};", self.spelling.name(name))).collect();
        self.statements.extend(copies.into_iter().chain(drops).chain(moves));
        Ok(())
    }

    /// On DuckDB a row cannot come into a table together with the one of the same table that it refers to.
    fn refuse_circle(&self, table: &Table) -> Result<()> {
        let mut keys = table.foreign_keys.iter();
        if self.engine != Engine::DuckDb || !keys.any(|key| key.table.eq_ignore_ascii_case(&table.name)) {
            return Ok(());
        }
        let message =
            format!("the table {} refers to itself: on DuckDB it cannot be made anew with its rows", table.name);
        Err(Error::new(ErrorKind::Unsupported, message).with_hint(
            "write this migration by hand, or let `engines` in [migrations] leave out duckdb if the project does without",
        ))
    }

    /// The columns that a new table's rows get, at least one, and their values from the old one's.
    fn values(&self, change: &TableChange<'_>, names: &Names) -> Result<(Vec<String>, Vec<String>)> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        let stored = || change.to.columns.iter().filter(|column| column.generated.is_none());
        for column in stored() {
            let before = change.from.column(names.column_before(&change.to.name, &column.name));
            let value = match before {
                Some(old) if super::change::same_type(&old.data_type, &column.data_type) => {
                    self.spelling.name(&old.name)
                }
                Some(old) => cast(&self.spelling.name(&old.name), old, column, self.engine),
                // The new table's default, which may be none.
                None if column.default.is_some() || !super::change::is_required(change.to, column) => continue,
                None => filler(column).ok_or_else(|| no_value(change.to, column))?.to_owned(),
            };
            columns.push(self.spelling.name(&column.name));
            values.push(value);
        }
        // Rows of which nothing stays are rows all the same.
        if let Some(column) = stored().next().filter(|_| columns.is_empty()) {
            columns.push(self.spelling.name(&column.name));
            values.push(column.default.as_deref().map_or_else(|| "NULL".to_owned(), default_text));
        }
        Ok((columns, values))
    }

    /// Puts around the statements what has to go before and to come again after them.
    fn around(mut self, from: &Schema, to: &Schema) -> Result<Vec<String>> {
        let views = ViewPlan::of(from, to, &mut self.touched);
        let name = |view: &&View| self.spelling.name(&view.name);
        let sql = |view: &View| -> Result<String> {
            let own = self.back.map_or(Ok(None), |there| there.view_before(view))?;
            Ok(own.unwrap_or_else(|| view.sql.clone().unwrap_or_default()))
        };
        let mut before: Vec<String> = Vec::new();
        let mut after: Vec<String> = Vec::new();
        before.extend(views.drop.iter().map(|view| format!("DROP VIEW {};", name(view))));
        // SQLite looks at the tables whenever a view is read.
        for view in views.replace.iter().filter(|_| self.engine == Engine::DuckDb) {
            after.push(format!("{};", super::views::replacing(&sql(view)?)));
        }
        for view in &views.create {
            after.push(format!("{};", sql(view)?));
        }
        let stays = |trigger: &Other| {
            let now = triggers(to).find(|other| is_same_trigger(trigger, other));
            now.is_some_and(|now| now.definition == trigger.definition) && !self.touched.is_in(&trigger.definition)
        };
        let (stay, go): (Vec<&Other>, Vec<&Other>) = triggers(from).partition(|trigger| stays(trigger));
        let come = triggers(to).filter(|trigger| !stay.iter().any(|other| is_same_trigger(trigger, other)));
        after.extend(come.map(|trigger| format!("{};", trigger.definition.trim_end_matches(';'))));
        let go = go.into_iter().map(|trigger| self.drop_trigger(trigger));
        Ok(go.chain(before).chain(self.statements.iter().cloned()).chain(after).collect())
    }

    fn drop_trigger(&self, trigger: &Other) -> String {
        let table = trigger.table.iter().filter(|_| self.engine == Engine::DuckDb);
        let of: String = table.map(|table| format!(" ON {}", self.spelling.name(table))).collect();
        format!("DROP TRIGGER {}{of};", self.spelling.name(&trigger.name))
    }
}

/// Whether constraints of a table that stands for itself say something of a column.
fn is_in_constraint(table: &Table, column: &str) -> bool {
    is_bound(&Table { indexes: Default::default(), ..table.clone() }, column)
}

/// Whether a table has indexes, or others refer to it, or triggers speak of it.
fn is_depended_on(table: &Table, schema: &Schema) -> bool {
    let keys = schema.tables.values().flat_map(|other| &other.foreign_keys);
    let mut touched = Touched::default();
    touched.table(&table.name);
    !table.indexes.is_empty()
        || keys.into_iter().any(|key| key.table.eq_ignore_ascii_case(&table.name))
        || triggers(schema).any(|trigger| touched.is_in(&trigger.definition))
}

/// Whether a column of a key stands after a column, which DuckDB then does not drop.
fn stands_before_key(table: &Table, column: &str) -> bool {
    let keys = table.primary_key.iter().map(|key| &key.columns);
    let keys = keys.chain(table.unique.iter().map(|unique| &unique.columns));
    let of_keys: Vec<&String> = keys.chain(table.foreign_keys.iter().map(|key| &key.columns)).flatten().collect();
    let after = table.columns.iter().skip_while(|other| !other.name.eq_ignore_ascii_case(column));
    after.into_iter().any(|other| of_keys.iter().any(|name| name.eq_ignore_ascii_case(&other.name)))
}

/// Whether a foreign key refers to a column.
fn is_referred_to(table: &Table, column: &str, schema: &Schema) -> bool {
    let keys = schema.tables.values().flat_map(|other| &other.foreign_keys);
    let mut keys = keys.filter(|key| key.table.eq_ignore_ascii_case(&table.name));
    keys.any(|key| key.references.iter().any(|name| name.eq_ignore_ascii_case(column)))
}

/// What happens instead of an error is not known of a table, and would be lost.
fn refuse_conflict_clauses(table: &Table) -> Result<()> {
    let sql = table.sql.as_deref().unwrap_or_default();
    let tokens = lexer::tokens(sql, Engine::Sqlite);
    let has_clause = tokens.windows(2).any(|two| two[0].is_word(sql, "on") && two[1].is_word(sql, "conflict"));
    match has_clause {
        false => Ok(()),
        true => {
            let message = format!("the table {} has ON CONFLICT clauses, which making it anew would lose", table.name);
            Err(Error::new(ErrorKind::Unsupported, message).with_hint("write this migration by hand"))
        }
    }
}

/// The statements that give things their new names on SQLite and no more, and the triggers that have to go for it: those that
/// read views. The views that look at what is renamed go first, since SQLite gives their columns the new names too, and knows
/// not what they are in the views that are made of them.
pub(super) fn sqlite_renames<'a>(
    present: &'a Schema,
    names: &Names,
    spelling: &Spelling,
) -> (Vec<String>, Vec<&'a Other>) {
    let mut writer = Writer::sqlite(spelling);
    writer.rename(names);
    let mut of_views = Touched::default();
    let views = super::views::looking_at(present, &mut writer.touched, |_| false);
    views.iter().for_each(|view| of_views.table(&view.name));
    let gone: Vec<&Other> = triggers(present).filter(|trigger| of_views.is_in(&trigger.definition)).collect();
    let triggers = gone.iter().map(|trigger| writer.drop_trigger(trigger));
    let views = views.iter().map(|view| format!("DROP VIEW {};", spelling.name(&view.name)));
    (triggers.chain(views).chain(writer.statements.iter().cloned()).collect(), gone)
}
