//! Which database a verb is about, which of its sets, and how far.

use super::super::session::{Session, refuse_url};
use super::super::ui::{Failure, Outcome};
use super::foreign;
use crate::config::{DatabaseUrl, Resolved};
use crate::error::{Error, ErrorKind};
use crate::migrate::{MigrationManager, Offline, Revision};

/// Which database.
#[derive(clap::Args)]
pub(super) struct Database {
    /// The database; by default the one that the configuration names
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,
}

/// Which of the sets of migrations.
#[derive(clap::Args)]
pub(super) struct Set {
    /// One set of migrations: charter, or the project's by its name (`project` unless charter.cfg says otherwise)
    #[arg(long = "set", value_name = "SET")]
    name: Option<String>,
}

impl Set {
    /// Its name, if one is said.
    pub(super) fn name(&self) -> Outcome<Option<&str>> {
        refuse_url(self.name.as_deref().unwrap_or_default(), "the name of the set")?;
        Ok(self.name.as_deref())
    }
}

/// A database that is not asked.
#[derive(clap::Args)]
pub(super) struct Unasked {
    /// With --sql, print it for this engine, sqlite, duckdb or postgres, and ask no database: for an empty one, to go down
    /// for one at head
    #[arg(long, value_name = "ENGINE", requires = "sql")]
    #[arg(value_parser = ["sqlite", "duckdb", "postgres"], hide_possible_values = true)]
    engine: Option<String>,
}

impl Unasked {
    /// What is known of it, with where it is, if that is said; `None` when the database is asked. Else no error is of the one
    /// that was opened.
    pub(super) fn offline(&self, session: &Session<'_>, from: Option<Revision>) -> Outcome<Option<Offline>> {
        let engine = self.engine.as_deref().map(str::parse).transpose().map_err(Failure::Usage)?;
        match (engine, from) {
            (Some(engine), from) => {
                session.forget_database();
                Ok(Some(Offline { engine, from }))
            }
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Failure::Usage(
                Error::new(ErrorKind::Invalid, "a range of revisions (A:B) says where a database is that is not asked")
                    .with_hint("name where it goes alone, or give --sql --engine ENGINE too"),
            )),
        }
    }
}

/// How far it goes: `B`, or `A:B` with where it is.
pub(super) struct Way {
    pub(super) from: Option<Revision>,
    pub(super) to: Option<Revision>,
}

impl Way {
    /// Reads the word for it.
    pub(super) fn parse(word: Option<&str>) -> Outcome<Self> {
        refuse_url(word.unwrap_or_default(), "the revision")?;
        let parse = |word: &str| word.parse::<Revision>().map_err(Failure::Usage);
        let (from, to) = match word.and_then(|word| word.split_once(':')) {
            Some((from, to)) => (Some(parse(from)?), Some(parse(to)?)),
            None => (None, word.map(parse).transpose()?),
        };
        Ok(Self { from, to })
    }
}

/// Which database, and how far.
#[derive(clap::Args)]
pub(super) struct Goal {
    /// The database; by default the one that the configuration names
    #[arg(value_name = "URL", allow_negative_numbers = true)]
    first: Option<String>,
    /// The revision: head, base, +N, -N, or a migration by its number, its name, or the beginning of its id; with --engine
    /// also A:B, from A to B
    #[arg(value_name = "REVISION", allow_negative_numbers = true)]
    second: Option<String>,
    /// The revision, as an option
    #[arg(long, value_name = "REVISION", allow_hyphen_values = true)]
    revision: Option<String>,
}

/// A database and its sets.
pub(super) struct Opened {
    pub(super) database: Resolved,
    pub(super) manager: MigrationManager,
}

impl Opened {
    fn of(session: &Session<'_>, url: Option<&str>) -> Outcome<Self> {
        let configuration = session.configuration(url)?;
        let mut manager = MigrationManager::from_configuration(&configuration)?;
        if let Some(environment) = session.environment(&configuration) {
            manager = manager.with_environment(environment);
        }
        Ok(Self { database: configuration.database().clone(), manager })
    }

    /// Does something that may have to wait until another program lets go of the database, and says so if it takes long.
    /// Only DuckDB's files are had by one program at a time.
    pub(super) fn patiently<T>(&self, session: &Session<'_>, work: impl FnOnce() -> T) -> T {
        let note = format!("this takes a while; if another program has {} open, it is waited for", self.database.url);
        session.ui.patiently(&session.ui.progress("connecting"), &note, work)
    }

    /// Whether the project has a set of its own here, so that sets must be told apart.
    pub(super) fn has_sets(&self) -> bool {
        self.manager.sets().len() > 1
    }

    /// The database, unless another program's configuration names it: nothing is changed there.
    fn unless_foreign(self) -> Outcome<Self> {
        if self.database.source.is_foreign() { Err(foreign(&self.database).into()) } else { Ok(self) }
    }
}

impl Database {
    /// The sets of the configuration alone: no database is asked, so errors are not of the one that it names.
    pub(super) fn files(session: &Session<'_>) -> Outcome<Opened> {
        let opened = Self { url: None }.open(session)?;
        session.forget_database();
        Ok(opened)
    }

    /// The database, to read what it says.
    pub(super) fn open(&self, session: &Session<'_>) -> Outcome<Opened> {
        Opened::of(session, self.url.as_deref())
    }

    /// The database, to change something.
    pub(super) fn open_to_change(&self, session: &Session<'_>) -> Outcome<Opened> {
        self.open(session)?.unless_foreign()
    }
}

impl Goal {
    /// The database, to change something, and how far it goes, if that is said.
    pub(super) fn open_to_change(&self, session: &Session<'_>) -> Outcome<(Opened, Way)> {
        let (url, revision) = self.parts().map_err(Failure::Usage)?;
        if url.is_some_and(is_like_a_revision) {
            let error = Error::new(ErrorKind::Invalid, "this is neither a database URL nor a revision").with_hint(
                "a revision is head, base, +N, -N, a number, a slug, or four and more digits of an id; steps from a revision \
                 (A+1) are not known",
            );
            return Err(Failure::Usage(error));
        }
        let way = Way::parse(revision)?;
        Ok((Opened::of(session, url)?.unless_foreign()?, way))
    }

    /// Which word is the URL and which the revision: either may be left out.
    fn parts(&self) -> Result<(Option<&str>, Option<&str>), Error> {
        let (url, word) = match (self.first.as_deref(), self.second.as_deref()) {
            (Some(first), None) if is_revision(first) => (None, Some(first)),
            (Some(first), Some(second)) if is_revision(first) => (Some(second), Some(first)),
            (first, second) => (first, second),
        };
        match (word, self.revision.as_deref()) {
            (Some(_), Some(_)) => {
                let message = "the revision is given twice: as an argument and with --revision";
                Err(Error::new(ErrorKind::Invalid, message).with_hint("leave out one of them"))
            }
            (word, option) => Ok((url, word.or(option))),
        }
    }
}

/// Whether a word that is no database's may be what others call a revision: `a1b2+1`, `a1b2:head`, `+0`, `head~1`.
fn is_like_a_revision(word: &str) -> bool {
    let is_part = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    DatabaseUrl::parse(word).is_err()
        && word.contains(['+', '-', '~', '^', ':'])
        && word.split(['+', '-', '~', '^', ':']).all(is_part)
}

/// Whether a word can only be a revision, or two with `:` between them, not what connects to a database.
pub(super) fn is_revision(word: &str) -> bool {
    word.splitn(2, ':').all(|part| part.parse::<Revision>().is_ok()) && DatabaseUrl::parse(word).is_err()
}
