//! The API of Conduit over HTTP, for any store.

mod articles;
mod comments;
mod json;
mod operations;
mod problem;
mod profiles;
mod request;
mod users;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::cors::CorsLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use crate::http::problem::Problem;
use crate::secret::Secret;
use crate::store::Store;
use crate::token::Tokens;

/// What the handlers share.
#[derive(Clone)]
pub struct App<S> {
    /// Where everything is.
    pub store: S,
    /// The tokens of the users.
    pub tokens: Tokens,
    /// The server's secret.
    pub secret: Arc<Secret>,
    /// The figures of the process.
    pub metrics: PrometheusHandle,
}

/// The routes, below `/api`, and those for operators.
pub fn router<S: Store>(app: App<S>) -> Router {
    let api = Router::new()
        .route("/users", post(users::register::<S>))
        .route("/users/login", post(users::login::<S>))
        .route("/user", get(users::show::<S>).put(users::update::<S>).delete(users::delete::<S>))
        .route("/profiles/{username}", get(profiles::show::<S>))
        .route("/profiles/{username}/follow", post(profiles::follow::<S>).delete(profiles::unfollow::<S>))
        .route("/articles", get(articles::list::<S>).post(articles::publish::<S>))
        .route("/articles/feed", get(articles::feed::<S>))
        .route("/articles/{slug}", get(articles::show::<S>).put(articles::edit::<S>).delete(articles::delete::<S>))
        .route("/articles/{slug}/favorite", post(articles::favorite::<S>).delete(articles::unfavorite::<S>))
        .route("/articles/{slug}/comments", get(comments::list::<S>).post(comments::add::<S>))
        .route("/articles/{slug}/comments/{id}", delete(comments::delete::<S>))
        .route("/tags", get(articles::tags::<S>))
        .route("/tags/trends", get(articles::trends::<S>));
    let request_id = HeaderName::from_static("x-request-id");
    Router::new()
        .nest("/api", api)
        .route("/healthz", get(operations::health::<S>))
        .route("/metrics", get(operations::metrics::<S>))
        .route_layer(middleware::from_fn(operations::measure))
        .fallback(|| async { Problem::not_found("path") })
        .layer(TraceLayer::new_for_http().make_span_with(operations::span).on_response(operations::log))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .layer(CorsLayer::permissive())
        .with_state(app)
}

/// The body of a request.
pub(crate) struct Body(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body, Problem> {
        let body: Result<Bytes, BytesRejection> = Bytes::from_request(request, state).await;
        body.map(Body).map_err(|rejection| match rejection.into_response_status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
            _ => Problem::unprocessable("body", "cannot be read"),
        })
    }
}

/// The status of a rejection, which axum's type does not offer.
trait RejectionStatus {
    fn into_response_status(self) -> StatusCode;
}

impl RejectionStatus for BytesRejection {
    fn into_response_status(self) -> StatusCode {
        axum::response::IntoResponse::into_response(self).status()
    }
}
