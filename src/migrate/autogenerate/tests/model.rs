//! Models that change at random: tables, what hangs on them, and views of views.

use crate::migrate::Rename;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const TYPES: [&str; 6] = ["TEXT", "BIGINT", "VARCHAR(20)", "DOUBLE PRECISION", "BOOLEAN", "TIMESTAMP WITH TIME ZONE"];

/// Types whose values go over into each other and back unchanged.
const CONVERTIBLE: [&str; 3] = ["TEXT", "BIGINT", "VARCHAR(20)"];

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: &'static str,
    not_null: bool,
    default: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    wide_key: Option<String>,
    unique: BTreeSet<String>,
    checks: BTreeSet<String>,
    /// Column to table.
    pub(super) foreign_keys: BTreeMap<String, String>,
    /// Columns whose rows go with those that they refer to.
    cascades: BTreeSet<String>,
    /// Name to column, and whether it is unique. Those whose names begin with `p` are of some rows alone.
    indexes: BTreeMap<String, (String, bool)>,
}

#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) name: String,
    /// The table or view that it reads.
    of: String,
    /// The table and the column that it shows in the end.
    table: String,
    column: String,
    /// Whether it gives the column a name of its own.
    is_named: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) tables: Vec<Table>,
    /// Those last that read others.
    pub(super) views: Vec<View>,
    pub(super) counter: usize,
}

/// Numbers by which a change chooses: what, where, which, how.
pub(super) type Choice = (u8, u8, u8, u8);

