//! Whether the checks of a table say what its bounds as a partition will: as the server proves it, by comparing one constant
//! with another, and never by what a condition would come to.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::tree;

/// What a check says of the values of one column, NULL aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) column: String,
    says: Says,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    /// None is less than this one, nor this one itself where it is not included.
    From(Value, bool),
    /// None is greater than this one, nor this one itself where it is not included.
    To(Value, bool),
    /// Each is one of these; whether it says IS NULL besides.
    OneOf(Vec<Value>, bool),
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Null,
    Number(i128),
    /// A date or a time of a day, ISO 8601 made as short as it can be; what the text says of a time zone, if anything.
    Moment(String, Option<bool>),
    /// Anything else, which is only ever equal to itself.
    Other(String),
}

/// One end of a range for one column of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Least,
    Greatest,
    At(Value),
}

/// What is known of the table's columns beside its checks.
pub(super) struct Columns<'a> {
    /// The columns of the partition key, where they are known.
    pub(super) key: Option<&'a [String]>,
    /// Columns that may be the key besides those that the conditions name, where it is not known.
    pub(super) others: Vec<String>,
    /// Whether a column is known to hold no NULL.
    pub(super) is_not_null: &'a dyn Fn(&str) -> bool,
    /// Whether a column's type has a time zone, where its type is known.
    pub(super) has_zone: &'a dyn Fn(&str) -> Option<bool>,
}

/// The conditions of which a check is made, as far as they compare a column with constants.
pub(super) fn conditions(check: &SyntaxNode) -> Vec<Condition> {
    let mut found = Vec::new();
    collect(check, false, &mut found);
    found
}

/// The text of a constant, so that two of one meaning are equal.
pub(super) fn canonical(text: &str) -> String {
    moment(text).map_or_else(|| text.to_owned(), |(text, _)| text)
}

fn collect(expression: &SyntaxNode, denied: bool, into: &mut Vec<Condition>) {
    let expression = tree::inner(expression.clone());
    let sides: Vec<SyntaxNode> = expression.children().collect();
    let has = |kind| tree::has_token(&expression, kind);
    match (expression.kind(), sides.as_slice()) {
        (K::PREFIX_EXPR, [side]) if has(K::NOT_KW) => collect(side, !denied, into),
        (K::BIN_EXPR, [left, right]) if has(K::AND_KW) || has(K::OR_KW) => {
            if has(K::AND_KW) == denied {
                into.extend(either(left, right, denied));
            } else {
                collect(left, denied, into);
                collect(right, denied, into);
            }
        }
        (K::BETWEEN_EXPR, [tested, low, high]) if !denied && !has(K::NOT_KW) => {
            if let (Some(column), Some(low), Some(high)) = (column(tested), Value::of(low), Value::of(high)) {
                into.push(Condition { column: column.clone(), says: Says::From(low, true) });
                into.push(Condition { column, says: Says::To(high, true) });
            }
        }
        (K::BIN_EXPR, [left, right]) => into.extend(comparison(&expression, left, right, denied)),
        (K::POSTFIX_EXPR, [tested]) if has(K::ISNULL_KW) && !denied => {
            into.extend(column(tested).map(|column| Condition { column, says: Says::OneOf(Vec::new(), true) }));
        }
        _ => {}
    }
}

/// Two conditions of which one is fulfilled: known only where both name values of one column.
fn either(left: &SyntaxNode, right: &SyntaxNode, denied: bool) -> Option<Condition> {
    let one = |side: &SyntaxNode| {
        let mut found = Vec::new();
        collect(side, denied, &mut found);
        found.pop().filter(|_| found.is_empty())
    };
    let (left, right) = (one(left)?, one(right)?);
    match (left.says, right.says) {
        (Says::OneOf(mut values, null), Says::OneOf(others, other_null)) if left.column == right.column => {
            values.extend(others);
            Some(Condition { column: left.column, says: Says::OneOf(values, null || other_null) })
        }
        _ => None,
    }
}

