//! Writing schemas as SQL.

use crate::engine::Engine;
use crate::engine::lexer::{self, TokenKind};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::schema::{Check, Column, ForeignKey, Index, IndexPart, Schema, Table, Unique, each_mut};
use crate::migrate::set::MigrationSet;
use std::collections::BTreeSet;

/// How names are spelled: as the texts of the schemas spell them, so that Postgres, where quotes keep capitals, sees the
/// same name in what is written as it saw before.
#[derive(Debug, Clone, Default)]
pub(super) struct Spelling {
    /// Names with capitals that stand without quotes. Others are as they are: in quotes only, or made of such names.
    bare: BTreeSet<String>,
}

/// Words that are no names without quotes, on one engine or another.
const RESERVED: &str = " abort add all alter always analyse analyze and any array as asc asymmetric at attach authorization \
    autoincrement before begin between binary both by cascade case cast check collate collation column columns commit \
    concurrently conflict constraint create cross current current_catalog current_date current_role current_schema \
    current_time current_timestamp current_user database default deferrable deferred delete desc describe detach distinct \
    do drop each else end escape except exclude exclusive exists explain fail false fetch filter first following for \
    foreign freeze from full generated glob grant group groups having if ignore ilike immediate in index indexed initially \
    inner insert instead intersect into is isnull join key lambda last lateral leading left like limit localtime \
    localtimestamp map match materialized natural no not nothing notnull null nulls of off offset on only or order others \
    outer over overlaps partition pivot pivot_longer pivot_wider placing plan positional pragma preceding primary qualify \
    query raise range recursive references regexp reindex release rename replace restrict returning right rollback row rows \
    savepoint select session_user set show similar some struct summarize symmetric system_user table tablesample temp \
    temporary then ties to trailing transaction trigger true unbounded union unique unpivot update user using vacuum \
    values variadic verbose view virtual when where window with without ";

impl Spelling {
    /// As the migrations of a set spell them for Postgres, and schemas that are to be. What SQLite keeps of migrations has
    /// names in quotes wherever they were changed.
    pub(super) fn of(set: &MigrationSet, schemas: &[&Schema]) -> Self {
        let mut quoted = BTreeSet::new();
        let mut bare = BTreeSet::new();
        let mut see = |text: &str| {
            for token in lexer::tokens(text, Engine::Sqlite) {
                let word = token.text(text);
                match token.kind {
                    TokenKind::Word => bare.insert(word.to_owned()),
                    TokenKind::QuotedName => quoted.insert(word[1..word.len() - 1].to_owned()),
                    _ => false,
                };
            }
        };
        for migration in set.migrations() {
            see(migration.up(Engine::Postgres).text());
        }
        for schema in schemas {
            let tables = schema.tables.values().flat_map(|table| {
                table.sql.iter().chain(table.indexes.values().filter_map(|index| index.sql.as_ref()))
            });
            let views = schema.views.values().filter_map(|view| view.sql.as_ref());
            tables.chain(views).for_each(|text| see(text));
        }
        // What no text says yet is spelled as it was given.
        let given = schemas.iter().flat_map(|schema| schema.names()).filter(|name| !quoted.contains(*name));
        bare.extend(given.map(str::to_owned));
        bare.retain(|name| has_capitals(name));
        Self { bare }
    }

    /// Takes the quotes off names that stand without them, in all texts of a schema: SQLite puts them on what is renamed.
    pub(super) fn respell(&self, schema: &mut Schema) {
        let tables = each_mut(&mut schema.tables).flat_map(|table| {
            let generated = table.columns.iter_mut().filter_map(|column| column.generated.as_mut());
            let indexes = table.indexes.values_mut().flat_map(|index| {
                let parts = index.parts.iter_mut().filter(|part| !part.is_column).map(|part| &mut part.expression);
                parts.chain(&mut index.predicate).chain(&mut index.sql)
            });
            let checks = table.checks.iter_mut().map(|check| &mut check.expression);
            checks.chain(generated.map(|generated| &mut generated.expression)).chain(indexes).chain(&mut table.sql)
        });
        let views = schema.views.values_mut().flat_map(|view| [&mut view.definition].into_iter().chain(&mut view.sql));
        for text in tables.chain(views) {
            for token in lexer::tokens(text, Engine::Sqlite).iter().rev() {
                let word = token.text(text);
                if token.kind != TokenKind::QuotedName || word.len() < 2 {
                    continue;
                }
                let name = word[1..word.len() - 1].to_owned();
                if self.bare.contains(&name) && self.name(&name) == name {
                    text.replace_range(token.range.clone(), &name);
                }
            }
        }
    }

