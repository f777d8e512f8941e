//! What is there: the server's catalogue, as the statements so far have changed it.
//!
//! Of a name it is known that something is there, that nothing is, or neither. Whatever may have happened unseen makes
//! names unknown again, so that nothing is said of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::super::{Catalogue, ExistingObject, RelationName};
use super::super::session::TEMPORARY;
use super::super::views::Shape;
use super::links::Need;

/// What shares its names. The later ones are parts of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Class {
    Schema,
    /// Tables, views, indexes, sequences, composite types.
    Relation,
    /// Types, those of the rows of tables included.
    Type,
    /// All functions of a name.
    Function,
    /// One function, by its name and what it takes.
    Routine,
    Extension,
    Role,
    Publication,
    Language,
    Tablespace,
    Server,
    AccessMethod,
    Collation,
    /// How an index orders or takes apart values of a type, whatever the access method.
    Operators,
    Statistics,
    TextSearch,
    Operator,
    Cast,
    Column,
    Constraint,
    Trigger,
    Policy,
    Rule,
}

impl Class {
    /// As the catalogue calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Schema => "SCHEMA",
            Self::Relation => "RELATION",
            Self::Type => "TYPE",
            Self::Function => "FUNCTION",
            Self::Routine => "ROUTINE",
            Self::Extension => "EXTENSION",
            Self::Role => "ROLE",
            Self::Publication => "PUBLICATION",
            Self::Language => "LANGUAGE",
            Self::Tablespace => "TABLESPACE",
            Self::Server => "SERVER",
            Self::AccessMethod => "ACCESS_METHOD",
            Self::Collation => "COLLATION",
            Self::Operators => "OPERATOR_CLASS",
            Self::Statistics => "STATISTICS",
            Self::TextSearch => "TEXT_SEARCH_CONFIG",
            Self::Operator => "OPERATOR",
            Self::Cast => "CAST",
            Self::Column => "COLUMN",
            Self::Constraint => "CONSTRAINT",
            Self::Trigger => "TRIGGER",
            Self::Policy => "POLICY",
            Self::Rule => "RULE",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        [Self::Relation, Self::Type, Self::Function, Self::Routine].into_iter().find(|class| class.word() == word)
    }

    /// Whether its names are those of a schema.
    pub(super) fn has_schema(self) -> bool {
        matches!(
            self,
            Self::Relation
                | Self::Type
                | Self::Function
                | Self::Routine
                | Self::Collation
                | Self::Operators
                | Self::Statistics
                | Self::TextSearch
                | Self::Operator
        )
    }

    /// Which of the parts of a table are known as a whole together with it.
    fn group(self) -> usize {
        match self {
            Self::Column => 0,
            Self::Constraint => 1,
            _ => 2,
        }
    }
}

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Place<'a> {
    pub(super) file: &'a Path,
    pub(super) line: usize,
}

/// What is known of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Known<'a> {
    /// Something is there: a statement has made it, or the database has it.
    There(Option<Place<'a>>),
    /// Nothing is there: a statement has taken it away, or the database has none.
    Gone(Option<Place<'a>>),
    Unsure,
}

/// What is known of a thing.
#[derive(Debug, Clone)]
pub(in super::super) struct Thing<'a> {
    pub(super) known: Known<'a>,
    /// The table with which it goes, where it goes with one.
    pub(super) goes_with: String,
    /// Whether a type of its rows has its name.
    pub(super) has_row_type: bool,
    /// Whether others have what it has: its partitions, and what inherits from it.
    pub(super) has_children: bool,
    /// What it needs to be there.
    pub(super) needs: Vec<Need>,
    pub(super) is_view: bool,
    /// The columns of a view that a file made, where they are known.
    pub(super) shows: Option<Shape>,
    parts: BTreeMap<(Class, String), Known<'a>>,
    /// Whether its columns, its constraints, and its triggers, policies and rules are all known.
    whole: [bool; 3],
}

