//! Whether the checks of a table say what its bounds as a partition will: as the server proves it, by comparing one constant
//! with another, and never by what a condition would come to.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::claims::{Condition, Says, Value};
use super::tree;
use super::types::DataType;

/// One end of a range for one column of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Least,
    Greatest,
    At(Value),
}

/// What is known of the table's columns beside its checks.
pub(super) struct Columns<'a> {
    /// The columns of the partition key, where they are known.
    pub(super) key: Option<&'a [String]>,
    /// Columns that may be the key besides those that the conditions name, where it is not known.
    pub(super) others: Vec<String>,
    /// Whether a column is known to hold no NULL.
    pub(super) is_not_null: &'a dyn Fn(&str) -> bool,
    /// A column's type, where it is known.
    pub(super) data_type: &'a dyn Fn(&str) -> Option<DataType>,
}

/// Whether conditions that all rows fulfil say that the rows fit into a partition's bounds.
pub(super) fn is_implied(conditions: &[Condition], bounds: &SyntaxNode, columns: &Columns<'_>) -> bool {
    let named = conditions.iter().map(|condition| &condition.column).chain(&columns.others);
    let named: BTreeSet<&String> = named.collect();
    let named: Vec<String> = named.into_iter().cloned().collect();
    if let Some(list) = tree::child(bounds, K::PARTITION_FOR_VALUES_IN) {
        let Some(values) = Value::list(&list) else { return false };
        let keys = columns.key.unwrap_or(&named);
        return (columns.key.is_none() || keys.len() == 1)
            && keys.iter().any(|column| is_listed(conditions, &values, column, columns));
    }
    let Some((from, to)) = ends(bounds) else { return false };
    let fits = |key: &[String]| {
        let range = Range { conditions, key, from: &from, to: &to, columns };
        from.len() == key.len() && to.len() == key.len() && range.is_implied()
    };
    match columns.key {
        Some(key) => fits(key),
        None => arranged(&named, from.len()).iter().any(|key| fits(key)),
    }
}

/// Both ends of a partition that is a range.
pub(super) fn ends(bounds: &SyntaxNode) -> Option<(Vec<End>, Vec<End>)> {
    let range = tree::child(bounds, K::PARTITION_FOR_VALUES_FROM)?;
    let ends = |kind| tree::child(&range, kind)?.children().map(|part| End::of(&part)).collect::<Option<Vec<End>>>();
    Some((ends(K::PARTITION_FROM_VALUES)?, ends(K::PARTITION_TO_VALUES)?))
}

/// All ways to take so many of some names, of the few that a check has.
pub(super) fn arranged(names: &[String], count: usize) -> Vec<Vec<String>> {
    const MOST: usize = 4;
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for (place, name) in names.iter().enumerate().take(MOST) {
        let mut others = names.to_vec();
        others.remove(place);
        for mut rest in arranged(&others, count - 1) {
            rest.insert(0, name.clone());
            found.push(rest);
        }
    }
    found
}

fn is_listed(conditions: &[Condition], list: &[Value], column: &str, columns: &Columns<'_>) -> bool {
    let nullable = list.contains(&Value::Null);
    let data_type = (columns.data_type)(column);
    let is_member =
        |value: &Value| list.iter().any(|bound| value.compare(bound, data_type.as_ref()) == Some(Ordering::Equal));
    let says =
        conditions.iter().filter(|condition| condition.column == column).any(|condition| match &condition.says {
            Says::OneOf(values, null) => (nullable || !null) && values.iter().all(is_member),
            _ => false,
        });
    says && (nullable || (columns.is_not_null)(column))
}

impl End {
    fn of(expression: &SyntaxNode) -> Option<Self> {
        match tree::words(expression).as_str() {
            "minvalue" => Some(Self::Least),
            "maxvalue" => Some(Self::Greatest),
            _ => Value::of(expression).filter(|value| *value != Value::Null).map(Self::At),
        }
    }
}

/// The bounds of a range and what is known of the rows.
struct Range<'a> {
    conditions: &'a [Condition],
    key: &'a [String],
    from: &'a [End],
    to: &'a [End],
    columns: &'a Columns<'a>,
}

impl Range<'_> {
    fn is_implied(&self) -> bool {
        self.key.iter().all(|column| (self.columns.is_not_null)(column)) && self.begins(0) && self.ends(0)
    }

    /// Whether the rows are not before the range, from a column of the key on.
    fn begins(&self, place: usize) -> bool {
        let next = self.from.get(place + 1);
        match self.from.get(place) {
            Some(End::Least) => true,
            Some(End::At(low)) => {
                let included = matches!(next, None | Some(End::Least));
                self.lies(place, low, Ordering::Greater, included)
                    || next.is_some() && self.is_pinned(place, low) && self.begins(place + 1)
            }
            _ => false,
        }
    }

    /// Whether the rows are before the end of the range, from a column of the key on.
    fn ends(&self, place: usize) -> bool {
        let next = self.to.get(place + 1);
        match self.to.get(place) {
            Some(End::Greatest) => true,
            Some(End::At(high)) => {
                let included = matches!(next, Some(End::Greatest));
                self.lies(place, high, Ordering::Less, included)
                    || next.is_some() && self.is_pinned(place, high) && self.ends(place + 1)
            }
            _ => false,
        }
    }

    /// Whether all values lie to one side of a bound, which is itself one of them or not.
    fn lies(&self, place: usize, bound: &Value, side: Ordering, included: bool) -> bool {
        self.says(place, |says, data_type| {
            let beyond = |value: &Value, own: bool| match value.compare(bound, data_type) {
                Some(Ordering::Equal) => included || !own,
                found => found == Some(side),
            };
            match says {
                Says::From(value, own) => side == Ordering::Greater && beyond(value, *own),
                Says::To(value, own) => side == Ordering::Less && beyond(value, *own),
                Says::OneOf(values, null) => !null && values.iter().all(|value| beyond(value, true)),
                Says::NoneOf(_) => false,
            }
        })
    }

    fn is_pinned(&self, place: usize, bound: &Value) -> bool {
        self.says(place, |says, data_type| match says {
            Says::OneOf(values, false) => {
                values.iter().all(|value| value.compare(bound, data_type) == Some(Ordering::Equal))
            }
            _ => false,
        })
    }

    fn says(&self, place: usize, test: impl Fn(&Says, Option<&DataType>) -> bool) -> bool {
        let Some(column) = self.key.get(place) else { return false };
        let data_type = (self.columns.data_type)(column);
        let own = self.conditions.iter().filter(|condition| condition.column == *column);
        own.into_iter().any(|condition| test(&condition.says, data_type.as_ref()))
    }
}
