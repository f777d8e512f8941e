use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::invalid;
use super::query::{Query, decode, encode};
use crate::config::secret::{MASK, Secret};
use crate::error::{Error, Result};

/// A PostgreSQL server and how to reach it; the names and their meaning are libpq's (PostgreSQL documentation,
/// "Connection URIs" and "Parameter Key Words").
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresTarget {
    /// Where the server listens, in the order to try; never empty. Without any host in the URL: `localhost`.
    pub hosts: Vec<HostAddress>,
    /// The user; the driver's default if absent.
    pub user: Option<String>,
    /// The password, masked wherever it is printed.
    pub password: Option<Secret>,
    /// The database; the user's name if absent.
    pub database: Option<String>,
    /// Whether the connection is encrypted, and what of the server's certificate is checked.
    pub sslmode: SslMode,
    /// A file of certificates to trust; the system's if absent. (`sslrootcert=system` means the latter, and
    /// `sslmode=verify-full`.)
    pub sslrootcert: Option<PathBuf>,
    /// The name that the server's activity views show.
    pub application_name: Option<String>,
    /// How long to wait for each host; without limit if absent.
    pub connect_timeout: Option<Duration>,
    /// Command-line options for the server's session (`-c name=value`); masked, for they may hold secrets.
    pub options: Option<Secret>,
    /// Which of several hosts to stay with.
    pub target_session_attrs: TargetSessionAttributes,
    /// Whether the password's exchange is bound to the encrypted connection.
    pub channel_binding: ChannelBinding,
}

/// One host and port of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostAddress {
    /// The host.
    pub host: Host,
    /// The port; of a socket, the number in its file's name.
    pub port: u16,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A host's name or IP address (IPv6 without brackets).
    Name(String),
    /// The folder of a Unix socket.
    Socket(PathBuf),
}

/// libpq's `sslmode`, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted only if the server insists.
    Allow,
    /// Encrypted if the server can.
    #[default]
    Prefer,
    /// Always encrypted; the certificate is not checked.
    Require,
    /// Always encrypted, by a certificate of a trusted authority.
    VerifyCa,
    /// Always encrypted, by a trusted certificate of this very host.
    VerifyFull,
}

/// libpq's `target_session_attrs`, as far as drivers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TargetSessionAttributes {
    /// Any server that answers.
    #[default]
    Any,
    /// One that takes writes.
    ReadWrite,
    /// One that takes none.
    ReadOnly,
}

/// libpq's `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChannelBinding {
    /// Not used.
    Disable,
    /// Used where the server offers it.
    #[default]
    Prefer,
    /// Used, or the connection fails.
    Require,
}

const PARAMETERS: &[&str] = &[
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "sslrootcert",
    "application_name",
    "connect_timeout",
    "options",
    "target_session_attrs",
    "channel_binding",
];

const SSL_MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

const SESSION_ATTRIBUTES: &[(&str, TargetSessionAttributes)] = &[
    ("any", TargetSessionAttributes::Any),
    ("read-write", TargetSessionAttributes::ReadWrite),
    ("read-only", TargetSessionAttributes::ReadOnly),
];

const CHANNEL_BINDINGS: &[(&str, ChannelBinding)] =
    &[("disable", ChannelBinding::Disable), ("prefer", ChannelBinding::Prefer), ("require", ChannelBinding::Require)];

const DEFAULT_PORT: u16 = 5432;

