//! What SQLite and DuckDB files have in common: statements as words, what they make of tables, and the rules that both share.

mod affinity;
mod bounds;
mod changes;
mod copies;
mod expressions;
mod filled;
mod keys;
mod live;
mod losses;
mod made;
mod objects;
mod orphans;
mod outstanding;
mod parts;
mod promises;
mod queries;
mod rehearsed;
mod rows;
mod tables;
mod types;
mod views;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::lexer::TokenKind;
use super::postgres::{data, drops, renames, transactions};
use super::source::Source;
use super::{
    AtRows, Catalogue, Engine, FailsAtRows, Finding, Input, LintOptions, Rehearse, Rule, Severity, TableObject, files,
};
use crate::engine::rehearsal::Rehearsal;
pub(super) use affinity::converts;
pub(super) use copies::shown;
use copies::{Dropped, MIXED_UP, Moved};
use keys::{LeftBehind, Unique};
use losses::Taking;
use objects::Signature;
use outstanding::Outstanding;
use promises::Freed;
use rehearsed::{Answer, Rehearsed};
use tables::Mention;
pub(super) use tables::Table;
pub(super) use types::{narrows, retyped};
use views::{ViewColumns, created_view};
pub(super) use words::Words;

/// The rules that are of both engines alone.
pub(super) const RULES: &[&Rule] = &[&MIXED_UP];

/// The judge of one run over files for an embedded engine.
pub(super) struct Embedded<'a> {
    pub(super) source: &'a Source<'a>,
    /// The engine itself, where this build has it.
    rehearsed: Rehearsed,
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) file: usize,
    applied: bool,
    /// Whether charter's own runner runs the files.
    pub(super) is_set: bool,
    wrapped: bool,
    explicit: bool,
    statement: Range<usize>,
    findings: Vec<Finding>,
    is_sqlite: bool,
    /// The names of the tables that this file made.
    made: BTreeSet<String>,
    /// The temporary tables that are there, which hide others of their name.
    temporary: BTreeSet<String>,
    /// Tables to which this file gave another name, by the one that they had before it.
    moved: BTreeMap<String, Moved>,
    /// The constraints and unique indexes that this file dropped.
    freed: Vec<Freed>,
    /// The triggers that the files so far made: the table, and every name in it.
    trigger_names: BTreeMap<String, (String, BTreeSet<String>)>,
    /// What the triggers that the files so far made take from the tables that they are of.
    taking: BTreeMap<String, Taking>,
    /// Tables that this file dropped, by the name that they had before it.
    pub(super) dropped: BTreeMap<String, Dropped>,
    /// Whether this file has switched foreign keys off by now, or its runner has.
    pub(super) foreign_keys_off: bool,
    /// Whether they were off when the file began its transaction.
    keys_before: Option<bool>,
    /// Tables of which the current transaction dropped indexes, with every name in those.
    pub(super) unindexed: BTreeMap<String, BTreeSet<String>>,
    /// What the current transaction has changed.
    outstanding: Outstanding,
    /// The views that the files so far made, with their columns.
    views: BTreeMap<String, ViewColumns>,
    /// Every name in them.
    view_names: BTreeMap<String, BTreeSet<String>>,
    /// The views that this file makes: where, which, and with what columns.
    made_later: Vec<(usize, String, ViewColumns)>,
    /// The types and macros that this file makes: where, and which.
    objects_later: Vec<(usize, String)>,
    /// The sequences, types and macros that this file has made by now.
    objects_of_this_file: BTreeSet<String>,
    /// The views that were not there before this file made them.
    new_views: BTreeSet<String>,
    /// Those that were, and that it dropped.
    dropped_views: BTreeSet<String>,
    /// Whether a connection has told which tables there are.
    is_live: bool,
    /// Whether it has told of all that there is, and nobody else makes something first.
    is_all_told: bool,
    /// What becomes of the files at the rows that the database has.
    at_rows: AtRows,
    /// What the database has that reads tables, such as a view, as far as the files so far have not dropped it.
    readers: Vec<TableObject>,
    /// The names of what the database has and no file so far made.
    of_host: BTreeSet<String>,
    /// What read the tables that this file dropped, when it did.
    read_when_dropped: BTreeMap<String, Vec<TableObject>>,
    /// Tables of which this file changed the name, by the name that they have now.
    renamed: BTreeMap<String, String>,
    /// Tables whose rows this file deletes or changes by now, and by how many statements.
    changed: BTreeMap<String, usize>,
    /// What this file leaves behind, unless it changes that too.
    left_behind: Vec<LeftBehind>,
    /// What macros take, each with the file that made it; nothing for one that was there before.
    macros: BTreeMap<String, Vec<Signature>>,
    /// The sequences that files made.
    sequences: BTreeSet<String>,
    /// The columns of views that the database has, and no file made.
    views_of_host: BTreeMap<String, Vec<String>>,
}

