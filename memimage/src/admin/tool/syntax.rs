//! What the small languages of the command line have in common: words, texts in quotes, and an error that shows the place.

use std::fmt;

use winnow::ascii::multispace0;
use winnow::combinator::{alt, cut_err, preceded, repeat};
use winnow::error::{ContextError, ErrMode, StrContext, StrContextValue};
use winnow::prelude::*;
use winnow::token::{any, take_while};

pub(crate) type Input<'a> = winnow::LocatingSlice<&'a str>;

/// A text that does not parse. `Display` shows the place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    text: String,
    /// The number of characters before the place.
    column: usize,
    expected: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SyntaxError { text, column, expected } = self;
        writeln!(f, "expected {expected}")?;
        writeln!(f, "  {text}")?;
        write!(f, "  {:column$}^", "")
    }
}

impl std::error::Error for SyntaxError {}

/// Parses a whole text. `after` describes what may come where the parser stops before the end of the text, in place of the rest.
pub(crate) fn parse_whole<'a, 'b, O>(
    text: &'a str,
    mut parser: impl Parser<Input<'a>, O, ErrMode<ContextError>>,
    after: impl Fn(&str) -> &'b str,
) -> Result<O, SyntaxError> {
    parser.parse(winnow::LocatingSlice::new(text)).map_err(|error| {
        let at = error.offset();
        let expected = error.inner().to_string();
        let expected = match expected.strip_prefix("expected ") {
            Some(expected) => expected.to_owned(),
            None if at >= text.len() => "more".to_owned(),
            None => after(&text[at..]).to_owned(),
        };
        SyntaxError { text: text.to_owned(), column: text[..at].chars().count(), expected }
    })
}

/// The context of a parser, for the error.
pub(crate) fn expected(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

/// A parser with the spaces before it.
pub(crate) fn spaced<'a, O>(
    parser: impl Parser<Input<'a>, O, ErrMode<ContextError>>,
) -> impl Parser<Input<'a>, O, ErrMode<ContextError>> {
    preceded(multispace0, parser)
}

pub(crate) fn word<'a>(input: &mut Input<'a>) -> ModalResult<&'a str> {
    let first = any.verify(|first: &char| first.is_alphabetic() || *first == '_');
    (first, take_while(0.., |next: char| next.is_alphanumeric() || next == '_')).take().parse_next(input)
}

/// A text in single or double quotes.
pub(crate) fn text(input: &mut Input<'_>) -> ModalResult<String> {
    let quote = alt(('"', '\'')).parse_next(input)?;
    let escaped = preceded('\\', any);
    let plain = any.verify(move |next: &char| *next != quote);
    let chars = repeat(0.., alt((escaped, plain))).fold(String::new, |mut text, next| {
        text.push(next);
        text
    });
    cut_err((chars, quote.context(expected("the closing quote")))).map(|(text, _)| text).parse_next(input)
}
