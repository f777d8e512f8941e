//! What in an expression may change while the row does not: functions, operators and casts that are not immutable.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::inferred::{Scope, arguments, is_literal, is_string, operands};
use super::names::{VALUES, is_query};
use super::types::{self, DataType};
use super::{defaults, tree};

/// Types of moments.
const MOMENTS: [&str; 3] = ["date", "timestamp", "timestamptz"];

/// What in an expression is surely not immutable, and how it is called.
pub(super) fn changing(scope: &Scope<'_>, node: &SyntaxNode) -> Option<(SyntaxNode, String)> {
    if is_query(node) {
        return None;
    }
    let own = match node.kind() {
        K::CALL_EXPR => call(scope, node),
        K::CAST_EXPR => cast(scope, node),
        K::BIN_EXPR => operator(scope, node),
        K::BETWEEN_EXPR => {
            let own = node.children().next();
            own.and_then(|own| node.children().skip(1).find_map(|bound| compared(scope, &own, &bound)))
        }
        K::NAME_REF => {
            tree::tokens(node).find(|token| VALUES.contains(&token.kind())).map(|token| token.text().to_lowercase())
        }
        _ => None,
    };
    match own {
        Some(what) => Some((node.clone(), what)),
        None => node.children().find_map(|child| changing(scope, &child)),
    }
}

fn call(scope: &Scope<'_>, call: &SyntaxNode) -> Option<String> {
    // As pg_proc says of 14 to 18: immutable with another number of arguments alone.
    const BY_COUNT: [(&str, usize); 7] = [
        ("age", 1),
        ("phraseto_tsquery", 1),
        ("plainto_tsquery", 1),
        ("to_timestamp", 2),
        ("to_tsquery", 1),
        ("to_tsvector", 1),
        ("websearch_to_tsquery", 1),
    ];
    // Not immutable of a time with a time zone; a date is made one for the last.
    const BY_ZONE: [(&str, usize, bool); 3] = [("date", 1, false), ("date_part", 2, false), ("date_trunc", 2, true)];
    let named = |value: &SyntaxNode| scope.type_of(value).filter(|data_type| !data_type.array).map(|own| own.name);
    if let Some(extract) = tree::child(call, K::EXTRACT_FN) {
        let zoned = extract.children().last().and_then(|value| named(&value)).is_some_and(|own| own == "timestamptz");
        return zoned.then(|| "extract() from a timestamptz".to_owned());
    }
    let name = defaults::called(call)?;
    // One that the server has is called by its name alone, whatever others there are.
    let mutable = !defaults::is_of_server(&name) || !defaults::is_builtin(call);
    if mutable && scope.session.is_mutable(&name).unwrap_or(name == "unaccent") {
        return Some(format!("{name}()"));
    }
    if !scope.is_servers(call, &name) {
        return None;
    }
    let arguments = arguments(call);
    let counted = |known: &[(&str, usize)]| known.contains(&(name.as_str(), arguments.len()));
    if defaults::is_never_immutable(&name) || counted(&BY_COUNT) {
        return Some(format!("{name}()"));
    }
    if let ("age", [one, other]) = (name.as_str(), arguments.as_slice()) {
        let dates = named(one).zip(named(other));
        let made = |own: &str, other: &str| own == "date" && matches!(other, "date" | "timestamptz");
        let made = dates.is_some_and(|(one, other)| made(&one, &other) || made(&other, &one));
        return made.then(|| "age() of a date, which is made a timestamptz,".to_owned());
    }
    let by_zone = BY_ZONE.iter().find(|(own, count, _)| *own == name && *count == arguments.len())?;
    match named(arguments.last()?)?.as_str() {
        "timestamptz" => Some(format!("{name}() of a timestamptz")),
        "date" if by_zone.2 => Some(format!("{name}() of a date, which is made a timestamptz,")),
        _ => None,
    }
}

fn cast(scope: &Scope<'_>, cast: &SyntaxNode) -> Option<String> {
    let written = types::type_node(cast)?;
    let target = DataType::parse(&tree::words(&written));
    let value = cast.children().find(|part| *part != written && part.kind() != K::COLON_COLON)?;
    let source = scope.type_of(&value)?;
    is_mutable_cast(scope, &source, &target).then(|| format!("the cast of {} to {}", shown(&source), shown(&target)))
}

fn shown(data_type: &DataType) -> String {
    let name = data_type.name.replace(" . ", ".");
    if data_type.array { format!("{name}[]") } else { name }
}

