//! Configuration: which database to use, which remotes there are, and where that was said.
//!
//! # Where the database's URL comes from
//! The first of these that names one counts:
//!
//! 1. the argument (`--db`);
//! 2. the variable `CHARTER__DATABASE__SQL_ALCHEMY_CONN` (or `CHARTER__DATABASE__URL`);
//! 3. the variable `CHARTER_DATABASE_URL`;
//! 4. `charter.cfg` in the working directory, in `~/.charter`, in the nearest parent folder that holds one;
//! 5. `alembic.ini` in the same places. That database is another program's ([`Source::is_foreign`]) and is not
//!    migrated when it is opened;
//! 6. `sqlite:///charter.db`.
//!
//! Each setting is looked up by itself: a project's `charter.cfg` may name the database and the one in `~/.charter`
//! the remotes. Every `charter.cfg` in these places is read, and one that cannot be read is an error, never passed
//! over. An `alembic.ini` is read only if nothing stronger names a database.
//!
//! A relative path in a URL is taken from the folder of the file that names it, so that it means the same database
//! from every subfolder; one from an argument, a variable or the default, from the working directory. Paths of a
//! [`Configuration`] are absolute.
//!
//! # charter.cfg
//! An ini file by the rules of Python's `configparser`, without interpolation: `%`, and `#` and `;` behind a value,
//! are part of it.
//!
//! | section | key | variable | meaning |
//! |---|---|---|---|
//! | `[database]` | `sql_alchemy_conn`, or its alias `url` | `CHARTER__DATABASE__SQL_ALCHEMY_CONN`, `CHARTER_DATABASE_URL` | the database's URL |
//! | `[remote:NAME]` | `url` | `CHARTER__REMOTE__NAME__URL` | the URL of a registry to push to |
//! | `[core]` | `environment` | `CHARTER__CORE__ENVIRONMENT`, `CHARTER_ENV` | `dev`, `staging` or `prod` |
//! | `[migrations]` | `dir` | `CHARTER__MIGRATIONS__DIR` | the folder of the project's own migrations; none unless said |
//! | | `name` | `CHARTER__MIGRATIONS__NAME` | what their set is called: `project` |
//! | | `schema` | `CHARTER__MIGRATIONS__SCHEMA` | their schema on Postgres: `public` |
//! | | `engines` | `CHARTER__MIGRATIONS__ENGINES` | the engines that they are for: `sqlite, duckdb, postgres` |
//! | | `migrate` | `CHARTER__MIGRATIONS__MIGRATE` | whether opening a database migrates it: `auto` or `never` |
//! | | `lock_timeout` | `CHARTER__MIGRATIONS__LOCK_TIMEOUT` | how long a statement of any migration waits for a lock: `500ms`, `5s`, `2min` |
//! | | `statement_timeout` | `CHARTER__MIGRATIONS__STATEMENT_TIMEOUT` | how long one runs |
//!
//! Other sections and keys are [warnings](Configuration::warnings), not errors. A variable `CHARTER__SECTION__KEY`
//! sets any key, stronger than every file. As few shells take `:` or `-` in a variable's name, `[remote:eu-west]` is
//! `CHARTER__REMOTE__EU_WEST__URL`: a variable sets the remote whose name is the same with capital letters and with
//! `-` and `.` as `_`; if there is none, it makes one, in small letters. A variable or key that is set but empty is an
//! error: it is more often an accident than a wish for the next source.

mod alembic;
mod ini;
mod known;
mod migrations;
mod resolve;
mod secret;
mod source;
pub mod url;
#[cfg(feature = "watch")]
mod watch;

#[cfg(test)]
mod secrecy;

pub use migrations::{Migrate, MigrationSettings};
pub(crate) use migrations::{SET_NAME_RULE, is_set_name};
pub use resolve::{Configuration, Environment, Remote, Resolved, Warning};
pub use secret::Secret;
pub use source::{Place, Source, Surroundings};
pub use url::{DatabaseUrl, Target};
#[cfg(feature = "watch")]
pub use watch::{ConfigWatcher, Event};
