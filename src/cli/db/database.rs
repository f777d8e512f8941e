//! Which database a verb is about, which of its sets, and how far.

use super::super::session::{Session, refuse_url};
use super::super::ui::{Failure, Outcome};
use super::foreign;
use crate::config::{DatabaseUrl, Resolved};
use crate::error::{Error, ErrorKind};
use crate::migrate::{MigrationManager, Revision};

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

/// Which database, and how far.
#[derive(clap::Args)]
pub(super) struct Goal {
    /// The database; by default the one that the configuration names
    #[arg(value_name = "URL", allow_negative_numbers = true)]
    first: Option<String>,
    /// The revision: head, base, +N, -N, or a migration by its number, its name, or the beginning of its id
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
        let note = format!("this takes a while; another program that has {} open is waited for", self.database.url);
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
    /// The database, to change something, and the revision if one is said.
    pub(super) fn open_to_change(&self, session: &Session<'_>) -> Outcome<(Opened, Option<Revision>)> {
        let (url, revision) = self.parts().map_err(Failure::Usage)?;
        refuse_url(revision.unwrap_or_default(), "the revision")?;
        if url.is_some_and(is_like_a_revision) {
            let error = Error::new(ErrorKind::Invalid, "this is neither a database URL nor a revision").with_hint(
                "a revision is head, base, +N, -N, a number, a slug, or four and more digits of an id; steps from a revision \
                 (A+1) and ranges (A:B) are not known",
            );
            return Err(Failure::Usage(error));
        }
        let revision = revision.map(str::parse).transpose().map_err(Failure::Usage)?;
        Ok((Opened::of(session, url)?.unless_foreign()?, revision))
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

/// Whether a word can only be a revision, not what connects to a database.
pub(super) fn is_revision(word: &str) -> bool {
    word.parse::<Revision>().is_ok() && DatabaseUrl::parse(word).is_err()
}
