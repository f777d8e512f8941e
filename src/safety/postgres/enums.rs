//! New values of enums, which nothing may use before they are committed.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::Judge;
use super::types::DataType;
use super::{defaults, objects, tree, types};

pub(super) static ENUM_VALUE_IN_USE: Rule = Rule {
    name: "enum-value-in-same-transaction",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A value added to an enum is used in the same transaction",
    reason: "The statement fails: a new value cannot be used before it is committed.",
    help: "Add the value in a migration of its own, and use it in the next.",
    source: "https://www.postgresql.org/docs/current/sql-altertype.html#SQL-ALTERTYPE-NOTES",
};

/// A value that the current transaction added to an enum.
#[derive(Debug, Clone)]
pub(super) struct NewValue {
    value: String,
    /// The enum's name, without its schema, in lower case.
    of: String,
    line: usize,
}

/// Remembers the values that ALTER TYPE adds.
pub(super) fn altered(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if !judge.session.in_transaction() || objects::are_of_this_file(judge, node) {
        return;
    }
    let Some(name) = judge.session.relation(node) else { return };
    for action in tree::below(node, K::ADD_VALUE) {
        if let Some(value) = tree::literal(&action) {
            let new = NewValue { value, of: name.name.to_ascii_lowercase(), line: judge.line(&action) };
            judge.session.enum_values.push(new);
        }
    }
}

/// Judges what a statement does with the new values of its transaction.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    // A comment is a text, and the values of a new type are its own.
    let is_apart = matches!(node.kind(), K::ALTER_TYPE | K::COMMENT_ON | K::CREATE_TYPE);
    if judge.session.enum_values.is_empty() || is_apart {
        return;
    }
    let all = judge.session.enum_values.clone();
    for literal in tree::below(node, K::LITERAL) {
        let Some(text) = tree::literal(&literal) else { continue };
        if !literal.text().to_string().contains(['\'', '$']) {
            continue;
        }
        let elements: Vec<&str> = elements(&text).unwrap_or_else(|| vec![text.as_str()]);
        let used = all.iter().find(|new| elements.contains(&new.value.as_str()) && may_be(judge, node, &literal, new));
        if let Some(new) = used {
            let message =
                format!("'{}' was added to its enum on line {}, in the same transaction", new.value, new.line);
            judge.report(&ENUM_VALUE_IN_USE, &literal, message);
        }
    }
    // All values, or the last, are the new one too.
    for call in tree::below(node, K::CALL_EXPR) {
        let listed = defaults::called(&call).is_some_and(|name| matches!(name.as_str(), "enum_range" | "enum_last"));
        let of = |new: &&NewValue| tree::below(&call, K::PATH_TYPE).next().is_none_or(|of| is_named(&of, new));
        if let (true, Some(new)) = (listed, all.iter().find(of)) {
            let message =
                format!("'{}', which was added on line {} in the same transaction, is among them", new.value, new.line);
            judge.report(&ENUM_VALUE_IN_USE, &call, message);
        }
    }
}

/// The elements of an array's literal: `{meh,"quite well"}`.
fn elements(text: &str) -> Option<Vec<&str>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    Some(inside.split(',').map(|element| element.trim().trim_matches('"')).collect())
}

fn is_named(type_node: &SyntaxNode, new: &NewValue) -> bool {
    is_of(&DataType::parse(&tree::words(type_node)), new)
}

/// Whether a type is the enum, or an array of it.
fn is_of(data_type: &DataType, new: &NewValue) -> bool {
    let last = data_type.name.rsplit('.').next().unwrap_or_default();
    last.trim().trim_matches('"') == new.of
}

/// What a literal becomes, as far as its place in the statement tells: the enum, surely not, or perhaps.
fn may_be(judge: &Judge<'_>, statement: &SyntaxNode, literal: &SyntaxNode, new: &NewValue) -> bool {
    let mut inside = literal.clone();
    let mut other_cast = false;
    while let Some(outer) = inside.parent() {
        let decided = match outer.kind() {
            K::CAST_EXPR => {
                let named = types::type_node(&outer).is_some_and(|node| is_named(&node, new));
                other_cast |= !named;
                named.then_some(true)
            }
            // A cast to something else is undone by a cast alone.
            _ if other_cast && !matches!(outer.kind(), K::PAREN_EXPR | K::ARRAY_EXPR) => Some(false),
            K::PAREN_EXPR | K::ARRAY_EXPR | K::TUPLE_EXPR | K::CASE_EXPR | K::ELSE_CLAUSE | K::WHEN_CLAUSE => None,
            K::WHEN_CLAUSE_LIST | K::ANY_FN | K::SOME_FN | K::ALL_FN | K::ARG | K::ARG_LIST | K::SET_EXPR => None,
            K::DEFAULT_CONSTRAINT | K::SET_DEFAULT | K::CHECK_CONSTRAINT => None,
            K::CALL_EXPR => match defaults::called(&outer).as_deref() {
                None | Some("coalesce" | "nullif" | "greatest" | "least") => None,
                Some(name) => Some(!(defaults::is_known(name) && defaults::is_builtin(&outer))),
            },
            K::COLUMN | K::ADD_COLUMN => Some(types::type_node(&outer).is_none_or(|node| is_named(&node, new))),
            K::ALTER_COLUMN => Some(column_may_be(judge, statement, &outer, new)),
            K::SET_SINGLE_COLUMN => {
                tree::child(&outer, K::COLUMN_TARGET).map(|target| column_may_be(judge, statement, &target, new))
            }
            K::ROW | K::TARGET => Some(inserted_may_be(judge, &outer, &inside, new)),
            K::BETWEEN_EXPR | K::BIN_EXPR => {
                let words = |word| tree::has_token(&outer, word);
                let text =
                    tree::has(&outer, K::CUSTOM_OP) || words(K::LIKE_KW) || words(K::ILIKE_KW) || words(K::SIMILAR_KW);
                let other = outer.children().find(|side| *side != inside);
                Some(!text && other.is_none_or(|other| side_may_be(judge, statement, &other, new)))
            }
            _ => Some(true),
        };
        if let Some(decided) = decided {
            return decided;
        }
        inside = outer;
    }
    !other_cast
}

