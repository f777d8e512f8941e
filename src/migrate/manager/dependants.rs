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
    /// What it is: `trigger`, `index`, `foreign key`, `view`, `rule`, `policy`, `publication`, `function`, `column`,
    /// `statistics`, `sequence`, whatever else a server knows, or `table` for one that inherits from it.
    pub kind: String,
    /// Its name, or the columns of a foreign key where the engine gives it none; on a server with its schema, where that is
    /// not the set's.
    pub name: String,
    /// The table that it is part of, when that is another one.
    pub owner: Option<String>,
    /// At which statements on the table it runs, or is changed with it: `DELETE UPDATE`.
    fires: String,
    /// The columns of a foreign key.
    columns: Vec<String>,
    /// Where the rows of a foreign key are, as a query says it.
    place: String,
}

/// `the trigger likes of charter_records`.
impl fmt::Display for Dependant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, kind, name, owner, .. } = self;
        match (kind.as_str(), owner) {
            ("foreign key", Some(owner)) => write!(f, "the foreign key {name} of {owner}, which refers to {table}"),
            (_, Some(owner)) => write!(f, "the {kind} {name} of {owner}, which names {table}"),
            ("view" | "function" | "macro", None) => write!(f, "the {kind} {name}, which reads {table}"),
            ("table", None) => write!(f, "the table {name}, which inherits from {table}"),
            ("publication", None) => write!(f, "the publication {name}, which publishes {table}"),
            ("trigger" | "rule" | "policy" | "index" | "statistics" | "sequence", None) => {
                write!(f, "the {kind} {name} of {table}")
            }
            (_, None) => write!(f, "the {kind} {name}, which names {table}"),
        }
    }
}

impl Dependant {
    /// From a row: the table, what hangs on it, its name, the table that it is part of, at what it runs, the columns of a foreign
    /// key, and where its rows are.
    fn of(row: Vec<Option<String>>) -> Self {
        let [table, kind, name, owner, fires, columns, place] = <[_; 7]>::try_from(row).unwrap_or_default();
        let text = Option::unwrap_or_default;
        Self {
            table: text(table),
            kind: text(kind),
            name: text(name),
            owner: owner.filter(|owner: &String| !owner.is_empty()),
            fires: text(fires),
            columns: columns.map(|columns| columns.split(SEPARATOR).map(str::to_owned).collect()).unwrap_or_default(),
            place: text(place),
        }
    }

