//! Connections to a PostgreSQL server.

mod tls;

use crate::config::url::{ChannelBinding, Host, HostAddress, PostgresTarget, SslMode, TargetSessionAttributes};
use crate::engine::TextRow;
use crate::error::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::config as driver;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel, NoTls, SimpleQueryMessage, Transaction};

/// How many connections one store opens at most.
const CONNECTIONS: usize = 4;

/// How long to wait for a host that says nothing, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long sent data may stay unacknowledged before the connection is taken for dead.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The connections of one store.
pub(crate) struct Pool {
    target: PostgresTarget,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
}

impl Pool {
    pub(crate) fn new(target: PostgresTarget) -> Arc<Self> {
        Arc::new(Self { target, permits: Arc::new(Semaphore::new(CONNECTIONS)), idle: Mutex::new(Vec::new()) })
    }

    /// A connection for one piece of work: an idle one, else a new one, else the next that becomes idle.
    pub(crate) async fn client(self: &Arc<Self>) -> Result<Pooled> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| Error::new(ErrorKind::Backend, "the store is closed").with_source(error))?;
        let idle = loop {
            match self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
                // The server or the line has closed it meanwhile.
                Some(client) if client.is_closed() => {}
                found => break found,
            }
        };
        let client = match idle {
            Some(client) => client,
            None => connect(&self.target).await?,
        };
        Ok(Pooled { client: Some(client), pool: self.clone(), _permit: permit })
    }
}

/// A connection that goes back to its pool.
pub(crate) struct Pooled {
    client: Option<Client>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pooled {
    pub(crate) fn client(&mut self) -> Result<&mut Client> {
        self.client.as_mut().ok_or_else(|| Error::new(ErrorKind::Backend, "the connection was given back"))
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|client| !client.is_closed()) {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        }
    }
}

/// What one query answers, each value as text, in one round trip and without a prepared statement.
pub(crate) async fn text_rows(client: &Client, sql: &str) -> Result<Vec<TextRow>> {
    let mut found = Vec::new();
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let value = |column| Ok(row.try_get(column)?.map(str::to_owned));
            found.push((0..row.len()).map(value).collect::<Result<TextRow>>()?);
        }
    }
    Ok(found)
}

/// A transaction in which each statement sees what was committed before it, whatever the server's default.
pub(crate) async fn begin(client: &mut Client) -> Result<Transaction<'_>> {
    Ok(client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?)
}

/// Connects to the first host that answers. The limit is for all of it, as in libpq: a host may take the connection and
/// then say nothing.
pub(crate) async fn connect(target: &PostgresTarget) -> Result<Client> {
    let limit = target.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    let mut failure = Error::new(ErrorKind::Configuration, "the database URL names no host");
    for address in &target.hosts {
        failure = match tokio::time::timeout(limit, connect_to(address, target)).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => error,
            Err(_) => Error::new(ErrorKind::Unavailable, format!("the server says nothing for {} s", limit.as_secs()))
                .with_hint("check the host and the port; `connect_timeout` in the database URL is how long to wait")
                .context("connecting to the server"),
        };
    }
    Err(failure)
}

async fn connect_to(address: &HostAddress, target: &PostgresTarget) -> Result<Client> {
    let mut config = driver::Config::new();
    match &address.host {
        Host::Name(name) => config.host(name),
        #[cfg(unix)]
        Host::Socket(folder) => config.host_path(folder),
        #[cfg(not(unix))]
        Host::Socket(_) => {
            return Err(Error::new(ErrorKind::Unsupported, "this system has no Unix sockets"));
        }
    };
    config.port(address.port);
    if let Some(user) = &target.user {
        config.user(user);
    }
    if let Some(password) = &target.password {
        config.password(password.expose());
    }
    if let Some(database) = &target.database {
        config.dbname(database);
    }
    if let Some(options) = &target.options {
        config.options(options.expose());
    }
    config
        .application_name(target.application_name.as_deref().unwrap_or("charter"))
        .tcp_user_timeout(TCP_USER_TIMEOUT)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(10))
        .keepalives_retries(3)
        .target_session_attrs(match target.target_session_attrs {
            TargetSessionAttributes::Any => driver::TargetSessionAttrs::Any,
            TargetSessionAttributes::ReadWrite => driver::TargetSessionAttrs::ReadWrite,
            TargetSessionAttributes::ReadOnly => driver::TargetSessionAttrs::ReadOnly,
        })
        .channel_binding(match target.channel_binding {
            ChannelBinding::Disable => driver::ChannelBinding::Disable,
            ChannelBinding::Prefer => driver::ChannelBinding::Prefer,
            ChannelBinding::Require => driver::ChannelBinding::Require,
        });
    match target.sslmode {
        SslMode::Disable => connect_plain(config.ssl_mode(driver::SslMode::Disable)).await,
        // libpq tries without encryption first, and with it if the server refuses.
        SslMode::Allow => match connect_plain(config.ssl_mode(driver::SslMode::Disable)).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                connect_encrypted(config.ssl_mode(driver::SslMode::Require), target).await
            }
            result => result,
        },
        SslMode::Prefer => connect_encrypted(config.ssl_mode(driver::SslMode::Prefer), target).await,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            connect_encrypted(config.ssl_mode(driver::SslMode::Require), target).await
        }
    }
}

