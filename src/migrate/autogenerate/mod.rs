//! Writing migrations: from what the migrations make to what the models want.
//!
//! The state of all migrations and the wanted state are each built in a throw-away SQLite database and compared. What differs
//! is reached in steps ([`stage`]), each of which every engine goes in its own way; what was written is tried, up, down and
//! up again, before anybody sees it.

mod beside;
mod change;
mod constraint_name;
mod duckdb;
mod embedded;
mod models;
mod postgres;
mod proof;
mod rename;
mod sql;
mod stage;
#[cfg(all(test, feature = "sqlite"))]
mod tests;
mod triggers;
mod value;
mod views;

pub(super) use constraint_name::LONGEST as LONGEST_NAME;
pub use rename::Rename;

use super::create::{self, Created, Draft, comment};
use super::schema::{Column, Declarations, Difference, DifferenceKind, ForeignKey, Object, Other, Schema, Table};
use super::set::MigrationSet;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use beside::Beside;
use change::{TableChange, dropped, is_required, pairs};
use duckdb::Without;
use rename::{Names, column_candidates, table_candidates};
use sql::Spelling;
use stage::Step;
use std::collections::BTreeMap;
use value::Fate;

/// What a new migration is filled with.
#[derive(Default)]
pub enum Content<'a> {
    /// Comments that say what to write.
    #[default]
    Empty,
    /// What leads from the migrations to the models.
    Models {
        /// What was given another name.
        renames: Vec<Rename>,
        /// Is asked about everything else that may have been renamed; `true` if it was.
        ask: Option<&'a mut dyn FnMut(&Rename) -> bool>,
    },
}

/// Writes the next migrations of a set. Gives what was written: nothing where the models are what the migrations make. What
/// needs no transaction on Postgres, and tables of which only one may be locked at once, get migrations of their own.
///
/// # Errors
/// [`ErrorKind::Invalid`] when the message gives no name, a rename does not fit, or the set's files or its models are wrong;
/// [`ErrorKind::Unsupported`] when the set is part of the program, or a difference cannot be written so that it holds on
/// every engine: then nothing is written; [`ErrorKind::NotFound`] when there are no models; [`ErrorKind::Io`].
pub(super) fn create_migration(set: &MigrationSet, message: &str, content: Content<'_>) -> Result<Vec<Created>> {
    create::slug(message)?;
    create::directory(set)?;
    set.check()?;
    let drafts = match content {
        Content::Empty => vec![Draft::empty(message)],
        Content::Models { renames, ask } => {
            let mut never = |_: &Rename| false;
            autogenerate(set, message, &renames, ask.unwrap_or(&mut never))?
        }
    };
    create::write(set, &drafts)
}

/// In what the migrations of a set do not make its models: what is missing, what is there and should not be, what is
/// different. Both are built in throw-away SQLite databases.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there are no models; [`ErrorKind::Invalid`] when the set's files are wrong; what SQLite says
/// of a migration or the models, with the place.
pub fn models_differences(set: &MigrationSet) -> Result<Vec<Difference>> {
    compare_models(set).map(|(differences, _)| differences)
}

/// [`models_differences`], and why statements of the migrations were not run for it: they do something outside of the
/// database that they run in, or need what such a statement would have made.
///
/// # Errors
/// As [`models_differences`].
pub fn compare_models(set: &MigrationSet) -> Result<(Vec<Difference>, Vec<String>)> {
    set.check()?;
    let wanted = models::read(set)?;
    let (present, left_out) = proof::state_and_left_out(set, Engine::Sqlite)?;
    Ok((present.differences(&duckdb::attainable(set, &present, wanted)), left_out))
}

fn autogenerate(
    set: &MigrationSet,
    message: &str,
    renames: &[Rename],
    ask: &mut dyn FnMut(&Rename) -> bool,
) -> Result<Vec<Draft>> {
    let wanted = models::read(set)?;
    let drafts = write(set, message, &mut |present| {
        let names = Names::decide(present, &wanted, renames, ask)?;
        Ok((wanted.clone(), names))
    });
    // What cannot be written is about something that the models say.
    drafts.map_err(|error| match error.kind() == ErrorKind::Unsupported && error.location().is_none() {
        true => match models::place(set, error.message()) {
            Some((file, position)) => error.at(file, position),
            None => error,
        },
        false => error,
    })
}