    /// Whether the migrations of a set have made it.
    fn is_made(&self, set: &MigrationSet, made: &BTreeSet<(String, String)>) -> bool {
        let (kind, name) = match (self.kind.as_str(), &self.owner) {
            ("foreign key" | "column", Some(owner)) => ("table", owner),
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

/// What hangs on relations. What a server keeps of that hangs on the relation itself, on one of its columns, or on the type of
/// its rows; what belongs to a relation that goes too is of no matter, nor is a sequence that one of its columns is numbered by.
const SERVER: &str = "WITH subject AS (SELECT c.oid, c.relname, c.relkind, c.relnamespace FROM pg_catalog.pg_class AS c \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (n.nspname, c.relname) IN ({places})), \
     other AS (SELECT c.oid, c.relkind, CASE WHEN n.nspname = {schema} THEN '' ELSE n.nspname || '.' END || c.relname AS name, \
     pg_catalog.format('%I.%I', n.nspname, c.relname) AS place \
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE c.oid NOT IN (SELECT oid FROM subject)), \
     rows AS (SELECT s.relname, t.oid, t.typarray FROM subject AS s JOIN pg_catalog.pg_type AS t ON t.typrelid = s.oid), \
     part AS (SELECT relname, 'pg_catalog.pg_class'::pg_catalog.regclass AS class, oid FROM subject \
     UNION ALL SELECT relname, 'pg_catalog.pg_type'::pg_catalog.regclass, oid FROM rows \
     UNION ALL SELECT relname, 'pg_catalog.pg_type'::pg_catalog.regclass, typarray FROM rows), \
     hanging AS (SELECT DISTINCT p.relname, d.classid, k.relname AS class, d.objid, d.objsubid FROM part AS p \
     JOIN pg_catalog.pg_depend AS d ON d.refclassid = p.class AND d.refobjid = p.oid JOIN pg_catalog.pg_class AS k ON k.oid = d.classid \
     WHERE d.deptype IN ('n', 'a') AND (d.classid, d.objid) NOT IN (SELECT class, oid FROM part)) \
     SELECT s.relname, 'trigger', t.tgname, NULL, CASE WHEN t.tgenabled <> 'D' THEN pg_catalog.concat_ws(' ', \
     CASE WHEN t.tgtype & 4 <> 0 THEN 'INSERT' END, CASE WHEN t.tgtype & 8 <> 0 THEN 'DELETE' END, \
     CASE WHEN t.tgtype & 16 <> 0 THEN 'UPDATE' END, CASE WHEN t.tgtype & 32 <> 0 THEN 'TRUNCATE' END) END, NULL, NULL \
     FROM subject AS s JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = s.oid AND NOT t.tgisinternal \
     UNION ALL SELECT s.relname, 'rule', r.rulename, NULL, CASE WHEN r.ev_enabled <> 'D' THEN \
     CASE r.ev_type WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' WHEN '4' THEN 'DELETE' END END, NULL, NULL \
     FROM subject AS s JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = s.oid AND r.rulename <> '_RETURN' \
     UNION ALL SELECT s.relname, 'policy', p.polname, NULL, NULL, NULL, NULL \
     FROM subject AS s JOIN pg_catalog.pg_policy AS p ON p.polrelid = s.oid \
     UNION ALL SELECT s.relname, 'index', x.relname, NULL, NULL, NULL, NULL \
     FROM subject AS s JOIN pg_catalog.pg_index AS i ON i.indrelid = s.oid \
     JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid \
     WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) \
     UNION ALL SELECT s.relname, 'foreign key', k.conname, o.name, NULL, (SELECT pg_catalog.string_agg(a.attname, pg_catalog.chr(31)) \
     FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)), o.place \
     FROM subject AS s JOIN pg_catalog.pg_constraint AS k ON k.confrelid = s.oid AND k.contype = 'f' \
     JOIN other AS o ON o.oid = k.conrelid \
     UNION ALL SELECT s.relname, 'table', o.name, NULL, 'DELETE UPDATE TRUNCATE', NULL, NULL \
     FROM subject AS s JOIN pg_catalog.pg_inherits AS h ON h.inhparent = s.oid JOIN other AS o ON o.oid = h.inhrelid \
     UNION ALL SELECT h.relname, CASE WHEN o.relkind IN ('v', 'm') THEN 'view' ELSE 'rule' END, \
     CASE WHEN o.relkind IN ('v', 'm') THEN o.name ELSE r.rulename END, CASE WHEN o.relkind NOT IN ('v', 'm') THEN o.name END, \
     NULL, NULL, NULL FROM hanging AS h JOIN pg_catalog.pg_rewrite AS r ON r.oid = h.objid JOIN other AS o ON o.oid = r.ev_class \
     WHERE h.class = 'pg_rewrite' \
     UNION ALL SELECT h.relname, 'function', CASE WHEN n.nspname = {schema} THEN '' ELSE n.nspname || '.' END || f.proname, \
     NULL, NULL, NULL, NULL FROM hanging AS h JOIN pg_catalog.pg_proc AS f ON f.oid = h.objid \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace WHERE h.class = 'pg_proc' \
     UNION ALL SELECT h.relname, 'policy', p.polname, o.name, NULL, NULL, NULL FROM hanging AS h \
     JOIN pg_catalog.pg_policy AS p ON p.oid = h.objid JOIN other AS o ON o.oid = p.polrelid WHERE h.class = 'pg_policy' \
     UNION ALL SELECT h.relname, 'column', a.attname, o.name, NULL, NULL, NULL FROM hanging AS h \
     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.objid AND a.attnum = h.objsubid \
     JOIN other AS o ON o.oid = h.objid AND o.relkind NOT IN ('v', 'm') WHERE h.class = 'pg_class' AND h.objsubid <> 0 \
     UNION ALL SELECT s.relname, 'publication', p.pubname, NULL, NULL, NULL, NULL \
     FROM subject AS s JOIN pg_catalog.pg_publication_rel AS m ON m.prrelid = s.oid \
     JOIN pg_catalog.pg_publication AS p ON p.oid = m.prpubid \
     UNION ALL SELECT s.relname, 'publication', p.pubname, NULL, NULL, NULL, NULL FROM subject AS s JOIN pg_catalog.pg_depend AS d \
     ON d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = s.relnamespace AND s.relkind IN ('r', 'p') \
     AND d.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace') \
     JOIN pg_catalog.pg_depend AS m ON m.classid = d.classid AND m.objid = d.objid \
     AND m.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass JOIN pg_catalog.pg_publication AS p ON p.oid = m.refobjid \
     UNION ALL SELECT h.relname, CASE i.type WHEN 'statistics object' THEN 'statistics' ELSE i.type END, \
     CASE WHEN i.name IS NULL OR i.schema IS DISTINCT FROM pg_catalog.quote_ident({schema}) THEN i.identity \
     ELSE pg_catalog.btrim(i.name, '\"') END, NULL, NULL, NULL, NULL FROM hanging AS h \
     CROSS JOIN LATERAL pg_catalog.pg_identify_object(h.classid, h.objid, h.objsubid) AS i \
     WHERE h.class NOT IN ('pg_rewrite', 'pg_proc', 'pg_policy', 'pg_publication_rel') AND h.objsubid = 0 AND NOT EXISTS ( \
     SELECT 1 FROM subject AS s WHERE CASE h.class \
     WHEN 'pg_class' THEN EXISTS (SELECT 1 FROM pg_catalog.pg_index AS x WHERE x.indexrelid = h.objid AND x.indrelid = s.oid) \
     OR EXISTS (SELECT 1 FROM pg_catalog.pg_inherits AS x WHERE x.inhrelid = h.objid AND x.inhparent = s.oid) \
     OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS x JOIN pg_catalog.pg_attrdef AS v ON v.oid = x.objid AND v.adrelid = s.oid \
     WHERE x.refobjid = h.objid AND x.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass) \
     WHEN 'pg_constraint' THEN EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS x \
     WHERE x.oid = h.objid AND (x.conrelid = s.oid OR x.contype = 'f')) \
     WHEN 'pg_attrdef' THEN EXISTS (SELECT 1 FROM pg_catalog.pg_attrdef AS x WHERE x.oid = h.objid AND x.adrelid = s.oid) \
     WHEN 'pg_trigger' THEN EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS x \
     WHERE x.oid = h.objid AND (x.tgrelid = s.oid OR x.tgisinternal)) ELSE false END)";

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
            let fires = match owner.is_none() && kind == "trigger" {
                true => firing(&sql, engine),
                false => String::new(),
            };
            let (columns, place) = (Vec::new(), String::new());
            Dependant { table, kind: kind.clone(), name: name.clone(), owner, fires, columns, place }
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
            let place = key.owner.as_deref().map(quoted).unwrap_or_default();
            found.push(Dependant { table, name: format!("({})", key.columns.join(", ")), place, ..key });
        }
    }
    Ok(found)
}

