//! Random sequences of changes to models: what is written for each of them adds up to the models, and loses no rows.

use super::*;
use crate::config::DatabaseUrl;
use crate::migrate::connection::{MigrationConnection, Purpose, Transaction, connect, in_memory};
use crate::migrate::verify::verify;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const TYPES: [&str; 6] = ["TEXT", "BIGINT", "VARCHAR(20)", "DOUBLE PRECISION", "BOOLEAN", "TIMESTAMP WITH TIME ZONE"];

/// Types whose values go over into each other and back unchanged.
const CONVERTIBLE: [&str; 3] = ["TEXT", "BIGINT", "VARCHAR(20)"];

#[derive(Debug, Clone)]
struct Column {
    name: String,
    data_type: &'static str,
    not_null: bool,
    default: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Table {
    name: String,
    columns: Vec<Column>,
    wide_key: Option<String>,
    unique: BTreeSet<String>,
    checks: BTreeSet<String>,
    /// Column to table.
    foreign_keys: BTreeMap<String, String>,
    /// Columns whose rows go with those that they refer to.
    cascades: BTreeSet<String>,
    /// Name to column, and whether it is unique. Those whose names begin with `p` are of some rows alone.
    indexes: BTreeMap<String, (String, bool)>,
}

#[derive(Debug, Clone, Default)]
struct Model {
    tables: Vec<Table>,
    /// Name to table and column.
    views: BTreeMap<String, (String, String)>,
    counter: usize,
}

/// Numbers by which a change chooses: what, where, which, how.
type Choice = (u8, u8, u8, u8);

impl Model {
    fn sql(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            let mut lines: Vec<String> = Vec::new();
            for column in &table.columns {
                let mut line = format!("{} {}", column.name, column.data_type);
                if column.not_null {
                    line.push_str(" NOT NULL");
                }
                if let Some(default) = &column.default {
                    let _ = write!(line, " DEFAULT {default}");
                }
                if table.checks.contains(&column.name) {
                    let _ = write!(line, " CHECK ({})", check(column));
                }
                lines.push(line);
            }
            let wide = table.wide_key.as_ref().map(|column| format!(", {column}")).unwrap_or_default();
            lines.push(format!("PRIMARY KEY (id{wide})"));
            lines.extend(table.unique.iter().map(|column| format!("UNIQUE ({column}, id)")));
            lines.extend(table.foreign_keys.iter().map(|(column, to)| {
                let action = if table.cascades.contains(column) { " ON DELETE CASCADE" } else { "" };
                format!("FOREIGN KEY ({column}) REFERENCES {to}{action}")
            }));
            let _ = writeln!(sql, "CREATE TABLE {} (\n    {}\n);", table.name, lines.join(",\n    "));
            for (name, (column, unique)) in &table.indexes {
                let unique = if *unique { "UNIQUE " } else { "" };
                let rows = if name.starts_with('p') { " WHERE id > 0" } else { "" };
                let _ = writeln!(sql, "CREATE {unique}INDEX {name} ON {} ({column}){rows};", table.name);
            }
        }
        for (name, (table, column)) in &self.views {
            let _ = writeln!(sql, "CREATE VIEW {name} AS SELECT id, {column} AS shown FROM {table} WHERE id > 0;");
        }
        sql
    }

