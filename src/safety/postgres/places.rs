//! The places of partitions beside each other: no two of a table may take the same rows.

use std::cmp::Ordering;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::RelationName;
use super::claims::Value;
use super::implied::{self, End};
use super::judge::Judge;
use super::session::Session;
use super::types::DataType;
use super::{refused, tree};

/// The place of a partition, as the files say it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    parent: RelationName,
    bounds: Bounds,
}

#[derive(Debug, Clone)]
enum Bounds {
    /// From one value, to before another, of the only column of the key.
    Range(End, End),
    List(Vec<Value>),
}

impl Bounds {
    fn of(node: &SyntaxNode) -> Option<Self> {
        if let Some(list) = tree::child(node, K::PARTITION_FOR_VALUES_IN) {
            return Value::list(&list).map(Self::List);
        }
        let (mut from, mut to) = implied::ends(node)?;
        (from.len() == 1 && to.len() == 1).then(|| Some(Self::Range(from.pop()?, to.pop()?))).flatten()
    }
}

/// Remembers the place of a partition. A block may or may not come to it.
pub(super) fn taken(session: &mut Session<'_>, parent: &RelationName, partition: &RelationName, node: &SyntaxNode) {
    let bounds = Bounds::of(node).filter(|_| session.blocks == 0);
    session.table_mut(partition).place = bounds.map(|bounds| Box::new(Place { parent: parent.clone(), bounds }));
}

/// The place that a partition is to take.
pub(super) fn check(judge: &mut Judge<'_>, parent: &RelationName, partition: &RelationName, node: &SyntaxNode) {
    if let Some(message) = refusal(judge, parent, partition, node) {
        judge.report(&refused::PARTITION, node, message).help =
            "Give each partition bounds of its own: FROM is in it, TO is not.".to_owned();
    }
}

fn refusal(judge: &Judge<'_>, parent: &RelationName, partition: &RelationName, node: &SyntaxNode) -> Option<String> {
    let above = judge.session.table(parent)?;
    if tree::has(node, K::PARTITION_DEFAULT) {
        let default = above.default_partition.as_ref().filter(|default| *default != partition)?;
        let is_there = judge.session.table(default).is_some_and(|table| table.is_partition);
        return is_there.then(|| format!("{parent} has the default partition {default} already"));
    }
    let bounds = Bounds::of(node)?;
    let [column] = above.partition_key.as_deref()? else { return None };
    let data_type = judge.session.column_type(parent, column)?;
    if let Bounds::Range(from, to) = &bounds
        && matches!(compare(from, to, &data_type), Some(Ordering::Greater | Ordering::Equal))
    {
        return Some(format!("{partition} has no room: it ends where it begins, or before"));
    }
    let beside = above.partitions.iter().filter(|other| *other != partition).find(|other| {
        let table = judge.session.table(other).filter(|table| table.is_partition);
        let place = table.and_then(|table| table.place.as_ref()).filter(|place| place.parent == *parent);
        place.is_some_and(|place| overlap(&bounds, &place.bounds, &data_type))
    });
    beside.map(|other| format!("{partition} takes rows that {other} has the place for: their bounds overlap"))
}

/// Whether a row would surely belong to both.
fn overlap(own: &Bounds, other: &Bounds, data_type: &DataType) -> bool {
    match (own, other) {
        (Bounds::Range(from, to), Bounds::Range(other_from, other_to)) => {
            let is_before = |one: &End, two: &End| compare(one, two, data_type) == Some(Ordering::Less);
            is_before(from, other_to) && is_before(other_from, to)
        }
        (Bounds::List(own), Bounds::List(other)) => own.iter().any(|value| other.contains(value)),
        _ => false,
    }
}

/// How two ends are to each other, where their texts tell it surely.
fn compare(one: &End, two: &End, data_type: &DataType) -> Option<Ordering> {
    const NUMBERS: [&str; 4] = ["smallint", "integer", "bigint", "numeric"];
    const MOMENTS: [&str; 2] = ["timestamp", "timestamptz"];
    let name = data_type.name.as_str();
    match (one, two) {
        (End::Least, End::Least) | (End::Greatest, End::Greatest) => Some(Ordering::Equal),
        (End::Least, _) | (_, End::Greatest) => Some(Ordering::Less),
        (End::Greatest, _) | (_, End::Least) => Some(Ordering::Greater),
        (End::At(one), End::At(two)) => {
            let is_sure = !data_type.array
                && match (one, two) {
                    (Value::Number(_), Value::Number(_)) => NUMBERS.contains(&name),
                    // A date has no time of the day; a moment with a time zone is compared with its like.
                    (Value::Moment(one, zone), Value::Moment(two, other)) => {
                        let are_days = one.len() == "YYYY-MM-DD".len() && two.len() == one.len();
                        zone == other && (MOMENTS.contains(&name) || name == "date" && are_days)
                    }
                    _ => false,
                };
            is_sure.then(|| one.compare(two, Some(data_type))).flatten()
        }
    }
}
