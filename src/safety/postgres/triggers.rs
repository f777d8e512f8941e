//! Triggers and rewrite rules: what running programs cause without knowing.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, Rule, Severity};
use super::judge::{Alter, Judge};
use super::session::Given;
use super::{existence, objects, routines, tree};

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
    summary: "A trigger that the server does not take: TRUNCATE FOR EACH ROW, INSTEAD OF on a table, OLD in the WHEN of an INSERT, NEW in that of a DELETE, either FOR EACH STATEMENT, a query or a generated column of a new row BEFORE it is written; REFERENCING in another trigger than AFTER one event; FOR EACH ROW on a view, unless INSTEAD OF; a function that returns no trigger, or takes arguments; a policy on a view, or with a condition that is no boolean; a policy FOR INSERT USING, or FOR SELECT or DELETE WITH CHECK",
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

/// Why the server does not take a trigger, a policy or the function of a trigger.
fn refusal(judge: &mut Judge<'_>, node: &SyntaxNode) -> Option<String> {
    let has = |kind| tree::below(node, kind).next().is_some();
    let on = node.children().find(|child| matches!(child.kind(), K::ON_RELATION | K::ON_TABLE));
    let on_view = on.is_some_and(|on| existence::is_view(judge, &on));
    match node.kind() {
        K::CREATE_TRIGGER => {
            let said =
                by_events(judge, node).or_else(|| by_condition(judge, node)).or_else(|| referencing(judge, node));
            let by_row = has(K::FOR_EACH_ROW);
            said.map(str::to_owned).or_else(|| match on_view {
                true if by_row && !has(K::TIMING_INSTEAD_OF) => {
                    Some("a view has no trigger FOR EACH ROW but INSTEAD OF".to_owned())
                }
                true if has(K::TRIGGER_EVENT_TRUNCATE) => Some("a view has no trigger on TRUNCATE".to_owned()),
                _ => {
                    let call = tree::path_of_call(&tree::child(node, K::CALL_EXPR)?);
                    let result = routines::result(judge, &call).filter(|result| *result != "trigger")?;
                    Some(format!("{} returns {result}, and no trigger", call.join(".")))
                }
            })
        }
        K::CREATE_FUNCTION => {
            let returned = tree::child(node, K::RET_TYPE).map(|returned| tree::words(&returned))?;
            let language = tree::below(node, K::LANGUAGE_FUNC_OPTION).next().map(|option| tree::words(&option))?;
            let takes = tree::child(node, K::PARAM_LIST).is_some_and(|list| tree::has(&list, K::PARAM));
            match language.trim_start_matches("language ").trim_matches('\'') {
                "plpgsql" if returned == "returns trigger" && takes => {
                    Some("the function of a trigger takes no arguments: they come in TG_ARGV".to_owned())
                }
                "sql" if returned == "returns trigger" => Some("a function in SQL returns no trigger".to_owned()),
                _ => None,
            }
        }
        K::CREATE_POLICY if on_view => Some("a policy is of tables, and this is a view".to_owned()),
        K::CREATE_POLICY if has(K::POLICY_COMMAND_INSERT) && tree::has(node, K::USING_EXPR_CLAUSE) => {
            Some("a policy FOR INSERT takes WITH CHECK alone".to_owned())
        }
        K::CREATE_POLICY
            if tree::has(node, K::WITH_CHECK_EXPR_CLAUSE)
                && (has(K::POLICY_COMMAND_SELECT) || has(K::POLICY_COMMAND_DELETE)) =>
        {
            Some("a policy FOR SELECT or DELETE takes USING alone".to_owned())
        }
        K::CREATE_POLICY => {
            let clauses = node
                .children()
                .filter(|child| matches!(child.kind(), K::USING_EXPR_CLAUSE | K::WITH_CHECK_EXPR_CLAUSE));
            let table = table(judge, node)?;
            clauses.into_iter().find_map(|clause| {
                let column = tree::column(&clause.children().next()?)?;
                let data_type = judge.session.column_type(&table, &column)?;
                let is_other = data_type.is_built_in() && (data_type.array || data_type.name != "boolean");
                is_other.then(|| format!("the condition of a policy is a boolean, and {column} is {}", data_type.name))
            })
        }
        _ => None,
    }
}

