//! Comparing two schemas by meaning.

use super::difference::one_line;
use super::{
    Aspect, Check, Column, Difference, DifferenceKind, ForeignKey, Index, IndexPart, Object, Schema, Table, Unique,
    expression, types,
};
use crate::engine::Engine;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

impl Schema {
    /// In what this schema is not the wanted one, by table; empty when they mean the same.
    ///
    /// What engines spell in their own words is no difference: names of types, casts, parentheses, names of constraints that
    /// were given none, indexes that stand for constraints. On one engine the order of columns is none either. Across engines
    /// views are compared by their columns alone, and functions, types and the like by their names; privileges, owners and
    /// settings of a server are not compared.
    pub fn differences(&self, wanted: &Self) -> Vec<Difference> {
        let mut comparison = Comparison { found: self.engine, wanted: wanted.engine, differences: Vec::new() };
        comparison.schema(self, wanted);
        comparison.differences.sort();
        comparison.differences
    }

    /// The tables by name, but for those that another schema shares: these are the same.
    fn tables_beside<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a String, &'a Table)> {
        let is_shared = |name: &String, table| other.tables.get(name).is_some_and(|other| Arc::ptr_eq(other, table));
        self.tables.iter().filter(move |(name, table)| !is_shared(name, table)).map(|(name, table)| (name, &**table))
    }

    /// Whether the tables have their columns in the same order as another's, of the same engine, that has the same tables.
    pub(in crate::migrate) fn has_order_of(&self, other: &Self) -> bool {
        let is_same = |table: &Table| {
            let other = other.tables.get(&table.name);
            other.is_none_or(|other| table.columns.iter().map(|c| &c.name).eq(other.columns.iter().map(|c| &c.name)))
        };
        self.each_table().all(is_same)
    }
}

/// How Postgres says that not all rows may keep a constraint.
const NOT_VALID: &str = "NOT VALID";

/// A comparison at work.
pub(super) struct Comparison {
    pub(super) found: Engine,
    pub(super) wanted: Engine,
    differences: Vec<Difference>,
}

/// What a difference is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) object: Object,
    pub(super) table: Option<&'a str>,
    pub(super) name: &'a str,
}

impl Comparison {
    pub(super) fn is_same_engine(&self) -> bool {
        self.found == self.wanted
    }

    /// A name as it is compared: only Postgres tells capitals apart.
    pub(super) fn key(&self, name: &str) -> String {
        let exact = self.found == Engine::Postgres && self.is_same_engine();
        if exact { name.to_owned() } else { name.to_lowercase() }
    }

    fn keys(&self, names: &[String]) -> Vec<String> {
        names.iter().map(|name| self.key(name)).collect()
    }

    pub(super) fn push(
        &mut self,
        kind: DifferenceKind,
        about: About<'_>,
        found: Option<String>,
        wanted: Option<String>,
    ) {
        let About { object, table, name } = about;
        let (table, name) = (table.map(str::to_owned), name.to_owned());
        self.differences.push(Difference { kind, object, table, name, aspect: None, found, wanted });
    }

    pub(super) fn differ(&mut self, about: About<'_>, aspect: Aspect, found: Option<String>, wanted: Option<String>) {
        self.push(DifferenceKind::Different, about, found, wanted);
        if let Some(difference) = self.differences.last_mut() {
            difference.aspect = Some(aspect);
        }
    }

    /// Compares values that are the same or not as they are.
    fn compare<T: PartialEq>(
        &mut self,
        about: About<'_>,
        aspect: Aspect,
        sides: (T, T),
        text: fn(&T) -> Option<String>,
    ) {
        if sides.0 != sides.1 {
            self.differ(about, aspect, text(&sides.0), text(&sides.1));
        }
    }

