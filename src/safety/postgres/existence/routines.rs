//! What a statement needs that has no rows: types, and functions with what they take.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::judge::Judge;
use super::super::{defaults, tree};
use super::inventory::{Class, Known};
use super::{find, implicit, require};

/// A type that is no word of the grammar.
pub(super) fn data_type(judge: &mut Judge<'_>, node: &SyntaxNode, statement: &SyntaxNode) {
    const GRAMMAR: [&str; 27] = [
        "bigint",
        "bigserial",
        "bit",
        "boolean",
        "char",
        "character",
        "dec",
        "decimal",
        "double",
        "float",
        "int",
        "integer",
        "interval",
        "json",
        "national",
        "nchar",
        "numeric",
        "real",
        "serial",
        "serial2",
        "serial4",
        "serial8",
        "smallint",
        "smallserial",
        "time",
        "timestamp",
        "varchar",
    ];
    // A function in another language may make the type that it names.
    let is_foreign = matches!(statement.kind(), K::CREATE_FUNCTION | K::CREATE_PROCEDURE)
        && !["sql", "plpgsql"].contains(&language(statement).as_str());
    let parts = tree::path(node);
    let is_word = parts.len() == 1 && GRAMMAR.contains(&parts[0].as_str());
    if !is_word
        && !is_foreign
        && let Some((key, known)) = find(judge, Class::Type, &parts)
    {
        require(judge, node, &key, known);
    }
}

/// The language of a function.
fn language(function: &SyntaxNode) -> String {
    let option = tree::below(function, K::LANGUAGE_FUNC_OPTION).next();
    option.map_or_else(|| "sql".to_owned(), |option| tree::words(&option).replace("language ", "").replace('\'', ""))
}

/// A function as DROP, ALTER, COMMENT and GRANT name it.
pub(super) fn signature(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let parts = tree::path(node);
    let Some((key, known)) = find(judge, Class::Function, &parts) else { return };
    if require(judge, node, &key, known) {
        return;
    }
    let Some(takes) = tree::child(node, K::PARAM_LIST).and_then(|list| implicit::signature(&list)) else { return };
    let mut parts = parts;
    if let Some(last) = parts.last_mut() {
        *last = format!("{last}({takes})");
    }
    // One of another schema may be meant.
    let is_alone = !judge.session.inventory.may_be_in_other_schemas(Class::Function, &key.1);
    if let Some((key, known)) = find(judge, Class::Routine, &parts).filter(|_| is_alone) {
        require(judge, node, &key, known);
    }
}

/// The name of a function that is called.
pub(super) fn call(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if let Some(function) = node.children().next().filter(|first| matches!(first.kind(), K::NAME_REF | K::FIELD_EXPR)) {
        let named = tree::below(&function, K::NAME_REF).map(|part| tree::name(&part)).collect::<Vec<_>>();
        // `row.function` is a call too, and so is that of a type.
        let is_plain = defaults::called(node).is_some() && named.len() <= 2;
        let is_type = matches!(find(judge, Class::Type, &named), Some((_, Known::There(_) | Known::Unsure)));
        if is_plain
            && !is_type
            && !is_grammar(&named)
            && let Some((key, known)) = find(judge, Class::Function, &named)
        {
            require(judge, &function, &key, known);
        }
    }
}

/// Functions that are words of the grammar.
fn is_grammar(name: &[String]) -> bool {
    const GRAMMAR: [&str; 24] = [
        "coalesce",
        "greatest",
        "least",
        "nullif",
        "grouping",
        "row",
        "xmlconcat",
        "merge_action",
        "normalize",
        "overlay",
        "position",
        "substring",
        "trim",
        "treat",
        "extract",
        "cast",
        "exists",
        "any",
        "all",
        "some",
        "array",
        "values",
        "current_schema",
        "localtime",
    ];
    matches!(name, [only] if GRAMMAR.contains(&only.as_str()))
}
