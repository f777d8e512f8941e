//! What hangs on the tables and views of a set and is not of the set: what goes with them, breaks without them, or is set off
//! when they are emptied.

use super::super::connection::{MigrationConnection, Purpose, literal, quoted};
use super::super::schema::firing;
use super::super::set::MigrationSet;
use super::drops::{Drop, Name, drops, made, relations};
use super::{MigrationManager, Planned};
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something that hangs on a table or a view of a set, and that no migration of the set makes: another program has made it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Dependant {
    /// The table or view of the set.
    pub table: String,
    /// What it is: `trigger`, `index`, `foreign key`, `view`, `rule`, `policy`, `publication`, `function`, or `table` for one
    /// that inherits from it.
    pub kind: String,
    /// Its name, or the columns of a foreign key where the engine gives it none; on a server with its schema, where that is
    /// not the set's.
    pub name: String,
    /// The table that it is part of, when that is another one.
    pub owner: Option<String>,
    /// Whether it runs when the table is emptied as charter empties it.
    is_set_off: bool,
    /// The columns of a foreign key.
    columns: Vec<String>,
}

/// `the trigger likes of charter_records`.
impl fmt::Display for Dependant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, kind, name, owner, .. } = self;
        match (kind.as_str(), owner) {
            ("foreign key", Some(owner)) => write!(f, "the foreign key {name} of {owner}, which refers to {table}"),
            (_, Some(owner)) => write!(f, "the {kind} {name} of {owner}, which names {table}"),
            ("view" | "function", None) => write!(f, "the {kind} {name}, which reads {table}"),
            ("table", None) => write!(f, "the table {name}, which inherits from {table}"),
            ("publication", None) => write!(f, "the publication {name}, which publishes {table}"),
            (_, None) => write!(f, "the {kind} {name} of {table}"),
        }
    }
}

impl Dependant {
    /// From a row: the table, what hangs on it, its name, the table that it is part of, whether it is set off, and the columns
    /// of a foreign key.
    fn of(row: Vec<Option<String>>) -> Self {
        let [table, kind, name, owner, is_set_off, columns] = <[_; 6]>::try_from(row).unwrap_or_default();
        let text = Option::unwrap_or_default;
        Self {
            table: text(table),
            kind: text(kind),
            name: text(name),
            owner: owner.filter(|owner: &String| !owner.is_empty()),
            is_set_off: columns.is_none() && is_set_off.as_deref() == Some("t"),
            columns: columns.map(|columns| columns.split(SEPARATOR).map(str::to_owned).collect()).unwrap_or_default(),
        }
    }

    /// Whether the migrations of a set have made it.
    fn is_made(&self, set: &MigrationSet, made: &BTreeSet<(String, String)>) -> bool {
        let (kind, name) = match (self.kind.as_str(), &self.owner) {
            ("foreign key", Some(owner)) => ("table", owner),
            (kind, _) => (kind, &self.name),
        };
        let name = name.to_lowercase();
        let full = format!("{}.{name}", set.schema());
        [name, full].into_iter().any(|name| made.contains(&(kind.to_owned(), name)))
    }
}

/// What can be done about what charter's migrations must not take along.
pub(in crate::migrate) const LEFT_ALONE: &str = "charter leaves it alone: drop it first, as the program that made it would, \
    or take back the migrations that did; then run this again";

/// Between the columns of a foreign key.
const SEPARATOR: char = '\u{1f}';

/// What hangs on some tables and views of a set, and was not made by it. What belongs to one of them and refers to another
/// one is of no matter. Writes nothing.
///
/// # Errors
/// What the engine says.
fn dependants(
    connection: &mut dyn MigrationConnection,
    set: &MigrationSet,
    relations: &BTreeSet<Name>,
) -> Result<Vec<Dependant>> {
    if relations.is_empty() {
        return Ok(Vec::new());
    }
    let engine = connection.engine();
    let found = match engine {
        Engine::Postgres => on_a_server(connection, set, relations),
        Engine::Sqlite | Engine::DuckDb => in_a_file(connection, relations),
    };
    let mut made_by_set = BTreeSet::new();
    for migration in set.migrations() {
        let scripts = [Some(migration.up(engine)), migration.down(engine)];
        made_by_set.extend(scripts.into_iter().flatten().flat_map(|script| made(script, engine)));
    }
    let mut found = found.context("reading what hangs on the tables")?;
    found.retain(|dependant| !dependant.is_made(set, &made_by_set));
    found.sort();
    found.dedup();
    Ok(found)
}

