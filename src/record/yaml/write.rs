//! Values to YAML text that readers of YAML 1.1 and 1.2 read alike.

use super::scalar::{self, Tag};
use crate::record::value::{Object, Value};
use std::fmt::Write as _;

/// How long a member's name may be on the line of its value: YAML stops at 1024 characters.
const MAX_SIMPLE_KEY: usize = 512;

/// A value as YAML in block style. Reading it back gives the same value, numbers as they were written.
pub(in crate::record) fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(object) if !object.is_empty() => members(&mut text, object, 0, false),
        Value::Array(list) if !list.is_empty() => elements(&mut text, list, 0, false),
        leaf => {
            write_leaf(&mut text, leaf, 2);
            text.push('\n');
        }
    }
    text
}

/// Writes members at an indentation. `on_line` is whether the first one continues a line.
fn members(text: &mut String, object: &Object, indent: usize, mut on_line: bool) {
    for (name, value) in object.iter() {
        if !on_line {
            pad(text, indent);
        }
        on_line = false;
        let mut key = String::new();
        write_line(&mut key, name);
        if key.len() > MAX_SIMPLE_KEY {
            text.push_str("? ");
            text.push_str(&key);
            text.push('\n');
            pad(text, indent);
        } else {
            text.push_str(&key);
        }
        text.push(':');
        match value {
            Value::Object(object) if !object.is_empty() => {
                text.push('\n');
                members(text, object, indent + 2, false);
            }
            Value::Array(list) if !list.is_empty() => {
                text.push('\n');
                elements(text, list, indent + 2, false);
            }
            leaf => {
                text.push(' ');
                write_leaf(text, leaf, indent + 2);
                text.push('\n');
            }
        }
    }
}

/// Writes elements at an indentation. `on_line` is whether the first one continues a line.
fn elements(text: &mut String, list: &[Value], indent: usize, mut on_line: bool) {
    for value in list {
        if !on_line {
            pad(text, indent);
        }
        on_line = false;
        text.push_str("- ");
        match value {
            Value::Object(object) if !object.is_empty() => members(text, object, indent + 2, true),
            Value::Array(list) if !list.is_empty() => elements(text, list, indent + 2, true),
            leaf => {
                write_leaf(text, leaf, indent + 2);
                text.push('\n');
            }
        }
    }
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Writes what has no members; the lines of a block scalar go to `indent`.
fn write_leaf(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => {
            if !is_yaml_1_1_number(number.literal()) {
                text.push_str("!!float ");
            }
            text.push_str(number.literal());
        }
        Value::String(string) if fits_block(string) => {
            text.push_str(if string.ends_with('\n') { "|" } else { "|-" });
            for line in string.strip_suffix('\n').unwrap_or(string).split('\n') {
                text.push('\n');
                if !line.is_empty() {
                    pad(text, indent);
                    text.push_str(line);
                }
            }
        }
        Value::String(string) => write_line(text, string),
        Value::Array(_) => text.push_str("[]"),
        Value::Object(_) => text.push_str("{}"),
    }
}

/// Whether a literal block gives exactly this string, without an indentation indicator or `+`.
fn fits_block(string: &str) -> bool {
    let Some(body) = string.split('\n').next().filter(|first| first.len() < string.len()) else { return false };
    !body.is_empty()
        && !string.ends_with("\n\n")
        && string.chars().all(|character| matches!(character, '\n' | '\t') || is_printable(character))
        && !body.starts_with([' ', '\t'])
        && string.split('\n').all(|line| line.is_empty() || !line.trim_matches([' ', '\t']).is_empty())
}

/// What can stand in a YAML text as itself everywhere. Line separators, byte order marks and control characters cannot.
fn is_printable(character: char) -> bool {
    matches!(character,
        ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Writes a string on one line, in double quotes if it needs them.
fn write_line(text: &mut String, string: &str) {
    if !needs_quotes(string) {
        text.push_str(string);
        return;
    }
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            printable if is_printable(printable) => text.push(printable),
            other => {
                // Writing to a String cannot fail; all of these are below U+10000.
                let _ = write!(text, "\\u{:04x}", u32::from(other));
            }
        }
    }
    text.push('"');
}

/// Whether some reader would take the plain text for something else than this string.
fn needs_quotes(string: &str) -> bool {
    let Some(first) = string.chars().next() else { return true };
    let syntax = "-?:,[]{}#&*!|>'\"%@`".contains(first)
        || string.starts_with("...")
        || string.starts_with(' ')
        || string.ends_with([' ', ':'])
        || string.contains(": ")
        || string.contains(" #")
        || !string.chars().all(is_printable);
    syntax || !matches!(scalar::resolve(string, true, Tag::None), Ok(Value::String(_))) || is_yaml_1_1(string, first)
}

/// Whether YAML 1.1 reads a JSON number as a number without being told: one with an exponent must have a point and a
/// sign.
fn is_yaml_1_1_number(literal: &str) -> bool {
    match literal.split_once(['e', 'E']) {
        None => true,
        Some((mantissa, exponent)) => mantissa.contains('.') && exponent.starts_with(['+', '-']),
    }
}

/// Whether YAML 1.1 (or a reader that mixes both) may read a number, a date, a boolean or a merge key.
fn is_yaml_1_1(string: &str, first: char) -> bool {
    const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "=", "<<"];
    WORDS.iter().any(|word| string.eq_ignore_ascii_case(word))
        || (matches!(first, '0'..='9' | '+' | '.')
            && string.chars().all(|character| {
                character.is_ascii_hexdigit()
                    || matches!(character, '_' | ':' | '.' | '+' | '-' | ' ' | 'x' | 'X' | 'o' | 't' | 'T' | 'z' | 'Z')
            }))
        || [".inf", ".nan"].iter().any(|word| string.trim_start_matches('+').eq_ignore_ascii_case(word))
}