    /// Compares what two maps have by name: what only one of them has is told, the rest is given back in pairs.
    fn pairs<'a, T>(
        &mut self,
        object: Object,
        table: Option<&str>,
        found: impl IntoIterator<Item = (&'a String, &'a T)>,
        wanted: impl IntoIterator<Item = (&'a String, &'a T)>,
        text: impl Fn(&T) -> Option<String>,
    ) -> Vec<(&'a T, &'a T)> {
        let mut found: BTreeMap<String, (&String, &T)> =
            found.into_iter().map(|(name, value)| (self.key(name), (name, value))).collect();
        let mut pairs = Vec::new();
        for (name, value) in wanted {
            match found.remove(&self.key(name)) {
                Some((_, other)) => pairs.push((other, value)),
                None => self.push(DifferenceKind::Missing, About { object, table, name }, None, text(value)),
            }
        }
        for (name, value) in found.into_values() {
            self.push(DifferenceKind::Extra, About { object, table, name }, text(value), None);
        }
        pairs
    }

    fn schema(&mut self, found: &Schema, wanted: &Schema) {
        for (found, wanted) in
            self.pairs(Object::Table, None, found.tables_beside(wanted), wanted.tables_beside(found), |_| None)
        {
            self.table(found, wanted);
        }
        for (found, wanted) in self.pairs(Object::View, None, &found.views, &wanted.views, |_| None) {
            let about = About { object: Object::View, table: None, name: &wanted.name };
            if self.keys(&found.columns) != self.keys(&wanted.columns) {
                let list = |columns: &[String]| Some(columns.join(", "));
                self.differ(about, Aspect::Columns, list(&found.columns), list(&wanted.columns));
            } else if self.is_same_engine() && !self.is_same_text(&found.definition, &wanted.definition) {
                let (found, wanted) = (found.definition.clone(), wanted.definition.clone());
                self.differ(about, Aspect::Definition, Some(found), Some(wanted));
            }
        }
        self.others(found, wanted);
    }

    pub(super) fn is_same_text(&self, one: &str, other: &str) -> bool {
        expression::tokens(one, self.found) == expression::tokens(other, self.wanted)
    }

    fn table(&mut self, found: &Table, wanted: &Table) {
        let name = wanted.name.as_str();
        fn by_name(column: &Column) -> (&String, &Column) {
            (&column.name, column)
        }
        let text = |column: &Column| Some(column.data_type.clone());
        let columns = (found.columns.iter().map(by_name), wanted.columns.iter().map(by_name));
        for (one, other) in self.pairs(Object::Column, Some(name), columns.0, columns.1, text) {
            let in_key = |table: &Table, column: &Column| {
                table
                    .primary_key
                    .as_ref()
                    .is_some_and(|key| key.columns.iter().any(|c| c.eq_ignore_ascii_case(&column.name)))
            };
            // SQLite takes NULL into a primary key that does not say otherwise.
            let across = !self.is_same_engine();
            let not_null =
                (one.not_null || across && in_key(found, one), other.not_null || across && in_key(wanted, other));
            self.column(name, one, other, not_null);
        }
        self.primary_key(found, wanted);
        self.constraints(name, &found.unique, &wanted.unique);
        self.constraints(name, &found.foreign_keys, &wanted.foreign_keys);
        self.constraints(name, &found.checks, &wanted.checks);
        for (one, other) in
            self.pairs(Object::Index, Some(name), &found.indexes, &wanted.indexes, |index| Some(index.to_string()))
        {
            self.index(name, one, other);
        }
        let about = About { object: Object::Table, table: None, name };
        let across = !self.is_same_engine();
        // Who sees which rows is the same wherever it can be said; the rest is how an engine keeps a table.
        let options = |table: &Table| -> Vec<String> {
            let options = table.options.iter();
            options.filter(|option| !across || option.ends_with("ROW LEVEL SECURITY")).cloned().collect()
        };
        self.compare(about, Aspect::Options, (options(found), options(wanted)), |options| words(options));
        if across {
            self.order(about, found, wanted);
        }
    }

    /// Compares the order of the columns that both tables have.
    fn order(&mut self, about: About<'_>, found: &Table, wanted: &Table) {
        let names = |table: &Table, other: &Table| -> Vec<String> {
            let both = table
                .columns
                .iter()
                .filter(|column| other.columns.iter().any(|other| self.key(&other.name) == self.key(&column.name)));
            both.map(|column| column.name.clone()).collect()
        };
        let (one, other) = (names(found, wanted), names(wanted, found));
        if self.keys(&one) != self.keys(&other) {
            self.differ(about, Aspect::ColumnOrder, Some(one.join(", ")), Some(other.join(", ")));
        }
    }

    fn column(&mut self, table: &str, found: &Column, wanted: &Column, not_null: (bool, bool)) {
        let about = About { object: Object::Column, table: Some(table), name: &wanted.name };
        if !types::same((&found.data_type, self.found), (&wanted.data_type, self.wanted)) {
            self.differ(about, Aspect::Type, Some(found.data_type.clone()), Some(wanted.data_type.clone()));
        }
        let nullability = |not_null: &bool| Some(if *not_null { "NOT NULL" } else { "NULL" }.to_owned());
        self.compare(about, Aspect::Nullability, not_null, nullability);
        if not_null == (true, true) {
            self.validity(about, !found.not_null_not_valid, !wanted.not_null_not_valid);
        }
        let sides = ((found.default.as_deref(), self.found), (wanted.default.as_deref(), self.wanted));
        if !expression::same_default(sides.0, sides.1, &wanted.data_type) {
            self.differ(about, Aspect::Default, found.default.clone(), wanted.default.clone());
        }
        // By bytes, as SQLite and DuckDB compare unless they are told otherwise.
        let plain: &[&str] = if self.is_same_engine() { &["binary"] } else { &["binary", "c"] };
        let collation = |column: &Column| {
            let name = column.collation.as_ref().map(|name| name.to_lowercase());
            name.filter(|name| !plain.contains(&name.as_str()))
        };
        if collation(found) != collation(wanted) {
            self.differ(about, Aspect::Collation, found.collation.clone(), wanted.collation.clone());
        }
        let generated = match (&found.generated, &wanted.generated) {
            (Some(one), Some(other)) => {
                one.stored == other.stored
                    && expression::same((&one.expression, self.found), (&other.expression, self.wanted))
            }
            (one, other) => one.is_none() && other.is_none(),
        };
        if !generated {
            let text = |column: &Column| {
                let generated = column.generated.as_ref()?;
                Some(format!("({}) {}", generated.expression, if generated.stored { "STORED" } else { "VIRTUAL" }))
            };
            self.differ(about, Aspect::Generated, text(found), text(wanted));
        }
        self.compare(about, Aspect::Identity, (&found.identity, &wanted.identity), |identity| (*identity).clone());
    }

    fn primary_key(&mut self, found: &Table, wanted: &Table) {
        let text = |columns: &[String]| format!("({})", columns.join(", "));
        let about = |name| About { object: Object::PrimaryKey, table: Some(&wanted.name), name };
        match (&found.primary_key, &wanted.primary_key) {
            (Some(one), Some(other)) => {
                let name = text(&other.columns);
                if self.keys(&one.columns) != self.keys(&other.columns) {
                    self.differ(about(&name), Aspect::Columns, Some(text(&one.columns)), Some(name.clone()));
                }
                self.names(about(&name), &one.name, &other.name);
            }
            (Some(one), None) => self.push(DifferenceKind::Extra, about(&text(&one.columns)), None, None),
            (None, Some(other)) => self.push(DifferenceKind::Missing, about(&text(&other.columns)), None, None),
            (None, None) => {}
        }
    }

    /// Compares names of constraints that both have one. Those that Postgres gives itself follow names that a table or a column
    /// once had, and are nobody's.
    fn names(&mut self, about: About<'_>, found: &Option<String>, wanted: &Option<String>) {
        if let (Some(one), Some(other)) = (found, wanted)
            && !(is_given(one) && is_given(other))
        {
            let sides = (self.key(one), self.key(other));
            self.compare(about, Aspect::Name, (&sides.0, &sides.1), |name| Some((*name).clone()));
        }
    }

    /// Compares constraints of one sort: by name where both have one, then by what they say.
    fn constraints<C: Constraint>(&mut self, table: &str, found: &[C], wanted: &[C]) {
        let mut found: Vec<&C> = found.iter().collect();
        let mut pairs = Vec::new();
        let mut left = Vec::new();
        for constraint in wanted {
            let same = |other: &&C| other.is_same(constraint, self);
            let named = |other: &&C| {
                let names = (other.name(), constraint.name());
                matches!(names, (Some(one), Some(other)) if self.key(one) == self.key(other))
            };
            // The best first: the same name and content, then the same content, then the same name.
            let place = found.iter().position(|other| same(other) && named(other));
            match place.or_else(|| found.iter().position(same)) {
                Some(place) => pairs.push((found.remove(place), constraint)),
                None => left.push(constraint),
            }
        }
        for constraint in left {
            let named = |other: &&C| {
                let names = (other.name(), constraint.name());
                matches!(names, (Some(one), Some(other)) if self.key(one) == self.key(other))
            };
            match found.iter().position(named) {
                Some(place) => pairs.push((found.remove(place), constraint)),
                None => {
                    let name = constraint.title();
                    let about = About { object: C::OBJECT, table: Some(table), name: &name };
                    self.push(DifferenceKind::Missing, about, None, Some(constraint.text()));
                }
            }
        }
        for constraint in found {
            let name = constraint.title();
            let about = About { object: C::OBJECT, table: Some(table), name: &name };
            self.push(DifferenceKind::Extra, about, Some(constraint.text()), None);
        }
        for (one, other) in pairs {
            let name = other.title();
            let about = About { object: C::OBJECT, table: Some(table), name: &name };
            if !one.is_same(other, self) {
                self.differ(about, Aspect::Definition, Some(one.text()), Some(other.text()));
            }
            self.names(about, &one.name().map(str::to_owned), &other.name().map(str::to_owned));
            one.details(other, about, self);
            let is_valid = |constraint: &C| !constraint.options().iter().any(|option| option == NOT_VALID);
            self.validity(about, is_valid(one), is_valid(other));
            let options = |constraint: &C| -> Vec<String> {
                constraint.options().iter().filter(|option| *option != NOT_VALID).cloned().collect()
            };
            self.compare(about, Aspect::Options, (options(one), options(other)), |options| words(options));
        }
    }

    /// Compares whether all rows are known to keep a constraint.
    fn validity(&mut self, about: About<'_>, found: bool, wanted: bool) {
        let text = |valid: &bool| Some(if *valid { "valid" } else { NOT_VALID }.to_owned());
        self.compare(about, Aspect::Validity, (found, wanted), text);
    }

    fn index(&mut self, table: &str, found: &Index, wanted: &Index) {
        let about = About { object: Object::Index, table: Some(table), name: &wanted.name };
        let unique = |unique: &bool| Some(if *unique { "UNIQUE" } else { "not unique" }.to_owned());
        self.compare(about, Aspect::Unique, (found.unique, wanted.unique), unique);
        let same_part = |one: &IndexPart, other: &IndexPart| {
            let same = match one.is_column && other.is_column {
                true => self.key(&one.expression) == self.key(&other.expression),
                false => expression::same((&one.expression, self.found), (&other.expression, self.wanted)),
            };
            // DuckDB's indexes have no order.
            let is_duckdb = self.found == Engine::DuckDb || self.wanted == Engine::DuckDb;
            same && (is_duckdb || one.descending == other.descending)
                && match self.is_same_engine() {
                    true => one.options == other.options,
                    // Between engines, what makes other values equal: those of SQLite alone do.
                    false => !(found.unique || wanted.unique) || folding(&one.options) == folding(&other.options),
                }
        };
        if found.parts.len() != wanted.parts.len()
            || !found.parts.iter().zip(&wanted.parts).all(|(one, other)| same_part(one, other))
        {
            self.differ(about, Aspect::Columns, Some(parts(&found.parts)), Some(parts(&wanted.parts)));
        }
        let same_predicate = match (&found.predicate, &wanted.predicate) {
            (Some(one), Some(other)) => expression::same((one, self.found), (other, self.wanted)),
            (one, other) => one == other,
        };
        if !same_predicate {
            self.differ(about, Aspect::Predicate, found.predicate.clone(), wanted.predicate.clone());
        }
        let validity = |valid: &bool| Some(if *valid { "valid" } else { "invalid" }.to_owned());
        self.compare(about, Aspect::Validity, (found.valid, wanted.valid), validity);
        match self.is_same_engine() {
            true => self.compare(about, Aspect::Options, (&found.options, &wanted.options), |options| words(options)),
            false => {
                let of_nulls = |options: &[String]| -> Vec<String> {
                    options.iter().filter(|option| option.contains("NULLS NOT DISTINCT")).cloned().collect()
                };
                let both = (of_nulls(&found.options), of_nulls(&wanted.options));
                self.compare(about, Aspect::Options, both, |options| words(options));
            }
        }
    }
}