    /// A name, in quotes where it needs them.
    pub(super) fn name(&self, name: &str) -> String {
        let is_simple = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
        let is_reserved = RESERVED.contains(&format!(" {} ", name.to_ascii_lowercase()));
        match is_simple && !is_reserved && (!has_capitals(name) || self.bare.contains(name)) {
            true => name.to_owned(),
            false => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// Names with commas between them, in parentheses.
    pub(super) fn names(&self, names: &[String]) -> String {
        let names: Vec<String> = names.iter().map(|name| self.name(name)).collect();
        format!("({})", names.join(", "))
    }

    /// A column as CREATE TABLE and ADD COLUMN say it.
    pub(super) fn column(&self, table: &Table, column: &Column, engine: Engine) -> Result<String> {
        let cannot = |what: String| {
            let message = format!("{}.{} {what}", table.name, column.name);
            let hint = match engine {
                Engine::Sqlite => "write this migration by hand".to_owned(),
                _ => format!(
                    "write this migration by hand, or let `engines` in [migrations] leave out {engine} if the project does \
                     without"
                ),
            };
            Err(Error::new(ErrorKind::Unsupported, message).with_hint(hint))
        };
        let mut text = self.name(&column.name);
        match column.data_type.as_str() {
            "" if engine == Engine::Sqlite => {}
            "" => return cannot(format!("has no type, and {engine} wants one")),
            data_type => text = format!("{text} {data_type}"),
        }
        if engine == Engine::Postgres {
            if let Some(instead) = super::value::instead(&column.data_type) {
                return cannot(format!(
                    "is of the type {}, which Postgres has not: {instead} is one",
                    column.data_type
                ));
            }
            let is_boolean = matches!(column.data_type.to_ascii_lowercase().as_str(), "boolean" | "bool");
            if let Some(default @ ("0" | "1")) = column.default.as_deref().filter(|_| is_boolean) {
                return cannot(format!(
                    "has the default {default}: Postgres knows no number as a truth, but FALSE and TRUE"
                ));
            }
        }
        if let Some(identity) = &column.identity {
            if engine != Engine::Sqlite {
                return cannot(format!("is numbered by {identity}, which only SQLite knows"));
            }
            text.push_str(" PRIMARY KEY AUTOINCREMENT");
        }
        match column.collation.as_deref() {
            None => {}
            Some(collation) if engine == Engine::Sqlite => text = format!("{text} COLLATE {}", self.name(collation)),
            Some(collation) => return cannot(format!("has the collation {collation}, which only SQLite knows")),
        }
        if let Some(generated) = &column.generated {
            text = format!("{text} GENERATED ALWAYS AS ({})", generated.expression);
            match (generated.stored, engine) {
                (true, Engine::DuckDb) | (false, Engine::Postgres) => {
                    let kind = if generated.stored { "STORED" } else { "VIRTUAL" };
                    return cannot(format!("is generated {kind}, which {engine} does not know"));
                }
                (true, _) => text.push_str(" STORED"),
                (false, _) => text.push_str(" VIRTUAL"),
            }
        }
        if column.not_null {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &column.default {
            text = format!("{text} DEFAULT {}", default_text(default));
        }
        Ok(text)
    }

    /// The constraints of a table that stand for themselves, as CREATE TABLE says them.
    fn constraints(&self, table: &Table) -> Vec<String> {
        let named = |name: &Option<String>, text: String| match name {
            Some(name) => format!("CONSTRAINT {} {text}", self.name(name)),
            None => text,
        };
        let is_numbered = table.columns.iter().any(|column| column.identity.is_some());
        let key = table.primary_key.iter().filter(|_| !is_numbered);
        let key = key.map(|key| named(&key.name, format!("PRIMARY KEY {}", self.names(&key.columns))));
        let unique = table.unique.iter().map(|unique| named(&unique.name, self.unique(unique)));
        let checks = table.checks.iter().map(|check| named(&check.name, self.check(check)));
        let foreign = table.foreign_keys.iter().map(|key| named(&key.name, self.foreign_key(key)));
        key.chain(unique).chain(checks).chain(foreign).collect()
    }

    pub(super) fn unique(&self, unique: &Unique) -> String {
        spaced(format!("UNIQUE {}", self.names(&unique.columns)), &unique.options)
    }

    pub(super) fn check(&self, check: &Check) -> String {
        spaced(format!("CHECK ({})", check.expression), &check.options)
    }

    pub(super) fn foreign_key(&self, key: &ForeignKey) -> String {
        let mut text = format!("FOREIGN KEY {} REFERENCES {}", self.names(&key.columns), self.name(&key.table));
        if !key.references.is_empty() {
            text = format!("{text} {}", self.names(&key.references));
        }
        for (event, action) in [("DELETE", &key.on_delete), ("UPDATE", &key.on_update)] {
            if let Some(action) = action {
                text = format!("{text} ON {event} {action}");
            }
        }
        spaced(text, &key.options)
    }

    /// A table under a name, written out from what is known of it.
    pub(super) fn create_table(&self, table: &Table, name: &str, engine: Engine) -> Result<String> {
        let mut lines = Vec::new();
        for column in &table.columns {
            lines.push(self.column(table, column, engine)?);
        }
        lines.extend(self.constraints(table));
        let lines: Vec<String> = lines.into_iter().map(|line| format!("    {line}")).collect();
        let options = if engine == Engine::Sqlite { table.options.join(", ") } else { String::new() };
        let end = if options.is_empty() { String::new() } else { format!(" {options}") };
        Ok(format!("CREATE TABLE {} (\n{}\n){end};", self.name(name), lines.join(",\n")))
    }

    /// A new table: in its own words where it has them, and they say what is wanted.
    pub(super) fn new_table(&self, table: &Table, engine: Engine) -> Result<String> {
        let written = self.create_table(table, &table.name, engine)?;
        let only_sqlite = engine != Engine::Sqlite && !table.options.is_empty();
        match &table.sql {
            Some(sql) if !only_sqlite => Ok(format!("{sql};")),
            _ => Ok(written),
        }
    }

    /// CREATE INDEX; `how` stands behind the word INDEX.
    pub(super) fn create_index(&self, table: &str, index: &Index, how: &str) -> String {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let parts: Vec<String> = index.parts.iter().map(|part| self.index_part(part)).collect();
        let rows = index.predicate.as_ref().map(|predicate| format!(" WHERE {predicate}")).unwrap_or_default();
        let (name, table) = (self.name(&index.name), self.name(table));
        format!("CREATE {unique}INDEX {how}{name} ON {table} ({}){rows};", parts.join(", "))
    }

    fn index_part(&self, part: &IndexPart) -> String {
        let what = match part.is_column {
            true => self.name(&part.expression),
            false => in_parentheses(&part.expression),
        };
        let order = if part.descending { " DESC" } else { "" };
        format!("{}{order}", spaced(what, &part.options))
    }
}

/// An expression in one pair of parentheses, which it may have already.
fn in_parentheses(expression: &str) -> String {
    let mut depth = 0;
    let tokens = lexer::tokens(expression, Engine::Sqlite);
    let ends_early = tokens.iter().enumerate().any(|(place, token)| {
        depth += i32::from(token.is_symbol(expression, "(")) - i32::from(token.is_symbol(expression, ")"));
        depth == 0 && place + 1 < tokens.len()
    });
    match expression.starts_with('(') && !ends_early {
        true => expression.to_owned(),
        false => format!("({expression})"),
    }
}

fn spaced(text: String, options: &[String]) -> String {
    options.iter().fold(text, |text, option| format!("{text} {option}"))
}

/// A default as a column says it: every engine takes a literal as it is, and anything else in parentheses.
pub(super) fn default_text(default: &str) -> String {
    if is_constant(default) || default.to_ascii_lowercase().starts_with("current_") && !default.contains(' ') {
        return default.to_owned();
    }
    format!("({default})")
}

fn has_capitals(name: &str) -> bool {
    name.chars().any(char::is_uppercase)
}

/// Whether a default is a literal.
pub(super) fn is_constant(default: &str) -> bool {
    let tokens = lexer::tokens(default, Engine::Sqlite);
    let signed = usize::from(tokens.first().is_some_and(|token| ["-", "+"].contains(&token.text(default))));
    let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    match &tokens[signed..] {
        [token] if token.kind == TokenKind::String => signed == 0,
        // A number with a point in it is more than one token.
        [token, ..] if is_number(token.text(default)) => default[token.range.start..].parse::<f64>().is_ok(),
        [token] if token.kind == TokenKind::Word => {
            signed == 0 && ["true", "false", "null"].iter().any(|word| token.is_word(default, word))
        }
        [token, ..] if token.is_symbol(default, ".") => default[token.range.start..].parse::<f64>().is_ok(),
        _ => false,
    }
}

/// Whether a text of SQL names something: one of its words or names in quotes is that name.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    lexer::tokens(text, Engine::Sqlite).iter().any(|token| {
        let word = token.text(text);
        match token.kind {
            TokenKind::Word => word.eq_ignore_ascii_case(name),
            TokenKind::QuotedName if word.len() > 1 => {
                word[1..word.len() - 1].replace("\"\"", "\"").eq_ignore_ascii_case(name)
            }
            _ => false,
        }
    })
}

