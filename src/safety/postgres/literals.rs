//! Defaults that their own type refuses: the server reads the text of a constant when the column is made, and counts the
//! letters of one when a row takes it.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::{Alter, Judge};
use super::session::UserType;
use super::types::DataType;
use super::{bounds, casts, readable, tree};

pub(super) static DEFAULT: Rule = Rule {
    name: "default-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A default that its column's type does not read: '' for a number, a boolean, json, uuid or array; a label that the enum has not; a value of another type, as 0 for a boolean or a text for jsonb; a text longer than varchar(n); a number out of range, or too large for numeric(n); an identity that is no whole number, or has a default besides",
    reason: "The statement fails; a text that is too long, or a number that is too large, lets each INSERT fail that leaves the column away.",
    help: "Write a value of the type: 0, false (which SQLite takes for a boolean too), '{}', or no default at all.",
    source: "https://www.postgresql.org/docs/current/ddl-default.html",
};

/// The columns of a new table.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if node.kind() == K::CREATE_TABLE {
        for column in tree::below(node, K::COLUMN).collect::<Vec<_>>() {
            of_column(judge, &column);
        }
    }
}

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    match action.kind() {
        K::ADD_COLUMN => of_column(judge, action),
        K::ALTER_COLUMN if judge.session.blocks == 0 => {
            // The server changes types first.
            let changes_type = alter.actions.iter().any(|action| tree::has(action, K::SET_TYPE));
            let column = tree::child_name(action, K::COLUMN_NAME_REF);
            let data_type = column.and_then(|column| judge.session.column_type(&alter.table, &column));
            if let (Some(set), Some(data_type), false) = (tree::child(action, K::SET_DEFAULT), data_type, changes_type)
            {
                default(judge, &set, &data_type);
            }
        }
        _ => {}
    }
}

fn of_column(judge: &mut Judge<'_>, column: &SyntaxNode) {
    if let Some(identity) = tree::below(column, K::GENERATED_IDENTITY).next() {
        let data_type = DataType::of(column);
        let numbers = ["smallint", "integer", "bigint"];
        let is_other = |of: &DataType| of.is_built_in() && (of.array || !numbers.contains(&of.name.as_str()));
        let message = if data_type.as_ref().is_some_and(DataType::is_serial) {
            Some("an identity takes no other default".to_owned())
        } else {
            data_type.filter(is_other).map(|of| format!("an identity is a whole number, and no {}", of.name))
        };
        if let Some(message) = message {
            judge.report(&DEFAULT, &identity, message);
        }
    }
    if let (Some(set), Some(data_type)) = (tree::child(column, K::DEFAULT_CONSTRAINT), DataType::of(column)) {
        default(judge, &set, &data_type);
    }
}

fn default(judge: &mut Judge<'_>, node: &SyntaxNode, data_type: &DataType) {
    let mut expressions = node.children().filter(|child| child.kind() != K::CONSTRAINT_NAME_CLAUSE);
    let Some(expression) = expressions.next().filter(|_| expressions.next().is_none()).map(tree::inner) else { return };
    if let Some(message) = refusal(judge, &expression, data_type) {
        judge.report(&DEFAULT, node, message);
    }
}

/// Why a column of a type takes no value of an expression.
fn refusal(judge: &Judge<'_>, expression: &SyntaxNode, data_type: &DataType) -> Option<String> {
    let literal = match expression.kind() {
        K::CAST_EXPR => expression.children().next().map(tree::inner),
        _ => Some(expression.clone()),
    };
    let is_cast = expression.kind() == K::CAST_EXPR;
    let own = casts::type_of(&judge.session, expression);
    // The text of a literal, which is read as the type that it is cast to.
    let literal = literal.filter(|literal| literal.kind() == K::LITERAL);
    let is_text = literal.as_ref().is_some_and(|literal| tree::words(literal).contains(['\'', '$']));
    let text = literal.as_ref().filter(|_| is_text).and_then(tree::literal);
    let read_as = if is_cast { own.as_ref() } else { Some(data_type) };
    if let Some(message) = text.as_deref().zip(read_as).and_then(|(text, of)| unread(judge, of, text)) {
        return Some(message);
    }
    if expression.kind() == K::ARRAY_EXPR && expression.children().next().is_none() {
        return Some("the type of an empty ARRAY[] is not known without a cast".to_owned());
    }
    if let Some(own) = own.as_ref().filter(|own| casts::is_refused(&judge.session, own, data_type)) {
        let shown = |of: &DataType| format!("{}{}", of.name, if of.array { "[]" } else { "" });
        return Some(format!("the default is {}, and no {}", shown(own), shown(data_type)));
    }
    let number = bounds::number(expression);
    let narrowed = own.as_ref().filter(|_| is_cast).unwrap_or(data_type);
    if let (Some(number), Some((least, most)), false) = (number, range_of(narrowed), is_text) {
        return (!(least..=most).contains(&number))
            .then(|| format!("{number} is out of the range of {}", narrowed.name));
    }
    // What is cast has been made as long as it was cast to.
    let is_bounded = own.is_some_and(|own| is_cast && !own.arguments.is_empty());
    let written = text.or_else(|| (!is_cast).then(|| tree::words(expression).replace(' ', "")))?;
    let is_value = is_text || number.is_some() || written.trim_start_matches('-').parse::<f64>().is_ok();
    if is_bounded || !is_value { None } else { too_long(data_type, &written, is_text) }
}