fn comparison(expression: &SyntaxNode, left: &SyntaxNode, right: &SyntaxNode, denied: bool) -> Option<Condition> {
    let has = |kind| tree::has_token(expression, kind);
    if has(K::IN_KW) {
        let values = Value::list(right).filter(|_| !denied)?;
        return Some(Condition { column: column(left)?, says: Says::OneOf(values, false) });
    }
    if has(K::IS_KW) {
        let null = Value::of(right).filter(|value| *value == Value::Null && !denied);
        return null.and_then(|_| Some(Condition { column: column(left)?, says: Says::OneOf(Vec::new(), true) }));
    }
    if has(K::EQ)
        && let Some(any) = right.children().find(|part| matches!(part.kind(), K::ANY_FN | K::SOME_FN))
    {
        let values = any.children().next().and_then(|array| Value::array(&array)).filter(|_| !denied)?;
        return Some(Condition { column: column(left)?, says: Says::OneOf(values, false) });
    }
    let (column, value, turned) = match (column(left), Value::of(right)) {
        (Some(column), Some(value)) => (column, value, false),
        _ => (column(right)?, Value::of(left)?, true),
    };
    let greater = has(K::R_ANGLE) || has(K::GTEQ);
    let included = (has(K::GTEQ) || has(K::LTEQ)) != denied;
    let says = match () {
        () if has(K::EQ) && !denied || has(K::NEQ) && denied => Says::OneOf(vec![value], false),
        () if !greater && !has(K::L_ANGLE) && !has(K::LTEQ) => return None,
        () if (greater != denied) != turned => Says::From(value, included),
        () => Says::To(value, included),
    };
    Some(Condition { column, says })
}

/// A column, and one that is only called text: the server compares strings of any type as such.
fn column(expression: &SyntaxNode) -> Option<String> {
    let expression = tree::inner(expression.clone());
    if expression.kind() == K::CAST_EXPR {
        let [inside, target] =
            &expression.children().filter(|part| part.kind() != K::COLON_COLON).collect::<Vec<_>>()[..]
        else {
            return None;
        };
        return tree::column(inside).filter(|_| tree::words(target) == "text");
    }
    tree::column(&expression)
}

impl Value {
    fn of(expression: &SyntaxNode) -> Option<Self> {
        let expression = tree::inner(expression.clone());
        match expression.kind() {
            K::LITERAL => {
                let text = tree::literal(&expression)?;
                Some(match text.parse::<i128>() {
                    _ if tree::words(&expression) == "null" => Self::Null,
                    Ok(number) if number.to_string() == text => Self::Number(number),
                    _ => match moment(&text) {
                        Some((text, zone)) => Self::Moment(text, zone),
                        None => Self::Other(text),
                    },
                })
            }
            K::PREFIX_EXPR if tree::has_token(&expression, K::MINUS) => {
                match expression.children().next().and_then(|inside| Self::of(&inside))? {
                    Self::Number(number) => Some(Self::Number(-number)),
                    _ => None,
                }
            }
            K::CAST_EXPR => {
                let target = |part: &SyntaxNode| {
                    matches!(part.kind(), K::PATH_TYPE | K::TIME_TYPE | K::TIMESTAMP_TYPE).then(|| tree::words(part))
                };
                let inside = expression.children().find_map(|part| Self::of(&part))?;
                let name = expression.children().find_map(|part| target(&part)).unwrap_or_default();
                Some(match inside {
                    Self::Moment(text, zone) => {
                        let said = match () {
                            () if name.ends_with("timestamptz") || name.contains("with time zone") => Some(true),
                            () if name == "date" || name.starts_with("timestamp") => Some(false),
                            () => zone,
                        };
                        Self::Moment(text, said)
                    }
                    other => other,
                })
            }
            _ => None,
        }
    }

    /// The constants in the parentheses after IN.
    fn list(list: &SyntaxNode) -> Option<Vec<Self>> {
        list.children().map(|part| Self::of(&part)).collect()
    }

