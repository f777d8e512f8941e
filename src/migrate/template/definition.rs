//! Tables and columns as people write them, read by SQLite itself.

use super::super::connection::{in_memory, quoted};
use super::super::schema::{Column, Schema, Table};
use super::super::set::MigrationSet;
use crate::engine::Engine;
use crate::engine::lexer::{self, TokenKind};
use crate::error::{Error, ErrorKind, Result};

/// A table from the texts of its columns.
pub(super) fn table(name: &str, columns: &[String], primary_key: &[String]) -> Result<Table> {
    let mut items: Vec<String> = columns.iter().map(|text| text.trim().to_owned()).collect();
    if items.is_empty() {
        items.push("id BIGINT NOT NULL".to_owned());
    }
    for item in &mut items {
        check(item, "a column")?;
        if lexer::tokens(item, Engine::Sqlite).len() == 1 {
            item.push_str(" TEXT");
        }
    }
    let plain = read(name, &items)?;
    let key = match primary_key {
        [] if plain.primary_key.is_some() => Vec::new(),
        [] => plain.columns.iter().filter(|column| column.name.eq_ignore_ascii_case("id")).take(1).collect(),
        names => {
            let column = |name: &String| {
                plain.column(name).ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, format!("the table {} has no column {name}", plain.name))
                        .with_hint("name columns of the table as its primary key")
                })
            };
            names.iter().map(column).collect::<Result<Vec<&Column>>>()?
        }
    };
    if key.is_empty() && plain.primary_key.is_none() {
        let message = format!("the table {name} would have no primary key");
        return Err(Error::new(ErrorKind::Invalid, message).with_hint("name its columns with `--primary-key`"));
    }
    if !key.is_empty() {
        let names: Vec<String> = key.iter().map(|column| written(&column.name, &items)).collect();
        items.push(format!("PRIMARY KEY ({})", names.join(", ")));
    }
    read(name, &items)
}

/// A column from its name, its type and its default.
pub(super) fn column(name: &str, data_type: &str, not_null: bool, default: Option<&str>) -> Result<Column> {
    check(data_type, "a type")?;
    let words = lexer::tokens(data_type, Engine::Sqlite).into_iter();
    let constraint = words.filter(|token| {
        let words =
            ["not", "null", "default", "primary", "unique", "check", "references", "constraint", "collate", "as"];
        words.iter().any(|word| token.is_word(data_type, word))
    });
    if constraint.count() > 0 {
        return Err(Error::new(ErrorKind::Invalid, format!("{data_type:?} is more than a type"))
            .with_hint("NOT NULL and DEFAULT have options of their own"));
    }
    let mut text = format!("{} {data_type}", quoted(name));
    if not_null {
        text.push_str(" NOT NULL");
    }
    if let Some(default) = default {
        check(default, "a default")?;
        text.push_str(&format!(" DEFAULT ({default})"));
    }
    let table = read("charter_new", &[text])?;
    let mut column = table.columns.into_iter().next().unwrap_or_default();
    // Without the parentheses that were put around it.
    column.default = default.map(|default| default.trim().to_owned());
    Ok(column)
}

/// A name as it is written in one of the texts.
fn written(name: &str, items: &[String]) -> String {
    let first = |item: &String| {
        let token = lexer::tokens(item, Engine::Sqlite).into_iter().next()?;
        let text = token.text(item).to_owned();
        let inner = text.trim_matches(['"', '[', ']', '`']);
        inner.eq_ignore_ascii_case(name).then_some(text)
    };
    items.iter().find_map(first).unwrap_or_else(|| quoted(name))
}

/// What SQLite makes of the items of a table.
fn read(name: &str, items: &[String]) -> Result<Table> {
    let is_simple = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let mut connection = in_memory(Engine::Sqlite)?;
    let make = |called: &str| format!("CREATE TABLE {called} (\n    {}\n)", items.join(",\n    "));
    // A simple name may be a keyword all the same.
    let made = match is_simple {
        true => connection.execute(&make(name)).or_else(|_| connection.execute(&make(&quoted(name)))),
        false => connection.execute(&make(&quoted(name))),
    };
    made.map_err(|error| {
        let message = format!("the columns of {name} cannot be read: {}", error.message());
        Error::new(ErrorKind::Invalid, message)
            .with_hint("write a column as CREATE TABLE has it: its name, its type, what else is said of it")
            .with_source(error)
    })?;
    let schema = Schema::read(&mut *connection, MigrationSet::charter())?;
    let table = schema.each_table().find(|table| table.name.eq_ignore_ascii_case(name)).cloned();
    table.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("the name {name} is one of charter's own")))
}

/// Refuses a text that is not one thing: that has no words, ends what is around it, or hides it in a comment.
fn check(text: &str, what: &str) -> Result<()> {
    let tokens = lexer::tokens(text, Engine::Sqlite);
    let mut depth = 0i32;
    let mut is_one = !tokens.is_empty();
    for token in &tokens {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth -= 1,
            ";" if token.kind == TokenKind::Symbol => is_one = false,
            "," if depth == 0 && token.kind == TokenKind::Symbol => is_one = false,
            _ => {}
        }
        is_one &= depth >= 0 && token.terminated && token.kind != TokenKind::Comment;
    }
    match is_one && depth == 0 {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Invalid, format!("{text:?} is not {what}"))
            .with_hint("write one thing at a time, without a comma, a semicolon or a comment")),
    }
}
