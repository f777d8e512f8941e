use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::{Finding, Severity, rules};

/// What a path in a URI may not hold.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\');

/// Findings as a SARIF 2.1.0 log, with all rules.
///
/// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
pub fn sarif(findings: &[Finding]) -> String {
    let names: Vec<&str> = rules().map(|rule| rule.name).collect();
    let described: Vec<Value> = rules()
        .map(|rule| {
            json!({
                "id": rule.name,
                "shortDescription": { "text": rule.summary },
                "fullDescription": { "text": rule.reason },
                "help": { "text": rule.help },
                "helpUri": rule.source,
                "defaultConfiguration": { "level": level(rule.severity) },
            })
        })
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let uri = finding.file.to_string_lossy().replace('\\', "/");
            json!({
                "ruleId": finding.rule.name,
                "ruleIndex": names.iter().position(|name| *name == finding.rule.name),
                "level": level(finding.severity),
                "message": { "text": format!("{}. {} {}", finding.message, finding.effect, finding.help) },
                "properties": { "cost": finding.cost.as_str() },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": utf8_percent_encode(&uri, PATH).to_string() },
                    "region": {
                        "startLine": finding.start.line,
                        "startColumn": finding.start.column,
                        "endLine": finding.end.line,
                        "endColumn": finding.end.column,
                    },
                } }],
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "charter",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}
