//! Defaults that their own type refuses: the server reads the text of a constant when the column is made, and counts the
//! letters of one when a row takes it.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::{Alter, Judge};
use super::types::{self, DataType};
use super::{bounds, tree};

pub(super) static DEFAULT: Rule = Rule {
    name: "default-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A default that its column's type does not read: '' for a number, a boolean, json, uuid or array; a label that the enum has not; a text longer than varchar(n); a number out of range; an identity that is no whole number, or has a default besides",
    reason: "The statement fails; a text that is too long, or a number that is too large, lets each INSERT fail that leaves the column away.",
    help: "Write a value of the type: 0, false, '{}', or no default at all.",
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
    if let (Some(number), Some((least, most)), false) =
        (bounds::number(&expression), range_of(data_type), expression.kind() == K::CAST_EXPR)
    {
        if !(least..=most).contains(&number) {
            judge.report(&DEFAULT, node, format!("{number} is out of the range of {}", data_type.name));
        }
        return;
    }
    let (literal, data_type, is_cast) = match expression.kind() {
        K::LITERAL => (expression, data_type.clone(), false),
        K::CAST_EXPR => {
            let literal = expression.children().next().map(tree::inner).filter(|inside| inside.kind() == K::LITERAL);
            let target = types::type_node(&expression).map(|node| DataType::parse(&tree::words(&node)));
            match (literal, target) {
                (Some(literal), Some(target)) => (literal, target, true),
                _ => return,
            }
        }
        _ => return,
    };
    if !tree::words(&literal).contains(['\'', '$']) {
        return;
    }
    let Some(text) = tree::literal(&literal) else { return };
    if let Some(message) = refused(judge, &data_type, &text, is_cast) {
        judge.report(&DEFAULT, node, message);
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
fn refused(judge: &Judge<'_>, data_type: &DataType, text: &str, is_cast: bool) -> Option<String> {
    let name = data_type.name.as_str();
    let says = |fits: bool| (!fits).then(|| format!("'{text}' is no {name}"));
    if data_type.array {
        // `[1:2]={1,2}` says where the array begins.
        let text = text.trim_start();
        let fits = text.starts_with('{') || text.starts_with('[') && text.contains('=');
        return (!fits).then(|| format!("'{text}' is no array: an empty one is '{{}}'"));
    }
    match name {
        "smallint" | "integer" | "bigint" => {
            range_of(data_type).and_then(|(least, most)| says(is_integer(text, least, most)))
        }
        "numeric" | "float4" | "float8" | "date" | "time" | "timestamp" | "timestamptz" | "interval" | "inet" => {
            says(!text.trim().is_empty())
        }
        "boolean" => says(boolean(text).is_some()),
        "json" | "jsonb" => says(is_json(text)),
        "uuid" => says(is_uuid(text)),
        "varchar" | "char" if !is_cast => {
            let most = usize::try_from(*data_type.arguments.first()?).ok()?;
            // Blanks at the end are cut off.
            let length = text.trim_end_matches(' ').chars().count();
            (length > most).then(|| format!("'{text}' has {length} letters, and {name}({most}) takes {most}"))
        }
        _ => {
            let labels = judge.session.enum_called(name)?;
            (!labels.contains(text)).then(|| format!("the enum {name} has no '{text}'"))
        }
    }
}

fn is_integer(text: &str, least: i128, most: i128) -> bool {
    let text = text.trim_matches(|letter: char| letter.is_ascii_whitespace() || letter == '\u{b}');
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // From 16 on there are other ways to write a number.
    let other =
        digits.contains('_') || digits.len() > 2 && digits.starts_with('0') && !digits.as_bytes()[1].is_ascii_digit();
    let number = || text.parse::<i128>().is_ok_and(|number| (least..=most).contains(&number));
    other || digits.starts_with(|first: char| first.is_ascii_digit()) && number()
}

/// A boolean as the server reads it: a word, or as much of it as says which.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let begins = |word: &str| !text.is_empty() && word.starts_with(&text);
    match text.as_str() {
        "o" => None,
        "1" => Some(true),
        "0" => Some(false),
        "on" => Some(true),
        _ if begins("true") || begins("yes") => Some(true),
        _ if begins("false") || begins("no") || begins("off") => Some(false),
        _ => None,
    }
}

/// Whether a text may be JSON. Of numbers without bounds, of depth and of halves of characters the server thinks otherwise than
/// the reader here.
fn is_json(text: &str) -> bool {
    const DEEP: usize = 100;
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => true,
        Err(error) => {
            text.contains("\\u")
                || text.matches(['[', '{']).count() > DEEP
                || error.to_string().contains("out of range")
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let text = text.strip_prefix('{').map_or(Some(text), |inside| inside.strip_suffix('}'));
    let Some(text) = text else { return false };
    let mut digits = 0;
    for letter in text.chars() {
        match letter {
            _ if letter.is_ascii_hexdigit() => digits += 1,
            '-' if digits % 4 == 0 && (1..32).contains(&digits) => {}
            _ => return false,
        }
    }
    digits == 32 && !text.contains("--") && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As seen on 14, 17 and 18.
    #[test]
    fn texts_are_read_as_the_server_reads_them() {
        for (text, value) in [
            (" Yes ", Some(true)),
            ("tr", Some(true)),
            ("of", Some(false)),
            ("on", Some(true)),
            ("1", Some(true)),
            ("o", None),
            ("", None),
            ("maybe", None),
        ] {
            assert_eq!(boolean(text), value, "{text}");
        }
        for (text, fits) in
            [(" 5 ", true), ("+5", true), ("-5", true), ("", false), ("1.5", false), ("1e3", false), ("40000", false)]
        {
            assert_eq!(is_integer(text, -32768, 32767), fits, "{text}");
        }
        assert!(is_integer("0x1F", 0, 99) && is_integer("1_000", 0, 9999) && is_integer("007", 0, 9));
        for (text, fits) in [
            ("{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", true),
            ("a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", true),
            ("00000000-0000-0000-0000-00000000000g", false),
            ("", false),
        ] {
            assert_eq!(is_uuid(text), fits, "{text}");
        }
        for (text, fits) in
            [("{}", true), ("{\"a\": 1e400}", true), ("null", true), ("", false), ("{a:1}", false), ("[1,2", false)]
        {
            assert_eq!(is_json(text), fits, "{text}");
        }
    }
}
