//! What an overlay says of how its engine differs: `-- charter: differs WHAT`.

use super::{Aspect, Difference, DifferenceKind, Object};
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
    Named(Object, String),
}

const WORDS: &str = "no-foreign-keys, no-indexes, no-checks, no-unique, no-views, types, defaults, nullability, table NAME, \
                     index NAME and view NAME";

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
            ("table", name) if !name.is_empty() => named(Object::Table),
            ("index", name) if !name.is_empty() => named(Object::Index),
            ("view", name) if !name.is_empty() => named(Object::View),
            _ => {
                return Err(format!(
                    "{text:?} is nothing that an engine can differ in; there are {WORDS}, one on a line"
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
        match self {
            Self::Lacking(object) => difference.object == *object && lacks,
            Self::Types => matches!(difference.aspect, Some(Aspect::Type | Aspect::Collation)),
            Self::Defaults => {
                matches!(difference.aspect, Some(Aspect::Default | Aspect::Generated | Aspect::Identity))
            }
            Self::Nullability => difference.aspect == Some(Aspect::Nullability),
            Self::Named(object, name) => {
                let is = |other: &str| other.to_lowercase() == *name;
                difference.object == *object && is(&difference.name)
                    || *object == Object::Table && difference.table.as_deref().is_some_and(is)
            }
        }
    }
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
                   index I, view v";
        let parsed = Declared::parse(all).expect("declarations");
        assert_eq!(parsed.len(), 11);
        assert_eq!(parsed[8], Declared::Named(Object::Table, "a b".to_owned()));
        for wrong in ["", "no-primary-keys", "types of a", "table", "no-indexes, ", "TABLE x"] {
            assert!(Declared::parse(wrong).is_err(), "{wrong}");
        }
    }
}
