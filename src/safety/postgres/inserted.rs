//! What the server refuses to insert or to assign, whatever the values: columns that take none, a conflict that no key finds, too
//! many values or too few; and constraints that rows break which these files have inserted.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::constraints;
use super::judge::{Alter, Judge, columns_of};
use super::session::{Given, Index, Session, Table};
use super::{defaults, existence, names, tree};

pub(super) static INSERT: Rule = Rule {
    name: "insert-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "INSERT or UPDATE that fails whatever the values are: ON CONFLICT (columns) without a unique key over just these, or DO UPDATE without saying of what, or of which row a column is; a value for a column that is generated, or GENERATED ALWAYS AS IDENTITY; no value for a NOT NULL column without a default; more values than columns, or fewer",
    reason: "The statement fails.",
    help: "Make a unique index over the columns of ON CONFLICT, and say the WHERE of one over some rows; leave generated columns away, or say DEFAULT; OVERRIDING SYSTEM VALUE writes an identity.",
    source: "https://www.postgresql.org/docs/current/sql-insert.html",
};
pub(super) static BROKEN: Rule = Rule {
    name: "constraint-broken",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "SET NOT NULL, a primary key, or a check that a column is NOT NULL, where the same files have inserted a row without a value for the column",
    reason: "The statement fails: a row breaks the constraint.",
    help: "UPDATE the rows first, or insert them with a value.",
    source: "https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-NOT-NULL",
};

/// What an INSERT puts where.
struct Inserted {
    /// The columns that it names, in order, or as many of the table's as there are values.
    columns: Vec<String>,
    /// The values of each row, where it says them.
    rows: Option<Vec<Vec<SyntaxNode>>>,
}

/// Judges an INSERT, and remembers what it surely leaves NULL.
pub(super) fn check(judge: &mut Judge<'_>, statement: &SyntaxNode, table: &RelationName) {
    let conflict = tree::child(statement, K::ON_CONFLICT_CLAUSE);
    let updates = conflict.as_ref().and_then(|conflict| tree::child(conflict, K::CONFLICT_DO_UPDATE_SET));
    if let (Some(conflict), Some(update)) = (&conflict, &updates) {
        if !tree::has(conflict, K::CONFLICT_ON_INDEX) && !tree::has(conflict, K::CONFLICT_ON_CONSTRAINT) {
            judge.report(
                &INSERT,
                conflict,
                "ON CONFLICT DO UPDATE does not say of what: (columns) is missing".to_owned(),
            );
        }
        assigned(judge, update, table);
        ambiguous(judge, statement, update, table);
    }
    // A block may or may not come to it, and may go on when it fails.
    if judge.session.blocks > 0 {
        return;
    }
    if let Some((inserted, overrides)) = read(judge, statement, table) {
        judged(judge, statement, table, &inserted, overrides, conflict.as_ref());
    }
}

/// Judges the INSERT of a MERGE, which need not come to it.
pub(super) fn merged(judge: &mut Judge<'_>, statement: &SyntaxNode, table: &RelationName) {
    if judge.session.blocks > 0 {
        return;
    }
    for insert in tree::below(statement, K::MERGE_INSERT).collect::<Vec<_>>() {
        let Some((inserted, overrides)) = read(judge, &insert, table) else { continue };
        let known = judge.session.told(table);
        if let Some(message) = known.and_then(|known| inserted.refused(known, table, overrides)) {
            judge.report(&INSERT, &insert, message);
        }
    }
}

/// The columns that a DO UPDATE names without their table are both the row's that is there and the row's that is not inserted.
fn ambiguous(judge: &mut Judge<'_>, statement: &SyntaxNode, update: &SyntaxNode, table: &RelationName) {
    let listed = [Some(update.clone()), tree::child(statement, K::COLUMN_TARGET_LIST)];
    let targets = listed.iter().flatten().flat_map(|list| tree::below(list, K::COLUMN_TARGET));
    let mut columns: BTreeSet<String> =
        targets.filter_map(|target| tree::child_name(&target, K::COLUMN_NAME_REF)).collect();
    columns.extend(judge.session.told(table).into_iter().flat_map(|known| known.columns.keys().cloned()));
    let set = tree::child(update, K::SET_CLAUSE);
    let values = set.iter().flat_map(|set| tree::below(set, K::SET_EXPR)).chain(tree::child(update, K::WHERE_CLAUSE));
    let is_own = |name: &SyntaxNode| columns.contains(&tree::name(name));
    let named = values.flat_map(|value| existence::bare_columns(&value)).find(is_own);
    if let Some(name) = named.filter(|_| judge.session.blocks == 0) {
        let column = tree::name(&name);
        let message = format!("{column} may be {table}.{column} or excluded.{column} here: the server asks which");
        judge.report(&INSERT, &name, message).help =
            "Say of which row: excluded.n is what would have been inserted, t.n of the table t what is there."
                .to_owned();
    }
}