/// Whether a table's definition, or one of its indexes, says anything of a column beside declaring it.
pub(super) fn is_bound(table: &Table, column: &str) -> bool {
    let has = |columns: &[String]| columns.iter().any(|name| name.eq_ignore_ascii_case(column));
    let in_keys = table.primary_key.iter().any(|key| has(&key.columns))
        || table.unique.iter().any(|unique| has(&unique.columns))
        || table.foreign_keys.iter().any(|key| has(&key.columns));
    let generated = table.columns.iter().filter_map(|column| column.generated.as_ref());
    in_keys
        || table.checks.iter().any(|check| mentions(&check.expression, column))
        || generated.into_iter().any(|generated| mentions(&generated.expression, column))
        || table.indexes.values().any(|index| index_mentions(index, column))
}

pub(super) fn index_mentions(index: &Index, column: &str) -> bool {
    index.parts.iter().any(|part| match part.is_column {
        true => part.expression.eq_ignore_ascii_case(column),
        false => mentions(&part.expression, column),
    }) || index.predicate.as_ref().is_some_and(|predicate| mentions(predicate, column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn constants_are_told_from_expressions() {
        for text in ["1", "-1.5", "+3", ".5", "1e3", "'a''b'", "TRUE", "null", "''"] {
            assert!(is_constant(text), "{text}");
            assert_eq!(default_text(text), text);
        }
        for text in ["1 + 1", "'a' || 'b'", "-'1'", "random()", "1.5.2", "x", "'a' 'b'"] {
            assert!(!is_constant(text), "{text}");
            assert_eq!(default_text(text), format!("({text})"));
        }
        assert_eq!(default_text("CURRENT_TIMESTAMP"), "CURRENT_TIMESTAMP");
    }

    #[test]
    fn names_are_in_quotes_where_they_need_them() {
        let mut table =
            Table { sql: Some("CREATE TABLE Users (\"Quoted\" TEXT, Bare TEXT)".into()), ..Table::default() };
        table.name = "Users".into();
        let schema = Schema { tables: [("Users".into(), Arc::new(table))].into(), ..Schema::default() };
        let spelling = Spelling::of(&MigrationSet::of("shop", "public", None, Vec::new()), &[&schema]);
        for (name, expected) in [
            ("users", "users"),
            ("Users", "Users"),
            ("Bare", "Bare"),
            ("Quoted", "\"Quoted\""),
            ("order", "\"order\""),
            ("at", "\"at\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("1a", "\"1a\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(spelling.name(name), expected);
        }
    }
}
