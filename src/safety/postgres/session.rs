//! What the files have done so far: transactions, settings, locks, and the tables, types and routines that they made.

use std::collections::{BTreeMap, BTreeSet};

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Catalogue, ColumnFacts, ColumnUser, ConstraintFacts, RelationName, TableFacts};
use super::defaults::Default;
use super::enums::NewValue;
use super::implied::Condition;
use super::objects::{FUNCTION, INDEX, RELATION, SCHEMA, TYPE};
use super::types::DataType;
use super::{constraints, defaults, dependants, partitions, tree};

/// Where something was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Birth {
    /// The file, by its place among the inputs.
    pub(super) file: usize,
    /// The transaction, counted over all files.
    pub(super) transaction: usize,
    /// Whether the file had already been run.
    pub(super) applied: bool,
    /// Whether it was surely made there: IF NOT EXISTS may have found an older one.
    pub(super) certain: bool,
}

/// What the files say about a column.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    /// Where it was added, unless with its table.
    pub(super) birth: Option<Birth>,
    pub(super) data_type: Option<DataType>,
    pub(super) not_null: bool,
}

/// What the files say about a constraint.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) birth: Birth,
    pub(super) validated: bool,
    /// The columns that it proves to be not null, when it is validated.
    pub(super) proves: Vec<String>,
    /// What a check compares with constants.
    pub(super) conditions: Vec<Condition>,
    /// The literals in a check, for comparing it with a partition's bounds.
    pub(super) literals: BTreeSet<String>,
    /// The columns in a check, and the functions.
    pub(super) names: BTreeSet<String>,
    /// What it is: the kind of its node.
    pub(super) kind: K,
    /// A foreign key's columns, and the table that it refers to.
    pub(super) refers: Option<(Vec<String>, String)>,
    /// Whether it says no more than the bounds of the partition that its table has become.
    pub(super) redundant: bool,
}

/// What the files say about an index.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Its columns, up to the first expression; none where it holds some of the rows.
    pub(super) columns: Vec<String>,
    /// Whether these are all that it is made of, and it holds all rows.
    pub(super) whole: bool,
    /// Whether no two rows have the same values in it.
    pub(super) unique: bool,
}

/// What the files say about a table, view or sequence.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) birth: Option<Birth>,
    /// Found to have no row.
    pub(super) empty: bool,
    pub(super) partition_key: Option<Vec<String>>,
    pub(super) partitioned: bool,
    pub(super) default_partition: DefaultPartition,
    /// Whether it has keys that are another table's text: LIKE, or the place as a partition.
    pub(super) takes_keys: bool,
    /// Whether these files have put rows into it.
    pub(super) filled: bool,
    /// A temporary table that is gone when its transaction ends.
    pub(super) until_commit: bool,
    pub(super) columns: BTreeMap<String, Column>,
    pub(super) constraints: BTreeMap<String, Constraint>,
    pub(super) indexes: BTreeMap<String, Index>,
    /// What stands in the way of a change of its columns' types, and of which columns.
    pub(super) users: BTreeMap<ColumnUser, BTreeSet<String>>,
}

/// What is known of a partitioned table's default partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum DefaultPartition {
    /// The files make none.
    #[default]
    None,
    /// There is one, the name is not known.
    Some,
    /// This one.
    Named(RelationName),
}

impl Table {
    /// Whether the catalogue has told of it: its columns, constraints and indexes are all known.
    pub(super) fn is_catalogued(&self) -> bool {
        self.birth.is_some_and(|birth| birth.file == usize::MAX)
    }

