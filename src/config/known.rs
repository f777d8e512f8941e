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
/// What the section of a remote begins with; its name follows.
pub(super) const REMOTE_PREFIX: &str = "remote:";
/// The key of a remote's URL.
pub(super) const REMOTE_KEYS: &[&str] = &["url"];

/// The keys of a section, or `None` where there is no such section.
pub(super) fn keys_of(section: &str) -> Option<&'static [&'static str]> {
    match section {
        DATABASE => Some(DATABASE_KEYS),
        CORE => Some(ENVIRONMENT_KEYS),
        _ if section.starts_with(REMOTE_PREFIX) => Some(REMOTE_KEYS),
        _ => None,
    }
}

/// The known section that a section's name is nearly.
pub(super) fn nearest_section(section: &str) -> Option<&'static str> {
    match section.split_once(':') {
        Some((prefix, _)) => nearest(prefix, ["remote"]).map(|_| "remote:NAME"),
        None => nearest(section, [DATABASE, CORE]),
    }
}

/// Whether a text is a remote's name: letters and digits of ASCII, `.`, `_` and `-`, beginning with a letter or digit.
pub(super) fn is_remote_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// The known name that `word` is nearly: at most a third of its letters differ, and their case does not count.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    known
        .into_iter()
        .filter(|name| word.len() <= 2 * name.len())
        .map(|name| (distance(&word, name), name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number of letters to insert, remove or replace (Levenshtein).
fn distance(left: &[char], right: &str) -> usize {
    let mut row: Vec<usize> = (0..=left.len()).collect();
    for (above, letter) in right.to_lowercase().chars().enumerate() {
        let mut diagonal = above;
        let mut before = above + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(left) {
            let here = (before + 1).min(*cell + 1).min(diagonal + usize::from(*other != letter));
            diagonal = std::mem::replace(cell, here);
            before = here;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
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

    #[test]
    fn distances() {
        for (left, right, expected) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2)]
        {
            let letters: Vec<char> = left.chars().collect();
            assert_eq!(distance(&letters, right), expected, "{left} {right}");
        }
    }
}