    fn fresh(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}{}", self.counter)
    }

    fn is_referred_to(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.foreign_keys.values().any(|to| to == name))
    }

    /// Makes a change, if there is something to change; gives the rename that it is.
    fn change(&mut self, start: &Model, (what, place, which, how): Choice) -> Option<(Rename, String)> {
        if what % 20 == 0 || self.tables.is_empty() {
            let name = self.fresh("t");
            let id = Column { name: "id".into(), data_type: "BIGINT", not_null: true, default: None };
            let other = self.column(how);
            self.tables.push(Table { name, columns: vec![id, other], ..Table::default() });
            return None;
        }
        let place = usize::from(place) % self.tables.len();
        let name = self.tables[place].name.clone();
        let which = usize::from(which) % self.tables[place].columns.len();
        let column = self.tables[place].columns[which].clone();
        // Rows that exist then have a value of their own in it.
        let is_old = start.tables.iter().any(|table| {
            table.name == name
                && table.columns.iter().any(|old| old.name == column.name && old.data_type == column.data_type)
        });
        let is_id = column.name == "id";
        let in_view = self.views.values().any(|(table, of)| *table == name && *of == column.name);
        let referred = self.is_referred_to(&name);
        let fresh = self.fresh("x");
        let added = self.column(how);
        let targets: Vec<String> = start
            .tables
            .iter()
            .filter(|table| self.tables.iter().any(|other| other.name == table.name && other.wide_key.is_none()))
            .map(|table| table.name.clone())
            .collect();
        let table = &mut self.tables[place];
        match what % 20 {
            1 if !referred => {
                self.tables.remove(place);
                self.views.retain(|_, (table, _)| *table != name);
            }
            2 | 3 => table.columns.push(added),
            // The way back could give rows no values of their own again.
            4 | 5 if table.indexes.values().any(|(of, unique)| *unique && *of == column.name) => {
                table.indexes.retain(|_, (of, _)| *of != column.name);
            }
            4 | 5 if !is_id => {
                table.columns.remove(which);
                table.forget(&column.name);
                self.views.retain(|_, (table, of)| *table != name || *of != column.name);
            }
            6 if is_old && !is_id => {
                let to = format!("{fresh}r");
                table.rename(&column.name, &to);
                for (_, of) in self.views.values_mut().filter(|(table, of)| *table == name && *of == column.name) {
                    *of = to.clone();
                }
                return Some((Rename::Column { table: name.clone(), from: column.name, to }, name));
            }
            7 if start.tables.iter().any(|old| old.name == name) => {
                table.name = format!("{fresh}t");
                let to = table.name.clone();
                for key in self.tables.iter_mut().flat_map(|table| table.foreign_keys.values_mut()) {
                    if *key == name {
                        *key = to.clone();
                    }
                }
                for (table, _) in self.views.values_mut().filter(|(table, _)| *table == name) {
                    *table = to.clone();
                }
                return Some((Rename::Table { from: name.clone(), to: to.clone() }, to));
            }
            8 if is_old && !is_id && CONVERTIBLE.contains(&column.data_type) => {
                let data_type = CONVERTIBLE[usize::from(how) % CONVERTIBLE.len()];
                table.checks.remove(&column.name);
                table.foreign_keys.remove(&column.name);
                table.columns[which] = Column { data_type, default: None, ..column };
            }
            9 if !is_id && table.wide_key.as_ref() != Some(&column.name) => table.columns[which].not_null ^= true,
            10 if !is_id => table.columns[which].default = default(column.data_type, how),
            11 if !is_id => flip(&mut table.unique, column.name),
            12 if !is_id => flip(&mut table.checks, column.name),
            13 if column.data_type == "BIGINT" && !is_id && is_old && !targets.is_empty() => {
                let target = targets[usize::from(how) % targets.len()].clone();
                if table.foreign_keys.remove(&column.name).is_none() && target != name {
                    table.foreign_keys.insert(column.name, target);
                }
            }
            14 => {
                let unique = how % 2 == 0 && is_old;
                match table.indexes.keys().next().cloned().filter(|_| how % 3 == 0) {
                    Some(name) => drop(table.indexes.remove(&name)),
                    None => {
                        let kind = if how % 5 == 1 { "p" } else { "i" };
                        table.indexes.insert(format!("{kind}{fresh}"), (column.name, unique));
                    }
                }
            }
            15 if !in_view => drop(self.views.insert(format!("v{fresh}"), (name, column.name))),
            16 => drop(self.views.pop_first()),
            17 if !referred && column.not_null && !is_id => {
                table.wide_key = match table.wide_key {
                    Some(_) => None,
                    None => Some(column.name),
                }
            }
            18 | 19 => {
                if let Some((column, _)) = table.foreign_keys.iter().next() {
                    flip(&mut table.cascades, column.clone());
                }
            }
            _ => {}
        }
        None
    }

    fn column(&mut self, how: u8) -> Column {
        let data_type = TYPES[usize::from(how) % TYPES.len()];
        let default = default(data_type, how / 8);
        Column { name: self.fresh("c"), data_type, not_null: how.is_multiple_of(4), default }
    }
}

