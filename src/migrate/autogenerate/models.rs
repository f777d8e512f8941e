//! Reading the models: the CREATE statements of all that there shall be.

use super::stage::is_key;
use crate::engine::Engine;
use crate::engine::lexer::{self, TokenKind};
use crate::error::{Context, Error, ErrorKind, Position, Result};
use crate::migrate::create;
use crate::migrate::files::MODELS_FILE;
use crate::migrate::schema::{ForeignKey, Schema, Table, throw_away};
use crate::migrate::script::{Script, Statement};
use crate::migrate::set::MigrationSet;
use crate::migrate::steps::words;
use std::path::PathBuf;

/// The state that the models of a set describe, as a throw-away SQLite database has it.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there are no models; [`ErrorKind::Invalid`] when they say something else than what there
/// shall be, or refer to what they do not make; and what SQLite says of them, with the place.
pub(super) fn read(set: &MigrationSet) -> Result<Schema> {
    let models = file(set)?;
    let mut database = throw_away(Engine::Sqlite, None)?;
    for statement in models.statements(Engine::Sqlite) {
        check(&statement).map_err(|error| error.at(models.file(), Some(statement.position)))?;
        let executed = database.execute(statement.text).map_err(|error| {
            error.at(models.file(), Some(statement.position)).with_hint(
                "the models are read by SQLite: write what all engines take, such as CURRENT_TIMESTAMP and not now()",
            )
        });
        executed.context("making the models in a throw-away SQLite database")?;
    }
    let schema = Schema::read(&mut *database, set)?;
    for table in schema.tables.values() {
        for key in &table.foreign_keys {
            check_reference(&schema, table, key).map_err(|error| error.at(models.file(), None))?;
        }
    }
    for view in schema.views.values().filter(|view| view.columns.is_empty()) {
        let name = crate::migrate::connection::quoted(&view.name);
        let read = database.query(&format!("SELECT * FROM {name} LIMIT 0"));
        read.map_err(|error| error.at(models.file(), None)).context(format!("reading the view {}", view.name))?;
    }
    let names = schema.tables.keys().chain(schema.views.keys());
    let mut taken = names.filter(|name| !set.is_charter() && name.to_ascii_lowercase().starts_with("charter_"));
    if let Some(name) = taken.next() {
        let message =
            format!("the name {name} begins as those of charter's own tables do, which may be in the same file");
        return Err(Error::new(ErrorKind::Invalid, message).at(models.file(), None).with_hint("give it another name"));
    }
    Ok(schema)
}

/// Where the models say what a message is about: where they make the first thing that it names, else anywhere in the file.
pub(super) fn place(set: &MigrationSet, message: &str) -> Option<(PathBuf, Option<Position>)> {
    let models = file(set).ok()?;
    let statements = models.statements(Engine::Sqlite);
    let places: Vec<(String, Position)> =
        statements.iter().filter_map(|said| Some((made(said.text)?, said.position))).collect();
    let tokens = lexer::tokens(message, Engine::Sqlite);
    let named = tokens.iter().find_map(|token| {
        let word = token.text(message).trim_matches('"');
        places.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, position)| *position)
    });
    Some((models.file().to_owned(), named))
}

/// The name of what a statement makes.
fn made(statement: &str) -> Option<String> {
    let tokens = lexer::each_token(statement, Engine::Sqlite).filter(|token| token.kind != TokenKind::Comment);
    let mut words = tokens.map(|token| token.text(statement));
    let is_one_of = |word: &str, words: &[&str]| words.iter().any(|other| other.eq_ignore_ascii_case(word));
    words.find(|word| is_one_of(word, &["table", "view", "index", "trigger"]))?;
    let name = words.find(|word| !is_one_of(word, &["if", "not", "exists"]))?;
    Some(name.trim_matches('"').to_owned())
}

fn file(set: &MigrationSet) -> Result<Script> {
    let file = create::directory(set)?.join(MODELS_FILE);
    let text = std::fs::read_to_string(&file).map_err(|error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = Error::from(error).at(&file, None).context("reading the models");
        match is_missing {
            true => error
                .with_hint("the models are the CREATE statements of all tables, indexes and views that there shall be"),
            false => error,
        }
    })?;
    Ok(Script::new(file, &text))
}

/// Refuses what says nothing of tables, indexes and views: it would be lost, or reach what is no throw-away database.
fn check(statement: &Statement<'_>) -> Result<()> {
    let words = words(statement.text, Engine::Sqlite);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let hint = match words.as_slice() {
        ["create", "temp" | "temporary", ..] => "what is gone with the connection is no part of the models",
        // What foreign keys mean is said by no table, and many files begin so.
        ["create" | "alter" | "drop", ..] | ["pragma", "foreign_keys", ..] => return Ok(()),
        ["insert" | "update" | "delete" | "replace" | "with", ..] => {
            "the models say which tables there are; rows belong into a migration"
        }
        _ => "the models are the CREATE statements of all tables, indexes and views that there shall be",
    };
    let said = words.iter().take(2).map(|word| word.to_uppercase()).collect::<Vec<_>>().join(" ");
    Err(Error::new(ErrorKind::Invalid, format!("{said} is no part of models")).with_hint(hint))
}

/// Refuses a foreign key to what is not there, or to columns in which rows can be equal.
fn check_reference(schema: &Schema, table: &Table, key: &ForeignKey) -> Result<()> {
    let wrong = |what: String, hint: &'static str| {
        let message = format!("{} ({}) refers to {what}", table.name, key.columns.join(", "));
        Err(Error::new(ErrorKind::Invalid, message).with_hint(hint))
    };
    let Some(other) = schema.tables.values().find(|other| other.name.eq_ignore_ascii_case(&key.table)) else {
        return wrong(format!("{}, which the models do not make", key.table), "the models make all tables of the set");
    };
    if let Some(column) = key.references.iter().find(|column| other.column(column).is_none()) {
        return wrong(format!("{}.{column}, which the models do not make", other.name), "name one of its columns");
    }
    if key.references.is_empty() || !is_key(other, &key.references) {
        let columns = key.references.join(", ");
        let what = format!("{} ({columns}), of which rows may be equal", other.name);
        return wrong(what, "refer to a primary key, or to columns that are UNIQUE together");
    }
    Ok(())
}