    /// The constants of an array.
    fn array(array: &SyntaxNode) -> Option<Vec<Self>> {
        let array = tree::inner(array.clone());
        match array.kind() {
            K::ARRAY_EXPR => Self::list(&array),
            K::CAST_EXPR => array.children().find_map(|part| Self::array(&part)),
            K::LITERAL => {
                let text = tree::literal(&array)?;
                let inside = text.strip_prefix('{')?.strip_suffix('}')?;
                let plain = !inside.is_empty() && !inside.contains(['"', '\\', '{']);
                let value = |part: &str| match part.trim() {
                    part if part.eq_ignore_ascii_case("null") => Self::Null,
                    part => part.parse().map_or_else(|_| Self::Other(part.to_owned()), Self::Number),
                };
                plain.then(|| inside.split(',').map(value).collect())
            }
            _ => None,
        }
    }

    /// How a constant of a check over a column compares with one of its bounds, where the server can tell.
    fn compare(&self, bound: &Self, has_zone: Option<bool>) -> Option<Ordering> {
        match (self, bound) {
            (Self::Number(own), Self::Number(bound)) => Some(own.cmp(bound)),
            (Self::Moment(own, said), Self::Moment(bound, other)) => {
                let differs = |zone: Option<bool>| said.is_some_and(|said| zone.is_some_and(|zone| zone != said));
                (!differs(has_zone) && !differs(*other)).then(|| own.cmp(bound))
            }
            (Self::Other(own), Self::Other(bound)) if own == bound => Some(Ordering::Equal),
            _ => None,
        }
    }
}

/// A moment as ISO 8601 writes it, without what says nothing: midnight, parts of a second that are zero, and Greenwich's time
/// zone, of which is told whether it was there.
fn moment(text: &str) -> Option<(String, Option<bool>)> {
    let (date, time) = text.split_at_checked("YYYY-MM-DD".len())?;
    let shape = |(place, byte): (usize, u8)| if matches!(place, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    if !date.bytes().enumerate().all(shape) {
        return None;
    }
    let time = time.trim_start_matches(['T', 't', ' ']);
    let local = ["+00:00", "+0000", "+00", "-00", "Z", "z", " UTC"].iter().find_map(|zone| time.strip_suffix(zone));
    let zone = local.map(|_| true);
    let time = local.unwrap_or(time);
    if time.is_empty() {
        return Some((date.to_owned(), zone));
    }
    if !time.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')) {
        return None;
    }
    let time = if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time };
    let time = if time.len() == "HH:MM".len() { format!("{time}:00") } else { time.to_owned() };
    let midnight = time == "00:00:00";
    Some((if midnight { date.to_owned() } else { format!("{date} {time}") }, zone))
}

/// Whether conditions that all rows fulfil say that the rows fit into a partition's bounds.
pub(super) fn is_implied(conditions: &[Condition], bounds: &SyntaxNode, columns: &Columns<'_>) -> bool {
    let named = conditions.iter().map(|condition| &condition.column).chain(&columns.others);
    let named: BTreeSet<&String> = named.collect();
    let named: Vec<String> = named.into_iter().cloned().collect();
    if let Some(list) = tree::child(bounds, K::PARTITION_FOR_VALUES_IN) {
        let Some(values) = Value::list(&list) else { return false };
        let keys = columns.key.unwrap_or(&named);
        return (columns.key.is_none() || keys.len() == 1)
            && keys.iter().any(|column| is_listed(conditions, &values, column, columns));
    }
    let Some(range) = tree::child(bounds, K::PARTITION_FOR_VALUES_FROM) else { return false };
    let ends = |kind| {
        let values = tree::child(&range, kind)?;
        values.children().map(|part| End::of(&part)).collect::<Option<Vec<End>>>()
    };
    let (Some(from), Some(to)) = (ends(K::PARTITION_FROM_VALUES), ends(K::PARTITION_TO_VALUES)) else { return false };
    let fits = |key: &[String]| {
        let range = Range { conditions, key, from: &from, to: &to, columns };
        from.len() == key.len() && to.len() == key.len() && range.is_implied()
    };
    match columns.key {
        Some(key) => fits(key),
        None => arranged(&named, from.len()).iter().any(|key| fits(key)),
    }
}