/// Collations under which texts are equal that are not the same.
fn folding(options: &[String]) -> Vec<String> {
    let upper = options.iter().map(|option| option.to_uppercase());
    upper.filter(|option| option.contains("NOCASE") || option.contains("RTRIM")).collect()
}

/// Whether a name of a constraint looks like one that Postgres gives: `orders_total_check1`.
fn is_given(name: &str) -> bool {
    let name = name.trim_end_matches(|last: char| last.is_ascii_digit());
    ["_pkey", "_key", "_fkey", "_check"].iter().any(|end| name.ends_with(end))
}

fn words(options: &[String]) -> Option<String> {
    (!options.is_empty()).then(|| options.join(" "))
}

fn parts(parts: &[IndexPart]) -> String {
    let part = |part: &IndexPart| {
        let order = if part.descending { " DESC" } else { "" };
        let options: String = part.options.iter().map(|option| format!(" {option}")).collect();
        format!("{}{options}{order}", part.expression)
    };
    format!("({})", parts.iter().map(part).collect::<Vec<_>>().join(", "))
}

/// `UNIQUE (a, lower(b) DESC) WHERE c > 0`.
impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let predicate = self.predicate.as_ref().map(|predicate| format!(" WHERE {predicate}")).unwrap_or_default();
        write!(f, "{unique}{}{predicate}", parts(&self.parts))
    }
}