fn on_a_server(
    connection: &mut dyn MigrationConnection,
    set: &MigrationSet,
    relations: &BTreeSet<Name>,
) -> Result<Vec<Dependant>> {
    let place = |name: &Name| {
        let schema = name.iter().rev().nth(1).map_or(set.schema(), String::as_str);
        format!("({}, {})", literal(schema), literal(name.last().map_or("", String::as_str)))
    };
    let places = relations.iter().map(place).collect::<Vec<_>>().join(", ");
    let query = SERVER.replace("{schema}", &literal(set.schema())).replace("{places}", &places);
    Ok(connection.query(&query)?.into_iter().map(Dependant::of).collect())
}

/// What hangs on relations. A trigger of a table runs at a TRUNCATE if it says so and is not switched off.
const SERVER: &str = "WITH subject AS (SELECT c.oid, c.relname FROM pg_catalog.pg_class AS c \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (n.nspname, c.relname) IN ({places})), \
     other AS (SELECT c.oid, c.relkind, CASE WHEN n.nspname = {schema} THEN '' ELSE n.nspname || '.' END || c.relname AS name \
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE c.oid NOT IN (SELECT oid FROM subject)) \
     SELECT s.relname, 'trigger', t.tgname, NULL, t.tgtype & 32 <> 0 AND t.tgenabled <> 'D', NULL \
     FROM subject AS s JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = s.oid AND NOT t.tgisinternal \
     UNION ALL SELECT s.relname, 'rule', r.rulename, NULL, false, NULL \
     FROM subject AS s JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = s.oid AND r.rulename <> '_RETURN' \
     UNION ALL SELECT s.relname, 'policy', p.polname, NULL, false, NULL \
     FROM subject AS s JOIN pg_catalog.pg_policy AS p ON p.polrelid = s.oid \
     UNION ALL SELECT s.relname, 'index', x.relname, NULL, false, NULL \
     FROM subject AS s JOIN pg_catalog.pg_index AS i ON i.indrelid = s.oid \
     JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid \
     WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) \
     UNION ALL SELECT s.relname, 'foreign key', k.conname, o.name, false, NULL \
     FROM subject AS s JOIN pg_catalog.pg_constraint AS k ON k.confrelid = s.oid AND k.contype = 'f' \
     JOIN other AS o ON o.oid = k.conrelid \
     UNION ALL SELECT s.relname, 'table', o.name, NULL, true, NULL \
     FROM subject AS s JOIN pg_catalog.pg_inherits AS h ON h.inhparent = s.oid JOIN other AS o ON o.oid = h.inhrelid \
     UNION ALL SELECT s.relname, CASE WHEN o.relkind IN ('v', 'm') THEN 'view' ELSE 'rule' END, \
     CASE WHEN o.relkind IN ('v', 'm') THEN o.name ELSE r.rulename END, CASE WHEN o.relkind NOT IN ('v', 'm') THEN o.name END, \
     false, NULL FROM subject AS s JOIN pg_catalog.pg_depend AS d ON d.refobjid = s.oid \
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
     JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid JOIN other AS o ON o.oid = r.ev_class \
     UNION ALL SELECT s.relname, 'function', n.nspname || '.' || f.proname, NULL, false, NULL \
     FROM subject AS s JOIN pg_catalog.pg_depend AS d ON d.refobjid = s.oid \
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
     JOIN pg_catalog.pg_proc AS f ON f.oid = d.objid JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace \
     UNION ALL SELECT s.relname, 'publication', p.pubname, NULL, false, NULL \
     FROM subject AS s JOIN pg_catalog.pg_publication_rel AS m ON m.prrelid = s.oid \
     JOIN pg_catalog.pg_publication AS p ON p.oid = m.prpubid";

