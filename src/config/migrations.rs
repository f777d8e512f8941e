//! What `[migrations]` says: where the project's own migrations are, and under which limits migrations run.

use std::path::PathBuf;
use std::time::Duration;

use super::resolve::{Setting, Warning};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// The section `[migrations]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationSettings {
    /// `dir`: the folder of the project's set, absolute; `None` when the project has none.
    pub directory: Option<PathBuf>,
    /// `name`: what the project's set is called; its tables' names begin with it. `project` if nothing is said.
    pub name: String,
    /// `schema`: the schema of Postgres in which the project's tables are. `public` if nothing is said.
    pub schema: String,
    /// `engines`: those that the project's migrations are written for, in the order of [`Engine::ALL`], each once. All of
    /// them if nothing is said.
    pub engines: Vec<Engine>,
    /// `lock_timeout`: how long a statement of a migration waits for a lock; only servers have it.
    pub lock_timeout: Option<Duration>,
    /// `statement_timeout`: how long a statement of a migration runs; only servers have it.
    pub statement_timeout: Option<Duration>,
    /// `migrate`: whether opening a database migrates it. `auto`, as its environment allows, if nothing is said.
    pub migrate: Migrate,
    /// What named the folder, to say so in errors.
    pub(super) directory_place: Option<String>,
}

/// Whether opening a database applies the migrations that it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Migrate {
    /// `auto`: as the database's environment allows.
    #[default]
    ByEnvironment,
    /// `never`: a database that lacks migrations is refused, and so is one that would have to be made.
    Never,
}

/// The longest limit that a Postgres server takes: its milliseconds are a signed number of 32 bits.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

impl MigrationSettings {
    /// Reads the section; `setting` finds the strongest setting of a key.
    pub(super) fn read(
        setting: impl Fn(&'static str) -> Result<Option<Setting>>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self> {
        let said = |key| match setting(key)? {
            Some(setting) => setting.refuse_empty().map(|()| Some(setting)),
            None => Ok(None),
        };
        let text = |setting: &Option<Setting>, default: &str| {
            setting.as_ref().map_or_else(|| default.to_owned(), |setting| setting.text.trim().to_owned())
        };
        let (directory, name, schema) = (said("dir")?, said("name")?, said("schema")?);
        if let Some(name) = name.as_ref().filter(|name| !is_set_name(name.text.trim()) && name.text.trim() != "charter")
        {
            return Err(name.wrong("this cannot be the name of a set of migrations").with_hint(SET_NAME_RULE));
        }
        if let Some(schema) = schema.as_ref().filter(|schema| !is_free_schema(schema.text.trim())) {
            return Err(schema
                .wrong("this cannot be the schema of a project's tables")
                .with_hint("a schema is at most 63 bytes, and not `charter`, `information_schema` or `pg_...`"));
        }
        if let (None, Some(lost)) = (&directory, name.as_ref().or(schema.as_ref())) {
            let message = "this is about the project's migrations, but no `dir` says where they are".to_owned();
            warnings.push(Warning { message, location: lost.location.clone() });
        }
        Ok(Self {
            directory: directory.as_ref().map(|setting| setting.base.join(setting.text.trim())),
            name: text(&name, "project"),
            schema: text(&schema, "public"),
            engines: said("engines")?.map_or(Ok(Engine::ALL.to_vec()), |setting| engines(&setting))?,
            lock_timeout: said("lock_timeout")?.map(|setting| duration(&setting)).transpose()?,
            statement_timeout: said("statement_timeout")?.map(|setting| duration(&setting)).transpose()?,
            migrate: said("migrate")?.map_or(Ok(Migrate::default()), |setting| match setting.text.trim() {
                "auto" => Ok(Migrate::ByEnvironment),
                "never" => Ok(Migrate::Never),
                _ => Err(setting
                    .wrong("this is neither auto nor never")
                    .with_hint("auto lets the environment decide what opening applies; never leaves it to the verbs")),
            })?,
            directory_place: directory.as_ref().map(Setting::place),
        })
    }

    /// Adds to an error about the folder the place that named it.
    pub(crate) fn blame(&self, error: Error) -> Error {
        let error = match error.kind() {
            ErrorKind::NotFound => error.with_hint("make the folder, or name another one there"),
            _ => error,
        };
        match &self.directory_place {
            Some(place) => error.context(format!("the migrations of {place}")),
            None => error,
        }
    }
}

/// What a name of a set must be, for people.
pub(crate) const SET_NAME_RULE: &str =
    "a name is a small letter and at most 39 small letters, digits and `_`, and not `charter`";

/// Whether a text can be the name of a set of migrations: it is part of its tables' names.
pub(crate) fn is_set_name(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(is_word)
        && text.len() <= 40
        && text != "charter"
}

/// Whether a schema of Postgres can be a project's: not charter's, and not the server's own.
fn is_free_schema(text: &str) -> bool {
    text.len() <= 63
        && !["charter", "information_schema"].contains(&text)
        && !text.starts_with("pg_")
        && !text.chars().any(char::is_control)
}

fn engines(setting: &Setting) -> Result<Vec<Engine>> {
    let mut named = Vec::new();
    for word in setting.text.split(',') {
        named.push(word.trim().parse::<Engine>().map_err(|_| {
            setting
                .wrong("one of the engines is none of sqlite, duckdb and postgres")
                .with_hint("name them with `,` between: engines = sqlite, postgres")
        })?);
    }
    Ok(Engine::ALL.into_iter().filter(|engine| named.contains(engine)).collect())
}

/// Reads `500ms`, `5s`, `2min` or `1h`.
fn duration(setting: &Setting) -> Result<Duration> {
    let wrong = |message: &'static str| {
        setting.wrong(message).with_hint("write a whole number with its unit, ms, s, min or h: 500ms, 5s, 2min")
    };
    let text = setting.text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong("this is no length of time")),
    };
    let number: u64 = number.parse().map_err(|_| wrong("this is no length of time"))?;
    match number.checked_mul(unit).map(Duration::from_millis) {
        Some(Duration::ZERO) => Err(wrong("a limit of zero is no limit on a server")),
        Some(duration) if duration <= LONGEST => Ok(duration),
        _ => Err(wrong("this is longer than a server can count: at most 596h")),
    }
}
