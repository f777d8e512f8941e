//! What an overlay says of how its engine differs: `-- charter: differs WHAT`.

use super::{Aspect, Difference, DifferenceKind, Object, Other};
use crate::engine::Engine;
use crate::migrate::set::MigrationSet;

/// A way in which an engine's tables differ from the others', declared by an overlay that brings an engine up.
///
/// The table of them is at [`Script`](crate::migrate::Script).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Declared {
    Lacking(Object),
    Types,
    Defaults,
    Nullability,
    NotValid,
    ColumnOrder,
    All(Object),
    Named(Object, String),
}

const WORDS: &str = "no-foreign-keys, no-indexes, no-checks, no-unique, no-views, types, defaults, nullability, not-valid, \
                     column-order, triggers, functions, sequences, policies, rules, exclusions, comments, table NAME, \
                     index NAME, view NAME, trigger NAME and function NAME";

impl Declared {
    /// Reads what stands behind `differs`; the error says what is wrong with it.
    pub(crate) fn parse(argument: &str) -> Result<Vec<Self>, String> {
        argument.split(',').map(|part| Self::one(part.trim())).collect()
    }

    fn one(text: &str) -> Result<Self, String> {
        let (word, name) = text.split_once(char::is_whitespace).map_or((text, ""), |(word, name)| (word, name.trim()));
        let named = |object| Self::Named(object, super::cursor::unquoted(name).to_lowercase());
        Ok(match (word, name) {
            ("no-foreign-keys", "") => Self::Lacking(Object::ForeignKey),
            ("no-indexes", "") => Self::Lacking(Object::Index),
            ("no-checks", "") => Self::Lacking(Object::Check),
            ("no-unique", "") => Self::Lacking(Object::Unique),
            ("no-views", "") => Self::Lacking(Object::View),
            ("types", "") => Self::Types,
            ("defaults", "") => Self::Defaults,
            ("nullability", "") => Self::Nullability,
            ("not-valid", "") => Self::NotValid,
            ("column-order", "") => Self::ColumnOrder,
            ("triggers", "") => Self::All(Object::Trigger),
            ("functions", "") => Self::All(Object::Function),
            ("sequences", "") => Self::All(Object::Sequence),
            ("policies", "") => Self::All(Object::Policy),
            ("rules", "") => Self::All(Object::Rule),
            ("exclusions", "") => Self::All(Object::Exclusion),
            ("comments", "") => Self::All(Object::Comment),
            ("table", name) if !name.is_empty() => named(Object::Table),
            ("index", name) if !name.is_empty() => named(Object::Index),
            ("view", name) if !name.is_empty() => named(Object::View),
            ("trigger", name) if !name.is_empty() => named(Object::Trigger),
            ("function", name) if !name.is_empty() => named(Object::Function),
            _ => {
                return Err(format!(
                    "{text:?} is nothing that an engine can differ in; there are {WORDS}, one on a line or with commas between them"
                ));
            }
        })
    }

    /// Whether it explains a difference. `is_found` tells whether the declaring engine is the side that was found, not the
    /// one that was wanted: what an engine lacks is missing there, and extra on the other one.
    fn covers(&self, difference: &Difference, is_found: bool) -> bool {
        let lacks = match difference.kind {
            DifferenceKind::Missing => is_found,
            DifferenceKind::Extra => !is_found,
            DifferenceKind::Different => true,
        };
        let is_a = |object: Object| {
            difference.object == object
                || match difference.object {
                    Object::MaterializedView => object == Object::View,
                    Object::VirtualTable | Object::ForeignTable => object == Object::Table,
                    _ => false,
                }
        };
        match self {
            Self::Lacking(object) => is_a(*object) && lacks,
            Self::Types => {
                difference.object == Object::Type || matches!(difference.aspect, Some(Aspect::Type | Aspect::Collation))
            }
            // A sequence numbers rows.
            Self::Defaults => {
                difference.object == Object::Sequence
                    || matches!(difference.aspect, Some(Aspect::Default | Aspect::Generated | Aspect::Identity))
            }
            Self::Nullability => difference.aspect == Some(Aspect::Nullability),
            Self::NotValid => difference.aspect == Some(Aspect::Validity) && difference.object != Object::Index,
            Self::ColumnOrder => difference.aspect == Some(Aspect::ColumnOrder),
            Self::All(object) => {
                let is_security = difference.object == Object::Table && difference.aspect == Some(Aspect::Options);
                difference.object == *object || *object == Object::Policy && is_security
            }
            Self::Named(object, name) => {
                let own = Other::short_name(difference.object, &difference.name).to_lowercase();
                let is = |other: &str| other.to_lowercase() == *name;
                is_a(*object) && (own == *name || is(&difference.name))
                    || *object == Object::Table && difference.table.as_deref().is_some_and(is)
                    || difference.object == Object::Comment && is_comment_of(&own, *object, name)
            }
        }
    }
}

/// Whether a comment is of something, or of a part of it: `comment on column b of table a`.
fn is_comment_of(comment: &str, object: Object, name: &str) -> bool {
    comment.replace('"', "").ends_with(&format!(" {} {name}", object.as_str()))
}

