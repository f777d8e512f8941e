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
use super::{readable, refused, tree};

/// The place of a partition, as the files say it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    parent: RelationName,
    bounds: Bounds,
}

#[derive(Debug, Clone)]
enum Bounds {
    /// From some values of the columns of the key, to before others.
    Range(Vec<End>, Vec<End>),
    List(Vec<Value>),
    /// The modulus and the remainder.
    Hash(u64, u64),
}

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Divided {
    /// `range`, `list` or `hash`.
    strategy: String,
    /// Of how many columns and expressions its key is made.
    parts: usize,
}

/// What PARTITION BY says.
pub(super) fn divided(node: &SyntaxNode) -> Option<Divided> {
    let by = tree::child(node, K::PARTITION_BY)?;
    let strategy = tree::all_tokens(&by).nth(2)?.text().to_ascii_lowercase();
    Some(Divided { strategy, parts: tree::child(&by, K::PARTITION_ITEM_LIST)?.children().count() })
}

/// A new table that is partitioned.
pub(super) fn created(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if divided(node).is_some_and(|divided| divided.strategy == "list" && divided.parts > 1) {
        let by = tree::child(node, K::PARTITION_BY).unwrap_or_else(|| node.clone());
        judge.report(&refused::PARTITION, &by, "PARTITION BY LIST takes one column".to_owned()).help =
            "PARTITION BY RANGE takes several, or partition each partition by the next column.".to_owned();
    }
}

impl Divided {
    /// Why bounds cannot be those of a partition of such a table.
    fn refusal(&self, node: &SyntaxNode) -> Option<String> {
        let strategy = self.strategy.as_str();
        let said = [
            (K::PARTITION_FOR_VALUES_IN, "list"),
            (K::PARTITION_FOR_VALUES_FROM, "range"),
            (K::PARTITION_FOR_VALUES_WITH, "hash"),
        ];
        let said = said.into_iter().find(|(kind, _)| tree::has(node, *kind));
        if let Some((_, said)) = said.filter(|(_, said)| *said != strategy) {
            return Some(format!("the table is partitioned by {strategy}, and these are the bounds of a {said}"));
        }
        if strategy == "hash" && tree::has(node, K::PARTITION_DEFAULT) {
            return Some("a table that is partitioned by hash has no default partition".to_owned());
        }
        let range = tree::child(node, K::PARTITION_FOR_VALUES_FROM)?;
        let ends =
            range.children().filter(|end| matches!(end.kind(), K::PARTITION_FROM_VALUES | K::PARTITION_TO_VALUES));
        let count = ends.map(|end| end.children().count()).find(|count| *count != self.parts)?;
        Some(format!("{count} values bound a key of {}", self.parts))
    }
}

impl Bounds {
    fn of(node: &SyntaxNode) -> Option<Self> {
        if let Some(list) = tree::child(node, K::PARTITION_FOR_VALUES_IN) {
            return Value::list(&list).map(Self::List);
        }
        if let Some(with) = tree::child(node, K::PARTITION_FOR_VALUES_WITH) {
            let named = |name: &str| {
                let tokens: Vec<String> =
                    tree::all_tokens(&with).map(|token| token.text().to_ascii_lowercase()).collect();
                tokens.iter().position(|token| token == name).and_then(|at| tokens.get(at + 1)?.parse().ok())
            };
            return Some(Self::Hash(named("modulus")?, named("remainder")?));
        }
        let (from, to) = implied::ends(node)?;
        (from.len() == to.len() && !from.is_empty()).then_some(Self::Range(from, to))
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
    let is_whole = above.told && !above.partitioned && above.divided.is_none();
    if is_whole {
        return Some(format!("{parent} is not partitioned"));
    }
    if let Some(message) = above.divided.as_ref().and_then(|divided| divided.refusal(node)) {
        return Some(message);
    }
    if tree::has(node, K::PARTITION_DEFAULT) {
        let default = above.default_partition.as_ref().filter(|default| *default != partition)?;
        let is_there = judge.session.table(default).is_some_and(|table| table.is_partition);
        return is_there.then(|| format!("{parent} has the default partition {default} already"));
    }
    let bounds = Bounds::of(node)?;
    let mut places = above.partitions.iter().filter(|other| *other != partition).filter_map(|other| {
        let table = judge.session.table(other).filter(|table| table.is_partition);
        let place = table.and_then(|table| table.place.as_ref()).filter(|place| place.parent == *parent);
        Some((other, &place?.bounds))
    });
    if let Bounds::Hash(modulus, remainder) = bounds {
        if remainder >= modulus {
            return Some(format!("the remainder {remainder} is never left by {modulus}"));
        }
        return places.find_map(|(other, place)| match place {
            Bounds::Hash(own, _) if *own == 0 || own % modulus != 0 && modulus % own != 0 => Some(format!(
                "neither is the modulus {modulus} a multiple of {own}, that of {other}, nor is it the other way round"
            )),
            Bounds::Hash(own, left) if left % modulus.min(*own) == remainder % modulus.min(*own) => {
                Some(format!("{partition} takes rows that {other} has the place for: their bounds overlap"))
            }
            _ => None,
        });
    }
    let key =
        above.partition_key.as_deref().filter(|key| above.divided.as_ref().is_none_or(|by| by.parts == key.len()))?;
    let types: Vec<DataType> =
        key.iter().map(|column| judge.session.column_type(parent, column)).collect::<Option<_>>()?;
    if let Bounds::Range(from, to) = &bounds
        && matches!(compare(from, to, &types), Some(Ordering::Greater | Ordering::Equal))
    {
        return Some(format!("{partition} has no room: it ends where it begins, or before"));
    }
    let beside = places.find(|(_, place)| overlap(&bounds, place, &types)).map(|(other, _)| other);
    beside.map(|other| format!("{partition} takes rows that {other} has the place for: their bounds overlap"))
}

/// Whether a row would surely belong to both.
fn overlap(own: &Bounds, other: &Bounds, types: &[DataType]) -> bool {
    match (own, other) {
        (Bounds::Range(from, to), Bounds::Range(other_from, other_to)) => {
            let is_before = |one: &[End], two: &[End]| compare(one, two, types) == Some(Ordering::Less);
            is_before(from, other_to) && is_before(other_from, to)
        }
        (Bounds::List(own), Bounds::List(other)) => {
            let is_boolean = matches!(types, [only] if only.name == "boolean" && !only.array);
            let boolean = |value: &Value| match value {
                Value::Other(text) => readable::boolean(text),
                Value::Number(number) => readable::boolean(&number.to_string()),
                _ => None,
            };
            let is_same = |own: &Value, other: &Value| {
                own == other || is_boolean && boolean(own).is_some() && boolean(own) == boolean(other)
            };
            own.iter().any(|value| other.iter().any(|other| is_same(value, other)))
        }
        _ => false,
    }
}

/// How two ends are to each other, where their texts tell it surely: by the first column in which they differ, and by none after
/// MINVALUE and MAXVALUE.
fn compare(one: &[End], two: &[End], types: &[DataType]) -> Option<Ordering> {
    if one.len() != two.len() || one.len() != types.len() {
        return None;
    }
    for ((one, two), data_type) in one.iter().zip(two).zip(types) {
        match compare_one(one, two, data_type)? {
            Ordering::Equal if matches!(one, End::At(_)) => {}
            found => return Some(found),
        }
    }
    Some(Ordering::Equal)
}

fn compare_one(one: &End, two: &End, data_type: &DataType) -> Option<Ordering> {
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
