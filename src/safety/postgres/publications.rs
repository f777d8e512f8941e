//! What is replicated, and what tells the rows of a table apart there: without it, UPDATE and DELETE of a published table fail.

use std::collections::BTreeSet;
use std::ops::Range;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, ReplicaIdentity, Rule, Severity};
use super::attaching::primary_key;
use super::bounds::is_name_of_call;
use super::judge::{Alter, Judge, columns_of};
use super::session::{Session, TEMPORARY};
use super::{objects, tree};

pub(in super::super) const RULES: &[&Rule] = &[&REPLICA_IDENTITY, &PUBLICATION];

static REPLICA_IDENTITY: Rule = Rule {
    name: "replica-identity",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "REPLICA IDENTITY NOTHING or FULL, or USING INDEX of an index that the server refuses; as a warning, DEFAULT or any other index",
    reason: "With NOTHING, UPDATE and DELETE of a published table fail; with FULL, each writes whole rows to the WAL and subscribers search for them row by row.",
    help: "REPLICA IDENTITY USING INDEX of a unique index over NOT NULL columns.",
    source: "https://www.postgresql.org/docs/current/logical-replication-publication.html#LOGICAL-REPLICATION-PUBLICATION-REPLICA-IDENTITY",
};
static PUBLICATION: Rule = Rule {
    name: "publication-changed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A publication or subscription is dropped or narrowed; one takes in all tables, or one that is known to have no primary key, or has a condition or a list of columns that does not go with the key; as information, others",
    reason: "Subscribers miss what is no longer published; UPDATE and DELETE of a published table without a replica identity fail.",
    help: "Give every table a primary key first, and refresh the subscriptions.",
    source: "https://www.postgresql.org/docs/current/logical-replication-publication.html",
};

/// A table that a statement publishes: judged when its file has been read, for its key may come after it.
pub(super) struct Published {
    publication: String,
    table: RelationName,
    /// The columns that the condition names, and those that are listed, where a list there is.
    condition: Vec<String>,
    listed: Option<Vec<String>>,
    range: Range<usize>,
    statement: Range<usize>,
}

/// An action of ALTER TABLE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let table = &alter.table;
    if action.kind() != K::REPLICA_IDENTITY {
        return;
    }
    if let Some(why) = unfit_index(judge, alter, action) {
        let finding = judge.report(&REPLICA_IDENTITY, action, why);
        finding.effect = "The statement fails.".to_owned();
    } else if !judge.session.is_of_this_file(table) {
        let harmful = tree::has(action, K::REPLICA_IDENTITY_FULL) || tree::has(action, K::REPLICA_IDENTITY_NOTHING);
        let message = format!("updates of {table} are replicated otherwise from now on");
        let finding = judge.report(&REPLICA_IDENTITY, action, message);
        if !harmful {
            finding.severity = Severity::Warning;
        }
    }
}

/// What an action makes the replica identity of its table.
pub(super) fn identity(action: &SyntaxNode) -> ReplicaIdentity {
    match tree::child(action, K::USING_INDEX_NAME).and_then(|index| tree::path(&index).pop()) {
        Some(index) => ReplicaIdentity::Index(index),
        None if tree::has(action, K::REPLICA_IDENTITY_FULL) => ReplicaIdentity::Full,
        None if tree::has(action, K::REPLICA_IDENTITY_NOTHING) => ReplicaIdentity::Nothing,
        None => ReplicaIdentity::Key,
    }
}

/// Why the server refuses an index as a replica identity, where that is known.
fn unfit_index(judge: &Judge<'_>, alter: &Alter, action: &SyntaxNode) -> Option<String> {
    let ReplicaIdentity::Index(name) = identity(action) else { return None };
    let table = judge.session.table(&alter.table)?;
    let index = table.indexes.get(&name).filter(|index| index.birth.is_none_or(|birth| birth.certain))?;
    let shape = &index.shape;
    if shape.parts.is_empty() {
        return None;
    }
    // The server makes columns NOT NULL first, wherever that stands in the statement.
    let made = |action: &SyntaxNode| {
        action.kind() == K::ADD_CONSTRAINT || (action.kind() == K::ALTER_COLUMN && tree::has(action, K::SET_NOT_NULL))
    };
    let certain = table.birth.is_some_and(|birth| birth.certain) && !alter.actions.iter().any(made);
    let said = |column: &str| {
        let mut said = table.constraints.values().filter(|own| own.kind == K::NOT_NULL_CONSTRAINT);
        said.any(|own| own.proves.iter().any(|proven| proven == column))
    };
    let mut parts = shape.parts.iter().flatten();
    let nullable = parts.find(|part| certain && judge.session.is_nullable(&alter.table, part) && !said(part));
    let why = if !shape.unique {
        "is not unique".to_owned()
    } else if shape.partial {
        "is not of all rows".to_owned()
    } else if shape.parts.contains(&None) {
        "is over an expression".to_owned()
    } else {
        format!("is over {}, which may be NULL", nullable?)
    };
    Some(format!("the index {name} of {} {why}: it is no replica identity", alter.table))
}