/// What an INSERT puts where, and whether it says OVERRIDING; nothing where that is not known, or has been reported.
fn read(judge: &mut Judge<'_>, statement: &SyntaxNode, table: &RelationName) -> Option<(Inserted, bool)> {
    let overrides = tree::has(statement, K::OVERRIDING_SYSTEM_VALUE) || tree::has(statement, K::OVERRIDING_USER_VALUE);
    if tree::has(statement, K::DEFAULT_VALUES) {
        return Some((Inserted { columns: Vec::new(), rows: Some(vec![Vec::new()]) }, overrides));
    }
    let known = judge.session.told(table);
    let is_listed = tree::has(statement, K::COLUMN_TARGET_LIST);
    let named: Option<Vec<String>> = match tree::child(statement, K::COLUMN_TARGET_LIST) {
        Some(list) => list.children().map(|target| tree::child_name(&target, K::COLUMN_NAME_REF)).collect(),
        None => known
            .filter(|table| table.column_order.len() == table.columns.len())
            .map(|table| table.column_order.clone()),
    };
    let query = statement.children().find(names::is_query)?;
    let rows = rows(&query);
    let widths: BTreeSet<usize> = match &rows {
        Some(rows) => rows.iter().map(Vec::len).collect(),
        None => width(&query).into_iter().collect(),
    };
    let width = widths.iter().next().copied();
    if widths.len() > 1 {
        let message = "the rows of VALUES have not all the same number of values".to_owned();
        judge.report(&INSERT, statement, message);
        return None;
    }
    let mut columns = named?;
    let refused = match width {
        Some(width) if width > columns.len() => Some(format!("{width} values for {} columns", columns.len())),
        Some(width) if width < columns.len() && is_listed => {
            Some(format!("{} columns, and values for {width}", columns.len()))
        }
        _ => None,
    };
    if let Some(message) = refused {
        judge.report(&INSERT, statement, message);
        return None;
    }
    if !is_listed {
        columns.truncate(width.unwrap_or_default());
    }
    Some((Inserted { columns, rows }, overrides))
}

/// Judges what an INSERT puts where by what is known of the table, and remembers what that leaves NULL.
fn judged(
    judge: &mut Judge<'_>,
    statement: &SyntaxNode,
    table: &RelationName,
    inserted: &Inserted,
    overrides: bool,
    conflict: Option<&SyntaxNode>,
) {
    let Some(known) = judge.session.told(table) else { return };
    let message = inserted
        .refused(known, table, overrides)
        .or_else(|| unmatched(known, table, conflict.and_then(|conflict| tree::child(conflict, K::CONFLICT_ON_INDEX))));
    if let Some(message) = message {
        judge.report(&INSERT, statement, message);
    } else if inserted.rows.is_some() && conflict.is_none() && !known.has_triggers {
        let nulls = inserted.nulls(known);
        let of_file = statement.parent().is_some_and(|parent| parent.kind() == K::SOURCE_FILE);
        if of_file {
            let table = judge.session.table_mut(table);
            table.has_row = true;
            table.nulls.extend(nulls);
            judge.session.has_nulls = true;
        }
    }
}

impl Inserted {
    /// Whether some row has a value of a kind in a column; of a query, whether it may.
    fn any(&self, column: &str, test: impl Fn(Option<&SyntaxNode>) -> bool) -> bool {
        let Some(place) = self.columns.iter().position(|own| own == column) else { return false };
        match &self.rows {
            Some(rows) => rows.iter().any(|row| test(row.get(place))),
            None => test(None),
        }
    }

