//! Who may do what.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::{Alter, Judge};

pub(in super::super) const RULES: &[&Rule] = &[&ROW_SECURITY, &POLICY, &GRANT, &REVOKE, &OWNER, &OPTIONS_CHANGED];

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

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let table = &alter.table;
    if judge.session.is_of_this_file(table) {
        return;
    }
    match action.kind() {
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
    let (rule, message): (&'static Rule, &str) = match node.kind() {
        K::GRANT | K::ALTER_DEFAULT_PRIVILEGES | K::CREATE_ROLE | K::CREATE_USER | K::CREATE_GROUP | K::ALTER_GROUP => {
            (&GRANT, "who may do what changes")
        }
        K::REASSIGN => (&OWNER, "objects have another owner from now on"),
        _ => return,
    };
    judge.report(rule, node, message.to_owned());
}
