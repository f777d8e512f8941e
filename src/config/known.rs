//! The names that configuration files and variables may use, and the nearest of them to a name that they may not.
//!
//! A name that nobody knows may be a piece of a secret (a URL broken over two lines reads as a key), so messages
//! repeat an unknown name only when it is nearly a known one.

/// The section of the database.
pub(super) const DATABASE: &str = "database";
/// The keys of the database's URL: the name that other programs use, and a plain alias.
pub(super) const DATABASE_KEYS: &[&str] = &["sql_alchemy_conn", "url"];
/// The section of what is no other section's.
pub(super) const CORE: &str = "core";
/// The key of the environment.
pub(super) const ENVIRONMENT_KEYS: &[&str] = &["environment"];
/// The section of the project's own migrations.
pub(super) const MIGRATIONS: &str = "migrations";
/// The keys of migrations.
pub(super) const MIGRATIONS_KEYS: &[&str] =
    &["dir", "name", "schema", "engines", "migrate", "lock_timeout", "statement_timeout"];
/// What the section of a remote begins with; its name follows.
pub(super) const REMOTE_PREFIX: &str = "remote:";
/// The key of a remote's URL.
pub(super) const REMOTE_KEYS: &[&str] = &["url"];

/// The keys of a section, or `None` where there is no such section.
pub(super) fn keys_of(section: &str) -> Option<&'static [&'static str]> {
    match section {
        DATABASE => Some(DATABASE_KEYS),
        CORE => Some(ENVIRONMENT_KEYS),
        MIGRATIONS => Some(MIGRATIONS_KEYS),
        _ if section.starts_with(REMOTE_PREFIX) => Some(REMOTE_KEYS),
        _ => None,
    }
}

/// The known section that a section's name is nearly.
pub(super) fn nearest_section(section: &str) -> Option<&'static str> {
    match section.split_once(':') {
        Some((prefix, _)) => nearest(prefix, ["remote"]).map(|_| "remote:NAME"),
        None => nearest(section, [DATABASE, CORE, MIGRATIONS]),
    }
}

/// Whether a text is a remote's name: letters and digits of ASCII, `.`, `_` and `-`, beginning with a letter or digit.
pub(super) fn is_remote_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// The known name that `word` is nearly: at most a third of its letters differ, and their case does not count.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .filter(|name| word.len() <= 2 * name.len())
        .map(|name| (strsim::levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        let keys = ["sql_alchemy_conn", "url", "environment"];
        for (word, expected) in [
            ("sqlalchemy_conn", Some("sql_alchemy_conn")),
            ("sql_alchemy_con", Some("sql_alchemy_conn")),
            ("URL", Some("url")),
            ("uri", Some("url")),
            ("enviroment", Some("environment")),
            ("password", None),
            ("hunter2@host/db", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }
}