impl<'a> Thing<'a> {
    pub(super) fn new(known: Known<'a>) -> Self {
        Self {
            known,
            goes_with: String::new(),
            has_row_type: false,
            has_children: false,
            needs: Vec::new(),
            is_view: false,
            shows: None,
            parts: BTreeMap::new(),
            whole: [false; 3],
        }
    }

    /// A table that a statement makes, with nothing in it yet.
    pub(super) fn table(known: Known<'a>, is_whole: bool) -> Self {
        Self { has_row_type: true, whole: [is_whole; 3], ..Self::new(known) }
    }

    pub(super) fn part(&self, class: Class, name: &str) -> Known<'a> {
        let unnamed = if self.whole[class.group()] { Known::Gone(None) } else { Known::Unsure };
        self.parts.get(&(class, name.to_owned())).copied().unwrap_or(unnamed)
    }

    pub(super) fn set_part(&mut self, class: Class, name: &str, known: Known<'a>) {
        self.parts.insert((class, name.to_owned()), known);
    }

    /// What is there of a class may be gone.
    pub(super) fn doubt_parts(&mut self, class: Class) {
        let of_class = self.parts.iter_mut().filter(|((own, _), _)| *own == class);
        of_class.filter(|(_, known)| matches!(known, Known::There(_))).for_each(|(_, known)| *known = Known::Unsure);
    }

    /// What else there is of it is not known.
    pub(super) fn open(&mut self) {
        self.whole = [false; 3];
        self.parts.values_mut().for_each(|known| *known = Known::Unsure);
    }

    /// Which constraints there are else is not known.
    pub(super) fn open_constraints(&mut self) {
        self.whole[Class::Constraint.group()] = false;
        self.doubt_parts(Class::Constraint);
    }

    /// What statements took away, or never made, may be there after all.
    fn forget_absence(&mut self) {
        let own = std::iter::once(&mut self.known).chain(self.parts.values_mut());
        own.filter(|known| matches!(known, Known::Gone(Some(_)))).for_each(|known| *known = Known::Unsure);
        if matches!(self.known, Known::There(Some(_))) {
            self.whole = [false; 3];
        }
    }
}

/// The class of extensions that could be made.
const OFFERED: &str = "OFFERED";

pub(super) type Key = (Class, RelationName);

/// What is there.
#[derive(Debug, Default)]
pub(in super::super) struct Inventory<'a> {
    catalogue: Option<&'a Catalogue>,
    /// Where the search path is sure, the schema that charter itself makes.
    own_schema: Option<String>,
    /// Whether the database may have lost something, or got something, that no statement tells of.
    has_lost: bool,
    has_got: bool,
    /// Classes of which something may have gone, or got another name, that no statement names.
    lost: BTreeSet<Class>,
    /// Schemas that were dropped with all that was in them.
    emptied: BTreeMap<String, Option<Place<'a>>>,
    /// Whether the server gave names by itself that are not known.
    pub(super) has_named: bool,
    /// Functions of which some were renamed, dropped or moved.
    moved: BTreeSet<RelationName>,
    has_temporary: bool,
    things: BTreeMap<Key, Thing<'a>>,
    /// What was known before, since BEGIN.
    journal: Option<Vec<(Key, Option<Thing<'a>>)>>,
    /// Whether the file cannot be read as it is run: nothing is said of it.
    pub(in super::super) is_mute: bool,
}

impl<'a> Inventory<'a> {
    /// The catalogue tells what is there before the next statement.
    pub(in super::super) fn given(&mut self, catalogue: &'a Catalogue, schema: &str) {
        let is_sure = catalogue.existing.as_ref().is_some_and(|existing| existing.is_path_sure);
        *self = Self {
            catalogue: Some(catalogue).filter(|catalogue| catalogue.existing.is_some()),
            own_schema: is_sure.then(|| schema.to_owned()),
            ..Self::default()
        };
        for need in catalogue.existing.iter().flat_map(|existing| &existing.needs) {
            let user = Class::of_word(&need.user.0).map(|class| (class, need.user.1.clone()));
            user.into_iter().for_each(|user| _ = self.thing(&user));
        }
    }