    /// A table as the catalogue knows it.
    fn known(facts: &TableFacts) -> Self {
        let birth = Birth { file: usize::MAX, transaction: usize::MAX, applied: true, certain: true };
        let column = |facts: &ColumnFacts| Column {
            birth: None,
            data_type: Some(DataType::parse(&facts.data_type)),
            not_null: facts.not_null,
        };
        let constraint = |facts: &ConstraintFacts| constraints::from_catalogue(facts, birth);
        let mut constraints: BTreeMap<String, Constraint> =
            facts.constraints.iter().map(|(name, facts)| (name.clone(), constraint(facts))).collect();
        if let Some(bounds) = &facts.bounds {
            let bounds = ConstraintFacts { definition: format!("CHECK ({bounds})"), validated: true };
            let mut bounds = constraint(&bounds);
            bounds.literals.remove("null");
            for constraint in constraints.values_mut() {
                constraint.redundant =
                    partitions::is_said_by(constraint, &bounds.literals, |name| bounds.names.contains(name));
            }
        }
        let index = |name: &String, columns: &Vec<String>| {
            let unique = facts.unique_indexes.contains(name);
            Index { columns: columns.clone(), whole: unique, unique }
        };
        Self {
            birth: Some(birth),
            empty: facts.empty,
            partition_key: facts.partition_key.clone(),
            partitioned: facts.partitioned,
            default_partition: if facts.default_partition { DefaultPartition::Some } else { DefaultPartition::None },
            takes_keys: false,
            filled: false,
            until_commit: false,
            columns: facts.columns.iter().map(|(name, facts)| (name.clone(), column(facts))).collect(),
            indexes: facts.indexes.iter().map(|(name, columns)| (name.clone(), index(name, columns))).collect(),
            constraints,
            users: facts.users.clone(),
        }
    }
}

impl Constraint {
    /// Whether it goes when this column goes.
    pub(super) fn is_about(&self, column: &str) -> bool {
        self.proves.iter().any(|proven| proven == column)
            || (self.kind == K::CHECK_CONSTRAINT && self.names.contains(column))
    }

    /// Whether a change of a column's type reads all rows for it again.
    pub(super) fn is_rechecked(&self, column: &str) -> bool {
        self.kind == K::CHECK_CONSTRAINT && self.validated && self.is_about(column)
    }
}

/// A `lock_timeout` or `statement_timeout`.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeout {
    session: Option<Limit>,
    local: Option<Limit>,
    /// Whether RESET or DEFAULT took away what was set, outside of the file too.
    reset: bool,
}

/// A value of a timeout and where it was set.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub(super) zero: bool,
    pub(super) range: std::ops::Range<usize>,
}

impl Timeout {
    fn set(&mut self, limit: Option<Limit>, local: bool) {
        self.reset = limit.is_none();
        if local {
            self.local = limit;
        } else {
            self.session = limit;
            self.local = None;
        }
    }

    /// Whether the file took the limit away, and set none again.
    pub(super) fn is_reset(&self) -> bool {
        self.reset
    }

    /// The limit in force; none where the server's default rules.
    pub(super) fn limit(&self) -> Option<&Limit> {
        self.local.as_ref().or(self.session.as_ref())
    }
}

/// What the connection is set to.
#[derive(Debug, Clone, Default)]
struct Settings {
    /// The schemas of names without one: it is made in the first, and looked for in all. None is the default.
    search_path: Vec<String>,
    /// `lock_timeout` and `statement_timeout`.
    timeouts: [Timeout; 2],
}

/// What was there before a change, for ROLLBACK.
#[derive(Debug)]
enum Before {
    Table(RelationName, Option<Table>),
    Type(RelationName, Option<UserType>),
    Routine(String, Option<Routine>),
    Object(Object, Option<Birth>),
    Settings(Settings),
}

/// A type that the files made.
#[derive(Debug, Clone)]
pub(super) enum UserType {
    /// An enum, a composite or a range.
    Other,
    /// A domain, over another one or not.
    Domain(Domain),
}

/// What is known of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Domain {
    /// The type that it is made of, through other domains.
    pub(super) base: Option<DataType>,
    /// Whether it has a CHECK or is NOT NULL.
    pub(super) constrained: bool,
    /// What a column of it is filled with that has no default of its own.
    pub(super) default: Default,
}

/// An object that is no table: its class (views, types, routines) and its name. Names are each class's own.
pub(super) type Object = (String, RelationName);

/// A function or procedure that the files made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Routine {
    /// Declared IMMUTABLE or STABLE.
    pub(super) calm: bool,
    /// Whether its text says that it only computes.
    pub(super) told: bool,
}

