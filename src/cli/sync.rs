//! `charter sync`: replication to registries.

use super::session::{Session, advised, named, refuse_folder, refuse_memory};
use super::ui::{DOUBTFUL, Exit, Failure, GOOD, HEADING, Outcome, PLAIN, Table, indented, object, or_null, short};
use crate::config::{Configuration, DatabaseUrl};
use crate::error::{Context, Error, ErrorKind};
use crate::record::{Object, Value};
use crate::store::{Access, OpenOptions, Pushed, Store};
use charter_sync::{Limits, Progress, Receipt, Step};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The names of the remote that is meant when none is named.
const DEFAULT_REMOTES: [&str; 2] = ["default", "origin"];

/// How many of the newest receipts are looked through for the one of a remote.
const RECEIPTS: usize = 1000;

/// Push records to a registry, and see how far one is
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Move every record that a registry lacks to it
    ///
    /// All of them become visible there at once, or none; a push that was cut off is finished by the next one. Where the
    /// registry has a key with other content, nothing is changed there, and every such key is listed with both digests
    /// (exit code 3). A registry that is not initialised is never made by a push (exit code 4).
    ///
    /// Without an argument the remote is the one named `default` or `origin` in charter.cfg, or the only one.
    #[command(after_long_help = "\
Examples:
  charter sync push                               Push to the remote of charter.cfg
  charter sync push prod                          Push to [remote:prod] of charter.cfg
  charter sync push sqlite:////mnt/share/registry.db
  charter sync push prod --json | jq .receipt")]
    Push(Push),
    /// Tell how far registries are behind this store
    ///
    /// Asks each remote of charter.cfg, or those that are named. One that cannot be reached is reported, the others are
    /// asked all the same, and the exit code is 1. Writes nothing.
    #[command(after_long_help = "\
Examples:
  charter sync status
  charter sync status prod staging
  charter sync status postgresql://charter@registry.example.com/charter")]
    Status(Status),
}

/// The arguments of `charter sync push`.
#[derive(clap::Args)]
pub(super) struct Push {
    /// A remote's name in charter.cfg, or the URL of a registry
    #[arg(value_name = "REMOTE|URL")]
    remote: Option<String>,
}

/// The arguments of `charter sync status`.
#[derive(clap::Args)]
pub(super) struct Status {
    /// Names of remotes in charter.cfg, or URLs of registries; by default every remote of charter.cfg
    #[arg(value_name = "REMOTE|URL")]
    remotes: Vec<String>,
}

pub(super) fn run(session: &Session<'_>, command: &Command) -> Outcome {
    match command {
        Command::Push(arguments) => push(session, arguments),
        Command::Status(arguments) => status(session, arguments),
    }
}

/// A registry that a command is about.
struct Registry {
    /// Its name in the configuration, if it was named so.
    name: Option<String>,
    url: DatabaseUrl,
}

impl Registry {
    fn named(configuration: &Configuration, text: &str) -> Outcome<Self> {
        if !text.contains(':') {
            let remote = configuration.remote(text)?;
            return Ok(Self { name: Some(remote.name.clone()), url: remote.resolved.url.clone() });
        }
        let url = DatabaseUrl::parse(text).map_err(Failure::Usage)?;
        let folder = std::env::current_dir().context("finding the working directory")?;
        Ok(Self { name: None, url: url.relative_to(&folder) })
    }

    fn by_default(configuration: &Configuration) -> Outcome<Self> {
        let remotes: Vec<_> = configuration.remotes().collect();
        let named = DEFAULT_REMOTES.iter().find_map(|name| remotes.iter().find(|remote| remote.name == *name));
        match (named, remotes.as_slice()) {
            (Some(remote), _) | (None, [remote]) => {
                Ok(Self { name: Some(remote.name.clone()), url: remote.resolved.url.clone() })
            }
            (None, []) => Err(Failure::Usage(
                Error::new(ErrorKind::Invalid, "no remote is named, and the configuration has none")
                    .with_hint("name a URL, or a remote in charter.cfg: `[remote:NAME]` and under it `url = ...`"),
            )),
            (None, remotes) => {
                let names: Vec<&str> = remotes.iter().map(|remote| remote.name.as_str()).collect();
                Err(Failure::Usage(
                    Error::new(ErrorKind::Invalid, "no remote is named, and the configuration has several")
                        .with_hint(format!("name one of: {}", names.join(", "))),
                ))
            }
        }
    }

    fn open(&self) -> Result<Store, Error> {
        refuse_folder(&self.url)?;
        Store::connect(&self.url, &OpenOptions { access: Access::Remote, ..OpenOptions::default() })
    }

    /// Says which registry an error is about, if it does not say so itself.
    fn blame(&self, error: Error) -> Error {
        let error = advised(error);
        if error.to_string().contains(&self.url.to_string()) { error } else { error.context(self.title()) }
    }

    fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.url.to_string())
    }

    /// The members that say which registry it is.
    fn object(&self) -> Object {
        object! {"remote": or_null(self.name.as_deref()), "url": self.url.to_string()}
    }
}

fn push(session: &Session<'_>, arguments: &Push) -> Outcome {
    let configuration = session.configuration(None)?;
    let registry = match &arguments.remote {
        Some(text) => Registry::named(&configuration, text)?,
        None => Registry::by_default(&configuration)?,
    };
    refuse_memory(&registry.url)?;
    let store = session.connect_existing(&configuration)?;
    let remote = registry.open().map_err(|error| registry.blame(error))?;
    let progress = session.ui.progress("connecting");
    let pushed =
        store.push_with(&remote, Limits::default(), &mut |news| progress.update(step(news), news.done, news.total));
    drop(progress);
    let pushed = pushed.map_err(|error| match error.to_string().contains("pushing from this store") {
        true => named(configuration.database(), error),
        false => registry.blame(error),
    })?;
    session.ui.result(
        || pushed_text(&pushed, &registry.url),
        || {
            let mut value = registry.object();
            insert_pushed(&mut value, &pushed);
            value.into()
        },
    )
}

fn step(progress: Progress) -> &'static str {
    match progress.step {
        Step::Uploading => "uploading",
        Step::Publishing => "publishing",
        _ => "reading the change log",
    }
}

/// What a push came to, for people.
pub(super) fn pushed_text(pushed: &Pushed, url: &DatabaseUrl) -> String {
    match pushed {
        Pushed::UpToDate(head) => {
            format!("{GOOD}up to date{GOOD:#}: {url} has everything (sequence {})\n", head.sequence)
        }
        Pushed::Published(receipt) => {
            let mut facts = Table::default();
            facts.row(["push", &receipt.push.to_string()]);
            facts.row(["records", &receipt.count.to_string()]);
            facts.row(["sequence", &format!("{} -> {}", receipt.sequence_before, receipt.sequence_after)]);
            facts.row(["registry", receipt.remote.as_str()]);
            facts.row(["published at", &moment(receipt.published_at)]);
            format!("{GOOD}pushed{GOOD:#} to {url}\n{HEADING}receipt{HEADING:#}\n{}", indented(&facts.render(), 2))
        }
    }
}

/// What a push came to, for programs.
pub(super) fn insert_pushed(value: &mut Object, pushed: &Pushed) {
    match pushed {
        Pushed::UpToDate(head) => {
            value.insert("status", "up_to_date");
            value.insert("registry", head.id.as_str());
            value.insert("sequence", head.sequence);
        }
        Pushed::Published(receipt) => {
            value.insert("status", "pushed");
            value.insert("receipt", receipt_value(receipt));
        }
    }
}

fn receipt_value(receipt: &Receipt) -> Value {
    object! {
        "push": receipt.push.to_string(),
        "records": receipt.count,
        "sequence_before": receipt.sequence_before,
        "sequence_after": receipt.sequence_after,
        "source": receipt.source.as_str(),
        "registry": receipt.remote.as_str(),
        "epoch": receipt.epoch,
        "published_at": moment(receipt.published_at),
        "hash": receipt.hash.to_string(),
    }
    .into()
}

/// Microseconds since 1970 as RFC 3339, to the second.
fn moment(microseconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(microseconds.div_euclid(1_000_000));
    let text = moment.ok().and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("{microseconds} microseconds after 1970"))
}

fn status(session: &Session<'_>, arguments: &Status) -> Outcome {
    let configuration = session.configuration(None)?;
    let registries: Vec<Registry> = match arguments.remotes.as_slice() {
        [] => {
            let remotes = configuration.remotes();
            remotes
                .map(|remote| Registry { name: Some(remote.name.clone()), url: remote.resolved.url.clone() })
                .collect()
        }
        remotes => remotes.iter().map(|text| Registry::named(&configuration, text)).collect::<Outcome<_>>()?,
    };
    let store = session.connect(&configuration, Access::Read)?;
    if registries.is_empty() {
        return without_remotes(session, &store);
    }
    let progress = session.ui.progress("asking");
    let standings: Result<Vec<Standing>, Error> =
        registries.into_iter().map(|registry| Standing::ask(&store, registry)).collect();
    drop(progress);
    let standings = standings.map_err(|error| named(configuration.database(), error))?;
    session.ui.result(
        || status_text(&standings),
        || Value::from(standings.iter().map(Standing::value).collect::<Vec<_>>()),
    )?;
    let errors: Vec<&Error> = standings.iter().filter_map(|standing| standing.found.as_ref().err()).collect();
    // With --json, they are in the result.
    if !session.ui.is_json() {
        errors.iter().for_each(|error| session.ui.error(error));
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::Told(Exit::Failed)) }
}

