//! One spelling for expressions that mean the same: engines keep them as they were written, or write them out in words of
//! their own, with parentheses and casts.
//!
//! An expression is read into a tree and written out again in one way. What cannot be read is compared token by token.

use super::cursor::unquoted;
use super::{reader, types};
use crate::engine::Engine;
use crate::engine::lexer::{self, TokenKind};

/// Whether two expressions mean the same. Across engines casts do not count, because Postgres writes them everywhere.
pub(super) fn same(one: (&str, Engine), other: (&str, Engine)) -> bool {
    let casts = one.1 == other.1;
    normal(one.0, one.1, casts) == normal(other.0, other.1, casts) || tokens(one.0, one.1) == tokens(other.0, other.1)
}

/// Whether two defaults of a column mean the same. `NULL` is no default.
pub(super) fn same_default(one: (Option<&str>, Engine), other: (Option<&str>, Engine), data_type: &str) -> bool {
    let value = |(default, engine): (Option<&str>, Engine)| {
        let casts = one.1 == other.1;
        let normal = normal(default?, engine, casts).unwrap_or_else(|| tokens(default.unwrap_or_default(), engine));
        // What a literal is, the column says.
        let data_type = types::normal(data_type, engine);
        let text = normal.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(&normal);
        match normal.as_str() {
            "null" => None,
            _ if casts => Some(normal),
            _ if data_type == "boolean" => Some(boolean(text).unwrap_or(&normal).to_owned()),
            _ if types::is_number(&data_type) => Some(number(text).unwrap_or(normal)),
            _ => Some(normal),
        }
    };
    value(one) == value(other)
}

fn boolean(text: &str) -> Option<&'static str> {
    match text {
        "1" | "t" | "true" => Some("true"),
        "0" | "f" | "false" => Some("false"),
        _ => None,
    }
}

/// A number in its one spelling: `1e3` is 1000, and `1.50` is 1.5.
pub(super) fn number(text: &str) -> Option<String> {
    let is_number = text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match text.parse::<i128>() {
        Ok(number) => Some(number.to_string()),
        Err(_) if is_number => Some(text.parse::<f64>().ok()?.to_string()),
        Err(_) => None,
    }
}

