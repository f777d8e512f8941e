//! What the files have done so far: transactions, settings, locks, and the tables, types and routines that they made.

use std::collections::{BTreeMap, BTreeSet};

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Catalogue, NamedObject, RelationName, RoutineFacts};
use super::enums::NewValue;
use super::existence::Inventory;
use super::objects::{EXTENSION, FUNCTION, INDEX, RELATION, SCHEMA, TYPE};
use super::types::DataType;
use super::{defaults, dependants, tree};

mod known;
mod questions;
mod timeouts;
mod transactions;

pub(super) use known::{Birth, Column, Constraint, Domain, Filled, Given, Index, Object, Routine, Table, UserType};
pub(super) use timeouts::{Limit, Timeout};
use transactions::Before;

/// What the connection is set to.
#[derive(Debug, Clone, Default)]
struct Settings {
    /// The schemas of names without one: it is made in the first, and looked for in all. None is the default.
    search_path: Vec<String>,
    path: Path,
    /// `lock_timeout` and `statement_timeout`.
    timeouts: [Timeout; 2],
    /// Whether the time zone has been set to UTC; and by SET LOCAL, until the transaction ends.
    utc: (bool, Option<bool>),
}

/// How the search path was set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Path {
    /// As the connection has it.
    #[default]
    Default,
    /// By the file, as it says.
    Said,
    /// To what the text does not tell, or for how long.
    Odd,
}

/// A lock that the current transaction holds on a table that others can see.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) table: RelationName,
    pub(super) mode: super::locks::LockMode,
    pub(super) line: usize,
    /// Whether the statement alters the table, and does not only refer to it.
    pub(super) altered: bool,
    /// Whether it is a view that comes again in the same transaction, and goes only so that its table can change.
    pub(super) again: bool,
}

/// The state between two statements.
pub(super) struct Session<'a> {
    /// What is known of the tables before the first file that is judged, until that file comes.
    catalogue: Option<&'a Catalogue>,
    /// Whether the catalogue has told of every table that there is, and what it has told.
    catalogued: bool,
    told: Option<&'a Catalogue>,
    default_schema: String,
    /// Whether the files are run one after the other, by charter.
    is_set: bool,
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
    /// The extensions that are there, where the catalogue tells; those that the files make are among the objects.
    extensions: Option<BTreeSet<String>>,
    /// The functions and procedures that the catalogue knows or files made, and that no file has dropped.
    pub(super) signatures: Vec<RoutineFacts>,
    /// The names of functions that the catalogue knows to be volatile.
    pub(super) volatile: BTreeSet<String>,
    /// The names of functions that are known: whether all of that name are neither IMMUTABLE nor written in SQL.
    mutable: BTreeMap<String, bool>,
    /// Objects of any kind, and where they were made.
    objects: BTreeMap<Object, Birth>,
    /// What the catalogue knows to be there by a name, and what the files may have made since.
    named: BTreeSet<NamedObject>,
    settings: Settings,
    /// Whether somebody may have made casts beside the server's own.
    pub(super) has_own_casts: bool,
    /// What is there by which name.
    pub(super) inventory: Inventory<'a>,
    /// The changes since BEGIN, the latest last.
    journal: Vec<Before>,
    /// How long the journals were at each savepoint.
    savepoints: Vec<(String, usize, usize)>,
    pub(super) held: Vec<Held>,
    /// Tables whose rows the current transaction has changed, more than a point of them, with the line.
    pub(super) changed: Vec<(RelationName, usize)>,
    /// New values of enums in the current transaction.
    pub(super) enum_values: Vec<NewValue>,
    pub(super) prepared: BTreeSet<String>,
    /// Whether a column of some table may be known to be NULL in a row.
    pub(super) has_nulls: bool,
    /// Whether a lock was taken in this file without `lock_timeout`, and without `statement_timeout`.
    pub(super) missing: [bool; 2],
    /// Indexes that this file has dropped.
    dropped: BTreeSet<RelationName>,
}

