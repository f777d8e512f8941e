use std::fmt::Write as _;

use super::super::{Finding, Severity};

/// Findings as workflow commands, which GitHub shows beside the lines of a pull request.
///
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
pub fn github(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let text = format!("{}\n{}\nSafe form: {}", finding.message, finding.effect, finding.help);
        let _ = writeln!(
            out,
            "::{level} file={},line={},endLine={},col={},endColumn={},title={}::{}",
            property(&finding.file.to_string_lossy()),
            finding.start.line,
            finding.end.line,
            finding.start.column,
            finding.end.column,
            property(finding.rule.name),
            data(&text)
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