/// Writes the migrations that make a change to what a set's migrations make, if the safety rules find no error in them.
///
/// # Errors
/// As [`create_migration`], and what the change says.
pub(super) fn write_change(
    set: &MigrationSet,
    message: &str,
    mut change: impl FnMut(&Schema) -> Result<Schema>,
) -> Result<Vec<Created>> {
    create::slug(message)?;
    create::directory(set)?;
    set.check()?;
    let drafts = write(set, message, &mut |present| Ok((change(present)?, Names::default())))?;
    #[cfg(feature = "lint")]
    proof::judge(set, &drafts)?;
    create::write(set, &drafts)
}

/// Writes what leads from what a set's migrations make to what is wanted, which may depend on it, and proves it.
fn write(
    set: &MigrationSet,
    message: &str,
    wanted: &mut dyn FnMut(&Schema) -> Result<(Schema, Names)>,
) -> Result<Vec<Draft>> {
    let mut states = proof::states(set)?;
    let Some(present) = states.last() else { return Ok(Vec::new()) };
    let (wanted, names) = wanted(present)?;
    let mut wanted = duckdb::attainable(set, present, wanted);
    let differences = present.differences(&wanted);
    if differences.is_empty() {
        return Ok(Vec::new());
    }
    if set.engines().contains(&Engine::Postgres) {
        check_references(present, &wanted, &names)?;
        check_lengths(present, &wanted)?;
    }
    let mut middle = renamed(set, present, &names)?;
    // Where a new name stands in them, it is written, and triggers go with what they are of.
    let others = Schema { others: triggers::staying(&wanted, middle.others.clone()), ..middle.clone() };
    let by_hand: Vec<Difference> =
        others.differences(&wanted).into_iter().filter(|difference| difference.object.is_other()).collect();
    wanted.others = triggers::wanted(&middle, &wanted, set);
    let spelling = Spelling::of(set, &[&wanted]);
    states.iter_mut().chain([&mut middle, &mut wanted]).for_each(|state| spelling.respell(state));
    let Some(present) = states.last() else { return Ok(Vec::new()) };
    let steps = stage::steps(present, &middle, &wanted, &names, &spelling);
    if steps.is_empty() {
        let message = format!("this cannot be written by itself: {}", proof::listed(&differences));
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("write this migration by hand"));
    }
    let mut drafts = Vec::new();
    let mut duckdb = duckdb_state(set, &states);
    let first = beside(set);
    for step in &steps {
        let beside = match drafts.is_empty() {
            true => first.clone(),
            false => {
                let so_far = proof::with(set, &drafts)?;
                first.iter().map(|(engine, there)| (*engine, there.after(&so_far))).collect()
            }
        };
        let (texts, next) = texts(set, step, &duckdb, &beside, &spelling)?;
        duckdb = next;
        let by_hand = if drafts.is_empty() { by_hand.as_slice() } else { &[] };
        drafts.push(draft(set, message, step, &steps, (by_hand, &beside), texts));
    }
    proof::prove(&proof::with(set, &drafts)?, set.head(), &wanted)?;
    Ok(drafts)
}

/// What there is on each engine beside what a throw-away SQLite database knows; of SQLite, where it was said.
fn beside(set: &MigrationSet) -> BTreeMap<Engine, Beside> {
    set.engines().iter().map(|engine| (*engine, Beside::of(set, *engine))).collect()
}

/// The state with new names, as SQLite makes it: it knows where else a name stands.
fn renamed(set: &MigrationSet, present: &Schema, names: &Names) -> Result<Schema> {
    if names.is_empty() {
        return Ok(present.clone());
    }
    let (statements, gone) = embedded::sqlite_renames(present, names, &Spelling::of(set, &[]));
    let up = statements.join("\n");
    let draft = Draft { message: "renames".to_owned(), up, down: String::new(), overlays: BTreeMap::new() };
    let state = proof::state(&proof::with(set, &[draft])?);
    let mut renamed = state.map_err(|error| {
        let message = format!("the new names do not fit what else there is: {}", error.message());
        Error::new(ErrorKind::Unsupported, message).with_hint(
            "drop what stands in the way in a migration that is written by hand and comes before, and make it again in one \
             that comes after",
        )
    })?;
    for trigger in gone {
        let of = trigger.table.as_ref().map(|table| names.table_now(table).to_owned());
        renamed.add(Other { table: of, ..trigger.clone() });
    }
    Ok(renamed)
}

