//! What operators see: log lines, figures, health.

#![expect(clippy::disallowed_methods, reason = "no command runs here")]

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::request_id::RequestId;
use tracing::Span;

use crate::http::App;
use crate::store::Store;

pub(crate) async fn health<S: Store>(State(app): State<App<S>>) -> (StatusCode, &'static str) {
    match app.store.health().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::error!(%error, "not healthy");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not work\n")
        }
    }
}

pub(crate) async fn metrics<S: Store>(State(app): State<App<S>>) -> impl IntoResponse {
    ([("content-type", "text/plain; version=0.0.4")], app.metrics.render())
}

/// Counts the requests of each route, and measures them, in seconds.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let labels = [("method", method), ("route", route), ("status", response.status().as_u16().to_string())];
    metrics::counter!("conduit_requests_total", &labels).increment(1);
    metrics::histogram!("conduit_request_seconds", &labels).record(begun.elapsed().as_secs_f64());
    response
}

/// The span of a request, whose id is that of its event, too.
pub(crate) fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

/// One line a request.
pub(crate) fn log(response: &Response, latency: Duration, _: &Span) {
    tracing::info!(status = response.status().as_u16(), micros = latency.as_micros() as u64, "answered");
}