impl<'a> Session<'a> {
    pub(super) fn new(catalogue: Option<&'a Catalogue>, default_schema: &str, is_set: bool) -> Self {
        Self {
            catalogue,
            is_set,
            catalogued: false,
            told: None,
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
            extensions: None,
            signatures: Vec::new(),
            volatile: BTreeSet::new(),
            mutable: BTreeMap::new(),
            objects: BTreeMap::new(),
            named: BTreeSet::new(),
            settings: Settings::default(),
            has_own_casts: false,
            inventory: Inventory::default(),
            journal: Vec::new(),
            savepoints: Vec::new(),
            held: Vec::new(),
            changed: Vec::new(),
            enum_values: Vec::new(),
            prepared: BTreeSet::new(),
            has_nulls: false,
            missing: [false; 2],
            dropped: BTreeSet::new(),
        }
    }

    /// A new file runs on a connection of its own: settings and prepared statements are gone, tables stay.
    pub(super) fn begin_file(&mut self, file: usize, applied: bool, wrapped: bool) {
        self.end_transaction(!self.explicit);
        if let Some(catalogue) = self.catalogue.take_if(|_| !applied) {
            (self.catalogued, self.told) = (true, Some(catalogue));
            self.tables = catalogue.tables.iter().map(|(name, facts)| (name.clone(), Table::known(facts))).collect();
            for name in &catalogue.calm_functions {
                self.routines.insert(name.clone(), Routine { calm: true, told: true });
            }
            for (name, facts) in &catalogue.domains {
                let default = facts.default.as_deref().map(|text| defaults::of_text(self, text));
                let base = Some(DataType::parse(&facts.base));
                let domain = Domain {
                    base,
                    constrained: facts.constrained,
                    constraints: Some(facts.constraints.clone()),
                    default: default.unwrap_or_default(),
                };
                self.types.insert(name.clone(), UserType::Domain(domain));
            }
            for (name, labels) in &catalogue.enums {
                self.types.insert(name.clone(), UserType::Enum(labels.clone()));
            }
            let objects = catalogue.existing.iter().flat_map(|existing| &existing.objects);
            for composite in objects.filter(|object| object.class == RELATION && object.goes_with == "()") {
                let name = RelationName { schema: composite.schema.clone(), name: composite.name.clone() };
                self.types.insert(name, UserType::Composite);
            }
            self.volatile.clone_from(&catalogue.volatile_functions);
            self.mutable.clone_from(&catalogue.mutable_functions);
            self.named.clone_from(&catalogue.named);
            self.extensions.clone_from(&catalogue.extensions);
            self.signatures.clone_from(&catalogue.routines);
            self.has_own_casts = catalogue.own_casts;
            self.inventory.given(catalogue, &self.default_schema);
        }
        self.inventory.begin_file(self.is_set);
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

    /// Sets the time zone. A block may or may not come to it.
    pub(super) fn set_utc(&mut self, utc: bool, local: bool) {
        self.remember(|session| Before::Settings(session.settings.clone()));
        let utc = utc && self.blocks == 0;
        self.settings.utc = if local { (self.settings.utc.0, Some(utc)) } else { (utc, None) };
    }

    /// Whether the files have set the time zone to UTC.
    pub(super) fn is_utc(&self) -> bool {
        self.settings.utc.1.unwrap_or(self.settings.utc.0)
    }

    fn default_path(&self) -> Vec<String> {
        vec![self.default_schema.clone()]
    }

    /// The schemas of names without one.
    pub(super) fn search_path(&self) -> &[String] {
        &self.settings.search_path
    }

    /// How they were set.
    pub(super) fn path(&self) -> Path {
        self.settings.path
    }

    /// Says how the search path has been set; a block may or may not come to it.
    pub(super) fn set_path(&mut self, path: Path) {
        self.settings.path = if self.blocks > 0 { Path::Odd } else { path };
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

    /// Whether an extension is there: nothing where no catalogue tells, and the files do not make it.
    pub(super) fn has_extension(&self, name: &str) -> Option<bool> {
        let object = NamedObject { class: EXTENSION.to_owned(), of: String::new(), name: name.to_owned() };
        let known = self.extensions.as_ref().map(|known| known.contains(name));
        if self.named.contains(&object) { Some(true) } else { known }
    }

    /// The relations that the children of a kind name.
    pub(super) fn relations(&self, node: &SyntaxNode, kind: K) -> Vec<RelationName> {
        node.children().filter(|child| child.kind() == kind).filter_map(|child| self.relation(&child)).collect()
    }

    pub(super) fn table(&self, name: &RelationName) -> Option<&Table> {
        self.tables.get(name)
    }

    pub(super) fn table_mut(&mut self, name: &RelationName) -> &mut Table {
        self.remember(|session| Before::Table(name.clone(), session.tables.get(name).cloned().map(Box::new)));
        self.tables.entry(name.clone()).or_default()
    }

    pub(super) fn forget_table(&mut self, name: &RelationName) {
        self.remember(|session| Before::Table(name.clone(), session.tables.get(name).cloned().map(Box::new)));
        self.tables.remove(name);
    }

    pub(super) fn rename_table(&mut self, from: &RelationName, to: RelationName) {
        if let Some(table) = self.tables.get(from).cloned() {
            self.forget_table(from);
            *self.table_mut(&to) = table;
        }
    }

    pub(super) fn user_type(&self, name: &RelationName) -> Option<&UserType> {
        self.types.get(name)
    }

    /// The domain of a name, as SQL or the catalogue says it.
    pub(super) fn domain(&self, name: &str) -> Option<&Domain> {
        match self.type_of_name(name) {
            Some(UserType::Domain(domain)) => Some(domain),
            _ => None,
        }
    }

    /// The type of a name that is no type of the server's, as SQL or the catalogue says it.
    pub(super) fn type_of_name(&self, name: &str) -> Option<&UserType> {
        let parts: Vec<&str> = name.split('.').map(|part| part.trim().trim_matches('"')).collect();
        let mut schemas = self.settings.search_path.iter().map(String::as_str);
        let known = |schema: &str, name: &str| {
            self.types.get(&RelationName { schema: schema.to_owned(), name: name.to_owned() })
        };
        match parts.as_slice() {
            [name] => schemas.find_map(|schema| known(schema, name)),
            [schema, name] => known(schema, name),
            _ => None,
        }
    }

    /// The values of the enum of a name, as SQL or the catalogue says it, where they are known.
    pub(super) fn enum_called(&self, name: &str) -> Option<&BTreeSet<String>> {
        match self.type_of_name(name) {
            Some(UserType::Enum(labels)) => Some(labels),
            _ => None,
        }
    }

    /// The enum that the first dotted name in a node means here, with its values, where they are known.
    pub(super) fn enum_of(&self, node: &SyntaxNode) -> Option<(RelationName, BTreeSet<String>)> {
        let path = tree::path(node);
        let (name, schema) = path.split_last()?;
        let own = schema.last().into_iter();
        let paths = self.settings.search_path.iter().filter(|_| schema.is_empty());
        own.chain(paths).find_map(|schema| {
            let name = RelationName { schema: schema.clone(), name: name.clone() };
            match self.types.get(&name) {
                Some(UserType::Enum(labels)) => Some((name, labels.clone())),
                _ => None,
            }
        })
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

    /// Whether the functions of a name are known, and all neither IMMUTABLE nor written in SQL, which the server looks into.
    pub(super) fn is_mutable(&self, function: &str) -> Option<bool> {
        self.mutable.get(function).copied()
    }

    /// One more function of a name: the others may take other arguments.
    pub(super) fn set_mutable(&mut self, function: String, mutable: bool) {
        *self.mutable.entry(function).or_insert(mutable) &= mutable;
    }

    /// Remembers that this file made an object that is no table.
    pub(super) fn made(&mut self, object: Object) {
        let birth = self.birth();
        self.remember(|session| Before::Object(object.clone(), session.objects.get(&object).copied()));
        self.objects.insert(object, birth);
    }

    /// Remembers that something may be there by a name from now on.
    pub(super) fn may_be_named(&mut self, object: NamedObject) {
        self.named.insert(object);
    }

    /// Whether there is surely nothing of a class by a name, on that table if it is of one, in whichever schema.
    pub(super) fn is_free(&self, object: &NamedObject) -> bool {
        self.catalogued && !self.named.contains(object)
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
                    // A constraint is called as its index is.
                    if let Some(constraint) = table.constraints.remove(&from.name) {
                        table.constraints.insert(to.name.clone(), constraint);
                    }
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