/// Whether a cast is surely not immutable, as `pg_cast` says of 14 to 18, and of the others, which go by a text, `pg_type` by
/// its functions of input and output.
fn is_mutable_cast(scope: &Scope<'_>, from: &DataType, to: &DataType) -> bool {
    const CASTS: [(&str, &[&str]); 8] = [
        ("date", &["timestamptz"]),
        ("integer", &["money"]),
        ("bigint", &["money"]),
        ("money", &["numeric"]),
        ("numeric", &["money"]),
        ("time", &["timetz"]),
        ("timestamp", &["timestamptz"]),
        ("timestamptz", &["date", "time", "timestamp", "timetz"]),
    ];
    match (is_string(from), is_string(to)) {
        (true, true) => false,
        (false, true) => from.array || goes_by_settings(scope, from, false),
        (true, false) => to.array || goes_by_settings(scope, to, true),
        (false, false) => {
            let known = |(own, others): &(&str, &[&str])| *own == from.name && others.contains(&to.name.as_str());
            !from.array && !to.array && CASTS.iter().any(known)
        }
    }
}

/// Whether how a type is read, or written, is not immutable.
fn goes_by_settings(scope: &Scope<'_>, data_type: &DataType, read: bool) -> bool {
    const BOTH: [&str; 27] = [
        "date",
        "datemultirange",
        "daterange",
        "int4multirange",
        "int4range",
        "int8multirange",
        "int8range",
        "money",
        "nummultirange",
        "numrange",
        "regclass",
        "regcollation",
        "regconfig",
        "regdictionary",
        "regnamespace",
        "regoper",
        "regoperator",
        "regproc",
        "regprocedure",
        "regrole",
        "regtype",
        "timestamp",
        "timestamptz",
        "tsmultirange",
        "tsrange",
        "tstzmultirange",
        "tstzrange",
    ];
    match data_type.name.as_str() {
        "time" | "timetz" | "xml" => read,
        "interval" => read || scope.version >= 15,
        name => BOTH.contains(&name) || scope.is_enum(data_type),
    }
}

/// As `pg_operator` says of 14 to 18.
fn operator(scope: &Scope<'_>, expression: &SyntaxNode) -> Option<String> {
    let (left, operator, right) = operands(expression)?;
    let named = |side: &SyntaxNode| scope.type_of(side).filter(|side| !side.array).map(|side| side.name);
    let of = |left: &str, right: &str| Some(format!("{left} {operator} {right}"));
    match operator.as_str() {
        "=" | "<>" | "!=" | "<" | "<=" | ">" | ">=" => compared(scope, &left, &right),
        "in" | "notin" => right.children().find_map(|value| compared(scope, &left, &value)),
        "+" | "-" => match (named(&left)?.as_str(), named(&right)?.as_str()) {
            ("timestamptz", "interval") => of("timestamptz", "interval"),
            ("interval", "timestamptz") if operator == "+" => of("interval", "timestamptz"),
            (own, other) if operator == "-" && are_unlike(own, other) => of(own, other),
            _ => None,
        },
        "@@" => {
            let (own, other) = (scope.type_of(&left)?, scope.type_of(&right));
            let searched = other.is_none_or(|other| is_string(&other) || other.name == "tsquery");
            (is_string(&own) && searched && (is_literal(&right) || scope.type_of(&right).is_some()))
                .then(|| "text @@".to_owned())
        }
        "||" => {
            let added = scope.is_concatenated(&left, &right)?;
            goes_by_settings(scope, &added, false).then(|| format!("{} as a text", shown(&added)))
        }
        "attimezone" => (named(&left)? == "date").then(|| "AT TIME ZONE of a date".to_owned()),
        _ => None,
    }
}

fn compared(scope: &Scope<'_>, left: &SyntaxNode, right: &SyntaxNode) -> Option<String> {
    let (left, right) = (scope.type_of(left)?, scope.type_of(right)?);
    let compared = !left.array && !right.array && are_unlike(&left.name, &right.name);
    compared.then(|| format!("comparing a {} with a {}", left.name, right.name))
}

/// Whether both are moments, and one alone is of a time zone.
fn are_unlike(left: &str, right: &str) -> bool {
    let moments = MOMENTS.contains(&left) && MOMENTS.contains(&right);
    moments && (left == "timestamptz") != (right == "timestamptz")
}