/// The columns that a WHEN names of OLD or NEW; a star, or the row as a whole, is all of them.
fn of_row(condition: Option<&SyntaxNode>, row: &str) -> Vec<Option<String>> {
    let fields = condition.iter().flat_map(|condition| tree::below(condition, K::FIELD_EXPR).collect::<Vec<_>>());
    let of_row =
        fields.filter(|field| field.children().next().and_then(|first| tree::column(&first)).as_deref() == Some(row));
    of_row.map(|field| tree::column(&field).filter(|column| column != row)).collect()
}

/// What does not go with the events of a trigger.
fn by_events(judge: &Judge<'_>, node: &SyntaxNode) -> Option<&'static str> {
    let has = |kind| tree::below(node, kind).next().is_some();
    let (by_row, instead) = (has(K::FOR_EACH_ROW), has(K::TIMING_INSTEAD_OF));
    let on_table = || table(judge, node).is_some_and(|table| judge.session.told(&table).is_some());
    if has(K::TRIGGER_EVENT_TRUNCATE) && by_row {
        Some("a trigger on TRUNCATE is not FOR EACH ROW")
    } else if instead && on_table() {
        Some("INSTEAD OF is of views, and this is a table")
    } else if instead && !by_row {
        Some("INSTEAD OF is FOR EACH ROW")
    } else if instead && tree::has(node, K::WHEN_CONDITION) {
        Some("INSTEAD OF takes no WHEN")
    } else {
        None
    }
}

/// What the WHEN of a trigger cannot say.
fn by_condition(judge: &Judge<'_>, node: &SyntaxNode) -> Option<&'static str> {
    let has = |kind| tree::below(node, kind).next().is_some();
    let condition = tree::child(node, K::WHEN_CONDITION)?;
    let (old, new) = (of_row(Some(&condition), "old"), of_row(Some(&condition), "new"));
    let is_computed = |column: &Option<String>| {
        let table = table(judge, node).and_then(|table| judge.session.table(&table));
        let of = |name: &String| table.and_then(|table| table.columns.get(name));
        column.as_ref().and_then(of).is_some_and(|column| column.given == Given::Expression)
    };
    const QUERIES: [K; 4] = [K::SELECT, K::COMPOUND_SELECT, K::VALUES, K::TABLE];
    if has(K::TRIGGER_EVENT_INSERT) && !old.is_empty() {
        Some("the WHEN of a trigger on INSERT has no OLD")
    } else if has(K::TRIGGER_EVENT_DELETE) && !new.is_empty() {
        Some("the WHEN of a trigger on DELETE has no NEW")
    } else if !has(K::FOR_EACH_ROW) && (!old.is_empty() || !new.is_empty()) {
        Some("the WHEN of a trigger FOR EACH STATEMENT has no rows")
    } else if condition.descendants().any(|part| QUERIES.contains(&part.kind())) {
        Some("the WHEN of a trigger takes no query")
    } else if has(K::TIMING_BEFORE) && new.iter().any(is_computed) {
        Some("the WHEN of a BEFORE trigger has no generated column of NEW: it is computed later")
    } else {
        None
    }
}

/// What does not go with REFERENCING.
fn referencing(judge: &Judge<'_>, node: &SyntaxNode) -> Option<&'static str> {
    let has = |kind| tree::below(node, kind).next().is_some();
    let tables = tree::child(node, K::REFERENCING)?;
    let events = tree::child(node, K::TRIGGER_EVENT_LIST)?;
    let table = table(judge, node).and_then(|table| judge.session.table(&table));
    let names = |kind| tree::below(&tables, kind).next().is_some();
    if !has(K::TIMING_AFTER) {
        Some("REFERENCING is of AFTER triggers alone")
    } else if events.children().count() > 1 {
        Some("REFERENCING takes a trigger on one event")
    } else if has(K::TRIGGER_EVENT_TRUNCATE) {
        Some("a TRUNCATE has no rows for REFERENCING")
    } else if tree::below(&events, K::COLUMN_NAME_REF).next().is_some() {
        Some("REFERENCING takes no list of columns")
    } else if has(K::TRIGGER_EVENT_INSERT) && names(K::OLD_TABLE) {
        Some("an INSERT has no OLD TABLE")
    } else if has(K::TRIGGER_EVENT_DELETE) && names(K::NEW_TABLE) {
        Some("a DELETE has no NEW TABLE")
    } else if has(K::FOR_EACH_ROW) && table.is_some_and(|table| table.partitioned || table.is_partition) {
        Some("REFERENCING on a partitioned table, or a partition, is FOR EACH STATEMENT")
    } else {
        None
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