impl PostgresTarget {
    /// Reads what follows `postgresql:`.
    pub(super) fn parse(rest: &str) -> Result<Self> {
        let Some(rest) = rest.strip_prefix("//") else {
            return Err(invalid("a PostgreSQL URL has two slashes after its scheme").with_hint(FORM));
        };
        // Before the query is looked at, or its errors would blame what is really a piece of the password.
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if rest.matches('@').count() != usize::from(authority.contains('@')) {
            return Err(invalid(
                "a PostgreSQL URL has one `@`, between user and host, and neither `/` nor `?` before it",
            )
            .with_hint(ENCODE));
        }
        let (location, query) = Query::split(rest)?;
        query.refuse_unknown("PostgreSQL", PARAMETERS)?;
        let path = location.get(authority.len()..).unwrap_or_default();
        let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));

        let password = once("password", password, query.one("password")?)?;
        if password.as_deref() == Some(MASK) {
            return Err(invalid("the password of this database URL is masked: the URL was copied from a message"));
        }
        let system_certificates = query.one("sslrootcert")? == Some("system");
        let sslmode = query.word("sslmode", SSL_MODES)?;
        if system_certificates && sslmode.is_some_and(|mode| mode != SslMode::VerifyFull) {
            return Err(invalid("`sslrootcert=system` goes with `sslmode=verify-full` only"));
        }
        Ok(Self {
            hosts: addresses(hosts, &query)?,
            user: once("user", user, query.one("user")?)?,
            password: password.map(Secret::new),
            database: once("dbname", path.strip_prefix('/').unwrap_or_default(), query.one("dbname")?)?,
            sslmode: sslmode.unwrap_or(if system_certificates { SslMode::VerifyFull } else { SslMode::default() }),
            sslrootcert: query.one("sslrootcert")?.filter(|_| !system_certificates).map(PathBuf::from),
            application_name: query.one("application_name")?.map(str::to_owned),
            connect_timeout: query.one("connect_timeout")?.map(timeout).transpose()?.flatten(),
            options: query.one("options")?.map(Secret::new),
            target_session_attrs: query.word("target_session_attrs", SESSION_ATTRIBUTES)?.unwrap_or_default(),
            channel_binding: query.word("channel_binding", CHANNEL_BINDINGS)?.unwrap_or_default(),
        })
    }
}

const FORM: &str = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE";
const ENCODE: &str = "inside user and password write `@` as %40, `/` as %2F, `?` as %3F, `:` as %3A and `%` as %25";

/// A part that stands in the URL itself (still encoded) or among its parameters (decoded), not in both.
fn once(parameter: &'static str, encoded: &str, given: Option<&str>) -> Result<Option<String>> {
    match (encoded.is_empty(), given) {
        (true, given) => Ok(given.map(str::to_owned)),
        (false, None) => decode(encoded).map(Some),
        (false, Some(_)) => Err(invalid(format!(
            "the database URL has a query parameter `{parameter}` beside the same part in its front"
        ))),
    }
}

/// Seconds; zero and less mean no limit, as in libpq.
fn timeout(seconds: &str) -> Result<Option<Duration>> {
    let seconds: i32 = seconds.parse().map_err(|_| invalid("`connect_timeout` is a number of seconds"))?;
    Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

/// The hosts of the URL's front, or of the parameters `host` and `port`.
fn addresses(front: &str, query: &Query) -> Result<Vec<HostAddress>> {
    let twice = || invalid("the database URL names its host both in front and as a query parameter");
    let mut entries = Vec::new();
    for entry in front.split(',') {
        let (host, port) = split_port(entry)?;
        entries.push((decode(host)?, port));
    }
    let given: Vec<&str> = query.all("host").flat_map(|list| list.split(',')).collect();
    if !given.is_empty() {
        let [(host, front_port)] = entries.as_slice() else { return Err(twice()) };
        if !host.is_empty() {
            return Err(twice());
        }
        let front_port = *front_port;
        entries = Vec::new();
        for entry in given {
            let (host, port) = if entry.starts_with('/') { (entry, None) } else { split_port(entry)? };
            entries.push((host.to_owned(), port.or(front_port)));
        }
    }
    if let Some(list) = query.one("port")? {
        let ports = list.split(',').map(parse_port).collect::<Result<Vec<u16>>>()?;
        if (ports.len() != 1 && ports.len() != entries.len()) || entries.iter().any(|(_, port)| port.is_some()) {
            return Err(invalid("`port` is one port for every host or one for each, and then no host has its own"));
        }
        for ((_, port), given) in entries.iter_mut().zip(ports.iter().cycle()) {
            *port = Some(*given);
        }
    }
    let several = entries.len() > 1;
    entries
        .into_iter()
        .map(|(host, port)| {
            if host.contains(char::is_whitespace) || (several && host.is_empty()) {
                return Err(invalid("a host of the database URL is empty or has blanks in it"));
            }
            let host = match host.as_str() {
                "" => Host::Name("localhost".to_owned()),
                _ if host.starts_with('/') => Host::Socket(PathBuf::from(host)),
                _ => Host::Name(host),
            };
            Ok(HostAddress { host, port: port.unwrap_or(DEFAULT_PORT) })
        })
        .collect()
}

/// Splits `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
fn split_port(entry: &str) -> Result<(&str, Option<u16>)> {
    let (host, port) = match entry.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']').ok_or_else(bad_host)?;
            match after.strip_prefix(':') {
                Some(port) => (host, port),
                None if after.is_empty() => (host, ""),
                None => return Err(bad_host()),
            }
        }
        None => entry.split_once(':').unwrap_or((entry, "")),
    };
    if port.is_empty() { Ok((host, None)) } else { Ok((host, Some(parse_port(port)?))) }
}