async fn connect_plain(config: &driver::Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await.map_err(connecting)?;
    tokio::spawn(connection);
    Ok(client)
}

async fn connect_encrypted(config: &driver::Config, target: &PostgresTarget) -> Result<Client> {
    let (client, connection) = config.connect(tls::connector(target)?).await.map_err(connecting)?;
    tokio::spawn(connection);
    Ok(client)
}

/// An error while connecting: whatever it is, the server is not there for us.
fn connecting(error: tokio_postgres::Error) -> Error {
    let error = Error::from(error);
    if error.kind() == ErrorKind::Backend {
        let message = error.message().to_owned();
        return Error::new(ErrorKind::Unavailable, message).with_source(error).context("connecting to the server");
    }
    error.context("connecting to the server")
}

/// An error of a statement that is not charter's own: a table that does not exist says nothing of charter's.
pub(crate) fn foreign_error(error: tokio_postgres::Error) -> Error {
    match error.as_db_error().filter(|_| is_undefined(&error)) {
        Some(answer) => Error::new(ErrorKind::Backend, answered(answer)).with_source(error),
        None => error.into(),
    }
}

/// What the server answered. The detail may show data, and is left to the source.
fn answered(answer: &tokio_postgres::error::DbError) -> String {
    format!("PostgreSQL: {} (SQLSTATE {})", answer.message(), answer.code().code())
}

/// What the server called an error, when it was the server that failed.
pub(crate) fn sql_state(error: &Error) -> Option<&SqlState> {
    std::error::Error::source(error)?.downcast_ref::<tokio_postgres::Error>()?.code()
}

/// Whether the server says that a table or a schema does not exist.
pub(crate) fn is_undefined(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME))
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(answer) = error.as_db_error() else {
            let mut reason = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !reason.contains(&cause_text) {
                    reason = format!("{reason}: {cause_text}");
                }
                source = cause.source();
            }
            let unavailable =
                error.is_closed() || std::error::Error::source(&error).is_some_and(|s| s.is::<std::io::Error>());
            let kind = if unavailable { ErrorKind::Unavailable } else { ErrorKind::Backend };
            return Self::new(kind, format!("PostgreSQL: {reason}"))
                .with_hint("nothing that was acknowledged is lost, and repeating is safe")
                .with_source(error);
        };
        let code = answer.code();
        let class = code.code().get(..2).unwrap_or_default();
        let (kind, hint) = match (class, code) {
            _ if is_undefined(&error) => (
                ErrorKind::NotInitialized,
                Some("the server has no charter registry yet: `charter db init URL` makes one"),
            ),
            ("08", _) => (ErrorKind::Unavailable, None),
            ("28", _) => (ErrorKind::Unavailable, Some("check the user and the password in the database URL")),
            ("3D", _) => (ErrorKind::NotFound, Some("create the database first, for example with `createdb`")),
            ("40", _) => (ErrorKind::Busy, Some("repeating is safe")),
            (_, &SqlState::LOCK_NOT_AVAILABLE) => (ErrorKind::Busy, Some("repeating is safe")),
            (_, &SqlState::DISK_FULL) => (ErrorKind::Io, Some("the server's disk is full; nothing was changed")),
            ("53" | "57", _) => (ErrorKind::Unavailable, Some("repeating is safe")),
            (_, &SqlState::INSUFFICIENT_PRIVILEGE) => {
                (ErrorKind::Backend, Some("the user of the database URL lacks this right; ask the database's owner"))
            }
            (_, &SqlState::READ_ONLY_SQL_TRANSACTION) => {
                (ErrorKind::Unavailable, Some("this server only reads; use the URL of the primary"))
            }
            _ => (ErrorKind::Backend, None),
        };
        let wrapped = Self::new(kind, answered(answer)).with_source(error);
        match hint {
            Some(hint) => wrapped.with_hint(hint),
            None => wrapped,
        }
    }
}
