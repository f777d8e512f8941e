//! Rows: lost, overwritten, or changed too many at once.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::Judge;
use super::queries::{Known, Whole};
use super::session::{Filled, Session};
use super::{bounds, inserted, names, queries, tree};

pub(in super::super) const RULES: &[&Rule] =
    &[&TRUNCATED, &DELETE_ALL, &UPDATE_ALL, &UNBATCHED, &UNBATCHED_COPY, &DUPLICATE_ASSIGNMENT, &CATALOGUE_WRITTEN];

pub(in super::super) static TRUNCATED: Rule = Rule {
    name: "truncate",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "TRUNCATE",
    reason: "All rows are lost. ACCESS EXCLUSIVE on the table; transactions that began before see it empty.",
    help: "DELETE in batches what must go, and allow this by name where all of it must.",
    source: "https://www.postgresql.org/docs/current/sql-truncate.html",
};
pub(in super::super) static DELETE_ALL: Rule = Rule {
    name: "delete-without-where",
    severity: Severity::Error,
    cost: Cost::Scans,
    summary: "DELETE without WHERE",
    reason: "All rows are lost, each locked until the transaction ends.",
    help: "Say which rows, and delete them in batches.",
    source: "https://www.postgresql.org/docs/current/sql-delete.html",
};
pub(in super::super) static UPDATE_ALL: Rule = Rule {
    name: "update-without-where",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "UPDATE without WHERE",
    reason: "All rows are overwritten and written again, each locked until the transaction ends.",
    help: "Say which rows, and update them in batches of some thousand, each in a transaction of its own.",
    source: "https://www.postgresql.org/docs/current/sql-update.html",
};
static UNBATCHED: Rule = Rule {
    name: "unbatched-backfill",
    severity: Severity::Error,
    cost: Cost::Rewrites,
    summary: "UPDATE, DELETE, MERGE, INSERT ... ON CONFLICT DO UPDATE of a number of rows that nothing bounds: no key of the table or, where its keys are not known, no column that is called like one; a month of dates at most, and so a day, is a batch of whichever column, but by the live catalogue only of a table of no more than 50 000 rows; a range of a key is one of 100 000 numbers at most, by the live catalogue of 50 000 where the table is larger; INSERT or MERGE of a whole table, also without the rows that are there already, or of a long series, into one that exists",
    reason: "Each row stays locked until the last one is done; the table bloats, replicas lag, and a failure rolls all of it back.",
    help: "Batches of some thousand rows, each in a transaction of its own (`-- charter: no-transaction`): WHERE id BETWEEN ..., or id IN (SELECT ... LIMIT ...).",
    source: "https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS",
};
static UNBATCHED_COPY: Rule = Rule {
    name: "unbatched-copy",
    severity: Severity::Warning,
    cost: Cost::Scans,
    summary: "INSERT ... SELECT or CREATE TABLE AS from a table that exists",
    reason: "It takes as long as the table is large, in one transaction that holds back VACUUM; rows written meanwhile are missed.",
    help: "Copy in batches by key, and keep both written until the switch.",
    source: "https://www.postgresql.org/docs/current/sql-insert.html",
};
pub(super) static DUPLICATE_ASSIGNMENT: Rule = Rule {
    name: "duplicate-assignment",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A column is assigned twice in one statement",
    reason: "The statement fails.",
    help: "Assign each column once.",
    source: "https://squawkhq.com/docs/ban-duplicate-column-assignments",
};
static CATALOGUE_WRITTEN: Rule = Rule {
    name: "catalogue-written",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table of the system catalogue is written",
    reason: "Nothing checks or locks what it changes: the database can be left beyond repair.",
    help: "Use the DDL statement that is meant for it.",
    source: "https://www.postgresql.org/docs/current/catalogs-overview.html",
};

/// What a statement does to rows, for the rules about locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rows {
    /// Nothing, or a few given values.
    None,
    /// A few rows found by a key.
    Point,
    /// Rows are read, nobody knows how many.
    Reads,
    /// A bounded number of rows changes.
    Batch,
    /// Any number of rows changes.
    Open,
}

/// Statements whose inner statements do not run here, or are judged by themselves.
const CLOSED: [K; 8] = [
    K::CREATE_FUNCTION,
    K::CREATE_PROCEDURE,
    K::CREATE_RULE,
    K::CREATE_VIEW,
    K::PREPARE,
    K::EXPLAIN,
    K::CREATE_SCHEMA,
    K::DO,
];