const SQLITE: [&str; 2] = [
    "SELECT type, name, CASE type WHEN 'view' THEN '' ELSE tbl_name END, sql FROM sqlite_schema \
     WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL",
    "SELECT k.\"table\", 'foreign key', '', t.name, NULL, group_concat(k.\"from\", char(31) ORDER BY k.seq), NULL \
     FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS k WHERE t.type = 'table' GROUP BY t.name, k.id",
];

const DUCKDB: [&str; 2] = [
    "SELECT 'index', index_name, table_name, sql FROM duckdb_indexes() \
     WHERE database_name = current_database() AND sql IS NOT NULL \
     UNION ALL SELECT 'trigger', trigger_name, table_name, sql FROM duckdb_triggers() WHERE database_name = current_database() \
     UNION ALL SELECT 'view', view_name, '', sql FROM duckdb_views() WHERE database_name = current_database() AND NOT internal \
     UNION ALL SELECT 'macro', function_name, '', macro_definition FROM duckdb_functions() \
     WHERE database_name = current_database() AND function_type IN ('macro', 'table_macro') AND NOT internal",
    "SELECT referenced_table, 'foreign key', '', table_name, NULL, array_to_string(constraint_column_names, chr(31)), NULL \
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
                Drop::Column(..) | Drop::Rows(_) | Drop::Retyped(..) => continue,
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
            let parts = ["index", "trigger", "rule", "policy", "statistics", "sequence"];
            dependant.owner.is_none() && parts.contains(&dependant.kind.as_str())
        };
        dependants.retain(|dependant| is_part(dependant) || !anew.contains(&dependant.table.to_lowercase()));
        found.append(&mut dependants);
    }
    Ok(found)
}

