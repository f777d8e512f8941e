//! Copies that fail at the first row, because a column of the new table gets no value.

use super::promises::{Conflict, Kind, Promise};
use super::queries::{Query, Source};
use super::words::Words;
use super::{Dialect, Embedded};

impl Embedded<'_> {
    /// Reports an INSERT of all rows of a table that leaves out a column which must have a value and has no default.
    pub(super) fn unfilled<D: Dialect>(&mut self, words: &Words) {
        let Some((table, Some(named), found)) = self.inserted(words).filter(|_| !words.has("or ignore")) else {
            return;
        };
        let Some(known) = self.tables.get(&table) else { return };
        let gives_rows = |query: &Query| {
            let is_all = query.is_whole && query.condition.is_none();
            is_all && matches!(&query.source, Source::Table(name) if self.may_have_rows(name))
        };
        let is_needed = |promise: &Promise| match promise.kind {
            // Elsewhere it is told that such a row is left out.
            Kind::NotNull => promise.conflict != Some(Conflict::Ignore),
            // SQLite takes NULL in a key.
            Kind::PrimaryKey => !self.is_sqlite,
            _ => false,
        };
        let is_filled = |column: &String| {
            let has_default = |own: &Promise| own.kind == Kind::Default && own.columns.contains(column);
            named.contains(column)
                || !known.columns.contains(column)
                || known.computed.contains(column)
                || self.is_sqlite && known.rowid() == Some(column)
                || known.promises.iter().any(has_default)
        };
        let needed = known.promises.iter().filter(|promise| is_needed(promise)).flat_map(|promise| &promise.columns);
        let Some(column) = needed.into_iter().find(|column| !is_filled(column)) else { return };
        if found.iter().any(gives_rows) {
            let message = format!(
                "{table}.{column} takes no NULL, and has neither a value here nor a default: the first row fails"
            );
            self.report(D::CANNOT_RUN, words.range.clone(), message);
        }
    }
}
