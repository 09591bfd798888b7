//! Comments on articles.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::http::json::{Form, Json};
use crate::http::problem::Problem;
use crate::http::request::{Segment, Session, Viewer};
use crate::http::{App, Body};
use crate::store::{Call, Store};
use crate::text::{Remark, Slug};

pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    Viewer(viewer): Viewer,
    Segment(slug): Segment<String>,
) -> Result<Json<Value>, Problem> {
    let comments = app.store.comments(viewer, &Slug::from_address(slug)).await?;
    Ok(Json(json!({ "comments": comments.ok_or_else(|| Problem::not_found("article"))? })))
}

pub(crate) async fn add<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment(slug): Segment<String>,
    Body(body): Body,
) -> Result<impl IntoResponse, Problem> {
    let mut form = Form::of(&body, "comment")?;
    let remark = form.required(Remark::FIELD, Remark::new);
    let remark = form.finish(|| remark)?;
    let comment = app.store.comment(&call, user, &Slug::from_address(slug), remark).await?;
    Ok((StatusCode::CREATED, Json(json!({ "comment": comment }))))
}

pub(crate) async fn delete<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment((slug, id)): Segment<(String, String)>,
) -> Result<StatusCode, Problem> {
    let id = id.parse().map_err(|_| Problem::unprocessable("id", "is invalid"))?;
    app.store.delete_comment(&call, user, &Slug::from_address(slug), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
