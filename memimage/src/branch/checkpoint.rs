//! A state of the branch to which the execution returns after a body has panicked.

use super::messages::KEPT;
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, decode_state, rebuild_derived};
use crate::recovery::state_digest;
use crate::seq::Seq;

/// An encoded state, and the last event in it.
pub(super) struct Checkpoint {
    pub(super) seq: Seq,
    bytes: Vec<u8>,
    digest: u64,
}

impl Checkpoint {
    pub(super) fn of<M: Model>(seq: Seq, model: &M) -> Result<Checkpoint, Error> {
        // the digest limits the depth of the state; encoding does not
        let digest = state_digest(model)?.to_u64();
        let bytes = postcard::to_stdvec(model).map_err(|error| unloadable::<M>(error.to_string()))?;
        Ok(Checkpoint { seq, bytes, digest })
    }

    /// Loads the state, and fills its derived fields.
    pub(super) fn load<M: Model>(&self) -> Result<M, Error> {
        let mut model: M = decode_state(&self.bytes).map_err(|error| unloadable::<M>(error.to_string()))?;
        rebuild_derived(&mut model).map_err(|what| {
            Error::new(ErrorDetail::Rebuild { state: "a state of the branch", model: M::NAME, what, kept: KEPT })
        })?;
        match state_digest(&model)?.to_u64() == self.digest {
            true => Ok(model),
            false => Err(unloadable::<M>("the loaded state has another digest".to_owned())),
        }
    }
}

fn unloadable<M: Model>(what: String) -> Error {
    Error::new(ErrorDetail::Unloadable { state: "a state of the branch", model: M::NAME, what, kept: KEPT })
}