/// A lock that the current transaction holds on a table that others can see.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) table: RelationName,
    pub(super) mode: super::locks::LockMode,
    pub(super) line: usize,
    /// Whether the statement alters the table, and does not only refer to it.
    pub(super) altered: bool,
}

/// The state between two statements.
pub(super) struct Session<'a> {
    /// What is known of the tables before the first file that is judged, until that file comes.
    catalogue: Option<&'a Catalogue>,
    /// Whether the catalogue has told of every table that there is.
    catalogued: bool,
    default_schema: String,
    pub(super) file: usize,
    pub(super) applied: bool,
    /// The whole file is one transaction.
    pub(super) wrapped: bool,
    /// A BEGIN of the file is open.
    pub(super) explicit: bool,
    /// Depth of bodies (DO) that are one transaction by themselves.
    pub(super) bodies: usize,
    /// Depth of DO blocks, which may or may not come to a statement.
    pub(super) blocks: usize,
    pub(super) transaction: usize,
    tables: BTreeMap<RelationName, Table>,
    types: BTreeMap<RelationName, UserType>,
    routines: BTreeMap<String, Routine>,
    /// Objects of any kind, and where they were made.
    objects: BTreeMap<Object, Birth>,
    settings: Settings,
    /// The changes since BEGIN, the latest last.
    journal: Vec<Before>,
    /// How long the journal was at each savepoint.
    savepoints: Vec<(String, usize)>,
    pub(super) held: Vec<Held>,
    /// Tables whose rows the current transaction has changed, more than a point of them, with the line.
    pub(super) changed: Vec<(RelationName, usize)>,
    /// New values of enums in the current transaction.
    pub(super) enum_values: Vec<NewValue>,
    pub(super) prepared: BTreeSet<String>,
    /// Whether a lock was taken in this file without `lock_timeout`, and without `statement_timeout`.
    pub(super) missing: [bool; 2],
    /// Indexes that this file has dropped.
    dropped: BTreeSet<RelationName>,
}

impl<'a> Session<'a> {
    pub(super) fn new(catalogue: Option<&'a Catalogue>, default_schema: &str) -> Self {
        Self {
            catalogue,
            catalogued: false,
            default_schema: default_schema.to_owned(),
            file: 0,
            applied: false,
            wrapped: false,
            explicit: false,
            bodies: 0,
            blocks: 0,
            transaction: 0,
            tables: BTreeMap::new(),
            types: BTreeMap::new(),
            routines: BTreeMap::new(),
            objects: BTreeMap::new(),
            settings: Settings::default(),
            journal: Vec::new(),
            savepoints: Vec::new(),
            held: Vec::new(),
            changed: Vec::new(),
            enum_values: Vec::new(),
            prepared: BTreeSet::new(),
            missing: [false; 2],
            dropped: BTreeSet::new(),
        }
    }

    /// A new file runs on a connection of its own: settings and prepared statements are gone, tables stay.
    pub(super) fn begin_file(&mut self, file: usize, applied: bool, wrapped: bool) {
        self.end_transaction(!self.explicit);
        if let Some(catalogue) = self.catalogue.take_if(|_| !applied) {
            self.catalogued = true;
            self.tables = catalogue.tables.iter().map(|(name, facts)| (name.clone(), Table::known(facts))).collect();
            for name in &catalogue.calm_functions {
                self.routines.insert(name.clone(), Routine { calm: true, told: true });
            }
            for (name, facts) in &catalogue.domains {
                let default = facts.default.as_deref().map(|text| defaults::of_text(self, text));
                let base = Some(DataType::parse(&facts.base));
                let domain = Domain { base, constrained: facts.constrained, default: default.unwrap_or_default() };
                self.types.insert(name.clone(), UserType::Domain(domain));
            }
        }
        self.file = file;
        self.applied = applied;
        self.wrapped = wrapped;
        self.settings = Settings { search_path: self.default_path(), ..Settings::default() };
        self.tables.retain(|name, _| name.schema != TEMPORARY);
        self.objects.retain(|(_, name), _| name.schema != TEMPORARY);
        self.prepared.clear();
        self.dropped.clear();
        self.missing = [false; 2];
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.wrapped || self.explicit || self.bodies > 0
    }