/// Judges what changes rows within a statement, and says the most that is done to rows of tables that are not new.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) -> Rows {
    if CLOSED.contains(&node.kind()) {
        if node.kind() == K::DO {
            inserted::settle(judge, node);
        }
        return Rows::None;
    }
    let mut most = Rows::None;
    for part in node.descendants() {
        let rows = match part.kind() {
            K::UPDATE | K::DELETE | K::MERGE => change(judge, &part),
            K::INSERT => insert(judge, &part),
            K::TRUNCATE => {
                truncate(judge, &part);
                Rows::None
            }
            K::CREATE_TABLE_AS | K::SELECT_INTO | K::CREATE_MATERIALIZED_VIEW => copy(judge, &part),
            K::COPY => {
                let table = tree::child(&part, K::COPY_TABLE).filter(|_| tree::has(&part, K::COPY_FROM));
                if let Some(table) = table.and_then(|table| judge.session.relation(&table)) {
                    judge.session.fill(&table, Filled::Many);
                }
                Rows::Reads
            }
            K::SELECT if node.kind() == K::SELECT => reads(judge, &part),
            _ => Rows::None,
        };
        most = most.max(rows);
    }
    inserted::settle(judge, node);
    most
}

fn target(judge: &Judge<'_>, statement: &SyntaxNode) -> Option<(SyntaxNode, RelationName)> {
    let node = names::target(statement)?;
    let name = judge.session.relation(&node)?;
    Some((node, name))
}

fn is_catalogue(name: &RelationName) -> bool {
    name.schema == "pg_catalog" || (name.name.starts_with("pg_") && name.schema != super::session::TEMPORARY)
}

fn written(judge: &mut Judge<'_>, node: &SyntaxNode, table: &RelationName) -> bool {
    if is_catalogue(table) {
        judge.report(&CATALOGUE_WRITTEN, node, format!("{} is the server's own", table.name));
    }
    is_catalogue(table)
}

fn change(judge: &mut Judge<'_>, statement: &SyntaxNode) -> Rows {
    let Some((node, table)) = target(judge, statement) else { return Rows::Open };
    if written(judge, &node, &table) {
        return Rows::Open;
    }
    inserted::assigned(judge, statement, &table);
    if statement.kind() == K::MERGE {
        inserted::merged(judge, statement, &table);
    }
    let here = judge.session.is_of_this_file(&table) || judge.session.is_empty(&table);
    let new = judge.session.is_new(&table);
    let verb = match statement.kind() {
        K::UPDATE => "UPDATE",
        K::DELETE => "DELETE",
        _ => "MERGE",
    };
    let filter = tree::child(statement, K::WHERE_CLAUSE).and_then(|filter| filter.children().next());
    let joined = tree::has(statement, K::FROM_CLAUSE) || tree::has(statement, K::USING_CLAUSE);
    let current = tree::has(statement, K::WHERE_CURRENT_OF);
    let all = !current && !joined && filter.as_ref().is_none_or(is_tautology) && statement.kind() != K::MERGE;
    match statement.kind() {
        K::DELETE if all => judge.session.emptied(&table),
        K::MERGE => judge.session.fill(&table, Filled::Many),
        _ => {}
    }
    if all && !here {
        let rule = if statement.kind() == K::DELETE { &DELETE_ALL } else { &UPDATE_ALL };
        judge.report(rule, statement, format!("{verb} without WHERE changes every row of {table}"));
        return Rows::Open;
    }
    if here || new {
        return Rows::None;
    }
    let rows = bounds::rows(&judge.session, statement, &table);
    let again = judge.session.in_transaction() && judge.session.changed.iter().any(|(changed, _)| *changed == table);
    if rows == Rows::Open {
        let message = format!("nothing bounds how many rows of {table} this {verb} changes");
        let finding = judge.report(&UNBATCHED, statement, message);
        if statement.kind() == K::DELETE {
            finding.cost = Cost::Scans;
        }
    } else if rows == Rows::Batch && again {
        let message =
            format!("batches of {table} in one transaction are one batch: no row is unlocked before the last");
        judge.report(&UNBATCHED, statement, message);
    } else if rows == Rows::Reads {
        let source = names::items(statement).into_iter().next().filter(|_| inserts_all(statement));
        let known = Known::around(&judge.session, statement);
        match source.and_then(|source| queries::whole_item(&judge.session, &source, &known)) {
            Some(whole) => report_whole(judge, statement, &table, whole),
            None => report_copy(judge, statement),
        }
    }
    rows
}

/// Whether a MERGE inserts a row for each of its query that no row matches.
fn inserts_all(merge: &SyntaxNode) -> bool {
    let mut actions = merge.children().filter(|child| child.kind() == K::MERGE_WHEN_NOT_MATCHED_TARGET);
    actions.any(|action| tree::has(&action, K::MERGE_INSERT) && !tree::has(&action, K::MERGE_CONDITION))
}

