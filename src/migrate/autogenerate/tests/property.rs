//! Random sequences of changes to models: what is written for each of them adds up to the models, and loses no rows.

use super::model::{Choice, Model, Table, value};
use super::*;
use crate::config::DatabaseUrl;
use crate::migrate::connection::{MigrationConnection, Purpose, Transaction, connect, in_memory};
use crate::migrate::verify::verify;
use proptest::prelude::*;
use std::collections::BTreeMap;

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
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => ProptestConfig::default().cases,
            None if cfg!(feature = "duckdb") || server().is_some() => 8,
            None => 48,
        },
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    })]
    #[test]
    fn what_is_written_adds_up_to_the_models_and_keeps_the_rows(
        changes in prop::collection::vec(prop::collection::vec(any::<Choice>(), 1..5), 1..7)
    ) {
        live_through(&changes);
    }
}
