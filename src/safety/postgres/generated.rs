//! What the server refuses of generated columns and of defaults: what their expressions name, and what is made of a column that
//! is not stored.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{ColumnUser, Cost, RelationName, Rule, Severity};
use super::bounds::is_name_of_call;
use super::judge::{Alter, Judge, columns_of};
use super::names::{VALUES, is_query};
use super::types::{self, DataType};
use super::{constraints, defaults, tree};

pub(in super::super) const RULES: &[&Rule] = &[&VIRTUAL, &REFUSED];

static VIRTUAL: Rule = Rule {
    name: "virtual-column-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "An index, a key or a foreign key over a VIRTUAL generated column; one of a type, or with a function or type, that does not come with the server",
    reason: "The statement fails.",
    help: "Index the expression in place of the column, or make the column STORED while the table is new.",
    source: "https://www.postgresql.org/docs/current/ddl-generated-columns.html",
};
static REFUSED: Rule = Rule {
    name: "column-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A generated column that is computed from a generated one, or has a DEFAULT too; a default that names a column; a table partitioned by a generated column",
    reason: "The statement fails.",
    help: "Say the whole expression in each generated column; for a default that hangs on the row, a generated column or a trigger.",
    source: "https://www.postgresql.org/docs/current/ddl-generated-columns.html",
};

/// Types of well-known extensions.
const EXTENSIONS: [&str; 6] = ["citext", "geography", "geometry", "hstore", "ltree", "vector"];

/// The columns that a statement, or an action, can name.
struct Columns {
    /// Those that it makes, which are all that there are where it makes the table.
    own: Vec<SyntaxNode>,
    table: Option<RelationName>,
}

/// Statements that make a table or an index.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::CREATE_TABLE | K::CREATE_FOREIGN_TABLE => {
            let columns = Columns { own: tree::below(node, K::COLUMN).collect(), table: None };
            for key in node.descendants().filter(is_key) {
                over_virtual(judge, &key, &keyed(&key), &columns);
            }
            columns.own.iter().for_each(|column| made(judge, column, &columns));
            let by = tree::child(node, K::PARTITION_BY);
            let named = by.iter().flat_map(names).find(|(name, _)| columns.is_generated(judge, name));
            if let Some((name, part)) = named {
                judge.report(&REFUSED, &part, format!("{name} is a generated column: no table is partitioned by one"));
            }
        }
        K::CREATE_INDEX => {
            let relation = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME));
            let Some(table) = relation.and_then(|relation| judge.session.relation(&relation)) else { return };
            let columns = Columns { own: Vec::new(), table: Some(table) };
            let mut indexed: Vec<String> = names(node).map(|(name, _)| name).collect();
            indexed.extend(columns_of(node));
            over_virtual(judge, node, &indexed, &columns);
        }
        _ => {}
    }
}

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let columns = |own: &[SyntaxNode]| Columns { own: own.to_vec(), table: Some(alter.table.clone()) };
    match action.kind() {
        K::ADD_COLUMN => {
            let columns = columns(std::slice::from_ref(action));
            let keys: Vec<SyntaxNode> = action.children().filter(is_key).collect();
            keys.iter().for_each(|key| over_virtual(judge, key, &keyed(key), &columns));
            made(judge, action, &columns);
        }
        K::ADD_CONSTRAINT => {
            if let Some(key) = constraints::added(action).filter(is_key) {
                over_virtual(judge, &key, &keyed(&key), &columns(&[]));
            }
        }
        K::ALTER_COLUMN => {
            let columns = columns(&[]);
            let column = tree::child_name(action, K::COLUMN_NAME_REF).unwrap_or_default();
            if let Some(default) = tree::child(action, K::SET_DEFAULT) {
                names_column(judge, &default, &columns);
            }
            if let Some(expression) = tree::child(action, K::SET_EXPRESSION) {
                computed(judge, &expression, &columns, columns.is_virtual(judge, &column));
            }
        }
        _ => {}
    }
}

