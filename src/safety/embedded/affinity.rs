//! Which values SQLite changes without a word when they come into a column of another type.

/// What a column turns values into, by the name of its type.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
    /// What `JSON` says: objects and arrays are no numbers.
    Json,
}

/// The affinity of a type's name, by the rules of SQLite's documentation, in their order.
fn affinity(data_type: &str) -> Affinity {
    let name = data_type.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    match () {
        () if has(&["int"]) => Affinity::Integer,
        () if has(&["char", "clob", "text"]) => Affinity::Text,
        () if name.is_empty() || has(&["blob"]) => Affinity::Blob,
        () if has(&["real", "floa", "doub"]) => Affinity::Real,
        () if name.starts_with("json") => Affinity::Json,
        () => Affinity::Numeric,
    }
}

/// Whether values of a column change in one of another type, or by a CAST to it, which forces them.
pub(in crate::safety) fn converts(from: &str, to: &str, is_cast: bool) -> bool {
    use Affinity::{Blob, Integer, Json, Numeric, Real, Text};
    match (affinity(from), affinity(to)) {
        (from, to) if from == to => false,
        // Text that looks like a number becomes one.
        (Text | Blob, Integer | Real | Numeric) => true,
        (Text | Blob, Json) | (Json, _) => is_cast,
        // A number has more digits than its text shows.
        (Real, Text) => true,
        // A large whole number is not exact any more.
        (Integer | Numeric, Real) => true,
        (Real | Numeric, Integer) => is_cast,
        _ => false,
    }
}
