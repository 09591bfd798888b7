//! Projections: other models over the events of an image, each with its own directory and snapshots.
//!
//! A projection only reads the image. Its state is a cache: the journal can build it anew.

// each module uses only the modules above it
mod event_info;
mod projector;
mod handlers;
mod event_feed;
mod progress;
mod directory;
mod stored_state;
mod runner;
mod stats;
mod handle;

pub use event_info::EventInfo;
pub use handle::{Projection, ProjectionOptions};
pub use projector::{EventHandler, Projector, delivered, has_second_handler};
pub use stats::ProjectionStats;
