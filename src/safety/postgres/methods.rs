//! Indexes that their access method refuses: for the type of a column, or for what the method cannot do.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::{Alter, Judge};
use super::types::DataType;
use super::{constraints, defaults, tree};

pub(super) static REFUSED: Rule = Rule {
    name: "index-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "An index that its access method cannot make: over a type without an operator class for it (json in any, text in GIN without a class), UNIQUE or DESC in another than a B-tree, several columns in a hash, INCLUDE in GIN; an operator class of another method; an aggregate in an index; an index on a view",
    reason: "The statement fails.",
    help: "Name an operator class (gin_trgm_ops for text), make the extension that has one (btree_gin, btree_gist), use jsonb for json, or a B-tree.",
    source: "https://www.postgresql.org/docs/current/indexes-opclass.html",
};

/// Types that a B-tree orders: of them GIN and GiST have no operator class without an extension.
const ORDERED: [&str; 25] = [
    "bigint",
    "bit",
    "boolean",
    "bytea",
    "char",
    "cidr",
    "date",
    "float4",
    "float8",
    "inet",
    "integer",
    "interval",
    "macaddr",
    "money",
    "name",
    "numeric",
    "oid",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
    "varchar",
];

/// Statements that make indexes.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_INDEX => {
            if let Some(message) = index(judge, node) {
                judge.report(&REFUSED, node, message);
            }
        }
        K::CREATE_TABLE => {
            let columns: Vec<SyntaxNode> = tree::below(node, K::COLUMN).collect();
            let type_of = |name: &str| {
                let own = |column: &&SyntaxNode| tree::child_name(column, K::COLUMN_NAME).as_deref() == Some(name);
                columns.iter().find(own).and_then(DataType::of)
            };
            let arguments = tree::child(node, K::TABLE_ARG_LIST);
            let keys = arguments.iter().flat_map(SyntaxNode::children).filter(is_key);
            let inline = columns.iter().filter_map(|column| {
                let key = column.children().find(is_key)?;
                Some((key, tree::child_name(column, K::COLUMN_NAME).into_iter().collect()))
            });
            let all: Vec<(SyntaxNode, Vec<String>)> =
                keys.map(|node| (node.clone(), key(&node))).chain(inline).collect();
            all.iter().for_each(|(node, columns)| over(judge, node, columns, &type_of));
        }
        _ => {}
    }
}

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let changes_type = || alter.actions.iter().any(|action| tree::has(action, K::SET_TYPE));
    match action.kind() {
        K::ADD_CONSTRAINT if !changes_type() => {
            if let Some(constraint) = constraints::added(action).filter(is_key) {
                let columns = key(&constraint);
                let types: Vec<_> = columns
                    .iter()
                    .map(|column| (column.clone(), judge.session.column_type(&alter.table, column)))
                    .collect();
                let type_of =
                    |name: &str| types.iter().find(|(own, _)| own == name).and_then(|(_, data_type)| data_type.clone());
                over(judge, action, &columns, &type_of);
            }
        }
        K::ADD_COLUMN if action.children().any(|part| is_key(&part)) => {
            let columns: Vec<String> = tree::child_name(action, K::COLUMN_NAME).into_iter().collect();
            over(judge, action, &columns, &|_| DataType::of(action));
        }
        _ => {}
    }
}

fn is_key(node: &SyntaxNode) -> bool {
    matches!(node.kind(), K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT)
}

/// The columns of a key, without those that it only includes.
fn key(node: &SyntaxNode) -> Vec<String> {
    let list = tree::below(node, K::CONSTRAINT_COLUMN_REF_LIST).next();
    list.map(|list| super::judge::columns_of(&list)).unwrap_or_default()
}

/// A key over columns, which is a B-tree.
fn over(judge: &mut Judge<'_>, node: &SyntaxNode, columns: &[String], type_of: &dyn Fn(&str) -> Option<DataType>) {
    let unfit = columns.iter().find_map(|column| {
        let data_type = type_of(column)?;
        (!may_hold(judge, "btree", &data_type, true)).then(|| no_class(column, &data_type, "btree"))
    });
    if let Some(message) = unfit {
        judge.report(&REFUSED, node, message);
    }
}

fn no_class(column: &str, data_type: &DataType, method: &str) -> String {
    let array = if data_type.array { "[]" } else { "" };
    format!("{column} is {}{array}, which has no operator class for {method}", data_type.name)
}

