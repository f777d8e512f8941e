//! PRAGMA of SQLite, however it is written.

use super::Engine;
use super::lexer::{self, TokenKind};

/// What a PRAGMA is about, and what it says of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pragma {
    /// Its name in small letters, without its schema.
    pub(crate) name: String,
    /// What it is set to, in small letters and without quotes; nothing where it only asks.
    value: Option<String>,
}

impl Pragma {
    /// Reads a statement, one that EXPLAIN asks about too: SQLite does what some of them say as soon as it reads them.
    pub(crate) fn of(statement: &str) -> Option<Self> {
        let tokens = lexer::each_token(statement, Engine::Sqlite).filter(|token| token.kind != TokenKind::Comment);
        let mut words = tokens.map(|token| match token.kind {
            TokenKind::QuotedName | TokenKind::String => unquoted(token.text(statement)),
            _ => token.text(statement).to_ascii_lowercase(),
        });
        let mut first = words.next()?;
        while matches!(first.as_str(), "explain" | "query" | "plan") {
            first = words.next()?;
        }
        if first != "pragma" {
            return None;
        }
        let (mut name, mut next) = (words.next()?, words.next());
        if next.as_deref() == Some(".") {
            (name, next) = (words.next()?, words.next());
        }
        let value = match next.as_deref() {
            Some("=" | "(") => words.next(),
            _ => None,
        };
        // A plus says nothing; what has a minus is no number where a truth is asked for.
        let value = value.and_then(|value| match value.as_str() {
            "+" => words.next(),
            "-" => Some(format!("-{}", words.next().unwrap_or_default())),
            _ => Some(value),
        });
        Some(Self { name, value })
    }

    /// What it is set to.
    pub(crate) fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    /// What it is switched to, as SQLite takes a text for a truth: what it does not know is off. Nothing where it only asks.
    pub(crate) fn switched(&self) -> Option<bool> {
        let value = self.value.as_deref()?;
        let number = match value.strip_prefix("0x") {
            Some(hexadecimal) => i32::from_str_radix(hexadecimal, 16).ok(),
            None => value.split(|digit: char| !digit.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()),
        };
        Some(match value.as_bytes().first() {
            // A number that is too large is none.
            Some(b'0'..=b'9') => number.is_some_and(|number: i32| number != 0),
            _ => matches!(value, "on" | "yes" | "true"),
        })
    }

    /// What foreign keys are switched to, where it is about them.
    pub(crate) fn foreign_keys(&self) -> Option<bool> {
        self.switched().filter(|_| self.name == "foreign_keys")
    }
}

/// A name or a text without its quotes, in small letters.
fn unquoted(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    inner.to_owned()
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    /// SQLite itself is asked what it makes of each spelling.
    #[test]
    fn foreign_keys_are_switched_as_sqlite_switches_them() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a)").unwrap();
        let values = [
            "on",
            "OFF",
            "yes",
            "No",
            "true",
            "FALSE",
            "0",
            "1",
            "2",
            "00",
            "256",
            "257",
            "0x10",
            "0x0",
            "0x100",
            "1.5",
            "0.5",
            "+1",
            "+0",
            "-1",
            "'no'",
            "'on'",
            "\"yes\"",
            "\"off\"",
            "[true]",
            "`false`",
            "full",
            "blah",
            "99999999999",
            "'1'",
            "'-1'",
            "1e3",
            "/* on */ off",
        ];
        for value in values {
            for statement in [
                format!("PRAGMA foreign_keys = {value}"),
                format!("pragma Foreign_Keys({value});"),
                format!("PRAGMA main.foreign_keys={value}"),
                format!("PRAGMA \"main\" . \"foreign_keys\" = {value}"),
                format!("EXPLAIN PRAGMA foreign_keys = {value}"),
            ] {
                let said = Pragma::of(&statement).and_then(|pragma| pragma.foreign_keys());
                for before in ["ON", "OFF"] {
                    connection.execute_batch(&format!("PRAGMA foreign_keys = {before}")).unwrap();
                    let _ = connection.prepare(&statement).map(|mut ready| ready.query([]).unwrap().next().map(drop));
                    let is_on: bool = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).unwrap();
                    assert_eq!(said, Some(is_on), "{statement}");
                }
            }
        }
        for asks in ["PRAGMA foreign_keys", "PRAGMA foreign_key_check", "SELECT 'PRAGMA foreign_keys = off'", "PRAGMA"]
        {
            assert_eq!(Pragma::of(asks).and_then(|pragma| pragma.foreign_keys()), None, "{asks}");
        }
    }
}
