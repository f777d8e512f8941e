//! Questions to a syntax tree.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::{SyntaxNode, SyntaxToken, ast};

/// The first child of a kind.
pub(super) fn child(node: &SyntaxNode, kind: K) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() == kind)
}

/// Whether there is a child of a kind.
pub(super) fn has(node: &SyntaxNode, kind: K) -> bool {
    child(node, kind).is_some()
}

/// Whether there is a token of a kind among the direct children.
pub(super) fn has_token(node: &SyntaxNode, kind: K) -> bool {
    tokens(node).any(|token| token.kind() == kind)
}

/// The tokens among the direct children, without blanks and comments.
pub(super) fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.children_with_tokens().filter_map(|element| element.into_token()).filter(|token| !token.kind().is_trivia())
}

/// All tokens below a node, without blanks and comments.
pub(super) fn all_tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens().filter_map(|element| element.into_token()).filter(|token| !token.kind().is_trivia())
}

/// The nodes of a kind below a node, itself included.
pub(super) fn below(node: &SyntaxNode, kind: K) -> impl Iterator<Item = SyntaxNode> {
    node.descendants().filter(move |node| node.kind() == kind)
}

/// A node's text in lower case with one blank between tokens: only for comparing, not for names in quotes.
pub(super) fn words(node: &SyntaxNode) -> String {
    let tokens: Vec<String> = all_tokens(node).map(|token| token.text().to_ascii_lowercase()).collect();
    tokens.join(" ")
}

/// The name in a node that is one name, as the server stores it.
pub(super) fn name(node: &SyntaxNode) -> String {
    let mut name = ast::normalize_name_node(node);
    // The server cuts names off after 63 bytes.
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// The name in the first child of a kind.
pub(super) fn child_name(node: &SyntaxNode, kind: K) -> Option<String> {
    child(node, kind).map(|node| name(&node))
}

/// The name that ends a node.
pub(super) fn last_name(node: &SyntaxNode) -> Option<String> {
    all_tokens(node).last().and_then(|token| token.parent()).map(|node| name(&node))
}

/// The parts of the first dotted name in a node.
pub(super) fn path(node: &SyntaxNode) -> Vec<String> {
    let found = node.descendants().find(|node| matches!(node.kind(), K::PATH | K::PATH_REF));
    let segments = found.iter().flat_map(|path| path.descendants());
    segments
        .filter(|node| matches!(node.kind(), K::PATH_SEGMENT | K::PATH_SEGMENT_REF))
        .map(|node| name(&node))
        .collect()
}

/// The parts of the name that a call calls.
pub(super) fn path_of_call(call: &SyntaxNode) -> Vec<String> {
    let called = call.children().next().filter(|first| matches!(first.kind(), K::NAME_REF | K::FIELD_EXPR));
    called.iter().flat_map(|called| below(called, K::NAME_REF).collect::<Vec<_>>()).map(|part| name(&part)).collect()
}

/// The name of the constraint that a constraint's node gives itself.
pub(super) fn constraint_name(node: &SyntaxNode) -> Option<String> {
    child(node, K::CONSTRAINT_NAME_CLAUSE).and_then(|clause| child_name(&clause, K::CONSTRAINT_NAME))
}

/// The expression without the parentheses around it.
pub(super) fn inner(expression: SyntaxNode) -> SyntaxNode {
    let mut expression = expression;
    while expression.kind() == K::PAREN_EXPR {
        match expression.children().next() {
            Some(inside) => expression = inside,
            None => break,
        }
    }
    expression
}

/// The column that an expression is, without its table.
pub(super) fn column(expression: &SyntaxNode) -> Option<String> {
    let expression = inner(expression.clone());
    match expression.kind() {
        K::NAME_REF => Some(name(&expression)),
        K::FIELD_EXPR => expression.children().filter(|node| node.kind() == K::NAME_REF).last().map(|node| name(&node)),
        _ => None,
    }
}

/// The value of a string or number that a node is or holds, for comparing: strings without quotes, words in lower case.
pub(super) fn literal(node: &SyntaxNode) -> Option<String> {
    let literal = below(node, K::LITERAL).next()?;
    let words = words(&literal);
    let string = <ast::Literal as ast::AstNode>::cast(literal).filter(|_| words.contains(['\'', '$']));
    Some(string.and_then(|literal| literal.string_value()).unwrap_or(words))
}

/// The columns that a boolean expression, when it is true, proves to be not null: each conjunct `column IS NOT NULL`.
pub(super) fn proves_not_null(expression: &SyntaxNode) -> Vec<String> {
    let expression = inner(expression.clone());
    let sides: Vec<SyntaxNode> = expression.children().filter(|node| node.kind() != K::IS_NOT).collect();
    let is_null =
        |node: Option<&SyntaxNode>| node.is_some_and(|node| node.kind() == K::LITERAL && words(node) == "null");
    match expression.kind() {
        K::BIN_EXPR if has_token(&expression, K::AND_KW) => sides.iter().flat_map(proves_not_null).collect(),
        K::BIN_EXPR if has(&expression, K::IS_NOT) && is_null(sides.get(1)) => {
            sides.first().and_then(column).into_iter().collect()
        }
        K::POSTFIX_EXPR if has_token(&expression, K::NOTNULL_KW) => {
            sides.first().and_then(column).into_iter().collect()
        }
        K::PREFIX_EXPR if has_token(&expression, K::NOT_KW) => {
            let Some(denied) = sides.first().cloned().map(inner) else { return Vec::new() };
            let parts: Vec<SyntaxNode> = denied.children().collect();
            let null = (denied.kind() == K::BIN_EXPR && has_token(&denied, K::IS_KW) && is_null(parts.get(1)))
                || (denied.kind() == K::POSTFIX_EXPR && has_token(&denied, K::ISNULL_KW));
            if null { parts.first().and_then(column).into_iter().collect() } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}
