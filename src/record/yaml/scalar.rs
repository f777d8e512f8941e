//! What a YAML scalar means: the core schema of YAML 1.2 (section 10.3), with exact numbers.

use super::YamlErrorKind;
use crate::record::number::Number;
use crate::record::value::Value;

/// The prefix of YAML's own tags; `!!str` is short for it and `str`.
const CORE: &str = "tag:yaml.org,2002:";

/// What a node may be by its tag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// No tag: a plain scalar is what it looks like, everything else is what it is.
    None,
    /// `!` or `!!str`: a string, whatever it looks like.
    String,
    Null,
    Boolean,
    Integer,
    Float,
    Sequence,
    Mapping,
    Merge,
}

impl Tag {
    pub(super) fn parse(tag: Option<&saphyr_parser::Tag>) -> Result<Self, YamlErrorKind> {
        let Some(tag) = tag else { return Ok(Self::None) };
        let full = format!("{}{}", tag.handle, tag.suffix);
        Ok(match full.strip_prefix(CORE) {
            Some("str") => Self::String,
            Some("null") => Self::Null,
            Some("bool") => Self::Boolean,
            Some("int") => Self::Integer,
            Some("float") => Self::Float,
            Some("seq") => Self::Sequence,
            Some("map") => Self::Mapping,
            Some("merge") => Self::Merge,
            None if full == "!" => Self::String,
            Some(known) => return Err(YamlErrorKind::UnknownTag(format!("!!{known}"))),
            None => return Err(YamlErrorKind::UnknownTag(full)),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::None | Self::String => "!!str",
            Self::Null => "!!null",
            Self::Boolean => "!!bool",
            Self::Integer => "!!int",
            Self::Float => "!!float",
            Self::Sequence => "!!seq",
            Self::Mapping => "!!map",
            Self::Merge => "!!merge",
        }
    }

    /// That a node of this tag cannot be what it is.
    pub(super) fn mismatch(self, found: &str) -> YamlErrorKind {
        YamlErrorKind::TagMismatch { tag: self.name(), found: found.chars().take(80).collect() }
    }
}

/// What a scalar is. `plain` is whether it stands there without quotes and is no block scalar.
pub(super) fn resolve(text: &str, plain: bool, tag: Tag) -> Result<Value, YamlErrorKind> {
    let mismatch = || tag.mismatch(text);
    match tag {
        Tag::None if plain => match null(text).or_else(|| boolean(text)) {
            Some(value) => Ok(value),
            None => match number(text, false)? {
                Some((number, _)) => Ok(Value::Number(number)),
                None => Ok(text.into()),
            },
        },
        Tag::None | Tag::String => Ok(text.into()),
        Tag::Null => null(text).ok_or_else(mismatch),
        Tag::Boolean => boolean(text).ok_or_else(mismatch),
        Tag::Integer => match number(text, true)? {
            Some((number, true)) => Ok(Value::Number(number)),
            _ => Err(mismatch()),
        },
        Tag::Float => number(text, true)?.map(|(number, _)| Value::Number(number)).ok_or_else(mismatch),
        Tag::Sequence | Tag::Mapping | Tag::Merge => Err(mismatch()),
    }
}

fn null(text: &str) -> Option<Value> {
    matches!(text, "" | "~" | "null" | "Null" | "NULL").then_some(Value::Null)
}

fn boolean(text: &str) -> Option<Value> {
    match text {
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// The number that a text is, spelled by JSON's grammar, and whether it is an integer; `None` if it is no number.
///
/// The core schema takes `01` for 1. Here superfluous leading zeros make a string, unless a tag asks for a number:
/// `01.0` is no version, and 01067 is a postal code.
fn number(text: &str, tagged: bool) -> Result<Option<(Number, bool)>, YamlErrorKind> {
    if !text.starts_with(|first: char| matches!(first, '0'..='9' | '+' | '-' | '.')) {
        return Ok(None);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(YamlErrorKind::NotANumber(text.to_owned()));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        match text.strip_prefix(prefix) {
            Some(digits) if !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix)) => {
                let value = u128::from_str_radix(digits, radix).map_err(|_| YamlErrorKind::IntegerTooLarge)?;
                return Ok(Number::parse(&value.to_string()).map(|number| (number, true)));
            }
            _ => {}
        }
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.get(1..).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    let is_number = digits(whole)
        && fraction.is_none_or(digits)
        && !(whole.is_empty() && fraction.is_none_or(str::is_empty))
        && exponent_digits.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    let leading_zeros = whole.len() > 1 && whole.starts_with('0');
    if !is_number || (leading_zeros && !tagged) {
        return Ok(None);
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        significant => significant,
    };
    let sign = if text.starts_with('-') { "-" } else { "" };
    let literal = match fraction {
        Some("") => format!("{sign}{whole}.0{exponent}"),
        Some(fraction) => format!("{sign}{whole}.{fraction}{exponent}"),
        None => format!("{sign}{whole}{exponent}"),
    };
    let integer = fraction.is_none() && exponent.is_empty();
    Number::parse(&literal).map(|number| Some((number, integer))).ok_or(YamlErrorKind::ExponentTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        match resolve(text, true, Tag::None) {
            Ok(value) => value.to_json(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn plain_scalars_follow_the_core_schema_with_exact_numbers() {
        for (text, expected) in [
            ("", "null"),
            ("~", "null"),
            ("Null", "null"),
            ("nUll", "\"nUll\""),
            ("True", "true"),
            ("FALSE", "false"),
            ("yes", "\"yes\""),
            ("no", "\"no\""),
            ("on", "\"on\""),
            ("off", "\"off\""),
            ("y", "\"y\""),
            ("n", "\"n\""),
            ("1.10", "1.10"),
            ("9007199254740993", "9007199254740993"),
            ("+1", "1"),
            ("-1", "-1"),
            (".5", "0.5"),
            ("-.5", "-0.5"),
            ("1.", "1.0"),
            ("1.e5", "1.0e5"),
            ("1E+5", "1E+5"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0", "0"),
            ("-0", "-0"),
            ("00", "\"00\""),
            ("01", "\"01\""),
            ("01.0", "\"01.0\""),
            ("01067", "\"01067\""),
            ("1_000", "\"1_000\""),
            ("0b1", "\"0b1\""),
            ("-0x1F", "\"-0x1F\""),
            ("12:30", "\"12:30\""),
            ("2024-01-15", "\"2024-01-15\""),
            ("1.0.0", "\"1.0.0\""),
            (".", "\".\""),
            ("+", "\"+\""),
            ("-", "\"-\""),
            ("e5", "\"e5\""),
            ("1e", "\"1e\""),
            ("1e+", "\"1e+\""),
            (".e5", "\".e5\""),
            ("-.inf", "NotANumber(\"-.inf\")"),
            (".NaN", "NotANumber(\".NaN\")"),
            ("1e1000000001", "ExponentTooLarge"),
            ("0xfffffffffffffffffffffffffffffffff", "IntegerTooLarge"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn tags_are_honoured() {
        let tagged = |text: &str, tag| resolve(text, true, tag).map(|value| value.to_json());
        assert_eq!(tagged("1.10", Tag::String), Ok("\"1.10\"".to_owned()));
        assert_eq!(tagged("01", Tag::Integer), Ok("1".to_owned()));
        assert_eq!(tagged("1", Tag::Float), Ok("1".to_owned()));
        assert_eq!(tagged("true", Tag::Boolean), Ok("true".to_owned()));
        assert!(tagged("yes", Tag::Boolean).is_err());
        assert!(tagged("1.5", Tag::Integer).is_err());
        assert!(tagged("x", Tag::Null).is_err());
    }
}