impl Table {
    fn forget(&mut self, column: &str) {
        self.unique.remove(column);
        self.checks.remove(column);
        self.foreign_keys.remove(column);
        self.cascades.remove(column);
        self.indexes.retain(|_, (of, _)| of != column);
        self.wide_key = self.wide_key.take().filter(|of| of != column);
    }

    fn rename(&mut self, from: &str, to: &str) {
        let new = |name: &String| if name == from { to.to_owned() } else { name.clone() };
        for column in &mut self.columns {
            column.name = new(&column.name);
        }
        self.unique = self.unique.iter().map(new).collect();
        self.checks = self.checks.iter().map(new).collect();
        self.foreign_keys = self.foreign_keys.iter().map(|(column, table)| (new(column), table.clone())).collect();
        self.cascades = self.cascades.iter().map(new).collect();
        for (column, _) in self.indexes.values_mut() {
            *column = new(column);
        }
        self.wide_key = self.wide_key.as_ref().map(new);
    }
}

fn flip(set: &mut BTreeSet<String>, name: String) {
    if !set.remove(&name) {
        set.insert(name);
    }
}

fn default(data_type: &str, how: u8) -> Option<String> {
    let text = match (data_type, how % 3) {
        (_, 0) => return None,
        ("TEXT" | "VARCHAR(20)", 1) => "'it''s'",
        ("TEXT" | "VARCHAR(20)", _) => "''",
        ("BIGINT", 1) => "7",
        ("BIGINT", _) => "3 + 4",
        ("DOUBLE PRECISION", _) => "1.5",
        ("BOOLEAN", 1) => "TRUE",
        ("BOOLEAN", _) => "FALSE",
        (_, 1) => "CURRENT_TIMESTAMP",
        _ => "'2026-01-31 12:00:00+00'",
    };
    Some(if text.contains('+') && !text.contains('\'') { format!("({text})") } else { text.to_owned() })
}

fn check(column: &Column) -> String {
    let name = &column.name;
    match column.data_type {
        "TEXT" | "VARCHAR(20)" => format!("{name} <> 'no' AND {name} <> 'never'"),
        "BIGINT" | "DOUBLE PRECISION" => format!("{name} >= 0"),
        "BOOLEAN" => format!("{name} IN (TRUE, FALSE)"),
        _ => format!("{name} > '1960-01-01 00:00:00+00'"),
    }
}

fn value(data_type: &str, row: usize) -> String {
    match data_type {
        "TEXT" | "VARCHAR(20)" => format!("'{row}'"),
        "BOOLEAN" => if row == 1 { "TRUE" } else { "FALSE" }.to_owned(),
        "DOUBLE PRECISION" => format!("{row}.5"),
        "BIGINT" => row.to_string(),
        _ => format!("'2026-01-0{row} 10:00:00+00'"),
    }
}

/// A database that lives through all changes, with rows.
struct Live(Box<dyn MigrationConnection>);

/// The rows of a table: the values of each column, in the order of `id`.
type Rows = BTreeMap<(String, String), Vec<Option<String>>>;

/// The server of the tests, where there is one.
fn server() -> Option<DatabaseUrl> {
    let url = std::env::var("CHARTER_TEST_POSTGRES_URL").ok()?;
    cfg!(feature = "postgres").then(|| DatabaseUrl::parse(&url).expect("a URL"))
}

