//! What all commands share: the global arguments, the configuration, and opening stores.

use super::db::events::Told;
use super::ui::{Failure, Outcome, Progress, Ui};
use crate::config::{Configuration, DatabaseUrl, Environment, Resolved, Target};
use crate::error::{Error, ErrorKind};
use crate::migrate::Event;
use crate::record::{Kind, Namespace, Reference};
use crate::store::{Access, OpenOptions, Store};
use std::cell::RefCell;
use std::path::Path;

/// One run of the program.
pub(super) struct Session<'a> {
    pub(super) ui: &'a Ui,
    pub(super) namespace: Namespace,
    database: Option<String>,
    environment: Option<Environment>,
    /// The main database, once the configuration is known.
    main: RefCell<Option<Resolved>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        ui: &'a Ui,
        database: Option<String>,
        namespace: Option<&str>,
        environment: Option<&str>,
    ) -> Outcome<Self> {
        let namespace = namespace.unwrap_or_default();
        refuse_url(namespace, "the namespace")?;
        let namespace = Namespace::new(namespace).map_err(Failure::Usage)?;
        let environment = environment.map(str::parse).transpose().map_err(Failure::Usage)?;
        Ok(Self { ui, namespace, database, environment, main: RefCell::default() })
    }

    /// The URL that the caller gave: the command's own argument, else `--db`.
    ///
    /// # Errors
    /// A usage failure if there are two, or if it is no URL of a database.
    pub(super) fn given_url<'u>(&'u self, argument: Option<&'u str>) -> Outcome<Option<&'u str>> {
        if argument.is_some() && self.database.is_some() {
            let error = Error::new(ErrorKind::Invalid, "the URL is given twice: as an argument and with --db");
            return Err(Failure::Usage(error.with_hint("leave out one of them")));
        }
        let text = argument.or(self.database.as_deref());
        if let Some(text) = text {
            DatabaseUrl::parse(text).map_err(Failure::Usage)?;
        }
        Ok(text)
    }

    /// The configuration, given what [`Session::given_url`] gave. Its warnings and hints are printed.
    pub(super) fn configuration(&self, argument: Option<&str>) -> Outcome<Configuration> {
        let configuration = Configuration::load(self.given_url(argument)?)?;
        for warning in configuration.warnings() {
            self.ui.warning(warning.location.as_ref(), &warning.message);
        }
        for hint in configuration.hints() {
            self.ui.hint(hint);
        }
        *self.main.borrow_mut() = Some(configuration.database().clone());
        refuse_folder(&configuration.database().url)?;
        Ok(configuration)
    }

    /// The environment that the caller or the configuration asks for.
    pub(super) fn environment(&self, configuration: &Configuration) -> Option<Environment> {
        self.environment.or(configuration.environment())
    }

    /// Opens the store that the configuration names.
    pub(super) fn open(&self, access: Access) -> Outcome<Store> {
        self.connect(&self.configuration(None)?, access)
    }

    /// Opens the store of a configuration.
    pub(super) fn connect(&self, configuration: &Configuration, access: Access) -> Outcome<Store> {
        self.connect_with(configuration, access, &self.ui.progress("connecting"))
    }

    /// Opens the store of a configuration, and tells what happens if that migrates it, beside progress that is shown.
    pub(super) fn connect_with(
        &self,
        configuration: &Configuration,
        access: Access,
        progress: &Progress,
    ) -> Outcome<Store> {
        let database = configuration.database();
        let environment = self.environment(configuration);
        let options = OpenOptions { access, environment, ..OpenOptions::of(configuration) };
        let mut told = Told::default();
        let mut events = |event: Event<'_>| told.tell_opening(self.ui, progress, &event);
        let store = Store::open_configured_with(configuration, &options, &mut events).map_err(|error| {
            let is_missing = error.kind() == ErrorKind::NotFound && database.source.is_foreign();
            let error = named(database, error);
            match is_missing {
                true => error
                    .with_hint("the program that names it makes it; for another database, use --db or a charter.cfg"),
                false => error,
            }
        })?;
        Ok(store.in_namespace(self.namespace.clone()))
    }

    /// From here on no error is the main database's.
    pub(super) fn forget_database(&self) {
        self.main.take();
    }

    /// Says of the errors of the main database which one that is, and what named it.
    pub(super) fn name_database(&self, failure: Failure) -> Failure {
        let main = self.main.borrow();
        let of = |database: &Resolved, error: Error| match error.kind() {
            ErrorKind::Unavailable
            | ErrorKind::Busy
            | ErrorKind::Corrupt
            | ErrorKind::Backend
            | ErrorKind::NotInitialized
            | ErrorKind::Refused => named(database, error),
            // As where the disk is full.
            _ if ["SQLite: ", "DuckDB: ", "PostgreSQL: "].iter().any(|engine| error.message().starts_with(engine)) => {
                named(database, error)
            }
            _ => shortened(database, error),
        };
        let name = |error: Error| match main.as_ref() {
            Some(database) => of(database, error),
            None => advised(error),
        };
        match failure {
            Failure::Errors(errors) => Failure::Errors(errors.into_iter().map(name).collect()),
            Failure::Partly(error, done) => Failure::Partly(name(error), done),
            failure => failure,
        }
    }

    /// Opens the store of a configuration to write, if it is there: nothing is made.
    pub(super) fn connect_existing(&self, configuration: &Configuration) -> Outcome<Store> {
        if configuration.database().url.is_embedded() {
            self.connect(configuration, Access::Read)?;
        }
        self.connect(configuration, Access::Write)
    }

    /// Reads a `NAME[@VERSION]` of a kind.
    pub(super) fn reference(&self, text: &str, kind: &Kind) -> Outcome<Reference> {
        refuse_url(text, "the name")?;
        Reference::parse(text, kind, &self.namespace).map_err(Failure::Usage)
    }
}

