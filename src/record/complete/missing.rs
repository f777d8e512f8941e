//! Says what is wrong with a path that leads nowhere.

use super::resolve::{Resolver, steps};
use crate::record::problem::similar;
use crate::record::value::Object;
use std::collections::HashSet;
use std::sync::LazyLock;

/// How many names are listed when none is similar.
const MAX_LISTED: usize = 12;

/// Which part of a path is missing, where, and what there is instead.
pub(super) fn explain(resolver: &Resolver<'_>, schema: &Object, path: &str) -> String {
    if let Some(flaw) = flaw(path) {
        return flaw.to_owned();
    }
    let furthest = furthest(resolver, schema, path);
    let (before, rest) = path.split_at(furthest.at);
    let before = before.trim_end_matches('.');
    let place = if before.is_empty() { "the schema".to_owned() } else { format!("`{before}`") };
    if rest.starts_with("[]") {
        return format!("{place} has no items");
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let part = &rest[..end];
    if furthest.has_items && furthest.names.is_empty() {
        let suggestion = format!("{before}[].{rest}");
        return format!("{place} is an array without a property `{part}`; its items are written `{suggestion}`");
    }
    let similar = similar(part, &furthest.names);
    let what = match (similar.as_slice(), furthest.names.as_slice()) {
        ([], []) => "it has no properties".to_owned(),
        ([], names) => format!("it has {}", listed(names)),
        (similar, _) => format!("did you mean {}?", similar.join(" or ")),
    };
    format!("{place} has no property `{part}`; {what}")
}

/// What keeps a path from being one, whatever the schema is.
fn flaw(path: &str) -> Option<&'static str> {
    if path.replace("[]", "").contains(['[', ']']) {
        Some("in its path a bracket stands alone; the items of an array are written `[]`, as in `tags[]`")
    } else if path.split('.').any(str::is_empty) {
        Some("its path has a `.` without a name on both sides")
    } else if path.split("[]").skip(1).any(|piece| !piece.is_empty() && !piece.starts_with('.')) {
        Some("in its path a name stands right behind `[]`; between them belongs a `.`, as in `orders[].sku`")
    } else {
        None
    }
}

struct Furthest<'b> {
    at: usize,
    names: Vec<&'b str>,
    has_items: bool,
}

/// How much of a path can be walked, and what there is where it ends.
fn furthest<'b>(resolver: &'b Resolver<'_>, schema: &'b Object, path: &str) -> Furthest<'b> {
    static NOTHING: LazyLock<Object> = LazyLock::new(Object::new);
    let nothing: &'b Object = &NOTHING;
    let mut seen = HashSet::new();
    let mut pending = vec![(schema, path)];
    let mut best: Option<(usize, &Object)> = None;
    while let Some((schema, rest)) = pending.pop() {
        let at = path.len() - rest.len();
        if best.is_none_or(|(known, _)| at > known) {
            best = Some((at, schema));
        }
        for (step, rest) in steps(rest) {
            for child in resolver.children(schema, step) {
                if !rest.is_empty() && seen.insert((std::ptr::from_ref(child), rest.len())) {
                    // A boolean schema has nothing inside, but it is there.
                    pending.push((child.as_object().unwrap_or(nothing), rest));
                }
            }
        }
    }
    let (at, schema) = best.unwrap_or((0, schema));
    let (mut names, has_items) = resolver.names(schema);
    names.sort_unstable();
    names.dedup();
    Furthest { at, names, has_items }
}

fn listed(names: &[&str]) -> String {
    let mut text: Vec<String> = names.iter().take(MAX_LISTED).map(|name| format!("`{name}`")).collect();
    if names.len() > MAX_LISTED {
        text.push(format!("{} more", names.len() - MAX_LISTED));
    }
    text.join(", ")
}
