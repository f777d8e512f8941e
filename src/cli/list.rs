//! `charter list`: what the store has.

use super::session::{Session, parse_kind, refuse_url};
use super::ui::{FAINT, Failure, Outcome, PLAIN, Table, key_object, or_null, short};
use crate::error::{Error, ErrorKind};
use crate::record::{Kind, Reference, Value};
use crate::store::{Access, Listed, nearest};

/// List what the store has
///
/// Lists one line for each name of each kind, with its latest release (or pre-release, if there is nothing else) and how
/// many versions there are. PATTERN is a part of the name, or with `*` and `?` the whole name.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter list                          Everything in the default namespace
  charter list book                     Names with `book` in them
  charter list 'sales_*' --kind schema  Schemas whose name begins with `sales_`
  charter list --all-versions           Every version
  charter list --all-namespaces --json  Everything, for programs")]
pub(super) struct Arguments {
    /// Which names
    #[arg(value_name = "PATTERN")]
    pattern: Option<String>,
    /// Only this kind
    #[arg(long)]
    kind: Option<String>,
    /// One line for each version
    #[arg(long)]
    all_versions: bool,
    /// Every namespace
    #[arg(long)]
    all_namespaces: bool,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let kind = arguments.kind.as_deref().map(parse_kind).transpose()?;
    let pattern = arguments.pattern.as_deref().unwrap_or_default();
    refuse_url(pattern, "the pattern")?;
    if arguments.all_namespaces && !session.namespace.is_default() {
        let error = Error::new(ErrorKind::Invalid, "--namespace and --all-namespaces do not go together");
        return Err(Failure::Usage(error.with_hint("leave out one of them")));
    }
    let store = session.open(Access::Read)?;
    let mut listed = match arguments.all_namespaces {
        true => store.list_everything()?,
        false => store.list(&session.namespace, kind.as_ref(), None)?,
    };
    let is_empty = listed.is_empty();
    listed.retain(|listed| {
        kind.as_ref().is_none_or(|kind| listed.key.kind == *kind) && matches(pattern, listed.key.name.as_str())
    });
    if listed.is_empty() {
        let location = store.description().location;
        let place = match session.namespace.is_default() {
            true => location.clone(),
            false => format!("the namespace {} of {location}", session.namespace),
        };
        session.ui.note(&match (is_empty, &kind) {
            (true, Some(kind)) => format!("there is no {kind} in {place}"),
            (false, Some(kind)) if pattern.is_empty() => format!("there is no {kind} in {place}"),
            (true, None) if session.namespace.is_default() => format!("{location} is empty"),
            (true, None) => format!("{location} has nothing in the namespace {}", session.namespace),
            (false, _) => format!("nothing in {location} matches"),
        });
        if let Some(kind) = kind.as_ref().filter(|kind| !Kind::KNOWN.contains(kind)) {
            let near = nearest(kind.as_str(), Kind::KNOWN.iter().map(Kind::as_str));
            if let Some(near) = near.first() {
                session.ui.hint(&format!("did you mean --kind {near}?"));
            }
        }
    }
    let lines = if arguments.all_versions {
        listed.iter().map(|listed| Line { latest: listed, versions: None }).collect()
    } else {
        latest(&listed)
    };
    session.ui.result(|| text(&lines), || Value::from(lines.iter().map(Line::value).collect::<Vec<_>>()))
}

struct Line<'a> {
    latest: &'a Listed,
    versions: Option<usize>,
}

/// One line for each name of each kind.
fn latest(listed: &[Listed]) -> Vec<Line<'_>> {
    let same = |left: &Listed, right: &Listed| left.key.subject() == right.key.subject();
    let lines = listed.chunk_by(same).filter_map(|versions| {
        let release = versions.iter().rfind(|listed| !listed.key.version.is_pre_release());
        Some(Line { latest: release.or(versions.last())?, versions: Some(versions.len()) })
    });
    lines.collect()
}

impl Line<'_> {
    fn value(&self) -> Value {
        let mut value = key_object(&self.latest.key);
        if let Some(versions) = self.versions {
            value.insert("versions", versions as u64);
        }
        value.insert("digest", self.latest.digest.to_string());
        value.insert("replaces", or_null(self.latest.parent.map(|parent| parent.to_string())));
        value.insert("size", self.latest.size);
        value.insert("stored_at", self.latest.stored_at.as_str());
        value.into()
    }
}

fn text(lines: &[Line<'_>]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let counts = lines.iter().any(|line| line.versions.is_some());
    let headings = ["KIND", "NAME", "VERSION", "VERSIONS", "DIGEST", "STORED"];
    let shown: Vec<&str> = headings.into_iter().filter(|heading| counts || *heading != "VERSIONS").collect();
    let mut table = Table::with_headings(&shown);
    for Line { latest, versions } in lines {
        let key = &latest.key;
        let name = Reference { version: None, ..key.reference() };
        let cells = [
            Some((PLAIN, key.kind.to_string())),
            Some((PLAIN, name.to_string())),
            Some((PLAIN, key.version.to_string())),
            versions.map(|versions| (PLAIN, versions.to_string())),
            Some((FAINT, short(&latest.digest))),
            Some((FAINT, latest.stored_at.clone())),
        ];
        table.styled_row(cells.into_iter().flatten());
    }
    table.render()
}

/// Whether a name has a text in it or, where the text has `*` or `?`, is of that form.
fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return name.contains(pattern);
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where to go on if the text after the last `*` turns out not to be here: one character further.
    let mut retry = None;
    let (mut at, mut read) = (0, 0);
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                at += 1;
                retry = Some((at, read));
            }
            Some(c) if *c == '?' || *c == name[read] => {
                at += 1;
                read += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    (at, read) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_parts_or_forms_of_names() {
        for (pattern, name, expected) in [
            ("", "book", true),
            ("oo", "book", true),
            ("x", "book", false),
            ("b*", "book", true),
            ("*k", "book", true),
            ("b??k", "book", true),
            ("b?k", "book", false),
            ("*a*b", "aaab", true),
            ("*ab", "aabab", true),
            ("é*", "éa", true),
            ("b*", "abook", false),
            ("*", "x", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