fn in_a_file(connection: &mut dyn MigrationConnection, names: &BTreeSet<Name>) -> Result<Vec<Dependant>> {
    let engine = connection.engine();
    // As the set writes them, whatever others do.
    let subjects = names.iter().filter_map(|name| name.last()).map(|name| (name.to_lowercase(), name));
    let subjects: BTreeMap<String, &String> = subjects.collect();
    let subject = |name: &str| subjects.get(&name.to_lowercase()).map(|name| (*name).clone());
    let [parts, keys] = if engine == Engine::Sqlite { SQLITE } else { DUCKDB };
    let mut found = Vec::new();
    for row in connection.query(parts)? {
        let [kind, name, table, sql] =
            <[Option<String>; 4]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default);
        let dependant = |table: String, owner: Option<String>| {
            let is_set_off = owner.is_none() && kind == "trigger" && firing(&sql, engine).contains("DELETE");
            Dependant { table, kind: kind.clone(), name: name.clone(), owner, is_set_off, columns: Vec::new() }
        };
        if let Some(table) = subject(&table) {
            found.push(dependant(table, None));
        } else if kind != "index" && subject(&name).is_none() {
            let owner = Some(table).filter(|table| !table.is_empty());
            let read = relations(&sql, engine).into_iter().filter_map(|read| subject(&read));
            found.extend(read.map(|read| dependant(read, owner.clone())));
        }
    }
    for row in connection.query(keys)? {
        let key = Dependant::of(row);
        let is_within = key.owner.as_ref().is_some_and(|owner| subject(owner).is_some());
        if let Some(table) = subject(&key.table).filter(|_| !is_within) {
            found.push(Dependant { table, name: format!("({})", key.columns.join(", ")), ..key });
        }
    }
    Ok(found)
}

const SQLITE: [&str; 2] = [
    "SELECT type, name, CASE type WHEN 'view' THEN '' ELSE tbl_name END, sql FROM sqlite_schema \
     WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL",
    "SELECT k.\"table\", 'foreign key', '', t.name, 'f', group_concat(k.\"from\", char(31) ORDER BY k.seq) \
     FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS k WHERE t.type = 'table' GROUP BY t.name, k.id",
];

const DUCKDB: [&str; 2] = [
    "SELECT 'index', index_name, table_name, sql FROM duckdb_indexes() \
     WHERE database_name = current_database() AND sql IS NOT NULL \
     UNION ALL SELECT 'trigger', trigger_name, table_name, sql FROM duckdb_triggers() WHERE database_name = current_database() \
     UNION ALL SELECT 'view', view_name, '', sql FROM duckdb_views() WHERE database_name = current_database() AND NOT internal",
    "SELECT referenced_table, 'foreign key', '', table_name, 'f', array_to_string(constraint_column_names, chr(31)) \
     FROM duckdb_constraints() WHERE database_name = current_database() AND constraint_type = 'FOREIGN KEY'",
];

impl MigrationManager {
    /// What another program has made that hangs on what a plan drops: what goes with it, such as an index, and what breaks
    /// without it, such as a view. charter's own tables are not taken out from under it: [`MigrationManager::downgrade`]
    /// refuses that. Writes nothing.
    ///
    /// # Errors
    /// What the engine says when it cannot be asked.
    pub fn dependants(&self, planned: &[Planned]) -> Result<Vec<Dependant>> {
        let mut connection = self.connect(Purpose::Read)?;
        dependants_of(&mut *connection, planned)
    }

    /// Refuses to take what other programs have made along with charter's own tables.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], with all of it.
    pub fn check_dependants(&self, set: &MigrationSet, dependants: &[Dependant]) -> Result<()> {
        if dependants.is_empty() || !set.is_charter() {
            return Ok(());
        }
        let message = format!(
            "{}: with charter's tables, what is not charter's would go or break:{}",
            self.url(),
            lines(dependants)
        );
        Err(Error::new(ErrorKind::Refused, message).with_hint(LEFT_ALONE))
    }
}

fn lines(dependants: &[Dependant]) -> String {
    dependants.iter().map(|dependant| format!("\n  {dependant}")).collect()
}

