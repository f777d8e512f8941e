//! What is told while migrations run, and how long they may wait.

use super::policy::Judgement;
use super::set::Migration;
use crate::config::Environment;
use crate::error::Error;
use std::time::Duration;

/// What happens while migrations run. A program that shows it to people needs not know every one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another migrator is at work on this database, and is waited for.
    Waiting {
        /// Who has the lock, as far as the database tells: on a server the process and the application.
        holder: Option<&'a str>,
        /// For how long at most.
        limit: Duration,
    },
    /// The environment's rules have judged what is about to be applied, and let it pass.
    Judged {
        /// What they say.
        judgement: &'a Judgement,
    },
    /// In prod: what is about to be applied was not tried on a throw-away database.
    NotVerified {
        /// The migration; `None` when it is none of them.
        migration: Option<&'a Migration>,
        /// Why: what stands in the way there, such as a table of another program; `None` when there is no such database.
        reason: Option<&'a Error>,
    },
    /// A migration is about to be applied.
    Applying {
        /// It.
        migration: &'a Migration,
        /// How many of this run came before it.
        place: usize,
        /// How many run if nothing fails.
        of: usize,
    },
    /// A migration is about to be taken back.
    Reverting {
        /// It.
        migration: &'a Migration,
        /// How many of this run came before it.
        place: usize,
        /// How many run if nothing fails.
        of: usize,
    },
    /// A migration without a transaction goes on where it was cut off.
    Resuming {
        /// It.
        migration: &'a Migration,
        /// How many of its steps are done.
        done: usize,
        /// How many it has.
        of: usize,
    },
    /// A statement of a migration is about to run.
    Statement {
        /// The migration.
        migration: &'a Migration,
        /// How many statements came before it in the file.
        place: usize,
        /// How many the file has.
        of: usize,
        /// The statement.
        text: &'a str,
    },
    /// What an earlier run left behind is cleared away, such as an index that is invalid.
    Repairing {
        /// The migration.
        migration: &'a Migration,
        /// What is done about it.
        what: &'a str,
    },
    /// Statements have run, and that they have is about to be written: into the history, or the audit of one step.
    Recording {
        /// The migration.
        migration: &'a Migration,
    },
    /// A transaction is about to be committed.
    Committing {
        /// The migration.
        migration: &'a Migration,
    },
    /// A migration is applied or taken back, and all of it is committed.
    Committed {
        /// It.
        migration: &'a Migration,
    },
    /// A lock could not be had in time. What the transaction had done is undone, and it runs again after a pause.
    Retrying {
        /// The migration; none where it is counted what would be lost.
        migration: Option<&'a Migration>,
        /// Which attempt has failed, from 1.
        attempt: u32,
        /// How many there are.
        of: u32,
        /// The pause.
        wait: Duration,
        /// What the server said.
        reason: &'a Error,
    },
}

/// How long migrating may wait, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// How long other migrators of the same database are waited for.
    pub migrators: Duration,
    /// How long a statement waits for a lock, on a server; without one, what the server has set. Zero means without end.
    pub lock: Option<Duration>,
    /// How long a statement may run, on a server; without one, what the server has set. Zero means without end.
    pub statement: Option<Duration>,
    /// How often a migration is tried that does not get a lock in time, on a server.
    pub attempts: u32,
}

impl Default for Timeouts {
    /// Five minutes for other migrators, ten attempts, and what the server has set.
    fn default() -> Self {
        Self { migrators: Duration::from_secs(300), lock: None, statement: None, attempts: 10 }
    }
}

impl Timeouts {
    /// Those of an environment: in prod a statement waits 5 s for a lock and runs for 15 minutes, so that it does not stand
    /// in the way of programs for long.
    pub fn of(environment: Environment) -> Self {
        match environment {
            Environment::Prod => Self {
                lock: Some(Duration::from_secs(5)),
                statement: Some(Duration::from_secs(15 * 60)),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }
}
