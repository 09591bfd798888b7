//! The events that the journal declares.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use maud::html;

use crate::app::App;
use crate::link::link;
use crate::problem::Problem;
use crate::query::{NoParameters, Query};

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Query(NoParameters): Query<NoParameters>,
) -> Result<impl IntoResponse, Problem> {
    let shapes = app.read(|app| Ok(app.reader.shapes()?)).await?;
    let content = html! {
        h1 { "Shapes" }
        p.hint { "The events that the journal declares, with the shapes of their arguments." }
        @for shape in &shapes {
            section {
                h2 { a href=(link("log", &[("name", &shape.name)])) { (shape.name) } span.hint { "@" (shape.version) } }
                p { code { (shape.shape) } }
                details {
                    summary { "as Rust types" }
                    pre { (shape.rust) }
                }
            }
        }
        @if shapes.is_empty() { p.hint { "The journal declares no event yet." } }
    };
    Ok(app.frame("shapes", "Shapes").page(&content))
}