/// Without remotes in the configuration, this store's receipts tell where its records went, though not by which URL.
fn without_remotes(session: &Session<'_>, store: &Store) -> Outcome {
    let local = store.backend().head()?;
    let mut newest: Vec<Receipt> = Vec::new();
    for receipt in store.receipts(RECEIPTS)?.into_iter().filter(|receipt| receipt.source == local.id) {
        if newest.iter().all(|known| known.remote != receipt.remote) {
            newest.push(receipt);
        }
    }
    session.ui.note("the configuration has no remotes");
    session.ui.hint("name one in charter.cfg: `[remote:NAME]` and under it `url = ...`");
    let text = || {
        if newest.is_empty() {
            return String::new();
        }
        let mut table = Table::with_headings(&["REMOTE", "REGISTRY", "LAST PUSH", "PUSHED AT"]);
        for receipt in &newest {
            let push = short(receipt.push.as_digest());
            table.row(["pushed by URL", receipt.remote.as_str(), &push, &moment(receipt.published_at)]);
        }
        table.render()
    };
    let value = |receipt: &Receipt| {
        let registry = receipt.remote.as_str();
        Value::from(object! {
            "remote": Value::Null,
            "url": Value::Null,
            "status": "unknown",
            "registry": registry,
            "last_receipt": receipt_value(receipt),
        })
    };
    session.ui.result(text, || Value::from(newest.iter().map(value).collect::<Vec<_>>()))
}

/// How a registry stands with this store.
struct Standing {
    registry: Registry,
    found: Result<Found, Error>,
}

struct Found {
    id: String,
    sequence: u64,
    pending: u64,
    receipt: Option<Receipt>,
}

impl Standing {
    /// Asks a registry.
    ///
    /// # Errors
    /// Those of this store; what the registry says is part of the answer.
    fn ask(store: &Store, registry: Registry) -> Result<Self, Error> {
        let status = registry.open().and_then(|remote| store.remote_status(&remote));
        let found = match status {
            Ok(status) if status.local.id == status.remote.id => {
                let id = &status.local.id;
                let message = format!("both stores have the identity {id}: they are the same one, or one is a copy");
                let hint = "a remote is made with `charter db init URL`, and not by copying the file";
                Err(registry.blame(Error::new(ErrorKind::Invalid, message).with_hint(hint)))
            }
            Ok(status) => {
                let receipts = store.receipts(RECEIPTS)?;
                let ours = |receipt: &Receipt| receipt.remote == status.remote.id && receipt.source == status.local.id;
                Ok(Found {
                    receipt: receipts.into_iter().find(ours),
                    id: status.remote.id.to_string(),
                    sequence: status.remote.sequence,
                    pending: status.pending,
                })
            }
            Err(error) => Err(registry.blame(error)),
        };
        Ok(Self { registry, found })
    }

    fn value(&self) -> Value {
        let mut value = self.registry.object();
        match &self.found {
            Ok(found) => {
                value.insert("status", if found.pending == 0 { "up_to_date" } else { "behind" });
                value.insert("pending", found.pending);
                value.insert("registry", found.id.as_str());
                value.insert("sequence", found.sequence);
                value.insert("last_receipt", or_null(found.receipt.as_ref().map(receipt_value)));
            }
            Err(error) => {
                value.insert("status", failed_status(error));
                value.insert("error", super::ui::error_value(error));
            }
        }
        value.into()
    }
}

fn failed_status(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Unavailable => "unreachable",
        ErrorKind::NotInitialized => "not_initialised",
        ErrorKind::Invalid => "same_identity",
        _ => "failed",
    }
}

fn status_text(standings: &[Standing]) -> String {
    if standings.is_empty() {
        return String::new();
    }
    let mut table = Table::with_headings(&["REMOTE", "STATUS", "LAST PUSH", "PUSHED AT"]);
    for Standing { registry, found } in standings {
        let (style, status, receipt) = match found {
            Ok(Found { pending: 0, receipt, .. }) => (GOOD, "up to date".to_owned(), receipt.as_ref()),
            Ok(Found { pending: 1, receipt, .. }) => (DOUBTFUL, "1 change not pushed".to_owned(), receipt.as_ref()),
            Ok(Found { pending, receipt, .. }) => (DOUBTFUL, format!("{pending} changes not pushed"), receipt.as_ref()),
            Err(error) => (DOUBTFUL, failed_status(error).replace('_', " "), None),
        };
        table.styled_row([
            (PLAIN, registry.title()),
            (style, status),
            (PLAIN, receipt.map(|receipt| short(receipt.push.as_digest())).unwrap_or_default()),
            (PLAIN, receipt.map(|receipt| moment(receipt.published_at)).unwrap_or_default()),
        ]);
    }
    table.render()
}
