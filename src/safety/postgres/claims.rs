//! What checks say of the values of columns: comparisons with constants, and how they are joined.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::tree;
use super::types::DataType;

/// What a check says: its conditions, and how they are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// All of these.
    All(Vec<Claim>),
    /// One of these at least.
    Any(Vec<Claim>),
    /// This.
    Says(Condition),
    /// Something else.
    Something,
}

/// What a check says of the values of one column, NULL aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) column: String,
    pub(super) says: Says,
}

/// What is said of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    /// None is less than this one, nor this one itself where it is not included.
    From(Value, bool),
    /// None is greater than this one, nor this one itself where it is not included.
    To(Value, bool),
    /// Each is one of these; whether it says IS NULL besides.
    OneOf(Vec<Value>, bool),
    /// None is one of these.
    NoneOf(Vec<Value>),
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Number(i128),
    /// A date or a time of a day, ISO 8601 made as short as it can be; what the text says of a time zone, if anything.
    Moment(String, Option<bool>),
    /// Anything else, which is only ever equal to itself.
    Other(String),
}

/// What a check says, as far as it compares a column with constants.
pub(super) fn claim(check: &SyntaxNode) -> Claim {
    claimed(check, false)
}

impl Claim {
    /// The conditions that all rows fulfil.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::conditions).collect(),
            Self::Any(parts) => parts.iter().map(Self::only).reduce(either).flatten().into_iter().collect(),
            Self::Says(condition) => vec![condition.clone()],
            Self::Something => Vec::new(),
        }
    }

    /// The one condition that it makes.
    fn only(&self) -> Option<Condition> {
        let mut found = self.conditions();
        found.pop().filter(|_| found.is_empty())
    }

    /// Whether all of it is understood.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::is_whole),
            Self::Says(_) => true,
            Self::Something => false,
        }
    }

    /// The columns that it names.
    pub(super) fn columns(&self) -> BTreeSet<&String> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::columns).collect(),
            Self::Says(condition) => [&condition.column].into(),
            Self::Something => BTreeSet::new(),
        }
    }

    /// A column has another name.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.rename(old, new)),
            Self::Says(condition) if condition.column == old => new.clone_into(&mut condition.column),
            Self::Says(_) | Self::Something => {}
        }
    }
}

/// The text of a constant, so that two of one meaning are equal.
pub(super) fn canonical(text: &str) -> String {
    moment(text).map_or_else(|| text.to_owned(), |(text, _)| text)
}

fn claimed(expression: &SyntaxNode, denied: bool) -> Claim {
    let expression = tree::inner(expression.clone());
    const OPERATORS: [K; 2] = [K::IS_NOT, K::NOT_IN];
    let sides: Vec<SyntaxNode> = expression.children().filter(|part| !OPERATORS.contains(&part.kind())).collect();
    let has = |kind| tree::has_token(&expression, kind);
    let joined = |all: bool, parts| if all == denied { Claim::Any(parts) } else { Claim::All(parts) };
    let said = |condition: Option<Condition>| condition.map_or(Claim::Something, Claim::Says);
    match (expression.kind(), sides.as_slice()) {
        (K::PREFIX_EXPR, [side]) if has(K::NOT_KW) => claimed(side, !denied),
        (K::BIN_EXPR, [left, right]) if has(K::AND_KW) || has(K::OR_KW) => {
            joined(has(K::AND_KW), vec![claimed(left, denied), claimed(right, denied)])
        }
        (K::BETWEEN_EXPR, [tested, low, high]) if !has(K::SYMMETRIC_KW) => {
            let outside = has(K::NOT_KW) != denied;
            let (Some(column), Some(low), Some(high)) = (column(tested), Value::of(low), Value::of(high)) else {
                return Claim::Something;
            };
            let (first, second) = match outside {
                true => (Says::To(low, false), Says::From(high, false)),
                false => (Says::From(low, true), Says::To(high, true)),
            };
            let parts = [first, second].map(|says| Claim::Says(Condition { column: column.clone(), says }));
            if outside { Claim::Any(parts.into()) } else { Claim::All(parts.into()) }
        }
        (K::BIN_EXPR, [left, right]) => said(comparison(&expression, left, right, denied)),
        (K::POSTFIX_EXPR, [tested]) if has(K::ISNULL_KW) || has(K::NOTNULL_KW) => {
            said(column(tested).filter(|_| has(K::NOTNULL_KW) == denied).map(is_null))
        }
        _ => Claim::Something,
    }
}