/// The tokens of SQL text in one spelling: without comments, words in small letters, simple names without quotes.
pub(super) fn tokens(text: &str, engine: Engine) -> String {
    let tokens = lexer::tokens(text, engine);
    let words = tokens.iter().filter(|token| token.kind != TokenKind::Comment).map(|token| {
        let text = token.text(text);
        match token.kind {
            TokenKind::Word => text.to_lowercase(),
            TokenKind::QuotedName => name(text),
            _ => text.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ").trim_end_matches(';').trim_end().to_owned()
}

/// A name without quotes, in small letters.
pub(super) fn name(text: &str) -> String {
    unquoted(text).to_lowercase()
}

/// An expression in its one spelling, or nothing where it cannot be read.
fn normal(text: &str, engine: Engine, casts: bool) -> Option<String> {
    Some(reader::read(text, engine)?.simple(casts).written())
}

/// The tree of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A name, a number, a string, or what was not looked into, each as it is written.
    Leaf(String),
    /// An operator before its operand, or what a word says of it behind it: `not`, `-`, `is null`.
    Unary(String, Box<Node>),
    /// An operator between operands; `and` and `or` take more than two.
    Infix(String, Vec<Node>),
    /// A function, or what is written like one.
    Call(String, Vec<Node>),
    /// A value made another type.
    Cast(Box<Node>, String),
}

impl Node {
    pub(super) fn infix(operator: &str, one: Self, other: Self) -> Self {
        Self::Infix(operator.to_owned(), vec![one, other])
    }

    pub(super) fn not_if(self, negated: bool) -> Self {
        if negated { Self::Unary("not".to_owned(), Box::new(self)) } else { self }
    }

    /// The same in the simplest form.
    fn simple(self, casts: bool) -> Self {
        match self {
            Self::Leaf(_) => self,
            Self::Cast(inner, data_type) => match (inner.simple(casts), data_type) {
                (Self::Leaf(text), data_type) if !casts => Self::Leaf(literal(&text, &data_type)),
                (inner, _) if !casts => inner,
                (inner, data_type) => Self::Cast(Box::new(inner), data_type),
            },
            Self::Unary(operator, inner) => match (operator.as_str(), inner.simple(casts)) {
                ("-", Self::Leaf(number)) if number.starts_with(|c: char| c.is_ascii_digit()) => {
                    Self::Leaf(format!("-{number}"))
                }
                ("+", inner) => inner,
                ("not", Self::Unary(inner, twice)) if inner == "not" => *twice,
                (_, inner) => Self::Unary(operator, Box::new(inner)),
            },
            Self::Infix(operator, operands) => {
                let mut flat = Vec::new();
                for operand in operands {
                    match operand.simple(casts) {
                        Self::Infix(same, inner) if same == operator && (operator == "and" || operator == "or") => {
                            flat.extend(inner);
                        }
                        operand => flat.push(operand),
                    }
                }
                Self::Infix(operator, flat)
            }
            Self::Call(name, arguments) => {
                let mut arguments: Vec<Self> = arguments.into_iter().map(|argument| argument.simple(casts)).collect();
                match (name.as_str(), arguments.as_mut_slice()) {
                    ("in", [value, only]) => Self::infix("=", value.clone(), only.clone()),
                    ("extract" | "date_part", [Self::Leaf(field), _]) => {
                        *field = unquoted(field).to_lowercase();
                        Self::Call("extract".to_owned(), arguments)
                    }
                    ("now" | "get_current_timestamp" | "transaction_timestamp" | "current_timestamp", []) => {
                        Self::Leaf("current_timestamp".to_owned())
                    }
                    _ => Self::Call(name, arguments),
                }
            }
        }
    }

    fn written(&self) -> String {
        let list = |nodes: &[Self], between: &str| nodes.iter().map(Self::written).collect::<Vec<_>>().join(between);
        match self {
            Self::Leaf(text) => text.clone(),
            Self::Unary(operator, inner) => format!("({operator} {})", inner.written()),
            Self::Infix(operator, operands) => format!("({})", list(operands, &format!(" {operator} "))),
            Self::Call(name, arguments) => format!("{name}({})", list(arguments, ", ")),
            Self::Cast(inner, data_type) => format!("cast({} as {data_type})", inner.written()),
        }
    }
}

/// A literal that a cast makes a number or a boolean.
fn literal(text: &str, data_type: &str) -> String {
    let Some(inner) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) else { return text.to_owned() };
    match data_type {
        "boolean" => boolean(inner).unwrap_or(text).to_owned(),
        _ if types::is_number(data_type) => number(inner).unwrap_or_else(|| text.to_owned()),
        _ => text.to_owned(),
    }
}

impl Node {
    pub(super) fn list(name: &str, first: Self, rest: Vec<Self>) -> Self {
        Self::Call(name.to_owned(), std::iter::once(first).chain(rest).collect())
    }

    pub(super) fn is_null(&self) -> bool {
        match self {
            Self::Leaf(text) => text == "null",
            Self::Cast(inner, _) => inner.is_null(),
            _ => false,
        }
    }

    /// The elements of an array that is written out.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        match self {
            Self::Call(name, elements) if name == "array" => Some(elements.clone()),
            Self::Cast(inner, _) => inner.elements(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Engine::{DuckDb, Postgres, Sqlite};

    #[test]
    fn an_engine_may_write_an_expression_in_its_own_words() {
        for (written, postgres) in [
            ("environment IN ('dev', 'staging')", "(environment = ANY (ARRAY['dev'::text, 'staging'::text]))"),
            (
                "status IN ('a', 'b')",
                "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            ),
            ("kind NOT IN ('a','b')", "(kind <> ALL (ARRAY['a'::text, 'b'::text]))"),
            ("kind in ('a')", "(kind = 'a'::text)"),
            ("singleton = 1", "(singleton = 1)"),
            ("a > 0 AND b > 0 and (c > 0 OR d)", "((a > 0) AND (b > 0) AND ((c > 0) OR d))"),
            ("\"Age\" BETWEEN 1 AND 2 AND b", "(((\"Age\" >= 1) AND (\"Age\" <= 2)) AND b)"),
            ("a NOT BETWEEN 1 AND 2", "((a < 1) OR (a > 2))"),
            ("price >= 0.5", "(price >= 0.5)"),
            ("price > -1", "(price > ('-1'::integer)::numeric)"),
            ("price > 0", "(price > (0)::numeric)"),
            ("name LIKE 'a%' AND NOT b", "((name ~~ 'a%'::text) AND (NOT b))"),
            ("name NOT LIKE 'a%'", "(name !~~ 'a%'::text)"),
            ("a != b", "(a <> b)"),
            ("a IS NOT NULL OR b IS NULL", "((a IS NOT NULL) OR (b IS NULL))"),
            ("length(name) <= 20", "(length((name)::text) <= 20)"),
            ("CAST(body AS TEXT) <> ''", "((body)::text <> ''::text)"),
            ("body ->> 'title' = 'x'", "((body ->> 'title'::text) = 'x'::text)"),
            ("a || b || c <> ''", "(((a || b) || c) <> ''::text)"),
            ("starts < DATE '2020-01-01'", "(starts < '2020-01-01'::date)"),
            ("case when a then 1 else 2 end = 1", "(\nCASE\n    WHEN a THEN 1\n    ELSE 2\nEND = 1)"),
            ("lower(name)", "lower(name)"),
            ("coalesce(a, 'x', b) = 'it''s'", "(COALESCE(a, 'x'::text, b) = 'it''s'::text)"),
            ("a = TRUE AND b = false", "((a = true) AND (b = false))"),
            ("extract(year from d) > 2000", "(EXTRACT(year FROM d) > (2000)::numeric)"),
            ("-a * 2 + 1 < 3", "((((- a) * 2) + 1) < 3)"),
            ("position('@' in email) > 1", "(POSITION(('@'::text) IN (email)) > 1)"),
            ("starts < CURRENT_TIMESTAMP", "(starts < now())"),
            ("a = 'b' -- comment", "(a = 'b'::text)"),
            ("length(trim(name)) > 0", "(length(TRIM(BOTH FROM name)) > 0)"),
            ("trim(name, 'x') = ltrim(a)", "(TRIM(BOTH 'x'::text FROM name) = TRIM(LEADING FROM a))"),
            ("a IS NOT DISTINCT FROM b", "(NOT (a IS DISTINCT FROM b))"),
            ("a IS b", "(NOT (a IS DISTINCT FROM b))"),
            ("case a when 'x' then 1 end > 0", "(CASE a WHEN 'x'::text THEN 1 ELSE NULL::integer END > 0)"),
            ("price < 1e3 AND price > .5", "((price < (1000)::numeric) AND (price > 0.50))"),
        ] {
            assert!(
                same((written, Sqlite), (postgres, Postgres)),
                "{written}\n{:?}\n{:?}",
                normal(written, Sqlite, false),
                normal(postgres, Postgres, false)
            );
        }
        for (written, duckdb) in [
            ("a IN ('x', 'y')", "(a IN ('x', 'y'))"),
            ("a = TRUE", "(a = CAST('t' AS BOOLEAN))"),
            ("price > -1", "(price > -1)"),
            (
                "a IS TRUE OR b IS NOT FALSE",
                "((CAST(a AS BOOLEAN) IS NOT DISTINCT FROM true) OR (CAST(b AS BOOLEAN) IS DISTINCT FROM false))",
            ),
            ("case a when 'x' then 1 end > 0", "(CASE  WHEN ((a = 'x')) THEN (1) ELSE NULL END > 0)"),
            ("trim(a) = ''", "(\"trim\"(a) = '')"),
        ] {
            assert!(same((written, Sqlite), (duckdb, DuckDb)), "{written}");
        }
        assert!(same(("A  >\n(0)", Sqlite), ("\"a\">0", Sqlite)));
    }

    #[test]
    fn what_means_something_else_is_different() {
        for (one, other) in [
            ("a > 0", "a >= 0"),
            ("a IN ('x', 'y')", "a IN ('x', 'z')"),
            ("a = 'X'", "a = 'x'"),
            ("a AND b OR c", "a AND (b OR c)"),
            ("NOT a = b", "a = b"),
            ("NOT (a AND b)", "NOT a AND b"),
            ("a - (b - c)", "a - b - c"),
            ("a = '1'", "a = 1"),
            ("a IS TRUE", "a"),
            ("case a when 1 then 2 end", "case a when 2 then 1 end"),
            ("trim(a, 'x')", "trim(a, 'y')"),
            ("a LIKE 'x'", "a NOT LIKE 'x'"),
            ("a IS NULL", "a IS NOT NULL"),
            ("CAST(a AS INTEGER) = 1", "CAST(a AS TEXT) = 1"),
            ("lower(a)", "upper(a)"),
            ("a", "b"),
            ("case when a then 1 end", "case when a then 2 end"),
        ] {
            assert!(!same((one, Sqlite), (other, Sqlite)), "{one} {other}");
        }
        // `||` binds closer than `+` on SQLite, and looser on Postgres.
        assert!(!same(("a || b + c = d", Sqlite), ("((a || (b + c)) = d)", Postgres)));
    }

    #[test]
    fn defaults_are_what_the_column_makes_of_them() {
        let same = |one, other, data_type| same_default((one, Sqlite), (other, Postgres), data_type);
        for (written, postgres, data_type) in [
            (Some("'x'"), Some("'x'::character varying"), "VARCHAR(3)"),
            (Some("0"), Some("'0'::bigint"), "BIGINT"),
            (Some("-1"), Some("'-1'::integer"), "INTEGER"),
            (Some("'1.5'"), Some("1.5"), "DECIMAL(10, 2)"),
            (Some("1e3"), Some("'1000'::numeric"), "DECIMAL(10, 2)"),
            (Some("FALSE"), Some("false"), "BOOLEAN"),
            (Some("1"), Some("true"), "BOOLEAN"),
            (Some("CURRENT_TIMESTAMP"), Some("now()"), "TIMESTAMPTZ"),
            (Some("NULL"), Some("NULL::text"), "TEXT"),
            (None, Some("NULL::text"), "TEXT"),
            (Some("(1 + 1)"), Some("(1 + 1)"), "INTEGER"),
        ] {
            assert!(same(written, postgres, data_type), "{written:?} {postgres:?}");
        }
        for (one, other, data_type) in [
            (Some("'x'"), Some("'y'::text"), "TEXT"),
            (Some("'0'"), Some("0"), "TEXT"),
            (None, Some("0"), "INTEGER"),
            (Some("1"), Some("0"), "BOOLEAN"),
        ] {
            assert!(!same(one, other, data_type), "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_compared_as_it_is_written() {
        let deep = format!("{}a{}", "(".repeat(5000), ")".repeat(5000));
        let long = format!("a{}", " + 1".repeat(5000));
        for text in ["a b", "f(a) OVER (x)", "((", "CASE a", "'a", deep.as_str(), long.as_str()] {
            assert_eq!(normal(text, Postgres, false), None, "{text}");
            assert!(same((text, Sqlite), (text, Postgres)), "{text}");
        }
    }
}
