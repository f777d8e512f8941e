//! Whether a default is the same for all rows that exist.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::judge::Judge;
use super::tree;

/// How a default's value comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Default {
    /// NULL, which is no default.
    Null,
    /// Computed once, when the column is added.
    Once,
    /// Computed for each row, by this function.
    EachRow(String),
    /// By this function, of which the files do not say what it is.
    Unknown(String),
}

/// Functions that come with Postgres, are not volatile, and are used in defaults.
const CALM: &[&str] = &[
    "abs",
    "age",
    "array",
    "array_fill",
    "bit_length",
    "bool",
    "btrim",
    "ceil",
    "ceiling",
    "char_length",
    "chr",
    "coalesce",
    "concat",
    "concat_ws",
    "current_catalog",
    "current_database",
    "current_date",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_time",
    "current_timestamp",
    "current_user",
    "date",
    "date_bin",
    "date_part",
    "date_trunc",
    "daterange",
    "decode",
    "digest",
    "div",
    "encode",
    "exp",
    "extract",
    "floor",
    "format",
    "gen_salt",
    "greatest",
    "hashtext",
    "inet",
    "inet_client_addr",
    "initcap",
    "int4",
    "int4range",
    "int8",
    "int8range",
    "interval",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object",
    "json_object",
    "least",
    "left",
    "length",
    "localtime",
    "localtimestamp",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "make_time",
    "make_timestamp",
    "make_timestamptz",
    "md5",
    "mod",
    "now",
    "nullif",
    "num_nonnulls",
    "numeric",
    "numrange",
    "octet_length",
    "overlay",
    "pg_backend_pid",
    "point",
    "position",
    "power",
    "quote_ident",
    "quote_literal",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row",
    "row_to_json",
    "rpad",
    "rtrim",
    "session_user",
    "sha256",
    "sha512",
    "sign",
    "split_part",
    "sqrt",
    "statement_timestamp",
    "strpos",
    "substr",
    "substring",
    "text",
    "timestamp",
    "timestamptz",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trim",
    "trunc",
    "tsrange",
    "tstzrange",
    "txid_current",
    "pg_current_xact_id",
    "upper",
    "user",
    "uuid_nil",
    "uuid_ns_dns",
    "uuid_ns_url",
    "varchar",
    "width_bucket",
];

/// Functions that are volatile wherever they come from.
const VOLATILE: &[&str] = &[
    "random",
    "random_normal",
    "gen_random_uuid",
    "gen_random_bytes",
    "uuidv4",
    "uuidv7",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuid_generate_v7",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "setval",
    "currval",
    "lastval",
    "pg_sleep",
    "ulid_generate",
    "gen_ulid",
    "nanoid",
    "txid_status",
];

/// Functions of which a row need not be asked: what SELECT may call without being asked what it does.
pub(super) fn is_calm(function: &str) -> bool {
    CALM.contains(&function)
}

/// What a default's expression is.
pub(super) fn of(judge: &Judge<'_>, default: &SyntaxNode) -> Default {
    let expressions: Vec<SyntaxNode> =
        default.children().filter(|child| child.kind() != K::CONSTRAINT_NAME_CLAUSE).collect();
    if let [only] = expressions.as_slice() {
        let bare = bare(only);
        if bare.kind() == K::LITERAL && tree::words(&bare) == "null" {
            return Default::Null;
        }
    }
    let mut found = Default::Once;
    for call in tree::below(default, K::CALL_EXPR) {
        let Some(function) = called(&call) else { continue };
        if VOLATILE.contains(&function.as_str()) {
            return Default::EachRow(function);
        }
        match judge.session.routine(&function) {
            Some(routine) if routine.calm => {}
            Some(_) => return Default::EachRow(function),
            None if is_calm(&function) && is_builtin(&call) => {}
            None => found = Default::Unknown(function),
        }
    }
    found
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
fn is_builtin(call: &SyntaxNode) -> bool {
    let named = call.children().find(|child| child.kind() == K::FIELD_EXPR);
    named.is_none_or(|named| {
        tree::below(&named, K::NAME_REF).next().is_some_and(|schema| tree::name(&schema) == "pg_catalog")
    })
}
