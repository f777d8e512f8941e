//! JSON values that lose nothing: exact numbers, members in the order in which they were written.

use super::number::Number;
use indexmap::IndexMap;
use std::fmt;

/// A JSON value. Two values are equal when they mean the same: numbers by value, objects whatever their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number of any size, exact.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

impl Value {
    /// The JSON name of this value's type, for messages: `object`, `array`, `string`, `number`, `boolean`, `null`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The object, if this is one, to change.
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The member of that name, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_object()?.get(name)
    }

    /// The value at a JSON pointer (RFC 6901), given as its unescaped tokens.
    pub fn at<S: AsRef<str>>(&self, pointer: &[S]) -> Option<&Value> {
        pointer.iter().try_fold(self, |value, token| match value {
            Self::Object(object) => object.get(token.as_ref()),
            Self::Array(elements) => elements.get(token.as_ref().parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The same value for libraries that take serde_json's type. Numbers become what that type can hold: integers of
    /// 64 bits stay exact, others become doubles, and those that no double can hold become strings.
    pub fn to_serde(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => serde_json::Value::Bool(*value),
            Self::Number(number) => {
                let literal = number.canonical();
                let integer = literal.parse::<i64>().map(serde_json::Number::from).ok();
                let integer = integer.or_else(|| literal.parse::<u64>().map(serde_json::Number::from).ok());
                integer
                    .or_else(|| literal.parse::<f64>().ok().and_then(serde_json::Number::from_f64))
                    .map_or(serde_json::Value::String(literal), serde_json::Value::Number)
            }
            Self::String(text) => serde_json::Value::String(text.clone()),
            Self::Array(elements) => serde_json::Value::Array(elements.iter().map(Self::to_serde).collect()),
            Self::Object(object) => serde_json::Value::Object(
                object.iter().map(|(name, value)| (name.to_owned(), value.to_serde())).collect(),
            ),
        }
    }

    /// This value as compact JSON text: members in their order, numbers as they were written, no blanks.
    pub fn to_json(&self) -> String {
        super::json::write(self, super::json::Layout::Compact)
    }

    /// This value as JSON text indented by two blanks, for people.
    pub fn to_json_pretty(&self) -> String {
        super::json::write(self, super::json::Layout::Pretty)
    }

    /// This value as YAML in block style, for people. Strings are in quotes wherever a reader of YAML 1.1 or 1.2 would
    /// take them for something else; [`read_yaml`](super::read_yaml) gives the same value again, numbers as written.
    pub fn to_yaml(&self) -> String {
        super::yaml::write(self)
    }

    /// The canonical form of this value; see the [module `record`](crate::record#canonical-form).
    pub fn to_canonical(&self) -> String {
        super::json::write(self, super::json::Layout::Canonical)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(value.into())
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Self {
        Self::Array(elements)
    }
}

impl From<&serde_json::Value> for Value {
    /// Takes what serde_json kept: it has already dropped duplicate members and rounded numbers. Text loses nothing.
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                Number::parse(&number.to_string()).map_or_else(|| Self::String(number.to_string()), Self::Number)
            }
            serde_json::Value::String(text) => Self::String(text.clone()),
            serde_json::Value::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => {
                Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect())
            }
        }
    }
}

/// The members of a JSON object: unique names, in the order in which they were written.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Object(IndexMap<String, Value>);

impl Object {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The member of that name, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.get_mut(name)
    }

    /// Whether there is a member of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets a member: in its place if there is one of that name, else at the end. Gives back what it replaced.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// Takes a member out, keeping the order of the others.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The members in order, to change their values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.0.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    /// The names in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Members ordered by name as RFC 8785 asks: by UTF-16 code units.
    pub(super) fn sorted(&self) -> Vec<(&str, &Value)> {
        let mut members: Vec<_> = self.iter().collect();
        members.sort_unstable_by(|(left, _), (right, _)| {
            if left.is_ascii() && right.is_ascii() {
                left.cmp(right)
            } else {
                left.encode_utf16().cmp(right.encode_utf16())
            }
        });
        members
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = indexmap::map::IntoIter<String, Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
