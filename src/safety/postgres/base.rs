//! What is taken from squawk's own rules, under the names of ours.
//!
//! Rules about locks are judged here and not taken, because squawk does not carry over what earlier files did. Its comments
//! that switch rules off do not work: they are rewritten before it sees them.

use std::ops::Range;

use squawk_linter::{Linter, Rule as Squawk, Version};
use squawk_syntax::SyntaxKind as K;
use squawk_syntax::{Parse, SourceFile, SyntaxNode};

use super::super::{LintOptions, Rule, Severity};
use super::judge::Judge;
use super::{access, columns, data, hygiene, idle, objects, tree, types};

/// What squawk found, under our rule.
#[derive(Debug)]
pub(super) struct Violation {
    rule: &'static Rule,
    pub(super) range: Range<usize>,
    message: String,
}

const TAKEN: &[(Squawk, &Rule)] = &[
    (Squawk::BanCharField, &types::CHAR_COLUMN),
    (Squawk::PreferBigintOverInt, &types::INTEGER_KEY),
    (Squawk::PreferBigintOverSmallint, &types::INTEGER_KEY),
    (Squawk::PreferIdentity, &types::SERIAL_TYPE),
    (Squawk::PreferTextField, &types::VARCHAR_LENGTH),
    (Squawk::PreferTimestampTz, &types::TIMESTAMP_WITHOUT_ZONE),
    (Squawk::IdentifierTooLong, &types::IDENTIFIER_TOO_LONG),
    (Squawk::RequireEnumValueOrdering, &types::ENUM_VALUE_ORDER),
    (Squawk::PreferRobustStmts, &hygiene::NOT_RERUNNABLE),
    (Squawk::BanDuplicateColumnAssignments, &data::DUPLICATE_ASSIGNMENT),
    (Squawk::BanAlterIdentity, &columns::IDENTITY_CHANGED),
    (Squawk::BanAlterSequenceValues, &columns::SEQUENCE_CHANGED),
    (Squawk::BanCreatePolicy, &access::POLICY),
    (Squawk::BanAlterPolicyCondition, &access::POLICY),
    (Squawk::BanAlterPolicyRoles, &access::POLICY),
    (Squawk::BanDropPolicy, &access::POLICY),
    (Squawk::BanAlterRowLevelSecurity, &access::ROW_SECURITY),
    (Squawk::BanRevoke, &access::REVOKE),
    (Squawk::BanAlterFunctionOptions, &access::OPTIONS_CHANGED),
    (Squawk::BanAlterViewOptions, &access::OPTIONS_CHANGED),
    (Squawk::BanAlterRoleOptions, &access::OPTIONS_CHANGED),
    (Squawk::BanAlterDatabaseOptions, &access::OPTIONS_CHANGED),
    (Squawk::BanAlterSystemOptions, &access::OPTIONS_CHANGED),
    (Squawk::BanAlterExtension, &access::OPTIONS_CHANGED),
];

/// The text with squawk's ignore comments broken, byte for byte as long; nothing where there are none.
pub(super) fn without_ignores(parsed: &Parse<SourceFile>, text: &str) -> Option<String> {
    const MARK: &str = "squawk-";
    if !text.contains(MARK) {
        return None;
    }
    let root = parsed.syntax_node();
    let mut changed = text.to_owned();
    let tokens = root.descendants_with_tokens().filter_map(|element| element.into_token());
    for token in tokens.filter(|token| token.kind() == K::COMMENT && token.text().contains(MARK)) {
        let range = usize::from(token.text_range().start())..usize::from(token.text_range().end());
        changed.replace_range(range, &token.text().replace(MARK, "squawk_"));
    }
    Some(changed)
}

/// What squawk's rules find in a file, sorted by place.
pub(super) fn violations(parsed: &Parse<SourceFile>, text: &str, options: &LintOptions) -> Vec<Violation> {
    let mut linter = Linter::from(TAKEN.iter().map(|(squawk, _)| *squawk));
    if let Ok(version) = options.postgres_version.to_string().parse::<Version>() {
        linter.settings.pg_version = version;
    }
    linter.settings.assume_in_transaction = options.wrapped;
    let found = linter.lint(parsed, text).into_iter().filter_map(|violation| {
        let (_, rule) = TAKEN.iter().find(|(squawk, _)| *squawk == violation.code)?;
        let range = usize::from(violation.text_range.start())..usize::from(violation.text_range.end());
        Some(Violation { rule, range, message: plain(&violation.message) })
    });
    let mut found: Vec<Violation> = found.collect();
    found.sort_by_key(|violation| violation.range.start);
    found
}

/// squawk's sentence as part of ours: no capital, no full stop, no marks.
fn plain(message: &str) -> String {
    let message = message.trim_end_matches('.').replace('`', "");
    let mut characters = message.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(std::iter::once(second)).chain(characters).collect()
        }
        _ => message,
    }
}

/// Reports what squawk found in a statement, unless it is about what this file itself made.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let violations = judge.base_of_statement();
    if violations.is_empty() {
        return;
    }
    let here = objects::are_of_this_file(judge, node);
    let alter = judge.alter(node);
    let does_nothing = |range: &Range<usize>| {
        idle::statement(judge, node)
            || alter.as_ref().is_some_and(|alter| {
                let mut actions = alter.actions.iter().filter(|action| judge.range(action).contains(&range.start));
                actions.any(|action| idle::action(judge, alter, action))
            })
    };
    let idle: Vec<bool> = violations.iter().map(|violation| does_nothing(&violation.range)).collect();
    let single = node
        .parent()
        .is_some_and(|file| file.children().filter(|node| node.kind() != K::EMPTY_STMT).take(2).count() == 1);
    for (Violation { rule, range, message }, idle) in violations.into_iter().zip(idle) {
        let advice = rule.severity == Severity::Info;
        let rerun = std::ptr::eq(rule, &hygiene::NOT_RERUNNABLE);
        let concurrent = tree::has_token(node, K::CONCURRENTLY_KW);
        let again = || is_idempotent(judge, node, &range);
        if ((here || idle) && !advice) || (rerun && (single || concurrent || judge.session.in_transaction() || again()))
        {
            continue;
        }
        // squawk speaks of changing such a column, wherever it finds one.
        let varchar = std::ptr::eq(rule, &types::VARCHAR_LENGTH);
        let message = if varchar { "varchar(n) is hard to make shorter later".to_owned() } else { message };
        judge.report_range(rule, range, message);
    }
}

/// Whether the action of ALTER TABLE at a place can be done again, and changes nothing then.
fn is_idempotent(judge: &Judge<'_>, node: &SyntaxNode, range: &Range<usize>) -> bool {
    const ACTIONS: [K; 3] = [K::VALIDATE_CONSTRAINT, K::SET_OPTIONS, K::RESET_OPTIONS];
    const OF_COLUMN: [K; 7] = [
        K::SET_NOT_NULL,
        K::DROP_NOT_NULL,
        K::SET_DEFAULT,
        K::DROP_DEFAULT,
        K::SET_TYPE,
        K::SET_STATISTICS,
        K::SET_STORAGE,
    ];
    let mut actions = node.children().filter(|action| judge.range(action).contains(&range.start));
    actions.any(|action| {
        let of_column = || action.children().any(|child| OF_COLUMN.contains(&child.kind()));
        ACTIONS.contains(&action.kind()) || (action.kind() == K::ALTER_COLUMN && of_column())
    })
}
