//! Timeouts and other settings.

use std::ops::Range;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::files;
use super::super::{Cost, Rule, Severity};
use super::judge::Judge;
use super::session::{Limit, Path, TEMPORARY};
use super::tree;

pub(in super::super) const RULES: &[&Rule] =
    &[&LOCK_TIMEOUT, &STATEMENT_TIMEOUT, &TIMEOUT_ZERO, &TIMEOUT_LATE, &LOCAL_OUTSIDE, &SESSION_SETTING, &STRINGS];

static LOCK_TIMEOUT: Rule = Rule {
    name: "lock-timeout-missing",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A lock that blocks writes is taken without lock_timeout",
    reason: "While the statement waits behind one long query, every query after it waits too.",
    help: "SET lock_timeout = '5s' at the top, and run the migration again when it gives up.",
    source: "https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT",
};
static STATEMENT_TIMEOUT: Rule = Rule {
    name: "statement-timeout-missing",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A lock that blocks writes is taken without statement_timeout",
    reason: "If the statement takes longer than was thought, nothing ends it.",
    help: "SET statement_timeout = '1min' at the top.",
    source: "https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT",
};
static TIMEOUT_ZERO: Rule = Rule {
    name: "timeout-zero",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A lock that blocks writes is taken under a timeout of zero",
    reason: "Zero switches the timeout off.",
    help: "Set it to some seconds; zero is for statements that block nobody, such as CREATE INDEX CONCURRENTLY.",
    source: "https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT",
};
static TIMEOUT_LATE: Rule = Rule {
    name: "timeout-late",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "A timeout is set after the first lock was taken",
    reason: "The statements before it waited and ran without.",
    help: "Set it at the top of the file.",
    source: "https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT",
};
static LOCAL_OUTSIDE: Rule = Rule {
    name: "set-local-outside-transaction",
    severity: Severity::Warning,
    cost: Cost::Instant,
    summary: "SET LOCAL outside a transaction",
    reason: "It does nothing but warn.",
    help: "SET without LOCAL, or BEGIN before it.",
    source: "https://www.postgresql.org/docs/current/sql-set.html",
};
static SESSION_SETTING: Rule = Rule {
    name: "session-setting",
    severity: Severity::Info,
    cost: Cost::Instant,
    summary: "SET without LOCAL in a file that is run in one transaction",
    reason: "The setting outlives the migration: what runs next on the connection has it too.",
    help: "SET LOCAL.",
    source: "https://www.postgresql.org/docs/current/sql-set.html",
};

static STRINGS: Rule = Rule {
    name: "strings-not-standard",
    severity: Severity::Error,
    cost: Cost::Unknown,
    summary: "standard_conforming_strings is switched off",
    reason: "A backslash can hide the end of a string: what follows is not what it looks like, and cannot be judged.",
    help: "Write E'...' where a string has escapes.",
    source: "https://www.postgresql.org/docs/current/runtime-config-compatible.html#GUC-STANDARD-CONFORMING-STRINGS",
};

const ZONE: &str = "timezone";
const NAMES: [&str; 2] = ["lock_timeout", "statement_timeout"];