/// Whether what a literal is compared with may be of the enum.
fn side_may_be(judge: &Judge<'_>, statement: &SyntaxNode, side: &SyntaxNode, new: &NewValue) -> bool {
    let side = tree::inner(side.clone());
    match side.kind() {
        K::CAST_EXPR => types::type_node(&side).is_none_or(|node| is_named(&node, new)),
        K::CALL_EXPR => {
            !defaults::called(&side).is_some_and(|name| defaults::is_known(&name) && defaults::is_builtin(&side))
        }
        K::NAME_REF | K::FIELD_EXPR => {
            tree::column(&side).is_none_or(|column| named_may_be(judge, statement, &column, new))
        }
        _ => true,
    }
}

/// [`named_may_be`] for the column that a node refers to.
fn column_may_be(judge: &Judge<'_>, statement: &SyntaxNode, node: &SyntaxNode, new: &NewValue) -> bool {
    tree::child_name(node, K::COLUMN_NAME_REF).is_none_or(|column| named_may_be(judge, statement, &column, new))
}

/// Whether a column of the tables that a statement names may be of the enum.
fn named_may_be(judge: &Judge<'_>, statement: &SyntaxNode, column: &str, new: &NewValue) -> bool {
    const TABLES: [K; 5] =
        [K::RELATION_NAME, K::TABLE_RELATION_NAME, K::RELATION_NAME_REF, K::RELATION_FROM_ITEM, K::TABLE_NAME_REF];
    let own = statement.descendants().filter(|part| matches!(part.kind(), K::COLUMN | K::ADD_COLUMN));
    let own = own.filter(|part| tree::child_name(part, K::COLUMN_NAME).as_deref() == Some(column));
    let tables = statement.descendants().filter(|part| TABLES.contains(&part.kind()));
    let known = tables.filter_map(|table| judge.session.relation(&table));
    let known = known.filter_map(|table| judge.session.column_type(&table, column));
    let types: Vec<DataType> = own.filter_map(|part| DataType::of(&part)).chain(known).collect();
    types.is_empty() || types.iter().any(|data_type| is_of(data_type, new))
}

/// Whether the column that a value of VALUES, or of the targets of a query, is inserted into may be of the enum. What is
/// selected for nobody is a text.
fn inserted_may_be(judge: &Judge<'_>, row: &SyntaxNode, value: &SyntaxNode, new: &NewValue) -> bool {
    const QUERY: [K; 6] = [K::VALUES, K::ROW_LIST, K::SELECT, K::SELECT_CLAUSE, K::TARGET_LIST, K::PAREN_SELECT];
    let above = |node: &SyntaxNode| QUERY.contains(&node.kind()) || node.kind() == K::COMPOUND_SELECT;
    let Some(insert) = row.ancestors().skip(1).find(|node| !above(node)) else { return false };
    if insert.kind() != K::INSERT {
        // A list that is joined with, a query in a condition.
        return row.kind() == K::ROW || insert.kind() != K::SOURCE_FILE;
    }
    let list = if row.kind() == K::ROW { row.clone() } else { row.parent().unwrap_or_else(|| row.clone()) };
    let item = if row.kind() == K::ROW { value } else { row };
    let place = list.children().position(|child| child == *item);
    let table = tree::child(&insert, K::RELATION_NAME_REF).and_then(|table| judge.session.relation(&table));
    let columns = tree::child(&insert, K::COLUMN_TARGET_LIST);
    let columns: Option<Vec<SyntaxNode>> = columns.map(|list| list.children().collect());
    match (table, columns, place) {
        (Some(table), Some(columns), Some(place)) => columns
            .get(place)
            .and_then(|column| tree::child_name(column, K::COLUMN_NAME_REF))
            .and_then(|column| judge.session.column_type(&table, &column))
            .is_none_or(|data_type| is_of(&data_type, new)),
        (Some(table), None, _) => holds(judge, &table, new),
        _ => true,
    }
}

/// Whether some column of a table may be of the enum.
fn holds(judge: &Judge<'_>, table: &RelationName, new: &NewValue) -> bool {
    let known = judge.session.table(table).filter(|table| table.birth.is_some() && !table.columns.is_empty());
    known.is_none_or(|table| {
        let mut types = table.columns.values().map(|column| column.data_type.as_ref());
        table.takes_keys || types.any(|data_type| data_type.is_none_or(|data_type| is_of(data_type, new)))
    })
}
