//! Numbers on the command line.

use clap::builder::TypedValueParser;
use clap::value_parser;

/// Parses a finite number above 0, up to a limit.
pub(crate) fn positive(text: &str, limit: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= limit => Ok(number),
        _ => Err(format!("the value must be a number above 0, up to {limit}")),
    }
}

/// Parses a whole number of at least 1.
pub(crate) fn count() -> impl TypedValueParser<Value = usize> {
    value_parser!(u32).range(1..).map(|count| count as usize)
}