    pub(super) fn begin_transaction(&mut self) {
        self.explicit = true;
    }

    /// The end of the current transaction, explicit or of one statement.
    pub(super) fn end_transaction(&mut self, committed: bool) {
        if !committed {
            self.undo(0);
        }
        self.journal.clear();
        self.tables.retain(|_, table| !table.until_commit);
        self.explicit = false;
        self.transaction += 1;
        self.settings.timeouts.iter_mut().for_each(|timeout| timeout.local = None);
        self.savepoints.clear();
        self.held.clear();
        self.changed.clear();
        self.enum_values.clear();
    }

    pub(super) fn savepoint(&mut self, name: String) {
        self.savepoints.push((name, self.journal.len()));
    }

    pub(super) fn rollback_to(&mut self, name: &str) {
        if let Some(at) = self.savepoints.iter().rposition(|(savepoint, _)| savepoint == name) {
            self.savepoints.truncate(at + 1);
            self.undo(self.savepoints[at].1);
        }
    }

    /// Remembers what was there, while a ROLLBACK may come.
    fn remember(&mut self, before: impl FnOnce(&Self) -> Before) {
        if self.explicit {
            let before = before(self);
            self.journal.push(before);
        }
    }

    /// Takes the changes back until the journal is as long as it was.
    fn undo(&mut self, length: usize) {
        fn restore<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        while self.journal.len() > length {
            match self.journal.pop() {
                Some(Before::Table(name, table)) => restore(&mut self.tables, name, table),
                Some(Before::Type(name, user_type)) => restore(&mut self.types, name, user_type),
                Some(Before::Routine(name, routine)) => restore(&mut self.routines, name, routine),
                Some(Before::Object(name, birth)) => restore(&mut self.objects, name, birth),
                Some(Before::Settings(settings)) => self.settings = settings,
                None => return,
            }
        }
    }

    pub(super) fn birth(&self) -> Birth {
        Birth { file: self.file, transaction: self.transaction, applied: self.applied, certain: self.blocks == 0 }
    }

    /// `lock_timeout` (0) or `statement_timeout` (1).
    pub(super) fn timeout(&self, which: usize) -> &Timeout {
        &self.settings.timeouts[which]
    }

    pub(super) fn set_timeout(&mut self, which: usize, limit: Option<Limit>, local: bool) {
        self.remember(|session| Before::Settings(session.settings.clone()));
        self.settings.timeouts[which].set(limit, local);
    }

    fn default_path(&self) -> Vec<String> {
        vec![self.default_schema.clone()]
    }

    /// Sets the schemas of names without one, or none for the default; gives those before.
    pub(super) fn set_search_path(&mut self, schemas: Vec<String>) -> Vec<String> {
        self.remember(|session| Before::Settings(session.settings.clone()));
        let schemas = if schemas.is_empty() { self.default_path() } else { schemas };
        std::mem::replace(&mut self.settings.search_path, schemas)
    }

    /// The relation that the first dotted name in a node means here.
    pub(super) fn relation(&self, node: &SyntaxNode) -> Option<RelationName> {
        let made = self.created(node)?;
        if tree::path(node).len() > 1 {
            return Some(made);
        }
        let mut path = [TEMPORARY].into_iter().chain(self.settings.search_path.iter().map(String::as_str));
        let known = path.find_map(|schema| {
            let name = RelationName { schema: schema.to_owned(), name: made.name.clone() };
            self.knows(&name).then_some(name)
        });
        Some(known.unwrap_or(made))
    }

    /// What is made by the first dotted name in a node.
    pub(super) fn created(&self, node: &SyntaxNode) -> Option<RelationName> {
        let mut path = tree::path(node);
        let name = path.pop()?;
        let schema = match path.pop() {
            Some(schema) if schema.starts_with(TEMPORARY) => TEMPORARY.to_owned(),
            Some(schema) => schema,
            None => self.settings.search_path.first().cloned().unwrap_or_default(),
        };
        Some(RelationName { schema, name })
    }

