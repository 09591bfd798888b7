//! Encodes and decodes a state, as a snapshot does, to verify that a snapshot would contain all of it.

use super::state_digest;
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, decode_state, rebuild_derived};
use crate::personal::take_failure;

/// Encodes the state, and returns the decoded copy, as opening from a snapshot does.
pub(super) fn restored<M: Model>(model: &M) -> Result<M, Error> {
    // the digest limits the depth of the state; encoding does not
    state_digest(model)?;
    let encoded = postcard::to_stdvec(model).map_err(|error| take_failure().unwrap_or_else(|| error.to_string()));
    let decoded = encoded.and_then(|bytes| decode_state(&bytes).map_err(|error| error.to_string()));
    let (state, kept) = ("the state", "no snapshot was made");
    let unloadable = |what| Error::new(ErrorDetail::Unloadable { state, model: M::NAME, what, kept });
    let mut decoded = decoded.map_err(unloadable)?;
    rebuild_derived(&mut decoded)
        .map_err(|what| Error::new(ErrorDetail::Rebuild { state, model: M::NAME, what, kept }))?;
    Ok(decoded)
}
