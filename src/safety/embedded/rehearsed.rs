//! What the engine itself says of statements, in a database in memory that has what the files so far have made.
//!
//! A database has more than its files tell: what a host program made, rows, files that are not read here. So a statement
//! that names what is not known proves nothing, and what it would have made is not known either.

use super::super::LintOptions;
use super::Embedded;
use super::words::Words;
use crate::engine::rehearsal::{Reason, Refusal, Rehearsal};
use std::collections::{BTreeMap, BTreeSet};

/// How many tables, views and indexes SQLite may read again: an ALTER TABLE of its reads all that there are.
const MOST_READ_AGAIN: usize = 300_000;

/// What the engine said of a statement.
pub(super) enum Answer {
    Runs,
    /// It fails in every database, with these words.
    Refused(String),
    /// It fails in every database that has no table, view, index or trigger of this name.
    RefusedWithout {
        name: String,
        message: String,
    },
    Unknown,
}

/// The engine, and what may be believed of what it says.
pub(super) struct Rehearsed {
    /// Where this build has it, and it is asked.
    engine: Option<Rehearsal>,
    is_sqlite: bool,
    /// Whether the files are of one set; others may be for different databases.
    is_set: bool,
    /// Schemas that an embedded file has only if somebody made them there: those of Postgres.
    foreign: [String; 2],
    file: usize,
    wrapped: bool,
    /// How many more SQLite may read again.
    read_again: usize,
    /// What the files that are judged may name, directly or by what it was made of.
    needed: BTreeSet<String>,
    /// What the files made or took away, by the file.
    made: BTreeMap<String, usize>,
    /// What databases may have otherwise than the one in memory.
    unsure: BTreeSet<String>,
    /// Tables that the database has without a row.
    empty: BTreeSet<String>,
    /// What goes with the connection.
    temporary: Vec<(String, String)>,
    /// Indexes that SQLite has compiled and would make, by name: each that is there slows down all that is made after it.
    /// None once a statement says by which index it reads, as what it made may be met anywhere.
    unmade: Option<BTreeMap<String, String>>,
    /// Whether names mean something else by now, or functions came that are not known.
    is_lost: bool,
}

/// What is asked of the engine.
#[derive(Clone, Copy)]
enum Question {
    /// The statement changes tables.
    Run,
    /// It reads or writes rows.
    Compile,
    /// What it names is no matter.
    Read,
}

impl Rehearsed {
    pub(super) fn of(engine: Option<Rehearsal>, is_sqlite: bool, options: &LintOptions) -> Self {
        Self {
            engine,
            is_sqlite,
            is_set: options.wrapped,
            foreign: ["public".to_owned(), options.schema.to_lowercase()],
            file: 0,
            wrapped: false,
            read_again: MOST_READ_AGAIN,
            needed: BTreeSet::new(),
            made: BTreeMap::new(),
            unsure: BTreeSet::new(),
            empty: BTreeSet::new(),
            temporary: Vec::new(),
            unmade: is_sqlite.then(BTreeMap::new),
            is_lost: false,
        }
    }

    pub(super) fn begin_file(&mut self, file: usize, wrapped: bool) {
        (self.file, self.wrapped) = (file, wrapped);
        if let Some(engine) = self.engine.as_mut().filter(|_| wrapped) {
            engine.begin();
        }
    }

    pub(super) fn end_file(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        engine.end(true);
        for (kind, name) in self.temporary.drain(..) {
            let _ = engine.run(&format!("DROP {kind} IF EXISTS temp.\"{}\"", name.replace('"', "\"\"")));
            // What was temporary is gone for those behind it. One of the first file may hide what a file before it made.
            if self.file > 0 {
                self.made.insert(name, self.file);
            } else {
                self.made.remove(&name);
            }
        }
    }

