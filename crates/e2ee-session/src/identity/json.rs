//! A strict reader of JSON (RFC 8259) for small texts that others wrote. It refuses what two readers may understand
//! differently: members that stand twice, lone surrogates, a byte order mark, anything after the value.

/// Most levels, the innermost value counted.
const MAX_DEPTH: usize = 16;
/// Most members of one object; duplicates are looked for by comparing each with each.
const MAX_MEMBERS: usize = 256;

/// A value.
#[derive(Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'a str),
    String(String),
    Array(Vec<Json<'a>>),
    Object(Vec<(String, Json<'a>)>),
}

/// Why a text was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonError {
    /// Not JSON, or deeper or wider than is read.
    Malformed,
    /// An object has a member twice.
    Duplicate,
}

use JsonError::Malformed;

impl<'a> Json<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let mut reader = Reader { rest: std::str::from_utf8(bytes).map_err(|_| Malformed)? };
        let value = reader.value(0)?;
        reader.space();
        if reader.rest.is_empty() { Ok(value) } else { Err(Malformed) }
    }

    /// A member of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A time in seconds since 1970 (`NumericDate` of RFC 7519), before the year 33658; a fraction is dropped.
    pub(super) fn as_seconds(&self) -> Option<u64> {
        let Self::Number(text) = self else { return None };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let plain = !whole.starts_with('-') && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || whole.len() > 12 {
            return None;
        }
        whole.parse().ok()
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        if depth >= MAX_DEPTH {
            return Err(Malformed);
        }
        self.space();
        match self.rest.as_bytes().first() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.eat("null") => Ok(Json::Null),
            _ if self.eat("true") => Ok(Json::Bool(true)),
            _ if self.eat("false") => Ok(Json::Bool(false)),
            _ => Err(Malformed),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        let mut members: Vec<(String, Json<'a>)> = Vec::new();
        self.eat("{");
        self.space();
        if self.eat("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.eat(":") || members.len() == MAX_MEMBERS {
                return Err(Malformed);
            }
            if members.iter().any(|(n, _)| *n == name) {
                return Err(JsonError::Duplicate);
            }
            members.push((name, self.value(depth + 1)?));
            self.space();
            match (self.eat(","), self.eat("}")) {
                (true, false) => {}
                (false, true) => return Ok(Json::Object(members)),
                _ => return Err(Malformed),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        let mut items = Vec::new();
        self.eat("[");
        self.space();
        if self.eat("]") {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match (self.eat(","), self.eat("]")) {
                (true, false) => {}
                (false, true) => return Ok(Json::Array(items)),
                _ => return Err(Malformed),
            }
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == self.rest.len() {
            return Err(Malformed);
        }
        self.rest = rest;
        Ok(())
    }

    fn number(&mut self) -> Result<Json<'a>, JsonError> {
        let start = self.rest;
        self.eat("-");
        if !self.eat("0") {
            self.digits()?;
        }
        if self.eat(".") {
            self.digits()?;
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            self.digits()?;
        }
        let text = start.get(..start.len() - self.rest.len()).ok_or(Malformed)?;
        Ok(Json::Number(text))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let mut out = String::new();
        if !self.eat("\"") {
            return Err(Malformed);
        }
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                Some('"') => break,
                Some('\\') => out.push(escape(&mut chars)?),
                Some(c) if c >= ' ' => out.push(c),
                _ => return Err(Malformed),
            }
        }
        self.rest = chars.as_str();
        Ok(out)
    }
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<char, JsonError> {
    match chars.next() {
        Some(c @ ('"' | '\\' | '/')) => Ok(c),
        Some('b') => Ok('\u{8}'),
        Some('f') => Ok('\u{c}'),
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some('u') => {
            let first = unit(chars)?;
            if !(0xd800..0xe000).contains(&first) {
                return char::from_u32(first).ok_or(Malformed);
            }
            if (chars.next(), chars.next()) != (Some('\\'), Some('u')) {
                return Err(Malformed);
            }
            let second = unit(chars)?;
            match (first, second) {
                (0xd800..=0xdbff, 0xdc00..=0xdfff) => {
                    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(Malformed)
                }
                _ => Err(Malformed),
            }
        }
        _ => Err(Malformed),
    }
}

