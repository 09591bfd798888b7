//! Differences between states, as text and as JSON.

use serde::Serialize;

use crate::inspect::{Difference, Part};

/// A difference as JSON. A part that is absent on one side is left out.
#[derive(Serialize)]
pub(super) struct DifferenceDocument {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Part>,
}

impl From<Difference> for DifferenceDocument {
    fn from(difference: Difference) -> DifferenceDocument {
        let Difference { path, before, after } = difference;
        DifferenceDocument { path: path.to_string(), before, after }
    }
}
