//! The path to a part of a value.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The path from a value to one of its parts, such as `accounts.7.owner.name`.
///
/// Each step is a text: the name of a field, the number of an item (from 0), the key of a map's entry, or the name of an enum's
/// variant. The steps are separated by dots. A step with a dot, a space, a quote or a bracket is written in quotes, with the escapes of
/// a Rust string: `accounts."a.b"`. Steps may also be written in brackets: `accounts[7]`, `accounts["a.b"]`. The empty path leads to
/// the whole value.
///
/// An option, and a struct of one unnamed field, have no step of their own. The name of a variant may be left out, unless a field of the
/// variant has that name.
///
/// ```
/// use memimage::inspect::Path;
///
/// let path: Path = r#"accounts["a.b"][0].owner"#.parse()?;
/// assert_eq!(path.to_string(), r#"accounts."a.b".0.owner"#);
/// # Ok::<(), memimage::inspect::PathError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    steps: Vec<String>,
}

impl Path {
    /// The path to the whole value.
    pub fn root() -> Path {
        Path::default()
    }

    /// Whether this is the path to the whole value.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps, without quotes.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The path to a part of the value at this path.
    #[must_use]
    pub fn child(&self, step: impl Into<String>) -> Path {
        let mut child = self.clone();
        child.steps.push(step.into());
        child
    }

    /// The path without its last step; `None` for the root.
    pub fn parent(&self) -> Option<Path> {
        let (_, steps) = self.steps.split_last()?;
        Some(Path { steps: steps.to_vec() })
    }
}

impl<S: Into<String>> FromIterator<S> for Path {
    fn from_iter<I: IntoIterator<Item = S>>(steps: I) -> Path {
        Path { steps: steps.into_iter().map(Into::into).collect() }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            write_step(f, step)?;
        }
        Ok(())
    }
}

/// Writes a step, in quotes if it would be read as something else without them.
pub(super) fn write_step(out: &mut impl fmt::Write, step: &str) -> fmt::Result {
    match !step.is_empty() && step.chars().all(is_plain) {
        true => out.write_str(step),
        false => write!(out, "{step:?}"),
    }
}

fn is_plain(next: char) -> bool {
    next.is_alphanumeric() || matches!(next, '_' | '-' | '+' | ':' | '/' | '@' | '#' | '$' | '%')
}

/// The error for a text that is not a path. `Display` shows the text, and points at the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    text: String,
    /// The number of characters before the mistake.
    at: usize,
    expected: &'static str,
}

impl PathError {
    /// The number of characters before the mistake.
    pub fn position(&self) -> usize {
        self.at
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PathError { text, at, expected } = self;
        let line: String = text.chars().map(|next| if next.is_control() { ' ' } else { next }).collect();
        writeln!(f, "this is not a path: expected {expected}")?;
        write!(f, "  {line}\n  {:at$}^", "")
    }
}

impl Error for PathError {}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Path, PathError> {
        let mut parser = Parser { text, rest: text };
        let mut steps = Vec::new();
        while !parser.rest.is_empty() {
            if parser.skip('[') {
                steps.push(parser.step()?);
                parser.expect(']', "`]`")?;
            } else {
                if !steps.is_empty() {
                    parser.expect('.', "`.` or `[`")?;
                }
                steps.push(parser.step()?);
            }
        }
        Ok(Path { steps })
    }
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
}

impl Parser<'_> {
    fn skip(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char, expected: &'static str) -> Result<(), PathError> {
        match self.skip(wanted) {
            true => Ok(()),
            false => Err(self.error(expected)),
        }
    }

    fn step(&mut self) -> Result<String, PathError> {
        if self.skip('"') {
            return self.quoted();
        }
        let end = self.rest.find(|next: char| matches!(next, '.' | '[' | ']' | '"') || next.is_whitespace());
        let (step, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if step.is_empty() {
            return Err(self.error("a field, a key, a number or a text in quotes"));
        }
        self.rest = rest;
        Ok(step.to_owned())
    }

    /// Reads a text up to its closing quote.
    fn quoted(&mut self) -> Result<String, PathError> {
        let mut step = String::new();
        loop {
            let Some(next) = self.next() else { return Err(self.error("a closing quote")) };
            match next {
                '"' => return Ok(step),
                '\\' => step.push(self.escape()?),
                next => step.push(next),
            }
        }
    }

    fn escape(&mut self) -> Result<char, PathError> {
        let before = self.rest;
        Ok(match self.next() {
            Some(next @ ('"' | '\\' | '\'')) => next,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            Some('u') => {
                let digits = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
                let read = digits.and_then(|(digits, rest)| Some((u32::from_str_radix(digits, 16).ok()?, rest)));
                let Some((next, rest)) = read.and_then(|(code, rest)| Some((char::from_u32(code)?, rest))) else {
                    return Err(self.error("the number of a character, such as {1f600}"));
                };
                self.rest = rest;
                next
            }
            _ => {
                self.rest = before;
                return Err(self.error("one of the escapes \\\", \\\\, \\n, \\r, \\t, \\0, \\u{…}"));
            }
        })
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn error(&self, expected: &'static str) -> PathError {
        let read = &self.text[..self.text.len() - self.rest.len()];
        PathError { text: self.text.to_owned(), at: read.chars().count(), expected }
    }
}
