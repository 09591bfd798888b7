//! Errors as pages.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;
use memimage::{Error, ErrorKind};

use crate::frame::document;

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
    help: &'static str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>, help: &'static str) -> Problem {
        Problem { status, message: message.into(), help }
    }

    /// A parameter that cannot be used.
    pub(crate) fn bad(parameter: &str, message: impl std::fmt::Display) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, format!("{parameter}: {message}"), "Go back, and correct it.")
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, message, "The log lists the events that the journal holds.")
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let (status, help) = match error.kind() {
            ErrorKind::OutOfRange => (StatusCode::NOT_FOUND, "The log lists the events that the journal holds."),
            ErrorKind::Pruned => {
                (StatusCode::GONE, "Only the events and states since the first event in the log are kept.")
            }
            ErrorKind::Closed => (StatusCode::SERVICE_UNAVAILABLE, "The program has closed the image."),
            ErrorKind::Poisoned => (StatusCode::SERVICE_UNAVAILABLE, "The program must open the image again."),
            ErrorKind::Corrupt | ErrorKind::Forged => {
                (StatusCode::INTERNAL_SERVER_ERROR, "`memimage doctor` on the image says what to do.")
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "Load the page again. If that does not help, look at the image."),
        };
        Problem::new(status, error.to_string(), help)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let reason = self.status.canonical_reason().unwrap_or("Error");
        let body = html! {
            header { nav { a href="log" { "Log" } } }
            main {
                h1 { (self.status.as_u16()) " " (reason) }
                pre.problem { (self.message) }
                p { (self.help) }
            }
        };
        (self.status, document(reason, &body)).into_response()
    }
}
