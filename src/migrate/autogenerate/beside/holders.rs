//! What holds on to tables, columns and views, so that Postgres neither drops them nor gives them another type.

use super::functions::concerns;
use super::relation::Again;
use super::words::same;
use super::{Beside, Place, Relation, Sort, Thing};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::autogenerate::Step;
use crate::migrate::autogenerate::change::{TableChange, dropped, is_required, pairs};
use crate::migrate::autogenerate::postgres::is_retyped;
use crate::migrate::autogenerate::rename::Names;
use crate::migrate::autogenerate::value::is_kin;
use crate::migrate::autogenerate::views::ViewPlan;
use crate::migrate::schema::{Column, Table, View};

/// What a step takes away, by the names from before it.
struct Going<'a> {
    /// Tables and views.
    whole: Vec<&'a str>,
    /// Columns of tables that stay, and what becomes of them.
    columns: Vec<(&'a str, &'a str, &'static str)>,
}

const DROPPED: &str = "is dropped";
const RETYPED: &str = "gets another type";
/// The words that name it may not fit that type.
const OF_ANOTHER_KIND: &str = "gets a type of another kind";

impl Beside {
    /// What has to be gone while columns get another type: triggers, policies and rules whose own words name one, with what is
    /// said of them.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], with its place, when something holds on to what a step drops or changes, or when nobody
    /// knows how to make again on the way back what goes.
    pub(in crate::migrate::autogenerate) fn around(&self, step: &Step, views: &ViewPlan<'_>) -> Result<Vec<Thing>> {
        let none = Names::default();
        let mut going =
            Going { whole: views.drop.iter().map(|view| view.name.as_str()).collect(), columns: Vec::new() };
        let gone = dropped(&step.middle, &step.to, &none);
        going.whole.extend(gone.iter().map(|table| table.name.as_str()));
        for (before, now) in pairs(&step.middle, &step.to, &none) {
            let change = TableChange::of(before, now, &none);
            let of = step.names.table_before(&now.name);
            let was = |column: &Column| -> &str {
                let was = step.names.column_before(&now.name, &column.name);
                step.from
                    .tables
                    .values()
                    .find(|table| same(&table.name, of))
                    .and_then(|table| table.column(was))
                    .map_or("", |column| &column.name)
            };
            let retyped = change.altered.iter().filter(|(old, new)| is_retyped(old, new));
            let retyped = retyped.map(|(old, new)| match is_kin(&old.data_type, &new.data_type) {
                true => (was(old), RETYPED),
                false => (was(old), OF_ANOTHER_KIND),
            });
            let dropped = change.dropped.iter().map(|column| (was(column), DROPPED));
            for (column, fate) in dropped.chain(retyped) {
                let of = step.from.tables.values().find(|table| same(&table.name, of)).map_or("", |table| &table.name);
                going.columns.push((of, column, fate));
            }
            self.check_columns(of, before, &change)?;
        }
        for table in &gone {
            self.check_table(table, step)?;
        }
        self.check_others(step, &going)?;
        self.check_references(step, &going)?;
        self.check_indexes(&going)?;
        let mut around = Vec::new();
        for thing in &self.things {
            if !matches!(thing.sort, Sort::Trigger | Sort::Policy | Sort::Rule)
                || going.whole.iter().any(|of| same(of, &thing.of))
            {
                continue;
            }
            // Triggers name only what they are of.
            let others = going.whole.iter().filter(|of| thing.sort != Sort::Trigger && thing.names(of));
            if let Some(of) = others.into_iter().next() {
                return Err(self.held(&thing.place, &thing.title(), of, DROPPED));
            }
            let is_concerned = |of: &str, column: &str| {
                let is_of = same(of, &thing.of) || thing.sort != Sort::Trigger && thing.names(of);
                is_of && thing.names(column)
            };
            for (of, column, fate) in going.columns.iter().filter(|(of, column, _)| is_concerned(of, column)) {
                let fits = *fate == RETYPED || thing.takes_any_type(column);
                if *fate == DROPPED || !fits || self.together(&[thing]).iter().any(|thing| thing.is_outdated) {
                    return Err(self.held(&thing.place, &thing.title(), &format!("{of}.{column}"), fate));
                }
                around.push(thing);
            }
        }
        Ok(self.together(&around))
    }

    /// Refuses another kind of type for columns that indexes name in other ways than plainly: Postgres makes them anew.
    fn check_indexes(&self, going: &Going<'_>) -> Result<()> {
        let others = || going.columns.iter().filter(|(_, _, fate)| *fate == OF_ANOTHER_KIND);
        for index in self.things.iter().filter(|thing| thing.sort == Sort::Index) {
            let named = others()
                .find(|(of, column, _)| same(of, &index.of) && index.names(column) && !index.takes_any_type(column));
            if let Some((of, column, fate)) = named {
                return Err(self.held(&index.place, &index.title(), &format!("{of}.{column}"), fate));
            }
        }
        Ok(())
    }