    /// Whether the files or the catalogue say of something by this name.
    fn knows(&self, name: &RelationName) -> bool {
        let objects = || [RELATION, TYPE, FUNCTION].map(|class| (class.to_owned(), name.clone()));
        self.exists(name)
            || (name.schema == TEMPORARY && self.tables.contains_key(name))
            || objects().iter().any(|object| self.objects.contains_key(object))
            || self.table_of_index(name).is_some()
    }

    /// The relations that the children of a kind name.
    pub(super) fn relations(&self, node: &SyntaxNode, kind: K) -> Vec<RelationName> {
        node.children().filter(|child| child.kind() == kind).filter_map(|child| self.relation(&child)).collect()
    }

    pub(super) fn table(&self, name: &RelationName) -> Option<&Table> {
        self.tables.get(name)
    }

    pub(super) fn table_mut(&mut self, name: &RelationName) -> &mut Table {
        self.remember(|session| Before::Table(name.clone(), session.tables.get(name).cloned()));
        self.tables.entry(name.clone()).or_default()
    }

    pub(super) fn forget_table(&mut self, name: &RelationName) {
        self.remember(|session| Before::Table(name.clone(), session.tables.get(name).cloned()));
        self.tables.remove(name);
    }

    pub(super) fn rename_table(&mut self, from: &RelationName, to: RelationName) {
        if let Some(table) = self.tables.get(from).cloned() {
            self.forget_table(from);
            *self.table_mut(&to) = table;
        }
    }

    /// Whether a table is too new to hold rows: made by these files, temporary, or found empty.
    pub(super) fn is_new(&self, name: &RelationName) -> bool {
        let is_new = |table: &Table| table.empty || table.birth.is_some_and(|birth| !birth.applied);
        name.schema == TEMPORARY || self.table(name).is_some_and(is_new)
    }

    /// Whether a table may hold rows when a statement comes to it: it was there before, or may have been, or these files
    /// put some into it. What the files make and do not fill has none, whichever of them it is: they are applied together.
    pub(super) fn may_hold_rows(&self, name: &RelationName) -> bool {
        let Some(table) = self.table(name) else { return name.schema != TEMPORARY };
        let made = table.birth.is_some_and(|birth| !birth.applied && (birth.certain || self.catalogued));
        table.filled || !(made || table.empty || name.schema == TEMPORARY)
    }

    /// Rows come into a table, or all of them go.
    pub(super) fn set_filled(&mut self, name: &RelationName, filled: bool) {
        if self.table(name).is_some_and(|table| table.filled != filled) {
            self.table_mut(name).filled = filled;
        }
    }

    /// Whether a table was surely made by this very file: no program can rely on it, and it holds nothing else.
    pub(super) fn is_of_this_file(&self, name: &RelationName) -> bool {
        let born = self.table(name).and_then(|table| table.birth);
        name.schema == TEMPORARY || born.is_some_and(|birth| birth.file == self.file && birth.certain)
    }

    /// Whether these files made a view, or a sequence, that nobody else knows yet. What it shows need not be new.
    pub(super) fn is_new_view(&self, name: &RelationName) -> bool {
        self.objects.get(&(RELATION.to_owned(), name.clone())).is_some_and(|birth| !birth.applied)
    }

    /// Whether a table was found to have no row, by a server.
    pub(super) fn is_empty(&self, name: &RelationName) -> bool {
        self.table(name).is_some_and(|table| table.empty)
    }

    /// Whether there is surely no table, view or index of that name, in whichever schema.
    pub(super) fn is_absent(&self, name: &RelationName) -> bool {
        let mut named = self.tables.iter().filter(|(other, _)| other.name == name.name);
        let mut indexes = self.tables.values().flat_map(|table| table.indexes.keys());
        let view = |object: &Object| object.0 == RELATION && object.1.name == name.name;
        self.catalogued
            && named.all(|(_, table)| table.birth.is_none())
            && !indexes.any(|index| *index == name.name)
            && !self.objects.keys().any(view)
    }

