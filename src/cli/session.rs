//! What all commands share: the global arguments, the configuration, and opening stores.

use super::ui::{Failure, Outcome, Ui};
use crate::config::{Configuration, DatabaseUrl, Environment};
use crate::error::{Error, ErrorKind};
use crate::record::{Kind, Namespace, Reference};
use crate::store::{Access, OpenOptions, Store};

/// One run of the program.
pub(super) struct Session<'a> {
    pub(super) ui: &'a Ui,
    pub(super) namespace: Namespace,
    database: Option<String>,
    environment: Option<Environment>,
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
        Ok(Self { ui, namespace, database, environment })
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
        let database = configuration.database();
        let options =
            OpenOptions { access, environment: self.environment(configuration), foreign: database.source.is_foreign() };
        Ok(Store::connect(&database.url, &options)?.in_namespace(self.namespace.clone()))
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