impl Model {
    pub(super) fn sql(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            let mut lines: Vec<String> = Vec::new();
            for column in &table.columns {
                let mut line = format!("{} {}", column.name, column.data_type);
                if column.not_null {
                    line.push_str(" NOT NULL");
                }
                if let Some(default) = &column.default {
                    let _ = write!(line, " DEFAULT {default}");
                }
                if table.checks.contains(&column.name) {
                    let _ = write!(line, " CHECK ({})", check(column));
                }
                lines.push(line);
            }
            let wide = table.wide_key.as_ref().map(|column| format!(", {column}")).unwrap_or_default();
            lines.push(format!("PRIMARY KEY (id{wide})"));
            lines.extend(table.unique.iter().map(|column| format!("UNIQUE ({column}, id)")));
            lines.extend(table.foreign_keys.iter().map(|(column, to)| {
                let action = if table.cascades.contains(column) { " ON DELETE CASCADE" } else { "" };
                format!("FOREIGN KEY ({column}) REFERENCES {to}{action}")
            }));
            let _ = writeln!(sql, "CREATE TABLE {} (\n    {}\n);", table.name, lines.join(",\n    "));
            for (name, (column, unique)) in &table.indexes {
                let unique = if *unique { "UNIQUE " } else { "" };
                let rows = if name.starts_with('p') { " WHERE id > 0" } else { "" };
                let _ = writeln!(sql, "CREATE {unique}INDEX {name} ON {} ({column}){rows};", table.name);
            }
        }
        for view in &self.views {
            let of = self.views.iter().find(|other| other.name == view.of);
            let column = of.map_or(view.column.as_str(), |of| self.shown(of));
            let named = if view.is_named { " AS shown" } else { "" };
            let _ = writeln!(sql, "CREATE VIEW {} AS SELECT id, {column}{named} FROM {};", view.name, view.of);
        }
        sql
    }

    /// The name that a view's column has.
    fn shown<'a>(&'a self, view: &'a View) -> &'a str {
        match self.views.iter().find(|other| other.name == view.of) {
            _ if view.is_named => "shown",
            Some(of) => self.shown(of),
            None => &view.column,
        }
    }

    /// Makes a view of a column of a table, or of another view.
    fn add_view(&mut self, name: String, (table, column): (String, String), how: u8) {
        let others = self.views.len();
        let other = (how.is_multiple_of(2) && others > 0).then(|| self.views[usize::from(how / 2) % others].clone());
        // Two columns are not called alike.
        let is_named = how.is_multiple_of(3) || column == "id";
        self.views.push(match other {
            Some(other) => {
                View { name, of: other.name, is_named: how.is_multiple_of(3) || other.column == "id", ..other }
            }
            None => View { name, of: table.clone(), table, column, is_named },
        });
    }

    /// Takes views away, with all that read them.
    fn drop_views(&mut self, goes: impl Fn(&View) -> bool) {
        let mut gone: BTreeSet<String> = BTreeSet::new();
        self.views.retain(|view| {
            let stays = !goes(view) && !gone.contains(&view.of);
            if !stays {
                gone.insert(view.name.clone());
            }
            stays
        });
    }

    fn fresh(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}{}", self.counter)
    }

    fn is_referred_to(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.foreign_keys.values().any(|to| to == name))
    }

    /// Makes a change, if there is something to change; gives the rename that it is.
    pub(super) fn change(&mut self, start: &Model, (what, place, which, how): Choice) -> Option<(Rename, String)> {
        if what % 20 == 0 || self.tables.is_empty() {
            let name = self.fresh("t");
            let id = Column { name: "id".into(), data_type: "BIGINT", not_null: true, default: None };
            let other = self.column(how);
            self.tables.push(Table { name, columns: vec![id, other], ..Table::default() });
            return None;
        }
        let place = usize::from(place) % self.tables.len();
        let name = self.tables[place].name.clone();
        let which = usize::from(which) % self.tables[place].columns.len();
        let column = self.tables[place].columns[which].clone();
        // Rows that exist then have a value of their own in it.
        let is_old = start.tables.iter().any(|table| {
            table.name == name
                && table.columns.iter().any(|old| old.name == column.name && old.data_type == column.data_type)
        });
        let is_id = column.name == "id";
        // The way back gives rows a value in it that refers to nothing.
        let fills = |table: &Table| {
            let column = table.columns.iter().find(|other| other.name == column.name);
            column.is_some_and(|column| {
                table.foreign_keys.contains_key(&column.name) && (column.not_null || column.default.is_some())
            })
        };
        let is_filled =
            fills(&self.tables[place]) || start.tables.iter().any(|table| table.name == name && fills(table));
        let referred = self.is_referred_to(&name);
        let fresh = self.fresh("x");
        let added = self.column(how);
        let targets: Vec<String> = start
            .tables
            .iter()
            .filter(|table| self.tables.iter().any(|other| other.name == table.name && other.wide_key.is_none()))
            .map(|table| table.name.clone())
            .collect();
        let table = &mut self.tables[place];
        match what % 20 {
            1 if !referred => {
                self.tables.remove(place);
                self.drop_views(|view| view.table == name);
            }
            2 | 3 => table.columns.push(added),
            // The way back could give rows no values of their own again.
            4 | 5 if table.indexes.values().any(|(of, unique)| *unique && *of == column.name) => {
                table.indexes.retain(|_, (of, _)| *of != column.name);
            }
            4 | 5 if !is_id && !is_filled => {
                table.columns.remove(which);
                table.forget(&column.name);
                self.drop_views(|view| view.table == name && view.column == column.name);
            }
            6 if is_old && !is_id => {
                let to = format!("{fresh}r");
                table.rename(&column.name, &to);
                for view in self.views.iter_mut().filter(|view| view.table == name && view.column == column.name) {
                    view.column.clone_from(&to);
                }
                return Some((Rename::Column { table: name.clone(), from: column.name, to }, name));
            }
            7 if start.tables.iter().any(|old| old.name == name) => {
                table.name = format!("{fresh}t");
                let to = table.name.clone();
                for key in self.tables.iter_mut().flat_map(|table| table.foreign_keys.values_mut()) {
                    if *key == name {
                        *key = to.clone();
                    }
                }
                for view in self.views.iter_mut().filter(|view| view.table == name) {
                    if view.of == name {
                        view.of.clone_from(&to);
                    }
                    view.table.clone_from(&to);
                }
                return Some((Rename::Table { from: name.clone(), to: to.clone() }, to));
            }
            8 if is_old && !is_id && CONVERTIBLE.contains(&column.data_type) => {
                let data_type = CONVERTIBLE[usize::from(how) % CONVERTIBLE.len()];
                table.checks.remove(&column.name);
                table.foreign_keys.remove(&column.name);
                table.columns[which] = Column { data_type, default: None, ..column };
            }
            9 if !is_id && table.wide_key.as_ref() != Some(&column.name) => table.columns[which].not_null ^= true,
            10 if !is_id => table.columns[which].default = default(column.data_type, how),
            11 if !is_id => flip(&mut table.unique, column.name),
            12 if !is_id => flip(&mut table.checks, column.name),
            13 if column.data_type == "BIGINT" && !is_id && is_old && !targets.is_empty() => {
                let target = targets[usize::from(how) % targets.len()].clone();
                if table.foreign_keys.remove(&column.name).is_none() && target != name {
                    table.foreign_keys.insert(column.name, target);
                }
            }
            14 => {
                let unique = how % 2 == 0 && is_old;
                match table.indexes.keys().next().cloned().filter(|_| how % 3 == 0) {
                    Some(name) => drop(table.indexes.remove(&name)),
                    None => {
                        let kind = if how % 5 == 1 { "p" } else { "i" };
                        table.indexes.insert(format!("{kind}{fresh}"), (column.name, unique));
                    }
                }
            }
            15 if self.views.len() < 8 => self.add_view(format!("v{fresh}"), (name, column.name), how),
            16 => {
                let gone = self.views.get(which % self.views.len().max(1)).map(|view| view.name.clone());
                self.drop_views(|view| Some(&view.name) == gone.as_ref());
            }
            17 if !referred && column.not_null && !is_id => {
                table.wide_key = match table.wide_key {
                    Some(_) => None,
                    None => Some(column.name),
                }
            }
            18 | 19 => {
                if let Some((column, _)) = table.foreign_keys.iter().next() {
                    flip(&mut table.cascades, column.clone());
                }
            }
            _ => {}
        }
        None
    }

    fn column(&mut self, how: u8) -> Column {
        let data_type = TYPES[usize::from(how) % TYPES.len()];
        let default = default(data_type, how / 8);
        Column { name: self.fresh("c"), data_type, not_null: how.is_multiple_of(4), default }
    }
}

