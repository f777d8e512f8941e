//! Triggers and rewrite rules: what running programs cause without knowing.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::{Alter, Judge};
use super::{objects, tree};

pub(in super::super) const RULES: &[&Rule] = &[&CREATED, &REFUSED, &SWITCHED, &DROPPED, &RULE_CREATED, &EVENT_TRIGGER];

static CREATED: Rule = Rule {
    name: "trigger-created",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A trigger on a table that exists",
    reason: "SHARE ROW EXCLUSIVE on the table; from then on each write of running programs runs it, and fails where it fails.",
    help: "Try it on a copy under load, set lock_timeout, and allow this by name.",
    source: "https://www.postgresql.org/docs/current/sql-createtrigger.html",
};
static REFUSED: Rule = Rule {
    name: "trigger-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A trigger that the server does not take: TRUNCATE FOR EACH ROW, INSTEAD OF on a table, OLD in the WHEN of an INSERT, NEW in that of a DELETE, either FOR EACH STATEMENT; a policy FOR INSERT USING, or FOR SELECT or DELETE WITH CHECK",
    reason: "The statement fails.",
    help: "One trigger for each event, with a WHEN that fits it; WITH CHECK for the policies of INSERT, USING for those of SELECT and DELETE.",
    source: "https://www.postgresql.org/docs/current/sql-createtrigger.html",
};
static SWITCHED: Rule = Rule {
    name: "trigger-switched",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "Triggers or rules are enabled or disabled",
    reason: "SHARE ROW EXCLUSIVE on the table; what the triggers guard (foreign keys included) is not guarded while they are off, nor checked afterwards.",
    help: "Let the trigger's function decide, by a setting that the migration alone sets.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DISABLE-ENABLE-TRIGGER",
};
static DROPPED: Rule = Rule {
    name: "trigger-dropped",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A trigger or rule is dropped",
    reason: "ACCESS EXCLUSIVE on the table; what it did for running programs is not done any more.",
    help: "Release programs that do without it first, then allow this by name.",
    source: "https://www.postgresql.org/docs/current/sql-droptrigger.html",
};
static RULE_CREATED: Rule = Rule {
    name: "rule-created",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A rewrite rule on a table that exists",
    reason: "ACCESS EXCLUSIVE on the table; from then on statements of running programs do something else.",
    help: "Use a trigger, or change the programs.",
    source: "https://wiki.postgresql.org/wiki/Don%27t_Do_This#Don.27t_use_rules",
};
static EVENT_TRIGGER: Rule = Rule {
    name: "event-trigger",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "An event trigger",
    reason: "It runs in every later migration of the whole database, and can make each of them fail.",
    help: "Keep event triggers with the server's administration.",
    source: "https://www.postgresql.org/docs/current/event-triggers.html",
};

pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let what = match action.kind() {
        K::DISABLE_TRIGGER | K::DISABLE_RULE => "disabled",
        K::ENABLE_TRIGGER | K::ENABLE_ALWAYS_TRIGGER | K::ENABLE_REPLICA_TRIGGER => "enabled",
        K::ENABLE_RULE | K::ENABLE_ALWAYS_RULE | K::ENABLE_REPLICA_RULE => "enabled",
        _ => return,
    };
    if !judge.session.is_of_this_file(&alter.table) {
        judge.report(&SWITCHED, action, format!("triggers or rules of {} are {what}", alter.table));
    }
}

