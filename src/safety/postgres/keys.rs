//! Which columns find a row: by what is known of a table's keys, else by their names.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::RelationName;
use super::session::Session;
use super::tree;

/// What a row is called by in the table's own terms.
const IDENTITIES: [&str; 8] = ["id", "uuid", "guid", "ulid", "uid", "pk", "oid", "rowid"];

/// What people call one row by. Nobody gives the same to many, unless the statement itself is about it.
const NATURAL: &[&str] = &[
    "asin",
    "barcode",
    "code",
    "codename",
    "ean",
    "email",
    "email_address",
    "external_id",
    "handle",
    "iban",
    "identifier",
    "isbn",
    "iso",
    "iso2",
    "iso3",
    "iso_code",
    "key",
    "login",
    "name",
    "phone_number",
    "public_id",
    "serial_number",
    "sku",
    "slug",
    "token",
    "upc",
    "username",
    "vin",
];

/// What two of find a row, and one does not: `app_label = 'shop' AND model = 'order'`.
const HALVES: [&str; 6] = ["app", "app_label", "label", "model", "namespace", "title"];

/// The histories of programs that migrate: a few rows, of which nobody but such a program reads one.
const HISTORIES: [&str; 8] = [
    "_prisma_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "databasechangelog",
    "django_migrations",
    "flyway_schema_history",
    "knex_migrations",
    "schema_migrations",
];

/// A statement's table, and the columns that the statement gives other values.
#[derive(Clone)]
pub(super) struct Keys<'a> {
    session: &'a Session<'a>,
    table: &'a RelationName,
    assigned: Vec<String>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(session: &'a Session<'a>, table: &'a RelationName, statement: &SyntaxNode) -> Self {
        let assigned =
            tree::below(statement, K::COLUMN_TARGET).filter_map(|target| tree::child_name(&target, K::COLUMN_NAME_REF));
        Self { session, table, assigned: assigned.collect() }
    }

    pub(super) fn session(&self) -> &Session<'a> {
        self.session
    }

    /// How many rows the table has, about, where the catalogue tells it.
    pub(super) fn rows(&self) -> Option<u64> {
        self.session.table(self.table).and_then(|table| table.rows)
    }

    /// Whether few rows have the same values in these columns.
    pub(super) fn find(&self, columns: &[String]) -> bool {
        if columns.iter().any(|column| column == "ctid") || self.session.is_unique(self.table, columns) {
            return true;
        }
        if !columns.is_empty() && HISTORIES.contains(&self.table.name.as_str()) {
            return true;
        }
        if self.session.knows_keys(self.table) {
            // An id that is unique together with something else, as in a partitioned table, is few rows' all the same.
            let in_key = |column: &String| {
                let mut keys = self.session.indexes(self.table).filter(|index| index.unique && index.whole);
                keys.any(|index| index.columns.contains(column))
            };
            return columns.iter().any(|column| self.is_identity(column) && in_key(column) && self.is_few(column));
        }
        columns.iter().any(|column| self.is_identity(column) || self.is_natural(column)) || self.is_pair(columns)
    }

    /// Whether few rows have the same value in a column, as far as the server has counted them.
    fn is_few(&self, column: &str) -> bool {
        const FEW: f64 = 10.0;
        let rows = self.session.table(self.table).and_then(|table| table.rows_of_value.get(column));
        rows.is_none_or(|rows| *rows <= FEW)
    }

    /// Whether a column that rows are meant to be found by may be a key: its table's are not known, and it does not say that
    /// it is another one's.
    pub(super) fn may_find(&self, column: &str) -> bool {
        let lower = column.to_ascii_lowercase();
        !self.session.knows_keys(self.table) && !lower.ends_with("_id") && !lower.ends_with("_uuid")
    }

    /// `id`; `order_id` of the table `orders`.
    fn is_identity(&self, column: &str) -> bool {
        IDENTITIES.iter().any(|identity| self.is_own(column, identity))
    }

    /// `code`; `currency_code` and `currency` of the table `currencies`. Not where it is what the statement changes.
    fn is_natural(&self, column: &str) -> bool {
        let table = self.table.name.to_ascii_lowercase();
        let is_row = || singulars(&table).any(|singular| singular == column.to_ascii_lowercase());
        (NATURAL.iter().any(|word| self.is_own(column, word)) || is_row())
            && !self.assigned.iter().any(|assigned| assigned == column)
    }

    /// Whether a column is called by a word, or by the table and the word.
    fn is_own(&self, column: &str, word: &str) -> bool {
        let column = column.to_ascii_lowercase();
        let table = self.table.name.to_ascii_lowercase();
        let named = |stem: &str| {
            let stem = stem.strip_suffix('_').unwrap_or(stem);
            stem == table || singulars(&table).any(|singular| singular == stem)
        };
        // Names in camel case have come down to lower case: orderid.
        column == word || column.strip_suffix(word).is_some_and(|stem| !stem.is_empty() && named(stem))
    }

    /// Two columns that find a row together: halves of a name, or both sides of the table that joins them: `role_id` and
    /// `user_id` of `user_roles`.
    fn is_pair(&self, columns: &[String]) -> bool {
        let table = self.table.name.to_ascii_lowercase();
        let side = |column: &String| {
            let stem = column.strip_suffix("_id").or_else(|| column.strip_suffix("_uuid"))?;
            let last = stem.rsplit('_').next().unwrap_or(stem);
            let many = last.strip_suffix('y').map_or_else(|| last.to_owned(), |stem| format!("{stem}ies"));
            (!last.is_empty() && (table.contains(last) || table.contains(&many))).then(|| last.to_owned())
        };
        let half = |column: &&String| HALVES.contains(&column.as_str()) && !self.assigned.contains(column);
        let sides: BTreeSet<String> = columns.iter().filter_map(side).collect();
        sides.len() > 1 || columns.iter().filter(half).collect::<BTreeSet<_>>().len() > 1
    }
}

/// What a table's row is called: `order` of `orders`, `category` of `categories`, `box` of `boxes`; with `people`, whatever.
fn singulars(table: &str) -> impl Iterator<Item = String> {
    let ends = [("ies", "y"), ("es", ""), ("s", ""), ("ves", "f"), ("people", "person"), ("children", "child")];
    ends.into_iter().filter_map(move |(end, one)| table.strip_suffix(end).map(|stem| format!("{stem}{one}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_table_is_called_in_the_singular() {
        for (table, row) in [
            ("orders", "order"),
            ("categories", "category"),
            ("boxes", "box"),
            ("statuses", "status"),
            ("people", "person"),
        ] {
            assert!(singulars(table).any(|singular| singular == row), "{table}");
        }
    }
}
