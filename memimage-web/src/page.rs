//! The router, and its options.

use std::fmt;
use std::sync::Arc;

use axum::extract::OriginalUri;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use memimage::admin::ImageReader;
use memimage::{Journal, Model};

use crate::access::{self, Access, Hosts};
use crate::app::App;
use crate::problem::Problem;
use crate::states::CachedStates;
use crate::{assets, change_log, changes, event, health, live, shapes, state};

/// The minimum length of a token, in bytes.
pub(crate) const TOKEN_MIN: usize = 16;

/// The pages of an image, with options.
pub struct Page {
    app: App,
    hosts: Hosts,
    token: Option<String>,
}

impl Page {
    /// The pages of a journal, with past states.
    pub fn new<M: Model>(journal: &Journal<M>) -> Page {
        let states = Box::new(CachedStates::new(journal.clone()));
        Page::of(App::new(ImageReader::from(journal), M::NAME.to_owned(), Some(states)))
    }

    /// The pages of an image without its program: events, shapes and figures, but no states.
    ///
    /// # Errors
    ///
    /// Returns an error if the image cannot be read.
    pub fn without_program(reader: ImageReader) -> Result<Page, memimage::Error> {
        let model = reader.info()?.model;
        Ok(Page::of(App::new(reader, model, None)))
    }

    fn of(app: App) -> Page {
        Page { app, hosts: Hosts::Loopback(Vec::new()), token: None }
    }

    /// Shows the pages only to those who give this token: in a form, which sets a cookie, or in the header `Authorization: Bearer …`.
    ///
    /// # Panics
    ///
    /// Panics if the token has fewer than 16 bytes.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Page {
        let token = token.into();
        assert!(token.len() >= TOKEN_MIN, "a token must have at least {TOKEN_MIN} bytes");
        self.token = Some(token);
        self
    }

    /// Also answers requests to this name of the server, such as `bank.example.com`. Without this, only requests to `localhost` and to
    /// loopback addresses are answered.
    #[must_use]
    pub fn host(mut self, name: impl Into<String>) -> Page {
        if let Hosts::Loopback(names) = &mut self.hosts {
            names.push(name.into());
        }
        self
    }

    /// Answers requests to any name of the server. Use a [token](Page::token), or check the name in a layer of your own: otherwise any
    /// site that a user of this network visits can read the image through the user's browser (DNS rebinding).
    #[must_use]
    pub fn any_host(mut self) -> Page {
        self.hosts = Hosts::Any;
        self
    }

    /// The router, which must run on a tokio runtime. All addresses in the pages are relative, so it can be nested below any path: best by
    /// `Router::nest_service`, as [`router`](crate::router) says.
    pub fn router(self) -> Router {
        let access = Arc::new(Access::new(self.hosts, self.token));
        let login =
            Router::new().route("/login", get(access::show_login).post(access::login)).with_state(Arc::clone(&access));
        let pages = Router::new()
            .route("/", get(index))
            .route("/log", get(change_log::show))
            .route("/live", get(live::tail))
            .route("/event", get(event::show))
            .route("/state", get(state::show))
            .route("/diff", get(changes::show_differences))
            .route("/changes", get(changes::show_history))
            .route("/shapes", get(shapes::show))
            .route("/health", get(health::show))
            .route("/check", post(health::check))
            .route("/style.css", get(assets::style))
            .route("/script.js", get(assets::script))
            .fallback(missing)
            .with_state(Arc::new(self.app));
        login.merge(pages).layer(middleware::from_fn_with_state(access, access::guard))
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("image", &self.app.reader.path()).finish_non_exhaustive()
    }
}

/// Leads to the log, whether or not the address of the nested router ends with a slash.
async fn index(OriginalUri(address): OriginalUri) -> Response {
    let last = address.path().rsplit('/').next().unwrap_or_default();
    let target = if last.is_empty() { "log".to_owned() } else { format!("{last}/log") };
    (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response()
}

async fn missing(address: Uri) -> Problem {
    Problem::not_found(format!("There is no page {}.", address.path()))
}