/// What two engines have declared of themselves: of what was found, and of what is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declarations {
    found: Vec<Declared>,
    wanted: Vec<Declared>,
}

impl Declarations {
    /// What overlays declare, of the migrations whose numbers are meant.
    pub(crate) fn of(set: &MigrationSet, engines: (Engine, Engine), is_meant: impl Fn(i64) -> bool) -> Self {
        let declared = |engine: Engine| -> Vec<Declared> {
            let migrations = set.migrations().iter().filter(|migration| is_meant(migration.number()));
            let overlays = migrations.filter_map(|migration| migration.overlays.get(&engine)?.up.as_ref());
            let directives = overlays.flat_map(|overlay| overlay.directives());
            directives
                .filter(|directive| directive.name == "differs")
                // What is wrong with a declaration is a problem of the set, and explains nothing.
                .flat_map(|directive| Declared::parse(directive.argument).unwrap_or_default())
                .collect()
        };
        Self { found: declared(engines.0), wanted: declared(engines.1) }
    }

    /// Whether a difference is declared.
    pub(crate) fn cover(&self, difference: &Difference) -> bool {
        self.found.iter().any(|declared| declared.covers(difference, true))
            || self.wanted.iter().any(|declared| declared.covers(difference, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_one_of_the_known_ones() {
        let all = "no-foreign-keys, no-indexes, no-checks,no-unique , no-views, types, defaults, nullability, table \"A b\", \
                   index I, view v, not-valid, column-order, triggers, functions, sequences, policies, rules, exclusions, \
                   comments, trigger t, function f";
        let parsed = Declared::parse(all).expect("declarations");
        assert_eq!(parsed.len(), 22);
        assert_eq!(parsed[8], Declared::Named(Object::Table, "a b".to_owned()));
        for wrong in
            ["", "no-primary-keys", "types of a", "table", "no-indexes, ", "TABLE x", "trigger", "functions f", "valid"]
        {
            assert!(Declared::parse(wrong).is_err(), "{wrong}");
        }
    }

    fn difference(kind: DifferenceKind, object: Object, name: &str) -> Difference {
        let table = match object {
            Object::Trigger
            | Object::Policy
            | Object::Rule
            | Object::Exclusion
            | Object::Check
            | Object::ForeignKey => Some("a".to_owned()),
            _ => None,
        };
        Difference { kind, object, table, name: name.to_owned(), aspect: None, found: None, wanted: None }
    }

    #[test]
    fn a_declaration_covers_what_it_names_and_nothing_else() {
        let extra = |object, name| difference(DifferenceKind::Extra, object, name);
        let different = |object, name, aspect| Difference {
            aspect: Some(aspect),
            ..difference(DifferenceKind::Different, object, name)
        };
        let all = [
            (extra(Object::Trigger, "t"), vec!["triggers", "trigger T", "table a"]),
            (different(Object::Trigger, "t", Aspect::Definition), vec!["triggers", "trigger T", "table a"]),
            (extra(Object::Function, "f(n integer)"), vec!["functions", "function F", "function f(n integer)"]),
            (extra(Object::Sequence, "s"), vec!["sequences", "defaults"]),
            (extra(Object::Type, "mood"), vec!["types"]),
            (extra(Object::MaterializedView, "v"), vec!["view v"]),
            (difference(DifferenceKind::Missing, Object::MaterializedView, "v"), vec!["view v", "no-views"]),
            (extra(Object::ForeignTable, "a"), vec!["table a"]),
            (extra(Object::VirtualTable, "a"), vec!["table a"]),
            (extra(Object::Policy, "p"), vec!["policies", "table a"]),
            (different(Object::Table, "a", Aspect::Options), vec!["policies", "table a"]),
            (extra(Object::Rule, "r"), vec!["rules", "table a"]),
            (extra(Object::Exclusion, "e"), vec!["exclusions", "table a"]),
            (extra(Object::Comment, "comment on table \"A\""), vec!["comments", "table a"]),
            (extra(Object::Comment, "comment on column x of view v"), vec!["comments", "view v"]),
            (extra(Object::Comment, "comment on trigger t on table a"), vec!["comments", "table a"]),
            (extra(Object::Comment, "comment on table aa"), vec!["comments"]),
            (different(Object::Table, "a", Aspect::ColumnOrder), vec!["column-order", "table a"]),
            (different(Object::Check, "c", Aspect::Validity), vec!["not-valid", "no-checks", "table a"]),
            (different(Object::ForeignKey, "c", Aspect::Validity), vec!["not-valid", "no-foreign-keys", "table a"]),
            (extra(Object::Check, "c"), vec!["table a"]),
        ];
        let words = "no-foreign-keys, no-indexes, no-checks, no-unique, no-views, types, defaults, nullability, table a, \
                     index i, view v, not-valid, column-order, triggers, functions, sequences, policies, rules, exclusions, \
                     comments, trigger T, function F, function f(n integer)";
        for (difference, covering) in all {
            for word in words.split(", ") {
                let declared = Declared::parse(word).expect("a declaration");
                let covers = declared.iter().any(|declared| declared.covers(&difference, true));
                assert_eq!(covers, covering.contains(&word), "{word}: {difference}");
            }
        }
    }
}
