//! The body of a record.

use super::json::{self, JsonError, JsonErrorKind};
use super::value::Value;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::OnceLock;

/// How many bytes a body may have as it is stored: compact JSON.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// The JSON of a record: an object or a boolean, as it was given but for blanks.
#[derive(Clone)]
pub struct Body {
    text: String,
    value: OnceLock<Value>,
}

impl Body {
    /// Reads a body from JSON text.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with a [`JsonError`] as its source: the text is no JSON or has what a registry cannot
    /// keep exactly (duplicate members, lone surrogates, NaN), it is nested deeper than 128, larger than [`MAX_BODY`],
    /// or neither an object nor a boolean.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self::from_value(json::read(text)?)?)
    }

    /// Makes a body of a value.
    ///
    /// # Errors
    /// [`JsonError`] if the value is neither an object nor a boolean, or too large.
    pub fn from_value(value: Value) -> std::result::Result<Self, JsonError> {
        let refused = |kind| Err(JsonError { kind, position: None });
        if !matches!(value, Value::Object(_) | Value::Bool(_)) {
            return refused(JsonErrorKind::NotABody(value.type_name()));
        }
        let text = value.to_json();
        if text.len() > MAX_BODY {
            return refused(JsonErrorKind::TooLarge { size: text.len(), limit: MAX_BODY });
        }
        Ok(Self { text, value: OnceLock::from(value) })
    }

    /// Takes the text that a store kept; it is read when its value is asked for.
    pub(crate) fn from_stored(text: String) -> Self {
        Self { text, value: OnceLock::new() }
    }

    /// The body as compact JSON text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The body as a value.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if what a store kept is not JSON: somebody changed it behind charter's back.
    pub fn value(&self) -> Result<&Value> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = json::read(&self.text)
            .map_err(|error| Error::new(ErrorKind::Corrupt, "a stored body is not JSON").with_source(error))?;
        Ok(self.value.get_or_init(|| value))
    }

    /// The canonical form, which the digest covers; see the [module `record`](crate::record#canonical-form).
    ///
    /// # Errors
    /// As [`Body::value`].
    pub fn canonical(&self) -> Result<String> {
        self.value().map(Value::to_canonical)
    }

    /// The body as a Rust type.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the body does not fit the type.
    pub fn to<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.text).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("the body does not fit: {error}")).with_source(error)
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a body can be made of: JSON text (which loses nothing), a [`Value`], or `serde_json::Value`.
pub trait IntoBody {
    /// Reads and checks it.
    ///
    /// # Errors
    /// As [`Body::parse`].
    fn into_body(self) -> Result<Body>;
}

impl IntoBody for Body {
    fn into_body(self) -> Result<Body> {
        Ok(self)
    }
}

impl IntoBody for &Body {
    fn into_body(self) -> Result<Body> {
        Ok(self.clone())
    }
}

impl IntoBody for &str {
    fn into_body(self) -> Result<Body> {
        Body::parse(self)
    }
}

impl IntoBody for &String {
    fn into_body(self) -> Result<Body> {
        Body::parse(self)
    }
}

impl IntoBody for String {
    fn into_body(self) -> Result<Body> {
        Body::parse(&self)
    }
}

impl IntoBody for Value {
    fn into_body(self) -> Result<Body> {
        Body::parse(&self.to_json())
    }
}

impl IntoBody for serde_json::Value {
    fn into_body(self) -> Result<Body> {
        Body::parse(&self.to_string())
    }
}

impl IntoBody for &serde_json::Value {
    fn into_body(self) -> Result<Body> {
        Body::parse(&self.to_string())
    }
}
