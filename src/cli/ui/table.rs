//! Columns of text.

use super::{HEADING, PLAIN};
use anstyle::Style;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// Rows whose cells stand under each other, two blanks apart.
#[derive(Default)]
pub(in crate::cli) struct Table {
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table with a heading over each column.
    pub(in crate::cli) fn with_headings(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (HEADING, (*heading).to_owned())).collect()] }
    }

    /// Adds a row of plain cells.
    pub(in crate::cli) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.styled_row(cells.into_iter().map(|cell| (PLAIN, cell)));
    }

    /// Adds a row of cells with a style each.
    pub(in crate::cli) fn styled_row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = (Style, T)>) {
        self.rows.push(cells.into_iter().map(|(style, cell)| (style, cell.into())).collect());
    }

    /// The table as lines.
    pub(in crate::cli) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|(_, cell)| cell.width()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        let mut text = String::new();
        for row in &self.rows {
            // Blanks at the end of a line would be copied along.
            let last = row.iter().rposition(|(_, cell)| !cell.is_empty());
            for (column, (style, cell)) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
                let _ = write!(text, "{style}{cell}{style:#}");
                if Some(column) != last {
                    let blanks = widths[column] - cell.width() + 2;
                    let _ = write!(text, "{:blanks$}", "");
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_look() {
        let mut table = Table::default();
        table.row(["a", "schema", ""]);
        table.row(["書籍", "b", "c"]);
        assert_eq!(table.render(), "a     schema\n書籍  b       c\n");
    }
}