    /// Takes in that databases may have this otherwise.
    pub(super) fn doubt<'n>(&mut self, names: impl IntoIterator<Item = &'n String>) {
        self.unsure.extend(names.into_iter().cloned());
    }

    /// Takes in whether the database has a table without a row by now.
    pub(super) fn note_empty(&mut self, table: &str, is_empty: bool) {
        if is_empty {
            self.empty.insert(table.to_owned());
        } else {
            self.empty.remove(table);
        }
    }

    /// Looks for what is asked of applied files: what the others name, what that was made of, and what depends on what they
    /// change, as it may block them. `files` are all, in order.
    pub(super) fn needs(&mut self, files: &[Vec<Words>], is_applied: impl Fn(usize) -> bool) {
        if self.engine.is_none() || !(0..files.len()).any(&is_applied) {
            return;
        }
        self.needed = dependants(files, &is_applied);
        for (file, statements) in files.iter().enumerate().rev() {
            for words in statements.iter().rev() {
                if !is_applied(file) || targets(words).iter().any(|name| self.needed.contains(name)) {
                    self.needed.extend((0..words.len()).map(|at| words.named(at).to_owned()));
                }
            }
        }
    }

    /// A transaction that the file itself begins and ends.
    fn transaction(&mut self, words: &Words) {
        let Some(engine) = self.engine.as_mut().filter(|_| !self.wrapped) else { return };
        match words.at(0) {
            "begin" | "start" => engine.begin(),
            "commit" | "end" => engine.end(true),
            "abort" | "rollback" if !words.has("to") => engine.end(false),
            "rollback" => self.is_lost = true,
            _ => {}
        }
    }

    fn ask(&mut self, words: &Words, text: &str, is_applied: bool) -> Answer {
        if self.engine.is_none() {
            return Answer::Unknown;
        }
        let question = question(words);
        let targets = targets(words);
        let is_run = matches!(question, Question::Run);
        if is_applied && !(is_run && targets.iter().any(|name| self.needed.contains(name))) {
            return Answer::Unknown;
        }
        if self.is_sqlite && is_run && !words.starts("create") {
            match self.read_again.checked_sub(self.made.len()) {
                Some(left) => self.read_again = left,
                None => self.is_lost = true,
            }
        }
        let question = if self.is_lost { Question::Read } else { question };
        let can_wait = is_run && self.can_wait(words, &targets);
        if !can_wait {
            self.make_for(words, &targets);
        }
        let Some(engine) = &mut self.engine else { return Answer::Unknown };
        let answer = match question {
            Question::Run if can_wait => engine.compile(text),
            Question::Run => engine.run(&without_rows(words, text, self.is_sqlite)),
            Question::Compile | Question::Read => engine.compile(text),
        };
        let is_known = !self.is_lost && !(0..words.len()).any(|at| self.unsure.contains(words.named(at)));
        let maker = targets.first().and_then(|name| self.made.get(name));
        let is_of_other_file = maker.is_some_and(|maker| *maker != self.file);
        // One that is there already, as another file made it, is perhaps not the one that is meant.
        let is_doubtful = is_of_other_file && !self.is_set && words.starts("create");
        let answer = match (answer, question) {
            (Ok(()), Question::Run) if is_known && !is_doubtful => match self.fails_with_rows(words, text) {
                Some(message) => Answer::Refused(message),
                None => Answer::Runs,
            },
            (Err(Refusal { reason: Reason::Unreadable, message }), _) => Answer::Refused(message),
            (Err(refusal), Question::Run | Question::Compile)
                if is_known && self.is_believed(&refusal.reason, words, is_of_other_file) =>
            {
                Answer::Refused(refusal.message)
            }
            (
                Err(Refusal { reason: Reason::Absent { name, is_of_table: true }, message }),
                Question::Run | Question::Compile,
            ) if !self.is_lost && !self.unsure.contains(&name) => Answer::RefusedWithout { name, message },
            _ => Answer::Unknown,
        };
        if is_run {
            if can_wait && matches!(answer, Answer::Runs) {
                let waits = targets.first().map(|name| (name.clone(), text.to_owned()));
                self.unmade.iter_mut().for_each(|unmade| unmade.extend(waits.clone()));
            }
            self.note(words, targets, matches!(answer, Answer::Runs));
        }
        answer
    }

    /// Whether a statement makes an index that nothing but a change of its table, or its name, can meet.
    fn can_wait(&self, words: &Words, targets: &[String]) -> bool {
        let is_taken = |name: &String| self.made.contains_key(name);
        let is_index = words.starts("create") && words.at(1) == "index";
        is_index && self.wrapped && !self.is_lost && self.unmade.is_some() && !targets.first().is_none_or(is_taken)
    }

    /// Makes the indexes that wait, where a statement may meet one.
    fn make_for(&mut self, words: &Words, targets: &[String]) {
        let Some(unmade) = &mut self.unmade else { return };
        let is_met = match words.at(0) {
            _ if words.has("indexed") => true,
            "create" => targets.iter().any(|name| unmade.contains_key(name)),
            first => matches!(first, "alter" | "drop"),
        };
        let Some(engine) = self.engine.as_mut().filter(|_| is_met) else { return };
        for (name, statement) in std::mem::take(unmade) {
            if engine.run(&statement).is_err() {
                self.unsure.insert(name);
            }
        }
        if words.has("indexed") {
            self.unmade = None;
        }
    }

    /// Why SQLite does not add a column to a table, or make an index of it, that has a row, where it does of an empty one.
    fn fails_with_rows(&mut self, words: &Words, text: &str) -> Option<String> {
        let is_of_value = match words.at(0) {
            "alter" => words.has("check"),
            // A column alone has no value that SQLite would refuse.
            _ => (0..words.len()).filter(|at| words.at(*at) == "(").count() > 1,
        };
        if !self.is_sqlite || !is_of_value {
            return None;
        }
        // What is undone, SQLite reads again too.
        self.read_again = self.read_again.saturating_sub(self.made.len());
        let engine = self.engine.as_ref()?;
        let behind = |at: usize| text.get(words.bytes(at, words.len()).start.checked_sub(words.range.start)?..);
        let kind = kind(words);
        let (name, next) = words.name(words.past_if(kind + 1));
        let (before, last) = match (words.at(0), words.at(kind)) {
            ("alter", "table") if words.at(next) == "add" && !matches!(words.at(next + 1), "constraint" | "check") => {
                let column = behind(if words.at(next + 1) == "column" { next + 2 } else { next + 1 })?;
                let made = format!("CREATE TEMP TABLE charter_aside ({})", column.trim_end_matches(';'));
                (vec![made], "INSERT INTO charter_aside DEFAULT VALUES".to_owned())
            }
            ("create", "index") => {
                let (table, next) = words.name(next + 1);
                let made =
                    format!("CREATE TEMP TABLE charter_aside AS SELECT * FROM \"{}\"", table.replace('"', "\"\""));
                let filled = "INSERT INTO charter_aside DEFAULT VALUES".to_owned();
                (vec![made, filled], format!("CREATE INDEX temp.charter_index ON charter_aside {}", behind(next)?))
            }
            _ => return None,
        };
        let is_of_this_file = |name: &str| self.made.get(name) == Some(&self.file);
        if words.starts("alter") && (is_of_this_file(&name) || self.empty.contains(&name)) {
            return None;
        }
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        engine.failure_behind(&before, &last)
    }

    /// Whether a refusal holds in every database.
    fn is_believed(&self, reason: &Reason, words: &Words, is_of_other_file: bool) -> bool {
        match reason {
            Reason::Unreadable | Reason::Impossible => true,
            // It was there, and the files have taken it away.
            Reason::Absent { name, .. } => self.made.contains_key(name),
            // A name may have a point in it.
            Reason::AbsentSchema(schema) => {
                let is_named = (1..words.len()).any(|at| words.at(at) == "." && words.named(at - 1) == schema);
                is_named && (self.is_sqlite || self.foreign.contains(schema))
            }
            Reason::Taken => self.is_set || !is_of_other_file,
            Reason::Other => false,
        }
    }

    /// Takes in what a statement has made, or would have.
    fn note(&mut self, words: &Words, targets: Vec<String>, runs: bool) {
        if !runs {
            self.unsure.extend(targets);
            return;
        }
        let kind = kind(words);
        if (1..kind).any(|at| matches!(words.at(at), "temp" | "temporary"))
            && let Some(name) = targets.first()
        {
            self.temporary.push((words.at(kind).to_uppercase(), name.clone()));
        }
        // One that is temporary stays so under another name.
        if let [was, now] = targets.as_slice()
            && words.starts("alter")
            && let Some((_, name)) = self.temporary.iter_mut().find(|(_, name)| name == was)
        {
            name.clone_from(now);
        }
        let file = self.file;
        let names = targets.into_iter();
        if words.starts("drop") {
            self.made.extend(names.map(|name| (name, file)));
        } else {
            names.for_each(|name| _ = self.made.entry(name).or_insert(file));
        }
    }
}