/// What DuckDB has of the last of the states of a set: what is found there, where this build has DuckDB, else what the
/// migrations say of it.
fn duckdb_state(set: &MigrationSet, states: &[Schema]) -> Schema {
    if cfg!(feature = "duckdb") && set.engines().contains(&Engine::DuckDb) {
        // A migration that does not run there is what the proof is about.
        if let Ok(found) = proof::state_on(set, Engine::DuckDb) {
            return duckdb::found(states.last().cloned().unwrap_or_default(), &found);
        }
    }
    let mut duckdb = Schema::default();
    let mut without = Without::NOTHING;
    for (migration, pair) in set.migrations().iter().zip(states.windows(2)) {
        without = without.and_then(migration);
        duckdb = duckdb::after(&duckdb, &pair[0], &pair[1], &Names::default(), without);
    }
    duckdb
}

/// The texts of each engine of a set, up and down.
type Texts = BTreeMap<Engine, (Text, Text)>;

/// One side of a migration.
struct Text {
    /// Lines for charter.
    directives: String,
    statements: Vec<String>,
}

/// How Postgres runs the statements of a step: one by one where one of them can not be in a transaction, or does its waiting
/// after another that locks.
fn how_it_runs(engine: Engine, step: &Step, statements: &[String]) -> &'static str {
    let needs_none = statements.len() > 1 || statements.iter().any(|statement| statement.contains(" CONCURRENTLY "));
    match engine == Engine::Postgres && step.one_by_one && needs_none {
        true => "-- charter: no-transaction\n",
        false => "",
    }
}

/// What each engine runs, and what DuckDB has afterwards.
fn texts(
    set: &MigrationSet,
    step: &Step,
    duckdb: &Schema,
    beside: &BTreeMap<Engine, Beside>,
    spelling: &Spelling,
) -> Result<(Texts, Schema)> {
    let mut texts = Texts::new();
    let after = duckdb::after(duckdb, &step.from, &step.to, &step.names, Without::WRITTEN);
    for engine in set.engines() {
        let (up, down) = match (engine, beside.get(engine)) {
            (Engine::Postgres, Some(there)) => {
                (postgres::up(step, spelling, there)?, postgres::down(step, spelling, there)?)
            }
            (Engine::Sqlite, _) | (_, None) => {
                (embedded::sqlite_up(step, spelling)?, embedded::sqlite_down(step, spelling)?)
            }
            (Engine::DuckDb, Some(there)) => {
                let states = (duckdb, &after);
                let up = embedded::duckdb_up(step, states, there, spelling)?;
                (up, embedded::duckdb_down(step, states, there, spelling)?)
            }
        };
        let lacks = match engine {
            // Alone, it differs from nobody.
            Engine::DuckDb if set.engines().iter().any(|engine| *engine != Engine::DuckDb) => {
                duckdb::directives((duckdb, &step.from), (&after, &step.to))
            }
            _ => String::new(),
        };
        let up = Text { directives: format!("{lacks}{}", how_it_runs(*engine, step, &up)), statements: up };
        let down = Text { directives: how_it_runs(*engine, step, &down).to_owned(), statements: down };
        texts.insert(*engine, (up, down));
    }
    Ok((texts, after))
}

/// How a text says that there is nothing to do on an engine.
const NOTHING: &str = "nothing to do on ";

