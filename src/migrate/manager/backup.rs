//! Copies of embedded databases.

use super::super::connection::Purpose;
use super::MigrationManager;
use crate::config::Target;
use crate::engine::Engine;
use crate::error::{Context, Error, ErrorKind, Result};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

impl MigrationManager {
    /// Copies an embedded database into a file of its own, commits that are not in its main file yet included, and gives the
    /// copy's path. Programs that use the database may go on. Without a path the copy is beside the database, as
    /// `contracts.db.20260131T120000Z.backup`; with a folder, in it. A file that is there is never written over.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a server, with the `pg_dump` line that makes a backup of it, and for a store that is no
    /// file; [`ErrorKind::NotFound`] when the database does not exist; [`ErrorKind::Io`] when the copy cannot be written
    /// or there is such a file already.
    pub fn backup(&self, path: Option<&Path>) -> Result<PathBuf> {
        let database = match self.url().target() {
            Target::Sqlite(target) => &target.path,
            Target::DuckDb(target) => &target.path,
            Target::Postgres(_) => {
                let message = format!("charter makes no backup of a server, and {} is on one", self.url());
                return Err(Error::new(ErrorKind::Unsupported, message).with_hint(format!(
                    "make one with `pg_dump --format=custom --file={}.dump '{}'`, then go on without --backup",
                    super::database_name(self.url()),
                    // A mask would be taken for the password; without one, it is asked for.
                    self.url().to_string().replace(":***@", "@")
                )));
            }
            Target::Memory => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{} is no file that could be copied", self.url()),
                ));
            }
        };
        // A DuckDB file that is open to read attaches no other to write.
        let purpose = match self.engine() {
            Some(Engine::DuckDb) => Purpose::MigrateExisting,
            _ => Purpose::Read,
        };
        let mut connection = self.connect(purpose)?;
        let place = reserve(database, path)?;
        // The copy may have taken the place of the file that was reserved.
        let copied =
            connection.backup(&place).and_then(|()| Ok(File::options().write(true).open(&place)?.sync_all()?));
        if copied.is_err() {
            // It is this call's own, and holds nothing that can be used.
            let _ = std::fs::remove_file(&place);
        }
        copied.map_err(|error| error.at(&place, None)).context("making a backup")?;
        Ok(place)
    }
}

/// Makes the empty file of a copy, and gives its place.
fn reserve(database: &Path, path: Option<&Path>) -> Result<PathBuf> {
    let failed = |place: &Path, error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::Io, "there is such a file already, and a backup is never written over one")
                .with_hint("name another file, or a folder")
                .at(place, None)
        }
        _ => Error::from(error).at(place, None).context("making a backup"),
    };
    let folder = match path {
        Some(path) if !path.is_dir() => {
            File::create_new(path).map_err(|error| failed(path, error))?;
            return Ok(path.to_owned());
        }
        Some(folder) => Some(folder),
        None => database.parent(),
    };
    let now = OffsetDateTime::now_utc().truncate_to_second().format(&Rfc3339).unwrap_or_default();
    // Not every file system takes a colon.
    let now = now.replace(['-', ':'], "");
    let mut second = 1;
    loop {
        let mut name = database.file_name().map(OsString::from).unwrap_or_default();
        name.push(match second {
            1 => format!(".{now}.backup"),
            more => format!(".{now}-{more}.backup"),
        });
        let place = folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
        match File::create_new(&place) {
            Ok(_) => return Ok(place),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && second < 100 => second += 1,
            Err(error) => return Err(failed(&place, error)),
        }
    }
}
