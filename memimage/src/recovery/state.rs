//! Decodes states that an older version of the model wrote.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::context::{Metadata, Timestamp};
use crate::digest::Digest;
use crate::event::{Model, Recorded, StateVersion};
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::seq::Seq;
use crate::shape::fingerprint;

/// The model version of a stored state, from the point of view of this program.
pub(super) enum StateOrigin<M: 'static> {
    /// The current version of the model.
    Current,
    /// A past version, which the model's history contains.
    Past(&'static StateVersion<M>),
    /// A version that this program cannot read, with the cause.
    Unknown(String),
}

impl<M: Model> StateOrigin<M> {
    /// Compares a state's recorded version, and the fingerprint of its recorded shape, with the versions of this program.
    pub(super) fn of(version: u32, shape: u64) -> StateOrigin<M> {
        let now = fingerprint(M::SHAPE).to_u64();
        if (version, shape) == (M::VERSION, now) {
            return StateOrigin::Current;
        }
        let past = M::HISTORY.iter().find(|past| past.version == version);
        if let Some(past) = past.filter(|past| fingerprint(past.shape).to_u64() == shape) {
            return StateOrigin::Past(past);
        }
        StateOrigin::Unknown(match past {
            Some(_) => {
                format!(
                    "the state has version {version} of the model, but its shape differs from that of this version in the \
                     model's history"
                )
            }
            None if version == M::VERSION => {
                format!(
                    "the shape of the model has changed since the state was written, but the model still has version {version}"
                )
            }
            None if version > M::VERSION => {
                format!("the state has version {version} of the model, but this program has version {}", M::VERSION)
            }
            None => format!("the state has version {version} of the model, which is not in the model's history"),
        })
    }
}

/// Upcasts a state of a past version to the current version.
pub(super) fn upcast<M: Model>(
    past: &StateVersion<M>,
    bytes: &[u8],
    seq: Seq,
    time: Timestamp,
) -> Result<(M, Digest), String> {
    let metadata = Metadata::new();
    let recorded = Recorded { seq, time, metadata: &metadata, outcome: Outcome::Applied };
    match catch_unwind(AssertUnwindSafe(|| (past.read)(bytes, &recorded))) {
        Ok(upcast) => upcast.map_err(|fault| format!("version {} of the state: {fault}", past.version)),
        Err(panic) => Err(format!("the upcaster of version {} panicked: {}", past.version, panic_message(panic))),
    }
}
