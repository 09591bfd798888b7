//! The parameters in the address of a page.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::problem::Problem;

/// The parameters of a page. One that is absent or empty has its default.
pub(crate) trait Parameters: Default {
    /// The names of the parameters.
    fn names() -> Vec<&'static str>;

    /// Sets a parameter.
    fn set(&mut self, name: &str, value: String) -> Result<(), Refused>;
}

/// Why a parameter cannot be set.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The page has no parameter of this name.
    Unknown,
    Value(String),
}

/// Parses the number that a parameter has.
pub(crate) fn number(value: &str) -> Result<u64, Refused> {
    value.trim().parse().map_err(|_| Refused::Value(format!("`{value}` is no number from 0 to {}", u64::MAX)))
}

/// The parameters of a request. A request with a parameter that the page does not have is refused.
#[derive(Debug)]
pub(crate) struct Query<P>(pub(crate) P);

impl<S: Sync, P: Parameters> FromRequestParts<S> for Query<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<P>, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Query)
    }
}

fn parse<P: Parameters>(query: &str) -> Result<P, Problem> {
    let given: Vec<(String, String)> =
        serde_urlencoded::from_str(query).map_err(|error| Problem::bad("address", error))?;
    let mut parameters = P::default();
    for (index, (name, value)) in given.iter().enumerate() {
        if given[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(Problem::bad(name, "is given twice"));
        }
        match parameters.set(name, value.clone()) {
            Ok(()) => {}
            Err(Refused::Unknown) => return Err(unknown(name, &P::names())),
            // as if it were absent: forms send the fields that a person leaves empty
            Err(Refused::Value(_)) if value.is_empty() => {}
            Err(Refused::Value(what)) => return Err(Problem::bad(name, what)),
        }
    }
    Ok(parameters)
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let known = match known {
        [] => "it has none".to_owned(),
        known => format!("it has {}", known.join(", ")),
    };
    Problem::bad(name, format!("this page has no such parameter; {known}"))
}

/// No parameters.
#[derive(Debug, Default)]
pub(crate) struct NoParameters;

impl Parameters for NoParameters {
    fn names() -> Vec<&'static str> {
        Vec::new()
    }

    fn set(&mut self, _: &str, _: String) -> Result<(), Refused> {
        Err(Refused::Unknown)
    }
}
