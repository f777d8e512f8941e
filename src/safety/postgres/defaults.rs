//! Whether a default is the same for all rows that exist.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::{SourceFile, SyntaxNode};

use super::session::Session;
use super::tree;

/// How a default's value comes about.
#[derive(Debug, Clone, std::default::Default, PartialEq, Eq)]
pub(super) enum Default {
    /// NULL, which is no default.
    #[default]
    Null,
    /// Computed once, when the column is added.
    Once,
    /// Computed for each row, by this function.
    EachRow(String),
    /// By this function, of which the files do not say what it is.
    Unknown(String),
}

/// What looks like a call and is grammar, or a type; and functions of extensions that are not volatile.
const CALM: &[&str] = &[
    "array",
    "bool",
    "boolean",
    "bytea",
    "cast",
    "citext",
    "coalesce",
    "collation",
    "crypt",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "digest",
    "exists",
    "extract",
    "greatest",
    "grouping",
    "hmac",
    "hstore",
    "inet",
    "interval",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_value",
    "jsonb",
    "least",
    "localtime",
    "localtimestamp",
    "merge_action",
    "normalize",
    "nullif",
    "row",
    "session_user",
    "similarity",
    "system_user",
    "trim",
    "unaccent",
    "user",
    "uuid",
    "uuid_generate_v3",
    "uuid_generate_v5",
    "uuid_nil",
    "uuid_ns_dns",
    "uuid_ns_oid",
    "uuid_ns_url",
    "uuid_ns_x500",
    "xmlconcat",
    "xmlelement",
    "xmlforest",
    "xmlparse",
    "xmlserialize",
];

/// Functions of extensions that are volatile.
const VOLATILE: &[&str] = &[
    "gen_random_bytes",
    "gen_salt",
    "gen_ulid",
    "nanoid",
    "ulid_generate",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuid_generate_v7",
];

/// Functions of extensions that give a value, volatile or not.
const EXTENSIONS: &[&str] = &[
    "akeys",
    "armor",
    "avals",
    "cosine_distance",
    "cube",
    "daitch_mokotoff",
    "dearmor",
    "decrypt",
    "difference",
    "dmetaphone",
    "each",
    "earth_distance",
    "encrypt",
    "geometry",
    "h3_lat_lng_to_cell",
    "hstore_to_json",
    "hstore_to_jsonb",
    "idx",
    "index",
    "inner_product",
    "l2_distance",
    "lca",
    "levenshtein",
    "ll_to_earth",
    "metaphone",
    "nlevel",
    "pgp_pub_decrypt",
    "pgp_pub_encrypt",
    "pgp_sym_decrypt",
    "pgp_sym_encrypt",
    "show_trgm",
    "skeys",
    "slice",
    "soundex",
    "strict_word_similarity",
    "subltree",
    "subpath",
    "svals",
    "text2ltree",
    "time_bucket",
    "ulid",
    "uuidv7",
    "vector",
    "word_similarity",
];

/// The functions that come with Postgres, each with its marks: `*` where it is volatile, `!` where it is never immutable.
static BUILT_IN: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("functions.txt").lines().filter(|line| !line.starts_with('#'));
    let marked = |word: &'static str| word.split_at(word.find(['*', '!']).unwrap_or(word.len()));
    lines.flat_map(str::split_whitespace).map(marked).collect()
});

/// Whether a function comes with Postgres, volatile or not, or is known as harmless as those that are not.
pub(super) fn is_known(function: &str) -> bool {
    BUILT_IN.contains_key(function) || CALM.contains(&function)
}

/// Whether a call only gives a value: of a function that comes with Postgres, or of a well-known extension's, in whichever
/// schema that is.
pub(super) fn is_harmless(call: &SyntaxNode, function: &str) -> bool {
    let extension = CALM.contains(&function) || VOLATILE.contains(&function) || EXTENSIONS.contains(&function);
    // PostGIS calls all that measures and makes shapes so.
    extension || function.starts_with("st_") || (BUILT_IN.contains_key(function) && is_builtin(call))
}

/// Whether there is a function of that name that comes with Postgres.
pub(super) fn is_of_server(function: &str) -> bool {
    BUILT_IN.contains_key(function)
}

fn is_volatile(function: &str) -> bool {
    VOLATILE.contains(&function) || is_marked(function, '*')
}

/// Whether a function that comes with Postgres is immutable with no arguments, and in no version.
pub(super) fn is_never_immutable(function: &str) -> bool {
    is_marked(function, '!')
}

fn is_marked(function: &str, mark: char) -> bool {
    BUILT_IN.get(function).is_some_and(|marks| marks.contains(mark))
}

/// What a default's expression is.
pub(super) fn of(session: &Session<'_>, default: &SyntaxNode) -> Default {
    if is_null(default) {
        return Default::Null;
    }
    let mut found = Default::Once;
    for call in tree::below(default, K::CALL_EXPR) {
        let Some(function) = called(&call) else { continue };
        let built_in = is_builtin(&call);
        match session.routine(&function) {
            Some(routine) if !routine.calm => return Default::EachRow(function),
            _ if is_volatile(&function) => return Default::EachRow(function),
            Some(_) => {}
            None if is_known(&function) && built_in => {}
            None if session.volatile.contains(&function) => return Default::EachRow(function),
            None => found = Default::Unknown(function),
        }
    }
    found
}

/// Whether a default is NULL, with a cast or without.
pub(super) fn is_null(default: &SyntaxNode) -> bool {
    let mut expressions = default.children().filter(|child| child.kind() != K::CONSTRAINT_NAME_CLAUSE);
    let only = expressions.next().filter(|_| expressions.next().is_none()).map(|only| bare(&only));
    only.is_some_and(|only| only.kind() == K::LITERAL && tree::words(&only) == "null")
}

/// What a default is that the catalogue says as an expression.
pub(super) fn of_text(session: &Session<'_>, expression: &str) -> Default {
    let parsed = SourceFile::parse(&format!("ALTER TABLE t ADD c text DEFAULT {expression}"));
    let root = parsed.syntax_node();
    let default = tree::below(&root, K::DEFAULT_CONSTRAINT).next();
    default.map_or_else(|| Default::Unknown(expression.to_owned()), |default| of(session, &default))
}

fn bare(expression: &SyntaxNode) -> SyntaxNode {
    let expression = tree::inner(expression.clone());
    match expression.kind() {
        K::CAST_EXPR => expression.children().next().map_or(expression, |inside| bare(&inside)),
        _ => expression,
    }
}

/// The function of a call by its last name; nothing for what only the grammar knows (EXTRACT, COALESCE and their like).
pub(super) fn called(call: &SyntaxNode) -> Option<String> {
    call.children()
        .find(|child| matches!(child.kind(), K::NAME_REF | K::FIELD_EXPR))
        .and_then(|name| tree::column(&name))
}

/// Whether a call names no schema, or that of the functions that come with Postgres.
pub(super) fn is_builtin(call: &SyntaxNode) -> bool {
    let named = call.children().find(|child| child.kind() == K::FIELD_EXPR);
    named.is_none_or(|named| {
        tree::below(&named, K::NAME_REF).next().is_some_and(|schema| tree::name(&schema) == "pg_catalog")
    })
}