/// Whether a column that is made is generated and not stored.
pub(super) fn is_virtual(column: &SyntaxNode) -> bool {
    expression_of(column).is_some_and(|kept| !tree::has(&kept, K::STORED))
}

/// What a column that is made is computed by.
fn expression_of(column: &SyntaxNode) -> Option<SyntaxNode> {
    tree::child(column, K::GENERATED_CONSTRAINT).and_then(|generated| tree::child(&generated, K::GENERATED_STORED))
}

fn name_of(column: &SyntaxNode) -> Option<String> {
    tree::child_name(column, K::COLUMN_NAME)
}

impl Columns {
    fn own(&self, name: &str) -> Option<&SyntaxNode> {
        self.own.iter().find(|column| name_of(column).as_deref() == Some(name))
    }

    fn is_known(&self, judge: &Judge<'_>, name: &str) -> bool {
        let table = self.table.as_ref().and_then(|table| judge.session.table(table));
        self.own(name).is_some() || table.is_some_and(|table| table.columns.contains_key(name))
    }

    fn is_virtual(&self, judge: &Judge<'_>, name: &str) -> bool {
        let table = self.table.as_ref().and_then(|table| judge.session.table(table));
        match self.own(name) {
            Some(column) => is_virtual(column),
            None => table.and_then(|table| table.columns.get(name)).is_some_and(|column| column.is_virtual),
        }
    }

    fn is_generated(&self, judge: &Judge<'_>, name: &str) -> bool {
        let table = self.table.as_ref().and_then(|table| judge.session.table(table));
        let said = RelationName { schema: "public".to_owned(), name: name.to_owned() };
        let said = ColumnUser { kind: "generated column".to_owned(), name: said };
        match self.own(name) {
            Some(column) => expression_of(column).is_some(),
            None => table.is_some_and(|table| table.users.contains_key(&said)) || self.is_virtual(judge, name),
        }
    }

    fn type_of(&self, judge: &Judge<'_>, name: &str) -> Option<DataType> {
        match self.own(name) {
            Some(column) => DataType::of(column),
            None => judge.session.column_type(self.table.as_ref()?, name),
        }
    }
}

/// A column that is made.
fn made(judge: &mut Judge<'_>, column: &SyntaxNode, columns: &Columns) {
    let default = tree::child(column, K::DEFAULT_CONSTRAINT);
    let generated = tree::child(column, K::GENERATED_CONSTRAINT);
    if let (Some(default), Some(_)) = (&default, &generated) {
        judge.report(&REFUSED, default, "a column that is GENERATED has no DEFAULT".to_owned());
    } else if let Some(default) = &default {
        names_column(judge, default, columns);
    }
    let Some(expression) = expression_of(column) else { return };
    let users = DataType::of(column).filter(|data_type| is_virtual(column) && is_users(judge, data_type));
    computed(judge, &expression, columns, is_virtual(column) && users.is_none());
    if let Some((data_type, node)) = users.zip(types::type_node(column)).filter(|_| judge.version(18)) {
        let message = format!("{} does not come with the server: no VIRTUAL column is of it", data_type.name);
        judge.report(&VIRTUAL, &node, message);
    }
}

/// The expression of a generated column.
fn computed(judge: &mut Judge<'_>, expression: &SyntaxNode, columns: &Columns, is_virtual: bool) {
    if let Some((name, part)) = names(expression).find(|(name, _)| columns.is_generated(judge, name)) {
        judge.report(&REFUSED, &part, format!("{name} is generated itself: no generated column is computed from it"));
    }
    if !is_virtual || !judge.version(18) {
        return;
    }
    let foreign = expression.descendants().find_map(|part| {
        let what = match part.kind() {
            K::CALL_EXPR => users_function(judge, &part).map(|name| format!("{name}()")),
            K::CAST_EXPR => types::type_node(&part)
                .map(|node| DataType::parse(&tree::words(&node)))
                .and_then(|of| is_users(judge, &of).then_some(of.name)),
            K::NAME_REF if !is_name_of_call(&part) => {
                let data_type = columns.type_of(judge, &tree::name(&part))?;
                is_users(judge, &data_type).then_some(data_type.name)
            }
            _ => None,
        };
        what.map(|what| (part, what))
    });
    if let Some((part, what)) = foreign {
        let message = format!("{what} does not come with the server: no VIRTUAL column is computed with it");
        judge.report(&VIRTUAL, &part, message);
    }
}

