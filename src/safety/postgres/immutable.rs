//! What the server keeps the value of: indexes, stored columns, partition keys. It takes nothing for them whose value may
//! change while the row does not.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::changing::changing;
use super::inferred::Scope;
use super::judge::{Alter, Judge};
use super::tree;
use super::types::DataType;

pub(in super::super) const RULES: &[&Rule] = &[&NOT_IMMUTABLE];

static NOT_IMMUTABLE: Rule = Rule {
    name: "expression-not-immutable",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A function that is not IMMUTABLE, or a cast that the time zone or another setting decides, in an index, a generated column, a partition key or an exclusion constraint",
    reason: "The statement fails.",
    help: "Say what does not change: a constant for now(); (created_at AT TIME ZONE 'UTC')::date; to_tsvector('english', body); a || b for concat(a, b).",
    source: "https://www.postgresql.org/docs/current/xfunc-volatility.html",
};
const INDEX: &str = "an index";
const GENERATED: &str = "a generated column";

/// Statements that make a table or an index.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_TABLE | K::CREATE_FOREIGN_TABLE => {
            expressions(judge, node, None);
        }
        K::CREATE_INDEX => {
            let relation = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME));
            let Some(table) = relation.and_then(|relation| judge.session.relation(&relation)) else { return };
            expressions(judge, node, Some(&table));
        }
        _ => {}
    }
}

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    if matches!(action.kind(), K::ADD_COLUMN | K::ADD_CONSTRAINT | K::ALTER_COLUMN) {
        expressions(judge, action, Some(&alter.table));
    }
}

fn name_of(column: &SyntaxNode) -> Option<String> {
    tree::child_name(column, K::COLUMN_NAME)
}

/// Reports the first part of each kept expression in a node that may change.
fn expressions(judge: &mut Judge<'_>, node: &SyntaxNode, table: Option<&RelationName>) {
    let own: Vec<(String, DataType)> = std::iter::once(node.clone())
        .chain(tree::below(node, K::COLUMN))
        .filter_map(|column| Some((name_of(&column)?, DataType::of(&column)?)))
        .collect();
    let places: Vec<(SyntaxNode, &str)> =
        node.descendants().filter_map(|part| place(&part).map(|place| (part, place))).collect();
    for (part, place) in places {
        let type_of = |name: &str| {
            let own = own.iter().find(|(own, _)| own == name).map(|(_, data_type)| data_type.clone());
            own.or_else(|| judge.session.column_type(table?, name))
        };
        let scope = Scope { session: &judge.session, version: judge.options.postgres_version, column: &type_of };
        if let Some((inside, what)) = changing(&scope, &part) {
            judge.report(&NOT_IMMUTABLE, &inside, format!("{what} is not IMMUTABLE: {place} cannot be made of it"));
        }
    }
}

/// What keeps the value of the expressions in a node.
fn place(part: &SyntaxNode) -> Option<&'static str> {
    let parent = part.parent()?;
    Some(match part.kind() {
        K::WHERE_CLAUSE if parent.kind() == K::CREATE_INDEX => INDEX,
        K::PARTITION_ITEM if part.ancestors().any(|above| above.kind() == K::PARTITION_BY) => "a partition key",
        K::PARTITION_ITEM => INDEX,
        K::CONSTRAINT_EXCLUSION_LIST => "an exclusion constraint",
        K::WHERE_CONDITION_CLAUSE if parent.kind() == K::EXCLUDE_CONSTRAINT => "an exclusion constraint",
        K::GENERATED_STORED | K::SET_EXPRESSION => GENERATED,
        _ => return None,
    })
}
