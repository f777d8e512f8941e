//! What the server keeps the value of: indexes, stored columns, partition keys. It takes nothing for them whose value may
//! change while the row does not, and nothing that is not stored.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::bounds::is_name_of_call;
use super::judge::{Alter, Judge, columns_of};
use super::names::{VALUES, is_query};
use super::types::{self, DataType};
use super::{constraints, defaults, tree};

pub(in super::super) const RULES: &[&Rule] = &[&NOT_IMMUTABLE, &VIRTUAL];

static NOT_IMMUTABLE: Rule = Rule {
    name: "expression-not-immutable",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A function that is not IMMUTABLE, or a cast that the time zone or another setting decides, in an index, a generated column, a partition key or an exclusion constraint",
    reason: "The statement fails.",
    help: "Say what does not change: a constant for now(); (created_at AT TIME ZONE 'UTC')::date; to_tsvector('english', body); a || b for concat(a, b).",
    source: "https://www.postgresql.org/docs/current/xfunc-volatility.html",
};
static VIRTUAL: Rule = Rule {
    name: "virtual-column-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "An index or a key over a VIRTUAL generated column",
    reason: "The statement fails.",
    help: "Index the expression in place of the column, or make the column STORED while the table is new.",
    source: "https://www.postgresql.org/docs/current/ddl-generated-columns.html",
};

const INDEX: &str = "an index";
const GENERATED: &str = "a generated column";

/// Statements that make a table or an index.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_TABLE | K::CREATE_FOREIGN_TABLE => {
            expressions(judge, node, None);
            let columns: Vec<SyntaxNode> = tree::below(node, K::COLUMN).collect();
            let made: Vec<String> = columns.iter().filter(|column| is_virtual(column)).filter_map(name_of).collect();
            for key in node.descendants().filter(is_key) {
                over_virtual(judge, &key, &keyed(&key), |column| made.iter().any(|own| own == column));
            }
        }
        K::CREATE_INDEX => {
            let relation = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME));
            let Some(table) = relation.and_then(|relation| judge.session.relation(&relation)) else { return };
            expressions(judge, node, Some(&table));
            let names = tree::below(node, K::NAME_REF).filter(|name| !is_name_of_call(name));
            let mut columns: Vec<String> = names.map(|name| tree::name(&name)).collect();
            columns.extend(columns_of(node));
            index_over_virtual(judge, &table, node, &columns);
        }
        _ => {}
    }
}

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    match action.kind() {
        K::ADD_COLUMN => {
            expressions(judge, action, Some(&alter.table));
            if is_virtual(action) {
                let own: Vec<String> = name_of(action).into_iter().collect();
                let keys: Vec<SyntaxNode> = action.children().filter(is_key).collect();
                keys.iter().for_each(|key| over_virtual(judge, key, &own, |_| true));
            }
        }
        K::ADD_CONSTRAINT => {
            expressions(judge, action, Some(&alter.table));
            if let Some(key) = constraints::added(action).filter(is_key) {
                index_over_virtual(judge, &alter.table, &key, &keyed(&key));
            }
        }
        K::ALTER_COLUMN => expressions(judge, action, Some(&alter.table)),
        _ => {}
    }
}

fn name_of(column: &SyntaxNode) -> Option<String> {
    tree::child_name(column, K::COLUMN_NAME)
}

/// Whether a column that is made is generated and not stored.
pub(super) fn is_virtual(column: &SyntaxNode) -> bool {
    let generated = tree::child(column, K::GENERATED_CONSTRAINT);
    let kept = generated.and_then(|generated| tree::child(&generated, K::GENERATED_STORED));
    kept.is_some_and(|kept| !tree::has(&kept, K::STORED))
}

fn is_key(constraint: &SyntaxNode) -> bool {
    matches!(constraint.kind(), K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT | K::EXCLUDE_CONSTRAINT)
}

/// The columns of a key: those that it names, or the one that it is said of.
fn keyed(key: &SyntaxNode) -> Vec<String> {
    match key.parent().filter(|parent| parent.kind() == K::COLUMN) {
        Some(column) => name_of(&column).into_iter().collect(),
        None => {
            let names = tree::below(key, K::NAME_REF).filter(|name| !is_name_of_call(name));
            names.map(|name| tree::name(&name)).chain(columns_of(key)).collect()
        }
    }
}

