//! Triggers: they go and come with what they are of, and are made again where it is.

use crate::engine::Engine;
use crate::migrate::schema::{Object, Other, Schema};
use crate::migrate::set::MigrationSet;
use std::collections::BTreeMap;

/// The triggers of a state.
pub(super) fn triggers(schema: &Schema) -> impl Iterator<Item = &Other> {
    schema.others.values().filter(|other| other.object == Object::Trigger)
}

/// Whether two are one by what they are called and what they are of.
pub(super) fn is_same_trigger(one: &Other, other: &Other) -> bool {
    let of = |trigger: &Other| trigger.table.as_ref().map(|table| table.to_ascii_lowercase());
    one.name.eq_ignore_ascii_case(&other.name) && of(one) == of(other)
}

/// Whether something is no trigger, or what it is of is there.
pub(super) fn has_place(other: &Other, schema: &Schema) -> bool {
    let mut names = schema.tables.keys().chain(schema.views.keys());
    let is_there = |table: &String| names.any(|name| name.eq_ignore_ascii_case(table));
    other.object != Object::Trigger || other.table.as_ref().is_none_or(is_there)
}

/// Of some, those whose tables and views a state has: a trigger goes with what it is of.
pub(super) fn staying(schema: &Schema, mut others: BTreeMap<String, Other>) -> BTreeMap<String, Other> {
    others.retain(|_, other| has_place(other, schema));
    others
}

/// What there is beside tables and views when the models are reached: what is there already, but for triggers whose tables
/// and views go. A trigger that the models have is as they have it, where the set is written for SQLite, whose words these
/// are.
pub(super) fn wanted(middle: &Schema, models: &Schema, set: &MigrationSet) -> BTreeMap<String, Other> {
    let mut others = staying(models, middle.others.clone());
    if set.engines().contains(&Engine::Sqlite) {
        for other in others.values_mut().filter(|other| other.object == Object::Trigger) {
            let model = triggers(models).find(|model| is_same_trigger(other, model));
            other.definition = model.map_or_else(|| other.definition.clone(), |model| model.definition.clone());
        }
    }
    others
}
