//! Columns that expressions name.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::judge::Judge;
use super::super::names::{self, VALUES};
use super::super::tree;
use super::inventory::{Class, Key};
use super::require_part;

/// What every table has.
pub(super) fn is_of_system(name: &str) -> bool {
    ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"].contains(&name)
}

/// The names of columns in an expression that stand there without their table, those of queries within left away.
pub(super) fn bare(node: &SyntaxNode) -> Vec<SyntaxNode> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &SyntaxNode, into: &mut Vec<SyntaxNode>) {
    for child in node.children() {
        let is_value = || tree::tokens(&child).any(|token| VALUES.contains(&token.kind()));
        match child.kind() {
            K::NAME_REF if is_value() => {}
            K::NAME_REF => into.push(child),
            // The first is the function's name.
            K::CALL_EXPR => {
                let arguments = child.children().filter(|inside| !matches!(inside.kind(), K::NAME_REF | K::FIELD_EXPR));
                arguments.for_each(|inside| collect_in(&inside, into));
            }
            K::FIELD_EXPR | K::OVER_CLAUSE => {}
            kind if names::is_query(&child) || kind == K::ATTRIBUTE_LIST => {}
            _ => collect(&child, into),
        }
    }
}

fn collect_in(node: &SyntaxNode, into: &mut Vec<SyntaxNode>) {
    if !names::is_query(node) {
        collect(node, into);
    }
}

/// An expression over the rows of one table.
pub(super) fn of_expression(judge: &mut Judge<'_>, node: &SyntaxNode, table: Option<&Key>) {
    let Some(table) = table else { return };
    for name in bare(node) {
        let column = tree::name(&name);
        // The whole row.
        if column != table.1.name && !column.is_empty() {
            require_part(judge, &name, table, Class::Column, &column);
        }
    }
}