/// All ways to take so many of some names, of the few that a check has.
fn arranged(names: &[String], count: usize) -> Vec<Vec<String>> {
    const MOST: usize = 4;
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for (place, name) in names.iter().enumerate().take(MOST) {
        let mut others = names.to_vec();
        others.remove(place);
        for mut rest in arranged(&others, count - 1) {
            rest.insert(0, name.clone());
            found.push(rest);
        }
    }
    found
}

fn is_listed(conditions: &[Condition], list: &[Value], column: &str, columns: &Columns<'_>) -> bool {
    let nullable = list.contains(&Value::Null);
    let zone = (columns.has_zone)(column);
    let is_member = |value: &Value| list.iter().any(|bound| value.compare(bound, zone) == Some(Ordering::Equal));
    let says =
        conditions.iter().filter(|condition| condition.column == column).any(|condition| match &condition.says {
            Says::OneOf(values, null) => (nullable || !null) && values.iter().all(is_member),
            _ => false,
        });
    says && (nullable || (columns.is_not_null)(column))
}

impl End {
    fn of(expression: &SyntaxNode) -> Option<Self> {
        match tree::words(expression).as_str() {
            "minvalue" => Some(Self::Least),
            "maxvalue" => Some(Self::Greatest),
            _ => Value::of(expression).filter(|value| *value != Value::Null).map(Self::At),
        }
    }
}

/// The bounds of a range and what is known of the rows.
struct Range<'a> {
    conditions: &'a [Condition],
    key: &'a [String],
    from: &'a [End],
    to: &'a [End],
    columns: &'a Columns<'a>,
}

impl Range<'_> {
    fn is_implied(&self) -> bool {
        self.key.iter().all(|column| (self.columns.is_not_null)(column)) && self.begins(0) && self.ends(0)
    }

    /// Whether the rows are not before the range, from a column of the key on.
    fn begins(&self, place: usize) -> bool {
        let next = self.from.get(place + 1);
        match self.from.get(place) {
            Some(End::Least) => true,
            Some(End::At(low)) => {
                let included = matches!(next, None | Some(End::Least));
                self.lies(place, low, Ordering::Greater, included)
                    || next.is_some() && self.is_pinned(place, low) && self.begins(place + 1)
            }
            _ => false,
        }
    }

    /// Whether the rows are before the end of the range, from a column of the key on.
    fn ends(&self, place: usize) -> bool {
        let next = self.to.get(place + 1);
        match self.to.get(place) {
            Some(End::Greatest) => true,
            Some(End::At(high)) => {
                let included = matches!(next, Some(End::Greatest));
                self.lies(place, high, Ordering::Less, included)
                    || next.is_some() && self.is_pinned(place, high) && self.ends(place + 1)
            }
            _ => false,
        }
    }

    /// Whether all values lie to one side of a bound, which is itself one of them or not.
    fn lies(&self, place: usize, bound: &Value, side: Ordering, included: bool) -> bool {
        self.says(place, |says, zone| {
            let beyond = |value: &Value, own: bool| match value.compare(bound, zone) {
                Some(Ordering::Equal) => included || !own,
                found => found == Some(side),
            };
            match says {
                Says::From(value, own) => side == Ordering::Greater && beyond(value, *own),
                Says::To(value, own) => side == Ordering::Less && beyond(value, *own),
                Says::OneOf(values, null) => !null && values.iter().all(|value| beyond(value, true)),
            }
        })
    }

    fn is_pinned(&self, place: usize, bound: &Value) -> bool {
        self.says(place, |says, zone| match says {
            Says::OneOf(values, false) => {
                values.iter().all(|value| value.compare(bound, zone) == Some(Ordering::Equal))
            }
            _ => false,
        })
    }

    fn says(&self, place: usize, test: impl Fn(&Says, Option<bool>) -> bool) -> bool {
        let Some(column) = self.key.get(place) else { return false };
        let zone = (self.columns.has_zone)(column);
        let own = self.conditions.iter().filter(|condition| condition.column == *column);
        own.into_iter().any(|condition| test(&condition.says, zone))
    }
}
