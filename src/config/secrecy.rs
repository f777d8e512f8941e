//! The law that no password is ever shown, tried on URLs and files that are whole, cut, and mangled.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::path::Path;

use proptest::prelude::*;

use super::url::DatabaseUrl;
use super::{Configuration, Surroundings};
use crate::error::Error;

/// What every password of these tests holds, so that a piece of one is found too. No port, no known name.
const MARK: &str = "hunter2";

fn password() -> impl Strategy<Value = String> {
    "[!-~]{0,8}".prop_flat_map(|front| "[!-~]{0,8}".prop_map(move |back| format!("{front}{MARK}{back}")))
}

fn encoded(password: &str) -> String {
    password
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn shows<T: Display + Debug>(value: &T) -> bool {
    value.to_string().contains(MARK) || debug_shows(value)
}

fn debug_shows(value: &impl Debug) -> bool {
    format!("{value:?} {value:#?}").contains(MARK)
}

fn error_shows(error: &Error) -> bool {
    shows(error) || error.hint().is_some_and(|hint| hint.contains(MARK)) || error.message().contains(MARK)
}

/// The text with one character cut out, put in, or everything before or behind it cut off.
fn mangled(text: &str, place: usize, how: u8, sign: char) -> String {
    let letters: Vec<char> = text.chars().collect();
    let place = place % (letters.len() + 1);
    let (front, back) = letters.split_at(place);
    let front: String = front.iter().collect();
    match how % 4 {
        0 => front + &back.iter().skip(1).collect::<String>(),
        1 => front + &sign.to_string() + &back.iter().collect::<String>(),
        2 => front,
        _ => back.iter().collect(),
    }
}

/// Whether the password has become an honest part of another URL, which may be shown: `postgresql://uhunter2@host`.
fn is_elsewhere(url: &DatabaseUrl) -> bool {
    match url.target() {
        super::Target::Postgres(target) => {
            let parts = [&target.user, &target.database, &target.application_name];
            parts.into_iter().flatten().any(|part| part.contains(MARK)) || format!("{:?}", target.hosts).contains(MARK)
        }
        _ => url.file().is_some_and(|path| path.to_string_lossy().contains(MARK)),
    }
}

fn surroundings(folder: &Path) -> Surroundings {
    Surroundings { working_directory: folder.to_owned(), home: None, variables: BTreeMap::new() }
}

proptest! {
    #[test]
    fn a_parsed_url_shows_no_password(password in password(), as_parameter: bool) {
        let secret = encoded(&password);
        let text = match as_parameter {
            true => format!("postgresql://user@host/database?password={secret}&options={secret}"),
            false => format!("postgresql+psycopg2://user:{secret}@host:5433/database?sslmode=require"),
        };
        let url = DatabaseUrl::parse(&text).unwrap();
        prop_assert!(!shows(&url), "{url}");
        prop_assert!(!debug_shows(url.target()));
        prop_assert!(!url.masked().contains(MARK));
        let super::Target::Postgres(target) = url.target() else { panic!() };
        prop_assert_eq!(target.password.as_ref().map(|secret| secret.expose()), Some(password.as_str()));
    }

    #[test]
    fn no_error_of_a_url_shows_its_password(
        password in password(),
        encode: bool,
        mangles in proptest::collection::vec((0..200usize, any::<u8>(), "[ -~\n]"), 0..4),
        scheme in "(postgresql|postgres|postgresql\\+asyncpg|mysql|redis|sqlite|duckdb|memory|)",
    ) {
        let secret = if encode { encoded(&password) } else { password };
        let mut text = format!("{scheme}://user:{secret}@host:5432/database?sslmode=require&sslpassword={secret}");
        for (place, how, sign) in mangles {
            text = mangled(&text, place, how, sign.chars().next().unwrap_or('x'));
        }
        match DatabaseUrl::parse(&text) {
            Ok(url) => prop_assert!(!shows(&url) || is_elsewhere(&url), "{text}: {url}"),
            Err(error) => prop_assert!(!error_shows(&error), "{text}: {error:?}"),
        }
    }

    #[test]
    fn no_configuration_shows_a_password(
        password in password(),
        encode: bool,
        mangles in proptest::collection::vec((0..400usize, any::<u8>(), "[ -~\n]"), 0..3),
        alembic: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let secret = if encode { encoded(&password) } else { password };
        let url = format!("postgresql://user:{secret}@host/database");
        let mut text = format!(
            "[DEFAULT]\nx = {secret}\n[{}]\n{} = {url}\n[remote:prod]\nurl = {url}\n",
            if alembic { "alembic" } else { "database" },
            if alembic { "sqlalchemy.url" } else { "sql_alchemy_conn" },
        );
        for (place, how, sign) in mangles {
            text = mangled(&text, place, how, sign.chars().next().unwrap_or('x'));
        }
        std::fs::write(folder.path().join(if alembic { "alembic.ini" } else { "charter.cfg" }), &text).unwrap();
        let mut surroundings = surroundings(folder.path());
        surroundings.variables.insert("PYCHARTER_DATABASE_URL".to_owned(), url);
        prop_assert!(!debug_shows(&surroundings));
        match Configuration::resolve(&surroundings, None) {
            Ok(configuration) => {
                let elsewhere = is_elsewhere(&configuration.database().url)
                    || configuration.remotes().any(|remote| is_elsewhere(&remote.resolved.url));
                prop_assert!(!debug_shows(&configuration) || elsewhere, "{text}: {configuration:#?}");
                prop_assert!(!shows(configuration.database()) || elsewhere);
                prop_assert!(!debug_shows(&configuration.warnings()), "{text}");
                prop_assert!(!debug_shows(&configuration.hints()), "{text}");
            }
            Err(error) => prop_assert!(!error_shows(&error), "{text}: {error:?}"),
        }
        // The same, given by variable and by argument.
        surroundings.variables.insert("CHARTER_DATABASE_URL".to_owned(), text.clone());
        if let Err(error) = Configuration::resolve(&surroundings, None) {
            prop_assert!(!error_shows(&error), "{error:?}");
        }
        if let Err(error) = Configuration::resolve(&surroundings, Some(&text)) {
            prop_assert!(!error_shows(&error), "{error:?}");
        }
    }
}
