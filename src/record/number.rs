//! Exact decimal numbers.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The largest power of ten, up or down, that a number may have when it is written as `d.ddd × 10^n`.
pub const MAX_EXPONENT: i64 = 1_000_000_000;

/// A number as it was written, compared by its exact value.
///
/// JSON numbers are decimals of any size. They never pass through a double here: `9007199254740993` and
/// `9007199254740992` are different, `1.0`, `1` and `10e-1` are equal, and [`Number::literal`] still tells them apart.
#[derive(Clone)]
pub struct Number {
    literal: String,
}

impl Number {
    /// Takes a number in JSON's own grammar (RFC 8259, section 6); `None` if it is not one, or if its power of ten
    /// is beyond [`MAX_EXPONENT`].
    pub fn parse(literal: &str) -> Option<Self> {
        let number = Self { literal: literal.to_owned() };
        (is_json_number(literal) && Decimal::of(literal).is_some()).then_some(number)
    }

    /// The number as it was written.
    pub fn literal(&self) -> &str {
        &self.literal
    }

    /// The one spelling of this value: no superfluous zeros or signs, laid out as ECMAScript lays out numbers
    /// (plain notation for powers of ten from -6 to 20, exponents elsewhere), with every digit kept.
    ///
    /// For a value that the shortest spelling of a double denotes exactly, this is what RFC 8785 gives.
    pub fn canonical(&self) -> String {
        // The constructor has checked it; an empty decimal would be zero.
        Decimal::of(&self.literal).unwrap_or_default().to_string()
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self { literal: value.to_string() }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self { literal: value.to_string() }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.literal == other.literal || self.canonical() == other.canonical()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.literal)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.literal)
    }
}

fn is_json_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    };
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        _ => match digits(at) {
            Some(end) => end,
            None => return false,
        },
    };
    if bytes.get(at) == Some(&b'.') {
        at = match digits(at + 1) {
            Some(end) => end,
            None => return false,
        };
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = match digits(at) {
            Some(end) => end,
            None => return false,
        };
    }
    at == bytes.len()
}

/// `0.digits × 10^point`, without zeros at either end of the digits; zero has no digits.
#[derive(Default)]
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    fn of(literal: &str) -> Option<Self> {
        let (negative, rest) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let significant = digits.trim_matches('0');
        if significant.is_empty() {
            return Some(Self::default());
        }
        let point = exponent.parse::<i64>().ok()?.checked_add(whole.len() as i64)?.checked_sub(leading as i64)?;
        // `0.ddd × 10^point` is `d.dd × 10^(point - 1)`.
        (-MAX_EXPONENT..=MAX_EXPONENT).contains(&point.saturating_sub(1)).then(|| Self {
            negative,
            digits: significant.to_owned(),
            point,
        })
    }
}

impl fmt::Display for Decimal {
    /// The layout of ECMA-262, Number::toString, steps 6 to 12, for any number of digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, count, point) = (&self.digits, self.digits.len() as i64, self.point);
        if digits.is_empty() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        let zeros = |count: i64| "0".repeat(count as usize);
        match point {
            1..=21 if count <= point => write!(f, "{digits}{}", zeros(point - count)),
            1..=21 => write!(f, "{}.{}", &digits[..point as usize], &digits[point as usize..]),
            -5..=0 => write!(f, "0.{}{digits}", zeros(-point)),
            _ => {
                let (first, rest) = digits.split_at(1);
                let dot = if rest.is_empty() { "" } else { "." };
                let sign = if point > 0 { "+" } else { "" };
                write!(f, "{first}{dot}{rest}e{sign}{}", point - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(literal: &str) -> String {
        Number::parse(literal).map(|number| number.canonical()).unwrap_or_else(|| "refused".to_owned())
    }

    #[test]
    fn equal_values_have_one_spelling() {
        for (literal, expected) in [
            ("1", "1"),
            ("1.0", "1"),
            ("10e-1", "1"),
            ("-0", "0"),
            ("-0.0e17", "0"),
            ("0e99999999999999999999", "0"),
            ("9007199254740993", "9007199254740993"),
            ("9007199254740992", "9007199254740992"),
            ("100000000000000000000", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1e-6", "0.000001"),
            ("1.5e-7", "1.5e-7"),
            ("-123.4500", "-123.45"),
            ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
            ("12345678901234567890123.5", "1.23456789012345678901235e+22"),
            ("1e1000000000", "1e+1000000000"),
            ("0.1e1000000001", "1e+1000000000"),
            ("1e-1000000000", "1e-1000000000"),
            ("1e1000000001", "refused"),
            ("1e-1000000001", "refused"),
            ("0.1e-1000000000", "refused"),
            ("1e-9223372036854775808", "refused"),
            ("1e99999999999999999999", "refused"),
        ] {
            assert_eq!(canonical(literal), expected, "{literal}");
        }
    }

    #[test]
    fn only_the_json_grammar_is_taken() {
        for literal in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "0x1", "NaN", "Infinity", "1_000", "1 ", "--1"] {
            assert!(Number::parse(literal).is_none(), "{literal}");
        }
    }

    proptest! {
        /// RFC 8785 numbers are the shortest spelling of doubles in ECMAScript's layout; `{:e}` gives the digits.
        #[test]
        fn shortest_doubles_keep_their_value(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let canonical = canonical(&format!("{value:e}"));
            prop_assert_eq!(canonical.parse::<f64>().map(f64::abs), Ok(value.abs()));
            prop_assert_eq!(Number::parse(&canonical).map(|number| number.canonical()), Some(canonical));
        }

        #[test]
        fn moving_the_point_changes_nothing(digits in "[1-9][0-9]{0,30}", shift in 0_usize..40) {
            let shifted = format!("{digits}{}e-{shift}", "0".repeat(shift));
            prop_assert_eq!(Number::parse(&digits), Number::parse(&shifted));
        }
    }
}
