use std::fmt::Write as _;

use super::super::{Finding, Input};

/// The widest source line that is shown whole, in characters.
const WIDEST: usize = 160;

/// Findings for people: each with its line of the source and a mark under the part that it is about. Empty when there are
/// none. The inputs give the lines; a file that is not among them is shown without.
pub fn human(findings: &[Finding], inputs: &[Input]) -> String {
    let mut out = String::new();
    for (index, finding) in findings.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let Finding { rule, severity, file, start, end, message, effect, cost, help, .. } = finding;
        let margin = " ".repeat(start.line.to_string().len());
        let _ = writeln!(out, "{severity}[{}]: {message}\n {margin}--> {}:{start}", rule.name, file.display());
        let text = inputs.iter().find(|input| input.file == *file).map(|input| input.text.as_str());
        if let Some(line) = text.and_then(|text| text.split('\n').nth(start.line - 1)) {
            let line = line.trim_end_matches('\r').trim_start_matches('\u{feff}');
            let length = line.chars().count();
            let first = start.column.min(length + 1);
            let last = if end.line == start.line { end.column.max(first + 1) } else { length + 1 };
            // A long line is shown around its mark.
            let from = if length > WIDEST { first.saturating_sub(WIDEST / 4).max(1) } else { 1 };
            let shown: String = line.chars().skip(from - 1).take(WIDEST).map(blank).collect();
            let mark = "^".repeat(last.saturating_sub(first).clamp(1, (from + WIDEST).saturating_sub(first).max(1)));
            let indent = " ".repeat(first - from);
            let _ = writeln!(out, " {margin} |\n {} | {shown}\n {margin} | {indent}{mark}", start.line);
        }
        let _ = writeln!(out, " {margin} = {cost}: {effect}\n {margin} = safe form: {help}");
    }
    out
}

/// A tab would move the mark, and so would what a terminal obeys.
fn blank(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}
