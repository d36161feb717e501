//! The file, read once and typed.

use core::fmt;
use std::path::Path;

use e2ee_core::CipherSuite;
use serde_json::Value;

use crate::hex::{self, HexError};

/// The schema that is understood.
pub const SCHEMA: &str = "frameseal-vectors/1";

/// A vector file with at least one case.
pub struct VectorFile {
    /// Who made the figures.
    pub source: String,
    /// Its groups, in the order of the file.
    pub groups: Vec<Group>,
}

/// Cases of one kind.
pub struct Group {
    /// Which figures they are.
    pub kind: String,
    /// In the order of the file.
    pub cases: Vec<Case>,
}

/// One case: fields by name.
pub struct Case(Value);

/// Why a file cannot be checked.
#[derive(Debug)]
pub enum LoadError {
    /// The operating system's word.
    Unreadable(std::io::Error),
    /// Not JSON.
    NotJson(serde_json::Error),
    /// No `schema`, or another one.
    WrongSchema(Option<String>),
    /// `groups` is not a list of `{ "kind", "cases" }`; the number is the group's place in it.
    BadGroup(Option<usize>, &'static str),
    /// Nothing to check.
    NoCases,
}

/// What is wrong with a field of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The case is not a JSON object.
    NotAnObject,
    /// Absent or `null`.
    Missing(&'static str),
    /// Not a JSON string.
    NotText(&'static str),
    /// No value that it may have.
    BadValue(&'static str),
    /// Not hexadecimal.
    BadHex(&'static str, HexError),
    /// Bytes of the wrong number.
    BadLength(&'static str, usize),
    /// Not an unsigned integer.
    NotANumber(&'static str),
    /// No such cipher suite.
    UnknownSuite(u64),
}

impl VectorFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LoadError`] when it cannot be read or there is nothing in it to check.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        Self::parse(&std::fs::read(path).map_err(LoadError::Unreadable)?)
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`LoadError`] when there is nothing in it to check.
    pub fn parse(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut file: Value = serde_json::from_slice(bytes).map_err(LoadError::NotJson)?;
        match file.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => {}
            other => return Err(LoadError::WrongSchema(other.map(str::to_owned))),
        }
        let source = file.get("source").and_then(Value::as_str).unwrap_or("source not named").to_owned();
        let groups = file.get_mut("groups").map(Value::take).unwrap_or_default();
        let Value::Array(groups) = groups else {
            return Err(LoadError::BadGroup(None, "`groups` is not a list"));
        };
        let groups = groups.into_iter().enumerate().map(|(index, group)| Group::take(index, group));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        if groups.iter().all(|group| group.cases.is_empty()) {
            return Err(LoadError::NoCases);
        }
        Ok(Self { source, groups })
    }

    /// The cases of one kind, from all groups.
    pub fn cases<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Case> {
        self.groups.iter().filter(move |group| group.kind == kind).flat_map(|group| &group.cases)
    }
}

impl Group {
    fn take(index: usize, mut group: Value) -> Result<Self, LoadError> {
        let bad = |what| LoadError::BadGroup(Some(index), what);
        let kind = group.get("kind").and_then(Value::as_str).ok_or(bad("has no `kind`"))?.to_owned();
        match group.get_mut("cases").map(Value::take) {
            Some(Value::Array(cases)) => Ok(Self { kind, cases: cases.into_iter().map(Case).collect() }),
            _ => Err(bad("has no list of `cases`")),
        }
    }
}

impl Case {
    /// A field, or `None` when it is absent or `null`.
    fn field(&self, name: &'static str) -> Result<Option<&Value>, FieldError> {
        let fields = self.0.as_object().ok_or(FieldError::NotAnObject)?;
        Ok(fields.get(name).filter(|value| !value.is_null()))
    }

    fn required(&self, name: &'static str) -> Result<&Value, FieldError> {
        self.field(name)?.ok_or(FieldError::Missing(name))
    }

    /// Text.
    ///
    /// # Errors
    /// [`FieldError`] when the field is absent or not a string.
    pub fn text(&self, name: &'static str) -> Result<&str, FieldError> {
        self.required(name)?.as_str().ok_or(FieldError::NotText(name))
    }

    /// Bytes, if given.
    ///
    /// # Errors
    /// [`FieldError`] when the field is there and not hexadecimal.
    pub fn given_bytes(&self, name: &'static str) -> Result<Option<Vec<u8>>, FieldError> {
        let Some(value) = self.field(name)? else { return Ok(None) };
        let text = value.as_str().ok_or(FieldError::NotText(name))?;
        hex::decode(text).map(Some).map_err(|error| FieldError::BadHex(name, error))
    }

    /// Bytes.
    ///
    /// # Errors
    /// [`FieldError`] when the field is absent or not hexadecimal.
    pub fn bytes(&self, name: &'static str) -> Result<Vec<u8>, FieldError> {
        self.given_bytes(name)?.ok_or(FieldError::Missing(name))
    }

    /// A list of objects.
    ///
    /// # Errors
    /// [`FieldError`] when the field is absent or not a list.
    pub fn list(&self, name: &'static str) -> Result<Vec<Self>, FieldError> {
        let list = self.required(name)?.as_array().ok_or(FieldError::BadValue(name))?;
        Ok(list.iter().cloned().map(Self).collect())
    }

    /// Exactly `N` bytes.
    ///
    /// # Errors
    /// [`FieldError`] when the field is absent, not hexadecimal or of another length.
    pub fn array<const N: usize>(&self, name: &'static str) -> Result<[u8; N], FieldError> {
        let bytes = self.bytes(name)?;
        let len = bytes.len();
        bytes.try_into().map_err(|_| FieldError::BadLength(name, len))
    }

    /// An unsigned integer of up to 64 bits: a decimal string, or a JSON number.
    ///
    /// # Errors
    /// [`FieldError`] when the field is absent or something else.
    pub fn number(&self, name: &'static str) -> Result<u64, FieldError> {
        let value = self.required(name)?;
        let text = value.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = value.as_u64().or_else(|| text.and_then(|text| text.parse().ok()));
        number.ok_or(FieldError::NotANumber(name))
    }

    /// The field `cipher_suite`: a number of the SFrame registry.
    ///
    /// # Errors
    /// [`FieldError`] when the field is absent or no suite has the number.
    pub fn suite(&self) -> Result<CipherSuite, FieldError> {
        let number = self.number("cipher_suite")?;
        let suite = u16::try_from(number).ok().and_then(|number| CipherSuite::from_number(number).ok());
        suite.ok_or(FieldError::UnknownSuite(number))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::NotJson(error) => write!(f, "is not JSON: {error}"),
            Self::WrongSchema(None) => write!(f, "has no `schema`, want \"{SCHEMA}\""),
            Self::WrongSchema(Some(found)) => write!(f, "has the schema {found:?}, want \"{SCHEMA}\""),
            Self::BadGroup(None, what) => f.write_str(what),
            Self::BadGroup(Some(index), what) => write!(f, "group {index} {what}"),
            Self::NoCases => f.write_str("has no cases"),
        }
    }
}

impl std::error::Error for LoadError {}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("the case is not an object"),
            Self::Missing(name) => write!(f, "field `{name}` is missing"),
            Self::NotText(name) => write!(f, "field `{name}` is not a string"),
            Self::BadValue(name) => write!(f, "field `{name}` has a value that it cannot have"),
            Self::BadHex(name, error) => write!(f, "field `{name}`: {error}"),
            Self::BadLength(name, len) => write!(f, "field `{name}` cannot have {len} bytes"),
            Self::NotANumber(name) => {
                write!(f, "field `{name}` is not an unsigned 64-bit integer (a decimal string)")
            }
            Self::UnknownSuite(number) => write!(f, "`cipher_suite` {number} is unknown"),
        }
    }
}

impl std::error::Error for FieldError {}