fn bad_host() -> Error {
    invalid("the host of the database URL has a bracket too many: an IPv6 address is written `[::1]` or `[::1]:5432`")
}

fn parse_port(port: &str) -> Result<u16> {
    match port.parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err(invalid("the port of the database URL is not a number from 1 to 65535").with_hint(ENCODE)),
    }
}

impl fmt::Display for PostgresTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        if let Some(user) = &self.user {
            write!(f, "{}", encode(user))?;
        }
        if self.password.is_some() {
            write!(f, ":{MASK}")?;
        }
        if self.user.is_some() || self.password.is_some() {
            f.write_str("@")?;
        }
        for (number, address) in self.hosts.iter().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            match &address.host {
                Host::Name(name) if name.contains(':') => write!(f, "[{}]", name.replace('%', "%25"))?,
                Host::Name(name) => write!(f, "{}", encode(name))?,
                Host::Socket(folder) => write!(f, "{}", encode(&folder.to_string_lossy()))?,
            }
            if address.port != DEFAULT_PORT {
                write!(f, ":{}", address.port)?;
            }
        }
        if let Some(database) = &self.database {
            write!(f, "/{}", encode(database))?;
        }
        let mut mark = '?';
        let mut parameter = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            write!(f, "{mark}{name}={value}")?;
            mark = '&';
            Ok(())
        };
        if self.sslmode != SslMode::default() {
            parameter(f, "sslmode", &word(SSL_MODES, self.sslmode))?;
        }
        if let Some(path) = &self.sslrootcert {
            parameter(f, "sslrootcert", &encode(&path.to_string_lossy()))?;
        }
        if let Some(name) = &self.application_name {
            parameter(f, "application_name", &encode(name))?;
        }
        if let Some(timeout) = self.connect_timeout {
            parameter(f, "connect_timeout", &timeout.as_secs())?;
        }
        if self.options.is_some() {
            parameter(f, "options", &MASK)?;
        }
        if self.target_session_attrs != TargetSessionAttributes::default() {
            parameter(f, "target_session_attrs", &word(SESSION_ATTRIBUTES, self.target_session_attrs))?;
        }
        if self.channel_binding != ChannelBinding::default() {
            parameter(f, "channel_binding", &word(CHANNEL_BINDINGS, self.channel_binding))?;
        }
        Ok(())
    }
}

fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    words.iter().find(|(_, other)| *other == meaning).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::super::{DatabaseUrl, Target};
    use super::*;

    fn parse(text: &str) -> PostgresTarget {
        match DatabaseUrl::parse(text).unwrap().target() {
            Target::Postgres(target) => target.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn host(host: &str, port: u16) -> HostAddress {
        HostAddress { host: Host::Name(host.to_owned()), port }
    }

    fn socket(folder: &str, port: u16) -> HostAddress {
        HostAddress { host: Host::Socket(folder.into()), port }
    }

    #[test]
    fn every_part_is_read() {
        let target = parse(
            "postgresql://us%40er:p%40%2Fw:#;x@db.example:5433/my%20db?sslmode=verify-full&sslrootcert=/etc/ca.pem\
             &application_name=charter+1&connect_timeout=7&options=-c%20a%3Db&target_session_attrs=read-write\
             &channel_binding=require",
        );
        assert_eq!(target.hosts, [host("db.example", 5433)]);
        assert_eq!(target.user.as_deref(), Some("us@er"));
        assert_eq!(target.password.as_ref().map(Secret::expose), Some("p@/w:#;x"));
        assert_eq!(target.database.as_deref(), Some("my db"));
        assert_eq!(target.sslmode, SslMode::VerifyFull);
        assert_eq!(target.sslrootcert, Some("/etc/ca.pem".into()));
        assert_eq!(target.application_name.as_deref(), Some("charter+1"));
        assert_eq!(target.connect_timeout, Some(Duration::from_secs(7)));
        assert_eq!(target.options.as_ref().map(Secret::expose), Some("-c a=b"));
        assert_eq!(target.target_session_attrs, TargetSessionAttributes::ReadWrite);
        assert_eq!(target.channel_binding, ChannelBinding::Require);
    }

    #[test]
    fn spellings_of_the_scheme_are_one() {
        let expected = parse("postgresql://u:p@h/d");
        for scheme in ["postgres", "postgresql+psycopg2", "postgresql+psycopg", "postgresql+asyncpg", "POSTGRES"] {
            assert_eq!(parse(&format!("{scheme}://u:p@h/d")), expected);
        }
        let bare = parse("postgresql://");
        assert_eq!(bare.hosts, [host("localhost", 5432)]);
        assert_eq!((bare.user, bare.password, bare.database, bare.sslmode), (None, None, None, SslMode::Prefer));
    }

    #[test]
    fn hosts() {
        for (text, expected) in [
            ("postgresql://a,b:5433/d", vec![host("a", 5432), host("b", 5433)]),
            ("postgresql://[::1]:6000/d", vec![host("::1", 6000)]),
            ("postgresql:///d?host=/var/run/postgresql", vec![socket("/var/run/postgresql", 5432)]),
            ("postgresql://u@/d?host=/run/pg&port=5433", vec![socket("/run/pg", 5433)]),
            ("postgresql://u@:5433/d?host=/run/pg", vec![socket("/run/pg", 5433)]),
            ("postgresql://%2Frun%2Fpg:5433/d", vec![socket("/run/pg", 5433)]),
            ("postgresql:///d?host=a:1&host=b:2", vec![host("a", 1), host("b", 2)]),
            ("postgresql:///d?host=a,b&port=1,2", vec![host("a", 1), host("b", 2)]),
            ("postgresql://a,b/d?port=7", vec![host("a", 7), host("b", 7)]),
            ("postgresql://u:p@/d", vec![host("localhost", 5432)]),
        ] {
            assert_eq!(parse(text).hosts, expected, "{text}");
        }
        for text in [
            "postgresql://h:0/d",
            "postgresql://h:65536/d",
            "postgresql://a,,b/d",
            "postgresql://h/d?host=i",
            "postgresql://a,b/d?port=1,2,3",
            "postgresql://a:1/d?port=2",
            "postgresql://[::1/d",
            "postgresql://[::1]x/d",
            "postgresql://a b/d",
        ] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_refused_without_repeating_it() {
        for text in [
            "postgresql:u:hunter2@h/d",
            "postgresql://u:hunter2@x@h/d",
            "postgresql://u:hunter2/x@h/d",
            // Read naively this is host `u`, port 12, database `hunter2@h/d`.
            "postgresql://u:12/hunter2@h/d",
            "postgresql://u:12?hunter2=x@h/d",
            "postgresql://u:hunter2%@h/d",
            "postgresql://u:hunter2%00@h/d",
            "postgresql://u:hunter2%ff@h/d",
            "postgresql://u:hunter2\n@h/d",
            "postgresql://u:hunter2",
            "postgresql://u:p@h/d?password=hunter2",
            "postgresql://h/d?sslmode=hunter2",
            "postgresql://h/d?hunter2=1",
            "postgresql://h/d?connect_timeout=hunter2",
            "postgresql://h/d?port=hunter2",
            "postgresql://h/d?sslrootcert=system&sslmode=require&options=hunter2",
            "postgresql//u:hunter2@h/d",
            "u:hunter2@h/d",
            "hunter2",
        ] {
            let error = DatabaseUrl::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error:?}");
        }
        let copied = DatabaseUrl::parse("postgresql://u:***@h/d").unwrap_err();
        assert!(copied.message().contains("masked"), "{copied}");
    }

    #[test]
    fn printed_urls_are_masked_and_parse_again() {
        for text in [
            "postgresql://u:p@h/d",
            "postgresql://us%40er:p@h1,h2:7/my%20db?sslmode=require&connect_timeout=3",
            "postgresql://u:p@[::1]:6000/d?application_name=a%20b&target_session_attrs=read-only",
            "postgresql://u:p@%2Frun%2Fpg/d?sslrootcert=%2Fa&channel_binding=disable",
            "postgresql://:p@h",
        ] {
            let masked = DatabaseUrl::parse(text).unwrap().masked();
            assert_eq!(masked, text.replace(":p@", ":***@"));
            assert_eq!(parse(&masked.replace(MASK, "p")), parse(text));
        }
        let options = DatabaseUrl::parse("postgresql://h/d?password=hunter2&options=-chunter2").unwrap();
        assert_eq!(options.to_string(), "postgresql://:***@h/d?options=***");
        assert!(!format!("{options:?} {:?}", options.target()).contains("hunter2"));
    }

    #[test]
    fn system_certificates_are_checked_in_full() {
        let target = parse("postgresql://h/d?sslrootcert=system");
        assert_eq!((target.sslrootcert, target.sslmode), (None, SslMode::VerifyFull));
    }
}