fn is_null(column: String) -> Condition {
    Condition { column, says: Says::OneOf(Vec::new(), true) }
}

/// Two conditions of which one is fulfilled: known only where both name values of one column.
fn either(left: Option<Condition>, right: Option<Condition>) -> Option<Condition> {
    let (left, right) = (left?, right?);
    match (left.says, right.says) {
        (Says::OneOf(mut values, null), Says::OneOf(others, other_null)) if left.column == right.column => {
            values.extend(others);
            Some(Condition { column: left.column, says: Says::OneOf(values, null || other_null) })
        }
        _ => None,
    }
}

fn comparison(expression: &SyntaxNode, left: &SyntaxNode, right: &SyntaxNode, denied: bool) -> Option<Condition> {
    let has = |kind| tree::has_token(expression, kind) || tree::has(expression, kind);
    // A list with NULL in it says of no value that it is not there.
    let listed = |values: Vec<Value>, none: bool| match none {
        true => (!values.contains(&Value::Null)).then_some(Says::NoneOf(values)),
        false => Some(Says::OneOf(values, false)),
    };
    if has(K::IN_KW) || has(K::NOT_IN) {
        let says = listed(Value::list(right)?, has(K::NOT_IN) != denied)?;
        return Some(Condition { column: column(left)?, says });
    }
    if has(K::IS_KW) || has(K::IS_NOT) {
        let null = Value::of(right).filter(|value| *value == Value::Null && has(K::IS_NOT) == denied);
        return null.and_then(|_| column(left)).map(is_null);
    }
    let unlike = has(K::NEQ) || has(K::NEQB);
    let quantified = right.children().find(|part| matches!(part.kind(), K::ANY_FN | K::SOME_FN | K::ALL_FN));
    if let Some(quantified) = quantified {
        let fits = has(K::EQ) && quantified.kind() != K::ALL_FN || unlike && quantified.kind() == K::ALL_FN;
        let values = quantified.children().next().and_then(|array| Value::array(&array)).filter(|_| fits)?;
        return Some(Condition { column: column(left)?, says: listed(values, unlike != denied)? });
    }
    let (column, value, turned) = match (column(left), Value::of(right)) {
        (Some(column), Some(value)) => (column, value, false),
        _ => (column(right)?, Value::of(left)?, true),
    };
    let greater = has(K::R_ANGLE) || has(K::GTEQ);
    let included = (has(K::GTEQ) || has(K::LTEQ)) != denied;
    let says = match () {
        () if has(K::EQ) || unlike => listed(vec![value], unlike != denied)?,
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
    pub(super) fn of(expression: &SyntaxNode) -> Option<Self> {
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
    pub(super) fn list(list: &SyntaxNode) -> Option<Vec<Self>> {
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
    pub(super) fn compare(&self, bound: &Self, data_type: Option<&DataType>) -> Option<Ordering> {
        let has_zone = data_type.map(|known| known.name == "timestamptz");
        let found = match (self, bound) {
            (Self::Number(own), Self::Number(bound)) => Some(own.cmp(bound)),
            (Self::Moment(own, said), Self::Moment(bound, other)) => {
                let differs = |zone: Option<bool>| said.is_some_and(|said| zone.is_some_and(|zone| zone != said));
                (!differs(has_zone) && !differs(*other)).then(|| own.cmp(bound))
            }
            (Self::Other(own), Self::Other(bound)) if own == bound => Some(Ordering::Equal),
            _ => None,
        };
        // Strings of digits are in the order of strings.
        found.filter(|found| *found == Ordering::Equal || !data_type.is_some_and(DataType::is_string))
    }

    /// Whether a constant of a check over a column is surely another one than one of its bounds.
    pub(super) fn differs(&self, bound: &Self, data_type: Option<&DataType>) -> bool {
        let text = |value: &Self| match value {
            Self::Number(number) => Some(number.to_string()),
            Self::Other(text) => Some(text.clone()),
            Self::Null | Self::Moment(..) => None,
        };
        // A collation of its own may take two strings for one.
        let are_texts = data_type.is_some_and(|known| known.is_string() && known.collation.is_none());
        match self.compare(bound, data_type) {
            Some(found) => found != Ordering::Equal,
            None => are_texts && text(self).zip(text(bound)).is_some_and(|(own, bound)| own != bound),
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