/// An error of a database, with its URL and with what named that, unless it says so already or the caller named it.
pub(super) fn named(database: &Resolved, error: Error) -> Error {
    let url = database.url.to_string();
    let origin = database.location.as_ref().map(ToString::to_string).or_else(|| database.variable.clone());
    let error = shortened(database, advised(error));
    let said = error.to_string();
    match (said.contains(&url), origin) {
        (true, Some(origin)) if !said.contains(&origin) => error.context(format!("the database of {origin}")),
        (true, _) => error,
        (false, Some(origin)) => error.context(format!("{url} (from {origin})")),
        (false, None) => error.context(url),
    }
}

/// An error whose hint names a verb without the URL, where that is configured: it need not be said again, and would be without
/// its password.
fn shortened(database: &Resolved, error: Error) -> Error {
    let is_configured = database.location.is_some() || database.variable.is_some();
    match error.hint().map(|hint| hint.replace(&format!(" {}`", database.url), "`")) {
        Some(hint) if is_configured => error.with_hint(hint),
        _ => error,
    }
}

/// An error of a server, with what people can do who run this program.
pub(super) fn advised(error: Error) -> Error {
    let said = error.to_string();
    if said.contains("permission denied for database") {
        return error.with_hint("a role that may create schemas in the database has to do this, once");
    }
    if said.contains("no schema has been selected to create in") {
        return error.with_hint(
            "the schema of these tables is missing, or the user of the database URL may not use it: let its owner \
             GRANT USAGE, CREATE ON SCHEMA, or name another one, `schema` in the section [migrations] of charter.cfg",
        );
    }
    if said.contains("password missing") {
        return error.with_hint("give the user and the password in the URL: postgresql://USER:PASSWORD@HOST/DATABASE");
    }
    if error.kind() != ErrorKind::Unavailable || !said.contains("connecting to the server") {
        return error;
    }
    if said.contains("does not support TLS") {
        return error.with_hint("let the server encrypt, or end the URL with `?sslmode=disable` on a network of trust");
    }
    match error.hint() {
        // About writes, of which there was none.
        Some(hint) if !hint.contains("acknowledged") => error,
        _ => error.with_hint("check that the server runs, and that the host and port in the URL are right"),
    }
}

/// Refuses the URL of a store that is gone when the program ends, where that makes no sense.
pub(super) fn refuse_memory(url: &DatabaseUrl) -> Outcome {
    match url.target() {
        Target::Memory => {
            let message = "a store in memory is gone when the program ends: what is put there would be lost";
            let error = Error::new(ErrorKind::Invalid, message);
            Err(Failure::Usage(
                error.with_hint("name a file or a server: sqlite:///FILE, duckdb:///FILE, postgresql://HOST/DATABASE"),
            ))
        }
        _ => Ok(()),
    }
}

/// Refuses the URL of a file that is a folder.
pub(super) fn refuse_folder(url: &DatabaseUrl) -> Result<(), Error> {
    if !url.file().is_some_and(Path::is_dir) {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Invalid, format!("{url} is a folder, not a database"));
    let slash = if url.to_string().ends_with('/') { "" } else { "/" };
    let ending = if matches!(url.target(), Target::DuckDb(_)) { "duckdb" } else { "db" };
    Err(error.with_hint(format!("name a file in it: {url}{slash}charter.{ending}")))
}

/// Reads the kind of a `--kind`.
pub(super) fn parse_kind(text: &str) -> Outcome<Kind> {
    refuse_url(text, "the kind")?;
    text.parse().map_err(|error: Error| {
        let known: Vec<&str> = Kind::KNOWN.iter().map(Kind::as_str).collect();
        Failure::Usage(error.with_hint(format!("charter's own kinds are: {}", known.join(", "))))
    })
}

/// Refuses a URL where something else is expected, without repeating it: it may have a password in it.
pub(super) fn refuse_url(text: &str, what: &str) -> Outcome {
    if !text.contains("://") {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Invalid, format!("{what} looks like a URL"));
    Err(Failure::Usage(error.with_hint("the URL of the database is given with --db")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_can_do_is_said() {
        let hint = |kind, said: &str| {
            let error = Error::new(kind, said.to_owned())
                .with_hint("nothing that was acknowledged is lost, and repeating is safe");
            advised(error).hint().unwrap_or_default().to_owned()
        };
        let connecting = "connecting to the server: PostgreSQL: ";
        for (kind, said, part) in [
            (ErrorKind::Backend, "PostgreSQL: permission denied for database a", "may create schemas"),
            (ErrorKind::Backend, "PostgreSQL: no schema has been selected to create in", "GRANT USAGE, CREATE"),
            (ErrorKind::Unavailable, "invalid configuration: password missing", "the user and the password in the URL"),
            (ErrorKind::Unavailable, "error connecting to server: refused", "host and port"),
        ] {
            let said = if kind == ErrorKind::Unavailable { format!("{connecting}{said}") } else { said.to_owned() };
            assert!(hint(kind, &said).contains(part), "{said}: {}", hint(kind, &said));
        }
    }
}
