//! The state before the first event: as a new journal records it, and as a journal has it.

use super::state::{self, Written};
use super::state_digest;
use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::event::{Model, decode};
use crate::journal::{Frame, Genesis, Scan, Source};
use crate::seq::{SegmentId, Seq};
use crate::shape::{ShapeTree, fingerprint};

/// The largest state before the first event; it is one frame of the journal.
const MAX_GENESIS: u64 = 1 << 29;

/// The state before the first event, as a new journal records it.
pub(crate) fn genesis_of<M: Model>(state: Option<&M>) -> Result<Genesis, Error> {
    let encode = |state: &M| {
        postcard::to_stdvec(state)
            .map_err(|error| Error::new(Kind::Encode { command: "genesis", what: error.to_string() }))
    };
    let state_bytes = state.map(encode).transpose()?;
    let size = state_bytes.as_ref().map_or(0, Vec::len) as u64;
    if size > MAX_GENESIS {
        return Err(Error::new(Kind::TooLarge { command: "genesis", size, cap: MAX_GENESIS }));
    }
    Ok(Genesis {
        model_version: M::VERSION,
        fingerprint: fingerprint(M::SHAPE).to_u64(),
        shape: ShapeTree::of(M::SHAPE).encode(),
        digest: match state {
            Some(state) => state_digest(state)?.to_u64(),
            None => state_digest(&M::default())?.to_u64(),
        },
        state: state_bytes,
    })
}

/// The state before the first event, as a journal has it, at the model's present version.
pub(crate) struct First<M> {
    pub(crate) state: M,
    /// It was given when the image was made, and is not the model's `Default`.
    pub(crate) given: bool,
    /// The digest of what was recorded, as far as it can be told.
    digest: Option<Digest>,
    recorded: u64,
}

impl<M: Model> First<M> {
    /// Reads it from the frame of genesis.
    pub(crate) fn read(
        source: &Source,
        scan: &Scan<'_>,
        segment: SegmentId,
        frame: &Frame<'_>,
    ) -> Result<First<M>, Error> {
        let undecodable = |what: String| scan.corrupt_frame(segment, frame, what);
        let genesis = Genesis::decode(&frame.body()).map_err(undecodable)?;
        let written = Written::of(genesis.model_version, genesis.fingerprint);
        let changed = |what: String| changed(source, segment, what);
        let (state, digest): (M, _) = match (&genesis.state, written) {
            (None, written) => {
                let state = M::default();
                let digest = matches!(written, Written::Now).then(|| state_digest(&state)).transpose()?;
                (state, digest)
            }
            (Some(state), Written::Now) => {
                let state = decode(state).map_err(|error| undecodable(error.to_string()))?;
                let digest = state_digest(&state)?;
                (state, Some(digest))
            }
            (Some(state), Written::Before(past)) => {
                let (state, digest) = state::upcast(past, state, Seq::ZERO, frame.header.time).map_err(changed)?;
                (state, Some(digest))
            }
            (Some(_), Written::Unknown(what)) => return Err(changed(format!("it is a given state: {what}"))),
        };
        Ok(First { state, given: genesis.state.is_some(), digest, recorded: genesis.digest })
    }

    /// How it is not what was recorded, if so.
    pub(super) fn differs(&self, source: &Source, segment: SegmentId) -> Option<Error> {
        self.digest.filter(|digest| digest.to_u64() != self.recorded)?;
        Some(changed(source, segment, "it was the model's `Default`, which gives another state now".to_owned()))
    }
}

fn changed(source: &Source, segment: SegmentId, what: String) -> Error {
    Error::new(Kind::Genesis { path: source.path(segment), what })
}