/// What an engine adds to the common rules.
pub(super) trait Dialect {
    /// The engine.
    const ENGINE: Engine;
    /// What it cannot run.
    const CANNOT_RUN: &'static Rule;
    /// The rules that say that a statement fails, whatever rows there are.
    const BLOCKED: &'static [&'static str];
    /// The rules that say that a statement fails.
    const FAILS: &'static [&'static str];
    /// The first words that the engine knows.
    const VERBS: &'static [&'static str];

    /// That a statement fails at rows that the database has.
    const FAILS_AT_ROWS: &'static Rule;
    /// That values change with their type.
    const NARROWS: &'static Rule;
    /// That a table is made anew without what it kept out.
    const REBUILD_LOSES_KEYS: &'static Rule;

    /// Whether values of a type change without a word in a column of another one, or by a cast to it.
    fn changes(from: &str, to: &str, is_cast: bool) -> bool;

    /// Judges a statement before the tables change.
    fn check(judge: &mut Embedded<'_>, words: &Words);

    /// Judges a file as a whole.
    fn end_of_file(judge: &mut Embedded<'_>, statements: &[Words]);
}

/// The findings of each file.
pub(super) fn judge<D: Dialect>(
    inputs: &[Input],
    sources: &[Source<'_>],
    options: &LintOptions,
    catalogue: Option<&Catalogue>,
    rehearse: Rehearse,
) -> Vec<Vec<Finding>> {
    if rehearse == Rehearse::Suspected {
        let found = judge_with::<D>(inputs, sources, options, catalogue, None);
        if !found.iter().flatten().any(|finding| D::BLOCKED.contains(&finding.rule.name)) {
            return found;
        }
    }
    judge_with::<D>(inputs, sources, options, catalogue, Rehearsal::of(D::ENGINE))
}

/// The findings of each file, and of an engine that is asked.
fn judge_with<D: Dialect>(
    inputs: &[Input],
    sources: &[Source<'_>],
    options: &LintOptions,
    catalogue: Option<&Catalogue>,
    engine: Option<Rehearsal>,
) -> Vec<Vec<Finding>> {
    let Some(first) = sources.first() else { return Vec::new() };
    let mut judge = Embedded {
        source: first,
        rehearsed: Rehearsed::of(engine, D::ENGINE == Engine::Sqlite, options),
        tables: BTreeMap::new(),
        file: 0,
        applied: false,
        is_set: options.wrapped,
        wrapped: false,
        explicit: false,
        statement: 0..0,
        findings: Vec::new(),
        is_sqlite: D::ENGINE == Engine::Sqlite,
        made: BTreeSet::new(),
        temporary: BTreeSet::new(),
        moved: BTreeMap::new(),
        freed: Vec::new(),
        trigger_names: BTreeMap::new(),
        taking: BTreeMap::new(),
        dropped: BTreeMap::new(),
        foreign_keys_off: false,
        unindexed: BTreeMap::new(),
        outstanding: Outstanding::default(),
        views: BTreeMap::new(),
        view_names: BTreeMap::new(),
        made_later: Vec::new(),
        objects_later: Vec::new(),
        objects_of_this_file: BTreeSet::new(),
        new_views: BTreeSet::new(),
        dropped_views: BTreeSet::new(),
        keys_before: None,
        is_live: false,
        is_all_told: false,
        at_rows: catalogue.map(|catalogue| catalogue.at_rows.clone()).unwrap_or_default(),
        readers: Vec::new(),
        of_host: BTreeSet::new(),
        read_when_dropped: BTreeMap::new(),
        renamed: BTreeMap::new(),
        changed: BTreeMap::new(),
        left_behind: Vec::new(),
        macros: BTreeMap::new(),
        sequences: BTreeSet::new(),
        views_of_host: BTreeMap::new(),
    };
    let mut live = catalogue;
    let mut found = Vec::new();
    let files =
        sources.iter().map(|source| source.statements.iter().map(|words| Words::new(source.text, words)).collect());
    let files: Vec<Vec<Words>> = files.collect();
    judge.rehearsed.needs(&files, |file| inputs[file].applied);
    for (index, ((input, source), statements)) in inputs.iter().zip(sources).zip(&files).enumerate() {
        judge.source = source;
        judge.file = index;
        if !input.applied
            && let Some(catalogue) = live.take()
        {
            judge.see(catalogue);
        }
        judge.applied = input.applied;
        judge.wrapped = options.wrapped && !source.no_transaction;
        judge.explicit = false;
        judge.made.clear();
        judge.moved.clear();
        judge.dropped.clear();
        judge.unindexed.clear();
        judge.outstanding = Outstanding::default();
        judge.renamed.clear();
        judge.read_when_dropped.clear();
        judge.changed.clear();
        judge.foreign_keys_off = judge.wrapped;
        judge.rehearsed.begin_file(index, judge.wrapped);
        judge.made_later = statements
            .iter()
            .filter_map(|words| created_view(words).map(|(name, columns)| (words.range.start, name, columns)))
            .collect();
        judge.objects_of_this_file.clear();
        judge.new_views.clear();
        judge.dropped_views.clear();
        judge.keys_before = None;
        judge.objects_later = statements.iter().filter_map(objects::made_later).collect();
        judge.text();
        for words in statements.iter().filter(|words| words.len() > 0) {
            judge.statement = words.range.clone();
            judge.statement::<D>(words);
        }
        judge.rehearsed.end_file();
        judge.gone::<D>();
        judge.promises_lost::<D>();
        judge.freed();
        judge.unique_indexes_lost();
        D::end_of_file(&mut judge, statements);
        if judge.explicit {
            judge.report(
                &transactions::UNCOMMITTED,
                judge.statement.clone(),
                "the transaction is still open when the file ends",
            );
        }
        judge.forget();
        found.push(std::mem::take(&mut judge.findings));
    }
    found
}

impl Embedded<'_> {
    pub(super) fn report(
        &mut self,
        rule: &'static Rule,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Finding {
        let at = self.findings.len();
        self.findings.push(self.source.finding(rule, range, self.statement.clone(), message.into()));
        &mut self.findings[at]
    }

    /// Reports what is known only behind the statement that it is about.
    pub(super) fn report_of(&mut self, rule: &'static Rule, of: Range<usize>, message: String) -> &mut Finding {
        let last = std::mem::replace(&mut self.statement, of.clone());
        let at = self.findings.len();
        self.report(rule, of, message);
        self.statement = last;
        &mut self.findings[at]
    }

    /// Takes in that a file is over: what is temporary goes with its connection.
    fn forget(&mut self) {
        for name in std::mem::take(&mut self.temporary) {
            self.tables.remove(&words::temporary(&name));
        }
        self.forget_copies();
    }

    /// Takes in that what was copied counts no more.
    fn forget_copies(&mut self) {
        for table in self.tables.values_mut() {
            table.rows.clear();
            table.parts.clear();
        }
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.wrapped || self.explicit
    }

    /// Strings and names that never end, and commands of a shell.
    fn text(&mut self) {
        for token in &self.source.tokens {
            let text = token.text(self.source.text);
            let message = match token.kind {
                _ if !token.terminated => "this never ends".to_owned(),
                TokenKind::Symbol if text == "\\" => "a backslash is no part of SQL".to_owned(),
                _ => continue,
            };
            let range = token.range.clone();
            let statement = self.source.statement_at(range.start);
            self.findings.push(self.source.finding(&files::SYNTAX_ERROR, range, statement, message));
        }
    }

    fn statement<D: Dialect>(&mut self, written: &Words) {
        let resolved = (!self.temporary.is_empty()).then(|| written.among(&self.temporary));
        let words = resolved.as_ref().unwrap_or(written);
        let verb = words.at(0);
        if words.at(0) == "." {
            let message = "a command of the sqlite3 shell, not SQL";
            self.report(&files::PSQL_COMMAND, words.range.clone(), message);
            return;
        }
        if !D::VERBS.contains(&verb) && verb != "(" {
            let message = format!("{} begins no statement that this engine knows", verb.to_uppercase());
            self.report(&files::SYNTAX_ERROR, words.bytes(0, 1), message);
            return;
        }
        if (0..words.len()).map(|at| words.opens(at)).sum::<i64>() != 0 {
            self.report(&files::SYNTAX_ERROR, words.range.clone(), "the parentheses do not match");
        }
        let answer = self.rehearse(written);
        let before = self.findings.len();
        self.transaction(words);
        self.common(words);
        self.mixed_up(words);
        self.unfilled::<D>(words);
        D::check(self, words);
        self.believe::<D>(words, before, answer);
        self.fails_at_rows::<D>(words, before);
        self.apply(words);
    }

    /// What the engine said counts: it refuses what the rules have not found, and runs what they say is blocked.
    fn believe<D: Dialect>(&mut self, words: &Words, before: usize, answer: Answer) {
        let fails = |finding: &Finding| D::FAILS.contains(&finding.rule.name);
        match answer {
            Answer::Refused(message) if !self.findings[before..].iter().any(fails) => {
                self.report(D::CANNOT_RUN, words.range.clone(), message);
            }
            Answer::Runs => {
                let mut at = 0;
                self.findings.retain(|finding| {
                    at += 1;
                    at <= before || !D::BLOCKED.contains(&finding.rule.name)
                });
            }
            Answer::Refused(_) | Answer::RefusedWithout { .. } | Answer::Unknown => {}
        }
    }

    /// What was tried on rows that the database has, or asked of them, counts where no rule has said as much.
    fn fails_at_rows<D: Dialect>(&mut self, words: &Words, before: usize) {
        let is_told = self.findings[before..].iter().any(|finding| D::FAILS.contains(&finding.rule.name));
        let all = words.range.clone();
        match &self.at_rows {
            _ if self.applied || is_told => {}
            AtRows::Fails(FailsAtRows { file, range, message })
                if *file == self.source.file && range.contains(&all.start) =>
            {
                let message = message.clone();
                self.report(D::FAILS_AT_ROWS, all, message);
            }
            AtRows::Unknown if words.starts("create unique index") => {
                let (_, next) = words.name(words.past_if(3));
                let (table, _) = words.name(next + 1);
                if !self.is_new(&table) && self.may_have_rows(&table) {
                    let message = format!("no two rows of {table} may be alike in it, which is not known");
                    self.report(D::FAILS_AT_ROWS, all, message).severity = Severity::Warning;
                }
            }
            _ => {}
        }
    }

    fn transaction(&mut self, words: &Words) {
        let begins = matches!(words.at(0), "begin" | "start");
        let ends = matches!(words.at(0), "commit" | "end" | "abort") || (words.at(0) == "rollback" && !words.has("to"));
        let savepoint =
            matches!(words.at(0), "savepoint" | "release") || (words.at(0) == "rollback" && words.has("to"));
        if !begins && !ends && !savepoint {
            return;
        }
        if matches!(words.at(0), "rollback" | "abort") {
            self.forget_copies();
        }
        let word = words.at(0).to_uppercase();
        if self.wrapped {
            let message = format!("{word} in a file that is run in one transaction");
            self.report(&transactions::CONTROL, words.range.clone(), message);
        } else if begins && self.explicit {
            self.report(&transactions::NESTED, words.range.clone(), "a transaction within a transaction fails")
                .severity = Severity::Error;
        } else if ends && !self.explicit {
            let message = format!("{word}, but no transaction is open");
            self.report(&transactions::NONE_OPEN, words.range.clone(), message).severity = Severity::Error;
        } else if begins || ends {
            self.explicit = begins;
            self.unindexed.clear();
            self.outstanding = Outstanding::default();
            self.put_off_keys(begins);
        }
        if self.is_set && !self.wrapped && (savepoint || matches!(words.at(0), "rollback" | "abort")) {
            let message =
                format!("{word} in a migration without a transaction: there, one is a plain BEGIN, statements, COMMIT");
            self.report(&transactions::CONTROL, words.range.clone(), message);
        }
    }

    /// Takes in that a transaction of the file itself begins or ends: charter switches foreign keys off in it, and compares
    /// them at its end.
    fn put_off_keys(&mut self, begins: bool) {
        if !self.is_set || !self.is_sqlite {
            return;
        }
        if begins {
            self.keys_before = Some(self.foreign_keys_off);
            self.foreign_keys_off = true;
        } else if let Some(before) = self.keys_before.take() {
            self.foreign_keys_off = before;
        }
    }

    /// Rules that hold on every engine: lost rows, broken programs.
    fn common(&mut self, words: &Words) {
        let all = words.range.clone();
        if words.starts("drop view") {
            self.drop_view(words);
        } else if words.starts("drop schema") {
            self.report(&drops::SCHEMA_DROPPED, all.clone(), "a schema is dropped");
        } else if words.starts("alter table") {
            self.alter(words);
        } else if words.starts("alter view") && words.has("rename to") {
            self.report(&renames::OBJECT_RENAMED, all.clone(), "the view has another name from now on");
        } else if words.starts("truncate") {
            let table = words.name(if words.at(1) == "table" { 2 } else { 1 }).0;
            if self.may_lose_rows(&table) && self.changes_old_rows(words, 0, &table) {
                self.report(&data::TRUNCATED, all.clone(), format!("all rows of {table} are lost"));
            }
        }
        self.merge(words);
        self.changed(words);
    }

    fn alter(&mut self, words: &Words) {
        let (table, at) = words.name(words.past_if(2));
        if self.is_new_here(&table) {
            return;
        }
        self.drops_promise(words, &table, at);
        if self.is_of_this_file(&table) {
            return;
        }
        let all = words.range.clone();
        if words.at(at) == "drop" && words.at(at + 1) != "constraint" {
            let column = words.named(words.past_if(if words.at(at + 1) == "column" { at + 2 } else { at + 1 }));
            self.report(&drops::COLUMN_DROPPED, all, format!("the data of {table}.{column} is lost"));
        } else if words.at(at) == "rename" && words.at(at + 1) != "to" {
            let column = words.named(if words.at(at + 1) == "column" { at + 2 } else { at + 1 });
            let message = format!("{table}.{column} has another name from now on");
            self.report(&renames::COLUMN_RENAMED, all, message);
        }
    }
}
