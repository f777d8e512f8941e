//! Views: which have to go while tables change, and in which order they come.

use super::sql::mentions;
use crate::migrate::schema::{Schema, View};
use std::collections::BTreeMap;

/// What no view, and no trigger, may look at while it changes.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// The columns of tables; of all of them where none are named.
    tables: BTreeMap<String, Option<Vec<String>>>,
}

impl Touched {
    /// A table as a whole.
    pub(super) fn table(&mut self, name: &str) {
        self.tables.insert(name.to_owned(), None);
    }

    /// One column of a table.
    pub(super) fn column(&mut self, table: &str, column: &str) {
        let columns = self.tables.entry(table.to_owned()).or_insert_with(|| Some(Vec::new()));
        if let Some(columns) = columns {
            columns.push(column.to_owned());
        }
    }

    /// Whether a text of SQL looks at any of it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.tables.iter().any(|(table, columns)| {
            let of_columns = columns
                .as_ref()
                .is_none_or(|columns| text.contains('*') || columns.iter().any(|column| mentions(text, column)));
            of_columns && mentions(text, table)
        })
    }
}

/// What happens to the views between two states.
#[derive(Debug, Default)]
pub(super) struct ViewPlan<'a> {
    /// To be dropped before anything else, those first that are made of others.
    pub(super) drop: Vec<&'a View>,
    /// To be made after everything else, those last that are made of others.
    pub(super) create: Vec<&'a View>,
    /// To be made anew in place: they say the same, and have more columns at their end.
    pub(super) replace: Vec<&'a View>,
}

impl<'a> ViewPlan<'a> {
    /// `touched` is named as it is before. The views that are dropped are added to it.
    pub(super) fn of(from: &'a Schema, to: &'a Schema, touched: &mut Touched) -> Self {
        let is_another = |view: &View| !to.views.get(&view.name).is_some_and(|new| is_replaceable(view, new));
        let drop = looking_at(from, touched, is_another);
        let goes = |view: &View| drop.iter().any(|other| other.name == view.name);
        let is_new = |view: &&View| !from.views.contains_key(&view.name) || goes(view);
        let create = in_order(to.views.values().filter(is_new).collect());
        let replace = to.views.values().filter(|view| !is_new(view));
        let replace = replace.filter(|view| from.views.get(&view.name).is_some_and(|old| old.columns != view.columns));
        let replace = in_order(replace.collect());
        Self { drop, create, replace }
    }
}

/// The views that look at what is touched, and those that go anyway, with all that are made of them: those first that are
/// made of others. They are touched themselves then.
pub(super) fn looking_at<'a>(
    schema: &'a Schema,
    touched: &mut Touched,
    goes_anyway: impl Fn(&View) -> bool,
) -> Vec<&'a View> {
    let mut going: Vec<&View> = Vec::new();
    let mut stay: Vec<&View> = schema.views.values().collect();
    loop {
        let goes = |view: &&View| goes_anyway(view) || touched.is_in(&view.definition);
        let (more, rest): (Vec<&View>, Vec<&View>) = stay.into_iter().partition(goes);
        stay = rest;
        if more.is_empty() {
            return in_order(going).into_iter().rev().collect();
        }
        for view in more {
            touched.table(&view.name);
            going.push(view);
        }
    }
}

/// Whether a view is the same, but for columns that came at its end, as where it selects all of a table's.
fn is_replaceable(old: &View, new: &View) -> bool {
    same_text(&old.definition, &new.definition) && new.columns.starts_with(&old.columns)
}

fn same_text(one: &str, other: &str) -> bool {
    let view = |definition: &str| Schema {
        engine: crate::engine::Engine::Sqlite,
        views: [("v".to_owned(), View { name: "v".to_owned(), definition: definition.to_owned(), ..View::default() })]
            .into(),
        ..Schema::default()
    };
    view(one).differences(&view(other)).is_empty()
}

/// Views with those first that others are made of.
fn in_order(mut views: Vec<&View>) -> Vec<&View> {
    let mut ordered: Vec<&View> = Vec::new();
    while !views.is_empty() {
        let is_ready = |view: &&View| {
            !views.iter().any(|other| other.name != view.name && mentions(&view.definition, &other.name))
        };
        // In a circle of names, which no engine can have as views, the first one goes.
        let place = views.iter().position(is_ready).unwrap_or(0);
        ordered.push(views.remove(place));
    }
    ordered
}

/// CREATE VIEW as CREATE OR REPLACE VIEW.
pub(super) fn replacing(sql: &str) -> String {
    let rest = sql.trim_start();
    match rest.get(..6).filter(|word| word.eq_ignore_ascii_case("create")) {
        Some(create) => format!("{create} OR REPLACE{}", &rest[6..]),
        None => rest.to_owned(),
    }
}