/// The files of a step: what most engines run is the base, the others have overlays.
fn draft(
    set: &MigrationSet,
    message: &str,
    step: &Step,
    steps: &[Step],
    (by_hand, beside): (&[Difference], &BTreeMap<Engine, Beside>),
    texts: Texts,
) -> Draft {
    let message = match &step.subject {
        Some(subject) => format!("{message} {subject}"),
        None if step.one_by_one && steps.len() > 1 => format!("{message} constraints and indexes"),
        None => message.to_owned(),
    };
    // Directives first, then what people read.
    let headed = |text: &Text, engine: Engine, title: &str, (by_hand, decisions): (&str, &str)| {
        let statements: String = text.statements.iter().map(|statement| format!("{statement}\n")).collect();
        let said = format!("{by_hand}{decisions}");
        let rest = match (text.statements.is_empty(), said.is_empty()) {
            (false, _) => format!("{said}\n{statements}"),
            (true, false) => said,
            (true, true) => comment(&format!("{NOTHING}{engine}")),
        };
        format!("{}{}{rest}", text.directives, comment(title))
    };
    let functions = |engine: &Engine, side: fn(&(String, String)) -> &String| -> String {
        let lines = beside.get(engine).map(|there| beside::decisions(step, there)).unwrap_or_default();
        lines.iter().map(|lines| comment(&format!("decide: {}", side(lines)))).collect()
    };
    let triggers = |engine: &Engine| -> String {
        let there = beside.get(engine).filter(|_| *engine == Engine::Sqlite);
        let lines = there.map(|there| beside::trigger_decisions(step, there)).unwrap_or_default();
        lines.iter().map(|line| comment(&format!("decide: {line}"))).collect()
    };
    let taken_back = format!("takes back: {message}");
    let up = |(engine, (up, _)): (&Engine, &(Text, Text))| {
        let by_hand = left_to_people(set, by_hand, *engine, beside.get(engine));
        let decisions = format!("{}{}{}", decisions(step, *engine), functions(engine, |(up, _)| up), triggers(engine));
        (*engine, headed(up, *engine, &message, (&by_hand, &decisions)))
    };
    let down = |(engine, (_, down)): (&Engine, &(Text, Text))| {
        (*engine, headed(down, *engine, &taken_back, ("", &functions(engine, |(_, down)| down))))
    };
    let ups: BTreeMap<Engine, String> = texts.iter().map(up).collect();
    let downs: BTreeMap<Engine, String> = texts.iter().map(down).collect();
    let base = |texts: &BTreeMap<Engine, String>| -> String {
        let shared = |engine: &Engine| texts.values().filter(|text| Some(*text) == texts.get(engine)).count();
        // Postgres' own where no two are alike. A table that is made anew is no text for all, however many do it, nor is one
        // that says in what an engine differs, or that there is nothing to do on it.
        let is_own = |text: &String| {
            text.contains(embedded::NEW)
                || text.starts_with(duckdb::DIFFERS)
                || text.contains(comment(NOTHING).trim_end())
        };
        let is_portable =
            |engine: &Engine| *engine == Engine::Postgres || texts.get(engine).is_some_and(|text| !is_own(text));
        let order = [Engine::DuckDb, Engine::Sqlite, Engine::Postgres];
        let present = || order.iter().filter(|engine| texts.contains_key(engine));
        let best = present().filter(|engine| is_portable(engine)).max_by_key(|engine| shared(engine));
        best.or_else(|| present().next_back()).and_then(|engine| texts.get(engine)).cloned().unwrap_or_default()
    };
    let (up, down) = (base(&ups), base(&downs));
    let mut overlays = BTreeMap::new();
    for engine in set.engines() {
        let own =
            |texts: &BTreeMap<Engine, String>, base: &String| texts.get(engine).filter(|text| *text != base).cloned();
        let sides = (own(&ups, &up), own(&downs, &down));
        if sides.0.is_some() || sides.1.is_some() {
            overlays.insert(*engine, sides);
        }
    }
    Draft { message, up, down, overlays }
}

/// What is left to write by a person, as comments.
fn left_to_people(set: &MigrationSet, by_hand: &[Difference], engine: Engine, there: Option<&Beside>) -> String {
    // What there is and shall not be as it is concerns those engines alone whose migrations name it.
    let has = |name: &str| set.migrations().iter().any(|migration| sql::mentions(migration.up(engine).text(), name));
    // What an overlay of SQLite's says that it alone has is no mistake.
    let declared = Declarations::of(set, (Engine::Sqlite, Engine::Sqlite), |_| true);
    let is_told = |difference: &&Difference| match difference.kind {
        DifferenceKind::Missing => true,
        DifferenceKind::Extra if declared.cover(difference) => false,
        // SQLite's are in the words of the models.
        DifferenceKind::Different if difference.object == Object::Trigger && engine == Engine::Sqlite => false,
        _ => has(&difference.name),
    };
    let told = by_hand.iter().filter(is_told);
    let line = |difference: &Difference| {
        let is_another = difference.kind == DifferenceKind::Different && difference.object == Object::Trigger;
        let own = there.filter(|_| is_another).and_then(|there| there.own_trigger(difference));
        comment(&format!("decide: {}", own.unwrap_or_else(|| format!("{difference}: write this by hand"))))
    };
    told.map(line).collect()
}

