//! Triggers of SQLite, which keeps their words and looks at them when they run.

use super::functions::{Function, concerns, goes, place};
use super::words::{of_statement, same};
use super::{Beside, Thing};
use crate::migrate::autogenerate::Step;
use crate::migrate::autogenerate::change::{TableChange, pairs};
use crate::migrate::autogenerate::rename::Names;
use crate::migrate::autogenerate::triggers::triggers;
use crate::migrate::schema::Schema;

/// What a person has to do about triggers that name what is no more, a line for each. One that the models have otherwise than
/// before is as they want it.
pub(in crate::migrate::autogenerate) fn trigger_decisions(step: &Step, there: &Beside) -> Vec<String> {
    let concerns = concerns(step);
    let none = Names::default();
    let mut lines = Vec::new();
    for trigger in there.triggers().filter(|trigger| !goes(&trigger.of, step) && !is_another(trigger, step)) {
        let read = |text: &str| Function::of_trigger(trigger, text, there.engine);
        let tokens = of_statement(&trigger.text, there.engine);
        let begin = tokens.iter().find(|token| token.is_word(&trigger.text, "begin"));
        let (whole, body) = (read(&trigger.text), read(begin.map_or("", |begin| &trigger.text[begin.range.end..])));
        // SQLite follows new names, and a value of another type is one like others.
        let named = concerns.iter().filter(|concern| !concern.is_renamed).filter(|concern| match concern.is_away {
            true => whole.is_concerned(concern, &[trigger], step),
            false => concern.column.is_none() && body.is_concerned(concern, &[], step),
        });
        let mut told: Vec<String> =
            named.map(|concern| format!("{}, which {}", concern.title(), concern.fate)).collect();
        for (before, now) in pairs(&step.middle, &step.to, &none) {
            let of = step.names.table_before(&now.name);
            let grows = !TableChange::of(before, now, &none).added.is_empty();
            if grows && body.fills.contains(&of.to_lowercase()) {
                told.push(format!("{of}, which has more columns from here on"));
            }
        }
        if !told.is_empty() {
            lines.push(format!(
                "the trigger {} of {} ({}) names {}; SQLite looks at what a trigger does only when it runs, and what fires \
                 it fails then: drop it and write it anew below, behind the other statements, if it has to change",
                trigger.name,
                trigger.of,
                place(&trigger.place),
                told.join(", and ")
            ));
        }
    }
    lines
}

/// Whether a step gives a trigger other words.
fn is_another(trigger: &Thing, step: &Step) -> bool {
    let of = step.names.table_now(&trigger.of);
    let definition = |schema: &Schema| {
        let mut others = triggers(schema).filter(|other| same(&other.name, &trigger.name));
        let found = others.find(|other| other.table.as_deref().is_some_and(|table| same(table, of)));
        found.map(|other| other.definition.clone())
    };
    definition(&step.middle) != definition(&step.to)
}