    /// Whether a table is known to have a valid index of that name.
    pub(super) fn has_valid_index(&self, table: &RelationName, index: &str) -> bool {
        let known = self.table(table).filter(|table| table.is_catalogued()).and_then(|table| table.indexes.get(index));
        known.is_some_and(|index| !index.columns.is_empty())
    }

    /// Whether a table is known to exist.
    pub(super) fn exists(&self, name: &RelationName) -> bool {
        self.table(name).is_some_and(|table| table.birth.is_some())
    }

    pub(super) fn is_partitioned(&self, name: &RelationName) -> bool {
        self.table(name).is_some_and(|table| table.partitioned)
    }

    pub(super) fn default_partition(&self, name: &RelationName) -> DefaultPartition {
        self.table(name).map_or(DefaultPartition::None, |table| table.default_partition.clone())
    }

    /// The type of a column, as far as it is known.
    pub(super) fn column_type(&self, table: &RelationName, column: &str) -> Option<DataType> {
        self.table(table).and_then(|table| table.columns.get(column)).and_then(|column| column.data_type.clone())
    }

    pub(super) fn is_not_null(&self, table: &RelationName, column: &str) -> bool {
        let column = self.table(table).and_then(|table| table.columns.get(column));
        column.is_some_and(|column| column.not_null)
    }

    /// Whether this very file added a column to a table that was there before.
    pub(super) fn is_fresh_column(&self, table: &RelationName, column: &str) -> bool {
        let column = self.table(table).and_then(|table| table.columns.get(column));
        column.and_then(|column| column.birth).is_some_and(|birth| birth.file == self.file && birth.certain)
    }

    /// Remembers that this file dropped an index, and forgets the index.
    pub(super) fn drop_index(&mut self, index: &RelationName) {
        self.dropped.insert(index.clone());
        if let Some(table) = self.table_of_index(index).cloned() {
            let table = self.table_mut(&table);
            table.indexes.remove(&index.name);
            dependants::index_dropped(table, &index.name);
        }
    }

    /// Whether this file dropped an index of that name.
    pub(super) fn dropped_here(&self, index: &RelationName) -> bool {
        self.dropped.contains(index)
    }

    /// A constraint of a table, as far as it is known.
    pub(super) fn constraint(&self, table: &RelationName, name: &str) -> Option<&Constraint> {
        self.table(table)?.constraints.get(name)
    }

    /// The constraints of a table, as far as they are known.
    pub(super) fn constraints(&self, table: &RelationName) -> impl Iterator<Item = &Constraint> {
        self.table(table).into_iter().flat_map(|table| table.constraints.values())
    }

    /// The indexes of a table, as far as they are known.
    pub(super) fn indexes(&self, table: &RelationName) -> impl Iterator<Item = &Index> {
        self.table(table).into_iter().flat_map(|table| table.indexes.values())
    }

    /// The tables whose columns something uses.
    pub(super) fn tables_with(&self, user: &ColumnUser) -> Vec<RelationName> {
        let tables = self.tables.iter().filter(|(_, table)| table.users.contains_key(user));
        tables.map(|(name, _)| name.clone()).collect()
    }

    /// Whether at most one row has given values in these columns.
    pub(super) fn is_unique(&self, table: &RelationName, columns: &[String]) -> bool {
        let mut indexes = self.indexes(table);
        indexes.any(|index| index.unique && index.whole && index.columns.iter().all(|column| columns.contains(column)))
    }

    /// Whether all keys of a table are known.
    pub(super) fn knows_keys(&self, table: &RelationName) -> bool {
        self.table(table).is_some_and(|table| table.birth.is_some() && !table.takes_keys)
    }

    /// Whether a table is known to have a primary key.
    pub(super) fn has_primary_key(&self, table: &RelationName) -> bool {
        self.constraints(table).any(|constraint| constraint.kind == K::PRIMARY_KEY_CONSTRAINT)
    }

