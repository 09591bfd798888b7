//! Past versions of a model's state, for snapshots that an older program wrote.

use serde::Serialize;

use super::row::{Fault, decode};
use super::upcast::{Recorded, Upcast};
use crate::digest::{Digest, DigestError, digest};
use crate::shape::ShapeRef;

/// A past version of a model's state, and its way to the present one.
pub struct StateVersion<M> {
    pub(crate) version: u32,
    pub(crate) shape: ShapeRef,
    pub(crate) read: fn(&[u8], &Recorded<'_>) -> Result<(M, Digest), StateFault>,
}

impl<M> StateVersion<M> {
    /// A past version.
    pub const fn past(version: u32, past: PastState<M>) -> StateVersion<M> {
        StateVersion { version, shape: past.shape, read: past.read }
    }
}

/// What is done with a past state.
pub struct PastState<M> {
    shape: ShapeRef,
    read: fn(&[u8], &Recorded<'_>) -> Result<(M, Digest), StateFault>,
}

/// Why a state of an older program cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateFault {
    /// It does not decode, or an upcaster failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It serializes other than its shape says.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// A state of some version that upcasters take to the present one.
#[diagnostic::on_unimplemented(
    message = "an upcaster leads to `{Self}`, which is no version of the model `{M}`",
    label = "leads to `{Self}`",
    note = "an upcaster of a state returns the next version in the model's `history(…)`, and the last one the model"
)]
pub trait Rise<M>: Serialize + Sized {
    /// The version this is.
    const VERSION: u32;

    /// Goes on to the present version.
    fn rise(self, recorded: &Recorded<'_>) -> Result<M, Fault>;
}

/// A past state of the model `M`, whose step leads somewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a past version of the model `{M}` and has no upcaster",
    label = "no step leads on from `{Self}`",
    note = "write one, in any module: `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`",
    note = "it returns the next version in the model's `history(…)`, and the last one `{M}`"
)]
pub trait PastStateOf<M> {
    /// The version that the step leads to.
    const NEXT: u32;

    /// What is done with it.
    const PAST: PastState<M>;

    /// Takes the step, and those after it.
    fn onward(self, recorded: &Recorded<'_>) -> Result<M, Fault>;
}

impl<M, T> PastStateOf<M> for T
where
    T: Upcast + Rise<M>,
    T::Next: Rise<M>,
{
    const NEXT: u32 = <T::Next as Rise<M>>::VERSION;
    const PAST: PastState<M> = PastState { shape: T::SHAPE, read: read::<M, T> };

    fn onward(self, recorded: &Recorded<'_>) -> Result<M, Fault> {
        self.upcast(recorded).map_err(Fault::Upcast)?.rise(recorded)
    }
}

fn read<M, T: Upcast + Rise<M>>(bytes: &[u8], recorded: &Recorded<'_>) -> Result<(M, Digest), StateFault>
where
    T::Next: Rise<M>,
{
    let state: T = decode(bytes)?;
    let digest = digest(&state)?;
    Ok((state.rise(recorded)?, digest))
}
