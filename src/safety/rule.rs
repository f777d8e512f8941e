//! What a rule is, all the rules, and the table of them in the documentation.

use std::fmt::Write as _;

use super::{Cost, Severity, duckdb, embedded, files, postgres, sqlite};

/// One rule: its name, how bad what it finds is, and why.
///
/// A rule cannot be switched off by a comment: only a policy allows what it finds, by name.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// The name, in lower case with hyphens: what people allow, search for and cite.
    pub name: &'static str,
    /// How bad what it finds is. A finding may be milder than its rule, where the text leaves less doubt.
    pub severity: Severity,
    /// What the statement costs, unless the finding knows better.
    pub cost: Cost,
    /// What it finds.
    pub summary: &'static str,
    /// What is locked, broken or lost.
    pub reason: &'static str,
    /// The safe form.
    pub help: &'static str,
    /// The page of the documentation that says so.
    pub source: &'static str,
}

/// All the rules, by family.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|(_, rules)| rules.iter().copied())
}

const FAMILIES: &[(&str, &[&Rule])] = &[
    ("Files", files::RULES),
    ("Postgres: indexes", postgres::indexes::RULES),
    ("Postgres: constraints", postgres::constraints::RULES),
    ("Postgres: columns", postgres::columns::RULES),
    ("Postgres: drops", postgres::drops::RULES),
    ("Postgres: renames", postgres::renames::RULES),
    ("Postgres: rewrites", postgres::rewrites::RULES),
    ("Postgres: data", postgres::data::RULES),
    ("Postgres: locks", postgres::locks::RULES),
    ("Postgres: timeouts and settings", postgres::settings::RULES),
    ("Postgres: transactions", postgres::transactions::RULES),
    ("Postgres: partitions", postgres::partitions::RULES),
    ("Postgres: types", postgres::types::RULES),
    ("Postgres: triggers and rules", postgres::triggers::RULES),
    ("Postgres: access", postgres::access::RULES),
    ("Postgres: replication", postgres::publications::RULES),
    ("Postgres: dynamic SQL", postgres::dynamic::RULES),
    ("Postgres: views", postgres::views::RULES),
    ("Postgres: functions", postgres::routines::RULES),
    ("Postgres: what is there already", postgres::refused::RULES),
    ("Postgres: what is there and what is not", postgres::existence::RULES),
    ("Postgres: what is kept", postgres::immutable::RULES),
    ("Postgres: generated columns", postgres::generated::RULES),
    ("Postgres: versions", postgres::versions::RULES),
    ("Postgres: hygiene", postgres::hygiene::RULES),
    ("SQLite and DuckDB", embedded::RULES),
    ("SQLite", sqlite::RULES),
    ("DuckDB", duckdb::RULES),
];

/// The table of all rules for the documentation, in Markdown.
pub fn rules_table() -> String {
    let mut table = String::from(
        "# The safety rules\n\n\
         Generated from the code. `error` loses data, breaks running programs, blocks or rewrites, or fails half-way;\n\
         `warning` is hygiene; `info` is advice. No comment in a migration switches a rule off.\n\n\
         By the text alone IF NOT EXISTS and OR REPLACE may find something older: what is lost or changed of it is told, in\n\
         a set too. By the live catalogue they make what the database has not.\n",
    );
    for (family, rules) in FAMILIES {
        let _ = write!(
            table,
            "\n## {family}\n\n| rule | severity | finds | reason | safe form | source |\n|---|---|---|---|---|---|\n"
        );
        for rule in *rules {
            let Rule { name, severity, summary, reason, help, source, .. } = rule;
            let _ = writeln!(
                table,
                "| `{name}` | {severity} | {} | {} | {} | <{source}> |",
                cell(summary),
                cell(reason),
                cell(help)
            );
        }
    }
    table
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_spelt_like_names() {
        let mut seen = BTreeSet::new();
        for rule in rules() {
            assert!(seen.insert(rule.name), "{} is there twice", rule.name);
            assert!(rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.name);
            assert!(rule.source.starts_with("https://"), "{} has no source", rule.name);
            assert!(!rule.reason.is_empty() && !rule.help.is_empty(), "{}", rule.name);
        }
    }

    /// Write the file again with `CHARTER_WRITE_DOCS=1 cargo test rules_table`.
    #[test]
    fn the_rules_table_of_the_documentation_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/safety-rules.md");
        let table = rules_table();
        if std::env::var_os("CHARTER_WRITE_DOCS").is_some() {
            std::fs::write(path, &table).unwrap();
        }
        assert!(std::fs::read_to_string(path).unwrap_or_default() == table, "{path} is not what the code says");
    }
}