fn index(judge: &Judge<'_>, node: &SyntaxNode) -> Option<String> {
    let method = tree::child(node, K::USING_METHOD).and_then(|using| tree::child_name(&using, K::ACCESS_METHOD_REF));
    let method = method.unwrap_or_else(|| "btree".to_owned());
    let items: Vec<SyntaxNode> =
        tree::child(node, K::PARTITION_ITEM_LIST).iter().flat_map(SyntaxNode::children).collect();
    let other = matches!(method.as_str(), "hash" | "gin" | "gist" | "spgist" | "brin");
    let ordered = |item: &SyntaxNode| {
        [K::SORT_ASC, K::SORT_DESC, K::NULLS_FIRST, K::NULLS_LAST].iter().any(|order| tree::has(item, *order))
    };
    if other && tree::has_token(node, K::UNIQUE_KW) {
        return Some(format!("{method} makes no unique index"));
    }
    if matches!(method.as_str(), "hash" | "spgist") && items.len() > 1 {
        return Some(format!("{method} takes one column"));
    }
    if matches!(method.as_str(), "hash" | "gin" | "brin") && tree::has(node, K::INDEX_INCLUDE_CLAUSE) {
        return Some(format!("{method} includes no columns"));
    }
    if other && items.iter().any(ordered) {
        return Some(format!("{method} has no order: ASC, DESC and NULLS are refused"));
    }
    if let Some(function) =
        items.iter().chain(tree::child(node, K::WHERE_CLAUSE).iter()).find_map(|part| gathers(judge, part))
    {
        return Some(format!("{function} is of many rows, and an index of each one"));
    }
    let classes = items.iter().filter_map(|item| tree::path(&tree::child(item, K::OP_CLASS_REF)?).pop());
    for class in classes {
        if let Some(of) = methods_of(&class).filter(|of| other_or_btree(&method) && !of.contains(&method.as_str())) {
            return Some(format!("the operator class {class} is one of {}, and none of {method}", of.join(" and ")));
        }
    }
    let relation = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME))?;
    let table: RelationName = judge.session.relation(&relation)?;
    items.iter().filter(|item| !tree::has(item, K::OP_CLASS_REF)).find_map(|item| {
        let column = item.children().next().filter(|part| part.kind() == K::NAME_REF).map(|part| tree::name(&part))?;
        let data_type = judge.session.column_type(&table, &column)?;
        (!may_hold(judge, &method, &data_type, items.len() == 1)).then(|| no_class(&column, &data_type, &method))
    })
}

/// Whether a method comes with the server.
fn other_or_btree(method: &str) -> bool {
    matches!(method, "btree" | "hash" | "gin" | "gist" | "spgist" | "brin")
}

/// The methods of an operator class whose name tells them.
fn methods_of(class: &str) -> Option<&'static [&'static str]> {
    Some(match class {
        "jsonb_path_ops" => &["gin"],
        "text_pattern_ops" | "varchar_pattern_ops" | "bpchar_pattern_ops" => &["btree", "hash"],
        "vector_l2_ops" | "vector_ip_ops" | "vector_cosine_ops" => &["hnsw", "ivfflat"],
        _ if class.starts_with("gin_") => &["gin"],
        _ if class.starts_with("gist_") => &["gist"],
        _ if class.ends_with("_minmax_ops") || class.ends_with("_bloom_ops") => &["brin"],
        _ => return None,
    })
}

/// The aggregate, or the window function, in an expression.
fn gathers(judge: &Judge<'_>, expression: &SyntaxNode) -> Option<String> {
    const AGGREGATES: [&str; 9] =
        ["array_agg", "avg", "bool_and", "bool_or", "count", "json_agg", "jsonb_agg", "string_agg", "sum"];
    tree::below(expression, K::CALL_EXPR).find_map(|call| {
        if tree::has(&call, K::OVER_CLAUSE) {
            return Some("a window function".to_owned());
        }
        let name = defaults::called(&call)?;
        let own = judge.session.routine(&name).is_some() || !defaults::is_builtin(&call);
        (!own && AGGREGATES.contains(&name.as_str())).then(|| format!("{name}()"))
    })
}

/// Whether a method has an operator class for a type, as far as is known. As measured on 14, 17 and 18.
fn may_hold(judge: &Judge<'_>, method: &str, data_type: &DataType, is_alone: bool) -> bool {
    let name = data_type.name.as_str();
    if data_type.array {
        return !(data_type.is_built_in() && matches!(method, "gist" | "spgist" | "brin"));
    }
    // Who makes one index of several columns may have the extension: nobody makes it of one alone without thinking of it.
    let extended = |extension: &str| judge.session.has_extension(extension).unwrap_or(!is_alone);
    match (method, name) {
        ("btree" | "hash" | "gin" | "gist" | "spgist" | "brin", "json") => false,
        ("btree" | "hash", "xml" | "point" | "line" | "lseg" | "path" | "polygon" | "box" | "circle") => false,
        ("gin", "int4range" | "int8range" | "numrange" | "daterange" | "tsquery") => false,
        ("gin", _) if ORDERED.contains(&name) || name == "varbit" => extended("btree_gin"),
        ("gist", "jsonb") => false,
        ("gist", _) if ORDERED.contains(&name) || name == "varbit" => extended("btree_gist"),
        ("brin", "jsonb") => false,
        _ => true,
    }
}