fn report_whole(judge: &mut Judge<'_>, statement: &SyntaxNode, table: &RelationName, whole: Whole) {
    let message = match whole {
        Whole::Table => format!("every row that the query reads is copied into {table} at once"),
        Whole::Series => format!("every row of a long series is put into {table} at once"),
    };
    let finding = judge.report(&UNBATCHED, statement, message);
    finding.cost = Cost::Scans;
    if whole == Whole::Table {
        finding.effect = UNBATCHED_COPY.reason.to_owned();
    }
}

/// `WHERE true`, `WHERE 1 = 1`.
pub(super) fn is_tautology(filter: &SyntaxNode) -> bool {
    let filter = tree::inner(filter.clone());
    let sides: Vec<String> = filter.children().map(|side| tree::words(&side)).collect();
    match filter.kind() {
        K::LITERAL => tree::words(&filter) == "true",
        K::BIN_EXPR => {
            let constant = filter.children().all(|side| side.kind() == K::LITERAL);
            constant && tree::has_token(&filter, K::EQ) && sides.first() == sides.get(1)
        }
        _ => false,
    }
}

fn insert(judge: &mut Judge<'_>, statement: &SyntaxNode) -> Rows {
    let Some((node, table)) = target(judge, statement) else { return Rows::None };
    if written(judge, &node, &table) {
        return Rows::Open;
    }
    inserted::check(judge, statement, &table);
    let filled = filling(judge, statement);
    judge.session.fill(&table, filled);
    let overwrites = tree::below(statement, K::CONFLICT_DO_UPDATE_SET).next().is_some();
    let new = judge.session.is_new(&table);
    if overwrites && !new && filled == Filled::Many {
        let message = format!("nothing bounds how many rows of {table} this INSERT overwrites");
        judge.report(&UNBATCHED, statement, message);
        return Rows::Open;
    }
    let query = statement.children().find(names::is_query).filter(|_| filled == Filled::Many && !new);
    let known = Known::around(&judge.session, statement);
    match query.and_then(|query| queries::whole(&judge.session, &query, &known)) {
        Some(whole) => {
            report_whole(judge, statement, &table, whole);
            Rows::Reads
        }
        None => copy(judge, statement),
    }
}

/// How many rows an INSERT, or the query that a table is made of, gives.
pub(super) fn filling(judge: &Judge<'_>, statement: &SyntaxNode) -> Filled {
    let session = &judge.session;
    let queries = statement.children().chain([statement.clone()]);
    let Some(query) = queries.into_iter().find(names::is_query) else { return Filled::Few };
    let known = Known::around(session, &query);
    if queries::given(session, &query, &known) != Rows::Open {
        return Filled::Few;
    }
    let long = || queries::whole(session, &query, &known) == Some(Whole::Series);
    if reads(judge, statement) == Rows::Reads || long() { Filled::Many } else { Filled::Few }
}

/// Rows that come from tables that are not new.
fn copy(judge: &mut Judge<'_>, statement: &SyntaxNode) -> Rows {
    let rows = reads(judge, statement);
    if rows == Rows::Reads && filling(judge, statement) == Filled::Many && !tree::has(statement, K::WITH_NO_DATA) {
        report_copy(judge, statement);
    }
    rows
}

fn report_copy(judge: &mut Judge<'_>, statement: &SyntaxNode) {
    judge.report(&UNBATCHED_COPY, statement, "all rows that the query gives are copied at once".to_owned());
}

/// Whether a query reads tables that are not new, or long; the catalogue's are small.
fn reads(judge: &Judge<'_>, statement: &SyntaxNode) -> Rows {
    let names: Vec<String> = tree::below(statement, K::CTE_NAME).map(|name| tree::name(&name)).collect();
    let sources = statement.descendants().filter(|part| matches!(part.kind(), K::RELATION_FROM_ITEM | K::TABLE));
    let mut tables = sources.filter_map(|source| judge.session.relation(&source));
    let large = tables.any(|table| !names.contains(&table.name) && is_large(&judge.session, &table));
    if large { Rows::Reads } else { Rows::None }
}

/// Whether a table may be of any size: it was there before, or these files have put any number of rows into it.
pub(super) fn is_large(session: &Session<'_>, table: &RelationName) -> bool {
    let filled = session.table(table).is_some_and(|table| table.filled == Filled::Many);
    (filled || !session.is_new(table)) && !is_catalogue(table) && table.schema != "information_schema"
}

fn truncate(judge: &mut Judge<'_>, statement: &SyntaxNode) {
    let list = tree::child(statement, K::TABLE_LIST);
    let tables: Vec<SyntaxNode> = list.iter().flat_map(SyntaxNode::children).collect();
    for node in tables {
        if let Some(table) = judge.session.relation(&node)
            && !judge.session.is_of_this_file(&table)
            && !judge.session.is_empty(&table)
        {
            judge.report(&TRUNCATED, statement, format!("all rows of {table} are lost"));
        }
        if let Some(table) = judge.session.relation(&node) {
            judge.session.emptied(&table);
        }
    }
}