fn index_over_virtual(judge: &mut Judge<'_>, table: &RelationName, node: &SyntaxNode, columns: &[String]) {
    let known = judge.session.table(table).map(|table| table.columns.clone()).unwrap_or_default();
    over_virtual(judge, node, columns, |column| known.get(column).is_some_and(|column| column.is_virtual));
}

fn over_virtual(judge: &mut Judge<'_>, node: &SyntaxNode, columns: &[String], is_virtual: impl Fn(&str) -> bool) {
    let found = columns.iter().find(|column| is_virtual(column));
    if let Some(column) = found.filter(|_| judge.version(18)) {
        judge.report(&VIRTUAL, node, format!("{column} is a VIRTUAL column: it can have no index and no key"));
    }
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
        if let Some((inside, what)) = changing(judge, &part, &type_of) {
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

/// What in an expression is surely not immutable, and how it is called.
fn changing(
    judge: &Judge<'_>,
    node: &SyntaxNode,
    type_of: &dyn Fn(&str) -> Option<DataType>,
) -> Option<(SyntaxNode, String)> {
    if is_query(node) {
        return None;
    }
    let own = match node.kind() {
        K::CALL_EXPR => changing_call(judge, node, type_of),
        K::CAST_EXPR => changing_cast(node, type_of),
        K::NAME_REF => {
            tree::tokens(node).find(|token| VALUES.contains(&token.kind())).map(|token| token.text().to_lowercase())
        }
        _ => None,
    };
    match own {
        Some(what) => Some((node.clone(), what)),
        None => node.children().find_map(|child| changing(judge, &child, type_of)),
    }
}

fn changing_call(judge: &Judge<'_>, call: &SyntaxNode, type_of: &dyn Fn(&str) -> Option<DataType>) -> Option<String> {
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
    // Not immutable of a time with a time zone.
    const BY_ZONE: [(&str, usize); 3] = [("date", 1), ("date_part", 2), ("date_trunc", 2)];
    let zoned = |value: &SyntaxNode| {
        let data_type = tree::column(value).and_then(|column| type_of(&column));
        data_type.is_some_and(|data_type| data_type.name == "timestamptz" && !data_type.array)
    };
    if let Some(extract) = tree::child(call, K::EXTRACT_FN) {
        let zoned = extract.children().last().is_some_and(|value| zoned(&value));
        return zoned.then(|| "extract() from a timestamptz".to_owned());
    }
    let name = defaults::called(call)?;
    if !defaults::is_builtin(call) || judge.session.routine(&name).is_some() || judge.session.volatile.contains(&name) {
        return None;
    }
    let list = tree::child(call, K::ARG_LIST)?;
    let arguments: Vec<SyntaxNode> = list.children().filter(|argument| argument.kind() == K::ARG).collect();
    let counted = |known: &[(&str, usize)]| known.contains(&(name.as_str(), arguments.len()));
    if defaults::is_never_immutable(&name) || counted(&BY_COUNT) {
        return Some(format!("{name}()"));
    }
    let last = arguments.last().and_then(|argument| argument.children().next());
    (counted(&BY_ZONE) && last.is_some_and(|value| zoned(&value))).then(|| format!("{name}() of a timestamptz"))
}

fn changing_cast(cast: &SyntaxNode, type_of: &dyn Fn(&str) -> Option<DataType>) -> Option<String> {
    const STRINGS: [&str; 3] = ["text", "varchar", "char"];
    const TIMES: [&str; 6] = ["date", "interval", "time", "timestamp", "timestamptz", "timetz"];
    let target = types::type_node(cast).map(|node| DataType::parse(&tree::words(&node)))?;
    let value = tree::inner(cast.children().next()?);
    let gives_text = |operator: &SyntaxNode| matches!(tree::words(operator).replace(' ', "").as_str(), "->>" | "#>>");
    let source = match value.kind() {
        K::BIN_EXPR if value.children().any(|part| gives_text(&part)) => DataType::parse("text"),
        _ => tree::column(&value).and_then(|column| type_of(&column))?,
    };
    let (from, to) = (source.name.as_str(), target.name.as_str());
    let to_string = STRINGS.contains(&to);
    let changes = match from {
        "timestamptz" => to_string || matches!(to, "date" | "time" | "timestamp" | "timetz"),
        "timestamp" | "date" => to_string || to == "timestamptz",
        _ => STRINGS.contains(&from) && TIMES.contains(&to),
    };
    (changes && !source.array && !target.array).then(|| format!("the cast of {from} to {to}"))
}