/// SET, RESET and set_config().
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    match node.kind() {
        K::SET => {
            let local = tree::has(node, K::LOCAL_SCOPE);
            if local && !judge.session.in_transaction() {
                judge.report(&LOCAL_OUTSIDE, node, "SET LOCAL ends with its statement here".to_owned());
                return;
            }
            if let Some(schema) = tree::child(node, K::SET_SCHEMA_VALUE) {
                set(judge, node, "search_path", tree::literal(&schema), local);
            }
            if let Some(zone) = tree::child(node, K::SET_TIME_ZONE) {
                set(judge, node, ZONE, zone.children().next().map(|value| value_of(&value)), local);
            }
            let Some(config) = tree::child(node, K::SET_CONFIG) else { return };
            let Some(parameter) = tree::path(&config).pop() else { return };
            let value = tree::child(&config, K::TO_CONFIG_VALUE);
            let default = value.as_ref().is_none_or(|value| tree::has_token(value, K::DEFAULT_KW));
            let value = value.map(|value| value.children().map(|value| value_of(&value)).collect::<Vec<_>>().join(","));
            let value = value.filter(|_| !default);
            if let Some(value) = &value {
                refused(judge, node, &parameter, value);
            }
            set(judge, node, &parameter, value, local);
            if judge.session.wrapped && !local && judge.session.bodies == 0 {
                judge.report(&SESSION_SETTING, node, format!("{parameter} stays set after the migration"));
            }
        }
        K::RESET => match tree::child(node, K::CONFIG_PARAMETER_REF) {
            Some(parameter) => {
                let parameter = tree::path(&parameter).pop().unwrap_or_default();
                set(judge, node, &parameter, None, false);
            }
            None if tree::has(node, K::ALL) => {
                for parameter in NAMES.into_iter().chain(["search_path", ZONE]) {
                    set(judge, node, parameter, None, false);
                }
            }
            None => {}
        },
        K::DISCARD if tree::words(node).contains("all") => {
            for parameter in NAMES.into_iter().chain(["search_path", ZONE]) {
                set(judge, node, parameter, None, false);
            }
        }
        K::SELECT => {
            for call in tree::below(node, K::CALL_EXPR) {
                let arguments = tree::child(&call, K::ARG_LIST);
                let arguments: Vec<SyntaxNode> = arguments.iter().flat_map(SyntaxNode::children).collect();
                if let (Some(function), [parameter, value, local]) =
                    (super::defaults::called(&call), arguments.as_slice())
                    && function == "set_config"
                {
                    let local = tree::words(local) == "true";
                    if !local || judge.session.in_transaction() {
                        let parameter = value_of(parameter);
                        if value.kind() == K::LITERAL {
                            refused(judge, node, &parameter, &value_of(value));
                        }
                        set(judge, node, &parameter, Some(value_of(value)), local);
                        if parameter == "search_path" && value.kind() != K::LITERAL {
                            judge.session.set_path(Path::Odd);
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

/// A timeout that the server refuses.
fn refused(judge: &mut Judge<'_>, node: &SyntaxNode, parameter: &str, value: &str) {
    if NAMES.contains(&parameter) && !is_duration(value) {
        let message = format!("{parameter} cannot be set to {value:?}");
        judge.report(&files::SYNTAX_ERROR, node, message).help =
            "A number of milliseconds, or one with a unit: us, ms, s, min, h or d.".to_owned();
    }
}

fn value_of(node: &SyntaxNode) -> String {
    match node.kind() {
        K::CONFIG_VALUE_NAME => tree::name(node),
        _ => tree::literal(node).unwrap_or_else(|| tree::words(node)),
    }
}

fn set(judge: &mut Judge<'_>, node: &SyntaxNode, parameter: &str, value: Option<String>, local: bool) {
    if parameter == "standard_conforming_strings" && value.as_deref().is_some_and(is_off) {
        judge.report(&STRINGS, node, "from here on the server reads backslashes in strings otherwise".to_owned());
    }
    if parameter == "search_path" {
        // Nothing is made by default in the schema of the user's name, which seldom exists, or in that of temporary tables.
        let path = value.unwrap_or_default();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ',' | ' ' | '"');
        let is_said = path.chars().all(is_plain) && !path.contains(TEMPORARY) && path != "\"\"";
        // How long a local setting holds is told where a transaction is the whole file.
        let is_kept = !local || judge.session.wrapped;
        let is_reset = path.is_empty() && node.kind() != K::SELECT;
        let schemas = path.split(',').map(|schema| schema.trim().trim_matches('"'));
        let schemas = schemas.filter(|schema| !matches!(*schema, "" | "$user" | TEMPORARY));
        judge.session.set_search_path(schemas.map(str::to_owned).collect());
        judge.session.set_path(match () {
            () if is_reset => Path::Default,
            () if is_said && is_kept && !path.is_empty() => Path::Said,
            () => Path::Odd,
        });
        return;
    }
    if parameter == ZONE {
        judge.session.set_utc(value.as_deref().is_some_and(is_utc), local);
        return;
    }
    let Some(which) = NAMES.iter().position(|name| *name == parameter) else { return };
    let range = judge.range(node);
    let late = value.is_some() && judge.session.missing[which];
    let limit = value.map(|value| Limit { zero: is_zero(&value), range });
    judge.session.set_timeout(which, limit, local);
    if late {
        judge.report(&TIMEOUT_LATE, node, format!("{parameter} is set after the first lock"));
    }
}

/// The zones that are UTC all the year.
fn is_utc(zone: &str) -> bool {
    const ZONES: [&str; 9] = ["utc", "gmt", "etc/utc", "etc/gmt", "uct", "zulu", "universal", "greenwich", "0"];
    ZONES.contains(&zone.trim().to_ascii_lowercase().as_str())
}

/// `off` in all its spellings.
pub(super) fn is_off(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    let spelt = ["off", "false", "no"].iter().any(|off| off.starts_with(&value));
    value == "0" || (spelt && !matches!(value.as_str(), "" | "o"))
}

/// What the server takes for a timeout: `5s`, `1.5 min`, `250`, `1e3`; not `5 sec`, `-1`.
fn is_duration(value: &str) -> bool {
    let value = value.trim();
    let is_digit = |letter: char| letter.is_ascii_digit();
    if let Some(digits) = value.strip_prefix("0x") {
        return digits.starts_with(|digit: char| digit.is_ascii_hexdigit());
    }
    let rest = value.trim_start_matches(|digit: char| is_digit(digit) || ".+".contains(digit));
    // 1e3
    let power = rest.strip_prefix(['e', 'E']).map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
    let unit = match power {
        Some(power) if power.starts_with(is_digit) => power.trim_start_matches(is_digit),
        _ => rest,
    };
    rest.len() < value.len() && matches!(unit.trim(), "" | "us" | "ms" | "s" | "min" | "h" | "d")
}

/// `0`, `0ms`, `00.0 s`.
fn is_zero(value: &str) -> bool {
    let digits: String =
        value.trim().trim_end_matches(|unit: char| unit.is_ascii_alphabetic() || unit == ' ').to_owned();
    digits.parse::<f64>().is_ok_and(|number| number == 0.0)
}

/// A statement takes a lock that blocks writes: both timeouts must be set by now. Said once for each file.
pub(super) fn require(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let set = judge.options.timeouts_set && judge.session.wrapped;
    for (which, rule) in [&LOCK_TIMEOUT, &STATEMENT_TIMEOUT].into_iter().enumerate() {
        let timeout = judge.session.timeout(which);
        if timeout.limit().is_some() || (set && !timeout.is_reset()) {
            zero(judge, which);
        } else if !std::mem::replace(&mut judge.session.missing[which], true) {
            judge.report(rule, node, format!("{} is not set when this takes its lock", NAMES[which]));
        }
    }
}

fn zero(judge: &mut Judge<'_>, which: usize) {
    let range: Option<Range<usize>> =
        judge.session.timeout(which).limit().filter(|limit| limit.zero).map(|limit| limit.range.clone());
    if let Some(range) = range {
        judge.report_range(
            &TIMEOUT_ZERO,
            range,
            format!("{} is off when a later statement takes its lock", NAMES[which]),
        );
    }
}