/// Statements about publications and subscriptions.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    const MORE: (Severity, &str) =
        (Severity::Info, "subscribers must be refreshed, and every table needs a replica identity");
    const WHOLE: (Severity, &str) =
        (Severity::Error, "UPDATE and DELETE fail on every table that has no replica identity");
    let has = |kind| tree::has(node, kind);
    let (severity, message) = match node.kind() {
        K::DROP_PUBLICATION if objects::are_of_this_file(judge, node) => return forget(judge, node),
        K::DROP_PUBLICATION | K::DROP_SUBSCRIPTION => (Severity::Error, "its changes are no longer replicated"),
        K::ALTER_PUBLICATION if has(K::OWNER_TO) || has(K::PUBLICATION_RENAME_TO) => return,
        K::CREATE_PUBLICATION | K::ALTER_PUBLICATION
            if is_whole(node) && (node.kind() == K::CREATE_PUBLICATION || has(K::ADD_PUBLICATION_OBJECTS)) =>
        {
            WHOLE
        }
        K::CREATE_PUBLICATION => MORE,
        K::ALTER_PUBLICATION if has(K::ADD_PUBLICATION_OBJECTS) => MORE,
        K::ALTER_PUBLICATION => (Severity::Error, "what is published changes"),
        K::ALTER_SUBSCRIPTION => (Severity::Warning, "what is replicated into this database changes"),
        _ => return,
    };
    judge.report(&PUBLICATION, node, message.to_owned()).severity = severity;
    if !has(K::ADD_PUBLICATION_OBJECTS) {
        forget(judge, node);
    }
    if publishes_changes(node) {
        let published: Vec<Published> = tree::below(node, K::PUBLICATION_OBJECT_TABLE)
            .filter_map(|object| published(judge, node, &object))
            .collect();
        judge.published.extend(published);
    }
}

/// Whether a publication takes in tables that it does not name.
fn is_whole(node: &SyntaxNode) -> bool {
    tree::below(node, K::FOR_ALL_PUBLICATION_OBJECTS).next().is_some()
        || tree::below(node, K::PUBLICATION_OBJECT_TABLES_IN_SCHEMA).next().is_some()
}

/// What was published before a statement changes or drops the publication is not so any more.
fn forget(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let names: Vec<String> = objects::named(&judge.session, node).into_iter().map(|(_, name)| name.name).collect();
    judge.published.retain(|published| !names.contains(&published.publication));
}

/// Whether a statement publishes UPDATE or DELETE, of which the server asks which row it was.
fn publishes_changes(node: &SyntaxNode) -> bool {
    let dropped = tree::below(node, K::DROP_PUBLICATION_OBJECTS).next().is_some();
    let mut options = tree::below(node, K::ATTRIBUTE_OPTION).filter_map(|option| {
        let name = tree::child(&option, K::ATTRIBUTE_NAME).map(|name| tree::words(&name))?;
        let value = tree::child(&option, K::ATTRIBUTE_VALUE).map(|value| tree::words(&value))?;
        (name == "publish").then_some(value)
    });
    !dropped && options.next().is_none_or(|value| value.contains("update") || value.contains("delete"))
}

fn published(judge: &Judge<'_>, node: &SyntaxNode, object: &SyntaxNode) -> Option<Published> {
    let condition = tree::child(object, K::WHERE_CONDITION_CLAUSE);
    let names = condition.iter().flat_map(|condition| tree::below(condition, K::NAME_REF));
    Some(Published {
        publication: objects::named(&judge.session, node).pop()?.1.name,
        table: judge.session.relation(object)?,
        condition: names.filter(|name| !is_name_of_call(name)).map(|name| tree::name(&name)).collect(),
        listed: tree::child(object, K::COLUMN_REF_LIST).map(|list| columns_of(&list)),
        range: judge.range(node),
        statement: judge.statement(),
    })
}

/// Reports what this file publishes, and what can no more be changed or deleted when it ends.
pub(super) fn end_of_file(judge: &mut Judge<'_>) {
    for published in std::mem::take(&mut judge.published) {
        if let Some(why) = refusal(&judge.session, &published) {
            let message = format!("UPDATE and DELETE of {} fail: {why}", published.table);
            judge.report_late(&PUBLICATION, published.range, published.statement, message);
        }
    }
}

/// Why UPDATE and DELETE of a published table fail, where that is known. As seen on 14 to 18.
fn refusal(session: &Session<'_>, published: &Published) -> Option<String> {
    let known = session.table(&published.table)?;
    let certain = known.birth.is_some_and(|birth| birth.certain) && !known.takes_keys;
    // Each partition tells its rows apart by itself.
    let own = |name: &RelationName| {
        session
            .table(name)
            .is_none_or(|table| primary_key(table).is_some() || table.replica_identity != ReplicaIdentity::Key)
    };
    if !certain || published.table.schema == TEMPORARY || session.all_partitions(&published.table).iter().any(own) {
        return None;
    }
    let identity = match &known.replica_identity {
        ReplicaIdentity::Full => {
            let why = "a list of columns does not go with REPLICA IDENTITY FULL";
            return published.listed.as_ref().map(|_| why.to_owned());
        }
        ReplicaIdentity::Nothing => return Some("the table has REPLICA IDENTITY NOTHING".to_owned()),
        ReplicaIdentity::Index(index) => known.indexes.get(index).map(|index| index.columns.clone())?,
        ReplicaIdentity::Key => match primary_key(known) {
            Some(name) => known.indexes.get(name).map(|index| index.columns.clone())?,
            None => return Some("it has no primary key, nor another replica identity".to_owned()),
        },
    };
    if identity.is_empty() {
        return None;
    }
    let other = published.condition.iter().find(|name| known.columns.contains_key(*name) && !identity.contains(name));
    let lacking = published.listed.as_ref().and_then(|listed| identity.iter().find(|column| !listed.contains(column)));
    let shown = identity.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect::<Vec<_>>().join(", ");
    match (other, lacking) {
        (Some(column), _) => Some(format!("the condition names {column}, and the replica identity is {shown}")),
        (None, Some(column)) => Some(format!("the list of columns lacks {column} of the replica identity")),
        (None, None) => None,
    }
}