    /// Foreign keys that no model knows, to what a step drops or from it.
    fn check_references(&self, step: &Step, going: &Going<'_>) -> Result<()> {
        let table = |name: &str| step.from.tables.values().find(|table| same(&table.name, name));
        for relation in self.relations.iter().filter(|relation| !relation.is_view) {
            let Some(own) = table(&relation.name) else { continue };
            for reference in relation.references.iter().filter(|reference| !reference.is_one_of(&own.foreign_keys)) {
                let title = reference.title(&relation.name);
                let is_own = same(&reference.of, &relation.name);
                if let Some(of) = going.whole.iter().find(|of| !is_own && same(of, &reference.of)) {
                    return Err(self.held(&reference.place, &title, of, DROPPED));
                }
                let key = table(&reference.of).and_then(|table| table.primary_key.as_ref());
                let to = match (reference.to.as_slice(), key) {
                    ([], Some(key)) => key.columns.as_slice(),
                    (to, _) => to,
                };
                let named = going.columns.iter().find(|(of, column, fate)| {
                    let has = |columns: &[String]| columns.iter().any(|name| same(name, column));
                    let is_of = same(of, &relation.name) && has(&reference.columns);
                    *fate != RETYPED && (is_of || same(of, &reference.of) && has(to))
                });
                if let Some((of, column, fate)) = named {
                    return Err(self.held(&reference.place, &title, &format!("{of}.{column}"), fate));
                }
            }
        }
        Ok(())
    }

    /// Refuses to take away what triggers name whose text is what they do, which DuckDB then no longer takes.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], with the trigger's place.
    pub(in crate::migrate::autogenerate) fn check_triggers(&self, step: &Step) -> Result<()> {
        for trigger in self.triggers() {
            let named = concerns(step).into_iter().find(|concern| {
                let is_of = same(&concern.of, &trigger.of);
                match (&concern.column, concern.is_renamed) {
                    // It goes along, or follows.
                    (None, _) | (_, true) if is_of => false,
                    (None, _) => concern.is_away && trigger.names(&concern.of),
                    (Some(column), _) => {
                        concern.is_away && (is_of || trigger.names(&concern.of)) && trigger.names(column)
                    }
                }
            });
            if let Some(concern) = named {
                return Err(self.held(&trigger.place, &trigger.title(), &concern.title(), &concern.fate));
            }
        }
        Ok(())
    }

    /// Views and functions that are this engine's alone, tables that no other engine has, and what nobody can read.
    fn check_others(&self, step: &Step, going: &Going<'_>) -> Result<()> {
        let is_model =
            |name: &str| step.from.views.keys().chain(step.from.tables.keys()).any(|other| same(other, name));
        let columns = |names: &dyn Fn(&str) -> bool| {
            let mut columns = going.columns.iter();
            columns.find(|(of, column, _)| names(of) && (names(column) || names("*"))).copied()
        };
        let goes = |name: &str| going.whole.iter().any(|of| same(of, name));
        let stands = |relation: &&Relation| {
            !is_model(&relation.name) || relation.is_view && relation.again() != Again::AsAll && !goes(&relation.name)
        };
        for relation in self.relations.iter().filter(stands) {
            let title = format!("{} {}", if relation.is_view { "view" } else { "table" }, relation.name);
            if let Some(of) = going.whole.iter().find(|of| relation.names(of)) {
                return Err(self.held(&relation.place, &title, of, DROPPED));
            }
            if let Some((of, column, fate)) = columns(&|name| relation.names(name)).filter(|_| relation.is_view) {
                return Err(self.held(&relation.place, &title, &format!("{of}.{column}"), fate));
            }
        }
        for function in &self.functions {
            let title = format!("function {}", function.name);
            let names = |name: &str| function.held.contains(&name.to_lowercase());
            if let Some(of) = going.whole.iter().find(|of| names(of)) {
                return Err(self.held(&function.place, &title, of, DROPPED));
            }
            if let Some((of, column, fate)) = columns(&names) {
                return Err(self.held(&function.place, &title, &format!("{of}.{column}"), fate));
            }
        }
        const MAKES: [&str; 5] = ["create", "alter", "grant", "comment", "execute"];
        for block in &self.blocks {
            let makes = MAKES.iter().any(|word| block.names(word));
            if let Some(of) = going.whole.iter().find(|of| makes && block.names(of)) {
                return Err(self.held(&block.place, &block.name, of, DROPPED));
            }
        }
        Ok(())
    }

    pub(super) fn held(&self, (file, position): &Place, title: &str, name: &str, fate: &str) -> Error {
        let message = format!("the {title} names {name}, which {fate}");
        Error::new(ErrorKind::Unsupported, message).at(file, Some(*position)).with_hint(
            "drop what stands in the way in a migration that is written by hand and comes before, and make it again in one \
             that comes after; or write this migration by hand",
        )
    }

