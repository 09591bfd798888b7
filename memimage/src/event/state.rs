//! Past versions of a model's state, for snapshots that an older program wrote.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::decode::decode_state;
use super::recorded::Recorded;
use super::replay_error::ReplayError;
use super::upcast::{StepOf, UpcastGoal, UpcastTarget};
use crate::digest::{Digest, DigestError, digest};
use crate::shape::{Shape, ShapeRef};

/// A past version of a model's state, and its upcasters.
pub struct StateVersion<M> {
    pub(crate) version: u32,
    pub(crate) shape: ShapeRef,
    pub(crate) read: ReadFn<M>,
}

/// Decodes and upcasts a past state. Returns the resulting current state, and the digest of the past state.
type ReadFn<M> = fn(&[u8], &Recorded<'_>) -> Result<(M, Digest), StateUpcastError>;

impl<M> StateVersion<M> {
    /// A past version.
    pub const fn past<T: PastState<M> + Shape + Serialize + DeserializeOwned>(version: u32) -> StateVersion<M> {
        StateVersion { version, shape: T::SHAPE, read: read::<M, T> }
    }
}

/// The reason why a past state cannot be upcast.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateUpcastError {
    /// The past state does not decode, or an upcaster failed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The `Serialize` and the `Shape` of the past state's type disagree.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// A version of a state that upcasters convert to the current version.
#[diagnostic::on_unimplemented(
    message = "an upcaster returns `{Self}`, which is not a version of the model `{M}`; help: return the next version in the \
               model's `history(…)`, or `{M}` for the last one",
    label = "its upcaster returns `{Self}`"
)]
pub trait StateUpcast<M>: Sized {
    /// The number of this version.
    const VERSION: u32;

    /// Runs the upcasters up to the current version.
    fn into_current(self, recorded: &Recorded<'_>) -> Result<M, ReplayError>;
}

/// A past state in the history of the model `M`.
pub trait PastState<M>: Sized {
    /// The upcaster of this state, and all upcasters after it.
    const CHAIN: StateUpcastFrom<Self, M>;
}

/// The upcaster of the past state `T`, and all upcasters after it.
pub struct StateUpcastFrom<T, M> {
    /// The version to which the first upcaster leads.
    next: u32,
    upcast: fn(T, &Recorded<'_>) -> Result<M, ReplayError>,
}

impl<T, M> StateUpcastFrom<T, M> {
    /// The version to which the first upcaster leads.
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// Runs the upcasters.
    ///
    /// # Errors
    ///
    /// Returns the error of an upcaster.
    pub fn upcast(&self, old: T, recorded: &Recorded<'_>) -> Result<M, ReplayError> {
        (self.upcast)(old, recorded)
    }
}

/// The [`UpcastGoal`] for past versions of the state of the model `M`.
pub struct States<M>(PhantomData<M>);

impl<M> UpcastGoal for States<M> {
    type Target<T> = StateUpcastFrom<T, M>;
}

impl<M, T: StateUpcast<M>> UpcastTarget<States<M>> for T {
    const TARGET: StateUpcastFrom<T, M> = StateUpcastFrom { next: T::VERSION, upcast: T::into_current };
}

/// Finds the only upcaster of `T`, a past state of the model `M`.
pub const fn only_state_step<T: StepOf<M, Next, States<M>>, Next, M>() -> StateUpcastFrom<T, M> {
    StateUpcastFrom {
        next: T::TARGET.next,
        upcast: |old, recorded| (T::TARGET.upcast)(old.upcast(recorded).map_err(ReplayError::Upcast)?, recorded),
    }
}

fn read<M, T: PastState<M> + Shape + Serialize + DeserializeOwned>(
    bytes: &[u8],
    recorded: &Recorded<'_>,
) -> Result<(M, Digest), StateUpcastError> {
    let state: T = decode_state(bytes)?;
    let digest = digest(&state)?;
    Ok((T::CHAIN.upcast(state, recorded)?, digest))
}