    /// The table of an index.
    pub(super) fn table_of_index(&self, index: &RelationName) -> Option<&RelationName> {
        let on =
            |name: &RelationName, table: &Table| name.schema == index.schema && table.indexes.contains_key(&index.name);
        self.tables.iter().find(|(name, table)| on(name, table)).map(|(name, _)| name)
    }

    pub(super) fn user_type(&self, name: &RelationName) -> Option<&UserType> {
        self.types.get(name)
    }

    /// The domain of a name, as SQL or the catalogue says it.
    pub(super) fn domain(&self, name: &str) -> Option<&Domain> {
        let parts: Vec<&str> = name.split('.').map(|part| part.trim().trim_matches('"')).collect();
        let mut schemas = self.settings.search_path.iter().map(String::as_str);
        let known = |schema: &str, name: &str| {
            self.types.get(&RelationName { schema: schema.to_owned(), name: name.to_owned() })
        };
        let found = match parts.as_slice() {
            [name] => schemas.find_map(|schema| known(schema, name)),
            [schema, name] => known(schema, name),
            _ => None,
        };
        match found {
            Some(UserType::Domain(domain)) => Some(domain),
            _ => None,
        }
    }

    pub(super) fn set_user_type(&mut self, name: RelationName, user_type: UserType) {
        self.remember(|session| Before::Type(name.clone(), session.types.get(&name).cloned()));
        self.types.insert(name, user_type);
    }

    pub(super) fn routine(&self, name: &str) -> Option<Routine> {
        self.routines.get(name).copied()
    }

    pub(super) fn set_routine(&mut self, name: String, routine: Routine) {
        self.remember(|session| Before::Routine(name.clone(), session.routines.get(&name).copied()));
        self.routines.insert(name, routine);
    }

    /// Remembers that this file made an object that is no table.
    pub(super) fn made(&mut self, object: Object) {
        let birth = self.birth();
        self.remember(|session| Before::Object(object.clone(), session.objects.get(&object).copied()));
        self.objects.insert(object, birth);
    }

    /// An object of any kind, and the table or type that it is, has another name from now on.
    pub(super) fn rename(&mut self, object: &Object, to: RelationName) {
        let (class, from) = object;
        if let Some(birth) = self.objects.get(object).copied() {
            let renamed = (class.clone(), to.clone());
            for (object, birth) in [(object.clone(), None), (renamed, Some(birth))] {
                self.remember(|session| Before::Object(object.clone(), session.objects.get(&object).copied()));
                match birth {
                    Some(birth) => _ = self.objects.insert(object, birth),
                    None => _ = self.objects.remove(&object),
                }
            }
        }
        match class.as_str() {
            RELATION => self.rename_table(from, to),
            TYPE => {
                if let Some(user_type) = self.user_type(from).cloned() {
                    self.set_user_type(to, user_type);
                }
            }
            INDEX => {
                if let Some(table) = self.table_of_index(from).cloned()
                    && let Some(index) = self.table_mut(&table).indexes.remove(&from.name)
                {
                    let table = self.table_mut(&table);
                    dependants::index_renamed(table, &from.name, &to.name);
                    table.indexes.insert(to.name, index);
                }
            }
            SCHEMA => {
                let tables: Vec<RelationName> = self.tables.keys().cloned().collect();
                for table in tables.into_iter().filter(|table| table.schema == from.name) {
                    let renamed = RelationName { schema: to.name.clone(), name: table.name.clone() };
                    self.rename_table(&table, renamed);
                }
                let objects: Vec<Object> = self.objects.keys().cloned().collect();
                for object in objects.into_iter().filter(|(_, name)| name.schema == from.name) {
                    let renamed = RelationName { schema: to.name.clone(), name: object.1.name.clone() };
                    self.rename(&object, renamed);
                }
            }
            _ => {}
        }
    }

    /// Whether this very file made an object.
    pub(super) fn made_here(&self, object: &Object) -> bool {
        self.objects.get(object).is_some_and(|birth| birth.file == self.file)
    }
}

/// The schema of temporary tables.
pub(super) const TEMPORARY: &str = "pg_temp";