/// What a person has to decide about a step, as comments.
fn decisions(step: &Step, engine: Engine) -> String {
    let mut lines: Vec<String> = Vec::new();
    for table in dropped(&step.middle, &step.to, &Names::default()) {
        lines.push(format!("the table {} and its rows are lost; taking this back makes it again, empty", table.name));
    }
    for rename in table_candidates(&step.middle, &step.to, &Names::default()) {
        lines.push(format!("if this is a new name, write it anew with --rename {rename}"));
    }
    for (before, now) in pairs(&step.middle, &step.to, &Names::default()) {
        let change = TableChange::of(before, now, &Names::default());
        let of = |column: &Column| format!("{}.{}", now.name, column.name);
        for column in &change.dropped {
            lines.push(format!("the values of {} are lost; taking this back makes it again, empty", of(column)));
        }
        for column in change.added.iter().filter(|column| column.not_null && column.default.is_none()) {
            if let Some(value) = value::filler(column).filter(|_| column.generated.is_none()) {
                lines.push(format!(
                    "rows that exist get {value} in {}, and programs have to give it from now on",
                    of(column)
                ));
            }
        }
        for (old, new) in &change.altered {
            let becomes = format!("{} becomes {}", of(new), new.data_type);
            let is_retyped = !change::same_type(&old.data_type, &new.data_type);
            match value::fate(&old.data_type, &new.data_type, engine) {
                _ if !is_retyped => {}
                Fate::Kept => {}
                _ if engine == Engine::Sqlite => lines.push(format!("{becomes}; SQLite keeps values that do not fit")),
                Fate::Refused => lines.push(format!("{becomes}; a value that does not fit stops this migration")),
                Fate::Rounded => lines.push(format!("{becomes}; of a value that does not fit, a part is lost")),
            }
            if !is_required(before, old) && is_required(now, new) {
                lines.push(format!("a row without {} stops this migration; give it a value in one before", of(new)));
            }
        }
        if !change.unique.added.is_empty() || !change.checks.added.is_empty() || !change.foreign_keys.added.is_empty() {
            lines.push(format!("a row of {} that breaks a new constraint stops this migration", now.name));
        }
    }
    for rename in column_candidates(&step.middle, &step.to, &Names::default()) {
        lines.push(format!("if this is a new name, write it anew with --rename {rename}"));
    }
    lines.into_iter().map(|line| comment(&format!("decide: {line}"))).collect()
}

/// Refuses new names of which Postgres would cut off the end.
fn check_lengths(present: &Schema, wanted: &Schema) -> Result<()> {
    let there = present.names();
    let cut = |name: &&str| name.len() > LONGEST_NAME && !there.contains(name);
    let Some(name) = wanted.names().into_iter().find(cut) else { return Ok(()) };
    let message = format!("the name {name:?} is longer than the 63 bytes that Postgres keeps of a name");
    Err(Error::new(ErrorKind::Unsupported, message).with_hint("give it another name"))
}

/// Refuses new foreign keys between columns that Postgres cannot compare.
fn check_references(present: &Schema, wanted: &Schema, names: &Names) -> Result<()> {
    for of in wanted.tables.values() {
        let before = rename::table(present, names.table_before(&of.name));
        let is_new = |key: &&ForeignKey| before.is_none_or(|before| !before.foreign_keys.contains(key));
        for key in of.foreign_keys.iter().filter(is_new) {
            let Some(other) = rename::table(wanted, &key.table) else { continue };
            for (from, to) in key.columns.iter().zip(&key.references) {
                let (Some(one), Some(two)) = (of.column(from), other.column(to)) else { continue };
                if !value::is_comparable(&one.data_type, &two.data_type) {
                    let message = format!(
                        "{}.{from} is {} and refers to {}.{to}, which is {}: Postgres cannot compare them",
                        of.name, one.data_type, other.name, two.data_type
                    );
                    return Err(
                        Error::new(ErrorKind::Unsupported, message).with_hint("give both columns the same type")
                    );
                }
            }
        }
    }
    Ok(())
}

/// The error for a column whose rows get no value.
fn no_value(table: &Table, column: &Column) -> Error {
    let message =
        format!("{}.{} takes no NULL, and nobody knows what rows that exist get in it", table.name, column.name);
    Error::new(ErrorKind::Unsupported, message).with_hint("give the column a default, or let it take NULL")
}
