//! Errors as the API shows them: `{"errors":{FIELD:[MESSAGE]}}`.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::http::json::Json;
use crate::model::Refusal;
use crate::store::Failure;
use crate::text::Invalid;

/// Why a request failed.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    errors: Vec<(String, String)>,
}

impl Problem {
    fn new(status: StatusCode, field: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { status, errors: vec![(field.into(), message.into())] }
    }

    pub(crate) fn invalid(errors: Vec<Invalid>) -> Problem {
        let errors = errors.into_iter().map(|error| (error.field.to_owned(), error.message)).collect();
        Problem { status: StatusCode::UNPROCESSABLE_ENTITY, errors }
    }

    pub(crate) fn unprocessable(field: &str, message: &str) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, field, message)
    }

    pub(crate) fn too_large() -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body", "is too large")
    }

    pub(crate) fn not_found(what: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, what, "not found")
    }

    pub(crate) fn token(message: &str) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "token", message)
    }

    pub(crate) fn credentials() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "credentials", "invalid")
    }

    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Problem {
        tracing::error!(%cause, "a request failed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "server", "has failed")
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::KeyReused => Problem::unprocessable("Idempotency-Key", "was used for another request"),
            Failure::ReadOnly => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "server", "only reads"),
            Failure::Broken(cause) => {
                tracing::error!(%cause, "the store failed");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "server", "is unavailable")
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::UsernameTaken => Problem::new(StatusCode::CONFLICT, "username", "has already been taken"),
            Refusal::EmailTaken => Problem::new(StatusCode::CONFLICT, "email", "has already been taken"),
            Refusal::NotAUser => Problem::token("is invalid"),
            Refusal::NoProfile => Problem::not_found("profile"),
            Refusal::NoArticle => Problem::not_found("article"),
            Refusal::NoComment => Problem::not_found("comment"),
            Refusal::NotTheirArticle => Problem::new(StatusCode::FORBIDDEN, "article", "forbidden"),
            Refusal::NotTheirComment => Problem::new(StatusCode::FORBIDDEN, "comment", "forbidden"),
            Refusal::Already => Problem::internal(&refusal),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut errors = Map::new();
        for (field, message) in self.errors {
            match errors.entry(field).or_insert_with(|| json!([])) {
                Value::Array(messages) => messages.push(message.into()),
                _ => unreachable!("each entry is a list"),
            }
        }
        (self.status, Json(json!({ "errors": errors }))).into_response()
    }
}
