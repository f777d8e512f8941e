//! What Postgres calls the constraints that were given no name.
//! <https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/catalog/pg_constraint.c> (ChooseConstraintName)

use super::sql::{Spelling, mentions};
use crate::migrate::schema::Table;

/// The names of a table's constraints on Postgres, in the order of the constraints.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ConstraintNames {
    pub(super) primary_key: Option<String>,
    pub(super) unique: Vec<String>,
    pub(super) checks: Vec<String>,
    pub(super) foreign_keys: Vec<String>,
}

/// The longest name that Postgres keeps, in bytes.
pub(in crate::migrate) const LONGEST: usize = 63;

impl ConstraintNames {
    /// What the constraints of a table are called that was made with its present name and columns.
    pub(super) fn of(table: &Table, spelling: &Spelling) -> Self {
        let real = |name: &str| match spelling.name(name).starts_with('"') {
            true => name.to_owned(),
            false => name.to_lowercase(),
        };
        let said = table.unique.iter().map(|unique| &unique.name);
        let said = said.chain(table.checks.iter().map(|check| &check.name));
        let said = said.chain(table.foreign_keys.iter().map(|key| &key.name));
        let mut taken: Vec<String> = said.flatten().map(|name| real(name)).collect();
        let mut choose = |said: &Option<String>, columns: &[String], label: &str| {
            if let Some(name) = said {
                return real(name);
            }
            let columns: Vec<String> = columns.iter().map(|column| real(column)).collect();
            let name = (0usize..)
                .map(|count| if count == 0 { label.to_owned() } else { format!("{label}{count}") })
                .map(|label| object_name(&real(&table.name), &columns.join("_"), &label))
                .find(|name| !taken.contains(name))
                .unwrap_or_default();
            taken.push(name.clone());
            name
        };
        let primary_key = table.primary_key.as_ref().map(|key| choose(&key.name, &[], "pkey"));
        let unique = table.unique.iter().map(|unique| choose(&unique.name, &unique.columns, "key")).collect();
        let checks = table.checks.iter().map(|check| {
            let columns = table.columns.iter().map(|column| column.name.clone());
            let columns: Vec<String> = columns.filter(|column| mentions(&check.expression, column)).collect();
            choose(&check.name, if columns.len() == 1 { &columns } else { &[] }, "check")
        });
        let checks = checks.collect();
        let foreign_keys = table.foreign_keys.iter().map(|key| choose(&key.name, &key.columns, "fkey")).collect();
        Self { primary_key, unique, checks, foreign_keys }
    }
}

/// Joins the parts of a name, the two first cut so that all of it fits.
pub(super) fn object_name(table: &str, columns: &str, label: &str) -> String {
    let separators = if columns.is_empty() { 1 } else { 2 };
    let room = LONGEST.saturating_sub(label.len() + separators);
    let (mut first, mut second) = (table.len(), columns.len());
    while first + second > room {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let cut = |text: &str, mut length: usize| {
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        text[..length].to_owned()
    };
    match columns.is_empty() {
        true => format!("{}_{label}", cut(table, first)),
        false => format!("{}_{}_{label}", cut(table, first), cut(columns, second)),
    }
}