impl Table {
    fn forget(&mut self, column: &str) {
        self.unique.remove(column);
        self.checks.remove(column);
        self.foreign_keys.remove(column);
        self.cascades.remove(column);
        self.indexes.retain(|_, (of, _)| of != column);
        self.wide_key = self.wide_key.take().filter(|of| of != column);
    }

    fn rename(&mut self, from: &str, to: &str) {
        let new = |name: &String| if name == from { to.to_owned() } else { name.clone() };
        for column in &mut self.columns {
            column.name = new(&column.name);
        }
        self.unique = self.unique.iter().map(new).collect();
        self.checks = self.checks.iter().map(new).collect();
        self.foreign_keys = self.foreign_keys.iter().map(|(column, table)| (new(column), table.clone())).collect();
        self.cascades = self.cascades.iter().map(new).collect();
        for (column, _) in self.indexes.values_mut() {
            *column = new(column);
        }
        self.wide_key = self.wide_key.as_ref().map(new);
    }
}

fn flip(set: &mut BTreeSet<String>, name: String) {
    if !set.remove(&name) {
        set.insert(name);
    }
}

fn default(data_type: &str, how: u8) -> Option<String> {
    let text = match (data_type, how % 3) {
        (_, 0) => return None,
        ("TEXT" | "VARCHAR(20)", 1) => "'it''s'",
        ("TEXT" | "VARCHAR(20)", _) => "''",
        ("BIGINT", 1) => "7",
        ("BIGINT", _) => "3 + 4",
        ("DOUBLE PRECISION", _) => "1.5",
        ("BOOLEAN", 1) => "TRUE",
        ("BOOLEAN", _) => "FALSE",
        (_, 1) => "CURRENT_TIMESTAMP",
        _ => "'2026-01-31 12:00:00+00'",
    };
    Some(if text.contains('+') && !text.contains('\'') { format!("({text})") } else { text.to_owned() })
}

fn check(column: &Column) -> String {
    let name = &column.name;
    match column.data_type {
        "TEXT" | "VARCHAR(20)" => format!("{name} <> 'no' AND {name} <> 'never'"),
        "BIGINT" | "DOUBLE PRECISION" => format!("{name} >= 0"),
        "BOOLEAN" => format!("{name} IN (TRUE, FALSE)"),
        _ => format!("{name} > '1960-01-01 00:00:00+00'"),
    }
}

pub(super) fn value(data_type: &str, row: usize) -> String {
    match data_type {
        "TEXT" | "VARCHAR(20)" => format!("'{row}'"),
        "BOOLEAN" => if row == 1 { "TRUE" } else { "FALSE" }.to_owned(),
        "DOUBLE PRECISION" => format!("{row}.5"),
        "BIGINT" => row.to_string(),
        _ => format!("'2026-01-0{row} 10:00:00+00'"),
    }
}
