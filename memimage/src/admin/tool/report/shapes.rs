//! The events that a journal declares.

use serde::Serialize;

use crate::admin::tool::shape_text::{rust_types, upper};
use crate::admin::tool::target::Target;
use crate::error::Error;

/// An event that the journal declares. [`ImageReader::shapes`](crate::admin::ImageReader::shapes) returns it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EventShape {
    /// The name of the event.
    pub name: String,
    /// The version of the event.
    pub version: u32,
    /// The fingerprint of the shape.
    pub fingerprint: String,
    /// The shape, in one line.
    pub shape: String,
    /// Rust types with this shape.
    pub rust: String,
}

impl EventShape {
    pub(crate) fn list(target: &Target) -> Result<Vec<EventShape>, Error> {
        let table = target.attempt(|| target.journal(target.durable()?)?.scan().table())?;
        let shapes = table.rows.iter().map(|row| EventShape {
            name: row.name.clone(),
            version: row.version,
            fingerprint: row.shape.fingerprint().to_string(),
            shape: row.shape.to_string(),
            rust: rust_types(&format!("{}V{}", upper(&row.name), row.version), &row.shape),
        });
        Ok(shapes.collect())
    }
}
