//! The types of columns, and which of their values DuckDB changes without a word when the type changes.

use super::Table;
use super::words::Words;
use std::ops::Range;

/// What a column says behind its type.
const BEHIND_TYPE: &[&str] = &[
    "as",
    "check",
    "collate",
    "constraint",
    "default",
    "generated",
    "not",
    "null",
    "primary",
    "references",
    "unique",
    "using",
];

/// What kind of values a type of DuckDB's has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// The bits of whole numbers, without the sign.
    Whole(u32),
    /// How many digits, and how many of them behind the point.
    Decimal(u32, u32),
    /// The bits of a number that are exact.
    Float(u32),
    Boolean,
    Date,
    /// Whether it has an offset.
    Time(bool),
    /// How many digits of a second.
    Timestamp(u32),
}

/// The kind of a type, where nothing of it is lost in another unseen or can be told.
fn kind(data_type: &str) -> Option<Kind> {
    let data_type = data_type.to_ascii_lowercase();
    let (name, rest) = data_type.split_once('(').unwrap_or((&data_type, ""));
    let (arguments, behind) = rest.split_once(')').unwrap_or((rest, ""));
    let numbers: Vec<u32> = arguments.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    let first = numbers.first().copied();
    let name: Vec<&str> = name.split_whitespace().chain(behind.split_whitespace()).collect();
    Some(match name.join(" ").as_str() {
        "utinyint" | "uint8" => Kind::Whole(8),
        "tinyint" | "int1" => Kind::Whole(7),
        "usmallint" | "uint16" => Kind::Whole(16),
        "smallint" | "int2" | "int16" | "short" => Kind::Whole(15),
        "uinteger" | "uint32" => Kind::Whole(32),
        "integer" | "int" | "int4" | "int32" | "signed" => Kind::Whole(31),
        "ubigint" | "uint64" => Kind::Whole(64),
        "bigint" | "int8" | "int64" | "long" | "oid" => Kind::Whole(63),
        "hugeint" | "int128" => Kind::Whole(127),
        "uhugeint" | "uint128" => Kind::Whole(128),
        "decimal" | "numeric" | "dec" => match first {
            Some(width) => Kind::Decimal(width, numbers.get(1).copied().unwrap_or(0)),
            None => Kind::Decimal(18, 3),
        },
        "float" | "float4" | "real" => Kind::Float(24),
        "double" | "double precision" | "float8" => Kind::Float(53),
        "boolean" | "bool" | "logical" => Kind::Boolean,
        "date" => Kind::Date,
        "time" | "time without time zone" => Kind::Time(false),
        "timetz" | "time with time zone" => Kind::Time(true),
        "timestamp_s" => Kind::Timestamp(0),
        "timestamp_ms" => Kind::Timestamp(3),
        "timestamp" | "timestamp without time zone" | "datetime" => Kind::Timestamp(first.unwrap_or(6)),
        "timestamp_us" | "timestamptz" | "timestamp with time zone" => Kind::Timestamp(6),
        "timestamp_ns" => Kind::Timestamp(9),
        _ => return None,
    })
}

/// Whether values of a type are rounded or cut, not refused, where they do not fit another one. Of what is
/// not known nothing is said.
pub(in crate::safety) fn narrows(from: &str, to: &str) -> bool {
    let Some(to) = kind(to) else { return false };
    // Text is read as far as the type goes: '1.239' as 1, a moment as a day, and without its offset.
    if is_text(from) {
        return to != Kind::Boolean;
    }
    let Some(from) = kind(from) else { return false };
    match (from, to) {
        (Kind::Whole(bits), Kind::Float(exact)) => bits > exact,
        (Kind::Whole(_) | Kind::Decimal(..) | Kind::Float(_), Kind::Boolean) => true,
        (Kind::Decimal(_, scale), Kind::Whole(_)) => scale > 0,
        (Kind::Decimal(_, from), Kind::Decimal(_, to)) => from > to,
        // Ten bits are three digits.
        (Kind::Decimal(width, _), Kind::Float(exact)) => width * 10 > exact * 3,
        (Kind::Float(_), Kind::Whole(_) | Kind::Decimal(..)) => true,
        (Kind::Float(from), Kind::Float(to)) => from > to,
        (Kind::Timestamp(_), Kind::Date | Kind::Time(_)) => true,
        (Kind::Timestamp(from), Kind::Timestamp(to)) => from > to,
        (Kind::Time(from), Kind::Time(to)) => from && !to,
        _ => false,
    }
}

/// Whether a type is one of texts.
fn is_text(data_type: &str) -> bool {
    let name = data_type.split('(').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(name.as_str(), "varchar" | "text" | "string" | "char" | "bpchar" | "nvarchar" | "character varying")
}

/// The words of a type that begins at an index.
fn extent(words: &Words, start: usize, end: usize) -> Range<usize> {
    let mut depth = 0i64;
    let behind = (start..end).find(|at| {
        depth += words.opens(*at);
        depth == 0 && BEHIND_TYPE.contains(&words.at(*at))
    });
    start..behind.unwrap_or(end)
}

/// What a column's change of type says: the type, and the words behind USING, if they are not the column's plain cast to it.
pub(in crate::safety) fn retyped(words: &Words, column: usize) -> (String, Option<Range<usize>>) {
    let start = if words.is_at(column + 1, "set data type") { column + 4 } else { column + 2 };
    let data_type = words.joined(extent(words, start, words.len()));
    let using = (start..words.len()).find(|at| words.at(*at) == "using").map(|at| at + 1..words.len());
    let name = words.named(column);
    let plain = [name.to_owned(), format!("cast ( {name} as {data_type} )"), format!("{name} : : {data_type}")];
    let using = using.filter(|using| {
        let said = words.joined(using.clone());
        let inner = said.strip_prefix("( ").and_then(|said| said.strip_suffix(" )")).unwrap_or(&said);
        !plain.iter().any(|plain| *plain == said || plain == inner)
    });
    (data_type, using)
}

impl Table {
    /// Takes in a column's type and default, from its definition.
    pub(super) fn define(&mut self, column: &str, words: &Words, definition: Range<usize>) {
        let data_type = words.joined(extent(words, definition.start + 1, definition.end));
        self.types.insert(column.to_owned(), data_type);
        let is_kept = |at: usize| words.is_at(at, "not null") || words.is_at(at, "primary key");
        if definition.clone().any(is_kept) {
            self.never_null.insert(column.to_owned());
        }
        let mut behind = definition.clone();
        if let Some(default) = behind.find(|at| words.at(*at) == "default") {
            self.defaults.insert(column.to_owned(), words.mentions(default + 1..definition.end));
        }
    }

    /// Takes in what ALTER COLUMN says of a column behind its name.
    pub(super) fn define_anew(&mut self, column: &str, words: &Words, at: usize) {
        if words.is_at(at, "drop not null") {
            self.never_null.remove(column);
        } else if words.is_at(at, "set not null") {
            self.never_null.insert(column.to_owned());
        } else if words.is_at(at, "drop default") {
            self.defaults.remove(column);
        } else if words.is_at(at, "set default") {
            self.defaults.insert(column.to_owned(), words.mentions(at + 2..words.len()));
        } else if words.at(at) == "type" || words.is_at(at, "set data type") {
            self.types.insert(column.to_owned(), retyped(words, at - 1).0);
        }
    }
}
