//! Agreeing to what destroys.

use super::super::session::Session;
use super::super::ui::{Outcome, declined};
use super::database::Opened;
use crate::config::Environment;
use crate::migrate::{Confirmation, database_name};

/// What the caller agrees to beforehand.
#[derive(clap::Args)]
pub(super) struct Agreement {
    /// Agree, without being asked
    #[arg(long, short)]
    yes: bool,
    /// Agree with the database's name, which prod asks for
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

impl Agreement {
    /// What was agreed to: beforehand, or by a person who is asked now. `environment` says what is needed, as
    /// [`Confirmation::check`] does. Without a person, the check says what to add.
    pub(super) fn obtain(
        &self,
        session: &Session<'_>,
        opened: &Opened,
        environment: Environment,
        question: &str,
    ) -> Outcome<Confirmation> {
        let name = database_name(opened.manager.url());
        match (environment, &self.confirm) {
            (_, Some(name)) => Ok(Confirmation::Name(name.clone())),
            (Environment::Dev, None) => Ok(Confirmation::None),
            (Environment::Prod, None) => {
                let answer = session.ui.ask(&format!("{question} Type the database's name, {name}, to go on:"))?;
                match answer {
                    Some(answer) => Ok(Confirmation::Name(answer)),
                    None if self.yes => Ok(Confirmation::Yes),
                    None => Ok(Confirmation::None),
                }
            }
            (_, None) if self.yes => Ok(Confirmation::Yes),
            (_, None) if !session.ui.can_ask() => Ok(Confirmation::None),
            (_, None) => match session.ui.ask_yes(question)? {
                true => Ok(Confirmation::Yes),
                false => Err(declined().into()),
            },
        }
    }
}
