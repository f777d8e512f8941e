//! What the verbs of `charter db` say of migrations.

use super::super::session::{Session, named};
use super::super::ui::{Outcome, object, or_null};
use crate::config::{DatabaseUrl, Resolved};
use crate::error::{Error, ErrorKind};
use crate::migrate::{AppliedMigration, Migration, Status};
use crate::record::Value;
use crate::store::Store;

/// Which migrations a database has; `None` for a store without migrations.
pub(super) fn migration_status(database: &Resolved) -> Result<Option<Status>, Error> {
    let url = &database.url;
    let error = match Store::migration_status(url) {
        Err(error) if error.kind() == ErrorKind::NotFound && url.is_embedded() => {
            Error::new(ErrorKind::NotFound, format!("there is no database {url}"))
                .with_hint("make it with `charter init`, or put something into it with `charter put FILE`")
        }
        result => return result.map_err(|error| named(database, error)),
    };
    Err(named(database, error))
}

pub(super) fn without_migrations(session: &Session<'_>, url: &DatabaseUrl) -> Outcome {
    session.ui.result(|| format!("{url} has no migrations\n"), || Value::Null)
}

/// `1 contracts 0f0f0f0f0f0f`.
pub(super) fn name(migration: &Migration) -> String {
    format!("{} {} {}", migration.number(), migration.slug(), migration.id())
}

pub(super) fn applied_name(applied: &AppliedMigration) -> String {
    let id = applied.id.as_deref().unwrap_or("(newer than this program)");
    format!("{} {} {id}", applied.number, applied.slug)
}

pub(super) fn applied_value(applied: &AppliedMigration) -> Value {
    object! {
        "number": applied.number.unsigned_abs(),
        "name": applied.slug.as_str(),
        "id": or_null(applied.id.as_deref()),
        "applied_at": applied.applied_at.as_str(),
    }
    .into()
}

pub(super) fn migration_value(migration: &Migration, applied_at: Option<Value>) -> Value {
    let mut value = object! {
        "number": migration.number().unsigned_abs(),
        "name": migration.slug(),
        "id": migration.id(),
    };
    if let Some(applied_at) = applied_at {
        value.insert("applied_at", applied_at);
    }
    value.into()
}
