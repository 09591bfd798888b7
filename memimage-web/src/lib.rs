//! A page that shows memory images: the change log, an event, the state at any point, what each event changed, a value's history, the
//! live tail, and the health of the image.
//!
//! [`router`] makes an axum router of a [`Journal`], to nest in one's own program:
//!
//! ```no_run
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Bank { balance: u64 }
//! # #[memimage::commands]
//! # impl Bank {
//! #     /// Puts money into the bank.
//! #     #[command]
//! #     fn deposit(&mut self, cents: u64) { self.balance += cents; }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bank = Image::<Bank>::open("bank.image")?;
//! let app = axum::Router::new().nest_service("/admin", memimage_web::router(bank.journal().clone()));
//! # drop::<axum::Router>(app);
//! # Ok(())
//! # }
//! ```
//!
//! The page is read-only. It is rendered by the server, works without JavaScript where it can, and loads nothing from other hosts. Values
//! are escaped. By default, it answers only requests to a loopback name or address, so that no other site can read it through the browser
//! of its user (DNS rebinding); [`Page`] allows other hosts, and asks for a token. It does not encrypt: put it behind a TLS proxy before
//! you allow other machines.

// each module uses only the modules above it
mod link;
mod values;
mod frame;
mod problem;
mod query;
mod access;
mod assets;
mod lock;
mod states;
mod app;
mod search;
mod change_log;
mod parts;
mod state;
mod changes;
mod event;
mod live;
mod shapes;
mod health;
mod page;
mod browse;

use axum::Router;
use memimage::{Journal, Model};

pub use browse::{browse, browse_with, tool};
pub use page::Page;

/// The pages of a journal, with past states, for requests to this machine. [`Page`] has options.
///
/// All addresses in the pages are relative, so the router can be nested below any path. With `Router::nest_service`, the path leads to the
/// log with and without a slash at its end; with `Router::nest`, only as it is given there. It must run on a tokio runtime.
pub fn router<M: Model>(journal: Journal<M>) -> Router {
    Page::new(&journal).router()
}
