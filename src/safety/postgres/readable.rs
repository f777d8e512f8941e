//! Whether a type reads a text, as far as that can be told without a server: what is not known here may be read.

/// A whole number between two.
pub(super) fn is_integer(text: &str, least: i128, most: i128) -> bool {
    let text = text.trim_matches(|letter: char| letter.is_ascii_whitespace() || letter == '\u{b}');
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // From 16 on there are other ways to write a number.
    let other =
        digits.contains('_') || digits.len() > 2 && digits.starts_with('0') && !digits.as_bytes()[1].is_ascii_digit();
    let number = || text.parse::<i128>().is_ok_and(|number| (least..=most).contains(&number));
    other || digits.starts_with(|first: char| first.is_ascii_digit()) && number()
}

/// A number with a fraction or without.
pub(super) fn is_number(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let other = digits.contains(['_', 'x', 'o', 'b']) && digits.starts_with(|first: char| first.is_ascii_digit());
    other
        || matches!(digits, "nan" | "inf" | "infinity")
        || (digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') && digits.parse::<f64>().is_ok())
}

/// A day or a moment: one without a digit is a word that the server knows.
pub(super) fn is_moment(text: &str) -> bool {
    const WORDS: [&str; 6] = ["now", "today", "tomorrow", "yesterday", "epoch", "infinity"];
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|letter: char| !letter.is_ascii_alphabetic());
    text.contains(|letter: char| letter.is_ascii_digit()) || words.any(|word| WORDS.contains(&word))
}

/// A time of the day.
pub(super) fn is_time(text: &str) -> bool {
    text.to_ascii_lowercase().contains("allballs") || is_moment(text)
}

/// A length of time.
pub(super) fn is_interval(text: &str) -> bool {
    let is_digit = |letter: char| letter.is_ascii_digit();
    text.contains(is_digit) || text.to_ascii_lowercase().contains("infinity")
}

/// An address, of a net or not.
pub(super) fn is_address(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_octet = |part: &&str| part.parse::<u8>().is_ok() && part.len() <= 3;
    if text.contains([':', '/']) {
        return text.chars().all(|letter| letter.is_ascii_hexdigit() || ":./".contains(letter));
    }
    parts.len() == 4 && parts.iter().all(is_octet)
}

/// An amount, in whichever currency.
pub(super) fn is_amount(text: &str) -> bool {
    let has = |test: fn(&char) -> bool| text.chars().any(|letter| test(&letter));
    has(char::is_ascii_digit) || !has(char::is_ascii_alphabetic)
}

/// A point, a box and their like.
pub(super) fn is_shape(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains(|letter: char| letter.is_ascii_digit()) || lower.contains("inf") || lower.contains("nan")
}

/// A range.
pub(super) fn is_range(text: &str) -> bool {
    let text = text.trim();
    text.eq_ignore_ascii_case("empty") || text.starts_with(['[', '(']) && text.ends_with([']', ')'])
}

/// Values of several columns.
pub(super) fn is_record(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('(') && text.ends_with(')')
}

/// The elements of an array that is plainly written.
pub(super) fn elements(text: &str) -> Option<Vec<&str>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inside.contains(['{', '}', '"', '\\']) || inside.trim().is_empty() {
        return None;
    }
    let all = inside.split(',').map(str::trim);
    Some(all.filter(|element| !element.eq_ignore_ascii_case("null")).collect())
}

/// A boolean as the server reads it: a word, or as much of it as says which.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let begins = |word: &str| !text.is_empty() && word.starts_with(&text);
    match text.as_str() {
        "o" => None,
        "1" => Some(true),
        "0" => Some(false),
        "on" => Some(true),
        _ if begins("true") || begins("yes") => Some(true),
        _ if begins("false") || begins("no") || begins("off") => Some(false),
        _ => None,
    }
}

/// Whether a text may be JSON. Of numbers without bounds, of depth and of halves of characters the server thinks otherwise than
/// the reader here.
pub(super) fn is_json(text: &str) -> bool {
    const DEEP: usize = 100;
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => true,
        Err(error) => {
            text.contains("\\u")
                || text.matches(['[', '{']).count() > DEEP
                || error.to_string().contains("out of range")
        }
    }
}

pub(super) fn is_uuid(text: &str) -> bool {
    let text = text.strip_prefix('{').map_or(Some(text), |inside| inside.strip_suffix('}'));
    let Some(text) = text else { return false };
    let mut digits = 0;
    for letter in text.chars() {
        match letter {
            _ if letter.is_ascii_hexdigit() => digits += 1,
            '-' if digits % 4 == 0 && (1..32).contains(&digits) => {}
            _ => return false,
        }
    }
    digits == 32 && !text.contains("--") && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As seen on 14, 17 and 18.
    #[test]
    fn texts_are_read_as_the_server_reads_them() {
        for (text, value) in [
            (" Yes ", Some(true)),
            ("tr", Some(true)),
            ("of", Some(false)),
            ("on", Some(true)),
            ("1", Some(true)),
            ("o", None),
            ("", None),
            ("maybe", None),
        ] {
            assert_eq!(boolean(text), value, "{text}");
        }
        for (text, fits) in
            [(" 5 ", true), ("+5", true), ("-5", true), ("", false), ("1.5", false), ("1e3", false), ("40000", false)]
        {
            assert_eq!(is_integer(text, -32768, 32767), fits, "{text}");
        }
        assert!(is_integer("0x1F", 0, 99) && is_integer("1_000", 0, 9999) && is_integer("007", 0, 9));
        for (text, fits) in [
            ("{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", true),
            ("a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", true),
            ("00000000-0000-0000-0000-00000000000g", false),
            ("", false),
        ] {
            assert_eq!(is_uuid(text), fits, "{text}");
        }
        for (text, fits) in
            [("{}", true), ("{\"a\": 1e400}", true), ("null", true), ("", false), ("{a:1}", false), ("[1,2", false)]
        {
            assert_eq!(is_json(text), fits, "{text}");
        }
    }
}
