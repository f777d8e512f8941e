use super::super::Finding;

/// Findings as a JSON array, one object for each.
pub fn json(findings: &[Finding]) -> String {
    serde_json::to_string_pretty(findings).unwrap_or_else(|_| "[]".to_owned())
}