/// The function of a call, where it surely does not come with the server.
fn users_function(judge: &Judge<'_>, call: &SyntaxNode) -> Option<String> {
    let name = defaults::called(call)?;
    let known = judge.session.routine(&name).is_some() || judge.session.is_mutable(&name).is_some();
    (!defaults::is_builtin(call) || (known && !defaults::is_of_server(&name))).then_some(name)
}

/// Whether a type, or that of the values of an array, surely does not come with the server.
fn is_users(judge: &Judge<'_>, data_type: &DataType) -> bool {
    EXTENSIONS.contains(&data_type.name.as_str()) || judge.session.type_of_name(&data_type.name).is_some()
}

/// A default names no column.
fn names_column(judge: &mut Judge<'_>, default: &SyntaxNode, columns: &Columns) {
    if let Some((name, part)) = names(default).find(|(name, _)| columns.is_known(judge, name)) {
        judge.report(&REFUSED, &part, format!("{name} is a column: a default can name none"));
    }
}

/// What may be columns in an expression, without those of queries, the names of functions and of their arguments.
fn names(node: &SyntaxNode) -> impl Iterator<Item = (String, SyntaxNode)> {
    let is_argument = |name: &SyntaxNode| {
        let next = std::iter::successors(name.next_sibling_or_token(), |next| next.next_sibling_or_token());
        let mut next = next.filter(|next| !next.kind().is_trivia());
        next.next().is_some_and(|next| matches!(next.kind(), K::FAT_ARROW | K::COLON_EQ))
    };
    let is_column = move |name: &SyntaxNode| {
        let outer = name.parent().is_some_and(|parent| matches!(parent.kind(), K::FIELD_EXPR | K::EXTRACT_FN));
        let mut above = name.ancestors().take_while(|above| above != node);
        let value = tree::tokens(name).any(|token| VALUES.contains(&token.kind()));
        !outer && !value && !is_name_of_call(name) && !is_argument(name) && !above.any(|above| is_query(&above))
    };
    tree::below(node, K::NAME_REF)
        .filter(is_column)
        .map(|part| (tree::name(&part), part))
        .collect::<Vec<_>>()
        .into_iter()
}

fn is_key(constraint: &SyntaxNode) -> bool {
    const KEYS: [K; 5] = [
        K::UNIQUE_CONSTRAINT,
        K::PRIMARY_KEY_CONSTRAINT,
        K::EXCLUDE_CONSTRAINT,
        K::FOREIGN_KEY_CONSTRAINT,
        K::REFERENCES_CONSTRAINT,
    ];
    KEYS.contains(&constraint.kind())
}

/// The columns of a key: those that it names, or the one that it is said of.
fn keyed(key: &SyntaxNode) -> Vec<String> {
    let column = key.parent().filter(|parent| matches!(parent.kind(), K::COLUMN | K::ADD_COLUMN));
    match (column, tree::child(key, K::FOREIGN_KEY_COLUMN_LIST)) {
        (Some(column), _) => name_of(&column).into_iter().collect(),
        (None, Some(list)) => columns_of(&list),
        (None, None) => names(key).map(|(name, _)| name).chain(columns_of(key)).collect(),
    }
}

fn over_virtual(judge: &mut Judge<'_>, node: &SyntaxNode, named: &[String], columns: &Columns) {
    let found = named.iter().find(|name| columns.is_virtual(judge, name));
    if let Some(column) = found.filter(|_| judge.version(18)) {
        judge.report(&VIRTUAL, node, format!("{column} is a VIRTUAL column: it can have no index and no key"));
    }
}