/// What hangs on what a plan drops, each set's by itself.
pub(in crate::migrate) fn dependants_of(
    connection: &mut dyn MigrationConnection,
    planned: &[Planned],
) -> Result<Vec<Dependant>> {
    // What is made anew keeps what only names it.
    let mut sets: BTreeMap<&str, (&MigrationSet, BTreeSet<Name>, BTreeSet<String>)> = BTreeMap::new();
    for planned in planned {
        let (_, dropped, anew) =
            sets.entry(planned.set.name()).or_insert_with(|| (&planned.set, BTreeSet::new(), BTreeSet::new()));
        let made = made(&planned.script, planned.engine);
        for drop in drops(planned) {
            let (name, is_rebuilt) = match drop {
                Drop::Table(name) | Drop::View(name) => (name, false),
                Drop::Rebuilt(name, _) => (name, true),
                Drop::Column(..) | Drop::Rows(_) => continue,
            };
            let last = name.last().map(|last| last.to_lowercase()).unwrap_or_default();
            if is_rebuilt || made.iter().any(|(kind, made)| ["table", "view"].contains(&kind.as_str()) && *made == last)
            {
                anew.insert(last);
            }
            dropped.insert(name);
        }
    }
    let mut found = Vec::new();
    for (set, dropped, anew) in sets.into_values() {
        let mut dependants = dependants(connection, set, &dropped)?;
        let is_part = |dependant: &Dependant| {
            dependant.owner.is_none() && ["index", "trigger", "rule", "policy"].contains(&dependant.kind.as_str())
        };
        dependants.retain(|dependant| is_part(dependant) || !anew.contains(&dependant.table.to_lowercase()));
        found.append(&mut dependants);
    }
    Ok(found)
}

/// Refuses to empty tables of charter's when that would reach what is another program's. Under locks that keep others from
/// changing that.
///
/// # Errors
/// [`ErrorKind::Refused`], with all of it, and when one of them is no table; what the engine says.
pub(super) fn check_emptying(connection: &mut dyn MigrationConnection, tables: &[&str]) -> Result<()> {
    let (set, engine) = (MigrationSet::charter(), connection.engine());
    for table in tables {
        let name = literal(table);
        let found = connection.query(&match engine {
            Engine::Sqlite => format!("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = {name}"),
            Engine::DuckDb => format!(
                "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() \
                 AND schema_name = current_schema() AND table_name = {name}"
            ),
            Engine::Postgres => format!(
                "SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                 WHERE n.nspname = {} AND c.relname = {name} AND c.relkind = 'r'",
                literal(set.schema())
            ),
        })?;
        if found.is_empty() {
            let message = format!("{table} is not the table that charter makes: what is emptied with it is not known");
            return Err(Error::new(ErrorKind::Refused, message)
                .with_hint("`charter db info` shows what the database has instead of charter's tables"));
        }
    }
    let names = tables.iter().map(|table| vec![(*table).to_owned()]).collect();
    let mut reached = Vec::new();
    for dependant in dependants(connection, set, &names)? {
        let is_reached = match (dependant.kind.as_str(), &dependant.owner) {
            // The server asks for no rows, and refuses.
            ("foreign key", Some(owner)) => engine == Engine::Postgres || has_rows(connection, owner, &dependant)?,
            _ => dependant.is_set_off,
        };
        if is_reached {
            reached.push(dependant);
        }
    }
    if reached.is_empty() {
        return Ok(());
    }
    let message = format!("emptying charter's tables would reach what is not charter's:{}", lines(&reached));
    Err(Error::new(ErrorKind::Refused, message).with_hint(match engine {
        Engine::Postgres => {
            "charter leaves it alone: drop it as the program that made it would, or disable the trigger; then run this again"
        }
        Engine::Sqlite | Engine::DuckDb => {
            "charter leaves it alone: drop the trigger, or the rows that refer to charter's, as the program that made them \
             would; then run this again"
        }
    }))
}

/// Whether rows refer to another table by a foreign key.
fn has_rows(connection: &mut dyn MigrationConnection, owner: &str, key: &Dependant) -> Result<bool> {
    let given = key.columns.iter().map(|column| format!("{} IS NOT NULL", quoted(column))).collect::<Vec<_>>();
    let query = format!("SELECT 1 FROM {} WHERE {} LIMIT 1", quoted(owner), given.join(" AND "));
    Ok(!connection.query(&query)?.is_empty())
}
