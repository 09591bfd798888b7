//! Who asks, and under which key.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, RawQuery};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use tower_http::request_id::RequestId;

use crate::http::App;
use crate::http::problem::Problem;
use crate::model::UserId;
use crate::store::{Call, Store};
use crate::view::Paging;

/// The user whose token the request has.
pub(crate) struct Session(pub(crate) UserId);

/// The user whose token the request has, if it has one.
pub(crate) struct Viewer(pub(crate) Option<UserId>);

impl<S: Store> FromRequestParts<App<S>> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Session, Problem> {
        user(parts, app)?.map(Session).ok_or_else(|| Problem::token("is missing"))
    }
}

impl<S: Store> FromRequestParts<App<S>> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Viewer, Problem> {
        user(parts, app).map(Viewer)
    }
}

fn user<S>(parts: &Parts, app: &App<S>) -> Result<Option<UserId>, Problem> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else { return Ok(None) };
    let invalid = || Problem::token("is invalid");
    let (scheme, token) = header.to_str().ok().and_then(|header| header.split_once(' ')).ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("token") && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid());
    }
    app.tokens.user(token.trim()).map(Some).ok_or_else(invalid)
}

impl<S: Store> FromRequestParts<App<S>> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App<S>) -> Result<Call, Problem> {
        let request =
            parts.extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
        let key = match parts.headers.get("idempotency-key") {
            None => None,
            Some(key) => match key.to_str() {
                Ok(key) if (1..=200).contains(&key.len()) => Some(key.to_owned()),
                _ => return Err(Problem::unprocessable("Idempotency-Key", "must have from 1 to 200 ASCII characters")),
            },
        };
        Ok(Call { request: request.chars().take(100).collect(), key })
    }
}

/// A part of the path. One that is no text names nothing.
pub(crate) struct Segment<T>(pub(crate) T);

impl<S: Store, T: serde::de::DeserializeOwned + Send> FromRequestParts<App<S>> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Segment<T>, Problem> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, app).await;
        path.map(|Path(segment)| Segment(segment)).map_err(|_| Problem::not_found("path"))
    }
}

/// The parameters behind the path, the last of each name.
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Store> FromRequestParts<App<S>> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Parameters, Problem> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, app).await;
        let parameters = serde_urlencoded::from_str(&query.unwrap_or_default());
        parameters.map(Parameters).map_err(|_| Problem::unprocessable("query", "is invalid"))
    }
}

impl Parameters {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// A number of at least `min`.
    pub(crate) fn number(&self, name: &str, min: u64, default: u64) -> Result<u64, Problem> {
        let Some(text) = self.get(name) else { return Ok(default) };
        match text.parse() {
            Ok(number) if number >= min => Ok(number),
            _ => Err(Problem::unprocessable(name, "is invalid")),
        }
    }

    /// The part of a list that is asked for.
    pub(crate) fn paging(&self) -> Result<Paging, Problem> {
        Ok(Paging { offset: self.number("offset", 0, 0)?, limit: self.number("limit", 1, 20)?.min(LIMIT_MAX) })
    }
}

/// The most articles in one answer.
const LIMIT_MAX: u64 = 1_000;
