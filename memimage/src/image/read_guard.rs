//! A guard for reading the newest state.

use std::fmt;
use std::ops::Deref;

use parking_lot::RwLockReadGuard;

use super::core::Core;
use super::reentrancy::ReentrancyGuard;

/// Read access to the newest state. Commands wait while the guard lives. See
/// [`Image::read_uncommitted`](crate::Image::read_uncommitted).
pub struct ReadGuard<'a, M> {
    core: RwLockReadGuard<'a, Core<M>>,
    _entered: ReentrancyGuard,
}

impl<'a, M> ReadGuard<'a, M> {
    pub(super) fn new(core: RwLockReadGuard<'a, Core<M>>, entered: ReentrancyGuard) -> ReadGuard<'a, M> {
        ReadGuard { core, _entered: entered }
    }
}

impl<M> Deref for ReadGuard<'_, M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.core.model
    }
}

impl<M: fmt::Debug> fmt::Debug for ReadGuard<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
