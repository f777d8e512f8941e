//! Whether a check of the default partition keeps out the rows of another partition: as the server proves it.

use std::cmp::Ordering;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::claims::{Claim, Condition, Says, Value};
use super::implied::{self, Columns, End};
use super::tree;
use super::types::DataType;

/// The longest list that the server looks into.
const LONGEST: usize = 100;

/// Whether claims that hold for all rows say that none is within the bounds of a partition. A row whose key is NULL is
/// outside of all bounds that do not name NULL.
pub(super) fn is_excluded(claims: &[&Claim], bounds: &SyntaxNode, columns: &Columns<'_>) -> bool {
    let named: Vec<String> = match columns.key {
        Some(key) => key.to_vec(),
        None => claims.iter().flat_map(|claim| claim.columns()).chain(&columns.others).cloned().collect(),
    };
    if let Some(list) = tree::child(bounds, K::PARTITION_FOR_VALUES_IN) {
        let Some(values) = Value::list(&list).filter(|values| values.len() <= LONGEST) else { return false };
        return (columns.key.is_none() || named.len() == 1)
            && named.iter().any(|column| values.iter().all(|value| is_absent(claims, value, column, columns)));
    }
    let Some((from, to)) = implied::ends(bounds) else { return false };
    let fits = |key: &[String]| {
        let range = Range { key, from: &from, to: &to, columns };
        let whole = from.len() == key.len() && to.len() == key.len();
        whole && claims.iter().any(|claim| holds(claim, &|condition| range.is_outside(condition, 0)))
    };
    match columns.key {
        Some(key) => fits(key),
        None => implied::arranged(&named, from.len()).iter().any(|key| fits(key)),
    }
}

/// Whether a claim comes to what is to be shown, by whichever of its conditions.
fn holds(claim: &Claim, test: &dyn Fn(&Condition) -> bool) -> bool {
    match claim {
        Claim::All(parts) => parts.iter().any(|part| holds(part, test)),
        Claim::Any(parts) => parts.iter().all(|part| holds(part, test)),
        Claim::Says(condition) => test(condition),
        Claim::Something => false,
    }
}

/// Whether no row has a value.
fn is_absent(claims: &[&Claim], value: &Value, column: &str, columns: &Columns<'_>) -> bool {
    if *value == Value::Null {
        return (columns.is_not_null)(column);
    }
    let data_type = (columns.data_type)(column);
    let compared = |own: &Value| own.compare(value, data_type.as_ref());
    let beyond = |own: &Value, included: bool, side: Ordering| match compared(own) {
        Some(Ordering::Equal) => !included,
        found => found == Some(side),
    };
    let denies = |condition: &Condition| {
        condition.column == column
            && match &condition.says {
                Says::From(own, included) => beyond(own, *included, Ordering::Greater),
                Says::To(own, included) => beyond(own, *included, Ordering::Less),
                Says::OneOf(own, _) => {
                    own.len() <= LONGEST && own.iter().all(|own| own.differs(value, data_type.as_ref()))
                }
                Says::NoneOf(own) => {
                    own.len() <= LONGEST && own.iter().any(|own| compared(own) == Some(Ordering::Equal))
                }
            }
    };
    claims.iter().any(|claim| holds(claim, &denies))
}

/// The bounds of a range.
struct Range<'a> {
    key: &'a [String],
    from: &'a [End],
    to: &'a [End],
    columns: &'a Columns<'a>,
}

impl Range<'_> {
    /// Whether all rows that fulfil a condition lie outside, by a column of the key from a place on.
    fn is_outside(&self, condition: &Condition, place: usize) -> bool {
        let (Some(column), Some(from), Some(to)) = (self.key.get(place), self.from.get(place), self.to.get(place))
        else {
            return false;
        };
        let data_type = (self.columns.data_type)(column);
        // The one value that the column has within the range, where the next column decides.
        let only = match (from, to) {
            (End::At(low), End::At(high)) if low.compare(high, data_type.as_ref()) == Some(Ordering::Equal) => {
                Some(low)
            }
            _ => None,
        };
        if condition.column != *column {
            return only.is_some() && self.is_outside(condition, place + 1);
        }
        let data_type = data_type.as_ref();
        let is_before = |value: &Value, own| is_beyond(value, own, from, Ordering::Less, false, data_type);
        // The end is not within where it is the last column's, or the next one has nothing before it.
        let open = matches!(self.to.get(place + 1), None | Some(End::Least));
        let is_after = |value: &Value, own| is_beyond(value, own, to, Ordering::Greater, open, data_type);
        match &condition.says {
            Says::To(value, included) => is_before(value, *included),
            Says::From(value, included) => is_after(value, *included),
            Says::OneOf(values, _) => {
                values.len() <= LONGEST && values.iter().all(|value| is_before(value, true) || is_after(value, true))
            }
            Says::NoneOf(values) => {
                let is_only =
                    |value: &Value| only.is_some_and(|only| value.compare(only, data_type) == Some(Ordering::Equal));
                values.len() <= LONGEST && values.iter().any(is_only)
            }
        }
    }
}

/// Whether all from a value on, itself included or not, lie beyond an end, to which the end itself belongs or not.
fn is_beyond(
    value: &Value,
    included: bool,
    end: &End,
    side: Ordering,
    open: bool,
    data_type: Option<&DataType>,
) -> bool {
    let End::At(end) = end else { return false };
    match value.compare(end, data_type) {
        Some(Ordering::Equal) => open || !included,
        found => found == Some(side),
    }
}