impl Embedded<'_> {
    /// Asks the engine about a statement, where the files have brought it.
    pub(super) fn rehearse(&mut self, words: &Words) -> Answer {
        let (rehearsed, is_applied) = (&mut self.rehearsed, self.applied);
        rehearsed.transaction(words);
        match words.at(0) {
            "attach" | "detach" | "use" | "load" | "install" => rehearsed.is_lost = true,
            "set" | "reset" if words.has("search_path") || words.has("schema") => rehearsed.is_lost = true,
            // Some do what they say as soon as they are read.
            "pragma" if rehearsed.is_sqlite => {
                rehearsed.is_lost |= words.has("writable_schema") || words.has("legacy_alter_table");
                return Answer::Unknown;
            }
            _ => {}
        }
        let Some(text) = self.source.text.get(words.range.clone()) else { return Answer::Unknown };
        match rehearsed.ask(words, text, is_applied) {
            Answer::RefusedWithout { name, message } => match self.is_nowhere(words, &name) {
                true => Answer::Refused(message),
                false => Answer::Unknown,
            },
            answer => answer,
        }
    }
}

/// What applied files made upon what the other files change or take away, under all the names that it had.
fn dependants(files: &[Vec<Words>], is_applied: impl Fn(usize) -> bool) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    for (file, statements) in files.iter().enumerate().rev() {
        let changes = |words: &&Words| matches!(words.at(0), "alter" | "drop") || words.starts("create or replace");
        for words in statements.iter().rev().filter(changes) {
            let targets = targets(words);
            // It had another name before.
            if !is_applied(file) || words.starts("alter") && targets.iter().any(|name| changed.contains(name)) {
                changed.extend(targets);
            }
        }
    }
    let mut found = BTreeSet::new();
    let applied = files.iter().enumerate().filter(|(file, _)| is_applied(*file)).flat_map(|(_, statements)| statements);
    for words in applied.filter(|words| !changed.is_empty() && matches!(words.at(0), "create" | "alter" | "drop")) {
        let targets = targets(words);
        let mut mentioned = (1..words.len()).filter_map(|at| words.mentioned(at));
        if targets.iter().any(|name| found.contains(name)) || mentioned.any(|name| changed.contains(&name)) {
            found.extend(targets);
        }
    }
    found
}

