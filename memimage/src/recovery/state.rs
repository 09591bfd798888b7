//! States that an older version of the model wrote.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::context::{Metadata, Timestamp};
use crate::digest::Digest;
use crate::event::{Model, Recorded, StateVersion, panic_message};
use crate::outcome::Outcome;
use crate::seq::Seq;
use crate::shape::fingerprint;

/// How a state was written, as seen by this program.
pub(super) enum StateOrigin<M: 'static> {
    Now,
    Before(&'static StateVersion<M>),
    /// Why this program cannot read it.
    Unknown(String),
}

impl<M: Model> StateOrigin<M> {
    /// By its version and the fingerprint of its shape.
    pub(super) fn of(version: u32, shape: u64) -> StateOrigin<M> {
        let now = fingerprint(M::SHAPE).to_u64();
        if (version, shape) == (M::VERSION, now) {
            return StateOrigin::Now;
        }
        let past = M::HISTORY.iter().find(|past| past.version == version);
        if let Some(past) = past.filter(|past| fingerprint(past.shape).to_u64() == shape) {
            return StateOrigin::Before(past);
        }
        StateOrigin::Unknown(match past {
            Some(_) => {
                format!("it is of version {version} of the model, and of another shape than its type in the history")
            }
            None if version == M::VERSION => {
                format!("the model has changed its shape since, and is version {version} still")
            }
            None if version > M::VERSION => {
                format!("it is of version {version} of the model, and this program's is {}", M::VERSION)
            }
            None => format!("it is of version {version} of the model, which is not in the model's history"),
        })
    }
}

/// Takes the state of a past version to the present one.
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
        Err(panic) => Err(format!("the upcaster of version {} panicked: {}", past.version, panic_message(&*panic))),
    }
}