    pub(in super::super) fn begin(&mut self) {
        self.journal.get_or_insert_default();
    }

    /// A file cannot be read as it is run: nothing is said of it, and it may do anything.
    pub(in super::super) fn mute(&mut self) {
        self.is_mute = true;
        self.doubt(true, true);
    }

    /// How much would be taken back now.
    pub(in super::super) fn mark(&self) -> usize {
        self.journal.as_ref().map_or(0, Vec::len)
    }

    pub(in super::super) fn end(&mut self) {
        self.journal = None;
    }

    pub(in super::super) fn undo(&mut self, mark: usize) {
        let later = self.journal.as_mut().map(|journal| journal.split_off(mark.min(journal.len())));
        for (key, before) in later.into_iter().flatten().rev() {
            match before {
                Some(thing) => _ = self.things.insert(key, thing),
                None => _ = self.things.remove(&key),
            }
        }
    }

    /// Another file begins. Temporary things are gone; where files are not surely run one after the other, what is gone is
    /// not known to be.
    pub(in super::super) fn begin_file(&mut self, is_set: bool) {
        self.is_mute = false;
        if self.has_temporary && is_set {
            self.has_temporary = false;
            self.things.retain(|(_, name), _| name.schema != TEMPORARY);
        }
        for (_, thing) in self.things.iter_mut().filter(|((_, name), _)| name.schema == TEMPORARY) {
            // It may be another connection or the same.
            *thing = Thing::new(Known::Unsure);
        }
        if !is_set {
            self.things.values_mut().for_each(Thing::forget_absence);
        }
    }

    /// Something may have been lost that no statement tells of, or got.
    pub(super) fn doubt(&mut self, lost: bool, got: bool) {
        self.has_lost |= lost;
        self.has_got |= got;
        let journaled = self.journal.iter_mut().flatten().filter_map(|(_, thing)| thing.as_mut());
        for thing in self.things.values_mut().chain(journaled) {
            match thing.known {
                Known::There(_) if lost => {
                    thing.known = Known::Unsure;
                    let there = thing.parts.values_mut().filter(|known| matches!(known, Known::There(_)));
                    there.for_each(|known| *known = Known::Unsure);
                    if got {
                        thing.open();
                    }
                }
                Known::Gone(_) if got => thing.known = Known::Unsure,
                _ => {}
            }
        }
        if got {
            self.emptied.clear();
        }
    }

    /// Of a class something may have gone, or got another name.
    pub(super) fn doubt_class(&mut self, lost: Class) {
        self.lost.insert(lost);
        let own: Vec<Key> = self.things.keys().filter(|(class, _)| *class == lost).cloned().collect();
        own.into_iter().for_each(|key| self.set(key, Thing::new(Known::Unsure)));
    }

    /// Whether the server surely offers no extension of a name.
    pub(super) fn is_not_offered(&self, extension: &str) -> bool {
        let existing = self.catalogue.and_then(|catalogue| catalogue.existing.as_ref());
        let mut objects = existing.iter().flat_map(|existing| &existing.objects);
        let mut offers = existing.iter().flat_map(|existing| &existing.objects);
        // Whoever tells of none has not asked.
        Self::is_asked(extension)
            && offers.any(|object| object.class == OFFERED)
            && !objects.any(|object| object.class == OFFERED && object.name == extension)
    }

    /// A schema is dropped with all that is in it.
    pub(super) fn empty(&mut self, schema: &str, place: Option<Place<'a>>) {
        self.emptied.insert(schema.to_owned(), place);
        let inside: Vec<Key> = self.things.keys().filter(|(_, name)| name.schema == schema).cloned().collect();
        inside.into_iter().for_each(|key| self.set(key, Thing::new(Known::Gone(place))));
    }