/// What constraints have in common.
trait Constraint {
    const OBJECT: Object;
    fn name(&self) -> Option<&str>;
    /// What it says, in short.
    fn text(&self) -> String;
    fn options(&self) -> &[String];
    /// Whether what was found says the same as what is wanted, names, options and details aside.
    fn is_same(&self, wanted: &Self, comparison: &Comparison) -> bool;
    /// Tells what differs in detail between two that say the same.
    fn details(&self, _wanted: &Self, _about: About<'_>, _comparison: &mut Comparison) {}

    /// Its name, or what it says.
    fn title(&self) -> String {
        self.name().map_or_else(|| one_line(&self.text()), str::to_owned)
    }
}

impl Constraint for Unique {
    const OBJECT: Object = Object::Unique;
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    fn text(&self) -> String {
        format!("({})", self.columns.join(", "))
    }
    fn options(&self) -> &[String] {
        &self.options
    }
    fn is_same(&self, wanted: &Self, comparison: &Comparison) -> bool {
        comparison.keys(&self.columns) == comparison.keys(&wanted.columns)
    }
}

impl Constraint for ForeignKey {
    const OBJECT: Object = Object::ForeignKey;
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    fn text(&self) -> String {
        format!("({}) to {} ({})", self.columns.join(", "), self.table, self.references.join(", "))
    }
    fn options(&self) -> &[String] {
        &self.options
    }
    fn is_same(&self, wanted: &Self, comparison: &Comparison) -> bool {
        comparison.key(&self.table) == comparison.key(&wanted.table)
            && comparison.keys(&self.columns) == comparison.keys(&wanted.columns)
            && comparison.keys(&self.references) == comparison.keys(&wanted.references)
    }
    fn details(&self, wanted: &Self, about: About<'_>, comparison: &mut Comparison) {
        comparison.compare(about, Aspect::OnDelete, (&self.on_delete, &wanted.on_delete), |action| (*action).clone());
        comparison.compare(about, Aspect::OnUpdate, (&self.on_update, &wanted.on_update), |action| (*action).clone());
    }
}

impl Constraint for Check {
    const OBJECT: Object = Object::Check;
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    fn text(&self) -> String {
        format!("({})", self.expression)
    }
    fn options(&self) -> &[String] {
        &self.options
    }
    fn is_same(&self, wanted: &Self, comparison: &Comparison) -> bool {
        expression::same((&self.expression, comparison.found), (&wanted.expression, comparison.wanted))
    }
}