/// The word that says what a CREATE, ALTER or DROP is about, by its index.
fn kind(words: &Words) -> usize {
    let is_before = |at: &usize| {
        matches!(words.at(*at), "or" | "replace" | "temp" | "temporary" | "unique" | "virtual" | "recursive")
    };
    (1..words.len()).find(|at| !is_before(at)).unwrap_or(words.len())
}

fn question(words: &Words) -> Question {
    let kinds = ["table", "view", "index", "trigger", "type", "sequence", "schema", "macro", "function"];
    match words.at(0) {
        // Anything else that is made may be kept elsewhere than in the database.
        "create" | "alter" | "drop" if kinds.contains(&words.at(kind(words))) => Question::Run,
        "comment" => Question::Run,
        "insert" | "replace" | "update" | "delete" | "merge" | "select" | "with" | "values" | "truncate" | "(" => {
            Question::Compile
        }
        _ => Question::Read,
    }
}

/// The names of what a statement makes or changes.
fn targets(words: &Words) -> Vec<String> {
    if !matches!(words.at(0), "create" | "alter" | "drop") {
        return Vec::new();
    }
    let kind = kind(words);
    let (name, next) = words.name(words.past_if(kind + 1));
    let mut names = vec![name];
    if words.starts("create") && matches!(words.at(kind), "index" | "trigger") {
        let on = (next..words.len()).find(|at| words.at(*at) == "on");
        names.extend(on.map(|on| words.name(on + 1).0));
    }
    if words.is_at(next, "rename to") {
        names.push(words.name(next + 2).0);
    }
    names
}

/// A statement that makes a table of a query, so that it takes no rows. SQLite counts the steps of one.
fn without_rows(words: &Words, text: &str, is_sqlite: bool) -> String {
    let kind = kind(words);
    let (_, next) = words.name(words.past_if(kind + 1));
    let mut depth = 0;
    let behind_columns = (next..words.len()).find(|at| {
        depth += words.opens(*at);
        depth == 0 && words.at(*at) != ")"
    });
    let is_table = words.at(0) == "create" && words.at(kind) == "table";
    if is_sqlite || !is_table || behind_columns.is_none_or(|at| words.at(at) != "as") || words.has("with no data") {
        return text.to_owned();
    }
    format!("{}\nWITH NO DATA", text.trim_end_matches(';'))
}
