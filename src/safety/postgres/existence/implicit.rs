//! The names that the server gives by itself.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::types::{self, DataType};
use super::super::{defaults, tree};

/// The bytes of a name that the server keeps.
const LONGEST: usize = 63;

/// A table's name, that of a column or nothing, and what the name is for, cut so that they fit.
pub(super) fn name(table: &str, column: &str, label: &str) -> String {
    let between = usize::from(!column.is_empty());
    let room = LONGEST.saturating_sub(label.len() + 1 + between);
    let (mut first, mut second) = (table.len(), column.len());
    while first + second > room {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let cut = |text: &str, length: usize| {
        let mut end = length;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text[..end].to_owned()
    };
    let middle = if column.is_empty() { String::new() } else { format!("_{}", cut(column, second)) };
    format!("{}{middle}_{label}", cut(table, first))
}

/// What an index without a name is called: after its table, its columns and expressions, and what it includes.
pub(in super::super) fn of_index(table: &str, index: &SyntaxNode) -> String {
    let items = tree::child(index, K::PARTITION_ITEM_LIST);
    let included = tree::child(index, K::INDEX_INCLUDE_CLAUSE);
    let included = included.and_then(|clause| tree::child(&clause, K::PARTITION_ITEM_LIST));
    let mut names: Vec<String> = Vec::new();
    for item in items.iter().chain(&included).flat_map(SyntaxNode::children) {
        let own = item.children().next().and_then(|part| of_expression(&part)).map(|(own, _)| own);
        let own = own.unwrap_or_else(|| "expr".to_owned());
        let mut numbered = std::iter::once(own.clone()).chain((1..).map(|number| format!("{own}{number}")));
        names.extend(numbered.find(|name| !names.contains(name)));
    }
    let mut all = String::new();
    for own in names {
        let between = if all.is_empty() { "" } else { "_" };
        all = format!("{all}{between}{own}");
        if all.len() > LONGEST {
            break;
        }
    }
    name(table, &all, "idx")
}

/// What the server calls an expression, if anything, and whether that is more than the name of a type or of a word of the grammar.
fn of_expression(expression: &SyntaxNode) -> Option<(String, bool)> {
    let inner = |kind: K| tree::child(expression, kind).and_then(|part| of_expression(&part.children().next()?));
    let first = || expression.children().next().and_then(|part| of_expression(&part));
    let word = |word: &str| Some((word.to_owned(), true));
    match expression.kind() {
        K::NAME_REF => Some((tree::name(expression), true)),
        K::FIELD_EXPR => Some((tree::name(&expression.children().last()?), true)),
        K::PAREN_EXPR | K::INDEX_EXPR | K::SLICE_EXPR | K::COLLATE => first(),
        K::CALL_EXPR => match expression.children().next()?.kind() {
            K::EXTRACT_FN => word("extract"),
            K::SUBSTRING_FN => word("substring"),
            K::POSITION_FN => word("position"),
            K::OVERLAY_FN => word("overlay"),
            K::TRIM_FN => word(match tree::words(expression) {
                words if words.contains("( leading") => "ltrim",
                words if words.contains("( trailing") => "rtrim",
                _ => "btrim",
            }),
            _ => defaults::called(expression).map(|function| (function, true)),
        },
        K::BIN_EXPR if tree::has(expression, K::AT_TIME_ZONE) => word("timezone"),
        K::CAST_EXPR => first().filter(|(_, is_strong)| *is_strong).or_else(|| {
            let data_type = tree::path(&types::type_node(expression)?).pop()?;
            let own = match data_type.as_str() {
                "int" | "integer" => "int4",
                "bigint" => "int8",
                "smallint" => "int2",
                "boolean" => "bool",
                "decimal" => "numeric",
                own => own,
            };
            Some((own.to_owned(), false))
        }),
        K::CASE_EXPR => inner(K::ELSE_CLAUSE).filter(|(_, is_strong)| *is_strong).or(Some(("case".to_owned(), false))),
        K::ARRAY_EXPR => word("array"),
        K::TUPLE_EXPR => word("row"),
        _ => None,
    }
}

/// What a constraint without a name is called after: the columns, and what it is; and whether an index of that name is made.
/// `own` is the column in whose definition it stands.
pub(super) fn of_constraint(constraint: &SyntaxNode, own: Option<&str>) -> Option<(String, &'static str, bool)> {
    let listed = || {
        let list = constraint.children().find_map(|child| match child.kind() {
            K::FOREIGN_KEY_COLUMN_LIST => Some(child),
            K::INDEX_PARAMETERS => tree::child(&child, K::CONSTRAINT_COLUMN_REF_LIST),
            _ => None,
        });
        list.map(|list| columns_of(&list).join("_")).unwrap_or_default()
    };
    let columns = || own.map_or_else(listed, str::to_owned);
    Some(match constraint.kind() {
        K::PRIMARY_KEY_CONSTRAINT => (String::new(), "pkey", true),
        K::UNIQUE_CONSTRAINT => (columns(), "key", true),
        K::FOREIGN_KEY_CONSTRAINT | K::REFERENCES_CONSTRAINT => (columns(), "fkey", false),
        K::CHECK_CONSTRAINT => {
            let mut named: Vec<String> = super::columns::bare(constraint).iter().map(tree::name).collect();
            named.sort();
            named.dedup();
            (if named.len() == 1 { named.remove(0) } else { String::new() }, "check", false)
        }
        _ => return None,
    })
}

/// The columns in a list.
pub(super) fn columns_of(list: &SyntaxNode) -> Vec<String> {
    list.children().filter(|child| child.kind() == K::COLUMN_NAME_REF).map(|column| tree::name(&column)).collect()
}

/// The types that a function takes in, with commas, as the server gives them; nothing where one is not the server's own.
pub(super) fn signature(list: &SyntaxNode) -> Option<String> {
    let mut takes = Vec::new();
    for parameter in list.children() {
        if parameter.kind() != K::PARAM || parameter.children().any(|mode| is_other_mode(mode.kind())) {
            return None;
        }
        takes.push(of_type(&DataType::of(&parameter)?)?);
    }
    Some(takes.join(","))
}

/// A type of the server's own, as it calls it.
fn of_type(data_type: &DataType) -> Option<String> {
    let name = match data_type.name.as_str() {
        "varchar" => "character varying",
        "char" => "character",
        "timestamptz" => "timestamp with time zone",
        "timestamp" => "timestamp without time zone",
        "timetz" => "time with time zone",
        "time" => "time without time zone",
        "float8" => "double precision",
        "float4" => "real",
        name if PLAIN.contains(&name) => name,
        _ => return None,
    };
    Some(if data_type.array { format!("{name}[]") } else { name.to_owned() })
}

/// A type as the server calls it where a name without a schema finds it.
pub(super) fn of_found_type(node: &SyntaxNode) -> Option<String> {
    let data_type = DataType::parse(&tree::words(node));
    let is_plain = |name: &str| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    let own = || (is_plain(&data_type.name) && !data_type.array).then(|| data_type.name.clone());
    of_type(&data_type).or_else(own)
}

/// Types that the server calls as everybody does.
const PLAIN: [&str; 14] = [
    "bigint", "boolean", "bytea", "date", "inet", "integer", "interval", "json", "jsonb", "name", "numeric",
    "smallint", "text", "uuid",
];

fn is_other_mode(kind: K) -> bool {
    matches!(kind, K::PARAM_OUT | K::PARAM_IN_OUT | K::PARAM_VARIADIC)
}

#[cfg(test)]
mod tests {
    use super::name;

    /// As seen on a server.
    #[test]
    fn names_are_cut_where_the_server_cuts_them() {
        assert_eq!(name("t", "a_b", "key"), "t_a_b_key");
        assert_eq!(name("t", "", "pkey"), "t_pkey");
        let (long, other) = ("a".repeat(40), "b".repeat(40));
        assert_eq!(name(&long, &other, "fkey"), format!("{}_{}_fkey", "a".repeat(29), "b".repeat(28)));
        assert_eq!(name(&"a".repeat(63), "", "pkey"), format!("{}_pkey", "a".repeat(58)));
    }
}
