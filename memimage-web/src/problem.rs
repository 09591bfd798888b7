//! Errors as pages.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use memimage::{Error, ErrorKind, Seq};

use crate::frame::document;
use crate::link::link;

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
    help: &'static str,
    /// The addresses and labels of pages that can be shown instead.
    links: Vec<(String, String)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>, help: &'static str) -> Problem {
        Problem { status, message: message.into(), help, links: Vec::new() }
    }

    /// A parameter that cannot be used.
    pub(crate) fn bad(parameter: &str, message: impl std::fmt::Display) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, format!("{parameter}: {message}"), "Go back, and correct it.")
    }

    /// Events that are lost in a recorded gap, with links to other pages.
    pub(crate) fn lost((first, last): (Seq, Seq), links: Vec<(String, String)>) -> Problem {
        let help = "A repair gave them up. What they changed is not known.";
        Problem { links, ..Problem::new(StatusCode::GONE, format!("{}.", lost_events(first, last)), help) }
    }

    /// The problem as a part of a page that shows something else too.
    pub(crate) fn section(&self) -> Markup {
        html! {
            pre.problem { (self.message) }
            p { (self.help) }
        }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, message, "The log lists the events that the journal holds.")
    }
}

/// Says that these events are lost.
pub(crate) fn lost_events(first: Seq, last: Seq) -> String {
    if first == last { format!("event {first} is lost") } else { format!("events {first} to {last} are lost") }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        if let Some((first, last)) = error.gap() {
            let state = |seq: Seq| (link("state", &[("at", &seq.to_string())]), format!("state after event {seq}"));
            return Problem::lost((first, last), vec![state(Seq::new(first.get().saturating_sub(1))), state(last)]);
        }
        let (status, help) = match error.kind() {
            ErrorKind::OutOfRange => (StatusCode::NOT_FOUND, "The log lists the events that the journal holds."),
            ErrorKind::Pruned => {
                (StatusCode::GONE, "Only the events and states since the first event in the log are kept.")
            }
            ErrorKind::Closed => (StatusCode::SERVICE_UNAVAILABLE, "The program has closed the image."),
            ErrorKind::Poisoned => (StatusCode::SERVICE_UNAVAILABLE, "The program must open the image again."),
            ErrorKind::Fenced => (StatusCode::SERVICE_UNAVAILABLE, "Another program has taken over the image."),
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
                (self.section())
                @if !self.links.is_empty() {
                    p.bar { @for (address, label) in &self.links { a href=(address) { (label) } } }
                }
            }
        };
        (self.status, document(reason, &body)).into_response()
    }
}