/// Why a value is too long, or too large, for the bounds that a type has.
fn too_long(data_type: &DataType, written: &str, is_text: bool) -> Option<String> {
    let name = data_type.name.as_str();
    match (name, data_type.arguments.as_slice()) {
        _ if data_type.array => None,
        ("varchar" | "char", [most, ..]) => {
            let most = usize::try_from(*most).ok()?;
            // Blanks at the end are cut off.
            let length = written.trim_end_matches(' ').chars().count();
            (length > most).then(|| format!("'{written}' has {length} letters, and {name}({most}) takes {most}"))
        }
        ("numeric", [precision, rest @ ..]) => {
            let scale = rest.first().copied().unwrap_or(0);
            let (precision, scale) = (i32::try_from(*precision).ok()?, i32::try_from(scale).ok()?);
            let value: f64 = written.trim().parse().ok()?;
            // What a float tells exactly.
            let is_told = (0..=precision).contains(&scale) && precision <= 15 && !value.is_nan();
            let rounded = (value.abs() * 10f64.powi(scale)).round();
            let quote = if is_text { "'" } else { "" };
            (is_told && rounded >= 10f64.powi(precision))
                .then(|| format!("{quote}{written}{quote} is too large for numeric({precision},{scale})"))
        }
        _ => None,
    }
}

/// The least and the greatest number of a type.
fn range_of(data_type: &DataType) -> Option<(i128, i128)> {
    match data_type.name.as_str() {
        _ if data_type.array => None,
        "smallint" => Some((i16::MIN.into(), i16::MAX.into())),
        "integer" => Some((i32::MIN.into(), i32::MAX.into())),
        "bigint" => Some((i64::MIN.into(), i64::MAX.into())),
        _ => None,
    }
}

/// Why a type does not read a text, where that is sure.
fn unread(judge: &Judge<'_>, data_type: &DataType, text: &str) -> Option<String> {
    let name = data_type.name.as_str();
    let says = |fits: bool| (!fits).then(|| format!("'{text}' is no {name}"));
    if data_type.array {
        // `[1:2]={1,2}` says where the array begins.
        let text = text.trim_start();
        let fits = text.starts_with('{') || text.starts_with('[') && text.contains('=');
        if !fits {
            return Some(format!("'{text}' is no array: an empty one is '{{}}'"));
        }
        let labels = judge.session.enum_called(name)?;
        let missing = readable::elements(text)?.into_iter().find(|element| !labels.contains(*element))?;
        return Some(format!("the enum {name} has no '{missing}'"));
    }
    match name {
        "smallint" | "integer" | "bigint" => {
            range_of(data_type).and_then(|(least, most)| says(readable::is_integer(text, least, most)))
        }
        "numeric" => says(readable::is_number(text)),
        "float4" | "float8" => says(readable::is_number(text) && !text.contains('_')),
        "date" | "timestamp" | "timestamptz" => says(readable::is_moment(text)),
        "time" | "timetz" => says(readable::is_time(text)),
        "interval" => says(readable::is_interval(text)),
        "inet" => says(readable::is_address(text.trim())),
        "money" => says(readable::is_amount(text)),
        "point" | "line" | "lseg" | "box" | "path" | "polygon" | "circle" => says(readable::is_shape(text)),
        "int4range" | "int8range" | "numrange" | "daterange" | "tsrange" | "tstzrange" => {
            says(readable::is_range(text))
        }
        "boolean" => says(readable::boolean(text).is_some()),
        "json" | "jsonb" => says(readable::is_json(text)),
        "uuid" => says(readable::is_uuid(text)),
        _ => match judge.session.type_of_name(name)? {
            UserType::Enum(labels) => (!labels.contains(text)).then(|| format!("the enum {name} has no '{text}'")),
            UserType::Domain(domain) => domain.base.as_ref().and_then(|base| unread(judge, base, text)),
            UserType::Composite => says(readable::is_record(text)),
            UserType::Range => says(readable::is_range(text)),
            UserType::Other => None,
        },
    }
}
