//! Copying a database before something happens to it.

use super::super::session::{Session, refuse_url};
use super::super::ui::{Failure, Outcome, or_null};
use super::database::Opened;
use crate::error::{Error, ErrorKind};
use crate::record::Value;
use std::path::{Path, PathBuf};

/// Whether to copy the database first.
#[derive(clap::Args, Default)]
pub(super) struct BackupFirst {
    /// Copy an embedded database first, to PATH, else beside it as FILE.TIME.backup
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    backup: Option<Option<PathBuf>>,
}

impl BackupFirst {
    /// Refuses it for a verb that only prints what would run.
    pub(super) fn refuse_with_sql(&self) -> Outcome {
        match self.backup {
            None => Ok(()),
            Some(_) => Err(Failure::Usage(
                Error::new(ErrorKind::Invalid, "what only prints statements copies nothing")
                    .with_hint("leave out --backup or --sql"),
            )),
        }
    }

    /// Makes the copy if it is asked for, and says where it is.
    pub(super) fn make(&self, session: &Session<'_>, opened: &Opened) -> Outcome<Option<PathBuf>> {
        let Some(path) = &self.backup else { return Ok(None) };
        refuse_url(&path.as_deref().unwrap_or(Path::new("")).to_string_lossy(), "the path of the backup")?;
        let progress = session.ui.progress("making a backup");
        let copy = opened.manager.backup(path.as_deref())?;
        drop(progress);
        session.ui.note(&format!("backup: {}", copy.display()));
        Ok(Some(copy))
    }
}

/// The path of a copy, for JSON.
pub(super) fn backup_value(copy: Option<PathBuf>) -> Value {
    or_null(copy.map(|copy| copy.display().to_string()))
}
