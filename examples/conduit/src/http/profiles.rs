//! Users as others see them.

use axum::extract::State;
use serde_json::{Value, json};

use crate::http::App;
use crate::http::json::Json;
use crate::http::problem::Problem;
use crate::http::request::{Segment, Session, Viewer};
use crate::store::{Call, Store};
use crate::text::Username;

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    Viewer(viewer): Viewer,
    Segment(name): Segment<String>,
) -> Result<Json<Value>, Problem> {
    let profile = app.store.profile(viewer, &named(name)?).await?;
    Ok(Json(json!({ "profile": profile.ok_or_else(|| Problem::not_found("profile"))? })))
}

pub(crate) async fn follow<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment(name): Segment<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "profile": app.store.follow(&call, user, &named(name)?, true).await? })))
}

pub(crate) async fn unfollow<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment(name): Segment<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "profile": app.store.follow(&call, user, &named(name)?, false).await? })))
}

/// A name that no user can have is that of no user.
fn named(name: String) -> Result<Username, Problem> {
    Username::new(name).map_err(|_| Problem::not_found("profile"))
}