    /// Why the server takes no row of it, where the columns alone tell.
    fn refused(&self, table: &Table, name: &RelationName, overrides: bool) -> Option<String> {
        let is_given = |value: Option<&SyntaxNode>| value.is_none_or(|value| tree::words(value) != "default");
        table.columns.iter().find_map(|(column, known)| match known.given {
            Given::Expression if self.any(column, is_given) => {
                Some(format!("{name}.{column} is generated: it takes no value but DEFAULT"))
            }
            Given::Identity if !overrides && self.any(column, is_given) => Some(format!(
                "{name}.{column} is GENERATED ALWAYS AS IDENTITY: it takes no value but DEFAULT without OVERRIDING SYSTEM VALUE"
            )),
            Given::Nothing if known.not_null && self.rows.is_some() && !table.has_triggers && self.leaves_null(column) => {
                Some(format!("{name}.{column} is NOT NULL, and this INSERT gives it no value"))
            }
            _ => None,
        })
    }

    /// Whether a column without a default is surely NULL in some row.
    fn leaves_null(&self, column: &str) -> bool {
        let is_null = |value: Option<&SyntaxNode>| {
            value.is_some_and(|value| {
                value.kind() == K::LITERAL && matches!(tree::words(value).as_str(), "null" | "default")
            })
        };
        !self.columns.iter().any(|own| own == column) || self.any(column, is_null)
    }

    fn nulls(&self, table: &Table) -> Vec<String> {
        let columns =
            table.columns.iter().filter(|(_, known)| known.given == Given::Nothing && known.data_type.is_some());
        columns.filter(|(name, _)| self.leaves_null(name)).map(|(name, _)| name.clone()).collect()
    }
}

/// The values of VALUES, where each is one.
fn rows(query: &SyntaxNode) -> Option<Vec<Vec<SyntaxNode>>> {
    if query.kind() != K::VALUES {
        return None;
    }
    let list = tree::child(query, K::ROW_LIST)?;
    let rows: Vec<Vec<SyntaxNode>> = list.children().map(|row| row.children().collect()).collect();
    let spreads = |value: &SyntaxNode| value.kind() == K::FIELD_EXPR && tree::has_token(value, K::STAR);
    (!rows.iter().flatten().any(spreads)).then_some(rows)
}

/// How many columns a query gives, where it names them all.
fn width(query: &SyntaxNode) -> Option<usize> {
    match query.kind() {
        K::PAREN_SELECT | K::COMPOUND_SELECT => width(&query.children().find(names::is_query)?),
        K::SELECT => {
            let targets = tree::child(&tree::child(query, K::SELECT_CLAUSE)?, K::TARGET_LIST)?;
            let spreads = |target: &SyntaxNode| {
                tree::has_token(target, K::STAR)
                    || target.children().any(|value| tree::has_token(&value, K::STAR) && value.kind() == K::FIELD_EXPR)
            };
            (!targets.children().any(|target| spreads(&target))).then(|| targets.children().count())
        }
        _ => None,
    }
}

/// Why the server finds no key for the columns of ON CONFLICT.
fn unmatched(table: &Table, name: &RelationName, target: Option<SyntaxNode>) -> Option<String> {
    let target = target?;
    let filtered = tree::has(&target, K::WHERE_CLAUSE);
    let items = tree::child(&target, K::CONFLICT_INDEX_ITEM_LIST)?;
    let parts: BTreeSet<Option<String>> = items
        .children()
        .map(|item| item.children().next().filter(|part| part.kind() == K::NAME_REF).map(|part| tree::name(&part)))
        .collect();
    let functions: BTreeSet<String> =
        tree::below(&items, K::CALL_EXPR).filter_map(|call| called_plainly(&call)).collect();
    let may_match = |index: &Index| {
        let own = &index.shape.parts;
        let are_columns = !parts.contains(&None);
        let is_over = are_columns || may_be_over(&index.shape.rest, &functions);
        // What it is made of is not known, or only the server can compare it.
        let is_unknown = own.is_empty() || !are_columns && own.contains(&None);
        index.unique
            && (!index.shape.partial || filtered)
            && is_over
            && (is_unknown || own.iter().cloned().collect::<BTreeSet<_>>() == parts)
    };
    if table.indexes.values().any(may_match) {
        return None;
    }
    let shown: Vec<String> = parts.into_iter().map(|part| part.unwrap_or_else(|| "...".to_owned())).collect();
    Some(format!("no unique index of all rows of {name} is over just {}", shown.join(", ")))
}

/// A function that an index says as a statement does.
fn called_plainly(call: &SyntaxNode) -> Option<String> {
    const PLAIN: [&str; 8] = ["ceil", "date_trunc", "floor", "initcap", "length", "lower", "md5", "upper"];
    defaults::called(call).filter(|function| PLAIN.contains(&function.as_str()))
}

