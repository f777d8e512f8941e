//! Views that go and come again, and what may replace them.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::Judge;
use super::types::{self, DataType};
use super::{drops, objects, tree};

pub(in super::super) const RULES: &[&Rule] = &[&REPLACE_REFUSED];

static REPLACE_REFUSED: Rule = Rule {
    name: "view-replace-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "CREATE OR REPLACE VIEW without a column that the view has, with one in another place, or of another type",
    reason: "The statement fails: columns can only be added at the end.",
    help: "Keep the columns, under their names, with a cast to the type that they have; else DROP VIEW and CREATE VIEW in one transaction, once programs do without them.",
    source: "https://www.postgresql.org/docs/current/sql-createview.html",
};

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::DROP_VIEW if !objects::are_of_this_file(judge, node) => dropped(judge, node),
        K::CREATE_VIEW if tree::has(node, K::OR_REPLACE) => {
            let Some(view) = tree::child(node, K::VIEW).and_then(|name| judge.session.relation(&name)) else { return };
            if let Some(lost) = lost(judge, &view, node) {
                judge.report(&REPLACE_REFUSED, node, format!("the view {view} has the column {lost}: no replacing it"));
            } else if let Some((had, now)) = moved(judge, &view, node) {
                let message = format!("the view {view} has {had} where this has {now}: no replacing it");
                judge.report(&REPLACE_REFUSED, node, message);
            } else if let Some((column, had, now)) = retyped(judge, &view, node) {
                let message = format!("{view}.{column} is {had}, and this makes it {now}: no replacing it");
                judge.report(&REPLACE_REFUSED, node, message);
            }
            // From now on the files tell of it.
            if judge.session.table(&view).is_some_and(super::session::Table::is_catalogued) {
                let table = judge.session.table_mut(&view);
                table.columns.clear();
                table.column_order.clear();
            }
        }
        _ => {}
    }
}

/// A view that goes: nobody sees it gone when it comes again in the same transaction with the columns that it had.
fn dropped(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let views = judge.session.relations(node, K::VIEW_REF);
    let again: Vec<SyntaxNode> = views.iter().filter_map(|view| made_again(judge, node, view)).collect();
    if views.is_empty() || again.len() < views.len() {
        judge.report(&drops::VIEW_DROPPED, node, "a view is dropped".to_owned());
        return;
    }
    let mut both = views.iter().zip(&again);
    if let Some((view, lost)) = both.find_map(|(view, made)| Some((view, lost(judge, view, made)?))) {
        let message = format!("the view {view} is made again without its column {lost}");
        judge.report(&drops::VIEW_DROPPED, node, message);
        return;
    }
    let shown: Vec<String> = views.iter().map(RelationName::to_string).collect();
    let message = format!("{} is dropped, and made again in the same transaction", shown.join(", "));
    let finding = judge.report(&drops::VIEW_DROPPED, node, message);
    finding.severity = Severity::Warning;
    finding.effect =
        "Programs do not see it gone, but what was granted on it is lost, and its triggers, defaults and comments."
            .to_owned();
    finding.help = "GRANT in the same migration what programs need, and keep the columns that they use.".to_owned();
}

/// Whether all views that a statement drops come again in its transaction.
pub(super) fn come_again(judge: &Judge<'_>, node: &SyntaxNode) -> bool {
    let views = judge.session.relations(node, K::VIEW_REF);
    node.kind() == K::DROP_VIEW && !views.is_empty() && views.iter().all(|view| made_again(judge, node, view).is_some())
}

/// The statement that makes a view again, after one that drops it and before their transaction ends.
fn made_again(judge: &Judge<'_>, node: &SyntaxNode, view: &RelationName) -> Option<SyntaxNode> {
    if !judge.session.in_transaction() || judge.session.blocks > 0 {
        return None;
    }
    const ENDS: [K; 4] =
        [K::COMMIT_TRANSACTION, K::ROLLBACK_TRANSACTION, K::PREPARE_TRANSACTION, K::ROLLBACK_TO_SAVEPOINT];
    let later = std::iter::successors(node.next_sibling(), SyntaxNode::next_sibling);
    let mut made = None;
    for statement in later {
        match statement.kind() {
            K::ROLLBACK_TRANSACTION | K::ROLLBACK_TO_SAVEPOINT => return None,
            kind if ENDS.contains(&kind) => break,
            K::CREATE_VIEW if !tree::has(&statement, K::TEMP) => {
                let name = tree::child(&statement, K::VIEW).and_then(|name| judge.session.relation(&name));
                if name.as_ref() == Some(view) {
                    made = Some(statement);
                }
            }
            K::DROP_VIEW if judge.session.relations(&statement, K::VIEW_REF).contains(view) => made = None,
            _ => {}
        }
    }
    made
}

/// A column that a view is known to have, and that a statement surely makes it without.
fn lost(judge: &Judge<'_>, view: &RelationName, made: &SyntaxNode) -> Option<String> {
    let had = judge.session.table(view).filter(|table| table.is_catalogued() && !table.columns.is_empty())?;
    let now = columns(made)?;
    had.columns.keys().find(|column| !now.contains(*column)).cloned()
}

