//! What is let pass by name.

use super::revision::Revision;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// A rule that is let pass in one migration, by name and with a reason: `RULE@REVISION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The rule's name.
    pub rule: String,
    /// The migration: its number, its slug, or the beginning of its id.
    pub revision: Revision,
    /// Why. Never empty.
    pub reason: String,
}

impl Allowance {
    /// Reads `RULE@REVISION`, and takes the reason.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the text has another form, no rule has that name, the revision does not name one
    /// migration, or the reason is empty.
    pub fn new(text: &str, reason: &str) -> Result<Self> {
        let invalid = |message: String, hint: String| Err(Error::new(ErrorKind::Invalid, message).with_hint(hint));
        let Some((rule, revision)) = text.split_once('@') else {
            let hint = "write the rule's name, `@` and the migration: column-dropped@20260131120000";
            return invalid(format!("{text:?} is not RULE@REVISION"), hint.to_owned());
        };
        check_rule(rule)?;
        let revision = Revision::from_str(revision)?;
        if !matches!(revision, Revision::Named(_)) {
            let hint = "name it by its number, its slug, or four and more digits of its id".to_owned();
            return invalid(format!("{revision} does not name one migration for good"), hint);
        }
        if reason.trim().is_empty() {
            return invalid(format!("{text} is let pass without a reason"), "say why: --reason TEXT".to_owned());
        }
        Ok(Self { rule: rule.to_owned(), revision, reason: reason.trim().to_owned() })
    }
}

/// `RULE@REVISION`.
impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.rule, self.revision)
    }
}

#[cfg(feature = "lint")]
fn check_rule(name: &str) -> Result<()> {
    if crate::safety::rules().any(|rule| rule.name == name) {
        return Ok(());
    }
    // A name is words, which people remember better than their order.
    let words = |name: &str| {
        name.to_lowercase().split(['-', '_', ' ']).map(stem).collect::<std::collections::HashSet<String>>()
    };
    let said = words(name);
    let shared = |rule: &crate::safety::Rule| words(rule.name).intersection(&said).count();
    let distance = |rule: &crate::safety::Rule| strsim::levenshtein(rule.name, name);
    let nearest = crate::safety::rules()
        .min_by_key(|rule| (std::cmp::Reverse(shared(rule)), distance(rule)))
        .filter(|rule| 2 * shared(rule) > said.len() || distance(rule) <= rule.name.len() / 3);
    Err(Error::new(ErrorKind::Invalid, format!("there is no safety rule {name:?}")).with_hint(match nearest {
        Some(rule) => format!("is `{}` meant?", rule.name),
        None => "`charter db lint` shows the names of the rules that find something".to_owned(),
    }))
}

/// A word without the ending of its form and without double letters: `dropped` and `drop` are one.
#[cfg(feature = "lint")]
fn stem(word: &str) -> String {
    let stem = ["ing", "ed", "s"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word);
    let mut stem: Vec<char> = stem.chars().collect();
    // Some forms double the last letter.
    stem.dedup();
    stem.into_iter().collect()
}

#[cfg(not(feature = "lint"))]
fn check_rule(_name: &str) -> Result<()> {
    Ok(())
}

#[cfg(all(test, feature = "lint"))]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_by_its_words_and_by_a_slip_of_the_finger() {
        for (said, meant) in [
            ("drop-column", Some("column-dropped")),
            ("dropped_columns", Some("column-dropped")),
            ("column-droped", Some("column-dropped")),
            ("not-concurrent-index", Some("index-not-concurrent")),
            ("nonsense", None),
        ] {
            let error = check_rule(said).expect_err("no rule");
            let hint = error.hint().unwrap_or_default();
            match meant {
                Some(meant) => assert_eq!(hint, format!("is `{meant}` meant?"), "{said}"),
                None => assert!(!hint.contains("meant"), "{said}: {hint}"),
            }
        }
    }
}