/// Whether an index may be over what calls these functions; what it is over is empty where nobody has told.
fn may_be_over(rest: &str, functions: &BTreeSet<String>) -> bool {
    rest.is_empty() || functions.iter().all(|function| rest.contains(&format!("{function}(")))
}

/// Judges the SET of an UPDATE, or of ON CONFLICT DO UPDATE: what is generated takes no value.
pub(super) fn assigned(judge: &mut Judge<'_>, statement: &SyntaxNode, table: &RelationName) {
    let set = tree::child(statement, K::SET_CLAUSE).and_then(|set| tree::child(&set, K::SET_COLUMN_LIST));
    let Some(set) = set else { return };
    let mut changed: Vec<String> = Vec::new();
    let mut refused = None;
    for part in set.children() {
        let targets: Vec<SyntaxNode> = tree::below(&part, K::COLUMN_TARGET).collect();
        let values: Vec<SyntaxNode> = tree::below(&part, K::SET_EXPR).collect();
        for (place, target) in targets.iter().enumerate() {
            let Some(column) = tree::child_name(target, K::COLUMN_NAME_REF) else { continue };
            let is_default = values.get(place).is_some_and(|value| tree::words(value) == "default");
            let given = judge.session.told(table).and_then(|known| known.columns.get(&column)).map(|known| known.given);
            let is_generated = matches!(given, Some(Given::Expression | Given::Identity));
            if is_generated && !is_default && judge.session.blocks == 0 {
                refused = refused.or_else(|| Some((part.clone(), column.clone())));
            }
            changed.push(column);
        }
    }
    if let Some((part, column)) = refused {
        judge.report(&INSERT, &part, format!("{table}.{column} is generated: it can be set to DEFAULT alone"));
    }
    if judge.session.table(table).is_some_and(|table| changed.iter().any(|column| table.nulls.contains(column))) {
        judge.session.table_mut(table).nulls.retain(|column| !changed.contains(column));
    }
}

/// Forgets what is NULL where a statement may have changed it.
pub(super) fn settle(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if !judge.session.has_nulls || node.kind() == K::ALTER_TABLE {
        return;
    }
    let is_written = |part: &SyntaxNode| {
        let table = names::target(part).and_then(|target| judge.session.relation(&target));
        table.and_then(|table| judge.session.table(&table)).is_some_and(|table| table.has_triggers)
    };
    let may_change = node.descendants().any(|part| match part.kind() {
        K::DELETE | K::TRUNCATE | K::MERGE | K::DO | K::CALL | K::EXECUTE => true,
        K::INSERT | K::UPDATE => is_written(&part),
        K::CALL_EXPR => defaults::called(&part).is_some_and(|function| !defaults::is_harmless(&part, &function)),
        _ => false,
    });
    if may_change {
        judge.session.forget_nulls();
    }
}

/// A constraint that a row breaks.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let Some(table) = judge.session.table(&alter.table).filter(|table| !table.nulls.is_empty()) else { return };
    let columns: Vec<String> = match action.kind() {
        K::ALTER_COLUMN if tree::has(action, K::SET_NOT_NULL) => {
            tree::child_name(action, K::COLUMN_NAME_REF).into_iter().collect()
        }
        K::ADD_CONSTRAINT => match constraints::added(action) {
            Some(key) if key.kind() == K::PRIMARY_KEY_CONSTRAINT => {
                let list = tree::below(&key, K::CONSTRAINT_COLUMN_REF_LIST).next();
                list.map(|list| columns_of(&list)).unwrap_or_default()
            }
            Some(constraint)
                if !constraints::is_not_valid(&constraint) && !constraints::is_not_enforced(&constraint) =>
            {
                constraints::remembered(&constraint, judge.session.birth()).proves
            }
            _ => Vec::new(),
        },
        K::VALIDATE_CONSTRAINT => {
            let constraint = tree::path(action).pop().and_then(|name| table.constraints.get(&name));
            constraint.map(|constraint| constraint.proves.clone()).unwrap_or_default()
        }
        _ => return,
    };
    if let Some(column) = columns.into_iter().find(|column| table.nulls.contains(column)) {
        let message = format!("{}.{column} is NULL in a row that these files have inserted", alter.table);
        judge.report(&BROKEN, action, message);
    }
}

impl Session<'_> {
    /// Nothing is known of what is NULL in which rows.
    fn forget_nulls(&mut self) {
        let tables = self.filled_tables();
        for table in tables {
            let table = self.table_mut(&table);
            table.has_row = false;
            table.nulls.clear();
        }
        self.has_nulls = false;
    }
}
