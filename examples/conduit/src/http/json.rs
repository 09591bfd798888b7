//! JSON bodies: answers, and the fields of requests, with an error for each field that breaks a rule.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::problem::Problem;
use crate::text::{Invalid, Tag};

/// An answer as JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be encoded");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// The fields of a request, and what was wrong with those that were read.
pub(crate) struct Form {
    fields: Map<String, Value>,
    errors: Vec<Invalid>,
}

impl Form {
    /// The object below `name` in the body, as all requests of the API have one.
    pub(crate) fn of(body: &Bytes, name: &'static str) -> Result<Form, Problem> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| Problem::unprocessable("body", "is not valid JSON"))?;
        match body {
            Value::Object(mut body) => match body.remove(name) {
                Some(Value::Object(fields)) => Ok(Form { fields, errors: Vec::new() }),
                None | Some(Value::Null) => Err(Problem::invalid(vec![Invalid::blank(name)])),
                Some(_) => Err(Problem::invalid(vec![Invalid::malformed(name)])),
            },
            _ => Err(Problem::unprocessable("body", "is invalid")),
        }
    }

    /// Whether the object has one of these fields.
    pub(crate) fn has_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.fields.contains_key(*field))
    }

    /// A field that must be there.
    pub(crate) fn required<T>(
        &mut self,
        field: &'static str,
        new: impl FnOnce(String) -> Result<T, Invalid>,
    ) -> Option<T> {
        if self.fields.contains_key(field) {
            self.optional(field, new)
        } else {
            self.errors.push(Invalid::blank(field));
            None
        }
    }

    /// A field that may be absent, but neither null nor blank.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        new: impl FnOnce(String) -> Result<T, Invalid>,
    ) -> Option<T> {
        let read = match self.fields.remove(field)? {
            Value::String(text) => new(text),
            Value::Null => Err(Invalid::blank(field)),
            _ => Err(Invalid::malformed(field)),
        };
        self.noted(read)
    }

    /// A field that may be absent; null or a blank text removes its value.
    pub(crate) fn nullable<T>(
        &mut self,
        field: &'static str,
        new: impl FnOnce(String) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        let read = match self.fields.remove(field)? {
            Value::Null => Ok(None),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            Value::String(text) => new(text).map(Some),
            _ => Err(Invalid::malformed(field)),
        };
        self.noted(read)
    }

    /// The tags, if they are there.
    pub(crate) fn tags(&mut self) -> Option<Vec<Tag>> {
        let read = match self.fields.remove(Tag::FIELD)? {
            Value::Array(tags) => tags
                .into_iter()
                .map(|tag| match tag {
                    Value::String(tag) => Tag::new(tag),
                    _ => Err(Invalid::malformed(Tag::FIELD)),
                })
                .collect(),
            Value::Null => Err(Invalid::blank(Tag::FIELD)),
            _ => Err(Invalid::malformed(Tag::FIELD)),
        };
        self.noted(read)
    }

    fn noted<T>(&mut self, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|error| self.errors.push(error)).ok()
    }

    /// What `build` makes of the fields, or all errors. It returns `None` only if a field was refused.
    pub(crate) fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        match build() {
            Some(built) if self.errors.is_empty() => Ok(built),
            _ => Err(Problem::invalid(self.errors)),
        }
    }
}