/// Why the server does not take a trigger or a policy, whatever is there.
fn refusal(judge: &Judge<'_>, node: &SyntaxNode) -> Option<String> {
    let has = |kind| tree::below(node, kind).next().is_some();
    match node.kind() {
        K::CREATE_TRIGGER => {
            let by_row = has(K::FOR_EACH_ROW);
            let on_table = || table(judge, node).is_some_and(|table| judge.session.told(&table).is_some());
            let condition = tree::child(node, K::WHEN_CONDITION);
            let names = |word: &str| {
                let fields =
                    condition.iter().flat_map(|condition| tree::below(condition, K::FIELD_EXPR).collect::<Vec<_>>());
                fields.into_iter().any(|field| {
                    field.children().next().and_then(|first| tree::column(&first)).as_deref() == Some(word)
                })
            };
            if has(K::TRIGGER_EVENT_TRUNCATE) && by_row {
                Some("a trigger on TRUNCATE is not FOR EACH ROW".to_owned())
            } else if has(K::TIMING_INSTEAD_OF) && on_table() {
                Some("INSTEAD OF is of views, and this is a table".to_owned())
            } else if has(K::TRIGGER_EVENT_INSERT) && names("old") {
                Some("the WHEN of a trigger on INSERT has no OLD".to_owned())
            } else if has(K::TRIGGER_EVENT_DELETE) && names("new") {
                Some("the WHEN of a trigger on DELETE has no NEW".to_owned())
            } else if !by_row && (names("old") || names("new")) {
                Some("the WHEN of a trigger FOR EACH STATEMENT has no rows".to_owned())
            } else {
                None
            }
        }
        K::CREATE_POLICY if has(K::POLICY_COMMAND_INSERT) && tree::has(node, K::USING_EXPR_CLAUSE) => {
            Some("a policy FOR INSERT takes WITH CHECK alone".to_owned())
        }
        K::CREATE_POLICY if tree::has(node, K::WITH_CHECK_EXPR_CLAUSE) => (has(K::POLICY_COMMAND_SELECT)
            || has(K::POLICY_COMMAND_DELETE))
        .then(|| "a policy FOR SELECT or DELETE takes USING alone".to_owned()),
        _ => None,
    }
}

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if let Some(message) = refusal(judge, node) {
        judge.report(&REFUSED, node, message);
    }
    let table = table(judge, node);
    let here = table.as_ref().is_some_and(|table| judge.session.is_of_this_file(table));
    let new = table.as_ref().is_some_and(|table| judge.session.is_new(table));
    let view = table.clone().map(|view| (objects::RELATION.to_owned(), view));
    let on_new_view = view.is_some_and(|view| judge.session.made_here(&view));
    let (here, new) = (here || on_new_view, new || on_new_view);
    let shown = judge.shown(table.as_ref());
    match node.kind() {
        K::CREATE_TRIGGER if !new => {
            judge.report(&CREATED, node, format!("from now on each write to {shown} runs this trigger"));
        }
        K::CREATE_RULE if !new => {
            judge.report(&RULE_CREATED, node, format!("from now on statements on {shown} are rewritten"));
        }
        K::DROP_TRIGGER | K::DROP_RULE if !here => {
            judge.report(&DROPPED, node, format!("what it did for {shown} is not done any more"));
        }
        K::CREATE_EVENT_TRIGGER | K::ALTER_EVENT_TRIGGER => {
            judge.report(&EVENT_TRIGGER, node, "an event trigger runs in every later migration".to_owned());
        }
        K::DROP_EVENT_TRIGGER => {
            judge.report(&EVENT_TRIGGER, node, "what the event trigger kept out comes in from now on".to_owned());
        }
        K::SET | K::SELECT | K::ALTER_ROLE | K::ALTER_USER | K::ALTER_DATABASE | K::ALTER_SYSTEM
            if sets_replica(node) =>
        {
            let message = "session_replication_role = replica switches all triggers and foreign keys off".to_owned();
            judge.report(&SWITCHED, node, message);
        }
        _ => {}
    }
}

fn sets_replica(node: &SyntaxNode) -> bool {
    let words = tree::words(node);
    words.contains("session_replication_role") && words.contains("replica") && !words.contains("origin")
}

/// The table that a trigger, rule or policy is on.
pub(super) fn table(judge: &Judge<'_>, node: &SyntaxNode) -> Option<RelationName> {
    const ON: [K; 3] = [K::ON_RELATION, K::ON_TABLE, K::RULE_ON];
    let on = node.children().find(|child| ON.contains(&child.kind()))?;
    judge.session.relation(&on)
}