    /// Whether a name is one that the catalogue was surely asked for.
    pub(in super::super) fn is_asked(name: &str) -> bool {
        name.is_ascii() && name.len() < 63 && !name.contains('"')
    }

    /// What the catalogue says.
    fn base(&self, (class, name): &Key) -> Thing<'a> {
        if let Some(place) = self.emptied.get(&name.schema).filter(|_| class.has_schema()) {
            return Thing::new(Known::Gone(*place));
        }
        let Some((catalogue, existing)) =
            self.catalogue.and_then(|catalogue| catalogue.existing.as_ref().map(|existing| (catalogue, existing)))
        else {
            return Thing::new(Known::Unsure);
        };
        if *class == Class::Schema && self.own_schema.as_ref() == Some(&name.name) {
            return Thing::new(Known::There(None));
        }
        let from = |class: Class, of: &str, own: &str| ExistingObject {
            class: class.word().to_owned(),
            schema: name.schema.clone(),
            of: of.to_owned(),
            name: own.to_owned(),
            goes_with: String::new(),
        };
        let (bare, takes) = match class {
            Class::Routine => name.name.split_once('(').map_or((name.name.as_str(), ""), |(bare, takes)| (bare, takes)),
            _ => (name.name.as_str(), ""),
        };
        let plain = RelationName { schema: name.schema.clone(), name: bare.to_owned() };
        if matches!(class, Class::Function | Class::Routine) && self.moved.contains(&plain) {
            return Thing::new(Known::Unsure);
        }
        let first = from(*class, takes.trim_end_matches(')'), bare);
        let found = existing.objects.range(&first..).next().filter(|found| {
            (&found.class, &found.schema, &found.of, &found.name)
                == (&first.class, &first.schema, &first.of, &first.name)
        });
        let Some(found) = found else {
            let is_own = *class == Class::Relation && bare.starts_with("charter_") || bare.starts_with("refinery_");
            let schema = if *class == Class::Schema { &name.name } else { &name.schema };
            let is_unsure = existing.unsure.contains(schema) || (is_own && self.own_schema.is_some());
            let is_sure = !self.has_got && Self::is_asked(bare) && !is_unsure;
            return Thing::new(if is_sure { Known::Gone(None) } else { Known::Unsure });
        };
        if self.has_lost || self.lost.contains(class) || found.goes_with == "[]" {
            return Thing::new(Known::Unsure);
        }
        let mut thing = Thing::new(Known::There(None));
        // A type of several columns is a relation too.
        thing.has_row_type = found.goes_with == "()";
        thing.needs = Self::needs_by_catalogue(existing, &(*class, name.clone()));
        thing.goes_with = Some(&found.goes_with).filter(|with| *with != "()").cloned().unwrap_or_default();
        if let Some(facts) = catalogue.tables.get(name).filter(|_| *class == Class::Relation) {
            thing.has_row_type = true;
            thing.is_view = facts.is_view;
            thing.has_children = facts.has_children || facts.partitioned;
            thing.whole = [true; 3];
            let there = Known::There(None);
            facts.columns.keys().for_each(|column| thing.set_part(Class::Column, column, there));
            facts.constraints.keys().for_each(|constraint| thing.set_part(Class::Constraint, constraint, there));
            for class in [Class::Trigger, Class::Policy, Class::Rule] {
                let of_table = existing.objects.range(&from(class, &name.name, "")..);
                let of_table = of_table.take_while(|other| {
                    (other.class.as_str(), &other.schema, &other.of) == (class.word(), &name.schema, &name.name)
                });
                of_table.for_each(|other| thing.set_part(class, &other.name, there));
            }
        }
        thing
    }

    pub(super) fn things(&self) -> impl Iterator<Item = (&Key, &Thing<'a>)> {
        self.things.iter()
    }

    /// What may be in a schema.
    pub(super) fn within(&self, schema: &str) -> BTreeSet<Key> {
        let classes = [Class::Relation, Class::Type, Class::Function];
        let existing = self.catalogue.and_then(|catalogue| catalogue.existing.as_ref());
        let objects = existing.iter().flat_map(|existing| &existing.objects).filter(|object| object.schema == schema);
        let based = objects.filter_map(|object| {
            let class = Class::of_word(&object.class).filter(|class| classes.contains(class))?;
            Some((class, RelationName { schema: object.schema.clone(), name: object.name.clone() }))
        });
        let made = self.things.keys().filter(|(class, name)| classes.contains(class) && name.schema == schema);
        based.chain(made.cloned()).collect()
    }

    /// The function of a name, where there is but one.
    pub(super) fn only_routine(&self, name: &RelationName) -> Option<Key> {
        let begin = format!("{}(", name.name);
        let is_one =
            |(class, own): &&Key| *class == Class::Routine && own.schema == name.schema && own.name.starts_with(&begin);
        let there = |key: &&Key| self.things.get(key).is_some_and(|thing| matches!(thing.known, Known::There(_)));
        let made: BTreeSet<Key> = self.things.keys().filter(is_one).filter(there).cloned().collect();
        let existing = self.catalogue.and_then(|catalogue| catalogue.existing.as_ref());
        let objects = existing.iter().flat_map(|existing| &existing.objects);
        let based = objects.filter(|object| {
            object.class == Class::Routine.word() && object.schema == name.schema && object.name == name.name
        });
        let based = based.map(|object| {
            let name = format!("{}({})", object.name, object.of);
            (Class::Routine, RelationName { schema: object.schema.clone(), name })
        });
        let mut all = made;
        all.extend(based.filter(|key| !self.things.contains_key(key)));
        all.pop_first().filter(|_| all.is_empty())
    }

    /// Whether all columns of a table are known.
    pub(in super::super) fn is_whole(&self, name: &RelationName) -> bool {
        let thing = self.things.get(&(Class::Relation, name.clone()));
        thing.is_some_and(|thing| thing.whole[Class::Column.group()])
    }

    pub(super) fn thing(&mut self, key: &Key) -> &Thing<'a> {
        if !self.things.contains_key(key) {
            let base = self.base(key);
            self.things.insert(key.clone(), base);
        }
        &self.things[key]
    }

    pub(super) fn known(&mut self, class: Class, schema: &str, name: &str) -> Known<'a> {
        self.thing(&(class, RelationName { schema: schema.to_owned(), name: name.to_owned() })).known
    }

    pub(super) fn set(&mut self, key: Key, thing: Thing<'a>) {
        self.has_temporary |= key.1.schema == TEMPORARY;
        let before = self.things.insert(key.clone(), thing);
        if let Some(journal) = &mut self.journal {
            journal.push((key, before));
        }
    }

    pub(super) fn change(&mut self, key: &Key, change: impl FnOnce(&mut Thing<'a>)) {
        let mut thing = self.thing(key).clone();
        change(&mut thing);
        self.set(key.clone(), thing);
    }

    /// Whether anything may have a name, in whichever schema.
    pub(super) fn may_be_anywhere(&self, class: Class, name: &str) -> bool {
        let existing = self.catalogue.and_then(|catalogue| catalogue.existing.as_ref());
        let mut objects = existing.iter().flat_map(|existing| &existing.objects);
        let is_named = |thing: &Thing<'_>| match thing.known {
            Known::There(_) => true,
            Known::Unsure => existing.is_some(),
            Known::Gone(_) => false,
        };
        existing.is_some_and(|existing| !existing.unsure.is_empty())
            || objects.any(|object| object.class == class.word() && object.name == name)
            || self.things.iter().any(|((own, other), thing)| *own == class && other.name == name && is_named(thing))
    }

    /// Whatever has a name, in whichever schema, may be there or not.
    pub(super) fn blur(&mut self, class: Class, name: &str) {
        let existing = self.catalogue.and_then(|catalogue| catalogue.existing.as_ref());
        let objects = existing.iter().flat_map(|existing| &existing.objects);
        let schemas = objects.filter(|object| object.name == name).map(|object| object.schema.clone());
        let made = self.things.keys().filter(|(_, own)| own.name == name).map(|(_, own)| own.schema.clone());
        for schema in schemas.chain(made).collect::<BTreeSet<String>>() {
            for class in [class, Class::Relation, Class::Type] {
                let key = (class, RelationName { schema: schema.clone(), name: name.to_owned() });
                if matches!(self.thing(&key).known, Known::There(_)) {
                    self.set(key, Thing::new(Known::Unsure));
                }
            }
        }
    }

    /// Whether anything may have a name in another schema than that.
    pub(super) fn may_be_in_other_schemas(&self, class: Class, name: &RelationName) -> bool {
        let existing = self.catalogue.and_then(|catalogue| catalogue.existing.as_ref());
        let mut objects = existing.iter().flat_map(|existing| &existing.objects);
        objects.any(|other| other.class == class.word() && other.name == name.name && other.schema != name.schema)
            || self.things.iter().any(|((own, other), thing)| {
                let is_other = *own == class && other.name == name.name && other.schema != name.schema;
                is_other && matches!(thing.known, Known::There(_))
            })
    }

    /// The functions of a name may be there or not.
    pub(super) fn doubt_named(&mut self, name: &RelationName) {
        self.set((Class::Function, name.clone()), Thing::new(Known::Unsure));
        let begin = format!("{}(", name.name);
        let is_one =
            |(class, own): &&Key| *class == Class::Routine && own.schema == name.schema && own.name.starts_with(&begin);
        let routines: Vec<Key> = self.things.keys().filter(is_one).cloned().collect();
        routines.into_iter().for_each(|key| self.set(key, Thing::new(Known::Unsure)));
        self.routines_unneeded(name);
        self.moved.insert(name.clone());
    }

    /// Whether a database has told what it has.
    pub(super) fn is_live(&self) -> bool {
        self.catalogue.is_some()
    }

    /// Whether the search path is surely the one of the schema that charter makes.
    pub(super) fn has_own_schema(&self) -> bool {
        self.own_schema.is_some()
    }

    /// What goes with a table: its indexes, sequences and partitions.
    pub(super) fn going_with(&self, table: &str) -> Vec<Key> {
        let existing = self.catalogue.and_then(|catalogue| catalogue.existing.as_ref());
        let objects = existing.iter().flat_map(|existing| &existing.objects);
        let based = objects.filter(|object| object.goes_with == table && object.class == Class::Relation.word());
        let based = based.map(|object| RelationName { schema: object.schema.clone(), name: object.name.clone() });
        let based = based.map(|name| (Class::Relation, name));
        let made = self.things.iter().filter(|(_, thing)| thing.goes_with == table).map(|(key, _)| key.clone());
        based.chain(made).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The tables that the catalogue knows to take over what another one has.
    pub(super) fn heirs(&self) -> Vec<Key> {
        let tables = self.catalogue.iter().flat_map(|catalogue| &catalogue.tables);
        let heirs = tables.filter(|(_, facts)| facts.is_partition || !facts.inherited.is_empty());
        heirs.map(|(name, _)| (Class::Relation, name.clone())).collect()
    }

    /// Whether a file has made something temporary.
    pub(super) fn has_temporary(&self) -> bool {
        self.has_temporary
    }

    /// Whether the catalogue tells what is there.
    pub(super) fn is_catalogued(&self) -> bool {
        self.catalogue.is_some()
    }
}
