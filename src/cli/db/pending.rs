//! `charter db pending`.

use super::super::session::Session;
use super::super::ui::{BAD, DOUBTFUL, GOOD, Outcome, object};
use super::database::{Database, Opened, Set};
use super::migrations::{migration_value, prefix, unfinished_text, unfinished_value, without_migrations};
use crate::migrate::{Judged, Judgement, Revision, Unfinished, UpgradeOptions};
use crate::record::Value;

/// List the migrations that a database lacks, and what its environment says of them
///
/// In the order in which `charter db upgrade` would apply them. Only reads.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db pending
  charter db pending postgresql://charter@registry.example.com/charter --json")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    set: Set,
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let opened = arguments.database.open(session)?;
    let set = arguments.set.name()?;
    if opened.manager.engine().is_none() {
        return without_migrations(session, &opened);
    }
    let options = UpgradeOptions { set: set.map(str::to_owned), revision: Revision::Head, ..UpgradeOptions::default() };
    let (mut judgement, mut unfinished) = opened.patiently(session, || opened.manager.judge_present(&options))?;
    judgement.migrations.retain(|judged| set.is_none_or(|set| judged.set == set));
    unfinished.retain(|(of_set, _)| set.is_none_or(|set| of_set == set));
    session.ui.result(|| text(&opened, &unfinished, &judgement), || value(&opened, &unfinished, &judgement))
}

/// The findings of one migration as text, the refused ones as the environment puts them.
fn remarks(judged: &Judged) -> Vec<String> {
    let mut remarks = judged.refused.clone();
    let found = judged.findings.iter().map(|finding| {
        format!("{}:{}: {}: {}", finding.file.display(), finding.start, finding.rule.name, finding.message)
    });
    remarks.extend(found.filter(|finding| !judged.refused.contains(finding)));
    if judged.refused.is_empty() {
        let lost = judged.dependants.iter().map(|lost| format!("loses or breaks what no migration made: {lost}"));
        remarks.extend(lost);
    }
    if !judged.has_down && judged.refused.is_empty() {
        remarks.push("there is no down migration".to_owned());
    }
    remarks
}

fn text(opened: &Opened, unfinished: &[(String, Unfinished)], judgement: &Judgement) -> String {
    let mut text = String::new();
    for (set, unfinished) in unfinished {
        let set = prefix(opened, set);
        text.push_str(&format!("{DOUBTFUL}unfinished{DOUBTFUL:#}  {set}{}\n", unfinished_text(unfinished)));
    }
    if judgement.migrations.is_empty() && text.is_empty() {
        return "nothing is pending\n".to_owned();
    }
    for judged in &judgement.migrations {
        let (style, verdict) = if judged.refused.is_empty() { (GOOD, "pending") } else { (BAD, "refused") };
        let set = prefix(opened, &judged.set);
        text.push_str(&format!("{style}{verdict}{style:#}  {set}{}\n", judged.migration));
        for remark in remarks(judged) {
            text.push_str(&format!("  {remark}\n"));
        }
    }
    text
}

fn value(opened: &Opened, unfinished: &[(String, Unfinished)], judgement: &Judgement) -> Value {
    let judged_value = |judged: &Judged| {
        let mut value = migration_value(&judged.set, &judged.migration);
        let findings = judged.findings.iter().map(|finding| {
            Value::from(object! {
                "rule": finding.rule.name,
                "severity": finding.severity.as_str(),
                "file": finding.file.display().to_string(),
                "line": finding.start.line as u64,
                "column": finding.start.column as u64,
                "message": finding.message.as_str(),
            })
        });
        value.insert("has_down", judged.has_down);
        value.insert("findings", findings.collect::<Vec<_>>());
        let dependants = judged.dependants.iter().map(|dependant| Value::from(dependant.to_string()));
        value.insert("dependants", dependants.collect::<Vec<_>>());
        value.insert("refused", judged.refused.iter().map(|why| Value::from(why.as_str())).collect::<Vec<_>>());
        Value::from(value)
    };
    object! {
        "database": opened.database.url.to_string(),
        "environment": judgement.environment.as_str(),
        "unfinished": unfinished_value(unfinished.first().map(|(set, unfinished)| (set.as_str(), unfinished))),
        "pending": judgement.migrations.iter().map(judged_value).collect::<Vec<_>>(),
    }
    .into()
}