    /// What makes a view again as it was, where that is not what the other engines make it by.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], with its place, when something in its words has got another name since.
    pub(in crate::migrate::autogenerate) fn view_before(&self, view: &View) -> Result<Option<String>> {
        let Some(relation) = self.relation(&view.name) else { return Ok(None) };
        match relation.again() {
            Again::AsAll => Ok(None),
            Again::By(texts) => Ok(texts.first().cloned()),
            Again::Unknown => Err(self.own_view(relation)),
        }
    }

    /// What makes a view again that stays as it was; the same as everywhere where it is new.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], with its place, when it is another view now and was made in words of the engine's own.
    pub(in crate::migrate::autogenerate) fn view_now(
        &self,
        before: Option<&View>,
        now: &View,
    ) -> Result<Option<String>> {
        let Some(before) = before else { return Ok(None) };
        match self.view_before(before)? {
            Some(_) if before.definition != now.definition => match self.relation(&now.name) {
                Some(relation) => Err(self.own_view(relation)),
                None => Ok(None),
            },
            text => Ok(text),
        }
    }

    fn own_view(&self, relation: &Relation) -> Error {
        let message = format!(
            "the view {} is made in words of its own on {}, and nobody knows them for what it is to be",
            relation.name, self.engine
        );
        Error::new(ErrorKind::Unsupported, message).at(&relation.place.0, Some(relation.place.1)).with_hint(
            "drop the view in a migration that is written by hand and comes before, and make it again in one that comes after",
        )
    }

    /// Refuses to drop a table that nobody could make again as it was.
    fn check_table(&self, table: &Table, step: &Step) -> Result<()> {
        let unknown = |place: &Place, title: String| {
            let message =
                format!("the table {} is dropped, and nobody knows how to make its {title} again as it is", table.name);
            Error::new(ErrorKind::Unsupported, message)
                .at(&place.0, Some(place.1))
                .with_hint("write this migration by hand")
        };
        if let Some(relation) = self.relation(&table.name) {
            let names = step.names.renames().any(|rename| {
                use crate::migrate::autogenerate::rename::Rename;
                let (Rename::Table { from, .. } | Rename::Column { from, .. }) = rename;
                relation.names(from)
            });
            let is_unknown = match relation.again() {
                Again::AsAll => false,
                Again::By(_) => names,
                Again::Unknown => true,
            };
            if is_unknown {
                return Err(unknown(&relation.place, "definition".to_owned()));
            }
        }
        // The default of a column may call a sequence, which in turn is of the column.
        match self.with(&table.name).find(|thing| thing.is_outdated || thing.sort == Sort::Sequence) {
            Some(thing) => Err(unknown(&thing.place, thing.title())),
            None => Ok(()),
        }
    }

    /// Refuses to change columns that are others here than elsewhere: on the way back nobody would know them.
    fn check_columns(&self, of: &str, before: &Table, change: &TableChange<'_>) -> Result<()> {
        let Some(relation) = self.relation(of) else { return Ok(()) };
        let columns = change.dropped.iter().copied().chain(change.altered.iter().map(|(old, _)| *old));
        for column in columns {
            if relation.has_own_column(column, is_required(before, column)) {
                let message = format!(
                    "{of}.{} is made in words of its own on {}, and cannot be made again as it is once it changes",
                    column.name, self.engine
                );
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .at(&relation.place.0, Some(relation.place.1))
                    .with_hint("write this migration by hand"));
            }
        }
        Ok(())
    }

    /// What comes back when a step is taken back: what was of tables that it drops, and of columns.
    pub(in crate::migrate::autogenerate) fn going(&self, step: &Step) -> Vec<&Thing> {
        let none = Names::default();
        let gone = dropped(&step.middle, &step.to, &none);
        let mut columns: Vec<(&str, &str)> = Vec::new();
        let mut indexes: Vec<&str> = Vec::new();
        let mut known: Vec<&str> = Vec::new();
        for (before, now) in pairs(&step.middle, &step.to, &none) {
            let change = TableChange::of(before, now, &none);
            let of = step.names.table_before(&now.name);
            columns.extend(change.dropped.iter().map(|column| (of, step.names.column_before(&now.name, &column.name))));
            indexes.extend(change.indexes.dropped.iter().map(|index| index.name.as_str()));
            known.extend(before.indexes.keys().map(String::as_str));
        }
        known.extend(gone.iter().flat_map(|table| table.indexes.keys()).map(String::as_str));
        let is_known = |thing: &Thing| thing.sort == Sort::Index && known.iter().any(|name| same(name, &thing.name));
        let of_columns: Vec<Vec<bool>> = columns.iter().map(|(of, column)| self.of_column(of, column)).collect();
        let goes = |(place, thing): &(usize, &Thing)| {
            let is_said_of = |index: &&str| same(&thing.name, &format!("index {index}"));
            gone.iter().any(|table| same(&table.name, &thing.of))
                || of_columns.iter().any(|goes| goes[*place])
                || thing.sort == Sort::Comment && indexes.iter().any(is_said_of)
        };
        let going = self.things.iter().enumerate().filter(goes).map(|(_, thing)| thing);
        going.filter(|thing| !is_known(thing)).collect()
    }
}