/// The first column of a view that a statement puts in another place, and what stands there then.
fn moved(judge: &Judge<'_>, view: &RelationName, made: &SyntaxNode) -> Option<(String, String)> {
    let had = judge.session.table(view).filter(|table| table.is_catalogued())?;
    let now = columns(made)?;
    had.column_order.iter().zip(now).find(|(had, now)| *had != now).map(|(had, now)| (had.clone(), now))
}

/// The first column of a view that a statement gives another type, with both types.
fn retyped(judge: &Judge<'_>, view: &RelationName, made: &SyntaxNode) -> Option<(String, String, String)> {
    let had = judge.session.table(view).filter(|table| table.is_catalogued())?;
    had.column_order.iter().zip(types_of(judge, made)?).find_map(|(name, now)| {
        let (own, now) = (had.columns.get(name)?.data_type.as_ref()?, now?);
        (!own.may_be(&now)).then(|| (name.clone(), own.name.clone(), now.name))
    })
}

/// The types of what a query selects, as far as a cast or a column of the only table tells.
fn types_of(judge: &Judge<'_>, made: &SyntaxNode) -> Option<Vec<Option<DataType>>> {
    // A union gives the type of all its queries.
    let query = tree::child(made, K::SELECT)?;
    let mut sources = tree::below(made, K::RELATION_FROM_ITEM);
    let source = sources.next().filter(|_| sources.next().is_none() && !tree::has(&query, K::WITH_CLAUSE));
    let table = source.and_then(|source| judge.session.relation(&source));
    let type_of = |target: SyntaxNode| {
        let expression = tree::inner(target.children().next()?);
        match types::type_node(&expression) {
            Some(_) if expression.kind() == K::CAST_EXPR => DataType::of(&expression),
            _ => judge.session.column_type(table.as_ref()?, &tree::column(&expression)?),
        }
    };
    let targets = targets(&query)?.children().filter(|part| part.kind() == K::TARGET).collect::<Vec<_>>();
    let is_plain = targets.iter().all(|target| !tree::has_token(target, K::STAR));
    is_plain.then(|| targets.into_iter().map(type_of).collect())
}

/// The columns of a view in their order, with their types where they are known.
pub(super) type Shape = Vec<(String, Option<DataType>)>;

/// The columns of a view that a statement makes, where its text says all of them.
pub(super) fn shape(judge: &Judge<'_>, made: &SyntaxNode) -> Option<Shape> {
    let names = columns(made)?;
    let types = types_of(judge, made).unwrap_or_default().into_iter().chain(std::iter::repeat(None));
    Some(names.into_iter().zip(types).collect())
}

/// A view that an earlier statement made is replaced.
pub(super) fn replaced(
    judge: &mut Judge<'_>,
    node: &SyntaxNode,
    view: &RelationName,
    had: &Shape,
    now: Option<&Shape>,
) {
    let Some(now) = now else { return };
    let refused = had.iter().enumerate().find_map(|(at, (name, own))| match now.get(at) {
        Some((new, _)) if new != name && now.iter().any(|(other, _)| other == name) => {
            Some(format!("the view {view} has {name} where this has {new}: no replacing it"))
        }
        Some((new, other)) if new == name => {
            let (own, other) = own.as_ref().zip(other.as_ref())?;
            let message = format!("{view}.{name} is {}, and this makes it {}: no replacing it", own.name, other.name);
            (!own.may_be(other)).then_some(message)
        }
        _ => Some(format!("the view {view} has the column {name}: no replacing it")),
    });
    if let Some(message) = refused {
        judge.report(&REPLACE_REFUSED, node, message);
    }
}

/// The columns of a view that a statement makes, where its text says all of them: a star may be of any number.
fn columns(made: &SyntaxNode) -> Option<Vec<String>> {
    let list = tree::child(made, K::COLUMN_LIST);
    let named: Vec<String> =
        list.iter().flat_map(SyntaxNode::children).filter_map(|column| tree::last_name(&column)).collect();
    let targets = targets(made)?;
    let targets = targets.children().filter(|part| part.kind() == K::TARGET);
    let all: Vec<Option<String>> = targets.map(|target| column(&target)).collect();
    let unnamed = all.into_iter().skip(named.len()).collect::<Option<Vec<String>>>()?;
    Some(named.into_iter().chain(unnamed).collect())
}

/// The targets of the first SELECT of a query.
fn targets(query: &SyntaxNode) -> Option<SyntaxNode> {
    const QUERIES: [K; 3] = [K::SELECT, K::COMPOUND_SELECT, K::PAREN_SELECT];
    match tree::child(query, K::SELECT_CLAUSE) {
        Some(clause) => tree::child(&clause, K::TARGET_LIST),
        None => query.children().find(|part| QUERIES.contains(&part.kind())).and_then(|part| targets(&part)),
    }
}

/// What a target of a SELECT is called, unless the server makes up a name.
fn column(target: &SyntaxNode) -> Option<String> {
    let alias = tree::child(target, K::AS_NAME).and_then(|name| tree::last_name(&name));
    alias.or_else(|| {
        let expression = tree::inner(target.children().next()?);
        let inside = if expression.kind() == K::CAST_EXPR { expression.children().next()? } else { expression };
        tree::column(&inside).filter(|_| !tree::has_token(&inside, K::STAR))
    })
}