/// Four hexadecimal digits: a unit of UTF-16.
fn unit(chars: &mut std::str::Chars<'_>) -> Result<u32, JsonError> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = chars.next().and_then(|c| c.to_digit(16)).ok_or(Malformed)?;
        unit = unit << 4 | digit;
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn same(ours: &Json<'_>, theirs: &Value) -> bool {
        match (ours, theirs) {
            (Json::Null, Value::Null) => true,
            (Json::Bool(a), Value::Bool(b)) => a == b,
            (Json::Number(a), Value::Number(b)) => {
                let (a, b) = (a.parse::<f64>().unwrap(), b.as_f64().unwrap());
                (a - b).abs() <= a.abs() * 1e-12
            }
            (Json::String(a), Value::String(b)) => a == b,
            (Json::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Json::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
            }
            _ => false,
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::from_iter(map.into_iter())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_another_implementation_writes_is_read_alike(value in value(), pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            prop_assert!(same(&Json::read(&text).unwrap(), &value));
        }

        #[test]
        fn nothing_is_read_that_another_implementation_refuses(value in value(), at: prop::sample::Index, byte: u8) {
            let mut text = serde_json::to_vec(&value).unwrap();
            let at = at.index(text.len());
            text[at] = byte;
            match (Json::read(&text), serde_json::from_slice::<Value>(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs)),
                (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("number out of range"), "{error}"),
                (Err(Malformed), Ok(_)) => prop_assert!(false, "we refuse {text:?}"),
                (Err(_), _) => {}
            }
        }

        #[test]
        fn any_bytes_have_an_answer(bytes: Vec<u8>) {
            let ours = Json::read(&bytes).is_ok();
            let theirs = serde_json::from_slice::<Value>(&bytes).is_ok();
            prop_assert!(theirs || !ours);
        }
    }

    #[test]
    fn what_readers_understand_differently_is_refused() {
        let deep = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(Json::read(deep.as_bytes()).is_ok());
        let wide: Vec<_> = (0..MAX_MEMBERS).map(|n| format!("\"{n}\":0")).collect();
        assert!(Json::read(format!("{{{}}}", wide.join(",")).as_bytes()).is_ok());
        for (text, why) in [
            ("{\"a\":1,\"a\":1}", JsonError::Duplicate),
            ("{\"a\":1,\"\\u0061\":2}", JsonError::Duplicate),
            ("{\"b\":[{\"a\":1,\"a\":1}]}", JsonError::Duplicate),
            ("", Malformed),
            ("\u{feff}{}", Malformed),
            ("{} {}", Malformed),
            ("{\"a\":1,}", Malformed),
            ("[1,]", Malformed),
            ("01", Malformed),
            ("1.", Malformed),
            ("+1", Malformed),
            ("NaN", Malformed),
            ("'a'", Malformed),
            ("\"\u{1}\"", Malformed),
            ("\"\\ud800\"", Malformed),
            ("\"\\udc00\\ud800\"", Malformed),
            ("\"\\u12g4\"", Malformed),
            ("{\"a\"}", Malformed),
            ("[1 2]", Malformed),
            (&format!("[{deep}]"), Malformed),
            (&"[".repeat(100_000), Malformed),
            (&format!("{{{},\"x\":0}}", wide.join(",")), Malformed),
        ] {
            assert_eq!(Json::read(text.as_bytes()), Err(why), "{text:.40}");
        }
        assert_eq!(Json::read(b"\"\xff\""), Err(Malformed));
        assert_eq!(Json::read(br#""\ud83d\ude00\/\b""#), Ok(Json::String("😀/\u{8}".into())));
    }

    #[test]
    fn seconds_are_whole_and_bounded() {
        let seconds = |text: &str| Json::read(text.as_bytes()).unwrap().as_seconds();
        assert_eq!(seconds("1795258800"), Some(1_795_258_800));
        assert_eq!(seconds("1795258800.75"), Some(1_795_258_800));
        assert_eq!(seconds("0"), Some(0));
        for text in ["-1", "-0", "1e9", "1.5e3", "1000000000000", "\"1795258800\"", "null", "[1]"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