impl Live {
    /// One of each engine at hand; on the server, a schema of its own.
    fn all() -> Vec<Self> {
        let engines = [Some(Engine::Sqlite), cfg!(feature = "duckdb").then_some(Engine::DuckDb)];
        let embedded = engines.into_iter().flatten().map(|engine| Self(in_memory(engine).expect("a database")));
        let server = server().map(|url| {
            let mut live = Self(connect(&url, Purpose::MigrateExisting).expect("a connection"));
            let schema = format!("property_{}", uuid::Uuid::new_v4().simple());
            live.execute(&format!("CREATE SCHEMA {schema}"));
            live.execute(&format!("SET search_path = {schema}"));
            live
        });
        embedded.chain(server).collect()
    }

    fn end(mut self) {
        if self.0.engine() == Engine::Postgres {
            self.execute("SET client_min_messages = error");
            let schema = self.0.query("SELECT current_schema()").expect("the schema").concat();
            let schema = schema.into_iter().flatten().next().expect("a schema");
            self.execute(&format!("DROP SCHEMA {schema} CASCADE"));
        }
    }

    fn execute(&mut self, statement: &str) {
        if let Err(error) = self.0.execute(statement) {
            panic!("{statement}: {error}");
        }
    }

    /// Runs a script as a migrator would: in one transaction, unless it says otherwise.
    fn run(&mut self, script: &Script) -> Result<()> {
        if !script.is_without_transaction() {
            self.0.begin(&Transaction::default())?;
        }
        for statement in script.statements(self.0.engine()) {
            self.0.execute(statement.text).map_err(|error| error.at(script.file(), Some(statement.position)))?;
        }
        if script.is_without_transaction() { Ok(()) } else { self.0.commit() }
    }

    /// Gives every table two rows, no two values of a column alike.
    fn fill(&mut self, model: &Model) {
        let (mut empty, mut left): (Vec<&Table>, Vec<&Table>) = (Vec::new(), model.tables.iter().collect());
        // Those first that others refer to, as far as that goes: the rest gets its rows with no foreign key looked at.
        while !left.is_empty() {
            let is_free = |table: &&Table| {
                !table.foreign_keys.values().any(|to| *to != table.name && left.iter().any(|other| other.name == *to))
            };
            let place = left.iter().position(is_free).unwrap_or(0);
            empty.push(left.remove(place));
        }
        if self.0.engine() == Engine::Sqlite {
            self.execute("PRAGMA foreign_keys = OFF");
        }
        for table in empty.iter().rev() {
            self.execute(&format!("DELETE FROM {}", table.name));
        }
        for table in &empty {
            let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            for row in [1, 2] {
                let values: Vec<String> = table.columns.iter().map(|column| value(column.data_type, row)).collect();
                let (columns, values) = (columns.join(", "), values.join(", "));
                self.execute(&format!("INSERT INTO {} ({columns}) VALUES ({values})", table.name));
            }
        }
        if self.0.engine() == Engine::Sqlite {
            self.execute("PRAGMA foreign_keys = ON");
        }
    }

