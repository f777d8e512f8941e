//! Hygiene.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::Judge;
use super::{settings, tree};

pub(in super::super) const RULES: &[&Rule] = &[&NOT_RERUNNABLE, &AUTOVACUUM_OFF];

pub(super) static NOT_RERUNNABLE: Rule = Rule {
    name: "not-rerunnable",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A statement outside a transaction that fails when the file is run again",
    reason: "If a later statement fails, this one is done and the file cannot be run again.",
    help: "IF EXISTS or IF NOT EXISTS, or BEGIN and COMMIT around the file.",
    source: "https://squawkhq.com/docs/prefer-robust-stmts",
};
static AUTOVACUUM_OFF: Rule = Rule {
    name: "autovacuum-off",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "Autovacuum is switched off for a table; as a warning, for a new one",
    reason: "Dead rows pile up and plans go stale, until somebody remembers.",
    help: "Make it run more often instead: autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay.",
    source: "https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM",
};
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    const WITH_OPTIONS: [K; 4] =
        [K::ALTER_TABLE, K::CREATE_TABLE, K::ALTER_MATERIALIZED_VIEW, K::CREATE_MATERIALIZED_VIEW];
    let set = tree::child(node, K::SET_CONFIG_PARAM).filter(|_| node.kind() == K::ALTER_SYSTEM);
    if let Some(words) = set.map(|set| tree::words(&set))
        && let Some(value) = words.strip_prefix("set autovacuum ").and_then(|value| value.split_once(' '))
        && settings::is_off(value.1.trim_matches('\''))
    {
        judge.report(&AUTOVACUUM_OFF, node, "autovacuum is switched off for the whole server".to_owned());
    }
    if !WITH_OPTIONS.contains(&node.kind()) {
        return;
    }
    let creates = matches!(node.kind(), K::CREATE_TABLE | K::CREATE_MATERIALIZED_VIEW);
    let new = creates || judge.alter(node).is_some_and(|alter| judge.session.is_new(&alter.table));
    for option in tree::below(node, K::ATTRIBUTE_OPTION) {
        let words = tree::words(&option);
        let value = words.rsplit_once("= ").map(|(_, value)| value.trim_matches('\''));
        if words.contains("autovacuum_enabled") && value.is_some_and(settings::is_off) {
            let finding = judge.report(&AUTOVACUUM_OFF, &option, "autovacuum is switched off".to_owned());
            if new {
                finding.severity = Severity::Warning;
            }
        }
    }
}
