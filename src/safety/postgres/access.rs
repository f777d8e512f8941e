//! Who may do what, and what is replicated.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::{Alter, Judge};
use super::{objects, tree};

pub(in super::super) const RULES: &[&Rule] =
    &[&ROW_SECURITY, &POLICY, &GRANT, &REVOKE, &OWNER, &OPTIONS_CHANGED, &REPLICA_IDENTITY, &PUBLICATION];

pub(super) static ROW_SECURITY: Rule = Rule {
    name: "row-level-security",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "Row-level security is switched on or off",
    reason: "Once on, roles without a policy see no row; once off, everybody sees all of them.",
    help: "Create the policies first, in the same transaction.",
    source: "https://www.postgresql.org/docs/current/ddl-rowsecurity.html",
};
pub(super) static POLICY: Rule = Rule {
    name: "policy",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "A policy is created, changed or dropped",
    reason: "Running programs see and write other rows than before. ACCESS EXCLUSIVE on the table, for a moment.",
    help: "Create the new policy before the old one is dropped, in the same transaction.",
    source: "https://www.postgresql.org/docs/current/sql-createpolicy.html",
};
static GRANT: Rule = Rule {
    name: "grant",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "GRANT, roles and default privileges",
    reason: "It changes who may do what.",
    help: "Keep it, if this is meant.",
    source: "https://www.postgresql.org/docs/current/sql-grant.html",
};
pub(super) static REVOKE: Rule = Rule {
    name: "revoke",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "REVOKE",
    reason: "Programs that rely on the right fail from then on.",
    help: "Release programs that do without the right first.",
    source: "https://www.postgresql.org/docs/current/sql-revoke.html",
};
static OWNER: Rule = Rule {
    name: "owner-changed",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "OWNER TO or REASSIGN OWNED",
    reason: "Only an owner can alter an object: later migrations of the old owner fail.",
    help: "Let the role that migrates be a member of the new owner.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-OWNER",
};
pub(super) static OPTIONS_CHANGED: Rule = Rule {
    name: "options-changed",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "Options of a function, view, role, database, extension or of the server are changed",
    reason: "Running programs may behave otherwise.",
    help: "Keep it, if this is meant.",
    source: "https://www.postgresql.org/docs/current/sql-alterrole.html",
};
static REPLICA_IDENTITY: Rule = Rule {
    name: "replica-identity",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "REPLICA IDENTITY NOTHING or FULL; as a warning, DEFAULT or USING INDEX",
    reason: "With NOTHING, UPDATE and DELETE of a published table fail; with FULL, each writes whole rows to the WAL and subscribers search for them row by row.",
    help: "REPLICA IDENTITY USING INDEX of a unique index over NOT NULL columns.",
    source: "https://www.postgresql.org/docs/current/logical-replication-publication.html#LOGICAL-REPLICATION-PUBLICATION-REPLICA-IDENTITY",
};
static PUBLICATION: Rule = Rule {
    name: "publication-changed",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A publication or subscription is dropped or narrowed, or takes in all tables, or one that is known to have no primary key; as information, others",
    reason: "Subscribers miss what is no longer published; UPDATE and DELETE of a published table without a replica identity fail.",
    help: "Give every table a primary key first, and refresh the subscriptions.",
    source: "https://www.postgresql.org/docs/current/logical-replication-publication.html",
};

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let table = &alter.table;
    if judge.session.is_of_this_file(table) {
        return;
    }
    match action.kind() {
        K::REPLICA_IDENTITY => {
            let harmful = tree::has(action, K::REPLICA_IDENTITY_FULL) || tree::has(action, K::REPLICA_IDENTITY_NOTHING);
            let message = format!("updates of {table} are replicated otherwise from now on");
            let finding = judge.report(&REPLICA_IDENTITY, action, message);
            if !harmful {
                finding.severity = Severity::Warning;
            }
        }
        K::ENABLE_RLS | K::DISABLE_RLS | K::FORCE_RLS | K::NO_FORCE_RLS => {
            judge.report(&ROW_SECURITY, action, format!("other rows of {table} can be seen from now on"));
        }
        K::OWNER_TO => {
            judge.report(&OWNER, action, format!("{table} has another owner from now on"));
        }
        _ => {}
    }
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let (rule, severity, message): (&'static Rule, Severity, &str) = match node.kind() {
        K::GRANT | K::ALTER_DEFAULT_PRIVILEGES | K::CREATE_ROLE | K::CREATE_USER | K::CREATE_GROUP | K::ALTER_GROUP => {
            (&GRANT, Severity::Info, "who may do what changes")
        }
        K::REASSIGN => (&OWNER, Severity::Info, "objects have another owner from now on"),
        K::DROP_PUBLICATION if objects::are_of_this_file(judge, node) => return,
        K::DROP_PUBLICATION | K::DROP_SUBSCRIPTION => {
            (&PUBLICATION, Severity::Error, "its changes are no longer replicated")
        }
        K::ALTER_PUBLICATION if tree::has(node, K::ADD_PUBLICATION_OBJECTS) && is_whole(node) => WHOLE,
        K::ALTER_PUBLICATION if tree::has(node, K::ADD_PUBLICATION_OBJECTS) => published(judge, node),
        K::ALTER_PUBLICATION if tree::has(node, K::OWNER_TO) || tree::has(node, K::PUBLICATION_RENAME_TO) => return,
        K::ALTER_PUBLICATION => (&PUBLICATION, Severity::Error, "what is published changes"),
        K::ALTER_SUBSCRIPTION => (&PUBLICATION, Severity::Warning, "what is replicated into this database changes"),
        K::CREATE_PUBLICATION if is_whole(node) => WHOLE,
        K::CREATE_PUBLICATION => published(judge, node),
        _ => return,
    };
    judge.report(rule, node, message.to_owned()).severity = severity;
}

const WHOLE: (&Rule, Severity, &str) =
    (&PUBLICATION, Severity::Error, "UPDATE and DELETE fail on every table that has no replica identity");

/// Whether a publication takes in tables that it does not name.
fn is_whole(node: &SyntaxNode) -> bool {
    tree::below(node, K::FOR_ALL_PUBLICATION_OBJECTS).next().is_some()
        || tree::below(node, K::PUBLICATION_OBJECT_TABLES_IN_SCHEMA).next().is_some()
}

/// What it means that the named tables are published: SHARE UPDATE EXCLUSIVE for a moment, and an UPDATE or DELETE that fails
/// where a table is known to have no key that tells its rows apart.
fn published(judge: &Judge<'_>, node: &SyntaxNode) -> (&'static Rule, Severity, &'static str) {
    let session = &judge.session;
    let tables = tree::below(node, K::PUBLICATION_OBJECT_TABLE);
    let tables = tables.filter_map(|table| session.relation(&table));
    let keyless =
        |table: &RelationName| session.knows_keys(table) && !session.has_primary_key(table) && !session.is_new(table);
    if tables.into_iter().any(|table| keyless(&table)) {
        let message =
            "UPDATE and DELETE fail on a table that has no primary key, unless it has another replica identity";
        (&PUBLICATION, Severity::Error, message)
    } else {
        (&PUBLICATION, Severity::Info, "subscribers must be refreshed, and every table needs a replica identity")
    }
}