    fn rows(&mut self, model: &Model) -> Rows {
        let mut rows = Rows::new();
        for table in &model.tables {
            for column in &table.columns {
                let query = format!("SELECT CAST({} AS TEXT) FROM {} ORDER BY id", column.name, table.name);
                let values = self.0.query(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
                rows.insert((table.name.clone(), column.name.clone()), values.concat());
            }
        }
        rows
    }
}

fn live_through(changes: &[Vec<Choice>]) {
    let project = Project::new("", "");
    let mut live = Live::all();
    let mut model = Model::default();
    let mut head = 1;
    for step in changes {
        let before = model.clone();
        let mut renames: Vec<(Rename, String)> = Vec::new();
        for choice in step {
            // One rename of a thing is enough for one step.
            let tried = model.clone();
            if let Some((rename, table)) = model.change(&before, *choice) {
                match renames.is_empty() {
                    true => renames.push((rename, table)),
                    false => model = Model { counter: model.counter, ..tried },
                }
            }
        }
        project.write(MODELS_FILE, &model.sql());
        let renames: Vec<Rename> =
            renames.into_iter().map(|(rename, _)| rename).filter(|rename| stands(rename, &model)).collect();
        let names = renames.clone();
        let created = create_migration(&project.set(), "change", Content::Models { renames, ask: None });
        let created = created.unwrap_or_else(|error| panic!("{error}\nfrom {}\nto {}", before.sql(), model.sql()));
        let set = project.set();
        assert_eq!(models_differences(&set).expect("compared"), []);
        assert_eq!(set.problems().iter().filter(|problem| problem.is_error).count(), 0);
        for live in &mut live {
            let engine = live.0.engine();
            live.fill(&before);
            let rows = live.rows(&before);
            let new: Vec<_> = set.migrations().iter().filter(|migration| migration.number() > head).collect();
            let files = || {
                let files = created.iter().flat_map(|created| &created.files);
                let texts = files.map(|file| std::fs::read_to_string(file).expect("a file"));
                texts.collect::<Vec<_>>().join("\n====\n")
            };
            let run = |live: &mut Live, script: &Script| {
                if let Err(error) = live.run(script) {
                    panic!("{engine}: {error}\nfrom {}\nto {}\n{}", before.sql(), model.sql(), files());
                }
            };
            let check_up = |live: &mut Live| {
                for ((table, column), values) in live.rows(&model) {
                    if let Some(old) = old_name(&names, &table, &column).and_then(|key| rows.get(&key)) {
                        assert_eq!(*old, values, "{engine} {table}.{column}\n{}", files());
                    }
                }
            };
            new.iter().for_each(|migration| run(live, migration.up(engine)));
            check_up(live);
            new.iter().rev().for_each(|migration| run(live, migration.down(engine).expect("a way back")));
            for ((table, column), values) in live.rows(&before) {
                if is_kept(&names, &model, &table, &column) {
                    assert_eq!(
                        rows[&(table.clone(), column.clone())],
                        values,
                        "{engine} back: {table}.{column}\n{}",
                        files()
                    );
                }
            }
            new.iter().for_each(|migration| run(live, migration.up(engine)));
            check_up(live);
        }
        head = set.head();
    }
    live.into_iter().for_each(Live::end);
    if let Some(server) = server() {
        let verification = verify(&[&project.set()], Some(&server), &mut |_| {}).expect("a verification");
        let faults = verification.faults.iter();
        let faults: Vec<String> =
            faults.map(|fault| format!("{fault} {}", proof::listed(&fault.differences))).collect();
        assert_eq!(faults, [""; 0], "{}", model.sql());
    }
}

/// Whether what was renamed is still there under its new name.
fn stands(rename: &Rename, model: &Model) -> bool {
    let table = |name: &str| model.tables.iter().find(|table| table.name == name);
    match rename {
        Rename::Table { to, .. } => table(to).is_some(),
        Rename::Column { table: of, to, .. } => {
            table(of).is_some_and(|table| table.columns.iter().any(|column| column.name == *to))
        }
    }
}

/// What a column was called; `None` for a new one.
fn old_name(names: &[Rename], table: &str, column: &str) -> Option<(String, String)> {
    let mut old = (table.to_owned(), column.to_owned());
    for rename in names {
        match rename {
            Rename::Table { from, to } if to == table => old.0 = from.clone(),
            Rename::Column { table: of, from, to } if of == table && to == column => old.1 = from.clone(),
            _ => {}
        }
    }
    Some(old)
}

/// Whether a column of the state before is in the model, under one name or the other.
fn is_kept(names: &[Rename], model: &Model, table: &str, column: &str) -> bool {
    model.tables.iter().any(|new| {
        new.columns.iter().any(|of| old_name(names, &new.name, &of.name) == Some((table.to_owned(), column.to_owned())))
    })
}

proptest! {
    // Every migration is tried several times on each engine, and only SQLite is quick at it.
    #![proptest_config(ProptestConfig {
        cases: if cfg!(feature = "duckdb") || server().is_some() { 8 } else { 48 }, max_shrink_iters: 400, ..ProptestConfig::default()
    })]
    #[test]
    fn what_is_written_adds_up_to_the_models_and_keeps_the_rows(
        changes in prop::collection::vec(prop::collection::vec(any::<Choice>(), 1..5), 1..7)
    ) {
        live_through(&changes);
    }
}
