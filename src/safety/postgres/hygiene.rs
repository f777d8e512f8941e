//! Hygiene, and what a version of Postgres cannot run.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::Judge;
use super::tree;

pub(in super::super) const RULES: &[&Rule] = &[&NOT_RERUNNABLE, &AUTOVACUUM_OFF, &UNSUPPORTED];

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
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "Autovacuum is switched off for a table",
    reason: "Dead rows pile up and plans go stale, until somebody remembers.",
    help: "Make it run more often instead: autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay.",
    source: "https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM",
};
static UNSUPPORTED: Rule = Rule {
    name: "unsupported-by-version",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "Something that the chosen version of Postgres does not know",
    reason: "The statement fails.",
    help: "Write what the oldest server knows, or say --postgres-version if all are newer.",
    source: "https://www.postgresql.org/docs/release/",
};

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if matches!(
        node.kind(),
        K::ALTER_TABLE | K::CREATE_TABLE | K::ALTER_MATERIALIZED_VIEW | K::CREATE_MATERIALIZED_VIEW
    ) {
        autovacuum(judge, node);
    }
    let mut found: Vec<(SyntaxNode, u32, &str)> = Vec::new();
    for part in node.descendants() {
        if let Some((version, what)) = needs(&part) {
            found.push((part, version, what));
        }
    }
    for (part, version, what) in found {
        if !judge.version(version) {
            let chosen = judge.options.postgres_version;
            judge.report(&UNSUPPORTED, &part, format!("{what} needs Postgres {version}, not {chosen}"));
        }
    }
}

fn autovacuum(judge: &mut Judge<'_>, node: &SyntaxNode) {
    for option in tree::below(node, K::ATTRIBUTE_OPTION) {
        let words = tree::words(&option);
        let off = ["off", "false", "no", "0"]
            .iter()
            .any(|off| words.ends_with(&format!("= {off}")) || words.ends_with(&format!("= '{off}'")));
        if words.contains("autovacuum_enabled") && off {
            judge.report(&AUTOVACUUM_OFF, &option, "autovacuum is switched off".to_owned());
        }
    }
}

/// The version that brought a piece of syntax, where it is later than 14.
fn needs(node: &SyntaxNode) -> Option<(u32, &'static str)> {
    Some(match node.kind() {
        K::MERGE => (15, "MERGE"),
        K::NULLS_NOT_DISTINCT => (15, "NULLS NOT DISTINCT"),
        K::SET_ACCESS_METHOD => (15, "SET ACCESS METHOD"),
        K::PUBLICATION_OBJECT_TABLES_IN_SCHEMA => (15, "TABLES IN SCHEMA"),
        K::SET_EXPRESSION => (17, "SET EXPRESSION"),
        K::NOT_ENFORCED | K::ENFORCED => (18, "[NOT] ENFORCED"),
        K::NOT_NULL_CONSTRAINT if node.parent().is_some_and(|parent| parent.kind() == K::ADD_CONSTRAINT) => {
            (18, "NOT NULL as a constraint of the table")
        }
        K::GENERATED_STORED if !tree::has(node, K::STORED) => (18, "a VIRTUAL generated column"),
        K::MERGE_PARTITIONS => (19, "MERGE PARTITIONS"),
        K::SPLIT_PARTITION => (19, "SPLIT PARTITION"),
        K::REPACK => (19, "REPACK"),
        _ => return None,
    })
}
