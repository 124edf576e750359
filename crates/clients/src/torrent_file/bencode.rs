//! A strict bencode reader that keeps each value's raw span.

use std::collections::BTreeMap;

use super::TorrentFileError;

const MAX_DEPTH: usize = 100;
/// Bounds the memory that a file of tiny values can take; a torrent of 100,000 files stays below it.
const MAX_VALUES: usize = 2_000_000;

/// Keys are bytes.
pub(super) type Dict<'a> = BTreeMap<&'a [u8], Node<'a>>;

/// A value and the bytes it was read from.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub raw: &'a [u8],
    pub value: Value<'a>,
}

#[derive(Debug)]
pub(super) enum Value<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    List(Vec<Node<'a>>),
    Dict(Dict<'a>),
}

impl<'a> Node<'a> {
    pub fn as_integer(&self) -> Option<i64> {
        if let Value::Integer(number) = self.value {
            Some(number)
        } else {
            None
        }
    }

    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self.value {
            Some(bytes)
        } else {
            None
        }
    }

    /// Empty for what is no list.
    pub fn as_list(&self) -> &[Node<'a>] {
        if let Value::List(nodes) = &self.value {
            nodes
        } else {
            &[]
        }
    }

    pub fn as_dict(&self) -> Option<&Dict<'a>> {
        if let Value::Dict(dict) = &self.value {
            Some(dict)
        } else {
            None
        }
    }
}

/// Reads exactly one value; only one newline may follow it.
pub(super) fn parse(bytes: &[u8]) -> Result<Node<'_>, TorrentFileError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        values: 0,
    };
    let node = reader.read_node(0)?;
    match &bytes[reader.at..] {
        b"" | b"\n" | b"\r\n" => Ok(node),
        _ => Err(reader.fault("data follows its end")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    fn read_node(&mut self, depth: usize) -> Result<Node<'a>, TorrentFileError> {
        if depth > MAX_DEPTH {
            return Err(self.fault("it is nested too deeply"));
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.fault("it holds too many values"));
        }
        let start = self.at;
        let value = match self.peek()? {
            b'i' => Value::Integer(self.read_integer()?),
            b'l' => Value::List(self.read_list(depth)?),
            b'd' => Value::Dict(self.read_dict(depth)?),
            b'0'..=b'9' => Value::Bytes(self.read_bytes()?),
            _ => return Err(self.fault("an unknown kind of value")),
        };
        Ok(Node {
            raw: &self.bytes[start..self.at],
            value,
        })
    }

    fn read_integer(&mut self) -> Result<i64, TorrentFileError> {
        self.at += 1;
        let digits = self.read_until(b'e')?;
        let plain = digits.strip_prefix('-').unwrap_or(digits);
        let is_canonical = is_canonical_number(plain) && digits != "-0";
        let number = digits.parse().ok().filter(|_| is_canonical);
        number.ok_or_else(|| self.fault("a number is malformed"))
    }

    fn read_bytes(&mut self) -> Result<&'a [u8], TorrentFileError> {
        let digits = self.read_until(b':')?;
        let length = digits.parse::<usize>().ok().filter(|_| is_canonical_number(digits));
        let Some(length) = length else {
            return Err(self.fault("a length is malformed"));
        };
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(self.fault("it is cut off"));
        };
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn read_list(&mut self, depth: usize) -> Result<Vec<Node<'a>>, TorrentFileError> {
        self.at += 1;
        let mut nodes = Vec::new();
        while self.peek()? != b'e' {
            nodes.push(self.read_node(depth + 1)?);
        }
        self.at += 1;
        Ok(nodes)
    }

    /// Unsorted keys are taken, as clients take them; a repeated key is not, as readers would disagree on its value.
    fn read_dict(&mut self, depth: usize) -> Result<Dict<'a>, TorrentFileError> {
        self.at += 1;
        let mut dict = Dict::new();
        while self.peek()? != b'e' {
            let key = self.read_bytes()?;
            let node = self.read_node(depth + 1)?;
            if dict.insert(key, node).is_some() {
                return Err(self.fault("a key is there twice"));
            }
        }
        self.at += 1;
        Ok(dict)
    }

    fn peek(&self) -> Result<u8, TorrentFileError> {
        self.bytes
            .get(self.at)
            .copied()
            .ok_or_else(|| self.fault("it is cut off"))
    }

    /// The text up to `end`, which is skipped. Numbers of more than 20 characters are never valid here.
    fn read_until(&mut self, end: u8) -> Result<&'a str, TorrentFileError> {
        let window = &self.bytes[self.at..self.bytes.len().min(self.at + 21)];
        let length = window.iter().position(|byte| *byte == end);
        let text = length.and_then(|length| std::str::from_utf8(&window[..length]).ok());
        let Some(text) = text else {
            return Err(self.fault("a number has no end"));
        };
        self.at += text.len() + 1;
        Ok(text)
    }

    fn fault(&self, detail: &str) -> TorrentFileError {
        TorrentFileError::NotBencode(format!("{detail} (byte {})", self.at))
    }
}

/// Digits only, without leading zeros.
fn is_canonical_number(digits: &str) -> bool {
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && (digits == "0" || !digits.starts_with('0'))
}