/// Refuses to empty tables of charter's, and to write `others` with that (each with the statement that does), when that would
/// reach what is another program's. Under locks that keep others from changing that. Gives the statement that empties them:
/// a server's TRUNCATE asks for no rows where another table may refer to one.
///
/// # Errors
/// [`ErrorKind::Refused`], with all of it, and when one of them is no table; what the engine says.
pub(super) fn check_emptying(
    connection: &mut dyn MigrationConnection,
    emptied: &[&str],
    others: &[(&str, &str)],
) -> Result<&'static str> {
    let (set, engine) = (MigrationSet::charter(), connection.engine());
    let made = others.iter().filter(|(_, statement)| *statement != "INSERT").map(|(table, _)| table);
    for table in emptied.iter().chain(made) {
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
    let names = emptied.iter().chain(others.iter().map(|(table, _)| table)).map(|table| vec![(*table).to_owned()]);
    let found = dependants(connection, set, &names.collect())?;
    let is_key = |dependant: &Dependant| dependant.kind == "foreign key" && dependant.owner.is_some();
    let is_emptied = |dependant: &Dependant| emptied.contains(&dependant.table.as_str());
    let empty = match engine == Engine::Postgres && !found.iter().any(|found| is_key(found) && is_emptied(found)) {
        true => "TRUNCATE",
        false => "DELETE",
    };
    let mut reached = Vec::new();
    for dependant in found {
        let statement = others.iter().find(|(table, _)| *table == dependant.table).map_or(empty, |(_, done)| *done);
        let is_reached = match is_key(&dependant) {
            true => statement != "INSERT" && has_rows(connection, &dependant)?,
            false => dependant.fires.contains(statement),
        };
        if is_reached {
            reached.push(dependant);
        }
    }
    if reached.is_empty() {
        return Ok(empty);
    }
    let keys = reached.iter().filter(|dependant| is_key(dependant)).count();
    let what = match reached.len() - keys {
        0 => "delete the rows that refer to charter's",
        _ if keys == 0 => "drop it",
        _ => "drop the trigger and delete the rows that refer to charter's",
    };
    let message = format!("emptying charter's tables would reach what is not charter's:{}", lines(&reached));
    Err(Error::new(ErrorKind::Refused, message).with_hint(format!(
        "charter leaves it alone: {what}, as the program that made them would; then run this again"
    )))
}

/// Whether rows refer to another table by a foreign key.
fn has_rows(connection: &mut dyn MigrationConnection, key: &Dependant) -> Result<bool> {
    let given = key.columns.iter().map(|column| format!("{} IS NOT NULL", quoted(column))).collect::<Vec<_>>();
    let query = format!("SELECT 1 FROM {} WHERE {} LIMIT 1", key.place, given.join(" AND "));
    Ok(!connection.query(&query)?.is_empty())
}
