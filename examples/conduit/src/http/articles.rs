//! Articles, favourites, tags.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::http::json::{Form, Json};
use crate::http::problem::Problem;
use crate::http::request::{Parameters, Segment, Session, Viewer};
use crate::http::{App, Body};
use crate::store::{ArticleEdit, Call, NewArticle, Store};
use crate::text::{self, Description, Slug, Title};
use crate::view::{ArticlePage, ArticleView, Filter};

pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    Viewer(viewer): Viewer,
    parameters: Parameters,
) -> Result<Json<ArticlePage>, Problem> {
    let filter =
        Filter { tag: parameters.get("tag"), author: parameters.get("author"), favorited: parameters.get("favorited") };
    Ok(Json(app.store.list(viewer, &filter, parameters.paging()?).await?))
}

pub(crate) async fn feed<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    parameters: Parameters,
) -> Result<Json<ArticlePage>, Problem> {
    Ok(Json(app.store.feed(user, parameters.paging()?).await?))
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    viewer: Result<Viewer, Problem>,
    Segment(slug): Segment<String>,
) -> Result<Json<Value>, Problem> {
    let viewer = viewer.map_or(None, |Viewer(viewer)| viewer); // this operation knows no 401: a bad token is none
    let article = app.store.article(viewer, &Slug::from_address(slug)).await?;
    Ok(article_json(article.ok_or_else(|| Problem::not_found("article"))?))
}

pub(crate) async fn publish<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Body(body): Body,
) -> Result<impl IntoResponse, Problem> {
    let mut form = Form::of(&body, "article")?;
    let title = form.required(Title::FIELD, Title::new);
    let description = form.required(Description::FIELD, Description::new);
    let body = form.required(text::Body::FIELD, text::Body::new);
    let tags = form.tags().unwrap_or_default();
    let article = form.finish(|| Some(NewArticle { title: title?, description: description?, body: body?, tags }))?;
    let article = app.store.publish(&call, user, article).await?;
    Ok((StatusCode::CREATED, article_json(article)))
}

pub(crate) async fn edit<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment(slug): Segment<String>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let mut form = Form::of(&body, "article")?;
    let edit = ArticleEdit {
        title: form.optional(Title::FIELD, Title::new),
        description: form.optional(Description::FIELD, Description::new),
        body: form.optional(text::Body::FIELD, text::Body::new),
        tags: form.tags(),
    };
    let edit = form.finish(|| Some(edit))?;
    Ok(article_json(app.store.edit(&call, user, &Slug::from_address(slug), edit).await?))
}

pub(crate) async fn delete<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment(slug): Segment<String>,
) -> Result<StatusCode, Problem> {
    app.store.delete_article(&call, user, &Slug::from_address(slug)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn favorite<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment(slug): Segment<String>,
) -> Result<Json<Value>, Problem> {
    Ok(article_json(app.store.favorite(&call, user, &Slug::from_address(slug), true).await?))
}

pub(crate) async fn unfavorite<S: Store>(
    State(app): State<App<S>>,
    Session(user): Session,
    call: Call,
    Segment(slug): Segment<String>,
) -> Result<Json<Value>, Problem> {
    Ok(article_json(app.store.favorite(&call, user, &Slug::from_address(slug), false).await?))
}

pub(crate) async fn tags<S: Store>(State(app): State<App<S>>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "tags": app.store.tags().await? })))
}

/// Not in the specification: the tags of the last days, by use.
pub(crate) async fn trends<S: Store>(
    State(app): State<App<S>>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let days = parameters.number("days", 1, 30)?.min(36_500);
    let tags: Vec<Value> =
        app.store.trends(days).await?.into_iter().map(|(tag, used)| json!({ "tag": tag, "articles": used })).collect();
    Ok(Json(json!({ "trends": tags })))
}

fn article_json(article: ArticleView) -> Json<Value> {
    Json(json!({ "article": article }))
}
